/*
   The problem: the user's functions, the preconditioner matrix, the vector of the state.
*/
#include <contragrad/private/adjimpl.h>

/* What was found at the state with other functions no longer holds */
PetscErrorCode ADJForgetProducts_Private(ADJ adj)
{
  PetscFunctionBegin;
  adj->state->linearized  = PETSC_FALSE;
  adj->state->vjperror[0] = adj->state->vjperror[1] = -1.0;
  adj->contraction.id                               = 0;
  adj->norms.id = adj->norms.condid = 0;
  adj->nullvectors.id               = 0;
  adj->selections.id                = 0;
  PetscCall(PetscMemzero(&adj->state->differences, sizeof(adj->state->differences)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A product that comes or goes: the shells, and what is built on them, are made anew */
PetscErrorCode ADJForgetShells_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&adj->M));
  PetscCall(MatDestroy(&adj->MT));
  adj->lin_x = adj->lin_theta = NULL;
  adj->setupcalled            = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSetMap_Private(ADJ adj, ADJForm form, ADJMapFn *map, void *ctx)
{
  PetscFunctionBegin;
  PetscCheck(adj->form == form || !adj->r, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_WRONGSTATE, "A fixed point cannot become a residual, nor a residual a fixed point, after ADJSetUp(); call ADJReset() first");
  if (adj->map && (map != adj->map || ctx != adj->mapctx)) adj->state->id = 0; /* its solution is that of another problem */
  adj->form   = form;
  adj->map    = map;
  adj->mapctx = ctx;
  PetscCall(ADJForgetProducts_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetFixedPoint - Defines the state as the fixed point x = F(x, theta)

   Logically collective

   Input Parameters:
+  adj - the context
.  F   - computes y = F(x, theta)
-  ctx - context passed to `F`, may be `NULL`

   Calling sequence of `F`:
.vb
   PetscErrorCode F(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
.ve
+  x     - state, global length n; not to be changed
.  theta - parameters, global length m; not to be changed
.  y     - F(x, theta), of the layout of x
-  ctx   - the user's context

   Level: beginner

   Notes:
   The forward solver is a `SNES` on x - F(x, theta) = 0, by default the plain iteration x <- F(x, theta); another one
   is chosen by `-adj_forward_snes_type`. The derivative of the
   state is (I - dF/dx)^{-1} dF/dtheta, which asks for a contraction.

.seealso: `ADJSetResidual()`, `ADJSetVJP()`, `ADJSetJVP()`, `ADJSolve()`
@*/
PetscErrorCode ADJSetFixedPoint(ADJ adj, ADJMapFn *F, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetAdapter_Private(adj, NULL, NULL, NULL));
  PetscCall(ADJSetMap_Private(adj, ADJ_FIXED_POINT, F, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetResidual - Defines the state as the root of R(x, theta) = 0

   Logically collective

   Input Parameters:
+  adj - the context
.  R   - computes y = R(x, theta); calling sequence as in `ADJSetFixedPoint()`
-  ctx - context passed to `R`, may be `NULL`

   Level: beginner

   Notes:
   The forward solver is a `SNES`, by default a matrix-free Newton-Krylov method with the Jacobian-vector product of
   `ADJSetJVP()`, or with differences of R where none is given. The derivative of the state is
   -(dR/dx)^{-1} dR/dtheta. The products of `ADJSetVJP()` and `ADJSetJVP()` are those of R; the sign is put by the
   library.

.seealso: `ADJSetFixedPoint()`, `ADJSetVJP()`, `ADJSetJVP()`, `ADJSetPreconditioner()`, `ADJSolve()`
@*/
PetscErrorCode ADJSetResidual(ADJ adj, ADJMapFn *R, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetAdapter_Private(adj, NULL, NULL, NULL));
  PetscCall(ADJSetMap_Private(adj, ADJ_RESIDUAL, R, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetForm - Whether the state is a fixed point or a root

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  form - `ADJ_FIXED_POINT`, `ADJ_RESIDUAL`, or `ADJ_FORM_UNSET`

   Level: intermediate

.seealso: `ADJSetFixedPoint()`, `ADJSetResidual()`
@*/
PetscErrorCode ADJGetForm(ADJ adj, ADJForm *form)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *form = adj->form;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetMap - The function set with `ADJSetFixedPoint()` or `ADJSetResidual()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  map - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetFixedPoint()`, `ADJSetResidual()`, `ADJGetForm()`
@*/
PetscErrorCode ADJGetMap(ADJ adj, ADJMapFn **map, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (map) *map = adj->map;
  if (ctx) *ctx = adj->mapctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetVJP - Sets the vector-Jacobian products (the transposed Jacobians) of F or R

   Logically collective

   Input Parameters:
+  adj - the context
.  vjp - computes xbar = (dF/dx)^T w and thetabar = (dF/dtheta)^T w, at (x, theta)
-  ctx - context passed to `vjp`, may be `NULL`

   Calling sequence of `vjp`:
.vb
   PetscErrorCode vjp(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
.ve
+  x        - state, global length n; not to be changed
.  theta    - parameters, global length m; not to be changed
.  w        - cotangent of the value of F or R, global length n; not to be changed
.  xbar     - to be overwritten, global length n; `NULL` if not wanted
.  thetabar - to be overwritten, global length m; `NULL` if not wanted
-  ctx      - the user's context

   Level: beginner

   Notes:
   Needed for `ADJSolveAdjoint()`. The products are those of the function that was set, F or R.

   The function must depend on its arguments alone, never on which call came before; what is worth keeping between the
   products at one state (a tape, an assembled matrix) belongs into `ADJSetLinearize()`.

   With complex scalars the transpose is the Hermitian transpose.

.seealso: `ADJSetJVP()`, `ADJSetLinearize()`, `ADJTestVJP()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJSetVJP(ADJ adj, ADJVJPFn *vjp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->vjp != !vjp || adj->vjpcomposed) PetscCall(ADJForgetShells_Private(adj));
  PetscCall(ADJForgetProducts_Private(adj));
  adj->vjp         = vjp;
  adj->vjpctx      = ctx;
  adj->vjpcomposed = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetVJP - The function set with `ADJSetVJP()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  vjp - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetVJP()`
@*/
PetscErrorCode ADJGetVJP(ADJ adj, ADJVJPFn **vjp, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (vjp) *vjp = adj->vjpcomposed ? NULL : adj->vjp;
  if (ctx) *ctx = adj->vjpctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetJVP - Sets the Jacobian-vector product (the tangent) of F or R

   Logically collective

   Input Parameters:
+  adj - the context
.  jvp - computes ydot = dF/dx xdot + dF/dtheta thetadot at (x, theta)
-  ctx - context passed to `jvp`, may be `NULL`

   Calling sequence of `jvp`:
.vb
   PetscErrorCode jvp(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
.ve
+  x        - state, global length n; not to be changed
.  theta    - parameters, global length m; not to be changed
.  xdot     - direction in the state, global length n; `NULL` stands for zero
.  thetadot - direction in the parameters, global length m; `NULL` stands for zero
.  ydot     - to be overwritten, global length n
-  ctx      - the user's context

   Level: beginner

   Notes:
   Optional. Needed for `ADJSolveTangent()`; serves the forward Newton method, which else uses differences.
   It must depend on its arguments alone, as the function of `ADJSetVJP()`.

.seealso: `ADJSetVJP()`, `ADJSetLinearize()`, `ADJSolveTangent()`
@*/
PetscErrorCode ADJSetJVP(ADJ adj, ADJJVPFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->jvp != !jvp || adj->jvpcomposed) PetscCall(ADJForgetShells_Private(adj));
  PetscCall(ADJForgetProducts_Private(adj));
  adj->jvp         = jvp;
  adj->jvpctx      = ctx;
  adj->jvpcomposed = PETSC_FALSE;
  adj->thetajvp    = (PetscBool)(jvp != NULL); /* also before ADJSetUp(), for ADJTestVJP() */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetJVP - The function set with `ADJSetJVP()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  jvp - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetJVP()`
@*/
PetscErrorCode ADJGetJVP(ADJ adj, ADJJVPFn **jvp, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (jvp) *jvp = adj->jvpcomposed ? NULL : adj->jvp;
  if (ctx) *ctx = adj->jvpctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetLinearize - Sets a function that prepares the products at a new state

   Logically collective

   Input Parameters:
+  adj       - the context
.  linearize - called once at each new (x, theta), before any product there
-  ctx       - context passed to `linearize`, may be `NULL`

   Calling sequence of `linearize`:
.vb
   PetscErrorCode linearize(ADJ adj, Vec x, Vec theta, void *ctx)
.ve

   Level: intermediate

   Notes:
   Optional. The place to record a tape, to fill a cache, or to assemble the matrix given to `ADJSetPreconditioner()`.
   Several `ADJSolveAdjoint()` or `ADJSolveTangent()` after one `ADJSolve()` call it once, with types that take their
   products at the solution. Types that go along the iteration call it at each iterate. A forward Newton method calls it
   at each of its Jacobians.

.seealso: `ADJSetVJP()`, `ADJSetJVP()`, `ADJSetPreconditioner()`
@*/
PetscErrorCode ADJSetLinearize(ADJ adj, ADJLinearizeFn *linearize, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJForgetProducts_Private(adj));
  adj->linearize    = linearize;
  adj->linearizectx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetLinearize - The function set with `ADJSetLinearize()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  linearize - the function, or `NULL` to ignore
-  ctx       - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetLinearize()`
@*/
PetscErrorCode ADJGetLinearize(ADJ adj, ADJLinearizeFn **linearize, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (linearize) *linearize = adj->linearize;
  if (ctx) *ctx = adj->linearizectx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetPreconditioner - Gives an assembled approximation of M = I - dF/dx, or of M = dR/dx

   Collective

   Input Parameters:
+  adj - the context
-  P   - matrix of global size n x n, or `NULL` for none; it is referenced, not copied

   Level: intermediate

   Notes:
   The preconditioners of the forward Newton method and of the tangent solve are built on P, that of the adjoint solve
   on its transpose: P itself where it is known to be symmetric (Hermitian with complex scalars), else a copy that is
   transposed explicitly and kept up to date when P changes. `-adj_pc_type`, `-adj_forward_pc_type` and
   `-adj_tangent_pc_type` choose the methods. P may change between solves; the function of `ADJSetLinearize()` is the
   place to assemble it.

   The operators stay the user's products; multigrid smooths with P too, unless `-adj_pc_use_amat` (or its like with the
   other prefixes) says otherwise.

   Without P the solvers are matrix-free. For a preconditioner of your own take `ADJGetKSP()`, `KSPGetPC()` and
   `PCSHELL`: it must approximate the inverse of the transpose of M.

   Errors:
   `PETSC_ERR_SUP` at the first adjoint solve if P is of a type that cannot be transposed.

.seealso: `ADJSetLinearize()`, `ADJGetKSP()`, `ADJGetSNES()`
@*/
PetscErrorCode ADJSetPreconditioner(ADJ adj, Mat P)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (P) PetscValidHeaderSpecific(P, MAT_CLASSID, 2);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJAttachPreconditioner_Private(adj, P));
  adj->Pofjacobian = PETSC_FALSE;
  adj->setupcalled = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetPreconditioner - The matrix set with `ADJSetPreconditioner()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  P - the matrix (borrowed), `NULL` if there is none

   Level: intermediate

.seealso: `ADJSetPreconditioner()`
@*/
PetscErrorCode ADJGetPreconditioner(ADJ adj, Mat *P)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *P = adj->Pofjacobian ? NULL : adj->P;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetSolution - Sets the vector of the state

   Collective

   Input Parameters:
+  adj - the context
-  x   - global length n; initial guess, overwritten by the solution; it is referenced, not copied

   Level: intermediate

   Note:
   Needed before `ADJSetUp()` and `ADJComputeObjectiveAndGradient()`; `ADJSolve()` calls it.

   Errors:
   `PETSC_ERR_ARG_NOTSAMECOMM` if x lives on another communicator, `PETSC_ERR_ARG_SIZ` if its layout differs from that of the solves before.

.seealso: `ADJGetSolution()`, `ADJSolve()`, `ADJComputeObjectiveAndGradient()`
@*/
PetscErrorCode ADJSetSolution(ADJ adj, Vec x)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(x, VEC_CLASSID, 2);
  if (x == adj->sol) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckState_Private(adj, x));
  PetscCall(PetscObjectReference((PetscObject)x));
  PetscCall(VecDestroy(&adj->sol));
  adj->sol = x;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSolution - The vector of the state

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  x - the vector last given to `ADJSolve()` or `ADJSetSolution()` (borrowed), `NULL` if there is none

   Level: intermediate

   Note:
   Derivatives are taken at a copy of the solution: later changes of this vector do not affect them.

.seealso: `ADJSetSolution()`, `ADJSolve()`
@*/
PetscErrorCode ADJGetSolution(ADJ adj, Vec *x)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *x = adj->sol;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetSteps - Sets how many iterations the forward solve makes

   Logically collective

   Input Parameters:
+  adj   - the context
-  steps - K, 0 or more; `PETSC_DETERMINE` (default) ends the solve by its tolerances

   Options Database Key:
.  -adj_steps <K> - the number

   Level: intermediate

   Notes:
   The forward solve stops after K iterations with `SNES_CONVERGED_ITS`, unless it diverges before. That is the work of
   this library's convergence test: do not set another one, as by `-adj_forward_snes_convergence_test`.

   For `ADJUNROLLED` and `ADJREVERSIBLE` the K steps are the model, and the derivative is theirs. The other types are
   derivatives of the solution: where the residual after K iterations is not small they are refused.

   The next derivative wants a new `ADJSolve()`.

.seealso: `ADJGetSteps()`, `ADJUNROLLED`, `ADJREVERSIBLE`, `ADJGetSNES()`
@*/
PetscErrorCode ADJSetSteps(ADJ adj, PetscInt steps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, steps, 2);
  PetscCheck(steps >= 0 || steps == PETSC_DETERMINE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of steps must not be negative, it is %" PetscInt_FMT, steps);
  if (adj->steps != steps) adj->state->id = 0; /* other steps were made */
  adj->steps = steps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSteps - The number of `ADJSetSteps()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  steps - the number, `PETSC_DETERMINE` if the tolerances end the solve

   Level: intermediate

.seealso: `ADJSetSteps()`
@*/
PetscErrorCode ADJGetSteps(ADJ adj, PetscInt *steps)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *steps = adj->steps;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetKeepPreviousIterate - Whether the forward solve keeps its last but one iterate

   Logically collective

   Input Parameters:
+  adj  - the context
-  keep - `PETSC_TRUE` to keep it (two more vectors, one copy an iteration); default `PETSC_FALSE`

   Options Database Key:
.  -adj_keep_previous_iterate <bool> - keep it

   Level: advanced

.seealso: `ADJGetPreviousIterate()`
@*/
PetscErrorCode ADJSetKeepPreviousIterate(ADJ adj, PetscBool keep)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->keepprevious = keep;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetKeepPreviousIterate - Whether the forward solve keeps its last but one iterate

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  keep - whether it does

   Level: advanced

.seealso: `ADJSetKeepPreviousIterate()`
@*/
PetscErrorCode ADJGetKeepPreviousIterate(ADJ adj, PetscBool *keep)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *keep = adj->keepprevious;
  PetscFunctionReturn(PETSC_SUCCESS);
}
