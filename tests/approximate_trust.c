static char help[] = "Methods that approximate the derivative of the solution: their error is estimated, and held against a tolerance.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* A linear or nonlinear problem with an adjoint context set up by options; solved */
static PetscErrorCode Begin(const char options[], Spectrum spectrum, PetscReal rho, PetscReal s, Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_action ignore -adj_forward_snes_rtol 1e-13 -adj_forward_snes_atol 1e-14", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 10, LAYOUT_UNEVEN, 4, LAYOUT_EMPTY, spectrum, rho, p));
  p->s = s;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The derivative of the solution, by tight implicit solves */
static PetscErrorCode Reference(Spectrum spectrum, PetscReal rho, PetscReal s, Vec thetabar, Vec xdot)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_ksp_rtol 1e-13 -adj_tangent_ksp_rtol 1e-13", spectrum, rho, s, &p));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, thetabar));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, xdot));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckReport(ADJ adj, const char what[], PetscReal error)
{
  ADJTrustReport       report;
  const ADJTrustCheck *c = &report.check[ADJ_CHECK_GRADIENT];

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(adj, &report));
  PetscCall(TapOk((PetscBool)(c->value >= 0.7 * error && c->value <= 1.4 * error), "%s: estimated error %.3e, true %.3e", what, (double)c->value, (double)error));
  PetscCall(TapOk((PetscBool)((report.verdict == ADJ_TRUST_ESTIMATED) == (c->value <= 1e-2) && (report.verdict == ADJ_TRUST_REFUTED_ERROR) == (c->value > 1e-2)), "%s: verdict %s", what, ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(report.products > 0 && report.check[ADJ_CHECK_LINEAR].status == ADJ_CHECK_SKIPPED && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED), "%s: what was looked at", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEstimate(const char options[], Spectrum spectrum, PetscReal rho, PetscReal s)
{
  Problem     p;
  Vec         thetabar, xdot;
  PetscReal   error;
  ADJCounters before, after;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, spectrum, rho, s, &p));
  PetscCall(VecDuplicate(p.thetabar, &thetabar));
  PetscCall(VecDuplicate(p.xdot, &xdot));
  PetscCall(Reference(spectrum, rho, s, thetabar, xdot));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDistance(p.thetabar, thetabar, &error));
  PetscCall(CheckReport(p.adj, options, error));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetCounters(p.adj, &after));
  PetscCall(VecDistance(p.xdot, xdot, &error));
  PetscCall(CheckReport(p.adj, options, error));
  PetscCall(TapOk((PetscBool)(before.vjp_x == after.vjp_x && before.vjp_theta == after.vjp_theta), "%s: the checks are not on the user's account", options));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&xdot));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |A| < 1: the true error, and its estimate, lie below the classical bound, and the norms are right */
static PetscErrorCode TestClassical(const char options[], PetscInt terms)
{
  Problem              p;
  Vec                  thetabar, xdot;
  PetscReal            error, bound;
  ADJTrustReport       report;
  const ADJTrustCheck *c = &report.check[ADJ_CHECK_CLASSICAL], *a = &report.check[ADJ_CHECK_NORM];

  PetscFunctionBeginUser;
  PetscCall(Begin(options, SPECTRUM_CLUSTER, 0.6, 0.0, &p));
  PetscCall(VecDuplicate(p.thetabar, &thetabar));
  PetscCall(VecDuplicate(p.xdot, &xdot));
  PetscCall(Reference(SPECTRUM_CLUSTER, 0.6, 0.0, thetabar, xdot));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecAXPY(thetabar, -1.0, p.thetabar));
  PetscCall(VecNorm(thetabar, NORM_2, &error));
  PetscCall(VecNorm(p.thetabar, NORM_2, &bound));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapClose(a->value, 0.6, 1e-2, "%s: norm of dF/dx", options)); /* normal: its norm is the spectral radius */
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_INFO && error / bound <= 1.02 * c->value), "%s: error %g within the classical bound %g", options, (double)(error / bound), (double)c->value));
  PetscCall(TapOk((PetscBool)(c->value <= 1e3 * PetscPowReal(0.6, (PetscReal)(terms + 1))), "%s: the bound falls with the terms", options));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&xdot));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A = [[1/2, 50], [0, 1/2]], B = I: rho = 1/2, and the error of the one-step pullback of (1, 0) is 200 and more */
static PetscErrorCode TestNonNormal(const char options[])
{
  Problem        p;
  PetscInt       lo, hi;
  PetscReal      rho;
  ADJTrustReport report;
  PetscOptions   opts;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 2, LAYOUT_EVEN, 2, LAYOUT_EVEN, SPECTRUM_ZERO, 0.0, &p));
  PetscCall(MatZeroEntries(p.B));
  PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(p.A, i, i, 0.5, INSERT_VALUES));
    PetscCall(MatSetValue(p.B, i, i, 1.0, INSERT_VALUES));
    PetscCall(VecSetValue(p.v, i, i ? 0.0 : 1.0, INSERT_VALUES));
    if (i == 0) PetscCall(MatSetValue(p.A, 0, 1, 50.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(p.v));
  PetscCall(VecAssemblyEnd(p.v));
  PetscCall(OptionsBegin("-adj_trust_action ignore", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapClose(rho, 0.5, 1e-3, "%s: spectral radius 1/2", options));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_ERROR), "%s: verdict %s, estimated error %g", options, ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_GRADIENT].value));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_NORM].value > 49.0 && report.check[ADJ_CHECK_NORM].advice && report.check[ADJ_CHECK_CLASSICAL].status == ADJ_CHECK_SKIPPED), "%s: the norm is far above 1, and the classical bound is not claimed", options));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "%s: an error by default", options));
  PetscCall(ADJSetGradientTolerance(p.adj, 10.0));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "%s: accepted where such an error is meant", options));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dF/dx or dF/dtheta is zero: nothing for the eigen- and singular-value solvers to find, and no reason to fail; parameters without influence are told of */
static PetscErrorCode TestZero(const char options[], PetscBool a, PetscBool b)
{
  Problem        p;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, a ? SPECTRUM_ZERO : SPECTRUM_CLUSTER, 1e-3, 0.0, &p));
  if (b) PetscCall(MatZeroEntries(p.B));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == (b ? ADJ_TRUST_UNVERIFIED : ADJ_TRUST_ESTIMATED) && b == (PetscBool)(report.check[ADJ_CHECK_INFLUENCE].status == ADJ_CHECK_INCONCLUSIVE)), "%s, zero %s%s: verdict %s", options, a ? "dF/dx " : "", b ? "dF/dtheta" : "", ADJTrusts[report.verdict]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solver that does not solve says nothing of the error */
static PetscErrorCode TestUnsolved(void)
{
  Problem        p;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type neumann -adj_neumann_terms 40 -adj_ksp_type preonly -adj_pc_type none", SPECTRUM_CLUSTER, 0.95, 0.0, &p));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && report.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_INCONCLUSIVE), "an estimate by a solver that does not solve: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A = e_0 e_k^T / 2 and B = e_0 1^T, both of rank 1: norms 1/2 and m^{1/2} */
static PetscErrorCode TestRankOne(PetscInt n, PetscInt k)
{
  const PetscInt m = 3;
  Problem        p;
  PetscInt       lo, hi;
  PetscReal      norm, result;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, LAYOUT_EVEN, m, LAYOUT_EVEN, SPECTRUM_ZERO, 0.0, &p));
  PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < m; j++) PetscCall(MatSetValue(p.B, i, j, i ? 0.0 : 1.0, INSERT_VALUES));
    if (i == 0) PetscCall(MatSetValue(p.A, 0, k, 0.5, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetType(p.adj, ADJONESTEP));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapClose(report.check[ADJ_CHECK_NORM].value, 0.5, 1e-2, "rank 1, %" PetscInt_FMT " unknowns: norm of dF/dx", n));
  PetscCall(VecNorm(p.v, NORM_2, &norm));
  PetscCall(VecNorm(p.thetabar, NORM_2, &result));
  PetscCall(TapClose(report.check[ADJ_CHECK_CLASSICAL].value, PetscSqrtReal((PetscReal)m) * norm / result, 3e-2, "rank 1, %" PetscInt_FMT " unknowns: classical bound", n));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestEstimate("-adj_type onestep", SPECTRUM_PAIRS, 0.4, 0.02));
  PetscCall(TestEstimate("-adj_type onestep", SPECTRUM_REAL, 0.9, 0.0));
  PetscCall(TestEstimate("-adj_type onestep", SPECTRUM_REAL, 1e-3, 0.0));
  PetscCall(TestEstimate("-adj_type neumann -adj_neumann_terms 3", SPECTRUM_PAIRS, 0.5, 0.02));
  PetscCall(TestEstimate("-adj_type neumann -adj_neumann_terms 25", SPECTRUM_PAIRS, 0.5, 0.02));
  PetscCall(TestEstimate("-adj_type truncated -adj_truncated_steps 4", SPECTRUM_PAIRS, 0.6, 0.01));
  PetscCall(TestEstimate("-adj_type truncated -adj_truncated_steps 30", SPECTRUM_PAIRS, 0.6, 0.01));
  PetscCall(TestClassical("-adj_type onestep -adj_svd_tol 1e-4 -adj_svd_max_it 20", 0));
  PetscCall(TestClassical("-adj_type neumann -adj_neumann_terms 9", 9));
  PetscCall(TestNonNormal("-adj_type onestep"));
  PetscCall(TestZero("-adj_type onestep", PETSC_TRUE, PETSC_FALSE));
  PetscCall(TestZero("-adj_type neumann", PETSC_TRUE, PETSC_TRUE));
  PetscCall(TestZero("-adj_type truncated", PETSC_FALSE, PETSC_TRUE));
  PetscCall(TestUnsolved());
  for (PetscInt n = 2; n < 6; n++) {
    PetscCall(TestRankOne(n, 0));
    PetscCall(TestRankOne(n, n - 1));
  }
  PetscCall(TestNonNormal("-adj_type neumann -adj_neumann_terms 2"));
  PetscCall(TestNonNormal("-adj_type truncated -adj_truncated_steps 2"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
