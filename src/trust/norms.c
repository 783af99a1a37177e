/*
   The classical bound of the error of a Neumann series of k terms beside the identity (k = 0: one-step),

       ||J_k - J|| <= ||A||^{k+1} ||B|| / (1 - ||A||),    A = dF/dx, B = dF/dtheta, 2-norms,

   with the norms by SLEPc, where there is a JVP beside the VJP. It holds where ||A|| < 1, which the spectral radius does not
   tell: the estimate of the error, in gradienterror.c, does not need it.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_SVD_TOL    1e-2
#define ADJ_SVD_MAX_IT 10

static PetscErrorCode MatMult_ADJ_A(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, x, NULL, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMultTranspose_ADJ_A(Mat A, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(A, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJComputeVJP_Private(adj, adj->lin_x, adj->lin_theta, x, y, NULL), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJ_B(Mat B, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(B, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJComputeJVP_Private(adj, adj->lin_x, adj->lin_theta, NULL, x, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMultTranspose_ADJ_B(Mat B, Vec x, Vec y)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(B, &adj));
  PetscCall(ADJFilterProduct_Private(&adj->norms.filter, ADJComputeVJP_Private(adj, adj->lin_x, adj->lin_theta, x, NULL, y), y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatCreateVecs_ADJ_B(Mat B, Vec *right, Vec *left)
{
  ADJ adj;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(B, &adj));
  if (right) PetscCall(VecDuplicate(adj->state->theta, right));
  if (left) PetscCall(VecDuplicate(adj->r, left));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSVD - The solver that measures the norms of dF/dx and dF/dtheta

   Collective at the first call

   Input Parameter:
.  adj - the context

   Output Parameter:
.  svd - the solver (borrowed)

   Options Database Keys:
+  -adj_svd_tol <tol>    - relative accuracy of the largest singular value, default 1e-2
-  -adj_svd_max_it <its> - restarts it may spend, default 10

   Level: advanced

   Note:
   Used where the problem has a JVP and a VJP: for the classical bound of the error of types that approximate the derivative of
   the solution, see `ADJ_CHECK_CLASSICAL`, and on demand for norms and condition number, see `ADJSetTrustSVD()`.

.seealso: `ADJGetEPS()`, `ADJGetTrustReport()`, `ADJSetGradientTolerance()`
@*/
PetscErrorCode ADJGetSVD(ADJ adj, SVD *svd)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->svd) {
    PetscCall(ADJGetChildPrefix_Private(adj, "adj_", sizeof(prefix), prefix));
    PetscCall(SVDCreate(PetscObjectComm((PetscObject)adj), &adj->svd));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)adj->svd, (PetscObject)adj, 1));
    PetscCall(PetscObjectSetOptions((PetscObject)adj->svd, ((PetscObject)adj)->options));
    PetscCall(SVDSetOptionsPrefix(adj->svd, prefix));
    PetscCall(SVDSetType(adj->svd, SVDCROSS)); /* the Lanczos types do not survive matrices of rank 1, nor small ones of low rank */
    PetscCall(SVDSetImplicitTranspose(adj->svd, PETSC_TRUE));
    PetscCall(SVDSetWhichSingularTriplets(adj->svd, SVD_LARGEST));
    PetscCall(SVDSetTolerances(adj->svd, ADJ_SVD_TOL, ADJ_SVD_MAX_IT));
  }
  if (svd) *svd = adj->svd;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n x m */
static PetscErrorCode ADJCreateShellB_Private(ADJ adj, Mat *B)
{
  PetscInt n, N, m, M;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(adj->r, &n));
  PetscCall(VecGetSize(adj->r, &N));
  PetscCall(VecGetLocalSize(adj->state->theta, &m));
  PetscCall(VecGetSize(adj->state->theta, &M));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), n, m, N, M, adj, B));
  PetscCall(MatShellSetOperation(*B, MATOP_MULT, ADJShellFn(MatMult_ADJ_B)));
  PetscCall(MatShellSetOperation(*B, PetscDefined(USE_COMPLEX) ? MATOP_MULT_HERMITIAN_TRANSPOSE : MATOP_MULT_TRANSPOSE, ADJShellFn(MatMultTranspose_ADJ_B)));
  PetscCall(MatShellSetOperation(*B, MATOP_CREATE_VECS, ADJShellFn(MatCreateVecs_ADJ_B)));
  PetscCall(MatSetUp(*B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |A r|/|r| for a random r: where it is 0 there is nothing to find, and the solver would not survive it */
static PetscErrorCode ADJTryProduct_Private(ADJ adj, Mat A, PetscReal *norm)
{
  Vec         r, y;
  PetscRandom rnd;
  PetscReal   rnorm;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &r, &y));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(r, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNorm(r, NORM_2, &rnorm));
  PetscCall(MatMult(A, r, y));
  PetscCall(VecNorm(y, NORM_2, norm));
  if (rnorm > 0.0) *norm /= rnorm;
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The length of the basis that the solver chooses for one matrix is no choice for the next */
static PetscErrorCode ADJSolveSVD_Private(ADJ adj, Mat A, PetscReal *sigma)
{
  PetscInt       nconv = 0, ncv;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *sigma = -1.0;
  PetscCall(ADJGetSVD(adj, NULL));
  if (adj->optionscalled && !adj->svdconfigured) PetscCall(SVDSetFromOptions(adj->svd));
  adj->svdconfigured = adj->optionscalled;
  PetscCall(SVDGetDimensions(adj->svd, NULL, &ncv, NULL));
  PetscCall(SVDSetOperators(adj->svd, A, NULL));
  ierr = SVDSolve(adj->svd);
  if (!ierr) PetscCall(SVDGetConverged(adj->svd, &nconv));
  if (nconv > 0) PetscCall(SVDGetSingularTriplet(adj->svd, 0, sigma, NULL, NULL));
  if (ncv <= 0) PetscCall(SVDSetDimensions(adj->svd, 1, ADJ_DETERMINE, ADJ_DETERMINE));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Largest singular value, negative if it is not found; the matrix is destroyed. Products with an inverse whose solves do not
   converge are not those of one matrix: the solver is spared them, for A^* A may then have a negative eigenvalue, which is an
   error of floating point there.
*/
PetscErrorCode ADJMeasureNorm_Private(ADJ adj, Mat *A, PetscReal *sigma)
{
  ADJNorms      *norms = &adj->norms;
  PetscReal      norm;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *sigma = -1.0;
  ierr   = ADJTryProduct_Private(adj, *A, &norm);
  if (!ierr && !norms->filter.notfinite) {
    *sigma = norm;
    if (norm > PETSC_SMALL && !norms->unsolved) ierr = ADJSolveSVD_Private(adj, *A, sigma);
  }
  if (adj->svd) PetscCall(SVDReset(adj->svd));
  PetscCall(MatDestroy(A));
  PetscCall(ADJRaiseOnAll_Private(adj, norms->filter.ierr));
  if (norms->filter.notfinite || norms->unsolved) *sigma = -1.0;
  PetscCall(norms->filter.notfinite || (norms->unsolved && ierr == PETSC_ERR_FP) ? PETSC_SUCCESS : ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As often as the contraction: kept where that was carried over from another state */
static PetscErrorCode ADJUpdateNorms_Private(ADJ adj)
{
  ADJNorms       *norms   = &adj->norms;
  const PetscBool carried = (PetscBool)(adj->trustcontraction && adj->contraction.id && adj->contraction.id != adj->state->id);
  Mat             A;

  PetscFunctionBegin;
  if (norms->id == adj->state->id || (norms->id && carried)) PetscFunctionReturn(PETSC_SUCCESS);
  norms->filter.notfinite = PETSC_FALSE;
  norms->filter.ierr      = PETSC_SUCCESS;
  norms->unsolved         = PETSC_FALSE;
  norms->id               = 0;
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJCreateShell_Private(adj, MatMult_ADJ_A, MatMultTranspose_ADJ_A, &A));
  PetscCall(ADJMeasureNorm_Private(adj, &A, &norms->a));
  norms->b = -1.0;
  if (norms->a >= 0.0 && norms->a < 1.0) {
    PetscCall(ADJCreateShellB_Private(adj, &A));
    PetscCall(ADJMeasureNorm_Private(adj, &A, &norms->b));
  }
  if (!norms->filter.notfinite) norms->id = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJEnterNorms_Private(const ADJNorms *norms, ADJTrustCheck *a)
{
  PetscFunctionBegin;
  PetscCall(ADJSetCheck_Private(a, ADJ_CHECK_INFO, norms->a, 0.0, norms->a >= 1.0 ? "the norm of dF/dx is not below 1, whatever its spectral radius: single steps may amplify errors, and no bound of an error that rests on the norm holds" : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The norm on demand, and the bound of an approximate derivative's error for this v (or thetadot), relative to what was computed */
PetscErrorCode ADJCheckClassicalBound_Private(ADJ adj, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const ADJNorms *norms = &adj->norms;
  const PetscBool bound = (PetscBool)(rec->approximate && rec->terms >= 0);
  ADJTrustCheck  *c     = &rep->check[ADJ_CHECK_CLASSICAL];

  PetscFunctionBegin;
  if (adj->form != ADJ_FIXED_POINT || !(bound || adj->trustsvd) || !adj->vjp || !adj->thetajvp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJUpdateNorms_Private(adj));
  if (norms->filter.notfinite) PetscCall(ADJProductNotFinite_Private(rep));
  if (norms->a < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJEnterNorms_Private(norms, &rep->check[ADJ_CHECK_NORM]));
  if (bound && norms->a < 1.0 && norms->b >= 0.0 && rec->resultnorm > 0.0) {
    c->status = ADJ_CHECK_INFO;
    c->value  = PetscPowReal(norms->a, (PetscReal)(rec->terms + 1)) * norms->b / (1.0 - norms->a) * rec->rhsnorm / rec->resultnorm;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
