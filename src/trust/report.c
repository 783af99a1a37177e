/*
   Access to the verdict: what was found, how it is shown.
*/
#include <contragrad/private/adjimpl.h>

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

/*@C
   ADJGetTrustCheck - One check of the last verdict

   Not collective; the same on every process

   Input Parameters:
+  adj   - the context
-  which - the check

   Output Parameter:
.  check - a copy; its text belongs to the library

   Level: intermediate

.seealso: `ADJCheck`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJGetTrustCheck(ADJ adj, ADJCheck which, ADJTrustCheck *check)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(which >= 0 && which < ADJ_CHECK_COUNT, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no check %d; take one of ADJCheck", (int)which);
  *check = adj->state->report.check[which];
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
