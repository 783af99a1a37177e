/*
   A few parameters that are variables of the user's program: the library writes them itself.
*/
#include <contragrad/private/adjimpl.h>

typedef struct {
  PetscInt      m;
  PetscDataType type;
  void         *address[]; /* m of them */
} ADJAddresses;

static PetscErrorCode ADJPut_Addresses(ADJ adj, Vec theta, void *ctx)
{
  ADJAddresses      *a = (ADJAddresses *)ctx;
  const PetscScalar *values;
  PetscInt           m;

  PetscFunctionBegin;
  PetscCall(VecGetSize(theta, &m));
  PetscCheck(m == a->m, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_SIZ, "theta has length %" PetscInt_FMT ", but ADJSetParameterAddresses() gave %" PetscInt_FMT " variables", m, a->m);
  PetscCall(ADJParameterVecGetArrayRead(theta, &values));
  for (PetscInt j = 0; j < m; j++) {
    if (!a->address[j]) continue;
    if (a->type == PETSC_REAL)
      *(PetscReal *)a->address[j] = PetscRealPart(values[j]);
    else
      *(PetscScalar *)a->address[j] = values[j];
  }
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetParameterAddresses - Says which variables of the program the parameters are

   Logically collective

   Input Parameters:
+  adj     - the context
.  m       - how many
.  type    - `PETSC_REAL` or `PETSC_SCALAR`: of all of them
-  address - where they are, on each process; they must stay there. `NULL` where this process does not have it

   Level: beginner

   Notes:
   In place of `ADJSetParameters()`, for a few numbers in the application's context: theta, a vector of `ADJCreateParameterVec()`, is copied to them
   whenever it has changed, on every process. For a Bratu problem whose residual reads user.lambda
.vb
   void *lambda = &user.lambda;

   ADJCreate(PETSC_COMM_WORLD, &adj);
   ADJSetSNES(adj, snes);
   ADJSetParameterAddresses(adj, 1, PETSC_REAL, &lambda);
   ADJCreateParameters(adj, &theta);
.ve

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` for another type; `PETSC_ERR_ARG_SIZ`, when it is used, if theta has another length than m.

.seealso: `ADJCreateParameters()`, `ADJGetParameterAddresses()`, `ADJSetParameters()`, `ADJCreateParameterVec()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetParameterAddresses(ADJ adj, PetscInt m, PetscDataType type, void *const address[])
{
  ADJAddresses *a;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, m, 2);
  PetscCheck(m > 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of variables must be positive, it is %" PetscInt_FMT, m);
  PetscCheck(type == PETSC_REAL || type == PETSC_SCALAR, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "Parameters are PETSC_REAL or PETSC_SCALAR");
  PetscCall(PetscMalloc(sizeof(*a) + m * sizeof(void *), &a));
  a->m    = m;
  a->type = type;
  for (PetscInt j = 0; j < m; j++) a->address[j] = address[j];
  PetscCall(ADJSetParameters(adj, ADJPut_Addresses, a));
  adj->addresses = a;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetParameterAddresses - What was given to `ADJSetParameterAddresses()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  m       - how many, 0 if there are none; or `NULL` to ignore
.  type    - of all of them, or `NULL` to ignore
-  address - where they are (borrowed), or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetParameterAddresses()`
@*/
PetscErrorCode ADJGetParameterAddresses(ADJ adj, PetscInt *m, PetscDataType *type, void *const *address[])
{
  ADJAddresses *a;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  a = (ADJAddresses *)adj->addresses;
  if (m) *m = a ? a->m : 0;
  if (type) *type = a ? a->type : PETSC_DATATYPE_UNKNOWN;
  if (address) *address = a ? a->address : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJCreateParameters - Creates the vector of the parameters, with the present values of the variables of `ADJSetParameterAddresses()`

   Collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  theta - vector of `ADJCreateParameterVec()`, global length m; the caller destroys it

   Level: beginner

   Errors:
   `PETSC_ERR_ORDER` without `ADJSetParameterAddresses()`.

.seealso: `ADJSetParameterAddresses()`, `ADJCreateParameterVec()`
@*/
PetscErrorCode ADJCreateParameters(ADJ adj, Vec *theta)
{
  ADJAddresses *a;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  a = (ADJAddresses *)adj->addresses;
  PetscCheck(a, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The variables of the program are not known: call ADJSetParameterAddresses() first, or ADJCreateParameterVec()");
  PetscCall(ADJCreateParameterVec(PetscObjectComm((PetscObject)adj), a->m, theta));
  for (PetscInt j = 0; j < a->m; j++)
    if (a->address[j]) PetscCall(VecSetValue(*theta, j, a->type == PETSC_REAL ? *(PetscReal *)a->address[j] : *(PetscScalar *)a->address[j], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*theta));
  PetscCall(VecAssemblyEnd(*theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}
