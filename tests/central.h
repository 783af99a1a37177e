/*
   The gradient of l = |x*(theta)|^2/2 against central differences, the solution being found each time.
*/
#ifndef CONTRAGRAD_CENTRAL_H
#define CONTRAGRAD_CENTRAL_H

#include "problems.h"

#define CENTRAL_STEP 1e-4

static inline PetscErrorCode HalfSquare(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecNorm(x, NORM_2, value));
  *value *= 0.5 * *value;
  if (xbar) PetscCall(VecCopy(x, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (l(theta + h d) - l(theta - h d)) / 2h */
static inline PetscErrorCode CentralSlope(ADJ adj, Vec theta, PetscScalar unit, Vec d, PetscReal *slope)
{
  Vec       shifted;
  PetscReal plus, minus;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(theta, &shifted));
  PetscCall(VecWAXPY(shifted, CENTRAL_STEP * unit, d, theta));
  PetscCall(ADJComputeObjectiveAndGradient(adj, shifted, &plus, NULL));
  PetscCall(VecWAXPY(shifted, -CENTRAL_STEP * unit, d, theta));
  PetscCall(ADJComputeObjectiveAndGradient(adj, shifted, &minus, NULL));
  *slope = 0.5 * (plus - minus) / CENTRAL_STEP;
  PetscCall(VecDestroy(&shifted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Along two directions, with complex scalars also along i times them. x: initial guess, then the solution */
static inline PetscErrorCode TapCentral(ADJ adj, Vec theta, Vec x, PetscReal tol, const char what[])
{
  const PetscScalar units[] = {1.0, PetscCMPLX(0.0, 1.0)};
  Vec               d, g;
  PetscReal         value, slope = 0.0;
  PetscScalar       dot;
  ADJTrust          verdict;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(theta, &d));
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(ADJSetObjective(adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &value, g));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", what, ADJTrusts[verdict]));
  for (PetscInt seed = 3; seed < 5; seed++) {
    PetscCall(VecSetWave(d, seed));
    PetscCall(VecDot(d, g, &dot));
    for (PetscInt k = 0; k < (PetscDefined(USE_COMPLEX) ? 2 : 1); k++) {
      PetscCall(CentralSlope(adj, theta, units[k], d, &slope));
      PetscCall(TapClose(PetscRealPart(units[k] * dot), slope, tol, "%s: direction %" PetscInt_FMT "%s", what, seed, k ? "i" : ""));
    }
  }
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
