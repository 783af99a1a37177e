/*
   The error of a derivative that stands for that of the solution but is not it. With the adjoint w that it implies, at the
   solution,

       s = v - M^T w,   M^T delta = s (loosely),   thetabar_implicit = N^T (w + delta)

   and the difference to what was computed is the error, with the displacement of the iterates it was computed at. The same
   for a tangent: s = N thetadot - M xdot, M delta = s, xdot_implicit = xdot + delta.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_ERROR_RTOL    0.1   /* of the solve for delta: one digit of the error */
#define ADJ_ERROR_EXACT   1e-14 /* a residual s that is rounding */
#define ADJ_ERROR_TRUSTED 0.5   /* a solve for delta that leaves more of s says nothing */
#define ADJ_ERROR_LIMIT   1e-2  /* default of -adj_gradient_rtol for derivatives that are judged by it */

/* The user's solver, from zero and to one digit; given back as it was, also after an error */
static PetscErrorCode ADJSolveLoosely_Private(KSP ksp, Vec b, Vec x)
{
  PetscReal      rtol, atol;
  PetscBool      guess;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(KSPGetTolerances(ksp, &rtol, &atol, NULL, NULL));
  PetscCall(ADJSetGuess_Private(ksp, PETSC_FALSE, &guess));
  PetscCall(KSPSetTolerances(ksp, ADJ_ERROR_RTOL, PETSC_SMALL * PETSC_SMALL, ADJ_CURRENT, ADJ_CURRENT));
  ierr = ADJKSPSolve_Private(ksp, b, x);
  PetscCall(KSPSetTolerances(ksp, rtol, atol, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of one estimate */
typedef struct {
  Vec       implicit, part; /* as the result */
  Vec       delta, r;       /* as the state */
  PetscReal error;          /* relative */
  PetscReal left;           /* |s - M^T delta| / |s|: the estimate is good to about that */
} ADJErrorEstimate;

/* |thetabar - N^T (w + delta)| / |N^T (w + delta)| */
static PetscErrorCode ADJEstimateAdjointError_Private(ADJ adj, Vec v, Vec thetabar, ADJErrorEstimate *e)
{
  PetscReal vnorm, snorm, norm;

  PetscFunctionBegin;
  PetscCall(ADJApplyMT_Private(adj, adj->w, adj->s, e->implicit));
  PetscCall(VecAYPX(adj->s, -1.0, v));
  PetscCall(VecNorm(v, NORM_2, &vnorm));
  PetscCall(VecNorm(adj->s, NORM_2, &snorm));
  if (snorm > ADJ_ERROR_EXACT * vnorm) {
    PetscCall(ADJSetAdjointOperators_Private(adj));
    PetscCall(ADJSolveLoosely_Private(adj->ksp, adj->s, e->delta));
    PetscCall(ADJApplyMT_Private(adj, e->delta, e->r, e->part));
    PetscCall(VecAXPY(e->implicit, 1.0, e->part));
    PetscCall(VecAXPY(e->r, -1.0, adj->s));
    PetscCall(VecNorm(e->r, NORM_2, &e->left));
    e->left /= snorm;
  }
  PetscCall(VecNorm(e->implicit, NORM_2, &norm));
  PetscCall(VecWAXPY(e->part, -1.0, e->implicit, thetabar));
  PetscCall(VecNorm(e->part, NORM_2, &e->error));
  if (e->error > 0.0) e->error = norm > 0.0 ? e->error / norm : PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |delta| / |xdot + delta| */
static PetscErrorCode ADJEstimateTangentError_Private(ADJ adj, Vec thetadot, Vec xdot, ADJErrorEstimate *e)
{
  PetscReal bnorm, snorm, norm;

  PetscFunctionBegin;
  PetscCall(ADJApplyN_Private(adj, thetadot, e->r));
  PetscCall(VecNorm(e->r, NORM_2, &bnorm));
  PetscCall(ADJApplyM_Private(adj, xdot, adj->s));
  PetscCall(VecAYPX(adj->s, -1.0, e->r));
  PetscCall(VecNorm(adj->s, NORM_2, &snorm));
  if (!(snorm > ADJ_ERROR_EXACT * bnorm)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPSetOperators(adj->tksp, adj->M, adj->P ? adj->P : adj->M));
  PetscCall(ADJSolveLoosely_Private(adj->tksp, adj->s, e->delta));
  PetscCall(ADJApplyM_Private(adj, e->delta, e->r));
  PetscCall(VecAXPY(e->r, -1.0, adj->s));
  PetscCall(VecNorm(e->r, NORM_2, &e->left));
  e->left /= snorm;
  PetscCall(VecNorm(e->delta, NORM_2, &e->error));
  PetscCall(VecAXPY(e->delta, 1.0, xdot));
  PetscCall(VecNorm(e->delta, NORM_2, &norm));
  if (e->error > 0.0) e->error = norm > 0.0 ? e->error / norm : PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJEstimateError_Private(ADJ adj, ADJPhase phase, Vec in, Vec out, PetscReal *error, PetscReal *left)
{
  ADJErrorEstimate e;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&e, sizeof(e)));
  if (!adj->s) PetscCall(VecDuplicate(adj->r, &adj->s));
  PetscCall(VecDuplicate(adj->r, &e.delta));
  PetscCall(VecDuplicate(adj->r, &e.r));
  if (phase == ADJ_PHASE_ADJOINT) {
    PetscCall(VecDuplicate(out, &e.implicit));
    PetscCall(VecDuplicate(out, &e.part));
    ierr = ADJEstimateAdjointError_Private(adj, in, out, &e);
  } else
    ierr = ADJEstimateTangentError_Private(adj, in, out, &e);
  PetscCall(VecDestroy(&e.implicit));
  PetscCall(VecDestroy(&e.part));
  PetscCall(VecDestroy(&e.delta));
  PetscCall(VecDestroy(&e.r));
  PetscCall(ierr);
  *error = e.error;
  *left  = e.left;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the user said; else what the method aimed at, with a margin for the estimate; else a default */
static PetscReal ADJErrorLimit_Private(ADJ adj, const ADJLinearSolve *rec)
{
  if (adj->gradientrtol > 0.0) return adj->gradientrtol;
  return rec->aim > 0.0 ? PetscMin(PetscSqrtReal(rec->aim), ADJ_ERROR_LIMIT) : ADJ_ERROR_LIMIT;
}

/* The relative error of an approximate derivative, with in = v, out = thetabar or in = thetadot, out = xdot */
PetscErrorCode ADJCheckGradientError_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJTrustCheck *c    = &rep->check[ADJ_CHECK_GRADIENT];
  PetscReal      left = 0.0;

  PetscFunctionBegin;
  if (!rec->approximate) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJEstimateError_Private(adj, rep->phase, in, out, &c->value, &left));
  c->threshold = ADJErrorLimit_Private(adj, rec);
  if (PetscIsInfOrNanReal(c->value) || PetscIsInfOrNanReal(left)) {
    PetscCall(ADJProductNotFinite_Private(rep));
    c->value = c->threshold = 0.0;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!(left <= ADJ_ERROR_TRUSTED)) {
    c->status = ADJ_CHECK_INCONCLUSIVE;
    c->advice = "the solve that estimates the error did not converge, the value is its best guess: look at -adj_ksp_monitor_true_residual (-adj_tangent_ksp_...)";
  } else if (c->value <= c->threshold)
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
   The verdict on the types that approximate the derivative of the solution, `ADJONESTEP`, `ADJNEUMANN`, `ADJTRUNCATED`, and
   `ADJUNROLLED` and `ADJREVERSIBLE` without `ADJSetSteps()`, estimates their error by a loose solve of the implicit system
   and refuses a larger one, `ADJ_TRUST_REFUTED_ERROR`; default 1e-2.

   `ADJAUTO` takes it for its aim; default the relative tolerance r of the adjoint solver, see `ADJGetKSP()`, and an error
   estimated above the square root of r is refused.

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
