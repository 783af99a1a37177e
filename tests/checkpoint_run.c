static char help[] = "An inversion that may be interrupted and started again, for tests/kill.t.\n\n"
                     "  -da_grid_x <16> -da_grid_y <12> : points of the grid\n"
                     "  -weight <1e-5>                  : of |theta|^2; the smaller, the more iterations\n"
                     "  -pause <0>                      : seconds of rest after each iteration\n\n";

/*
   nsize: 1 2
   requires: real double
   args: -malloc_debug false -adj_trust_level none -adj_tao_type bnls -da_grid_x 6 -da_grid_y 5 -weight 1e-2
*/
#include "inversion.h"

static PetscErrorCode Pause(Tao tao, void *ctx)
{
  PetscFunctionBeginUser;
  (void)tao;
  PetscCall(PetscSleep(*(PetscReal *)ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Inversion          p;
  Tao                tao;
  TaoConvergedReason reason;
  PetscInt           M = 16, N = 12, its;
  PetscReal          pause = 0.0, weight = 1e-5, value, elapsed;
  ADJCounters        counters;
  int                failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-da_grid_x", &M, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-da_grid_y", &N, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-pause", &pause, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-weight", &weight, NULL));
  PetscCall(TapBegin());
  PetscCall(InversionCreate(PETSC_COMM_WORLD, M, N, weight, &p));
  PetscCall(ADJGetTao(p.adj, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-9, 0.0, 0.0));
  if (pause > 0.0) PetscCall(ADJTaoMonitorSet(tao, Pause, &pause, NULL));
  PetscCall(ADJMinimize(p.adj, p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(TaoGetSolutionStatus(tao, &its, &value, NULL, NULL, NULL, NULL));
  PetscCall(ADJGetElapsedTime(p.adj, &elapsed));
  PetscCall(ADJGetCounters(p.adj, &counters));
  PetscCall(TapOk((PetscBool)(reason > 0 || reason == TAO_DIVERGED_MAXITS), "the optimization ends with %s", TaoConvergedReasons[reason]));
  PetscCall(TapDiag("objective %.17e after %" PetscInt_FMT " iterations, %" PetscInt_FMT " evaluations of the residual, %.2f s", (double)value, its, counters.map, (double)elapsed));
  PetscCall(InversionDestroy(&p));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
