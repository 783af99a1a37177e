/*
   Derivatives that nobody gave, from the map alone: the Jacobian in x by coloring, that in theta by columns.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_DIFFERENCES_STEP 6e-6 /* eps^{1/3}, of central differences */

typedef struct {
  MatFDColoring coloring;
  PetscInt      ncolumns; /* of dR/dtheta, at a point of linearization */
  Vec          *columns;
  PetscInt      at;      /* its number; 0: none yet */
  Vec           shifted; /* parameters */
} ADJDifferences;

/* For MatFDColoring: of dR/dx, or dF/dx */
static PetscErrorCode ADJColoringFunction_Private(void *dummy, Vec x, Vec y, void *ctx)
{
  ADJ adj = (ADJ)ctx;

  (void)dummy;
  PetscFunctionBegin;
  PetscCall(ADJComputeMap_Private(adj, x, adj->lin_theta, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJUpdateColoring_Private(ADJ adj, Vec x, Vec theta, Mat A, Mat P, void *ctx)
{
  (void)theta;
  (void)P;
  PetscFunctionBegin;
  PetscCall(MatFDColoringApply(A, ((ADJDifferences *)ctx)->coloring, x, adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills adj->fdjacobian, unless a borrowed solver has its own products in x and no pattern is known */
PetscErrorCode ADJDifferencesSetUp_Private(ADJ adj)
{
  ADJDifferences *d;
  ISColoring      iscoloring;

  PetscFunctionBegin;
  if (adj->differences) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(adj->dm || (adj->adapter && adj->adapter->ownjacobian), PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "The pattern of the Jacobian is not known: call ADJSetDM()");
  PetscCall(PetscNew(&d));
  adj->differences = d;
  if (!adj->dm) PetscFunctionReturn(PETSC_SUCCESS); /* in theta alone */
  PetscCall(DMCreateMatrix(adj->dm, &adj->fdjacobian.A));
  PetscCall(DMCreateColoring(adj->dm, IS_COLORING_GLOBAL, &iscoloring));
  PetscCall(MatFDColoringCreate(adj->fdjacobian.A, iscoloring, &d->coloring));
  PetscCall(MatFDColoringSetFunction(d->coloring, (PetscErrorCode(*)(void))ADJColoringFunction_Private, adj));
  PetscCall(MatFDColoringSetUp(adj->fdjacobian.A, iscoloring, d->coloring));
  PetscCall(ISColoringDestroy(&iscoloring));
  PetscCall(PetscObjectReference((PetscObject)adj->fdjacobian.A));
  adj->fdjacobian.P      = adj->fdjacobian.A;
  adj->fdjacobian.update = ADJUpdateColoring_Private;
  adj->fdjacobian.ctx    = d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesReset_Private(ADJ adj)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;

  PetscFunctionBegin;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatFDColoringDestroy(&d->coloring));
  PetscCall(VecDestroyVecs(d->ncolumns, &d->columns));
  PetscCall(VecDestroy(&d->shifted));
  PetscCall(PetscFree(adj->differences));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (R(x, theta + h d) - R(x, theta - h d))/2h, x and theta where the Jacobian was linearized */
PetscErrorCode ADJDifferencesParameterJVP_Private(ADJ adj, Vec thetadot, Vec y)
{
  Vec       theta = adj->lin_theta, shifted, lower;
  PetscReal tnorm, dnorm, h;

  PetscFunctionBegin;
  PetscCall(VecNorm(thetadot, NORM_2, &dnorm));
  if (dnorm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecNorm(theta, NORM_2, &tnorm));
  h = ADJ_DIFFERENCES_STEP * (tnorm > 0.0 ? tnorm : 1.0) / dnorm;
  PetscCall(VecDuplicate(theta, &shifted));
  PetscCall(VecDuplicate(y, &lower));
  PetscCall(VecWAXPY(shifted, h, thetadot, theta));
  PetscCall(ADJComputeMap_Private(adj, adj->lin_x, shifted, y));
  PetscCall(VecWAXPY(shifted, -h, thetadot, theta));
  PetscCall(ADJComputeMap_Private(adj, adj->lin_x, shifted, lower));
  PetscCall(VecAXPY(y, -1.0, lower));
  PetscCall(VecScale(y, 0.5 / h));
  PetscCall(VecDestroy(&shifted));
  PetscCall(VecDestroy(&lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The columns, once at each point of linearization */
static PetscErrorCode ADJUpdateColumns_Private(ADJ adj, ADJDifferences *d)
{
  PetscInt m, lo, hi;

  PetscFunctionBegin;
  if (d->at == adj->linearizations) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(adj->lin_theta, &m));
  if (!d->columns) {
    PetscCall(VecDuplicateVecs(adj->lin_x, m, &d->columns));
    PetscCall(VecDuplicate(adj->lin_theta, &d->shifted));
    d->ncolumns = m;
  }
  PetscCall(VecGetOwnershipRange(d->shifted, &lo, &hi));
  for (PetscInt j = 0; j < m; j++) {
    PetscCall(VecSet(d->shifted, 0.0));
    if (lo <= j && j < hi) PetscCall(VecSetValue(d->shifted, j, 1.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(d->shifted));
    PetscCall(VecAssemblyEnd(d->shifted));
    PetscCall(ADJDifferencesParameterJVP_Private(adj, d->shifted, d->columns[j]));
  }
  d->at = adj->linearizations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar_j = <column j, w> */
PetscErrorCode ADJDifferencesParameterVJP_Private(ADJ adj, Vec w, Vec thetabar)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  PetscInt        lo, hi;
  PetscScalar    *dots;

  PetscFunctionBegin;
  PetscCall(ADJUpdateColumns_Private(adj, d));
  PetscCall(PetscMalloc1(d->ncolumns, &dots));
  PetscCall(VecMDot(w, d->ncolumns, d->columns, dots));
  PetscCall(VecGetOwnershipRange(thetabar, &lo, &hi));
  for (PetscInt j = lo; j < hi; j++) PetscCall(VecSetValue(thetabar, j, dots[j], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscCall(PetscFree(dots));
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
   The Jacobian in x is made by coloring on the pattern of the matrix of `ADJSetDM()`, that in theta by columns, two evaluations for each of few parameters.

.seealso: `ADJGetFDColor()`, `ADJSetDM()`, `ADJSetVJP()`, `ADJSetSNES()`
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
