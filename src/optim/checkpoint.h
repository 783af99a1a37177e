/*
   Checkpoints of an outer optimization, shared by the files checkpoint*.c.
*/
#ifndef ADJCHECKPOINT_H
#define ADJCHECKPOINT_H

#include "outer.h"
#include <stdint.h>

/* An earlier iterate with its gradient: what the memory of a quasi-Newton method is made of */
typedef struct {
  Vec       theta, gradient;
  PetscReal value;
  PetscReal norm; /* of the gradient in the sense of the method, for the scaling of its first step */
} ADJPair;

typedef enum { ADJ_SAVED_W,
               ADJ_SAVED_XREF,
               ADJ_SAVED_X0,
               ADJ_SAVED_PARTS } ADJSavedPart;

#define ADJ_COUNTERS (int)(sizeof(ADJCounters) / sizeof(PetscInt)) /* nothing else is in it */

/* The integers and the real numbers of a checkpoint, in the order of the file */
typedef enum {
  ADJ_SAVED_ITERATION,
  ADJ_SAVED_NFUNCS,
  ADJ_SAVED_NGRADS,
  ADJ_SAVED_NFUNCGRADS,
  ADJ_SAVED_NHESS,
  ADJ_SAVED_KSPITS,
  ADJ_SAVED_REJECTED,
  ADJ_SAVED_OUTER,    /* iterations in the sense of the tolerance schedule */
  ADJ_SAVED_COUNTERS, /* of the user's account, then of the checks' */
  ADJ_SAVED_INTEGERS = ADJ_SAVED_COUNTERS + 2 * ADJ_COUNTERS
} ADJSavedInteger;

typedef enum {
  ADJ_SAVED_VALUE,
  ADJ_SAVED_ERROR,
  ADJ_SAVED_OFFSET,
  ADJ_SAVED_NORM,
  ADJ_SAVED_FIRSTNORM,
  ADJ_SAVED_STEP,
  ADJ_SAVED_GNORM0,
  ADJ_SAVED_TRUST,
  ADJ_SAVED_LARGEST,
  ADJ_SAVED_ELAPSED,
  ADJ_SAVED_REALS
} ADJSavedReal;

#define ADJ_SAVED_TYPELENGTH 64

/* What a checkpoint holds. Vectors are borrowed when it is written, owned when it was read */
typedef struct {
  Vec        theta, gradient, x;
  Vec        part[ADJ_SAVED_PARTS]; /* adjoint; reference of the forward tolerance; first guess of given steps. NULL: there is none */
  DM         dm[2];                 /* of x and of theta; NULL: none, borrowed */
  PetscInt   npairs;                /* the oldest first */
  ADJPair   *pair;
  PetscInt64 integer[ADJ_SAVED_INTEGERS];
  PetscReal  real[ADJ_SAVED_REALS];
  char       type[ADJ_SAVED_TYPELENGTH]; /* of the Tao */
} ADJSnapshot;

struct _n_ADJCheckpoint {
  char          *file, *restartfile;
  ADJRestartMode restart;
  PetscInt       interval; /* iterations; PETSC_DETERMINE: each one, unless the clock decides */
  PetscReal      seconds;  /* 0: the clock does not decide */
  PetscInt       memory;   /* earlier iterates kept; PETSC_DETERMINE: ADJ_CHECKPOINT_MEMORY */

  PetscInt       npairs, maxpairs; /* the newest is the present iterate */
  ADJPair       *pair;
  PetscObjectId  recorded; /* evaluation of the newest */
  PetscInt       since;    /* iterations since the last write */
  PetscLogDouble begun, written;
  PetscReal      elapsed; /* in the runs before this one */
  PetscInt       writes;  /* in this run */
  PetscBool      lost;    /* the last one failed */

  ADJSnapshot *pending; /* read, for the TaoSolve() to come */
  PetscInt     tests;   /* convergence tests since an optimization was taken up; negative: none was */
  PetscReal    trust0;  /* radius to begin with that the user has set */
  PetscBool    radius;  /* it was replaced */
};

#define ADJ_CHECKPOINT_MEMORY 10

/* checkpointfile.c, checkpointvec.c */
PETSC_INTERN PetscErrorCode ADJSnapshotDestroy_Private(ADJSnapshot **);
PETSC_INTERN PetscErrorCode ADJSnapshotSave_Private(MPI_Comm, const char[], const ADJSnapshot *, int *);
PETSC_INTERN PetscErrorCode ADJSnapshotRead_Private(MPI_Comm, const char[], Vec, Vec, const DM[2], ADJSnapshot **);
PETSC_INTERN PetscErrorCode ADJSnapshotCheckFolder_Private(MPI_Comm, const char[], int *);
PETSC_INTERN PetscErrorCode ADJSnapshotShape_Private(Vec, DM, PetscInt64[6]);
PETSC_INTERN PetscErrorCode ADJSnapshotTransfer_Private(Vec, DM, PetscViewer, PetscBool);
PETSC_INTERN PetscErrorCode ADJSnapshotCompare_Private(Vec, DM, PetscViewer, PetscBool *);
PETSC_INTERN PetscErrorCode ADJChecksum_Private(MPI_Comm, const char[], PetscBool, int64_t, int64_t, uint64_t *, int *);

/* checkpointmemory.c */
PETSC_INTERN PetscErrorCode ADJPairsDestroy_Private(PetscInt, ADJPair **);
PETSC_INTERN PetscErrorCode ADJMemoryRecord_Private(ADJ, Tao);
PETSC_INTERN PetscErrorCode ADJMemoryReplay_Private(ADJ, Tao, const ADJSnapshot *, PetscInt *);
PETSC_INTERN PetscErrorCode ADJMemoryRelease_Private(ADJ, Tao);

/* checkpoint.c, checkpointsettings.c */
PETSC_INTERN PetscErrorCode ADJGetCheckpoint_Private(ADJ, ADJCheckpoint *);
PETSC_INTERN PetscErrorCode ADJCheckpointBegin_Private(ADJ, Tao);
PETSC_INTERN PetscErrorCode ADJCheckpointTest_Private(ADJ, Tao);

#endif
