/*
   Checks of arguments, made in optimized builds too: one comparison costs nothing beside a solve.
*/
#include <contragrad/private/adjimpl.h>

/* v lives on the communicator of adj and, if `like` is given, has its layout; the same answer on every rank */
PetscErrorCode ADJCheckVec_Private(ADJ adj, Vec v, Vec like, const char what[], const char whom[])
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;
  PetscInt    n, N, nlike, Nlike;
  int         differs[1];

  PetscFunctionBegin;
  PetscCheck(v, comm, PETSC_ERR_ARG_NULL, "%s is NULL", what);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)v), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "%s lives on another communicator than the ADJ; create both on the same one", what);
  PetscCall(ADJVecTouched_Private(v));
  if (!like) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(v, &N));
  PetscCall(VecGetSize(like, &Nlike));
  PetscCheck(N == Nlike, comm, PETSC_ERR_ARG_SIZ, "%s has global length %" PetscInt_FMT ", not %" PetscInt_FMT " as %s", what, N, Nlike, whom);
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(VecGetLocalSize(like, &nlike));
  differs[0] = n != nlike;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, differs, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!differs[0], comm, PETSC_ERR_ARG_SIZ, "%s is distributed over the processes in another way than %s; create it with VecDuplicate()", what, whom);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The layout may not change from one solve to the next */
PetscErrorCode ADJCheckTheta_Private(ADJ adj, Vec theta)
{
  PetscFunctionBegin;
  PetscCall(ADJCheckVec_Private(adj, theta, adj->state->theta, "The parameter vector theta", "that of the solves before; call ADJReset() before you change the problem's layout"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckState_Private(ADJ adj, Vec x)
{
  PetscFunctionBegin;
  PetscCall(ADJCheckVec_Private(adj, x, adj->r, "The state x", "that of the solves before; call ADJReset() before you change the problem's layout"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckSolved_Private(ADJ adj, const char what[])
{
  PetscFunctionBegin;
  PetscCheck(adj->state->id, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Must call ADJSolve() before %s", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}
