static char help[] = "Errors: adjoint and tangent solves that do not converge, or say so wrongly.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

static const ADJForm forms[] = {ADJ_FIXED_POINT, ADJ_RESIDUAL};

/* The same option for both linear solvers */
static PetscErrorCode CreateBoth(Faulty *p, ADJForm form, const char option[], const char more[])
{
  char options[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_%s -adj_tangent_%s %s", option, option, more));
  PetscCall(FaultyCreate(p, form, 12, options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solver's reason says how it ended; the verdict does not depend on it */
static PetscErrorCode TapLinear(Faulty *p, PetscBool claims, const char what[])
{
  KSPConvergedReason adjoint, tangent;

  PetscFunctionBeginUser;
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(FaultyTapRefused(p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  PetscCall(FaultyTapRefused(p, ADJ_PHASE_TANGENT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  PetscCall(ADJGetAdjointReason(p->adj, &adjoint));
  PetscCall(ADJGetTangentReason(p->adj, &tangent));
  PetscCall(TapOk((PetscBool)((adjoint > 0) == claims && (tangent > 0) == claims), "%s: the solvers %s", what, claims ? "say that they have converged" : "say that they have not"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without the estimates the reason alone counts */
static PetscErrorCode TapReasonAlone(Faulty *p, PetscBool claims, const char what[])
{
  PetscReal residual;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(p->adj, ADJ_TRUST_LEVEL_NONE));
  if (claims) {
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s, level none: gradient", what));
    PetscCall(FaultyTapTrust(p, ADJ_TRUST_UNVERIFIED, what));
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveTangent(p->adj, p->thetadot, p->xdot), "%s, level none: tangent", what));
    PetscCall(FaultyTapTrust(p, ADJ_TRUST_UNVERIFIED, what));
  } else {
    PetscCall(FaultyTapRefused(p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
    PetscCall(FaultyTapRefused(p, ADJ_PHASE_TANGENT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  }
  PetscCall(ADJGetAdjointResidual(p->adj, &residual));
  PetscCall(TapOk((PetscBool)(residual < 0.0), "%s, level none: the true residual is not known", what));
  PetscCall(ADJSetTrustLevel(p->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBadSolver(ADJForm form, const char option[], const char more[], PetscBool claims)
{
  Faulty p;
  char   what[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, -%s %s", ADJForms[form], option, more));
  PetscCall(CreateBoth(&p, form, option, more));
  PetscCall(TapLinear(&p, claims, what));
  PetscCall(TapReasonAlone(&p, claims, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More iterations make everything good */
static PetscErrorCode TestTooFewIterations(ADJForm form)
{
  Faulty p;
  KSP    ksp;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, two iterations", ADJForms[form]));
  PetscCall(CreateBoth(&p, form, "ksp_max_it 2", ""));
  PetscCall(TapLinear(&p, PETSC_FALSE, what));
  PetscCall(TapReasonAlone(&p, PETSC_FALSE, what));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, 1000));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The fixed-point adjoint where dF/dx has the eigenvalue -1.5, and Newton's method has found the fixed point */
static PetscErrorCode TestRichardson(void)
{
  Faulty p;
  KSP    ksp;

  PetscFunctionBeginUser;
  PetscCall(CreateBoth(&p, ADJ_FIXED_POINT, "ksp_type richardson", "-adj_forward_snes_type newtonls -adj_trust_contraction false"));
  PetscCall(FaultySetEntry(p.d, 3, 2.5));
  PetscCall(TapLinear(&p, PETSC_FALSE, "richardson that diverges"));
  PetscCall(TapReasonAlone(&p, PETSC_FALSE, "richardson that diverges"));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPSetType(ksp, KSPGMRES));
  PetscCall(KSPSetComputeSingularValues(ksp, PETSC_TRUE));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "another solver after richardson"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Almost all of the residual is hidden from the preconditioned norm */
static PetscErrorCode HideResidual(PC pc, Vec x, Vec y)
{
  Vec weights;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &weights));
  PetscCall(VecPointwiseMult(y, weights, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetHidingPC(KSP ksp, Vec weights)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetContext(pc, weights));
  PetscCall(PCShellSetApply(pc, HideResidual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestPreconditionedNorm(ADJForm form)
{
  Faulty p;
  Vec    weights;
  KSP    ksp;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, norm of a terrible preconditioner", ADJForms[form]));
  PetscCall(CreateBoth(&p, form, "ksp_norm_type preconditioned", "-adj_ksp_pc_side left -adj_tangent_ksp_pc_side left"));
  PetscCall(VecDuplicate(p.x, &weights));
  PetscCall(VecSet(weights, 1e-12));
  PetscCall(FaultySetEntry(weights, 2, 1.0));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetUp(p.adj));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(SetHidingPC(ksp, weights));
  PetscCall(ADJGetTangentKSP(p.adj, &ksp));
  PetscCall(SetHidingPC(ksp, weights));
  PetscCall(TapLinear(&p, PETSC_TRUE, what));
  PetscCall(TapReasonAlone(&p, PETSC_TRUE, what));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  PetscCall(VecSet(weights, 1.0));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(VecDestroy(&weights));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A loose tolerance is the user's; a solver that did nothing is not within it */
static PetscErrorCode TestNothingDone(ADJForm form, const char rtol[])
{
  Faulty p;
  char   what[128], option[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, nothing done at rtol %s", ADJForms[form], rtol));
  PetscCall(PetscSNPrintf(option, sizeof(option), "ksp_rtol %s", rtol));
  PetscCall(CreateBoth(&p, form, option, "-adj_ksp_convergence_test skip -adj_ksp_max_it 0 -adj_ksp_norm_type none -adj_tangent_ksp_convergence_test skip -adj_tangent_ksp_max_it 0 -adj_tangent_ksp_norm_type none"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_TANGENT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_LINEAR, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(TestTooFewIterations(forms[i]));
    PetscCall(TestBadSolver(forms[i], "ksp_max_it 1", "-adj_ksp_type bcgs -adj_tangent_ksp_type bcgs", PETSC_FALSE));
    PetscCall(TestBadSolver(forms[i], "ksp_max_it 3", "-adj_ksp_norm_type none -adj_tangent_ksp_norm_type none", PETSC_FALSE));
    PetscCall(TestBadSolver(forms[i], "ksp_max_it 3", "-adj_ksp_type richardson -adj_tangent_ksp_type richardson -adj_ksp_norm_type none -adj_tangent_ksp_norm_type none", PETSC_TRUE));
    PetscCall(TestBadSolver(forms[i], "ksp_max_it 3", "-adj_ksp_convergence_test skip -adj_tangent_ksp_convergence_test skip", PETSC_TRUE));
    PetscCall(TestPreconditionedNorm(forms[i]));
    PetscCall(TestNothingDone(forms[i], "1e-8"));
    PetscCall(TestNothingDone(forms[i], "0.5"));
  }
  PetscCall(TestRichardson());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
