static char help[] = "The iteration run backwards: equal to the unrolled one while the drift is small, refused when it is not.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define RHO 0.8

/* A map whose eigenvalues are all of about the size rho, and an adjoint context set up by options */
static PetscErrorCode Begin(const char options[], Spectrum spectrum, PetscBool jvp, Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_action ignore", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 9, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, spectrum, RHO, p));
  p->s = 0.002;
  PetscCall(ProblemCreateADJ(p));
  if (!jvp) PetscCall(ADJSetJVP(p->adj, NULL, NULL));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEqual(PetscInt K, PetscInt period, PetscBool jvp)
{
  Problem        p, q;
  char           options[160];
  Vec            a, b;
  PetscReal      error;
  ADJTrustReport report;
  ADJCounters    n;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_type reversible -adj_steps %" PetscInt_FMT " -adj_reversible_period %" PetscInt_FMT, K, period));
  PetscCall(Begin(options, SPECTRUM_CLUSTER, jvp, &p));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "%s, %s: verdict %s, drift %g", options, jvp ? "JVP" : "differences", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_DRIFT].value));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.inverted == K && n.vjp_theta == K), "%s: %" PetscInt_FMT " steps undone", options, n.inverted));
  PetscCall(TapOk((PetscBool)(n.stored == (period ? (K + period - 1) / period : 1)), "%s: %" PetscInt_FMT " states kept", options, n.stored));
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_type unrolled -adj_steps %" PetscInt_FMT, K));
  PetscCall(Begin(options, SPECTRUM_CLUSTER, jvp, &q));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, 1e-9, "%" PetscInt_FMT " steps: the same pullback as unrolled", K));
  PetscCall(ADJGetInitialGradient(p.adj, &a));
  PetscCall(ADJGetInitialGradient(q.adj, &b));
  PetscCall(VecDistance(a, b, &error));
  PetscCall(TapBelow(error, 1e-9, "%" PetscInt_FMT " steps: the same derivative in x_0", K));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* rho^-K eps is far above 1: nothing is left of the states, and that is said, with the amplification */
static PetscErrorCode TestDrift(void)
{
  Problem        p;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type reversible -adj_steps 130", SPECTRUM_CLUSTER, PETSC_TRUE, &p));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_ERROR && report.check[ADJ_CHECK_DRIFT].status == ADJ_CHECK_FAILED), "130 steps: verdict %s, drift %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_DRIFT].value));
  PetscCall(TapClose(report.check[ADJ_CHECK_GROWTH].value, 1.0 / RHO, 0.1, "errors grow by 1/rho a step"));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "which is an error"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F constant in x: no step can be undone */
static PetscErrorCode TestSingular(void)
{
  Problem        p;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type reversible -adj_steps 3 -adj_forward_snes_divergence_tolerance 1e30", SPECTRUM_ZERO, PETSC_TRUE, &p));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_ERROR), "a map that is not invertible: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestEqual(1, 0, PETSC_TRUE));
  PetscCall(TestEqual(2, 0, PETSC_FALSE));
  PetscCall(TestEqual(25, 0, PETSC_TRUE));
  PetscCall(TestEqual(25, 0, PETSC_FALSE));
  PetscCall(TestEqual(130, 20, PETSC_TRUE));
  PetscCall(TestDrift());
  PetscCall(TestSingular());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
