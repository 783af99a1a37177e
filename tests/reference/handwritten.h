/*
   The gradient of the groundwater problem as it is written without the library: plain SNES and KSP, the same user
   functions, nothing else. The reference of a test, and the opponent of the benchmark.
*/
#ifndef HANDWRITTEN_H
#define HANDWRITTEN_H

#include "../../examples/groundwater/aquifer.h"

typedef struct {
  Aquifer aq;
  SNES    snes;  /* options prefix hand_forward_ */
  KSP     ksp;   /* options prefix hand_ */
  Mat     J, JT; /* shells */
  Vec     x, theta, x0, r, w, work;
} Handwritten;

extern PetscErrorCode HandwrittenCreate(Aquifer, Handwritten *);
extern PetscErrorCode HandwrittenSolve(Handwritten *, Vec theta, Vec x);
extern PetscErrorCode HandwrittenPullBack(Handwritten *, Vec theta, Vec x, Vec xbar, Vec thetabar);
extern PetscErrorCode HandwrittenGradient(Handwritten *, Vec theta, Vec x, PetscReal *value, Vec gradient);
extern PetscErrorCode HandwrittenDestroy(Handwritten *);

#endif
