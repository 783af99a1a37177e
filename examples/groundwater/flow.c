/*
   The discrete flow equations, their products and their matrix. Every kernel gathers: the value of a cell is computed by
   its owner from copies of the neighbours, so that nothing is added across processes.
*/
#include "cells.h"

/* Copy of a global vector with the neighbours of other processes; NULL stays NULL */
PetscErrorCode AquiferGetGhosted(Aquifer aq, Vec v, Vec *local, const PetscScalar **a)
{
  PetscFunctionBeginUser;
  *local = NULL;
  *a     = NULL;
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMGetLocalVector(aq->da, local));
  PetscCall(DMGlobalToLocalBegin(aq->da, v, INSERT_VALUES, *local));
  PetscCall(DMGlobalToLocalEnd(aq->da, v, INSERT_VALUES, *local));
  PetscCall(VecGetArrayRead(*local, a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferRestoreGhosted(Aquifer aq, Vec *local, const PetscScalar **a)
{
  PetscFunctionBeginUser;
  if (!*local) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecRestoreArrayRead(*local, a));
  PetscCall(DMRestoreLocalVector(aq->da, local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r = e^-theta with ghosts */
static PetscErrorCode AquiferGetResistance(Aquifer aq, Vec theta, Vec *local, const PetscScalar **r)
{
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(DMGetLocalVector(aq->da, local));
  PetscCall(DMGlobalToLocalBegin(aq->da, theta, INSERT_VALUES, *local));
  PetscCall(DMGlobalToLocalEnd(aq->da, theta, INSERT_VALUES, *local));
  PetscCall(VecGetArray(*local, &a));
  for (PetscInt i = 0; i < aq->patch.ghosted; i++) a[i] = PetscExpScalar(-a[i]);
  PetscCall(VecRestoreArray(*local, &a));
  PetscCall(VecGetArrayRead(*local, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* V C s log(1 + e^z), z = (h - level)/s; the exponential never overflows */
static inline PetscScalar Drain(Aquifer aq, PetscScalar h)
{
  const PetscScalar z        = (h - aq->drainlevel) / aq->drainscale;
  const PetscScalar softplus = PetscRealPart(z) > 0.0 ? z + PetscLogScalar(1.0 + PetscExpScalar(-z)) : PetscLogScalar(1.0 + PetscExpScalar(z));

  return aq->volume * aq->drainconductance * aq->drainscale * softplus;
}

/* Its derivative V C/(1 + e^-z) */
static inline PetscScalar DrainSlope(Aquifer aq, PetscScalar h)
{
  const PetscScalar z = (h - aq->drainlevel) / aq->drainscale;
  const PetscScalar e = PetscExpScalar(PetscRealPart(z) > 0.0 ? -z : z);

  return aq->volume * aq->drainconductance * (PetscRealPart(z) > 0.0 ? 1.0 : e) / (1.0 + e);
}

/* Its second derivative (V C/s)/((1 + e^-z) (1 + e^z)) */
static inline PetscScalar DrainCurvature(Aquifer aq, PetscScalar h)
{
  const PetscScalar z = (h - aq->drainlevel) / aq->drainscale;
  const PetscScalar e = PetscExpScalar(PetscRealPart(z) > 0.0 ? -z : z);

  return aq->volume * aq->drainconductance / aq->drainscale * e / ((1.0 + e) * (1.0 + e));
}

/* y = R(h, theta) */
PetscErrorCode AquiferResidual(ADJ adj, Vec h, Vec theta, Vec y, void *ctx)
{
  Aquifer             aq = (Aquifer)ctx;
  const AquiferPatch *g  = &aq->patch;
  const PetscScalar  *rr, *hh, *ss;
  PetscScalar        *yy;
  Vec                 rlocal, hlocal;
  Face                f;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(AquiferGetResistance(aq, theta, &rlocal, &rr));
  PetscCall(AquiferGetGhosted(aq, h, &hlocal, &hh));
  PetscCall(VecGetArrayRead(aq->source, &ss));
  PetscCall(VecGetArrayWrite(y, &yy));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscScalar sum = Drain(aq, hh[c.at]) - ss[c.own];

    for (PetscInt side = 0; side < 2 * aq->dim; side++)
      if (CellGetFace(aq, &c, side, rr, &f)) sum += f.T * CellJump(&c, &f, hh, f.head);
    yy[c.own] = sum;
  }
  PetscCall(VecRestoreArrayWrite(y, &yy));
  PetscCall(VecRestoreArrayRead(aq->source, &ss));
  PetscCall(AquiferRestoreGhosted(aq, &hlocal, &hh));
  PetscCall(AquiferRestoreGhosted(aq, &rlocal, &rr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ydot = R_h hdot + R_theta thetadot */
PetscErrorCode AquiferJVP(ADJ adj, Vec h, Vec theta, Vec hdot, Vec thetadot, Vec ydot, void *ctx)
{
  Aquifer             aq = (Aquifer)ctx;
  const AquiferPatch *g  = &aq->patch;
  const PetscScalar  *rr, *hh, *hd, *td;
  PetscScalar        *yy;
  Vec                 rlocal, hlocal, hdlocal, tdlocal;
  Face                f;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(AquiferGetResistance(aq, theta, &rlocal, &rr));
  PetscCall(AquiferGetGhosted(aq, h, &hlocal, &hh));
  PetscCall(AquiferGetGhosted(aq, hdot, &hdlocal, &hd));
  PetscCall(AquiferGetGhosted(aq, thetadot, &tdlocal, &td));
  PetscCall(VecGetArrayWrite(ydot, &yy));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscScalar sum = hd ? DrainSlope(aq, hh[c.at]) * hd[c.at] : 0.0;

    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      if (!CellGetFace(aq, &c, side, rr, &f)) continue;
      if (hd) sum += f.T * CellJump(&c, &f, hd, 0.0);
      if (td) sum += (f.Tp * td[c.at] + (f.q < 0 ? 0.0 : f.Tq * td[f.q])) * CellJump(&c, &f, hh, f.head);
    }
    yy[c.own] = sum;
  }
  PetscCall(VecRestoreArrayWrite(ydot, &yy));
  PetscCall(AquiferRestoreGhosted(aq, &tdlocal, &td));
  PetscCall(AquiferRestoreGhosted(aq, &hdlocal, &hd));
  PetscCall(AquiferRestoreGhosted(aq, &hlocal, &hh));
  PetscCall(AquiferRestoreGhosted(aq, &rlocal, &rr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   hbar = R_h^H w, where R_h is symmetric; thetabar = R_theta^H w, where a face adds dT/dtheta_p (h_p - h_q)(w_p - w_q)
   to the value of p
*/
PetscErrorCode AquiferVJP(ADJ adj, Vec h, Vec theta, Vec w, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer             aq = (Aquifer)ctx;
  const AquiferPatch *g  = &aq->patch;
  const PetscScalar  *rr, *hh, *ww;
  PetscScalar        *hb = NULL, *tb = NULL;
  Vec                 rlocal, hlocal, wlocal;
  Face                f;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(AquiferGetResistance(aq, theta, &rlocal, &rr));
  PetscCall(AquiferGetGhosted(aq, h, &hlocal, &hh));
  PetscCall(AquiferGetGhosted(aq, w, &wlocal, &ww));
  if (hbar) PetscCall(VecGetArrayWrite(hbar, &hb));
  if (thetabar) PetscCall(VecGetArrayWrite(thetabar, &tb));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscScalar hsum = hb ? PetscConj(DrainSlope(aq, hh[c.at])) * ww[c.at] : 0.0, tsum = 0.0;

    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      PetscScalar dw;

      if (!CellGetFace(aq, &c, side, rr, &f)) continue;
      dw = CellJump(&c, &f, ww, 0.0);
      hsum += PetscConj(f.T) * dw;
      if (tb) tsum += PetscConj(f.Tp * CellJump(&c, &f, hh, f.head)) * dw;
    }
    if (hb) hb[c.own] = hsum;
    if (tb) tb[c.own] = tsum;
  }
  if (thetabar) PetscCall(VecRestoreArrayWrite(thetabar, &tb));
  if (hbar) PetscCall(VecRestoreArrayWrite(hbar, &hb));
  PetscCall(AquiferRestoreGhosted(aq, &wlocal, &ww));
  PetscCall(AquiferRestoreGhosted(aq, &hlocal, &hh));
  PetscCall(AquiferRestoreGhosted(aq, &rlocal, &rr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Derivatives along (hdot, thetadot) of what a face adds to the VJP of cell p, see AquiferSecondVJP() */
static inline void FaceSecond(const Face *f, PetscScalar tp, PetscScalar tq, PetscScalar dh, PetscScalar dhdot, PetscScalar dw, PetscScalar *hbar, PetscScalar *tbar)
{
  const PetscScalar Tpp = f->Tp * (2.0 * f->Tp / f->T - 1.0), Tpq = 2.0 * f->Tp * f->Tq / f->T;

  *hbar += PetscConj(f->Tp * tp + f->Tq * tq) * dw;
  *tbar += PetscConj((Tpp * tp + Tpq * tq) * dh + f->Tp * dhdot) * dw;
}

/*
   Derivative of (R_h^H w, R_theta^H w) along (hdot, thetadot): of T (w_p - w_q) and dT/dtheta_p (h_p - h_q)(w_p - w_q) with
   d2T/dtheta_p^2 = T a (2 a - 1), d2T/dtheta_p dtheta_q = 2 T a b, where a = r_p/(r_p + r_q) = (dT/dtheta_p)/T, b = 1 - a
*/
PetscErrorCode AquiferSecondVJP(ADJ adj, Vec h, Vec theta, Vec w, Vec hdot, Vec thetadot, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer             aq  = (Aquifer)ctx;
  const AquiferPatch *g   = &aq->patch;
  const Vec           v[] = {h, w, hdot, thetadot};
  const PetscScalar  *rr, *a[4]; /* of these */
  PetscScalar        *hb, *tb;
  Vec                 rlocal, local[4];
  Face                f;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(AquiferGetResistance(aq, theta, &rlocal, &rr));
  for (PetscInt i = 0; i < 4; i++) PetscCall(AquiferGetGhosted(aq, v[i], &local[i], &a[i]));
  PetscCall(VecGetArrayWrite(hbar, &hb));
  PetscCall(VecGetArrayWrite(thetabar, &tb));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscScalar hsum = PetscConj(DrainCurvature(aq, a[0][c.at]) * a[2][c.at]) * a[1][c.at], tsum = 0.0;

    for (PetscInt side = 0; side < 2 * aq->dim; side++)
      if (CellGetFace(aq, &c, side, rr, &f)) FaceSecond(&f, a[3][c.at], f.q < 0 ? 0.0 : a[3][f.q], CellJump(&c, &f, a[0], f.head), CellJump(&c, &f, a[2], 0.0), CellJump(&c, &f, a[1], 0.0), &hsum, &tsum);
    hb[c.own] = hsum;
    tb[c.own] = tsum;
  }
  PetscCall(VecRestoreArrayWrite(thetabar, &tb));
  PetscCall(VecRestoreArrayWrite(hbar, &hb));
  for (PetscInt i = 3; i >= 0; i--) PetscCall(AquiferRestoreGhosted(aq, &local[i], &a[i]));
  PetscCall(AquiferRestoreGhosted(aq, &rlocal, &rr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* R_h is symmetric, and positive definite as long as everything is real */
PetscErrorCode AquiferCreateMatrix(Aquifer aq, Mat *P)
{
  PetscFunctionBeginUser;
  PetscCall(DMCreateMatrix(aq->da, P));
  PetscCall(MatSetOption(*P, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetOption(*P, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
#if !defined(PETSC_USE_COMPLEX)
  PetscCall(MatSetOption(*P, MAT_SPD, PETSC_TRUE));
  PetscCall(MatSetOption(*P, MAT_SPD_ETERNAL, PETSC_TRUE));
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P = R_h(h, theta) */
PetscErrorCode AquiferAssemble(Aquifer aq, Vec h, Vec theta, Mat P)
{
  const AquiferPatch *g = &aq->patch;
  const PetscScalar  *rr, *hh;
  Vec                 rlocal;
  Face                f;

  PetscFunctionBeginUser;
  PetscCall(AquiferGetResistance(aq, theta, &rlocal, &rr));
  PetscCall(VecGetArrayRead(h, &hh));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    const MatStencil row = {c.ijk[2], c.ijk[1], c.ijk[0], 0};
    MatStencil       column[7];
    PetscScalar      value[7];
    PetscInt         n = 1;

    column[0] = row;
    value[0]  = DrainSlope(aq, hh[c.own]);
    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      const PetscInt step = side % 2 ? 1 : -1;

      if (!CellGetFace(aq, &c, side, rr, &f)) continue;
      value[0] += f.T;
      if (f.q < 0) continue;
      value[n]  = -f.T;
      column[n] = row;
      if (side / 2 == 0)
        column[n].i += step;
      else if (side / 2 == 1)
        column[n].j += step;
      else
        column[n].k += step;
      n++;
    }
    PetscCall(MatSetValuesStencil(P, 1, &row, n, column, value, INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(h, &hh));
  PetscCall(AquiferRestoreGhosted(aq, &rlocal, &rr));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferLinearize(ADJ adj, Vec h, Vec theta, void *ctx)
{
  Aquifer aq = (Aquifer)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(AquiferAssemble(aq, h, theta, aq->P));
  PetscFunctionReturn(PETSC_SUCCESS);
}
