static char help[] = "Products are taken where the linearization was made, also when Newton's method lags its Jacobian.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* Three solves, with their derivatives or without */
static PetscErrorCode TestLag(PetscBool residual, PetscBool derivatives, PetscBool lags, const char options[])
{
  Problem             p;
  PetscOptions        opts;
  PetscInt            its, before;
  PetscReal           error;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 12, LAYOUT_UNEVEN, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.6, &p));
  p.s        = 0.05;
  p.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  for (PetscInt k = 0; k < 3; k++) {
    before = p.linearized;
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(ADJGetForwardIterations(p.adj, &its));
    PetscCall(ADJGetForwardReason(p.adj, &reason));
    PetscCall(TapOk((PetscBool)(reason > 0 && its > 1), "%s: solve %" PetscInt_FMT " converges in %" PetscInt_FMT " iterations", options, k, its));
    PetscCall(TapOk((PetscBool)(lags ? p.linearized - before < its : p.linearized - before == its), "%s: solve %" PetscInt_FMT " with %" PetscInt_FMT " linearizations", options, k, p.linearized - before));
    PetscCall(TapOk((PetscBool)(p.elsewhere == 0), "%s: solve %" PetscInt_FMT ", no product elsewhere", options, k));
    if (derivatives) {
      before = p.linearized;
      PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
      PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
      PetscCall(TapOk((PetscBool)(p.elsewhere == 0 && p.linearized == before + 1), "%s: nor by the derivatives there, linearized once", options));
      PetscCall(VecDistance(p.at, p.x, &error));
      PetscCall(TapOk((PetscBool)(error == 0.0), "%s: at the solution", options));
    }
    p.elsewhere = 0;
    PetscCall(VecScale(p.theta, 0.9));
  }
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestLag(PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, "-adj_forward_snes_lag_jacobian 1"));
  PetscCall(TestLag(PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, "-adj_forward_snes_lag_jacobian 2"));
  PetscCall(TestLag(PETSC_FALSE, PETSC_FALSE, PETSC_TRUE, "-adj_forward_snes_type newtonls -adj_forward_snes_lag_jacobian 2"));
  PetscCall(TestLag(PETSC_TRUE, PETSC_FALSE, PETSC_TRUE, "-adj_forward_snes_lag_jacobian 20 -adj_forward_snes_lag_jacobian_persists"));
  PetscCall(TestLag(PETSC_TRUE, PETSC_TRUE, PETSC_TRUE, "-adj_forward_snes_lag_jacobian 20 -adj_forward_snes_lag_jacobian_persists"));
  PetscCall(TestLag(PETSC_TRUE, PETSC_FALSE, PETSC_TRUE, "-adj_forward_snes_lag_jacobian -2"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
