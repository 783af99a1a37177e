/*
   A TS of the user's: F is its flow map Phi_T, the VJP its adjoint, one integration back. The ADJ's own SNES solves x = F(x).
*/
#include "ts.h"

static PetscErrorCode ADJIntegrate_TS(ADJ_TS *c, Vec x)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(x, c->u));
  PetscCall(TSSolve(c->ts, c->u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = Phi_T(x). Infinite where the TS was told not to stop with an error */
static PetscErrorCode ADJMap_TS(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  ADJ_TS           *c = (ADJ_TS *)ctx;
  struct _p_TS      kept;
  TSConvergedReason reason;
  PetscErrorCode    ierr;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(ADJBorrow_TS(c, NULL, &kept));
  ierr   = ADJIntegrate_TS(c, x);
  reason = c->ts->reason;
  PetscCall(ADJReturn_TS(c, &kept, ierr));
  if (reason < 0)
    PetscCall(VecSet(y, PETSC_INFINITY));
  else
    PetscCall(VecCopy(c->u, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Not that of the TS, whose steps are the user's: of the same type, with the same options. One that can be gone through again is written
   over by the next recording; the others of PETSc cannot be used twice if they have written files
*/
static PetscErrorCode ADJSetUpTrajectory_TS(ADJ adj, ADJ_TS *c, const struct _p_TS *kept)
{
  TSTrajectoryType type = NULL;
  PetscBool        basic;

  PetscFunctionBegin;
  if (c->trajectory && c->replays) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TSTrajectoryDestroy(&c->trajectory));
  PetscCall(TSTrajectoryRegister(ADJTRAJECTORYREPLAY, ADJCreateTrajectory_Replay));
  PetscCall(TSTrajectoryCreate(PetscObjectComm((PetscObject)adj), &c->trajectory));
  if (kept->trajectory) PetscCall(TSTrajectoryGetType(kept->trajectory, c->ts, &type));
  PetscCall(TSTrajectorySetType(c->trajectory, c->ts, type ? type : ADJTRAJECTORYREPLAY));
  PetscCall(TSTrajectorySetFromOptions(c->trajectory, c->ts));
  PetscCall(TSTrajectorySetUseHistory(c->trajectory, PETSC_FALSE));
  PetscCall(PetscObjectTypeCompare((PetscObject)c->trajectory, TSTRAJECTORYBASIC, &basic));
  if (basic) PetscCall(TSTrajectorySetSolutionOnly(c->trajectory, PETSC_FALSE)); /* else it is of no use to an adjoint */
  PetscCall(PetscObjectTypeCompareAny((PetscObject)c->trajectory, &c->replays, ADJTRAJECTORYREPLAY, TSTRAJECTORYBASIC, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The integration from the point of linearization, with its trajectory. The TS has been borrowed */
static PetscErrorCode ADJRecord_TS(ADJ adj, ADJ_TS *c, const struct _p_TS *kept)
{
  PetscFunctionBegin;
  c->at = -1;
  PetscCall(PetscLogEventBegin(ADJ_Linearize, adj, adj->lin_x, adj->lin_theta, 0));
  PetscCall(ADJSetUpTrajectory_TS(adj, c, kept));
  c->ts->trajectory = c->trajectory;
  PetscCall(ADJIntegrate_TS(c, adj->lin_x));
  PetscCheck(c->ts->reason >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The time integration has failed where derivatives are taken, %s: take smaller steps", TSConvergedReasons[c->ts->reason]);
  PetscCall(TSGetStepNumber(c->ts, &c->nsteps));
  PetscCall(PetscLogEventEnd(ADJ_Linearize, adj, adj->lin_x, adj->lin_theta, 0));
  c->at = adj->linearizations;
  adj->account->map++;
  adj->account->recomputed++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveBack_TS(ADJ_TS *c)
{
  ADJInner_TS    kept;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJTightenInner_TS(c, &kept));
  ierr = TSAdjointSolve(c->ts);
  PetscCall(ADJLoosenInner_TS(c, &kept));
  PetscFunctionReturn(ierr);
}

/* lambda: w in, (dPhi/dx)^T w out; mu: (dPhi/dtheta)^T w out. PETSc transposes without conjugation */
static PetscErrorCode ADJIntegrateBack_TS(ADJ adj, ADJ_TS *c, const struct _p_TS *lent, Vec *lambda, Vec *mu)
{
  TS ts = c->ts;

  PetscFunctionBegin;
  if (!c->replays || c->at != adj->linearizations) PetscCall(ADJRecord_TS(adj, c, lent));
  PetscCall(VecConjugate(*lambda));
  if (mu) PetscCall(VecSet(*mu, 0.0));
  PetscCall(TSSetCostGradients(ts, 1, lambda, mu));
  PetscCall(TSSetStepNumber(ts, c->nsteps));
  ts->rhsjacobian.time = PETSC_MIN_REAL; /* a linear problem would take the Jacobian of the last call, at other parameters, for that of its time */
  PetscCall(ADJSolveBack_TS(c));
  PetscCheck(ts->reason >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The adjoint of the time integration has failed, %s: look at the linear solver of the TS, whose transposed solve it uses; LU and a Jacobi preconditioner can be transposed, many others not", TSConvergedReasons[ts->reason]);
  PetscCall(VecConjugate(*lambda));
  if (mu) PetscCall(VecConjugate(*mu));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of TSSetIJacobianP() or TSSetRHSJacobianP(); NULL: none. An explicit method takes the second alone */
static PetscErrorCode ADJGetParameterMatrix_TS(ADJ adj, ADJ_TS *c, Vec theta, Mat *P)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);
  PetscInt N, Nlocal, cols, collocal;
  int      differs;

  PetscFunctionBegin;
  *P = c->ts->usessnes && c->ts->Jacp ? c->ts->Jacp : c->ts->Jacprhs;
  if (!*P || *P == c->parameters) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(theta, &N));
  PetscCall(VecGetLocalSize(theta, &Nlocal));
  PetscCall(MatGetSize(*P, NULL, &cols));
  PetscCall(MatGetLocalSize(*P, NULL, &collocal));
  PetscCheck(cols == N, comm, PETSC_ERR_ARG_SIZ, "The matrix of TSSetRHSJacobianP() or TSSetIJacobianP() has %" PetscInt_FMT " columns, but theta has length %" PetscInt_FMT, cols, N);
  differs = collocal != Nlocal;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MAX, comm));
  PetscCheck(!differs, comm, PETSC_ERR_ARG_SIZ, "The columns of the matrix of TSSetRHSJacobianP() or TSSetIJacobianP() are distributed over the processes in another way than theta; create it with the local size of theta");
  c->parameters = *P;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Either output may be NULL */
static PetscErrorCode ADJVJP_TS(ADJ adj, Vec w, Vec xbar, Vec thetabar)
{
  ADJ_TS        *c = (ADJ_TS *)adj->adapterdata;
  struct _p_TS   kept;
  Mat            P      = NULL;
  Vec            lambda = xbar;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (thetabar) PetscCall(ADJGetParameterMatrix_TS(adj, c, thetabar, &P));
  PetscCheck(!thetabar || P || ADJDiffersInTheta_Private(adj), PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Nothing says how the right-hand side of the TS depends on theta: call TSSetRHSJacobianP(), TSSetIJacobianP() or ADJSetParameterVJP(), or take differences, -adj_vjp_fd_theta");
  if (thetabar && !P) PetscCall(ADJDifferencesParameterVJP_Private(adj, w, thetabar));
  if (!xbar && !P) PetscFunctionReturn(PETSC_SUCCESS);
  if (!xbar) {
    if (!c->lambda) PetscCall(VecDuplicate(w, &c->lambda));
    lambda = c->lambda;
  }
  PetscCall(VecCopy(w, lambda));
  PetscCall(ADJBorrow_TS(c, c->trajectory, &kept));
  ierr = ADJIntegrateBack_TS(adj, c, &kept, &lambda, P ? &thetabar : NULL);
  PetscCall(ADJReturn_TS(c, &kept, ierr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJParameterVJP_TS(ADJ adj, Vec w, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(ADJVJP_TS(adj, w, NULL, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc takes a Jacobian that is missing for zero where the method is explicit */
static PetscErrorCode ADJCheckDerivatives_TS(ADJ adj, TS ts)
{
  MPI_Comm      comm = PetscObjectComm((PetscObject)adj);
  DM            dm;
  SNES          snes;
  TSRHSJacobian rhsjacobian;
  TSIJacobian   ijacobian;
  PetscBool     shell;
  PetscErrorCode (*jacobian)(SNES, Vec, Mat, Mat, void *);

  PetscFunctionBegin;
  if (adj->vjp && !adj->vjpcomposed) PetscFunctionReturn(PETSC_SUCCESS); /* the user's own */
  PetscCheck(ts->ops->adjointstep, comm, PETSC_ERR_SUP, "PETSc has no adjoint of a TS of type %s: take -ts_type rk, beuler, cn or theta, or give the product with ADJSetVJP()", ((PetscObject)ts)->type_name);
  PetscCall(TSGetRHSJacobian(ts, NULL, NULL, &rhsjacobian, NULL));
  PetscCall(TSGetIJacobian(ts, NULL, NULL, &ijacobian, NULL));
  if (!ts->usessnes) {
    PetscCheck(rhsjacobian, comm, PETSC_ERR_ORDER, "The TS is explicit and has no Jacobian, which its adjoint needs: call TSSetRHSJacobian(), or give the product with ADJSetVJP()");
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(TSGetDM(ts, &dm));
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMSHELL, &shell));
  PetscCall(TSGetSNES(ts, &snes));
  PetscCall(SNESGetJacobian(snes, NULL, NULL, &jacobian, NULL));
  PetscCheck(rhsjacobian || ijacobian || jacobian || !shell, comm, PETSC_ERR_ORDER, "The TS has no Jacobian, which its adjoint needs: call TSSetIJacobian() or TSSetRHSJacobian(), or give the product with ADJSetVJP()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetUp_TS(ADJ adj)
{
  ADJ_TS        *c  = (ADJ_TS *)adj->adapterdata;
  TS             ts = c->ts;
  struct _p_TS   kept;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCheck(ts->ptime != c->time || (ts->time_step == c->step && ts->max_time == c->maxtime && ts->max_steps - c->nbefore == c->maxsteps), PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The time step or the end of the TS were changed after ADJSetTS(): call ADJSetTS() after them, and after TSSetFromOptions()");
  PetscCheck(!ts->event, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "The TS has events, see TSSetEventHandler(): its flow map is not smooth there, and is not differentiated");
  if (!c->u) PetscCall(VecDuplicate(adj->sol, &c->u));
  PetscCall(ADJBorrow_TS(c, NULL, &kept));
  ierr = ADJCheckDerivatives_TS(adj, ts);
  PetscCall(ADJReturn_TS(c, &kept, ierr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_TS(ADJ adj, PetscViewer viewer)
{
  ADJ_TS          *c    = (ADJ_TS *)adj->adapterdata;
  TSTrajectoryType type = NULL;
  TSType           method;
  TSAdaptType      adapt = NULL;

  PetscFunctionBegin;
  PetscCall(TSGetType(c->ts, &method));
  if (c->ts->adapt) PetscCall(TSAdaptGetType(c->ts->adapt, &adapt));
  if (c->trajectory) PetscCall(TSTrajectoryGetType(c->trajectory, c->ts, &type));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  flow map of a TS of type %s, from time %g, first step %g, step control %s, trajectory %s\n", method ? method : "(not set)", (double)c->time, (double)c->step, adapt ? adapt : "(not set)", type ? type : "(none yet)"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReset_TS(ADJ adj)
{
  ADJ_TS *c = (ADJ_TS *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&c->u));
  PetscCall(VecDestroy(&c->lambda));
  PetscCall(TSTrajectoryDestroy(&c->trajectory));
  c->parameters = NULL;
  c->at         = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_TS(ADJ adj)
{
  ADJ_TS *c = (ADJ_TS *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJReset_TS(adj));
  PetscCall(TSDestroy(&c->ts));
  PetscCall(PetscOptionsDestroy(&c->quiet));
  PetscCall(PetscFree(adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const ADJAdapter ADJAdapter_TS = {
  .advice       = "the adjoint of the time integration is not the derivative of its flow map: an adaptive step size is not differentiated, -ts_adapt_type none, and the linear solves inside must be tight or direct",
  .name         = "TS",
  .setup        = ADJSetUp_TS,
  .vjp          = ADJVJP_TS,
  .parametervjp = ADJParameterVJP_TS,
  .view         = ADJView_TS,
  .reset        = ADJReset_TS,
  .destroy      = ADJDestroy_TS,
};

/*@
   ADJSetTS - Differentiates the flow map of a `TS` that the user has: steady states, periodic orbits, initial-value problems

   Collective

   Input Parameters:
+  adj - the context
-  ts  - the integrator, configured: right-hand side, Jacobian, type, initial time, time step, maximum time or number of steps; it is referenced

   Options Database Key:
.  -ts_trajectory_type <replay,memory,basic> - how the steps are kept for the adjoint, and the other -ts_trajectory_ options

   Level: beginner

   Notes:
   F(x, theta) = Phi_T(x, theta), the state at the final time of an integration that starts from x at the initial time. These times, the
   step and the number of steps are those that the `TS` has in this call, made after `TSSetFromOptions()`. Each evaluation starts with
   them; the final time is met exactly, as with `TS_EXACTFINALTIME_MATCHSTEP`. The `TS` is given back as it was after each use: position, solution,
   settings, cost gradients and trajectory; its monitors are silent meanwhile, its cost integrals, see `TSCreateQuadratureTS()`, take no part.

.vb
   TSSetMaxTime(ts, period);                      // or a single step: TSSetMaxSteps(ts, 1)
   ADJSetTS(adj, ts);
   ADJSetParameters(adj, PutParameters, &user);   // theta to where the right-hand side reads it
   ADJSolve(adj, theta, x);                       // x = Phi_T(x, theta)
   ADJSolveAdjoint(adj, xbar, thetabar);
.ve

   A steady state that is reached by marching is the fixed point for any T: take one step, or few. Where the user's own `TSSolve()` has reached it,
   `ADJSetSolved()` takes it over. A periodic orbit is the fixed point for its period. The fixed point is found by the solver of `ADJGetSNES()`, whose
   default is the march itself; -adj_forward_snes_type anderson, ngmres or newtonls takes fewer integrations. For an initial-value problem take
   -adj_type unrolled -adj_steps 1: the gradient in theta is that of `TSAdjointSolve()`, the one in the initial state is `ADJGetInitialGradient()`. More
   steps repeat the same time interval.

   The VJP is one integration back by `TSAdjointSolve()`: the type must be one of those for which PETSc has an adjoint, `TSRK`, `TSTHETA`, `TSBEULER`, `TSCN`, and
   the `TS` needs its Jacobian. The derivative in theta is that of `TSSetRHSJacobianP()` or `TSSetIJacobianP()`, whose matrix has the columns
   of theta; of `ADJSetParameterVJP()` or `ADJSetParameterJacobian()`, for Phi_T; or of differences of Phi_T, `ADJSetFDColor()`, two integrations for each
   of few parameters. There is no JVP, unless by differences of Phi_T, with `ADJSetFDColor()`. `ADJSetVJP()` and `ADJSetJVP()` have priority.

   The steps are kept by a trajectory of the library's own, not that of the `TS`, but of its type. Its default, replay, holds all steps
   with their stages in memory: all products at one point share one integration. So do those of basic, which are files. With memory, which can keep fewer steps than there are, each product
   integrates anew. While the fixed point is sought nothing is kept.

   Phi_T is as accurate as the solves of its steps: where they are iterative, give -snes_rtol 1e-12 or so, else the verdict finds it too noisy for
   differences. The transposed solves of the adjoint are those of the `KSP` of the `TS`, for PETSc offers no other; for their time its relative tolerance is
   lowered to about 1e-12, Eisenstat-Walker and lagging are off. A preconditioner whose transpose is wrong makes a wrong VJP; the verdict holds it against
   differences. LU is safe.

   Step sizes that depend on the state make Phi_T noisy, and are taken for constant by the adjoint: -ts_adapt_type none.

   Errors:
   `PETSC_ERR_ARG_NOTSAMECOMM` if the integrator lives on another communicator; `PETSC_ERR_ORDER` after `ADJSetUp()`, or without a Jacobian; `PETSC_ERR_ARG_OUTOFRANGE` if there
   is no time left to integrate over, or no end; `PETSC_ERR_SUP` for a type without an adjoint, for events and time spans. Errors of the integration pass through; where
   `TSSetErrorIfStepFails()` forbids them the state is infinite, and the forward solve diverges.

.seealso: `ADJSetParameters()`, `ADJSetSolved()`, `ADJSetFDColor()`, `ADJUNROLLED`, `ADJGetInitialGradient()`, `ADJGetSNES()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetTS(ADJ adj, TS ts)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;
  ADJ_TS     *c;
  PetscReal   time, maxtime;
  PetscInt    maxsteps, nbefore, nspan;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(ts, TS_CLASSID, 2);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)ts), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The TS lives on another communicator than the ADJ; create both on the same one");
  PetscCall(TSGetTime(ts, &time));
  PetscCall(TSGetMaxTime(ts, &maxtime));
  PetscCall(TSGetMaxSteps(ts, &maxsteps));
  PetscCall(TSGetStepNumber(ts, &nbefore));
  PetscCall(ADJTSGetEvaluationTimes(ts, &nspan, NULL));
  PetscCheck(nspan == 0, comm, PETSC_ERR_SUP, "The TS has a time span, see TSSetTimeSpan(): set the end of the flow map by TSSetMaxTime() alone");
  PetscCheck(maxtime < PETSC_MAX_REAL || maxsteps < PETSC_MAX_INT, comm, PETSC_ERR_ARG_OUTOFRANGE, "The TS has no end: call TSSetMaxTime() or TSSetMaxSteps() before ADJSetTS()");
  PetscCheck(maxtime > time && maxsteps > nbefore, comm, PETSC_ERR_ARG_OUTOFRANGE, "The TS stands at its end, time %g after %" PetscInt_FMT " steps: set it back before ADJSetTS(), with TSSetTime(), TSSetTimeStep() and TSSetStepNumber()", (double)time, nbefore);
  PetscCheck(!adj->setupcalled, comm, PETSC_ERR_ORDER, "The TS must be given before ADJSetUp() and the first solve; call ADJReset() first");
  PetscCall(PetscObjectReference((PetscObject)ts)); /* it may be the one that is let go of */
  PetscCall(PetscNew(&c));
  PetscCall(ADJSetAdapter_Private(adj, &ADJAdapter_TS, c, (PetscObject)ts));
  PetscCall(PetscOptionsCreate(&c->quiet));
  c->ts       = ts;
  c->time     = time;
  c->maxtime  = maxtime;
  c->nbefore  = nbefore;
  c->maxsteps = maxsteps - nbefore;
  c->at       = -1;
  PetscCall(TSGetTimeStep(ts, &c->step));
  PetscCall(ADJSetMap_Private(adj, ADJ_FIXED_POINT, ADJMap_TS, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}
