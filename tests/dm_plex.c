static char help[] = "Functions on the local vectors of a DMPLEX, theta on its cells.\n\n";

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
  PetscCall(TapPlex(PLEX_CELLS, 2, "a coefficient on cells"));
  PetscCall(TapPlex(PLEX_CELLS, 3, "a coefficient on cells"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
