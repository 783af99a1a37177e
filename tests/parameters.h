/*
   A line of n points with three kinds of parameters: a field k on its points, a set s = (s_0, s_1), and the values g = (g_0, g_1) at its ends:

       R_0 = x_0 - g_0,    R_{n-1} = x_{n-1} - g_1,
       R_i = (k_{i-1} + k_i)/2 (x_i - x_{i-1}) + (k_i + k_{i+1})/2 (x_i - x_{i+1}) + s_0 x_i^3 + x_i - s_1 (1 + i/n)

   or F = x - R/8. The vector of the parameters holds them as blocks: of a VecNest, or of a DMComposite.
*/
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <contragrad.h>
#include <petscdmcomposite.h>
#include <petscdmredundant.h>
#include "tap.h"

#define LINE_RELAX 8.0

typedef struct {
  PetscInt    n;
  PetscBool   fixedpoint;
  DM          da, pack;       /* pack: NULL for a VecNest */
  Vec         k;              /* with ghosts */
  PetscScalar set[2], end[2]; /* on all processes */
  Vec         x, v, xdot, theta, thetadot, thetabar;
} Line;

/* The blocks of v; to be given back */
static inline PetscErrorCode LineGetBlocks(Line *l, Vec v, Vec block[3])
{
  PetscFunctionBegin;
  if (l->pack)
    PetscCall(DMCompositeGetAccess(l->pack, v, &block[0], &block[1], &block[2]));
  else {
    for (PetscInt i = 0; i < 3; i++) PetscCall(VecNestGetSubVec(v, i, &block[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineRestoreBlocks(Line *l, Vec v, Vec block[3])
{
  PetscFunctionBegin;
  if (l->pack) PetscCall(DMCompositeRestoreAccess(l->pack, v, &block[0], &block[1], &block[2]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A pair of values, from the processes that own them to all */
static inline PetscErrorCode PairGet(Vec v, PetscScalar pair[2])
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  pair[0] = pair[1] = 0.0;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecGetValues(v, 1, &i, &pair[i]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, pair, 2, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* And back: the sum of what the processes have */
static inline PetscErrorCode PairSum(const PetscScalar pair[2], Vec v)
{
  PetscScalar sum[2];
  PetscInt    lo, hi;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(pair, sum, 2, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, sum[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LinePut(ADJ adj, Vec theta, void *ctx)
{
  Line *l = (Line *)ctx;
  Vec   block[3];

  (void)adj;
  PetscFunctionBegin;
  PetscCall(LineGetBlocks(l, theta, block));
  PetscCall(DMGlobalToLocal(l->da, block[0], INSERT_VALUES, l->k));
  PetscCall(PairGet(block[1], l->set));
  PetscCall(PairGet(block[2], l->end));
  if (l->pack) PetscCall(DMCompositeRestoreAccess(l->pack, theta, &block[0], &block[1], &block[2]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineMap(ADJ adj, Vec X, Vec theta, Vec Y, void *ctx)
{
  Line              *l = (Line *)ctx;
  Vec                lx;
  const PetscScalar *x, *k;
  PetscScalar       *y;
  PetscInt           at, n;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(DMGetLocalVector(l->da, &lx));
  PetscCall(DMGlobalToLocal(l->da, X, INSERT_VALUES, lx));
  PetscCall(DMDAVecGetArrayRead(l->da, lx, &x));
  PetscCall(DMDAVecGetArrayRead(l->da, l->k, &k));
  PetscCall(DMDAVecGetArray(l->da, Y, &y));
  PetscCall(DMDAGetCorners(l->da, &at, NULL, NULL, &n, NULL, NULL));
  for (PetscInt i = at; i < at + n; i++) {
    if (i == 0 || i == l->n - 1)
      y[i] = x[i] - l->end[i > 0];
    else
      y[i] = 0.5 * (k[i - 1] + k[i]) * (x[i] - x[i - 1]) + 0.5 * (k[i] + k[i + 1]) * (x[i] - x[i + 1]) + l->set[0] * x[i] * x[i] * x[i] + x[i] - l->set[1] * (1.0 + (PetscReal)i / l->n);
    if (l->fixedpoint) y[i] = x[i] - y[i] / LINE_RELAX;
  }
  PetscCall(DMDAVecRestoreArray(l->da, Y, &y));
  PetscCall(DMDAVecRestoreArrayRead(l->da, l->k, &k));
  PetscCall(DMDAVecRestoreArrayRead(l->da, lx, &x));
  PetscCall(DMRestoreLocalVector(l->da, &lx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The products of R with w_i alone, added to arrays with ghosts */
static inline void LinePull(const Line *l, PetscInt i, PetscScalar w, const PetscScalar *x, const PetscScalar *k, PetscScalar *xb, PetscScalar *kb, PetscScalar set[2], PetscScalar end[2])
{
  if (i == 0 || i == l->n - 1) {
    xb[i] += w;
    end[i > 0] -= w;
    return;
  }
  for (PetscInt j = i - 1; j <= i + 1; j += 2) {
    xb[i] += PetscConj(0.5 * (k[i] + k[j])) * w;
    xb[j] -= PetscConj(0.5 * (k[i] + k[j])) * w;
    kb[i] += PetscConj(0.5 * (x[i] - x[j])) * w;
    kb[j] += PetscConj(0.5 * (x[i] - x[j])) * w;
  }
  xb[i] += PetscConj(3.0 * l->set[0] * x[i] * x[i] + 1.0) * w;
  set[0] += PetscConj(x[i] * x[i] * x[i]) * w;
  set[1] -= (1.0 + (PetscReal)i / l->n) * w;
}

/* v = the sum of the ghosted arrays of all processes */
static inline PetscErrorCode LineGather(Line *l, Vec *local, PetscScalar **a, Vec v)
{
  PetscFunctionBegin;
  PetscCall(DMDAVecRestoreArray(l->da, *local, a));
  if (v) {
    PetscCall(VecSet(v, 0.0));
    PetscCall(DMLocalToGlobal(l->da, *local, ADD_VALUES, v));
  }
  PetscCall(DMRestoreLocalVector(l->da, local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineVJP(ADJ adj, Vec X, Vec theta, Vec W, Vec Xbar, Vec Thetabar, void *ctx)
{
  Line              *l = (Line *)ctx;
  Vec                lx, lxb, lkb, block[3] = {NULL, NULL, NULL};
  const PetscScalar *x, *k, *w;
  PetscScalar       *xb, *kb, set[2] = {0.0, 0.0}, end[2] = {0.0, 0.0};
  PetscInt           at, n;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(DMGetLocalVector(l->da, &lx));
  PetscCall(DMGetLocalVector(l->da, &lxb));
  PetscCall(DMGetLocalVector(l->da, &lkb));
  PetscCall(DMGlobalToLocal(l->da, X, INSERT_VALUES, lx));
  PetscCall(VecSet(lxb, 0.0));
  PetscCall(VecSet(lkb, 0.0));
  PetscCall(DMDAVecGetArrayRead(l->da, lx, &x));
  PetscCall(DMDAVecGetArrayRead(l->da, l->k, &k));
  PetscCall(DMDAVecGetArrayRead(l->da, W, &w));
  PetscCall(DMDAVecGetArray(l->da, lxb, &xb));
  PetscCall(DMDAVecGetArray(l->da, lkb, &kb));
  PetscCall(DMDAGetCorners(l->da, &at, NULL, NULL, &n, NULL, NULL));
  for (PetscInt i = at; i < at + n; i++) LinePull(l, i, l->fixedpoint ? -w[i] / LINE_RELAX : w[i], x, k, xb, kb, set, end);
  PetscCall(DMDAVecRestoreArrayRead(l->da, lx, &x));
  PetscCall(DMDAVecRestoreArrayRead(l->da, l->k, &k));
  PetscCall(DMDAVecRestoreArrayRead(l->da, W, &w));
  PetscCall(DMRestoreLocalVector(l->da, &lx));
  PetscCall(LineGather(l, &lxb, &xb, Xbar));
  if (Xbar && l->fixedpoint) PetscCall(VecAXPY(Xbar, 1.0, W));
  if (Thetabar) PetscCall(LineGetBlocks(l, Thetabar, block));
  PetscCall(LineGather(l, &lkb, &kb, block[0]));
  if (!Thetabar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PairSum(set, block[1]));
  PetscCall(PairSum(end, block[2]));
  PetscCall(LineRestoreBlocks(l, Thetabar, block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(LineVJP(adj, x, theta, w, NULL, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineFill(Line *l, Vec theta, PetscReal k, PetscReal amplitude, PetscScalar s0, PetscScalar s1, PetscScalar g0, PetscScalar g1)
{
  const PetscScalar set[2] = {s0, s1}, end[2] = {g0, g1};
  PetscMPIInt       rank;
  PetscInt          lo, hi;
  PetscScalar       none[2] = {0.0, 0.0};
  Vec               block[3];

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(LineGetBlocks(l, theta, block));
  PetscCall(VecGetOwnershipRange(block[0], &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(block[0], i, k + amplitude * PetscSinReal(0.9 * i + k), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(block[0]));
  PetscCall(VecAssemblyEnd(block[0]));
  PetscCall(PairSum(rank ? none : set, block[1]));
  PetscCall(PairSum(rank ? none : end, block[2]));
  PetscCall(LineRestoreBlocks(l, theta, block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same numbers in either kind of vector */
static inline PetscErrorCode LineCreate(PetscInt n, PetscBool nest, PetscBool fixedpoint, Line *l)
{
  DM  pair;
  Vec block[3];

  PetscFunctionBegin;
  PetscCall(PetscMemzero(l, sizeof(*l)));
  l->n          = n;
  l->fixedpoint = fixedpoint;
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, n, 1, 1, NULL, &l->da));
  PetscCall(DMSetUp(l->da));
  PetscCall(DMCreateLocalVector(l->da, &l->k));
  PetscCall(DMCreateGlobalVector(l->da, &l->x));
  PetscCall(VecDuplicate(l->x, &l->v));
  PetscCall(VecDuplicate(l->x, &l->xdot));
  if (nest) {
    PetscCall(DMCreateGlobalVector(l->da, &block[0]));
    for (PetscInt i = 1; i < 3; i++) PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 2, &block[i]));
    PetscCall(VecCreateNest(PETSC_COMM_WORLD, 3, NULL, block, &l->theta));
    for (PetscInt i = 0; i < 3; i++) PetscCall(VecDestroy(&block[i]));
  } else {
    PetscCall(DMCompositeCreate(PETSC_COMM_WORLD, &l->pack));
    PetscCall(DMCompositeAddDM(l->pack, l->da));
    for (PetscInt i = 1; i < 3; i++) {
      PetscCall(DMRedundantCreate(PETSC_COMM_WORLD, 0, 2, &pair));
      PetscCall(DMCompositeAddDM(l->pack, pair));
      PetscCall(DMDestroy(&pair));
    }
    PetscCall(DMCreateGlobalVector(l->pack, &l->theta));
  }
  PetscCall(VecDuplicate(l->theta, &l->thetabar));
  PetscCall(VecDuplicate(l->theta, &l->thetadot));
  PetscCall(LineFill(l, l->theta, 1.0, 0.4, 0.3, 0.8, -0.5, 1.2));
  PetscCall(LineFill(l, l->thetadot, 0.2, 1.0, -0.6, 0.3, 0.7, 0.1));
  PetscCall(VecSet(l->v, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode LineDestroy(Line *l)
{
  Vec *vecs[] = {&l->k, &l->x, &l->v, &l->xdot, &l->theta, &l->thetadot, &l->thetabar};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(DMDestroy(&l->pack));
  PetscCall(DMDestroy(&l->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without products */
static inline PetscErrorCode LineCreateADJ(Line *l, ADJ *adj)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  if (l->fixedpoint)
    PetscCall(ADJSetFixedPoint(*adj, LineMap, l));
  else
    PetscCall(ADJSetResidual(*adj, LineMap, l));
  PetscCall(ADJSetParameters(*adj, LinePut, l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the blocks of a and b, relative, each of its own size */
static inline PetscErrorCode LineDistance(Line *la, Vec a, Line *lb, Vec b, PetscReal *distance)
{
  Vec         va[3], vb[3], d;
  PetscScalar pa[2], pb[2];
  PetscReal   norm, diff;

  PetscFunctionBegin;
  PetscCall(LineGetBlocks(la, a, va));
  PetscCall(LineGetBlocks(lb, b, vb));
  PetscCall(VecDuplicate(va[0], &d));
  PetscCall(VecWAXPY(d, -1.0, vb[0], va[0]));
  PetscCall(VecNorm(d, NORM_2, &diff));
  PetscCall(VecNorm(vb[0], NORM_2, &norm));
  PetscCall(VecDestroy(&d));
  *distance = diff / norm;
  for (PetscInt i = 1; i < 3; i++) {
    PetscCall(PairGet(va[i], pa));
    PetscCall(PairGet(vb[i], pb));
    *distance = PetscMax(*distance, PetscMax(PetscAbsScalar(pa[0] - pb[0]), PetscAbsScalar(pa[1] - pb[1])) / PetscMax(PetscAbsScalar(pb[0]), PetscAbsScalar(pb[1])));
  }
  PetscCall(LineRestoreBlocks(la, a, va));
  PetscCall(LineRestoreBlocks(lb, b, vb));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
