/*
   f(h, theta) = 1/2 sum_o |(h(x_o) - head_o)/sigma|^2 + alpha/2 int |grad theta|^2
*/
#include "cells.h"

/* Adds sum_o |(h - head)/sigma|^2/2 over the owned cells to *f, and its derivative (h - head)/sigma^2 to hbar */
static PetscErrorCode AddMisfit(Aquifer aq, Vec h, PetscReal *f, Vec hbar)
{
  const PetscReal    weight = 1.0 / PetscSqr(aq->sigma);
  const PetscScalar *hh;
  PetscScalar       *hb = NULL;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(h, &hh));
  if (hbar) PetscCall(VecGetArray(hbar, &hb));
  for (PetscInt o = 0; o < aq->nobservations; o++) {
    const PetscInt    cell = aq->observedcell[o];
    const PetscScalar miss = hh[cell] - aq->observedhead[o];

    *f += 0.5 * weight * PetscRealPart(miss * PetscConj(miss));
    if (hb) hb[cell] += weight * miss;
  }
  if (hbar) PetscCall(VecRestoreArray(hbar, &hb));
  PetscCall(VecRestoreArrayRead(h, &hh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Adds alpha/2 sum over faces of V/dx^2 |theta_p - theta_q|^2 to *f; each cell takes one half of its faces. The
   derivative with respect to theta_p is alpha sum_q V/dx^2 (theta_p - theta_q)
*/
static PetscErrorCode AddRoughness(Aquifer aq, Vec theta, PetscReal *f, Vec thetabar)
{
  const AquiferPatch *g = &aq->patch;
  const PetscScalar  *t;
  PetscScalar        *tb = NULL;
  Vec                 local;
  PetscInt            q;

  PetscFunctionBeginUser;
  PetscCall(AquiferGetGhosted(aq, theta, &local, &t));
  if (thetabar) PetscCall(VecGetArray(thetabar, &tb));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      const PetscReal weight = aq->alpha * aq->coefficient[side / 2];
      PetscScalar     jump;

      if (!CellHasNeighbour(g, &c, side, &q)) continue;
      jump = t[c.at] - t[q];
      *f += 0.25 * weight * PetscRealPart(jump * PetscConj(jump));
      if (tb) tb[c.own] += weight * jump;
    }
  }
  if (thetabar) PetscCall(VecRestoreArray(thetabar, &tb));
  PetscCall(AquiferRestoreGhosted(aq, &local, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferObjective(ADJ adj, Vec h, Vec theta, PetscReal *f, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer   aq  = (Aquifer)ctx;
  PetscReal own = 0.0;

  (void)adj;
  PetscFunctionBeginUser;
  if (hbar) PetscCall(VecZeroEntries(hbar));
  if (thetabar) PetscCall(VecZeroEntries(thetabar));
  PetscCall(AddMisfit(aq, h, &own, hbar));
  PetscCall(AddRoughness(aq, theta, &own, thetabar));
  if (f) PetscCallMPI(MPI_Allreduce(&own, f, 1, MPIU_REAL, MPIU_SUM, aq->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}
