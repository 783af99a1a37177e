static char help[] = "Dirichlet conditions as constrained unknowns of a DMPLEX: the gradient with respect to the boundary values.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_forward_ksp_rtol 1e-8 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "dm_plex.h"

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TapPlex(PLEX_SET, 2, "values written by the function"));
  PetscCall(TapPlex(PLEX_SET, 3, "values written by the function"));
  PetscCall(TapPlex(PLEX_BOUNDARY, 2, "values of DMAddBoundary()"));
  PetscCall(TapPlex(PLEX_BOUNDARY, 3, "values of DMAddBoundary()"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
