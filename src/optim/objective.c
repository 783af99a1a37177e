/*
   The reduced objective f(theta) = l(x*(theta), theta) and its total gradient.
*/
#include <contragrad/private/adjimpl.h>

/*@C
   ADJSetObjective - Sets an objective l(x, theta) with its partial derivatives

   Logically collective

   Input Parameters:
+  adj - the context
.  f   - computes the objective and its partial derivatives
-  ctx - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
.ve
+  x        - state, global length n; not to be changed
.  theta    - parameters, global length m; not to be changed
.  value    - l(x, theta), the same on every process
.  xbar     - to be overwritten by dl/dx, global length n; `NULL` if not wanted
.  thetabar - to be overwritten by the partial derivative dl/dtheta, global length m; `NULL` if not wanted
-  ctx      - the user's context

   Level: beginner

   Note:
   With complex scalars the derivatives are such that dl = Re <xbar, dx> + Re <thetabar, dtheta>.

.seealso: `ADJComputeObjectiveAndGradient()`, `ADJTestGradient()`
@*/
PetscErrorCode ADJSetObjective(ADJ adj, ADJObjectiveFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->objective    = f;
  adj->objectivectx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetObjective - The function set with `ADJSetObjective()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  f   - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetObjective()`
@*/
PetscErrorCode ADJGetObjective(ADJ adj, ADJObjectiveFn **f, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (f) *f = adj->objective;
  if (ctx) *ctx = adj->objectivectx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The value is the same on every process, unless it is wrong */
static PetscErrorCode ADJCheckObjectiveFinite_Private(ADJ adj, PetscReal value)
{
  PetscReal   norm;
  PetscMPIInt bad;

  PetscFunctionBegin;
  PetscCall(VecNorm(adj->objtheta, NORM_2, &norm));
  bad = PetscIsInfOrNanReal(value) || PetscIsInfOrNanReal(norm);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)adj)));
  adj->objnotfinite = bad ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The objective at the state of the last solve, adj->sol, and its total gradient there with the verdict */
PetscErrorCode ADJPullObjective_Private(ADJ adj, PetscReal *value, Vec gradient)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (!adj->objx) PetscCall(VecDuplicate(adj->sol, &adj->objx));
  if (!adj->objtheta) PetscCall(VecDuplicate(adj->state->theta, &adj->objtheta));
  PetscCall(ADJComputeObjective_Private(adj, adj->sol, adj->state->theta, value, adj->objx, adj->objtheta));
  PetscCall(ADJCheckObjectiveFinite_Private(adj, *value));
  adj->pullingobjective = PETSC_TRUE;
  ierr                  = ADJSolveAdjoint_Private(adj, adj->objx, gradient);
  adj->pullingobjective = adj->objnotfinite = PETSC_FALSE;
  PetscCall(ierr);
  PetscCall(VecAXPY(gradient, 1.0, adj->objtheta));
  adj->state->objective      = *value;
  adj->state->objectiveknown = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJComputeObjectiveAndGradient - The reduced objective, l at the state of theta, and its total gradient

   Collective

   Input Parameters:
+  adj   - the context
-  theta - parameters, global length m

   Output Parameters:
+  value    - the objective
-  gradient - dl/dtheta + (dx/dtheta)^T dl/dx, global length m; `NULL` if not wanted

   Level: beginner

   Notes:
   Solves from the vector of `ADJSetSolution()`, which is overwritten by the state: the next theta starts from there.
   The gradient has the verdict of its adjoint, see `ADJGetTrust()`.

   Errors:
   `PETSC_ERR_ORDER` without `ADJSetObjective()` or `ADJSetSolution()`; after a forward solve that failed, and for the
   gradient, as `ADJSolveAdjoint()`.

.seealso: `ADJSetObjective()`, `ADJSetSolution()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJComputeObjectiveAndGradient(ADJ adj, Vec theta, PetscReal *value, Vec gradient)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->objective, comm, PETSC_ERR_ORDER, "No objective: call ADJSetObjective() first");
  PetscCheck(adj->sol, comm, PETSC_ERR_ORDER, "No initial guess: call ADJSetSolution() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  if (gradient) PetscCall(ADJCheckVec_Private(adj, gradient, theta, "The gradient", "the parameters"));
  PetscCall(ADJSolve(adj, theta, adj->sol));
  if (adj->state->reason <= 0 && adj->trustaction == ADJ_TRUST_ACTION_ERROR) PetscCall(ADJTrustBegin_Private(adj, ADJ_PHASE_ADJOINT)); /* there is no objective: raises the error */
  if (!gradient) {
    PetscCall(ADJComputeObjective_Private(adj, adj->sol, adj->state->theta, value, NULL, NULL));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJPullObjective_Private(adj, value, gradient));
  if (adj->testgradient) PetscCall(ADJTestGradientFromOptions_Private(adj, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l(x*) = l(x) + Re <v, dx> + O(|dx|^2) with M dx = -r + O(|dx|^2): Re <v, dx> = -Re <w, r> */
static PetscErrorCode ADJComputeCorrection_Private(ADJ adj, Vec r, PetscReal *correction)
{
  PetscScalar    dot;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  adj->account = &adj->checkcounters;
  ierr         = ADJComputeResidual_Private(adj, adj->state->x, adj->state->theta, r);
  adj->account = &adj->counters;
  PetscCall(ierr);
  PetscCall(VecDot(r, adj->w, &dot));
  *correction = -PetscRealPart(dot);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetCorrectedObjective - The objective at the solution, to second order in the error of the state that was found

   Collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  corrected  - l(x) - Re <w, r>, `NULL` to ignore
-  correction - its difference to l(x), an estimate of the objective's error, `NULL` to ignore

   Level: intermediate

   Notes:
   With the last state x, its residual r = x - F(x, theta) or R(x, theta), and the adjoint w of the objective, which
   `ADJComputeObjectiveAndGradient()` has found for the gradient: the error of l(x) falls as r, that of the corrected value as its
   square, as long as the adjoint is more accurate than the state. Costs one evaluation of F or R, which is not in
   `ADJGetCounters()`, and no solve.

   Types that leave out a part of the adjoint, as `ADJONESTEP`, leave out the same part of the correction.

   Errors:
   `PETSC_ERR_ORDER` unless the last derivative was the gradient of `ADJComputeObjectiveAndGradient()`; `PETSC_ERR_SUP` if it was that
   of given steps (`ADJSetSteps()`), which have no solution to be corrected to.

   References:
.  * - N. A. Pierce, M. B. Giles, Adjoint recovery of superconvergent functionals from PDE approximations, SIAM Review 42, 2000

.seealso: `ADJComputeObjectiveAndGradient()`, `ADJSetTrustGradientError()`
@*/
PetscErrorCode ADJGetCorrectedObjective(ADJ adj, PetscReal *corrected, PetscReal *correction)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  Vec            r;
  PetscReal      value = 0.0;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->state->objectiveknown, comm, PETSC_ERR_ORDER, "There is no objective with its adjoint: call ADJComputeObjectiveAndGradient() with a gradient first, and nothing that solves after it");
  PetscCheck(!(adj->program && adj->steps >= 0), comm, PETSC_ERR_SUP, "ADJ type %s has differentiated a given number of steps, which stand for no solution: leave out ADJSetSteps(), or take -adj_type implicit", ((PetscObject)adj)->type_name);
  PetscCheck(adj->w, comm, PETSC_ERR_SUP, "ADJ type %s keeps no adjoint: take -adj_type implicit", ((PetscObject)adj)->type_name);
  PetscCall(VecDuplicate(adj->w, &r));
  ierr = ADJComputeCorrection_Private(adj, r, &value);
  PetscCall(VecDestroy(&r));
  PetscCall(ierr);
  if (corrected) *corrected = adj->state->objective + value;
  if (correction) *correction = value;
  PetscFunctionReturn(PETSC_SUCCESS);
}
