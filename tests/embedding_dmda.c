/*
   docs/embedding.md, "A field as parameters": the function of DMDASNESSetFunctionLocal() unchanged, the conductivities a field.

   nsize: 1 2 4
   args: -snes_rtol 1e-12
   args: -snes_rtol 1e-12 -snes_type newtontr -adj_pc_type asm
*/
#include "embedding.h"

typedef struct {
  DM  da;
  Vec k; /* conductivities at the points, which the residual reads */
} AppCtx;

/* -div(k grad u) + u^3 = 1, u = 0 outside */
static PetscErrorCode FormFunctionLocal(DMDALocalInfo *info, PetscScalar **u, PetscScalar **f, AppCtx *user)
{
  const PetscReal h2 = PetscSqr(1.0 / (info->mx + 1));
  PetscScalar   **k;
  Vec             local;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalVector(info->da, &local));
  PetscCall(DMGlobalToLocal(info->da, user->k, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(info->da, local, &k));
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++)
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscScalar c = u[j][i], kc = k[j][i];
      PetscScalar       sum = h2 * (c * c * c - 1.0);

      sum += i > 0 ? 0.5 * (kc + k[j][i - 1]) * (c - u[j][i - 1]) : kc * c;
      sum += i < info->mx - 1 ? 0.5 * (kc + k[j][i + 1]) * (c - u[j][i + 1]) : kc * c;
      sum += j > 0 ? 0.5 * (kc + k[j - 1][i]) * (c - u[j - 1][i]) : kc * c;
      sum += j < info->my - 1 ? 0.5 * (kc + k[j + 1][i]) * (c - u[j + 1][i]) : kc * c;
      f[j][i] = sum;
    }
  PetscCall(DMDAVecRestoreArrayRead(info->da, local, &k));
  PetscCall(DMRestoreLocalVector(info->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#include "dmda_functions.inc"

static PetscErrorCode SumOfSolution(SNES snes, AppCtx *user, PetscReal *value)
{
  Vec         x;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(DMCreateGlobalVector(user->da, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(SNESSolve(snes, NULL, x));
  PetscCall(VecSum(x, &sum));
  *value = PetscRealPart(sum);
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <gradient, d> against central differences along d */
static PetscErrorCode CheckField(SNES snes, AppCtx *user, Vec gradient)
{
  const PetscReal h = 1e-3;
  PetscRandom     rnd;
  PetscReal       plus, minus;
  PetscScalar     slope;
  Vec             d;

  PetscFunctionBegin;
  PetscCall(PetscRandomCreate(PETSC_COMM_WORLD, &rnd));
  PetscCall(PetscRandomSetInterval(rnd, 0.5, 1.5));
  PetscCall(VecDuplicate(user->k, &d));
  PetscCall(VecSetRandom(d, rnd));
  PetscCall(VecDot(d, gradient, &slope));
  PetscCall(VecAXPY(user->k, h, d));
  PetscCall(SumOfSolution(snes, user, &plus));
  PetscCall(VecAXPY(user->k, -2.0 * h, d));
  PetscCall(SumOfSolution(snes, user, &minus));
  PetscCall(VecAXPY(user->k, h, d));
  PetscCall(TapClose(PetscRealPart(slope), (plus - minus) / (2.0 * h), 3.0 * EMBEDDING_RTOL, "field: derivative along a direction against central differences"));
  PetscCall(VecDestroy(&d));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user;
  SNES   snes;
  Vec    x;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 9, 7, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &user.da));
  PetscCall(DMSetUp(user.da));
  PetscCall(DMCreateGlobalVector(user.da, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(VecDuplicate(x, &user.k));
  PetscCall(VecSet(user.k, 1.5));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetDM(snes, user.da));
  PetscCall(DMDASNESSetFunctionLocal(user.da, INSERT_VALUES, (ADJDMDAFunctionFn *)FormFunctionLocal, &user));
  PetscCall(SNESSetFromOptions(snes));
  PetscCall(SNESSolve(snes, NULL, x)); /* its Jacobian by coloring: PETSc's default with a DM */

#include "dmda.inc"

  PetscCall(TapBegin());
  PetscCall(EmbeddingTrusted(adj, "field"));
  PetscCall(CheckField(snes, &user, gradient));
  failed = TapEnd();
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&user.k));
  PetscCall(SNESDestroy(&snes));
  PetscCall(DMDestroy(&user.da));
  PetscCall(PetscFinalize());
  return failed;
}
