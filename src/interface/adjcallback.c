/*
   Every call of a user's function goes through here: it is counted, timed, and put into one notation for both forms,

       fixed point:  r = x - F,  M = I - dF/dx,  N =  dF/dtheta
       residual:     r = R,      M = dR/dx,      N = -dR/dtheta

   so that dx/dtheta = M^{-1} N.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/kspimpl.h>
#include <petsc/private/pcimpl.h>

/*
   PETSc locks the argument of what it calls (in debug builds, later in all), and leaves it locked if that fails. After an
   error of the user's function the context is to work again: passes the error on, with that one lock of v taken off.
*/
PetscErrorCode ADJUnlock_Private(PetscErrorCode ierr, Vec v)
{
  PetscInt locks = 0;

  PetscFunctionBegin;
  if (ierr && v) {
    PetscCall(VecLockGet(v, &locks));
    if (locks > 0) PetscCall(VecLockReadPop(v));
  }
  PetscFunctionReturn(ierr);
}

/* An error that some processes may not have seen */
PetscErrorCode ADJRaiseOnAll_Private(ADJ adj, PetscErrorCode ierr)
{
  PetscMPIInt code = (PetscMPIInt)ierr;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &code, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
  PetscCheck(!code, PetscObjectComm((PetscObject)adj), (PetscErrorCode)code, "A function of the user failed while the Jacobian was looked at");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   After an error in a solve the KSP counts its preconditioner as busy, and refuses to work from the second time on; its
   right-hand side is locked, and so are work vectors below a matrix that is not ours. Passes the error on, with all undone,
   on this process alone if need be. The preconditioner keeps what it has; viewers of the KSP are lost
*/
PetscErrorCode ADJRecoverKSP_Private(PetscErrorCode ierr, KSP ksp)
{
  PC pc = ksp->pc;

  PetscFunctionBegin;
  if (!ierr) PetscFunctionReturn(PETSC_SUCCESS);
  if (pc) pc->presolvedone = 0;
  ierr    = ADJUnlock_Private(ierr, ksp->vec_rhs);
  ksp->pc = NULL;
  PetscCall(KSPReset(ksp));
  ksp->pc = pc;
  PetscFunctionReturn(ierr);
}

/* y = F(x, theta) or R(x, theta) */
PetscErrorCode ADJComputeMap_Private(ADJ adj, Vec x, Vec theta, Vec y)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCall(PetscLogEventBegin(ADJ_Map, adj, x, theta, y));
  PetscCallBack("ADJ map", (*adj->map)(adj, x, theta, y, adj->mapctx));
  PetscCall(ADJVecTouched_Private(y));
  PetscCall(PetscLogEventEnd(ADJ_Map, adj, x, theta, y));
  adj->account->map++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJComputeResidual_Private(ADJ adj, Vec x, Vec theta, Vec r)
{
  PetscFunctionBegin;
  PetscCall(ADJComputeMap_Private(adj, x, theta, r));
  if (adj->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(r, -1.0, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJComputeVJP_Private(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCall(PetscLogEventBegin(ADJ_VJP, adj, x, theta, w));
  PetscCallBack("ADJ vector-Jacobian product", (*adj->vjp)(adj, x, theta, w, xbar, thetabar, adj->vjpctx));
  PetscCall(ADJVecTouched_Private(xbar));
  PetscCall(ADJVecTouched_Private(thetabar));
  PetscCall(PetscLogEventEnd(ADJ_VJP, adj, x, theta, w));
  if (xbar) adj->account->vjp_x++;
  if (thetabar) adj->account->vjp_theta++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJComputeJVP_Private(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCall(PetscLogEventBegin(ADJ_JVP, adj, x, theta, ydot));
  PetscCallBack("ADJ Jacobian-vector product", (*adj->jvp)(adj, x, theta, xdot, thetadot, ydot, adj->jvpctx));
  PetscCall(ADJVecTouched_Private(ydot));
  PetscCall(PetscLogEventEnd(ADJ_JVP, adj, x, theta, ydot));
  adj->account->jvp++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l(x, theta), with its derivatives where they are wanted */
PetscErrorCode ADJComputeObjective_Private(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCallBack("ADJ objective", (*adj->objective)(adj, x, theta, f, xbar, thetabar, adj->objectivectx));
  PetscCall(ADJVecTouched_Private(xbar));
  PetscCall(ADJVecTouched_Private(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = A_s in, or A_s^T in, at the point of the last linearization */
PetscErrorCode ADJComputeSelection_Private(ADJ adj, PetscBool transpose, PetscInt s, Vec in, Vec out)
{
  ADJSelectionFn     *fn    = transpose ? adj->selectionvjp : adj->selectionjvp;
  const PetscLogEvent event = transpose ? ADJ_VJP : ADJ_JVP;

  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, adj->lin_theta));
  PetscCall(PetscLogEventBegin(event, adj, in, out, 0));
  PetscCallBack("ADJ product with a selection", (*fn)(adj, s, adj->lin_x, adj->lin_theta, in, out, adj->selectionctx));
  PetscCall(ADJVecTouched_Private(out));
  PetscCall(PetscLogEventEnd(event, adj, in, out, 0));
  if (transpose)
    adj->account->vjp_x++;
  else
    adj->account->jvp++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Moves the shells to (x, theta), which they borrow */
PetscErrorCode ADJLinearize_Private(ADJ adj, Vec x, Vec theta)
{
  PetscFunctionBegin;
  adj->lin_x     = x;
  adj->lin_theta = theta;
  adj->linearizations++;
  PetscCall(ADJPutParameters_Private(adj, theta));
  if (adj->linearize || (adj->inforce && adj->inforce->update) || adj->parameterupdate) {
    PetscCall(PetscLogEventBegin(ADJ_Linearize, adj, x, theta, 0));
    if (adj->linearize) PetscCallBack("ADJ linearization", (*adj->linearize)(adj, x, theta, adj->linearizectx));
    PetscCall(ADJUpdateMatrices_Private(adj));
    PetscCall(PetscLogEventEnd(ADJ_Linearize, adj, x, theta, 0));
    adj->account->linearize++;
  }
  if (adj->M) PetscCall(PetscObjectStateIncrease((PetscObject)adj->M));
  if (adj->MT) PetscCall(PetscObjectStateIncrease((PetscObject)adj->MT));
  if (adj->AT) PetscCall(PetscObjectStateIncrease((PetscObject)adj->AT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Matrices of the user's may be used by others too: a later solve, another ADJ */
PetscErrorCode ADJMatricesMoved_Private(ADJ adj, PetscBool *moved)
{
  PetscObjectState state[2] = {0, 0};
  PetscMPIInt      differs;

  PetscFunctionBegin;
  *moved = PETSC_FALSE;
  if (!adj->inforce || !adj->inforce->update) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetMatrixState_Private(adj->inforce, state));
  differs = state[0] != adj->matrixstate[0] || state[1] != adj->matrixstate[1];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
  *moved = differs ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each forward solve, however many derivatives are taken there, unless somebody else used the matrices since */
PetscErrorCode ADJLinearizeAtSolution_Private(ADJ adj)
{
  PetscBool moved;

  PetscFunctionBegin;
  if (adj->state->linearized) {
    PetscCall(ADJPutParameters_Private(adj, adj->state->theta)); /* a check that failed, or another ADJ, may have left others */
    PetscCall(ADJMatricesMoved_Private(adj, &moved));
    if (adj->state->linearized && !moved) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJLinearize_Private(adj, adj->state->x, adj->state->theta));
  adj->state->linearized = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A Newton solve with a Jacobian lagged over several solves may ask for products before it has linearized */
static PetscErrorCode ADJEnsureLinearized_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj->lin_x) PetscCall(ADJLinearize_Private(adj, adj->state->x, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M^T w, and thetabar = N^T w if it is not NULL */
PetscErrorCode ADJApplyMT_Private(ADJ adj, Vec w, Vec y, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJEnsureLinearized_Private(adj));
  PetscCall(ADJComputeVJP_Private(adj, adj->lin_x, adj->lin_theta, w, y, thetabar));
  if (adj->form == ADJ_FIXED_POINT) {
    if (y) PetscCall(VecAYPX(y, -1.0, w));
  } else if (thetabar)
    PetscCall(VecScale(thetabar, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M xdot */
PetscErrorCode ADJApplyM_Private(ADJ adj, Vec xdot, Vec y)
{
  PetscFunctionBegin;
  PetscCall(ADJEnsureLinearized_Private(adj));
  PetscCall(ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, xdot, NULL, y));
  if (adj->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(y, -1.0, xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = N thetadot */
PetscErrorCode ADJApplyN_Private(ADJ adj, Vec thetadot, Vec y)
{
  PetscFunctionBegin;
  PetscCall(ADJEnsureLinearized_Private(adj));
  PetscCall(ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, NULL, thetadot, y));
  if (adj->form == ADJ_RESIDUAL) PetscCall(VecScale(y, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}
