/*
   One random direction (dx, dtheta) at the solution, and the residual on both sides of it. R stands for x - F or for R.
*/
#ifndef ADJPROBE_H
#define ADJPROBE_H

#include <contragrad/private/adjimpl.h>

#define ADJ_PROBE_RATIO 30.0 /* from one step to the next where the first does not decide */

typedef enum {
  ADJ_PROBE_SMOOTH,
  ADJ_PROBE_KINK,
  ADJ_PROBE_NEAR_KINK, /* and smooth in steps of the size of each component */
  ADJ_PROBE_UNDECIDED, /* curved too strongly to tell */
  ADJ_PROBE_NOISY,
  ADJ_PROBE_NOT_FINITE
} ADJProbeOutcome;

typedef struct {
  PetscRandom rnd;         /* a stream of its own */
  Vec         dx, dtheta;  /* of the size of x and theta in each component */
  Vec         xh, thetah;  /* beside the solution */
  Vec         r0, rp, rm;  /* R at the solution and at +-h */
  Vec         w, mtw, ntw; /* cotangent and its claimed pullbacks M^T w, N^T w; or NULL */
  PetscScalar claim[2];    /* <w, M dx>, -<w, N dtheta> by the products */
  PetscReal   scale[2];    /* their size without cancellation */
  PetscReal   share[2];    /* the direction is (share[0] dx, share[1] dtheta): both parts then count alike */
  PetscReal   rise;        /* |R(+h) - R(-h)| at the last step */
  PetscBool   flat;        /* and it did not shrink with the step */
  PetscReal   h, bend;     /* step, and relative difference of the one-sided derivatives there */
} ADJProbe;

PETSC_INTERN PetscErrorCode ADJProbeCreate_Private(ADJ, ADJProbe *);
PETSC_INTERN PetscErrorCode ADJProbeDestroy_Private(ADJProbe *);
PETSC_INTERN PetscErrorCode ADJProbeNarrow_Private(ADJ, ADJProbe *);
PETSC_INTERN PetscErrorCode ADJProbeShift_Private(ADJ, ADJProbe *, PetscReal, PetscReal);
PETSC_INTERN PetscErrorCode ADJProbeEvaluate_Private(ADJ, ADJProbe *, PetscReal, PetscReal, Vec);
PETSC_INTERN PetscErrorCode ADJProbeSmoothness_Private(ADJ, ADJProbe *, PetscReal, ADJProbeOutcome *);

#endif
