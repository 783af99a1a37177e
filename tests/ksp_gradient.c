static char help[] = "A borrowed KSP: gradients through A(theta) x = b(theta), with theta in A, in b, or theta as b itself.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

#define TIGHT "-adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -ksp_rtol 1e-12 -ksp_norm_type unpreconditioned -ksp_pc_side right"

static PetscErrorCode Begin(const char options[], Layout layout, Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(LinearCreate(30, layout, 5, LAYOUT_LAST, PETSC_FALSE, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsEnd(opts));
  PetscCall(LinearDestroy(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Against central differences along a direction and in single parameters, and against an adjoint by hand */
static PetscErrorCode TestGradient(Layout layout, PetscBool coefficient, PetscBool load)
{
  Linear       p;
  PetscOptions opts;
  ADJTrust     verdict;
  Vec          w, byhand, e;
  PetscReal    slope, claim, error, rel;

  PetscFunctionBeginUser;
  PetscCall(Begin(TIGHT, layout, &p, &opts));
  p.coefficient = coefficient;
  p.load        = load;
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "layout %d, A %d, b %d: verdict %s", layout, coefficient, load, ADJTrusts[verdict]));
  PetscCall(VecDuplicate(p.x, &w));
  PetscCall(VecDuplicate(p.theta, &byhand));
  PetscCall(SolveByHand(p.A, PETSC_TRUE, p.v, w));
  PetscCall(LinearParameterVJP(NULL, p.x, p.theta, w, byhand, &p));
  PetscCall(VecScale(byhand, -1.0));
  PetscCall(VecDistance(p.thetabar, byhand, &error));
  PetscCall(TapBelow(error, 1e-10, "the gradient is that of the adjoint by hand"));
  PetscCall(LinearDifference(&p, p.thetadot, &slope));
  PetscCall(RealDot(p.thetadot, p.thetabar, &claim));
  PetscCall(TapClose(claim, slope, 1e-7, "and of central differences along a direction"));
  PetscCall(VecDuplicate(p.theta, &e));
  for (PetscInt k = 0; k < p.m; k++) {
    PetscCall(VecSet(e, 0.0));
    PetscCall(VecSetValue(e, k, 1.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(e));
    PetscCall(VecAssemblyEnd(e));
    PetscCall(LinearDifference(&p, e, &slope));
    PetscCall(RealDot(e, p.thetabar, &claim));
    PetscCall(VecNorm(p.thetabar, NORM_2, &rel));
    PetscCall(TapBelow(PetscAbsReal(slope - claim) / rel, 1e-7, "and in parameter %" PetscInt_FMT, k));
  }
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&byhand));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Columns by differences serve both directions: tangent against adjoint, and against the products given by hand. A preconditioner that is built after them does not see displaced parameters */
static PetscErrorCode TestDifferences(const char options[])
{
  Linear       p;
  PetscOptions opts;
  Vec          exact;
  PetscReal    error, left, right;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, LAYOUT_UNEVEN, &p, &opts));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.theta, &exact));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, exact));
  PetscCall(ADJSetParameterVJP(p.adj, NULL, NULL));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDistance(p.thetabar, exact, &error));
  PetscCall(TapBelow(error, 1e-8, "columns by differences give the gradient"));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(RealDot(p.v, p.xdot, &left));
  PetscCall(RealDot(exact, p.thetadot, &right));
  PetscCall(TapClose(left, right, 1e-8, "and the tangent, <v, xdot> = <thetabar, thetadot>"));
  PetscCall(VecDestroy(&exact));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta is b: the pullback is the adjoint, the tangent a solve with A */
static PetscErrorCode TestRhs(Layout layout)
{
  Linear       p;
  PetscOptions opts;
  Vec          w, bbar, bdot;
  PetscReal    error, left, right, order;
  ADJTrust     verdict;

  PetscFunctionBeginUser;
  PetscCall(Begin(TIGHT, layout, &p, &opts));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p.adj));
  PetscCall(ADJSetKSP(p.adj, p.ksp));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.b, &w));
  PetscCall(VecDuplicate(p.b, &bbar));
  PetscCall(VecDuplicate(p.b, &bdot));
  PetscCall(VecSetWave(bdot, 21));
  PetscCall(ADJSolve(p.adj, p.b, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, bbar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "theta is b, layout %d: verdict %s", layout, ADJTrusts[verdict]));
  PetscCall(SolveByHand(p.A, PETSC_TRUE, p.v, w));
  PetscCall(VecDistance(bbar, w, &error));
  PetscCall(TapBelow(error, 1e-11, "the pullback is the adjoint"));
  PetscCall(ADJSolveTangent(p.adj, bdot, p.xdot));
  PetscCall(RealDot(p.v, p.xdot, &left));
  PetscCall(RealDot(bbar, bdot, &right));
  PetscCall(TapClose(left, right, 1e-10, "<v, xdot> = <bbar, bdot>"));
  PetscCall(ADJTestGradient(p.adj, p.b, p.x, p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.9 && error < 1e-8), "Taylor test: order %g, error %g", (double)order, (double)error));
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&bbar));
  PetscCall(VecDestroy(&bdot));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution is that of the KSP alone, to the bit; after a gradient and a Taylor test the KSP, A and b are as they were */
static PetscErrorCode TestUntouched(const char options[], PetscBool guess)
{
  Linear             p;
  PetscOptions       opts;
  Vec                alone, sol, rhs, b0;
  Mat                A0;
  PetscReal          rtol, atol, tol[2], diff[2], order, error;
  PetscInt           its, same;
  KSPConvergedReason reason, after;
  PetscBool          equal;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, LAYOUT_UNEVEN, &p, &opts));
  PetscCall(KSPSetInitialGuessNonzero(p.ksp, guess));
  PetscCall(VecDuplicate(p.x, &alone));
  PetscCall(VecSetWave(alone, 9));
  PetscCall(VecCopy(alone, p.x));
  PetscCall(KSPSolve(p.ksp, p.b, alone));
  PetscCall(KSPGetIterationNumber(p.ksp, &its));
  PetscCall(KSPGetConvergedReason(p.ksp, &reason));
  PetscCall(KSPGetTolerances(p.ksp, &rtol, &atol, NULL, NULL));
  PetscCall(MatDuplicate(p.A, MAT_COPY_VALUES, &A0));
  PetscCall(VecDuplicate(p.b, &b0));
  PetscCall(VecCopy(p.b, b0));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecEqual(p.x, alone, &equal));
  PetscCall(KSPGetIterationNumber(p.ksp, &same));
  PetscCall(TapOk((PetscBool)(equal && same == its), "%s: the solution is that of the KSP alone, after %" PetscInt_FMT " and %" PetscInt_FMT " iterations", options, its, same));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.9 && error < 1e-6), "Taylor test: order %g, error %g", (double)order, (double)error));
  PetscCall(MatAXPY(A0, -1.0, p.A, SAME_NONZERO_PATTERN));
  PetscCall(MatNorm(A0, NORM_FROBENIUS, &diff[0]));
  PetscCall(VecAXPY(b0, -1.0, p.b));
  PetscCall(VecNorm(b0, NORM_2, &diff[1]));
  PetscCall(TapOk((PetscBool)(diff[0] == 0.0 && diff[1] == 0.0), "A and b are those of theta again"));
  PetscCall(KSPGetTolerances(p.ksp, &tol[0], &tol[1], NULL, NULL));
  PetscCall(KSPGetSolution(p.ksp, &sol));
  PetscCall(KSPGetRhs(p.ksp, &rhs));
  PetscCall(KSPGetConvergedReason(p.ksp, &after));
  PetscCall(TapOk((PetscBool)(tol[0] == rtol && tol[1] == atol && sol == p.x && rhs == p.b && after == reason), "and the KSP shows its own tolerances, vectors and reason"));
  PetscCall(MatDestroy(&A0));
  PetscCall(VecDestroy(&b0));
  PetscCall(VecDestroy(&alone));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own KSPSolve(), with a right-hand side that nobody gave, and with another matrix the second time */
static PetscErrorCode TestSolved(void)
{
  Linear       p;
  PetscOptions opts;
  ADJTrust     verdict;
  Vec          w;
  Mat          other;
  PetscReal    slope, claim, error;

  PetscFunctionBeginUser;
  PetscCall(Begin(TIGHT, LAYOUT_UNEVEN, &p, &opts));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p.adj));
  PetscCall(ADJSetKSP(p.adj, p.ksp));
  PetscCall(ADJSetParameters(p.adj, LinearPut, &p));
  PetscCall(ADJSetParameterVJP(p.adj, LinearParameterVJP, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(KSPSolve(p.ksp, p.b, p.x));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "after the user's own solve: verdict %s", ADJTrusts[verdict]));
  PetscCall(LinearDifference(&p, p.thetadot, &slope));
  PetscCall(RealDot(p.thetadot, p.thetabar, &claim));
  PetscCall(TapClose(claim, slope, 1e-7, "the gradient"));

  PetscCall(MatDuplicate(p.A, MAT_COPY_VALUES, &other));
  PetscCall(MatDestroy(&p.A));
  p.A = other;
  PetscCall(KSPSetOperators(p.ksp, p.A, p.A));
  PetscCall(VecScale(p.theta, 0.5));
  PetscCall(LinearAssemble(&p, p.theta));
  PetscCall(KSPSolve(p.ksp, p.b, p.x));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDuplicate(p.x, &w));
  PetscCall(SolveByHand(p.A, PETSC_TRUE, p.v, w));
  PetscCall(LinearParameterVJP(NULL, p.x, p.theta, w, p.thetadot, &p));
  PetscCall(VecScale(p.thetadot, -1.0));
  PetscCall(VecDistance(p.thetabar, p.thetadot, &error));
  PetscCall(TapBelow(error, 1e-10, "with another matrix for another theta"));
  PetscCall(VecDestroy(&w));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two contexts on one KSP, at different parameters, by turns: each puts its own again */
static PetscErrorCode TestTwo(void)
{
  Linear       p;
  PetscOptions opts;
  ADJ          first;
  Vec          theta, x, expected[2];
  PetscReal    error, norm;

  PetscFunctionBeginUser;
  PetscCall(Begin(TIGHT, LAYOUT_UNEVEN, &p, &opts));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  first = p.adj;
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.x, &x));
  PetscCall(VecDuplicate(p.theta, &theta));
  PetscCall(VecCopy(p.theta, theta));
  PetscCall(VecScale(theta, 0.5));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDuplicate(theta, &expected[i]));
  PetscCall(ADJSolve(first, p.theta, x));
  PetscCall(ADJSolveAdjoint(first, p.v, expected[0]));
  PetscCall(ADJSolve(p.adj, theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, expected[1]));
  PetscCall(VecNorm(expected[0], NORM_INFINITY, &norm));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSolveAdjoint(i % 2 ? p.adj : first, p.v, p.thetabar));
    PetscCall(VecDistance(p.thetabar, expected[i % 2], &error));
    PetscCall(TapBelow(error, 1e-8, "two contexts by turns, the %s", i % 2 ? "second" : "first"));
  }
  PetscCall(VecDistance(expected[0], expected[1], &error));
  PetscCall(TapOk((PetscBool)(error > 1e-3), "two contexts: they differ"));
  PetscCall(ADJDestroy(&first));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDestroy(&expected[i]));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestGradient(LAYOUT_UNEVEN, PETSC_TRUE, PETSC_TRUE));
  PetscCall(TestGradient(LAYOUT_EMPTY, PETSC_TRUE, PETSC_FALSE));
  PetscCall(TestGradient(LAYOUT_EVEN, PETSC_FALSE, PETSC_TRUE));
  PetscCall(TestDifferences(TIGHT " -adj_vjp_fd_color"));
  PetscCall(TestDifferences(TIGHT " -adj_vjp_fd_color -adj_pc_type bjacobi -adj_tangent_pc_type bjacobi"));
  PetscCall(TestRhs(LAYOUT_UNEVEN));
  PetscCall(TestRhs(LAYOUT_EMPTY));
  PetscCall(TestUntouched("-ksp_rtol 1e-9", PETSC_FALSE));
  PetscCall(TestUntouched("-ksp_type bcgs -pc_type jacobi -ksp_rtol 1e-9", PETSC_TRUE));
  PetscCall(TestUntouched("-ksp_type preonly -pc_type redundant", PETSC_FALSE));
  PetscCall(TestSolved());
  PetscCall(TestTwo());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
