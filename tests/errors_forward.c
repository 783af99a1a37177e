static char help[] = "Errors: forward solves that do not converge, and what is made of them.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

#define EVER 1000000000

static PetscErrorCode TapNothingComputed(Faulty *p, ADJCounters before, const char what[])
{
  ADJCounters c;

  PetscFunctionBeginUser;
  PetscCall(ADJGetCounters(p->adj, &c));
  PetscCall(TapOk((PetscBool)(p->calls[IN_VJP_X] + p->calls[IN_VJP_THETA] + p->calls[IN_JVP_X] + p->calls[IN_JVP_THETA] + p->calls[IN_LINEARIZE] == 0), "%s: no product was asked for", what));
  PetscCall(TapOk((PetscBool)(c.vjp_x == before.vjp_x && c.vjp_theta == before.vjp_theta && c.jvp == before.jvp && c.map == before.map), "%s: no product was counted", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After a forward solve that failed, where nothing was asked of the products yet */
static PetscErrorCode TapFailed(Faulty *p, const char what[])
{
  SNESConvergedReason reason;
  ADJCounters         before;
  PetscReal           f;

  PetscFunctionBeginUser;
  PetscCall(ADJGetForwardReason(p->adj, &reason));
  PetscCall(TapOk((PetscBool)(reason < 0), "%s: the reason is negative", what));
  PetscCall(FaultyDisarm(p));
  PetscCall(ADJGetCounters(p->adj, &before));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: no gradient", what));
  PetscCall(FaultyTapTrust(p, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveTangent(p->adj, p->thetadot, p->xdot), "%s: no tangent", what));
  PetscCall(FaultyTapTrust(p, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(TapNothingComputed(p, before, what));
  PetscCall(FaultyTapRefused(p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(FaultyTapRefused(p, ADJ_PHASE_TANGENT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(FaultyDisarm(p));
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJComputeObjectiveAndGradient(p->adj, p->theta, &f, p->thetabar), "%s: no gradient of the objective", what));
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJComputeObjectiveAndGradient(p->adj, p->theta, &f, NULL), "%s: no objective", what));
  PetscCall(ADJSetTrustLevel(p->adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(FaultyTapRefused(p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(ADJSetTrustLevel(p->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More iterations make everything good */
static PetscErrorCode TestTooFewIterations(ADJForm form, const char options[])
{
  Faulty p;
  SNES   snes;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "%s: the forward solve returns", options));
  PetscCall(TapFailed(&p, options));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, 1000, ADJ_UNLIMITED));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, options));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x <- F(x) with eigenvalues from -1.5 to 1 - d, and its iterates as the next initial guess */
static PetscErrorCode TestDivergence(void)
{
  Faulty p;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(FaultySetEntry(p.d, 3, 2.5));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "diverging iteration: the forward solve returns"));
  PetscCall(TapFailed(&p, "diverging iteration"));
  PetscCall(FaultySetEntry(p.d, 3, 0.5));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after a diverging iteration"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A first guess that is far off must not loosen the tolerance of the solves that follow */
static PetscErrorCode TestFarOff(ADJForm form, const char options[], PetscReal guess)
{
  Faulty              p;
  SNES                snes;
  SNESConvergedReason reason;
  PetscInt            maxit;
  char                what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s, first guess %g", ADJForms[form], options, (double)guess));
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(VecSet(p.x, guess));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESGetTolerances(snes, NULL, NULL, NULL, &maxit, NULL));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, 0, ADJ_CURRENT));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason < 0), "%s: the first solve fails", what));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, maxit, ADJ_CURRENT));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(VecPointwiseMult(p.xbar, p.d, p.x));
  PetscCall(VecShift(p.xbar, -10.0)); /* sum(theta) = 10, as theta_j = 1 + j/7 */
  PetscCall(VecNorm(p.xbar, NORM_INFINITY, &guess));
  PetscCall(TapBelow(guess, 1e-6, "%s: the next state is a solution", what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A JVP of the wrong sign gives directions in which the residual grows */
static PetscErrorCode TestLineSearch(void)
{
  Faulty              p;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_RESIDUAL, 12, ""));
  p.jvpsign = -1.0;
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "line search: the forward solve returns"));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == SNES_DIVERGED_LINE_SEARCH), "line search: the reason is SNES_DIVERGED_LINE_SEARCH"));
  PetscCall(TapFailed(&p, "line search"));
  p.jvpsign = 1.0;
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after the line search"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the solver stops for another reason than its residual, the residual is held against a limit */
static PetscErrorCode TestIterationCount(ADJForm form, const char options[], ADJTrust expected)
{
  Faulty              p;
  SNESConvergedReason reason;
  ADJTrustReport      report;
  ADJCounters         before;
  char                what[160];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s", ADJForms[form], options));
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s: the solver says that it has converged", what));
  if (expected < 0) {
    PetscCall(FaultyDisarm(&p));
    PetscCall(ADJGetCounters(p.adj, &before));
    PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: no gradient", what));
    PetscCall(FaultyTapTrust(&p, expected, what));
    PetscCall(TapNothingComputed(&p, before, what));
    PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, expected, what));
    PetscCall(FaultyTapRefused(&p, ADJ_PHASE_TANGENT, PETSC_ERR_NOT_CONVERGED, expected, what));
  } else {
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: a gradient", what));
    PetscCall(FaultyTapTrust(&p, expected, what));
    PetscCall(FaultyTapGradient(&p, what));
  }
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)((report.check[ADJ_CHECK_FORWARD].status == ADJ_CHECK_FAILED) == (expected < 0) && report.check[ADJ_CHECK_FORWARD].threshold > 0.0), "%s: the residual was judged", what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestTooFewIterations(ADJ_FIXED_POINT, "-adj_forward_snes_max_it 2"));
  PetscCall(TestTooFewIterations(ADJ_FIXED_POINT, "-adj_forward_snes_max_it 0"));
  PetscCall(TestTooFewIterations(ADJ_FIXED_POINT, "-adj_forward_snes_type anderson -adj_forward_snes_max_it 2"));
  PetscCall(TestTooFewIterations(ADJ_RESIDUAL, "-adj_forward_snes_max_it 2 -adj_forward_ksp_rtol 0.1"));
  PetscCall(TestTooFewIterations(ADJ_RESIDUAL, "-adj_forward_snes_max_funcs 1 -adj_forward_ksp_rtol 0.1"));
  PetscCall(TestDivergence());
  PetscCall(TestFarOff(ADJ_FIXED_POINT, "", 1e12));
  PetscCall(TestFarOff(ADJ_RESIDUAL, "", 1e12));
  PetscCall(TestLineSearch());
  PetscCall(TestIterationCount(ADJ_FIXED_POINT, "-adj_forward_snes_convergence_test skip -adj_forward_snes_max_it 2", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestIterationCount(ADJ_FIXED_POINT, "-adj_forward_snes_convergence_test skip -adj_forward_snes_max_it 60", ADJ_TRUST_ESTIMATED));
  PetscCall(TestIterationCount(ADJ_RESIDUAL, "-adj_forward_snes_convergence_test skip -adj_forward_snes_max_it 1 -adj_forward_ksp_rtol 0.1", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestIterationCount(ADJ_RESIDUAL, "-adj_forward_snes_convergence_test skip -adj_forward_snes_max_it 3", ADJ_TRUST_ESTIMATED));
  PetscCall(TestIterationCount(ADJ_FIXED_POINT, "-adj_forward_snes_stol 0.5", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestIterationCount(ADJ_FIXED_POINT, "-adj_forward_snes_stol 1e-8", ADJ_TRUST_ESTIMATED));
  PetscCall(TestIterationCount(ADJ_FIXED_POINT, "-adj_forward_snes_convergence_test skip -adj_forward_snes_norm_schedule none -adj_forward_snes_max_it 2", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestIterationCount(ADJ_RESIDUAL, "-adj_forward_snes_type ksponly -adj_forward_ksp_rtol 0.1", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestIterationCount(ADJ_RESIDUAL, "-adj_forward_snes_type ksponly -adj_forward_ksp_rtol 1e-10", ADJ_TRUST_ESTIMATED));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
