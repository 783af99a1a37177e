/*
   How far the state is from the solution: with r = R(x), R = x - F in fixed-point form,

       M dx = -r  (loosely),      x' = x + dx

   is one Newton step. M is the shell of the JVP, or, where there is none, differences of R.
*/
#include <contragrad/private/adjimpl.h>

typedef struct {
  ADJ       adj;
  Vec       r, x; /* R(x); a vector for x + h d */
  PetscReal xnorm;
} ADJDifferences;

/* y = (R(x + h d) - R(x))/h with h = eps^{1/2} |x|/|d| */
static PetscErrorCode MatMult_ADJ_Differences(Mat D, Vec d, Vec y)
{
  ADJDifferences *c;
  PetscReal       norm, h;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(D, &c));
  PetscCall(VecNorm(d, NORM_2, &norm));
  if (norm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  h = PETSC_SQRT_MACHINE_EPSILON * (c->xnorm > 0.0 ? c->xnorm : 1.0) / norm;
  PetscCall(VecWAXPY(c->x, h, d, c->adj->state->x));
  PetscCall(ADJUnlock_Private(ADJComputeResidual_Private(c->adj, c->x, c->adj->state->theta, y), d));
  PetscCall(VecAXPY(y, -1.0, c->r));
  PetscCall(VecScale(y, 1.0 / h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Shares nothing with the user's objects; vectors are duplicates of the right-hand side */
static PetscErrorCode ADJCreateDifferences_Private(ADJ adj, ADJDifferences *c, Mat *D)
{
  PetscInt n, N;
  VecType  vtype;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(adj->r, &n));
  PetscCall(VecGetSize(adj->r, &N));
  PetscCall(VecGetType(adj->r, &vtype));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), n, n, N, N, c, D));
  PetscCall(MatShellSetOperation(*D, MATOP_MULT, ADJShellFn(MatMult_ADJ_Differences)));
  PetscCall(MatShellSetVecType(*D, vtype));
  PetscCall(MatSetUp(*D));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M dx = b with M the operator of `A`; left = |b - M dx|/|b| */
static PetscErrorCode ADJSolveStep_Private(ADJ adj, Mat A, PetscReal rtol, Vec b, Vec dx, Vec work, PetscReal *left)
{
  PetscReal bnorm;

  PetscFunctionBegin;
  PetscCall(ADJSetTangentOperators_Private(adj, A));
  PetscCall(ADJSolveLoosely_Private(adj->tksp, rtol, b, dx));
  PetscCall(MatMult(A, dx, work));
  PetscCall(VecAXPY(work, -1.0, b));
  PetscCall(VecNorm(b, NORM_2, &bnorm));
  PetscCall(VecNorm(work, NORM_2, left));
  if (bnorm > 0.0) *left /= bnorm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same without a JVP. The solver of the tangent, which nobody else needs then, does not keep the differences */
static PetscErrorCode ADJSolveStepByDifferences_Private(ADJ adj, Vec r, PetscReal rtol, Vec b, Vec dx, Vec work, PetscReal *left)
{
  ADJDifferences c = {adj, r, NULL, 0.0};
  Mat            D;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJGetTangentKSP(adj, NULL));
  PetscCall(ADJSetDefaultPC_Private(adj, adj->tksp));
  PetscCall(ADJUseMatrixInPC_Private(adj, adj->tksp));
  PetscCall(VecNorm(adj->state->x, NORM_2, &c.xnorm));
  PetscCall(VecDuplicate(adj->r, &c.x));
  PetscCall(ADJCreateDifferences_Private(adj, &c, &D));
  PetscCall(ADJNullSpaceAttachTo_Private(adj, D, PETSC_FALSE));
  ierr = ADJSolveStep_Private(adj, D, rtol, b, dx, work, left);
  if (adj->P)
    PetscCall(KSPSetOperators(adj->tksp, adj->P, adj->P)); /* its preconditioner stays */
  else
    PetscCall(KSPReset(adj->tksp));
  PetscCall(MatDestroy(&D));
  PetscCall(VecDestroy(&c.x));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether there is a way to find it */
PetscBool ADJStateErrorKnowable_Private(ADJ adj)
{
  return (PetscBool)(adj->jvp || adj->trustdifferences);
}

/*
   Linearized at the state. x' into d->x, and how far one can rely on it: the step must solve its equation, and come closer,
   unless its relative length is at most `negligible`, where rounding may hide that
*/
PetscErrorCode ADJEstimateStateError_Private(ADJ adj, PetscReal rtol, PetscReal negligible, ADJStateError *d)
{
  Vec       r = d->work[0], b = d->work[1], dx = d->work[2], x = adj->state->x, theta = adj->state->theta;
  PetscReal rnorm, xnorm, norm, after;

  PetscFunctionBegin;
  PetscCall(ADJComputeResidual_Private(adj, x, theta, r));
  PetscCall(VecCopy(r, b));
  PetscCall(VecScale(b, -1.0));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, b));
  PetscCall(VecNorm(b, NORM_2, &rnorm));
  if (rnorm == 0.0)
    PetscCall(VecSet(dx, 0.0));
  else if (adj->jvp)
    PetscCall(ADJSolveStep_Private(adj, adj->M, rtol, b, dx, d->x, &d->left));
  else
    PetscCall(ADJSolveStepByDifferences_Private(adj, r, rtol, b, dx, d->x, &d->left));
  PetscCall(VecWAXPY(d->x, 1.0, dx, x));
  PetscCall(VecNorm(dx, NORM_2, &d->distance));
  PetscCall(VecNorm(x, NORM_2, &xnorm));
  PetscCall(VecNorm(d->x, NORM_2, &norm));
  if (d->distance > 0.0) d->distance /= PetscMax(xnorm, norm);
  if (d->distance > negligible) {
    PetscCall(ADJComputeResidual_Private(adj, d->x, theta, r));
    PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, r));
    PetscCall(VecNorm(r, NORM_2, &after));
    if (!(after <= d->left * rnorm)) d->left = after / rnorm; /* NaN, too */
  }
  d->known = (PetscBool)(d->left <= ADJ_ERROR_TRUSTED);
  PetscFunctionReturn(PETSC_SUCCESS);
}
