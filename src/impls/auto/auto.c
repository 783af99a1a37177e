/*
   Type auto: for each cotangent the Neumann series as long as it is short, else the Krylov solver, from where the series got.

   With r_i = (A^T)^i v, the sum w_k = r_0 + ... + r_k leaves out B^T M^{-T} r_{k+1}. While the norms |r_i| fall at the
   rate q what is left out is at most |r_{k+1}|/(1 - q) in w, and in the gradient that times beta = max |B^T r_i|/|r_i|, the
   factor by which B passed terms on. The series ends at the first k where, with g_k = B^T w_k,

       |r_{k+1}|/(1 - q) <= rtol/2 min(|w_k|, |g_k|/beta)

   and gives up as soon as, at this rate, it would need more terms than allowed.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_AUTO_TERMS       20
#define ADJ_AUTO_SAFETY      0.5 /* beta and q are seen on terms, what is left out is not */
#define ADJ_AUTO_KRYLOV_RTOL 0.1 /* of the tolerance of the gradient */
#define ADJ_AUTO_NEVER       1000000000
#define ADJ_AUTO_PATIENCE    3 /* quotients |r_{i+1}|/|r_i| of which the largest is taken for q */

typedef enum {
  ADJ_AUTO_NONE,
  ADJ_AUTO_NEUMANN,
  ADJ_AUTO_KRYLOV
} ADJAutoChoice;

typedef struct {
  PetscInt      maxterms;
  ADJAutoChoice choice; /* of the last derivative, and why */
  PetscInt      terms;
  PetscInt      needed; /* terms that the series would have needed */
  PetscReal     rate;
} ADJ_Auto;

/* One series, of powers of A^T or of A */
typedef struct {
  ADJ           adj;
  PetscBool     adjoint;
  PetscReal     rtol;
  PetscReal     last[ADJ_AUTO_PATIENCE]; /* quotients */
  PetscInt      k;
  PetscReal     rnorm, beta, rate;
  PetscReal     scale;     /* what the terms left out are held against: min(|w_k|, |g_k|/beta) */
  PetscReal     firstnorm; /* |r_0| */
  ADJAutoChoice choice;
  PetscInt      needed;
  Vec           sum;    /* w_k, or xdot_k */
  Vec           result; /* g_k, or NULL: the sum itself */
  Vec           part;   /* B^T r_k */
} ADJSeries;

/* rnext = A^T r or A r, and the share of r in the result */
static PetscErrorCode ADJSeriesApply_Private(ADJSeries *s, Vec r, Vec rnext)
{
  ADJ adj = s->adj;
  Vec x = adj->state->x, theta = adj->state->theta;

  PetscFunctionBegin;
  if (s->adjoint)
    PetscCall(ADJComputeVJP_Private(adj, x, theta, r, rnext, s->part));
  else
    PetscCall(ADJComputeJVP_Private(adj, x, theta, r, NULL, rnext));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes term k = |r_k| into the sum and the rate; rnext has the norm `next` */
static PetscErrorCode ADJSeriesAdd_Private(ADJSeries *s, Vec r, PetscReal next)
{
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecAXPY(s->sum, 1.0, r));
  PetscCall(VecNorm(s->sum, NORM_2, &s->scale));
  if (s->adjoint) {
    PetscCall(VecNorm(s->part, NORM_2, &norm));
    if (s->rnorm > 0.0) s->beta = PetscMax(s->beta, norm / s->rnorm);
    PetscCall(VecAXPY(s->result, 1.0, s->part));
    PetscCall(VecNorm(s->result, NORM_2, &norm));
    s->scale = s->beta > 0.0 ? PetscMin(s->scale, norm / s->beta) : 0.0;
  }
  s->last[s->k % ADJ_AUTO_PATIENCE] = s->rnorm > 0.0 ? next / s->rnorm : 0.0;
  s->rate                           = 0.0;
  for (PetscInt i = 0; i < PetscMin(s->k + 1, ADJ_AUTO_PATIENCE); i++) s->rate = PetscMax(s->rate, s->last[i]);
  s->rnorm = next;
  s->k++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Terms that the series needs in all, at the present rate; at least two quotients speak before it gives up */
static PetscInt ADJSeriesNeeds_Private(const ADJSeries *s)
{
  const PetscReal tail = s->rate < 1.0 ? s->rnorm / (1.0 - s->rate) : PETSC_INFINITY, aim = ADJ_AUTO_SAFETY * s->rtol * s->scale;
  PetscReal       more;

  if (s->rnorm == 0.0 || tail <= aim) return s->k;
  if (!(s->rate < 1.0) || aim <= 0.0) return s->k < ADJ_AUTO_PATIENCE ? s->k + 1 : ADJ_AUTO_NEVER;
  more = PetscCeilReal(PetscLogReal(aim / tail) / PetscLogReal(s->rate));
  return more < 1e6 ? s->k + PetscMax((PetscInt)more, 1) : ADJ_AUTO_NEVER;
}

/* Sums up from r_0 = `first`; at the end s->rnorm is the norm of the residual that the sum leaves */
static PetscErrorCode ADJSeriesRun_Private(ADJSeries *s, Vec first)
{
  ADJ       adj = s->adj;
  ADJ_Auto *ctx = (ADJ_Auto *)adj->data;
  Vec       r   = first;
  PetscReal next;

  PetscFunctionBegin;
  PetscCall(VecSet(s->sum, 0.0));
  if (s->adjoint) PetscCall(VecSet(s->result, 0.0));
  PetscCall(VecNorm(first, NORM_2, &s->rnorm));
  s->firstnorm = s->rnorm;
  s->choice    = ADJ_AUTO_NEUMANN;
  do {
    Vec power = adj->a[s->k % 2];

    PetscCall(ADJSeriesApply_Private(s, r, power));
    PetscCall(VecNorm(power, NORM_2, &next));
    PetscCall(ADJSeriesAdd_Private(s, r, next));
    r         = power;
    s->needed = ADJSeriesNeeds_Private(s);
    if (PetscIsInfOrNanReal(next) || (s->needed > s->k && s->needed > ctx->maxterms + 1)) s->choice = ADJ_AUTO_KRYLOV;
  } while (s->choice == ADJ_AUTO_NEUMANN && s->needed > s->k);
  if (!adj->testing) { /* for ADJView() */
    ctx->choice = s->choice;
    ctx->terms  = s->k - 1;
    ctx->needed = s->needed;
    ctx->rate   = s->rate;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the verdict wants to know of a sum that was enough */
static PetscErrorCode ADJSeriesRecord_Private(const ADJSeries *s, Vec in, Vec out, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(ADJRecordNorms_Private(in, out, rec));
  if (s->adjoint) PetscCall(VecNorm(s->sum, NORM_2, &rec->solnorm));
  rec->reason      = KSP_CONVERGED_ITERATING;
  rec->residual    = s->rnorm;
  rec->its         = s->k - 1;
  rec->terms       = s->k - 1;
  rec->aim         = s->rtol;
  rec->approximate = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSeriesBegin_Private(ADJ adj, PetscBool adjoint, KSP ksp, ADJSeries *s)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  PetscCall(ADJCreateSweepVecs_Private(adj));
  s->adj     = adj;
  s->adjoint = adjoint;
  s->part    = adj->atheta;
  s->rtol    = adj->gradientrtol;
  if (s->rtol <= 0.0 || adj->testing || adj->tolerance.inforce) PetscCall(KSPGetTolerances(ksp, &s->rtol, NULL, NULL, NULL));
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  PetscBool guess;
  PetscReal rtol;
} ADJKSPBefore;

/* The Krylov solver goes on from the sum, to a tenth of the tolerance of the gradient where that is the looser one */
static PetscErrorCode ADJHandOver_Private(const ADJSeries *s, KSP ksp, ADJKSPBefore *before)
{
  PetscFunctionBegin;
  PetscCall(ADJSetGuess_Private(ksp, PETSC_TRUE, &before->guess));
  PetscCall(KSPGetTolerances(ksp, &before->rtol, NULL, NULL, NULL));
  PetscCall(KSPSetTolerances(ksp, PetscMax(before->rtol, PetscMin(ADJ_AUTO_KRYLOV_RTOL * s->rtol, ADJ_AUTO_KRYLOV_RTOL)), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTakeBack_Private(KSP ksp, const ADJKSPBefore *before)
{
  PetscFunctionBegin;
  PetscCall(KSPSetInitialGuessNonzero(ksp, before->guess));
  PetscCall(KSPSetTolerances(ksp, before->rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sum is an initial guess if it is better than nothing */
static PetscErrorCode ADJSolveAdjoint_Auto(ADJ adj, Vec xbar, Vec thetabar)
{
  ADJLinearSolve *rec = &adj->state->adjoint;
  ADJSeries       s;
  ADJKSPBefore    before;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCall(ADJSeriesBegin_Private(adj, PETSC_TRUE, adj->ksp, &s));
  PetscCall(ADJCreateAdjoint_Private(adj));
  s.sum    = adj->w;
  s.result = thetabar;
  PetscCall(ADJSeriesRun_Private(&s, xbar));
  adj->wspoilt = (PetscBool) !(s.rnorm < s.firstnorm);
  if (s.choice == ADJ_AUTO_NEUMANN) {
    PetscCall(ADJSeriesRecord_Private(&s, xbar, thetabar, rec));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJHandOver_Private(&s, adj->ksp, &before));
  ierr = ADJSolveMT_Private(adj, xbar, rec);
  PetscCall(ADJTakeBack_Private(adj->ksp, &before));
  PetscCall(ierr);
  PetscCall(ADJPullBack_Private(adj, xbar, thetabar, rec));
  rec->terms       = -1; /* no sum of powers */
  rec->aim         = s.rtol;
  rec->approximate = (PetscBool)(rec->rtol > before.rtol);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_Auto(ADJ adj, Vec thetadot, Vec xdot)
{
  ADJLinearSolve *rec = &adj->state->tangent;
  ADJSeries       s;
  ADJKSPBefore    before;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCall(ADJSeriesBegin_Private(adj, PETSC_FALSE, adj->tksp, &s));
  PetscCall(ADJComputeTangentRhs_Private(adj, thetadot));
  s.sum = xdot;
  PetscCall(ADJSeriesRun_Private(&s, adj->b));
  if (s.choice == ADJ_AUTO_NEUMANN) {
    PetscCall(ADJSeriesRecord_Private(&s, thetadot, xdot, rec));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!(s.rnorm < s.firstnorm)) PetscCall(VecSet(xdot, 0.0));
  PetscCall(ADJHandOver_Private(&s, adj->tksp, &before));
  ierr = ADJSolveM_Private(adj, xdot, rec);
  PetscCall(ADJTakeBack_Private(adj->tksp, &before));
  PetscCall(ierr);
  rec->terms       = -1; /* no sum of powers */
  rec->aim         = s.rtol;
  rec->approximate = (PetscBool)(rec->rtol > before.rtol);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetFromOptions_Auto(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscInt  terms = ((ADJ_Auto *)adj->data)->maxterms;
  PetscBool set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Choice between Neumann series and Krylov solver");
  PetscCall(PetscOptionsInt("-adj_auto_max_terms", "Largest power of dF/dx in the Neumann series", "ADJAutoSetMaxTerms", terms, &terms, &set));
  if (set) PetscCall(ADJAutoSetMaxTerms(adj, terms));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Auto(ADJ adj, PetscViewer viewer)
{
  const ADJ_Auto *ctx = (const ADJ_Auto *)adj->data;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  Choice: Neumann series up to power %" PetscInt_FMT ", else the Krylov solver\n", ctx->maxterms));
  if (ctx->choice == ADJ_AUTO_NEUMANN) PetscCall(PetscViewerASCIIPrintf(viewer, "  chosen: Neumann series up to power %" PetscInt_FMT ", its terms fell at the rate %g\n", ctx->terms, (double)ctx->rate));
  if (ctx->choice == ADJ_AUTO_KRYLOV && ctx->needed < ADJ_AUTO_NEVER) PetscCall(PetscViewerASCIIPrintf(viewer, "  chosen: Krylov solver, from the sum up to power %" PetscInt_FMT "; at the rate %g the series would need power %" PetscInt_FMT "\n", ctx->terms, (double)ctx->rate, ctx->needed - 1));
  if (ctx->choice == ADJ_AUTO_KRYLOV && ctx->needed == ADJ_AUTO_NEVER) PetscCall(PetscViewerASCIIPrintf(viewer, "  chosen: Krylov solver, from the sum up to power %" PetscInt_FMT "; at the rate %g the series does not converge\n", ctx->terms, (double)ctx->rate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJAutoSetMaxTerms_Auto(ADJ adj, PetscInt terms)
{
  PetscFunctionBegin;
  PetscCheck(terms >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The largest power must not be negative, it is %" PetscInt_FMT, terms);
  ((ADJ_Auto *)adj->data)->maxterms = terms;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJAutoGetMaxTerms_Auto(ADJ adj, PetscInt *terms)
{
  PetscFunctionBegin;
  *terms = ((ADJ_Auto *)adj->data)->maxterms;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJAutoSetMaxTerms - Sets the largest power of dF/dx that the type `ADJAUTO` takes before it hands over to the Krylov solver

   Logically collective

   Input Parameters:
+  adj   - the context; nothing happens if it has another type
-  terms - the power, 0 or more; default 20

   Options Database Key:
.  -adj_auto_max_terms <20> - the power

   Level: intermediate

.seealso: `ADJAUTO`, `ADJAutoGetMaxTerms()`
@*/
PetscErrorCode ADJAutoSetMaxTerms(ADJ adj, PetscInt terms)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, terms, 2);
  PetscTryMethod(adj, "ADJAutoSetMaxTerms_C", (ADJ, PetscInt), (adj, terms));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJAutoGetMaxTerms - The power of `ADJAutoSetMaxTerms()`

   Not collective

   Input Parameter:
.  adj - the context, of type `ADJAUTO`

   Output Parameter:
.  terms - the power

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` if it has another type.

.seealso: `ADJAUTO`, `ADJAutoSetMaxTerms()`
@*/
PetscErrorCode ADJAutoGetMaxTerms(ADJ adj, PetscInt *terms)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJAutoGetMaxTerms_C", (ADJ, PetscInt *), (adj, terms));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Auto(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJAutoSetMaxTerms_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJAutoGetMaxTerms_C", NULL));
  PetscCall(PetscFree(adj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Auto(ADJ);

/*MC
   ADJAUTO - the derivative of the solution: for each cotangent or direction by the Neumann series where a few terms are
   enough, else by the Krylov solver of type `ADJIMPLICIT`, which starts from what the series has

   Options Database Keys:
+  -adj_gradient_rtol <rtol>  - relative error that is aimed at, see `ADJSetGradientTolerance()`
-  -adj_auto_max_terms <20>   - largest power of dF/dx in the series

   Level: intermediate

   Notes:
   The series needs no solve, no orthogonalization and no vectors beside two. Its terms are watched as they come: it ends at
   the first that meets the tolerance, and gives up as soon as at their rate it would need more than are allowed. `ADJView()`
   says what was chosen, and why. The Krylov solver stops at its own relative tolerance, or at a tenth of
   `-adj_gradient_rtol` if that is larger.

   The error that the series is believed to have is an estimate from the rate of its terms; the verdict looks at it again, by
   a loose solve, see `ADJSetGradientTolerance()`.

.seealso: `ADJSetType()`, `ADJType`, `ADJAutoSetMaxTerms()`, `ADJNEUMANN`, `ADJIMPLICIT`
M*/
PetscErrorCode ADJCreate_Auto(ADJ adj)
{
  ADJ_Auto *ctx;

  PetscFunctionBegin;
  PetscCall(PetscNew(&ctx));
  ctx->maxterms            = ADJ_AUTO_TERMS;
  adj->data                = ctx;
  adj->ops->setfromoptions = ADJSetFromOptions_Auto;
  adj->ops->forwardbegin   = ADJRequireFixedPoint_Private;
  adj->ops->solveadjoint   = ADJSolveAdjoint_Auto;
  adj->ops->solvetangent   = ADJSolveTangent_Auto;
  adj->ops->view           = ADJView_Auto;
  adj->ops->destroy        = ADJDestroy_Auto;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJAutoSetMaxTerms_C", ADJAutoSetMaxTerms_Auto));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJAutoGetMaxTerms_C", ADJAutoGetMaxTerms_Auto));
  PetscFunctionReturn(PETSC_SUCCESS);
}
