static char help[] = "Which forward preconditioner serves the adjoint, and how well: a line of the table for each, on this number of processes.\n"
                     "  -n <65>       : points in each direction\n"
                     "  -row <number> : this row alone; -1: all\n"
                     "  -solve        : what KSPSolveTranspose() of the forward solver makes of it, instead\n"
                     "  -rows         : print the number of rows, the release and the scalars of PETSc\n\n";

/*
   links:
*/
#include "../transposes.h"

static const char *const ksps[] = {"gmres", "bcgs", "fgmres"};

/* name|kind|processes|choice|forward its|its of each KSP|largest residual|largest error; with a symmetric operator the first KSP is what is taken by default */
static PetscErrorCode PrintRow(const FlowRow *row, PetscInt n)
{
  FlowResult  r[3];
  PetscMPIInt size;
  PetscReal   residual = 0.0, error = 0.0;
  const char *kinds[] = {"wind", "symmetric", "coupled"};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(FlowRunRow(row, n, row->kind == FLOW_SYMMETRIC && i == 0 ? NULL : ksps[i], "", &r[i]));
    residual = PetscMax(residual, r[i].residual);
    error    = PetscMax(error, r[i].error);
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s|%s|%d|%s|%" PetscInt_FMT "|%" PetscInt_FMT "|%" PetscInt_FMT "|%" PetscInt_FMT "|%.0e|%.0e\n", row->name, kinds[row->kind], size, r[0].choice, r[0].fits, r[0].its, r[1].its, r[2].its, (double)residual, (double)error));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* its, true residual */
static PetscErrorCode PrintSolveTranspose(const FlowRow *row, PetscInt n)
{
  Flow           f;
  PetscOptions   opts;
  KSP            ksp;
  Vec            w, r;
  PetscReal      norm, residual;
  PetscInt       its;
  PetscErrorCode ierr;
  char           options[1024];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-snes_type ksponly -ksp_rtol 1e-8 %s", row->options));
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(FlowCreate(row->kind, n, 0.0, &f));
  PetscCall(FlowPut(NULL, f.theta, &f));
  PetscCall(SNESSolve(f.snes, NULL, f.x));
  PetscCall(SNESGetKSP(f.snes, &ksp));
  PetscCall(VecDuplicate(f.v, &w));
  PetscCall(VecDuplicate(f.v, &r));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = KSPSolveTranspose(ksp, f.v, w);
  PetscCall(PetscPopErrorHandler());
  if (ierr)
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "error\n"));
  else {
    PetscCall(MatMultTranspose(f.J, w, r));
    PetscCall(VecAXPY(r, -1.0, f.v));
    PetscCall(VecNorm(r, NORM_2, &residual));
    PetscCall(VecNorm(f.v, NORM_2, &norm));
    PetscCall(KSPGetIterationNumber(ksp, &its));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%" PetscInt_FMT ", %.0e\n", its, (double)(residual / norm)));
  }
  PetscCall(PetscOptionsPop());
  PetscFunctionReturn(PETSC_SUCCESS); /* after an error nothing can be freed safely */
}

int main(int argc, char **argv)
{
  const PetscInt rows = (PetscInt)PETSC_STATIC_ARRAY_LENGTH(flowrows);
  PetscInt       n = 65, row = -1;
  PetscBool      count = PETSC_FALSE, solve = PETSC_FALSE;
  PetscMPIInt    size;
  Files          files;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-row", &row, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-rows", &count, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-solve", &solve, NULL));
  PetscCheck(row < rows && (!solve || row >= 0), PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "There are %" PetscInt_FMT " rows; -solve takes one of them", rows);
  if (count) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%" PetscInt_FMT " %d.%d %s\n", rows, PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PetscDefined(USE_COMPLEX) ? "complex" : "real"));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(FilesBegin(&files));
  for (PetscInt i = row < 0 ? 0 : row; i < (row < 0 ? rows : row + 1) && !count; i++) {
    if (!flowrows[i].there || size > flowrows[i].most) continue;
    if (solve) PetscCall(PrintSolveTranspose(&flowrows[i], n));
    if (!solve) PetscCall(PrintRow(&flowrows[i], n));
  }
  PetscCall(FilesEnd(&files));
  PetscCall(SlepcFinalize());
  return 0;
}
