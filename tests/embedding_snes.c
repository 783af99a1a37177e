/*
   docs/embedding.md, "You have an SNES": a reaction-diffusion problem with SNESSetFunction() and SNESSetJacobian().

   nsize: 1 2 4
   args: -snes_rtol 1e-12
   args: -snes_rtol 1e-12 -ksp_type bcgs -pc_type asm
*/
#include "embedding.h"

typedef struct {
  PetscReal lambda, kappa; /* what the residual reads */
  DM        da;
} AppCtx;

/* -kappa u'' - lambda exp(u) + u' = 0, u = 0 at both ends */
static PetscErrorCode FormFunction(SNES snes, Vec X, Vec F, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  Vec                local;
  const PetscScalar *x;
  PetscScalar       *f;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMGetLocalVector(user->da, &local));
  PetscCall(DMGlobalToLocal(user->da, X, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(user->da, local, &x));
  PetscCall(DMDAVecGetArray(user->da, F, &f));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal h = 1.0 / (info.mx - 1);

    if (i == 0 || i == info.mx - 1)
      f[i] = x[i];
    else
      f[i] = user->kappa * (2.0 * x[i] - x[i - 1] - x[i + 1]) / h + 0.5 * (x[i + 1] - x[i - 1]) - h * user->lambda * PetscExpScalar(x[i]);
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, local, &x));
  PetscCall(DMDAVecRestoreArray(user->da, F, &f));
  PetscCall(DMRestoreLocalVector(user->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormJacobian(SNES snes, Vec X, Mat J, Mat P, void *ctx)
{
  AppCtx            *user = (AppCtx *)ctx;
  DMDALocalInfo      info;
  const PetscScalar *x;

  (void)snes;
  (void)J;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMDAVecGetArrayRead(user->da, X, &x));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal   h      = 1.0 / (info.mx - 1);
    const PetscInt    col[3] = {i - 1, i, i + 1};
    const PetscScalar v[3] = {-user->kappa / h - 0.5, 2.0 * user->kappa / h - h * user->lambda * PetscExpScalar(x[i]), -user->kappa / h + 0.5}, one = 1.0;

    if (i == 0 || i == info.mx - 1)
      PetscCall(MatSetValues(P, 1, &i, 1, &i, &one, INSERT_VALUES));
    else
      PetscCall(MatSetValues(P, 1, &i, 3, col, v, INSERT_VALUES));
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, X, &x));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  SNES snes;
  Vec  x;
} Solve;

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  Solve      *s = (Solve *)ctx;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(VecSet(s->x, 0.0));
  PetscCall(SNESSolve(s->snes, NULL, s->x));
  PetscCall(VecSum(s->x, &sum));
  *value = PetscRealPart(sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {1.5, 0.5, NULL};
  SNES   snes;
  Mat    J;
  Vec    x, r;
  Solve  solve;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, 33, 1, 1, NULL, &user.da));
  PetscCall(DMSetUp(user.da));
  PetscCall(DMCreateGlobalVector(user.da, &x));
  PetscCall(VecDuplicate(x, &r));
  PetscCall(DMCreateMatrix(user.da, &J));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetFunction(snes, r, FormFunction, &user));
  PetscCall(SNESSetJacobian(snes, J, J, FormJacobian, &user));
  PetscCall(SNESSetFromOptions(snes));
  PetscCall(SNESSolve(snes, NULL, x));

#include "snes.inc"

  PetscCall(TapBegin());
  solve.snes = snes;
  PetscCall(EmbeddingTrusted(adj, "SNES"));
  PetscCall(VecDuplicate(x, &solve.x));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user.lambda, 1e-4, gradient, 0, "lambda"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user.kappa, 1e-4, gradient, 1, "kappa"));
  failed = TapEnd();
  PetscCall(VecDestroy(&solve.x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&r));
  PetscCall(MatDestroy(&J));
  PetscCall(SNESDestroy(&snes));
  PetscCall(DMDestroy(&user.da));
  PetscCall(PetscFinalize());
  return failed;
}
