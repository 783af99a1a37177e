static char help[] = "What the methods cost, by counting: applications of F, products, steps made again, states kept.\n\n";

/*
   nsize: 1 2
*/
#include "problems.h"

/* An iteration that needs many steps, and is cheap */
static PetscErrorCode Begin(const char options[], Problem *p)
{
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_level none", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 5, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, SPECTRUM_REAL, 0.9, p));
  p->s = 0.001;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps that must be made again with c states kept at a time, the best that can be: T(K, c) - (K - 1), by dynamic programming */
static PetscErrorCode Optimum(PetscInt K, PetscInt c, PetscInt *steps)
{
  PetscInt *T, *below;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(K + 1, &T, K + 1, &below));
  for (PetscInt l = 0; l <= K; l++) below[l] = l * (l - 1) / 2;
  for (PetscInt s = 2; s <= c; s++) {
    T[0] = T[1] = 0;
    for (PetscInt l = 2; l <= K; l++) {
      T[l] = below[l];
      for (PetscInt m = 1; m < l; m++) T[l] = PetscMin(T[l], m + below[l - m] + T[m]);
    }
    PetscCall(PetscArraycpy(below, T, K + 1));
  }
  *steps = below[K] - (K - 1);
  PetscCall(PetscFree2(T, below));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One forward and one adjoint solve. Expected: steps made again (negative: not known), states kept at most */
static PetscErrorCode TestUnrolled(PetscInt K, const char options[], PetscInt again, PetscInt kept)
{
  Problem     p;
  ADJCounters n;
  char        text[160];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-adj_type unrolled -adj_steps %" PetscInt_FMT " %s", K, options));
  PetscCall(Begin(text, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.map == K + 1), "%s: %" PetscInt_FMT " applications of F, and one for the residual", text, n.map));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.vjp_x == K && n.vjp_theta == K && n.linearize == K), "%s: one product a step, %" PetscInt_FMT, text, n.vjp_x));
  PetscCall(TapOk((PetscBool)(n.map == K + 1 + n.recomputed), "%s: F only for steps made again", text));
  PetscCall(TapOk((PetscBool)(n.recomputed == again), "%s: %" PetscInt_FMT " steps made again, the optimum is %" PetscInt_FMT, text, n.recomputed, again));
  PetscCall(TapOk((PetscBool)(n.stored <= kept), "%s: %" PetscInt_FMT " states kept at a time", text, n.stored));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.jvp == K), "%s: the piggyback tangent takes one JVP a step", text));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBinomial(PetscInt K, PetscInt c)
{
  PetscInt again = 0;
  char     text[80];

  PetscFunctionBeginUser;
  PetscCall(Optimum(K, c, &again));
  PetscCall(PetscSNPrintf(text, sizeof(text), "-adj_trajectory_checkpoints %" PetscInt_FMT, c));
  PetscCall(TestUnrolled(K, text, again, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Until convergence, K not known before: no step is made again more than r times, C(c + r, c) >= K */
static PetscErrorCode TestOnline(PetscInt c)
{
  Problem     p;
  ADJCounters n;
  char        text[120];
  PetscInt    K, r = 0;
  PetscReal   reach = 1.0;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-adj_type unrolled -adj_forward_snes_rtol 1e-12 -adj_trajectory_checkpoints %" PetscInt_FMT, c));
  PetscCall(Begin(text, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetForwardIterations(p.adj, &K));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetCounters(p.adj, &n));
  while (reach < K) {
    r++;
    reach = reach * (c + r) / r;
  }
  PetscCall(TapOk((PetscBool)(n.recomputed <= r * K && n.recomputed > 0), "%s: %" PetscInt_FMT " of %" PetscInt_FMT " steps made again, %" PetscInt_FMT " times at most", text, n.recomputed, K, r));
  PetscCall(TapOk((PetscBool)(n.stored <= c), "%s: %" PetscInt_FMT " states kept at a time", text, n.stored));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestProducts(const char options[], PetscInt vjpx, PetscInt vjptheta, PetscInt jvp, PetscInt kept)
{
  Problem     p;
  ADJCounters n;
  PetscInt    map;

  PetscFunctionBeginUser;
  PetscCall(Begin(options, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &n));
  map = n.map;
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetCounters(p.adj, &n));
  PetscCall(TapOk((PetscBool)(n.vjp_x == vjpx && n.vjp_theta == vjptheta), "%s: VJPs %" PetscInt_FMT " in x, %" PetscInt_FMT " in theta", options, n.vjp_x, n.vjp_theta));
  PetscCall(TapOk((PetscBool)(n.jvp == jvp), "%s: %" PetscInt_FMT " JVPs", options, n.jvp));
  PetscCall(TapOk((PetscBool)(n.map == map), "%s: no application of F", options));
  PetscCall(TapOk((PetscBool)(n.stored == kept), "%s: %" PetscInt_FMT " states kept", options, n.stored));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscInt c[] = {5, 10, 20, 50};
  PetscMPIInt    size;
  PetscInt       K;
  int            failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  K = size == 1 ? 1000 : 100;
  PetscCall(TestUnrolled(K, "", 0, K));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(TestBinomial(K, c[i]));
    PetscCall(TestBinomial(c[i], c[i]));
    PetscCall(TestBinomial(c[i] + 1, c[i]));
    PetscCall(TestOnline(c[i]));
  }
  PetscCall(TestBinomial(1, 1));
  PetscCall(TestBinomial(30, 1));
  PetscCall(TestUnrolled(0, "", 0, 0));
  PetscCall(TestProducts("-adj_type onestep", 0, 1, 1, 0));
  PetscCall(TestProducts("-adj_type neumann -adj_neumann_terms 0", 0, 1, 1, 0));
  PetscCall(TestProducts("-adj_type neumann -adj_neumann_terms 12", 12, 1, 13, 0));
  PetscCall(TestProducts("-adj_type truncated -adj_truncated_steps 7", 6, 7, 7, 7));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
