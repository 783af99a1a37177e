/*
   A SNES of the user's: R is its function, the Jacobian its Jacobian, the forward solve its solve.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/snesimpl.h>
#include <petscdmshell.h>

#define ADJ_TIGHT_SNES_RTOL 1e-12

typedef struct {
  SNES      snes;
  PetscReal rtol, stol; /* of the user, while a test has tightened them */
} ADJ_SNES;

/* y = F(x) - b. The SNES counts it, and should not */
static PetscErrorCode ADJMap_SNES(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  SNES     snes  = ((ADJ_SNES *)ctx)->snes;
  PetscInt calls = snes->nfuncs;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(SNESComputeFunction(snes, x, y));
  snes->nfuncs      = calls;
  snes->domainerror = PETSC_FALSE; /* else the next solve ends with it; NaN tells it too */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's Jacobian at the solution: a SNES leaves it one step behind, or further if it is lagged. Not by SNESComputeJacobian(), which lags */
static PetscErrorCode ADJUpdateJacobian_SNES(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx)
{
  SNES snes = ((ADJ_SNES *)ctx)->snes;
  PetscErrorCode (*jacobian)(SNES, Vec, Mat, Mat, void *);
  void *jctx;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(SNESGetJacobian(snes, NULL, NULL, &jacobian, &jctx));
  if (!jacobian) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecLockReadPush(x));
  PetscCallBack("SNES callback Jacobian", (*jacobian)(snes, x, A, P, jctx));
  PetscCall(VecLockReadPop(x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's DM, not the empty one that a SNES makes itself */
static PetscErrorCode ADJTakeDM_SNES(ADJ adj, SNES snes)
{
  PetscBool shell;

  PetscFunctionBegin;
  if (adj->dm || !snes->dm) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)snes->dm, DMSHELL, &shell));
  if (!shell) PetscCall(ADJSetDM(adj, snes->dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetUp_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;
  Mat       A, P;

  PetscFunctionBegin;
  PetscCall(ADJTakeDM_SNES(adj, c->snes));
  if (!c->snes->vec_sol) PetscCall(SNESSetSolution(c->snes, adj->sol));
  PetscCall(SNESSetUp(c->snes));
  PetscCall(SNESGetJacobian(c->snes, &A, &P, NULL, NULL));
  PetscCall(ADJSetJacobian(adj, A, P, ADJUpdateJacobian_SNES, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMonitor_SNES(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  ADJState *st = ((ADJ)ctx)->state;

  (void)snes;
  PetscFunctionBegin;
  if (it != st->nhistory) PetscFunctionReturn(PETSC_SUCCESS); /* some SNES types call their monitors twice for one iterate */
  if (it == 0) st->rnormref = PetscMax(st->rnormref, rnorm);
  PetscCall(ADJStateRecord_Private(st, rnorm, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own solve, with a monitor for its course, which is taken off again */
static PetscErrorCode ADJSolve_SNES(ADJ adj, Vec x)
{
  SNES           snes = ((ADJ_SNES *)adj->adapterdata)->snes;
  PetscInt       n    = snes->numbermonitors;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(SNESMonitorSet(snes, ADJMonitor_SNES, adj, NULL));
  ierr = SNESSolve(snes, snes->vec_rhs, x);
  if (snes->numbermonitors == n + 1) snes->numbermonitors = n;
  PetscCall(ierr);
  PetscCall(SNESGetConvergedReason(snes, &adj->state->reason));
  PetscCall(SNESGetIterationNumber(snes, &adj->state->its));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolved_SNES(ADJ adj, Vec x)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(SNESGetConvergedReason(c->snes, &adj->state->reason));
  PetscCall(SNESGetIterationNumber(c->snes, &adj->state->its));
  PetscCall(ADJComputeResidual_Private(adj, x, adj->state->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  PetscCall(ADJStateRecord_Private(adj->state, norm, NULL));
  adj->state->rnormref = norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTighten_SNES(ADJ adj, PetscBool tight)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  if (tight) PetscCall(SNESGetTolerances(c->snes, NULL, &c->rtol, &c->stol, NULL, NULL));
  PetscCall(SNESSetTolerances(c->snes, ADJ_CURRENT, tight ? PetscMin(c->rtol, ADJ_TIGHT_SNES_RTOL) : c->rtol, tight ? 0.0 : c->stol, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetSNES_SNES(ADJ adj, SNES *snes)
{
  PetscFunctionBegin;
  *snes = ((ADJ_SNES *)adj->adapterdata)->snes;
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

static PetscErrorCode ADJDestroy_SNES(ADJ adj)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(SNESDestroy(&c->snes));
  PetscCall(PetscFree(adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const ADJAdapter ADJAdapter_SNES = {
  .name    = "SNES",
  .setup   = ADJSetUp_SNES,
  .solve   = ADJSolve_SNES,
  .solved  = ADJSolved_SNES,
  .tighten = ADJTighten_SNES,
  .getsnes = ADJGetSNES_SNES,
  .getksp  = ADJGetKSP_SNES,
  .getpc   = ADJGetPC_SNES,
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
   R is the function of the `SNES`; `ADJSolve()` is `SNESSolve()`, with the solver's own options, and nothing of it is changed.
   `ADJSetParameters()` says how theta gets to the function. The adjoint is solved by a `KSP` of its own, see `ADJGetKSP()`. Its operator is

   the VJP of `ADJSetVJP()`, if there is one; else
   the transposed Jacobian of the `SNES`, evaluated anew at the solution, since a `SNES` leaves it one step behind. It is held against
   differences of the function at the solution, and refused if it is not its derivative (Picard, frozen). With `-adj_vjp_fd_color` it
   is made by differences.

   The preconditioner is that of `ADJSetPCSource()`. The product in theta is that of `ADJSetParameterVJP()`, `ADJSetParameterJacobian()` or of
   differences, `ADJSetFDColor()`.

   Call it before the first solve. A code that calls `SNESSolve()` itself takes `ADJSetSolved()` in place of `ADJSolve()`.

   Errors:
   `PETSC_ERR_ARG_NOTSAMECOMM` if the solver lives on another communicator; `PETSC_ERR_ORDER` after `ADJSetUp()`.

.seealso: `ADJSetParameters()`, `ADJSetParameterVJP()`, `ADJSetSymmetric()`, `ADJSetPCSource()`, `ADJSetFDColor()`, `ADJSetSolved()`, `ADJSetKSP()`
@*/
PetscErrorCode ADJSetSNES(ADJ adj, SNES snes)
{
  ADJ_SNES *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(snes, SNES_CLASSID, 2);
  PetscCheckSameComm(adj, 1, snes, 2);
  PetscCall(PetscNew(&c));
  PetscCall(ADJSetAdapter_Private(adj, &ADJAdapter_SNES, c));
  PetscCall(PetscObjectReference((PetscObject)snes));
  c->snes = snes;
  PetscCall(ADJSetMap_Private(adj, ADJ_RESIDUAL, ADJMap_SNES, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}
