/*
   f(h, theta) = 1/2 sum_o |(h(x_o) - head_o)/sigma|^2 + regularization of theta
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

PetscErrorCode AquiferObjective(ADJ adj, Vec h, Vec theta, PetscReal *f, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer   aq  = (Aquifer)ctx;
  PetscReal own = 0.0;

  (void)adj;
  PetscFunctionBeginUser;
  if (hbar) PetscCall(VecZeroEntries(hbar));
  if (thetabar) PetscCall(VecZeroEntries(thetabar));
  PetscCall(AddMisfit(aq, h, &own, hbar));
  PetscCall(AquiferAddRegularization(aq, theta, &own, thetabar));
  if (f) PetscCallMPI(MPI_Allreduce(&own, f, 1, MPIU_REAL, MPIU_SUM, aq->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* hbar = hdot/sigma^2 where heads are observed, once for each observation; thetabar from the regularization */
PetscErrorCode AquiferObjectiveHessian(ADJ adj, Vec h, Vec theta, Vec hdot, Vec thetadot, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer            aq     = (Aquifer)ctx;
  const PetscReal    weight = 1.0 / PetscSqr(aq->sigma);
  const PetscScalar *hd;
  PetscScalar       *hb;

  (void)adj;
  (void)h;
  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(hbar));
  PetscCall(VecZeroEntries(thetabar));
  PetscCall(VecGetArrayRead(hdot, &hd));
  PetscCall(VecGetArray(hbar, &hb));
  for (PetscInt o = 0; o < aq->nobservations; o++) hb[aq->observedcell[o]] += weight * hd[aq->observedcell[o]];
  PetscCall(VecRestoreArray(hbar, &hb));
  PetscCall(VecRestoreArrayRead(hdot, &hd));
  PetscCall(AquiferAddRegularizationHessian(aq, theta, thetadot, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Root mean square of (h - head)/sigma over the observations: 1 where heads fit as well as they were measured */
PetscErrorCode AquiferGetMisfit(Aquifer aq, Vec h, PetscReal *misfit)
{
  PetscReal own = 0.0;

  PetscFunctionBeginUser;
  PetscCall(AddMisfit(aq, h, &own, NULL));
  PetscCallMPI(MPI_Allreduce(&own, misfit, 1, MPIU_REAL, MPIU_SUM, aq->comm));
  *misfit = PetscSqrtReal(2.0 * *misfit / aq->allobservations);
  PetscFunctionReturn(PETSC_SUCCESS);
}
