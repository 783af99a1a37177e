/*
   The three iterations as maps F(x, theta), theta = log lambda, with their products.
*/
#include "lasso.h"

/* The threshold for this theta = log lambda; its derivative in theta is itself */
PetscErrorCode LassoSetThreshold(Lasso *p, Vec theta, PetscReal *threshold)
{
  const PetscScalar *t;

  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  *threshold = PetscExpReal(PetscRealPart(t[0])) * (p->method == FORWARD_BACKWARD ? p->step : 1.0 / p->c);
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscCall(ADJProxSetParameter(p->prox, *threshold));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LassoGetNumber(Vec thetadot, PetscReal *number)
{
  const PetscScalar *t;

  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(thetadot, &t));
  *number = PetscRealPart(t[0]);
  PetscCall(ADJParameterVecRestoreArrayRead(thetadot, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number that all processes have, as the gradient */
static PetscErrorCode SetNumber(Vec thetabar, PetscReal number)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(thetabar, number));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = in - a A^T A in */
static PetscErrorCode Forward(Lasso *p, Vec in, Vec out)
{
  PetscFunctionBeginUser;
  PetscCall(MatMult(p->A, in, p->rows));
  PetscCall(MatMultTranspose(p->A, p->rows, out));
  PetscCall(VecAYPX(out, -p->step, in));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The argument of the soft threshold at this state, in v[0]; for ADMM also u in v[1] */
PetscErrorCode LassoArgument(Lasso *p, Vec state, Vec *argument)
{
  Vec z, u;

  PetscFunctionBeginUser;
  *argument = p->v[0];
  if (p->method == FORWARD_BACKWARD) {
    PetscCall(Forward(p, state, p->v[0]));
    PetscCall(VecAXPY(p->v[0], p->step, p->Atb));
  } else if (p->method == DOUGLAS_RACHFORD)
    PetscCall(VecCopy(state, p->v[0]));
  else {
    PetscCall(VecGetSubVector(state, p->first, &z));
    PetscCall(VecGetSubVector(state, p->second, &u));
    PetscCall(VecWAXPY(p->v[1], -1.0, u, z));
    PetscCall(VecAYPX(p->v[1], p->c, p->Atb));
    PetscCall(KSPSolve(p->ksp, p->v[1], p->v[0]));
    PetscCall(VecAXPY(p->v[0], 1.0, u));
    PetscCall(VecRestoreSubVector(state, p->first, &z));
    PetscCall(VecRestoreSubVector(state, p->second, &u));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LassoMap(ADJ adj, Vec state, Vec theta, Vec y, void *ctx)
{
  Lasso    *p = (Lasso *)ctx;
  Vec       at, z, u;
  PetscReal t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoSetThreshold(p, theta, &t));
  PetscCall(LassoArgument(p, state, &at));
  if (p->method == FORWARD_BACKWARD)
    PetscCall(ADJProxApply(p->prox, at, y));
  else if (p->method == DOUGLAS_RACHFORD) {
    PetscCall(ADJProxApply(p->prox, at, p->v[1]));
    PetscCall(VecCopy(p->Atb, p->v[2]));
    PetscCall(VecAXPBYPCZ(p->v[2], 2.0 * p->c, -p->c, 1.0, p->v[1], at));
    PetscCall(KSPSolve(p->ksp, p->v[2], y));
    PetscCall(VecAXPBYPCZ(y, 1.0, -1.0, 1.0, at, p->v[1]));
  } else {
    PetscCall(VecGetSubVector(y, p->first, &z));
    PetscCall(VecGetSubVector(y, p->second, &u));
    PetscCall(ADJProxApply(p->prox, at, z));
    PetscCall(VecWAXPY(u, -1.0, z, at));
    PetscCall(VecRestoreSubVector(y, p->first, &z));
    PetscCall(VecRestoreSubVector(y, p->second, &u));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = S' in + dS/dtheta thetadot at the point v[0]; v[3] is used */
PetscErrorCode LassoShrinkJVP(Lasso *p, Vec in, PetscReal thetadot, PetscReal t, Vec out)
{
  PetscFunctionBeginUser;
  PetscCall(ADJProxJVP(p->prox, p->v[0], in, out));
  PetscCall(ADJProxJVPParameter(p->prox, p->v[0], t * thetadot, p->v[3]));
  PetscCall(VecAXPY(out, 1.0, p->v[3]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP_ADMM(Lasso *p, Vec xdot, PetscReal number, PetscReal t, Vec ydot)
{
  Vec z, u;

  PetscFunctionBeginUser;
  PetscCall(VecSet(p->v[2], 0.0));
  if (xdot) {
    PetscCall(VecGetSubVector(xdot, p->first, &z));
    PetscCall(VecGetSubVector(xdot, p->second, &u));
    PetscCall(VecWAXPY(p->v[1], -1.0, u, z));
    PetscCall(VecScale(p->v[1], p->c));
    PetscCall(KSPSolve(p->ksp, p->v[1], p->v[2]));
    PetscCall(VecAXPY(p->v[2], 1.0, u));
    PetscCall(VecRestoreSubVector(xdot, p->first, &z));
    PetscCall(VecRestoreSubVector(xdot, p->second, &u));
  }
  PetscCall(VecGetSubVector(ydot, p->first, &z));
  PetscCall(VecGetSubVector(ydot, p->second, &u));
  PetscCall(LassoShrinkJVP(p, p->v[2], number, t, z));
  PetscCall(VecWAXPY(u, -1.0, z, p->v[2]));
  PetscCall(VecRestoreSubVector(ydot, p->first, &z));
  PetscCall(VecRestoreSubVector(ydot, p->second, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LassoJVP(ADJ adj, Vec state, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Lasso    *p = (Lasso *)ctx;
  Vec       at;
  PetscReal t, number = 0.0;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoSetThreshold(p, theta, &t));
  PetscCall(LassoArgument(p, state, &at));
  if (thetadot) PetscCall(LassoGetNumber(thetadot, &number));
  if (p->method == ADMM) {
    PetscCall(JVP_ADMM(p, xdot, number, t, ydot));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecSet(p->v[1], 0.0));
  if (p->method == FORWARD_BACKWARD) {
    if (xdot) PetscCall(Forward(p, xdot, p->v[1]));
    PetscCall(LassoShrinkJVP(p, p->v[1], number, t, ydot));
  } else {
    if (xdot) PetscCall(VecCopy(xdot, p->v[1]));
    PetscCall(LassoShrinkJVP(p, p->v[1], number, t, p->v[2]));
    PetscCall(VecCopy(p->v[2], p->v[3]));
    PetscCall(VecAXPBY(p->v[3], -p->c, 2.0 * p->c, p->v[1]));
    PetscCall(KSPSolve(p->ksp, p->v[3], ydot));
    PetscCall(VecAXPBYPCZ(ydot, 1.0, -1.0, 1.0, p->v[1], p->v[2]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pullback of w through S at the point v[0]: out, and its part in theta */
PetscErrorCode LassoShrinkVJP(Lasso *p, Vec w, PetscReal t, Vec out, Vec thetabar)
{
  PetscReal pbar;

  PetscFunctionBeginUser;
  PetscCall(ADJProxVJP(p->prox, p->v[0], w, out));
  if (thetabar) {
    PetscCall(ADJProxVJPParameter(p->prox, p->v[0], w, &pbar));
    PetscCall(SetNumber(thetabar, t * pbar));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP_ADMM(Lasso *p, Vec w, PetscReal t, Vec xbar, Vec thetabar)
{
  Vec z, u;

  PetscFunctionBeginUser;
  PetscCall(VecGetSubVector(w, p->first, &z));
  PetscCall(VecGetSubVector(w, p->second, &u));
  PetscCall(VecWAXPY(p->v[1], -1.0, u, z));
  PetscCall(LassoShrinkVJP(p, p->v[1], t, p->v[2], thetabar));
  PetscCall(VecAXPY(p->v[2], 1.0, u));
  PetscCall(VecRestoreSubVector(w, p->first, &z));
  PetscCall(VecRestoreSubVector(w, p->second, &u));
  if (!xbar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSubVector(xbar, p->first, &z));
  PetscCall(VecGetSubVector(xbar, p->second, &u));
  PetscCall(KSPSolve(p->ksp, p->v[2], z));
  PetscCall(VecScale(z, p->c));
  PetscCall(VecWAXPY(u, -1.0, z, p->v[2]));
  PetscCall(VecRestoreSubVector(xbar, p->first, &z));
  PetscCall(VecRestoreSubVector(xbar, p->second, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A^T A + c I is symmetric: its own solver serves for the transposed */
PetscErrorCode LassoVJP(ADJ adj, Vec state, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Lasso    *p = (Lasso *)ctx;
  Vec       at;
  PetscReal t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoSetThreshold(p, theta, &t));
  PetscCall(LassoArgument(p, state, &at));
  if (p->method == ADMM)
    PetscCall(VJP_ADMM(p, w, t, xbar, thetabar));
  else if (p->method == FORWARD_BACKWARD) {
    PetscCall(LassoShrinkVJP(p, w, t, p->v[1], thetabar));
    if (xbar) PetscCall(Forward(p, p->v[1], xbar));
  } else {
    PetscCall(KSPSolve(p->ksp, w, p->v[1]));
    PetscCall(VecScale(p->v[1], p->c));
    PetscCall(VecWAXPY(p->v[2], -1.0, p->v[1], w));
    PetscCall(VecAXPY(p->v[1], -1.0, p->v[2]));
    PetscCall(LassoShrinkVJP(p, p->v[1], t, p->v[3], thetabar)); /* of 2 c K^{-1} w - w */
    if (xbar) PetscCall(VecWAXPY(xbar, 1.0, p->v[2], p->v[3]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
