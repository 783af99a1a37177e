static char help[] = "A TS that was lent is the same afterwards: its own solve and adjoint give the same bits.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include "ts_problems.h"

typedef struct {
  PetscInt monitored, backmonitored;
} Calls;

static PetscErrorCode Monitor(TS ts, PetscInt step, PetscReal t, Vec u, void *ctx)
{
  (void)ts;
  (void)step;
  (void)t;
  (void)u;
  PetscFunctionBeginUser;
  ((Calls *)ctx)->monitored++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MonitorBack(TS ts, PetscInt step, PetscReal t, Vec u, PetscInt n, Vec *lambda, Vec *mu, void *ctx)
{
  (void)ts;
  (void)step;
  (void)t;
  (void)u;
  (void)n;
  (void)lambda;
  (void)mu;
  PetscFunctionBeginUser;
  ((Calls *)ctx)->backmonitored++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The integral of u_0, over time */
static PetscErrorCode CostIntegrand(TS ts, PetscReal t, Vec U, Vec Q, void *ctx)
{
  PetscScalar sum;

  (void)ts;
  (void)t;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecSum(U, &sum));
  PetscCall(VecSet(Q, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CostJacobian(TS ts, PetscReal t, Vec U, Mat A, Mat B, void *ctx)
{
  PetscInt lo, hi;

  (void)ts;
  (void)t;
  (void)B;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(U, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValue(A, i, 0, 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CostJacobianP(TS ts, PetscReal t, Vec U, Mat A, void *ctx)
{
  (void)ts;
  (void)t;
  (void)U;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(MatZeroEntries(A));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Forced, with two monitors, a trajectory, and a cost integral if asked for */
static PetscErrorCode Begin(TSType type, PetscBool integral, Calls *calls, Flow *f)
{
  PetscBool rk;
  TS        quad;
  PetscInt  n;
  Mat       A, B;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(calls, sizeof(*calls)));
  PetscCall(PetscStrcmp(type, TSRK, &rk));
  PetscCall(FlowCreate(12, rk ? FORM_RHS : FORM_IFUNCTION, type, 1.0, 0.04, LAYOUT_LAST, f));
  f->period = 1.0;
  PetscCall(TSMonitorSet(f->ts, Monitor, calls, NULL));
  PetscCall(TSAdjointMonitorSet(f->ts, MonitorBack, calls, NULL));
  PetscCall(TSSetExactFinalTime(f->ts, TS_EXACTFINALTIME_STEPOVER));
  if (integral) {
    PetscCall(TSCreateQuadratureTS(f->ts, PETSC_FALSE, &quad));
    PetscCall(TSSetRHSFunction(quad, NULL, CostIntegrand, NULL));
    PetscCall(VecGetLocalSize(f->x, &n));
    PetscCall(MatCreateDense(PETSC_COMM_WORLD, n, PETSC_DECIDE, 12, 1, NULL, &A));
    PetscCall(TSSetRHSJacobian(quad, A, A, CostJacobian, NULL));
    PetscCall(VecGetLocalSize(f->theta, &n));
    PetscCall(MatCreateDense(PETSC_COMM_WORLD, n, PETSC_DECIDE, 3, 1, NULL, &B));
    PetscCall(TSSetRHSJacobianP(quad, B, CostJacobianP, NULL));
    PetscCall(MatDestroy(&A));
    PetscCall(MatDestroy(&B));
  }
  PetscCall(TSSetSaveTrajectory(f->ts));
  PetscCall(FlowCreateADJ(f));
  PetscCall(ADJSetFromOptions(f->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own solve from the start */
static PetscErrorCode OwnSolve(Flow *f, Vec u)
{
  PetscFunctionBeginUser;
  PetscCall(TSSetTime(f->ts, 0.0));
  PetscCall(TSSetTimeStep(f->ts, 0.04));
  PetscCall(TSSetStepNumber(f->ts, 0));
  PetscCall(VecSetWave(u, 1));
  PetscCall(TSSolve(f->ts, u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OwnAdjoint(Flow *f, Vec *lambda, Vec *mu)
{
  PetscFunctionBeginUser;
  PetscCall(VecCopy(f->v, *lambda));
  PetscCall(VecSet(*mu, 0.0));
  PetscCall(TSSetCostGradients(f->ts, 1, lambda, mu));
  PetscCall(TSAdjointSolve(f->ts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Use(Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSolve(f->adj, f->theta, f->x));
  PetscCall(ADJSolveAdjoint(f->adj, f->v, f->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  PetscReal              time, step, maxtime, solvetime, previous;
  PetscInt               number, maxsteps, numcost;
  TSConvergedReason      reason;
  TSExactFinalTimeOption final;
  Vec                    u, *lambda, *mu;
  TSTrajectory           tj;
} Settings;

static PetscErrorCode GetSettings(TS ts, Settings *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(s, sizeof(*s))); /* the gaps, too */
  PetscCall(TSGetTime(ts, &s->time));
  PetscCall(TSGetTimeStep(ts, &s->step));
  PetscCall(TSGetMaxTime(ts, &s->maxtime));
  PetscCall(TSGetSolveTime(ts, &s->solvetime));
  PetscCall(TSGetPrevTime(ts, &s->previous));
  PetscCall(TSGetStepNumber(ts, &s->number));
  PetscCall(TSGetMaxSteps(ts, &s->maxsteps));
  PetscCall(TSGetConvergedReason(ts, &s->reason));
  PetscCall(TSGetExactFinalTime(ts, &s->final));
  PetscCall(TSGetSolution(ts, &s->u));
  PetscCall(TSGetCostGradients(ts, &s->numcost, &s->lambda, &s->mu));
  PetscCall(TSGetTrajectory(ts, &s->tj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solve, adjoint, solve, adjoint, with gradients by the library in all the places between */
static PetscErrorCode TestSameBits(TSType type, PetscBool integral, const char options[])
{
  Flow         f;
  Calls        calls;
  PetscOptions opts;
  Vec          u[2], lambda[2], mu[2], first;
  Settings     before, after;
  PetscInt     monitored;
  PetscBool    same, equal;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  for (PetscInt lend = 0; lend < 2; lend++) {
    PetscCall(Begin(type, integral, &calls, &f));
    if (!lend) {
      for (PetscInt i = 0; i < 2; i++) {
        PetscCall(VecDuplicate(f.x, &u[i]));
        PetscCall(VecDuplicate(f.x, &lambda[i]));
        PetscCall(VecDuplicate(f.theta, &mu[i]));
      }
      PetscCall(VecDuplicate(f.theta, &first));
    }
    if (lend) PetscCall(Use(&f));
    PetscCall(VecCopy(f.thetabar, first));
    PetscCall(OwnSolve(&f, u[lend]));
    PetscCall(GetSettings(f.ts, &before));
    monitored = calls.monitored;
    if (lend) PetscCall(Use(&f)); /* between the user's solve and adjoint */
    PetscCall(GetSettings(f.ts, &after));
    PetscCall(PetscMemcmp(&before, &after, sizeof(before), &same));
    PetscCall(TapOk((PetscBool)(same && monitored == calls.monitored && !calls.backmonitored), "%s: settings as before, monitors silent", type));
    PetscCall(OwnAdjoint(&f, &lambda[lend], &mu[lend]));
    monitored = calls.backmonitored;
    if (lend) PetscCall(Use(&f));
    PetscCall(TapOk((PetscBool)(monitored > 0 && monitored == calls.backmonitored), "%s: adjoint monitors, too", type));
    PetscCall(OwnSolve(&f, u[lend]));
    PetscCall(OwnAdjoint(&f, &lambda[lend], &mu[lend]));
    if (lend) {
      PetscCall(VecEqual(first, f.thetabar, &equal));
      PetscCall(TapOk(equal, "%s: nor does the user's own solve change a gradient", type));
    }
    PetscCall(FlowDestroy(&f));
  }
  PetscCall(VecEqual(u[0], u[1], &same));
  PetscCall(TapOk(same, "%s%s: the same solution", type, integral ? ", cost integral" : ""));
  PetscCall(VecEqual(lambda[0], lambda[1], &same));
  PetscCall(VecEqual(mu[0], mu[1], &equal));
  PetscCall(TapOk((PetscBool)(same && equal), "%s%s: the same adjoint", type, integral ? ", cost integral" : ""));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&u[i]));
    PetscCall(VecDestroy(&lambda[i]));
    PetscCall(VecDestroy(&mu[i]));
  }
  PetscCall(VecDestroy(&first));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two contexts on one TS, at different parameters, by turns: each puts its own again */
static PetscErrorCode TestTwo(TSType type, const char options[])
{
  Flow         f;
  Calls        calls;
  PetscOptions opts;
  ADJ          other;
  Vec          theta, x, expected[2];
  PetscReal    error, norm;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(Begin(type, PETSC_FALSE, &calls, &f));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &other));
  PetscCall(ADJSetTS(other, f.ts));
  PetscCall(ADJSetParameters(other, FlowPut, &f));
  PetscCall(ADJSetFromOptions(other));
  PetscCall(VecDuplicate(f.x, &x));
  PetscCall(VecDuplicate(f.theta, &theta));
  PetscCall(VecCopy(f.theta, theta));
  PetscCall(VecScale(theta, 1.2));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDuplicate(theta, &expected[i]));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, expected[0]));
  PetscCall(ADJSolve(other, theta, x));
  PetscCall(ADJSolveAdjoint(other, f.v, expected[1]));
  PetscCall(VecNorm(expected[0], NORM_INFINITY, &norm));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSolveAdjoint(i % 2 ? other : f.adj, f.v, f.thetabar));
    PetscCall(VecAXPY(f.thetabar, -1.0, expected[i % 2]));
    PetscCall(VecNorm(f.thetabar, NORM_INFINITY, &error));
    PetscCall(TapBelow(error, 1e-8 * norm, "%s: two contexts by turns, the %s", type, i % 2 ? "second" : "first"));
  }
  PetscCall(VecAXPY(expected[0], -1.0, expected[1]));
  PetscCall(VecNorm(expected[0], NORM_INFINITY, &error));
  PetscCall(TapOk((PetscBool)(error > 1e-3 * norm), "%s: they differ", type));
  PetscCall(ADJDestroy(&other));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDestroy(&expected[i]));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *implicit = "-snes_rtol 1e-12 -snes_atol 1e-12 -ksp_type preonly -pc_type redundant -ts_trajectory_type memory";
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestSameBits(TSCN, PETSC_FALSE, implicit));
  PetscCall(TestSameBits(TSBEULER, PETSC_TRUE, implicit));
  PetscCall(TestSameBits(TSRK, PETSC_TRUE, "-ts_rk_type 4 -ts_adapt_type none -ts_trajectory_type memory -ts_trajectory_solution_only 0"));
  PetscCall(TestSameBits(TSRK, PETSC_FALSE, "-ts_rk_type 3bs -ts_adapt_type none -ts_trajectory_type memory -ts_trajectory_solution_only 0"));
  PetscCall(TestTwo(TSCN, implicit));
  PetscCall(TestTwo(TSRK, "-ts_rk_type 4 -ts_adapt_type none"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
