static char help[] = "The linear solves inside of TSAdjointSolve(): loose ones are tightened, wrong ones are seen by the verdict.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include "ts_problems.h"

#define COMMON "-adj_forward_snes_type newtonls -adj_forward_ksp_rtol 1e-3 -adj_ksp_rtol 1e-10 -snes_rtol 1e-12 -snes_atol 1e-11 "

/* An orbit, and its gradient by LU; then that with other inner solvers, at the same state */
static PetscErrorCode Begin(const char options[], FlowForm form, PetscOptions *opts, Flow *f)
{
  char text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), COMMON "%s", options));
  PetscCall(OptionsBegin(text, opts));
  PetscCall(FlowCreate(20, form, TSCN, 1.0, 0.1, LAYOUT_LAST, f));
  f->period = 1.0;
  PetscCall(FlowCreateADJ(f));
  PetscCall(ADJSetFromOptions(f->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(PetscOptions *opts, Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(FlowDestroy(f));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Gradient(Vec *gradient)
{
  Flow         f;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(Begin("-ksp_type preonly -pc_type redundant -adj_forward_snes_rtol 1e-12", FORM_IFUNCTION, &opts, &f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDuplicate(f.thetabar, gradient));
  PetscCall(VecCopy(f.thetabar, *gradient));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRight(Vec gradient, const char options[], PetscReal expected)
{
  Flow           f;
  PetscOptions   opts;
  ADJTrustReport report;
  PetscReal      error, rtol;
  SNES           snes;
  KSP            ksp;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, FORM_IFUNCTION, &opts, &f));
  PetscCall(TSGetSNES(f.ts, &snes));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSetTrustLevel(f.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
  PetscCall(VecDistance(f.thetabar, gradient, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: the gradient by LU", options));
  PetscCall(TapOk((PetscBool)(rtol == expected || expected == 0.0), "%s: the tolerance is the user's again", options));
  PetscCall(ADJSetTrustLevel(f.adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrustReport(f.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict > 0), "%s: verdict %s", options, ADJTrusts[report.verdict]));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton's method forgives what an adjoint does not */
static PetscErrorCode TestWrong(Vec gradient, const char options[])
{
  Flow         f;
  PetscOptions opts;
  ADJTrust     verdict;
  PetscReal    error;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, FORM_IFUNCTION, &opts, &f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSetTrustAction(f.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrust(f.adj, &verdict));
  PetscCall(VecDistance(f.thetabar, gradient, &error));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_VJP && error > 1e-4), "%s: the gradient is off by %g, verdict %s", options, (double)error, ADJTrusts[verdict]));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Vec gradient;
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(Gradient(&gradient));
  PetscCall(TestRight(gradient, "-ksp_type gmres -pc_type bjacobi -ksp_rtol 1e-2 -snes_max_it 100", 1e-2));
  PetscCall(TestRight(gradient, "-ksp_type bcgs -pc_type jacobi -ksp_rtol 1e-2 -snes_max_it 100", 1e-2));
  PetscCall(TestRight(gradient, "-ksp_type gmres -pc_type bjacobi -snes_ksp_ew -snes_max_it 100", 0.0));
  PetscCall(TestRight(gradient, "-ksp_type gmres -pc_type bjacobi -snes_lag_jacobian 4 -snes_max_it 100", 1e-5));
  PetscCall(TestRight(gradient, "-ksp_type preonly -pc_type redundant -snes_lag_jacobian -2 -snes_max_it 100", 1e-5));
#if defined(PETSC_HAVE_MUMPS)
  PetscCall(TestRight(gradient, "-ksp_type preonly -pc_type lu -pc_factor_mat_solver_type mumps -snes_lag_preconditioner 1000 -snes_lag_preconditioner_persists -snes_max_it 100", 1e-5));
#else
  PetscCall(TapSkip("PETSc has no MUMPS"));
#endif
  PetscCall(TestWrong(gradient, "-ksp_type preonly -pc_type jacobi -snes_max_it 1000 -snes_linesearch_type basic"));
#if defined(PETSC_HAVE_HYPRE)
  PetscCall(TestWrong(gradient, "-ksp_type gmres -pc_type hypre"));
#else
  PetscCall(TapSkip("PETSc has no hypre"));
#endif
  PetscCall(VecDestroy(&gradient));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
