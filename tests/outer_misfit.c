static char help[] = "Sums of squares: the Jacobian of the misfit, Gauss-Newton, and methods of Tao that want it.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
   args: -residual -adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -malloc_debug false
*/
#include "problems.h"
#include <petsc/private/taoimpl.h>

typedef struct {
  Problem   p;
  PetscBool obstacle; /* there is no state at the second parameters that are tried */
  Vec       first, second;
} Case;

/* d = x + x^2/10 - v + B theta/10 */
static PetscErrorCode Misfit(ADJ adj, Vec x, Vec theta, Vec d, void *ctx)
{
  Case *c = (Case *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(MatMult(c->p.B, theta, d));
  PetscCall(VecAXPBYPCZ(d, 1.0, -1.0, 0.1, x, c->p.v));
  PetscCall(VecPointwiseMult(c->p.xwork, x, x));
  PetscCall(VecAXPY(d, 0.1, c->p.xwork));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MisfitVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Case *c = (Case *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(VecPointwiseMult(xbar, x, w));
    PetscCall(VecAYPX(xbar, 0.2, w));
  }
  if (thetabar) {
    PetscCall(MatMultTranspose(c->p.B, w, thetabar));
    PetscCall(VecScale(thetabar, 0.1));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MisfitJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ddot, void *ctx)
{
  Case *c = (Case *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecSet(ddot, 0.0));
  if (thetadot) PetscCall(MatMult(c->p.B, thetadot, ddot));
  PetscCall(VecScale(ddot, 0.1));
  if (xdot) {
    PetscCall(VecPointwiseMult(c->p.xwork, x, xdot));
    PetscCall(VecAXPBYPCZ(ddot, 1.0, 0.2, 1.0, xdot, c->p.xwork));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Case     *c = (Case *)ctx;
  PetscBool same;

  PetscFunctionBeginUser;
  PetscCall(ProblemMap(adj, x, theta, y, &c->p));
  if (!c->obstacle) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecEqual(theta, c->first, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  if (!c->second) {
    PetscCall(VecDuplicate(theta, &c->second));
    PetscCall(VecCopy(theta, c->second));
  }
  PetscCall(VecEqual(theta, c->second, &same));
  if (same) PetscCall(VecScale(y, PETSC_INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 11, LAYOUT_UNEVEN, 4, LAYOUT_EMPTY, SPECTRUM_PAIRS, 0.6, &c->p));
  c->p.s = 0.02;
  c->p.t = 0.1;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-residual", &c->p.residual, NULL));
  PetscCall(ProblemCreateADJ(&c->p));
  if (c->p.residual)
    PetscCall(ADJSetResidual(c->p.adj, Map, c));
  else
    PetscCall(ADJSetFixedPoint(c->p.adj, Map, c));
  PetscCall(ADJSetMisfit(c->p.adj, c->p.x, Misfit, MisfitVJP, MisfitJVP, c));
  PetscCall(ADJSetSolution(c->p.adj, c->p.x));
  PetscCall(ADJSetFromOptions(c->p.adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* J against differences of d, J^T against J, J^T d against the gradient, J^T J against the Gauss-Newton Hessian; Hessians by Taylor */
static PetscErrorCode TestJacobian(void)
{
  Case        c;
  Tao         tao;
  Mat         J, H;
  Vec         d, e, y, z, theta;
  PetscScalar a, b;
  PetscReal   error, order = 0.0, asymmetry = 1.0;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetSolution(tao, c.p.theta));
  PetscCall(ADJSetTao(c.p.adj, tao));
  J = tao->ls_jac;
  PetscCall(MatCreateVecs(J, &y, &d));
  PetscCall(VecDuplicate(d, &e));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(VecDuplicate(y, &theta));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(VecWAXPY(theta, k ? -1e-5 : 1e-5, c.p.thetadot, c.p.theta));
    PetscCall(TaoComputeResidual(tao, theta, k ? e : d));
  }
  PetscCall(VecAXPY(d, -1.0, e));
  PetscCall(VecScale(d, 0.5e5));
  PetscCall(TaoComputeResidualJacobian(tao, c.p.theta, J, J));
  PetscCall(MatMult(J, c.p.thetadot, e));
  PetscCall(VecDistance(e, d, &error));
  PetscCall(TapBelow(error, 1e-7, "Jacobian of the misfit against differences"));
  PetscCall(MatMultTranspose(J, c.p.v, y));
  PetscCall(VecDot(e, c.p.v, &a));
  PetscCall(VecDot(c.p.thetadot, y, &b));
  PetscCall(TapClose(PetscRealPart(a), PetscRealPart(b), 1e-10, "its transpose"));
  PetscCall(ADJSetHessianType(c.p.adj, ADJ_HESSIAN_GAUSS_NEWTON));
  PetscCall(ADJCreateHessian(c.p.adj, c.p.theta, &H));
  PetscCall(ADJComputeHessian(c.p.adj, c.p.theta, H));
  PetscCall(MatMult(H, c.p.thetadot, y));
  PetscCall(MatMultTranspose(J, e, z));
  PetscCall(VecDistance(y, z, &error));
  PetscCall(TapBelow(error, 1e-9, "the Gauss-Newton Hessian is J^T J"));
  PetscCall(ADJSetHessianType(c.p.adj, ADJ_HESSIAN_FULL));
  PetscCall(ADJTestHessian(c.p.adj, c.p.theta, c.p.x, &order, &asymmetry));
  PetscCall(TapBelow(PetscAbsReal(order - 3.0), 0.2, "the full Hessian: order %g", (double)order));
  PetscCall(TapBelow(asymmetry, 1e-8, "the full Hessian: asymmetry"));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&theta));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Minimize(const char type[], PetscBool obstacle, Vec minimizer, PetscInt *rejected)
{
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  c.obstacle = obstacle;
  PetscCall(VecDuplicate(c.p.theta, &c.first));
  PetscCall(VecCopy(c.p.theta, c.first));
  PetscCall(ADJSetTrustDifferences(c.p.adj, (PetscBool)!obstacle)); /* which evaluate elsewhere */
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, 1e-8, 0.0, 0.0));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(ADJGetRejected(c.p.adj, rejected));
  PetscCall(TapOk((PetscBool)(reason > 0), "%s%s: %s", type, obstacle ? " with an obstacle" : "", TaoConvergedReasons[reason]));
  PetscCall(VecCopy(c.p.theta, minimizer));
  PetscCall(VecDestroy(&c.first));
  PetscCall(VecDestroy(&c.second));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMethods(void)
{
  Case        c;
  Vec         reference, other;
  PetscReal   error;
  PetscInt    rejected;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(VecDuplicate(c.p.theta, &reference));
  PetscCall(VecDuplicate(c.p.theta, &other));
  PetscCall(Minimize(TAOBNLS, PETSC_FALSE, reference, &rejected));
  PetscCall(Minimize(TAOBRGN, PETSC_FALSE, other, &rejected));
  PetscCall(VecDistance(other, reference, &error));
  PetscCall(TapBelow(error, 1e-6, "brgn: the same minimizer"));
  PetscCall(Minimize(TAOBRGN, PETSC_TRUE, other, &rejected));
  PetscCall(VecDistance(other, reference, &error));
  PetscCall(TapOk((PetscBool)(rejected > 0), "brgn: %" PetscInt_FMT " points without a state", rejected));
  PetscCall(TapBelow(error, 1e-6, "brgn: the same minimizer around an obstacle"));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) { /* pounders of PETSc has the whole vectors in one process; it takes neither gradients nor an infinite misfit */
    PetscCall(Minimize(TAOPOUNDERS, PETSC_TRUE, other, &rejected));
    PetscCall(VecDistance(other, reference, &error));
    PetscCall(TapOk((PetscBool)(rejected > 0), "pounders: %" PetscInt_FMT " points without a state", rejected));
    PetscCall(TapBelow(error, 1e-4, "pounders: the same minimizer around an obstacle"));
  }
  PetscCall(VecDestroy(&reference));
  PetscCall(VecDestroy(&other));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefusal(void)
{
  Case               c;
  Tao                tao;
  TaoConvergedReason reason;
  ADJTrust           refused;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(ADJSetVJP(c.p.adj, ProblemLongVJP, &c.p));
  PetscCall(ADJGetTao(c.p.adj, &tao));
  PetscCall(TaoSetType(tao, TAOBRGN));
  PetscCall(ADJMinimize(c.p.adj, c.p.theta));
  PetscCall(TaoGetConvergedReason(tao, &reason));
  PetscCall(ADJGetRefusal(c.p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER && refused == ADJ_TRUST_REFUTED_VJP), "brgn: a refused gradient ends it: %s, %s", TaoConvergedReasons[reason], ADJTrusts[refused]));
  PetscCall(ProblemDestroy(&c.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestJacobian());
  PetscCall(TestMethods());
  PetscCall(TestRefusal());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
