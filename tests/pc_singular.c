static char help[] = "A singular Jacobian of a borrowed solver: each kind of preconditioner and operator of the adjoint knows the null space.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define N 24

/* R(x, theta) = S (A x - D theta) on a ring: diffusion with a wind, and differences of neighbors. A 1 = A^T 1 = D^T 1 = 0, S is diagonal */
typedef struct {
  Mat          A, D; /* S A and S D */
  Vec          x, theta, put, v, thetabar, left;
  MatNullSpace constants, leftspace; /* spanned by 1 and by left = S^{-1} 1 */
  SNES         snes;
  ADJ          adj;
} Ring;

static PetscErrorCode Function(SNES snes, Vec x, Vec r, void *ctx)
{
  Ring *p = (Ring *)ctx;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(MatMult(p->D, p->put, r));
  PetscCall(VecScale(r, -1.0));
  PetscCall(MatMultAdd(p->A, x, r, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Assembled anew each time, with the values that it has */
static PetscErrorCode Jacobian(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  (void)snes;
  (void)x;
  (void)P;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(MatScale(J, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(theta, ((Ring *)ctx)->put));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMatrix(const PetscReal entries[], Mat *A)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, N, N, 3, NULL, 3, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt k = -1; k <= 1; k++) PetscCall(MatSetValue(*A, i, (i + k + N) % N, entries[k + 1], INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(Ring *p)
{
  const PetscReal A[] = {-1.4, 2.4, -1.0}, D[] = {-1.0, 1.0, 0.0};
  Mat             B;

  PetscFunctionBeginUser;
  PetscCall(CreateMatrix(A, &p->A));
  PetscCall(CreateMatrix(D, &p->D));
  PetscCall(MatCreateVecs(p->A, &p->x, &p->v));
  PetscCall(MatCreateVecs(p->A, &p->theta, &p->thetabar));
  PetscCall(VecDuplicate(p->theta, &p->put));
  PetscCall(VecDuplicate(p->x, &p->left));
  PetscCall(VecSetWave(p->left, 2));
  PetscCall(VecScale(p->left, 0.3));
  PetscCall(VecShift(p->left, 1.0));
  PetscCall(MatDiagonalScale(p->A, p->left, NULL));
  PetscCall(MatDiagonalScale(p->D, p->left, NULL));
  PetscCall(VecReciprocal(p->left));
  PetscCall(VecConjugate(p->left));
  PetscCall(VecNormalize(p->left, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &p->left, &p->leftspace));
  PetscCall(VecSetWave(p->theta, 5));
  PetscCall(VecSetWave(p->v, 6));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &p->constants));
  PetscCall(MatNullSpaceRemove(p->constants, p->v));
  PetscCall(MatSetNullSpace(p->A, p->constants));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &p->snes));
  PetscCall(SNESSetFunction(p->snes, NULL, Function, p));
  PetscCall(SNESSetJacobian(p->snes, p->A, p->A, Jacobian, p));
  PetscCall(SNESSetFromOptions(p->snes));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetSNES(p->adj, p->snes));
  PetscCall(ADJSetParameters(p->adj, Put, p));
  PetscCall(MatDuplicate(p->D, MAT_COPY_VALUES, &B));
  PetscCall(MatScale(B, -1.0));
  PetscCall(ADJSetParameterJacobian(p->adj, B, NULL, NULL));
  PetscCall(MatDestroy(&B));
  PetscCall(ADJSetNullSpace(p->adj, p->constants, p->leftspace));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Ring *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(SNESDestroy(&p->snes));
  PetscCall(MatNullSpaceDestroy(&p->constants));
  PetscCall(MatNullSpaceDestroy(&p->leftspace));
  PetscCall(VecDestroy(&p->left));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->D));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->v));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->thetabar));
  PetscCall(VecDestroy(&p->put));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The problem is linear: <v, x(theta + d) - x(theta)> = <thetabar, d> */
static PetscErrorCode TapChange(Ring *p, const char what[])
{
  Vec         d, first;
  PetscScalar a, b;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &first));
  PetscCall(VecDuplicate(p->theta, &d));
  PetscCall(VecCopy(p->x, first));
  PetscCall(VecSetWave(d, 8));
  PetscCall(VecDot(d, p->thetabar, &b));
  PetscCall(VecAXPY(p->theta, 1.0, d));
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(VecAXPY(p->x, -1.0, first));
  PetscCall(VecDot(p->x, p->v, &a));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-8 * PetscAbsScalar(a), "%s: the gradient gives the change of the objective", what));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&first));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The adjoint has nothing of the left null space; of a cotangent, what no state can change is left out */
static PetscErrorCode TestRing(const char options[])
{
  Ring         p;
  PetscOptions opts;
  Vec          w, all;
  PetscScalar  dot;
  PetscReal    norm, error;
  char         text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-snes_type ksponly -ksp_rtol 1e-12 -adj_ksp_rtol 1e-11 %s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(Create(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetAdjointSolution(p.adj, &w));
  PetscCall(VecDot(w, p.left, &dot));
  PetscCall(VecNorm(w, NORM_2, &norm));
  PetscCall(TapBelow(PetscAbsScalar(dot), 1e-12 * norm, "%s: the adjoint is orthogonal to the left null space", options));
  PetscCall(VecDuplicate(p.thetabar, &all));
  PetscCall(VecShift(p.v, 1.0));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE)); /* such a cotangent is refused */
  PetscCall(ADJSolveAdjoint(p.adj, p.v, all));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(VecShift(p.v, -1.0));
  PetscCall(VecDistance(all, p.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: a constant in the cotangent changes nothing", options));
  PetscCall(TapChange(&p, options));
  PetscCall(VecDestroy(&all));
  PetscCall(Destroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestRing("-pc_type jacobi"));
  PetscCall(TestRing("-pc_type jacobi -adj_transpose explicit"));
  PetscCall(TestRing("-pc_type jacobi -adj_pc_source transpose"));
  PetscCall(TestRing("-pc_type jacobi -adj_pc_source transpose -adj_transpose explicit"));
  PetscCall(TestRing("-pc_type sor"));
  PetscCall(TestRing("-pc_type none"));
  PetscCall(TestRing("-pc_type jacobi -adj_pc_type sor"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
