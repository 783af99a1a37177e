/*
   Vectors of a checkpoint in its file: the raw numbers, in an order that does not depend on the processes where there is one.
*/
#include "checkpoint.h"
#include <fcntl.h>
#include <unistd.h>

/* Entries in the order of their global indices; of a grid in natural order; of another DM in an order that its distribution decides */
enum {
  ADJ_ORDER_INDEX,
  ADJ_ORDER_GRID,
  ADJ_ORDER_PARTITION
};

static PetscErrorCode ADJGetOrder_Private(DM dm, PetscInt *order)
{
  PetscBool da = PETSC_FALSE;

  PetscFunctionBegin;
  *order = ADJ_ORDER_INDEX;
  if (!dm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMDA, &da));
  *order = da ? ADJ_ORDER_GRID : ADJ_ORDER_PARTITION;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What tells whether the entries of two vectors of one length mean the same: order; extents and components of a grid, or number of processes */
PetscErrorCode ADJSnapshotShape_Private(Vec v, DM dm, PetscInt64 shape[6])
{
  PetscInt    order, dim, M, N, P, dof;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(shape, 6));
  PetscCall(ADJGetOrder_Private(dm, &order));
  shape[0] = order;
  if (order == ADJ_ORDER_GRID) {
    PetscCall(DMDAGetInfo(dm, &dim, &M, &N, &P, NULL, NULL, NULL, &dof, NULL, NULL, NULL, NULL, NULL));
    shape[1] = dim;
    shape[2] = M;
    shape[3] = N;
    shape[4] = P;
    shape[5] = dof;
  } else if (order == ADJ_ORDER_PARTITION) {
    PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)v), &size));
    shape[1] = size;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vectors of a vector of vectors, which are written one after the other */
static PetscErrorCode ADJVecGetParts_Private(Vec v, PetscInt *n, Vec **part)
{
  PetscBool nest;

  PetscFunctionBegin;
  *n    = 0;
  *part = NULL;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) PetscCall(VecNestGetSubVecs(v, n, part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In native format: the layout of the vector itself, not that of a DM */
static PetscErrorCode ADJVecTransfer_Private(Vec v, PetscViewer viewer, PetscBool write)
{
  PetscErrorCode ierr;
  PetscInt       before, after;

  PetscFunctionBegin;
  PetscCall(VecLockGet(v, &before));
  ierr = write ? VecView(v, viewer) : VecLoad(v, viewer);
  PetscCall(VecLockGet(v, &after));
  if (ierr && after > before) PetscCall(VecLockReadPop(v)); /* PETSc leaves a vector locked if its view fails */
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSnapshotTransfer_Private(Vec v, DM dm, PetscViewer viewer, PetscBool write)
{
  PetscErrorCode ierr;
  PetscInt       order, n;
  Vec            natural, *part;

  PetscFunctionBegin;
  PetscCall(ADJVecGetParts_Private(v, &n, &part));
  for (PetscInt i = 0; i < n; i++) PetscCall(ADJSnapshotTransfer_Private(part[i], NULL, viewer, write));
  if (n && !write) PetscCall(PetscObjectStateIncrease((PetscObject)v));
  if (n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetOrder_Private(dm, &order));
  if (order != ADJ_ORDER_GRID) {
    PetscCall(ADJVecTransfer_Private(v, viewer, write));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(DMDACreateNaturalVector(dm, &natural));
  if (write) {
    PetscCall(DMDAGlobalToNaturalBegin(dm, v, INSERT_VALUES, natural));
    PetscCall(DMDAGlobalToNaturalEnd(dm, v, INSERT_VALUES, natural));
  }
  ierr = ADJVecTransfer_Private(natural, viewer, write);
  if (!ierr && !write) {
    PetscCall(DMDANaturalToGlobalBegin(dm, natural, INSERT_VALUES, v));
    PetscCall(DMDANaturalToGlobalEnd(dm, natural, INSERT_VALUES, v));
  }
  PetscCall(VecDestroy(&natural));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether what the viewer reads is the vector, which is how a write that failed in silence shows. NaN is as good as NaN */
PetscErrorCode ADJSnapshotCompare_Private(Vec v, DM dm, PetscViewer viewer, PetscBool *same)
{
  PetscErrorCode ierr;
  PetscReal      norm;
  Vec            w;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(v, &w));
  ierr = ADJSnapshotTransfer_Private(w, dm, viewer, PETSC_FALSE);
  if (!ierr) {
    PetscCall(VecEqual(v, w, same));
    PetscCall(VecNorm(v, NORM_2, &norm));
    if (PetscIsInfOrNanReal(norm)) *same = PETSC_TRUE;
  }
  PetscCall(VecDestroy(&w));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The finalizer of splitmix64, of a word and its place: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, 2014 */
static uint64_t ADJMix_Private(uint64_t place, uint64_t word)
{
  uint64_t z = word ^ ((place + 1) * 0x9e3779b97f4a7c15ULL);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

#define ADJ_CHECKSUM_CHUNK 65536 /* bytes that are read at a time; a multiple of 8 */

/* Words lo <= i < hi of eight bytes, the most significant first, of what lies from byte `first` to byte `last` of a file; zeros behind it. Returns whether that failed */
static int ADJChecksumSlice_Private(int fd, int64_t first, int64_t last, int64_t lo, int64_t hi, unsigned char *buffer, uint64_t *sum)
{
  for (int64_t i = lo; i < hi; i += ADJ_CHECKSUM_CHUNK / 8) {
    const int64_t words = PetscMin(hi - i, ADJ_CHECKSUM_CHUNK / 8), from = first + 8 * i, to = PetscMin(last, from + 8 * words);
    int64_t       got = 0;

    while (got < to - from) {
      const ssize_t n = pread(fd, buffer + got, (size_t)(to - from - got), (off_t)(from + got));

      if (n <= 0) return 1;
      got += n;
    }
    for (; got < 8 * words; got++) buffer[got] = 0;
    for (int64_t j = 0; j < words; j++) {
      uint64_t word = 0;

      for (int k = 0; k < 8; k++) word = word << 8 | buffer[8 * j + k];
      *sum += ADJMix_Private((uint64_t)(i + j), word);
    }
  }
  return 0;
}

/*
   The sum, mod 2^64, of a mixing function of every word and its place in bytes first <= b < last of a file: no matter which process has
   read which. Where the file is not shared the first process reads it alone
*/
PetscErrorCode ADJChecksum_Private(MPI_Comm comm, const char name[], PetscBool shared, int64_t first, int64_t last, uint64_t *sum, int *failed)
{
  const int64_t  words = (last - first + 7) / 8;
  unsigned char *buffer;
  PetscMPIInt    rank, size;
  int            fd, bad = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  *sum = 0;
  if (!shared) size = 1;
  if (rank < size) {
    PetscCall(PetscMalloc1(ADJ_CHECKSUM_CHUNK, &buffer));
    fd = open(name, O_RDONLY);
    if (fd < 0)
      bad = 1;
    else {
      bad = ADJChecksumSlice_Private(fd, first, last, words / size * rank + PetscMin(words % size, rank), words / size * (rank + 1) + PetscMin(words % size, rank + 1), buffer, sum);
      (void)close(fd);
    }
    PetscCall(PetscFree(buffer));
  }
  PetscCallMPI(MPI_Allreduce(&bad, failed, 1, MPI_INT, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 1, MPI_UINT64_T, MPI_SUM, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}
