/*
   A KSP of the user's: ksp.c, its solves; kspsystem.c, its system A(theta) x = b(theta).
*/
#ifndef ADJKSP_H
#define ADJKSP_H

#include <contragrad/private/adjimpl.h>
#include <petsc/private/kspimpl.h>
#include <petsc/private/pcimpl.h>

/* Where b comes from */
typedef enum {
  ADJ_RHS_THETA,   /* theta is b */
  ADJ_RHS_VEC,     /* a vector whose values the user's function of ADJSetParameters() may change */
  ADJ_RHS_COMPUTED /* KSPSetComputeRHS(), into the vector that the KSP holds */
} ADJRhsSource;

typedef struct {
  KSP          ksp;
  Vec          given; /* by ADJSetRhs() */
  Vec          held;  /* by the KSP */
  Vec          work;
  ADJRhsSource source;
  PetscBool    computes; /* A comes from KSPSetComputeOperators() */
  PetscBool    fresh;    /* and was computed here since the KSP was set up last */
  MatNullSpace taken;    /* from A: that is why adj->nullright is set; not referenced, only compared */
  struct {               /* of the user, while a test runs */
    PetscReal          rtol, abstol;
    KSPConvergedReason reason;
    PetscInt           its, totalits, nmonitors, nreasonviews;
    size_t             histlen, histmax;
    Vec                sol, rhs;
  } saved;
} ADJ_KSP;

PETSC_INTERN PetscErrorCode ADJChanged_KSP(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJPut_KSP(ADJ);
PETSC_INTERN PetscErrorCode ADJEnsureComputed_KSP(ADJ);
PETSC_INTERN PetscErrorCode ADJGetRhs_KSP(ADJ, Vec, Vec *);
PETSC_INTERN PetscErrorCode ADJGetCleanRhs_KSP(ADJ, Vec, Vec *);
PETSC_INTERN PetscErrorCode ADJMap_KSP(ADJ, Vec, Vec, Vec, void *);
PETSC_INTERN PetscErrorCode ADJParameterVJP_KSP(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTakeNullSpace_KSP(ADJ);
PETSC_INTERN PetscErrorCode ADJSetUp_KSP(ADJ);

#endif
