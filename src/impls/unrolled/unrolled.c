/*
   Type unrolled: the exact derivative of the steps that were made,

       x_{k+1} = F(x_k, theta), k = 0, ..., K-1

   back along the iteration. The states come from a trajectory: kept, or computed again.
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode ADJForwardBegin_Unrolled(ADJ adj, Vec x)
{
  ADJScheduleSpec spec;

  PetscFunctionBegin;
  (void)x;
  PetscCall(ADJRequirePlainIteration_Private(adj));
  PetscCall(ADJTrajectoryGetSpec_Private(&adj->trajectory, PetscObjectComm((PetscObject)adj), adj->steps, &spec));
  PetscCall(ADJTrajectoryBegin_Private(adj, &spec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetState_Unrolled(ADJ adj, PetscInt k, Vec *x)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(ADJ_Trajectory, adj, 0, 0, 0));
  PetscCall(ADJTrajectoryGetState_Private(adj->state->trajectory, k, ADJAdvance_Private, adj, x));
  PetscCall(PetscLogEventEnd(ADJ_Trajectory, adj, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_Unrolled(ADJ adj, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJSolveAdjointOfSteps_Private(adj, ADJGetState_Unrolled, xbar, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Unrolled(ADJ adj, PetscViewer viewer)
{
  const char            *types[]    = {"all states", "binomial checkpoints", "online checkpoints", "two levels"}; /* by ADJScheduleType */
  const ADJScheduleSpec *spec       = &adj->state->spec;
  char                   number[64] = "", where[64];

  PetscFunctionBegin;
  if (!adj->state->trajectory) PetscFunctionReturn(PETSC_SUCCESS);
  if (spec->type != ADJ_SCHEDULE_ALL) PetscCall(PetscSNPrintf(number, sizeof(number), ", %" PetscInt_FMT " at a time", spec->checkpoints));
  if (spec->type == ADJ_SCHEDULE_TWO_LEVEL)
    PetscCall(PetscSNPrintf(where, sizeof(where), "in memory and every %" PetscInt_FMT "th on disk", spec->period));
  else
    PetscCall(PetscStrncpy(where, spec->level == ADJ_LEVEL_DISK ? "on disk" : "in memory", sizeof(where)));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  Trajectory of %" PetscInt_FMT " steps: %s%s, %s\n", adj->state->its, types[spec->type], number, where));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Unrolled(ADJ);

/*MC
   ADJUNROLLED - the exact derivative of the K steps x <- F(x, theta) that the forward solve made, back along them; tangents
   by piggyback

   Options Database Keys:
+  -adj_steps <K>                                          - number of steps; without it, as many as the forward solve needs
.  -adj_trajectory_type <all,binomial,online,two_level>    - which states are kept
.  -adj_trajectory_checkpoints <c>                         - how many at a time, in memory
.  -adj_trajectory_store <memory,disk>                     - where
-  -adj_trajectory_dir <dir>                               - the directory, on disk

   Level: beginner

   Notes:
   Costs K products with the transposed Jacobian in x and in theta, and K states, or fewer with checkpoints and steps made
   again, see `ADJSetTrajectoryType()`. The forward solver must be the plain iteration.

   With a number of steps given, the steps are the model: they need not converge, the verdict does not ask for it, and the
   result depends on the initial guess, see `ADJGetInitialGradient()`.

   Without one the derivative stands for that of the solution, and the verdict holds its error against
   `ADJSetGradientTolerance()`: from a good initial guess few steps are made, and a derivative of few steps is none of the
   solution.

   References:
.  * - A. Griewank, A. Walther, Algorithm 799: revolve, ACM Transactions on Mathematical Software 26, 2000

.seealso: `ADJSetType()`, `ADJType`, `ADJSetSteps()`, `ADJGetInitialGradient()`, `ADJSetTrajectoryType()`, `ADJREVERSIBLE`, `ADJTRUNCATED`
M*/
PetscErrorCode ADJCreate_Unrolled(ADJ adj)
{
  PetscFunctionBegin;
  adj->program           = PETSC_TRUE;
  adj->ops->forwardbegin = ADJForwardBegin_Unrolled;
  adj->ops->iterate      = ADJTrajectoryIterate_Private;
  adj->ops->forwardend   = ADJTrajectoryEnd_Private;
  adj->ops->solveadjoint = ADJSolveAdjoint_Unrolled;
  adj->ops->solvetangent = ADJSolveTangentOfSteps_Private;
  adj->ops->view         = ADJView_Unrolled;
  PetscFunctionReturn(PETSC_SUCCESS);
}
