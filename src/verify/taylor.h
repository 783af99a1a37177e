/*
   What the Taylor tests share: tight solves in a state of their own, and the objective along a line.
*/
#ifndef ADJTAYLOR_H
#define ADJTAYLOR_H

#include <contragrad/private/adjimpl.h>

#define ADJ_TAYLOR_STEPS     5
#define ADJ_TAYLOR_H         1e-2 /* first step, relative to the parameters; halved each time */
#define ADJ_TAYLOR_H_CENTRAL 1e-4
#define ADJ_TIGHT_SNES_RTOL  1e-12 /* Newton's last step goes far below it */
#define ADJ_TIGHT_ITERATION  1e-14 /* a linearly converging iteration stops just at it */
#define ADJ_TIGHT_KSP_RTOL   1e-11
#define ADJ_TAYLOR_TOL       1e-4 /* a larger error against the central difference is told */
#define ADJ_TAYLOR_ADJOINT   1e-7 /* largest true relative residual of the adjoint */
#define ADJ_TIGHT_ENOUGH     1e-8 /* a forward solve that fell so far is taken, whatever stopped it */

/* What the test changes in the object, to be put back */
typedef struct {
  ADJState *state;
  Vec       w;
  PetscReal snesrtol, ksprtol, tksprtol;
  PetscBool linearized, xrefgood, wspoilt;
} ADJSaved;

typedef struct {
  Vec       x0;       /* initial guess of every solve */
  Vec       x, theta; /* of the present solve */
  Vec       base, d;  /* J is looked at along base + h d */
  Vec       g;
  Vec       xbar; /* NULL: the objective is tested */
  Vec       objx, objtheta;
  PetscReal J, slope;
  PetscReal residual; /* largest one that a forward solve left */
  PetscReal wnorm;    /* by which it reaches J */
  PetscReal rounding; /* in J */
  PetscReal gerror;   /* of the directional derivative, from the adjoint's residual */
} ADJTaylor;

PETSC_INTERN PetscErrorCode ADJTestPush_Private(ADJ, ADJSaved *);
PETSC_INTERN PetscErrorCode ADJTestPop_Private(ADJ, ADJSaved *, PetscErrorCode);
PETSC_INTERN PetscErrorCode ADJTaylorReference_Private(ADJ, ADJTaylor *);
PETSC_INTERN PetscErrorCode ADJTaylorEvaluate_Private(ADJ, ADJTaylor *, PetscReal, PetscReal *);
PETSC_INTERN PetscErrorCode ADJTaylorGradient_Private(ADJ, ADJTaylor *);
PETSC_INTERN PetscReal      ADJTaylorNoise_Private(const ADJTaylor *, PetscReal);
PETSC_INTERN PetscErrorCode ADJTaylorCreate_Private(ADJ, Vec, Vec, Vec, ADJTaylor *);
PETSC_INTERN PetscErrorCode ADJTaylorDestroy_Private(ADJTaylor *);

#endif
