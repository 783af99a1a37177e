static char help[] = "A borrowed KSP: what is refused, and that it works afterwards.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

#define N 20
#define M 3

static PetscErrorCode Begin(const char options[], Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(LinearCreate(N, LAYOUT_UNEVEN, M, LAYOUT_LAST, PETSC_FALSE, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(LinearDestroy(p));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The whole gradient, after something went wrong */
static PetscErrorCode TapGood(Linear *p, const char what[])
{
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "it works %s: %s", what, ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestArguments(void)
{
  Linear       p;
  PetscOptions opts;
  KSP          other;
  SNES         snes;
  Vec          longer, b;
  PetscMPIInt  size;

  PetscFunctionBeginUser;
  PetscCall(Begin("", &p, &opts));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p.adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetRhs(p.adj, p.b), "ADJSetRhs() before ADJSetKSP()"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetRhs(p.adj, &b), "ADJGetRhs() before ADJSetKSP()"));
  if (size > 1) {
    PetscCall(KSPCreate(PETSC_COMM_SELF, &other));
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSetKSP(p.adj, other), "a KSP on another communicator"));
    PetscCall(KSPDestroy(&other));
  }
  PetscCall(ADJSetKSP(p.adj, p.ksp));
  PetscCall(ADJSetParameters(p.adj, LinearPut, &p));
  PetscCall(ADJSetParameterVJP(p.adj, LinearParameterVJP, &p));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, N + 1, &longer));
  PetscCall(ADJSetRhs(p.adj, longer));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "a right-hand side that is longer"));
  PetscCall(ADJSetRhs(p.adj, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(p.adj, p.theta, p.x), "a right-hand side that is not known"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetSolved(p.adj, p.theta, p.x), "ADJSetSolved(), a right-hand side that is not known"));
  PetscCall(ADJSetRhs(p.adj, p.b));
  PetscCall(ADJGetRhs(p.adj, &b));
  PetscCall(TapOk((PetscBool)(b == p.b), "the right-hand side is handed back"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetSolved(p.adj, p.theta, p.x), "ADJSetSolved() before KSPSolve()"));
  PetscCall(TapGood(&p, "after that"));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJSolve(p.adj, p.theta, p.b), "x is b"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSetRhs(p.adj, longer), "a right-hand side that is longer, after the set-up"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetKSP(p.adj, p.ksp), "ADJSetKSP() after the first solve"));
  PetscCall(TapError(PETSC_ERR_SUP, ADJGetSNES(p.adj, &snes), "ADJGetSNES()"));
  PetscCall(TapGood(&p, "after that, too"));
  PetscCall(VecDestroy(&longer));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Matrices that are not there, not square, not of this size, scaled for good */
static PetscErrorCode TestMatrices(void)
{
  Linear       p;
  PetscOptions opts;
  Mat          A;

  PetscFunctionBeginUser;
  PetscCall(Begin("", &p, &opts));
  PetscCall(KSPDestroy(&p.ksp));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &p.ksp));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(p.adj, p.theta, p.x), "no matrix"));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, N, N + 2, 1, NULL, 1, NULL, &A));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(KSPSetOperators(p.ksp, A, A));
  PetscCall(MatDestroy(&A));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "a rectangular matrix"));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, N + 2, N + 2, 1, NULL, 1, NULL, &A));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(KSPReset(p.ksp));
  PetscCall(KSPSetOperators(p.ksp, A, A));
  PetscCall(MatDestroy(&A));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "a matrix of another size"));
  PetscCall(KSPReset(p.ksp));
  PetscCall(KSPSetOperators(p.ksp, p.A, p.A));
  PetscCall(KSPSetTolerances(p.ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetDiagonalScale(p.ksp, PETSC_TRUE));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, p.theta, p.x), "a matrix that is left scaled"));
  PetscCall(KSPSetDiagonalScale(p.ksp, PETSC_FALSE));
  PetscCall(TapGood(&p, "with the right one"));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta is b: its layout; ADJSetRhs() has no meaning then */
static PetscErrorCode TestThetaIsRhs(void)
{
  Linear       p;
  PetscOptions opts;
  Vec          bbar, other;
  PetscMPIInt  size;

  PetscFunctionBeginUser;
  PetscCall(Begin("", &p, &opts));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p.adj));
  PetscCall(ADJSetKSP(p.adj, p.ksp));
  PetscCall(VecDuplicate(p.b, &bbar));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "theta is b, and shorter"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.v, bbar), "its adjoint"));
  if (size > 1) {
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, N, &other));
    PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, other, p.x), "theta is b, of another layout"));
    PetscCall(VecDestroy(&other));
  }
  PetscCall(ADJSolve(p.adj, p.b, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, bbar));
  PetscCall(ADJSetRhs(p.adj, p.b));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(p.adj, p.b, p.x), "ADJSetRhs() without ADJSetParameters()"));
  PetscCall(ADJReset(p.adj));
  PetscCall(ADJSetParameters(p.adj, LinearPut, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, (ADJSolve(p.adj, p.theta, p.x) || ADJSolveAdjoint(p.adj, p.v, p.thetabar)) ? PETSC_ERR_ORDER : 0, "nothing says how the system depends on theta"));
  PetscCall(ADJSetParameterVJP(p.adj, LinearParameterVJP, &p));
  PetscCall(TapGood(&p, "with all of it"));
  PetscCall(VecDestroy(&bbar));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutAnother(ADJ adj, Vec theta, void *ctx)
{
  Linear *p = (Linear *)ctx;
  Mat     A;

  PetscFunctionBeginUser;
  PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, &A));
  PetscCall(MatDestroy(&p->A));
  p->A = A;
  PetscCall(KSPSetOperators(p->ksp, A, A));
  PetscCall(LinearPut(adj, theta, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestFailures(void)
{
  Linear              p;
  PetscOptions        opts;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(Begin("-pc_type jacobi", &p, &opts)); /* a factorization that met NaN counts as failed for ever */
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetParameters(p.adj, PutAnother, &p));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, p.theta, p.x), "the function of ADJSetParameters() replaces the matrix"));
  PetscCall(ADJSetParameters(p.adj, LinearPut, &p));
  PetscCall(TapGood(&p, "when it does not"));
  PetscCall(KSPSetTolerances(p.ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 2));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == SNES_DIVERGED_LINEAR_SOLVE), "a KSP that does not converge: %s", SNESConvergedReasons[reason]));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "its adjoint"));
  PetscCall(KSPSolve(p.ksp, p.b, p.x));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "that of the user's own solve"));
  PetscCall(KSPSetTolerances(p.ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 1000));
  PetscCall(KSPSetErrorIfNotConverged(p.ksp, PETSC_FALSE));
  PetscCall(VecScale(p.theta, PETSC_INFINITY));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == ADJ_SNES_DIVERGED_NAN), "a system with NaN: %s", SNESConvergedReasons[reason]));
  PetscCall(TapError(PETSC_ERR_FP, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "its adjoint"));
  PetscCall(VecSetWave(p.theta, 5));
  PetscCall(TapGood(&p, "afterwards"));
  PetscCall(End(&p, &opts));
  PetscCall(Begin("-adj_type neumann", &p, &opts));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, p.theta, p.x), "a type that takes powers of dF/dx"));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A claim that is not true is seen */
static PetscErrorCode TestFalseClaims(void)
{
  Linear       p;
  PetscOptions opts;
  MatNullSpace sp;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_symmetric", &p, &opts));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "a matrix that is not symmetric is said to be"));
  PetscCall(End(&p, &opts));
  PetscCall(Begin("", &p, &opts));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &sp));
  PetscCall(MatSetNullSpace(p.A, sp));
  PetscCall(MatNullSpaceDestroy(&sp));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(TapError(1, (ADJSolve(p.adj, p.theta, p.x) || ADJSolveAdjoint(p.adj, p.v, p.thetabar)) ? 1 : 0, "a null space that is none"));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestArguments());
  PetscCall(TestMatrices());
  PetscCall(TestThetaIsRhs());
  PetscCall(TestFailures());
  PetscCall(TestFalseClaims());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
