/*
   The registry of types.
*/
#include <contragrad/private/adjimpl.h>

PetscFunctionList ADJList              = NULL;
PetscBool         ADJRegisterAllCalled = PETSC_FALSE;

PETSC_INTERN PetscErrorCode ADJCreate_Implicit(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_OneStep(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_Neumann(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_Unrolled(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_Truncated(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_Reversible(ADJ);
PETSC_INTERN PetscErrorCode ADJCreate_Auto(ADJ);

/* Registers every type of the library */
PetscErrorCode ADJRegisterAll(void)
{
  PetscFunctionBegin;
  if (ADJRegisterAllCalled) PetscFunctionReturn(PETSC_SUCCESS);
  ADJRegisterAllCalled = PETSC_TRUE;
  PetscCall(ADJRegister(ADJIMPLICIT, ADJCreate_Implicit));
  PetscCall(ADJRegister(ADJONESTEP, ADJCreate_OneStep));
  PetscCall(ADJRegister(ADJNEUMANN, ADJCreate_Neumann));
  PetscCall(ADJRegister(ADJUNROLLED, ADJCreate_Unrolled));
  PetscCall(ADJRegister(ADJTRUNCATED, ADJCreate_Truncated));
  PetscCall(ADJRegister(ADJREVERSIBLE, ADJCreate_Reversible));
  PetscCall(ADJRegister(ADJAUTO, ADJCreate_Auto));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJRegister - Adds a method to differentiate an iteration

   Not collective

   Input Parameters:
+  name     - name of the new type
-  function - routine that creates it: sets the operations of a new `ADJ`

   Level: advanced

   Note:
   The type can then be chosen with `ADJSetType()` or the option `-adj_type name`.

.seealso: `ADJSetType()`, `ADJType`
@*/
PetscErrorCode ADJRegister(const char name[], PetscErrorCode (*function)(ADJ))
{
  PetscFunctionBegin;
  PetscCall(ADJInitializePackage());
  PetscCall(PetscFunctionListAdd(&ADJList, name, function));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetType - Chooses the method that differentiates the solution map

   Logically collective

   Input Parameters:
+  adj  - the context
-  type - a known method, `ADJIMPLICIT` by default

   Options Database Key:
.  -adj_type <type> - the method; `-help` lists them

   Level: beginner

   Errors:
   `PETSC_ERR_ARG_UNKNOWN_TYPE` for a name that was not registered.

.seealso: `ADJType`, `ADJGetType()`, `ADJRegister()`
@*/
PetscErrorCode ADJSetType(ADJ adj, ADJType type)
{
  PetscErrorCode (*create)(ADJ);
  PetscBool match;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, type, &match));
  if (match) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFunctionListFind(ADJList, type, &create));
  PetscCheck(create, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_UNKNOWN_TYPE, "Unknown ADJ type \"%s\"; -help lists the known ones under -adj_type", type);
  PetscTryTypeMethod(adj, reset);
  PetscTryTypeMethod(adj, destroy);
  PetscCall(PetscMemzero(adj->ops, sizeof(struct _ADJOps)));
  adj->data              = NULL;
  adj->program           = PETSC_FALSE;
  adj->typekeepsprevious = PETSC_FALSE;
  adj->setupcalled       = PETSC_FALSE;
  if (adj->state) adj->state->id = 0; /* a forward solve of another method */
  PetscCall(PetscObjectChangeTypeName((PetscObject)adj, type));
  PetscCall((*create)(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetType - The method that differentiates the solution map

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  type - its name, `NULL` if none was chosen yet

   Level: beginner

.seealso: `ADJSetType()`, `ADJType`
@*/
PetscErrorCode ADJGetType(ADJ adj, ADJType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *type = ((PetscObject)adj)->type_name;
  PetscFunctionReturn(PETSC_SUCCESS);
}
