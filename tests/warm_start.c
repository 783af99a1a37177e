static char help[] = "A good initial guess saves iterations and changes nothing else.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define RTOL 1e-6

static PetscErrorCode TrueResidual(Problem *p, PetscReal *norm)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemMap(p->adj, p->x, p->theta, p->xdot, p));
  if (!p->residual) PetscCall(VecAXPY(p->xdot, -1.0, p->x));
  PetscCall(VecNorm(p->xdot, NORM_2, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestForward(PetscBool residual, const char options[])
{
  Problem             p;
  PetscOptions        opts;
  PetscReal           first, last, warm;
  PetscInt            its, cold, n;
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 17, LAYOUT_EMPTY, 4, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.8, &p));
  p.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(TrueResidual(&p, &first));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &cold));
  PetscCall(TrueResidual(&p, &last));
  PetscCall(TapOk((PetscBool)(cold > 0 && last <= RTOL * first), "%s: %" PetscInt_FMT " iterations from zero", options, cold));

  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(ADJGetForwardReason(p.adj, &reason));
  PetscCall(ADJGetForwardHistory(p.adj, &n, NULL));
  PetscCall(TapOk((PetscBool)(its == 0 && reason > 0 && n == 1), "%s: none from the solution", options));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapOk(PETSC_TRUE, "%s: whose derivative is not refused", options));

  /* a guess whose residual is some 1e-3 of the first, that of zero: half of the way is left */
  PetscCall(VecScale(p.theta, 1.001));
  PetscCall(VecCopy(p.x, p.at));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(TrueResidual(&p, &first));
  PetscCall(VecCopy(p.at, p.x));
  PetscCall(TrueResidual(&p, &warm));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &its));
  PetscCall(TrueResidual(&p, &last));
  PetscCall(TapBelow(last, RTOL * first, "%s: rtol refers to a cold start at the same parameters", options));
  if (!residual) {
    PetscCall(TapOk((PetscBool)(last > RTOL * warm), "%s: not to the guess", options));
    PetscCall(TapOk((PetscBool)(its > 0 && 4 * its < 3 * cold), "%s: %" PetscInt_FMT " iterations from a guess", options, its));
  }

  /* ADJReset() forgets the cold start */
  PetscCall(ADJReset(p.adj));
  PetscCall(VecScale(p.theta, 1.001));
  PetscCall(TrueResidual(&p, &warm));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TrueResidual(&p, &last));
  PetscCall(TapBelow(last, RTOL * warm, "%s: it does after ADJReset()", options));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |v - M^H w| by hand, the state being solved for before */
static PetscErrorCode AdjointResidual(Problem *p, Vec v, PetscReal *relative)
{
  Vec       w;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(ADJGetAdjointSolution(p->adj, &w));
  PetscCall(ProblemVJP(p->adj, p->at, p->theta, w, p->xdot, NULL, p));
  PetscCall(VecAYPX(p->xdot, -1.0, w));
  PetscCall(VecAXPY(p->xdot, -1.0, v));
  PetscCall(VecNorm(p->xdot, NORM_2, relative));
  PetscCall(VecNorm(v, NORM_2, &norm));
  *relative /= norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestAdjoint(const char type[])
{
  Problem      p;
  PetscOptions opts;
  KSP          ksp;
  Vec          cold, v;
  PetscReal    error, norm;
  PetscInt     its, itscold;
  ADJTrust     verdict;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_ksp_rtol 1e-8 -adj_forward_snes_rtol 1e-13", &opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 17, LAYOUT_UNEVEN, 4, LAYOUT_LAST, SPECTRUM_PAIRS, 0.8, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJGetKSP(p.adj, &ksp));
  PetscCall(KSPSetType(ksp, type));
  PetscCall(VecDuplicate(p.thetabar, &cold));
  PetscCall(VecDuplicate(p.v, &v));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));

  /* v + 1e-3 x, from the adjoint of v and from zero */
  PetscCall(VecWAXPY(p.xdot, 1e-3, p.x, p.v));
  PetscCall(VecCopy(p.xdot, v));
  PetscCall(ADJSolveAdjoint(p.adj, v, cold));
  PetscCall(ADJGetAdjointIterations(p.adj, &itscold));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(ADJSolveAdjoint(p.adj, v, p.thetabar));
  PetscCall(ADJGetAdjointIterations(p.adj, &its));
  PetscCall(TapOk((PetscBool)(its > 0 && its < itscold), "%s: %" PetscInt_FMT " iterations from a guess, %" PetscInt_FMT " from zero", type, its, itscold));
  PetscCall(AdjointResidual(&p, v, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: rtol refers to |v|", type));
  PetscCall(VecDistance(p.thetabar, cold, &error));
  PetscCall(TapBelow(error, 1e-7, "%s: the same gradient", type));

  PetscCall(ADJSolveAdjoint(p.adj, v, p.thetabar));
  PetscCall(ADJGetAdjointIterations(p.adj, &its));
  PetscCall(VecDistance(p.thetabar, cold, &error));
  PetscCall(TapOk((PetscBool)(its == 0), "%s: no iteration from the solution", type));
  PetscCall(TapBelow(error, 1e-7, "%s: the same gradient", type));

  /* zero is zero, also from a guess that is not */
  PetscCall(VecSet(v, 0.0));
  PetscCall(ADJSolveAdjoint(p.adj, v, p.thetabar));
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &norm));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(norm == 0.0 && verdict == ADJ_TRUST_ESTIMATED), "%s: v = 0 gives 0, verdict %s", type, ADJTrusts[verdict]));
  PetscCall(VecWAXPY(v, 1e-3, p.x, p.v));
  PetscCall(ADJSolveAdjoint(p.adj, v, p.thetabar));
  PetscCall(VecDistance(p.thetabar, cold, &error));
  PetscCall(TapBelow(error, 1e-7, "%s: the same gradient afterwards", type)); /* PETSc's bcgs adds the last guess to a solve from zero */
  PetscCall(OptionsEnd(&opts));
  PetscCall(VecDestroy(&cold));
  PetscCall(VecDestroy(&v));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestForward(PETSC_FALSE, "-adj_forward_snes_rtol 1e-6"));
  PetscCall(TestForward(PETSC_TRUE, "-adj_forward_snes_rtol 1e-6"));
  PetscCall(TestAdjoint(KSPGMRES));
  PetscCall(TestAdjoint(KSPRICHARDSON));
  PetscCall(TestAdjoint(KSPFGMRES));
  PetscCall(TestAdjoint(KSPBCGS));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
