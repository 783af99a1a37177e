/*
   Type neumann: the first terms of the Neumann series at the solution,

       adjoint:  w = sum_{i=0..k} (A^T)^i v,          thetabar = B^T w
       tangent:  xdot = sum_{i=0..k} A^i B thetadot

   with A = dF/dx, B = dF/dtheta. What is left out is B^T M^{-T} (A^T)^{k+1} v, M = I - A.
*/
#include <contragrad/private/adjimpl.h>

typedef struct {
  PetscInt terms; /* k */
} ADJ_Neumann;

static PetscErrorCode ADJSolveAdjoint_Neumann(ADJ adj, Vec xbar, Vec thetabar)
{
  const PetscInt  terms = ((ADJ_Neumann *)adj->data)->terms;
  ADJLinearSolve *rec   = &adj->state->adjoint;
  Vec             x = adj->state->x, theta = adj->state->theta;

  PetscFunctionBegin;
  PetscCall(ADJCreateAdjoint_Private(adj));
  PetscCall(ADJCreateSweepVecs_Private(adj));
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(VecCopy(xbar, adj->w));
  for (PetscInt i = 0; i < terms; i++) {
    PetscCall(ADJComputeVJP_Private(adj, x, theta, i ? adj->a[i % 2] : xbar, adj->a[(i + 1) % 2], NULL));
    PetscCall(VecAXPY(adj->w, 1.0, adj->a[(i + 1) % 2]));
  }
  PetscCall(ADJComputeVJP_Private(adj, x, theta, adj->w, NULL, thetabar));
  PetscCall(ADJRecordNorms_Private(xbar, thetabar, rec));
  PetscCall(VecNorm(adj->w, NORM_2, &rec->solnorm));
  rec->its         = terms;
  rec->terms       = terms;
  rec->approximate = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSolveTangent_Neumann(ADJ adj, Vec thetadot, Vec xdot)
{
  const PetscInt  terms = ((ADJ_Neumann *)adj->data)->terms;
  ADJLinearSolve *rec   = &adj->state->tangent;
  Vec             x = adj->state->x, theta = adj->state->theta;

  PetscFunctionBegin;
  PetscCall(ADJCreateSweepVecs_Private(adj));
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJComputeJVP_Private(adj, x, theta, NULL, thetadot, adj->a[0]));
  PetscCall(VecCopy(adj->a[0], xdot));
  for (PetscInt i = 0; i < terms; i++) {
    PetscCall(ADJComputeJVP_Private(adj, x, theta, adj->a[i % 2], NULL, adj->a[(i + 1) % 2]));
    PetscCall(VecAXPY(xdot, 1.0, adj->a[(i + 1) % 2]));
  }
  PetscCall(ADJRecordNorms_Private(thetadot, xdot, rec));
  rec->its         = terms;
  rec->terms       = terms;
  rec->approximate = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSetFromOptions_Neumann(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscInt  terms = ((ADJ_Neumann *)adj->data)->terms;
  PetscBool set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Neumann series");
  PetscCall(PetscOptionsInt("-adj_neumann_terms", "Powers of dF/dx beside the identity", "ADJNeumannSetTerms", terms, &terms, &set));
  if (set) PetscCall(ADJNeumannSetTerms(adj, terms));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJView_Neumann(ADJ adj, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "  Neumann series: powers 0 to %" PetscInt_FMT "\n", ((ADJ_Neumann *)adj->data)->terms));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJNeumannSetTerms_Neumann(ADJ adj, PetscInt terms)
{
  PetscFunctionBegin;
  PetscCheck(terms >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of terms must not be negative, it is %" PetscInt_FMT, terms);
  ((ADJ_Neumann *)adj->data)->terms = terms;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJNeumannGetTerms_Neumann(ADJ adj, PetscInt *terms)
{
  PetscFunctionBegin;
  *terms = ((ADJ_Neumann *)adj->data)->terms;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJNeumannSetTerms - Sets how many powers of dF/dx the type `ADJNEUMANN` adds to the identity

   Logically collective

   Input Parameters:
+  adj   - the context; nothing happens if it has another type
-  terms - k in w = sum_{i=0..k} (A^T)^i v, 0 or more; default 10

   Options Database Key:
.  -adj_neumann_terms <10> - the number

   Level: intermediate

.seealso: `ADJNEUMANN`, `ADJNeumannGetTerms()`
@*/
PetscErrorCode ADJNeumannSetTerms(ADJ adj, PetscInt terms)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, terms, 2);
  PetscTryMethod(adj, "ADJNeumannSetTerms_C", (ADJ, PetscInt), (adj, terms));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJNeumannGetTerms - The number of `ADJNeumannSetTerms()`

   Not collective

   Input Parameter:
.  adj - the context, of type `ADJNEUMANN`

   Output Parameter:
.  terms - the number

   Level: intermediate

   Errors:
   `PETSC_ERR_SUP` if it has another type.

.seealso: `ADJNEUMANN`, `ADJNeumannSetTerms()`
@*/
PetscErrorCode ADJNeumannGetTerms(ADJ adj, PetscInt *terms)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscUseMethod(adj, "ADJNeumannGetTerms_C", (ADJ, PetscInt *), (adj, terms));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJDestroy_Neumann(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJNeumannSetTerms_C", NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJNeumannGetTerms_C", NULL));
  PetscCall(PetscFree(adj->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PETSC_INTERN PetscErrorCode ADJCreate_Neumann(ADJ);

/*MC
   ADJNEUMANN - the derivative of the solution by the first terms of the Neumann series of (I - dF/dx)^{-1}

   Options Database Key:
.  -adj_neumann_terms <10> - powers of dF/dx beside the identity

   Level: intermediate

   Notes:
   Costs k products in x and one in theta, and no linear solve. Its error falls with the k-th power of the spectral radius of
   dF/dx, after a transient that is long where dF/dx is far from normal. The verdict estimates it and holds it against
   `ADJSetGradientTolerance()`. `ADJAUTO` chooses k itself.

   References:
.  * - S. W. Fung et al., JFB: Jacobian-free backpropagation for implicit networks, AAAI 2022 (k = 0)

.seealso: `ADJSetType()`, `ADJType`, `ADJNeumannSetTerms()`, `ADJAUTO`, `ADJONESTEP`, `ADJSetGradientTolerance()`
M*/
PetscErrorCode ADJCreate_Neumann(ADJ adj)
{
  ADJ_Neumann *ctx;

  PetscFunctionBegin;
  PetscCall(PetscNew(&ctx));
  ctx->terms               = 10;
  adj->data                = ctx;
  adj->ops->setfromoptions = ADJSetFromOptions_Neumann;
  adj->ops->forwardbegin   = ADJRequireFixedPoint_Private;
  adj->ops->solveadjoint   = ADJSolveAdjoint_Neumann;
  adj->ops->solvetangent   = ADJSolveTangent_Neumann;
  adj->ops->view           = ADJView_Neumann;
  adj->ops->destroy        = ADJDestroy_Neumann;
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJNeumannSetTerms_C", ADJNeumannSetTerms_Neumann));
  PetscCall(PetscObjectComposeFunction((PetscObject)adj, "ADJNeumannGetTerms_C", ADJNeumannGetTerms_Neumann));
  PetscFunctionReturn(PETSC_SUCCESS);
}
