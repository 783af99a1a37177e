/*
   The fixed-point form: F(h, theta) = h - omega B R(h, theta), where B is one or more symmetric multigrid cycles for
   P = R_h at a fixed reference state. B is linear and does not depend on (h, theta), so that the products of F follow
   from those of R:

     F_h = I - omega B R_h,   F_theta = -omega B R_theta.
*/
#include "cells.h"

/* z = B r by k steps z <- z + C (r - P z) with the multigrid cycle C; symmetric if C is */
static PetscErrorCode ApplyB(Aquifer aq, Vec r, Vec z)
{
  Vec residual = aq->stepwork[0], correction = aq->stepwork[1];

  PetscFunctionBeginUser;
  PetscCall(PCApply(aq->stepPC, r, z));
  for (PetscInt cycle = 1; cycle < aq->stepcycles; cycle++) {
    PetscCall(MatMult(aq->P, z, residual));
    PetscCall(VecAYPX(residual, -1.0, r));
    PetscCall(PCApply(aq->stepPC, residual, correction));
    PetscCall(VecAXPY(z, 1.0, correction));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The transposed products of F rest on B = B^T: <B a, b> = <a, B b> for random a, b, without conjugation */
static PetscErrorCode CheckSymmetry(Aquifer aq)
{
  Vec         a = aq->stepwork[2], b = aq->stepwork[3], z;
  PetscRandom random;
  PetscScalar left, right;
  PetscReal   mismatch, norm[4];
  PCType      type;

  PetscFunctionBeginUser;
  PetscCall(DMGetGlobalVector(aq->da, &z));
  PetscCall(PetscRandomCreate(aq->comm, &random));
  PetscCall(VecSetRandom(a, random));
  PetscCall(VecSetRandom(b, random));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(VecShift(a, -0.5));
  PetscCall(VecShift(b, -0.5));
  PetscCall(VecNorm(a, NORM_2, &norm[0]));
  PetscCall(VecNorm(b, NORM_2, &norm[1]));
  PetscCall(ApplyB(aq, a, z));
  PetscCall(VecTDot(z, b, &left));
  PetscCall(VecNorm(z, NORM_2, &norm[2]));
  PetscCall(ApplyB(aq, b, z));
  PetscCall(VecTDot(z, a, &right));
  PetscCall(VecNorm(z, NORM_2, &norm[3]));
  PetscCall(DMRestoreGlobalVector(aq->da, &z));
  mismatch = PetscAbsScalar(left - right) / (norm[2] * norm[1] + norm[3] * norm[0]);
  PetscCall(PCGetType(aq->stepPC, &type));
  PetscCheck(mismatch <= PETSC_SQRT_MACHINE_EPSILON, aq->comm, PETSC_ERR_ARG_INCOMP, "The preconditioner %s of the step is not symmetric: <B a, b> and <a, B b> differ by %g |a| |b|. Take symmetric smoothers, as -step_mg_levels_pc_type jacobi, or another -step_pc_type", type, (double)mismatch);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IsChosen(const char option[], PetscBool *chosen)
{
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsHasName(NULL, "step_", option, chosen));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   A W-cycle of smoothed aggregation without aggressive coarsening, with Chebyshev smoothing: symmetric, and its rate does
   not depend on the mesh (that of the V-cycle grows with the number of levels). PCSetFromOptions() resets the coarsening,
   and the levels, whose cycle is set, are made by PCSetUp()
*/
static PetscErrorCode SetUpStepPC(Aquifer aq)
{
  PetscBool gamg, chosen;

  PetscFunctionBeginUser;
  PetscCall(PCSetType(aq->stepPC, PCGAMG));
  PetscCall(PCSetFromOptions(aq->stepPC));
  PetscCall(PetscObjectTypeCompare((PetscObject)aq->stepPC, PCGAMG, &gamg));
  PetscCall(IsChosen("-pc_gamg_aggressive_coarsening", &chosen));
  if (gamg && !chosen) PetscCall(PCGAMGSetAggressiveLevels(aq->stepPC, 0));
  PetscCall(PCSetUp(aq->stepPC));
  PetscCall(IsChosen("-pc_mg_cycle_type", &chosen));
  if (gamg && !chosen) PetscCall(PCMGSetCycleType(aq->stepPC, PC_MG_CYCLE_W));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P = R_h at the reference: the initial head and the field to start from */
PetscErrorCode AquiferStepSetUp(Aquifer aq)
{
  Vec h;

  PetscFunctionBeginUser;
  PetscCall(AquiferCreateHead(aq, &h));
  PetscCall(AquiferAssemble(aq, h, aq->theta, aq->P));
  for (PetscInt i = 0; i < 4; i++) {
    if (!aq->stepwork[i]) PetscCall(VecDuplicate(h, &aq->stepwork[i]));
  }
  PetscCall(VecDestroy(&h));
  PetscCall(PCDestroy(&aq->stepPC));
  PetscCall(PCCreate(aq->comm, &aq->stepPC));
  PetscCall(PCSetOptionsPrefix(aq->stepPC, "step_"));
  PetscCall(PCSetOperators(aq->stepPC, aq->P, aq->P));
  PetscCall(SetUpStepPC(aq));
  PetscCall(CheckSymmetry(aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = h - omega B R(h, theta) */
PetscErrorCode AquiferStep(ADJ adj, Vec h, Vec theta, Vec y, void *ctx)
{
  Aquifer aq = (Aquifer)ctx;
  Vec     r  = aq->stepwork[2];

  PetscFunctionBeginUser;
  PetscCall(AquiferResidual(adj, h, theta, r, aq));
  PetscCall(ApplyB(aq, r, y));
  PetscCall(VecAYPX(y, -aq->stepomega, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ydot = hdot - omega B (R_h hdot + R_theta thetadot) */
PetscErrorCode AquiferStepJVP(ADJ adj, Vec h, Vec theta, Vec hdot, Vec thetadot, Vec ydot, void *ctx)
{
  Aquifer aq   = (Aquifer)ctx;
  Vec     rdot = aq->stepwork[2];

  PetscFunctionBeginUser;
  PetscCall(AquiferJVP(adj, h, theta, hdot, thetadot, rdot, aq));
  PetscCall(ApplyB(aq, rdot, ydot));
  PetscCall(VecScale(ydot, -aq->stepomega));
  if (hdot) PetscCall(VecAXPY(ydot, 1.0, hdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = -omega B^H w, where B^H w is the conjugate of B conj(w) */
static PetscErrorCode ApplyMinusBH(Aquifer aq, Vec w, Vec z)
{
  Vec v = w;

  PetscFunctionBeginUser;
  if (PetscDefined(USE_COMPLEX)) {
    v = aq->stepwork[3];
    PetscCall(VecCopy(w, v));
    PetscCall(VecConjugate(v));
  }
  PetscCall(ApplyB(aq, v, z));
  PetscCall(VecConjugate(z));
  PetscCall(VecScale(z, -aq->stepomega));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* hbar = w + R_h^H z, thetabar = R_theta^H z, z = -omega B^H w */
PetscErrorCode AquiferStepVJP(ADJ adj, Vec h, Vec theta, Vec w, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer aq = (Aquifer)ctx;
  Vec     z  = aq->stepwork[2];

  PetscFunctionBeginUser;
  PetscCall(ApplyMinusBH(aq, w, z));
  PetscCall(AquiferVJP(adj, h, theta, z, hbar, thetabar, aq));
  if (hbar) PetscCall(VecAXPY(hbar, 1.0, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* B depends on nothing: the derivative is that of R_h^H z and R_theta^H z */
PetscErrorCode AquiferStepSecondVJP(ADJ adj, Vec h, Vec theta, Vec w, Vec hdot, Vec thetadot, Vec hbar, Vec thetabar, void *ctx)
{
  Aquifer aq = (Aquifer)ctx;
  Vec     z  = aq->stepwork[2];

  PetscFunctionBeginUser;
  PetscCall(ApplyMinusBH(aq, w, z));
  PetscCall(AquiferSecondVJP(adj, h, theta, z, hdot, thetadot, hbar, thetabar, aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}
