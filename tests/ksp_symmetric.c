static char help[] = "A borrowed KSP with a symmetric (Hermitian) matrix, and what the verdict says of its tolerance.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

static PetscErrorCode Begin(const char options[], PetscBool symmetric, Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(LinearCreate(30, LAYOUT_UNEVEN, 5, LAYOUT_LAST, symmetric, p));
  PetscCall(LinearCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Linear *p, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsEnd(opts));
  PetscCall(LinearDestroy(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The adjoint and the tangent take the type of the forward KSP if A is symmetric and no option says otherwise; the gradient is right */
static PetscErrorCode TestTaken(const char options[], PetscBool symmetric, KSPType adjoint, KSPType tangent)
{
  Linear       p;
  PetscOptions opts;
  KSP          ksp;
  KSPType      type[2];
  PetscBool    same[2];
  ADJTrust     verdict;
  PetscReal    slope, left, right;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, symmetric, &p, &opts));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", options, ADJTrusts[verdict]));
  PetscCall(ADJSetFDColor(p.adj, PETSC_TRUE));
  if (PetscDefined(USE_COMPLEX) && symmetric) PetscCall(ADJSetFDMaxColumns(p.adj, 0)); /* columns take A(theta) for analytic, but it sees real parts: along the direction */
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPGetType(ksp, &type[0]));
  PetscCall(ADJGetTangentKSP(p.adj, &ksp));
  PetscCall(KSPGetType(ksp, &type[1]));
  PetscCall(PetscStrcmp(type[0], adjoint, &same[0]));
  PetscCall(PetscStrcmp(type[1], tangent, &same[1]));
  PetscCall(TapOk((PetscBool)(same[0] && same[1]), "the adjoint is solved by %s, the tangent by %s", type[0], type[1]));
  PetscCall(RealDot(p.v, p.xdot, &left));
  PetscCall(RealDot(p.thetabar, p.thetadot, &right));
  PetscCall(TapClose(left, right, 1e-7, "<v, xdot> = <thetabar, thetadot>"));
  PetscCall(LinearDifference(&p, p.thetadot, &slope));
  PetscCall(TapClose(right, slope, 1e-7, "the gradient against central differences"));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A tolerance as loose as PETSc's default is said to be so; the error is estimated. Without estimates nothing confirms the gradient */
static PetscErrorCode TestLoose(void)
{
  Linear           p;
  PetscOptions     opts;
  ADJTrustReport   rep;
  Vec              tight;
  PetscReal        error, rate;
  PetscInt         n;
  const PetscReal *history;

  PetscFunctionBeginUser;
  PetscCall(Begin("-ksp_rtol 1e-4 -pc_type none -adj_ksp_rtol 1e-10", PETSC_FALSE, &p, &opts));
  PetscCall(VecDuplicate(p.thetabar, &tight));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardHistory(p.adj, &n, &history));
  PetscCall(VecNorm(p.b, NORM_2, &error));
  PetscCall(TapOk((PetscBool)(n == 2 && PetscAbsReal(history[0] - error) <= 1e-14 * error), "the first residual is that of zero"));
  PetscCall(MatMult(p.A, p.x, p.xdot));
  PetscCall(VecAXPY(p.xdot, -1.0, p.b));
  PetscCall(VecNorm(p.xdot, NORM_2, &rate));
  PetscCall(TapClose(history[1], rate, 1e-8, "the last one is the true one"));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &rep));
  PetscCall(TapOk((PetscBool)(rep.check[ADJ_CHECK_FORWARD].value > 1e-6 && rep.check[ADJ_CHECK_FORWARD].value < 1e-3), "the forward check has the residual, %g", (double)rep.check[ADJ_CHECK_FORWARD].value));
  PetscCall(TapOk((PetscBool)(rep.check[ADJ_CHECK_FORWARD].advice != NULL && rep.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_PASSED && rep.verdict == ADJ_TRUST_ESTIMATED), "and says what became of it; verdict %s", ADJTrusts[rep.verdict]));
  error = rep.check[ADJ_CHECK_GRADIENT].value;
  PetscCall(KSPSetTolerances(p.ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, tight));
  PetscCall(VecDistance(p.thetabar, tight, &rate));
  PetscCall(TapOk((PetscBool)(error > 0.1 * rate && error < 10.0 * rate), "the error was estimated to be %g, it is %g", (double)error, (double)rate));
  PetscCall(KSPSetTolerances(p.ksp, 1e-4, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJSetTrustGradientError(p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, tight));
  PetscCall(ADJGetTrustReport(p.adj, &rep));
  PetscCall(TapOk((PetscBool)(rep.check[ADJ_CHECK_FORWARD].status == ADJ_CHECK_INCONCLUSIVE && rep.verdict == ADJ_TRUST_UNVERIFIED), "without an estimate it is left open: %s", ADJTrusts[rep.verdict]));
  PetscCall(VecDestroy(&tight));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An absolute tolerance is one if the true residual was tested; a guess does not change what residuals are relative to */
static PetscErrorCode TestReasons(void)
{
  Linear              p;
  PetscOptions        opts;
  SNESConvergedReason reason;
  PetscInt            n;
  const PetscReal    *history;

  PetscFunctionBeginUser;
  PetscCall(Begin("-ksp_rtol 1e-50 -ksp_atol 1e-3 -ksp_norm_type unpreconditioned -ksp_pc_side right", PETSC_FALSE, &p, &opts));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == SNES_CONVERGED_FNORM_ABS), "absolute, true residual: %s", SNESConvergedReasons[reason]));
  PetscCall(End(&p, &opts));
  PetscCall(Begin("-ksp_rtol 1e-50 -ksp_atol 1e-3", PETSC_FALSE, &p, &opts));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == SNES_CONVERGED_FNORM_RELATIVE), "absolute, preconditioned residual: %s", SNESConvergedReasons[reason]));
  PetscCall(End(&p, &opts));
  PetscCall(Begin("-ksp_rtol 1e-9 -ksp_initial_guess_nonzero", PETSC_FALSE, &p, &opts));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardHistory(p.adj, &n, &history));
  PetscCall(TapOk((PetscBool)(n == 2 && history[0] < 1e-6), "a warm start begins with its own residual, %g", (double)history[0]));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == SNES_CONVERGED_FNORM_RELATIVE), "and is judged relative to b"));
  PetscCall(End(&p, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestTaken("-ksp_type cg", PETSC_TRUE, KSPCG, KSPCG));
  PetscCall(TestTaken("-ksp_type minres -pc_type jacobi -adj_trust_svd", PETSC_TRUE, KSPMINRES, KSPMINRES));
  PetscCall(TestTaken("-ksp_type cg -adj_ksp_type bcgs -adj_trust_svd", PETSC_TRUE, KSPBCGS, KSPCG));
  PetscCall(TestTaken("-ksp_type gmres", PETSC_TRUE, KSPGMRES, KSPGMRES));
  PetscCall(TestTaken("-ksp_type preonly -pc_type redundant", PETSC_TRUE, KSPGMRES, KSPGMRES));
  PetscCall(TestTaken("-ksp_type fcg -adj_ksp_rtol 1e-11 -adj_trust_svd", PETSC_TRUE, KSPFCG, KSPFCG));
  PetscCall(TestTaken("-ksp_type bcgs", PETSC_FALSE, KSPGMRES, KSPGMRES));
  PetscCall(TestLoose());
  PetscCall(TestReasons());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
