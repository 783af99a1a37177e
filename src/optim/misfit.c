/*
   Objectives that are sums of squares, l = |d(x, theta)|^2/2, and their Jacobian J = d_x M^{-1} N + d_theta for Gauss-Newton methods of Tao.
*/
#include "outer.h"
#include <petsctao.h>

#define ADJ_MISFIT_LONGER 2.0 /* half its square, over the largest one that was seen */

/* Where products with J are made; the matrix has its own copies, as trial points come and go */
typedef struct {
  ADJHessian point; /* x, theta, and the work vectors of two linear solves */
  PetscBool  failed;
  Vec        d;        /* the misfit there */
  Vec        gradient; /* J^T d, which is known already */
} ADJMisfitJacobian;

/*@C
   ADJSetMisfit - Sets the objective |d(x, theta)|^2/2 by its misfit d, as methods of Gauss and Newton want it

   Collective

   Input Parameters:
+  adj - the context
.  d   - a vector like the misfit, global length k; referenced
.  f   - computes d(x, theta), as `ADJMapFn`: `f(adj, x, theta, d, ctx)`
.  vjp - its VJP, as `ADJVJPFn`: `vjp(adj, x, theta, w, xbar, thetabar, ctx)` with w of length k; xbar or thetabar may be `NULL`
.  jvp - its JVP, as `ADJJVPFn`: `jvp(adj, x, theta, xdot, thetadot, ddot, ctx)` with ddot of length k; xdot or thetadot may be `NULL`
-  ctx - passed to the three, may be `NULL`

   Level: intermediate

   Notes:
   Takes the place of `ADJSetObjective()`; call `ADJSetTao()` after it. Weights, and a regularization |L theta|^2/2, are further components of d. `ADJSetTao()` gives d and
   its Jacobian to the Tao too: `-tao_type brgn` or, on one process, `pounders`. The Gauss-Newton Hessian of `ADJSetHessianType()` is then J^T J.

.seealso: `ADJSetObjective()`, `ADJSetTao()`, `ADJSetHessianType()`
@*/
PetscErrorCode ADJSetMisfit(ADJ adj, Vec d, ADJMapFn *f, ADJVJPFn *vjp, ADJJVPFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(d, VEC_CLASSID, 2);
  PetscCheckSameComm(adj, 1, d, 2);
  PetscCheck(f && vjp && jvp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_NULL, "A misfit needs its function, its VJP and its JVP");
  PetscCall(PetscObjectReference((PetscObject)d));
  PetscCall(VecDestroy(&adj->misfit.d));
  PetscCall(VecDestroy(&adj->misfit.work));
  adj->misfit.d   = d;
  adj->misfit.f   = f;
  adj->misfit.vjp = vjp;
  adj->misfit.jvp = jvp;
  adj->misfit.ctx = ctx;
  PetscCall(VecDuplicate(d, &adj->misfit.work));
  PetscCall(ADJSetObjective(adj, ADJMisfitObjective_Private, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJComputeMisfit_Private(ADJ adj, Vec x, Vec theta, Vec d)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCallBack("ADJ misfit", (*adj->misfit.f)(adj, x, theta, d, adj->misfit.ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMisfitVJP_Private(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCallBack("ADJ VJP of the misfit", (*adj->misfit.vjp)(adj, x, theta, w, xbar, thetabar, adj->misfit.ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMisfitJVP_Private(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ddot)
{
  PetscFunctionBegin;
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscCallBack("ADJ JVP of the misfit", (*adj->misfit.jvp)(adj, x, theta, xdot, thetadot, ddot, adj->misfit.ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The objective that stands for it, an ADJObjectiveFn */
PetscErrorCode ADJMisfitObjective_Private(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  PetscReal norm;

  (void)ctx;
  PetscFunctionBegin;
  PetscCall(ADJComputeMisfit_Private(adj, x, theta, adj->misfit.work));
  PetscCall(VecNorm(adj->misfit.work, NORM_2, &norm));
  *value = 0.5 * PetscSqr(norm);
  if (xbar || thetabar) PetscCall(ADJMisfitVJP_Private(adj, x, theta, adj->misfit.work, xbar, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (xbar, thetabar) = [d_x, d_theta]^T [d_x, d_theta] (xdot, thetadot), an ADJObjectiveHessianFn: second derivatives of d are left out */
PetscErrorCode ADJMisfitHessian_Private(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJMisfitJVP_Private(adj, x, theta, xdot, thetadot, adj->misfit.work));
  PetscCall(ADJMisfitVJP_Private(adj, x, theta, adj->misfit.work, xbar, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJMisfitReset_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&adj->misfit.d));
  PetscCall(VecDestroy(&adj->misfit.work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ddot = d_x M^{-1} N thetadot + d_theta thetadot */
static PetscErrorCode MatMult_ADJMisfit(Mat J, Vec thetadot, Vec ddot)
{
  ADJMisfitJacobian *c;
  ADJHessian        *h;
  ADJ                adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &c));
  h   = &c->point;
  adj = h->adj;
  PetscCall(VecSet(ddot, 0.0));
  if (c->failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJHessianLinearize_Private(h));
  PetscCall(ADJHessianSolveTangent_Private(h, thetadot));
  PetscCall(ADJMisfitJVP_Private(adj, h->x, h->theta, h->xdot, thetadot, ddot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = N^T M^{-T} d_x^T w + d_theta^T w; of the misfit itself it is the gradient */
static PetscErrorCode MatMultTranspose_ADJMisfit(Mat J, Vec w, Vec thetabar)
{
  ADJMisfitJacobian *c;
  ADJHessian        *h;
  ADJ                adj;
  PetscBool          known;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &c));
  h   = &c->point;
  adj = h->adj;
  PetscCall(VecEqual(w, c->d, &known));
  if (known || c->failed) {
    PetscCall(VecCopy(c->gradient, thetabar));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJHessianLinearize_Private(h));
  PetscCall(ADJMisfitVJP_Private(adj, h->x, h->theta, w, h->rhs, h->part));
  PetscCall(ADJHessianSolveAdjoint_Private(h));
  PetscCall(ADJApplyMT_Private(adj, h->wdot, NULL, thetabar));
  PetscCall(VecAXPY(thetabar, 1.0, h->part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDestroy_ADJMisfit(Mat J)
{
  ADJMisfitJacobian *c;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(J, &c));
  PetscCall(ADJHessianDestroyVecs_Private(&c->point));
  PetscCall(VecDestroy(&c->d));
  PetscCall(VecDestroy(&c->gradient));
  PetscCall(PetscFree(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMisfitCreateJacobian_Private(ADJ adj, Vec theta, Mat *J)
{
  ADJMisfitJacobian *c;
  PetscInt           k, K, m, M;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  c->point.adj = adj;
  PetscCall(VecDuplicate(theta, &c->point.theta));
  PetscCall(VecDuplicate(theta, &c->gradient));
  PetscCall(VecDuplicate(adj->misfit.d, &c->d));
  PetscCall(VecGetLocalSize(theta, &m));
  PetscCall(VecGetSize(theta, &M));
  PetscCall(VecGetLocalSize(adj->misfit.d, &k));
  PetscCall(VecGetSize(adj->misfit.d, &K));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), k, m, K, M, c, J));
  PetscCall(MatShellSetOperation(*J, MATOP_MULT, ADJShellFn(MatMult_ADJMisfit)));
  PetscCall(MatShellSetOperation(*J, MATOP_MULT_TRANSPOSE, ADJShellFn(MatMultTranspose_ADJMisfit)));
  PetscCall(MatShellSetOperation(*J, MATOP_DESTROY, ADJShellFn(MatDestroy_ADJMisfit)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Where there is no state any misfit will do that is as long as the mirrored value says. A method without gradients, as pounders, has none
   to mirror, and takes no infinite misfit: it gets a longer one than any so far
*/
static PetscErrorCode ADJTaoMisfit(Tao tao, Vec theta, Vec d, void *ctx)
{
  ADJ       adj = (ADJ)ctx;
  PetscReal value;

  PetscFunctionBegin;
  PetscCheck(adj->tolerance.schedule == ADJ_TOLERANCE_FIXED, PetscObjectComm((PetscObject)tao), PETSC_ERR_SUP, "A Tao that takes the misfit itself, as brgn, needs fixed tolerances: leave out -adj_tolerance_schedule, or take another -tao_type");
  PetscCall(ADJTaoEnter_Private(adj, tao));
  PetscCall(ADJTaoEvaluate_Private(adj, tao, theta, &value, NULL));
  if (adj->outer->last.failed) {
    PetscInt k;

    if (!adj->outer->iterate.id) value = adj->outer->highest > 0.0 ? ADJ_MISFIT_LONGER * adj->outer->highest : 1.0;
    PetscCall(VecGetSize(d, &k));
    PetscCall(VecSet(d, PetscSqrtReal(2.0 * value / k)));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJComputeMisfit_Private(adj, adj->outer->x, theta, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient is found here, with its verdict */
static PetscErrorCode ADJTaoMisfitJacobian(Tao tao, Vec theta, Mat J, Mat Jpre, void *ctx)
{
  ADJ                adj = (ADJ)ctx;
  ADJMisfitJacobian *c;
  PetscReal          value;

  (void)Jpre;
  PetscFunctionBegin;
  PetscCall(ADJTaoEnter_Private(adj, tao));
  PetscCall(MatShellGetContext(J, &c));
  PetscCall(ADJTaoEvaluate_Private(adj, tao, theta, &value, c->gradient));
  c->failed = adj->outer->last.failed;
  if (!c->failed) {
    PetscCall(ADJHessianMoveTo_Private(&c->point, adj->outer->last.id, adj->outer->x, theta));
    PetscCall(ADJComputeMisfit_Private(adj, c->point.x, theta, c->d));
  }
  PetscCall(PetscObjectStateIncrease((PetscObject)J));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For methods of Tao that want the misfit; the others see the objective */
PetscErrorCode ADJMisfitSetTao_Private(ADJ adj, Tao tao)
{
  Mat J;
  Vec d;

  PetscFunctionBegin;
  if (adj->objective != ADJMisfitObjective_Private) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJMisfitCreateJacobian_Private(adj, tao->solution, &J));
  PetscCall(VecDuplicate(adj->misfit.d, &d));
  PetscCall(TaoSetResidualRoutine(tao, d, ADJTaoMisfit, adj));
  PetscCall(TaoSetJacobianResidualRoutine(tao, J, J, ADJTaoMisfitJacobian, adj));
  PetscCall(VecDestroy(&d));
  PetscCall(MatDestroy(&J));
  PetscFunctionReturn(PETSC_SUCCESS);
}
