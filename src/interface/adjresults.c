/*
   What the solves left behind: reasons, iterations, norms, vectors, counters.
*/
#include <contragrad/private/adjimpl.h>

/*@
   ADJGetForwardReason - Why the last forward solve stopped

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  reason - negative if it failed, `SNES_CONVERGED_ITERATING` before the first `ADJSolve()`

   Level: beginner

.seealso: `ADJSolve()`, `ADJGetAdjointReason()`, `SNESGetConvergedReason()`
@*/
PetscErrorCode ADJGetForwardReason(ADJ adj, SNESConvergedReason *reason)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *reason = adj->state->reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetForwardIterations - Number of iterations of the last forward solve

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  its - iterations of the `SNES`

   Level: beginner

.seealso: `ADJSolve()`, `ADJGetForwardHistory()`
@*/
PetscErrorCode ADJGetForwardIterations(ADJ adj, PetscInt *its)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *its = adj->state->its;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetForwardHistory - Residual norms of the last forward solve

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  n       - how many
-  history - 2-norms of x - F(x, theta) or of R(x, theta), from the initial guess on (borrowed, valid until the next solve)

   Level: intermediate

.seealso: `ADJSolve()`, `ADJGetObservedRate()`
@*/
PetscErrorCode ADJGetForwardHistory(ADJ adj, PetscInt *n, const PetscReal *history[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (n) *n = adj->state->nhistory;
  if (history) *history = adj->state->history;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetObservedRate - Factor by which the residual fell in each of the last forward iterations

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  rate - geometric mean over the last half of the iterations, 20 at most; negative if there were none

   Level: intermediate

   Note:
   For the plain iteration x <- F(x) it tends to the spectral radius of dF/dx.

.seealso: `ADJGetContraction()`, `ADJGetForwardHistory()`
@*/
PetscErrorCode ADJGetObservedRate(ADJ adj, PetscReal *rate)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *rate = adj->state->rate;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetPreviousIterate - The last but one iterate of the last forward solve

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  xprev - the iterate (borrowed); the initial guess if it was accepted at once

   Level: advanced

   Errors:
   `PETSC_ERR_ORDER` if `ADJSetKeepPreviousIterate()` was not called before the solve.

.seealso: `ADJSetKeepPreviousIterate()`
@*/
PetscErrorCode ADJGetPreviousIterate(ADJ adj, Vec *xprev)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->state->xprev && adj->state->nhistory, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The last but one iterate was not kept: call ADJSetKeepPreviousIterate() before ADJSolve()");
  *xprev = adj->state->xprev;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetAdjointReason - Why the last adjoint solve stopped

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  reason - negative if it failed, `KSP_CONVERGED_ITERATING` if there was none since the last `ADJSolve()`

   Level: beginner

.seealso: `ADJSolveAdjoint()`, `ADJGetForwardReason()`, `KSPGetConvergedReason()`
@*/
PetscErrorCode ADJGetAdjointReason(ADJ adj, KSPConvergedReason *reason)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *reason = adj->state->adjoint.reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTangentReason - Why the last tangent solve stopped

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  reason - negative if it failed, `KSP_CONVERGED_ITERATING` if there was none since the last `ADJSolve()`

   Level: intermediate

.seealso: `ADJSolveTangent()`, `ADJGetAdjointReason()`
@*/
PetscErrorCode ADJGetTangentReason(ADJ adj, KSPConvergedReason *reason)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *reason = adj->state->tangent.reason;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetAdjointIterations - Number of iterations of the last adjoint solve

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  its - iterations of the `KSP`

   Level: beginner

.seealso: `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetAdjointIterations(ADJ adj, PetscInt *its)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *its = adj->state->adjoint.its;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetAdjointResidual - True residual of the last adjoint system, relative to its right-hand side

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  residual - norm of v - M^T w over the norm of v, recomputed; negative if it was not, as at `ADJ_TRUST_LEVEL_NONE`

   Level: intermediate

.seealso: `ADJSolveAdjoint()`, `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJGetAdjointResidual(ADJ adj, PetscReal *residual)
{
  const ADJLinearSolve *rec = &adj->state->adjoint;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *residual = rec->residual > 0.0 ? rec->residual / rec->rhsnorm : rec->residual;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetAdjointSolution - The adjoint w of the last `ADJSolveAdjoint()`, with M^T w = v

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  w - the adjoint (borrowed), global length n

   Level: intermediate

   Errors:
   `PETSC_ERR_ORDER` before the first adjoint solve.

.seealso: `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetAdjointSolution(ADJ adj, Vec *w)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->w, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Must call ADJSolveAdjoint() first");
  *w = adj->w;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetCounters - How often the user's functions were called by the solves, and how often was solved

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  counters - the numbers since `ADJCreate()` or `ADJReset()`; calls by checks and tests are not in them

   Level: intermediate

.seealso: `ADJCounters`, `ADJView()`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJGetCounters(ADJ adj, ADJCounters *counters)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *counters = adj->counters;
  PetscFunctionReturn(PETSC_SUCCESS);
}
