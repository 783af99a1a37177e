/*
   Diffusion and reaction on a DMDA of any dimension, with a coefficient for each component that is a field of its own:

       R_a(p) = sum_q (k_a(p) + k_a(q))/2 (x_a(p) - x_a(q)) + x_a(p) (1 + k_a(p)^2) + x_a(p)^3/5 + x_{a+1}(p)/4 - b_a(p)

   over the neighbours q of p in the stencil, with k_a = theta_{a mod e}; or F = x - R/s; and the products by hand.
*/
#ifndef FD_GRID_H
#define FD_GRID_H

#include <contragrad.h>
#include "tap.h"

typedef struct {
  PetscInt  dim, n[3], dof, e; /* of the state, of the parameters */
  PetscBool box, periodic;
  PetscReal relax; /* s; 0: the residual */
  PetscReal scale; /* of the state's last component: b, x and R/scale are multiplied by it */
  DM        da, dat;
  Vec       x, theta, xdot, thetadot, v, thetabar;
  PetscInt  maps;
} Grid;

static inline PetscErrorCode GridCreateDM(const Grid *g, PetscInt dof, PetscInt width, DM *da)
{
  const DMBoundaryType b = g->periodic ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;

  PetscFunctionBegin;
  PetscCall(DMDACreate(PETSC_COMM_WORLD, da));
  PetscCall(DMSetDimension(*da, g->dim));
  PetscCall(DMDASetSizes(*da, g->n[0], g->n[1], g->n[2]));
  PetscCall(DMDASetBoundaryType(*da, b, g->dim > 1 ? b : DM_BOUNDARY_NONE, g->dim > 2 ? b : DM_BOUNDARY_NONE));
  PetscCall(DMDASetDof(*da, dof));
  PetscCall(DMDASetStencilType(*da, g->box ? DMDA_STENCIL_BOX : DMDA_STENCIL_STAR));
  PetscCall(DMDASetStencilWidth(*da, width));
  PetscCall(DMSetUp(*da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v = base + a wave, over the numbers that do not depend on how many processes there are */
static inline PetscErrorCode GridWave(DM da, PetscReal base, PetscReal amplitude, PetscReal phase, Vec v)
{
  PetscInt     at[3], n[3], dof, lo, i = 0;
  PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(DMDAGetInfo(da, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &dof, NULL, NULL, NULL, NULL, NULL));
  PetscCall(DMDAGetCorners(da, &at[0], &at[1], &at[2], &n[0], &n[1], &n[2]));
  PetscCall(VecGetOwnershipRange(v, &lo, NULL));
  PetscCall(VecGetArray(v, &a));
  for (PetscInt p = 0; p < n[0] * n[1] * n[2]; p++) {
    const PetscInt c[3] = {at[0] + p % n[0], at[1] + p / n[0] % n[1], at[2] + p / n[0] / n[1]};

    for (PetscInt k = 0; k < dof; k++, i++) a[i] = base + amplitude * PetscSinReal(phase + 0.9 * c[0] + 1.7 * c[1] + 2.3 * c[2] + 1.1 * k);
  }
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GridCreate(PetscInt dim, PetscInt nx, PetscInt ny, PetscInt nz, PetscInt dof, PetscInt e, PetscBool box, PetscBool periodic, Grid *g)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(g, sizeof(*g)));
  g->dim      = dim;
  g->n[0]     = nx;
  g->n[1]     = dim > 1 ? ny : 1;
  g->n[2]     = dim > 2 ? nz : 1;
  g->dof      = dof;
  g->e        = e;
  g->box      = box;
  g->periodic = periodic;
  g->scale    = 1.0;
  PetscCall(GridCreateDM(g, dof, 1, &g->da));
  PetscCall(GridCreateDM(g, e, 1, &g->dat));
  PetscCall(DMCreateGlobalVector(g->da, &g->x));
  PetscCall(VecDuplicate(g->x, &g->xdot));
  PetscCall(VecDuplicate(g->x, &g->v));
  PetscCall(DMCreateGlobalVector(g->dat, &g->theta));
  PetscCall(VecDuplicate(g->theta, &g->thetadot));
  PetscCall(VecDuplicate(g->theta, &g->thetabar));
  PetscCall(GridWave(g->da, 0.2, 1.0, 0.4, g->v));
  PetscCall(GridWave(g->dat, 1.0, 0.6, 0.1, g->theta));
  PetscCall(GridWave(g->dat, 0.0, 1.0, 0.8, g->thetadot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GridDestroy(Grid *g)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&g->x));
  PetscCall(VecDestroy(&g->xdot));
  PetscCall(VecDestroy(&g->v));
  PetscCall(VecDestroy(&g->theta));
  PetscCall(VecDestroy(&g->thetadot));
  PetscCall(VecDestroy(&g->thetabar));
  PetscCall(DMDestroy(&g->da));
  PetscCall(DMDestroy(&g->dat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The local patch: numbers of this process's points in the ghosted arrays, and of their neighbours */
typedef struct {
  PetscInt at[3], n[3], gat[3], gn[3], points, offset[27][3], noffsets;
} Patch;

static inline PetscErrorCode PatchGet(const Grid *g, Patch *p)
{
  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(g->da, &p->at[0], &p->at[1], &p->at[2], &p->n[0], &p->n[1], &p->n[2]));
  PetscCall(DMDAGetGhostCorners(g->da, &p->gat[0], &p->gat[1], &p->gat[2], &p->gn[0], &p->gn[1], &p->gn[2]));
  p->points   = p->n[0] * p->n[1] * p->n[2];
  p->noffsets = 0;
  for (PetscInt o = 0; o < 27; o++) {
    const PetscInt d[3] = {o % 3 - 1, o / 3 % 3 - 1, o / 9 - 1}, far = PetscAbsInt(d[0]) + PetscAbsInt(d[1]) + PetscAbsInt(d[2]);

    if (far == 0 || (far > 1 && !g->box) || (g->dim < 2 && d[1]) || (g->dim < 3 && d[2])) continue;
    for (PetscInt k = 0; k < 3; k++) p->offset[p->noffsets][k] = d[k];
    p->noffsets++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of point k, or of its neighbour o; -1: there is none */
static inline PetscInt PatchPoint(const Patch *p, PetscInt k, PetscInt o)
{
  PetscInt c[3] = {p->at[0] - p->gat[0] + k % p->n[0], p->at[1] - p->gat[1] + k / p->n[0] % p->n[1], p->at[2] - p->gat[2] + k / p->n[0] / p->n[1]};

  for (PetscInt d = 0; d < 3 && o >= 0; d++) {
    c[d] += p->offset[o][d];
    if (c[d] < 0 || c[d] >= p->gn[d]) return -1;
  }
  return c[0] + p->gn[0] * (c[1] + p->gn[1] * c[2]);
}

static inline PetscErrorCode GridGhosted(DM da, Vec v, Vec *local, const PetscScalar **a)
{
  PetscFunctionBegin;
  PetscCall(DMGetLocalVector(da, local));
  PetscCall(DMGlobalToLocal(da, v, INSERT_VALUES, *local));
  PetscCall(VecGetArrayRead(*local, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GridUnghosted(DM da, Vec *local, const PetscScalar **a)
{
  PetscFunctionBegin;
  PetscCall(VecRestoreArrayRead(*local, a));
  PetscCall(DMRestoreLocalVector(da, local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscReal GridScale(const Grid *g, PetscInt a)
{
  return a == g->dof - 1 ? g->scale : 1.0;
}

static inline PetscErrorCode GridMap(ADJ adj, Vec X, Vec Theta, Vec Y, void *ctx)
{
  Grid              *g = (Grid *)ctx;
  Patch              p;
  Vec                lx, lt;
  const PetscScalar *x, *t;
  PetscScalar       *y;

  (void)adj;
  PetscFunctionBegin;
  g->maps++;
  PetscCall(PatchGet(g, &p));
  PetscCall(GridGhosted(g->da, X, &lx, &x));
  PetscCall(GridGhosted(g->dat, Theta, &lt, &t));
  PetscCall(VecGetArray(Y, &y));
  for (PetscInt k = 0; k < p.points; k++) {
    const PetscInt c = PatchPoint(&p, k, -1);

    for (PetscInt a = 0; a < g->dof; a++) {
      const PetscReal   s  = GridScale(g, a);
      const PetscScalar xp = x[c * g->dof + a] / s, kp = t[c * g->e + a % g->e], other = x[c * g->dof + (a + 1) % g->dof] / GridScale(g, (a + 1) % g->dof);
      PetscScalar       r = xp * (1.0 + kp * kp) + 0.2 * xp * xp * xp + 0.25 * other - 1.0 - 0.5 * a;

      for (PetscInt o = 0; o < p.noffsets; o++) {
        const PetscInt q = PatchPoint(&p, k, o);

        if (q >= 0) r += 0.5 * (kp + t[q * g->e + a % g->e]) * (xp - x[q * g->dof + a] / s);
      }
      y[k * g->dof + a] = s * (g->relax > 0.0 ? xp - r / g->relax : r);
    }
  }
  PetscCall(VecRestoreArray(Y, &y));
  PetscCall(GridUnghosted(g->da, &lx, &x));
  PetscCall(GridUnghosted(g->dat, &lt, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds what reaches point c, and its neighbours; w is the cotangent of this one residual */
static inline void GridPull(const Grid *g, const Patch *p, PetscInt k, PetscInt a, PetscScalar w, const PetscScalar *x, const PetscScalar *t, PetscScalar *xb, PetscScalar *tb)
{
  const PetscInt    c = PatchPoint(p, k, -1), other = (a + 1) % g->dof;
  const PetscReal   s  = GridScale(g, a);
  const PetscScalar xp = x[c * g->dof + a] / s, kp = t[c * g->e + a % g->e];

  w *= s;
  xb[c * g->dof + a] += PetscConj(1.0 + kp * kp + 0.6 * xp * xp) * w / s;
  xb[c * g->dof + other] += 0.25 * w / GridScale(g, other);
  tb[c * g->e + a % g->e] += PetscConj(2.0 * kp * xp) * w;
  for (PetscInt o = 0; o < p->noffsets; o++) {
    const PetscInt q = PatchPoint(p, k, o);
    PetscScalar    mean, diff;

    if (q < 0) continue;
    mean = 0.5 * (kp + t[q * g->e + a % g->e]);
    diff = xp - x[q * g->dof + a] / s;
    xb[c * g->dof + a] += PetscConj(mean) * w / s;
    xb[q * g->dof + a] -= PetscConj(mean) * w / s;
    tb[c * g->e + a % g->e] += 0.5 * PetscConj(diff) * w;
    tb[q * g->e + a % g->e] += 0.5 * PetscConj(diff) * w;
  }
}

static inline PetscErrorCode GridReverse(DM da, Vec *local, PetscScalar **a, Vec v)
{
  PetscFunctionBegin;
  PetscCall(VecRestoreArray(*local, a));
  if (v) {
    PetscCall(VecSet(v, 0.0));
    PetscCall(DMLocalToGlobal(da, *local, ADD_VALUES, v));
  }
  PetscCall(DMRestoreLocalVector(da, local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GridVJP(ADJ adj, Vec X, Vec Theta, Vec W, Vec Xbar, Vec Thetabar, void *ctx)
{
  const Grid        *g = (const Grid *)ctx;
  Patch              p;
  Vec                lx, lt, lxb, ltb;
  const PetscScalar *x, *t, *w;
  PetscScalar       *xb, *tb;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(PatchGet(g, &p));
  PetscCall(GridGhosted(g->da, X, &lx, &x));
  PetscCall(GridGhosted(g->dat, Theta, &lt, &t));
  PetscCall(DMGetLocalVector(g->da, &lxb));
  PetscCall(DMGetLocalVector(g->dat, &ltb));
  PetscCall(VecSet(lxb, 0.0));
  PetscCall(VecSet(ltb, 0.0));
  PetscCall(VecGetArray(lxb, &xb));
  PetscCall(VecGetArray(ltb, &tb));
  PetscCall(VecGetArrayRead(W, &w));
  for (PetscInt k = 0; k < p.points; k++) {
    for (PetscInt a = 0; a < g->dof; a++) GridPull(g, &p, k, a, g->relax > 0.0 ? -w[k * g->dof + a] / g->relax : w[k * g->dof + a], x, t, xb, tb);
  }
  PetscCall(VecRestoreArrayRead(W, &w));
  PetscCall(GridReverse(g->da, &lxb, &xb, Xbar));
  PetscCall(GridReverse(g->dat, &ltb, &tb, Thetabar));
  if (Xbar && g->relax > 0.0) PetscCall(VecAXPY(Xbar, 1.0, W));
  PetscCall(GridUnghosted(g->da, &lx, &x));
  PetscCall(GridUnghosted(g->dat, &lt, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GridParameterVJP(ADJ adj, Vec X, Vec Theta, Vec W, Vec Thetabar, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(GridVJP(adj, X, Theta, W, NULL, Thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A context for the map alone; products are the caller's */
static inline PetscErrorCode GridCreateADJ(Grid *g, ADJ *adj)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  if (g->relax > 0.0)
    PetscCall(ADJSetFixedPoint(*adj, GridMap, g));
  else
    PetscCall(ADJSetResidual(*adj, GridMap, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |a - b|/|b| */
static inline PetscErrorCode GridDistance(Vec a, Vec b, PetscReal *distance)
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

/* By hand, with the options of `adj`: gradient for g->v into g->thetabar, from x = 0 */
static inline PetscErrorCode GridReference(Grid *g, PetscReal *xnorm)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(GridCreateADJ(g, &adj));
  PetscCall(ADJSetVJP(adj, GridVJP, g));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSet(g->x, 0.0));
  PetscCall(ADJSolve(adj, g->theta, g->x));
  PetscCall(ADJSolveAdjoint(adj, g->v, g->thetabar));
  if (xnorm) PetscCall(VecNorm(g->x, NORM_2, xnorm));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
