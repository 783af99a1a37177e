/*
   The error of a derivative that stands for that of the solution but is not it. With the adjoint w that it implies, at the
   solution,

       s = v - M^T w,   M^T delta = s (loosely),   thetabar_implicit = N^T (w + delta)

   and the difference to what was computed is the error, with the displacement of the iterates it was computed at. The same
   for a tangent: s = N thetadot - M xdot, M delta = s, xdot_implicit = xdot + delta.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_ERROR_RTOL  0.1   /* of the solve for delta: one digit of the error */
#define ADJ_ERROR_EXACT 1e-14 /* a residual s that is rounding */
#define ADJ_ERROR_LIMIT 1e-2  /* default of -adj_gradient_rtol for derivatives that are judged by it */

typedef struct {
  KSP       ksp;
  PetscReal rtol, atol;
  PetscBool guess;
} ADJLooseSolve;

/* The user's solver, to one digit; ADJLooseEnd_Private() gives it back as it was, also after an error */
static PetscErrorCode ADJLooseBegin_Private(KSP ksp, ADJLooseSolve *loose)
{
  PetscFunctionBegin;
  loose->ksp = ksp;
  PetscCall(KSPGetTolerances(ksp, &loose->rtol, &loose->atol, NULL, NULL));
  PetscCall(KSPGetInitialGuessNonzero(ksp, &loose->guess));
  PetscCall(KSPSetTolerances(ksp, ADJ_ERROR_RTOL, PETSC_SMALL * PETSC_SMALL, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJLooseEnd_Private(ADJLooseSolve *loose)
{
  PetscFunctionBegin;
  PetscCall(KSPSetTolerances(loose->ksp, loose->rtol, loose->atol, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetInitialGuessNonzero(loose->ksp, loose->guess));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveLoosely_Private(KSP ksp, Vec b, Vec x, KSPConvergedReason *reason)
{
  ADJLooseSolve  loose;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJForgetGuess_Private(ksp));
  PetscCall(ADJLooseBegin_Private(ksp, &loose));
  ierr = KSPSolve(ksp, b, x);
  PetscCall(ADJLooseEnd_Private(&loose));
  PetscCall(ADJUnlock_Private(ierr, b));
  PetscCall(KSPGetConvergedReason(ksp, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |thetabar - N^T (w + delta)| / |N^T (w + delta)| */
static PetscErrorCode ADJEstimateAdjointError_Private(ADJ adj, Vec v, Vec thetabar, KSPConvergedReason *reason, PetscReal *error)
{
  Vec       implicit, part, delta;
  PetscReal vnorm, snorm, norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(thetabar, &implicit));
  PetscCall(VecDuplicate(thetabar, &part));
  PetscCall(VecDuplicate(v, &delta));
  if (!adj->s) PetscCall(VecDuplicate(v, &adj->s));
  PetscCall(ADJApplyMT_Private(adj, adj->w, adj->s, implicit));
  PetscCall(VecAYPX(adj->s, -1.0, v));
  PetscCall(VecNorm(v, NORM_2, &vnorm));
  PetscCall(VecNorm(adj->s, NORM_2, &snorm));
  *reason = KSP_CONVERGED_ATOL;
  if (snorm > ADJ_ERROR_EXACT * vnorm) {
    PetscCall(ADJSetAdjointOperators_Private(adj));
    PetscCall(ADJSolveLoosely_Private(adj->ksp, adj->s, delta, reason));
    PetscCall(ADJApplyMT_Private(adj, delta, NULL, part));
    PetscCall(VecAXPY(implicit, 1.0, part));
  }
  PetscCall(VecNorm(implicit, NORM_2, &norm));
  PetscCall(VecWAXPY(part, -1.0, implicit, thetabar));
  PetscCall(VecNorm(part, NORM_2, error));
  if (*error > 0.0) *error = norm > 0.0 ? *error / norm : PETSC_INFINITY;
  PetscCall(VecDestroy(&implicit));
  PetscCall(VecDestroy(&part));
  PetscCall(VecDestroy(&delta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |delta| / |xdot + delta| */
static PetscErrorCode ADJEstimateTangentError_Private(ADJ adj, Vec thetadot, Vec xdot, KSPConvergedReason *reason, PetscReal *error)
{
  Vec       delta;
  PetscReal bnorm, snorm, norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(xdot, &delta));
  if (!adj->b) PetscCall(VecDuplicate(xdot, &adj->b));
  if (!adj->s) PetscCall(VecDuplicate(xdot, &adj->s));
  PetscCall(ADJApplyN_Private(adj, thetadot, adj->b));
  PetscCall(ADJApplyM_Private(adj, xdot, adj->s));
  PetscCall(VecAYPX(adj->s, -1.0, adj->b));
  PetscCall(VecNorm(adj->b, NORM_2, &bnorm));
  PetscCall(VecNorm(adj->s, NORM_2, &snorm));
  *reason = KSP_CONVERGED_ATOL;
  *error  = 0.0;
  if (snorm > ADJ_ERROR_EXACT * bnorm) {
    PetscCall(KSPSetOperators(adj->tksp, adj->M, adj->P ? adj->P : adj->M));
    PetscCall(ADJSolveLoosely_Private(adj->tksp, adj->s, delta, reason));
    PetscCall(VecNorm(delta, NORM_2, error));
    PetscCall(VecAXPY(delta, 1.0, xdot));
    PetscCall(VecNorm(delta, NORM_2, &norm));
    if (*error > 0.0) *error = norm > 0.0 ? *error / norm : PETSC_INFINITY;
  }
  PetscCall(VecDestroy(&delta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The relative error of an approximate derivative, with in = v, out = thetabar or in = thetadot, out = xdot */
PetscErrorCode ADJCheckGradientError_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const PetscReal    limit = adj->gradientrtol > 0.0 ? adj->gradientrtol : ADJ_ERROR_LIMIT;
  ADJTrustCheck     *c     = &rep->check[ADJ_CHECK_GRADIENT];
  KSPConvergedReason reason;

  PetscFunctionBegin;
  if (!rec->approximate) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  if (rep->phase == ADJ_PHASE_ADJOINT)
    PetscCall(ADJEstimateAdjointError_Private(adj, in, out, &reason, &c->value));
  else
    PetscCall(ADJEstimateTangentError_Private(adj, in, out, &reason, &c->value));
  c->threshold = limit;
  if (reason < 0 || PetscIsInfOrNanReal(c->value)) {
    c->status = ADJ_CHECK_INCONCLUSIVE;
    c->advice = "the solve that estimates the error did not converge, the value is its best guess: look at -adj_ksp_monitor_true_residual (-adj_tangent_ksp_...)";
  } else if (c->value <= limit)
    c->status = ADJ_CHECK_PASSED;
  else {
    c->status = ADJ_CHECK_FAILED;
    c->advice = "this type's error against the derivative of the solution: let it take more terms or steps, take -adj_type implicit or auto, or raise -adj_gradient_rtol if such an error is meant";
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How far the iteration that was run backwards came from where it had been */
PetscErrorCode ADJCheckDrift_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJTrustCheck *c = &rep->check[ADJ_CHECK_DRIFT], *growth = &rep->check[ADJ_CHECK_GROWTH];

  PetscFunctionBegin;
  (void)adj;
  if (rec->drifttol <= 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  c->value     = rec->drift;
  c->threshold = rec->drifttol;
  c->status    = rec->drift <= rec->drifttol && !rec->lost ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED;
  if (rec->lost) {
    c->value  = PETSC_INFINITY;
    c->advice = "a step could not be undone, F(y) = x has no solution that was found: look at -adj_reversible_snes_monitor, or take -adj_type unrolled with checkpoints";
  } else if (c->status == ADJ_CHECK_FAILED)
    c->advice = "running the iteration backwards amplifies errors: keep some states by -adj_reversible_period, or take -adj_type unrolled with checkpoints";
  if (rec->growth >= 0.0) {
    growth->status = ADJ_CHECK_INFO;
    growth->value  = rec->growth;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetGradientTolerance - Sets the relative error that a derivative may have against that of the solution

   Logically collective

   Input Parameters:
+  adj  - the context
-  rtol - largest relative error; `PETSC_DETERMINE` for the default

   Options Database Key:
.  -adj_gradient_rtol <rtol> - the tolerance

   Level: intermediate

   Notes:
   The verdict on the types that approximate the derivative of the solution, `ADJONESTEP`, `ADJNEUMANN`, `ADJTRUNCATED`,
   estimates their error by a loose solve of the implicit system and refuses a larger one, `ADJ_TRUST_REFUTED_ERROR`;
   default 1e-2.

   `ADJAUTO` takes it for its aim; default the relative tolerance of the adjoint solver, see `ADJGetKSP()`.

.seealso: `ADJGetGradientTolerance()`, `ADJGetTrustReport()`, `ADJAUTO`
@*/
PetscErrorCode ADJSetGradientTolerance(ADJ adj, PetscReal rtol)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveReal(adj, rtol, 2);
  PetscCheck(rtol > 0.0 || rtol == (PetscReal)PETSC_DETERMINE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The tolerance of the gradient must be positive, it is %g", (double)rtol);
  adj->gradientrtol = rtol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetGradientTolerance - The tolerance of `ADJSetGradientTolerance()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  rtol - the tolerance; negative if it was not set

   Level: intermediate

.seealso: `ADJSetGradientTolerance()`
@*/
PetscErrorCode ADJGetGradientTolerance(ADJ adj, PetscReal *rtol)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *rtol = adj->gradientrtol;
  PetscFunctionReturn(PETSC_SUCCESS);
}
