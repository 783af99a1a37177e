static char help[] = "The price of a gradient of a SNES that is borrowed: Bratu's problem with convection in 3D, its reaction a field,\n"
                     "ADJSetSNES() against the same gradient written by hand on the same SNES, pair by pair in one run.\n"
                     "  -pairs <9>                 : how many\n"
                     "  -by <transpose,explicit>   : by hand with KSPSolveTranspose() on the SNES's own KSP, or with a KSP on the\n"
                     "                               transposed matrix; the library does as this one does\n\n";

#include <contragrad.h>
#include <petsctime.h>

#define MAXPAIRS 101

typedef struct {
  DM        da;
  Vec       lambda; /* where the residual reads it */
  PetscReal speed;
} AppCtx;

typedef struct {
  AppCtx    user;
  SNES      snes;
  ADJ       adj;
  KSP       ksp; /* by hand, on JT */
  Mat       J, JT;
  Vec       theta, x, xbar, w, gradient, reference;
  PetscBool transpose;
} Bench;

static PetscErrorCode FormFunctionLocal(DMDALocalInfo *info, PetscScalar ***x, PetscScalar ***f, void *ctx)
{
  AppCtx         *user = (AppCtx *)ctx;
  const PetscReal h    = 1.0 / (info->mx - 1);
  PetscScalar  ***lambda;

  PetscFunctionBeginUser;
  PetscCall(DMDAVecGetArrayRead(info->da, user->lambda, &lambda));
  for (PetscInt k = info->zs; k < info->zs + info->zm; k++)
    for (PetscInt j = info->ys; j < info->ys + info->ym; j++)
      for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
        if (i == 0 || j == 0 || k == 0 || i == info->mx - 1 || j == info->my - 1 || k == info->mz - 1) {
          f[k][j][i] = h * x[k][j][i];
          continue;
        }
        f[k][j][i] = h * (6.0 * x[k][j][i] - x[k][j][i - 1] - x[k][j][i + 1] - x[k][j - 1][i] - x[k][j + 1][i] - x[k - 1][j][i] - x[k + 1][j][i]) + 0.5 * h * h * user->speed * (x[k][j][i + 1] - x[k][j][i - 1]) - h * h * h * lambda[k][j][i] * PetscExpScalar(x[k][j][i]);
      }
  PetscCall(DMDAVecRestoreArrayRead(info->da, user->lambda, &lambda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormJacobianLocal(DMDALocalInfo *info, PetscScalar ***x, Mat J, Mat P, void *ctx)
{
  AppCtx         *user = (AppCtx *)ctx;
  const PetscReal h    = 1.0 / (info->mx - 1);
  PetscScalar  ***lambda;

  (void)J;
  PetscFunctionBeginUser;
  PetscCall(DMDAVecGetArrayRead(info->da, user->lambda, &lambda));
  for (PetscInt k = info->zs; k < info->zs + info->zm; k++)
    for (PetscInt j = info->ys; j < info->ys + info->ym; j++)
      for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
        const MatStencil  row = {k, j, i, 0}, col[7] = {{k, j, i, 0}, {k, j, i - 1, 0}, {k, j, i + 1, 0}, {k, j - 1, i, 0}, {k, j + 1, i, 0}, {k - 1, j, i, 0}, {k + 1, j, i, 0}};
        const PetscReal   c    = 0.5 * h * h * user->speed;
        const PetscScalar v[7] = {6.0 * h - h * h * h * lambda[k][j][i] * PetscExpScalar(x[k][j][i]), -h - c, -h + c, -h, -h, -h, -h};

        if (i == 0 || j == 0 || k == 0 || i == info->mx - 1 || j == info->my - 1 || k == info->mz - 1) {
          const PetscScalar d = h;

          PetscCall(MatSetValuesStencil(P, 1, &row, 1, &row, &d, INSERT_VALUES));
        } else
          PetscCall(MatSetValuesStencil(P, 1, &row, 7, col, v, INSERT_VALUES));
      }
  PetscCall(DMDAVecRestoreArrayRead(info->da, user->lambda, &lambda));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(theta, ((AppCtx *)ctx)->lambda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (dR/dlambda)^T w = -h^3 exp(x) w inside */
static PetscErrorCode ParameterProduct(AppCtx *user, Vec x, Vec w, Vec thetabar)
{
  DMDALocalInfo  info;
  PetscReal      h;
  PetscScalar ***a, ***b, ***c;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  h = 1.0 / (info.mx - 1);
  PetscCall(DMDAVecGetArrayRead(user->da, x, &a));
  PetscCall(DMDAVecGetArrayRead(user->da, w, &b));
  PetscCall(DMDAVecGetArray(user->da, thetabar, &c));
  for (PetscInt k = info.zs; k < info.zs + info.zm; k++)
    for (PetscInt j = info.ys; j < info.ys + info.ym; j++)
      for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
        const PetscBool edge = (PetscBool)(i == 0 || j == 0 || k == 0 || i == info.mx - 1 || j == info.my - 1 || k == info.mz - 1);

        c[k][j][i] = edge ? 0.0 : -h * h * h * PetscExpScalar(a[k][j][i]) * b[k][j][i];
      }
  PetscCall(DMDAVecRestoreArrayRead(user->da, x, &a));
  PetscCall(DMDAVecRestoreArrayRead(user->da, w, &b));
  PetscCall(DMDAVecRestoreArray(user->da, thetabar, &c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(ParameterProduct((AppCtx *)ctx, x, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a user writes without the library */
static PetscErrorCode GradientByHand(Bench *b, Vec gradient, PetscLogDouble *solved)
{
  KSP       ksp;
  PetscReal rtol;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(b->theta, b->user.lambda));
  PetscCall(SNESSolve(b->snes, NULL, b->x));
  PetscCall(PetscTime(solved));
  PetscCall(VecCopy(b->x, b->xbar));
  PetscCall(SNESComputeJacobian(b->snes, b->x, b->J, b->J));
  if (b->transpose) {
    PetscCall(SNESGetKSP(b->snes, &ksp));
    PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
    PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
    PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
    PetscCall(KSPSetOperators(ksp, b->J, b->J));
    PetscCall(KSPSolveTranspose(ksp, b->xbar, b->w));
    PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
    PetscCall(KSPSetTolerances(ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  } else {
    PetscCall(MatTranspose(b->J, b->JT ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX, &b->JT));
    PetscCall(KSPSetOperators(b->ksp, b->JT, b->JT));
    PetscCall(KSPSolve(b->ksp, b->xbar, b->w));
  }
  PetscCall(ParameterProduct(&b->user, b->x, b->w, gradient));
  PetscCall(VecScale(gradient, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GradientByLibrary(Bench *b, Vec gradient, PetscLogDouble *solved)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSolve(b->adj, b->theta, b->x));
  PetscCall(PetscTime(solved));
  PetscCall(VecCopy(b->x, b->xbar));
  PetscCall(ADJSolveAdjoint(b->adj, b->xbar, gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Seconds of forward solve and gradient from zero, and of the gradient alone */
static PetscErrorCode Time(Bench *b, PetscBool library, Vec gradient, PetscReal seconds[2])
{
  PetscLogDouble start, solved = 0.0, end;

  PetscFunctionBeginUser;
  PetscCall(VecSet(b->x, 0.0));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&start));
  if (library)
    PetscCall(GradientByLibrary(b, gradient, &solved));
  else
    PetscCall(GradientByHand(b, gradient, &solved));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&end));
  seconds[0] = end - start;
  seconds[1] = end - solved;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Median(PetscInt n, PetscReal v[])
{
  if (PetscSortReal(n, v)) return -1.0;
  return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

/* The order changes from pair to pair */
static PetscErrorCode Compare(Bench *b, PetscInt pairs, ADJTrustLevel level)
{
  PetscReal whole[MAXPAIRS], alone[MAXPAIRS], share[MAXPAIRS], lib[2], hand[2], error, norm;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(b->adj, level));
  PetscCall(Time(b, PETSC_TRUE, b->gradient, lib));
  PetscCall(Time(b, PETSC_FALSE, b->reference, hand));
  PetscCall(VecAXPY(b->gradient, -1.0, b->reference));
  PetscCall(VecNorm(b->gradient, NORM_2, &error));
  PetscCall(VecNorm(b->reference, NORM_2, &norm));
  for (PetscInt i = 0; i < pairs; i++) {
    PetscCall(Time(b, (PetscBool)(i % 2 == 0), b->gradient, i % 2 == 0 ? lib : hand));
    PetscCall(Time(b, (PetscBool)(i % 2 != 0), b->gradient, i % 2 != 0 ? lib : hand));
    whole[i] = lib[0] / hand[0];
    alone[i] = lib[1] / hand[1];
    share[i] = hand[1] / hand[0];
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  trust level %-8s library/by hand: median %.3f of the whole, %.3f of the gradient alone, which by hand is %.2f of the whole (%" PetscInt_FMT " pairs); relative difference %.1e\n", ADJTrustLevels[level], (double)Median(pairs, whole), (double)Median(pairs, alone), (double)Median(pairs, share), pairs, (double)(error / norm)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(Bench *b)
{
  PetscFunctionBeginUser;
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 40, 40, 40, PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &b->user.da));
  PetscCall(DMSetFromOptions(b->user.da));
  PetscCall(DMSetUp(b->user.da));
  b->user.speed = 20.0;
  PetscCall(DMCreateGlobalVector(b->user.da, &b->x));
  PetscCall(VecDuplicate(b->x, &b->user.lambda));
  PetscCall(VecDuplicate(b->x, &b->theta));
  PetscCall(VecDuplicate(b->x, &b->xbar));
  PetscCall(VecDuplicate(b->x, &b->w));
  PetscCall(VecDuplicate(b->x, &b->gradient));
  PetscCall(VecDuplicate(b->x, &b->reference));
  PetscCall(VecSet(b->theta, 5.0));
  PetscCall(DMCreateMatrix(b->user.da, &b->J));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &b->snes));
  PetscCall(SNESSetDM(b->snes, b->user.da));
  PetscCall(DMDASNESSetFunctionLocal(b->user.da, INSERT_VALUES, (ADJDMDAFunctionFn *)FormFunctionLocal, &b->user));
  PetscCall(DMDASNESSetJacobianLocal(b->user.da, (PetscErrorCode(*)(DMDALocalInfo *, void *, Mat, Mat, void *))FormJacobianLocal, &b->user));
  PetscCall(SNESSetJacobian(b->snes, b->J, b->J, NULL, NULL));
  PetscCall(SNESSetFromOptions(b->snes));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &b->ksp));
  PetscCall(KSPSetTolerances(b->ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetOptionsPrefix(b->ksp, "hand_"));
  PetscCall(KSPSetNormType(b->ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetFromOptions(b->ksp));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &b->adj));
  PetscCall(ADJSetSNES(b->adj, b->snes));
  PetscCall(ADJSetParameters(b->adj, Put, &b->user));
  PetscCall(ADJSetParameterVJP(b->adj, ParameterVJP, &b->user));
  PetscCall(ADJSetPCSource(b->adj, b->transpose ? ADJ_PC_AUTO : ADJ_PC_TRANSPOSE));
  PetscCall(ADJSetTranspose(b->adj, b->transpose ? ADJ_TRANSPOSE_VIRTUAL : ADJ_TRANSPOSE_EXPLICIT));
  PetscCall(ADJSetFromOptions(b->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Bench *b)
{
  Vec *v[] = {&b->theta, &b->x, &b->xbar, &b->w, &b->gradient, &b->reference, &b->user.lambda};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&b->adj));
  PetscCall(KSPDestroy(&b->ksp));
  PetscCall(SNESDestroy(&b->snes));
  PetscCall(MatDestroy(&b->J));
  PetscCall(MatDestroy(&b->JT));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(v); i++) PetscCall(VecDestroy(v[i]));
  PetscCall(DMDestroy(&b->user.da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *const how[] = {"transpose", "explicit"};
  Bench             b;
  PetscInt          pairs = 9, by = 0, N;
  PetscMPIInt       size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMemzero(&b, sizeof(b)));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-pairs", &pairs, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-by", how, 2, &by, NULL));
  PetscCheck(pairs > 0 && pairs <= MAXPAIRS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-pairs must be 1 to %d", MAXPAIRS);
  b.transpose = (PetscBool)(by == 0);
  PetscCall(Create(&b));
  PetscCall(VecGetSize(b.x, &N));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "Bratu with convection, %" PetscInt_FMT " unknowns and parameters, %d processes, by hand: %s\n", N, size, by == 0 ? "KSPSolveTranspose()" : "KSPSolve() on the transposed matrix"));
  PetscCall(Compare(&b, pairs, ADJ_TRUST_LEVEL_NONE));
  PetscCall(Compare(&b, pairs, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(Destroy(&b));
  PetscCall(PetscFinalize());
  return 0;
}
