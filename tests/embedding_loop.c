/*
   docs/embedding.md, "You have a loop": an iteration that the application makes itself, on a DMDA.

   nsize: 1 2 4
*/
#include "embedding.h"

typedef struct {
  PetscReal reaction, source; /* what a step depends on */
  DM        da;
} AppCtx;

/* One damped step for -u'' + reaction u^3 = source on a coarse grid */
static PetscErrorCode Step(AppCtx *user, Vec X, Vec Y)
{
  DMDALocalInfo      info;
  Vec                local;
  const PetscScalar *x;
  PetscScalar       *y;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(user->da, &info));
  PetscCall(DMGetLocalVector(user->da, &local));
  PetscCall(VecSet(local, 0.0));
  PetscCall(DMGlobalToLocal(user->da, X, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(user->da, local, &x));
  PetscCall(DMDAVecGetArray(user->da, Y, &y));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscReal   h = 1.0 / (info.mx + 1);
    const PetscScalar r = 2.0 * x[i] - x[i - 1] - x[i + 1] + h * h * (user->reaction * x[i] * x[i] * x[i] - user->source);

    y[i] = x[i] - 0.45 * r;
  }
  PetscCall(DMDAVecRestoreArrayRead(user->da, local, &x));
  PetscCall(DMDAVecRestoreArray(user->da, Y, &y));
  PetscCall(DMRestoreLocalVector(user->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The application's loop */
static PetscErrorCode Iterate(AppCtx *user, Vec x)
{
  Vec       y;
  PetscReal norm = 1.0;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &y));
  for (PetscInt k = 0; k < 20000 && norm > 1e-14; k++) {
    PetscCall(Step(user, x, y));
    PetscCall(VecAXPY(x, -1.0, y));
    PetscCall(VecNorm(x, NORM_2, &norm));
    PetscCall(VecCopy(y, x));
  }
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#include "loop_functions.inc"

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  AppCtx     *user = (AppCtx *)ctx;
  Vec         x;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(DMGetGlobalVector(user->da, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(Iterate(user, x));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscCall(DMRestoreGlobalVector(user->da, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {2.0, 5.0, NULL};
  Vec    x;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_GHOSTED, 13, 1, 1, NULL, &user.da));
  PetscCall(DMSetUp(user.da));
  PetscCall(DMCreateGlobalVector(user.da, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(Iterate(&user, x));

#include "loop.inc"

  PetscCall(TapBegin());
  PetscCall(EmbeddingTrusted(adj, "loop"));
  PetscCall(EmbeddingCheck(SumOfSolution, &user, &user.reaction, 1e-4, gradient, 0, "reaction"));
  PetscCall(EmbeddingCheck(SumOfSolution, &user, &user.source, 1e-4, gradient, 1, "source"));
  failed = TapEnd();
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(DMDestroy(&user.da));
  PetscCall(PetscFinalize());
  return failed;
}
