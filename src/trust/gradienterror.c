/*
   The error of a derivative against that of the solution. One estimate covers what the linear system left, what a type left
   out, and the error of the state: at x', the next Newton iterate (stateerror.c), or at the state itself,

       s = v - M^T w,   M^T delta = s (loosely),   g' = N^T (w + delta)

   and the difference of g' to what was computed is the error. v and the objective's own share of the gradient are those at
   x' where the cotangent is that of the objective; else v is the user's. The same for a tangent: s = N thetadot - M xdot,
   M delta = s, xdot' = xdot + delta.

   Where numbers that cost nothing bound the error well below its limit no solve is made.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_ERROR_RTOL   0.1   /* of the solve for delta: one digit of the error */
#define ADJ_ERROR_EXACT  1e-14 /* a residual s that is rounding */
#define ADJ_ERROR_LIMIT  1e-2  /* default of -adj_gradient_rtol for derivatives that are judged by it */
#define ADJ_ERROR_MARGIN 0.1   /* of the limit, for a bound of the adjoint's error */
#define ADJ_STATE_MARGIN 1e-3  /* of the limit, for the distance of the state: second derivatives may amplify it */
#define ADJ_ERROR_COND   10.0  /* condition number from which on that is not enough */
#define ADJ_ERROR_LEAST  1e-6
#define ADJ_ERROR_SCALE  1e-8 /* of the largest pullback so far: a gradient that has fallen further is rounding, as at a minimum that meets all data */
#define ADJ_ERROR_SAFETY 3.0  /* what a solve leaves of a residual may weigh more in the derivative: seen in tests/error_calibration.c */
#define ADJ_COND_GUESS   1e3  /* condition number where the solver tells none */

/* The user's solver, from zero and to `tol`; given back as it was, also after an error. Not to converge is none here: the caller looks */
PetscErrorCode ADJSolveLoosely_Private(KSP ksp, PetscReal tol, Vec b, Vec x)
{
  PetscReal      rtol, atol;
  PetscBool      guess, raises;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(KSPGetTolerances(ksp, &rtol, &atol, NULL, NULL));
  PetscCall(KSPGetErrorIfNotConverged(ksp, &raises));
  PetscCall(ADJSetGuess_Private(ksp, PETSC_FALSE, &guess));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_FALSE));
  PetscCall(KSPSetTolerances(ksp, tol, PETSC_SMALL * PETSC_SMALL, ADJ_CURRENT, ADJ_CURRENT));
  ierr = ADJKSPSolve_Private(ksp, b, x);
  PetscCall(KSPSetTolerances(ksp, rtol, atol, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetErrorIfNotConverged(ksp, raises));
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of one estimate */
typedef struct {
  Vec           better, part; /* as the result: g' or xdot' */
  Vec           delta, s, r;  /* as the state */
  Vec           v, objtheta;  /* of the objective, at x' */
  PetscBool     displaced;    /* made at x' */
  ADJStateError state;
  PetscReal     error; /* relative */
  PetscReal     left;  /* |s - M^T delta| / |s|: the estimate is good to about that */
  PetscReal     rtol;  /* of the solves */
} ADJErrorEstimate;

/* |thetabar - g'| / |g'|; with an objective g' + dl/dtheta(x') is held against thetabar + dl/dtheta(x) */
static PetscErrorCode ADJEstimateAdjointError_Private(ADJ adj, Vec v, Vec thetabar, ADJErrorEstimate *e)
{
  const PetscBool objective = (PetscBool)(adj->pullingobjective && e->displaced);
  PetscReal       vnorm, snorm, norm, f;

  PetscFunctionBegin;
  if (objective) {
    v = e->v;
    PetscCall(ADJComputeObjective_Private(adj, e->state.x, adj->state->theta, &f, v, e->objtheta));
  }
  PetscCall(ADJApplyMT_Private(adj, adj->w, e->s, e->better));
  PetscCall(VecAYPX(e->s, -1.0, v));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.right, e->s));
  PetscCall(VecNorm(v, NORM_2, &vnorm));
  PetscCall(VecNorm(e->s, NORM_2, &snorm));
  if (snorm > ADJ_ERROR_EXACT * vnorm) {
    PetscCall(ADJSetAdjointOperators_Private(adj));
    PetscCall(ADJSolveLoosely_Private(adj->ksp, e->rtol, e->s, e->delta));
    PetscCall(ADJApplyMT_Private(adj, e->delta, e->r, e->part));
    PetscCall(VecAXPY(e->better, 1.0, e->part));
    PetscCall(VecAXPY(e->r, -1.0, e->s));
    PetscCall(VecNorm(e->r, NORM_2, &e->left));
    e->left /= snorm;
  }
  if (objective) PetscCall(VecAXPBYPCZ(e->better, 1.0, -1.0, 1.0, e->objtheta, adj->objtheta));
  if (adj->pullingobjective)
    PetscCall(VecWAXPY(e->part, 1.0, e->better, adj->objtheta));
  else
    PetscCall(VecCopy(e->better, e->part));
  PetscCall(VecNorm(e->part, NORM_2, &norm));
  norm = PetscMax(norm, ADJ_ERROR_SCALE * adj->largest);
  PetscCall(VecWAXPY(e->part, -1.0, e->better, thetabar));
  PetscCall(VecNorm(e->part, NORM_2, &e->error));
  if (e->error > 0.0) e->error = norm > 0.0 ? e->error / norm : PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |delta| / |xdot + delta| */
static PetscErrorCode ADJEstimateTangentError_Private(ADJ adj, Vec thetadot, Vec xdot, ADJErrorEstimate *e)
{
  PetscReal bnorm, snorm, norm;

  PetscFunctionBegin;
  PetscCall(VecCopy(xdot, e->better));
  PetscCall(ADJApplyN_Private(adj, thetadot, e->r));
  PetscCall(VecNorm(e->r, NORM_2, &bnorm));
  PetscCall(ADJApplyM_Private(adj, xdot, e->s));
  PetscCall(VecAYPX(e->s, -1.0, e->r));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, e->s));
  PetscCall(VecNorm(e->s, NORM_2, &snorm));
  if (!(snorm > ADJ_ERROR_EXACT * bnorm)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetTangentOperators_Private(adj, adj->M));
  PetscCall(ADJSolveLoosely_Private(adj->tksp, e->rtol, e->s, e->delta));
  PetscCall(ADJApplyM_Private(adj, e->delta, e->r));
  PetscCall(VecAXPY(e->r, -1.0, e->s));
  PetscCall(VecNorm(e->r, NORM_2, &e->left));
  e->left /= snorm;
  PetscCall(VecNorm(e->delta, NORM_2, &e->error));
  PetscCall(VecAXPY(e->better, 1.0, e->delta));
  PetscCall(VecNorm(e->better, NORM_2, &norm));
  if (e->error > 0.0) e->error = norm > 0.0 ? e->error / norm : PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At x' if it was found, else at the state */
static PetscErrorCode ADJEstimateErrorThere_Private(ADJ adj, ADJPhase phase, Vec in, Vec out, ADJErrorEstimate *e)
{
  PetscFunctionBegin;
  e->error = e->left = 0.0;
  if (e->displaced) {
    adj->state->linearized = PETSC_FALSE;
    PetscCall(ADJLinearize_Private(adj, e->state.x, adj->state->theta));
  } else
    PetscCall(ADJLinearizeAtSolution_Private(adj));
  if (phase == ADJ_PHASE_ADJOINT)
    PetscCall(ADJEstimateAdjointError_Private(adj, in, out, e));
  else
    PetscCall(ADJEstimateTangentError_Private(adj, in, out, e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJErrorEstimateCreate_Private(ADJ adj, Vec out, PetscBool displace, ADJErrorEstimate *e)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(e, sizeof(*e)));
  PetscCall(VecDuplicate(out, &e->better));
  PetscCall(VecDuplicate(out, &e->part));
  PetscCall(VecDuplicate(adj->r, &e->delta));
  PetscCall(VecDuplicate(adj->r, &e->s));
  PetscCall(VecDuplicate(adj->r, &e->r));
  if (!displace) PetscFunctionReturn(PETSC_SUCCESS);
  e->state.work[0] = e->s;
  e->state.work[1] = e->r;
  e->state.work[2] = e->delta;
  PetscCall(VecDuplicate(adj->r, &e->state.x));
  if (!adj->pullingobjective) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(adj->objx, &e->v));
  PetscCall(VecDuplicate(adj->objtheta, &e->objtheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJErrorEstimateDestroy_Private(ADJErrorEstimate *e)
{
  Vec *vecs[] = {&e->better, &e->part, &e->delta, &e->s, &e->r, &e->v, &e->objtheta, &e->state.x};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Afterwards linearized at the state if it was before; x' is the estimate's own. NaN or Inf at x', which the user has never seen, say nothing */
static PetscErrorCode ADJEstimateError_Private(ADJ adj, ADJPhase phase, Vec in, Vec out, PetscBool displace, PetscReal negligible, ADJErrorEstimate *e)
{
  const PetscBool linearized = adj->state->linearized;
  PetscErrorCode  ierr       = PETSC_SUCCESS;

  PetscFunctionBegin;
  if (displace) {
    PetscCall(ADJLinearizeAtSolution_Private(adj));
    PetscCall(ADJEstimateStateError_Private(adj, e->rtol, negligible, &e->state));
    e->displaced = e->state.known;
  }
  ierr = ADJEstimateErrorThere_Private(adj, phase, in, out, e);
  if (e->displaced) {
    adj->lin_x = adj->lin_theta = NULL;
    adj->state->linearized      = PETSC_FALSE;
    if (!ierr && (PetscIsInfOrNanReal(e->error) || PetscIsInfOrNanReal(e->left))) {
      e->displaced = e->state.known = PETSC_FALSE;
      ierr                          = ADJEstimateErrorThere_Private(adj, phase, in, out, e);
    }
    if (!ierr && linearized) ierr = ADJLinearizeAtSolution_Private(adj);
  }
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The larger one of what the Krylov solver and the SVD say; negative: not known */
static PetscReal ADJKnownCondition_Private(const ADJLinearSolve *rec, const ADJTrustReport *rep)
{
  const PetscReal      krylov = rec->smax >= 0.0 ? (rec->smin > 0.0 ? rec->smax / rec->smin : PETSC_INFINITY) : -1.0;
  const ADJTrustCheck *c      = &rep->check[ADJ_CHECK_CONDITIONING];

  return c->status == ADJ_CHECK_SKIPPED ? krylov : PetscMax(krylov, c->value);
}

/*
   A Krylov solver stops with a residual in the directions that M^{-1} amplifies most: to see them the next solve must lower it by
   as much as the condition number, where that is known. The factor by which a residual falls short of what it promises
*/
static PetscReal ADJErrorFactor_Private(const ADJLinearSolve *rec, const ADJTrustReport *rep)
{
  return PetscMax(1.0, ADJKnownCondition_Private(rec, rep) / ADJ_ERROR_COND);
}

/* Relative residual of the solves for an error; a correction is worth two digits */
static PetscReal ADJErrorRtol_Private(ADJ adj, const ADJLinearSolve *rec, const ADJTrustReport *rep)
{
  return PetscMax((adj->refine ? ADJ_ERROR_RTOL * ADJ_ERROR_RTOL : ADJ_ERROR_RTOL) / ADJErrorFactor_Private(rec, rep), ADJ_ERROR_LEAST);
}

/* What the user said; else what the method aimed at, with a margin for the estimate; else a default */
PetscReal ADJErrorLimit_Private(ADJ adj, const ADJLinearSolve *rec)
{
  if (adj->gradientrtol > 0.0) return adj->gradientrtol;
  return rec->aim > 0.0 ? PetscMin(PetscSqrtReal(rec->aim), ADJ_ERROR_LIMIT) : ADJ_ERROR_LIMIT;
}

/* Of the adjoint (tangent): condition number times residual */
static PetscReal ADJBoundLinearError_Private(const ADJLinearSolve *rec, const ADJTrustReport *rep)
{
  const PetscReal known = ADJKnownCondition_Private(rec, rep), cond = known >= 0.0 ? known : ADJ_COND_GUESS;

  if (rec->rhsnorm == 0.0 || rec->residual == 0.0) return 0.0;
  return rec->residual > 0.0 ? cond * rec->residual / rec->rhsnorm : PETSC_INFINITY;
}

/* Of the state: its residual, amplified as much as is known of |M^{-1}|, relative to it */
static PetscErrorCode ADJBoundStateError_Private(ADJ adj, const ADJLinearSolve *rec, PetscReal *bound)
{
  const ADJState       *st     = adj->state;
  const ADJContraction *c      = &adj->contraction;
  const PetscReal       rnorm  = st->nhistory ? st->history[st->nhistory - 1] : PETSC_INFINITY;
  PetscReal             factor = adj->form == ADJ_FIXED_POINT ? 1.0 : 0.0, xnorm;

  PetscFunctionBegin;
  if (rec->rhsnorm > 0.0 && rec->solnorm > 0.0) factor = PetscMax(factor, rec->solnorm / rec->rhsnorm);
  if (adj->form == ADJ_FIXED_POINT && c->converged && c->rho < 1.0) factor = PetscMax(factor, 1.0 / (1.0 - c->rho));
  PetscCall(VecNorm(st->x, NORM_2, &xnorm));
  *bound = 0.0;
  if (rnorm > 0.0) *bound = xnorm > 0.0 && factor > 0.0 ? rnorm * factor / xnorm : PETSC_INFINITY;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *ADJErrorAdvice_Private(const ADJLinearSolve *rec, const ADJErrorEstimate *e, PetscBool displace, ADJCheckStatus status)
{
  if (status == ADJ_CHECK_FAILED) {
    if (rec->approximate) return "this type's error against the derivative of the solution: let it take more terms or steps, take -adj_type implicit or auto, or raise -adj_gradient_rtol if such an error is meant";
    return "the residuals reach the derivative: lower -adj_ksp_rtol (-adj_tangent_ksp_rtol) and -adj_forward_snes_rtol, correct it by -adj_gradient_refine, or raise -adj_gradient_rtol if such an error is meant";
  }
  if (status == ADJ_CHECK_INCONCLUSIVE) {
    if (!(e->left <= ADJ_ERROR_TRUSTED)) return "the solve that estimates the error did not converge, the value is its best guess: look at -adj_ksp_monitor_true_residual (-adj_tangent_ksp_...)";
    return "without the error of the state, which could not be estimated: lower -adj_forward_snes_rtol, look at -adj_tangent_ksp_monitor_true_residual, give a JVP or allow -adj_trust_differences";
  }
  return displace ? "with the error of the state" : NULL;
}

/* What follows for the checks that were left open for the estimate */
static PetscErrorCode ADJSettleByError_Private(const ADJErrorEstimate *e, ADJTrustReport *rep)
{
  ADJTrustCheck       *bound = &rep->check[ADJ_CHECK_RESIDUAL_BOUND], *forward = &rep->check[ADJ_CHECK_FORWARD];
  const ADJTrustCheck *c  = &rep->check[ADJ_CHECK_GRADIENT];
  const PetscBool      ok = (PetscBool)(e && e->left <= ADJ_ERROR_TRUSTED && c->status != ADJ_CHECK_FAILED); /* but for the state */

  PetscFunctionBegin;
  if (bound->status == ADJ_CHECK_INFO && !e) {
    bound->status = ADJ_CHECK_INCONCLUSIVE;
    bound->advice = "the error that the residual may make was not estimated: allow it by -adj_trust_gradient_error auto, or lower -adj_ksp_rtol (-adj_tangent_ksp_rtol)";
  } else if (bound->status == ADJ_CHECK_INFO) {
    bound->status = ok ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED;
    bound->advice = ok ? "above its limit, but the estimated error is within its own" : "the operator amplifies the residual into the derivative: lower -adj_ksp_rtol (-adj_tangent_ksp_rtol), scale the equations and the unknowns, precondition by ADJSetPreconditioner()";
  }
  if (forward->status == ADJ_CHECK_INCONCLUSIVE && c->status == ADJ_CHECK_PASSED && e && e->displaced) {
    forward->status = ADJ_CHECK_PASSED;
    forward->advice = "converged to a loose tolerance, whose effect on the derivative was estimated";
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters the estimate. A derivative that is corrected is judged by what the estimate may be wrong by */
static PetscErrorCode ADJJudgeError_Private(ADJ adj, Vec out, const ADJLinearSolve *rec, PetscBool displace, const ADJErrorEstimate *e, ADJTrustReport *rep)
{
  ADJTrustCheck  *c = &rep->check[ADJ_CHECK_GRADIENT], *state = &rep->check[ADJ_CHECK_STATE];
  const PetscReal left    = e->left + (e->displaced ? e->state.left : 0.0); /* of the two solves */
  const PetscBool trusted = (PetscBool)(e->left <= ADJ_ERROR_TRUSTED && displace == e->displaced), refine = (PetscBool)(adj->refine && trusted);

  PetscFunctionBegin;
  c->value = e->error;
  c->error = PetscMin(ADJ_ERROR_SAFETY * left * ADJErrorFactor_Private(rec, rep), 1.0) * e->error;
  if (e->state.x && !PetscIsInfOrNanReal(e->state.distance)) {
    PetscCall(ADJSetCheck_Private(state, e->displaced ? ADJ_CHECK_INFO : ADJ_CHECK_INCONCLUSIVE, e->state.distance, 0.0, e->displaced ? NULL : "a Newton step from the state does not come closer to the solution, the value is its length"));
    state->error = e->state.left * e->state.distance;
  }
  if ((refine ? c->error : c->value) <= c->threshold)
    c->status = trusted ? ADJ_CHECK_PASSED : ADJ_CHECK_INCONCLUSIVE;
  else
    c->status = e->left <= ADJ_ERROR_TRUSTED ? ADJ_CHECK_FAILED : ADJ_CHECK_INCONCLUSIVE;
  c->advice = ADJErrorAdvice_Private(rec, e, displace, c->status);
  if (!refine) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(e->better, out));
  if (c->status == ADJ_CHECK_PASSED) c->advice = "corrected by its estimate; the value is that before";
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solves are made */
static PetscErrorCode ADJMeasureError_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, PetscBool displace, ADJTrustReport *rep)
{
  const PetscBool  knowable = (PetscBool)(displace && ADJStateErrorKnowable_Private(adj));
  ADJErrorEstimate e;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  PetscCall(ADJErrorEstimateCreate_Private(adj, out, knowable, &e));
  e.rtol = ADJErrorRtol_Private(adj, rec, rep);
  ierr   = ADJEstimateError_Private(adj, rep->phase, in, out, knowable, ADJ_STATE_MARGIN * rep->check[ADJ_CHECK_GRADIENT].threshold, &e);
  if (!ierr && (PetscIsInfOrNanReal(e.error) || PetscIsInfOrNanReal(e.left))) {
    rep->check[ADJ_CHECK_GRADIENT].threshold = 0.0;
    ierr                                     = ADJProductNotFinite_Private(rep);
  } else if (!ierr) {
    ierr = ADJJudgeError_Private(adj, out, rec, displace, &e, rep);
    if (!ierr) ierr = ADJSettleByError_Private(&e, rep);
  }
  PetscCall(ADJErrorEstimateDestroy_Private(&e));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* in = v, out = thetabar or in = thetadot, out = xdot. A program of given steps has no solution to be compared with */
PetscErrorCode ADJCheckGradientError_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const PetscBool always = (PetscBool)(adj->trusterror == ADJ_TRUST_ERROR_ALWAYS || adj->trustlevel >= ADJ_TRUST_LEVEL_CERTIFY);
  const PetscBool choose = (PetscBool)(!always && adj->trusterror == ADJ_TRUST_ERROR_AUTO);
  const PetscReal limit = ADJErrorLimit_Private(adj, rec), linear = ADJBoundLinearError_Private(rec, rep);
  PetscBool       displace = always, estimate;
  PetscReal       state    = 0.0;

  PetscFunctionBegin;
  if ((adj->program && adj->steps >= 0) || (!rec->approximate && !rec->reason)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJBoundStateError_Private(adj, rec, &state));
  if (choose) displace = (PetscBool)(!(state <= ADJ_STATE_MARGIN * limit) || rep->check[ADJ_CHECK_FORWARD].status == ADJ_CHECK_INCONCLUSIVE || adj->state->taken);
  estimate = (PetscBool)(displace || rec->approximate);
  if (choose && (!(linear <= ADJ_ERROR_MARGIN * limit) || rep->check[ADJ_CHECK_RESIDUAL_BOUND].status == ADJ_CHECK_INFO)) estimate = PETSC_TRUE;
  if (estimate) {
    rep->check[ADJ_CHECK_GRADIENT].threshold = limit;
    PetscCall(ADJMeasureError_Private(adj, in, out, rec, displace, rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (choose) PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_GRADIENT], ADJ_CHECK_PASSED, linear + state, limit, "from residuals and conditioning, so far below the limit that nothing was estimated"));
  PetscCall(ADJSettleByError_Private(NULL, rep));
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
   A derivative whose error is estimated above it is refused, `ADJ_TRUST_REFUTED_ERROR`; default 1e-2. The error has three sources: what
   the linear solve left, what a type left out (`ADJONESTEP`, `ADJNEUMANN`, `ADJTRUNCATED`, and `ADJUNROLLED` and `ADJREVERSIBLE`
   without `ADJSetSteps()`), and the error of the state. `ADJSetTrustGradientError()` says when it is estimated. With
   `ADJComputeObjectiveAndGradient()` it is that of the total gradient.

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
