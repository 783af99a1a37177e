static char help[] = "The example of the manual page of ADJDMDASetMapLocal(), as it stands there.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "central.h"

/* -u'' + u^3 = theta, u = 0 at both ends; the state and the source live on the same points */
static PetscErrorCode Residual(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *py, void *ctx)
{
  PetscScalar *x = (PetscScalar *)px, *theta = (PetscScalar *)ptheta, *y = (PetscScalar *)py, left, right;
  PetscReal    h2 = 1.0 / PetscSqr(info->mx + 1.0);

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    left  = i > 0 ? x[i - 1] : 0.0;
    right = i < info->mx - 1 ? x[i + 1] : 0.0;
    y[i]  = (2.0 * x[i] - left - right) / h2 + x[i] * x[i] * x[i] - theta[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResidualVJP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *pthetabar, void *ctx)
{
  PetscScalar *x = (PetscScalar *)px, *w = (PetscScalar *)pw, *xbar = (PetscScalar *)pxbar, *thetabar = (PetscScalar *)pthetabar;
  PetscReal    h2 = 1.0 / PetscSqr(info->mx + 1.0);

  (void)adj;
  (void)ptheta;
  (void)ctx;
  PetscFunctionBeginUser;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    if (xbar) {
      xbar[i] += (2.0 / h2 + 3.0 * PetscConj(x[i] * x[i])) * w[i];
      if (i > 0) xbar[i - 1] -= w[i] / h2;
      if (i < info->mx - 1) xbar[i + 1] -= w[i] / h2;
    }
    if (thetabar) thetabar[i] -= w[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  ADJ adj;
  DM  da;
  Vec x, theta;
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, 21, 1, 1, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(VecDuplicate(x, &theta));
  PetscCall(VecSet(theta, 30.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetDM(adj, da));
  PetscCall(ADJSetParameterDM(adj, da));
  PetscCall(ADJDMDASetMapLocal(adj, ADJ_RESIDUAL, Residual, NULL));
  PetscCall(ADJDMDASetVJPLocal(adj, ResidualVJP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapCentral(adj, theta, x, 1e-7, "example"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(DMDestroy(&da));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
