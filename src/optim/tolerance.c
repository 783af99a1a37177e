/*
   Tolerances of the inner solves that follow the progress of the outer optimization.
*/
#include "outer.h"

#define ADJ_TOLERANCE_TIGHTEN 0.1 /* where an evaluation is not good enough: that much of the tolerance, from the state that was found */
#define ADJ_TOLERANCE_VALUE   0.1 /* largest error of a value, relative to the decrease that the gradient of the iterate promises */

/* What one evaluation with tolerances of its own puts back */
typedef struct {
  SNES          snes; /* borrowed */
  KSP           ksp;
  PetscReal     snesrtol, ksprtol, gradientrtol;
  ADJTrustError trusterror;
  PetscBool     floor; /* the tolerances are those of the solvers themselves */
} ADJToleranceSaved;

const char *const ADJToleranceSchedules[] = {"FIXED", "HOAG", "GRADIENT", "ADJToleranceSchedule", "ADJ_TOLERANCE_", NULL};

/*@
   ADJSetToleranceSchedule - Lets the tolerances of forward and adjoint solves follow the progress of the optimization

   Logically collective

   Input Parameters:
+  adj      - the context
-  schedule - `ADJ_TOLERANCE_FIXED` (default), `ADJ_TOLERANCE_HOAG` or `ADJ_TOLERANCE_GRADIENT`

   Options Database Keys:
+  -adj_tolerance_schedule <fixed,hoag,gradient> - the same
.  -adj_tolerance_start <0.3>                    - the first tolerance, see `ADJSetToleranceParameters()`
.  -adj_tolerance_decay <0.5>                    - of hoag
-  -adj_tolerance_descent <0.3>                  - of the guard

   Level: intermediate

   Notes:
   At iteration k both solves have the relative tolerance start decay^k (hoag), or start |g_k|/|g_0| (gradient; of the norms that the Tao
   looks at), but
   never one below their own, `-adj_forward_snes_rtol` and `-adj_ksp_rtol`: these are reached in the end, or not needed. The tolerance is
   relative to what that of the forward solve always is, see `ADJGetSNES()`.

   The guard: the error of each gradient is estimated. If it is more than the part `descent` < 1 of the gradient, the solves go on with a
   tenth of the tolerance. So the negative gradient, as it is computed, is a direction of descent: <g, g^> >= (1 - descent) |g^|^2.

   A line search compares values. They are corrected by the adjoint (`ADJGetCorrectedObjective()`), so that their error is that of the state
   squared; it is estimated too, and where it is more than a tenth of the decrease that the gradient promises, value and iterate are found
   again with tighter tolerances. So each value is found together with its gradient.

   For `ADJSetTao()` and `ADJMinimize()`, but not with `brgn`, which takes the misfit for exact (`PETSC_ERR_SUP`), nor with
   `-adj_trust_level none`, which estimates no error (`PETSC_ERR_SUP`). Steps of a given number (`ADJSetSteps()`) have no tolerance, and are
   made as ever. Types that leave out a part of the adjoint, as `ADJONESTEP`, have an error that no tolerance lowers: little is saved.

   References:
.  * - F. Pedregosa, Hyperparameter optimization with approximate gradient, ICML 2016: a summable sequence of tolerances keeps convergence

.seealso: `ADJSetToleranceParameters()`, `ADJSetTao()`, `ADJMinimize()`, `ADJSetTrustGradientError()`
@*/
PetscErrorCode ADJSetToleranceSchedule(ADJ adj, ADJToleranceSchedule schedule)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, schedule, 2);
  adj->tolerance.schedule = schedule;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetToleranceSchedule - The schedule that was set with `ADJSetToleranceSchedule()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  schedule - of the inner tolerances

   Level: intermediate

.seealso: `ADJSetToleranceSchedule()`
@*/
PetscErrorCode ADJGetToleranceSchedule(ADJ adj, ADJToleranceSchedule *schedule)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *schedule = adj->tolerance.schedule;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetToleranceParameters - Sets the numbers of a schedule of inner tolerances

   Logically collective

   Input Parameters:
+  adj     - the context
.  start   - the first tolerance, in (0, 1)
.  decay   - factor from one iteration to the next, in (0, 1), of `ADJ_TOLERANCE_HOAG`
-  descent - largest relative error of a gradient, in (0, 1)

   Options Database Keys:
+  -adj_tolerance_start <0.3>    - the first
.  -adj_tolerance_decay <0.5>    - the second
-  -adj_tolerance_descent <0.3>  - the third

   Level: advanced

.seealso: `ADJSetToleranceSchedule()`
@*/
PetscErrorCode ADJSetToleranceParameters(ADJ adj, PetscReal start, PetscReal decay, PetscReal descent)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(start > 0.0 && start < 1.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The first tolerance %g must be between 0 and 1", (double)start);
  PetscCheck(decay > 0.0 && decay < 1.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The decay %g of the tolerance must be between 0 and 1", (double)decay);
  PetscCheck(descent > 0.0 && descent < 1.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "The largest relative error %g of a gradient must be between 0 and 1", (double)descent);
  adj->tolerance.start   = start;
  adj->tolerance.decay   = decay;
  adj->tolerance.descent = descent;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJToleranceSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscReal start = adj->tolerance.start, decay = adj->tolerance.decay, descent = adj->tolerance.descent;

  PetscFunctionBegin;
  PetscCall(PetscOptionsEnum("-adj_tolerance_schedule", "Inner tolerances that follow the outer progress", "ADJSetToleranceSchedule", ADJToleranceSchedules, (PetscEnum)adj->tolerance.schedule, (PetscEnum *)&adj->tolerance.schedule, NULL));
  PetscCall(PetscOptionsReal("-adj_tolerance_start", "First inner tolerance", "ADJSetToleranceParameters", start, &start, NULL));
  PetscCall(PetscOptionsReal("-adj_tolerance_decay", "Factor of the tolerance from one iteration to the next", "ADJSetToleranceParameters", decay, &decay, NULL));
  PetscCall(PetscOptionsReal("-adj_tolerance_descent", "Largest relative error of a gradient", "ADJSetToleranceParameters", descent, &descent, NULL));
  PetscCall(ADJSetToleranceParameters(adj, start, decay, descent));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the schedule says at the present iterate */
static PetscErrorCode ADJToleranceOfIterate_Private(ADJ adj, PetscReal *tol)
{
  const ADJTolerance *t = &adj->tolerance;
  ADJOuter            o = adj->outer;

  PetscFunctionBegin;
  *tol = t->start;
  if (t->schedule == ADJ_TOLERANCE_HOAG) *tol *= PetscPowRealInt(t->decay, o->iterations);
  if (t->schedule == ADJ_TOLERANCE_GRADIENT && o->firstnorm > 0.0) *tol *= PetscMin(1.0, o->norm / o->firstnorm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solvers have the tolerance for one evaluation, unless their own is looser. The error of the gradient is then limited by the guard */
static PetscErrorCode ADJToleranceEnter_Private(ADJ adj, PetscReal tol, ADJToleranceSaved *saved)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(saved, sizeof(*saved)));
  saved->trusterror   = adj->trusterror;
  saved->gradientrtol = adj->gradientrtol;
  PetscCall(ADJGetKSP(adj, &saved->ksp));
  PetscCall(KSPGetTolerances(saved->ksp, &saved->ksprtol, NULL, NULL, NULL));
  if (!ADJForwardBorrowed_Private(adj) || adj->adapter->getsnes) {
    PetscCall(ADJGetSNES(adj, &saved->snes));
    PetscCall(SNESGetTolerances(saved->snes, NULL, &saved->snesrtol, NULL, NULL, NULL));
    PetscCall(SNESSetTolerances(saved->snes, ADJ_CURRENT, PetscMax(tol, saved->snesrtol), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  }
  PetscCall(KSPSetTolerances(saved->ksp, PetscMax(tol, saved->ksprtol), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  saved->floor = (PetscBool)(tol <= saved->ksprtol && (!saved->snes || tol <= saved->snesrtol));
  if (saved->floor) PetscFunctionReturn(PETSC_SUCCESS);
  adj->trusterror        = ADJ_TRUST_ERROR_ALWAYS;
  adj->gradientrtol      = adj->tolerance.descent;
  adj->tolerance.inforce = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJToleranceLeave_Private(ADJ adj, ADJToleranceSaved *saved)
{
  PetscFunctionBegin;
  adj->trusterror        = saved->trusterror;
  adj->gradientrtol      = saved->gradientrtol;
  adj->tolerance.inforce = PETSC_FALSE;
  if (saved->snes) PetscCall(SNESSetTolerances(saved->snes, ADJ_CURRENT, saved->snesrtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(saved->ksp, saved->ksprtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An evaluation with a tolerance that falls until the gradient is not refused and the value has at most that error, or the solvers' own is reached */
static PetscErrorCode ADJEvaluateTo_Private(ADJ adj, Vec theta, PetscBool gradient, PetscReal error)
{
  ADJOuter          o   = adj->outer;
  ADJEvaluation    *e   = &o->last;
  const PetscReal   tol = o->tol;
  ADJToleranceSaved saved;
  PetscBool         good, end;
  PetscErrorCode    ierr;

  PetscFunctionBegin;
  for (;; o->tol *= ADJ_TOLERANCE_TIGHTEN) {
    PetscCall(ADJToleranceEnter_Private(adj, o->tol, &saved));
    ierr = ADJEvaluateMissing_Private(adj, theta, gradient);
    PetscCall(ADJToleranceLeave_Private(adj, &saved));
    PetscCall(ierr);
    good = (PetscBool)!e->failed;
    if (good && gradient) good = (PetscBool)(adj->state->report.verdict >= 0 && e->error <= error);
    end = (PetscBool)(saved.floor || good || (e->failed && adj->state->reason <= 0)); /* a solve that fails does not come further by a tighter tolerance */
    if (end && e->failed) o->tol = tol;                                               /* that of the iterate */
    if (end) PetscFunctionReturn(PETSC_SUCCESS);
    e->id = 0;
  }
}

/*
   Before a step from the iterate t to theta: where the value at t is too uncertain for the decrease |<g, theta - t>| it is found again,
   and values are told relative to the one that the optimizer knows. `*error`: what the value at theta may have. Of the gradient only
   that part promises something which the optimizer looks at, which bounds and a norm that it adds itself leave
*/
static PetscErrorCode ADJRefineIterate_Private(ADJ adj, Vec theta, PetscReal *error)
{
  ADJOuter       o  = adj->outer;
  ADJEvaluation *it = &o->iterate;
  PetscScalar    a, b;
  PetscReal      norm;
  PetscReal      told = it->value + o->offset;

  PetscFunctionBegin;
  PetscCall(VecDot(theta, it->gradient, &a));
  PetscCall(VecDot(it->theta, it->gradient, &b));
  PetscCall(VecNorm(it->gradient, NORM_2, &norm));
  *error = ADJ_TOLERANCE_VALUE * PetscAbsScalar(a - b);
  if (norm > 0.0 && o->norm > 0.0) *error *= PetscMin(1.0, o->norm / norm);
  if (it->error <= *error) PetscFunctionReturn(PETSC_SUCCESS);
  o->last.id = 0;
  PetscCall(ADJEvaluateTo_Private(adj, it->theta, PETSC_TRUE, *error));
  if (o->last.failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(o->x, o->xiterate));
  it->value = o->last.value;
  it->error = PetscMin(o->last.error, *error); /* the solvers' own tolerance may not give more */
  o->offset = told - it->value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Fills the evaluation `last` at theta, with its gradient if that is wanted: what is known there already is not computed again. Where
   tolerances follow the optimization they are those of its iterate, or tighter ones where need be
*/
PetscErrorCode ADJEvaluate_Private(ADJ adj, Vec theta, PetscBool gradient)
{
  ADJOuter       o     = adj->outer;
  ADJEvaluation *e     = &o->last;
  PetscReal      error = PETSC_MAX_REAL;
  PetscBool      known, here, scheduled = (PetscBool)(adj->tolerance.schedule != ADJ_TOLERANCE_FIXED && !(adj->program && adj->steps >= 0));

  PetscFunctionBegin;
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCheck(!scheduled || adj->trustlevel > ADJ_TRUST_LEVEL_NONE, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "Without checks nobody sees that a tolerance is too loose: leave out -adj_trust_level none, or -adj_tolerance_schedule");
  if (scheduled) gradient = PETSC_TRUE; /* values are of use with their correction only */
  PetscCall(ADJEvaluationIsAt_Private(e, theta, &known));
  if (known && (e->pulled || e->failed || !gradient)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!scheduled)
    PetscCall(ADJEvaluateMissing_Private(adj, theta, gradient));
  else {
    if (o->tolof != o->iterate.id || o->tol == 0.0) PetscCall(ADJToleranceOfIterate_Private(adj, &o->tol));
    o->tolof = o->iterate.id;
    PetscCall(ADJEvaluationIsAt_Private(&o->iterate, theta, &here));
    if (o->iterate.id && !here) PetscCall(ADJRefineIterate_Private(adj, theta, &error));
    PetscCall(ADJEvaluateTo_Private(adj, theta, gradient, error));
  }
  if (e->failed) o->rejected++;
  if (!gradient || e->failed) PetscFunctionReturn(PETSC_SUCCESS);
  if (adj->testgradient) PetscCall(ADJTestGradientFromOptions_Private(adj, NULL));
  PetscCall(ADJNoteRefusal_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
