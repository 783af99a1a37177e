static char help[] = "Derivatives through a minimizer with equality constraints: the KKT system.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
*/
#include "problems.h"

#define STEP 1e-4

/* min <x, P x>/2 + <q, x>, A (x + s x^2/2) = b, theta = (q, b), of the layout of the state (x, nu) */
typedef struct {
  PetscInt  n, me;
  PetscReal s;
  Mat       P, A, J;
  Vec       q, b, x, c, lower, upper, work;
  Vec       z, theta, thetabar, thetadot, zdot, v;
  IS        primal, dual;
  Tao       tao;
  ADJ       adj;
} Program;

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Program *p = (Program *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecISCopy(theta, p->primal, SCATTER_REVERSE, p->q));
  PetscCall(VecISCopy(theta, p->dual, SCATTER_REVERSE, p->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ObjectiveAndGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Program    *p = (Program *)ctx;
  PetscScalar xg, xq;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(MatMult(p->P, x, g));
  PetscCall(VecDot(x, g, &xg));
  PetscCall(VecDot(x, p->q, &xq));
  PetscCall(VecAXPY(g, 1.0, p->q));
  *f = PetscRealPart(0.5 * xg + xq);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Constraints(Tao tao, Vec x, Vec c, void *ctx)
{
  Program *p = (Program *)ctx;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(p->work, x, x));
  PetscCall(VecAYPX(p->work, 0.5 * p->s, x));
  PetscCall(MatMult(p->A, p->work, c));
  PetscCall(VecAXPY(c, -1.0, p->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A (1 + s x) */
static PetscErrorCode ConstraintJacobian(Tao tao, Vec x, Mat J, Mat Jpre, void *ctx)
{
  Program *p = (Program *)ctx;

  (void)tao;
  (void)Jpre;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, p->work));
  PetscCall(VecScale(p->work, p->s));
  PetscCall(VecShift(p->work, 1.0));
  PetscCall(MatCopy(p->A, J, SAME_NONZERO_PATTERN));
  PetscCall(MatDiagonalScale(J, NULL, p->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* R = (grad f + J^T nu, c): dR/dtheta = (1, -1) */
static PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Program *p = (Program *)ctx;

  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(w, thetabar));
  PetscCall(VecISCopy(w, p->dual, SCATTER_REVERSE, p->c));
  PetscCall(VecScale(p->c, -1.0));
  PetscCall(VecISCopy(thetabar, p->dual, SCATTER_FORWARD, p->c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P = 2 + 0.2 W W^T/n with waves W: symmetric positive definite */
static PetscErrorCode FillMatrices(Program *p)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(p->P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < p->n; j++) {
      PetscScalar value = i == j ? 2.0 : 0.0;

      for (PetscInt k = 0; k < p->n; k++) value += 0.2 * Wave(1, i, k) * Wave(1, j, k) / p->n;
      PetscCall(MatSetValue(p->P, i, j, value, INSERT_VALUES));
    }
  }
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < p->n; j++) PetscCall(MatSetValue(p->A, i, j, Wave(2, i, j), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One that gets to 1e-10; the default, bqnls, may stall where there are bounds. PETSc with complex scalars has no ALMM */
static PetscErrorCode SetSubsolver(Tao tao)
{
  PetscFunctionBeginUser;
#if !defined(PETSC_USE_COMPLEX)
  Tao inner;

  PetscCall(TaoALMMGetSubsolver(tao, &inner));
  PetscCall(TaoSetType(inner, TAOBQNKTR));
#else
  (void)tao;
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateTao(Program *p, Tao *tao)
{
  PetscFunctionBeginUser;
  PetscCall(TaoCreate(PETSC_COMM_WORLD, tao));
  PetscCall(TaoSetType(*tao, TAOALMM));
  PetscCall(SetSubsolver(*tao));
  PetscCall(TaoSetTolerances(*tao, 1e-10, 0.0, 0.0));
  PetscCall(TaoSetConstraintTolerances(*tao, 1e-10, 0.0));
  PetscCall(TaoSetSolution(*tao, p->x));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, ObjectiveAndGradient, p));
  PetscCall(TaoSetEqualityConstraintsRoutine(*tao, p->c, Constraints, p));
  PetscCall(TaoSetJacobianEqualityRoutine(*tao, p->J, p->J, ConstraintJacobian, p));
  if (p->lower) PetscCall(TaoSetVariableBounds(*tao, p->lower, p->upper));
  PetscCall(TaoSetFromOptions(*tao));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same for any number of processes, whose number the order of the components depends on */
static PetscErrorCode SetBoth(Program *p, PetscInt seed, Vec z)
{
  PetscFunctionBeginUser;
  PetscCall(VecSetWave(p->q, seed));
  PetscCall(VecSetWave(p->b, seed + 10));
  PetscCall(VecISCopy(z, p->primal, SCATTER_FORWARD, p->q));
  PetscCall(VecISCopy(z, p->dual, SCATTER_FORWARD, p->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProgramCreate(PetscInt n, Layout xlayout, PetscInt me, Layout clayout, PetscReal s, PetscReal box, Program *p)
{
  PetscInt nl, mel;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->n  = n;
  p->me = me;
  p->s  = s;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, xlayout, n, &nl));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, clayout, me, &mel));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, nl, nl, n, n, &p->P));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, mel, nl, me, n, &p->A));
  PetscCall(FillMatrices(p));
  PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, &p->J));
  PetscCall(MatCreateVecs(p->A, &p->x, &p->c));
  PetscCall(VecDuplicate(p->x, &p->q));
  PetscCall(VecDuplicate(p->x, &p->work));
  PetscCall(VecDuplicate(p->c, &p->b));
  if (box > 0.0) {
    PetscCall(VecDuplicate(p->x, &p->lower));
    PetscCall(VecDuplicate(p->x, &p->upper));
    PetscCall(VecSet(p->lower, -box));
    PetscCall(VecSet(p->upper, box));
  }
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, nl + mel, PETSC_DETERMINE, &p->z));
  PetscCall(VecDuplicate(p->z, &p->theta));
  PetscCall(VecDuplicate(p->z, &p->thetadot));
  PetscCall(VecDuplicate(p->z, &p->thetabar));
  PetscCall(VecDuplicate(p->z, &p->zdot));
  PetscCall(VecDuplicate(p->z, &p->v));
  PetscCall(CreateTao(p, &p->tao));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetTaoSolution(p->adj, p->tao));
  PetscCall(ADJSetParameters(p->adj, Put, p));
  PetscCall(ADJSetParameterVJP(p->adj, ParameterVJP, p));
  PetscCall(ADJGetMultiplierIS(p->adj, &p->primal, &p->dual));
  PetscCall(SetBoth(p, 5, p->theta));
  PetscCall(SetBoth(p, 6, p->v));
  PetscCall(SetBoth(p, 7, p->thetadot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProgramDestroy(Program *p)
{
  Vec *vecs[] = {&p->q, &p->b, &p->x, &p->c, &p->lower, &p->upper, &p->work, &p->z, &p->theta, &p->thetabar, &p->thetadot, &p->zdot, &p->v};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(TaoDestroy(&p->tao));
  PetscCall(MatDestroy(&p->P));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->J));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* K (lambda, mu) = (a, 0) by hand: mu from the Schur complement A P^{-1} A^T, by CG throughout */
static PetscErrorCode SolveKKT(Program *p, Vec a, Vec lambda, Vec mu)
{
  KSP ksp, schur;
  Mat S, zero;
  PC  pc;
  Vec rhs;

  PetscFunctionBeginUser;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOptionsPrefix(ksp, "hand_"));
  PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(KSPSetTolerances(ksp, 1e-14, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(KSPSetOperators(ksp, p->P, p->P));
  PetscCall(KSPSolve(ksp, a, lambda));
  PetscCall(VecDuplicate(mu, &rhs));
  PetscCall(MatMult(p->A, lambda, rhs));
  PetscCall(MatTranspose(p->A, MAT_INITIAL_MATRIX, &zero));
  PetscCall(MatCreateSchurComplement(p->P, p->P, zero, p->A, NULL, &S));
  PetscCall(MatSchurComplementSetKSP(S, ksp));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &schur));
  PetscCall(KSPSetOperators(schur, S, S));
  PetscCall(KSPSetType(schur, KSPGMRES));
  PetscCall(KSPGetPC(schur, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetTolerances(schur, 1e-13, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(VecScale(rhs, -1.0)); /* S = -A P^{-1} A^T */
  PetscCall(KSPSolve(schur, rhs, mu));
  PetscCall(MatMultTranspose(p->A, mu, p->work));
  PetscCall(VecAYPX(p->work, -1.0, a));
  PetscCall(KSPSolve(ksp, p->work, lambda));
  PetscCall(VecDestroy(&rhs));
  PetscCall(MatDestroy(&S));
  PetscCall(MatDestroy(&zero));
  PetscCall(KSPDestroy(&schur));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The quadratic program: qbar = -lambda, bbar = mu where K (lambda, mu) = (xbar, 0) */
static PetscErrorCode TestQuadratic(Layout xlayout, Layout clayout, const char name[])
{
  Program   p;
  Vec       a, lambda, mu;
  PetscReal norm;
  ADJTrust  verdict;

  PetscFunctionBeginUser;
  PetscCall(ProgramCreate(9, xlayout, 3, clayout, 0.0, 0.0, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.z));
  PetscCall(VecDuplicate(p.x, &a));
  PetscCall(VecDuplicate(p.x, &lambda));
  PetscCall(VecDuplicate(p.c, &mu));
  PetscCall(VecISCopy(p.z, p.dual, SCATTER_REVERSE, mu)); /* P x + q + A^T nu = 0 */
  PetscCall(VecISCopy(p.z, p.primal, SCATTER_REVERSE, a));
  PetscCall(MatMult(p.P, a, lambda));
  PetscCall(VecAXPY(lambda, 1.0, p.q));
  PetscCall(MatMultTransposeAdd(p.A, mu, lambda, lambda));
  PetscCall(VecNorm(lambda, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-8, "%s: the state holds the multipliers", name));
  PetscCall(VecISSet(p.v, p.dual, 0.0));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(VecISCopy(p.v, p.primal, SCATTER_REVERSE, a));
  PetscCall(SolveKKT(&p, a, lambda, mu));
  PetscCall(VecISCopy(p.thetabar, p.primal, SCATTER_REVERSE, a));
  PetscCall(VecAXPY(lambda, 1.0, a));
  PetscCall(VecNorm(lambda, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-7, "%s: qbar = -lambda", name));
  PetscCall(VecISCopy(p.thetabar, p.dual, SCATTER_REVERSE, p.b));
  PetscCall(VecAXPY(mu, -1.0, p.b));
  PetscCall(VecNorm(mu, NORM_INFINITY, &norm));
  PetscCall(TapBelow(norm, 1e-7, "%s: bbar = mu", name));
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&lambda));
  PetscCall(VecDestroy(&mu));
  PetscCall(ProgramDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <v, z*(theta + h thetadot) - z*(theta - h thetadot)>/2h */
static PetscErrorCode Slope(Program *p, PetscReal *slope)
{
  Vec         theta, z;
  PetscScalar value[2];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecDuplicate(p->z, &z));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(theta, i ? STEP : -STEP, p->thetadot, p->theta));
    PetscCall(VecCopy(p->z, z));
    PetscCall(ADJSolve(p->adj, theta, z));
    PetscCall(VecDot(z, p->v, &value[i]));
  }
  *slope = PetscRealPart(value[1] - value[0]) / (2.0 * STEP);
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With curved constraints the Hessian of the Lagrangian is not that of f; the cotangent looks at the multipliers, too */
static PetscErrorCode TestDifferences(PetscReal s, PetscReal box, Layout xlayout, Layout clayout, const char name[])
{
  Program     p;
  PetscReal   slope = 0.0, norm[2];
  PetscScalar dot, tangent;
  ADJTrust    verdict;

  PetscFunctionBeginUser;
  PetscCall(ProgramCreate(9, xlayout, 3, clayout, s, box, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.z));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(ADJSetParameterVJP(p.adj, NULL, NULL));
  PetscCall(ADJSetFDParameters(p.adj, PETSC_TRUE));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.zdot));
  PetscCall(VecDot(p.zdot, p.v, &tangent));
  PetscCall(VecNorm(p.thetabar, NORM_2, &norm[0]));
  PetscCall(VecNorm(p.thetadot, NORM_2, &norm[1]));
  PetscCall(TapBelow(PetscAbsScalar(tangent - dot), 3e-8 * norm[0] * norm[1], "%s: tangent against adjoint", name));
  PetscCall(Slope(&p, &slope));
  PetscCall(TapBelow(PetscAbsReal(PetscRealPart(dot) - slope), 1e-7 * norm[0] * norm[1], "%s: adjoint against central differences", name));
  PetscCall(ProgramDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The derivative in the width of the box, |x_i| <= box */
static PetscErrorCode TestBox(PetscReal box, const char name[])
{
  Program     p, moved;
  Vec         lower, upper;
  PetscScalar value[2], sum[2];

  PetscFunctionBeginUser;
  PetscCall(ProgramCreate(9, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, 0.3, box, &p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.z));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(VecDuplicate(p.x, &lower));
  PetscCall(VecDuplicate(p.x, &upper));
  PetscCall(ADJGetBoundGradients(p.adj, lower, upper));
  PetscCall(VecSum(lower, &sum[0]));
  PetscCall(VecSum(upper, &sum[1]));
  for (PetscInt i = 0; i < 2; i++) { /* ALMM keeps the bounds that it was set up with */
    PetscCall(ProgramCreate(9, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, 0.3, box + (i ? STEP : -STEP), &moved));
    PetscCall(VecCopy(p.z, moved.z));
    PetscCall(ADJSolve(moved.adj, p.theta, moved.z));
    PetscCall(VecDot(moved.z, p.v, &value[i]));
    PetscCall(ProgramDestroy(&moved));
  }
  PetscCall(TapOk((PetscBool)(sum[0] != 0.0 || sum[1] != 0.0), "%s: bounds are active", name));
  PetscCall(TapClose(PetscRealPart(sum[1] - sum[0]), PetscRealPart(value[1] - value[0]) / (2.0 * STEP), 1e-6, "%s: derivative in the bounds against central differences", name));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(ProgramDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestQuadratic(LAYOUT_UNEVEN, LAYOUT_EVEN, "quadratic program"));
  PetscCall(TestQuadratic(LAYOUT_EMPTY, LAYOUT_LAST, "quadratic program, empty rank"));
  PetscCall(TestDifferences(0.0, 0.0, LAYOUT_EVEN, LAYOUT_UNEVEN, "linear constraints"));
  PetscCall(TestDifferences(0.3, 0.0, LAYOUT_LAST, LAYOUT_EVEN, "curved constraints"));
  PetscCall(TestDifferences(0.3, 0.4, LAYOUT_EMPTY, LAYOUT_EVEN, "curved constraints and bounds"));
  PetscCall(TestBox(0.4, "box"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
