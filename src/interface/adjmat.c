/*
   Shell matrices on the user's products, at the point of the last linearization:

       M   mult: JVP        transpose: VJP
       MT  mult: VJP        transpose: JVP      (its own matrix: every KSP type then works on it by MatMult)
       AT  mult: VJP, or JVP where there is none   (fixed point only; the spectrum of dF/dx)

   With A^T W = W for given null vectors W of M^T, and P the projection along them, P A^T has the spectrum of A^T but for
   the eigenvalue 1 of W, which becomes 0; the same with A U = U. AT is P A^T.
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode MatMult_ADJ_M(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJUnlock_Private(ADJApplyM_Private(adj, x, y), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJ_MT(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJUnlock_Private(ADJApplyMT_Private(adj, x, y, NULL), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   An error, NaN or Inf would stop a solver of SLEPc in the middle of its work, which it does not survive: it gets zero. What
   happened is told afterwards; NaN and Inf, and by Inf an error too, reach all processes
*/
PetscErrorCode ADJFilterProduct_Private(ADJProductFilter *filter, PetscErrorCode ierr, Vec y)
{
  PetscFunctionBegin;
  if (ierr) {
    filter->ierr = ierr;
    PetscCall(VecSet(y, PETSC_INFINITY));
  }
  PetscCall(VecNorm(y, NORM_2, &filter->norm));
  if (PetscIsInfOrNanReal(filter->norm)) filter->notfinite = PETSC_TRUE;
  if (filter->notfinite) PetscCall(VecSet(y, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJ_AT(Mat A, Vec x, Vec y)
{
  ADJ               adj;
  ADJProductFilter *filter;
  PetscReal         xnorm;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  filter = &adj->contraction.filter;
  if (filter->notfinite)
    PetscCall(VecSet(y, 0.0));
  else {
    PetscCall(ADJFilterProduct_Private(filter, adj->vjp ? ADJComputeVJP_Private(adj, adj->lin_x, adj->lin_theta, x, y, NULL) : ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, x, NULL, y), y));
    PetscCall(VecNorm(x, NORM_2, &xnorm));
    if (xnorm > 0.0 && !filter->notfinite) adj->contraction.norm = PetscMax(adj->contraction.norm, filter->norm / xnorm);
  }
  PetscCall(ADJNullSpaceRemove_Private(adj->vjp ? adj->nullvectors.left : adj->nullvectors.right, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors of the user's type and layout */
static PetscErrorCode MatCreateVecs_ADJ(Mat A, Vec *right, Vec *left)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  if (right) PetscCall(VecDuplicate(adj->r, right));
  if (left) PetscCall(VecDuplicate(adj->r, left));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n x n */
PetscErrorCode ADJCreateShell_Private(ADJ adj, PetscErrorCode (*mult)(Mat, Vec, Vec), PetscErrorCode (*multtranspose)(Mat, Vec, Vec), Mat *A)
{
  PetscInt n, N;
  VecType  vtype;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(adj->r, &n));
  PetscCall(VecGetSize(adj->r, &N));
  PetscCall(VecGetType(adj->r, &vtype));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), n, n, N, N, adj, A));
  PetscCall(MatShellSetOperation(*A, MATOP_MULT, ADJShellFn(mult)));
  if (multtranspose) PetscCall(MatShellSetOperation(*A, PetscDefined(USE_COMPLEX) ? MATOP_MULT_HERMITIAN_TRANSPOSE : MATOP_MULT_TRANSPOSE, ADJShellFn(multtranspose)));
  PetscCall(MatShellSetOperation(*A, MATOP_CREATE_VECS, ADJShellFn(MatCreateVecs_ADJ)));
  PetscCall(MatShellSetVecType(*A, vtype));
  PetscCall(MatSetUp(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The shells that the callbacks allow: M wants a JVP, MT a VJP */
PetscErrorCode ADJCreateShells_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj->M && adj->jvp) PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_M, adj->vjp ? MatMult_ADJ_MT : NULL, &adj->M));
  if (!adj->MT && adj->vjp) PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_MT, adj->jvp ? MatMult_ADJ_M : NULL, &adj->MT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCreateContractionShell_Private(ADJ adj, Mat *AT)
{
  PetscFunctionBegin;
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_AT, NULL, AT));
  PetscFunctionReturn(PETSC_SUCCESS);
}
