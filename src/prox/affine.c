/*
   Projection on A y = b, where the rows of A are independent:

     y = z - A^H K^{-1} (A z - b),   dy/dz = I - A^H K^{-1} A,   dy/db = A^H K^{-1},   K = A A^H

   K is a shell on the products of A, so that A is of any type; a KSP solves with it.
*/
#include "proximpl.h"
#include <contragrad/private/adjimpl.h>

typedef struct {
  Mat A, K;
  KSP ksp;
  Vec columns, rhs, solution; /* of the length of y; of that of b */
} Affine;

static PetscErrorCode MatMult_ADJ_AAH(Mat K, Vec x, Vec y)
{
  Affine *f;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(K, &f));
  PetscCall(MatMultHermitianTranspose(f->A, x, f->columns));
  PetscCall(MatMult(f->A, f->columns, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z fits the columns of A */
static PetscErrorCode ADJProxCheck_Affine(ADJProx prox, Vec z, Affine **f)
{
  PetscFunctionBegin;
  *f = (Affine *)prox->data;
  PetscCall(ADJProxCheckVec_Private(prox, z, (*f)->columns, "The point, which must fit the columns of the matrix,"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = A^H K^{-1} rhs */
static PetscErrorCode ADJProxLift_Private(ADJProx prox, Vec out)
{
  Affine            *f = (Affine *)prox->data;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(KSPSolve(f->ksp, f->rhs, f->solution));
  PetscCall(KSPGetConvergedReason(f->ksp, &reason));
  PetscCheck(reason > 0, PetscObjectComm((PetscObject)prox), PETSC_ERR_NOT_CONVERGED, "The solve with A A^T did not converge: %s; are the rows of A independent? See ADJProxGetKSP()", KSPConvergedReasons[reason]);
  if (out) PetscCall(MatMultHermitianTranspose(f->A, f->solution, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxApply_Affine(ADJProx prox, Vec z, Vec y)
{
  Affine *f;

  PetscFunctionBegin;
  PetscCall(ADJProxCheck_Affine(prox, z, &f));
  PetscCall(MatMult(f->A, z, f->rhs));
  if (prox->a) PetscCall(VecAXPY(f->rhs, -1.0, prox->a));
  PetscCall(ADJProxLift_Private(prox, y));
  PetscCall(VecAYPX(y, -1.0, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxMult_Affine(ADJProx prox, Vec z, Vec v, Vec out)
{
  Affine *f;

  PetscFunctionBegin;
  PetscCall(ADJProxCheck_Affine(prox, z, &f));
  PetscCall(MatMult(f->A, v, f->rhs));
  PetscCall(ADJProxLift_Private(prox, out));
  PetscCall(VecAYPX(out, -1.0, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxVJPVecs_Affine(ADJProx prox, Vec z, Vec w, Vec abar, Vec bbar)
{
  Affine *f;

  (void)bbar;
  PetscFunctionBegin;
  PetscCall(ADJProxCheck_Affine(prox, z, &f));
  if (!abar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatMult(f->A, w, f->rhs));
  PetscCall(ADJProxLift_Private(prox, NULL));
  PetscCall(VecCopy(f->solution, abar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxJVPVecs_Affine(ADJProx prox, Vec z, Vec adot, Vec bdot, Vec ydot)
{
  Affine *f;

  (void)bdot;
  PetscFunctionBegin;
  PetscCall(ADJProxCheck_Affine(prox, z, &f));
  if (adot) {
    PetscCall(VecCopy(adot, f->rhs));
    PetscCall(ADJProxLift_Private(prox, ydot));
  } else
    PetscCall(VecSet(ydot, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxSelection_Affine(ADJProx prox, Vec z, PetscReal *margin, Vec mask)
{
  Affine *f;

  (void)margin;
  PetscFunctionBegin;
  PetscCall(ADJProxCheck_Affine(prox, z, &f));
  PetscCall(VecSet(mask, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProxDestroy_Affine(ADJProx prox)
{
  Affine *f = (Affine *)prox->data;

  PetscFunctionBegin;
  PetscCall(KSPDestroy(&f->ksp));
  PetscCall(MatDestroy(&f->K));
  PetscCall(MatDestroy(&f->A));
  PetscCall(VecDestroy(&f->columns));
  PetscCall(VecDestroy(&f->rhs));
  PetscCall(VecDestroy(&f->solution));
  PetscCall(PetscFree(prox->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Conjugate gradients to rounding: a projection is to be one */
static PetscErrorCode ADJProxCreateKSP_Private(ADJProx prox, Mat A)
{
  Affine  *f;
  PC       pc;
  PetscInt m, M;

  PetscFunctionBegin;
  PetscCall(PetscNew(&f));
  prox->data         = f;
  prox->ops->destroy = ADJProxDestroy_Affine;
  PetscCall(PetscObjectReference((PetscObject)A));
  f->A = A;
  PetscCall(MatCreateVecs(A, &f->columns, &f->rhs));
  PetscCall(VecDuplicate(f->rhs, &f->solution));
  PetscCall(VecDuplicate(f->rhs, &prox->work));
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatGetSize(A, &M, NULL));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)A), m, m, M, M, f, &f->K));
  PetscCall(MatShellSetOperation(f->K, MATOP_MULT, ADJShellFn(MatMult_ADJ_AAH)));
  PetscCall(MatSetOption(f->K, MAT_HERMITIAN, PETSC_TRUE));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), &f->ksp));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)f->ksp, (PetscObject)prox, 1));
  PetscCall(KSPSetOperators(f->ksp, f->K, f->K));
  PetscCall(KSPSetType(f->ksp, KSPCG));
  PetscCall(KSPGetPC(f->ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetTolerances(f->ksp, 1e-14, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetOptionsPrefix(f->ksp, "adj_prox_"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxCreateAffine - Creates the projection on the affine set A y = b

   Collective

   Input Parameters:
+  A - the matrix, of any type that has products with itself and its transpose; its rows are independent
-  b - the right-hand side, `NULL` for zero

   Output Parameter:
.  prox - the map; destroy it with `ADJProxDestroy()`

   Options Database Keys:
+  -adj_prox_ksp_rtol <1e-14> - how accurately A A^T is solved with, see `ADJProxSetFromOptions()`
-  -adj_prox_ksp_type <cg>    - solver, and any other option of a KSP

   Level: beginner

   Notes:
   The map keeps references to both, see `ADJProxSetVecs()`. Derivatives with respect to `b`: `ADJProxVJPVecs()`.

   A A^T is never formed: conjugate gradients on products with A and A^T solve with it, without a preconditioner. Where A is badly
   conditioned, assemble A A^T and give it to the solver by `ADJProxGetKSP()` and `KSPSetOperators()`.

   With complex scalars the transpose is the Hermitian one.

   Errors:
   `PETSC_ERR_ARG_SIZ` if `b` does not fit the rows, `PETSC_ERR_NOT_CONVERGED` from the application if the solve fails.

.seealso: `ADJProxGetKSP()`, `ADJProxSetFromOptions()`, `ADJProxApply()`, `ADJProxDestroy()`
@*/
PetscErrorCode ADJProxCreateAffine(Mat A, Vec b, ADJProx *prox)
{
  ADJProx newprox;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscCall(ADJProxCreate_Private(PetscObjectComm((PetscObject)A), ADJ_PROX_AFFINE, &newprox));
  PetscCall(ADJProxCreateKSP_Private(newprox, A));
  newprox->ops->apply     = ADJProxApply_Affine;
  newprox->ops->mult      = ADJProxMult_Affine;
  newprox->ops->vjpvecs   = ADJProxVJPVecs_Affine;
  newprox->ops->jvpvecs   = ADJProxJVPVecs_Affine;
  newprox->ops->selection = ADJProxSelection_Affine;
  PetscCall(ADJProxTrySetVecs_Private(&newprox, b, NULL));
  *prox = newprox;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxGetKSP - The solver with A A^T of a projection on A y = b

   Not collective

   Input Parameter:
.  prox - the map, of the kind `ADJ_PROX_AFFINE`

   Output Parameter:
.  ksp - the solver, borrowed

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` for another kind.

.seealso: `ADJProxCreateAffine()`, `ADJProxSetFromOptions()`
@*/
PetscErrorCode ADJProxGetKSP(ADJProx prox, KSP *ksp)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCheck(prox->kind == ADJ_PROX_AFFINE, PetscObjectComm((PetscObject)prox), PETSC_ERR_SUP, "The map %s solves no linear system", ADJProxKinds[prox->kind]);
  *ksp = ((Affine *)prox->data)->ksp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJProxSetOptionsPrefix - Sets what stands before -adj_prox_ in the options of a map

   Logically collective

   Input Parameters:
+  prox   - the map
-  prefix - the prefix, without the leading hyphen

   Level: intermediate

.seealso: `ADJProxSetFromOptions()`, `ADJProxCreateAffine()`
@*/
PetscErrorCode ADJProxSetOptionsPrefix(ADJProx prox, const char prefix[])
{
  Affine *f;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)prox, prefix));
  if (prox->kind == ADJ_PROX_AFFINE) {
    f = (Affine *)prox->data;
    PetscCall(KSPSetOptionsPrefix(f->ksp, prefix));
    PetscCall(KSPAppendOptionsPrefix(f->ksp, "adj_prox_"));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJProxSetFromOptions - Reads the options of a map: those of the solver of `ADJ_PROX_AFFINE`; the other kinds have none

   Collective

   Input Parameter:
.  prox - the map

   Options Database Keys:
.  -adj_prox_ksp_<option> - options of the `KSP` that solves with A A^T

   Level: beginner

.seealso: `ADJProxSetOptionsPrefix()`, `ADJProxGetKSP()`
@*/
PetscErrorCode ADJProxSetFromOptions(ADJProx prox)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(prox, ADJPROX_CLASSID, 1);
  if (prox->kind == ADJ_PROX_AFFINE) PetscCall(KSPSetFromOptions(((Affine *)prox->data)->ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}
