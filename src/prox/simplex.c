/*
   Projection on the simplex y >= 0, sum y = s: y_i = max(z_i - tau, 0), where tau is the root of

     f(tau) = sum_i max(z_i - tau, 0) - s,

   convex, piecewise linear and decreasing. Newton's method from tau = max z - s, where f >= 0, goes up to the root and ends on it,
   once the support no longer shrinks (Michelot 1986 starts with the support of all; Held, Wolfe, Crowder 1974). Sums over the support are
   all that processes exchange. The product of f and the size of the support falls by 4 each step (Radzik 1998), so the number of steps
   is logarithmic. Everything is relative to max z: tau - max z lies in [-s, 0), and a common offset, however large, costs no digits.
*/
#include <math.h> /* INFINITY, which PETSC_INFINITY is not, and NAN */
#include "proximpl.h"

typedef struct {
  PetscObjectId    id; /* of z, with its state and that of the map: the rest holds for them */
  PetscObjectState state, pstate;
  PetscReal        top;   /* max z */
  PetscReal        tau;   /* relative to it; NaN if z is not finite */
  PetscReal        count; /* size of the support */
} Simplex;

/* Sums over z_i - top > tau: of the excess, and of 1 */
static PetscErrorCode ADJProxExcess_Private(Vec z, PetscReal top, PetscReal tau, PetscReal sums[2])
{
  const PetscScalar *a;
  PetscInt           n;
  PetscReal          lost = 0.0; /* Kahan's */

  PetscFunctionBegin;
  sums[0] = sums[1] = 0.0;
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal excess = (PetscRealPart(a[i]) - top) - tau;

    if (excess > 0.0) {
      const PetscReal term = excess - lost, sum = sums[0] + term;

      lost    = (sum - sums[0]) - term;
      sums[0] = sum;
      sums[1] += 1.0;
    }
  }
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)z)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* max z, and whether an entry is NaN or +Inf; -Inf is an entry that is never in the support */
static PetscErrorCode ADJProxTop_Private(Vec z, PetscReal *top, PetscBool *bad)
{
  const PetscScalar *a;
  PetscInt           n;
  PetscReal          both[2] = {-INFINITY, 0.0};

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal at = PetscRealPart(a[i]);

    if (!(at < INFINITY))
      both[1] = 1.0;
    else
      both[0] = PetscMax(both[0], at);
  }
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, both, 2, MPIU_REAL, MPIU_MAX, PetscObjectComm((PetscObject)z)));
  *top = both[0];
  *bad = (PetscBool)(both[1] > 0.0 || both[0] == -INFINITY);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* tau for this z, in prox->data; kept until z, or the total, changes */
static PetscErrorCode ADJProxSolve_Simplex(ADJProx prox, Vec z)
{
  Simplex         *s = (Simplex *)prox->data;
  PetscObjectId    id;
  PetscObjectState state, pstate;
  PetscReal        sums[2];
  PetscMPIInt      known;
  PetscBool        bad = PETSC_FALSE;
  PetscInt         N;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetId((PetscObject)z, &id));
  PetscCall(PetscObjectStateGet((PetscObject)z, &state));
  PetscCall(PetscObjectStateGet((PetscObject)prox, &pstate));
  known = s->id == id && s->state == state && s->pstate == pstate; /* one process may have changed its part alone */
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &known, 1, MPI_INT, MPI_MIN, PetscObjectComm((PetscObject)prox)));
  if (known) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(z, &N));
  PetscCheck(N > 0, PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_SIZ, "The point has no entries; the simplex is empty then");
  PetscCall(ADJProxTop_Private(z, &s->top, &bad));
  if (bad) {
    s->tau   = NAN;
    s->count = 0.0;
  } else {
    s->tau   = -prox->p;
    s->count = INFINITY;
    PetscCall(ADJProxExcess_Private(z, s->top, s->tau, sums));
    while (sums[1] < s->count) {
      s->count = sums[1];
      s->tau += (sums[0] - prox->p) / sums[1];
      PetscCall(ADJProxExcess_Private(z, s->top, s->tau, sums));
    }
  }
  s->id     = id;
  s->state  = state;
  s->pstate = pstate;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxApply_Simplex(ADJProx prox, Vec z, Vec y)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt           n;
  const Simplex     *s = (Simplex *)prox->data;

  PetscFunctionBegin;
  PetscCall(ADJProxSolve_Simplex(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal excess = (PetscRealPart(a[i]) - s->top) - s->tau;

    b[i] = excess <= 0.0 ? 0.0 : excess; /* NaN stays */
  }
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxSelection_Simplex(ADJProx prox, Vec z, PetscReal *margin, Vec mask)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt           n;
  const Simplex     *s = (Simplex *)prox->data;

  PetscFunctionBegin;
  PetscCall(ADJProxSolve_Simplex(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(mask, &b));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal excess = (PetscRealPart(a[i]) - s->top) - s->tau;

    b[i]    = excess > 0.0 ? 1.0 : 0.0;
    *margin = PetscMin(*margin, PetscAbsReal(excess));
  }
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscCall(VecRestoreArrayWrite(mask, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out_i = v_i - mean of v over the support, on the support */
static PetscErrorCode ADJProxMult_Simplex(ADJProx prox, Vec z, Vec v, Vec out)
{
  const PetscScalar *c;
  PetscScalar       *b, mean;
  PetscReal          margin = 0.0;
  PetscInt           n;
  const Simplex     *s = (Simplex *)prox->data;

  PetscFunctionBegin;
  PetscCall(ADJProxSelection_Simplex(prox, z, &margin, out));
  PetscCall(VecDot(v, out, &mean));
  mean /= s->count;
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(v, &c));
  PetscCall(VecGetArray(out, &b));
  for (PetscInt i = 0; i < n; i++) b[i] = s->count > 0.0 ? (b[i] != 0.0 ? c[i] - mean : 0.0) : mean; /* NaN of z, to all */
  PetscCall(VecRestoreArray(out, &b));
  PetscCall(VecRestoreArrayRead(v, &c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy/ds = 1/size of the support, on it */
static PetscErrorCode ADJProxParameter_Simplex(ADJProx prox, Vec z, Vec dy)
{
  PetscReal margin = 0.0;

  PetscFunctionBegin;
  PetscCall(ADJProxSelection_Simplex(prox, z, &margin, dy));
  PetscCall(VecScale(dy, 1.0 / ((Simplex *)prox->data)->count));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxDestroy_Simplex(ADJProx prox)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(prox->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateSimplex - Creates the projection on the simplex y >= 0, sum of y = total

   Collective

   Input Parameters:
+  comm  - the communicator of the vectors
-  total - the sum of the entries, positive

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Notes:
   y_i = max(z_i - tau, 0). tau is found by Newton's method on sum_i max(z_i - tau, 0) = total, which ends on the root up to
   rounding, with one reduction of two numbers a step. It is kept for derivatives at the same `z`.

   Change the total by `ADJProxSetParameter()`, differentiate in it by `ADJProxVJPParameter()`. An entry with z_i = tau counts as not in the support.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if the total is not positive or not finite, `PETSC_ERR_ARG_SIZ` from the application to a vector of length 0, `PETSC_ERR_SUP` with complex scalars.

   References:
   C. Michelot, A finite algorithm for finding the projection of a point onto the canonical simplex of R^n, 1986; M. Held, P. Wolfe, H. Crowder, Validation of subgradient optimization, 1974.

.seealso: `ADJProxCreateNonnegative()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateSimplex(MPI_Comm comm, PetscReal total, ADJProx *prox)
{
  ADJProx  newprox;
  Simplex *s;

  PetscFunctionBegin;
  PetscCall(ADJProxNeedsOrder_Private(comm, ADJ_PROX_SIMPLEX));
  PetscCall(ADJProxCreate_Private(comm, ADJ_PROX_SIMPLEX, &newprox));
  PetscCall(PetscNew(&s));
  newprox->data           = s;
  newprox->ops->apply     = ADJProxApply_Simplex;
  newprox->ops->mult      = ADJProxMult_Simplex;
  newprox->ops->parameter = ADJProxParameter_Simplex;
  newprox->ops->selection = ADJProxSelection_Simplex;
  newprox->ops->destroy   = ADJProxDestroy_Simplex;
  PetscCall(ADJProxTrySetParameter_Private(&newprox, total));
  *prox = newprox;
  PetscFunctionReturn(PETSC_SUCCESS);
}
