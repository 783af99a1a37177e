/*
   The certificate: a bound of a derivative's error at the state, which fails with probability f at most. By [1], lemma 4.1, for any
   matrix C and independent Gaussian vectors w_1, ..., w_p

       |C| <= c max_i |C w_i|,   c = alpha (2/pi)^{1/2},   with failure probability alpha^{-p}

   in the 2-norm; with complex Gaussian vectors, real and imaginary part of variance 1 each, it holds all the more.

   What can be computed of the error needs no bound: with s the true residual, d = N^T w - thetabar what the type did not take from
   N at the state, and M^T delta = s - q with a small residual q, the error is

       adjoint:  e = (d + N^T delta) + N^T M^{-T} q,      tangent:  e = delta + M^{-1} q

   whatever q is. The last terms are bounded:

   the inverse:   M^T z_i = w_i + t_i gives |M^{-1}| <= kappa = c max |z_i| / (1 - c max |t_i|), as |M^{-T} w_i| <= |z_i| + |M^{-1}| |t_i|;
                  a tangent needs no more than kappa |q|, with M in place of M^T;
   with a JVP:    M xdot_i = N w_i, and C = (N^T M^{-T} q)^T give c max |xdot_i^T q|. A solution xdot_i that leaves the residual t_i is
                  wrong in that by at most |t_i| kappa |q|: of higher order, but added, with kappa from a few samples;
   without:       |N| kappa |q|, |N| from p products N^T w_i.

   Where two events can fail each gets the probability f/2.

   [1] N. Halko, P. G. Martinsson, J. A. Tropp, Finding structure with randomness, SIAM Review 53, 2011
*/
#include <contragrad/private/adjimpl.h>
#include <slepcvec.h>

#define ADJ_CERTIFICATE_SEED    20110611
#define ADJ_CERTIFICATE_INVERSE 2    /* samples for kappa where it stands in a term of second order */
#define ADJ_CERTIFICATE_LOSS    0.1  /* part of kappa that its solves may cost */
#define ADJ_CERTIFICATE_RTOL    1e-3 /* of the tangents */
#define ADJ_CERTIFICATE_SPLIT   1e-3 /* of delta: what is left is multiplied by bounds that are far above the mean */

typedef struct {
  PetscRandom rnd;
  Vec         omega, z, r, s, work; /* as the state */
  Vec         eta, part, d, twork;  /* as the parameters */
} ADJCertificate;

/* Streams of its own, other ones for each derivative: their bounds fail independently */
static PetscErrorCode ADJCertificateCreate_Private(ADJ adj, ADJCertificate *C)
{
  PetscMPIInt   rank;
  unsigned long seed;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(C, sizeof(*C)));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)adj), &rank));
  seed = ADJ_CERTIFICATE_SEED + 2654435761UL * (unsigned long)(adj->state->id + ADJCountProducts(&adj->checkcounters)) + 76543UL * (unsigned long)rank;
  PetscCall(ADJRandomCreate_Private(adj, &C->rnd));
  PetscCall(PetscRandomSetInterval(C->rnd, 0.0, PetscCMPLX(1.0, 1.0)));
  PetscCall(PetscRandomSetSeed(C->rnd, seed & 0x7fffffffUL));
  PetscCall(PetscRandomSeed(C->rnd));
  PetscCall(VecDuplicate(adj->r, &C->omega));
  PetscCall(VecDuplicate(adj->r, &C->z));
  PetscCall(VecDuplicate(adj->r, &C->r));
  PetscCall(VecDuplicate(adj->r, &C->s));
  PetscCall(VecDuplicate(adj->r, &C->work));
  PetscCall(VecDuplicate(adj->state->theta, &C->eta));
  PetscCall(VecDuplicate(adj->state->theta, &C->part));
  PetscCall(VecDuplicate(adj->state->theta, &C->d));
  PetscCall(VecDuplicate(adj->state->theta, &C->twork));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCertificateDestroy_Private(ADJCertificate *C)
{
  Vec *vecs[] = {&C->omega, &C->z, &C->r, &C->s, &C->work, &C->eta, &C->part, &C->d, &C->twork};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(PetscRandomDestroy(&C->rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c for a failure probability of f with p samples */
static PetscReal ADJCertificateFactor_Private(PetscInt p, PetscReal f)
{
  return PetscPowReal(f, -1.0 / (PetscReal)p) * PetscSqrtReal(2.0 / PETSC_PI);
}

/* kappa, from p systems with M^T (M for a tangent); Inf where they were solved too badly. Null vectors are left out: there M has no inverse */
static PetscErrorCode ADJBoundInverse_Private(ADJ adj, ADJPhase phase, PetscInt p, PetscReal f, ADJCertificate *C, PetscReal *kappa)
{
  const PetscBool adjoint = (PetscBool)(phase == ADJ_PHASE_ADJOINT);
  const PetscReal c       = ADJCertificateFactor_Private(p, f);
  PetscReal       norm, rtol, zmax = 0.0, tmax = 0.0;

  PetscFunctionBegin;
  if (adjoint)
    PetscCall(ADJSetAdjointOperators_Private(adj));
  else
    PetscCall(ADJSetTangentOperators_Private(adj, adj->M));
  for (PetscInt i = 0; i < p; i++) {
    PetscCall(VecSetRandomNormal(C->omega, C->rnd, C->r, C->work));
    PetscCall(ADJNullSpaceRemove_Private(adjoint ? adj->nullvectors.right : adj->nullvectors.left, C->omega));
    PetscCall(VecNorm(C->omega, NORM_2, &norm));
    rtol = ADJ_CERTIFICATE_LOSS / PetscMax(c * norm, 1.0); /* below 1 also for a short vector, which few unknowns may give */
    PetscCall(ADJSolveLoosely_Private(adjoint ? adj->ksp : adj->tksp, rtol, C->omega, C->z));
    if (adjoint)
      PetscCall(ADJApplyMT_Private(adj, C->z, C->r, NULL));
    else
      PetscCall(ADJApplyM_Private(adj, C->z, C->r));
    PetscCall(VecAXPY(C->r, -1.0, C->omega));
    PetscCall(VecNorm(C->r, NORM_2, &norm));
    tmax = norm <= tmax ? tmax : norm; /* NaN stays */
    PetscCall(VecNorm(C->z, NORM_2, &norm));
    zmax = norm <= zmax ? zmax : norm;
  }
  *kappa = c * tmax < 1.0 ? c * zmax / (1.0 - c * tmax) : PETSC_INFINITY;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* s = M^T delta + q: s becomes q, and d, if it is an adjoint, d + N^T delta; delta is left in z */
static PetscErrorCode ADJSplitError_Private(ADJ adj, ADJPhase phase, ADJCertificate *C)
{
  const PetscBool adjoint = (PetscBool)(phase == ADJ_PHASE_ADJOINT);
  PetscReal       norm;

  PetscFunctionBegin;
  PetscCall(VecSet(C->z, 0.0));
  PetscCall(VecNorm(C->s, NORM_2, &norm));
  if (norm == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSolveLoosely_Private(adjoint ? adj->ksp : adj->tksp, ADJ_CERTIFICATE_SPLIT, C->s, C->z));
  if (adjoint) {
    PetscCall(ADJApplyMT_Private(adj, C->z, C->r, C->part));
    PetscCall(VecAXPY(C->d, 1.0, C->part));
  } else
    PetscCall(ADJApplyM_Private(adj, C->z, C->r));
  PetscCall(VecAXPY(C->s, -1.0, C->r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |N|, from p products */
static PetscErrorCode ADJBoundN_Private(ADJ adj, PetscInt p, PetscReal f, ADJCertificate *C, PetscReal *bound)
{
  PetscReal norm;

  PetscFunctionBegin;
  *bound = 0.0;
  for (PetscInt i = 0; i < p; i++) {
    PetscCall(VecSetRandomNormal(C->omega, C->rnd, C->r, C->work));
    PetscCall(ADJApplyMT_Private(adj, C->omega, NULL, C->part));
    PetscCall(VecNorm(C->part, NORM_2, &norm));
    *bound = norm <= *bound ? *bound : norm;
  }
  *bound *= ADJCertificateFactor_Private(p, f);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c max |xdot_i^T q|, with q in s, and `hidden` times the residuals t_i */
static PetscErrorCode ADJBoundByTangents_Private(ADJ adj, PetscInt p, PetscReal f, PetscReal hidden, ADJCertificate *C, PetscReal *bound)
{
  PetscScalar dot;
  PetscReal   norm, value;

  PetscFunctionBegin;
  *bound = 0.0;
  PetscCall(ADJSetTangentOperators_Private(adj, adj->M));
  for (PetscInt i = 0; i < p; i++) {
    PetscCall(VecSetRandomNormal(C->eta, C->rnd, C->part, C->twork));
    PetscCall(ADJApplyN_Private(adj, C->eta, C->omega));
    PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, C->omega));
    PetscCall(ADJSolveLoosely_Private(adj->tksp, ADJ_CERTIFICATE_RTOL, C->omega, C->z));
    PetscCall(ADJApplyM_Private(adj, C->z, C->r));
    PetscCall(VecAXPY(C->r, -1.0, C->omega));
    PetscCall(VecNorm(C->r, NORM_2, &norm));
    PetscCall(VecDot(C->s, C->z, &dot));
    value  = PetscAbsScalar(dot) + norm * hidden;
    *bound = value <= *bound ? *bound : value;
  }
  *bound *= ADJCertificateFactor_Private(p, f);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |e| of the adjoint; gnorm that of the gradient, with the objective's own share */
static PetscErrorCode ADJCertifyAdjoint_Private(ADJ adj, Vec v, Vec thetabar, ADJCertificate *C, PetscReal *bound, PetscReal *gnorm)
{
  const PetscInt  p = adj->trustsamples;
  const PetscReal f = 0.5 * adj->trustfailure;
  PetscReal       kappa, qnorm, norm, dnorm;

  PetscFunctionBegin;
  PetscCall(ADJApplyMT_Private(adj, adj->w, C->s, C->d));
  PetscCall(VecAYPX(C->s, -1.0, v));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.right, C->s));
  PetscCall(VecAXPY(C->d, -1.0, thetabar));
  PetscCall(ADJBoundInverse_Private(adj, ADJ_PHASE_ADJOINT, adj->thetajvp ? PetscMin(p, ADJ_CERTIFICATE_INVERSE) : p, f, C, &kappa));
  PetscCall(ADJSplitError_Private(adj, ADJ_PHASE_ADJOINT, C));
  PetscCall(VecNorm(C->s, NORM_2, &qnorm));
  PetscCall(VecNorm(C->d, NORM_2, &dnorm));
  if (adj->thetajvp)
    PetscCall(ADJBoundByTangents_Private(adj, p, f, kappa * qnorm, C, &norm));
  else {
    PetscCall(ADJBoundN_Private(adj, p, f, C, &norm));
    norm *= kappa * qnorm;
  }
  *bound = dnorm + norm;
  PetscCall(VecCopy(thetabar, C->part));
  if (adj->pullingobjective) PetscCall(VecAXPY(C->part, 1.0, adj->objtheta));
  PetscCall(VecNorm(C->part, NORM_2, gnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCertifyTangent_Private(ADJ adj, Vec thetadot, Vec xdot, ADJCertificate *C, PetscReal *bound, PetscReal *xnorm)
{
  PetscReal kappa, qnorm;

  PetscFunctionBegin;
  PetscCall(ADJApplyN_Private(adj, thetadot, C->r));
  PetscCall(ADJApplyM_Private(adj, xdot, C->s));
  PetscCall(VecAYPX(C->s, -1.0, C->r));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, C->s));
  PetscCall(VecNorm(xdot, NORM_2, xnorm));
  PetscCall(ADJBoundInverse_Private(adj, ADJ_PHASE_TANGENT, adj->trustsamples, adj->trustfailure, C, &kappa));
  PetscCall(ADJSplitError_Private(adj, ADJ_PHASE_TANGENT, C));
  PetscCall(VecNorm(C->s, NORM_2, &qnorm));
  PetscCall(VecNorm(C->z, NORM_2, bound));
  *bound += kappa * qnorm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* in, out: v and thetabar, or thetadot and xdot. A bound that is too large refutes nothing */
PetscErrorCode ADJCheckCertificate_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const PetscReal limit = ADJErrorLimit_Private(adj, rec);
  ADJCertificate  C;
  PetscReal       bound, norm, value;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  if ((adj->program && adj->steps >= 0) || (!rec->approximate && !rec->reason)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJCertificateCreate_Private(adj, &C));
  if (rep->phase == ADJ_PHASE_ADJOINT)
    ierr = ADJCertifyAdjoint_Private(adj, in, out, &C, &bound, &norm);
  else
    ierr = ADJCertifyTangent_Private(adj, in, out, &C, &bound, &norm);
  PetscCall(ADJCertificateDestroy_Private(&C));
  PetscCall(ierr);
  value = bound > 0.0 ? bound / norm : bound;
  if (PetscIsInfOrNanReal(value))
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_CERTIFICATE], ADJ_CHECK_INCONCLUSIVE, -1.0, limit, "the systems with random right-hand sides were not solved well enough: look at -adj_ksp_monitor_true_residual (-adj_tangent_ksp_...), raise -adj_ksp_max_it"));
  else if (value <= limit)
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_CERTIFICATE], ADJ_CHECK_PASSED, value, limit, "against the derivative at this state; the error of the state is in the check gradient"));
  else
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_CERTIFICATE], ADJ_CHECK_INCONCLUSIVE, value, limit, "the bound is too large, which the error need not be: lower -adj_ksp_rtol (-adj_tangent_ksp_rtol), raise -adj_trust_samples"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustCertificate - Sets what the bound of a derivative's error rests on, at `ADJ_TRUST_LEVEL_CERTIFY`

   Logically collective

   Input Parameters:
+  adj     - the context
.  samples - random vectors, 1 or more; default 5
-  failure - probability with which the bound may be wrong, above 0 and below 1; default 1e-2

   Options Database Keys:
+  -adj_trust_samples <5>    - random vectors
-  -adj_trust_failure <1e-2> - probability

   Level: intermediate

   Notes:
   The more samples, the tighter the bound, and the dearer: each costs a tangent solve, or without a JVP an adjoint solve and a
   product, and up to three adjoint solves come to that. They are made to two or three digits.

   The bound is that of the error which the linear solve and the type have left at the state; rounding in the products, and an
   error in them, is not in it. It is relative to the derivative and held against `ADJSetGradientTolerance()`.

   References:
.  * - N. Halko, P. G. Martinsson, J. A. Tropp, Finding structure with randomness, SIAM Review 53, 2011

.seealso: `ADJGetTrustCertificate()`, `ADJSetTrustLevel()`, `ADJSetGradientTolerance()`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJSetTrustCertificate(ADJ adj, PetscInt samples, PetscReal failure)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, samples, 2);
  PetscValidLogicalCollectiveReal(adj, failure, 3);
  PetscCheck(samples >= 1, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The certificate needs at least 1 random vector, not %" PetscInt_FMT, samples);
  PetscCheck(failure > 0.0 && failure < 1.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The probability that the certificate is wrong must lie between 0 and 1, it is %g", (double)failure);
  adj->trustsamples = samples;
  adj->trustfailure = failure;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustCertificate - What `ADJSetTrustCertificate()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  samples - random vectors, `NULL` to ignore
-  failure - probability with which the bound may be wrong, `NULL` to ignore

   Level: intermediate

.seealso: `ADJSetTrustCertificate()`
@*/
PetscErrorCode ADJGetTrustCertificate(ADJ adj, PetscInt *samples, PetscReal *failure)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (samples) *samples = adj->trustsamples;
  if (failure) *failure = adj->trustfailure;
  PetscFunctionReturn(PETSC_SUCCESS);
}
