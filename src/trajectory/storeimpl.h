/*
   What the stores have in common: states lie in slots, which are used again after their state was dropped.
*/
#ifndef ADJSTOREIMPL_H
#define ADJSTOREIMPL_H

#include <contragrad/private/adjtrajectory.h>
#include <petsc/private/hashmapi.h>

struct _ADJStore {
  MPI_Comm   comm;  /* PETSc's duplicate */
  PetscHMapI slots; /* of the steps */
  PetscInt  *free;  /* slots that are not used, the last one first to be taken */
  PetscInt   nfree, nslots, size;
  void      *data;
  PetscErrorCode (*grow)(ADJStore, PetscInt nslots);
  PetscErrorCode (*put)(ADJStore, PetscInt slot, Vec);
  PetscErrorCode (*take)(ADJStore, PetscInt slot, Vec *);
  PetscErrorCode (*get)(ADJStore, PetscInt slot, Vec);
  PetscErrorCode (*borrow)(ADJStore, PetscInt slot, Vec *);
  PetscErrorCode (*destroy)(ADJStore);
};

PETSC_INTERN PetscErrorCode ADJStoreCreate_Private(MPI_Comm, ADJStore *);

#endif
