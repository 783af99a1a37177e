/*
   Access to the verdict: what is asked, what was found, how it is shown.
*/
#include <contragrad/private/adjimpl.h>

/*@
   ADJSetTrustLevel - Chooses what is spent on the verdict

   Logically collective

   Input Parameters:
+  adj   - the context
-  level - `ADJ_TRUST_LEVEL_NONE` or `ADJ_TRUST_LEVEL_ESTIMATE` (default)

   Options Database Key:
.  -adj_trust_level <none,estimate> - the level

   Level: beginner

   Note:
   Convergence reasons and NaN or Inf are looked at on every level.

.seealso: `ADJTrustLevel`, `ADJSetTrustAction()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJSetTrustLevel(ADJ adj, ADJTrustLevel level)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(level >= ADJ_TRUST_LEVEL_NONE && level <= ADJ_TRUST_LEVEL_ESTIMATE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trust level %d; take one of ADJTrustLevel", (int)level);
  if (level > adj->trustlevel) adj->setupcalled = PETSC_FALSE; /* the Krylov solvers are asked to keep their singular values */
  adj->trustlevel = level;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustLevel - What is spent on the verdict

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  level - the level

   Level: intermediate

.seealso: `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJGetTrustLevel(ADJ adj, ADJTrustLevel *level)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *level = adj->trustlevel;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustAction - Chooses what is done with a derivative that is refused

   Logically collective

   Input Parameters:
+  adj    - the context
-  action - `ADJ_TRUST_ACTION_ERROR` (default), `ADJ_TRUST_ACTION_WARN` or `ADJ_TRUST_ACTION_IGNORE`

   Options Database Key:
.  -adj_trust_action <error,warn,ignore> - the action

   Level: beginner

.seealso: `ADJTrustAction`, `ADJSetTrustLevel()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJSetTrustAction(ADJ adj, ADJTrustAction action)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(action >= ADJ_TRUST_ACTION_ERROR && action <= ADJ_TRUST_ACTION_IGNORE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trust action %d; take one of ADJTrustAction", (int)action);
  adj->trustaction = action;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustAction - What is done with a derivative that is refused

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  action - the action

   Level: intermediate

.seealso: `ADJSetTrustAction()`
@*/
PetscErrorCode ADJGetTrustAction(ADJ adj, ADJTrustAction *action)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *action = adj->trustaction;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustContraction - Whether a fixed-point map must be a contraction for its derivative to be trusted

   Logically collective

   Input Parameters:
+  adj      - the context
-  required - default `PETSC_TRUE`; without effect in residual form

   Options Database Key:
.  -adj_trust_contraction <bool> - whether it is required

   Level: intermediate

   Note:
   Without it the derivative needs I - dF/dx invertible only, as for a residual: the conditioning is asked instead. Fit
   for a fixed point that Newton's or Anderson's method found where the plain iteration does not converge.

.seealso: `ADJGetContraction()`, `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJSetTrustContraction(ADJ adj, PetscBool required)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->trustcontraction = required;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustContraction - Whether a fixed-point map must be a contraction

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  required - whether it must

   Level: intermediate

.seealso: `ADJSetTrustContraction()`
@*/
PetscErrorCode ADJGetTrustContraction(ADJ adj, PetscBool *required)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *required = adj->trustcontraction;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustTolerances - Sets the limits of the verdict

   Logically collective

   Input Parameters:
+  adj         - the context
.  forwardrtol - largest forward residual, relative to what the forward tolerance refers to, see `ADJGetSNES()`; default 1e-6. Where a larger one met the solver's own tolerance the verdict is `ADJ_TRUST_UNVERIFIED`, else the derivative is refused
.  linearrtol  - largest true residual of the adjoint or tangent system, relative to its right-hand side; negative (default): ten times the `rtol` of its `KSP`, or its square root if that is less
-  condition   - condition number from which the operator counts as singular; default 1e-3 over the machine precision

   Options Database Keys:
+  -adj_trust_forward_rtol <rtol> - the first
.  -adj_trust_linear_rtol <rtol>  - the second
-  -adj_trust_condition <cond>    - the third

   Level: intermediate

   Note:
   `PETSC_CURRENT` (`PETSC_DEFAULT` before PETSc 3.22) keeps a value.

.seealso: `ADJGetTrustTolerances()`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJSetTrustTolerances(ADJ adj, PetscReal forwardrtol, PetscReal linearrtol, PetscReal condition)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (forwardrtol == (PetscReal)ADJ_CURRENT) forwardrtol = adj->trustforwardrtol;
  if (linearrtol == (PetscReal)ADJ_CURRENT) linearrtol = adj->trustlinearrtol;
  if (condition == (PetscReal)ADJ_CURRENT) condition = adj->trustcondition;
  PetscCheck(forwardrtol >= 0.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The limit of the forward residual is %g; it must not be negative", (double)forwardrtol);
  PetscCheck(!PetscIsInfOrNanReal(linearrtol), PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The limit of the linear residual is %g; give a number, a negative one for the default", (double)linearrtol);
  PetscCheck(condition > 1.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The limit of the condition number is %g; it must exceed 1", (double)condition);
  adj->trustforwardrtol = forwardrtol;
  adj->trustlinearrtol  = linearrtol;
  adj->trustcondition   = condition;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustTolerances - The limits of the verdict

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  forwardrtol - largest relative forward residual, or `NULL`
.  linearrtol  - largest true relative residual of the linear systems (negative: ten times the `rtol` of the `KSP`), or `NULL`
-  condition   - condition number from which the operator counts as singular, or `NULL`

   Level: intermediate

.seealso: `ADJSetTrustTolerances()`
@*/
PetscErrorCode ADJGetTrustTolerances(ADJ adj, PetscReal *forwardrtol, PetscReal *linearrtol, PetscReal *condition)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (forwardrtol) *forwardrtol = adj->trustforwardrtol;
  if (linearrtol) *linearrtol = adj->trustlinearrtol;
  if (condition) *condition = adj->trustcondition;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrust - The verdict on the last derivative

   Not collective; the same on every process

   Input Parameter:
.  adj - the context

   Output Parameter:
.  verdict - negative if the derivative was refused, `ADJ_TRUST_NONE` if there was none since the last `ADJSolve()`

   Level: beginner

.seealso: `ADJTrust`, `ADJGetTrustReport()`, `ADJTrustView()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetTrust(ADJ adj, ADJTrust *verdict)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *verdict = adj->state->report.verdict;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetTrustReport - What was looked at before the last derivative was returned

   Not collective; the same on every process

   Input Parameter:
.  adj - the context

   Output Parameter:
.  report - a copy; its texts belong to the library

   Level: intermediate

.seealso: `ADJTrustReport`, `ADJCheck`, `ADJGetTrust()`, `ADJTrustView()`
@*/
PetscErrorCode ADJGetTrustReport(ADJ adj, ADJTrustReport *report)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *report = adj->state->report;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckView_Private(const char name[], const ADJTrustCheck *c, PetscViewer viewer)
{
  char value[64], error[32] = "", limit[32] = "";

  PetscFunctionBegin;
  if (c->status == ADJ_CHECK_SKIPPED) PetscFunctionReturn(PETSC_SUCCESS);
  if (c->value >= 0.0)
    PetscCall(PetscSNPrintf(value, sizeof(value), "%.6g", (double)c->value));
  else
    PetscCall(PetscStrncpy(value, "not known", sizeof(value)));
  if (c->error > 0.0) PetscCall(PetscSNPrintf(error, sizeof(error), " +- %.1e", (double)c->error));
  if (c->threshold > 0.0) PetscCall(PetscSNPrintf(limit, sizeof(limit), "limit %.3g", (double)c->threshold));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  %-14s %-12s %-12s %-14s %s%s%s\n", name, value, error, limit, ADJCheckStatuses[c->status], c->advice ? ": " : "", c->advice ? c->advice : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJTrustView - Prints the report of the last verdict: each quantity, its limit, the outcome, what to try next

   Collective

   Input Parameters:
+  adj    - the context
-  viewer - where to; `NULL` for the standard output

   Options Database Key:
.  -adj_trust_view [viewer] - called with each verdict

   Level: beginner

   Note:
   Viewers that are not ASCII get nothing.

.seealso: `ADJGetTrustReport()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJTrustView(ADJ adj, PetscViewer viewer)
{
  const ADJTrustReport *rep = &adj->state->report;
  PetscBool             ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)adj), &viewer));
  PetscValidHeaderSpecific(viewer, PETSC_VIEWER_CLASSID, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "Trust in the %s: %s (forward %s, linear solve %s, %" PetscInt_FMT " products spent on checks)\n", rep->phase == ADJ_PHASE_TANGENT ? "tangent" : "gradient", ADJTrusts[rep->verdict], SNESConvergedReasons[rep->forward_reason], rep->linear_reason ? KSPConvergedReasons[rep->linear_reason] : "none", rep->products));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) PetscCall(ADJCheckView_Private(ADJChecks[i], &rep->check[i], viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}
