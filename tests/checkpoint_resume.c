static char help[] = "An optimization that was interrupted and goes on from its checkpoint is the one that was not.\n\n";

/*
   nsize: 1 2 4
   requires: real double
   args: -malloc_debug false -adj_trust_level none -adj_forward_pc_type redundant -adj_pc_type redundant -adj_tangent_pc_type redundant
*/
#include "inversion.h"
#include "files.h"

typedef struct {
  PetscReal   value;
  PetscInt    its, funcs;
  ADJCounters counters;
  Vec         theta;
} Outcome;

static const char *const file   = "run.ckp";
static PetscReal         weight = 3e-4; /* of |theta|^2: decides how many iterations there are */

/* `its` iterations of a method, from the checkpoint if there is to be one. Its outcome has a copy of the parameters */
static PetscErrorCode Run(MPI_Comm comm, const char type[], PetscInt its, ADJRestartMode mode, PetscInt memory, PetscBool bounded, Outcome *out)
{
  Inversion p;
  Tao       tao;
  Vec       lower, upper;

  PetscFunctionBeginUser;
  PetscCall(InversionCreate(comm, 7, 5, weight, &p));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, 1e-9, 0.0, 0.0));
  PetscCall(TaoSetMaximumIterations(tao, its));
  PetscCall(VecDuplicate(p.theta, &lower));
  PetscCall(VecDuplicate(p.theta, &upper));
  PetscCall(VecSet(lower, 0.0));
  PetscCall(VecSet(upper, 2.0));
  if (bounded) PetscCall(TaoSetVariableBounds(tao, lower, upper));
  PetscCall(ADJSetCheckpoint(p.adj, file));
  PetscCall(ADJSetCheckpointInterval(p.adj, 1000, 0.0)); /* at the end alone */
  PetscCall(ADJSetCheckpointMemory(p.adj, memory));
  PetscCall(ADJSetRestart(p.adj, mode, NULL));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(TaoGetSolutionStatus(tao, &out->its, &out->value, NULL, NULL, NULL, NULL));
  PetscCall(TaoGetCurrentFunctionEvaluations(tao, &out->funcs));
  PetscCall(ADJGetCounters(p.adj, &out->counters));
  PetscCall(VecDuplicate(p.theta, &out->theta));
  PetscCall(VecCopy(p.theta, out->theta));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(InversionDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Distance(Vec x, Vec y, PetscReal *distance)
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(x, NORM_INFINITY, &norm));
  PetscCall(VecAXPY(y, -1.0, x));
  PetscCall(VecNorm(y, NORM_INFINITY, distance));
  *distance /= norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same iterates, and as many solves: `first` iterations, then on to `all` of them */
static PetscErrorCode TestIdentical(const char type[], PetscInt first, PetscInt all, PetscInt memory, PetscBool bounded, const char what[])
{
  Outcome   whole, part, rest;
  PetscReal distance;

  PetscFunctionBeginUser;
  PetscCall(Run(PETSC_COMM_WORLD, type, all, ADJ_RESTART_NONE, memory, bounded, &whole));
  PetscCall(Run(PETSC_COMM_WORLD, type, first, ADJ_RESTART_NONE, memory, bounded, &part));
  PetscCall(Run(PETSC_COMM_WORLD, type, all, ADJ_RESTART_REQUIRED, memory, bounded, &rest));
  PetscCall(TapOk((PetscBool)(part.its == first && whole.its == all && rest.its == all), "%s: iterations %" PetscInt_FMT " and %" PetscInt_FMT ", in one go %" PetscInt_FMT, what, part.its, rest.its, whole.its));
  PetscCall(Distance(whole.theta, rest.theta, &distance));
  PetscCall(TapBelow(distance, 1e-13, "%s: the same iterate", what));
  PetscCall(TapClose(rest.value, whole.value, 1e-13, "%s: the same objective", what));
  PetscCall(TapOk((PetscBool)(rest.counters.map == whole.counters.map && rest.counters.vjp_x == whole.counters.vjp_x), "%s: as many evaluations, %" PetscInt_FMT " and %" PetscInt_FMT, what, rest.counters.map, whole.counters.map));
  PetscCall(TapOk((PetscBool)(rest.counters.forward == whole.counters.forward && rest.counters.adjoint == whole.counters.adjoint), "%s: as many solves, %" PetscInt_FMT " and %" PetscInt_FMT, what, rest.counters.forward, whole.counters.forward));
  PetscCall(TapOk((PetscBool)(rest.funcs == whole.funcs), "%s: as many evaluations for Tao, %" PetscInt_FMT " and %" PetscInt_FMT, what, rest.funcs, whole.funcs));
  PetscCall(TapOk((PetscBool)(part.value > whole.value), "%s: there was something left to do", what));
  PetscCall(VecDestroy(&whole.theta));
  PetscCall(VecDestroy(&part.theta));
  PetscCall(VecDestroy(&rest.theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A method whose memory is lost, or not all there, finds the same minimum */
static PetscErrorCode TestSameMinimum(const char type[], PetscInt first, PetscReal minimum)
{
  Outcome part, rest;

  PetscFunctionBeginUser;
  PetscCall(Run(PETSC_COMM_WORLD, type, first, ADJ_RESTART_NONE, PETSC_DETERMINE, PETSC_FALSE, &part));
  PetscCall(Run(PETSC_COMM_WORLD, type, 5000, ADJ_RESTART_REQUIRED, PETSC_DETERMINE, PETSC_FALSE, &rest));
  PetscCall(TapOk((PetscBool)(part.its == first && rest.its > first), "%s: goes on after %" PetscInt_FMT " iterations to %" PetscInt_FMT, type, part.its, rest.its));
  PetscCall(TapOk((PetscBool)(rest.counters.map > part.counters.map), "%s: counts go on", type));
  PetscCall(TapClose(rest.value, minimum, 1e-8, "%s: the same minimum", type));
  PetscCall(VecDestroy(&part.theta));
  PetscCall(VecDestroy(&rest.theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMethods(void)
{
  const char *const types[] = {TAOBLMVM, TAOBNCG, TAONLS, TAOBNLS, TAOBNTR};
  Outcome           o;
  PetscReal         minimum;

  PetscFunctionBeginUser;
  weight = 3e-2;
  PetscCall(Run(PETSC_COMM_WORLD, TAOBNLS, 100, ADJ_RESTART_NONE, PETSC_DETERMINE, PETSC_FALSE, &o));
  minimum = o.value;
  PetscCall(VecDestroy(&o.theta));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(types); i++) PetscCall(TestSameMinimum(types[i], i < 2 ? 7 : 2, minimum));
  weight = 3e-4;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Written on some processes, taken up on others: one process alone, and all of them */
static PetscErrorCode TestOtherProcesses(void)
{
  Outcome     whole, o;
  PetscMPIInt rank;
  PetscReal   got[2] = {0.0, 0.0};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(Run(PETSC_COMM_WORLD, TAOBLMVM, 16, ADJ_RESTART_NONE, 20, PETSC_FALSE, &whole));
  PetscCall(VecDestroy(&whole.theta));
  PetscCall(Run(PETSC_COMM_WORLD, TAOBLMVM, 8, ADJ_RESTART_NONE, 20, PETSC_FALSE, &o));
  PetscCall(VecDestroy(&o.theta));
  if (rank == 0) {
    PetscCall(Run(PETSC_COMM_SELF, TAOBLMVM, 12, ADJ_RESTART_REQUIRED, 20, PETSC_FALSE, &o));
    got[0] = o.value;
    got[1] = o.its;
    PetscCall(VecDestroy(&o.theta));
  }
  PetscCallMPI(MPI_Bcast(got, 2, MPIU_REAL, 0, PETSC_COMM_WORLD));
  PetscCall(Run(PETSC_COMM_WORLD, TAOBLMVM, 16, ADJ_RESTART_REQUIRED, 20, PETSC_FALSE, &o));
  PetscCall(VecDestroy(&o.theta));
  PetscCall(TapOk((PetscBool)(got[1] == 12.0 && o.its == 16), "from all processes to one, and back"));
  PetscCall(TapOk((PetscBool)(got[0] > o.value), "the one process has made a part of the way"));
  PetscCall(TapClose(o.value, whole.value, 1e-7, "the same objective up to rounding, which 8 iterations amplify"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteAt(Tao tao, void *ctx)
{
  PetscInt it;

  PetscFunctionBeginUser;
  PetscCall(TaoGetIterationNumber(tao, &it));
  if (it == 6) PetscCall(ADJCheckpointWrite((ADJ)ctx, "own.ckp"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A Tao of the user's own: a checkpoint written from a monitor, which comes before the convergence test */
static PetscErrorCode TestOwnTao(void)
{
  Inversion p[2];
  Tao       tao[2];
  PetscReal value[2], again;
  PetscInt  its;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(InversionCreate(PETSC_COMM_WORLD, 7, 5, weight, &p[i]));
    PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao[i]));
    PetscCall(TaoSetType(tao[i], TAOLMVM));
    PetscCall(TaoSetSolution(tao[i], p[i].theta));
    PetscCall(ADJSetTao(p[i].adj, tao[i]));
    PetscCall(TaoSetMaximumIterations(tao[i], 12));
    PetscCall(ADJSetCheckpointMemory(p[i].adj, 12));
    if (i)
      PetscCall(ADJCheckpointLoad(p[i].adj, "own.ckp", p[i].theta));
    else {
      PetscCall(TapError(PETSC_ERR_ORDER, ADJCheckpointWrite(p[i].adj, "own.ckp"), "before the optimization there is nothing to be written"));
      PetscCall(ADJTaoMonitorSet(tao[i], WriteAt, p[i].adj, NULL));
    }
    PetscCall(TaoSolve(tao[i]));
    PetscCall(TaoGetSolutionStatus(tao[i], &its, &value[i], NULL, NULL, NULL, NULL));
    PetscCall(TapOk((PetscBool)(its == 12), "own Tao: iteration %" PetscInt_FMT, its));
  }
  PetscCall(TapClose(value[1], value[0], 1e-13, "own Tao: the same objective"));
  /* and another TaoSolve() is one of its own: nothing of the restart is left */
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(ADJTaoMonitorCancel(tao[i]));
    PetscCall(VecSet(p[i].theta, 0.0));
    PetscCall(VecSet(p[i].x, 0.0));
    PetscCall(TaoSolve(tao[i]));
    PetscCall(TaoGetSolutionStatus(tao[i], &its, i ? &again : &value[0], NULL, NULL, NULL, NULL));
  }
  PetscCall(TapClose(again, value[0], 1e-13, "own Tao: the next TaoSolve() begins anew"));
  PetscCall(TapOk((PetscBool)(its == 12), "own Tao: at iteration 0"));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(TaoDestroy(&tao[i]));
    PetscCall(InversionDestroy(&p[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Files files;
  int   failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestIdentical(TAOBLMVM, 7, 19, 30, PETSC_FALSE, "blmvm"));
  PetscCall(TestIdentical(TAOBLMVM, 7, 15, 30, PETSC_TRUE, "blmvm with bounds"));
  PetscCall(TestIdentical(TAOLMVM, 9, 19, 30, PETSC_FALSE, "lmvm"));
  PetscCall(TestIdentical(TAOBQNLS, 8, 19, 30, PETSC_FALSE, "bqnls"));
  PetscCall(TestIdentical(TAOBQNLS, 8, 15, 30, PETSC_TRUE, "bqnls with bounds"));
  PetscCall(TestIdentical(ADJTAODESCENT, 6, 15, 0, PETSC_FALSE, "descent"));
  PetscCall(PetscOptionsSetValue(NULL, "-adj_tao_blmvm_mat_lmvm_scale_type", "scalar"));
  PetscCall(TestIdentical(TAOBLMVM, 12, 20, 5, PETSC_FALSE, "blmvm, scalar scaling, five earlier iterates"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_tao_blmvm_mat_lmvm_scale_type"));
  PetscCall(PetscOptionsSetValue(NULL, "-adj_tolerance_schedule", "gradient"));
  PetscCall(PetscOptionsSetValue(NULL, "-adj_trust_level", "estimate"));
  PetscCall(TestIdentical(TAOBLMVM, 7, 15, 30, PETSC_FALSE, "blmvm, tolerances that follow the gradient"));
  PetscCall(PetscOptionsClearValue(NULL, "-adj_tolerance_schedule"));
  PetscCall(PetscOptionsSetValue(NULL, "-adj_trust_level", "none"));
  PetscCall(TestMethods());
  PetscCall(TestOtherProcesses());
  PetscCall(TestOwnTao());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
