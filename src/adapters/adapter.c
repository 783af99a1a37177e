/*
   What all borrowed solvers have in common.
*/
#include <contragrad/private/adjimpl.h>

/* Lets go of the last one */
PetscErrorCode ADJSetAdapter_Private(ADJ adj, const ADJAdapter *adapter, void *data, PetscObject solver)
{
  PetscFunctionBegin;
  PetscCheck(!adj->setupcalled || !adapter, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The %s must be given before ADJSetUp() and the first solve; call ADJReset() first", adapter->name);
  PetscCall(ADJPCReuseReset_Private(adj));
  if (adj->adapter) {
    if (adj->adapter->destroy) PetscCall((*adj->adapter->destroy)(adj));
    if (adj->jacobian.taken) PetscCall(ADJSetJacobian(adj, NULL, NULL, NULL, NULL));
    PetscCall(ADJForgetProducts_Private(adj));
    PetscCall(ADJForgetShells_Private(adj)); /* also the ADJ's own forward solver, which may have to come, or to go */
  }
  adj->adapter            = adapter;
  adj->adapterdata        = data;
  adj->borrowed           = solver;
  adj->childrenconfigured = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without a borrowed solver: the residual at x is what is known of it */
static PetscErrorCode ADJTakeSolution_Private(ADJ adj, Vec x)
{
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(ADJComputeResidual_Private(adj, x, adj->state->theta, adj->r));
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  PetscCall(ADJStateRecord_Private(adj->state, norm, x));
  adj->state->rnormref = norm;
  adj->state->reason   = PetscIsInfOrNanReal(norm) ? ADJ_SNES_DIVERGED_NAN : SNES_CONVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetSolved - Takes over a solution that the user's own code has found

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
-  x     - the solution at theta, global length n

   Level: beginner

   Notes:
   In place of `ADJSolve()`, for a code that calls its solver itself, or has a loop of its own: derivatives are taken at x, nothing
   is solved. Copies of both vectors are kept. With a borrowed solver, see `ADJSetSNES()`, call it after that solver's own solve: how it
   ended is asked from it. In any case the verdict estimates how far x is from a solution, and what that does to the derivative.

   Types that go back along the iteration cannot do so here: they have not seen it.

   Errors:
   As `ADJSolve()`; `PETSC_ERR_SUP` for a type that needs the iterates.

.seealso: `ADJSolve()`, `ADJSetSNES()`, `ADJSetFixedPoint()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJSetSolved(ADJ adj, Vec theta, Vec x)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckVec_Private(adj, x, NULL, "The state x", NULL));
  PetscCheck(x != theta, comm, PETSC_ERR_ARG_IDN, "The state x and the parameters theta must be different vectors");
  PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetUp(adj));
  PetscCheck(!adj->ops->iterate && !adj->typekeepsprevious && !adj->piggyback, comm, PETSC_ERR_SUP, "ADJ type %s needs the iterates of the forward solve, which a solution alone does not tell: call ADJSolve(), or take -adj_type implicit", ((PetscObject)adj)->type_name);
  PetscCall(ADJStateRestart_Private(adj, theta, x));
  adj->state->taken = PETSC_TRUE;
  PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
  if (adj->adapter && adj->adapter->solved)
    PetscCall((*adj->adapter->solved)(adj, x));
  else
    PetscCall(ADJTakeSolution_Private(adj, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}
