/*
   Monitors of the phases; those of the iterations are the children's.
*/
#include <contragrad/private/adjimpl.h>

PetscErrorCode ADJMonitor_Private(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < adj->nmonitors; i++) PetscCall((*adj->monitor[i])(adj, phase, its, rnorm, adj->monitorctx[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJMonitorSet - Adds a function that is called after each forward, adjoint and tangent solve

   Logically collective

   Input Parameters:
+  adj     - the context
.  monitor - the function
.  ctx     - its context, may be `NULL`
-  destroy - frees the context when the monitor is removed, may be `NULL`

   Calling sequence of `monitor`:
.vb
   PetscErrorCode monitor(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx)
.ve
+  phase - what has just finished
.  its   - its iterations
-  rnorm - its last residual norm; for adjoint and tangent the true one, negative where it is not known

   Options Database Keys:
+  -adj_monitor        - adds `ADJMonitorDefault()`
-  -adj_monitor_cancel - removes all monitors

   Level: intermediate

   Note:
   The iterations inside a phase are monitored by the children: `-adj_forward_snes_monitor`, `-adj_ksp_monitor`.

.seealso: `ADJMonitorCancel()`, `ADJMonitorDefault()`
@*/
PetscErrorCode ADJMonitorSet(ADJ adj, ADJMonitorFn *monitor, void *ctx, PetscErrorCode (*destroy)(void **))
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  for (PetscInt i = 0; i < adj->nmonitors; i++) {
    if (adj->monitor[i] == monitor && adj->monitorctx[i] == ctx) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(adj->nmonitors < MAXADJMONITORS, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "More than %d monitors; remove some with ADJMonitorCancel()", MAXADJMONITORS);
  adj->monitor[adj->nmonitors]        = monitor;
  adj->monitordestroy[adj->nmonitors] = destroy;
  adj->monitorctx[adj->nmonitors++]   = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJMonitorCancel - Removes all monitors

   Logically collective

   Input Parameter:
.  adj - the context

   Level: intermediate

.seealso: `ADJMonitorSet()`
@*/
PetscErrorCode ADJMonitorCancel(ADJ adj)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  for (PetscInt i = 0; i < adj->nmonitors; i++) {
    if (adj->monitordestroy[i]) PetscCall((*adj->monitordestroy[i])(&adj->monitorctx[i]));
  }
  adj->nmonitors = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJMonitorDefault - Prints a line: phase, iterations, residual norm, and the observed rate of a forward solve

   Collective

   Input Parameters:
+  adj   - the context
.  phase - what has just finished
.  its   - its iterations
.  rnorm - its residual norm
-  ctx   - not used

   Level: intermediate

.seealso: `ADJMonitorSet()`
@*/
PetscErrorCode ADJMonitorDefault(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  const char *why  = SNESConvergedReasons[adj->state->reason];

  (void)ctx;
  PetscFunctionBegin;
  if (phase != ADJ_PHASE_FORWARD) {
    KSPConvergedReason reason = phase == ADJ_PHASE_ADJOINT ? adj->state->adjoint.reason : adj->state->tangent.reason;

    why = reason ? KSPConvergedReasons[reason] : "no linear solve";
  }
  PetscCall(PetscPrintf(comm, "ADJ %-8s %5" PetscInt_FMT " iterations  ", ADJPhases[phase], its));
  if (rnorm >= 0.0) PetscCall(PetscPrintf(comm, "residual %10.4e  ", (double)rnorm));
  PetscCall(PetscPrintf(comm, "%s", why));
  if (phase == ADJ_PHASE_FORWARD && adj->state->rate >= 0.0) PetscCall(PetscPrintf(comm, "  rate %.4f", (double)adj->state->rate));
  PetscCall(PetscPrintf(comm, "\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
