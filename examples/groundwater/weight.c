#include "inversion.h"
PetscErrorCode WeightSolve(Inversion inv)
{
  PetscFunctionBeginUser;
  PetscCall(ADJMinimize(inv->adj, inv->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}
