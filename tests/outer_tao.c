static char help[] = "Optimization in theta by Tao: any method, nothing solved twice, rejected steps, refused gradients.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -adj_tolerance_schedule hoag -malloc_debug false
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -adj_tolerance_schedule gradient -malloc_debug false
*/
#include "problems.h"
#include <petsctao.h>

#define GATOL 1e-7 /* of gradients of about 10: the last steps lower the objective by about 1e-15, which is still more than its rounding */

typedef struct {
  Problem   p;
  PetscReal scale; /* of the objective */
  PetscReal wall;  /* beyond |theta| = wall there is no state, or no objective; 0: nowhere */
  PetscBool map;   /* it stops the forward solve */
} Case;

static PetscErrorCode IsBeyond(const Case *c, Vec theta, PetscBool *beyond)
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(theta, NORM_2, &norm));
  *beyond = (PetscBool)(c->wall > 0.0 && norm > c->wall);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Case     *c = (Case *)ctx;
  PetscBool beyond;

  PetscFunctionBeginUser;
  PetscCall(QuadraticObjective(adj, x, theta, value, xbar, thetabar, &c->p));
  *value *= c->scale;
  if (xbar) PetscCall(VecScale(xbar, c->scale));
  if (thetabar) PetscCall(VecScale(thetabar, c->scale));
  PetscCall(IsBeyond(c, theta, &beyond));
  if (beyond && !c->map) *value = NAN;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Case     *c = (Case *)ctx;
  PetscBool beyond;

  PetscFunctionBeginUser;
  PetscCall(ProblemMap(adj, x, theta, y, &c->p));
  PetscCall(IsBeyond(c, theta, &beyond));
  if (beyond && c->map) PetscCall(VecScale(y, PETSC_INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(PetscReal s, Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EMPTY, SPECTRUM_PAIRS, 0.6, &c->p));
  c->scale = 1.0;
  c->p.s   = s;
  c->p.t   = 0.1;
  PetscCall(ProblemCreateADJ(&c->p));
  PetscCall(ADJSetFixedPoint(c->p.adj, Map, c));
  PetscCall(ADJSetObjective(c->p.adj, Objective, c));
  PetscCall(ADJSetSolution(c->p.adj, c->p.x));
  PetscCall(ADJSetFromOptions(c->p.adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each method finds the same minimizer */
static PetscErrorCode TestMethod(const char type[], const char more[], Vec minimizer)
{
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;
  PetscReal          error;
  PetscInt           rejected;
  ADJTrust           refused;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsInsertString(NULL, more));
  PetscCall(CaseCreate(0.02, &c));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, GATOL, 0.0, 0.0));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(ADJGetRejected(c.p.adj, &rejected));
  PetscCall(ADJGetRefusal(c.p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason > 0 && refused == ADJ_TRUST_NONE), "%s: %s", type, TaoConvergedReasons[reason]));
  if (!minimizer) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecNorm(minimizer, NORM_2, &error));
  if (error == 0.0) PetscCall(VecCopy(c.p.theta, minimizer));
  PetscCall(VecDistance(c.p.theta, minimizer, &error));
  PetscCall(TapBelow(error, 1e-7, "%s: the same minimizer", type));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMethods(void)
{
  const char *types[][2] = {{TAOBNLS, ""}, {TAOBLMVM, ""}, {TAOLMVM, ""}, {TAOBQNLS, ""}, {TAOBNTR, ""}, {TAOBNTL, ""}, {TAONLS, ""}, {TAONTR, ""}, {TAOCG, ""}, {TAOBNCG, ""}, {ADJ_TAO_BQNK, ""}, {ADJTAODESCENT, "-adj_tao_descent_step 0.03 -adj_tao_max_it 3000"}};
  Vec         minimizer;
  Problem     p;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EMPTY, SPECTRUM_PAIRS, 0.6, &p));
  PetscCall(VecDuplicate(p.theta, &minimizer));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(types); i++) PetscCall(TestMethod(types[i][0], types[i][1], minimizer));
  PetscCall(VecDestroy(&minimizer));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What Tao asks twice is computed once, and one theta after the other is solved from the last state */
static PetscErrorCode TestOnce(void)
{
  Case        c;
  Tao         tao;
  ADJCounters start, value, gradient, again;
  PetscReal   f, g;
  Vec         grad, other;
  Mat         H;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(0.02, &c));
  PetscCall(ADJSetToleranceSchedule(c.p.adj, ADJ_TOLERANCE_FIXED)); /* else a value comes with its gradient */
  PetscCall(VecDuplicate(c.p.theta, &grad));
  PetscCall(VecDuplicate(c.p.theta, &other));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetTao(c.p.adj, tao), "a Tao without parameters is refused"));
  PetscCall(TaoSetSolution(tao, c.p.theta));
  PetscCall(ADJSetTao(c.p.adj, tao));
  PetscCall(ADJGetCounters(c.p.adj, &start));
  PetscCall(TaoComputeObjective(tao, c.p.theta, &f));
  PetscCall(ADJGetCounters(c.p.adj, &value));
  PetscCall(TapOk((PetscBool)(value.map > start.map && value.vjp_x == start.vjp_x), "the value alone: a forward solve, no adjoint"));
  PetscCall(TaoComputeGradient(tao, c.p.theta, grad));
  PetscCall(ADJGetCounters(c.p.adj, &gradient));
  PetscCall(TapOk((PetscBool)(gradient.map == value.map && gradient.vjp_x > value.vjp_x), "then the gradient: an adjoint, no forward solve"));
  PetscCall(TaoComputeObjectiveAndGradient(tao, c.p.theta, &g, other));
  PetscCall(TaoGetHessian(tao, &H, NULL, NULL, NULL));
  PetscCall(TaoComputeHessian(tao, c.p.theta, H, H));
  PetscCall(ADJGetCounters(c.p.adj, &again));
  PetscCall(TapOk((PetscBool)(again.map == gradient.map && again.vjp_x == gradient.vjp_x && again.jvp == gradient.jvp), "then both, and the Hessian: nothing"));
  PetscCall(TapClose(g, f, 1e-9, "the same value, but for the correction"));
  PetscCall(VecAXPY(other, -1.0, grad));
  PetscCall(VecNorm(other, NORM_2, &g));
  PetscCall(TapOk((PetscBool)(g == 0.0), "the same gradient"));
  PetscCall(VecCopy(c.p.theta, other));
  PetscCall(VecScale(other, 1.0 + 1e-8));
  PetscCall(TaoComputeObjective(tao, other, &f));
  PetscCall(ADJGetCounters(c.p.adj, &gradient));
  PetscCall(TapOk((PetscBool)(gradient.map > again.map && 3 * (gradient.map - again.map) < 2 * value.map), "a neighbour: from the last state, %" PetscInt_FMT " against %" PetscInt_FMT " evaluations", gradient.map - again.map, value.map));
  PetscCall(VecDestroy(&grad));
  PetscCall(VecDestroy(&other));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps that lead where there is no state, or no objective, are rejected by line searches and trust regions alike */
static PetscErrorCode TestRejection(const char type[], const char ls[], PetscBool map)
{
  Case               c;
  Tao                tao;
  TaoLineSearch      search;
  TaoConvergedReason reason;
  PetscInt           rejected;
  PetscReal          error, norm;
  Vec                good;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(0.05, &c));
  PetscCall(VecDuplicate(c.p.theta, &good));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetTolerances(tao, GATOL, 0.0, 0.0));
  PetscCall(VecSet(good, 0.0));
  PetscCall(ADJMinimize(c.p.adj, good));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s, %s: a gentle start", type, ls));
  PetscCall(VecSet(c.p.x, 0.0));
  PetscCall(VecNorm(good, NORM_2, &norm));
  PetscCall(VecScale(c.p.theta, 1.02 * norm / 2.0));
  c.wall = 1.05 * norm; /* the minimizer is close to it */
  c.map  = map;
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, strcmp(ls, TAOLINESEARCHARMIJO) ? GATOL : 1e-6, 0.0, 0.0)); /* Armijo's compares values without correction */
  PetscCall(TaoGetLineSearch(tao, &search));
  if (search) PetscCall(TaoLineSearchSetType(search, ls));
  PetscCall(TaoSetInitialTrustRegionRadius(tao, 1e6));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(ADJGetRejected(c.p.adj, &rejected));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s, %s, %s: %s", type, ls, map ? "no state" : "no objective", TaoConvergedReasons[reason]));
  PetscCall(TapOk((PetscBool)(rejected > 0), "%s, %s, %s: %" PetscInt_FMT " points rejected", type, ls, map ? "no state" : "no objective", rejected));
  PetscCall(VecDistance(c.p.theta, good, &error));
  PetscCall(TapBelow(error, 1e-5, "%s, %s, %s: the same minimizer", type, ls, map ? "no state" : "no objective"));
  PetscCall(VecDestroy(&good));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the first parameters there is no step to take back */
static PetscErrorCode TestNoStart(void)
{
  Case c;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(0.05, &c));
  PetscCall(VecScale(c.p.theta, 100.0));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJMinimize(c.p.adj, c.p.theta), "no state at the start is an error"));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefusal(void)
{
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;
  ADJTrust           refused;
  PetscInt           its;
  PetscReal          moved;
  Vec                start;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(0.02, &c));
  PetscCall(VecDuplicate(c.p.theta, &start));
  PetscCall(VecCopy(c.p.theta, start));
  PetscCall(ADJSetVJP(c.p.adj, ProblemLongVJP, &c.p));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TaoGetIterationNumber(tao, &its));
  PetscCall(ADJGetRefusal(c.p.adj, &refused));
  PetscCall(VecDistance(c.p.theta, start, &moved));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER && refused == ADJ_TRUST_REFUTED_VJP), "a refused gradient ends it: %s, %s", TaoConvergedReasons[reason], ADJTrusts[refused]));
  PetscCall(TapOk((PetscBool)(its == 0 && moved == 0.0), "before the first step"));
  PetscCall(ADJSetTrustAction(c.p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TaoSetMaximumIterations(tao, 3));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetIterationNumber(tao, &its));
  PetscCall(ADJGetRefusal(c.p.adj, &refused));
  PetscCall(TapOk((PetscBool)(its > 0 && refused == ADJ_TRUST_NONE), "or it goes on, if that is wanted"));
  PetscCall(ADJSetVJP(c.p.adj, ProblemVJP, &c.p));
  PetscCall(ADJSetTrustAction(c.p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(TaoSetMaximumIterations(tao, 100));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "the next optimization knows nothing of it: %s", TaoConvergedReasons[reason]));
  PetscCall(VecDestroy(&start));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta >= -0.1, with every method that knows bounds: the projected gradient is zero */
static PetscErrorCode TestBounds(const char type[])
{
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;
  Vec                l, u, g;
  PetscReal          f, norm, below;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(0.02, &c));
  PetscCall(VecDuplicate(c.p.theta, &l));
  PetscCall(VecDuplicate(c.p.theta, &u));
  PetscCall(VecDuplicate(c.p.theta, &g));
  PetscCall(VecSet(l, -0.1));
  PetscCall(VecSet(u, 0.05));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetVariableBounds(tao, l, u));
  PetscCall(TaoSetTolerances(tao, GATOL, 0.0, 0.0));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s with bounds: %s", type, TaoConvergedReasons[reason]));
  PetscCall(ADJComputeObjectiveAndGradient(c.p.adj, c.p.theta, &f, g));
  PetscCall(VecNorm(g, NORM_2, &norm));
  PetscCall(TapOk((PetscBool)(norm > 1e-2), "%s with bounds: some hold", type));
  PetscCall(VecAYPX(g, -1.0, c.p.theta)); /* P(theta - g) - theta */
  PetscCall(VecMedian(l, g, u, g));
  PetscCall(VecAXPY(g, -1.0, c.p.theta));
  PetscCall(VecNorm(g, NORM_2, &norm));
  PetscCall(TapBelow(norm, 1e-7, "%s with bounds: projected gradient", type));
  PetscCall(VecMin(c.p.theta, NULL, &below));
  PetscCall(TapOk((PetscBool)(below >= -0.1), "%s with bounds: inside", type));
  PetscCall(VecDestroy(&l));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&g));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* OWL-QN adds lambda |theta|_1: at its minimizer |g_i| <= lambda, and g_i = -lambda sign(theta_i) where theta_i is not zero */
static PetscErrorCode TestOWLQN(void)
{
  const PetscReal    lambda = 0.2;
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;
  Vec                g;
  PetscReal          f, worst = 0.0;
  const PetscScalar *t, *a;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsSetValue(NULL, "-adj_tao_owlqn_lambda", "0.2"));
  PetscCall(CaseCreate(0.02, &c));
  PetscCall(VecDuplicate(c.p.theta, &g));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetType(tao, TAOOWLQN));
  PetscCall(TaoSetTolerances(tao, 1e-5, 0.0, 0.0));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "owlqn: %s", TaoConvergedReasons[reason]));
  PetscCall(ADJComputeObjectiveAndGradient(c.p.adj, c.p.theta, &f, g));
  PetscCall(VecGetLocalSize(g, &n));
  PetscCall(VecGetArrayRead(g, &a));
  PetscCall(VecGetArrayRead(c.p.theta, &t));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal theta = PetscRealPart(t[i]), slope = PetscRealPart(a[i]);

    worst = PetscMax(worst, theta == 0.0 ? PetscMax(0.0, PetscAbsReal(slope) - lambda) : PetscAbsReal(slope + lambda * PetscSign(theta)));
  }
  PetscCall(VecRestoreArrayRead(c.p.theta, &t));
  PetscCall(VecRestoreArrayRead(g, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPIU_REAL, MPI_MAX, PETSC_COMM_WORLD));
  PetscCall(TapBelow(worst, 1e-4, "owlqn: optimality"));
  PetscCall(VecDestroy(&g));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestOnce());
  PetscCall(TestNoStart());
  PetscCall(TestRefusal());
  PetscCall(TestRejection(TAOBLMVM, TAOLINESEARCHMT, PETSC_TRUE));
  PetscCall(TestRejection(TAOBLMVM, TAOLINESEARCHMT, PETSC_FALSE));
  PetscCall(TestRejection(TAOBLMVM, TAOLINESEARCHARMIJO, PETSC_TRUE));
  PetscCall(TestRejection(TAOBQNLS, TAOLINESEARCHMT, PETSC_FALSE));
  PetscCall(TestRejection(TAOBNTR, TAOLINESEARCHMT, PETSC_TRUE));
  PetscCall(TestBounds(TAOBLMVM));
  PetscCall(TestBounds(TAOBNLS));
  PetscCall(TestBounds(TAOBNTR));
  PetscCall(TestBounds(TAOBQNLS));
  PetscCall(TestMethods());
  PetscCall(TestOWLQN());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
