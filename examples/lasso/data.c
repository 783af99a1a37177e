/*
   Random rows, a sparse truth, and what is computed once.
*/
#include "lasso.h"

/* Normally distributed entries, the same on any number of processes: every one draws all, and keeps its own */
static PetscErrorCode Draw(PetscRandom random, PetscReal *value)
{
  PetscReal u, v;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomGetValueReal(random, &u));
  PetscCall(PetscRandomGetValueReal(random, &v));
  *value = PetscSqrtReal(-2.0 * PetscLogReal(1.0 - u)) * PetscCosReal(2.0 * PETSC_PI * v);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A of variance 1/m, and b = A truth + noise */
static PetscErrorCode CreateRows(PetscRandom random, PetscInt m, PetscInt n, Vec truth, Mat *A, Vec *b)
{
  PetscInt  lo, hi, nl;
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(truth, &nl));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, nl, m, n, n, NULL, n, NULL, A));
  PetscCall(MatCreateVecs(*A, NULL, b));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = 0; i < m; i++) {
    for (PetscInt j = 0; j < n; j++) {
      PetscCall(Draw(random, &value));
      if (i >= lo && i < hi) PetscCall(MatSetValue(*A, i, j, value / PetscSqrtReal((PetscReal)m), INSERT_VALUES));
    }
    PetscCall(Draw(random, &value));
    if (i >= lo && i < hi) PetscCall(VecSetValue(*b, i, 0.05 * value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(*b));
  PetscCall(VecAssemblyEnd(*b));
  PetscCall(MatMultAdd(*A, truth, *b, *b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode LassoCreateData(PetscInt m, PetscInt n, PetscInt nonzeros, Lasso *p)
{
  PetscRandom random;
  PetscInt    lo, hi;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetType(random, PETSCRANDER48));
  PetscCall(PetscRandomSetSeed(random, 20221));
  PetscCall(PetscRandomSeed(random));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, n, &p->x));
  PetscCall(VecGetOwnershipRange(p->x, &lo, &hi));
  for (PetscInt k = 0; k < nonzeros; k++) {
    const PetscInt i = k * (n / nonzeros);

    if (i >= lo && i < hi) PetscCall(VecSetValue(p->x, i, k % 2 ? -1.0 - 0.2 * k : 1.0 + 0.2 * k, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(p->x));
  PetscCall(VecAssemblyEnd(p->x));
  PetscCall(CreateRows(random, m, n, p->x, &p->A, &p->b));
  PetscCall(CreateRows(random, m, n, p->x, &p->Avalid, &p->bvalid));
  PetscCall(MatCreateVecs(p->A, &p->Atb, &p->rows));
  PetscCall(MatCreateVecs(p->Avalid, &p->columns, &p->rvalid));
  PetscCall(MatMultTranspose(p->A, p->b, p->Atb));
  for (PetscInt k = 0; k < 4; k++) PetscCall(VecDuplicate(p->x, &p->v[k]));
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a = 1/|A|^2 */
PetscErrorCode LassoSetStep(Lasso *p)
{
  SVD       svd;
  PetscReal sigma;

  PetscFunctionBeginUser;
  PetscCall(SVDCreate(PETSC_COMM_WORLD, &svd));
  PetscCall(SVDSetOperators(svd, p->A, NULL));
  PetscCall(SVDSetWhichSingularTriplets(svd, SVD_LARGEST));
  PetscCall(SVDSolve(svd));
  PetscCall(SVDGetSingularTriplet(svd, 0, &sigma, NULL, NULL));
  p->step = 1.0 / PetscSqr(sigma);
  PetscCall(SVDDestroy(&svd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A^T A + c I, factored on every process; -inner_ksp_type cg -inner_pc_type jacobi does without */
PetscErrorCode LassoCreateSolver(Mat A, PetscReal c, const char prefix[], KSP *ksp)
{
  Mat K;
  PC  pc;

  PetscFunctionBeginUser;
  PetscCall(MatTransposeMatMult(A, A, MAT_INITIAL_MATRIX, ADJ_CURRENT, &K));
  PetscCall(MatShift(K, c));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOperators(*ksp, K, K));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetType(*ksp, KSPPREONLY));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCREDUNDANT));
  PetscCall(KSPSetErrorIfNotConverged(*ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscCall(MatDestroy(&K));
  PetscFunctionReturn(PETSC_SUCCESS);
}
