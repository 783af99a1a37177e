/*
   The solution that belongs to a state, and the validation loss.
*/
#include "lasso.h"

/* The solution that belongs to a state */
PetscErrorCode LassoSolution(Lasso *p, Vec state, Vec theta, Vec x)
{
  Vec       z;
  PetscReal t;

  PetscFunctionBeginUser;
  PetscCall(LassoSetThreshold(p, theta, &t));
  if (p->method == FORWARD_BACKWARD)
    PetscCall(VecCopy(state, x));
  else if (p->method == DOUGLAS_RACHFORD)
    PetscCall(ADJProxApply(p->prox, state, x));
  else {
    PetscCall(VecGetSubVector(state, p->first, &z));
    PetscCall(VecCopy(z, x));
    PetscCall(VecRestoreSubVector(state, p->first, &z));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LassoSolutionTangent(Lasso *p, Vec state, Vec theta, Vec statedot, Vec xdot)
{
  Vec       z;
  PetscReal t;

  PetscFunctionBeginUser;
  PetscCall(LassoSetThreshold(p, theta, &t));
  if (p->method == FORWARD_BACKWARD)
    PetscCall(VecCopy(statedot, xdot));
  else if (p->method == DOUGLAS_RACHFORD) {
    PetscCall(VecCopy(state, p->v[0]));
    PetscCall(LassoShrinkJVP(p, statedot, 1.0, t, xdot));
  } else {
    PetscCall(VecGetSubVector(statedot, p->first, &z));
    PetscCall(VecCopy(z, xdot));
    PetscCall(VecRestoreSubVector(statedot, p->first, &z));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |A' x - b'|^2/2 of other rows A', b' */
PetscErrorCode LassoLoss(ADJ adj, Vec state, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Lasso    *p = (Lasso *)ctx;
  Vec       z;
  PetscReal t, norm;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoSolution(p, state, theta, p->v[2]));
  PetscCall(MatMult(p->Avalid, p->v[2], p->rvalid));
  PetscCall(VecAXPY(p->rvalid, -1.0, p->bvalid));
  PetscCall(VecNorm(p->rvalid, NORM_2, &norm));
  *f = 0.5 * PetscSqr(norm);
  PetscCall(MatMultTranspose(p->Avalid, p->rvalid, p->columns));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  if (p->method == DOUGLAS_RACHFORD) {
    PetscCall(LassoSetThreshold(p, theta, &t));
    PetscCall(VecCopy(state, p->v[0]));
    PetscCall(LassoShrinkVJP(p, p->columns, t, p->v[1], thetabar));
    if (xbar) PetscCall(VecCopy(p->v[1], xbar));
  } else if (xbar && p->method == FORWARD_BACKWARD)
    PetscCall(VecCopy(p->columns, xbar));
  else if (xbar) {
    PetscCall(VecSet(xbar, 0.0));
    PetscCall(VecGetSubVector(xbar, p->first, &z));
    PetscCall(VecCopy(p->columns, z));
    PetscCall(VecRestoreSubVector(xbar, p->first, &z));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Central difference of the loss in log lambda */
PetscErrorCode LassoDifferenceOfLoss(ADJ adj, Vec theta, PetscReal h, PetscReal *slope)
{
  PetscReal plus, minus;

  PetscFunctionBeginUser;
  *slope = 0.0;
  PetscCall(VecShift(theta, h));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &plus, NULL));
  PetscCall(VecShift(theta, -2.0 * h));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &minus, NULL));
  PetscCall(VecShift(theta, h));
  *slope = 0.5 * (plus - minus) / h;
  PetscFunctionReturn(PETSC_SUCCESS);
}
