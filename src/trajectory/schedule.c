/*
   Which states of an iteration x_{k+1} = F(x_k), k = 0, ..., K-1, are kept, and how the others are found again for a
   sweep back. An iterator of actions: what it asks for is done by its caller. It knows no vectors.

   Between two kept states lies a segment of l states, the first of them kept. With c states at a time, its first one
   included, the segment is swept back by at least

     T(l, c) = min_{0 < m < l} m + T(l - m, c - 1) + T(m, c),   T(1, c) = 0,   T(l, 1) = l (l - 1) / 2

   steps: m of them lead to the next state that is kept. With beta(c, r) = binomial(c + r, c), the number of states that
   can be swept back so that no step is made more than r times, and r the smallest with l <= beta(c, r),

     T(l, c) = r l - beta(c + 1, r - 1).

   Griewank, Walther, Algorithm 799: Revolve, ACM Trans. Math. Software 26, 2000.
*/
#include <contragrad/private/adjtrajectory.h>

typedef struct {
  PetscInt  step;
  PetscInt  rank; /* of the online schedule */
  ADJLevel  level;
  PetscBool drop; /* to be discarded as soon as the caller asks */
} ADJKept;

struct _ADJSchedule {
  ADJScheduleSpec spec;
  ADJKept        *kept; /* in the order of their steps */
  PetscInt        n, size;
  PetscInt        used;     /* of the kept states, those that count */
  PetscInt        ndrop;    /* of the kept states, those to be discarded */
  PetscBool       sweeping; /* back */
  PetscInt        next;     /* forward: the next state to be kept in this segment, or -1 */
  PetscInt        step;     /* forward: the last one */
  PetscBool       store;    /* forward: keep it, as follows */
  ADJKept         arrived;
  PetscInt        target; /* back: the next state to be reversed */
  PetscInt        stop;   /* back: the last one */
  PetscInt        current;
};

/* The subsets of more states than this are not searched, see ADJSchedulePrune_Private() */
#define ADJ_PRUNE_MAX 128

/* ------------------------------------ Binomials ------------------------------------ */

/* a b / d where this is an integer, without overflow; INT64_MAX if it does not fit */
static inline PetscInt64 ADJMultiplyDivide_Private(PetscInt64 a, PetscInt64 b, PetscInt64 d)
{
  const PetscInt64 q = a / d, rest = (a % d) * b / d;

  return q > (INT64_MAX - rest) / b ? INT64_MAX : q * b + rest;
}

/* The smallest r with l <= beta(c, r), for l > 1; b = beta(c, r - 1) */
static PetscInt ADJRepetitions_Private(PetscInt l, PetscInt c, PetscInt64 *b)
{
  PetscInt64 next = (PetscInt64)c + 1;
  PetscInt   r    = 1;

  *b = 1;
  while (next < l) {
    r++;
    *b   = next;
    next = ADJMultiplyDivide_Private(next, (PetscInt64)c + r, r);
  }
  return r;
}

/* T(l, c) */
static PetscReal ADJSegmentCost_Private(PetscInt l, PetscInt c)
{
  PetscInt64 b;
  PetscInt   r;

  if (l < 2) return 0.0;
  if (c == 1) return 0.5 * (PetscReal)l * (PetscReal)(l - 1);
  r = ADJRepetitions_Private(l, c, &b);
  return (PetscReal)r * (PetscReal)l - (PetscReal)b * (PetscReal)(c + r) / (PetscReal)(c + 1); /* beta(c + 1, r - 1) = beta(c, r - 1) (c + r) / (c + 1) */
}

/* The m where T(l, c) takes its minimum, l > 1; with c = 1 straight to the end */
static PetscInt ADJSegmentSplit_Private(PetscInt l, PetscInt c)
{
  PetscInt64 b, a;
  PetscInt   r;

  if (c == 1 || l == 2) return l - 1;
  r = ADJRepetitions_Private(l, c, &b);
  a = ADJMultiplyDivide_Private(b, c, (PetscInt64)c + r - 1); /* beta(c - 1, r - 1) */
  return (PetscInt)PetscMin(b, (PetscInt64)l - a);
}

/* ------------------------------------ Life cycle ----------------------------------- */

static PetscErrorCode ADJScheduleCheck_Private(const ADJScheduleSpec *spec)
{
  PetscFunctionBegin;
  PetscCheck(spec->steps >= 0 || spec->steps == PETSC_DETERMINE, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The number of steps is %" PetscInt_FMT "; it must not be negative", spec->steps);
  switch (spec->type) {
  case ADJ_SCHEDULE_ALL:
  case ADJ_SCHEDULE_PERIODIC:
    break;
  case ADJ_SCHEDULE_BINOMIAL:
    PetscCheck(spec->steps != PETSC_DETERMINE, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "The binomial schedule must know the number of steps beforehand: give the number of steps by ADJSetSteps() (-adj_steps), or take the online schedule, ADJ_TRAJECTORY_ONLINE (-adj_trajectory_type online)"); /* fall through */
  case ADJ_SCHEDULE_ONLINE:
  case ADJ_SCHEDULE_TWO_LEVEL:
  case ADJ_SCHEDULE_RING:
    PetscCheck(spec->checkpoints > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The number of states kept at a time is %" PetscInt_FMT "; give one or more by ADJSetTrajectoryCheckpoints() (-adj_trajectory_checkpoints)", spec->checkpoints);
    PetscCheck(spec->type != ADJ_SCHEDULE_TWO_LEVEL || spec->period > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The distance of the states on disk is %" PetscInt_FMT " steps; give one or more by ADJSetTrajectoryPeriod() (-adj_trajectory_period)", spec->period);
    break;
  default:
    SETERRQ(PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "There is no schedule number %d", (int)spec->type);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJScheduleCreate_Private(const ADJScheduleSpec *spec, ADJSchedule *schedule)
{
  ADJSchedule s;

  PetscFunctionBegin;
  PetscCall(ADJScheduleCheck_Private(spec));
  PetscCall(PetscNew(&s));
  s->spec = *spec;
  s->step = s->current = s->target = s->next = -1;
  *schedule                                  = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJScheduleDestroy_Private(ADJSchedule *schedule)
{
  PetscFunctionBegin;
  if (!*schedule) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree((*schedule)->kept));
  PetscCall(PetscFree(*schedule));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------------ Kept states ---------------------------------- */

/* Whether a state takes one of the `checkpoints` places. Those on disk of two levels do not */
static inline PetscBool ADJScheduleCounts_Private(ADJSchedule s, const ADJKept *kept)
{
  return (PetscBool)(s->spec.type != ADJ_SCHEDULE_TWO_LEVEL || kept->level == ADJ_LEVEL_MEMORY);
}

/* Index of the last kept state that is not later than `step`, or -1 */
static PetscInt ADJScheduleFind_Private(ADJSchedule s, PetscInt step)
{
  PetscInt lo = 0, hi = s->n;

  while (lo < hi) {
    const PetscInt mid = lo + (hi - lo) / 2;

    if (s->kept[mid].step <= step)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo - 1;
}

static PetscErrorCode ADJScheduleAdd_Private(ADJSchedule s, const ADJKept *kept, ADJAction *action)
{
  PetscInt i = ADJScheduleFind_Private(s, kept->step) + 1;

  PetscFunctionBegin;
  if (s->n == s->size) {
    ADJKept       *grown;
    const PetscInt size = PetscMax(16, 2 * s->size);

    PetscCall(PetscMalloc1(size, &grown));
    PetscCall(PetscArraycpy(grown, s->kept, s->n));
    PetscCall(PetscFree(s->kept));
    s->kept = grown;
    s->size = size;
  }
  PetscCall(PetscArraymove(s->kept + i + 1, s->kept + i, s->n - i));
  s->kept[i] = *kept;
  s->n++;
  if (ADJScheduleCounts_Private(s, kept)) s->used++;
  action->kind  = ADJ_ACTION_STORE;
  action->step  = kept->step;
  action->level = kept->level;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJScheduleRemove_Private(ADJSchedule s, PetscInt i, ADJAction *action)
{
  PetscFunctionBegin;
  action->kind  = ADJ_ACTION_DISCARD;
  action->step  = s->kept[i].step;
  action->level = s->kept[i].level;
  if (ADJScheduleCounts_Private(s, &s->kept[i])) s->used--;
  if (s->kept[i].drop) s->ndrop--;
  PetscCall(PetscArraymove(s->kept + i, s->kept + i + 1, s->n - i - 1));
  s->n--;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline void ADJScheduleMark_Private(ADJSchedule s, PetscInt i)
{
  if (!s->kept[i].drop) s->ndrop++;
  s->kept[i].drop = PETSC_TRUE;
}

/* -------------------------------------- Forward ------------------------------------ */

/* A segment of l states begins with `step`, which is kept, and has `places` more: where is the next one kept? Not the last, which is at hand when the sweep back begins */
static void ADJSchedulePlace_Private(ADJSchedule s, PetscInt step, PetscInt l, PetscInt places)
{
  const PetscInt m = places > 0 && l > 2 ? ADJSegmentSplit_Private(l, places + 1) : l;

  s->next = m < l - 1 ? step + m : -1;
}

static void ADJScheduleArriveBinomial_Private(ADJSchedule s, PetscInt k)
{
  s->store = (PetscBool)(k == 0 || k == s->next);
  if (s->store) ADJSchedulePlace_Private(s, k, s->spec.steps - k, s->spec.checkpoints - s->used - 1);
}

/*
   Wang, Moin, Iaccarino, Minimal repetition dynamic checkpointing algorithm for unsteady adjoint calculation, SIAM J.
   Sci. Comput. 31, 2009: a state is dispensable if its rank is below that of a later one. The first one, which has index
   `first`, never is; there are places for so many after it
*/
static void ADJScheduleArriveOnline_Private(ADJSchedule s, PetscInt k, PetscInt first, PetscInt places)
{
  PetscInt i = s->n - 1, highest = -1;

  s->store = (PetscBool)(places > 0 && k != s->spec.steps - 1); /* the last is at hand when the sweep back begins */
  if (!s->store || i - first < places) return;
  for (; i > first && s->kept[i].rank >= highest; i--) highest = s->kept[i].rank;
  if (i == first) {
    i               = s->n - 1;
    s->arrived.rank = s->kept[i].rank + 1;
  }
  ADJScheduleMark_Private(s, i);
}

/* The block between two states on disk that may be the last gets states in memory, its first one is on disk */
static void ADJScheduleArriveTwoLevel_Private(ADJSchedule s, PetscInt k)
{
  const PetscInt  p = s->spec.period, c = s->spec.checkpoints, base = k - k % p, l = s->spec.steps - base;
  const PetscBool online = (PetscBool)(s->spec.steps == PETSC_DETERMINE);

  s->store         = (PetscBool)(k == base || k == s->next);
  s->arrived.level = k == base ? ADJ_LEVEL_DISK : ADJ_LEVEL_MEMORY;
  if (k == base) {
    for (PetscInt i = 0; i < s->n; i++) {
      if (ADJScheduleCounts_Private(s, &s->kept[i])) ADJScheduleMark_Private(s, i);
    }
    s->next = -1;
    if (!online && l <= p) ADJSchedulePlace_Private(s, k, l, c);
  } else if (online)
    ADJScheduleArriveOnline_Private(s, k, ADJScheduleFind_Private(s, base), c);
  else if (s->store)
    ADJSchedulePlace_Private(s, k, base + l - k, c - s->used - 1);
}

PetscErrorCode ADJScheduleArrive_Private(ADJSchedule s, PetscInt k)
{
  const ADJScheduleSpec *spec = &s->spec;

  PetscFunctionBegin;
  PetscCheck(k == 0 || (k == s->step + 1 && !s->sweeping), PETSC_COMM_SELF, PETSC_ERR_ORDER, "State %" PetscInt_FMT " came after state %" PetscInt_FMT "%s; start again from state 0", k, s->step, s->sweeping ? " and a sweep back" : "");
  PetscCheck(spec->steps == PETSC_DETERMINE || k < spec->steps, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The iteration makes more than the %" PetscInt_FMT " steps that were announced; correct ADJSetSteps() (-adj_steps)", spec->steps);
  if (k == 0) {
    s->n = s->used = s->ndrop = 0;
    s->sweeping               = PETSC_FALSE;
  }
  s->step          = k;
  s->store         = PETSC_TRUE;
  s->arrived.step  = k;
  s->arrived.rank  = 0;
  s->arrived.level = spec->level;
  s->arrived.drop  = PETSC_FALSE;
  if (spec->type == ADJ_SCHEDULE_BINOMIAL) ADJScheduleArriveBinomial_Private(s, k);
  if (spec->type == ADJ_SCHEDULE_ONLINE && k > 0) ADJScheduleArriveOnline_Private(s, k, 0, spec->checkpoints - 1);
  if (spec->type == ADJ_SCHEDULE_TWO_LEVEL) ADJScheduleArriveTwoLevel_Private(s, k);
  if (spec->type == ADJ_SCHEDULE_PERIODIC) s->store = (PetscBool)(k == 0 || (spec->period > 0 && k % spec->period == 0));
  if (spec->type == ADJ_SCHEDULE_RING) {
    s->store = (PetscBool)(k + spec->checkpoints >= spec->steps); /* PETSC_DETERMINE is negative */
    if (s->n == spec->checkpoints) ADJScheduleMark_Private(s, 0);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* --------------------------------------- Back -------------------------------------- */

typedef struct {
  PetscReal cost;
  PetscInt  next; /* the next one to remain, or -1 */
} ADJPrune;

/*
   Which of the kept states remain. If b_i remains and is the q-th that counts, what begins there costs at least

     f(i, q) = min(T(K - b_i, c - q + 1), min_{j > i} T(b_j - b_i, c - q + 1) + f(j, q + 1)).

   `first` is the index of the state where the last block of two levels begins, or 0. The state K - 1 costs nothing if
   it is at hand.
*/
static PetscErrorCode ADJSchedulePrune_Private(ADJSchedule s, PetscInt first)
{
  const PetscInt c = s->spec.checkpoints, q0 = ADJScheduleCounts_Private(s, &s->kept[first]) ? 1 : 0;
  const PetscInt end = s->target + (s->current == s->target ? 0 : 1);
  ADJKept       *b   = s->kept + first;
  PetscInt       n   = s->n - first;
  ADJPrune      *f;

  PetscFunctionBegin;
  while (n > 0 && b[n - 1].drop) n--;
  if (n < 2 || n > ADJ_PRUNE_MAX) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(n * n, &f));
  for (PetscInt i = n - 1; i >= 0; i--) {
    for (PetscInt q = 0; q <= i; q++) { /* q states that count before b_i */
      const PetscInt places = c - q - q0 + 1;
      ADJPrune      *best   = &f[i * n + q];

      best->cost = ADJSegmentCost_Private(end - b[i].step, places);
      best->next = -1;
      for (PetscInt j = i + 1; j < n; j++) {
        const PetscReal cost = ADJSegmentCost_Private(b[j].step - b[i].step, places) + f[j * n + q + 1].cost;

        if (cost <= best->cost) {
          best->cost = cost;
          best->next = j;
        }
      }
    }
  }
  for (PetscInt i = 0, q = 0; i < n; q++) {
    const PetscInt next = f[i * n + q].next < 0 ? n : f[i * n + q].next;

    for (PetscInt j = i + 1; j < next; j++) ADJScheduleMark_Private(s, first + j);
    i = next;
  }
  PetscCall(PetscFree(f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJScheduleTurn_Private(ADJSchedule s, PetscInt K, PetscInt current)
{
  const ADJScheduleType type = s->spec.type;
  PetscInt              first;

  PetscFunctionBegin;
  PetscCheck(K <= s->step + 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The iteration cannot be swept back from step %" PetscInt_FMT ": the last state seen was %" PetscInt_FMT, K, s->step);
  PetscCheck(type != ADJ_SCHEDULE_RING || s->spec.steps == PETSC_DETERMINE || K == s->spec.steps, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "The iteration ended after %" PetscInt_FMT " steps although %" PetscInt_FMT " were announced: the states before its end were not kept; correct ADJSetSteps() (-adj_steps)", K, s->spec.steps);
  s->sweeping = PETSC_TRUE;
  s->target   = type == ADJ_SCHEDULE_PERIODIC ? -1 : K - 1;
  s->current  = current == s->target || current == 0 ? current : -1; /* from elsewhere a segment would be split at a bad place */
  s->stop     = type == ADJ_SCHEDULE_RING ? PetscMax(0, K - s->spec.checkpoints) : 0;
  for (PetscInt i = s->n - 1; i >= 0 && s->kept[i].step >= K; i--) ADJScheduleMark_Private(s, i);
  first = s->spec.type == ADJ_SCHEDULE_TWO_LEVEL ? ADJScheduleFind_Private(s, s->target - PetscMax(s->target, 0) % s->spec.period) : 0;
  for (PetscInt i = 0; i < first; i++) {
    if (ADJScheduleCounts_Private(s, &s->kept[i])) ADJScheduleMark_Private(s, i); /* what is left of a sweep that was broken off */
  }
  if (type == ADJ_SCHEDULE_BINOMIAL || type == ADJ_SCHEDULE_ONLINE || (type == ADJ_SCHEDULE_TWO_LEVEL && first >= 0)) PetscCall(ADJSchedulePrune_Private(s, first));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Index of a kept state that was reversed and is of no use any more, or -1 */
static PetscInt ADJScheduleFindDone_Private(ADJSchedule s)
{
  const PetscInt i = ADJScheduleFind_Private(s, PetscMax(s->target, 0)) + 1;

  if (s->spec.type == ADJ_SCHEDULE_ALL || s->spec.type == ADJ_SCHEDULE_RING || s->spec.type == ADJ_SCHEDULE_PERIODIC) return -1;
  return i < s->n && ADJScheduleCounts_Private(s, &s->kept[i]) ? i : -1;
}

/* Towards the state `target` */
static PetscErrorCode ADJScheduleNextBack_Private(ADJSchedule s, ADJAction *action)
{
  const PetscInt i = ADJScheduleFind_Private(s, s->target), free = s->spec.checkpoints - s->used;
  const ADJKept *base = i < 0 ? NULL : &s->kept[i];

  PetscFunctionBegin;
  action->step = s->target;
  if (s->current == s->target) {
    action->kind = ADJ_ACTION_REVERSE;
    s->target--;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCheck(base, PETSC_COMM_SELF, PETSC_ERR_PLIB, "No state is kept from which state %" PetscInt_FMT " can be found", s->target);
  if (s->current > s->target || s->current < base->step) {
    action->kind  = ADJ_ACTION_LOAD;
    action->step  = base->step;
    action->level = base->level;
    s->current    = base->step;
  } else if (s->current > base->step && free > 0) { /* the split of the segment, reached from its beginning */
    const ADJKept split = {.step = s->current, .level = s->spec.type == ADJ_SCHEDULE_TWO_LEVEL ? ADJ_LEVEL_MEMORY : s->spec.level};

    PetscCall(ADJScheduleAdd_Private(s, &split, action));
  } else {
    action->kind = ADJ_ACTION_ADVANCE;
    if (free > 0) action->step = base->step + ADJSegmentSplit_Private(s->target - base->step + 1, free + 1);
    s->current = action->step;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJScheduleNext_Private(ADJSchedule s, ADJAction *action)
{
  PetscInt i = -1;

  PetscFunctionBegin;
  action->level = s->spec.level;
  if (s->sweeping && !s->ndrop) i = ADJScheduleFindDone_Private(s);
  if (s->ndrop) {
    i = s->n - 1;
    while (!s->kept[i].drop) i--;
    PetscCall(ADJScheduleRemove_Private(s, i, action));
  } else if (!s->sweeping && s->store) {
    s->store = PETSC_FALSE;
    PetscCall(ADJScheduleAdd_Private(s, &s->arrived, action));
  } else if (i >= 0) {
    PetscCall(ADJScheduleRemove_Private(s, i, action));
  } else if (s->sweeping && s->target >= s->stop) {
    PetscCall(ADJScheduleNextBack_Private(s, action));
  } else {
    action->kind = ADJ_ACTION_END;
    action->step = -1;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
