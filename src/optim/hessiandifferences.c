/*
   Products with the Hessian as central differences of gradients, each from a forward and an adjoint solve of its own, to rounding level.
*/
#include "outer.h"
#include "../verify/taylor.h"

#define ADJ_HESSIAN_STEP 2e-4 /* relative: the cubic root of what tight solves leave in a gradient */

/* The gradient at theta + step thetadot, from the guess x0 */
static PetscErrorCode ADJHessianGradient_Private(ADJHessian *h, PetscReal step, Vec thetadot, Vec g)
{
  ADJ                   adj = h->adj;
  const ADJLinearSolve *rec = &adj->state->adjoint;
  PetscReal             value;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(h->thetad, step, thetadot, h->theta));
  PetscCall(VecCopy(h->x0 ? h->x0 : h->x, h->xd));
  PetscCall(ADJSolveForward_Private(adj, h->thetad, h->xd));
  PetscCheck(adj->state->reason > 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "A difference of gradients needs accurate forward solves, but one stopped with %s; look at its monitor, and let it do more iterations", SNESConvergedReasons[adj->state->reason]);
  PetscCall(ADJComputeObjective_Private(adj, h->xd, adj->state->theta, &value, h->xbar[0], h->part));
  adj->account->adjoint++;
  PetscUseTypeMethod(adj, solveadjoint, h->xbar[0], g);
  PetscCheck(rec->reason >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "A difference of gradients needs accurate adjoints, but the solve of one stopped with %s; look at -adj_ksp_monitor_true_residual, and let it do more iterations", KSPConvergedReasons[rec->reason]);
  PetscCall(VecAXPY(g, 1.0, h->part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJHessianDifference_Private(ADJHessian *h, Vec thetadot, Vec y)
{
  PetscReal norm, dnorm, step;

  PetscFunctionBegin;
  PetscCall(VecNorm(h->theta, NORM_2, &norm));
  PetscCall(VecNorm(thetadot, NORM_2, &dnorm));
  PetscCall(VecSet(y, 0.0));
  if (dnorm == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  step = ADJ_HESSIAN_STEP * (norm > 0.0 ? norm : 1.0) / dnorm;
  PetscCall(ADJHessianGradient_Private(h, step, thetadot, y));
  PetscCall(ADJHessianGradient_Private(h, -step, thetadot, h->thetabar[0]));
  PetscCall(VecAXPY(y, -1.0, h->thetabar[0]));
  PetscCall(VecScale(y, 0.5 / step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJHessianDifferences_Private(ADJHessian *h, Vec thetadot, Vec y)
{
  ADJSaved       saved;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJTestPush_Private(h->adj, &saved));
  h->adj->account = &h->adj->counters; /* these calls are the user's */
  ierr            = ADJHessianDifference_Private(h, thetadot, y);
  PetscCall(ADJTestPop_Private(h->adj, &saved, ierr));
  PetscFunctionReturn(PETSC_SUCCESS);
}
