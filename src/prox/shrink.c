/*
   Soft thresholds: the proximal map of t times the sum of the 2-norms of blocks of `bs` entries; blocks of one entry are the l1-norm.

     y_g = (1 - t/|z_g|)_+ z_g,   on the support  dy_g = (1 - t/|z_g|) v_g + t/|z_g| n Re(n^H v_g),  n = z_g/|z_g|

   Bach, Jenatton, Mairal, Obozinski, Optimization with sparsity-inducing penalties, 2012, section 3.3.
*/
#include "proximpl.h"

/* Blocks do not reach over processes; the same answer on every rank */
static PetscErrorCode ADJProxCheckBlocks_Private(ADJProx prox, Vec z)
{
  PetscMPIInt     size;
  const PetscInt *ranges;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)prox), &size));
  PetscCall(VecGetOwnershipRanges(z, &ranges));
  for (PetscMPIInt r = 0; r < size; r++) PetscCheck((ranges[r + 1] - ranges[r]) % prox->bs == 0, PetscObjectComm((PetscObject)prox), PETSC_ERR_ARG_SIZ, "Process %d has %" PetscInt_FMT " entries, no multiple of the %" PetscInt_FMT " of a block; see VecSetBlockSize()", r, ranges[r + 1] - ranges[r], prox->bs);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 2-norm of a block, without overflow */
static inline PetscReal ADJProxBlockNorm_Private(PetscInt bs, const PetscScalar z[])
{
  PetscReal largest = 0.0, sum = 0.0;

  if (bs == 1) return PetscAbsScalar(z[0]);
  for (PetscInt i = 0; i < bs; i++) {
    const PetscReal size = PetscAbsScalar(z[i]);

    if (!(size <= largest)) largest = size;
  }
  if (!(largest > 0.0)) return largest;
  for (PetscInt i = 0; i < bs; i++) sum += PetscSqr(PetscAbsScalar(z[i]) / largest);
  return largest * PetscSqrtReal(sum);
}

/* Whether the value of a block is not 0, or the map is the identity; NaN is in the support, and stays */
static inline PetscBool ADJProxInSupport_Private(ADJProx prox, PetscReal norm)
{
  return (PetscBool)(!(norm <= prox->p) || prox->p == 0.0);
}

static PetscErrorCode ADJProxApply_Shrink(ADJProx prox, Vec z, Vec y)
{
  const PetscScalar *a;
  PetscScalar       *b;
  const PetscInt     bs = prox->bs;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxCheckBlocks_Private(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt g = 0; g < n; g += bs) {
    const PetscReal norm = ADJProxBlockNorm_Private(bs, &a[g]);
    const PetscBool in   = ADJProxInSupport_Private(prox, norm);

    for (PetscInt i = g; i < g + bs; i++) {
      if (prox->p == 0.0)
        b[i] = a[i];
      else
        b[i] = in ? (a[i] / norm) * (norm - prox->p) : 0.0;
    }
  }
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxMult_Shrink(ADJProx prox, Vec z, Vec v, Vec out)
{
  const PetscScalar *a, *c;
  PetscScalar       *b;
  const PetscInt     bs = prox->bs;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxCheckBlocks_Private(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayRead(v, &c));
  PetscCall(VecGetArrayWrite(out, &b));
  for (PetscInt g = 0; g < n; g += bs) {
    const PetscReal norm = ADJProxBlockNorm_Private(bs, &a[g]);
    const PetscBool in = ADJProxInSupport_Private(prox, norm), plain = (PetscBool)(prox->p == 0.0 || (bs == 1 && !PetscDefined(USE_COMPLEX)));
    PetscReal       along = 0.0;

    if (in && !plain) {
      for (PetscInt i = g; i < g + bs; i++) along += PetscRealPart(PetscConj(a[i] / norm) * c[i]);
    }
    for (PetscInt i = g; i < g + bs; i++) {
      if (!in)
        b[i] = 0.0;
      else
        b[i] = plain ? c[i] : c[i] - (prox->p / norm) * (c[i] - along * (a[i] / norm));
    }
  }
  PetscCall(VecRestoreArrayWrite(out, &b));
  PetscCall(VecRestoreArrayRead(v, &c));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dy/dt = -n on the support; at t = 0 where z is not 0 */
static PetscErrorCode ADJProxParameter_Shrink(ADJProx prox, Vec z, Vec dy)
{
  const PetscScalar *a;
  PetscScalar       *b;
  const PetscInt     bs = prox->bs;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxCheckBlocks_Private(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(dy, &b));
  for (PetscInt g = 0; g < n; g += bs) {
    const PetscReal norm = ADJProxBlockNorm_Private(bs, &a[g]);

    for (PetscInt i = g; i < g + bs; i++) b[i] = !(norm <= prox->p) ? -a[i] / norm : 0.0;
  }
  PetscCall(VecRestoreArrayWrite(dy, &b));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxSelection_Shrink(ADJProx prox, Vec z, PetscReal *margin, Vec mask)
{
  const PetscScalar *a;
  PetscScalar       *b;
  const PetscInt     bs = prox->bs;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(ADJProxCheckBlocks_Private(prox, z));
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(VecGetArrayRead(z, &a));
  PetscCall(VecGetArrayWrite(mask, &b));
  for (PetscInt g = 0; g < n; g += bs) {
    const PetscReal norm = ADJProxBlockNorm_Private(bs, &a[g]);

    for (PetscInt i = g; i < g + bs; i++) b[i] = ADJProxInSupport_Private(prox, norm) ? 1.0 : 0.0;
    if (prox->p > 0.0) *margin = PetscMin(*margin, PetscAbsReal(norm - prox->p));
  }
  PetscCall(VecRestoreArrayWrite(mask, &b));
  PetscCall(VecRestoreArrayRead(z, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxCreate_Shrink(MPI_Comm comm, ADJProxKind kind, PetscReal t, PetscInt bs, ADJProx *prox)
{
  ADJProx newprox;

  PetscFunctionBegin;
  PetscCall(ADJProxCreate_Private(comm, kind, &newprox));
  newprox->bs             = bs;
  newprox->ops->apply     = ADJProxApply_Shrink;
  newprox->ops->mult      = ADJProxMult_Shrink;
  newprox->ops->parameter = ADJProxParameter_Shrink;
  newprox->ops->selection = ADJProxSelection_Shrink;
  PetscCall(ADJProxTrySetParameter_Private(&newprox, t));
  *prox = newprox;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateL1 - Creates the soft threshold, the proximal map of t |y|_1: y_i = sign(z_i) max(|z_i| - t, 0)

   Collective

   Input Parameters:
+  comm - the communicator of the vectors
-  t    - the threshold, not negative

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Notes:
   Change the threshold by `ADJProxSetParameter()`, differentiate in it by `ADJProxVJPParameter()`.

   An entry on the threshold counts as zero: its derivatives are 0. The threshold 0 is the identity, with the identity as derivative.

   With complex scalars the modulus shrinks and the phase stays; the derivative is real-linear.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if the threshold is negative or not finite.

.seealso: `ADJProxCreateGroupL1()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateL1(MPI_Comm comm, PetscReal t, ADJProx *prox)
{
  PetscFunctionBegin;
  PetscCall(ADJProxCreate_Shrink(comm, ADJ_PROX_L1, t, 1, prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateGroupL1 - Creates the group soft threshold, the proximal map of t times the sum of the 2-norms of blocks:
   y_g = max(1 - t/|z_g|, 0) z_g

   Collective

   Input Parameters:
+  comm - the communicator of the vectors
.  t    - the threshold, not negative
-  bs   - entries of a block, consecutive; each process has whole blocks

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Level: beginner

   Notes:
   Change the threshold by `ADJProxSetParameter()`, differentiate in it by `ADJProxVJPParameter()`.

   A block on the threshold counts as zero. With complex scalars the derivative is real-linear.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if the threshold is negative or not finite or the block empty; `PETSC_ERR_ARG_SIZ` from the application if a process has a broken block.

.seealso: `ADJProxCreateL1()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateGroupL1(MPI_Comm comm, PetscReal t, PetscInt bs, ADJProx *prox)
{
  PetscFunctionBegin;
  PetscCheck(bs >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "A block has %" PetscInt_FMT " entries; it must have 1 at least", bs);
  PetscCall(ADJProxCreate_Shrink(comm, ADJ_PROX_GROUP_L1, t, bs, prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}
