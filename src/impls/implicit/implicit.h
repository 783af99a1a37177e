#ifndef ADJIMPLICIT_H
#define ADJIMPLICIT_H

#include <contragrad/private/adjimpl.h>

/* Of the piggyback adjoint */
typedef struct {
  Vec       v, wnext;
  PetscInt  steps;    /* it made in the last forward solve */
  PetscReal best;     /* smallest change of w since the state has converged */
  PetscInt  stagnant; /* steps since then */
} ADJ_Implicit;

PETSC_INTERN PetscErrorCode ADJPiggybackBegin_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJPiggybackStep_Private(ADJ, PetscInt, Vec, SNESConvergedReason *);

#endif
