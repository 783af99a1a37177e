static char help[] = "The reduced objective and its gradient against central differences.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_ksp_rtol 1e-12
   args: -residual -adj_forward_snes_rtol 1e-14 -adj_ksp_rtol 1e-12
*/
#include "problems.h"

#define STEP 1e-4

/* (l(theta + h e d) - l(theta - h e d)) / 2h, the state being found each time; e is 1, or i */
static PetscErrorCode CentralDifference(Problem *p, PetscScalar unit, PetscReal *slope)
{
  Vec       theta;
  PetscReal plus, minus;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecWAXPY(theta, STEP * unit, p->thetadot, p->theta));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, theta, &plus, NULL));
  PetscCall(VecWAXPY(theta, -STEP * unit, p->thetadot, p->theta));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, theta, &minus, NULL));
  *slope = 0.5 * (plus - minus) / STEP;
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestGradient(Layout xlayout, PetscInt m, Layout tlayout, PetscBool residual, const char name[])
{
  const PetscScalar units[] = {1.0, PetscCMPLX(0.0, 1.0)};
  Problem           p;
  PetscReal         value, direct, slope = 0.0;
  PetscScalar       dot;
  Vec               x;
  ADJTrust          verdict;
  ADJCounters       before, after;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, xlayout, m, tlayout, SPECTRUM_PAIRS, 0.6, &p));
  p.s        = 0.02;
  p.t        = 0.3;
  p.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, p.thetabar), "%s: no objective yet", name));
  PetscCall(ADJSetObjective(p.adj, QuadraticObjective, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, p.thetabar), "%s: no state yet", name));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(ADJGetSolution(p.adj, &x));
  PetscCall(TapOk((PetscBool)(x == p.x), "%s: the state is where the user put it", name));
  PetscCall(QuadraticObjective(p.adj, p.x, p.theta, &direct, NULL, NULL, &p));
  PetscCall(TapOk((PetscBool)(value == direct), "%s: the value belongs to it", name));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  for (PetscInt k = 0; k < (PetscDefined(USE_COMPLEX) ? 2 : 1); k++) {
    PetscCall(ADJGetCounters(p.adj, &before));
    PetscCall(CentralDifference(&p, units[k], &slope));
    PetscCall(ADJGetCounters(p.adj, &after));
    PetscCall(TapClose(PetscRealPart(units[k] * dot), slope, 1e-7, "%s: directional derivative %" PetscInt_FMT, name, k));
    PetscCall(TapOk((PetscBool)(before.vjp_theta == after.vjp_theta), "%s: the value alone needs no pullback", name));
  }
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |e^x - e^v|^2/2, which is least, and flat, at x = v */
static PetscErrorCode Misfit(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Problem *p = (Problem *)ctx;
  Vec      e, d;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &e));
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecCopy(x, e));
  PetscCall(VecExp(e));
  PetscCall(VecCopy(p->v, d));
  PetscCall(VecExp(d));
  PetscCall(VecAYPX(d, -1.0, e));
  PetscCall(VecNorm(d, NORM_2, value));
  *value *= 0.5 * *value;
  PetscCall(VecConjugate(e));
  if (xbar) PetscCall(VecPointwiseMult(xbar, d, e));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Data that the state meets, exactly or nearly, are no reason to doubt the objective */
static PetscErrorCode TestMinimum(PetscReal shift, PetscBool residual)
{
  Problem        p;
  PetscReal      value, norm;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.6, &p));
  p.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSetObjective(p.adj, Misfit, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecCopy(p.x, p.v));
  PetscCall(VecScale(p.v, 1.0 + shift));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(VecScale(p.theta, 2.0)); /* far from the minimum first, as an optimizer: it shows how large a gradient is */
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, p.thetabar));
  PetscCall(VecScale(p.theta, 0.5));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE)); /* rounding in the state is all there is of the gradient */
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_OBJECTIVE].status == ADJ_CHECK_PASSED), "minimum, data off by %g: check of the objective %s", (double)shift, ADJCheckStatuses[report.check[ADJ_CHECK_OBJECTIVE].status]));
  PetscCall(TapOk((PetscBool)(report.verdict > 0), "minimum, data off by %g: not refused, verdict %s", (double)shift, ADJTrusts[report.verdict]));
  PetscCall(VecNorm(p.thetabar, NORM_2, &norm));
  PetscCall(TapBelow(norm, 1e3 * shift + 1e-12, "minimum, data off by %g: the gradient is small", (double)shift));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool residual = PETSC_FALSE;
  int       failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-residual", &residual, NULL));
  PetscCall(TapBegin());
  PetscCall(TestGradient(LAYOUT_UNEVEN, 4, LAYOUT_EVEN, residual, "four parameters"));
  PetscCall(TestGradient(LAYOUT_EMPTY, 1, LAYOUT_LAST, residual, "one parameter"));
  PetscCall(TestGradient(LAYOUT_LAST, 19, LAYOUT_EMPTY, residual, "more parameters than unknowns"));
  PetscCall(TestMinimum(0.0, residual));
  PetscCall(TestMinimum(1e-11, residual));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
