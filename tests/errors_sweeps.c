static char help[] = "Errors of a user's function, and NaN, in the middle of each method: the code comes out, and the context works on.\n\n";

/*
   nsize: 1 2
*/
#include "faulty.h"

#define EVER 1000000

static const PetscErrorCode code = PETSC_ERR_USER_INPUT; /* of no function of the library */

/* x and the derivatives of a context that met no error, for comparison to the bit */
typedef struct {
  Vec x, thetabar, xdot;
} Expected;

static PetscErrorCode Derivatives(Faulty *p, Expected *e)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->xbar, p->thetabar));
  PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
  PetscCall(VecCopy(p->x, e->x));
  PetscCall(VecCopy(p->thetabar, e->thetabar));
  PetscCall(VecCopy(p->xdot, e->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ExpectedCreate(Faulty *p, Expected *e)
{
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &e->x));
  PetscCall(VecDuplicate(p->thetabar, &e->thetabar));
  PetscCall(VecDuplicate(p->xdot, &e->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ExpectedDestroy(Expected *e)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&e->x));
  PetscCall(VecDestroy(&e->thetabar));
  PetscCall(VecDestroy(&e->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapSame(Faulty *p, const Expected *e, const char what[])
{
  Expected  now;
  PetscBool x, thetabar, xdot;

  PetscFunctionBeginUser;
  PetscCall(ExpectedCreate(p, &now));
  PetscCall(Derivatives(p, &now));
  PetscCall(VecEqual(now.x, e->x, &x));
  PetscCall(VecEqual(now.thetabar, e->thetabar, &thetabar));
  PetscCall(VecEqual(now.xdot, e->xdot, &xdot));
  PetscCall(TapOk((PetscBool)(x && thetabar && xdot), "%s: afterwards everything is as it would have been", what));
  PetscCall(ExpectedDestroy(&now));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestError(const char options[], const Expected *e, FaultyPlace place, PetscInt call, ADJPhase phase)
{
  Faulty p;
  char   what[160];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %s: error in place %d, call %" PetscInt_FMT, options, ADJPhases[phase], (int)place, call));
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 9, options));
  if (phase != ADJ_PHASE_FORWARD) PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyArm(&p, place, call, EVER, code));
  if (phase == ADJ_PHASE_FORWARD)
    PetscCall(TapError(code, ADJSolve(p.adj, p.theta, p.x), "%s", what));
  else
    PetscCall(TapError(code, FaultyDerivative(&p, phase), "%s", what));
  PetscCall(FaultyDisarm(&p));
  PetscCall(TapSame(&p, e, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* NaN in a product of the sweep: refused, and the next derivative at the same state is good */
static PetscErrorCode TestNaN(const char options[], const Expected *e, FaultyPlace place, PetscInt call, ADJPhase phase)
{
  Faulty p;
  char   what[160];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %s: NaN in place %d, call %" PetscInt_FMT, options, ADJPhases[phase], (int)place, call));
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 9, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyArm(&p, place, call, EVER, PETSC_SUCCESS));
  PetscCall(TapError(PETSC_ERR_FP, FaultyDerivative(&p, phase), "%s", what));
  PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(FaultyDisarm(&p));
  PetscCall(TapError(PETSC_SUCCESS, FaultyDerivative(&p, phase), "%s: the next one at the same state", what));
  PetscCall(TapSame(&p, e, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMethod(const char options[], PetscBool single)
{
  Faulty   p;
  Expected e;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 9, options));
  PetscCall(ExpectedCreate(&p, &e));
  PetscCall(Derivatives(&p, &e));
  PetscCall(TestError(options, &e, IN_MAP, 3, ADJ_PHASE_FORWARD));
  PetscCall(TestError(options, &e, IN_LINEARIZE, 1, ADJ_PHASE_ADJOINT));
  PetscCall(TestError(options, &e, IN_VJP_THETA, 1, ADJ_PHASE_ADJOINT));
  PetscCall(TestError(options, &e, IN_JVP_THETA, 1, ADJ_PHASE_TANGENT));
  PetscCall(TestNaN(options, &e, IN_VJP_THETA, 1, ADJ_PHASE_ADJOINT));
  PetscCall(TestNaN(options, &e, IN_JVP_THETA, 1, ADJ_PHASE_TANGENT));
  if (!single) {
    PetscCall(TestError(options, &e, IN_VJP_X, 3, ADJ_PHASE_ADJOINT));
    PetscCall(TestError(options, &e, IN_JVP_X, 2, ADJ_PHASE_TANGENT));
    PetscCall(TestNaN(options, &e, IN_VJP_X, 2, ADJ_PHASE_ADJOINT));
  }
  PetscCall(ExpectedDestroy(&e));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* While a step is made again, or undone */
static PetscErrorCode TestSteps(const char options[], FaultyPlace place)
{
  Faulty   p;
  Expected e;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 9, options));
  PetscCall(ExpectedCreate(&p, &e));
  PetscCall(Derivatives(&p, &e));
  PetscCall(TestError(options, &e, place, 3, ADJ_PHASE_ADJOINT));
  PetscCall(ExpectedDestroy(&e));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without JVP the solvers difference the map below matrices of PETSc: an error at each of the first calls */
static PetscErrorCode TestDifferenced(ADJForm form, const char options[], ADJPhase phase)
{
  Faulty   p;
  Expected e;
  Vec      thetabar;
  char     what[160];

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 9, options));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ExpectedCreate(&p, &e));
  for (PetscInt call = 0; call <= 12; call++) {
    PetscBool x, same;

    PetscCall(PetscSNPrintf(what, sizeof(what), "%s, no JVP, %s: error in the map, call %" PetscInt_FMT, options, ADJPhases[phase], call));
    if (call) {
      PetscCall(VecSet(p.x, 0.0));
      if (phase != ADJ_PHASE_FORWARD) PetscCall(ADJSolve(p.adj, p.theta, p.x));
      PetscCall(FaultyArm(&p, IN_MAP, call, EVER, code));
      PetscCall(TapError(code, phase == ADJ_PHASE_FORWARD ? ADJSolve(p.adj, p.theta, p.x) : ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "%s", what));
      PetscCall(FaultyDisarm(&p));
    }
    PetscCall(VecSet(p.x, 0.0));
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    thetabar = call ? p.thetabar : e.thetabar;
    PetscCall(ADJSolveAdjoint(p.adj, p.xbar, thetabar));
    if (!call) PetscCall(VecCopy(p.x, e.x));
    PetscCall(VecEqual(p.x, e.x, &x));
    PetscCall(VecEqual(thetabar, e.thetabar, &same));
    if (call) PetscCall(TapOk((PetscBool)(x && same), "%s: afterwards everything is as it would have been", what));
  }
  PetscCall(ExpectedDestroy(&e));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestMethod("-adj_type onestep -adj_gradient_rtol 10", PETSC_TRUE));
  PetscCall(TestMethod("-adj_type neumann -adj_gradient_rtol 10", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type truncated -adj_gradient_rtol 10", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type auto", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type unrolled", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type unrolled -adj_trajectory_checkpoints 3", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type unrolled -adj_trajectory_type two_level -adj_trajectory_checkpoints 2 -adj_trajectory_period 6", PETSC_FALSE));
  PetscCall(TestMethod("-adj_type reversible -adj_steps 6", PETSC_FALSE));
  PetscCall(TestSteps("-adj_type unrolled -adj_trajectory_checkpoints 3", IN_MAP));
  PetscCall(TestSteps("-adj_type unrolled -adj_trajectory_type two_level -adj_trajectory_checkpoints 2 -adj_trajectory_period 6", IN_MAP));
  PetscCall(TestSteps("-adj_type reversible -adj_steps 6", IN_MAP));
  PetscCall(TestSteps("-adj_type reversible -adj_steps 6", IN_JVP_X));
  PetscCall(TestDifferenced(ADJ_FIXED_POINT, "-adj_type reversible -adj_steps 6", ADJ_PHASE_ADJOINT));
  PetscCall(TestDifferenced(ADJ_RESIDUAL, "-adj_type implicit", ADJ_PHASE_FORWARD));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
