/*
   Gradient descent with steps of one length, as a type of Tao: theta <- P(theta - a g), P being the projection to the bounds.
*/
#include "outer.h"

#if !PetscDefined(USE_COMPLEX) /* a PETSc with complex scalars has no methods of Tao, nor what they need */

typedef struct {
  PetscReal step;
} Tao_Descent;

static PetscErrorCode TaoSetUp_Descent(Tao tao)
{
  PetscFunctionBegin;
  if (!tao->gradient) PetscCall(VecDuplicate(tao->solution, &tao->gradient));
  if (!tao->stepdirection) PetscCall(VecDuplicate(tao->solution, &tao->stepdirection));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is small at a solution: the gradient, or the part of it that the bounds leave */
static PetscErrorCode TaoDescentNorm_Private(Tao tao, PetscReal *norm)
{
  PetscFunctionBegin;
  if (tao->bounded)
    PetscCall(VecBoundGradientProjection(tao->gradient, tao->solution, tao->XL, tao->XU, tao->stepdirection));
  else
    PetscCall(VecCopy(tao->gradient, tao->stepdirection));
  PetscCall(VecNorm(tao->stepdirection, NORM_2, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSolve_Descent(Tao tao)
{
  Tao_Descent *d = (Tao_Descent *)tao->data;
  PetscReal    f, norm;

  PetscFunctionBegin;
  PetscCall(TaoComputeVariableBounds(tao));
  if (tao->bounded) PetscCall(VecMedian(tao->XL, tao->solution, tao->XU, tao->solution));
  tao->reason = TAO_CONTINUE_ITERATING;
  while (tao->reason == TAO_CONTINUE_ITERATING) {
    PetscCall(TaoComputeObjectiveAndGradient(tao, tao->solution, &f, tao->gradient));
    PetscCall(TaoDescentNorm_Private(tao, &norm));
    PetscCheck(!PetscIsInfOrNanReal(f) && !PetscIsInfOrNanReal(norm), PetscObjectComm((PetscObject)tao), PETSC_ERR_FP, "Objective or gradient is NaN or infinite: take shorter steps, -tao_descent_step");
    PetscCall(TaoLogConvergenceHistory(tao, f, norm, 0.0, tao->ksp_its));
    PetscCall(TaoMonitor(tao, tao->niter, f, norm, 0.0, d->step));
    PetscUseTypeMethod(tao, convergencetest, tao->cnvP);
    if (tao->reason != TAO_CONTINUE_ITERATING) break;
    PetscCall(VecAXPY(tao->solution, -d->step, tao->gradient));
    if (tao->bounded) PetscCall(VecMedian(tao->XL, tao->solution, tao->XU, tao->solution));
    tao->niter++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoSetFromOptions_Descent(Tao tao, ADJOptionItems PetscOptionsObject)
{
  Tao_Descent *d = (Tao_Descent *)tao->data;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Gradient descent with steps of one length");
  PetscCall(PetscOptionsReal("-tao_descent_step", "Length of a step over that of the gradient", "", d->step, &d->step, NULL));
  PetscCheck(d->step > 0.0, PetscObjectComm((PetscObject)tao), PETSC_ERR_ARG_OUTOFRANGE, "-tao_descent_step %g must be positive", (double)d->step);
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoView_Descent(Tao tao, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (ascii) PetscCall(PetscViewerASCIIPrintf(viewer, "  step %g\n", (double)((Tao_Descent *)tao->data)->step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TaoDestroy_Descent(Tao tao)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(tao->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
   ADJTAODESCENT - "descent": gradient descent with steps of one length, a type of `Tao`

   Options Database Key:
.  -tao_descent_step <1> - length a of a step over that of the gradient, with the prefix of the `Tao`

   Level: intermediate

   Note:
   theta <- P(theta - a g), P being the projection to the bounds, if there are any. There is no line search: with a gradient of an
   inexact adjoint, as that of `ADJONESTEP`, it goes on where a line search gives up. With a <= 1/L, L a Lipschitz constant of the
   gradient, the objective falls. The steps are those of the classical analysis of hypergradient descent.

   References:
.  * - J. Bolte, E. Pauwels, S. Vaiter, One-step differentiation of iterative algorithms, NeurIPS 2023

.seealso: `ADJMinimize()`, `ADJSetTao()`
M*/
static PetscErrorCode TaoCreate_Descent(Tao tao)
{
  Tao_Descent *d;

  PetscFunctionBegin;
  PetscCall(PetscNew(&d));
  d->step                  = 1.0;
  tao->data                = d;
  tao->ops->setup          = TaoSetUp_Descent;
  tao->ops->solve          = TaoSolve_Descent;
  tao->ops->setfromoptions = TaoSetFromOptions_Descent;
  tao->ops->view           = TaoView_Descent;
  tao->ops->destroy        = TaoDestroy_Descent;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif

PetscErrorCode ADJRegisterTao_Private(void)
{
  PetscFunctionBegin;
#if !PetscDefined(USE_COMPLEX)
  PetscCall(TaoRegister(ADJTAODESCENT, TaoCreate_Descent));
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}
