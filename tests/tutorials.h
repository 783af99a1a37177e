/*
   Gradients of PETSc's own tutorials. A test includes the source of one, unchanged, with main() renamed, and puts its
   lines after the solve by giving the solver's name to a function of its own. Those between "added lines: begin" and "end" are what
   a user would add to the source; tests/tutorials.t counts them. What follows here verifies their gradient.
*/
#ifndef TUTORIALS_H
#define TUTORIALS_H

#include <contragrad.h>
#include "tap.h"

#define TUTORIAL_CENTRAL 1e-6 /* largest relative error against central differences */
#define TUTORIAL_DOT     1e-6 /* of the dot-product test, with products by differences */

/* The functional, found by the tutorial's own solver with the parameters as they stand in its variables */
typedef PetscErrorCode TutorialFunctionalFn(void *ctx, PetscReal *value);

/* The parameter moved by a */
static inline PetscErrorCode TutorialAt(TutorialFunctionalFn *functional, void *ctx, PetscReal *parameter, PetscReal a, PetscReal *value)
{
  const PetscReal p = parameter ? *parameter : 0.0;

  PetscFunctionBegin;
  if (parameter) *parameter = p + a;
  PetscCall(functional(ctx, value));
  if (parameter) *parameter = p;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g against central differences of fourth order, (8 (J(h) - J(-h)) - (J(2h) - J(-2h)))/12h. A process that does not have the parameter gives NULL */
static inline PetscErrorCode TutorialCentral(TutorialFunctionalFn *functional, void *ctx, PetscReal *parameter, PetscReal h, PetscReal g, const char name[])
{
  PetscReal J[4];

  PetscFunctionBegin;
  PetscCall(TutorialAt(functional, ctx, parameter, h, &J[0]));
  PetscCall(TutorialAt(functional, ctx, parameter, -h, &J[1]));
  PetscCall(TutorialAt(functional, ctx, parameter, 2.0 * h, &J[2]));
  PetscCall(TutorialAt(functional, ctx, parameter, -2.0 * h, &J[3]));
  PetscCall(TapClose(g, (8.0 * (J[0] - J[1]) - (J[2] - J[3])) / (12.0 * h), TUTORIAL_CENTRAL, "derivative in %s against central differences", name));
  PetscCall(TapOk((PetscBool)(PetscAbsReal(g) > 1e-10), "it is not zero"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One entry of a parameter vector, on every process */
static inline PetscErrorCode TutorialGet(Vec v, PetscInt j, PetscReal *value)
{
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(ADJParameterVecGetArrayRead(v, &a));
  *value = PetscRealPart(a[j]);
  PetscCall(ADJParameterVecRestoreArrayRead(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The verdict, and the dot-product test at the solution */
static inline PetscErrorCode TutorialVerdict(ADJ adj, Vec theta, Vec x)
{
  ADJTrust  verdict;
  PetscReal error[2];

  PetscFunctionBegin;
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "the verdict is ESTIMATED, here %s", ADJTrusts[verdict]));
  PetscCall(ADJTestVJP(adj, theta, x, &error[0], &error[1]));
  PetscCall(TapBelow(error[0], TUTORIAL_DOT, "dot-product test in x"));
  PetscCall(TapBelow(error[1], TUTORIAL_DOT, "dot-product test in the parameters"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of mean zero, so that a constant added to the solution does not count */
static inline PetscErrorCode TutorialWeights(Vec w)
{
  PetscInt    lo, hi;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(w, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(w, i, PetscSinReal((PetscReal)i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(w));
  PetscCall(VecAssemblyEnd(w));
  PetscCall(VecSum(w, &sum));
  PetscCall(VecGetSize(w, &hi));
  PetscCall(VecShift(w, -sum / (PetscReal)hi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In place of a test whose tutorial is not installed */
#define TUTORIAL_MISSING                                                      \
  int main(int argc, char **argv)                                             \
  {                                                                           \
    PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));                     \
    PetscCall(TapBegin());                                                    \
    PetscCall(TapSkip("the sources of PETSc's tutorials are not installed")); \
    (void)TapEnd();                                                           \
    PetscCall(PetscFinalize());                                               \
    return 0;                                                                 \
  }

#endif
