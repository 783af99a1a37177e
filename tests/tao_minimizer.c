static char help[] = "Derivatives through an unconstrained minimizer of a Tao.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
*/
#include "minimizer.h"

#define STEP 1e-4

/* Bit for bit what a Tao of the user's finds alone */
static PetscErrorCode TestForward(Minimizer *p, TaoType type, const char name[])
{
  Tao       tao;
  Vec       x;
  PetscBool same;
  PetscInt  its, expected;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecSet(x, 0.5));
  PetscCall(MinimizerCreateTao(p, type, x, &tao));
  PetscCall(MinimizerPut(NULL, p->theta, p));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetIterationNumber(tao, &expected));
  PetscCall(VecSet(p->x, 0.5));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJGetForwardIterations(p->adj, &its));
  PetscCall(VecEqual(x, p->x, &same));
  PetscCall(TapOk((PetscBool)(same && its == expected), "%s: the minimizer is that of the Tao alone", name));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivatives(HessianKind kind, TaoType type, Layout xlayout, Layout tlayout, const char name[])
{
  Minimizer   p;
  PetscReal   slope = 0.0;
  PetscScalar dot, tangent;
  Vec         differences;
  ADJTrust    verdict;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(13, xlayout, 5, tlayout, kind, type, &p));
  PetscCall(TestForward(&p, type, name));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(MinimizerSlope(&p, STEP, &slope));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: adjoint against central differences", name));
  PetscCall(VecDuplicate(p.theta, &differences));
  PetscCall(ADJSetParameterVJP(p.adj, NULL, NULL));
  PetscCall(ADJSetFDParameters(p.adj, PETSC_TRUE));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, differences));
  PetscCall(VecDot(p.thetadot, differences, &dot));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: adjoint with differences in theta against central differences", name));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(VecDot(p.xdot, p.v, &tangent));
  PetscCall(TapClose(PetscRealPart(tangent), PetscRealPart(dot), 1e-7, "%s: tangent against adjoint", name));
  PetscCall(VecDestroy(&differences));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the user calls TaoSolve() */
static PetscErrorCode TestSolved(void)
{
  Minimizer p;
  Vec       expected;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(11, LAYOUT_UNEVEN, 3, LAYOUT_LAST, HESSIAN_ASSEMBLED, TAONTR, &p));
  PetscCall(VecDuplicate(p.thetabar, &expected));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, expected));
  PetscCall(MinimizerPut(NULL, p.theta, &p));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(TaoSolve(p.tao));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecAXPY(p.thetabar, -1.0, expected));
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-8, "after the user's own TaoSolve(): the same derivative"));
  PetscCall(VecDestroy(&expected));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A loose minimizer is not confirmed until the effect of its error is estimated */
static PetscErrorCode TestLoose(void)
{
  Minimizer      p;
  ADJTrustReport report;
  PetscReal      slope = 0.0, error, norm;
  PetscScalar    dot;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(13, LAYOUT_EMPTY, 5, LAYOUT_EVEN, HESSIAN_ASSEMBLED, TAOLMVM, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(MinimizerSlope(&p, STEP, &slope));
  PetscCall(TaoSetTolerances(p.tao, 3e-3, 0.0, 0.0));
  PetscCall(ADJSetTrustGradientError(p.adj, ADJ_TRUST_ERROR_NEVER));
  PetscCall(VecSet(p.x, 0.5));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_FORWARD].status == ADJ_CHECK_INCONCLUSIVE && report.verdict == ADJ_TRUST_UNVERIFIED), "loose Tao: not confirmed, verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ADJSetTrustGradientError(p.adj, ADJ_TRUST_ERROR_AUTO));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(VecNorm(p.thetadot, NORM_2, &error));
  PetscCall(VecNorm(p.thetabar, NORM_2, &norm));
  error = PetscAbsReal(PetscRealPart(dot) - slope) / (error * norm);
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_STATE].status == ADJ_CHECK_INFO && error > 1e-6), "loose Tao: the error %g of the derivative is more than rounding", (double)error));
  PetscCall(TapBelow(error, 2.0 * report.check[ADJ_CHECK_GRADIENT].value, "loose Tao: and is seen"));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefused(void)
{
  Minimizer p;
  ADJTrust  verdict;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(11, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, HESSIAN_ASSEMBLED, TAONLS, &p));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TaoSetMaximumIterations(p.tao, 1));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_FORWARD), "one iteration: verdict %s", ADJTrusts[verdict]));
  PetscCall(TaoSetMaximumIterations(p.tao, 100));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  p.kind = HESSIAN_WRONG;
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_VJP), "a Hessian that is not that of f: verdict %s", ADJTrusts[verdict]));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Taylor test solves to rounding, and leaves the tolerances as they were */
static PetscErrorCode TestTaylor(HessianKind kind, TaoType type)
{
  Minimizer p;
  PetscReal order, error, gatol, grtol, gttol;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(11, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, kind, type, &p));
  PetscCall(TaoSetTolerances(p.tao, 1e-6, 1e-9, 1e-7));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.9), "%s: order %g of the Taylor remainder", type, (double)order));
  PetscCall(TapBelow(error, 1e-6, "%s: Taylor test, central difference", type));
  PetscCall(TaoGetTolerances(p.tao, &gatol, &grtol, &gttol));
  PetscCall(TapOk((PetscBool)(gatol == 1e-6 && grtol == 1e-9 && gttol == 1e-7), "%s: the tolerances are the user's again", type));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f = |D x|^2/2 - <B theta, x>, D diagonal: x* = D^{-2} B theta */
static PetscErrorCode QuadraticGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Minimizer  *p = (Minimizer *)ctx;
  PetscScalar xg, xt;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(g, x, p->at));
  PetscCall(VecDot(x, g, &xg));
  PetscCall(VecDot(x, p->t, &xt));
  PetscCall(VecAXPY(g, -1.0, p->t));
  *f = PetscRealPart(0.5 * xg - xt);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode QuadraticVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(MatMultTranspose(((Minimizer *)ctx)->B, w, thetabar));
  PetscCall(VecScale(thetabar, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestClosedForm(TaoType type)
{
  Minimizer p;
  Vec       expected;
  PetscReal norm, scale;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(17, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, HESSIAN_NONE, type, &p));
  PetscCall(TaoSetObjectiveAndGradient(p.tao, NULL, QuadraticGradient, &p));
  PetscCall(ADJSetParameterVJP(p.adj, QuadraticVJP, &p));
  PetscCall(VecSetWave(p.at, 8));
  PetscCall(VecShift(p.at, 3.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecPointwiseDivide(p.u, p.t, p.at));
  PetscCall(VecAXPY(p.u, -1.0, p.x));
  PetscCall(VecNorm(p.u, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-9, "%s: closed form of the minimizer", type));
  PetscCall(VecDuplicate(p.theta, &expected));
  PetscCall(VecPointwiseDivide(p.u, p.v, p.at));
  PetscCall(MatMultTranspose(p.B, p.u, expected));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecNorm(expected, NORM_INFINITY, &scale));
  PetscCall(VecAXPY(p.thetabar, -1.0, expected));
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-7 * scale, "%s: closed form of the pullback", type));
  PetscCall(VecDestroy(&expected));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two contexts on one Tao, at different parameters, by turns: each puts its own again */
static PetscErrorCode TestTwo(HessianKind kind, TaoType type)
{
  Minimizer p;
  ADJ       other;
  Vec       theta, x, expected[2];
  PetscReal norm, error;

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(11, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, kind, type, &p));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &other));
  PetscCall(ADJSetTaoSolution(other, p.tao));
  PetscCall(ADJSetParameters(other, MinimizerPut, &p));
  PetscCall(ADJSetParameterVJP(other, MinimizerParameterVJP, &p));
  PetscCall(VecDuplicate(p.x, &x));
  PetscCall(VecDuplicate(p.theta, &theta));
  PetscCall(VecCopy(p.theta, theta));
  PetscCall(VecScale(theta, 1.3));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDuplicate(theta, &expected[i]));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, expected[0]));
  PetscCall(ADJSolve(other, theta, x));
  PetscCall(ADJSolveAdjoint(other, p.v, expected[1]));
  PetscCall(VecNorm(expected[0], NORM_INFINITY, &norm));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSolveAdjoint(i % 2 ? other : p.adj, p.v, p.thetabar));
    PetscCall(VecAXPY(p.thetabar, -1.0, expected[i % 2]));
    PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &error));
    PetscCall(TapBelow(error, 1e-6 * norm, "%s: two contexts by turns, the %s", type, i % 2 ? "second" : "first"));
  }
  PetscCall(VecAXPY(expected[0], -1.0, expected[1]));
  PetscCall(VecNorm(expected[0], NORM_INFINITY, &error));
  PetscCall(TapOk((PetscBool)(error > 1e-3 * norm), "%s: they differ", type));
  PetscCall(ADJDestroy(&other));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDestroy(&expected[i]));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDerivatives(HESSIAN_ASSEMBLED, TAONLS, LAYOUT_UNEVEN, LAYOUT_EVEN, "assembled, nls"));
  PetscCall(TestDerivatives(HESSIAN_ASSEMBLED, TAOLMVM, LAYOUT_EMPTY, LAYOUT_LAST, "assembled, lmvm"));
  PetscCall(TestDerivatives(HESSIAN_SHELL, TAONTR, LAYOUT_LAST, LAYOUT_EVEN, "shell, ntr"));
  PetscCall(TestDerivatives(HESSIAN_NONE, TAOLMVM, LAYOUT_UNEVEN, LAYOUT_EMPTY, "none, lmvm"));
  PetscCall(TestDerivatives(HESSIAN_NONE, TAOBQNLS, LAYOUT_EVEN, LAYOUT_EVEN, "none, bqnls"));
  PetscCall(TestSolved());
  PetscCall(TestLoose());
  PetscCall(TestRefused());
  PetscCall(TestTaylor(HESSIAN_ASSEMBLED, TAONLS));
  PetscCall(TestTaylor(HESSIAN_NONE, TAOLMVM));
  PetscCall(TestTwo(HESSIAN_ASSEMBLED, TAONLS));
  PetscCall(TestTwo(HESSIAN_NONE, TAOLMVM));
  PetscCall(TestClosedForm(TAOLMVM));
  PetscCall(TestClosedForm(TAOCG));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
