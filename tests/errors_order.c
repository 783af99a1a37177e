static char help[] = "Errors: functions that were not set, calls in the wrong order.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

static PetscErrorCode TestNothingSet(void)
{
  Faulty    p;
  ADJ       adj;
  PetscReal f, a, b;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_RESIDUAL, 12, ""));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetUp(adj), "ADJSetUp() without a map"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(adj, p.theta, p.x), "ADJSolve() without a map"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, p.xbar, p.thetabar), "ADJSolveAdjoint() of an empty context"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveTangent(adj, p.thetadot, p.xdot), "ADJSolveTangent() of an empty context"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJComputeObjectiveAndGradient(adj, p.theta, &f, p.thetabar), "ADJComputeObjectiveAndGradient() of an empty context"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTestVJP(adj, p.theta, p.x, &a, &b), "ADJTestVJP() without a map"));
  PetscCall(ADJSetResidual(adj, FaultyMap, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTestVJP(adj, p.theta, p.x, &a, &b), "ADJTestVJP() without a VJP"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTestGradient(adj, p.theta, p.x, p.xbar, &a, &b), "ADJTestGradient() without a VJP"));
  PetscCall(ADJSetVJP(adj, FaultyVJP, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTestGradient(adj, p.theta, p.x, NULL, &a, &b), "ADJTestGradient() without a cotangent or an objective"));
  PetscCall(ADJDestroy(&adj));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetVJP(adj, FaultyVJP, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJTestGradient(adj, p.theta, p.x, p.xbar, &a, &b), "ADJTestGradient() without a map"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The program mends what was missing and goes on with the same context */
static PetscErrorCode TestSetLater(ADJForm form)
{
  Faulty    p;
  ADJ       adj;
  KSP       ksp;
  PetscReal f, order, error, rtol;
  Vec       v;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, "-adj_ksp_rtol 2e-9 -adj_tangent_ksp_rtol 3e-9"));
  PetscCall(ADJDestroy(&p.adj));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p.adj));
  PetscCall(PetscObjectSetOptions((PetscObject)p.adj, p.options));
  adj = p.adj;
  if (form == ADJ_FIXED_POINT)
    PetscCall(ADJSetFixedPoint(adj, FaultyMap, &p));
  else
    PetscCall(ADJSetResidual(adj, FaultyMap, &p));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetUp(adj), "ADJSetUp() without a solution vector"));
  PetscCall(ADJSolve(adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, p.xbar, p.thetabar), "ADJSolveAdjoint() without a VJP"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveTangent(adj, p.thetadot, p.xdot), "ADJSolveTangent() without a JVP"));
  PetscCall(ADJSetVJP(adj, FaultyVJP, &p));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, p.xbar, p.thetabar), "ADJSolveAdjoint() when the VJP came after the forward solve"));
  PetscCall(FaultyTapGradient(&p, "VJP set after ADJSolve()"));
  PetscCall(ADJSetJVP(adj, FaultyJVP, &p));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveTangent(adj, p.thetadot, p.xdot), "ADJSolveTangent() when the JVP came after the forward solve"));
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
  PetscCall(TapClose(rtol, 2e-9, 1e-12, "the adjoint solver has its options though the VJP came later"));
  PetscCall(ADJGetTangentKSP(adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
  PetscCall(TapClose(rtol, 3e-9, 1e-12, "the tangent solver has its options though the JVP came later"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJComputeObjectiveAndGradient(adj, p.theta, &f, p.thetabar), "ADJComputeObjectiveAndGradient() without an objective"));
  PetscCall(ADJSetObjective(adj, FaultyObjective, &p));
  PetscCall(TapError(PETSC_SUCCESS, ADJComputeObjectiveAndGradient(adj, p.theta, &f, p.thetabar), "ADJComputeObjectiveAndGradient() when the objective came later"));
  PetscCall(TapError(PETSC_SUCCESS, ADJTestGradient(adj, p.theta, p.x, NULL, &order, &error), "ADJTestGradient() of the objective"));
  PetscCall(TapBelow(error, 1e-6, "the test agrees with a difference"));
  PetscCall(ADJReset(adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJComputeObjectiveAndGradient(adj, p.theta, &f, p.thetabar), "ADJComputeObjectiveAndGradient() without a solution vector"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, p.xbar, p.thetabar), "ADJSolveAdjoint() after ADJReset()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetAdjointSolution(adj, &v), "ADJGetAdjointSolution() after ADJReset()"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after ADJReset()"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTooEarly(void)
{
  Faulty              p;
  Vec                 v;
  SNESConvergedReason forward;
  KSPConvergedReason  adjoint;
  PetscReal           rho;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "ADJSolveAdjoint() before ADJSolve()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveTangent(p.adj, p.thetadot, p.xdot), "ADJSolveTangent() before ADJSolve()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetAdjointSolution(p.adj, &v), "ADJGetAdjointSolution() before ADJSolve()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetPreviousIterate(p.adj, &v), "ADJGetPreviousIterate() before ADJSolve()"));
  PetscCall(ADJGetForwardReason(p.adj, &forward));
  PetscCall(ADJGetAdjointReason(p.adj, &adjoint));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapOk((PetscBool)(forward == SNES_CONVERGED_ITERATING && adjoint == KSP_CONVERGED_ITERATING && rho < 0.0), "results before the first solve say that there are none"));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_NONE, "before the first solve"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetAdjointSolution(p.adj, &v), "ADJGetAdjointSolution() before ADJSolveAdjoint()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetPreviousIterate(p.adj, &v), "ADJGetPreviousIterate() when it was not kept"));
  PetscCall(ADJSetKeepPreviousIterate(p.adj, PETSC_TRUE));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetPreviousIterate(p.adj, &v), "ADJGetPreviousIterate() when it was asked for after the solve"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after calls that came too early"));
  PetscCall(TapError(PETSC_SUCCESS, ADJGetPreviousIterate(p.adj, &v), "ADJGetPreviousIterate() when it was kept"));
  PetscCall(ADJSetKeepPreviousIterate(p.adj, PETSC_FALSE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetPreviousIterate(p.adj, &v), "ADJGetPreviousIterate() when it is no longer kept"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whichever child was asked for first has taken the old prefix */
static PetscErrorCode TestPrefix(void)
{
  SNES        snes;
  KSP         ksp;
  EPS         eps;
  ADJ         adj;
  const char *prefix;
  PetscBool   same;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
    PetscCall(ADJSetOptionsPrefix(adj, "one_"));
    if (i == 0) PetscCall(ADJGetSNES(adj, &snes));
    if (i == 1) PetscCall(ADJGetKSP(adj, &ksp));
    if (i == 2) PetscCall(ADJGetTangentKSP(adj, &ksp));
    if (i == 3) PetscCall(ADJGetEPS(adj, &eps));
    PetscCall(TapError(PETSC_ERR_ORDER, ADJSetOptionsPrefix(adj, "two_"), "ADJSetOptionsPrefix() when there are children"));
    PetscCall(TapError(PETSC_ERR_ORDER, ADJAppendOptionsPrefix(adj, "two_"), "ADJAppendOptionsPrefix() when there are children"));
    PetscCall(ADJGetOptionsPrefix(adj, &prefix));
    PetscCall(PetscStrcmp(prefix, "one_", &same));
    PetscCall(TapOk(same, "the prefix is still the first one"));
    PetscCall(ADJDestroy(&adj));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The form is fixed by the set-up until ADJReset() */
static PetscErrorCode TestForm(void)
{
  Faulty p;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ARG_WRONGSTATE, ADJSetResidual(p.adj, FaultyMap, &p), "another form after ADJSolve()"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "the form was not changed"));
  PetscCall(ADJReset(p.adj));
  PetscCall(TapError(PETSC_SUCCESS, ADJSetResidual(p.adj, FaultyMap, &p), "another form after ADJReset()"));
  p.form = ADJ_RESIDUAL;
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "in the other form"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestNothingSet());
  PetscCall(TestSetLater(ADJ_RESIDUAL));
  PetscCall(TestSetLater(ADJ_FIXED_POINT));
  PetscCall(TestTooEarly());
  PetscCall(TestPrefix());
  PetscCall(TestForm());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
