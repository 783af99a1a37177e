static char help[] = "Initial-value problems: the unrolled flow map gives the gradients of TSAdjointSolve() by hand.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "problems.h"
#include "files.h"

/*
   Van der Pol, as in ts/tutorials/ex20adj.c: u0' = u1, u1' = mu ((1 - u0^2) u1 - u0). As a DAE of three unknowns: 2 u0' = u1 + u2/10,
   0 = u2 - u0^2 - mu u1. All unknowns on the last process, the parameter on the first
*/
typedef struct {
  PetscScalar mu;
  PetscBool   dae;
  PetscInt    n, integrations; /* local size; integrations that began */
  Mat         J, Jp;
  TS          ts;
  ADJ         adj;
  Vec         x, theta, thetabar, v;
} VanDerPol;

static PetscErrorCode Residual(const VanDerPol *p, const PetscScalar u[], const PetscScalar udot[], PetscScalar f[])
{
  const PetscReal m = p->dae ? 2.0 : 1.0;

  PetscFunctionBeginUser;
  if (!p->n) PetscFunctionReturn(PETSC_SUCCESS);
  f[0] = m * udot[0] - u[1] - (p->dae ? 0.1 * u[2] : 0.0);
  f[1] = udot[1] - p->mu * ((1.0 - u[0] * u[0]) * u[1] - u[0]);
  if (p->dae) f[2] = u[2] - u[0] * u[0] - p->mu * u[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IFunction(TS ts, PetscReal t, Vec U, Vec Udot, Vec F, void *ctx)
{
  const PetscScalar *u, *udot;
  PetscScalar       *f;

  (void)ts;
  (void)t;
  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(U, &u));
  PetscCall(VecGetArrayRead(Udot, &udot));
  PetscCall(VecGetArray(F, &f));
  PetscCall(Residual((VanDerPol *)ctx, u, udot, f));
  PetscCall(VecRestoreArrayRead(U, &u));
  PetscCall(VecRestoreArrayRead(Udot, &udot));
  PetscCall(VecRestoreArray(F, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RHSFunction(TS ts, PetscReal t, Vec U, Vec F, void *ctx)
{
  Vec zero;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(U, &zero));
  PetscCall(VecSet(zero, 0.0));
  PetscCall(IFunction(ts, t, U, zero, F, ctx));
  PetscCall(VecScale(F, -1.0));
  PetscCall(VecDestroy(&zero));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IJacobian(TS ts, PetscReal t, Vec U, Vec Udot, PetscReal shift, Mat A, Mat P, void *ctx)
{
  const VanDerPol   *p = (const VanDerPol *)ctx;
  const PetscScalar *u;
  const PetscInt     N = p->dae ? 3 : 2, idx[3] = {0, 1, 2};

  (void)ts;
  (void)t;
  (void)Udot;
  (void)A;
  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(U, &u));
  if (p->n) {
    PetscScalar J[9] = {0.0};

    J[0]     = (p->dae ? 2.0 : 1.0) * shift;
    J[1]     = -1.0;
    J[N]     = p->mu * (2.0 * u[0] * u[1] + 1.0);
    J[N + 1] = shift - p->mu * (1.0 - u[0] * u[0]);
    if (p->dae) {
      J[2] = -0.1;
      J[6] = -2.0 * u[0];
      J[7] = -p->mu;
      J[8] = 1.0;
    }
    PetscCall(MatSetValues(P, N, idx, N, idx, J, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(U, &u));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RHSJacobian(TS ts, PetscReal t, Vec U, Mat A, Mat P, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(IJacobian(ts, t, U, NULL, 0.0, A, P, ctx));
  PetscCall(MatScale(P, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As of the right-hand side, whichever the form */
static PetscErrorCode RHSJacobianP(TS ts, PetscReal t, Vec U, Mat P, void *ctx)
{
  const VanDerPol   *p = (const VanDerPol *)ctx;
  const PetscScalar *u;

  (void)ts;
  (void)t;
  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(U, &u));
  if (p->n) {
    PetscCall(MatSetValue(P, 1, 0, (1.0 - u[0] * u[0]) * u[1] - u[0], INSERT_VALUES));
    if (p->dae) PetscCall(MatSetValue(P, 2, 0, u[1], INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(U, &u));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Called at the start of each integration, too */
static PetscErrorCode CountIntegrations(TS ts)
{
  VanDerPol *p;
  PetscInt   step;

  PetscFunctionBeginUser;
  PetscCall(TSGetApplicationContext(ts, &p));
  PetscCall(TSGetStepNumber(ts, &step));
  if (step == 0) p->integrations++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  VanDerPol  *p    = (VanDerPol *)ctx;
  PetscScalar mine = 0.0;
  PetscInt    lo, hi;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
  if (lo == 0 && hi == 1) PetscCall(VecGetValues(theta, 1, &lo, &mine));
  PetscCallMPI(MPI_Allreduce(&mine, &p->mu, 1, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateTS(VanDerPol *p, TSType type, PetscReal end, TS *ts)
{
  PetscBool rk;

  PetscFunctionBeginUser;
  PetscCall(TSCreate(PETSC_COMM_WORLD, ts));
  PetscCall(PetscStrcmp(type, TSRK, &rk));
  PetscCall(TSSetType(*ts, type));
  if (rk) {
    PetscCall(TSSetRHSFunction(*ts, NULL, RHSFunction, p));
    PetscCall(TSSetRHSJacobian(*ts, p->J, p->J, RHSJacobian, p));
  } else {
    PetscCall(TSSetIFunction(*ts, NULL, IFunction, p));
    PetscCall(TSSetIJacobian(*ts, p->J, p->J, IJacobian, p));
  }
  PetscCall(TSSetRHSJacobianP(*ts, p->Jp, RHSJacobianP, p));
  PetscCall(TSSetApplicationContext(*ts, p));
  PetscCall(TSSetPreStep(*ts, CountIntegrations));
  PetscCall(TSSetMaxTime(*ts, end));
  PetscCall(TSSetTimeStep(*ts, 0.05));
  PetscCall(TSSetExactFinalTime(*ts, TS_EXACTFINALTIME_MATCHSTEP));
  PetscCall(TSSetFromOptions(*ts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(TSType type, PetscBool dae, PetscReal end, VanDerPol *p)
{
  const PetscInt N = dae ? 3 : 2;
  PetscMPIInt    rank, size;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  p->mu  = 1.3;
  p->dae = dae;
  p->n   = rank == size - 1 ? N : 0;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, p->n, N, &p->x));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCall(VecSetWave(p->x, 1));
  PetscCall(VecSetWave(p->v, 2));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, rank ? 0 : 1, 1, &p->theta));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecSet(p->theta, p->mu));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, p->n, p->n, N, N, N, NULL, N, NULL, &p->J));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, p->n, rank ? 0 : 1, N, 1, 1, NULL, 1, NULL, &p->Jp));
  PetscCall(CreateTS(p, type, end, &p->ts));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetTS(p->adj, p->ts));
  PetscCall(ADJSetParameters(p->adj, Put, p));
  PetscCall(ADJSetType(p->adj, ADJUNROLLED));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(VanDerPol *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(TSDestroy(&p->ts));
  PetscCall(MatDestroy(&p->J));
  PetscCall(MatDestroy(&p->Jp));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->v));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By hand, with a TS of its own over all steps: lambda = (dx_K/dx_0)^T v, mu = (dx_K/dtheta)^T v; x: start in, end out */
static PetscErrorCode ByHand(VanDerPol *p, TSType type, PetscReal end, Vec x, Vec lambda, Vec mu)
{
  TS           ts;
  TSTrajectory tj;
  Vec          u;

  PetscFunctionBeginUser;
  PetscCall(CreateTS(p, type, end, &ts));
  PetscCall(TSSetSaveTrajectory(ts));
  PetscCall(TSGetTrajectory(ts, &tj));
  PetscCall(TSTrajectorySetType(tj, ts, TSTRAJECTORYMEMORY));
  PetscCall(TSTrajectorySetSolutionOnly(tj, PETSC_FALSE));
  PetscCall(VecDuplicate(x, &u)); /* PETSc goes back in it */
  PetscCall(VecCopy(x, u));
  PetscCall(TSSolve(ts, u));
  PetscCall(VecCopy(u, x));
  PetscCall(VecCopy(p->v, lambda));
  PetscCall(VecSet(mu, 0.0));
  PetscCall(VecConjugate(lambda));
  PetscCall(TSSetCostGradients(ts, 1, &lambda, &mu));
  PetscCall(TSAdjointSolve(ts));
  PetscCall(VecConjugate(lambda));
  PetscCall(VecConjugate(mu));
  PetscCall(TSDestroy(&ts));
  PetscCall(VecDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestByHand(TSType type, PetscBool dae, PetscInt K, PetscReal tol, const char options[])
{
  const PetscReal T = 0.6;
  VanDerPol       p;
  PetscOptions    opts;
  Vec             x, lambda, mu, x0bar;
  PetscReal       error;
  ADJTrust        verdict;
  char            text[512], name[64];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-adj_steps %" PetscInt_FMT " %s", K, options));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s%s, %" PetscInt_FMT " times", type, dae ? ", DAE" : "", K));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(Create(type, dae, T, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.x, &x));
  PetscCall(VecDuplicate(p.x, &lambda));
  PetscCall(VecDuplicate(p.theta, &mu));
  PetscCall(VecCopy(p.x, x));
  PetscCall(ByHand(&p, type, K * T, x, lambda, mu));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecDistance(p.x, x, &error));
  PetscCall(TapBelow(error, tol, "%s: the end state", name));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict > 0), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(ADJGetInitialGradient(p.adj, &x0bar));
  PetscCall(VecDistance(x0bar, lambda, &error));
  PetscCall(TapBelow(error, tol, "%s: the gradient in the initial state", name));
  PetscCall(VecDistance(p.thetabar, mu, &error));
  PetscCall(TapBelow(error, tol, "%s: the gradient in the parameter", name));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&lambda));
  PetscCall(VecDestroy(&mu));
  PetscCall(Destroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At one point many products: one integration where the trajectory can be gone through again, else one for each */
static PetscErrorCode TestTrajectory(TSType type, const char options[], PetscBool replays)
{
  VanDerPol    p;
  PetscOptions opts;
  Vec          first, second;
  PetscReal    error;
  ADJCounters  before, after;
  PetscInt     began, products;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(Create(type, PETSC_FALSE, 0.5, &p)); /* ten steps: a stride of PETSc must divide their number */
  PetscCall(ADJSetType(p.adj, ADJIMPLICIT));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x)); /* anywhere will do */
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDuplicate(p.theta, &first));
  PetscCall(VecDuplicate(p.theta, &second));
  PetscCall(VecCopy(p.thetabar, first));
  PetscCall(ADJGetCounters(p.adj, &before));
  began = p.integrations;
  PetscCall(ADJSolveAdjoint(p.adj, p.v, second));
  PetscCall(ADJGetCounters(p.adj, &after));
  products = PetscMax(after.vjp_x - before.vjp_x, after.vjp_theta - before.vjp_theta);
  PetscCall(VecDistance(second, first, &error));
  PetscCall(TapBelow(error, 1e-12, "%s %s: the second gradient is the first", type, options));
  PetscCall(TapOk((PetscBool)(after.map - before.map == p.integrations - began && after.recomputed - before.recomputed == p.integrations - began), "%s %s: integrations are counted", type, options));
  PetscCall(TapOk((PetscBool)(replays ? p.integrations == began : p.integrations - began >= products && products > 0), "%s %s: %" PetscInt_FMT " integrations for %" PetscInt_FMT " products", type, options, p.integrations - began, products));
  PetscCall(VecScale(p.x, 0.7)); /* elsewhere, and the vectors of the trajectory serve again */
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, second));
  PetscCall(VecDistance(second, first, &error));
  PetscCall(TapOk((PetscBool)(error > 1e-3), "%s %s: another point, another gradient", type, options));
  PetscCall(VecDestroy(&first));
  PetscCall(VecDestroy(&second));
  PetscCall(Destroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestView(void)
{
  VanDerPol    p;
  PetscOptions opts;
  PetscViewer  viewer;
  char        *text, *found;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-ts_adapt_type none -adj_steps 1", &opts));
  PetscCall(Create(TSRK, PETSC_FALSE, 0.5, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "view", &viewer));
  PetscCall(ADJView(p.adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(FileRead("view", NULL, &text));
  PetscCall(PetscStrstr(text, "flow map of a TS of type rk, from time 0., first step 0.05, step control none, trajectory replay", &found));
  PetscCall(TapOk((PetscBool)(found != NULL), "ADJView() shows the flow map"));
  PetscCall(PetscFree(text));
  PetscCall(Destroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *lu = "-ksp_type preonly -pc_type redundant -snes_rtol 1e-13 -snes_atol 1e-14 -ts_adapt_type none";
  Files       files;
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestByHand(TSRK, PETSC_FALSE, 1, 1e-14, "-ts_adapt_type none"));
  PetscCall(TestByHand(TSCN, PETSC_FALSE, 1, 1e-14, lu));
  PetscCall(TestByHand(TSTHETA, PETSC_FALSE, 1, 1e-14, lu));
  PetscCall(TestByHand(TSBEULER, PETSC_TRUE, 1, 1e-14, lu));
  PetscCall(TestByHand(TSCN, PETSC_TRUE, 1, 1e-14, lu));
  PetscCall(TestByHand(TSRK, PETSC_FALSE, 5, 1e-12, "-ts_adapt_type none -adj_trajectory_type binomial -adj_trajectory_checkpoints 2"));
  PetscCall(TestByHand(TSBEULER, PETSC_TRUE, 3, 1e-11, lu));
  PetscCall(TestTrajectory(TSRK, "-ts_adapt_type none", PETSC_TRUE));
  PetscCall(TestTrajectory(TSRK, "-ts_adapt_type none -ts_trajectory_type memory", PETSC_FALSE));
  PetscCall(TestTrajectory(TSRK, "-ts_adapt_type none -ts_trajectory_type memory -ts_trajectory_solution_only 0", PETSC_FALSE));
  PetscCall(TestTrajectory(TSRK, "-ts_adapt_type none -ts_trajectory_type basic", PETSC_TRUE));
  PetscCall(TestTrajectory(TSRK, "-ts_adapt_type none -ts_trajectory_type memory -ts_trajectory_stride 5 -ts_trajectory_solution_only 0", PETSC_FALSE));
  PetscCall(TestTrajectory(TSCN, "-ksp_type preonly -pc_type redundant -snes_rtol 1e-13 -snes_atol 1e-14", PETSC_TRUE));
  PetscCall(TestView());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
