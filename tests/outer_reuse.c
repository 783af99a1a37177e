static char help[] = "Optimizers, Hessians and contexts that are used again: for another ADJ, problem, objective or place.\n\n";

/*
   nsize: 1 2
   requires: real
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
*/
#include "problems.h"
#include <petsctao.h>

/* A VJP that is 10 % too long */
static PetscErrorCode WrongVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemVJP(adj, x, theta, w, xbar, thetabar, ctx));
  if (thetabar) PetscCall(VecScale(thetabar, 1.1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

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
  PetscCall(ADJSetVJP(q.adj, WrongVJP, &q));
  PetscCall(VecSetWave(q.theta, 5));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER), "whose refusals it obeys: %s", TaoConvergedReasons[reason]));
  PetscCall(TaoDestroy(&tao));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestOtherADJ());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
