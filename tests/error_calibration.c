static char help[] = "The estimated error of a derivative against the true one, for hundreds of random problems.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include "random_problems.h"

#define PROBLEMS          240
#define ROUNDING          1e-12 /* true errors below are not counted */
#define LOWEST            0.3
#define HIGHEST           10.0
#define MOST              0.95
#define MOST_OF_CORRECTED 0.9

typedef struct {
  const char *name;
  PetscInt    n, within, rounding, open, refused, below, above;
  PetscReal   ratio[2 * PROBLEMS];
  PetscInt    corrected, optimistic;
  PetscReal   gain[2 * PROBLEMS]; /* error after the correction, relative to that before */
} Sample;

/* What seed k stands for */
typedef struct {
  PetscInt    k;
  RandomKind  kind;
  PetscBool   residual, jvp, nonlinear;
  PetscReal   rho;
  const char *type;
  char        options[256];
} Case;

static PetscErrorCode CaseCreate(PetscInt k, const char type[], Case *c)
{
  const PetscReal rhos[] = {0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999}; /* the last two for Newton's method */

  PetscFunctionBeginUser;
  c->k         = k;
  c->type      = type;
  c->kind      = (RandomKind)(k % RANDOM_KINDS);
  c->nonlinear = (PetscBool)(Choose(k, 1, 2) == 1);
  c->residual  = (PetscBool)(!strcmp(type, ADJIMPLICIT) && Choose(k, 2, 2) == 1);
  c->rho       = rhos[Choose(k, 0, c->residual ? 7 : 5)];
  c->jvp       = (PetscBool)(Choose(k, 3, 3) > 0);
  PetscCall(PetscSNPrintf(c->options, sizeof(c->options), "-adj_type %s -adj_trust_action ignore -adj_trust_contraction false -adj_trust_gradient_error always -adj_forward_snes_rtol 1e-%" PetscInt_FMT " -adj_ksp_rtol 1e-%" PetscInt_FMT " -adj_tangent_ksp_rtol 1e-%" PetscInt_FMT "%s", type, 1 + Choose(k, 4, 8), 1 + Choose(k, 5, 6), 1 + Choose(k, 5, 6), strcmp(type, ADJNEUMANN) ? "" : " -adj_neumann_terms 3"));
  PetscFunctionReturn(PETSC_SUCCESS);
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
  if (error < ROUNDING)
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
  PetscReal     error;
  ADJTrustCheck check;

  PetscFunctionBeginUser;
  PetscCall(ADJSetGradientRefine(p->adj, PETSC_TRUE));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(ADJSetGradientRefine(p->adj, PETSC_FALSE));
  PetscCall(ADJGetTrustCheck(p->adj, ADJ_CHECK_GRADIENT, &check));
  PetscCall(VecDistanceToSelf(p->thetabar, expected, &error));
  if (check.status != ADJ_CHECK_PASSED && check.status != ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  if (before < ROUNDING || error < ROUNDING) PetscFunctionReturn(PETSC_SUCCESS);
  sample->gain[sample->corrected++] = error / before;
  if (check.error < LOWEST * error) sample->optimistic++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const Case *c, Sample *sample)
{
  const PetscInt  n = 12 + Choose(c->k, 6, 50), m = 1 + Choose(c->k, 7, 8);
  const PetscReal s = c->nonlinear ? 0.2 * (1.0 - c->rho) : 0.0;
  Problem         p, self;
  PetscOptions    opts;
  Vec             thetabar, xdot;
  PetscReal       error;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, n, m, c->k, c->kind, c->rho, s, c->residual, &p));
  PetscCall(RandomProblemCreate(PETSC_COMM_SELF, n, m, c->k, c->kind, c->rho, s, c->residual, &self));
  PetscCall(OptionsBegin(c->options, &opts));
  PetscCall(ProblemCreateADJ(&p));
  if (!c->jvp) PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RandomProblemReference(&p, &self, &thetabar, &xdot));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(Enter(&p, c, "adjoint", p.thetabar, thetabar, sample));
  PetscCall(VecDistanceToSelf(p.thetabar, thetabar, &error));
  PetscCall(EnterCorrected(&p, error, thetabar, sample));
  if (c->jvp) {
    PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
    PetscCall(Enter(&p, c, "tangent", p.xdot, xdot, sample));
  }
  PetscCall(OptionsEnd(&opts));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&xdot));
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
  const char *approximate[] = {ADJNEUMANN, ADJONESTEP, ADJTRUNCATED, ADJAUTO};
  Sample     *exact, *approx;
  Case        c;
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(PetscCalloc1(1, &exact));
  PetscCall(PetscCalloc1(1, &approx));
  exact->name  = "implicit";
  approx->name = "neumann, onestep, truncated, auto";
  for (PetscInt k = 0; k < PROBLEMS; k++) {
    const PetscBool implicit = (PetscBool)(k % 3 != 2);

    PetscCall(CaseCreate(k, implicit ? ADJIMPLICIT : approximate[(k / 3) % 4], &c));
    PetscCall(Run(&c, implicit ? exact : approx));
  }
  PetscCall(Tell(exact));
  PetscCall(Tell(approx));
  PetscCall(PetscFree(exact));
  PetscCall(PetscFree(approx));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
