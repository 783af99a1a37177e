/*
   The reduced objective as that of a Tao.
*/
#include "checkpoint.h"

#define ADJ_TAO_ENTERED -1             /* a count that no Tao has */
#define ADJ_TAO_TEST    "ADJTaoTest_C" /* the convergence test that a Tao had, kept by the Tao: it may go from one ADJ to another */
#define ADJ_TAO_TESTCTX "ADJTaoTestContext"

static PetscErrorCode ADJTaoOwnTest_Private(Tao tao)
{
  PetscErrorCode (*test)(Tao, void *);
  PetscContainer holder;
  void          *ctx = NULL;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)tao, ADJ_TAO_TEST, &test));
  PetscCall(PetscObjectQuery((PetscObject)tao, ADJ_TAO_TESTCTX, (PetscObject *)&holder));
  if (holder) PetscCall(PetscContainerGetPointer(holder, &ctx));
  PetscCall((*test)(tao, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The verdict comes first, then the test that the Tao had */
static PetscErrorCode ADJTaoTest_Private(ADJ adj, Tao tao)
{
  ADJOuter  o = adj->outer;
  PetscBool here;

  PetscFunctionBegin;
  PetscCall(ADJEvaluationIsAt_Private(&o->last, tao->solution, &here));
  if (here && o->last.failed && adj->outer->iterate.id) { /* taken without a look at the value, as by -tao_ls_type unit */
    PetscCall(ADJNoteStuck_Private(adj));
    PetscCall(VecCopy(o->iterate.theta, tao->solution));
    PetscCall(TaoSetConvergedReason(tao, TAO_DIVERGED_USER));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (here) PetscCall(ADJEvaluationAccept_Private(adj));
  o->iterations = o->firstnorm == 0.0 ? 0 : o->iterations + 1;
  PetscCall(TaoGetResidualNorm(tao, &o->norm));
  if (o->firstnorm == 0.0) o->firstnorm = o->norm;
  if (o->refused < 0) {
    PetscCall(TaoSetConvergedReason(tao, TAO_DIVERGED_USER));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJTaoOwnTest_Private(tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoConverged(Tao tao, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  PetscFunctionBegin;
  PetscCall(ADJTaoTest_Private(adj, tao));
  PetscCall(ADJCheckpointTest_Private(adj, tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoTakeConvergenceTest_Private(ADJ adj, Tao tao)
{
  PetscContainer holder;

  PetscFunctionBegin;
  if (tao->ops->convergencetest != ADJTaoConverged) {
    PetscCall(PetscObjectComposeFunction((PetscObject)tao, ADJ_TAO_TEST, tao->ops->convergencetest ? tao->ops->convergencetest : TaoDefaultConvergenceTest));
    PetscCall(PetscContainerCreate(PetscObjectComm((PetscObject)tao), &holder));
    PetscCall(PetscContainerSetPointer(holder, tao->cnvP));
    PetscCall(PetscObjectCompose((PetscObject)tao, ADJ_TAO_TESTCTX, (PetscObject)holder));
    PetscCall(PetscContainerDestroy(&holder));
  }
  PetscCall(TaoSetConvergenceTest(tao, ADJTaoConverged, adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The method of brgn is another Tao, which is the one that iterates */
static PetscErrorCode ADJTaoTakeSubsolver_Private(ADJ adj, Tao tao)
{
  PetscBool brgn;
  Tao       sub = tao;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)tao, TAOBRGN, &brgn));
  if (!brgn) PetscFunctionReturn(PETSC_SUCCESS);
#if !PetscDefined(USE_COMPLEX)
  PetscCall(TaoBRGNGetSubsolver(tao, &sub));
#endif
  PetscCall(ADJTaoTakeConvergenceTest_Private(adj, sub));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Each TaoSolve() begins with TaoResetStatistics(). Among what it clears is a count of constraints, which methods with an objective do not
   call: it is marked once the solve is known here. The counts of the objective would do, but from PETSc 3.25 on they are not cleared.
*/
PetscErrorCode ADJTaoEnter_Private(ADJ adj, Tao tao)
{
  PetscFunctionBegin;
  PetscCheck(adj->objective, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No objective: call ADJSetObjective() or ADJSetMisfit() before TaoSolve()");
  if (adj->outer->x && tao->nconstraints == ADJ_TAO_ENTERED) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJEvaluateBegin_Private(adj));
  PetscCall(ADJTaoTakeConvergenceTest_Private(adj, tao)); /* a change of type, or the user, may have brought another */
  PetscCall(ADJTaoTakeSubsolver_Private(adj, tao));
  PetscCall(ADJCheckpointBegin_Private(adj, tao));
  tao->nconstraints = ADJ_TAO_ENTERED;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* OWL-QN minimizes l + lambda |theta|_1: the second term is in its gradients, but it looks for it in the values that it is given */
static PetscErrorCode ADJTaoAddNorm_Private(Tao tao, Vec theta, PetscReal *value)
{
  PetscBool owlqn;
  PetscReal norm, lambda = 1.0; /* Tao's default */

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)tao, TAOOWLQN, &owlqn));
  if (!owlqn) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsGetReal(((PetscObject)tao)->options, ((PetscObject)tao)->prefix, "-tao_owlqn_lambda", &lambda, NULL));
  PetscCall(VecNorm(theta, NORM_1, &norm));
  *value += lambda * norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Evaluates; where there is no state the optimizer is sent back to its iterate, and if it has none there is nothing to be done */
PetscErrorCode ADJTaoEvaluate_Private(ADJ adj, Tao tao, Vec theta, PetscReal *value, Vec gradient)
{
  ADJOuter o = adj->outer;

  PetscFunctionBegin;
  PetscCall(ADJTaoEnter_Private(adj, tao));
  PetscCall(ADJEvaluate_Private(adj, theta, gradient ? PETSC_TRUE : PETSC_FALSE));
  if (!o->last.failed) {
    if (!o->iterate.id) PetscCall(ADJEvaluationAccept_Private(adj));
    if (value) {
      *value = o->last.value + o->offset;
      PetscCall(ADJTaoAddNorm_Private(tao, theta, value));
    }
    if (gradient) PetscCall(VecCopy(o->last.gradient, gradient));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscInfo(adj, "A trial point is rejected (forward solve: %s)\n", SNESConvergedReasons[adj->state->reason]));
  if (o->iterate.id) {
    PetscCall(ADJEvaluationMirror_Private(adj, theta, value, gradient));
    if (value) PetscCall(ADJTaoAddNorm_Private(tao, theta, value));
  } else {
    PetscCheck(!gradient && o->succeeded, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "At the first parameters the forward solve stopped with %s and the objective is %g: the optimizer has no step to take back. Start from parameters, and from a guess of the state, where the forward solve converges; look at its monitor", SNESConvergedReasons[adj->state->reason], (double)o->last.value);
    *value = PETSC_INFINITY; /* a method that compares values */
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoObjective(Tao tao, Vec theta, PetscReal *value, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ADJTaoEvaluate_Private((ADJ)ctx, tao, theta, value, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoGradient(Tao tao, Vec theta, Vec gradient, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ADJTaoEvaluate_Private((ADJ)ctx, tao, theta, NULL, gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoObjectiveAndGradient(Tao tao, Vec theta, PetscReal *value, Vec gradient, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ADJTaoEvaluate_Private((ADJ)ctx, tao, theta, value, gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A method whose default preconditioner factors the Hessian, which is a shell, gets none unless one was asked for */
static PetscErrorCode ADJTaoAvoidFactorization_Private(Tao tao)
{
  PC          pc;
  PetscBool   factors, chosen;
  const char *prefix;

  PetscFunctionBegin;
  if (!tao->ksp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(tao->ksp, &pc));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &factors, PCILU, PCICC, PCBJACOBI, ""));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, prefix, "-pc_type", &chosen));
  if ((factors || !((PetscObject)pc)->type_name) && !chosen) PetscCall(PCSetType(pc, PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTaoHessian(Tao tao, Vec theta, Mat H, Mat Hpre, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  (void)Hpre;
  PetscFunctionBegin;
  PetscCall(ADJTaoEnter_Private(adj, tao));
  PetscCall(ADJTaoAvoidFactorization_Private(tao));
  PetscCall(ADJHessianAtIterate_Private(adj, theta, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTao - Makes the reduced objective, its gradient and its Hessian those of a `Tao`

   Collective

   Input Parameters:
+  adj - the context, with an objective and an initial guess of the state
-  tao - minimizes over theta, global length m; `TaoSetSolution()` was called

   Level: beginner

   Notes:
.vb
   TaoCreate(comm, &tao);
   TaoSetSolution(tao, theta);
   ADJSetTao(adj, tao);
   TaoSetFromOptions(tao);
   TaoSolve(tao);
.ve
   Any method of `Tao` can be chosen: `-tao_type blmvm` or `bqnls` with gradients, `bnls` or `bntr` with Hessian products
   (`ADJCreateHessian()`), `brgn` if there is a misfit (`ADJSetMisfit()`); `owlqn` minimizes l + lambda |theta|_1 with lambda from
   `-tao_owlqn_lambda`, the objective being l alone. Bounds, line search, tolerances and monitors are the Tao's own.

   The value that comes with a gradient is that of `ADJGetCorrectedObjective()` where the type keeps the adjoint: its error is of second
   order in that of the state, so that line searches see differences far below the forward tolerance.

   At one theta nothing is solved twice. State and adjoint start from those of the iterate. The types `ADJUNROLLED`, `ADJREVERSIBLE` and
   `ADJTRUNCATED` differentiate the steps that were made, which are too few after a good guess: with them each solve starts from the
   vector of `ADJSetSolution()` as it is when `TaoSolve()` begins.

   Where the forward solve fails, or the objective is NaN or infinite, the optimizer gets a finite value above that of its iterate, and
   rejects the step; `ADJGetRejected()` counts. Only at the first parameters is that an error.

   A gradient that is refused at the first parameters ends the optimization, with `TAO_DIVERGED_USER` and the reason on the standard
   error stream, see `ADJGetRefusal()`; at a trial point the step is rejected as above, and the same happens if no step is left; with `-adj_trust_action warn` it is told and passed on, with `ignore` passed on.

   The Tao's convergence test, `TaoSetConvergenceTest()`, is asked after the verdict. A Tao that outlives the ADJ needs the functions of
   another one before it solves again.

   Errors:
   `PETSC_ERR_ORDER` without `TaoSetSolution()`; `PETSC_ERR_SUP` with complex scalars, for which Tao has no methods. From `TaoSolve()`:
   `PETSC_ERR_ORDER` without objective or initial guess, `PETSC_ERR_NOT_CONVERGED` if the first forward solve fails.

.seealso: `ADJGetTao()`, `ADJMinimize()`, `ADJSetObjective()`, `ADJSetMisfit()`, `ADJSetTaoSolution()`
@*/
PetscErrorCode ADJSetTao(ADJ adj, Tao tao)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);
  ADJOuter o;
  Mat      H;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(tao, TAO_CLASSID, 2);
  PetscCheckSameComm(adj, 1, tao, 2);
  PetscCheck(!PetscDefined(USE_COMPLEX), comm, PETSC_ERR_SUP, "Tao minimizes over real variables only: use a PETSc with real scalars");
  PetscCheck(tao->solution, comm, PETSC_ERR_ORDER, "The Tao does not know its parameters: call TaoSetSolution() before ADJSetTao()");
  PetscCall(ADJGetOuter_Private(adj, &o));
  PetscCall(PetscObjectReference((PetscObject)tao));
  PetscCall(TaoDestroy(&o->tao));
  o->tao = tao;
  PetscCall(TaoSetObjective(tao, ADJTaoObjective, adj));
  PetscCall(TaoSetGradient(tao, NULL, ADJTaoGradient, adj));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, ADJTaoObjectiveAndGradient, adj));
  PetscCall(ADJCreateHessianOf_Private(adj, tao->solution, &H));
  PetscCall(TaoSetHessian(tao, H, H, ADJTaoHessian, adj));
  PetscCall(MatDestroy(&H));
  PetscCall(ADJMisfitSetTao_Private(adj, tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTao - The optimizer in theta

   Collective if there is none yet

   Input Parameter:
.  adj - the context

   Output Parameter:
.  tao - that of `ADJSetTao()`, or one of the ADJ's own, with the options `-adj_tao_type`, `-adj_tao_monitor`, ...; do not destroy it

   Level: beginner

.seealso: `ADJSetTao()`, `ADJMinimize()`
@*/
PetscErrorCode ADJGetTao(ADJ adj, Tao *tao)
{
  char     prefix[256];
  ADJOuter o;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(!PetscDefined(USE_COMPLEX), PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "Tao minimizes over real variables only: use a PETSc with real scalars");
  PetscCall(ADJGetOuter_Private(adj, &o));
  if (!o->tao) {
    PetscCall(ADJGetChildPrefix_Private(adj, "adj_", sizeof(prefix), prefix));
    PetscCall(TaoCreate(PetscObjectComm((PetscObject)adj), &o->tao));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)o->tao, (PetscObject)adj, 1));
    PetscCall(TaoSetOptionsPrefix(o->tao, prefix));
    PetscCall(TaoSetType(o->tao, TAOBLMVM));
  }
  *tao = o->tao;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors of another length, as after ADJReset(), which a Tao does not give up of itself: it is created anew but for its tolerances */
static PetscErrorCode ADJTaoFit_Private(Tao tao, Vec theta)
{
  Vec         last = tao->gradient ? tao->gradient : tao->solution;
  char        type[256];
  PetscInt    n[2], N[2];
  PetscMPIInt differs;
  PetscBool   nm;

  PetscFunctionBegin;
  if (!last || !((PetscObject)tao)->type_name) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(last, &n[0]));
  PetscCall(VecGetLocalSize(theta, &n[1]));
  PetscCall(VecGetSize(last, &N[0]));
  PetscCall(VecGetSize(theta, &N[1]));
  differs = n[0] != n[1] || N[0] != N[1];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)tao)));
  if (!differs) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrncpy(type, ((PetscObject)tao)->type_name, sizeof(type)));
  PetscCall(PetscStrcmp(type, TAONM, &nm));
  PetscCall(TaoSetType(tao, nm ? TAOLMVM : TAONM)); /* a type that is set again is not created anew */
  PetscCall(TaoSetType(tao, type));
  PetscCall(VecDestroy(&tao->gradient));
  PetscCall(VecDestroy(&tao->stepdirection));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJMinimize - Minimizes the reduced objective over theta

   Collective

   Input Parameters:
+  adj   - the context, with an objective and an initial guess of the state
-  theta - initial guess of the parameters, global length m

   Output Parameter:
.  theta - the best parameters that were found

   Options Database Keys:
+  -adj_tao_type <blmvm>  - the method: any of `Tao`, or `descent`, which takes steps of a given length along the negative gradient
.  -adj_tao_<option>      - of the method: `-adj_tao_monitor`, `-adj_tao_gatol`, `-adj_tao_max_it`, ...
.  -adj_checkpoint <file> - where checkpoints are written, see `ADJSetCheckpoint()`
-  -adj_restart           - from the last one, see `ADJSetRestart()`

   Level: beginner

   Notes:
   The `Tao` of `ADJGetTao()`, whose bounds may be set before, as `ADJSetTao()` says; it takes its options here. The inner problem may be
   differentiated by any type: implicit, one-step, truncated, unrolled, ...

   With parameters of another length or layout than before, see `ADJReset()`, the Tao keeps its type and its tolerances, and takes the rest
   from the options; set new bounds.

   The vector of `ADJSetSolution()` then holds the last state that was found, which need not be that of theta, and has the tolerance of
   that evaluation: call `ADJSolve()`.

   An optimizer that stops short is no error, as in `TaoSolve()`: ask `TaoGetConvergedReason()` and `ADJGetRefusal()`. A refused gradient
   has the reason `TAO_DIVERGED_USER`.

   Errors:
   As `ADJSetTao()` and `TaoSolve()`.

.seealso: `ADJGetTao()`, `ADJSetTao()`, `ADJSetObjective()`, `ADJGetRefusal()`, `ADJTAODESCENT`
@*/
PetscErrorCode ADJMinimize(ADJ adj, Vec theta)
{
  Tao tao;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(ADJTaoFit_Private(tao, theta));
  PetscCall(TaoSetSolution(tao, theta));
  PetscCall(ADJSetTao(adj, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(ADJRestart(adj, theta, NULL));
  PetscCall(TaoSolve(tao));
  if (tao->reason < 0) PetscCall(ADJNoteStuck_Private(adj));
  if (adj->outer->refused < 0) PetscCall(TaoSetConvergedReason(tao, TAO_DIVERGED_USER)); /* and not, say, a line search that failed */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetRefusal - The verdict that has ended the optimization

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  trust - the negative verdict on the first gradient that was refused; `ADJ_TRUST_NONE` if none was, or if that is no obstacle

   Level: intermediate

.seealso: `ADJSetTao()`, `ADJMinimize()`, `ADJSetTrustAction()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJGetRefusal(ADJ adj, ADJTrust *trust)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *trust = adj->outer ? adj->outer->refused : ADJ_TRUST_NONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetRejected - How many points of the last optimization were rejected

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  rejected - number of points where the forward solve failed, the objective was NaN or infinite, or the gradient was refused

   Level: intermediate

.seealso: `ADJSetTao()`, `ADJMinimize()`
@*/
PetscErrorCode ADJGetRejected(ADJ adj, PetscInt *rejected)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *rejected = adj->outer ? adj->outer->rejected : 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
