static char help[] = "Errors: fixed points that repel, and singular operators.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

#define N 100
#define K 7

/* Refused as singular, or because the linear solve did not converge; the error code belongs to the verdict */
static PetscErrorCode TapSingular(Faulty *p, const char what[])
{
  PetscErrorCode code;
  ADJTrust       verdict, again;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: the refusal is ignored", what));
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_SINGULAR || verdict == ADJ_TRUST_REFUTED_LINEAR || verdict == ADJ_TRUST_REFUTED_CONTRACTION), "%s: the verdict is a refusal, not %s", what, ADJTrusts[verdict]));
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_ERROR));
  code = verdict == ADJ_TRUST_REFUTED_LINEAR ? PETSC_ERR_NOT_CONVERGED : PETSC_ERR_CONV_FAILED;
  PetscCall(TapError(code, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: the gradient is refused", what));
  PetscCall(ADJGetTrust(p->adj, &again));
  PetscCall(TapOk((PetscBool)(verdict == again), "%s: by the same verdict, %s", what, ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A repelling fixed point was found all the same: by starting there, or by Newton's method */
static PetscErrorCode TestRepelling(const char options[], PetscReal entry, PetscBool exact)
{
  Faulty              p;
  PetscScalar         sum;
  SNESConvergedReason reason;
  PetscReal           rho;
  char                what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "dF/dx has the eigenvalue %g, %s", (double)(1.0 - entry), exact ? "started at the fixed point" : options));
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, N, options));
  if (exact) PetscCall(VecSet(p.d, 0.5)); /* then the residual at the fixed point is 0 in floating-point numbers too */
  PetscCall(FaultySetEntry(p.d, K, entry));
  PetscCall(VecSet(p.theta, exact ? 1.0 : 2.0));
  if (exact) {
    PetscCall(VecSum(p.theta, &sum));
    PetscCall(VecSet(p.x, sum));
    PetscCall(VecPointwiseDivide(p.x, p.x, p.d));
  }
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s: the forward solve converges", what));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_CONV_FAILED, ADJ_TRUST_REFUTED_CONTRACTION, what));
  PetscCall(FaultyTapGradient(&p, "the derivative that was refused"));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_TANGENT, PETSC_ERR_CONV_FAILED, ADJ_TRUST_REFUTED_CONTRACTION, what));
  PetscCall(ADJGetContraction(p.adj, &rho, NULL));
  PetscCall(TapClose(rho, PetscAbsReal(1.0 - entry), 1e-3, "%s: its size", what));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: taken where no contraction is required", what));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_TRUE));
  PetscCall(FaultySetEntry(p.d, K, 0.5));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M = diag(d) with d_K = 0: x_K is free. `ck` is what the parameters do to equation K, `vk` the cotangent's part along x_K */
static PetscErrorCode CreateSingular(Faulty *p, ADJForm form, PetscScalar dk, PetscScalar ck, PetscScalar vk, const char options[])
{
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(p, form, N, options));
  PetscCall(FaultySetEntry(p->d, K, dk));
  PetscCall(FaultySetEntry(p->c, K, ck));
  PetscCall(FaultyRamp(p->xbar, 1.0, 3.0));
  PetscCall(FaultySetEntry(p->xbar, K, vk));
  PetscCall(VecSet(p->theta, 0.0)); /* a state exists for sum(theta) = 0, whatever c_K is */
  PetscCall(FaultyRamp(p->x, 1.0, 2.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJGetForwardReason(p->adj, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s %s: the forward solve of a singular problem converges", ADJForms[form], options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The objective depends on x_K, which nothing determines */
static PetscErrorCode TestInconsistent(ADJForm form, PetscScalar dk, const char options[])
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  for (PetscInt ck = 0; ck < 2; ck++) {
    PetscCall(CreateSingular(&p, form, dk, (PetscScalar)ck, 1.0, options));
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s, d_K = %g, objective depends on the null vector, c_K = %" PetscInt_FMT, ADJForms[form], options, (double)PetscRealPart(dk), ck));
    PetscCall(TapSingular(&p, what));
    PetscCall(FaultyDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* It does not, but the state exists for some parameters only: what GMRES finds is one of many */
static PetscErrorCode TestConsistent(ADJForm form, const char options[], PetscBool seen)
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(CreateSingular(&p, form, 0.0, 1.0, 0.0, options));
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s, objective does not depend on the null vector, c_K = 1", ADJForms[form], options));
  if (seen) {
    ADJTrust verdict;

    PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: the gradient is refused", what));
    PetscCall(ADJGetTrust(p.adj, &verdict));
    PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_SINGULAR), "%s: for its eigenvalue 1", what));
  } else
    PetscCall(TapSkip("in residual form the null vector is not seen by a Krylov space that starts in the range"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int         failed;
  const char *solvers[] = {"", "-adj_ksp_type cg", "-adj_ksp_type bcgs", "-adj_ksp_type minres -adj_ksp_max_it 500", "-adj_ksp_gmres_restart 200", "-adj_ksp_rtol 1e-4"};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestRepelling("", 2.5, PETSC_TRUE));
  PetscCall(TestRepelling("", -0.5, PETSC_TRUE));
  PetscCall(TestRepelling("-adj_forward_snes_type newtonls", 2.5, PETSC_FALSE));
  PetscCall(TestRepelling("-adj_forward_snes_type newtonls", -0.5, PETSC_FALSE));
  for (PetscInt i = 0; i < 6; i++) PetscCall(TestInconsistent(ADJ_RESIDUAL, 0.0, solvers[i]));
  PetscCall(TestInconsistent(ADJ_RESIDUAL, 1e-17, ""));
  PetscCall(TestInconsistent(ADJ_RESIDUAL, 1e-17, "-adj_ksp_type cg"));
  PetscCall(TestInconsistent(ADJ_FIXED_POINT, 0.0, ""));
  PetscCall(TestInconsistent(ADJ_FIXED_POINT, 0.0, "-adj_trust_contraction false"));
  PetscCall(TestConsistent(ADJ_RESIDUAL, "", PETSC_FALSE));
  PetscCall(TestConsistent(ADJ_FIXED_POINT, "", PETSC_TRUE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
