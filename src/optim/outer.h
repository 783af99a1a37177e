/*
   What an outer optimization in theta keeps, shared by the files of this folder.
*/
#ifndef ADJOUTER_H
#define ADJOUTER_H

#include <contragrad/private/adjimpl.h>
#include <petsc/private/taoimpl.h>

/* What is known at one theta */
typedef struct {
  PetscObjectId id;     /* of the state found there; 0: nothing is known */
  PetscBool     failed; /* there is no state, or the objective is not finite there */
  PetscBool     pulled; /* the gradient is known */
  Vec           theta, gradient;
  PetscReal     value, error; /* error: estimate, where the gradient is known */
} ADJEvaluation;

/* Where products with the Hessian are made: the matrix has its own copies, as trial points come and go */
typedef struct {
  ADJ           adj;
  PetscObjectId id;                                          /* of the state; 0: none */
  PetscInt      linearization;                               /* number of the last one made here */
  PetscBool     differences;                                 /* of gradients: there is no adjoint to hold fixed, or that was asked for */
  Vec           x, theta, w;                                 /* state, parameters, adjoint */
  Vec           x0;                                          /* where steps that are a model start, else NULL */
  Vec           xdot, wdot;                                  /* tangent, and the derivative of the adjoint along it */
  Vec           rhs, part, xd, thetad, xbar[2], thetabar[2]; /* work */
} ADJHessian;

struct _n_ADJOuter {
  Tao           tao;             /* referenced */
  ADJEvaluation last;            /* the last evaluation */
  ADJEvaluation iterate;         /* the last iterate, about which a failed point is mirrored; its gradient is known */
  Vec           x;               /* state of the last forward solve that succeeded */
  Vec           xiterate;        /* that of the last iterate: trial points start there */
  Vec           x0;              /* first guess: where steps that are differentiated always start */
  PetscBool     succeeded;       /* at some point there was a state */
  PetscReal     highest;         /* value so far, in size */
  ADJTrust      refused;         /* verdict that stops the optimization; ADJ_TRUST_NONE: none does */
  ADJTrust      doubted;         /* verdict on the last trial point whose gradient was refused, a step that was rejected */
  PetscInt      rejected;        /* points where the forward solve failed, or the gradient was refused */
  PetscInt      iterations;      /* of the optimizer, in this optimization */
  PetscReal     tol;             /* of the inner solves at the present iterate; 0: their own */
  PetscObjectId tolof;           /* for which iterate that is */
  PetscReal     offset;          /* what the optimizer was told at its iterate, less what is known now */
  PetscReal     norm, firstnorm; /* of the gradient, or what the optimizer looks at, now and first */
};

PETSC_INTERN PetscErrorCode ADJGetOuter_Private(ADJ, ADJOuter *);
PETSC_INTERN PetscErrorCode ADJEvaluateBegin_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJEvaluate_Private(ADJ, Vec, PetscBool);
PETSC_INTERN PetscErrorCode ADJNoteStuck_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJEvaluationIsAt_Private(const ADJEvaluation *, Vec, PetscBool *);
PETSC_INTERN PetscErrorCode ADJEvaluationAccept_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJEvaluationMirror_Private(ADJ, Vec, PetscReal *, Vec);
PETSC_INTERN PetscErrorCode ADJToleranceSetFromOptions_Private(ADJ, ADJOptionItems);
PETSC_INTERN PetscErrorCode ADJEvaluateMissing_Private(ADJ, Vec, PetscBool);
PETSC_INTERN PetscErrorCode ADJNoteRefusal_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJKeepsAdjoint_Private(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJCreateHessianOf_Private(ADJ, Vec, Mat *);
PETSC_INTERN PetscErrorCode ADJHessianLinearize_Private(ADJHessian *);
PETSC_INTERN PetscErrorCode ADJHessianSolveTangent_Private(ADJHessian *, Vec);
PETSC_INTERN PetscErrorCode ADJHessianSolveAdjoint_Private(ADJHessian *);
PETSC_INTERN PetscErrorCode ADJHessianMoveTo_Private(ADJHessian *, PetscObjectId, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJHessianDestroyVecs_Private(ADJHessian *);
PETSC_INTERN PetscErrorCode ADJMisfitObjective_Private(ADJ, Vec, Vec, PetscReal *, Vec, Vec, void *);
PETSC_INTERN PetscErrorCode ADJMisfitHessian_Private(ADJ, Vec, Vec, Vec, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJMisfitSetTao_Private(ADJ, Tao);
PETSC_INTERN PetscErrorCode ADJTaoEnter_Private(ADJ, Tao);
PETSC_INTERN PetscErrorCode ADJTaoEvaluate_Private(ADJ, Tao, Vec, PetscReal *, Vec);
PETSC_INTERN PetscErrorCode ADJHessianByProducts_Private(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJHessianSetPoint_Private(ADJ, Vec, Mat);
PETSC_INTERN PetscErrorCode ADJHessianAtIterate_Private(ADJ, Vec, Mat);
PETSC_INTERN PetscErrorCode ADJHessianDifferences_Private(ADJHessian *, Vec, Vec);

#endif
