/*
   Does what the schedule asks for. Work vectors: where only the end tells which state is the last, a copy of the newest
   one waits until the next one shows that it was not; and the state from which steps are made again.
*/
#include <contragrad/private/adjtrajectory.h>

struct _ADJTrajectory {
  MPI_Comm           comm; /* of the caller */
  ADJScheduleSpec    spec;
  char              *dir;
  ADJSchedule        schedule;
  ADJStore           store[2]; /* by level; NULL if not needed */
  PetscInt           last;     /* state recorded, or -1 */
  PetscInt           K;        /* negative: in the forward phase */
  PetscInt           expected; /* the next state of this sweep back, or -1 */
  PetscBool          broken;   /* a store failed */
  Vec                pending;  /* copy of state `last`, if K is not known */
  Vec                work;
  Vec                x;       /* the current state: `work`, or a vector of the store in memory */
  PetscInt           current; /* its number, or -1 */
  ADJTrajectoryStats stats;
};

/* ------------------------------------ Life cycle ----------------------------------- */

static PetscErrorCode ADJTrajectoryCreateStores_Private(ADJTrajectory t)
{
  const ADJScheduleSpec *spec = &t->spec;

  PetscFunctionBegin;
  if (spec->type == ADJ_SCHEDULE_TWO_LEVEL || spec->level == ADJ_LEVEL_MEMORY) PetscCall(ADJStoreCreateMemory_Private(t->comm, &t->store[ADJ_LEVEL_MEMORY]));
  if (spec->type == ADJ_SCHEDULE_TWO_LEVEL || spec->level == ADJ_LEVEL_DISK) PetscCall(ADJStoreCreateDisk_Private(t->comm, t->dir, &t->store[ADJ_LEVEL_DISK]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryCreate_Private(MPI_Comm comm, const ADJScheduleSpec *spec, const char dir[], ADJTrajectory *trajectory)
{
  ADJTrajectory  t;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *trajectory = NULL;
  PetscCall(PetscNew(&t));
  t->comm = comm;
  t->spec = *spec;
  t->last = t->K = t->expected = t->current = -1;
  PetscCall(PetscStrallocpy(dir, &t->dir));
  ierr = ADJScheduleCreate_Private(spec, &t->schedule);
  if (!ierr) ierr = ADJTrajectoryCreateStores_Private(t); /* both fail on all processes or on none */
  if (ierr) PetscCall(ADJTrajectoryDestroy_Private(&t));
  PetscCall(ierr);
  *trajectory = t;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryDestroy_Private(ADJTrajectory *trajectory)
{
  ADJTrajectory t = *trajectory;

  PetscFunctionBegin;
  if (!t) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJScheduleDestroy_Private(&t->schedule));
  for (int level = 0; level < 2; level++) PetscCall(ADJStoreDestroy_Private(&t->store[level]));
  PetscCall(VecDestroy(&t->pending));
  PetscCall(VecDestroy(&t->work));
  PetscCall(PetscFree(t->dir));
  PetscCall(PetscFree(*trajectory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything is forgotten but the vectors and the file */
static PetscErrorCode ADJTrajectoryRestart_Private(ADJTrajectory t)
{
  PetscFunctionBegin;
  for (int level = 0; level < 2; level++) {
    if (t->broken) PetscCall(ADJStoreDestroy_Private(&t->store[level]));
    if (t->store[level]) PetscCall(ADJStoreClear_Private(t->store[level]));
  }
  if (t->broken) PetscCall(ADJTrajectoryCreateStores_Private(t));
  t->broken = PETSC_FALSE;
  t->last = t->K = t->expected = t->current = -1;
  PetscCall(PetscMemzero(&t->stats, sizeof(t->stats)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------------- Actions ------------------------------------ */

/* The current state becomes one that may be overwritten */
static PetscErrorCode ADJTrajectoryOwn_Private(ADJTrajectory t)
{
  PetscFunctionBegin;
  if (t->x == t->work) PetscFunctionReturn(PETSC_SUCCESS);
  if (!t->work) PetscCall(VecDuplicate(t->x, &t->work));
  PetscCall(VecCopy(t->x, t->work));
  t->x = t->work;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrajectoryCountStored_Private(ADJTrajectory t, ADJLevel level)
{
  ADJTrajectoryStats *stats = &t->stats;
  PetscInt            n;

  PetscFunctionBegin;
  stats->stored++;
  stats->peak = PetscMax(stats->peak, stats->stored);
  if (level == ADJ_LEVEL_DISK)
    stats->written++;
  else {
    PetscCall(ADJStoreCount_Private(t->store[ADJ_LEVEL_MEMORY], &n));
    stats->peakmemory = PetscMax(stats->peakmemory, n);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On the way to state k: a later one is of no use any more */
static PetscErrorCode ADJTrajectoryDiscard_Private(ADJTrajectory t, PetscInt k, const ADJAction *action)
{
  PetscFunctionBegin;
  if (t->current == action->step && t->current <= k) PetscCall(ADJTrajectoryOwn_Private(t));
  PetscCall(ADJStoreDrop_Private(t->store[action->level], action->step));
  t->stats.stored--;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrajectoryLoad_Private(ADJTrajectory t, const ADJAction *action)
{
  PetscFunctionBegin;
  PetscCall(ADJStoreBorrow_Private(t->store[action->level], action->step, &t->x));
  if (!t->x) {
    PetscCall(ADJStoreGet_Private(t->store[action->level], action->step, t->work));
    t->x = t->work;
  }
  if (action->level == ADJ_LEVEL_DISK) t->stats.read++;
  t->current = action->step;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrajectoryAdvance_Private(ADJTrajectory t, PetscInt step, ADJAdvanceFn *advance, void *ctx)
{
  PetscInt k = t->current;

  PetscFunctionBegin;
  PetscCall(ADJTrajectoryOwn_Private(t));
  t->current = -1; /* if there is an error */
  for (; k < step; k++) {
    PetscCall((*advance)(ctx, t->work));
    t->stats.recomputed++;
  }
  t->current = step;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------------- Forward ------------------------------------ */

/* State k is not the last. *x is kept if it is wanted, and may then become another vector if `mine` */
static PetscErrorCode ADJTrajectoryArrive_Private(ADJTrajectory t, PetscInt k, PetscBool mine, Vec *x)
{
  ADJAction action;

  PetscFunctionBegin;
  PetscCall(ADJScheduleArrive_Private(t->schedule, k));
  while (PETSC_TRUE) {
    PetscCall(ADJScheduleNext_Private(t->schedule, &action));
    if (action.kind == ADJ_ACTION_END) break;
    t->broken = PETSC_TRUE;
    if (action.kind == ADJ_ACTION_DISCARD)
      PetscCall(ADJTrajectoryDiscard_Private(t, k, &action));
    else {
      if (mine)
        PetscCall(ADJStoreTake_Private(t->store[action.level], k, x));
      else
        PetscCall(ADJStorePut_Private(t->store[action.level], k, *x));
      PetscCall(ADJTrajectoryCountStored_Private(t, action.level));
    }
    t->broken = PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pending state was not the last. If it was not given away, it is at hand for a sweep back that begins with it */
static PetscErrorCode ADJTrajectoryFlush_Private(ADJTrajectory t)
{
  const Vec x = t->pending;

  PetscFunctionBegin;
  PetscCall(ADJTrajectoryArrive_Private(t, t->last, PETSC_TRUE, &t->pending));
  t->current = -1;
  if (t->pending == x && t->spec.type != ADJ_SCHEDULE_PERIODIC) {
    t->pending = t->work;
    t->work = t->x = x;
    t->current     = t->last;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The last state from which a step is made, if it is not in memory anyway */
static PetscErrorCode ADJTrajectoryKeepAtHand_Private(ADJTrajectory t, PetscInt k, Vec x)
{
  PetscBool has = PETSC_FALSE;

  PetscFunctionBegin;
  if (t->store[ADJ_LEVEL_MEMORY]) PetscCall(ADJStoreHas_Private(t->store[ADJ_LEVEL_MEMORY], k, &has));
  if (has || t->spec.type == ADJ_SCHEDULE_PERIODIC) PetscFunctionReturn(PETSC_SUCCESS);
  t->x = x;
  PetscCall(ADJTrajectoryOwn_Private(t));
  t->current = k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryRecord_Private(ADJTrajectory t, PetscInt k, Vec x)
{
  const PetscInt K = t->spec.steps;

  PetscFunctionBegin;
  if (k == 0) PetscCall(ADJTrajectoryRestart_Private(t));
  PetscCheck(k == t->last + 1 && t->K < 0 && !t->broken, t->comm, PETSC_ERR_ORDER, "State %" PetscInt_FMT " came after state %" PetscInt_FMT "%s; start again from state 0", k, t->last, t->broken ? ", which could not be kept" : "");
  PetscCheck(K == PETSC_DETERMINE || k <= K, t->comm, PETSC_ERR_ARG_OUTOFRANGE, "The iteration makes more than the %" PetscInt_FMT " steps that were announced; correct ADJSetSteps() (-adj_steps)", K);
  if (!t->work && t->store[ADJ_LEVEL_DISK]) PetscCall(VecDuplicate(x, &t->work));
  if (K == PETSC_DETERMINE) {
    if (k > 0) PetscCall(ADJTrajectoryFlush_Private(t));
    if (!t->pending) PetscCall(VecDuplicate(x, &t->pending));
    PetscCall(VecCopy(x, t->pending));
  } else if (k < K) {
    PetscCall(ADJTrajectoryArrive_Private(t, k, PETSC_FALSE, &x));
    if (k == K - 1) PetscCall(ADJTrajectoryKeepAtHand_Private(t, k, x));
  }
  t->last = k;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryFinish_Private(ADJTrajectory t, PetscInt K)
{
  PetscFunctionBegin;
  PetscCheck(t->K < 0 && K >= 0 && (K == t->last || K == t->last + 1) && !t->broken, t->comm, PETSC_ERR_ORDER, "The iteration cannot end after %" PetscInt_FMT " steps: the last state recorded was %" PetscInt_FMT, K, t->last);
  if (t->spec.steps == PETSC_DETERMINE) {
    if (K == t->last + 1 && K > 0) PetscCall(ADJTrajectoryFlush_Private(t));
    PetscCall(VecDestroy(&t->pending));
  }
  t->K = K;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --------------------------------------- Back -------------------------------------- */

PetscErrorCode ADJTrajectoryGetState_Private(ADJTrajectory t, PetscInt k, ADJAdvanceFn *advance, void *ctx, Vec *x)
{
  ADJAction action;

  PetscFunctionBegin;
  PetscCheck(t->K >= 0 && !t->broken, t->comm, PETSC_ERR_ORDER, "There are no states of an iteration to be given back; solve forward first");
  PetscCheck(k >= 0 && k < t->K, t->comm, PETSC_ERR_ARG_OUTOFRANGE, "State %" PetscInt_FMT " does not lie in 0, ..., %" PetscInt_FMT, k, t->K - 1);
  PetscCheck(k == t->K - 1 || k == t->expected, t->comm, PETSC_ERR_ORDER, "State %" PetscInt_FMT " is out of order; a sweep back begins with state %" PetscInt_FMT " and goes down one by one", k, t->K - 1);
  if (k != t->expected) PetscCall(ADJScheduleTurn_Private(t->schedule, t->K, t->current));
  t->expected = -1; /* if there is an error */
  while (PETSC_TRUE) {
    PetscCall(ADJScheduleNext_Private(t->schedule, &action));
    PetscCheck(action.kind != ADJ_ACTION_END, t->comm, PETSC_ERR_ARG_OUTOFRANGE, "State %" PetscInt_FMT " is not kept, nor can it be found from one that is", k);
    if (action.kind == ADJ_ACTION_REVERSE) break;
    if (action.kind == ADJ_ACTION_ADVANCE) {
      PetscCall(ADJTrajectoryAdvance_Private(t, action.step, advance, ctx));
      continue;
    }
    t->broken = PETSC_TRUE;
    if (action.kind == ADJ_ACTION_DISCARD) PetscCall(ADJTrajectoryDiscard_Private(t, k, &action));
    if (action.kind == ADJ_ACTION_LOAD) PetscCall(ADJTrajectoryLoad_Private(t, &action));
    if (action.kind == ADJ_ACTION_STORE) {
      PetscCall(ADJStorePut_Private(t->store[action.level], action.step, t->x));
      PetscCall(ADJTrajectoryCountStored_Private(t, action.level));
    }
    t->broken = PETSC_FALSE;
  }
  PetscAssert(action.step == k && t->current == k, t->comm, PETSC_ERR_PLIB, "State %" PetscInt_FMT " instead of %" PetscInt_FMT, t->current, k);
  t->expected = k - 1;
  *x          = t->x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryHasState_Private(ADJTrajectory t, PetscInt k, PetscBool *kept)
{
  PetscFunctionBegin;
  *kept = PETSC_FALSE;
  for (int level = 0; level < 2 && !*kept && !t->broken; level++) {
    if (t->store[level]) PetscCall(ADJStoreHas_Private(t->store[level], k, kept));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryLoadState_Private(ADJTrajectory t, PetscInt k, Vec x)
{
  PetscBool has = PETSC_FALSE;

  PetscFunctionBegin;
  for (int level = 0; level < 2 && !has && !t->broken; level++) {
    if (t->store[level]) PetscCall(ADJStoreHas_Private(t->store[level], k, &has));
    if (has) PetscCall(ADJStoreGet_Private(t->store[level], k, x));
    if (has && level == ADJ_LEVEL_DISK) t->stats.read++;
  }
  PetscCheck(has, t->comm, PETSC_ERR_ARG_OUTOFRANGE, "State %" PetscInt_FMT " is not kept", k);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryGetStats_Private(ADJTrajectory t, ADJTrajectoryStats *stats)
{
  PetscFunctionBegin;
  *stats = t->stats;
  PetscFunctionReturn(PETSC_SUCCESS);
}
