/*
   Products that no function of the user makes: in x by a matrix, that of ADJSetJacobian(), of a borrowed solver, or of differences;
   in theta, in this order, by ADJSetParameterVJP(), by the matrix of ADJSetParameterJacobian(), by what a borrowed solver
   knows itself, by differences.
*/
#include <contragrad/private/adjimpl.h>

/* Blocks that the user has assembled do not tell the whole */
PetscErrorCode ADJGetMatState_Private(Mat A, PetscObjectState *state)
{
  PetscBool        nest;
  PetscInt         nr, nc;
  Mat            **blocks;
  PetscObjectState block;

  PetscFunctionBegin;
  PetscCall(PetscObjectStateGet((PetscObject)A, state));
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATNEST, &nest));
  if (!nest) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatNestGetSubMats(A, &nr, &nc, &blocks));
  for (PetscInt i = 0; i < nr; i++) {
    for (PetscInt j = 0; j < nc; j++) {
      if (!blocks[i][j]) continue;
      PetscCall(ADJGetMatState_Private(blocks[i][j], &block));
      *state += block;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* To see whether they were changed; 0 for none */
PetscErrorCode ADJGetMatrixState_Private(const ADJJacobian *j, PetscObjectState state[2])
{
  PetscFunctionBegin;
  state[0] = state[1] = 0;
  if (j->A) PetscCall(ADJGetMatState_Private(j->A, &state[0]));
  if (j->P) PetscCall(ADJGetMatState_Private(j->P, &state[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrices, at adj->lin_x and adj->lin_theta */
PetscErrorCode ADJUpdateMatrices_Private(ADJ adj)
{
  ADJJacobian *j = adj->inforce;

  PetscFunctionBegin;
  if (j && j->update) {
    PetscCallBack("ADJ Jacobian", (*j->update)(adj, adj->lin_x, adj->lin_theta, j->A, j->P, j->ctx));
    PetscCall(ADJGetMatrixState_Private(j, adj->matrixstate));
  }
  if (adj->parameterupdate) PetscCallBack("ADJ Jacobian in the parameters", (*adj->parameterupdate)(adj, adj->lin_x, adj->lin_theta, adj->B, adj->parameterupdatectx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The part of w that the user's own product in theta is to see */
static PetscErrorCode ADJMaskCotangent_Private(ADJ adj, Vec w, Vec *masked)
{
  PetscFunctionBegin;
  *masked = w;
  if (adj->adapter && adj->adapter->parametermask) PetscCall((*adj->adapter->parametermask)(adj, w, masked));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCallParameterVJP_Private(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCallBack("ADJ product in the parameters", (*adj->parametervjp)(adj, x, theta, w, thetabar, adj->parametervjpctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJApplyParameterVJP_Private(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar)
{
  Vec            masked;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJMaskCotangent_Private(adj, w, &masked));
  if (adj->parametervjp) {
    adj->cotangent = w;
    ierr           = ADJCallParameterVJP_Private(adj, x, theta, masked, thetabar);
    adj->cotangent = NULL;
    PetscCall(ierr);
  } else if (adj->B)
    PetscCall(MatMultHermitianTranspose(adj->B, masked, thetabar));
  else if (adj->adapter && adj->adapter->parametervjp)
    PetscCall((*adj->adapter->parametervjp)(adj, w, thetabar));
  else if (ADJDiffersInTheta_Private(adj))
    PetscCall(ADJDifferencesParameterVJP_Private(adj, w, thetabar));
  else
    SETERRQ(PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Nothing says how the problem depends on theta: call ADJSetParameterVJP(), ADJSetParameterJacobian() or ADJSetVJP(), or take differences, -adj_vjp_fd_theta");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJApplyParameterJVP_Private(ADJ adj, Vec thetadot, Vec y)
{
  Vec masked;

  PetscFunctionBegin;
  PetscCheck(adj->thetajvp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Nothing pushes a direction in theta forward: call ADJSetParameterJacobian() or ADJSetJVP(), or take differences, -adj_vjp_fd_theta");
  if (adj->B) {
    PetscCall(MatMult(adj->B, thetadot, y));
    PetscCall(ADJMaskCotangent_Private(adj, y, &masked));
    if (masked != y) PetscCall(VecCopy(masked, y));
  } else if (adj->adapter && adj->adapter->parameterjvp)
    PetscCall((*adj->adapter->parameterjvp)(adj, thetadot, y));
  else
    PetscCall(ADJDifferencesParameterJVP_Private(adj, thetadot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJVJP_Composed(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscBool symmetric;

  (void)ctx;
  PetscFunctionBegin;
  PetscAssert(x == adj->lin_x && theta == adj->lin_theta, PetscObjectComm((PetscObject)adj), PETSC_ERR_PLIB, "The matrices were linearized elsewhere");
  if (xbar) {
    PetscCall(ADJIsSymmetric_Private(adj, &symmetric));
    if (symmetric)
      PetscCall(MatMult(adj->product, w, xbar));
    else
      PetscCall(MatMultHermitianTranspose(adj->product, w, xbar));
  }
  if (thetabar) PetscCall(ADJApplyParameterVJP_Private(adj, x, theta, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a borrowed solver that makes its products itself; the parameter part of the user has priority */
static PetscErrorCode ADJVJP_Adapter(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  const PetscBool both = (PetscBool)(xbar && thetabar && !adj->parametervjp && !adj->B && adj->adapter->parametervjp);

  (void)ctx;
  PetscFunctionBegin;
  PetscAssert(x == adj->lin_x && theta == adj->lin_theta, PetscObjectComm((PetscObject)adj), PETSC_ERR_PLIB, "The solver was linearized elsewhere");
  if (xbar) PetscCall((*adj->adapter->vjp)(adj, w, xbar, both ? thetabar : NULL));
  if (thetabar && !both) PetscCall(ADJApplyParameterVJP_Private(adj, x, theta, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJApplyStateJVP_Private(ADJ adj, Vec xdot, Vec y)
{
  PetscFunctionBegin;
  if (adj->product)
    PetscCall(MatMult(adj->product, xdot, y));
  else
    PetscCall(ADJDifferencesStateJVP_Private(adj, xdot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJJVP_Composed(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Vec            work;
  PetscErrorCode ierr;

  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBegin;
  PetscAssert(x == adj->lin_x && theta == adj->lin_theta, PetscObjectComm((PetscObject)adj), PETSC_ERR_PLIB, "The matrices were linearized elsewhere");
  if (xdot) PetscCall(ADJApplyStateJVP_Private(adj, xdot, ydot));
  if (!thetadot) PetscFunctionReturn(PETSC_SUCCESS);
  if (!xdot) {
    PetscCall(ADJApplyParameterJVP_Private(adj, thetadot, ydot));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecDuplicate(ydot, &work));
  ierr = ADJApplyParameterJVP_Private(adj, thetadot, work);
  if (!ierr) PetscCall(VecAXPY(ydot, 1.0, work));
  PetscCall(VecDestroy(&work));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJHasTranspose_Private(Mat A, PetscBool *has)
{
  PetscFunctionBegin;
  PetscCall(MatHasOperation(A, MATOP_MULT_TRANSPOSE, has));
  if (!*has) PetscCall(MatHasOperation(A, MATOP_MULT_HERMITIAN_TRANSPOSE, has));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The operator's matrix, or, where that has no transpose, the other one: the verdict tells whether it will do */
static PetscErrorCode ADJChooseProduct_Private(ADJ adj, Mat *product)
{
  const Mat candidates[2] = {adj->inforce->A, adj->inforce->P};
  PetscBool has;

  PetscFunctionBegin;
  *product = NULL;
  for (PetscInt i = 0; i < 2 && !*product; i++) {
    if (!candidates[i]) continue;
    has = adj->symmetric;
    if (!has) PetscCall(ADJIsSelfAdjoint_Private(candidates[i], &has)); /* that of a Hermitian SBAIJ has no transposed product */
    if (!has) PetscCall(ADJHasTranspose_Private(candidates[i], &has));
    if (has) *product = candidates[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Preconditioners are built on the Jacobian's matrix, unless ADJSetPreconditioner() gave another */
static PetscErrorCode ADJTakePreconditioner_Private(ADJ adj)
{
  Mat       P = adj->inforce->P;
  PetscBool shell;

  PetscFunctionBegin;
  if ((adj->P && !adj->Pofjacobian) || adj->form != ADJ_RESIDUAL) PetscFunctionReturn(PETSC_SUCCESS);
  if (P) {
    PetscCall(PetscObjectTypeCompareAny((PetscObject)P, &shell, MATMFFD, MATSHELL, ""));
    if (shell) P = NULL;
  }
  if (P == adj->P) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJAttachPreconditioner_Private(adj, P));
  adj->Pofjacobian = (PetscBool)(P != NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A tangent is that of differences, if they are wanted at all */
static PetscErrorCode ADJTakeAdapterProducts_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&adj->product));
  if (!adj->vjp) {
    adj->vjp         = ADJVJP_Adapter;
    adj->vjpcomposed = PETSC_TRUE;
  }
  if (!adj->jvp && ADJDiffersInTheta_Private(adj)) {
    adj->jvp         = ADJJVP_Composed;
    adj->jvpcomposed = PETSC_TRUE;
    adj->thetajvp    = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the Jacobian in x is made by differences: not where a borrowed solver has the right one anyway, or has one and nothing else tells the pattern */
static PetscBool ADJColorsState_Private(ADJ adj)
{
  if (!adj->fdcolor || adj->vjp) return PETSC_FALSE;
  return (PetscBool) !(adj->adapter && (adj->adapter->linear || (adj->adapter->ownjacobian && !adj->dm)));
}

PetscErrorCode ADJSetUpProducts_Private(ADJ adj)
{
  Mat product;

  PetscFunctionBegin;
  if (adj->vjpcomposed) adj->vjp = NULL;
  if (adj->jvpcomposed) adj->jvp = NULL;
  adj->thetajvp    = (PetscBool)(adj->jvp != NULL);
  adj->vjpcomposed = adj->jvpcomposed = PETSC_FALSE;
  adj->inforce                        = &adj->jacobian;
  if (adj->adapter && adj->adapter->vjp && !adj->jacobian.A) {
    PetscCall(ADJTakeAdapterProducts_Private(adj));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (ADJColorsState_Private(adj)) {
    PetscCall(ADJDifferencesSetUp_Private(adj));
    if (adj->fdjacobian.A) adj->inforce = &adj->fdjacobian;
  }
  PetscCall(ADJTakePreconditioner_Private(adj));
  PetscCall(ADJChooseProduct_Private(adj, &product));
  PetscCall(PetscObjectReference((PetscObject)product));
  if (product != adj->product) PetscCall(MatDestroy(&adj->productT));
  PetscCall(MatDestroy(&adj->product));
  adj->product = product;
  if (!product) PetscFunctionReturn(PETSC_SUCCESS);
  if (!adj->jvp) {
    adj->jvp         = ADJJVP_Composed;
    adj->jvpcomposed = PETSC_TRUE;
    adj->thetajvp    = (PetscBool)(adj->B || (adj->adapter && adj->adapter->parameterjvp) || ADJDiffersInTheta_Private(adj));
  }
  if (!adj->vjp) {
    adj->vjp         = ADJVJP_Composed;
    adj->vjpcomposed = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJProductsReset_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (adj->vjpcomposed) adj->vjp = NULL;
  if (adj->jvpcomposed) adj->jvp = NULL;
  adj->vjpcomposed = adj->jvpcomposed = PETSC_FALSE;
  adj->inforce                        = NULL;
  PetscCall(MatDestroy(&adj->product));
  PetscCall(MatDestroy(&adj->productT));
  PetscCall(ADJDifferencesReset_Private(adj));
  if (adj->Pofjacobian) PetscCall(ADJAttachPreconditioner_Private(adj, NULL));
  adj->Pofjacobian = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
