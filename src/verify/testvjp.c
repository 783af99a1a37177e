/*
   Dot-product test: <w, J d> = <J^T w, d> with the user's products, for the parts in x and theta apart, and both
   against central differences of the map, so that it can be said which one is wrong.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_TEST_DIFF_TOL 1e-5 /* products against differences */
#define ADJ_TEST_JVP_TOL  1e-8 /* VJP against JVP */
#define ADJ_TEST_SEED     20251

/* Outcome for one part, x or theta; relative mismatches, negative where there is no JVP */
typedef struct {
  PetscReal vjpdiff, jvpdiff, vjpjvp;
} ADJProductTest;

/* Work vectors, of the part tested, of the other part, and of the map's value */
typedef struct {
  Vec d, shifted, bar, other, w, diff, lower, jvp;
} ADJProductVecs;

/* A stream of its own on each process and for each `number`: the user's are not touched, and a product that swaps processes is not overlooked */
PetscErrorCode ADJRandomCreateNumbered_Private(ADJ adj, PetscObjectId number, PetscRandom *rnd)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)adj), &rank));
  PetscCall(PetscRandomCreate(PetscObjectComm((PetscObject)adj), rnd));
  PetscCall(PetscRandomSetType(*rnd, PETSCRANDER48));
  PetscCall(PetscRandomSetInterval(*rnd, PetscCMPLX(-1.0, -1.0), PetscCMPLX(1.0, 1.0)));
  PetscCall(PetscRandomSetSeed(*rnd, ADJ_TEST_SEED + 76543 * (unsigned long)rank + 1000003 * (unsigned long)number));
  PetscCall(PetscRandomSeed(*rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJRandomCreate_Private(ADJ adj, PetscRandom *rnd)
{
  PetscFunctionBegin;
  PetscCall(ADJRandomCreateNumbered_Private(adj, 0, rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (F(p + h d) - F(p - h d)) / 2h, where p is x or theta; h balances truncation and rounding */
static PetscErrorCode ADJDifference_Private(ADJ adj, Vec x, Vec theta, PetscBool inx, ADJProductVecs *v)
{
  Vec       p = inx ? x : theta, d = v->d, ph = v->shifted, ym = v->lower, y = v->diff;
  PetscReal np, nd, h;

  PetscFunctionBegin;
  PetscCall(VecNorm(p, NORM_2, &np));
  PetscCall(VecNorm(d, NORM_2, &nd));
  h = PetscCbrtReal(PETSC_MACHINE_EPSILON) * (np > 0.0 ? np / nd : 1.0);
  PetscCall(VecWAXPY(ph, -h, d, p));
  PetscCall(ADJComputeMap_Private(adj, inx ? ph : x, inx ? theta : ph, ym));
  PetscCall(VecWAXPY(ph, h, d, p));
  PetscCall(ADJComputeMap_Private(adj, inx ? ph : x, inx ? theta : ph, y));
  PetscCall(VecAXPY(y, -1.0, ym));
  PetscCall(VecScale(y, 0.5 / h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w = 2 Jd/|Jd| + g/|g| with random g: <w, Jd> then does not drown in rounding, and no direction is left out */
static PetscErrorCode ADJTestCotangent_Private(PetscRandom rnd, Vec Jd, Vec w)
{
  PetscReal n;

  PetscFunctionBegin;
  PetscCall(VecSetRandom(w, rnd));
  PetscCall(VecNormalize(w, NULL));
  PetscCall(VecNorm(Jd, NORM_2, &n));
  if (n > 0.0) PetscCall(VecAXPY(w, 2.0 / n, Jd)); /* longer than the random part, with which it never cancels */
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal ADJMismatch_Private(PetscScalar a, PetscScalar b)
{
  PetscReal scale = PetscMax(PetscAbsScalar(a), PetscAbsScalar(b)), diff = PetscAbsScalar(a - b);

  return scale > 0.0 || diff != diff ? diff / scale : 0.0;
}

/* b = <J^T w, d> by the VJP with this output alone, and by the VJP with both, which must agree */
static PetscErrorCode ADJTestPullback_Private(ADJ adj, Vec x, Vec theta, PetscBool inx, ADJProductVecs *v, PetscScalar b[2])
{
  Vec bar = v->bar, w = v->w, d = v->d, other = v->other;

  PetscFunctionBegin;
  PetscCall(ADJComputeVJP_Private(adj, x, theta, w, inx ? bar : NULL, inx ? NULL : bar));
  PetscCall(VecDot(d, bar, &b[0]));
  PetscCall(ADJComputeVJP_Private(adj, x, theta, w, inx ? bar : other, inx ? other : bar));
  PetscCall(VecDot(d, bar, &b[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCompareProducts_Private(ADJ adj, Vec x, Vec theta, PetscBool inx, PetscRandom rnd, ADJProductVecs *v, ADJProductTest *out)
{
  const PetscBool hasjvp = inx ? (PetscBool)(adj->jvp != NULL) : adj->thetajvp;
  PetscScalar     adiff, ajvp = 0.0, b[2];

  PetscFunctionBegin;
  PetscCall(VecSetRandom(v->d, rnd));
  PetscCall(ADJDifference_Private(adj, x, theta, inx, v));
  if (hasjvp) PetscCall(ADJComputeJVP_Private(adj, x, theta, inx ? v->d : NULL, inx ? NULL : v->d, v->jvp));
  PetscCall(ADJTestCotangent_Private(rnd, v->diff, v->w));
  PetscCall(ADJTestPullback_Private(adj, x, theta, inx, v, b));
  PetscCall(VecDot(v->diff, v->w, &adiff));
  if (hasjvp) PetscCall(VecDot(v->jvp, v->w, &ajvp));
  out->vjpdiff = PetscMax(ADJMismatch_Private(adiff, b[0]), ADJMismatch_Private(b[1], b[0]));
  out->jvpdiff = hasjvp ? ADJMismatch_Private(adiff, ajvp) : -1.0;
  out->vjpjvp  = hasjvp ? PetscMax(ADJMismatch_Private(ajvp, b[0]), ADJMismatch_Private(b[1], b[0])) : -1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The work vectors are freed also after an error of a user's function */
static PetscErrorCode ADJTestProducts_Private(ADJ adj, Vec x, Vec theta, PetscBool inx, PetscRandom rnd, ADJProductTest *out)
{
  ADJProductVecs v;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(inx ? x : theta, &v.d));
  PetscCall(VecDuplicate(inx ? x : theta, &v.shifted));
  PetscCall(VecDuplicate(inx ? x : theta, &v.bar));
  PetscCall(VecDuplicate(inx ? theta : x, &v.other));
  PetscCall(VecDuplicate(x, &v.w));
  PetscCall(VecDuplicate(x, &v.diff));
  PetscCall(VecDuplicate(x, &v.lower));
  PetscCall(VecDuplicate(x, &v.jvp));
  ierr = ADJCompareProducts_Private(adj, x, theta, inx, rnd, &v, out);
  PetscCall(VecDestroy(&v.d));
  PetscCall(VecDestroy(&v.shifted));
  PetscCall(VecDestroy(&v.bar));
  PetscCall(VecDestroy(&v.other));
  PetscCall(VecDestroy(&v.w));
  PetscCall(VecDestroy(&v.diff));
  PetscCall(VecDestroy(&v.lower));
  PetscCall(VecDestroy(&v.jvp));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sharper comparison with the JVP counts only where differences do not contradict */
static void ADJJudgeProducts_Private(const ADJProductTest *t, PetscReal *error, PetscReal *tol)
{
  const PetscBool coarse = (PetscBool)(t->jvpdiff < 0.0 || !(t->jvpdiff <= ADJ_TEST_DIFF_TOL));

  *error = coarse ? t->vjpdiff : t->vjpjvp;
  *tol   = coarse ? ADJ_TEST_DIFF_TOL : ADJ_TEST_JVP_TOL;
}

/* Both parts; the linearization of the state is put back */
static PetscErrorCode ADJTestAtPoint_Private(ADJ adj, Vec theta, Vec x, PetscRandom rnd, ADJProductTest test[2])
{
  ADJState *st         = adj->state;
  PetscBool linearized = st->linearized, elsewhere = (PetscBool)(x != st->x || theta != st->theta);

  PetscFunctionBegin;
  if (elsewhere)
    PetscCall(ADJLinearize_Private(adj, x, theta));
  else
    PetscCall(ADJLinearizeAtSolution_Private(adj));
  PetscCall(ADJTestProducts_Private(adj, x, theta, PETSC_TRUE, rnd, &test[0]));
  PetscCall(ADJTestProducts_Private(adj, x, theta, PETSC_FALSE, rnd, &test[1]));
  if (!elsewhere) PetscFunctionReturn(PETSC_SUCCESS);
  adj->lin_x = adj->lin_theta = NULL; /* the caller's */
  if (linearized) PetscCall(ADJLinearize_Private(adj, st->x, st->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On the account of the checks; after an error of a user's function the state is linearized anew when it is needed */
static PetscErrorCode ADJTestBothProducts_Private(ADJ adj, Vec theta, Vec x, ADJProductTest test[2])
{
  PetscRandom    rnd;
  ADJCounters   *account = adj->account;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  adj->account = &adj->checkcounters;
  ierr         = ADJTestAtPoint_Private(adj, theta, x, rnd, test);
  adj->account = account;
  if (ierr) {
    adj->lin_x = adj->lin_theta = NULL;
    adj->state->linearized      = PETSC_FALSE;
  }
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(ierr);
  if (adj->state->theta) PetscCall(ADJPutParameters_Private(adj, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTestVJP - Dot-product test of the user's products at any point

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
-  x     - state, global length n; need not be a solution

   Output Parameters:
+  xerror     - relative mismatch of the VJP in x, or of the JVP if that is wrong
-  thetaerror - the same in theta

   Options Database Key:
.  -adj_test_vjp - makes the test at each solution whose adjoint is asked for, prints a table, and enters the outcome into the verdict

   Level: beginner

   Notes:
   Compares <w, J d> with <J^T w, d> for a random direction d and a cotangent w that is partly random, partly J d. Jd
   comes from the JVP, if there is one and central differences of F (or R) do not contradict, else from those
   differences: the mismatch of a right product is then near 1e-12, or near 1e-8. The VJP is called with each output
   alone and with both.

   No state, counter or random stream of the user changes.

   Errors:
   `PETSC_ERR_ORDER` without a map or a VJP.

.seealso: `ADJSetVJP()`, `ADJSetJVP()`, `ADJTestGradient()`
@*/
PetscErrorCode ADJTestVJP(ADJ adj, Vec theta, Vec x, PetscReal *xerror, PetscReal *thetaerror)
{
  ADJProductTest test[2];
  PetscReal      tol;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->map, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No problem: call ADJSetFixedPoint() or ADJSetResidual() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckState_Private(adj, x));
  if (!adj->vjp && !adj->setupcalled && (adj->adapter || adj->jacobian.A || adj->jacobian.P || adj->fdcolor)) { /* products made of matrices */
    if (!adj->sol) PetscCall(ADJSetSolution(adj, x));
    PetscCall(ADJSetUp(adj));
  }
  PetscCheck(adj->vjp, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCall(ADJTestBothProducts_Private(adj, theta, x, test));
  ADJJudgeProducts_Private(&test[0], xerror, &tol);
  ADJJudgeProducts_Private(&test[1], thetaerror, &tol);
  if (!(test[0].jvpdiff <= ADJ_TEST_DIFF_TOL)) *xerror = PetscMax(*xerror, test[0].jvpdiff);
  if (!(test[1].jvpdiff <= ADJ_TEST_DIFF_TOL)) *thetaerror = PetscMax(*thetaerror, test[1].jvpdiff);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPrintProductTest_Private(ADJ adj, const char part[], const ADJProductTest *t)
{
  MPI_Comm  comm = PetscObjectComm((PetscObject)adj);
  PetscBool vjp = (PetscBool) !(t->vjpdiff <= ADJ_TEST_DIFF_TOL), jvp = (PetscBool)(t->jvpdiff >= 0.0 && !(t->jvpdiff <= ADJ_TEST_DIFF_TOL));

  PetscFunctionBegin;
  PetscCall(PetscPrintf(comm, "  %-6s VJP against differences %9.2e", part, (double)t->vjpdiff));
  if (t->jvpdiff >= 0.0) PetscCall(PetscPrintf(comm, "  JVP against differences %9.2e  VJP against JVP %9.2e", (double)t->jvpdiff, (double)t->vjpjvp));
  if (vjp || jvp)
    PetscCall(PetscPrintf(comm, "  %s in %s WRONG", vjp ? (jvp ? "VJP and JVP" : "VJP") : "JVP", part));
  else if (!(t->vjpjvp <= ADJ_TEST_JVP_TOL))
    PetscCall(PetscPrintf(comm, "  VJP and JVP in %s are not each other's transpose", part));
  else
    PetscCall(PetscPrintf(comm, "  ok"));
  PetscCall(PetscPrintf(comm, "\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -adj_test_vjp: once for each state */
PetscErrorCode ADJTestVJPFromOptions_Private(ADJ adj)
{
  ADJState      *st = adj->state;
  ADJProductTest test[2];

  PetscFunctionBegin;
  if (st->vjperror[0] != -1.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTestBothProducts_Private(adj, st->theta, st->x, test));
  PetscCall(PetscPrintf(PetscObjectComm((PetscObject)adj), "Dot-product test of the products at the solution (relative mismatch)\n"));
  PetscCall(ADJPrintProductTest_Private(adj, "x", &test[0]));
  PetscCall(ADJPrintProductTest_Private(adj, "theta", &test[1]));
  for (PetscInt i = 0; i < 2; i++) ADJJudgeProducts_Private(&test[i], &st->vjperror[i], &st->vjptolerance[i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}
