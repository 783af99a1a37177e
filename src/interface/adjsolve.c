/*
   The three solves, and what they left behind.
*/
#include <contragrad/private/adjimpl.h>

/*@
   ADJSolve - Finds the state x*(theta)

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
-  x     - initial guess, global length n

   Output Parameter:
.  x - the state

   Level: beginner

   Notes:
   A forward solve that fails is no error here, as in `SNESSolve()`: ask `ADJGetForwardReason()`. Its derivatives are
   refused, see `ADJSolveAdjoint()`.

   Copies of x and theta are kept for the derivatives: both vectors may be changed afterwards. The solution left in x
   is a good initial guess for the next theta.

   Errors:
   `PETSC_ERR_ORDER` if no problem was set; `PETSC_ERR_ARG_NOTSAMECOMM`, `PETSC_ERR_ARG_SIZ` if a vector does not fit.

.seealso: `ADJSolveAdjoint()`, `ADJSolveTangent()`, `ADJGetForwardReason()`, `ADJGetSNES()`
@*/
PetscErrorCode ADJSolve(ADJ adj, Vec theta, Vec x)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckVec_Private(adj, x, NULL, "The state x", NULL));
  PetscCheck(x != theta, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_IDN, "The state x and the parameters theta must be different vectors");
  PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetUp(adj));
  PetscCall(PetscLogEventBegin(ADJ_Forward, adj, theta, x, 0));
  PetscCall(ADJSolveForward_Private(adj, theta, x));
  PetscCall(PetscLogEventEnd(ADJ_Forward, adj, theta, x, 0));
  PetscCall(ADJMonitor_Private(adj, ADJ_PHASE_FORWARD, adj->state->its, adj->state->nhistory ? adj->state->history[adj->state->nhistory - 1] : 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What both derivatives have in common: the method between the two halves of the verdict */
static PetscErrorCode ADJSolveDerivative_Private(ADJ adj, ADJPhase phase, Vec in, Vec out)
{
  const PetscBool       adjoint = (PetscBool)(phase == ADJ_PHASE_ADJOINT);
  const PetscLogEvent   event   = adjoint ? ADJ_Adjoint : ADJ_Tangent;
  const ADJLinearSolve *rec     = adjoint ? &adj->state->adjoint : &adj->state->tangent;

  PetscFunctionBegin;
  PetscCall(ADJTrustBegin_Private(adj, phase));
  if (adjoint)
    adj->account->adjoint++;
  else
    adj->account->tangent++;
  PetscCall(PetscLogEventBegin(event, adj, in, out, 0));
  if (adjoint)
    PetscUseTypeMethod(adj, solveadjoint, in, out);
  else
    PetscUseTypeMethod(adj, solvetangent, in, out);
  PetscCall(PetscLogEventEnd(event, adj, in, out, 0));
  PetscCall(ADJMonitor_Private(adj, phase, rec->its, rec->residual));
  PetscCall(ADJTrustEnd_Private(adj, phase, in, out));
  PetscCall(ADJViewFromOptions(adj, NULL, "-adj_view"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pullback with its verdict, without the test of the gradient */
PetscErrorCode ADJSolveAdjoint_Private(ADJ adj, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckSolved_Private(adj, "ADJSolveAdjoint()"));
  PetscCall(ADJCheckVec_Private(adj, xbar, adj->state->x, "The cotangent xbar", "the state"));
  PetscCall(ADJCheckVec_Private(adj, thetabar, adj->state->theta, "The pullback thetabar", "the parameters"));
  PetscCheck(xbar != thetabar, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_IDN, "The cotangent xbar and its pullback thetabar must be different vectors");
  PetscCall(ADJSetUp(adj));
  PetscCheck(adj->vjp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No vector-Jacobian product, and no matrix that can be transposed: call ADJSetVJP() or ADJSetJacobian() before ADJSolveAdjoint(), or ADJSetSymmetric() if it is, or take differences, -adj_vjp_fd_color");
  if (adj->testvjp) PetscCall(ADJTestVJPFromOptions_Private(adj));
  adj->state->objectiveknown = PETSC_FALSE;
  PetscCall(ADJSolveDerivative_Private(adj, ADJ_PHASE_ADJOINT, xbar, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSolveAdjoint - Pulls a cotangent of the state back to the parameters: thetabar = (dx/dtheta)^T xbar

   Collective

   Input Parameters:
+  adj  - the context
-  xbar - cotangent of the state, v = dl/dx for an objective l, global length n

   Output Parameter:
.  thetabar - its pullback N^T M^{-T} xbar, global length m; overwritten

   Level: beginner

   Notes:
   Taken at the solution of the last `ADJSolve()`. It does not contain the direct derivative dl/dtheta of an objective
   that depends on theta itself: add it, or use `ADJSetObjective()`.

   Several cotangents may be pulled back after one forward solve. Types that take their products at the solution share one
   linearization.

   Before it returns the verdict is formed, see `ADJGetTrust()`. By default a refused derivative is an error, see
   `ADJSetTrustAction()`; after a forward solve that failed nothing is computed at all.

   Errors:
   `PETSC_ERR_ORDER` without an `ADJSolve()` before or without a VJP; `PETSC_ERR_ARG_SIZ`, `PETSC_ERR_ARG_NOTSAMECOMM`
   if a vector does not fit. For a refused derivative: `PETSC_ERR_NOT_CONVERGED` (forward or adjoint not converged),
   `PETSC_ERR_FP` (NaN or Inf), `PETSC_ERR_CONV_FAILED` (not contractive, singular, VJP inconsistent).

.seealso: `ADJSolve()`, `ADJSolveTangent()`, `ADJSetVJP()`, `ADJGetKSP()`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJSolveAdjoint(ADJ adj, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJSolveAdjoint_Private(adj, xbar, thetabar));
  if (adj->testgradient) PetscCall(ADJTestGradientFromOptions_Private(adj, xbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSolveTangent - Pushes a direction in the parameters forward to the state: xdot = dx/dtheta thetadot

   Collective

   Input Parameters:
+  adj      - the context
-  thetadot - direction in the parameters, global length m

   Output Parameter:
.  xdot - its image M^{-1} N thetadot, global length n; initial guess if the KSP is told to use it

   Level: beginner

   Note:
   Taken at the solution of the last `ADJSolve()`. Needs a JVP. The verdict is formed as in `ADJSolveAdjoint()`.

   Errors:
   As `ADJSolveAdjoint()`.

.seealso: `ADJSolve()`, `ADJSolveAdjoint()`, `ADJSetJVP()`, `ADJGetTangentKSP()`
@*/
PetscErrorCode ADJSolveTangent(ADJ adj, Vec thetadot, Vec xdot)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckSolved_Private(adj, "ADJSolveTangent()"));
  PetscCall(ADJCheckVec_Private(adj, thetadot, adj->state->theta, "The direction thetadot", "the parameters"));
  PetscCall(ADJCheckVec_Private(adj, xdot, adj->state->x, "The tangent xdot", "the state"));
  PetscCheck(thetadot != xdot, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_IDN, "The direction thetadot and its image xdot must be different vectors");
  PetscCall(ADJSetUp(adj));
  PetscCheck(adj->jvp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No Jacobian-vector product: call ADJSetJVP() or ADJSetJacobian() before ADJSolveTangent()");
  PetscCall(ADJSolveDerivative_Private(adj, ADJ_PHASE_TANGENT, thetadot, xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}
