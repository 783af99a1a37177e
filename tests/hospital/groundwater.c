/*
   The groundwater example on a small grid; its gradient against a central difference of its objective.
*/
#include "hospital.h"
#include "../../examples/groundwater/aquifer.h"

/* | <g, d> - (J(theta + h d) - J(theta - h d))/(2 h) | for d = g/|g|, relative to |g| */
static PetscErrorCode Compare(Aquifer aq, ADJ adj, Vec h0, Vec h, Vec g, PetscReal *error)
{
  const PetscReal step = 1e-4;
  Vec             theta;
  PetscReal       norm, J[2];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(aq->theta, &theta));
  PetscCall(VecNorm(g, NORM_2, &norm));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(theta, (i ? step : -step) / norm, g, aq->theta));
    PetscCall(VecCopy(h0, h));
    PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &J[i], NULL));
  }
  *error = PetscAbsReal((J[1] - J[0]) / (2.0 * step) - norm) / norm;
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode RunGroundwater(const Patient *patient, Result *r)
{
  Aquifer   aq;
  ADJ       adj;
  SNES      snes;
  Vec       h0, h, g;
  PetscReal value;

  (void)patient;
  PetscFunctionBeginUser;
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &aq));
  PetscCall(AquiferSetFromOptions(aq));
  PetscCall(AquiferSetUp(aq));
  PetscCall(AquiferCreateADJ(aq, &adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-12, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(AquiferCreateHead(aq, &h0));
  PetscCall(VecDuplicate(h0, &h));
  PetscCall(VecDuplicate(aq->theta, &g));
  PetscCall(VecCopy(h0, h));
  PetscCall(ADJSetSolution(adj, h));
  PetscCall(ADJComputeObjectiveAndGradient(adj, aq->theta, &value, g));
  PetscCall(ADJGetTrustReport(adj, &r->report));
  PetscCall(Compare(aq, adj, h0, h, g, &r->error));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&h0));
  PetscCall(VecDestroy(&h));
  PetscCall(VecDestroy(&g));
  PetscCall(AquiferDestroy(&aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}
