static char help[] = "Functions on the local vectors of a DMPLEX, theta on its cells.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_forward_ksp_rtol 1e-8 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "dm_plex.h"

/* Without them the values above are those of another problem */
static PetscErrorCode TestTied(void)
{
  PetscReal   free, tied;
  PetscScalar slope;

  PetscFunctionBeginUser;
  PetscCall(PlexValueAndSlope(PETSC_COMM_WORLD, PLEX_CELLS, 2, &free, &slope));
  PetscCall(PlexValueAndSlope(PETSC_COMM_WORLD, PLEX_TIED, 2, &tied, &slope));
  PetscCall(TapOk((PetscBool)(tied > 1.1 * free), "dependent unknowns change the solution: %g, %g", (double)free, (double)tied));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TapPlex(PLEX_CELLS, 2, "a coefficient on cells"));
  PetscCall(TapPlex(PLEX_CELLS, 3, "a coefficient on cells"));
  PetscCall(TapPlex(PLEX_TIED, 2, "unknowns that depend on others"));
  PetscCall(TapPlex(PLEX_TIED, 3, "unknowns that depend on others"));
  PetscCall(TestTied());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
