/*
   Assertions on the four checks of null spaces, and a way to change a null vector.
*/
#ifndef CONTRAGRAD_NULLSPACE_H
#define CONTRAGRAD_NULLSPACE_H

#include <contragrad.h>
#include "tap.h"

static inline PetscErrorCode TapCheck(ADJ adj, ADJCheck which, ADJCheckStatus status, const char what[])
{
  ADJTrustCheck check;

  PetscFunctionBegin;
  PetscCall(ADJGetTrustCheck(adj, which, &check));
  PetscCall(TapOk((PetscBool)(check.status == status), "%s: check %s is %s", what, ADJChecks[which], ADJCheckStatuses[status]));
  if (check.status != status) PetscCall(TapDiag("it is %s with %g", ADJCheckStatuses[check.status], (double)check.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode TapNullSpacePassed(ADJ adj, ADJPhase phase, const char what[])
{
  ADJTrust verdict;

  PetscFunctionBegin;
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: the verdict is ESTIMATED", what));
  if (verdict != ADJ_TRUST_ESTIMATED) PetscCall(ADJTrustView(adj, NULL));
  PetscCall(TapCheck(adj, ADJ_CHECK_NULLSPACE, ADJ_CHECK_PASSED, what));
  PetscCall(TapCheck(adj, ADJ_CHECK_DEFECT, ADJ_CHECK_PASSED, what));
  PetscCall(TapCheck(adj, ADJ_CHECK_SOLVABILITY, ADJ_CHECK_PASSED, what));
  PetscCall(TapCheck(adj, ADJ_CHECK_PERSISTENCE, phase == ADJ_PHASE_ADJOINT ? ADJ_CHECK_PASSED : ADJ_CHECK_SKIPPED, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By this check, which says what to do, and by none that comes before it in the order of reasons */
static inline PetscErrorCode TapNullSpaceRefused(ADJ adj, ADJCheck which, const char what[])
{
  ADJTrustCheck check;
  ADJTrust      verdict;

  PetscFunctionBegin;
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_NULLSPACE), "%s: the verdict is REFUTED_NULLSPACE", what));
  if (verdict != ADJ_TRUST_REFUTED_NULLSPACE) PetscCall(ADJTrustView(adj, NULL));
  for (PetscInt i = ADJ_CHECK_NULLSPACE; i < (PetscInt)which; i++) PetscCall(TapCheck(adj, (ADJCheck)i, ADJ_CHECK_PASSED, what));
  PetscCall(TapCheck(adj, which, ADJ_CHECK_FAILED, what));
  PetscCall(ADJGetTrustCheck(adj, which, &check));
  PetscCall(TapOk((PetscBool)(check.advice && check.threshold > 0.0), "%s: with advice and limit", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc locks the vectors of a null space (in debug builds, later in all) */
static inline PetscErrorCode SetLocked(Vec v, PetscScalar value)
{
  PetscInt locks = 0;

  PetscFunctionBeginUser;
  PetscCall(VecLockGet(v, &locks));
  if (locks > 0) PetscCall(VecLockReadPop(v));
  PetscCall(VecSet(v, value));
  if (locks > 0) PetscCall(VecLockReadPush(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
