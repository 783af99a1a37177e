/*
   What a TS of the user's lends, and how it gets it back: settings, position, solution, trajectory, cost gradients.
*/
#include "ts.h"
#include <petsc/private/snesimpl.h>

#define ADJ_TS_INNER_RTOL (1e4 * PETSC_MACHINE_EPSILON) /* of the transposed solves of a step */

/* No monitors, no cost integrals, nothing that follows a solve by itself; at the start of the flow map */
PetscErrorCode ADJBorrow_TS(ADJ_TS *c, TSTrajectory trajectory, struct _p_TS *kept)
{
  TS             ts = c->ts;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *kept            = *ts;
  c->justdecreased = ts->adapt ? ts->adapt->timestepjustdecreased : 0;
  PetscCall(PetscObjectReference((PetscObject)kept->vec_sol));
  if (ts->adjointsetupcalled) PetscCall(TSAdjointReset(ts)); /* as many cost functions as the user has */
  PetscCall(TSSetSolution(ts, c->u));
  ierr = TSSetUp(ts); /* and for the user's cost integrals */
  if (ierr) PetscCall(ADJReturn_TS(c, kept, ierr));
  ts->trajectory            = trajectory;
  ts->quadraturets          = NULL;
  ts->vec_costintegral      = NULL;
  ts->numbermonitors        = 0;
  ts->numberadjointmonitors = 0;
  ts->adjoint_solve         = PETSC_FALSE;
  ts->forward_solve         = PETSC_FALSE;
  ts->numcost               = 0;
  ts->vecs_sensi            = NULL;
  ts->vecs_sensip           = NULL;
  ts->vecs_sensi2           = NULL;
  ts->vecs_sensi2p          = NULL;
  ts->vec_dir               = NULL;
  ts->adjoint_max_steps     = 0;
  ts->rhsjacobian.time      = PETSC_MIN_REAL; /* a linear problem would take the user's last Jacobian, at other parameters, for that of its time */
  if (ts->adapt) ts->adapt->timestepjustdecreased = 0;
  PetscCall(TSSetExactFinalTime(ts, TS_EXACTFINALTIME_MATCHSTEP));
  PetscCall(TSSetMaxTime(ts, c->maxtime));
  PetscCall(TSSetMaxSteps(ts, c->maxsteps));
  PetscCall(TSSetTime(ts, c->time));
  PetscCall(TSSetTimeStep(ts, c->step));
  PetscCall(TSSetStepNumber(ts, 0));
  ((PetscObject)ts)->options = c->quiet;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   An error in a step leaves vectors of the method locked, and the linear solver busy: they are made anew, on this process alone
   if need be
*/
static PetscErrorCode ADJRecover_TS(ADJ_TS *c)
{
  TS             ts = c->ts;
  SNES           snes;
  PetscErrorCode ignored;
  PetscInt       locks;

  PetscFunctionBegin;
  PetscCall(VecLockGet(c->u, &locks));
  for (; locks > 0; locks--) PetscCall(VecLockReadPop(c->u));
  PetscTryTypeMethod(ts, reset);
  ts->setupcalled = PETSC_FALSE;
  c->at           = -1;
  PetscCall(TSGetSNES(ts, &snes));
  ignored = ADJUnlock_Private(PETSC_ERR_NOT_CONVERGED, snes->vec_sol_update);
  if (snes->ksp) ignored = ADJRecoverKSP_Private(PETSC_ERR_NOT_CONVERGED, snes->ksp);
  (void)ignored;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything as it was; passes `ierr` on */
PetscErrorCode ADJReturn_TS(ADJ_TS *c, struct _p_TS *kept, PetscErrorCode ierr)
{
  TS ts = c->ts;

  PetscFunctionBegin;
  ((PetscObject)ts)->options = kept->hdr.options;
  if (ts->adjointsetupcalled) PetscCall(TSAdjointReset(ts));
  if (ierr) PetscCall(ADJRecover_TS(c));
  if (kept->vec_sol)
    PetscCall(TSSetSolution(ts, kept->vec_sol));
  else
    PetscCall(VecDestroy(&ts->vec_sol));
  PetscCall(VecDestroy(&kept->vec_sol));
  ts->trajectory            = kept->trajectory;
  ts->quadraturets          = kept->quadraturets;
  ts->vec_costintegral      = kept->vec_costintegral;
  ts->numbermonitors        = kept->numbermonitors;
  ts->numberadjointmonitors = kept->numberadjointmonitors;
  ts->adjoint_solve         = kept->adjoint_solve;
  ts->forward_solve         = kept->forward_solve;
  ts->numcost               = kept->numcost;
  ts->vecs_sensi            = kept->vecs_sensi;
  ts->vecs_sensip           = kept->vecs_sensip;
  ts->vecs_sensi2           = kept->vecs_sensi2;
  ts->vecs_sensi2p          = kept->vecs_sensi2p;
  ts->vec_dir               = kept->vec_dir;
  ts->adjoint_steps         = kept->adjoint_steps;
  ts->adjoint_max_steps     = kept->adjoint_max_steps;
  ts->exact_final_time      = kept->exact_final_time;
  ts->max_time              = kept->max_time;
  ts->max_steps             = kept->max_steps;
  ts->ptime                 = kept->ptime;
  ts->ptime_prev            = kept->ptime_prev;
  ts->ptime_prev_rollback   = kept->ptime_prev_rollback;
  ts->time_step             = kept->time_step;
  ts->solvetime             = kept->solvetime;
  ts->steps                 = kept->steps;
  ts->steprollback          = kept->steprollback;
  ts->steprestart           = PETSC_TRUE; /* what the method remembers is another course */
  ts->reason                = kept->reason;
  ts->reject                = kept->reject;
  ts->ksp_its               = kept->ksp_its;
  ts->snes_its              = kept->snes_its;
  ts->num_snes_failures     = kept->num_snes_failures;
  ts->ifuncs                = kept->ifuncs;
  ts->rhsfuncs              = kept->rhsfuncs;
  ts->ijacs                 = kept->ijacs;
  ts->rhsjacs               = kept->rhsjacs;
  ts->rhsjacobian.time      = PETSC_MIN_REAL; /* the matrix is of another time, and of other parameters */
  if (ts->adapt) ts->adapt->timestepjustdecreased = c->justdecreased;
  PetscFunctionReturn(ierr);
}

/*
   Each step back solves with the transposed Jacobian by the KSP of the SNES. Its tolerance is meant for Newton's method, which
   Eisenstat-Walker may loosen to 0.3; lagged, Jacobian or preconditioner are those of another step
*/
PetscErrorCode ADJTightenInner_TS(ADJ_TS *c, ADJInner_TS *kept)
{
  SNES snes;
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(TSGetSNES(c->ts, &snes));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPGetTolerances(ksp, &kept->rtol, NULL, NULL, NULL));
  PetscCall(SNESGetLagJacobian(snes, &kept->lagjacobian));
  PetscCall(SNESGetLagPreconditioner(snes, &kept->lagpc));
  PetscCall(SNESKSPGetUseEW(snes, &kept->ew));
  PetscCall(KSPSetTolerances(ksp, PetscMin(kept->rtol, ADJ_TS_INNER_RTOL), ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(SNESSetLagJacobian(snes, 1));
  PetscCall(SNESSetLagPreconditioner(snes, 1));
  PetscCall(SNESKSPSetUseEW(snes, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Jacobian is now that of another step: a SNES that lags builds it anew, also if it would never do so again (-1, then -2) */
PetscErrorCode ADJLoosenInner_TS(ADJ_TS *c, const ADJInner_TS *kept)
{
  SNES snes;
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(TSGetSNES(c->ts, &snes));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPSetTolerances(ksp, kept->rtol, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(SNESSetLagJacobian(snes, kept->lagjacobian == -1 ? -2 : kept->lagjacobian));
  PetscCall(SNESSetLagPreconditioner(snes, kept->lagpc == -1 ? -2 : kept->lagpc));
  PetscCall(SNESKSPSetUseEW(snes, kept->ew));
  snes->jac_iter = 0;
  snes->pre_iter = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
