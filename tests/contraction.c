static char help[] = "The spectral radius of dF/dx against prescribed spectra, and what follows from it.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* Smaller than 1: measured to 1e-3, and the eigen-residual says how well */
static PetscErrorCode TestMeasured(PetscInt n, Layout layout, Spectrum spectrum, PetscReal rho, const char name[])
{
  Problem        p;
  PetscReal      got, error;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, layout, 3, LAYOUT_EVEN, spectrum, rho, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetContraction(p.adj, &got, &error));
  PetscCall(TapOk((PetscBool)(got < 0.0 && error < 0.0), "%s: not known before the first derivative", name));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetContraction(p.adj, &got, &error));
  PetscCall(TapBelow(PetscAbsReal(got - rho), 1e-3, "%s: spectral radius %g", name, (double)rho));
  PetscCall(TapBelow(error, 1e-3, "%s: eigen-residual", name));
  PetscCall(TapOk((PetscBool)(error >= 0.0), "%s: which is known", name));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED && report.check[ADJ_CHECK_CONTRACTION].value == got && report.check[ADJ_CHECK_CONTRACTION].threshold == 1.0), "%s: as the report says", name));
  PetscCall(TapOk((PetscBool)(report.products > 0 && report.products < 400), "%s: %" PetscInt_FMT " products spent", name, report.products));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1 or more, found by Newton's method: refused, unless the user trusts I - dF/dx to be invertible */
static PetscErrorCode TestExpansive(PetscInt n, Spectrum spectrum, const char name[])
{
  Problem        p, self;
  PetscReal      rho, error = PETSC_MAX_REAL;
  PetscOptions   options;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, LAYOUT_UNEVEN, 3, LAYOUT_LAST, spectrum, 1.3, &p));
  PetscCall(ProblemCreate(PETSC_COMM_SELF, n, LAYOUT_UNEVEN, 3, LAYOUT_LAST, spectrum, 1.3, &self));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "%s: refused", name));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONTRACTION && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_FAILED), "%s: verdict %s", name, ADJTrusts[report.verdict]));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapBelow(PetscAbsReal(rho - 1.3), 3e-3, "%s: spectral radius 1.3, to a hundredth of its distance from 1", name));

  PetscCall(OptionsBegin("-adj_trust_contraction false -adj_ksp_rtol 1e-13 -adj_forward_snes_type newtonls", &options));
  PetscCall(ADJDestroy(&p.adj));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(OptionsEnd(&options));
  PetscCall(ProblemReference(&self, self.thetabar, self.xdot));
  PetscCall(VecDistanceToSelf(p.thetabar, self.thetabar, &error));
  PetscCall(TapBelow(error, 1e-11, "%s: the gradient is right all the same", name));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_SKIPPED && report.check[ADJ_CHECK_CONDITIONING].status == ADJ_CHECK_PASSED), "%s: trusted by its conditioning, verdict %s", name, ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(report.products == 0), "%s: no product is spent on the contraction", name));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Too small a budget for a cluster of eigenvalues: nothing is claimed */
static PetscErrorCode TestInconclusive(void)
{
  Problem        p;
  PetscOptions   options;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_budget 3 -adj_eps_ncv 3 -adj_eps_tol 1e-2", &options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 40, LAYOUT_EVEN, 3, LAYOUT_EVEN, SPECTRUM_CLUSTER, 0.9, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(OptionsEnd(&options));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED), "budget too small: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_INCONCLUSIVE && report.check[ADJ_CHECK_CONTRACTION].advice), "budget too small: inconclusive, with advice"));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_CONTRACTION].value > 0.8 && report.check[ADJ_CHECK_CONTRACTION].value <= 0.9 && report.check[ADJ_CHECK_CONTRACTION].error > 0.0), "budget too small: the best guess is reported"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscOptions options;
  int          failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(OptionsBegin("-adj_eps_tol 1e-2", &options));
  PetscCall(TestMeasured(40, LAYOUT_EVEN, SPECTRUM_REAL, 0.9, "one eigenvalue"));
  PetscCall(TestMeasured(41, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.9, "a pair"));
  PetscCall(TestMeasured(40, LAYOUT_EMPTY, SPECTRUM_ZERO, 0.0, "A = 0"));
  PetscCall(TestMeasured(1, LAYOUT_LAST, SPECTRUM_REAL, 0.5, "one unknown"));
  PetscCall(OptionsEnd(&options));
  PetscCall(TestInconclusive());
  PetscCall(OptionsBegin("-adj_forward_snes_type newtonls -adj_eps_tol 1e-2", &options));
  PetscCall(TestExpansive(30, SPECTRUM_REAL, "one eigenvalue outside"));
  PetscCall(TestExpansive(30, SPECTRUM_PAIRS, "a pair outside"));
  PetscCall(OptionsEnd(&options));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
