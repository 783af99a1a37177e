static char help[] = "Bilevel problems: each type of inner derivative leads the outer optimization where a closed form says.\n\n";

/*
   In the coordinates z = Q x, Q = I - 2 u u^T, all is separable:

       F: z <- a z + b theta + c,   l = |z - t|^2/2 + mu |theta|^2/2.

   Where the inner iteration ends at z = p theta + q, and its derivative is taken for d, the outer one ends where
   mu theta + d (p theta + q - t) = 0: at the minimizer if d = p.

   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
*/
#include "problems.h"
#include <petsctao.h>

#define MU 0.3

typedef struct {
  ADJ adj;
  Vec a, b, c, t, u;
  Vec z0, x; /* first guess, in both coordinates */
  Vec theta, z, work;
} Bilevel;

/* One entry of each */
typedef struct {
  PetscReal a, b, c, t, z0;
} Entry;

/* What the outer iteration should find: d and (p, q) */
typedef struct {
  PetscInt steps; /* of the inner iteration; -1: it converges */
  PetscInt terms; /* of the series sum_j a^j b that stands for its derivative; -1: as many as steps */
} Limit;

static PetscErrorCode Rotate(Bilevel *p, Vec x, Vec z)
{
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecDot(x, p->u, &dot));
  PetscCall(VecWAXPY(z, -2.0 * dot, p->u, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Product(Bilevel *p, Vec xdot, Vec thetadot, Vec ydot)
{
  PetscFunctionBeginUser;
  if (xdot) {
    PetscCall(Rotate(p, xdot, p->z));
    PetscCall(VecPointwiseMult(p->z, p->a, p->z));
  } else
    PetscCall(VecSet(p->z, 0.0));
  if (thetadot) {
    PetscCall(VecPointwiseMult(p->work, p->b, thetadot));
    PetscCall(VecAXPY(p->z, 1.0, p->work));
  }
  if (ydot) PetscCall(Rotate(p, p->z, ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Bilevel *p = (Bilevel *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Product(p, x, theta, NULL));
  PetscCall(VecAXPY(p->z, 1.0, p->c));
  PetscCall(Rotate(p, p->z, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Bilevel *p = (Bilevel *)ctx;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(Rotate(p, w, p->z));
  if (thetabar) PetscCall(VecPointwiseMult(thetabar, p->b, p->z));
  if (xbar) {
    PetscCall(VecPointwiseMult(p->z, p->a, p->z));
    PetscCall(Rotate(p, p->z, xbar));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(Product((Bilevel *)ctx, xdot, thetadot, ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Bilevel  *p = (Bilevel *)ctx;
  PetscReal d, n;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Rotate(p, x, p->z));
  PetscCall(VecAXPY(p->z, -1.0, p->t));
  PetscCall(VecNorm(p->z, NORM_2, &d));
  PetscCall(VecNorm(theta, NORM_2, &n));
  *f = 0.5 * d * d + 0.5 * MU * n * n;
  if (xbar) PetscCall(Rotate(p, p->z, xbar));
  if (thetabar) PetscCall(VecAXPBY(thetabar, MU, 0.0, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static Entry EntryOf(PetscInt i, PetscInt n)
{
  Entry e;

  e.a  = 0.6 - 0.4 * i / n;
  e.b  = 1.0 + 0.5 * PetscSinReal(1.0 + i);
  e.c  = PetscCosReal(2.0 * i);
  e.t  = 2.0 + PetscSinReal(3.0 * i);
  e.z0 = 1.5 * PetscCosReal(5.0 + i);
  return e;
}

static PetscErrorCode BilevelCreate(PetscInt n, Layout layout, Bilevel *p)
{
  Vec     *vecs[] = {&p->b, &p->c, &p->t, &p->u, &p->z0, &p->x, &p->theta, &p->z, &p->work};
  PetscInt nl     = 0, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, n, &nl));
  PetscCall(VecCreate(PETSC_COMM_WORLD, &p->a));
  PetscCall(VecSetSizes(p->a, nl, n));
  PetscCall(VecSetFromOptions(p->a));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(p->a, vecs[i]));
  PetscCall(VecGetOwnershipRange(p->a, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const Entry e = EntryOf(i, n);

    PetscCall(VecSetValue(p->a, i, e.a, INSERT_VALUES));
    PetscCall(VecSetValue(p->b, i, e.b, INSERT_VALUES));
    PetscCall(VecSetValue(p->c, i, e.c, INSERT_VALUES));
    PetscCall(VecSetValue(p->t, i, e.t, INSERT_VALUES));
    PetscCall(VecSetValue(p->z0, i, e.z0, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(p->a));
  PetscCall(VecAssemblyEnd(p->a));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) {
    PetscCall(VecAssemblyBegin(*vecs[i]));
    PetscCall(VecAssemblyEnd(*vecs[i]));
  }
  PetscCall(VecSetWave(p->u, 2));
  PetscCall(VecNormalize(p->u, NULL));
  PetscCall(Rotate(p, p->z0, p->x));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetFixedPoint(p->adj, Map, p));
  PetscCall(ADJSetVJP(p->adj, VJP, p));
  PetscCall(ADJSetJVP(p->adj, JVP, p));
  PetscCall(ADJSetObjective(p->adj, Objective, p));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BilevelDestroy(Bilevel *p)
{
  Vec *vecs[] = {&p->a, &p->b, &p->c, &p->t, &p->u, &p->z0, &p->x, &p->theta, &p->z, &p->work};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The closed form of where the outer iteration ends, and the norms there of the true gradient and of its bound ||a||^k |p| |z - t| */
static PetscErrorCode Expected(Limit limit, Vec theta, PetscReal *norm, PetscReal *bound)
{
  PetscReal sums[2] = {0.0, 0.0}, largest[2] = {0.0, 0.0};
  PetscInt  n, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(theta, &n));
  PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const Entry     e = EntryOf(i, n);
    const PetscReal J = e.b / (1.0 - e.a), aK = limit.steps < 0 ? 0.0 : PetscPowRealInt(e.a, limit.steps);
    const PetscReal left = limit.terms < 0 ? aK : PetscPowRealInt(e.a, limit.terms); /* the part of the derivative that is left out */
    const PetscReal P = J * (1.0 - aK), q = aK * e.z0 + (1.0 - aK) * e.c / (1.0 - e.a), d = J * (1.0 - left);
    const PetscReal t = -d * (q - e.t) / (MU + d * P), r = J * t + e.c / (1.0 - e.a) - e.t;

    sums[0] += PetscSqr(MU * t + J * r);
    sums[1] += r * r;
    largest[0] = PetscMax(largest[0], J);
    largest[1] = PetscMax(largest[1], left);
    PetscCall(VecSetValue(theta, i, t, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(theta));
  PetscCall(VecAssemblyEnd(theta));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPIU_REAL, MPI_SUM, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, largest, 2, MPIU_REAL, MPI_MAX, PETSC_COMM_WORLD));
  *norm  = PetscSqrtReal(sums[0]);
  *bound = largest[0] * largest[1] * PetscSqrtReal(sums[1]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient of the reduced objective, by the implicit type to rounding */
static PetscErrorCode TrueGradient(Bilevel *p, Vec theta, PetscReal *norm)
{
  KSP       ksp;
  SNES      snes;
  PetscReal f;
  Vec       g, x;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(VecDuplicate(theta, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJSetType(p->adj, ADJIMPLICIT));
  PetscCall(ADJSetSteps(p->adj, -1));
  PetscCall(ADJSetSolution(p->adj, x));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJGetSNES(p->adj, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-13, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, theta, &f, g));
  PetscCall(VecNorm(g, NORM_2, norm));
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Minimize(Bilevel *p, const char tao[], PetscReal gatol, TaoConvergedReason *reason)
{
  KSP  ksp;
  SNES snes;
  Tao  outer;

  PetscFunctionBeginUser;
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJGetKSP(p->adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-11, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJGetSNES(p->adj, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-11, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJGetTao(p->adj, &outer));
  PetscCall(TaoSetType(outer, tao));
  PetscCall(TaoSetTolerances(outer, gatol, 0.0, 0.0));
  PetscCall(TaoSetMaximumIterations(outer, 500));
  PetscCall(ADJMinimize(p->adj, p->theta));
  PetscCall(TaoGetConvergedReason(outer, reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One type with one outer method. Where an approximate gradient vanishes its error is 100 %: no tolerance admits it surely */
static PetscErrorCode TestType(ADJType type, PetscInt k, Limit limit, const char tao[], Layout layout)
{
  Bilevel            p;
  TaoConvergedReason reason;
  ADJTrust           refused;
  PetscReal          error, norm, expected = 0.0, bound = 0.0;
  Vec                theta;
  const PetscBool    exact = (PetscBool)(limit.terms < 0);

  PetscFunctionBeginUser;
  PetscCall(BilevelCreate(13, layout, &p));
  PetscCall(ADJSetType(p.adj, type));
  PetscCall(ADJSetSteps(p.adj, limit.steps));
  PetscCall(ADJNeumannSetTerms(p.adj, k));
  PetscCall(ADJTruncatedSetSteps(p.adj, k));
  if (!exact) PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(Minimize(&p, tao, 1e-8, &reason));
  PetscCall(ADJGetRefusal(p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason > 0 && refused == ADJ_TRUST_NONE), "%s, %s, %" PetscInt_FMT " steps: %s, %s", type, tao, limit.steps, TaoConvergedReasons[reason], ADJTrusts[refused]));
  PetscCall(VecDuplicate(p.theta, &theta));
  PetscCall(Expected(limit, theta, &expected, &bound));
  PetscCall(VecDistance(p.theta, theta, &error));
  PetscCall(TapBelow(error, 1e-6, "%s, %s, %" PetscInt_FMT " steps: where the closed form says", type, tao, limit.steps));
  PetscCall(TrueGradient(&p, p.theta, &norm));
  if (exact && limit.steps < 0)
    PetscCall(TapBelow(norm, 1e-6, "%s, %s: a minimizer", type, tao));
  else {
    PetscCall(TapClose(norm, expected, 1e-5, "%s, %s, %" PetscInt_FMT " steps: the true gradient there is %.3g", type, tao, limit.steps, (double)expected));
    PetscCall(TapOk((PetscBool)(norm > 1e-4), "%s, %s, %" PetscInt_FMT " steps: which is not zero", type, tao, limit.steps));
    if (limit.steps < 0) PetscCall(TapBelow(norm, bound, "%s, %s: the floor is within its bound %.3g", type, tao, (double)bound));
  }
  PetscCall(VecDestroy(&theta));
  PetscCall(BilevelDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   An error of a half is refused by default, and the parameters stay where they were. A larger tolerance lets the optimization go on until
   the gradient is no better than that: so the floor is not reached
*/
static PetscErrorCode TestRefused(void)
{
  Bilevel            p;
  TaoConvergedReason reason;
  ADJTrust           refused;
  PetscReal          norm;

  PetscFunctionBeginUser;
  PetscCall(BilevelCreate(13, LAYOUT_EVEN, &p));
  PetscCall(ADJSetType(p.adj, ADJONESTEP));
  PetscCall(Minimize(&p, ADJTAODESCENT, 1e-8, &reason));
  PetscCall(ADJGetRefusal(p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER && refused == ADJ_TRUST_REFUTED_ERROR), "one step by default: %s, %s", TaoConvergedReasons[reason], ADJTrusts[refused]));
  PetscCall(VecNorm(p.theta, NORM_2, &norm));
  PetscCall(TapOk((PetscBool)(norm == 0.0), "not a step was made"));
  PetscCall(ADJSetGradientTolerance(p.adj, 0.8));
  PetscCall(Minimize(&p, ADJTAODESCENT, 1e-8, &reason));
  PetscCall(ADJGetRefusal(p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason == TAO_DIVERGED_USER && refused == ADJ_TRUST_REFUTED_ERROR), "up to an error of 0.8: %s, %s", TaoConvergedReasons[reason], ADJTrusts[refused]));
  PetscCall(VecNorm(p.theta, NORM_2, &norm));
  PetscCall(TapOk((PetscBool)(norm > 1.0), "which comes later"));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(Minimize(&p, ADJTAODESCENT, 1e-8, &reason));
  PetscCall(ADJGetRefusal(p.adj, &refused));
  PetscCall(TapOk((PetscBool)(reason > 0 && refused == ADJ_TRUST_NONE), "if refusals are ignored: %s", TaoConvergedReasons[reason]));
  PetscCall(BilevelDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two steps for each theta, from the last state: inner and outer iteration converge together, to where the converged one leads */
static PetscErrorCode TestGivenSteps(void)
{
  Bilevel            p;
  TaoConvergedReason reason;
  PetscReal          error, norm, bound;
  Vec                theta;

  PetscFunctionBeginUser;
  PetscCall(BilevelCreate(13, LAYOUT_EVEN, &p));
  PetscCall(VecDuplicate(p.theta, &theta));
  PetscCall(Expected((Limit){-1, 1}, theta, &norm, &bound));
  PetscCall(ADJSetType(p.adj, ADJONESTEP));
  PetscCall(ADJSetSteps(p.adj, 2));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(Minimize(&p, ADJTAODESCENT, 1e-8, &reason));
  PetscCall(VecDistance(p.theta, theta, &error));
  PetscCall(TapOk((PetscBool)(reason > 0), "one step of two: %s", TaoConvergedReasons[reason]));
  PetscCall(TapBelow(error, 1e-6, "one step of two: where the closed form says"));
  PetscCall(VecDestroy(&theta));
  PetscCall(BilevelDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A floor falls with each term: k products, k = 1, ..., 5 */
static PetscErrorCode TestFloors(void)
{
  Bilevel            p;
  TaoConvergedReason reason;
  PetscReal          norm, last = PETSC_MAX_REAL;

  PetscFunctionBeginUser;
  for (PetscInt k = 1; k <= 5; k++) {
    PetscCall(BilevelCreate(13, LAYOUT_EVEN, &p));
    PetscCall(ADJSetType(p.adj, ADJTRUNCATED));
    PetscCall(ADJTruncatedSetSteps(p.adj, k));
    PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
    PetscCall(Minimize(&p, ADJTAODESCENT, 1e-8, &reason));
    PetscCall(TrueGradient(&p, p.theta, &norm));
    PetscCall(TapOk((PetscBool)(norm > 0.0 && norm < 0.8 * last), "truncated after %" PetscInt_FMT ": floor %.3g", k, (double)norm));
    last = norm;
    PetscCall(BilevelDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const Limit exact = {-1, -1}, steps = {4, -1};
  const char *taos[] = {ADJTAODESCENT, TAOBLMVM};
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsSetValue(NULL, "-adj_tao_descent_step", "0.08")); /* below 1/L, L = mu + max_i (b/(1 - a))^2 */
  PetscCall(TapBegin());
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(taos); i++) {
    PetscCall(TestType(ADJIMPLICIT, 1, exact, taos[i], LAYOUT_UNEVEN));
    PetscCall(TestType(ADJAUTO, 1, exact, taos[i], LAYOUT_EVEN));
    PetscCall(TestType(ADJUNROLLED, 1, steps, taos[i], LAYOUT_EMPTY));
    PetscCall(TestType(ADJREVERSIBLE, 1, steps, taos[i], LAYOUT_EVEN));
    PetscCall(TestType(ADJUNROLLED, 1, exact, taos[i], LAYOUT_LAST)); /* as many steps as it takes, each time from the first guess */
  }
  PetscCall(TestType(ADJONESTEP, 1, (Limit){-1, 1}, ADJTAODESCENT, LAYOUT_EMPTY));
  PetscCall(TestType(ADJNEUMANN, 0, (Limit){-1, 1}, ADJTAODESCENT, LAYOUT_EVEN));
  PetscCall(TestType(ADJNEUMANN, 3, (Limit){-1, 4}, ADJTAODESCENT, LAYOUT_LAST));
  PetscCall(TestType(ADJTRUNCATED, 3, (Limit){-1, 3}, ADJTAODESCENT, LAYOUT_UNEVEN));
  PetscCall(TestGivenSteps());
  PetscCall(TestType(ADJTRUNCATED, 2, (Limit){6, 2}, ADJTAODESCENT, LAYOUT_EMPTY));
  PetscCall(TestRefused());
  PetscCall(TestFloors());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
