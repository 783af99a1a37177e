/*
   Taylor test: along a random direction d, with a gradient g that is right,

       |J(theta + h d) - J(theta)|               = O(h)
       |J(theta + h d) - J(theta) - h <g, d>|    = O(h^2)

   where J is the objective, or the functional <xbar, x*(theta)>. The forward problem is solved to rounding level, in a
   state of the test's own, so that nothing of it is left in the object.
*/
#include "taylor.h"

/* Remainders for halved steps. The order is that of the smallest pair above the noise; 2 where there is none: J is linear along d */
static PetscErrorCode ADJTaylorRemainders_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *order)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscReal J, h = ADJ_TAYLOR_H, first, second, last = -1.0;
  char      text[32];

  PetscFunctionBegin;
  *order = 2.0;
  if (print) PetscCall(PetscPrintf(comm, "Taylor test of the gradient: J %.10g, directional derivative %.10g\n  %-12s %-14s %-14s %s\n", (double)t->J, (double)t->slope, "h", "|dJ|", "|dJ - h<g,d>|", "order"));
  for (PetscInt i = 0; i < ADJ_TAYLOR_STEPS; i++, h /= 2.0) {
    PetscCall(ADJTaylorEvaluate_Private(adj, t, h, &J));
    first  = PetscAbsReal(J - t->J);
    second = PetscAbsReal(J - t->J - h * t->slope);
    PetscCall(PetscStrncpy(text, "", sizeof(text)));
    if (second <= ADJTaylorNoise_Private(t, h))
      PetscCall(PetscStrncpy(text, "rounding", sizeof(text)));
    else if (last > 0.0) {
      *order = PetscLog2Real(last / second);
      PetscCall(PetscSNPrintf(text, sizeof(text), "%.3f", (double)*order));
    }
    if (print) PetscCall(PetscPrintf(comm, "  %-12.4e %-14.6e %-14.6e %s\n", (double)h, (double)first, (double)second, text));
    last = second;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaylorCentral_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *error)
{
  const PetscReal h = ADJ_TAYLOR_H_CENTRAL;
  PetscReal       Jp, Jm, diff, scale;

  PetscFunctionBegin;
  PetscCall(ADJTaylorEvaluate_Private(adj, t, h, &Jp));
  PetscCall(ADJTaylorEvaluate_Private(adj, t, -h, &Jm));
  diff   = (Jp - Jm) / (2.0 * h);
  scale  = PetscMax(PetscAbsReal(diff), PetscAbsReal(t->slope));
  *error = scale > 0.0 ? PetscAbsReal(diff - t->slope) / scale : 0.0;
  if (print) PetscCall(PetscPrintf(PetscObjectComm((PetscObject)adj), "  central difference (h %g) %.10g, relative error %.2e: %s\n", (double)h, (double)diff, (double)*error, *error <= ADJ_TAYLOR_TOL ? "the gradient is right" : "the gradient is WRONG, or the state is not smooth in theta here"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaylorRun_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *order, PetscReal *error)
{
  PetscFunctionBegin;
  PetscCall(ADJTaylorReference_Private(adj, t));
  PetscCall(ADJTaylorEvaluate_Private(adj, t, 0.0, &t->J));
  PetscCall(ADJTaylorGradient_Private(adj, t));
  if (!adj->program && adj->steps < 0) PetscCall(VecCopy(t->x, t->x0)); /* else J, or its gradient, depends on the initial guess */
  PetscCall(ADJTaylorRemainders_Private(adj, t, print, order));
  PetscCall(ADJTaylorCentral_Private(adj, t, print, error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whatever happens in the test, the object is put back: else it would go on testing, and judge no more */
static PetscErrorCode ADJTestGradient_Private(ADJ adj, Vec theta, Vec x, Vec xbar, PetscBool print, PetscReal *order, PetscReal *error)
{
  ADJSaved       saved;
  ADJTaylor      t;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJTaylorCreate_Private(adj, theta, x, xbar, &t));
  PetscCall(ADJTestPush_Private(adj, &saved));
  ierr = ADJTaylorRun_Private(adj, &t, print, order, error);
  PetscCall(ADJTaylorDestroy_Private(&t));
  PetscCall(ADJTestPop_Private(adj, &saved, ierr));
  if (!adj->state->theta) PetscCall(ADJPutParameters_Private(adj, theta)); /* of no solve yet */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTestGradient - Taylor test of the gradient, through the whole forward solve

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
.  x     - initial guess of the state, global length n; not changed
-  xbar  - tests J(theta) = <xbar, x*(theta)>; `NULL` tests the objective of `ADJSetObjective()`

   Output Parameters:
+  order - of the remainder |J(theta + h d) - J(theta) - h <g, d>| as h is halved: 2 if the gradient is right, 1 if it is not
-  error - of <g, d> against a central difference of J, relative

   Options Database Key:
.  -adj_test_gradient - makes the test once, after the first gradient, and prints the remainders

   Level: beginner

   Notes:
   The direction d is half random, half along the gradient, of the size of the parameters. The forward problem is
   solved eight times, to rounding level. Where the remainder lies at rounding level from the start J is linear along
   d, and the order is given as 2.

   No state, result, counter, tolerance or random stream of the user changes; only the iteration numbers that the
   children themselves report are those of the test.

   Errors:
   `PETSC_ERR_ORDER` without a VJP, or without an objective if xbar is `NULL`; `PETSC_ERR_NOT_CONVERGED` if a forward
   solve does not get close enough.

.seealso: `ADJTestVJP()`, `ADJSolveAdjoint()`, `ADJSetObjective()`
@*/
PetscErrorCode ADJTestGradient(ADJ adj, Vec theta, Vec x, Vec xbar, PetscReal *order, PetscReal *error)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->vjp || !adj->setupcalled, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCheck(xbar || adj->objective, comm, PETSC_ERR_ORDER, "Nothing to test: give a cotangent xbar, or call ADJSetObjective() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckState_Private(adj, x));
  if (xbar) PetscCall(ADJCheckVec_Private(adj, xbar, x, "The cotangent xbar", "the state"));
  if (!adj->sol) PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetUp(adj)); /* which may make products of matrices */
  PetscCheck(adj->vjp, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCall(ADJTestGradient_Private(adj, theta, x, xbar, PETSC_FALSE, order, error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -adj_test_gradient: once, at the state of the first gradient; the steps of a program begin where they did */
PetscErrorCode ADJTestGradientFromOptions_Private(ADJ adj, Vec xbar)
{
  PetscReal      order, error;
  Vec            x0;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (adj->gradienttested) PetscFunctionReturn(PETSC_SUCCESS);
  adj->gradienttested = PETSC_TRUE;
  PetscCall(VecDuplicate(adj->state->x, &x0));
  PetscCall(VecCopy(adj->state->x, x0));
  ierr = adj->program && adj->state->its ? ADJTrajectoryLoadState_Private(adj->state->trajectory, 0, x0) : PETSC_SUCCESS;
  if (!ierr) ierr = ADJTestGradient_Private(adj, adj->state->theta, x0, xbar, PETSC_TRUE, &order, &error);
  PetscCall(VecDestroy(&x0));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
