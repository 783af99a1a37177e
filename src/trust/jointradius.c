/*
   The joint spectral radius (JSR) of the selections A_0, ..., A_{n-1} of dF/dx, bracketed by products of k = 1, 2, ... of them:

       rho(A_{s1} ... A_{sk})^{1/k}  <=  JSR  <=  max over all words of length k of ||A_{s1} ... A_{sk}||^{1/k},

   for every word s1 ... sk on the left, for every length k on the right. The left side by EPS on a shell of the transposed
   product, the right side by SVD.

   Of words that are rotations of each other one is enough for the left side, and powers of shorter words tell nothing new.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_SELECTIONS_TOL    1e-2 /* of the distance to 1 */
#define ADJ_SELECTIONS_NEAR   1e-4 /* a smaller distance is not resolved */
#define ADJ_SELECTIONS_BUDGET 10   /* budgets of one measurement for all of them together */

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
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJ_Word(Mat P, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(P, &adj));
  PetscCall(ADJApplyWord_Private(adj, PETSC_FALSE, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMultTranspose_ADJ_Word(Mat P, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(P, &adj));
  PetscCall(ADJApplyWord_Private(adj, PETSC_TRUE, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscReal ADJSelectionsScale_Private(PetscReal value)
{
  return PetscMax(PetscAbsReal(1.0 - value), ADJ_SELECTIONS_NEAR);
}

static PetscErrorCode ADJEPSConverged_Selections(EPS eps, PetscScalar eigr, PetscScalar eigi, PetscReal res, PetscReal *errest, void *ctx)
{
  (void)eps;
  (void)eigi; /* with complex scalars */
  (void)ctx;
  PetscFunctionBegin;
  *errest = res / ADJSelectionsScale_Private(SlepcAbsEigenvalue(eigr, eigi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSVDConverged_Selections(SVD svd, PetscReal sigma, PetscReal res, PetscReal *errest, void *ctx)
{
  (void)svd;
  (void)ctx;
  PetscFunctionBegin;
  *errest = res / PetscMin(ADJSelectionsScale_Private(sigma), PetscMax(sigma, ADJ_SELECTIONS_NEAR));
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

static PetscErrorCode ADJSVDStopping_Selections(SVD svd, PetscInt its, PetscInt max_it, PetscInt nconv, PetscInt nsv, SVDConvergedReason *reason, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  PetscCall(SVDStoppingBasic(svd, its, max_it, nconv, nsv, reason, NULL));
  if (*reason == SVD_CONVERGED_ITERATING && ADJCountProducts(adj->account) >= adj->selections.limit) *reason = SVD_DIVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On the transposed product: the VJPs alone are needed */
static PetscErrorCode ADJCreateEPS_Selections(ADJ adj, EPS *eps)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, "adj_selections_", sizeof(prefix), prefix));
  PetscCall(ADJCreateShell_Private(adj, MatMultTranspose_ADJ_Word, NULL, &adj->selections.PT));
  PetscCall(EPSCreate(PetscObjectComm((PetscObject)adj), eps));
  PetscCall(PetscObjectSetOptions((PetscObject)*eps, ((PetscObject)adj)->options));
  PetscCall(EPSSetOptionsPrefix(*eps, prefix));
  PetscCall(EPSSetProblemType(*eps, EPS_NHEP));
  PetscCall(EPSSetWhichEigenpairs(*eps, EPS_LARGEST_MAGNITUDE));
  PetscCall(EPSSetConvergenceTestFunction(*eps, ADJEPSConverged_Selections, NULL, NULL));
  PetscCall(EPSSetStoppingTestFunction(*eps, ADJEPSStopping_Selections, adj, NULL));
  PetscCall(EPSSetTolerances(*eps, ADJ_SELECTIONS_TOL, PETSC_MAX_INT));
  if (adj->optionscalled) PetscCall(EPSSetFromOptions(*eps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCreateSVD_Selections(ADJ adj, SVD *svd)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, "adj_selections_", sizeof(prefix), prefix));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_Word, MatMultTranspose_ADJ_Word, &adj->selections.P));
  PetscCall(SVDCreate(PetscObjectComm((PetscObject)adj), svd));
  PetscCall(PetscObjectSetOptions((PetscObject)*svd, ((PetscObject)adj)->options));
  PetscCall(SVDSetOptionsPrefix(*svd, prefix));
  PetscCall(SVDSetType(*svd, SVDTRLANCZOS));
  PetscCall(SVDSetImplicitTranspose(*svd, PETSC_TRUE));
  PetscCall(SVDSetWhichSingularTriplets(*svd, SVD_LARGEST));
  PetscCall(SVDSetConvergenceTestFunction(*svd, ADJSVDConverged_Selections, NULL, NULL));
  PetscCall(SVDSetStoppingTestFunction(*svd, ADJSVDStopping_Selections, adj, NULL));
  PetscCall(SVDSetTolerances(*svd, ADJ_SELECTIONS_TOL, PETSC_MAX_INT));
  if (adj->optionscalled) PetscCall(SVDSetFromOptions(*svd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without products left nothing more is begun */
static PetscBool ADJTakeBudget_Private(ADJ adj)
{
  ADJSelections *sel   = &adj->selections;
  const PetscInt count = ADJCountProducts(adj->account);

  sel->limit = PetscMin(count + adj->trustbudget, sel->stop);
  if (count < sel->stop) return PETSC_TRUE;
  sel->unresolved = PETSC_TRUE;
  return PETSC_FALSE;
}

/*
   rho^{1/k} of the word in work, if it is the largest so far. Any eigenvalue is a lower bound, so one that the solver missed
   does no harm. What is subtracted is the eigen-residual, and no less than rounding: products of norm 1 are common
*/
static PetscErrorCode ADJMeasureRadius_Private(ADJ adj, EPS eps)
{
  ADJSelections *sel = &adj->selections;
  PetscInt       nconv;
  PetscReal      rho, error, root = 1.0 / sel->k;
  PetscScalar    kr, ki;

  PetscFunctionBegin;
  PetscCall(PetscObjectStateIncrease((PetscObject)sel->PT));
  PetscCall(EPSSetOperators(eps, sel->PT, NULL));
  PetscCall(EPSSetInitialSpace(eps, 1, &sel->start));
  PetscCall(EPSSolve(eps));
  PetscCall(EPSGetConverged(eps, &nconv));
  if (nconv < 1) sel->unresolved = PETSC_TRUE;
  if (nconv < 1 || sel->filter.notfinite) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EPSGetEigenvalue(eps, 0, &kr, &ki));
  PetscCall(EPSComputeError(eps, 0, EPS_ERROR_ABSOLUTE, &error));
  rho   = SlepcAbsEigenvalue(kr, ki);
  error = PetscPowReal(rho, root) - PetscPowReal(PetscMax(rho - error - PETSC_SMALL, 0.0), root);
  if (PetscPowReal(rho, root) - error <= sel->lower - sel->error) PetscFunctionReturn(PETSC_SUCCESS);
  sel->lower = PetscPowReal(rho, root);
  sel->error = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The norm of the word in work, to the power 1/k; negative if it is not found. A Ritz value never exceeds the norm: its residual
   is added. This bounds a singular value from above; that it is the largest rests on the random start, which has a part in every
   direction. Where the product with this start vanishes there is nothing to find, and the solver would not survive it
*/
static PetscErrorCode ADJMeasureWord_Private(ADJ adj, SVD svd, PetscReal *bound)
{
  ADJSelections *sel = &adj->selections;
  PetscInt       nconv;
  PetscReal      norm, error;
  Vec            y;

  PetscFunctionBegin;
  *bound = -1.0;
  PetscCall(VecDuplicate(sel->start, &y));
  PetscCall(MatMult(sel->P, sel->start, y));
  PetscCall(VecNorm(y, NORM_2, &norm));
  PetscCall(VecDestroy(&y));
  if (!sel->filter.notfinite && norm <= PETSC_SMALL) *bound = PetscPowReal(PETSC_SMALL, 1.0 / sel->k);
  if (sel->filter.notfinite || norm <= PETSC_SMALL) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectStateIncrease((PetscObject)sel->P));
  PetscCall(SVDSetOperators(svd, sel->P, NULL));
  PetscCall(SVDSetInitialSpaces(svd, 1, &sel->start, 0, NULL));
  PetscCall(SVDSolve(svd));
  PetscCall(SVDGetConverged(svd, &nconv));
  if (nconv < 1) sel->unresolved = PETSC_TRUE;
  if (nconv < 1 || sel->filter.notfinite) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SVDGetSingularTriplet(svd, 0, &norm, NULL, NULL));
  PetscCall(SVDComputeError(svd, 0, SVD_ERROR_ABSOLUTE, &error));
  *bound = PetscPowReal(norm + error + PETSC_SMALL, 1.0 / sel->k);
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

/* As for the contraction: 1 or more for sure, or not to be told from 1 */
static ADJCheckStatus ADJJudgeBrackets_Private(const ADJSelections *sel)
{
  if (sel->lower - sel->error >= 1.0) return ADJ_CHECK_FAILED;
  if (sel->lower + sel->error >= 1.0 && PetscAbsReal(1.0 - sel->lower) < ADJ_SELECTIONS_NEAR) return ADJ_CHECK_FAILED;
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
  PetscCall(PetscSNPrintf(sel->advice, sizeof(sel->advice), "the joint spectral radius lies between %s and %s, by products of up to %" PetscInt_FMT " factors; %s", from, to, sel->length, advice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Words of length k, for the lower bound */
static PetscErrorCode ADJRaiseLower_Private(ADJ adj, EPS eps, PetscBool alone)
{
  ADJSelections *sel = &adj->selections;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(sel->word, sel->k));
  do {
    if (!ADJWordLeads_Private(sel->k, sel->word)) continue;
    if (!ADJTakeBudget_Private(adj)) break;
    PetscCall(ADJMeasureRadius_Private(adj, eps));
    if (sel->filter.notfinite) break;
    if (ADJJudgeBrackets_Private(sel) == ADJ_CHECK_FAILED) {
      PetscCall(ADJDescribeWord_Private(sel, alone));
      break;
    }
  } while (ADJNextWord_Private(adj->nselections, sel->k, sel->word));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same for the upper bound. A word that reaches that of a shorter length ends it: this length gives no better one */
static PetscErrorCode ADJLowerUpper_Private(ADJ adj, SVD svd)
{
  ADJSelections *sel   = &adj->selections;
  PetscReal      worst = 0.0, bound;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(sel->word, sel->k));
  do {
    if (!ADJTakeBudget_Private(adj)) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(ADJMeasureWord_Private(adj, svd, &bound));
    if (bound < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
    worst = PetscMax(worst, bound);
    if (sel->upper >= 0.0 && worst >= sel->upper) PetscFunctionReturn(PETSC_SUCCESS);
  } while (ADJNextWord_Private(adj->nselections, sel->k, sel->word));
  sel->upper = worst;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Length by length, until one side decides */
static PetscErrorCode ADJBracket_Private(ADJ adj, EPS *eps, SVD *svd)
{
  ADJSelections *sel   = &adj->selections;
  PetscBool      alone = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(ADJCreateEPS_Selections(adj, eps));
  if (adj->selectionjvp) PetscCall(ADJCreateSVD_Selections(adj, svd));
  for (sel->k = 1; sel->k <= adj->selectionlength; sel->k++) {
    PetscCall(ADJRaiseLower_Private(adj, *eps, alone));
    if (sel->filter.notfinite || ADJJudgeBrackets_Private(sel) == ADJ_CHECK_FAILED) break;
    if (sel->k == 1) alone = (PetscBool)!sel->unresolved;
    if (*svd) PetscCall(ADJLowerUpper_Private(adj, *svd));
    if (sel->filter.notfinite || ADJCountProducts(adj->account) >= sel->stop) break;
    sel->length = sel->k;
    if (ADJJudgeBrackets_Private(sel) == ADJ_CHECK_PASSED) break;
  }
  sel->status = ADJJudgeBrackets_Private(sel);
  if (sel->status == ADJ_CHECK_INCONCLUSIVE) PetscCall(ADJDescribeBrackets_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A unit vector, the same in each measurement */
static PetscErrorCode ADJCreateStart_Private(ADJ adj, Vec *start)
{
  PetscRandom rnd;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(adj->r, start));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(*start, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNormalize(*start, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the present state. An error that comes from what a solver made of NaN is none */
PetscErrorCode ADJMeasureSelections_Private(ADJ adj)
{
  ADJSelections *sel = &adj->selections;
  EPS            eps = NULL;
  SVD            svd = NULL;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJSelectionsReset_Private(adj));
  sel->budget = adj->trustbudget;
  sel->stop   = ADJCountProducts(adj->account) + ADJ_SELECTIONS_BUDGET * adj->trustbudget;
  PetscCall(PetscMalloc1(adj->selectionlength, &sel->word));
  PetscCall(VecDuplicate(adj->r, &sel->work[0]));
  PetscCall(VecDuplicate(adj->r, &sel->work[1]));
  PetscCall(ADJCreateStart_Private(adj, &sel->start));
  ierr = ADJBracket_Private(adj, &eps, &svd);
  PetscCall(EPSDestroy(&eps));
  PetscCall(SVDDestroy(&svd));
  PetscCall(MatDestroy(&sel->P));
  PetscCall(MatDestroy(&sel->PT));
  PetscCall(VecDestroy(&sel->start));
  PetscCall(VecDestroy(&sel->work[0]));
  PetscCall(VecDestroy(&sel->work[1]));
  PetscCall(PetscFree(sel->word));
  PetscCall(ADJRaiseOnAll_Private(adj, sel->filter.ierr));
  PetscCall(sel->filter.notfinite ? PETSC_SUCCESS : ierr);
  if (!sel->filter.notfinite) sel->id = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}
