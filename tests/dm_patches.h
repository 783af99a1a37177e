/*
   A problem on the points p of a DMDA that reads everything its functions are given, in one, two or three dimensions:

       R_c(p) = 4 x_c + x_c^2/10 + 0.3 (1 + x_c/5) S + 0.3 (1 + x_c/10) T - 1
       S      = sum over the stencil of weights times x_{c+1}(p + o)
       T      = sum over the stencil of theta of weights times theta_d(p + o), or over a small set of weights times theta_d

   or the fixed point of F = x - R/4. Weights and data depend on the point's place in the grid alone, not on processes.
*/
#ifndef CONTRAGRAD_DM_PATCHES_H
#define CONTRAGRAD_DM_PATCHES_H

#include "central.h"

typedef struct {
  PetscInt        dim, dof, width;
  DMDAStencilType stencil;
  DMBoundaryType  boundary;
  PetscInt        tdof, twidth, extra; /* of theta; twidth < 0: a small set of tdof parameters; extra: further points in each direction */
  ADJForm         form;
} PatchSpec;

typedef struct {
  PatchSpec spec;
  DM        da, dat;
  ADJ       adj;
  Vec       x, theta;
} Patch;

typedef enum { PATCH_MAP,
               PATCH_VJP,
               PATCH_JVP } PatchMode;

/* What one call works on; the arrays are those of the library */
typedef struct {
  const PatchSpec *spec;
  DMDALocalInfo    info, tinfo;
  PatchMode        mode;
  void            *x, *theta, *y, *dx, *dtheta; /* y: value, cotangent or tangent; dx, dtheta: to be added to, or directions; may be NULL */
} PatchCall;

/* Unknowns of a point; with dof unknowns a point is dof scalars further */
static inline PetscScalar *PatchAt(PetscInt dim, PetscInt dof, void *a, const PetscInt p[])
{
  if (dim == 1) return (PetscScalar *)a + p[0] * dof;
  if (dim == 2) return ((PetscScalar **)a)[p[1]] + p[0] * dof;
  return ((PetscScalar ***)a)[p[2]][p[1]] + p[0] * dof;
}

static inline PetscScalar PatchWeight(PetscInt seed, const PetscInt p[], const PetscInt o[], PetscInt c)
{
  const PetscReal a = seed + 0.7 * p[0] + 1.3 * p[1] + 2.1 * p[2] + 0.9 * o[0] + 1.9 * o[1] + 3.7 * o[2] + 0.4 * c;

  return PetscCMPLX(PetscSinReal(a), 0.5 * PetscCosReal(2.0 * a));
}

static inline PetscBool PatchHas(const DMDALocalInfo *info, const PetscInt q[])
{
  return (PetscBool)(q[0] >= info->gxs && q[0] < info->gxs + info->gxm && q[1] >= info->gys && q[1] < info->gys + info->gym && q[2] >= info->gzs && q[2] < info->gzs + info->gzm);
}

/* Over the stencil of `info` around p: returns the sum of weight times a_c(p + o), or adds weight^H times b to a_c(p + o) */
static inline PetscScalar PatchStencil(const DMDALocalInfo *info, PetscInt seed, void *a, const PetscInt p[], PetscInt c, PetscBool add, PetscScalar b)
{
  const PetscInt s = info->sw, sy = info->dim > 1 ? s : 0, sz = info->dim > 2 ? s : 0;
  PetscScalar    sum = 0.0;
  PetscInt       o[3], q[3];

  for (o[2] = -sz; o[2] <= sz; o[2]++) {
    for (o[1] = -sy; o[1] <= sy; o[1]++) {
      for (o[0] = -s; o[0] <= s; o[0]++) {
        const PetscScalar weight = PatchWeight(seed, p, o, c) / (PetscReal)((2 * s + 1) * (2 * sy + 1));

        for (PetscInt i = 0; i < 3; i++) q[i] = p[i] + o[i];
        if (info->st == DMDA_STENCIL_STAR && (o[0] != 0) + (o[1] != 0) + (o[2] != 0) > 1) continue;
        if (!PatchHas(info, q)) continue;
        if (add)
          PatchAt(info->dim, info->dof, a, q)[c] += PetscConj(weight) * b;
        else
          sum += weight * PatchAt(info->dim, info->dof, a, q)[c];
      }
    }
  }
  return sum;
}

/* T of component c, of values or directions; or its transpose */
static inline PetscScalar PatchTheta(const PatchCall *call, void *a, const PetscInt p[], PetscInt c, PetscBool add, PetscScalar b)
{
  PetscScalar sum = 0.0;

  for (PetscInt d = 0; d < call->spec->tdof; d++) {
    const PetscInt    o[3]   = {d, 0, 0};
    const PetscScalar weight = PatchWeight(11 + c, p, o, d);

    if (call->spec->twidth >= 0)
      sum += PatchStencil(&call->tinfo, 5 + c, a, p, d, add, b);
    else if (add)
      ((PetscScalar *)a)[d] += PetscConj(weight) * b;
    else
      sum += weight * ((PetscScalar *)a)[d];
  }
  return sum;
}

/* One component at one point, of the map or of a product */
static inline void PatchPoint(const PatchCall *call, const PetscInt p[], PetscInt c)
{
  const DMDALocalInfo *info  = &call->info;
  const PetscReal      alpha = call->spec->form == ADJ_RESIDUAL ? 1.0 : -0.25, one = call->spec->form == ADJ_RESIDUAL ? 0.0 : 1.0;
  const PetscInt       next = (c + 1) % info->dof;
  const PetscScalar    x = PatchAt(info->dim, info->dof, call->x, p)[c], S = PatchStencil(info, 1 + c, call->x, p, next, PETSC_FALSE, 0.0), T = PatchTheta(call, call->theta, p, c, PETSC_FALSE, 0.0);
  const PetscScalar    Rx = one + alpha * (4.0 + 0.2 * x + 0.06 * S + 0.03 * T), RS = alpha * 0.3 * (1.0 + 0.2 * x), RT = alpha * 0.3 * (1.0 + 0.1 * x);
  PetscScalar         *y = PatchAt(info->dim, info->dof, call->y, p) + c;

  if (call->mode == PATCH_MAP)
    *y = one * x + alpha * (4.0 * x + 0.1 * x * x + 0.3 * (1.0 + 0.2 * x) * S + 0.3 * (1.0 + 0.1 * x) * T - 1.0);
  else if (call->mode == PATCH_VJP) {
    if (call->dx) {
      PatchAt(info->dim, info->dof, call->dx, p)[c] += PetscConj(Rx) * *y;
      (void)PatchStencil(info, 1 + c, call->dx, p, next, PETSC_TRUE, PetscConj(RS) * *y);
    }
    if (call->dtheta) (void)PatchTheta(call, call->dtheta, p, c, PETSC_TRUE, PetscConj(RT) * *y);
  } else {
    *y = 0.0;
    if (call->dx) *y += Rx * PatchAt(info->dim, info->dof, call->dx, p)[c] + RS * PatchStencil(info, 1 + c, call->dx, p, next, PETSC_FALSE, 0.0);
    if (call->dtheta) *y += RT * PatchTheta(call, call->dtheta, p, c, PETSC_FALSE, 0.0);
  }
}

static inline PetscErrorCode PatchRun(ADJ adj, PatchCall *call)
{
  const DMDALocalInfo *info = &call->info;
  PetscInt             p[3];
  DM                   dat;

  PetscFunctionBeginUser;
  PetscCall(ADJGetParameterDM(adj, &dat));
  if (dat) PetscCall(DMDAGetLocalInfo(dat, &call->tinfo));
  for (p[2] = info->zs; p[2] < info->zs + info->zm; p[2]++) {
    for (p[1] = info->ys; p[1] < info->ys + info->ym; p[1]++) {
      for (p[0] = info->xs; p[0] < info->xs + info->xm; p[0]++) {
        for (PetscInt c = 0; c < info->dof; c++) PatchPoint(call, p, c);
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PatchMap(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *y, void *ctx)
{
  PatchCall call = {.spec = (PatchSpec *)ctx, .info = *info, .mode = PATCH_MAP, .x = x, .theta = theta, .y = y};

  PetscFunctionBeginUser;
  PetscCall(PatchRun(adj, &call));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PatchVJP(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *w, void *xbar, void *thetabar, void *ctx)
{
  PatchCall call = {.spec = (PatchSpec *)ctx, .info = *info, .mode = PATCH_VJP, .x = x, .theta = theta, .y = w, .dx = xbar, .dtheta = thetabar};

  PetscFunctionBeginUser;
  PetscCall(PatchRun(adj, &call));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PatchJVP(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *xdot, void *thetadot, void *ydot, void *ctx)
{
  PatchCall call = {.spec = (PatchSpec *)ctx, .info = *info, .mode = PATCH_JVP, .x = x, .theta = theta, .y = ydot, .dx = xdot, .dtheta = thetadot};

  PetscFunctionBeginUser;
  PetscCall(PatchRun(adj, &call));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values that depend on the place in the grid, whatever process owns it */
static inline PetscErrorCode PatchFill(DM da, Vec v, PetscInt seed)
{
  const PetscInt o[3] = {0, 0, 0};
  DMDALocalInfo  info;
  PetscInt       p[3];
  void          *a;

  PetscFunctionBegin;
  if (!da) {
    PetscCall(VecSetWave(v, seed));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(DMDAGetLocalInfo(da, &info));
  PetscCall(DMDAVecGetArray(da, v, &a));
  for (p[2] = info.zs; p[2] < info.zs + info.zm; p[2]++) {
    for (p[1] = info.ys; p[1] < info.ys + info.ym; p[1]++) {
      for (p[0] = info.xs; p[0] < info.xs + info.xm; p[0]++) {
        for (PetscInt c = 0; c < info.dof; c++) PatchAt(info.dim, info.dof, a, p)[c] = PatchWeight(seed, p, o, 3 * c);
      }
    }
  }
  PetscCall(DMDAVecRestoreArray(da, v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `like`: a grid whose processes the points follow, further points going to the last */
static inline PetscErrorCode PatchCreateDA(MPI_Comm comm, const PatchSpec *s, DM like, DM *da)
{
  const PetscInt  sizes[3][3] = {{11, 1, 1}, {5, 7, 1}, {5, 4, 6}};
  const PetscInt *N           = sizes[s->dim - 1], *l[3];
  PetscInt        n[3]        = {PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE}, own[3][8];

  PetscFunctionBegin;
  PetscCall(DMDACreate(comm, da));
  PetscCall(DMSetDimension(*da, s->dim));
  PetscCall(DMDASetSizes(*da, N[0] + s->extra, N[1] + (s->dim > 1 ? s->extra : 0), N[2] + (s->dim > 2 ? s->extra : 0)));
  if (like) {
    PetscCall(DMDAGetInfo(like, NULL, NULL, NULL, NULL, &n[0], &n[1], &n[2], NULL, NULL, NULL, NULL, NULL, NULL));
    PetscCall(DMDAGetOwnershipRanges(like, &l[0], &l[1], &l[2]));
    for (PetscInt d = 0; d < s->dim; d++) {
      PetscCall(PetscArraycpy(own[d], l[d], n[d]));
      own[d][n[d] - 1] += s->extra;
    }
    PetscCall(DMDASetNumProcs(*da, n[0], n[1], n[2]));
    PetscCall(DMDASetOwnershipRanges(*da, own[0], s->dim > 1 ? own[1] : NULL, s->dim > 2 ? own[2] : NULL));
  }
  PetscCall(DMDASetBoundaryType(*da, s->boundary, s->dim > 1 ? s->boundary : DM_BOUNDARY_NONE, s->dim > 2 ? s->boundary : DM_BOUNDARY_NONE));
  PetscCall(DMDASetDof(*da, s->dof));
  PetscCall(DMDASetStencilType(*da, s->stencil));
  PetscCall(DMDASetStencilWidth(*da, s->width));
  PetscCall(DMSetUp(*da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PatchCreate(MPI_Comm comm, const PatchSpec *spec, Patch *p)
{
  PatchSpec x = *spec, t = *spec;

  PetscFunctionBegin;
  p->spec = *spec;
  p->dat  = NULL;
  x.extra = 0;
  t.dof   = spec->tdof;
  t.width = spec->twidth;
  PetscCall(PatchCreateDA(comm, &x, NULL, &p->da));
  PetscCall(DMCreateGlobalVector(p->da, &p->x));
  PetscCall(VecSet(p->x, 0.0));
  if (spec->twidth >= 0) {
    PetscCall(PatchCreateDA(comm, &t, p->da, &p->dat));
    PetscCall(DMCreateGlobalVector(p->dat, &p->theta));
  } else
    PetscCall(ADJCreateParameterVec(comm, spec->tdof, &p->theta));
  PetscCall(PatchFill(p->dat, p->theta, 2));
  PetscCall(ADJCreate(comm, &p->adj));
  PetscCall(ADJSetDM(p->adj, p->da));
  PetscCall(ADJSetParameterDM(p->adj, p->dat));
  PetscCall(ADJDMDASetMapLocal(p->adj, spec->form, PatchMap, &p->spec));
  PetscCall(ADJDMDASetVJPLocal(p->adj, PatchVJP, &p->spec));
  PetscCall(ADJDMDASetJVPLocal(p->adj, PatchJVP, &p->spec));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PatchDestroy(Patch *p)
{
  PetscFunctionBegin;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(DMDestroy(&p->da));
  PetscCall(DMDestroy(&p->dat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
