/*
   The spectral radius of the layer's Jacobian at each sample, and its derivative by left and right eigenvectors.
*/
#ifndef EQUILIBRIUM_RADIUS_H
#define EQUILIBRIUM_RADIUS_H

#include "layer.h"

/* The largest spectral radius of a block of F_x, one for each sample, at a point of its own; each process holds W for that */
typedef struct {
  Layer     *layer;
  VecScatter toall;
  Vec        theta, y, F; /* y: F(x) on each process */
  EPS        right, left;
  PetscReal *rhos, *r[2], *l[2]; /* of all samples; eigenvectors, real and imaginary parts */
  PetscReal  rho;
  PetscInt   sample;
} Radius;

/* Block s of F_x: diag(1 - F^2) W at one sample, or its transpose */
static PetscErrorCode SetBlock(Radius *q, PetscInt s, PetscBool transpose, EPS eps)
{
  const Layer       *c = q->layer;
  const PetscScalar *Y, *T;
  PetscScalar       *B;
  Mat                block;

  PetscFunctionBeginUser;
  PetscCall(EPSGetOperators(eps, &block, NULL));
  PetscCall(VecGetArrayRead(q->y, &Y));
  PetscCall(VecGetArrayRead(q->theta, &T));
  PetscCall(MatDenseGetArray(block, &B));
  for (PetscInt i = 0; i < c->n; i++) {
    for (PetscInt j = 0; j < c->n; j++) B[transpose ? j + i * c->n : i + j * c->n] = (1.0 - PetscSqr(Y[i * c->S + s])) * T[i * c->m + j];
  }
  PetscCall(MatDenseRestoreArray(block, &B));
  PetscCall(VecRestoreArrayRead(q->theta, &T));
  PetscCall(VecRestoreArrayRead(q->y, &Y));
  PetscCall(MatAssemblyBegin(block, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(block, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscObjectReference((PetscObject)block)); /* the EPS gives it up before it takes it */
  PetscCall(EPSSetOperators(eps, block, NULL));
  PetscCall(MatDestroy(&block));
  PetscCall(EPSSolve(eps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateEPS(PetscInt n, EPS *eps)
{
  Mat block;

  PetscFunctionBeginUser;
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, n, n, NULL, &block));
  PetscCall(EPSCreate(PETSC_COMM_SELF, eps));
  PetscCall(EPSSetOperators(*eps, block, NULL));
  PetscCall(EPSSetProblemType(*eps, EPS_NHEP));
  PetscCall(EPSSetWhichEigenpairs(*eps, EPS_LARGEST_MAGNITUDE));
  PetscCall(EPSSetType(*eps, EPSLAPACK));
  PetscCall(MatDestroy(&block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RadiusCreate(Layer *c, Vec theta, Radius *q)
{
  PetscFunctionBeginUser;
  q->layer = c;
  PetscCall(VecScatterCreateToAll(theta, &q->toall, &q->theta));
  PetscCall(VecDuplicate(c->one, &q->F));
  PetscCall(VecDuplicate(c->all, &q->y));
  PetscCall(CreateEPS(c->n, &q->right));
  PetscCall(CreateEPS(c->n, &q->left));
  PetscCall(PetscMalloc5(c->S, &q->rhos, c->n, &q->r[0], c->n, &q->r[1], c->n, &q->l[0], c->n, &q->l[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RadiusDestroy(Radius *q)
{
  PetscFunctionBeginUser;
  PetscCall(VecScatterDestroy(&q->toall));
  PetscCall(VecDestroy(&q->theta));
  PetscCall(VecDestroy(&q->F));
  PetscCall(VecDestroy(&q->y));
  PetscCall(EPSDestroy(&q->right));
  PetscCall(EPSDestroy(&q->left));
  PetscCall(PetscFree5(q->rhos, q->r[0], q->r[1], q->l[0], q->l[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The eigenpair that is nearest to lambda */
static PetscErrorCode GetEigenpair(EPS eps, const PetscReal lambda[2], PetscReal *v[2])
{
  Vec                part[2];
  Mat                block;
  PetscInt           n, nearest = 0;
  PetscReal          distance = PETSC_MAX_REAL;
  PetscScalar        re, im;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(EPSGetOperators(eps, &block, NULL));
  PetscCall(MatCreateVecs(block, &part[0], &part[1]));
  PetscCall(EPSGetConverged(eps, &n));
  for (PetscInt k = 0; k < n; k++) {
    PetscReal d;

    PetscCall(EPSGetEigenvalue(eps, k, &re, &im));
    d = PetscAbsReal(PetscRealPart(re) - lambda[0]) + PetscAbsReal(PetscRealPart(im) - lambda[1]);
    if (d < distance) {
      distance = d;
      nearest  = k;
    }
  }
  PetscCall(EPSGetEigenvector(eps, nearest, part[0], part[1]));
  PetscCall(VecGetSize(part[0], &n));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(VecGetArrayRead(part[k], &a));
    for (PetscInt i = 0; i < n; i++) v[k][i] = PetscRealPart(a[i]);
    PetscCall(VecRestoreArrayRead(part[k], &a));
    PetscCall(VecDestroy(&part[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F_x has a block for each sample. Each process takes some; then all have the one of the largest spectral radius */
static PetscErrorCode RadiusCompute(Radius *q, Vec x, Vec theta)
{
  Layer      *c = q->layer;
  PetscMPIInt rank, size;
  PetscScalar re, im;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Map(NULL, x, theta, q->F, c));
  PetscCall(VecScatterBegin(c->toall, q->F, q->y, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(c->toall, q->F, q->y, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterBegin(q->toall, theta, q->theta, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(q->toall, theta, q->theta, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(PetscArrayzero(q->rhos, c->S));
  for (PetscInt s = rank; s < c->S; s += size) {
    PetscCall(SetBlock(q, s, PETSC_FALSE, q->right));
    PetscCall(EPSGetEigenvalue(q->right, 0, &re, &im));
    q->rhos[s] = PetscSqrtReal(PetscSqr(PetscRealPart(re)) + PetscSqr(PetscRealPart(im)));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, q->rhos, (PetscMPIInt)c->S, MPIU_REAL, MPIU_MAX, PETSC_COMM_WORLD));
  q->sample = 0;
  for (PetscInt s = 1; s < c->S; s++) {
    if (q->rhos[s] > q->rhos[q->sample]) q->sample = s;
  }
  q->rho = q->rhos[q->sample];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   With A r = lambda r and l^T A = lambda l^T the derivative is d lambda = l^T dA r/(l^T r). That of rho is Re(phi l^T dA r), where
   phi = conj(lambda)/(rho l^T r), and dA = -2 diag(F dF) W + diag(1 - F^2) dW. l <- phi l
*/
static PetscErrorCode RadiusEigenvectors(Radius *q, PetscInt s)
{
  PetscReal   lambda[2], re = 0.0, im = 0.0, p[2];
  PetscScalar value[2];

  PetscFunctionBeginUser;
  PetscCall(SetBlock(q, s, PETSC_FALSE, q->right));
  PetscCall(SetBlock(q, s, PETSC_TRUE, q->left));
  PetscCall(EPSGetEigenvalue(q->right, 0, &value[0], &value[1]));
  for (PetscInt k = 0; k < 2; k++) lambda[k] = PetscRealPart(value[k]);
  PetscCall(GetEigenpair(q->right, lambda, q->r));
  PetscCall(GetEigenpair(q->left, lambda, q->l));
  for (PetscInt i = 0; i < q->layer->n; i++) {
    re += q->l[0][i] * q->r[0][i] - q->l[1][i] * q->r[1][i];
    im += q->l[0][i] * q->r[1][i] + q->l[1][i] * q->r[0][i];
  }
  p[0] = (lambda[0] * re - lambda[1] * im) / (q->rhos[s] * (re * re + im * im));
  p[1] = -(lambda[0] * im + lambda[1] * re) / (q->rhos[s] * (re * re + im * im));
  for (PetscInt i = 0; i < q->layer->n; i++) {
    const PetscReal l[2] = {q->l[0][i], q->l[1][i]};

    q->l[0][i] = p[0] * l[0] - p[1] * l[1];
    q->l[1][i] = p[0] * l[1] + p[1] * l[0];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the sample adds to the cotangents of W x + U z + b, W, and of W itself, Tb, on this process */
static PetscErrorCode RadiusAddSample(Radius *q, PetscInt s, PetscReal weight, PetscScalar W[], PetscScalar Tb[])
{
  const Layer       *c = q->layer;
  const PetscScalar *Y, *T;

  PetscFunctionBeginUser;
  PetscCall(RadiusEigenvectors(q, s));
  PetscCall(VecGetArrayRead(q->y, &Y));
  PetscCall(VecGetArrayRead(q->theta, &T));
  for (PetscInt i = 0; i < c->n; i++) {
    const PetscReal y = PetscRealPart(Y[i * c->S + s]), one = 1.0 - y * y;
    PetscReal       sum = 0.0;

    for (PetscInt j = 0; j < c->n; j++) {
      const PetscReal lr = q->l[0][i] * q->r[0][j] - q->l[1][i] * q->r[1][j];

      sum += PetscRealPart(T[i * c->m + j]) * lr;
      Tb[i * c->m + j] += weight * one * lr;
    }
    W[i * c->S + s] -= 2.0 * weight * y * one * sum;
  }
  PetscCall(VecRestoreArrayRead(q->theta, &T));
  PetscCall(VecRestoreArrayRead(q->y, &Y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xbar += sum_s weight_s d rho_s/dx, thetabar += sum_s weight_s d rho_s/d theta; each process takes some samples */
static PetscErrorCode RadiusGradient(Radius *q, const PetscReal weights[], Vec x, Vec theta, Vec xbar, Vec thetabar)
{
  Layer       *c = q->layer;
  Vec          w, part, tall, tbar;
  PetscScalar *W, *Tb;
  PetscMPIInt  rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(VecDuplicate(x, &w));
  PetscCall(VecDuplicate(x, &part));
  PetscCall(VecDuplicate(theta, &tbar));
  PetscCall(VecDuplicate(q->theta, &tall));
  PetscCall(VecSet(w, 0.0));
  PetscCall(VecSet(tbar, 0.0));
  PetscCall(VecSet(tall, 0.0));
  PetscCall(VecSet(c->all, 0.0));
  PetscCall(VecGetArray(c->all, &W));
  PetscCall(VecGetArray(tall, &Tb));
  for (PetscInt s = rank; s < c->S; s += size) {
    if (weights[s] != 0.0) PetscCall(RadiusAddSample(q, s, weights[s], W, Tb));
  }
  PetscCall(VecRestoreArray(tall, &Tb));
  PetscCall(VecRestoreArray(c->all, &W));
  PetscCall(VecScatterBegin(c->toall, c->all, w, ADD_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterEnd(c->toall, c->all, w, ADD_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterBegin(q->toall, tall, tbar, ADD_VALUES, SCATTER_REVERSE));
  PetscCall(VecScatterEnd(q->toall, tall, tbar, ADD_VALUES, SCATTER_REVERSE));
  if (thetabar) {
    PetscCall(AddOuter(c, w, x, thetabar));
    PetscCall(VecAXPY(thetabar, 1.0, tbar));
  }
  if (xbar) {
    PetscCall(TransposeW(c, w, theta, part));
    PetscCall(VecAXPY(xbar, 1.0, part));
  }
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&part));
  PetscCall(VecDestroy(&tall));
  PetscCall(VecDestroy(&tbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
