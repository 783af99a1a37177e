/*
   Bounds of a borrowed Tao: which are active at a solution, whether clearly so, and the derivative with respect to them.

   With kappa, a curvature of f, x_i stands at its lower bound where kappa (x_i - l_i) < g_i, g = grad f + J^T nu: the gradient pushes it
   there, from no further away than a step of Newton's method goes. So solvers that stay inside of the bounds are understood, too.
*/
#include "adjtao.h"

#define ADJ_TAO_PROBE  1e-6 /* relative length of the step that kappa is measured on */
#define ADJ_TAO_NEAR   1e-6 /* relative distance to a bound that is none, where nothing is known of multipliers */
#define ADJ_TAO_SAFETY 10.0 /* by which a multiplier may be wronger than the residual says */

static const char *const ADJComplementarityFailed = "a variable stands at its bound although nothing pushes it there, or is free and touches it: x*(theta) has a kink, no derivative; move theta, or put a smooth barrier in place of the bound";
static const char *const ADJComplementarityOpen   = "the residual of the minimizer may hide that a multiplier is zero: lower the tolerances of the Tao, -tao_gatol";

PetscErrorCode ADJTaoForget_Private(ADJTaoActive *a)
{
  PetscFunctionBegin;
  PetscCall(ISDestroy(&a->lower));
  PetscCall(ISDestroy(&a->upper));
  PetscCall(VecScatterDestroy(&a->tolower));
  PetscCall(VecScatterDestroy(&a->toupper));
  a->known = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* to_i = from_i where it stands at a bound */
static PetscErrorCode ADJTaoCopyActive_Private(VecScatter where, Vec from, Vec to)
{
  PetscFunctionBegin;
  PetscCall(VecScatterBegin(where, from, to, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(where, from, to, INSERT_VALUES, SCATTER_FORWARD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The active bounds into x */
PetscErrorCode ADJTaoPutBounds_Private(ADJ_Tao *c, Vec x)
{
  Vec lower, upper;

  PetscFunctionBegin;
  PetscCall(TaoGetVariableBounds(c->tao, &lower, &upper));
  if (lower) PetscCall(ADJTaoCopyActive_Private(c->active.tolower, lower, x));
  if (upper) PetscCall(ADJTaoCopyActive_Private(c->active.toupper, upper, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTaoClip_Private(ADJ_Tao *c, Vec x)
{
  Vec lower, upper;

  PetscFunctionBegin;
  PetscCall(TaoGetVariableBounds(c->tao, &lower, &upper));
  if (lower) PetscCall(VecPointwiseMax(x, x, lower));
  if (upper) PetscCall(VecPointwiseMin(x, x, upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* kappa = |grad f(x + h d) - grad f(x)|/|h d| with a rough d, at c->point, c->mult; -h where that is outside of where f lives. 1 if nothing is known */
static PetscErrorCode ADJTaoCurvature_Private(ADJ adj, ADJ_Tao *c)
{
  PetscRandom rnd;
  PetscReal   xnorm, dnorm, gnorm = 0.0, h;

  PetscFunctionBegin;
  c->active.kappa = 1.0;
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(c->dir, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNorm(c->dir, NORM_INFINITY, &dnorm));
  PetscCall(VecNorm(c->point, NORM_INFINITY, &xnorm));
  if (!(dnorm > 0.0) || PetscIsInfOrNanReal(xnorm)) PetscFunctionReturn(PETSC_SUCCESS);
  h = ADJ_TAO_PROBE * (xnorm > 0.0 ? xnorm : 1.0) / dnorm;
  for (PetscInt i = 0; i < 2; i++, h = -h) {
    PetscCall(VecWAXPY(c->shifted, h, c->dir, c->point));
    PetscCall(ADJTaoGradient_Private(adj, c, c->shifted, c->mult, c->image));
    adj->account->map++;
    PetscCall(VecAXPY(c->image, -1.0, c->grad));
    PetscCall(VecNorm(c->image, NORM_2, &xnorm)); /* a maximum may lose a NaN */
    PetscCall(VecNorm(c->image, NORM_INFINITY, &gnorm));
    if (!PetscIsInfOrNanReal(xnorm) && gnorm > 0.0) {
      c->active.kappa = gnorm / (PetscAbsReal(h) * dnorm);
      break;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* s_i > 0 decides: sign kappa (bound - x) + g with sign 1 for lower bounds, -1 for upper ones; min gap_i, sign (x - bound)_i */
static PetscErrorCode ADJTaoFindActive_Private(ADJ_Tao *c, Vec bound, PetscReal sign, Vec g, Vec zero, Vec s, Vec gap, IS *is)
{
  PetscFunctionBegin;
  if (!bound) {
    PetscCall(ISCreateStride(PetscObjectComm((PetscObject)c->tao), 0, 0, 1, is));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecWAXPY(s, -1.0, bound, c->point));
  PetscCall(VecScale(s, sign));
  PetscCall(VecPointwiseMin(gap, gap, s));
  PetscCall(VecAXPBY(s, sign, -c->active.kappa, g));
  PetscCall(VecWhichGreaterThan(s, zero, is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At c->point, where c->grad is the gradient. Variables whose two bounds are the same are fixed: they count as at the lower one, whatever their multiplier */
static PetscErrorCode ADJTaoSortVariables_Private(ADJ_Tao *c)
{
  ADJTaoActive *a     = &c->active;
  IS            fixed = NULL;
  Vec           lower, upper, g, zero, s, gap;

  PetscFunctionBegin;
  PetscCall(TaoGetVariableBounds(c->tao, &lower, &upper));
  PetscCall(VecDuplicate(c->point, &g));
  PetscCall(VecDuplicate(c->point, &zero));
  PetscCall(VecDuplicate(c->point, &s));
  PetscCall(VecDuplicate(c->point, &gap));
  PetscCall(VecCopy(c->grad, g));
  PetscCall(VecSet(zero, 0.0));
  PetscCall(VecSet(gap, PETSC_INFINITY));
  if (lower && upper) PetscCall(VecWhichEqual(lower, upper, &fixed));
  if (fixed) PetscCall(VecISSet(g, fixed, 1.0));
  PetscCall(ADJTaoFindActive_Private(c, lower, 1.0, g, zero, s, gap, &a->lower));
  PetscCall(ADJTaoFindActive_Private(c, upper, -1.0, g, zero, s, gap, &a->upper));
  PetscCall(VecNorm(c->grad, NORM_INFINITY, &a->gnorm));
  PetscCall(VecCopy(c->grad, s));
  PetscCall(VecAbs(s));
  PetscCall(VecScale(gap, a->kappa));
  PetscCall(VecPointwiseMax(s, s, gap));
  if (fixed) PetscCall(VecISSet(s, fixed, PETSC_INFINITY));
  PetscCall(VecMin(s, NULL, &a->least));
  PetscCall(ISDestroy(&fixed));
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&zero));
  PetscCall(VecDestroy(&s));
  PetscCall(VecDestroy(&gap));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For a first guess of nu, with which the active set is found: all that is near a bound, at c->point */
PetscErrorCode ADJTaoGuessActive_Private(ADJ_Tao *c)
{
  Vec       bound[2], work, limit;
  PetscReal xnorm;
  IS        is;

  PetscFunctionBegin;
  PetscCall(TaoComputeVariableBounds(c->tao));
  PetscCall(TaoGetVariableBounds(c->tao, &bound[0], &bound[1]));
  PetscCall(VecDuplicate(c->point, &work));
  PetscCall(VecDuplicate(c->point, &limit));
  PetscCall(VecNorm(c->point, NORM_INFINITY, &xnorm));
  PetscCall(VecSet(limit, ADJ_TAO_NEAR * (xnorm > 0.0 ? xnorm : 1.0)));
  PetscCall(VecSet(c->active.free, 1.0));
  for (PetscInt i = 0; i < 2; i++) {
    if (!bound[i]) continue;
    PetscCall(VecWAXPY(work, -1.0, bound[i], c->point));
    PetscCall(VecAbs(work));
    PetscCall(VecWhichLessThan(work, limit, &is));
    PetscCall(VecISSet(c->active.free, is, 0.0));
    PetscCall(ISDestroy(&is));
  }
  PetscCall(VecDestroy(&work));
  PetscCall(VecDestroy(&limit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The active set at the state z, of the parameters that were put last; it belongs to adj->state */
PetscErrorCode ADJTaoIdentify_Private(ADJ adj, ADJ_Tao *c, Vec z)
{
  ADJTaoActive *a = &c->active;

  PetscFunctionBegin;
  PetscCall(ADJTaoForget_Private(a));
  PetscCall(TaoComputeVariableBounds(c->tao));
  PetscCall(ADJTaoSplit_Private(c, z, c->point, c->mult));
  PetscCall(ADJTaoGradient_Private(adj, c, c->point, c->mult, c->grad));
  adj->account->map++;
  PetscCall(ADJTaoCurvature_Private(adj, c));
  PetscCall(ADJTaoSortVariables_Private(c));
  PetscCall(VecScatterCreate(c->point, a->lower, c->point, a->lower, &a->tolower));
  PetscCall(VecScatterCreate(c->point, a->upper, c->point, a->upper, &a->toupper));
  PetscCall(VecSet(a->free, 1.0));
  PetscCall(VecISSet(a->free, a->lower, 0.0));
  PetscCall(VecISSet(a->free, a->upper, 0.0));
  a->known = PETSC_TRUE;
  a->id    = adj->state->id;
  a->scale = -1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Makes the active set that of adj->state, which a test may have changed, with theta put in the end. It is not known on the way to a solution; before
   any solve it is that of z, if that is given
*/
PetscErrorCode ADJTaoFreeze_Private(ADJ adj, ADJ_Tao *c, Vec z, Vec theta, PetscBool *frozen)
{
  const ADJState *st     = adj->state;
  const PetscBool solved = (PetscBool)(st->id && st->reason != SNES_CONVERGED_ITERATING);

  PetscFunctionBegin;
  *frozen = PETSC_TRUE;
  if (c->active.known && c->active.id == st->id) PetscFunctionReturn(PETSC_SUCCESS);
  if (solved) {
    PetscCall(ADJPutParameters_Private(adj, st->theta));
    PetscCall(ADJTaoIdentify_Private(adj, c, st->x));
    PetscCall(ADJPutParameters_Private(adj, theta));
  } else if (z)
    PetscCall(ADJTaoIdentify_Private(adj, c, z));
  else
    *frozen = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the user's product in theta gets to see of a cotangent, and may make of a tangent */
PetscErrorCode ADJMask_Tao(ADJ adj, Vec in, Vec *out)
{
  ADJ_Tao *c = (ADJ_Tao *)adj->adapterdata;

  PetscFunctionBegin;
  *out = in;
  if (!c->bounded) PetscFunctionReturn(PETSC_SUCCESS);
  if (!c->masked) PetscCall(VecDuplicate(adj->r, &c->masked));
  PetscCall(ADJTaoSplit_Private(c, in, c->point, c->mult));
  PetscCall(VecPointwiseMult(c->point, c->active.free, c->point));
  PetscCall(ADJTaoJoin_Private(c, c->point, c->mult, c->masked));
  *out = c->masked;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient is large or small compared with itself, and with what it is the difference of: H x */
static PetscErrorCode ADJTaoGradientScale_Private(ADJ adj, ADJ_Tao *c)
{
  PetscReal norm;

  PetscFunctionBegin;
  if (c->active.scale >= 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(VecCopy(c->x, c->dir));
  if (c->constrained) PetscCall(VecSet(c->mult, 0.0));
  PetscCall(ADJTaoHessian_Private(adj, c, c->dir, c->mult, c->image));
  adj->account->vjp_x++;
  PetscCall(VecNorm(c->image, NORM_INFINITY, &norm));
  c->active.scale = PetscMax(c->active.gnorm, norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Strict complementarity: of distance to a bound and multiplier one must be clearly larger than 0, or a small change of theta changes the active set */
PetscErrorCode ADJCheck_Tao(ADJ adj, ADJTrustReport *rep)
{
  ADJ_Tao        *c     = (ADJ_Tao *)adj->adapterdata;
  const ADJState *st    = adj->state;
  const PetscReal limit = adj->threshold[ADJ_CHECK_COMPLEMENTARITY];
  ADJTrustCheck  *check = &rep->check[ADJ_CHECK_COMPLEMENTARITY];
  PetscBool       frozen;
  PetscReal       scale, value, error;

  PetscFunctionBegin;
  if (!c->bounded) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTaoFreeze_Private(adj, c, st->x, st->theta, &frozen));
  PetscCall(ADJTaoGradientScale_Private(adj, c));
  scale = c->active.scale;
  value = scale > 0.0 ? PetscMin(c->active.least / scale, 1.0) : (c->active.least > 0.0 ? 1.0 : 0.0);
  error = scale > 0.0 && st->nhistory ? st->history[st->nhistory - 1] / scale : 0.0;
  if (value <= limit)
    PetscCall(ADJSetCheck_Private(check, ADJ_CHECK_FAILED, value, limit, ADJComplementarityFailed));
  else if (value <= limit + ADJ_TAO_SAFETY * error)
    PetscCall(ADJSetCheck_Private(check, ADJ_CHECK_INCONCLUSIVE, value, limit, ADJComplementarityOpen));
  else
    PetscCall(ADJSetCheck_Private(check, ADJ_CHECK_PASSED, value, limit, NULL));
  check->error = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoEnterBounds_Private(ADJ_Tao *c, VecScatter where, Vec from, Vec to)
{
  PetscFunctionBegin;
  if (!to) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecSet(to, 0.0));
  if (c->bounded) PetscCall(ADJTaoCopyActive_Private(where, from, to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetBoundGradients - The pullback of the last cotangent to the bounds of a minimizer

   Collective

   Input Parameter:
.  adj - the context, with a `Tao` of `ADJSetTaoSolution()`

   Output Parameters:
+  lower - derivative with respect to the lower bounds, of the layout of the bounds; `NULL` if not wanted
-  upper - with respect to the upper ones; `NULL` if not wanted

   Level: intermediate

   Notes:
   For the cotangent v of the last `ADJSolveAdjoint()`. Where x_i stands at its lower bound lower_i is the derivative of <v, x*>, or of the
   objective whose derivative v is, with respect to that bound; elsewhere it is zero. A variable whose two bounds are the same counts as
   at its lower one: lower_i is the derivative with respect to both moved together.

   Bounds that depend on theta: the function of `ADJSetParameterVJP()` may call it for the cotangent w that it was given, and subtracts

.vb
   ADJGetBoundGradients(adj, lower, upper);
   thetabar -= (d lower/d theta)^T lower + (d upper/d theta)^T upper
.ve

   Differences in theta, `ADJSetFDParameters()`, see them anyway.

   Errors:
   `PETSC_ERR_ORDER` without a `Tao`, or before `ADJSolveAdjoint()`; `PETSC_ERR_ARG_SIZ` for a vector that does not fit.

.seealso: `ADJSetTaoSolution()`, `ADJSolveAdjoint()`, `ADJSetParameterVJP()`
@*/
PetscErrorCode ADJGetBoundGradients(ADJ adj, Vec lower, Vec upper)
{
  ADJ_Tao *c;
  Vec      w;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJTaoGet_Private(adj, &c));
  w = adj->cotangent ? adj->cotangent : adj->w;
  PetscCheck(w && c->x && (adj->cotangent || adj->state->adjoint.reason), PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Must call ADJSolveAdjoint() before ADJGetBoundGradients()");
  if (lower) PetscCall(ADJCheckVec_Private(adj, lower, c->x, "The derivative with respect to the lower bounds", "the variables of the Tao"));
  if (upper) PetscCall(ADJCheckVec_Private(adj, upper, c->x, "The derivative with respect to the upper bounds", "the variables of the Tao"));
  if (c->bounded) {
    if (!adj->cotangent) {
      PetscCall(ADJLinearizeAtSolution_Private(adj));
      PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
    }
    PetscCall(ADJTaoSplit_Private(c, w, c->dir, c->mult)); /* kappa w_A - (W w_F + J^T w_nu)_A */
    PetscCall(VecPointwiseMult(c->dir, c->active.free, c->dir));
    PetscCall(ADJTaoHessian_Private(adj, c, c->dir, c->mult, c->image));
    adj->account->vjp_x++;
    PetscCall(ADJTaoSplit_Private(c, w, c->dir, NULL));
    PetscCall(VecAXPBY(c->image, c->active.kappa, -1.0, c->dir));
  }
  PetscCall(ADJTaoEnterBounds_Private(c, c->active.tolower, c->image, lower));
  PetscCall(ADJTaoEnterBounds_Private(c, c->active.toupper, c->image, upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}
