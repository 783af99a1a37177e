/*
   Conditioning: what the Krylov solver of the adjoint (or tangent) says of its operator; on demand, by SVD, the condition
   number |M| |M^{-1}| itself, where a product with M^{-1} is a tangent solve and one with M^{-T} an adjoint solve.
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode MatMult_ADJ_FilteredM(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJApplyM_Private(adj, x, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMultTranspose_ADJ_FilteredM(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJApplyMT_Private(adj, x, y, NULL), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From zero, to the tolerance of the user. After a solve that did not converge nothing is solved any more: the identity brings the SVD to a quick end, and its answer is not used */
static PetscErrorCode ADJSolveFromZero_Private(ADJ adj, KSP ksp, Vec b, Vec x)
{
  PetscReal          rtol;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  if (!adj->norms.unsolved) {
    PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
    PetscCall(ADJSolveLoosely_Private(ksp, rtol, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    if (reason < 0) adj->norms.unsolved = PETSC_TRUE;
  }
  if (adj->norms.unsolved) PetscCall(VecCopy(b, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJ_Inverse(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJSetTangentOperators_Private(adj, adj->M));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJSolveFromZero_Private(adj, adj->tksp, x, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMultTranspose_ADJ_Inverse(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJSetAdjointOperators_Private(adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJSolveFromZero_Private(adj, adj->ksp, x, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each state */
static PetscErrorCode ADJUpdateCondition_Private(ADJ adj)
{
  ADJNorms *norms = &adj->norms;
  Mat       A;
  PetscReal m, inverse = -1.0;

  PetscFunctionBegin;
  if (norms->condid == adj->state->id) PetscFunctionReturn(PETSC_SUCCESS);
  norms->condition        = -1.0;
  norms->unsolved         = PETSC_FALSE;
  norms->filter.notfinite = PETSC_FALSE;
  norms->filter.ierr      = PETSC_SUCCESS;
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_FilteredM, MatMultTranspose_ADJ_FilteredM, &A));
  PetscCall(ADJMeasureNorm_Private(adj, &A, &m));
  if (m > 0.0) {
    PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_Inverse, MatMultTranspose_ADJ_Inverse, &A));
    PetscCall(ADJMeasureNorm_Private(adj, &A, &inverse));
  }
  if (norms->filter.notfinite) PetscFunctionReturn(PETSC_SUCCESS);
  if (!norms->unsolved && inverse >= 0.0) norms->condition = m * inverse;
  norms->condid = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJJudgeCondition_Private(ADJ adj, PetscReal value, const char advice[], ADJTrustCheck *c)
{
  const PetscReal limit = adj->threshold[ADJ_CHECK_CONDITIONING];

  PetscFunctionBegin;
  if (value >= limit)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, value, limit, "the operator is singular to working precision: the state is not a function of the parameters here, or it lacks a normalization"));
  else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, value, limit, advice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* cond ~ smax/smin of the Hessenberg matrix: a lower bound of the true condition number of the operator it was built on */
static PetscErrorCode ADJCheckKrylovCondition_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustCheck *c)
{
  PetscFunctionBegin;
  if (rec->smax >= 0.0)
    PetscCall(ADJJudgeCondition_Private(adj, rec->smin > 0.0 ? rec->smax / rec->smin : PETSC_INFINITY, rec->preconditioned ? "of the preconditioned operator" : NULL, c));
  else if (adj->form != ADJ_FIXED_POINT || !adj->trustcontraction) /* else the contraction answers for invertibility */
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, -1.0, 0.0, "this KSP type gives no singular values: use a kind of GMRES or CG for the linear solve, or -adj_trust_svd"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |w - M^{-T} v|/|w| <= cond |s|/|v|. Above the limit the error itself is looked at, in gradienterror.c. The residual that a type leaves on purpose is no matter of conditioning */
static PetscErrorCode ADJCheckResidualBound_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const ADJTrustCheck *cond  = &rep->check[ADJ_CHECK_CONDITIONING];
  const PetscReal      limit = adj->threshold[ADJ_CHECK_RESIDUAL_BOUND];
  PetscReal            bound;

  PetscFunctionBegin;
  if (rec->approximate || cond->status == ADJ_CHECK_SKIPPED || cond->value < 0.0 || rec->residual < 0.0 || PetscIsInfOrNanReal(cond->value)) PetscFunctionReturn(PETSC_SUCCESS);
  bound = cond->value * rec->residual / rec->rhsnorm;
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_RESIDUAL_BOUND], bound <= limit ? ADJ_CHECK_PASSED : ADJ_CHECK_INFO, bound, limit, bound <= limit ? NULL : "to be decided by the estimate of the error"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCheckConditioning_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJTrustCheck *cond = &rep->check[ADJ_CHECK_CONDITIONING];

  PetscFunctionBegin;
  if (!(rec->rhsnorm > 0.0) || rec->solnorm < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_AMPLIFICATION], ADJ_CHECK_INFO, rec->solnorm / rec->rhsnorm, 0.0, NULL));
  if (!rec->reason) PetscFunctionReturn(PETSC_SUCCESS); /* no system was solved */
  PetscCall(ADJCheckKrylovCondition_Private(adj, rec, cond));
  if (adj->trustsvd && adj->vjp && adj->jvp && cond->status != ADJ_CHECK_FAILED && rep->check[ADJ_CHECK_FINITE].status == ADJ_CHECK_PASSED) {
    PetscCall(ADJUpdateCondition_Private(adj));
    if (adj->norms.filter.notfinite) PetscCall(ADJProductNotFinite_Private(rep));
    if (adj->norms.condition >= 0.0)
      PetscCall(ADJJudgeCondition_Private(adj, adj->norms.condition, "by SVD", cond));
    else
      PetscCall(ADJSetCheck_Private(cond, ADJ_CHECK_INCONCLUSIVE, cond->value, cond->threshold, "the solves or the SVD that should measure it did not converge: raise -adj_ksp_max_it, -adj_tangent_ksp_max_it or -adj_svd_max_it"));
  }
  PetscCall(ADJCheckResidualBound_Private(adj, rec, rep));
  PetscFunctionReturn(PETSC_SUCCESS);
}
