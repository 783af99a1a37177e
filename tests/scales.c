static char help[] = "States and parameters with components of very different size, and a kink that only a large step can reach.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define LARGE 1e7
#define SMALL 1e-6

/*
   x_i = x_i/2 + LARGE theta_i/2, i even;  x_i = curve(x_i)/2 + SMALL theta_i/2, i odd, with x_i = SMALL theta_i for theta_i > 0.
   curve: max(x_i, 0), or x_i + x_i^2/4
*/
typedef struct {
  PetscBool kink;
} Scales;

static PetscErrorCode ScalesMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscBool    kink = ((Scales *)ctx)->kink;
  const PetscScalar *a, *t;
  PetscScalar       *b;
  PetscInt           lo, hi;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArray(y, &b));
  for (PetscInt i = 0; i < hi - lo; i++) {
    if ((lo + i) % 2 == 0)
      b[i] = 0.5 * (a[i] + LARGE * t[i]);
    else if (kink)
      b[i] = 0.5 * ((PetscRealPart(a[i]) > 0.0 ? a[i] : 0.0) + SMALL * t[i]);
    else
      b[i] = 0.5 * (a[i] + 0.25 * a[i] * a[i] + SMALL * t[i]);
  }
  PetscCall(VecRestoreArray(y, &b));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ScalesVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  const PetscBool    kink = ((Scales *)ctx)->kink;
  const PetscScalar *a, *c;
  PetscScalar       *b;
  PetscInt           lo, hi;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(w, &c));
  if (xbar) {
    PetscCall(VecGetArray(xbar, &b));
    for (PetscInt i = 0; i < hi - lo; i++) {
      if ((lo + i) % 2 == 0)
        b[i] = 0.5 * c[i];
      else if (kink)
        b[i] = PetscRealPart(a[i]) > 0.0 ? 0.5 * c[i] : 0.0;
      else
        b[i] = 0.5 * (1.0 + 0.5 * PetscConj(a[i])) * c[i];
    }
    PetscCall(VecRestoreArray(xbar, &b));
  }
  if (thetabar) {
    PetscCall(VecGetArray(thetabar, &b));
    for (PetscInt i = 0; i < hi - lo; i++) b[i] = 0.5 * ((lo + i) % 2 ? SMALL : LARGE) * c[i];
    PetscCall(VecRestoreArray(thetabar, &b));
  }
  PetscCall(VecRestoreArrayRead(w, &c));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A derivative that is right is handed out; where the solution lies on the kink it is not */
static PetscErrorCode TestScales(PetscBool kink, PetscBool onit, const char name[])
{
  ADJ      adj;
  Vec      x, theta, v, g;
  Scales   s = {kink};
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 9, &x));
  PetscCall(VecDuplicate(x, &theta));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecDuplicate(x, &g));
  PetscCall(VecSet(v, 1.0));
  PetscCall(VecSet(theta, 1.0));
  if (onit) PetscCall(VecSetValue(theta, 3, 0.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(theta));
  PetscCall(VecAssemblyEnd(theta));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, ScalesMap, &s));
  PetscCall(ADJSetVJP(adj, ScalesVJP, &s));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(TapError(onit ? PETSC_ERR_CONV_FAILED : PETSC_SUCCESS, ADJSolveAdjoint(adj, v, g), "%s: the adjoint", name));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(onit ? verdict == ADJ_TRUST_REFUTED_NOT_SMOOTH : verdict == (kink ? ADJ_TRUST_UNVERIFIED : ADJ_TRUST_ESTIMATED)), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestScales(PETSC_FALSE, PETSC_FALSE, "smooth"));
  PetscCall(TestScales(PETSC_TRUE, PETSC_FALSE, "a kink near small components"));
  PetscCall(TestScales(PETSC_TRUE, PETSC_TRUE, "a kink at one of them"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
