/*
   Contraction: the spectral radius of A = dF/dx by SLEPc, on a shell of A^T (same spectrum, the VJP alone is needed).

   A Ritz value is no upper bound: the check can refute contraction or support it, not prove it. It is measured with
   the first derivative, and again when the estimates that cost nothing (observed rate, Ritz values of the Krylov
   solver) have moved, or there are none; it starts from the last eigenvector.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_EPS_TOL     0.1  /* of the distance to 1, with which rho is compared */
#define ADJ_EPS_NEAR    1e-4 /* a smaller distance is not resolved */
#define ADJ_EPS_CONFIRM 1e-6 /* instead of ADJ_EPS_TOL, before a map is refused */
#define ADJ_EPS_MAX_IT  1000 /* restarts; what ends the solve is the budget of products */
#define ADJ_EPS_NCV     6    /* a basis that is full after few products: most maps contract well */
#define ADJ_EPS_NCV_MAX 40   /* and a longer one where that was not enough */
#define ADJ_EPS_SHARE   0.1  /* of the budget, for the short one */
#define ADJ_EPS_RANDOM  0.1  /* added to the last eigenvector, so that another one is not overlooked */
#define ADJ_EPS_FLOOR   0.1  /* of 1 - rho: a smaller distance is not asked for when estimates are compared */
#define ADJ_RATE_STEPS  8    /* a shorter iteration tells no rate */
#define ADJ_RATE_STEADY 0.1  /* its last quotients differ by less, relative to 1 - q */

static PetscErrorCode ADJAllocateValues_Private(ADJContraction *c, PetscInt n)
{
  PetscFunctionBegin;
  if (n == c->nvalues) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree3(c->re, c->im, c->res));
  c->nvalues = 0;
  if (n) PetscCall(PetscMalloc3(n, &c->re, n, &c->im, n, &c->res));
  c->nvalues = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJContractionReset_Private(ADJ adj)
{
  ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&c->vr));
  PetscCall(VecDestroy(&c->vi));
  PetscCall(ADJAllocateValues_Private(c, 0));
  PetscCall(PetscMemzero(c, sizeof(*c)));
  c->rho = c->error = c->rate = c->ritz = -1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What an eigenvalue of that magnitude must be resolved to */
PetscReal ADJDistanceToOne_Private(PetscReal rho)
{
  return PetscMax(PetscAbsReal(1.0 - rho), ADJ_EPS_NEAR);
}

/* 1 or more for sure, or not to be told from 1 */
PetscBool ADJReachesOne_Private(PetscReal rho, PetscReal error)
{
  return (PetscBool)(rho - error >= 1.0 || (rho + error >= 1.0 && PetscAbsReal(1.0 - rho) < ADJ_EPS_NEAR));
}

/* The closer rho comes to 1, the more accurate it must be */
PetscErrorCode ADJEPSConverged_Private(EPS eps, PetscScalar eigr, PetscScalar eigi, PetscReal res, PetscReal *errest, void *ctx)
{
  (void)eps;
  (void)eigi; /* with complex scalars */
  (void)ctx;
  PetscFunctionBegin;
  *errest = res / ADJDistanceToOne_Private(SlepcAbsEigenvalue(eigr, eigi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* SLEPc's test, and the budget of products */
static PetscErrorCode ADJEPSStopping(EPS eps, PetscInt its, PetscInt max_it, PetscInt nconv, PetscInt nev, EPSConvergedReason *reason, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  PetscCall(EPSStoppingBasic(eps, its, max_it, nconv, nev, reason, NULL));
  if (*reason == EPS_CONVERGED_ITERATING && ADJCountProducts(&adj->checkcounters) >= adj->contraction.limit) *reason = EPS_DIVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One of the solver's approximations. Its operator is A^H: those of A are the conjugates */
static void ADJSetValue_Private(ADJContraction *c, PetscInt i, PetscScalar kr, PetscScalar ki, PetscReal errest)
{
  c->re[i]  = PetscRealPart(kr);
  c->im[i]  = PetscDefined(USE_COMPLEX) ? -PetscImaginaryPart(kr) : PetscRealPart(ki);
  c->res[i] = errest * ADJDistanceToOne_Private(SlepcAbsEigenvalue(kr, ki));
}

/* All it saw; the best there is if the solver runs out of its budget: its leading Ritz value with its error estimate */
static PetscErrorCode ADJEPSMonitor(EPS eps, PetscInt its, PetscInt nconv, PetscScalar *eigr, PetscScalar *eigi, PetscReal *errest, PetscInt nest, void *ctx)
{
  ADJContraction *c = (ADJContraction *)ctx;

  (void)eps;
  (void)its;
  PetscFunctionBegin;
  PetscCall(ADJAllocateValues_Private(c, nest));
  for (PetscInt i = 0; i < nest; i++) ADJSetValue_Private(c, i, eigr[i], eigi[i], errest[i]);
  if (nconv > 0 || nest < 1) PetscFunctionReturn(PETSC_SUCCESS);
  c->rho   = SlepcAbsEigenvalue(eigr[0], eigi[0]);
  c->error = c->res[0];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetEPS - The eigensolver that measures the contraction of a fixed-point map

   Collective at the first call

   Input Parameter:
.  adj - the context

   Output Parameter:
.  eps - the solver (borrowed)

   Options Database Keys:
+  -adj_eps_tol <tol>    - largest eigen-residual of the eigenvalue of largest magnitude, relative to its distance from 1 in magnitude, default 0.1;
                           at most 1e-6 where an eigenvalue above 1 contradicts a forward iteration that converged
-  -adj_eps_ncv <ncv>    - vectors of its basis, default 6, then 40 if that is not enough

   Level: intermediate

   Note:
   Its operator is a shell of the transposed dF/dx. It is used in fixed-point form only. What it may spend is set by
   `ADJSetTrustBudget()`.

.seealso: `ADJGetContraction()`, `ADJSetTrustLevel()`, `ADJSetTrustContraction()`
@*/
PetscErrorCode ADJGetEPS(ADJ adj, EPS *eps)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->eps) {
    PetscCall(ADJGetChildPrefix_Private(adj, "adj_", sizeof(prefix), prefix));
    PetscCall(EPSCreate(PetscObjectComm((PetscObject)adj), &adj->eps));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)adj->eps, (PetscObject)adj, 1));
    PetscCall(PetscObjectSetOptions((PetscObject)adj->eps, ((PetscObject)adj)->options));
    PetscCall(EPSSetOptionsPrefix(adj->eps, prefix));
    PetscCall(EPSSetProblemType(adj->eps, EPS_NHEP));
    PetscCall(EPSSetWhichEigenpairs(adj->eps, EPS_LARGEST_MAGNITUDE));
    PetscCall(EPSSetConvergenceTestFunction(adj->eps, ADJEPSConverged_Private, NULL, NULL));
    PetscCall(EPSSetTolerances(adj->eps, ADJ_EPS_TOL, ADJ_EPS_MAX_IT));
    PetscCall(EPSSetType(adj->eps, EPSKRYLOVSCHUR));
    PetscCall(EPSSetTrackAll(adj->eps, PETSC_TRUE));
    PetscCall(EPSMonitorSet(adj->eps, ADJEPSMonitor, &adj->contraction, NULL));
  }
  if (eps) *eps = adj->eps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From a solver that calls no monitor, as LAPACK's */
static PetscErrorCode ADJReadValues_Private(ADJ adj, PetscInt n)
{
  PetscScalar kr, ki;
  PetscReal   errest;

  PetscFunctionBegin;
  PetscCall(ADJAllocateValues_Private(&adj->contraction, n));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(EPSGetEigenvalue(adj->eps, i, &kr, &ki));
    PetscCall(EPSGetErrorEstimate(adj->eps, i, &errest));
    ADJSetValue_Private(&adj->contraction, i, kr, ki, errest);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReadEigenpair_Private(ADJ adj)
{
  ADJContraction *c = &adj->contraction;
  PetscInt        nconv, its;

  PetscFunctionBegin;
  PetscCall(EPSGetConverged(adj->eps, &nconv));
  c->converged = (PetscBool)(nconv > 0);
  if (!c->nvalues) PetscCall(ADJReadValues_Private(adj, nconv));
  if (!c->converged) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EPSGetEigenpair(adj->eps, 0, &c->kr, &c->ki, c->vr, c->vi));
  PetscCall(EPSGetIterationNumber(adj->eps, &its));
  if (its > 1) /* else the estimate is the residual to rounding: no product is spent on it */
    PetscCall(EPSComputeError(adj->eps, 0, EPS_ERROR_ABSOLUTE, &c->error));
  else
    c->error = c->res[0];
  c->rho = SlepcAbsEigenvalue(c->kr, c->ki);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Start: the last eigenvector, if there is one, and a random part, not of mean zero: smooth modes are often the slow ones; its own stream */
static PetscErrorCode ADJSetInitialSpace_Private(ADJ adj, PetscBool warm)
{
  ADJContraction *c = &adj->contraction;
  PetscRandom     rnd;
  Vec             start;
  PetscReal       norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(adj->r, &start));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(start, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecShift(start, 1.0));
  if (warm) {
    PetscCall(VecNormalize(start, NULL));
    PetscCall(VecNorm(c->vr, NORM_2, &norm));
    if (norm > 0.0) PetscCall(VecAXPBY(start, 1.0 / norm, ADJ_EPS_RANDOM, c->vr));
  }
  PetscCall(EPSSetInitialSpace(adj->eps, 1, &start));
  PetscCall(VecDestroy(&start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One solve with a basis of that length, unless the user chose another, up to that share of the budget */
static PetscErrorCode ADJSolveEPS_Private(ADJ adj, PetscInt ncv, PetscReal share, PetscBool warm)
{
  ADJContraction *c      = &adj->contraction;
  const PetscInt  before = ADJCountProducts(&adj->checkcounters);
  PetscInt        n;
  PetscBool       stops;

  PetscFunctionBegin;
  PetscCall(VecGetSize(adj->r, &n));
  c->limit = before + (PetscInt)(share * (PetscReal)adj->trustbudget);
  if (!c->userncv) PetscCall(EPSSetDimensions(adj->eps, 1, PetscMin(ncv, n), ADJ_DETERMINE));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)adj->eps, &stops, EPSKRYLOVSCHUR, EPSARNOLDI, EPSGD, EPSJD, "")); /* the others know no budget */
  if (stops)
    PetscCall(EPSSetStoppingTestFunction(adj->eps, ADJEPSStopping, adj, NULL));
  else
    PetscCall(EPSSetStoppingTest(adj->eps, EPS_STOP_BASIC));
  PetscCall(EPSSetOperators(adj->eps, adj->AT, NULL));
  PetscCall(ADJSetInitialSpace_Private(adj, warm));
  PetscCall(EPSSolve(adj->eps));
  PetscCall(ADJRaiseOnAll_Private(adj, c->filter.ierr));
  if (!c->filter.notfinite) PetscCall(ADJReadEigenpair_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forward solve was x <- F(x), made enough steps, and came to its end by them */
static PetscBool ADJIterationContracted_Private(const ADJState *st)
{
  return (PetscBool)(st->plain && st->reason > 0 && st->nhistory >= ADJ_RATE_STEPS && st->rate >= 0.0 && st->rate < 1.0);
}

/*
   Far from normal matrices have vectors that nearly are eigenvectors, with values that are far from all eigenvalues: before a
   map is refused it is looked at again, with more accuracy. A true eigenvalue stays. Where that does not converge the first
   answer stands, unless the forward iteration contradicts it
*/
static PetscErrorCode ADJConfirmContraction_Private(ADJ adj)
{
  ADJContraction      *c     = &adj->contraction;
  const ADJContraction first = *c;
  PetscReal            tol;
  PetscInt             maxit;
  PetscErrorCode       ierr;

  PetscFunctionBegin;
  if (!c->converged || c->filter.notfinite || c->rho + c->error < 1.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EPSGetTolerances(adj->eps, &tol, &maxit));
  PetscCall(EPSSetTolerances(adj->eps, PetscMin(tol, ADJ_EPS_CONFIRM), maxit));
  ierr = ADJSolveEPS_Private(adj, ADJ_EPS_NCV_MAX, 1.0, PETSC_FALSE);
  PetscCall(EPSSetTolerances(adj->eps, tol, maxit));
  PetscCall(ierr);
  if (c->converged || c->filter.notfinite || ADJIterationContracted_Private(adj->state)) PetscFunctionReturn(PETSC_SUCCESS);
  c->converged = PETSC_TRUE;
  c->rho       = first.rho;
  c->error     = first.error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With a short basis, then with a longer one if need be */
static PetscErrorCode ADJSolveContraction_Private(ADJ adj, PetscBool warm)
{
  ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  PetscCall(ADJSolveEPS_Private(adj, ADJ_EPS_NCV, c->userncv ? 1.0 : ADJ_EPS_SHARE, warm));
  if (!c->converged && !c->filter.notfinite && !c->userncv) PetscCall(ADJSolveEPS_Private(adj, ADJ_EPS_NCV_MAX, 1.0 - ADJ_EPS_SHARE, PETSC_FALSE));
  PetscCall(ADJConfirmContraction_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for the eigenvalue of largest magnitude at the state's linearization */
static PetscErrorCode ADJMeasureContraction_Private(ADJ adj)
{
  ADJContraction *c    = &adj->contraction;
  PetscBool       warm = c->converged;
  PetscInt        ncv;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  if (!adj->AT) PetscCall(ADJCreateContractionShell_Private(adj, &adj->AT));
  PetscCall(ADJGetEPS(adj, NULL));
  if (!c->vr) {
    PetscCall(VecDuplicate(adj->r, &c->vr));
    PetscCall(VecDuplicate(adj->r, &c->vi));
  }
  PetscCall(EPSGetDimensions(adj->eps, NULL, &ncv, NULL));
  c->userncv = (PetscBool)(ncv > 0);
  c->rho = c->error = -1.0;
  c->norm           = 0.0;
  c->converged = c->filter.notfinite = PETSC_FALSE;
  c->filter.ierr                     = PETSC_SUCCESS;
  PetscCall(ADJAllocateValues_Private(c, 0));
  ierr = ADJSolveContraction_Private(adj, warm);
  if (!c->userncv) PetscCall(EPSSetDimensions(adj->eps, 1, ADJ_DETERMINE, ADJ_DETERMINE)); /* also after an error: the length is not the user's */
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool ADJEstimateMoved_Private(ADJ adj, PetscReal then, PetscReal now)
{
  return (PetscBool)(PetscAbsReal(then - now) > adj->trustrecheck * PetscMax(1.0 - adj->contraction.rho, ADJ_EPS_FLOOR));
}

/* Carried over from another state only if a free estimate, known there and here, stands still and none moved */
static PetscBool ADJContractionHolds_Private(ADJ adj, PetscReal rate, PetscReal ritz)
{
  const ADJContraction *c      = &adj->contraction;
  const PetscBool       byrate = (PetscBool)(c->rate >= 0.0 && rate >= 0.0), byritz = (PetscBool)(c->ritz >= 0.0 && ritz >= 0.0);

  if (!c->id || !c->converged || c->rho + c->error >= 1.0 || adj->trustrecheck == 0.0 || !(byrate || byritz)) return PETSC_FALSE;
  if (byrate && ADJEstimateMoved_Private(adj, c->rate, rate)) return PETSC_FALSE;
  if (byritz && ADJEstimateMoved_Private(adj, c->ritz, ritz)) return PETSC_FALSE;
  return PETSC_TRUE;
}

static PetscErrorCode ADJUpdateContraction_Private(ADJ adj, PetscReal rate, PetscReal ritz)
{
  ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  if (c->id == adj->state->id) PetscFunctionReturn(PETSC_SUCCESS);
  c->measured = PETSC_FALSE;
  if (ADJContractionHolds_Private(adj, rate, ritz)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJMeasureContraction_Private(adj));
  if (c->filter.notfinite) {
    c->converged = PETSC_FALSE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  c->id       = adj->state->id;
  c->rate     = rate;
  c->ritz     = ritz;
  c->measured = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An eigenvalue 1 of dF/dx: I - dF/dx is singular, whatever the linear solver made of it */
static PetscErrorCode ADJCheckSingular_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJContraction *c     = &adj->contraction;
  const PetscReal       limit = adj->threshold[ADJ_CHECK_SINGULAR];
  PetscReal             dist  = -1.0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < c->nvalues; i++) {
    const PetscReal d = PetscSqrtReal(PetscSqr(1.0 - c->re[i]) + PetscSqr(c->im[i]));

    if (c->res[i] <= PetscMax(limit, ADJ_EPS_TOL * d) && (dist < 0.0 || d < dist)) dist = d;
  }
  if (dist < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  if (dist <= limit)
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_SINGULAR], ADJ_CHECK_FAILED, dist, limit, "dF/dx has the eigenvalue 1, so that I - dF/dx is singular: give its null space by ADJSetNullSpace() if the state is defined up to it (ADJGetLeadingEigenpair() has the vector), or make the state unique"));
  else
    PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_SINGULAR], ADJ_CHECK_PASSED, dist, limit, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the last quotients of the residual norms stand still: then their mean is a rate */
static PetscBool ADJRateIsSteady_Private(const ADJState *st)
{
  const PetscReal *h = st->history;
  const PetscInt   n = st->nhistory;

  if (!st->plain || n < ADJ_RATE_STEPS || st->rate < 0.0 || st->rate >= 1.0) return PETSC_FALSE;
  for (PetscInt i = n - ADJ_RATE_STEPS / 2; i < n; i++) {
    if (h[i - 1] <= 0.0 || !(PetscAbsReal(h[i] / h[i - 1] - st->rate) <= ADJ_RATE_STEADY * (1.0 - st->rate))) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

/* The rate does not use the VJP. Below rho it says nothing, the initial guess may have no part in the slowest mode; above it one of both is wrong */
static PetscErrorCode ADJCheckRate_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJContraction *c     = &adj->contraction;
  ADJTrustCheck        *check = &rep->check[ADJ_CHECK_RATE];

  PetscFunctionBegin;
  if (check->status != ADJ_CHECK_INFO || !c->converged || !ADJRateIsSteady_Private(adj->state)) PetscFunctionReturn(PETSC_SUCCESS);
  check->threshold = c->rho + c->error + adj->threshold[ADJ_CHECK_RATE] * PetscMax(1.0 - c->rho, 0.0);
  if (check->value <= check->threshold)
    check->status = ADJ_CHECK_PASSED;
  else
    PetscCall(ADJSetCheck_Private(check, ADJ_CHECK_INCONCLUSIVE, check->value, check->threshold, "the iteration is slower than the spectral radius of the product says: the eigensolver missed an eigenvalue, the product is wrong, or the map is not smooth: -adj_test_vjp, -adj_eps_ncv"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The largest factor by which a product with A^T lengthened a vector bounds its 2-norm from below */
static PetscErrorCode ADJEnterNorm_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJContraction *c     = &adj->contraction;
  ADJTrustCheck        *check = &rep->check[ADJ_CHECK_NORM];

  PetscFunctionBegin;
  if (check->status != ADJ_CHECK_SKIPPED || c->norm <= 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetCheck_Private(check, ADJ_CHECK_INFO, c->norm, 0.0, c->norm >= 1.0 && c->rho < 1.0 ? "at least; dF/dx is not normal, single steps may amplify errors although many contract: -adj_trust_svd measures it" : "at least"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJJudgeContraction_Private(const ADJContraction *c, ADJTrustCheck *check)
{
  PetscFunctionBegin;
  check->value     = c->rho;
  check->error     = c->error;
  check->threshold = 1.0;
  if (!c->converged) {
    check->status = ADJ_CHECK_INCONCLUSIVE;
    check->advice = "the eigensolver ran out of its budget, the value is its best guess: raise -adj_trust_budget or -adj_eps_ncv";
  } else if (ADJReachesOne_Private(c->rho, c->error)) {
    check->status = ADJ_CHECK_FAILED;
    check->advice = "x <- F(x, theta) does not contract here: use a residual form (ADJSetResidual()), or -adj_trust_contraction false if I - dF/dx is known to be invertible and another solver found the fixed point";
  } else if (c->rho + c->error >= 1.0) {
    check->status = ADJ_CHECK_INCONCLUSIVE;
    check->advice = "too close to 1 for the eigensolver's accuracy: lower -adj_eps_tol";
  } else {
    check->status = ADJ_CHECK_PASSED;
    check->advice = c->measured ? NULL : "carried over from an earlier state: the estimates have not moved";
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters the contraction, and the free estimates beside it, into the report */
PetscErrorCode ADJCheckContraction_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscReal rate = adj->state->plain ? adj->state->rate : -1.0;

  PetscFunctionBegin;
  if (adj->form != ADJ_FIXED_POINT) PetscFunctionReturn(PETSC_SUCCESS);
  if (rate >= 0.0) PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_RATE], ADJ_CHECK_INFO, rate, 0.0, NULL));
  if (rec->ritz >= 0.0) PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_RITZ], ADJ_CHECK_INFO, rec->ritz, 0.0, NULL));
  if (!adj->trustcontraction || (adj->program && adj->steps >= 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJUpdateContraction_Private(adj, rate, rec->ritz));
  if (adj->contraction.filter.notfinite) {
    PetscCall(ADJProductNotFinite_Private(rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJJudgeContraction_Private(&adj->contraction, &rep->check[ADJ_CHECK_CONTRACTION]));
  PetscCall(ADJCheckSingular_Private(adj, rep));
  PetscCall(ADJCheckRate_Private(adj, rep));
  PetscCall(ADJEnterNorm_Private(adj, rep));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetContraction - The spectral radius of dF/dx, as last measured

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  rho   - magnitude of the leading eigenvalue; negative if it was never measured
-  error - its eigen-residual (norm of A^T v - lambda v for a unit eigenvector v), `NULL` to ignore

   Level: beginner

   Note:
   Measured by the verdict on a derivative in fixed-point form, at `ADJ_TRUST_LEVEL_ESTIMATE`.

.seealso: `ADJGetEPS()`, `ADJGetObservedRate()`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJGetContraction(ADJ adj, PetscReal *rho, PetscReal *error)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *rho = adj->contraction.rho;
  if (error) *error = adj->contraction.error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetLeadingEigenpair - The eigenvalue of the transposed dF/dx of largest magnitude with its eigenvector, as last measured

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  kr - real part of the eigenvalue; with complex scalars the eigenvalue
.  ki - imaginary part; with complex scalars 0
.  vr - real part of a v with A^T v = lambda v, A = dF/dx; with complex scalars v (borrowed)
-  vi - imaginary part; with complex scalars 0 (borrowed)

   Level: intermediate

   Notes:
   Any output may be `NULL`. Where the verdict is `ADJ_TRUST_REFUTED_SINGULAR` the eigenvalue is 1 and v is a null vector of the
   adjoint operator: the left null space of `ADJSetNullSpace()`, if it is the only one.

   Errors:
   `PETSC_ERR_ORDER` if no eigenvalue was found yet.

.seealso: `ADJGetContraction()`, `ADJSetNullSpace()`, `ADJGetEPS()`
@*/
PetscErrorCode ADJGetLeadingEigenpair(ADJ adj, PetscScalar *kr, PetscScalar *ki, Vec *vr, Vec *vi)
{
  const ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(c->converged, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No eigenvalue of dF/dx is known: call ADJSolveAdjoint() in fixed-point form at -adj_trust_level estimate first");
  if (kr) *kr = c->kr;
  if (ki) *ki = c->ki;
  if (vr) *vr = c->vr;
  if (vi) *vi = c->vi;
  PetscFunctionReturn(PETSC_SUCCESS);
}
