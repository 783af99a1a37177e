/*
   Contragrad: gradients through the solvers of a PETSc code.

   Include this file to use the ADJ class. It brings in the PETSc and SLEPc headers that it needs.
*/
#ifndef CONTRAGRAD_H
#define CONTRAGRAD_H

#include <petscts.h>
#include <petsctao.h>
#include <petscdmda.h>
#include <slepceps.h>
#include <slepcsvd.h>
#include <contragrad/private/adjcompat.h>

#define CONTRAGRAD_VERSION_MAJOR    0
#define CONTRAGRAD_VERSION_MINOR    1
#define CONTRAGRAD_VERSION_SUBMINOR 0

/*S
   ADJ - Derivatives of a solution map x*(theta), defined by a fixed point x = F(x, theta) or by a residual
   R(x, theta) = 0, with the forward solver that finds x*, the adjoint solver that pulls cotangents back, and the
   checks that say whether the result can be trusted

   Level: beginner

.seealso: `ADJCreate()`, `ADJSetFixedPoint()`, `ADJSetResidual()`, `ADJSolve()`, `ADJSolveAdjoint()`
S*/
typedef struct _p_ADJ *ADJ;

/*J
   ADJType - Name of a method to differentiate an iteration

   Level: beginner

.seealso: `ADJSetType()`, `ADJ`
J*/
typedef const char *ADJType;
#define ADJIMPLICIT   "implicit"
#define ADJONESTEP    "onestep"
#define ADJNEUMANN    "neumann"
#define ADJUNROLLED   "unrolled"
#define ADJTRUNCATED  "truncated"
#define ADJREVERSIBLE "reversible"
#define ADJAUTO       "auto"

PETSC_EXTERN PetscClassId ADJ_CLASSID;

/*E
   ADJForm - How the state is defined

   Level: beginner

   Values:
+  `ADJ_FORM_UNSET`   - neither `ADJSetFixedPoint()` nor `ADJSetResidual()` was called
.  `ADJ_FIXED_POINT`  - x = F(x, theta)
-  `ADJ_RESIDUAL`     - R(x, theta) = 0

.seealso: `ADJSetFixedPoint()`, `ADJSetResidual()`
E*/
typedef enum { ADJ_FORM_UNSET,
               ADJ_FIXED_POINT,
               ADJ_RESIDUAL } ADJForm;
PETSC_EXTERN const char *const ADJForms[];

/* The user's functions. x, y, w of the size of the state; theta, thetabar, thetadot of the size of the parameters */
typedef PetscErrorCode ADJMapFn(ADJ adj, Vec x, Vec theta, Vec y, void *ctx);
typedef PetscErrorCode ADJVJPFn(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx);              /* xbar or thetabar may be NULL: not wanted */
typedef PetscErrorCode ADJJVPFn(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx);           /* xdot or thetadot may be NULL: zero */
typedef PetscErrorCode ADJLinearizeFn(ADJ adj, Vec x, Vec theta, void *ctx);                                       /* before any product at a new (x, theta) */
typedef PetscErrorCode ADJObjectiveFn(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx); /* xbar, thetabar may be NULL */
typedef PetscErrorCode ADJObjectiveHessianFn(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx);
typedef PetscErrorCode ADJSecondVJPFn(ADJ adj, Vec x, Vec theta, Vec w, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx);
typedef PetscErrorCode ADJJacobianFn(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx);                         /* brings the matrices of ADJSetJacobian() to (x, theta) */
typedef PetscErrorCode ADJParametersFn(ADJ adj, Vec theta, void *ctx);                                            /* puts theta where the user's own functions read it */
typedef PetscErrorCode ADJParameterVJPFn(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx);              /* thetabar = (dF/dtheta)^T w */
typedef PetscErrorCode ADJParameterJacobianFn(ADJ adj, Vec x, Vec theta, Mat B, void *ctx);                       /* brings the matrix of ADJSetParameterJacobian() to (x, theta) */
typedef PetscErrorCode ADJSelectionFn(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx); /* product with one selection of dF/dx, or with its transpose */

/* ---------------------------------- Life cycle ---------------------------------- */
PETSC_EXTERN PetscErrorCode ADJInitializePackage(void);
PETSC_EXTERN PetscErrorCode ADJFinalizePackage(void);
PETSC_EXTERN PetscErrorCode ADJRegister(const char[], PetscErrorCode (*)(ADJ));
PETSC_EXTERN PetscErrorCode ADJCreate(MPI_Comm, ADJ *);
PETSC_EXTERN PetscErrorCode ADJDestroy(ADJ *);
PETSC_EXTERN PetscErrorCode ADJReset(ADJ);
PETSC_EXTERN PetscErrorCode ADJSetType(ADJ, ADJType);
PETSC_EXTERN PetscErrorCode ADJGetType(ADJ, ADJType *);
PETSC_EXTERN PetscErrorCode ADJSetOptionsPrefix(ADJ, const char[]);
PETSC_EXTERN PetscErrorCode ADJAppendOptionsPrefix(ADJ, const char[]);
PETSC_EXTERN PetscErrorCode ADJGetOptionsPrefix(ADJ, const char *[]);
PETSC_EXTERN PetscErrorCode ADJSetFromOptions(ADJ);
PETSC_EXTERN PetscErrorCode ADJSetUp(ADJ);
PETSC_EXTERN PetscErrorCode ADJView(ADJ, PetscViewer);
PETSC_EXTERN PetscErrorCode ADJViewFromOptions(ADJ, PetscObject, const char[]);

/* ----------------------------------- Problem ------------------------------------ */
PETSC_EXTERN PetscErrorCode ADJSetFixedPoint(ADJ, ADJMapFn *, void *);
PETSC_EXTERN PetscErrorCode ADJSetResidual(ADJ, ADJMapFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetForm(ADJ, ADJForm *);
PETSC_EXTERN PetscErrorCode ADJGetMap(ADJ, ADJMapFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetVJP(ADJ, ADJVJPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetVJP(ADJ, ADJVJPFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetJVP(ADJ, ADJJVPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetJVP(ADJ, ADJJVPFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetLinearize(ADJ, ADJLinearizeFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetLinearize(ADJ, ADJLinearizeFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetPreconditioner(ADJ, Mat);
PETSC_EXTERN PetscErrorCode ADJGetPreconditioner(ADJ, Mat *);
PETSC_EXTERN PetscErrorCode ADJSetSolution(ADJ, Vec);
PETSC_EXTERN PetscErrorCode ADJGetSolution(ADJ, Vec *);
PETSC_EXTERN PetscErrorCode ADJSetSteps(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetSteps(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetKeepPreviousIterate(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetKeepPreviousIterate(ADJ, PetscBool *);

/* ----------------------- Embedding into an existing PETSc code ------------------- */
PETSC_EXTERN PetscErrorCode ADJSetSNES(ADJ, SNES);
PETSC_EXTERN PetscErrorCode ADJSetKSP(ADJ, KSP);
PETSC_EXTERN PetscErrorCode ADJSetRhs(ADJ, Vec);
PETSC_EXTERN PetscErrorCode ADJGetRhs(ADJ, Vec *);
PETSC_EXTERN PetscErrorCode ADJSetTaoSolution(ADJ, Tao);
PETSC_EXTERN PetscErrorCode ADJSetTS(ADJ, TS);
PETSC_EXTERN PetscErrorCode ADJSetSolved(ADJ, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJGetMatGradient(ADJ, Mat *);
PETSC_EXTERN PetscErrorCode ADJGetBoundGradients(ADJ, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJGetMultiplierIS(ADJ, IS *, IS *);

/* Parameters that the user's own functions read from elsewhere */
PETSC_EXTERN PetscErrorCode ADJSetParameters(ADJ, ADJParametersFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetParameters(ADJ, ADJParametersFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetParameterAddresses(ADJ, PetscInt, PetscDataType, void *const[]);
PETSC_EXTERN PetscErrorCode ADJGetParameterAddresses(ADJ, PetscInt *, PetscDataType *, void *const *[]);
PETSC_EXTERN PetscErrorCode ADJCreateParameters(ADJ, Vec *);
PETSC_EXTERN PetscErrorCode ADJSetParameterVJP(ADJ, ADJParameterVJPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetParameterVJP(ADJ, ADJParameterVJPFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetParameterJacobian(ADJ, Mat, ADJParameterJacobianFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetParameterJacobian(ADJ, Mat *, ADJParameterJacobianFn **, void **);
PETSC_EXTERN PetscErrorCode ADJCreateParameterVec(MPI_Comm, PetscInt, Vec *);
PETSC_EXTERN PetscErrorCode ADJParameterVecGetArrayRead(Vec, const PetscScalar *[]);
PETSC_EXTERN PetscErrorCode ADJParameterVecRestoreArrayRead(Vec, const PetscScalar *[]);
PETSC_EXTERN PetscErrorCode ADJParameterVecSum(Vec, const PetscScalar[]);

/* The Jacobian as a matrix */
PETSC_EXTERN PetscErrorCode ADJSetJacobian(ADJ, Mat, Mat, ADJJacobianFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetJacobian(ADJ, Mat *, Mat *, ADJJacobianFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetSymmetric(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetSymmetric(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetFDColor(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetFDColor(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetFDParameters(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetFDParameters(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetFDMaxColumns(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetFDMaxColumns(ADJ, PetscInt *);

/*E
   ADJTranspose - How the transpose of a Jacobian that is a matrix is applied in the adjoint solve

   Level: intermediate

   Values:
+  `ADJ_TRANSPOSE_VIRTUAL`  - by `MatMultTranspose()` (default)
-  `ADJ_TRANSPOSE_EXPLICIT` - by a copy that is transposed explicitly

.seealso: `ADJSetTranspose()`, `ADJSetSNES()`
E*/
typedef enum { ADJ_TRANSPOSE_VIRTUAL,
               ADJ_TRANSPOSE_EXPLICIT } ADJTranspose;
PETSC_EXTERN const char *const ADJTransposes[];
PETSC_EXTERN PetscErrorCode    ADJSetTranspose(ADJ, ADJTranspose);
PETSC_EXTERN PetscErrorCode    ADJGetTranspose(ADJ, ADJTranspose *);

/*E
   ADJPCSource - Where the preconditioner of the adjoint solve comes from, if the forward solver was borrowed

   Level: intermediate

   Values:
+  `ADJ_PC_AUTO`      - the forward one, as it is if the operator is symmetric, else transposed if it can be and passes a dot-product test; else a PC of its own on the transposed matrix (default)
.  `ADJ_PC_FORWARD`   - the forward one, or an error
-  `ADJ_PC_TRANSPOSE` - a PC of its own on an explicitly transposed matrix

.seealso: `ADJSetPCSource()`, `ADJSetSNES()`, `ADJSetKSP()`
E*/
typedef enum { ADJ_PC_AUTO,
               ADJ_PC_FORWARD,
               ADJ_PC_TRANSPOSE } ADJPCSource;
PETSC_EXTERN const char *const ADJPCSources[];
PETSC_EXTERN PetscErrorCode    ADJSetPCSource(ADJ, ADJPCSource);
PETSC_EXTERN PetscErrorCode    ADJGetPCSource(ADJ, ADJPCSource *);

/* On the local patch of a DMDA, with ghosts: arrays as of DMDAVecGetArray(); parameters without a DMDA are a PetscScalar* to all of them */
typedef PetscErrorCode      ADJDMDAMapFn(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *y, void *ctx);
typedef PetscErrorCode      ADJDMDAVJPFn(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *w, void *xbar, void *thetabar, void *ctx); /* adds to xbar, thetabar; either may be NULL */
typedef PetscErrorCode      ADJDMDAJVPFn(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *xdot, void *thetadot, void *ydot, void *ctx);
typedef PetscErrorCode      ADJDMDAFunctionFn(DMDALocalInfo *info, void *x, void *f, void *ctx); /* as of DMDASNESSetFunctionLocal() */
typedef PetscErrorCode      ADJDMMapFn(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec ylocal, void *ctx);
typedef PetscErrorCode      ADJDMVJPFn(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec wlocal, Vec xbarlocal, Vec thetabarlocal, void *ctx);
typedef PetscErrorCode      ADJDMJVPFn(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec xdotlocal, Vec thetadotlocal, Vec ydotlocal, void *ctx);
PETSC_EXTERN PetscErrorCode ADJSetDM(ADJ, DM);
PETSC_EXTERN PetscErrorCode ADJGetDM(ADJ, DM *);
PETSC_EXTERN PetscErrorCode ADJSetParameterDM(ADJ, DM);
PETSC_EXTERN PetscErrorCode ADJGetParameterDM(ADJ, DM *);
PETSC_EXTERN PetscErrorCode ADJDMDASetMapLocal(ADJ, ADJForm, ADJDMDAMapFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMDASetVJPLocal(ADJ, ADJDMDAVJPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMDASetParameterVJPLocal(ADJ, ADJDMDAVJPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMDASetJVPLocal(ADJ, ADJDMDAJVPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMDASetFunctionLocal(ADJ, ADJDMDAFunctionFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMSetMapLocal(ADJ, ADJForm, ADJDMMapFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMSetVJPLocal(ADJ, ADJDMVJPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJDMSetJVPLocal(ADJ, ADJDMJVPFn *, void *);

/* ------------------------------------ Solve ------------------------------------- */
PETSC_EXTERN PetscErrorCode ADJSolve(ADJ, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJSolveAdjoint(ADJ, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJSolveTangent(ADJ, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJGetForwardReason(ADJ, SNESConvergedReason *);
PETSC_EXTERN PetscErrorCode ADJGetForwardIterations(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJGetForwardHistory(ADJ, PetscInt *, const PetscReal *[]);
PETSC_EXTERN PetscErrorCode ADJGetObservedRate(ADJ, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJGetPreviousIterate(ADJ, Vec *);
PETSC_EXTERN PetscErrorCode ADJGetAdjointReason(ADJ, KSPConvergedReason *);
PETSC_EXTERN PetscErrorCode ADJGetAdjointIterations(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJGetAdjointResidual(ADJ, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJGetAdjointSolution(ADJ, Vec *);
PETSC_EXTERN PetscErrorCode ADJGetTangentReason(ADJ, KSPConvergedReason *);
PETSC_EXTERN PetscErrorCode ADJGetInitialGradient(ADJ, Vec *);

/*S
   ADJCounters - How often the user's functions were called, and how often was solved, since `ADJCreate()` or `ADJReset()`

   Notes:
   A call of the VJP with both outputs counts in both fields. Calls made by the checks of the trust verdict and by
   the tests are not in here, see `ADJTrustReport`.

   Level: intermediate

.seealso: `ADJGetCounters()`
S*/
typedef struct {
  PetscInt map;        /* F or R */
  PetscInt vjp_x;      /* products with the transposed Jacobian in x */
  PetscInt vjp_theta;  /* products with the transposed Jacobian in theta */
  PetscInt jvp;        /* products with the Jacobian */
  PetscInt linearize;  /* linearizations */
  PetscInt recomputed; /* steps x <- F(x) that were made again for a derivative; they count in `map` too */
  PetscInt inverted;   /* steps that were undone by solving F(y) = x */
  PetscInt stored;     /* states of an iteration that were kept at a time, at most */
  PetscInt forward;    /* forward solves */
  PetscInt adjoint;    /* adjoint solves, those of products with a Hessian too */
  PetscInt tangent;    /* tangent solves, likewise */
} ADJCounters;
PETSC_EXTERN PetscErrorCode ADJGetCounters(ADJ, ADJCounters *);

/* --------------------------- Parameters of single methods --------------------------- */
PETSC_EXTERN PetscErrorCode ADJNeumannSetTerms(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJNeumannGetTerms(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJTruncatedSetSteps(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJTruncatedGetSteps(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJReversibleSetPeriod(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJReversibleGetPeriod(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJReversibleSetDriftTolerance(ADJ, PetscReal);
PETSC_EXTERN PetscErrorCode ADJReversibleGetDriftTolerance(ADJ, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJReversibleGetSNES(ADJ, SNES *);
PETSC_EXTERN PetscErrorCode ADJAutoSetMaxTerms(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJAutoGetMaxTerms(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetPiggyback(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetPiggyback(ADJ, PetscBool *);

/* ---------------------------------- Trajectory ---------------------------------- */

/*E
   ADJTrajectoryType - Which states of an iteration are kept for its derivative; the others are recomputed

   Level: intermediate

   Values:
+  `ADJ_TRAJECTORY_ALL`       - all of them: nothing is recomputed (default)
.  `ADJ_TRAJECTORY_BINOMIAL`  - a given number at a time, with the fewest recomputed steps; the number of steps must be known before
.  `ADJ_TRAJECTORY_ONLINE`    - a given number at a time, where only the end of the iteration tells the number of steps
-  `ADJ_TRAJECTORY_TWO_LEVEL` - every p-th state on disk, and between them a given number at a time in memory

.seealso: `ADJSetTrajectoryType()`, `ADJUNROLLED`
E*/
typedef enum { ADJ_TRAJECTORY_ALL,
               ADJ_TRAJECTORY_BINOMIAL,
               ADJ_TRAJECTORY_ONLINE,
               ADJ_TRAJECTORY_TWO_LEVEL } ADJTrajectoryType;
PETSC_EXTERN const char *const ADJTrajectoryTypes[];

/*E
   ADJTrajectoryStore - Where the states of an iteration are kept for its derivative

   Level: intermediate

   Values:
+  `ADJ_TRAJECTORY_MEMORY` - in memory (default)
-  `ADJ_TRAJECTORY_DISK`   - in a file, by MPI-IO

.seealso: `ADJSetTrajectoryStore()`, `ADJSetTrajectoryDirectory()`
E*/
typedef enum { ADJ_TRAJECTORY_MEMORY,
               ADJ_TRAJECTORY_DISK } ADJTrajectoryStore;
PETSC_EXTERN const char *const ADJTrajectoryStores[];

PETSC_EXTERN PetscErrorCode ADJSetTrajectoryType(ADJ, ADJTrajectoryType);
PETSC_EXTERN PetscErrorCode ADJGetTrajectoryType(ADJ, ADJTrajectoryType *);
PETSC_EXTERN PetscErrorCode ADJSetTrajectoryCheckpoints(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetTrajectoryCheckpoints(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetTrajectoryPeriod(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetTrajectoryPeriod(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetTrajectoryStore(ADJ, ADJTrajectoryStore);
PETSC_EXTERN PetscErrorCode ADJGetTrajectoryStore(ADJ, ADJTrajectoryStore *);
PETSC_EXTERN PetscErrorCode ADJSetTrajectoryDirectory(ADJ, const char[]);
PETSC_EXTERN PetscErrorCode ADJGetTrajectoryDirectory(ADJ, const char *[]);

/* ----------------------------------- Children ----------------------------------- */
PETSC_EXTERN PetscErrorCode ADJGetSNES(ADJ, SNES *);
PETSC_EXTERN PetscErrorCode ADJGetKSP(ADJ, KSP *);
PETSC_EXTERN PetscErrorCode ADJGetTangentKSP(ADJ, KSP *);
PETSC_EXTERN PetscErrorCode ADJGetEPS(ADJ, EPS *);
PETSC_EXTERN PetscErrorCode ADJGetSVD(ADJ, SVD *);

/* ----------------------------------- Monitors ----------------------------------- */

/*E
   ADJPhase - What an `ADJ` has just finished when it calls its monitors

   Level: intermediate

.seealso: `ADJMonitorSet()`
E*/
typedef enum { ADJ_PHASE_FORWARD,
               ADJ_PHASE_ADJOINT,
               ADJ_PHASE_TANGENT } ADJPhase;
PETSC_EXTERN const char *const ADJPhases[];

typedef PetscErrorCode      ADJMonitorFn(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx);
PETSC_EXTERN PetscErrorCode ADJMonitorSet(ADJ, ADJMonitorFn *, void *, PetscErrorCode (*)(void **));
PETSC_EXTERN PetscErrorCode ADJMonitorCancel(ADJ);
PETSC_EXTERN PetscErrorCode ADJMonitorDefault(ADJ, ADJPhase, PetscInt, PetscReal, void *);

/* ------------------------------------ Trust ------------------------------------- */

/*E
   ADJTrust - Verdict on the last derivative; negative values refuse it and name the reason

   Level: beginner

   Values:
+  `ADJ_TRUST_CERTIFIED`              - in addition a bound of the derivative's error holds with the probability asked for, at `ADJ_TRUST_LEVEL_CERTIFY`
.  `ADJ_TRUST_ESTIMATED`              - every check of the level `ADJ_TRUST_LEVEL_ESTIMATE` was made and passed
.  `ADJ_TRUST_UNVERIFIED`             - checks were switched off, or one of them was inconclusive
.  `ADJ_TRUST_NONE`                   - there is no derivative yet
.  `ADJ_TRUST_REFUTED_FORWARD`        - the forward solve did not converge
.  `ADJ_TRUST_REFUTED_LINEAR`         - the adjoint (or tangent) solve did not converge
.  `ADJ_TRUST_REFUTED_CONTRACTION`    - the fixed-point map is not contractive: its spectral radius is 1 or more
.  `ADJ_TRUST_REFUTED_SINGULAR`       - the adjoint operator is singular to working precision
.  `ADJ_TRUST_REFUTED_VJP`            - the vector-Jacobian product is not the derivative of the map
.  `ADJ_TRUST_REFUTED_NOT_FINITE`     - NaN or Inf in the state, the cotangent, the adjoint or the derivative
.  `ADJ_TRUST_REFUTED_ERROR`          - the derivative's estimated error is too large
.  `ADJ_TRUST_REFUTED_CONDITIONING`   - the linear system amplifies its residual so much that the derivative is lost
.  `ADJ_TRUST_REFUTED_NOT_SMOOTH`     - the map has a kink at the solution
.  `ADJ_TRUST_REFUTED_NULLSPACE`      - the null space that was given is wrong, or the objective or the parameters do not respect it
-  `ADJ_TRUST_REFUTED_OBJECTIVE`      - the objective's partial derivatives are not those of the objective

.seealso: `ADJGetTrust()`, `ADJGetTrustReport()`, `ADJSetTrustAction()`
E*/
typedef enum {
  ADJ_TRUST_CERTIFIED            = 3,
  ADJ_TRUST_ESTIMATED            = 2,
  ADJ_TRUST_UNVERIFIED           = 1,
  ADJ_TRUST_NONE                 = 0,
  ADJ_TRUST_REFUTED_FORWARD      = -1,
  ADJ_TRUST_REFUTED_LINEAR       = -2,
  ADJ_TRUST_REFUTED_CONTRACTION  = -3,
  ADJ_TRUST_REFUTED_SINGULAR     = -4,
  ADJ_TRUST_REFUTED_VJP          = -5,
  ADJ_TRUST_REFUTED_NOT_FINITE   = -6,
  ADJ_TRUST_REFUTED_ERROR        = -7,
  ADJ_TRUST_REFUTED_CONDITIONING = -8,
  ADJ_TRUST_REFUTED_NOT_SMOOTH   = -9,
  ADJ_TRUST_REFUTED_NULLSPACE    = -10,
  ADJ_TRUST_REFUTED_OBJECTIVE    = -11
} ADJTrust;
PETSC_EXTERN const char *const *const ADJTrusts;

/*E
   ADJTrustLevel - How much is spent on the verdict

   Level: beginner

   Values:
+  `ADJ_TRUST_LEVEL_NONE`     - only what costs nothing: convergence reasons and NaN or Inf; the verdict is `ADJ_TRUST_UNVERIFIED` at best
.  `ADJ_TRUST_LEVEL_ESTIMATE` - in addition the true adjoint residual, contraction by SLEPc, conditioning, products against differences of the map, smoothness, the error where it may matter (default)
-  `ADJ_TRUST_LEVEL_CERTIFY`  - in addition a bound of the derivative's error that fails with a given probability only; costs several linear solves

.seealso: `ADJSetTrustLevel()`
E*/
typedef enum { ADJ_TRUST_LEVEL_NONE,
               ADJ_TRUST_LEVEL_ESTIMATE,
               ADJ_TRUST_LEVEL_CERTIFY } ADJTrustLevel;
PETSC_EXTERN const char *const ADJTrustLevels[];

/*E
   ADJTrustAction - What is done with a derivative that is refused

   Level: beginner

   Values:
+  `ADJ_TRUST_ACTION_ERROR`  - a PETSc error (default)
.  `ADJ_TRUST_ACTION_WARN`   - the report is printed on the standard error stream of the first process, the derivative is handed out
-  `ADJ_TRUST_ACTION_IGNORE` - the derivative is handed out; ask `ADJGetTrust()`

.seealso: `ADJSetTrustAction()`
E*/
typedef enum { ADJ_TRUST_ACTION_ERROR,
               ADJ_TRUST_ACTION_WARN,
               ADJ_TRUST_ACTION_IGNORE } ADJTrustAction;
PETSC_EXTERN const char *const ADJTrustActions[];

/*E
   ADJTrustError - When the error of a derivative is estimated by loose linear solves

   Level: intermediate

   Values:
+  `ADJ_TRUST_ERROR_AUTO`   - for types that approximate the derivative of the solution, and else where what is known for free does not bound the error well below its limit (default)
.  `ADJ_TRUST_ERROR_ALWAYS` - with each derivative
-  `ADJ_TRUST_ERROR_NEVER`  - for types that approximate the derivative of the solution only

.seealso: `ADJSetTrustGradientError()`
E*/
typedef enum { ADJ_TRUST_ERROR_AUTO,
               ADJ_TRUST_ERROR_ALWAYS,
               ADJ_TRUST_ERROR_NEVER } ADJTrustError;
PETSC_EXTERN const char *const ADJTrustErrors[];

/*E
   ADJCheck - One quantity of the trust report

   Level: intermediate

   Values:
+  `ADJ_CHECK_FINITE`        - 1 if state, cotangent, solution and derivative hold no NaN or Inf, else 0
.  `ADJ_CHECK_FORWARD`       - forward residual, relative to the first one, see `ADJGetSNES()`
.  `ADJ_CHECK_LINEAR`        - true residual of the adjoint (or tangent) system, relative to its right-hand side
.  `ADJ_CHECK_CONTRACTION`   - spectral radius of dF/dx, with its eigen-residual (fixed-point form only)
.  `ADJ_CHECK_RITZ`          - spectral radius of dF/dx as the Krylov solver of the adjoint saw it (free; information)
.  `ADJ_CHECK_RATE`          - observed rate of a plain fixed-point forward solve (free; information)
.  `ADJ_CHECK_CONDITIONING`  - condition number of the (preconditioned) adjoint operator, from the Krylov solver
.  `ADJ_CHECK_AMPLIFICATION` - norm of the adjoint over the norm of its right-hand side, a lower bound of the norm of the inverse (information)
.  `ADJ_CHECK_RESIDUAL_BOUND` - condition number times true residual of the linear system: bounds the relative error of the adjoint
.  `ADJ_CHECK_SINGULAR`      - distance from 1 of the eigenvalue of dF/dx that is nearest to it, of those that were found
.  `ADJ_CHECK_VJP_X`         - mismatch of the products in x with differences of the map
.  `ADJ_CHECK_VJP_THETA`     - the same in theta
.  `ADJ_CHECK_OBJECTIVE`     - mismatch of the objective's partial derivatives with differences of the objective
.  `ADJ_CHECK_KINK`          - difference of the one-sided derivatives of the map at the solution, relative to its largest derivative
.  `ADJ_CHECK_SELECTIONS`    - lower bound of the joint spectral radius of the selections, see `ADJSetSelections()`; its error is the distance to the upper bound
.  `ADJ_CHECK_COMPLEMENTARITY` - smallest multiplier of an active bound, relative to the gradient's scale, see `ADJSetTaoSolution()`
.  `ADJ_CHECK_INFLUENCE`     - norm of the pullback, if that is exactly zero although the cotangent is not
.  `ADJ_CHECK_NULLSPACE`     - what the operator leaves of the null vectors that were given, see `ADJSetNullSpace()`
.  `ADJ_CHECK_DEFECT`        - smallest singular value of the product of right and left null vectors
.  `ADJ_CHECK_SOLVABILITY`   - part of the right-hand side that the null space makes unsolvable
.  `ADJ_CHECK_PERSISTENCE`   - how much the parameters act on the left null vectors
.  `ADJ_CHECK_STATE`         - estimated relative distance of the state from the solution (information)
.  `ADJ_CHECK_GRADIENT`      - estimated relative error against the derivative of the solution
.  `ADJ_CHECK_NORM`          - 2-norm of dF/dx, for these types, where there is a JVP (information)
.  `ADJ_CHECK_CLASSICAL`     - classical bound of their relative error, from the norms of dF/dx and dF/dtheta where that of dF/dx is below 1 (information)
.  `ADJ_CHECK_DRIFT`         - largest relative error of a state that was found by running the iteration backwards, type `ADJREVERSIBLE`
.  `ADJ_CHECK_CERTIFICATE`   - bound of the relative error, with the probability asked for
-  `ADJ_CHECK_GROWTH`        - factor by which that error grew in each step back (information)

.seealso: `ADJTrustReport`
E*/
typedef enum {
  ADJ_CHECK_FINITE,
  ADJ_CHECK_FORWARD,
  ADJ_CHECK_LINEAR,
  ADJ_CHECK_CONTRACTION,
  ADJ_CHECK_RITZ,
  ADJ_CHECK_RATE,
  ADJ_CHECK_CONDITIONING,
  ADJ_CHECK_AMPLIFICATION,
  ADJ_CHECK_RESIDUAL_BOUND,
  ADJ_CHECK_SINGULAR,
  ADJ_CHECK_VJP_X,
  ADJ_CHECK_VJP_THETA,
  ADJ_CHECK_OBJECTIVE,
  ADJ_CHECK_KINK,
  ADJ_CHECK_SELECTIONS,
  ADJ_CHECK_COMPLEMENTARITY,
  ADJ_CHECK_INFLUENCE,
  ADJ_CHECK_NULLSPACE,
  ADJ_CHECK_DEFECT,
  ADJ_CHECK_SOLVABILITY,
  ADJ_CHECK_PERSISTENCE,
  ADJ_CHECK_STATE,
  ADJ_CHECK_GRADIENT,
  ADJ_CHECK_CERTIFICATE,
  ADJ_CHECK_NORM,
  ADJ_CHECK_CLASSICAL,
  ADJ_CHECK_DRIFT,
  ADJ_CHECK_GROWTH,
  ADJ_CHECK_COUNT
} ADJCheck;
PETSC_EXTERN const char *const ADJChecks[];

/*E
   ADJCheckStatus - Outcome of one check

   Level: intermediate

   Values:
+  `ADJ_CHECK_SKIPPED`      - not made: it does not apply, or it was switched off
.  `ADJ_CHECK_INFO`         - measured, not judged
.  `ADJ_CHECK_PASSED`       - within its threshold
.  `ADJ_CHECK_INCONCLUSIVE` - could not be decided within its budget
-  `ADJ_CHECK_FAILED`       - refuses the derivative

.seealso: `ADJTrustReport`
E*/
typedef enum { ADJ_CHECK_SKIPPED,
               ADJ_CHECK_INFO,
               ADJ_CHECK_PASSED,
               ADJ_CHECK_INCONCLUSIVE,
               ADJ_CHECK_FAILED } ADJCheckStatus;
PETSC_EXTERN const char *const ADJCheckStatuses[];

typedef struct {
  ADJCheckStatus status;
  PetscReal      value;     /* what was measured */
  PetscReal      error;     /* its uncertainty, 0 if none is known */
  PetscReal      threshold; /* the limit it was held against, 0 if it is not judged */
  const char    *advice;    /* what to try next when it failed or was inconclusive, or a remark; may be NULL */
} ADJTrustCheck;

/*S
   ADJTrustReport - What was looked at before the last derivative was returned, and what was found

   Level: intermediate

.seealso: `ADJGetTrustReport()`, `ADJTrustView()`
S*/
typedef struct {
  ADJTrust            verdict;
  ADJPhase            phase; /* ADJ_PHASE_ADJOINT or ADJ_PHASE_TANGENT */
  SNESConvergedReason forward_reason;
  KSPConvergedReason  linear_reason;
  PetscInt            products; /* Jacobian products spent on checks for this derivative */
  PetscInt            maps;     /* evaluations of F or R spent on them */
  ADJTrustCheck       check[ADJ_CHECK_COUNT];
} ADJTrustReport;

PETSC_EXTERN PetscErrorCode ADJSetTrustLevel(ADJ, ADJTrustLevel);
PETSC_EXTERN PetscErrorCode ADJGetTrustLevel(ADJ, ADJTrustLevel *);
PETSC_EXTERN PetscErrorCode ADJSetTrustAction(ADJ, ADJTrustAction);
PETSC_EXTERN PetscErrorCode ADJGetTrustAction(ADJ, ADJTrustAction *);
PETSC_EXTERN PetscErrorCode ADJSetTrustContraction(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetTrustContraction(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetTrustThreshold(ADJ, ADJCheck, PetscReal);
PETSC_EXTERN PetscErrorCode ADJGetTrustThreshold(ADJ, ADJCheck, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJSetTrustDifferences(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetTrustDifferences(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetTrustSVD(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetTrustSVD(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetTrustBudget(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetTrustBudget(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetTrustRecheck(ADJ, PetscReal);
PETSC_EXTERN PetscErrorCode ADJGetTrustRecheck(ADJ, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJSetTrustGradientError(ADJ, ADJTrustError);
PETSC_EXTERN PetscErrorCode ADJGetTrustGradientError(ADJ, ADJTrustError *);
PETSC_EXTERN PetscErrorCode ADJSetGradientRefine(ADJ, PetscBool);
PETSC_EXTERN PetscErrorCode ADJGetGradientRefine(ADJ, PetscBool *);
PETSC_EXTERN PetscErrorCode ADJSetTrustCertificate(ADJ, PetscInt, PetscReal);
PETSC_EXTERN PetscErrorCode ADJGetTrustCertificate(ADJ, PetscInt *, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJSetNullSpace(ADJ, MatNullSpace, MatNullSpace);
PETSC_EXTERN PetscErrorCode ADJGetNullSpace(ADJ, MatNullSpace *, MatNullSpace *);
PETSC_EXTERN PetscErrorCode ADJSetSelections(ADJ, PetscInt, ADJSelectionFn *, ADJSelectionFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetSelections(ADJ, PetscInt *, ADJSelectionFn **, ADJSelectionFn **, void **);
PETSC_EXTERN PetscErrorCode ADJSetSelectionsLength(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode ADJGetSelectionsLength(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode ADJSetGradientTolerance(ADJ, PetscReal);
PETSC_EXTERN PetscErrorCode ADJGetGradientTolerance(ADJ, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJGetTrust(ADJ, ADJTrust *);
PETSC_EXTERN PetscErrorCode ADJGetTrustReport(ADJ, ADJTrustReport *);
PETSC_EXTERN PetscErrorCode ADJGetTrustCheck(ADJ, ADJCheck, ADJTrustCheck *);
#define ADJ_TRUST_FILE_CLASSID     1211900 /* first integer of a report in a binary file, see `ADJTrustView()` */
#define ADJ_TRUST_FILE_NAME_LENGTH 32      /* bytes of the name of a check there */
PETSC_EXTERN PetscErrorCode ADJTrustView(ADJ, PetscViewer);
PETSC_EXTERN PetscErrorCode ADJTrustViewSpectrum(ADJ, PetscViewer);
PETSC_EXTERN PetscErrorCode ADJGetContraction(ADJ, PetscReal *, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJGetLeadingEigenpair(ADJ, PetscScalar *, PetscScalar *, Vec *, Vec *);

/* --------------------------------- Verification --------------------------------- */
PETSC_EXTERN PetscErrorCode ADJTestVJP(ADJ, Vec, Vec, PetscReal *, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJTestGradient(ADJ, Vec, Vec, Vec, PetscReal *, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJTestHessian(ADJ, Vec, Vec, PetscReal *, PetscReal *);

/* ----------------------------------- Objective ---------------------------------- */
PETSC_EXTERN PetscErrorCode ADJSetObjective(ADJ, ADJObjectiveFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetObjective(ADJ, ADJObjectiveFn **, void **);
PETSC_EXTERN PetscErrorCode ADJComputeObjectiveAndGradient(ADJ, Vec, PetscReal *, Vec);
PETSC_EXTERN PetscErrorCode ADJSetMisfit(ADJ, Vec, ADJMapFn *, ADJVJPFn *, ADJJVPFn *, void *);
PETSC_EXTERN PetscErrorCode ADJGetCorrectedObjective(ADJ, PetscReal *, PetscReal *);

/* ------------------------------- Outer optimization ------------------------------ */
PETSC_EXTERN PetscErrorCode ADJSetTao(ADJ, Tao);
PETSC_EXTERN PetscErrorCode ADJGetTao(ADJ, Tao *);
PETSC_EXTERN PetscErrorCode ADJMinimize(ADJ, Vec);
PETSC_EXTERN PetscErrorCode ADJGetRefusal(ADJ, ADJTrust *);
PETSC_EXTERN PetscErrorCode ADJGetRejected(ADJ, PetscInt *);
#define ADJTAODESCENT "descent" /* a TaoType */

/*E
   ADJRestartMode - Whether an outer optimization begins with a checkpoint

   Level: beginner

   Values:
+  `ADJ_RESTART_NONE`     - no: it begins anew (default)
.  `ADJ_RESTART_AUTO`     - if there is one
-  `ADJ_RESTART_REQUIRED` - yes: it is an error if there is none

.seealso: `ADJSetRestart()`
E*/
typedef enum { ADJ_RESTART_NONE,
               ADJ_RESTART_AUTO,
               ADJ_RESTART_REQUIRED } ADJRestartMode;
PETSC_EXTERN const char *const ADJRestartModes[];
PETSC_EXTERN PetscErrorCode    ADJSetCheckpoint(ADJ, const char[]);
PETSC_EXTERN PetscErrorCode    ADJGetCheckpoint(ADJ, const char *[]);
PETSC_EXTERN PetscErrorCode    ADJSetCheckpointInterval(ADJ, PetscInt, PetscReal);
PETSC_EXTERN PetscErrorCode    ADJGetCheckpointInterval(ADJ, PetscInt *, PetscReal *);
PETSC_EXTERN PetscErrorCode    ADJSetCheckpointMemory(ADJ, PetscInt);
PETSC_EXTERN PetscErrorCode    ADJGetCheckpointMemory(ADJ, PetscInt *);
PETSC_EXTERN PetscErrorCode    ADJSetRestart(ADJ, ADJRestartMode, const char[]);
PETSC_EXTERN PetscErrorCode    ADJGetRestart(ADJ, ADJRestartMode *, const char *[]);
PETSC_EXTERN PetscErrorCode    ADJRestart(ADJ, Vec, PetscBool *);
PETSC_EXTERN PetscErrorCode    ADJCheckpointWrite(ADJ, const char[]);
PETSC_EXTERN PetscErrorCode    ADJCheckpointLoad(ADJ, const char[], Vec);
PETSC_EXTERN PetscErrorCode    ADJGetElapsedTime(ADJ, PetscReal *);

/*E
   ADJToleranceSchedule - How the tolerances of forward and adjoint solves follow an outer optimization

   Level: intermediate

   Values:
+  `ADJ_TOLERANCE_FIXED`    - not at all (default)
.  `ADJ_TOLERANCE_HOAG`     - they fall by a factor at each iteration
-  `ADJ_TOLERANCE_GRADIENT` - they fall as the norm of the gradient

.seealso: `ADJSetToleranceSchedule()`
E*/
typedef enum { ADJ_TOLERANCE_FIXED,
               ADJ_TOLERANCE_HOAG,
               ADJ_TOLERANCE_GRADIENT } ADJToleranceSchedule;
PETSC_EXTERN const char *const ADJToleranceSchedules[];
PETSC_EXTERN PetscErrorCode    ADJSetToleranceSchedule(ADJ, ADJToleranceSchedule);
PETSC_EXTERN PetscErrorCode    ADJGetToleranceSchedule(ADJ, ADJToleranceSchedule *);
PETSC_EXTERN PetscErrorCode    ADJSetToleranceParameters(ADJ, PetscReal, PetscReal, PetscReal);

/*E
   ADJHessianType - How the Hessian of the reduced objective is multiplied by a direction

   Level: intermediate

   Values:
+  `ADJ_HESSIAN_FULL`         - a tangent and an adjoint solve, with all second derivatives (default)
.  `ADJ_HESSIAN_GAUSS_NEWTON` - the same without the second derivatives of F or R: positive semidefinite where the objective is convex
-  `ADJ_HESSIAN_DIFFERENCES`  - central differences of gradients

.seealso: `ADJSetHessianType()`
E*/
typedef enum { ADJ_HESSIAN_FULL,
               ADJ_HESSIAN_GAUSS_NEWTON,
               ADJ_HESSIAN_DIFFERENCES } ADJHessianType;
PETSC_EXTERN const char *const ADJHessianTypes[];
PETSC_EXTERN PetscErrorCode    ADJSetHessianType(ADJ, ADJHessianType);
PETSC_EXTERN PetscErrorCode    ADJGetHessianType(ADJ, ADJHessianType *);
PETSC_EXTERN PetscErrorCode    ADJSetObjectiveHessian(ADJ, ADJObjectiveHessianFn *, void *);
PETSC_EXTERN PetscErrorCode    ADJSetSecondVJP(ADJ, ADJSecondVJPFn *, void *);
PETSC_EXTERN PetscErrorCode    ADJCreateHessian(ADJ, Vec, Mat *);
PETSC_EXTERN PetscErrorCode    ADJComputeHessian(ADJ, Vec, Mat);

/* -------------------------- Projections and proximal maps ------------------------ */

/*S
   ADJProx - A projection on a convex set, or the proximal map of a convex function, with its derivatives

   Level: beginner

.seealso: `ADJProxCreateBox()`, `ADJProxCreateL1()`, `ADJProxApply()`, `ADJProxVJP()`
S*/
typedef struct _p_ADJProx *ADJProx;

PETSC_EXTERN PetscClassId ADJPROX_CLASSID;

/*E
   ADJProxKind - Which map an `ADJProx` is

   Level: beginner

   Values:
+  `ADJ_PROX_BOX`         - projection on lower <= y <= upper
.  `ADJ_PROX_NONNEGATIVE` - projection on y >= 0
.  `ADJ_PROX_L1`          - proximal map of t |y|_1: the soft threshold
.  `ADJ_PROX_GROUP_L1`    - proximal map of t times the sum of the 2-norms of blocks
.  `ADJ_PROX_BALL`        - projection on |y - center| <= radius
.  `ADJ_PROX_SIMPLEX`     - projection on y >= 0, sum of y = total
-  `ADJ_PROX_AFFINE`      - projection on A y = b

.seealso: `ADJProxGetKind()`
E*/
typedef enum { ADJ_PROX_BOX,
               ADJ_PROX_NONNEGATIVE,
               ADJ_PROX_L1,
               ADJ_PROX_GROUP_L1,
               ADJ_PROX_BALL,
               ADJ_PROX_SIMPLEX,
               ADJ_PROX_AFFINE } ADJProxKind;
PETSC_EXTERN const char *const ADJProxKinds[];

PETSC_EXTERN PetscErrorCode ADJProxCreateBox(MPI_Comm, Vec, Vec, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateNonnegative(MPI_Comm, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateL1(MPI_Comm, PetscReal, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateGroupL1(MPI_Comm, PetscReal, PetscInt, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateBall(MPI_Comm, Vec, PetscReal, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateSimplex(MPI_Comm, PetscReal, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxCreateAffine(Mat, Vec, ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxDestroy(ADJProx *);
PETSC_EXTERN PetscErrorCode ADJProxView(ADJProx, PetscViewer);
PETSC_EXTERN PetscErrorCode ADJProxGetKind(ADJProx, ADJProxKind *);
PETSC_EXTERN PetscErrorCode ADJProxSetParameter(ADJProx, PetscReal);
PETSC_EXTERN PetscErrorCode ADJProxGetParameter(ADJProx, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJProxSetVecs(ADJProx, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxGetVecs(ADJProx, Vec *, Vec *);
PETSC_EXTERN PetscErrorCode ADJProxGetKSP(ADJProx, KSP *);
PETSC_EXTERN PetscErrorCode ADJProxSetOptionsPrefix(ADJProx, const char[]);
PETSC_EXTERN PetscErrorCode ADJProxSetFromOptions(ADJProx);
PETSC_EXTERN PetscErrorCode ADJProxApply(ADJProx, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxVJP(ADJProx, Vec, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxJVP(ADJProx, Vec, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxVJPParameter(ADJProx, Vec, Vec, PetscReal *);
PETSC_EXTERN PetscErrorCode ADJProxJVPParameter(ADJProx, Vec, PetscReal, Vec);
PETSC_EXTERN PetscErrorCode ADJProxVJPVecs(ADJProx, Vec, Vec, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxJVPVecs(ADJProx, Vec, Vec, Vec, Vec);
PETSC_EXTERN PetscErrorCode ADJProxGetSelection(ADJProx, Vec, PetscInt *, PetscReal *, Vec);

#endif
