/*
   The adapter of a SNES: snes.c, its Jacobian: snesjacobian.c, what a test puts away: snestest.c.
*/
#ifndef ADJSNES_H
#define ADJSNES_H

#include <contragrad/private/adjimpl.h>
#include <petsc/private/snesimpl.h>

typedef PetscErrorCode ADJSNESJacobianFn(SNES, Vec, Mat, Mat, void *);

/* Where the Jacobian came from when it was taken; only compared, nothing is referenced */
typedef struct {
  Mat                A, P; /* of the SNES */
  ADJSNESJacobianFn *fn;
  PetscBool          copies; /* those are left as they were, copies serve */
  PetscBool          symmetric;
} ADJSNESOrigin;

/* What a matrix of the user's held before it was evaluated */
typedef struct {
  Mat              values;
  PetscObjectState state, nonzerostate;
} ADJSNESHeld;

/* What a test changes in the solver */
typedef struct {
  PetscReal           rtol, stol, norm;
  PetscInt            nmonitors, nreasonviews, gridsequence, iter, linear_its, nfuncs, jac_iter, pre_iter, lagjacobian, lagpreconditioner;
  size_t              histmax, histlen;
  PetscBool           errorifnotconverged, lagjacpersist, lagprepersist, outlives;
  SNESConvergedReason reason;
  PetscErrorCode (*converged)(SNES, PetscInt, PetscReal, PetscReal, PetscReal, SNESConvergedReason *, void *);
  void *cnvP;
  PetscErrorCode (*monitor)(SNES, PetscInt, PetscReal, void *); /* the first, in whose place ours will be */
  ADJCtxDestroyFn *monitordestroy;
  void            *monitorctx;
  Vec              sol, func;
  ADJSNESHeld      A, P; /* where the Jacobian outlives a solve */
} ADJSNESSaved;

typedef struct {
  SNES          snes;
  ADJSNESOrigin origin;
  PetscBool     created;    /* adj->jacobian.P is our own, since this type of SNES has none */
  DM            dm;         /* that became adj->dm; only compared */
  Vec           shifted[2]; /* of an operator by differences */
  Vec           f;          /* F(x) beside the Jacobian, for those Jacobians that want it */
  ADJSNESSaved  saved;
} ADJ_SNES;

PETSC_INTERN PetscErrorCode ADJChanged_SNES(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJTakeJacobian_SNES(ADJ);
PETSC_INTERN PetscErrorCode ADJDropJacobian_SNES(ADJ);
PETSC_INTERN PetscErrorCode ADJComputeFunction_SNES(SNES, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTighten_SNES(ADJ, PetscBool);
PETSC_INTERN PetscErrorCode ADJHoldMat_SNES(Mat, ADJSNESHeld *);
PETSC_INTERN PetscErrorCode ADJPutBackMat_SNES(Mat, ADJSNESHeld *);

/* Whether the Jacobian, or its preconditioner, of one solve serves in the next */
static inline PetscBool ADJLagOutlivesSolve_SNES(SNES snes)
{
  return (PetscBool)(snes->lagjacobian < 0 || snes->lagpreconditioner < 0 || (snes->lagjac_persist && snes->lagjacobian > 1) || (snes->lagpre_persist && snes->lagpreconditioner > 1));
}

#endif
