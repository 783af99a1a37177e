/*
   Problems with known answers for the tests: the fixed point of

       F(x, theta) = A x + s x^2 + B (theta + t theta^2) + c        (squares by component)

   with A of prescribed spectrum, or the root of R = x - F. With s = t = 0 it is linear. Every entry depends on its
   global index alone, so the same problem can be had on PETSC_COMM_SELF, where a dense LU factorization answers.
*/
#ifndef CONTRAGRAD_PROBLEMS_H
#define CONTRAGRAD_PROBLEMS_H

#include <contragrad.h>
#include "tap.h"

/* How an index range is spread: evenly, growing with the rank, all but the first rank, the last rank alone */
typedef enum { LAYOUT_EVEN,
               LAYOUT_UNEVEN,
               LAYOUT_EMPTY,
               LAYOUT_LAST } Layout;

/* Eigenvalues of A: all zero; real, -rho the largest by far; pairs rho_k exp(+-i phi_k), the largest left of 0; real in a tight cluster below rho */
typedef enum { SPECTRUM_ZERO,
               SPECTRUM_REAL,
               SPECTRUM_PAIRS,
               SPECTRUM_CLUSTER } Spectrum;

typedef struct {
  PetscInt  n, m;
  Mat       A, B;
  PetscReal s, t;
  PetscBool residual; /* R = x - F instead of F */
  ADJ       adj;
  Vec       theta, thetadot, thetabar, x, xdot, v; /* v: cotangent of the state */
  Vec       at, thetaat;                           /* where the last linearization was made */
  PetscInt  linearized, elsewhere;                 /* linearizations; products asked for elsewhere than at the last of them */
  Vec       c, xwork, twork;
  Mat       LU; /* dense factors of M, where they are kept */
} Problem;

static inline PetscScalar Wave(PetscInt seed, PetscInt i, PetscInt j)
{
  const PetscReal a = 1.0 + seed + 1.7 * (PetscReal)((i + 1) * (j + 1)) + 0.3 * (PetscReal)((i + 1) * (i + 1));

  return PetscCMPLX(PetscSinReal(a), 0.5 * PetscCosReal(2.0 * a));
}

/* v_i = Wave(seed, i) */
static inline PetscErrorCode VecSetWave(Vec v, PetscInt seed)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, Wave(seed, i, seed), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LayoutLocalSize(MPI_Comm comm, Layout layout, PetscInt N, PetscInt *n)
{
  PetscMPIInt r, S;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &r));
  PetscCallMPI(MPI_Comm_size(comm, &S));
  if (S == 1)
    *n = N;
  else if (layout == LAYOUT_EVEN)
    *n = N * (r + 1) / S - N * r / S;
  else if (layout == LAYOUT_UNEVEN)
    *n = N * (r + 1) * (r + 2) / (S * (S + 1)) - N * r * (r + 1) / (S * (S + 1));
  else if (layout == LAYOUT_EMPTY)
    *n = r ? N * r / (S - 1) - N * (r - 1) / (S - 1) : 0;
  else
    *n = r == S - 1 ? N : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Eigenvalue i, with a real spectrum; complex scalars turn it away from the real axis */
static inline PetscScalar Eigenvalue(PetscInt n, Spectrum spectrum, PetscReal rho, PetscInt i)
{
  if (spectrum == SPECTRUM_ZERO) return 0.0;
  if (spectrum == SPECTRUM_CLUSTER) return rho * (1.0 - 0.001 * i);
#if defined(PETSC_USE_COMPLEX)
  return (i ? 0.8 * rho * (n - i) / n : rho) * PetscExpComplex(PetscCMPLX(0.0, 0.5 + i));
#else
  return (i % 2 ? 1.0 : -1.0) * (i ? 0.8 * rho * (n - i) / n : rho);
#endif
}

/* Block-triangular T with the eigenvalues asked for, row-major */
static inline void FillTriangular(PetscInt n, Spectrum spectrum, PetscReal rho, PetscScalar T[])
{
  const PetscReal coupling = spectrum == SPECTRUM_REAL || spectrum == SPECTRUM_PAIRS ? 0.05 : 0.0;

  for (PetscInt i = 0; i < n; i++) {
    const PetscInt  first = i - i % 2, other = i % 2 ? first : first + 1;
    const PetscBool pair = (PetscBool)(spectrum == SPECTRUM_PAIRS && other < n);
    const PetscReal r    = first ? 0.8 * rho * (n - first) / n : rho;

    for (PetscInt j = 0; j < n; j++) T[i * n + j] = j > (pair ? first + 1 : i) ? coupling * Wave(1, i, j) : 0.0;
    if (pair) { /* a rotation, scaled */
      T[i * n + i]     = r * PetscCosReal(2.0 + first);
      T[i * n + other] = (i % 2 ? 1.0 : -1.0) * r * PetscSinReal(2.0 + first);
    } else
      T[i * n + i] = Eigenvalue(n, spectrum, rho, i);
  }
}

/* A = Q T Q with the reflection Q = I - 2 u u^H: the same eigenvalues, no structure */
static inline void Reflect(PetscInt n, const PetscScalar u[], PetscScalar T[])
{
  for (PetscInt side = 0; side < 2; side++) {
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt p = side ? n : 1, q = side ? 1 : n; /* column i, then row i */
      PetscScalar    dot = 0.0;

      for (PetscInt k = 0; k < n; k++) dot += (side ? u[k] : PetscConj(u[k])) * T[k * q + i * p];
      for (PetscInt k = 0; k < n; k++) T[k * q + i * p] -= 2.0 * dot * (side ? PetscConj(u[k]) : u[k]);
    }
  }
}

static inline PetscErrorCode ProblemFillA(PetscInt n, Spectrum spectrum, PetscReal rho, Mat A)
{
  PetscScalar *T, *u;
  PetscReal    norm = 0.0;
  PetscInt     lo, hi;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n * n, &T, n, &u));
  FillTriangular(n, spectrum, rho, T);
  for (PetscInt i = 0; i < n; i++) {
    u[i] = Wave(2, i, 1);
    norm += PetscSqr(PetscAbsScalar(u[i]));
  }
  for (PetscInt i = 0; i < n; i++) u[i] /= PetscSqrtReal(norm);
  if (spectrum != SPECTRUM_ZERO)
    Reflect(n, u, T);
  else
    PetscCall(PetscArrayzero(T, n * n));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < n; j++) PetscCall(MatSetValue(A, i, j, T[i * n + j], INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree2(T, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MatCreateFullAIJ(MPI_Comm comm, PetscInt nl, PetscInt ml, PetscInt n, PetscInt m, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(comm, nl, ml, n, m, m, NULL, m, NULL, A));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A linear fixed point; set s, t, residual afterwards for others. The state is zero, the other vectors are not */
static inline PetscErrorCode ProblemCreate(MPI_Comm comm, PetscInt n, Layout xlayout, PetscInt m, Layout tlayout, Spectrum spectrum, PetscReal rho, Problem *p)
{
  PetscInt nl, ml, lo, hi;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->n = n;
  p->m = m;
  PetscCall(LayoutLocalSize(comm, xlayout, n, &nl));
  PetscCall(LayoutLocalSize(comm, tlayout, m, &ml));
  PetscCall(MatCreateFullAIJ(comm, nl, nl, n, n, &p->A));
  PetscCall(MatCreateFullAIJ(comm, nl, ml, n, m, &p->B));
  PetscCall(ProblemFillA(n, spectrum, rho, p->A));
  PetscCall(MatGetOwnershipRange(p->B, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < m; j++) PetscCall(MatSetValue(p->B, i, j, Wave(3, i, j), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(p->B, &p->twork, &p->xwork));
  PetscCall(MatCreateVecs(p->B, &p->theta, &p->x));
  PetscCall(MatCreateVecs(p->B, &p->thetadot, &p->xdot));
  PetscCall(MatCreateVecs(p->B, &p->thetabar, &p->v));
  PetscCall(VecDuplicate(p->x, &p->c));
  PetscCall(VecDuplicate(p->x, &p->at));
  PetscCall(VecDuplicate(p->theta, &p->thetaat));
  PetscCall(VecSetWave(p->c, 4));
  PetscCall(VecSetWave(p->theta, 5));
  PetscCall(VecSetWave(p->v, 6));
  PetscCall(VecSetWave(p->thetadot, 7));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProblemDestroy(Problem *p)
{
  Vec *vecs[] = {&p->theta, &p->thetadot, &p->thetabar, &p->x, &p->xdot, &p->v, &p->at, &p->thetaat, &p->c, &p->xwork, &p->twork};

  PetscFunctionBegin;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->B));
  PetscCall(MatDestroy(&p->LU));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = diag(1 + 2 a x) d, or with the conjugate of the diagonal; y may be d */
static inline PetscErrorCode SquareJacobian(PetscReal a, Vec x, PetscBool adjoint, Vec d, Vec work, Vec y)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(x, work));
  PetscCall(VecScale(work, 2.0 * a));
  PetscCall(VecShift(work, 1.0));
  if (adjoint) PetscCall(VecConjugate(work));
  PetscCall(VecPointwiseMult(y, work, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProblemMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Problem *p = (Problem *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(VecPointwiseMult(p->twork, theta, theta));
  PetscCall(VecAYPX(p->twork, p->t, theta));
  PetscCall(MatMultAdd(p->B, p->twork, p->c, p->xwork));
  PetscCall(MatMultAdd(p->A, x, p->xwork, y));
  PetscCall(VecPointwiseMult(p->xwork, x, x));
  PetscCall(VecAXPY(y, p->s, p->xwork));
  if (p->residual) PetscCall(VecAYPX(y, -1.0, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether (x, theta) is where ProblemLinearize() was last called, to the bit */
static inline PetscErrorCode ProblemCheckPoint(Problem *p, Vec x, Vec theta)
{
  PetscReal xnorm, tnorm;

  PetscFunctionBegin;
  if (!p->linearized) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecWAXPY(p->xwork, -1.0, p->at, x));
  PetscCall(VecNorm(p->xwork, NORM_2, &xnorm));
  PetscCall(VecWAXPY(p->twork, -1.0, p->thetaat, theta));
  PetscCall(VecNorm(p->twork, NORM_2, &tnorm));
  if (xnorm != 0.0 || tnorm != 0.0) p->elsewhere++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProblemVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Problem *p = (Problem *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(ProblemCheckPoint(p, x, theta));
  if (xbar) { /* A^H w + (1 + 2 s x)^H w - w */
    PetscCall(MatMultHermitianTranspose(p->A, w, xbar));
    if (p->s != 0.0) {
      PetscCall(SquareJacobian(p->s, x, PETSC_TRUE, w, p->xwork, p->xwork));
      PetscCall(VecAXPY(p->xwork, -1.0, w));
      PetscCall(VecAXPY(xbar, 1.0, p->xwork));
    }
    if (p->residual) PetscCall(VecAYPX(xbar, -1.0, w));
  }
  if (thetabar) {
    PetscCall(MatMultHermitianTranspose(p->B, w, thetabar));
    PetscCall(SquareJacobian(p->t, theta, PETSC_TRUE, thetabar, p->twork, thetabar));
    if (p->residual) PetscCall(VecScale(thetabar, -1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A wrong one, 10 % too long in theta */
static inline PetscErrorCode ProblemLongVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ProblemVJP(adj, x, theta, w, xbar, thetabar, ctx));
  if (thetabar) PetscCall(VecScale(thetabar, 1.1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProblemJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Problem *p = (Problem *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(ProblemCheckPoint(p, x, theta));
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) {
    PetscCall(MatMult(p->A, xdot, ydot));
    PetscCall(SquareJacobian(p->s, x, PETSC_FALSE, xdot, p->xwork, p->xwork));
    PetscCall(VecAXPBYPCZ(ydot, 1.0, -1.0, 1.0, p->xwork, xdot));
  }
  if (thetadot) {
    PetscCall(SquareJacobian(p->t, theta, PETSC_FALSE, thetadot, p->twork, p->twork));
    PetscCall(MatMultAdd(p->B, p->twork, ydot, ydot));
  }
  if (p->residual) {
    PetscCall(VecScale(ydot, -1.0));
    if (xdot) PetscCall(VecAXPY(ydot, 1.0, xdot));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProblemLinearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Problem *p = (Problem *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(VecCopy(x, p->at));
  PetscCall(VecCopy(theta, p->thetaat));
  p->linearized++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p->adj with all callbacks, before ADJSetFromOptions() */
static inline PetscErrorCode ProblemCreateADJ(Problem *p)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PetscObjectComm((PetscObject)p->A), &p->adj));
  if (p->residual)
    PetscCall(ADJSetResidual(p->adj, ProblemMap, p));
  else
    PetscCall(ADJSetFixedPoint(p->adj, ProblemMap, p));
  PetscCall(ADJSetVJP(p->adj, ProblemVJP, p));
  PetscCall(ADJSetJVP(p->adj, ProblemJVP, p));
  PetscCall(ADJSetLinearize(p->adj, ProblemLinearize, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M = I - A - 2 s diag(x), assembled: MATAIJ, on the problem's communicator */
static inline PetscErrorCode ProblemGetM(Problem *p, Vec x, Mat *M)
{
  PetscFunctionBegin;
  PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, M));
  PetscCall(VecCopy(x, p->xwork));
  PetscCall(VecScale(p->xwork, 2.0 * p->s));
  PetscCall(VecShift(p->xwork, -1.0));
  PetscCall(MatDiagonalSet(*M, p->xwork, ADD_VALUES));
  PetscCall(MatScale(*M, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On PETSC_COMM_SELF, by dense LU: thetabar = N^H M^-H v and xdot = M^-1 N thetadot at p->x, p->theta */
static inline PetscErrorCode ProblemReference(Problem *p, Vec thetabar, Vec xdot)
{
  Mat M, MH;
  Vec w;

  PetscFunctionBegin;
  PetscCall(ProblemGetM(p, p->x, &M));
  PetscCall(MatConvert(M, MATDENSE, MAT_INPLACE_MATRIX, &M));
  PetscCall(MatHermitianTranspose(M, MAT_INITIAL_MATRIX, &MH));
  PetscCall(MatLUFactor(M, NULL, NULL, NULL));
  PetscCall(MatLUFactor(MH, NULL, NULL, NULL));
  PetscCall(VecDuplicate(p->x, &w));
  PetscCall(MatSolve(MH, p->v, w));
  PetscCall(MatMultHermitianTranspose(p->B, w, thetabar));
  PetscCall(SquareJacobian(p->t, p->theta, PETSC_TRUE, thetabar, p->twork, thetabar));
  PetscCall(SquareJacobian(p->t, p->theta, PETSC_FALSE, p->thetadot, p->twork, p->twork));
  PetscCall(MatMult(p->B, p->twork, w));
  PetscCall(MatSolve(M, w, xdot));
  PetscCall(MatDestroy(&M));
  PetscCall(MatDestroy(&MH));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |x|^2/2 + Re <v, x> + |theta|^4/4 */
static inline PetscErrorCode QuadraticObjective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Problem    *p = (Problem *)ctx;
  PetscReal   nx, nt;
  PetscScalar dot;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(VecDot(x, p->v, &dot));
  PetscCall(VecNorm(x, NORM_2, &nx));
  PetscCall(VecNorm(theta, NORM_2, &nt));
  *value = PetscRealPart(dot) + 0.5 * PetscSqr(nx) + 0.25 * PetscSqr(PetscSqr(nt));
  if (xbar) PetscCall(VecWAXPY(xbar, 1.0, x, p->v));
  if (thetabar) {
    PetscCall(VecCopy(theta, thetabar));
    PetscCall(VecScale(thetabar, PetscSqr(nt)));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |a - b| / |b| */
static inline PetscErrorCode VecDistance(Vec a, Vec b, PetscReal *distance)
{
  Vec       d;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &d));
  PetscCall(VecWAXPY(d, -1.0, b, a));
  PetscCall(VecNorm(d, NORM_2, distance));
  PetscCall(VecNorm(b, NORM_2, &norm));
  if (norm > 0.0) *distance /= norm;
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of a distributed vector against one that every process has */
static inline PetscErrorCode VecDistanceToSelf(Vec a, Vec b, PetscReal *distance)
{
  const PetscScalar *x, *y;
  PetscReal          sums[2] = {0.0, 0.0};
  PetscInt           lo, hi;

  PetscFunctionBegin;
  *distance = 0.0;
  PetscCall(VecGetOwnershipRange(a, &lo, &hi));
  PetscCall(VecGetArrayRead(a, &x));
  PetscCall(VecGetArrayRead(b, &y));
  for (PetscInt i = lo; i < hi; i++) {
    sums[0] += PetscSqr(PetscAbsScalar(x[i - lo] - y[i]));
    sums[1] += PetscSqr(PetscAbsScalar(y[i]));
  }
  PetscCall(VecRestoreArrayRead(a, &x));
  PetscCall(VecRestoreArrayRead(b, &y));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)a)));
  *distance = PetscSqrtReal(sums[0]);
  if (sums[1] > 0.0) *distance /= PetscSqrtReal(sums[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From here to OptionsEnd() the options are those of the text alone */
static inline PetscErrorCode OptionsBegin(const char text[], PetscOptions *options)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsCreate(options));
  PetscCall(PetscOptionsInsertString(*options, text));
  PetscCall(PetscOptionsPush(*options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that all of them were used */
static inline PetscErrorCode OptionsEnd(PetscOptions *options)
{
  PetscInt left;

  PetscFunctionBegin;
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsAllUsed(*options, &left));
  if (left) PetscCall(TapOk(PETSC_FALSE, "all options are used, but %" PetscInt_FMT " are not", left));
  PetscCall(PetscOptionsDestroy(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
