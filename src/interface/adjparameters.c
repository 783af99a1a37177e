/*
   Parameters of an existing code: how they get to where the user's own functions read them, and products with the
   derivative of the map in them alone.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_LAST_PUT "ADJ_last_put"

/* Several ADJs on one borrowed solver put their parameters where the same functions read them: the solver knows whose stand there */
PetscErrorCode ADJParametersAreMine_Private(ADJ adj, PetscBool *mine)
{
  PetscContainer last;
  void          *whose = NULL;

  PetscFunctionBegin;
  *mine = PETSC_TRUE;
  if (!adj->borrowed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectQuery(adj->borrowed, ADJ_LAST_PUT, (PetscObject *)&last));
  if (last) PetscCall(PetscContainerGetPointer(last, &whose));
  *mine = (PetscBool)(whose == (void *)adj);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pointer is compared, never followed */
static PetscErrorCode ADJClaimParameters_Private(ADJ adj)
{
  PetscContainer last;

  PetscFunctionBegin;
  if (!adj->borrowed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectQuery(adj->borrowed, ADJ_LAST_PUT, (PetscObject *)&last));
  if (!last) {
    PetscCall(PetscContainerCreate(PetscObjectComm(adj->borrowed), &last));
    PetscCall(PetscObjectCompose(adj->borrowed, ADJ_LAST_PUT, (PetscObject)last));
    PetscCall(PetscObjectDereference((PetscObject)last));
  }
  PetscCall(PetscContainerSetPointer(last, adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each vector and each of its values. Called before every function of the user */
PetscErrorCode ADJPutParameters_Private(ADJ adj, Vec theta)
{
  PetscObjectId    id;
  PetscObjectState state;
  PetscBool        mine;

  PetscFunctionBegin;
  if (!adj->put) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectGetId((PetscObject)theta, &id));
  PetscCall(PetscObjectStateGet((PetscObject)theta, &state));
  PetscCall(ADJParametersAreMine_Private(adj, &mine));
  if (mine && id == adj->putid && state == adj->putstate) PetscFunctionReturn(PETSC_SUCCESS);
  adj->putid = 0;                                  /* if it fails */
  if (!mine) adj->state->linearized = PETSC_FALSE; /* the other one may also have moved the solver's matrices, or what their shells hold */
  PetscCall(ADJClaimParameters_Private(adj));
  PetscCallBack("ADJ parameters", (*adj->put)(adj, theta, adj->putctx));
  if (adj->adapter && adj->adapter->put) PetscCall((*adj->adapter->put)(adj));
  PetscCall(PetscObjectStateGet((PetscObject)theta, &adj->putstate)); /* asking for a part of a vector of vectors changes its state */
  adj->putid = id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetParameters - Sets a function that puts the parameters where the user's own functions read them

   Logically collective

   Input Parameters:
+  adj - the context
.  put - the function
-  ctx - context passed to `put`, may be `NULL`

   Calling sequence of `put`:
.vb
   PetscErrorCode put(ADJ adj, Vec theta, void *ctx)
.ve
+  theta - parameters, global length m; not to be changed
-  ctx   - the user's context

   Level: beginner

   Notes:
   For functions that do not take theta as an argument: the residual of a `SNES`, the matrix and right-hand side of a `KSP`, the
   gradient of a `Tao`, the right-hand side of a `TS`. `put` copies theta into the application's context, or assembles what
   depends on it. It is called before any of the user's functions is, whenever theta has changed; the checks of the verdict
   put slightly displaced parameters, and those of the solution back. It must depend on theta alone.

   Values of a vector of `ADJCreateParameterVec()` are read by `ADJParameterVecGetArrayRead()`.

.seealso: `ADJSetSNES()`, `ADJSetKSP()`, `ADJSetTaoSolution()`, `ADJSetTS()`, `ADJSetParameterVJP()`, `ADJCreateParameterVec()`
@*/
PetscErrorCode ADJSetParameters(ADJ adj, ADJParametersFn *put, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJForgetProducts_Private(adj));
  if (!adj->put != !put) PetscCall(ADJForgetShells_Private(adj));  /* a borrowed solver may take theta for something else */
  if (ctx != adj->addresses) PetscCall(PetscFree(adj->addresses)); /* of ADJSetParameterAddresses(), in whose place this is */
  adj->put    = put;
  adj->putctx = ctx;
  adj->putid  = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetParameters - The function set with `ADJSetParameters()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  put - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetParameters()`
@*/
PetscErrorCode ADJGetParameters(ADJ adj, ADJParametersFn **put, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (put) *put = adj->put;
  if (ctx) *ctx = adj->putctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetParameterVJP - Sets the product with the transposed derivative of F or R in the parameters alone

   Logically collective

   Input Parameters:
+  adj - the context
.  vjp - computes thetabar = (dF/dtheta)^T w, or (dR/dtheta)^T w, at (x, theta)
-  ctx - context passed to `vjp`, may be `NULL`

   Calling sequence of `vjp`:
.vb
   PetscErrorCode vjp(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
.ve
+  x        - state, global length n; not to be changed
.  theta    - parameters, global length m; not to be changed
.  w        - cotangent, global length n; not to be changed
.  thetabar - to be overwritten, global length m
-  ctx      - the user's context

   Level: beginner

   Notes:
   For problems whose Jacobian in x is a matrix: that of a borrowed solver, or that of `ADJSetJacobian()`. The sign is that of F or R.
   `ADJSetVJP()`, which gives both products, has priority. With complex scalars the transpose is the Hermitian transpose.

.seealso: `ADJSetParameterJacobian()`, `ADJSetVJP()`, `ADJSetFDColor()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetParameterVJP(ADJ adj, ADJParameterVJPFn *vjp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->parametervjp    = vjp;
  adj->parametervjpctx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetParameterVJP - The function set with `ADJSetParameterVJP()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  vjp - the function, or `NULL` to ignore
-  ctx - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetParameterVJP()`
@*/
PetscErrorCode ADJGetParameterVJP(ADJ adj, ADJParameterVJPFn **vjp, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (vjp) *vjp = adj->parametervjp;
  if (ctx) *ctx = adj->parametervjpctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetParameterJacobian - Gives the derivative of F or R in the parameters as a matrix

   Collective

   Input Parameters:
+  adj    - the context
.  B      - dF/dtheta or dR/dtheta, of global size n x m, or `NULL` for none; it is referenced, not copied
.  update - brings B to (x, theta), `NULL` if it is constant
-  ctx    - context passed to `update`, may be `NULL`

   Calling sequence of `update`:
.vb
   PetscErrorCode update(ADJ adj, Vec x, Vec theta, Mat B, void *ctx)
.ve

   Level: intermediate

   Notes:
   Serves the products of both directions: `ADJSolveAdjoint()` and `ADJSolveTangent()`. A shell matrix will do; it needs
   `MatMultTranspose()` for the one and `MatMult()` for the other. `ADJSetVJP()` and `ADJSetParameterVJP()` have priority.

.seealso: `ADJSetParameterVJP()`, `ADJSetJacobian()`
@*/
PetscErrorCode ADJSetParameterJacobian(ADJ adj, Mat B, ADJParameterJacobianFn *update, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (B) {
    PetscValidHeaderSpecific(B, MAT_CLASSID, 2);
    PetscCall(PetscObjectReference((PetscObject)B));
  }
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  PetscCall(MatDestroy(&adj->B));
  adj->B                  = B;
  adj->parameterupdate    = update;
  adj->parameterupdatectx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetParameterJacobian - What was given to `ADJSetParameterJacobian()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  B      - the matrix (borrowed), or `NULL` to ignore
.  update - the function, or `NULL` to ignore
-  ctx    - its context, or `NULL` to ignore

   Level: advanced

.seealso: `ADJSetParameterJacobian()`
@*/
PetscErrorCode ADJGetParameterJacobian(ADJ adj, Mat *B, ADJParameterJacobianFn **update, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (B) *B = adj->B;
  if (update) *update = adj->parameterupdate;
  if (ctx) *ctx = adj->parameterupdatectx;
  PetscFunctionReturn(PETSC_SUCCESS);
}
