/*
   Type truncated: back along the last k steps of the forward iteration only, as if x_{K-k} did not depend on theta. The
   states are kept in a ring of k vectors.
*/
#include <contragrad/private/adjimpl.h>

typedef struct {
  PetscInt steps; /* k */
} ADJ_Truncated;

static PetscErrorCode ADJForwardBegin_Truncated(ADJ adj, Vec x)
{
  ADJScheduleSpec spec;

  PetscFunctionBegin;
  (void)x;
  PetscCall(ADJRequirePlainIteration_Private(adj));
  PetscCall(PetscMemzero(&spec, sizeof(spec)));
  spec.type        = ADJ_SCHEDULE_RING;
  spec.steps       = PETSC_DETERMINE;
  spec.checkpoints = ((ADJ_Truncated *)adj->data)->steps;
  spec.level       = ADJ_LEVEL_MEMORY;
  PetscCall(ADJTrajectoryBegin_Private(adj, &spec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetState_Truncated(ADJ adj, PetscInt k, Vec *x)
{
  PetscFunctionBegin;
  PetscCall(ADJTrajectoryGetState_Private(adj->state->trajectory, k, NULL, NULL, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An initial guess that was accepted at once: one step at the solution, which it is */
static PetscErrorCode ADJGetSolution_Truncated(ADJ adj, PetscInt k, Vec *x)
{
  PetscFunctionBegin;
  (void)k;
  *x = adj->state->x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_Truncated(ADJ adj, Vec xbar, Vec thetabar)
{
  ADJState       *st    = adj->state;
  ADJLinearSolve *rec   = &st->adjoint;
  const PetscInt  its   = PetscMax(st->its, 1);
  const PetscInt  first = PetscMax(its - (st->its ? st->spec.checkpoints : 1), 0);

  PetscFunctionBegin;
  PetscCall(ADJCreateAdjoint_Private(adj));
  PetscCall(ADJSweepAdjoint_Private(adj, first, its, st->its ? ADJGetState_Truncated : ADJGetSolution_Truncated, xbar, thetabar, NULL, adj->w));
  PetscCall(ADJRecordNorms_Private(xbar, thetabar, rec));
  PetscCall(VecNorm(adj->w, NORM_2, &rec->solnorm));
  rec->its         = its - first;
  rec->terms       = rec->its - 1;
  rec->approximate = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_Truncated(ADJ adj, Vec thetadot, Vec xdot)
{
  ADJState       *st    = adj->state;
  ADJLinearSolve *rec   = &st->tangent;
  const PetscInt  first = PetscMax(st->its - st->spec.checkpoints, 0);

  PetscFunctionBegin;
  if (st->its)
    PetscCall(ADJSweepTangent_Private(adj, first, st->its, thetadot, xdot));
  else {
    PetscCall(ADJLinearizeAtSolution_Private(adj));
    PetscCall(ADJComputeJVP_Private(adj, st->x, st->theta, NULL, thetadot, xdot));
  }
  PetscCall(ADJRecordNorms_Private(thetadot, xdot, rec));
  rec->its         = PetscMax(st->its - first, 1);
  rec->terms       = rec->its - 1;
  rec->approximate = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetFromOptions_Truncated(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscInt  steps = ((ADJ_Truncated *)adj->data)->steps;
  PetscBool set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Truncated unrolling");
  PetscCall(PetscOptionsInt("-adj_truncated_steps", "How many of the last steps are differentiated", "ADJTruncatedSetSteps", steps, &steps, &set));
  if (set) PetscCall(ADJTruncatedSetSteps(adj, steps));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Truncated(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  Truncated unrolling: the last %" PetscInt_FMT " steps\n", ((ADJ_Truncated *)adj->data)->steps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTruncatedSetSteps_Truncated(ADJ adj, PetscInt steps)
{
  PetscFunctionBegin;
  PetscCheck(steps >= 1, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of steps to differentiate must be 1 or more, it is %" PetscInt_FMT, steps);
  if (((ADJ_Truncated *)adj->data)->steps != steps) adj->state->id = 0; /* other states were kept */
  ((ADJ_Truncated *)adj->data)->steps = steps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTruncatedGetSteps_Truncated(ADJ adj, PetscInt *steps)
{
  PetscFunctionBegin;
  *steps = ((ADJ_Truncated *)adj->data)->steps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTruncatedSetSteps - Sets how many of the last forward steps the type `ADJTRUNCATED` differentiates

   Logically collective

   Input Parameters:
+  adj   - the context; nothing happens if it has another type
-  steps - the number, 1 or more; default 10

   Options Database Key:
.  -adj_truncated_steps <10> - the number

   Level: intermediate

   Note:
   As many states are kept. The next derivative wants a new `ADJSolve()`.

.seealso: `ADJTRUNCATED`, `ADJTruncatedGetSteps()`
@*/
PetscErrorCode ADJTruncatedSetSteps(ADJ adj, PetscInt steps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, steps, 2);
  PetscTryMethod(adj, "ADJTruncatedSetSteps_C", (ADJ, PetscInt), (adj, steps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTruncatedGetSteps - The number of `ADJTruncatedSetSteps()`

   Not collective

   Input Parameter:
.  adj - the context, of type `ADJTRUNCATED`

   Output Parameter:
.  steps - the number

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` if it has another type.

.seealso: `ADJTRUNCATED`, `ADJTruncatedSetSteps()`
@*/
PetscErrorCode ADJTruncatedGetSteps(ADJ adj, PetscInt *steps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJTruncatedGetSteps_C", (ADJ, PetscInt *), (adj, steps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Truncated(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJTruncatedSetSteps_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJTruncatedGetSteps_C", NULL));
  PetscCall(PetscFree(adj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Truncated(ADJ);

/*MC
   ADJTRUNCATED - the derivative of the last k steps of the forward iteration

   Options Database Key:
.  -adj_truncated_steps <10> - k

   Level: intermediate

   Notes:
   Costs k products with the transposed Jacobian in theta, k - 1 in x, and k states. What it leaves out is, to first order,
   what k - 1 terms of `ADJNEUMANN` leave out; the verdict estimates it and holds it against `ADJSetGradientTolerance()`. The
   forward solver must be the plain iteration.

   References:
.  * - A. Shaban et al., Truncated back-propagation for bilevel optimization, AISTATS 2019

.seealso: `ADJSetType()`, `ADJType`, `ADJTruncatedSetSteps()`, `ADJUNROLLED`, `ADJNEUMANN`, `ADJSetGradientTolerance()`
M*/
PetscErrorCode ADJCreate_Truncated(ADJ adj)
{
  ADJ_Truncated *ctx;

  PetscFunctionBegin;
  PetscCall(PetscNew(&ctx));
  ctx->steps               = 10;
  adj->data                = ctx;
  adj->ops->setfromoptions = ADJSetFromOptions_Truncated;
  adj->ops->forwardbegin   = ADJForwardBegin_Truncated;
  adj->ops->iterate        = ADJTrajectoryIterate_Private;
  adj->ops->forwardend     = ADJTrajectoryEnd_Private;
  adj->ops->solveadjoint   = ADJSolveAdjoint_Truncated;
  adj->ops->solvetangent   = ADJSolveTangent_Truncated;
  adj->ops->view           = ADJView_Truncated;
  adj->ops->destroy        = ADJDestroy_Truncated;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJTruncatedSetSteps_C", ADJTruncatedSetSteps_Truncated));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJTruncatedGetSteps_C", ADJTruncatedGetSteps_Truncated));
  PetscFunctionReturn(PETSC_SUCCESS);
}
