static char help[] = "What the methods of differentiation have in common, in numbers: each against another one, and against differences.\n\n";

/*
   nsize: 1 2 4
   timeout: 600
*/
#include "problems.h"

#define EXACT 1e-12

static Spectrum spectrum = SPECTRUM_PAIRS;

/* A nonlinear fixed point with an adjoint context set up by options, and the state solved for from x = 0 */
static PetscErrorCode Begin(const char options[], Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_forward_snes_rtol 1e-14 -adj_forward_snes_atol 1e-14 -adj_ksp_rtol 1e-13 -adj_tangent_ksp_rtol 1e-13 -adj_trust_action ignore", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 13, LAYOUT_UNEVEN, 6, LAYOUT_EMPTY, spectrum, 0.5, p));
  p->s = 0.02;
  p->t = 0.3;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Pullback(const char options[], Vec thetabar)
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, &p));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecCopy(p.thetabar, thetabar));
  PetscCall(TapOk((PetscBool)(p.elsewhere == 0), "%s: every product where it was linearized", options));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSame(const char a[], const char b[], PetscReal tol, Vec work[])
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(Pullback(a, work[0]));
  PetscCall(Pullback(b, work[1]));
  PetscCall(VecDistance(work[0], work[1], &error));
  PetscCall(TapBelow(error, tol, "%s = %s", a, b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <v, xdot> = <thetabar, thetadot>, whatever the method approximates */
static PetscErrorCode TestDuality(const char options[])
{
  Problem     p;
  PetscScalar a, b;
  PetscReal   vnorm, xnorm;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, &p));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDot(p.xdot, p.v, &a));
  PetscCall(VecDot(p.thetadot, p.thetabar, &b));
  PetscCall(VecNorm(p.v, NORM_2, &vnorm));
  PetscCall(VecNorm(p.xdot, NORM_2, &xnorm));
  PetscCall(TapBelow(PetscAbsScalar(a - b) / (vnorm * xnorm), EXACT, "%s: <v, xdot> = <thetabar, thetadot>", options));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, x_K> after K steps by hand from x0 + h xdir at theta + h tdir */
static PetscErrorCode ProgramValue(Problem *p, PetscInt K, PetscReal h, Vec x0, Vec xdir, Vec tdir, PetscReal *value)
{
  Vec         x, y, theta;
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x0, &x));
  PetscCall(VecDuplicate(x0, &y));
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecCopy(x0, x));
  PetscCall(VecCopy(p->theta, theta));
  if (xdir) PetscCall(VecAXPY(x, h, xdir));
  if (tdir) PetscCall(VecAXPY(theta, h, tdir));
  for (PetscInt k = 0; k < K; k++) {
    PetscCall(ProblemMap(NULL, x, theta, y, p));
    PetscCall(VecCopy(y, x));
  }
  PetscCall(VecDot(x, p->v, &dot));
  *value = PetscRealPart(dot);
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The K-step program against central differences of itself, in theta and in x_0 */
static PetscErrorCode TestProgram(const char type[], PetscInt K, PetscReal tol)
{
  Problem     p;
  char        options[64];
  Vec         x0, x0bar;
  PetscReal   plus, minus, diff;
  PetscScalar dot;
  ADJTrust    verdict;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_type %s -adj_steps %" PetscInt_FMT, type, K));
  PetscCall(Begin(options, &p));
  PetscCall(VecDuplicate(p.x, &x0));
  PetscCall(VecSetWave(x0, 9));
  PetscCall(VecCopy(x0, p.x));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", options, ADJTrusts[verdict]));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(ProgramValue(&p, K, 1e-5, x0, NULL, p.thetadot, &plus));
  PetscCall(ProgramValue(&p, K, -1e-5, x0, NULL, p.thetadot, &minus));
  diff = (plus - minus) / 2e-5;
  PetscCall(TapBelow(PetscAbsReal(diff - PetscRealPart(dot)) / PetscMax(1.0, PetscAbsReal(diff)), tol, "%s: central difference in theta", options));
  PetscCall(ADJGetInitialGradient(p.adj, &x0bar));
  PetscCall(VecDot(p.c, x0bar, &dot));
  PetscCall(ProgramValue(&p, K, 1e-5, x0, p.c, NULL, &plus));
  PetscCall(ProgramValue(&p, K, -1e-5, x0, p.c, NULL, &minus));
  diff = (plus - minus) / 2e-5;
  PetscCall(TapBelow(PetscAbsReal(diff - PetscRealPart(dot)) / PetscMax(1.0, PetscAbsReal(diff)), tol, "%s: central difference in x_0", options));
  PetscCall(VecDestroy(&x0));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The error of the k-term series falls by the spectral radius a term, which the observed rate of the forward solve shows too */
static PetscErrorCode TestNeumannRate(Vec work[])
{
  PetscReal error[2], rate;
  Problem   p;

  PetscFunctionBeginUser;
  spectrum = SPECTRUM_REAL;
  PetscCall(Pullback("-adj_type implicit", work[0]));
  PetscCall(Pullback("-adj_type neumann -adj_neumann_terms 10", work[1]));
  PetscCall(VecDistance(work[1], work[0], &error[0]));
  PetscCall(Pullback("-adj_type neumann -adj_neumann_terms 30", work[1]));
  PetscCall(VecDistance(work[1], work[0], &error[1]));
  PetscCall(Begin("-adj_type implicit", &p));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetContraction(p.adj, &rate, NULL));
  PetscCall(TapClose(PetscPowReal(error[1] / error[0], 1.0 / 20), rate, 0.02, "the error of the Neumann series falls at the rate of the spectral radius"));
  PetscCall(ProblemDestroy(&p));
  spectrum = SPECTRUM_PAIRS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After k + 1 iterations from zero the fixed-point adjoint stands at the sum of k powers */
static PetscErrorCode TestRichardson(PetscInt k)
{
  Problem   p, q;
  char      options[128];
  Vec       w, u;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_ksp_type richardson -adj_ksp_norm_type none -adj_ksp_max_it %" PetscInt_FMT, k + 1));
  PetscCall(Begin(options, &p));
  PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_type neumann -adj_neumann_terms %" PetscInt_FMT, k));
  PetscCall(Begin(options, &q));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(ADJGetAdjointSolution(p.adj, &w));
  PetscCall(ADJGetAdjointSolution(q.adj, &u));
  PetscCall(VecDistance(w, u, &error));
  PetscCall(TapBelow(error, EXACT, "Richardson iterate %" PetscInt_FMT " = Neumann sum", k + 1));
  PetscCall(VecDistance(p.thetabar, q.thetabar, &error));
  PetscCall(TapBelow(error, EXACT, "and so its pullback"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Problem p;
  Vec     work[2];
  int     failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(Begin("", &p));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDuplicate(p.theta, &work[i]));
  PetscCall(ProblemDestroy(&p));
  PetscCall(TestSame("-adj_type unrolled", "-adj_type implicit", 1e-10, work));
  PetscCall(TestSame("-adj_type unrolled -adj_steps 200", "-adj_type implicit", 1e-10, work));
  PetscCall(TestSame("-adj_type truncated -adj_truncated_steps 1", "-adj_type onestep", 0.0, work));
  PetscCall(TestSame("-adj_type truncated -adj_truncated_steps 100000", "-adj_type unrolled", 0.0, work));
  PetscCall(TestSame("-adj_type neumann -adj_neumann_terms 80", "-adj_type implicit", 1e-10, work));
  PetscCall(TestSame("-adj_type auto", "-adj_type implicit", 1e-10, work));
  PetscCall(TestSame("-adj_type auto -adj_auto_max_terms 200", "-adj_type implicit", 1e-10, work));
  PetscCall(TestDuality("-adj_type implicit"));
  PetscCall(TestDuality("-adj_type onestep"));
  PetscCall(TestDuality("-adj_type neumann -adj_neumann_terms 0"));
  PetscCall(TestDuality("-adj_type neumann -adj_neumann_terms 7"));
  PetscCall(TestDuality("-adj_type truncated -adj_truncated_steps 6"));
  PetscCall(TestDuality("-adj_type unrolled"));
  PetscCall(TestDuality("-adj_type unrolled -adj_steps 9 -adj_trajectory_type binomial -adj_trajectory_checkpoints 3"));
  PetscCall(TestDuality("-adj_type auto"));
  PetscCall(TestProgram("unrolled", 1, 1e-8));
  PetscCall(TestProgram("unrolled", 7, 1e-8));
  spectrum = SPECTRUM_CLUSTER; /* F must be invertible */
  PetscCall(TestProgram("reversible", 7, 1e-8));
  spectrum = SPECTRUM_PAIRS;
  PetscCall(TestNeumannRate(work));
  PetscCall(TestRichardson(0));
  PetscCall(TestRichardson(9));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecDestroy(&work[i]));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
