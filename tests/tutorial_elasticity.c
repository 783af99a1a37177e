/*
   Elasticity on a DMPlex, PETSc's tutorial snes/tutorials/ex56.c: the derivative of the sum of the displacements with respect to the
   Lame parameters, which are variables of the file. Its Jacobian is the derivative of its residual only where the two are equal, as
   they are there; elsewhere Newton's method converges linearly, and the verdict refuses that matrix.

   nsize: 1 2 4
   args: -run_type 0 -cells 2,2,1 -max_conv_its 1 -petscspace_degree 1 -snes_rtol 1e-12 -ksp_type cg -ksp_rtol 1e-10 -pc_type gamg -petscpartitioner_type simple -malloc_debug false
   requires: tutorials !complex
*/
#include "tutorials.h"

#if __has_include(<snes/tutorials/ex56.c>)
static PetscErrorCode SolveAndDifferentiate(SNES, Vec, Vec);
  #define main      TutorialMain
  #define SNESSolve SolveAndDifferentiate
  #include <snes/tutorials/ex56.c>
  #undef main
  #undef SNESSolve

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  SNES        snes = (SNES)ctx;
  DM          dm;
  Vec         x, b;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(SNESGetDM(snes, &dm));
  PetscCall(DMGetGlobalVector(dm, &x));
  PetscCall(SNESGetRhs(snes, &b));
  PetscCall(VecSet(x, 0.0));
  PetscCall(SNESSolve(snes, b, x));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscCall(DMRestoreGlobalVector(dm, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Verify(ADJ adj, SNES snes, Vec theta, Vec x, Vec gradient)
{
  PetscReal g[2] = {0.0, 0.0};

  PetscFunctionBegin;
  PetscCall(TapBegin());
  PetscCall(TutorialVerdict(adj, theta, x));
  PetscCall(TutorialGet(gradient, 0, &g[0]));
  PetscCall(TutorialGet(gradient, 1, &g[1]));
  PetscCall(TutorialCentral(SumOfSolution, snes, &s_mu, 1e-3, g[0], "mu"));
  PetscCall(TutorialCentral(SumOfSolution, snes, &s_lambda, 1e-3, g[1], "lambda"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VerifyRefusal(ADJ adj, Vec xbar, Vec gradient)
{
  Vec      theta, x;
  ADJTrust verdict;

  PetscFunctionBegin;
  s_mu = 0.3;
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(xbar, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(adj, xbar, gradient), "a Jacobian that is not the derivative is refused"));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_VJP), "with the reason VJP, here %s", ADJTrusts[verdict]));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAndDifferentiate(SNES snes, Vec b, Vec x)
{
  PetscFunctionBegin;
  PetscCall(SNESSolve(snes, b, x));
  /* added lines: begin */
  ADJ   adj;
  Vec   theta, xbar, gradient;
  void *lame[] = {&s_mu, &s_lambda};

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetSNES(adj, snes));
  PetscCall(ADJSetParameterAddresses(adj, 2, PETSC_REAL, lame));
  PetscCall(ADJSetFDParameters(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(VecSet(xbar, 1.0));
  PetscCall(ADJSetSolved(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  /* added lines: end */
  PetscCall(Verify(adj, snes, theta, x, gradient));
  PetscCall(VerifyRefusal(adj, xbar, gradient));
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
