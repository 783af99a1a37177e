/*
   docs/optimization.md: the objective, then ADJMinimize() or a Tao. Square roots that are to have given values.

   nsize: 1 2 4
   args: -tao_gatol 1e-9 -tao_grtol 0 -adj_tao_gatol 1e-9 -adj_tao_grtol 0 -adj_forward_snes_rtol 1e-13
   requires: !complex
*/
#include <contragrad.h>
#include "tap.h"

typedef struct {
  PetscReal root; /* that all components of x should have */
} AppCtx;

/* x_i^2 = theta_i by x <- x - (x^2 - theta)/8 */
static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(y, x, x));
  PetscCall(VecAXPBYPCZ(y, 1.0, 0.125, -0.125, x, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecPointwiseMult(xbar, x, w));
    PetscCall(VecAXPBY(xbar, 1.0, -0.25, w));
  }
  if (thetabar) PetscCall(VecAXPBY(thetabar, 0.125, 0.0, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |x - root|^2/2 */
static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Vec       d;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecCopy(x, d));
  PetscCall(VecShift(d, -((AppCtx *)ctx)->root));
  PetscCall(VecNorm(d, NORM_2, &norm));
  *f = 0.5 * norm * norm;
  if (xbar) PetscCall(VecCopy(d, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the minimum dl/dx = 0: the last adjoint is no guess for the next one */
static PetscErrorCode Check(Tao tao, Vec theta, PetscReal root, const char name[])
{
  TaoConvergedReason reason;
  PetscReal          error;

  PetscFunctionBeginUser;
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s: %s", name, TaoConvergedReasons[reason]));
  PetscCall(VecShift(theta, -root * root));
  PetscCall(VecNorm(theta, NORM_INFINITY, &error));
  PetscCall(TapBelow(error, 1e-6, "%s: the minimizer is the square", name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {1.5};
  ADJ    adj;
  Tao    tao;
  Vec    x, theta;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(VecCreate(PETSC_COMM_WORLD, &x));
  PetscCall(VecSetSizes(x, PETSC_DECIDE, 3));
  PetscCall(VecSetFromOptions(x));
  PetscCall(VecDuplicate(x, &theta));
  PetscCall(VecSet(x, 1.0));
  PetscCall(VecSet(theta, 1.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, Map, NULL));
  PetscCall(ADJSetVJP(adj, VJP, NULL));

#include "optimization.inc"

  PetscCall(TapBegin());
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(Check(tao, theta, 1.5, "ADJMinimize()"));
  PetscCall(VecSet(x, 1.0));
  PetscCall(VecSet(theta, 1.0));
  user.root = 1.25;

#include "optimization_tao.inc"

  PetscCall(Check(tao, theta, 1.25, "TaoSolve()"));
  failed = TapEnd();
  PetscCall(TaoDestroy(&tao));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(PetscFinalize());
  return failed;
}
