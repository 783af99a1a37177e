/*
   A problem with a closed form whose functions can be told to fail: by NaN on the last process alone, or by an error
   code on all. With coefficients d and c of the length n of the state, and m parameters,

       residual:     R(x, theta) = d x - c sum(theta)               (componentwise)
       fixed point:  F(x, theta) = x - R(x, theta)                  (its Jacobian in x is diag(1 - d))

   x* = c sum(theta)/d, and the pullback of xbar has the entries sum_i c_i xbar_i/d_i, all equal.
*/
#ifndef CONTRAGRAD_FAULTY_H
#define CONTRAGRAD_FAULTY_H

#include <math.h>
#include <contragrad.h>
#include "tap.h"

typedef enum { IN_MAP,
               IN_VJP_X,
               IN_VJP_THETA,
               IN_JVP_X,
               IN_JVP_THETA,
               IN_LINEARIZE,
               IN_OBJECTIVE_X,
               IN_OBJECTIVE_THETA,
               IN_OBJECTIVE_VALUE,
               IN_MONITOR,
               NOWHERE } FaultyPlace;

typedef struct {
  ADJ            adj;
  PetscOptions   options; /* of this problem alone */
  ADJForm        form;
  Vec            d, c;
  Vec            x, theta, xbar, thetabar, thetadot, xdot;
  PetscReal      jvpsign; /* -1: a JVP that is wrong */
  FaultyPlace    place;   /* where it fails, */
  PetscInt       first;   /* from this call on, counted from 1, */
  PetscInt       last;    /* to this one, */
  PetscErrorCode code;    /* with this error on all processes; 0: with NaN on the last process */
  PetscInt       calls[NOWHERE];
} Faulty;

static inline PetscErrorCode FaultyPoison(Vec v)
{
  PetscMPIInt  rank, size;
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(VecGetArray(v, &a));
  if (rank == size - 1) a[0] = NAN;
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyStrike(Faulty *p, FaultyPlace place, Vec v)
{
  PetscFunctionBeginUser;
  p->calls[place]++;
  if (place != p->place || p->calls[place] < p->first || p->calls[place] > p->last) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!p->code, PETSC_COMM_WORLD, p->code, "This function was told to fail");
  if (v) PetscCall(FaultyPoison(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Calls are counted from here on */
static inline PetscErrorCode FaultyArm(Faulty *p, FaultyPlace place, PetscInt first, PetscInt last, PetscErrorCode code)
{
  PetscFunctionBeginUser;
  p->place = place;
  p->first = first;
  p->last  = last;
  p->code  = code;
  PetscCall(PetscMemzero(p->calls, sizeof(p->calls)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyDisarm(Faulty *p)
{
  PetscFunctionBeginUser;
  PetscCall(FaultyArm(p, NOWHERE, 0, 0, PETSC_SUCCESS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Faulty     *p = (Faulty *)ctx;
  PetscScalar sum;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecSum(theta, &sum));
  PetscCall(VecPointwiseMult(y, p->d, x));
  PetscCall(VecAXPY(y, -sum, p->c));
  if (p->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(y, -1.0, x));
  PetscCall(FaultyStrike(p, IN_MAP, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Faulty     *p = (Faulty *)ctx;
  PetscScalar dot;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecPointwiseMult(xbar, p->d, w));
    if (p->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(xbar, -1.0, w));
    PetscCall(FaultyStrike(p, IN_VJP_X, xbar));
  }
  if (thetabar) {
    PetscCall(VecDot(w, p->c, &dot));
    PetscCall(VecSet(thetabar, p->form == ADJ_FIXED_POINT ? dot : -dot));
    PetscCall(FaultyStrike(p, IN_VJP_THETA, thetabar));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Faulty     *p = (Faulty *)ctx;
  PetscScalar sum;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) {
    PetscCall(VecPointwiseMult(ydot, p->d, xdot));
    PetscCall(VecScale(ydot, p->jvpsign));
    if (p->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(ydot, -1.0, xdot));
    PetscCall(FaultyStrike(p, IN_JVP_X, ydot));
  }
  if (thetadot) {
    PetscCall(VecSum(thetadot, &sum));
    PetscCall(VecAXPY(ydot, p->form == ADJ_FIXED_POINT ? sum : -sum, p->c));
    PetscCall(FaultyStrike(p, IN_JVP_THETA, ydot));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyLinearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(FaultyStrike((Faulty *)ctx, IN_LINEARIZE, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyMonitor(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx)
{
  (void)adj;
  (void)phase;
  (void)its;
  (void)rnorm;
  PetscFunctionBeginUser;
  PetscCall(FaultyStrike((Faulty *)ctx, IN_MONITOR, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = Re sum(x) + Re sum(theta) */
static inline PetscErrorCode FaultyObjective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Faulty     *p = (Faulty *)ctx;
  PetscScalar sumx, sumtheta;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecSum(x, &sumx));
  PetscCall(VecSum(theta, &sumtheta));
  *f = PetscRealPart(sumx + sumtheta);
  PetscCall(FaultyStrike(p, IN_OBJECTIVE_VALUE, NULL));
  if (p->place == IN_OBJECTIVE_VALUE && !p->code) *f = NAN;
  if (xbar) {
    PetscCall(VecSet(xbar, 1.0));
    PetscCall(FaultyStrike(p, IN_OBJECTIVE_X, xbar));
  }
  if (thetabar) {
    PetscCall(VecSet(thetabar, 1.0));
    PetscCall(FaultyStrike(p, IN_OBJECTIVE_THETA, thetabar));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyCreateVec(PetscInt n, PetscInt N, Vec *v)
{
  PetscFunctionBeginUser;
  PetscCall(VecCreate(PETSC_COMM_WORLD, v));
  PetscCall(VecSetSizes(*v, n, N));
  PetscCall(VecSetFromOptions(*v));
  PetscCall(VecSet(*v, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A vector of global length N in which the first process has as much as it can */
static inline PetscErrorCode FaultyCreateLopsidedVec(PetscInt N, Vec *v)
{
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(FaultyCreateVec(rank ? 1 : N - size + 1, N, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyCreateSelfVec(PetscInt N, Vec *v)
{
  PetscFunctionBeginUser;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, N, v));
  PetscCall(VecSet(*v, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v_i = a + (b - a) i/N */
static inline PetscErrorCode FaultyRamp(Vec v, PetscReal a, PetscReal b)
{
  PetscInt lo, hi, N;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(v, &N));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, a + (b - a) * (PetscReal)i / (PetscReal)N, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultySetEntry(Vec v, PetscInt i, PetscScalar value)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) PetscCall(VecSetValue(v, i, value, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors and coefficients of a well-behaved problem; 1 - d lies between 0.2 and 0.6 */
static inline PetscErrorCode FaultyCreateVecs(Faulty *p, PetscInt n, PetscInt m)
{
  PetscFunctionBeginUser;
  PetscCall(FaultyCreateVec(PETSC_DECIDE, n, &p->x));
  PetscCall(FaultyCreateVec(PETSC_DECIDE, m, &p->theta));
  PetscCall(VecDuplicate(p->x, &p->d));
  PetscCall(VecDuplicate(p->x, &p->c));
  PetscCall(VecDuplicate(p->x, &p->xbar));
  PetscCall(VecDuplicate(p->x, &p->xdot));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecDuplicate(p->theta, &p->thetadot));
  PetscCall(FaultyRamp(p->d, 0.4, 0.8));
  PetscCall(FaultyRamp(p->theta, 1.0, 2.0));
  PetscCall(VecSet(p->c, 1.0));
  PetscCall(VecSet(p->xbar, 1.0));
  PetscCall(VecSet(p->thetadot, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All functions are set, and the options of the string, which are seen by this problem alone */
static inline PetscErrorCode FaultyCreate(Faulty *p, ADJForm form, PetscInt n, const char options[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->form    = form;
  p->jvpsign = 1.0;
  PetscCall(FaultyDisarm(p));
  PetscCall(FaultyCreateVecs(p, n, 7));
  PetscCall(PetscOptionsCreate(&p->options));
  PetscCall(PetscOptionsInsertString(p->options, options));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(PetscObjectSetOptions((PetscObject)p->adj, p->options));
  if (form == ADJ_FIXED_POINT) PetscCall(ADJSetFixedPoint(p->adj, FaultyMap, p));
  if (form == ADJ_RESIDUAL) PetscCall(ADJSetResidual(p->adj, FaultyMap, p));
  PetscCall(ADJSetVJP(p->adj, FaultyVJP, p));
  PetscCall(ADJSetJVP(p->adj, FaultyJVP, p));
  PetscCall(ADJSetLinearize(p->adj, FaultyLinearize, p));
  PetscCall(ADJSetObjective(p->adj, FaultyObjective, p));
  PetscCall(ADJMonitorSet(p->adj, FaultyMonitor, p, NULL));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyDestroyVecs(Faulty *p)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&p->d));
  PetscCall(VecDestroy(&p->c));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->xbar));
  PetscCall(VecDestroy(&p->thetabar));
  PetscCall(VecDestroy(&p->thetadot));
  PetscCall(VecDestroy(&p->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyDestroy(Faulty *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(PetscOptionsDestroy(&p->options));
  PetscCall(FaultyDestroyVecs(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pullback of xbar in closed form */
static inline PetscErrorCode FaultyGradient(Faulty *p, PetscReal *g)
{
  Vec         q;
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &q));
  PetscCall(VecPointwiseDivide(q, p->xbar, p->d));
  PetscCall(VecDot(q, p->c, &dot));
  PetscCall(VecDestroy(&q));
  *g = PetscRealPart(dot);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that thetabar holds the closed form */
static inline PetscErrorCode FaultyTapGradient(Faulty *p, const char what[])
{
  PetscReal g = 0.0, norm;
  Vec       diff;

  PetscFunctionBeginUser;
  PetscCall(FaultyGradient(p, &g));
  PetscCall(VecDuplicate(p->thetabar, &diff));
  PetscCall(VecCopy(p->thetabar, diff));
  PetscCall(VecShift(diff, -g));
  PetscCall(VecNorm(diff, NORM_INFINITY, &norm));
  PetscCall(VecDestroy(&diff));
  PetscCall(TapBelow(norm, 1e-6 * PetscAbsReal(g), "%s: the gradient is that of the closed form", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts the verdict on every process */
static inline PetscErrorCode FaultyTapTrust(Faulty *p, ADJTrust expected, const char what[])
{
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == expected), "%s: the verdict is %s", what, ADJTrusts[expected]));
  if (verdict != expected) PetscCall(TapDiag("the verdict is %s", ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that the derivative was not refused, and that nothing was left open if that is `expected` */
static inline PetscErrorCode FaultyTapTrustAtLeast(Faulty *p, ADJTrust expected, const char what[])
{
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict >= expected), "%s: the verdict is at least %s", what, ADJTrusts[expected]));
  if (verdict < expected) PetscCall(TapDiag("the verdict is %s", ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FaultyDerivative(Faulty *p, ADJPhase phase)
{
  PetscFunctionBeginUser;
  if (phase == ADJ_PHASE_ADJOINT)
    PetscCall(ADJSolveAdjoint(p->adj, p->xbar, p->thetabar));
  else
    PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that the derivative is refused with that error, and handed out with that verdict where refusals are ignored */
static inline PetscErrorCode FaultyTapRefused(Faulty *p, ADJPhase phase, PetscErrorCode code, ADJTrust verdict, const char what[])
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(TapError(code, FaultyDerivative(p, phase), "%s: %s refused", what, phase == ADJ_PHASE_ADJOINT ? "gradient" : "tangent"));
  PetscCall(FaultyTapTrust(p, verdict, what));
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TapError(PETSC_SUCCESS, FaultyDerivative(p, phase), "%s: the refusal is ignored", what));
  PetscCall(FaultyTapTrust(p, verdict, what));
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_ERROR));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that forward solve and adjoint do what they should when nothing fails */
static inline PetscErrorCode FaultyTapGood(Faulty *p, ADJTrust expected, const char what[])
{
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(FaultyDisarm(p));
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJGetForwardReason(p->adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s: the next forward solve converges", what));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: the next adjoint solve returns", what));
  PetscCall(FaultyTapTrustAtLeast(p, expected, what));
  PetscCall(FaultyTapGradient(p, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
