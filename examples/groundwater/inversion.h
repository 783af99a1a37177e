/*
   Recovers the log conductivity of every cell from heads in wells, which a twin experiment makes from a field that is known.
*/
#ifndef INVERSION_H
#define INVERSION_H

#include "aquifer.h"

/* How the weight of the regularization is found */
typedef enum { WEIGHT_FIXED,
               WEIGHT_DISCREPANCY } WeightType;
extern const char *const WeightTypes[];

#define PROGRESS_WINDOW 20 /* iterations that the estimate of the remaining time looks back */

typedef struct {
  PetscReal      target, first; /* gradient norm to be reached, and that at the start */
  PetscLogDouble begin;
  PetscReal      norm[PROGRESS_WINDOW]; /* smallest until each of the last iterations, in a ring */
  PetscLogDouble when[PROGRESS_WINDOW];
  FILE          *history; /* comma-separated values of each iteration; NULL: not wanted */
} Progress;

typedef struct _n_Inversion *Inversion;
struct _n_Inversion {
  Aquifer aq;
  ADJ     adj;
  Vec     truth; /* NULL if nobody knows it */
  Vec     theta; /* the recovered field */
  Vec     h;     /* its head */

  /* twin experiment */
  PetscBool     twin;
  char          truthfile[PETSC_MAX_PATH_LEN]; /* empty: built-in channels */
  PetscReal     contrast, background;
  PetscInt      lattice[3], seed;
  PetscReal     noise;
  AquiferPoint *well; /* the same on all processes */

  /* optimization */
  PetscBool bounded, prior, quiet;
  PetscReal bounds[2];
  Progress  progress;

  /* what came of it */
  TaoConvergedReason reason;
  PetscInt           its, rejected;
  PetscReal          objective, norm, misfit; /* the gradient's; in standard deviations */

  /* weight of the regularization */
  WeightType weighttype;
  PetscReal  weighttol; /* of the misfit */
  PetscInt   weightmax; /* inversions */

  /* output */
  char     series[PETSC_MAX_PATH_LEN], panel[PETSC_MAX_PATH_LEN]; /* empty: none */
  PetscInt interval;
};

/* inversion.c */
extern PetscErrorCode InversionCreate(Aquifer, Inversion *);
extern PetscErrorCode InversionSolve(Inversion);
extern PetscErrorCode InversionRecord(Inversion);
extern PetscErrorCode InversionCompare(Inversion, PetscReal *error, PetscReal *correlation);
extern PetscErrorCode InversionView(Inversion);
extern PetscErrorCode InversionDestroy(Inversion *);

/* twin.c */
extern PetscErrorCode TwinCreate(Inversion);

/* progress.c */
extern PetscErrorCode ProgressBegin(Inversion);
extern PetscErrorCode ProgressMonitor(Tao, void *);
extern PetscErrorCode ProgressEnd(Inversion);

/* weight.c */
typedef struct _n_Weight *Weight;
extern PetscErrorCode     WeightCreate(Inversion, Weight *);
extern PetscErrorCode     WeightEvaluate(Weight, PetscReal s, PetscReal *value, PetscReal *slope);
extern PetscErrorCode     WeightDestroy(Weight *);
extern PetscErrorCode     WeightSolve(Inversion);

/* prior.c */
extern PetscErrorCode PriorAttach(Inversion);

/* series.c */
extern PetscErrorCode SeriesWrite(Inversion, PetscInt iteration);
extern PetscErrorCode PanelWrite(Inversion);

#endif
