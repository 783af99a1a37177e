/*
   The linear system of a borrowed KSP: R(x, theta) = A(theta) x - b(theta), and what is known of its matrix.

   Where a DM computes A and b they are computed here, whenever theta has changed, by the same functions; the KSP itself, which
   would do so in its set-up, then solves with its DM inactive.
*/
#include "ksp.h"

/* A, and b where the DM computes it. The next set-up of the KSP, if the user makes it, computes them again */
static PetscErrorCode ADJCompute_KSP(ADJ adj)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;
  Mat      A, P;
  void    *ctx;
  PetscErrorCode (*operators)(KSP, Mat, Mat, void *);
  PetscErrorCode (*rhs)(KSP, Vec, void *);

  PetscFunctionBegin;
  if (c->source == ADJ_RHS_COMPUTED) {
    PetscCall(DMKSPGetComputeRHS(c->ksp->dm, &rhs, &ctx));
    PetscCallBack("KSP callback right-hand side", (*rhs)(c->ksp, c->ksp->vec_rhs, ctx));
  }
  if (!c->computes) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetOperators(c->ksp, &A, &P));
  PetscCall(DMKSPGetComputeOperators(c->ksp->dm, &operators, &ctx));
  PetscCallBack("KSP callback operators", (*operators)(c->ksp, A, P, ctx));
  PetscCall(KSPSetOperators(c->ksp, A, P));
  c->fresh = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJChanged_KSP(ADJ adj, PetscBool *changed)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;
  Mat      A, P;

  PetscFunctionBegin;
  PetscCall(KSPGetOperators(c->ksp, &A, &P));
  *changed = (PetscBool)(A != adj->jacobian.A || P != adj->jacobian.P);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJPut_KSP(ADJ adj)
{
  PetscBool changed;

  PetscFunctionBegin;
  PetscCall(ADJChanged_KSP(adj, &changed));
  PetscCheck(!changed, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "The function of ADJSetParameters() has given the KSP other matrices: keep the matrices and change their entries");
  PetscCall(ADJCompute_KSP(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where nothing was put yet, or never is, and the KSP has not computed them either */
PetscErrorCode ADJEnsureComputed_KSP(ADJ adj)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;

  PetscFunctionBegin;
  if (c->computes && !c->fresh && c->ksp->setupstage != KSP_SETUP_NEWRHS) PetscCall(ADJCompute_KSP(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the KSP removes from right-hand sides; NULL: nothing */
static PetscErrorCode ADJGetRemoved_KSP(ADJ adj, MatNullSpace *sp)
{
  PetscFunctionBegin;
  PetscCall(MatGetTransposeNullSpace(adj->jacobian.P, sp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b at these parameters; borrowed */
PetscErrorCode ADJGetRhs_KSP(ADJ adj, Vec theta, Vec *b)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;

  PetscFunctionBegin;
  if (c->source == ADJ_RHS_THETA)
    *b = theta;
  else if (c->source == ADJ_RHS_COMPUTED)
    *b = c->ksp->vec_rhs;
  else
    *b = c->given ? c->given : c->held;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same as the KSP solves with it */
PetscErrorCode ADJGetCleanRhs_KSP(ADJ adj, Vec theta, Vec *b)
{
  ADJ_KSP     *c = (ADJ_KSP *)adj->adapterdata;
  MatNullSpace sp;

  PetscFunctionBegin;
  PetscCall(ADJGetRhs_KSP(adj, theta, b));
  PetscCall(ADJGetRemoved_KSP(adj, &sp));
  if (!sp) PetscFunctionReturn(PETSC_SUCCESS);
  if (!c->work) PetscCall(VecDuplicate(adj->r, &c->work));
  PetscCall(VecCopy(*b, c->work));
  PetscCall(MatNullSpaceRemove(sp, c->work));
  *b = c->work;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJMap_KSP(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Vec b;

  (void)ctx;
  PetscFunctionBegin;
  PetscCall(ADJEnsureComputed_KSP(adj));
  PetscCall(ADJGetCleanRhs_KSP(adj, theta, &b));
  PetscCall(MatMult(adj->jacobian.A, x, y));
  PetscCall(VecAXPY(y, -1.0, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (dR/dtheta)^T w = -w where theta is b, less what the KSP removes from b */
PetscErrorCode ADJParameterVJP_KSP(ADJ adj, Vec w, Vec thetabar)
{
  MatNullSpace sp;

  PetscFunctionBegin;
  PetscCall(VecCopy(w, thetabar));
  PetscCall(VecScale(thetabar, -1.0));
  PetscCall(ADJGetRemoved_KSP(adj, &sp));
  if (sp) PetscCall(MatNullSpaceRemove(sp, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As the KSP would at its first set-up, where A and b come from a DM: they must exist before theta is known */
static PetscErrorCode ADJCreateSystem_KSP(ADJ adj)
{
  KSP ksp = ((ADJ_KSP *)adj->adapterdata)->ksp;
  Mat A;

  PetscFunctionBegin;
  if (ksp->setupstage != KSP_SETUP_NEW) PetscFunctionReturn(PETSC_SUCCESS);
  if (!ksp->vec_rhs) PetscCall(DMCreateGlobalVector(ksp->dm, &ksp->vec_rhs));
  if (!ksp->vec_sol) PetscCall(DMCreateGlobalVector(ksp->dm, &ksp->vec_sol));
  PetscCall(DMCreateMatrix(ksp->dm, &A));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJChooseRhs_KSP(ADJ adj)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);
  ADJ_KSP *c    = (ADJ_KSP *)adj->adapterdata;
  void    *ctx;
  PetscErrorCode (*rhs)(KSP, Vec, void *) = NULL;

  PetscFunctionBegin;
  PetscCheck(adj->put || !c->given, comm, PETSC_ERR_ORDER, "ADJSetRhs() gives b(theta), but nothing says how theta gets there: call ADJSetParameters(), or leave ADJSetRhs() out: then theta is b");
  if (c->ksp->dm && ADJKSPDMComputes(c->ksp, RHS)) PetscCall(DMKSPGetComputeRHS(c->ksp->dm, &rhs, &ctx));
  c->source = !adj->put ? ADJ_RHS_THETA : (!c->given && rhs ? ADJ_RHS_COMPUTED : ADJ_RHS_VEC);
  if (c->source == ADJ_RHS_VEC && !c->given && !c->held) {
    PetscCheck(c->ksp->vec_rhs, comm, PETSC_ERR_ORDER, "The right-hand side is not known: call ADJSetRhs(), or KSPSetComputeRHS(), or the KSP's own solve first");
    PetscCall(PetscObjectReference((PetscObject)c->ksp->vec_rhs));
    c->held = c->ksp->vec_rhs;
  }
  if (c->source == ADJ_RHS_VEC) PetscCall(ADJCheckVec_Private(adj, c->given ? c->given : c->held, adj->sol, "The right-hand side", "the state"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckOperators_KSP(ADJ adj, Mat A)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);
  PetscInt N, n, rows, cols;
  int      differs[1];

  PetscFunctionBegin;
  PetscCall(VecGetSize(adj->sol, &N));
  PetscCall(VecGetLocalSize(adj->sol, &n));
  PetscCall(MatGetSize(A, &rows, &cols));
  PetscCheck(rows == cols, comm, PETSC_ERR_ARG_SIZ, "The matrix of the KSP is %" PetscInt_FMT " x %" PetscInt_FMT "; only square systems are differentiated", rows, cols);
  PetscCheck(rows == N, comm, PETSC_ERR_ARG_SIZ, "The matrix of the KSP is %" PetscInt_FMT " x %" PetscInt_FMT ", but the state has length %" PetscInt_FMT, rows, cols, N);
  PetscCall(MatGetLocalSize(A, &rows, &cols));
  differs[0] = rows != n || cols != n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, differs, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!differs[0], comm, PETSC_ERR_ARG_SIZ, "The matrix of the KSP is distributed over the processes in another way than the state; create the state with MatCreateVecs()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Those attached to A, unless the user gave ADJSetNullSpace() others. Functions that compute A may attach a new one each time */
PetscErrorCode ADJTakeNullSpace_KSP(ADJ adj)
{
  ADJ_KSP     *c = (ADJ_KSP *)adj->adapterdata;
  MatNullSpace right, left;
  PetscInt     n = 0;
  PetscBool    constant;
  const Vec   *v;

  PetscFunctionBegin;
  if (adj->nullright && adj->nullright != c->taken) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetNullSpace(adj->jacobian.A, &right));
  PetscCall(MatGetTransposeNullSpace(adj->jacobian.A, &left));
  if (right) {
    PetscCall(MatNullSpaceGetVecs(right, &constant, &n, &v));
    if (!n && !constant) right = NULL; /* a function that removes it tells no vectors */
  }
  if (right == adj->nullright) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetNullSpace(adj, right, right && left != right ? left : NULL));
  c->taken = right;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSetUp_KSP(ADJ adj)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  ADJ_KSP  *c    = (ADJ_KSP *)adj->adapterdata;
  Mat       A, P;
  PetscBool set, scale, fix;
  void     *ctx;
  PetscErrorCode (*operators)(KSP, Mat, Mat, void *) = NULL;

  PetscFunctionBegin;
  if (c->ksp->dm && ADJKSPDMComputes(c->ksp, OPERATOR)) PetscCall(DMKSPGetComputeOperators(c->ksp->dm, &operators, &ctx));
  c->computes = (PetscBool)(operators != NULL);
  if (c->computes) PetscCall(ADJCreateSystem_KSP(adj));
  PetscCall(KSPGetOperatorsSet(c->ksp, &set, NULL));
  PetscCheck(set, comm, PETSC_ERR_ORDER, "The KSP has no matrix: call KSPSetOperators(), or KSPSetDM() and KSPSetComputeOperators(), first");
  PetscCall(KSPGetDiagonalScale(c->ksp, &scale));
  PetscCall(KSPGetDiagonalScaleFix(c->ksp, &fix));
  PetscCheck(!scale || fix, comm, PETSC_ERR_SUP, "KSPSetDiagonalScale() leaves a scaled matrix behind, which is no longer A(theta): add KSPSetDiagonalScaleFix()");
  PetscCall(KSPGetOperators(c->ksp, &A, &P));
  PetscCall(ADJCheckOperators_KSP(adj, A));
  PetscCall(ADJSetJacobian(adj, A, P, NULL, NULL));
  adj->jacobian.taken = PETSC_TRUE;
  PetscCall(ADJChooseRhs_KSP(adj));
  PetscCall(ADJTakeNullSpace_KSP(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
