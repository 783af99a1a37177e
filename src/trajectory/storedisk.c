/*
   States in one file, by MPI-IO. PETSc's binary viewer either writes or reads, so there are two of them on the file.

   Where all processes are on one node the name of the file is removed as soon as all have opened it: the system frees
   the file when the last process ends, in whatever way. Elsewhere it is removed in the end; what was written reaches
   the other nodes by MPI_File_sync() and by opening the file anew for reading, as network file systems ask.
*/
#include "storeimpl.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(PETSC_HAVE_MPIIO)

typedef struct {
  char        dir[PETSC_MAX_PATH_LEN]; /* made here, to be removed; or empty */
  char        file[PETSC_MAX_PATH_LEN];
  char        place[PETSC_MAX_PATH_LEN]; /* the directory asked for, for messages */
  int         fd;                        /* rank 0: to reserve bytes */
  PetscBool   named;                     /* rank 0: the file is to be removed */
  PetscViewer out, in;
  PetscBool   onenode;
  PetscBool   unread; /* something was written since `in` was opened */
  PetscBool   closed; /* after an error */
  PetscInt    N;      /* length of the states; negative: not known yet */
  PetscInt64  bytes;  /* of one state */
  PetscInt64  reserved;
  PetscReal  *norm; /* of the state in each slot */
  PetscInt    nnorm;
} ADJDisk;

  #define ADJ_DISK_ADVICE "take fewer checkpoints (-adj_trajectory_checkpoints) or another directory (-adj_trajectory_dir)"

/* The largest of the numbers of all processes */
static PetscErrorCode ADJDiskWorst_Private(ADJStore s, int mine, int *worst)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(&mine, worst, 1, MPI_INT, MPI_MAX, s->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 removes the names of file and directory. Not being able to is no error */
static void ADJDiskUnlink_Private(ADJDisk *disk)
{
  if (disk->named) (void)unlink(disk->file);
  disk->named = PETSC_FALSE;
  if (disk->dir[0] && !rmdir(disk->dir)) disk->dir[0] = 0;
}

static PetscErrorCode ADJDiskClose_Private(ADJStore s)
{
  ADJDisk    *disk = (ADJDisk *)s->data;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCall(PetscViewerDestroy(&disk->out));
  PetscCall(PetscViewerDestroy(&disk->in));
  if (disk->fd >= 0) (void)close(disk->fd);
  disk->fd = -1;
  PetscCallMPI(MPI_Comm_rank(s->comm, &rank));
  if (rank == 0) ADJDiskUnlink_Private(disk);
  disk->closed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------------- Making the file ------------------------------- */

/* On rank 0: a file of a name of its own, in a directory of its own if none is given. Returns errno */
static int ADJDiskMakeFile_Private(const char given[], const char tmp[], ADJDisk *disk)
{
  const char *const place = given && given[0] ? given : disk->dir;

  if (place == disk->dir) {
    if (PetscSNPrintf(disk->dir, sizeof(disk->dir), "%s/contragrad-XXXXXX", tmp)) return EINVAL;
    if (!mkdtemp(disk->dir)) {
      const int error = errno;

      disk->dir[0] = 0;
      return error;
    }
  }
  if (PetscSNPrintf(disk->file, sizeof(disk->file), "%s/trajectory-XXXXXX", place)) return EINVAL;
  disk->fd = mkstemp(disk->file);
  if (disk->fd < 0) {
    const int error = errno;

    ADJDiskUnlink_Private(disk);
    return error;
  }
  disk->named = PETSC_TRUE;
  return 0;
}

static PetscErrorCode ADJDiskCreateFile_Private(ADJStore s, const char given[])
{
  ADJDisk    *disk = (ADJDisk *)s->data;
  char        tmp[PETSC_MAX_PATH_LEN];
  PetscBool   set;
  PetscMPIInt rank;
  int         error = 0, hidden;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(s->comm, &rank));
  PetscCall(PetscOptionsGetenv(s->comm, "TMPDIR", tmp, sizeof(tmp), &set));
  if (!set || !tmp[0]) PetscCall(PetscGetTmp(s->comm, tmp, sizeof(tmp)));
  PetscCall(PetscStrncpy(disk->place, given && given[0] ? given : tmp, sizeof(disk->place)));
  if (rank == 0) error = ADJDiskMakeFile_Private(given, tmp, disk);
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, s->comm));
  PetscCallMPI(MPI_Bcast(disk->file, sizeof(disk->file), MPI_CHAR, 0, s->comm));
  PetscCheck(!error, s->comm, PETSC_ERR_FILE_OPEN, "No file can be made in the directory \"%s\" for the states of the iteration (%s); give one that exists and can be written to by ADJSetTrajectoryDirectory() (-adj_trajectory_dir)", disk->place, strerror(error));
  PetscCall(ADJDiskWorst_Private(s, access(disk->file, F_OK) != 0, &hidden));
  if (hidden) PetscCall(ADJDiskClose_Private(s)); /* before the error, which may end the processes */
  PetscCheck(!hidden, s->comm, PETSC_ERR_FILE_OPEN, "The directory \"%s\" for the states of the iteration is not shared by all processes; give one that is by ADJSetTrajectoryDirectory() (-adj_trajectory_dir)", disk->place);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Native format: the layout of the vector itself, not that of a grid; the raw numbers alone */
static PetscErrorCode ADJDiskOpenViewer_Private(ADJStore s, PetscFileMode mode, PetscViewer *viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerDestroy(viewer));
  PetscCall(PetscViewerCreate(s->comm, viewer));
  PetscCall(PetscViewerSetType(*viewer, PETSCVIEWERBINARY));
  PetscCall(PetscViewerSetOptionsPrefix(*viewer, "adj_trajectory_"));
  PetscCall(PetscViewerSetFromOptions(*viewer));
  PetscCall(PetscViewerBinarySetUseMPIIO(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerBinarySetSkipHeader(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerBinarySetSkipInfo(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerBinarySetSkipOptions(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerPushFormat(*viewer, PETSC_VIEWER_NATIVE));
  PetscCall(PetscViewerFileSetMode(*viewer, mode));
  PetscCall(PetscViewerFileSetName(*viewer, ((ADJDisk *)s->data)->file));
  PetscCall(PetscViewerSetUp(*viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDiskOpen_Private(ADJStore s)
{
  ADJDisk       *disk = (ADJDisk *)s->data;
  PetscErrorCode ierr;
  PetscMPIInt    rank;
  int            failed;

  PetscFunctionBegin;
  ierr = ADJDiskOpenViewer_Private(s, FILE_MODE_WRITE, &disk->out);
  if (!ierr && disk->onenode) ierr = ADJDiskOpenViewer_Private(s, FILE_MODE_READ, &disk->in);
  PetscCall(ADJDiskWorst_Private(s, ierr != 0, &failed));
  if (failed) PetscCall(ADJDiskClose_Private(s));
  PetscCheck(!failed, s->comm, PETSC_ERR_FILE_OPEN, "The file %s for the states of the iteration cannot be opened; give another directory by ADJSetTrajectoryDirectory() (-adj_trajectory_dir)", disk->file);
  PetscCallMPI(MPI_Comm_rank(s->comm, &rank));
  if (rank == 0 && disk->onenode) ADJDiskUnlink_Private(disk);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDiskOnOneNode_Private(ADJStore s, PetscBool *onenode)
{
  MPI_Comm    node;
  PetscMPIInt here, all;
  int         apart;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_split_type(s->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &here));
  PetscCallMPI(MPI_Comm_free(&node));
  PetscCallMPI(MPI_Comm_size(s->comm, &all));
  PetscCall(ADJDiskWorst_Private(s, here < all, &apart));
  *onenode = (PetscBool)!apart;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------- Writing and reading ------------------------------ */

static PetscErrorCode ADJDiskSetSize_Private(ADJStore s, Vec x)
{
  ADJDisk *disk = (ADJDisk *)s->data;
  PetscInt N, n;
  int      big;

  PetscFunctionBegin;
  PetscCall(VecGetSize(x, &N));
  if (disk->N < 0) {
    PetscCall(VecGetLocalSize(x, &n));
    PetscCall(ADJDiskWorst_Private(s, (PetscInt64)n * (PetscInt64)sizeof(PetscScalar) > INT_MAX, &big));
    PetscCheck(!big, s->comm, PETSC_ERR_SUP, "A process holds more than 2 GiB of the state, which MPI-IO cannot write; take more processes, or keep the states in memory (-adj_trajectory_store memory)");
    disk->N     = N;
    disk->bytes = (PetscInt64)N * (PetscInt64)sizeof(PetscScalar);
  }
  PetscCheck(N == disk->N, s->comm, PETSC_ERR_ARG_SIZ, "The state has length %" PetscInt_FMT ", those before had length %" PetscInt_FMT, N, disk->N);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDiskSeek_Private(PetscViewer viewer, PetscInt64 offset)
{
  MPI_Offset now;

  PetscFunctionBegin;
  PetscCall(PetscViewerBinaryGetMPIIOOffset(viewer, &now));
  PetscCall(PetscViewerBinaryAddMPIIOOffset(viewer, (MPI_Offset)offset - now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc leaves a vector locked if its view fails */
static PetscErrorCode ADJDiskTransfer_Private(ADJDisk *disk, PetscInt slot, Vec x, PetscBool write)
{
  PetscErrorCode ierr;
  PetscInt       before, after;

  PetscFunctionBegin;
  PetscCall(ADJDiskSeek_Private(write ? disk->out : disk->in, slot * disk->bytes));
  PetscCall(VecLockGet(x, &before));
  ierr = write ? VecView(x, disk->out) : VecLoad(x, disk->in);
  PetscCall(VecLockGet(x, &after));
  if (ierr && after > before) PetscCall(VecLockReadPop(x));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A write that failed in silence shows when the state is read. The norm of the same numbers may differ by rounding */
static PetscErrorCode ADJDiskCompareNorm_Private(ADJDisk *disk, PetscInt slot, Vec x, PetscBool *same)
{
  const PetscReal before = disk->norm[slot];
  PetscReal       now;

  PetscFunctionBegin;
  PetscCall(VecNorm(x, NORM_2, &now));
  *same = (PetscBool)(PetscAbsReal(now - before) <= 100.0 * PETSC_MACHINE_EPSILON * before || (PetscIsInfOrNanReal(before) && PetscIsInfOrNanReal(now)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreGrow_Disk(ADJStore s, PetscInt nslots)
{
  ADJDisk   *disk = (ADJDisk *)s->data;
  PetscReal *grown;

  PetscFunctionBegin;
  if (nslots <= disk->nnorm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscCalloc1(2 * nslots, &grown));
  PetscCall(PetscArraycpy(grown, disk->norm, disk->nnorm));
  PetscCall(PetscFree(disk->norm));
  disk->norm  = grown;
  disk->nnorm = 2 * nslots;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStorePut_Disk(ADJStore s, PetscInt slot, Vec x)
{
  ADJDisk         *disk = (ADJDisk *)s->data;
  const PetscInt64 from = disk->reserved;
  PetscInt64       to;
  PetscErrorCode   ierr;
  int              error = 0;

  PetscFunctionBegin;
  PetscCheck(!disk->closed, s->comm, PETSC_ERR_ORDER, "The states of the iteration cannot be kept after an error of their file; solve forward again");
  PetscCall(ADJDiskSetSize_Private(s, x));
  to = (slot + 1) * disk->bytes;
  if (to > from) PetscCall(ADJDiskWorst_Private(s, ADJFileReserve_Private(disk->fd, from, to), &error));
  if (!error) {
    disk->reserved = PetscMax(from, to);
    ierr           = ADJDiskTransfer_Private(disk, slot, x, PETSC_TRUE);
    PetscCall(ADJDiskWorst_Private(s, ierr ? EIO : 0, &error));
  }
  if (error) PetscCall(ADJDiskClose_Private(s));
  PetscCheck(!error, s->comm, PETSC_ERR_FILE_WRITE, "The states of the iteration do not go into the file %s (%s), which needs %" PetscInt64_FMT " bytes; " ADJ_DISK_ADVICE, disk->file, strerror(error), to);
  PetscCall(VecNorm(x, NORM_2, &disk->norm[slot]));
  disk->unread = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreGet_Disk(ADJStore s, PetscInt slot, Vec x)
{
  ADJDisk       *disk = (ADJDisk *)s->data;
  PetscErrorCode ierr = PETSC_SUCCESS;
  PetscBool      same = PETSC_TRUE;
  MPI_File       file;
  int            failed;

  PetscFunctionBegin;
  PetscCheck(!disk->closed, s->comm, PETSC_ERR_ORDER, "The states of the iteration are lost after an error of their file; solve forward again");
  PetscCall(ADJDiskSetSize_Private(s, x));
  if (!disk->onenode && disk->unread) {
    PetscCall(PetscViewerBinaryGetMPIIODescriptor(disk->out, &file));
    if (MPI_File_sync(file)) ierr = PETSC_ERR_FILE_WRITE;
    PetscCall(ADJDiskWorst_Private(s, ierr != 0, &failed));
    if (!failed) ierr = ADJDiskOpenViewer_Private(s, FILE_MODE_READ, &disk->in);
    PetscCall(ADJDiskWorst_Private(s, ierr != 0, &failed));
    if (failed) ierr = PETSC_ERR_FILE_READ;
  }
  if (!ierr) ierr = ADJDiskTransfer_Private(disk, slot, x, PETSC_FALSE);
  PetscCall(ADJDiskWorst_Private(s, ierr != 0, &failed));
  if (!failed) {
    PetscCall(ADJDiskCompareNorm_Private(disk, slot, x, &same));
    PetscCall(ADJDiskWorst_Private(s, !same, &failed));
  }
  if (failed) PetscCall(ADJDiskClose_Private(s));
  PetscCheck(!failed, s->comm, PETSC_ERR_FILE_READ, "The file %s with the states of the iteration cannot be read, or was not written as it should have been; give another directory by ADJSetTrajectoryDirectory() (-adj_trajectory_dir)", disk->file);
  disk->unread = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreDestroy_Disk(ADJStore s)
{
  PetscFunctionBegin;
  if (!((ADJDisk *)s->data)->closed) PetscCall(ADJDiskClose_Private(s));
  PetscCall(PetscFree(((ADJDisk *)s->data)->norm));
  PetscCall(PetscFree(s->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreCreateDisk_Private(MPI_Comm comm, const char dir[], ADJStore *store)
{
  ADJDisk       *disk;
  ADJStore       s;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *store = NULL;
  PetscCall(ADJStoreCreate_Private(comm, &s));
  PetscCall(PetscNew(&disk));
  disk->fd   = -1;
  disk->N    = -1;
  s->data    = disk;
  s->grow    = ADJStoreGrow_Disk;
  s->put     = ADJStorePut_Disk;
  s->get     = ADJStoreGet_Disk;
  s->destroy = ADJStoreDestroy_Disk;
  PetscCall(ADJDiskOnOneNode_Private(s, &disk->onenode));
  ierr = ADJDiskCreateFile_Private(s, dir);
  if (!ierr) ierr = ADJDiskOpen_Private(s); /* both fail on all processes or on none */
  if (ierr) PetscCall(ADJStoreDestroy_Private(&s));
  PetscCall(ierr);
  *store = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#else

PetscErrorCode ADJStoreCreateDisk_Private(MPI_Comm comm, const char dir[], ADJStore *store)
{
  PetscFunctionBegin;
  (void)dir;
  *store = NULL;
  SETERRQ(comm, PETSC_ERR_SUP_SYS, "This PETSc was built without MPI-IO; keep the states of the iteration in memory (-adj_trajectory_store memory)");
}

#endif
