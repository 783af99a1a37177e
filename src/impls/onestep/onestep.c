/*
   Type onestep: differentiates the last application x_K = F(x_{K-1}, theta) only,

       adjoint:  thetabar = B(x_{K-1})^T v
       tangent:  xdot = B(x_{K-1}) thetadot

   as if x_{K-1} did not depend on theta. Exact in the limit where dF/dx = 0 at the solution (Newton's method).
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode ADJForwardBegin_OneStep(ADJ adj, Vec x)
{
  PetscFunctionBegin;
  (void)x;
  PetscCall(ADJRequirePlainIteration_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJLinearizeAtPrevious_Private(ADJ adj)
{
  PetscFunctionBegin;
  adj->state->linearized = PETSC_FALSE;
  PetscCall(ADJLinearize_Private(adj, adj->state->xprev, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_OneStep(ADJ adj, Vec xbar, Vec thetabar)
{
  ADJLinearSolve *rec = &adj->state->adjoint;

  PetscFunctionBegin;
  PetscCall(ADJCreateAdjoint_Private(adj));
  PetscCall(VecCopy(xbar, adj->w));
  PetscCall(ADJLinearizeAtPrevious_Private(adj));
  PetscCall(ADJComputeVJP_Private(adj, adj->state->xprev, adj->state->theta, xbar, NULL, thetabar));
  PetscCall(ADJRecordNorms_Private(xbar, thetabar, rec));
  rec->solnorm     = rec->rhsnorm;
  rec->approximate = PETSC_TRUE;
  rec->terms       = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_OneStep(ADJ adj, Vec thetadot, Vec xdot)
{
  ADJLinearSolve *rec = &adj->state->tangent;

  PetscFunctionBegin;
  PetscCall(ADJLinearizeAtPrevious_Private(adj));
  PetscCall(ADJComputeJVP_Private(adj, adj->state->xprev, adj->state->theta, NULL, thetadot, xdot));
  PetscCall(ADJRecordNorms_Private(thetadot, xdot, rec));
  rec->approximate = PETSC_TRUE;
  rec->terms       = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_OneStep(ADJ);

/*MC
   ADJONESTEP - the derivative of the last application of F alone, at the iterate before it

   Level: intermediate

   Notes:
   Costs one product. Its error against the derivative of the solution is that of the map's contraction: small for
   iterations that converge faster than linearly, such as Newton's method written as a map F, large otherwise. The verdict
   estimates it and holds it against `ADJSetGradientTolerance()`. The forward solver must be the plain iteration; after
   another one `ADJNEUMANN` with 0 terms does the same at the solution.

   References:
.  * - J. Bolte, E. Pauwels, S. Vaiter, One-step differentiation of iterative algorithms, NeurIPS 2023

.seealso: `ADJSetType()`, `ADJType`, `ADJNEUMANN`, `ADJTRUNCATED`, `ADJSetGradientTolerance()`
M*/
PetscErrorCode ADJCreate_OneStep(ADJ adj)
{
  PetscFunctionBegin;
  adj->typekeepsprevious = PETSC_TRUE;
  adj->ops->forwardbegin = ADJForwardBegin_OneStep;
  adj->ops->solveadjoint = ADJSolveAdjoint_OneStep;
  adj->ops->solvetangent = ADJSolveTangent_OneStep;
  PetscFunctionReturn(PETSC_SUCCESS);
}
