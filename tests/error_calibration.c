static char help[] = "The estimated error of a derivative against the true one, for hundreds of random problems.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include "random_problems.h"

#define MOST_ESTIMATES    1000
#define ROUNDING          1e-12
#define LOWEST            0.3
#define HIGHEST           10.0
#define MOST              0.95
#define MOST_OF_CORRECTED 0.9

typedef struct {
  const char *name;
  PetscInt    n, within, rounding, open, refused, below, above;
  PetscReal   ratio[MOST_ESTIMATES];
  PetscInt    corrected, optimistic;
  PetscReal   gain[MOST_ESTIMATES]; /* error after the correction, relative to that before */
} Sample;

/* What a group of problems has in common, and what seed k stands for among them */
typedef struct {
  const char *type;
  PetscBool   residual, jvp;
  PetscInt    k;
  RandomKind  kind;
  PetscBool   nonlinear;
  PetscReal   rho;
} Case;

/* Another problem, with other tolerances: 1e-1 to 1e-8 for the state, 1e-1 to 1e-6 for the linear systems */
static PetscErrorCode Draw(PetscInt k, Problem *p, Problem *self, Case *c)
{
  const PetscReal rhos[] = {0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999}; /* the last two for Newton's method */
  const PetscReal rtol   = PetscPowReal(10.0, -1.0 - Choose(k, 5, 6));
  PetscReal       s;
  SNES            snes;
  KSP             ksp, tksp, fksp;

  PetscFunctionBeginUser;
  c->k         = k;
  c->kind      = (RandomKind)(k % RANDOM_KINDS);
  c->nonlinear = (PetscBool)(Choose(k, 1, 2) == 1);
  c->rho       = rhos[Choose(k, 0, c->residual ? 7 : 5)];
  if (c->kind == RANDOM_NONNORMAL && !c->residual) c->nonlinear = PETSC_FALSE; /* the plain iteration might leave the neighbourhood */
  s = c->nonlinear ? 0.1 * (1.0 - c->rho) : 0.0;
  PetscCall(RandomProblemFill(k, c->kind, c->rho, s, p));
  PetscCall(RandomProblemFill(k, c->kind, c->rho, s, self));
  PetscCall(ADJGetSNES(p->adj, &snes));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(ADJGetTangentKSP(p->adj, &tksp));
  PetscCall(SNESGetKSP(snes, &fksp));
  PetscCall(KSPGMRESSetRestart(fksp, 60));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, PetscPowReal(10.0, -1.0 - Choose(k, 4, 8)), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(ksp, rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(tksp, rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a derivative: true errors below are not counted */
static PetscReal RoundingLevel(const ADJTrustReport *report)
{
  return PetscMax(ROUNDING, PETSC_MACHINE_EPSILON * report->check[ADJ_CHECK_CONDITIONING].value);
}

/* An estimate that the report itself calls undecided is not held against it; it is told how many there are */
static PetscErrorCode Enter(const Problem *p, const Case *c, const char phase[], Vec got, Vec expected, Sample *sample)
{
  PetscReal            error, ratio;
  ADJTrustReport       report;
  const ADJTrustCheck *check = &report.check[ADJ_CHECK_GRADIENT];

  PetscFunctionBeginUser;
  PetscCall(VecDistanceToSelf(got, expected, &error));
  PetscCall(ADJGetTrustReport(p->adj, &report));
  if (error < RoundingLevel(&report))
    sample->rounding++;
  else if (check->status == ADJ_CHECK_SKIPPED)
    sample->refused++; /* before it came to that */
  else if (check->status != ADJ_CHECK_PASSED && check->status != ADJ_CHECK_FAILED)
    sample->open++;
  else {
    ratio                      = check->value / error;
    sample->ratio[sample->n++] = ratio;
    if (ratio >= LOWEST && ratio <= HIGHEST) sample->within++;
    if (ratio < LOWEST) sample->below++;
    if (ratio > HIGHEST) sample->above++;
    if (ratio < LOWEST || ratio > HIGHEST) PetscCall(TapDiag("seed %" PetscInt_FMT ", %s, %s, kind %d, rho %g, %s, %s, %s: estimated %.2e, true %.2e, of the state %.2e, cond %g", c->k, c->type, phase, (int)c->kind, (double)c->rho, c->nonlinear ? "nonlinear" : "linear", c->residual ? "residual" : "fixed point", c->jvp ? "JVP" : "no JVP", (double)check->value, (double)error, (double)report.check[ADJ_CHECK_STATE].value, (double)report.check[ADJ_CHECK_CONDITIONING].value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same with the correction: what is left, and whether the uncertainty that is reported for it is too small by a factor */
static PetscErrorCode EnterCorrected(Problem *p, PetscReal before, Vec expected, Sample *sample)
{
  PetscReal            error;
  ADJTrustReport       report;
  const ADJTrustCheck *check = &report.check[ADJ_CHECK_GRADIENT];

  PetscFunctionBeginUser;
  PetscCall(ADJSetGradientRefine(p->adj, PETSC_TRUE));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(ADJSetGradientRefine(p->adj, PETSC_FALSE));
  PetscCall(ADJGetTrustReport(p->adj, &report));
  PetscCall(VecDistanceToSelf(p->thetabar, expected, &error));
  if (check->status != ADJ_CHECK_PASSED && check->status != ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  if (before < RoundingLevel(&report) || error < RoundingLevel(&report)) PetscFunctionReturn(PETSC_SUCCESS);
  sample->gain[sample->corrected++] = error / before;
  if (check->error < LOWEST * error) sample->optimistic++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunOne(Problem *p, Problem *self, const Case *c, Sample *sample)
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(RandomProblemReference(p, self));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(Enter(p, c, "adjoint", p->thetabar, self->thetabar, sample));
  PetscCall(VecDistanceToSelf(p->thetabar, self->thetabar, &error));
  PetscCall(EnterCorrected(p, error, self->thetabar, sample));
  if (c->jvp) {
    PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
    PetscCall(Enter(p, c, "tangent", p->xdot, self->xdot, sample));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `count` problems of a size, from seed `first` on */
static PetscErrorCode Run(const char type[], PetscBool residual, PetscBool jvp, PetscInt n, PetscInt m, PetscInt first, PetscInt count, Sample *sample)
{
  Case         c = {type, residual, jvp, 0, RANDOM_NORMAL, PETSC_FALSE, 0.0};
  Problem      p, self;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, n, m, 1, RANDOM_NORMAL, 0.5, 0.0, residual, &p));
  PetscCall(RandomProblemCreate(PETSC_COMM_SELF, n, m, 1, RANDOM_NORMAL, 0.5, 0.0, residual, &self));
  PetscCall(OptionsBegin("-adj_trust_action ignore -adj_trust_contraction false -adj_trust_gradient_error always -adj_ksp_gmres_restart 60 -adj_tangent_ksp_gmres_restart 60", &opts));
  PetscCall(ProblemCreateADJ(&p));
  if (!jvp) PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetType(p.adj, type));
  PetscCall(ADJNeumannSetTerms(p.adj, 3));
  PetscCall(ADJSetFromOptions(p.adj));
  for (PetscInt k = first; k < first + count; k++) {
    PetscCall(Draw(k, &p, &self, &c));
    PetscCall(RunOne(&p, &self, &c, sample));
  }
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tell(Sample *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscSortReal(s->n, s->ratio));
  PetscCall(TapDiag("%s: %" PetscInt_FMT " estimates, %.1f %% within [%g, %g] (%" PetscInt_FMT " below, %" PetscInt_FMT " above); estimate/true: median %.3f, 5 %% %.3f, 95 %% %.3f; not counted: %" PetscInt_FMT " at rounding level, %" PetscInt_FMT " that the report leaves open, %" PetscInt_FMT " refused for another reason", s->name, s->n, 100.0 * s->within / PetscMax(s->n, 1), LOWEST, HIGHEST, s->below, s->above, (double)s->ratio[s->n / 2], (double)s->ratio[s->n / 20], (double)s->ratio[s->n - 1 - s->n / 20], s->rounding, s->open, s->refused));
  PetscCall(TapOk((PetscBool)(s->within >= MOST * s->n && s->n > 0), "%s: the estimate is right within [%g, %g] in %g %% of the cases", s->name, LOWEST, HIGHEST, 100.0 * MOST));
  PetscCall(TapOk((PetscBool)(10 * (s->open + s->refused) <= s->n), "%s: most are decided", s->name));
  PetscCall(PetscSortReal(s->corrected, s->gain));
  PetscCall(TapDiag("%s: %" PetscInt_FMT " corrected, median of error after/before %.1e, 95 %% %.1e; uncertainty too small by a factor %g in %.1f %%", s->name, s->corrected, (double)s->gain[s->corrected / 2], (double)s->gain[s->corrected - 1 - s->corrected / 20], 1.0 / LOWEST, 100.0 * s->optimistic / PetscMax(s->corrected, 1)));
  PetscCall(TapOk((PetscBool)(s->optimistic <= (1.0 - MOST_OF_CORRECTED) * s->corrected && s->corrected > 0), "%s: the uncertainty of a corrected derivative is not too small by more than %g in %g %% of the cases", s->name, 1.0 / LOWEST, 100.0 * MOST_OF_CORRECTED));
  PetscCall(TapBelow(s->gain[s->corrected / 2], 0.1, "%s: the correction gains a digit", s->name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char    *approximate[] = {ADJNEUMANN, ADJONESTEP, ADJTRUNCATED, ADJAUTO};
  const PetscInt n[] = {12, 31, 58}, m[] = {1, 3, 8};
  Sample        *exact, *approx;
  PetscInt       seed = 0;
  PetscMPIInt    size; /* all problems on one process, fewer on several, where they are dear */
  int            failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(TapBegin());
  PetscCall(PetscCalloc1(1, &exact));
  PetscCall(PetscCalloc1(1, &approx));
  exact->name  = "implicit";
  approx->name = "neumann, onestep, truncated, auto";
  for (PetscInt i = 0; i < 3; i++) {
    for (PetscInt j = 0; j < 4; j++, seed += 13 / (size * size)) PetscCall(Run(ADJIMPLICIT, (PetscBool)(j / 2), (PetscBool)(j % 2), n[i], m[i], seed, 13 / (size * size), exact));
  }
  for (PetscInt i = 0; i < 8; i++, seed += 8 / (size * size)) PetscCall(Run(approximate[i / 2], PETSC_FALSE, (PetscBool)(i % 2), n[i % 3], m[i % 3], seed, 8 / (size * size), approx));
  PetscCall(Tell(exact));
  PetscCall(Tell(approx));
  PetscCall(PetscFree(exact));
  PetscCall(PetscFree(approx));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
