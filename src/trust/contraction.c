/*
   Contraction: the spectral radius of A = dF/dx by SLEPc, on a shell of A^T (same spectrum, the VJP alone is needed).

   A Ritz value is no upper bound: the check can refute contraction or support it, not prove it. It is measured with
   the first derivative, and again when the estimates that cost nothing (observed rate, Ritz values of the Krylov
   solver) have moved; it starts from the last eigenvector.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_EPS_TOL    1e-2 /* of the distance to 1, with which rho is compared */
#define ADJ_EPS_NEAR   1e-4 /* a smaller distance is not resolved */
#define ADJ_EPS_MAX_IT 30   /* restarts of about ten products */
#define ADJ_EPS_MOVED  0.1  /* a free estimate that moved by this part of the distance to 1 asks for a new measurement */

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

static inline PetscReal ADJDistanceToOne_Private(PetscScalar re, PetscScalar im)
{
  (void)im; /* with complex scalars */
  return PetscMax(PetscAbsReal(1.0 - SlepcAbsEigenvalue(re, im)), ADJ_EPS_NEAR);
}

/* The closer rho comes to 1, the more accurate it must be */
static PetscErrorCode ADJEPSConverged(EPS eps, PetscScalar eigr, PetscScalar eigi, PetscReal res, PetscReal *errest, void *ctx)
{
  (void)eps;
  (void)ctx;
  PetscFunctionBegin;
  *errest = res / ADJDistanceToOne_Private(eigr, eigi);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One of the solver's approximations. Its operator is A^H: those of A are the conjugates */
static void ADJSetValue_Private(ADJContraction *c, PetscInt i, PetscScalar kr, PetscScalar ki, PetscReal errest)
{
  c->re[i]  = PetscRealPart(kr);
  c->im[i]  = PetscDefined(USE_COMPLEX) ? -PetscImaginaryPart(kr) : PetscRealPart(ki);
  c->res[i] = errest * ADJDistanceToOne_Private(kr, ki);
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
  c->error = errest[0] * ADJDistanceToOne_Private(eigr[0], eigi[0]);
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
+  -adj_eps_tol <tol>    - largest eigen-residual of the eigenvalue of largest magnitude, relative to its distance from 1 in magnitude, default 1e-2
-  -adj_eps_max_it <its> - restarts it may spend, default 30

   Level: intermediate

   Note:
   Its operator is a shell of the transposed dF/dx. It is used in fixed-point form only.

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
    PetscCall(EPSSetConvergenceTestFunction(adj->eps, ADJEPSConverged, NULL, NULL));
    PetscCall(EPSSetTolerances(adj->eps, ADJ_EPS_TOL, ADJ_EPS_MAX_IT));
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
  PetscInt        nconv;
  PetscScalar     kr, ki;

  PetscFunctionBegin;
  PetscCall(EPSGetConverged(adj->eps, &nconv));
  c->converged = (PetscBool)(nconv > 0);
  if (!c->nvalues) PetscCall(ADJReadValues_Private(adj, nconv));
  if (!c->converged) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EPSGetEigenpair(adj->eps, 0, &kr, &ki, c->vr, c->vi));
  PetscCall(EPSComputeError(adj->eps, 0, EPS_ERROR_ABSOLUTE, &c->error));
  c->rho = SlepcAbsEigenvalue(kr, ki);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves for the eigenvalue of largest magnitude at the state's linearization */
static PetscErrorCode ADJMeasureContraction_Private(ADJ adj)
{
  ADJContraction *c    = &adj->contraction;
  PetscBool       warm = c->converged;

  PetscFunctionBegin;
  if (!adj->AT) PetscCall(ADJCreateContractionShell_Private(adj, &adj->AT));
  PetscCall(ADJGetEPS(adj, NULL));
  if (!c->vr) {
    PetscCall(VecDuplicate(adj->r, &c->vr));
    PetscCall(VecDuplicate(adj->r, &c->vi));
  }
  c->rho = c->error = -1.0;
  c->converged = c->filter.notfinite = PETSC_FALSE;
  c->filter.ierr                     = PETSC_SUCCESS;
  PetscCall(ADJAllocateValues_Private(c, 0));
  PetscCall(EPSSetOperators(adj->eps, adj->AT, NULL));
  if (warm) PetscCall(EPSSetInitialSpace(adj->eps, 1, &c->vr));
  PetscCall(EPSSolve(adj->eps));
  PetscCall(ADJRaiseOnAll_Private(adj, c->filter.ierr));
  PetscCall(ADJReadEigenpair_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool ADJEstimateMoved_Private(PetscReal then, PetscReal now, PetscReal rho)
{
  return (PetscBool)(PetscAbsReal(then - now) > ADJ_EPS_MOVED * PetscMax(1.0 - rho, ADJ_EPS_MOVED));
}

/* Carried over from another state only if a free estimate, known there and here, stands still and none moved */
static PetscBool ADJContractionHolds_Private(const ADJContraction *c, PetscReal rate, PetscReal ritz)
{
  PetscBool byrate = (PetscBool)(c->rate >= 0.0 && rate >= 0.0), byritz = (PetscBool)(c->ritz >= 0.0 && ritz >= 0.0);

  if (!c->id || !c->converged || c->rho + c->error >= 1.0 || !(byrate || byritz)) return PETSC_FALSE;
  if (byrate && ADJEstimateMoved_Private(c->rate, rate, c->rho)) return PETSC_FALSE;
  if (byritz && ADJEstimateMoved_Private(c->ritz, ritz, c->rho)) return PETSC_FALSE;
  return PETSC_TRUE;
}

static PetscErrorCode ADJUpdateContraction_Private(ADJ adj, PetscReal rate, PetscReal ritz)
{
  ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  if (c->id == adj->state->id) PetscFunctionReturn(PETSC_SUCCESS);
  c->measured = PETSC_FALSE;
  if (ADJContractionHolds_Private(c, rate, ritz)) PetscFunctionReturn(PETSC_SUCCESS);
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

/* Enters the contraction, and the free estimates beside it, into the report */
PetscErrorCode ADJCheckContraction_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const ADJContraction *c     = &adj->contraction;
  ADJTrustCheck        *check = &rep->check[ADJ_CHECK_CONTRACTION];
  PetscReal             rate  = adj->state->plain ? adj->state->rate : -1.0;

  PetscFunctionBegin;
  if (adj->form != ADJ_FIXED_POINT) PetscFunctionReturn(PETSC_SUCCESS);
  if (rate >= 0.0) {
    rep->check[ADJ_CHECK_RATE].status = ADJ_CHECK_INFO;
    rep->check[ADJ_CHECK_RATE].value  = rate;
  }
  if (rec->ritz >= 0.0) {
    rep->check[ADJ_CHECK_RITZ].status = ADJ_CHECK_INFO;
    rep->check[ADJ_CHECK_RITZ].value  = rec->ritz;
  }
  if (!adj->trustcontraction || (adj->program && adj->steps >= 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJUpdateContraction_Private(adj, rate, rec->ritz));
  if (c->filter.notfinite) {
    PetscCall(ADJProductNotFinite_Private(rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  check->value     = c->rho;
  check->error     = c->error;
  check->threshold = 1.0;
  if (!c->converged) {
    check->status = ADJ_CHECK_INCONCLUSIVE;
    check->advice = "the eigensolver ran out of its budget, the value is its best guess: raise -adj_eps_max_it or -adj_eps_ncv";
  } else if (c->rho - c->error >= 1.0 || (c->rho + c->error >= 1.0 && PetscAbsReal(1.0 - c->rho) < ADJ_EPS_NEAR)) {
    check->status = ADJ_CHECK_FAILED;
    check->advice = "x <- F(x, theta) does not contract here: use a residual form (ADJSetResidual()), or -adj_trust_contraction false if I - dF/dx is known to be invertible and another solver found the fixed point";
  } else if (c->rho + c->error >= 1.0) {
    check->status = ADJ_CHECK_INCONCLUSIVE;
    check->advice = "too close to 1 for the eigensolver's accuracy: lower -adj_eps_tol";
  } else {
    check->status = ADJ_CHECK_PASSED;
    check->advice = c->measured ? NULL : "carried over from an earlier state: observed rate and Ritz values have not moved";
  }
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
