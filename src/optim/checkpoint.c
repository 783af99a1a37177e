/*
   Checkpoints of an outer optimization: what they take down, when, and how one is taken up again.
*/
#include "checkpoint.h"
#include <stddef.h>
#include <string.h>

PetscErrorCode ADJGetCheckpoint_Private(ADJ adj, ADJCheckpoint *checkpoint)
{
  PetscFunctionBegin;
  if (!adj->checkpoint) {
    PetscCall(PetscNew(&adj->checkpoint));
    adj->checkpoint->interval = PETSC_DETERMINE;
    adj->checkpoint->memory   = PETSC_DETERMINE;
    adj->checkpoint->tests    = -1;
  }
  *checkpoint = adj->checkpoint;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The iterates that were noted, and what was read, belong to one problem; the settings stay */
PetscErrorCode ADJCheckpointReset_Private(ADJ adj)
{
  ADJCheckpoint c = adj->checkpoint;

  PetscFunctionBegin;
  if (!c) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPairsDestroy_Private(c->npairs, &c->pair));
  PetscCall(ADJSnapshotDestroy_Private(&c->pending));
  c->npairs = c->maxpairs = 0;
  c->recorded             = 0;
  c->tests                = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckpointDestroy_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj->checkpoint) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckpointReset_Private(adj));
  PetscCall(PetscFree(adj->checkpoint->file));
  PetscCall(PetscFree(adj->checkpoint->restartfile));
  PetscCall(PetscFree(adj->checkpoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckpointView_Private(ADJ adj, PetscViewer viewer)
{
  ADJCheckpoint c = adj->checkpoint;

  PetscFunctionBegin;
  if (!c || !c->file) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  checkpoint: %s, ", c->file));
  if (c->interval > 0 || c->seconds == 0.0) PetscCall(PetscViewerASCIIPrintf(viewer, "every %" PetscInt_FMT " iterations", c->interval > 0 ? c->interval : 1));
  if (c->seconds > 0.0) PetscCall(PetscViewerASCIIPrintf(viewer, "%severy %g s", c->interval > 0 ? ", " : "", (double)c->seconds));
  PetscCall(PetscViewerASCIIPrintf(viewer, "; written %" PetscInt_FMT " times, earlier iterates kept %" PetscInt_FMT "\n", c->writes, PetscMax(c->npairs - 1, 0)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Seconds since the optimization began, the runs before a restart included, by the clock of the first process */
static PetscErrorCode ADJCheckpointClock_Private(ADJ adj, PetscReal *total, PetscReal *sincewrite)
{
  ADJCheckpoint  c = adj->checkpoint;
  PetscLogDouble now;
  double         t[2];

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  t[0] = c->elapsed + (c->begun > 0.0 ? now - c->begun : 0.0);
  t[1] = now - c->written;
  PetscCallMPI(MPI_Bcast(t, 2, MPI_DOUBLE, 0, PetscObjectComm((PetscObject)adj)));
  *total      = (PetscReal)t[0];
  *sincewrite = (PetscReal)t[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------- Taking down --------------------------------- */

static void ADJCountersOut_Private(const ADJCounters *c, PetscInt64 to[])
{
  const PetscInt *from = (const PetscInt *)c;

  for (int i = 0; i < ADJ_COUNTERS; i++) to[i] = from[i];
}

/* All but the peak are sums */
static void ADJCountersAdd_Private(ADJCounters *c, const PetscInt64 from[])
{
  const PetscInt peak = PetscMax(c->stored, (PetscInt)from[offsetof(ADJCounters, stored) / sizeof(PetscInt)]);
  PetscInt      *to   = (PetscInt *)c;

  for (int i = 0; i < ADJ_COUNTERS; i++) to[i] += (PetscInt)from[i];
  c->stored = peak;
}

/* The order of a vector's entries is that of the DM that it came from, or else of the one that was given for it */
static PetscErrorCode ADJGetOrderingDM_Private(Vec v, DM given, DM *dm)
{
  PetscFunctionBegin;
  PetscCall(VecGetDM(v, dm));
  if (!*dm) *dm = given;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSnapshotNumbers_Private(ADJ adj, Tao tao, ADJSnapshot *s)
{
  ADJOuter    o = adj->outer;
  const char *type;
  PetscReal   sincewrite;

  PetscFunctionBegin;
  s->integer[ADJ_SAVED_ITERATION]  = tao->niter;
  s->integer[ADJ_SAVED_NFUNCS]     = tao->ADJ_TAO_NFUNCS;
  s->integer[ADJ_SAVED_NGRADS]     = tao->ADJ_TAO_NGRADS;
  s->integer[ADJ_SAVED_NFUNCGRADS] = tao->ADJ_TAO_NFUNCGRADS;
  s->integer[ADJ_SAVED_NHESS]      = tao->ADJ_TAO_NHESS;
  s->integer[ADJ_SAVED_KSPITS]     = tao->ksp_tot_its;
  s->integer[ADJ_SAVED_REJECTED]   = o->rejected;
  s->integer[ADJ_SAVED_OUTER]      = o->iterations;
  ADJCountersOut_Private(&adj->counters, &s->integer[ADJ_SAVED_COUNTERS]);
  ADJCountersOut_Private(&adj->checkcounters, &s->integer[ADJ_SAVED_COUNTERS + ADJ_COUNTERS]);
  s->real[ADJ_SAVED_VALUE]     = o->iterate.value;
  s->real[ADJ_SAVED_ERROR]     = o->iterate.error;
  s->real[ADJ_SAVED_OFFSET]    = o->offset;
  s->real[ADJ_SAVED_NORM]      = o->norm;
  s->real[ADJ_SAVED_FIRSTNORM] = o->firstnorm;
  s->real[ADJ_SAVED_STEP]      = tao->step;
  s->real[ADJ_SAVED_GNORM0]    = tao->gnorm0;
  s->real[ADJ_SAVED_TRUST]     = tao->trust;
  s->real[ADJ_SAVED_LARGEST]   = adj->largest;
  PetscCall(ADJCheckpointClock_Private(adj, &s->real[ADJ_SAVED_ELAPSED], &sincewrite));
  PetscCall(TaoGetType(tao, &type));
  PetscCall(PetscStrncpy(s->type, type ? type : "", sizeof(s->type)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vectors are borrowed */
static PetscErrorCode ADJSnapshotTake_Private(ADJ adj, Tao tao, ADJSnapshot *s)
{
  ADJOuter      o = adj->outer;
  ADJCheckpoint c = adj->checkpoint;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  s->theta    = o->iterate.theta;
  s->gradient = o->iterate.gradient;
  s->x        = o->x;
  if (adj->w && !adj->wspoilt) s->part[ADJ_SAVED_W] = adj->w;
  if (adj->xrefgood) s->part[ADJ_SAVED_XREF] = adj->xref;
  s->part[ADJ_SAVED_X0] = o->x0;
  PetscCall(ADJGetOrderingDM_Private(o->x, adj->dm, &s->dm[0]));
  PetscCall(ADJGetOrderingDM_Private(o->iterate.theta, adj->dmtheta, &s->dm[1]));
  s->pair   = c->pair;
  s->npairs = c->recorded == o->iterate.id ? PetscMax(c->npairs - 1, 0) : c->npairs; /* the solver adds its first iterate itself */
  PetscCall(ADJSnapshotNumbers_Private(adj, tao, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes down the iterate of a Tao, which is that of ADJSetTao() or its inner method. *bad is errno */
static PetscErrorCode ADJCheckpointPut_Private(ADJ adj, Tao tao, const char file[], int *bad)
{
  ADJSnapshot s;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(ADJ_Checkpoint, adj, 0, 0, 0));
  PetscCall(ADJSnapshotTake_Private(adj, tao, &s));
  PetscCall(ADJSnapshotSave_Private(PetscObjectComm((PetscObject)adj), file, &s, bad));
  PetscCall(PetscLogEventEnd(ADJ_Checkpoint, adj, 0, 0, 0));
  if (!*bad) adj->checkpoint->writes++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJCheckpointWrite - Writes the present iterate of an outer optimization to a file, from which `ADJCheckpointLoad()` takes it up

   Collective

   Input Parameters:
+  adj  - the context, whose optimization has reached an iterate
-  file - name of the file; one of that name is replaced when the new one is complete

   Level: intermediate

   Notes:
   With `ADJSetCheckpoint()` this is done by itself. It may be called from a monitor of the `Tao`, or after `TaoSolve()`.

   The file holds parameters, state, adjoint, objective, gradient, what is kept of the optimizer's memory (`ADJSetCheckpointMemory()`), and
   the counts. It goes to `file`.tmp, by MPI-IO where all processes see the folder, is read back and compared, is brought to the disk, and is
   renamed then: a process that is killed at any moment leaves a complete file of that name, the new one or that of before.

   Errors:
   `PETSC_ERR_ORDER` if there is no iterate yet; `PETSC_ERR_ARG_WRONGSTATE` if its gradient was refused; `PETSC_ERR_FILE_WRITE` if the file cannot be written, where the one of before is as it was.

.seealso: `ADJSetCheckpoint()`, `ADJCheckpointLoad()`, `ADJSetCheckpointMemory()`
@*/
PetscErrorCode ADJCheckpointWrite(ADJ adj, const char file[])
{
  MPI_Comm           comm = PetscObjectComm((PetscObject)adj);
  ADJOuter           o    = adj->outer;
  ADJCheckpoint      c;
  PetscBool          here;
  struct _n_ADJOuter old;
  int                bad;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(o && o->tao && o->iterate.id, comm, PETSC_ERR_ORDER, "There is no iterate of an optimization: call ADJMinimize(), or ADJSetTao() and TaoSolve(), first");
  PetscCheck(o->refused >= 0, comm, PETSC_ERR_ARG_WRONGSTATE, "The gradient of the iterate was refused (ADJGetRefusal()): a run that takes it up would not judge it again");
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  old = *o;
  PetscCall(ADJEvaluationIsAt_Private(&o->last, o->tao->solution, &here));
  if (here) PetscCall(ADJEvaluationAccept_Private(adj));
  if (o->iterate.id != old.iterate.id && o->firstnorm > 0.0) { /* in a monitor, which comes before the convergence test */
    o->iterations++;
    PetscCall(TaoGetResidualNorm(o->tao, &o->norm));
  }
  if (c->file || c->memory > 0) PetscCall(ADJMemoryRecord_Private(adj, o->tao));
  PetscCall(ADJCheckpointPut_Private(adj, o->tao, file, &bad));
  o->iterations = old.iterations;
  o->norm       = old.norm;
  PetscCheck(!bad, comm, PETSC_ERR_FILE_WRITE, "The checkpoint %s cannot be written (%s); if there was one before it is as it was", file, strerror(bad));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One that cannot be written does not end the run: it is told, once until one is written again */
static PetscErrorCode ADJCheckpointTry_Private(ADJ adj, Tao tao)
{
  ADJCheckpoint c = adj->checkpoint;
  PetscViewer   err;
  int           bad;

  PetscFunctionBegin;
  PetscCall(ADJCheckpointPut_Private(adj, tao, c->file, &bad));
  PetscCall(PetscTime(&c->written));
  c->since = 0;
  if (bad && !c->lost) {
    PetscCall(PetscViewerASCIIGetStderr(PetscObjectComm((PetscObject)adj), &err));
    PetscCall(PetscViewerASCIIPrintf(err, "WARNING: the checkpoint %s cannot be written (%s); the optimization goes on, %s\n", c->file, strerror(bad), c->writes ? "the last one that was written stays" : "and there is none"));
  }
  c->lost = bad ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------- Taking up ----------------------------------- */

/*@C
   ADJCheckpointLoad - Reads a checkpoint, so that the next `TaoSolve()` goes on from there

   Collective

   Input Parameters:
+  adj   - the context, with its vector of `ADJSetSolution()`
.  file  - name of the file
-  theta - parameters, global length m

   Output Parameter:
.  theta - those of the checkpoint

   Level: intermediate

   Notes:
   `ADJMinimize()` does this by itself, see `ADJSetRestart()`. With `ADJSetTao()`:
.vb
   TaoSetSolution(tao, theta);
   ADJSetTao(adj, tao);
   TaoSetFromOptions(tao);
   ADJCheckpointLoad(adj, file, theta);
   TaoSolve(tao);
.ve
   The number of processes may be another one. State and parameters keep their global order; those of a `DMDA` have its natural order in the
   file. The entries of other DMs depend on the distribution, and go back to the same number of processes alone.

   The iteration number goes on, and so do the counts of `Tao` and of `ADJGetCounters()`; nothing is solved at the iterate that was
   reached. docs/restart.md has a table of what each method of `Tao` remembers.

   A file that is refused leaves everything as it was, on all processes.

   Errors:
   `PETSC_ERR_FILE_OPEN` if there is no such file; `PETSC_ERR_FILE_READ` if it was truncated or damaged; `PETSC_ERR_FILE_UNEXPECTED` if it is
   no checkpoint, or that of another problem or of other scalars; `PETSC_ERR_ORDER` without `ADJSetSolution()`.

.seealso: `ADJCheckpointWrite()`, `ADJSetRestart()`, `ADJRestart()`
@*/
PetscErrorCode ADJCheckpointLoad(ADJ adj, const char file[], Vec theta)
{
  MPI_Comm      comm = PetscObjectComm((PetscObject)adj);
  ADJCheckpoint c;
  ADJSnapshot  *s;
  DM            dm[2];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->sol, comm, PETSC_ERR_ORDER, "No vector for the state: call ADJSetSolution() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJGetOrderingDM_Private(adj->sol, adj->dm, &dm[0]));
  PetscCall(ADJGetOrderingDM_Private(theta, adj->dmtheta, &dm[1]));
  PetscCall(ADJSnapshotRead_Private(comm, file, adj->sol, theta, dm, &s));
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  PetscCall(ADJSnapshotDestroy_Private(&c->pending));
  c->pending = s;
  PetscCall(VecCopy(s->theta, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is to be written can be written, as far as this can be known now */
static PetscErrorCode ADJCheckpointCheckFile_Private(ADJ adj)
{
  MPI_Comm      comm = PetscObjectComm((PetscObject)adj);
  ADJCheckpoint c    = adj->checkpoint;
  int           bad;

  PetscFunctionBegin;
  if (!c->file) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSnapshotCheckFolder_Private(comm, c->file, &bad));
  PetscCheck(!bad, comm, PETSC_ERR_FILE_OPEN, "No checkpoint can be written to %s (%s): give a file in a folder that exists and can be written to", c->file, strerror(bad));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJRestart - Takes up the checkpoint that `ADJSetRestart()` asks for, if there is one

   Collective

   Input Parameters:
+  adj   - the context, with its vector of `ADJSetSolution()`
-  theta - parameters to begin with, global length m

   Output Parameters:
+  theta   - those of the checkpoint, or as they were
-  resumed - whether there was one; `NULL` if not wanted

   Level: intermediate

   Notes:
   `ADJMinimize()` calls it. With a `Tao` of your own, call it between `TaoSetFromOptions()` and `TaoSolve()`.

   Errors:
   As `ADJCheckpointLoad()`; with `ADJ_RESTART_AUTO` a file that is not there is none. `PETSC_ERR_FILE_OPEN` also if the file of
   `ADJSetCheckpoint()` cannot be written; `PETSC_ERR_ORDER` if no file was named.

.seealso: `ADJSetRestart()`, `ADJCheckpointLoad()`
@*/
PetscErrorCode ADJRestart(ADJ adj, Vec theta, PetscBool *resumed)
{
  MPI_Comm      comm = PetscObjectComm((PetscObject)adj);
  ADJCheckpoint c;
  const char   *file;
  PetscMPIInt   rank, there = 1;
  PetscBool     exists;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (resumed) *resumed = PETSC_FALSE;
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  PetscCall(ADJCheckpointCheckFile_Private(adj)); /* before a TaoSolve() that an error would leave half done */
  if (c->restart == ADJ_RESTART_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  file = c->restartfile ? c->restartfile : c->file;
  PetscCheck(file, comm, PETSC_ERR_ORDER, "There is no file to restart from: name one with ADJSetCheckpoint() (-adj_checkpoint) or ADJSetRestart() (-adj_restart)");
  if (c->restart == ADJ_RESTART_AUTO) {
    PetscCallMPI(MPI_Comm_rank(comm, &rank));
    if (rank == 0) {
      PetscCall(PetscTestFile(file, '\0', &exists));
      there = exists ? 1 : 0;
    }
    PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, comm));
    if (!there) PetscCall(PetscInfo(adj, "There is no checkpoint %s: the optimization begins anew\n", file));
  }
  if (!there) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckpointLoad(adj, file, theta));
  if (resumed) *resumed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMove_Private(Vec *from, Vec *to)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(to));
  *to   = *from;
  *from = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the ADJ knew: state, adjoint, references; the evaluation unless the optimizer begins elsewhere, as where bounds have cut off the iterate */
static PetscErrorCode ADJResumeEvaluation_Private(ADJ adj, Tao tao, ADJSnapshot *s)
{
  ADJOuter       o = adj->outer;
  ADJEvaluation *e = &o->last;
  PetscBool      same;

  PetscFunctionBegin;
  PetscCall(VecCopy(s->x, o->x));
  PetscCall(VecCopy(s->x, adj->sol));
  if (s->part[ADJ_SAVED_X0] && o->x0) PetscCall(VecCopy(s->part[ADJ_SAVED_X0], o->x0));
  if (s->part[ADJ_SAVED_XREF]) {
    PetscCall(ADJMove_Private(&s->part[ADJ_SAVED_XREF], &adj->xref));
    adj->xrefgood = PETSC_TRUE;
  }
  if (s->part[ADJ_SAVED_W]) {
    PetscCall(ADJMove_Private(&s->part[ADJ_SAVED_W], &adj->w));
    adj->wspoilt = PETSC_FALSE;
  }
  adj->largest  = PetscMax(adj->largest, s->real[ADJ_SAVED_LARGEST]);
  o->rejected   = (PetscInt)s->integer[ADJ_SAVED_REJECTED];
  o->iterations = (PetscInt)s->integer[ADJ_SAVED_OUTER] - 1; /* the convergence test of this iterate comes again */
  o->norm       = s->real[ADJ_SAVED_NORM];
  o->firstnorm  = s->real[ADJ_SAVED_FIRSTNORM];
  ADJCountersAdd_Private(&adj->counters, &s->integer[ADJ_SAVED_COUNTERS]);
  ADJCountersAdd_Private(&adj->checkcounters, &s->integer[ADJ_SAVED_COUNTERS + ADJ_COUNTERS]);
  PetscCall(VecEqual(s->theta, tao->solution, &same));
  if (!same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJMove_Private(&s->theta, &e->theta));
  PetscCall(ADJMove_Private(&s->gradient, &e->gradient));
  o->offset    = s->real[ADJ_SAVED_OFFSET];
  e->value     = s->real[ADJ_SAVED_VALUE];
  e->error     = s->real[ADJ_SAVED_ERROR];
  e->id        = adj->nextid++;
  e->pulled    = PETSC_TRUE;
  e->failed    = PETSC_FALSE;
  o->succeeded = PETSC_TRUE;
  PetscCall(ADJEvaluationAccept_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the Tao knew. A radius becomes the one to begin with, for this TaoSolve() alone */
static PetscErrorCode ADJResumeTao_Private(ADJ adj, Tao tao, ADJSnapshot *s)
{
  ADJCheckpoint   c      = adj->checkpoint;
  const PetscReal radius = s->real[ADJ_SAVED_TRUST];
  PetscInt        pairs;

  PetscFunctionBegin;
  PetscCall(ADJMemoryReplay_Private(adj, tao, s, &pairs));
  PetscCall(TaoSetIterationNumber(tao, (PetscInt)s->integer[ADJ_SAVED_ITERATION]));
  tao->ADJ_TAO_NFUNCS     = (PetscInt)s->integer[ADJ_SAVED_NFUNCS];
  tao->ADJ_TAO_NGRADS     = (PetscInt)s->integer[ADJ_SAVED_NGRADS];
  tao->ADJ_TAO_NFUNCGRADS = (PetscInt)PetscMax(s->integer[ADJ_SAVED_NFUNCGRADS] - 1, 0); /* the evaluation in work was made before */
  tao->ADJ_TAO_NHESS      = (PetscInt)s->integer[ADJ_SAVED_NHESS];
  tao->ksp_tot_its        = (PetscInt)s->integer[ADJ_SAVED_KSPITS];
  tao->gnorm0             = s->real[ADJ_SAVED_GNORM0];
  c->radius               = (PetscBool)(radius > 0.0 && !PetscIsInfOrNanReal(radius));
  if (c->radius) {
    c->trust0 = tao->trust0;
    PetscCall(TaoSetInitialTrustRegionRadius(tao, radius));
  }
  PetscCall(PetscInfo(adj, "The optimization goes on at iteration %" PetscInt_FMT " of method %s; of its memory %" PetscInt_FMT " earlier iterates are restored%s\n", tao->niter, s->type, pairs, pairs ? "" : " (none)"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A TaoSolve() begins: at its first evaluation, before anything is evaluated */
PetscErrorCode ADJCheckpointBegin_Private(ADJ adj, Tao tao)
{
  ADJCheckpoint  c;
  ADJSnapshot   *s;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJGetCheckpoint_Private(adj, &c));
  s          = c->pending;
  c->pending = NULL;
  PetscCall(ADJCheckpointReset_Private(adj));
  c->writes  = 0;
  c->since   = -1;
  c->lost    = PETSC_FALSE;
  c->elapsed = s ? s->real[ADJ_SAVED_ELAPSED] : 0.0;
  PetscCall(PetscTime(&c->begun));
  c->written = c->begun;
  ierr       = ADJCheckpointCheckFile_Private(adj);
  if (ierr) PetscCall(ADJSnapshotDestroy_Private(&s));
  PetscCall(ierr);
  if (!s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJResumeTao_Private(adj, tao, s));
  PetscCall(ADJResumeEvaluation_Private(adj, tao, s));
  c->tests    = 0;
  c->pair     = s->pair;
  c->npairs   = s->npairs;
  c->maxpairs = s->npairs;
  s->pair     = NULL;
  s->npairs   = 0;
  PetscCall(ADJSnapshotDestroy_Private(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether it is time: the same on all processes */
static PetscErrorCode ADJCheckpointDue_Private(ADJ adj, Tao tao, PetscBool *due)
{
  ADJCheckpoint c = adj->checkpoint;
  PetscReal     total, since;

  PetscFunctionBegin;
  *due = PETSC_FALSE;
  if (!c->file || adj->outer->refused < 0) PetscFunctionReturn(PETSC_SUCCESS); /* a run that takes it up would not judge again what was refused */
  PetscCall(ADJEvaluationIsAt_Private(&adj->outer->iterate, tao->solution, due));
  if (!*due || tao->reason != TAO_CONTINUE_ITERATING) PetscFunctionReturn(PETSC_SUCCESS);
  *due = (PetscBool)(c->since >= (c->interval > 0 ? c->interval : 1) && (c->interval > 0 || c->seconds == 0.0));
  if (*due || c->seconds == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckpointClock_Private(adj, &total, &since));
  *due = (PetscBool)(since >= c->seconds);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At each convergence test, when its outcome is known. The last iterate is written in any case */
PetscErrorCode ADJCheckpointTest_Private(ADJ adj, Tao tao)
{
  ADJCheckpoint c = adj->checkpoint;
  PetscBool     due;

  PetscFunctionBegin;
  c->since++;
  if (c->tests >= 0 && (c->tests++ > 0 || tao->reason != TAO_CONTINUE_ITERATING)) {
    PetscCall(ADJMemoryRelease_Private(adj, tao));
    if (c->radius) tao->trust0 = c->trust0;
    c->radius = PETSC_FALSE;
    c->tests  = -1;
  }
  if (c->file || c->memory > 0) PetscCall(ADJMemoryRecord_Private(adj, tao));
  PetscCall(ADJCheckpointDue_Private(adj, tao, &due));
  if (due) PetscCall(ADJCheckpointTry_Private(adj, tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetElapsedTime - How long the optimization has run

   Collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  seconds - since the last `TaoSolve()` began, with the time of the runs before it where a checkpoint was taken up; 0 if none has begun

   Level: intermediate

.seealso: `ADJMinimize()`, `ADJSetRestart()`
@*/
PetscErrorCode ADJGetElapsedTime(ADJ adj, PetscReal *seconds)
{
  PetscReal since;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *seconds = 0.0;
  if (adj->checkpoint) PetscCall(ADJCheckpointClock_Private(adj, seconds, &since));
  PetscFunctionReturn(PETSC_SUCCESS);
}
