/*
   Files that a test writes: in a fresh folder in $TMPDIR, which becomes the working directory and is removed at the end.
   All processes see the same file system. Every function is collective on PETSC_COMM_WORLD.
*/
#ifndef CONTRAGRAD_FILES_H
#define CONTRAGRAD_FILES_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tap.h"

typedef struct {
  char folder[PETSC_MAX_PATH_LEN], back[PETSC_MAX_PATH_LEN];
} Files;

static inline PetscErrorCode FilesBegin(Files *f)
{
  const char *tmp = getenv("TMPDIR");
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscGetWorkingDirectory(f->back, sizeof(f->back)));
  PetscCall(PetscSNPrintf(f->folder, sizeof(f->folder), "%s/contragrad-test-XXXXXX", tmp && tmp[0] ? tmp : "/tmp"));
  if (!rank) PetscCheck(mkdtemp(f->folder), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "No folder can be made like %s", f->folder);
  PetscCallMPI(MPI_Bcast(f->folder, PETSC_MAX_PATH_LEN, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCheck(!chdir(f->folder), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot enter %s", f->folder);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FilesEnd(Files *f)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCheck(!chdir(f->back), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot enter %s", f->back);
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (!rank) PetscCall(PetscRMTree(f->folder));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The bytes of a file and a zero behind them, for PetscFree(); NULL if there is no such file. The same on every process */
static inline PetscErrorCode FileRead(const char name[], PetscMPIInt *length, char **text)
{
  PetscMPIInt rank, n = -1;
  struct stat info;
  FILE       *in = NULL;

  PetscFunctionBegin;
  *text = NULL;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (!rank && !stat(name, &info)) in = fopen(name, "rb");
  if (in) n = (PetscMPIInt)info.st_size;
  PetscCallMPI(MPI_Bcast(&n, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  if (length) *length = n;
  if (n < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscCalloc1(n + 1, text));
  if (in) {
    PetscCheck(fread(*text, 1, (size_t)n, in) == (size_t)n, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "Cannot read %s", name);
    fclose(in);
  }
  PetscCallMPI(MPI_Bcast(*text, n, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A picture of the kind P6: three bytes a pixel, row by row from the top */
typedef struct {
  char                *bytes;
  const unsigned char *pixel;
  int                  w, h;
} Picture;

static inline PetscErrorCode PictureRead(const char name[], Picture *p)
{
  PetscMPIInt length;
  int         most = 0, used = 0;

  PetscFunctionBegin;
  p->w = p->h = 0;
  PetscCall(FileRead(name, &length, &p->bytes));
  if (!p->bytes || sscanf(p->bytes, "P6 %d %d %d%n", &p->w, &p->h, &most, &used) != 3 || most != 255 || length != used + 1 + 3 * p->w * p->h) p->w = p->h = 0;
  p->pixel = (const unsigned char *)p->bytes + used + 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 'r', 'g' and 'b' if that share prevails, 'w' for white, 'k' for all else */
static inline char PictureColor(const Picture *p, int x, int y)
{
  const unsigned char *c = p->pixel + 3 * (y * p->w + x);

  if (c[0] == 255 && c[1] == 255 && c[2] == 255) return 'w';
  if (c[0] > c[1] + 64 && c[0] > c[2] + 64) return 'r';
  if (c[1] > c[0] + 64 && c[1] > c[2] + 64) return 'g';
  if (c[2] > c[0] + 64 && c[2] > c[1] + 64) return 'b';
  return 'k';
}

/* Pixels of a color at most `reach` away from (x, y) in either direction; a reach beyond the picture means all of it */
static inline int PictureCount(const Picture *p, int x, int y, int reach, char color)
{
  int n = 0;

  for (int j = PetscMax(0, y - reach); j <= PetscMin(p->h - 1, y + reach); j++) {
    for (int i = PetscMax(0, x - reach); i <= PetscMin(p->w - 1, x + reach); i++) n += PictureColor(p, i, j) == color;
  }
  return n;
}

#endif
