static char help[] = "The file of a checkpoint: what comes back, and what is refused.\n\n";

/*
   nsize: 1 2 4
   requires: real double
   args: -malloc_debug false -adj_trust_level none -adj_forward_pc_type redundant -adj_pc_type redundant
*/
#include <stdint.h>
#include "inversion.h"
#include "files.h"

#define WORD_VERSION  1
#define WORD_CHECKSUM 2
#define WORD_LENGTH   3
#define WORD_SCALAR   5

static const char *const file = "run.ckp";

/* -------------------------------- Bytes of a file ------------------------------- */

static PetscErrorCode FileWrite(const char name[], PetscMPIInt length, const char bytes[])
{
  PetscMPIInt rank;
  FILE       *out;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) {
    out = fopen(name, "wb");
    PetscCheck(out, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot write %s", name);
    PetscCheck(fwrite(bytes, 1, (size_t)length, out) == (size_t)length, PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "Cannot write %s", name);
    fclose(out);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static uint64_t GetWord(const char bytes[], PetscMPIInt length, PetscInt i)
{
  uint64_t word = 0;

  for (PetscInt k = 8 * i; k < 8 * i + 8; k++) word = word << 8 | (k < length ? (unsigned char)bytes[k] : 0);
  return word;
}

static void SetWord(char bytes[], PetscInt i, uint64_t word)
{
  for (PetscInt k = 0; k < 8; k++) bytes[8 * i + k] = (char)(unsigned char)(word >> (56 - 8 * k));
}

/* The checksum by its definition, on one process: sum of mix(i, word i) over the words behind its own */
static uint64_t Checksum(const char bytes[], PetscMPIInt length)
{
  const PetscInt first = WORD_CHECKSUM + 1;
  uint64_t       sum   = 0;

  for (PetscInt i = first; 8 * i < length; i++) {
    uint64_t z = GetWord(bytes, length, i) ^ ((uint64_t)(i - first + 1) * 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    sum += z ^ (z >> 31);
  }
  return sum;
}

/* ---------------------------------- Optimizations ------------------------------- */

static PetscErrorCode Begin(MPI_Comm comm, PetscInt M, PetscInt N, PetscInt its, Inversion *p)
{
  Tao tao;

  PetscFunctionBeginUser;
  PetscCall(InversionCreate(comm, M, N, 1e-4, p));
  PetscCall(ADJGetTao(p->adj, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-9, 0.0, 0.0));
  PetscCall(TaoSetMaximumIterations(tao, its));
  PetscCall(ADJSetCheckpoint(p->adj, file));
  PetscCall(ADJSetCheckpointInterval(p->adj, 1000, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Loads and writes again: all that is behind the header is the same to the bit. Here, and by the first process alone */
static PetscErrorCode TestRoundTrip(void)
{
  Inversion   p, q;
  PetscMPIInt rank, n[2];
  char       *bytes[2];
  PetscInt    head;
  PetscBool   same;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(Begin(PETSC_COMM_WORLD, 7, 5, 6, &p));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(FileRead(file, &n[0], &bytes[0]));
  PetscCall(TapOk((PetscBool)(n[0] > 0 && Checksum(bytes[0], n[0]) == GetWord(bytes[0], n[0], WORD_CHECKSUM)), "the checksum is that of its definition"));
  head = (PetscInt)GetWord(bytes[0], n[0], WORD_LENGTH);
  for (PetscInt i = 0; i < 2; i++) {
    if (!i || !rank) {
      PetscCall(Begin(i ? PETSC_COMM_SELF : PETSC_COMM_WORLD, 7, 5, 6, &q));
      PetscCall(ADJSetRestart(q.adj, ADJ_RESTART_REQUIRED, NULL));
      PetscCall(ADJSetCheckpoint(q.adj, file));
      PetscCall(ADJMinimize(q.adj, q.theta));
      if (!i) {
        PetscCall(VecEqual(q.theta, p.theta, &same));
        PetscCall(TapOk(same, "the parameters come back to the bit"));
        PetscCall(VecEqual(q.x, p.x, &same));
        PetscCall(TapOk(same, "the state comes back to the bit"));
      }
      PetscCall(InversionDestroy(&q));
    }
    PetscCall(FileRead(file, &n[1], &bytes[1]));
    PetscCall(PetscMemcmp(bytes[0] + head, bytes[1] + head, (size_t)(n[0] - head), &same));
    PetscCall(TapOk((PetscBool)(same && n[1] == n[0]), i ? "one process writes the same vectors" : "the vectors are written again to the bit"));
    PetscCall(PetscFree(bytes[1]));
  }
  PetscCall(PetscFree(bytes[0]));
  PetscCall(InversionDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---------------------------------- What is refused ------------------------------- */

/* Whether loading fails with one of two codes everywhere, and changes nothing */
static PetscErrorCode Refused(Inversion *p, PetscErrorCode one, PetscErrorCode other, PetscBool *yes)
{
  PetscErrorCode ierr;
  PetscReal      norm;

  PetscFunctionBeginUser;
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = ADJCheckpointLoad(p->adj, "bad.ckp", p->theta);
  PetscCall(PetscPopErrorHandler());
  PetscCall(VecNorm(p->theta, NORM_INFINITY, &norm));
  *yes = (PetscBool)((ierr == one || ierr == other) && norm == 0.0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTruncated(Inversion *p, PetscMPIInt n, char bytes[])
{
  PetscBool yes;

  PetscFunctionBeginUser;
  for (PetscMPIInt i = 0; i < 10; i++) {
    PetscCall(FileWrite("bad.ckp", n / 10 * i, bytes));
    PetscCall(Refused(p, PETSC_ERR_FILE_READ, PETSC_ERR_FILE_READ, &yes));
    PetscCall(TapOk(yes, "truncated to %d of %d bytes", n / 10 * i, n));
  }
  PetscCall(FileWrite("bad.ckp", n - 1, bytes));
  PetscCall(Refused(p, PETSC_ERR_FILE_READ, PETSC_ERR_FILE_READ, &yes));
  PetscCall(TapOk(yes, "one byte less"));
  PetscCall(FileWrite("bad.ckp", n + 1, bytes)); /* there is a zero behind them */
  PetscCall(Refused(p, PETSC_ERR_FILE_READ, PETSC_ERR_FILE_READ, &yes));
  PetscCall(TapOk(yes, "one byte more"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A bit is flipped in many bytes: of the first words, of the rest of the header, of the vectors, the last one */
static PetscErrorCode TestFlipped(Inversion *p, PetscMPIInt n, char bytes[])
{
  const PetscInt head    = (PetscInt)GetWord(bytes, n, WORD_LENGTH);
  PetscInt       flipped = 0, passed = 0;
  PetscBool      yes;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i += i < 64 ? 1 : (i < head ? 29 : 509)) {
    const PetscInt where = i + 509 >= n && i >= head ? n - 1 : i;

    bytes[where] = (char)(bytes[where] ^ (1 << i % 8));
    PetscCall(FileWrite("bad.ckp", n, bytes));
    bytes[where] = (char)(bytes[where] ^ (1 << i % 8));
    PetscCall(Refused(p, PETSC_ERR_FILE_READ, PETSC_ERR_FILE_UNEXPECTED, &yes));
    flipped++;
    if (!yes) {
      passed++;
      PetscCall(TapDiag("bit %d of byte %" PetscInt_FMT " was flipped, and nobody noticed", (int)(i % 8), where));
    }
  }
  PetscCall(TapOk((PetscBool)(!passed), "one bit flipped, in %" PetscInt_FMT " places", flipped));
  PetscCall(FileWrite("bad.ckp", n, bytes));
  PetscCall(Refused(p, PETSC_ERR_FILE_READ, PETSC_ERR_FILE_UNEXPECTED, &yes));
  PetscCall(TapOk((PetscBool)!yes, "as it was it is read"));
  PetscCall(VecSet(p->theta, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sound files of another kind: of other scalars, of a later format; and no checkpoints at all */
static PetscErrorCode TestForeign(Inversion *p, PetscMPIInt n, char bytes[])
{
  const char *const text   = "This is a text, and no checkpoint, however long it may be.\n";
  const uint64_t    sum    = GetWord(bytes, n, WORD_CHECKSUM);
  const uint64_t    kind[] = {4, (uint64_t)(-(int64_t)16)};
  PetscViewer       viewer;
  PetscBool         yes;
  size_t            length;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 2; i++) {
    SetWord(bytes, WORD_SCALAR, kind[i]);
    SetWord(bytes, WORD_CHECKSUM, Checksum(bytes, n));
    PetscCall(FileWrite("bad.ckp", n, bytes));
    PetscCall(Refused(p, PETSC_ERR_FILE_UNEXPECTED, PETSC_ERR_FILE_UNEXPECTED, &yes));
    PetscCall(TapOk(yes, i ? "complex scalars" : "scalars of single precision"));
  }
  SetWord(bytes, WORD_SCALAR, sizeof(PetscScalar));
  SetWord(bytes, WORD_CHECKSUM, sum);
  SetWord(bytes, WORD_VERSION, 2);
  PetscCall(FileWrite("bad.ckp", n, bytes));
  PetscCall(Refused(p, PETSC_ERR_FILE_UNEXPECTED, PETSC_ERR_FILE_UNEXPECTED, &yes));
  PetscCall(TapOk(yes, "a later format"));
  SetWord(bytes, WORD_VERSION, 1);
  PetscCall(PetscStrlen(text, &length));
  PetscCall(FileWrite("bad.ckp", (PetscMPIInt)length, text));
  PetscCall(Refused(p, PETSC_ERR_FILE_UNEXPECTED, PETSC_ERR_FILE_UNEXPECTED, &yes));
  PetscCall(TapOk(yes, "a text"));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, "bad.ckp", FILE_MODE_WRITE, &viewer));
  PetscCall(VecView(p->x, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(Refused(p, PETSC_ERR_FILE_UNEXPECTED, PETSC_ERR_FILE_UNEXPECTED, &yes));
  PetscCall(TapOk(yes, "a vector of PETSc"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJCheckpointLoad(p->adj, "nowhere.ckp", p->theta), "no file"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJCheckpointLoad(p->adj, "nowhere/run.ckp", p->theta), "no folder"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another size; the same size on another grid; the same size without a grid */
static PetscErrorCode TestOtherProblem(void)
{
  const PetscInt    sizes[][2] = {{8, 5}, {5, 7}};
  const char *const what[]     = {"another size", "the grid turned by a right angle"};
  Inversion         q;
  Vec               plain;
  PetscInt          n;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(Begin(PETSC_COMM_WORLD, sizes[i][0], sizes[i][1], 6, &q));
    PetscCall(ADJSetRestart(q.adj, ADJ_RESTART_AUTO, NULL));
    PetscCall(TapError(PETSC_ERR_FILE_UNEXPECTED, ADJMinimize(q.adj, q.theta), "%s", what[i]));
    if (i) {
      PetscCall(VecGetLocalSize(q.theta, &n));
      PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, PETSC_DETERMINE, &plain));
      PetscCall(TapError(PETSC_ERR_FILE_UNEXPECTED, ADJCheckpointLoad(q.adj, file, plain), "no grid"));
      PetscCall(VecDestroy(&plain));
    }
    PetscCall(InversionDestroy(&q));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefused(void)
{
  Inversion   p;
  PetscMPIInt n;
  char       *bytes;

  PetscFunctionBeginUser;
  PetscCall(Begin(PETSC_COMM_WORLD, 7, 5, 3, &p));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(FileRead(file, &n, &bytes));
  PetscCall(VecSet(p.theta, 0.0));
  PetscCall(TestTruncated(&p, n, bytes));
  PetscCall(TestFlipped(&p, n, bytes));
  PetscCall(TestForeign(&p, n, bytes));
  PetscCall(TestOtherProblem());
  PetscCall(PetscFree(bytes));
  PetscCall(InversionDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------- When and where it is written ----------------------------- */

typedef struct {
  PetscMPIInt n;     /* bytes at the last iteration */
  char       *bytes; /* of the file */
  PetscInt    changed[32], nchanged;
  PetscInt    block; /* iteration at which the temporary file can no longer be made; 0: never */
} Watch;

static PetscErrorCode WatchFile(Tao tao, void *ctx)
{
  Watch      *w = (Watch *)ctx;
  PetscMPIInt n, rank;
  PetscInt    it;
  PetscBool   same = PETSC_FALSE;
  char       *bytes;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(TaoGetIterationNumber(tao, &it));
  PetscCall(FileRead(file, &n, &bytes));
  if (n == w->n && n > 0) PetscCall(PetscMemcmp(bytes, w->bytes, (size_t)n, &same));
  if (!same && n > 0) w->changed[w->nchanged++] = it - 1; /* the monitor comes before the test of the next iteration */
  PetscCall(PetscFree(w->bytes));
  w->n     = n;
  w->bytes = bytes;
  if (w->block && w->block == it && !rank) PetscCheck(!mkdir("run.ckp.tmp", 0777), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot make a folder");
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WatchedRun(PetscInt interval, PetscReal seconds, Watch *w)
{
  Inversion   p;
  Tao         tao;
  PetscMPIInt rank;
  PetscInt    its;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) (void)unlink(file);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(Begin(PETSC_COMM_WORLD, 7, 5, 9, &p));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(ADJSetCheckpointInterval(p.adj, interval, seconds));
  PetscCall(ADJTaoMonitorSet(tao, WatchFile, w, NULL));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(TaoGetIterationNumber(tao, &its));
  PetscCall(TapOk((PetscBool)(its == 9), "every %g iterations or %g s: the optimization goes on to its end", (double)interval, (double)seconds));
  PetscCall(ADJTaoMonitorCancel(tao));
  PetscCall(InversionDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With a file that is seen by the monitor of the next iteration, the one of the last is not */
static PetscErrorCode TestInterval(void)
{
  Watch w;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(&w, sizeof(w)));
  PetscCall(WatchedRun(3, 0.0, &w));
  PetscCall(TapOk((PetscBool)(w.nchanged == 2 && w.changed[0] == 3 && w.changed[1] == 6), "every 3 iterations: written at 3, 6"));
  PetscCall(PetscFree(w.bytes));
  PetscCall(PetscMemzero(&w, sizeof(w)));
  PetscCall(WatchedRun(PETSC_DETERMINE, 0.0, &w));
  PetscCall(TapOk((PetscBool)(w.nchanged == 8 && w.changed[0] == 1), "nothing said: written at each iteration"));
  PetscCall(PetscFree(w.bytes));
  PetscCall(PetscMemzero(&w, sizeof(w)));
  PetscCall(WatchedRun(PETSC_DETERMINE, 1e4, &w));
  PetscCall(TapOk((PetscBool)(w.nchanged == 0), "every 10000 s: not written before the end"));
  PetscCall(PetscFree(w.bytes));
  PetscCall(PetscMemzero(&w, sizeof(w)));
  PetscCall(WatchedRun(5, 1e-9, &w));
  PetscCall(TapOk((PetscBool)(w.nchanged >= 8), "every 5 iterations or nanosecond: written at each iteration"));
  PetscCall(PetscFree(w.bytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A write that fails is told on the standard error stream; the run goes on, and the last file that was written stays */
static PetscErrorCode TestWriteFails(void)
{
  Watch       w;
  Inversion   p;
  Tao         tao;
  PetscInt    its;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscMemzero(&w, sizeof(w)));
  w.block = 5;
  PetscCall(WatchedRun(1, 0.0, &w));
  PetscCall(TapOk((PetscBool)(w.nchanged == 4 && w.changed[3] == 4), "no room from iteration 5 on: the file of iteration 4 stays"));
  PetscCall(PetscFree(w.bytes));
  PetscCall(Begin(PETSC_COMM_WORLD, 7, 5, 4, &p));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJMinimize(p.adj, p.theta), "a file that cannot be written from the first is an error"));
  PetscCall(ADJSetCheckpoint(p.adj, NULL));
  PetscCall(ADJSetRestart(p.adj, ADJ_RESTART_REQUIRED, file));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoGetIterationNumber(tao, &its));
  PetscCall(TapOk((PetscBool)(its == 4), "it is taken up at iteration 4"));
  PetscCall(TapError(PETSC_ERR_FILE_WRITE, ADJCheckpointWrite(p.adj, file), "asked for, a write that fails is an error"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (!rank) (void)rmdir("run.ckp.tmp");
  PetscCall(ADJSetCheckpoint(p.adj, "nowhere/run.ckp"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJMinimize(p.adj, p.theta), "a folder that is not there is an error when the optimization begins"));
  PetscCall(InversionDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------------ Settings ---------------------------------- */

static PetscErrorCode TestOption(Inversion *p, const char option[], ADJRestartMode mode, const char file[])
{
  ADJRestartMode got;
  const char    *name;
  PetscBool      same;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsInsertString(NULL, option));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJGetRestart(p->adj, &got, &name));
  same = (PetscBool)(!file == !name);
  if (file && name) PetscCall(PetscStrcmp(file, name, &same));
  PetscCall(TapOk((PetscBool)(same && got == mode), "%s: %s", option, ADJRestartModes[got]));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_restart"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSettings(void)
{
  Inversion   p;
  const char *name;
  PetscInt    interval, memory;
  PetscReal   seconds;
  PetscBool   same, resumed;

  PetscFunctionBeginUser;
  PetscCall(InversionCreate(PETSC_COMM_WORLD, 7, 5, 1e-4, &p));
  PetscCall(ADJGetCheckpointInterval(p.adj, &interval, &seconds));
  PetscCall(ADJGetCheckpoint(p.adj, &name));
  PetscCall(TapOk((PetscBool)(interval == PETSC_DETERMINE && seconds == 0.0 && !name), "nothing is written unless asked for"));
  PetscCall(TestOption(&p, "-adj_restart", ADJ_RESTART_REQUIRED, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJMinimize(p.adj, p.theta), "a restart without a file"));
  PetscCall(TestOption(&p, "-adj_restart false", ADJ_RESTART_NONE, NULL));
  PetscCall(TestOption(&p, "-adj_restart auto", ADJ_RESTART_AUTO, NULL));
  PetscCall(TestOption(&p, "-adj_restart some.ckp", ADJ_RESTART_REQUIRED, "some.ckp"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, ADJMinimize(p.adj, p.theta), "a restart from a file that is not there"));
  PetscCall(PetscOptionsInsertString(NULL, "-adj_checkpoint other.ckp -adj_checkpoint_interval 7 -adj_checkpoint_seconds 30 -adj_checkpoint_memory 4 -adj_restart auto"));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetCheckpoint(p.adj, &name));
  PetscCall(PetscStrcmp(name, "other.ckp", &same));
  PetscCall(ADJGetCheckpointInterval(p.adj, &interval, &seconds));
  PetscCall(ADJGetCheckpointMemory(p.adj, &memory));
  PetscCall(TapOk((PetscBool)(same && interval == 7 && seconds == 30.0 && memory == 4), "options"));
  PetscCall(ADJRestart(p.adj, p.theta, &resumed));
  PetscCall(TapOk((PetscBool)!resumed, "auto: no file, no restart"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetCheckpointInterval(p.adj, 0, 0.0), "every 0 iterations"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetCheckpointInterval(p.adj, 1, -1.0), "every -1 s"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetCheckpointMemory(p.adj, -5), "-5 earlier iterates"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetRestart(p.adj, (ADJRestartMode)7, NULL), "a mode that there is not"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJCheckpointWrite(p.adj, file), "no iterate to be written"));
  PetscCall(InversionDestroy(&p));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_checkpoint"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_checkpoint_interval"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_checkpoint_seconds"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_checkpoint_memory"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_restart"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Files files;
  int   failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestSettings());
  PetscCall(TestRoundTrip());
  PetscCall(TestRefused());
  PetscCall(TestInterval());
  PetscCall(TestWriteFails());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
