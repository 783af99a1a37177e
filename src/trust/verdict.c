/*
   The verdict on a derivative: which checks are made, in which order, and what follows from them.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_NEAR_ROUNDING 1e-11 /* a relative residual that Newton's method can hardly lower */

static const ADJLinearSolve *ADJTrustRecord_Private(ADJ adj, ADJPhase phase)
{
  return phase == ADJ_PHASE_ADJOINT ? &adj->state->adjoint : &adj->state->tangent;
}

PetscErrorCode ADJSetCheck_Private(ADJTrustCheck *c, ADJCheckStatus status, PetscReal value, PetscReal threshold, const char advice[])
{
  PetscFunctionBegin;
  c->status    = status;
  c->value     = value;
  c->threshold = threshold;
  c->advice    = advice;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What to try after a forward solve that did not converge */
static const char *ADJForwardAdvice_Private(ADJ adj, PetscReal rel)
{
  const ADJState *st = adj->state;

  if (adj->adapter && adj->adapter->linear) return "look at -ksp_monitor_true_residual and -ksp_converged_reason of the KSP that was borrowed: more iterations, another preconditioner";
  if (ADJForwardBorrowed_Private(adj)) return "look at the monitor and the converged reason of the solver that was borrowed; tighter tolerances, more iterations, a better initial guess in x";
  if (st->reason < 0 && rel >= 0.0 && rel <= ADJ_NEAR_ROUNDING) return "the residual stopped falling near rounding level: raise -adj_forward_snes_rtol";
  return "look at -adj_forward_snes_monitor and -adj_forward_snes_converged_reason; more iterations by -adj_forward_snes_max_it, another solver by -adj_forward_snes_type, a better initial guess in x; -adj_forward_snes_atol if that guess was a solution already";
}

/*
   The solver's word is enough where the residual was what it tested; else the residual is held against a limit. A
   tolerance looser than that limit is the user's choice: no refusal, but no confirmation either
*/
static PetscErrorCode ADJCheckForward_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJState *st       = adj->state;
  const PetscBool absolute = (PetscBool)(st->reason == SNES_CONVERGED_FNORM_ABS), relative = (PetscBool)(st->reason == SNES_CONVERGED_FNORM_RELATIVE);
  const PetscReal limit = adj->threshold[ADJ_CHECK_FORWARD], last = st->nhistory ? st->history[st->nhistory - 1] : 0.0;
  const PetscReal rel      = !st->nhistory ? -1.0 : (last > 0.0 ? last / st->rnormref : 0.0);
  const PetscBool small    = (PetscBool)(st->nhistory && rel <= limit);
  const PetscBool borrowed = ADJForwardBorrowed_Private(adj);
  PetscBool       bounds   = PETSC_FALSE;
  SNES            snes;
  SNESType        type = NULL;
  ADJTrustCheck  *c    = &rep->check[ADJ_CHECK_FORWARD];

  PetscFunctionBegin;
  rep->forward_reason = st->reason;
  if (adj->snes || (adj->adapter && adj->adapter->getsnes)) {
    PetscCall(ADJGetSNES(adj, &snes));
    PetscCall(SNESGetType(snes, &type));
  }
  if (type) PetscCall(PetscStrbeginswith(type, "vi", &bounds));
  if (bounds)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, rel, 0.0, borrowed ? "the bounds of a variational inequality are not differentiated: take a SNES without bounds, or a Tao and ADJSetTaoSolution()" : "the bounds of a variational inequality are not differentiated: choose another -adj_forward_snes_type"));
  else if (st->reason > 0 && st->taken)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INFO, last, 0.0, "the residual itself, of a solution that the user's own solve has found; its error is estimated"));
  else if (st->reason > 0 && adj->program && adj->steps >= 0)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, rel, 0.0, "the derivative is that of the steps that were made"));
  else if (st->reason > 0 && (absolute || small))
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, rel, absolute ? 0.0 : limit, NULL));
  else if (relative)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, rel, limit, borrowed ? "converged to a loose tolerance: lower that of the solver that was borrowed, or raise -adj_trust_forward_rtol if that is meant" : "converged to a loose tolerance: lower -adj_forward_snes_rtol, or raise -adj_trust_forward_rtol if that is meant"));
  else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, rel, st->reason < 0 ? 0.0 : limit, ADJForwardAdvice_Private(adj, rel)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A product that a check made */
PetscErrorCode ADJProductNotFinite_Private(ADJTrustReport *rep)
{
  PetscFunctionBegin;
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_FINITE], ADJ_CHECK_FAILED, 0.0, 1.0, "a product with the Jacobian has NaN or Inf at the solution: look at the VJP and JVP with -adj_test_vjp"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After a failure only: whether the residual that stopped the solver holds NaN or Inf */
static PetscErrorCode ADJCheckForwardFinite_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJState *st = adj->state;
  PetscReal       norm;

  PetscFunctionBegin;
  if (rep->check[ADJ_CHECK_FORWARD].status != ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  if (ADJForwardBorrowed_Private(adj))
    norm = st->nhistory ? st->history[st->nhistory - 1] : 0.0;
  else
    PetscCall(VecNorm(adj->r, NORM_2, &norm));
  if (st->reason == ADJ_SNES_DIVERGED_NAN || PetscIsInfOrNanReal(norm)) PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_FINITE], ADJ_CHECK_FAILED, 0.0, 1.0, "F or R has NaN or Inf at an iterate of the forward solve: look at the function, its initial guess and the parameters"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckFinite_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJTrustCheck *c    = &rep->check[ADJ_CHECK_FINITE];
  PetscBool      obj  = adj->objnotfinite;
  PetscBool      rhs  = PetscIsInfOrNanReal(rec->rhsnorm);
  PetscBool      rest = (PetscBool)(PetscIsInfOrNanReal(rec->solnorm) || PetscIsInfOrNanReal(rec->resultnorm) || PetscIsInfOrNanReal(rec->residual) || rec->reason == KSP_DIVERGED_NANORINF);

  PetscFunctionBegin;
  adj->objnotfinite = PETSC_FALSE;
  if (c->status == ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  if (obj)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, 0.0, 1.0, "the objective, or its partial derivative in theta, has NaN or Inf: look at the function of ADJSetObjective()"));
  else if (rhs)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, 0.0, 1.0, "the cotangent (or the direction pushed through the JVP) has NaN or Inf"));
  else if (rest)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, 0.0, 1.0, "a product with the Jacobian has NaN or Inf at the solution: look at the VJP and JVP with -adj_test_vjp"));
  else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, 1.0, 1.0, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The true residual |v - M^T w| against the tolerance, whatever the KSP says of its own recurrence */
static PetscErrorCode ADJCheckLinear_Private(ADJ adj, ADJPhase phase, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  KSP       ksp = phase == ADJ_PHASE_ADJOINT ? adj->ksp : adj->tksp;
  PetscReal atol, limit, rel = -1.0;
  PetscBool passed = (PetscBool)(rec->reason > 0);

  PetscFunctionBegin;
  if (!rec->reason) PetscFunctionReturn(PETSC_SUCCESS); /* no system was solved */
  PetscCall(KSPGetTolerances(ksp, NULL, &atol, NULL, NULL));
  limit = adj->threshold[ADJ_CHECK_LINEAR] >= 0.0 ? adj->threshold[ADJ_CHECK_LINEAR] : PetscMin(10.0 * rec->rtol, PetscSqrtReal(rec->rtol)); /* below 1 with rtol: w = 0 never passes */
  if (rec->residual >= 0.0) {
    rel = rec->rhsnorm > 0.0 ? rec->residual / rec->rhsnorm : 0.0;
    if (!(rel <= limit) && !(rec->residual <= 10.0 * atol)) passed = PETSC_FALSE;
  }
  rep->linear_reason = rec->reason;
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_LINEAR], passed ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED, rel, rel >= 0.0 ? limit : 0.0, passed ? NULL : "look at -adj_ksp_monitor_true_residual (-adj_tangent_ksp_...); more iterations by -adj_ksp_max_it, a longer restart by -adj_ksp_gmres_restart, a preconditioner by ADJSetPreconditioner()"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What -adj_test_vjp found at this state */
static PetscErrorCode ADJCheckTestedVJP_Private(ADJ adj, ADJTrustReport *rep)
{
  const char *advice[2] = {"the VJP in x is not the transposed derivative of the map: -adj_test_vjp shows the numbers", "the VJP in theta is not the transposed derivative of the map: -adj_test_vjp shows the numbers"};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < 2; i++) {
    PetscReal err = adj->state->vjperror[i];
    PetscReal tol = adj->state->vjptolerance[i];
    PetscBool bad = (PetscBool) !(err <= tol);

    if (err == -1.0) continue;
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_VJP_X + i], bad ? ADJ_CHECK_FAILED : ADJ_CHECK_PASSED, err, tol, bad ? advice[i] : NULL));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first failure in this order names the reason; something left open is no refutation, but no confirmation either */
static const struct {
  ADJCheck check;
  ADJTrust reason;
} ADJTrustOrder[] = {
  {ADJ_CHECK_FINITE, ADJ_TRUST_REFUTED_NOT_FINITE},
  {ADJ_CHECK_FORWARD, ADJ_TRUST_REFUTED_FORWARD},
  {ADJ_CHECK_KINK, ADJ_TRUST_REFUTED_NOT_SMOOTH},
  {ADJ_CHECK_VJP_X, ADJ_TRUST_REFUTED_VJP},
  {ADJ_CHECK_VJP_THETA, ADJ_TRUST_REFUTED_VJP},
  {ADJ_CHECK_OBJECTIVE, ADJ_TRUST_REFUTED_OBJECTIVE},
  {ADJ_CHECK_NULLSPACE, ADJ_TRUST_REFUTED_NULLSPACE},
  {ADJ_CHECK_DEFECT, ADJ_TRUST_REFUTED_NULLSPACE},
  {ADJ_CHECK_SOLVABILITY, ADJ_TRUST_REFUTED_NULLSPACE},
  {ADJ_CHECK_PERSISTENCE, ADJ_TRUST_REFUTED_NULLSPACE},
  {ADJ_CHECK_SINGULAR, ADJ_TRUST_REFUTED_SINGULAR},
  {ADJ_CHECK_CONDITIONING, ADJ_TRUST_REFUTED_SINGULAR},
  {ADJ_CHECK_LINEAR, ADJ_TRUST_REFUTED_LINEAR},
  {ADJ_CHECK_CONTRACTION, ADJ_TRUST_REFUTED_CONTRACTION},
  {ADJ_CHECK_SELECTIONS, ADJ_TRUST_REFUTED_CONTRACTION},
  {ADJ_CHECK_COMPLEMENTARITY, ADJ_TRUST_REFUTED_NOT_SMOOTH},
  {ADJ_CHECK_RESIDUAL_BOUND, ADJ_TRUST_REFUTED_CONDITIONING},
  {ADJ_CHECK_DRIFT, ADJ_TRUST_REFUTED_ERROR},
  {ADJ_CHECK_GRADIENT, ADJ_TRUST_REFUTED_ERROR},
  {ADJ_CHECK_CERTIFICATE, ADJ_TRUST_REFUTED_ERROR},
  {ADJ_CHECK_INFLUENCE, ADJ_TRUST_UNVERIFIED},
  {ADJ_CHECK_RATE, ADJ_TRUST_UNVERIFIED}};
static const PetscInt ADJTrustOrderLength = (PetscInt)(sizeof(ADJTrustOrder) / sizeof(ADJTrustOrder[0]));

/* Index in ADJTrustOrder of the first check with that status, -1 if there is none */
static PetscInt ADJFindCheck_Private(const ADJTrustReport *rep, ADJCheckStatus status)
{
  for (PetscInt i = 0; i < ADJTrustOrderLength; i++) {
    if (rep->check[ADJTrustOrder[i].check].status == status) return i;
  }
  return -1;
}

/* The one that stands behind a refusal, or else behind doubt; ADJ_CHECK_COUNT if all is well */
ADJCheck ADJDecidingCheck_Private(const ADJTrustReport *rep)
{
  PetscInt i = ADJFindCheck_Private(rep, ADJ_CHECK_FAILED);

  if (i < 0) i = ADJFindCheck_Private(rep, ADJ_CHECK_INCONCLUSIVE);
  return i < 0 ? ADJ_CHECK_COUNT : ADJTrustOrder[i].check;
}

static ADJTrust ADJConclude_Private(ADJ adj, const ADJTrustReport *rep)
{
  PetscInt failed = ADJFindCheck_Private(rep, ADJ_CHECK_FAILED);

  if (failed >= 0) return ADJTrustOrder[failed].reason;
  if (adj->trustlevel == ADJ_TRUST_LEVEL_NONE || ADJFindCheck_Private(rep, ADJ_CHECK_INCONCLUSIVE) >= 0) return ADJ_TRUST_UNVERIFIED;
  return rep->check[ADJ_CHECK_CERTIFICATE].status == ADJ_CHECK_PASSED ? ADJ_TRUST_CERTIFIED : ADJ_TRUST_ESTIMATED;
}

/* One verdict for all ranks: the worst */
static PetscErrorCode ADJSetVerdict_Private(ADJ adj, ADJTrustReport *rep)
{
  PetscMPIInt verdict = (PetscMPIInt)ADJConclude_Private(adj, rep);

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &verdict, 1, MPI_INT, MPI_MIN, PetscObjectComm((PetscObject)adj)));
  rep->verdict = (ADJTrust)verdict;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What was found, in words */
static PetscErrorCode ADJDescribeFailure_Private(const ADJTrustReport *rep, ADJCheck which, size_t len, char text[])
{
  const ADJTrustCheck *c     = &rep->check[which];
  const char          *phase = rep->phase == ADJ_PHASE_TANGENT ? "tangent" : "adjoint";

  PetscFunctionBegin;
  if (which == ADJ_CHECK_FINITE)
    PetscCall(PetscStrncpy(text, "NaN or Inf", len));
  else if (which == ADJ_CHECK_FORWARD)
    PetscCall(PetscSNPrintf(text, len, "the forward solve stopped with %s, its residual %g relative to the first", SNESConvergedReasons[rep->forward_reason], (double)c->value));
  else if (which == ADJ_CHECK_LINEAR)
    PetscCall(PetscSNPrintf(text, len, "the %s solve stopped with %s, its true relative residual is %g, limit %g", phase, KSPConvergedReasons[rep->linear_reason], (double)c->value, (double)c->threshold));
  else
    PetscCall(PetscSNPrintf(text, len, "check %s gave %g, limit %g", ADJChecks[which], (double)c->value, (double)c->threshold));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Code, description and advice of a refusal */
static PetscErrorCode ADJDescribeRefusal_Private(const ADJTrustReport *rep, PetscErrorCode *code, size_t len, char text[])
{
  const PetscInt failed = ADJFindCheck_Private(rep, ADJ_CHECK_FAILED);
  const ADJCheck which  = failed >= 0 ? ADJTrustOrder[failed].check : ADJ_CHECK_FINITE;
  const char    *advice = rep->check[which].advice;
  char           what[256];

  PetscFunctionBegin;
  *code = PETSC_ERR_CONV_FAILED;
  if (rep->verdict == ADJ_TRUST_REFUTED_NOT_FINITE) *code = PETSC_ERR_FP;
  if (rep->verdict == ADJ_TRUST_REFUTED_FORWARD || rep->verdict == ADJ_TRUST_REFUTED_LINEAR) *code = PETSC_ERR_NOT_CONVERGED;
  PetscCall(ADJDescribeFailure_Private(rep, which, sizeof(what), what));
  PetscCall(PetscSNPrintf(text, len, "%s: %s; %s", ADJTrusts[rep->verdict], what, advice ? advice : "see the checks"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrustRaise_Private(ADJ adj, const ADJTrustReport *rep)
{
  PetscErrorCode code;
  char           text[1024];

  PetscFunctionBegin;
  PetscCall(ADJDescribeRefusal_Private(rep, &code, sizeof(text), text));
  SETERRQ(PetscObjectComm((PetscObject)adj), code, "Derivative refused, %s. -adj_trust_view shows all checks, -adj_trust_action warn hands the derivative out all the same", text);
}

/* On the standard error stream: what follows from the refusal of the last derivative, and its reason */
PetscErrorCode ADJTrustTell_Private(ADJ adj, const char consequence[])
{
  PetscErrorCode code;
  PetscViewer    err;
  char           text[1024];

  PetscFunctionBegin;
  PetscCall(ADJDescribeRefusal_Private(&adj->state->report, &code, sizeof(text), text));
  PetscCall(PetscViewerASCIIGetStderr(PetscObjectComm((PetscObject)adj), &err));
  PetscCall(PetscViewerASCIIPrintf(err, "%s: derivative refused, %s. -adj_trust_view shows all checks, -adj_trust_action warn goes on all the same\n", consequence, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Shows the report if that was asked for, and does with a refused derivative what the user chose */
static PetscErrorCode ADJTrustAct_Private(ADJ adj)
{
  const ADJTrustReport *rep = &adj->state->report;
  PetscViewer           err;

  PetscFunctionBegin;
  PetscCall(ADJViewByOption_Private(adj, "-adj_trust_view", ADJTrustView));
  if (rep->verdict >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  if (adj->trustaction == ADJ_TRUST_ACTION_ERROR) PetscCall(ADJTrustRaise_Private(adj, rep));
  if (adj->trustaction == ADJ_TRUST_ACTION_WARN) {
    PetscCall(PetscViewerASCIIGetStderr(PetscObjectComm((PetscObject)adj), &err));
    PetscCall(PetscViewerASCIIPrintf(err, "WARNING: a derivative that was refused is handed out\n"));
    PetscCall(ADJTrustView(adj, err));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before the solve: a forward solve that failed ends it here, if refusals are errors */
PetscErrorCode ADJTrustBegin_Private(ADJ adj, ADJPhase phase)
{
  ADJTrustReport *rep = &adj->state->report;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(rep, sizeof(*rep)));
  rep->phase = phase;
  PetscCall(ADJCheckForward_Private(adj, rep));
  PetscCall(ADJCheckForwardFinite_Private(adj, rep));
  PetscCall(ADJSetVerdict_Private(adj, rep));
  if (rep->verdict < 0 && adj->trustaction == ADJ_TRUST_ACTION_ERROR) PetscCall(ADJTrustAct_Private(adj));
  rep->verdict = ADJ_TRUST_NONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A pullback of zero is right where nothing depends on the parameters: then something is wrong with the question */
static PetscErrorCode ADJCheckInfluence_Private(ADJPhase phase, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  if (phase != ADJ_PHASE_ADJOINT || !(rec->rhsnorm > 0.0) || rec->resultnorm != 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_INFLUENCE], ADJ_CHECK_INCONCLUSIVE, 0.0, 0.0, "the pullback is exactly zero: the parameters have no influence on what the cotangent looks at, or the VJP leaves its output in theta zero"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The checks that cost products; of no use once the derivative is refused, but for those that may name the reason */
static PetscErrorCode ADJTrustEstimate_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  PetscCall(ADJCheckInfluence_Private(rep->phase, rec, rep));
  PetscCall(ADJCheckConditioning_Private(adj, rec, rep));
  if (rep->check[ADJ_CHECK_FINITE].status == ADJ_CHECK_FAILED || rep->check[ADJ_CHECK_FORWARD].status == ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckDifferences_Private(adj, in, out, rec, rep));
  if (adj->adapter && adj->adapter->check) PetscCall((*adj->adapter->check)(adj, rep));
  PetscCall(ADJCheckNullSpace_Private(adj, in, rec, rep));
  if (ADJConclude_Private(adj, rep) >= 0 || ADJConclude_Private(adj, rep) == ADJ_TRUST_REFUTED_LINEAR) PetscCall(ADJCheckContraction_Private(adj, rec, rep));
  if (ADJConclude_Private(adj, rep) >= 0) PetscCall(ADJCheckSelections_Private(adj, rep));
  if (ADJConclude_Private(adj, rep) >= 0) PetscCall(ADJCheckClassicalBound_Private(adj, rec, rep));
  if (ADJConclude_Private(adj, rep) >= 0) PetscCall(ADJCheckGradientError_Private(adj, in, out, rec, rep));
  if (ADJConclude_Private(adj, rep) >= 0 && adj->trustlevel >= ADJ_TRUST_LEVEL_CERTIFY) PetscCall(ADJCheckCertificate_Private(adj, in, out, rec, rep));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After the solve: the verdict, and what follows from it */
PetscErrorCode ADJTrustEnd_Private(ADJ adj, ADJPhase phase, Vec in, Vec out)
{
  ADJTrustReport       *rep      = &adj->state->report;
  const ADJLinearSolve *rec      = ADJTrustRecord_Private(adj, phase);
  const PetscInt        products = ADJCountProducts(&adj->checkcounters), maps = adj->checkcounters.map;
  PetscErrorCode        ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(ADJ_TrustCheck, adj, 0, 0, 0));
  PetscCall(ADJCheckFinite_Private(adj, rec, rep));
  if (phase == ADJ_PHASE_ADJOINT && !PetscIsInfOrNanReal(rec->resultnorm)) adj->largest = PetscMax(adj->largest, rec->resultnorm);
  PetscCall(ADJCheckLinear_Private(adj, phase, rec, rep));
  PetscCall(ADJCheckDrift_Private(adj, rec, rep));
  if (phase == ADJ_PHASE_ADJOINT) PetscCall(ADJCheckTestedVJP_Private(adj, rep));
  adj->account = &adj->checkcounters;
  if (adj->trustlevel > ADJ_TRUST_LEVEL_NONE) ierr = ADJTrustEstimate_Private(adj, in, out, rec, rep);
  adj->account = &adj->counters;
  PetscCall(ierr);
  PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
  rep->products = ADJCountProducts(&adj->checkcounters) - products;
  rep->maps     = adj->checkcounters.map - maps;
  PetscCall(ADJSetVerdict_Private(adj, rep));
  PetscCall(PetscLogEventEnd(ADJ_TrustCheck, adj, 0, 0, 0));
  PetscCall(ADJViewSpectrumFromOptions_Private(adj));
  PetscCall(ADJTrustAct_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
