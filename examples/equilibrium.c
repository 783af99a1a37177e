static char help[] = "A deep equilibrium layer x = tanh(W x + U z + b) with a read-out v, trained to tell two classes of points apart.\n\n"
                     "Points z in the unit square belong to the class of those within a ring, or not. Logistic loss of v^T x, and decay |theta|^2 gamma/2.\n"
                     "  -n <8>, -samples <24>  : neurons, points. The neurons are spread over processes, with their rows of W, U, b and v\n"
                     "  -scale <0.5>           : spectral radius of W at the start, about\n"
                     "  -decay <1e-4>          : gamma\n"
                     "  -penalty <1>, -rho_max <0.6> : c and r of c sum_s max(0, rho_s - r)^2 in the loss, rho_s the spectral radius of F_x at sample s\n\n";

/*
   S. Bai, J. Z. Kolter, V. Koltun, Deep equilibrium models, NeurIPS 2019. The state of a sample need not be the only one: training follows the
   states that it has. Where eigenvalues of a block meet rho has no derivative, and the verdict may refuse the objective's.

   mpiexec -n 2 ./equilibrium -n 12 -samples 40 -adj_tao_max_it 300 -adj_tao_monitor -adj_trust_view
   mpiexec -n 2 ./equilibrium -penalty 0 -adj_tao_type blmvm

   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
   args: -malloc_debug false -penalty 0 -n 3 -samples 5 -adj_tao_max_it 20
*/
#include "gallery.h"

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

typedef struct {
  Layer  layer;
  Radius radius;
} Problem;

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

/* The largest radius, or c sum_s max(0, rho_s - r)^2, which has a derivative where another sample becomes the largest */
static PetscErrorCode Penalty(Problem *p, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar)
{
  const Layer *c = &p->layer;
  PetscReal   *weights;

  PetscFunctionBeginUser;
  PetscCall(RadiusCompute(&p->radius, x, theta));
  PetscCall(PetscCalloc1(c->S, &weights));
  *value = c->onlyrho ? p->radius.rho : 0.0;
  if (c->onlyrho) weights[p->radius.sample] = 1.0;
  for (PetscInt s = 0; s < c->S && !c->onlyrho; s++) {
    const PetscReal excess = PetscMax(0.0, p->radius.rhos[s] - c->rhomax);

    weights[s] = 2.0 * c->penalty * excess;
    *value += c->penalty * PetscSqr(excess);
  }
  if (*value > 0.0 && (xbar || thetabar)) PetscCall(RadiusGradient(&p->radius, weights, x, theta, xbar, thetabar));
  PetscCall(PetscFree(weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* o_s = sum_i v_i x_is, on each process */
static PetscErrorCode Output(const Layer *c, Vec x, Vec theta, PetscReal o[])
{
  const PetscScalar *X, *T;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(o, c->S));
  PetscCall(VecGetArrayRead(x, &X));
  PetscCall(VecGetArrayRead(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt s = 0; s < c->S; s++) o[s] += PetscRealPart(T[(i + 1) * c->m - 1] * X[i * c->S + s]);
  }
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(x, &X));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, o, (PetscMPIInt)c->S, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of log(1 + exp(-t o)), with its partial derivatives */
static PetscErrorCode Logistic(const Layer *c, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar)
{
  PetscReal         *o;
  const PetscScalar *X, *T;
  PetscScalar       *Xb = NULL, *Tb = NULL;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(c->S, &o));
  PetscCall(Output(c, x, theta, o));
  *value = 0.0;
  for (PetscInt s = 0; s < c->S; s++) {
    const PetscReal a = -c->t[s] * o[s];

    *value += (PetscMax(a, 0.0) + PetscLogReal(1.0 + PetscExpReal(-PetscAbsReal(a)))) / c->S;
    o[s] = -c->t[s] / (c->S * (1.0 + PetscExpReal(-a)));
  }
  PetscCall(VecGetArrayRead(x, &X));
  PetscCall(VecGetArrayRead(theta, &T));
  if (xbar) PetscCall(VecGetArray(xbar, &Xb));
  if (thetabar) PetscCall(VecGetArray(thetabar, &Tb));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt s = 0; s < c->S; s++) {
      if (xbar) Xb[i * c->S + s] += o[s] * T[(i + 1) * c->m - 1];
      if (thetabar) Tb[(i + 1) * c->m - 1] += o[s] * X[i * c->S + s];
    }
  }
  if (thetabar) PetscCall(VecRestoreArray(thetabar, &Tb));
  if (xbar) PetscCall(VecRestoreArray(xbar, &Xb));
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(x, &X));
  PetscCall(PetscFree(o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Problem  *p = (Problem *)ctx;
  Layer    *c = &p->layer;
  PetscReal norm, penalty = 0.0;

  (void)adj;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(VecSet(xbar, 0.0));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  if (c->onlyrho || c->penalty > 0.0) PetscCall(Penalty(p, x, theta, &penalty, xbar, thetabar));
  *value = penalty;
  if (c->onlyrho) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Logistic(c, x, theta, value, xbar, thetabar));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  *value += penalty + 0.5 * c->decay * PetscSqr(norm);
  if (thetabar) PetscCall(VecAXPY(thetabar, c->decay, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points of the unit square; the others are inside of a ring about its middle */
static PetscErrorCode SetSamples(Layer *c)
{
  PetscRandom random;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1.0, 1.0));
  PetscCall(PetscRandomSetSeed(random, 1));
  PetscCall(PetscRandomSeed(random));
  for (PetscInt s = 0; s < c->S; s++) {
    PetscReal square = 0.0;

    for (PetscInt j = 0; j < D; j++) {
      PetscCall(PetscRandomGetValueReal(random, &c->z[s * D + j]));
      square += PetscSqr(c->z[s * D + j]);
    }
    c->t[s] = square < 0.6 ? 1.0 : -1.0;
  }
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W of the spectral radius `scale`, about; a neuron has the same numbers on whatever process it is */
static PetscErrorCode SetWeights(const Layer *c, PetscReal scale, Vec theta)
{
  PetscRandom  random;
  PetscScalar *T;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1.0, 1.0));
  PetscCall(VecGetArray(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    PetscCall(PetscRandomSetSeed(random, (unsigned long)(17 + 5 * (c->lo + i))));
    PetscCall(PetscRandomSeed(random));
    for (PetscInt j = 0; j < c->m; j++) {
      PetscCall(PetscRandomGetValue(random, &T[i * c->m + j]));
      if (j < c->n)
        T[i * c->m + j] *= scale * PetscSqrtReal(3.0 / c->n);
      else if (j < c->n + D)
        T[i * c->m + j] *= 2.0;
    }
  }
  PetscCall(VecRestoreArray(theta, &T));
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W = -3 I: the plain iteration x <- tanh(-3 x + ...) goes to and fro */
static PetscErrorCode SetExpansive(const Layer *c, Vec theta)
{
  PetscScalar *T;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt j = 0; j < c->m; j++) T[i * c->m + j] = j == c->lo + i ? -3.0 : (j < c->n ? 0.0 : 0.1 * T[i * c->m + j]);
  }
  PetscCall(VecRestoreArray(theta, &T));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemCreate(PetscInt n, PetscInt S, Problem *p, Vec *x, Vec *theta)
{
  Layer   *c  = &p->layer;
  PetscInt nl = PETSC_DECIDE;

  PetscFunctionBeginUser;
  PetscCall(PetscSplitOwnership(PETSC_COMM_WORLD, &nl, &n));
  PetscCallMPI(MPI_Scan(&nl, &c->hi, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  c->n  = n;
  c->S  = S;
  c->lo = c->hi - nl;
  c->m  = n + D + 2;
  PetscCall(PetscMalloc2(S * D, &c->z, S, &c->t));
  PetscCall(SetSamples(c));
  PetscCall(VecCreate(PETSC_COMM_WORLD, x));
  PetscCall(VecSetSizes(*x, nl * S, n * S));
  PetscCall(VecSetType(*x, VECSTANDARD));
  PetscCall(VecSet(*x, 0.0));
  PetscCall(VecCreate(PETSC_COMM_WORLD, theta));
  PetscCall(VecSetSizes(*theta, nl * c->m, n * c->m));
  PetscCall(VecSetType(*theta, VECSTANDARD));
  PetscCall(VecScatterCreateToAll(*x, &c->toall, &c->all));
  PetscCall(VecDuplicate(*x, &c->one));
  PetscCall(VecDuplicate(*x, &c->w));
  PetscCall(RadiusCreate(c, *theta, &p->radius));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemDestroy(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(RadiusDestroy(&p->radius));
  PetscCall(PetscFree2(p->layer.z, p->layer.t));
  PetscCall(VecScatterDestroy(&p->layer.toall));
  PetscCall(VecDestroy(&p->layer.all));
  PetscCall(VecDestroy(&p->layer.one));
  PetscCall(VecDestroy(&p->layer.w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Problem *p, Vec x, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetFixedPoint(*adj, Map, &p->layer));
  PetscCall(ADJSetLinearize(*adj, Linearize, &p->layer));
  PetscCall(ADJSetVJP(*adj, VJP, &p->layer));
  PetscCall(ADJSetJVP(*adj, JVP, &p->layer));
  PetscCall(ADJSetObjective(*adj, Objective, p));
  PetscCall(ADJSetSolution(*adj, x));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the objective as it is set, along the parameters themselves: relative to |gradient| |theta| */
static PetscErrorCode CentralDifference(ADJ adj, Vec theta, PetscReal h, PetscReal *error)
{
  Vec         g, moved, d;
  PetscReal   f, values[2], gn, dn;
  PetscScalar slope;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(VecDuplicate(theta, &moved));
  PetscCall(VecDuplicate(theta, &d));
  PetscCall(VecCopy(theta, d));
  PetscCall(VecShift(d, 0.1));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &f, g));
  PetscCall(VecDot(d, g, &slope));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(moved, i ? -h : h, d, theta));
    PetscCall(ADJComputeObjectiveAndGradient(adj, moved, &values[i], NULL));
  }
  PetscCall(VecNorm(g, NORM_2, &gn));
  PetscCall(VecNorm(d, NORM_2, &dn));
  *error = PetscAbsReal((values[0] - values[1]) / (2.0 * h) - PetscRealPart(slope)) / (gn * dn);
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&moved));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Part of the samples whose class is the sign of the output, at the last state */
static PetscErrorCode Accuracy(Problem *p, ADJ adj, Vec theta, PetscReal *part)
{
  Vec        x;
  PetscReal *o;

  PetscFunctionBeginUser;
  PetscCall(ADJGetSolution(adj, &x));
  PetscCall(PetscMalloc1(p->layer.S, &o));
  PetscCall(Output(&p->layer, x, theta, o));
  *part = 0.0;
  for (PetscInt s = 0; s < p->layer.S; s++) *part += (o[s] * p->layer.t[s] > 0.0 ? 1.0 : 0.0) / p->layer.S;
  PetscCall(PetscFree(o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both derivatives that training uses */
static PetscErrorCode CheckGradients(Problem *p, ADJ adj, Vec theta)
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(CentralDifference(adj, theta, 1e-4, &error));
  PetscCall(GalleryBelow("gradient of the loss", "central differences", error, 1e-6));
  p->layer.onlyrho = PETSC_TRUE;
  PetscCall(CentralDifference(adj, theta, 1e-4, &error));
  PetscCall(GalleryBelow("gradient of the spectral radius by left and right eigenvectors", "central differences", error, 1e-6));
  p->layer.onlyrho = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Train(Problem *p, ADJ adj, Vec theta)
{
  Tao       tao;
  ADJTrust  refused;
  PetscReal first, last, part = 0.0, rho, error;
  Vec       gradient;

  PetscFunctionBeginUser;
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &first, NULL));
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(TaoSetType(tao, TAOBQNLS));
  PetscCall(TaoSetMaximumIterations(tao, 30));
  PetscCall(TaoSetTolerances(tao, 1e-6, 0.0, 0.0));
  PetscCall(ADJMinimize(adj, theta));
  PetscCall(ADJGetRefusal(adj, &refused));
  PetscCall(GalleryRow("verdicts during the training", "none refuses, but for kinks of the penalty", ADJTrusts[refused], (PetscBool)(refused == ADJ_TRUST_NONE || (p->layer.penalty > 0.0 && refused == ADJ_TRUST_REFUTED_OBJECTIVE))));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &last, gradient));
  PetscCall(GalleryVerdict(adj, "verdict on the last gradient", "trained", ADJ_TRUST_ESTIMATED));
  PetscCall(ADJGetContraction(adj, &rho, &error));
  PetscCall(GalleryBelow("spectral radius of F_x in the end", "below 1, a contraction", rho, 1.0));
  if (p->layer.penalty > 0.0) PetscCall(GalleryBelow("  with its penalty", "rho_max + sqrt(last/c), as the penalty is part of the loss", p->radius.rho, p->layer.rhomax + PetscSqrtReal(last / p->layer.penalty)));
  PetscCall(VecDestroy(&gradient));
  if (p->layer.penalty == 0.0) PetscFunctionReturn(PETSC_SUCCESS); /* at the edge of contraction it may get stuck */
  PetscCall(GalleryBelow("loss, relative to that of random weights", "it falls by a half", last / first, 0.5));
  PetscCall(Accuracy(p, adj, theta, &part));
  PetscCall(GalleryAbove("part of the points that are told right", "9 of 10", part, 0.9));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the layer does not contract: the plain iteration fails, and an optimizer goes back; Newton finds a state, and the verdict refuses it */
static PetscErrorCode CheckExpansive(Problem *p, ADJ adj, Vec theta)
{
  Tao       tao;
  SNES      snes;
  Vec       bad, gradient;
  PetscReal f, g;
  PetscInt  rejected;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &bad));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecCopy(theta, bad));
  p->layer.penalty = 0.0;
  PetscCall(SetExpansive(&p->layer, bad));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetSolution(tao, theta));
  PetscCall(ADJSetTao(adj, tao));
  PetscCall(TaoComputeObjectiveAndGradient(tao, theta, &f, gradient));
  PetscCall(TaoComputeObjective(tao, bad, &g));
  PetscCall(ADJGetRejected(adj, &rejected));
  PetscCall(GalleryRow("a trial step to W = -3 I", "rejected: no state, a value above that of the iterate", rejected == 1 && g > f ? "rejected" : "taken", (PetscBool)(rejected == 1 && g > f)));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(SNESSetType(snes, SNESNEWTONLS));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJComputeObjectiveAndGradient(adj, bad, &f, gradient));
  PetscCall(GalleryVerdict(adj, "a gradient there, at the state of Newton's method", "rho > 1", ADJ_TRUST_REFUTED_CONTRACTION));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&bad));
  PetscCall(VecDestroy(&gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Problem   p;
  ADJ       adj;
  Vec       x, theta;
  PetscInt  n = 8, S = 24;
  PetscReal scale = 0.5;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMemzero(&p, sizeof(p)));
  p.layer.decay   = 1e-4;
  p.layer.rhomax  = 0.8;
  p.layer.penalty = 1.0;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-samples", &S, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-scale", &scale, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-decay", &p.layer.decay, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-penalty", &p.layer.penalty, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rho_max", &p.layer.rhomax, NULL));
  PetscCall(ProblemCreate(n, S, &p, &x, &theta));
  PetscCall(SetWeights(&p.layer, scale, theta));
  PetscCall(GalleryBegin("equilibrium"));
  PetscCall(CreateADJ(&p, x, &adj));
  PetscCall(CheckGradients(&p, adj, theta));
  PetscCall(Train(&p, adj, theta));
  PetscCall(CheckExpansive(&p, adj, theta));
  PetscCall(GalleryEnd());
  PetscCall(ADJDestroy(&adj));
  PetscCall(ProblemDestroy(&p));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(SlepcFinalize());
  return 0;
}
