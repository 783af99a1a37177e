/*
   Nonsmooth iterations: the joint spectral radius of the selections of dF/dx.
*/
#include <contragrad/private/adjimpl.h>

PetscErrorCode ADJSetSelections(ADJ adj, PetscInt n, ADJSelectionFn *vjp, ADJSelectionFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->nselections  = n;
  adj->selectionvjp = vjp;
  adj->selectionjvp = jvp;
  adj->selectionctx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSetSelectionsLength(ADJ adj, PetscInt length)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->selectionlength = length;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSelectionsReset_Private(ADJ adj)
{
  PetscFunctionBegin;
  (void)adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckSelections_Private(ADJ adj, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  (void)adj;
  (void)rep;
  PetscFunctionReturn(PETSC_SUCCESS);
}
