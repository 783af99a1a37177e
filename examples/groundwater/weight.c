/*
   The weight of the regularization by the discrepancy principle (Morozov 1966): the largest one with which the computed heads fit the
   observed ones as well as they were measured. A bilevel problem: the inversion is a solution map s -> theta(s) of the logarithm of the
   weight, a Tao as solver, and

     d/ds 1/2 sum_o ((h - head)/sigma)^2

   comes from one linear solve with the Hessian of the inversion. Newton's method on the logarithm of the misfit, kept in a bracket
*/
#include "inversion.h"

struct _n_Weight {
  Inversion inv;
  Tao       tao;
  ADJ       adj;  /* of theta as function of s */
  Vec       s, g; /* length 1 */
};

/* e^s becomes the weight, and what the Tao has found with another one is forgotten */
static PetscErrorCode PutWeight(ADJ adj, Vec s, void *ctx)
{
  Weight             p  = (Weight)ctx;
  Aquifer            aq = p->inv->aq;
  const PetscScalar *a;
  PetscReal          weight;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(s, &a));
  weight = PetscExpReal(PetscRealPart(a[0]));
  PetscCall(ADJParameterVecRestoreArrayRead(s, &a));
  if (weight != aq->regweight) PetscCall(TaoResetStatistics(p->tao));
  aq->regweight = weight;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient of the inversion depends on s by that of the regularization, which is its own derivative in s */
static PetscErrorCode WeightVJP(ADJ adj, Vec theta, Vec s, Vec w, Vec sbar, void *ctx)
{
  Weight      weight = (Weight)ctx;
  PetscReal   value  = 0.0;
  PetscScalar dot;
  Vec         g;

  (void)adj;
  (void)s;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(VecZeroEntries(g));
  PetscCall(AquiferAddRegularization(weight->inv->aq, theta, &value, g));
  PetscCall(VecDot(g, w, &dot));
  PetscCall(VecSet(sbar, dot));
  PetscCall(VecDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The objective of the inversion less the regularization, and its gradient */
static PetscErrorCode Misfit(Weight weight, Vec theta, PetscReal *f, Vec thetabar)
{
  Aquifer   aq = weight->inv->aq;
  PetscReal all, part, own = 0.0;
  Vec       r;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &r));
  PetscCall(VecZeroEntries(r));
  PetscCall(TaoComputeObjectiveAndGradient(weight->tao, theta, &all, thetabar));
  PetscCall(AquiferAddRegularization(aq, theta, &own, r));
  PetscCallMPI(MPI_Allreduce(&own, &part, 1, MPIU_REAL, MPIU_SUM, aq->comm));
  *f = all - part;
  PetscCall(VecAXPY(thetabar, -1.0, r));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Conjugate gradients on the Hessian, which is positive definite at a minimum; the options have the prefix hyper_adj_ */
PetscErrorCode WeightCreate(Inversion inv, Weight *out)
{
  Weight weight;
  KSP    ksp;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&weight));
  weight->inv = inv;
  PetscCall(ADJGetTao(inv->adj, &weight->tao));
  PetscCall(ADJCreate(inv->aq->comm, &weight->adj));
  PetscCall(ADJSetOptionsPrefix(weight->adj, "hyper_"));
  PetscCall(ADJSetTaoSolution(weight->adj, weight->tao));
  PetscCall(ADJSetParameters(weight->adj, PutWeight, weight));
  PetscCall(ADJSetParameterVJP(weight->adj, WeightVJP, weight));
  PetscCall(ADJGetKSP(weight->adj, &ksp));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPSetTolerances(ksp, 1e-4, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJSetFromOptions(weight->adj));
  PetscCall(ADJCreateParameterVec(inv->aq->comm, 1, &weight->s));
  PetscCall(VecDuplicate(weight->s, &weight->g));
  *out = weight;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode WeightDestroy(Weight *weight)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&(*weight)->adj));
  PetscCall(VecDestroy(&(*weight)->s));
  PetscCall(VecDestroy(&(*weight)->g));
  PetscCall(PetscFree(*weight));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The logarithm of the misfit, in standard deviations, at s, and its derivative. The derivative of the gradient is the full Hessian,
   whatever the optimizer works with
*/
PetscErrorCode WeightEvaluate(Weight weight, PetscReal s, PetscReal *value, PetscReal *slope)
{
  Inversion          inv = weight->inv;
  const PetscScalar *a;
  PetscReal          half = 0.0;
  ADJHessianType     type;
  Vec                thetabar;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(inv->theta, &thetabar));
  PetscCall(VecSet(weight->s, s));
  PetscCall(ADJSolve(weight->adj, weight->s, inv->theta));
  PetscCall(InversionRecord(inv));
  PetscCall(ADJGetHessianType(inv->adj, &type));
  PetscCall(ADJSetHessianType(inv->adj, ADJ_HESSIAN_FULL));
  PetscCall(Misfit(weight, inv->theta, &half, thetabar));
  PetscCall(ADJSolveAdjoint(weight->adj, thetabar, weight->g));
  PetscCall(ADJSetHessianType(inv->adj, type));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ADJParameterVecGetArrayRead(weight->g, &a));
  *slope = PetscRealPart(a[0]) / (2.0 * half);
  PetscCall(ADJParameterVecRestoreArrayRead(weight->g, &a));
  *value = 0.5 * PetscLogReal(2.0 * half / inv->aq->allobservations);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton's step, if it stays within the bracket, else its middle; without a bracket a factor of ten at most */
static PetscReal Step(PetscReal s, PetscReal value, PetscReal slope, const PetscReal bracket[])
{
  const PetscReal most = PetscLogReal(10.0), next = s - (slope > 0.0 ? value / slope : PetscSign(value) * most);

  if (bracket[0] > PETSC_NINFINITY && bracket[1] < PETSC_INFINITY) return next > bracket[0] && next < bracket[1] ? next : 0.5 * (bracket[0] + bracket[1]);
  return PetscMax(s - most, PetscMin(s + most, next));
}

/* The last inversion is that of the weight which is found */
PetscErrorCode WeightSolve(Inversion inv)
{
  Weight         weight;
  PetscReal      value = 0.0, slope = 0.0, s = PetscLogReal(inv->aq->regweight), bracket[2] = {PETSC_NINFINITY, PETSC_INFINITY};
  PetscInt       it;
  PetscBool      found = PETSC_FALSE;
  const MPI_Comm comm  = inv->aq->comm;

  PetscFunctionBeginUser;
  PetscCheck(inv->aq->regweight > 0.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-reg_weight_type discrepancy starts from -reg_weight, which must be positive");
  PetscCall(WeightCreate(inv, &weight));
  if (!inv->quiet) PetscCall(PetscPrintf(comm, "Weight by the discrepancy principle\n   it       weight    misfit    d log misfit/d log weight\n"));
  for (it = 0; it < inv->weightmax && !found; it++) {
    PetscCall(WeightEvaluate(weight, s, &value, &slope));
    if (!inv->quiet) PetscCall(PetscPrintf(comm, " %4" PetscInt_FMT "  %11.6g  %8.5f    %g\n", it, (double)PetscExpReal(s), (double)PetscExpReal(value), (double)slope));
    found = (PetscBool)(PetscAbsReal(value) <= inv->weighttol);
    if (found) break;
    bracket[value > 0.0 ? 1 : 0] = s;
    s                            = Step(s, value, slope, bracket);
  }
  if (!found) PetscCall(PetscPrintf(comm, "  not found in %" PetscInt_FMT " inversions\n", it));
  PetscCall(WeightDestroy(&weight));
  PetscFunctionReturn(PETSC_SUCCESS);
}
