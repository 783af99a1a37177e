static char help[] = "Errors: an error of a user's function comes out with its code, and leaves a context that works.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

#define EVER PETSC_MAX_INT

static const PetscErrorCode code = PETSC_ERR_USER_INPUT; /* of no function of the library */

/* The context solves, counts on the user's account, and refuses what it should */
static PetscErrorCode TapSane(Faulty *p, const char what[])
{
  ADJCounters before, after;

  PetscFunctionBeginUser;
  PetscCall(FaultyTapGood(p, ADJ_TRUST_ESTIMATED, what));
  PetscCall(ADJGetCounters(p->adj, &before));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: one more gradient", what));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveTangent(p->adj, p->thetadot, p->xdot), "%s: one more tangent", what));
  PetscCall(ADJGetCounters(p->adj, &after));
  PetscCall(TapOk((PetscBool)(after.vjp_theta == before.vjp_theta + 1 && after.jvp > before.jvp && after.map > before.map), "%s: the user's counters count", what));
  PetscCall(FaultyPoison(p->xbar));
  PetscCall(TapError(PETSC_ERR_FP, ADJSolveAdjoint(p->adj, p->xbar, p->thetabar), "%s: a bad gradient is refused", what));
  PetscCall(VecSet(p->xbar, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestForward(ADJForm form, FaultyPlace place, PetscInt first, const char options[], const char name[])
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s, error in %s, call %" PetscInt_FMT, ADJForms[form], options, name, first));
  PetscCall(FaultyCreate(&p, form, 12, options));
  PetscCall(FaultyArm(&p, place, first, EVER, code));
  for (PetscInt again = 0; again < 3; again++) {
    PetscCall(FaultyArm(&p, place, first, EVER, code));
    PetscCall(TapError(code, ADJSolve(p.adj, p.theta, p.x), "%s: ADJSolve()", what));
  }
  PetscCall(FaultyDisarm(&p));
  if (place != IN_MONITOR) PetscCall(FaultyTapRefused(&p, ADJ_PHASE_ADJOINT, PETSC_ERR_NOT_CONVERGED, ADJ_TRUST_REFUTED_FORWARD, what));
  PetscCall(TapSane(&p, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivative(ADJForm form, ADJPhase phase, FaultyPlace place, PetscInt first, const char name[])
{
  Faulty p;
  char   what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, error in %s, call %" PetscInt_FMT, ADJForms[form], name, first));
  PetscCall(FaultyCreate(&p, form, 12, first == 1 ? "" : "-adj_trust_action ignore"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyArm(&p, place, first, EVER, code));
  for (PetscInt again = 0; again < 3; again++) { /* PETSc's own KSP does not survive the second */
    PetscCall(FaultyArm(&p, place, first, EVER, code));
    PetscCall(TapError(code, FaultyDerivative(&p, phase), "%s: the derivative", what));
  }
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_ERROR));
  if (place != IN_MONITOR) PetscCall(FaultyTapTrust(&p, ADJ_TRUST_NONE, what));
  PetscCall(FaultyDisarm(&p));
  PetscCall(TapError(PETSC_SUCCESS, FaultyDerivative(&p, phase), "%s: the derivative at the same state", what));
  PetscCall(TapSane(&p, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the check of the contraction, at the first state and at a later one */
static PetscErrorCode TestContraction(PetscBool later)
{
  Faulty      p;
  PetscInt    used;
  PetscReal   rho;
  const char *what = later ? "error in the check of the contraction, later state" : "error in the check of the contraction";

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, "-adj_ksp_type bcgs -adj_forward_snes_type newtonls"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
  PetscCall(FaultyDisarm(&p));
  PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  used = p.calls[IN_VJP_X];
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_TRUE));
  if (later) {
    PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
    PetscCall(FaultySetEntry(p.d, 2, -0.5)); /* no longer a contraction */
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
    PetscCall(FaultyDisarm(&p));
    PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
    used = p.calls[IN_VJP_X];
    PetscCall(ADJSetTrustContraction(p.adj, PETSC_TRUE));
  }
  PetscCall(FaultyArm(&p, IN_VJP_X, used + 2, EVER, code));
  PetscCall(TapError(code, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s", what));
  PetscCall(FaultyDisarm(&p));
  if (later) {
    PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: measured again", what));
    PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_CONTRACTION, what));
    PetscCall(ADJGetContraction(p.adj, &rho, NULL));
    PetscCall(TapClose(rho, 1.5, 1e-3, "%s: the size of dF/dx", what));
    PetscCall(FaultySetEntry(p.d, 2, 0.5));
  }
  PetscCall(TapSane(&p, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestObjective(ADJForm form, FaultyPlace place, const char name[])
{
  Faulty    p;
  PetscReal f;
  char      what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, error in %s", ADJForms[form], name));
  PetscCall(FaultyCreate(&p, form, 12, ""));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(FaultyArm(&p, place, 1, EVER, code));
  PetscCall(TapError(code, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.thetabar), "%s: objective and gradient", what));
  if (place == IN_OBJECTIVE_VALUE) PetscCall(TapError(code, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, NULL), "%s: objective alone", what));
  PetscCall(TapSane(&p, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the tests of products and gradients, which change much in the context for a while */
static PetscErrorCode TestTest(ADJForm form, FaultyPlace place, PetscInt first, PetscBool gradient, PetscBool solved, const char name[])
{
  Faulty    p;
  PetscReal a, b;
  char      what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, error in %s, call %" PetscInt_FMT ", in ADJTest%s() %s a solve", ADJForms[form], name, first, gradient ? "Gradient" : "VJP", solved ? "after" : "before"));
  PetscCall(FaultyCreate(&p, form, 12, ""));
  if (solved) {
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  }
  PetscCall(FaultyArm(&p, place, first, EVER, code));
  if (gradient)
    PetscCall(TapError(code, ADJTestGradient(p.adj, p.theta, p.x, NULL, &a, &b), "%s", what));
  else
    PetscCall(TapError(code, ADJTestVJP(p.adj, p.theta, p.x, &a, &b), "%s", what));
  PetscCall(FaultyDisarm(&p));
  if (solved) {
    PetscCall(VecSet(p.thetabar, 0.0));
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s: a gradient at the same state", what));
    PetscCall(FaultyTapGradient(&p, what));
  }
  PetscCall(TapSane(&p, what));
  PetscCall(TapError(PETSC_SUCCESS, ADJTestGradient(p.adj, p.theta, p.x, NULL, &a, &b), "%s: the next test of the gradient", what));
  PetscCall(TapBelow(b, 1e-6, "%s: it agrees with a difference", what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTests(ADJForm form, FaultyPlace place, PetscInt first, PetscBool gradient, const char name[])
{
  PetscFunctionBeginUser;
  PetscCall(TestTest(form, place, first, gradient, PETSC_FALSE, name));
  PetscCall(TestTest(form, place, first, gradient, PETSC_TRUE, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A test that cannot be made, since the forward solver does not get close enough */
static PetscErrorCode TestTooFewIterations(ADJForm form)
{
  Faulty    p;
  SNES      snes;
  KSP       ksp;
  PetscReal a, b, stol, ktol;
  PetscInt  maxit, maxf;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, "-adj_forward_ksp_rtol 0.1"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJGetSNES(p.adj, &snes));
  PetscCall(SNESGetTolerances(snes, NULL, NULL, NULL, &maxit, &maxf));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, 3, maxf));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJTestGradient(p.adj, p.theta, p.x, p.xbar, &a, &b), "%s, ADJTestGradient() with too few iterations", ADJForms[form]));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, maxit, maxf));
  PetscCall(SNESGetTolerances(snes, NULL, &stol, NULL, NULL, NULL));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPGetTolerances(ksp, &ktol, NULL, NULL, NULL));
  PetscCall(TapOk((PetscBool)(stol == (PetscReal)1e-10 && ktol == (PetscReal)1e-8), "%s, ADJTestGradient() with too few iterations: the tolerances are back", ADJForms[form]));
  PetscCall(TapSane(&p, "after ADJTestGradient() with too few iterations"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestForm(ADJForm form)
{
  PetscFunctionBeginUser;
  PetscCall(TestForward(form, IN_MAP, 1, "", "the map"));
  PetscCall(TestForward(form, IN_MAP, 2, "", "the map"));
  PetscCall(TestForward(form, IN_LINEARIZE, 1, "-adj_forward_snes_type newtonls", "the linearization"));
  PetscCall(TestForward(form, IN_JVP_X, 2, "-adj_forward_snes_type newtonls", "the JVP"));
  PetscCall(TestForward(form, IN_MONITOR, 1, "", "a monitor"));
  PetscCall(TestDerivative(form, ADJ_PHASE_ADJOINT, IN_LINEARIZE, 1, "the linearization"));
  PetscCall(TestDerivative(form, ADJ_PHASE_ADJOINT, IN_VJP_X, 1, "the VJP in x"));
  PetscCall(TestDerivative(form, ADJ_PHASE_ADJOINT, IN_VJP_X, 3, "the VJP in x"));
  PetscCall(TestDerivative(form, ADJ_PHASE_ADJOINT, IN_VJP_THETA, 1, "the VJP in theta"));
  PetscCall(TestDerivative(form, ADJ_PHASE_ADJOINT, IN_MONITOR, 1, "a monitor"));
  PetscCall(TestDerivative(form, ADJ_PHASE_TANGENT, IN_JVP_X, 1, "the JVP in x"));
  PetscCall(TestDerivative(form, ADJ_PHASE_TANGENT, IN_JVP_X, 3, "the JVP in x"));
  PetscCall(TestDerivative(form, ADJ_PHASE_TANGENT, IN_JVP_THETA, 1, "the JVP in theta"));
  PetscCall(TestObjective(form, IN_OBJECTIVE_VALUE, "the objective"));
  PetscCall(TestObjective(form, IN_OBJECTIVE_X, "the objective's derivative"));
  PetscCall(TestTests(form, IN_LINEARIZE, 1, PETSC_FALSE, "the linearization"));
  PetscCall(TestTests(form, IN_MAP, 2, PETSC_FALSE, "the map"));
  PetscCall(TestTests(form, IN_VJP_X, 1, PETSC_FALSE, "the VJP in x"));
  PetscCall(TestTests(form, IN_JVP_THETA, 1, PETSC_FALSE, "the JVP in theta"));
  PetscCall(TestTests(form, IN_MAP, 4, PETSC_TRUE, "the map"));
  PetscCall(TestTests(form, IN_VJP_X, 2, PETSC_TRUE, "the VJP in x"));
  PetscCall(TestTests(form, IN_OBJECTIVE_VALUE, 3, PETSC_TRUE, "the objective"));
  PetscCall(TestTooFewIterations(form));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestForm(ADJ_FIXED_POINT));
  PetscCall(TestForm(ADJ_RESIDUAL));
  PetscCall(TestContraction(PETSC_FALSE));
  PetscCall(TestContraction(PETSC_TRUE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
