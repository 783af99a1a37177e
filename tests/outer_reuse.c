static char help[] = "Optimizers, Hessians and contexts that are used again: for another ADJ, problem, objective or place.\n\n";

/*
   nsize: 1 2
   requires: real
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
*/
#include "problems.h"
#include "reaction.h"
#include <petsctao.h>

static PetscErrorCode SetUpADJ(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetObjective(p->adj, QuadraticObjective, p));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(PetscInt n, PetscInt m, Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, LAYOUT_UNEVEN, m, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.6, p));
  p->s = 0.02;
  p->t = 0.1;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(SetUpADJ(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A convergence test of the user's: what it is given, and how often */
static PetscErrorCode CountingTest(Tao tao, void *ctx)
{
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  PetscCall(TaoDefaultConvergenceTest(tao, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One Tao for one ADJ after the other, the first of which is gone: the second one's verdict counts, and the user's test is asked */
static PetscErrorCode TestOtherADJ(void)
{
  Problem            p, q;
  Tao                tao;
  TaoConvergedReason reason;
  PetscInt           tested = 0, before;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(11, 4, &p));
  PetscCall(CaseCreate(11, 4, &q));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, TAOBLMVM));
  PetscCall(TaoSetTolerances(tao, 1e-6, 0.0, 0.0));
  PetscCall(TaoSetConvergenceTest(tao, CountingTest, &tested));
  PetscCall(TaoSetSolution(tao, p.theta));
  PetscCall(ADJSetTao(p.adj, tao));
  PetscCall(TaoSolve(tao));
  before = tested;
  PetscCall(TapOk((PetscBool)(before > 1), "the user's convergence test is asked"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(TaoSetSolution(tao, q.theta));
  PetscCall(ADJSetTao(q.adj, tao));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason > 0 && tested > before), "a Tao goes to another ADJ, with its test: %s", TaoConvergedReasons[reason]));
  PetscCall(ADJSetVJP(q.adj, ProblemLongVJP, &q));
  PetscCall(VecSetWave(q.theta, 5));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER), "whose refusals it obeys: %s", TaoConvergedReasons[reason]));
  PetscCall(TaoDestroy(&tao));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another problem after ADJReset(): the ADJ's own Tao fits it, and a Hessian says that it does not */
static PetscErrorCode TestReset(const char type[])
{
  Problem            p, q;
  Tao                tao;
  TaoConvergedReason reason;
  Mat                H;
  PetscErrorCode     ierr;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(11, 4, &p));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, 1e-6, 0.0, 0.0));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(ADJCreateHessian(p.adj, p.theta, &H));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(ADJReset(p.adj));
  PetscCall(TapError(PETSC_ERR_ORDER, MatMult(H, p.thetadot, p.thetabar), "%s: no product after ADJReset()", type));
  PetscCall(MatDestroy(&H));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 13, LAYOUT_UNEVEN, 6, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.6, &q));
  q.s   = 0.02;
  q.t   = 0.1;
  q.adj = p.adj;
  PetscCall(ADJSetFixedPoint(q.adj, ProblemMap, &q));
  PetscCall(ADJSetVJP(q.adj, ProblemVJP, &q));
  PetscCall(ADJSetJVP(q.adj, ProblemJVP, &q));
  PetscCall(ADJSetLinearize(q.adj, ProblemLinearize, &q));
  PetscCall(SetUpADJ(&q));
  PetscCall(TapError(PETSC_SUCCESS, (ierr = ADJMinimize(q.adj, q.theta)), "%s: another problem after ADJReset()", type));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(!ierr && reason > 0), "%s: %s", type, TaoConvergedReasons[reason]));
  q.adj = NULL;
  PetscCall(ADJReset(p.adj));
  PetscCall(ProblemDestroy(&q));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FiveTimes(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(QuadraticObjective(adj, x, theta, value, xbar, thetabar, ctx));
  *value *= 5.0;
  if (xbar) PetscCall(VecScale(xbar, 5.0));
  if (thetabar) PetscCall(VecScale(thetabar, 5.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Hessian of another objective at the same parameters; of one whose adjoint is refused; of steps after an optimization without */
static PetscErrorCode TestHessian(void)
{
  Problem   p;
  Mat       H;
  Vec       y, z;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(11, 4, &p));
  PetscCall(VecDuplicate(p.theta, &y));
  PetscCall(VecDuplicate(p.theta, &z));
  PetscCall(ADJCreateHessian(p.adj, p.theta, &H));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, y));
  PetscCall(ADJSetObjective(p.adj, FiveTimes, &p));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, z));
  PetscCall(VecScale(z, 0.2));
  PetscCall(VecDistance(z, y, &error));
  PetscCall(TapBelow(error, 1e-8, "five times the objective, five times the Hessian"));
  PetscCall(ADJSetObjective(p.adj, QuadraticObjective, &p));
  PetscCall(ADJSetType(p.adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(p.adj, 5));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, y));
  PetscCall(ADJSetSteps(p.adj, PETSC_DETERMINE));
  PetscCall(ADJSetType(p.adj, ADJIMPLICIT));
  PetscCall(VecCopy(p.theta, z));
  PetscCall(ADJMinimize(p.adj, z));
  PetscCall(ADJSetType(p.adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(p.adj, 5));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, z));
  PetscCall(VecDistance(z, y, &error));
  PetscCall(TapBelow(error, 1e-9, "five steps: the same Hessian after an optimization"));
  PetscCall(ADJSetSteps(p.adj, PETSC_DETERMINE));
  PetscCall(ADJSetType(p.adj, ADJIMPLICIT));
  PetscCall(ADJSetVJP(p.adj, ProblemLongVJP, &p));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJComputeHessian(p.adj, p.theta, H), "no Hessian with an adjoint that is refused"));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x + v, a misfit */
static PetscErrorCode Misfit(ADJ adj, Vec x, Vec theta, Vec d, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(d, 1.0, x, ((Problem *)ctx)->v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MisfitVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(VecCopy(w, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MisfitJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ddot, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)thetadot;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xdot)
    PetscCall(VecCopy(xdot, ddot));
  else
    PetscCall(VecSet(ddot, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveElsewhere(Tao tao, void *ctx)
{
  Problem *p = (Problem *)ctx;
  Vec      theta, x;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecSet(theta, 3.0));
  PetscCall(ADJSolve(p->adj, theta, x));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(TaoDefaultConvergenceTest(tao, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A convergence test that uses the ADJ itself, with a method that has a Jacobian of its own: as many iterations as without */
static PetscErrorCode TestBetween(void)
{
  PetscInt its[2];

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < 2; k++) {
    Problem p;
    Tao     tao, sub = NULL;

    PetscCall(CaseCreate(11, 4, &p));
    PetscCall(ADJSetMisfit(p.adj, p.xdot, Misfit, MisfitVJP, MisfitJVP, &p));
    PetscCall(ADJGetTao(p.adj, &tao));
    PetscCall(TaoSetType(tao, TAOBRGN));
    PetscCall(TaoSetTolerances(tao, 1e-6, 0.0, 0.0));
    PetscCall(TaoSetSolution(tao, p.theta));
#if !PetscDefined(USE_COMPLEX)
    PetscCall(TaoBRGNGetSubsolver(tao, &sub));
#endif
    if (k) PetscCall(TaoSetConvergenceTest(sub, SolveElsewhere, &p));
    PetscCall(ADJMinimize(p.adj, p.theta));
    PetscCall(TaoGetIterationNumber(tao, &its[k]));
    PetscCall(ProblemDestroy(&p));
  }
  PetscCall(TapOk((PetscBool)(its[0] > 1 && its[0] == its[1]), "brgn: %" PetscInt_FMT " iterations, with solves elsewhere in between %" PetscInt_FMT, its[0], its[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StateObjective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  PetscReal norm;

  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecNorm(x, NORM_2, &norm));
  *value = 0.5 * PetscSqr(norm);
  if (xbar) PetscCall(VecCopy(x, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two ADJs on one SNES share its matrix: a Hessian at other parameters than those of the last solve stays there, whoever has used it */
static PetscErrorCode TestShared(void)
{
  Reaction       r;
  ADJ            first, second;
  DM             da;
  Vec            x, theta, d, y, z;
  Mat            H;
  PetscReal      error;
  ADJHessianType types[] = {ADJ_HESSIAN_FULL, ADJ_HESSIAN_GAUSS_NEWTON};

  PetscFunctionBeginUser;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 7, 4.0, &r));
  PetscCall(SNESSetTolerances(r.snes, 1e-14, 1e-12, 0.0, 50, 10000));
  PetscCall(ReactionCreateADJ(&r, &first));
  PetscCall(ReactionCreateADJ(&r, &second));
  PetscCall(ADJSetFDParameters(first, PETSC_TRUE));
  PetscCall(ADJSetObjective(first, StateObjective, NULL));
  PetscCall(SNESGetDM(r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ADJSetSolution(first, x));
  PetscCall(ADJSetFromOptions(first));
  PetscCall(VecDuplicate(r.theta, &theta));
  PetscCall(VecDuplicate(r.theta, &d));
  PetscCall(VecDuplicate(r.theta, &y));
  PetscCall(VecDuplicate(r.theta, &z));
  PetscCall(VecCopy(r.theta, d));
  PetscCall(ADJCreateHessian(first, r.theta, &H));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ADJSetHessianType(first, types[k]));
    PetscCall(VecCopy(r.theta, theta));
    PetscCall(VecScale(theta, 0.7));
    PetscCall(ADJComputeHessian(first, theta, H));
    PetscCall(MatMult(H, d, y));
    PetscCall(VecScale(theta, 1.4));
    PetscCall(ADJSolve(first, theta, x));
    PetscCall(MatMult(H, d, z)); /* linearized there for the matrix alone */
    PetscCall(VecScale(theta, 1.1));
    PetscCall(ADJSolve(second, theta, x));
    PetscCall(MatMult(H, d, z));
    PetscCall(VecDistance(z, y, &error));
    PetscCall(TapBelow(error, 1e-6, "one SNES, two ADJs, %s: the same product", ADJHessianTypes[types[k]]));
  }
  PetscCall(MatDestroy(&H));
  PetscCall(ADJDestroy(&first));
  PetscCall(ADJDestroy(&second));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DivergingMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(ProblemMap(adj, x, theta, y, ctx));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  if (norm > 1e3) PetscCall(VecScale(y, 100.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A step too long, to where the iteration diverges: theta goes back, and so does the state, from where the next optimization starts */
static PetscErrorCode TestDivergence(void)
{
  Problem            p;
  Tao                tao;
  Vec                x;
  PetscReal          error;
  TaoConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsSetValue(NULL, "-adj_tao_descent_step", "1e5"));
  PetscCall(CaseCreate(11, 4, &p));
  PetscCall(ADJSetFixedPoint(p.adj, DivergingMap, &p));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoSetType(tao, ADJTAODESCENT));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER), "a step to where there is no state: %s", TaoConvergedReasons[reason]));
  PetscCall(VecDuplicate(p.x, &x));
  PetscCall(ADJSolve(p.adj, p.theta, x));
  PetscCall(VecDistance(p.x, x, &error));
  PetscCall(TapBelow(error, 1e-8, "the state is that of theta"));
  PetscCall(VecDestroy(&x));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_tao_descent_step"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestOtherADJ());
  PetscCall(TestReset(TAOBLMVM));
  PetscCall(TestReset(TAOBNTR));
  PetscCall(TestReset(TAONM));
  PetscCall(TestHessian());
  PetscCall(TestBetween());
  PetscCall(TestShared());
  PetscCall(TestDivergence());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
