/*
   The struct of an ADJProx. Each kind fills the operations in its create function.

   A proximal map is the gradient of a convex function (Moreau 1965), so its derivative in z is symmetric, with complex scalars for
   the real inner product Re(w^H v): one product serves as VJP and as JVP.
*/
#ifndef ADJPROXIMPL_H
#define ADJPROXIMPL_H

#include <petsc/private/petscimpl.h>
#include <contragrad.h>

struct _ADJProxOps {
  PetscErrorCode (*apply)(ADJProx, Vec, Vec);                  /* y(z) */
  PetscErrorCode (*mult)(ADJProx, Vec, Vec, Vec);              /* (dy/dz) v */
  PetscErrorCode (*parameter)(ADJProx, Vec, Vec);              /* dy/dp for the number p; NULL: there is none */
  PetscErrorCode (*vjpvecs)(ADJProx, Vec, Vec, Vec, Vec);      /* (dy/da)^T w, (dy/db)^T w; NULL: there are no vectors */
  PetscErrorCode (*jvpvecs)(ADJProx, Vec, Vec, Vec, Vec);      /* (dy/da) adot + (dy/db) bdot */
  PetscErrorCode (*selection)(ADJProx, Vec, PetscReal *, Vec); /* margin, of this process, and mask */
  PetscErrorCode (*destroy)(ADJProx);
};

struct _p_ADJProx {
  PETSCHEADER(struct _ADJProxOps);
  ADJProxKind kind;
  PetscReal   p;    /* threshold, radius or total */
  Vec         a, b; /* lower and upper; center; right-hand side. References, may be NULL */
  PetscInt    bs;
  Vec         work;
  void       *data;
};

PETSC_INTERN PetscErrorCode ADJProxCreate_Private(MPI_Comm, ADJProxKind, ADJProx *);
PETSC_INTERN PetscErrorCode ADJProxCheckVec_Private(ADJProx, Vec, Vec, const char[]);
PETSC_INTERN PetscErrorCode ADJProxGetWork_Private(ADJProx, Vec, Vec *);
PETSC_INTERN PetscErrorCode ADJProxTrySetParameter_Private(ADJProx *, PetscReal);
PETSC_INTERN PetscErrorCode ADJProxTrySetVecs_Private(ADJProx *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJProxNeedsOrder_Private(MPI_Comm, ADJProxKind);

#endif
