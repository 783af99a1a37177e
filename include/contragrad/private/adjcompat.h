/*
   One name for what differs between PETSc 3.18 and the current release. The only file that tests PETSC_VERSION.
*/
#ifndef ADJCOMPAT_H
#define ADJCOMPAT_H

#include <petscsys.h>

#if PETSC_VERSION_LT(3, 19, 0)
  #define PETSC_SUCCESS 0
#endif

#if PETSC_VERSION_LT(3, 22, 0)
  #define ADJ_CURRENT   PETSC_DEFAULT /* keep the present value of a tolerance */
  #define ADJ_UNLIMITED PETSC_MAX_INT /* function evaluations of a SNES */
  #define ADJ_DETERMINE PETSC_DEFAULT /* let a solver of SLEPc choose its dimensions */
#else
  #define ADJ_CURRENT   PETSC_CURRENT
  #define ADJ_UNLIMITED PETSC_UNLIMITED
  #define ADJ_DETERMINE PETSC_DETERMINE
#endif

/* 3.21 alone wants a viewer from the options given back by a function of its own */
#if PETSC_VERSION_LT(3, 21, 0)
  #define ADJOptionsCreateViewer  PetscOptionsGetViewer
  #define ADJOptionsDestroyViewer PetscViewerDestroy
#elif PETSC_VERSION_LT(3, 22, 0)
  #define ADJOptionsCreateViewer  PetscOptionsGetViewer
  #define ADJOptionsDestroyViewer PetscOptionsRestoreViewer
#else
  #define ADJOptionsCreateViewer  PetscOptionsCreateViewer
  #define ADJOptionsDestroyViewer PetscViewerDestroy
#endif

/* What destroys a context gets void *, and not void **, from 3.25 on */
#if PETSC_VERSION_LT(3, 23, 0)
typedef PetscOptionItems *ADJOptionItems;
typedef PetscErrorCode    ADJCtxDestroyFn(void **);
#else
typedef PetscOptionItems  ADJOptionItems;
typedef PetscCtxDestroyFn ADJCtxDestroyFn;
#endif

#if PETSC_VERSION_LT(3, 24, 0)
  #define ADJShellFn(f) ((void (*)(void))(f))
#else
  #define ADJShellFn(f) ((PetscErrorCodeFn *)(f))
#endif

#if PETSC_VERSION_LT(3, 23, 0)
  #define ADJTSGetEvaluationTimes TSGetTimeSpan
#else
  #define ADJTSGetEvaluationTimes TSGetEvaluationTimes
#endif

/* With the defaults of what 3.22 has added, which concern periodic meshes only */
#if PETSC_VERSION_LT(3, 22, 0)
  #define ADJDMPlexCreateBoxMesh DMPlexCreateBoxMesh
#else
  #define ADJDMPlexCreateBoxMesh(comm, dim, simplex, faces, lower, upper, periodicity, interpolate, dm) DMPlexCreateBoxMesh(comm, dim, simplex, faces, lower, upper, periodicity, interpolate, 0, PETSC_TRUE, dm)
#endif

#if PETSC_VERSION_LT(3, 21, 0)
  #define ADJTaoMonitorSet    TaoSetMonitor
  #define ADJTaoMonitorCancel TaoCancelMonitors
#else
  #define ADJTaoMonitorSet    TaoMonitorSet
  #define ADJTaoMonitorCancel TaoMonitorCancel
#endif

/* Whether PCSetPreSolve() was called, which a later release has taken away, with its field */
#if PETSC_VERSION_LT(3, 20, 0)
  #define ADJPCHasUserPreSolve(pc) ((PetscBool)((pc)->presolve != NULL))
#else
  #define ADJPCHasUserPreSolve(pc) PETSC_FALSE
#endif

/* What a KSP lets its DM compute: OPERATOR, RHS, INITIAL_GUESS */
#if PETSC_VERSION_LT(3, 25, 0)
  #define ADJKSPDMComputes(ksp, what) ((PetscBool)((ksp)->dmActive))
#else
  #define ADJKSPDMComputes(ksp, what) ((PetscBool)(((ksp)->dmActive & KSP_DMACTIVE_##what) != 0))
#endif

/* With 3.25.5 bqnkls stops with an error at any objective: it solves with a matrix of type MATLMVM that it has shifted */
#if PETSC_VERSION_LT(3, 23, 0)
  #define ADJ_TAO_BQNK TAOBQNKLS
#else
  #define ADJ_TAO_BQNK TAOBQNKTR
#endif

#if PETSC_VERSION_LT(3, 25, 0)
  #define ADJ_SNES_DIVERGED_NAN SNES_DIVERGED_FNORM_NAN
  #define ADJ_SNES_DOMAIN_ERROR domainerror /* field of a SNES */
  #define ADJ_TAO_NFUNCS        nfuncs      /* fields of a Tao */
  #define ADJ_TAO_NGRADS        ngrads
  #define ADJ_TAO_NFUNCGRADS    nfuncgrads
  #define ADJ_TAO_NHESS         nhess
#else
  #define ADJ_SNES_DIVERGED_NAN SNES_DIVERGED_FUNCTION_NANORINF
  #define ADJ_SNES_DOMAIN_ERROR functiondomainerror
  #define ADJ_TAO_NFUNCS        objective_term.term->nobj
  #define ADJ_TAO_NGRADS        objective_term.term->ngrad
  #define ADJ_TAO_NFUNCGRADS    objective_term.term->nobjgrad
  #define ADJ_TAO_NHESS         objective_term.term->nhess
#endif

/* Since 3.25 Newton's methods of Tao do not go on from a preconditioner's memory that others have filled */
#if PETSC_VERSION_LT(3, 25, 0)
  #define ADJ_TAO_NEWTON_MEMORY PETSC_TRUE
#else
  #define ADJ_TAO_NEWTON_MEMORY PETSC_FALSE
#endif

#endif
