static char help[] = "Errors: a Tao that cannot be differentiated through, calls in the wrong order, vectors that do not fit.\n\n";

/*
   nsize: 1 2
*/
#include "problems.h"

#define SIZE 6

static PetscErrorCode ObjectiveAndGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscReal norm;

  (void)tao;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecNorm(x, NORM_2, &norm));
  *f = 0.5 * norm * norm;
  PetscCall(VecCopy(x, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Residual(Tao tao, Vec x, Vec r, void *ctx)
{
  (void)tao;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  Vec x, theta, xbar, thetabar;
  Tao tao;
  ADJ adj;
} Context;

static PetscErrorCode ContextCreate(Context *p)
{
  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, SIZE, &p->x));
  PetscCall(VecDuplicate(p->x, &p->theta));
  PetscCall(VecDuplicate(p->x, &p->xbar));
  PetscCall(VecDuplicate(p->x, &p->thetabar));
  PetscCall(VecSet(p->x, 1.0));
  PetscCall(VecSet(p->theta, 1.0));
  PetscCall(VecSet(p->xbar, 1.0));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &p->tao));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ContextDestroy(Context *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->xbar));
  PetscCall(VecDestroy(&p->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestProblem(void)
{
  const PetscErrorCode real = PetscDefined(USE_COMPLEX) ? PETSC_ERR_SUP : PETSC_SUCCESS;
  Context              p;

  PetscFunctionBeginUser;
  PetscCall(ContextCreate(&p));
  PetscCall(ADJSetTaoSolution(p.adj, p.tao));
  PetscCall(TapError(real ? real : PETSC_ERR_ORDER, ADJSolve(p.adj, p.theta, p.x), "a Tao without a gradient"));
  PetscCall(TaoSetResidualRoutine(p.tao, p.x, Residual, NULL));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, p.theta, p.x), "a least-squares Tao without a gradient"));
  PetscCall(TaoSetObjectiveAndGradient(p.tao, NULL, ObjectiveAndGradient, NULL));
  PetscCall(TaoSetInequalityConstraintsRoutine(p.tao, p.x, Residual, NULL));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, p.theta, p.x), "a Tao with inequality constraints"));
  PetscCall(TaoSetInequalityConstraintsRoutine(p.tao, NULL, NULL, NULL));
  PetscCall(TaoSetEqualityConstraintsRoutine(p.tao, p.x, Residual, NULL));
  PetscCall(TapError(real ? real : PETSC_ERR_ORDER, ADJSolve(p.adj, p.theta, p.x), "equality constraints without a Jacobian"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetMultiplierIS(p.adj, NULL, NULL), "index sets of a Tao without a solution vector"));
  PetscCall(ContextDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOrder(void)
{
  Context     p;
  Tao         other;
  Vec         wrong;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ContextCreate(&p));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetBoundGradients(p.adj, NULL, NULL), "ADJGetBoundGradients() without a Tao"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetMultiplierIS(p.adj, NULL, NULL), "ADJGetMultiplierIS() without a Tao"));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &other));
  PetscCall(TapError(size > 1 ? PETSC_ERR_ARG_NOTSAMECOMM : PETSC_SUCCESS, ADJSetTaoSolution(p.adj, other), "a Tao on another communicator"));
  PetscCall(TaoDestroy(&other));
  PetscCall(ADJSetTaoSolution(p.adj, p.tao));
  PetscCall(TaoSetObjectiveAndGradient(p.tao, NULL, ObjectiveAndGradient, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetBoundGradients(p.adj, NULL, NULL), "ADJGetBoundGradients() before a solve"));
  if (!PetscDefined(USE_COMPLEX)) {
    PetscCall(TaoSetSolution(p.tao, p.xbar));
    PetscCall(TaoSetType(p.tao, TAOLMVM));
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, SIZE + 1, &wrong));
    PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, wrong), "a state that is longer than the vector of the Tao"));
    PetscCall(VecDestroy(&wrong));
    PetscCall(ADJReset(p.adj));
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(TapError(PETSC_ERR_ORDER, ADJSetTaoSolution(p.adj, p.tao), "ADJSetTaoSolution() after a solve"));
    PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "nothing says how f depends on theta"));
  }
  PetscCall(ContextDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestProblem());
  PetscCall(TestOrder());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
