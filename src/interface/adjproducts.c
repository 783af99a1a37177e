/*
   Products that no function of the user makes: in x by a matrix, that of ADJSetJacobian(), of a borrowed solver, or of differences;
   in theta, in this order, by ADJSetParameterVJP(), by the matrix of ADJSetParameterJacobian(), by what a borrowed solver
   knows itself, by differences.
*/
#include <contragrad/private/adjimpl.h>

/* The matrices, at adj->lin_x and adj->lin_theta */
PetscErrorCode ADJUpdateMatrices_Private(ADJ adj)
{
  ADJJacobian *j = adj->inforce;

  PetscFunctionBegin;
  if (j && j->update) PetscCallBack("ADJ Jacobian", (*j->update)(adj, adj->lin_x, adj->lin_theta, j->A, j->P, j->ctx));
  if (adj->parameterupdate) PetscCallBack("ADJ Jacobian in the parameters", (*adj->parameterupdate)(adj, adj->lin_x, adj->lin_theta, adj->B, adj->parameterupdatectx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJApplyParameterVJP_Private(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar)
{
  PetscFunctionBegin;
  if (adj->parametervjp)
    PetscCallBack("ADJ product in the parameters", (*adj->parametervjp)(adj, x, theta, w, thetabar, adj->parametervjpctx));
  else if (adj->B)
    PetscCall(MatMultHermitianTranspose(adj->B, w, thetabar));
  else if (adj->adapter && adj->adapter->parametervjp)
    PetscCall((*adj->adapter->parametervjp)(adj, w, thetabar));
  else if (adj->fdcolor)
    PetscCall(ADJDifferencesParameterVJP_Private(adj, w, thetabar));
  else
    SETERRQ(PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Nothing says how the problem depends on theta: call ADJSetParameterVJP(), ADJSetParameterJacobian() or ADJSetVJP(), or take differences, -adj_vjp_fd_color");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJApplyParameterJVP_Private(ADJ adj, Vec thetadot, Vec y)
{
  PetscFunctionBegin;
  PetscCheck(adj->thetajvp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Nothing pushes a direction in theta forward: call ADJSetParameterJacobian() or ADJSetJVP(), or take differences, -adj_vjp_fd_color");
  if (adj->B)
    PetscCall(MatMult(adj->B, thetadot, y));
  else if (adj->adapter && adj->adapter->parameterjvp)
    PetscCall((*adj->adapter->parameterjvp)(adj, thetadot, y));
  else
    PetscCall(ADJDifferencesParameterJVP_Private(adj, thetadot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJVJP_Composed(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)ctx;
  PetscFunctionBegin;
  PetscAssert(x == adj->lin_x && theta == adj->lin_theta, PetscObjectComm((PetscObject)adj), PETSC_ERR_PLIB, "The matrices were linearized elsewhere");
  if (xbar) {
    if (adj->symmetric)
      PetscCall(MatMult(adj->product, w, xbar));
    else
      PetscCall(MatMultHermitianTranspose(adj->product, w, xbar));
  }
  if (thetabar) PetscCall(ADJApplyParameterVJP_Private(adj, x, theta, w, thetabar));
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
  if (xdot) PetscCall(MatMult(adj->product, xdot, ydot));
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

PetscErrorCode ADJSetUpProducts_Private(ADJ adj)
{
  Mat product;

  PetscFunctionBegin;
  if (adj->vjpcomposed) adj->vjp = NULL;
  if (adj->jvpcomposed) adj->jvp = NULL;
  adj->thetajvp    = (PetscBool)(adj->jvp != NULL);
  adj->vjpcomposed = adj->jvpcomposed = PETSC_FALSE;
  adj->inforce                        = &adj->jacobian;
  if (adj->fdcolor && !adj->vjp) {
    PetscCall(ADJDifferencesSetUp_Private(adj));
    adj->inforce = &adj->fdjacobian;
  }
  PetscCall(ADJTakePreconditioner_Private(adj));
  PetscCall(ADJChooseProduct_Private(adj, &product));
  PetscCall(PetscObjectReference((PetscObject)product));
  PetscCall(MatDestroy(&adj->product));
  adj->product = product;
  if (!product) PetscFunctionReturn(PETSC_SUCCESS);
  if (!adj->jvp) {
    adj->jvp         = ADJJVP_Composed;
    adj->jvpcomposed = PETSC_TRUE;
    adj->thetajvp    = (PetscBool)(adj->B || (adj->adapter && adj->adapter->parameterjvp) || adj->fdcolor);
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
  PetscCall(ADJDifferencesReset_Private(adj));
  if (adj->Pofjacobian) PetscCall(ADJAttachPreconditioner_Private(adj, NULL));
  adj->Pofjacobian = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
