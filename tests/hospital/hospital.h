/*
   The catalogue of sick and healthy problems. A patient is a line of a table: most of them are variants of

       F(x, theta) = g(A x + B tau(theta) + c),   or   R = x - F,

   g and tau by component, where c puts the solution x* where it is wanted. Everything depends on global indices alone, and
   each process has the coefficients as plain arrays too: they give the derivative without a line of the library.
*/
#ifndef HOSPITAL_H
#define HOSPITAL_H

#include "../problems.h"

/* A; `rho` is its spectral radius, `kappa` a second number */
typedef enum {
  A_REAL,     /* of problems.h; the leading eigenvalue is -rho */
  A_PAIRS,    /* of problems.h: complex pairs */
  A_CLUSTER,  /* of problems.h: rho (1 - i/1000), symmetric */
  A_ZERO,     /* 0 */
  A_JORDAN,   /* blocks [rho, kappa; 0, rho] */
  A_GRCAR,    /* Grcar's matrix, times rho/2.3 */
  A_RING,     /* periodic stencil rho [0.2, 0.5, 0.3] */
  A_SMOOTH,   /* periodic stencil [0.25, 0.5, 0.25]: eigenvalue 1, null vectors constant */
  A_NEUMANN,  /* the same between two walls */
  A_MARKOV,   /* periodic and row-stochastic: eigenvalue 1, right null vector constant, left one not */
  A_TWORINGS, /* two copies of A_SMOOTH: eigenvalue 1 twice */
  A_DIAGONAL, /* +-rho i/n, and kappa in the middle */
  A_GRADED    /* I - A has the diagonal 10^rho ... 10^kappa, and 0.3 of it beside */
} Shape;

/* g or tau; `s` or `t` is a number in it. The last five have kinks */
typedef enum {
  C_LINEAR, /* u */
  C_SQUARE, /* u + s u^2 */
  C_EXP,    /* s (exp(u) - 1) */
  C_TANH,   /* s tanh(u) */
  C_ABS,    /* u + s |u| */
  C_RELU,   /* max(u, 0) */
  C_SOFT,   /* soft threshold at s */
  C_BOX     /* projection on [-s, s] */
} Curve;

/* Argument of g at the solution: between 0.3 and 1 in size; the same, but at a kink in the middle; 0; wherever c = 10 puts it */
typedef enum { AT_WAVE,
               AT_KINK,
               AT_ZERO,
               AT_NOWHERE } Place;
typedef enum { FROM_ZERO,
               FROM_NEAR,
               FROM_SOLUTION } Start;
typedef enum { V_WAVE,
               V_LOCAL,
               V_ZERO,
               V_WEAK,   /* 1e-6 in the middle */
               V_BLIND } /* 0 in the middle */
Cotangent;

typedef enum {
  NO_DISEASE,
  SIGN_X, /* of the VJP */
  SIGN_THETA,
  MISSING_X,     /* g' is left out */
  MISSING_THETA, /* tau' is left out */
  UNTRANSPOSED,  /* A instead of A^T */
  HALO,          /* what other processes contribute, and what comes round the ring */
  RANK_X,        /* wrong on the last process alone */
  RANK_THETA,
  STALE, /* the products stay at the first linearization */
  ORDER, /* the part in theta takes the w of the call before */
  PERCENT_X,
  PERCENT_THETA,
  ENTRY_X,     /* one diagonal entry is wrong by 0.5 */
  ENTRY_THETA, /* one row is wrong by 0.5 */
  TRACE_X,     /* one diagonal entry is wrong by 5e-5 */
  UNCONJUGATED,
  ADDS_X, /* to what stands in the output */
  ADDS_THETA,
  NEEDS_BOTH, /* the part in x is 0 when that in theta is not wanted */
  SELECTION,  /* g' of the other side */
  JVP_X,      /* 10 % too much */
  JVP_THETA,
  JVP_MISSING_X,
  OBJECTIVE_X, /* the quadratic term of the objective has no derivative in x */
  OBJECTIVE_THETA,
  OBJECTIVE_SIGN,
  NAN_MAP, /* from the fourth evaluation on; always on the last process that has entries */
  NAN_VJP_X,
  NAN_VJP_THETA,
  NAN_JVP,
  NAN_OBJECTIVE,
  NAN_OBJECTIVE_X,
  NAN_OBJECTIVE_THETA,
  BROKEN_PC, /* the adjoint's preconditioner ignores every other entry */
  NOISE      /* the map carries 1e-9 of it */
} Disease;

typedef enum {
  DO_ADJOINT,
  DO_TANGENT,
  DO_OBJECTIVE,  /* ADJComputeObjectiveAndGradient() */
  DO_SECOND,     /* the adjoint at the next parameters, warm-started; these have moved by `move` */
  DO_SECOND_V,   /* the adjoint of a second cotangent, 1e-8 times the first, at one state */
  DO_SEQUENCE,   /* five parameters; the worst counts */
  DO_COTANGENTS, /* four cotangents; the worst counts */
  DO_BOTH        /* adjoint and tangent; the worst counts */
} Task;

/* Null vectors that are told to the library: none, the right ones, others, the constant on both sides */
typedef enum { NULL_NONE,
               NULL_RIGHT,
               NULL_WRONG,
               NULL_CONSTANT } NullVectors;

/* In what way a sick patient is sick */
typedef enum {
  IS_WRONG,     /* the derivative is off by more than 1e-3 */
  IS_KINKED,    /* one-sided derivatives of the solution differ */
  IS_REPELLING, /* x <- F(x) does not come back to the solution */
  IS_SINGULAR,  /* I - dF/dx is */
  IS_UNKNOWN    /* nothing is asserted */
} Sickness;

typedef struct {
  ADJTrustReport report;
  PetscReal      error;   /* of the derivative against the truth, relative */
  PetscReal      truth;   /* of the truth against differences of the solution, relative */
  PetscReal      kink;    /* difference of one-sided derivatives of the solution, relative */
  PetscReal      remains; /* part of a disturbance of the solution after many steps */
  PetscReal      pivot;   /* smallest pivot of I - dF/dx over the largest */
  PetscBool      right;   /* the verdict was the one expected */
  ADJTrust       before;  /* hidden patients: the verdict without the option that sees */
} Result;

typedef struct _Patient Patient;
struct _Patient {
  const char *name, *what;
  const char *options, *file, *sees; /* file: of petsc-options; sees: what shows a hidden disease */
  Shape       shape;
  PetscReal   rho, kappa;
  PetscInt    n, m;
  Curve       curve, tau;
  PetscReal   s, t;
  Place       place;
  PetscBool   thetazero, thetakink, noB; /* theta = 0; theta = 0 in the middle; B = 0 */
  PetscReal   xscale, thetascale;        /* components span 10^-scale ... 10^scale */
  Layout      xlayout, thetalayout;
  PetscBool   residual, nojvp, matrix; /* matrix: I - dF/dx is given as preconditioner */
  PetscInt    steps;                   /* the derivative of so many steps is what is wanted */
  Start       start;
  Cotangent   v;
  NullVectors null;
  PetscBool   gauge, shift; /* singular A: the objective depends on the null vector; the parameters act on the left one */
  Disease     disease;
  Task        task;
  PetscReal   move;
  ADJTrust    verdict, other; /* expected; 0: the first for healthy ones is ESTIMATED, there is no second */
  ADJCheck    check, othercheck;
  Sickness    sickness;
  PetscReal   tol;      /* of the derivative of healthy ones; 0: 1e-6 */
  PetscBool   realonly; /* not with complex scalars */
  PetscErrorCode (*custom)(const Patient *, Result *);
};

/* The coefficients, on every process */
typedef struct {
  PetscInt     n, m;
  PetscScalar *A, *B, *c, *u, *x, *theta, *thetadot, *v, *left, *right; /* u, x: at the solution of theta; null vectors: zero if there are none */
} Data;

typedef struct {
  const Patient *patient;
  Data           data;
  Mat            A, B, inner; /* inner: without what HALO drops */
  Vec            c, x, theta, thetadot, thetabar, xdot, v, x0;
  Vec            u, w, tt;    /* work */
  Vec            first, last; /* u at the first linearization; w of the last call */
  PetscBool      linearized;
  PetscInt       calls;
  ADJ            adj;
} Case;

/* data.c */
extern PetscBool      CurveHasKinks(Curve);
extern PetscScalar    CurveValue(Curve, PetscReal, PetscScalar);
extern PetscScalar    CurveSlope(Curve, PetscReal, PetscScalar);
extern PetscErrorCode DataCreate(const Patient *, Data *);
extern PetscErrorCode DataDestroy(Data *);

/* truth.c */
extern PetscErrorCode TruthSolve(const Patient *, const Data *, const PetscScalar theta[], PetscScalar x[]);
extern PetscErrorCode TruthAdjoint(const Patient *, const Data *, const PetscScalar theta[], const PetscScalar v[], PetscScalar g[]);
extern PetscErrorCode TruthTangent(const Patient *, const Data *, const PetscScalar theta[], PetscScalar xdot[]);
extern PetscErrorCode TruthExamine(const Patient *, const Data *, Result *);
extern PetscReal      ArrayDistance(PetscInt, const PetscScalar[], const PetscScalar[]);

/* callbacks.c */
extern ADJMapFn       CaseMap;
extern ADJVJPFn       CaseVJP;
extern ADJJVPFn       CaseJVP;
extern ADJLinearizeFn CaseLinearize;
extern ADJObjectiveFn CaseObjective;

/* run.c */
extern PetscErrorCode PatientRun(const Patient *, Result *);

/* the tables; each ends with a patient without a name */
extern const Patient SickProducts[], SickSolvers[], SickSpectra[], SickNonsmooth[];
extern const Patient HealthyMethods[], HealthySpectra[], HealthyLayouts[], HealthyOthers[];
extern const Patient Hidden[];

/* custom patients */
extern PetscErrorCode RunSquareRoot(const Patient *, Result *);
extern PetscErrorCode RunNewtonStep(const Patient *, Result *);
extern PetscErrorCode RunHeavyBall(const Patient *, Result *);
extern PetscErrorCode RunSinkhorn(const Patient *, Result *);
extern PetscErrorCode RunGroundwater(const Patient *, Result *);

#endif
