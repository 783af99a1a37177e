/*
   Ghost updates and their transposes. With G the map from a vector to the patches of all processes, a function on patches f gives

       y = f(G x),    xbar = G^T (df)^T w

   G^T adds what a ghost received to the value that the ghost is a copy of; what has no owner (ghosts outside of the domain,
   constrained unknowns) is dropped.
*/
#include "dmimpl.h"
#include <petscdmplex.h>

static PetscErrorCode ADJLocalCheckOne_Private(ADJ adj, DM dm, Vec v, PetscBool dmda, PetscBool theta)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  const char    *who  = theta ? "ADJSetParameterDM()" : "ADJSetDM()";
  PetscBool      isda;
  PetscMPIInt    same;
  Vec            like;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMDA, &isda));
  PetscCheck(isda || !dmda, comm, PETSC_ERR_ARG_WRONG, "The DM of %s is of type %s, but functions on arrays need a DMDA: take ADJDMSetMapLocal(), ADJDMSetVJPLocal(), ADJDMSetJVPLocal()", who, ((PetscObject)dm)->type_name);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)dm), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The DM of %s lives on another communicator than the ADJ; create both on the same one", who);
  PetscCall(DMGetGlobalVector(dm, &like));
  ierr = ADJCheckVec_Private(adj, v, like, theta ? "The parameter vector theta" : "The state x", theta ? "the vectors of the DM of ADJSetParameterDM()" : "the vectors of the DM of ADJSetDM()");
  PetscCall(DMRestoreGlobalVector(dm, &like));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each DM; on all processes alike. theta is NULL for a function that does not take it */
PetscErrorCode ADJLocalCheck_Private(ADJ adj, Vec x, Vec theta, PetscBool dmda)
{
  PetscBool *checked = adj->local.checked[dmda];

  PetscFunctionBegin;
  if (!checked[0]) {
    PetscCheck(adj->dm, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Functions on local patches need the DM of the state: call ADJSetDM(), or SNESSetDM() for a SNES that is borrowed");
    PetscCall(ADJLocalCheckOne_Private(adj, adj->dm, x, dmda, PETSC_FALSE));
    checked[0] = PETSC_TRUE;
  }
  if (theta && !checked[1]) {
    if (adj->dmtheta)
      PetscCall(ADJLocalCheckOne_Private(adj, adj->dmtheta, theta, dmda, PETSC_TRUE));
    else
      PetscCall(ADJRefuseNest_Private(theta));
    checked[1] = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a ghost update leaves entries alone that a function may read: ghosts outside of the domain, constrained unknowns */
static PetscErrorCode ADJLeavesEntries_Private(DM dm, PetscBool *leaves)
{
  DMBoundaryType b[3];

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMDA, leaves));
  *leaves = (PetscBool) !*leaves;
  if (*leaves) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMDAGetInfo(dm, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &b[0], &b[1], &b[2], NULL));
  for (PetscInt i = 0; i < 3; i++) *leaves = (PetscBool)(*leaves || b[i] == DM_BOUNDARY_GHOSTED);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Those of DMAddBoundary(); a DM without a discretization has none */
static PetscErrorCode ADJInsertBoundaryValues_Private(DM dm, Vec local)
{
  PetscBool plex;
  PetscInt  n;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMPLEX, &plex));
  if (!plex) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMGetNumDS(dm, &n));
  if (n) PetscCall(DMPlexInsertBoundaryValues(dm, PETSC_TRUE, local, 0.0, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* G v; `value`: not a direction or a cotangent, whose boundary values are zero */
PetscErrorCode ADJLocalGet_Private(DM dm, Vec v, PetscBool value, ADJLocalVec *l)
{
  PetscBool leaves;
  PetscInt  m;

  PetscFunctionBegin;
  l->dm = dm;
  if (!dm) {
    PetscCall(VecGetSize(v, &m));
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, m, &l->local));
    PetscCall(ADJParameterVecToAll_Private(v, l->local));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJLeavesEntries_Private(dm, &leaves));
  PetscCall(DMGetLocalVector(dm, &l->local));
  if (leaves) {
    PetscCall(VecSet(l->local, 0.0));
    if (value) PetscCall(ADJInsertBoundaryValues_Private(dm, l->local));
  }
  PetscCall(DMGlobalToLocal(dm, v, INSERT_VALUES, l->local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Zero, to be added to; `like` is the vector that takes the sum */
PetscErrorCode ADJLocalGetZero_Private(DM dm, Vec like, ADJLocalVec *l)
{
  PetscInt m;

  PetscFunctionBegin;
  l->dm = dm;
  if (dm)
    PetscCall(DMGetLocalVector(dm, &l->local));
  else {
    PetscCall(VecGetSize(like, &m));
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, m, &l->local));
  }
  PetscCall(VecSet(l->local, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v = G^T l */
PetscErrorCode ADJLocalAdd_Private(ADJLocalVec *l, Vec v)
{
  const PetscScalar *a;

  PetscFunctionBegin;
  if (l->dm) {
    PetscCall(VecSet(v, 0.0));
    PetscCall(DMLocalToGlobal(l->dm, l->local, ADD_VALUES, v));
  } else {
    PetscCall(VecGetArrayRead(l->local, &a));
    PetscCall(ADJParameterVecSum(v, a));
    PetscCall(VecRestoreArrayRead(l->local, &a));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJLocalRestore_Private(ADJLocalVec *l)
{
  PetscFunctionBegin;
  if (!l->local) PetscFunctionReturn(PETSC_SUCCESS);
  if (l->dm)
    PetscCall(DMRestoreLocalVector(l->dm, &l->local));
  else
    PetscCall(VecDestroy(&l->local));
  PetscFunctionReturn(PETSC_SUCCESS);
}
