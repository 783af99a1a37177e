/*
   The residual of a borrowed Tao, and products with its Jacobian: by the Hessian of the Tao, or by differences of gradients.
*/
#include "adjtao.h"

#define ADJ_TAO_STEP 6e-6 /* eps^{1/3}, of central differences */

/* x, nu of the state z; nu may be NULL */
PetscErrorCode ADJTaoSplit_Private(ADJ_Tao *c, Vec z, Vec x, Vec nu)
{
  PetscFunctionBegin;
  if (!c->constrained) {
    PetscCall(VecCopy(z, x));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecISCopy(z, c->primal, SCATTER_REVERSE, x));
  if (nu) PetscCall(VecISCopy(z, c->dual, SCATTER_REVERSE, nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = (x, nu) */
PetscErrorCode ADJTaoJoin_Private(ADJ_Tao *c, Vec x, Vec nu, Vec z)
{
  PetscFunctionBegin;
  if (!c->constrained) {
    PetscCall(VecCopy(x, z));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecISCopy(z, c->primal, SCATTER_FORWARD, x));
  PetscCall(VecISCopy(z, c->dual, SCATTER_FORWARD, nu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g = grad f(x) + J(x)^T nu, without the last term if there are no constraints. J of the Tao is at x afterwards */
PetscErrorCode ADJTaoGradient_Private(ADJ adj, ADJ_Tao *c, Vec x, Vec nu, Vec g)
{
  Vec work;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(ADJUnlock_Private(TaoComputeGradient(c->tao, x, g), x));
  if (!c->constrained) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTaoConstraintJacobian_Private(c, x));
  PetscCall(VecDuplicate(g, &work));
  PetscCall(MatMultTranspose(c->tao->jacobian_equality, nu, work));
  PetscCall(VecAXPY(g, 1.0, work));
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where no active set is known, as on the way to a solution: kappa times the distance of x to the bounded x - g/kappa */
static PetscErrorCode ADJTaoNaturalResidual_Private(ADJ_Tao *c)
{
  const PetscReal kappa = c->active.kappa;

  PetscFunctionBegin;
  PetscCall(VecWAXPY(c->image, -1.0 / kappa, c->grad, c->point));
  PetscCall(ADJTaoClip_Private(c, c->image));
  PetscCall(VecAXPBYPCZ(c->grad, kappa, -kappa, 0.0, c->point, c->image));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJMap_Tao(ADJ adj, Vec z, Vec theta, Vec y, void *ctx)
{
  ADJ_Tao  *c      = (ADJ_Tao *)ctx;
  PetscBool frozen = PETSC_FALSE;

  PetscFunctionBegin;
  if (c->bounded) {
    PetscCall(ADJTaoFreeze_Private(adj, c, NULL, theta, &frozen));
    PetscCall(TaoComputeVariableBounds(c->tao)); /* may depend on theta */
  }
  PetscCall(ADJTaoSplit_Private(c, z, c->point, c->mult));
  if (frozen) PetscCall(ADJTaoPutBounds_Private(c, c->point));
  PetscCall(ADJTaoGradient_Private(adj, c, c->point, c->mult, c->grad));
  if (frozen) {
    PetscCall(ADJTaoSplit_Private(c, z, c->image, NULL));
    PetscCall(VecPointwiseMult(c->grad, c->active.free, c->grad));
    PetscCall(VecAXPBYPCZ(c->grad, c->active.kappa, -c->active.kappa, 1.0, c->image, c->point));
  } else if (c->bounded)
    PetscCall(ADJTaoNaturalResidual_Private(c));
  if (c->constrained) PetscCall(ADJTaoConstraints_Private(c, c->point, c->cons));
  PetscCall(ADJTaoJoin_Private(c, c->grad, c->cons, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = W d by central differences of the Lagrangian's gradient */
static PetscErrorCode ADJTaoDifferences_Private(ADJ adj, ADJ_Tao *c, Vec d, Vec y)
{
  PetscReal xnorm, dnorm, h;
  Vec       lower;

  PetscFunctionBegin;
  PetscCall(VecNorm(d, NORM_2, &dnorm));
  PetscCall(VecNorm(c->x, NORM_2, &xnorm));
  if (dnorm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  h = ADJ_TAO_STEP * (xnorm > 0.0 ? xnorm : 1.0) / dnorm;
  PetscCall(VecDuplicate(y, &lower));
  PetscCall(VecWAXPY(c->shifted, h, d, c->x));
  PetscCall(ADJTaoGradient_Private(adj, c, c->shifted, c->nu, y));
  PetscCall(VecWAXPY(c->shifted, -h, d, c->x));
  PetscCall(ADJTaoGradient_Private(adj, c, c->shifted, c->nu, lower));
  PetscCall(VecAXPY(y, -1.0, lower));
  PetscCall(VecScale(y, 0.5 / h));
  PetscCall(VecDestroy(&lower));
  adj->account->map += 2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Hessian of the Tao, and what its preconditioners are built on, at c->x */
static PetscErrorCode ADJTaoComputeHessian_Private(ADJ_Tao *c)
{
  Mat H, Hpre;

  PetscFunctionBegin;
  PetscCall(TaoGetHessian(c->tao, &H, &Hpre, NULL, NULL));
  if (!Hpre) Hpre = H;
  PetscCall(ADJUnlock_Private(TaoComputeHessian(c->tao, c->x, H, Hpre), c->x));
  PetscCall(PetscObjectStateGet((PetscObject)H, &c->hstate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = W dx + J^T dnu at the point of linearization; dnu of no use without constraints. Others may have changed the Hessian since */
PetscErrorCode ADJTaoHessian_Private(ADJ adj, ADJ_Tao *c, Vec dx, Vec dnu, Vec y)
{
  PetscObjectState state;
  Mat              H;
  Vec              work;

  PetscFunctionBegin;
  if (c->hessian) {
    PetscCall(TaoGetHessian(c->tao, &H, NULL, NULL, NULL));
    PetscCall(PetscObjectStateGet((PetscObject)H, &state));
    if (state != c->hstate) PetscCall(ADJTaoComputeHessian_Private(c));
    PetscCall(MatMult(H, dx, y));
  } else
    PetscCall(ADJTaoDifferences_Private(adj, c, dx, y));
  if (!c->constrained) PetscFunctionReturn(PETSC_SUCCESS);
  if (!c->J) PetscCall(ADJTaoConstraintJacobian_Private(c, c->x)); /* the differences have moved it */
  PetscCall(VecDuplicate(y, &work));
  PetscCall(MatMultTranspose(c->J ? c->J : c->tao->jacobian_equality, dnu, work));
  PetscCall(VecAXPY(y, 1.0, work));
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M, its own transpose */
PetscErrorCode MatMult_ADJ_Tao(Mat A, Vec in, Vec out)
{
  ADJ      adj;
  ADJ_Tao *c;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  c = (ADJ_Tao *)adj->adapterdata;
  PetscCall(ADJTaoSplit_Private(c, in, c->dir, c->mult));
  if (c->bounded) PetscCall(VecPointwiseMult(c->dir, c->active.free, c->dir));
  PetscCall(ADJTaoHessian_Private(adj, c, c->dir, c->mult, c->image));
  if (c->bounded) {
    PetscCall(ADJTaoSplit_Private(c, in, c->shifted, NULL));
    PetscCall(VecPointwiseMult(c->image, c->active.free, c->image));
    PetscCall(VecAXPBYPCZ(c->image, c->active.kappa, -c->active.kappa, 1.0, c->shifted, c->dir));
  }
  if (c->constrained) PetscCall(MatMult(c->J ? c->J : c->tao->jacobian_equality, c->dir, c->cons));
  PetscCall(ADJTaoJoin_Private(c, c->image, c->cons, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The matrix that preconditioners of M are built on, if the Tao has one that will do. A copy where rows and columns of active
   bounds go, or where it is not known to be symmetric, which M is; it is filled when the operator is linearized, since the Tao
   may not have assembled its own yet
*/
PetscErrorCode ADJTaoCreatePreconditioner_Private(ADJ adj, ADJ_Tao *c, Mat *P)
{
  PetscBool shell, zero = PETSC_TRUE, set = PETSC_FALSE, symmetric = PETSC_FALSE;
  PetscInt  n, N;
  Mat       H, Hpre;

  PetscFunctionBegin;
  *P = NULL;
  PetscCall(MatDestroy(&c->P));
  if (!c->hessian) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetHessian(c->tao, &H, &Hpre, NULL, NULL));
  if (!Hpre) Hpre = H;
  if (!((PetscObject)Hpre)->type_name) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompareAny((PetscObject)Hpre, &shell, MATSHELL, MATMFFD, ""));
  if (c->bounded) PetscCall(MatHasOperation(Hpre, MATOP_ZERO_ROWS_COLUMNS, &zero));
  if (shell || !zero) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatIsSymmetricKnown(Hpre, &set, &symmetric));
  if (!c->bounded && set && symmetric) {
    *P = Hpre;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(c->x, &n));
  PetscCall(VecGetSize(c->x, &N));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)adj), &c->P));
  PetscCall(MatSetSizes(c->P, n, n, N, N));
  PetscCall(MatSetType(c->P, ((PetscObject)Hpre)->type_name));
  *P = c->P;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoUpdatePreconditioner_Private(ADJ_Tao *c, Mat Hpre)
{
  PetscObjectState pattern;
  PetscBool        assembled;
  Mat              copy;

  PetscFunctionBegin;
  PetscCall(MatAssembled(c->P, &assembled));
  PetscCall(MatGetNonzeroState(Hpre, &pattern));
  if (!assembled || pattern != c->pattern) {
    PetscCall(MatDuplicate(Hpre, MAT_COPY_VALUES, &copy));
    PetscCall(MatHeaderReplace(c->P, &copy));
  } else
    PetscCall(MatCopy(Hpre, c->P, SAME_NONZERO_PATTERN));
  c->pattern = pattern;
  if (c->bounded) {
    PetscCall(MatZeroRowsColumnsIS(c->P, c->active.lower, c->active.kappa, NULL, NULL));
    PetscCall(MatZeroRowsColumnsIS(c->P, c->active.upper, c->active.kappa, NULL, NULL));
  }
  PetscCall(MatSetOption(c->P, MAT_SYMMETRIC, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Hessian of the Tao, anew: it was left one step behind. Differences and products with J are taken at c->x, c->nu */
PetscErrorCode ADJUpdate_Tao(ADJ adj, Vec z, Vec theta, Mat A, Mat P, void *ctx)
{
  ADJ_Tao  *c = (ADJ_Tao *)ctx;
  PetscBool frozen;
  Mat       H, Hpre;

  (void)A;
  (void)P;
  PetscFunctionBegin;
  if (c->bounded) {
    PetscCall(ADJTaoFreeze_Private(adj, c, z, theta, &frozen));
    PetscCall(TaoComputeVariableBounds(c->tao));
  }
  PetscCall(ADJTaoSplit_Private(c, z, c->x, c->nu));
  if (c->bounded) PetscCall(ADJTaoPutBounds_Private(c, c->x));
  if (c->constrained) {
    PetscCall(ADJTaoConstraintJacobian_Private(c, c->x));
    PetscCall(ADJTaoCopyConstraintJacobian_Private(c));
  }
  if (!c->hessian) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTaoComputeHessian_Private(c));
  PetscCall(TaoGetHessian(c->tao, &H, &Hpre, NULL, NULL));
  if (c->P) PetscCall(ADJTaoUpdatePreconditioner_Private(c, Hpre ? Hpre : H));
  PetscFunctionReturn(PETSC_SUCCESS);
}
