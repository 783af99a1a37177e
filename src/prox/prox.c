/*
   Life cycle of an ADJProx, and what it may be told after it was made.
*/
#include "proximpl.h"
#include <contragrad/private/adjimpl.h>

const char *const ADJProxKinds[] = {"BOX", "NONNEGATIVE", "L1", "GROUP_L1", "BALL", "SIMPLEX", "AFFINE", "ADJProxKind", "ADJ_PROX_", NULL};

PetscErrorCode ADJProxCreate_Private(MPI_Comm comm, ADJProxKind kind, ADJProx *newprox)
{
  ADJProx prox;

  PetscFunctionBegin;
  *newprox = NULL;
  PetscCall(ADJInitializePackage());
  PetscCall(PetscHeaderCreate(prox, ADJPROX_CLASSID, "ADJProx", "Proximal map", "ADJ", comm, ADJProxDestroy, ADJProxView));
  PetscCall(PetscObjectChangeTypeName((PetscObject)prox, ADJProxKinds[kind]));
  prox->kind = kind;
  prox->bs   = 1;
  *newprox   = prox;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJProxNeedsOrder_Private(MPI_Comm comm, ADJProxKind kind)
{
  PetscFunctionBegin;
  PetscCheck(!PetscDefined(USE_COMPLEX), comm, PETSC_ERR_SUP, "The map %s compares numbers, which complex ones do not allow; use a PETSc with real scalars", ADJProxKinds[kind]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v lives on the communicator and, if `like` is given, has its layout; the same answer on every rank, without a message */
PetscErrorCode ADJProxCheckVec_Private(ADJProx prox, Vec v, Vec like, const char what[])
{
  MPI_Comm        comm = PetscObjectComm((PetscObject)prox);
  PetscMPIInt     same, size;
  const PetscInt *ranges, *others;

  PetscFunctionBegin;
  PetscCheck(v, comm, PETSC_ERR_ARG_NULL, "%s is NULL", what);
  PetscValidHeaderSpecific(v, VEC_CLASSID, 2);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)v), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "%s lives on another communicator than the ADJProx; create both on the same one", what);
  PetscCall(ADJVecTouched_Private(v));
  if (!like) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(VecGetOwnershipRanges(v, &ranges));
  PetscCall(VecGetOwnershipRanges(like, &others));
  PetscCheck(ranges[size] == others[size], comm, PETSC_ERR_ARG_SIZ, "%s has global length %" PetscInt_FMT ", not %" PetscInt_FMT, what, ranges[size], others[size]);
  for (PetscMPIInt r = 0; r < size; r++) PetscCheck(ranges[r] == others[r], comm, PETSC_ERR_ARG_SIZ, "%s is distributed over the processes in another way than the vector that it goes with; create it with VecDuplicate()", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A vector like z, kept from one call to the next */
PetscErrorCode ADJProxGetWork_Private(ADJProx prox, Vec z, Vec *work)
{
  PetscBool       fits = PETSC_FALSE;
  PetscMPIInt     size;
  const PetscInt *ranges, *others;

  PetscFunctionBegin;
  if (prox->work) {
    PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)z), &size));
    PetscCall(VecGetOwnershipRanges(z, &ranges));
    PetscCall(VecGetOwnershipRanges(prox->work, &others));
    PetscCall(PetscArraycmp(ranges, others, size + 1, &fits));
  }
  if (!fits) {
    PetscCall(VecDestroy(&prox->work));
    PetscCall(VecDuplicate(z, &prox->work));
  }
  *work = prox->work;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJProxDestroy - Destroys a projection or proximal map

   Collective

   Input Parameter:
.  prox - the map; set to `NULL`

   Level: beginner

.seealso: `ADJProx`, `ADJProxCreateBox()`
@*/
PetscErrorCode ADJProxDestroy(ADJProx *prox)
{
  PetscFunctionBegin;
  if (!*prox) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*prox, ADJPROX_CLASSID, 1);
  if (--((PetscObject)*prox)->refct > 0) {
    *prox = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if ((*prox)->ops->destroy) PetscCall((*(*prox)->ops->destroy)(*prox));
  PetscCall(VecDestroy(&(*prox)->a));
  PetscCall(VecDestroy(&(*prox)->b));
  PetscCall(VecDestroy(&(*prox)->work));
  PetscCall(PetscHeaderDestroy(prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJProxView - Prints a projection or proximal map: its kind and its parameter

   Collective

   Input Parameters:
+  prox   - the map
-  viewer - where to; `NULL` for the standard output

   Level: beginner

.seealso: `ADJProx`, `ADJProxGetKind()`
@*/
PetscErrorCode ADJProxView(ADJProx prox, PetscViewer viewer)
{
  PetscBool   ascii;
  const char *name;
  KSP         ksp;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)prox), &viewer));
  PetscValidHeaderSpecific(viewer, PETSC_VIEWER_CLASSID, 2);
  PetscCheckSameComm(prox, 1, viewer, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectPrintClassNamePrefixType((PetscObject)prox, viewer));
  name = prox->kind == ADJ_PROX_BALL ? "radius" : (prox->kind == ADJ_PROX_SIMPLEX ? "total" : "threshold");
  if (prox->ops->parameter) PetscCall(PetscViewerASCIIPrintf(viewer, "  %s: %g\n", name, (double)prox->p));
  if (prox->kind == ADJ_PROX_GROUP_L1) PetscCall(PetscViewerASCIIPrintf(viewer, "  entries of a block: %" PetscInt_FMT "\n", prox->bs));
  if (prox->kind == ADJ_PROX_BOX) PetscCall(PetscViewerASCIIPrintf(viewer, "  bounds:%s%s%s\n", prox->a ? " lower" : "", prox->b ? " upper" : "", prox->a || prox->b ? "" : " none"));
  if (prox->kind == ADJ_PROX_AFFINE) {
    PetscCall(ADJProxGetKSP(prox, &ksp));
    PetscCall(PetscViewerASCIIPushTab(viewer));
    PetscCall(KSPView(ksp, viewer));
    PetscCall(PetscViewerASCIIPopTab(viewer));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxGetKind - Which map this is

   Not collective

   Input Parameter:
.  prox - the map

   Output Parameter:
.  kind - its kind

   Level: intermediate

.seealso: `ADJProxKind`, `ADJProxView()`
@*/
PetscErrorCode ADJProxGetKind(ADJProx prox, ADJProxKind *kind)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  *kind = prox->kind;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxSetParameter - Sets the number that a map depends on; it may change before each call

   Logically collective

   Input Parameters:
+  prox - the map
-  p    - the threshold of `ADJ_PROX_L1` and `ADJ_PROX_GROUP_L1` (not negative), the radius of `ADJ_PROX_BALL` or the total of `ADJ_PROX_SIMPLEX` (positive)

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` for a kind without such a number, `PETSC_ERR_ARG_OUTOFRANGE` if it is out of its range or not finite.

.seealso: `ADJProxGetParameter()`, `ADJProxSetVecs()`, `ADJProxVJPParameter()`
@*/
PetscErrorCode ADJProxSetParameter(ADJProx prox, PetscReal p)
{
  PetscBool threshold;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscValidLogicalCollectiveReal(prox, p, 2);
  PetscCheck(prox->ops->parameter, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on no number; see ADJProxSetVecs()", ADJProxKinds[prox->kind]);
  threshold = (PetscBool)(prox->kind == ADJ_PROX_L1 || prox->kind == ADJ_PROX_GROUP_L1);
  PetscCheck((threshold ? p >= 0.0 : p > 0.0) && !PetscIsInfOrNanReal(p), PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_OUTOFRANGE, "The parameter of the map %s is %g; it must be finite and %s", ADJProxKinds[prox->kind], (double)p, threshold ? "not negative" : "positive");
  prox->p = p;
  PetscCall(PetscObjectStateIncrease((PetscObject)prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A new map that is refused does not stay behind */
PetscErrorCode ADJProxTrySetParameter_Private(ADJProx *prox, PetscReal p)
{
  const PetscErrorCode ierr = ADJProxSetParameter(*prox, p);

  PetscFunctionBegin;
  if (ierr) PetscCall(ADJProxDestroy(prox));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJProxTrySetVecs_Private(ADJProx *prox, Vec a, Vec b)
{
  const PetscErrorCode ierr = ADJProxSetVecs(*prox, a, b);

  PetscFunctionBegin;
  if (ierr) PetscCall(ADJProxDestroy(prox));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxGetParameter - The number that a map depends on

   Not collective

   Input Parameter:
.  prox - the map

   Output Parameter:
.  p - threshold, radius or total

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` for a kind without such a number.

.seealso: `ADJProxSetParameter()`
@*/
PetscErrorCode ADJProxGetParameter(ADJProx prox, PetscReal *p)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCheck(prox->ops->parameter, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on no number; see ADJProxGetVecs()", ADJProxKinds[prox->kind]);
  *p = prox->p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#if !defined(PETSC_USE_COMPLEX)
/* The same answer on every rank */
static PetscErrorCode ADJProxCheckBounds_Private(ADJProx prox, Vec lower, Vec upper)
{
  const PetscScalar *l, *u;
  PetscInt           n;
  int                bad = 0;

  PetscFunctionBegin;
  PetscCall(ADJProxCheckVec_Private(prox, upper, lower, "The vector of upper bounds"));
  PetscCall(VecGetLocalSize(lower, &n));
  PetscCall(VecGetArrayRead(lower, &l));
  PetscCall(VecGetArrayRead(upper, &u));
  for (PetscInt i = 0; i < n; i++) bad |= !(l[i] <= u[i]);
  PetscCall(VecRestoreArrayRead(lower, &l));
  PetscCall(VecRestoreArrayRead(upper, &u));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)prox)));
  PetscCheck(!bad, PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_OUTOFRANGE, "A lower bound is not below the upper one, or one of them is NaN: the box is empty");
  PetscFunctionReturn(PETSC_SUCCESS);
}
#endif

/*@
   ADJProxSetVecs - Sets the vectors that a map depends on

   Collective

   Input Parameters:
+  prox - the map
.  a    - lower bounds of `ADJ_PROX_BOX`, center of `ADJ_PROX_BALL`, right-hand side of `ADJ_PROX_AFFINE`; `NULL`: no bounds, or zero
-  b    - upper bounds of `ADJ_PROX_BOX`, `NULL`: none; `NULL` for the other kinds

   Level: beginner

   Notes:
   The map keeps references: who changes the values of a vector changes the map, without another call. That lower bounds are not
   above upper ones is looked at here, not with each application.

   Bounds may be infinite.

   Errors:
   `PETSC_ERR_SUP` for a kind without such vectors, `PETSC_ERR_ARG_OUTOFRANGE` for an empty box, `PETSC_ERR_ARG_SIZ` if a
   vector does not fit.

.seealso: `ADJProxGetVecs()`, `ADJProxSetParameter()`, `ADJProxVJPVecs()`
@*/
PetscErrorCode ADJProxSetVecs(ADJProx prox, Vec a, Vec b)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCheck(prox->ops->vjpvecs, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on no vector", ADJProxKinds[prox->kind]);
  PetscCheck(!b || prox->kind == ADJ_PROX_BOX, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on one vector; pass NULL for the second", ADJProxKinds[prox->kind]);
  if (a) PetscCall(ADJProxCheckVec_Private(prox, a, prox->kind == ADJ_PROX_AFFINE ? prox->work : NULL, "The first vector"));
  if (b) PetscCall(ADJProxCheckVec_Private(prox, b, NULL, "The second vector"));
#if !defined(PETSC_USE_COMPLEX)
  if (a && b) PetscCall(ADJProxCheckBounds_Private(prox, a, b));
#endif
  PetscCall(PetscObjectReference((PetscObject)a));
  PetscCall(PetscObjectReference((PetscObject)b));
  PetscCall(VecDestroy(&prox->a));
  PetscCall(VecDestroy(&prox->b));
  prox->a = a;
  prox->b = b;
  PetscCall(PetscObjectStateIncrease((PetscObject)prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxGetVecs - The vectors that a map depends on

   Not collective

   Input Parameter:
.  prox - the map

   Output Parameters:
+  a - the first one, borrowed, `NULL` if there is none; `NULL` to ignore
-  b - the second one in the same way

   Level: beginner

.seealso: `ADJProxSetVecs()`
@*/
PetscErrorCode ADJProxGetVecs(ADJProx prox, Vec *a, Vec *b)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  if (a) *a = prox->a;
  if (b) *b = prox->b;
  PetscFunctionReturn(PETSC_SUCCESS);
}
