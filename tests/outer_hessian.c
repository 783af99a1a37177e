static char help[] = "Products with the Hessian of the reduced objective: against differences, symmetric, third order.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
   args: -residual -adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
*/
#include "problems.h"

/* d/d(x, theta) of the VJP of F, or of R = x - F, along (xdot, thetadot): 2 s w xdot and 2 t (B^T w) thetadot, or less these */
static PetscErrorCode SecondVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx)
{
  Problem        *p    = (Problem *)ctx;
  const PetscReal sign = p->residual ? -1.0 : 1.0;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(xbar, w, xdot));
  PetscCall(VecScale(xbar, sign * 2.0 * p->s));
  PetscCall(MatMultTranspose(p->B, w, thetabar));
  PetscCall(VecPointwiseMult(thetabar, thetabar, thetadot));
  PetscCall(VecScale(thetabar, sign * 2.0 * p->t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xdot, and |theta|^2 thetadot + 2 <theta, thetadot> theta */
static PetscErrorCode ObjectiveHessian(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx)
{
  PetscReal   norm;
  PetscScalar dot;

  (void)adj;
  (void)x;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(xdot, xbar));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  PetscCall(VecDot(thetadot, theta, &dot));
  PetscCall(VecCopy(thetadot, thetabar));
  PetscCall(VecAXPBY(thetabar, 2.0 * dot, PetscSqr(norm), theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(Layout xlayout, Layout tlayout, PetscReal s, PetscReal t, PetscBool residual, Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, xlayout, 4, tlayout, SPECTRUM_PAIRS, 0.6, p));
  p->s        = s;
  p->t        = t;
  p->residual = residual;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetObjective(p->adj, QuadraticObjective, p));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (g(theta + h d) - g(theta - h d)) / 2h */
static PetscErrorCode CentralDifference(Problem *p, Vec d, PetscReal h, Vec y)
{
  Vec       theta, g;
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecDuplicate(p->theta, &g));
  PetscCall(VecWAXPY(theta, h, d, p->theta));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, theta, &value, y));
  PetscCall(VecWAXPY(theta, -h, d, p->theta));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, theta, &value, g));
  PetscCall(VecAXPY(y, -1.0, g));
  PetscCall(VecScale(y, 0.5 / h));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |<e, H d> - <d, H e>| relative */
static PetscErrorCode Asymmetry(Mat H, Vec d, PetscReal *asymmetry)
{
  Vec         e, Hd, He;
  PetscScalar a, b;
  PetscReal   norm, enorm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(d, &e));
  PetscCall(VecDuplicate(d, &Hd));
  PetscCall(VecDuplicate(d, &He));
  PetscCall(VecSetWave(e, 21));
  PetscCall(MatMult(H, d, Hd));
  PetscCall(MatMult(H, e, He));
  PetscCall(VecDot(Hd, e, &a));
  PetscCall(VecDot(He, d, &b));
  PetscCall(VecNorm(Hd, NORM_2, &norm));
  PetscCall(VecNorm(e, NORM_2, &enorm));
  *asymmetry = PetscAbsScalar(a - b) / (norm * enorm);
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&Hd));
  PetscCall(VecDestroy(&He));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestProducts(Problem *p, const char name[])
{
  Mat                  H;
  Vec                  fd, y, z, x;
  PetscReal            error, asymmetry = 1.0;
  ADJHessianType       type;
  const ADJHessianType types[] = {ADJ_HESSIAN_FULL, ADJ_HESSIAN_DIFFERENCES};

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &fd));
  PetscCall(VecDuplicate(p->theta, &y));
  PetscCall(VecDuplicate(p->theta, &z));
  PetscCall(CentralDifference(p, p->thetadot, 1e-4, fd));
  PetscCall(ADJCreateHessian(p->adj, p->theta, &H));
  PetscCall(TapError(PETSC_ERR_ORDER, MatMult(H, p->thetadot, y), "%s: no point yet", name));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ADJSetHessianType(p->adj, types[k]));
    PetscCall(ADJGetHessianType(p->adj, &type));
    PetscCall(ADJComputeHessian(p->adj, p->theta, H));
    PetscCall(MatMult(H, p->thetadot, y));
    PetscCall(VecDistance(y, fd, &error));
    PetscCall(TapBelow(error, 1e-7, "%s, %s: against differences of gradients", name, ADJHessianTypes[type]));
    PetscCall(Asymmetry(H, p->thetadot, &asymmetry));
    PetscCall(TapBelow(asymmetry, 1e-8, "%s, %s: symmetric", name, ADJHessianTypes[type]));
  }
  /* wherever the context goes, the matrix stays where it was */
  PetscCall(ADJSetHessianType(p->adj, ADJ_HESSIAN_FULL));
  PetscCall(ADJComputeHessian(p->adj, p->theta, H));
  PetscCall(MatMult(H, p->thetadot, y));
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecCopy(p->theta, z));
  PetscCall(VecScale(z, 1.7));
  PetscCall(ADJSolve(p->adj, z, x));
  PetscCall(MatMult(H, p->thetadot, z));
  PetscCall(VecDistance(z, y, &error));
  PetscCall(TapBelow(error, 1e-9, "%s: the same product after a solve elsewhere", name));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, z)); /* at x, again */
  PetscCall(MatMult(H, p->thetadot, fd));
  PetscCall(VecDistance(fd, y, &error));
  PetscCall(TapBelow(error, 1e-9, "%s: and after an adjoint there", name));
  PetscCall(TapOk((PetscBool)(p->elsewhere == 0), "%s: products only where there was a linearization", name));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&fd));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With the user's second derivatives the products are those of the differences, to their accuracy, and no VJP is made elsewhere */
static PetscErrorCode TestUserDerivatives(Problem *p, const char name[])
{
  Mat         H;
  Vec         y, z;
  PetscReal   error, order, asymmetry;
  ADJCounters before, after;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &y));
  PetscCall(VecDuplicate(p->theta, &z));
  PetscCall(ADJCreateHessian(p->adj, p->theta, &H));
  PetscCall(ADJComputeHessian(p->adj, p->theta, H));
  PetscCall(MatMult(H, p->thetadot, z));
  PetscCall(ADJSetSecondVJP(p->adj, SecondVJP, p));
  PetscCall(ADJSetObjectiveHessian(p->adj, ObjectiveHessian, p));
  PetscCall(ADJGetCounters(p->adj, &before));
  PetscCall(MatMult(H, p->thetadot, y));
  PetscCall(ADJGetCounters(p->adj, &after));
  PetscCall(TapOk((PetscBool)(after.linearize - before.linearize <= 1), "%s: %" PetscInt_FMT " linearizations for a product", name, after.linearize - before.linearize));
  PetscCall(VecDistance(z, y, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: differences of first derivatives against second ones", name));
  PetscCall(ADJTestHessian(p->adj, p->theta, p->x, &order, &asymmetry));
  PetscCall(TapBelow(PetscAbsReal(order - 3.0), 0.2, "%s: order %g", name, (double)order));
  PetscCall(TapBelow(asymmetry, 1e-9, "%s: symmetric", name));
  PetscCall(ADJSetSecondVJP(p->adj, NULL, NULL));
  PetscCall(ADJSetObjectiveHessian(p->adj, NULL, NULL));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTaylor(Problem *p, const char name[])
{
  PetscReal order, asymmetry;
  Vec       x0;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &x0));
  PetscCall(ADJTestHessian(p->adj, p->theta, x0, &order, &asymmetry));
  PetscCall(TapBelow(PetscAbsReal(order - 3.0), 0.2, "%s: order %g", name, (double)order));
  PetscCall(TapBelow(asymmetry, 1e-8, "%s: asymmetry", name));
  PetscCall(ADJSetHessianType(p->adj, ADJ_HESSIAN_GAUSS_NEWTON));
  PetscCall(ADJTestHessian(p->adj, p->theta, x0, &order, &asymmetry));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.2, "%s: without second derivatives of the map order %g", name, (double)order));
  PetscCall(TapBelow(asymmetry, 1e-8, "%s: asymmetry of Gauss-Newton", name));
  PetscCall(ADJSetHessianType(p->adj, ADJ_HESSIAN_FULL));
  PetscCall(VecDestroy(&x0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A linear map and the quadratic objective |x|^2/2 + ...: nothing is left out by Gauss and Newton; <d, H d> >= 0 */
static PetscErrorCode TestGaussNewton(PetscBool residual)
{
  Problem     p;
  Mat         H;
  Vec         y, z;
  PetscReal   error;
  PetscScalar curvature;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(LAYOUT_UNEVEN, LAYOUT_EVEN, 0.0, 0.0, residual, &p));
  PetscCall(VecDuplicate(p.theta, &y));
  PetscCall(VecDuplicate(p.theta, &z));
  PetscCall(ADJCreateHessian(p.adj, p.theta, &H));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, y));
  PetscCall(ADJSetHessianType(p.adj, ADJ_HESSIAN_GAUSS_NEWTON));
  PetscCall(MatMult(H, p.thetadot, z));
  PetscCall(VecDistance(z, y, &error));
  PetscCall(TapBelow(error, 1e-8, "linear map: Gauss-Newton is Newton"));
  PetscCall(VecDot(z, p.thetadot, &curvature));
  PetscCall(TapOk((PetscBool)(PetscRealPart(curvature) > 0.0), "linear map: positive curvature"));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Types that keep no adjoint, and a problem without a JVP, have differences of gradients */
static PetscErrorCode TestDifferencesOnly(PetscBool residual)
{
  Problem   p;
  Mat       H;
  Vec       fd, y;
  PetscReal error, order, asymmetry;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(LAYOUT_EMPTY, LAYOUT_LAST, 0.02, 0.3, residual, &p));
  PetscCall(VecDuplicate(p.theta, &fd));
  PetscCall(VecDuplicate(p.theta, &y));
  if (!residual) {
    PetscCall(ADJSetType(p.adj, ADJUNROLLED));
    PetscCall(ADJSetSteps(p.adj, 7));
  } else
    PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJCreateHessian(p.adj, p.theta, &H));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJComputeHessian(p.adj, p.theta, H));
  PetscCall(MatMult(H, p.thetadot, y));
  if (residual)
    PetscCall(CentralDifference(&p, p.thetadot, 1e-4, fd));
  else { /* seven steps from zero, at either side */
    Vec       theta;
    PetscReal value, h = 1e-4;

    PetscCall(VecDuplicate(p.theta, &theta));
    PetscCall(VecSet(fd, 0.0));
    for (PetscInt k = 0; k < 2; k++) {
      Vec g;

      PetscCall(VecDuplicate(fd, &g));
      PetscCall(VecWAXPY(theta, k ? -h : h, p.thetadot, p.theta));
      PetscCall(VecSet(p.x, 0.0));
      PetscCall(ADJComputeObjectiveAndGradient(p.adj, theta, &value, g));
      PetscCall(VecAXPY(fd, (k ? -0.5 : 0.5) / h, g));
      PetscCall(VecDestroy(&g));
    }
    PetscCall(VecDestroy(&theta));
  }
  PetscCall(VecDistance(y, fd, &error));
  PetscCall(TapBelow(error, 1e-6, "%s: against differences of gradients", residual ? "no JVP" : "seven steps"));
  PetscCall(TapError(PETSC_ERR_SUP, ADJTestHessian(p.adj, p.theta, p.x, &order, &asymmetry), "%s: nothing to test", residual ? "no JVP" : "seven steps"));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&fd));
  PetscCall(VecDestroy(&y));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool residual = PETSC_FALSE;
  Problem   p;
  int       failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-residual", &residual, NULL));
  PetscCall(TapBegin());
  PetscCall(CaseCreate(LAYOUT_UNEVEN, LAYOUT_EVEN, 0.02, 0.3, residual, &p));
  PetscCall(TestProducts(&p, "uneven"));
  PetscCall(TestUserDerivatives(&p, "uneven"));
  PetscCall(TestTaylor(&p, "uneven"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(CaseCreate(LAYOUT_EMPTY, LAYOUT_LAST, 0.02, 0.3, residual, &p));
  PetscCall(TestProducts(&p, "empty rank"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(TestGaussNewton(residual));
  PetscCall(TestDifferencesOnly(residual));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
