static char help[] = "Type auto: a short Neumann series where it does, else the Krylov solver, from where the series got.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

static PetscErrorCode Begin(const char options[], Spectrum spectrum, PetscReal rho, Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_forward_snes_rtol 1e-13 -adj_forward_snes_atol 1e-14", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 12, LAYOUT_UNEVEN, 5, LAYOUT_EMPTY, spectrum, rho, p));
  p->s = 0.01;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether ADJView() says so; the first process alone gets its text */
static PetscErrorCode Says(ADJ adj, const char text[], PetscBool *says)
{
  char       *buffer = NULL, *found = NULL;
  size_t      size = 0;
  FILE       *file = open_memstream(&buffer, &size);
  PetscViewer viewer;
  PetscMPIInt there;

  PetscFunctionBeginUser;
  PetscCall(PetscViewerASCIIOpenWithFILE(PETSC_COMM_WORLD, file, &viewer));
  PetscCall(ADJView(adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  fclose(file);
  PetscCall(PetscStrstr(buffer, text, &found));
  there = found != NULL;
  PetscCallMPI(MPI_Bcast(&there, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  *says = there ? PETSC_TRUE : PETSC_FALSE;
  free(buffer);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The series, with an error as asked: the smallest number of terms that meets it is not undercut, nor exceeded by much */
static PetscErrorCode TestSeries(PetscReal rho, PetscReal rtol)
{
  Problem            p, q;
  char               options[96], neumann[96];
  PetscReal          error;
  PetscInt           terms;
  PetscBool          says;
  KSPConvergedReason reason;
  ADJTrust           verdict;
  ADJCounters        n;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_type auto -adj_gradient_rtol %g -adj_auto_max_terms 60", (double)rtol));
  PetscCall(Begin(options, SPECTRUM_REAL, rho, &p));
  PetscCall(Begin("-adj_ksp_rtol 1e-13", SPECTRUM_REAL, rho, &q));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetAdjointReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason == KSP_CONVERGED_ITERATING), "rho %g, %s: no linear solve", (double)rho, options));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, rtol, "rho %g, %s: the error", (double)rho, options));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "rho %g, %s: verdict %s", (double)rho, options, ADJTrusts[verdict]));
  PetscCall(Says(p.adj, "chosen: Neumann series", &says));
  PetscCall(TapOk(says, "it says so"));
  PetscCall(ADJGetAdjointIterations(p.adj, &terms));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.vjp_x == terms + 1), "%" PetscInt_FMT " products for power %" PetscInt_FMT, n.vjp_x, terms));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  if (terms > 3) { /* a few terms less would not have done */
    PetscCall(PetscSNPrintf(neumann, sizeof(neumann), "-adj_trust_action ignore -adj_type neumann -adj_neumann_terms %" PetscInt_FMT, terms - 3));
    PetscCall(ProblemDestroy(&p));
    PetscCall(Begin(neumann, SPECTRUM_REAL, rho, &p));
    PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
    PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
    PetscCall(TapOk((PetscBool)(error > 0.02 * rtol), "rho %g, rtol %g: power %" PetscInt_FMT " is not far more than needed, with 3 less the error is %g", (double)rho, (double)rtol, terms, (double)error));
  }
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Slow contraction: it gives up after a few terms, and the solver starts from them */
static PetscErrorCode TestHandOver(void)
{
  Problem            p, q;
  PetscReal          error;
  PetscInt           its, cold;
  PetscBool          says;
  KSPConvergedReason reason;
  ADJCounters        n;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type auto", SPECTRUM_PAIRS, 0.9, &p));
  PetscCall(Begin("-adj_type implicit", SPECTRUM_PAIRS, 0.9, &q));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetAdjointReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "rho 0.9: a linear solve, %s", KSPConvergedReasons[reason]));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, 1e-6, "rho 0.9: the gradient of type implicit"));
  PetscCall(ADJGetAdjointIterations(p.adj, &its));
  PetscCall(ADJGetAdjointIterations(q.adj, &cold));
  PetscCall(TapOk((PetscBool)(its <= cold), "%" PetscInt_FMT " iterations after the series, %" PetscInt_FMT " without it", its, cold));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.vjp_x <= its + 6), "%" PetscInt_FMT " products in all", n.vjp_x));
  PetscCall(Says(p.adj, "chosen: Krylov solver", &says));
  PetscCall(TapOk(says, "it says so"));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJSolveTangent(q.adj, q.thetadot, q.xdot));
  PetscCall(VecDistance(p.xdot, q.xdot, &error));
  PetscCall(TapBelow(error, 1e-6, "rho 0.9: the tangent of type implicit"));
  PetscCall(VecSet(p.v, 0.0));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecNorm(p.thetabar, NORM_2, &error));
  PetscCall(TapOk((PetscBool)(error == 0.0), "zero is zero"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* rho > 1, the fixed point found by Newton's method: the series is left at once */
static PetscErrorCode TestExpansion(void)
{
  Problem            p, q;
  PetscReal          error;
  KSPConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type auto -adj_forward_snes_type newtonls -adj_trust_contraction false -adj_ksp_rtol 1e-12", SPECTRUM_CLUSTER, 1.4, &p));
  PetscCall(Begin("-adj_type implicit -adj_forward_snes_type newtonls -adj_trust_contraction false -adj_ksp_rtol 1e-12", SPECTRUM_CLUSTER, 1.4, &q));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJGetAdjointReason(p.adj, &reason));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapOk((PetscBool)(reason > 0), "rho 1.4: a linear solve"));
  PetscCall(TapBelow(error, 1e-9, "rho 1.4: the gradient of type implicit"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* B^T v = 0, as when the objective does not see what theta acts upon: a zero that is not the gradient ends no series */
static PetscErrorCode TestFarFromParameters(void)
{
  Problem   p, q;
  PetscInt  lo, hi;
  PetscReal error, norm;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type auto", SPECTRUM_REAL, 0.3, &p));
  PetscCall(Begin("-adj_ksp_rtol 1e-13", SPECTRUM_REAL, 0.3, &q));
  for (PetscInt i = 0; i < 2; i++) {
    Problem *r = i ? &q : &p;

    PetscCall(MatGetOwnershipRange(r->B, &lo, &hi));
    PetscCall(MatZeroRows(r->B, lo <= 0 && 0 < hi ? 1 : 0, (const PetscInt[]){0}, 0.0, NULL, NULL));
    PetscCall(VecSet(r->v, 0.0));
    if (lo <= 0 && 0 < hi) PetscCall(VecSetValue(r->v, 0, 1.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(r->v));
    PetscCall(VecAssemblyEnd(r->v));
    PetscCall(ADJSolve(r->adj, r->theta, r->x));
    PetscCall(ADJSolveAdjoint(r->adj, r->v, r->thetabar));
  }
  PetscCall(VecNorm(q.thetabar, NORM_2, &norm));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapOk((PetscBool)(norm > 1e-3 && error < 1e-7), "theta acts elsewhere than the objective looks: error %g", (double)error));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A loose tolerance of the gradient is worth something after the hand-over too, and is met */
static PetscErrorCode TestLoose(void)
{
  Problem        p, q;
  PetscReal      error, rtol;
  PetscInt       its, tight;
  KSP            ksp;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type auto -adj_gradient_rtol 1e-3", SPECTRUM_PAIRS, 0.95, &p));
  PetscCall(Begin("-adj_type auto -adj_ksp_rtol 1e-12", SPECTRUM_PAIRS, 0.95, &q));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJGetAdjointIterations(p.adj, &its));
  PetscCall(ADJGetAdjointIterations(q.adj, &tight));
  PetscCall(TapOk((PetscBool)(its > 0 && its < tight), "rtol 1e-3: %" PetscInt_FMT " iterations, %" PetscInt_FMT " for 1e-12", its, tight));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, 1e-3, "rtol 1e-3: the error"));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_GRADIENT].status == ADJ_CHECK_PASSED), "rtol 1e-3: verdict %s, estimated error %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_GRADIENT].value));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
  PetscCall(TapOk((PetscBool)(rtol == (PetscReal)1e-8), "the solver has its own tolerance back"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A nilpotent dF/dx that amplifies: the terms grow, and the solver does not start from their sum */
static PetscErrorCode TestGrowth(void)
{
  Problem   p, q;
  PetscInt  lo, hi;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(Begin("-adj_type auto -adj_forward_snes_divergence_tolerance 1e30", SPECTRUM_ZERO, 0.0, &p));
  PetscCall(Begin("-adj_type implicit -adj_forward_snes_divergence_tolerance 1e30", SPECTRUM_ZERO, 0.0, &q));
  for (PetscInt k = 0; k < 2; k++) {
    Problem *r = k ? &q : &p;

    r->s = 0.0;
    PetscCall(MatGetOwnershipRange(r->A, &lo, &hi));
    for (PetscInt i = lo; i < PetscMin(hi, 5); i++) PetscCall(MatSetValue(r->A, i, i + 1, 30.0, INSERT_VALUES));
    PetscCall(MatAssemblyBegin(r->A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(r->A, MAT_FINAL_ASSEMBLY));
    PetscCall(ADJSolve(r->adj, r->theta, r->x));
    PetscCall(ADJSolveAdjoint(r->adj, r->v, r->thetabar));
    PetscCall(ADJSolveTangent(r->adj, r->thetadot, r->xdot));
  }
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, 1e-6, "terms that grow: the gradient of type implicit"));
  PetscCall(VecDistance(p.xdot, q.xdot, &error));
  PetscCall(TapBelow(error, 1e-6, "terms that grow: the tangent of type implicit"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestSeries(0.05, 1e-2));
  PetscCall(TestSeries(0.1, 1e-4));
  PetscCall(TestSeries(0.3, 1e-8));
  PetscCall(TestSeries(0.5, 1e-3));
  PetscCall(TestSeries(0.5, 1e-8));
  PetscCall(TestHandOver());
  PetscCall(TestExpansion());
  PetscCall(TestLoose());
  PetscCall(TestGrowth());
  PetscCall(TestFarFromParameters());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
