static char help[] = "Linear problems: adjoint and tangent against a dense LU factorization, whatever the layout.\n\n";

/*
   nsize: 1 2 4
   args: -adj_ksp_rtol 1e-14 -adj_tangent_ksp_rtol 1e-14 -adj_forward_snes_rtol 1e-14
   args: -residual -adj_ksp_rtol 1e-14 -adj_tangent_ksp_rtol 1e-14 -adj_forward_snes_rtol 1e-14
*/
#include "problems.h"

#define TOL 1e-12

/* By GMRES, and by the iteration w <- v + A^H w; against LU, and against the same problem on every process */
static PetscErrorCode TestPullbacks(Problem *p, Problem *self)
{
  const KSPType types[] = {KSPGMRES, KSPRICHARDSON};
  Vec           thetabar;
  KSP           ksp;
  PetscReal     error;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(self->thetabar, &thetabar));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(KSPSetType(ksp, types[k]));
    PetscCall(VecSetWave(p->v, 6 + k));
    PetscCall(VecSetWave(self->v, 6 + k));
    PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
    PetscCall(ADJSolveAdjoint(self->adj, self->v, self->thetabar));
    PetscCall(ProblemReference(self, thetabar, self->xdot));
    PetscCall(VecDistanceToSelf(p->thetabar, self->thetabar, &error));
    PetscCall(TapBelow(error, TOL, "pullback by %s against that on one process", types[k]));
    PetscCall(VecDistanceToSelf(p->thetabar, thetabar, &error));
    PetscCall(TapBelow(error, TOL, "pullback by %s against LU", types[k]));
  }
  PetscCall(VecDestroy(&thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* self->xdot is that of LU; p->thetabar the pullback of p->v */
static PetscErrorCode TestPushforward(Problem *p, Problem *self)
{
  PetscReal   error, vnorm, xnorm;
  PetscScalar a, b;

  PetscFunctionBeginUser;
  PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
  PetscCall(VecDistanceToSelf(p->xdot, self->xdot, &error));
  PetscCall(TapBelow(error, TOL, "pushforward against LU"));
  PetscCall(VecDot(p->xdot, p->v, &a));
  PetscCall(VecDot(p->thetadot, p->thetabar, &b));
  PetscCall(VecNorm(p->v, NORM_2, &vnorm));
  PetscCall(VecNorm(p->xdot, NORM_2, &xnorm));
  PetscCall(TapBelow(PetscAbsScalar(a - b) / (vnorm * xnorm), TOL, "<v, xdot> = <thetabar, thetadot>"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestShape(PetscInt n, Layout xlayout, PetscInt m, Layout tlayout, PetscBool residual)
{
  Problem     p, self;
  PetscReal   error;
  PetscInt    before;
  ADJTrust    verdict;
  ADJCounters counters;

  PetscFunctionBeginUser;
  PetscCall(TapDiag("%" PetscInt_FMT " unknowns, %" PetscInt_FMT " parameters", n, m));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, xlayout, m, tlayout, SPECTRUM_PAIRS, 0.7, &p));
  PetscCall(ProblemCreate(PETSC_COMM_SELF, n, xlayout, m, tlayout, SPECTRUM_PAIRS, 0.7, &self));
  p.residual = self.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ProblemCreateADJ(&self));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSetFromOptions(self.adj));
  PetscCall(ADJSetTrustLevel(self.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolve(self.adj, self.theta, self.x));
  PetscCall(VecDistanceToSelf(p.x, self.x, &error));
  PetscCall(TapBelow(error, TOL, "state against that on one process"));
  before = p.linearized;
  PetscCall(TestPullbacks(&p, &self));
  PetscCall(TestPushforward(&p, &self));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "the verdict is %s", ADJTrusts[verdict]));
  PetscCall(ADJGetCounters(p.adj, &counters));
  PetscCall(TapOk((PetscBool)(p.linearized == before + 1 && counters.linearize == p.linearized), "one linearization serves all derivatives"));
  PetscCall(TapOk((PetscBool)(counters.vjp_theta == 2), "one product in theta for each pullback"));
  PetscCall(TapOk((PetscBool)(p.elsewhere == 0), "no product anywhere else"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscBool residual = PETSC_FALSE;
  int       failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-residual", &residual, NULL));
  PetscCall(TapBegin());
  PetscCall(TestShape(13, LAYOUT_EVEN, 5, LAYOUT_EVEN, residual));
  PetscCall(TestShape(13, LAYOUT_UNEVEN, 1, LAYOUT_LAST, residual));
  PetscCall(TestShape(6, LAYOUT_EMPTY, 17, LAYOUT_UNEVEN, residual));
  PetscCall(TestShape(1, LAYOUT_LAST, 1, LAYOUT_EMPTY, residual));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
