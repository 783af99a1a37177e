/*
   Sinkhorn's iteration for optimal transport between a and b, in the logarithm x of its first scaling:

       F(x)_i = log a_i - log sum_j K_ij b_j/s_j,   s_j = sum_i K_ij e^(x_i),   K = e^-theta.

   F(x + t) = F(x) + t: the constant is the right null vector of I - dF/dx, a the left one at the solution (Pauwels,
   Vaiter, SIAM J. Optim. 2023). Real scalars. Each process has the whole problem and keeps its rows.
*/
#include "hospital.h"

#define ROWS 4
#define COLS 3

typedef struct {
  PetscReal a[ROWS], b[COLS];
  PetscReal K[ROWS][COLS], s[COLS], r[ROWS], e[ROWS]; /* at the last point; r = K (b/s) */
} Transport;

static void Evaluate(Transport *t, const PetscReal x[], const PetscReal theta[])
{
  for (PetscInt j = 0; j < COLS; j++) {
    t->s[j] = 0.0;
    for (PetscInt i = 0; i < ROWS; i++) {
      t->K[i][j] = PetscExpReal(-theta[i * COLS + j]);
      t->e[i]    = PetscExpReal(x[i]);
      t->s[j] += t->K[i][j] * t->e[i];
    }
  }
  for (PetscInt i = 0; i < ROWS; i++) {
    t->r[i] = 0.0;
    for (PetscInt j = 0; j < COLS; j++) t->r[i] += t->K[i][j] * t->b[j] / t->s[j];
  }
}

/* The real parts of v, on every process */
static PetscErrorCode Gather(Vec v, PetscReal all[])
{
  Vec                seq;
  VecScatter         scatter;
  PetscInt           n;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecScatterCreateToAll(v, &scatter, &seq));
  PetscCall(VecScatterBegin(scatter, v, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetSize(seq, &n));
  PetscCall(VecGetArrayRead(seq, &a));
  for (PetscInt i = 0; i < n; i++) all[i] = PetscRealPart(a[i]);
  PetscCall(VecRestoreArrayRead(seq, &a));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&seq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Keep(const PetscReal all[], Vec v)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, all[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Transport *t = (Transport *)ctx;
  PetscReal  xs[ROWS], thetas[ROWS * COLS];

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Gather(x, xs));
  PetscCall(Gather(theta, thetas));
  Evaluate(t, xs, thetas);
  for (PetscInt i = 0; i < ROWS; i++) xs[i] = PetscLogReal(t->a[i] / t->r[i]);
  PetscCall(Keep(xs, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With q = w/r and p_j = b_j/s_j^2 sum_i q_i K_ij: xbar_i = e^(x_i) sum_j K_ij p_j, Kbar_ij = p_j e^(x_i) - q_i b_j/s_j */
static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Transport *t = (Transport *)ctx;
  PetscReal  xs[ROWS], ws[ROWS], p[COLS], thetas[ROWS * COLS];

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Gather(x, xs));
  PetscCall(Gather(w, ws));
  PetscCall(Gather(theta, thetas));
  Evaluate(t, xs, thetas);
  for (PetscInt j = 0; j < COLS; j++) {
    p[j] = 0.0;
    for (PetscInt i = 0; i < ROWS; i++) p[j] += ws[i] / t->r[i] * t->K[i][j] * t->b[j] / PetscSqr(t->s[j]);
  }
  for (PetscInt i = 0; i < ROWS; i++) {
    xs[i] = 0.0;
    for (PetscInt j = 0; j < COLS; j++) {
      xs[i] += t->e[i] * t->K[i][j] * p[j];
      thetas[i * COLS + j] = -t->K[i][j] * (p[j] * t->e[i] - ws[i] / t->r[i] * t->b[j] / t->s[j]);
    }
  }
  if (xbar) PetscCall(Keep(xs, xbar));
  if (thetabar) PetscCall(Keep(thetas, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <v, x*(theta)> */
static PetscReal Functional(Transport *t, const PetscReal v[], const PetscReal theta[])
{
  PetscReal x[ROWS] = {0.0}, f = 0.0;

  for (PetscInt k = 0; k < 300; k++) {
    Evaluate(t, x, theta);
    for (PetscInt i = 0; i < ROWS; i++) x[i] = PetscLogReal(t->a[i] / t->r[i]);
  }
  for (PetscInt i = 0; i < ROWS; i++) f += v[i] * x[i];
  return f;
}

/* |g - differences|/|differences| */
static PetscErrorCode Compare(Transport *t, Vec g, const PetscReal v[], PetscReal theta[], PetscReal *error)
{
  const PetscReal h = 1e-5;
  PetscReal       got[ROWS * COLS], diff = 0.0, norm = 0.0;

  PetscFunctionBeginUser;
  PetscCall(Gather(g, got));
  for (PetscInt k = 0; k < ROWS * COLS; k++) {
    const PetscReal at = theta[k];
    PetscReal       slope;

    theta[k] = at + h;
    slope    = Functional(t, v, theta);
    theta[k] = at - h;
    slope    = (slope - Functional(t, v, theta)) / (2.0 * h);
    theta[k] = at;
    diff += PetscSqr(got[k] - slope);
    norm += PetscSqr(slope);
  }
  *error = PetscSqrtReal(diff / norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GiveNullSpaces(ADJ adj, Vec left)
{
  MatNullSpace right, leftspace;

  PetscFunctionBeginUser;
  PetscCall(VecNormalize(left, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &right));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &left, &leftspace));
  PetscCall(ADJSetNullSpace(adj, right, leftspace));
  PetscCall(MatNullSpaceDestroy(&right));
  PetscCall(MatNullSpaceDestroy(&leftspace));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode RunSinkhorn(const Patient *patient, Result *r)
{
  Transport       t       = {.a = {0.1, 0.2, 0.3, 0.4}, .b = {0.5, 0.3, 0.2}};
  const PetscReal v[ROWS] = {1.0, -2.0, 0.5, 0.5};
  PetscReal       thetas[ROWS * COLS];
  ADJ             adj;
  Vec             x, theta, cotangent, thetabar, left;

  (void)patient;
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < ROWS * COLS; k++) thetas[k] = 1.0 + PetscSinReal(2.0 * k);
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, ROWS, &x));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, ROWS * COLS, &theta));
  PetscCall(VecDuplicate(x, &cotangent));
  PetscCall(VecDuplicate(x, &left));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(Keep(thetas, theta));
  PetscCall(Keep(v, cotangent));
  PetscCall(Keep(t.a, left));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, Map, &t));
  PetscCall(ADJSetVJP(adj, VJP, &t));
  PetscCall(GiveNullSpaces(adj, left));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, cotangent, thetabar));
  PetscCall(ADJGetTrustReport(adj, &r->report));
  PetscCall(Compare(&t, thetabar, v, thetas, &r->error));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&cotangent));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&left));
  PetscFunctionReturn(PETSC_SUCCESS);
}
