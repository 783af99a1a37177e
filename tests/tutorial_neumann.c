/*
   Pure Neumann problem of PETSc's tutorial ksp/ksp/tutorials/ex50.c, whose matrix carries its null space: the derivative of a weighted
   sum of the solution with respect to the wave numbers of the source.

   nsize: 1 2 4
   args: -da_refine 1 -ksp_rtol 1e-12 -ksp_type cg -pc_type mg -pc_mg_levels 2 -mg_coarse_pc_type redundant -mg_coarse_redundant_pc_type svd
   args: -da_refine 1 -ksp_rtol 1e-12 -pc_type jacobi
   requires: tutorials !complex
*/
#include "tutorials.h"

#if __has_include(<ksp/ksp/tutorials/ex50.c>)
static PetscErrorCode SolveAndDifferentiate(KSP, Vec, Vec, void *);
  #define main                TutorialMain
  #define KSPSolve(ksp, b, x) SolveAndDifferentiate(ksp, b, x, &user)
  #include <ksp/ksp/tutorials/ex50.c>
  #undef main
  #undef KSPSolve

static PetscErrorCode WeightedSum(void *ctx, PetscReal *value)
{
  KSP         ksp = (KSP)ctx;
  Mat         A, P;
  Vec         x, w;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(KSPGetOperators(ksp, &A, &P));
  PetscCall(KSPSetOperators(ksp, A, P)); /* computed anew */
  PetscCall(KSPSolve(ksp, NULL, NULL));
  PetscCall(KSPGetSolution(ksp, &x));
  PetscCall(VecDuplicate(x, &w));
  PetscCall(TutorialWeights(w));
  PetscCall(VecDot(x, w, &dot));
  *value = PetscRealPart(dot);
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Verify(ADJ adj, KSP ksp, Vec theta, Vec x, Vec gradient, UserContext *user)
{
  PetscReal g[2] = {0.0, 0.0};

  PetscFunctionBegin;
  PetscCall(TapBegin());
  PetscCall(TutorialVerdict(adj, theta, x));
  PetscCall(TutorialGet(gradient, 0, &g[0]));
  PetscCall(TutorialGet(gradient, 1, &g[1]));
  PetscCall(TutorialCentral(WeightedSum, ksp, (PetscReal *)&user->uu, 1e-3, g[0], "uu"));
  PetscCall(TutorialCentral(WeightedSum, ksp, (PetscReal *)&user->tt, 1e-3, g[1], "tt"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveAndDifferentiate(KSP ksp, Vec b, Vec y, void *ctx)
{
  UserContext *user = (UserContext *)ctx;

  PetscFunctionBegin;
  PetscCall(KSPSolve(ksp, b, y));
  /* added lines: begin */
  ADJ   adj;
  Vec   x, theta, xbar, gradient;
  void *parameters[] = {&user->uu, &user->tt};

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetKSP(adj, ksp));
  PetscCall(ADJSetParameterAddresses(adj, 2, PETSC_SCALAR, parameters));
  PetscCall(ADJSetFDParameters(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJCreateParameters(adj, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(KSPGetSolution(ksp, &x));
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(TutorialWeights(xbar));
  PetscCall(ADJSetSolved(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  /* added lines: end */
  PetscCall(Verify(adj, ksp, theta, x, gradient, user));
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
