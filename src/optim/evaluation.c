/*
   The objective and its gradient as an optimizer asks for them: in parts, more than once at one theta, and where there is no state.
*/
#include "outer.h"

#define ADJ_CORRECTION_LIMIT 0.1 /* of a value */

PetscErrorCode ADJOuterSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsEnum("-adj_hessian_type", "How the Hessian is multiplied by a direction", "ADJSetHessianType", ADJHessianTypes, (PetscEnum)adj->hessiantype, (PetscEnum *)&adj->hessiantype, NULL));
  PetscCall(ADJCheckpointSetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(ADJToleranceSetFromOptions_Private(adj, PetscOptionsObject));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the optimizers keep; made when it is first asked for */
PetscErrorCode ADJGetOuter_Private(ADJ adj, ADJOuter *outer)
{
  PetscFunctionBegin;
  if (!adj->outer) PetscCall(PetscNew(&adj->outer));
  *outer = adj->outer;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJEvaluationReset_Private(ADJEvaluation *e)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&e->theta));
  PetscCall(VecDestroy(&e->gradient));
  e->id = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJOuterReset_Private(ADJ adj)
{
  ADJOuter o = adj->outer;

  PetscFunctionBegin;
  if (!o) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJEvaluationReset_Private(&o->last));
  PetscCall(ADJEvaluationReset_Private(&o->iterate));
  PetscCall(VecDestroy(&o->x));
  PetscCall(VecDestroy(&o->x0));
  PetscCall(VecDestroy(&o->xiterate));
  o->refused    = ADJ_TRUST_NONE;
  o->doubted    = ADJ_TRUST_NONE;
  o->iterations = 0;
  o->tol        = 0.0;
  o->norm = o->firstnorm = 0.0;
  o->offset              = 0.0;
  o->rejected            = 0;
  o->succeeded           = PETSC_FALSE;
  o->highest             = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Tao may outlive the ADJ: it is then not to solve before it has the functions of another one */
PetscErrorCode ADJOuterDestroy_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj->outer) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJOuterReset_Private(adj));
  PetscCall(TaoDestroy(&adj->outer->tao));
  PetscCall(PetscFree(adj->outer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Derivatives of steps, or of the last of them, need the steps: after a good guess few are made */
static PetscErrorCode ADJDifferentiatesSteps_Private(ADJ adj, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, ADJTRUNCATED, yes));
  if (adj->program) *yes = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An optimization begins: nothing is known, the problem may be another one */
PetscErrorCode ADJEvaluateBegin_Private(ADJ adj)
{
  ADJOuter  o;
  PetscBool steps;

  PetscFunctionBegin;
  PetscCall(ADJGetOuter_Private(adj, &o));
  PetscCheck(adj->sol, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No initial guess: call ADJSetSolution() first");
  PetscCall(ADJOuterReset_Private(adj));
  PetscCall(VecDuplicate(adj->sol, &o->x));
  PetscCall(VecCopy(adj->sol, o->x));
  PetscCall(ADJDifferentiatesSteps_Private(adj, &steps));
  if (steps) {
    PetscCall(VecDuplicate(adj->sol, &o->x0));
    PetscCall(VecCopy(adj->sol, o->x0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJEvaluationIsAt_Private(const ADJEvaluation *e, Vec theta, PetscBool *yes)
{
  PetscFunctionBegin;
  *yes = PETSC_FALSE;
  if (e->id) PetscCall(VecEqual(e->theta, theta, yes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Where a forward solve starts: steps that are differentiated where they did first; the same theta, with another tolerance, from its state;
   a trial point from the state of the iterate. If it started from that of the trial before, which may be another of several solutions, the
   objective would not tend to that of the iterate as steps tend to zero
*/
static PetscErrorCode ADJEvaluationStart_Private(ADJ adj, Vec theta, Vec *start)
{
  ADJOuter  o    = adj->outer;
  PetscBool same = PETSC_FALSE;

  PetscFunctionBegin;
  if (o->last.theta && !o->last.failed && o->succeeded) PetscCall(VecEqual(o->last.theta, theta, &same));
  *start = o->x0 ? o->x0 : (same || !o->iterate.id ? o->x : o->xiterate);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forward solve and the objective */
static PetscErrorCode ADJEvaluateObjective_Private(ADJ adj, Vec theta)
{
  ADJOuter       o     = adj->outer;
  ADJEvaluation *e     = &o->last;
  Vec            start = NULL;
  PetscMPIInt    bad;

  PetscFunctionBegin;
  PetscCall(ADJEvaluationStart_Private(adj, theta, &start));
  if (!e->theta) PetscCall(VecDuplicate(theta, &e->theta));
  e->id = 0;
  PetscCall(VecCopy(theta, e->theta));
  PetscCall(VecCopy(start, adj->sol));
  PetscCall(ADJSolve(adj, e->theta, adj->sol));
  e->value  = PETSC_INFINITY;
  e->pulled = PETSC_FALSE;
  e->failed = (PetscBool)(adj->state->reason <= 0);
  if (!e->failed) {
    PetscCall(ADJComputeObjective_Private(adj, adj->sol, adj->state->theta, &e->value, NULL, NULL));
    bad = PetscIsInfOrNanReal(e->value) ? 1 : 0;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
    e->failed = bad ? PETSC_TRUE : PETSC_FALSE;
  }
  if (!e->failed) {
    PetscCall(VecCopy(adj->sol, o->x));
    o->succeeded = PETSC_TRUE;
    o->highest   = PetscMax(o->highest, PetscAbsReal(e->value));
  } else
    PetscCall(VecCopy(o->x, adj->sol)); /* the user's vector does not end with what a solve that failed has left */
  e->id = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the type leaves the whole adjoint of the solution behind */
PetscErrorCode ADJKeepsAdjoint_Private(ADJ adj, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)adj, yes, ADJIMPLICIT, ADJAUTO, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The error of a value is then of second order in that of the state: a line search sees differences far below the forward tolerance. What
   is left is the correction times the relative error of the adjoint that it was made with, of which that of N^T w tells
*/
static PetscErrorCode ADJCorrectValue_Private(ADJ adj, ADJEvaluation *e)
{
  const ADJTrustCheck  *c = &adj->state->report.check[ADJ_CHECK_GRADIENT];
  PetscBool             keeps;
  const ADJLinearSolve *rec = &adj->state->adjoint;
  PetscReal             correction, rtol, norm;

  PetscFunctionBegin;
  PetscCall(KSPGetTolerances(adj->ksp, &rtol, NULL, NULL, NULL));
  e->error = rtol * PetscAbsReal(e->value);
  PetscCall(ADJKeepsAdjoint_Private(adj, &keeps));
  if (!keeps || !adj->w || adj->wspoilt || adj->state->report.verdict < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetCorrectedObjective(adj, NULL, &correction));
  e->error = PetscAbsReal(correction);
  if (!(e->error <= ADJ_CORRECTION_LIMIT * PetscAbsReal(e->value))) PetscFunctionReturn(PETSC_SUCCESS); /* of first order: not far from a solution, nor NaN */
  PetscCall(VecNorm(e->gradient, NORM_2, &norm));
  e->value += correction;
  e->error = PetscAbsReal(correction) * PetscMax(rtol, c->status > ADJ_CHECK_SKIPPED && rec->resultnorm > 0.0 ? c->value * norm / rec->resultnorm : 0.0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   A refusal is no error here. The last adjoint may be a bad guess: where dl/dx has become small its residual is so much larger that the KSP
   takes it for divergence. Then it is left out
*/
static PetscErrorCode ADJEvaluateGradient_Private(ADJ adj)
{
  ADJEvaluation       *e      = &adj->outer->last;
  const ADJTrustAction action = adj->trustaction;
  KSP                  ksp;
  PetscBool            guess;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  if (!e->gradient) PetscCall(VecDuplicate(e->theta, &e->gradient));
  if (action == ADJ_TRUST_ACTION_ERROR) adj->trustaction = ADJ_TRUST_ACTION_IGNORE;
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(ADJSetGuess_Private(ksp, PETSC_TRUE, &guess)); /* the last adjoint */
  ierr = ADJPullObjective_Private(adj, &e->value, e->gradient);
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess));
  if (!ierr && !guess && adj->state->report.verdict == ADJ_TRUST_REFUTED_LINEAR) ierr = ADJPullObjective_Private(adj, &e->value, e->gradient);
  adj->trustaction = action;
  PetscCall(ierr);
  e->pulled = PETSC_TRUE;
  PetscCall(ADJCorrectValue_Private(adj, e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A refusal is noted. At the first parameters it ends the optimization; that of a trial point, which may lie anywhere, rejects the step */
PetscErrorCode ADJNoteRefusal_Private(ADJ adj)
{
  ADJOuter  o = adj->outer;
  PetscBool here;

  PetscFunctionBegin;
  if (adj->state->report.verdict >= 0 || adj->trustaction != ADJ_TRUST_ACTION_ERROR || o->refused < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJEvaluationIsAt_Private(&o->iterate, o->last.theta, &here));
  if (o->iterate.id && !here) {
    o->doubted     = adj->state->report.verdict;
    o->last.failed = PETSC_TRUE;
    o->rejected++;
    PetscCall(PetscInfo(adj, "The gradient at a trial point is refused: %s\n", ADJTrusts[o->doubted]));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  o->refused = adj->state->report.verdict;
  PetscCall(ADJTrustTell_Private(adj, "The optimization stops"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No step is left that is not rejected: if the last one is for its gradient, that is the reason */
PetscErrorCode ADJNoteStuck_Private(ADJ adj)
{
  ADJOuter o = adj->outer;

  PetscFunctionBegin;
  if (!o->last.failed || !o->last.pulled || o->doubted >= 0 || o->refused < 0) PetscFunctionReturn(PETSC_SUCCESS);
  o->refused = o->doubted;
  PetscCall(ADJTrustTell_Private(adj, "The optimization stops"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills the evaluation `last` with what is still missing of it */
PetscErrorCode ADJEvaluateMissing_Private(ADJ adj, Vec theta, PetscBool gradient)
{
  ADJEvaluation *e = &adj->outer->last;
  PetscBool      known;

  PetscFunctionBegin;
  PetscCall(ADJEvaluationIsAt_Private(e, theta, &known));
  if (known && gradient && !e->pulled && e->id != adj->state->id) known = PETSC_FALSE; /* the state has gone elsewhere */
  if (!known) PetscCall(ADJEvaluateObjective_Private(adj, theta));
  if (gradient && !e->pulled && !e->failed) PetscCall(ADJEvaluateGradient_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The last evaluation is that of the optimizer's new iterate */
PetscErrorCode ADJEvaluationAccept_Private(ADJ adj)
{
  ADJEvaluation *e = &adj->outer->last, *it = &adj->outer->iterate;

  PetscFunctionBegin;
  if (!e->id || e->failed || !e->pulled || it->id == e->id) PetscFunctionReturn(PETSC_SUCCESS);
  if (!it->theta) PetscCall(VecDuplicate(e->theta, &it->theta));
  if (!it->gradient) PetscCall(VecDuplicate(e->theta, &it->gradient));
  if (!adj->outer->xiterate) PetscCall(VecDuplicate(adj->outer->x, &adj->outer->xiterate));
  PetscCall(VecCopy(adj->outer->x, adj->outer->xiterate));
  PetscCall(VecCopy(e->theta, it->theta));
  PetscCall(VecCopy(e->gradient, it->gradient));
  it->value = e->value;
  it->error = e->error;
  it->id    = e->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   What an optimizer is told where there is no state: about the last iterate (t, f, g) the linear model is mirrored,

       f + |<g, theta - t>|,   with the gradient -g or g that belongs to it.

   It lies above f, so that no descent method takes the point, and it is finite: a line search that interpolates goes back to about a
   quarter of the step, where an infinite value would end it
*/
PetscErrorCode ADJEvaluationMirror_Private(ADJ adj, Vec theta, PetscReal *value, Vec gradient)
{
  const ADJEvaluation *it = &adj->outer->iterate;
  PetscScalar          at, slope;

  PetscFunctionBegin;
  PetscCall(VecDot(theta, it->gradient, &slope));
  PetscCall(VecDot(it->theta, it->gradient, &at));
  slope -= at;
  if (value) *value = it->value + adj->outer->offset + (slope == (PetscScalar)0.0 ? 1.0 + PetscAbsReal(it->value) : PetscAbsScalar(slope));
  if (gradient) {
    PetscCall(VecCopy(it->gradient, gradient));
    if (PetscRealPart(slope) < 0.0) PetscCall(VecScale(gradient, -1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
