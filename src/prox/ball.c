/*
   Projection on a Euclidean ball: with d = |z - c|, n = (z - c)/d and outside, d > r,

     y = c + r n,   dy = (r/d) (v - n Re(n^H v)),   dy/dr = n,   dy/dc = I - dy/dz
*/
#include "proximpl.h"

/* n, and d; scaled by the largest entry, so that no square overflows */
static PetscErrorCode ADJProxDirection_Private(ADJProx prox, Vec z, Vec n, PetscReal *d)
{
  PetscReal largest;

  PetscFunctionBegin;
  PetscCall(VecCopy(z, n));
  if (prox->a) {
    PetscCall(ADJProxCheckVec_Private(prox, prox->a, z, "The center of the ball"));
    PetscCall(VecAXPY(n, -1.0, prox->a));
  }
  PetscCall(VecNorm(n, NORM_INFINITY, &largest));
  if (!(largest >= 2.0 / PETSC_MAX_REAL)) largest = 1.0; /* zero, or too small for a reciprocal */
  PetscCall(VecScale(n, 1.0 / largest));
  PetscCall(VecNorm(n, NORM_2, d));
  if (*d != 0.0) PetscCall(VecScale(n, 1.0 / *d));
  *d *= largest;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxApply_Ball(ADJProx prox, Vec z, Vec y)
{
  PetscReal d;

  PetscFunctionBegin;
  PetscCall(ADJProxDirection_Private(prox, z, y, &d));
  if (d <= prox->p)
    PetscCall(VecCopy(z, y));
  else {
    PetscCall(VecScale(y, prox->p));
    if (prox->a) PetscCall(VecAXPY(y, 1.0, prox->a));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxMult_Ball(ADJProx prox, Vec z, Vec v, Vec out)
{
  PetscReal   d;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(ADJProxDirection_Private(prox, z, out, &d));
  if (d <= prox->p)
    PetscCall(VecCopy(v, out));
  else {
    PetscCall(VecDot(v, out, &dot));
    PetscCall(VecAYPX(out, -PetscRealPart(dot), v));
    PetscCall(VecScale(out, prox->p / d));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxParameter_Ball(ADJProx prox, Vec z, Vec dy)
{
  PetscReal d;

  PetscFunctionBegin;
  PetscCall(ADJProxDirection_Private(prox, z, dy, &d));
  if (d <= prox->p) PetscCall(VecSet(dy, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Symmetric, as the derivative in z is */
static PetscErrorCode ADJProxVJPVecs_Ball(ADJProx prox, Vec z, Vec w, Vec abar, Vec bbar)
{
  (void)bbar;
  PetscFunctionBegin;
  if (!abar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJProxMult_Ball(prox, z, w, abar));
  PetscCall(VecAYPX(abar, -1.0, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxJVPVecs_Ball(ADJProx prox, Vec z, Vec adot, Vec bdot, Vec ydot)
{
  PetscFunctionBegin;
  if (adot)
    PetscCall(ADJProxVJPVecs_Ball(prox, z, adot, ydot, bdot));
  else
    PetscCall(VecSet(ydot, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxSelection_Ball(ADJProx prox, Vec z, PetscReal *margin, Vec mask)
{
  PetscReal d;

  PetscFunctionBegin;
  PetscCall(ADJProxDirection_Private(prox, z, mask, &d));
  PetscCall(VecSet(mask, d <= prox->p ? 1.0 : 0.0));
  *margin = PetscAbsReal(d - prox->p);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateBall - Creates the projection on a Euclidean ball, y = center + min(1, radius/|z - center|) (z - center)

   Collective

   Input Parameters:
+  comm   - the communicator of the vectors
.  center - the center, `NULL` for zero
-  radius - the radius, positive

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Notes:
   The map keeps a reference to the center, see `ADJProxSetVecs()`. Change the radius by `ADJProxSetParameter()`. Derivatives with
   respect to the radius: `ADJProxVJPParameter()`; to the center: `ADJProxVJPVecs()`.

   A point on the sphere counts as inside: its derivative is the identity. With complex scalars the derivative is real-linear.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if the radius is not positive or not finite.

.seealso: `ADJProxCreateBox()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateBall(MPI_Comm comm, Vec center, PetscReal radius, ADJProx *prox)
{
  ADJProx newprox;

  PetscFunctionBegin;
  PetscCall(ADJProxCreate_Private(comm, ADJ_PROX_BALL, &newprox));
  newprox->ops->apply     = ADJProxApply_Ball;
  newprox->ops->mult      = ADJProxMult_Ball;
  newprox->ops->parameter = ADJProxParameter_Ball;
  newprox->ops->vjpvecs   = ADJProxVJPVecs_Ball;
  newprox->ops->jvpvecs   = ADJProxJVPVecs_Ball;
  newprox->ops->selection = ADJProxSelection_Ball;
  PetscCall(ADJProxTrySetParameter_Private(&newprox, radius));
  PetscCall(ADJProxTrySetVecs_Private(&newprox, center, NULL));
  *prox = newprox;
  PetscFunctionReturn(PETSC_SUCCESS);
}
