static char help[] = "Derivatives through a minimizer with bounds: active sets, their multipliers, the bounds themselves.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
*/
#include "minimizer.h"

#define STEP 1e-5

/* Bounds around the unconstrained minimizer t = B theta of the last term, so that some are active on either side */
static PetscErrorCode SetBounds(Minimizer *p, PetscReal below, PetscReal above)
{
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &p->lower));
  PetscCall(VecDuplicate(p->x, &p->upper));
  PetscCall(VecSetWave(p->lower, 9));
  PetscCall(VecScale(p->lower, 0.1));
  PetscCall(VecCopy(p->lower, p->upper));
  PetscCall(VecShift(p->lower, -below));
  PetscCall(VecShift(p->upper, above));
  PetscCall(TaoSetVariableBounds(p->tao, p->lower, p->upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapVerdict(Minimizer *p, ADJTrust expected, const char name[])
{
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == expected), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How many components of x stand at a bound, exactly */
static PetscErrorCode CountActive(Minimizer *p, PetscInt *nlower, PetscInt *nupper)
{
  IS is;

  PetscFunctionBeginUser;
  PetscCall(VecWhichEqual(p->x, p->lower, &is));
  PetscCall(ISGetSize(is, nlower));
  PetscCall(ISDestroy(&is));
  PetscCall(VecWhichEqual(p->x, p->upper, &is));
  PetscCall(ISGetSize(is, nupper));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <bar, direction> against central differences of <v, x*> in a bound, and nothing where the bound is not active */
static PetscErrorCode TestBound(Minimizer *p, Vec bound, Vec bar, const char name[])
{
  Vec         x, direction, saved;
  Tao         tao;
  PetscScalar dot, value[2];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecDuplicate(p->x, &direction));
  PetscCall(VecDuplicate(p->x, &saved));
  PetscCall(VecSetWave(direction, 10));
  PetscCall(VecCopy(bound, saved));
  PetscCall(MinimizerCreateTao(p, TAOBLMVM, x, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-13, 0.0, 0.0));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(bound, i ? STEP : -STEP, direction, saved));
    PetscCall(VecCopy(p->x, x));
    PetscCall(TaoSolve(tao));
    PetscCall(VecDot(x, p->v, &value[i]));
  }
  PetscCall(VecCopy(saved, bound));
  PetscCall(VecDot(bar, direction, &dot));
  PetscCall(TapClose(PetscRealPart(dot), PetscRealPart(value[1] - value[0]) / (2.0 * STEP), 1e-6, "%s against central differences", name));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&direction));
  PetscCall(VecDestroy(&saved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivatives(HessianKind kind, TaoType type, Layout xlayout, Layout tlayout, const char name[])
{
  Minimizer   p;
  PetscReal   slope = 0.0;
  PetscScalar dot, tangent;
  PetscInt    nlower, nupper;
  Vec         lower, upper;
  char        text[128];

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(13, xlayout, 5, tlayout, kind, type, &p));
  PetscCall(SetBounds(&p, 0.3, 0.5));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(CountActive(&p, &nlower, &nupper));
  PetscCall(TapOk((PetscBool)(nlower > 1 && nupper > 1 && nlower + nupper < 12), "%s: %" PetscInt_FMT " lower and %" PetscInt_FMT " upper bounds are active", name, nlower, nupper));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapVerdict(&p, ADJ_TRUST_ESTIMATED, name));
  PetscCall(VecDuplicate(p.x, &lower));
  PetscCall(VecDuplicate(p.x, &upper));
  PetscCall(MinimizerSlope(&p, STEP, &slope));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: adjoint against central differences", name));
  PetscCall(ADJGetBoundGradients(p.adj, lower, NULL)); /* the other Tao has evaluated the Hessian elsewhere */
  PetscCall(ADJGetBoundGradients(p.adj, NULL, upper));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s: derivative in the lower bounds", name));
  PetscCall(TestBound(&p, p.lower, lower, text));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s: derivative in the upper bounds", name));
  PetscCall(TestBound(&p, p.upper, upper, text));
  PetscCall(ADJSetParameterVJP(p.adj, NULL, NULL));
  PetscCall(ADJSetFDColor(p.adj, PETSC_TRUE));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(VecDot(p.xdot, p.v, &tangent));
  PetscCall(TapClose(PetscRealPart(tangent), PetscRealPart(dot), 1e-7, "%s: tangent against adjoint", name));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f = |D x|^2/2 - <t, x>: each component alone is t/d^2, or its bound */
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

static PetscErrorCode QuadraticHessian(Tao tao, Vec x, Mat H, Mat P, void *ctx)
{
  (void)tao;
  (void)x;
  (void)P;
  PetscFunctionBeginUser;
  PetscCall(MatDiagonalSet(H, ((Minimizer *)ctx)->at, INSERT_VALUES));
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

static PetscErrorCode QuadraticCreate(PetscReal below, PetscReal above, TaoType type, Minimizer *p)
{
  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(17, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, HESSIAN_ASSEMBLED, type, p));
  PetscCall(VecSetWave(p->at, 8));
  PetscCall(VecShift(p->at, 3.0));
  PetscCall(TaoSetObjectiveAndGradient(p->tao, NULL, QuadraticGradient, p));
  PetscCall(TaoSetHessian(p->tao, p->H, p->H, QuadraticHessian, p));
  PetscCall(ADJSetParameterVJP(p->adj, QuadraticVJP, p));
  PetscCall(SetBounds(p, below, above));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p->u = t/d^2; x - p->r = its value between the bounds */
static PetscErrorCode ClosedForm(Minimizer *p)
{
  PetscFunctionBeginUser;
  PetscCall(MinimizerPut(NULL, p->theta, p));
  PetscCall(VecPointwiseDivide(p->u, p->t, p->at));
  PetscCall(VecPointwiseMax(p->r, p->u, p->lower));
  PetscCall(VecPointwiseMin(p->r, p->r, p->upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solvers that stop at the bounds, and one that stays inside */
static PetscErrorCode TestClosedForm(TaoType type, PetscReal gatol)
{
  Minimizer p;
  Vec       lower, upper, expected;
  PetscReal norm;
  IS        is;

  PetscFunctionBeginUser;
  PetscCall(QuadraticCreate(0.1, 0.15, type, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(TaoSetTolerances(p.tao, gatol, 0.0, 0.0));
  PetscCall(ClosedForm(&p));
  PetscCall(VecShift(p.x, 0.05)); /* an interior point method wants one */
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ClosedForm(&p));
  PetscCall(VecAXPY(p.r, -1.0, p.x));
  PetscCall(VecNorm(p.r, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 10.0 * gatol, "%s: closed form of the minimizer", type));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapVerdict(&p, ADJ_TRUST_ESTIMATED, type));
  PetscCall(VecDuplicate(p.x, &lower));
  PetscCall(VecDuplicate(p.x, &upper));
  PetscCall(ADJGetBoundGradients(p.adj, lower, upper));
  PetscCall(VecWhichBetween(p.lower, p.u, p.upper, &is)); /* free: v/d^2 goes to t, elsewhere v to the bound */
  PetscCall(VecDuplicate(p.theta, &expected));
  PetscCall(VecAXPBYPCZ(lower, 1.0, -1.0, 1.0, upper, p.v));
  PetscCall(VecISSet(lower, is, 0.0));
  PetscCall(VecNorm(lower, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-7, "%s: derivatives in the bounds", type));
  PetscCall(VecPointwiseDivide(p.u, p.v, p.at));
  PetscCall(VecSet(p.r, 0.0));
  PetscCall(VecISSet(p.r, is, 1.0));
  PetscCall(VecPointwiseMult(p.u, p.u, p.r));
  PetscCall(MatMultTranspose(p.B, p.u, expected));
  PetscCall(VecAXPY(p.thetabar, -1.0, expected));
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-7, "%s: closed form of the pullback", type));
  PetscCall(ISDestroy(&is));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(VecDestroy(&expected));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The bound of one variable moves to `distance` from where it is free: above it, its multiplier is small; below, it hardly touches */
static PetscErrorCode TestWeak(PetscReal distance, ADJTrust expected, const char name[])
{
  Minimizer     p;
  ADJTrustCheck check;
  PetscScalar   value = 0.0;
  PetscInt      lo, hi;

  PetscFunctionBeginUser;
  PetscCall(QuadraticCreate(0.1, 0.15, TAOBNLS, &p));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ClosedForm(&p));
  PetscCall(VecGetOwnershipRange(p.u, &lo, &hi));
  if (lo <= 3 && 3 < hi) {
    const PetscInt i = 3;

    PetscCall(VecGetValues(p.u, 1, &i, &value));
    PetscCall(VecSetValue(p.lower, 3, value + distance, INSERT_VALUES));
    PetscCall(VecSetValue(p.upper, 3, value + 1.0, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(p.lower));
  PetscCall(VecAssemblyEnd(p.lower));
  PetscCall(VecAssemblyBegin(p.upper));
  PetscCall(VecAssemblyEnd(p.upper));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapVerdict(&p, expected, name));
  PetscCall(ADJGetTrustCheck(p.adj, ADJ_CHECK_COMPLEMENTARITY, &check));
  PetscCall(TapOk((PetscBool)(check.status == (expected < 0 ? ADJ_CHECK_FAILED : ADJ_CHECK_PASSED)), "%s: complementarity %g %s", name, (double)check.value, ADJCheckStatuses[check.status]));
  PetscCall(ADJSetTrustThreshold(p.adj, ADJ_CHECK_COMPLEMENTARITY, expected < 0 ? 0.1 * check.value : 10.0 * check.value));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustCheck(p.adj, ADJ_CHECK_COMPLEMENTARITY, &check));
  PetscCall(TapOk((PetscBool)((check.status == ADJ_CHECK_FAILED) == (check.value == 0.0 || expected > 0)), "%s: the limit can be chosen", name));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two bounds that are the same fix a variable: no reason for doubt */
static PetscErrorCode TestFixed(void)
{
  Minimizer   p;
  Vec         lower;
  PetscReal   norm;
  PetscScalar sum[2];

  PetscFunctionBeginUser;
  PetscCall(QuadraticCreate(0.0, 0.0, TAOBNLS, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapVerdict(&p, ADJ_TRUST_UNVERIFIED, "all variables fixed: theta has no influence"));
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &norm));
  PetscCall(TapOk((PetscBool)(norm == 0.0), "all variables fixed: the pullback is zero"));
  PetscCall(VecDuplicate(p.x, &lower));
  PetscCall(ADJGetBoundGradients(p.adj, lower, NULL));
  PetscCall(VecSum(lower, &sum[0]));
  PetscCall(VecSum(p.v, &sum[1]));
  PetscCall(TapClose(PetscRealPart(sum[0]), PetscRealPart(sum[1]), 1e-8, "all variables fixed: derivative in the bounds"));
  PetscCall(VecDestroy(&lower));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDerivatives(HESSIAN_ASSEMBLED, TAOBNLS, LAYOUT_UNEVEN, LAYOUT_EVEN, "assembled, bnls"));
  PetscCall(TestDerivatives(HESSIAN_ASSEMBLED, TAOTRON, LAYOUT_LAST, LAYOUT_EMPTY, "assembled, tron"));
  PetscCall(TestDerivatives(HESSIAN_SHELL, TAOBLMVM, LAYOUT_EMPTY, LAYOUT_LAST, "shell, blmvm"));
  PetscCall(TestDerivatives(HESSIAN_NONE, TAOBLMVM, LAYOUT_EVEN, LAYOUT_EVEN, "none, blmvm"));
  PetscCall(TestClosedForm(TAOBNLS, 1e-10));
  PetscCall(TestClosedForm(TAOBLMVM, 1e-10));
  PetscCall(TestClosedForm(TAOBQPIP, 1e-6));
  PetscCall(TestWeak(0.0, ADJ_TRUST_REFUTED_NOT_SMOOTH, "at its bound with multiplier 0"));
  PetscCall(TestWeak(1e-8, ADJ_TRUST_REFUTED_NOT_SMOOTH, "at its bound with a tiny multiplier"));
  PetscCall(TestWeak(-1e-8, ADJ_TRUST_REFUTED_NOT_SMOOTH, "free, and almost at its bound"));
  PetscCall(TestWeak(0.01, ADJ_TRUST_ESTIMATED, "at its bound with a small multiplier"));
  PetscCall(TestWeak(-0.01, ADJ_TRUST_ESTIMATED, "free, and near its bound"));
  PetscCall(TestFixed());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
