static char help[] = "What a TS cannot do, or does wrong, is an error that says so; the context works afterwards.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ts_problems.h"

#define EXPLICIT "-ts_adapt_type none "
#define IMPLICIT "-ksp_type preonly -pc_type redundant -snes_rtol 1e-12 -snes_atol 1e-12 "

static PetscErrorCode Begin(FlowForm form, TSType type, const char options[], PetscOptions *opts, Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(FlowCreate(10, form, type, 0.5, 0.05, LAYOUT_LAST, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(PetscOptions *opts, Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(FlowDestroy(f));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EventFunction(TS ts, PetscReal t, Vec U, PetscScalar value[], void *ctx)
{
  (void)ts;
  (void)U;
  (void)ctx;
  value[0] = t - 0.2;
  return PETSC_SUCCESS;
}

/* By ADJSetTS() itself */
static PetscErrorCode TestConfiguration(void)
{
  const PetscReal times[3] = {0.0, 0.2, 0.5};
  Flow            f;
  PetscOptions    opts;
  TS              other;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_RHS, TSRK, EXPLICIT, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(TSCreate(PETSC_COMM_SELF, &other));
  if (PetscGlobalSize > 1) PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSetTS(f.adj, other), "another communicator"));
  PetscCall(TSDestroy(&other));
  PetscCall(TSCreate(PETSC_COMM_WORLD, &other));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTS(f.adj, other), "no end"));
  PetscCall(TSSetMaxSteps(other, 3));
  PetscCall(TSSetStepNumber(other, 3));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTS(f.adj, other), "no steps left"));
  PetscCall(TSSetStepNumber(other, 0));
  PetscCall(TSSetMaxTime(other, 1.0));
  PetscCall(TSSetTime(other, 1.0));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTS(f.adj, other), "no time left"));
  PetscCall(TSSetTime(other, 0.0));
  PetscCall(TSSetTimeSpan(other, 3, (PetscReal *)times));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSetTS(f.adj, other), "a time span"));
  PetscCall(TSDestroy(&other));
  PetscCall(TSSetTimeStep(f.ts, 0.025));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(f.adj, f.theta, f.x), "a time step that was changed after ADJSetTS()"));
  PetscCall(ADJSetTS(f.adj, f.ts));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetTS(f.adj, f.ts), "after the first solve"));
  PetscCall(ADJReset(f.adj));
  PetscCall(ADJSetTS(f.adj, f.ts));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEvents(void)
{
  PetscInt     direction = 0;
  PetscBool    terminate = PETSC_FALSE;
  Flow         f;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_RHS, TSRK, EXPLICIT, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(TSSetEventHandler(f.ts, 1, &direction, &terminate, EventFunction, NULL, NULL));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(f.adj, f.theta, f.x), "events"));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivatives(FlowForm form, TSType type, PetscErrorCode code, const char options[], const char what[])
{
  Flow         f;
  PetscOptions opts;
  TS           bare; /* without Jacobians */

  PetscFunctionBeginUser;
  PetscCall(Begin(form, type, options, &opts, &f));
  PetscCall(TSCreate(PETSC_COMM_WORLD, &bare));
  if (form == FORM_RHS)
    PetscCall(TSSetRHSFunction(bare, NULL, FlowRHS, &f));
  else
    PetscCall(TSSetIFunction(bare, NULL, FlowIFunction, &f));
  if (code == PETSC_ERR_SUP) PetscCall(TSSetIJacobian(bare, f.J, f.J, FlowIJacobian, &f));
  PetscCall(TSSetType(bare, type));
  PetscCall(TSSetMaxTime(bare, 0.5));
  PetscCall(TSSetTimeStep(bare, 0.05));
  PetscCall(TSDestroy(&f.ts));
  f.ts   = bare;
  f.bare = PETSC_TRUE;
  PetscCall(FlowCreateADJ(&f));
  PetscCall(TapError(code, ADJSolve(f.adj, f.theta, f.x), "%s", what));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestParameters(void)
{
  Flow         f;
  PetscOptions opts;
  Mat          P;
  PetscInt     n;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_RHS, TSRK, EXPLICIT, &opts, &f));
  PetscCall(VecGetLocalSize(f.x, &n));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, n, PETSC_DECIDE, 10, 2, 2, NULL, 2, NULL, &P));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(TSSetRHSJacobianP(f.ts, P, FlowRHSJacobianP, &f));
  PetscCall(MatDestroy(&P));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "two columns for three parameters"));
  PetscCall(TSSetRHSJacobianP(f.ts, f.Jp, FlowRHSJacobianP, &f));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(End(&opts, &f));

  PetscCall(OptionsBegin(EXPLICIT, &opts));
  PetscCall(FlowCreate(10, FORM_RHS, TSRK, 0.5, 0.05, LAYOUT_LAST, &f));
  f.bare = PETSC_TRUE;
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "nothing about the parameters"));
  PetscCall(TSSetRHSJacobianP(f.ts, f.Jp, FlowRHSJacobianP, &f));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's function fails at some call, on the way forward, at the recording, in the checks; then all goes on */
static PetscErrorCode TestFailure(FlowForm form, TSType type, const char options[])
{
  Flow         f;
  PetscOptions opts;
  Vec          x, first;
  PetscReal    error;
  PetscInt     calls;

  PetscFunctionBeginUser;
  PetscCall(Begin(form, type, options, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(VecDuplicate(f.x, &x));
  PetscCall(VecDuplicate(f.theta, &first));
  PetscCall(VecCopy(f.x, x));
  PetscCall(ADJSolve(f.adj, f.theta, x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, first));
  PetscCall(VecCopy(f.x, x));
  f.failat = f.calls + 7;
  PetscCall(TapError(PETSC_ERR_USER, ADJSolve(f.adj, f.theta, x), "%s: an error in the forward solve passes", type));
  PetscCall(VecCopy(f.x, x));
  PetscCall(ADJSolve(f.adj, f.theta, x));
  calls = f.calls;
  for (PetscInt skip = 1; skip < 200; skip *= 6) {
    f.failat = f.calls + skip;
    PetscCall(TapError(PETSC_ERR_USER, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "%s: and after %" PetscInt_FMT " calls in the adjoint", type, skip));
    f.failat = 0;
    PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
    PetscCall(VecDistance(f.thetabar, first, &error));
    PetscCall(TapBelow(error, 1e-12, "%s: then the gradient is the first one", type));
    PetscCall(VecCopy(f.x, x)); /* so that the checks are made again */
    PetscCall(ADJSolve(f.adj, f.theta, x));
  }
  PetscCall(TapOk((PetscBool)(f.calls > calls), "%s: the function was called", type));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&first));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A step whose Newton solve fails: an error, or, where the user does not want one, an infinite state */
static PetscErrorCode TestDiverged(void)
{
  Flow                f;
  PetscOptions        opts;
  SNES                snes;
  SNESConvergedReason reason;
  Vec                 x;

  PetscFunctionBeginUser;
  PetscCall(Begin(FORM_IFUNCTION, TSBEULER, IMPLICIT, &opts, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(VecDuplicate(f.x, &x));
  PetscCall(TSGetSNES(f.ts, &snes));
  PetscCall(SNESSetTolerances(snes, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 1, PETSC_DEFAULT));
  PetscCall(VecCopy(f.x, x));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolve(f.adj, f.theta, x), "a step that fails"));
  PetscCall(TSSetErrorIfStepFails(f.ts, PETSC_FALSE));
  PetscCall(VecCopy(f.x, x));
  PetscCall(ADJSolve(f.adj, f.theta, x));
  PetscCall(ADJGetForwardReason(f.adj, &reason));
  PetscCall(TapOk((PetscBool)(reason < 0), "a step that fails without an error: forward solve %s", SNESConvergedReasons[reason]));
  PetscCall(TapError(PETSC_ERR_FP, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "and its derivative is refused"));
  PetscCall(SNESSetTolerances(snes, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 50, PETSC_DEFAULT));
  PetscCall(VecCopy(f.x, x));
  PetscCall(ADJSolve(f.adj, f.theta, x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDestroy(&x));
  PetscCall(End(&opts, &f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestConfiguration());
  PetscCall(TestEvents());
  PetscCall(TestDerivatives(FORM_RHS, TSRK, PETSC_ERR_ORDER, EXPLICIT, "explicit, no Jacobian"));
  PetscCall(TestDerivatives(FORM_IFUNCTION, TSBEULER, PETSC_ERR_ORDER, "", "implicit, no Jacobian"));
  PetscCall(TestDerivatives(FORM_IFUNCTION, TSARKIMEX, PETSC_ERR_SUP, "", "a type without an adjoint"));
  PetscCall(TestParameters());
  PetscCall(TestFailure(FORM_RHS, TSRK, EXPLICIT));
  PetscCall(TestFailure(FORM_IFUNCTION, TSCN, IMPLICIT));
  PetscCall(TestFailure(FORM_IFUNCTION, TSBEULER, "-ksp_type gmres -pc_type bjacobi -snes_rtol 1e-12 -snes_atol 1e-12"));
  PetscCall(TestDiverged());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
