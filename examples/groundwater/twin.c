/*
   A twin experiment: a field with channels, its heads in a lattice of wells, and noise.
*/
#include "cells.h"
#include "inversion.h"

/* 1 in a channel that meanders from the west to the east, 0 far from it, with a bank of a hundredth of the aquifer */
static PetscReal Channel(const PetscReal x[], PetscReal middle, PetscReal slope, PetscReal swing, PetscReal waves, PetscReal phase, PetscReal width)
{
  const PetscReal y = middle + slope * (x[0] - 0.5) + swing * PetscSinReal(2.0 * PETSC_PI * waves * x[0] + phase);

  return 0.5 * (1.0 - PetscTanhReal((PetscAbsReal(x[1] - y) - 0.5 * width) / 0.01));
}

/* Two channels of high conductivity, one of which crosses the aquifer, and some heterogeneity between them */
static PetscErrorCode FillTruth(Inversion inv, Vec truth)
{
  Aquifer             aq = inv->aq;
  const AquiferPatch *g  = &aq->patch;
  PetscScalar        *t;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(truth, &t));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscReal x[3], unit[3], upper, lower;

    for (PetscInt d = 0; d < 3; d++) {
      unit[d] = (c.ijk[d] + 0.5) / g->size[d];
      x[d]    = unit[d] * aq->length[d];
    }
    upper    = Channel(unit, 0.62, 0.30, 0.07, 1.3, 0.4, 0.11);
    lower    = Channel(unit, 0.30, -0.15, 0.09, 1.0, 2.0, 0.09);
    t[c.own] = AquiferHeterogeneity(aq, inv->background, x) + inv->contrast * PetscMax(upper, lower);
  }
  PetscCall(VecRestoreArrayWrite(truth, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cells in the middle of the boxes of a lattice, with noise of standard deviation `noise` as value; no process draws other numbers */
static PetscErrorCode CreateWells(Inversion inv)
{
  Aquifer     aq = inv->aq;
  PetscInt    n  = 1;
  PetscRandom random;
  PetscReal   u[2];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < 3; d++) n *= inv->lattice[d];
  PetscCall(PetscMalloc1(n, &inv->well));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetType(random, PETSCRANDER48));
  PetscCall(PetscRandomSetSeed(random, (unsigned long)inv->seed));
  PetscCall(PetscRandomSeed(random));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt at[3] = {i % inv->lattice[0], i / inv->lattice[0] % inv->lattice[1], i / (inv->lattice[0] * inv->lattice[1])};

    for (PetscInt d = 0; d < 3; d++) inv->well[i].cell[d] = (PetscInt)((at[d] + 0.5) * aq->patch.size[d] / inv->lattice[d]);
    for (PetscInt j = 0; j < 2; j++) PetscCall(PetscRandomGetValueReal(random, &u[j]));
    inv->well[i].value = inv->noise * PetscSqrtReal(-2.0 * PetscLogReal(1.0 - u[0])) * PetscCosReal(2.0 * PETSC_PI * u[1]); /* Box, Muller 1958 */
  }
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the head to what the wells hold; each is known by one process */
static PetscErrorCode AddHeads(Inversion inv, Vec h)
{
  const AquiferPatch *g = &inv->aq->patch;
  const PetscScalar  *hh;
  PetscReal          *value;
  PetscInt            n = inv->lattice[0] * inv->lattice[1] * inv->lattice[2];
  PetscMPIInt         count;

  PetscFunctionBeginUser;
  PetscCall(PetscMPIIntCast(n, &count));
  PetscCall(PetscCalloc1(n, &value));
  PetscCall(VecGetArrayRead(h, &hh));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt own = AquiferOwnedIndex(g, inv->well[i].cell);

    if (own >= 0) value[i] = PetscRealPart(hh[own]);
  }
  PetscCall(VecRestoreArrayRead(h, &hh));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, value, count, MPIU_REAL, MPIU_SUM, inv->aq->comm));
  for (PetscInt i = 0; i < n; i++) inv->well[i].value += value[i];
  PetscCall(PetscFree(value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The observations become those of the twin */
PetscErrorCode TwinCreate(Inversion inv)
{
  Aquifer             aq = inv->aq;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < 3; d++) PetscCheck(inv->lattice[d] >= 1 && inv->lattice[d] <= aq->patch.size[d], aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-twin_wells asks for %" PetscInt_FMT " wells in a direction of %" PetscInt_FMT " cells: a well needs a cell of its own", inv->lattice[d], aq->patch.size[d]);
  PetscCall(VecDuplicate(aq->theta, &inv->truth));
  if (inv->truthfile[0])
    PetscCall(AquiferLoadTheta(aq, inv->truthfile, inv->truth));
  else
    PetscCall(FillTruth(inv, inv->truth));
  PetscCall(ADJSolve(inv->adj, inv->truth, inv->h));
  PetscCall(ADJGetForwardReason(inv->adj, &reason));
  PetscCheck(reason > 0, aq->comm, PETSC_ERR_NOT_CONVERGED, "No heads for the true field: the forward solve stopped with %s", SNESConvergedReasons[reason]);
  PetscCall(CreateWells(inv));
  PetscCall(AddHeads(inv, inv->h));
  PetscCall(AquiferSetObservations(aq, inv->lattice[0] * inv->lattice[1] * inv->lattice[2], inv->well));
  PetscFunctionReturn(PETSC_SUCCESS);
}
