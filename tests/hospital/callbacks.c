/*
   The functions of a patient, with its disease.
*/
#include <math.h>
#include "hospital.h"

/* y_i <- curve(u_i), or its slope */
static PetscErrorCode ApplyCurve(Curve curve, PetscReal s, PetscBool slope, Vec u, Vec y)
{
  const PetscScalar *in;
  PetscScalar       *out;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(u, &n));
  PetscCall(VecGetArrayRead(u, &in));
  PetscCall(VecGetArray(y, &out));
  for (PetscInt i = 0; i < n; i++) out[i] = slope ? CurveSlope(curve, s, in[i]) : CurveValue(curve, s, in[i]);
  PetscCall(VecRestoreArray(y, &out));
  PetscCall(VecRestoreArrayRead(u, &in));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c->u = A x + B tau(theta) + c */
static PetscErrorCode ComputeArgument(Case *c, Vec x, Vec theta)
{
  PetscFunctionBeginUser;
  PetscCall(ApplyCurve(c->patient->tau, c->patient->t, PETSC_FALSE, theta, c->tt));
  PetscCall(MatMultAdd(c->B, c->tt, c->c, c->u));
  PetscCall(MatMultAdd(c->A, x, c->u, c->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether this process is the last one that has entries of v */
static PetscErrorCode IsLast(Vec v, PetscBool *last)
{
  PetscInt lo, hi, n;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  *last = (PetscBool)(hi == n && lo < hi);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On the last process v <- factor v, or one entry becomes NaN */
static PetscErrorCode SpoilLast(Vec v, PetscReal factor)
{
  PetscScalar *a;
  PetscInt     n;
  PetscBool    last = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(IsLast(v, &last));
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(VecGetArray(v, &a));
  for (PetscInt i = 0; last && i < n; i++) a[i] *= i == 0 || !PetscIsInfOrNanReal(factor) ? factor : 1.0;
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out_i += a in_i, i = n/2; out += a (sum of in) e_i if the vectors differ in length */
static PetscErrorCode SpoilEntry(Vec in, PetscReal a, Vec out)
{
  PetscInt     n, lo, hi, N;
  PetscScalar *y, sum;

  PetscFunctionBeginUser;
  PetscCall(VecSum(in, &sum));
  PetscCall(VecGetSize(in, &N));
  PetscCall(VecGetSize(out, &n));
  PetscCall(VecGetOwnershipRange(out, &lo, &hi));
  if (n == N) {
    const PetscScalar *x;

    PetscCall(VecGetArrayRead(in, &x));
    sum = n / 2 >= lo && n / 2 < hi ? x[n / 2 - lo] : 0.0;
    PetscCall(VecRestoreArrayRead(in, &x));
  }
  PetscCall(VecGetArray(out, &y));
  if (n / 2 >= lo && n / 2 < hi) y[n / 2 - lo] += a * sum;
  PetscCall(VecRestoreArray(out, &y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddNoise(Case *c, Vec y)
{
  PetscInt     lo, hi;
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(y, &lo, &hi));
  PetscCall(VecGetArray(y, &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] += 1e-9 * PetscSinReal(17.0 * c->calls + 5.0 * i * i);
  PetscCall(VecRestoreArray(y, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CaseMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Case *c = (Case *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  c->calls++;
  PetscCall(ComputeArgument(c, x, theta));
  PetscCall(ApplyCurve(c->patient->curve, c->patient->s, PETSC_FALSE, c->u, y));
  if (c->patient->disease == NOISE) PetscCall(AddNoise(c, y));
  if (c->patient->residual) PetscCall(VecAYPX(y, -1.0, x));
  if (c->patient->disease == NAN_MAP && c->calls > 3) PetscCall(SpoilLast(y, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CaseLinearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Case *c = (Case *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  if (c->linearized) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ComputeArgument(c, x, theta));
  PetscCall(VecCopy(c->u, c->first));
  c->linearized = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c->u <- g'(u) */
static PetscErrorCode ComputeSlope(Case *c, Vec x, Vec theta)
{
  const Patient *p = c->patient;

  PetscFunctionBeginUser;
  PetscCall(ComputeArgument(c, x, theta));
  if (p->disease == STALE) PetscCall(VecCopy(c->first, c->u));
  if (p->disease == SELECTION) PetscCall(VecScale(c->u, -1.0));
  PetscCall(ApplyCurve(p->curve, p->s, PETSC_TRUE, c->u, c->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c->w = g'(u)^H w */
static PetscErrorCode PullCurve(Case *c, Vec x, Vec theta, Vec w)
{
  PetscFunctionBeginUser;
  PetscCall(ComputeSlope(c, x, theta));
  if (c->patient->disease != UNCONJUGATED) PetscCall(VecConjugate(c->u));
  PetscCall(VecPointwiseMult(c->w, c->u, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xbar = A^H g'(u)^H w, but for the disease */
static PetscErrorCode PullX(Case *c, Vec w, Vec xbar)
{
  const Disease disease = c->patient->disease;
  const Vec     pulled  = disease == MISSING_X ? w : c->w;

  PetscFunctionBeginUser;
  if (disease == UNTRANSPOSED)
    PetscCall(MatMult(c->A, pulled, xbar));
  else if (disease == UNCONJUGATED)
    PetscCall(MatMultTranspose(c->A, pulled, xbar));
  else
    PetscCall(MatMultHermitianTranspose(disease == HALO ? c->inner : c->A, pulled, xbar));
  if (c->patient->residual) PetscCall(VecAYPX(xbar, -1.0, w));
  if (disease == SIGN_X) PetscCall(VecScale(xbar, -1.0));
  if (disease == PERCENT_X) PetscCall(VecScale(xbar, 1.01));
  if (disease == RANK_X) PetscCall(SpoilLast(xbar, 1.5));
  if (disease == ENTRY_X) PetscCall(SpoilEntry(w, 0.5, xbar));
  if (disease == TRACE_X) PetscCall(SpoilEntry(w, 5e-5, xbar));
  if (disease == NAN_VJP_X) PetscCall(SpoilLast(xbar, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = tau'(theta)^H B^H g'(u)^H w, but for the disease */
static PetscErrorCode PullTheta(Case *c, Vec theta, Vec w, Vec thetabar)
{
  const Patient *p = c->patient;

  PetscFunctionBeginUser;
  PetscCall(MatMultHermitianTranspose(c->B, p->disease == ORDER ? c->last : c->w, thetabar));
  PetscCall(ApplyCurve(p->tau, p->t, PETSC_TRUE, theta, c->tt));
  PetscCall(VecConjugate(c->tt));
  if (p->disease != MISSING_THETA) PetscCall(VecPointwiseMult(thetabar, c->tt, thetabar));
  if (p->residual) PetscCall(VecScale(thetabar, -1.0));
  if (p->disease == SIGN_THETA) PetscCall(VecScale(thetabar, -1.0));
  if (p->disease == PERCENT_THETA) PetscCall(VecScale(thetabar, 1.01));
  if (p->disease == RANK_THETA) PetscCall(SpoilLast(thetabar, 1.5));
  if (p->disease == ENTRY_THETA) PetscCall(SpoilEntry(w, 0.5, thetabar));
  if (p->disease == NAN_VJP_THETA) PetscCall(SpoilLast(thetabar, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CaseVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Case         *c       = (Case *)ctx;
  const Disease disease = c->patient->disease;
  Vec           before  = NULL, out;

  (void)adj;
  PetscFunctionBeginUser;
  out = disease == ADDS_X ? xbar : (disease == ADDS_THETA ? thetabar : NULL);
  if (out) {
    PetscCall(VecDuplicate(out, &before));
    PetscCall(VecCopy(out, before));
  }
  PetscCall(PullCurve(c, x, theta, w));
  if (xbar) PetscCall(PullX(c, w, xbar));
  if (xbar && !thetabar && disease == NEEDS_BOTH) PetscCall(VecSet(xbar, 0.0));
  if (thetabar) PetscCall(PullTheta(c, theta, w, thetabar));
  PetscCall(VecCopy(c->w, c->last));
  if (out) PetscCall(VecAXPY(out, 1.0, before));
  PetscCall(VecDestroy(&before));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CaseJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Case          *c = (Case *)ctx;
  const Patient *p = c->patient;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ComputeSlope(c, x, theta));
  PetscCall(VecSet(c->w, 0.0));
  if (xdot) PetscCall(MatMult(c->A, xdot, c->w));
  if (xdot && p->disease == JVP_X) PetscCall(VecScale(c->w, 1.1));
  PetscCall(VecSet(ydot, 0.0));
  if (thetadot) {
    PetscCall(ApplyCurve(p->tau, p->t, PETSC_TRUE, theta, c->tt));
    PetscCall(VecPointwiseMult(c->tt, c->tt, thetadot));
    PetscCall(MatMult(c->B, c->tt, ydot));
    if (p->disease == JVP_THETA) PetscCall(VecScale(ydot, 1.1));
  }
  PetscCall(VecPointwiseMult(ydot, c->u, ydot));
  if (p->disease != JVP_MISSING_X) PetscCall(VecPointwiseMult(c->w, c->u, c->w));
  PetscCall(VecAXPY(ydot, 1.0, c->w));
  if (p->residual) PetscCall(VecScale(ydot, -1.0));
  if (p->residual && xdot) PetscCall(VecAXPY(ydot, 1.0, xdot));
  if (p->disease == NAN_JVP) PetscCall(SpoilLast(ydot, NAN));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = Re <v, x> + |x|^2/4 + Re <q, theta>, q a wave */
PetscErrorCode CaseObjective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Case         *c       = (Case *)ctx;
  const Disease disease = c->patient->disease;
  PetscScalar   vx, qt;
  PetscReal     norm;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecDot(x, c->v, &vx));
  PetscCall(VecNorm(x, NORM_2, &norm));
  PetscCall(VecSetWave(c->tt, 9));
  PetscCall(VecDot(theta, c->tt, &qt));
  *f = PetscRealPart(vx) + 0.25 * PetscSqr(norm) + PetscRealPart(qt);
  if (disease == NAN_OBJECTIVE) *f = NAN;
  if (xbar) {
    PetscCall(VecCopy(c->v, xbar));
    if (disease != OBJECTIVE_X) PetscCall(VecAXPY(xbar, 0.5, x));
    if (disease == OBJECTIVE_SIGN) PetscCall(VecScale(xbar, -1.0));
    if (disease == NAN_OBJECTIVE_X) PetscCall(SpoilLast(xbar, NAN));
  }
  if (thetabar) {
    PetscCall(VecCopy(c->tt, thetabar));
    if (disease == OBJECTIVE_THETA) PetscCall(VecSet(thetabar, 0.0));
    if (disease == NAN_OBJECTIVE_THETA) PetscCall(SpoilLast(thetabar, NAN));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
