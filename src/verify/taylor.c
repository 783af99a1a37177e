/*
   Solves of a test, to rounding level and in a state of its own, so that nothing of them is left in the object.
*/
#include "taylor.h"

PetscErrorCode ADJTestPush_Private(ADJ adj, ADJSaved *saved)
{
  PetscFunctionBegin;
  saved->state      = adj->state;
  saved->w          = adj->w;
  saved->linearized = adj->state->linearized;
  saved->xrefgood   = adj->xrefgood;
  saved->wspoilt    = adj->wspoilt;
  adj->w            = NULL;
  PetscCall(ADJStateCreate_Private(&adj->state));
  if (ADJForwardBorrowed_Private(adj))
    PetscCall((*adj->adapter->tighten)(adj, PETSC_TRUE));
  else {
    PetscCall(SNESGetTolerances(adj->snes, NULL, &saved->snesrtol, NULL, NULL, NULL));
    PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, PetscMin(saved->snesrtol, adj->form == ADJ_FIXED_POINT ? ADJ_TIGHT_ITERATION : ADJ_TIGHT_SNES_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  }
  PetscCall(KSPGetTolerances(adj->ksp, &saved->ksprtol, NULL, NULL, NULL));
  PetscCall(KSPSetTolerances(adj->ksp, PetscMin(saved->ksprtol, ADJ_TIGHT_KSP_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  if (adj->tksp) {
    PetscCall(KSPGetTolerances(adj->tksp, &saved->tksprtol, NULL, NULL, NULL));
    PetscCall(KSPSetTolerances(adj->tksp, PetscMin(saved->tksprtol, ADJ_TIGHT_KSP_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  }
  adj->testing = PETSC_TRUE;
  adj->account = &adj->checkcounters;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Also after an error: then the state is linearized anew when it is needed */
PetscErrorCode ADJTestPop_Private(ADJ adj, ADJSaved *saved, PetscErrorCode ierr)
{
  PetscFunctionBegin;
  if (ADJForwardBorrowed_Private(adj))
    PetscCall((*adj->adapter->tighten)(adj, PETSC_FALSE));
  else
    PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, saved->snesrtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(adj->ksp, saved->ksprtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  if (adj->tksp) PetscCall(KSPSetTolerances(adj->tksp, saved->tksprtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  adj->xrefgood = saved->xrefgood;
  PetscCall(VecDestroy(&adj->w));
  PetscCall(ADJStateDestroy_Private(&adj->state));
  adj->wspoilt           = saved->wspoilt;
  adj->state             = saved->state;
  adj->w                 = saved->w;
  adj->testing           = PETSC_FALSE;
  adj->testref           = 0.0;
  adj->lin_x             = NULL; /* was the test's */
  adj->lin_theta         = NULL;
  adj->state->linearized = PETSC_FALSE;
  if (saved->linearized && !ierr) ierr = ADJLinearizeAtSolution_Private(adj);
  adj->account = &adj->counters;
  PetscCall(ierr);
  if (adj->state->theta) PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   What residuals are relative to, at least: that at the initial guess when the parameters move by the first step. The guess may be a
   solution already, whose residual is rounding
*/
PetscErrorCode ADJTaylorReference_Private(ADJ adj, ADJTaylor *t)
{
  PetscFunctionBegin;
  if (adj->steps >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecWAXPY(t->theta, ADJ_TAYLOR_H, t->d, t->base));
  PetscCall(ADJComputeResidual_Private(adj, t->x0, t->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &adj->testref));
  if (PetscIsInfOrNanReal(adj->testref)) adj->testref = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual that a forward solve left. A borrowed solver may look at another norm */
static PetscErrorCode ADJTaylorResidual_Private(ADJ adj, ADJTaylor *t, PetscReal *residual)
{
  const ADJState *st = adj->state;

  PetscFunctionBegin;
  *residual = st->nhistory ? st->history[st->nhistory - 1] : PETSC_MAX_REAL;
  if (!ADJForwardBorrowed_Private(adj)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJComputeResidual_Private(adj, t->x, t->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, residual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* J at base + h d, from a forward solve of its own */
PetscErrorCode ADJTaylorEvaluate_Private(ADJ adj, ADJTaylor *t, PetscReal h, PetscReal *J)
{
  const ADJState *st = adj->state;
  PetscReal       residual;
  PetscScalar     dot;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(t->theta, h, t->d, t->base));
  PetscCall(VecCopy(t->x0, t->x));
  PetscCall(ADJSolveForward_Private(adj, t->theta, t->x));
  PetscCall(ADJTaylorResidual_Private(adj, t, &residual));
  PetscCheck(adj->steps >= 0 ? st->reason > 0 : residual <= ADJ_TIGHT_ENOUGH * st->rnormref, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The Taylor test needs forward solves to a relative residual of %g, but that at a step of %g stopped with %s; look at its monitor, and let it do more iterations", ADJ_TIGHT_ENOUGH, (double)h, SNESConvergedReasons[st->reason]);
  if (adj->steps < 0) t->residual = PetscMax(t->residual, residual);
  if (t->xbar) {
    PetscCall(VecDot(t->x, t->xbar, &dot));
    *J = PetscRealPart(dot);
  } else
    PetscCall(ADJComputeObjective_Private(adj, t->x, st->theta, J, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* d/|d| +- g/|g|, of the size of d: <g, d> then drowns neither in the curvature of J nor in rounding */
static PetscErrorCode ADJTaylorDirection_Private(ADJTaylor *t)
{
  PetscReal   dnorm, gnorm;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(VecNorm(t->d, NORM_2, &dnorm));
  PetscCall(VecNorm(t->g, NORM_2, &gnorm));
  PetscCall(VecDot(t->d, t->g, &dot));
  if (gnorm > 0.0) PetscCall(VecAXPBY(t->d, (PetscRealPart(dot) < 0.0 ? -0.5 : 0.5) * dnorm / gnorm, 0.5, t->g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g = N^T w, and dl/dtheta of the objective; slope = Re <g, d> */
PetscErrorCode ADJTaylorGradient_Private(ADJ adj, ADJTaylor *t)
{
  Vec         xbar = t->xbar ? t->xbar : t->objx;
  PetscReal   f, dnorm, xnorm, vnorm;
  PetscScalar dot;

  const ADJLinearSolve *rec = &adj->state->adjoint;

  PetscFunctionBegin;
  if (!t->xbar) PetscCall(ADJComputeObjective_Private(adj, t->x, adj->state->theta, &f, t->objx, t->objtheta));
  adj->account->adjoint++;
  PetscUseTypeMethod(adj, solveadjoint, xbar, t->g);
  PetscCheck(!rec->reason || (rec->reason > 0 && rec->residual <= ADJ_TAYLOR_ADJOINT * rec->rhsnorm), PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The Taylor test needs an accurate adjoint, but its solve stopped with %s; look at -adj_ksp_monitor_true_residual, and let it do more iterations", KSPConvergedReasons[rec->reason]);
  if (!t->xbar) PetscCall(VecAXPY(t->g, 1.0, t->objtheta));
  PetscCall(ADJTaylorDirection_Private(t));
  PetscCall(VecDot(t->d, t->g, &dot));
  t->slope = PetscRealPart(dot);
  PetscCall(VecNorm(xbar, NORM_2, &vnorm));
  PetscCall(VecNorm(t->x, NORM_2, &xnorm));
  PetscCall(VecNorm(t->d, NORM_2, &dnorm));
  t->wnorm    = rec->solnorm >= 0.0 ? rec->solnorm : vnorm;
  t->rounding = PETSC_MACHINE_EPSILON * (vnorm * xnorm + PetscAbsReal(t->J));
  t->gerror   = rec->reason && rec->rhsnorm > 0.0 ? rec->residual / rec->rhsnorm * rec->resultnorm * dnorm : 0.0;
  if (adj->differences) t->gerror += 0.1 * ADJ_DIFFERENCES_ACCURACY * PetscAbsReal(t->slope);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the solves and rounding may leave in the remainder */
PetscReal ADJTaylorNoise_Private(const ADJTaylor *t, PetscReal h)
{
  return 10.0 * (t->wnorm * t->residual + t->rounding + h * t->gerror);
}

/* d is random, of the parameters' own size */
PetscErrorCode ADJTaylorCreate_Private(ADJ adj, Vec theta, Vec x, Vec xbar, ADJTaylor *t)
{
  PetscRandom rnd;
  PetscReal   norm;
  PetscInt    m;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(t, sizeof(*t)));
  t->xbar = xbar;
  t->base = theta;
  PetscCall(VecDuplicate(x, &t->x0));
  PetscCall(VecDuplicate(x, &t->x));
  PetscCall(VecDuplicate(theta, &t->theta));
  PetscCall(VecDuplicate(theta, &t->d));
  PetscCall(VecDuplicate(theta, &t->g));
  if (!xbar) {
    PetscCall(VecDuplicate(x, &t->objx));
    PetscCall(VecDuplicate(theta, &t->objtheta));
  }
  PetscCall(VecCopy(x, t->x0));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(t->d, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  PetscCall(VecGetSize(theta, &m));
  if (norm > 0.0) PetscCall(VecScale(t->d, norm / PetscSqrtReal((PetscReal)m)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTaylorDestroy_Private(ADJTaylor *t)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&t->x0));
  PetscCall(VecDestroy(&t->x));
  PetscCall(VecDestroy(&t->theta));
  PetscCall(VecDestroy(&t->d));
  PetscCall(VecDestroy(&t->g));
  PetscCall(VecDestroy(&t->objx));
  PetscCall(VecDestroy(&t->objtheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}
