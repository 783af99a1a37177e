/*
   Assertions in the Test Anything Protocol for programs that run on any number of processes.

   Every function is collective on PETSC_COMM_WORLD. A condition is reduced over all processes before it counts, so the
   failure of one is the failure of all; rank 0 prints. The plan is printed last, so a program that stops early fails.

     PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
     PetscCall(TapBegin());
     PetscCall(TapClose(got, expected, 1e-12, "dot product of %s", name));
     PetscCall(TapError(PETSC_ERR_ARG_WRONG, ADJSetUp(adj), "set-up without a map is refused"));
     failed = TapEnd();
     PetscCall(SlepcFinalize());
     return failed;
*/
#ifndef CONTRAGRAD_TAP_H
#define CONTRAGRAD_TAP_H

#include <stdarg.h>
#include <petscsys.h>
#include <contragrad/private/adjcompat.h>

static struct {
  PetscMPIInt count;  /* assertions made */
  PetscMPIInt failed; /* of them, those that failed */
  int         depth;  /* of PETSc's call stack when `TapError()` began (debugging builds) */
} tap;

static inline PetscErrorCode TapBegin(void)
{
  PetscFunctionBegin;
  tap.count = tap.failed = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Prints the plan. Returns the exit code of the program: 0 if every assertion held, else 1 */
static inline int TapEnd(void)
{
  PetscErrorCode ierr = PetscPrintf(PETSC_COMM_WORLD, "1..%d\n", tap.count);

  return ierr || tap.failed ? 1 : 0;
}

/* A remark; shown by `prove -v` */
static inline PetscErrorCode PETSC_ATTRIBUTE_FORMAT(1, 2) TapDiag(const char format[], ...)
{
  char    text[1024];
  size_t  n;
  va_list args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(PetscVSNPrintf(text, sizeof(text), format, &n, args));
  va_end(args);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "# %s\n", text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode TapAssert_Private(PetscBool *cond, const char format[], va_list args)
{
  PetscMPIInt mine = *cond ? 1 : 0, all;
  char        text[1024];
  size_t      n;

  PetscFunctionBegin;
  PetscCall(PetscVSNPrintf(text, sizeof(text), format, &n, args));
  PetscCallMPI(MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, PETSC_COMM_WORLD));
  *cond = all ? PETSC_TRUE : PETSC_FALSE;
  tap.count++;
  if (!all) tap.failed++;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%sok %d - %s\n", all ? "" : "not ", tap.count, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One line from every process on which the assertion failed */
static inline PetscErrorCode TapExplain_Private(PetscBool here, const char text[])
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (here) PetscCall(PetscSynchronizedPrintf(PETSC_COMM_WORLD, "# rank %d: %s\n", rank, text));
  PetscCall(PetscSynchronizedFlush(PETSC_COMM_WORLD, PETSC_STDOUT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts a condition */
static inline PetscErrorCode PETSC_ATTRIBUTE_FORMAT(2, 3) TapOk(PetscBool cond, const char format[], ...)
{
  const PetscBool mine = cond;
  va_list         args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(TapAssert_Private(&cond, format, args));
  va_end(args);
  if (!cond) PetscCall(TapExplain_Private((PetscBool)!mine, "the condition is false"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts |got - expected| <= rtol max(|got|, |expected|), which NaN and Inf never satisfy */
static inline PetscErrorCode PETSC_ATTRIBUTE_FORMAT(4, 5) TapClose(PetscReal got, PetscReal expected, PetscReal rtol, const char format[], ...)
{
  const PetscReal scale = PetscMax(PetscAbsReal(got), PetscAbsReal(expected)), error = PetscAbsReal(got - expected);
  const PetscBool mine = (PetscBool)(error <= rtol * scale && !PetscIsInfOrNanReal(scale));
  PetscBool       cond = mine;
  char            text[256];
  va_list         args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(TapAssert_Private(&cond, format, args));
  va_end(args);
  if (!cond) {
    PetscCall(PetscSNPrintf(text, sizeof(text), "got %.16g, expected %.16g, relative error %.3g, allowed %.3g", (double)got, (double)expected, (double)(error / scale), (double)rtol));
    PetscCall(TapExplain_Private((PetscBool)!mine, text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts value <= limit, which NaN never satisfies */
static inline PetscErrorCode PETSC_ATTRIBUTE_FORMAT(3, 4) TapBelow(PetscReal value, PetscReal limit, const char format[], ...)
{
  const PetscBool mine = (PetscBool)(value <= limit);
  PetscBool       cond = mine;
  char            text[256];
  va_list         args;

  PetscFunctionBegin;
  va_start(args, format);
  PetscCall(TapAssert_Private(&cond, format, args));
  va_end(args);
  if (!cond) {
    PetscCall(PetscSNPrintf(text, sizeof(text), "got %.16g, expected at most %.16g", (double)value, (double)limit));
    PetscCall(TapExplain_Private((PetscBool)!mine, text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Counts one assertion that cannot be made here, and says why */
static inline PetscErrorCode TapSkip(const char reason[])
{
  PetscFunctionBegin;
  tap.count++;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "ok %d # SKIP %s\n", tap.count, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Silences PETSc's error handler. Functions that return an error leave their frames on the call stack of debugging builds */
static inline PetscErrorCode TapErrorBegin_Private(void)
{
#if defined(PETSC_USE_DEBUG) && !defined(PETSC_HAVE_THREADSAFETY)
  tap.depth = petscstack.currentsize;
#endif
  return PetscPushErrorHandler(PetscReturnErrorHandler, NULL);
}

static inline PetscErrorCode PETSC_ATTRIBUTE_FORMAT(4, 5) TapErrorEnd_Private(PetscErrorCode expected, const char call[], PetscErrorCode got, const char format[], ...)
{
  const PetscBool mine = (PetscBool)(got == expected);
  PetscBool       cond = mine;
  char            text[256];
  va_list         args;

#if defined(PETSC_USE_DEBUG) && !defined(PETSC_HAVE_THREADSAFETY)
  petscstack.currentsize = tap.depth;
#endif
  PetscFunctionBegin;
  PetscCall(PetscPopErrorHandler());
  va_start(args, format);
  PetscCall(TapAssert_Private(&cond, format, args));
  va_end(args);
  if (!cond) {
    PetscCall(PetscSNPrintf(text, sizeof(text), "error code %d, expected %d, from %s", (int)got, (int)expected, call));
    PetscCall(TapExplain_Private((PetscBool)!mine, text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that a call returns the error code `expected` on every process; nothing is printed by PETSc's error handler */
#define TapError(expected, call, ...) (TapErrorBegin_Private() ? PETSC_ERR_LIB : TapErrorEnd_Private((PetscErrorCode)(expected), #call, (call), __VA_ARGS__))

#endif
