static char help[] = "Errors: NaN on one process is a refusal on all, wherever it arises.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

#define EVER 1000000000

/*
   In the map, from a call on: the forward solve fails, and nothing is computed for the derivative.
   A trust region method may turn a trial point down where the residual is not finite, until the region is too small:
   then all that is known of the last iterate is that it is no solution.
*/
static PetscErrorCode TestMap(ADJForm form, PetscInt first, const char options[])
{
  Faulty              p;
  SNESConvergedReason reason;
  ADJCounters         before, after;
  ADJTrust            verdict = ADJ_TRUST_REFUTED_NOT_FINITE;
  PetscErrorCode      code    = PETSC_ERR_FP;
  char                what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, NaN in the map from call %" PetscInt_FMT " on %s", ADJForms[form], first, options));
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(FaultyArm(&p, IN_MAP, first, EVER, PETSC_SUCCESS));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "%s: the forward solve returns", what));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason < 0), "%s: it did not converge", what));
  PetscCall(ADJGetCounters(p.adj, &before));
  if (reason == SNES_DIVERGED_TR_DELTA) {
    verdict = ADJ_TRUST_REFUTED_FORWARD;
    code    = PETSC_ERR_NOT_CONVERGED;
  }
  PetscCall(FaultyArm(&p, NOWHERE, 0, 0, PETSC_SUCCESS));
  PetscCall(TapError(code, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: no gradient", what));
  PetscCall(FaultyTapTrust(&p, verdict, what));
  PetscCall(TapError(code, ADJSolveTangent(p.adj, p.thetadot, p.xdot), "%s: no tangent", what));
  PetscCall(FaultyTapTrust(&p, verdict, what));
  PetscCall(ADJGetCounters(p.adj, &after));
  PetscCall(TapOk((PetscBool)(p.calls[IN_VJP_X] + p.calls[IN_VJP_THETA] + p.calls[IN_JVP_X] + p.calls[IN_JVP_THETA] + p.calls[IN_MAP] == 0 && after.vjp_x + after.vjp_theta == before.vjp_x + before.vjp_theta), "%s: nothing was computed", what));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, code, verdict, what));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_TANGENT, code, verdict, what));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the arguments of the forward solve */
static PetscErrorCode TestArguments(ADJForm form)
{
  Faulty p;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, ""));
  PetscCall(FaultyPoison(p.x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "%s, NaN in the initial guess: the forward solve returns", ADJForms[form]));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_FP, ADJ_TRUST_REFUTED_NOT_FINITE, "NaN in the initial guess"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after NaN in the initial guess"));
  PetscCall(FaultyPoison(p.theta));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "%s, NaN in the parameters: the forward solve returns", ADJForms[form]));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_FP, ADJ_TRUST_REFUTED_NOT_FINITE, "NaN in the parameters"));
  PetscCall(FaultyRamp(p.theta, 1.0, 2.0));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after NaN in the parameters"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In a product, from a call on */
static PetscErrorCode TestProduct(ADJForm form, ADJPhase phase, FaultyPlace place, PetscInt first, const char name[], const char options[], ADJTrust good)
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, NaN in the %s from call %" PetscInt_FMT " on %s", ADJForms[form], name, first, options));
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyArm(&p, place, first, EVER, PETSC_SUCCESS));
  PetscCall(FaultyTapRefused(&p, phase, PETSC_ERR_FP, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(FaultyTapGood(&p, good, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `good` is the verdict when nothing fails: without singular values the conditioning stays open */
static PetscErrorCode TestProducts(ADJForm form, const char options[], ADJTrust good)
{
  PetscFunctionBeginUser;
  PetscCall(TestProduct(form, ADJ_PHASE_ADJOINT, IN_VJP_X, 1, "VJP in x", options, good));
  PetscCall(TestProduct(form, ADJ_PHASE_ADJOINT, IN_VJP_X, 3, "VJP in x", options, good));
  PetscCall(TestProduct(form, ADJ_PHASE_ADJOINT, IN_VJP_THETA, 1, "VJP in theta", options, good));
  PetscCall(TestProduct(form, ADJ_PHASE_TANGENT, IN_JVP_X, 1, "JVP in x", options, good));
  PetscCall(TestProduct(form, ADJ_PHASE_TANGENT, IN_JVP_X, 3, "JVP in x", options, good));
  PetscCall(TestProduct(form, ADJ_PHASE_TANGENT, IN_JVP_THETA, 1, "JVP in theta", options, good));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In what is pulled back or pushed forward, also where the solver starts from its last solution */
static PetscErrorCode TestDirection(ADJForm form, const char options[], ADJTrust good)
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, NaN in the cotangent %s", ADJForms[form], options));
  PetscCall(FaultyPoison(p.xbar));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_FP, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(VecSet(p.xbar, 1.0));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: a good cotangent at the same state", what));
  PetscCall(FaultyTapTrustAtLeast(&p, good, what));
  PetscCall(FaultyTapGradient(&p, what));
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, NaN in the direction %s", ADJForms[form], options));
  PetscCall(FaultyPoison(p.thetadot));
  PetscCall(FaultyTapRefused(&p, ADJ_PHASE_TANGENT, PETSC_ERR_FP, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(VecSet(p.thetadot, 1.0));
  PetscCall(VecSet(p.xdot, 0.0));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveTangent(p.adj, p.thetadot, p.xdot), "%s: a good direction at the same state", what));
  PetscCall(FaultyTapTrustAtLeast(&p, good, what));
  PetscCall(FaultyTapGood(&p, good, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the partial derivatives of the objective, or in its value */
static PetscErrorCode TestObjective(ADJForm form, FaultyPlace place, const char name[])
{
  Faulty    p;
  PetscReal f, g = 0.0;
  char      what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, NaN in the objective's %s", ADJForms[form], name));
  PetscCall(FaultyCreate(&p, form, 12, ""));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(FaultyArm(&p, place, 1, EVER, PETSC_SUCCESS));
  PetscCall(TapError(PETSC_ERR_FP, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar), "%s: refused", what));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TapError(PETSC_SUCCESS, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar), "%s: the refusal is ignored", what));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(FaultyDisarm(&p));
  PetscCall(TapError(PETSC_SUCCESS, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar), "%s: the next one is good", what));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(FaultyGradient(&p, &g));
  PetscCall(VecShift(p.thetabar, -g - 1.0));
  PetscCall(VecNorm(p.thetabar, NORM_2, &f));
  PetscCall(TapBelow(f, 1e-6 * g, "%s: the next gradient is right", what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The products of the adjoint are good, those of the check of the contraction are not */
static PetscErrorCode TestContraction(ADJTrustAction action)
{
  Faulty      p;
  PetscInt    used;
  ADJTrust    verdict;
  ADJCounters before, after;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
  PetscCall(FaultyDisarm(&p));
  PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  used = p.calls[IN_VJP_X];
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_TRUE));
  PetscCall(ADJSetTrustAction(p.adj, action));
  PetscCall(FaultyArm(&p, IN_VJP_X, used + 1, EVER, PETSC_SUCCESS));
  PetscCall(TapError(action == ADJ_TRUST_ACTION_ERROR ? PETSC_ERR_FP : PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "NaN in the check of the contraction, action %s", ADJTrustActions[action]));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_NOT_FINITE), "NaN in the check of the contraction: the verdict is REFUTED_NOT_FINITE, not %s", ADJTrusts[verdict]));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after NaN in the check of the contraction"));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  PetscCall(ADJGetCounters(p.adj, &after));
  PetscCall(TapOk((PetscBool)(after.vjp_theta == before.vjp_theta + 1), "after NaN in the check of the contraction: the user's counters count"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int      failed;
  ADJForm  forms[] = {ADJ_FIXED_POINT, ADJ_RESIDUAL};
  ADJTrust open[]  = {ADJ_TRUST_ESTIMATED, ADJ_TRUST_UNVERIFIED};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(TestMap(forms[i], 1, ""));
    PetscCall(TestMap(forms[i], 2, ""));
    PetscCall(TestMap(forms[i], 2, "-adj_forward_snes_type newtonls"));
    PetscCall(TestMap(forms[i], 2, "-adj_forward_snes_type newtontr"));
    PetscCall(TestMap(forms[i], 2, "-adj_forward_snes_type anderson"));
    PetscCall(TestMap(forms[i], 2, "-adj_forward_snes_type qn"));
    PetscCall(TestArguments(forms[i]));
    PetscCall(TestProducts(forms[i], "", ADJ_TRUST_ESTIMATED));
    PetscCall(TestProducts(forms[i], "-adj_ksp_type bcgs -adj_tangent_ksp_type bcgs", open[i]));
    PetscCall(TestProducts(forms[i], "-adj_ksp_type richardson -adj_tangent_ksp_type richardson", open[i]));
    PetscCall(TestDirection(forms[i], "", ADJ_TRUST_ESTIMATED));
    PetscCall(TestDirection(forms[i], "-adj_ksp_type richardson -adj_tangent_ksp_type richardson", open[i]));
    PetscCall(TestDirection(forms[i], "-adj_ksp_type bcgs -adj_tangent_ksp_type bcgs", open[i]));
    PetscCall(TestDirection(forms[i], "-adj_ksp_initial_guess_nonzero", open[i]));
    PetscCall(TestDirection(forms[i], "-adj_ksp_type richardson -adj_ksp_initial_guess_nonzero", open[i]));
    PetscCall(TestDirection(forms[i], "-adj_ksp_type bcgs -adj_ksp_initial_guess_nonzero", open[i]));
    PetscCall(TestObjective(forms[i], IN_OBJECTIVE_X, "derivative in x"));
    PetscCall(TestObjective(forms[i], IN_OBJECTIVE_THETA, "derivative in theta"));
    PetscCall(TestObjective(forms[i], IN_OBJECTIVE_VALUE, "value"));
  }
  PetscCall(TestContraction(ADJ_TRUST_ACTION_ERROR));
  PetscCall(TestContraction(ADJ_TRUST_ACTION_IGNORE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
