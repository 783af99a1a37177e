/*
   The Jacobian of a borrowed SNES at a point of ours. It is evaluated by the user's function in the user's matrices, for many such
   functions know no others; not by SNESComputeJacobian(), which lags, and goes on to the preconditioner.

   The next solve begins with a Jacobian of its own, so that the matrices may keep what they got. Not where lagging outlives a
   solve: there they get back what they held, values and state, and copies serve the adjoint.
*/
#include "adjsnes.h"

static PetscErrorCode ADJIsType_SNES(Mat A, MatType type, PetscBool *is)
{
  PetscFunctionBegin;
  *is = PETSC_FALSE;
  if (A) PetscCall(PetscObjectTypeCompare((PetscObject)A, type, is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCanBeHeld_SNES(Mat A, PetscBool *can)
{
  PetscBool copies = PETSC_FALSE, matrixfree, assembled;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &matrixfree, MATMFFD, MATSHELL, ""));
  if (!matrixfree) PetscCall(MatHasOperation(A, MATOP_COPY, &copies));
  PetscCall(MatAssembled(A, &assembled));
  *can = (PetscBool)(copies && assembled);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing, where there are no values to be copied */
PetscErrorCode ADJHoldMat_SNES(Mat A, ADJSNESHeld *held)
{
  PetscBool can;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(held, sizeof(*held)));
  PetscCall(ADJCanBeHeld_SNES(A, &can));
  if (!can) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectStateGet((PetscObject)A, &held->state));
  PetscCall(MatGetNonzeroState(A, &held->nonzerostate));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &held->values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCopyMat_SNES(Mat from, Mat to, PetscBool samepattern)
{
  PetscFunctionBegin;
  PetscCall(MatCopy(from, to, samepattern ? SAME_NONZERO_PATTERN : DIFFERENT_NONZERO_PATTERN));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state too, where the pattern did not change: the values are those that it belongs to, and no preconditioner need be built anew */
PetscErrorCode ADJPutBackMat_SNES(Mat A, ADJSNESHeld *held)
{
  PetscObjectState nonzerostate;

  PetscFunctionBegin;
  if (!held->values) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetNonzeroState(A, &nonzerostate));
  PetscCall(ADJCopyMat_SNES(held->values, A, (PetscBool)(nonzerostate == held->nonzerostate)));
  if (nonzerostate == held->nonzerostate) PetscCall(PetscObjectStateSet((PetscObject)A, held->state));
  PetscCall(MatDestroy(&held->values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F(x) - b by the user's function, of which neither counter nor flag of the SNES knows. Picard's leaves its matrix alone in the way it is called for products */
PetscErrorCode ADJComputeFunction_SNES(SNES snes, Vec x, Vec y)
{
  const PetscInt  calls  = snes->nfuncs;
  const PetscBool domain = snes->ADJ_SNES_DOMAIN_ERROR;
  PetscErrorCode (*f)(SNES, Vec, Vec, void *);
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(DMSNESGetFunction(snes->dm, &f, NULL));
  if (f == SNESPicardComputeFunction && snes->jacobian_pre) {
    if (!snes->picard) PetscCall(MatDuplicate(snes->jacobian_pre, MAT_DO_NOT_COPY_VALUES, &snes->picard));
    ierr = ADJUnlock_Private(SNESComputeMFFunction(snes, x, y), x);
    if (!ierr && snes->vec_rhs) ierr = VecAXPY(y, -1.0, snes->vec_rhs);
  } else
    ierr = ADJUnlock_Private(SNESComputeFunction(snes, x, y), x);
  snes->nfuncs                = calls;
  snes->ADJ_SNES_DOMAIN_ERROR = domain;
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's function, in surroundings as a solve has them: x is the solution, and F(x) the function where that is looked at */
static PetscErrorCode ADJCallJacobian_SNES(ADJ adj, ADJ_SNES *c, Vec x, Mat A, Mat P, ADJSNESJacobianFn *fn, void *ctx)
{
  SNES           snes = c->snes;
  Vec            sol = snes->vec_sol, func = snes->vec_func;
  PetscErrorCode ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  if (fn == SNESComputeJacobianDefaultColor || fn == SNESPicardComputeJacobian) {
    if (!c->f) PetscCall(VecDuplicate(adj->r, &c->f));
    if (fn == SNESPicardComputeJacobian) /* this fills the matrix */
      ierr = ADJUnlock_Private(SNESComputeFunction(snes, x, c->f), x);
    else
      ierr = ADJComputeFunction_SNES(snes, x, c->f);
    PetscCall(ierr);
    snes->vec_func = c->f;
  }
  snes->vec_sol = x;
  PetscCall(VecLockReadPush(x));
  ierr = (*fn)(snes, x, A, P, ctx);
  PetscCall(VecLockReadPop(x));
  snes->vec_sol  = sol;
  snes->vec_func = func;
  PetscFunctionReturn(ierr);
}

/* With all that the SNES might remember of it put back */
static PetscErrorCode ADJEvaluateJacobian_SNES(ADJ adj, ADJ_SNES *c, Vec x, Mat A, Mat P, ADJSNESJacobianFn *fn, void *ctx)
{
  SNES            snes   = c->snes;
  const PetscInt  calls  = snes->nfuncs;
  const PetscBool domain = snes->ADJ_SNES_DOMAIN_ERROR, jacobiandomain = snes->jacobiandomainerror;
  PetscBool       mffd;
  PetscMPIInt     outside;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  snes->jacobiandomainerror   = PETSC_FALSE;
  ierr                        = ADJCallJacobian_SNES(adj, c, x, A, P, fn, ctx);
  outside                     = snes->jacobiandomainerror ? 1 : 0;
  snes->jacobiandomainerror   = jacobiandomain;
  snes->ADJ_SNES_DOMAIN_ERROR = domain;
  snes->nfuncs                = calls;
  PetscCall(ierr);
  PetscCall(ADJIsType_SNES(A, MATMFFD, &mffd));
  if (mffd && snes->vec_sol) { /* back to the solver's own point */
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &outside, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
  PetscCheck(!outside, PetscObjectComm((PetscObject)adj), PETSC_ERR_FP, "The Jacobian of the SNES said SNESSetJacobianDomainError() at the solution: there is no derivative to be had from it");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A and P are copies of those of the SNES, or the same where they cannot be copied */
static PetscErrorCode ADJEvaluateCopies_SNES(ADJ adj, ADJ_SNES *c, Vec x, Mat A, Mat P, ADJSNESJacobianFn *fn, void *ctx)
{
  Mat            theirs[2] = {c->origin.A, c->origin.P}, ours[2] = {A, P};
  ADJSNESHeld    held[2];
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (theirs[0] == theirs[1]) theirs[0] = NULL;
  for (PetscInt i = 0; i < 2; i++) {
    held[i].values = NULL;
    if (theirs[i]) PetscCall(ADJHoldMat_SNES(theirs[i], &held[i]));
  }
  ierr = ADJEvaluateJacobian_SNES(adj, c, x, c->origin.A, c->origin.P, fn, ctx);
  for (PetscInt i = 0; i < 2; i++) {
    PetscObjectState nonzerostate;

    if (!held[i].values) continue;
    PetscCall(MatGetNonzeroState(theirs[i], &nonzerostate));
    if (!ierr && ours[i] != theirs[i] && ours[i]) PetscCall(ADJCopyMat_SNES(theirs[i], ours[i], (PetscBool)(nonzerostate == held[i].nonzerostate)));
    PetscCall(ADJPutBackMat_SNES(theirs[i], &held[i]));
  }
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJUpdateJacobian_SNES(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx)
{
  ADJ_SNES          *c = (ADJ_SNES *)ctx;
  ADJSNESJacobianFn *fn;
  void              *jctx;

  (void)theta;
  PetscFunctionBegin;
  PetscCall(SNESGetJacobian(c->snes, NULL, NULL, &fn, &jctx));
  if (!fn || fn == MatMFFDComputeJacobian || (!P && !A)) PetscFunctionReturn(PETSC_SUCCESS);
  if (c->created)
    PetscCall(ADJEvaluateJacobian_SNES(adj, c, x, P, P, fn, jctx));
  else if (c->origin.copies)
    PetscCall(ADJEvaluateCopies_SNES(adj, c, x, A, P, fn, jctx));
  else
    PetscCall(ADJEvaluateJacobian_SNES(adj, c, x, c->origin.A, c->origin.P, fn, jctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (R(x + h d) - R(x - h d))/2h, x and theta where the ADJ is linearized */
static PetscErrorCode MatMult_ADJ_SNES(Mat D, Vec d, Vec y)
{
  ADJ            adj;
  ADJ_SNES      *c;
  PetscReal      xnorm, norm, h;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(D, &adj));
  c = (ADJ_SNES *)adj->adapterdata;
  PetscCall(VecNorm(d, NORM_2, &norm));
  if (norm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecNorm(adj->lin_x, NORM_2, &xnorm));
  h = PetscCbrtReal(PETSC_MACHINE_EPSILON) * (xnorm > 0.0 ? xnorm : 1.0) / norm;
  for (PetscInt i = 0; i < 2; i++)
    if (!c->shifted[i]) PetscCall(VecDuplicate(adj->r, &c->shifted[i]));
  PetscCall(VecWAXPY(c->shifted[0], -h, d, adj->lin_x));
  ierr = ADJComputeMap_Private(adj, c->shifted[0], adj->lin_theta, c->shifted[1]);
  if (!ierr) ierr = VecWAXPY(c->shifted[0], h, d, adj->lin_x);
  if (!ierr) ierr = ADJComputeMap_Private(adj, c->shifted[0], adj->lin_theta, y);
  PetscCall(ADJUnlock_Private(ierr, d));
  PetscCall(VecAXPY(y, -1.0, c->shifted[1]));
  PetscCall(VecScale(y, 0.5 / h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   In place of that of -snes_mf, which follows the iterates of the solver and counts there, and whose one-sided differences are too coarse
   for an adjoint that is solved to more than a few digits
*/
static PetscErrorCode ADJCreateDifferences_SNES(ADJ adj, Mat *A)
{
  PetscInt n, N;
  VecType  type;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(adj->r, &n));
  PetscCall(VecGetSize(adj->r, &N));
  PetscCall(VecGetType(adj->r, &type));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), n, n, N, N, adj, A));
  PetscCall(MatShellSetOperation(*A, MATOP_MULT, ADJShellFn(MatMult_ADJ_SNES)));
  PetscCall(MatShellSetVecType(*A, type));
  PetscCall(MatSetUp(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A type that works without matrices, of a SNES that could fill them: by the DM's function, or by its coloring */
static PetscErrorCode ADJCreateMatrix_SNES(ADJ adj, ADJ_SNES *c, Mat *P)
{
  PetscFunctionBegin;
  if (!c->origin.fn || c->origin.fn == MatMFFDComputeJacobian || !adj->dm || adj->dm != c->snes->dm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMCreateMatrix(c->snes->dm, P));
  c->created = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDuplicateMat_SNES(Mat from, Mat *to)
{
  PetscBool can = PETSC_FALSE;

  PetscFunctionBegin;
  *to = NULL;
  if (!from) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCanBeHeld_SNES(from, &can));
  if (can)
    PetscCall(MatDuplicate(from, MAT_DO_NOT_COPY_VALUES, to));
  else {
    PetscCall(PetscObjectReference((PetscObject)from));
    *to = from;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   What the products are made of: the operator of the SNES, if it is that of the function; not one of differences, which has no
   transpose and moves with the solver, nor that of the function preconditioned from the left
*/
static PetscErrorCode ADJChooseMatrices_SNES(ADJ adj, ADJ_SNES *c, Mat *A, Mat *P)
{
  const ADJSNESOrigin *o = &c->origin;
  PetscBool            mffd, shell, noP;
  Mat                  theirA = o->A, theirP = o->P;

  PetscFunctionBegin;
  *A = *P    = NULL;
  c->created = PETSC_FALSE;
  PetscCall(ADJIsType_SNES(theirA, MATMFFD, &mffd));
  PetscCall(ADJIsType_SNES(theirA, MATSHELL, &shell));
  PetscCall(ADJIsType_SNES(theirP, MATMFFD, &noP));
  if (mffd || (shell && c->snes->npc && c->snes->npcside == PC_LEFT)) theirA = NULL;
  if (noP) theirP = NULL;
  if (mffd && o->symmetric) PetscCall(ADJCreateDifferences_SNES(adj, A));
  if (!theirA && !theirP) PetscCall(ADJCreateMatrix_SNES(adj, c, P));
  if (o->copies) {
    PetscCall(ADJDuplicateMat_SNES(theirP, P));
    if (theirA && theirA != theirP) PetscCall(ADJDuplicateMat_SNES(theirA, A));
  } else {
    if (!*P) {
      PetscCall(PetscObjectReference((PetscObject)theirP));
      *P = theirP;
    }
    if (theirA && theirA != theirP) {
      PetscCall(PetscObjectReference((PetscObject)theirA));
      *A = theirA;
    }
  }
  if (!*A && *P) {
    PetscCall(PetscObjectReference((PetscObject)*P));
    *A = *P;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where it would come from now, and whether that is where it came from */
static PetscErrorCode ADJGetOrigin_SNES(ADJ adj, ADJSNESOrigin *o, PetscBool *same)
{
  ADJ_SNES            *c    = (ADJ_SNES *)adj->adapterdata;
  const ADJSNESOrigin *last = &c->origin;
  PetscBool            held = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(SNESGetJacobian(c->snes, &o->A, &o->P, &o->fn, NULL));
  if (o->P) PetscCall(ADJCanBeHeld_SNES(o->P, &held));
  o->copies    = (PetscBool)(held && (adj->testing ? c->saved.outlives : ADJLagOutlivesSolve_SNES(c->snes))); /* in a test lagging pauses */
  o->symmetric = adj->symmetric;
  *same        = (PetscBool)(o->A == last->A && o->P == last->P && o->fn == last->fn && o->copies == last->copies && o->symmetric == last->symmetric);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user has given the SNES others: those that were taken may be gone */
PetscErrorCode ADJChanged_SNES(ADJ adj, PetscBool *changed)
{
  ADJSNESOrigin o;
  PetscBool     same = PETSC_TRUE;

  PetscFunctionBegin;
  if (adj->jacobian.taken) PetscCall(ADJGetOrigin_SNES(adj, &o, &same));
  *changed = (PetscBool)!same;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At set-up, and after each solve, in which the SNES may have got others. What the user gave with ADJSetJacobian() has priority */
PetscErrorCode ADJTakeJacobian_SNES(ADJ adj)
{
  ADJ_SNES     *c = (ADJ_SNES *)adj->adapterdata;
  ADJSNESOrigin o;
  Mat           A, P;
  PetscBool     same;

  PetscFunctionBegin;
  if (!adj->jacobian.taken && (adj->jacobian.A || adj->jacobian.P)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetOrigin_SNES(adj, &o, &same));
  if (adj->jacobian.taken && same) PetscFunctionReturn(PETSC_SUCCESS);
  c->origin = o;
  PetscCall(ADJChooseMatrices_SNES(adj, c, &A, &P));
  PetscCall(ADJSetJacobian(adj, A, P, ADJUpdateJacobian_SNES, c));
  adj->jacobian.taken = PETSC_TRUE;
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDropJacobian_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  if (adj->jacobian.taken) PetscCall(ADJSetJacobian(adj, NULL, NULL, NULL, NULL));
  PetscCall(PetscMemzero(&c->origin, sizeof(c->origin)));
  c->created = PETSC_FALSE;
  PetscCall(VecDestroy(&c->f));
  PetscCall(VecDestroy(&c->shifted[0]));
  PetscCall(VecDestroy(&c->shifted[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
