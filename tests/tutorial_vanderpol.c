/*
   Van der Pol equation of PETSc's tutorial ts/tutorials/ex20adj.c: the derivative of its final state with respect to mu and to the
   initial state, against those that the tutorial finds itself by TSAdjointSolve(), and against central differences.

   nsize: 1
   args: -mu 10 -ts_dt 0.01
   args: -mu 10 -ts_dt 0.01 -implicitform 0 -ts_adapt_type none
   requires: tutorials !complex
*/
#include "tutorials.h"

#if __has_include(<ts/tutorials/ex20adj.c>)
static PetscErrorCode SolveAndDifferentiate(TS, Vec, void *);
static PetscErrorCode SolveAdjointAndVerify(TS, void *);
  #define main               TutorialMain
  #define TSSolve(ts, x)     SolveAndDifferentiate(ts, x, &user)
  #define TSAdjointSolve(ts) SolveAdjointAndVerify(ts, &user)
  #include <ts/tutorials/ex20adj.c>
  #undef main
  #undef TSSolve
  #undef TSAdjointSolve

static Vec       gradient, initialgradient, initial;
static PetscReal firststep;

static PetscErrorCode FirstComponent(void *ctx, PetscReal *value)
{
  TS                 ts = (TS)ctx;
  Vec                x;
  const PetscScalar *a;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(initial, &x));
  PetscCall(VecCopy(initial, x));
  PetscCall(TSSetTime(ts, 0.0));
  PetscCall(TSSetStepNumber(ts, 0));
  PetscCall(TSSetTimeStep(ts, firststep)); /* that of the adjoint is negative */
  PetscCall(TSSolve(ts, x));
  PetscCall(VecGetArrayRead(x, &a));
  *value = PetscRealPart(a[0]);
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Distance(Vec a, Vec b, PetscReal *error)
{
  Vec       d;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &d));
  PetscCall(VecWAXPY(d, -1.0, a, b));
  PetscCall(VecNorm(d, NORM_2, error));
  PetscCall(VecNorm(b, NORM_2, &norm));
  *error /= norm;
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The tutorial has gone on by itself, with the state of its own TSSolve() */
static PetscErrorCode SolveAdjointAndVerify(TS ts, void *ctx)
{
  User      user = (User)ctx;
  PetscReal error, g = 0.0;

  PetscFunctionBegin;
  PetscCall(TSAdjointSolve(ts));
  PetscCall(Distance(initialgradient, user->lambda[0], &error));
  PetscCall(TapBelow(error, 1e-12, "derivative in the initial state as by the tutorial"));
  PetscCall(Distance(gradient, user->mup[0], &error));
  PetscCall(TapBelow(error, 1e-12, "derivative in mu as by the tutorial"));
  PetscCall(TutorialGet(gradient, 0, &g));
  PetscCall(TutorialCentral(FirstComponent, ts, &user->mu, 1e-2, g, "mu"));
  PetscCall(VecDestroy(&initial));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&initialgradient));
  (void)TapEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAndDifferentiate(TS ts, Vec U, void *ctx)
{
  User user = (User)ctx;

  PetscFunctionBegin;
  PetscCall(TapBegin());
  PetscCall(VecDuplicate(U, &initial));
  PetscCall(VecCopy(U, initial));
  PetscCall(TSGetTimeStep(ts, &firststep));
  /* added lines: begin */
  ADJ   adj;
  Vec   x, theta, xbar, x0bar;
  void *mu = &user->mu;

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetTS(adj, ts));
  PetscCall(ADJSetType(adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(adj, 1));
  PetscCall(ADJSetParameterAddresses(adj, 1, PETSC_REAL, &mu));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecDuplicate(U, &x));
  PetscCall(VecCopy(U, x));
  PetscCall(VecDuplicate(U, &xbar));
  PetscCall(VecSetValue(xbar, 0, 1.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(xbar));
  PetscCall(VecAssemblyEnd(xbar));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  PetscCall(ADJGetInitialGradient(adj, &x0bar));
  /* added lines: end */
  PetscCall(VecDuplicate(x0bar, &initialgradient));
  PetscCall(VecCopy(x0bar, initialgradient));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&xbar));
  PetscCall(ADJDestroy(&adj));
  PetscCall(TSSolve(ts, U));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const int code = TutorialMain(argc, argv);

  return code || tap.failed ? 1 : 0;
}
#else
TUTORIAL_MISSING
#endif
