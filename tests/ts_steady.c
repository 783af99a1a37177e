static char help[] = "Steady states reached by time marching, x = Phi_T(x, theta): the gradient is that of the steady equation.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ts_problems.h"

#define INNER "-snes_rtol 1e-12 -snes_atol 1e-12 -ksp_type preonly -pc_type redundant "
#define OUTER "-adj_ksp_rtol 1e-11 "
#define END   0.8
#define STEP  0.1

static PetscErrorCode SteadyFunction(SNES snes, Vec u, Vec y, void *ctx)
{
  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(FlowRHS(NULL, 0.0, u, y, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SteadyJacobian(SNES snes, Vec u, Mat A, Mat P, void *ctx)
{
  (void)snes;
  (void)A;
  PetscFunctionBeginUser;
  PetscCall(FlowJacobian((Flow *)ctx, u, 0.0, 1.0, P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without the library: 0 = rhs(u) by Newton's method, J^T w = v with J^T assembled, thetabar = -P^T w */
static PetscErrorCode Reference(Flow *f, Vec u, Vec thetabar)
{
  SNES snes;
  KSP  ksp;
  Mat  J, JT, P;
  Vec  w;

  PetscFunctionBeginUser;
  PetscCall(MatDuplicate(f->J, MAT_DO_NOT_COPY_VALUES, &J));
  PetscCall(MatDuplicate(f->Jp, MAT_DO_NOT_COPY_VALUES, &P));
  PetscCall(VecDuplicate(u, &w));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetFunction(snes, w, SteadyFunction, f));
  PetscCall(SNESSetJacobian(snes, J, J, SteadyJacobian, f));
  PetscCall(SNESSetTolerances(snes, 1e-12, 1e-14, 0.0, 50, 1000));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-12, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(VecSet(u, 0.5));
  PetscCall(SNESSolve(snes, NULL, u));
  PetscCall(SteadyJacobian(snes, u, J, J, f));
  PetscCall(SNESDestroy(&snes));
  PetscCall(MatHermitianTranspose(J, MAT_INITIAL_MATRIX, &JT));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, JT, JT));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSolve(ksp, f->v, w));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(FlowRHSJacobianP(NULL, 0.0, u, P, f));
  PetscCall(MatMultHermitianTranspose(P, w, thetabar));
  PetscCall(VecScale(thetabar, -1.0));
  PetscCall(VecDestroy(&w));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&JT));
  PetscCall(MatDestroy(&P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Compare(Flow *f, const char name[])
{
  Vec       u, thetabar;
  PetscReal error;
  ADJTrust  verdict;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(f->x, &u));
  PetscCall(VecDuplicate(f->theta, &thetabar));
  PetscCall(Reference(f, u, thetabar));
  PetscCall(VecDistance(f->x, u, &error));
  PetscCall(TapBelow(error, 1e-9, "%s: the steady state", name));
  PetscCall(ADJSolveAdjoint(f->adj, f->v, f->thetabar));
  PetscCall(ADJGetTrust(f->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict > 0), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(VecDistance(f->thetabar, thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: the gradient of the steady equation", name));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By march, or by other forward solvers, over one step or several */
static PetscErrorCode TestMarch(FlowForm form, TSType type, PetscReal end, PetscReal step, const char options[], Layout layout)
{
  Flow         f;
  PetscOptions opts;
  char         text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), OUTER "-adj_forward_snes_rtol 1e-12 %s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(FlowCreate(14, form, type, end, step, layout, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(Compare(&f, text));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user marches; the library takes the state over, with a flow map of one step */
static PetscErrorCode TestSolved(void)
{
  Flow         f;
  PetscOptions opts;
  PetscReal    time;
  PetscInt     steps;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(INNER OUTER, &opts));
  PetscCall(FlowCreate(14, FORM_IFUNCTION, TSBEULER, 100.0, 0.5, LAYOUT_UNEVEN, &f));
  PetscCall(TSSetMaxSteps(f.ts, 1));
  PetscCall(TSSetExactFinalTime(f.ts, TS_EXACTFINALTIME_STEPOVER));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(TSSetMaxSteps(f.ts, 1000));
  PetscCall(TSSolve(f.ts, f.x));
  PetscCall(ADJSetSolved(f.adj, f.theta, f.x));
  PetscCall(Compare(&f, "the user's own march"));
  PetscCall(TSGetTime(f.ts, &time));
  PetscCall(TSGetStepNumber(f.ts, &steps));
  PetscCall(TapOk((PetscBool)(steps == 200 && PetscAbsReal(time - 100.0) < 1e-9), "the TS is where the user left it: step %" PetscInt_FMT ", time %g", steps, (double)time));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without reaction the slowest mode, of lambda = -4 D/h^2 sin^2(pi h/2), decays by R(lambda dt) in each step */
static PetscErrorCode TestRadius(FlowForm form, TSType type, const char options[])
{
  Flow            f;
  PetscOptions    opts;
  const PetscReal h = 1.0 / 15.0, dt = 0.05, z = -dt * 4.0 * 0.05 / (h * h) * PetscSqr(PetscSinReal(0.5 * PETSC_PI * h));
  const PetscReal R = form == FORM_RHS ? 1.0 + z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0))) : (1.0 + 0.5 * z) / (1.0 - 0.5 * z);
  PetscReal       rho;
  ADJTrustReport  report;
  char            text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), OUTER "-adj_forward_snes_rtol 1e-12 -adj_eps_tol 1e-7 %s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(FlowCreate(14, form, type, 10 * dt, dt, LAYOUT_EVEN, &f));
  PetscCall(VecSetValue(f.theta, 1, 0.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(f.theta));
  PetscCall(VecAssemblyEnd(f.theta));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSetTrustLevel(f.adj, ADJ_TRUST_LEVEL_CERTIFY));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrustReport(f.adj, &report));
  rho = report.check[ADJ_CHECK_CONTRACTION].value;
  PetscCall(TapClose(rho, PetscPowReal(R, 10.0), 1e-6, "%s: spectral radius, R^10 = %g", type, (double)PetscPowReal(R, 10.0)));
  PetscCall(TapClose(rho, PetscExpReal(10.0 * z), 1e-3, "%s: about exp(lambda T)", type));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestMarch(FORM_IFUNCTION, TSBEULER, END, END, INNER, LAYOUT_EVEN));
  PetscCall(TestMarch(FORM_LOCAL_IFUNCTION, TSBEULER, END, STEP, INNER "-adj_forward_snes_type anderson", LAYOUT_LAST));
  PetscCall(TestMarch(FORM_LOCAL_RHS, TSCN, END, STEP, INNER "-adj_forward_snes_type newtonls -adj_forward_ksp_rtol 1e-6", LAYOUT_EMPTY));
  PetscCall(TestMarch(FORM_RHS, TSRK, 0.5, 0.025, "-ts_rk_type 4 -ts_adapt_type none", LAYOUT_UNEVEN));
  PetscCall(TestSolved());
  PetscCall(TestRadius(FORM_IFUNCTION, TSCN, INNER));
  PetscCall(TestRadius(FORM_RHS, TSRK, "-ts_rk_type 4 -ts_adapt_type none"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
