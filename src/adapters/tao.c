/*
   A Tao of the user's: R is the gradient of its objective, where bounds are active and constraints hold that of the Lagrangian, see adjtao.h;
   the forward solve its solve.
*/
#include "adjtao.h"

#define ADJ_TIGHT_TAO_GATOL 1e-12

static PetscErrorCode ADJTaoVecsReset_Private(ADJ_Tao *c)
{
  Vec *vecs[] = {&c->x, &c->nu, &c->point, &c->grad, &c->dir, &c->image, &c->shifted, &c->mult, &c->cons, &c->masked, &c->active.free};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(ADJTaoForget_Private(&c->active));
  PetscCall(MatDestroy(&c->J));
  PetscCall(MatDestroy(&c->P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What it cannot be differentiated for */
static PetscErrorCode ADJCheckTao_Private(ADJ adj, Tao tao)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscBool gradient, both;

  PetscFunctionBegin;
  PetscCheck(!PetscDefined(USE_COMPLEX), comm, PETSC_ERR_SUP, "Tao minimizes over real variables only: use a PETSc with real scalars");
  PetscCall(TaoIsGradientDefined(tao, &gradient));
  PetscCall(TaoIsObjectiveAndGradientDefined(tao, &both));
  PetscCheck(gradient || both || !tao->ops->computeresidual, comm, PETSC_ERR_SUP, "The least-squares Tao has no gradient, which the derivative of its solution is taken from: give J^T r by TaoSetGradient() too");
  PetscCheck(gradient || both, comm, PETSC_ERR_ORDER, "The Tao has no gradient, which the derivative of its solution is taken from: call TaoSetGradient() or TaoSetObjectiveAndGradient()");
  PetscCheck(!tao->ineq_constrained && !tao->constrained, comm, PETSC_ERR_SUP, "A Tao with inequality constraints, other than bounds of the variables, cannot be differentiated through: with slack variables c(x) - s = 0, s >= 0 they become equality constraints and bounds");
  PetscCheck(!tao->eq_constrained || tao->jacobian_equality, comm, PETSC_ERR_ORDER, "The equality constraints of the Tao have no Jacobian: call TaoSetJacobianEqualityRoutine()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state has the layout of the variables, and of the multipliers behind them */
static PetscErrorCode ADJCheckTaoLayout_Private(ADJ adj, ADJ_Tao *c)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt differs;
  PetscInt    n, me, both;

  PetscFunctionBegin;
  PetscCall(ISGetLocalSize(c->primal, &n));
  PetscCall(ISGetLocalSize(c->dual, &me));
  PetscCall(VecGetLocalSize(adj->sol, &both));
  differs = both != n + me;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!differs, comm, PETSC_ERR_ARG_SIZ, "The state x does not have the layout of the variables of the Tao%s", c->constrained ? ", on each process followed by that of the multipliers; see ADJGetMultiplierIS()" : "; create it with VecDuplicate() from that of TaoSetSolution()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoCreateVecs_Private(ADJ_Tao *c, Vec x)
{
  Vec *vecs[] = {&c->x, &c->point, &c->grad, &c->dir, &c->image, &c->shifted};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(x, vecs[i]));
  if (c->bounded) PetscCall(VecDuplicate(x, &c->active.free));
  if (!c->constrained) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(c->tao->constraints_equality, &c->nu));
  PetscCall(VecDuplicate(c->tao->constraints_equality, &c->mult));
  PetscCall(VecDuplicate(c->tao->constraints_equality, &c->cons));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetUp_Tao(ADJ adj)
{
  ADJ_Tao *c = (ADJ_Tao *)adj->adapterdata;
  Vec      x, lower, upper;
  Mat      H, A, P;
  PetscErrorCode (*hessian)(Tao, Vec, Mat, Mat, void *);

  PetscFunctionBegin;
  PetscCall(ADJTaoVecsReset_Private(c));
  PetscCall(ADJCheckTao_Private(adj, c->tao));
  PetscCall(TaoGetSolution(c->tao, &x));
  if (!x && !c->tao->eq_constrained) {
    PetscCall(VecDuplicate(adj->sol, &x));
    PetscCall(VecSet(x, 0.0));
    PetscCall(TaoSetSolution(c->tao, x));
    PetscCall(VecDestroy(&x));
    PetscCall(TaoGetSolution(c->tao, &x));
  }
  PetscCall(TaoGetVariableBounds(c->tao, &lower, &upper));
  PetscCall(TaoGetHessian(c->tao, &H, NULL, &hessian, NULL));
  c->bounded      = (PetscBool)(c->tao->bounded || lower || upper);
  c->constrained  = c->tao->eq_constrained;
  c->hessian      = (PetscBool)(H && hessian && !c->constrained); /* of quasi-Newton methods H is no Hessian, and has no function */
  c->active.kappa = 1.0;
  PetscCall(ADJTaoLayout_Private(adj, c));
  PetscCall(ADJCheckTaoLayout_Private(adj, c));
  PetscCall(ADJTaoCreateVecs_Private(c, x));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_Tao, MatMult_ADJ_Tao, &A));
  PetscCall(MatSetOption(A, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(ADJTaoCreatePreconditioner_Private(adj, c, &P));
  PetscCall(ADJSetJacobian(adj, A, P, ADJUpdate_Tao, c));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All tolerances of a Tao are of gradients: the residual at the end is judged, and where it is not small its effect */
static SNESConvergedReason ADJTaoReason_Private(TaoConvergedReason reason)
{
  switch (reason) {
  case TAO_CONVERGED_GATOL:
  case TAO_CONVERGED_GRTOL:
  case TAO_CONVERGED_GTTOL:
  case TAO_CONVERGED_USER:
    return SNES_CONVERGED_FNORM_RELATIVE;
  case TAO_CONVERGED_STEPTOL:
    return SNES_CONVERGED_SNORM_RELATIVE;
  case TAO_CONVERGED_MINF: /* no minimum */
    return SNES_DIVERGED_DTOL;
  case TAO_DIVERGED_MAXITS:
    return SNES_DIVERGED_MAX_IT;
  case TAO_DIVERGED_NAN:
    return ADJ_SNES_DIVERGED_NAN;
  case TAO_DIVERGED_MAXFCN:
    return SNES_DIVERGED_FUNCTION_COUNT;
  case TAO_DIVERGED_LS_FAILURE:
    return SNES_DIVERGED_LINE_SEARCH;
  case TAO_DIVERGED_TR_REDUCTION:
    return SNES_DIVERGED_TR_DELTA;
  case TAO_CONTINUE_ITERATING:
    return SNES_CONVERGED_ITERATING;
  default:
    return SNES_DIVERGED_INNER;
  }
}

/* z is the solution: its active set, its residual, and why the Tao stopped */
static PetscErrorCode ADJTaoFinish_Private(ADJ adj, ADJ_Tao *c, Vec z)
{
  ADJState          *st = adj->state;
  TaoConvergedReason reason;
  PetscReal          norm;

  PetscFunctionBegin;
  if (c->constrained)
    PetscCall(ADJTaoMultipliers_Private(adj, c, z));
  else if (c->bounded)
    PetscCall(ADJTaoIdentify_Private(adj, c, z));
  PetscCall(ADJComputeResidual_Private(adj, z, st->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  st->rnormref = PetscMax(st->rnormref, norm);
  PetscCall(ADJStateRecord_Private(st, norm, NULL));
  PetscCall(TaoGetConvergedReason(c->tao, &reason));
  PetscCall(TaoGetIterationNumber(c->tao, &st->its));
  st->reason = ADJTaoReason_Private(reason);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Into and out of the vector of the Tao, which some types keep from their set-up on */
static PetscErrorCode ADJSolve_Tao(ADJ adj, Vec z)
{
  ADJ_Tao  *c  = (ADJ_Tao *)adj->adapterdata;
  ADJState *st = adj->state;
  PetscReal norm;
  Vec       x;

  PetscFunctionBegin;
  PetscCall(ADJComputeResidual_Private(adj, z, st->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  PetscCall(ADJStateRecord_Private(st, norm, NULL));
  st->rnormref = PetscMax(st->rnormref, norm);
  PetscCall(TaoGetSolution(c->tao, &x));
  if (c->constrained)
    PetscCall(VecISCopy(z, c->primal, SCATTER_REVERSE, x));
  else if (x != z)
    PetscCall(VecCopy(z, x));
  PetscCall(ADJUnlock_Private(TaoSolve(c->tao), x));
  if (c->constrained)
    PetscCall(VecISCopy(z, c->primal, SCATTER_FORWARD, x));
  else if (x != z)
    PetscCall(VecCopy(x, z));
  PetscCall(ADJTaoFinish_Private(adj, c, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The multipliers go into the state, not into the user's vector */
static PetscErrorCode ADJSolved_Tao(ADJ adj, Vec z)
{
  (void)z;
  PetscFunctionBegin;
  PetscCall(ADJTaoFinish_Private(adj, (ADJ_Tao *)adj->adapterdata, adj->state->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ALMM has told its inner solver its tolerances when it was set up: it stays as it is */
static PetscErrorCode ADJTighten_Tao(ADJ adj, PetscBool tight)
{
  ADJ_Tao  *c = (ADJ_Tao *)adj->adapterdata;
  PetscBool almm;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)c->tao, TAOALMM, &almm));
  if (almm) PetscFunctionReturn(PETSC_SUCCESS);
  if (tight) {
    PetscCall(TaoGetTolerances(c->tao, &c->gatol, &c->grtol, &c->gttol));
    PetscCall(TaoSetTolerances(c->tao, PetscMin(c->gatol, ADJ_TIGHT_TAO_GATOL), 0.0, 0.0));
  } else
    PetscCall(TaoSetTolerances(c->tao, c->gatol, c->grtol, c->gttol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Tao(ADJ adj, PetscViewer viewer)
{
  ADJ_Tao *c = (ADJ_Tao *)adj->adapterdata;
  TaoType  type;
  PetscInt nlower = 0, nupper = 0, me = 0;

  PetscFunctionBegin;
  PetscCall(TaoGetType(c->tao, &type));
  PetscCall(PetscViewerASCIIPrintf(viewer, "type %s; Hessian of the %s: %s\n", type ? type : "not set", c->constrained ? "Lagrangian" : "objective", c->hessian ? "that of TaoSetHessian()" : "central differences of gradients, two for each product"));
  if (c->constrained) PetscCall(ISGetSize(c->dual, &me));
  if (c->constrained) PetscCall(PetscViewerASCIIPrintf(viewer, "equality constraints, with multipliers in the state: %" PetscInt_FMT "\n", me));
  if (!c->bounded || !c->active.known) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ISGetSize(c->active.lower, &nlower));
  PetscCall(ISGetSize(c->active.upper, &nupper));
  PetscCall(PetscViewerASCIIPrintf(viewer, "variables at their lower bounds: %" PetscInt_FMT ", at their upper bounds: %" PetscInt_FMT "\n", nlower, nupper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReset_Tao(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJTaoVecsReset_Private((ADJ_Tao *)adj->adapterdata));
  PetscCall(ADJTaoForgetLayout_Private((ADJ_Tao *)adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Tao(ADJ adj)
{
  ADJ_Tao *c = (ADJ_Tao *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJTaoVecsReset_Private(c));
  PetscCall(ADJTaoForgetLayout_Private(c));
  PetscCall(TaoDestroy(&c->tao));
  PetscCall(PetscFree(adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const ADJAdapter ADJAdapter_Tao = {
  .name          = "Tao",
  .ownjacobian   = PETSC_TRUE,
  .setup         = ADJSetUp_Tao,
  .solve         = ADJSolve_Tao,
  .solved        = ADJSolved_Tao,
  .tighten       = ADJTighten_Tao,
  .parametermask = ADJMask_Tao,
  .check         = ADJCheck_Tao,
  .view          = ADJView_Tao,
  .reset         = ADJReset_Tao,
  .destroy       = ADJDestroy_Tao,
};

PetscErrorCode ADJTaoGet_Private(ADJ adj, ADJ_Tao **c)
{
  PetscFunctionBegin;
  PetscCheck(adj->adapter == &ADJAdapter_Tao, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "There is no minimizer: call ADJSetTaoSolution() first");
  *c = (ADJ_Tao *)adj->adapterdata;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTaoSolution - Differentiates through a minimizer x*(theta) = argmin_x f(x, theta) that the user's `Tao` finds

   Collective

   Input Parameters:
+  adj - the context
-  tao - the solver, with its objective and gradient; it is referenced

   Options Database Key:
.  -adj_trust_complementarity <1e-6> - smallest multiplier of an active bound, see the notes

   Level: beginner

   Notes:
   R is the gradient of f in x; `ADJSolve()` is `TaoSolve()`, with the solver's own options, and nothing of it is changed: x goes into the vector of
   `TaoSetSolution()` and the minimizer out of it. `ADJSetParameters()` says how theta gets to the functions. The adjoint is

   H lambda = xbar, thetabar = -(d/dtheta grad f)^T lambda, H the Hessian at the minimizer,

   solved by a `KSP` of its own, see `ADJGetKSP()`. H is its own transpose. It is the Hessian of `TaoSetHessian()`, evaluated anew, a matrix or a
   shell; without one, as for `lmvm` and `blmvm`, its products are central differences of gradients, two for each product, good to about nine
   digits; `ADJView()` says which. With `-adj_vjp_fd_color` and `ADJSetDM()` it is made by coloring. A minimizer's H is positive definite:
   `-adj_ksp_type cg` will do, and `minres` with constraints; the default is `gmres`, which does not rely on it.

   `ADJSetParameterVJP()` gives (d/dtheta grad f)^T w; else differences in theta, `ADJSetFDColor()`. Preconditioners are built on the second matrix of
   `TaoSetHessian()`.

   Bounds, `TaoSetVariableBounds()` or `TaoSetVariableBoundsRoutine()`: variables that stand at an active bound do not move with theta; H is that of the others. The w of
   `ADJSetParameterVJP()` is zero there. `ADJGetBoundGradients()` is the derivative with respect to the bounds. Where a
   bound is active with a multiplier of zero, or almost, there is no derivative: check complementarity, relative to the size of the gradient's terms,
   refuses it (`ADJ_TRUST_REFUTED_NOT_SMOOTH`).

   Equality constraints c(x, theta) = 0, `TaoSetEqualityConstraintsRoutine()` and `TaoSetJacobianEqualityRoutine()`: the state of `ADJSolve()` holds the variables and
   the multipliers, see `ADJGetMultiplierIS()`, R = (grad f + J^T nu, c), and so w has both parts, too. The Hessian of the
   Lagrangian is always made by differences. The multipliers are those of `TAOALMM`, improved by least squares.

   A `Tao` that stopped at a loose tolerance is not taken at its word: the error that it makes is estimated. Do not differentiate what
   `TAOOWLQN`, `TAOBMRM` or `TAOADMM` add to the gradient themselves: they are not smooth.

   A `Tao` that optimizes theta is another matter, see `ADJComputeObjectiveAndGradient()`.

   Errors:
   `PETSC_ERR_ARG_NOTSAMECOMM` if the solver lives on another communicator; `PETSC_ERR_ORDER` after `ADJSetUp()`, and there if it has no gradient; `PETSC_ERR_SUP` there
   for inequality constraints, for a least-squares `Tao` without a gradient, and with complex scalars; `PETSC_ERR_ARG_SIZ` there for a state of another layout.

.seealso: `ADJSetParameters()`, `ADJSetParameterVJP()`, `ADJGetBoundGradients()`, `ADJGetMultiplierIS()`, `ADJSetSolved()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetTaoSolution(ADJ adj, Tao tao)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;
  ADJ_Tao    *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 2);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)tao), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The Tao lives on another communicator than the ADJ; create both on the same one");
  PetscCheck(!adj->setupcalled, comm, PETSC_ERR_ORDER, "The Tao must be given before ADJSetUp() and the first solve; call ADJReset() first");
  PetscCall(PetscObjectReference((PetscObject)tao)); /* it may be the one that is let go of */
  PetscCall(PetscNew(&c));
  PetscCall(ADJSetAdapter_Private(adj, &ADJAdapter_Tao, c));
  c->tao        = tao;
  adj->borrowed = (PetscObject)tao;
  PetscCall(ADJSetMap_Private(adj, ADJ_RESIDUAL, ADJMap_Tao, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}
