/*
   What a borrowed Tao needs, shared by tao.c, taoresidual.c, taobounds.c and taoconstraints.c. With f the objective, l <= x <= u the
   bounds and c(x) = 0 the constraints, the state is z = (x, nu), on each process its part of x, then its part of nu, and

       R_F = [grad f(x') + J(x')^T nu]_F,   R_A = kappa (x - x')_A,   R_c = c(x'),     x'_F = x_F, x'_A = the active bounds,

   F free and A active, J = dc/dx. F and A are those of the solution and stay as they are, so R is smooth; as x' stands in place of x its
   Jacobian is symmetric, W being the Hessian of the Lagrangian,

       M = [P_F W P_F + kappa P_A,  P_F J^T;  J P_F,  0].
*/
#ifndef ADJTAO_H
#define ADJTAO_H

#include <contragrad/private/adjimpl.h>
#include <petsc/private/taoimpl.h>

/* The active set of one solution */
typedef struct {
  PetscBool     known;
  PetscObjectId id;           /* of the state */
  IS            lower, upper; /* what stands at these bounds */
  VecScatter    tolower, toupper;
  Vec           free;  /* 1 where a variable is free, else 0 */
  PetscReal     kappa; /* curvature: makes a gradient of a distance */
  PetscReal     least; /* min_i max(kappa distance_i, |multiplier_i|) */
  PetscReal     gnorm; /* largest component of the gradient */
  PetscReal     scale; /* of the gradient; negative: not known yet */
} ADJTaoActive;

typedef struct {
  Tao              tao;
  PetscBool        bounded, constrained, hessian; /* the latter: the Tao has a Hessian that is used */
  IS               primal, dual;                  /* x and nu in the state */
  Vec              x, nu;                         /* where the operator was linearized; x is x' */
  Vec              point, grad, dir, image, shifted, mult, cons;
  Vec              masked;  /* as the state */
  Mat              J;       /* copy of the constraints' Jacobian at x; NULL: it cannot be copied, that of the Tao is brought to x */
  Mat              P;       /* copy of the preconditioner's matrix; NULL: none, or that of the Tao itself */
  PetscObjectState pattern; /* of the matrix that it was copied from */
  PetscObjectState hstate;  /* of the Hessian when it was evaluated here */
  ADJTaoActive     active;
  PetscReal        gatol, grtol, gttol; /* of the user, while a test has tightened them */
} ADJ_Tao;

PETSC_INTERN PetscErrorCode ADJTaoGet_Private(ADJ, ADJ_Tao **);

/* taoresidual.c */
PETSC_INTERN PetscErrorCode ADJMap_Tao(ADJ, Vec, Vec, Vec, void *);
PETSC_INTERN PetscErrorCode ADJTaoSplit_Private(ADJ_Tao *, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTaoJoin_Private(ADJ_Tao *, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTaoGradient_Private(ADJ, ADJ_Tao *, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTaoHessian_Private(ADJ, ADJ_Tao *, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJUpdate_Tao(ADJ, Vec, Vec, Mat, Mat, void *);
PETSC_INTERN PetscErrorCode MatMult_ADJ_Tao(Mat, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTaoCreatePreconditioner_Private(ADJ, ADJ_Tao *, Mat *);

/* taobounds.c */
PETSC_INTERN PetscErrorCode ADJTaoIdentify_Private(ADJ, ADJ_Tao *, Vec);
PETSC_INTERN PetscErrorCode ADJTaoGuessActive_Private(ADJ_Tao *);
PETSC_INTERN PetscErrorCode ADJTaoFreeze_Private(ADJ, ADJ_Tao *, Vec, Vec, PetscBool *);
PETSC_INTERN PetscErrorCode ADJTaoPutBounds_Private(ADJ_Tao *, Vec);
PETSC_INTERN PetscErrorCode ADJTaoClip_Private(ADJ_Tao *, Vec);
PETSC_INTERN PetscErrorCode ADJTaoForget_Private(ADJTaoActive *);
PETSC_INTERN PetscErrorCode ADJMask_Tao(ADJ, Vec, Vec *);
PETSC_INTERN PetscErrorCode ADJCheck_Tao(ADJ, ADJTrustReport *);

/* taoconstraints.c */
PETSC_INTERN PetscErrorCode ADJTaoLayout_Private(ADJ, ADJ_Tao *);
PETSC_INTERN PetscErrorCode ADJTaoForgetLayout_Private(ADJ_Tao *);
PETSC_INTERN PetscErrorCode ADJTaoConstraintJacobian_Private(ADJ_Tao *, Vec);
PETSC_INTERN PetscErrorCode ADJTaoCopyConstraintJacobian_Private(ADJ_Tao *);
PETSC_INTERN PetscErrorCode ADJTaoConstraints_Private(ADJ_Tao *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTaoMultipliers_Private(ADJ, ADJ_Tao *, Vec);

#endif
