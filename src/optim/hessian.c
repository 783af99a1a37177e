/*
   Products with the Hessian of the reduced objective. With the Lagrangian L = l + <w, F - x>, or l - <w, R>, at the adjoint w,

       M xdot = N thetadot,
       M^T wdot = L_xx xdot + L_xt thetadot,
       H thetadot = L_tx xdot + L_tt thetadot + N^T wdot,

   two solves; L_xx, ... are second derivatives, taken from the user or from central differences of first ones with w held fixed. The
   Gauss-Newton product leaves out the second derivatives of F or R.
*/
#include "outer.h"

const char *const ADJHessianTypes[] = {"FULL", "GAUSS_NEWTON", "DIFFERENCES", "ADJHessianType", "ADJ_HESSIAN_", NULL};

/*@
   ADJSetHessianType - Chooses how the Hessian of the reduced objective is multiplied by a direction

   Logically collective

   Input Parameters:
+  adj  - the context
-  type - `ADJ_HESSIAN_FULL`, `ADJ_HESSIAN_GAUSS_NEWTON` or `ADJ_HESSIAN_DIFFERENCES`

   Options Database Key:
.  -adj_hessian_type <full,gauss_newton,differences> - the same; default `full`

   Level: intermediate

   Note:
   The full product and that of Gauss and Newton cost a tangent solve and an adjoint solve, and need a JVP. Types that keep no adjoint,
   as `ADJUNROLLED` or `ADJONESTEP`, and problems without a JVP have differences of gradients in any case: two forward and two adjoint
   solves.

.seealso: `ADJCreateHessian()`, `ADJSetObjectiveHessian()`, `ADJSetSecondVJP()`
@*/
PetscErrorCode ADJSetHessianType(ADJ adj, ADJHessianType type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(adj, type, 2);
  adj->hessiantype = type;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetHessianType - The way that was set with `ADJSetHessianType()`

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  type - how the Hessian is multiplied by a direction

   Level: intermediate

.seealso: `ADJSetHessianType()`
@*/
PetscErrorCode ADJGetHessianType(ADJ adj, ADJHessianType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *type = adj->hessiantype;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetObjectiveHessian - Sets products with the second derivatives of the objective l(x, theta)

   Logically collective

   Input Parameters:
+  adj - the context
.  f   - computes the products; `NULL` for central differences of the objective's first derivatives, which are exact for a quadratic
-  ctx - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx)
.ve
+  x, theta       - where, global lengths n and m; not to be changed
.  xdot, thetadot - direction, global lengths n and m; not to be changed
.  xbar           - to be overwritten by l_xx xdot + l_xt thetadot, global length n
.  thetabar       - to be overwritten by l_tx xdot + l_tt thetadot, global length m
-  ctx            - the user's context

   Level: advanced

.seealso: `ADJSetObjective()`, `ADJSetSecondVJP()`, `ADJSetHessianType()`
@*/
PetscErrorCode ADJSetObjectiveHessian(ADJ adj, ADJObjectiveHessianFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->objectivehessian    = f;
  adj->objectivehessianctx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetSecondVJP - Sets the derivative of the VJP along a direction, with the cotangent held fixed

   Logically collective

   Input Parameters:
+  adj - the context
.  f   - computes it; `NULL` for central differences of the VJP
-  ctx - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(ADJ adj, Vec x, Vec theta, Vec w, Vec xdot, Vec thetadot, Vec xbar, Vec thetabar, void *ctx)
.ve
+  x, theta       - where, global lengths n and m; not to be changed
.  w              - cotangent, global length n; not to be changed
.  xdot, thetadot - direction, global lengths n and m; not to be changed
.  xbar           - to be overwritten by the derivative of F_x^T w, or R_x^T w, along the direction, global length n
.  thetabar       - to be overwritten by that of F_theta^T w, or R_theta^T w, global length m
-  ctx            - the user's context

   Level: advanced

   Note:
   Differences of the VJP linearize at two points more for each product, and assemble matrices there where the VJP is made of matrices.

.seealso: `ADJSetVJP()`, `ADJSetObjectiveHessian()`, `ADJSetHessianType()`
@*/
PetscErrorCode ADJSetSecondVJP(ADJ adj, ADJSecondVJPFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->secondvjp    = f;
  adj->secondvjpctx = ctx;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Step of a central difference along (xdot, thetadot): eps^{1/3} of the point's size over that of the direction; 0 along zero */
static PetscErrorCode ADJHessianStep_Private(ADJHessian *h, Vec thetadot, PetscReal *step)
{
  PetscReal x, t, xd, td;

  PetscFunctionBegin;
  PetscCall(VecNorm(h->x, NORM_2, &x));
  PetscCall(VecNorm(h->theta, NORM_2, &t));
  PetscCall(VecNorm(h->xdot, NORM_2, &xd));
  PetscCall(VecNorm(thetadot, NORM_2, &td));
  *step = PetscMax(xd, td) > 0.0 ? PetscCbrtReal(PETSC_MACHINE_EPSILON) * PetscMin(xd > 0.0 ? (x + 1.0) / xd : PETSC_MAX_REAL, td > 0.0 ? (t + 1.0) / td : PETSC_MAX_REAL) : 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (xd, thetad) = (x, theta) + step (xdot, thetadot) */
static PetscErrorCode ADJHessianDisplace_Private(ADJHessian *h, PetscReal step, Vec thetadot)
{
  PetscFunctionBegin;
  PetscCall(VecWAXPY(h->xd, step, h->xdot, h->x));
  PetscCall(VecWAXPY(h->thetad, step, thetadot, h->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* rhs = l_xx xdot + l_xt thetadot, part = l_tx xdot + l_tt thetadot */
static PetscErrorCode ADJHessianObjective_Private(ADJHessian *h, PetscReal step, Vec thetadot)
{
  ADJ       adj = h->adj;
  PetscReal value;

  PetscFunctionBegin;
  if (adj->objective == ADJMisfitObjective_Private && adj->hessiantype == ADJ_HESSIAN_GAUSS_NEWTON) {
    PetscCall(ADJMisfitHessian_Private(adj, h->x, h->theta, h->xdot, thetadot, h->rhs, h->part));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (adj->objectivehessian) {
    PetscCallBack("ADJ second derivatives of the objective", (*adj->objectivehessian)(adj, h->x, h->theta, h->xdot, thetadot, h->rhs, h->part, adj->objectivehessianctx));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecSet(h->rhs, 0.0));
  PetscCall(VecSet(h->part, 0.0));
  if (step == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(ADJHessianDisplace_Private(h, i ? -step : step, thetadot));
    PetscCall(ADJComputeObjective_Private(adj, h->xd, h->thetad, &value, h->xbar[i], h->thetabar[i]));
    PetscCall(VecAXPY(h->rhs, (i ? -0.5 : 0.5) / step, h->xbar[i]));
    PetscCall(VecAXPY(h->part, (i ? -0.5 : 0.5) / step, h->thetabar[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Brings the linearization to the point of the matrix: that of the last solve, if nothing was solved since. Others may use its matrices */
PetscErrorCode ADJHessianLinearize_Private(ADJHessian *h)
{
  ADJ       adj = h->adj;
  PetscBool mine, moved;

  PetscFunctionBegin;
  if (h->id == adj->state->id) {
    PetscCall(ADJLinearizeAtSolution_Private(adj));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (adj->lin_x == h->x && h->linearization == adj->linearizations) {
    PetscCall(ADJParametersAreMine_Private(adj, &mine));
    PetscCall(ADJPutParameters_Private(adj, h->theta));
    PetscCall(ADJMatricesMoved_Private(adj, &moved));
    if ((mine || !adj->put) && !moved) PetscFunctionReturn(PETSC_SUCCESS);
  }
  adj->state->linearized = PETSC_FALSE;
  PetscCall(ADJLinearize_Private(adj, h->x, h->theta));
  h->linearization = adj->linearizations;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The derivative of the VJP is added: + in fixed-point form, - for a residual */
static PetscErrorCode ADJHessianSecond_Private(ADJHessian *h, PetscReal step, Vec thetadot)
{
  ADJ             adj  = h->adj;
  const PetscReal sign = adj->form == ADJ_FIXED_POINT ? 1.0 : -1.0;

  PetscFunctionBegin;
  if (adj->secondvjp) {
    PetscCall(ADJPutParameters_Private(adj, h->theta));
    PetscCallBack("ADJ derivative of the VJP", (*adj->secondvjp)(adj, h->x, h->theta, h->w, h->xdot, thetadot, h->xbar[0], h->thetabar[0], adj->secondvjpctx));
    PetscCall(VecAXPY(h->rhs, sign, h->xbar[0]));
    PetscCall(VecAXPY(h->part, sign, h->thetabar[0]));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (step == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  adj->state->linearized = PETSC_FALSE;
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(ADJHessianDisplace_Private(h, i ? -step : step, thetadot));
    PetscCall(ADJLinearize_Private(adj, h->xd, h->thetad));
    PetscCall(ADJComputeVJP_Private(adj, h->xd, h->thetad, h->w, h->xbar[i], h->thetabar[i]));
    PetscCall(VecAXPY(h->rhs, sign * (i ? -0.5 : 0.5) / step, h->xbar[i]));
    PetscCall(VecAXPY(h->part, sign * (i ? -0.5 : 0.5) / step, h->thetabar[i]));
  }
  adj->lin_x = adj->lin_theta = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJHessianCheckSolve_Private(ADJ adj, const char name[], const ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCheck(rec->reason > 0 || adj->trustaction != ADJ_TRUST_ACTION_ERROR, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "The %s solve of a product with the Hessian stopped with %s: look at its monitor, take another preconditioner or more iterations", name, KSPConvergedReasons[rec->reason]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M^T wdot = rhs, in place of the adjoint of the last solve, which stays what it was */
PetscErrorCode ADJHessianSolveAdjoint_Private(ADJHessian *h)
{
  ADJ             adj    = h->adj;
  Vec             w      = adj->w;
  const PetscBool spoilt = adj->wspoilt;
  ADJLinearSolve  rec;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  adj->w       = h->wdot;
  adj->wspoilt = PETSC_TRUE; /* from zero: the product is then linear */
  adj->account->adjoint++;
  ierr         = ADJSolveMT_Private(adj, h->rhs, &rec);
  adj->w       = w;
  adj->wspoilt = spoilt;
  PetscCall(ierr);
  PetscCall(ADJHessianCheckSolve_Private(adj, "adjoint", &rec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M xdot = N thetadot */
PetscErrorCode ADJHessianSolveTangent_Private(ADJHessian *h, Vec thetadot)
{
  ADJ            adj = h->adj;
  ADJLinearSolve rec;

  PetscFunctionBegin;
  PetscCall(ADJComputeTangentRhs_Private(adj, thetadot));
  PetscCall(VecSet(h->xdot, 0.0));
  adj->account->tangent++;
  PetscCall(ADJSolveM_Private(adj, h->xdot, &rec));
  PetscCall(ADJHessianCheckSolve_Private(adj, "tangent", &rec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJHessianProduct_Private(ADJHessian *h, Vec thetadot, Vec y)
{
  ADJ       adj  = h->adj;
  PetscReal step = 0.0;

  PetscFunctionBegin;
  PetscCall(ADJHessianLinearize_Private(h));
  PetscCall(ADJHessianSolveTangent_Private(h, thetadot));
  PetscCall(ADJHessianStep_Private(h, thetadot, &step));
  PetscCall(ADJHessianObjective_Private(h, step, thetadot));
  if (adj->hessiantype == ADJ_HESSIAN_FULL) PetscCall(ADJHessianSecond_Private(h, step, thetadot));
  PetscCall(ADJHessianLinearize_Private(h));
  PetscCall(ADJHessianSolveAdjoint_Private(h));
  PetscCall(ADJApplyMT_Private(adj, h->wdot, NULL, y));
  PetscCall(VecAXPY(y, 1.0, h->part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMult_ADJHessian(Mat H, Vec thetadot, Vec y)
{
  ADJHessian *h;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &h));
  PetscCheck(h->id, PetscObjectComm((PetscObject)H), PETSC_ERR_ORDER, "The Hessian has no parameters yet: call ADJComputeHessian() first");
  PetscCheck(h->id >= h->adj->firstid, PetscObjectComm((PetscObject)H), PETSC_ERR_ORDER, "ADJReset() was called since the Hessian was brought to its parameters: call ADJComputeHessian() again");
  if (h->differences)
    PetscCall(ADJHessianDifferences_Private(h, thetadot, y));
  else
    PetscCall(ADJHessianProduct_Private(h, thetadot, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All but theta, whose length is that of the matrix */
static PetscErrorCode ADJHessianDestroyStateVecs_Private(ADJHessian *h)
{
  Vec *vecs[] = {&h->x, &h->x0, &h->w, &h->xdot, &h->wdot, &h->rhs, &h->part, &h->xd, &h->thetad, &h->xbar[0], &h->xbar[1], &h->thetabar[0], &h->thetabar[1]};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJHessianDestroyVecs_Private(ADJHessian *h)
{
  PetscFunctionBegin;
  PetscCall(ADJHessianDestroyStateVecs_Private(h));
  PetscCall(VecDestroy(&h->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDestroy_ADJHessian(Mat H)
{
  ADJHessian *h;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &h));
  PetscCall(ADJHessianDestroyVecs_Private(h));
  PetscCall(PetscFree(h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJCreateHessianOf_Private(ADJ adj, Vec theta, Mat *H)
{
  ADJHessian *h;
  PetscInt    m, M;

  PetscFunctionBegin;
  PetscCall(PetscNew(&h));
  h->adj = adj;
  PetscCall(VecGetLocalSize(theta, &m));
  PetscCall(VecGetSize(theta, &M));
  PetscCall(VecDuplicate(theta, &h->theta));
  PetscCall(MatCreateShell(PetscObjectComm((PetscObject)adj), m, m, M, M, h, H));
  PetscCall(MatShellSetOperation(*H, MATOP_MULT, ADJShellFn(MatMult_ADJHessian)));
  PetscCall(MatShellSetOperation(*H, MATOP_MULT_TRANSPOSE, ADJShellFn(MatMult_ADJHessian)));
  PetscCall(MatShellSetOperation(*H, MATOP_DESTROY, ADJShellFn(MatDestroy_ADJHessian)));
  if (PetscDefined(USE_COMPLEX)) PetscFunctionReturn(PETSC_SUCCESS); /* linear over the real numbers only */
  PetscCall(MatSetOption(*H, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetOption(*H, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJHessianCreateVecs_Private(ADJHessian *h)
{
  Vec x = h->adj->sol;

  PetscFunctionBegin;
  if (h->x) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(x, &h->x));
  PetscCall(VecDuplicate(x, &h->w));
  PetscCall(VecDuplicate(x, &h->xdot));
  PetscCall(VecDuplicate(x, &h->wdot));
  PetscCall(VecDuplicate(x, &h->rhs));
  PetscCall(VecDuplicate(x, &h->xd));
  PetscCall(VecDuplicate(h->theta, &h->thetad));
  PetscCall(VecDuplicate(h->theta, &h->part));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDuplicate(x, &h->xbar[i]));
    PetscCall(VecDuplicate(h->theta, &h->thetabar[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Linear solves are made there from now on: at the state with that number, which may be no longer the last one */
PetscErrorCode ADJHessianMoveTo_Private(ADJHessian *h, PetscObjectId id, Vec x, Vec theta)
{
  PetscFunctionBegin;
  if (h->id < h->adj->firstid) PetscCall(ADJHessianDestroyStateVecs_Private(h)); /* another layout since ADJReset() */
  PetscCall(ADJHessianCreateVecs_Private(h));
  PetscCall(VecCopy(x, h->x));
  PetscCall(VecCopy(theta, h->theta));
  h->id = id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether there are an adjoint to hold fixed, and tangents */
PetscErrorCode ADJHessianByProducts_Private(ADJ adj, PetscBool *yes)
{
  PetscBool keeps;

  PetscFunctionBegin;
  PetscCall(ADJKeepsAdjoint_Private(adj, &keeps));
  *yes = (PetscBool)(keeps && adj->jvp && adj->hessiantype != ADJ_HESSIAN_DIFFERENCES);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products are made at the state and the adjoint of the last solve, which has started from x0, from now on */
PetscErrorCode ADJHessianSetPoint_Private(ADJ adj, Vec x0, Mat H)
{
  ADJHessian *h;
  PetscBool   products;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &h));
  PetscCall(ADJHessianMoveTo_Private(h, adj->state->id, adj->state->x, adj->state->theta));
  PetscCall(ADJHessianByProducts_Private(adj, &products));
  h->differences = (PetscBool)!products;
  PetscCall(VecDestroy(&h->x0));
  if (x0) {
    PetscCall(VecDuplicate(x0, &h->x0));
    PetscCall(VecCopy(x0, h->x0));
  }
  if (products) PetscCall(VecCopy(adj->w, h->w));
  PetscCall(PetscObjectStateIncrease((PetscObject)H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJCreateHessian - Creates the Hessian of the reduced objective as a shell matrix

   Collective

   Input Parameters:
+  adj   - the context, with an objective and an initial guess of the state
-  theta - any vector like the parameters, global length m

   Output Parameter:
.  H - m x m, symmetric, with `MatMult()`; call `ADJComputeHessian()` before, and `MatDestroy()` when it is no longer needed, before the
       ADJ is destroyed

   Level: intermediate

   Note:
   With complex scalars the Hessian of a real objective is linear over the real numbers only, and Re <e, H d> = Re <d, H e>: a `KSP`, which
   takes a matrix for linear over the complex numbers, cannot be used with it.

.seealso: `ADJComputeHessian()`, `ADJSetHessianType()`, `ADJSetTao()`, `ADJTestHessian()`
@*/
PetscErrorCode ADJCreateHessian(ADJ adj, Vec theta, Mat *H)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCreateHessianOf_Private(adj, theta, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At theta for an optimizer: found already, if its last evaluation was there */
PetscErrorCode ADJHessianAtIterate_Private(ADJ adj, Vec theta, Mat H)
{
  ADJOuter o = adj->outer;

  PetscFunctionBegin;
  if (o->last.id != adj->state->id) o->last.id = 0; /* the ADJ has been elsewhere, and its adjoint is not that of theta */
  PetscCall(ADJEvaluate_Private(adj, theta, PETSC_TRUE));
  PetscCheck(!o->last.failed, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "There is no Hessian where the forward solve stops with %s", SNESConvergedReasons[adj->state->reason]);
  PetscCall(ADJHessianSetPoint_Private(adj, o->x0, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* State and adjoint at theta, by solves of their own; x0: a copy of the guess where steps are a model */
static PetscErrorCode ADJHessianSolveAt_Private(ADJ adj, Vec theta, Vec x0, Vec g, Mat H)
{
  PetscReal value;

  PetscFunctionBegin;
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &value, g));
  PetscCheck(adj->state->reason > 0, PetscObjectComm((PetscObject)adj), PETSC_ERR_NOT_CONVERGED, "There is no Hessian where the forward solve stops with %s", SNESConvergedReasons[adj->state->reason]);
  PetscCall(ADJHessianSetPoint_Private(adj, x0, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJComputeHessian - Brings the Hessian of the reduced objective to new parameters

   Collective

   Input Parameters:
+  adj   - the context
.  theta - parameters, global length m
-  H     - of `ADJCreateHessian()`

   Level: intermediate

   Notes:
   Solves for state and adjoint at theta, as `ADJComputeObjectiveAndGradient()`, from the vector of `ADJSetSolution()`, which is overwritten
   by the state; a Tao of `ADJSetTao()` has them already. Products are made there until the next call, wherever the ADJ goes in between.

   A product costs a tangent and an adjoint solve, see `ADJSetHessianType()`; it is symmetric up to the tolerances of these solves.

   Errors:
   As `ADJComputeObjectiveAndGradient()`; `PETSC_ERR_NOT_CONVERGED` after a forward solve that failed. `MatMult()` has
   `PETSC_ERR_NOT_CONVERGED` if one of its solves fails, `PETSC_ERR_ORDER` before this function and after `ADJReset()`.

.seealso: `ADJCreateHessian()`, `ADJSetHessianType()`, `ADJSetObjectiveHessian()`, `ADJSetSecondVJP()`
@*/
PetscErrorCode ADJComputeHessian(ADJ adj, Vec theta, Mat H)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  ADJOuter       o;
  Vec            g, x0 = NULL;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscValidHeaderSpecific(H, MAT_CLASSID, 3);
  PetscCheck(adj->objective, comm, PETSC_ERR_ORDER, "No objective: call ADJSetObjective() first");
  PetscCheck(adj->sol, comm, PETSC_ERR_ORDER, "No initial guess: call ADJSetSolution() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJGetOuter_Private(adj, &o)); /* counts products */
  PetscCall(VecDuplicate(theta, &g));
  if (adj->program && adj->steps >= 0) {
    PetscCall(VecDuplicate(adj->sol, &x0));
    PetscCall(VecCopy(adj->sol, x0));
  }
  ierr = ADJHessianSolveAt_Private(adj, theta, x0, g, H);
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&x0));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
