static char help[] = "When the contraction is measured again: when a free estimate moved or none is known, not else.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

static PetscErrorCode Gradient(Problem *p, ADJTrustReport *report)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(ADJGetTrustReport(p->adj, report));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CarriedOver(const ADJTrustReport *report, PetscBool *yes)
{
  char *found = NULL;

  PetscFunctionBeginUser;
  if (report->check[ADJ_CHECK_CONTRACTION].advice) PetscCall(PetscStrstr(report->check[ADJ_CHECK_CONTRACTION].advice, "carried over", &found));
  *yes = (PetscBool)(found && report->products == 0 && report->check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED && report->verdict >= ADJ_TRUST_UNVERIFIED);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the estimates that cost nothing are known decides */
static PetscErrorCode TestPolicy(const char options[], PetscBool free)
{
  Problem        p;
  PetscOptions   opts;
  ADJTrustReport report;
  PetscReal      rho, moved;
  PetscBool      carried;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_differences false -adj_eps_tol 1e-2", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 20, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, SPECTRUM_REAL, 0.6, &p));
  p.s = 1e-3;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(Gradient(&p, &report));
  PetscCall(CarriedOver(&report, &carried));
  PetscCall(TapOk((PetscBool)(!carried && report.products > 0), "%s: measured with the first derivative", options));

  PetscCall(ADJSolveAdjoint(p.adj, p.x, p.thetabar));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.products == 0 && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED), "%s: not again at the same state", options));

  PetscCall(VecScale(p.theta, 1.001));
  PetscCall(Gradient(&p, &report));
  PetscCall(CarriedOver(&report, &carried));
  PetscCall(TapOk((PetscBool)(carried == free && (free || report.products > 0)), "%s: %s nearby", options, free ? "carried over" : "measured again"));

  PetscCall(MatScale(p.A, 1.4));
  PetscCall(Gradient(&p, &report));
  PetscCall(ADJGetContraction(p.adj, &moved, NULL));
  PetscCall(TapOk((PetscBool)(report.products > 0), "%s: measured again where it moved", options));

  PetscCall(ADJReset(p.adj));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapOk((PetscBool)(rho < 0.0), "%s: forgotten by ADJReset()", options));
  PetscCall(Gradient(&p, &report));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapOk((PetscBool)(report.products > 0), "%s: and measured afterwards", options));
  PetscCall(TapOk((PetscBool)(rho > 0.7), "%s: the new value is %g", options, (double)rho));
  PetscCall(TapClose(moved, rho, 4e-3, "%s: the same, to two hundredths of its distance from 1, without what was known before", options));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A map that stops contracting is not waved through on what was measured before; nor one that was not measured well */
static PetscErrorCode TestLost(void)
{
  Problem        p;
  PetscOptions   opts;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_forward_snes_type newtonls", &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 20, LAYOUT_EMPTY, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.6, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "a contraction at first"));
  PetscCall(MatScale(p.A, 2.0));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "refused when it is none any more"));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONTRACTION && report.products > 0), "verdict %s", ADJTrusts[report.verdict]));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "and at the next state"));
  PetscCall(MatScale(p.A, 0.5));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.products > 0), "accepted when it is one again"));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestPolicy("-adj_ksp_type gmres", PETSC_TRUE));                                 /* rate and Ritz values */
  PetscCall(TestPolicy("-adj_ksp_type bcgs", PETSC_TRUE));                                  /* rate alone */
  PetscCall(TestPolicy("-adj_forward_snes_type newtonls -adj_ksp_type gmres", PETSC_TRUE)); /* Ritz values alone */
  PetscCall(TestPolicy("-adj_forward_snes_type newtonls -adj_ksp_type bcgs", PETSC_FALSE)); /* neither */
  PetscCall(TestLost());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
