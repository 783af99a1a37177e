static char help[] = "What is changed late, between solves, has the effect that it would have had before them.\n\n";

/*
   nsize: 1 2
*/
#include <math.h>
#include "problems.h"

/* n square roots, x^2 - factor theta = 0 or x = x - (x^2 - factor theta)/4, with functions that can be told to be wrong */
typedef struct {
  ADJ          adj;
  ADJForm      form;
  PetscOptions options;
  Vec          theta, x, xbar, g;
  PetscReal    factor;     /* x = sqrt(factor theta) */
  PetscReal    vjpfactor;  /* 2, or wrong */
  PetscInt     bomb;       /* the next product but (bomb - 1) in x is NaN; 0: none is */
  PetscInt     linearized; /* linearizations */
  PetscInt     products;   /* products of the VJP in x before the first of them */
} Roots;

static PetscErrorCode RootsMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Roots *p = (Roots *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(y, x, x));
  PetscCall(VecAXPY(y, -p->factor, theta));
  if (p->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(y, -0.25, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same with 2 theta */
static PetscErrorCode RootsMapOfTwice(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Roots *p = (Roots *)ctx;

  PetscFunctionBeginUser;
  p->factor = 2.0;
  PetscCall(RootsMap(adj, x, theta, y, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Roots *p = (Roots *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  if (xbar) {
    if (!p->linearized) p->products++;
    PetscCall(VecCopy(x, xbar));
    PetscCall(VecConjugate(xbar));
    PetscCall(VecPointwiseMult(xbar, xbar, w));
    PetscCall(VecScale(xbar, p->vjpfactor));
    if (p->form == ADJ_FIXED_POINT) PetscCall(VecAYPX(xbar, -0.25, w));
    if (p->bomb > 0 && !--p->bomb) PetscCall(VecSet(xbar, NAN));
  }
  if (thetabar) {
    PetscCall(VecCopy(w, thetabar));
    PetscCall(VecScale(thetabar, p->form == ADJ_FIXED_POINT ? 0.25 * p->factor : -p->factor));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Roots *p = (Roots *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) {
    PetscCall(VecPointwiseMult(ydot, x, xdot));
    PetscCall(VecScale(ydot, 2.0));
  }
  if (thetadot) PetscCall(VecAXPY(ydot, -p->factor, thetadot));
  if (p->form == ADJ_FIXED_POINT) PetscCall(VecScale(ydot, -0.25));
  if (p->form == ADJ_FIXED_POINT && xdot) PetscCall(VecAXPY(ydot, 1.0, xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsLinearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  ((Roots *)ctx)->linearized++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta_i = 1 + i/n, x = 1, l = sum x_i; map, VJP and JVP are set */
static PetscErrorCode RootsCreate(Roots *p, ADJForm form, PetscInt n, const char options[])
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->form      = form;
  p->factor    = 1.0;
  p->vjpfactor = 2.0;
  PetscCall(OptionsBegin(options, &p->options));
  PetscCall(VecCreate(PETSC_COMM_WORLD, &p->theta));
  PetscCall(VecSetSizes(p->theta, PETSC_DECIDE, n));
  PetscCall(VecSetFromOptions(p->theta));
  PetscCall(VecGetOwnershipRange(p->theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(p->theta, i, 1.0 + (PetscReal)i / (PetscReal)n, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(p->theta));
  PetscCall(VecAssemblyEnd(p->theta));
  PetscCall(VecDuplicate(p->theta, &p->x));
  PetscCall(VecDuplicate(p->theta, &p->xbar));
  PetscCall(VecDuplicate(p->theta, &p->g));
  PetscCall(VecSet(p->x, 1.0));
  PetscCall(VecSet(p->xbar, 1.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  if (form == ADJ_FIXED_POINT)
    PetscCall(ADJSetFixedPoint(p->adj, RootsMap, p));
  else
    PetscCall(ADJSetResidual(p->adj, RootsMap, p));
  PetscCall(ADJSetVJP(p->adj, RootsVJP, p));
  PetscCall(ADJSetJVP(p->adj, RootsJVP, p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsDestroy(Roots *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(OptionsEnd(&p->options));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->xbar));
  PetscCall(VecDestroy(&p->g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts that the adjoint returns, with g = xbar sqrt(factor/theta)/2, to a relative error */
static PetscErrorCode RootsTapGradient(Roots *p, PetscReal rtol, const char what[])
{
  Vec       q;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(VecSet(p->g, NAN));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p->adj, p->xbar, p->g), "%s: the adjoint returns", what));
  PetscCall(VecDuplicate(p->theta, &q));
  PetscCall(VecCopy(p->theta, q));
  PetscCall(VecScale(q, 1.0 / p->factor));
  PetscCall(VecSqrtAbs(q));
  PetscCall(VecPointwiseMult(q, q, p->g));
  PetscCall(VecScale(q, 2.0));
  PetscCall(VecPointwiseDivide(q, q, p->xbar));
  PetscCall(VecShift(q, -1.0));
  PetscCall(VecNorm(q, NORM_INFINITY, &error));
  PetscCall(TapBelow(error, rtol, "%s: the gradient is right", what));
  PetscCall(VecDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A residual of 10^12 once is none to measure the next solve by */
static PetscErrorCode TestReference(void)
{
  Roots    p;
  PetscInt its;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 4, ""));
  PetscCall(VecSet(p.theta, 1e12));
  PetscCall(VecSet(p.x, 1e3));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "theta = 10^12"));
  PetscCall(VecSet(p.theta, 1.0));
  PetscCall(VecSet(p.x, 3.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(TapOk((PetscBool)(its > 0), "theta = 1 after 10^12: x = 3 is no solution"));
  PetscCall(RootsTapGradient(&p, 1e-3, "theta = 1 after 10^12"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = max(sqrt(theta), 3/2): the derivative is 0 where the bound is active, which the implicit function theorem does not know */
static PetscErrorCode TestBounds(void)
{
  Roots               p;
  SNES                snes;
  Vec                 lower, upper;
  SNESConvergedReason reason;
  ADJTrust            verdict;

  PetscFunctionBeginUser;
  if (PetscDefined(USE_COMPLEX)) {
    PetscCall(TapSkip("variational inequalities want real scalars"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 4, "-adj_forward_snes_type vinewtonrsls"));
  PetscCall(VecDuplicate(p.x, &lower));
  PetscCall(VecDuplicate(p.x, &upper));
  PetscCall(VecSet(lower, 1.5));
  PetscCall(VecSet(upper, 100.0));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetUp(p.adj));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESVISetVariableBounds(snes, lower, upper));
  PetscCall(VecSet(p.x, 3.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "bounds: the forward solve converges"));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(p.adj, p.xbar, p.g), "bounds: the derivative is refused"));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_FORWARD), "bounds: verdict %s", ADJTrusts[verdict]));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOtherMap(void)
{
  Roots p;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_FIXED_POINT, 4, ""));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetUp(p.adj));
  PetscCall(TapError(PETSC_ERR_ARG_WRONGSTATE, ADJSetResidual(p.adj, RootsMap, &p), "a residual after the set-up of a fixed point is refused"));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL)); /* asks for another set-up */
  PetscCall(TapError(PETSC_ERR_ARG_WRONGSTATE, ADJSetResidual(p.adj, RootsMap, &p), "it still is when a product has gone"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "the fixed point, after all"));

  PetscCall(ADJSetFixedPoint(p.adj, RootsMapOfTwice, &p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.xbar, p.g), "no derivative of another F before its solution"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "another F"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOtherProducts(const char options[])
{
  Roots    p;
  PetscInt products;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 4, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  p.vjpfactor = 17.0;
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.xbar, p.g), "a wrong VJP is refused"));
  p.vjpfactor = 2.0;
  PetscCall(ADJSetVJP(p.adj, RootsVJP, &p));
  PetscCall(RootsTapGradient(&p, 1e-6, "the repaired VJP is not"));
  p.vjpfactor = 17.0;
  PetscCall(ADJSetVJP(p.adj, RootsVJP, &p));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.xbar, p.g), "a wrong VJP at a state where another one was right is refused"));
  p.vjpfactor = 2.0;
  PetscCall(ADJSetVJP(p.adj, RootsVJP, &p));
  products = p.products;
  PetscCall(ADJSetLinearize(p.adj, RootsLinearize, &p));
  PetscCall(RootsTapGradient(&p, 1e-6, "with a linearization"));
  PetscCall(TapOk((PetscBool)(p.linearized == 1 && p.products == products), "ADJSetLinearize() after an adjoint: called once, before the next products"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMonitorCancel(void)
{
  Roots            p;
  SNES             snes;
  Vec              previous;
  PetscInt         n, its;
  const PetscReal *history;
  PetscReal        norm, root = PetscSqrtReal(2.0);

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 4, ""));
  PetscCall(VecSet(p.theta, 2.0));
  PetscCall(ADJSetKeepPreviousIterate(p.adj, PETSC_TRUE));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESMonitorCancel(snes));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(ADJGetForwardHistory(p.adj, &n, &history));
  PetscCall(TapOk((PetscBool)(its > 1 && n == its + 1), "SNESMonitorCancel(): %" PetscInt_FMT " iterations, %" PetscInt_FMT " norms", its, n));
  PetscCall(TapOk((PetscBool)(n > 1 && history[n - 1] < 1e-8 * history[0]), "SNESMonitorCancel(): which fall"));
  /* near the root, but not there: Newton squares the error */
  PetscCall(ADJGetPreviousIterate(p.adj, &previous));
  PetscCall(VecShift(previous, -root));
  PetscCall(VecNorm(previous, NORM_INFINITY, &norm));
  PetscCall(VecShift(previous, root));
  PetscCall(TapOk((PetscBool)(norm > 1e-13 && norm < 1e-2), "SNESMonitorCancel(): the previous iterate is %g away", (double)norm));
  PetscCall(RootsTapGradient(&p, 1e-6, "SNESMonitorCancel()"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTrustLevel(ADJForm form)
{
  Roots          p;
  ADJTrust       verdict;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, form, 4, "-adj_trust_level none"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "trust level none"));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_UNVERIFIED), "trust level none: verdict %s", ADJTrusts[verdict]));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(RootsTapGradient(&p, 1e-6, "trust level raised"));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_CONDITIONING].status == ADJ_CHECK_PASSED), "trust level raised: verdict %s, conditioning %s", ADJTrusts[report.verdict], ADJCheckStatuses[report.check[ADJ_CHECK_CONDITIONING].status]));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Has no singular values to give, and does not say so */
static PetscErrorCode TestFCG(void)
{
  Roots p;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 6, "-adj_ksp_type fcg"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "fcg"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestJVPRemoved(void)
{
  Roots               p;
  ADJCounters         before, after;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_RESIDUAL, 4, ""));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(VecSet(p.x, 1.0));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "JVP removed: the next solve returns"));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(ADJGetCounters(p.adj, &after));
  PetscCall(TapOk((PetscBool)(reason > 0 && before.jvp > 0 && after.jvp == before.jvp), "JVP removed: converges without"));
  PetscCall(RootsTapGradient(&p, 1e-6, "JVP removed"));
  PetscCall(ADJSetJVP(p.adj, RootsJVP, &p));
  PetscCall(VecSet(p.x, 1.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(TapOk((PetscBool)(before.jvp > after.jvp), "JVP put back: is called"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN in the product `which` of an adjoint does not stay in the initial guess of the next ones */
static PetscErrorCode TestWarmNaN(PetscInt which)
{
  Roots    p;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_FIXED_POINT, 6, "-adj_ksp_type bcgs -adj_ksp_initial_guess_nonzero -adj_trust_action ignore"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "bcgs"));
  PetscCall(VecSet(p.xbar, 2.0));
  p.bomb = which;
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.g), "NaN in product %" PetscInt_FMT ": ignored", which));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_NOT_FINITE && !p.bomb), "NaN in product %" PetscInt_FMT ": verdict %s", which, ADJTrusts[verdict]));
  PetscCall(VecSet(p.xbar, 1.0));
  PetscCall(RootsTapGradient(&p, 1e-6, "the adjoint after that of NaN"));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict > 0), "the adjoint after that of NaN: verdict %s", ADJTrusts[verdict]));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestResetForm(void)
{
  Roots              p;
  SNES               snes;
  SNESLineSearch     ls;
  SNESLineSearchType lstype;
  SNESType           type;
  PetscBool          newton, bt;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_FIXED_POINT, 4, ""));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJReset(p.adj));
  p.form = ADJ_RESIDUAL;
  PetscCall(ADJSetResidual(p.adj, RootsMap, &p));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESGetType(snes, &type));
  PetscCall(PetscStrcmp(type, SNESNEWTONLS, &newton));
  PetscCall(TapOk(newton, "ADJReset(), then a residual: the forward solver is %s", type));
  PetscCall(SNESGetLineSearch(snes, &ls));
  PetscCall(SNESLineSearchGetType(ls, &lstype));
  PetscCall(PetscStrcmp(lstype, SNESLINESEARCHBT, &bt));
  PetscCall(TapOk(bt, "ADJReset(), then a residual: its line search is %s", lstype));
  PetscCall(VecSet(p.x, 1.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RootsTapGradient(&p, 1e-6, "ADJReset(), then a residual"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestLateNewton(void)
{
  Roots               p;
  SNES                snes;
  Mat                 J;
  MatType             type;
  PetscInt            its;
  SNESConvergedReason reason;
  PetscBool           mffd;

  PetscFunctionBeginUser;
  PetscCall(RootsCreate(&p, ADJ_FIXED_POINT, 4, ""));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetUp(p.adj));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESSetType(snes, SNESNEWTONLS));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "newtonls after ADJSetUp(): the solve returns"));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(TapOk((PetscBool)(reason > 0 && its > 0 && its < 9), "newtonls after ADJSetUp(): converges in %" PetscInt_FMT " iterations", its));
  PetscCall(SNESGetJacobian(snes, &J, NULL, NULL, NULL));
  mffd = PETSC_FALSE;
  if (J) {
    PetscCall(MatGetType(J, &type));
    PetscCall(PetscStrcmp(type, MATMFFD, &mffd));
  }
  PetscCall(TapOk(mffd, "newtonls after ADJSetUp(): without a matrix"));
  PetscCall(RootsTapGradient(&p, 1e-6, "newtonls after ADJSetUp()"));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestReference());
  PetscCall(TestBounds());
  PetscCall(TestOtherMap());
  PetscCall(TestOtherProducts(""));
  PetscCall(TestOtherProducts("-adj_test_vjp"));
  PetscCall(TestMonitorCancel());
  PetscCall(TestTrustLevel(ADJ_FIXED_POINT));
  PetscCall(TestTrustLevel(ADJ_RESIDUAL));
  PetscCall(TestFCG());
  PetscCall(TestJVPRemoved());
  for (PetscInt which = 1; which <= 3; which++) PetscCall(TestWarmNaN(which));
  PetscCall(TestResetForm());
  PetscCall(TestLateNewton());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
