/*
   A small inverse problem, slow enough to be interrupted: the source theta of

       -c (u_xx + u_yy) + u + u^3 = theta   on a grid of the unit square, u = 0 outside,

   from its state, least h^2/2 |u - d|^2 + a h^2/2 |theta|^2, where d is the state of another source. The problem is ill-conditioned as the
   Laplacian squared over a. State and parameters live on a DMDA, whose order of entries depends on the processes.
*/
#ifndef CONTRAGRAD_INVERSION_H
#define CONTRAGRAD_INVERSION_H

#include <contragrad.h>
#include "tap.h"

typedef struct {
  PetscInt  M, N; /* of the grid */
  PetscReal c, a;
  DM        dm;
  Mat       A, J; /* -c Laplacian; A + 1 + 3 u^2 */
  Vec       d, work, theta, x;
  ADJ       adj;
} Inversion;

static inline PetscErrorCode InversionResidual(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Inversion *p = (Inversion *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(p->work, x, x));
  PetscCall(VecShift(p->work, 1.0));
  PetscCall(VecPointwiseMult(p->work, p->work, x));
  PetscCall(MatMultAdd(p->A, x, p->work, y));
  PetscCall(VecAXPY(y, -1.0, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode InversionLinearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Inversion *p = (Inversion *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(p->work, x, x));
  PetscCall(VecScale(p->work, 3.0));
  PetscCall(VecShift(p->work, 1.0));
  PetscCall(MatCopy(p->A, p->J, SAME_NONZERO_PATTERN));
  PetscCall(MatDiagonalSet(p->J, p->work, ADD_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* J is symmetric, and dR/dtheta = -1 */
static inline PetscErrorCode InversionVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Inversion *p = (Inversion *)ctx;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(MatMult(p->J, w, xbar));
  if (thetabar) {
    PetscCall(VecCopy(w, thetabar));
    PetscCall(VecScale(thetabar, -1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode InversionJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Inversion *p = (Inversion *)ctx;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  if (xdot)
    PetscCall(MatMult(p->J, xdot, ydot));
  else
    PetscCall(VecSet(ydot, 0.0));
  if (thetadot) PetscCall(VecAXPY(ydot, -1.0, thetadot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode InversionObjective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Inversion      *p  = (Inversion *)ctx;
  const PetscReal h2 = 1.0 / (PetscReal)(p->M * p->N);
  PetscReal       misfit, norm;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(p->work, -1.0, p->d, x));
  PetscCall(VecNorm(p->work, NORM_2, &misfit));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  *value = 0.5 * h2 * (misfit * misfit + p->a * norm * norm);
  if (xbar) PetscCall(VecAXPBY(xbar, h2, 0.0, p->work));
  if (thetabar) PetscCall(VecAXPBY(thetabar, h2 * p->a, 0.0, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode InversionFill(Inversion *p)
{
  DMDALocalInfo   info;
  const PetscReal c[2] = {p->c * p->M * p->M, p->c * p->N * p->N};

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(p->dm, &info));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      MatStencil  row = {.i = i, .j = j}, col[5] = {{.i = i, .j = j}, {.i = i - 1, .j = j}, {.i = i + 1, .j = j}, {.i = i, .j = j - 1}, {.i = i, .j = j + 1}};
      PetscScalar v[5] = {2.0 * (c[0] + c[1]), -c[0], -c[0], -c[1], -c[1]};

      for (PetscInt k = 1; k < 5; k++) {
        if (col[k].i < 0 || col[k].i >= p->M || col[k].j < 0 || col[k].j >= p->N) col[k].i = -1; /* left out */
      }
      PetscCall(MatSetValuesStencil(p->A, 1, &row, 5, col, v, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A source that is not smooth: 3 in a rectangle, a wave elsewhere */
static inline PetscErrorCode InversionSetSource(Inversion *p, Vec theta)
{
  DMDALocalInfo info;
  PetscScalar **t;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(p->dm, &info));
  PetscCall(DMDAVecGetArray(p->dm, theta, &t));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscReal x = (i + 0.5) / p->M, y = (j + 0.5) / p->N;

      t[j][i] = x > 0.3 && x < 0.6 && y > 0.2 && y < 0.7 ? 3.0 : PetscSinReal(9.0 * x + 4.0 * y);
    }
  }
  PetscCall(DMDAVecRestoreArray(p->dm, theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On M x N points, with weight a. The optimization starts from zero */
static inline PetscErrorCode InversionCreate(MPI_Comm comm, PetscInt M, PetscInt N, PetscReal a, Inversion *p)
{
  PetscFunctionBeginUser;
  p->M = M;
  p->N = N;
  p->c = 0.01;
  p->a = a;
  PetscCall(DMDACreate2d(comm, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, M, N, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &p->dm));
  PetscCall(DMSetUp(p->dm));
  PetscCall(DMCreateMatrix(p->dm, &p->A));
  PetscCall(InversionFill(p));
  PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, &p->J));
  PetscCall(DMCreateGlobalVector(p->dm, &p->x));
  PetscCall(VecDuplicate(p->x, &p->d));
  PetscCall(VecDuplicate(p->x, &p->work));
  PetscCall(VecDuplicate(p->x, &p->theta));
  PetscCall(ADJCreate(comm, &p->adj));
  PetscCall(ADJSetResidual(p->adj, InversionResidual, p));
  PetscCall(ADJSetLinearize(p->adj, InversionLinearize, p));
  PetscCall(ADJSetVJP(p->adj, InversionVJP, p));
  PetscCall(ADJSetJVP(p->adj, InversionJVP, p));
  PetscCall(ADJSetPreconditioner(p->adj, p->J));
  PetscCall(ADJSetSymmetric(p->adj, PETSC_TRUE));
  PetscCall(ADJSetObjective(p->adj, InversionObjective, p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(InversionSetSource(p, p->theta));
  PetscCall(ADJSolve(p->adj, p->theta, p->d));
  PetscCall(ADJReset(p->adj));
  PetscCall(VecSet(p->theta, 0.0));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode InversionDestroy(Inversion *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->J));
  PetscCall(VecDestroy(&p->x));
  PetscCall(VecDestroy(&p->d));
  PetscCall(VecDestroy(&p->work));
  PetscCall(VecDestroy(&p->theta));
  PetscCall(DMDestroy(&p->dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
