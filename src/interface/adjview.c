/*
   Viewing an ADJ with its children.
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode ADJViewProblem_Private(ADJ adj, PetscViewer viewer)
{
  PetscInt n = 0, m = 0;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  form: %s\n", adj->form == ADJ_FIXED_POINT ? "fixed point x = F(x, theta)" : (adj->form == ADJ_RESIDUAL ? "residual R(x, theta) = 0" : "not set")));
  if (adj->adapter) PetscCall(PetscViewerASCIIPrintf(viewer, "  %s: %s of the user\n", ADJForwardBorrowed_Private(adj) ? "forward solver" : "problem", adj->adapter->name));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  products: %s%s%s%s\n", adj->vjp ? "VJP" : "no VJP", adj->jvp ? ", JVP" : "", adj->linearize ? ", linearization" : "", adj->P ? ", preconditioner matrix" : ""));
  PetscCall(ADJDifferencesView_Private(adj, viewer));
  if (adj->state->x) {
    PetscCall(VecGetSize(adj->state->x, &n));
    PetscCall(VecGetSize(adj->state->theta, &m));
    PetscCall(PetscViewerASCIIPrintf(viewer, "  unknowns: %" PetscInt_FMT ", parameters: %" PetscInt_FMT "\n", n, m));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJViewCounters_Private(const char what[], const ADJCounters *c, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  %s: map %" PetscInt_FMT ", VJP in x %" PetscInt_FMT ", VJP in theta %" PetscInt_FMT ", JVP %" PetscInt_FMT ", linearizations %" PetscInt_FMT "\n", what, c->map, c->vjp_x, c->vjp_theta, c->jvp, c->linearize));
  PetscCall(PetscViewerASCIIPrintf(viewer, "    solves: forward %" PetscInt_FMT ", adjoint %" PetscInt_FMT ", tangent %" PetscInt_FMT "\n", c->forward, c->adjoint, c->tangent));
  if (c->stored) PetscCall(PetscViewerASCIIPrintf(viewer, "    of them steps made again %" PetscInt_FMT ", undone %" PetscInt_FMT "; states kept at a time %" PetscInt_FMT "\n", c->recomputed, c->inverted, c->stored));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJViewChildren_Private(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPushTab(viewer));
  if (adj->adapter && adj->adapter->view)
    PetscCall((*adj->adapter->view)(adj, viewer));
  else if (adj->snes && !ADJForwardBorrowed_Private(adj))
    PetscCall(SNESView(adj->snes, viewer));
  if (adj->ksp && adj->vjp) PetscCall(KSPView(adj->ksp, viewer));
  if (adj->tksp && adj->state->tangent.reason) PetscCall(KSPView(adj->tksp, viewer));
  if (adj->eps && adj->AT) PetscCall(EPSView(adj->eps, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJView - Prints the context: problem, method, calls so far, verdict, children

   Collective

   Input Parameters:
+  adj    - the context
-  viewer - where to; `NULL` for the standard output

   Options Database Key:
.  -adj_view [viewer] - called after each adjoint or tangent solve

   Level: beginner

   Note:
   Viewers that are not ASCII get nothing.

.seealso: `ADJTrustView()`, `ADJViewFromOptions()`, `PetscViewer`
@*/
PetscErrorCode ADJView(ADJ adj, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)adj), &viewer));
  PetscValidHeaderSpecific(viewer, PETSC_VIEWER_CLASSID, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)adj, viewer));
  PetscCall(ADJViewProblem_Private(adj, viewer));
  if (adj->adapter) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "  borrowed solver: %s\n", adj->adapter->name));
    PetscCall(PetscViewerASCIIPushTab(viewer));
    PetscCall(PetscViewerASCIIPushTab(viewer));
    if (adj->adapter->view) PetscCall((*adj->adapter->view)(adj, viewer));
    PetscCall(PetscViewerASCIIPopTab(viewer));
    PetscCall(PetscViewerASCIIPopTab(viewer));
  }
  if (adj->ops->view) {
    PetscCall(PetscViewerASCIIPushTab(viewer));
    PetscUseTypeMethod(adj, view, viewer);
    PetscCall(PetscViewerASCIIPopTab(viewer));
  }
  PetscCall(ADJViewCounters_Private("calls", &adj->counters, viewer));
  PetscCall(ADJViewCounters_Private("calls by checks and tests", &adj->checkcounters, viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  trust: level %s, action %s, verdict %s\n", ADJTrustLevels[adj->trustlevel], ADJTrustActions[adj->trustaction], ADJTrusts[adj->state->report.verdict]));
  PetscCall(ADJCheckpointView_Private(adj, viewer));
  PetscCall(ADJViewPCReuse_Private(adj, viewer));
  PetscCall(ADJViewChildren_Private(adj, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJViewFromOptions - Views the context if an option asks for it

   Collective

   Input Parameters:
+  adj  - the context
.  obj  - object that gives the options prefix, `NULL` for that of `adj`
-  name - the option

   Level: intermediate

.seealso: `ADJView()`, `PetscObjectViewFromOptions()`
@*/
PetscErrorCode ADJViewFromOptions(ADJ adj, PetscObject obj, const char name[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(PetscObjectViewFromOptions((PetscObject)adj, obj, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}
