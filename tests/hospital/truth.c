/*
   The derivative that a patient should have, from its arrays by plain elimination, and what differences of its solution say
   of it. The solution is found by Newton's method: where it converges the slopes in it do not matter.
*/
#include "hospital.h"

#define QUADRATIC 0.5 /* of the objective, see CaseObjective() */

PetscReal ArrayDistance(PetscInt n, const PetscScalar a[], const PetscScalar b[])
{
  PetscReal diff = 0.0, norm = 0.0;

  for (PetscInt i = 0; i < n; i++) {
    diff += PetscSqr(PetscAbsScalar(a[i] - b[i]));
    norm += PetscSqr(PetscAbsScalar(b[i]));
  }
  return PetscSqrtReal(diff) / (norm > 0.0 ? PetscSqrtReal(norm) : 1.0);
}

static PetscReal Dot(PetscInt n, const PetscScalar a[], const PetscScalar b[])
{
  PetscScalar dot = 0.0;

  for (PetscInt i = 0; i < n; i++) dot += PetscConj(a[i]) * b[i];
  return PetscRealPart(dot);
}

/* b <- M^-1 b by elimination with row exchanges; M is destroyed. Smallest over largest pivot */
static PetscReal Eliminate(PetscInt n, PetscScalar M[], PetscScalar b[])
{
  PetscReal smallest = PETSC_MAX_REAL, largest = 0.0;

  for (PetscInt k = 0; k < n; k++) {
    PetscInt p = k;

    for (PetscInt i = k + 1; i < n; i++) p = PetscAbsScalar(M[i * n + k]) > PetscAbsScalar(M[p * n + k]) ? i : p;
    for (PetscInt j = 0; j <= n; j++) {
      PetscScalar *a = j < n ? &M[k * n + j] : &b[k], *c = j < n ? &M[p * n + j] : &b[p], t = *a;

      *a = *c;
      *c = t;
    }
    smallest = PetscMin(smallest, PetscAbsScalar(M[k * n + k]));
    largest  = PetscMax(largest, PetscAbsScalar(M[k * n + k]));
    if (M[k * n + k] == 0.0) M[k * n + k] = PETSC_MACHINE_EPSILON;
    for (PetscInt i = k + 1; i < n; i++) {
      const PetscScalar f = M[i * n + k] / M[k * n + k];

      for (PetscInt j = k; f != 0.0 && j < n; j++) M[i * n + j] -= f * M[k * n + j];
      b[i] -= f * b[k];
    }
  }
  for (PetscInt i = n - 1; i >= 0; i--) {
    for (PetscInt j = i + 1; j < n; j++) b[i] -= M[i * n + j] * b[j];
    b[i] /= M[i * n + i];
  }
  return smallest / largest;
}

/* u = A x + B tau(theta) + c */
static void Argument(const Patient *p, const Data *d, const PetscScalar theta[], const PetscScalar x[], PetscScalar u[])
{
  for (PetscInt i = 0; i < d->n; i++) {
    u[i] = d->c[i];
    for (PetscInt j = 0; j < d->n; j++) u[i] += d->A[i * d->n + j] * x[j];
    for (PetscInt j = 0; j < d->m; j++) u[i] += d->B[i * d->m + j] * CurveValue(p->tau, p->t, theta[j]);
  }
}

/* I - diag(g'(u)) A, conjugated and transposed if asked, made regular by its null vectors: M w = v has the same solutions */
static void FillM(const Patient *p, const Data *d, const PetscScalar u[], PetscBool adjoint, PetscBool regular, PetscScalar M[])
{
  const PetscInt n = d->n;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < n; j++) {
      PetscScalar a = (i == j ? 1.0 : 0.0) - CurveSlope(p->curve, p->s, u[i]) * d->A[i * n + j];

      if (regular) a += d->left[i] * PetscConj(d->right[j]);
      if (adjoint)
        M[j * n + i] = PetscConj(a);
      else
        M[i * n + j] = a;
    }
  }
}

/* x: initial guess in */
PetscErrorCode TruthSolve(const Patient *p, const Data *d, const PetscScalar theta[], PetscScalar x[])
{
  const PetscInt n = d->n;
  PetscScalar   *M, *u, *r;
  PetscReal      last = PETSC_MAX_REAL;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(n * n, &M, n, &u, n, &r));
  for (PetscInt it = 0; it < 50; it++) {
    PetscReal norm = 0.0;

    Argument(p, d, theta, x, u);
    for (PetscInt i = 0; i < n; i++) r[i] = x[i] - CurveValue(p->curve, p->s, u[i]);
    FillM(p, d, u, PETSC_FALSE, PETSC_TRUE, M);
    (void)Eliminate(n, M, r);
    for (PetscInt i = 0; i < n; i++) {
      x[i] -= r[i];
      norm = PetscMax(norm, PetscAbsScalar(r[i]));
    }
    if (!(norm < last) && it > 5) break; /* rounding, or no solution */
    last = norm;
  }
  PetscCall(PetscFree3(M, u, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x and u after each of the steps from 0; the arrays have room for them all */
static void Steps(const Patient *p, const Data *d, const PetscScalar theta[], PetscInt steps, PetscScalar x[], PetscScalar u[])
{
  const PetscInt n = d->n;

  for (PetscInt i = 0; i < n; i++) x[i] = 0.0;
  for (PetscInt k = 0; k < steps; k++) {
    Argument(p, d, theta, x + k * n, u + k * n);
    for (PetscInt i = 0; i < n; i++) x[(k + 1) * n + i] = CurveValue(p->curve, p->s, u[k * n + i]);
  }
}

/* What is differentiated: the solution, or the iterate after a number of steps */
static PetscErrorCode State(const Patient *p, const Data *d, const PetscScalar theta[], PetscScalar x[])
{
  PetscScalar *all, *u;

  PetscFunctionBeginUser;
  if (!p->steps) {
    PetscCall(PetscArraycpy(x, d->x, d->n));
    PetscCall(TruthSolve(p, d, theta, x));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc2((p->steps + 1) * d->n, &all, p->steps * d->n, &u));
  Steps(p, d, theta, p->steps, all, u);
  PetscCall(PetscArraycpy(x, all + p->steps * d->n, d->n));
  PetscCall(PetscFree2(all, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g += (d/dtheta)^H w at u, with w <- A^H diag(g'(u))^H w if asked */
static void Pull(const Patient *p, const Data *d, const PetscScalar theta[], const PetscScalar u[], PetscScalar w[], PetscScalar g[])
{
  for (PetscInt i = 0; i < d->n; i++) w[i] *= PetscConj(CurveSlope(p->curve, p->s, u[i]));
  for (PetscInt j = 0; j < d->m; j++) {
    for (PetscInt i = 0; i < d->n; i++) g[j] += PetscConj(d->B[i * d->m + j] * CurveSlope(p->tau, p->t, theta[j])) * w[i];
  }
}

static PetscErrorCode PullSteps(const Patient *p, const Data *d, const PetscScalar theta[], const PetscScalar v[], PetscScalar g[])
{
  const PetscInt n = d->n;
  PetscScalar   *x, *u, *w, *next;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4((p->steps + 1) * n, &x, p->steps * n, &u, n, &w, n, &next));
  Steps(p, d, theta, p->steps, x, u);
  PetscCall(PetscArraycpy(w, v, n));
  for (PetscInt k = p->steps - 1; k >= 0; k--) {
    Pull(p, d, theta, u + k * n, w, g);
    PetscCall(PetscArrayzero(next, n));
    for (PetscInt i = 0; i < n; i++) {
      for (PetscInt j = 0; j < n; j++) next[j] += PetscConj(d->A[i * n + j]) * w[i];
    }
    PetscCall(PetscArraycpy(w, next, n));
  }
  PetscCall(PetscFree4(x, u, w, next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g = (dx/dtheta)^H v; of the objective if that is the task: with its terms in x and theta */
PetscErrorCode TruthAdjoint(const Patient *p, const Data *d, const PetscScalar theta[], const PetscScalar v[], PetscScalar g[])
{
  const PetscBool objective = (PetscBool)(p->task == DO_OBJECTIVE);
  const PetscInt  n         = d->n;
  PetscScalar    *M, *u, *w, *x;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(n * n, &M, n, &u, n, &w, n, &x));
  PetscCall(State(p, d, theta, x));
  for (PetscInt i = 0; i < n; i++) w[i] = v[i] + (objective ? QUADRATIC * x[i] : 0.0);
  for (PetscInt j = 0; j < d->m; j++) g[j] = objective ? Wave(9, j, 9) : 0.0;
  if (p->steps)
    PetscCall(PullSteps(p, d, theta, w, g));
  else {
    Argument(p, d, theta, x, u);
    FillM(p, d, u, PETSC_TRUE, PETSC_TRUE, M);
    (void)Eliminate(n, M, w);
    Pull(p, d, theta, u, w, g);
  }
  PetscCall(PetscFree4(M, u, w, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xdot = dx/dtheta thetadot */
PetscErrorCode TruthTangent(const Patient *p, const Data *d, const PetscScalar theta[], PetscScalar xdot[])
{
  const PetscInt n = d->n;
  PetscScalar   *M, *u, *x;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(n * n, &M, n, &u, n, &x));
  PetscCall(State(p, d, theta, x));
  Argument(p, d, theta, x, u);
  for (PetscInt i = 0; i < n; i++) {
    xdot[i] = 0.0;
    for (PetscInt j = 0; j < d->m; j++) xdot[i] += d->B[i * d->m + j] * CurveSlope(p->tau, p->t, theta[j]) * d->thetadot[j];
    xdot[i] *= CurveSlope(p->curve, p->s, u[i]);
  }
  FillM(p, d, u, PETSC_FALSE, PETSC_TRUE, M);
  (void)Eliminate(n, M, xdot);
  PetscCall(PetscFree3(M, u, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, x(theta + h thetadot)>, or the objective there */
static PetscErrorCode Functional(const Patient *p, const Data *d, PetscReal h, PetscReal *f)
{
  PetscScalar *theta, *x;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(d->m, &theta, d->n, &x));
  for (PetscInt j = 0; j < d->m; j++) theta[j] = d->theta[j] + h * d->thetadot[j];
  PetscCall(State(p, d, theta, x));
  *f = Dot(d->n, d->v, x);
  if (p->task == DO_OBJECTIVE) {
    *f += 0.5 * QUADRATIC * Dot(d->n, x, x);
    for (PetscInt j = 0; j < d->m; j++) *f += PetscRealPart(PetscConj(Wave(9, j, 9)) * theta[j]);
  }
  PetscCall(PetscFree2(theta, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is left of a disturbance of the solution after 400 steps */
static PetscErrorCode Remains(const Patient *p, const Data *d, PetscReal *remains)
{
  const PetscInt n = d->n;
  PetscScalar   *x, *u;
  PetscReal      start = 0.0, end = 0.0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &x, n, &u));
  for (PetscInt i = 0; i < n; i++) {
    x[i] = d->x[i] + 1e-6 * Wave(10, i, 1);
    start += PetscAbsScalar(x[i] - d->x[i]);
  }
  for (PetscInt k = 0; k < 400; k++) {
    Argument(p, d, d->theta, x, u);
    for (PetscInt i = 0; i < n; i++) x[i] = CurveValue(p->curve, p->s, u[i]);
  }
  for (PetscInt i = 0; i < n; i++) end += PetscAbsScalar(x[i] - d->x[i]);
  *remains = PetscIsInfOrNanReal(end) ? PETSC_MAX_REAL : end / start;
  PetscCall(PetscFree2(x, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode TruthExamine(const Patient *p, const Data *d, Result *r)
{
  const PetscReal h = 1e-5;
  PetscScalar    *g, *M, *b;
  PetscReal       f[3], norm, slope;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(d->m, &g));
  PetscCall(PetscCalloc2(d->n * d->n, &M, d->n, &b));
  PetscCall(TruthAdjoint(p, d, d->theta, d->v, g));
  for (PetscInt i = 0; i < 3; i++) PetscCall(Functional(p, d, (i - 1) * h, &f[i]));
  norm     = PetscSqrtReal(Dot(d->m, g, g) * Dot(d->m, d->thetadot, d->thetadot));
  slope    = Dot(d->m, g, d->thetadot);
  r->truth = PetscAbsReal((f[2] - f[0]) / (2.0 * h) - slope) / (norm > 0.0 ? norm : 1.0);
  r->kink  = PetscAbsReal((f[2] - 2.0 * f[1] + f[0]) / h) / (norm > 0.0 ? norm : 1.0);
  FillM(p, d, d->u, PETSC_FALSE, PETSC_FALSE, M);
  r->pivot = Eliminate(d->n, M, b);
  PetscCall(Remains(p, d, &r->remains));
  PetscCall(PetscFree(g));
  PetscCall(PetscFree2(M, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}
