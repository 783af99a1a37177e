#include "smoother.h"

#define MIXING    0.25 /* m */
#define UPWIND    0.5  /* share by which the western neighbour outweighs the eastern one */
#define NONLINEAR 0.1  /* s */

struct _n_Smoother {
  MPI_Comm  comm;
  DM        da;
  PetscReal rho;
  Vec       target; /* d */
};

/* A rough field that does not depend on the number of processes */
static PetscReal Rough(PetscInt i, PetscInt j)
{
  const PetscReal s = 43758.5453 * PetscSinReal(12.9898 * (PetscReal)i + 78.233 * (PetscReal)j);

  return s - PetscFloorReal(s);
}

static PetscErrorCode FillRough(Smoother sm, PetscReal low, PetscReal high, PetscInt shift, Vec v)
{
  PetscScalar **a;
  PetscInt      xs, ys, xm, ym;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetCorners(sm->da, &xs, &ys, NULL, &xm, &ym, NULL));
  PetscCall(DMDAVecGetArrayWrite(sm->da, v, &a));
  for (PetscInt j = ys; j < ys + ym; j++) {
    for (PetscInt i = xs; i < xs + xm; i++) a[j][i] = low + (high - low) * Rough(i + shift, j);
  }
  PetscCall(DMDAVecRestoreArrayWrite(sm->da, v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SmootherCreate(MPI_Comm comm, PetscReal rho, Smoother *smoother)
{
  Smoother sm;

  PetscFunctionBeginUser;
  PetscCheck(rho > 0.0 && rho < 1.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-rho is %g, it must lie between 0 and 1", (double)rho);
  PetscCall(PetscNew(&sm));
  sm->comm = comm;
  sm->rho  = rho;
  PetscCall(DMDACreate2d(comm, DM_BOUNDARY_PERIODIC, DM_BOUNDARY_PERIODIC, DMDA_STENCIL_STAR, 320, 320, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &sm->da));
  PetscCall(DMSetFromOptions(sm->da));
  PetscCall(DMSetUp(sm->da));
  PetscCall(DMCreateGlobalVector(sm->da, &sm->target));
  PetscCall(FillRough(sm, 0.0, 1.0, 17, sm->target));
  *smoother = sm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SmootherDestroy(Smoother *smoother)
{
  PetscFunctionBeginUser;
  if (!*smoother) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroy(&(*smoother)->target));
  PetscCall(DMDestroy(&(*smoother)->da));
  PetscCall(PetscFree(*smoother));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Initial guess 0; parameters between 1/2 and 3/2 */
PetscErrorCode SmootherCreateVecs(Smoother sm, Vec *x0, Vec *theta)
{
  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(sm->da, x0));
  PetscCall(VecSet(*x0, 0.0));
  PetscCall(DMCreateGlobalVector(sm->da, theta));
  PetscCall(FillRough(sm, 0.5, 1.5, 0, *theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = rho S x, or rho S^T x */
static PetscErrorCode Smooth(Smoother sm, PetscBool transpose, Vec x, Vec y)
{
  const PetscReal middle = sm->rho * (1.0 - 0.5 * MIXING), up = sm->rho * MIXING * (1.0 + (transpose ? -UPWIND : UPWIND)) / 8.0, down = sm->rho * MIXING * (1.0 - (transpose ? -UPWIND : UPWIND)) / 8.0;
  PetscScalar   **in, **out;
  Vec             ghosted;
  PetscInt        xs, ys, xm, ym;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalVector(sm->da, &ghosted));
  PetscCall(DMGlobalToLocal(sm->da, x, INSERT_VALUES, ghosted));
  PetscCall(DMDAGetCorners(sm->da, &xs, &ys, NULL, &xm, &ym, NULL));
  PetscCall(DMDAVecGetArrayRead(sm->da, ghosted, &in));
  PetscCall(DMDAVecGetArrayWrite(sm->da, y, &out));
  for (PetscInt j = ys; j < ys + ym; j++) {
    for (PetscInt i = xs; i < xs + xm; i++) out[j][i] = middle * in[j][i] + up * (in[j][i - 1] + in[j - 1][i]) + down * (in[j][i + 1] + in[j + 1][i]);
  }
  PetscCall(DMDAVecRestoreArrayWrite(sm->da, y, &out));
  PetscCall(DMDAVecRestoreArrayRead(sm->da, ghosted, &in));
  PetscCall(DMRestoreLocalVector(sm->da, &ghosted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Smoother           sm = (Smoother)ctx;
  const PetscReal    a = 1.0 - sm->rho, b = a * sm->rho * NONLINEAR;
  const PetscScalar *xx, *tt;
  PetscScalar       *yy;
  PetscInt           n;

  PetscFunctionBeginUser;
  (void)adj;
  PetscCall(Smooth(sm, PETSC_FALSE, x, y));
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &xx));
  PetscCall(VecGetArrayRead(theta, &tt));
  PetscCall(VecGetArray(y, &yy));
  for (PetscInt i = 0; i < n; i++) yy[i] += a * tt[i] * tt[i] - 0.5 * b * xx[i] * xx[i];
  PetscCall(VecRestoreArray(y, &yy));
  PetscCall(VecRestoreArrayRead(theta, &tt));
  PetscCall(VecRestoreArrayRead(x, &xx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = (dF/dtheta) in = 2 (1 - rho) theta in, with the conjugate for the transposed product */
static PetscErrorCode ScaleByTheta(Smoother sm, PetscBool conjugate, Vec theta, Vec in, Vec out)
{
  const PetscReal    a = 1.0 - sm->rho;
  const PetscScalar *tt, *ii;
  PetscScalar       *oo;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(in, &n));
  PetscCall(VecGetArrayRead(theta, &tt));
  PetscCall(VecGetArrayRead(in, &ii));
  PetscCall(VecGetArrayWrite(out, &oo));
  for (PetscInt i = 0; i < n; i++) oo[i] = 2.0 * a * (conjugate ? PetscConj(tt[i]) : tt[i]) * ii[i];
  PetscCall(VecRestoreArrayWrite(out, &oo));
  PetscCall(VecRestoreArrayRead(in, &ii));
  PetscCall(VecRestoreArrayRead(theta, &tt));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = (dF/dx) in, or its transpose */
static PetscErrorCode MultiplyState(Smoother sm, PetscBool transpose, Vec x, Vec in, Vec out)
{
  const PetscReal    b = (1.0 - sm->rho) * sm->rho * NONLINEAR;
  const PetscScalar *xx, *ii;
  PetscScalar       *oo;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(Smooth(sm, transpose, in, out));
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &xx));
  PetscCall(VecGetArrayRead(in, &ii));
  PetscCall(VecGetArray(out, &oo));
  for (PetscInt i = 0; i < n; i++) oo[i] -= b * (transpose ? PetscConj(xx[i]) : xx[i]) * ii[i];
  PetscCall(VecRestoreArray(out, &oo));
  PetscCall(VecRestoreArrayRead(in, &ii));
  PetscCall(VecRestoreArrayRead(x, &xx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Smoother sm = (Smoother)ctx;

  PetscFunctionBeginUser;
  (void)adj;
  if (xbar) PetscCall(MultiplyState(sm, PETSC_TRUE, x, w, xbar));
  if (thetabar) PetscCall(ScaleByTheta(sm, PETSC_TRUE, theta, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Smoother sm = (Smoother)ctx;
  Vec      part;

  PetscFunctionBeginUser;
  (void)adj;
  if (!xdot) {
    PetscCall(ScaleByTheta(sm, PETSC_FALSE, theta, thetadot, ydot));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MultiplyState(sm, PETSC_FALSE, x, xdot, ydot));
  if (!thetadot) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMGetGlobalVector(sm->da, &part));
  PetscCall(ScaleByTheta(sm, PETSC_FALSE, theta, thetadot, part));
  PetscCall(VecAXPY(ydot, 1.0, part));
  PetscCall(DMRestoreGlobalVector(sm->da, &part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Smoother  sm         = (Smoother)ctx;
  Vec       difference = xbar;
  PetscReal norm;
  PetscInt  n;

  PetscFunctionBeginUser;
  (void)adj;
  (void)theta;
  if (!xbar) PetscCall(DMGetGlobalVector(sm->da, &difference));
  PetscCall(VecGetSize(x, &n));
  PetscCall(VecWAXPY(difference, -1.0, sm->target, x));
  PetscCall(VecNorm(difference, NORM_2, &norm));
  *value = 0.5 * norm * norm / n;
  if (xbar)
    PetscCall(VecScale(xbar, 1.0 / n));
  else
    PetscCall(DMRestoreGlobalVector(sm->da, &difference));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The smoother must outlive it */
PetscErrorCode SmootherCreateADJ(Smoother sm, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(sm->comm, adj));
  PetscCall(ADJSetFixedPoint(*adj, Map, sm));
  PetscCall(ADJSetVJP(*adj, VJP, sm));
  PetscCall(ADJSetJVP(*adj, JVP, sm));
  PetscCall(ADJSetObjective(*adj, Objective, sm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* VJP against JVP, and that against differences of F; by an ADJ that sees no options */
PetscErrorCode SmootherTestProducts(Smoother sm)
{
  PetscReal xerror, thetaerror;
  ADJ       adj;
  Vec       x, theta;

  PetscFunctionBeginUser;
  PetscCall(SmootherCreateVecs(sm, &x, &theta));
  PetscCall(VecCopy(theta, x));
  PetscCall(SmootherCreateADJ(sm, &adj));
  PetscCall(ADJTestVJP(adj, theta, x, &xerror, &thetaerror));
  PetscCheck(PetscMax(xerror, thetaerror) <= 1e-8, sm->comm, PETSC_ERR_PLIB, "The products are off by %g in x and %g in theta", (double)xerror, (double)thetaerror);
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}
