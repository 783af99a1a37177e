static char help[] = "A gradient that is refused at a trial point rejects the step; where no step is left that is the reason.\n\n";

/*
   nsize: 1 2
   requires: real
*/
#include <contragrad.h>
#include "tap.h"

#define TARGET 1.0
#define OFFSET 100.0 /* of the objective: the first step of blmvm, 2 f/|g|, is far too long */

/* R = x - theta; the VJP is NaN where some theta exceeds the limit */
typedef struct {
  PetscReal limit;
} Context;

static PetscErrorCode Residual(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(y, -1.0, theta, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscReal most;

  (void)adj;
  (void)x;
  PetscFunctionBeginUser;
  PetscCall(VecMax(theta, NULL, &most));
  if (xbar) PetscCall(VecCopy(w, xbar));
  if (thetabar) {
    PetscCall(VecCopy(w, thetabar));
    PetscCall(VecScale(thetabar, -1.0));
    if (most > ((Context *)ctx)->limit) PetscCall(VecSet(thetabar, NAN));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Vec       d;
  PetscReal norm;

  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &d));
  PetscCall(VecCopy(x, d));
  PetscCall(VecShift(d, -TARGET));
  PetscCall(VecNorm(d, NORM_2, &norm));
  if (f) *f = OFFSET + 0.5 * norm * norm;
  if (xbar) PetscCall(VecCopy(d, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From theta = 0 */
static PetscErrorCode Run(PetscReal limit, PetscReal *error, TaoConvergedReason *reason, ADJTrust *refusal, PetscInt *rejected)
{
  Context context = {limit};
  ADJ     adj;
  Tao     tao;
  Vec     x, theta;

  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 5, &x));
  PetscCall(VecDuplicate(x, &theta));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetResidual(adj, Residual, NULL));
  PetscCall(ADJSetVJP(adj, VJP, &context));
  PetscCall(ADJSetObjective(adj, Objective, NULL));
  PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJMinimize(adj, theta));
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(TaoGetConvergedReason(tao, reason));
  PetscCall(ADJGetRefusal(adj, refusal));
  PetscCall(ADJGetRejected(adj, rejected));
  PetscCall(VecShift(theta, -TARGET));
  PetscCall(VecNorm(theta, NORM_INFINITY, error));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscReal          error;
  TaoConvergedReason reason;
  ADJTrust           refusal;
  PetscInt           rejected;
  int                failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(Run(3.0, &error, &reason, &refusal, &rejected));
  PetscCall(TapOk((PetscBool)(rejected > 0), "the first step leads where the gradient is refused, %" PetscInt_FMT " times", rejected));
  PetscCall(TapOk((PetscBool)(reason > 0 && refusal == ADJ_TRUST_NONE), "the optimizer goes on: %s", TaoConvergedReasons[reason]));
  PetscCall(TapBelow(error, 1e-6, "to the minimum"));
  PetscCall(Run(0.0, &error, &reason, &refusal, &rejected));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER && refusal == ADJ_TRUST_REFUTED_NOT_FINITE), "where every step is refused it stops: %s, %s", TaoConvergedReasons[reason], ADJTrusts[refusal]));
  PetscCall(TapClose(error, TARGET, 1e-12, "at the last good parameters"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
