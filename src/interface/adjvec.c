/*
   What a vector of vectors does not do itself.
*/
#include <contragrad/private/adjimpl.h>

/* Parts that the user has changed do not tell the whole, whose norm, known from before, would be taken for its norm now. v may be NULL */
PetscErrorCode ADJVecTouched_Private(Vec v)
{
  PetscBool nest;

  PetscFunctionBegin;
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) PetscCall(PetscObjectStateIncrease((PetscObject)v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

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
