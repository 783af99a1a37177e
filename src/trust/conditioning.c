/*
   Conditioning: what the Krylov solver of the adjoint (or tangent) says of its operator.
*/
#include <contragrad/private/adjimpl.h>

/* |w - M^{-T} v|/|w| <= cond |s|/|v|. Above its threshold the error itself is looked at, in gradienterror.c. The residual that a type leaves on purpose is no matter of conditioning */
static PetscErrorCode ADJBoundResidual_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const PetscReal limit = adj->threshold[ADJ_CHECK_RESIDUAL_BOUND], cond = rep->check[ADJ_CHECK_CONDITIONING].value;
  PetscReal       value;
  PetscBool       below;

  PetscFunctionBegin;
  if (rec->approximate || rec->residual < 0.0 || PetscIsInfOrNanReal(cond)) PetscFunctionReturn(PETSC_SUCCESS);
  value = cond * rec->residual / rec->rhsnorm;
  below = (PetscBool)(value <= limit);
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_RESIDUAL_BOUND], below ? ADJ_CHECK_PASSED : ADJ_CHECK_INFO, value, limit, below ? NULL : "to be decided by the estimate of the error"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* cond ~ smax/smin of the Hessenberg matrix: a lower bound of the true condition number of the operator it was built on */
PetscErrorCode ADJCheckConditioning_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  ADJTrustCheck *cond = &rep->check[ADJ_CHECK_CONDITIONING], *ampl = &rep->check[ADJ_CHECK_AMPLIFICATION];

  PetscFunctionBegin;
  if (rec->rhsnorm == 0.0 || rec->solnorm < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  ampl->status = ADJ_CHECK_INFO;
  ampl->value  = rec->solnorm / rec->rhsnorm;
  if (!rec->reason) PetscFunctionReturn(PETSC_SUCCESS); /* no system was solved */
  if (rec->smax < 0.0) {
    if (adj->form == ADJ_FIXED_POINT && adj->trustcontraction) PetscFunctionReturn(PETSC_SUCCESS); /* the contraction answers for invertibility */
    cond->status = ADJ_CHECK_INCONCLUSIVE;
    cond->value  = -1.0;
    cond->advice = "this KSP type gives no singular values: use a kind of GMRES or CG for the linear solve";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  cond->threshold = adj->threshold[ADJ_CHECK_CONDITIONING];
  cond->value     = rec->smin > 0.0 ? rec->smax / rec->smin : PETSC_INFINITY;
  cond->status    = cond->value >= cond->threshold ? ADJ_CHECK_FAILED : ADJ_CHECK_PASSED;
  if (cond->status == ADJ_CHECK_FAILED)
    cond->advice = "the operator is singular to working precision: the state is not a function of the parameters here, or it lacks a normalization";
  else if (rec->preconditioned)
    cond->advice = "of the preconditioned operator";
  PetscCall(ADJBoundResidual_Private(adj, rec, rep));
  PetscFunctionReturn(PETSC_SUCCESS);
}
