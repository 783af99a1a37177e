static char help[] = "The inversion of the groundwater example with its ready-made options, and the files that it writes.\n\n";

/*
   nsize: 1 2
   args: -quiet -malloc_debug false -da_grid_x 33 -da_grid_y 32 -options_file petsc-options/invert.opts -adj_tao_max_it 5
   args: -quiet -malloc_debug false -da_grid_x 12 -da_grid_y 11 -sigma 0.02 -twin_wells 5,4 -reg_weight 10 -options_file petsc-options/invert-newton.opts -adj_tao_max_it 4
   requires: real
   allow: leaks
   links: examples/groundwater
*/
#include "../examples/groundwater/inversion.h"
#include "tap.h"
#include <stdlib.h>

static char directory[PETSC_MAX_PATH_LEN];

static PetscErrorCode MakeDirectory(Inversion inv)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    const char *tmp = getenv("TMPDIR");

    PetscCall(PetscSNPrintf(directory, sizeof(directory), "%s/inversionXXXXXX", tmp ? tmp : "/tmp"));
    PetscCheck(mkdtemp(directory), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot make %s", directory);
  }
  PetscCallMPI(MPI_Bcast(directory, PETSC_MAX_PATH_LEN, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(PetscSNPrintf(inv->series, sizeof(inv->series), "%s/s", directory));
  PetscCall(PetscSNPrintf(inv->panel, sizeof(inv->panel), "%s/p", directory));
  inv->interval = 2;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Exists(const char name[])
{
  char        path[2 * PETSC_MAX_PATH_LEN];
  PetscBool   there = PETSC_TRUE;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", directory, name));
  if (rank == 0) PetscCall(PetscTestFile(path, 'r', &there));
  PetscCall(TapOk(there, "%s is written", name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the panel reads as the recovered field is that field */
static PetscErrorCode TestField(Inversion inv)
{
  char      path[2 * PETSC_MAX_PATH_LEN];
  Vec       v;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/p_recovered.bin", directory));
  PetscCall(VecDuplicate(inv->theta, &v));
  PetscCall(AquiferLoadTheta(inv->aq, path, v));
  PetscCall(VecAXPY(v, -1.0, inv->theta));
  PetscCall(VecNorm(v, NORM_INFINITY, &error));
  PetscCall(TapOk((PetscBool)(error == 0.0), "the recovered field can be read"));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *const name[] = {"s.pvd", "s_0000.vts", "s_0002.vts", "s_0004.vts", "p.gp", "p_history.csv", "p_wells.csv", "p_truth.bin", "p_start.bin"};
  Aquifer           aq;
  Inversion         inv;
  Vec               g;
  PetscReal         first;
  PetscMPIInt       rank;
  int               failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &aq));
  PetscCall(AquiferSetFromOptions(aq));
  PetscCall(AquiferSetUp(aq));
  PetscCall(InversionCreate(aq, &inv));
  PetscCall(MakeDirectory(inv));
  PetscCall(VecDuplicate(inv->theta, &g));
  PetscCall(ADJComputeObjectiveAndGradient(inv->adj, inv->theta, &first, g));
  PetscCall(VecDestroy(&g));
  PetscCall(InversionSolve(inv));
  PetscCall(TapBelow(inv->objective, 0.5 * first, "the objective falls: %s", TaoConvergedReasons[inv->reason]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(name); i++) PetscCall(Exists(name[i]));
  PetscCall(TestField(inv));
  PetscCall(InversionDestroy(&inv));
  PetscCall(AquiferDestroy(&aq));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) PetscCall(PetscRMTree(directory));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
