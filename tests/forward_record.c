static char help[] = "What the forward solve leaves behind: history, observed rate, the last but one iterate.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* |x - F(x)| */
static PetscErrorCode Residual(Problem *p, Vec x, PetscReal *norm)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemMap(p->adj, x, p->theta, p->xdot, p));
  PetscCall(VecAXPY(p->xdot, -1.0, x));
  PetscCall(VecNorm(p->xdot, NORM_2, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestHistory(Layout layout, const char type[])
{
  Problem          p;
  SNES             snes;
  PetscReal        first, last;
  PetscInt         its, n, maps;
  const PetscReal *history;
  ADJCounters      counters;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 15, layout, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.7, &p));
  p.s = 0.01;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESSetType(snes, type));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(Residual(&p, p.x, &first));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(Residual(&p, p.x, &last));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(ADJGetForwardHistory(p.adj, &n, &history));
  PetscCall(TapOk((PetscBool)(its > 1 && n == its + 1), "%s: %" PetscInt_FMT " residual norms of %" PetscInt_FMT " iterations", type, n, its));
  PetscCall(TapClose(history[0], first, 1e-12, "%s: the first", type));
  PetscCall(TapBelow(PetscAbsReal(history[n - 1] - last), 1e-14 * first, "%s: the last", type));
  PetscCall(TapBelow(last, 1e-10 * first, "%s: ten digits by default", type));
  PetscCall(ADJGetCounters(p.adj, &counters));
  PetscCall(SNESGetNumberFunctionEvals(snes, &maps));
  PetscCall(TapOk((PetscBool)(counters.map >= n && counters.map >= maps), "%s: %" PetscInt_FMT " evaluations counted", type, counters.map));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rate of the plain iteration tends to the spectral radius */
static PetscErrorCode TestRate(void)
{
  Problem        p;
  PetscReal      rate, rho;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 15, LAYOUT_UNEVEN, 3, LAYOUT_LAST, SPECTRUM_REAL, 0.9, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetObservedRate(p.adj, &rate));
  PetscCall(TapOk((PetscBool)(rate < 0.0), "no rate before the first solve"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetObservedRate(p.adj, &rate));
  PetscCall(TapBelow(PetscAbsReal(rate - 0.9), 1e-3, "the observed rate"));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapBelow(PetscAbsReal(rate - rho), 2e-3, "is the spectral radius that SLEPc finds"));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_RATE].value == rate && report.check[ADJ_CHECK_RATE].status == ADJ_CHECK_PASSED), "and agrees with it in the report"));
  PetscCall(TapBelow(PetscAbsReal(report.check[ADJ_CHECK_RITZ].value - 0.9), 1e-2, "beside the Ritz value of the adjoint solve"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetObservedRate(p.adj, &rate));
  PetscCall(TapOk((PetscBool)(rate < 0.0), "no rate without an iteration"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F(xprev) = x */
static PetscErrorCode TestPrevious(void)
{
  Problem      p;
  PetscOptions options;
  Vec          xprev, guess, fx;
  PetscReal    error;
  PetscBool    keep;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_keep_previous_iterate", &options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 15, LAYOUT_EMPTY, 3, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.7, &p));
  p.s = 0.01;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetPreviousIterate(p.adj, &xprev), "no previous iterate unless asked for"));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetKeepPreviousIterate(p.adj, &keep));
  PetscCall(TapOk(keep, "the option is read"));
  PetscCall(VecDuplicate(p.x, &fx));
  PetscCall(VecDuplicate(p.x, &guess));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(ADJGetPreviousIterate(p.adj, &xprev));
    PetscCall(ProblemMap(p.adj, xprev, p.theta, fx, &p));
    PetscCall(VecDistance(fx, p.x, &error));
    PetscCall(TapBelow(error, 1e-14, "F(xprev) = x, solve %" PetscInt_FMT, k));
    PetscCall(VecDistance(xprev, p.x, &error));
    PetscCall(TapOk((PetscBool)(error > 1e-14), "xprev is not x, solve %" PetscInt_FMT, k));
    PetscCall(VecScale(p.theta, 1.5));
  }
  PetscCall(VecScale(p.theta, 1.0 / 1.5));
  PetscCall(VecScale(p.x, 1.0 + 1e-12));
  PetscCall(VecCopy(p.x, guess));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetPreviousIterate(p.adj, &xprev));
  PetscCall(VecDistance(xprev, guess, &error));
  PetscCall(TapOk((PetscBool)(error == 0.0), "the guess itself if it was accepted at once"));
  PetscCall(OptionsEnd(&options));
  PetscCall(VecDestroy(&fx));
  PetscCall(VecDestroy(&guess));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestHistory(LAYOUT_EVEN, SNESNRICHARDSON));
  PetscCall(TestHistory(LAYOUT_UNEVEN, SNESNEWTONLS));
  PetscCall(TestHistory(LAYOUT_EMPTY, SNESANDERSON));
  PetscCall(TestHistory(LAYOUT_LAST, SNESNGMRES));
  PetscCall(TestRate());
  PetscCall(TestPrevious());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
