/*
   Derivatives along an iteration x_{k+1} = F(x_k, theta), k = 0, ..., K-1:

       adjoint, back:       a_K = v,  a_k = A(x_k)^T a_{k+1},  thetabar = sum_k B(x_k)^T a_{k+1}
       tangent, forward:    xdot_{k+1} = A(x_k) xdot_k + B(x_k) thetadot

   with A = dF/dx and B = dF/dtheta. Where the states x_k come from is the types' matter.
*/
#include <contragrad/private/adjimpl.h>

static PetscBool ADJSameSpec_Private(const ADJScheduleSpec *a, const ADJScheduleSpec *b)
{
  return (PetscBool)(a->type == b->type && a->steps == b->steps && a->checkpoints == b->checkpoints && a->period == b->period && a->level == b->level);
}

/* The trajectory of the state, as `spec` wants it; that of the last solve serves again if it was of the same kind */
PetscErrorCode ADJTrajectoryBegin_Private(ADJ adj, const ADJScheduleSpec *spec)
{
  ADJState *st   = adj->state;
  PetscBool same = PETSC_FALSE;

  PetscFunctionBegin;
  if (st->trajectory) same = ADJSameSpec_Private(&st->spec, spec);
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTrajectoryDestroy_Private(&st->trajectory));
  PetscCall(ADJTrajectoryCreate_Private(PetscObjectComm((PetscObject)adj), spec, adj->trajectory.dir, &st->trajectory));
  st->spec = *spec;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Operations iterate and forwardend of the types with a trajectory */
PetscErrorCode ADJTrajectoryIterate_Private(ADJ adj, PetscInt k, Vec x)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(ADJ_Trajectory, adj, x, 0, 0));
  PetscCall(ADJTrajectoryRecord_Private(adj->state->trajectory, k, x));
  PetscCall(PetscLogEventEnd(ADJ_Trajectory, adj, x, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryEnd_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJTrajectoryFinish_Private(adj->state->trajectory, adj->state->its));
  PetscCall(ADJCountStored_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCountStored_Private(ADJ adj)
{
  ADJTrajectoryStats stats;

  PetscFunctionBegin;
  if (!adj->state->trajectory) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTrajectoryGetStats_Private(adj->state->trajectory, &stats));
  adj->account->stored = PetscMax(adj->account->stored, stats.peak);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Also for powers of A */
PetscErrorCode ADJCreateSweepVecs_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj->a[0]) PetscCall(VecDuplicate(adj->r, &adj->a[0]));
  if (!adj->a[1]) PetscCall(VecDuplicate(adj->r, &adj->a[1]));
  if (!adj->atheta) PetscCall(VecDuplicate(adj->state->theta, &adj->atheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x <- F(x), in the arithmetic of the forward solver, so that a step made again gives the same bits */
PetscErrorCode ADJAdvance_Private(void *ctx, Vec x)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  PetscCall(ADJComputeResidual_Private(adj, x, adj->state->theta, adj->r));
  PetscCall(VecAXPY(x, -1.0, adj->r));
  adj->account->recomputed++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sweep has left the solution: the next product there linearizes anew */
static PetscErrorCode ADJLeaveSolution_Private(ADJ adj)
{
  PetscFunctionBegin;
  adj->lin_x             = NULL;
  adj->lin_theta         = NULL;
  adj->state->linearized = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Steps `last` - 1, ..., `first`. thetabar is overwritten; a, if it is not NULL, gets a_first; w, if it is not NULL, the
   sum of a_last, ..., a_{first+1}, which stands for the adjoint
*/
PetscErrorCode ADJSweepAdjoint_Private(ADJ adj, PetscInt first, PetscInt last, ADJGetStateFn *getstate, Vec v, Vec thetabar, Vec a, Vec w)
{
  Vec  theta = adj->state->theta, x;
  Vec *cur, *next, *swap;

  PetscFunctionBegin;
  PetscCall(ADJCreateSweepVecs_Private(adj));
  cur  = &adj->a[0];
  next = &adj->a[1];
  PetscCall(ADJLeaveSolution_Private(adj)); /* now, in case of an error on the way, and at the end */
  PetscCall(VecCopy(v, *cur));
  PetscCall(VecSet(thetabar, 0.0));
  if (w) PetscCall(VecSet(w, 0.0));
  for (PetscInt k = last - 1; k >= first; k--) {
    const PetscBool wanted = (PetscBool)(a || k > first);

    if (w) PetscCall(VecAXPY(w, 1.0, *cur));
    PetscCall((*getstate)(adj, k, &x));
    PetscCall(ADJLinearize_Private(adj, x, theta));
    PetscCall(ADJComputeVJP_Private(adj, x, theta, *cur, wanted ? *next : NULL, adj->atheta));
    PetscCall(VecAXPY(thetabar, 1.0, adj->atheta));
    swap = cur;
    cur  = next;
    next = swap;
  }
  if (a) PetscCall(VecCopy(*cur, a));
  PetscCall(ADJCountStored_Private(adj));
  PetscCall(ADJLeaveSolution_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps `first`, ..., `last` - 1 from xdot_first = 0; states that are not kept are computed again */
PetscErrorCode ADJSweepTangent_Private(ADJ adj, PetscInt first, PetscInt last, Vec thetadot, Vec xdot)
{
  ADJTrajectory traj  = adj->state->trajectory;
  Vec           theta = adj->state->theta, x;
  PetscBool     kept;

  PetscFunctionBegin;
  PetscCall(ADJCreateSweepVecs_Private(adj));
  PetscCall(ADJLeaveSolution_Private(adj));
  x = adj->a[1];
  PetscCall(VecSet(xdot, 0.0));
  for (PetscInt k = first; k < last; k++) {
    PetscCall(ADJTrajectoryHasState_Private(traj, k, &kept));
    PetscCheck(kept || k > first, PetscObjectComm((PetscObject)adj), PETSC_ERR_PLIB, "State %" PetscInt_FMT " of the trajectory is lost", k);
    if (kept)
      PetscCall(ADJTrajectoryLoadState_Private(traj, k, x));
    else
      PetscCall(ADJAdvance_Private(adj, x));
    PetscCall(ADJLinearize_Private(adj, x, theta));
    PetscCall(ADJComputeJVP_Private(adj, x, theta, k > first ? xdot : NULL, thetadot, adj->a[0]));
    PetscCall(VecCopy(adj->a[0], xdot));
  }
  PetscCall(ADJLeaveSolution_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the verdict wants to know of a derivative that was found without a linear system */
PetscErrorCode ADJRecordNorms_Private(Vec in, Vec out, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(in, NORM_2, &rec->rhsnorm));
  PetscCall(VecNorm(out, NORM_2, &rec->resultnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Where the number of steps was given they are the model. Where the solution was aimed at, the derivative of the steps stands
   for that of the solution
*/
static PetscErrorCode ADJRecordSteps_Private(ADJ adj, Vec in, Vec out, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(ADJRecordNorms_Private(in, out, rec));
  rec->its         = adj->state->its;
  rec->terms       = rec->its - 1;
  rec->approximate = (PetscBool)(adj->steps < 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All the steps that were made, with dl/dx_0 */
PetscErrorCode ADJSolveAdjointOfSteps_Private(ADJ adj, ADJGetStateFn *getstate, Vec xbar, Vec thetabar)
{
  ADJState *st = adj->state;

  PetscFunctionBegin;
  if (!st->x0bar) PetscCall(VecDuplicate(st->x, &st->x0bar));
  if (adj->steps < 0) PetscCall(ADJCreateAdjoint_Private(adj));
  st->x0barknown = PETSC_FALSE;
  PetscCall(ADJSweepAdjoint_Private(adj, 0, st->its, getstate, xbar, thetabar, st->x0bar, adj->steps < 0 ? adj->w : NULL));
  st->x0barknown = PETSC_TRUE;
  PetscCall(ADJRecordSteps_Private(adj, xbar, thetabar, &st->adjoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Operation solvetangent of the types that differentiate the steps that were made: piggyback */
PetscErrorCode ADJSolveTangentOfSteps_Private(ADJ adj, Vec thetadot, Vec xdot)
{
  PetscFunctionBegin;
  PetscCall(ADJSweepTangent_Private(adj, 0, adj->state->its, thetadot, xdot));
  PetscCall(ADJRecordSteps_Private(adj, thetadot, xdot, &adj->state->tangent));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetInitialGradient - Derivative of the objective with respect to the initial guess of the forward iteration

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  x0bar - dl/dx_0 = (dx_K/dx_0)^T xbar of the last `ADJSolveAdjoint()` (borrowed), global length n

   Level: intermediate

   Note:
   For the types that differentiate the steps that were made, `ADJUNROLLED` and `ADJREVERSIBLE`. The solution itself does
   not depend on the initial guess.

   Errors:
   `PETSC_ERR_ORDER` before the first `ADJSolveAdjoint()` of such a type after `ADJSolve()`; `PETSC_ERR_SUP` for other types.

.seealso: `ADJUNROLLED`, `ADJREVERSIBLE`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetInitialGradient(ADJ adj, Vec *x0bar)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->program, comm, PETSC_ERR_SUP, "ADJ type %s has no derivative with respect to the initial guess: take -adj_type unrolled or reversible", ((PetscObject)adj)->type_name ? ((PetscObject)adj)->type_name : "(not set)");
  PetscCheck(adj->state->x0barknown, comm, PETSC_ERR_ORDER, "Must call ADJSolveAdjoint() first");
  *x0bar = adj->state->x0bar;
  PetscFunctionReturn(PETSC_SUCCESS);
}
