/*
   Colorings of structured grids, and which parameters of a grid reach which residuals of another on the same points.
*/
#include "../differences/differences.h"

typedef struct {
  PetscInt        dim, n[3], procs[3], dof, width, at[3], size[3]; /* the last two: the points of this process */
  DMBoundaryType  boundary[3];
  DMDAStencilType stencil;
} ADJGrid;

static PetscErrorCode ADJGridGet_Private(DM da, ADJGrid *g)
{
  PetscFunctionBegin;
  PetscCall(DMDAGetInfo(da, &g->dim, &g->n[0], &g->n[1], &g->n[2], &g->procs[0], &g->procs[1], &g->procs[2], &g->dof, &g->width, &g->boundary[0], &g->boundary[1], &g->boundary[2], &g->stencil));
  PetscCall(DMDAGetCorners(da, &g->at[0], &g->at[1], &g->at[2], &g->size[0], &g->size[1], &g->size[2]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Along a line: points that are less than q apart differ. Round a circle whose length q does not divide the last points have colors of
   their own
*/
static PetscInt ADJLineColors_Private(PetscInt n, PetscInt q, PetscBool circle)
{
  if (n <= q) return n;
  return circle ? q + n % q : q;
}

static PetscInt ADJLineColor_Private(PetscInt i, PetscInt n, PetscInt q, PetscBool circle)
{
  const PetscInt last = circle && n > q ? n - n % q : n;

  return i < last ? i % q : q + i - last;
}

/* Of the points: no two of one color are both within the stencil of a third. Cross-shaped stencils of width 1 take 2 dim + 1 colors */
static PetscErrorCode ADJGridColor_Private(MPI_Comm comm, const ADJGrid *g, PetscBool cross, ISColoring *coloring)
{
  const PetscInt   q = 2 * g->width + 1, points = g->size[0] * g->size[1] * g->size[2];
  PetscInt         colors[3] = {1, 1, 1}, total;
  PetscBool        circle[3], thrifty = (PetscBool)(cross && g->width == 1 && g->dim > 1);
  ISColoringValue *value;

  PetscFunctionBegin;
  for (PetscInt d = 0; d < g->dim; d++) {
    circle[d] = (PetscBool)(g->boundary[d] == DM_BOUNDARY_PERIODIC);
    colors[d] = ADJLineColors_Private(g->n[d], q, circle[d]);
    if (circle[d]) thrifty = PETSC_FALSE;
  }
  total = g->dof * (thrifty ? 2 * g->dim + 1 : colors[0] * colors[1] * colors[2]);
  PetscCheck(total < (PetscInt)IS_COLORING_MAX, comm, PETSC_ERR_SUP, "Differences on this grid would take %" PetscInt_FMT " colors: give the derivative with ADJSetVJP()", total);
  PetscCall(PetscMalloc1(g->dof * points, &value));
  for (PetscInt p = 0; p < points; p++) {
    const PetscInt i[3] = {g->at[0] + p % g->size[0], g->at[1] + p / g->size[0] % g->size[1], g->at[2] + p / g->size[0] / g->size[1]};
    PetscInt       c    = 0;

    if (thrifty)
      c = (i[0] + (g->dim == 2 ? 3 : 2) * i[1] + 3 * i[2]) % (2 * g->dim + 1);
    else
      for (PetscInt d = g->dim - 1; d >= 0; d--) c = c * colors[d] + ADJLineColor_Private(i[d], g->n[d], q, circle[d]);
    for (PetscInt k = 0; k < g->dof; k++) value[g->dof * p + k] = (ISColoringValue)(g->dof * c + k);
  }
  PetscCall(ISColoringCreate(comm, total, g->dof * points, value, PETSC_OWN_POINTER, coloring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the columns of a matrix of this DMDA */
PetscErrorCode ADJDMDAColor_Private(DM da, ISColoring *coloring)
{
  ADJGrid g;

  PetscFunctionBegin;
  PetscCall(ADJGridGet_Private(da, &g));
  PetscCall(ADJGridColor_Private(PetscObjectComm((PetscObject)da), &g, (PetscBool)(g.stencil == DMDA_STENCIL_STAR), coloring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether both are DMDA with the same points on the same processes */
PetscErrorCode ADJDMDASameGrid_Private(DM a, DM b, PetscBool *same)
{
  PetscBool       da[2];
  ADJGrid         g[2];
  const PetscInt *range[2][3];

  PetscFunctionBegin;
  *same = PETSC_FALSE;
  if (!a || !b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)a, DMDA, &da[0]));
  PetscCall(PetscObjectTypeCompare((PetscObject)b, DMDA, &da[1]));
  if (!da[0] || !da[1]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGridGet_Private(a, &g[0]));
  PetscCall(ADJGridGet_Private(b, &g[1]));
  PetscCall(DMDAGetOwnershipRanges(a, &range[0][0], &range[0][1], &range[0][2]));
  PetscCall(DMDAGetOwnershipRanges(b, &range[1][0], &range[1][1], &range[1][2]));
  if (g[0].dim != g[1].dim) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt d = 0; d < g[0].dim; d++) {
    if (g[0].n[d] != g[1].n[d] || g[0].procs[d] != g[1].procs[d]) PetscFunctionReturn(PETSC_SUCCESS);
    for (PetscInt i = 0; i < g[0].procs[d]; i++) {
      if (range[0][d][i] != range[1][d][i]) PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  *same = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The points of `da`, one value each, with ghosts as far as the wider of both stencils reaches, round a circle if either goes round */
static PetscErrorCode ADJGridWiden_Private(DM da, const ADJGrid *x, ADJGrid *t, DM *wide)
{
  const PetscInt *range[3];

  PetscFunctionBegin;
  t->width = PetscMax(x->width, t->width);
  for (PetscInt d = 0; d < 3; d++) t->boundary[d] = x->boundary[d] == DM_BOUNDARY_PERIODIC || t->boundary[d] == DM_BOUNDARY_PERIODIC ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;
  PetscCall(DMDAGetOwnershipRanges(da, &range[0], &range[1], &range[2]));
  PetscCall(DMDACreate(PetscObjectComm((PetscObject)da), wide));
  PetscCall(DMSetDimension(*wide, t->dim));
  PetscCall(DMDASetSizes(*wide, t->n[0], t->n[1], t->n[2]));
  PetscCall(DMDASetNumProcs(*wide, t->procs[0], t->procs[1], t->procs[2]));
  PetscCall(DMDASetBoundaryType(*wide, t->boundary[0], t->boundary[1], t->boundary[2]));
  PetscCall(DMDASetDof(*wide, 1));
  PetscCall(DMDASetStencilType(*wide, DMDA_STENCIL_BOX));
  PetscCall(DMDASetStencilWidth(*wide, t->width));
  PetscCall(DMDASetOwnershipRanges(*wide, range[0], t->dim > 1 ? range[1] : NULL, t->dim > 2 ? range[2] : NULL));
  PetscCall(DMSetUp(*wide));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the dof x dof entries of the residuals of point p and the parameters of point q, both global numbers */
static void ADJCouplePoints_Private(const ADJGrid *x, const ADJGrid *t, PetscInt p, PetscInt q, PetscInt *n, PetscInt row[], PetscInt col[])
{
  for (PetscInt a = 0; a < x->dof; a++) {
    for (PetscInt b = 0; b < t->dof; b++) {
      row[*n] = x->dof * p + a;
      col[*n] = t->dof * q + b;
      (*n)++;
    }
  }
}

/* Entries, to be freed by PetscFree2(), and coloring of the columns of dR/dtheta, for a state on dmx and parameters on dmt, on the same points */
PetscErrorCode ADJDMDACouplings_Private(DM dmx, DM dmt, PetscInt *n, PetscInt *row[], PetscInt *col[], ISColoring *coloring)
{
  ADJGrid                x, t;
  DM                     wide;
  ISLocalToGlobalMapping map;
  const PetscInt        *global;
  PetscInt               g[3], s[3], reach[3], stencil = 1, points;
  PetscBool              cross;

  PetscFunctionBegin;
  PetscCall(ADJGridGet_Private(dmx, &x));
  PetscCall(ADJGridGet_Private(dmt, &t));
  cross = (PetscBool)(x.stencil == DMDA_STENCIL_STAR && t.stencil == DMDA_STENCIL_STAR);
  PetscCall(ADJGridWiden_Private(dmt, &x, &t, &wide));
  PetscCall(DMDAGetGhostCorners(wide, &g[0], &g[1], &g[2], &s[0], &s[1], &s[2]));
  PetscCall(DMGetLocalToGlobalMapping(wide, &map));
  PetscCall(ISLocalToGlobalMappingGetIndices(map, &global));
  points = t.size[0] * t.size[1] * t.size[2];
  for (PetscInt d = 0; d < 3; d++) {
    reach[d] = d < t.dim ? t.width : 0;
    stencil *= 2 * reach[d] + 1;
  }
  if (cross) stencil = 2 * t.dim * t.width + 1;
  PetscCall(PetscMalloc2(points * stencil * x.dof * t.dof, row, points * stencil * x.dof * t.dof, col));
  *n = 0;
  for (PetscInt p = 0; p < points; p++) {
    const PetscInt i[3] = {t.at[0] - g[0] + p % t.size[0], t.at[1] - g[1] + p / t.size[0] % t.size[1], t.at[2] - g[2] + p / t.size[0] / t.size[1]};

    for (PetscInt c = PetscMax(i[2] - reach[2], 0); c <= PetscMin(i[2] + reach[2], s[2] - 1); c++) {
      for (PetscInt b = PetscMax(i[1] - reach[1], 0); b <= PetscMin(i[1] + reach[1], s[1] - 1); b++) {
        for (PetscInt a = PetscMax(i[0] - reach[0], 0); a <= PetscMin(i[0] + reach[0], s[0] - 1); a++) {
          if (cross && (a != i[0]) + (b != i[1]) + (c != i[2]) > 1) continue;
          ADJCouplePoints_Private(&x, &t, global[i[0] + s[0] * (i[1] + s[1] * i[2])], global[a + s[0] * (b + s[1] * c)], n, *row, *col);
        }
      }
    }
  }
  PetscCall(ISLocalToGlobalMappingRestoreIndices(map, &global));
  PetscCall(DMDestroy(&wide));
  PetscCall(ADJGridColor_Private(PetscObjectComm((PetscObject)dmt), &t, cross, coloring));
  PetscFunctionReturn(PETSC_SUCCESS);
}
