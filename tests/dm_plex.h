/*
   -div(k grad u) + u + u^2/2 = 1 on the unit square or cube by bilinear elements on a DMPLEX of square cells, the mass lumped. theta is

       k, one value for each cell, u = 0 on the boundary, or
       the boundary values u = theta_0 + theta_1 x_1 + theta_2 x_2, k being 1.

   Unknowns on the boundary are constrained.
*/
#ifndef CONTRAGRAD_DM_PLEX_H
#define CONTRAGRAD_DM_PLEX_H

#include <petscdmplex.h>
#include "central.h"

typedef enum { PLEX_CELLS,    /* theta on the cells */
               PLEX_SET,      /* boundary values from a small set, written into the local vector */
               PLEX_BOUNDARY, /* the same by DMAddBoundary(), where ADJSetParameters() puts them */
               PLEX_TIED,     /* theta on the cells; where x_2 = 1, u is half of what it is at the vertex below, by DMSetDefaultConstraints() */
} PlexKind;

typedef struct {
  PlexKind    kind;
  PetscInt    dim;
  DM          dm, dmt;
  DMLabel     wall;
  Vec         x, theta;
  ADJ         adj;
  PetscScalar t[3]; /* of the put function */
} Plex;

typedef enum { PLEX_MAP,
               PLEX_VJP,
               PLEX_JVP } PlexMode;

static inline PetscBool PlexOnCells(const Plex *p)
{
  return (PetscBool)(p->kind == PLEX_CELLS || p->kind == PLEX_TIED);
}

/* Vertices of a cell, n; entries a, b of the element matrix of -Laplace on a cube of side h: the off-diagonal ones depend on how many coordinates differ */
static inline PetscReal PlexStiffness(PetscInt dim, PetscReal h, const PetscScalar xa[], const PetscScalar xb[])
{
  const PetscReal weight[2][3] = {{1.0 / 6.0, 1.0 / 3.0, 0.0}, {0.0, 1.0 / 12.0, 1.0 / 12.0}};
  PetscInt        differ       = 0;

  for (PetscInt i = 0; i < dim; i++) differ += PetscAbsScalar(xa[i] - xb[i]) > 0.5 * h;
  return differ ? weight[dim - 2][differ - 1] * (dim == 3 ? h : 1.0) : 0.0;
}

/* (K v)_a = sum_b K_ab (v_a - v_b) */
static inline PetscScalar PlexApply(PetscInt dim, PetscInt n, PetscReal h, const PetscScalar coords[], const PetscScalar v[], PetscInt a)
{
  PetscScalar sum = 0.0;

  for (PetscInt b = 0; b < n; b++) sum += PlexStiffness(dim, h, &coords[a * dim], &coords[b * dim]) * (v[a] - v[b]);
  return sum;
}

static inline PetscReal PlexSide(PetscInt dim, PetscInt n, const PetscScalar coords[])
{
  PetscReal h = 0.0;

  for (PetscInt b = 1; b < n; b++) {
    for (PetscInt i = 0; i < dim; i++) h = PetscMax(h, PetscAbsScalar(coords[b * dim + i] - coords[i]));
  }
  return h;
}

/* One cell: y from x, k, and v, dk; v is the cotangent or the direction, dk the direction in k or the product with k's transpose */
static inline void PlexElement(PlexMode mode, PetscInt dim, PetscInt n, const PetscScalar coords[], const PetscScalar x[], PetscScalar k, const PetscScalar v[], PetscScalar *dk, PetscScalar y[])
{
  const PetscReal h = PlexSide(dim, n, coords), mass = PetscPowReal(h, dim) / n;
  PetscScalar     kbar = 0.0;

  for (PetscInt a = 0; a < n; a++) {
    const PetscScalar Kx = PlexApply(dim, n, h, coords, x, a);

    if (mode == PLEX_MAP)
      y[a] = k * Kx + mass * (x[a] + 0.5 * x[a] * x[a] - 1.0);
    else if (mode == PLEX_VJP) {
      y[a] = PetscConj(k) * PlexApply(dim, n, h, coords, v, a) + mass * PetscConj(1.0 + x[a]) * v[a];
      kbar += PetscConj(Kx) * v[a];
    } else
      y[a] = (v ? k * PlexApply(dim, n, h, coords, v, a) + mass * (1.0 + x[a]) * v[a] : 0.0) + *dk * Kx;
  }
  if (mode == PLEX_VJP) *dk = kbar;
}

/* All cells. v, t, dt, y may be NULL; y gets its sums at constrained unknowns too */
static inline PetscErrorCode PlexRun(Plex *p, PlexMode mode, Vec x, Vec t, Vec v, Vec dt, Vec y)
{
  PetscSection s, cs, ts = NULL;
  Vec          coordinates;
  DM           cdm;
  PetscInt     start, end, n;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalSection(p->dm, &s));
  PetscCall(DMGetCoordinateDM(p->dm, &cdm));
  PetscCall(DMGetLocalSection(cdm, &cs));
  PetscCall(DMGetCoordinatesLocal(p->dm, &coordinates));
  if (p->dmt) PetscCall(DMGetLocalSection(p->dmt, &ts));
  PetscCall(DMPlexGetHeightStratum(p->dm, 0, &start, &end));
  for (PetscInt c = start; c < end; c++) {
    PetscScalar *xa = NULL, *va = NULL, *coords = NULL, *k = NULL, *dk = NULL, one = 1.0, dkc = 0.0, ya[8];

    PetscCall(DMPlexVecGetClosure(cdm, cs, coordinates, c, NULL, &coords));
    PetscCall(DMPlexVecGetClosure(p->dm, s, x, c, &n, &xa));
    if (v) PetscCall(DMPlexVecGetClosure(p->dm, s, v, c, NULL, &va));
    if (ts) PetscCall(DMPlexVecGetClosure(p->dmt, ts, t, c, NULL, &k));
    if (ts && dt && mode == PLEX_JVP) {
      PetscCall(DMPlexVecGetClosure(p->dmt, ts, dt, c, NULL, &dk));
      dkc = dk[0];
    }
    PlexElement(mode, p->dim, n, coords, xa, k ? k[0] : one, va, &dkc, ya);
    if (y) PetscCall(DMPlexVecSetClosure(p->dm, s, y, c, ya, ADD_ALL_VALUES));
    if (ts && dt && mode == PLEX_VJP) PetscCall(DMPlexVecSetClosure(p->dmt, ts, dt, c, &dkc, ADD_VALUES));
    PetscCall(DMPlexVecRestoreClosure(cdm, cs, coordinates, c, NULL, &coords));
    PetscCall(DMPlexVecRestoreClosure(p->dm, s, x, c, &n, &xa));
    if (va) PetscCall(DMPlexVecRestoreClosure(p->dm, s, v, c, NULL, &va));
    if (k) PetscCall(DMPlexVecRestoreClosure(p->dmt, ts, t, c, NULL, &k));
    if (dk) PetscCall(DMPlexVecRestoreClosure(p->dmt, ts, dt, c, NULL, &dk));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Constrained unknowns: values from three parameters, or the transpose of that */
static inline PetscErrorCode PlexWall(Plex *p, PetscBool transpose, Vec t, Vec local)
{
  PetscSection       s, cs;
  Vec                coordinates;
  DM                 cdm;
  PetscScalar       *ta, *a;
  const PetscScalar *ca;
  PetscInt           start, end, on, off, coff;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalSection(p->dm, &s));
  PetscCall(DMGetCoordinateDM(p->dm, &cdm));
  PetscCall(DMGetLocalSection(cdm, &cs));
  PetscCall(DMGetCoordinatesLocal(p->dm, &coordinates));
  PetscCall(DMPlexGetDepthStratum(p->dm, 0, &start, &end));
  PetscCall(VecGetArrayRead(coordinates, &ca));
  PetscCall(VecGetArray(t, &ta));
  PetscCall(VecGetArray(local, &a));
  for (PetscInt v = start; v < end; v++) {
    PetscCall(PetscSectionGetConstraintDof(s, v, &on));
    if (!on) continue;
    PetscCall(PetscSectionGetOffset(s, v, &off));
    PetscCall(PetscSectionGetOffset(cs, v, &coff));
    if (transpose) {
      ta[0] += a[off];
      ta[1] += ca[coff] * a[off];
      ta[2] += ca[coff + 1] * a[off];
    } else
      a[off] = ta[0] + ta[1] * ca[coff] + ta[2] * ca[coff + 1];
  }
  PetscCall(VecRestoreArray(local, &a));
  PetscCall(VecRestoreArray(t, &ta));
  PetscCall(VecRestoreArrayRead(coordinates, &ca));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexMap(ADJ adj, DM dm, Vec x, Vec t, Vec y, void *ctx)
{
  Plex *p = (Plex *)ctx;

  (void)adj;
  (void)dm;
  PetscFunctionBeginUser;
  if (p->kind == PLEX_SET) PetscCall(PlexWall(p, PETSC_FALSE, t, x));
  PetscCall(PlexRun(p, PLEX_MAP, x, t, NULL, NULL, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sums at the boundary go on to the parameters */
static inline PetscErrorCode PlexVJP(ADJ adj, DM dm, Vec x, Vec t, Vec w, Vec xbar, Vec tbar, void *ctx)
{
  Plex *p = (Plex *)ctx;
  Vec   sum;

  (void)adj;
  PetscFunctionBeginUser;
  if (p->kind == PLEX_SET) PetscCall(PlexWall(p, PETSC_FALSE, t, x));
  PetscCall(DMGetLocalVector(dm, &sum));
  PetscCall(VecSet(sum, 0.0));
  PetscCall(PlexRun(p, PLEX_VJP, x, t, w, tbar, sum));
  if (tbar && !PlexOnCells(p)) PetscCall(PlexWall(p, PETSC_TRUE, tbar, sum));
  if (xbar) PetscCall(VecCopy(sum, xbar));
  PetscCall(DMRestoreLocalVector(dm, &sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexJVP(ADJ adj, DM dm, Vec x, Vec t, Vec xdot, Vec tdot, Vec ydot, void *ctx)
{
  Plex *p = (Plex *)ctx;
  Vec   dot;

  (void)adj;
  PetscFunctionBeginUser;
  if (p->kind == PLEX_SET) PetscCall(PlexWall(p, PETSC_FALSE, t, x));
  PetscCall(DMGetLocalVector(dm, &dot));
  PetscCall(VecSet(dot, 0.0));
  if (xdot) PetscCall(VecCopy(xdot, dot));
  if (tdot && !PlexOnCells(p)) PetscCall(PlexWall(p, PETSC_FALSE, tdot, dot));
  PetscCall(PlexRun(p, PLEX_JVP, x, t, dot, tdot, ydot));
  PetscCall(DMRestoreLocalVector(dm, &dot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexWallFunction(PetscInt dim, PetscReal time, const PetscReal x[], PetscInt Nc, PetscScalar *u, void *ctx)
{
  const PetscScalar *t = ((Plex *)ctx)->t;

  (void)dim;
  (void)time;
  (void)Nc;
  u[0] = t[0] + t[1] * x[0] + t[2] * x[1];
  return PETSC_SUCCESS;
}

static inline PetscErrorCode PlexPut(ADJ adj, Vec theta, void *ctx)
{
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  PetscCall(PetscArraycpy(((Plex *)ctx)->t, t, 3));
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One unknown at each point of a depth, constrained where `wall` has it */
static inline PetscErrorCode PlexSetSection(DM dm, PetscInt depth, DMLabel wall)
{
  const PetscInt first = 0;
  PetscSection   s;
  PetscInt       lo, hi, start, end, value;

  PetscFunctionBegin;
  PetscCall(PetscSectionCreate(PetscObjectComm((PetscObject)dm), &s));
  PetscCall(DMPlexGetChart(dm, &lo, &hi));
  PetscCall(DMPlexGetDepthStratum(dm, depth, &start, &end));
  PetscCall(PetscSectionSetChart(s, lo, hi));
  for (PetscInt v = start; v < end; v++) {
    PetscCall(PetscSectionSetDof(s, v, 1));
    value = -1;
    if (wall) PetscCall(DMLabelGetValue(wall, v, &value));
    if (value == 1) PetscCall(PetscSectionSetConstraintDof(s, v, 1));
  }
  PetscCall(PetscSectionSetUp(s));
  for (PetscInt v = start; v < end; v++) {
    PetscCall(PetscSectionGetConstraintDof(s, v, &value));
    if (value) PetscCall(PetscSectionSetConstraintIndices(s, v, &first));
  }
  PetscCall(DMSetLocalSection(dm, s));
  PetscCall(PetscSectionDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* u = c times what it is at the other end of the edge, at vertices with x_2 = 1 */
static inline PetscErrorCode PlexTie(DM dm, PetscReal c, Vec bias)
{
  PetscSection       s, ties, cs;
  DM                 cdm;
  Vec                coordinates;
  Mat                C;
  const PetscScalar *a;
  const PetscInt    *ends;
  PetscInt           lo, hi, start, end, rows, cols, off[2], row, col;

  PetscFunctionBegin;
  PetscCall(DMGetLocalSection(dm, &s));
  PetscCall(DMGetCoordinateDM(dm, &cdm));
  PetscCall(DMGetLocalSection(cdm, &cs));
  PetscCall(DMGetCoordinatesLocal(dm, &coordinates));
  PetscCall(VecGetArrayRead(coordinates, &a));
  PetscCall(DMPlexGetDepthStratum(dm, 0, &lo, &hi));
  PetscCall(PetscSectionCreate(PETSC_COMM_SELF, &ties));
  PetscCall(PetscSectionSetChart(ties, lo, hi));
  for (PetscInt v = lo; v < hi; v++) {
    PetscCall(PetscSectionGetOffset(cs, v, &off[0]));
    if (PetscRealPart(a[off[0] + 1]) > 0.999) PetscCall(PetscSectionSetDof(ties, v, 1));
  }
  PetscCall(PetscSectionSetUp(ties));
  PetscCall(PetscSectionGetStorageSize(ties, &rows));
  PetscCall(PetscSectionGetStorageSize(s, &cols));
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, rows, cols, 1, NULL, &C));
  PetscCall(DMPlexGetDepthStratum(dm, 1, &start, &end));
  for (PetscInt e = start; e < end; e++) {
    PetscCall(DMPlexGetCone(dm, e, &ends));
    for (PetscInt i = 0; i < 2; i++) PetscCall(PetscSectionGetOffset(cs, ends[i], &off[i]));
    if (PetscAbsScalar(a[off[0] + 1] - a[off[1] + 1]) < 1e-3 || PetscMax(PetscRealPart(a[off[0] + 1]), PetscRealPart(a[off[1] + 1])) < 0.999) continue;
    const PetscInt top = PetscRealPart(a[off[0] + 1]) > 0.999 ? 0 : 1;

    PetscCall(PetscSectionGetOffset(ties, ends[top], &row));
    PetscCall(PetscSectionGetOffset(s, ends[1 - top], &col));
    PetscCall(MatSetValue(C, row, col, c, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(C, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(C, MAT_FINAL_ASSEMBLY));
  PetscCall(VecRestoreArrayRead(coordinates, &a));
  PetscCall(DMSetDefaultConstraints(dm, ties, C, bias));
  PetscCall(PetscSectionDestroy(&ties));
  PetscCall(MatDestroy(&C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexCreateMesh(MPI_Comm comm, Plex *p)
{
  const PetscInt   faces[] = {5, 5, 5}, faces3[] = {3, 3, 3};
  PetscPartitioner part;
  DM               distributed;
  DMLabel          wall;

  PetscFunctionBegin;
  PetscCall(ADJDMPlexCreateBoxMesh(comm, p->dim, PETSC_FALSE, p->dim == 3 ? faces3 : faces, NULL, NULL, NULL, PETSC_TRUE, &p->dm));
  PetscCall(DMCreateLabel(p->dm, "wall"));
  PetscCall(DMGetLabel(p->dm, "wall", &wall));
  PetscCall(DMPlexMarkBoundaryFaces(p->dm, 1, wall));
  PetscCall(DMPlexLabelComplete(p->dm, wall));
  PetscCall(DMPlexGetPartitioner(p->dm, &part));
  PetscCall(PetscPartitionerSetType(part, PETSCPARTITIONERSIMPLE));
  PetscCall(DMPlexDistribute(p->dm, 0, NULL, &distributed));
  if (distributed) {
    PetscCall(DMDestroy(&p->dm));
    p->dm = distributed;
  }
  PetscCall(DMGetLabel(p->dm, "wall", &p->wall));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexAddBoundary(MPI_Comm comm, Plex *p)
{
  const PetscInt one = 1;
  PetscFE        fe;

  PetscFunctionBegin;
  PetscCall(PetscFECreateLagrange(comm, p->dim, 1, PETSC_FALSE, 1, PETSC_DETERMINE, &fe));
  PetscCall(DMSetField(p->dm, 0, NULL, (PetscObject)fe));
  PetscCall(PetscFEDestroy(&fe));
  PetscCall(DMCreateDS(p->dm));
  PetscCall(DMAddBoundary(p->dm, DM_BC_ESSENTIAL, "wall", p->wall, 1, &one, 0, 0, NULL, (void (*)(void))PlexWallFunction, NULL, p, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1 + Wave/3 by place: a cell's first coordinates */
static inline PetscErrorCode PlexFill(Plex *p, Vec theta, PetscInt seed, PetscReal mean)
{
  PetscReal    centre[3];
  PetscScalar *a;
  PetscInt     start, end, off;
  PetscSection s;

  PetscFunctionBegin;
  PetscCall(VecSetWave(theta, seed));
  if (p->dmt) {
    PetscCall(DMGetGlobalSection(p->dmt, &s));
    PetscCall(VecGetArray(theta, &a));
    PetscCall(VecGetOwnershipRange(theta, &start, NULL));
    off = -start;
    PetscCall(DMPlexGetHeightStratum(p->dm, 0, &start, &end));
    for (PetscInt c = start; c < end; c++) {
      PetscInt at;

      PetscCall(DMPlexComputeCellGeometryFVM(p->dm, c, NULL, centre, NULL));
      PetscCall(PetscSectionGetOffset(s, c, &at));
      if (at >= 0) a[at + off] = PetscCMPLX(PetscSinReal(seed + 5.0 * centre[0] + 9.0 * centre[1] * centre[0]), 0.3 * PetscCosReal(seed + 3.0 * centre[1]));
    }
    PetscCall(VecRestoreArray(theta, &a));
  }
  PetscCall(VecScale(theta, 1.0 / 3.0));
  PetscCall(VecShift(theta, mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexCreate(MPI_Comm comm, PlexKind kind, PetscInt dim, Plex *p)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->kind = kind;
  p->dim  = dim;
  PetscCall(PlexCreateMesh(comm, p));
  if (kind == PLEX_BOUNDARY)
    PetscCall(PlexAddBoundary(comm, p));
  else
    PetscCall(PlexSetSection(p->dm, 0, p->wall));
  PetscCall(ADJCreate(comm, &p->adj));
  PetscCall(ADJSetDM(p->adj, p->dm));
  if (kind == PLEX_TIED) PetscCall(PlexTie(p->dm, 0.5, NULL));
  if (PlexOnCells(p)) {
    PetscCall(DMClone(p->dm, &p->dmt));
    PetscCall(PlexSetSection(p->dmt, dim, NULL));
    PetscCall(DMCreateGlobalVector(p->dmt, &p->theta));
    PetscCall(ADJSetParameterDM(p->adj, p->dmt));
  } else
    PetscCall(ADJCreateParameterVec(comm, 3, &p->theta));
  PetscCall(PlexFill(p, p->theta, 2, 1.0));
  PetscCall(DMCreateGlobalVector(p->dm, &p->x));
  PetscCall(ADJDMSetMapLocal(p->adj, ADJ_RESIDUAL, PlexMap, p));
  PetscCall(ADJDMSetVJPLocal(p->adj, PlexVJP, p));
  PetscCall(ADJDMSetJVPLocal(p->adj, PlexJVP, p));
  if (kind == PLEX_BOUNDARY) PetscCall(ADJSetParameters(p->adj, PlexPut, p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PlexDestroy(Plex *p)
{
  PetscFunctionBegin;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(DMDestroy(&p->dmt));
  PetscCall(DMDestroy(&p->dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The value of the objective and the derivative along a direction */
static inline PetscErrorCode PlexValueAndSlope(MPI_Comm comm, PlexKind kind, PetscInt dim, PetscReal *value, PetscScalar *slope)
{
  Plex p;
  Vec  d, g;

  PetscFunctionBegin;
  PetscCall(PlexCreate(comm, kind, dim, &p));
  PetscCall(VecDuplicate(p.theta, &d));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(PlexFill(&p, d, 9, 0.1));
  PetscCall(ADJSetObjective(p.adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, value, g));
  PetscCall(VecDot(d, g, slope));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&g));
  PetscCall(PlexDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products against each other, the gradient against central differences and against that of one process */
static inline PetscErrorCode TapPlex(PlexKind kind, PetscInt dim, const char what[])
{
  Plex        p;
  PetscReal   xerror, terror, value, alone;
  PetscScalar slope, slopealone;

  PetscFunctionBegin;
  PetscCall(PlexCreate(PETSC_COMM_WORLD, kind, dim, &p));
  PetscCall(VecSetWave(p.x, 4));
  PetscCall(ADJTestVJP(p.adj, p.theta, p.x, &xerror, &terror));
  PetscCall(TapBelow(xerror, 1e-12, "%s, %" PetscInt_FMT "D: products in x", what, dim));
  PetscCall(TapBelow(terror, 1e-12, "%s, %" PetscInt_FMT "D: products in theta", what, dim));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(TapCentral(p.adj, p.theta, p.x, 1e-8, what));
  PetscCall(PlexDestroy(&p));
  PetscCall(PlexValueAndSlope(PETSC_COMM_WORLD, kind, dim, &value, &slope));
  PetscCall(PlexValueAndSlope(PETSC_COMM_SELF, kind, dim, &alone, &slopealone));
  PetscCall(TapClose(value, alone, 1e-12, "%s, %" PetscInt_FMT "D: the value is that of one process", what, dim));
  PetscCall(TapBelow(PetscAbsScalar(slope - slopealone), 1e-11 * PetscAbsScalar(slope), "%s, %" PetscInt_FMT "D: the derivative is that of one process", what, dim));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
