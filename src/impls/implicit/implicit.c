/*
   Type implicit: by the implicit function theorem,

       adjoint:  M^T w = v,          thetabar = N^T w
       tangent:  M xdot = N thetadot

   at the solution of the forward solve, whatever path led there.
*/
#include <contragrad/private/adjimpl.h>

static PetscErrorCode ADJSolve_Implicit(ADJ adj, Vec theta, Vec x)
{
  PetscFunctionBegin;
  PetscCall(ADJSolveForward_Private(adj, theta, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One product gives thetabar = N^T w and, unless checks are off, M^T w for the true residual s = v - M^T w */
static PetscErrorCode ADJPullBack_Private(ADJ adj, Vec v, Vec thetabar, ADJLinearSolve *rec)
{
  PetscBool check = (PetscBool)(adj->trustlevel > ADJ_TRUST_LEVEL_NONE || adj->testing);

  PetscFunctionBegin;
  if (check && !adj->s) PetscCall(VecDuplicate(adj->r, &adj->s));
  PetscCall(ADJApplyMT_Private(adj, adj->w, check ? adj->s : NULL, thetabar));
  if (check) {
    PetscCall(VecAYPX(adj->s, -1.0, v));
    PetscCall(VecNorm(adj->s, NORM_2, &rec->residual));
  }
  PetscCall(VecNorm(thetabar, NORM_2, &rec->resultnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's bcgs keeps its last initial guess and adds it to a solve from zero; a change of type drops it and leaves the PC alone */
static PetscErrorCode ADJForgetGuess_Private(KSP ksp)
{
  PetscBool bcgs;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPBCGS, &bcgs));
  if (!bcgs) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPSetType(ksp, KSPBCGS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveAdjoint_Implicit(ADJ adj, Vec xbar, Vec thetabar)
{
  ADJLinearSolve *rec = &adj->state->adjoint;

  PetscFunctionBegin;
  if (!adj->w) {
    PetscCall(VecDuplicate(adj->r, &adj->w));
    adj->wspoilt = PETSC_TRUE;
  }
  if (adj->wspoilt) { /* no initial guess for this one */
    PetscCall(VecSet(adj->w, 0.0));
    PetscCall(ADJForgetGuess_Private(adj->ksp));
  }
  PetscCall(ADJSolveMT_Private(adj, xbar, adj->w, rec));
  adj->wspoilt = (PetscBool)(rec->reason < 0 || rec->solnorm == 0.0 || PetscIsInfOrNanReal(rec->solnorm));
  PetscCall(ADJPullBack_Private(adj, xbar, thetabar, rec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_Implicit(ADJ adj, Vec thetadot, Vec xdot)
{
  ADJLinearSolve *rec = &adj->state->tangent;

  PetscFunctionBegin;
  if (!adj->b) PetscCall(VecDuplicate(adj->r, &adj->b));
  PetscCall(ADJApplyN_Private(adj, thetadot, adj->b));
  PetscCall(ADJSolveM_Private(adj, adj->b, xdot, rec));
  rec->resultnorm = rec->solnorm;
  if (adj->trustlevel > ADJ_TRUST_LEVEL_NONE) {
    if (!adj->s) PetscCall(VecDuplicate(adj->r, &adj->s));
    PetscCall(ADJApplyM_Private(adj, xdot, adj->s));
    PetscCall(VecAYPX(adj->s, -1.0, adj->b));
    PetscCall(VecNorm(adj->s, NORM_2, &rec->residual));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Implicit(ADJ);

/*MC
   ADJIMPLICIT - the derivative of the solution by the implicit function theorem: one linear solve for each cotangent
   or direction, by `KSP` on shells of the user's products

   Level: beginner

   Note:
   Costs a few dozen products and no memory that grows with the number of forward iterations. With
   `-adj_ksp_type richardson` the solve is the fixed-point adjoint w <- v + A^T w.

   References:
.  * - B. Christianson, Reverse accumulation and attractive fixed points, Optimization Methods and Software 3, 1994

.seealso: `ADJSetType()`, `ADJType`, `ADJGetKSP()`
M*/
PetscErrorCode ADJCreate_Implicit(ADJ adj)
{
  PetscFunctionBegin;
  adj->ops->solve        = ADJSolve_Implicit;
  adj->ops->solveadjoint = ADJSolveAdjoint_Implicit;
  adj->ops->solvetangent = ADJSolveTangent_Implicit;
  PetscFunctionReturn(PETSC_SUCCESS);
}
