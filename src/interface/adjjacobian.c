/*
   The Jacobian as a matrix, and what is known of it.
*/
#include <contragrad/private/adjimpl.h>

/*@C
   ADJSetJacobian - Gives the derivative of F or R in x as a matrix, in place of products

   Collective

   Input Parameters:
+  adj    - the context
.  A      - dF/dx or dR/dx, of global size n x n, or `NULL` for none; it is referenced, not copied
.  P      - for a residual: what preconditioners are built on, often A itself; `NULL` for none
.  update - brings A and P to (x, theta), `NULL` if they are constant
-  ctx    - context passed to `update`, may be `NULL`

   Calling sequence of `update`:
.vb
   PetscErrorCode update(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx)
.ve

   Level: intermediate

   Notes:
   The product in theta is that of `ADJSetParameterVJP()` or `ADJSetParameterJacobian()`. `ADJSetVJP()` and `ADJSetJVP()` have priority
   over A, `ADJSetPreconditioner()` over P. Borrowed solvers, see `ADJSetSNES()`, bring their own matrices.

   A must be the derivative, P an approximation of it. The verdict holds A against differences of F or R, and refuses a derivative that was
   made with another matrix, such as one of a Picard iteration.

.seealso: `ADJSetParameterVJP()`, `ADJSetParameterJacobian()`, `ADJSetSymmetric()`, `ADJSetTranspose()`
@*/
PetscErrorCode ADJSetJacobian(ADJ adj, Mat A, Mat P, ADJJacobianFn *update, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (A) PetscValidHeaderSpecific(A, MAT_CLASSID, 2);
  if (P) PetscValidHeaderSpecific(P, MAT_CLASSID, 3);
  PetscCall(PetscObjectReference((PetscObject)A));
  PetscCall(PetscObjectReference((PetscObject)P));
  PetscCall(MatDestroy(&adj->jacobian.A));
  PetscCall(MatDestroy(&adj->jacobian.P));
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->jacobian.A      = A;
  adj->jacobian.P      = P;
  adj->jacobian.update = update;
  adj->jacobian.ctx    = ctx;
  adj->jacobian.taken  = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetJacobian - What was given to `ADJSetJacobian()`, or was taken from a borrowed solver

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  A      - the matrix (borrowed), or `NULL` to ignore
.  P      - that of the preconditioners (borrowed), or `NULL` to ignore
.  update - the function, or `NULL` to ignore
-  ctx    - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetJacobian()`
@*/
PetscErrorCode ADJGetJacobian(ADJ adj, Mat *A, Mat *P, ADJJacobianFn **update, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (A) *A = adj->jacobian.A;
  if (P) *P = adj->jacobian.P;
  if (update) *update = adj->jacobian.update;
  if (ctx) *ctx = adj->jacobian.ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetSymmetric - Says that the Jacobian in x is its own transpose (its own Hermitian transpose with complex scalars)

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - `PETSC_TRUE` if it is; default: what is known to its matrix, see `MatSetOption()`

   Options Database Key:
.  -adj_symmetric <bool> - whether it is

   Level: intermediate

   Notes:
   Then the operator and the preconditioner of a borrowed forward solver serve the adjoint as they are, nothing is transposed, and matrices
   without a transpose, as those of `-snes_mf`, will do. A wrong claim is seen by the verdict, which holds the products against
   differences.

.seealso: `ADJGetSymmetric()`, `ADJSetJacobian()`, `ADJSetSNES()`, `ADJSetKSP()`
@*/
PetscErrorCode ADJSetSymmetric(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->symmetric = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSymmetric - What was said with `ADJSetSymmetric()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - `PETSC_TRUE` if the Jacobian is its own transpose

   Level: intermediate

.seealso: `ADJSetSymmetric()`
@*/
PetscErrorCode ADJGetSymmetric(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->symmetric;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTranspose - Sets how the transpose of a Jacobian that is a matrix is applied in the adjoint solve

   Logically collective

   Input Parameters:
+  adj - the context
-  how - `ADJ_TRANSPOSE_VIRTUAL` (default) or `ADJ_TRANSPOSE_EXPLICIT`

   Options Database Key:
.  -adj_transpose <virtual,explicit> - how

   Level: intermediate

   Notes:
   `MatMultTranspose()` needs no memory; in parallel it is slower than `MatMult()` of a transposed copy, which the preconditioner may need in any
   case. Applies to a residual whose products come from a matrix.

.seealso: `ADJGetTranspose()`, `ADJSetJacobian()`, `ADJSetPCSource()`
@*/
PetscErrorCode ADJSetTranspose(ADJ adj, ADJTranspose how)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, how, 2);
  adj->transpose = how;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTranspose - What was set with `ADJSetTranspose()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  how - how the transpose is applied

   Level: intermediate

.seealso: `ADJSetTranspose()`
@*/
PetscErrorCode ADJGetTranspose(ADJ adj, ADJTranspose *how)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *how = adj->transpose;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetPCSource - Sets where the preconditioner of the adjoint solve comes from

   Logically collective

   Input Parameters:
+  adj    - the context
-  source - `ADJ_PC_AUTO` (default), `ADJ_PC_FORWARD` or `ADJ_PC_TRANSPOSE`

   Options Database Key:
.  -adj_pc_source <auto,forward,transpose> - where from

   Level: intermediate

   Notes:
   With a borrowed solver its preconditioner may serve again: as it is where the operator is symmetric, else by
   `PCApplyTranspose()`. Many preconditioners have none, and some have a wrong one; so it must pass a dot-product test,
   <P^{-1} a, b> = <a, P^{-T} b>, once for each set-up. A preconditioner of its own costs a transposed copy of the matrix and its set-up,
   and can be of any type; `-adj_pc_type` asks for it.

.seealso: `ADJGetPCSource()`, `ADJSetSNES()`, `ADJSetKSP()`, `ADJSetSymmetric()`, `ADJGetKSP()`
@*/
PetscErrorCode ADJSetPCSource(ADJ adj, ADJPCSource source)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, source, 2);
  adj->pcsource = source;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetPCSource - What was set with `ADJSetPCSource()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  source - where the preconditioner of the adjoint solve comes from

   Level: intermediate

.seealso: `ADJSetPCSource()`
@*/
PetscErrorCode ADJGetPCSource(ADJ adj, ADJPCSource *source)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *source = adj->pcsource;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options of this file, and of ../differences/ */
PetscErrorCode ADJEmbeddingSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscBool flg, set;
  PetscEnum value;
  PetscInt  m = adj->fdmaxcolumns;

  PetscFunctionBegin;
  PetscCall(PetscOptionsBool("-adj_symmetric", "The Jacobian is its own transpose", "ADJSetSymmetric", adj->symmetric, &flg, &set));
  if (set) PetscCall(ADJSetSymmetric(adj, flg));
  PetscCall(PetscOptionsBool("-adj_vjp_fd_color", "Derivatives that nobody gave by coloring and differences", "ADJSetFDColor", adj->fdcolor, &flg, &set));
  if (set) PetscCall(ADJSetFDColor(adj, flg));
  PetscCall(PetscOptionsBool("-adj_vjp_fd_theta", "Derivatives in theta that nobody gave by differences", "ADJSetFDParameters", adj->fdparameters, &flg, &set));
  if (set) PetscCall(ADJSetFDParameters(adj, flg));
  PetscCall(PetscOptionsInt("-adj_vjp_fd_max_columns", "Parameters to take differences in one by one, at most", "ADJSetFDMaxColumns", m, &m, &set));
  if (set) PetscCall(ADJSetFDMaxColumns(adj, m));
  PetscCall(PetscOptionsEnum("-adj_transpose", "How a matrix is transposed", "ADJSetTranspose", ADJTransposes, (PetscEnum)adj->transpose, &value, &set));
  if (set) PetscCall(ADJSetTranspose(adj, (ADJTranspose)value));
  PetscCall(PetscOptionsEnum("-adj_pc_source", "Where the adjoint's preconditioner comes from", "ADJSetPCSource", ADJPCSources, (PetscEnum)adj->pcsource, &value, &set));
  if (set) PetscCall(ADJSetPCSource(adj, (ADJPCSource)value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
