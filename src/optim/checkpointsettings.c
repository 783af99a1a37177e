/*
   What is asked of the checkpoints of an outer optimization.
*/
#include "checkpoint.h"

const char *const ADJRestartModes[] = {"NONE", "AUTO", "REQUIRED", "ADJRestartMode", "ADJ_RESTART_", NULL};

static PetscErrorCode ADJReplaceName_Private(char **name, const char given[])
{
  char *copy = NULL;

  PetscFunctionBegin;
  if (given && given[0]) PetscCall(PetscStrallocpy(given, &copy));
  PetscCall(PetscFree(*name));
  *name = copy;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetCheckpoint - Has the iterates of an outer optimization written to a file, from which it can go on after the end of the job

   Logically collective

   Input Parameters:
+  adj  - the context
-  file - name of the file; `NULL` for none

   Options Database Key:
.  -adj_checkpoint <file> - the same

   Level: beginner

   Notes:
   The file is replaced after each iteration, or as `ADJSetCheckpointInterval()` says, and at the end. At any moment it is complete: see
   `ADJCheckpointWrite()`. Both `ADJMinimize()` and the `TaoSolve()` of `ADJSetTao()` write it. A job that may be started any number of times:
.vb
   mpiexec -n 2 ./inversion -adj_checkpoint run.ckp -adj_restart auto
.ve
   One that cannot be written later on, as on a full disk, is told on the standard error stream, and the optimization goes on.

   An iterate whose gradient was refused (`ADJGetRefusal()`) is not written.

   Errors:
   `PETSC_ERR_FILE_OPEN`, when the optimization begins, if the folder is not there or cannot be written to.

.seealso: `ADJGetCheckpoint()`, `ADJSetRestart()`, `ADJSetCheckpointInterval()`, `ADJSetCheckpointMemory()`, `ADJCheckpointWrite()`, `ADJMinimize()`
@*/
PetscErrorCode ADJSetCheckpoint(ADJ adj, const char file[])
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  PetscCall(ADJReplaceName_Private(&c->file, file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetCheckpoint - The file to which an outer optimization is written

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  file - its name, `NULL` if there is none

   Level: intermediate

.seealso: `ADJSetCheckpoint()`
@*/
PetscErrorCode ADJGetCheckpoint(ADJ adj, const char *file[])
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  *file = c->file;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetCheckpointInterval - Sets how often a checkpoint is written

   Logically collective

   Input Parameters:
+  adj        - the context
.  iterations - of the optimizer; `PETSC_DETERMINE` for each one if `seconds` is 0, else for no limit
-  seconds    - 0 for no limit

   Options Database Keys:
+  -adj_checkpoint_interval <k> - iterations
-  -adj_checkpoint_seconds <s>  - seconds

   Level: intermediate

   Notes:
   One is written at the first iterate where either of the two has passed since the last one, and at the last iterate.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for other numbers.

.seealso: `ADJSetCheckpoint()`, `ADJGetCheckpointInterval()`
@*/
PetscErrorCode ADJSetCheckpointInterval(ADJ adj, PetscInt iterations, PetscReal seconds)
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, iterations, 2);
  PetscValidLogicalCollectiveReal(adj, seconds, 3);
  PetscCheck(iterations > 0 || iterations == PETSC_DETERMINE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "A checkpoint every %" PetscInt_FMT " iterations (-adj_checkpoint_interval): give one or more", iterations);
  PetscCheck(seconds >= 0.0 && !PetscIsInfOrNanReal(seconds), PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "A checkpoint every %g s (-adj_checkpoint_seconds): give a positive number, or 0 for no limit", (double)seconds);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  c->interval = iterations;
  c->seconds  = seconds;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetCheckpointInterval - How often a checkpoint is written

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  iterations - of the optimizer, or `PETSC_DETERMINE`; `NULL` to ignore
-  seconds    - 0 if the clock does not decide; `NULL` to ignore

   Level: intermediate

.seealso: `ADJSetCheckpointInterval()`
@*/
PetscErrorCode ADJGetCheckpointInterval(ADJ adj, PetscInt *iterations, PetscReal *seconds)
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  if (iterations) *iterations = c->interval;
  if (seconds) *seconds = c->seconds;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetCheckpointMemory - Sets how many earlier iterates a checkpoint holds for the memory of a quasi-Newton method

   Logically collective

   Input Parameters:
+  adj - the context
-  n   - iterates with their gradients; 0 for none, `PETSC_DETERMINE` for the default

   Options Database Key:
.  -adj_checkpoint_memory <10> - the same

   Level: intermediate

   Notes:
   For the types of `Tao` that have a matrix of type `MATLMVM`: lmvm, blmvm, bqnls, bqnkls, bqnktr, bqnktl, and those Newton methods that are
   preconditioned by one. Others keep none. Each iterate costs two vectors like the parameters, in memory and in the file.

   Such a matrix holds the last 5 differences of iterates and gradients (`-adj_tao_blmvm_mat_lmvm_hist_size`), for which 5 iterates and the
   present one are enough. Its diagonal scaling remembers all iterations: as long as all iterates are in the file, an optimization that is
   taken up goes the same way as one that was not interrupted; later on the scaling is made anew from those that are.

   Without `ADJSetCheckpoint()` iterates are kept only if n was given, for `ADJCheckpointWrite()`.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for other numbers.

.seealso: `ADJSetCheckpoint()`, `ADJGetCheckpointMemory()`
@*/
PetscErrorCode ADJSetCheckpointMemory(ADJ adj, PetscInt n)
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, n, 2);
  PetscCheck(n >= 0 || n == PETSC_DETERMINE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "A checkpoint with %" PetscInt_FMT " earlier iterates (-adj_checkpoint_memory): give 0 or more", n);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  c->memory = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetCheckpointMemory - How many earlier iterates a checkpoint holds

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  n - iterates

   Level: intermediate

.seealso: `ADJSetCheckpointMemory()`
@*/
PetscErrorCode ADJGetCheckpointMemory(ADJ adj, PetscInt *n)
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  *n = c->memory >= 0 ? c->memory : ADJ_CHECKPOINT_MEMORY;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetRestart - Has an outer optimization go on from a checkpoint

   Logically collective

   Input Parameters:
+  adj  - the context
.  mode - `ADJ_RESTART_NONE`, `ADJ_RESTART_AUTO` or `ADJ_RESTART_REQUIRED`
-  file - name of the file; `NULL` for that of `ADJSetCheckpoint()`

   Options Database Keys:
+  -adj_restart        - from the file of `-adj_checkpoint`, which must be there; `-adj_restart false` begins anew
.  -adj_restart auto   - from the file of `-adj_checkpoint` if it is there
-  -adj_restart <file> - from this file, which must be there

   Level: beginner

   Notes:
   `ADJMinimize()` begins with it; with a `Tao` of your own call `ADJRestart()` before `TaoSolve()`. The parameters that the user gives are
   replaced, and so is the vector of `ADJSetSolution()`.

   A file that is damaged, or belongs to another problem, is an error in any case, so that nothing is overwritten that may be of use.

   Errors:
   When the optimization begins, as `ADJCheckpointLoad()`.

.seealso: `ADJGetRestart()`, `ADJRestart()`, `ADJSetCheckpoint()`, `ADJCheckpointLoad()`
@*/
PetscErrorCode ADJSetRestart(ADJ adj, ADJRestartMode mode, const char file[])
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, mode, 2);
  PetscCheck(mode >= ADJ_RESTART_NONE && mode <= ADJ_RESTART_REQUIRED, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no restart mode number %d; take ADJ_RESTART_NONE, ADJ_RESTART_AUTO or ADJ_RESTART_REQUIRED", (int)mode);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  c->restart = mode;
  PetscCall(ADJReplaceName_Private(&c->restartfile, file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetRestart - What was set with `ADJSetRestart()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  mode - whether the optimization begins with a checkpoint; `NULL` to ignore
-  file - name of the file, `NULL` if it is that of `ADJSetCheckpoint()`; `NULL` to ignore

   Level: intermediate

.seealso: `ADJSetRestart()`
@*/
PetscErrorCode ADJGetRestart(ADJ adj, ADJRestartMode *mode, const char *file[])
{
  ADJCheckpoint c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  if (mode) *mode = c->restart;
  if (file) *file = c->restartfile;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -adj_restart, with true, false, auto or a file; nothing is true */
static PetscErrorCode ADJRestartParse_Private(ADJ adj, const char value[])
{
  const char *const no[] = {"false", "no", "off", "0", "none"}, *const yes[] = {"", "true", "yes", "on", "1", "required"};
  PetscBool is;

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(no); i++) {
    PetscCall(PetscStrcasecmp(value, no[i], &is));
    if (is) PetscCall(ADJSetRestart(adj, ADJ_RESTART_NONE, NULL));
    if (is) PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(yes); i++) {
    PetscCall(PetscStrcasecmp(value, yes[i], &is));
    if (is) PetscCall(ADJSetRestart(adj, ADJ_RESTART_REQUIRED, NULL));
    if (is) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscStrcasecmp(value, "auto", &is));
  PetscCall(ADJSetRestart(adj, is ? ADJ_RESTART_AUTO : ADJ_RESTART_REQUIRED, is ? NULL : value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckpointSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  ADJCheckpoint c;
  char          text[PETSC_MAX_PATH_LEN] = "";
  PetscInt      interval, memory;
  PetscReal     seconds;
  PetscBool     set, also;

  PetscFunctionBegin;
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  interval = c->interval;
  seconds  = c->seconds;
  memory   = c->memory;
  PetscCall(PetscOptionsString("-adj_checkpoint", "File to which an optimization is written", "ADJSetCheckpoint", c->file ? c->file : "", text, sizeof(text), &set));
  if (set) PetscCall(ADJSetCheckpoint(adj, text));
  PetscCall(PetscOptionsInt("-adj_checkpoint_interval", "Iterations between two checkpoints", "ADJSetCheckpointInterval", interval, &interval, &set));
  PetscCall(PetscOptionsReal("-adj_checkpoint_seconds", "Seconds between two checkpoints", "ADJSetCheckpointInterval", seconds, &seconds, &also));
  if (set || also) PetscCall(ADJSetCheckpointInterval(adj, interval, seconds));
  PetscCall(PetscOptionsInt("-adj_checkpoint_memory", "Earlier iterates in a checkpoint", "ADJSetCheckpointMemory", memory, &memory, &set));
  if (set) PetscCall(ADJSetCheckpointMemory(adj, memory));
  text[0] = 0;
  PetscCall(PetscOptionsString("-adj_restart", "Take up a checkpoint: true, false, auto or a file", "ADJSetRestart", "false", text, sizeof(text), &set));
  if (set) PetscCall(ADJRestartParse_Private(adj, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}
