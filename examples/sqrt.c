static char help[] = "The square root, and its derivative, as a fixed point or as a root.\n\n"
                     "x_i^2 = theta_i: the state is x = sqrt(theta), dx/dtheta = 1/(2 sqrt(theta)), whatever solver found it.\n"
                     "  -form <fixed_point,residual> : x = x - (x^2 - theta)/4, or x^2 - theta = 0\n"
                     "  -n <4>                       : number of square roots\n\n";

/*
   mpiexec -n 2 ./sqrt -form fixed_point -adj_trust_view
   mpiexec -n 2 ./sqrt -form residual -adj_forward_snes_monitor -adj_ksp_monitor

   nsize: 1 2
   args: -form fixed_point -n 1
   args: -form residual -n 1
   args: -form fixed_point -options_file petsc-options/implicit-gmres.opts
   args: -form residual -options_file petsc-options/implicit-gmres.opts
   args: -form fixed_point -options_file petsc-options/fixed-point-adjoint.opts
   args: -form fixed_point -options_file petsc-options/anderson-forward.opts
   args: -form fixed_point -options_file petsc-options/newton-krylov-forward.opts
   args: -form residual -options_file petsc-options/newton-krylov-forward.opts
   args: -form fixed_point -options_file petsc-options/tight-trust.opts
   args: -form fixed_point -options_file petsc-options/certify.opts
   args: -form residual -options_file petsc-options/certify.opts
   args: -form fixed_point -options_file petsc-options/unrolled.opts
   args: -form fixed_point -options_file petsc-options/unrolled-binomial.opts
   args: -form fixed_point -options_file petsc-options/unrolled-online.opts
   args: -form fixed_point -options_file petsc-options/unrolled-disk.opts
   args: -form fixed_point -options_file petsc-options/reversible.opts
*/
#include <contragrad.h>

/* y = x^2 - theta, or y = x - (x^2 - theta)/4 */
static PetscErrorCode Residual(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(y, x, x));
  PetscCall(VecAXPY(y, -1.0, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FixedPoint(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(Residual(adj, x, theta, y, ctx));
  PetscCall(VecAYPX(y, -0.25, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xbar = 2 conj(x) w and thetabar = -w; either may not be wanted */
static PetscErrorCode ResidualVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecCopy(x, xbar));
    PetscCall(VecConjugate(xbar));
    PetscCall(VecPointwiseMult(xbar, xbar, w));
    PetscCall(VecScale(xbar, 2.0));
  }
  if (thetabar) {
    PetscCall(VecCopy(w, thetabar));
    PetscCall(VecScale(thetabar, -1.0));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FixedPointVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(ResidualVJP(adj, x, theta, w, xbar, thetabar, ctx));
  if (xbar) PetscCall(VecAYPX(xbar, -0.25, w));
  if (thetabar) PetscCall(VecScale(thetabar, -0.25));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  ADJ         adj;
  Vec         theta, x, xbar, thetabar;
  PetscInt    n = 4, form = 0, lo, hi;
  PetscReal   error;
  const char *forms[] = {"fixed_point", "residual"};

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-form", forms, 2, &form, NULL));

  /* theta_i = 1 + i/n, x = 1 to start with, and l(x) = sum x_i, so that dl/dx = 1 */
  PetscCall(VecCreate(PETSC_COMM_WORLD, &theta));
  PetscCall(VecSetSizes(theta, PETSC_DECIDE, n));
  PetscCall(VecSetFromOptions(theta));
  PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(theta, i, 1.0 + (PetscReal)i / n, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(theta));
  PetscCall(VecAssemblyEnd(theta));
  PetscCall(VecDuplicate(theta, &x));
  PetscCall(VecDuplicate(theta, &xbar));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(VecSet(x, 1.0));
  PetscCall(VecSet(xbar, 1.0));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  if (form == 0)
    PetscCall(ADJSetFixedPoint(adj, FixedPoint, NULL));
  else
    PetscCall(ADJSetResidual(adj, Residual, NULL));
  PetscCall(ADJSetVJP(adj, form == 0 ? FixedPointVJP : ResidualVJP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));

  /* against the closed form: 2 sqrt(theta) thetabar = 1 */
  PetscCall(VecCopy(theta, xbar));
  PetscCall(VecSqrtAbs(xbar));
  PetscCall(VecPointwiseMult(xbar, xbar, thetabar));
  PetscCall(VecScale(xbar, 2.0));
  PetscCall(VecShift(xbar, -1.0));
  PetscCall(VecNorm(xbar, NORM_INFINITY, &error));
  PetscCheck(error < 1e-7, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The gradient is off by %g", (double)error);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: gradient of the sum of %" PetscInt_FMT " square roots, relative error %.1e\n", forms[form], n, (double)error));

  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(PetscFinalize());
  return 0;
}
