/*
   Minimal surface of PETSc's tutorial tao/unconstrained/tutorials/minsurf2.c: the derivative of the sum of its heights with respect to
   the heights along the bottom edge.

   nsize: 1 2 4
   args: -mx 8 -my 7 -tao_type nls -tao_gatol 1e-11 -tao_grtol 0 -tao_nls_ksp_rtol 1e-12
   args: -mx 6 -my 6 -tao_type ntr -tao_gatol 1e-11 -tao_grtol 0
   requires: tutorials !complex
*/
#include "tutorials.h"

#if __has_include(<tao/unconstrained/tutorials/minsurf2.c>)
static PetscErrorCode SolveAndDifferentiate(Tao, void *);
  #define main          TutorialMain
  #define TaoSolve(tao) SolveAndDifferentiate(tao, &user)
  #include <tao/unconstrained/tutorials/minsurf2.c>
  #undef main
  #undef TaoSolve

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  Tao         tao = (Tao)ctx;
  Vec         x;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetSolution(tao, &x));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Verify(ADJ adj, Tao tao, Vec theta, Vec x, Vec gradient, void *const address[])
{
  Vec       copy;
  PetscReal g = 0.0;
  char      name[32];

  PetscFunctionBegin;
  PetscCall(TapBegin());
  PetscCall(VecDuplicate(x, &copy));
  PetscCall(VecCopy(x, copy));
  PetscCall(TutorialVerdict(adj, theta, copy));
  for (PetscInt j = 1; j < 6; j += 2) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "height %" PetscInt_FMT, j));
    PetscCall(TutorialGet(gradient, j, &g));
    PetscCall(TutorialCentral(SumOfSolution, tao, (PetscReal *)address[j], 2e-3, g, name));
  }
  PetscCall(VecDestroy(&copy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAndDifferentiate(Tao tao, void *ctx)
{
  AppCtx *user = (AppCtx *)ctx;

  PetscFunctionBegin;
  PetscCall(TaoSolve(tao));
  /* added lines: begin */
  ADJ      adj;
  Vec      x, theta, xbar, gradient;
  PetscInt xs, xm;
  void    *bottom[100];

  PetscCall(DMDAGetCorners(user->dm, &xs, NULL, NULL, &xm, NULL, NULL));
  for (PetscInt i = 0; i < user->mx + 2; i++) bottom[i] = i >= xs && i <= xs + xm + 1 ? &user->bottom[i - xs] : NULL;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetTaoSolution(adj, tao));
  PetscCall(ADJSetParameterAddresses(adj, user->mx + 2, PETSC_REAL, bottom));
  PetscCall(ADJSetFDParameters(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(TaoGetSolution(tao, &x));
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(VecSet(xbar, 1.0));
  PetscCall(ADJSetSolved(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  /* added lines: end */
  PetscCall(Verify(adj, tao, theta, x, gradient, bottom));
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
