/*
   The layer x = tanh(W x + U z + b), its neurons and their parameters spread over processes, with its derivatives.
*/
#ifndef EQUILIBRIUM_LAYER_H
#define EQUILIBRIUM_LAYER_H

#include <contragrad.h>

#define D 2 /* components of a point */

/*
   State: entry (i, s) is neuron i at sample s, the samples of one neuron together. Parameters: for neuron i its row of W, its row of U, b_i
   and v_i together. So both have the entries of a neuron on its process
*/
typedef struct {
  PetscInt   n, S, lo, hi, m; /* neurons, samples; those here; parameters of each */
  PetscReal  decay, penalty, rhomax;
  PetscBool  onlyrho; /* the spectral radius is the objective */
  PetscReal *z, *t;   /* points and classes +-1, on each process */
  VecScatter toall;
  Vec        all;    /* the whole state, on each process */
  Vec        one, w; /* 1 - F(x)^2 at the last linearization; work */
} Layer;

/* a = W x + U z + b with these parameters; W alone if affine is false. x on all processes */
static PetscErrorCode Affine(Layer *c, Vec x, Vec theta, PetscBool affine, Vec a)
{
  const PetscScalar *X, *T;
  PetscScalar       *A;

  PetscFunctionBeginUser;
  PetscCall(VecScatterBegin(c->toall, x, c->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(c->toall, x, c->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(c->all, &X));
  PetscCall(VecGetArrayRead(theta, &T));
  PetscCall(VecGetArray(a, &A));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    const PetscScalar *row = T + i * c->m;

    for (PetscInt s = 0; s < c->S; s++) {
      PetscScalar sum = affine ? row[c->n + D] : 0.0;

      for (PetscInt j = 0; j < c->n; j++) sum += row[j] * X[j * c->S + s];
      for (PetscInt j = 0; affine && j < D; j++) sum += row[c->n + j] * c->z[s * D + j];
      A[i * c->S + s] = sum;
    }
  }
  PetscCall(VecRestoreArray(a, &A));
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(c->all, &X));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tanh(Vec a)
{
  PetscScalar *A;
  PetscInt     n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(a, &n));
  PetscCall(VecGetArray(a, &A));
  for (PetscInt i = 0; i < n; i++) A[i] = PetscTanhReal(PetscRealPart(A[i]));
  PetscCall(VecRestoreArray(a, &A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Affine((Layer *)ctx, x, theta, PETSC_TRUE, y));
  PetscCall(Tanh(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 1 - F(x)^2 is the derivative of tanh */
static PetscErrorCode Linearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Layer *c = (Layer *)ctx;

  PetscFunctionBeginUser;
  PetscCall(Map(adj, x, theta, c->one, ctx));
  PetscCall(VecPointwiseMult(c->one, c->one, c->one));
  PetscCall(VecScale(c->one, -1.0));
  PetscCall(VecShift(c->one, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ydot = (1 - F^2) (W xdot + Wdot x + Udot z + bdot) */
static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Layer *c = (Layer *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) PetscCall(Affine(c, xdot, theta, PETSC_FALSE, ydot));
  if (thetadot) {
    PetscCall(Affine(c, x, thetadot, PETSC_TRUE, c->w));
    PetscCall(VecAXPY(ydot, 1.0, c->w));
  }
  PetscCall(VecPointwiseMult(ydot, ydot, c->one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xbar = W^T g with g in the place of w, each process having a part of each sum */
static PetscErrorCode TransposeW(Layer *c, Vec g, Vec theta, Vec xbar)
{
  const PetscScalar *G, *T;
  PetscScalar       *X;

  PetscFunctionBeginUser;
  PetscCall(VecSet(c->all, 0.0));
  PetscCall(VecGetArrayRead(g, &G));
  PetscCall(VecGetArrayRead(theta, &T));
  PetscCall(VecGetArray(c->all, &X));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt j = 0; j < c->n; j++) {
      for (PetscInt s = 0; s < c->S; s++) X[j * c->S + s] += T[i * c->m + j] * G[i * c->S + s];
    }
  }
  PetscCall(VecRestoreArray(c->all, &X));
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(g, &G));
  PetscCall(VecSet(xbar, 0.0));
  PetscCall(VecScatterBegin(c->toall, c->all, xbar, ADD_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterEnd(c->toall, c->all, xbar, ADD_VALUES, SCATTER_REVERSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar += (g x^T, g z^T, g, 0), the products being sums over samples */
static PetscErrorCode AddOuter(Layer *c, Vec g, Vec x, Vec thetabar)
{
  const PetscScalar *G, *X;
  PetscScalar       *T;

  PetscFunctionBeginUser;
  PetscCall(VecScatterBegin(c->toall, x, c->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(c->toall, x, c->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(c->all, &X));
  PetscCall(VecGetArrayRead(g, &G));
  PetscCall(VecGetArray(thetabar, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    PetscScalar *row = T + i * c->m;

    for (PetscInt s = 0; s < c->S; s++) {
      const PetscScalar gs = G[i * c->S + s];

      for (PetscInt j = 0; j < c->n; j++) row[j] += gs * X[j * c->S + s];
      for (PetscInt j = 0; j < D; j++) row[c->n + j] += gs * c->z[s * D + j];
      row[c->n + D] += gs;
    }
  }
  PetscCall(VecRestoreArray(thetabar, &T));
  PetscCall(VecRestoreArrayRead(g, &G));
  PetscCall(VecRestoreArrayRead(c->all, &X));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Layer *c = (Layer *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(c->w, c->one, w));
  if (thetabar) {
    PetscCall(VecSet(thetabar, 0.0));
    PetscCall(AddOuter(c, c->w, x, thetabar));
  }
  if (xbar) PetscCall(TransposeW(c, c->w, theta, xbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
