static char help[] = "Any preconditioner of the forward solver gives the right gradient by default.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
   timeout: 600
*/
#include "transposes.h"

/* Small: a thing of a moment each. tests/bench/transposes.c measures them on a larger grid, with several KSPs */
static PetscErrorCode TestRow(const FlowRow *row)
{
  FlowResult  r;
  PetscMPIInt size;
  PetscBool   expected = PETSC_TRUE, inner;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (!row->there || size > row->most) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FlowRunRow(row, 17, NULL, "-adj_ksp_rtol 1e-9", &r));
  if (row->route) PetscCall(PetscStrbeginswith(r.choice, row->route, &expected));
  PetscCall(TapOk(expected, "%s, kind %d: %s", row->name, row->kind, r.choice));
  PetscCall(TapBelow(r.residual, 1e-8, "%s, kind %d: residual", row->name, row->kind));
  PetscCall(TapBelow(r.error, 1e-7, "%s, kind %d: gradient against LU", row->name, row->kind));
  PetscCall(PetscStrbeginswith(row->name, "ksp", &inner)); /* 5 iterations in each */
  PetscCall(TapOk((PetscBool)(r.its <= (inner ? 10 : 2) * r.fits + 5), "%s, kind %d: %" PetscInt_FMT " iterations of the adjoint, %" PetscInt_FMT " forward", row->name, row->kind, r.its, r.fits));
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
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(flowrows); i++) PetscCall(TestRow(&flowrows[i]));
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
