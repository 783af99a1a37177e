/*
   Heavy ball on f(x) = x^2/2 - theta x for x >= 0, x^2/8 - theta x for x < 0, with step 1 and momentum 3/4:

       F(x, y) = (x - (f'(x) - theta) + 3/4 (x - y), x).

   Its two selections [1.75 - f'', -0.75; 1, 0] have the spectral radius 0.866 each, but the product 1 1 2 2 has the
   eigenvalue -9/8 (Bolte, Pauwels, Vaiter, NeurIPS 2022). One pair (x, y) for each parameter.
*/
#include "hospital.h"

static PetscReal Curvature(PetscScalar x)
{
  return PetscRealPart(x) >= 0.0 ? 1.0 : 0.25;
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscScalar *a, *t;
  PetscScalar       *b;
  PetscInt           n;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(theta, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArray(y, &b));
  for (PetscInt i = 0; i < n; i++) {
    b[2 * i]     = (1.75 - Curvature(a[2 * i])) * a[2 * i] - 0.75 * a[2 * i + 1] + t[i];
    b[2 * i + 1] = a[2 * i];
  }
  PetscCall(VecRestoreArray(y, &b));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = S in or S^T in; selection 0 and 1, or the one in force at x if it is negative */
static PetscErrorCode Select(PetscInt selection, PetscBool transposed, Vec x, Vec in, Vec out)
{
  const PetscScalar *a, *p;
  PetscScalar       *q;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(in, &p));
  PetscCall(VecGetArray(out, &q));
  for (PetscInt i = 0; i < n; i += 2) {
    const PetscReal s = 1.75 - (selection < 0 ? Curvature(a[i]) : (selection ? 0.25 : 1.0));

    q[i]     = s * p[i] + (transposed ? 1.0 : -0.75) * p[i + 1];
    q[i + 1] = (transposed ? -0.75 : 1.0) * p[i];
  }
  PetscCall(VecRestoreArray(out, &q));
  PetscCall(VecRestoreArrayRead(in, &p));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SelectionVJP(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(Select(selection, PETSC_TRUE, x, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SelectionJVP(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(Select(selection, PETSC_FALSE, x, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(Select(-1, PETSC_TRUE, x, w, xbar));
  if (thetabar) PetscCall(VecStrideGather(w, 0, thetabar, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x* = y* = theta for theta > 0, away from the kink; l = sum of x, whose gradient is 1 */
PetscErrorCode RunHeavyBall(const Patient *patient, Result *r)
{
  ADJ       adj;
  Vec       theta, x, v, thetabar, one;
  PetscInt  n;
  PetscReal norm;

  (void)patient;
  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 5, &theta));
  PetscCall(VecGetLocalSize(theta, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 2 * n, 10, &x));
  PetscCall(VecSetBlockSize(x, 2));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(VecDuplicate(theta, &one));
  PetscCall(VecSet(theta, 2.0));
  PetscCall(VecSet(x, 1.99));
  PetscCall(VecSet(one, 1.0));
  PetscCall(VecSet(v, 0.0));
  PetscCall(VecStrideScatter(one, 0, v, INSERT_VALUES));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, Map, NULL));
  PetscCall(ADJSetVJP(adj, VJP, NULL));
  PetscCall(ADJSetSelections(adj, 2, SelectionVJP, SelectionJVP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, v, thetabar));
  PetscCall(ADJGetTrustReport(adj, &r->report));
  PetscCall(VecAXPY(thetabar, -1.0, one));
  PetscCall(VecNorm(thetabar, NORM_INFINITY, &norm));
  r->error = norm;
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&one));
  PetscFunctionReturn(PETSC_SUCCESS);
}
