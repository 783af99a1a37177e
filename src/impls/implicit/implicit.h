#ifndef ADJIMPLICIT_H
#define ADJIMPLICIT_H

#include <contragrad/private/adjimpl.h>

/* Of the piggyback adjoint */
typedef struct {
  Vec       v, wnext;
  PetscInt  steps; /* it made in the last forward solve */
  PetscReal best;
  PetscInt  stagnant;
} ADJ_Implicit;

PETSC_INTERN PetscErrorCode ADJPiggybackBegin_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJPiggybackStep_Private(ADJ, PetscInt, Vec, SNESConvergedReason *);

#endif
