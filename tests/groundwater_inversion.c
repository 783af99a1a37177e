static char help[] = "The inversion of the groundwater example: its derivatives, what it recovers, and that it goes on where a forward solve fails.\n\n";

/*
   nsize: 1 2 4
   args: -da_grid_x 10 -da_grid_y 9 -twin_wells 5,4 -sigma 0.02 -quiet -malloc_debug false -hyper_adj_trust_level none
   requires: real
   links: examples/groundwater
*/
#include "../examples/groundwater/inversion.h"
#include "tap.h"

typedef struct {
  Aquifer   aq;
  Inversion inv;
} Problem;

/* The step of the fixed-point form is a multigrid cycle for theta = 0: it contracts where theta is not far from that */
static PetscErrorCode ProblemCreate(MPI_Comm comm, AquiferForm form, AquiferRegType regtype, PetscReal regweight, Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(AquiferCreate(comm, &p->aq));
  PetscCall(AquiferSetFromOptions(p->aq));
  p->aq->form      = form;
  p->aq->regtype   = regtype;
  p->aq->regweight = regweight;
  p->aq->stepomega = 0.5;
  PetscCall(AquiferSetUp(p->aq));
  if (form == AQUIFER_FIXED_POINT) PetscCall(PetscOptionsSetValue(NULL, "-truth_contrast", "0.5"));
  PetscCall(InversionCreate(p->aq, &p->inv));
  if (form == AQUIFER_FIXED_POINT) PetscCall(PetscOptionsClearValue(NULL, "-truth_contrast"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemDestroy(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(InversionDestroy(&p->inv));
  PetscCall(AquiferDestroy(&p->aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton's method with Gauss-Newton products: with full ones it may come to another minimum */
static PetscErrorCode SetType(Problem *p, TaoType type, PetscReal gttol)
{
  Tao tao;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTao(p->inv->adj, &tao));
  PetscCall(TaoSetType(tao, type));
  PetscCall(TaoSetTolerances(tao, 0.0, 0.0, gttol));
  PetscCall(ADJSetHessianType(p->inv->adj, ADJ_HESSIAN_GAUSS_NEWTON));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At a field that is no solution, so that no second derivative vanishes */
static PetscErrorCode TestDerivatives(AquiferForm form, AquiferRegType regtype, PetscReal regweight)
{
  Problem   p;
  PetscReal order, error, asymmetry;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, form, regtype, regweight, &p));
  PetscCall(VecCopy(p.inv->truth, p.inv->theta));
  PetscCall(VecScale(p.inv->theta, 0.5));
  PetscCall(VecShift(p.inv->theta, 0.2));
  PetscCall(ADJTestGradient(p.inv->adj, p.inv->theta, p.inv->h, NULL, &order, &error));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.1, "%s, %s: gradient, Taylor remainder of second order", AquiferForms[form], AquiferRegTypes[regtype]));
  PetscCall(TapBelow(error, 1e-6, "%s, %s: gradient against a central difference", AquiferForms[form], AquiferRegTypes[regtype]));
  PetscCall(ADJTestHessian(p.inv->adj, p.inv->theta, p.inv->h, &order, &asymmetry));
  PetscCall(TapBelow(PetscAbsReal(order - 3.0), 0.2, "%s, %s: Hessian, Taylor remainder of third order", AquiferForms[form], AquiferRegTypes[regtype]));
  PetscCall(TapBelow(asymmetry, 1e-8, "%s, %s: Hessian, symmetric", AquiferForms[form], AquiferRegTypes[regtype]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = H d with the second derivatives as they are set, by the user's functions or by differences where they are NULL */
static PetscErrorCode HessianProduct(Problem *p, Vec d, Vec y)
{
  Mat H;

  PetscFunctionBeginUser;
  PetscCall(ADJCreateHessian(p->inv->adj, p->inv->theta, &H));
  PetscCall(ADJComputeHessian(p->inv->adj, p->inv->theta, H));
  PetscCall(MatMult(H, d, y));
  PetscCall(MatDestroy(&H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The analytical second derivatives against differences of the first */
static PetscErrorCode TestSecondDerivatives(AquiferForm form, AquiferRegType regtype)
{
  Problem     p;
  Vec         d, y, z;
  PetscRandom random;
  PetscReal   norm, error;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, form, regtype, 1.0, &p));
  PetscCall(VecAXPY(p.inv->theta, 0.5, p.inv->truth));
  PetscCall(VecDuplicate(p.inv->theta, &d));
  PetscCall(VecDuplicate(p.inv->theta, &y));
  PetscCall(VecDuplicate(p.inv->theta, &z));
  PetscCall(PetscRandomCreate(PETSC_COMM_WORLD, &random));
  PetscCall(VecSetRandom(d, random));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(HessianProduct(&p, d, y));
  PetscCall(ADJSetSecondVJP(p.inv->adj, NULL, NULL));
  PetscCall(ADJSetObjectiveHessian(p.inv->adj, NULL, NULL));
  PetscCall(HessianProduct(&p, d, z));
  PetscCall(VecAXPY(z, -1.0, y));
  PetscCall(VecNorm(y, NORM_2, &norm));
  PetscCall(VecNorm(z, NORM_2, &error));
  PetscCall(TapBelow(error / norm, 1e-6, "%s, %s: second derivatives against differences", AquiferForms[form], AquiferRegTypes[regtype]));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without noise and regularization the truth has the objective zero, and its gradient, zero too, is nothing but error: it is refused */
static PetscErrorCode TestTruth(void)
{
  Problem         p;
  const PetscInt *lattice;
  AquiferPoint   *point;
  Vec             g;
  PetscReal       f, norm;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsSetValue(NULL, "-twin_noise", "0"));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 0.0, &p));
  PetscCall(PetscOptionsClearValue(NULL, "-twin_noise"));
  lattice = p.inv->lattice;
  point   = p.inv->well;
  PetscCall(TapOk((PetscBool)(p.aq->allobservations == lattice[0] * lattice[1] && point[0].value > p.aq->head[1] && point[0].value < p.aq->head[0] + 5.0), "a head for each well of the lattice"));
  PetscCall(VecDuplicate(p.inv->theta, &g));
  PetscCall(ADJSetTrustAction(p.inv->adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJComputeObjectiveAndGradient(p.inv->adj, p.inv->truth, &f, g));
  PetscCall(VecNorm(g, NORM_2, &norm));
  PetscCall(TapBelow(f, 1e-10, "objective of the truth without noise"));
  PetscCall(TapBelow(norm, 1e-4, "its gradient"));
  PetscCall(VecDestroy(&g));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The recovered field by cells, on the first process of p's communicator */
static PetscErrorCode GatherNatural(Problem *p, Vec *all)
{
  VecScatter scatter;
  Vec        natural;

  PetscFunctionBeginUser;
  PetscCall(DMDACreateNaturalVector(p->aq->da, &natural));
  PetscCall(DMDAGlobalToNaturalBegin(p->aq->da, p->inv->theta, INSERT_VALUES, natural));
  PetscCall(DMDAGlobalToNaturalEnd(p->aq->da, p->inv->theta, INSERT_VALUES, natural));
  PetscCall(VecScatterCreateToZero(natural, &scatter, all));
  PetscCall(VecScatterBegin(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, natural, *all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&natural));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Distance(Vec a, Vec b, PetscReal *d)
{
  Vec       diff;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(a, &diff));
  PetscCall(VecWAXPY(diff, -1.0, a, b));
  PetscCall(VecNorm(diff, NORM_INFINITY, d));
  PetscCall(VecNorm(b, NORM_INFINITY, &norm));
  *d /= norm;
  PetscCall(VecDestroy(&diff));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The minimum is the same for the first process alone; the noise is */
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
    PetscCall(ProblemCreate(PETSC_COMM_SELF, AQUIFER_RESIDUAL, AQUIFER_H1, 1.0, &alone));
    PetscCall(SetType(&alone, TAOBNLS, 1e-6));
    PetscCall(InversionSolve(alone.inv));
    PetscCall(GatherNatural(&alone, &here));
    PetscCall(Distance(there, here, &difference));
    PetscCall(VecDestroy(&here));
    PetscCall(ProblemDestroy(&alone));
  }
  PetscCall(VecDestroy(&there));
  PetscCall(TapBelow(difference, 1e-5, "the same field on one process"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton's method and a quasi-Newton method find the same field, nearer to the truth than the start */
static PetscErrorCode TestRecovery(void)
{
  Problem   p, q;
  PetscReal error, correlation, difference;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 1.0, &p));
  PetscCall(SetType(&p, TAOBNLS, 1e-6));
  PetscCall(InversionSolve(p.inv));
  PetscCall(TapOk((PetscBool)(p.inv->reason > 0), "bnls: %s in %" PetscInt_FMT " iterations", TaoConvergedReasons[p.inv->reason], p.inv->its));
  PetscCall(InversionCompare(p.inv, &error, &correlation));
  PetscCall(TapBelow(error, 1.0, "the field is nearer to the truth than the start"));
  PetscCall(TapOk((PetscBool)(correlation > 0.3 && p.inv->misfit < 1.0), "it has channels: correlation %g, misfit %g", (double)correlation, (double)p.inv->misfit));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 1.0, &q));
  PetscCall(SetType(&q, TAOBLMVM, 1e-6));
  PetscCall(InversionSolve(q.inv));
  PetscCall(TapClose(q.inv->objective, p.inv->objective, 1e-7, "blmvm: the same objective"));
  PetscCall(Distance(q.inv->theta, p.inv->theta, &difference));
  PetscCall(TapBelow(difference, 1e-3, "blmvm: the same field"));
  PetscCall(ProblemDestroy(&q));
  PetscCall(TestOneProcess(&p));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The field stays within its bounds, of which some are active */
static PetscErrorCode TestBounds(void)
{
  Problem   p;
  PetscReal low, high;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsSetValue(NULL, "-theta_bounds", "-0.2,1"));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_TV, 10.0, &p));
  PetscCall(PetscOptionsClearValue(NULL, "-theta_bounds"));
  PetscCall(SetType(&p, TAOBLMVM, 1e-4));
  PetscCall(InversionSolve(p.inv));
  PetscCall(VecMin(p.inv->theta, NULL, &low));
  PetscCall(VecMax(p.inv->theta, NULL, &high));
  PetscCall(TapOk((PetscBool)(p.inv->reason > 0), "with bounds: %s", TaoConvergedReasons[p.inv->reason]));
  PetscCall(TapOk((PetscBool)(low == -0.2 && high == 1.0), "both are reached, none is passed: %g, %g", (double)low, (double)high));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Few iterations are enough near the last state only: far trial points fail */
static PetscErrorCode TestFailures(void)
{
  Problem   p;
  SNES      snes;
  PetscReal f, first;
  Vec       g;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 1.0, &p));
  PetscCall(VecDuplicate(p.inv->theta, &g));
  PetscCall(ADJComputeObjectiveAndGradient(p.inv->adj, p.inv->theta, &first, g)); /* h is the state from now on */
  PetscCall(VecDestroy(&g));
  PetscCall(ADJGetSNES(p.inv->adj, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-12, ADJ_CURRENT, 3, ADJ_CURRENT));
  PetscCall(SetType(&p, TAOBLMVM, 1e-3));
  PetscCall(InversionSolve(p.inv));
  f = p.inv->objective;
  PetscCall(TapOk((PetscBool)(p.inv->rejected > 0), "some forward solves fail: %" PetscInt_FMT, p.inv->rejected));
  PetscCall(TapBelow(f, 0.1 * first, "the inversion goes on all the same: %s", TaoConvergedReasons[p.inv->reason]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The hypergradient against a central difference of inversions; then the weight for which the misfit is the noise */
static PetscErrorCode TestWeight(void)
{
  Problem         p;
  Weight          weight;
  const PetscReal h = 0.05;
  PetscReal       value[2], slope, other;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 1.0, &p));
  PetscCall(SetType(&p, TAOBNLS, 1e-6));
  PetscCall(WeightCreate(p.inv, &weight));
  for (PetscInt i = 0; i < 2; i++) PetscCall(WeightEvaluate(weight, i ? 1.0 - h : 1.0 + h, &value[i], &other));
  PetscCall(WeightEvaluate(weight, 1.0, &other, &slope));
  PetscCall(TapClose(slope, (value[0] - value[1]) / (2.0 * h), 1e-3, "derivative of the misfit with respect to the weight"));
  PetscCall(WeightDestroy(&weight));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscOptionsSetValue(NULL, "-reg_weight_type", "discrepancy"));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, AQUIFER_RESIDUAL, AQUIFER_H1, 10.0, &p));
  PetscCall(PetscOptionsClearValue(NULL, "-reg_weight_type"));
  PetscCall(SetType(&p, TAOBNLS, 1e-6));
  PetscCall(InversionSolve(p.inv));
  PetscCall(TapBelow(PetscAbsReal(PetscLogReal(p.inv->misfit)), 0.02, "discrepancy principle: the misfit is the noise"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDerivatives(AQUIFER_RESIDUAL, AQUIFER_TIKHONOV, 10.0));
  PetscCall(TestDerivatives(AQUIFER_RESIDUAL, AQUIFER_H1, 1.0));
  PetscCall(TestDerivatives(AQUIFER_RESIDUAL, AQUIFER_TV, 1.0));
  PetscCall(TestDerivatives(AQUIFER_FIXED_POINT, AQUIFER_H1, 1.0));
  PetscCall(TestSecondDerivatives(AQUIFER_FIXED_POINT, AQUIFER_TIKHONOV));
  PetscCall(TestTruth());
  PetscCall(TestRecovery());
  PetscCall(TestBounds());
  PetscCall(TestFailures());
  PetscCall(TestWeight());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
