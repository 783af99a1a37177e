/*
   The certificate: a bound of a derivative's error that fails with a given probability only.
*/
#include <contragrad/private/adjimpl.h>

PetscErrorCode ADJSetTrustCertificate(ADJ adj, PetscInt samples, PetscReal failure)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->trustsamples = samples;
  adj->trustfailure = failure;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* in, out: v and thetabar, or thetadot and xdot */
PetscErrorCode ADJCheckCertificate_Private(ADJ adj, Vec in, Vec out, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  PetscFunctionBegin;
  (void)adj;
  (void)in;
  (void)out;
  (void)rec;
  (void)rep;
  PetscFunctionReturn(PETSC_SUCCESS);
}
