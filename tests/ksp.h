/*
   A linear system of a user, A(theta) x = b(theta), with its KSP: n unknowns, m parameters,

       A_ij = a_ij exp(t_{(i+j) mod m}/4) on a pattern of neighbours and one far entry,   b_i = c_i + t_{i mod m}^2

   and what an ADJ needs of it. Whatever is asked of x or theta is gathered on every process: the problem is small.
*/
#ifndef TESTS_KSP_H
#define TESTS_KSP_H

#include "problems.h"

typedef struct {
  PetscInt  n, m;
  PetscBool symmetric;   /* A = A^T, or A = A^H with complex scalars */
  PetscBool coefficient; /* A depends on theta */
  PetscBool load;        /* b depends on theta */
  Mat       A;
  KSP       ksp;
  Vec       b, x, theta, v, thetabar, thetadot, xdot;
  PetscInt  puts;
  ADJ       adj;
} Linear;

static inline PetscErrorCode GatherBegin(Vec v, Vec *all, const PetscScalar **a)
{
  VecScatter scatter;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(v, &scatter, all));
  PetscCall(VecScatterBegin(scatter, v, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecGetArrayRead(*all, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GatherEnd(Vec *all, const PetscScalar **a)
{
  PetscFunctionBegin;
  PetscCall(VecRestoreArrayRead(*all, a));
  PetscCall(VecDestroy(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Columns of row i; a_ij */
static inline PetscInt LinearColumns(const Linear *p, PetscInt i, PetscInt cols[])
{
  PetscInt n = 0;

  cols[n++] = i;
  if (i > 0) cols[n++] = i - 1;
  if (i < p->n - 1) cols[n++] = i + 1;
  if (i + 7 < p->n) cols[n++] = i + 7;
  if (p->symmetric && i >= 7) cols[n++] = i - 7;
  return n;
}

static inline PetscScalar LinearEntry(const Linear *p, PetscInt i, PetscInt j)
{
  if (i == j) return PetscCMPLX(5.0 + 0.1 * (i % 5), p->symmetric ? 0.0 : 0.4);
  if (!p->symmetric) return -1.0 + 0.6 * Wave(11, i, j);
  return j > i ? -1.0 + 0.4 * Wave(11, i, j) : PetscConj(-1.0 + 0.4 * Wave(11, j, i));
}

/* Of real parameters, where A is to be Hermitian */
static inline PetscScalar LinearFactor(const Linear *p, PetscInt i, PetscInt j, const PetscScalar t[])
{
  const PetscScalar s = t[(i + j) % p->m];

  if (!p->coefficient) return 1.0;
  return PetscExpScalar(0.25 * s);
}

static inline PetscErrorCode LinearAssemble(Linear *p, Vec theta)
{
  const PetscScalar *t;
  Vec                all;
  PetscInt           lo, hi, cols[8];

  PetscFunctionBegin;
  PetscCall(GatherBegin(theta, &all, &t));
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt n = LinearColumns(p, i, cols);

    for (PetscInt k = 0; k < n; k++) PetscCall(MatSetValue(p->A, i, cols[k], LinearEntry(p, i, cols[k]) * LinearFactor(p, i, cols[k], t), INSERT_VALUES));
    PetscCall(VecSetValue(p->b, i, Wave(12, i, 3) + (p->load ? t[i % p->m] * t[i % p->m] : 0.0), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(p->b));
  PetscCall(VecAssemblyEnd(p->b));
  PetscCall(GatherEnd(&all, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LinearPut(ADJ adj, Vec theta, void *ctx)
{
  Linear *p = (Linear *)ctx;

  (void)adj;
  PetscFunctionBegin;
  p->puts++;
  PetscCall(LinearAssemble(p, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = (dA/dtheta x - db/dtheta)^H w */
static inline PetscErrorCode LinearParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Linear            *p = (Linear *)ctx;
  const PetscScalar *t, *xa, *wa;
  Vec                tall, xall, wall;
  PetscInt           lo, hi, cols[8];

  (void)adj;
  PetscFunctionBegin;
  PetscCall(GatherBegin(theta, &tall, &t));
  PetscCall(GatherBegin(x, &xall, &xa));
  PetscCall(GatherBegin(w, &wall, &wa));
  PetscCall(VecSet(thetabar, 0.0));
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt n = LinearColumns(p, i, cols);

    for (PetscInt k = 0; p->coefficient && k < n; k++) {
      const PetscScalar g = PetscConj(0.25 * LinearEntry(p, i, cols[k]) * LinearFactor(p, i, cols[k], t) * xa[cols[k]]) * wa[i];

      PetscCall(VecSetValue(thetabar, (i + cols[k]) % p->m, g, ADD_VALUES));
    }
    if (p->load) PetscCall(VecSetValue(thetabar, i % p->m, -PetscConj(2.0 * t[i % p->m]) * wa[i], ADD_VALUES));
  }
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscCall(GatherEnd(&tall, &t));
  PetscCall(GatherEnd(&xall, &xa));
  PetscCall(GatherEnd(&wall, &wa));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own code: matrix, vectors, a KSP without a prefix that reads `options`. A is assembled once, at theta */
static inline PetscErrorCode LinearCreate(PetscInt n, Layout xlayout, PetscInt m, Layout tlayout, PetscBool symmetric, Linear *p)
{
  PetscInt nl, ml;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->n           = n;
  p->m           = m;
  p->symmetric   = symmetric;
  p->coefficient = p->load = PETSC_TRUE;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, xlayout, n, &nl));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, tlayout, m, &ml));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, nl, nl, n, n, 5, NULL, 5, NULL, &p->A));
  PetscCall(MatSetOption(p->A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  if (symmetric) {
    PetscCall(MatSetOption(p->A, MAT_SYMMETRIC, (PetscBool)!PetscDefined(USE_COMPLEX)));
    PetscCall(MatSetOption(p->A, MAT_HERMITIAN, PETSC_TRUE));
    PetscCall(MatSetOption(p->A, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  }
  PetscCall(MatCreateVecs(p->A, &p->x, &p->b));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCall(VecDuplicate(p->x, &p->xdot));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, ml, m, &p->theta));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecDuplicate(p->theta, &p->thetadot));
  PetscCall(VecSetWave(p->theta, 5));
  PetscCall(VecSetWave(p->thetadot, 7));
  PetscCall(VecSetWave(p->v, 6));
  if (symmetric) PetscCall(VecRealPart(p->theta));
  if (symmetric) PetscCall(VecRealPart(p->thetadot));
  PetscCall(LinearAssemble(p, p->theta));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &p->ksp));
  PetscCall(KSPSetOperators(p->ksp, p->A, p->A));
  PetscCall(KSPSetTolerances(p->ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetFromOptions(p->ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With all functions, before ADJSetFromOptions() */
static inline PetscErrorCode LinearCreateADJ(Linear *p)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetKSP(p->adj, p->ksp));
  PetscCall(ADJSetRhs(p->adj, p->b));
  PetscCall(ADJSetParameters(p->adj, LinearPut, p));
  PetscCall(ADJSetParameterVJP(p->adj, LinearParameterVJP, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LinearDestroy(Linear *p)
{
  Vec *vecs[] = {&p->b, &p->x, &p->theta, &p->v, &p->thetabar, &p->thetadot, &p->xdot};

  PetscFunctionBegin;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(KSPDestroy(&p->ksp));
  PetscCall(MatDestroy(&p->A));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By hand: y = A^{-1} b or A^{-H} b to rounding, of the matrix as it is, with the copy transposed explicitly */
static inline PetscErrorCode SolveByHand(Mat A, PetscBool adjoint, Vec b, Vec y)
{
  KSP ksp;
  PC  pc;
  Mat B;

  PetscFunctionBegin;
  if (adjoint)
    PetscCall(MatHermitianTranspose(A, MAT_INITIAL_MATRIX, &B));
  else
    PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), &ksp));
  PetscCall(KSPSetOperators(ksp, B, B));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetType(ksp, KSPFGMRES));
  PetscCall(KSPGMRESSetRestart(ksp, 200));
  PetscCall(KSPSetTolerances(ksp, 1e-14, PETSC_DEFAULT, PETSC_DEFAULT, 2000));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, x(theta + h d)>, solved by hand; A and b stay there */
static inline PetscErrorCode LinearFunctional(Linear *p, PetscReal h, Vec d, PetscReal *J)
{
  Vec         theta, x;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecWAXPY(theta, h, d, p->theta));
  PetscCall(LinearAssemble(p, theta));
  PetscCall(SolveByHand(p->A, PETSC_FALSE, p->b, x));
  PetscCall(VecDot(x, p->v, &dot));
  *J = PetscRealPart(dot);
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fourth-order central difference of it along d */
static inline PetscErrorCode LinearDifference(Linear *p, Vec d, PetscReal *slope)
{
  const PetscReal h = 2e-3, weight[4] = {1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0}, at[4] = {-2.0, -1.0, 1.0, 2.0};
  PetscReal       J = 0.0;

  PetscFunctionBegin;
  *slope = 0.0;
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(LinearFunctional(p, at[i] * h, d, &J));
    *slope += weight[i] * J / h;
  }
  PetscCall(LinearAssemble(p, p->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode RealDot(Vec a, Vec b, PetscReal *dot)
{
  PetscScalar z;

  PetscFunctionBegin;
  *dot = 0.0;
  PetscCall(VecDot(a, b, &z));
  *dot = PetscRealPart(z);
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
