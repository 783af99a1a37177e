/*
   Residual form:    R(x, theta) = 0,     R_x^H w = v,            thetabar = -R_theta^H w
   Fixed-point form: x = F(x, theta),     w - F_x^H w = v,        thetabar =  F_theta^H w
*/
#include "handwritten.h"

static PetscErrorCode Function(SNES snes, Vec x, Vec r, void *ctx)
{
  Handwritten *hw = (Handwritten *)ctx;

  (void)snes;
  PetscFunctionBeginUser;
  if (hw->aq->form == AQUIFER_RESIDUAL)
    PetscCall(AquiferResidual(NULL, x, hw->theta, r, hw->aq));
  else {
    PetscCall(AquiferStep(NULL, x, hw->theta, r, hw->aq));
    PetscCall(VecAYPX(r, -1.0, x));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Jacobian(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  Handwritten *hw = (Handwritten *)ctx;

  (void)snes;
  PetscFunctionBeginUser;
  hw->x = x;
  PetscCall(AquiferAssemble(hw->aq, x, hw->theta, P));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultJ(Mat J, Vec xdot, Vec y)
{
  Handwritten *hw;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(J, &hw));
  PetscCall(AquiferJVP(NULL, hw->x, hw->theta, xdot, NULL, y, hw->aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultJT(Mat JT, Vec w, Vec y)
{
  Handwritten *hw;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(JT, &hw));
  if (hw->aq->form == AQUIFER_RESIDUAL)
    PetscCall(AquiferVJP(NULL, hw->x, hw->theta, w, y, NULL, hw->aq));
  else {
    PetscCall(AquiferStepVJP(NULL, hw->x, hw->theta, w, y, NULL, hw->aq));
    PetscCall(VecAYPX(y, -1.0, w));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateShell(Handwritten *hw, PetscErrorCode (*mult)(Mat, Vec, Vec), Mat *A)
{
  PetscInt n, N;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(hw->r, &n));
  PetscCall(VecGetSize(hw->r, &N));
  PetscCall(MatCreateShell(hw->aq->comm, n, n, N, N, hw, A));
  PetscCall(MatShellSetOperation(*A, MATOP_MULT, ADJShellFn(mult)));
  PetscCall(MatSetUp(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateForward(Handwritten *hw)
{
  SNESLineSearch ls;

  PetscFunctionBeginUser;
  PetscCall(SNESCreate(hw->aq->comm, &hw->snes));
  PetscCall(SNESSetOptionsPrefix(hw->snes, "hand_forward_"));
  PetscCall(SNESSetFunction(hw->snes, hw->r, Function, hw));
  if (hw->aq->form == AQUIFER_RESIDUAL) {
    PetscCall(SNESSetJacobian(hw->snes, hw->J, hw->aq->P, Jacobian, hw));
    PetscCall(AquiferSetForwardDefaults(hw->snes));
    PetscCall(SNESSetTolerances(hw->snes, ADJ_CURRENT, 1e-10, 0.0, ADJ_CURRENT, ADJ_CURRENT));
  } else {
    PetscCall(SNESSetType(hw->snes, SNESNRICHARDSON));
    PetscCall(SNESGetLineSearch(hw->snes, &ls));
    PetscCall(SNESLineSearchSetType(ls, SNESLINESEARCHBASIC));
    PetscCall(SNESSetTolerances(hw->snes, ADJ_CURRENT, 1e-10, 0.0, 10000, ADJ_UNLIMITED));
  }
  PetscCall(SNESSetFromOptions(hw->snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateAdjoint(Handwritten *hw)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPCreate(hw->aq->comm, &hw->ksp));
  PetscCall(KSPSetOptionsPrefix(hw->ksp, "hand_"));
  PetscCall(KSPSetType(hw->ksp, KSPGMRES));
  PetscCall(KSPSetNormType(hw->ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(hw->ksp, 1e-8, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetOperators(hw->ksp, hw->JT, hw->aq->form == AQUIFER_RESIDUAL ? hw->aq->P : hw->JT));
  PetscCall(KSPGetPC(hw->ksp, &pc));
  if (hw->aq->form == AQUIFER_RESIDUAL) PetscCall(AquiferSetLinearDefaults(hw->ksp));
  else PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetFromOptions(hw->ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode HandwrittenCreate(Aquifer aq, Handwritten *hw)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(hw, sizeof(*hw)));
  hw->aq = aq;
  PetscCall(VecDuplicate(aq->theta, &hw->r));
  PetscCall(VecDuplicate(aq->theta, &hw->w));
  PetscCall(VecDuplicate(aq->theta, &hw->work));
  PetscCall(CreateShell(hw, MultJ, &hw->J));
  PetscCall(CreateShell(hw, MultJT, &hw->JT));
  PetscCall(CreateForward(hw));
  PetscCall(CreateAdjoint(hw));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode HandwrittenSolve(Handwritten *hw, Vec theta, Vec x)
{
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  hw->theta = theta;
  PetscCall(SNESSolve(hw->snes, NULL, x));
  PetscCall(SNESGetConvergedReason(hw->snes, &reason));
  PetscCheck(reason > 0, hw->aq->comm, PETSC_ERR_NOT_CONVERGED, "Forward solve: %s", SNESConvergedReasons[reason]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode HandwrittenPullBack(Handwritten *hw, Vec theta, Vec x, Vec xbar, Vec thetabar)
{
  KSPConvergedReason reason;

  PetscFunctionBeginUser;
  hw->theta = theta;
  hw->x     = x;
  if (hw->aq->form == AQUIFER_RESIDUAL) PetscCall(AquiferAssemble(hw->aq, x, theta, hw->aq->P));
  PetscCall(MatAssemblyBegin(hw->JT, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(hw->JT, MAT_FINAL_ASSEMBLY));
  PetscCall(KSPSolve(hw->ksp, xbar, hw->w));
  PetscCall(KSPGetConvergedReason(hw->ksp, &reason));
  PetscCheck(reason > 0, hw->aq->comm, PETSC_ERR_NOT_CONVERGED, "Adjoint solve: %s", KSPConvergedReasons[reason]);
  if (hw->aq->form == AQUIFER_RESIDUAL) {
    PetscCall(AquiferVJP(NULL, x, theta, hw->w, NULL, thetabar, hw->aq));
    PetscCall(VecScale(thetabar, -1.0));
  } else
    PetscCall(AquiferStepVJP(NULL, x, theta, hw->w, NULL, thetabar, hw->aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode HandwrittenGradient(Handwritten *hw, Vec theta, Vec x, PetscReal *value, Vec gradient)
{
  Vec xbar;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(HandwrittenSolve(hw, theta, x));
  PetscCall(AquiferObjective(NULL, x, theta, value, xbar, hw->work, hw->aq));
  PetscCall(HandwrittenPullBack(hw, theta, x, xbar, gradient));
  PetscCall(VecAXPY(gradient, 1.0, hw->work));
  PetscCall(VecDestroy(&xbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode HandwrittenDestroy(Handwritten *hw)
{
  PetscFunctionBeginUser;
  PetscCall(SNESDestroy(&hw->snes));
  PetscCall(KSPDestroy(&hw->ksp));
  PetscCall(MatDestroy(&hw->J));
  PetscCall(MatDestroy(&hw->JT));
  PetscCall(VecDestroy(&hw->r));
  PetscCall(VecDestroy(&hw->w));
  PetscCall(VecDestroy(&hw->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}
