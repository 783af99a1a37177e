/*
   Coefficients of a patient, as arrays that every process has.
*/
#include "hospital.h"

PetscBool CurveHasKinks(Curve curve)
{
  return (PetscBool)(curve >= C_ABS);
}

/* s: of a kinked curve the real part alone is looked at */
PetscScalar CurveValue(Curve curve, PetscReal s, PetscScalar u)
{
  const PetscReal r = PetscRealPart(u);

  switch (curve) {
  case C_SQUARE:
    return u + s * u * u;
  case C_EXP:
    return s * (PetscExpScalar(u) - 1.0);
  case C_TANH:
    return s * PetscTanhScalar(u);
  case C_ABS:
    return r + s * PetscAbsReal(r);
  case C_RELU:
    return PetscMax(r, 0.0);
  case C_SOFT:
    return r > s ? r - s : (r < -s ? r + s : 0.0);
  case C_BOX:
    return PetscMin(PetscMax(r, -s), s);
  default:
    return u;
  }
}

/* At a kink one of the two slopes */
PetscScalar CurveSlope(Curve curve, PetscReal s, PetscScalar u)
{
  const PetscReal   r = PetscRealPart(u);
  const PetscScalar t = curve == C_TANH ? PetscTanhScalar(u) : 0.0;

  switch (curve) {
  case C_SQUARE:
    return 1.0 + 2.0 * s * u;
  case C_EXP:
    return s * PetscExpScalar(u);
  case C_TANH:
    return s * (1.0 - t * t);
  case C_ABS:
    return r >= 0.0 ? 1.0 + s : 1.0 - s;
  case C_RELU:
    return r > 0.0 ? 1.0 : 0.0;
  case C_SOFT:
    return PetscAbsReal(r) > s ? 1.0 : 0.0;
  case C_BOX:
    return PetscAbsReal(r) < s ? 1.0 : 0.0;
  default:
    return 1.0;
  }
}

static PetscErrorCode FillSpectrum(const Patient *p, PetscInt n, PetscScalar A[])
{
  const Spectrum spectrum = p->shape == A_REAL ? SPECTRUM_REAL : (p->shape == A_PAIRS ? SPECTRUM_PAIRS : SPECTRUM_CLUSTER);
  PetscScalar   *u;
  PetscReal      norm = 0.0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &u));
  for (PetscInt i = 0; i < n; i++) {
    u[i] = Wave(2, i, 1);
    norm += PetscSqr(PetscAbsScalar(u[i]));
  }
  for (PetscInt i = 0; i < n; i++) u[i] /= PetscSqrtReal(norm);
  FillTriangular(n, spectrum, p->rho, A);
  if (n > 1) Reflect(n, u, A);
  PetscCall(PetscFree(u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds a periodic stencil to rows and columns first ... first + n - 1 of the N x N matrix A */
static void AddRing(PetscInt N, PetscInt first, PetscInt n, PetscReal west, PetscReal centre, PetscReal east, PetscScalar A[])
{
  for (PetscInt i = 0; i < n; i++) {
    PetscScalar *row = A + (first + i) * N + first;

    row[(i + n - 1) % n] += west;
    row[i] += centre;
    row[(i + 1) % n] += east;
  }
}

/* D^-1 W, W symmetric: the left null vector of I - A is the diagonal of D */
static void FillMarkov(PetscInt n, PetscScalar A[], PetscScalar left[])
{
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt  west = (i + n - 1) % n, east = (i + 1) % n;
    const PetscReal ww = 1.0 + 0.5 * PetscSinReal(2.0 * west), we = 1.0 + 0.5 * PetscSinReal(2.0 * i), d = ww + 2.0 + we;

    A[i * n + west] += ww / d;
    A[i * n + i] += 2.0 / d;
    A[i * n + east] += we / d;
    left[i] = d;
  }
}

static void FillSingular(Shape shape, Data *d)
{
  const PetscInt n = d->n;

  for (PetscInt i = 0; i < n; i++) d->left[i] = d->right[i] = 1.0;
  if (shape == A_MARKOV) FillMarkov(n, d->A, d->left);
  if (shape == A_SMOOTH || shape == A_NEUMANN) AddRing(n, 0, n, 0.25, 0.5, 0.25, d->A);
  if (shape == A_TWORINGS) {
    AddRing(n, 0, n / 2, 0.25, 0.5, 0.25, d->A);
    AddRing(n, n / 2, n - n / 2, 0.25, 0.5, 0.25, d->A);
  }
  if (shape == A_NEUMANN) { /* what would go through a wall stays */
    d->A[n - 1] -= 0.25;
    d->A[(n - 1) * n] -= 0.25;
    d->A[0] += 0.25;
    d->A[n * n - 1] += 0.25;
  }
}

/* A block of size two with the eigenvalue 1 and one eigenvector, where rho is 1 */
static void FillJordan(const Patient *p, Data *d)
{
  for (PetscInt i = 0; i < d->n; i++) {
    d->A[i * d->n + i] = p->null && i > 1 ? 0.5 : p->rho;
    if (i % 2 == 0 && i + 1 < d->n && !(p->null && i > 1)) d->A[i * d->n + i + 1] = p->kappa;
  }
  if (!p->null) return;
  d->right[0] = 1.0;
  d->left[1]  = 1.0;
}

static void FillGrcar(const Patient *p, Data *d)
{
  for (PetscInt i = 0; i < d->n; i++) {
    for (PetscInt j = PetscMax(i - 1, 0); j < PetscMin(i + 4, d->n); j++) d->A[i * d->n + j] = (j < i ? -1.0 : 1.0) * p->rho / 2.3;
  }
}

static void FillDiagonal(const Patient *p, Data *d)
{
  const PetscInt n = d->n;

  for (PetscInt i = 0; i < n; i++) {
    const PetscReal m = PetscPowReal(10.0, p->rho + (p->kappa - p->rho) * i / PetscMax(n - 1, 1));

    if (p->shape == A_DIAGONAL)
      d->A[i * n + i] = i == n / 2 ? p->kappa : (i % 2 ? 1.0 : -1.0) * p->rho * (i + 1) / n;
    else {
      d->A[i * n + i] = 1.0 - m;
      if (i + 1 < n) d->A[i * n + i + 1] = -0.3 * m;
    }
  }
}

static PetscErrorCode FillA(const Patient *p, Data *d)
{
  PetscFunctionBeginUser;
  switch (p->shape) {
  case A_REAL:
  case A_PAIRS:
  case A_CLUSTER:
    PetscCall(FillSpectrum(p, d->n, d->A));
    break;
  case A_JORDAN:
    FillJordan(p, d);
    break;
  case A_GRCAR:
    FillGrcar(p, d);
    break;
  case A_RING:
    AddRing(d->n, 0, d->n, 0.2 * p->rho, 0.5 * p->rho, 0.3 * p->rho, d->A);
    break;
  case A_SMOOTH:
  case A_NEUMANN:
  case A_MARKOV:
  case A_TWORINGS:
    FillSingular(p->shape, d);
    break;
  case A_DIAGONAL:
  case A_GRADED:
    FillDiagonal(p, d);
    break;
  default:
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v <- v - z (z^H v)/(z^H z), for a vector v of that stride */
static void Project(PetscInt n, const PetscScalar z[], PetscInt stride, PetscScalar v[])
{
  PetscScalar dot = 0.0, norm = 0.0;

  for (PetscInt i = 0; i < n; i++) {
    dot += PetscConj(z[i]) * v[i * stride];
    norm += PetscConj(z[i]) * z[i];
  }
  for (PetscInt i = 0; norm != 0.0 && i < n; i++) v[i * stride] -= z[i] * dot / norm;
}

static void FillParameters(const Patient *p, Data *d)
{
  for (PetscInt j = 0; j < d->m; j++) {
    const PetscReal scale = PetscPowReal(10.0, d->m > 1 ? p->thetascale * (2.0 * j / (d->m - 1) - 1.0) : 0.0);

    d->thetadot[j] = Wave(7, j, 7) * scale;
    d->theta[j]    = (1.0 + 0.5 * Wave(5, j, 5)) * scale;
    if (p->thetazero || (p->thetakink && j == d->m / 2)) d->theta[j] = 0.0;
    for (PetscInt i = 0; i < d->n; i++) d->B[i * d->m + j] = p->noB ? 0.0 : Wave(3, i, j) / scale;
    if (!p->shift) Project(d->n, d->left, d->m, d->B + j);
  }
}

static void FillCotangent(const Patient *p, Data *d)
{
  for (PetscInt i = 0; i < d->n; i++) {
    d->v[i] = Wave(6, i, 6);
    if (p->v == V_ZERO || (p->v == V_LOCAL && i) || (p->v == V_BLIND && i == d->n / 2)) d->v[i] = 0.0;
    if (p->v == V_WEAK && i == d->n / 2) d->v[i] = 1e-6;
  }
  if (!p->gauge) Project(d->n, d->right, 1, d->v);
}

static PetscReal Kink(const Patient *p)
{
  return p->curve == C_SOFT || p->curve == C_BOX ? p->s : 0.0;
}

/* c such that the solution is x = g(u) with the u that is wanted */
static void FillPlace(const Patient *p, Data *d)
{
  for (PetscInt i = 0; i < d->n; i++) {
    const PetscReal   scale = PetscPowReal(10.0, d->n > 1 ? p->xscale * (4.0 * (i / 2) / (d->n - 1) - 1.0) : 0.0);
    const PetscScalar w     = Wave(8, i, 1);

    d->u[i] = (w + (PetscRealPart(w) > 0.0 ? 0.3 : -0.3)) * scale;
    if (CurveHasKinks(p->curve) && PetscAbsReal(PetscAbsScalar(d->u[i]) - Kink(p)) < 0.1) d->u[i] *= 1.5; /* well away from it */
    if (p->place == AT_ZERO) d->u[i] = 0.0;
    if (p->place == AT_KINK && i == d->n / 2) d->u[i] = Kink(p);
    d->x[i] = CurveValue(p->curve, p->s, d->u[i]);
    for (PetscInt j = 0; j < d->m; j++) d->B[i * d->m + j] *= scale;
  }
  for (PetscInt i = 0; i < d->n; i++) {
    d->c[i] = d->u[i];
    for (PetscInt j = 0; j < d->n; j++) d->c[i] -= d->A[i * d->n + j] * d->x[j];
    for (PetscInt j = 0; j < d->m; j++) d->c[i] -= d->B[i * d->m + j] * CurveValue(p->tau, p->t, d->theta[j]);
    if (p->place == AT_NOWHERE) d->c[i] = 10.0;
  }
}

PetscErrorCode DataCreate(const Patient *p, Data *d)
{
  const PetscInt n = p->n ? p->n : 12, m = p->m ? p->m : 5;

  PetscFunctionBeginUser;
  d->n = n;
  d->m = m;
  PetscCall(PetscCalloc5(n * n, &d->A, n * m, &d->B, n, &d->c, n, &d->u, n, &d->x));
  PetscCall(PetscCalloc5(m, &d->theta, m, &d->thetadot, n, &d->v, n, &d->left, n, &d->right));
  PetscCall(FillA(p, d));
  FillParameters(p, d);
  FillCotangent(p, d);
  FillPlace(p, d);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode DataDestroy(Data *d)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree5(d->A, d->B, d->c, d->u, d->x));
  PetscCall(PetscFree5(d->theta, d->thetadot, d->v, d->left, d->right));
  PetscFunctionReturn(PETSC_SUCCESS);
}
