/*
   A sparse Jacobian J of the map by colors. With the columns of color c moved at once, each by its own step h_j,

       J_ij = (F(v + sum_j h_j e_j) - F(v - sum_j h_j e_j))_i / 2 h_j        for the one j of color c in row i.
*/
#include "differences.h"

#define ADJ_STEP_FLOOR 1e-3 /* of the root mean square of a field: the least size that is assumed of its components */

/* J = 1 on the pattern, which may name an entry twice */
static PetscErrorCode ADJColoredFill_Private(Mat J, PetscInt n, const PetscInt row[], const PetscInt col[])
{
  PetscLayout rows, cols;
  PetscInt    m, N, r0, c0, c1, *dnz, *onz;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(J, &m, NULL));
  PetscCall(MatGetSize(J, NULL, &N));
  PetscCall(MatGetLayouts(J, &rows, &cols));
  PetscCall(PetscLayoutSetUp(rows));
  PetscCall(PetscLayoutSetUp(cols));
  PetscCall(PetscLayoutGetRange(rows, &r0, NULL));
  PetscCall(PetscLayoutGetRange(cols, &c0, &c1));
  PetscCall(PetscCalloc2(m, &dnz, m, &onz));
  for (PetscInt k = 0; k < n; k++) {
    if (col[k] >= c0 && col[k] < c1)
      dnz[row[k] - r0]++;
    else
      onz[row[k] - r0]++;
  }
  for (PetscInt i = 0; i < m; i++) { /* no more than there are columns */
    dnz[i] = PetscMin(dnz[i], c1 - c0);
    onz[i] = PetscMin(onz[i], N - (c1 - c0));
  }
  PetscCall(MatSeqAIJSetPreallocation(J, 0, dnz));
  PetscCall(MatMPIAIJSetPreallocation(J, 0, dnz, 0, onz));
  PetscCall(MatSetOption(J, MAT_NO_OFF_PROC_ENTRIES, PETSC_TRUE));
  PetscCall(PetscFree2(dnz, onz));
  for (PetscInt k = 0; k < n; k++) PetscCall(MatSetValue(J, row[k], col[k], 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The color of an entry, from J diag(1 + color) */
static inline PetscInt ADJEntryColor_Private(PetscScalar v)
{
  return (PetscInt)(PetscRealPart(v) + 0.5) - 1;
}

/* The entries in the order of their colors, from the entries themselves. Overwrites J */
static PetscErrorCode ADJColoredSort_Private(ADJColored *c)
{
  PetscInt           r0, r1, n, *next, *seen;
  const PetscInt    *cols;
  const PetscScalar *vals;

  PetscFunctionBegin;
  PetscCall(VecSet(c->mask, 0.0));
  for (PetscInt k = 0; k < c->ncolors; k++) PetscCall(VecISSet(c->mask, c->columns[k], (PetscScalar)(k + 1)));
  PetscCall(MatDiagonalScale(c->J, NULL, c->mask));
  PetscCall(MatGetOwnershipRange(c->J, &r0, &r1));
  PetscCall(PetscCalloc1(c->ncolors + 1, &c->first));
  PetscCall(PetscMalloc2(c->ncolors, &next, c->ncolors, &seen));
  for (PetscInt k = 0; k < c->ncolors; k++) seen[k] = -1;
  for (PetscInt i = r0; i < r1; i++) {
    PetscCall(MatGetRow(c->J, i, &n, NULL, &vals));
    for (PetscInt k = 0; k < n; k++) {
      const PetscInt color = ADJEntryColor_Private(vals[k]);

      PetscCheck(color >= 0 && seen[color] != i, PETSC_COMM_SELF, PETSC_ERR_PLIB, "The coloring does not tell two columns of row %" PetscInt_FMT " apart", i);
      seen[color] = i;
      c->first[color + 1]++;
    }
    PetscCall(MatRestoreRow(c->J, i, &n, NULL, &vals));
  }
  for (PetscInt k = 0; k < c->ncolors; k++) {
    next[k] = c->first[k];
    c->first[k + 1] += c->first[k];
  }
  PetscCall(PetscMalloc3(c->first[c->ncolors], &c->row, c->first[c->ncolors], &c->col, r1 - r0, &c->value));
  for (PetscInt i = r0; i < r1; i++) {
    PetscCall(MatGetRow(c->J, i, &n, &cols, &vals));
    for (PetscInt k = 0; k < n; k++) {
      const PetscInt at = next[ADJEntryColor_Private(vals[k])]++;

      c->row[at] = i;
      c->col[at] = cols[k];
    }
    PetscCall(MatRestoreRow(c->J, i, &n, &cols, &vals));
  }
  PetscCall(PetscFree2(next, seen));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries (row[k], col[k]) of rows on this process; value and variable give the layout. J has no entries yet, or is NULL: then it is created */
PetscErrorCode ADJColoredCreate_Private(Vec value, Vec variable, PetscInt n, const PetscInt row[], const PetscInt col[], ISColoring coloring, Mat J, ADJColored **newc)
{
  ADJColored *c;
  PetscInt    m, M, k, K;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  *newc = c;
  if (J) {
    PetscCall(PetscObjectReference((PetscObject)J));
    c->J = J;
  } else {
    PetscCall(VecGetLocalSize(value, &m));
    PetscCall(VecGetSize(value, &M));
    PetscCall(VecGetLocalSize(variable, &k));
    PetscCall(VecGetSize(variable, &K));
    PetscCall(MatCreate(PetscObjectComm((PetscObject)value), &c->J));
    PetscCall(MatSetSizes(c->J, m, k, M, K));
    PetscCall(MatSetType(c->J, MATAIJ));
  }
  PetscCall(VecDuplicate(variable, &c->step));
  PetscCall(VecDuplicate(variable, &c->shifted));
  PetscCall(VecDuplicate(variable, &c->mask));
  PetscCall(VecDuplicate(value, &c->upper));
  PetscCall(VecDuplicate(value, &c->lower));
  PetscCall(ISColoringReference(coloring));
  c->coloring = coloring;
  PetscCall(ISColoringGetIS(coloring, PETSC_USE_POINTER, &c->ncolors, &c->columns));
  PetscCall(ADJColoredFill_Private(c->J, n, row, col));
  PetscCall(ADJColoredSort_Private(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJColoredDestroy_Private(ADJColored **c)
{
  PetscFunctionBegin;
  if (!*c) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatDestroy(&(*c)->J));
  if ((*c)->columns) PetscCall(ISColoringRestoreIS((*c)->coloring, PETSC_USE_POINTER, &(*c)->columns));
  PetscCall(ISColoringDestroy(&(*c)->coloring));
  PetscCall(PetscFree((*c)->first));
  PetscCall(PetscFree3((*c)->row, (*c)->col, (*c)->value));
  PetscCall(VecDestroy(&(*c)->step));
  PetscCall(VecDestroy(&(*c)->shifted));
  PetscCall(VecDestroy(&(*c)->mask));
  PetscCall(VecDestroy(&(*c)->upper));
  PetscCall(VecDestroy(&(*c)->lower));
  PetscCall(PetscFree(*c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* h_j by |v_j|, or, where that is next to nothing or nothing, by the root mean square of its field: fields are interlaced */
static PetscErrorCode ADJColoredStep_Private(Vec v, Vec step)
{
  PetscInt     lo, hi, N, bs, *index;
  PetscReal   *rms;
  PetscScalar *h;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  PetscCall(VecGetSize(v, &N));
  PetscCall(VecGetBlockSize(v, &bs));
  PetscCall(PetscMalloc3(bs, &rms, hi - lo, &index, hi - lo, &h));
  for (PetscInt k = 0; k < bs; k++) {
    PetscCall(VecStrideNorm(v, k, NORM_2, &rms[k]));
    if (N) rms[k] *= PetscSqrtReal((PetscReal)bs / N);
  }
  for (PetscInt i = lo; i < hi; i++) index[i - lo] = i;
  PetscCall(VecGetValues(v, hi - lo, index, h));
  for (PetscInt i = 0; i < hi - lo; i++) {
    const PetscReal size = PetscAbsScalar(h[i]), typical = rms[(lo + i) % bs];

    h[i] = ADJ_DIFFERENCES_STEP * (size > 0.0 ? PetscMax(size, ADJ_STEP_FLOOR * typical) : (typical > 0.0 ? typical : 1.0));
  }
  PetscCall(VecSetValues(step, hi - lo, index, h, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(step));
  PetscCall(VecAssemblyEnd(step));
  PetscCall(PetscFree3(rms, index, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F at v + sign h, h the steps of one color */
static PetscErrorCode ADJColoredEvaluate_Private(ADJ adj, ADJColored *c, PetscReal sign, PetscBool inx, Vec x, Vec theta, Vec y)
{
  PetscFunctionBegin;
  PetscCall(VecWAXPY(c->shifted, sign, c->mask, inx ? x : theta));
  PetscCall(ADJComputeMap_Private(adj, inx ? c->shifted : x, inx ? theta : c->shifted, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* J at (x, theta), in x or in theta */
PetscErrorCode ADJColoredUpdate_Private(ADJ adj, ADJColored *c, PetscBool inx, Vec x, Vec theta)
{
  PetscFunctionBegin;
  PetscCall(ADJColoredStep_Private(inx ? x : theta, c->step));
  for (PetscInt k = 0; k < c->ncolors; k++) {
    const PetscInt *row = c->row + c->first[k], *col = c->col + c->first[k], n = c->first[k + 1] - c->first[k];

    PetscCall(VecSet(c->mask, 0.0));
    PetscCall(VecISSet(c->mask, c->columns[k], 1.0));
    PetscCall(VecPointwiseMult(c->mask, c->mask, c->step));
    PetscCall(ADJColoredEvaluate_Private(adj, c, 1.0, inx, x, theta, c->upper));
    PetscCall(ADJColoredEvaluate_Private(adj, c, -1.0, inx, x, theta, c->lower));
    PetscCall(VecAXPY(c->upper, -1.0, c->lower));
    PetscCall(VecGetValues(c->upper, n, row, c->value));
    for (PetscInt i = 0; i < n; i++) PetscCall(MatSetValue(c->J, row[i], col[i], c->value[i], INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(c->J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(c->J, MAT_FINAL_ASSEMBLY));
  PetscCall(VecScale(c->step, 2.0));
  PetscCall(VecReciprocal(c->step));
  PetscCall(MatDiagonalScale(c->J, NULL, c->step));
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}
