/*
   What is asked of the verdict: how much is spent on it, on what, and what is done with a refusal.
*/
#include <contragrad/private/adjimpl.h>

const char *const ADJTrustErrors[] = {"AUTO", "ALWAYS", "NEVER", "ADJTrustError", "ADJ_TRUST_ERROR_", NULL};

PetscErrorCode ADJTrustSetDefaults_Private(ADJ adj)
{
  PetscFunctionBegin;
  adj->trustlevel       = ADJ_TRUST_LEVEL_ESTIMATE;
  adj->trustaction      = ADJ_TRUST_ACTION_ERROR;
  adj->trustcontraction = PETSC_TRUE;
  adj->trustdifferences = PETSC_TRUE;
  adj->trustbudget      = 300;
  adj->trustrecheck     = 0.1;
  adj->trustsamples     = 5;
  adj->trustfailure     = 1e-2;
  adj->selectionlength  = 6;
  adj->gradientrtol     = PETSC_DETERMINE;
  PetscCall(ADJThresholdSetDefaults_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTrustSetFromOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  ADJTrustLevel  level  = adj->trustlevel;
  ADJTrustAction action = adj->trustaction;
  ADJTrustError  error  = adj->trusterror;
  PetscReal      rtol = adj->gradientrtol, recheck = adj->trustrecheck, failure = adj->trustfailure;
  PetscInt       budget = adj->trustbudget, samples = adj->trustsamples, length = adj->selectionlength;
  PetscBool      set[2];

  PetscFunctionBegin;
  PetscCall(PetscOptionsEnum("-adj_trust_level", "What is spent on the verdict", "ADJSetTrustLevel", ADJTrustLevels, (PetscEnum)level, (PetscEnum *)&level, NULL));
  PetscCall(ADJSetTrustLevel(adj, level));
  PetscCall(PetscOptionsEnum("-adj_trust_action", "What is done with a refused derivative", "ADJSetTrustAction", ADJTrustActions, (PetscEnum)action, (PetscEnum *)&action, NULL));
  PetscCall(ADJSetTrustAction(adj, action));
  PetscCall(PetscOptionsBool("-adj_trust_contraction", "Require a contraction in fixed-point form", "ADJSetTrustContraction", adj->trustcontraction, &adj->trustcontraction, NULL));
  PetscCall(PetscOptionsBool("-adj_trust_differences", "Compare products with differences of the map, and look for kinks", "ADJSetTrustDifferences", adj->trustdifferences, &adj->trustdifferences, NULL));
  PetscCall(PetscOptionsBool("-adj_trust_svd", "Measure norms and condition number by SVD", "ADJSetTrustSVD", adj->trustsvd, &adj->trustsvd, NULL));
  PetscCall(PetscOptionsInt("-adj_trust_budget", "Products that one measurement of a spectrum may spend", "ADJSetTrustBudget", budget, &budget, NULL));
  PetscCall(ADJSetTrustBudget(adj, budget));
  PetscCall(PetscOptionsReal("-adj_trust_recheck", "Part of the distance of the spectral radius from 1 by which an estimate may move", "ADJSetTrustRecheck", recheck, &recheck, NULL));
  PetscCall(ADJSetTrustRecheck(adj, recheck));
  PetscCall(ADJThresholdSetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(PetscOptionsReal("-adj_gradient_rtol", "Largest relative error against the derivative of the solution", "ADJSetGradientTolerance", rtol, &rtol, set));
  if (set[0]) PetscCall(ADJSetGradientTolerance(adj, rtol));
  PetscCall(PetscOptionsEnum("-adj_trust_gradient_error", "When the error of a derivative is estimated", "ADJSetTrustGradientError", ADJTrustErrors, (PetscEnum)error, (PetscEnum *)&error, NULL));
  PetscCall(ADJSetTrustGradientError(adj, error));
  PetscCall(PetscOptionsBool("-adj_gradient_refine", "Correct a derivative by the estimate of its error", "ADJSetGradientRefine", adj->refine, &adj->refine, NULL));
  PetscCall(PetscOptionsInt("-adj_trust_samples", "Random vectors of the certificate", "ADJSetTrustCertificate", samples, &samples, &set[0]));
  PetscCall(PetscOptionsReal("-adj_trust_failure", "Probability with which the certificate may be wrong", "ADJSetTrustCertificate", failure, &failure, &set[1]));
  if (set[0] || set[1]) PetscCall(ADJSetTrustCertificate(adj, samples, failure));
  PetscCall(PetscOptionsInt("-adj_trust_selections_length", "Longest product of selections", "ADJSetSelectionsLength", length, &length, set));
  if (set[0]) PetscCall(ADJSetSelectionsLength(adj, length));
  PetscCall(PetscOptionsName("-adj_trust_view", "View the report of each verdict", "ADJTrustView", NULL));
  PetscCall(PetscOptionsName("-adj_trust_view_spectrum", "View the leading eigenvalues of dF/dx", "ADJTrustViewSpectrum", NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustLevel - Chooses what is spent on the verdict

   Logically collective

   Input Parameters:
+  adj   - the context
-  level - `ADJ_TRUST_LEVEL_NONE`, `ADJ_TRUST_LEVEL_ESTIMATE` (default) or `ADJ_TRUST_LEVEL_CERTIFY`

   Options Database Key:
.  -adj_trust_level <none,estimate,certify> - the level

   Level: beginner

   Note:
   Convergence reasons and NaN or Inf are looked at on every level.

.seealso: `ADJTrustLevel`, `ADJSetTrustAction()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJSetTrustLevel(ADJ adj, ADJTrustLevel level)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(level >= ADJ_TRUST_LEVEL_NONE && level <= ADJ_TRUST_LEVEL_CERTIFY, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trust level %d; take one of ADJTrustLevel", (int)level);
  if (level > adj->trustlevel) adj->setupcalled = PETSC_FALSE; /* the Krylov solvers are asked to keep their singular values */
  adj->trustlevel = level;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustLevel - What is spent on the verdict

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  level - the level

   Level: intermediate

.seealso: `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJGetTrustLevel(ADJ adj, ADJTrustLevel *level)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *level = adj->trustlevel;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustAction - Chooses what is done with a derivative that is refused

   Logically collective

   Input Parameters:
+  adj    - the context
-  action - `ADJ_TRUST_ACTION_ERROR` (default), `ADJ_TRUST_ACTION_WARN` or `ADJ_TRUST_ACTION_IGNORE`

   Options Database Key:
.  -adj_trust_action <error,warn,ignore> - the action

   Level: beginner

.seealso: `ADJTrustAction`, `ADJSetTrustLevel()`, `ADJGetTrust()`
@*/
PetscErrorCode ADJSetTrustAction(ADJ adj, ADJTrustAction action)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(action >= ADJ_TRUST_ACTION_ERROR && action <= ADJ_TRUST_ACTION_IGNORE, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no trust action %d; take one of ADJTrustAction", (int)action);
  adj->trustaction = action;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustAction - What is done with a derivative that is refused

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  action - the action

   Level: intermediate

.seealso: `ADJSetTrustAction()`
@*/
PetscErrorCode ADJGetTrustAction(ADJ adj, ADJTrustAction *action)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *action = adj->trustaction;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustContraction - Whether a fixed-point map must be a contraction for its derivative to be trusted

   Logically collective

   Input Parameters:
+  adj      - the context
-  required - default `PETSC_TRUE`; without effect in residual form

   Options Database Key:
.  -adj_trust_contraction <bool> - whether it is required

   Level: intermediate

   Note:
   Without it the derivative needs I - dF/dx invertible only, as for a residual: the conditioning is asked instead. Fit
   for a fixed point that Newton's or Anderson's method found where the plain iteration does not converge.

.seealso: `ADJGetContraction()`, `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJSetTrustContraction(ADJ adj, PetscBool required)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, required, 2);
  adj->trustcontraction = required;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustContraction - Whether a fixed-point map must be a contraction

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  required - whether it must

   Level: intermediate

.seealso: `ADJSetTrustContraction()`
@*/
PetscErrorCode ADJGetTrustContraction(ADJ adj, PetscBool *required)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *required = adj->trustcontraction;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustDifferences - Whether the verdict evaluates the map beside the solution

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - whether it does; default `PETSC_TRUE`

   Options Database Key:
.  -adj_trust_differences <bool> - whether it does

   Level: intermediate

   Note:
   Two to four evaluations of F or R at each new solution, more where they do not decide, in one random direction: they are
   compared with the products, which finds a wrong VJP or JVP, and with each other, which finds a kink; the same with the
   objective in `ADJComputeObjectiveAndGradient()`. Switch it off for a map that cannot be evaluated there: the verdict is then
   `ADJ_TRUST_UNVERIFIED` at best, unless `-adj_test_vjp` looks at the products.

.seealso: `ADJGetTrustDifferences()`, `ADJSetTrustThreshold()`, `ADJTestVJP()`
@*/
PetscErrorCode ADJSetTrustDifferences(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  adj->trustdifferences = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustDifferences - What `ADJSetTrustDifferences()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - the value

   Level: intermediate

.seealso: `ADJSetTrustDifferences()`
@*/
PetscErrorCode ADJGetTrustDifferences(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->trustdifferences;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustSVD - Whether the verdict measures 2-norms by `SVD`

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - whether it does; default `PETSC_FALSE`

   Options Database Key:
.  -adj_trust_svd <bool> - whether it does

   Level: intermediate

   Note:
   With VJP and JVP: the norm of dF/dx, and the condition number of the operator M from its norm and that of its inverse. The
   latter costs some adjoint and tangent solves. Without it they are bounded from below by what the solvers saw.

.seealso: `ADJGetTrustSVD()`, `ADJGetSVD()`, `ADJSetTrustLevel()`
@*/
PetscErrorCode ADJSetTrustSVD(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  adj->trustsvd = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustSVD - What `ADJSetTrustSVD()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - the value

   Level: intermediate

.seealso: `ADJSetTrustSVD()`
@*/
PetscErrorCode ADJGetTrustSVD(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->trustsvd;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetGradientRefine - Whether a derivative is corrected by the estimate of its error

   Logically collective

   Input Parameters:
+  adj - the context
-  flg - whether it is; default `PETSC_FALSE`

   Options Database Key:
.  -adj_gradient_refine <bool> - whether it is

   Level: intermediate

   Note:
   One step of iterative refinement, in the state, too, with what the verdict has computed anyway; the solves are made to two digits
   then. The report keeps the error before the correction, and what that may be wrong by, which is what is judged. The adjoint of
   `ADJGetAdjointSolution()` is not corrected. Nothing is corrected where the error was not estimated, see
   `ADJSetTrustGradientError()`.

.seealso: `ADJGetGradientRefine()`, `ADJSetGradientTolerance()`
@*/
PetscErrorCode ADJSetGradientRefine(ADJ adj, PetscBool flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveBool(adj, flg, 2);
  adj->refine = flg;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetGradientRefine - What `ADJSetGradientRefine()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  flg - the value

   Level: intermediate

.seealso: `ADJSetGradientRefine()`
@*/
PetscErrorCode ADJGetGradientRefine(ADJ adj, PetscBool *flg)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *flg = adj->refine;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustBudget - Sets how many products one measurement of a spectrum may spend

   Logically collective

   Input Parameters:
+  adj - the context
-  products - the limit; default 300

   Options Database Key:
.  -adj_trust_budget <products> - the limit

   Level: intermediate

   Note:
   It is looked at when the eigensolver restarts. Where it runs out the verdict is `ADJ_TRUST_UNVERIFIED`, with the best that is known.

.seealso: `ADJGetTrustBudget()`, `ADJGetEPS()`, `ADJSetTrustRecheck()`
@*/
PetscErrorCode ADJSetTrustBudget(ADJ adj, PetscInt products)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveInt(adj, products, 2);
  PetscCheck(products > 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The budget must be positive, it is %" PetscInt_FMT "", products);
  adj->trustbudget = products;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustBudget - What `ADJSetTrustBudget()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  products - the value

   Level: intermediate

.seealso: `ADJSetTrustBudget()`
@*/
PetscErrorCode ADJGetTrustBudget(ADJ adj, PetscInt *products)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *products = adj->trustbudget;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustRecheck - Sets when the contraction is measured again at a new solution

   Logically collective

   Input Parameters:
+  adj - the context
-  part - part of the distance of the spectral radius from 1; default 0.1; 0: at each new solution

   Options Database Key:
.  -adj_trust_recheck <part> - the part

   Level: intermediate

   Note:
   The last measurement is kept while an estimate that costs nothing, observed rate or Ritz value of the Krylov solver, is known
   there and here, and none has moved by more. Where there is none it is measured at each solution.

.seealso: `ADJGetTrustRecheck()`, `ADJGetContraction()`, `ADJSetTrustBudget()`
@*/
PetscErrorCode ADJSetTrustRecheck(ADJ adj, PetscReal part)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveReal(adj, part, 2);
  PetscCheck(part >= 0.0 && part < 1.0, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The part of the distance from 1 must lie in [0, 1), it is %g", (double)part);
  adj->trustrecheck = part;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustRecheck - What `ADJSetTrustRecheck()` has set

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  part - the value

   Level: intermediate

.seealso: `ADJSetTrustRecheck()`
@*/
PetscErrorCode ADJGetTrustRecheck(ADJ adj, PetscReal *part)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *part = adj->trustrecheck;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetTrustGradientError - Chooses when the error of a derivative is estimated

   Logically collective

   Input Parameters:
+  adj  - the context
-  when - `ADJ_TRUST_ERROR_AUTO` (default), `ADJ_TRUST_ERROR_ALWAYS` or `ADJ_TRUST_ERROR_NEVER`

   Options Database Key:
.  -adj_trust_gradient_error <auto,always,never> - when

   Level: intermediate

   Notes:
   The estimate costs a tangent solve for the state, by differences of F or R where there is no JVP, a linearization at the state
   that this gives and one at the old one, and a solve for the derivative there; both solves are made to one digit, or more where the
   linear operator is known to be ill-conditioned.

   `ADJ_TRUST_ERROR_AUTO` makes it where condition number times residual of the linear system exceeds a tenth of
   `ADJSetGradientTolerance()`, at the state alone; and where the residual of the state, amplified, exceeds a thousandth of it, or the
   forward tolerance is loose, with the error of the state. At `ADJ_TRUST_LEVEL_CERTIFY` it is always made.

   Where neither a JVP is given nor `ADJSetTrustDifferences()` allowed the error of the state is not known, and the check is
   inconclusive if that may matter.

.seealso: `ADJTrustError`, `ADJSetGradientTolerance()`, `ADJSetGradientRefine()`
@*/
PetscErrorCode ADJSetTrustGradientError(ADJ adj, ADJTrustError when)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(when >= ADJ_TRUST_ERROR_AUTO && when <= ADJ_TRUST_ERROR_NEVER, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no value %d of ADJTrustError", (int)when);
  adj->trusterror = when;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTrustGradientError - When the error of a derivative is estimated

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  when - the choice

   Level: intermediate

.seealso: `ADJSetTrustGradientError()`
@*/
PetscErrorCode ADJGetTrustGradientError(ADJ adj, ADJTrustError *when)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *when = adj->trusterror;
  PetscFunctionReturn(PETSC_SUCCESS);
}
