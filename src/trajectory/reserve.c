/*
   Room for a file before it is written.
*/
#include "storeimpl.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where the file system cannot reserve bytes, zeros are written. Returns errno */
static int ADJFileZero_Private(int fd, PetscInt64 from, PetscInt64 to)
{
  static const char zeros[65536];

  while (from < to) {
    const ssize_t n = pwrite(fd, zeros, (size_t)PetscMin(to - from, (PetscInt64)sizeof(zeros)), (off_t)from);

    if (n > 0)
      from += n;
    else if (n == 0 || errno != EINTR)
      return n == 0 ? ENOSPC : errno;
  }
  return fsync(fd) ? errno : 0;
}

/*
   Bytes that the file system does not have are missed here, by all processes alike, and not in the middle of a
   collective write, whose errors MPI may hide: that of Open MPI 4.1 does. fd is negative where the process has not opened the file.
   Returns errno
*/
int ADJFileReserve_Private(int fd, PetscInt64 from, PetscInt64 to)
{
  struct rlimit limit;
  int           error;

  if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY && (rlim_t)to > limit.rlim_cur) return EFBIG;
  if (fd < 0 || to == from) return 0;
  do error = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
  while (error == EINTR);
  return error == EOPNOTSUPP || error == EINVAL || error == ENOSYS ? ADJFileZero_Private(fd, from, to) : error;
}
