/*
   Consistency: the products against differences of the map at the solution, which no other check looks at. With the
   adjoint w, whose pullbacks M^T w and N^T w are known when the linear solve ends, and one random direction,

       <w, R(x + h dx, theta + h dtheta) - R(x - h dx, theta - h dtheta)>/2h = <M^T w, dx> - <N^T w, dtheta>

   costs two evaluations of the map. They are held against |D M^T w| and |D N^T w|, D = diag |d_i|, the expected size of both
   terms over random signs: a product that is off by a part of this is found whatever the other terms add up to. Only
   where they do not agree each part is looked at alone, and with other steps: an error of a product does not depend on the
   step, noise and curvature do. For a tangent <w, M dx - N dtheta> by the JVP stands on the right, with a random w.
*/
#include "probe.h"

#define ADJ_PROBE_AGREE  0.3  /* two mismatches that differ by less, relatively, are one */
#define ADJ_PROBE_WEIGHT 1.6  /* of the part in theta, in the balance of both */
#define ADJ_PROBE_LEAST  1e-4 /* share of a part whose terms dwarf those of the other */

static const char *const ADJNoise = "the map is too noisy, or too curved, for differences: solve inside of it to tighter tolerances, or -adj_trust_differences false and -adj_test_vjp where it is not";

static PetscErrorCode ADJRandomCotangent_Private(ADJ adj, ADJProbe *p)
{
  PetscFunctionBegin;
  PetscCall(VecDuplicate(adj->state->x, &p->w));
  PetscCall(VecSetRandom(p->w, p->rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sign in which a claim grows */
static inline PetscReal ADJSense_Private(PetscScalar claim)
{
  return PetscRealPart(claim) < 0.0 ? -1.0 : 1.0;
}

/*
   claim = <bar, d>, scale = |D bar|, D = diag |d_i|. A random d may be nearly orthogonal to bar, and blind for an error that is
   a multiple of it: D^2 bar/|D bar|, which no component of outgrows d, is added so that |Re claim| >= scale. D bar and bar change
*/
static PetscErrorCode ADJAlignDirection_Private(Vec bar, Vec d, Vec work, PetscScalar *claim, PetscReal *scale)
{
  PetscReal sense;

  PetscFunctionBegin;
  PetscCall(VecDot(d, bar, claim));
  PetscCall(VecCopy(d, work));
  PetscCall(VecAbs(work));
  PetscCall(VecPointwiseMult(bar, bar, work));
  PetscCall(VecNorm(bar, NORM_2, scale));
  if (!(*scale > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  sense = ADJSense_Private(*claim);
  PetscCall(VecPointwiseMult(bar, bar, work));
  PetscCall(VecAXPY(d, sense / *scale, bar));
  *claim += sense * *scale;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The cotangent, and its pullbacks by the user's VJP */
static PetscErrorCode ADJClaimAdjoint_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJProbe *p)
{
  const PetscBool known = (PetscBool)(rec->reason && !rec->approximate && rec->residual >= 0.0 && rec->solnorm > 0.0 && !adj->nullvectors.n);

  PetscFunctionBegin;
  if (known) { /* adj->s = v - M^T w, of which null spaces would have taken something off */
    PetscCall(PetscObjectReference((PetscObject)adj->w));
    p->w = adj->w;
    PetscCall(VecWAXPY(p->mtw, -1.0, adj->s, in));
    PetscCall(VecCopy(out, p->ntw));
  } else {
    PetscCall(ADJRandomCotangent_Private(adj, p));
    PetscCall(ADJApplyMT_Private(adj, p->w, p->mtw, p->ntw));
  }
  PetscCall(ADJAlignDirection_Private(p->mtw, p->dx, p->xh, &p->claim[0], &p->scale[0]));
  PetscCall(ADJAlignDirection_Private(p->ntw, p->dtheta, p->thetah, &p->claim[1], &p->scale[1]));
  p->claim[1] = -p->claim[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The random cotangent is turned towards both products, for the same reason */
static PetscErrorCode ADJClaimTangent_Private(ADJ adj, ADJProbe *p)
{
  Vec         y[2] = {p->mtw, p->rp};
  PetscScalar claim;

  PetscFunctionBegin;
  PetscCall(ADJRandomCotangent_Private(adj, p));
  PetscCall(ADJApplyM_Private(adj, p->dx, y[0]));
  PetscCall(ADJApplyN_Private(adj, p->dtheta, y[1]));
  PetscCall(VecScale(y[1], -1.0));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecNorm(y[i], NORM_2, &p->scale[i]));
    PetscCall(VecDot(p->w, y[i], &claim));
    if (p->scale[i] > 0.0) PetscCall(VecAXPY(p->w, ADJSense_Private(claim) / p->scale[i], y[i]));
  }
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDot(y[i], p->w, &p->claim[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both parts are to count, but not quite alike, so that in one dimension they cannot cancel; the displacement of neither grows */
static void ADJBalanceProbe_Private(ADJProbe *p)
{
  const PetscReal a = p->scale[0], b = ADJ_PROBE_WEIGHT * p->scale[1];

  p->share[0] = a > b && b > 0.0 ? PetscMax(b / a, ADJ_PROBE_LEAST) : 1.0;
  p->share[1] = b > a && a > 0.0 ? PetscMax(a / b, ADJ_PROBE_LEAST) : 1.0;
}

/* Signed and relative, from p->rp, p->rm at step h with these shares; the real part alone, for a map of real parameters is not linear over the complex numbers */
static PetscErrorCode ADJProbeMismatch_Private(ADJProbe *p, const PetscReal share[2], PetscReal h, PetscScalar *delta)
{
  PetscScalar    a, b;
  PetscReal      scale = PetscMax(share[0] * p->scale[0], share[1] * p->scale[1]);
  const PetscInt alone = share[0] == 0.0 ? 1 : 0;

  PetscFunctionBegin;
  PetscCall(VecDot(p->rp, p->w, &a));
  PetscCall(VecDot(p->rm, p->w, &b));
  *delta = PetscRealPart((a - b) / (2.0 * h) - (share[0] * p->claim[0] + share[1] * p->claim[1]));
  if (scale == 0.0) scale = PetscMax(p->scale[!alone], PetscAbsScalar(*delta)); /* a product that is zero */
  if (scale > 0.0) *delta /= scale;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the two sides differ, at the last step, by as much as the product is off: then it is the slope of one of them */
static PetscErrorCode ADJProbeSides_Private(const ADJProbe *p, PetscInt part, PetscReal h, PetscReal delta, PetscBool *kink)
{
  PetscScalar a, b, c;
  PetscReal   off = delta * p->scale[part];

  PetscFunctionBegin;
  PetscCall(VecDot(p->rp, p->w, &a));
  PetscCall(VecDot(p->r0, p->w, &b));
  PetscCall(VecDot(p->rm, p->w, &c));
  if (off == 0.0) off = PetscAbsScalar(a - c) / (2.0 * h); /* a product that is zero misses all of it */
  *kink = (PetscBool)(PetscAbsScalar(a - 2.0 * b + c) / h >= 0.5 * off);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What to do about a product that is not that of the derivative */
static const char *ADJWrongProduct_Private(ADJ adj, PetscInt part)
{
  const PetscBool tangent = (PetscBool)(adj->state->report.phase == ADJ_PHASE_TANGENT);

  if (part == 1) return "the product in theta is not that of the derivative of the map: -adj_test_vjp shows the numbers";
  if (!(tangent ? adj->jvpcomposed : adj->vjpcomposed)) return "the product in x is not that of the derivative of the map: -adj_test_vjp shows the numbers";
  if (adj->inforce == &adj->fdjacobian) return "the Jacobian by coloring is not the derivative of the map: the pattern of the DM's matrix must hold all that depends on each other, see its stencil";
  if (adj->adapter && adj->adapter->advice) return adj->adapter->advice;
  if (tangent) return "the Jacobian matrix is not the derivative of the map (Picard, frozen, lumped): give ADJSetJVP(), and the matrix remains the preconditioner, or run with -adj_vjp_fd_color";
  if (adj->symmetric) return "the Jacobian is not its own transpose, or its matrix not the derivative of the map: leave out ADJSetSymmetric(), give ADJSetVJP(), or run with -adj_vjp_fd_color";
  return "the Jacobian matrix is not the derivative of the map (Picard, frozen, lumped): give ADJSetVJP(), and the matrix remains the preconditioner, or run with -adj_vjp_fd_color";
}

/* One part alone, x or theta, at p->h and, if that does not agree, at two more steps */
static PetscErrorCode ADJProbePart_Private(ADJ adj, ADJProbe *p, PetscInt part, PetscReal tol, ADJTrustCheck *c, PetscBool *kink)
{
  const PetscReal share[2]  = {part == 0 ? 1.0 : 0.0, part == 1 ? 1.0 : 0.0};
  const PetscReal factor[3] = {1.0, ADJ_PROBE_RATIO, 1.0 / ADJ_PROBE_RATIO};
  PetscScalar     delta[3];
  PetscReal       best = PETSC_MAX_REAL;
  PetscBool       same = PETSC_FALSE;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < 3; i++) {
    const PetscReal h = factor[i] * p->h;

    PetscCall(ADJProbeEvaluate_Private(adj, p, -h * share[0], -h * share[1], p->rm));
    PetscCall(ADJProbeEvaluate_Private(adj, p, h * share[0], h * share[1], p->rp));
    PetscCall(ADJProbeMismatch_Private(p, share, h, &delta[i]));
    if (PetscAbsScalar(delta[i]) < best) best = PetscAbsScalar(delta[i]);
    if (best <= tol) break;
    if (i && PetscAbsScalar(delta[i] - delta[0]) <= ADJ_PROBE_AGREE * PetscAbsScalar(delta[0])) same = PETSC_TRUE;
  }
  if (best <= tol)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, best, tol, NULL));
  else if (same) {
    PetscCall(ADJProbeSides_Private(p, part, factor[2] * p->h, PetscAbsScalar(delta[0]), kink));
    if (!*kink) PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, PetscAbsScalar(delta[0]), tol, ADJWrongProduct_Private(adj, part)));
  } else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, best < PETSC_MAX_REAL ? best : -1.0, tol, ADJNoise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJEnterKink_Private(ADJ adj, const ADJProbe *p, ADJProbeOutcome outcome, ADJTrustCheck *c)
{
  const PetscReal tol = adj->threshold[ADJ_CHECK_KINK];

  PetscFunctionBegin;
  if (outcome == ADJ_PROBE_SMOOTH)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, p->bend, tol, NULL));
  else if (outcome == ADJ_PROBE_KINK)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, p->bend, tol, "the map has a kink at the solution, it has no derivative there: look for max(), abs(), limiters and thresholds; move the parameters, or smooth the map"));
  else if (outcome == ADJ_PROBE_NEAR_KINK)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, p->bend, tol, "the map has a kink near the solution, as seen from components that are small beside the others: scale the state and the parameters to like sizes, or -adj_trust_differences false if it is far enough"));
  else if (outcome == ADJ_PROBE_NOT_FINITE)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, -1.0, tol, "the map has NaN or Inf beside the solution: the state or the parameters lie on the edge of its domain; -adj_trust_differences false if that is meant"));
  else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, p->bend, tol, ADJNoise));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckProducts_Private(ADJ adj, ADJProbe *p, ADJTrustCheck part[2], ADJTrustCheck *kink)
{
  const PetscReal *tol = &adj->threshold[ADJ_CHECK_VJP_X];
  PetscScalar      delta;
  PetscBool        found = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(ADJProbeMismatch_Private(p, p->share, p->h, &delta));
  for (PetscInt i = 0; i < 2; i++) {
    if (PetscAbsScalar(delta) <= PetscMin(tol[0], tol[1]))
      PetscCall(ADJSetCheck_Private(&part[i], ADJ_CHECK_PASSED, PetscAbsScalar(delta), tol[i], NULL));
    else
      PetscCall(ADJProbePart_Private(adj, p, i, tol[i], &part[i], &found));
    if (found) PetscCall(ADJEnterKink_Private(adj, p, ADJ_PROBE_KINK, kink));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solver that says it has converged, and has not, by the same product: does that depend on how it is called? */
static PetscErrorCode ADJCheckCalls_Private(ADJ adj, Vec in, ADJProbe *p, ADJTrustCheck *c)
{
  const PetscReal tol = adj->threshold[ADJ_CHECK_VJP_X];
  PetscReal       norm, diff;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(p->rp, -1.0, adj->s, in));
  PetscCall(VecNorm(p->rp, NORM_2, &norm));
  PetscCall(VecSet(p->rm, norm));
  PetscCall(ADJApplyMT_Private(adj, p->w, p->rm, NULL));
  PetscCall(VecAXPY(p->rm, -1.0, p->rp));
  PetscCall(VecNorm(p->rm, NORM_2, &diff));
  if (diff > tol * norm) PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, diff / norm, tol, "the VJP in x gives another result when the part in theta is not wanted, or adds to its output instead of overwriting it: no call may rely on another, nor on what is in the output"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The claims of the products along the direction */
static PetscErrorCode ADJClaim_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, PetscInt phase, ADJProbe *p)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&p->w));
  if (phase == ADJ_PHASE_ADJOINT)
    PetscCall(ADJClaimAdjoint_Private(adj, in, out, rec, p));
  else
    PetscCall(ADJClaimTangent_Private(adj, p));
  ADJBalanceProbe_Private(p);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is not smooth along a direction that moves each component far enough may be so along a shorter one */
static PetscErrorCode ADJProbeAgain_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, PetscInt phase, ADJProbe *p, ADJProbeOutcome *outcome)
{
  const PetscReal bend = p->bend;
  ADJProbeOutcome again;

  PetscFunctionBegin;
  PetscCall(ADJProbeNarrow_Private(adj, p));
  PetscCall(ADJClaim_Private(adj, in, out, rec, phase, p));
  PetscCall(ADJProbeSmoothness_Private(adj, p, adj->threshold[ADJ_CHECK_KINK], &again));
  if (again == ADJ_PROBE_SMOOTH) *outcome = *outcome == ADJ_PROBE_KINK ? ADJ_PROBE_NEAR_KINK : ADJ_PROBE_SMOOTH;
  if (*outcome != ADJ_PROBE_SMOOTH) p->bend = bend;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJProbeState_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep, ADJProbe *p, PetscBool *known)
{
  ADJProbeRecord *d = &adj->state->differences;
  ADJProbeOutcome outcome;

  PetscFunctionBegin;
  PetscCall(ADJClaim_Private(adj, in, out, rec, rep->phase, p));
  *known = (PetscBool)(!PetscIsInfOrNanReal(p->scale[0]) && !PetscIsInfOrNanReal(p->scale[1]));
  if (!*known) {
    PetscCall(ADJProductNotFinite_Private(rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (p->w == adj->w && rep->check[ADJ_CHECK_LINEAR].status == ADJ_CHECK_FAILED && rec->reason > 0) {
    PetscCall(ADJCheckCalls_Private(adj, in, p, &d->part[0][0]));
    if (d->part[0][0].status == ADJ_CHECK_FAILED) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJProbeSmoothness_Private(adj, p, adj->threshold[ADJ_CHECK_KINK], &outcome));
  if (outcome == ADJ_PROBE_KINK || outcome == ADJ_PROBE_UNDECIDED) PetscCall(ADJProbeAgain_Private(adj, in, out, rec, rep->phase, p, &outcome));
  PetscCall(ADJEnterKink_Private(adj, p, outcome, &d->kink));
  if (outcome == ADJ_PROBE_SMOOTH || outcome == ADJ_PROBE_NEAR_KINK) PetscCall(ADJCheckProducts_Private(adj, p, d->part[rep->phase == ADJ_PHASE_TANGENT], &d->kink));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l at x + a dx, theta + b dtheta; all processes have the value of the first */
static PetscErrorCode ADJShiftedObjective_Private(ADJ adj, ADJProbe *p, PetscReal a, PetscReal b, PetscReal *f)
{
  PetscFunctionBegin;
  PetscCall(ADJProbeShift_Private(adj, p, a, b));
  PetscCall(ADJComputeObjective_Private(adj, p->xh, p->thetah, f, NULL, NULL));
  PetscCallMPI(MPI_Bcast(f, 1, MPIU_REAL, 0, PetscObjectComm((PetscObject)adj)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The partial derivative in x or in theta, `bar`, against differences along d: relative mismatch at up to three steps. At a
   minimum of l there is little or nothing to be relative to: then it is how much the derivative changes over the first step
*/
static PetscErrorCode ADJCheckPartial_Private(ADJ adj, ADJProbe *p, PetscInt part, Vec bar, Vec d, Vec work, ADJTrustCheck *c)
{
  const PetscReal factor[3] = {1.0, ADJ_PROBE_RATIO, 1.0 / ADJ_PROBE_RATIO}, tol = adj->threshold[ADJ_CHECK_OBJECTIVE];
  const char     *wrong[2] = {"the objective's dl/dx is not its derivative: look at the function of ADJSetObjective()", "the objective's partial derivative in theta is not its derivative: look at the function of ADJSetObjective()"};
  PetscScalar     claim;
  PetscReal       delta[3] = {0.0, 0.0, 0.0}, f[2], middle, scale, best = PETSC_MAX_REAL;
  PetscBool       same = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(VecDot(d, bar, &claim));
  PetscCall(VecPointwiseMult(work, bar, d));
  PetscCall(VecNorm(work, NORM_2, &scale));
  for (PetscInt i = 0; i < 3 && !(best <= tol); i++) {
    const PetscReal h = factor[i] * PetscCbrtReal(PETSC_MACHINE_EPSILON);

    PetscCall(ADJShiftedObjective_Private(adj, p, part ? 0.0 : -h, part ? -h : 0.0, &f[0]));
    PetscCall(ADJShiftedObjective_Private(adj, p, part ? 0.0 : h, part ? h : 0.0, &f[1]));
    delta[i] = (f[1] - f[0]) / (2.0 * h) - PetscRealPart(claim);
    if (PetscAbsReal(delta[i]) <= 10.0 * PETSC_MACHINE_EPSILON * PetscMax(PetscAbsReal(f[0]), PetscAbsReal(f[1])) / h) delta[i] = 0.0; /* rounding */
    if (i == 0 && PetscAbsReal(delta[i]) > tol * scale) {
      PetscCall(ADJShiftedObjective_Private(adj, p, 0.0, 0.0, &middle));
      scale = PetscMax(scale, PetscAbsReal(f[1] - 2.0 * middle + f[0]) / h);
    }
    if (delta[i] != 0.0) delta[i] /= PetscMax(scale, PETSC_SMALL * PetscAbsReal(delta[i]));
    if (PetscAbsReal(delta[i]) < best) best = PetscAbsReal(delta[i]);
    if (i && PetscAbsReal(delta[i] - delta[0]) <= ADJ_PROBE_AGREE * PetscAbsReal(delta[0])) same = PETSC_TRUE;
  }
  if (best <= tol) {
    if (c->status == ADJ_CHECK_SKIPPED || (c->status == ADJ_CHECK_PASSED && best > c->value)) PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, best, tol, NULL));
  } else if (same)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, PetscAbsReal(delta[0]), tol, wrong[part]));
  else if (c->status != ADJ_CHECK_FAILED)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, best < PETSC_MAX_REAL ? best : -1.0, tol, "the objective is too noisy, or too curved, for differences"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is known of this solution goes into every report made there */
static PetscErrorCode ADJEnterDifferences_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJProbeRecord *d = &adj->state->differences;

  PetscFunctionBegin;
  rep->check[ADJ_CHECK_KINK] = d->kink;
  for (PetscInt i = 0; i < 2; i++) {
    if (rep->check[ADJ_CHECK_VJP_X + i].status == ADJ_CHECK_SKIPPED) rep->check[ADJ_CHECK_VJP_X + i] = d->part[rep->phase == ADJ_PHASE_TANGENT][i];
  }
  if (adj->pullingobjective) rep->check[ADJ_CHECK_OBJECTIVE] = d->objective;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Switched off: then nothing is known of the products, unless -adj_test_vjp has looked at them */
static PetscErrorCode ADJEnterUnknown_Private(const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < 2 && rec->rhsnorm > 0.0; i++) {
    ADJTrustCheck *c = &rep->check[ADJ_CHECK_VJP_X + i];

    if (c->status == ADJ_CHECK_SKIPPED) PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, -1.0, 0.0, "not looked at, -adj_trust_differences is false: -adj_test_vjp looks at it"));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each solution and phase */
PetscErrorCode ADJCheckDifferences_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJProbeRecord *d        = &adj->state->differences;
  const PetscInt  phase    = rep->phase == ADJ_PHASE_TANGENT ? 1 : 0;
  PetscBool       products = (PetscBool)(!d->known[phase] && rec->rhsnorm > 0.0), objective = (PetscBool)(adj->pullingobjective && !d->objectiveknown);
  ADJProbe        p;
  PetscErrorCode  ierr = PETSC_SUCCESS;

  PetscFunctionBegin;
  if (!adj->trustdifferences) {
    PetscCall(ADJEnterUnknown_Private(rec, rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (products || objective) {
    PetscCall(ADJLinearizeAtSolution_Private(adj));
    PetscCall(ADJProbeCreate_Private(adj, &p));
    if (products) ierr = ADJProbeState_Private(adj, in, out, rec, rep, &p, &d->known[phase]);
    if (!ierr && objective) ierr = ADJCheckPartial_Private(adj, &p, 0, adj->objx, p.dx, p.rp, &d->objective);
    if (!ierr && objective) ierr = ADJCheckPartial_Private(adj, &p, 1, adj->objtheta, p.dtheta, p.ntw, &d->objective);
    PetscCall(ADJProbeDestroy_Private(&p));
    PetscCall(ierr);
    if (objective) d->objectiveknown = PETSC_TRUE;
  }
  PetscCall(ADJEnterDifferences_Private(adj, rep));
  PetscFunctionReturn(PETSC_SUCCESS);
}
