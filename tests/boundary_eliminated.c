static char help[] = "Dirichlet conditions that were eliminated: the boundary values are part of theta, a field on the whole grid.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_forward_ksp_rtol 1e-8 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "central.h"

#define MX 5
#define MY 7

/*
   On the MX x MY inner points of a grid of MX + 2 times MY + 2, whose outer ones carry boundary values:

       k_p sum over the neighbours q of (x_p - x_q) + x_p^2/10 - 1 = 0,    x_q = theta_q on the boundary,  k_p = theta_p

   Point (i, j) of the state is point (i + 1, j + 1) of theta
*/
static const PetscInt DI[] = {-1, 1, 0, 0}, DJ[] = {0, 0, -1, 1};

static PetscBool Inside(PetscInt i, PetscInt j)
{
  return (PetscBool)(i >= 0 && j >= 0 && i < MX && j < MY);
}

static PetscErrorCode Residual(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *py, void *ctx)
{
  PetscScalar **x = (PetscScalar **)px, **t = (PetscScalar **)ptheta, **y = (PetscScalar **)py;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      y[j][i] = 0.1 * x[j][i] * x[j][i] - 1.0;
      for (PetscInt q = 0; q < 4; q++) {
        const PetscInt iq = i + DI[q], jq = j + DJ[q];

        y[j][i] += t[j + 1][i + 1] * (x[j][i] - (Inside(iq, jq) ? x[jq][iq] : t[jq + 1][iq + 1]));
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResidualVJP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *ptbar, void *ctx)
{
  PetscScalar **x = (PetscScalar **)px, **t = (PetscScalar **)ptheta, **w = (PetscScalar **)pw, **xbar = (PetscScalar **)pxbar, **tbar = (PetscScalar **)ptbar;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscScalar kw = PetscConj(t[j + 1][i + 1]) * w[j][i];

      if (xbar) xbar[j][i] += 4.0 * kw + 0.2 * PetscConj(x[j][i]) * w[j][i];
      for (PetscInt q = 0; q < 4; q++) {
        const PetscInt  iq = i + DI[q], jq = j + DJ[q];
        const PetscBool in = Inside(iq, jq);

        if (xbar && in) xbar[jq][iq] -= kw;
        if (tbar && !in) tbar[jq + 1][iq + 1] -= kw;
        if (tbar) tbar[j + 1][i + 1] += PetscConj(x[j][i] - (in ? x[jq][iq] : t[jq + 1][iq + 1])) * w[j][i];
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResidualJVP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pxdot, void *ptdot, void *pydot, void *ctx)
{
  PetscScalar **x = (PetscScalar **)px, **t = (PetscScalar **)ptheta, **xdot = (PetscScalar **)pxdot, **tdot = (PetscScalar **)ptdot, **ydot = (PetscScalar **)pydot;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscScalar k = t[j + 1][i + 1];

      ydot[j][i] = xdot ? (4.0 * k + 0.2 * x[j][i]) * xdot[j][i] : 0.0;
      for (PetscInt q = 0; q < 4; q++) {
        const PetscInt  iq = i + DI[q], jq = j + DJ[q];
        const PetscBool in = Inside(iq, jq);

        if (xdot && in) ydot[j][i] -= k * xdot[jq][iq];
        if (tdot && !in) ydot[j][i] -= k * tdot[jq + 1][iq + 1];
        if (tdot) ydot[j][i] += tdot[j + 1][i + 1] * (x[j][i] - (in ? x[jq][iq] : t[jq + 1][iq + 1]));
      }
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The grid of theta: its first and last process in each direction have one line of points more, so that every patch covers that of the state */
static PetscErrorCode CreateGrids(DM *da, DM *dat)
{
  const PetscInt *lx, *ly;
  PetscInt        m, n, ltx[4], lty[4];

  PetscFunctionBeginUser;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, MX, MY, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, da));
  PetscCall(DMSetUp(*da));
  PetscCall(DMDAGetInfo(*da, NULL, NULL, NULL, NULL, &m, &n, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
  PetscCall(DMDAGetOwnershipRanges(*da, &lx, &ly, NULL));
  for (PetscInt i = 0; i < m; i++) ltx[i] = lx[i] + (i == 0) + (i == m - 1);
  for (PetscInt j = 0; j < n; j++) lty[j] = ly[j] + (j == 0) + (j == n - 1);
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, MX + 2, MY + 2, m, n, 1, 1, ltx, lty, dat));
  PetscCall(DMSetUp(*dat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  ADJ       adj;
  DM        da, dat;
  Vec       x, theta;
  PetscReal xerror, terror;
  int       failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(CreateGrids(&da, &dat));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(DMCreateGlobalVector(dat, &theta));
  PetscCall(VecSetWave(theta, 2));
  PetscCall(VecScale(theta, 0.3));
  PetscCall(VecShift(theta, 1.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetDM(adj, da));
  PetscCall(ADJSetParameterDM(adj, dat));
  PetscCall(ADJDMDASetMapLocal(adj, ADJ_RESIDUAL, Residual, NULL));
  PetscCall(ADJDMDASetVJPLocal(adj, ResidualVJP, NULL));
  PetscCall(ADJDMDASetJVPLocal(adj, ResidualJVP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSetWave(x, 4));
  PetscCall(ADJTestVJP(adj, theta, x, &xerror, &terror));
  PetscCall(TapBelow(xerror, 1e-12, "products in x"));
  PetscCall(TapBelow(terror, 1e-12, "products in theta"));
  PetscCall(VecSet(x, 0.0));
  PetscCall(TapCentral(adj, theta, x, 1e-8, "coefficient and boundary values"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(DMDestroy(&da));
  PetscCall(DMDestroy(&dat));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
