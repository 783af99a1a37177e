/*
   Steady groundwater flow in a heterogeneous aquifer: cell-centred finite volumes on a DMDA, in two or three dimensions.

   State h: hydraulic head. Parameter theta: logarithm of the hydraulic conductivity. One value a cell for both.

     R(h, theta) = V [ -div(e^theta grad h) + drain(h) - recharge ] - wells = 0

   with given heads at the west and the east side, no flow through the others, and the smooth drain

     drain(h) = C s log(1 + e^((h - level)/s)).
*/
#ifndef AQUIFER_H
#define AQUIFER_H

#include <contragrad.h>
#include <petscdmda.h>

typedef enum { AQUIFER_RESIDUAL,
               AQUIFER_FIXED_POINT } AquiferForm;
extern const char *const AquiferForms[];

typedef enum { AQUIFER_TIKHONOV,
               AQUIFER_H1,
               AQUIFER_TV } AquiferRegType;
extern const char *const AquiferRegTypes[];

/* The owned cells, and where they lie in arrays with ghosts */
typedef struct {
  PetscInt size[3];            /* cells of the whole grid */
  PetscInt start[3], count[3]; /* owned */
  PetscInt owned, ghosted;     /* how many */
  PetscInt stride[3], first;   /* in arrays with ghosts; the first owned cell there */
} AquiferPatch;

typedef struct _n_Aquifer *Aquifer;
struct _n_Aquifer {
  MPI_Comm    comm;
  AquiferForm form;

  /* grid */
  PetscInt     dim;
  PetscReal    length[3];
  DM           da;
  PetscReal    volume;         /* V, of a cell */
  PetscReal    coefficient[3]; /* V/dx^2, by direction */
  AquiferPatch patch;

  /* physics */
  PetscReal head[2]; /* at the west and the east side */
  PetscReal recharge;
  PetscReal drainconductance, drainlevel, drainscale;
  char      wellsfile[PETSC_MAX_PATH_LEN];
  Vec       source; /* V recharge + wells, by cell */

  /* parameters */
  PetscReal heterogeneity;
  char      thetafile[PETSC_MAX_PATH_LEN];
  Vec       theta; /* the field to start from */

  /* objective */
  char       observationsfile[PETSC_MAX_PATH_LEN];
  PetscReal  sigma;
  PetscInt   nobservations, allobservations; /* in owned cells; of all processes */
  PetscInt  *observedcell;                   /* owned index */
  PetscReal *observedhead;

  /* regularization */
  AquiferRegType regtype;
  PetscReal      regweight, regscale; /* the scale is that of the slopes which total variation takes for a jump */

  /* Jacobian in h: preconditioner of the residual form, operator of the step's multigrid in the fixed-point form */
  Mat P;

  /* step */
  PC        stepPC;
  PetscInt  stepcycles;
  PetscReal stepomega;
  Vec       stepwork[4];
};

/* aquifer.c */
extern PetscErrorCode AquiferCreate(MPI_Comm, Aquifer *);
extern PetscErrorCode AquiferSetFromOptions(Aquifer);
extern PetscErrorCode AquiferSetUp(Aquifer);
extern PetscErrorCode AquiferDestroy(Aquifer *);
extern PetscErrorCode AquiferCreateHead(Aquifer, Vec *);
extern PetscErrorCode AquiferCreateADJ(Aquifer, ADJ *);
extern PetscErrorCode AquiferSetForwardDefaults(SNES);
extern PetscErrorCode AquiferSetLinearDefaults(KSP);

/* flow.c */
extern ADJMapFn       AquiferResidual;
extern ADJJVPFn       AquiferJVP;
extern ADJVJPFn       AquiferVJP;
extern ADJSecondVJPFn AquiferSecondVJP;
extern ADJLinearizeFn AquiferLinearize;
extern PetscErrorCode AquiferCreateMatrix(Aquifer, Mat *);
extern PetscErrorCode AquiferAssemble(Aquifer, Vec h, Vec theta, Mat);

/* step.c */
extern PetscErrorCode AquiferStepSetUp(Aquifer);
extern ADJMapFn       AquiferStep;
extern ADJJVPFn       AquiferStepJVP;
extern ADJVJPFn       AquiferStepVJP;
extern ADJSecondVJPFn AquiferStepSecondVJP;

/* objective.c */
extern ADJObjectiveFn        AquiferObjective;
extern ADJObjectiveHessianFn AquiferObjectiveHessian;
extern PetscErrorCode        AquiferGetMisfit(Aquifer, Vec h, PetscReal *);

/* regularization.c */
extern PetscErrorCode AquiferAddRegularization(Aquifer, Vec theta, PetscReal *f, Vec thetabar);
extern PetscErrorCode AquiferAddRegularizationHessian(Aquifer, Vec theta, Vec thetadot, Vec thetabar);

/* wells.c */
typedef struct {
  PetscInt  cell[3];
  PetscReal value;
} AquiferPoint;
extern PetscErrorCode AquiferReadPoints(Aquifer, const char file[], const char column[], PetscInt *n, AquiferPoint **);
extern PetscErrorCode AquiferReadWells(Aquifer);
extern PetscErrorCode AquiferReadObservations(Aquifer);
extern PetscInt       AquiferOwnedIndex(const AquiferPatch *, const PetscInt cell[]);
extern PetscErrorCode AquiferSetObservations(Aquifer, PetscInt n, const AquiferPoint[]);

/* field.c */
extern PetscReal      AquiferHeterogeneity(Aquifer, PetscReal amplitude, const PetscReal x[]);
extern PetscErrorCode AquiferLoadTheta(Aquifer, const char file[], Vec);
extern PetscErrorCode AquiferCreateTheta(Aquifer, Vec *);
extern PetscErrorCode AquiferWriteFields(Aquifer, const char file[], PetscInt n, const char *const name[], const Vec[]);
extern PetscErrorCode AquiferWriteVTK(Aquifer, const char prefix[], Vec h, Vec theta, Vec gradient);

#endif
