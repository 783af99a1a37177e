/*
   The derivative in the entries of the matrix of a borrowed KSP: with A^H w = dl/dx and A x = b,

       dl = -Re w^H dA x = Re sum_ij conj(G_ij) dA_ij,   G = -w x^H

   on the entries that A stores: ones in their places, scaled by rows and columns.
*/
#include "ksp.h"

static PetscErrorCode ADJIsHermitian_Private(Mat A, PetscBool *hermitian)
{
  PetscBool set = PETSC_FALSE, flg = PETSC_FALSE;

  PetscFunctionBegin;
  if (PetscDefined(USE_COMPLEX)) PetscCall(MatIsHermitianKnown(A, &set, &flg));
  *hermitian = (PetscBool)(set && flg);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJForgetSymmetry_Private(Mat G)
{
  PetscBool set, flg;

  PetscFunctionBegin;
  PetscCall(MatIsSPDKnown(G, &set, &flg));
  if (set && flg) PetscCall(MatSetOption(G, MAT_SPD, PETSC_FALSE)); /* not all types take it */
  PetscCall(MatSetOption(G, MAT_SYMMETRIC, PETSC_FALSE));
  PetscCall(MatSetOption(G, MAT_HERMITIAN, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* G gets the rows of A, or ones in their places */
static PetscErrorCode ADJCopyRows_Private(Mat A, PetscBool values, Mat G)
{
  PetscInt           lo, hi, n, most = 0;
  const PetscInt    *cols;
  const PetscScalar *v;
  PetscScalar       *ones;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(A, i, &n, NULL, NULL));
    most = PetscMax(most, n);
    PetscCall(MatRestoreRow(A, i, &n, NULL, NULL));
  }
  PetscCall(PetscMalloc1(most, &ones));
  for (PetscInt k = 0; k < most; k++) ones[k] = 1.0;
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(A, i, &n, &cols, &v));
    PetscCall(MatSetValues(G, 1, &i, n, cols, values ? v : ones, INSERT_VALUES));
    PetscCall(MatRestoreRow(A, i, &n, &cols, &v));
  }
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree(ones));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -l r^T on the entries of A. That A is symmetric means nothing for it */
static PetscErrorCode ADJCreateOuter_Private(Mat A, Vec l, Vec r, Mat *G)
{
  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_DO_NOT_COPY_VALUES, G));
  PetscCall(ADJForgetSymmetry_Private(*G));
  PetscCall(ADJCopyRows_Private(A, PETSC_FALSE, *G));
  PetscCall(MatDiagonalScale(*G, l, r));
  PetscCall(MatScale(*G, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An AIJ for the entries that an SBAIJ stores, which gives its rows */
static PetscErrorCode ADJCreateUpper_Private(Mat A, Mat *U)
{
  PetscInt        lo, hi, clo, chi, m, n, M, N, count, *d, *o;
  const PetscInt *cols;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  PetscCall(MatGetOwnershipRangeColumn(A, &clo, &chi));
  PetscCall(MatGetLocalSize(A, &m, &n));
  PetscCall(MatGetSize(A, &M, &N));
  PetscCall(PetscCalloc2(m, &d, m, &o));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(A, i, &count, &cols, NULL));
    for (PetscInt k = 0; k < count; k++) {
      if (clo <= cols[k] && cols[k] < chi)
        d[i - lo]++;
      else
        o[i - lo]++;
    }
    PetscCall(MatRestoreRow(A, i, &count, &cols, NULL));
  }
  PetscCall(MatCreateAIJ(PetscObjectComm((PetscObject)A), m, n, M, N, 0, d, 0, o, U));
  PetscCall(PetscFree2(d, o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   -(l r^T + s t^T)/2, symmetric or Hermitian, on the entries that an SBAIJ stores. By way of AIJ: an SBAIJ can be scaled by the
   same vector on both sides only, and that goes wrong in parallel with blocks (PETSc 3.18)
*/
static PetscErrorCode ADJCreateSymmetricOuter_Private(Mat A, Vec l, Vec r, Mat *G)
{
  Vec       s, t;
  Mat       U, V;
  PetscBool hermitian = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(ADJIsHermitian_Private(A, &hermitian));
  PetscCall(VecDuplicate(r, &s));
  PetscCall(VecDuplicate(l, &t));
  PetscCall(VecCopy(r, s));
  PetscCall(VecCopy(l, t));
  if (hermitian) { /* (l r^T)^H = conj(r) conj(l)^T */
    PetscCall(VecConjugate(s));
    PetscCall(VecConjugate(t));
  }
  PetscCall(MatGetRowUpperTriangular(A));
  PetscCall(ADJCreateUpper_Private(A, &U));
  PetscCall(ADJCopyRows_Private(A, PETSC_FALSE, U));
  PetscCall(MatRestoreRowUpperTriangular(A));
  PetscCall(MatDuplicate(U, MAT_COPY_VALUES, &V));
  PetscCall(MatDiagonalScale(U, l, r));
  PetscCall(MatDiagonalScale(V, s, t));
  PetscCall(MatAXPY(U, 1.0, V, SAME_NONZERO_PATTERN));
  PetscCall(MatScale(U, -0.5));
  PetscCall(MatDuplicate(A, MAT_DO_NOT_COPY_VALUES, G));
  PetscCall(ADJCopyRows_Private(U, PETSC_TRUE, *G));
  PetscCall(MatDestroy(&U));
  PetscCall(MatDestroy(&V));
  PetscCall(VecDestroy(&s));
  PetscCall(VecDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCreateMatGradient_Private(Mat, Vec, Vec, Mat *);

/* Block by block; what is no block stays none */
static PetscErrorCode ADJCreateNestGradient_Private(Mat A, Vec l, Vec r, Mat *G)
{
  PetscInt nr, nc;
  IS      *rows, *cols;
  Mat    **blocks, *g;
  Vec      lsub, rsub;

  PetscFunctionBegin;
  PetscCall(MatNestGetSubMats(A, &nr, &nc, &blocks));
  PetscCall(PetscMalloc2(nr, &rows, nc, &cols));
  PetscCall(PetscCalloc1(nr * nc, &g));
  PetscCall(MatNestGetISs(A, rows, cols));
  for (PetscInt i = 0; i < nr; i++) {
    PetscCall(VecGetSubVector(l, rows[i], &lsub));
    for (PetscInt j = 0; j < nc; j++) {
      if (!blocks[i][j]) continue;
      PetscCall(VecGetSubVector(r, cols[j], &rsub));
      PetscCall(ADJCreateMatGradient_Private(blocks[i][j], lsub, rsub, &g[i * nc + j]));
      PetscCall(VecRestoreSubVector(r, cols[j], &rsub));
    }
    PetscCall(VecRestoreSubVector(l, rows[i], &lsub));
  }
  PetscCall(MatCreateNest(PetscObjectComm((PetscObject)A), nr, rows, nc, cols, g, G));
  for (PetscInt k = 0; k < nr * nc; k++) PetscCall(MatDestroy(&g[k]));
  PetscCall(PetscFree2(rows, cols));
  PetscCall(PetscFree(g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Its types, before anything is computed: the same on all processes */
static PetscErrorCode ADJCheckMatGradient_Private(Mat A)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)A);
  PetscBool nest, rows;
  PetscInt  nr, nc;
  Mat     **blocks;
  MatType   type;

  PetscFunctionBegin;
  PetscCall(MatGetType(A, &type));
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATNEST, &nest));
  if (nest) {
    PetscCall(MatNestGetSubMats(A, &nr, &nc, &blocks));
    for (PetscInt i = 0; i < nr; i++) {
      for (PetscInt j = 0; j < nc; j++) {
        if (blocks[i][j]) PetscCall(ADJCheckMatGradient_Private(blocks[i][j]));
      }
    }
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &rows, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, MATSEQDENSE, MATMPIDENSE, ""));
  PetscCheck(rows, comm, PETSC_ERR_SUP, "The gradient in the entries of a matrix of type %s is not known: convert it to AIJ, BAIJ, SBAIJ, DENSE, or NEST of these, or chain to the parameters by ADJSetParameterVJP()", type);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCreateMatGradient_Private(Mat A, Vec l, Vec r, Mat *G)
{
  PetscBool nest, sbaij;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATNEST, &nest));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &sbaij, MATSEQSBAIJ, MATMPISBAIJ, ""));
  if (nest)
    PetscCall(ADJCreateNestGradient_Private(A, l, r, G));
  else if (sbaij)
    PetscCall(ADJCreateSymmetricOuter_Private(A, l, r, G));
  else
    PetscCall(ADJCreateOuter_Private(A, l, r, G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetMatGradient - The derivative in the entries of the matrix of `ADJSetKSP()`, on its nonzero pattern

   Collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  G - of the type and pattern of A; to be destroyed by the caller

   Level: intermediate

   Notes:
   Of the functional whose cotangent the last `ADJSolveAdjoint()`, or `ADJComputeObjectiveAndGradient()`, was given: if each stored entry of A changes by
   dA_ij, it changes by dl = Re sum_ij conj(G_ij) dA_ij, with G = -w x^H and w the adjoint, see `ADJGetAdjointSolution()`. Entries that are stored
   but zero count; those that are not stored do not.

   For `MATAIJ`, `MATBAIJ`, `MATDENSE`, and `MATNEST` with blocks of these, where what is no block stays none. For `MATSBAIJ` dA is
   symmetric, and so is G = -(w x^H + conj(x) w^T)/2; with complex scalars and `MAT_HERMITIAN` both are Hermitian, G = -(w x^H + x w^H)/2. The sum
   is over all entries, not over those above the diagonal alone.

   Example of Usage:
   for a code in which A = sum_k theta_k A_k
.vb
   ADJSolveAdjoint(adj, xbar, thetabar);
   ADJGetMatGradient(adj, &G);
   // thetabar_k = sum_ij G_ij (A_k)_ij
   MatDestroy(&G);
.ve

   Errors:
   `PETSC_ERR_ORDER` before the first adjoint; `PETSC_ERR_SUP` without `ADJSetKSP()`, since the entries of another Jacobian cannot be changed without
   changing the residual, for other types than `implicit`, and for other types of matrices.

.seealso: `ADJSetKSP()`, `ADJSolveAdjoint()`, `ADJGetAdjointSolution()`, `ADJSetParameterVJP()`
@*/
PetscErrorCode ADJGetMatGradient(ADJ adj, Mat *G)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscBool implicit;
  Vec       xconj;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->adapter && adj->adapter->linear, comm, PETSC_ERR_SUP, "Derivatives in the entries of a matrix are those of A x = b, the problem of ADJSetKSP(); in a Jacobian of another residual no entry can be changed alone");
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, ADJIMPLICIT, &implicit));
  PetscCheck(implicit, comm, PETSC_ERR_SUP, "Derivatives in the entries of A come with -adj_type implicit alone");
  PetscCheck(adj->w && adj->state->adjoint.reason, comm, PETSC_ERR_ORDER, "Must call ADJSolveAdjoint() after the solve, before ADJGetMatGradient()");
  PetscCall(ADJCheckMatGradient_Private(adj->jacobian.A));
  PetscCall(VecDuplicate(adj->state->x, &xconj));
  PetscCall(VecCopy(adj->state->x, xconj));
  PetscCall(VecConjugate(xconj));
  PetscCall(ADJCreateMatGradient_Private(adj->jacobian.A, adj->w, xconj, G));
  PetscCall(VecDestroy(&xconj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
