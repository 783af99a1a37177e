/*
   The Jacobian in a few parameters, a pair of evaluations for each. The parameters may be of very different size, and may lie in
   vectors of vectors; all of their values are on every process.
*/
#include "differences.h"

#define ADJ_COLUMN_SMALL  1e-3 /* of the largest parameter: below, its size alone does not tell how far to go */
#define ADJ_COLUMN_GROWTH 1e3
#define ADJ_COLUMN_BEND   1e-9

/* at[] = the values of v on this process, zero for others. Where v is nested the parts are one behind the other */
static PetscErrorCode ADJPartsGet_Private(Vec v, PetscScalar **at)
{
  PetscBool nest;
  PetscInt  n, lo, hi;
  Vec      *part;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) {
    PetscCall(VecNestGetSubVecs(v, &n, &part));
    for (PetscInt i = 0; i < n; i++) PetscCall(ADJPartsGet_Private(part[i], at));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = 0; i < n; i++) (*at)[i] = 0.0;
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecGetValues(v, 1, &i, &(*at)[i]));
  *at += n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPartsSet_Private(const PetscScalar **at, Vec v)
{
  PetscBool nest;
  PetscInt  n, lo, hi;
  Vec      *part;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) {
    PetscCall(VecNestGetSubVecs(v, &n, &part));
    for (PetscInt i = 0; i < n; i++) PetscCall(ADJPartsSet_Private(at, part[i]));
    PetscCall(PetscObjectStateIncrease((PetscObject)v)); /* that of a part does not tell */
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, (*at)[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  *at += n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJValuesGet_Private(Vec v, PetscInt m, PetscScalar values[])
{
  PetscScalar *at = values;
  PetscMPIInt  count;

  PetscFunctionBegin;
  PetscCall(PetscMPIIntCast(m, &count));
  PetscCall(ADJPartsGet_Private(v, &at));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, values, count, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)v)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJValuesSet_Private(const PetscScalar values[], Vec v)
{
  const PetscScalar *at = values;

  PetscFunctionBegin;
  PetscCall(ADJPartsSet_Private(&at, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJColumnsCreate_Private(Vec value, Vec theta, ADJColumns **newc)
{
  ADJColumns *c;

  PetscFunctionBegin;
  PetscCall(PetscNew(&c));
  *newc = c;
  PetscCall(VecGetSize(theta, &c->m));
  PetscCall(PetscMalloc2(c->m, &c->theta, c->m, &c->work));
  PetscCall(VecDuplicateVecs(value, PetscMax(c->m, 1), &c->column));
  PetscCall(VecDuplicate(theta, &c->shifted));
  PetscCall(VecDuplicate(value, &c->upper));
  PetscCall(VecDuplicate(value, &c->lower));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJColumnsDestroy_Private(ADJColumns **c)
{
  PetscFunctionBegin;
  if (!*c) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree2((*c)->theta, (*c)->work));
  PetscCall(VecDestroyVecs(PetscMax((*c)->m, 1), &(*c)->column));
  PetscCall(VecDestroy(&(*c)->shifted));
  PetscCall(VecDestroy(&(*c)->upper));
  PetscCall(VecDestroy(&(*c)->lower));
  PetscCall(VecDestroy(&(*c)->base));
  PetscCall(VecDestroy(&(*c)->trial));
  PetscCall(PetscFree(*c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c->upper, c->lower = F at theta_j +- h */
static PetscErrorCode ADJColumnSides_Private(ADJ adj, ADJColumns *c, Vec x, PetscInt j, PetscReal h)
{
  const PetscScalar value = c->theta[j];

  PetscFunctionBegin;
  c->theta[j] = value + h;
  PetscCall(ADJValuesSet_Private(c->theta, c->shifted));
  PetscCall(ADJComputeMap_Private(adj, x, c->shifted, c->upper));
  c->theta[j] = value - h;
  PetscCall(ADJValuesSet_Private(c->theta, c->shifted));
  PetscCall(ADJComputeMap_Private(adj, x, c->shifted, c->lower));
  c->theta[j] = value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |F(+h) - 2 F(0) + F(-h)|/|F(+h) - F(-h)|: it grows with the step where the map is curved, and falls with it where rounding rules */
static PetscErrorCode ADJColumnBend_Private(ADJ adj, ADJColumns *c, Vec x, Vec theta, PetscBool first, PetscReal *bend)
{
  PetscReal rise;
  Vec       work;

  PetscFunctionBegin;
  if (!c->base) {
    PetscCall(VecDuplicate(c->upper, &c->base));
    PetscCall(VecDuplicate(c->upper, &c->trial));
  }
  work = c->trial;
  if (first) PetscCall(ADJComputeMap_Private(adj, x, theta, c->base));
  PetscCall(VecWAXPY(work, -1.0, c->lower, c->upper));
  PetscCall(VecNorm(work, NORM_2, &rise));
  PetscCall(VecWAXPY(work, -2.0, c->base, c->upper));
  PetscCall(VecAXPY(work, 1.0, c->lower));
  PetscCall(VecNorm(work, NORM_2, bend));
  if (rise > 0.0) *bend /= rise;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps from h to no more than `limit`, each longer than the last, as long as the map gets straighter */
static PetscErrorCode ADJColumnSearch_Private(ADJ adj, ADJColumns *c, Vec x, Vec theta, PetscInt j, PetscReal h, PetscReal limit)
{
  PetscReal bend, best = PETSC_MAX_REAL;

  PetscFunctionBegin;
  for (PetscInt i = 0;; i++, h = PetscMin(ADJ_COLUMN_GROWTH * h, limit)) {
    PetscCall(ADJColumnSides_Private(adj, c, x, j, h));
    PetscCall(ADJColumnBend_Private(adj, c, x, theta, (PetscBool)(i == 0), &bend));
    if (i > 0 && !(bend < best)) break;
    best = bend;
    PetscCall(VecWAXPY(c->column[j], -1.0, c->lower, c->upper));
    PetscCall(VecScale(c->column[j], 0.5 / h));
    if (!(bend > ADJ_COLUMN_BEND) || h >= limit) break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column j = dF/dtheta_j at (x, theta) */
static PetscErrorCode ADJColumnUpdate_Private(ADJ adj, ADJColumns *c, Vec x, Vec theta, PetscInt j, PetscReal least, PetscReal largest)
{
  const PetscReal size = PetscAbsScalar(c->theta[j]), h = ADJ_DIFFERENCES_STEP * (size > 0.0 ? size : least);

  PetscFunctionBegin;
  if ((size > 0.0 ? size : least) < ADJ_COLUMN_SMALL * largest) {
    PetscCall(ADJColumnSearch_Private(adj, c, x, theta, j, h, ADJ_DIFFERENCES_STEP * largest));
  } else {
    PetscCall(ADJColumnSides_Private(adj, c, x, j, h));
    PetscCall(VecWAXPY(c->column[j], -1.0, c->lower, c->upper));
    PetscCall(VecScale(c->column[j], 0.5 / h));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJColumnsUpdate_Private(ADJ adj, ADJColumns *c, Vec x, Vec theta)
{
  PetscReal least = 1.0, largest = 0.0;

  PetscFunctionBegin;
  PetscCall(ADJValuesGet_Private(theta, c->m, c->theta));
  for (PetscInt j = 0; j < c->m; j++) {
    const PetscReal size = PetscAbsScalar(c->theta[j]);

    if (size > 0.0) least = PetscMin(least, size);
    largest = PetscMax(largest, size);
  }
  for (PetscInt j = 0; j < c->m; j++) PetscCall(ADJColumnUpdate_Private(adj, c, x, theta, j, least, largest));
  PetscCall(ADJPutParameters_Private(adj, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar_j = <column j, w> */
PetscErrorCode ADJColumnsMultTranspose_Private(ADJColumns *c, Vec w, Vec thetabar)
{
  PetscFunctionBegin;
  PetscCall(VecMDot(w, c->m, c->column, c->work));
  PetscCall(ADJValuesSet_Private(c->work, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = sum_j thetadot_j column j */
PetscErrorCode ADJColumnsMult_Private(ADJColumns *c, Vec thetadot, Vec y)
{
  PetscFunctionBegin;
  PetscCall(ADJValuesGet_Private(thetadot, c->m, c->work));
  PetscCall(VecSet(y, 0.0));
  PetscCall(VecMAXPY(y, c->m, c->work, c->column));
  PetscFunctionReturn(PETSC_SUCCESS);
}
