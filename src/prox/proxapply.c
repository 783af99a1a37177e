/*
   The value of an ADJProx and its derivatives: checks of arguments, then the operation of the kind.
*/
#include "proximpl.h"

/* z, and a vector of its layout that is not z */
static PetscErrorCode ADJProxCheckPair_Private(ADJProx prox, Vec z, Vec v, const char what[])
{
  PetscFunctionBegin;
  PetscCall(ADJProxCheckVec_Private(prox, v, z, what));
  PetscCheck(v != z, PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_IDN, "%s is the point z itself; pass another vector", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxMult_Private(ADJProx prox, Vec z, Vec v, Vec out, const char in[], const char result[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  PetscCall(ADJProxCheckVec_Private(prox, v, z, in));
  PetscCall(ADJProxCheckPair_Private(prox, z, out, result));
  PetscCheck(out != v, PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_IDN, "%s is the vector to multiply itself; pass another vector", result);
  PetscUseTypeMethod(prox, mult, z, v, out);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxApply - The value y = P(z) of a projection or proximal map

   Collective

   Input Parameters:
+  prox - the map
-  z    - the point

   Output Parameter:
.  y - the value, of the layout of `z`; not `z` itself

   Level: beginner

   Notes:
   NaN in `z` gives NaN: in the same entry, block or, where entries depend on each other, everywhere.

   `ADJ_PROX_AFFINE` solves with A A^T, see `ADJProxGetKSP()`; `ADJ_PROX_SIMPLEX` takes about ten reductions of two numbers, never
   gathers the vector, and is exact up to rounding.

   Errors:
   `PETSC_ERR_ARG_SIZ` if a vector does not fit, `PETSC_ERR_ARG_IDN` if `y` is `z`, `PETSC_ERR_NOT_CONVERGED` if the solve with A A^T fails.

.seealso: `ADJProxVJP()`, `ADJProxJVP()`, `ADJProxGetSelection()`
@*/
PetscErrorCode ADJProxApply(ADJProx prox, Vec z, Vec y)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  PetscCall(ADJProxCheckPair_Private(prox, z, y, "The value y"));
  PetscUseTypeMethod(prox, apply, z, y);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxVJP - Pulls a cotangent of the value back to the point: zbar = (dP/dz)^T w

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
-  w    - cotangent of the value, of the layout of `z`

   Output Parameter:
.  zbar - the product, of the layout of `z`; neither `z` nor `w` itself

   Level: beginner

   Notes:
   P is the gradient of a convex function, so dP/dz is symmetric, with eigenvalues between 0 and 1. With complex scalars that holds
   for the real inner product Re(w^H v): the soft thresholds and the ball have a derivative that is real-linear, not complex-linear.

   At a kink the derivative is one element of Clarke's Jacobian: an entry that lies on the threshold or on a bound does not move
   (derivative 0, so the bound wins over the interior), a point on the sphere of the ball moves freely. `ADJProxGetSelection()`
   tells how far the next kink is.

   References:
   J. J. Moreau, Proximite et dualite dans un espace hilbertien, 1965; J. Bolte, E. Pauwels, S. Vaiter, Automatic differentiation of nonsmooth iterative algorithms, NeurIPS 2022.

.seealso: `ADJProxApply()`, `ADJProxJVP()`, `ADJProxVJPParameter()`, `ADJProxVJPVecs()`, `ADJSetSelections()`
@*/
PetscErrorCode ADJProxVJP(ADJProx prox, Vec z, Vec w, Vec zbar)
{
  PetscFunctionBegin;
  PetscCall(ADJProxMult_Private(prox, z, w, zbar, "The cotangent w", "The product zbar"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxJVP - Pushes a tangent of the point forward to the value: ydot = (dP/dz) zdot

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
-  zdot - tangent of the point, of the layout of `z`

   Output Parameter:
.  ydot - the product, of the layout of `z`; neither `z` nor `zdot` itself

   Level: beginner

   Note:
   The same product as that of `ADJProxVJP()`, which see.

.seealso: `ADJProxVJP()`, `ADJProxJVPParameter()`, `ADJProxJVPVecs()`
@*/
PetscErrorCode ADJProxJVP(ADJProx prox, Vec z, Vec zdot, Vec ydot)
{
  PetscFunctionBegin;
  PetscCall(ADJProxMult_Private(prox, z, zdot, ydot, "The tangent zdot", "The product ydot"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxVJPParameter - Pulls a cotangent of the value back to the number that the map depends on

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
-  w    - cotangent of the value, of the layout of `z`

   Output Parameter:
.  pbar - (dP/dp)^T w for the threshold, radius or total p, the same on all processes; with complex scalars the real part of (dP/dp)^H w

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` for a kind without such a number.

.seealso: `ADJProxSetParameter()`, `ADJProxJVPParameter()`, `ADJProxVJP()`
@*/
PetscErrorCode ADJProxVJPParameter(ADJProx prox, Vec z, Vec w, PetscReal *pbar)
{
  Vec         dy;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCheck(prox->ops->parameter, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on no number", ADJProxKinds[prox->kind]);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  PetscCall(ADJProxCheckVec_Private(prox, w, z, "The cotangent w"));
  PetscCall(ADJProxGetWork_Private(prox, z, &dy));
  PetscUseTypeMethod(prox, parameter, z, dy);
  PetscCall(VecDot(w, dy, &dot));
  *pbar = PetscRealPart(dot);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxJVPParameter - Pushes a tangent of the number that the map depends on forward to the value: ydot = (dP/dp) pdot

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
-  pdot - tangent of the threshold, radius or total

   Output Parameter:
.  ydot - the product, of the layout of `z`; not `z` itself

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` for a kind without such a number.

.seealso: `ADJProxSetParameter()`, `ADJProxVJPParameter()`, `ADJProxJVP()`
@*/
PetscErrorCode ADJProxJVPParameter(ADJProx prox, Vec z, PetscReal pdot, Vec ydot)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCheck(prox->ops->parameter, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s depends on no number", ADJProxKinds[prox->kind]);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  PetscCall(ADJProxCheckPair_Private(prox, z, ydot, "The product ydot"));
  PetscUseTypeMethod(prox, parameter, z, ydot);
  PetscCall(VecScale(ydot, pdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxCheckVecs_Private(ADJProx prox, Vec z, Vec v, Vec a, Vec b)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)prox);
  Vec      like = prox->kind == ADJ_PROX_AFFINE ? prox->work : z;

  PetscFunctionBegin;
  PetscCheck(prox->ops->vjpvecs, comm, PETSC_ERR_SUP, "The map %s depends on no vector", ADJProxKinds[prox->kind]);
  PetscCheck(!b || prox->kind == ADJ_PROX_BOX, comm, PETSC_ERR_SUP, "The map %s depends on one vector; pass NULL for the second", ADJProxKinds[prox->kind]);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  PetscCall(ADJProxCheckPair_Private(prox, z, v, "The vector of the value"));
  if (a) PetscCall(ADJProxCheckVec_Private(prox, a, like, "The vector that goes with the first one of ADJProxSetVecs()"));
  if (b) PetscCall(ADJProxCheckVec_Private(prox, b, like, "The vector that goes with the second one of ADJProxSetVecs()"));
  PetscCheck((!a && !b) || (a != b && a != z && b != z && a != v && b != v), comm, PETSC_ERR_ARG_IDN, "Two of the vectors are the same; pass different ones");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxVJPVecs - Pulls a cotangent of the value back to the vectors that the map depends on

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
-  w    - cotangent of the value, of the layout of `z`

   Output Parameters:
+  abar - (dP/da)^T w for the first vector a of `ADJProxSetVecs()`: lower bounds, center or right-hand side; `NULL` if not wanted
-  bbar - (dP/db)^T w for the second one: upper bounds; `NULL` if not wanted

   Level: beginner

   Note:
   All vectors are different. A vector that was not set counts as zero, or as infinite for bounds: the derivative is there all the same.

   Errors:
   `PETSC_ERR_SUP` for a kind without such vectors.

.seealso: `ADJProxSetVecs()`, `ADJProxJVPVecs()`, `ADJProxVJP()`
@*/
PetscErrorCode ADJProxVJPVecs(ADJProx prox, Vec z, Vec w, Vec abar, Vec bbar)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(ADJProxCheckVecs_Private(prox, z, w, abar, bbar));
  PetscUseTypeMethod(prox, vjpvecs, z, w, abar, bbar);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxJVPVecs - Pushes tangents of the vectors that the map depends on forward to the value: ydot = (dP/da) adot + (dP/db) bdot

   Collective

   Input Parameters:
+  prox - the map
.  z    - the point
.  adot - tangent of the first vector of `ADJProxSetVecs()`, `NULL` for zero
-  bdot - tangent of the second one, `NULL` for zero

   Output Parameter:
.  ydot - the product, of the layout of `z`

   Level: beginner

   Errors:
   `PETSC_ERR_SUP` for a kind without such vectors.

.seealso: `ADJProxSetVecs()`, `ADJProxVJPVecs()`, `ADJProxJVP()`
@*/
PetscErrorCode ADJProxJVPVecs(ADJProx prox, Vec z, Vec adot, Vec bdot, Vec ydot)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(ADJProxCheckVecs_Private(prox, z, ydot, adot, bdot));
  PetscUseTypeMethod(prox, jvpvecs, z, adot, bdot, ydot);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxGetSelection - Which smooth piece of the map the point lies on, and how far the next one is

   Collective

   Input Parameters:
+  prox - the map
-  z    - the point

   Output Parameters:
+  free   - number of free entries; `NULL` to ignore
.  margin - distance to the nearest kink: the least change of an entry's (or block's, or the point's) distance from its threshold, bound or sphere that reaches another piece, `PETSC_INFINITY` if there is none; `NULL` to ignore
-  mask   - 1 for a free entry, else 0, of the layout of `z`; `NULL` to ignore

   Level: intermediate

   Notes:
   A free entry is one off its bounds (`ADJ_PROX_BOX`, `ADJ_PROX_NONNEGATIVE`), in the support of the value (`ADJ_PROX_L1`,
   `ADJ_PROX_GROUP_L1`, `ADJ_PROX_SIMPLEX`), inside the ball (`ADJ_PROX_BALL`, all of them or none), any one of `ADJ_PROX_AFFINE`.
   For the box, the orthant and, with real scalars, the soft threshold dP/dz is the diagonal matrix of the mask.

   An iteration has identified its piece when the mask no longer changes. A margin well above its error says that it will not, and that the derivative at the
   solution is the ordinary one; a margin of 0 that there is none.

   A selection of `ADJSetSelections()` is `ADJProxVJP()` at a point that lies on the piece in question, after the smooth part of the iteration.

.seealso: `ADJProxVJP()`, `ADJSetSelections()`
@*/
PetscErrorCode ADJProxGetSelection(ADJProx prox, Vec z, PetscInt *free, PetscReal *margin, Vec mask)
{
  PetscReal   least = PETSC_INFINITY;
  PetscScalar sum;
  Vec         own = NULL;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(ADJProxCheckVec_Private(prox, z, NULL, "The point z"));
  if (mask)
    PetscCall(ADJProxCheckPair_Private(prox, z, mask, "The mask"));
  else
    PetscCall(VecDuplicate(z, &own));
  PetscUseTypeMethod(prox, selection, z, &least, mask ? mask : own);
  if (margin) {
    PetscCallMPI(MPI_Allreduce(&least, margin, 1, MPIU_REAL, MPIU_MIN, PetscObjectComm((PetscObject)prox)));
  }
  if (free) {
    PetscCall(VecSum(mask ? mask : own, &sum));
    *free = (PetscInt)(PetscRealPart(sum) + 0.5);
  }
  PetscCall(VecDestroy(&own));
  PetscFunctionReturn(PETSC_SUCCESS);
}
