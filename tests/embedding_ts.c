/*
   docs/embedding.md, "You have a TS": a forced reaction-diffusion problem. Its periodic orbit, and an objective of the final state.

   nsize: 1 2
   args: -malloc_debug false
   requires: !complex
*/
#include "embedding.h"

typedef struct {
  PetscReal amplitude, decay; /* what the right-hand side reads */
  DM        da;
} AppCtx;

/* u' = u_xx - decay u^3 + amplitude (1 + cos(2 pi t)) */
static PetscErrorCode RHSFunction(TS ts, PetscReal t, Vec U, Vec F, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  Vec                local;
  const PetscScalar *u;
  PetscScalar       *f;

  (void)ts;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMGetLocalVector(user->da, &local));
  PetscCall(VecSet(local, 0.0));
  PetscCall(DMGlobalToLocal(user->da, U, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(user->da, local, &u));
  PetscCall(DMDAVecGetArray(user->da, F, &f));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal h = 1.0 / (info.mx + 1);

    f[i] = (u[i - 1] - 2.0 * u[i] + u[i + 1]) / (h * h) - user->decay * u[i] * u[i] * u[i] + user->amplitude * (1.0 + PetscCosReal(2.0 * PETSC_PI * t));
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, local, &u));
  PetscCall(DMDAVecRestoreArray(user->da, F, &f));
  PetscCall(DMRestoreLocalVector(user->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RHSJacobian(TS ts, PetscReal t, Vec U, Mat A, Mat P, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  const PetscScalar *u;

  (void)ts;
  (void)t;
  (void)A;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMDAVecGetArrayRead(user->da, U, &u));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal   h2     = PetscSqr(1.0 / (info.mx + 1));
    const PetscInt    col[3] = {i - 1, i, i < info.mx - 1 ? i + 1 : -1};
    const PetscScalar v[3]   = {1.0 / h2, -2.0 / h2 - 3.0 * user->decay * u[i] * u[i], 1.0 / h2};

    PetscCall(MatSetValues(P, 1, &i, 3, col, v, INSERT_VALUES));
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, U, &u));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  TS       ts;
  AppCtx  *user;
  PetscInt periods;
} Solve;

/* After so many periods from zero */
static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  Solve      *s = (Solve *)ctx;
  Vec         u;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(DMCreateGlobalVector(s->user->da, &u));
  PetscCall(VecSet(u, 0.0));
  for (PetscInt k = 0; k < s->periods; k++) {
    PetscCall(TSSetTime(s->ts, 0.0));
    PetscCall(TSSetStepNumber(s->ts, 0));
    PetscCall(TSSetTimeStep(s->ts, 0.05));
    PetscCall(TSSolve(s->ts, u));
  }
  PetscCall(VecSum(u, &sum));
  *value = PetscRealPart(sum);
  PetscCall(VecDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PeriodicOrbit(AppCtx *user, TS ts)
{
  Solve solve = {ts, user, 12};
  Vec   x;

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(user->da, &x));
  PetscCall(VecSet(x, 0.0));
#include "ts_periodic.inc"
  PetscCall(EmbeddingTrusted(adj, "periodic orbit"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user->amplitude, 1e-3, gradient, 0, "orbit: amplitude"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user->decay, 1e-3, gradient, 1, "orbit: decay"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FinalState(AppCtx *user, TS ts)
{
  Solve solve = {ts, user, 1};
  Vec   x;

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(user->da, &x));
  PetscCall(VecSet(x, 0.0));
#include "ts_final.inc"
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user->amplitude, 1e-3, gradient, 0, "final state: amplitude"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user->decay, 1e-3, gradient, 1, "final state: decay"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {4.0, 1.5, NULL};
  TS     ts;
  Mat    J;
  SNES   snes;
  KSP    ksp;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_GHOSTED, 9, 1, 1, NULL, &user.da));
  PetscCall(DMSetUp(user.da));
  PetscCall(DMCreateMatrix(user.da, &J));
  PetscCall(TSCreate(PETSC_COMM_WORLD, &ts));
  PetscCall(TSSetProblemType(ts, TS_NONLINEAR));
  PetscCall(TSSetRHSFunction(ts, NULL, RHSFunction, &user));
  PetscCall(TSSetRHSJacobian(ts, J, J, RHSJacobian, &user));
  PetscCall(TSSetType(ts, TSCN));
  PetscCall(TSSetTimeStep(ts, 0.05));
  PetscCall(TSSetMaxTime(ts, 1.0));
  PetscCall(TSSetExactFinalTime(ts, TS_EXACTFINALTIME_MATCHSTEP));
  PetscCall(TSGetSNES(ts, &snes));
  PetscCall(SNESSetTolerances(snes, PETSC_DEFAULT, 1e-12, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(TSSetFromOptions(ts));
  PetscCall(TapBegin());
  PetscCall(PeriodicOrbit(&user, ts));
  PetscCall(TSSetTime(ts, 0.0));
  PetscCall(TSSetStepNumber(ts, 0));
  PetscCall(TSSetTimeStep(ts, 0.05));
  PetscCall(FinalState(&user, ts));
  failed = TapEnd();
  PetscCall(MatDestroy(&J));
  PetscCall(TSDestroy(&ts));
  PetscCall(DMDestroy(&user.da));
  PetscCall(PetscFinalize());
  return failed;
}
