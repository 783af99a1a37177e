/*
   One of each projection and proximal map at random data, for the tests. Every number depends on its global index alone.
*/
#ifndef CONTRAGRAD_TEST_PROX_H
#define CONTRAGRAD_TEST_PROX_H

#include "random_problems.h"

#define PROX_BS   3 /* entries of a block; lengths are multiples */
#define PROX_ROWS 4 /* of the matrix of the affine set */

/* The kinds, and then variants: a ball about 0 that z is in, an orthant by bounds on one side */
typedef enum { CASE_BALL_INSIDE = ADJ_PROX_AFFINE + 1,
               CASE_ONE_BOUND,
               CASE_LAST } ProxVariant;

typedef struct {
  int     which;
  char    name[64];
  ADJProx prox;
  Mat     A;
  Vec     a, b, z;
} ProxCase;

/* With complex scalars there is no order */
static inline PetscBool ProxCaseExists(int which)
{
  const PetscBool order = (PetscBool)(which == ADJ_PROX_BOX || which == ADJ_PROX_NONNEGATIVE || which == ADJ_PROX_SIMPLEX || which == CASE_ONE_BOUND);

  return (PetscBool)(!order || !PetscDefined(USE_COMPLEX));
}

static inline PetscErrorCode ProxVecCreate(PetscInt N, Layout layout, PetscInt bs, Vec *v)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, N / bs, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n * bs, N, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProxCreateAffine(PetscInt N, Layout layout, uint64_t seed, ProxCase *c)
{
  PetscInt n, m;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(c->z, &n));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, PROX_ROWS, &m));
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, n, PROX_ROWS, N, NULL, &c->A));
  PetscCall(MatFillNormal(c->A, seed));
  PetscCall(MatCreateVecs(c->A, NULL, &c->a));
  PetscCall(VecSetNormal(c->a, seed + 1));
  PetscCall(ADJProxCreateAffine(c->A, c->a, &c->prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProxCreateBox(uint64_t seed, ProxCase *c)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(c->z, &c->a));
  PetscCall(VecDuplicate(c->z, &c->b));
  PetscCall(VecGetOwnershipRange(c->z, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(VecSetValue(c->a, i, i % 7 == 3 ? PETSC_NINFINITY : -Uniform(seed, i, 0), INSERT_VALUES));
    PetscCall(VecSetValue(c->b, i, i % 7 == 5 ? PETSC_INFINITY : Uniform(seed, i, 1), INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(c->a));
  PetscCall(VecAssemblyEnd(c->a));
  PetscCall(VecAssemblyBegin(c->b));
  PetscCall(VecAssemblyEnd(c->b));
  PetscCall(ADJProxCreateBox(PETSC_COMM_WORLD, c->a, c->b, &c->prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* N: a multiple of PROX_BS, 6 at least */
static inline PetscErrorCode ProxCaseCreate(int which, PetscInt N, Layout layout, uint64_t seed, ProxCase *c)
{
  const PetscReal size = PetscSqrtReal((PetscReal)N);

  PetscFunctionBegin;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  c->which = which;
  PetscCall(ProxVecCreate(N, layout, PROX_BS, &c->z));
  PetscCall(VecSetNormal(c->z, seed));
  PetscCall(PetscSNPrintf(c->name, sizeof(c->name), "%s, layout %d", which == CASE_BALL_INSIDE ? "inside of a ball" : (which == CASE_ONE_BOUND ? "lower bounds" : ADJProxKinds[which]), (int)layout));
  if (which == ADJ_PROX_BOX) PetscCall(ProxCreateBox(seed + 2, c));
  if (which == ADJ_PROX_NONNEGATIVE) PetscCall(ADJProxCreateNonnegative(PETSC_COMM_WORLD, &c->prox));
  if (which == ADJ_PROX_L1) PetscCall(ADJProxCreateL1(PETSC_COMM_WORLD, 0.7, &c->prox));
  if (which == ADJ_PROX_GROUP_L1) PetscCall(ADJProxCreateGroupL1(PETSC_COMM_WORLD, PetscDefined(USE_COMPLEX) ? 2.3 : 1.5, PROX_BS, &c->prox));
  if (which == ADJ_PROX_SIMPLEX) PetscCall(ADJProxCreateSimplex(PETSC_COMM_WORLD, 2.5, &c->prox));
  if (which == ADJ_PROX_AFFINE) PetscCall(ProxCreateAffine(N, layout, seed + 3, c));
  if (which == ADJ_PROX_BALL || which == CASE_ONE_BOUND) {
    PetscCall(VecDuplicate(c->z, &c->a));
    PetscCall(VecSetNormal(c->a, seed + 4));
  }
  if (which == ADJ_PROX_BALL) PetscCall(ADJProxCreateBall(PETSC_COMM_WORLD, c->a, 0.4 * size, &c->prox));
  if (which == CASE_ONE_BOUND) PetscCall(ADJProxCreateBox(PETSC_COMM_WORLD, c->a, NULL, &c->prox));
  if (which == CASE_BALL_INSIDE) PetscCall(ADJProxCreateBall(PETSC_COMM_WORLD, NULL, 4.0 * size, &c->prox));
  PetscCall(ADJProxSetFromOptions(c->prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ProxCaseDestroy(ProxCase *c)
{
  PetscFunctionBegin;
  PetscCall(ADJProxDestroy(&c->prox));
  PetscCall(MatDestroy(&c->A));
  PetscCall(VecDestroy(&c->a));
  PetscCall(VecDestroy(&c->b));
  PetscCall(VecDestroy(&c->z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re(x^H y) */
static inline PetscErrorCode RealDot(Vec x, Vec y, PetscReal *dot)
{
  PetscScalar value;

  PetscFunctionBegin;
  *dot = 0.0;
  PetscCall(VecDot(x, y, &value));
  *dot = PetscRealPart(value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |x - y| / max(|y|, 1) in the maximum norm */
static inline PetscErrorCode VecGap(Vec x, Vec y, PetscReal *distance)
{
  Vec       d;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecWAXPY(d, -1.0, x, y));
  PetscCall(VecNorm(d, NORM_INFINITY, distance));
  PetscCall(VecNorm(y, NORM_INFINITY, &norm));
  *distance /= PetscMax(norm, 1.0);
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All of v on every process; destroy it */
static inline PetscErrorCode VecGather(Vec v, Vec *all)
{
  VecScatter scatter;

  PetscFunctionBegin;
  PetscCall(VecScatterCreateToAll(v, &scatter, all));
  PetscCall(VecScatterBegin(scatter, v, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterDestroy(&scatter));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
