/*
   The forward solve by SNES: what the solver calls, and what is kept of its course.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/snesimpl.h>

#define ADJ_STAGNATION_STEPS 4
#define ADJ_STAGNATION_RTOL  1e-8 /* while testing, a residual that stopped falling below this is at rounding level */

static PetscErrorCode ADJSNESFunction(SNES snes, Vec x, Vec r, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  (void)snes;
  PetscFunctionBegin;
  PetscCall(ADJUnlock_Private(ADJComputeResidual_Private(adj, x, adj->state->theta, r), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The point is copied, so that a lagged Jacobian stays where it was linearized while the solver moves on */
static PetscErrorCode ADJSNESJacobian(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  (void)snes;
  (void)P;
  PetscFunctionBegin;
  PetscCall(VecCopy(x, adj->state->x));
  if (adj->M || adj->P) PetscCall(ADJUnlock_Private(ADJLinearize_Private(adj, adj->state->x, adj->state->theta), x));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSNESMonitor(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  ADJ adj = (ADJ)ctx;
  Vec x;

  PetscFunctionBegin;
  if (it == 0) adj->state->rnormref = PetscMax(adj->state->rnormref, rnorm); /* also where the user has taken another convergence test */
  PetscCall(SNESGetSolution(snes, &x));
  if (it != adj->state->nhistory) PetscFunctionReturn(PETSC_SUCCESS); /* some SNES types call their monitors twice for one iterate */
  PetscCall(ADJStateRecord_Private(adj->state, rnorm, x));
  if (adj->ops->iterate) PetscCall(ADJUnlock_Private((*adj->ops->iterate)(adj, it, x), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In a test the residual is driven to rounding level: it has converged when it stops falling */
static PetscErrorCode ADJSNESStagnated_Private(ADJ adj, PetscInt it, PetscReal rnorm, SNESConvergedReason *reason)
{
  PetscFunctionBegin;
  if (it == 0 || rnorm < 0.9 * adj->rnormbest) {
    adj->rnormbest = rnorm;
    adj->stagnant  = 0;
  } else
    adj->stagnant++;
  if (adj->stagnant >= ADJ_STAGNATION_STEPS && rnorm <= ADJ_STAGNATION_RTOL * adj->state->rnormref) *reason = SNES_CONVERGED_FNORM_RELATIVE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's test, but for what the relative tolerance refers to, see ADJGetSNES(), and for a given number of steps */
static PetscErrorCode ADJSNESTest_Private(SNES snes, PetscInt it, PetscReal xnorm, PetscReal ynorm, PetscReal rnorm, SNESConvergedReason *reason, ADJ adj)
{
  PetscReal rtol;

  PetscFunctionBegin;
  PetscCall(SNESConvergedDefault(snes, it, xnorm, ynorm, rnorm, reason, NULL));
  if (adj->steps >= 0 && *reason >= 0) *reason = it < adj->steps ? SNES_CONVERGED_ITERATING : SNES_CONVERGED_ITS;
  if (adj->steps >= 0 || *reason || PetscIsInfOrNanReal(rnorm)) PetscFunctionReturn(PETSC_SUCCESS);
  if (it == 0) adj->state->rnormref = PetscMax(adj->state->rnormref, rnorm);
  PetscCall(SNESGetTolerances(snes, NULL, &rtol, NULL, NULL, NULL));
  if (rnorm <= rtol * adj->state->rnormref)
    *reason = SNES_CONVERGED_FNORM_RELATIVE;
  else if (adj->testing)
    PetscCall(ADJSNESStagnated_Private(adj, it, rnorm, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Also of a borrowed solver during a test */
PetscErrorCode ADJSNESConverged_Private(SNES snes, PetscInt it, PetscReal xnorm, PetscReal ynorm, PetscReal rnorm, SNESConvergedReason *reason, void *ctx)
{
  ADJ adj = (ADJ)ctx;
  Vec x;

  PetscFunctionBegin;
  PetscCall(ADJSNESTest_Private(snes, it, xnorm, ynorm, rnorm, reason, adj));
  if (!adj->ops->converged) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SNESGetSolution(snes, &x));
  PetscUseTypeMethod(adj, converged, it, x, reason);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What does not depend on the problem's size: set when the SNES is created, so that the user may still change it */
PetscErrorCode ADJAttachSNES_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(SNESSetConvergenceTest(adj->snes, ADJSNESConverged_Private, adj, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The JVP, or differences of the residual; for types that want a Jacobian, now or after a change of type */
static PetscErrorCode ADJSetForwardJacobian_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&adj->J));
  if (adj->jvpcomposed && adj->form == ADJ_RESIDUAL) { /* the matrix, which has more operations */
    PetscCall(PetscObjectReference((PetscObject)adj->product));
    adj->J = adj->product;
  } else if (adj->M) {
    PetscCall(PetscObjectReference((PetscObject)adj->M));
    adj->J = adj->M;
  } else
    PetscCall(MatCreateSNESMF(adj->snes, &adj->J));
  PetscCall(SNESSetJacobian(adj->snes, adj->J, adj->P ? adj->P : adj->J, ADJSNESJacobian, adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSetUpSNES_Private(ADJ adj)
{
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(ADJGetSNES(adj, NULL));
  PetscCall(SNESGetKSP(adj->snes, &ksp));
  PetscCall(ADJSetDefaultPC_Private(adj, ksp));
  PetscCall(ADJUseMatrixInPC_Private(adj, ksp));
  PetscCall(SNESSetFunction(adj->snes, adj->r, ADJSNESFunction, adj));
  PetscCall(ADJSetForwardJacobian_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Full steps of x <- F(x) and nothing else, no function of the user that changes them: then, and only then, the observed rate tends to the spectral radius */
static PetscErrorCode ADJIsPlainIteration_Private(ADJ adj, PetscBool *plain)
{
  SNESLineSearch ls;
  PetscReal      damping;
  PetscBool      richardson, basic, npc;
  PetscErrorCode (*pre)(SNESLineSearch, Vec, Vec, PetscBool *, void *);
  PetscErrorCode (*post)(SNESLineSearch, Vec, Vec, Vec, PetscBool *, PetscBool *, void *);

  PetscFunctionBegin;
  *plain = PETSC_FALSE;
  if (ADJForwardBorrowed_Private(adj)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)adj->snes, SNESNRICHARDSON, &richardson));
  if (!richardson || adj->form != ADJ_FIXED_POINT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SNESGetLineSearch(adj->snes, &ls));
  PetscCall(PetscObjectTypeCompare((PetscObject)ls, SNESLINESEARCHBASIC, &basic));
  PetscCall(SNESLineSearchGetDamping(ls, &damping));
  PetscCall(SNESLineSearchGetPreCheck(ls, &pre, NULL));
  PetscCall(SNESLineSearchGetPostCheck(ls, &post, NULL));
  PetscCall(SNESHasNPC(adj->snes, &npc));
  *plain = (PetscBool)(basic && damping == 1.0 && !pre && !post && !npc && !adj->snes->ops->update);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Operation forwardbegin of the types that need powers of dF/dx at the solution, whatever solver finds it */
PetscErrorCode ADJRequireFixedPoint_Private(ADJ adj, Vec x)
{
  PetscFunctionBegin;
  (void)x;
  PetscCheck(adj->form == ADJ_FIXED_POINT, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "ADJ type %s takes powers of dF/dx, but the problem is a residual: give the map with ADJSetFixedPoint(), or take -adj_type implicit", ((PetscObject)adj)->type_name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For the types that go back along the iteration: it must have been that of the map */
PetscErrorCode ADJRequirePlainIteration_Private(ADJ adj)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  ADJType   type = ((PetscObject)adj)->type_name;
  SNESType  snestype;
  PetscBool plain;

  PetscFunctionBegin;
  PetscCheck(adj->form == ADJ_FIXED_POINT, comm, PETSC_ERR_SUP, "ADJ type %s differentiates steps x <- F(x, theta), but the problem is a residual: give the map with ADJSetFixedPoint(), or take -adj_type implicit", type);
  PetscCall(ADJIsPlainIteration_Private(adj, &plain));
  if (plain) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SNESGetType(adj->snes, &snestype));
  SETERRQ(comm, PETSC_ERR_SUP, "ADJ type %s differentiates the plain iteration x <- F(x, theta), but the forward solver, an SNES of type %s, does something else: take -adj_forward_snes_type nrichardson -adj_forward_snes_linesearch_type basic with damping 1, no nonlinear preconditioner, no SNESSetUpdate() and no check of the line search, or, for the derivative of the solution whatever solver found it, -adj_type implicit", type, snestype);
}

/*
   A warm start has a small residual; so that it does not sharpen the relative tolerance, that refers to the first initial
   guess ever, at the present parameters: one evaluation, saved where the solve starts from there again
*/
static PetscErrorCode ADJSetReferenceResidual_Private(ADJ adj, Vec x)
{
  PetscBool same;
  PetscReal norm;

  PetscFunctionBegin;
  if (adj->steps >= 0) PetscFunctionReturn(PETSC_SUCCESS);                      /* no tolerance ends the solve */
  if (adj->adapter && adj->adapter->linear) PetscFunctionReturn(PETSC_SUCCESS); /* it refers to the right-hand side */
  if (!adj->xrefgood) {                                                         /* no solve came to an end from there */
    if (!adj->xref) PetscCall(VecDuplicate(x, &adj->xref));
    PetscCall(VecCopy(x, adj->xref));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecEqual(x, adj->xref, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJComputeResidual_Private(adj, adj->xref, adj->state->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  if (!PetscIsInfOrNanReal(norm)) adj->state->rnormref = norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* SNESSolve() that can be repeated after an error: the step that a line search looks along may then be locked */
PetscErrorCode ADJSNESSolve_Private(SNES snes, Vec x)
{
  KSP            ksp;
  Vec            step;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(SNESGetKSP(snes, &ksp));
  ierr = SNESSolve(snes, NULL, x);
  PetscCall(SNESGetSolutionUpdate(snes, &step));
  PetscCall(ADJRecoverKSP_Private(ADJUnlock_Private(ierr, step), ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By the SNES of the ADJ itself */
static PetscErrorCode ADJSolveOwnSNES_Private(ADJ adj, Vec x)
{
  PetscInt       maxit;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(SNESGetTolerances(adj->snes, NULL, NULL, NULL, &maxit, NULL));
  if (adj->steps > maxit) PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, adj->steps, ADJ_CURRENT));
  PetscCall(SNESMonitorSet(adj->snes, ADJSNESMonitor, adj, NULL)); /* the user may have cancelled it; PETSc drops a second one */
  ierr = ADJSNESSolve_Private(adj->snes, x);
  if (adj->steps > maxit) PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, maxit, ADJ_CURRENT));
  PetscCall(ierr);
  PetscCall(SNESGetConvergedReason(adj->snes, &adj->state->reason));
  PetscCall(SNESGetIterationNumber(adj->snes, &adj->state->its));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x: initial guess in, solution out; the course of the solve goes into adj->state */
PetscErrorCode ADJSolveForward_Private(ADJ adj, Vec theta, Vec x)
{
  ADJState *st = adj->state;

  PetscFunctionBegin;
  adj->account->forward++;
  PetscCall(ADJStateRestart_Private(adj, theta, x));
  PetscCall(ADJPutParameters_Private(adj, st->theta));
  PetscTryTypeMethod(adj, forwardbegin, x);
  PetscCall(ADJSetReferenceResidual_Private(adj, x));
  if (adj->testing) st->rnormref = PetscMax(st->rnormref, adj->testref);
  if (ADJForwardBorrowed_Private(adj))
    PetscCall((*adj->adapter->solve)(adj, x));
  else
    PetscCall(ADJSolveOwnSNES_Private(adj, x));
  if (st->reason > 0 && adj->steps < 0) adj->xrefgood = PETSC_TRUE;
  PetscCall(VecCopy(x, st->x));
  PetscCall(ADJIsPlainIteration_Private(adj, &st->plain));
  if (!adj->adapter || !adj->adapter->linear) PetscCall(ADJStateObservedRate_Private(st)); /* else its history is start and end */
  PetscTryTypeMethod(adj, forwardend);
  PetscFunctionReturn(PETSC_SUCCESS);
}
