static char help[] = "Projections and proximal maps: values against what characterizes them, and against sorting.\n\n";

/*
   nsize: 1 2 4
*/
#include <math.h>
#include "prox.h"

/* g of the map whose proximal point is sought, at a point where it is finite */
static PetscErrorCode Penalty(ProxCase *c, Vec u, PetscReal *g)
{
  const PetscScalar *a;
  PetscReal          p, mine = 0.0;
  PetscInt           n, bs   = c->which == ADJ_PROX_GROUP_L1 ? PROX_BS : 1;

  PetscFunctionBeginUser;
  *g = 0.0;
  if (c->which != ADJ_PROX_L1 && c->which != ADJ_PROX_GROUP_L1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJProxGetParameter(c->prox, &p));
  PetscCall(VecGetLocalSize(u, &n));
  PetscCall(VecGetArrayRead(u, &a));
  for (PetscInt i = 0; i < n; i += bs) {
    PetscReal square = 0.0;

    for (PetscInt j = i; j < i + bs; j++) square += PetscSqr(PetscAbsScalar(a[j]));
    mine += p * PetscSqrtReal(square);
  }
  PetscCall(VecRestoreArrayRead(u, &a));
  PetscCallMPI(MPI_Allreduce(&mine, g, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far y is from the set, by its definition */
static PetscErrorCode Infeasibility(ProxCase *c, Vec y, PetscReal *distance)
{
  Vec         d, e;
  PetscReal   p, value = 0.0, zero = 0.0;
  PetscScalar sum;

  PetscFunctionBeginUser;
  *distance = 0.0;
  PetscCall(VecDuplicate(c->which == ADJ_PROX_AFFINE ? c->a : y, &d));
  PetscCall(VecDuplicate(y, &e));
  PetscCall(VecSet(e, 0.0));
  if (c->a && c->which != ADJ_PROX_BALL && c->which != ADJ_PROX_AFFINE) PetscCall(VecCopy(c->a, e));
  if (c->which == ADJ_PROX_BOX || c->which == CASE_ONE_BOUND || c->which == ADJ_PROX_NONNEGATIVE || c->which == ADJ_PROX_SIMPLEX) {
    PetscCall(VecWAXPY(d, -1.0, e, y));
    PetscCall(VecMin(d, NULL, &value));
    *distance = PetscMax(0.0, -value);
  }
  if (c->which == ADJ_PROX_BOX) {
    PetscCall(VecWAXPY(d, -1.0, y, c->b));
    PetscCall(VecMin(d, NULL, &value));
    *distance = PetscMax(*distance, -value);
  }
  if (c->which == ADJ_PROX_SIMPLEX) {
    PetscCall(ADJProxGetParameter(c->prox, &p));
    PetscCall(VecSum(y, &sum));
    *distance = PetscMax(*distance, PetscAbsScalar(sum - p));
  }
  if (c->which == ADJ_PROX_BALL) {
    PetscCall(ADJProxGetParameter(c->prox, &p));
    PetscCall(VecWAXPY(d, -1.0, c->a, y));
    PetscCall(VecNorm(d, NORM_2, &value));
    *distance = PetscMax(zero, value - p);
  }
  if (c->which == ADJ_PROX_AFFINE) {
    PetscCall(MatMult(c->A, y, d));
    PetscCall(VecAXPY(d, -1.0, c->a));
    PetscCall(VecNorm(d, NORM_2, distance));
  }
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   y = P(z) if and only if Re (z - y)^H (u - y) <= g(u) - g(y) for all u (Rockafellar, Convex analysis, 1970, section 31). u goes over
   feasible points, as far from y as z is, and near by
*/
static PetscErrorCode TestCharacterization(int which, Layout layout)
{
  ProxCase  c;
  Vec       y, u, v, d, e;
  PetscReal worst = PETSC_NINFINITY, distance, dot, gy, gu, first, second, nonexpansive = PETSC_NINFINITY;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(which, 24, layout, 17, &c));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(VecDuplicate(c.z, &u));
  PetscCall(VecDuplicate(c.z, &v));
  PetscCall(VecDuplicate(c.z, &d));
  PetscCall(VecDuplicate(c.z, &e));
  PetscCall(VecScale(c.z, 2.0));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(Infeasibility(&c, y, &distance));
  PetscCall(TapBelow(distance, 1e-12, "%s: feasible", c.name));
  PetscCall(Penalty(&c, y, &gy));
  PetscCall(VecWAXPY(d, -1.0, y, c.z));
  for (PetscInt k = 0; k < 40; k++) {
    PetscCall(VecSetNormal(v, 1000 + (uint64_t)k));
    PetscCall(VecAYPX(v, k % 2 ? 2.0 : 1e-2, k % 2 ? c.z : y));
    PetscCall(ADJProxApply(c.prox, v, u));
    PetscCall(VecWAXPY(e, -1.0, y, u));
    PetscCall(Penalty(&c, u, &gu));
    PetscCall(RealDot(d, e, &dot));
    worst = PetscMax(worst, dot - gu + gy);
    /* firmly nonexpansive: |P(v) - P(z)|^2 <= Re (P(v) - P(z))^H (v - z) */
    PetscCall(RealDot(e, e, &first));
    PetscCall(VecAXPY(v, -1.0, c.z));
    PetscCall(RealDot(e, v, &second));
    nonexpansive = PetscMax(nonexpansive, first - second);
  }
  PetscCall(TapBelow(worst, 1e-11, "%s: the nearest point", c.name));
  PetscCall(TapBelow(nonexpansive, 1e-11, "%s: firmly nonexpansive", c.name));
  if (which != ADJ_PROX_L1 && which != ADJ_PROX_GROUP_L1) {
    PetscCall(ADJProxApply(c.prox, y, u));
    PetscCall(VecGap(u, y, &distance));
    PetscCall(TapBelow(distance, 1e-13, "%s: idempotent", c.name));
  }
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&e));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A dense LU factorization of A A^H on every process */
static PetscErrorCode TestAffine(Layout layout)
{
  ProxCase       c;
  Vec            y, expected, all, r, s;
  Mat            A, K;
  PetscReal      distance;
  const PetscInt N = 24;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(ADJ_PROX_AFFINE, N, layout, 17, &c));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(VecGather(c.z, &expected));
  PetscCall(VecGather(y, &all));
  PetscCall(VecGather(c.a, &r));
  PetscCall(VecDuplicate(r, &s));
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, PROX_ROWS, N, NULL, &A));
  PetscCall(MatFillNormal(A, 20));
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, PROX_ROWS, PROX_ROWS, NULL, &K));
  for (PetscInt i = 0; i < PROX_ROWS; i++) {
    for (PetscInt j = 0; j < PROX_ROWS; j++) {
      PetscScalar entry = 0.0;

      for (PetscInt k = 0; k < N; k++) entry += NormalScalar(20, i, k) * PetscConj(NormalScalar(20, j, k));
      PetscCall(MatSetValue(K, i, j, entry, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatLUFactor(K, NULL, NULL, NULL));
  PetscCall(VecScale(r, -1.0));
  PetscCall(MatMultAdd(A, expected, r, r));
  PetscCall(MatSolve(K, r, s));
  PetscCall(VecScale(s, -1.0));
  PetscCall(MatMultHermitianTransposeAdd(A, s, expected, expected));
  PetscCall(VecGap(all, expected, &distance));
  PetscCall(TapBelow(distance, 1e-12, "%s: a factored A A^H", c.name));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&K));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&expected));
  PetscCall(VecDestroy(&all));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&s));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a z is made of */
typedef enum { Z_RANDOM,
               Z_EQUAL,
               Z_TIES,
               Z_OFFSET,
               Z_TINY,
               Z_SPREAD,
               Z_HUGE,
               Z_INFINITE,
               Z_LAST } Shape;
static const char *const shapes[] = {"random", "all equal", "ties", "a large offset", "tiny", "powers of 2", "huge", "minus infinity among them"};

static PetscReal Entry(Shape shape, PetscInt i)
{
  const PetscReal r = Normal(5, i, 0);

  switch (shape) {
  case Z_EQUAL:
    return 0.25;
  case Z_TIES:
    return (PetscReal)(i % 3);
  case Z_OFFSET:
    return 1e8 + r;
  case Z_TINY:
    return 1e-290 * r;
  case Z_SPREAD:
    return -PetscPowReal(2.0, (PetscReal)((7 * i) % 50) - 45.0);
  case Z_HUGE:
    return 1e300 * r;
  case Z_INFINITE:
    return i % 4 == 1 ? -INFINITY : r;
  default:
    return r;
  }
}

/* Largest first: tau = max over k of (u_1 + ... + u_k - s)/k, relative to u_1 (Held, Wolfe, Crowder 1974) */
static PetscReal SortedThreshold(PetscInt N, PetscReal u[], PetscReal s)
{
  const PetscReal top = u[N - 1];
  long double     sum = 0.0L, tau = -(long double)s;

  for (PetscInt k = 0; k < N && u[N - 1 - k] > -INFINITY; k++) {
    sum += (long double)u[N - 1 - k] - (long double)top;
    tau = PetscMax(tau, (sum - (long double)s) / (k + 1));
  }
  return (PetscReal)tau;
}

static PetscErrorCode TestSimplex(Shape shape, PetscReal total, PetscInt N, Layout layout)
{
  ADJProx            prox;
  Vec                z, y;
  PetscReal         *u, tau, error = 0.0;
  const PetscScalar *got;
  PetscScalar        sum;
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(ProxVecCreate(N, layout, 1, &z));
  PetscCall(VecDuplicate(z, &y));
  PetscCall(VecGetOwnershipRange(z, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(z, i, Entry(shape, i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(z));
  PetscCall(VecAssemblyEnd(z));
  PetscCall(ADJProxCreateSimplex(PETSC_COMM_WORLD, total, &prox));
  PetscCall(ADJProxApply(prox, z, y));
  PetscCall(PetscMalloc1(N, &u));
  for (PetscInt i = 0; i < N; i++) u[i] = Entry(shape, i);
  PetscCall(PetscSortReal(N, u));
  tau = SortedThreshold(N, u, total);
  PetscCall(VecGetArrayRead(y, &got));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal expected = PetscMax((Entry(shape, i) - u[N - 1]) - tau, 0.0), off = PetscAbsReal(PetscRealPart(got[i - lo]) - expected);

    if (!(off <= error)) error = off;
  }
  PetscCall(VecRestoreArrayRead(y, &got));
  PetscCall(TapBelow(error / total, 1e-14, "%s, %" PetscInt_FMT " entries, total %g, layout %d: as by sorting", shapes[shape], N, (double)total, (int)layout));
  PetscCall(VecSum(y, &sum));
  PetscCall(TapClose(PetscRealPart(sum), total, N * PETSC_MACHINE_EPSILON, "%s, %" PetscInt_FMT " entries, total %g, layout %d: the sum", shapes[shape], N, (double)total, (int)layout));
  PetscCall(PetscFree(u));
  PetscCall(ADJProxDestroy(&prox));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN in one entry: where it belongs; a changed number or vector counts at once */
static PetscErrorCode TestNaN(int which)
{
  ProxCase           c;
  Vec                y;
  const PetscScalar *a;
  PetscInt           n, nans = 0, expected = which == ADJ_PROX_GROUP_L1 ? PROX_BS : 1;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(which, 24, LAYOUT_UNEVEN, 3, &c));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(VecGetOwnershipRange(c.z, NULL, &n));
  if (n == 24) PetscCall(VecSetValue(c.z, 23, NAN, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c.z));
  PetscCall(VecAssemblyEnd(c.z));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(VecGetLocalSize(y, &n));
  PetscCall(VecGetArrayRead(y, &a));
  for (PetscInt i = 0; i < n; i++) nans += PetscIsNanScalar(a[i]) ? 1 : 0;
  PetscCall(VecRestoreArrayRead(y, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &nans, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  if (which == ADJ_PROX_BALL || which == ADJ_PROX_SIMPLEX || which == CASE_BALL_INSIDE) expected = 24;
  PetscCall(TapOk((PetscBool)(nans == expected), "%s: NaN in %" PetscInt_FMT " entries", c.name, nans));
  PetscCall(VecDestroy(&y));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestChanges(void)
{
  ProxCase  c;
  Vec       y;
  PetscReal before, after;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(PetscDefined(USE_COMPLEX) ? ADJ_PROX_L1 : ADJ_PROX_SIMPLEX, 24, LAYOUT_EVEN, 3, &c));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(VecScale(c.z, 10.0));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(VecNorm(y, NORM_1, &before));
  PetscCall(ADJProxSetParameter(c.prox, 1.0));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(VecNorm(y, NORM_1, &after));
  PetscCall(TapOk((PetscBool)(after != before), "%s: another parameter", c.name));
  PetscCall(VecScale(c.z, 0.0));
  PetscCall(ADJProxApply(c.prox, c.z, y));
  PetscCall(VecNorm(y, NORM_INFINITY, &after));
  PetscCall(TapClose(1.0 + after, c.which == ADJ_PROX_L1 ? 1.0 : 1.0 + 1.0 / 24.0, 1e-14, "%s: the same vector with other entries", c.name));
  PetscCall(VecDestroy(&y));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* References, the view, the prefix of the options, and the parameters that are set */
static PetscErrorCode TestLife(int which)
{
  ProxCase    c;
  ADJProx     other;
  Vec         a, b;
  KSP         ksp;
  PetscReal   rtol, p;
  PetscViewer viewer;
  const char *prefix;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(which, 24, LAYOUT_EMPTY, 3, &c));
  other = c.prox;
  PetscCall(PetscObjectReference((PetscObject)other));
  PetscCall(ADJProxDestroy(&other));
  PetscCall(TapOk((PetscBool)(other == NULL), "%s: a reference is given back", c.name));
  PetscCall(ADJProxGetVecs(c.prox, &a, &b));
  PetscCall(TapOk((PetscBool)(a == c.a && b == c.b), "%s: the vectors are the user's", c.name));
  if (which == ADJ_PROX_L1) {
    PetscCall(ADJProxGetParameter(c.prox, &p));
    PetscCall(TapOk((PetscBool)(p == (PetscReal)0.7), "%s: the threshold", c.name));
  }
  PetscCall(ADJProxSetOptionsPrefix(c.prox, "test_"));
  PetscCall(PetscObjectGetOptionsPrefix((PetscObject)c.prox, &prefix));
  PetscCall(TapOk((PetscBool)(prefix && prefix[0] == 't'), "%s: the prefix", c.name));
  if (which == ADJ_PROX_AFFINE) {
    PetscCall(PetscOptionsSetValue(NULL, "-test_adj_prox_ksp_rtol", "1e-3"));
    PetscCall(ADJProxSetFromOptions(c.prox));
    PetscCall(PetscOptionsClearValue(NULL, "-test_adj_prox_ksp_rtol"));
    PetscCall(ADJProxGetKSP(c.prox, &ksp));
    PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
    PetscCall(TapClose(rtol, 1e-3, 1e-15, "%s: the options of the solver", c.name));
  }
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "/dev/null", &viewer));
  PetscCall(ADJProxView(c.prox, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscReal totals[] = {1.0, 1e-3, 1e6, 1e-290, 1e290};
  int             failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (int which = 0; which < CASE_LAST; which++) {
    if (!ProxCaseExists(which)) continue;
    for (int layout = LAYOUT_EVEN; layout <= LAYOUT_LAST; layout++) PetscCall(TestCharacterization(which, (Layout)layout));
    if (which != ADJ_PROX_AFFINE) PetscCall(TestNaN(which));
    PetscCall(TestLife(which));
  }
  for (int layout = LAYOUT_EVEN; layout <= LAYOUT_LAST; layout++) PetscCall(TestAffine((Layout)layout));
  PetscCall(TestChanges());
  if (!PetscDefined(USE_COMPLEX)) {
    for (int layout = LAYOUT_EVEN; layout <= LAYOUT_LAST; layout++) {
      for (int shape = 0; shape < Z_LAST; shape++) {
        for (int t = 0; t < 5; t++) PetscCall(TestSimplex((Shape)shape, totals[t], 101, (Layout)layout));
      }
      PetscCall(TestSimplex(Z_RANDOM, 1.0, 1, (Layout)layout));
      PetscCall(TestSimplex(Z_TIES, 1.0, 2, (Layout)layout));
    }
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
