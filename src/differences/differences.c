/*
   Derivatives that nobody gave, from the map alone: the Jacobian in x by colors; that in theta by colors where theta is a field on
   the grid of the state, else by columns.
*/
#include "differences.h"

/* Whether nothing else makes products in theta */
static PetscBool ADJDifferencesInTheta_Private(ADJ adj)
{
  return (PetscBool)(!adj->parametervjp && !adj->B && !(adj->adapter && adj->adapter->parametervjp));
}

/* In theta: which, and how many pairs of evaluations; 0: neither will do */
static PetscErrorCode ADJDifferencesPlan_Private(ADJ adj, Vec theta, PetscBool *colors, PetscInt *m)
{
  PetscFunctionBegin;
  PetscCall(VecGetSize(theta, m));
  PetscCall(ADJDMDASameGrid_Private(adj->dm, adj->dmtheta, colors));
  if (!*colors && *m > adj->fdmaxcolumns) *m = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDifferencesField_Private(ADJ adj, ADJDifferences *d, Vec x, Vec theta)
{
  PetscInt   n, *row, *col;
  ISColoring coloring;

  PetscFunctionBegin;
  if (d->field) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCheckLayoutOfDM_Private(adj, adj->dmtheta, theta, "parameters", "ADJSetParameterDM()"));
  PetscCall(ADJDMDACouplings_Private(adj->dm, adj->dmtheta, &n, &row, &col, &coloring));
  PetscCall(ADJColoredCreate_Private(x, theta, n, row, col, coloring, NULL, &d->field));
  PetscCall(ISColoringDestroy(&coloring));
  PetscCall(PetscFree2(row, col));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDifferencesRefuse_Private(ADJ adj, Vec theta)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)adj);
  PetscInt m;

  PetscFunctionBegin;
  PetscCall(VecGetSize(theta, &m));
  PetscCheck(!adj->dmtheta || !adj->dm, comm, PETSC_ERR_SUP, "Differences in %" PetscInt_FMT " parameters want them on a DMDA with the points of that of the state, distributed alike, and these are not: give the derivative with ADJSetParameterVJP() or ADJSetParameterJacobian()", m);
  SETERRQ(comm, PETSC_ERR_SUP, "Differences in %" PetscInt_FMT " parameters, one by one, are more than the %" PetscInt_FMT " of -adj_vjp_fd_max_columns: give the derivative with ADJSetParameterVJP() or ADJSetParameterJacobian(); or, if they are a field on the grid of the state, both DMDAs with ADJSetDM() and ADJSetParameterDM()", m, adj->fdmaxcolumns);
}

/* What products in theta need, once at each point of linearization. `*ready` is false, instead of an error, where there are too many parameters */
static PetscErrorCode ADJDifferencesUpdateTheta_Private(ADJ adj, PetscBool *ready)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  Vec             x = adj->lin_x, theta = adj->lin_theta;
  PetscBool       colors;
  PetscInt        m;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesPlan_Private(adj, theta, &colors, &m));
  *ready = (PetscBool)(m > 0);
  if (!*ready || d->at == adj->linearizations) PetscFunctionReturn(PETSC_SUCCESS);
  d->at = 0; /* if it fails */
  if (colors) {
    PetscCall(ADJDifferencesField_Private(adj, d, x, theta));
    PetscCall(ADJColoredUpdate_Private(adj, d->field, PETSC_FALSE, x, theta));
  } else {
    if (!d->columns) PetscCall(ADJColumnsCreate_Private(x, theta, &d->columns));
    PetscCall(ADJColumnsUpdate_Private(adj, d->columns, x, theta));
  }
  d->at = adj->linearizations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (F(x, theta + h d) - F(x, theta - h d))/2h along one direction: all that is left where there are many parameters */
static PetscErrorCode ADJDifferenceAlong_Private(ADJ adj, ADJDifferences *d, Vec thetadot, Vec y)
{
  Vec       theta = adj->lin_theta;
  PetscReal tnorm, dnorm, h;

  PetscFunctionBegin;
  PetscCall(VecNorm(thetadot, NORM_2, &dnorm));
  PetscCall(VecNorm(theta, NORM_2, &tnorm));
  if (dnorm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!d->shifted) PetscCall(VecDuplicate(theta, &d->shifted));
  if (!d->lower) PetscCall(VecDuplicate(y, &d->lower));
  h = ADJ_DIFFERENCES_STEP * (tnorm > 0.0 ? tnorm : 1.0) / dnorm;
  PetscCall(VecWAXPY(d->shifted, h, thetadot, theta));
  PetscCall(ADJComputeMap_Private(adj, adj->lin_x, d->shifted, y));
  PetscCall(VecWAXPY(d->shifted, -h, thetadot, theta));
  PetscCall(ADJComputeMap_Private(adj, adj->lin_x, d->shifted, d->lower));
  PetscCall(VecAXPY(y, -1.0, d->lower));
  PetscCall(VecScale(y, 0.5 / h));
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesParameterJVP_Private(ADJ adj, Vec thetadot, Vec y)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  PetscBool       ready;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesUpdateTheta_Private(adj, &ready));
  if (!ready)
    PetscCall(ADJDifferenceAlong_Private(adj, d, thetadot, y));
  else if (d->field)
    PetscCall(MatMult(d->field->J, thetadot, y));
  else
    PetscCall(ADJColumnsMult_Private(d->columns, thetadot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesParameterVJP_Private(ADJ adj, Vec w, Vec thetabar)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  PetscBool       ready;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesUpdateTheta_Private(adj, &ready));
  if (!ready)
    PetscCall(ADJDifferencesRefuse_Private(adj, adj->lin_theta));
  else if (d->field)
    PetscCall(MatMultHermitianTranspose(d->field->J, w, thetabar));
  else
    PetscCall(ADJColumnsMultTranspose_Private(d->columns, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What one linearization costs */
static PetscErrorCode ADJDifferencesPrice_Private(ADJ adj, Vec theta, size_t len, char text[])
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  PetscBool       colors;
  PetscInt        m      = 0;
  char            in[64] = "";

  PetscFunctionBegin;
  if (ADJDifferencesInTheta_Private(adj)) {
    PetscCall(ADJDifferencesPlan_Private(adj, theta, &colors, &m));
    if (colors) {
      PetscCall(ADJDifferencesField_Private(adj, d, adj->sol, theta));
      m = d->field->ncolors;
    }
    if (m) PetscCall(PetscSNPrintf(in, sizeof(in), ", %" PetscInt_FMT " %s in theta", m, colors ? "colors" : "columns"));
  }
  PetscCall(PetscSNPrintf(text, len, "%" PetscInt_FMT " evaluations for each linearization (%" PetscInt_FMT " colors in x%s), accurate to about %.0e", 2 * (d->x->ncolors + m), d->x->ncolors, in, (double)ADJ_DIFFERENCES_ACCURACY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesView_Private(ADJ adj, PetscViewer viewer)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  char            text[256];

  PetscFunctionBegin;
  if (!d || !d->x || !adj->state->theta) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJDifferencesPrice_Private(adj, adj->state->theta, sizeof(text), text));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  derivatives by differences: %s\n", text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each set-up, unless the user asked for no advice at all */
static PetscErrorCode ADJDifferencesTell_Private(ADJ adj, ADJDifferences *d, Vec theta)
{
  char text[256];

  PetscFunctionBegin;
  if (d->told || adj->trustlevel == ADJ_TRUST_LEVEL_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJDifferencesPrice_Private(adj, theta, sizeof(text), text));
  PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)adj), PETSC_STDERR, "ADJ: derivatives by differences: %s; give ADJSetVJP() for speed\n", text));
  d->told = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The function of adj->fdjacobian */
static PetscErrorCode ADJUpdateDifferences_Private(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx)
{
  ADJDifferences *d = (ADJDifferences *)ctx;
  PetscInt        n, *row, *col;
  ISColoring      coloring;

  (void)P;
  PetscFunctionBegin;
  if (!d->x) {
    PetscCall(ADJPatternCreate_Private(adj, &n, &row, &col, &coloring));
    PetscCall(ADJColoredCreate_Private(adj->r, adj->r, n, row, col, coloring, A, &d->x));
    PetscCall(ISColoringDestroy(&coloring));
    PetscCall(PetscFree2(row, col));
  }
  PetscCall(ADJDifferencesTell_Private(adj, d, theta));
  PetscCall(ADJColoredUpdate_Private(adj, d->x, PETSC_TRUE, x, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills adj->fdjacobian; the matrix has no entries before the first linearization, which may know more about them */
PetscErrorCode ADJDifferencesSetUp_Private(ADJ adj)
{
  ADJDifferences *d;
  PetscInt        n, N, bs;

  PetscFunctionBegin;
  if (adj->differences) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPatternCheck_Private(adj));
  PetscCall(PetscNew(&d));
  adj->differences = d;
  PetscCall(VecGetLocalSize(adj->sol, &n));
  PetscCall(VecGetSize(adj->sol, &N));
  PetscCall(VecGetBlockSize(adj->sol, &bs));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)adj), &adj->fdjacobian.A));
  PetscCall(MatSetSizes(adj->fdjacobian.A, n, n, N, N));
  PetscCall(MatSetBlockSize(adj->fdjacobian.A, bs));
  PetscCall(MatSetType(adj->fdjacobian.A, MATAIJ));
  PetscCall(PetscObjectReference((PetscObject)adj->fdjacobian.A));
  adj->fdjacobian.P      = adj->fdjacobian.A;
  adj->fdjacobian.update = ADJUpdateDifferences_Private;
  adj->fdjacobian.ctx    = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesReset_Private(ADJ adj)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&adj->fdjacobian.A));
  PetscCall(MatDestroy(&adj->fdjacobian.P));
  adj->fdjacobian.update = NULL;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJColoredDestroy_Private(&d->x));
  PetscCall(ADJColoredDestroy_Private(&d->field));
  PetscCall(ADJColumnsDestroy_Private(&d->columns));
  PetscCall(VecDestroy(&d->shifted));
  PetscCall(VecDestroy(&d->lower));
  PetscCall(PetscFree(adj->differences));
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
