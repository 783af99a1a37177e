/*
   docs/embedding.md, "You have a KSP": convection-diffusion with an assembled matrix that the application fills.

   nsize: 1 2 4
   args: -ksp_rtol 1e-12
   args: -ksp_rtol 1e-12 -ksp_type bcgs -pc_type asm
*/
#include "embedding.h"

typedef struct {
  PetscReal speed, source; /* what the matrix and the right-hand side depend on */
  Mat       A;
  Vec       b;
} AppCtx;

/* -u'' + speed u' = source, u = 0 at both ends */
static PetscErrorCode Assemble(AppCtx *user)
{
  PetscInt  n, lo, hi;
  PetscReal h;

  PetscFunctionBeginUser;
  PetscCall(MatGetSize(user->A, &n, NULL));
  PetscCall(MatGetOwnershipRange(user->A, &lo, &hi));
  h = 1.0 / (n + 1);
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt    col[3] = {i > 0 ? i - 1 : -1, i, i < n - 1 ? i + 1 : -1};
    const PetscScalar v[3]   = {-1.0 / h - 0.5 * user->speed, 2.0 / h, -1.0 / h + 0.5 * user->speed};

    PetscCall(MatSetValues(user->A, 1, &i, 3, col, v, INSERT_VALUES));
    PetscCall(VecSetValue(user->b, i, h * user->source, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(user->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(user->A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(user->b));
  PetscCall(VecAssemblyEnd(user->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#include "ksp_functions.inc"

typedef struct {
  KSP     ksp;
  Vec     x;
  AppCtx *user;
} Solve;

static PetscErrorCode SumOfSolution(void *ctx, PetscReal *value)
{
  Solve      *s = (Solve *)ctx;
  PetscScalar sum;

  PetscFunctionBegin;
  PetscCall(Assemble(s->user));
  PetscCall(KSPSolve(s->ksp, s->user->b, s->x));
  PetscCall(VecSum(s->x, &sum));
  *value = PetscRealPart(sum);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx user = {3.0, 2.0, NULL, NULL};
  KSP    ksp;
  Vec    x;
  Solve  solve;
  int    failed;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 40, 40, 3, NULL, 1, NULL, &user.A));
  PetscCall(MatCreateVecs(user.A, &x, &user.b));
  PetscCall(Assemble(&user));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, user.A, user.A));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, user.b, x));

#include "ksp.inc"

  PetscCall(TapBegin());
  solve.ksp  = ksp;
  solve.user = &user;
  PetscCall(VecDuplicate(x, &solve.x));
  PetscCall(EmbeddingTrusted(adj, "KSP"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user.speed, 1e-4, gradient, 0, "speed"));
  PetscCall(EmbeddingCheck(SumOfSolution, &solve, &user.source, 1e-4, gradient, 1, "source"));
  failed = TapEnd();
  PetscCall(VecDestroy(&solve.x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&user.b));
  PetscCall(MatDestroy(&user.A));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(PetscFinalize());
  return failed;
}
