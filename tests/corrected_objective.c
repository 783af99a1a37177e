static char help[] = "The objective, corrected by residual and adjoint: its error falls as the square of the residual.\n\n";

/*
   nsize: 1 2 4
*/
#include "random_problems.h"

#define LEVELS 4

/* Errors of the objective, as it is and corrected, with a forward tolerance; and the residual that was left */
static PetscErrorCode Errors(const char options[], PetscReal rtol, PetscBool residual, PetscReal error[3])
{
  Problem          p, self;
  PetscOptions     opts;
  PetscReal        value, corrected, correction, exact = 0.0;
  Vec              gradient;
  PetscInt         n;
  ADJCounters      before, after;
  char             text[256];
  const PetscReal *history;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-adj_trust_action ignore -adj_forward_snes_rtol %g %s", (double)rtol, options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, 20, 5, 3, RANDOM_COUPLED, 0.5, 0.03, residual, &p));
  PetscCall(RandomProblemCreate(PETSC_COMM_SELF, 20, 5, 3, RANDOM_COUPLED, 0.5, 0.03, residual, &self));
  PetscCall(VecDuplicate(p.theta, &gradient));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSetObjective(p.adj, QuadraticObjective, &p));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, gradient));
  PetscCall(ADJGetCounters(p.adj, &before));
  PetscCall(ADJGetCorrectedObjective(p.adj, &corrected, &correction));
  PetscCall(ADJGetCounters(p.adj, &after));
  PetscCall(TapOk((PetscBool)(before.map == after.map), "%s, tolerance %g: not on the user's account", options, (double)rtol));
  PetscCall(TapClose(corrected, value + correction, 1e-14, "%s, tolerance %g: value and correction", options, (double)rtol));
  PetscCall(RandomProblemReference(&p, &self));
  PetscCall(QuadraticObjective(NULL, self.x, self.theta, &exact, NULL, NULL, &self));
  PetscCall(ADJGetForwardHistory(p.adj, &n, &history));
  error[0] = PetscAbsReal(value - exact);
  error[1] = PetscAbsReal(corrected - exact);
  error[2] = history[n - 1];
  PetscCall(TapDiag("%s, tolerance %g: error of the objective %.3e, corrected %.3e", options, (double)rtol, (double)error[0], (double)error[1]));
  PetscCall(OptionsEnd(&opts));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&self));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Slopes of the errors against the residual in logarithms */
static PetscErrorCode TestOrder(const char options[], PetscBool residual)
{
  PetscReal first[3], last[3], rtol = 1e-1, order[2];

  PetscFunctionBeginUser;
  PetscCall(Errors(options, rtol, residual, first));
  for (PetscInt i = 1; i < LEVELS; i++) {
    rtol *= 0.1;
    PetscCall(Errors(options, rtol, residual, last));
  }
  for (PetscInt i = 0; i < 2; i++) order[i] = PetscLogReal(first[i] / last[i]) / PetscLogReal(first[2] / last[2]);
  PetscCall(TapClose(order[1], 2.0, 0.1, "%s: order %.3f of the corrected objective", options, (double)order[1]));
  PetscCall(TapOk((PetscBool)(order[0] < 1.3), "%s: order %.3f of the objective as it is", options, (double)order[0]));
  PetscCall(TapBelow(last[1], 1e-2 * last[0], "%s: a small error", options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestErrors(void)
{
  Problem   p;
  PetscReal value, corrected;
  Vec       gradient;

  PetscFunctionBeginUser;
  PetscCall(RandomProblemCreate(PETSC_COMM_WORLD, 12, 3, 4, RANDOM_COUPLED, 0.5, 0.0, PETSC_FALSE, &p));
  PetscCall(VecDuplicate(p.theta, &gradient));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetObjective(p.adj, QuadraticObjective, &p));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetCorrectedObjective(p.adj, &corrected, NULL), "before anything was solved"));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetCorrectedObjective(p.adj, &corrected, NULL), "without a gradient there is no adjoint"));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, gradient));
  PetscCall(ADJGetCorrectedObjective(p.adj, &corrected, NULL));
  PetscCall(TapClose(corrected, value, 1e-8, "a converged state needs no correction"));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetCorrectedObjective(p.adj, &corrected, NULL), "the adjoint is another one since"));
  PetscCall(ADJSetType(p.adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(p.adj, 5));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, gradient));
  PetscCall(TapError(PETSC_ERR_SUP, ADJGetCorrectedObjective(p.adj, &corrected, NULL), "given steps have no solution"));
  PetscCall(VecDestroy(&gradient));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestOrder("-adj_type implicit", PETSC_FALSE));
  PetscCall(TestOrder("-adj_type auto", PETSC_FALSE));
  PetscCall(TestOrder("-adj_type neumann -adj_neumann_terms 60", PETSC_FALSE));
  PetscCall(TestOrder("-adj_type implicit -adj_forward_snes_type nrichardson -adj_forward_snes_linesearch_type basic", PETSC_TRUE));
  PetscCall(TestErrors());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
