static char help[] = "Which states of an iteration are kept and recomputed: every schedule, 1 to 1000 steps, against the optimum found by dynamic programming.\n\n";

/*
   nsize: 1
   links: src/trajectory/schedule.c
*/
#include <contragrad/private/adjtrajectory.h>
#include "tap.h"

#define NMAX 1000
#define CMAX 50

static const PetscInt places[] = {1, 2, 3, 5, 10, 20, 50};
static PetscInt64     T[CMAX + 1][NMAX + 1]; /* optimal number of steps, by dynamic programming */
static PetscInt64     calls[100002];         /* how often each step is made again, as differences */
static PetscBool      iskept[100001];

/* What a simulated forward phase and sweep back did. `wrong` names the first invariant that was broken */
typedef struct {
  PetscInt64  recomputed;
  PetscInt    repeated, peak; /* most repetitions of one step; most states that count at a time */
  const char *wrong;
} Run;

static void Optimum(void)
{
  for (PetscInt c = 1; c <= CMAX; c++) {
    for (PetscInt l = 2; l <= NMAX; l++) {
      T[c][l] = (PetscInt64)l * (l - 1) / 2;
      for (PetscInt m = 1; m < l && c > 1; m++) T[c][l] = PetscMin(T[c][l], m + T[c - 1][l - m] + T[c][m]);
    }
  }
}

/* The smallest r with binomial(c + r, c) >= l, and T(l, c) = r l - binomial(c + r, c + 1) */
static PetscInt Repetitions(PetscInt l, PetscInt c, PetscInt64 *cost)
{
  PetscInt64 b = 1;
  PetscInt   r = 0;

  while (b < l) {
    r++;
    b = b * (c + r) / r;
  }
  *cost = (PetscInt64)r * l - b * r / (c + 1);
  return r;
}

#define BREAKS(cond, text) \
  if ((cond) && !run->wrong) run->wrong = text

static PetscErrorCode Obey(const ADJScheduleSpec *spec, ADJAction a, PetscInt K, PetscInt *current, PetscInt *counted, Run *run)
{
  const PetscBool counts = (PetscBool)(spec->type != ADJ_SCHEDULE_TWO_LEVEL || a.level == ADJ_LEVEL_MEMORY);

  PetscFunctionBeginUser;
  BREAKS(a.step < 0 || a.step >= K, "a step out of range");
  switch (a.kind) {
  case ADJ_ACTION_ADVANCE:
    BREAKS(*current < 0 || a.step <= *current, "advance, but not forward");
    run->recomputed += a.step - *current;
    calls[*current]++;
    calls[a.step]--;
    *current = a.step;
    break;
  case ADJ_ACTION_STORE:
    BREAKS(a.step != *current || iskept[a.step], "store of another state, or of one that is kept");
    iskept[a.step] = PETSC_TRUE;
    if (counts) ++*counted;
    run->peak = PetscMax(run->peak, *counted);
    break;
  case ADJ_ACTION_LOAD:
    BREAKS(!iskept[a.step], "load of a state that is not kept");
    *current = a.step;
    break;
  case ADJ_ACTION_DISCARD:
    BREAKS(!iskept[a.step], "discard of a state that is not kept");
    iskept[a.step] = PETSC_FALSE;
    if (counts) --*counted;
    break;
  default:
    BREAKS(PETSC_TRUE, "an unknown action");
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A sweep back down to state `stop`; the schedule may end it before */
static PetscErrorCode Sweep(ADJSchedule s, const ADJScheduleSpec *spec, PetscInt K, PetscInt stop, PetscInt *current, PetscInt *counted, Run *run)
{
  PetscInt   k   = K - 1;
  PetscInt64 now = 0;
  ADJAction  a;

  PetscFunctionBeginUser;
  run->recomputed = run->repeated = 0;
  PetscCall(PetscArrayzero(calls, K + 1));
  PetscCall(ADJScheduleTurn_Private(s, K, *current));
  while (!run->wrong && (k >= stop || stop == 0 || spec->type == ADJ_SCHEDULE_RING)) {
    PetscCall(ADJScheduleNext_Private(s, &a));
    if (a.kind == ADJ_ACTION_END) break;
    if (a.kind == ADJ_ACTION_REVERSE) {
      BREAKS(a.step != k || *current != k, "the wrong state is reversed");
      k--;
    } else
      PetscCall(Obey(spec, a, K, current, counted, run));
  }
  BREAKS(k != stop - 1, "not every state is reversed");
  for (PetscInt i = 0; i < K; i++) {
    now += calls[i];
    run->repeated = PetscMax(run->repeated, (PetscInt)now);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Forward, a sweep back, one that is broken off half-way, and a third one; only the cost of the first and of the last two is kept */
static PetscErrorCode Simulate(ADJScheduleType type, PetscInt K, PetscBool known, PetscInt c, PetscInt period, Run run[3])
{
  const ADJScheduleSpec spec    = {.type = type, .steps = known ? K : PETSC_DETERMINE, .checkpoints = c, .period = period, .level = ADJ_LEVEL_MEMORY};
  const PetscInt        stop    = type == ADJ_SCHEDULE_RING ? PetscMax(0, K - c) : 0;
  PetscInt              counted = 0, current;
  ADJSchedule           s;
  ADJAction             a;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(run, 3 * sizeof(Run)));
  PetscCall(PetscArrayzero(iskept, K + 1));
  PetscCall(ADJScheduleCreate_Private(&spec, &s));
  for (PetscInt k = 0; k < K; k++) {
    PetscCall(ADJScheduleArrive_Private(s, k));
    while (PETSC_TRUE) {
      PetscCall(ADJScheduleNext_Private(s, &a));
      if (a.kind == ADJ_ACTION_END) break;
      if (a.kind != ADJ_ACTION_STORE && a.kind != ADJ_ACTION_DISCARD) run->wrong = "not a forward action";
      current = k;
      PetscCall(Obey(&spec, a, K, &current, &counted, run));
    }
  }
  current = K - 1;
  PetscCall(Sweep(s, &spec, K, stop, &current, &counted, &run[0]));
  for (PetscInt i = 1; i < 3; i++) {
    run[i].peak  = run[0].peak;
    run[i].wrong = run[i - 1].wrong ? run[i - 1].wrong : type != ADJ_SCHEDULE_RING && !iskept[0] ? "the initial state is lost"
                                                                                                 : NULL;
    if (i == 2 && type != ADJ_SCHEDULE_RING) PetscCall(Sweep(s, &spec, K, K / 2, &current, &counted, &run[i]));
    PetscCall(Sweep(s, &spec, K, stop, &current, &counted, &run[i]));
  }
  if (type != ADJ_SCHEDULE_ALL && type != ADJ_SCHEDULE_PERIODIC && run[2].peak > c) run[2].wrong = "too many states are kept";
  if (run[2].wrong) PetscCall(TapDiag("schedule %d, K = %" PetscInt_FMT ", c = %" PetscInt_FMT ", period %" PetscInt_FMT ": %s", (int)type, K, c, period, run[2].wrong));
  PetscCall(ADJScheduleDestroy_Private(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBinomial(PetscInt c)
{
  Run       run[3];
  PetscBool valid = PETSC_TRUE, optimal = PETSC_TRUE, again = PETSC_TRUE, broken = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt K = 1; K <= NMAX; K++) {
    PetscCall(Simulate(ADJ_SCHEDULE_BINOMIAL, K, PETSC_TRUE, c, 0, run));
    if (run[2].wrong) valid = PETSC_FALSE;
    if (run[0].recomputed != T[c][K] - (K - 1)) optimal = PETSC_FALSE;
    if (run[1].recomputed != T[c][K]) again = PETSC_FALSE;
    if (run[2].recomputed > T[c][K]) broken = PETSC_FALSE;
  }
  PetscCall(TapOk(valid, "binomial, c = %" PetscInt_FMT ": every state once, in order, from what is kept", c));
  PetscCall(TapOk(optimal, "binomial, c = %" PetscInt_FMT ": as few steps as possible", c));
  PetscCall(TapOk(again, "binomial, c = %" PetscInt_FMT ": so in a second sweep", c));
  PetscCall(TapOk(broken, "binomial, c = %" PetscInt_FMT ": no more after one that was broken off", c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOnline(PetscInt c, PetscReal *worst)
{
  Run        run[3];
  PetscBool  valid = PETSC_TRUE, bounded = PETSC_TRUE, again = PETSC_TRUE;
  PetscInt64 cost;

  PetscFunctionBeginUser;
  for (PetscInt K = 1; K <= NMAX; K += c < 20 ? 1 : 5) {
    const PetscInt r = Repetitions(K, c, &cost);

    for (PetscInt known = 0; known < 2; known++) {
      PetscCall(Simulate(ADJ_SCHEDULE_ONLINE, K, (PetscBool)known, c, 0, run));
      if (run[2].wrong) valid = PETSC_FALSE;
      if (run[0].repeated > r || run[0].recomputed > (PetscInt64)r * K) bounded = PETSC_FALSE;
      if (run[1].recomputed != T[c][K] || run[2].recomputed > T[c][K]) again = PETSC_FALSE;
      if (c >= 5 && T[c][K] > K - 1) *worst = PetscMax(*worst, (PetscReal)run[0].recomputed / (PetscReal)(T[c][K] - (K - 1)));
      if (run[0].recomputed && K <= c) bounded = PETSC_FALSE;
    }
  }
  PetscCall(TapOk(valid, "online, c = %" PetscInt_FMT ": every state once, in order, from what is kept", c));
  PetscCall(TapOk(bounded, "online, c = %" PetscInt_FMT ": no step more often than r times, binomial(c + r, c) >= K", c));
  PetscCall(TapOk(again, "online, c = %" PetscInt_FMT ": a second sweep is optimal", c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A block with its first state on disk and c more in memory costs T(l, c + 1); of the last one l - 1 steps were made forward */
static PetscErrorCode TestTwoLevel(PetscInt c, PetscInt p)
{
  Run       run[3];
  PetscBool valid = PETSC_TRUE, optimal = PETSC_TRUE, unknown = PETSC_TRUE, again = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt K = 1; K <= NMAX; K += 7) {
    const PetscInt   blocks = (K - 1) / p, l = K - blocks * p;
    const PetscInt64 full = T[c + 1][p], all = blocks * full + T[c + 1][l];

    PetscCall(Simulate(ADJ_SCHEDULE_TWO_LEVEL, K, PETSC_TRUE, c, p, run));
    if (run[2].wrong) valid = PETSC_FALSE;
    if (run[0].recomputed != all - (l - 1)) optimal = PETSC_FALSE;
    if (run[1].recomputed != all || run[2].recomputed > all) again = PETSC_FALSE;
    PetscCall(Simulate(ADJ_SCHEDULE_TWO_LEVEL, K, PETSC_FALSE, c, p, run));
    if (run[2].wrong) valid = PETSC_FALSE;
    if (run[0].recomputed > all) unknown = PETSC_FALSE;
    if (run[1].recomputed != all || run[2].recomputed > all) again = PETSC_FALSE;
  }
  PetscCall(TapOk(valid, "two levels, c = %" PetscInt_FMT ", p = %" PetscInt_FMT ": every state once, in order, from what is kept", c, p));
  PetscCall(TapOk(optimal, "two levels, c = %" PetscInt_FMT ", p = %" PetscInt_FMT ": as few steps as possible in each block", c, p));
  PetscCall(TapOk(unknown, "two levels, c = %" PetscInt_FMT ", p = %" PetscInt_FMT ": no more than that without what was kept on the way, where the end was not known", c, p));
  PetscCall(TapOk(again, "two levels, c = %" PetscInt_FMT ", p = %" PetscInt_FMT ": a second sweep is optimal", c, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestWithoutRecomputing(void)
{
  Run       run[3];
  PetscBool valid = PETSC_TRUE, none = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt K = 1; K <= NMAX; K += 7) {
    for (PetscInt known = 0; known < 2; known++) {
      for (size_t i = 0; i <= PETSC_STATIC_ARRAY_LENGTH(places); i++) {
        PetscCall(Simulate(i ? ADJ_SCHEDULE_RING : ADJ_SCHEDULE_ALL, K, (PetscBool)known, i ? places[i - 1] : 0, 0, run));
        if (run[2].wrong) valid = PETSC_FALSE;
        if (run[0].recomputed || run[1].recomputed || run[2].recomputed) none = PETSC_FALSE;
      }
    }
  }
  PetscCall(TapOk(valid, "all, ring: every state once, in order, from what is kept"));
  PetscCall(TapOk(none, "all, ring: no step is made again, in any sweep"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Long iterations against the closed form; binomials that do not fit into any integer */
static PetscErrorCode TestLong(void)
{
  const PetscInt steps[] = {1001, 10000, 65536, 99999, 100000}, c[] = {2, 7, 40, 1000, 70000};
  Run            run[3];
  PetscInt64     cost;

  PetscFunctionBeginUser;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(steps); i++) {
    for (size_t j = 0; j < PETSC_STATIC_ARRAY_LENGTH(c); j++) {
      (void)Repetitions(steps[i], c[j], &cost);
      PetscCall(Simulate(ADJ_SCHEDULE_BINOMIAL, steps[i], PETSC_TRUE, c[j], 0, run));
      PetscCall(TapOk((PetscBool)(!run[2].wrong && run[0].recomputed == cost - (steps[i] - 1) && run[1].recomputed == cost), "binomial, %" PetscInt_FMT " steps, c = %" PetscInt_FMT ": the closed form", steps[i], c[j]));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestPeriodicAndErrors(void)
{
  ADJScheduleSpec spec = {.type = ADJ_SCHEDULE_PERIODIC, .steps = PETSC_DETERMINE, .checkpoints = 0, .period = 4, .level = ADJ_LEVEL_DISK};
  ADJSchedule     s;
  ADJAction       a;
  PetscBool       right = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (spec.period = 0; spec.period < 5; spec.period += 4) {
    PetscCall(ADJScheduleCreate_Private(&spec, &s));
    for (PetscInt k = 0; k < 30; k++) {
      const PetscBool store = (PetscBool)(k == 0 || (spec.period && k % spec.period == 0));

      PetscCall(ADJScheduleArrive_Private(s, k));
      PetscCall(ADJScheduleNext_Private(s, &a));
      if ((a.kind == ADJ_ACTION_STORE) != store || (store && (a.step != k || a.level != ADJ_LEVEL_DISK))) right = PETSC_FALSE;
    }
    PetscCall(TapError(PETSC_ERR_ORDER, ADJScheduleArrive_Private(s, 40), "a state out of order is refused"));
    PetscCall(ADJScheduleDestroy_Private(&s));
  }
  PetscCall(TapOk(right, "periodic: the states asked for, and only the first without a period"));
  for (int type = ADJ_SCHEDULE_BINOMIAL; type <= ADJ_SCHEDULE_RING; type++) {
    spec = (ADJScheduleSpec){.type = (ADJScheduleType)type, .steps = 9, .checkpoints = 0, .period = 3};
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJScheduleCreate_Private(&spec, &s), "schedule %d: no place for a state is refused", type));
  }
  spec = (ADJScheduleSpec){.type = ADJ_SCHEDULE_TWO_LEVEL, .steps = 9, .checkpoints = 1, .period = 0};
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJScheduleCreate_Private(&spec, &s), "two levels: a period of zero is refused"));
  spec = (ADJScheduleSpec){.type = ADJ_SCHEDULE_BINOMIAL, .steps = PETSC_DETERMINE, .checkpoints = 5};
  PetscCall(TapError(PETSC_ERR_ARG_WRONGSTATE, ADJScheduleCreate_Private(&spec, &s), "binomial: an unknown number of steps is refused"));
  spec.steps = 2;
  PetscCall(ADJScheduleCreate_Private(&spec, &s));
  for (PetscInt k = 0; k < 2; k++) PetscCall(ADJScheduleArrive_Private(s, k));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJScheduleArrive_Private(s, 2), "more steps than announced are refused"));
  PetscCall(ADJScheduleDestroy_Private(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscInt periods[] = {1, 2, 7, 10, 100};
  PetscReal      worst     = 0.0;
  int            failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  Optimum();
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(places); i++) {
    PetscCall(TestBinomial(places[i]));
    PetscCall(TestOnline(places[i], &worst));
    for (size_t j = 0; j < PETSC_STATIC_ARRAY_LENGTH(periods); j++) {
      if (places[i] < CMAX) PetscCall(TestTwoLevel(places[i], periods[j]));
    }
  }
  PetscCall(TapDiag("online: at most %.3g times the recomputed steps of the optimum, c >= 5", (double)worst));
  PetscCall(TapBelow(worst, 2.0, "online: at most twice the optimum, c >= 5"));
  PetscCall(TestWithoutRecomputing());
  PetscCall(TestLong());
  PetscCall(TestPeriodicAndErrors());
  failed = TapEnd();
  PetscCall(PetscFinalize());
  return failed;
}
