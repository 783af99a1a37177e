/*
   ADJSetUp: everything that depends on the problem's size and on which callbacks there are.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/kspimpl.h>

static PetscErrorCode ADJSetUpKSP_Private(ADJ adj, KSP ksp)
{
  PetscBool computes;

  PetscFunctionBegin;
  PetscCall(ADJSetDefaultPC_Private(adj, ksp));
  PetscCall(ADJUseMatrixInPC_Private(adj, ksp));
  PetscCall(KSPGetComputeSingularValues(ksp, &computes));
  if (adj->trustlevel > ADJ_TRUST_LEVEL_NONE && !computes) {
    if (ksp->setupstage != KSP_SETUP_NEW) PetscCall(KSPReset(ksp)); /* they must be asked for before its set-up */
    PetscCall(KSPSetComputeSingularValues(ksp, PETSC_TRUE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckPreconditioner_Private(ADJ adj)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;
  PetscInt    N, rows, cols;
  int         differs[1];

  PetscFunctionBegin;
  if (!adj->P) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)adj->P), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The matrix of ADJSetPreconditioner() lives on another communicator than the ADJ; create both on the same one");
  PetscCall(VecGetSize(adj->sol, &N));
  PetscCall(MatGetSize(adj->P, &rows, &cols));
  PetscCheck(rows == N && cols == N, comm, PETSC_ERR_ARG_SIZ, "The matrix of ADJSetPreconditioner() is %" PetscInt_FMT " x %" PetscInt_FMT ", but the state has length %" PetscInt_FMT "; it must approximate I - dF/dx or dR/dx", rows, cols, N);
  PetscCall(VecGetLocalSize(adj->sol, &N));
  PetscCall(MatGetLocalSize(adj->P, &rows, &cols));
  differs[0] = rows != N || cols != N;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, differs, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!differs[0], comm, PETSC_ERR_ARG_SIZ, "The matrix of ADJSetPreconditioner() is distributed over the processes in another way than the state; create it with the local sizes of the state vector");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetUp - Creates what the solves need; called by `ADJSolve()`

   Collective

   Input Parameter:
.  adj - the context

   Level: advanced

   Errors:
   `PETSC_ERR_ORDER` if neither `ADJSetFixedPoint()` nor `ADJSetResidual()`, or not `ADJSetSolution()`, was called.

.seealso: `ADJSetSolution()`, `ADJSolve()`, `ADJReset()`
@*/
PetscErrorCode ADJSetUp(ADJ adj)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscBool changed;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (adj->setupcalled && adj->adapter && adj->adapter->changed) {
    PetscCall((*adj->adapter->changed)(adj, &changed));
    if (changed) PetscCall(ADJForgetShells_Private(adj));
  }
  if (adj->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(adj->map, comm, PETSC_ERR_ORDER, "No problem: call ADJSetFixedPoint() or ADJSetResidual() first");
  PetscCheck(adj->sol, comm, PETSC_ERR_ORDER, "The size of the state is not known: call ADJSetSolution() first, or ADJSolve()");
  if (!((PetscObject)adj)->type_name) PetscCall(ADJSetType(adj, ADJIMPLICIT));
  if (!adj->r) PetscCall(VecDuplicate(adj->sol, &adj->r));
  if (adj->adapter && adj->adapter->setup) PetscCall((*adj->adapter->setup)(adj));
  PetscCall(ADJSetUpProducts_Private(adj));
  PetscCall(ADJCheckPreconditioner_Private(adj));
  PetscCall(ADJConfigureChildren_Private(adj));
  PetscCall(ADJCreateShells_Private(adj));
  if (!ADJForwardBorrowed_Private(adj)) PetscCall(ADJSetUpSNES_Private(adj));
  PetscCall(ADJNullSpaceAttach_Private(adj));
  if (adj->vjp) {
    PetscCall(ADJGetKSP(adj, NULL));
    PetscCall(ADJSetUpKSP_Private(adj, adj->ksp));
  }
  if (adj->jvp) {
    PetscCall(ADJGetTangentKSP(adj, NULL));
    PetscCall(ADJSetUpKSP_Private(adj, adj->tksp));
  }
  PetscCheck(!adj->piggyback || adj->ops->converged, comm, PETSC_ERR_SUP, "The piggyback adjoint belongs to -adj_type implicit, not to %s: choose one of them", ((PetscObject)adj)->type_name);
  PetscTryTypeMethod(adj, setup);
  adj->setupcalled = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
