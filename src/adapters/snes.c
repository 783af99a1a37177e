/*
   A SNES of the user's: R is its function, the Jacobian its Jacobian, the forward solve its solve.
*/
#include "adjsnes.h"

#define ADJ_SAME_NORM 1e-8 /* relative, of two evaluations of one residual */

static PetscErrorCode ADJMap_SNES(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(ADJComputeFunction_SNES(((ADJ_SNES *)ctx)->snes, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's DM, not the empty one that a SNES makes itself */
static PetscErrorCode ADJTakeDM_SNES(ADJ adj, ADJ_SNES *c)
{
  DM        dm = c->snes->dm;
  PetscBool shell;

  PetscFunctionBegin;
  if (!dm || dm == adj->dm || (adj->dm && adj->dm != c->dm)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMSHELL, &shell));
  if (shell) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetDM(adj, dm));
  c->dm = dm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetUp_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;
  DM        dm;
  PetscErrorCode (*f)(SNES, Vec, Vec, void *);

  PetscFunctionBegin;
  PetscCall(SNESGetDM(c->snes, &dm));
  PetscCall(DMSNESGetFunction(dm, &f, NULL));
  PetscCheck(f, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The SNES that was borrowed has no function: call SNESSetFunction(), or that of its DM, before ADJSetUp() and the first solve");
  if (!c->snes->vec_sol) PetscCall(SNESSetSolution(c->snes, adj->sol));
  PetscCall(SNESSetUp(c->snes));
  PetscCall(ADJTakeDM_SNES(adj, c));
  PetscCall(ADJTakeJacobian_SNES(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another Jacobian than at set-up, or one that now is to be left alone */
static PetscErrorCode ADJFollow_SNES(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJTakeDM_SNES(adj, (ADJ_SNES *)adj->adapterdata));
  PetscCall(ADJTakeJacobian_SNES(adj));
  if (!adj->setupcalled) PetscCall(ADJSetUp(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Norms of the function preconditioned from the left are not to be compared with others */
static PetscErrorCode ADJMonitor_SNES(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  ADJ       adj = (ADJ)ctx;
  ADJState *st  = adj->state;
  Vec       x;

  PetscFunctionBegin;
  if (it != st->nhistory) PetscFunctionReturn(PETSC_SUCCESS); /* some SNES types call their monitors twice for one iterate */
  if (it == 0) st->rnormref = snes->functype == SNES_FUNCTION_PRECONDITIONED && !adj->testing ? rnorm : PetscMax(st->rnormref, rnorm);
  PetscCall(SNESGetSolution(snes, &x));
  PetscCall(ADJStateRecord_Private(st, rnorm, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In the place of the user's last monitor, where all places are taken */
typedef struct {
  ADJ adj;
  PetscErrorCode (*monitor)(SNES, PetscInt, PetscReal, void *);
  void *ctx;
} ADJSharedMonitor;

static PetscErrorCode ADJMonitorShared_SNES(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  ADJSharedMonitor *shared = (ADJSharedMonitor *)ctx;

  PetscFunctionBegin;
  PetscCall(ADJMonitor_SNES(snes, it, rnorm, shared->adj));
  PetscCall((*shared->monitor)(snes, it, rnorm, shared->ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After an error PETSc leaves locked what it was working with */
static PetscErrorCode ADJUnlockSolver_SNES(SNES snes, Vec x, PetscErrorCode ierr)
{
  PetscFunctionBegin;
  if (!ierr) PetscFunctionReturn(PETSC_SUCCESS);
  ierr = ADJUnlock_Private(ierr, x);
  ierr = ADJUnlock_Private(ierr, snes->vec_func);
  ierr = ADJUnlock_Private(ierr, snes->vec_sol_update);
  for (PetscInt i = 0; i < snes->nwork; i++) ierr = ADJUnlock_Private(ierr, snes->work[i]);
  if (snes->ksp) ierr = ADJRecoverKSP_Private(ierr, snes->ksp);
  PetscFunctionReturn(ierr);
}

/* The user's own solve, with a monitor for its course, which is taken off again */
static PetscErrorCode ADJSolveMonitored_SNES(ADJ adj, SNES snes, Vec x)
{
  const PetscInt   n    = snes->numbermonitors;
  const PetscBool  full = (PetscBool)(n == MAXSNESMONITORS);
  ADJSharedMonitor shared;
  PetscErrorCode   ierr;

  PetscFunctionBegin;
  if (full) {
    shared.adj                  = adj;
    shared.monitor              = snes->monitor[n - 1];
    shared.ctx                  = snes->monitorcontext[n - 1];
    snes->monitor[n - 1]        = ADJMonitorShared_SNES;
    snes->monitorcontext[n - 1] = &shared;
  } else
    PetscCall(SNESMonitorSet(snes, ADJMonitor_SNES, adj, NULL));
  ierr = SNESSolve(snes, snes->vec_rhs, x);
  if (full) {
    snes->monitor[n - 1]        = shared.monitor;
    snes->monitorcontext[n - 1] = shared.ctx;
  } else
    snes->numbermonitors = n;
  PetscCall(ADJUnlockSolver_SNES(snes, x, ierr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution of which the solver tells no residual: its own speaks */
static PetscErrorCode ADJRecordResidual_SNES(ADJ adj, Vec x)
{
  ADJState *st = adj->state;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(ADJComputeResidual_Private(adj, x, st->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  PetscCall(ADJStateRecord_Private(st, norm, x));
  st->rnormref = adj->testing ? PetscMax(norm, st->rnormref) : norm;
  st->taken    = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolve_SNES(ADJ adj, Vec x)
{
  SNES     snes = ((ADJ_SNES *)adj->adapterdata)->snes;
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscCheck(!snes->gridsequence, comm, PETSC_ERR_SUP, "This SNES refines its grid as it solves, -snes_grid_sequence, and x of ADJSolve() would be left on the coarse one: call SNESSolve() yourself and give ADJSetSolved() the vector of SNESGetSolution(), or, once x is on the finest grid, SNESSetGridSequence() with 0");
  PetscCheck(adj->steps < 0, comm, PETSC_ERR_SUP, "-adj_steps counts iterations of the ADJ's own forward solver: leave it out, and limit those of the SNES that was borrowed with SNESSetTolerances()");
  PetscCall(ADJSolveMonitored_SNES(adj, snes, x));
  PetscCall(SNESGetConvergedReason(snes, &adj->state->reason));
  PetscCall(SNESGetIterationNumber(snes, &adj->state->its));
  if (!adj->state->nhistory) PetscCall(ADJRecordResidual_SNES(adj, x));
  PetscCall(ADJFollow_SNES(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Its first residual is what the tolerances referred to, if the last one is that of x: then x is its solution, at these parameters.
   Else, or if it did not fall far, the error is estimated
*/
static PetscErrorCode ADJRecallSolve_SNES(ADJ adj, SNES snes)
{
  ADJState *st = adj->state;

  PetscFunctionBegin;
  if (snes->reason <= 0 || snes->functype == SNES_FUNCTION_PRECONDITIONED || !(snes->rnorm0 > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!(PetscAbsReal(snes->norm - st->rnormref) <= ADJ_SAME_NORM * snes->norm)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!(st->rnormref <= adj->threshold[ADJ_CHECK_FORWARD] * snes->rnorm0)) PetscFunctionReturn(PETSC_SUCCESS);
  st->rnormref = snes->rnorm0;
  st->taken    = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A SNES that never solved, or was reset since, has no say in how it ended */
static PetscErrorCode ADJSolved_SNES(ADJ adj, Vec x)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJRecordResidual_SNES(adj, x));
  PetscCall(ADJRecallSolve_SNES(adj, c->snes));
  PetscCall(SNESGetConvergedReason(c->snes, &adj->state->reason));
  PetscCall(SNESGetIterationNumber(c->snes, &adj->state->its));
  if (!adj->state->reason) adj->state->reason = PetscIsInfOrNanReal(adj->state->rnormref) ? ADJ_SNES_DIVERGED_NAN : SNES_CONVERGED_ITS;
  PetscCall(ADJFollow_SNES(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetSNES_SNES(ADJ adj, SNES *snes)
{
  PetscFunctionBegin;
  if (snes) *snes = ((ADJ_SNES *)adj->adapterdata)->snes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetKSP_SNES(ADJ adj, KSP *ksp)
{
  SNES snes = ((ADJ_SNES *)adj->adapterdata)->snes;

  PetscFunctionBegin;
  *ksp = NULL;
  if (snes->usesksp) PetscCall(SNESGetKSP(snes, ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetPC_SNES(ADJ adj, PC *pc)
{
  KSP ksp;

  PetscFunctionBegin;
  *pc = NULL;
  PetscCall(ADJGetKSP_SNES(adj, &ksp));
  if (ksp) PetscCall(KSPGetPC(ksp, pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_SNES(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(SNESView(((ADJ_SNES *)adj->adapterdata)->snes, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What was taken from the SNES, which may come back with another size */
static PetscErrorCode ADJReset_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJDropJacobian_SNES(adj));
  if (c->dm && adj->dm == c->dm) PetscCall(ADJSetDM(adj, NULL));
  c->dm = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJReset_SNES(adj));
  PetscCall(SNESDestroy(&c->snes));
  PetscCall(PetscFree(adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const ADJAdapter ADJAdapter_SNES = {
  .name    = "SNES",
  .changed = ADJChanged_SNES,
  .setup   = ADJSetUp_SNES,
  .solve   = ADJSolve_SNES,
  .solved  = ADJSolved_SNES,
  .tighten = ADJTighten_SNES,
  .getsnes = ADJGetSNES_SNES,
  .getksp  = ADJGetKSP_SNES,
  .getpc   = ADJGetPC_SNES,
  .view    = ADJView_SNES,
  .reset   = ADJReset_SNES,
  .destroy = ADJDestroy_SNES,
};

/*@
   ADJSetSNES - Differentiates the solution of a `SNES` that the user has

   Collective

   Input Parameters:
+  adj  - the context
-  snes - the solver, with its function and Jacobian; it is referenced

   Level: beginner

   Notes:
   R is the function of the `SNES`, less the right-hand side of its last `SNESSolve()`, if there was one. `ADJSolve()` is `SNESSolve()`, with the
   solver's own options, and bit for bit the same, also after derivatives were taken. `ADJSetParameters()` says how theta gets to the
   function. A code that calls `SNESSolve()` itself takes `ADJSetSolved()` in place of `ADJSolve()`.

.vb
   ADJCreate(comm, &adj);
   ADJSetSNES(adj, snes);
   ADJSetParameters(adj, Put, &user);                // copies theta to where the function reads it
   ADJSetParameterVJP(adj, ParameterVJP, &user);     // (dR/dtheta)^T w
   ADJSetFromOptions(adj);
   ADJSolve(adj, theta, x);
   ADJSolveAdjoint(adj, xbar, thetabar);
.ve

   The adjoint is solved by a `KSP` of its own, see `ADJGetKSP()`. Its operator is, in this order,

   the VJP of `ADJSetVJP()`;
   with `ADJSetFDColor()` a Jacobian by coloring;
   the matrices of `ADJSetJacobian()`;
   the transposed Jacobian of the `SNES`, evaluated anew at the solution, once, since a `SNES` leaves it one step behind.

   It is held against differences of the function at the solution, and refused, `ADJ_TRUST_REFUTED_VJP`, if it is not its derivative
   (Picard, frozen, lumped). Such a matrix is good as preconditioner: give one of the first three. Where the operator of the `SNES` is one of
   differences, `-snes_mf_operator`, the other matrix stands for it. `-snes_mf` has no matrix at all: it serves only where
   `ADJSetSymmetric()` holds. The preconditioner is that of `ADJSetPCSource()`.

   The Jacobian is evaluated in the matrices of the `SNES`. Where lagging outlives a solve, `SNESSetLagJacobianPersists()`,
   `SNESSetLagPreconditionerPersists()` or a lag of -1 or -2, they get their values back, and copies serve the adjoint; a shell, which
   cannot be copied, stays at the solution.

   The `DM` of the `SNES` becomes that of `ADJSetDM()`, if none was set. Of a grid that grows in the solve, `-snes_grid_sequence`, give the
   solution of `SNESGetSolution()` to `ADJSetSolved()`. Variational inequalities, `SNESVINEWTONRSLS`, are refused.

   Several contexts may borrow one `SNES`. After the `SNES` was given another grid call `ADJReset()`.

   Call it before the first solve.

   Errors:
   `PETSC_ERR_ARG_NULL` without a solver; `PETSC_ERR_ARG_NOTSAMECOMM` if it lives on another communicator; `PETSC_ERR_ORDER` after `ADJSetUp()`, and
   from `ADJSetUp()` if the solver has no function; from `ADJSolve()` `PETSC_ERR_SUP` with grid sequencing or `ADJSetSteps()`; from
   `ADJSolveAdjoint()` `PETSC_ERR_ORDER` if there is no matrix with a transpose, `PETSC_ERR_FP` after `SNESSetJacobianDomainError()`.

.seealso: `ADJSetParameters()`, `ADJSetParameterVJP()`, `ADJSetSymmetric()`, `ADJSetPCSource()`, `ADJSetFDColor()`, `ADJSetSolved()`, `ADJSetKSP()`
@*/
PetscErrorCode ADJSetSNES(ADJ adj, SNES snes)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;
  ADJ_SNES   *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(snes, comm, PETSC_ERR_ARG_NULL, "The SNES is NULL");
  PetscValidHeaderSpecific(snes, SNES_CLASSID, 2);
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)snes), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The SNES lives on another communicator than the ADJ; create both on the same one");
  PetscCheck(!adj->setupcalled, comm, PETSC_ERR_ORDER, "The SNES must be given before ADJSetUp() and the first solve; call ADJReset() first");
  PetscCall(PetscObjectReference((PetscObject)snes)); /* it may be the one that is let go of */
  PetscCall(PetscNew(&c));
  c->snes = snes;
  PetscCall(ADJSetAdapter_Private(adj, &ADJAdapter_SNES, c, (PetscObject)snes));
  PetscCall(ADJSetMap_Private(adj, ADJ_RESIDUAL, ADJMap_SNES, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}
