/*
   Operations that a vector of vectors does not have.
*/
#include <contragrad/private/adjimpl.h>

/* w = min(x, y) */
PetscErrorCode ADJVecPointwiseMin_Private(Vec w, Vec x, Vec y)
{
  PetscBool nest;
  PetscInt  n;
  Vec      *part[3];

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)w, VECNEST, &nest));
  if (!nest) {
    PetscCall(VecPointwiseMin(w, x, y));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecNestGetSubVecs(w, &n, &part[0]));
  PetscCall(VecNestGetSubVecs(x, NULL, &part[1]));
  PetscCall(VecNestGetSubVecs(y, NULL, &part[2]));
  for (PetscInt i = 0; i < n; i++) PetscCall(ADJVecPointwiseMin_Private(part[0][i], part[1][i], part[2][i]));
  PetscCall(PetscObjectStateIncrease((PetscObject)w));
  PetscFunctionReturn(PETSC_SUCCESS);
}
