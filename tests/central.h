/*
   The gradient of l = |x*(theta)|^2/2 against central differences, the solution being found each time.
*/
#ifndef CONTRAGRAD_CENTRAL_H
#define CONTRAGRAD_CENTRAL_H

#include "problems.h"

#define CENTRAL_STEP 1e-3

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

/* Central differences of fourth order: (8 (l(h) - l(-h)) - (l(2h) - l(-2h)))/12h, l(h) at theta + h d */
static inline PetscErrorCode CentralSlope(ADJ adj, Vec theta, PetscScalar unit, Vec d, PetscReal *slope)
{
  const PetscReal at[] = {1.0, -1.0, 2.0, -2.0}, weight[] = {8.0, -8.0, -1.0, 1.0};
  Vec             shifted;
  PetscReal       value;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(theta, &shifted));
  *slope = 0.0;
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(VecWAXPY(shifted, at[i] * CENTRAL_STEP * unit, d, theta));
    PetscCall(ADJComputeObjectiveAndGradient(adj, shifted, &value, NULL));
    *slope += weight[i] * value / (12.0 * CENTRAL_STEP);
  }
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
