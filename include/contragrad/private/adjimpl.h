/*
   Private part of the ADJ class. Files of the library include this; users include contragrad.h.
*/
#ifndef ADJIMPL_H
#define ADJIMPL_H

#include <contragrad.h>
#include <contragrad/private/adjtrajectory.h>
#include <petsc/private/petscimpl.h>

PETSC_INTERN PetscFunctionList ADJList;
PETSC_INTERN PetscBool         ADJRegisterAllCalled;
PETSC_INTERN PetscErrorCode    ADJRegisterAll(void);
PETSC_INTERN PetscErrorCode    ADJStartSlepc_Private(void);

PETSC_INTERN PetscLogEvent ADJ_Forward, ADJ_Adjoint, ADJ_Tangent, ADJ_Map, ADJ_VJP, ADJ_JVP, ADJ_Linearize, ADJ_Trajectory, ADJ_TrustCheck, ADJ_Checkpoint;

#define MAXADJMONITORS 5

typedef struct _n_ADJOuter      *ADJOuter;      /* src/optim/outer.h */
typedef struct _n_ADJCheckpoint *ADJCheckpoint; /* src/optim/checkpoint.h */

typedef struct _ADJOps *ADJOps;
struct _ADJOps {
  PetscErrorCode (*setfromoptions)(ADJ, ADJOptionItems);
  PetscErrorCode (*setup)(ADJ);
  PetscErrorCode (*forwardbegin)(ADJ, Vec x);                                 /* a forward solve starts from x */
  PetscErrorCode (*iterate)(ADJ, PetscInt k, Vec x);                          /* it has reached iterate k = 0, 1, ... */
  PetscErrorCode (*converged)(ADJ, PetscInt k, Vec x, SNESConvergedReason *); /* it would stop there for this reason; may take it back */
  PetscErrorCode (*forwardend)(ADJ);                                          /* it is over, adj->state knows how it ended */
  PetscErrorCode (*solveadjoint)(ADJ, Vec xbar, Vec thetabar);                /* at adj->state; fills adj->state->adjoint */
  PetscErrorCode (*solvetangent)(ADJ, Vec thetadot, Vec xdot);                /* at adj->state; fills adj->state->tangent */
  PetscErrorCode (*view)(ADJ, PetscViewer);
  PetscErrorCode (*reset)(ADJ);
  PetscErrorCode (*destroy)(ADJ);
};

/*
   A solver of the user's that was borrowed, src/adapters/: it is the same solver before and after. Operations that are NULL
   have nothing to do
*/
typedef struct {
  const char *name;                                          /* "SNES", ... */
  PetscBool   linear;                                        /* R = A x - b: the matrix is the derivative, and residuals are relative to b */
  const char *advice;                                        /* where its own products do not fit differences of the map; NULL: nothing in particular */
  PetscErrorCode (*changed)(ADJ, PetscBool *);               /* whether its matrices are others than at the last setup, which is then made again */
  PetscBool ownjacobian;                                     /* has a Jacobian in any case: differences by coloring take its place only where there is a DM */
  PetscErrorCode (*setup)(ADJ);                              /* in ADJSetUp(), when the sizes are known and before the products are chosen: adj->jacobian */
  PetscErrorCode (*put)(ADJ);                                /* the function of ADJSetParameters() has put others: bring to them what the solver computes itself */
  PetscErrorCode (*solve)(ADJ, Vec x);                       /* the forward solve at adj->state->theta from x; leaves reason, iterations and residual norms in adj->state. NULL: the ADJ's own SNES solves */
  PetscErrorCode (*solved)(ADJ, Vec x);                      /* the user has made it: the same from what the solver still knows */
  PetscErrorCode (*tighten)(ADJ, PetscBool);                 /* for a test: solve to rounding level; and as before */
  PetscErrorCode (*getsnes)(ADJ, SNES *);                    /* for ADJGetSNES() */
  PetscErrorCode (*getksp)(ADJ, KSP *);                      /* the forward linear solver, whose type may be taken over; NULL: there is none */
  PetscErrorCode (*getpc)(ADJ, PC *);                        /* the forward preconditioner, as it now is; NULL: there is none */
  PetscErrorCode (*vjp)(ADJ, Vec w, Vec xbar, Vec thetabar); /* the product in x, where it is no matrix, and that in theta with it: at the point of linearization. thetabar may be NULL */
  PetscErrorCode (*parametervjp)(ADJ, Vec w, Vec thetabar);  /* products in theta that it knows itself, as of R: at the point of linearization */
  PetscErrorCode (*parameterjvp)(ADJ, Vec thetadot, Vec y);  /* both or none, unless there is a vjp */
  PetscErrorCode (*parametermask)(ADJ, Vec in, Vec *out);    /* what the user's own product in theta is to see of a cotangent, and may make of a tangent: in itself, or a vector of the adapter's */
  PetscErrorCode (*check)(ADJ, ADJTrustReport *);            /* of the verdict */
  PetscErrorCode (*view)(ADJ, PetscViewer);
  PetscErrorCode (*reset)(ADJ);
  PetscErrorCode (*destroy)(ADJ);
} ADJAdapter;

/* A Jacobian that is a matrix; the matrices are referenced */
typedef struct {
  Mat            A, P;   /* dR/dx or dF/dx, and what preconditioners of dR/dx are built on; the two may be the same */
  ADJJacobianFn *update; /* NULL: nothing to be done at a new point */
  void          *ctx;
  PetscBool      taken; /* from a borrowed solver, with which it goes */
} ADJJacobian;

/* What one adjoint or tangent left behind, for the verdict; negative numbers mean not known */
typedef struct {
  KSPConvergedReason reason; /* of the linear solve; 0: none was made */
  PetscReal          rtol;   /* it aimed at */
  PetscInt           its;
  PetscReal          rhsnorm;        /* of the right-hand side */
  PetscReal          solnorm;        /* of the solution */
  PetscReal          residual;       /* of the system itself, recomputed */
  PetscReal          resultnorm;     /* of what the user gets */
  PetscReal          ritz;           /* max |1 - mu| over the Ritz values mu of M */
  PetscReal          smax, smin;     /* extreme singular values of the (preconditioned) operator */
  PetscBool          preconditioned; /* the last three belong to the preconditioned operator */
  PetscBool          approximate;    /* the result stands for the derivative of the solution, with an error to be estimated */
  PetscReal          aim;            /* the error it was meant to have, where that is known */
  PetscInt           terms;          /* of the Neumann series; the classical bound of its error holds the power terms + 1 */
  PetscReal          drift, growth;  /* of an iteration that was run backwards: at worst, and by step */
  PetscReal          drifttol;
  PetscBool          lost; /* a step could not be undone: the states before it are not known */
} ADJLinearSolve;

/* What differences of the map and of the objective told at one solution */
typedef struct {
  PetscBool     known[2], objectiveknown; /* of the adjoint, of the tangent; of the objective */
  ADJTrustCheck kink, part[2][2], objective;
} ADJProbeRecord;

/* Everything that belongs to one forward solve and to the derivatives taken there. The tests swap it for one of their own */
typedef struct {
  PetscObjectId       id;    /* differs from one forward solve to the next; 0: none yet */
  Vec                 x;     /* copy of the solution: where derivatives are taken; inside a Newton solve, the last linearization point */
  Vec                 theta; /* copy of the parameters */
  Vec                 xcur;  /* last two iterates, if they are kept */
  Vec                 xprev;
  SNESConvergedReason reason;
  PetscInt            its;
  PetscReal          *history; /* residual norms */
  PetscInt            nhistory, maxhistory;
  PetscBool           plain;    /* x <- F(x), nothing else */
  PetscReal           rate;     /* observed; negative: not known */
  PetscReal           rnormref; /* what the relative tolerance is measured against */
  PetscBool           taken;    /* the user's own solve found the solution, outside of ADJSolve() */
  PetscBool           linearized;
  PetscReal           vjperror[2]; /* of the dot-product test in x and theta; -1: not run */
  PetscReal           vjptolerance[2];
  ADJTrajectory       trajectory; /* of types that go back along the iteration */
  ADJScheduleSpec     spec;       /* of the trajectory */
  Vec                 x0bar;      /* derivative with respect to the initial guess */
  PetscBool           x0barknown;
  PetscReal           objective;      /* at x */
  PetscBool           objectiveknown; /* and adj->w is its adjoint */
  ADJLinearSolve      adjoint, tangent;
  ADJProbeRecord      differences;
  ADJTrustReport      report;
} ADJState;

/* What a solver of SLEPc met in the products with the Jacobian, and was not told */
typedef struct {
  PetscReal      norm;      /* of the last product */
  PetscBool      notfinite; /* NaN or Inf */
  PetscErrorCode ierr;      /* of the user's function, on this process */
} ADJProductFilter;

/* What is known of the spectral radius of dF/dx, and where it was measured */
typedef struct {
  PetscObjectId    id; /* of the state; 0: never measured */
  PetscBool        converged;
  PetscReal        rho, error; /* negative: not known */
  PetscReal        rate, ritz; /* free estimates at that time, to see whether they move */
  PetscBool        measured;   /* at the present state, not carried over */
  ADJProductFilter filter;
  Vec              vr, vi;  /* last eigenvector: start of the next measurement */
  PetscScalar      kr, ki;  /* its eigenvalue */
  PetscInt         limit;   /* number of products where the present measurement must stop */
  PetscBool        userncv; /* the user chose the length of the basis */
  PetscReal        norm;    /* largest |A^T v|/|v| that was seen */
  PetscInt         nvalues; /* approximate eigenvalues that the last measurement saw, the leading ones first, with their residuals */
  PetscReal       *re, *im, *res;
  PetscObjectId    viewed; /* the state at which an option was last shown what is known; 0: never */
} ADJContraction;

/* Brackets of the joint spectral radius of the selections, and where they were measured */
typedef struct {
  PetscObjectId    id;           /* of the state; 0: never measured */
  PetscReal        lower, error; /* largest rho(product of k)^{1/k}, negative: not known; its uncertainty */
  PetscReal        upper;        /* least max ||product of k||^{1/k}; negative: not known */
  PetscInt         length;       /* of the longest product that all words of which were looked at */
  PetscInt         budget;       /* in force at that time */
  ADJCheckStatus   status;
  PetscBool        unresolved; /* something was left out, or stopped early, for want of budget */
  PetscBool        quotient;   /* given null vectors are taken out of the products */
  ADJProductFilter filter;
  char             advice[512];
  PetscInt         left[2];  /* products that may still be spent on the lower and on the upper bound */
  PetscInt         limit;    /* count of products at which the present measurement ends */
  PetscInt         k, *word; /* the product in work: selections word[0], ..., word[k-1] */
  Mat              PT, PTP;  /* shells of P^T and P^T P, P being the product */
  PetscRandom      rnd;
  Vec              start, work[3];
} ADJSelections;

/* Orthonormal bases of the null spaces that the user gave, M U = 0 and M^T W = 0, and what was found of them */
typedef struct {
  PetscInt      n;
  Vec          *U, *W;       /* the same vectors where no left null space was given */
  MatNullSpace  right, left; /* spanned by them */
  PetscReal     defect;      /* smallest singular value of U^H W */
  PetscObjectId id;          /* of the state where the following was measured; 0: never */
  PetscReal     MU, MTW;     /* relative to what M does to a random vector; negative: not known */
  PetscReal     NTW;         /* relative to what N^T does; negative: not known */
} ADJNullVectors;

/* The next Newton iterate: what the state is compared with */
typedef struct {
  Vec       x, work[3];
  PetscReal distance; /* of the state from it, relative */
  PetscReal left;     /* what the step leaves of the residual: of the linear system, or of the map */
  PetscBool known;    /* little */
} ADJStateError;

/* Norms of dF/dx and dF/dtheta, and where they were measured */
typedef struct {
  PetscObjectId    id;   /* of the state; 0: never measured */
  PetscReal        a, b; /* negative: not known */
  PetscObjectId    condid;
  PetscReal        condition; /* |M| |M^{-1}|; negative: not known */
  PetscBool        unsolved;  /* a solve for it did not converge */
  ADJProductFilter filter;
} ADJNorms;

/* Functions on local patches, src/dm/: what adj->map, adj->vjp and adj->jvp call if they were set there */
typedef struct {
  ADJDMDAMapFn      *damap;
  ADJDMDAFunctionFn *dafunction; /* where there is no damap */
  ADJDMDAVJPFn      *davjp, *daparametervjp;
  ADJDMDAJVPFn      *dajvp;
  ADJDMMapFn        *dmmap;
  ADJDMVJPFn        *dmvjp;
  ADJDMJVPFn        *dmjvp;
  PetscBool          checked[2][2]; /* the DMs fit: local vectors, arrays; state, parameters */
} ADJLocalFunctions;

/* An objective that is a sum of squares: ../optim/misfit.c */
typedef struct {
  Vec       d, work; /* like the misfit */
  ADJMapFn *f;
  ADJVJPFn *vjp;
  ADJJVPFn *jvp;
  void     *ctx;
} ADJMisfit;

/* Inner tolerances that follow an outer optimization: ../optim/tolerance.c */
typedef struct {
  ADJToleranceSchedule schedule;
  PetscReal            start, decay, descent;
  PetscBool            inforce; /* the tolerances of the solvers are those of the schedule, and the tolerance of the gradient is its guard */
} ADJTolerance;

struct _p_ADJ {
  PETSCHEADER(struct _ADJOps);
  /*------------------------- User parameters ---------------------------*/
  ADJForm              form;
  PetscInt             steps; /* of the forward iteration; PETSC_DETERMINE: until it has converged */
  PetscBool            keepprevious;
  PetscBool            piggyback;
  ADJTrustLevel        trustlevel;
  ADJTrustAction       trustaction;
  PetscBool            trustcontraction; /* contraction is required in fixed-point form */
  PetscBool            trustdifferences; /* the map may be evaluated beside the solution */
  PetscBool            trustsvd;
  PetscInt             trustbudget;                /* products for one measurement of a spectrum */
  PetscReal            trustrecheck;               /* part of 1 - rho that an estimate may move before rho is measured again */
  PetscReal            threshold[ADJ_CHECK_COUNT]; /* of the checks; 0: none, or kept elsewhere */
  ADJTrustError        trusterror;                 /* when the error is estimated */
  PetscBool            refine;
  PetscInt             trustsamples; /* of the certificate, and the probability that it is wrong */
  PetscReal            trustfailure;
  PetscInt             selectionlength;
  PetscReal            gradientrtol;          /* largest error against the derivative of the solution; PETSC_DETERMINE: by the type */
  PetscBool            testvjp, testgradient; /* asked by option */
  ADJTrajectoryOptions trajectory;
  PetscBool            symmetric;    /* the operator is its own (Hermitian) transpose */
  PetscBool            fdcolor;      /* derivatives that nobody gave come from differences of the map */
  PetscBool            fdparameters; /* those in theta alone */
  PetscInt             fdmaxcolumns; /* of them in theta, one by one */
  ADJTranspose         transpose;
  ADJPCSource          pcsource;
  ADJHessianType       hessiantype;
  ADJTolerance         tolerance;

  /*-------------- User-provided functions and objects ------------------*/
  ADJMapFn               *map;
  ADJVJPFn               *vjp;
  ADJJVPFn               *jvp;
  ADJLinearizeFn         *linearize;
  ADJObjectiveFn         *objective;
  void                   *mapctx, *vjpctx, *jvpctx, *linearizectx, *objectivectx;
  ADJMisfit               misfit;
  ADJObjectiveHessianFn  *objectivehessian;
  ADJSecondVJPFn         *secondvjp;
  void                   *objectivehessianctx, *secondvjpctx;
  const ADJAdapter       *adapter; /* of a borrowed solver; NULL: none */
  void                   *adapterdata;
  PetscObject             borrowed; /* the solver, where several ADJs may put parameters by turns; owned by the adapter, or NULL */
  ADJJacobian             jacobian; /* of ADJSetJacobian(), or of the adapter */
  ADJParametersFn        *put;
  ADJParameterVJPFn      *parametervjp;
  ADJParameterJacobianFn *parameterupdate;
  Mat                     B; /* dF/dtheta or dR/dtheta */
  void                   *putctx, *parametervjpctx, *parameterupdatectx;
  void                   *addresses;   /* of ADJSetParameterAddresses() */
  DM                      dm, dmtheta; /* of state and parameters */
  ADJLocalFunctions       local;
  Mat                     P;                   /* approximates M = I - dF/dx or dR/dx */
  Vec                     sol;                 /* initial guess and solution */
  MatNullSpace            nullright, nullleft; /* of M */
  PetscInt                nselections;
  ADJSelectionFn         *selectionvjp, *selectionjvp;
  void                   *selectionctx;
  ADJMonitorFn           *monitor[MAXADJMONITORS];
  void                   *monitorctx[MAXADJMONITORS];
  PetscErrorCode (*monitordestroy[MAXADJMONITORS])(void **);
  PetscInt nmonitors;

  /*----------------- Child objects and working data -------------------*/
  SNES           snes;
  KSP            ksp;  /* adjoint: M^T w = v */
  KSP            tksp; /* tangent: M xdot = N thetadot */
  EPS            eps;
  SVD            svd;
  Mat            M, MT, AT;      /* shells; AT = (dF/dx)^T */
  Mat            J;              /* of the forward solver: M, or differences of the map */
  Mat            PT;             /* P^T, or P itself where it is symmetric */
  Mat            productT;       /* of adj->product, where that is wanted and is not PT */
  Vec            r;              /* residual of the forward solver */
  Vec            xref;           /* first initial guess of a solve that converged: the relative forward tolerance refers to its residual */
  Vec            w;              /* adjoint */
  Vec            s;              /* residual of the linear systems */
  Vec            b;              /* right-hand side of the tangent system */
  Vec            a[2];           /* cotangent, or tangent, on its way along an iteration */
  Vec            atheta;         /* its share of the parameters' derivative */
  Vec            objx, objtheta; /* partial derivatives of the objective */
  ADJState      *state;
  ADJContraction contraction;
  ADJNorms       norms;
  ADJSelections  selections;
  ADJNullVectors nullvectors;
  void          *data;        /* of the type */
  Mat            product;     /* what products in x are made with, if the user gave none: referenced */
  ADJJacobian    fdjacobian;  /* of differences */
  ADJJacobian   *inforce;     /* one of the two; NULL: neither */
  void          *differences; /* src/differences/ */
  void          *pcreuse;     /* adjpcreuse.c */
  ADJOuter       outer;       /* of an optimization in theta, ../optim/; NULL: none yet */
  ADJCheckpoint  checkpoint;  /* of it; NULL: none yet */

  /* ----------------------- Status variables --------------------------*/
  PetscBool        typekeepsprevious; /* the type wants the last but one iterate */
  PetscBool        program;           /* the type differentiates the steps that were made, not the solution */
  PetscBool        setupcalled;
  PetscBool        vjpcomposed, jvpcomposed; /* adj->vjp, adj->jvp are made of matrices, and of what was given for theta */
  PetscBool        thetajvp;                 /* adj->jvp takes directions in theta */
  PetscBool        Pofjacobian;              /* adj->P is that of adj->jacobian */
  PetscObjectId    putid;                    /* the vector that was put last, and its state then */
  PetscObjectState putstate;
  PetscInt         linearizations;     /* tells one point of linearization from the next */
  PetscObjectState matrixstate[2];     /* of the matrices in force when they were brought there */
  Vec              cotangent;          /* for which the user's product in theta is being made; borrowed */
  PetscBool        optionscalled;      /* ADJSetFromOptions() was called */
  PetscBool        childrenconfigured; /* and the children saw their options */
  PetscBool        svdconfigured;      /* the SVD, which only some types have, saw its options */
  PetscObjectId    nextid;
  PetscObjectId    firstid;          /* since the last ADJReset() */
  Vec              lin_x, lin_theta; /* where the shells linearize; borrowed */
  PetscBool        testing;          /* inside a test: solve to rounding, do not judge */
  ADJForm          snesform;         /* the form for which the forward solver's type was chosen here */
  PetscBool        xrefgood;         /* a solve from xref converged */
  PetscBool        wspoilt;          /* the last adjoint solve failed */
  PetscReal        testref;          /* while testing: residuals are measured against this at least */
  PetscReal        rnormbest;        /* and to see stagnation */
  PetscInt         stagnant;
  PetscBool        gradienttested;
  PetscReal        largest;                           /* norm of a pullback so far */
  PetscBool        pullingobjective;                  /* the cotangent is dl/dx of the objective, whose dl/dtheta is in objtheta */
  PetscBool        objnotfinite;                      /* the objective, or its derivative in theta, holds NaN or Inf; for the verdict on its gradient */
  PetscObjectState pstate, pnonzerostate;             /* of P when PT was made */
  PetscObjectState productstate, productnonzerostate; /* of adj->product when productT was made */
  ADJCounters      counters;                          /* on the user's account */
  ADJCounters      checkcounters;                     /* on the account of checks and tests */
  ADJCounters     *account;                           /* the one in force */
};

/* Calls of the user's functions: adjcallback.c */
PETSC_INTERN PetscErrorCode ADJUnlock_Private(PetscErrorCode, Vec);
PETSC_INTERN PetscErrorCode ADJRaiseOnAll_Private(ADJ, PetscErrorCode);
PETSC_INTERN PetscErrorCode ADJRecoverKSP_Private(PetscErrorCode, KSP);
PETSC_INTERN PetscErrorCode ADJComputeMap_Private(ADJ, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJComputeResidual_Private(ADJ, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJComputeVJP_Private(ADJ, Vec, Vec, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJComputeJVP_Private(ADJ, Vec, Vec, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJComputeObjective_Private(ADJ, Vec, Vec, PetscReal *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJComputeSelection_Private(ADJ, PetscBool, PetscInt, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJLinearize_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJLinearizeAtSolution_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJMatricesMoved_Private(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJApplyMT_Private(ADJ, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJApplyM_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJApplyN_Private(ADJ, Vec, Vec);
static inline PetscInt      ADJCountProducts(const ADJCounters *c)
{
  return c->vjp_x + c->vjp_theta + c->jvp;
}

/* Shell matrices: adjmat.c */
PETSC_INTERN PetscErrorCode ADJCreateShell_Private(ADJ, PetscErrorCode (*)(Mat, Vec, Vec), PetscErrorCode (*)(Mat, Vec, Vec), Mat *);
PETSC_INTERN PetscErrorCode ADJFilterProduct_Private(ADJProductFilter *, PetscErrorCode, Vec);
PETSC_INTERN PetscErrorCode ADJCreateShells_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCreateContractionShell_Private(ADJ, Mat *);

/* Children and their defaults: adjchildren.c; the forward solver's functions: adjforward.c */
PETSC_INTERN PetscErrorCode ADJGetChildPrefix_Private(ADJ, const char[], size_t, char[]);
PETSC_INTERN PetscErrorCode ADJConfigureChildren_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJAllowNorm_Private(KSP);
PETSC_INTERN PetscErrorCode ADJSetUpSNES_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJAttachSNES_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJSNESSolve_Private(SNES, Vec);
PETSC_INTERN PetscErrorCode ADJSNESConverged_Private(SNES, PetscInt, PetscReal, PetscReal, PetscReal, SNESConvergedReason *, void *);
PETSC_INTERN PetscErrorCode ADJSolveForward_Private(ADJ, Vec, Vec);

PETSC_INTERN PetscErrorCode ADJRequireFixedPoint_Private(ADJ, Vec);
PETSC_INTERN PetscErrorCode ADJRequirePlainIteration_Private(ADJ);

/* Products made of matrices and differences: adjproducts.c, ../differences/; parameters: adjparameters.c */
PETSC_INTERN PetscErrorCode ADJForgetProducts_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJForgetShells_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJAttachPreconditioner_Private(ADJ, Mat);
PETSC_INTERN PetscErrorCode ADJSetUpProducts_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJProductsReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJUpdateMatrices_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJGetMatState_Private(Mat, PetscObjectState *);
PETSC_INTERN PetscErrorCode ADJGetMatrixState_Private(const ADJJacobian *, PetscObjectState[2]);
PETSC_INTERN PetscErrorCode ADJPutParameters_Private(ADJ, Vec);
PETSC_INTERN PetscErrorCode ADJParametersAreMine_Private(ADJ, PetscBool *);
PETSC_INTERN PetscErrorCode ADJEmbeddingSetFromOptions_Private(ADJ, ADJOptionItems);
#define ADJ_DIFFERENCES_STEP     PetscCbrtReal(PETSC_MACHINE_EPSILON)
#define ADJ_DIFFERENCES_ACCURACY (300.0 * PetscSqr(ADJ_DIFFERENCES_STEP)) /* what is told; rounding alone gives less */
PETSC_INTERN PetscErrorCode ADJDifferencesSetUp_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJDifferencesReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJDifferencesView_Private(ADJ, PetscViewer);
PETSC_INTERN PetscErrorCode ADJDifferencesStateJVP_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJDifferencesParameterVJP_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJDifferencesParameterJVP_Private(ADJ, Vec, Vec);

/* Borrowed solvers: ../adapters/ */
PETSC_INTERN PetscErrorCode ADJSetAdapter_Private(ADJ, const ADJAdapter *, void *, PetscObject);
PETSC_INTERN PetscErrorCode ADJSetMap_Private(ADJ, ADJForm, ADJMapFn *, void *);
static inline PetscBool     ADJDiffersInTheta_Private(ADJ adj)
{
  return (PetscBool)(adj->fdcolor || adj->fdparameters);
}
static inline PetscBool ADJForwardBorrowed_Private(ADJ adj)
{
  return (PetscBool)(adj->adapter && adj->adapter->solve);
}

/* Vectors of vectors: adjvec.c */
PETSC_INTERN PetscErrorCode ADJVecTouched_Private(Vec);
PETSC_INTERN PetscErrorCode ADJVecPointwiseMin_Private(Vec, Vec, Vec);

/* A pullback with its verdict: adjsolve.c */
PETSC_INTERN PetscErrorCode ADJSolveAdjoint_Private(ADJ, Vec, Vec);

/* Outer optimization: ../optim/ */
PETSC_INTERN PetscErrorCode ADJPullObjective_Private(ADJ, PetscReal *, Vec);
PETSC_INTERN PetscErrorCode ADJOuterSetFromOptions_Private(ADJ, ADJOptionItems);
PETSC_INTERN PetscErrorCode ADJMisfitReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJOuterReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJRegisterTao_Private(void);
PETSC_INTERN PetscErrorCode ADJOuterDestroy_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCheckpointSetFromOptions_Private(ADJ, ADJOptionItems);
PETSC_INTERN PetscErrorCode ADJCheckpointView_Private(ADJ, PetscViewer);
PETSC_INTERN PetscErrorCode ADJCheckpointReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCheckpointDestroy_Private(ADJ);

/* Along an iteration: adjsweep.c */
typedef PetscErrorCode      ADJGetStateFn(ADJ, PetscInt k, Vec *x);
PETSC_INTERN PetscErrorCode ADJTrajectoryBegin_Private(ADJ, const ADJScheduleSpec *);
PETSC_INTERN PetscErrorCode ADJTrajectoryIterate_Private(ADJ, PetscInt, Vec);
PETSC_INTERN PetscErrorCode ADJTrajectoryEnd_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCountStored_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCreateSweepVecs_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJAdvance_Private(void *, Vec);
PETSC_INTERN PetscErrorCode ADJSweepAdjoint_Private(ADJ, PetscInt, PetscInt, ADJGetStateFn *, Vec, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJSweepTangent_Private(ADJ, PetscInt, PetscInt, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJSolveTangentOfSteps_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJSolveAdjointOfSteps_Private(ADJ, ADJGetStateFn *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJRecordNorms_Private(Vec, Vec, ADJLinearSolve *);

/* Linear solves with their record: adjlinear.c; preconditioners: adjpc.c */
PETSC_INTERN PetscErrorCode ADJKSPSolve_Private(KSP, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJSetAdjointOperators_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJSetTangentOperators_Private(ADJ, Mat);
PETSC_INTERN PetscErrorCode ADJSolveMT_Private(ADJ, Vec, ADJLinearSolve *);
PETSC_INTERN PetscErrorCode ADJSetGuess_Private(KSP, PetscBool, PetscBool *);
PETSC_INTERN PetscErrorCode ADJPullBack_Private(ADJ, Vec, Vec, ADJLinearSolve *);
PETSC_INTERN PetscErrorCode ADJComputeTangentRhs_Private(ADJ, Vec);
PETSC_INTERN PetscErrorCode ADJSolveM_Private(ADJ, Vec, ADJLinearSolve *);
PETSC_INTERN PetscErrorCode ADJCreateAdjoint_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJSetDefaultPC_Private(ADJ, KSP);
PETSC_INTERN PetscErrorCode ADJUseMatrixInPC_Private(ADJ, KSP);
PETSC_INTERN PetscErrorCode ADJUpdateTransposedPreconditioner_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJUpdateTransposedOperator_Private(ADJ, Mat *);
PETSC_INTERN PetscErrorCode ADJIsSelfAdjoint_Private(Mat, PetscBool *);
PETSC_INTERN PetscErrorCode ADJIsSymmetric_Private(ADJ, PetscBool *);

/* The forward solver's preconditioner in the adjoint's: adjpcreuse.c, adjpctranspose.c; one like it: adjpclike.c */
PETSC_INTERN PetscErrorCode ADJNoteDefaultPC_Private(ADJ, KSP);
PETSC_INTERN PetscErrorCode ADJPCChosen_Private(ADJ, KSP, PetscBool *);
PETSC_INTERN PetscErrorCode ADJChooseAdjointPC_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCompleteAdjointPC_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJChooseTangentPC_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJViewPCReuse_Private(ADJ, PetscViewer);
PETSC_INTERN PetscErrorCode ADJPCReuseReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJPCReuseDestroy_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJApplyPC_Private(PC, PetscBool, Vec, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTestPCTranspose_Private(ADJ, PC, PetscReal *, char[], size_t);
PETSC_INTERN PetscErrorCode ADJCopyPC_Private(PC, PC);
PETSC_INTERN PetscErrorCode ADJCopyFieldSplit_Private(PC, PC);
PETSC_INTERN PetscErrorCode ADJCopyInnerPC_Private(PC, PC);

/* States: adjstate.c */
PETSC_INTERN PetscErrorCode ADJStateCreate_Private(ADJState **);
PETSC_INTERN PetscErrorCode ADJStateDestroy_Private(ADJState **);
PETSC_INTERN PetscErrorCode ADJStateRestart_Private(ADJ, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJStateRecord_Private(ADJState *, PetscReal, Vec);
PETSC_INTERN PetscErrorCode ADJStateObservedRate_Private(ADJState *);

/* Arguments: adjargs.c */
PETSC_INTERN PetscErrorCode ADJCheckVec_Private(ADJ, Vec, Vec, const char[], const char[]);
PETSC_INTERN PetscErrorCode ADJCheckTheta_Private(ADJ, Vec);
PETSC_INTERN PetscErrorCode ADJCheckState_Private(ADJ, Vec);
PETSC_INTERN PetscErrorCode ADJCheckSolved_Private(ADJ, const char[]);

/* Verdict: trust/ */
PETSC_INTERN PetscErrorCode ADJTrustBegin_Private(ADJ, ADJPhase);
PETSC_INTERN PetscErrorCode ADJTrustEnd_Private(ADJ, ADJPhase, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJTrustTell_Private(ADJ, const char[]);
PETSC_INTERN PetscErrorCode ADJProductNotFinite_Private(ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJCheckContraction_Private(ADJ, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJCheckConditioning_Private(ADJ, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJMeasureNorm_Private(ADJ, Mat *, PetscReal *);
PETSC_INTERN PetscErrorCode ADJContractionReset_Private(ADJ);
PETSC_INTERN PetscReal      ADJDistanceToOne_Private(PetscReal);
PETSC_INTERN PetscBool      ADJReachesOne_Private(PetscReal, PetscReal);
PETSC_INTERN PetscErrorCode ADJEPSConverged_Private(EPS, PetscScalar, PetscScalar, PetscReal, PetscReal *, void *);
PETSC_INTERN PetscErrorCode ADJTrustSetDefaults_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJTrustSetFromOptions_Private(ADJ, ADJOptionItems);
PETSC_INTERN PetscErrorCode ADJThresholdSetDefaults_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJThresholdSetFromOptions_Private(ADJ, ADJOptionItems);
PETSC_INTERN PetscErrorCode ADJSetCheck_Private(ADJTrustCheck *, ADJCheckStatus, PetscReal, PetscReal, const char[]);
PETSC_INTERN PetscErrorCode ADJCheckDifferences_Private(ADJ, Vec, Vec, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJNullSpaceAttach_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJNullSpaceAttachTo_Private(ADJ, Mat, PetscBool);
PETSC_INTERN PetscErrorCode ADJNullSpaceReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJNullSpaceRemove_Private(MatNullSpace, Vec);
PETSC_INTERN PetscErrorCode ADJCheckNullSpace_Private(ADJ, Vec, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJSelectionsReset_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJMeasureSelections_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCheckSelections_Private(ADJ, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJCheckCertificate_Private(ADJ, Vec, Vec, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN ADJCheck       ADJDecidingCheck_Private(const ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJViewSpectrumFromOptions_Private(ADJ);
#define ADJ_ERROR_TRUSTED 0.5 /* a solve for an error that leaves more of its right-hand side says nothing */
PETSC_INTERN PetscReal      ADJErrorLimit_Private(ADJ, const ADJLinearSolve *);
PETSC_INTERN PetscErrorCode ADJSolveLoosely_Private(KSP, PetscReal, Vec, Vec);
PETSC_INTERN PetscBool      ADJStateErrorKnowable_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJEstimateStateError_Private(ADJ, PetscReal, PetscReal, ADJStateError *);
PETSC_INTERN PetscErrorCode ADJCheckGradientError_Private(ADJ, Vec, Vec, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJCheckDrift_Private(ADJ, const ADJLinearSolve *, ADJTrustReport *);
PETSC_INTERN PetscErrorCode ADJCheckClassicalBound_Private(ADJ, const ADJLinearSolve *, ADJTrustReport *);

/* Viewers that an option asks for, and pages of drawings: trust/viewers.c */
PETSC_INTERN PetscErrorCode ADJViewByOption_Private(ADJ, const char[], PetscErrorCode (*)(ADJ, PetscViewer));
PETSC_INTERN PetscErrorCode ADJDrawPage_Private(ADJ, PetscViewer, const char[], PetscErrorCode (*)(ADJ, PetscDraw));

/* Tests asked by option: verify/ */
PETSC_INTERN PetscErrorCode ADJRandomCreate_Private(ADJ, PetscRandom *);
PETSC_INTERN PetscErrorCode ADJRandomCreateNumbered_Private(ADJ, PetscObjectId, PetscRandom *);
PETSC_INTERN PetscErrorCode ADJTestVJPFromOptions_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJTestGradientFromOptions_Private(ADJ, Vec);

PETSC_INTERN PetscErrorCode ADJMonitor_Private(ADJ, ADJPhase, PetscInt, PetscReal);

#endif
