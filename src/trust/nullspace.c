/*
   Singular problems: null vectors U of M and W of M^T that the user knows.
*/
#include <contragrad/private/adjimpl.h>

PetscErrorCode ADJSetNullSpace(ADJ adj, MatNullSpace right, MatNullSpace left)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  (void)right;
  (void)left;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJGetNullSpace(ADJ adj, MatNullSpace *right, MatNullSpace *left)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (right) *right = adj->nullright;
  if (left) *left = adj->nullleft;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of ADJSetUp(): the shells exist */
PetscErrorCode ADJNullSpaceAttach_Private(ADJ adj)
{
  PetscFunctionBegin;
  (void)adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W spans an invariant subspace of A^T: the rest of its spectrum is what matters */
PetscErrorCode ADJNullSpaceDeflate_Private(ADJ adj, EPS eps)
{
  PetscFunctionBegin;
  (void)adj;
  (void)eps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJNullSpaceReset_Private(ADJ adj)
{
  PetscFunctionBegin;
  (void)adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* in: v, or thetadot */
PetscErrorCode ADJCheckNullSpace_Private(ADJ adj, Vec in, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  (void)adj;
  (void)in;
  (void)rec;
  (void)rep;
  PetscFunctionReturn(PETSC_SUCCESS);
}
