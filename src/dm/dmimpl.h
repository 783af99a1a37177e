/*
   Private part of the functions on local patches.
*/
#ifndef ADJDMIMPL_H
#define ADJDMIMPL_H

#include <contragrad/private/adjimpl.h>

/* An argument of such a function on this process: with ghosts where it has a DM, else all of it. Zero-initialized: not wanted */
typedef struct {
  DM    dm; /* NULL: a small set */
  Vec   local;
  void *array; /* of a function on arrays, while it is called */
} ADJLocalVec;

PETSC_INTERN PetscErrorCode ADJLocalCheck_Private(ADJ, Vec, Vec, PetscBool);
PETSC_INTERN PetscErrorCode ADJLocalGet_Private(DM, Vec, PetscBool, ADJLocalVec *);
PETSC_INTERN PetscErrorCode ADJLocalGetZero_Private(DM, Vec, ADJLocalVec *);
PETSC_INTERN PetscErrorCode ADJLocalAdd_Private(ADJLocalVec *, Vec);
PETSC_INTERN PetscErrorCode ADJLocalRestore_Private(ADJLocalVec *);
PETSC_INTERN PetscErrorCode ADJSetLocalMap_Private(ADJ, ADJForm, ADJMapFn *, void *, PetscBool);
PETSC_INTERN PetscErrorCode ADJRefuseNest_Private(Vec);
PETSC_INTERN PetscErrorCode ADJParameterVecToAll_Private(Vec, Vec);

#endif
