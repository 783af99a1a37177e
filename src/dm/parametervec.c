/*
   A small set of parameters: a parallel vector whose values every process reads, and to whose gradient every process contributes.
*/
#include "dmimpl.h"

#define ADJ_TOALL "ADJParameterVecToAll" /* the scatter, composed with the vector; VecDuplicate() hands it on */

PetscErrorCode ADJRefuseNest_Private(Vec theta)
{
  PetscBool nest;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)theta, VECNEST, &nest));
  PetscCheck(!nest, PetscObjectComm((PetscObject)theta), PETSC_ERR_SUP, "A vector of blocks is not a small set of parameters: take the block that is one by VecNestGetSubVec()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Borrowed; theta may be locked */
static PetscErrorCode ADJGetScatterToAll_Private(Vec theta, VecScatter *toall)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)theta, ADJ_TOALL, (PetscObject *)toall));
  if (*toall) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecScatterCreateToAll(theta, toall, NULL));
  PetscCall(PetscObjectCompose((PetscObject)theta, ADJ_TOALL, (PetscObject)*toall));
  PetscCall(PetscObjectDereference((PetscObject)*toall));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* all: sequential, of the global length of theta */
PetscErrorCode ADJParameterVecToAll_Private(Vec theta, Vec all)
{
  VecScatter toall;

  PetscFunctionBegin;
  PetscCall(ADJGetScatterToAll_Private(theta, &toall));
  PetscCall(VecScatterBegin(toall, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(toall, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJCreateParameterVec - Creates a vector for a small set of parameters that every process reads

   Collective

   Input Parameters:
+  comm - the communicator of the `ADJ`
-  m    - number of parameters

   Output Parameter:
.  theta - the vector, of global length m; destroy it with `VecDestroy()`

   Level: beginner

   Notes:
   An ordinary vector that is spread over the processes, so that norms and optimizers treat it as any other. What is special is how
   it is read and how a gradient is put together, in the user's functions:

.vb
   static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
   {
     const PetscScalar *t;
     PetscScalar        part[2] = {0.0, 0.0};

     PetscFunctionBeginUser;
     PetscCall(ADJParameterVecGetArrayRead(theta, &t));
     ... t[0] and t[1] on every process; each adds its share of the sums over the grid to part[0], part[1]
     PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
     if (thetabar) PetscCall(ADJParameterVecSum(thetabar, part));
     PetscFunctionReturn(PETSC_SUCCESS);
   }
.ve

   Values are set by `VecSetValue()`. The three functions work for any other vector too that is not one of blocks.

.seealso: `ADJParameterVecGetArrayRead()`, `ADJParameterVecSum()`, `ADJSetParameters()`, `ADJDMDASetVJPLocal()`, `ADJSetParameterDM()`
@*/
PetscErrorCode ADJCreateParameterVec(MPI_Comm comm, PetscInt m, Vec *theta)
{
  VecScatter toall;

  PetscFunctionBegin;
  PetscCheck(m >= 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The number of parameters must not be negative, it is %" PetscInt_FMT, m);
  PetscCall(VecCreate(comm, theta));
  PetscCall(VecSetSizes(*theta, PETSC_DECIDE, m));
  PetscCall(VecSetType(*theta, VECSTANDARD));
  PetscCall(VecSet(*theta, 0.0));
  PetscCall(ADJGetScatterToAll_Private(*theta, &toall)); /* now, so that copies share it */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJParameterVecGetArrayRead - All values of a small set of parameters, on every process

   Collective

   Input Parameter:
.  theta - a vector of `ADJCreateParameterVec()`, a copy of one, or any other that is not one of blocks

   Output Parameter:
.  a - its m values, m being the global length; not to be changed

   Level: beginner

   Notes:
   Made for the user's functions, where theta is not to be changed. Give the values back with `ADJParameterVecRestoreArrayRead()`. They
   are those of now; later changes of theta are not seen.

   Errors:
   `PETSC_ERR_SUP` for a vector of type `VECNEST`; take its block by `VecNestGetSubVec()`.

.seealso: `ADJCreateParameterVec()`, `ADJParameterVecRestoreArrayRead()`, `ADJParameterVecSum()`
@*/
PetscErrorCode ADJParameterVecGetArrayRead(Vec theta, const PetscScalar *a[])
{
  PetscScalar *values;
  PetscInt     m;
  Vec          all;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(theta, VEC_CLASSID, 1);
  PetscCall(ADJRefuseNest_Private(theta));
  PetscCall(VecGetSize(theta, &m));
  PetscCall(PetscMalloc1(m, &values));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, m, values, &all));
  PetscCall(ADJParameterVecToAll_Private(theta, all));
  PetscCall(VecDestroy(&all));
  *a = values;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJParameterVecRestoreArrayRead - Gives back what `ADJParameterVecGetArrayRead()` gave

   Not collective

   Input Parameters:
+  theta - the vector
-  a     - its values; set to `NULL`

   Level: beginner

.seealso: `ADJParameterVecGetArrayRead()`
@*/
PetscErrorCode ADJParameterVecRestoreArrayRead(Vec theta, const PetscScalar *a[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(theta, VEC_CLASSID, 1);
  PetscCall(PetscFree(*a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJParameterVecSum - Makes a gradient of what each process contributes to it

   Collective

   Input Parameters:
+  thetabar     - of the layout of the parameters, see `ADJParameterVecGetArrayRead()`
-  contribution - m values on each process, m being the global length

   Level: beginner

   Note:
   Overwrites thetabar with the sum of the contributions over the processes.

   Errors:
   `PETSC_ERR_SUP` for a vector of type `VECNEST`; take its block by `VecNestGetSubVec()`.

.seealso: `ADJCreateParameterVec()`, `ADJParameterVecGetArrayRead()`
@*/
PetscErrorCode ADJParameterVecSum(Vec thetabar, const PetscScalar contribution[])
{
  PetscScalar *sum, *own;
  PetscInt     m, n, lo;
  PetscMPIInt  count;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(thetabar, VEC_CLASSID, 1);
  PetscCall(ADJRefuseNest_Private(thetabar));
  PetscCall(VecGetSize(thetabar, &m));
  PetscCall(VecGetLocalSize(thetabar, &n));
  PetscCall(VecGetOwnershipRange(thetabar, &lo, NULL));
  PetscCall(PetscMPIIntCast(m, &count));
  PetscCall(PetscMalloc1(m, &sum));
  PetscCallMPI(MPI_Allreduce(contribution, sum, count, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)thetabar)));
  PetscCall(VecGetArrayWrite(thetabar, &own));
  PetscCall(PetscArraycpy(own, sum + lo, n));
  PetscCall(VecRestoreArrayWrite(thetabar, &own));
  PetscCall(PetscFree(sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}
