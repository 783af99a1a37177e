/*
   The regularization as preconditioner. The data say something of as many combinations of parameters as there are wells, at most; in
   all others the Hessian is that of the regularization. The limited-memory preconditioner of conjugate gradients in Newton's method
   starts from it: the number of their iterations then does not depend on the mesh. Bui-Thanh, Ghattas, Martin, Stadler 2013
*/
#include "cells.h"
#include "inversion.h"

/* a V (1/L^2 - Laplacian) for h1, with a/s in place of a for total variation, as where theta is flat; a V for tikhonov. L is the length in x */
static PetscErrorCode CreateMatrix(Aquifer aq, Mat *H)
{
  const AquiferPatch *g      = &aq->patch;
  const PetscBool     smooth = (PetscBool)(aq->regtype != AQUIFER_TIKHONOV);
  const PetscReal     a      = aq->regtype == AQUIFER_TV ? aq->regweight / aq->regscale : aq->regweight;
  PetscInt            q;

  PetscFunctionBeginUser;
  PetscCall(DMCreateMatrix(aq->da, H));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    const MatStencil row       = {c.ijk[2], c.ijk[1], c.ijk[0], 0};
    MatStencil       column[7] = {row};
    PetscScalar      value[7]  = {a * aq->volume / (smooth ? PetscSqr(aq->length[0]) : 1.0)};
    PetscInt         n         = 1;

    for (PetscInt side = 0; side < 2 * aq->dim; side++) {
      const PetscInt step = side % 2 ? 1 : -1;

      if (!smooth || !CellHasNeighbour(g, &c, side, &q)) continue;
      value[n]  = -a * aq->coefficient[side / 2];
      column[n] = row;
      column[n].i += side / 2 == 0 ? step : 0;
      column[n].j += side / 2 == 1 ? step : 0;
      column[n].k += side / 2 == 2 ? step : 0;
      value[0] -= value[n++];
    }
    PetscCall(MatSetValuesStencil(*H, 1, &row, n, column, value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatSetOption(*H, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetOption(*H, MAT_SPD, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One multigrid cycle with symmetric smoothing: a fixed positive definite operator */
static PetscErrorCode SetSolver(KSP ksp)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPSetOptionsPrefix(ksp, "prior_"));
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCGAMG));
  PetscCall(KSPSetFromOptions(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the preconditioner of Newton's method starts from; of other methods nothing changes */
PetscErrorCode PriorAttach(Inversion inv)
{
  PetscBool lmvm;
  Tao       tao;
  KSP       ksp;
  PC        pc;
  Mat       H, M;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTao(inv->adj, &tao));
  PetscCall(TaoGetKSP(tao, &ksp));
  if (!ksp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCLMVM, &lmvm));
  if (!lmvm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CreateMatrix(inv->aq, &H));
  PetscCall(PCLMVMGetMatLMVM(pc, &M));
  PetscCall(MatLMVMSetJ0(M, H));
  PetscCall(MatLMVMGetJ0KSP(M, &ksp));
  PetscCall(SetSolver(ksp));
  PetscCall(MatDestroy(&H));
  PetscFunctionReturn(PETSC_SUCCESS);
}
