/*
   Type implicit: by the implicit function theorem,

       adjoint:  M^T w = v,          thetabar = N^T w
       tangent:  M xdot = N thetadot

   at the solution of the forward solve, whatever path led there.
*/
#include "implicit.h"

static PetscErrorCode ADJForwardBegin_Implicit(ADJ adj, Vec x)
{
  PetscFunctionBegin;
  (void)x;
  if (!adj->testing) ((ADJ_Implicit *)adj->data)->steps = 0;
  if (adj->piggyback) PetscCall(ADJPiggybackBegin_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJConverged_Implicit(ADJ adj, PetscInt it, Vec x, SNESConvergedReason *reason)
{
  PetscFunctionBegin;
  if (adj->piggyback && !adj->testing && *reason >= 0) PetscCall(ADJPiggybackStep_Private(adj, it, x, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_Implicit(ADJ adj, Vec xbar, Vec thetabar)
{
  PetscBool      guess, piggyback = (PetscBool)(((ADJ_Implicit *)adj->data)->steps && !adj->testing && !adj->wspoilt);
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  if (piggyback) PetscCall(ADJSetGuess_Private(adj->ksp, PETSC_TRUE, &guess));
  ierr = ADJSolveMT_Private(adj, xbar, &adj->state->adjoint);
  if (piggyback) PetscCall(KSPSetInitialGuessNonzero(adj->ksp, guess));
  PetscCall(ierr);
  PetscCall(ADJPullBack_Private(adj, xbar, thetabar, &adj->state->adjoint));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_Implicit(ADJ adj, Vec thetadot, Vec xdot)
{
  PetscFunctionBegin;
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJComputeTangentRhs_Private(adj, thetadot));
  PetscCall(ADJSolveM_Private(adj, xdot, &adj->state->tangent));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Implicit(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  if (adj->piggyback) PetscCall(PetscViewerASCIIPrintf(viewer, "  Piggyback adjoint: %" PetscInt_FMT " steps beside those of the state\n", ((ADJ_Implicit *)adj->data)->steps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReset_Implicit(ADJ adj)
{
  ADJ_Implicit *impl = (ADJ_Implicit *)adj->data;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&impl->v));
  PetscCall(VecDestroy(&impl->wnext));
  impl->steps = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Implicit(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(adj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Implicit(ADJ);

/*MC
   ADJIMPLICIT - the derivative of the solution by the implicit function theorem: one linear solve for each cotangent
   or direction, by `KSP` on shells of the user's products

   Level: beginner

   Note:
   Costs a few dozen products and no memory that grows with the number of forward iterations. With
   `-adj_ksp_type richardson` the solve is the fixed-point adjoint w <- v + A^T w; with `-adj_piggyback` that is made
   alongside the forward iteration.

   References:
.  * - B. Christianson, Reverse accumulation and attractive fixed points, Optimization Methods and Software 3, 1994

.seealso: `ADJSetType()`, `ADJType`, `ADJGetKSP()`, `ADJSetPiggyback()`, `ADJAUTO`
M*/
PetscErrorCode ADJCreate_Implicit(ADJ adj)
{
  ADJ_Implicit *impl;

  PetscFunctionBegin;
  PetscCall(PetscNew(&impl));
  adj->data              = impl;
  adj->ops->forwardbegin = ADJForwardBegin_Implicit;
  adj->ops->converged    = ADJConverged_Implicit;
  adj->ops->view         = ADJView_Implicit;
  adj->ops->reset        = ADJReset_Implicit;
  adj->ops->destroy      = ADJDestroy_Implicit;
  adj->ops->solveadjoint = ADJSolveAdjoint_Implicit;
  adj->ops->solvetangent = ADJSolveTangent_Implicit;
  PetscFunctionReturn(PETSC_SUCCESS);
}
