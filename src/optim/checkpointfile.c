/*
   The file of a checkpoint: a header of words of eight bytes, the most significant first, then the raw numbers of the vectors as PETSc's
   binary viewer writes them, by MPI-IO where all processes see the file.

   It is written under another name, read back, and renamed when it is on the disk: whatever happens, a file of the name that the user
   gave is complete.
*/
#include "checkpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADJ_FILE_MAGIC   0x41444a434b505400ULL /* ADJCKPT */
#define ADJ_FILE_VERSION 1

/* Words of the header; 16 bytes for each pair follow */
enum {
  HEAD_MAGIC,
  HEAD_VERSION,
  HEAD_CHECKSUM, /* of all that follows this word */
  HEAD_LENGTH,   /* bytes of the header */
  HEAD_TOTAL,    /* bytes of the file */
  HEAD_SCALAR,   /* bytes of a scalar, negative if it is complex */
  HEAD_INDEX,    /* bytes of a PetscInt */
  HEAD_PARTS,    /* bit i: the vector part[i] is there */
  HEAD_PAIRS,
  HEAD_SIZE, /* of x and of theta */
  HEAD_SHAPE    = HEAD_SIZE + 2,
  HEAD_INTEGER  = HEAD_SHAPE + 12,
  HEAD_REAL     = HEAD_INTEGER + ADJ_SAVED_INTEGERS,
  HEAD_TYPENAME = HEAD_REAL + ADJ_SAVED_REALS,
  HEAD_WORDS    = HEAD_TYPENAME + ADJ_SAVED_TYPELENGTH / 8
};

#define HEAD_CHECKED (8 * (HEAD_CHECKSUM + 1)) /* first byte that the checksum covers */

typedef struct {
  MPI_Comm  comm;
  char      name[PETSC_MAX_PATH_LEN];
  PetscBool shared; /* all processes see it */
} ADJFile;

static uint64_t ADJWordOfReal_Private(PetscReal value)
{
  const double d = (double)value;
  uint64_t     word;

  memcpy(&word, &d, sizeof(word));
  return word;
}

static PetscReal ADJRealOfWord_Private(uint64_t word)
{
  double d;

  memcpy(&d, &word, sizeof(d));
  return (PetscReal)d;
}

static void ADJEncode_Private(PetscInt n, const uint64_t word[], unsigned char bytes[])
{
  for (PetscInt i = 0; i < n; i++) {
    for (int k = 0; k < 8; k++) bytes[8 * i + k] = (unsigned char)(word[i] >> (56 - 8 * k));
  }
}

static void ADJDecode_Private(PetscInt n, const unsigned char bytes[], uint64_t word[])
{
  for (PetscInt i = 0; i < n; i++) {
    word[i] = 0;
    for (int k = 0; k < 8; k++) word[i] = word[i] << 8 | bytes[8 * i + k];
  }
}

static int64_t ADJScalarKind_Private(void)
{
  return PetscDefined(USE_COMPLEX) ? -(int64_t)sizeof(PetscScalar) : (int64_t)sizeof(PetscScalar);
}

/* ----------------------------------- Vectors ---------------------------------- */

/* Vector k of a snapshot with the DM of its order; NULL behind the last one, *present tells whether there is one */
static PetscBool ADJSnapshotVec_Private(ADJSnapshot *s, PetscInt k, Vec **v, DM *dm)
{
  Vec *const     fixed[] = {&s->theta, &s->gradient, &s->x, &s->part[0], &s->part[1], &s->part[2]};
  const PetscInt n       = PETSC_STATIC_ARRAY_LENGTH(fixed);

  if (k >= n + 2 * s->npairs) return PETSC_FALSE;
  *v  = k < n ? fixed[k] : ((k - n) % 2 ? &s->pair[(k - n) / 2].gradient : &s->pair[(k - n) / 2].theta);
  *dm = k >= 2 && k < n ? s->dm[0] : s->dm[1];
  return PETSC_TRUE;
}

PetscErrorCode ADJSnapshotDestroy_Private(ADJSnapshot **snapshot)
{
  ADJSnapshot *s = *snapshot;

  PetscFunctionBegin;
  if (!s) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPairsDestroy_Private(s->npairs, &s->pair));
  PetscCall(VecDestroy(&s->theta));
  PetscCall(VecDestroy(&s->gradient));
  PetscCall(VecDestroy(&s->x));
  for (PetscInt i = 0; i < ADJ_SAVED_PARTS; i++) PetscCall(VecDestroy(&s->part[i]));
  PetscCall(PetscFree(*snapshot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJFileOpenViewer_Private(const ADJFile *file, PetscFileMode mode, PetscViewer *viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerCreate(file->comm, viewer));
  PetscCall(PetscViewerSetType(*viewer, PETSCVIEWERBINARY));
#if defined(PETSC_HAVE_MPIIO)
  {
    PetscMPIInt size;

    PetscCallMPI(MPI_Comm_size(file->comm, &size));
    PetscCall(PetscViewerBinarySetUseMPIIO(*viewer, (PetscBool)(file->shared && size > 1)));
  }
#endif
  PetscCall(PetscViewerBinarySetSkipHeader(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerBinarySetSkipInfo(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerBinarySetSkipOptions(*viewer, PETSC_TRUE));
  PetscCall(PetscViewerPushFormat(*viewer, PETSC_VIEWER_NATIVE));
  PetscCall(PetscViewerFileSetMode(*viewer, mode));
  PetscCall(PetscViewerFileSetName(*viewer, file->name));
  PetscCall(PetscViewerSetUp(*viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef enum { ADJ_FILE_WRITE,
               ADJ_FILE_COMPARE,
               ADJ_FILE_LOAD } ADJFileAction;

/* What is still in the memory of MPI goes to the file */
static PetscErrorCode ADJFileSync_Private(const ADJFile *file, PetscViewer viewer, PetscMPIInt *bad)
{
#if defined(PETSC_HAVE_MPIIO)
  PetscBool   mpiio;
  MPI_File    f;
  PetscMPIInt mine;

  PetscFunctionBegin;
  PetscCall(PetscViewerBinaryGetUseMPIIO(viewer, &mpiio));
  if (!mpiio) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerBinaryGetMPIIODescriptor(viewer, &f));
  mine = MPI_File_sync(f) ? EIO : 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_INT, MPI_MAX, file->comm));
  if (mine) *bad = mine;
#else
  PetscFunctionBegin;
  (void)file;
  (void)viewer;
  (void)bad;
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJFileStream_Private(const ADJFile *file, ADJFileAction action, PetscViewer viewer, unsigned char header[], int64_t length, ADJSnapshot *s, PetscMPIInt *bad)
{
  PetscBool same = PETSC_TRUE;
  Vec      *v;
  DM        dm;

  PetscFunctionBegin;
  if (action == ADJ_FILE_WRITE)
    PetscCall(PetscViewerBinaryWrite(viewer, header, (PetscInt)length, PETSC_CHAR));
  else
    PetscCall(PetscViewerBinaryRead(viewer, header, (PetscInt)length, NULL, PETSC_CHAR));
  for (PetscInt k = 0; !*bad && ADJSnapshotVec_Private(s, k, &v, &dm); k++) {
    if (!*v) continue;
    if (action == ADJ_FILE_COMPARE)
      PetscCall(ADJSnapshotCompare_Private(*v, dm, viewer, &same));
    else
      PetscCall(ADJSnapshotTransfer_Private(*v, dm, viewer, (PetscBool)(action == ADJ_FILE_WRITE)));
    if (!same) *bad = EIO;
  }
  if (action == ADJ_FILE_WRITE) PetscCall(ADJFileSync_Private(file, viewer, bad));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass over all vectors of the file. `fd`, on the first process, has its `total` bytes reserved first. *bad is errno, or EIO if what was read is not what was written */
static PetscErrorCode ADJFilePass_Private(const ADJFile *file, ADJFileAction action, unsigned char header[], int64_t length, int64_t total, ADJSnapshot *s, int fd, PetscMPIInt *bad)
{
  PetscViewer    viewer = NULL;
  PetscErrorCode ierr;
  PetscMPIInt    mine = 0;

  PetscFunctionBegin;
  *bad = 0;
  ierr = ADJFileOpenViewer_Private(file, action == ADJ_FILE_WRITE ? FILE_MODE_WRITE : FILE_MODE_READ, &viewer);
  if (!ierr && action == ADJ_FILE_WRITE) { /* a viewer that writes begins with an empty file */
    mine = ADJFileReserve_Private(fd, 0, total);
    PetscCallMPI(MPI_Allreduce(&mine, bad, 1, MPI_INT, MPI_MAX, file->comm));
  }
  if (!ierr && !*bad) ierr = ADJFileStream_Private(file, action, viewer, header, length, s, bad);
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------------- Writing ---------------------------------- */

static PetscErrorCode ADJSnapshotEncode_Private(const ADJSnapshot *s, uint64_t word[], int64_t *total)
{
  const Vec one[] = {s->x, s->theta};
  PetscInt  n[2];
  int64_t   scalars;
  unsigned  parts = 0;

  PetscFunctionBegin;
  word[HEAD_MAGIC]   = ADJ_FILE_MAGIC;
  word[HEAD_VERSION] = ADJ_FILE_VERSION;
  word[HEAD_SCALAR]  = (uint64_t)ADJScalarKind_Private();
  word[HEAD_INDEX]   = sizeof(PetscInt);
  word[HEAD_LENGTH]  = (uint64_t)(8 * HEAD_WORDS + 16 * (int64_t)s->npairs);
  word[HEAD_PAIRS]   = (uint64_t)s->npairs;
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecGetSize(one[i], &n[i]));
    PetscCall(ADJSnapshotShape_Private(one[i], s->dm[i], (PetscInt64 *)&word[HEAD_SHAPE + 6 * i]));
    word[HEAD_SIZE + i] = (uint64_t)n[i];
  }
  scalars = (int64_t)n[0] + (2 + 2 * (int64_t)s->npairs) * n[1];
  for (PetscInt i = 0; i < ADJ_SAVED_PARTS; i++) {
    if (!s->part[i]) continue;
    parts |= 1U << i;
    scalars += n[0];
  }
  word[HEAD_PARTS] = parts;
  word[HEAD_TOTAL] = word[HEAD_LENGTH] + (uint64_t)scalars * sizeof(PetscScalar);
  for (PetscInt i = 0; i < ADJ_SAVED_INTEGERS; i++) word[HEAD_INTEGER + i] = (uint64_t)s->integer[i];
  for (PetscInt i = 0; i < ADJ_SAVED_REALS; i++) word[HEAD_REAL + i] = ADJWordOfReal_Private(s->real[i]);
  ADJDecode_Private(ADJ_SAVED_TYPELENGTH / 8, (const unsigned char *)s->type, &word[HEAD_TYPENAME]);
  for (PetscInt i = 0; i < s->npairs; i++) {
    word[HEAD_WORDS + 2 * i]     = ADJWordOfReal_Private(s->pair[i].value);
    word[HEAD_WORDS + 2 * i + 1] = ADJWordOfReal_Private(s->pair[i].norm);
  }
  *total = (int64_t)word[HEAD_TOTAL];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first process: the checksum, then all of it on the disk, then the name. Returns errno */
static int ADJFileSeal_Private(int fd, const char from[], const char to[], uint64_t sum)
{
  unsigned char bytes[8];
  char          folder[PETSC_MAX_PATH_LEN], *slash;
  int           dir, error;

  ADJEncode_Private(1, &sum, bytes);
  if (pwrite(fd, bytes, 8, 8 * HEAD_CHECKSUM) != 8 || fsync(fd)) return errno ? errno : EIO;
  if (rename(from, to)) return errno;
  if (PetscStrncpy(folder, to, sizeof(folder))) return EINVAL;
  slash = strrchr(folder, '/');
  if (slash == folder) slash++;
  if (slash)
    *slash = 0;
  else
    strcpy(folder, ".");
  dir = open(folder, O_RDONLY);
  if (dir < 0) return 0; /* a folder that cannot be read keeps its names all the same */
  error = fsync(dir) && errno != EINVAL ? errno : 0;
  (void)close(dir);
  return error;
}

static PetscErrorCode ADJFileAllSee_Private(ADJFile *file)
{
  PetscMPIInt seen = access(file->name, R_OK) ? 0 : 1;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &seen, 1, MPI_INT, MPI_MIN, file->comm));
  file->shared = seen ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MPI counts bytes in an int */
static PetscErrorCode ADJSnapshotCheckLocal_Private(MPI_Comm comm, const ADJSnapshot *s)
{
  PetscInt    n, m;
  PetscMPIInt big;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(s->x, &n));
  PetscCall(VecGetLocalSize(s->theta, &m));
  big = (PetscInt64)PetscMax(n, m) * (PetscInt64)sizeof(PetscScalar) > INT_MAX;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &big, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!big, comm, PETSC_ERR_SUP, "A process holds more than 2 GiB of the state or of the parameters, which MPI-IO cannot write; take more processes");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Writes, reads back, takes the checksum of what is there. *bad is errno */
static PetscErrorCode ADJFileFill_Private(ADJFile *file, ADJSnapshot *s, int fd, uint64_t *sum, PetscMPIInt *bad)
{
  uint64_t      *word;
  unsigned char *header;
  PetscErrorCode ierr;
  int64_t        total  = 0;
  int            failed = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(HEAD_WORDS + 2 * s->npairs, &word));
  PetscCall(PetscCalloc1(8 * (HEAD_WORDS + 2 * s->npairs), &header));
  PetscCall(ADJSnapshotEncode_Private(s, word, &total));
  ADJEncode_Private(HEAD_WORDS + 2 * s->npairs, word, header);
  ierr = ADJFilePass_Private(file, ADJ_FILE_WRITE, header, (int64_t)word[HEAD_LENGTH], total, s, fd, bad);
  if (!ierr && !*bad) ierr = ADJFilePass_Private(file, ADJ_FILE_COMPARE, header, (int64_t)word[HEAD_LENGTH], total, s, fd, bad);
  if (!ierr && !*bad) ierr = ADJChecksum_Private(file->comm, file->name, file->shared, HEAD_CHECKED, total, sum, &failed);
  if (failed) *bad = EIO;
  PetscCall(PetscFree(word));
  PetscCall(PetscFree(header));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* *bad is errno, the same on all processes: 0 if the file is there now, else the one of before is as it was */
PetscErrorCode ADJSnapshotSave_Private(MPI_Comm comm, const char name[], const ADJSnapshot *snapshot, int *bad)
{
  ADJSnapshot    s = *snapshot;
  ADJFile        file;
  PetscErrorCode ierr;
  PetscMPIInt    rank, error = 0;
  uint64_t       sum = 0;
  int            fd  = -1;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(ADJSnapshotCheckLocal_Private(comm, &s));
  file.comm = comm;
  PetscCall(PetscSNPrintf(file.name, sizeof(file.name), "%s.tmp", name));
  if (rank == 0) {
    fd    = open(file.name, O_RDWR | O_CREAT | O_TRUNC, 0666);
    error = fd < 0 ? errno : 0;
  }
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, comm));
  if (!error) {
    PetscCall(ADJFileAllSee_Private(&file));
    ierr = ADJFileFill_Private(&file, &s, fd, &sum, &error);
    if (ierr) error = EIO;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &error, 1, MPI_INT, MPI_MAX, comm));
    if (rank == 0 && !error) error = ADJFileSeal_Private(fd, file.name, name, sum);
    if (rank == 0 && error) (void)unlink(file.name);
    PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, comm));
  }
  if (fd >= 0) (void)close(fd);
  *bad = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a file of that name could be written now: errno, the same on all processes */
PetscErrorCode ADJSnapshotCheckFolder_Private(MPI_Comm comm, const char name[], int *bad)
{
  char        tmp[PETSC_MAX_PATH_LEN];
  struct stat info;
  PetscMPIInt rank, error = 0;
  int         fd;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscSNPrintf(tmp, sizeof(tmp), "%s.tmp", name));
  if (rank == 0) {
    fd = open(tmp, O_RDWR | O_CREAT, 0666);
    if (fd < 0)
      error = errno;
    else {
      (void)close(fd);
      (void)unlink(tmp);
    }
    if (!error && !stat(name, &info) && S_ISDIR(info.st_mode)) error = EISDIR;
  }
  PetscCallMPI(MPI_Bcast(&error, 1, MPI_INT, 0, comm));
  *bad = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------------- Reading ---------------------------------- */

/* The first process reads the header's bytes; what is wrong with it: 0 nothing, an errno, or one of these */
enum {
  ADJ_HEADER_SHORT   = -1,
  ADJ_HEADER_FOREIGN = -2,
  ADJ_HEADER_VERSION = -3
};

static int ADJHeaderRead_Private(const char name[], int64_t *size, uint64_t word[])
{
  const int     fd = open(name, O_RDONLY);
  unsigned char bytes[8 * HEAD_WORDS];
  struct stat   info;
  ssize_t       n;

  if (fd < 0) return errno;
  n = fstat(fd, &info) ? -1 : pread(fd, bytes, sizeof(bytes), 0);
  (void)close(fd);
  if (n < 0) return errno;
  *size = (int64_t)info.st_size;
  if (n < 8) return ADJ_HEADER_SHORT;
  ADJDecode_Private(n / 8, bytes, word);
  if (word[HEAD_MAGIC] != ADJ_FILE_MAGIC) return ADJ_HEADER_FOREIGN;
  if (n < (ssize_t)sizeof(bytes)) return ADJ_HEADER_SHORT;
  if (word[HEAD_VERSION] != ADJ_FILE_VERSION) return ADJ_HEADER_VERSION;
  return 0;
}

/* The file is whole: its length and its checksum are those that its header tells. No vector is read before */
static PetscErrorCode ADJFileVerify_Private(ADJFile *file, uint64_t word[])
{
  const char *name = file->name;
  int64_t     size = 0;
  PetscMPIInt rank, wrong = 0;
  uint64_t    sum;
  int         failed;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(file->comm, &rank));
  if (rank == 0) wrong = ADJHeaderRead_Private(name, &size, word);
  PetscCallMPI(MPI_Bcast(&wrong, 1, MPI_INT, 0, file->comm));
  PetscCallMPI(MPI_Bcast(&size, 1, MPI_INT64_T, 0, file->comm));
  PetscCallMPI(MPI_Bcast(word, HEAD_WORDS, MPI_UINT64_T, 0, file->comm));
  PetscCheck(wrong <= 0, file->comm, PETSC_ERR_FILE_OPEN, "The checkpoint %s cannot be read (%s); -adj_restart auto begins anew where there is none", name, strerror(wrong));
  PetscCheck(wrong != ADJ_HEADER_SHORT, file->comm, PETSC_ERR_FILE_READ, "The checkpoint %s holds %lld bytes, less than its header: it was truncated, or is no checkpoint", name, (long long)size);
  PetscCheck(wrong != ADJ_HEADER_FOREIGN, file->comm, PETSC_ERR_FILE_UNEXPECTED, "%s is no checkpoint of ADJSetCheckpoint()", name);
  PetscCheck(wrong != ADJ_HEADER_VERSION, file->comm, PETSC_ERR_FILE_UNEXPECTED, "The checkpoint %s has format %lld, this library reads format %d: resume with the library that has written it", name, (long long)word[HEAD_VERSION], ADJ_FILE_VERSION);
  PetscCheck((int64_t)word[HEAD_TOTAL] == size, file->comm, PETSC_ERR_FILE_READ, "The checkpoint %s holds %lld bytes of %lld: it was truncated, or damaged", name, (long long)size, (long long)word[HEAD_TOTAL]);
  PetscCall(ADJFileAllSee_Private(file));
  PetscCall(ADJChecksum_Private(file->comm, name, file->shared, HEAD_CHECKED, size, &sum, &failed));
  PetscCheck(!failed, file->comm, PETSC_ERR_FILE_READ, "The checkpoint %s cannot be read to its end", name);
  PetscCheck(sum == word[HEAD_CHECKSUM], file->comm, PETSC_ERR_FILE_READ, "The checkpoint %s is damaged: its checksum is not that of its contents", name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* It belongs to this problem and to this PETSc */
static PetscErrorCode ADJFileFits_Private(const ADJFile *file, const uint64_t word[], const Vec one[2], const DM dm[2])
{
  static const char *const what[] = {"state", "parameters"};
  const int64_t            kind   = (int64_t)word[HEAD_SCALAR];
  PetscInt                 n;
  PetscInt64               shape[6];
  PetscBool                same;

  PetscFunctionBegin;
  PetscCheck(kind == ADJScalarKind_Private(), file->comm, PETSC_ERR_FILE_UNEXPECTED, "The checkpoint %s holds %s scalars of %d bytes, this PETSc has %s ones of %d: resume with a PETSc of the same scalars", file->name, kind < 0 ? "complex" : "real", (int)PetscAbs(kind), PetscDefined(USE_COMPLEX) ? "complex" : "real", (int)sizeof(PetscScalar));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecGetSize(one[i], &n));
    PetscCheck((int64_t)word[HEAD_SIZE + i] == (int64_t)n, file->comm, PETSC_ERR_FILE_UNEXPECTED, "The checkpoint %s belongs to another problem: its %s %s length %lld, here it is %" PetscInt_FMT, file->name, what[i], i ? "have" : "has", (long long)word[HEAD_SIZE + i], n);
    PetscCall(ADJSnapshotShape_Private(one[i], dm[i], shape));
    PetscCall(PetscArraycmp(shape, (const PetscInt64 *)&word[HEAD_SHAPE + 6 * i], 6, &same));
    PetscCheck(same || shape[0] != (PetscInt64)word[HEAD_SHAPE + 6 * i] || shape[0] < 2, file->comm, PETSC_ERR_FILE_UNEXPECTED, "In the checkpoint %s the order of the entries of the %s is that of a DM on %lld processes, here there are %lld: resume on as many", file->name, what[i], (long long)word[HEAD_SHAPE + 6 * i + 1], (long long)shape[1]);
    PetscCheck(same, file->comm, PETSC_ERR_FILE_UNEXPECTED, "The checkpoint %s belongs to another problem: its %s %s on another grid, or on none", file->name, what[i], i ? "are" : "is");
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The header in words, with the numbers of the pairs, from the bytes that were read with the vectors */
static PetscErrorCode ADJSnapshotDecode_Private(const unsigned char header[], ADJSnapshot *s)
{
  uint64_t word[HEAD_WORDS], two[2];

  PetscFunctionBegin;
  ADJDecode_Private(HEAD_WORDS, header, word);
  for (PetscInt i = 0; i < ADJ_SAVED_INTEGERS; i++) s->integer[i] = (PetscInt64)word[HEAD_INTEGER + i];
  for (PetscInt i = 0; i < ADJ_SAVED_REALS; i++) s->real[i] = ADJRealOfWord_Private(word[HEAD_REAL + i]);
  ADJEncode_Private(ADJ_SAVED_TYPELENGTH / 8, &word[HEAD_TYPENAME], (unsigned char *)s->type);
  s->type[ADJ_SAVED_TYPELENGTH - 1] = 0;
  for (PetscInt i = 0; i < s->npairs; i++) {
    ADJDecode_Private(2, header + 8 * HEAD_WORDS + 16 * i, two);
    s->pair[i].value = ADJRealOfWord_Private(two[0]);
    s->pair[i].norm  = ADJRealOfWord_Private(two[1]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSnapshotAllocate_Private(const uint64_t word[], Vec x, Vec theta, const DM dm[2], ADJSnapshot **snapshot)
{
  ADJSnapshot *s;

  PetscFunctionBegin;
  PetscCall(PetscNew(snapshot));
  s         = *snapshot;
  s->dm[0]  = dm[0];
  s->dm[1]  = dm[1];
  s->npairs = (PetscInt)word[HEAD_PAIRS];
  PetscCall(PetscCalloc1(s->npairs, &s->pair));
  PetscCall(VecDuplicate(theta, &s->theta));
  PetscCall(VecDuplicate(theta, &s->gradient));
  PetscCall(VecDuplicate(x, &s->x));
  for (PetscInt i = 0; i < ADJ_SAVED_PARTS; i++) {
    if (word[HEAD_PARTS] >> i & 1) PetscCall(VecDuplicate(x, &s->part[i]));
  }
  for (PetscInt i = 0; i < s->npairs; i++) {
    PetscCall(VecDuplicate(theta, &s->pair[i].theta));
    PetscCall(VecDuplicate(theta, &s->pair[i].gradient));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads what fits vectors like these; what is wrong with the file is an error on all processes, before anything is changed */
PetscErrorCode ADJSnapshotRead_Private(MPI_Comm comm, const char name[], Vec x, Vec theta, const DM dm[2], ADJSnapshot **snapshot)
{
  const Vec      one[2] = {x, theta};
  ADJFile        file;
  ADJSnapshot   *s;
  PetscErrorCode ierr;
  uint64_t       word[HEAD_WORDS] = {0};
  unsigned char *header;
  PetscMPIInt    bad = 0;

  PetscFunctionBegin;
  file.comm = comm;
  PetscCall(PetscStrncpy(file.name, name, sizeof(file.name)));
  PetscCall(ADJFileVerify_Private(&file, word));
  PetscCall(ADJFileFits_Private(&file, word, one, dm));
  PetscCall(ADJSnapshotAllocate_Private(word, x, theta, dm, &s));
  PetscCall(PetscCalloc1((size_t)word[HEAD_LENGTH], &header));
  ierr = ADJFilePass_Private(&file, ADJ_FILE_LOAD, header, (int64_t)word[HEAD_LENGTH], (int64_t)word[HEAD_TOTAL], s, -1, &bad);
  if (!ierr) ierr = ADJSnapshotDecode_Private(header, s);
  PetscCall(PetscFree(header));
  if (ierr) PetscCall(ADJSnapshotDestroy_Private(&s));
  PetscCall(ierr);
  *snapshot = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}
