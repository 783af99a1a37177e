/*
   A KSP of the user's: the forward solve is its solve.
*/
#include "ksp.h"

#define ADJ_TIGHT_FORWARD_KSP_RTOL 1e-13

static const ADJAdapter ADJAdapter_KSP, ADJAdapter_KSP_Rhs;

static PetscErrorCode ADJGetData_KSP(ADJ adj, const char what[], ADJ_KSP **c)
{
  PetscFunctionBegin;
  PetscCheck(adj->adapter == &ADJAdapter_KSP || adj->adapter == &ADJAdapter_KSP_Rhs, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Must call ADJSetKSP() before %s", what);
  *c = (ADJ_KSP *)adj->adapterdata;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The products in theta are known where theta is b */
static PetscErrorCode ADJSetUpAdapter_KSP(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJSetUp_KSP(adj));
  adj->adapter = ((ADJ_KSP *)adj->adapterdata)->source == ADJ_RHS_THETA ? &ADJAdapter_KSP_Rhs : &ADJAdapter_KSP;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before a solve, or after that of the user */
static PetscErrorCode ADJBeginSolve_KSP(ADJ adj)
{
  ADJState      *st = adj->state;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (((ADJ_KSP *)adj->adapterdata)->source == ADJ_RHS_THETA) {
    ierr = ADJCheckVec_Private(adj, st->theta, adj->r, "The vector theta, which is the right-hand side where ADJSetParameters() was not called,", "the state");
    if (ierr) { /* else it would be the layout to compare the next one with */
      PetscCall(VecDestroy(&st->theta));
      st->id = 0;
    }
    PetscCall(ierr);
  }
  PetscCall(ADJEnsureComputed_KSP(adj));
  PetscCall(ADJTakeNullSpace_KSP(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first residual norm, and what residuals are relative to: |b|, whatever the initial guess */
static PetscErrorCode ADJRecordStart_KSP(ADJ adj, Vec x)
{
  PetscBool guess;
  Vec       b;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(ADJGetCleanRhs_KSP(adj, adj->state->theta, &b));
  PetscCall(VecNorm(b, NORM_2, &norm));
  adj->state->rnormref = norm;
  PetscCall(KSPGetInitialGuessNonzero(((ADJ_KSP *)adj->adapterdata)->ksp, &guess));
  if (guess && x) {
    PetscCall(ADJComputeResidual_Private(adj, x, adj->state->theta, adj->r));
    PetscCall(VecNorm(adj->r, NORM_2, &norm));
  }
  PetscCall(ADJStateRecord_Private(adj->state, norm, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* How it ended. An absolute tolerance counts as such if what was tested was the true residual, which is then within it */
static PetscErrorCode ADJRecordEnd_KSP(ADJ adj, Vec x)
{
  KSP                ksp = ((ADJ_KSP *)adj->adapterdata)->ksp;
  ADJState          *st  = adj->state;
  KSPConvergedReason reason;
  KSPNormType        type;
  PetscReal          norm, atol;

  PetscFunctionBegin;
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &st->its));
  PetscCall(KSPGetNormType(ksp, &type));
  PetscCall(KSPGetTolerances(ksp, NULL, &atol, NULL, NULL));
  PetscCall(ADJComputeResidual_Private(adj, x, st->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  PetscCall(ADJStateRecord_Private(st, norm, NULL));
  if (reason == KSP_DIVERGED_NANORINF || PetscIsInfOrNanReal(norm))
    st->reason = ADJ_SNES_DIVERGED_NAN;
  else if (reason < 0)
    st->reason = SNES_DIVERGED_LINEAR_SOLVE;
  else
    st->reason = reason == KSP_CONVERGED_ATOL && type == KSP_NORM_UNPRECONDITIONED && norm <= 10.0 * atol ? SNES_CONVERGED_FNORM_ABS : SNES_CONVERGED_FNORM_RELATIVE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As the KSP does at each new matrix */
static PetscErrorCode ADJComputeGuess_KSP(ADJ adj, Vec x)
{
  KSP   ksp = ((ADJ_KSP *)adj->adapterdata)->ksp;
  void *ctx;
  PetscErrorCode (*guess)(KSP, Vec, void *) = NULL;

  PetscFunctionBegin;
  if (!ksp->dm || !ADJKSPDMComputes(ksp, INITIAL_GUESS) || ksp->setupstage == KSP_SETUP_NEWRHS) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMKSPGetComputeInitialGuess(ksp->dm, &guess, &ctx));
  if (!guess) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallBack("KSP callback initial guess", (*guess)(ksp, x, ctx));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolve_KSP(ADJ adj, Vec x)
{
  ADJ_KSP       *c = (ADJ_KSP *)adj->adapterdata;
  Vec            b;
  int            active;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJBeginSolve_KSP(adj));
  PetscCall(ADJComputeGuess_KSP(adj, x));
  PetscCall(ADJRecordStart_KSP(adj, x));
  PetscCall(ADJGetRhs_KSP(adj, adj->state->theta, &b));
  PetscCheck(x != b, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_IDN, "The state x and the right-hand side must be different vectors: b is needed after the solve");
  active           = (int)c->ksp->dmActive;
  c->ksp->dmActive = 0; /* it would compute all again, into b */
  ierr             = KSPSolve(c->ksp, b, x);
  c->ksp->dmActive = active;
  PetscCall(ADJUnlock_Private(ierr, b));
  c->fresh = PETSC_FALSE;
  PetscCall(ADJRecordEnd_KSP(adj, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With the right-hand side that the KSP was given last */
static PetscErrorCode ADJSolved_KSP(ADJ adj, Vec x)
{
  ADJ_KSP           *c = (ADJ_KSP *)adj->adapterdata;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(KSPGetConvergedReason(c->ksp, &reason));
  PetscCheck(reason, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The KSP has not solved yet: call KSPSolve() before ADJSetSolved(), or ADJSolve() in place of both");
  if (c->held && c->ksp->vec_rhs && c->held != c->ksp->vec_rhs) {
    PetscCall(PetscObjectReference((PetscObject)c->ksp->vec_rhs));
    PetscCall(VecDestroy(&c->held));
    c->held = c->ksp->vec_rhs;
  }
  PetscCall(ADJBeginSolve_KSP(adj));
  PetscCall(ADJRecordStart_KSP(adj, NULL));
  PetscCall(ADJRecordEnd_KSP(adj, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Afterwards the KSP shows the user's last solve again, as far as it can */
static PetscErrorCode ADJTighten_KSP(ADJ adj, PetscBool tight)
{
  ADJ_KSP *c   = (ADJ_KSP *)adj->adapterdata;
  KSP      ksp = c->ksp;

  PetscFunctionBegin;
  if (tight) {
    PetscCall(KSPGetTolerances(ksp, &c->saved.rtol, &c->saved.abstol, NULL, NULL));
    PetscCall(KSPSetTolerances(ksp, PetscMin(c->saved.rtol, ADJ_TIGHT_FORWARD_KSP_RTOL), PETSC_SMALL * PETSC_SMALL, ADJ_CURRENT, ADJ_CURRENT));
    c->saved.reason = ksp->reason;
    c->saved.its    = ksp->its;
    c->saved.sol    = ksp->vec_sol;
    c->saved.rhs    = ksp->vec_rhs;
    PetscCall(PetscObjectReference((PetscObject)c->saved.sol));
    PetscCall(PetscObjectReference((PetscObject)c->saved.rhs));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(KSPSetTolerances(ksp, c->saved.rtol, c->saved.abstol, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(VecDestroy(&ksp->vec_sol));
  PetscCall(VecDestroy(&ksp->vec_rhs));
  ksp->reason  = c->saved.reason;
  ksp->its     = c->saved.its;
  ksp->vec_sol = c->saved.sol;
  ksp->vec_rhs = c->saved.rhs;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetKSP_KSP(ADJ adj, KSP *ksp)
{
  PetscFunctionBegin;
  *ksp = ((ADJ_KSP *)adj->adapterdata)->ksp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetPC_KSP(ADJ adj, PC *pc)
{
  PetscFunctionBegin;
  PetscCall(KSPGetPC(((ADJ_KSP *)adj->adapterdata)->ksp, pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_KSP(ADJ adj, PetscViewer viewer)
{
  ADJ_KSP    *c         = (ADJ_KSP *)adj->adapterdata;
  const char *sources[] = {"theta is the right-hand side", "right-hand side: a vector", "right-hand side: computed by the DM"};

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  borrowed KSP, %s%s\n", sources[c->source], adj->nullright ? ", with a null space" : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The right-hand side that the KSP held, and what was found of the matrix, go with the problem */
static PetscErrorCode ADJReset_KSP(ADJ adj)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&c->held));
  PetscCall(VecDestroy(&c->work));
  if (c->taken && adj->nullright == c->taken) PetscCall(ADJSetNullSpace(adj, NULL, NULL));
  c->taken = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_KSP(ADJ adj)
{
  ADJ_KSP *c = (ADJ_KSP *)adj->adapterdata;

  PetscFunctionBegin;
  PetscCall(ADJReset_KSP(adj));
  PetscCall(VecDestroy(&c->given));
  PetscCall(KSPDestroy(&c->ksp));
  PetscCall(PetscFree(adj->adapterdata));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define ADJ_KSP_OPERATIONS \
  .name = "KSP", .linear = PETSC_TRUE, .advice = "the matrix of the KSP is not its own transpose, or has no transpose and the one of the preconditioner has stood in for it: leave out ADJSetSymmetric(), or give ADJSetVJP()", .changed = ADJChanged_KSP, .setup = ADJSetUpAdapter_KSP, .put = ADJPut_KSP, .solve = ADJSolve_KSP, .solved = ADJSolved_KSP, .tighten = ADJTighten_KSP, .getksp = ADJGetKSP_KSP, .getpc = ADJGetPC_KSP, .view = ADJView_KSP, .reset = ADJReset_KSP, .destroy = ADJDestroy_KSP

static const ADJAdapter ADJAdapter_KSP     = {ADJ_KSP_OPERATIONS};
static const ADJAdapter ADJAdapter_KSP_Rhs = {ADJ_KSP_OPERATIONS, .parametervjp = ADJParameterVJP_KSP, .parameterjvp = ADJParameterVJP_KSP}; /* dR/dtheta is symmetric */

/*@
   ADJSetKSP - Differentiates the solution of a linear system A(theta) x = b(theta) by a `KSP` that the user has

   Collective

   Input Parameters:
+  adj - the context
-  ksp - the solver, with its matrices or its `DM`; it is referenced

   Level: beginner

   Notes:
   R = A x - b; `ADJSolve()` is `KSPSolve()`, with the solver's own options. What theta is:

   With `ADJSetParameters()` its function brings A, or b, or both, to theta: it changes the entries of the matrices of `KSPSetOperators()` and
   of the vector of `ADJSetRhs()`. Or it fills the application's context from which the functions of `KSPSetComputeOperators()` and
   `KSPSetComputeRHS()` compute both; they are called anew whenever theta has changed, and A and b are those of the last solve again
   when a derivative is returned. Without `ADJSetRhs()` b is computed by the `DM` or, if it does not do so, the vector of the last
   `KSPSolve()`. The derivative in theta comes from `ADJSetParameterVJP()`, `ADJSetParameterJacobian()`, or, for few parameters,
   from differences, see `ADJSetFDColor()`. `ADJGetMatGradient()` gives the derivative in the entries of A.

   Without `ADJSetParameters()` theta is b itself: `ADJSolve(adj, b, x)`, and the pullback is the adjoint. What the `KSP` computes for b, or
   holds, does not count then.

   The adjoint A^T w = v is solved by a `KSP` of its own, see `ADJGetKSP()`; its preconditioner is that of `ADJSetPCSource()`. If A is known to be
   symmetric (Hermitian with complex scalars), see `MatSetOption()` with `MAT_SYMMETRY_ETERNAL`, or `ADJSetSymmetric()` says so, the forward
   preconditioner serves as it is, and so does the type of a forward `KSPCG`, `KSPMINRES` and the like, unless `-adj_ksp_type` chooses
   another. Null spaces attached to A
   are taken over unless `ADJSetNullSpace()` gave others. A right-hand side is freed from what `MatSetTransposeNullSpace()` attached to
   the preconditioner's matrix, as the `KSP` does.

   The norm that a `KSP` tests is often that of the preconditioned residual, and its default tolerance, 1e-5, is loose. The verdict looks
   at the true residual relative to b, says so where it is larger than the limit of `ADJ_CHECK_FORWARD`, and estimates what the error of
   x does to the derivative.

   A code that calls `KSPSolve()` itself takes `ADJSetSolved()` in place of `ADJSolve()`. It may give the `KSP` other matrices of the same layout
   between two solves; the function of `ADJSetParameters()` may not.

   Example of Usage:
   Poisson's equation with a coefficient for each cell, from a code that assembles A itself
.vb
   PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)      // A(theta)
   {
     return Assemble(theta, ((User *)ctx)->A);
   }
   PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
   {                                                     // thetabar_k = w^T dA/dtheta_k x
     return AssembleDerivative(x, w, thetabar);
   }

   ADJCreate(PETSC_COMM_WORLD, &adj);
   ADJSetKSP(adj, ksp);
   ADJSetRhs(adj, b);
   ADJSetParameters(adj, Put, &user);
   ADJSetParameterVJP(adj, ParameterVJP, &user);
   ADJSetFromOptions(adj);
   ADJSolve(adj, theta, x);
   ADJSolveAdjoint(adj, xbar, thetabar);
.ve

   Errors:
   `PETSC_ERR_ARG_NOTSAMECOMM` if the solver lives on another communicator; `PETSC_ERR_ORDER` after `ADJSetUp()`. In `ADJSetUp()`:
   `PETSC_ERR_ORDER` for a `KSP` without a matrix, a right-hand side that is not known, or `ADJSetRhs()` without
   `ADJSetParameters()`; `PETSC_ERR_ARG_SIZ` for a matrix that is not square or does not fit the state. In `ADJSolve()`: `PETSC_ERR_ARG_SIZ` for
   a theta that is b and does not fit the state; `PETSC_ERR_SUP` if the function of `ADJSetParameters()` has replaced a matrix.

.seealso: `ADJSetRhs()`, `ADJSetParameters()`, `ADJSetParameterVJP()`, `ADJGetMatGradient()`, `ADJSetNullSpace()`, `ADJSetPCSource()`, `ADJSetSolved()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetKSP(ADJ adj, KSP ksp)
{
  ADJ_KSP    *c;
  PetscMPIInt same;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 2);
  PetscCallMPI(MPI_Comm_compare(PetscObjectComm((PetscObject)adj), PetscObjectComm((PetscObject)ksp), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_NOTSAMECOMM, "The KSP lives on another communicator than the ADJ; create both on the same one");
  PetscCheck(!adj->setupcalled, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The KSP must be given before ADJSetUp() and the first solve; call ADJReset() first");
  PetscCall(PetscObjectReference((PetscObject)ksp)); /* it may be the one that is let go of */
  PetscCall(PetscNew(&c));
  PetscCall(ADJSetAdapter_Private(adj, &ADJAdapter_KSP, c));
  c->ksp        = ksp;
  adj->borrowed = (PetscObject)ksp;
  PetscCall(ADJSetMap_Private(adj, ADJ_RESIDUAL, ADJMap_KSP, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetRhs - Gives the right-hand side b of the linear system of `ADJSetKSP()`

   Collective

   Input Parameters:
+  adj - the context
-  b   - the right-hand side, global length n, or `NULL` for none; it is referenced

   Level: beginner

   Notes:
   Its values are read whenever they are needed: the function of `ADJSetParameters()` may change them. `KSPSetComputeRHS()` does not count then.

   Where b itself is what derivatives are taken in, leave it out, and give b for theta: see `ADJSetKSP()`.

   Errors:
   `PETSC_ERR_ORDER` before `ADJSetKSP()`, and, in `ADJSetUp()`, without `ADJSetParameters()`; `PETSC_ERR_ARG_NOTSAMECOMM`, `PETSC_ERR_ARG_SIZ` if it does not fit.

.seealso: `ADJGetRhs()`, `ADJSetKSP()`, `ADJSetParameters()`
@*/
PetscErrorCode ADJSetRhs(ADJ adj, Vec b)
{
  ADJ_KSP *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (b) PetscValidHeaderSpecific(b, VEC_CLASSID, 2);
  PetscCall(ADJGetData_KSP(adj, "ADJSetRhs()", &c));
  if (b) PetscCall(ADJCheckVec_Private(adj, b, adj->r, "The right-hand side", "the state"));
  if (b == c->given) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectReference((PetscObject)b));
  PetscCall(VecDestroy(&c->given));
  c->given = b;
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetRhs - What was given to `ADJSetRhs()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  b - the right-hand side (borrowed), or `NULL`

   Level: intermediate

.seealso: `ADJSetRhs()`
@*/
PetscErrorCode ADJGetRhs(ADJ adj, Vec *b)
{
  ADJ_KSP *c;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJGetData_KSP(adj, "ADJGetRhs()", &c));
  *b = c->given;
  PetscFunctionReturn(PETSC_SUCCESS);
}
