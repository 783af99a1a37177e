static char help[] = "A function written for DMDASNESSetFunctionLocal(), unchanged, with products on local patches.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_ksp_rtol 1e-12 -own_snes_rtol 1e-13 -own_ksp_rtol 1e-10 -malloc_debug false
*/
#include "central.h"

/* -Laplace u - lambda e^u + v/10 = 0, -Laplace v + v - mu u = 0 on the unit square, u = v = 0 on the boundary, which is part of the grid */
typedef struct {
  PetscScalar u, v;
} Field;

typedef struct {
  PetscScalar lambda, mu;
  PetscInt    calls;
} App;

static PetscErrorCode FormFunctionLocal(DMDALocalInfo *info, Field **x, Field **f, App *app)
{
  const PetscReal hx = 1.0 / (info->mx - 1), hy = 1.0 / (info->my - 1), ax = hy / hx, ay = hx / hy, a = hx * hy;

  PetscFunctionBeginUser;
  app->calls++;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      if (i == 0 || j == 0 || i == info->mx - 1 || j == info->my - 1) {
        f[j][i].u = 2.0 * (ax + ay) * x[j][i].u;
        f[j][i].v = 2.0 * (ax + ay) * x[j][i].v;
      } else {
        f[j][i].u = ax * (2.0 * x[j][i].u - x[j][i - 1].u - x[j][i + 1].u) + ay * (2.0 * x[j][i].u - x[j - 1][i].u - x[j + 1][i].u) - a * (app->lambda * PetscExpScalar(x[j][i].u) - 0.1 * x[j][i].v);
        f[j][i].v = ax * (2.0 * x[j][i].v - x[j][i - 1].v - x[j][i + 1].v) + ay * (2.0 * x[j][i].v - x[j - 1][i].v - x[j + 1][i].v) + a * (x[j][i].v - app->mu * x[j][i].u);
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (-Laplace)^T w at one point, by component */
static void AddLaplacian(PetscReal ax, PetscReal ay, Field **xbar, PetscInt i, PetscInt j, Field w)
{
  const PetscInt  di[] = {-1, 1, 0, 0}, dj[] = {0, 0, -1, 1};
  const PetscReal c[] = {ax, ax, ay, ay};

  xbar[j][i].u += 2.0 * (ax + ay) * w.u;
  xbar[j][i].v += 2.0 * (ax + ay) * w.v;
  for (PetscInt k = 0; k < 4; k++) {
    xbar[j + dj[k]][i + di[k]].u -= c[k] * w.u;
    xbar[j + dj[k]][i + di[k]].v -= c[k] * w.v;
  }
}

static PetscErrorCode VJPLocal(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *pthetabar, void *ctx)
{
  Field         **x = (Field **)px, **w = (Field **)pw, **xbar = (Field **)pxbar;
  PetscScalar    *t = (PetscScalar *)ptheta, *tbar = (PetscScalar *)pthetabar;
  const PetscReal hx = 1.0 / (info->mx - 1), hy = 1.0 / (info->my - 1), ax = hy / hx, ay = hx / hy, a = hx * hy;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscBool   boundary = (PetscBool)(i == 0 || j == 0 || i == info->mx - 1 || j == info->my - 1);
      const PetscScalar eu       = PetscConj(PetscExpScalar(x[j][i].u));

      if (boundary && xbar) {
        xbar[j][i].u += 2.0 * (ax + ay) * w[j][i].u;
        xbar[j][i].v += 2.0 * (ax + ay) * w[j][i].v;
      }
      if (boundary) continue;
      if (xbar) {
        AddLaplacian(ax, ay, xbar, i, j, w[j][i]);
        xbar[j][i].u -= a * (PetscConj(t[0]) * eu * w[j][i].u + PetscConj(t[1]) * w[j][i].v);
        xbar[j][i].v += a * (0.1 * w[j][i].u + w[j][i].v);
      }
      if (tbar) {
        tbar[0] -= a * eu * w[j][i].u;
        tbar[1] -= a * PetscConj(x[j][i].u) * w[j][i].v;
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  App               *app = (App *)ctx;
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  app->lambda = t[0];
  app->mu     = t[1];
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateOwnSolver(DM da, App *app, SNES *snes)
{
  PetscFunctionBeginUser;
  PetscCall(SNESCreate(PETSC_COMM_WORLD, snes));
  PetscCall(SNESSetOptionsPrefix(*snes, "own_"));
  PetscCall(SNESSetDM(*snes, da));
  PetscCall(DMDASNESSetFunctionLocal(da, INSERT_VALUES, (PetscErrorCode(*)(DMDALocalInfo *, void *, void *, void *))FormFunctionLocal, app));
  PetscCall(SNESSetFromOptions(*snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forward solver is that of the ADJ, or the user's */
static PetscErrorCode Gradient(DM da, Vec theta, PetscBool borrow, Vec g)
{
  const char *what = borrow ? "borrowed SNES" : "function alone";
  App         app  = {.calls = 0};
  SNES        snes = NULL;
  ADJ         adj;
  Vec         x;
  PetscReal   value, xerror, terror;

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  if (borrow) {
    PetscCall(CreateOwnSolver(da, &app, &snes));
    PetscCall(ADJSetSNES(adj, snes));
  } else {
    PetscCall(ADJSetDM(adj, da));
    PetscCall(ADJDMDASetFunctionLocal(adj, (ADJDMDAFunctionFn *)FormFunctionLocal, &app));
  }
  PetscCall(ADJSetParameters(adj, Put, &app));
  PetscCall(ADJDMDASetVJPLocal(adj, VJPLocal, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapCentral(adj, theta, x, 1e-8, what));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &value, g));
  PetscCall(ADJTestVJP(adj, theta, x, &xerror, &terror));
  PetscCall(TapBelow(xerror, 1e-7, "%s: products in x against differences", what));
  PetscCall(TapBelow(terror, 1e-7, "%s: products in theta against differences", what));
  PetscCall(TapOk((PetscBool)(app.calls > 0), "%s: the function was called", what));
  PetscCall(ADJDestroy(&adj));
  PetscCall(SNESDestroy(&snes));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  DM        da;
  Vec       theta, g[2];
  PetscReal error;
  int       failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 7, 9, PETSC_DECIDE, PETSC_DECIDE, 2, 1, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, 2, &theta));
  PetscCall(VecSetValue(theta, 0, 4.0, INSERT_VALUES));
  PetscCall(VecSetValue(theta, 1, 1.5, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(theta));
  PetscCall(VecAssemblyEnd(theta));
  PetscCall(VecDuplicate(theta, &g[0]));
  PetscCall(VecDuplicate(theta, &g[1]));
  PetscCall(Gradient(da, theta, PETSC_FALSE, g[0]));
  PetscCall(Gradient(da, theta, PETSC_TRUE, g[1]));
  PetscCall(VecDistance(g[0], g[1], &error));
  PetscCall(TapBelow(error, 1e-9, "both give the same gradient"));
  PetscCall(VecDestroy(&g[0]));
  PetscCall(VecDestroy(&g[1]));
  PetscCall(VecDestroy(&theta));
  PetscCall(DMDestroy(&da));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
