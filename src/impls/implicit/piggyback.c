/*
   Piggyback adjoint, one-shot: the adjoint is iterated alongside the state,

       x_{t+1} = F(x_t, theta),   w_{t+1} = v(x_t) + A(x_t)^T w_t,   v = dl/dx, A = dF/dx,

   until both have converged. What the adjoint solver then finds to do at the solution is nothing, or little.
*/
#include "implicit.h"

#define ADJ_PIGGYBACK_PATIENCE 10 /* steps in which w comes no closer, as at rounding level: the adjoint solver does the rest */

/* Only the plain iteration makes w converge, at the rate of x; and v must be known on the way */
PetscErrorCode ADJPiggybackBegin_Private(ADJ adj)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscCall(ADJRequirePlainIteration_Private(adj));
  PetscCheck(adj->objective, comm, PETSC_ERR_ORDER, "The piggyback adjoint needs the objective on the way to the solution: call ADJSetObjective(), or leave out -adj_piggyback");
  PetscCheck(adj->vjp, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCheck(adj->steps < 0, comm, PETSC_ERR_SUP, "The piggyback adjoint iterates until it has converged: leave out -adj_steps, or -adj_piggyback");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One step of w at iterate `it` of the state. A state that has converged goes on as long as w has not, and still comes closer */
PetscErrorCode ADJPiggybackStep_Private(ADJ adj, PetscInt it, Vec x, SNESConvergedReason *reason)
{
  ADJ_Implicit *impl = (ADJ_Implicit *)adj->data;
  Vec           next;
  PetscReal     f, vnorm, dnorm, rtol;

  PetscFunctionBegin;
  PetscCall(ADJCreateAdjoint_Private(adj));
  if (!impl->v) {
    PetscCall(VecDuplicate(adj->r, &impl->v));
    PetscCall(VecDuplicate(adj->r, &impl->wnext));
  }
  if (it == 0 && adj->wspoilt) PetscCall(VecSet(adj->w, 0.0));
  PetscCall(ADJComputeObjective_Private(adj, x, adj->state->theta, &f, impl->v, NULL));
  PetscCall(ADJLinearize_Private(adj, x, adj->state->theta));
  PetscCall(ADJComputeVJP_Private(adj, x, adj->state->theta, adj->w, impl->wnext, NULL));
  adj->lin_x = adj->lin_theta = NULL; /* x is the solver's */
  PetscCall(VecAXPY(impl->wnext, 1.0, impl->v));
  PetscCall(VecAXPY(adj->w, -1.0, impl->wnext));
  PetscCall(VecNorm(adj->w, NORM_2, &dnorm));
  PetscCall(VecNorm(impl->v, NORM_2, &vnorm));
  if (it == 0) impl->best = PETSC_INFINITY;
  if (*reason > 0) { /* only now w is alone on its way */
    impl->stagnant = dnorm < impl->best ? 0 : impl->stagnant + 1;
    impl->best     = PetscMin(impl->best, dnorm);
  }
  next         = impl->wnext;
  impl->wnext  = adj->w;
  adj->w       = next;
  adj->wspoilt = (PetscBool)PetscIsInfOrNanReal(dnorm);
  impl->steps  = it + 1;
  PetscCall(KSPGetTolerances(adj->ksp, &rtol, NULL, NULL, NULL));
  if (*reason > 0 && dnorm > rtol * vnorm && impl->stagnant < ADJ_PIGGYBACK_PATIENCE && !adj->wspoilt) *reason = SNES_CONVERGED_ITERATING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetPiggyback - Iterates the adjoint of the objective alongside the state, instead of solving for it afterwards

   Logically collective

   Input Parameters:
+  adj - the context, of type `ADJIMPLICIT`
-  flg - `PETSC_TRUE` to do so; default `PETSC_FALSE`

   Options Database Key:
.  -adj_piggyback <bool> - whether to do so

   Level: intermediate

   Notes:
   The forward solve, the plain iteration of a fixed point, makes w <- v(x) + (dF/dx)^T w beside x <- F(x) in each step,
   with v = dl/dx of `ADJSetObjective()`, and ends when both have met their tolerances, or w comes no closer. That costs a product and an
   evaluation of the objective's derivative a step. `ADJSolveAdjoint()` starts its solver from this w, and has nothing left
   to do if its cotangent is dl/dx at the solution.

   The tangent's piggyback is `ADJSolveTangent()` of `ADJUNROLLED`.

   References:
.  * - A. Griewank, C. Faure, Piggyback differentiation and optimization, 2003

   Errors, at `ADJSolve()`:
   `PETSC_ERR_ORDER` without objective or VJP; `PETSC_ERR_SUP` for another forward solver, or another type.

.seealso: `ADJGetPiggyback()`, `ADJIMPLICIT`, `ADJSetObjective()`, `ADJComputeObjectiveAndGradient()`
@*/
PetscErrorCode ADJSetPiggyback(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  adj->piggyback   = flg;
  adj->setupcalled = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetPiggyback - Whether the adjoint is iterated alongside the state

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - `PETSC_TRUE` if it is

   Level: intermediate

.seealso: `ADJSetPiggyback()`
@*/
PetscErrorCode ADJGetPiggyback(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->piggyback;
  PetscFunctionReturn(PETSC_SUCCESS);
}
