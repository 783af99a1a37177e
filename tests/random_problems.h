/*
   Random problems with known derivatives: the Problem of problems.h with A = Q T Q^H, Q a product of random reflections,
   and random B, c, v. Every number depends on the seed and on its global index alone, whatever the number of processes.
*/
#ifndef CONTRAGRAD_RANDOM_PROBLEMS_H
#define CONTRAGRAD_RANDOM_PROBLEMS_H

#include <stdint.h>
#include "problems.h"

/* T: diagonal; scaled rotations, pairs of eigenvalues; triangular; triangular and far from normal */
typedef enum { RANDOM_NORMAL,
               RANDOM_PAIRS,
               RANDOM_COUPLED,
               RANDOM_NONNORMAL,
               RANDOM_KINDS } RandomKind;

/* Uniform in (0, 1): a hash of (seed, i, j) by the mixing function of splitmix64 */
static inline PetscReal Uniform(uint64_t seed, PetscInt i, PetscInt j)
{
  uint64_t z = seed * 0xd1342543de82ef95ULL + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15ULL + (uint64_t)(j + 1) * 0xbf58476d1ce4e5b9ULL;

  for (PetscInt k = 0; k < 3; k++) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z = z ^ (z >> 31);
  }
  return ((PetscReal)(z >> 12) + 0.5) / 4503599627370496.0;
}

static inline PetscReal Normal(uint64_t seed, PetscInt i, PetscInt j)
{
  return PetscSqrtReal(-2.0 * PetscLogReal(Uniform(seed, i, 2 * j))) * PetscCosReal(2.0 * PETSC_PI * Uniform(seed, i, 2 * j + 1));
}

static inline PetscScalar NormalScalar(uint64_t seed, PetscInt i, PetscInt j)
{
  return PetscCMPLX(Normal(seed, i, j), PetscDefined(USE_COMPLEX) ? Normal(seed + 77777, i, j) : 0.0);
}

/* One of `n` */
static inline PetscInt Choose(uint64_t seed, PetscInt which, PetscInt n)
{
  return (PetscInt)(Uniform(seed, 1000 + which, 0) * n);
}

static inline PetscErrorCode VecSetNormal(Vec v, uint64_t seed)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, NormalScalar(seed, i, 0), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Eigenvalues of magnitude rho at most, one of them rho */
static inline void FillRandomTriangular(PetscInt n, uint64_t seed, RandomKind kind, PetscReal rho, PetscScalar T[])
{
  const PetscReal coupling = kind == RANDOM_COUPLED ? 0.3 / PetscSqrtReal((PetscReal)n) : (kind == RANDOM_NONNORMAL ? 1.5 / PetscSqrtReal((PetscReal)n) : 0.0);

  for (PetscInt i = 0; i < n; i++) {
    const PetscInt  first = i - i % 2, other = i % 2 ? first : first + 1;
    const PetscReal r = rho * (first ? Uniform(seed, first, 3) : 1.0), phi = 2.0 * PETSC_PI * Uniform(seed, first, 5);
    const PetscBool pair = (PetscBool)(kind == RANDOM_PAIRS && other < n);

    for (PetscInt j = 0; j < n; j++) T[i * n + j] = j > (pair ? first + 1 : i) ? coupling * NormalScalar(seed + 1, i, j) : 0.0;
    if (pair) {
      T[i * n + i]     = r * PetscCosReal(phi);
      T[i * n + other] = (i % 2 ? 1.0 : -1.0) * r * PetscSinReal(phi);
    } else
      T[i * n + i] = (Uniform(seed, i, 7) < 0.3 ? -1.0 : 1.0) * rho * (i ? Uniform(seed, i, 3) : 1.0);
  }
}

static inline PetscErrorCode MatFillNormal(Mat B, uint64_t seed)
{
  PetscInt lo, hi, m;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(B, &lo, &hi));
  PetscCall(MatGetSize(B, NULL, &m));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < m; j++) PetscCall(MatSetValue(B, i, j, NormalScalar(seed, i, j), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MatFillRandom(Mat A, uint64_t seed, RandomKind kind, PetscReal rho)
{
  PetscScalar *T, *u;
  PetscInt     n, lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(PetscMalloc2(n * n, &T, n, &u));
  FillRandomTriangular(n, seed, kind, rho, T);
  for (PetscInt k = 0; k < 3; k++) {
    PetscReal norm = 0.0;

    for (PetscInt i = 0; i < n; i++) {
      u[i] = NormalScalar(seed + 2 + k, i, 0);
      norm += PetscSqr(PetscAbsScalar(u[i]));
    }
    for (PetscInt i = 0; i < n; i++) u[i] /= PetscSqrtReal(norm);
    Reflect(n, u, T);
  }
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < n; j++) PetscCall(MatSetValue(A, i, j, T[i * n + j], INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree2(T, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c such that `x`, which is the solution then, gets c = x - F(x)|_{c = 0} */
static inline PetscErrorCode ProblemPlaceSolution(Problem *p, Vec x)
{
  const PetscBool residual = p->residual;

  PetscFunctionBegin;
  p->residual = PETSC_TRUE;
  PetscCall(VecSet(p->c, 0.0));
  PetscCall(ProblemMap(NULL, x, p->theta, p->at, p));
  PetscCall(VecCopy(p->at, p->c));
  p->residual = residual;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Another problem of the same sizes; with s != 0 nonlinear by the squares of problems.h. The solution has random entries of size 1,
   and so has the initial guess p->x, which is half as far from it as from zero
*/
static inline PetscErrorCode RandomProblemFill(uint64_t seed, RandomKind kind, PetscReal rho, PetscReal s, Problem *p)
{
  PetscFunctionBegin;
  PetscCall(MatFillRandom(p->A, 100 * seed, kind, rho));
  PetscCall(MatFillNormal(p->B, 100 * seed + 10));
  PetscCall(VecSetNormal(p->theta, 100 * seed + 20));
  PetscCall(VecSetNormal(p->thetadot, 100 * seed + 30));
  PetscCall(VecSetNormal(p->v, 100 * seed + 50));
  p->s = s;
  p->t = s != 0.0 ? 0.1 : 0.0;
  PetscCall(VecSetNormal(p->x, 100 * seed + 40));
  PetscCall(ProblemPlaceSolution(p, p->x));
  PetscCall(VecSetNormal(p->xdot, 100 * seed + 60));
  PetscCall(VecAXPY(p->x, 0.5, p->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n unknowns, m parameters */
static inline PetscErrorCode RandomProblemCreate(MPI_Comm comm, PetscInt n, PetscInt m, uint64_t seed, RandomKind kind, PetscReal rho, PetscReal s, PetscBool residual, Problem *p)
{
  PetscFunctionBegin;
  PetscCall(ProblemCreate(comm, n, LAYOUT_UNEVEN, m, LAYOUT_EVEN, SPECTRUM_ZERO, 0.0, p));
  p->residual = residual;
  PetscCall(RandomProblemFill(seed, kind, rho, s, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On PETSC_COMM_SELF: p->LU = M at p->x, factored; the matrix is made once */
static inline PetscErrorCode ProblemFactor(Problem *p)
{
  const PetscScalar *x, *values;
  const PetscInt    *cols;
  PetscInt           ncols;
  PetscScalar        diagonal;

  PetscFunctionBegin;
  if (!p->LU)
    PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, p->n, p->n, NULL, &p->LU));
  else
    PetscCall(MatSetUnfactored(p->LU));
  PetscCall(MatZeroEntries(p->LU));
  PetscCall(VecGetArrayRead(p->x, &x));
  for (PetscInt i = 0; i < p->n; i++) {
    diagonal = 2.0 * p->s * x[i] - 1.0;
    PetscCall(MatGetRow(p->A, i, &ncols, &cols, &values));
    PetscCall(MatSetValues(p->LU, 1, &i, ncols, cols, values, ADD_VALUES));
    PetscCall(MatSetValues(p->LU, 1, &i, 1, &i, &diagonal, ADD_VALUES));
    PetscCall(MatRestoreRow(p->A, i, &ncols, &cols, &values));
  }
  PetscCall(VecRestoreArrayRead(p->x, &x));
  PetscCall(MatAssemblyBegin(p->LU, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->LU, MAT_FINAL_ASSEMBLY));
  PetscCall(MatScale(p->LU, -1.0));
  PetscCall(MatLUFactor(p->LU, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar and xdot of ProblemReference(), with these factors; M^H w = v is M^T conj(w) = conj(v) */
static inline PetscErrorCode ProblemReferenceLU(Problem *p)
{
  PetscFunctionBegin;
  PetscCall(ProblemFactor(p));
  PetscCall(VecCopy(p->v, p->xwork));
  PetscCall(VecConjugate(p->xwork));
  PetscCall(MatSolveTranspose(p->LU, p->xwork, p->at));
  PetscCall(VecConjugate(p->at));
  PetscCall(MatMultHermitianTranspose(p->B, p->at, p->thetabar));
  PetscCall(SquareJacobian(p->t, p->theta, PETSC_TRUE, p->thetabar, p->twork, p->thetabar));
  PetscCall(SquareJacobian(p->t, p->theta, PETSC_FALSE, p->thetadot, p->twork, p->twork));
  PetscCall(MatMult(p->B, p->twork, p->at));
  PetscCall(MatSolve(p->LU, p->at, p->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p->x becomes the solution next to it, by Newton's method; the factors are kept for some steps */
static inline PetscErrorCode ProblemSolveTightly(Problem *p)
{
  PetscReal norm = 1.0, xnorm = 0.0;
  PetscBool residual = p->residual;

  PetscFunctionBegin;
  p->residual = PETSC_TRUE;
  for (PetscInt k = 0; k < 60 && norm > 1e-15 * xnorm; k++) {
    if (k % 6 == 0) PetscCall(ProblemFactor(p));
    PetscCall(ProblemMap(NULL, p->x, p->theta, p->at, p));
    PetscCall(MatSolve(p->LU, p->at, p->xdot));
    PetscCall(VecAXPY(p->x, -1.0, p->xdot));
    PetscCall(VecNorm(p->xdot, NORM_2, &norm));
    PetscCall(VecNorm(p->x, NORM_2, &xnorm));
  }
  p->residual = residual;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* self->thetabar, self->xdot: derivatives of the solution nearest to the state that p has found, on every process */
static inline PetscErrorCode RandomProblemReference(const Problem *p, Problem *self)
{
  Vec        all;
  VecScatter scatter;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(p->x, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, p->x, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, p->x, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecCopy(all, self->x));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&all));
  PetscCall(ProblemSolveTightly(self));
  PetscCall(ProblemReferenceLU(self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
