static char help[] = "Null spaces: Sinkhorn's iteration, whose potentials are defined up to a constant.\n\n";

/*
   nsize: 1 2 4
   links: examples/sinkhorn
*/
#include "sinkhorn.h"
#include "nullspace.h"

#define TIGHT " -adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11 -adj_eps_tol 1e-8 "

static PetscErrorCode DenseJacobian(Sinkhorn *s, Mat *A)
{
  Vec unit, column;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(s->x, &unit));
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, s->n, s->n, NULL, A));
  for (PetscInt j = 0; j < s->n; j++) {
    PetscCall(VecSet(unit, 0.0));
    PetscCall(VecSetValue(unit, j, 1.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(unit));
    PetscCall(VecAssemblyEnd(unit));
    PetscCall(MatDenseGetColumnVecWrite(*A, j, &column));
    PetscCall(SinkhornJVP(NULL, s->x, s->theta, unit, NULL, column, s));
    PetscCall(MatDenseRestoreColumnVecWrite(*A, j, &column));
  }
  PetscCall(VecDestroy(&unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Largest magnitude of the eigenvalues of dF/dx but for the 1 of the constants; dense, on one process */
static PetscErrorCode ReferenceRho(Sinkhorn *s, PetscReal *rho)
{
  Mat         A;
  EPS         eps;
  PetscInt    skip    = 0;
  PetscReal   nearest = PETSC_MAX_REAL, distance;
  PetscScalar re, im;

  PetscFunctionBeginUser;
  PetscCall(DenseJacobian(s, &A));
  PetscCall(EPSCreate(PETSC_COMM_SELF, &eps));
  PetscCall(EPSSetOperators(eps, A, NULL));
  PetscCall(EPSSetProblemType(eps, EPS_NHEP));
  PetscCall(EPSSetType(eps, EPSLAPACK));
  PetscCall(EPSSetDimensions(eps, s->n, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(EPSSolve(eps));
  for (PetscInt i = 0; i < s->n; i++) {
    PetscCall(EPSGetEigenvalue(eps, i, &re, &im));
    distance = SlepcAbsEigenvalue(re - (PetscReal)1.0, im);
    if (distance < nearest) skip = i;
    nearest = PetscMin(nearest, distance);
  }
  *rho = 0.0;
  for (PetscInt i = 0; i < s->n; i++) {
    PetscCall(EPSGetEigenvalue(eps, i, &re, &im));
    if (i != skip) *rho = PetscMax(*rho, SlepcAbsEigenvalue(re, im));
  }
  PetscCall(EPSDestroy(&eps));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The transport cost, or (v, x), at theta + h thetadot */
static PetscErrorCode Value(Sinkhorn *s, PetscBool cost, PetscReal h, PetscReal *value)
{
  Vec         theta;
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(s->theta, &theta));
  PetscCall(VecWAXPY(theta, h, s->thetadot, s->theta));
  PetscCall(ADJSolve(s->adj, theta, s->x));
  if (cost)
    PetscCall(SinkhornTransportCost(s->adj, s->x, theta, value, NULL, NULL, s));
  else {
    PetscCall(VecDot(s->x, s->v, &dot));
    *value = PetscRealPart(dot);
  }
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Central differences of the whole solve along thetadot, of fourth order by steps h and 2h */
static PetscErrorCode Differences(Sinkhorn *s, PetscBool cost, PetscReal *slope)
{
  const PetscReal h    = 1e-3;
  PetscReal       f[4] = {0.0, 0.0, 0.0, 0.0};

  PetscFunctionBeginUser;
  PetscCall(Value(s, cost, -2.0 * h, &f[0]));
  PetscCall(Value(s, cost, -h, &f[1]));
  PetscCall(Value(s, cost, h, &f[2]));
  PetscCall(Value(s, cost, 2.0 * h, &f[3]));
  *slope = (8.0 * (f[2] - f[1]) - (f[3] - f[0])) / (12.0 * h);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the solution of the same problem on one process */
static PetscErrorCode TapRho(Sinkhorn *s, const char what[])
{
  Sinkhorn  self;
  PetscReal rho = 0.0, reference = 0.0;

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreateLayout(PETSC_COMM_SELF, s->n, LAYOUT_EVEN, s->p, LAYOUT_EVEN, s->what, &self));
  PetscCall(SinkhornCreateADJWith(&self, NULL, NULL, PETSC_TRUE, TIGHT));
  PetscCall(ADJSolve(self.adj, self.theta, self.x));
  PetscCall(ReferenceRho(&self, &reference));
  PetscCall(SinkhornDestroy(&self));
  PetscCall(ADJGetContraction(s->adj, &rho, NULL));
  PetscCall(TapBelow(PetscAbsReal(rho - reference), 1e-7, "%s: rho on the quotient is that of the dense matrix, %.8f", what, (double)reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradient, tangent and contraction are right, and trusted */
static PetscErrorCode TestDerivatives(SinkhornTheta theta, PetscBool cost, Layout rows, Layout columns, PetscBool jvp, const char options[])
{
  Sinkhorn    s;
  PetscReal   slope = 0.0, f;
  PetscScalar dot;
  ADJType     type;
  PetscBool   solves;
  char        what[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "theta %d, layouts %d %d%s%s %s", (int)theta, (int)rows, (int)columns, cost ? ", transport cost" : "", jvp ? "" : ", no JVP", options));
  PetscCall(SinkhornCreateLayout(PETSC_COMM_WORLD, 14, rows, 9, columns, theta, &s));
  PetscCall(SinkhornCreateADJWith(&s, s.constants, s.rows, jvp, options));
  PetscCall(Differences(&s, cost, &slope));
  if (theta <= SINKHORN_EPSILON) { /* the others have no gradient */
    PetscCall(ADJSetObjective(s.adj, SinkhornTransportCost, &s));
    PetscCall(ADJSetSolution(s.adj, s.x));
    if (cost)
      PetscCall(ADJComputeObjectiveAndGradient(s.adj, s.theta, &f, s.thetabar));
    else {
      PetscCall(ADJSolve(s.adj, s.theta, s.x));
      PetscCall(ADJSolveAdjoint(s.adj, s.v, s.thetabar));
    }
    PetscCall(TapNullSpacePassed(s.adj, ADJ_PHASE_ADJOINT, what));
    PetscCall(VecDot(s.thetadot, s.thetabar, &dot));
    PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: the gradient against differences of the whole solve", what));
    PetscCall(TapRho(&s, what));
  }
  if (jvp && !cost) {
    PetscCall(ADJSolve(s.adj, s.theta, s.x));
    PetscCall(ADJSolveTangent(s.adj, s.thetadot, s.xdot));
    PetscCall(TapNullSpacePassed(s.adj, ADJ_PHASE_TANGENT, what));
    PetscCall(VecDot(s.xdot, s.v, &dot));
    PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: the tangent against differences of the whole solve", what));
    PetscCall(ADJGetType(s.adj, &type));
    PetscCall(PetscStrcmp(type, ADJIMPLICIT, &solves));
    PetscCall(VecSum(s.xdot, &dot));
    if (solves) PetscCall(TapBelow(PetscAbsScalar(dot), 1e-12, "%s: the tangent is orthogonal to the constants", what));
  }
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x_0 alone, mass that appears in a: refused, and the next derivative at the same solution is not */
static PetscErrorCode TestGauge(void)
{
  Sinkhorn s;
  Vec      v;

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreateLayout(PETSC_COMM_WORLD, 14, LAYOUT_UNEVEN, 9, LAYOUT_EVEN, SINKHORN_COST, &s));
  PetscCall(SinkhornCreateADJWith(&s, s.constants, s.rows, PETSC_TRUE, TIGHT));
  PetscCall(ADJSolve(s.adj, s.theta, s.x));
  PetscCall(VecDuplicate(s.x, &v));
  PetscCall(VecSetValue(v, 0, 1.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(s.adj, v, s.thetabar), "one potential alone has no gradient"));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_SOLVABILITY, "one potential alone"));
  PetscCall(ADJSolveAdjoint(s.adj, s.v, s.thetabar));
  PetscCall(TapNullSpacePassed(s.adj, ADJ_PHASE_ADJOINT, "afterwards the difference of potentials"));
  PetscCall(VecDestroy(&v));
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution exists for sum(a) = sum(b) alone */
static PetscErrorCode TestMass(SinkhornTheta theta)
{
  Sinkhorn s;

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreateLayout(PETSC_COMM_WORLD, 14, LAYOUT_EVEN, 9, LAYOUT_UNEVEN, theta, &s));
  PetscCall(SinkhornCreateADJWith(&s, s.constants, s.rows, PETSC_TRUE, TIGHT));
  PetscCall(ADJSolve(s.adj, s.theta, s.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(s.adj, s.v, s.thetabar), "theta %d: the gradient in one histogram is refused", (int)theta));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_PERSISTENCE, "one histogram alone"));
  PetscCall(VecShift(s.thetadot, 1.0));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveTangent(s.adj, s.thetadot, s.xdot), "theta %d: more mass in one histogram is refused", (int)theta));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_SOLVABILITY, "more mass in one histogram"));
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestWrong(void)
{
  Sinkhorn     s;
  MatNullSpace random;
  Vec          v;
  ADJTrust     verdict;

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreateLayout(PETSC_COMM_WORLD, 14, LAYOUT_LAST, 9, LAYOUT_EVEN, SINKHORN_COST, &s));
  PetscCall(VecDuplicate(s.x, &v));
  PetscCall(SinkhornFill(v, 8, 0.5, 2.0));
  PetscCall(VecNormalize(v, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &v, &random));
  PetscCall(SinkhornCreateADJWith(&s, random, s.rows, PETSC_TRUE, TIGHT));
  PetscCall(ADJSolve(s.adj, s.theta, s.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(s.adj, s.v, s.thetabar), "wrong right null vectors are refused"));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_NULLSPACE, "wrong right null vectors"));
  PetscCall(ADJSetNullSpace(s.adj, s.constants, random));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(s.adj, s.v, s.thetabar), "wrong left null vectors are refused"));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_NULLSPACE, "wrong left null vectors"));
  PetscCall(ADJSetNullSpace(s.adj, s.constants, NULL));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveTangent(s.adj, s.thetadot, s.xdot), "the right null vectors are not the left ones"));
  PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_NULLSPACE, "right for left null vectors"));
  PetscCall(ADJSetNullSpace(s.adj, NULL, NULL));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(s.adj, s.v, s.thetabar), "without null vectors the gradient is refused"));
  PetscCall(ADJGetTrust(s.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict < 0), "without null vectors: %s", ADJTrusts[verdict]));
  PetscCall(TapCheck(s.adj, ADJ_CHECK_NULLSPACE, ADJ_CHECK_SKIPPED, "without null vectors"));
  PetscCall(ADJSetNullSpace(s.adj, s.constants, s.rows));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(s.adj, s.v, s.thetabar), "with the right ones it is taken"));
  PetscCall(TapNullSpacePassed(s.adj, ADJ_PHASE_ADJOINT, "after wrong ones"));
  PetscCall(TapRho(&s, "after wrong ones"));
  PetscCall(MatNullSpaceDestroy(&random));
  PetscCall(VecDestroy(&v));
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W = theta: the left null vectors are given anew at each linearization */
static PetscErrorCode LinearizeRows(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Sinkhorn    *s = (Sinkhorn *)ctx;
  MatNullSpace left;
  Vec          W;

  (void)x;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &W));
  PetscCall(VecCopy(theta, W));
  PetscCall(VecNormalize(W, NULL));
  PetscCall(MatNullSpaceCreate(PetscObjectComm((PetscObject)theta), PETSC_FALSE, 1, &W, &left));
  PetscCall(ADJSetNullSpace(adj, s->constants, left));
  PetscCall(MatNullSpaceDestroy(&left));
  PetscCall(VecDestroy(&W));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMoving(PetscBool linearize, const char options[])
{
  Sinkhorn s;

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreateLayout(PETSC_COMM_WORLD, 14, LAYOUT_EVEN, 9, LAYOUT_EVEN, SINKHORN_ROWS, &s));
  PetscCall(SinkhornCreateADJWith(&s, s.constants, s.rows, PETSC_TRUE, options));
  if (linearize) PetscCall(ADJSetLinearize(s.adj, LinearizeRows, &s));
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(ADJSolve(s.adj, s.theta, s.x));
    if (linearize || !k) {
      PetscCall(TapError(PETSC_SUCCESS, ADJSolveTangent(s.adj, s.thetadot, s.xdot), "%s: tangent at a of step %" PetscInt_FMT, options, k));
      PetscCall(TapNullSpacePassed(s.adj, ADJ_PHASE_TANGENT, options));
    } else {
      PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveTangent(s.adj, s.thetadot, s.xdot), "null vectors of another solution are refused"));
      PetscCall(TapNullSpaceRefused(s.adj, ADJ_CHECK_NULLSPACE, "null vectors of another solution"));
    }
    PetscCall(VecAXPY(s.theta, 0.1, s.thetadot));
  }
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int         failed;
  const char *solvers[] = {"-adj_ksp_type richardson", "-adj_ksp_type bcgs", "-adj_ksp_norm_type preconditioned", "-adj_ksp_type fgmres", "-adj_forward_snes_type newtonls", "-adj_type neumann -adj_neumann_terms 20 -adj_gradient_rtol 1e-6", "-adj_type auto"};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDerivatives(SINKHORN_COST, PETSC_TRUE, LAYOUT_EVEN, LAYOUT_EVEN, PETSC_TRUE, TIGHT));
  PetscCall(TestDerivatives(SINKHORN_COST, PETSC_FALSE, LAYOUT_UNEVEN, LAYOUT_LAST, PETSC_TRUE, TIGHT));
  PetscCall(TestDerivatives(SINKHORN_COST, PETSC_FALSE, LAYOUT_EVEN, LAYOUT_EMPTY, PETSC_FALSE, TIGHT));
  PetscCall(TestDerivatives(SINKHORN_EPSILON, PETSC_FALSE, LAYOUT_EMPTY, LAYOUT_UNEVEN, PETSC_TRUE, TIGHT));
  PetscCall(TestDerivatives(SINKHORN_ROWS, PETSC_FALSE, LAYOUT_EVEN, LAYOUT_EVEN, PETSC_TRUE, TIGHT));
  PetscCall(TestDerivatives(SINKHORN_COLUMNS, PETSC_FALSE, LAYOUT_LAST, LAYOUT_EMPTY, PETSC_TRUE, TIGHT));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(solvers); i++) {
    char options[512];

    PetscCall(PetscSNPrintf(options, sizeof(options), TIGHT "%s", solvers[i]));
    PetscCall(TestDerivatives(SINKHORN_COST, PETSC_FALSE, LAYOUT_EVEN, LAYOUT_EVEN, PETSC_TRUE, options));
  }
  PetscCall(TestGauge());
  PetscCall(TestMass(SINKHORN_ROWS));
  PetscCall(TestMass(SINKHORN_COLUMNS));
  PetscCall(TestWrong());
  PetscCall(TestMoving(PETSC_FALSE, TIGHT));
  PetscCall(TestMoving(PETSC_TRUE, TIGHT));
  PetscCall(TestMoving(PETSC_TRUE, TIGHT "-adj_forward_snes_type newtonls"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
