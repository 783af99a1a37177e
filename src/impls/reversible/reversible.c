/*
   Type reversible: the derivative of the steps that were made, as type unrolled, but the states are not kept: x_{k-1} is
   found from x_k by solving

       F(y, theta) = x_k    for y.

   Where F contracts by rho each such step amplifies errors by 1/rho. The drift, |y_k - x_k| at states that were kept after
   all (x_0 always, and every p-th if asked for), goes into the verdict.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_REVERSIBLE_RTOL  (4.0 * PETSC_MACHINE_EPSILON) /* against the size of the state: as far as rounding lets it */
#define ADJ_REVERSIBLE_LOOSE 1e-10                         /* a step that is undone less accurately is not undone */
#define ADJ_REVERSIBLE_DRIFT 1e-6

typedef struct {
  PetscInt  period;    /* of the states that are kept; 0: x_0 alone */
  PetscReal drifttol;  /* relative */
  SNES      snes;      /* F(y) - target = 0 */
  Mat       J;         /* dF/dx: the JVP, or differences */
  Vec       y[3];      /* states k, k+1, k+2 of the sweep, in turn */
  Vec       r;         /* residual */
  Vec       kept;      /* a state that was kept */
  Vec       target;    /* borrowed */
  PetscReal scale;     /* its norm */
  PetscReal rnormlast; /* while it is sought: to see stagnation */
  PetscReal drift;     /* largest so far in this sweep */
  PetscReal growth;
  PetscInt  since; /* the state from which the drift grew */
  PetscBool failed;
  PetscBool configured; /* the SNES saw its options */
} ADJ_Reversible;

static PetscErrorCode ADJForwardBegin_Reversible(ADJ adj, Vec x)
{
  ADJScheduleSpec spec;

  PetscFunctionBegin;
  (void)x;
  PetscCall(ADJRequirePlainIteration_Private(adj));
  PetscCall(PetscMemzero(&spec, sizeof(spec)));
  spec.type        = ADJ_SCHEDULE_PERIODIC;
  spec.steps       = adj->steps;
  spec.checkpoints = 1;
  spec.period      = ((ADJ_Reversible *)adj->data)->period;
  spec.level       = adj->trajectory.store == ADJ_TRAJECTORY_DISK ? ADJ_LEVEL_DISK : ADJ_LEVEL_MEMORY;
  PetscCall(ADJTrajectoryBegin_Private(adj, &spec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r = F(y) - target */
static PetscErrorCode ADJReversibleFunction(SNES snes, Vec y, Vec r, void *ctx)
{
  ADJ             adj = (ADJ)ctx;
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  (void)snes;
  PetscCall(ADJUnlock_Private(ADJComputeMap_Private(adj, y, adj->state->theta, r), y));
  PetscCall(VecAXPY(r, -1.0, rev->target));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleJacobian(SNES snes, Vec y, Mat J, Mat P, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  (void)snes;
  (void)P;
  if (adj->jvp) PetscCall(ADJUnlock_Private(ADJLinearize_Private(adj, y, adj->state->theta), y));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_Reversible(Mat A, Vec ydot, Vec z)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJUnlock_Private(ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, ydot, NULL, z), ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* To rounding level, or until the residual stops falling near it */
static PetscErrorCode ADJReversibleConverged(SNES snes, PetscInt it, PetscReal xnorm, PetscReal ynorm, PetscReal rnorm, SNESConvergedReason *reason, void *ctx)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)((ADJ)ctx)->data;

  PetscFunctionBegin;
  (void)snes;
  (void)xnorm;
  (void)ynorm;
  *reason = SNES_CONVERGED_ITERATING;
  if (PetscIsInfOrNanReal(rnorm))
    *reason = ADJ_SNES_DIVERGED_NAN;
  else if (rnorm <= ADJ_REVERSIBLE_RTOL * rev->scale)
    *reason = SNES_CONVERGED_FNORM_ABS;
  else if (it > 0 && rnorm > 0.5 * rev->rnormlast && rnorm <= ADJ_REVERSIBLE_LOOSE * rev->scale)
    *reason = SNES_CONVERGED_FNORM_RELATIVE;
  rev->rnormlast = rnorm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton-Krylov with full steps: the initial guess is close */
static PetscErrorCode ADJReversibleCreateSNES_Private(ADJ adj, SNES *snes)
{
  char           prefix[256];
  KSP            ksp;
  PC             pc;
  SNESLineSearch ls;

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, "adj_reversible_", sizeof(prefix), prefix));
  PetscCall(SNESCreate(PetscObjectComm((PetscObject)adj), snes));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)*snes, (PetscObject)adj, 1));
  PetscCall(PetscObjectSetOptions((PetscObject)*snes, ((PetscObject)adj)->options));
  PetscCall(SNESSetOptionsPrefix(*snes, prefix));
  PetscCall(SNESSetType(*snes, SNESNEWTONLS));
  PetscCall(SNESGetLineSearch(*snes, &ls));
  PetscCall(SNESLineSearchSetType(ls, SNESLINESEARCHBASIC));
  PetscCall(SNESSetTolerances(*snes, ADJ_CURRENT, ADJ_CURRENT, 0.0, 20, ADJ_UNLIMITED));
  PetscCall(SNESSetConvergenceTest(*snes, ADJReversibleConverged, adj, NULL));
  PetscCall(SNESGetKSP(*snes, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-6, ADJ_CURRENT, ADJ_CURRENT, 200));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetUp_Reversible(ADJ adj)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;
  PetscInt        n, N;
  SNES            snes;

  PetscFunctionBegin;
  PetscCall(ADJReversibleGetSNES(adj, &snes));
  if (!rev->r) {
    PetscCall(VecDuplicate(adj->r, &rev->r));
    PetscCall(VecDuplicate(adj->r, &rev->kept));
    for (PetscInt i = 0; i < 3; i++) PetscCall(VecDuplicate(adj->r, &rev->y[i]));
  }
  PetscCall(SNESSetFunction(snes, rev->r, ADJReversibleFunction, adj));
  PetscCall(MatDestroy(&rev->J));
  if (adj->jvp) {
    PetscCall(VecGetLocalSize(adj->r, &n));
    PetscCall(VecGetSize(adj->r, &N));
    PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), n, n, N, N, adj, &rev->J));
    PetscCall(MatShellSetOperation(rev->J, MATOP_MULT, ADJShellFn(MatMult_Reversible)));
    PetscCall(MatSetUp(rev->J));
  } else
    PetscCall(MatCreateSNESMF(snes, &rev->J));
  PetscCall(SNESSetJacobian(snes, rev->J, rev->J, ADJReversibleJacobian, adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Guess for x_k from x_{k+1} and x_{k+2}: x_{k+1} + (x_{k+1} - x_{k+2}) |x_k - x_{k+1}| / |x_{k+1} - x_{k+2}|; the forward
   solve has recorded both norms
*/
static PetscErrorCode ADJExtrapolate_Private(ADJ adj, PetscInt k, Vec next, Vec next2, Vec y)
{
  const PetscReal *h = adj->state->history;
  PetscReal        q = 1.0;

  PetscFunctionBegin;
  PetscCall(VecCopy(next, y));
  if (!next2 || h[k + 1] == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  q = h[k] / h[k + 1];
  PetscCall(VecAXPBYPCZ(y, 1.0 + q, -q, 0.0, next, next2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y with F(y) = next. What counts is the residual that is left, whatever stopped the solver */
static PetscErrorCode ADJUndoStep_Private(ADJ adj, Vec next, Vec y)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  PetscCall(VecNorm(next, NORM_2, &rev->scale));
  rev->target    = next;
  rev->rnormlast = PETSC_INFINITY;
  PetscCall(ADJSNESSolve_Private(rev->snes, y));
  PetscCall(VecNorm(rev->r, NORM_2, &rev->rnormlast)); /* whatever convergence test there is */
  if (!(rev->rnormlast <= ADJ_REVERSIBLE_LOOSE * rev->scale)) {
    rev->failed = PETSC_TRUE;
    PetscCall(VecCopy(next, y)); /* what the solver left there may hold NaN or Inf */
  }
  adj->account->inverted++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The drift at a state that was kept, which takes the place of the one that was found */
static PetscErrorCode ADJCorrectDrift_Private(ADJ adj, PetscInt k, Vec y)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;
  PetscReal       error, scale, other, growth;

  PetscFunctionBegin;
  PetscCall(ADJTrajectoryLoadState_Private(adj->state->trajectory, k, rev->kept));
  PetscCall(VecNorm(rev->kept, NORM_2, &scale));
  PetscCall(VecNorm(adj->state->x, NORM_2, &other));
  scale = PetscMax(scale, other);
  PetscCall(VecAXPY(y, -1.0, rev->kept));
  PetscCall(VecNorm(y, NORM_2, &error));
  if (scale > 0.0) error /= scale;
  growth = PetscPowReal(PetscMax(error, PETSC_MACHINE_EPSILON) / PETSC_MACHINE_EPSILON, 1.0 / (rev->since - k));
  if (PetscIsInfOrNanReal(error)) rev->failed = PETSC_TRUE;
  if (!rev->failed && error >= rev->drift) {
    rev->drift  = error;
    rev->growth = growth;
  }
  rev->since = k;
  PetscCall(VecCopy(rev->kept, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x_k from x_{k+1}; after a step that could not be undone the states are no longer known, and nothing is tried */
static PetscErrorCode ADJGetState_Reversible(ADJ adj, PetscInt k, Vec *x)
{
  ADJ_Reversible *rev  = (ADJ_Reversible *)adj->data;
  const PetscInt  K    = adj->state->its;
  Vec             y    = rev->y[k % 3];
  Vec             next = k + 1 < K ? rev->y[(k + 1) % 3] : adj->state->x, next2 = k + 2 < K ? rev->y[(k + 2) % 3] : (k + 2 == K ? adj->state->x : NULL);
  PetscBool       kept;

  PetscFunctionBegin;
  PetscCall(ADJExtrapolate_Private(adj, k, next, rev->failed ? NULL : next2, y)); /* after a failure the same state again, which stays finite */
  if (!rev->failed) PetscCall(ADJUndoStep_Private(adj, next, y));
  PetscCall(ADJTrajectoryHasState_Private(adj->state->trajectory, k, &kept));
  if (kept) PetscCall(ADJCorrectDrift_Private(adj, k, y));
  *x = y;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_Reversible(ADJ adj, Vec xbar, Vec thetabar)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;
  ADJState       *st  = adj->state;

  PetscFunctionBegin;
  rev->drift  = 0.0;
  rev->growth = -1.0;
  rev->since  = st->its;
  rev->failed = PETSC_FALSE;
  PetscCall(ADJSolveAdjointOfSteps_Private(adj, ADJGetState_Reversible, xbar, thetabar));
  st->adjoint.drift    = rev->drift;
  st->adjoint.growth   = rev->growth;
  st->adjoint.drifttol = rev->drifttol;
  st->adjoint.lost     = rev->failed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetFromOptions_Reversible(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  ADJ_Reversible *rev    = (ADJ_Reversible *)adj->data;
  PetscInt        period = rev->period;
  PetscReal       tol    = rev->drifttol;
  PetscBool       set;

  PetscFunctionBegin;
  rev->configured  = PETSC_FALSE;
  adj->setupcalled = PETSC_FALSE;
  PetscOptionsHeadBegin(PetscOptionsObject, "Reversible iteration");
  PetscCall(PetscOptionsInt("-adj_reversible_period", "Every such state is kept, 0 for the first alone", "ADJReversibleSetPeriod", period, &period, &set));
  if (set) PetscCall(ADJReversibleSetPeriod(adj, period));
  PetscCall(PetscOptionsReal("-adj_reversible_drift", "Largest relative error of a state found backwards", "ADJReversibleSetDriftTolerance", tol, &tol, &set));
  if (set) PetscCall(ADJReversibleSetDriftTolerance(adj, tol));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Reversible(ADJ adj, PetscViewer viewer)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  if (rev->period)
    PetscCall(PetscViewerASCIIPrintf(viewer, "  Reversible: every state is found from the next, one in %" PetscInt_FMT " is kept beside; limit of the drift %g\n", rev->period, (double)rev->drifttol));
  else
    PetscCall(PetscViewerASCIIPrintf(viewer, "  Reversible: every state is found from the next; limit of the drift %g\n", (double)rev->drifttol));
  if (rev->snes) PetscCall(SNESView(rev->snes, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReset_Reversible(ADJ adj)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  if (rev->snes) PetscCall(SNESReset(rev->snes));
  PetscCall(MatDestroy(&rev->J));
  PetscCall(VecDestroy(&rev->r));
  PetscCall(VecDestroy(&rev->kept));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecDestroy(&rev->y[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleSetPeriod_Reversible(ADJ adj, PetscInt period)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  PetscCheck(period >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The period of the states that are kept must not be negative, it is %" PetscInt_FMT "; 0 keeps the first alone", period);
  if (rev->period != period) adj->state->id = 0; /* other states were kept */
  rev->period = period;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleGetPeriod_Reversible(ADJ adj, PetscInt *period)
{
  PetscFunctionBegin;
  *period = ((ADJ_Reversible *)adj->data)->period;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleSetDriftTolerance_Reversible(ADJ adj, PetscReal tol)
{
  PetscFunctionBegin;
  PetscCheck(tol > 0.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The tolerance of the drift must be positive, it is %g", (double)tol);
  ((ADJ_Reversible *)adj->data)->drifttol = tol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleGetDriftTolerance_Reversible(ADJ adj, PetscReal *tol)
{
  PetscFunctionBegin;
  *tol = ((ADJ_Reversible *)adj->data)->drifttol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleGetSNES_Reversible(ADJ adj, SNES *snes)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  if (!rev->snes) PetscCall(ADJReversibleCreateSNES_Private(adj, &rev->snes));
  if (adj->optionscalled && !rev->configured) {
    rev->configured = PETSC_TRUE;
    PetscCall(SNESSetFromOptions(rev->snes));
  }
  *snes = rev->snes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReversibleSetPeriod - Lets the type `ADJREVERSIBLE` keep every p-th state, so that the drift does not grow longer

   Logically collective

   Input Parameters:
+  adj    - the context; nothing happens if it has another type
-  period - p; 0 (default) keeps the initial guess alone

   Options Database Key:
.  -adj_reversible_period <0> - the period

   Level: intermediate

   Note:
   They are kept where `ADJSetTrajectoryStore()` says. The next derivative wants a new `ADJSolve()`.

.seealso: `ADJREVERSIBLE`, `ADJReversibleGetPeriod()`, `ADJReversibleSetDriftTolerance()`
@*/
PetscErrorCode ADJReversibleSetPeriod(ADJ adj, PetscInt period)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, period, 2);
  PetscTryMethod(adj, "ADJReversibleSetPeriod_C", (ADJ, PetscInt), (adj, period));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReversibleGetPeriod - The period of `ADJReversibleSetPeriod()`

   Not collective

   Input Parameter:
.  adj - the context, of type `ADJREVERSIBLE`

   Output Parameter:
.  period - the period, 0 if the initial guess alone is kept

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` if it has another type.

.seealso: `ADJREVERSIBLE`, `ADJReversibleSetPeriod()`
@*/
PetscErrorCode ADJReversibleGetPeriod(ADJ adj, PetscInt *period)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJReversibleGetPeriod_C", (ADJ, PetscInt *), (adj, period));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReversibleSetDriftTolerance - Sets the largest error that a state found backwards may have

   Logically collective

   Input Parameters:
+  adj - the context; nothing happens if it has another type
-  tol - of the 2-norm, relative to the larger one of the norms of the state and of the solution; default 1e-6

   Options Database Key:
.  -adj_reversible_drift <1e-6> - the tolerance

   Level: intermediate

   Note:
   The error is measured where a state was kept: at the initial guess, and at those of `ADJReversibleSetPeriod()`. A larger
   one refuses the gradient, `ADJ_TRUST_REFUTED_ERROR`.

.seealso: `ADJREVERSIBLE`, `ADJReversibleGetDriftTolerance()`, `ADJReversibleSetPeriod()`
@*/
PetscErrorCode ADJReversibleSetDriftTolerance(ADJ adj, PetscReal tol)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveReal(adj, tol, 2);
  PetscTryMethod(adj, "ADJReversibleSetDriftTolerance_C", (ADJ, PetscReal), (adj, tol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReversibleGetDriftTolerance - The tolerance of `ADJReversibleSetDriftTolerance()`

   Not collective

   Input Parameter:
.  adj - the context, of type `ADJREVERSIBLE`

   Output Parameter:
.  tol - the tolerance

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` if it has another type.

.seealso: `ADJREVERSIBLE`, `ADJReversibleSetDriftTolerance()`
@*/
PetscErrorCode ADJReversibleGetDriftTolerance(ADJ adj, PetscReal *tol)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJReversibleGetDriftTolerance_C", (ADJ, PetscReal *), (adj, tol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReversibleGetSNES - The solver of F(y, theta) = x_k, with which the type `ADJREVERSIBLE` undoes a step

   Collective at the first call

   Input Parameter:
.  adj - the context, of type `ADJREVERSIBLE`

   Output Parameter:
.  snes - the solver (borrowed)

   Options Database Key:
.  -adj_reversible_snes_monitor - and the other options of `SNES` and `KSP` with the prefix adj_reversible_

   Level: advanced

   Note:
   Newton's method, matrix-free, with the JVP or with differences of F. It runs to rounding level.

   Errors:
   `PETSC_ERR_SUP` if the context has another type.

.seealso: `ADJREVERSIBLE`, `ADJGetSNES()`
@*/
PetscErrorCode ADJReversibleGetSNES(ADJ adj, SNES *snes)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJReversibleGetSNES_C", (ADJ, SNES *), (adj, snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReversibleCompose_Private(ADJ adj, PetscBool there)
{
  PetscObject obj = (PetscObject)adj;

  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction(obj, "ADJReversibleSetPeriod_C", there ? ADJReversibleSetPeriod_Reversible : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "ADJReversibleGetPeriod_C", there ? ADJReversibleGetPeriod_Reversible : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "ADJReversibleSetDriftTolerance_C", there ? ADJReversibleSetDriftTolerance_Reversible : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "ADJReversibleGetDriftTolerance_C", there ? ADJReversibleGetDriftTolerance_Reversible : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "ADJReversibleGetSNES_C", there ? ADJReversibleGetSNES_Reversible : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Reversible(ADJ adj)
{
  ADJ_Reversible *rev = (ADJ_Reversible *)adj->data;

  PetscFunctionBegin;
  PetscCall(ADJReversibleCompose_Private(adj, PETSC_FALSE));
  PetscCall(SNESDestroy(&rev->snes));
  PetscCall(PetscFree(adj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Reversible(ADJ);

/*MC
   ADJREVERSIBLE - the exact derivative of the K steps x <- F(x, theta) that the forward solve made, whose states are not kept
   but found one from the next by solving F(y, theta) = x

   Options Database Keys:
+  -adj_steps <K>               - number of steps; without it, as many as the forward solve needs
.  -adj_reversible_period <0>   - keep every such state, to cap the drift
.  -adj_reversible_drift <1e-6> - largest relative error of a state that was found
-  -adj_reversible_snes_monitor - and the other options of `SNES` with the prefix adj_reversible_

   Level: intermediate

   Notes:
   Costs K products and K nonlinear solves, and a handful of vectors however large K is. For maps F that are well
   invertible: where F contracts by rho, each step back amplifies errors by 1/rho, and after log(eps)/log(rho) steps nothing
   is left. The error is measured at the initial guess, which is kept; a gradient from states that drifted is refused.

   Without `ADJSetSteps()` the derivative stands for that of the solution, and the verdict looks at the contraction and at
   its error too, as for `ADJUNROLLED`.

.seealso: `ADJSetType()`, `ADJType`, `ADJSetSteps()`, `ADJGetInitialGradient()`, `ADJUNROLLED`, `ADJReversibleSetPeriod()`, `ADJReversibleSetDriftTolerance()`
M*/
PetscErrorCode ADJCreate_Reversible(ADJ adj)
{
  ADJ_Reversible *rev;

  PetscFunctionBegin;
  PetscCall(PetscNew(&rev));
  rev->drifttol            = ADJ_REVERSIBLE_DRIFT;
  adj->data                = rev;
  adj->program             = PETSC_TRUE;
  adj->ops->setfromoptions = ADJSetFromOptions_Reversible;
  adj->ops->setup          = ADJSetUp_Reversible;
  adj->ops->forwardbegin   = ADJForwardBegin_Reversible;
  adj->ops->iterate        = ADJTrajectoryIterate_Private;
  adj->ops->forwardend     = ADJTrajectoryEnd_Private;
  adj->ops->solveadjoint   = ADJSolveAdjoint_Reversible;
  adj->ops->solvetangent   = ADJSolveTangentOfSteps_Private; /* forward: nothing is undone */
  adj->ops->view           = ADJView_Reversible;
  adj->ops->reset          = ADJReset_Reversible;
  adj->ops->destroy        = ADJDestroy_Reversible;
  PetscCall(ADJReversibleCompose_Private(adj, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
