/*
   The joint spectral radius (JSR) of the selections A_0, ..., A_{n-1} of dF/dx, bracketed by products of k = 1, 2, ... of them:

       rho(A_{s1} ... A_{sk})^{1/k}  <=  JSR  <=  max over all words of length k of ||A_{s1} ... A_{sk}||^{1/k},

   for every word s1 ... sk on the left, for every length k on the right. Both by EPS: the left side on a shell of the transposed
   product P^T, the right side on one of P^T P, which for the largest singular value loses no accuracy that matters (the Lanczos
   solver of SVD does not survive products of rank 1, which projections make).

   Where null vectors U of I - dF/dx were given, and A_s U = U for all selections, the radius is that of the products on the quotient:
   with Q = I - U U^H it is Q A_{s1} Q A_{s2} ... = Q A_{s1} A_{s2} ..., and Q P^T has the eigenvalues of (Q P)^T.

   Of words that are rotations of each other one is enough for the left side, and powers of shorter words tell nothing new.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_SELECTIONS_TOL    1e-3    /* of the distance to 1 */
#define ADJ_SELECTIONS_NEAR   1e-4    /* a smaller norm is not resolved */
#define ADJ_SELECTIONS_MAX_IT 1000000 /* the budget ends it before */
#define ADJ_SELECTIONS_BUDGET 10      /* budgets of one measurement for all of them together */

/* y = A_{s1} ... A_{sk} x, or y = A_{sk}^T ... A_{s1}^T x. A failure on one process ends it on all */
static PetscErrorCode ADJApplyWord_Private(ADJ adj, PetscBool transpose, Vec x, Vec y)
{
  ADJSelections *sel = &adj->selections;
  Vec            in  = x, out;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < sel->k && !sel->filter.notfinite; i++) {
    out = i < sel->k - 1 ? sel->work[i % 2] : y;
    PetscCall(ADJFilterProduct_Private(&sel->filter, ADJComputeSelection_Private(adj, transpose, sel->word[transpose ? i : sel->k - 1 - i], in, out), out));
    in = out;
  }
  if (sel->filter.notfinite) PetscCall(VecSet(y, 0.0));
  if (sel->quotient) PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.right, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether A_s U = U for all of them, by w^H A_s U = (A_s^T w)^H U with a random w */
static PetscErrorCode ADJFindQuotient_Private(ADJ adj)
{
  ADJSelections        *sel = &adj->selections;
  const ADJNullVectors *nv  = &adj->nullvectors;
  Vec                   y   = sel->work[0];
  PetscScalar           dot;

  PetscFunctionBegin;
  if (!nv->n) PetscFunctionReturn(PETSC_SUCCESS);
  sel->quotient = PETSC_TRUE;
  PetscCall(VecSetRandom(sel->start, sel->rnd));
  PetscCall(VecNormalize(sel->start, NULL));
  for (PetscInt s = 0; s < adj->nselections && sel->quotient && !sel->filter.notfinite; s++) {
    PetscCall(ADJFilterProduct_Private(&sel->filter, ADJComputeSelection_Private(adj, PETSC_TRUE, s, sel->start, y), y));
    PetscCall(VecAXPY(y, -1.0, sel->start));
    for (PetscInt j = 0; j < nv->n; j++) {
      PetscCall(VecDot(y, nv->U[j], &dot));
      if (PetscAbsScalar(dot) > adj->threshold[ADJ_CHECK_NULLSPACE] * PetscMax(sel->filter.norm, 1.0)) sel->quotient = PETSC_FALSE;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = P^T x, P the product */
static PetscErrorCode MatMult_ADJ_Word(Mat PT, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(PT, &adj));
  PetscCall(ADJApplyWord_Private(adj, PETSC_TRUE, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = P^T P x */
static PetscErrorCode MatMult_ADJ_WordSquared(Mat PTP, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(PTP, &adj));
  PetscCall(ADJApplyWord_Private(adj, PETSC_FALSE, x, adj->selections.work[2]));
  PetscCall(ADJApplyWord_Private(adj, PETSC_TRUE, adj->selections.work[2], y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A large norm, or one near 0, need not be known as well as its distance from 1 */
static PetscErrorCode ADJEPSConverged_Norm(EPS eps, PetscScalar eigr, PetscScalar eigi, PetscReal res, PetscReal *errest, void *ctx)
{
  const PetscReal square = PetscAbsScalar(eigr);

  (void)eps;
  (void)eigi;
  (void)ctx;
  PetscFunctionBegin;
  *errest = res / PetscMin(ADJDistanceToOne_Private(square), PetscMax(square, ADJ_SELECTIONS_NEAR));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJEPSStopping_Selections(EPS eps, PetscInt its, PetscInt max_it, PetscInt nconv, PetscInt nev, EPSConvergedReason *reason, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  PetscCall(EPSStoppingBasic(eps, its, max_it, nconv, nev, reason, NULL));
  if (*reason == EPS_CONVERGED_ITERATING && ADJCountProducts(adj->account) >= adj->selections.limit) *reason = EPS_DIVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCreateEPS_Selections(ADJ adj, const char suffix[], EPSProblemType type, PetscErrorCode (*converged)(EPS, PetscScalar, PetscScalar, PetscReal, PetscReal *, void *), EPS *eps)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, suffix, sizeof(prefix), prefix));
  PetscCall(EPSCreate(PetscObjectComm((PetscObject)adj), eps));
  PetscCall(PetscObjectSetOptions((PetscObject)*eps, ((PetscObject)adj)->options));
  PetscCall(EPSSetOptionsPrefix(*eps, prefix));
  PetscCall(EPSSetProblemType(*eps, type));
  PetscCall(EPSSetWhichEigenpairs(*eps, EPS_LARGEST_MAGNITUDE));
  PetscCall(EPSSetConvergenceTestFunction(*eps, converged, NULL, NULL));
  PetscCall(EPSSetStoppingTestFunction(*eps, ADJEPSStopping_Selections, adj, NULL));
  PetscCall(EPSSetTolerances(*eps, ADJ_SELECTIONS_TOL, ADJ_SELECTIONS_MAX_IT));
  if (adj->optionscalled) PetscCall(EPSSetFromOptions(*eps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Without products left for this bound nothing more is begun for it. Each measurement starts from a vector of its own: if one has
   almost no part in the direction sought, the next has
*/
static PetscErrorCode ADJBeginMeasurement_Selections(ADJ adj, PetscInt left, PetscBool *begun)
{
  ADJSelections *sel = &adj->selections;

  PetscFunctionBegin;
  *begun = (PetscBool)(left > 0);
  if (!*begun) sel->unresolved = PETSC_TRUE;
  sel->limit = ADJCountProducts(adj->account) + PetscMin(left, adj->trustbudget);
  PetscCall(VecSetRandom(sel->start, sel->rnd));
  PetscCall(VecNormalize(sel->start, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Eigenvalue of largest magnitude of A, with its residual; negative if it is not found */
static PetscErrorCode ADJSolveEPS_Selections(ADJ adj, EPS eps, Mat A, PetscReal *value, PetscReal *error)
{
  ADJSelections *sel = &adj->selections;
  PetscInt       nconv;
  PetscScalar    kr, ki;

  PetscFunctionBegin;
  *value = -1.0;
  PetscCall(PetscObjectStateIncrease((PetscObject)A));
  PetscCall(EPSSetOperators(eps, A, NULL));
  PetscCall(EPSSetInitialSpace(eps, 1, &sel->start));
  PetscCall(EPSSolve(eps));
  PetscCall(EPSGetConverged(eps, &nconv));
  if (nconv < 1) sel->unresolved = PETSC_TRUE;
  if (nconv < 1 || sel->filter.notfinite) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EPSGetEigenvalue(eps, 0, &kr, &ki));
  PetscCall(EPSComputeError(eps, 0, EPS_ERROR_ABSOLUTE, error));
  *value = SlepcAbsEigenvalue(kr, ki);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   rho^{1/k} of the word in work, if it is the largest so far. Any eigenvalue is a lower bound, so one that the solver missed
   does no harm. What is subtracted is the eigen-residual, and no less than rounding: products of norm 1 are common
*/
static PetscErrorCode ADJMeasureRadius_Private(ADJ adj, EPS eps)
{
  ADJSelections  *sel  = &adj->selections;
  const PetscReal root = 1.0 / sel->k;
  PetscReal       rho, error;

  PetscFunctionBegin;
  PetscCall(ADJSolveEPS_Selections(adj, eps, sel->PT, &rho, &error));
  if (rho < 0.0 || sel->filter.notfinite) PetscFunctionReturn(PETSC_SUCCESS);
  error = PetscPowReal(rho, root) - PetscPowReal(PetscMax(rho - error - PETSC_SMALL, 0.0), root);
  if (PetscPowReal(rho, root) - error <= sel->lower - sel->error) PetscFunctionReturn(PETSC_SUCCESS);
  sel->lower = PetscPowReal(rho, root);
  sel->error = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The norm of the word in work, to the power 1/k; negative if it is not found. A Ritz value of P^T P never exceeds |P|^2: its
   residual is added, within which there is an eigenvalue. That this is the largest rests on the random start, which has a part
   in every direction, if a small one: evidence, no proof. Where the product with the start vanishes there is nothing to find
*/
static PetscErrorCode ADJMeasureNorm_Selections(ADJ adj, EPS eps, PetscReal *bound)
{
  ADJSelections *sel = &adj->selections;
  PetscReal      square, error = 0.0;

  PetscFunctionBegin;
  *bound = -1.0;
  PetscCall(ADJApplyWord_Private(adj, PETSC_FALSE, sel->start, sel->work[2]));
  PetscCall(VecNorm(sel->work[2], NORM_2, &square));
  if (!sel->filter.notfinite && square > PETSC_SMALL) PetscCall(ADJSolveEPS_Selections(adj, eps, sel->PTP, &square, &error));
  if (square >= 0.0 && !sel->filter.notfinite) *bound = PetscPowReal(PetscSqrtReal(square + error) + PETSC_SMALL, 1.0 / sel->k);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next word in the order of a dictionary; false after the last */
static PetscBool ADJNextWord_Private(PetscInt n, PetscInt k, PetscInt word[])
{
  for (PetscInt i = k - 1; i >= 0; i--) {
    if (++word[i] < n) return PETSC_TRUE;
    word[i] = 0;
  }
  return PETSC_FALSE;
}

/* Whether the word comes before all its rotations (so it is no power): one of each class does */
static PetscBool ADJWordLeads_Private(PetscInt k, const PetscInt word[])
{
  for (PetscInt r = 1; r < k; r++) {
    PetscInt i = 0;

    while (i < k && word[(i + r) % k] == word[i]) i++;
    if (i == k || word[(i + r) % k] < word[i]) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

static ADJCheckStatus ADJJudgeBrackets_Private(const ADJSelections *sel)
{
  if (ADJReachesOne_Private(sel->lower, sel->error)) return ADJ_CHECK_FAILED;
  return sel->upper >= 0.0 && sel->upper < 1.0 ? ADJ_CHECK_PASSED : ADJ_CHECK_INCONCLUSIVE;
}

/* The word in work has refuted the contraction */
static PetscErrorCode ADJDescribeWord_Private(ADJSelections *sel, PetscBool alone)
{
  const PetscInt shown     = PetscMin(sel->k, 20);
  char           list[256] = "", number[32];

  PetscFunctionBegin;
  for (PetscInt i = 0; i < shown; i++) {
    PetscCall(PetscSNPrintf(number, sizeof(number), "%s%" PetscInt_FMT, i ? " " : "", sel->word[i]));
    PetscCall(PetscStrlcat(list, number, sizeof(list)));
  }
  if (shown < sel->k) PetscCall(PetscStrlcat(list, " ...", sizeof(list)));
  PetscCall(PetscSNPrintf(sel->advice, sizeof(sel->advice), "the product of selection%s %s grows by %.5g a step%s: take another step length or momentum, a residual form (ADJSetResidual()), or -adj_trust_contraction false if I - dF/dx is known to be invertible and another solver found the fixed point", sel->k > 1 ? "s" : "", list, (double)sel->lower, alone ? " although each alone contracts" : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Neither side has decided */
static PetscErrorCode ADJDescribeBrackets_Private(ADJ adj)
{
  ADJSelections *sel      = &adj->selections;
  const char    *advice   = "longer products by -adj_trust_selections_length may tell";
  char           from[32] = "0", to[32] = "an unknown bound";

  PetscFunctionBegin;
  if (!adj->selectionjvp)
    advice = "give the JVP of the selections to ADJSetSelections(): it makes an upper bound possible";
  else if (sel->unresolved)
    advice = "the budget was spent: raise -adj_trust_budget";
  if (sel->lower >= 0.0) PetscCall(PetscSNPrintf(from, sizeof(from), "%.5g", (double)sel->lower));
  if (sel->upper >= 0.0) PetscCall(PetscSNPrintf(to, sizeof(to), "%.5g", (double)sel->upper));
  PetscCall(PetscSNPrintf(sel->advice, sizeof(sel->advice), "the joint spectral radius lies between %s and %s, all products of up to %" PetscInt_FMT " factors considered; %s", from, to, sel->length, advice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Words of length k, for the lower bound */
static PetscErrorCode ADJRaiseLower_Private(ADJ adj, EPS eps, PetscBool alone)
{
  ADJSelections *sel = &adj->selections;
  PetscBool      begun;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(sel->word, sel->k));
  do {
    const PetscInt count = ADJCountProducts(adj->account);

    if (!ADJWordLeads_Private(sel->k, sel->word)) continue;
    PetscCall(ADJBeginMeasurement_Selections(adj, sel->left[0], &begun));
    if (!begun) break;
    PetscCall(ADJMeasureRadius_Private(adj, eps));
    sel->left[0] -= ADJCountProducts(adj->account) - count;
    if (sel->filter.notfinite) break;
    if (ADJJudgeBrackets_Private(sel) == ADJ_CHECK_FAILED) {
      PetscCall(ADJDescribeWord_Private(sel, alone));
      break;
    }
  } while (ADJNextWord_Private(adj->nselections, sel->k, sel->word));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same for the upper bound. A word that reaches that of a shorter length ends it: this length gives no better one */
static PetscErrorCode ADJLowerUpper_Private(ADJ adj, EPS eps)
{
  ADJSelections *sel   = &adj->selections;
  PetscReal      worst = 0.0, bound;
  PetscBool      begun;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(sel->word, sel->k));
  do {
    const PetscInt count = ADJCountProducts(adj->account);

    PetscCall(ADJBeginMeasurement_Selections(adj, sel->left[1], &begun));
    if (!begun) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(ADJMeasureNorm_Selections(adj, eps, &bound));
    sel->left[1] -= ADJCountProducts(adj->account) - count;
    if (bound < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
    worst = PetscMax(worst, bound);
    if (sel->upper >= 0.0 && worst >= sel->upper) PetscFunctionReturn(PETSC_SUCCESS);
  } while (ADJNextWord_Private(adj->nselections, sel->k, sel->word));
  sel->upper = PetscMax(worst, sel->lower); /* less would be a norm that was missed */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Length by length, until one side decides */
static PetscErrorCode ADJBracket_Private(ADJ adj, EPS *radius, EPS *norm)
{
  ADJSelections *sel   = &adj->selections;
  PetscBool      alone = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(ADJCreateEPS_Selections(adj, "adj_selections_", EPS_NHEP, ADJEPSConverged_Private, radius));
  if (adj->selectionjvp) PetscCall(ADJCreateEPS_Selections(adj, "adj_selections_norm_", EPS_HEP, ADJEPSConverged_Norm, norm));
  for (sel->k = 1; sel->k <= adj->selectionlength && (sel->left[0] > 0 || sel->left[1] > 0); sel->k++) {
    PetscCall(ADJRaiseLower_Private(adj, *radius, alone));
    if (sel->filter.notfinite || ADJJudgeBrackets_Private(sel) == ADJ_CHECK_FAILED) break;
    if (sel->k == 1) alone = (PetscBool)!sel->unresolved;
    if (*norm) PetscCall(ADJLowerUpper_Private(adj, *norm));
    if (sel->filter.notfinite) break;
    if (!sel->unresolved) sel->length = sel->k;
    if (ADJJudgeBrackets_Private(sel) == ADJ_CHECK_PASSED) break;
  }
  sel->status = ADJJudgeBrackets_Private(sel);
  if (sel->status == ADJ_CHECK_INCONCLUSIVE) PetscCall(ADJDescribeBrackets_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the present state. An error that comes from what a solver made of NaN is none */
PetscErrorCode ADJMeasureSelections_Private(ADJ adj)
{
  ADJSelections *sel    = &adj->selections;
  EPS            radius = NULL, norm = NULL;
  const PetscInt each = PetscMin(adj->trustbudget, 100000000); /* ten times as many fit into 32 bits */
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJSelectionsReset_Private(adj));
  sel->budget  = adj->trustbudget;
  sel->left[1] = adj->selectionjvp ? ADJ_SELECTIONS_BUDGET / 2 * each : 0;
  sel->left[0] = ADJ_SELECTIONS_BUDGET * each - sel->left[1];
  PetscCall(PetscMalloc1(adj->selectionlength, &sel->word));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecDuplicate(adj->r, &sel->work[i]));
  PetscCall(VecDuplicate(adj->r, &sel->start));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_Word, NULL, &sel->PT));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_WordSquared, NULL, &sel->PTP));
  PetscCall(ADJRandomCreate_Private(adj, &sel->rnd));
  ierr = ADJFindQuotient_Private(adj);
  if (!ierr && !sel->filter.notfinite) ierr = ADJBracket_Private(adj, &radius, &norm);
  PetscCall(EPSDestroy(&radius));
  PetscCall(EPSDestroy(&norm));
  PetscCall(MatDestroy(&sel->PTP));
  PetscCall(MatDestroy(&sel->PT));
  PetscCall(PetscRandomDestroy(&sel->rnd));
  PetscCall(VecDestroy(&sel->start));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecDestroy(&sel->work[i]));
  PetscCall(PetscFree(sel->word));
  PetscCall(ADJRaiseOnAll_Private(adj, sel->filter.ierr));
  PetscCall(sel->filter.notfinite ? PETSC_SUCCESS : ierr);
  if (!sel->filter.notfinite) sel->id = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}
