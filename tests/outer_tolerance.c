static char help[] = "Inner tolerances that follow the optimization: the same minimizer for fewer products and evaluations.\n\n";

/*
   nsize: 1 2
   requires: real
   args: -adj_forward_snes_rtol 1e-11 -adj_ksp_rtol 1e-10 -malloc_debug false
*/
#include "problems.h"
#include <petsctao.h>
#include <contragrad/private/adjimpl.h>

typedef struct {
  PetscInt  map, products, checks;
  PetscReal value;
} Cost;

/* A map that contracts by 0.95 only; the minimizer from theta, at a gradient of 1e-7 */
static PetscErrorCode Minimize(ADJToleranceSchedule schedule, ADJType inner, const char type[], PetscInt m, Vec *minimizer, Cost *cost)
{
  Problem            p;
  Tao                tao;
  TaoConvergedReason reason;
  ADJCounters        counters;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 40, LAYOUT_UNEVEN, m, LAYOUT_EVEN, SPECTRUM_REAL, 0.95, &p));
  p.s = 0.001;
  p.t = 0.1;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetObjective(p.adj, QuadraticObjective, &p));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSetType(p.adj, inner));
  PetscCall(ADJSetToleranceSchedule(p.adj, schedule));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, 1e-7, 0.0, 0.0));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s, %s: %s", type, ADJToleranceSchedules[schedule], TaoConvergedReasons[reason]));
  PetscCall(ADJGetCounters(p.adj, &counters));
  cost->map      = counters.map;
  cost->products = counters.vjp_x;
  cost->checks   = p.adj->checkcounters.map + p.adj->checkcounters.vjp_x;
  PetscCall(ADJSetToleranceSchedule(p.adj, ADJ_TOLERANCE_FIXED));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &cost->value, p.thetabar));
  PetscCall(VecDuplicate(p.theta, minimizer));
  PetscCall(VecCopy(p.theta, *minimizer));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At least so many times fewer by each schedule. hoag does not look at the progress: its figure goes up and down with its decay, 1.5 to 2 */
static PetscErrorCode TestSchedules(ADJType inner, const char type[], PetscInt m, PetscReal hoag, PetscReal gradient)
{
  Vec       reference, other;
  Cost      fixed = {0, 0, 0, 0.0}, cost = {0, 0, 0, 0.0};
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(Minimize(ADJ_TOLERANCE_FIXED, inner, type, m, &reference, &fixed));
  PetscCall(TapDiag("%s, fixed: %" PetscInt_FMT " evaluations, %" PetscInt_FMT " products, %" PetscInt_FMT " of both in checks", type, fixed.map, fixed.products, fixed.checks));
  for (PetscInt k = ADJ_TOLERANCE_HOAG; k <= ADJ_TOLERANCE_GRADIENT; k++) {
    PetscCall(Minimize((ADJToleranceSchedule)k, inner, type, m, &other, &cost));
    PetscCall(VecDistance(other, reference, &error));
    PetscCall(TapBelow(error, 1e-6, "%s, %s: the same minimizer", type, ADJToleranceSchedules[k]));
    PetscCall(TapClose(cost.value, fixed.value, 1e-10, "%s, %s: the same objective", type, ADJToleranceSchedules[k]));
    PetscCall(TapOk((PetscBool)((k == ADJ_TOLERANCE_HOAG ? hoag : gradient) * (cost.map + cost.products + cost.checks) <= fixed.map + fixed.products + fixed.checks), "%s, %s: %" PetscInt_FMT " evaluations, %" PetscInt_FMT " products, %" PetscInt_FMT " of both in checks: %.2f times fewer, without checks %.2f", type, ADJToleranceSchedules[k], cost.map, cost.products, cost.checks, (double)(fixed.map + fixed.products + fixed.checks) / (cost.map + cost.products + cost.checks), (double)(fixed.map + fixed.products) / (cost.map + cost.products)));
    PetscCall(VecDestroy(&other));
  }
  PetscCall(VecDestroy(&reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestArguments(void)
{
  Problem              p;
  ADJToleranceSchedule schedule;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EVEN, SPECTRUM_REAL, 0.5, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetToleranceParameters(p.adj, 0.0, 0.5, 0.3), "no tolerance at the start"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetToleranceParameters(p.adj, 0.1, 1.0, 0.3), "no decay"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetToleranceParameters(p.adj, 0.1, 0.5, 1.0), "no descent"));
  PetscCall(ADJGetToleranceSchedule(p.adj, &schedule));
  PetscCall(TapOk((PetscBool)(schedule == ADJ_TOLERANCE_FIXED), "fixed unless asked"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  Problem   p;
  PetscReal wall; /* beyond |theta| = wall there is no state */
} Walled;

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Walled   *w = (Walled *)ctx;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(ProblemMap(adj, x, theta, y, &w->p));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  if (norm > w->wall) PetscCall(VecScale(y, PETSC_INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A point without a state is rejected once, whatever the tolerances; without checks there is no guard */
static PetscErrorCode TestGuard(ADJToleranceSchedule schedule)
{
  Walled    w;
  Tao       tao;
  PetscInt  rejected, evaluations;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.6, &w.p));
  w.p.s = 0.02;
  w.p.t = 0.1;
  PetscCall(ProblemCreateADJ(&w.p));
  PetscCall(ADJSetFixedPoint(w.p.adj, Map, &w));
  PetscCall(ADJSetObjective(w.p.adj, QuadraticObjective, &w.p));
  PetscCall(ADJSetSolution(w.p.adj, w.p.x));
  PetscCall(ADJSetFromOptions(w.p.adj));
  PetscCall(ADJSetToleranceSchedule(w.p.adj, schedule));
  PetscCall(VecScale(w.p.theta, 0.3));
  PetscCall(VecNorm(w.p.theta, NORM_2, &norm));
  w.wall = 1.2 * norm; /* the minimizer is beyond */
  PetscCall(ADJGetTao(w.p.adj, &tao));
  PetscCall(TaoSetMaximumIterations(tao, 5));
  PetscCall(ADJMinimize(w.p.adj, w.p.theta));
  PetscCall(ADJGetRejected(w.p.adj, &rejected));
  PetscCall(TaoGetCurrentFunctionEvaluations(tao, &evaluations));
  PetscCall(TapOk((PetscBool)(rejected > 0 && rejected < evaluations), "%s: %" PetscInt_FMT " of %" PetscInt_FMT " points rejected", ADJToleranceSchedules[schedule], rejected, evaluations));
  PetscCall(ADJSetTrustLevel(w.p.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(TapError(PETSC_ERR_SUP, ADJMinimize(w.p.adj, w.p.theta), "%s: not without checks", ADJToleranceSchedules[schedule]));
  PetscCall(ProblemDestroy(&w.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestArguments());
  PetscCall(TestSchedules(ADJIMPLICIT, TAOBLMVM, 10, 1.4, 2.5));
  PetscCall(TestSchedules(ADJIMPLICIT, TAOBQNLS, 10, 1.4, 2.5));
  PetscCall(TestSchedules(ADJIMPLICIT, TAOBNTR, 10, 0.0, 0.0)); /* most of its products are with the Hessian, whose solves have tolerances of their own */
  PetscCall(TestSchedules(ADJAUTO, TAOBLMVM, 10, 1.4, 1.4));
  PetscCall(TestGuard(ADJ_TOLERANCE_HOAG));
  PetscCall(TestGuard(ADJ_TOLERANCE_GRADIENT));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
