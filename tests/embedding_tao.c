/*
   docs/embedding.md, "You have a Tao": a convex function with its gradient and Hessian.

   nsize: 1 2 4
   args: -tao_gatol 1e-12 -tao_grtol 0 -tao_type nls
   args: -tao_gatol 1e-12 -tao_grtol 0 -tao_type ntr
   requires: !complex
*/
#include "embedding.h"

typedef struct {
  PetscReal stiffness, load; /* what the function depends on */
  DM        da;
} AppCtx;

/* f = sum_i (x_i - x_{i-1})^2/2 + stiffness x_i^4/4 - load x_i, with zero outside */
static PetscErrorCode FormFunctionGradient(Tao tao, Vec X, PetscReal *f, Vec G, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  Vec                local;
  const PetscScalar *x;
  PetscScalar       *g;
  PetscReal          sum = 0.0;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMGetLocalVector(user->da, &local));
  PetscCall(VecSet(local, 0.0));
  PetscCall(DMGlobalToLocal(user->da, X, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(user->da, local, &x));
  PetscCall(DMDAVecGetArray(user->da, G, &g));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal xi = PetscRealPart(x[i]), d = xi - PetscRealPart(x[i - 1]);

    sum += 0.5 * d * d + 0.25 * user->stiffness * PetscSqr(xi * xi) - user->load * xi;
    if (i == info.mx - 1) sum += 0.5 * xi * xi;
    g[i] = 2.0 * x[i] - x[i - 1] - x[i + 1] + user->stiffness * x[i] * x[i] * x[i] - user->load;
  }
  PetscCallMPI(MPI_Allreduce(&sum, f, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscCall(DMDAVecRestoreArrayRead(user->da, local, &x));
  PetscCall(DMDAVecRestoreArray(user->da, G, &g));
  PetscCall(DMRestoreLocalVector(user->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormHessian(Tao tao, Vec X, Mat H, Mat P, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  const PetscScalar *x;

  (void)tao;
  (void)P;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMDAVecGetArrayRead(user->da, X, &x));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscInt    col[3] = {i - 1, i, i < info.mx - 1 ? i + 1 : -1};
    const PetscScalar v[3]   = {-1.0, 2.0 + 3.0 * user->stiffness * x[i] * x[i], -1.0};

    PetscCall(MatSetValues(H, 1, &i, 3, col, v, INSERT_VALUES));
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, X, &x));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  Tao         tao = (Tao)ctx;
  Vec         x;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(TaoGetSolution(tao, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(TaoSolve(tao));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {1.5, 0.5, NULL};
  Tao    tao;
  Mat    H;
  Vec    x;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_GHOSTED, 13, 1, 1, NULL, &user.da));
  PetscCall(DMSetUp(user.da));
  PetscCall(DMCreateGlobalVector(user.da, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(DMCreateMatrix(user.da, &H));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, FormFunctionGradient, &user));
  PetscCall(TaoSetHessian(tao, H, H, FormHessian, &user));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));

#include "tao.inc"

  PetscCall(TapBegin());
  PetscCall(EmbeddingTrusted(adj, "Tao"));
  PetscCall(EmbeddingCheck(SumOfSolution, tao, &user.stiffness, 1e-3, gradient, 0, "stiffness"));
  PetscCall(EmbeddingCheck(SumOfSolution, tao, &user.load, 2e-4, gradient, 1, "load"));
  failed = TapEnd();
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&H));
  PetscCall(TaoDestroy(&tao));
  PetscCall(DMDestroy(&user.da));
  PetscCall(PetscFinalize());
  return failed;
}
