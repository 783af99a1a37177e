/*
   Which derivatives are made by differences.
*/
#include <contragrad/private/adjimpl.h>

/*@
   ADJSetFDParameters - Whether the derivative in theta is made by differences of F or R, if nothing gives it

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - `PETSC_TRUE` to do so; default `PETSC_FALSE`

   Options Database Key:
.  -adj_vjp_fd_theta <bool> - whether to do so

   Level: beginner

   Notes:
   For a code that has the Jacobian in x, but no derivative in the parameters. How they are made, what they cost and how accurate
   they are is said at `ADJSetFDColor()`, which makes the Jacobian in x by differences too.

.seealso: `ADJGetFDParameters()`, `ADJSetFDColor()`, `ADJSetParameterVJP()`, `ADJSetParameterJacobian()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetFDParameters(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->fdparameters = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetFDParameters - Whether the derivative in theta is made by differences

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - `PETSC_TRUE` if it is

   Level: intermediate

.seealso: `ADJSetFDParameters()`
@*/
PetscErrorCode ADJGetFDParameters(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->fdparameters;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetFDColor - Whether derivatives that nobody gave are made by differences of F or R

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - `PETSC_TRUE` to do so; default `PETSC_FALSE`

   Options Database Key:
.  -adj_vjp_fd_color <bool> - whether to do so

   Level: beginner

   Notes:
   A first gradient of an existing code, with no derivative code at all:
.vb
   ADJCreate(PETSC_COMM_WORLD, &adj);
   ADJSetSNES(adj, snes);
   ADJSetParameters(adj, PutTheta, &user);
   ADJSetFDColor(adj, PETSC_TRUE);
   ADJSolve(adj, theta, x);
   ADJSolveAdjoint(adj, dldx, gradient);
.ve
   Everything that no function of the user makes is made by differences: products in x unless there is `ADJSetVJP()`, so that the matrix of
   `ADJSetJacobian()` or of a borrowed solver is not believed; products in theta unless there is `ADJSetVJP()`, `ADJSetParameterVJP()` or
   `ADJSetParameterJacobian()`. Tangents, too.

   In x, columns of the Jacobian that have no row in common, of one color, take two evaluations of F or R. Which entries it may have is told by
   the `DM` of `ADJSetDM()`, or of the borrowed solver; else by the matrix that preconditioners are built on. Without a `DMDA` the
   options of `MatColoring` apply, with the prefix `-adj_`. An entry outside of the pattern is not seen; the verdict refuses the derivative then.

   In theta it is two evaluations for each parameter, up to `ADJSetFDMaxColumns()` of them, in a vector of any type. A field of parameters on a
   `DMDA`, `ADJSetParameterDM()`, with the points of that of the state, distributed alike, takes two for each color: a residual is
   reached by the parameters within the wider of both stencils.

   The differences are central ones; their steps are relative to the size of each component. They are accurate to about 1e-8 of the derivative if F is
   computed to rounding; not if it solves inside of it to a tolerance. The price is told once, on the standard error stream, unless the trust level is
   none, and by `ADJView()`. The verdict judges such products as others.

   With complex scalars F must be complex differentiable, or have real parameters.

   Errors:
   `PETSC_ERR_ORDER` in `ADJSetUp()` if nothing tells the pattern; `PETSC_ERR_SUP` in the solves for too many parameters.

.seealso: `ADJGetFDColor()`, `ADJSetFDMaxColumns()`, `ADJSetDM()`, `ADJSetParameterDM()`, `ADJSetVJP()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJSetFDColor(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  PetscCall(ADJForgetProducts_Private(adj));
  PetscCall(ADJForgetShells_Private(adj));
  adj->fdcolor = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetFDColor - Whether derivatives that nobody gave are made by differences

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - `PETSC_TRUE` if they are

   Level: intermediate

.seealso: `ADJSetFDColor()`
@*/
PetscErrorCode ADJGetFDColor(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->fdcolor;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetFDMaxColumns - For how many parameters, at most, derivatives are made by differences one by one

   Logically collective

   Input Parameters:
+  adj - the context
-  m   - number of parameters, default 100

   Options Database Key:
.  -adj_vjp_fd_max_columns <100> - that number

   Level: intermediate

   Note:
   Each parameter costs two evaluations of F or R for each linearization, and a vector. Fields on the grid of the state take fewer, see
   `ADJSetFDColor()`, and have no limit.

.seealso: `ADJGetFDMaxColumns()`, `ADJSetFDColor()`, `ADJSetParameterVJP()`
@*/
PetscErrorCode ADJSetFDMaxColumns(ADJ adj, PetscInt m)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, m, 2);
  PetscCheck(m >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "A number of parameters cannot be %" PetscInt_FMT, m);
  adj->fdmaxcolumns = m;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetFDMaxColumns - The number set with `ADJSetFDMaxColumns()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  m - number of parameters

   Level: intermediate

.seealso: `ADJSetFDMaxColumns()`
@*/
PetscErrorCode ADJGetFDMaxColumns(ADJ adj, PetscInt *m)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *m = adj->fdmaxcolumns;
  PetscFunctionReturn(PETSC_SUCCESS);
}
