/*
   Nonsmooth iterations. Where F is made of smooth pieces, dF/dx is one of several selections, and the iteration may go from one to
   another: it contracts, and its derivatives converge, if the joint spectral radius of the selections is below 1.
*/
#include <contragrad/private/adjimpl.h>

/*@C
   ADJSetSelections - Gives the Jacobians of the pieces of a nonsmooth fixed-point map, so that the verdict can see whether the
   iteration contracts however it goes from one piece to another

   Logically collective

   Input Parameters:
+  adj - the context
.  n   - number of selections A_0, ..., A_{n-1} of dF/dx; 0 removes them
.  vjp - computes out = A_s^T in
.  jvp - computes out = A_s in, or `NULL`
-  ctx - passed to both functions, may be `NULL`

   Calling sequence of `vjp` and `jvp`:
$  PetscErrorCode vjp(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx)
+  adj       - the context
.  selection - s, from 0 to n-1
.  x         - the solution
.  theta     - the parameters
.  in        - the vector to multiply, of the size of the state
.  out       - the product, of the size of the state
-  ctx       - the context of `ADJSetSelections()`

   Options Database Keys:
+  -adj_trust_selections_length <6>    - longest product, see `ADJSetSelectionsLength()`
.  -adj_selections_eps_tol <1e-3>      - accuracy of a spectral radius, relative to its distance from 1
-  -adj_selections_norm_eps_tol <1e-3> - accuracy of the square of a norm, relative to its distance from 1, or to itself where that is less

   Level: advanced

   Notes:
   Each selection may contract alone while a product of them grows: then the iteration may diverge, and its derivatives with it.
   The joint spectral radius tells. The check `ADJ_CHECK_SELECTIONS` brackets it by products of one, two, ... factors: from below by
   spectral radii, from above by 2-norms. A lower bound of 1 or more refuses the derivative with
   `ADJ_TRUST_REFUTED_CONTRACTION` and names the product, an upper bound below 1 passes, and with anything else the verdict is
   `ADJ_TRUST_UNVERIFIED`. Without `jvp` there is no upper bound.

   The check is made where the contraction is: in fixed-point form, at `ADJ_TRUST_LEVEL_ESTIMATE`, unless
   `ADJSetTrustContraction()` says that none is required or the derivative is that of a given number of steps. The ordinary check
   `ADJ_CHECK_CONTRACTION`, with the VJP of `ADJSetVJP()`, is made beside it. At a new solution the brackets are kept if
   the contraction is, and nothing was refused.

   Null vectors of `ADJSetNullSpace()` are left out, as in the contraction, where all selections share them: A_s U = U.

   One measurement may spend the products of `ADJSetTrustBudget()`, all together ten times as many, half of it for each bound (without
   `jvp` all of it for the lower one); a product of k factors counts as k. This is looked at when a solver restarts or ends. They
   count among the products of `ADJTrustReport`.

   Both functions must belong to the same matrices, with complex scalars `vjp` to the Hermitian transpose; this is not checked. Ritz
   values bound a norm from below: the upper bound adds the residual, and is evidence, no proof.

   One selection can stand for many. For A_s = D_s (I - alpha H), where the 2-norm of each D_s is at most 1, the norm of I - alpha H
   bounds all products: give this one. So in forward-backward splitting, x <- prox(x - alpha (H x - b)), where prox is a
   projection on a convex set or soft-thresholding and D_s is its derivative: with symmetric H, `vjp` and `jvp` are both

.vb
   PetscCall(MatMult(H, in, out));
   PetscCall(VecAYPX(out, -alpha, in));
.ve

   and the check passes if all eigenvalues of H lie between 0 and 2/alpha. If H is singular the norm is 1 and the check fails,
   although the iteration may contract: give the selections D_s (I - alpha H) themselves then.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if `n` is negative, `PETSC_ERR_ARG_NULL` without `vjp`.

.seealso: `ADJGetSelections()`, `ADJSetSelectionsLength()`, `ADJCheck`, `ADJSetTrustContraction()`, `ADJSetTrustBudget()`
@*/
PetscErrorCode ADJSetSelections(ADJ adj, PetscInt n, ADJSelectionFn *vjp, ADJSelectionFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, n, 2);
  PetscCheck(n >= 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The number of selections is %" PetscInt_FMT "; it must not be negative, 0 removes them", n);
  PetscCheck(!n || vjp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_NULL, "The transposed products of the selections are missing: pass their function as third argument");
  adj->nselections  = n;
  adj->selectionvjp = n ? vjp : NULL;
  adj->selectionjvp = n ? jvp : NULL;
  adj->selectionctx = n ? ctx : NULL;
  PetscCall(ADJSelectionsReset_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetSelections - What `ADJSetSelections()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameters:
+  n   - number of selections, `NULL` to ignore
.  vjp - function of the transposed products, `NULL` to ignore
.  jvp - function of the products, `NULL` to ignore
-  ctx - their context, `NULL` to ignore

   Level: advanced

.seealso: `ADJSetSelections()`
@*/
PetscErrorCode ADJGetSelections(ADJ adj, PetscInt *n, ADJSelectionFn **vjp, ADJSelectionFn **jvp, void **ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (n) *n = adj->nselections;
  if (vjp) *vjp = adj->selectionvjp;
  if (jvp) *jvp = adj->selectionjvp;
  if (ctx) *ctx = adj->selectionctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetSelectionsLength - Sets how many factors the products of selections may have that the verdict looks at

   Logically collective

   Input Parameters:
+  adj    - the context
-  length - the largest number of factors; default 6

   Options Database Key:
.  -adj_trust_selections_length <length> - the number

   Level: advanced

   Notes:
   There are n^k words of k out of n selections. All of them matter for the upper bound of that length, unless one of them shows
   that it is no better than that of a shorter length; about n^k/k for the lower bound. Shorter products are looked at first, and
   nothing more once they decide.

   A single selection has one spectral radius, but longer powers have a norm nearer to it: with a Jacobian that is not normal a
   greater length helps.

   Errors:
   `PETSC_ERR_ARG_OUTOFRANGE` if the length is less than 1.

.seealso: `ADJGetSelectionsLength()`, `ADJSetSelections()`, `ADJSetTrustBudget()`
@*/
PetscErrorCode ADJSetSelectionsLength(ADJ adj, PetscInt length)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, length, 2);
  PetscCheck(length >= 1, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The longest product of selections has %" PetscInt_FMT " factors; it must have 1 at least", length);
  if (length != adj->selectionlength) PetscCall(ADJSelectionsReset_Private(adj));
  adj->selectionlength = length;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSelectionsLength - What `ADJSetSelectionsLength()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  length - the largest number of factors

   Level: advanced

.seealso: `ADJSetSelectionsLength()`
@*/
PetscErrorCode ADJGetSelectionsLength(ADJ adj, PetscInt *length)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *length = adj->selectionlength;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJSelectionsReset_Private(ADJ adj)
{
  ADJSelections *sel = &adj->selections;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(sel, sizeof(*sel)));
  sel->lower = sel->upper = -1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As often as the contraction: kept where that was carried over from another state, unless a derivative was refused there */
static PetscErrorCode ADJUpdateSelections_Private(ADJ adj)
{
  const ADJSelections *sel     = &adj->selections;
  const PetscBool      carried = (PetscBool)(adj->contraction.id && adj->contraction.id != adj->state->id);

  PetscFunctionBegin;
  if (sel->id && (sel->budget == adj->trustbudget || !sel->unresolved)) {
    if (sel->id == adj->state->id || (carried && sel->status != ADJ_CHECK_FAILED)) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJMeasureSelections_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enters the brackets into the report */
PetscErrorCode ADJCheckSelections_Private(ADJ adj, ADJTrustReport *rep)
{
  const ADJSelections *sel = &adj->selections;
  ADJTrustCheck       *c   = &rep->check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBegin;
  if (!adj->nselections || adj->form != ADJ_FIXED_POINT || !adj->trustcontraction || (adj->program && adj->steps >= 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJUpdateSelections_Private(adj));
  if (sel->filter.notfinite) {
    PetscCall(ADJProductNotFinite_Private(rep));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJSetCheck_Private(c, sel->status, sel->lower, 1.0, sel->status != ADJ_CHECK_PASSED ? sel->advice : (sel->id == adj->state->id ? NULL : "carried over from an earlier state, as the contraction")));
  if (sel->lower >= 0.0 && sel->upper >= 0.0) c->error = PetscMax(sel->upper - sel->lower, 0.0);
  PetscFunctionReturn(PETSC_SUCCESS);
}
