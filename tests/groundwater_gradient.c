static char help[] = "The gradient of the groundwater problem against what does not come from the library.\n\n";

/*
   nsize: 1 2 4
   args: -form residual -da_grid_x 17 -da_grid_y 14
   args: -form residual -dim 3 -da_grid_x 9 -da_grid_y 7 -da_grid_z 6
   args: -form fixed_point -da_grid_x 17 -da_grid_y 14
   args: -form fixed_point -dim 3 -da_grid_x 9 -da_grid_y 7 -da_grid_z 6
   links: tests/reference examples/groundwater
*/
#include "reference/handwritten.h"
#include "tap.h"

typedef struct {
  Aquifer   aq;
  ADJ       adj;
  Vec       h0, h, theta, gradient;
  PetscReal value;
} Problem;

/* Solved far below the accuracy that is asserted */
static PetscErrorCode Tighten(SNES snes, KSP ksp)
{
  PetscFunctionBeginUser;
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-12, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetTolerances(ksp, 1e-12, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemCreate(MPI_Comm comm, Problem *p)
{
  SNES snes;
  KSP  ksp;

  PetscFunctionBeginUser;
  PetscCall(AquiferCreate(comm, &p->aq));
  PetscCall(AquiferSetFromOptions(p->aq));
  PetscCall(AquiferSetUp(p->aq));
  PetscCall(AquiferCreateADJ(p->aq, &p->adj));
  PetscCall(ADJGetSNES(p->adj, &snes));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(Tighten(snes, ksp));
  p->theta = p->aq->theta;
  PetscCall(AquiferCreateHead(p->aq, &p->h0));
  PetscCall(VecDuplicate(p->h0, &p->h));
  PetscCall(VecDuplicate(p->theta, &p->gradient));
  PetscCall(VecCopy(p->h0, p->h));
  PetscCall(ADJSetSolution(p->adj, p->h));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, p->theta, &p->value, p->gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemDestroy(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(VecDestroy(&p->h0));
  PetscCall(VecDestroy(&p->h));
  PetscCall(VecDestroy(&p->gradient));
  PetscCall(AquiferDestroy(&p->aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |a - b|/|b| */
static PetscErrorCode RelativeDifference(Vec a, Vec b, PetscReal *d)
{
  Vec       diff;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(a, &diff));
  PetscCall(VecWAXPY(diff, -1.0, b, a));
  PetscCall(VecNorm(diff, NORM_2, d));
  PetscCall(VecNorm(b, NORM_2, &norm));
  *d /= norm;
  PetscCall(VecDestroy(&diff));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestVerdictAndTaylor(Problem *p)
{
  ADJTrust  verdict;
  PetscReal order, error, xerror, thetaerror;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(p->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "the gradient is trusted"));
  PetscCall(ADJTestVJP(p->adj, p->theta, p->h, &xerror, &thetaerror));
  PetscCall(TapBelow(xerror, 1e-12, "products in the state are each other's transpose"));
  PetscCall(TapBelow(thetaerror, 1e-12, "products in the parameters are each other's transpose"));
  PetscCall(ADJTestGradient(p->adj, p->theta, p->h, NULL, &order, &error));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.1, "Taylor remainder of second order"));
  PetscCall(TapBelow(error, 1e-6, "gradient against a central difference"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Central differences of the hand-written program's objective: no line of the library in it */
static PetscErrorCode TestCentralDifference(Problem *p, Handwritten *hand)
{
  PetscRandom random;
  Vec         d, theta;
  PetscScalar slope;
  PetscReal   J[2], h = 1e-4;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &d));
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(PetscRandomCreate(p->aq->comm, &random));
  PetscCall(VecSetRandom(d, random));
  PetscCall(PetscRandomDestroy(&random));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(theta, i ? -h : h, d, p->theta));
    PetscCall(VecCopy(p->h0, p->h));
    PetscCall(HandwrittenSolve(hand, theta, p->h));
    PetscCall(AquiferObjective(NULL, p->h, theta, &J[i], NULL, NULL, p->aq));
  }
  PetscCall(VecDot(d, p->gradient, &slope));
  PetscCall(TapClose(PetscRealPart(slope), (J[0] - J[1]) / (2.0 * h), 1e-6, "gradient against a central difference of a plain PETSc program"));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestHandwritten(Problem *p)
{
  Handwritten hand;
  Vec         reference;
  PetscReal   value, difference;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->gradient, &reference));
  PetscCall(HandwrittenCreate(p->aq, &hand));
  PetscCall(Tighten(hand.snes, hand.ksp));
  PetscCall(VecCopy(p->h0, p->h));
  PetscCall(HandwrittenGradient(&hand, p->theta, p->h, &value, reference));
  PetscCall(TapClose(p->value, value, 1e-10, "objective of the hand-written program"));
  PetscCall(RelativeDifference(p->gradient, reference, &difference));
  PetscCall(TapBelow(difference, 1e-9, "gradient of the hand-written program"));
  PetscCall(TestCentralDifference(p, &hand));
  PetscCall(HandwrittenDestroy(&hand));
  PetscCall(VecDestroy(&reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient cell by cell, on the first process of p's communicator */
static PetscErrorCode GatherNatural(Problem *p, Vec *all)
{
  VecScatter scatter;
  Vec        natural;

  PetscFunctionBeginUser;
  PetscCall(DMDACreateNaturalVector(p->aq->da, &natural));
  PetscCall(DMDAGlobalToNaturalBegin(p->aq->da, p->gradient, INSERT_VALUES, natural));
  PetscCall(DMDAGlobalToNaturalEnd(p->aq->da, p->gradient, INSERT_VALUES, natural));
  PetscCall(VecScatterCreateToZero(natural, &scatter, all));
  PetscCall(VecScatterBegin(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&natural));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first process solves the same problem alone */
static PetscErrorCode TestOneProcess(Problem *p)
{
  Problem     alone;
  Vec         here, there;
  PetscMPIInt rank;
  PetscReal   difference = 0.0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(GatherNatural(p, &there));
  if (rank == 0) {
    PetscCall(ProblemCreate(PETSC_COMM_SELF, &alone));
    PetscCall(GatherNatural(&alone, &here));
    PetscCall(RelativeDifference(there, here, &difference));
    PetscCall(VecDestroy(&here));
    PetscCall(ProblemDestroy(&alone));
  }
  PetscCall(VecDestroy(&there));
  PetscCall(TapBelow(difference, 1e-10, "the same gradient on one process"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Problem p;
  int     failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, &p));
  PetscCall(TestVerdictAndTaylor(&p));
  PetscCall(TestHandwritten(&p));
  PetscCall(TestOneProcess(&p));
  PetscCall(ProblemDestroy(&p));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
