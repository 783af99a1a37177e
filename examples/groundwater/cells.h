/*
   Walk over the owned cells, and the faces of a cell. The same for two and three dimensions: arrays are flat, with one
   stride a direction.
*/
#ifndef CELLS_H
#define CELLS_H

#include "aquifer.h"

typedef struct {
  PetscInt ijk[3];
  PetscInt own; /* index in arrays of owned cells */
  PetscInt at;  /* index in arrays with ghosts */
} Cell;

static inline Cell CellFirst(const AquiferPatch *g)
{
  Cell c = {
    {g->start[0], g->start[1], g->start[2]},
    0,
    g->first};
  return c;
}

static inline void CellNext(const AquiferPatch *g, Cell *c)
{
  c->own++;
  c->at++;
  if (++c->ijk[0] < g->start[0] + g->count[0]) return;
  c->ijk[0] = g->start[0];
  c->at += g->stride[1] - g->count[0];
  if (++c->ijk[1] < g->start[1] + g->count[1]) return;
  c->ijk[1] = g->start[1];
  c->at += g->stride[2] - g->count[1] * g->stride[1];
  c->ijk[2]++;
}

/* Sides of a cell: 2 d + 0 towards smaller, 2 d + 1 towards larger coordinates of direction d */
static inline PetscBool CellHasNeighbour(const AquiferPatch *g, const Cell *c, PetscInt side, PetscInt *neighbour)
{
  const PetscInt d = side / 2, up = side % 2;

  *neighbour = c->at + (up ? g->stride[d] : -g->stride[d]);
  return (PetscBool)(c->ijk[d] != (up ? g->size[d] - 1 : 0));
}

/* A face with flow: T (h_p - h_q) leaves cell p for q. At a side with a given head q < 0, and h_q is that head */
typedef struct {
  PetscInt    q;
  PetscReal   head;
  PetscScalar T;      /* transmissibility */
  PetscScalar Tp, Tq; /* dT/dtheta_p, dT/dtheta_q */
} Face;

/*
   With r = e^-theta, T = 2 c/(r_p + r_q), the harmonic mean, dT/dtheta_p = T r_p/(r_p + r_q), and r_q = 0 at a given head,
   half a cell away. False: no flow through this side.
*/
static inline PetscBool CellGetFace(Aquifer aq, const Cell *c, PetscInt side, const PetscScalar *r, Face *f)
{
  const PetscBool   inner = CellHasNeighbour(&aq->patch, c, side, &f->q);
  const PetscScalar rp    = r[c->at];
  PetscScalar       rq    = 0.0;

  f->head = 0.0;
  if (inner)
    rq = r[f->q];
  else if (side < 2) {
    f->q    = -1;
    f->head = aq->head[side];
  } else
    return PETSC_FALSE;
  f->T  = 2.0 * aq->coefficient[side / 2] / (rp + rq);
  f->Tp = f->T * rp / (rp + rq);
  f->Tq = f->T * rq / (rp + rq);
  return PETSC_TRUE;
}

/* v_p - v_q, where v is `given` on the sides with a given head */
static inline PetscScalar CellJump(const Cell *c, const Face *f, const PetscScalar *v, PetscReal given)
{
  return v[c->at] - (f->q < 0 ? given : v[f->q]);
}

extern PetscErrorCode AquiferGetGhosted(Aquifer, Vec, Vec *, const PetscScalar **);
extern PetscErrorCode AquiferRestoreGhosted(Aquifer, Vec *, const PetscScalar **);

#endif
