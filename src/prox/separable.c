/*
   Projections on a box and on the nonnegative orthant: entry by entry. Real scalars.
*/
#include <math.h>
#include "proximpl.h"

/* Bounds of entry i; an array may be NULL */
#define LOWER(i) (l ? PetscRealPart(l[i]) : (prox->kind == ADJ_PROX_NONNEGATIVE ? 0.0 : -INFINITY))
#define UPPER(i) (u ? PetscRealPart(u[i]) : INFINITY)

typedef enum { AT_LOWER,
               AT_UPPER,
               FREE } Side;

/* On a bound counts as fixed; NaN is free, and stays */
static inline Side ADJProxSide_Private(PetscReal z, PetscReal lower, PetscReal upper)
{
  return z <= lower ? AT_LOWER : (z >= upper ? AT_UPPER : FREE);
}

static PetscErrorCode ADJProxGetBounds_Private(ADJProx prox, Vec z, const PetscScalar *l[], const PetscScalar *u[], PetscInt *n)
{
  PetscFunctionBegin;
  *l = *u = NULL;
  if (prox->a) PetscCall(ADJProxCheckVec_Private(prox, prox->a, z, "The vector of lower bounds"));
  if (prox->b) PetscCall(ADJProxCheckVec_Private(prox, prox->b, z, "The vector of upper bounds"));
  if (prox->a) PetscCall(VecGetArrayRead(prox->a, l));
  if (prox->b) PetscCall(VecGetArrayRead(prox->b, u));
  PetscCall(VecGetLocalSize(z, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxRestoreBounds_Private(ADJProx prox, const PetscScalar *l[], const PetscScalar *u[])
{
  PetscFunctionBegin;
  if (prox->a) PetscCall(VecRestoreArrayRead(prox->a, l));
  if (prox->b) PetscCall(VecRestoreArrayRead(prox->b, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = min(max(z, lower), upper) */
static PetscErrorCode ADJProxApply_Separable(ADJProx prox, Vec z, Vec y)
{
  const PetscScalar *l, *u, *a;
  PetscScalar       *b;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxGetBounds_Private(prox, z, &l, &u, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt i = 0; i < n; i++) {
    const Side side = ADJProxSide_Private(PetscRealPart(a[i]), LOWER(i), UPPER(i));

    b[i] = side == AT_LOWER ? LOWER(i) : (side == AT_UPPER ? UPPER(i) : a[i]);
  }
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(ADJProxRestoreBounds_Private(prox, &l, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out (+)= v where z is on that side, else 0 */
static PetscErrorCode ADJProxMask_Private(ADJProx prox, Vec z, Side side, Vec v, InsertMode mode, Vec out)
{
  const PetscScalar *l, *u, *a, *c;
  PetscScalar       *b;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxGetBounds_Private(prox, z, &l, &u, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayRead(v, &c));
  PetscCall(VecGetArray(out, &b));
  for (PetscInt i = 0; i < n; i++) {
    const PetscScalar add = ADJProxSide_Private(PetscRealPart(a[i]), LOWER(i), UPPER(i)) == side ? c[i] : 0.0;

    b[i] = mode == ADD_VALUES ? b[i] + add : add;
  }
  PetscCall(VecRestoreArray(out, &b));
  PetscCall(VecRestoreArrayRead(v, &c));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(ADJProxRestoreBounds_Private(prox, &l, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxMult_Separable(ADJProx prox, Vec z, Vec v, Vec out)
{
  PetscFunctionBegin;
  PetscCall(ADJProxMask_Private(prox, z, FREE, v, INSERT_VALUES, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxVJPVecs_Box(ADJProx prox, Vec z, Vec w, Vec abar, Vec bbar)
{
  PetscFunctionBegin;
  if (abar) PetscCall(ADJProxMask_Private(prox, z, AT_LOWER, w, INSERT_VALUES, abar));
  if (bbar) PetscCall(ADJProxMask_Private(prox, z, AT_UPPER, w, INSERT_VALUES, bbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxJVPVecs_Box(ADJProx prox, Vec z, Vec adot, Vec bdot, Vec ydot)
{
  PetscFunctionBegin;
  PetscCall(VecSet(ydot, 0.0));
  if (adot) PetscCall(ADJProxMask_Private(prox, z, AT_LOWER, adot, ADD_VALUES, ydot));
  if (bdot) PetscCall(ADJProxMask_Private(prox, z, AT_UPPER, bdot, ADD_VALUES, ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxSelection_Separable(ADJProx prox, Vec z, PetscReal *margin, Vec mask)
{
  const PetscScalar *l, *u, *a;
  PetscScalar       *b;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxGetBounds_Private(prox, z, &l, &u, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(mask, &b));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal at = PetscRealPart(a[i]);

    b[i] = ADJProxSide_Private(at, LOWER(i), UPPER(i)) == FREE ? 1.0 : 0.0;
    if (LOWER(i) == UPPER(i)) continue; /* fixed wherever z is */
    *margin = PetscMin(*margin, PetscMin(PetscAbsReal(at - LOWER(i)), PetscAbsReal(at - UPPER(i))));
  }
  PetscCall(VecRestoreArrayWrite(mask, &b));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(ADJProxRestoreBounds_Private(prox, &l, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxCreate_Separable(MPI_Comm comm, ADJProxKind kind, ADJProx *prox)
{
  PetscFunctionBegin;
  PetscCall(ADJProxNeedsOrder_Private(comm, kind));
  PetscCall(ADJProxCreate_Private(comm, kind, prox));
  (*prox)->ops->apply     = ADJProxApply_Separable;
  (*prox)->ops->mult      = ADJProxMult_Separable;
  (*prox)->ops->selection = ADJProxSelection_Separable;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateBox - Creates the projection on a box, y = min(max(z, lower), upper)

   Collective

   Input Parameters:
+  comm  - the communicator of the vectors
.  lower - lower bounds, `NULL` for none
-  upper - upper bounds, `NULL` for none

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Notes:
   The map keeps references to both vectors, see `ADJProxSetVecs()`. Derivatives with respect to them: `ADJProxVJPVecs()`.

   On a bound an entry counts as fixed: its derivative in z is 0, in that bound 1.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for an empty box, `PETSC_ERR_SUP` with complex scalars.

.seealso: `ADJProxCreateNonnegative()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateBox(MPI_Comm comm, Vec lower, Vec upper, ADJProx *prox)
{
  ADJProx newprox;

  PetscFunctionBegin;
  PetscCall(ADJProxCreate_Separable(comm, ADJ_PROX_BOX, &newprox));
  newprox->ops->vjpvecs = ADJProxVJPVecs_Box;
  newprox->ops->jvpvecs = ADJProxJVPVecs_Box;
  PetscCall(ADJProxTrySetVecs_Private(&newprox, lower, upper));
  *prox = newprox;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateNonnegative - Creates the projection on the nonnegative orthant, y = max(z, 0)

   Collective

   Input Parameter:
.  comm - the communicator of the vectors

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` with complex scalars.

.seealso: `ADJProxCreateBox()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateNonnegative(MPI_Comm comm, ADJProx *prox)
{
  PetscFunctionBegin;
  PetscCall(ADJProxCreate_Separable(comm, ADJ_PROX_NONNEGATIVE, prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}
