/*
   What the user chooses: which states of an iteration are kept, how many, and where.
*/
#include <contragrad/private/adjimpl.h>

const char *const ADJTrajectoryTypes[]  = {"ALL", "BINOMIAL", "ONLINE", "TWO_LEVEL", "ADJTrajectoryType", "ADJ_TRAJECTORY_", NULL};
const char *const ADJTrajectoryStores[] = {"MEMORY", "DISK", "ADJTrajectoryStore", "ADJ_TRAJECTORY_", NULL};

#define ADJ_TRAJECTORY_CHECKPOINTS 20

static inline PetscBool ADJTrajectoryTypeIsSet_Private(ADJTrajectoryType type)
{
  return (PetscBool)((int)type != PETSC_DETERMINE);
}

/*@
   ADJSetTrajectoryType - Chooses which states of an iteration are kept for its derivative

   Logically collective

   Input Parameters:
+  adj  - the context
-  type - `ADJ_TRAJECTORY_ALL`, `ADJ_TRAJECTORY_BINOMIAL`, `ADJ_TRAJECTORY_ONLINE` or `ADJ_TRAJECTORY_TWO_LEVEL`;
          `PETSC_DETERMINE`, cast, for the one that fits (default)

   Options Database Key:
.  -adj_trajectory_type <all,binomial,online,two_level> - the type

   Level: intermediate

   Notes:
   A derivative by the steps of the iteration needs their states in reverse order. With all of them no step is made
   again. With c states at a time, of K steps, `ADJ_TRAJECTORY_BINOMIAL` makes the fewest steps again, each at most r
   times, r the smallest with binomial(c + r, c) >= K; `ADJ_TRAJECTORY_ONLINE` keeps this last bound where only the end of
   the iteration tells K. `ADJ_TRAJECTORY_TWO_LEVEL` keeps every p-th state on disk, and between two of them c at a
   time in memory.

   By default a number of states given by `ADJSetTrajectoryCheckpoints()` chooses `ADJ_TRAJECTORY_BINOMIAL`
   if the number of steps is known beforehand, else `ADJ_TRAJECTORY_ONLINE`; without such a number all are kept.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for another type. The solve raises `PETSC_ERR_ARG_WRONGSTATE` if `ADJ_TRAJECTORY_BINOMIAL` was
   chosen and the number of steps is not known beforehand.

   References:
+  * - A. Griewank, A. Walther, Algorithm 799: Revolve, ACM Trans. Math. Software 26, 2000
-  * - Q. Wang, P. Moin, G. Iaccarino, Minimal repetition dynamic checkpointing algorithm for unsteady adjoint calculation, SIAM J. Sci. Comput. 31, 2009

.seealso: `ADJGetTrajectoryType()`, `ADJSetTrajectoryCheckpoints()`, `ADJSetTrajectoryPeriod()`, `ADJSetTrajectoryStore()`, `ADJUNROLLED`
@*/
PetscErrorCode ADJSetTrajectoryType(ADJ adj, ADJTrajectoryType type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, type, 2);
  PetscCheck(!ADJTrajectoryTypeIsSet_Private(type) || ((int)type >= ADJ_TRAJECTORY_ALL && (int)type <= ADJ_TRAJECTORY_TWO_LEVEL), PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trajectory type number %d; take one of ADJTrajectoryType", (int)type);
  adj->trajectory.type = type;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrajectoryType - Which states of an iteration are kept for its derivative

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  type - the type; `PETSC_DETERMINE`, cast, if none was chosen

   Level: intermediate

.seealso: `ADJSetTrajectoryType()`
@*/
PetscErrorCode ADJGetTrajectoryType(ADJ adj, ADJTrajectoryType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *type = adj->trajectory.type;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrajectoryCheckpoints - Sets how many states of an iteration are kept at a time for its derivative

   Logically collective

   Input Parameters:
+  adj - the context
-  c   - number of states, the initial one included, at least 1; with `ADJ_TRAJECTORY_TWO_LEVEL` those in memory;
         `PETSC_DETERMINE` for the default

   Options Database Key:
.  -adj_trajectory_checkpoints <c> - number of states

   Level: intermediate

   Notes:
   Default 20. Without effect on `ADJ_TRAJECTORY_ALL`. Where no type is chosen, it chooses one: see
   `ADJSetTrajectoryType()`.

   The sweep back needs one more vector of the size of the state, and a second one where the number of steps is not known
   beforehand.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if `c` is less than 1.

.seealso: `ADJGetTrajectoryCheckpoints()`, `ADJSetTrajectoryType()`
@*/
PetscErrorCode ADJSetTrajectoryCheckpoints(ADJ adj, PetscInt c)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, c, 2);
  PetscCheck(c > 0 || c == PETSC_DETERMINE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of states kept at a time is %" PetscInt_FMT "; give one or more", c);
  adj->trajectory.checkpoints = c;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrajectoryCheckpoints - How many states of an iteration are kept at a time for its derivative

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  c - number of states; `PETSC_DETERMINE` if it was not set, which stands for 20 where a number is needed

   Level: intermediate

.seealso: `ADJSetTrajectoryCheckpoints()`
@*/
PetscErrorCode ADJGetTrajectoryCheckpoints(ADJ adj, PetscInt *c)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *c = adj->trajectory.checkpoints;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrajectoryPeriod - Sets the distance of the states of an iteration that are kept on disk

   Logically collective

   Input Parameters:
+  adj    - the context
-  period - the states 0, `period`, 2 `period`, ... are kept; at least 1

   Options Database Key:
.  -adj_trajectory_period <period> - distance, in steps

   Level: intermediate

   Note:
   Default 100. For `ADJ_TRAJECTORY_TWO_LEVEL` alone.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if `period` is less than 1.

.seealso: `ADJGetTrajectoryPeriod()`, `ADJSetTrajectoryType()`, `ADJSetTrajectoryDirectory()`
@*/
PetscErrorCode ADJSetTrajectoryPeriod(ADJ adj, PetscInt period)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, period, 2);
  PetscCheck(period > 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The distance of the states on disk is %" PetscInt_FMT " steps; give one or more", period);
  adj->trajectory.period = period;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrajectoryPeriod - The distance of the states of an iteration that are kept on disk

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  period - distance, in steps

   Level: intermediate

.seealso: `ADJSetTrajectoryPeriod()`
@*/
PetscErrorCode ADJGetTrajectoryPeriod(ADJ adj, PetscInt *period)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *period = adj->trajectory.period;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrajectoryStore - Chooses where the states of an iteration are kept for its derivative

   Logically collective

   Input Parameters:
+  adj   - the context
-  store - `ADJ_TRAJECTORY_MEMORY` (default) or `ADJ_TRAJECTORY_DISK`

   Options Database Key:
.  -adj_trajectory_store <memory,disk> - where

   Level: intermediate

   Notes:
   `ADJ_TRAJECTORY_TWO_LEVEL` uses both in any case.

   On disk there is one file for all processes, read and written by MPI-IO, in the directory of
   `ADJSetTrajectoryDirectory()`. A state comes back as it was, to the bit.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for another store. The solve raises `PETSC_ERR_FILE_WRITE` on all processes if the disk is
   full.

.seealso: `ADJGetTrajectoryStore()`, `ADJSetTrajectoryDirectory()`, `ADJSetTrajectoryType()`
@*/
PetscErrorCode ADJSetTrajectoryStore(ADJ adj, ADJTrajectoryStore store)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, store, 2);
  PetscCheck(store == ADJ_TRAJECTORY_MEMORY || store == ADJ_TRAJECTORY_DISK, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trajectory store number %d; take ADJ_TRAJECTORY_MEMORY or ADJ_TRAJECTORY_DISK", (int)store);
  adj->trajectory.store = store;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrajectoryStore - Where the states of an iteration are kept for its derivative

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  store - in memory or on disk

   Level: intermediate

.seealso: `ADJSetTrajectoryStore()`
@*/
PetscErrorCode ADJGetTrajectoryStore(ADJ adj, ADJTrajectoryStore *store)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *store = adj->trajectory.store;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetTrajectoryDirectory - Sets the directory of the file in which states of an iteration are kept for its derivative

   Logically collective

   Input Parameters:
+  adj - the context
-  dir - a directory that exists and that all processes see; `NULL` for a fresh one in the directory of the environment
         variable `TMPDIR`, or in /tmp

   Options Database Key:
.  -adj_trajectory_dir <dir> - the directory

   Level: intermediate

   Notes:
   The name of the file is unique: several contexts and several jobs may share a directory. The file is removed in the
   end, and also after an error. Where all processes are on one node nothing remains even if they are killed.

   Processes on several nodes need a directory on a file system that the nodes share; /tmp is often not.

   Errors:
   The solve raises `PETSC_ERR_FILE_OPEN` if the directory does not exist, cannot be written to, or is not shared by all
   processes.

.seealso: `ADJGetTrajectoryDirectory()`, `ADJSetTrajectoryStore()`, `ADJSetTrajectoryType()`
@*/
PetscErrorCode ADJSetTrajectoryDirectory(ADJ adj, const char dir[])
{
  char *copy = NULL;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (dir && dir[0]) PetscCall(PetscStrallocpy(dir, &copy));
  PetscCall(PetscFree(adj->trajectory.dir));
  adj->trajectory.dir = copy;
  if (adj->state->trajectory) { /* the next iteration makes another one */
    PetscCall(ADJTrajectoryDestroy_Private(&adj->state->trajectory));
    adj->state->id = 0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetTrajectoryDirectory - The directory of the file in which states of an iteration are kept for its derivative

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  dir - the directory (borrowed), `NULL` if none was set

   Level: intermediate

.seealso: `ADJSetTrajectoryDirectory()`
@*/
PetscErrorCode ADJGetTrajectoryDirectory(ADJ adj, const char *dir[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *dir = adj->trajectory.dir;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectorySetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  ADJTrajectoryOptions *t     = &adj->trajectory;
  ADJTrajectoryType     type  = ADJTrajectoryTypeIsSet_Private(t->type) ? t->type : ADJ_TRAJECTORY_ALL;
  ADJTrajectoryStore    store = t->store;
  PetscInt              c = t->checkpoints == PETSC_DETERMINE ? ADJ_TRAJECTORY_CHECKPOINTS : t->checkpoints, period = t->period;
  char                  dir[PETSC_MAX_PATH_LEN] = "";
  PetscBool             set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "States kept of an iteration");
  PetscCall(PetscOptionsEnum("-adj_trajectory_type", "Which states of the iteration are kept", "ADJSetTrajectoryType", ADJTrajectoryTypes, (PetscEnum)type, (PetscEnum *)&type, &set));
  if (set) PetscCall(ADJSetTrajectoryType(adj, type));
  PetscCall(PetscOptionsInt("-adj_trajectory_checkpoints", "How many states are kept at a time", "ADJSetTrajectoryCheckpoints", c, &c, &set));
  if (set) PetscCall(ADJSetTrajectoryCheckpoints(adj, c));
  PetscCall(PetscOptionsInt("-adj_trajectory_period", "Distance of the states on disk, with two levels", "ADJSetTrajectoryPeriod", period, &period, &set));
  if (set) PetscCall(ADJSetTrajectoryPeriod(adj, period));
  PetscCall(PetscOptionsEnum("-adj_trajectory_store", "Where the states are kept", "ADJSetTrajectoryStore", ADJTrajectoryStores, (PetscEnum)store, (PetscEnum *)&store, &set));
  if (set) PetscCall(ADJSetTrajectoryStore(adj, store));
  PetscCall(PetscOptionsString("-adj_trajectory_dir", "Directory of the states on disk", "ADJSetTrajectoryDirectory", t->dir, dir, sizeof(dir), &set));
  if (set) PetscCall(ADJSetTrajectoryDirectory(adj, dir));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrajectoryGetSpec_Private(const ADJTrajectoryOptions *options, MPI_Comm comm, PetscInt K, ADJScheduleSpec *spec)
{
  const PetscBool given = (PetscBool)(options->checkpoints != PETSC_DETERMINE);

  PetscFunctionBegin;
  spec->steps       = K;
  spec->checkpoints = given ? options->checkpoints : ADJ_TRAJECTORY_CHECKPOINTS;
  spec->period      = options->period;
  spec->level       = options->store == ADJ_TRAJECTORY_DISK ? ADJ_LEVEL_DISK : ADJ_LEVEL_MEMORY;
  spec->type        = !given ? ADJ_SCHEDULE_ALL : K == PETSC_DETERMINE ? ADJ_SCHEDULE_ONLINE
                                                                       : ADJ_SCHEDULE_BINOMIAL;
  if (ADJTrajectoryTypeIsSet_Private(options->type)) {
    PetscCheck(options->type != ADJ_TRAJECTORY_BINOMIAL || K != PETSC_DETERMINE, comm, PETSC_ERR_ARG_WRONGSTATE, "The binomial trajectory must know the number of steps beforehand: give the number of steps by ADJSetSteps() (-adj_steps), or take the online schedule, ADJ_TRAJECTORY_ONLINE (-adj_trajectory_type online)");
    switch (options->type) {
    case ADJ_TRAJECTORY_BINOMIAL:
      spec->type = ADJ_SCHEDULE_BINOMIAL;
      break;
    case ADJ_TRAJECTORY_ONLINE:
      spec->type = ADJ_SCHEDULE_ONLINE;
      break;
    case ADJ_TRAJECTORY_TWO_LEVEL:
      spec->type = ADJ_SCHEDULE_TWO_LEVEL;
      break;
    default:
      spec->type = ADJ_SCHEDULE_ALL;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
