static char help[] = "Flow maps whose derivatives are given in part, by the user or by differences; and methods that PETSc differentiates wrongly.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ts_problems.h"

#define OUTER    "-adj_forward_snes_type anderson -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-10 "
#define EXPLICIT OUTER "-ts_adapt_type none "
#define IMPLICIT OUTER "-ksp_type preonly -pc_type redundant -snes_rtol 1e-13 -snes_atol 1e-13 "

static PetscErrorCode Begin(FlowForm form, TSType type, const char options[], PetscOptions *opts, Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(FlowCreate(10, form, type, 0.6, 0.05, LAYOUT_UNEVEN, f));
  f->period = 0.6;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(PetscOptions *opts, Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(FlowDestroy(f));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What TSAdjointSolve() says of both */
static PetscErrorCode Exact(FlowForm form, TSType type, const char options[], Vec *gradient)
{
  Flow         f;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(Begin(form, type, options, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDuplicate(f.thetabar, gradient));
  PetscCall(VecCopy(f.thetabar, *gradient));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The parameters by columns, the tangent by differences of the flow map: dot product, and the gradient */
static PetscErrorCode TestColumns(FlowForm form, TSType type, const char options[])
{
  Flow         f;
  PetscOptions opts;
  Vec          gradient, xdot;
  PetscReal    error;
  PetscScalar  a, b;
  ADJTrust     verdict;
  ADJJVPFn    *jvp;

  PetscFunctionBeginUser;
  PetscCall(Exact(form, type, options, &gradient));
  PetscCall(Begin(form, type, options, &opts, &f));
  f.bare = PETSC_TRUE;
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFDColor(f.adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrust(f.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict > 0), "%s, columns: verdict %s", type, ADJTrusts[verdict]));
  PetscCall(VecDistance(f.thetabar, gradient, &error));
  PetscCall(TapBelow(error, 1e-7, "%s, columns: the gradient", type));
  PetscCall(VecDuplicate(f.x, &xdot));
  PetscCall(ADJSolveTangent(f.adj, f.thetadot, xdot));
  PetscCall(VecDot(xdot, f.v, &a));
  PetscCall(VecDot(f.thetadot, f.thetabar, &b));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-7 * PetscAbsScalar(a), "%s: tangent against adjoint", type));
  PetscCall(ADJGetJVP(f.adj, &jvp, NULL));
  PetscCall(TapOk((PetscBool)!jvp, "%s: the user's JVP is none", type));
  PetscCall(VecDestroy(&xdot));
  PetscCall(VecDestroy(&gradient));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (dPhi/dtheta)^T w, twice what it is, or the product in x as well */
static PetscErrorCode TwiceParameters(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)w;
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  PetscCall(VecSet(thetabar, 2.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OwnVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)w;
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  if (xbar) PetscCall(VecSet(xbar, 0.0));
  if (thetabar) PetscCall(VecSet(thetabar, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestPriority(void)
{
  Flow         f;
  PetscOptions opts;
  PetscInt     calls[2] = {0, 0};
  Vec          expected;
  PetscReal    error;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_RHS, TSRK, EXPLICIT, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetParameterVJP(f.adj, TwiceParameters, &calls[0]));
  PetscCall(ADJSetTrustLevel(f.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDuplicate(f.theta, &expected));
  PetscCall(VecSet(expected, 2.0));
  PetscCall(VecDistance(f.thetabar, expected, &error));
  PetscCall(TapOk((PetscBool)(calls[0] == 1 && error == 0.0), "ADJSetParameterVJP() has priority over TSSetRHSJacobianP()"));
  PetscCall(ADJSetVJP(f.adj, OwnVJP, &calls[1]));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecSet(expected, 1.0));
  PetscCall(VecDistance(f.thetabar, expected, &error));
  PetscCall(TapOk((PetscBool)(calls[0] == 1 && calls[1] > 0 && error == 0.0), "ADJSetVJP() has priority over both"));
  PetscCall(VecDestroy(&expected));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A DMDA code without any Jacobian: PETSc colors that of its steps */
static PetscErrorCode TestColoredSteps(void)
{
  Flow         f;
  PetscOptions opts;
  Vec          gradient;
  PetscReal    error;

  PetscFunctionBeginUser;
  PetscCall(Exact(FORM_LOCAL_IFUNCTION, TSCN, IMPLICIT, &gradient));
  PetscCall(Begin(FORM_LOCAL_IFUNCTION, TSCN, IMPLICIT "-snes_fd_color", &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDistance(f.thetabar, gradient, &error));
  PetscCall(TapBelow(error, 1e-6, "-snes_fd_color: the gradient"));
  PetscCall(VecDestroy(&gradient));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MethodGradient(const char options[], PetscBool columns, Vec *gradient, ADJTrust *verdict)
{
  Flow         f;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_RHS, TSRK, options, &opts, &f));
  f.bare = columns;
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFDColor(f.adj, columns));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSetTrustAction(f.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrust(f.adj, verdict));
  PetscCall(VecDuplicate(f.thetabar, gradient));
  PetscCall(VecCopy(f.thetabar, *gradient));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Where the derivative in theta of TSAdjointSolve() is wrong the verdict says so. That of PETSc 3.18 is, for tableaux with a weight that
   is zero, 5f and 5dp, unless it is that of a last stage which the next step takes over, 3bs
*/
static PetscErrorCode TestMethod(const char type[], PetscBool surely)
{
  Vec       gradient, columns;
  ADJTrust  verdict[2];
  PetscReal error;
  char      options[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), EXPLICIT "-ts_rk_type %s", type));
  PetscCall(MethodGradient(options, PETSC_FALSE, &gradient, &verdict[0]));
  PetscCall(MethodGradient(options, PETSC_TRUE, &columns, &verdict[1]));
  PetscCall(VecDistance(gradient, columns, &error));
  PetscCall(TapOk((PetscBool)(verdict[1] > 0), "%s, columns: verdict %s", type, ADJTrusts[verdict[1]]));
  PetscCall(TapOk((PetscBool)((verdict[0] > 0 && error < 1e-7) || (!surely && verdict[0] == ADJ_TRUST_REFUTED_VJP && error > 1e-4)), "%s: error %g, verdict %s", type, (double)error, ADJTrusts[verdict[0]]));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps that depend on the state: the adjoint does not know of that */
static PetscErrorCode TestAdaptive(void)
{
  Vec      gradient;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(MethodGradient(OUTER "-ts_adapt_type basic -ts_rtol 1e-4", PETSC_FALSE, &gradient, &verdict));
  PetscCall(TapOk((PetscBool)(verdict < 0), "adaptive steps: verdict %s", ADJTrusts[verdict]));
  PetscCall(VecDestroy(&gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestColumns(FORM_RHS, TSRK, EXPLICIT));
  PetscCall(TestColumns(FORM_IFUNCTION, TSCN, IMPLICIT));
  PetscCall(TestPriority());
  PetscCall(TestColoredSteps());
  PetscCall(TestMethod("1fe", PETSC_TRUE));
  PetscCall(TestMethod("2a", PETSC_TRUE));
  PetscCall(TestMethod("3bs", PETSC_TRUE));
  PetscCall(TestMethod("4", PETSC_TRUE));
  PetscCall(TestMethod("5f", PETSC_FALSE));
  PetscCall(TestMethod("5dp", PETSC_FALSE));
  PetscCall(TestAdaptive());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
