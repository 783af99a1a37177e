/*
   Wells and observations from tables of comma-separated values. The first process reads the file, all processes parse
   it, so that all of them see the same mistake.
*/
#include "cells.h"
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS 4

/* On the first process: the text of a file, *size < 0 if it cannot be read. No error, the others must hear of it first */
static PetscErrorCode ReadText(const char file[], PetscInt *size, char **text)
{
  PetscBool readable;
  FILE     *f;
  long      bytes = -1;

  PetscFunctionBeginUser;
  *size = -1;
  PetscCall(PetscTestFile(file, 'r', &readable));
  f = readable ? fopen(file, "r") : NULL;
  if (!f) PetscFunctionReturn(PETSC_SUCCESS);
  if (fseek(f, 0, SEEK_END) == 0) bytes = ftell(f);
  if (bytes >= 0 && bytes < PETSC_MPI_INT_MAX && fseek(f, 0, SEEK_SET) == 0) {
    PetscCall(PetscMalloc1((size_t)bytes + 1, text));
    if (fread(*text, 1, (size_t)bytes, f) == (size_t)bytes)
      *size = (PetscInt)bytes;
    else
      PetscCall(PetscFree(*text));
  }
  (void)fclose(f);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BroadcastText(MPI_Comm comm, const char file[], char **text)
{
  PetscInt    size = 0;
  size_t      length;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) PetscCall(ReadText(file, &size, text));
  PetscCallMPI(MPI_Bcast(&size, 1, MPIU_INT, 0, comm));
  PetscCheck(size >= 0, comm, PETSC_ERR_FILE_OPEN, "Cannot read the file %s: give another one with -wells or -observations, or run from the directory that its name refers to", file);
  if (rank) PetscCall(PetscMalloc1(size + 1, text));
  PetscCallMPI(MPI_Bcast(*text, (PetscMPIInt)size, MPI_CHAR, 0, comm));
  (*text)[size] = '\0';
  PetscCall(PetscStrlen(*text, &length));
  PetscCheck(length == (size_t)size, comm, PETSC_ERR_FILE_UNEXPECTED, "%s holds a zero byte: it is not a text file", file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Cuts the next line off the text; comments, blanks and the carriage return at its end go */
static char *NextLine(char **text)
{
  char *line = *text, *end = line;

  while (*end && *end != '\n') end++;
  *text = *end ? end + 1 : end;
  *end  = '\0';
  for (char *p = line; p < end; p++)
    if (*p == '#') end = p;
  while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
  *end = '\0';
  while (*line == ' ' || *line == '\t') line++;
  return line;
}

/* x,y,z,value: *good is false unless there are four finite numbers, and nothing else */
static void ParseNumbers(const char line[], PetscReal number[], PetscBool *good)
{
  const char *p = line;
  char       *end;

  *good = PETSC_TRUE;
  for (PetscInt i = 0; i < COLUMNS && *good; i++) {
    number[i] = (PetscReal)strtod(p, &end);
    if (end == p || PetscIsInfOrNanReal(number[i])) *good = PETSC_FALSE;
    while (*end == ' ' || *end == '\t') end++;
    if (*end != (i < COLUMNS - 1 ? ',' : '\0')) *good = PETSC_FALSE;
    p = end + 1;
  }
}

/* Whether a line names the columns x,y,z,column */
static PetscErrorCode CheckHeader(const char line[], const char column[], PetscBool *good)
{
  char   expected[64], found[64];
  size_t n = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(expected, sizeof(expected), "x,y,z,%s", column));
  for (const char *p = line; *p && n < sizeof(found) - 1; p++)
    if (*p != ' ' && *p != '\t') found[n++] = *p;
  found[n] = '\0';
  PetscCall(PetscStrcasecmp(found, expected, good));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LocatePoint(Aquifer aq, const char file[], PetscInt lineno, const PetscReal number[], AquiferPoint *point)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < 3; d++) {
    const PetscInt n = aq->patch.size[d];

    point->cell[d] = 0;
    if (d >= aq->dim) continue;
    PetscCheck(number[d] >= 0.0 && number[d] <= aq->length[d], aq->comm, PETSC_ERR_FILE_UNEXPECTED, "%s, line %" PetscInt_FMT ": %c = %g is outside of the aquifer, which reaches from 0 to %g", file, lineno, (char)('x' + d), (double)number[d], (double)aq->length[d]);
    point->cell[d] = PetscMin((PetscInt)PetscFloorReal(number[d] / aq->length[d] * n), n - 1);
  }
  point->value = number[COLUMNS - 1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All points of a file, the same on all processes; to be freed with PetscFree() */
PetscErrorCode AquiferReadPoints(Aquifer aq, const char file[], const char column[], PetscInt *n, AquiferPoint **points)
{
  char     *text = NULL, *rest;
  PetscReal number[COLUMNS];
  PetscBool header = PETSC_FALSE, good;
  PetscInt  lines = 1, lineno = 0;

  PetscFunctionBeginUser;
  PetscCall(BroadcastText(aq->comm, file, &text));
  for (const char *p = text; *p; p++) lines += *p == '\n';
  PetscCall(PetscMalloc1(lines, points));
  *n = 0;
  PetscCall(PetscStrbeginswith(text, "\xEF\xBB\xBF", &good)); /* the byte order mark that spreadsheets write */
  for (rest = good ? text + 3 : text; *rest;) {
    const char *line = NextLine(&rest);

    lineno++;
    if (!*line) continue;
    if (!header) {
      PetscCall(CheckHeader(line, column, &header));
      PetscCheck(header, aq->comm, PETSC_ERR_FILE_UNEXPECTED, "%s, line %" PetscInt_FMT ": the first line must be the header x,y,z,%s, not \"%.80s\"", file, lineno, column, line);
      continue;
    }
    ParseNumbers(line, number, &good);
    PetscCheck(good, aq->comm, PETSC_ERR_FILE_UNEXPECTED, "%s, line %" PetscInt_FMT ": expected four numbers x,y,z,%s, found \"%.80s\"", file, lineno, column, line);
    PetscCall(LocatePoint(aq, file, lineno, number, &(*points)[(*n)++]));
  }
  PetscCheck(*n > 0, aq->comm, PETSC_ERR_FILE_UNEXPECTED, "%s, line %" PetscInt_FMT ": the file ends without a single point; it must hold a header x,y,z,%s and one line a point", file, lineno, column);
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Index of a cell in arrays of owned cells, -1 if another process owns it */
PetscInt AquiferOwnedIndex(const AquiferPatch *g, const PetscInt ijk[])
{
  PetscInt index = 0;

  for (PetscInt d = 2; d >= 0; d--) {
    const PetscInt i = ijk[d] - g->start[d];

    if (i < 0 || i >= g->count[d]) return -1;
    index = index * g->count[d] + i;
  }
  return index;
}

/* source = V recharge + rates of the wells in the cell */
PetscErrorCode AquiferReadWells(Aquifer aq)
{
  AquiferPoint *well;
  PetscScalar  *source;
  PetscBool     none;
  PetscInt      n;

  PetscFunctionBeginUser;
  PetscCall(VecSet(aq->source, aq->volume * aq->recharge));
  PetscCall(PetscStrcmp(aq->wellsfile, "none", &none));
  if (none) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(AquiferReadPoints(aq, aq->wellsfile, "rate", &n, &well));
  PetscCall(VecGetArray(aq->source, &source));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt own = AquiferOwnedIndex(&aq->patch, well[i].cell);

    if (own >= 0) source[own] += well[i].value;
  }
  PetscCall(VecRestoreArray(aq->source, &source));
  PetscCall(PetscFree(well));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps the observations of owned cells, of those that all processes give */
PetscErrorCode AquiferSetObservations(Aquifer aq, PetscInt n, const AquiferPoint point[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(aq->observedcell, aq->observedhead));
  PetscCall(PetscMalloc2(n, &aq->observedcell, n, &aq->observedhead));
  aq->nobservations   = 0;
  aq->allobservations = n;
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt own = AquiferOwnedIndex(&aq->patch, point[i].cell);

    if (own < 0) continue;
    aq->observedcell[aq->nobservations]   = own;
    aq->observedhead[aq->nobservations++] = point[i].value;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferReadObservations(Aquifer aq)
{
  AquiferPoint *point;
  PetscInt      n;

  PetscFunctionBeginUser;
  PetscCall(AquiferReadPoints(aq, aq->observationsfile, "head", &n, &point));
  PetscCall(AquiferSetObservations(aq, n, point));
  PetscCall(PetscFree(point));
  PetscFunctionReturn(PETSC_SUCCESS);
}
