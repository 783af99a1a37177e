static char help[] = "The Taylor test: order 2 for a right gradient, 1 for a wrong one, and no trace of it.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* scale: of the wrong pullback */
typedef struct {
  Problem   p;
  PetscReal scale;
} Scaled;

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Scaled *c = (Scaled *)ctx;

  PetscFunctionBeginUser;
  PetscCall(ProblemVJP(adj, x, theta, w, xbar, thetabar, &c->p));
  if (thetabar) PetscCall(VecScale(thetabar, c->scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |x - v|^2/2 + |theta|^4/4 */
static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Problem  *p = &((Scaled *)ctx)->p;
  PetscReal nx, nt;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(p->xwork, -1.0, p->v, x));
  PetscCall(VecNorm(p->xwork, NORM_2, &nx));
  PetscCall(VecNorm(theta, NORM_2, &nt));
  *value = 0.5 * PetscSqr(nx) + 0.25 * PetscSqr(PetscSqr(nt));
  if (xbar) PetscCall(VecCopy(p->xwork, xbar));
  if (thetabar) {
    PetscCall(VecCopy(theta, thetabar));
    PetscCall(VecScale(thetabar, PetscSqr(nt)));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Scaled *c, PetscBool residual, PetscReal curvature, PetscReal scale)
{
  PetscFunctionBeginUser;
  c->scale = scale;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.6, &c->p));
  c->p.s        = 0.02 * curvature;
  c->p.t        = 0.3 * curvature;
  c->p.residual = residual;
  PetscCall(ProblemCreateADJ(&c->p));
  PetscCall(ADJSetVJP(c->p.adj, VJP, c));
  PetscCall(ADJSetObjective(c->p.adj, Objective, c));
  PetscCall(ADJSetFromOptions(c->p.adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before any solve */
static PetscErrorCode TestOrder(PetscBool residual, PetscReal curvature, PetscReal scale, PetscBool objective, const char name[])
{
  Scaled    c;
  PetscReal order, error;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, residual, curvature, scale));
  PetscCall(ADJTestGradient(c.p.adj, c.p.theta, c.p.x, objective ? NULL : c.p.v, &order, &error));
  if (scale == 1.0) {
    PetscCall(TapBelow(PetscAbsReal(order - 2.0), curvature > 0.0 || objective ? 0.1 : 0.0, "%s: order 2, %.3f", name, (double)order));
    PetscCall(TapBelow(error, 1e-6, "%s: against a central difference", name));
  } else {
    PetscCall(TapBelow(PetscAbsReal(order - 1.0), 0.2, "%s: order 1, %.3f", name, (double)order));
    PetscCall(TapOk((PetscBool)(error > 1e-3), "%s: the central difference differs", name));
  }
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A gradient wrong by a hundredth, of many functionals: none of them hides it behind its curvature */
static PetscErrorCode TestWrong(void)
{
  Scaled    c;
  PetscReal order, error, worst = 0.0;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, PETSC_FALSE, 1.0, 1.01));
  for (PetscInt k = 0; k < 12; k++) {
    PetscCall(VecSetWave(c.p.v, 10 + k));
    PetscCall(ADJTestGradient(c.p.adj, c.p.theta, c.p.x, c.p.v, &order, &error));
    worst = PetscMax(worst, PetscAbsReal(order - 1.0));
  }
  PetscCall(TapBelow(worst, 0.2, "order 1 for each of many functionals"));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a user can see */
typedef struct {
  Vec                 x, w, thetabar, xprev;
  ADJCounters         counters;
  ADJTrustReport      report;
  PetscReal           snesrtol, ksprtol, ksptrtol, rate, rho, residual, last;
  PetscInt            its, kits, nhistory;
  SNESConvergedReason reason;
  KSPConvergedReason  kreason;
} Snapshot;

static PetscErrorCode SnapshotTake(Problem *p, Snapshot *s)
{
  SNES             snes;
  KSP              ksp;
  Vec              v;
  const PetscReal *history;

  PetscFunctionBeginUser;
  PetscCall(ADJGetAdjointSolution(p->adj, &v));
  PetscCall(VecDuplicate(v, &s->w));
  PetscCall(VecCopy(v, s->w));
  PetscCall(ADJGetPreviousIterate(p->adj, &v));
  PetscCall(VecDuplicate(v, &s->xprev));
  PetscCall(VecCopy(v, s->xprev));
  PetscCall(VecDuplicate(p->x, &s->x));
  PetscCall(VecCopy(p->x, s->x));
  PetscCall(VecDuplicate(p->thetabar, &s->thetabar));
  PetscCall(VecCopy(p->thetabar, s->thetabar));
  PetscCall(ADJGetCounters(p->adj, &s->counters));
  PetscCall(ADJGetTrustReport(p->adj, &s->report));
  PetscCall(ADJGetSNES(p->adj, &snes));
  PetscCall(SNESGetTolerances(snes, NULL, &s->snesrtol, NULL, NULL, NULL));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &s->ksprtol, NULL, NULL, NULL));
  PetscCall(ADJGetTangentKSP(p->adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &s->ksptrtol, NULL, NULL, NULL));
  PetscCall(ADJGetObservedRate(p->adj, &s->rate));
  PetscCall(ADJGetContraction(p->adj, &s->rho, NULL));
  PetscCall(ADJGetAdjointResidual(p->adj, &s->residual));
  PetscCall(ADJGetForwardIterations(p->adj, &s->its));
  PetscCall(ADJGetAdjointIterations(p->adj, &s->kits));
  PetscCall(ADJGetForwardReason(p->adj, &s->reason));
  PetscCall(ADJGetAdjointReason(p->adj, &s->kreason));
  PetscCall(ADJGetForwardHistory(p->adj, &s->nhistory, &history));
  s->last = history[s->nhistory - 1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SnapshotFree(Snapshot *s)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&s->x));
  PetscCall(VecDestroy(&s->w));
  PetscCall(VecDestroy(&s->thetabar));
  PetscCall(VecDestroy(&s->xprev));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SnapshotCompare(const Snapshot *a, const Snapshot *b)
{
  PetscBool same, checks = (PetscBool)(a->report.verdict == b->report.verdict && a->report.products == b->report.products);

  PetscFunctionBeginUser;
  PetscCall(VecEqual(a->x, b->x, &same));
  PetscCall(TapOk(same, "the same state to the bit"));
  PetscCall(VecEqual(a->w, b->w, &same));
  PetscCall(TapOk(same, "the same adjoint"));
  PetscCall(VecEqual(a->xprev, b->xprev, &same));
  PetscCall(TapOk(same, "the same previous iterate"));
  PetscCall(VecEqual(a->thetabar, b->thetabar, &same));
  PetscCall(TapOk(same, "the same gradient"));
  PetscCall(PetscMemcmp(&a->counters, &b->counters, sizeof(ADJCounters), &same));
  PetscCall(TapOk(same, "the same counters"));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) checks = (PetscBool)(checks && a->report.check[i].status == b->report.check[i].status && a->report.check[i].value == b->report.check[i].value);
  PetscCall(TapOk(checks, "the same report"));
  PetscCall(TapOk((PetscBool)(a->snesrtol == b->snesrtol && a->ksprtol == b->ksprtol && a->ksptrtol == b->ksptrtol), "the same tolerances"));
  PetscCall(TapOk((PetscBool)(a->rate == b->rate && a->rho == b->rho && a->residual == b->residual && a->last == b->last), "the same figures"));
  PetscCall(TapOk((PetscBool)(a->its == b->its && a->kits == b->kits && a->nhistory == b->nhistory && a->reason == b->reason && a->kreason == b->kreason), "the same numbers of iterations and reasons"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTrace(const char options[])
{
  Scaled       c;
  PetscOptions opts;
  Snapshot     before, after, once;
  PetscReal    order, error;
  PetscInt     its, linearized;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(Begin(&c, PETSC_FALSE, 1.0, 1.0));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(ADJSolveAdjoint(c.p.adj, c.p.v, c.p.thetabar));
  PetscCall(SnapshotTake(&c.p, &before));
  PetscCall(ADJTestGradient(c.p.adj, c.p.theta, c.p.x, NULL, &order, &error));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.1, "order 2 at a solution, with %s", options));
  PetscCall(SnapshotTake(&c.p, &after));
  PetscCall(SnapshotCompare(&before, &after));

  /* warm starts still find what they left, and no derivative is linearized anew */
  linearized = c.p.linearized;
  PetscCall(ADJSolveAdjoint(c.p.adj, c.p.v, c.p.thetabar));
  PetscCall(ADJGetAdjointIterations(c.p.adj, &its));
  PetscCall(VecDistance(c.p.thetabar, before.thetabar, &error));
  PetscCall(TapOk((PetscBool)(its == 0 && error == 0.0 && c.p.linearized == linearized), "the adjoint is found where it was"));
  PetscCall(TapOk((PetscBool)(c.p.elsewhere == 0), "no product away from its linearization"));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(ADJGetForwardIterations(c.p.adj, &its));
  PetscCall(TapOk((PetscBool)(its == 0), "and so is the state"));

  /* elsewhere, with a cotangent of its own */
  PetscCall(ADJSolveAdjoint(c.p.adj, c.p.v, c.p.thetabar));
  PetscCall(SnapshotTake(&c.p, &once));
  PetscCall(SnapshotFree(&after));
  PetscCall(ADJTestGradient(c.p.adj, c.p.thetadot, c.p.at, c.p.x, &order, &error));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.1, "order 2 elsewhere"));
  PetscCall(SnapshotTake(&c.p, &after));
  PetscCall(SnapshotCompare(&once, &after));
  PetscCall(OptionsEnd(&opts));
  PetscCall(SnapshotFree(&before));
  PetscCall(SnapshotFree(&after));
  PetscCall(SnapshotFree(&once));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the relative tolerance of the forward solve is measured against does not grow with a far guess of the test */
static PetscErrorCode TestReference(void)
{
  Scaled    c;
  Vec       x;
  PetscReal order, error;
  PetscInt  its, again;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, PETSC_FALSE, 0.0, 1.0));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(VecDuplicate(c.p.x, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, x));
  PetscCall(ADJGetForwardIterations(c.p.adj, &its));
  PetscCall(VecSet(x, 1e6));
  PetscCall(ADJTestGradient(c.p.adj, c.p.theta, x, c.p.v, &order, &error));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, x));
  PetscCall(ADJGetForwardIterations(c.p.adj, &again));
  PetscCall(TapOk((PetscBool)(its > 1 && again == its), "as many forward iterations after the test, %" PetscInt_FMT, again));
  PetscCall(VecDestroy(&x));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestOrder(PETSC_FALSE, 1.0, 1.0, PETSC_FALSE, "functional of a fixed point"));
  PetscCall(TestOrder(PETSC_TRUE, 1.0, 1.0, PETSC_FALSE, "functional of a root"));
  PetscCall(TestOrder(PETSC_FALSE, 1.0, 1.0, PETSC_TRUE, "objective of a fixed point"));
  PetscCall(TestOrder(PETSC_TRUE, 1.0, 1.0, PETSC_TRUE, "objective of a root"));
  PetscCall(TestOrder(PETSC_FALSE, 0.0, 1.0, PETSC_FALSE, "linear functional"));
  PetscCall(TestOrder(PETSC_TRUE, 0.0, 1.0, PETSC_FALSE, "linear functional of a root"));
  PetscCall(TestOrder(PETSC_FALSE, 0.03, 1.01, PETSC_FALSE, "wrong by a hundredth"));
  PetscCall(TestOrder(PETSC_FALSE, 0.0, 1.01, PETSC_FALSE, "linear, wrong by a hundredth"));
  PetscCall(TestWrong());
  PetscCall(TestTrace("-adj_ksp_initial_guess_nonzero -adj_keep_previous_iterate"));
  PetscCall(TestTrace("-adj_ksp_initial_guess_nonzero -adj_keep_previous_iterate -adj_forward_snes_type newtonls"));
  PetscCall(TestTrace("-adj_ksp_initial_guess_nonzero -adj_keep_previous_iterate -adj_ksp_type bcgs"));
  PetscCall(TestReference());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
