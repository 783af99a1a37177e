/*
   The states of an iteration x_{k+1} = F(x_k), given back in the order K-1, ..., 0. Which state to keep and when to
   recompute is the schedule's matter, an iterator of actions; where the states lie is the store's.
*/
#ifndef ADJTRAJECTORY_H
#define ADJTRAJECTORY_H

#include <contragrad.h>

/* ------------------------------- Schedule: schedule.c ------------------------------- */

typedef enum {
  ADJ_ACTION_ADVANCE, /* take steps from the current state until it is state `step` */
  ADJ_ACTION_STORE,   /* keep the current state, which is state `step`, on `level` */
  ADJ_ACTION_LOAD,    /* the current state becomes a copy of the kept state `step`, which lies on `level` */
  ADJ_ACTION_DISCARD, /* forget the kept state `step`, which lies on `level` */
  ADJ_ACTION_REVERSE, /* the current state is state `step`, and the caller wants it */
  ADJ_ACTION_END      /* nothing more to do: in the forward phase for this state, else for this sweep */
} ADJActionKind;

typedef enum {
  ADJ_LEVEL_MEMORY,
  ADJ_LEVEL_DISK
} ADJLevel;

typedef struct {
  ADJActionKind kind;
  PetscInt      step;
  ADJLevel      level;
} ADJAction;

/* The types that users choose, and two for the library's own use */
typedef enum {
  ADJ_SCHEDULE_ALL,
  ADJ_SCHEDULE_BINOMIAL,
  ADJ_SCHEDULE_ONLINE,
  ADJ_SCHEDULE_TWO_LEVEL,
  ADJ_SCHEDULE_RING,    /* the last `checkpoints` states */
  ADJ_SCHEDULE_PERIODIC /* states 0, period, 2 period, ... */
} ADJScheduleType;

typedef struct {
  ADJScheduleType type;
  PetscInt        steps;       /* K, or PETSC_DETERMINE where only the end of the iteration tells */
  PetscInt        checkpoints; /* states in memory at a time (in the store, for one level), the initial state included */
  PetscInt        period;      /* of the states on disk, or of ADJ_SCHEDULE_PERIODIC */
  ADJLevel        level;       /* of schedules with one level */
} ADJScheduleSpec;

typedef struct _ADJSchedule *ADJSchedule;
PETSC_INTERN PetscErrorCode  ADJScheduleCreate_Private(const ADJScheduleSpec *, ADJSchedule *);
PETSC_INTERN PetscErrorCode  ADJScheduleDestroy_Private(ADJSchedule *);
PETSC_INTERN PetscErrorCode  ADJScheduleArrive_Private(ADJSchedule, PetscInt k);                 /* forward: a step is about to be made from state k = 0, 1, ...; 0 starts anew, with empty stores */
PETSC_INTERN PetscErrorCode  ADJScheduleTurn_Private(ADJSchedule, PetscInt K, PetscInt current); /* K steps were made; the sweep back begins, also for a second and third time; current: the state at hand, or -1 */
PETSC_INTERN PetscErrorCode  ADJScheduleNext_Private(ADJSchedule, ADJAction *);                  /* the next action after one of these two */

/* ---------------------------------- Stores: store*.c ---------------------------------- */

typedef struct _ADJStore   *ADJStore;
PETSC_INTERN PetscErrorCode ADJStoreCreateMemory_Private(MPI_Comm, ADJStore *);
PETSC_INTERN PetscErrorCode ADJStoreCreateDisk_Private(MPI_Comm, const char dir[], ADJStore *); /* dir: NULL or empty for a fresh one in $TMPDIR */
PETSC_INTERN PetscErrorCode ADJStoreDestroy_Private(ADJStore *);
PETSC_INTERN PetscErrorCode ADJStorePut_Private(ADJStore, PetscInt step, Vec x);
PETSC_INTERN PetscErrorCode ADJStoreTake_Private(ADJStore, PetscInt step, Vec *x); /* as Put, but x may become another vector, of any content */
PETSC_INTERN PetscErrorCode ADJStoreGet_Private(ADJStore, PetscInt step, Vec x);
PETSC_INTERN PetscErrorCode ADJStoreBorrow_Private(ADJStore, PetscInt step, Vec *x); /* the kept vector itself, until it is dropped; NULL if there is none, as on disk */
PETSC_INTERN PetscErrorCode ADJStoreHas_Private(ADJStore, PetscInt step, PetscBool *has);
PETSC_INTERN PetscErrorCode ADJStoreCount_Private(ADJStore, PetscInt *n); /* states that are kept */
PETSC_INTERN PetscErrorCode ADJStoreDrop_Private(ADJStore, PetscInt step);
PETSC_INTERN PetscErrorCode ADJStoreClear_Private(ADJStore); /* drops all; vectors and file remain for later use */

/* ------------------------- Trajectory: trajectory.c; options.c ------------------------ */

/* What the user chose */
typedef struct {
  ADJTrajectoryType  type;        /* PETSC_DETERMINE: by what else is set */
  PetscInt           checkpoints; /* PETSC_DETERMINE: not set */
  PetscInt           period;
  ADJTrajectoryStore store;
  char              *dir; /* NULL: a fresh one */
} ADJTrajectoryOptions;

/* Since state 0 was recorded */
typedef struct {
  PetscInt stored;     /* states kept at the moment, in memory and on disk */
  PetscInt peak;       /* the most that were kept at a time, in memory and on disk */
  PetscInt peakmemory; /* the same, in memory alone */
  PetscInt recomputed; /* steps made again by sweeps back */
  PetscInt written;    /* states written to disk */
  PetscInt read;       /* states read from it */
} ADJTrajectoryStats;

typedef struct _ADJTrajectory *ADJTrajectory;
typedef PetscErrorCode         ADJAdvanceFn(void *ctx, Vec x); /* x <- F(x) */

/*
   An object serves any number of iterations, one after the other: state 0 begins a new one. A state that is given back
   is not to be changed, and valid until the next call. After an error of the caller's own ADJAdvanceFn a new sweep may
   be tried; after one of a store, a new iteration.
*/
PETSC_INTERN PetscErrorCode ADJTrajectoryCreate_Private(MPI_Comm, const ADJScheduleSpec *, const char dir[], ADJTrajectory *);
PETSC_INTERN PetscErrorCode ADJTrajectoryDestroy_Private(ADJTrajectory *);
PETSC_INTERN PetscErrorCode ADJTrajectoryRecord_Private(ADJTrajectory, PetscInt k, Vec x);                               /* state k = 0, 1, ..., K was reached */
PETSC_INTERN PetscErrorCode ADJTrajectoryFinish_Private(ADJTrajectory, PetscInt K);                                      /* K was the last: its state is not kept */
PETSC_INTERN PetscErrorCode ADJTrajectoryGetState_Private(ADJTrajectory, PetscInt k, ADJAdvanceFn *, void *ctx, Vec *x); /* k = K-1, ..., then, for a new sweep, K-1 again; borrowed */
PETSC_INTERN PetscErrorCode ADJTrajectoryHasState_Private(ADJTrajectory, PetscInt k, PetscBool *kept);
PETSC_INTERN PetscErrorCode ADJTrajectoryLoadState_Private(ADJTrajectory, PetscInt k, Vec x); /* one that is kept, at any time */
PETSC_INTERN PetscErrorCode ADJTrajectoryGetStats_Private(ADJTrajectory, ADJTrajectoryStats *);
PETSC_INTERN PetscErrorCode ADJTrajectoryGetSpec_Private(const ADJTrajectoryOptions *, MPI_Comm, PetscInt K, ADJScheduleSpec *); /* from the user's choice; K or PETSC_DETERMINE */
PETSC_INTERN PetscErrorCode ADJTrajectorySetFromOptions_Private(ADJ, ADJOptionItems);

/* Room for bytes of a file, where `fd` is that of the process, negative if it has none: reserve.c. Returns errno */
PETSC_INTERN int ADJFileReserve_Private(int fd, PetscInt64 from, PetscInt64 to);

#endif
