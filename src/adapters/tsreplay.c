/*
   A TSTrajectory that keeps every step in memory, with its stages, and can be gone through any number of times: those of PETSc
   that stay in memory give up their steps as they are gone through.
*/
#include "ts.h"

typedef struct {
  PetscInt   nsteps, nalloc; /* recorded; entries of the arrays */
  PetscInt   nstages;
  Vec       *x, **stages; /* after each step; of the step that led there */
  PetscReal *time, *previous;
} ADJReplay;

static PetscErrorCode ADJGrow_Replay(ADJReplay *r, PetscInt n)
{
  const PetscInt nalloc = PetscMax(n, PetscMax(16, 2 * r->nalloc));
  Vec           *x, **stages;
  PetscReal     *time, *previous;

  PetscFunctionBegin;
  if (n <= r->nalloc) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscCalloc4(nalloc, &x, nalloc, &stages, nalloc, &time, nalloc, &previous));
  PetscCall(PetscArraycpy(x, r->x, r->nalloc));
  PetscCall(PetscArraycpy(stages, r->stages, r->nalloc));
  PetscCall(PetscArraycpy(time, r->time, r->nalloc));
  PetscCall(PetscArraycpy(previous, r->previous, r->nalloc));
  PetscCall(PetscFree4(r->x, r->stages, r->time, r->previous));
  r->x        = x;
  r->stages   = stages;
  r->time     = time;
  r->previous = previous;
  r->nalloc   = nalloc;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJFree_Replay(ADJReplay *r)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < r->nalloc; k++) {
    PetscCall(VecDestroy(&r->x[k]));
    PetscCall(VecDestroyVecs(r->nstages, &r->stages[k]));
  }
  PetscCall(PetscFree4(r->x, r->stages, r->time, r->previous));
  r->nalloc = r->nsteps = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TSTrajectorySet_Replay(TSTrajectory tj, TS ts, PetscInt k, PetscReal time, Vec X)
{
  ADJReplay *r = (ADJReplay *)tj->data;
  PetscInt   ns;
  Vec       *stages;

  PetscFunctionBegin;
  PetscCall(TSGetStages(ts, &ns, &stages));
  if (ns != r->nstages) PetscCall(ADJFree_Replay(r)); /* another method */
  r->nstages = ns;
  PetscCall(ADJGrow_Replay(r, k + 1));
  if (!r->x[k]) PetscCall(VecDuplicate(X, &r->x[k]));
  PetscCall(VecCopy(X, r->x[k]));
  if (k > 0 && ns > 0) {
    if (!r->stages[k]) PetscCall(VecDuplicateVecs(X, ns, &r->stages[k]));
    for (PetscInt i = 0; i < ns; i++) PetscCall(VecCopy(stages[i], r->stages[k][i]));
  }
  r->time[k] = time;
  PetscCall(TSGetPrevTime(ts, &r->previous[k]));
  r->nsteps = k + 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As PETSc's own do: the solution, the stages of the step that led there, and that step, negative */
static PetscErrorCode TSTrajectoryGet_Replay(TSTrajectory tj, TS ts, PetscInt k, PetscReal *time)
{
  ADJReplay *r = (ADJReplay *)tj->data;
  Vec        x, *stages;

  PetscFunctionBegin;
  PetscCheck(k >= 0 && k < r->nsteps, PetscObjectComm((PetscObject)tj), PETSC_ERR_ARG_OUTOFRANGE, "Step %" PetscInt_FMT " was not recorded, there are %" PetscInt_FMT, k, r->nsteps);
  PetscCall(TSGetSolution(ts, &x));
  PetscCall(VecCopy(r->x[k], x));
  *time = r->time[k];
  if (k == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TSGetStages(ts, NULL, &stages));
  for (PetscInt i = 0; i < r->nstages; i++) PetscCall(VecCopy(r->stages[k][i], stages[i]));
  PetscCall(TSSetTimeStep(ts, r->previous[k] - r->time[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vectors serve the next recording */
static PetscErrorCode TSTrajectoryReset_Replay(TSTrajectory tj)
{
  PetscFunctionBegin;
  ((ADJReplay *)tj->data)->nsteps = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TSTrajectoryDestroy_Replay(TSTrajectory tj)
{
  PetscFunctionBegin;
  PetscCall(ADJFree_Replay((ADJReplay *)tj->data));
  PetscCall(PetscFree(tj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCreateTrajectory_Replay(TSTrajectory tj, TS ts)
{
  ADJReplay *r;

  (void)ts;
  PetscFunctionBegin;
  PetscCall(PetscNew(&r));
  tj->data         = r;
  tj->ops->set     = TSTrajectorySet_Replay;
  tj->ops->get     = TSTrajectoryGet_Replay;
  tj->ops->reset   = TSTrajectoryReset_Replay;
  tj->ops->destroy = TSTrajectoryDestroy_Replay;
  PetscFunctionReturn(PETSC_SUCCESS);
}
