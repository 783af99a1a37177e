static char help[] = "Projections and proximal maps: mistakes have their error codes on every process and leave nothing behind.\n\n";

/*
   nsize: 1 2 4
*/
#include <math.h>
#include "prox.h"

static PetscErrorCode TestNumbers(void)
{
  const PetscReal bad[] = {-1.0, NAN, INFINITY};
  ADJProx         prox  = NULL, l1;
  PetscReal       p;

  PetscFunctionBeginUser;
  PetscCall(ADJProxCreateL1(PETSC_COMM_WORLD, 1.0, &l1));
  for (int k = 0; k < 3; k++) {
    if (k == 1 && PetscDefined(USE_DEBUG)) continue; /* NaN differs from itself on other processes there */
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateL1(PETSC_COMM_WORLD, bad[k], &prox), "threshold %g", (double)bad[k]));
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateGroupL1(PETSC_COMM_WORLD, bad[k], 2, &prox), "threshold %g of groups", (double)bad[k]));
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateBall(PETSC_COMM_WORLD, NULL, bad[k], &prox), "radius %g", (double)bad[k]));
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxSetParameter(l1, bad[k]), "threshold %g later", (double)bad[k]));
  }
  PetscCall(ADJProxGetParameter(l1, &p));
  PetscCall(TapOk((PetscBool)(p == 1.0), "the threshold stays"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateBall(PETSC_COMM_WORLD, NULL, 0.0, &prox), "radius 0"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateGroupL1(PETSC_COMM_WORLD, 1.0, 0, &prox), "blocks of nothing"));
  if (PetscDefined(USE_COMPLEX)) {
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxCreateSimplex(PETSC_COMM_WORLD, 1.0, &prox), "complex numbers have no order: simplex"));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxCreateNonnegative(PETSC_COMM_WORLD, &prox), "complex numbers have no order: orthant"));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxCreateBox(PETSC_COMM_WORLD, NULL, NULL, &prox), "complex numbers have no order: box"));
  } else
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateSimplex(PETSC_COMM_WORLD, 0.0, &prox), "total 0"));
  PetscCall(ADJProxDestroy(&l1));
  PetscCall(ADJProxDestroy(&l1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestVectors(int which)
{
  ProxCase    c;
  Vec         y, v, other, longer, self;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ProxCaseCreate(which, 24, LAYOUT_UNEVEN, 7, &c));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(VecDuplicate(c.z, &v));
  PetscCall(ProxVecCreate(24, LAYOUT_LAST, PROX_BS, &other));
  PetscCall(ProxVecCreate(27, LAYOUT_UNEVEN, PROX_BS, &longer));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, 24, &self));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJProxApply(c.prox, c.z, c.z), "%s: in place", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJProxVJP(c.prox, c.z, v, v), "%s: a product in place", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJProxJVP(c.prox, c.z, v, c.z), "%s: a product into the point", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxApply(c.prox, c.z, longer), "%s: a longer value", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxVJP(c.prox, c.z, longer, y), "%s: a longer cotangent", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxGetSelection(c.prox, c.z, NULL, NULL, longer), "%s: a longer mask", c.name));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJProxApply(c.prox, c.z, NULL), "%s: no value", c.name));
  if (size > 1) {
    PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxApply(c.prox, c.z, other), "%s: spread in another way", c.name));
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJProxApply(c.prox, c.z, self), "%s: another communicator", c.name));
  }
  PetscCall(VecDestroy(&self));
  PetscCall(VecDuplicate(longer, &self));
  if (c.a) PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxApply(c.prox, longer, self), "%s: a longer point", c.name));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&other));
  PetscCall(VecDestroy(&longer));
  PetscCall(VecDestroy(&self));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a kind does not have */
static PetscErrorCode TestMissing(int which)
{
  const PetscBool number = (PetscBool)(which == ADJ_PROX_L1 || which == ADJ_PROX_GROUP_L1 || which == ADJ_PROX_BALL || which == ADJ_PROX_SIMPLEX);
  const PetscBool vecs   = (PetscBool)(which == ADJ_PROX_BOX || which == ADJ_PROX_BALL || which == ADJ_PROX_AFFINE);
  ProxCase        c;
  ADJProxKind     kind;
  Vec             v, y;
  PetscReal       p;
  KSP             ksp;

  PetscFunctionBeginUser;
  PetscCall(ProxCaseCreate(which, 24, LAYOUT_EVEN, 7, &c));
  PetscCall(VecDuplicate(c.z, &v));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(VecSet(v, 1.0));
  PetscCall(ADJProxGetKind(c.prox, &kind));
  PetscCall(TapOk((PetscBool)(kind == (ADJProxKind)which), "%s: the kind", c.name));
  if (!number) {
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxSetParameter(c.prox, 1.0), "%s: no number to set", c.name));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxGetParameter(c.prox, &p), "%s: no number to get", c.name));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxVJPParameter(c.prox, c.z, v, &p), "%s: no number to pull back to", c.name));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxJVPParameter(c.prox, c.z, 1.0, y), "%s: no number to push", c.name));
  }
  if (!vecs) {
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxSetVecs(c.prox, v, NULL), "%s: no vector to set", c.name));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxVJPVecs(c.prox, c.z, v, y, NULL), "%s: no vector to pull back to", c.name));
    PetscCall(TapError(PETSC_ERR_SUP, ADJProxJVPVecs(c.prox, c.z, v, NULL, y), "%s: no vector to push", c.name));
  }
  if (vecs && which != ADJ_PROX_BOX) PetscCall(TapError(PETSC_ERR_SUP, ADJProxVJPVecs(c.prox, c.z, v, NULL, y), "%s: no second vector", c.name));
  if (which != ADJ_PROX_AFFINE) PetscCall(TapError(PETSC_ERR_SUP, ADJProxGetKSP(c.prox, &ksp), "%s: no solver", c.name));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&y));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A block over two processes, an empty box, an empty simplex, dependent rows, a right-hand side that does not fit */
static PetscErrorCode TestData(void)
{
  ADJProx        prox = NULL;
  ProxCase       c;
  Vec            z, y, b;
  PetscInt       n;
  const PetscInt last[1] = {PROX_ROWS - 1};

  PetscFunctionBeginUser;
  PetscCall(ProxVecCreate(25, LAYOUT_LAST, 1, &z));
  PetscCall(VecDuplicate(z, &y));
  PetscCall(ADJProxCreateGroupL1(PETSC_COMM_WORLD, 1.0, PROX_BS, &prox));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxApply(prox, z, y), "a broken block"));
  PetscCall(ADJProxDestroy(&prox));
  if (!PetscDefined(USE_COMPLEX)) {
    PetscCall(VecSet(z, 1.0));
    PetscCall(VecGetLocalSize(z, &n));
    if (n) PetscCall(VecSetValue(y, 24, 2.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(y));
    PetscCall(VecAssemblyEnd(y));
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJProxCreateBox(PETSC_COMM_WORLD, y, z, &prox), "an empty box"));
    PetscCall(TapOk((PetscBool)(prox == NULL), "an empty box is no map"));
    PetscCall(ADJProxCreateSimplex(PETSC_COMM_WORLD, 1.0, &prox));
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 0, 0, &b));
    PetscCall(VecDestroy(&y));
    PetscCall(VecDuplicate(b, &y));
    PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxApply(prox, b, y), "an empty simplex"));
    PetscCall(VecDestroy(&b));
    PetscCall(ADJProxDestroy(&prox));
  }
  PetscCall(ProxCaseCreate(ADJ_PROX_AFFINE, 24, LAYOUT_UNEVEN, 7, &c));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxSetVecs(c.prox, c.z, NULL), "a right-hand side as long as the point"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJProxCreateAffine(c.A, c.z, &prox), "the same at the start"));
  PetscCall(MatZeroRows(c.A, 1, last, 0.0, NULL, NULL));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDuplicate(c.z, &y));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJProxApply(c.prox, c.z, y), "a row of zeros"));
  PetscCall(ProxCaseDestroy(&c));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestNumbers());
  for (int which = 0; which <= ADJ_PROX_AFFINE; which++) {
    if (!ProxCaseExists(which)) continue;
    PetscCall(TestVectors(which));
    PetscCall(TestMissing(which));
  }
  PetscCall(TestData());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
