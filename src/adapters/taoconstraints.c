/*
   Equality constraints c(x) = 0 of a borrowed Tao: the multipliers nu are part of the state.
*/
#include "adjtao.h"

#define ADJ_MULTIPLIER_RTOL 1e-10
#define ADJ_MULTIPLIER_IT   1000

PetscErrorCode ADJTaoForgetLayout_Private(ADJ_Tao *c)
{
  PetscFunctionBegin;
  PetscCall(ISDestroy(&c->primal));
  PetscCall(ISDestroy(&c->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Index sets of x and nu in the state: on each process its part of x, then its part of nu. The user has borrowed them: they stay as long as they fit */
PetscErrorCode ADJTaoLayout_Private(ADJ adj, ADJ_Tao *c)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  Vec         x;
  PetscInt    n, me = 0, both, end, had[2];
  PetscMPIInt differs;

  PetscFunctionBegin;
  PetscCall(TaoGetSolution(c->tao, &x));
  PetscCheck(x, comm, PETSC_ERR_ORDER, "The Tao does not know how many variables it has: call TaoSetSolution()");
  PetscCall(VecGetLocalSize(x, &n));
  if (c->tao->eq_constrained) PetscCall(VecGetLocalSize(c->tao->constraints_equality, &me));
  if (c->primal) {
    PetscCall(ISGetLocalSize(c->primal, &had[0]));
    PetscCall(ISGetLocalSize(c->dual, &had[1]));
    differs = had[0] != n || had[1] != me;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MAX, comm));
    if (!differs) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(ADJTaoForgetLayout_Private(c));
  }
  both = n + me;
  PetscCallMPI(MPI_Scan(&both, &end, 1, MPIU_INT, MPI_SUM, comm));
  PetscCall(ISCreateStride(comm, n, end - both, 1, &c->primal));
  PetscCall(ISCreateStride(comm, me, end - me, 1, &c->dual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* That of the Tao, at x */
PetscErrorCode ADJTaoConstraintJacobian_Private(ADJ_Tao *c, Vec x)
{
  Tao tao = c->tao;
  Mat P   = tao->jacobian_equality_pre ? tao->jacobian_equality_pre : tao->jacobian_equality;

  PetscFunctionBegin;
  PetscCall(ADJUnlock_Private(TaoComputeJacobianEquality(tao, x, tao->jacobian_equality, P), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* So that differences of the Lagrangian's gradient need not come back */
PetscErrorCode ADJTaoCopyConstraintJacobian_Private(ADJ_Tao *c)
{
  Mat       J = c->tao->jacobian_equality;
  PetscBool has, shell;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&c->J));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)J, &shell, MATSHELL, MATMFFD, ""));
  PetscCall(MatHasOperation(J, MATOP_DUPLICATE, &has));
  if (has && !shell) PetscCall(MatDuplicate(J, MAT_COPY_VALUES, &c->J));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTaoConstraints_Private(ADJ_Tao *c, Vec x, Vec y)
{
  PetscFunctionBegin;
  PetscCall(TaoComputeEqualityConstraints(c->tao, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = P_F J^T nu */
static PetscErrorCode MatMult_ADJ_FreeJT(Mat A, Vec nu, Vec y)
{
  ADJ_Tao *c;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &c));
  PetscCall(MatMultTranspose(c->tao->jacobian_equality, nu, y));
  if (c->bounded) PetscCall(VecPointwiseMult(y, c->active.free, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = J P_F x */
static PetscErrorCode MatMultTranspose_ADJ_FreeJT(Mat A, Vec x, Vec y)
{
  ADJ_Tao *c;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &c));
  PetscCall(VecCopy(x, c->shifted));
  if (c->bounded) PetscCall(VecPointwiseMult(c->shifted, c->active.free, c->shifted));
  PetscCall(MatMult(c->tao->jacobian_equality, c->shifted, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   nu = c->mult made better: the least squares solution of (grad f + J^T nu)_F = 0 at c->point, for what the solver left. Its own
   multipliers may be one update behind, or of another sign
*/
static PetscErrorCode ADJTaoPolish_Private(ADJ adj, ADJ_Tao *c)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscInt  n, N, me, Me;
  PetscReal norm;
  Mat       A;
  KSP       ksp;
  PC        pc;

  PetscFunctionBegin;
  PetscCall(ADJTaoGradient_Private(adj, c, c->point, c->mult, c->grad));
  adj->account->map++;
  if (c->bounded) PetscCall(VecPointwiseMult(c->grad, c->active.free, c->grad));
  PetscCall(VecNorm(c->grad, NORM_2, &norm));
  if (norm == 0.0 || PetscIsInfOrNanReal(norm)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(c->point, &n));
  PetscCall(VecGetSize(c->point, &N));
  PetscCall(VecGetLocalSize(c->mult, &me));
  PetscCall(VecGetSize(c->mult, &Me));
  PetscCall(MatCreateShell(comm, n, me, N, Me, c, &A));
  PetscCall(MatShellSetOperation(A, MATOP_MULT, ADJShellFn(MatMult_ADJ_FreeJT)));
  PetscCall(MatShellSetOperation(A, MATOP_MULT_TRANSPOSE, ADJShellFn(MatMultTranspose_ADJ_FreeJT)));
  PetscCall(KSPCreate(comm, &ksp));
  PetscCall(KSPSetType(ksp, KSPLSQR));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, ADJ_MULTIPLIER_RTOL, PETSC_SMALL * PETSC_SMALL, ADJ_CURRENT, ADJ_MULTIPLIER_IT));
  PetscCall(KSPSolve(ksp, c->grad, c->cons));
  PetscCall(VecNorm(c->cons, NORM_2, &norm));
  if (!PetscIsInfOrNanReal(norm)) PetscCall(VecAXPY(c->mult, -1.0, c->cons));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Those of ALMM, whose Lagrangian has our sign; `known` if there are some */
static PetscErrorCode ADJTaoAskMultipliers_Private(ADJ_Tao *c, PetscBool *known)
{
  PetscErrorCode (*get)(Tao, Vec *);
  Vec      Y;
  PetscInt n, m;

  PetscFunctionBegin;
  *known = PETSC_FALSE;
  PetscCall(PetscObjectQueryFunction((PetscObject)c->tao, "TaoALMMGetMultipliers_C", &get));
  if (!get || !c->tao->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall((*get)(c->tao, &Y));
  PetscCall(VecGetSize(Y, &n));
  PetscCall(VecGetSize(c->mult, &m));
  *known = (PetscBool)(n == m);
  if (*known) PetscCall(VecCopy(Y, c->mult));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c->mult into z */
static PetscErrorCode ADJTaoEnterMultipliers_Private(ADJ_Tao *c, Vec z)
{
  PetscFunctionBegin;
  PetscCall(VecISCopy(z, c->dual, SCATTER_FORWARD, c->mult));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Puts the multipliers of the solution x in z into z; with bounds, whose active set wants multipliers itself, that becomes known, too */
PetscErrorCode ADJTaoMultipliers_Private(ADJ adj, ADJ_Tao *c, Vec z)
{
  PetscBool known;

  PetscFunctionBegin;
  PetscCall(ADJTaoSplit_Private(c, z, c->point, c->mult));
  PetscCall(ADJTaoAskMultipliers_Private(c, &known));
  if (c->bounded) {
    if (!known) {
      PetscCall(ADJTaoGuessActive_Private(c));
      PetscCall(ADJTaoPolish_Private(adj, c));
    }
    PetscCall(ADJTaoEnterMultipliers_Private(c, z));
    PetscCall(ADJTaoIdentify_Private(adj, c, z));
    PetscCall(ADJTaoSplit_Private(c, z, c->point, c->mult));
  }
  PetscCall(ADJTaoPolish_Private(adj, c));
  PetscCall(ADJTaoEnterMultipliers_Private(c, z));
  if (c->bounded) PetscCall(ADJTaoIdentify_Private(adj, c, z)); /* so that it is what the state alone tells */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetMultiplierIS - Where variables and multipliers of a minimizer with equality constraints stand in the state

   Collective at the first call

   Input Parameter:
.  adj - the context, with a `Tao` of `ADJSetTaoSolution()`

   Output Parameters:
+  primal - index set of the variables x (borrowed), `NULL` if not wanted
-  dual   - index set of the multipliers nu (borrowed), `NULL` if not wanted; empty without equality constraints

   Level: intermediate

   Notes:
   The state holds on each process its part of x, then its part of nu, with grad f + J^T nu = 0. To create it, and to take x out of it,

.vb
   VecCreateMPI(comm, n + me, PETSC_DETERMINE, &state); // n, me: local sizes of the variables and of the constraints
   ADJGetMultiplierIS(adj, &primal, &dual);
   VecISCopy(state, primal, SCATTER_REVERSE, x);
.ve

   and SCATTER_FORWARD to put x, or the cotangent of x, into it.

   Errors:
   `PETSC_ERR_ORDER` without a `Tao`, or if that has no solution vector.

.seealso: `ADJSetTaoSolution()`, `VecISCopy()`, `VecGetSubVector()`
@*/
PetscErrorCode ADJGetMultiplierIS(ADJ adj, IS *primal, IS *dual)
{
  ADJ_Tao *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJTaoGet_Private(adj, &c));
  PetscCall(ADJTaoLayout_Private(adj, c));
  if (primal) *primal = c->primal;
  if (dual) *dual = c->dual;
  PetscFunctionReturn(PETSC_SUCCESS);
}
