static char help[] = "Projections and proximal maps: products with their derivatives, against differences and each other; what is chosen at a kink.\n\n";

/*
   nsize: 1 2 4
*/
#include "prox.h"

#define STEP 1e-6

/* What is varied: the point, the number, the first vector, the second one */
typedef enum { VARY_POINT,
               VARY_NUMBER,
               VARY_FIRST,
               VARY_SECOND,
               VARY_LAST } Vary;
static const char *const varied[] = {"point", "number", "first vector", "second vector"};

/* Entries that are infinite stay so */
static PetscErrorCode Move(Vec v, PetscReal h, Vec dot)
{
  PetscFunctionBeginUser;
  PetscCall(VecAXPY(v, h, dot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y with one argument moved by h */
static PetscErrorCode ApplyMoved(ProxCase *c, Vary vary, PetscReal h, Vec dot, Vec y)
{
  Vec       moved = vary == VARY_POINT ? c->z : (vary == VARY_FIRST ? c->a : c->b);
  PetscReal p;

  PetscFunctionBeginUser;
  if (vary == VARY_NUMBER) {
    PetscCall(ADJProxGetParameter(c->prox, &p));
    PetscCall(ADJProxSetParameter(c->prox, p + h));
  } else
    PetscCall(Move(moved, h, dot));
  PetscCall(ADJProxApply(c->prox, c->z, y));
  if (vary == VARY_NUMBER)
    PetscCall(ADJProxSetParameter(c->prox, p));
  else
    PetscCall(Move(moved, -h, dot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ProxCase *c, Vary vary, Vec dot, Vec ydot)
{
  PetscFunctionBeginUser;
  if (vary == VARY_POINT) PetscCall(ADJProxJVP(c->prox, c->z, dot, ydot));
  if (vary == VARY_NUMBER) PetscCall(ADJProxJVPParameter(c->prox, c->z, 1.0, ydot));
  if (vary == VARY_FIRST) PetscCall(ADJProxJVPVecs(c->prox, c->z, dot, NULL, ydot));
  if (vary == VARY_SECOND) PetscCall(ADJProxJVPVecs(c->prox, c->z, NULL, dot, ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re of the pullback of w with the tangent */
static PetscErrorCode Pullback(ProxCase *c, Vary vary, Vec w, Vec dot, PetscReal *value)
{
  Vec bar = NULL;

  PetscFunctionBeginUser;
  if (vary == VARY_NUMBER) {
    PetscCall(ADJProxVJPParameter(c->prox, c->z, w, value));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecDuplicate(dot, &bar));
  if (vary == VARY_POINT) PetscCall(ADJProxVJP(c->prox, c->z, w, bar));
  if (vary == VARY_FIRST) PetscCall(ADJProxVJPVecs(c->prox, c->z, w, bar, NULL));
  if (vary == VARY_SECOND) PetscCall(ADJProxVJPVecs(c->prox, c->z, w, NULL, bar));
  PetscCall(RealDot(bar, dot, value));
  PetscCall(VecDestroy(&bar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both outputs at once are those of two calls; one call is the sum of its inputs */
static PetscErrorCode TestBoth(ProxCase *c, Vec w)
{
  Vec       a, b, d, y, sum;
  PetscReal first, second, value;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(w, &a));
  PetscCall(VecDuplicate(w, &b));
  PetscCall(VecDuplicate(w, &d));
  PetscCall(VecDuplicate(w, &y));
  PetscCall(VecDuplicate(w, &sum));
  PetscCall(ADJProxVJPVecs(c->prox, c->z, w, a, b));
  PetscCall(VecSetNormal(d, 91));
  PetscCall(RealDot(a, d, &first));
  PetscCall(Pullback(c, VARY_FIRST, w, d, &value));
  PetscCall(TapClose(first, value, 1e-15, "%s: both pullbacks at once, the first", c->name));
  PetscCall(RealDot(b, d, &second));
  PetscCall(Pullback(c, VARY_SECOND, w, d, &value));
  PetscCall(TapClose(second, value, 1e-15, "%s: both pullbacks at once, the second", c->name));
  PetscCall(VecScale(d, 2.0));
  PetscCall(VecCopy(d, a));
  PetscCall(VecScale(a, 3.0));
  PetscCall(ADJProxJVPVecs(c->prox, c->z, d, a, y));
  PetscCall(RealDot(w, y, &value));
  PetscCall(TapClose(value, 2.0 * first + 6.0 * second, 1e-13, "%s: both tangents at once", c->name));
  PetscCall(ADJProxJVPVecs(c->prox, c->z, NULL, NULL, y));
  PetscCall(VecNorm(y, NORM_2, &value));
  PetscCall(TapOk((PetscBool)(value == 0.0), "%s: no tangent", c->name));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestVaried(ProxCase *c, Vary vary, Vec w)
{
  Vec       dot, y, ydot;
  PetscReal plus, minus, jvp, vjp, slope, scale, wnorm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(vary == VARY_FIRST ? c->a : c->z, &dot));
  PetscCall(VecDuplicate(c->z, &y));
  PetscCall(VecDuplicate(c->z, &ydot));
  PetscCall(VecSetNormal(dot, 81));
  PetscCall(ApplyMoved(c, vary, STEP, dot, y));
  PetscCall(RealDot(w, y, &plus));
  PetscCall(ApplyMoved(c, vary, -STEP, dot, y));
  PetscCall(RealDot(w, y, &minus));
  slope = 0.5 * (plus - minus) / STEP;
  PetscCall(JVP(c, vary, dot, ydot));
  PetscCall(RealDot(w, ydot, &jvp));
  PetscCall(Pullback(c, vary, w, dot, &vjp));
  PetscCall(VecNorm(w, NORM_2, &wnorm));
  PetscCall(VecNorm(ydot, NORM_2, &scale));
  scale = wnorm * PetscMax(scale, 1e-3);
  PetscCall(TapBelow(PetscAbsReal(jvp - slope) / scale, 2e-9, "%s, %s: JVP and a difference", c->name, varied[vary]));
  PetscCall(TapBelow(PetscAbsReal(jvp - vjp) / scale, 1e-13, "%s, %s: VJP and JVP", c->name, varied[vary]));
  PetscCall(VecDestroy(&dot));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestProducts(int which, Layout layout)
{
  const PetscBool number   = (PetscBool)(which == ADJ_PROX_L1 || which == ADJ_PROX_GROUP_L1 || which == ADJ_PROX_BALL || which == CASE_BALL_INSIDE || which == ADJ_PROX_SIMPLEX);
  const PetscBool diagonal = (PetscBool)(which == ADJ_PROX_BOX || which == CASE_ONE_BOUND || which == ADJ_PROX_NONNEGATIVE || (which == ADJ_PROX_L1 && !PetscDefined(USE_COMPLEX)));
  ProxCase        c;
  Vec             w, mask, out;
  PetscReal       margin, distance;
  PetscInt        free, nonzero;
  uint64_t        seed = 40;

  PetscFunctionBeginUser;
  do { /* away from kinks */
    PetscCall(ProxCaseCreate(which, 24, layout, seed++, &c));
    PetscCall(ADJProxGetSelection(c.prox, c.z, NULL, &margin, NULL));
    if (margin < 1e-4) PetscCall(ProxCaseDestroy(&c));
  } while (margin < 1e-4);
  PetscCall(VecDuplicate(c.z, &w));
  PetscCall(VecDuplicate(c.z, &mask));
  PetscCall(VecDuplicate(c.z, &out));
  PetscCall(VecSetNormal(w, 71));
  PetscCall(TestVaried(&c, VARY_POINT, w));
  if (number) PetscCall(TestVaried(&c, VARY_NUMBER, w));
  if (c.a) PetscCall(TestVaried(&c, VARY_FIRST, w));
  if (c.b) PetscCall(TestVaried(&c, VARY_SECOND, w));
  if (c.b) PetscCall(TestBoth(&c, w));
  PetscCall(ADJProxGetSelection(c.prox, c.z, &free, NULL, mask));
  PetscCall(VecNorm(mask, NORM_1, &distance));
  nonzero = (PetscInt)(distance + 0.5);
  PetscCall(TapOk((PetscBool)(nonzero == free), "%s: %" PetscInt_FMT " free entries", c.name, free));
  if (which == ADJ_PROX_BALL || which == CASE_BALL_INSIDE || which == ADJ_PROX_AFFINE)
    PetscCall(TapOk((PetscBool)(free == (which == ADJ_PROX_BALL ? 0 : 24)), "%s: all or none", c.name));
  else
    PetscCall(TapOk((PetscBool)(free > 0 && free < 24), "%s: some of them", c.name));
  if (diagonal) {
    PetscCall(ADJProxJVP(c.prox, c.z, w, out));
    PetscCall(VecPointwiseMult(mask, mask, w));
    PetscCall(VecGap(out, mask, &distance));
    PetscCall(TapOk((PetscBool)(distance == 0.0), "%s: the mask is the derivative", c.name));
  } else if (which == ADJ_PROX_SIMPLEX || which == ADJ_PROX_GROUP_L1) {
    PetscCall(ADJProxApply(c.prox, c.z, out));
    PetscCall(VecPointwiseMult(mask, mask, out));
    PetscCall(VecGap(out, mask, &distance));
    PetscCall(TapOk((PetscBool)(distance == 0.0), "%s: the mask is the support", c.name));
  }
  PetscCall(VecDestroy(&w));
  PetscCall(VecDestroy(&mask));
  PetscCall(VecDestroy(&out));
  PetscCall(ProxCaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = (0, 1, 2, ..., 5) scaled and shifted, dP/dz (1, ..., 1), where one entry lies on a kink */
static PetscErrorCode TestKink(ADJProx prox, PetscReal shift, const PetscReal expected[6], PetscInt nfree, PetscReal distance, const char name[])
{
  Vec       z, ones, out, want;
  PetscReal margin, error;
  PetscInt  lo, hi, free;

  PetscFunctionBeginUser;
  PetscCall(ProxVecCreate(6, LAYOUT_EMPTY, 1, &z));
  PetscCall(VecDuplicate(z, &ones));
  PetscCall(VecDuplicate(z, &out));
  PetscCall(VecDuplicate(z, &want));
  PetscCall(VecSet(ones, 1.0));
  PetscCall(VecGetOwnershipRange(z, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(VecSetValue(z, i, (PetscReal)i + shift, INSERT_VALUES));
    PetscCall(VecSetValue(want, i, expected[i], INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(z));
  PetscCall(VecAssemblyEnd(z));
  PetscCall(VecAssemblyBegin(want));
  PetscCall(VecAssemblyEnd(want));
  PetscCall(ADJProxVJP(prox, z, ones, out));
  PetscCall(VecGap(out, want, &error));
  PetscCall(TapBelow(error, 1e-14, "%s: the derivative", name));
  PetscCall(ADJProxGetSelection(prox, z, &free, &margin, NULL));
  PetscCall(TapOk((PetscBool)(free == nfree), "%s: %" PetscInt_FMT " free entries", name, free));
  PetscCall(TapClose(1.0 + margin, 1.0 + distance, 1e-14, "%s: the next kink", name));
  PetscCall(ADJProxDestroy(&prox));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&ones));
  PetscCall(VecDestroy(&out));
  PetscCall(VecDestroy(&want));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestKinks(void)
{
  const PetscReal none[6] = {0}, above3[6] = {0, 0, 0, 0, 1, 1}, all[6] = {1, 1, 1, 1, 1, 1}, above0[6] = {0, 1, 1, 1, 1, 1};
  const PetscReal radius = PetscSqrtReal(55.0);
  ADJProx         prox;

  PetscFunctionBeginUser;
  PetscCall(ADJProxCreateL1(PETSC_COMM_WORLD, 3.0, &prox));
  if (!PetscDefined(USE_COMPLEX))
    PetscCall(TestKink(prox, 0.0, above3, 2, 0.0, "soft threshold, an entry on it"));
  else
    PetscCall(ADJProxDestroy(&prox));
  PetscCall(ADJProxCreateL1(PETSC_COMM_WORLD, 0.0, &prox));
  PetscCall(TestKink(prox, 0.0, all, 6, PETSC_INFINITY, "soft threshold 0, an entry on it"));
  PetscCall(ADJProxCreateGroupL1(PETSC_COMM_WORLD, 6.0, 1, &prox));
  PetscCall(TestKink(prox, 0.25, none, 0, 0.75, "all blocks below the threshold"));
  PetscCall(ADJProxCreateBall(PETSC_COMM_WORLD, NULL, radius, &prox));
  PetscCall(TestKink(prox, 0.0, all, 6, 0.0, "ball, a point on its sphere"));
  if (PetscDefined(USE_COMPLEX)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJProxCreateNonnegative(PETSC_COMM_WORLD, &prox));
  PetscCall(TestKink(prox, 0.0, above0, 5, 0.0, "orthant, an entry on its boundary"));
  PetscCall(ADJProxCreateNonnegative(PETSC_COMM_WORLD, &prox));
  PetscCall(TestKink(prox, 0.25, all, 6, 0.25, "orthant, inside"));
  PetscCall(ADJProxCreateSimplex(PETSC_COMM_WORLD, 1.0, &prox)); /* tau = 4, where an entry is */
  PetscCall(TestKink(prox, 0.0, none, 1, 0.0, "simplex, an entry on its threshold"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (int which = 0; which < CASE_LAST; which++) {
    if (!ProxCaseExists(which)) continue;
    for (int layout = LAYOUT_EVEN; layout <= LAYOUT_LAST; layout++) PetscCall(TestProducts(which, (Layout)layout));
  }
  PetscCall(TestKinks());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
