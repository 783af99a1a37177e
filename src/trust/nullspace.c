/*
   Singular problems: null vectors U of M and W of M^T that the user knows, made orthonormal,

       M U = 0,   M^T W = 0,   M = I - dF/dx or dR/dx.

   M^T w = v has a solution iff U^T v = 0, unique up to W; N^T w is the same for all of them iff N^T W = 0. M xdot = b has
   one iff W^T b = 0. The range of M meets its null space in 0 alone iff U^T W is regular.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_NULL_DIFF_TOL  1e-5 /* M U by differences: as good as the map is computed, which may be far from rounding */
#define ADJ_NULL_DEPENDENT PETSC_SQRT_MACHINE_EPSILON

/* Vectors that one look at the null vectors works with, and the size of M and N^T on a random vector */
typedef struct {
  Vec       r, y, z; /* as the state */
  Vec       t;       /* as the parameters */
  PetscReal M, N;
} ADJNullWork;

/* v less its part in the space, `NULL` for none */
PetscErrorCode ADJNullSpaceRemove_Private(MatNullSpace sp, Vec v)
{
  PetscFunctionBegin;
  if (sp) PetscCall(MatNullSpaceRemove(sp, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJNullSpaceCount_Private(MatNullSpace sp, PetscInt *n)
{
  PetscBool  constant;
  const Vec *v;

  PetscFunctionBegin;
  PetscCall(MatNullSpaceGetVecs(sp, &constant, n, &v));
  if (constant) ++*n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gram-Schmidt, twice; whether the vectors are independent */
static PetscErrorCode ADJOrthonormalize_Private(PetscInt n, Vec v[], PetscBool *independent)
{
  PetscScalar *dots;
  PetscReal    norm;

  PetscFunctionBegin;
  *independent = PETSC_TRUE;
  PetscCall(PetscMalloc1(n, &dots));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(VecNormalize(v[i], &norm));
    if (!(norm > 0.0)) *independent = PETSC_FALSE;
    for (PetscInt pass = 0; i > 0 && pass < 2; pass++) {
      PetscCall(VecMDot(v[i], i, v, dots));
      for (PetscInt j = 0; j < i; j++) dots[j] = -dots[j];
      PetscCall(VecMAXPY(v[i], i, dots, v));
      PetscCall(VecNormalize(v[i], &norm));
      if (!(norm > ADJ_NULL_DEPENDENT)) *independent = PETSC_FALSE;
    }
  }
  PetscCall(PetscFree(dots));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An orthonormal basis of the layout of the state */
static PetscErrorCode ADJNullSpaceBasis_Private(ADJ adj, MatNullSpace sp, const char which[], PetscInt *n, Vec **basis)
{
  PetscBool  constant, independent;
  PetscInt   nvecs;
  const Vec *v;
  char       name[64];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(name, sizeof(name), "A vector of the %s null space", which));
  PetscCall(MatNullSpaceGetVecs(sp, &constant, &nvecs, &v));
  for (PetscInt i = 0; i < nvecs; i++) PetscCall(ADJCheckVec_Private(adj, v[i], adj->r, name, "the state; give null spaces of this layout to ADJSetNullSpace(), or NULL to forget those of another problem"));
  *n = nvecs + (constant ? 1 : 0);
  PetscCall(VecDuplicateVecs(adj->r, *n, basis));
  if (constant) PetscCall(VecSet((*basis)[0], 1.0));
  for (PetscInt i = 0; i < nvecs; i++) PetscCall(VecCopy(v[i], (*basis)[*n - nvecs + i]));
  PetscCall(ADJOrthonormalize_Private(*n, *basis, &independent));
  if (!independent) PetscCall(VecDestroyVecs(*n, basis));
  PetscCheck(independent, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_WRONG, "The vectors of the %s null space of ADJSetNullSpace() are linearly dependent, zero or not finite", which);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Smallest singular value of U^H W, the same on every process */
static PetscErrorCode ADJSmallestCosine_Private(ADJ adj, PetscInt n, Vec U[], Vec W[], PetscReal *sigma)
{
  PetscScalar *dots;
  Mat          G;
  SVD          svd;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &dots));
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, n, n, NULL, &G));
  for (PetscInt j = 0; j < n; j++) {
    PetscCall(VecMDot(W[j], n, U, dots));
    for (PetscInt i = 0; i < n; i++) PetscCall(MatSetValue(G, i, j, dots[i], INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  *sigma = PetscAbsScalar(dots[0]);
  PetscCall(PetscFree(dots));
  if (n > 1) {
    PetscCall(SVDCreate(PETSC_COMM_SELF, &svd));
    PetscCall(SVDSetOptionsPrefix(svd, "adj_nullspace_"));
    PetscCall(SVDSetOperators(svd, G, NULL));
    PetscCall(SVDSetType(svd, SVDLAPACK));
    PetscCall(SVDSetDimensions(svd, n, ADJ_DETERMINE, ADJ_DETERMINE));
    PetscCall(SVDSolve(svd));
    PetscCall(SVDGetSingularTriplet(svd, n - 1, sigma, NULL, NULL));
    PetscCall(SVDDestroy(&svd));
  }
  PetscCall(MatDestroy(&G));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sigma, 1, MPIU_REAL, MPIU_MIN, PetscObjectComm((PetscObject)adj)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJNullVectorsDestroy_Private(ADJNullVectors *nv)
{
  PetscFunctionBegin;
  if (nv->W != nv->U) PetscCall(VecDestroyVecs(nv->n, &nv->W));
  PetscCall(VecDestroyVecs(nv->n, &nv->U));
  PetscCall(MatNullSpaceDestroy(&nv->right));
  PetscCall(MatNullSpaceDestroy(&nv->left));
  PetscCall(PetscMemzero(nv, sizeof(*nv)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of what the user gave; nothing is kept after an error */
static PetscErrorCode ADJNullVectorsCreate_Private(ADJ adj, MatNullSpace right, MatNullSpace left, ADJNullVectors *nv)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(nv, sizeof(*nv)));
  if (!right) PetscFunctionReturn(PETSC_SUCCESS);
  ierr = ADJNullSpaceBasis_Private(adj, right, "right", &nv->n, &nv->U);
  if (!ierr && left) ierr = ADJNullSpaceBasis_Private(adj, left, "left", &nv->n, &nv->W);
  if (ierr) PetscCall(ADJNullVectorsDestroy_Private(nv));
  PetscCall(ierr);
  PetscCall(MatNullSpaceCreate(comm, PETSC_FALSE, nv->n, nv->U, &nv->right));
  if (left)
    PetscCall(MatNullSpaceCreate(comm, PETSC_FALSE, nv->n, nv->W, &nv->left));
  else {
    nv->W = nv->U;
    PetscCall(PetscObjectReference((PetscObject)nv->right));
    nv->left = nv->right;
  }
  PetscCall(ADJSmallestCosine_Private(adj, nv->n, nv->U, nv->W, &nv->defect));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both, or none with `NULL`; where A is known to be symmetric PETSc sets the second with the first */
static PetscErrorCode ADJSetNullSpaces_Private(Mat A, MatNullSpace right, MatNullSpace left)
{
  PetscFunctionBegin;
  if (!A) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatSetNullSpace(A, right));
  PetscCall(MatSetTransposeNullSpace(A, left));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   To the matrix of a preconditioner, P or (with `transposed`) P^T. PETSc takes the space that it removes from Krylov vectors
   from the operator, but the one that it removes from the right-hand side from this matrix. What the user attached stays. The
   matrix of a borrowed solver gets nothing, its own solves would see it: ADJKSPSolve_Private() cleans the right-hand side then
*/
PetscErrorCode ADJNullSpaceAttachTo_Private(ADJ adj, Mat A, PetscBool transposed)
{
  const ADJNullVectors *nv    = &adj->nullvectors;
  MatNullSpace          right = transposed ? nv->left : nv->right, left = transposed ? nv->right : nv->left, r, l;

  PetscFunctionBegin;
  if (!A || !nv->n || (adj->Pofjacobian && A == adj->P)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetNullSpace(A, &r));
  PetscCall(MatGetTransposeNullSpace(A, &l));
  if (r == right && l == left) PetscFunctionReturn(PETSC_SUCCESS);
  if (l) PetscCall(PetscObjectReference((PetscObject)l));
  PetscCall(ADJSetNullSpaces_Private(A, r ? r : right, l ? l : left));
  PetscCall(MatNullSpaceDestroy(&l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Takes our own off such a matrix */
static PetscErrorCode ADJNullSpaceDetach_Private(ADJ adj, Mat A)
{
  const ADJNullVectors *nv = &adj->nullvectors;
  MatNullSpace          r, l;

  PetscFunctionBegin;
  if (!A || !nv->n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetNullSpace(A, &r));
  PetscCall(MatGetTransposeNullSpace(A, &l));
  if (l) PetscCall(PetscObjectReference((PetscObject)l));
  PetscCall(ADJSetNullSpaces_Private(A, r == nv->right || r == nv->left ? NULL : r, l == nv->right || l == nv->left ? NULL : l));
  PetscCall(MatNullSpaceDestroy(&l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of ADJSetUp(): the operators exist */
PetscErrorCode ADJNullSpaceAttach_Private(ADJ adj)
{
  ADJNullVectors *nv = &adj->nullvectors;

  PetscFunctionBegin;
  if (!nv->n) PetscCall(ADJNullVectorsCreate_Private(adj, adj->nullright, adj->nullleft, nv));
  PetscCall(ADJSetNullSpaces_Private(adj->M, nv->right, nv->left));
  PetscCall(ADJSetNullSpaces_Private(adj->MT, nv->left, nv->right));
  if (adj->J != adj->M) PetscCall(ADJSetNullSpaces_Private(adj->J, nv->right, nv->left));
  PetscCall(ADJNullSpaceAttachTo_Private(adj, adj->P, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Drops the vectors, and takes them off what is not ours */
PetscErrorCode ADJNullSpaceReset_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJNullSpaceDetach_Private(adj, adj->P));
  PetscCall(ADJNullSpaceDetach_Private(adj, adj->PT));
  if (adj->PT == adj->P) PetscCall(MatDestroy(&adj->PT)); /* as long as left and right are the same */
  PetscCall(MatDestroy(&adj->productT));
  PetscCall(ADJNullVectorsDestroy_Private(&adj->nullvectors));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCheckNullSpaceArgument_Private(ADJ adj, MatNullSpace sp, const char which[], PetscInt *n)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt same;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)sp), &same));
  PetscCheck(same == MPI_IDENT || same == MPI_CONGRUENT, comm, PETSC_ERR_ARG_NOTSAMECOMM, "The %s null space lives on another communicator than the ADJ; create both on the same one", which);
  PetscCall(ADJNullSpaceCount_Private(sp, n));
  PetscCheck(*n > 0, comm, PETSC_ERR_ARG_WRONG, "The %s null space has no vectors, and a function that removes it is not enough: give a basis to MatNullSpaceCreate(), or has_cnst for the constants", which);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetNullSpace - Tells the null vectors of a singular problem: M U = 0 and M^T W = 0, with M = I - dF/dx or dR/dx

   Collective

   Input Parameters:
+  adj   - the context
.  right - U, what may be added to a solution, by `MatNullSpaceCreate()`; `NULL` if M is not singular
-  left  - W, as many vectors as `right` has; `NULL` where they are the same, as with a symmetric operator

   Level: intermediate

   Notes:
   For states that are defined up to a constant, a shift, a rotation: pressure in a closed box, pure Neumann problems,
   potentials of optimal transport. The vectors have the layout of the state; they are copied, and made orthonormal. Both
   spaces are referenced. Two `NULL` take back what was given. `ADJReset()` keeps them.

   Where the null vectors depend on the state or on the parameters, call it again for each solution: after `ADJSolve()`, or
   from the function of `ADJSetLinearize()`, also after a mere change of the vectors' entries.

   The solvers of the state, of the adjoint and of the tangent get the spaces with `MatSetNullSpace()` and
   `MatSetTransposeNullSpace()`, on their operators and on the matrix of `ADJSetPreconditioner()` unless that has null spaces
   of its own. Of all adjoints (tangents) that solve the system the one orthogonal to W (to U) is taken. Contraction is that of
   the other eigenvalues of dF/dx.

   The verdict refuses with `ADJ_TRUST_REFUTED_NULLSPACE` a null space that is wrong (`ADJ_CHECK_NULLSPACE`), one that belongs
   to a defective eigenvalue (`ADJ_CHECK_DEFECT`), an objective that depends on the part of the state that is not determined, or a
   direction of the parameters in which no solution persists (`ADJ_CHECK_SOLVABILITY`), and gradients with respect to parameters
   for only some of which a solution exists (`ADJ_CHECK_PERSISTENCE`).

   With complex scalars M^T is the Hermitian transpose.

   Errors:
   `PETSC_ERR_ARG_NULL` for left null vectors without right ones, `PETSC_ERR_ARG_NOTSAMECOMM`, `PETSC_ERR_ARG_SIZ` if the two
   differ in number, `PETSC_ERR_ARG_WRONG` for a space without vectors. Here or in `ADJSetUp()`, once the state is
   known: `PETSC_ERR_ARG_SIZ` if a vector does not fit the state, `PETSC_ERR_ARG_WRONG` if they are linearly dependent.

.seealso: `ADJGetNullSpace()`, `ADJSetTrustThreshold()`, `ADJCheck`, `ADJSetPreconditioner()`, `ADJSetLinearize()`
@*/
PetscErrorCode ADJSetNullSpace(ADJ adj, MatNullSpace right, MatNullSpace left)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  PetscInt       nright, nleft;
  ADJNullVectors nv;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (right) PetscValidHeaderSpecific(right, MAT_NULLSPACE_CLASSID, 2);
  if (left) PetscValidHeaderSpecific(left, MAT_NULLSPACE_CLASSID, 3);
  PetscCheck(right || !left, comm, PETSC_ERR_ARG_NULL, "A singular operator has left null vectors and as many right ones: give both, or the right ones alone where they are the same");
  if (right) PetscCall(ADJCheckNullSpaceArgument_Private(adj, right, "right", &nright));
  if (left) {
    PetscCall(ADJCheckNullSpaceArgument_Private(adj, left, "left", &nleft));
    PetscCheck(nright == nleft, comm, PETSC_ERR_ARG_SIZ, "The right null space has %" PetscInt_FMT " vectors, the left one %" PetscInt_FMT "; a square operator has as many of both", nright, nleft);
  }
  PetscCall(PetscMemzero(&nv, sizeof(nv)));
  if (adj->setupcalled) PetscCall(ADJNullVectorsCreate_Private(adj, right, left, &nv));
  PetscCall(ADJNullSpaceReset_Private(adj));
  if (!adj->nullright != !right || adj->selections.id == adj->state->id) PetscCall(ADJSelectionsReset_Private(adj));
  if (!adj->nullright != !right)
    PetscCall(ADJContractionReset_Private(adj));
  else if (adj->contraction.id == adj->state->id)
    adj->contraction.id = 0;
  if (right) PetscCall(PetscObjectReference((PetscObject)right));
  if (left) PetscCall(PetscObjectReference((PetscObject)left));
  PetscCall(MatNullSpaceDestroy(&adj->nullright));
  PetscCall(MatNullSpaceDestroy(&adj->nullleft));
  adj->nullright   = right;
  adj->nullleft    = left;
  adj->nullvectors = nv;
  if (adj->setupcalled) PetscCall(ADJNullSpaceAttach_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetNullSpace - The null spaces set with `ADJSetNullSpace()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  right - of M (borrowed), `NULL` if there is none; `NULL` to ignore
-  left  - of M^T (borrowed), `NULL` if it is the same or there is none; `NULL` to ignore

   Level: intermediate

.seealso: `ADJSetNullSpace()`
@*/
PetscErrorCode ADJGetNullSpace(ADJ adj, MatNullSpace *right, MatNullSpace *left)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (right) *right = adj->nullright;
  if (left) *left = adj->nullleft;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* max_j |M^T W_j|, max_j |N^T W_j|. Without a VJP |M^T W_j| ~ |W_j^T M d| sqrt(n)/|d| for a random d */
static PetscErrorCode ADJMeasureLeft_Private(ADJ adj, ADJNullVectors *nv, ADJNullWork *k)
{
  PetscScalar *dots;
  PetscReal    norm;
  PetscInt     N;

  PetscFunctionBegin;
  if (adj->vjp) {
    PetscCall(ADJApplyMT_Private(adj, k->r, k->y, k->t));
    PetscCall(VecNorm(k->y, NORM_2, &k->M));
    PetscCall(VecNorm(k->t, NORM_2, &k->N));
    nv->MTW = nv->NTW = 0.0;
    for (PetscInt j = 0; j < nv->n; j++) {
      PetscCall(ADJApplyMT_Private(adj, nv->W[j], k->y, k->t));
      PetscCall(VecNorm(k->y, NORM_2, &norm));
      nv->MTW = PetscMax(norm, nv->MTW);
      PetscCall(VecNorm(k->t, NORM_2, &norm));
      nv->NTW = PetscMax(norm, nv->NTW);
    }
  } else {
    PetscCall(ADJApplyM_Private(adj, k->r, k->y));
    PetscCall(VecNorm(k->y, NORM_2, &k->M));
    PetscCall(VecGetSize(k->r, &N));
    PetscCall(PetscMalloc1(nv->n, &dots));
    PetscCall(VecMDot(k->y, nv->n, nv->W, dots));
    nv->MTW = 0.0;
    nv->NTW = -1.0;
    for (PetscInt j = 0; j < nv->n; j++) nv->MTW = PetscMax(PetscAbsScalar(dots[j]) * PetscSqrtReal((PetscReal)N), nv->MTW);
    PetscCall(PetscFree(dots));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M u by (R(x + h u) - R(x - h u)) / 2h with |u| = 1; h balances truncation and rounding */
static PetscErrorCode ADJDifferenceAlong_Private(ADJ adj, Vec u, ADJNullWork *k)
{
  Vec       x = adj->state->x, theta = adj->state->theta;
  PetscReal xnorm, h;

  PetscFunctionBegin;
  PetscCall(VecNorm(x, NORM_2, &xnorm));
  h = PetscCbrtReal(PETSC_MACHINE_EPSILON) * (xnorm > 0.0 ? xnorm : 1.0);
  PetscCall(VecWAXPY(k->r, -h, u, x));
  PetscCall(ADJComputeResidual_Private(adj, k->r, theta, k->z));
  PetscCall(VecWAXPY(k->r, h, u, x));
  PetscCall(ADJComputeResidual_Private(adj, k->r, theta, k->y));
  PetscCall(VecAXPY(k->y, -1.0, k->z));
  PetscCall(VecScale(k->y, 0.5 / h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* max_j |M U_j|. Not looked at where that takes the map beside the solution, and the map may not be evaluated there */
static PetscErrorCode ADJMeasureRight_Private(ADJ adj, ADJNullVectors *nv, ADJNullWork *k)
{
  PetscReal norm;

  PetscFunctionBegin;
  nv->MU = -1.0;
  if (!adj->jvp && !adj->trustdifferences) PetscFunctionReturn(PETSC_SUCCESS);
  nv->MU = 0.0;
  for (PetscInt j = 0; j < nv->n; j++) {
    if (adj->jvp)
      PetscCall(ADJApplyM_Private(adj, nv->U[j], k->y));
    else
      PetscCall(ADJDifferenceAlong_Private(adj, nv->U[j], k));
    PetscCall(VecNorm(k->y, NORM_2, &norm));
    nv->MU = PetscMax(norm, nv->MU);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* a relative to b, or to a if that is larger */
static PetscReal ADJPart_Private(PetscReal a, PetscReal b)
{
  return a > 0.0 || a != a ? a / PetscMax(a, b) : 0.0;
}

/*
   Relative to the size of M = I - dF/dx on a random unit vector, 1 at least; of M = dR/dx whatever its units, so that products
   of rounding errors with a large operator do not count, nor a small operator hides what is wrong
*/
static PetscErrorCode ADJMeasureNullVectors_Private(ADJ adj, ADJNullWork *k, PetscBool *finite)
{
  ADJNullVectors *nv = &adj->nullvectors;
  PetscRandom     rnd;
  PetscReal       scale;

  PetscFunctionBegin;
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(k->r, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecNormalize(k->r, NULL));
  PetscCall(ADJMeasureLeft_Private(adj, nv, k));
  PetscCall(ADJMeasureRight_Private(adj, nv, k));
  *finite = (PetscBool)!PetscIsInfOrNanReal(k->M + k->N + nv->MU + nv->MTW + nv->NTW);
  scale   = adj->form == ADJ_FIXED_POINT ? PetscMax(k->M, 1.0) : k->M;
  nv->MTW = ADJPart_Private(nv->MTW, scale);
  if (nv->MU >= 0.0) nv->MU = ADJPart_Private(nv->MU, scale);
  if (nv->NTW >= 0.0) nv->NTW = ADJPart_Private(nv->NTW, k->N);
  if (*finite) nv->id = adj->state->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each solution; the vectors are freed also after an error of a user's function */
static PetscErrorCode ADJUpdateNullVectors_Private(ADJ adj, PetscBool *finite)
{
  ADJNullWork    k;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  *finite = PETSC_TRUE;
  if (adj->nullvectors.id == adj->state->id) PetscFunctionReturn(PETSC_SUCCESS);
  adj->nullvectors.id = 0;
  PetscCall(PetscMemzero(&k, sizeof(k)));
  PetscCall(VecDuplicate(adj->r, &k.r));
  PetscCall(VecDuplicate(adj->r, &k.y));
  PetscCall(VecDuplicate(adj->r, &k.z));
  PetscCall(VecDuplicate(adj->state->theta, &k.t));
  ierr = ADJMeasureNullVectors_Private(adj, &k, finite);
  PetscCall(VecDestroy(&k.r));
  PetscCall(VecDestroy(&k.y));
  PetscCall(VecDestroy(&k.z));
  PetscCall(VecDestroy(&k.t));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *ADJLeftAdvice_Private(ADJ adj)
{
  if (!adj->nullleft) return "M^T leaves the null vectors, which were given as right and left ones at once: the operator is not symmetric, give ADJSetNullSpace() the left ones too, W with M^T W = 0";
  return "M^T leaves the left null vectors: look at the second argument of ADJSetNullSpace(), M^T W = 0; where they depend on the solution call it again after each ADJSolve(), or from the function of ADJSetLinearize()";
}

/* The worse one of the two spaces */
static PetscErrorCode ADJReportNullSpace_Private(ADJ adj, ADJTrustCheck *c)
{
  const ADJNullVectors *nv    = &adj->nullvectors;
  const PetscReal       limit = adj->threshold[ADJ_CHECK_NULLSPACE], rlimit = adj->jvp ? limit : PetscMax(limit, ADJ_NULL_DIFF_TOL);
  const PetscBool       left = (PetscBool)(nv->MTW > limit), right = (PetscBool)(nv->MU > rlimit);

  PetscFunctionBegin;
  if (left && !(right && nv->MU * limit > nv->MTW * rlimit))
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, nv->MTW, limit, ADJLeftAdvice_Private(adj)));
  else if (right)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_FAILED, nv->MU, rlimit, "M leaves the right null vectors: look at the first argument of ADJSetNullSpace(), M U = 0, and call it again for each solution where they depend on it"));
  else if (nv->MU < 0.0)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_INCONCLUSIVE, nv->MTW, limit, "of the left null vectors; the right ones take a JVP, or differences of the map, which are off"));
  else if (nv->MU * limit > nv->MTW * rlimit)
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, nv->MU, rlimit, NULL));
  else
    PetscCall(ADJSetCheck_Private(c, ADJ_CHECK_PASSED, nv->MTW, limit, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |V^H v| / |v| */
static PetscErrorCode ADJPartIn_Private(Vec v, PetscInt n, const Vec V[], PetscReal *part)
{
  PetscScalar *dots;
  PetscReal    sum = 0.0, norm;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &dots));
  PetscCall(VecMDot(v, n, V, dots));
  for (PetscInt i = 0; i < n; i++) sum += PetscRealPart(dots[i] * PetscConj(dots[i]));
  PetscCall(PetscFree(dots));
  PetscCall(VecNorm(v, NORM_2, &norm));
  *part = ADJPart_Private(PetscSqrtReal(sum), norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the right-hand side, v or N thetadot, before anything was taken out of it */
static PetscErrorCode ADJMeasureSolvability_Private(ADJ adj, ADJPhase phase, Vec in, PetscReal *part)
{
  const ADJNullVectors *nv = &adj->nullvectors;
  PetscErrorCode        ierr;
  Vec                   b;

  PetscFunctionBegin;
  if (phase == ADJ_PHASE_ADJOINT) {
    PetscCall(ADJPartIn_Private(in, nv->n, nv->U, part));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecDuplicate(adj->r, &b));
  ierr = ADJApplyN_Private(adj, in, b);
  if (!ierr) ierr = ADJPartIn_Private(b, nv->n, nv->W, part);
  PetscCall(VecDestroy(&b));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJReportSolvability_Private(ADJ adj, ADJPhase phase, PetscReal part, ADJTrustCheck *c)
{
  const PetscReal limit  = adj->threshold[ADJ_CHECK_SOLVABILITY];
  const char     *advice = "the objective changes along the null space, where nothing determines the state: gauge-dependent, it has no derivative; let it depend on differences of the state alone, or fix the gauge in the problem";

  PetscFunctionBegin;
  if (phase == ADJ_PHASE_TANGENT) advice = "no solution persists in this direction of the parameters: N thetadot has a part along the left null vectors; take a direction that keeps the problem solvable";
  PetscCall(ADJSetCheck_Private(c, part <= limit ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED, part, limit, part <= limit ? NULL : advice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* in: v, or thetadot. Not for steps that are the model: their derivative needs no inverse of M */
PetscErrorCode ADJCheckNullSpace_Private(ADJ adj, Vec in, const ADJLinearSolve *rec, ADJTrustReport *rep)
{
  const ADJNullVectors *nv     = &adj->nullvectors;
  const PetscReal       defect = adj->threshold[ADJ_CHECK_DEFECT], persistence = adj->threshold[ADJ_CHECK_PERSISTENCE];
  PetscBool             finite, passed;
  PetscReal             part;

  PetscFunctionBegin;
  (void)rec;
  if (!nv->n || (adj->program && adj->steps >= 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJUpdateNullVectors_Private(adj, &finite));
  PetscCall(ADJMeasureSolvability_Private(adj, rep->phase, in, &part));
  if (!finite || PetscIsInfOrNanReal(part)) {
    PetscCall(ADJProductNotFinite_Private(rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJReportNullSpace_Private(adj, &rep->check[ADJ_CHECK_NULLSPACE]));
  PetscCall(ADJReportSolvability_Private(adj, rep->phase, part, &rep->check[ADJ_CHECK_SOLVABILITY]));
  passed = (PetscBool)(nv->defect >= defect);
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_DEFECT], passed ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED, nv->defect, defect, passed ? NULL : "the eigenvalue 1 of dF/dx (0 of dR/dx) is defective: a right null vector is orthogonal to all left ones, the iteration drifts; look for equations that are dependent or in the wrong order"));
  if (rep->phase == ADJ_PHASE_TANGENT || nv->NTW < 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  passed = (PetscBool)(nv->NTW <= persistence);
  PetscCall(ADJSetCheck_Private(&rep->check[ADJ_CHECK_PERSISTENCE], passed ? ADJ_CHECK_PASSED : ADJ_CHECK_FAILED, nv->NTW, persistence, passed ? NULL : "a solution exists for some parameters only, N^T W is not 0: choose parameters that keep the problem solvable whatever they are, or take ADJSolveTangent() along directions that do"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
