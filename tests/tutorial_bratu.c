/*
   Bratu problem of PETSc's tutorial snes/tutorials/ex5.c: the derivative of the sum of x with respect to lambda.

   nsize: 1 2 4
   requires: tutorials !complex
   args: -mms 0 -da_refine 2 -snes_rtol 1e-12
   args: -mms 0 -da_refine 2 -snes_rtol 1e-12 -snes_type newtontr -pc_type gamg
*/
#include "tutorials.h"

#if __has_include(<snes/tutorials/ex5.c>)
static PetscErrorCode SolveAndDifferentiate(SNES, Vec, Vec, void *);
  #define main                  TutorialMain
  #define SNESSolve(snes, b, x) SolveAndDifferentiate(snes, b, x, &user)
  #include <snes/tutorials/ex5.c>
  #undef main
  #undef SNESSolve

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  SNES        snes = (SNES)ctx;
  DM          da;
  Vec         x;
  AppCtx     *user;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(SNESGetDM(snes, &da));
  PetscCall(DMGetApplicationContext(da, &user));
  PetscCall(DMGetGlobalVector(da, &x));
  PetscCall(FormInitialGuess(da, user, x));
  PetscCall(SNESSolve(snes, NULL, x));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscCall(DMRestoreGlobalVector(da, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Verify(ADJ adj, SNES snes, Vec theta, Vec x, Vec gradient, AppCtx *user)
{
  PetscReal g = 0.0;

  PetscFunctionBegin;
  PetscCall(TapBegin());
  PetscCall(TutorialVerdict(adj, theta, x));
  PetscCall(TutorialGet(gradient, 0, &g));
  PetscCall(TutorialCentral(SumOfSolution, snes, &user->param, 1e-2, g, "lambda"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAndDifferentiate(SNES snes, Vec b, Vec x, void *ctx)
{
  AppCtx *user = (AppCtx *)ctx;

  PetscFunctionBegin;
  PetscCall(SNESSolve(snes, b, x));
  /* added lines: begin */
  ADJ   adj;
  Vec   theta, xbar, gradient;
  void *lambda = &user->param;

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetSNES(adj, snes));
  PetscCall(ADJSetParameterAddresses(adj, 1, PETSC_REAL, &lambda));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(VecSet(xbar, 1.0));
  PetscCall(ADJSetSolved(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  /* added lines: end */
  PetscCall(Verify(adj, snes, theta, x, gradient, user));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&xbar));
  PetscCall(ADJDestroy(&adj));
  (void)TapEnd();
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
