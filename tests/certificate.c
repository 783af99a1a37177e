static char help[] = "The certificate of a derivative: how often its bound is below the true error, and how far above it otherwise.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include "random_problems.h"

#define PROBLEMS 200
#define KINDS    6
#define ROUNDING 1e-12 /* of derivatives, or more by the condition number: true errors below are not counted, nor bounds too small by less */

typedef struct {
  PetscInt  n, wrong, rounding, open, refused;
  PetscReal tightness[PROBLEMS]; /* bound over true error */
} Sample;

/* Against the derivative at the state itself, by dense LU */
static PetscErrorCode Enter(Problem *p, Vec got, Vec expected, Sample *sample)
{
  PetscReal     error = 0.0, norm, gnorm, rounding;
  ADJTrustCheck c, cond;

  PetscFunctionBeginUser;
  PetscCall(VecDistanceToSelf(got, expected, &error));
  PetscCall(VecNorm(expected, NORM_2, &norm));
  PetscCall(VecNorm(got, NORM_2, &gnorm));
  PetscCall(ADJGetTrustCheck(p->adj, ADJ_CHECK_CERTIFICATE, &c));
  PetscCall(ADJGetTrustCheck(p->adj, ADJ_CHECK_CONDITIONING, &cond));
  rounding = PetscMax(ROUNDING, cond.value * PETSC_MACHINE_EPSILON);
  if (error < rounding)
    sample->rounding++;
  else if (c.status == ADJ_CHECK_SKIPPED)
    sample->refused++;
  else if (c.value < 0.0)
    sample->open++;
  else {
    sample->tightness[sample->n++] = c.value * gnorm / (error * norm);
    if (c.value * gnorm < (error - rounding) * norm) sample->wrong++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A problem with both certificates: 1 sample, failure probability 0.3, and the default */
static PetscErrorCode RunOne(PetscInt k, PetscBool jvp, Problem *p, Problem *self, Sample samples[])
{
  const PetscReal rhos[] = {0.3, 0.7, 0.9, 0.99}, rho = rhos[Choose(k, 2, 4)], rtol = PetscPowReal(10.0, -1.0 - Choose(k, 5, 5));
  KSP             ksp, tksp;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemFill(5000 + k, (RandomKind)(k % RANDOM_KINDS), rho, 0.0, p));
  PetscCall(RandomProblemFill(5000 + k, (RandomKind)(k % RANDOM_KINDS), rho, 0.0, self));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(ADJGetTangentKSP(p->adj, &tksp));
  PetscCall(KSPSetTolerances(ksp, rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(tksp, rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ProblemReferenceLU(self)); /* linear: the same at every state */
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(ADJSetTrustCertificate(p->adj, i ? 5 : 1, i ? 1e-2 : 0.3));
    PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
    PetscCall(Enter(p, p->thetabar, self->thetabar, &samples[3 * i + (jvp ? 0 : 2)]));
    if (!jvp) continue;
    PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
    PetscCall(Enter(p, p->xdot, self->xdot, &samples[3 * i + 1]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `count` problems of a size, from seed `first` on */
static PetscErrorCode Run(const char type[], PetscBool residual, PetscBool jvp, PetscInt n, PetscInt m, PetscInt first, PetscInt count, Sample samples[])
{
  Problem      p, self;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, n, m, 1, RANDOM_NORMAL, 0.5, 0.0, residual, &p));
  PetscCall(RandomProblemCreate(PETSC_COMM_SELF, n, m, 1, RANDOM_NORMAL, 0.5, 0.0, residual, &self));
  PetscCall(OptionsBegin("-adj_trust_action ignore -adj_trust_contraction false -adj_trust_differences false -adj_trust_level certify -adj_gradient_rtol 1e9 -adj_forward_snes_rtol 1e-8 -adj_ksp_gmres_restart 60 -adj_tangent_ksp_gmres_restart 60", &opts));
  PetscCall(ProblemCreateADJ(&p));
  if (!jvp) PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetType(p.adj, type));
  PetscCall(ADJNeumannSetTerms(p.adj, 4));
  PetscCall(ADJSetFromOptions(p.adj));
  for (PetscInt k = first; k < first + count; k++) PetscCall(RunOne(k, jvp, &p, &self, samples));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tell(const char what[], PetscReal failure, Sample *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscSortReal(s->n, s->tightness));
  PetscCall(TapDiag("%s, failure probability %g: %" PetscInt_FMT " bounds, %" PetscInt_FMT " below the true error (%.1f %%); bound/true: median %.2f, 95 %% %.1f; not counted: %" PetscInt_FMT " at rounding level, %" PetscInt_FMT " not found, %" PetscInt_FMT " refused", what, (double)failure, s->n, s->wrong, 100.0 * s->wrong / PetscMax(s->n, 1), (double)s->tightness[s->n / 2], (double)s->tightness[s->n - 1 - s->n / 20], s->rounding, s->open, s->refused));
  PetscCall(TapOk((PetscBool)(s->n > 0 && s->wrong <= failure * s->n), "%s: the bound is too small no more often than with probability %g", what, (double)failure));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestCoverage(void)
{
  const char *names[] = {"gradient with JVP, 1 sample", "tangent, 1 sample", "gradient without JVP, 1 sample", "gradient with JVP, 5 samples", "tangent, 5 samples", "gradient without JVP, 5 samples"};
  Sample     *s;
  PetscInt    seed = 0, count;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscCalloc1(KINDS, &s));
  count = PROBLEMS / (8 * size * size); /* all on one process, fewer on several, where they are dear */
  for (PetscInt i = 0; i < 8; i++) {
    for (PetscInt jvp = 0; jvp < 2; jvp++, seed += count) PetscCall(Run(i % 4 < 3 ? ADJIMPLICIT : ADJNEUMANN, (PetscBool)(i % 2 == 0), (PetscBool)jvp, 10 + 3 * i, 1 + i, seed, count, s));
  }
  for (PetscInt i = 0; i < KINDS; i++) PetscCall(Tell(names[i], i < 3 ? 0.3 : 1e-2, &s[i]));
  PetscCall(PetscFree(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The verdicts, and that nothing of it is left behind */
static PetscErrorCode TestVerdict(PetscBool jvp)
{
  Problem        p;
  ADJTrustReport report;
  ADJCounters    before, plain, certified;
  Vec            first, w, wfirst;
  PetscBool      same, samew;
  PetscInt       samples;
  PetscReal      failure, norm;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, 30, 4, 1, RANDOM_COUPLED, 0.8, 0.02, PETSC_FALSE, &p));
  PetscCall(ProblemCreateADJ(&p));
  if (!jvp) PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(VecDuplicate(p.thetabar, &first));
  PetscCall(VecDuplicate(p.x, &wfirst));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, first));
  PetscCall(ADJGetAdjointSolution(p.adj, &w));
  PetscCall(VecCopy(w, wfirst));
  PetscCall(ADJGetCounters(p.adj, &plain));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_CERTIFY));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetCounters(p.adj, &certified));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_CERTIFIED && report.check[ADJ_CHECK_CERTIFICATE].status == ADJ_CHECK_PASSED && report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_INFO), "JVP %d: verdict %s, bound %g", (int)jvp, ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_CERTIFICATE].value));
  PetscCall(VecEqual(first, p.thetabar, &same));
  PetscCall(VecEqual(w, wfirst, &samew));
  PetscCall(TapOk((PetscBool)(same && samew && certified.vjp_x - plain.vjp_x == plain.vjp_x - before.vjp_x && certified.jvp == before.jvp && p.elsewhere == 0), "JVP %d: the same derivative, adjoint and counters, all products where the linearization is", (int)jvp));
  if (jvp) {
    PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
    PetscCall(ADJGetTrustReport(p.adj, &report));
    PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_CERTIFIED), "tangent: verdict %s, bound %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_CERTIFICATE].value));
  }
  PetscCall(ADJSetGradientTolerance(p.adj, 3.0 * report.check[ADJ_CHECK_GRADIENT].value));
  PetscCall(ADJSetTrustCertificate(p.adj, 1, 1e-8));
  PetscCall(ADJGetTrustCertificate(p.adj, &samples, &failure));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(samples == 1 && failure == (PetscReal)1e-8 && report.check[ADJ_CHECK_CERTIFICATE].status == ADJ_CHECK_INCONCLUSIVE && report.verdict == ADJ_TRUST_UNVERIFIED), "JVP %d: a bound that is too large, %g, refutes nothing: verdict %s", (int)jvp, (double)report.check[ADJ_CHECK_CERTIFICATE].value, ADJTrusts[report.verdict]));

  /* zero has no error */
  PetscCall(VecSet(p.v, 0.0));
  PetscCall(ADJSetTrustCertificate(p.adj, 3, 1e-2));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecNorm(p.thetabar, NORM_2, &norm));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(norm == 0.0 && report.verdict == ADJ_TRUST_CERTIFIED), "JVP %d: zero cotangent, verdict %s", (int)jvp, ADJTrusts[report.verdict]));
  PetscCall(VecDestroy(&first));
  PetscCall(VecDestroy(&wfirst));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One unknown: some of the random vectors are very short */
static PetscErrorCode TestOneUnknown(void)
{
  Problem        p;
  ADJTrustReport report;
  PetscInt       certified = 0;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 1, LAYOUT_EVEN, 1, LAYOUT_EVEN, SPECTRUM_REAL, 0.5, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_CERTIFY));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  for (PetscInt i = 0; i < 50; i++) {
    PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
    PetscCall(ADJGetTrustReport(p.adj, &report));
    if (report.verdict == ADJ_TRUST_CERTIFIED) certified++;
  }
  PetscCall(TapOk((PetscBool)(certified == 50), "one unknown: %" PetscInt_FMT " of 50 certified", certified));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestArguments(void)
{
  ADJ       adj;
  PetscInt  samples;
  PetscReal failure;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustCertificate(adj, 0, 0.1), "no samples"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustCertificate(adj, 3, 0.0), "never wrong"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustCertificate(adj, 3, 1.0), "always wrong"));
  PetscCall(ADJGetTrustCertificate(adj, &samples, &failure));
  PetscCall(TapOk((PetscBool)(samples == 5 && failure == (PetscReal)1e-2), "defaults"));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestArguments());
  PetscCall(TestOneUnknown());
  PetscCall(TestVerdict(PETSC_FALSE));
  PetscCall(TestVerdict(PETSC_TRUE));
  PetscCall(TestCoverage());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
