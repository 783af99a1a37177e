/*
   The DMs of state and parameters.
*/
#include <contragrad/private/adjimpl.h>

/* Differences that were set up on the old one are set up anew */
static PetscErrorCode ADJReplaceDM_Private(ADJ adj, DM *slot, DM dm)
{
  PetscFunctionBegin;
  PetscCall(PetscArrayzero(&adj->local.checked[0][0], 4));
  if (adj->differences && dm != *slot) {
    PetscCall(ADJForgetProducts_Private(adj));
    PetscCall(ADJForgetShells_Private(adj));
    PetscCall(ADJDifferencesReset_Private(adj));
  }
  PetscCall(PetscObjectReference((PetscObject)dm));
  PetscCall(DMDestroy(slot));
  *slot = dm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetDM - Sets the `DM` of the state

   Logically collective

   Input Parameters:
+  adj - the context
-  dm  - its global vectors have the layout of the state; `NULL` for none; it is referenced

   Level: intermediate

   Note:
   Needed for functions on local patches, `ADJDMDASetMapLocal()`, and for `ADJSetFDColor()`, which takes the pattern of the Jacobian from it. With a
   borrowed solver that has a `DM` it is that one by default.

.seealso: `ADJGetDM()`, `ADJSetParameterDM()`, `ADJDMDASetMapLocal()`, `ADJDMSetMapLocal()`
@*/
PetscErrorCode ADJSetDM(ADJ adj, DM dm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (dm) PetscValidHeaderSpecific(dm, DM_CLASSID, 2);
  PetscCall(ADJReplaceDM_Private(adj, &adj->dm, dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetDM - The `DM` of the state

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  dm - the `DM` (borrowed), `NULL` if there is none

   Level: intermediate

.seealso: `ADJSetDM()`
@*/
PetscErrorCode ADJGetDM(ADJ adj, DM *dm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *dm = adj->dm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetParameterDM - Sets the `DM` of the parameters

   Logically collective

   Input Parameters:
+  adj - the context
-  dm  - its global vectors have the layout of the parameters; `NULL` for none; it is referenced

   Level: intermediate

   Note:
   For parameters that are a field. Without it functions on local patches get all parameters on every process, as a small set.

.seealso: `ADJGetParameterDM()`, `ADJSetDM()`, `ADJDMDASetMapLocal()`, `ADJCreateParameterVec()`
@*/
PetscErrorCode ADJSetParameterDM(ADJ adj, DM dm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (dm) PetscValidHeaderSpecific(dm, DM_CLASSID, 2);
  PetscCall(ADJReplaceDM_Private(adj, &adj->dmtheta, dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetParameterDM - The `DM` of the parameters

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  dm - the `DM` (borrowed), `NULL` if there is none

   Level: intermediate

.seealso: `ADJSetParameterDM()`
@*/
PetscErrorCode ADJGetParameterDM(ADJ adj, DM *dm)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *dm = adj->dmtheta;
  PetscFunctionReturn(PETSC_SUCCESS);
}
