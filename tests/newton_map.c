static char help[] = "One step of Newton's method as the map F: one-step differentiation is exact, as dF/dx = 0 at the root.\n\n";

/*
   nsize: 1 2
   args: -adj_steps 9 -adj_ksp_rtol 1e-13 -adj_tangent_ksp_rtol 1e-13
*/
#include "problems.h"

/* y = (x + theta/x)/2 */
static PetscErrorCode Heron(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseDivide(y, theta, x));
  PetscCall(VecAXPY(y, 1.0, x));
  PetscCall(VecScale(y, 0.5));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xbar = conj(1 - theta/x^2)/2 w, thetabar = conj(1/x)/2 w */
static PetscErrorCode HeronVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecPointwiseDivide(xbar, theta, x));
    PetscCall(VecPointwiseDivide(xbar, xbar, x));
    PetscCall(VecScale(xbar, -1.0));
    PetscCall(VecShift(xbar, 1.0));
    PetscCall(VecScale(xbar, 0.5));
    PetscCall(VecConjugate(xbar));
    PetscCall(VecPointwiseMult(xbar, xbar, w));
  }
  if (thetabar) {
    PetscCall(VecCopy(x, thetabar));
    PetscCall(VecConjugate(thetabar));
    PetscCall(VecPointwiseDivide(thetabar, w, thetabar));
    PetscCall(VecScale(thetabar, 0.5));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode HeronJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Vec work;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &work));
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) {
    PetscCall(VecPointwiseDivide(work, theta, x));
    PetscCall(VecPointwiseDivide(work, work, x));
    PetscCall(VecScale(work, -0.5));
    PetscCall(VecShift(work, 0.5));
    PetscCall(VecPointwiseMult(ydot, work, xdot));
  }
  if (thetadot) {
    PetscCall(VecPointwiseDivide(work, thetadot, x));
    PetscCall(VecAXPY(ydot, 0.5, work));
  }
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Gradient(const char type[], Vec theta, Vec x, Vec v, Vec thetabar, Vec xdot, ADJTrustReport *report)
{
  ADJ adj;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, Heron, NULL));
  PetscCall(ADJSetVJP(adj, HeronVJP, NULL));
  PetscCall(ADJSetJVP(adj, HeronJVP, NULL));
  PetscCall(ADJSetType(adj, type));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSet(x, 1.0));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveTangent(adj, theta, xdot));
  PetscCall(ADJSolveAdjoint(adj, v, thetabar));
  PetscCall(ADJGetTrustReport(adj, report));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Vec            theta, x, v, xdot[2], thetabar[2];
  PetscInt       n = 0;
  PetscReal      error;
  ADJTrustReport report;
  int            failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, LAYOUT_UNEVEN, 11, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, 11, &theta));
  PetscCall(VecSetWave(theta, 3));
  PetscCall(VecShift(theta, 2.0));
  PetscCall(VecDuplicate(theta, &x));
  PetscCall(VecDuplicate(theta, &v));
  PetscCall(VecSetWave(v, 4));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDuplicate(theta, &xdot[i]));
    PetscCall(VecDuplicate(theta, &thetabar[i]));
  }
  PetscCall(Gradient(ADJIMPLICIT, theta, x, v, thetabar[0], xdot[0], &report));
  PetscCall(Gradient(ADJONESTEP, theta, x, v, thetabar[1], xdot[1], &report));
  PetscCall(VecDistance(thetabar[1], thetabar[0], &error));
  PetscCall(TapBelow(error, 1e-10, "pullback: one-step = implicit"));
  PetscCall(VecDistance(xdot[1], xdot[0], &error));
  PetscCall(TapBelow(error, 1e-10, "pushforward: one-step = implicit"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "verdict %s, estimated error %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_GRADIENT].value));
  PetscCall(TapBelow(report.check[ADJ_CHECK_GRADIENT].value, 1e-6, "the estimated error is small"));
  /* x* = sqrt(theta): xdot = theta/(2 sqrt(theta)) = x/2 */
  PetscCall(VecScale(x, 0.5));
  PetscCall(VecDistance(xdot[1], x, &error));
  PetscCall(TapBelow(error, 1e-10, "closed form"));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&v));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&xdot[i]));
    PetscCall(VecDestroy(&thetabar[i]));
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
