/*
   A borrowed TS: what its files share.
*/
#ifndef ADJ_ADAPTERS_TS_H
#define ADJ_ADAPTERS_TS_H

#include <contragrad/private/adjimpl.h>
#include <petsc/private/tsimpl.h>

#define ADJTRAJECTORYREPLAY "replay"

typedef struct {
  TS           ts;
  PetscReal    time, step, maxtime; /* what the flow map is made of, as they were when the TS was given */
  PetscInt     maxsteps, nbefore;   /* maxsteps is counted from nbefore on */
  PetscOptions quiet;               /* none: so that nothing is viewed at each integration */
  Vec          u, lambda;
  TSTrajectory trajectory;
  PetscBool    replays;       /* it can be gone through more than once */
  PetscInt     at;            /* number of the linearization where it was recorded; negative: none */
  PetscInt     nsteps;        /* recorded */
  Mat          parameters;    /* whose layout was compared with that of theta */
  PetscInt     justdecreased; /* of the step size control, while it is borrowed */
} ADJ_TS;

/* What is changed for the sake of the transposed solves */
typedef struct {
  PetscReal rtol;
  PetscInt  lagjacobian, lagpc;
  PetscBool ew;
} ADJInner_TS;

PETSC_INTERN PetscErrorCode ADJCreateTrajectory_Replay(TSTrajectory, TS);
PETSC_INTERN PetscErrorCode ADJBorrow_TS(ADJ_TS *, TSTrajectory, struct _p_TS *);
PETSC_INTERN PetscErrorCode ADJReturn_TS(ADJ_TS *, struct _p_TS *, PetscErrorCode);
PETSC_INTERN PetscErrorCode ADJTightenInner_TS(ADJ_TS *, ADJInner_TS *);
PETSC_INTERN PetscErrorCode ADJLoosenInner_TS(ADJ_TS *, const ADJInner_TS *);

#endif
