/*
   Which entries the Jacobian in x may have, and a coloring of its columns: from the DM, else from a matrix that was assembled.
*/
#include "differences.h"
#include <petsc/private/dmimpl.h>

/* What preconditioners are built on has the entries, if it is a matrix of entries */
static PetscErrorCode ADJPatternMatrix_Private(ADJ adj, Mat *P)
{
  const Mat candidates[3] = {adj->jacobian.P, adj->jacobian.A, adj->Pofjacobian ? NULL : adj->P};

  PetscFunctionBegin;
  *P = NULL;
  for (PetscInt i = 0; i < 3 && !*P; i++) {
    PetscBool without;

    if (!candidates[i]) continue;
    PetscCall(PetscObjectTypeCompareAny((PetscObject)candidates[i], &without, MATMFFD, MATSHELL, ""));
    if (!without) *P = candidates[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In ADJSetUp(): for an early error */
PetscErrorCode ADJPatternCheck_Private(ADJ adj)
{
  Mat P;

  PetscFunctionBegin;
  PetscCall(ADJPatternMatrix_Private(adj, &P));
  PetscCheck(adj->dm || P, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Differences by -adj_vjp_fd_color need to know which entries the Jacobian may have: call ADJSetDM(), or give an assembled matrix with these entries by ADJSetPreconditioner() or ADJSetJacobian()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v is, but for its type, a global vector of the DM */
PetscErrorCode ADJCheckLayoutOfDM_Private(ADJ adj, DM dm, Vec v, const char whose[], const char setter[])
{
  PetscInt n[2], N[2];
  Vec      like;
  int      differs[1];

  PetscFunctionBegin;
  PetscCall(DMGetGlobalVector(dm, &like));
  PetscCall(VecGetLocalSize(like, &n[0]));
  PetscCall(VecGetSize(like, &N[0]));
  PetscCall(DMRestoreGlobalVector(dm, &like));
  PetscCall(VecGetLocalSize(v, &n[1]));
  PetscCall(VecGetSize(v, &N[1]));
  PetscCheck(N[0] == N[1], PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_SIZ, "The vector of the %s has length %" PetscInt_FMT ", but those of the DM of %s have %" PetscInt_FMT "; create it with DMCreateGlobalVector()", whose, N[1], setter, N[0]);
  differs[0] = n[0] != n[1];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, differs, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
  PetscCheck(!differs[0], PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_SIZ, "The vector of the %s is distributed over the processes in another way than those of the DM of %s; create it with DMCreateGlobalVector()", whose, setter);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With the entries of the DM's stencil even if the user wants them not to be stored */
static PetscErrorCode ADJPatternOfDM_Private(ADJ adj, Mat *A)
{
  const PetscBool only = adj->dm->prealloc_only;

  PetscFunctionBegin;
  PetscCall(ADJCheckLayoutOfDM_Private(adj, adj->dm, adj->sol, "state", "ADJSetDM()"));
  PetscCall(DMSetMatrixPreallocateOnly(adj->dm, PETSC_FALSE));
  PetscCall(DMCreateMatrix(adj->dm, A));
  PetscCall(DMSetMatrixPreallocateOnly(adj->dm, only));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A matrix of a solver that did not run yet has no entries: its function puts them there */
static PetscErrorCode ADJPatternOfMatrix_Private(ADJ adj, Mat *A)
{
  PetscBool assembled;

  PetscFunctionBegin;
  PetscCall(ADJPatternMatrix_Private(adj, A));
  PetscCall(MatAssembled(*A, &assembled));
  if (!assembled && adj->jacobian.update) PetscCallBack("ADJ Jacobian", (*adj->jacobian.update)(adj, adj->lin_x, adj->lin_theta, adj->jacobian.A, adj->jacobian.P, adj->jacobian.ctx));
  PetscCall(MatAssembled(*A, &assembled));
  PetscCheck(assembled, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_WRONGSTATE, "The matrix that tells which entries the Jacobian may have is not assembled: assemble it, or call ADJSetDM()");
  PetscCall(PetscObjectReference((PetscObject)*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Columns with a row in common get different colors */
static PetscErrorCode ADJPatternColor_Private(ADJ adj, Mat A, ISColoring *coloring)
{
  MatColoring mc;
  PetscMPIInt size;
  char        prefix[256];

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)adj), &size));
  PetscCall(ADJGetChildPrefix_Private(adj, "adj_", sizeof(prefix), prefix));
  PetscCall(MatColoringCreate(A, &mc));
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)mc, prefix));
  PetscCall(MatColoringSetDistance(mc, 2));
  PetscCall(MatColoringSetType(mc, size == 1 ? MATCOLORINGSL : MATCOLORINGGREEDY));
  PetscCall(MatColoringSetFromOptions(mc));
  PetscCall(MatColoringApply(mc, coloring));
  PetscCall(MatColoringDestroy(&mc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries of rows on this process */
static PetscErrorCode ADJPatternEntries_Private(Mat A, PetscInt *n, PetscInt *row[], PetscInt *col[])
{
  PetscInt        r0, r1, k, at = 0;
  const PetscInt *cols;

  PetscFunctionBegin;
  *n = 0;
  PetscCall(MatGetOwnershipRange(A, &r0, &r1));
  for (PetscInt i = r0; i < r1; i++) {
    PetscCall(MatGetRow(A, i, &k, NULL, NULL));
    *n += k;
    PetscCall(MatRestoreRow(A, i, &k, NULL, NULL));
  }
  PetscCall(PetscMalloc2(*n, row, *n, col));
  for (PetscInt i = r0; i < r1; i++) {
    PetscCall(MatGetRow(A, i, &k, &cols, NULL));
    for (PetscInt j = 0; j < k; j++, at++) {
      (*row)[at] = i;
      (*col)[at] = cols[j];
    }
    PetscCall(MatRestoreRow(A, i, &k, &cols, NULL));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entries, to be freed by PetscFree2(), and coloring of the Jacobian in x */
PetscErrorCode ADJPatternCreate_Private(ADJ adj, PetscInt *n, PetscInt *row[], PetscInt *col[], ISColoring *coloring)
{
  Mat       A;
  PetscBool aij, da = PETSC_FALSE;

  PetscFunctionBegin;
  if (adj->dm) {
    PetscCall(ADJPatternOfDM_Private(adj, &A));
    PetscCall(PetscObjectTypeCompare((PetscObject)adj->dm, DMDA, &da));
  } else
    PetscCall(ADJPatternOfMatrix_Private(adj, &A));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &aij, MATSEQAIJ, MATMPIAIJ, ""));
  if (!aij) {
    Mat copy;

    PetscCall(MatConvert(A, MATAIJ, MAT_INITIAL_MATRIX, &copy));
    PetscCall(MatDestroy(&A));
    A = copy;
  }
  if (da)
    PetscCall(ADJDMDAColor_Private(adj->dm, coloring));
  else
    PetscCall(ADJPatternColor_Private(adj, A, coloring));
  PetscCall(ADJPatternEntries_Private(A, n, row, col));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}
