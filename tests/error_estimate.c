static char help[] = "When the error of a derivative is estimated, what follows from it, and what it leaves behind.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "random_problems.h"

typedef struct {
  Problem      p, self;
  PetscOptions opts;
} Fixture;

static PetscErrorCode Begin(const char options[], uint64_t seed, PetscReal rho, PetscReal s, PetscBool residual, PetscBool jvp, Fixture *f)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_action ignore", &f->opts));
  PetscCall(PetscOptionsInsertString(f->opts, options));
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, 20, 5, seed, RANDOM_COUPLED, rho, s, residual, &f->p));
  PetscCall(RandomProblemCreate(PETSC_COMM_SELF, 20, 5, seed, RANDOM_COUPLED, rho, s, residual, &f->self));
  PetscCall(ProblemCreateADJ(&f->p));
  if (!jvp) PetscCall(ADJSetJVP(f->p.adj, NULL, NULL));
  PetscCall(ADJSetFromOptions(f->p.adj));
  PetscCall(ADJSolve(f->p.adj, f->p.theta, f->p.x));
  PetscCall(RandomProblemReference(&f->p, &f->self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Fixture *f)
{
  PetscFunctionBeginUser;
  PetscCall(TapOk((PetscBool)(f->p.elsewhere == 0), "all products are made where the linearization is"));
  PetscCall(OptionsEnd(&f->opts));
  PetscCall(ProblemDestroy(&f->p));
  PetscCall(ProblemDestroy(&f->self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Tight solves: a bound is enough, and costs nothing */
static PetscErrorCode TestBound(PetscBool residual)
{
  Fixture              f;
  ADJTrustReport       report;
  const ADJTrustCheck *c = &report.check[ADJ_CHECK_GRADIENT];
  PetscReal            error;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_trust_contraction false -adj_trust_differences false", 1, 0.8, 0.02, residual, PETSC_TRUE, &f));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &error));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && c->value > error && c->value < 1e-5 && c->advice), "tight solves: bound %g, true error %g", (double)c->value, (double)error));
  PetscCall(TapOk((PetscBool)(report.products == 0 && report.maps == 0 && report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_SKIPPED), "tight solves: nothing is spent"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && report.check[ADJ_CHECK_RESIDUAL_BOUND].status == ADJ_CHECK_PASSED), "tight solves, products not looked at: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ADJSetTrustGradientError(f.p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && c->status == ADJ_CHECK_SKIPPED), "never: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same derivative, adjoint and counters with and without the estimate, and of what follows */
static PetscErrorCode TestNoTrace(PetscBool jvp)
{
  Fixture     f;
  ADJCounters before, with, without;
  Vec         first, w, wfirst;
  PetscBool   same, samew;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_trust_gradient_error always -adj_forward_snes_rtol 1e-5 -adj_ksp_rtol 1e-4 -adj_ksp_initial_guess_nonzero", 2, 0.8, 0.02, PETSC_FALSE, jvp, &f));
  PetscCall(VecDuplicate(f.p.thetabar, &first));
  PetscCall(VecDuplicate(f.p.x, &wfirst));
  PetscCall(ADJSetTrustGradientError(f.p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, first));
  PetscCall(ADJGetAdjointSolution(f.p.adj, &w));
  PetscCall(VecSet(w, 0.0)); /* the warm start begins again */
  PetscCall(ADJGetCounters(f.p.adj, &before));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, first));
  PetscCall(VecCopy(w, wfirst));
  PetscCall(ADJGetCounters(f.p.adj, &without));
  PetscCall(ADJSetTrustGradientError(f.p.adj, ADJ_TRUST_ERROR_ALWAYS));
  PetscCall(VecSet(w, 0.0));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetCounters(f.p.adj, &with));
  PetscCall(VecEqual(first, f.p.thetabar, &same));
  PetscCall(VecEqual(w, wfirst, &samew));
  PetscCall(TapOk((PetscBool)(same && samew), "the same derivative and adjoint with the estimate"));
  PetscCall(TapOk((PetscBool)(with.vjp_x - without.vjp_x == without.vjp_x - before.vjp_x && with.map == before.map && with.jvp == before.jvp && with.linearize == before.linearize), "the same counters"));
  PetscCall(ADJSetTrustGradientError(f.p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(VecSet(w, 0.0));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(VecEqual(first, f.p.thetabar, &same));
  PetscCall(TapOk(same, "the same derivative after it"));
  PetscCall(VecDestroy(&first));
  PetscCall(VecDestroy(&wfirst));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A loose forward tolerance is confirmed, or refuted, by its effect on the derivative */
static PetscErrorCode TestLooseForward(PetscReal s, const char options[], ADJTrust expected, ADJCheckStatus forward)
{
  Fixture        f;
  ADJTrustReport report;
  PetscReal      error, distance;
  const PetscInt jvps = 2;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < jvps; j++) {
    PetscCall(Begin(options, 3, 0.6, s, PETSC_FALSE, (PetscBool)j, &f));
    PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
    PetscCall(ADJGetTrustReport(f.p.adj, &report));
    PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &error));
    PetscCall(VecDistanceToSelf(f.p.x, f.self.x, &distance));
    PetscCall(TapOk((PetscBool)(report.verdict == expected && report.check[ADJ_CHECK_FORWARD].status == forward), "%s, s %g: verdict %s, true error %g", options, (double)s, ADJTrusts[report.verdict], (double)error));
    if (report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_INFO) {
      PetscCall(TapClose(report.check[ADJ_CHECK_STATE].value, distance, 0.3, "%s, s %g: distance of the state", options, (double)s));
      if (s != 0.0) PetscCall(TapClose(report.check[ADJ_CHECK_GRADIENT].value, error, 0.3, "%s, s %g: error of the derivative", options, (double)s));
    }
    PetscCall(End(&f));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state cannot be compared with anything: no JVP, and no differences */
static PetscErrorCode TestUnknowable(void)
{
  Fixture        f;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_trust_differences false -adj_forward_snes_rtol 1e-4", 3, 0.6, 0.0, PETSC_FALSE, PETSC_FALSE, &f));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && report.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_INCONCLUSIVE && report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_SKIPPED && report.maps == 0), "neither JVP nor differences: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both derivatives, corrected: nearer to the truth by a factor, and the report says of what */
static PetscErrorCode TestRefine(PetscBool residual)
{
  Fixture        f;
  ADJTrustReport report;
  PetscReal      plain[2], refined[2];

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_trust_gradient_error always -adj_gradient_rtol 0.1 -adj_forward_snes_rtol 1e-2 -adj_ksp_rtol 1e-2 -adj_tangent_ksp_rtol 1e-2", 4, 0.7, 0.05, residual, PETSC_TRUE, &f));
  for (PetscInt k = 0; k < 2; k++) {
    PetscReal *error = k ? refined : plain;

    PetscCall(ADJSetGradientRefine(f.p.adj, (PetscBool)k));
    PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
    PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &error[0]));
    PetscCall(ADJGetTrustReport(f.p.adj, &report));
    PetscCall(TapClose(report.check[ADJ_CHECK_GRADIENT].value, plain[0], 0.3, "adjoint, refined %d: the estimate is that of the derivative before", (int)k));
    PetscCall(ADJSolveTangent(f.p.adj, f.p.thetadot, f.p.xdot));
    PetscCall(VecDistanceToSelf(f.p.xdot, f.self.xdot, &error[1]));
    PetscCall(ADJGetTrustReport(f.p.adj, &report));
    PetscCall(TapClose(report.check[ADJ_CHECK_GRADIENT].value, plain[1], 0.3, "tangent, refined %d: the estimate is that of the derivative before", (int)k));
  }
  PetscCall(TapBelow(refined[0], 0.3 * plain[0], "adjoint: error %g, corrected %g", (double)plain[0], (double)refined[0]));
  PetscCall(TapBelow(refined[1], 0.3 * plain[1], "tangent: error %g, corrected %g", (double)plain[1], (double)refined[1]));
  PetscCall(ADJSetGradientTolerance(f.p.adj, 0.5 * plain[1]));
  PetscCall(ADJSolveTangent(f.p.adj, f.p.thetadot, f.p.xdot));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_PASSED && report.check[ADJ_CHECK_GRADIENT].value > report.check[ADJ_CHECK_GRADIENT].threshold), "it is judged after the correction"));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The total gradient at the exact solution, which has the cotangent v + x there */
static PetscErrorCode TotalReference(Fixture *f, Vec total)
{
  PetscReal value;
  Vec       direct;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(total, &direct));
  PetscCall(QuadraticObjective(NULL, f->self.x, f->self.theta, &value, f->self.xdot, direct, &f->self));
  PetscCall(VecCopy(f->self.xdot, f->self.v));
  PetscCall(ProblemReference(&f->self, total, f->self.xdot));
  PetscCall(VecAXPY(total, 1.0, direct));
  PetscCall(VecDestroy(&direct));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With an objective dl/dx and dl/dtheta move with the state, and the error is that of the total gradient */
static PetscErrorCode TestObjective(const char options[])
{
  Fixture        f;
  ADJTrustReport report;
  PetscReal      value, plain, refined;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, 5, 0.7, 0.03, PETSC_FALSE, PETSC_TRUE, &f));
  PetscCall(TotalReference(&f, f.self.thetabar));
  PetscCall(ADJSetObjective(f.p.adj, QuadraticObjective, &f.p));
  PetscCall(ADJSetSolution(f.p.adj, f.p.x));
  PetscCall(ADJComputeObjectiveAndGradient(f.p.adj, f.p.theta, &value, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &plain));
  PetscCall(TapClose(report.check[ADJ_CHECK_GRADIENT].value, plain, 0.3, "%s: total gradient, estimate", options));
  PetscCall(ADJSetGradientRefine(f.p.adj, PETSC_TRUE));
  PetscCall(ADJComputeObjectiveAndGradient(f.p.adj, f.p.theta, &value, f.p.thetabar));
  PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &refined));
  PetscCall(TapBelow(refined, 0.3 * plain, "%s: total gradient, error %g, corrected %g", options, (double)plain, (double)refined));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An operator that amplifies its residual: refused, unless the derivative does not feel it */
static PetscErrorCode TestConditioning(void)
{
  Fixture        f;
  ADJTrustReport report;
  PetscReal      error;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_ksp_rtol 1e-2 -adj_ksp_gmres_restart 100 -adj_gradient_rtol 1e-3", 8, 0.999, 0.0, PETSC_TRUE, PETSC_TRUE, &f));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(VecDistanceToSelf(f.p.thetabar, f.self.thetabar, &error));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONDITIONING && report.check[ADJ_CHECK_RESIDUAL_BOUND].status == ADJ_CHECK_FAILED && error > 1e-3), "ill-conditioned: verdict %s, cond times residual %g, true error %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_RESIDUAL_BOUND].value, (double)error));
  PetscCall(ADJSetGradientTolerance(f.p.adj, 1.5 * error));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_RESIDUAL_BOUND].status == ADJ_CHECK_PASSED), "ill-conditioned, error within its limit: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ADJSetTrustGradientError(f.p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && report.check[ADJ_CHECK_RESIDUAL_BOUND].status == ADJ_CHECK_INCONCLUSIVE), "ill-conditioned, not estimated: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool poisoned;

static PetscErrorCode PoisonedMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemMap(adj, x, theta, y, ctx));
  if (poisoned) PetscCall(VecSet(y, PETSC_INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN and Inf where the user has never been refuse nothing */
static PetscErrorCode TestPoison(void)
{
  Fixture        f;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_trust_differences false -adj_forward_snes_rtol 1e-4", 7, 0.6, 0.01, PETSC_FALSE, PETSC_TRUE, &f));
  PetscCall(ADJSetFixedPoint(f.p.adj, PoisonedMap, &f.p));
  poisoned = PETSC_FALSE;
  PetscCall(VecSet(f.p.x, 0.0));
  PetscCall(ADJSolve(f.p.adj, f.p.theta, f.p.x));
  poisoned = PETSC_TRUE;
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_UNVERIFIED && report.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_INCONCLUSIVE), "Inf beside the state: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M = I but for the last entry, which the solver does not meet where v has almost nothing of it, and N makes much of */
static PetscErrorCode TestHiddenDirection(void)
{
  const PetscInt N = 12;
  Problem        p;
  PetscOptions   opts;
  PetscInt       lo, hi;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, N, LAYOUT_EVEN, N, LAYOUT_EVEN, SPECTRUM_ZERO, 0.0, &p));
  p.residual = PETSC_TRUE;
  PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < N; j++) PetscCall(MatSetValue(p.B, i, j, i != j ? 0.0 : (i < N - 1 ? 1.0 : 100.0), INSERT_VALUES));
    PetscCall(MatSetValue(p.A, i, i, i < N - 1 ? 0.0 : 1.0 - 1e-4, INSERT_VALUES));
    PetscCall(VecSetValue(p.v, i, i ? 0.0 : 1.0, INSERT_VALUES));
    if (i == N - 1) PetscCall(VecSetValue(p.v, i, 1e-6, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(p.v));
  PetscCall(VecAssemblyEnd(p.v));
  PetscCall(OptionsBegin("-adj_trust_action ignore -adj_trust_svd -adj_ksp_rtol 1e-5 -adj_tangent_ksp_rtol 1e-10", &opts));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapClose(report.check[ADJ_CHECK_CONDITIONING].value, 1e4, 0.1, "hidden direction: the condition number is that of the SVD"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_ERROR), "hidden direction: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(TapClose(report.check[ADJ_CHECK_GRADIENT].value, PetscSqrtReal(0.5), 0.05, "hidden direction: the error that the solver could not see"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the user wants of the own solves is not wanted of those that a check makes */
static PetscErrorCode TestRaisingSolver(void)
{
  Fixture        f;
  KSP            ksp;
  PetscBool      raises;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_forward_snes_rtol 1e-3 -adj_tangent_ksp_max_it 0 -adj_tangent_ksp_error_if_not_converged", 3, 0.9, 0.02, PETSC_FALSE, PETSC_TRUE, &f));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(ADJGetTangentKSP(f.p.adj, &ksp));
  PetscCall(KSPGetErrorIfNotConverged(ksp, &raises));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_INCONCLUSIVE && raises), "a check's solve that does not converge is no error, and the solver stays as it is: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(End(&f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestBound(PETSC_FALSE));
  PetscCall(TestBound(PETSC_TRUE));
  PetscCall(TestNoTrace(PETSC_FALSE));
  PetscCall(TestNoTrace(PETSC_TRUE));
  PetscCall(TestLooseForward(0.0, "-adj_forward_snes_rtol 1e-4", ADJ_TRUST_ESTIMATED, ADJ_CHECK_PASSED));
  PetscCall(TestLooseForward(0.02, "-adj_forward_snes_rtol 1e-3", ADJ_TRUST_ESTIMATED, ADJ_CHECK_PASSED));
  PetscCall(TestLooseForward(0.02, "-adj_forward_snes_rtol 1e-3 -adj_gradient_rtol 1e-6", ADJ_TRUST_REFUTED_ERROR, ADJ_CHECK_INCONCLUSIVE));
  PetscCall(TestLooseForward(0.02, "-adj_forward_snes_rtol 1e-3 -adj_trust_gradient_error never", ADJ_TRUST_UNVERIFIED, ADJ_CHECK_INCONCLUSIVE));
  PetscCall(TestUnknowable());
  PetscCall(TestRefine(PETSC_FALSE));
  PetscCall(TestRefine(PETSC_TRUE));
  PetscCall(TestObjective("-adj_trust_gradient_error always -adj_gradient_rtol 0.2 -adj_forward_snes_rtol 1e-2 -adj_ksp_rtol 1e-8"));
  PetscCall(TestObjective("-adj_trust_gradient_error always -adj_gradient_rtol 0.2 -adj_forward_snes_rtol 1e-8 -adj_ksp_rtol 1e-2"));
  PetscCall(TestObjective("-adj_type neumann -adj_neumann_terms 12 -adj_trust_gradient_error always -adj_gradient_rtol 10 -adj_forward_snes_rtol 1e-2"));
  PetscCall(TestConditioning());
  PetscCall(TestPoison());
  PetscCall(TestHiddenDirection());
  PetscCall(TestRaisingSolver());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
