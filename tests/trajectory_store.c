static char help[] = "States of an iteration given back in reverse order: every schedule and store gives them back to the bit.\n\n";

/*
   nsize: 1 2 4
   links: src/trajectory
*/
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <contragrad/private/adjimpl.h>
#include "problems.h"

#define KMAX 40

typedef struct {
  Vec      x[KMAX + 1]; /* the states themselves */
  Vec      work;
  PetscInt calls, fail; /* of F; at which of them there is an error, or 0 */
} Iteration;

/* x <- x + 0.7 / (1 + x^2) by component: no state twice */
static PetscErrorCode Step(void *ctx, Vec x)
{
  Iteration *it = (Iteration *)ctx;

  PetscFunctionBeginUser;
  if (it->fail && ++it->calls == it->fail) PetscFunctionReturn(PETSC_ERR_USER);
  PetscCall(VecPointwiseMult(it->work, x, x));
  PetscCall(VecShift(it->work, 1.0));
  PetscCall(VecReciprocal(it->work));
  PetscCall(VecAXPY(x, 0.7, it->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IterationCreate(Layout layout, PetscInt N, PetscInt seed, Iteration *it)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(it, sizeof(*it)));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, N, &n));
  PetscCall(VecCreate(PETSC_COMM_WORLD, &it->work));
  PetscCall(VecSetSizes(it->work, n, N));
  PetscCall(VecSetFromOptions(it->work));
  for (PetscInt k = 0; k <= KMAX; k++) {
    PetscCall(VecDuplicate(it->work, &it->x[k]));
    if (k == 0)
      PetscCall(VecSetWave(it->x[0], seed));
    else {
      PetscCall(VecCopy(it->x[k - 1], it->x[k]));
      PetscCall(Step(it, it->x[k]));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IterationDestroy(Iteration *it)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k <= KMAX; k++) PetscCall(VecDestroy(&it->x[k]));
  PetscCall(VecDestroy(&it->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The caller goes on working in the vector that it recorded */
static PetscErrorCode Forward(Iteration *it, ADJTrajectory t, PetscInt K)
{
  Vec x;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(it->work, &x));
  for (PetscInt k = 0; k <= K; k++) {
    PetscCall(VecCopy(it->x[k], x));
    PetscCall(ADJTrajectoryRecord_Private(t, k, x));
    PetscCall(VecSet(x, -1.0));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(ADJTrajectoryFinish_Private(t, K));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Back(Iteration *it, ADJTrajectory t, PetscInt K, PetscInt stop, PetscBool *same)
{
  PetscBool equal, kept;
  Vec       x;

  PetscFunctionBeginUser;
  for (PetscInt k = K - 1; k >= stop; k--) {
    PetscCall(ADJTrajectoryGetState_Private(t, k, Step, it, &x));
    PetscCall(VecEqual(x, it->x[k], &equal));
    if (!equal) *same = PETSC_FALSE;
  }
  for (PetscInt k = 0; k < K; k++) {
    PetscCall(ADJTrajectoryHasState_Private(t, k, &kept));
    if (!kept) continue;
    PetscCall(VecDuplicate(it->work, &x));
    PetscCall(ADJTrajectoryLoadState_Private(t, k, x));
    PetscCall(VecEqual(x, it->x[k], &equal));
    PetscCall(VecDestroy(&x));
    if (!equal) *same = PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r K - binomial(c + r, c + 1), r the smallest with binomial(c + r, c) >= K */
static PetscInt Optimum(PetscInt K, PetscInt c)
{
  PetscInt b = 1, r = 0;

  while (b < K) {
    r++;
    b = b * (c + r) / r;
  }
  return r * K - b * r / (c + 1);
}

static PetscBool StatsAreRight(const ADJScheduleSpec *spec, PetscInt K, const ADJTrajectoryStats *s, PetscBool first)
{
  const PetscInt c = spec->checkpoints, disk = spec->type == ADJ_SCHEDULE_TWO_LEVEL ? (K + spec->period - 1) / spec->period : 0;

  if (K == 0) return (PetscBool)(s->recomputed == 0);
  if (s->stored < 1 || s->peak < s->stored) return PETSC_FALSE;
  if (spec->level == ADJ_LEVEL_DISK && s->peakmemory && !disk) return PETSC_FALSE;
  if ((spec->level == ADJ_LEVEL_MEMORY && !disk) != (s->written == 0)) return PETSC_FALSE;
  if (spec->type == ADJ_SCHEDULE_ALL) return (PetscBool)(s->recomputed == 0 && s->peak == K && s->stored == K);
  if (spec->type == ADJ_SCHEDULE_RING) return (PetscBool)(s->recomputed == 0 && s->peak <= c);
  if (disk) return (PetscBool)(s->peakmemory <= c && s->written == disk && s->peak <= c + disk && (!first || s->stored == disk));
  if (first && spec->type == ADJ_SCHEDULE_BINOMIAL && s->recomputed != Optimum(K, c) - (K - 1)) return PETSC_FALSE;
  return (PetscBool)(s->peak <= c && (!first || s->stored == 1));
}

static PetscErrorCode TestSchedule(Layout layout, ADJScheduleType type, ADJLevel level)
{
  const PetscInt     K[] = {17, 2, 0, KMAX, 1, 3}, c[] = {3, 1, 7};
  const size_t       nK = level || type == ADJ_SCHEDULE_TWO_LEVEL ? 3 : 6, nc = nK == 3 ? 1 : 3; /* files take time */
  ADJScheduleSpec    spec = {.type = type, .period = 5, .level = level};
  ADJTrajectory      t;
  ADJTrajectoryStats stats;
  Iteration          it[2];
  PetscBool          same = PETSC_TRUE, right = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (int j = 0; j < 2; j++) PetscCall(IterationCreate(layout, 13, 3 + j, &it[j]));
  for (size_t i = 0; i < nK; i++) {
    for (size_t j = 0; j < nc; j++) {
      for (int known = type == ADJ_SCHEDULE_BINOMIAL; known < 2; known++) {
        const PetscInt stop = type == ADJ_SCHEDULE_RING ? PetscMax(0, K[i] - c[j]) : type == ADJ_SCHEDULE_PERIODIC ? K[i]
                                                                                                                   : 0;

        spec.checkpoints = c[j];
        spec.steps       = known ? K[i] : PETSC_DETERMINE;
        PetscCall(ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, NULL, &t));
        for (int k = 0; k < 2; k++) { /* two iterations, three sweeps of each, one of them broken off */
          PetscCall(Forward(&it[k], t, K[i]));
          PetscCall(Back(&it[k], t, K[i], stop, &same));
          PetscCall(ADJTrajectoryGetStats_Private(t, &stats));
          if (type != ADJ_SCHEDULE_PERIODIC && !StatsAreRight(&spec, K[i], &stats, PETSC_TRUE)) right = PETSC_FALSE;
          PetscCall(Back(&it[k], t, K[i], PetscMax(stop, K[i] / 2), &same));
          PetscCall(Back(&it[k], t, K[i], stop, &same));
          PetscCall(ADJTrajectoryGetStats_Private(t, &stats));
          if (type != ADJ_SCHEDULE_PERIODIC && !StatsAreRight(&spec, K[i], &stats, PETSC_FALSE)) right = PETSC_FALSE;
        }
        PetscCall(ADJTrajectoryDestroy_Private(&t));
      }
    }
  }
  PetscCall(TapOk(same, "layout %d, schedule %d, %s: the states to the bit, in every sweep", (int)layout, (int)type, level ? "disk" : "memory"));
  PetscCall(TapOk(right, "layout %d, schedule %d, %s: what is kept, recomputed, written", (int)layout, (int)type, level ? "disk" : "memory"));
  for (int j = 0; j < 2; j++) PetscCall(IterationDestroy(&it[j]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entries of a directory */
static PetscErrorCode CountEntries(const char name[], PetscInt *n)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  *n = -2; /* . and .. */
  if (rank == 0) {
    DIR *dir = opendir(name);

    while (dir && readdir(dir)) ++*n;
    if (dir) closedir(dir);
  }
  PetscCallMPI(MPI_Bcast(n, 1, MPIU_INT, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An iteration whose vectors and file serve another one; two that share a directory */
static PetscErrorCode TestReuse(const char dir[])
{
  const ADJScheduleSpec spec = {.type = ADJ_SCHEDULE_TWO_LEVEL, .steps = PETSC_DETERMINE, .checkpoints = 3, .period = 4};
  ADJTrajectory         t[2];
  Iteration             it[2];
  PetscLogDouble        before = 0.0, after = 0.0;
  PetscBool             same = PETSC_TRUE;
  PetscInt              n;

  PetscFunctionBeginUser;
  for (int j = 0; j < 2; j++) {
    PetscCall(IterationCreate(LAYOUT_UNEVEN, 50 + j, 8 + j, &it[j]));
    PetscCall(ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, dir, &t[j]));
  }
  for (int j = 0; j < 2; j++) PetscCall(Forward(&it[j], t[j], KMAX));
  for (int j = 0; j < 4; j++) { /* PETSc stores the norm of a vector with it, when it is asked for */
    before = after;
    PetscCall(Forward(&it[0], t[0], KMAX));
    PetscCall(Back(&it[0], t[0], KMAX, 7, &same));
    PetscCall(PetscMallocGetCurrentUsage(&after));
  }
  PetscCall(TapOk((PetscBool)(before == after), "no more memory for another iteration"));
  PetscCall(Back(&it[1], t[1], KMAX, 0, &same));
  PetscCall(TapOk(same, "two trajectories in one directory"));
  PetscCall(CountEntries(dir, &n));
  PetscCall(TapOk((PetscBool)(n == 0), "on one node there is never a file to be seen"));
  for (int j = 0; j < 2; j++) {
    PetscCall(ADJTrajectoryDestroy_Private(&t[j]));
    PetscCall(IterationDestroy(&it[j]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestFullDisk(const char dir[], ADJScheduleType type, PetscInt steps)
{
  const ADJScheduleSpec spec = {.type = type, .steps = steps, .checkpoints = 20, .period = 2, .level = ADJ_LEVEL_DISK};
  const rlim_t          room = 3000 * sizeof(PetscScalar); /* for three states of 1000 */
  struct rlimit         limit, low;
  ADJTrajectory         t;
  Iteration             it;
  PetscBool             same = PETSC_TRUE;
  PetscInt              n;
  Vec                   x;

  PetscFunctionBeginUser;
  PetscCall(IterationCreate(LAYOUT_EMPTY, 1000, 1, &it));
  PetscCall(ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, dir, &t));
  (void)signal(SIGXFSZ, SIG_IGN);
  PetscCheck(!getrlimit(RLIMIT_FSIZE, &limit), PETSC_COMM_SELF, PETSC_ERR_SYS, "getrlimit() failed");
  low          = limit;
  low.rlim_cur = room;
  PetscCheck(!setrlimit(RLIMIT_FSIZE, &low), PETSC_COMM_SELF, PETSC_ERR_SYS, "setrlimit() failed");
  PetscCall(VecDuplicate(it.work, &x));
  for (PetscInt k = 0; k < (type == ADJ_SCHEDULE_TWO_LEVEL ? 6 : 3) + (steps < 0); k++) {
    PetscCall(VecCopy(it.x[k], x));
    PetscCall(ADJTrajectoryRecord_Private(t, k, x));
  }
  n = (type == ADJ_SCHEDULE_TWO_LEVEL ? 6 : 3) + (steps < 0);
  PetscCall(TapError(PETSC_ERR_FILE_WRITE, ADJTrajectoryRecord_Private(t, n, x), "schedule %d: a full disk is an error on all processes", (int)type));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryRecord_Private(t, n + 1, x), "schedule %d: there is no way on", (int)type));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryFinish_Private(t, n + 1), "schedule %d: there is no end", (int)type));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryGetState_Private(t, 1, Step, &it, &x), "schedule %d: there is no way back", (int)type));
  PetscCall(CountEntries(dir, &n));
  PetscCall(TapOk((PetscBool)(n == 0), "schedule %d: no file is left", (int)type));
  PetscCheck(!setrlimit(RLIMIT_FSIZE, &limit), PETSC_COMM_SELF, PETSC_ERR_SYS, "setrlimit() failed");
  PetscCall(Forward(&it, t, KMAX));
  PetscCall(Back(&it, t, KMAX, 0, &same));
  PetscCall(TapOk(same, "schedule %d: the same trajectory serves another iteration when there is room", (int)type));
  PetscCall(ADJTrajectoryDestroy_Private(&t));
  PetscCall(VecDestroy(&x));
  PetscCall(IterationDestroy(&it));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestErrors(void)
{
  ADJScheduleSpec spec = {.type = ADJ_SCHEDULE_BINOMIAL, .steps = KMAX, .checkpoints = 3, .period = 4, .level = ADJ_LEVEL_DISK};
  ADJTrajectory   t;
  Iteration       it;
  PetscBool       same = PETSC_TRUE, kept;
  Vec             x;

  PetscFunctionBeginUser;
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, "/nowhere/at/all", &t), "a directory that does not exist"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, "/proc", &t), "a directory that cannot be written to"));
  spec.checkpoints = 0;
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, NULL, &t), "no place for a state"));
  spec.checkpoints = 3;
  PetscCall(IterationCreate(LAYOUT_EMPTY, 9, 2, &it));
  PetscCall(ADJTrajectoryCreate_Private(PETSC_COMM_WORLD, &spec, NULL, &t));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryGetState_Private(t, KMAX - 1, Step, &it, &x), "back before forward"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryRecord_Private(t, 1, it.x[1]), "a state left out"));
  PetscCall(Forward(&it, t, KMAX));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryRecord_Private(t, KMAX + 1, it.x[1]), "a state after the end"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTrajectoryGetState_Private(t, 4, Step, &it, &x), "a state out of order"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJTrajectoryGetState_Private(t, KMAX, Step, &it, &x), "a state that is none"));
  PetscCall(Back(&it, t, KMAX, 30, &same));
  it.calls = 0;
  it.fail  = 3;
  PetscCall(TapError(PETSC_ERR_USER, ADJTrajectoryGetState_Private(t, KMAX - 1, Step, &it, &x), "an error of a step is passed on"));
  it.fail = 0;
  PetscCall(Back(&it, t, KMAX, 0, &same));
  PetscCall(TapOk(same, "and another sweep goes well"));
  PetscCall(ADJTrajectoryHasState_Private(t, 5, &kept));
  PetscCall(TapOk((PetscBool)!kept, "a state that is not kept"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJTrajectoryLoadState_Private(t, 5, it.work), "and cannot be loaded"));
  for (PetscInt k = 0; k < 5; k++) PetscCall(ADJTrajectoryRecord_Private(t, k, it.x[k]));
  PetscCall(ADJTrajectoryFinish_Private(t, 4));
  PetscCall(Back(&it, t, 4, 0, &same));
  PetscCall(TapOk(same, "an iteration that ends earlier than announced"));
  PetscCall(ADJTrajectoryDestroy_Private(&t));
  PetscCall(IterationDestroy(&it));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestChoice(void)
{
  ADJTrajectoryOptions o = {.type = (ADJTrajectoryType)PETSC_DETERMINE, .checkpoints = PETSC_DETERMINE, .period = 100, .store = ADJ_TRAJECTORY_DISK};
  ADJScheduleSpec      spec;

  PetscFunctionBeginUser;
  PetscCall(ADJTrajectoryGetSpec_Private(&o, PETSC_COMM_WORLD, 7, &spec));
  PetscCall(TapOk((PetscBool)(spec.type == ADJ_SCHEDULE_ALL && spec.level == ADJ_LEVEL_DISK && spec.steps == 7), "all states by default"));
  o.type = ADJ_TRAJECTORY_TWO_LEVEL;
  PetscCall(ADJTrajectoryGetSpec_Private(&o, PETSC_COMM_WORLD, PETSC_DETERMINE, &spec));
  PetscCall(TapOk((PetscBool)(spec.type == ADJ_SCHEDULE_TWO_LEVEL && spec.checkpoints == 20 && spec.period == 100), "twenty at a time if need be"));
  o.type        = (ADJTrajectoryType)PETSC_DETERMINE;
  o.checkpoints = 4;
  PetscCall(ADJTrajectoryGetSpec_Private(&o, PETSC_COMM_WORLD, 7, &spec));
  PetscCall(TapOk((PetscBool)(spec.type == ADJ_SCHEDULE_BINOMIAL && spec.checkpoints == 4), "some of a known number: binomial"));
  PetscCall(ADJTrajectoryGetSpec_Private(&o, PETSC_COMM_WORLD, PETSC_DETERMINE, &spec));
  PetscCall(TapOk((PetscBool)(spec.type == ADJ_SCHEDULE_ONLINE && spec.checkpoints == 4), "some of an unknown number: online"));
  o.type = ADJ_TRAJECTORY_BINOMIAL;
  PetscCall(TapError(PETSC_ERR_ARG_WRONGSTATE, ADJTrajectoryGetSpec_Private(&o, PETSC_COMM_WORLD, PETSC_DETERMINE, &spec), "binomial of an unknown number is refused"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFromOptions(ADJ adj)
{
  PetscFunctionBeginUser;
  PetscObjectOptionsBegin((PetscObject)adj);
  PetscCall(ADJTrajectorySetFromOptions_Private(adj, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSetters(void)
{
  const char *const  options[] = {"-a_adj_trajectory_type", "two_level", "-a_adj_trajectory_checkpoints", "7", "-a_adj_trajectory_period", "9", "-a_adj_trajectory_store", "disk", "-a_adj_trajectory_dir", "/here"};
  ADJ                adj;
  ADJTrajectoryType  type;
  ADJTrajectoryStore store;
  PetscInt           c, p;
  const char        *dir;
  PetscBool          same;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetOptionsPrefix(adj, "a_"));
  for (int pass = 0; pass < 2; pass++) { /* without options, and with all of them */
    PetscCall(SetFromOptions(adj));
    PetscCall(ADJGetTrajectoryType(adj, &type));
    PetscCall(ADJGetTrajectoryCheckpoints(adj, &c));
    PetscCall(ADJGetTrajectoryPeriod(adj, &p));
    PetscCall(ADJGetTrajectoryStore(adj, &store));
    PetscCall(ADJGetTrajectoryDirectory(adj, &dir));
    if (pass == 0) {
      PetscCall(TapOk((PetscBool)((int)type == PETSC_DETERMINE && c == PETSC_DETERMINE && p == 100 && store == ADJ_TRAJECTORY_MEMORY && !dir), "defaults"));
      for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(options); i += 2) PetscCall(PetscOptionsSetValue(NULL, options[i], options[i + 1]));
    } else {
      PetscCall(PetscStrcmp(dir, "/here", &same));
      PetscCall(TapOk((PetscBool)(type == ADJ_TRAJECTORY_TWO_LEVEL && c == 7 && p == 9 && store == ADJ_TRAJECTORY_DISK && same), "options"));
    }
  }
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(options); i += 2) PetscCall(PetscOptionsClearValue(NULL, options[i]));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrajectoryType(adj, (ADJTrajectoryType)4), "a type that is none"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrajectoryStore(adj, (ADJTrajectoryStore)2), "a store that is none"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrajectoryCheckpoints(adj, 0), "no checkpoint"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrajectoryPeriod(adj, 0), "a period of zero"));
  PetscCall(ADJSetTrajectoryDirectory(adj, NULL));
  PetscCall(ADJGetTrajectoryDirectory(adj, &dir));
  PetscCall(TapOk((PetscBool)!dir, "no directory any more"));
  PetscCall(ADJSetTrajectoryDirectory(adj, "/there"));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDirectories(void)
{
  char        dir[64] = "/tmp/contragrad-test-XXXXXX";
  PetscMPIInt rank;
  PetscInt    n;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) PetscCheck(mkdtemp(dir), PETSC_COMM_SELF, PETSC_ERR_SYS, "mkdtemp() failed");
  PetscCallMPI(MPI_Bcast(dir, sizeof(dir), MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCheck(!setenv("TMPDIR", dir, 1), PETSC_COMM_SELF, PETSC_ERR_SYS, "setenv() failed");
  for (int layout = LAYOUT_UNEVEN; layout <= LAYOUT_LAST; layout++) {
    for (int type = ADJ_SCHEDULE_ALL; type <= ADJ_SCHEDULE_PERIODIC; type++) {
      for (int level = ADJ_LEVEL_MEMORY; level <= (type == ADJ_SCHEDULE_TWO_LEVEL || layout == LAYOUT_LAST ? ADJ_LEVEL_MEMORY : ADJ_LEVEL_DISK); level++) PetscCall(TestSchedule((Layout)layout, (ADJScheduleType)type, (ADJLevel)level));
    }
  }
  PetscCall(TestErrors());
  PetscCall(CountEntries(dir, &n));
  PetscCall(TapOk((PetscBool)(n == 0), "nothing is left in the directory for temporary files"));
  PetscCall(TestReuse(dir));
  PetscCall(TestFullDisk(dir, ADJ_SCHEDULE_ALL, KMAX));
  PetscCall(TestFullDisk(dir, ADJ_SCHEDULE_ONLINE, PETSC_DETERMINE));
  PetscCall(TestFullDisk(dir, ADJ_SCHEDULE_TWO_LEVEL, PETSC_DETERMINE));
  PetscCall(CountEntries(dir, &n));
  PetscCall(TapOk((PetscBool)(n == 0), "nothing is left in the directory"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (rank == 0) PetscCheck(!rmdir(dir), PETSC_COMM_SELF, PETSC_ERR_SYS, "rmdir() failed");
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDirectories());
  PetscCall(TestChoice());
  PetscCall(TestSetters());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
