/*
   Taylor test: along a random direction d, with a gradient g that is right,

       |J(theta + h d) - J(theta)|               = O(h)
       |J(theta + h d) - J(theta) - h <g, d>|    = O(h^2)

   where J is the objective, or the functional <xbar, x*(theta)>. The forward problem is solved to rounding level, in a
   state of the test's own, so that nothing of it is left in the object.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_TAYLOR_STEPS     5
#define ADJ_TAYLOR_H         1e-2 /* first step, relative to the parameters; halved each time */
#define ADJ_TAYLOR_H_CENTRAL 1e-4
#define ADJ_TIGHT_SNES_RTOL  1e-12 /* Newton's last step goes far below it */
#define ADJ_TIGHT_ITERATION  1e-14 /* a linearly converging iteration stops just at it */
#define ADJ_TIGHT_KSP_RTOL   1e-11
#define ADJ_TAYLOR_TOL       1e-4 /* a larger error against the central difference is told */
#define ADJ_TAYLOR_ADJOINT   1e-7 /* largest true relative residual of the adjoint */
#define ADJ_TIGHT_ENOUGH     1e-8 /* a forward solve that fell so far is taken, whatever stopped it */

/* What the test changes in the object, to be put back */
typedef struct {
  ADJState *state;
  Vec       w;
  PetscReal snesrtol, ksprtol;
  PetscBool linearized, xrefgood, wspoilt;
} ADJSaved;

typedef struct {
  Vec       x0;       /* initial guess of every solve */
  Vec       x, theta; /* of the present solve */
  Vec       base, d;  /* J is looked at along base + h d */
  Vec       g;
  Vec       xbar; /* NULL: the objective is tested */
  Vec       objx, objtheta;
  PetscReal J, slope;
  PetscReal residual; /* largest one that a forward solve left */
  PetscReal wnorm;    /* by which it reaches J */
  PetscReal rounding; /* in J */
  PetscReal gerror;   /* of the directional derivative, from the adjoint's residual */
} ADJTaylor;

static PetscErrorCode ADJTestPush_Private(ADJ adj, ADJSaved *saved)
{
  PetscFunctionBegin;
  saved->state      = adj->state;
  saved->w          = adj->w;
  saved->linearized = adj->state->linearized;
  saved->xrefgood   = adj->xrefgood;
  saved->wspoilt    = adj->wspoilt;
  adj->w            = NULL;
  PetscCall(ADJStateCreate_Private(&adj->state));
  if (ADJForwardBorrowed_Private(adj))
    PetscCall((*adj->adapter->tighten)(adj, PETSC_TRUE));
  else {
    PetscCall(SNESGetTolerances(adj->snes, NULL, &saved->snesrtol, NULL, NULL, NULL));
    PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, PetscMin(saved->snesrtol, adj->form == ADJ_FIXED_POINT ? ADJ_TIGHT_ITERATION : ADJ_TIGHT_SNES_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  }
  PetscCall(KSPGetTolerances(adj->ksp, &saved->ksprtol, NULL, NULL, NULL));
  PetscCall(KSPSetTolerances(adj->ksp, PetscMin(saved->ksprtol, ADJ_TIGHT_KSP_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  adj->testing = PETSC_TRUE;
  adj->account = &adj->checkcounters;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Also after an error: then the state is linearized anew when it is needed */
static PetscErrorCode ADJTestPop_Private(ADJ adj, ADJSaved *saved, PetscErrorCode ierr)
{
  PetscFunctionBegin;
  if (ADJForwardBorrowed_Private(adj))
    PetscCall((*adj->adapter->tighten)(adj, PETSC_FALSE));
  else
    PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, saved->snesrtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(adj->ksp, saved->ksprtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  adj->xrefgood = saved->xrefgood;
  PetscCall(VecDestroy(&adj->w));
  PetscCall(ADJStateDestroy_Private(&adj->state));
  adj->wspoilt           = saved->wspoilt;
  adj->state             = saved->state;
  adj->w                 = saved->w;
  adj->testing           = PETSC_FALSE;
  adj->testref           = 0.0;
  adj->lin_x             = NULL; /* was the test's */
  adj->lin_theta         = NULL;
  adj->state->linearized = PETSC_FALSE;
  if (saved->linearized && !ierr) ierr = ADJLinearizeAtSolution_Private(adj);
  adj->account = &adj->counters;
  PetscCall(ierr);
  if (adj->state->theta) PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   What residuals are relative to, at least: that at the initial guess when the parameters move by the first step. The guess may be a
   solution already, whose residual is rounding
*/
static PetscErrorCode ADJTaylorReference_Private(ADJ adj, ADJTaylor *t)
{
  PetscFunctionBegin;
  if (adj->steps >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecWAXPY(t->theta, ADJ_TAYLOR_H, t->d, t->base));
  PetscCall(ADJComputeResidual_Private(adj, t->x0, t->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &adj->testref));
  if (PetscIsInfOrNanReal(adj->testref)) adj->testref = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual that a forward solve left. A borrowed solver may look at another norm */
static PetscErrorCode ADJTaylorResidual_Private(ADJ adj, ADJTaylor *t, PetscReal *residual)
{
  const ADJState *st = adj->state;

  PetscFunctionBegin;
  *residual = st->nhistory ? st->history[st->nhistory - 1] : PETSC_MAX_REAL;
  if (!ADJForwardBorrowed_Private(adj)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJComputeResidual_Private(adj, t->x, t->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, residual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* J at base + h d, from a forward solve of its own */
static PetscErrorCode ADJTaylorEvaluate_Private(ADJ adj, ADJTaylor *t, PetscReal h, PetscReal *J)
{
  const ADJState *st = adj->state;
  PetscReal       residual;
  PetscScalar     dot;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(t->theta, h, t->d, t->base));
  PetscCall(VecCopy(t->x0, t->x));
  PetscCall(ADJSolveForward_Private(adj, t->theta, t->x));
  PetscCall(ADJTaylorResidual_Private(adj, t, &residual));
  PetscCheck(adj->steps >= 0 ? st->reason > 0 : residual <= ADJ_TIGHT_ENOUGH * st->rnormref, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The Taylor test needs forward solves to a relative residual of %g, but that at a step of %g stopped with %s; look at its monitor, and let it do more iterations", ADJ_TIGHT_ENOUGH, (double)h, SNESConvergedReasons[st->reason]);
  if (adj->steps < 0) t->residual = PetscMax(t->residual, residual);
  if (t->xbar) {
    PetscCall(VecDot(t->x, t->xbar, &dot));
    *J = PetscRealPart(dot);
  } else
    PetscCall(ADJComputeObjective_Private(adj, t->x, st->theta, J, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* d/|d| +- g/|g|, of the size of d: <g, d> then drowns neither in the curvature of J nor in rounding */
static PetscErrorCode ADJTaylorDirection_Private(ADJTaylor *t)
{
  PetscReal   dnorm, gnorm;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(VecNorm(t->d, NORM_2, &dnorm));
  PetscCall(VecNorm(t->g, NORM_2, &gnorm));
  PetscCall(VecDot(t->d, t->g, &dot));
  if (gnorm > 0.0) PetscCall(VecAXPBY(t->d, (PetscRealPart(dot) < 0.0 ? -0.5 : 0.5) * dnorm / gnorm, 0.5, t->g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g = N^T w, and dl/dtheta of the objective; slope = Re <g, d> */
static PetscErrorCode ADJTaylorGradient_Private(ADJ adj, ADJTaylor *t)
{
  Vec         xbar = t->xbar ? t->xbar : t->objx;
  PetscReal   f, dnorm, xnorm, vnorm;
  PetscScalar dot;

  const ADJLinearSolve *rec = &adj->state->adjoint;

  PetscFunctionBegin;
  if (!t->xbar) PetscCall(ADJComputeObjective_Private(adj, t->x, adj->state->theta, &f, t->objx, t->objtheta));
  PetscUseTypeMethod(adj, solveadjoint, xbar, t->g);
  PetscCheck(!rec->reason || (rec->reason > 0 && rec->residual <= ADJ_TAYLOR_ADJOINT * rec->rhsnorm), PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The Taylor test needs an accurate adjoint, but its solve stopped with %s; look at -adj_ksp_monitor_true_residual, and let it do more iterations", KSPConvergedReasons[rec->reason]);
  if (!t->xbar) PetscCall(VecAXPY(t->g, 1.0, t->objtheta));
  PetscCall(ADJTaylorDirection_Private(t));
  PetscCall(VecDot(t->d, t->g, &dot));
  t->slope = PetscRealPart(dot);
  PetscCall(VecNorm(xbar, NORM_2, &vnorm));
  PetscCall(VecNorm(t->x, NORM_2, &xnorm));
  PetscCall(VecNorm(t->d, NORM_2, &dnorm));
  t->wnorm    = rec->solnorm >= 0.0 ? rec->solnorm : vnorm;
  t->rounding = PETSC_MACHINE_EPSILON * (vnorm * xnorm + PetscAbsReal(t->J));
  t->gerror   = rec->reason && rec->rhsnorm > 0.0 ? rec->residual / rec->rhsnorm * rec->resultnorm * dnorm : 0.0;
  if (adj->differences) t->gerror += 0.1 * ADJ_DIFFERENCES_ACCURACY * PetscAbsReal(t->slope);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the solves and rounding may leave in the remainder */
static PetscReal ADJTaylorNoise_Private(const ADJTaylor *t, PetscReal h)
{
  return 10.0 * (t->wnorm * t->residual + t->rounding + h * t->gerror);
}

/* Remainders for halved steps. The order is that of the smallest pair above the noise; 2 where there is none: J is linear along d */
static PetscErrorCode ADJTaylorRemainders_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *order)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscReal J, h = ADJ_TAYLOR_H, first, second, last = -1.0;
  char      text[32];

  PetscFunctionBegin;
  *order = 2.0;
  if (print) PetscCall(PetscPrintf(comm, "Taylor test of the gradient: J %.10g, directional derivative %.10g\n  %-12s %-14s %-14s %s\n", (double)t->J, (double)t->slope, "h", "|dJ|", "|dJ - h<g,d>|", "order"));
  for (PetscInt i = 0; i < ADJ_TAYLOR_STEPS; i++, h /= 2.0) {
    PetscCall(ADJTaylorEvaluate_Private(adj, t, h, &J));
    first  = PetscAbsReal(J - t->J);
    second = PetscAbsReal(J - t->J - h * t->slope);
    PetscCall(PetscStrncpy(text, "", sizeof(text)));
    if (second <= ADJTaylorNoise_Private(t, h))
      PetscCall(PetscStrncpy(text, "rounding", sizeof(text)));
    else if (last > 0.0) {
      *order = PetscLog2Real(last / second);
      PetscCall(PetscSNPrintf(text, sizeof(text), "%.3f", (double)*order));
    }
    if (print) PetscCall(PetscPrintf(comm, "  %-12.4e %-14.6e %-14.6e %s\n", (double)h, (double)first, (double)second, text));
    last = second;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaylorCentral_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *error)
{
  const PetscReal h = ADJ_TAYLOR_H_CENTRAL;
  PetscReal       Jp, Jm, diff, scale;

  PetscFunctionBegin;
  PetscCall(ADJTaylorEvaluate_Private(adj, t, h, &Jp));
  PetscCall(ADJTaylorEvaluate_Private(adj, t, -h, &Jm));
  diff   = (Jp - Jm) / (2.0 * h);
  scale  = PetscMax(PetscAbsReal(diff), PetscAbsReal(t->slope));
  *error = scale > 0.0 ? PetscAbsReal(diff - t->slope) / scale : 0.0;
  if (print) PetscCall(PetscPrintf(PetscObjectComm((PetscObject)adj), "  central difference (h %g) %.10g, relative error %.2e: %s\n", (double)h, (double)diff, (double)*error, *error <= ADJ_TAYLOR_TOL ? "the gradient is right" : "the gradient is WRONG, or the state is not smooth in theta here"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* d is random, of the parameters' own size */
static PetscErrorCode ADJTaylorCreate_Private(ADJ adj, Vec theta, Vec x, Vec xbar, ADJTaylor *t)
{
  PetscRandom rnd;
  PetscReal   norm;
  PetscInt    m;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(t, sizeof(*t)));
  t->xbar = xbar;
  t->base = theta;
  PetscCall(VecDuplicate(x, &t->x0));
  PetscCall(VecDuplicate(x, &t->x));
  PetscCall(VecDuplicate(theta, &t->theta));
  PetscCall(VecDuplicate(theta, &t->d));
  PetscCall(VecDuplicate(theta, &t->g));
  if (!xbar) {
    PetscCall(VecDuplicate(x, &t->objx));
    PetscCall(VecDuplicate(theta, &t->objtheta));
  }
  PetscCall(VecCopy(x, t->x0));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(t->d, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  PetscCall(VecGetSize(theta, &m));
  if (norm > 0.0) PetscCall(VecScale(t->d, norm / PetscSqrtReal((PetscReal)m)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaylorDestroy_Private(ADJTaylor *t)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&t->x0));
  PetscCall(VecDestroy(&t->x));
  PetscCall(VecDestroy(&t->theta));
  PetscCall(VecDestroy(&t->d));
  PetscCall(VecDestroy(&t->g));
  PetscCall(VecDestroy(&t->objx));
  PetscCall(VecDestroy(&t->objtheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaylorRun_Private(ADJ adj, ADJTaylor *t, PetscBool print, PetscReal *order, PetscReal *error)
{
  PetscFunctionBegin;
  PetscCall(ADJTaylorReference_Private(adj, t));
  PetscCall(ADJTaylorEvaluate_Private(adj, t, 0.0, &t->J));
  PetscCall(ADJTaylorGradient_Private(adj, t));
  if (!adj->program && adj->steps < 0) PetscCall(VecCopy(t->x, t->x0)); /* else J, or its gradient, depends on the initial guess */
  PetscCall(ADJTaylorRemainders_Private(adj, t, print, order));
  PetscCall(ADJTaylorCentral_Private(adj, t, print, error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whatever happens in the test, the object is put back: else it would go on testing, and judge no more */
static PetscErrorCode ADJTestGradient_Private(ADJ adj, Vec theta, Vec x, Vec xbar, PetscBool print, PetscReal *order, PetscReal *error)
{
  ADJSaved       saved;
  ADJTaylor      t;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJTaylorCreate_Private(adj, theta, x, xbar, &t));
  PetscCall(ADJTestPush_Private(adj, &saved));
  ierr = ADJTaylorRun_Private(adj, &t, print, order, error);
  PetscCall(ADJTaylorDestroy_Private(&t));
  PetscCall(ADJTestPop_Private(adj, &saved, ierr));
  if (!adj->state->theta) PetscCall(ADJPutParameters_Private(adj, theta)); /* of no solve yet */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTestGradient - Taylor test of the gradient, through the whole forward solve

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
.  x     - initial guess of the state, global length n; not changed
-  xbar  - tests J(theta) = <xbar, x*(theta)>; `NULL` tests the objective of `ADJSetObjective()`

   Output Parameters:
+  order - of the remainder |J(theta + h d) - J(theta) - h <g, d>| as h is halved: 2 if the gradient is right, 1 if it is not
-  error - of <g, d> against a central difference of J, relative

   Options Database Key:
.  -adj_test_gradient - makes the test once, after the first gradient, and prints the remainders

   Level: beginner

   Notes:
   The direction d is half random, half along the gradient, of the size of the parameters. The forward problem is
   solved eight times, to rounding level. Where the remainder lies at rounding level from the start J is linear along
   d, and the order is given as 2.

   No state, result, counter, tolerance or random stream of the user changes; only the iteration numbers that the
   children themselves report are those of the test.

   Errors:
   `PETSC_ERR_ORDER` without a VJP, or without an objective if xbar is `NULL`; `PETSC_ERR_NOT_CONVERGED` if a forward
   solve does not get close enough.

.seealso: `ADJTestVJP()`, `ADJSolveAdjoint()`, `ADJSetObjective()`
@*/
PetscErrorCode ADJTestGradient(ADJ adj, Vec theta, Vec x, Vec xbar, PetscReal *order, PetscReal *error)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->vjp || !adj->setupcalled, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCheck(xbar || adj->objective, comm, PETSC_ERR_ORDER, "Nothing to test: give a cotangent xbar, or call ADJSetObjective() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckState_Private(adj, x));
  if (xbar) PetscCall(ADJCheckVec_Private(adj, xbar, x, "The cotangent xbar", "the state"));
  if (!adj->sol) PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetUp(adj)); /* which may make products of matrices */
  PetscCheck(adj->vjp, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCall(ADJTestGradient_Private(adj, theta, x, xbar, PETSC_FALSE, order, error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -adj_test_gradient: once, at the state of the first gradient; the steps of a program begin where they did */
PetscErrorCode ADJTestGradientFromOptions_Private(ADJ adj, Vec xbar)
{
  PetscReal      order, error;
  Vec            x0;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (adj->gradienttested) PetscFunctionReturn(PETSC_SUCCESS);
  adj->gradienttested = PETSC_TRUE;
  PetscCall(VecDuplicate(adj->state->x, &x0));
  PetscCall(VecCopy(adj->state->x, x0));
  ierr = adj->program && adj->state->its ? ADJTrajectoryLoadState_Private(adj->state->trajectory, 0, x0) : PETSC_SUCCESS;
  if (!ierr) ierr = ADJTestGradient_Private(adj, adj->state->theta, x0, xbar, PETSC_TRUE, &order, &error);
  PetscCall(VecDestroy(&x0));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
