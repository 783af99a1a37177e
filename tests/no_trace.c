static char help[] = "Checks leave no trace: states, derivatives, counters and random streams are the same at every level of trust.\n\n";

/*
   nsize: 1 2
   args: -malloc_debug false
*/
#include <stdlib.h>
#include "problems.h"

#define STATES 2

/* All that a program sees of a sequence of solves */
typedef struct {
  Vec         x[STATES], thetabar[STATES], again[STATES], xdot[STATES];
  ADJCounters counters;
  double      drand;
  int         rand;
} Trace;

/* Warm-started states; at each an adjoint, a tangent, and the adjoint of another cotangent */
static PetscErrorCode Run(const char options[], const char checks[], PetscBool residual, Trace *t)
{
  Problem      p;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_action ignore -adj_ksp_initial_guess_nonzero", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(PetscOptionsInsertString(opts, checks));
  srand48(1);
  srand(1);
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 23, LAYOUT_UNEVEN, 5, LAYOUT_EMPTY, SPECTRUM_PAIRS, 0.6, &p));
  p.s        = 0.02;
  p.t        = 0.3;
  p.residual = residual;
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  for (PetscInt k = 0; k < STATES; k++) {
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(VecDuplicate(p.x, &t->x[k]));
    PetscCall(VecDuplicate(p.x, &t->xdot[k]));
    PetscCall(VecDuplicate(p.theta, &t->thetabar[k]));
    PetscCall(VecDuplicate(p.theta, &t->again[k]));
    PetscCall(VecCopy(p.x, t->x[k]));
    PetscCall(ADJSolveAdjoint(p.adj, p.v, t->thetabar[k]));
    PetscCall(ADJSolveTangent(p.adj, p.thetadot, t->xdot[k]));
    PetscCall(ADJSolveAdjoint(p.adj, t->xdot[k], t->again[k]));
    PetscCall(VecScale(p.theta, 1.05));
  }
  PetscCall(ADJGetCounters(p.adj, &t->counters));
  t->drand = drand48();
  t->rand  = rand();
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Trace *t)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < STATES; k++) {
    PetscCall(VecDestroy(&t->x[k]));
    PetscCall(VecDestroy(&t->xdot[k]));
    PetscCall(VecDestroy(&t->thetabar[k]));
    PetscCall(VecDestroy(&t->again[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Compare(const Trace *a, const Trace *b, const char what[])
{
  PetscBool same;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < STATES; k++) {
    PetscCall(VecEqual(a->x[k], b->x[k], &same));
    PetscCall(TapOk(same, "%s: state %" PetscInt_FMT " to the bit", what, k));
    PetscCall(VecEqual(a->thetabar[k], b->thetabar[k], &same));
    PetscCall(TapOk(same, "%s: pullback %" PetscInt_FMT " to the bit", what, k));
    PetscCall(VecEqual(a->xdot[k], b->xdot[k], &same));
    PetscCall(TapOk(same, "%s: tangent %" PetscInt_FMT " to the bit", what, k));
    PetscCall(VecEqual(a->again[k], b->again[k], &same));
    PetscCall(TapOk(same, "%s: second pullback %" PetscInt_FMT " to the bit", what, k));
  }
  PetscCall(TapOk((PetscBool)(a->counters.map == b->counters.map && a->counters.linearize == b->counters.linearize && a->counters.vjp_theta == b->counters.vjp_theta), "%s: evaluations, linearizations and products in theta on the user's account", what));
  PetscCall(TapOk((PetscBool)(a->drand == b->drand && a->rand == b->rand), "%s: the random streams of C", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestLevels(const char options[], PetscBool residual)
{
  const char *checks[] = {"-adj_trust_level estimate", "-adj_trust_level estimate -adj_trust_gradient_error always -adj_trust_recheck 0", "-adj_trust_level certify -adj_trust_svd"};
  Trace       none, t;
  char        what[256];

  PetscFunctionBeginUser;
  PetscCall(Run(options, "-adj_trust_level none", residual, &none));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(checks); i++) {
    PetscCall(Run(options, checks[i], residual, &t));
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s%s %s", residual ? "residual " : "", options, checks[i]));
    PetscCall(Compare(&none, &t, what));
    PetscCall(Destroy(&t));
  }
  PetscCall(Destroy(&none));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestLevels("-adj_type implicit", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type implicit -adj_ksp_type bcgs", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type implicit", PETSC_TRUE));
  PetscCall(TestLevels("-adj_type auto", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type neumann", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type onestep", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type truncated", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type unrolled", PETSC_FALSE));
  PetscCall(TestLevels("-adj_type reversible -adj_reversible_period 5", PETSC_FALSE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
