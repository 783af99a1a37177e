static char help[] = "The piggyback adjoint: iterated beside the state, the solver has nothing left to do.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* l = Re <v, x> + |x|^2/2 */
static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Problem    *p = (Problem *)ctx;
  PetscScalar dot;
  PetscReal   norm;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDot(x, p->v, &dot));
  PetscCall(VecNorm(x, NORM_2, &norm));
  *f = PetscRealPart(dot) + 0.5 * norm * norm;
  if (xbar) PetscCall(VecWAXPY(xbar, 1.0, x, p->v));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(const char options[], Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 12, LAYOUT_EMPTY, 5, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.6, p));
  p->s = 0.01;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetObjective(p->adj, Objective, p));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestGradient(void)
{
  Problem     p, q;
  PetscReal   f, g, error;
  PetscInt    its, forward;
  ADJTrust    verdict;
  ADJCounters n;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_piggyback -adj_ksp_rtol 1e-12", &p));
  PetscCall(Begin("-adj_ksp_rtol 1e-12 -adj_forward_snes_rtol 1e-13", &q));
  for (PetscInt solve = 0; solve < 2; solve++) { /* from nothing, then warm at other parameters */
    PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar));
    PetscCall(ADJComputeObjectiveAndGradient(q.adj, q.theta, &g, q.thetabar));
    PetscCall(TapClose(f, g, 1e-8, "objective"));
    PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
    PetscCall(TapBelow(error, 1e-8, "gradient of type implicit"));
    PetscCall(ADJGetAdjointIterations(p.adj, &its));
    PetscCall(TapOk((PetscBool)(its <= 1), "%" PetscInt_FMT " iterations left for the adjoint solver", its));
    PetscCall(ADJGetTrust(p.adj, &verdict));
    PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "verdict %s", ADJTrusts[verdict]));
    if (solve == 0) {
      PetscCall(ADJGetForwardIterations(p.adj, &forward));
      PetscCall(ADJGetCounters(p.adj, &n));
      PetscCall(TapOk((PetscBool)(n.vjp_x <= forward + 1 + 3), "one product a step: %" PetscInt_FMT " for %" PetscInt_FMT " steps", n.vjp_x, forward));
    }
    PetscCall(VecScale(p.theta, 1.1));
    PetscCall(VecScale(q.theta, 1.1));
  }
  PetscCall(ADJSolveAdjoint(p.adj, p.c, p.thetabar)); /* another cotangent: the solver has to work */
  PetscCall(ADJSolveAdjoint(q.adj, q.c, q.thetabar));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "another cotangent"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = |x - d|^2/2 with d = x*: v and w end in rounding, and that is no reason to refuse the state */
static PetscErrorCode Misfit(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Problem  *p = (Problem *)ctx;
  PetscReal norm;
  Vec       d;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecWAXPY(d, -1.0, p->xdot, x)); /* the data are kept there */
  PetscCall(VecNorm(d, NORM_2, &norm));
  *f = 0.5 * norm * norm;
  if (xbar) PetscCall(VecCopy(d, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestPerfectFit(void)
{
  Problem   p;
  PetscReal f, norm;
  PetscInt  its;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_piggyback -adj_forward_snes_rtol 1e-13 -adj_forward_snes_atol 1e-13", &p));
  PetscCall(ADJSetPiggyback(p.adj, PETSC_FALSE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecCopy(p.x, p.xdot));
  PetscCall(ADJSetObjective(p.adj, Misfit, &p));
  PetscCall(ADJSetPiggyback(p.adj, PETSC_TRUE));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(VecNorm(p.thetabar, NORM_2, &norm));
  PetscCall(TapOk((PetscBool)(its < 500), "a perfect fit ends, after %" PetscInt_FMT " steps", its));
  PetscCall(TapBelow(norm, 1e-9, "a perfect fit: the gradient"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The adjoint solvers that want special care with initial guesses */
static PetscErrorCode TestSolvers(void)
{
  const char *options[] = {"-adj_piggyback -adj_ksp_type bcgs", "-adj_piggyback -adj_ksp_type preonly -adj_trust_action ignore"};
  Problem     p, q;
  PetscReal   f, error;

  PetscFunctionBeginUser;
  PetscCall(Begin("", &q));
  PetscCall(ADJComputeObjectiveAndGradient(q.adj, q.theta, &f, q.thetabar));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(Begin(options[i], &p));
    PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar));
    PetscCall(ADJSetPiggyback(p.adj, PETSC_FALSE));
    PetscCall(VecSet(p.x, 0.0));
    PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar));
    PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
    if (i == 0) PetscCall(TapBelow(error, 1e-6, "%s, then without piggyback: the gradient", options[i]));
    PetscCall(ProblemDestroy(&p));
  }
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestError(const char options[], PetscErrorCode code, PetscBool objective)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, &p));
  if (!objective) PetscCall(ADJSetObjective(p.adj, NULL, NULL));
  PetscCall(TapError(code, ADJSolve(p.adj, p.theta, p.x), "%s is refused", options));
  PetscCall(ADJSetPiggyback(p.adj, PETSC_FALSE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestGradient());
  PetscCall(TestPerfectFit());
  PetscCall(TestSolvers());
  PetscCall(TestError("-adj_piggyback", PETSC_ERR_ORDER, PETSC_FALSE));
  PetscCall(TestError("-adj_piggyback -adj_forward_snes_type anderson", PETSC_ERR_SUP, PETSC_TRUE));
  PetscCall(TestError("-adj_piggyback -adj_type unrolled", PETSC_ERR_SUP, PETSC_TRUE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
