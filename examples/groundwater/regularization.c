/*
   What the wells do not say of theta, times the weight a:

     tikhonov   1/2 int |theta - theta_0|^2      theta_0 the field to start from
     h1         1/2 int |grad theta|^2
     tv         int (sqrt(|grad theta|^2 + s^2) - s)      Rudin, Osher, Fatemi 1992, smoothed

   With d_pq = theta_p - theta_q the square of the gradient in cell p is 1/2 sum_q d_pq^2/dx^2 over its faces, and
   phi_p = sqrt(|grad theta|_p^2 + s^2).
*/
#include "cells.h"

/*
   By cell u = 1/phi, and along thetadot v = (d phi)/phi^2 = u^3/2 sum_q d_pq ddot_pq/dx^2; adds a V sum_p (phi_p - s) to *f.
   Without thetadot there is no v
*/
static PetscErrorCode TotalVariation(Aquifer aq, Vec theta, Vec thetadot, Vec u, Vec v, PetscReal *f)
{
  const AquiferPatch *g = &aq->patch;
  const PetscScalar  *t, *td;
  PetscScalar        *uu, *vv = NULL;
  Vec                 local, dlocal;
  PetscInt            q;

  PetscFunctionBeginUser;
  PetscCall(AquiferGetGhosted(aq, theta, &local, &t));
  PetscCall(AquiferGetGhosted(aq, thetadot, &dlocal, &td));
  PetscCall(VecGetArrayWrite(u, &uu));
  if (v) PetscCall(VecGetArrayWrite(v, &vv));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscReal square = PetscSqr(aq->regscale), product = 0.0, phi;

    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      const PetscReal weight = 0.5 * aq->coefficient[side / 2] / aq->volume;

      if (!CellHasNeighbour(g, &c, side, &q)) continue;
      square += weight * PetscSqr(PetscAbsScalar(t[c.at] - t[q]));
      if (td) product += weight * PetscRealPart(PetscConj(t[c.at] - t[q]) * (td[c.at] - td[q]));
    }
    phi       = PetscSqrtReal(square);
    uu[c.own] = 1.0 / phi;
    if (vv) vv[c.own] = product / (phi * square);
    if (f) *f += aq->regweight * aq->volume * (phi - aq->regscale);
  }
  if (v) PetscCall(VecRestoreArrayWrite(v, &vv));
  PetscCall(VecRestoreArrayWrite(u, &uu));
  PetscCall(AquiferRestoreGhosted(aq, &dlocal, &td));
  PetscCall(AquiferRestoreGhosted(aq, &local, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   out_p += a V/dx^2 sum_q (x_p - x_q) (u_p + u_q)/2, a Laplacian with the diffusivity u, 1 if there is none; with y and v less
   a V/dx^2 sum_q (y_p - y_q) (v_p + v_q)/2
*/
static PetscErrorCode AddDiffusion(Aquifer aq, Vec x, Vec u, Vec y, Vec v, Vec out)
{
  const AquiferPatch *g        = &aq->patch;
  const Vec           global[] = {x, u, y, v};
  const PetscScalar  *a[4];
  PetscScalar        *o;
  Vec                 local[4];
  PetscInt            q;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 4; i++) PetscCall(AquiferGetGhosted(aq, global[i], &local[i], &a[i]));
  PetscCall(VecGetArray(out, &o));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      const PetscReal weight = aq->regweight * aq->coefficient[side / 2];

      if (!CellHasNeighbour(g, &c, side, &q)) continue;
      o[c.own] += weight * (a[0][c.at] - a[0][q]) * (u ? 0.5 * (a[1][c.at] + a[1][q]) : 1.0);
      if (v) o[c.own] -= weight * (a[2][c.at] - a[2][q]) * 0.5 * (a[3][c.at] + a[3][q]);
    }
  }
  PetscCall(VecRestoreArray(out, &o));
  for (PetscInt i = 3; i >= 0; i--) PetscCall(AquiferRestoreGhosted(aq, &local[i], &a[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds this process's part of the value to *f, and the derivative to thetabar, unless NULL */
static PetscErrorCode AddTikhonov(Aquifer aq, Vec theta, PetscReal *f, Vec thetabar)
{
  const PetscReal    weight = aq->regweight * aq->volume;
  const PetscScalar *t, *t0;
  PetscScalar       *tb = NULL;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArrayRead(aq->theta, &t0));
  if (thetabar) PetscCall(VecGetArray(thetabar, &tb));
  for (PetscInt own = 0; own < aq->patch.owned; own++) {
    *f += 0.5 * weight * PetscSqr(PetscAbsScalar(t[own] - t0[own]));
    if (tb) tb[own] += weight * (t[own] - t0[own]);
  }
  if (thetabar) PetscCall(VecRestoreArray(thetabar, &tb));
  PetscCall(VecRestoreArrayRead(aq->theta, &t0));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A quadratic is half the product of its argument and its derivative */
static PetscErrorCode AddSmoothness(Aquifer aq, Vec theta, PetscReal *f, Vec thetabar)
{
  const AquiferPatch *g = &aq->patch;
  const PetscScalar  *t;
  Vec                 local;
  PetscInt            q;

  PetscFunctionBeginUser;
  PetscCall(AquiferGetGhosted(aq, theta, &local, &t));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    for (PetscInt side = 0; side < 2 * aq->dim; side++) /* each cell takes one half of its faces */
      if (CellHasNeighbour(g, &c, side, &q)) *f += 0.25 * aq->regweight * aq->coefficient[side / 2] * PetscSqr(PetscAbsScalar(t[c.at] - t[q]));
  }
  PetscCall(AquiferRestoreGhosted(aq, &local, &t));
  if (thetabar) PetscCall(AddDiffusion(aq, theta, NULL, NULL, NULL, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds this process's part of the value to *f, and the derivative to thetabar, unless NULL */
PetscErrorCode AquiferAddRegularization(Aquifer aq, Vec theta, PetscReal *f, Vec thetabar)
{
  Vec u;

  PetscFunctionBeginUser;
  switch (aq->regtype) {
  case AQUIFER_TIKHONOV:
    PetscCall(AddTikhonov(aq, theta, f, thetabar));
    break;
  case AQUIFER_H1:
    PetscCall(AddSmoothness(aq, theta, f, thetabar));
    break;
  case AQUIFER_TV:
    PetscCall(DMGetGlobalVector(aq->da, &u));
    PetscCall(TotalVariation(aq, theta, NULL, u, NULL, f));
    if (thetabar) PetscCall(AddDiffusion(aq, theta, u, NULL, NULL, thetabar));
    PetscCall(DMRestoreGlobalVector(aq->da, &u));
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the product of its Hessian with thetadot */
PetscErrorCode AquiferAddRegularizationHessian(Aquifer aq, Vec theta, Vec thetadot, Vec thetabar)
{
  Vec u, v;

  PetscFunctionBeginUser;
  switch (aq->regtype) {
  case AQUIFER_TIKHONOV:
    PetscCall(VecAXPY(thetabar, aq->regweight * aq->volume, thetadot));
    break;
  case AQUIFER_H1:
    PetscCall(AddDiffusion(aq, thetadot, NULL, NULL, NULL, thetabar));
    break;
  case AQUIFER_TV:
    PetscCall(DMGetGlobalVector(aq->da, &u));
    PetscCall(DMGetGlobalVector(aq->da, &v));
    PetscCall(TotalVariation(aq, theta, thetadot, u, v, NULL));
    PetscCall(AddDiffusion(aq, thetadot, u, theta, v, thetabar));
    PetscCall(DMRestoreGlobalVector(aq->da, &v));
    PetscCall(DMRestoreGlobalVector(aq->da, &u));
    break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
