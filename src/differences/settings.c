/*
   Which derivatives are made by differences.
*/
#include <contragrad/private/adjimpl.h>

/*@
   ADJSetFDParameters - Whether the derivative in theta is made by differences of F or R, if nothing gives it

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - `PETSC_TRUE` to do so; default `PETSC_FALSE`

   Options Database Key:
.  -adj_vjp_fd_theta <bool> - whether to do so

   Level: beginner

   Notes:
   For a code that has the Jacobian in x, but no derivative in the parameters. How they are made, what they cost and how accurate
   they are is said at `ADJSetFDColor()`, which makes the Jacobian in x by differences too.

.seealso: `ADJGetFDParameters()`, `ADJSetFDColor()`, `ADJSetParameterVJP()`, `ADJSetParameterJacobian()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetFDParameters(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->fdparameters = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetFDParameters - Whether the derivative in theta is made by differences

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - `PETSC_TRUE` if it is

   Level: intermediate

.seealso: `ADJSetFDParameters()`
@*/
PetscErrorCode ADJGetFDParameters(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->fdparameters;
  PetscFunctionReturn(PETSC_SUCCESS);
}
