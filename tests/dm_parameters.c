static char help[] = "A small set of parameters: every process reads all, gradients are summed.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_ksp_rtol 1e-12
*/
#include <petsc/private/petscimpl.h>
#include "central.h"

#define N 13

/* Which values the user's function got, and whether theta was locked */
typedef struct {
  PetscScalar t[3];
  PetscInt    puts;
} App;

static PetscErrorCode TestRead(Vec v, PetscInt m, const char what[])
{
  const PetscScalar *a, *b;
  PetscBool          right = PETSC_TRUE, again = PETSC_TRUE;
  PetscObjectState   before, after;

  PetscFunctionBeginUser;
  PetscCall(VecSetWave(v, 5));
  PetscCall(PetscObjectStateGet((PetscObject)v, &before));
  PetscCall(VecLockReadPush(v));
  PetscCall(ADJParameterVecGetArrayRead(v, &a));
  PetscCall(ADJParameterVecGetArrayRead(v, &b)); /* two at a time */
  for (PetscInt i = 0; i < m; i++) {
    right = (PetscBool)(right && a[i] == Wave(5, i, 5));
    again = (PetscBool)(again && b[i] == a[i]);
  }
  PetscCall(ADJParameterVecRestoreArrayRead(v, &a));
  PetscCall(ADJParameterVecRestoreArrayRead(v, &b));
  PetscCall(VecLockReadPop(v));
  PetscCall(PetscObjectStateGet((PetscObject)v, &after));
  PetscCall(TapOk(right, "%s of %" PetscInt_FMT ": all values on each process", what, m));
  PetscCall(TapOk(again, "%s of %" PetscInt_FMT ": twice at a time", what, m));
  PetscCall(TapOk((PetscBool)(before == after && !a), "%s of %" PetscInt_FMT ": reading changes nothing", what, m));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Process r contributes (r + 1) Wave(i): the sum is S(S + 1)/2 Wave(i) */
static PetscErrorCode TestSum(Vec v, PetscInt m, const char what[])
{
  PetscMPIInt  rank, size;
  PetscScalar *part;
  PetscReal    error;
  Vec          expected;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(PetscMalloc1(m, &part));
  for (PetscInt i = 0; i < m; i++) part[i] = (PetscReal)(rank + 1) * Wave(7, i, 7);
  PetscCall(VecDuplicate(v, &expected));
  PetscCall(VecSetWave(expected, 7));
  PetscCall(VecScale(expected, 0.5 * size * (size + 1)));
  PetscCall(VecSet(v, 3.0));
  PetscCall(ADJParameterVecSum(v, part));
  PetscCall(VecDistance(v, expected, &error));
  PetscCall(TapBelow(error, 1e-14, "%s of %" PetscInt_FMT ": the sum of all contributions overwrites", what, m));
  PetscCall(VecDestroy(&expected));
  PetscCall(PetscFree(part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestVec(PetscInt m)
{
  const Layout layouts[] = {LAYOUT_UNEVEN, LAYOUT_EMPTY, LAYOUT_LAST};
  Vec          v, copy;
  PetscInt     n;

  PetscFunctionBeginUser;
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, m, &v));
  PetscCall(VecDuplicate(v, &copy));
  PetscCall(TestRead(v, m, "vector"));
  PetscCall(TestRead(copy, m, "copy"));
  PetscCall(TestSum(v, m, "vector"));
  PetscCall(TestSum(copy, m, "copy"));
  PetscCall(VecDestroy(&v));
  PetscCall(TestRead(copy, m, "copy that is left"));
  PetscCall(VecDestroy(&copy));
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layouts[k], m, &n));
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, m, &v));
    PetscCall(TestRead(v, m, "any vector"));
    PetscCall(TestSum(v, m, "any vector"));
    PetscCall(VecDestroy(&v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestErrors(void)
{
  const PetscScalar *a, part[3] = {0.0, 0.0, 0.0};
  Vec                v, nest, block;

  PetscFunctionBeginUser;
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJCreateParameterVec(PETSC_COMM_WORLD, -1, &v), "a negative number of parameters"));
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, 3, &v));
  PetscCall(VecCreateNest(PETSC_COMM_WORLD, 1, NULL, &v, &nest));
  PetscCall(TapError(PETSC_ERR_SUP, ADJParameterVecGetArrayRead(nest, &a), "reading a vector of blocks"));
  PetscCall(TapError(PETSC_ERR_SUP, ADJParameterVecSum(nest, part), "summing up into a vector of blocks"));
  PetscCall(VecNestGetSubVec(nest, 0, &block));
  PetscCall(TestRead(block, 3, "block"));
  PetscCall(VecDestroy(&nest));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* R_i = x_i + x_i^2/10 - t0 - t1 s_i - t0 t2 s_i^2, s_i = i/N: holomorphic, and every unknown needs every parameter */
static PetscErrorCode ResidualOf(Vec x, const PetscScalar t[], Vec y)
{
  const PetscScalar *xa;
  PetscScalar       *ya;
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(y, &ya));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal s = (PetscReal)i / N;

    ya[i - lo] = xa[i - lo] + 0.1 * xa[i - lo] * xa[i - lo] - t[0] - t[1] * s - t[0] * t[2] * s * s;
  }
  PetscCall(VecRestoreArrayWrite(y, &ya));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Residual(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscScalar *t;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  PetscCall(ResidualOf(x, t, y));
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  App               *app = (App *)ctx;
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  for (PetscInt i = 0; i < 3; i++) app->t[i] = t[i];
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  app->puts++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ResidualWithout(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(ResidualOf(x, ((App *)ctx)->t, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  const PetscScalar *t, *wa;
  PetscScalar        part[3] = {0.0, 0.0, 0.0};
  PetscInt           lo, hi;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecCopy(x, xbar));
    PetscCall(VecConjugate(xbar));
    PetscCall(VecScale(xbar, 0.2));
    PetscCall(VecShift(xbar, 1.0));
    PetscCall(VecPointwiseMult(xbar, xbar, w));
  }
  if (!thetabar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetOwnershipRange(w, &lo, &hi));
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  PetscCall(VecGetArrayRead(w, &wa));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal s = (PetscReal)i / N;

    part[0] -= (1.0 + PetscConj(t[2]) * s * s) * wa[i - lo];
    part[1] -= s * wa[i - lo];
    part[2] -= PetscConj(t[0]) * s * s * wa[i - lo];
  }
  PetscCall(VecRestoreArrayRead(w, &wa));
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscCall(ADJParameterVecSum(thetabar, part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's functions read theta, and copies of it, or get it put where they look */
static PetscErrorCode TestGradient(PetscBool put, Layout layout)
{
  App         app = {.puts = 0};
  ADJ         adj;
  Vec         theta, x;
  PetscInt    n;
  const char *what = put ? "parameters put" : "parameters read";

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, N, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, N, &x));
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, 3, &theta));
  PetscCall(VecSetWave(theta, 2));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetResidual(adj, put ? ResidualWithout : Residual, &app));
  if (put) PetscCall(ADJSetParameters(adj, Put, &app));
  PetscCall(ADJSetVJP(adj, VJP, &app));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapCentral(adj, theta, x, 1e-8, what));
  PetscCall(TapOk((PetscBool)(put == (app.puts > 0)), "%s: %" PetscInt_FMT " times", what, app.puts));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestVec(1));
  PetscCall(TestVec(3));
  PetscCall(TestVec(10));
  PetscCall(TestErrors());
  PetscCall(TestGradient(PETSC_FALSE, LAYOUT_UNEVEN));
  PetscCall(TestGradient(PETSC_TRUE, LAYOUT_EMPTY));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
