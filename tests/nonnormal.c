static char help[] = "A = [[a, 50], [0, a]], a = 1/2: the spectral radius is small, the inverse of I - A is not.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define COUPLING 50.0

/* Block k has a = 1/(2 + k); the blocks straddle the processes. B = I, c = 0 */
static PetscErrorCode FillBlocks(Problem *p)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatZeroEntries(p->A));
  PetscCall(MatZeroEntries(p->B));
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(p->A, i, i, 1.0 / (2 + i / 2), INSERT_VALUES));
    if (i % 2 == 0) PetscCall(MatSetValue(p->A, i, i + 1, COUPLING, INSERT_VALUES));
    PetscCall(MatSetValue(p->B, i, i, 1.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->B, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M^-T v in closed form, v = (1, 0, 1, 0, ...): (1/(1-a), 50/(1-a)^2) */
static PetscErrorCode ClosedForm(Vec v, Vec w)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal b = 1.0 / (1.0 - 1.0 / (2 + i / 2));

    PetscCall(VecSetValue(v, i, i % 2 ? 0.0 : 1.0, INSERT_VALUES));
    PetscCall(VecSetValue(w, i, i % 2 ? COUPLING * b * b : b, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyBegin(w));
  PetscCall(VecAssemblyEnd(v));
  PetscCall(VecAssemblyEnd(w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBlocks(PetscInt nblocks, Layout layout)
{
  Problem        p;
  Vec            w;
  PetscReal      error, rho;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 2 * nblocks, layout, 2 * nblocks, layout, SPECTRUM_ZERO, 0.0, &p));
  PetscCall(FillBlocks(&p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.v, &w));
  PetscCall(ClosedForm(p.v, w));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDistance(p.thetabar, w, &error));
  PetscCall(TapBelow(error, 1e-12, "%" PetscInt_FMT " blocks: gradient against the closed form", nblocks));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapClose(rho, 0.5, 1e-3, "%" PetscInt_FMT " blocks: spectral radius 1/2", nblocks));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " blocks: verdict %s", nblocks, ADJTrusts[report.verdict]));
  PetscCall(VecNorm(w, NORM_2, &error));
  PetscCall(TapClose(report.check[ADJ_CHECK_AMPLIFICATION].value, error / PetscSqrtReal(nblocks), 1e-6, "%" PetscInt_FMT " blocks: amplification |w|/|v|", nblocks));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_AMPLIFICATION].value > 100.0 * rho), "%" PetscInt_FMT " blocks: it shows what the spectral radius hides", nblocks));

  /* |M| and |M^-1| of one block: sigma_max + sigma_min = sqrt(1 + 2500), sigma_max sigma_min = 1/4 */
  error = 0.5 * (PetscSqrtReal(1.0 + PetscSqr(COUPLING)) + COUPLING);
  if (nblocks == 1) PetscCall(TapClose(report.check[ADJ_CHECK_CONDITIONING].value, 4.0 * PetscSqr(error), 1e-6, "condition number %g", (double)(4.0 * PetscSqr(error))));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_CONDITIONING].value > 1e3 && report.check[ADJ_CHECK_CONDITIONING].status == ADJ_CHECK_PASSED), "%" PetscInt_FMT " blocks: conditioning large, yet far from singular", nblocks));
  PetscCall(VecDestroy(&w));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -1/2 and a 1 beside it: 1.2 passes for an eigenvalue unless one looks closely, but the iteration converges */
static PetscErrorCode TestChain(PetscInt n)
{
  Problem   p;
  SNES      snes;
  EPS       eps;
  PetscInt  lo, hi;
  PetscReal rho;
  ADJTrust  verdict;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, LAYOUT_EVEN, n, LAYOUT_EVEN, SPECTRUM_ZERO, 0.0, &p));
  PetscCall(MatZeroEntries(p.A));
  PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(p.A, i, i, -0.5, INSERT_VALUES));
    if (i + 1 < n) PetscCall(MatSetValue(p.A, i, i + 1, 1.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.A, MAT_FINAL_ASSEMBLY));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESSetDivergenceTolerance(snes, 1e20));
  PetscCall(ADJGetEPS(p.adj, &eps));
  PetscCall(EPSSetTolerances(eps, 0.1, 1000));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "chain of %" PetscInt_FMT ": the adjoint returns", n));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "chain of %" PetscInt_FMT ": verdict %s, spectral radius %g", n, ADJTrusts[verdict], (double)rho));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsInsertString(NULL, "-adj_ksp_rtol 1e-14 -adj_eps_tol 1e-8"));
  PetscCall(TapBegin());
  PetscCall(TestBlocks(1, LAYOUT_EVEN));
  PetscCall(TestBlocks(5, LAYOUT_UNEVEN));
  PetscCall(TestBlocks(5, LAYOUT_EMPTY));
  PetscCall(TestChain(18));
  PetscCall(TestChain(20));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
