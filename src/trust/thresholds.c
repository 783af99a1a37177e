/*
   What the checks of the verdict are held against.
*/
#include <contragrad/private/adjimpl.h>

/* The thresholds that options may set, with their defaults */
static const struct {
  ADJCheck    check;
  PetscReal   value;
  const char *option, *help;
} ADJThresholds[] = {
  {ADJ_CHECK_FORWARD, 1e-6, "-adj_trust_forward_rtol", "Largest relative forward residual that is taken for converged"},
  {ADJ_CHECK_LINEAR, PETSC_DETERMINE, "-adj_trust_linear_rtol", "Largest true relative residual of the linear solve (negative: 10 times its rtol, or its square root if that is less)"},
  {ADJ_CHECK_CONDITIONING, 1e-3 / PETSC_MACHINE_EPSILON, "-adj_trust_condition", "Condition number from which the operator counts as singular"},
  {ADJ_CHECK_RESIDUAL_BOUND, 0.1, "-adj_trust_residual_bound", "Largest condition number times relative residual before the error is looked at"},
  {ADJ_CHECK_RATE, 0.25, "-adj_trust_rate", "Part of the distance of the spectral radius from 1 by which the observed rate may exceed it"},
  {ADJ_CHECK_SINGULAR, 1e-5, "-adj_trust_singular", "Distance of an eigenvalue from 1 below which it counts as 1"},
  {ADJ_CHECK_VJP_X, 1e-4, "-adj_trust_vjp_x_rtol", "Largest mismatch of the products in x with differences of the map"},
  {ADJ_CHECK_VJP_THETA, 1e-4, "-adj_trust_vjp_theta_rtol", "Largest mismatch of the products in theta with differences of the map"},
  {ADJ_CHECK_OBJECTIVE, 1e-4, "-adj_trust_objective_rtol", "Largest mismatch of the objective's partial derivatives with its differences"},
  {ADJ_CHECK_KINK, 1e-4, "-adj_trust_kink_rtol", "Largest relative difference of one-sided derivatives of the map"},
  {ADJ_CHECK_COMPLEMENTARITY, 1e-6, "-adj_trust_complementarity", "Smallest multiplier of an active bound, relative to the gradient"},
  {ADJ_CHECK_NULLSPACE, 1e-6, "-adj_trust_nullspace_rtol", "Largest part of a null vector that the operator may leave"},
  {ADJ_CHECK_DEFECT, 1e-8, "-adj_trust_defect", "Smallest singular value of the product of right and left null vectors"},
  {ADJ_CHECK_SOLVABILITY, 1e-6, "-adj_trust_solvability_rtol", "Largest part of the right-hand side in the null space"},
  {ADJ_CHECK_PERSISTENCE, 1e-6, "-adj_trust_persistence_rtol", "Largest action of the parameters on left null vectors"}};

PetscErrorCode ADJThresholdSetDefaults_Private(ADJ adj)
{
  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(ADJThresholds); i++) adj->threshold[ADJThresholds[i].check] = ADJThresholds[i].value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJThresholdSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscReal value;
  PetscBool set;

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(ADJThresholds); i++) {
    value = adj->threshold[ADJThresholds[i].check];
    PetscCall(PetscOptionsReal(ADJThresholds[i].option, ADJThresholds[i].help, "ADJSetTrustThreshold", value, &value, &set));
    if (set) PetscCall(ADJSetTrustThreshold(adj, ADJThresholds[i].check, value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustThreshold - Sets the limit that one check of the verdict is held against

   Logically collective

   Input Parameters:
+  adj   - the context
.  check - one of those below
-  value - the limit

   Options Database Keys:
+  -adj_trust_forward_rtol <1e-6>       - `ADJ_CHECK_FORWARD`: largest forward residual, relative to what the forward tolerance refers to, see `ADJGetSNES()`
.  -adj_trust_linear_rtol <-1>          - `ADJ_CHECK_LINEAR`: largest true residual of the linear system, relative to its right-hand side; negative: ten times the `rtol` of its `KSP`, or its square root if that is less
.  -adj_trust_condition <4.5e12>        - `ADJ_CHECK_CONDITIONING`: condition number from which the operator counts as singular
.  -adj_trust_residual_bound <0.1>      - `ADJ_CHECK_RESIDUAL_BOUND`: condition number times relative residual above which the error of the derivative must be looked at
.  -adj_trust_rate <0.25>               - `ADJ_CHECK_RATE`: part of 1 - rho by which a steady rate of the forward iteration may exceed the spectral radius rho and its error
.  -adj_trust_singular <1e-5>           - `ADJ_CHECK_SINGULAR`: an eigenvalue of dF/dx nearer to 1 makes the operator singular
.  -adj_trust_vjp_x_rtol <1e-4>         - `ADJ_CHECK_VJP_X`: largest mismatch of products in x with differences
.  -adj_trust_vjp_theta_rtol <1e-4>     - `ADJ_CHECK_VJP_THETA`: the same in theta
.  -adj_trust_objective_rtol <1e-4>     - `ADJ_CHECK_OBJECTIVE`: the same for the objective
.  -adj_trust_kink_rtol <1e-4>          - `ADJ_CHECK_KINK`: largest difference of one-sided derivatives, relative to the largest derivative
.  -adj_trust_complementarity <1e-6>    - `ADJ_CHECK_COMPLEMENTARITY`: smallest multiplier of an active bound, and smallest distance of other variables from theirs, relative to the terms of the gradient
.  -adj_trust_nullspace_rtol <1e-6>     - `ADJ_CHECK_NULLSPACE`: largest norm of what the operator makes of a unit null vector
.  -adj_trust_defect <1e-8>             - `ADJ_CHECK_DEFECT`: smallest singular value of the product of right and left null vectors
.  -adj_trust_solvability_rtol <1e-6>   - `ADJ_CHECK_SOLVABILITY`: largest part of the right-hand side in the null space
-  -adj_trust_persistence_rtol <1e-6>   - `ADJ_CHECK_PERSISTENCE`: largest action of the parameters on the left null vectors

   Level: intermediate

   Note:
   The limit of `ADJ_CHECK_GRADIENT` and `ADJ_CHECK_CERTIFICATE` is set by `ADJSetGradientTolerance()`, that of `ADJ_CHECK_DRIFT` by
   `ADJReversibleSetDriftTolerance()`.

.seealso: `ADJGetTrustThreshold()`, `ADJCheck`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJSetTrustThreshold(ADJ adj, ADJCheck check, PetscReal value)
{
  PetscBool known = PETSC_FALSE;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, check, 2);
  PetscValidLogicalCollectiveReal(adj, value, 3);
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(ADJThresholds); i++) known = (PetscBool)(known || ADJThresholds[i].check == check);
  PetscCheck(known, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "Check %s has no limit that can be set here; see the manual page of ADJSetTrustThreshold()", check >= 0 && check < ADJ_CHECK_COUNT ? ADJChecks[check] : "unknown");
  PetscCheck(!PetscIsInfOrNanReal(value) && (value >= 0.0 || check == ADJ_CHECK_LINEAR), PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The limit of check %s is %g; it must be a number that is not negative", ADJChecks[check], (double)value);
  PetscCheck(check != ADJ_CHECK_CONDITIONING || value > 1.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The limit of the condition number is %g; it must exceed 1", (double)value);
  adj->threshold[check] = value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustThreshold - The limit of one check of the verdict

   Not collective

   Input Parameters:
+  adj   - the context
-  check - one of those of `ADJSetTrustThreshold()`

   Output Parameter:
.  value - the limit; 0 for a check that has none

   Level: intermediate

.seealso: `ADJSetTrustThreshold()`
@*/
PetscErrorCode ADJGetTrustThreshold(ADJ adj, ADJCheck check, PetscReal *value)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(check >= 0 && check < ADJ_CHECK_COUNT, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no check %d; take one of ADJCheck", (int)check);
  *value = adj->threshold[check];
  PetscFunctionReturn(PETSC_SUCCESS);
}
