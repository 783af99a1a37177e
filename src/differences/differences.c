/*
   Derivatives that nobody gave, from the map alone: the Jacobian in x by colors; that in theta by colors where theta is a field on
   the grid of the state, else by columns.
*/
#include "differences.h"

/* Whether nothing else makes products in theta */
static PetscBool ADJDifferencesInTheta_Private(ADJ adj)
{
  return (PetscBool)(!adj->parametervjp && !adj->B && !(adj->adapter && adj->adapter->parametervjp && !adj->adapter->vjp));
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

/* What one linearization costs; empty if it costs nothing */
static PetscErrorCode ADJDifferencesPrice_Private(ADJ adj, Vec theta, size_t len, char text[])
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  PetscBool       colors;
  PetscInt        n = d->x ? d->x->ncolors : 0, m = 0;
  char            inx[64] = "", intheta[64] = "";

  PetscFunctionBegin;
  if (ADJDifferencesInTheta_Private(adj)) {
    PetscCall(ADJDifferencesPlan_Private(adj, theta, &colors, &m));
    if (colors) {
      PetscCall(ADJDifferencesField_Private(adj, d, adj->sol, theta));
      m = d->field->ncolors;
    }
    if (m) PetscCall(PetscSNPrintf(intheta, sizeof(intheta), "%s%" PetscInt_FMT " %s in theta", n ? ", " : "", m, colors ? "colors" : "columns"));
  }
  text[0] = '\0';
  if (!(n + m)) PetscFunctionReturn(PETSC_SUCCESS);
  if (n) PetscCall(PetscSNPrintf(inx, sizeof(inx), "%" PetscInt_FMT " colors in x", n));
  PetscCall(PetscSNPrintf(text, len, "%" PetscInt_FMT " evaluations for each linearization (%s%s), accurate to about %.0e", 2 * (n + m), inx, intheta, (double)ADJ_DIFFERENCES_ACCURACY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each set-up, unless the user asked for no advice at all */
static PetscErrorCode ADJDifferencesTell_Private(ADJ adj, ADJDifferences *d, Vec theta)
{
  char text[256];

  PetscFunctionBegin;
  if (d->told || adj->trustlevel == ADJ_TRUST_LEVEL_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJDifferencesPrice_Private(adj, theta, sizeof(text), text));
  if (!text[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFPrintf(PetscObjectComm((PetscObject)adj), PETSC_STDERR, "ADJ: derivatives by differences: %s; give ADJSetVJP() for speed\n", text));
  d->told = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDifferencesGet_Private(ADJ adj, ADJDifferences **d)
{
  PetscFunctionBegin;
  if (!adj->differences) {
    PetscCall(PetscNew(d));
    adj->differences = *d;
  }
  *d = (ADJDifferences *)adj->differences;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What products in theta need, once at each point of linearization. `*ready` is false, instead of an error, where there are too many parameters */
static PetscErrorCode ADJDifferencesUpdateTheta_Private(ADJ adj, ADJDifferences *d, PetscBool *ready)
{
  Vec       x = adj->lin_x, theta = adj->lin_theta;
  PetscBool colors;
  PetscInt  m;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesPlan_Private(adj, theta, &colors, &m));
  *ready = (PetscBool)(m > 0);
  if (*ready) PetscCall(ADJDifferencesTell_Private(adj, d, theta));
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

/* y = (F(v + h d) - F(v - h d))/2h along one direction, v = x or theta: all that is left where there are many */
static PetscErrorCode ADJDifferenceAlong_Private(ADJ adj, PetscBool inx, Vec direction, Vec y)
{
  ADJDifferences *d;
  Vec             x = adj->lin_x, theta = adj->lin_theta, v = inx ? x : theta, *shifted;
  PetscReal       vnorm, dnorm, h;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesGet_Private(adj, &d));
  PetscCall(VecNorm(direction, NORM_2, &dnorm));
  PetscCall(VecNorm(v, NORM_2, &vnorm));
  if (dnorm == 0.0) {
    PetscCall(VecSet(y, 0.0));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  shifted = &d->shifted[!inx];
  if (!*shifted) PetscCall(VecDuplicate(v, shifted));
  if (!d->lower) PetscCall(VecDuplicate(y, &d->lower));
  h = ADJ_DIFFERENCES_STEP * (vnorm > 0.0 ? vnorm : 1.0) / dnorm;
  PetscCall(VecWAXPY(*shifted, h, direction, v));
  PetscCall(ADJComputeMap_Private(adj, inx ? *shifted : x, inx ? theta : *shifted, y));
  PetscCall(VecWAXPY(*shifted, -h, direction, v));
  PetscCall(ADJComputeMap_Private(adj, inx ? *shifted : x, inx ? theta : *shifted, d->lower));
  PetscCall(VecAXPY(y, -1.0, d->lower));
  PetscCall(VecScale(y, 0.5 / h));
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where there is neither a matrix nor a product in x */
PetscErrorCode ADJDifferencesStateJVP_Private(ADJ adj, Vec xdot, Vec y)
{
  PetscFunctionBegin;
  PetscCall(ADJDifferenceAlong_Private(adj, PETSC_TRUE, xdot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesParameterJVP_Private(ADJ adj, Vec thetadot, Vec y)
{
  ADJDifferences *d;
  PetscBool       ready;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesGet_Private(adj, &d));
  PetscCall(ADJDifferencesUpdateTheta_Private(adj, d, &ready));
  if (!ready)
    PetscCall(ADJDifferenceAlong_Private(adj, PETSC_FALSE, thetadot, y));
  else if (d->field)
    PetscCall(MatMult(d->field->J, thetadot, y));
  else
    PetscCall(ADJColumnsMult_Private(d->columns, thetadot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesParameterVJP_Private(ADJ adj, Vec w, Vec thetabar)
{
  ADJDifferences *d;
  PetscBool       ready;

  PetscFunctionBegin;
  PetscCall(ADJDifferencesGet_Private(adj, &d));
  PetscCall(ADJDifferencesUpdateTheta_Private(adj, d, &ready));
  if (!ready)
    PetscCall(ADJDifferencesRefuse_Private(adj, adj->lin_theta));
  else if (d->field)
    PetscCall(MatMultHermitianTranspose(d->field->J, w, thetabar));
  else
    PetscCall(ADJColumnsMultTranspose_Private(d->columns, w, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJDifferencesView_Private(ADJ adj, PetscViewer viewer)
{
  ADJDifferences *d = (ADJDifferences *)adj->differences;
  char            text[256];

  PetscFunctionBegin;
  if (!d || !adj->state->theta) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJDifferencesPrice_Private(adj, adj->state->theta, sizeof(text), text));
  if (text[0]) PetscCall(PetscViewerASCIIPrintf(viewer, "  derivatives by differences: %s\n", text));
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
  if (adj->fdjacobian.A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPatternCheck_Private(adj));
  PetscCall(ADJDifferencesGet_Private(adj, &d));
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
  PetscCall(VecDestroy(&d->shifted[0]));
  PetscCall(VecDestroy(&d->shifted[1]));
  PetscCall(VecDestroy(&d->lower));
  PetscCall(PetscFree(adj->differences));
  PetscFunctionReturn(PETSC_SUCCESS);
}
