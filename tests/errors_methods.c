static char help[] = "Methods asked for where they do not apply: an error that says so, and the context works on.\n\n";

/*
   nsize: 1 2
*/
#include "problems.h"

static PetscErrorCode Begin(const char options[], PetscBool residual, Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 7, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.4, p));
  p->residual = residual;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ADJSolve() fails with this code; then type implicit works, in the same context */
static PetscErrorCode TestSolve(const char options[], PetscBool residual, PetscErrorCode code)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, residual, &p));
  PetscCall(TapError(code, ADJSolve(p.adj, p.theta, p.x), "%s%s is refused", options, residual ? ", a residual," : ""));
  PetscCall(ADJSetType(p.adj, ADJIMPLICIT));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A given number of steps is no solution: what differentiates the solution is refused, the program's derivative is not */
static PetscErrorCode TestFewSteps(const char options[], ADJTrust expected)
{
  Problem  p;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, PETSC_FALSE, &p));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == expected), "%s: verdict %s", options, ADJTrusts[verdict]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestValues(void)
{
  Problem  p;
  PetscInt n;
  Vec      x0bar;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type neumann", PETSC_FALSE, &p));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJNeumannSetTerms(p.adj, -1), "negative terms are refused"));
  PetscCall(ADJNeumannSetTerms(p.adj, 4));
  PetscCall(ADJTruncatedSetSteps(p.adj, -1)); /* another type: nothing happens */
  PetscCall(ADJNeumannGetTerms(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n == 4), "terms are kept"));
  PetscCall(TapError(PETSC_ERR_SUP, ADJTruncatedGetSteps(p.adj, &n), "a value of another type is refused"));
  PetscCall(TapError(PETSC_ERR_SUP, ADJGetInitialGradient(p.adj, &x0bar), "the derivative in x_0 is refused"));
  PetscCall(ADJSetType(p.adj, ADJTRUNCATED));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJTruncatedSetSteps(p.adj, 0), "no steps are refused"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJTruncatedSetSteps(p.adj, 3));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "more states than were kept: a new solve is needed"));
  PetscCall(ADJSetType(p.adj, ADJREVERSIBLE));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJReversibleSetPeriod(p.adj, -1), "a negative period is refused"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJReversibleSetDriftTolerance(p.adj, 0.0), "no drift at all is refused"));
  PetscCall(ADJSetType(p.adj, ADJAUTO));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJAutoSetMaxTerms(p.adj, -1), "negative terms are refused"));
  PetscCall(ADJSetType(p.adj, ADJUNROLLED));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetSteps(p.adj, -7), "negative steps are refused"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetGradientTolerance(p.adj, 0.0), "an exact gradient is refused"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "few steps from a good guess: no derivative of the solution"));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetInitialGradient(p.adj, &x0bar), "the derivative in x_0 before the adjoint"));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetInitialGradient(p.adj, &x0bar));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From one type to the next in one context, each with a gradient close to the last */
static PetscErrorCode TestSwitch(void)
{
  const char *types[] = {ADJUNROLLED, ADJREVERSIBLE, ADJNEUMANN, ADJTRUNCATED, ADJAUTO, ADJONESTEP, ADJIMPLICIT};
  Problem     p, q;
  PetscReal   error;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type implicit", PETSC_FALSE, &q));
  PetscCall(ADJSolve(q.adj, q.theta, q.x));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(Begin("", PETSC_FALSE, &p));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(types); i++) {
    PetscCall(ADJSetType(p.adj, types[i]));
    PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
    PetscCall(VecSet(p.x, 0.0));
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
    PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
    PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
    PetscCall(TapBelow(error, i == 5 ? 1.0 : 1e-3, "type %s after another", types[i]));
  }
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestSolve("-adj_type unrolled -adj_forward_snes_type anderson", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type unrolled -adj_forward_snes_type newtonls", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type unrolled -adj_forward_snes_linesearch_damping 0.5", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type unrolled -adj_forward_npc_snes_type nrichardson", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type truncated -adj_forward_snes_type ngmres", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type reversible -adj_forward_snes_type newtonls", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type onestep -adj_forward_snes_type newtonls", PETSC_FALSE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type unrolled", PETSC_TRUE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type truncated", PETSC_TRUE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type onestep", PETSC_TRUE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type neumann", PETSC_TRUE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type auto", PETSC_TRUE, PETSC_ERR_SUP));
  PetscCall(TestSolve("-adj_type unrolled -adj_trajectory_type binomial -adj_trajectory_checkpoints 3", PETSC_FALSE, PETSC_ERR_ARG_WRONGSTATE));
  PetscCall(TestFewSteps("-adj_type implicit -adj_steps 3", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestFewSteps("-adj_type neumann -adj_steps 3", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestFewSteps("-adj_type implicit -adj_steps 60", ADJ_TRUST_ESTIMATED));
  PetscCall(TestFewSteps("-adj_type unrolled -adj_steps 3", ADJ_TRUST_ESTIMATED));
  PetscCall(TestFewSteps("-adj_type unrolled -adj_forward_snes_max_it 3", ADJ_TRUST_REFUTED_FORWARD));
  PetscCall(TestValues());
  PetscCall(TestSwitch());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
