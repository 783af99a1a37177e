static char help[] = "Every schedule and store gives the unrolled gradient to the bit; several cotangents after one forward solve.\n\n";

/*
   nsize: 1 2 4
   MPI-IO is slow on more processes than cores: the disk is left to 1 and 2 of them, and to tests/trajectory_store
*/
#include "problems.h"

#define DISK 3 /* so many of these need it */
static const char *const trajectories[] = {"-adj_trajectory_store disk",
                                           "-adj_trajectory_checkpoints 4 -adj_trajectory_store disk",
                                           "-adj_trajectory_type two_level -adj_trajectory_checkpoints 2 -adj_trajectory_period 5",
                                           "-adj_trajectory_checkpoints 1",
                                           "-adj_trajectory_checkpoints 4",
                                           "-adj_trajectory_type online -adj_trajectory_checkpoints 4"};

static PetscErrorCode Begin(PetscBool fixed, const char options[], Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(fixed ? "-adj_type unrolled -adj_trust_level none -adj_steps 13" : "-adj_type unrolled -adj_trust_level none -adj_forward_snes_rtol 1e-3", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.6, p));
  p->s = 0.01;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IsEqual(Vec a, Vec b, const char what[], const char options[])
{
  PetscBool same;

  PetscFunctionBeginUser;
  PetscCall(VecEqual(a, b, &same));
  PetscCall(TapOk(same, "%s: %s to the bit", options, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two forward solves, with two cotangents and a tangent at each */
static PetscErrorCode TestEqual(PetscBool fixed, const char options[])
{
  Problem p, q;
  Vec     a, b;

  PetscFunctionBeginUser;
  PetscCall(Begin(fixed, "", &q));
  PetscCall(Begin(fixed, options, &p));
  for (PetscInt solve = 0; solve < 2; solve++) {
    PetscCall(ADJSolve(q.adj, q.theta, q.x));
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(IsEqual(p.x, q.x, "state", options));
    for (PetscInt i = 0; i < 2; i++) {
      PetscCall(ADJSolveAdjoint(q.adj, i ? q.c : q.v, q.thetabar));
      PetscCall(ADJSolveAdjoint(p.adj, i ? p.c : p.v, p.thetabar));
      PetscCall(IsEqual(p.thetabar, q.thetabar, "pullback", options));
      PetscCall(ADJGetInitialGradient(q.adj, &a));
      PetscCall(ADJGetInitialGradient(p.adj, &b));
      PetscCall(IsEqual(a, b, "derivative in x_0", options));
    }
    PetscCall(ADJSolveTangent(q.adj, q.thetadot, q.xdot));
    PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
    PetscCall(IsEqual(p.xdot, q.xdot, "tangent", options));
    PetscCall(VecScale(q.theta, 0.9));
    PetscCall(VecScale(p.theta, 0.9));
  }
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The trajectory may change from one solve to the next */
static PetscErrorCode TestChange(void)
{
  Problem     p, q;
  ADJCounters n;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(Begin(PETSC_TRUE, "", &q));
  PetscCall(Begin(PETSC_TRUE, "", &p));
  PetscCall(ADJSolve(q.adj, q.theta, q.x));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSetTrajectoryType(p.adj, ADJ_TRAJECTORY_BINOMIAL));
  PetscCall(ADJSetTrajectoryCheckpoints(p.adj, 3));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(IsEqual(p.thetabar, q.thetabar, "pullback", "another trajectory for the next solve"));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.recomputed > 0), "and it was taken"));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ADJSetTrajectoryStore(p.adj, size > 2 ? ADJ_TRAJECTORY_MEMORY : ADJ_TRAJECTORY_DISK));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(IsEqual(p.thetabar, q.thetabar, "pullback", "another store for the next solve"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Taylor test follows the program from its initial guess, and leaves no trace: what comes after it is the same to the bit */
static PetscErrorCode TestTaylor(const char options[])
{
  Problem      p;
  Vec          before, x0;
  PetscReal    order, error;
  ADJCounters  n, m;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, SPECTRUM_CLUSTER, 0.6, &p));
  p.s = 0.02;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(VecDuplicate(p.thetabar, &before));
  PetscCall(VecDuplicate(p.x, &x0));
  PetscCall(VecSetWave(p.x, 8));
  PetscCall(VecCopy(p.x, x0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, before));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(ADJTestGradient(p.adj, p.theta, x0, p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.95 && order < 2.05 && error < 1e-6), "%s: order %g, central difference off by %g", options, (double)order, (double)error));
  PetscCall(ADJGetCounters(p.adj, &m));
  PetscCall(TapOk((PetscBool)(n.map == m.map && n.vjp_x == m.vjp_x && n.recomputed == m.recomputed && n.stored == m.stored && n.inverted == m.inverted), "%s: the counters stand still", options));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(IsEqual(p.thetabar, before, "pullback after the test", options));
  PetscCall(VecDestroy(&before));
  PetscCall(VecDestroy(&x0));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (size_t i = size > 2 ? DISK : 0; i < PETSC_STATIC_ARRAY_LENGTH(trajectories); i++) {
    PetscCall(TestEqual(PETSC_TRUE, trajectories[i]));
    PetscCall(TestEqual(PETSC_FALSE, trajectories[i]));
  }
  PetscCall(TestChange());
  PetscCall(TestTaylor("-adj_type unrolled -adj_steps 6"));
  PetscCall(TestTaylor("-adj_type unrolled -adj_steps 6 -adj_trajectory_checkpoints 2"));
  PetscCall(TestTaylor("-adj_type unrolled -adj_trajectory_checkpoints 5"));
  PetscCall(TestTaylor("-adj_type reversible -adj_steps 6"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
