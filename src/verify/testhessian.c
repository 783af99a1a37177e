/*
   Taylor test of the Hessian H: along a random direction d, where gradient g and H are right,

       |J(theta + h d) - J(theta) - h <g, d> - h^2/2 <d, H d>| = O(h^3),

   and |<e, H d> - <d, H e>| is zero for another direction e.
*/
#include "taylor.h"
#include "../optim/outer.h"

#define ADJ_TAYLOR_H_HESSIAN 0.1 /* the third order reaches rounding level soon */

/* <d, H d>, and the asymmetry relative to |H d| |e| + |H e| |d| */
static PetscErrorCode ADJTaylorForms_Private(Mat H, Vec d, Vec e, Vec Hd, Vec He, PetscReal *curvature, PetscReal *asymmetry)
{
  PetscScalar dHd, eHd, dHe;
  PetscReal   dn, en, Hdn, Hen;

  PetscFunctionBegin;
  PetscCall(MatMult(H, d, Hd));
  PetscCall(MatMult(H, e, He));
  PetscCall(VecDot(Hd, d, &dHd));
  PetscCall(VecDot(Hd, e, &eHd));
  PetscCall(VecDot(d, He, &dHe));
  PetscCall(VecNorm(d, NORM_2, &dn));
  PetscCall(VecNorm(e, NORM_2, &en));
  PetscCall(VecNorm(Hd, NORM_2, &Hdn));
  PetscCall(VecNorm(He, NORM_2, &Hen));
  *curvature = PetscRealPart(dHd);
  *asymmetry = Hdn > 0.0 ? 2.0 * PetscAbsReal(PetscRealPart(eHd - dHe)) / (Hdn * en + Hen * dn) : 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Along the direction of the test, and another one */
static PetscErrorCode ADJTaylorHessian_Private(ADJ adj, ADJTaylor *t, Mat H, PetscReal *curvature, PetscReal *asymmetry)
{
  Vec            e, Hd, He;
  PetscRandom    rnd;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(t->d, &e));
  PetscCall(VecDuplicate(t->d, &Hd));
  PetscCall(VecDuplicate(t->d, &He));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(e, rnd));
  PetscCall(VecSetRandom(e, rnd)); /* the first one is in d */
  PetscCall(PetscRandomDestroy(&rnd));
  ierr = ADJTaylorForms_Private(H, t->d, e, Hd, He, curvature, asymmetry);
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&Hd));
  PetscCall(VecDestroy(&He));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The order is that of the smallest pair of remainders above the noise; 3 where there is none */
static PetscErrorCode ADJTaylorThird_Private(ADJ adj, ADJTaylor *t, PetscReal curvature, PetscReal *order)
{
  PetscReal J, h = ADJ_TAYLOR_H_HESSIAN, third, last = -1.0;

  PetscFunctionBegin;
  *order = 3.0;
  for (PetscInt i = 0; i < 2 * ADJ_TAYLOR_STEPS; i++, h /= 2.0) {
    PetscCall(ADJTaylorEvaluate_Private(adj, t, h, &J));
    third = PetscAbsReal(J - t->J - h * t->slope - 0.5 * h * h * curvature);
    if (third <= 10.0 * ADJTaylorNoise_Private(t, h)) break;
    if (last > 0.0) *order = PetscLog2Real(last / third);
    last = third;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTestHessianRun_Private(ADJ adj, ADJTaylor *t, Mat H, PetscReal *order, PetscReal *asymmetry)
{
  PetscReal curvature = 0.0;

  PetscFunctionBegin;
  PetscCall(ADJTaylorReference_Private(adj, t));
  PetscCall(ADJTaylorEvaluate_Private(adj, t, 0.0, &t->J));
  PetscCall(ADJTaylorGradient_Private(adj, t));
  PetscCall(VecCopy(t->x, t->x0));
  PetscCall(ADJHessianSetPoint_Private(adj, NULL, H));
  PetscCall(ADJTaylorHessian_Private(adj, t, H, &curvature, asymmetry));
  PetscCall(ADJTaylorThird_Private(adj, t, curvature, order));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJTestHessian - Taylor test of products with the Hessian of the reduced objective

   Collective

   Input Parameters:
+  adj   - the context, with an objective
.  theta - parameters, global length m
-  x     - initial guess of the state, global length n; not changed

   Output Parameters:
+  order     - of the remainder |J(theta + h d) - J(theta) - h <g, d> - h^2/2 <d, H d>| as h is halved: 3 if gradient and Hessian are
               right; 2 if the Hessian is not, as that of Gauss and Newton away from a zero misfit
-  asymmetry - of H: |<e, H d> - <d, H e>| relative to the size of the two

   Level: intermediate

   Notes:
   The forward problem and the linear systems are solved to rounding level. Where the remainder lies at that level from the start the order
   is given as 3.

   No state, result, counter, tolerance or random stream of the user changes; only the iteration numbers that the
   children themselves report are those of the test.

   Errors:
   As `ADJTestGradient()`; `PETSC_ERR_SUP` for types that keep no adjoint, and without a JVP: their products are differences of gradients.

.seealso: `ADJCreateHessian()`, `ADJSetHessianType()`, `ADJTestGradient()`
@*/
PetscErrorCode ADJTestHessian(ADJ adj, Vec theta, Vec x, PetscReal *order, PetscReal *asymmetry)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  ADJSaved       saved;
  ADJTaylor      t;
  Mat            H;
  PetscBool      possible;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(adj->objective, comm, PETSC_ERR_ORDER, "Nothing to test: call ADJSetObjective() first");
  PetscCall(ADJCheckTheta_Private(adj, theta));
  PetscCall(ADJCheckState_Private(adj, x));
  if (!adj->sol) PetscCall(ADJSetSolution(adj, x));
  PetscCall(ADJSetUp(adj));
  PetscCheck(adj->vjp, comm, PETSC_ERR_ORDER, "No vector-Jacobian product: call ADJSetVJP() first");
  PetscCall(ADJHessianByProducts_Private(adj, &possible));
  PetscCheck(possible, comm, PETSC_ERR_SUP, "Products with the Hessian are differences of gradients here: ADJ type %s %s", ((PetscObject)adj)->type_name, adj->jvp ? "keeps no adjoint, or -adj_hessian_type asks for it" : "has no JVP, call ADJSetJVP()");
  PetscCall(ADJCreateHessianOf_Private(adj, theta, &H));
  PetscCall(ADJTaylorCreate_Private(adj, theta, x, NULL, &t));
  PetscCall(ADJTestPush_Private(adj, &saved));
  ierr = ADJTestHessianRun_Private(adj, &t, H, order, asymmetry);
  PetscCall(ADJTaylorDestroy_Private(&t));
  PetscCall(MatDestroy(&H));
  PetscCall(ADJTestPop_Private(adj, &saved, ierr));
  if (!adj->state->theta) PetscCall(ADJPutParameters_Private(adj, theta)); /* of no solve yet */
  PetscFunctionReturn(PETSC_SUCCESS);
}
