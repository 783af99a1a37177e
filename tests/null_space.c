static char help[] = "Null spaces: pure Neumann problems, several null vectors, defective eigenvalues, wrong arguments.\n\n";

/*
   nsize: 1 2 4
*/
#include "faulty.h"
#include "nullspace.h"
#include "problems.h"

#define N       24
#define TIGHT   " -adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11 -adj_forward_ksp_rtol 1e-10 "
#define FORWARD "-adj_forward_pc_type jacobi" /* a factorization of a singular matrix ends in a zero pivot */

static PetscErrorCode SetRow(Mat A, PetscInt i, PetscInt n, const PetscScalar row[])
{
  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < n; j++) PetscCall(MatSetValue(A, i, j, row[j], INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assemble(Mat A)
{
  PetscFunctionBeginUser;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscScalar RowScale(PetscReal scale, PetscBool uneven, PetscInt i)
{
  return scale * (uneven ? 1.0 + (PetscReal)(i % 3) : 1.0);
}

/*
   R(x, theta) = D (L x - Q theta), with L the Laplacian of `pieces` equal chains of n points in all with no flux through their
   ends, Q the projection onto sources of zero mean on each piece (or the identity), D = scale diag(1, 2, 3, 1, ...) or scale I.
   L is symmetric, U are the constants on each piece, W = D^{-1} U
*/
static PetscErrorCode NeumannCreate(PetscInt n, Layout layout, PetscInt pieces, PetscReal scale, PetscBool uneven, PetscBool mean, Problem *p)
{
  const PetscInt length = n / pieces;
  PetscInt       lo, hi;
  PetscScalar   *row;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, layout, n, LAYOUT_EVEN, SPECTRUM_ZERO, 0.5, p));
  p->residual = PETSC_TRUE;
  PetscCall(VecSet(p->c, 0.0));
  PetscCall(PetscMalloc1(n, &row));
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscScalar d = RowScale(scale, uneven, i);

    PetscCall(PetscArrayzero(row, n));
    row[i] = 1.0; /* A = I - D L */
    for (PetscInt j = i - 1; j <= i + 1; j += 2) {
      if (j < 0 || j >= n || i / length != j / length) continue;
      row[j] += d;
      row[i] -= d;
    }
    PetscCall(SetRow(p->A, i, n, row));
    for (PetscInt j = 0; j < n; j++) row[j] = d * ((j == i ? 1.0 : 0.0) - (mean && i / length == j / length ? 1.0 / (PetscReal)length : 0.0));
    PetscCall(SetRow(p->B, i, n, row));
  }
  PetscCall(PetscFree(row));
  PetscCall(Assemble(p->A));
  PetscCall(Assemble(p->B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v <- v less its mean on each piece, times D^power; one piece after the other without a communication of its own */
static PetscErrorCode PieceVector(Vec v, PetscInt pieces, PetscInt piece, PetscBool inverse)
{
  PetscInt n, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, i / (n / pieces) == piece ? (inverse ? 1.0 / RowScale(1.0, PETSC_TRUE, i) : 1.0) : 0.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the constants on the pieces, or of W = D^{-1} U with uneven rows */
static PetscErrorCode CreateSpace(Vec like, PetscInt pieces, PetscBool inverse, MatNullSpace *sp)
{
  Vec v[2];

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < pieces; k++) {
    PetscCall(VecDuplicate(like, &v[k]));
    PetscCall(PieceVector(v[k], pieces, k, inverse));
    PetscCall(VecNormalize(v[k], NULL));
  }
  PetscCall(MatNullSpaceCreate(PetscObjectComm((PetscObject)like), PETSC_FALSE, pieces, v, sp));
  for (PetscInt k = 0; k < pieces; k++) PetscCall(VecDestroy(&v[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Problem *p, MatNullSpace right, MatNullSpace left, Mat P, const char text[])
{
  PetscOptions options;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetNullSpace(p->adj, right, left));
  PetscCall(ADJSetPreconditioner(p->adj, P));
  PetscCall(OptionsBegin(text, &options));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(OptionsEnd(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <v, x(theta + thetadot) - x(theta - thetadot)>/2, exact for a linear problem whose x has no part in U to begin with */
static PetscErrorCode Differences(Problem *p, PetscReal *slope)
{
  Vec                 theta;
  PetscScalar         dot[2];
  SNESConvergedReason reason;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->theta, &theta));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(VecWAXPY(theta, k ? 1.0 : -1.0, p->thetadot, p->theta));
    PetscCall(VecSet(p->x, 0.0));
    PetscCall(ADJSolve(p->adj, theta, p->x));
    PetscCall(ADJGetForwardReason(p->adj, &reason));
    PetscCall(TapOk((PetscBool)(reason > 0), "the forward solve of a singular problem converges"));
    PetscCall(VecDot(p->x, p->v, &dot[k]));
  }
  *slope = 0.5 * PetscRealPart(dot[1] - dot[0]);
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v without a part in U: differences of values on each piece */
static PetscErrorCode RemovePieces(Vec v, PetscInt pieces)
{
  Vec         u;
  PetscScalar dot, len;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(v, &u));
  for (PetscInt k = 0; k < pieces; k++) {
    PetscCall(PieceVector(u, pieces, k, PETSC_FALSE));
    PetscCall(VecDot(v, u, &dot));
    PetscCall(VecSum(u, &len));
    PetscCall(VecAXPY(v, -dot / len, u));
  }
  PetscCall(VecDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A part of v along U that rounding may leave is taken out, and counts for nothing: without that the solver would end at 1e-7 */
static PetscErrorCode TestNearlySolvable(Problem *p, PetscReal slope, const char what[])
{
  PetscReal   norm;
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(p->v, NORM_2, &norm));
  PetscCall(VecShift(p->v, 1e-7 * norm / PetscSqrtReal((PetscReal)N)));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(TapNullSpacePassed(p->adj, ADJ_PHASE_ADJOINT, what));
  PetscCall(TapCheck(p->adj, ADJ_CHECK_LINEAR, ADJ_CHECK_PASSED, what));
  PetscCall(VecDot(p->thetadot, p->thetabar, &dot));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: gradient of an objective that depends on U at rounding level", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef struct {
  Layout      layout;
  PetscInt    pieces;
  PetscReal   scale;
  PetscBool   uneven, matrix;
  const char *options;
} NeumannCase;

static PetscErrorCode TestNeumann(const NeumannCase *c)
{
  Problem      p, even;
  Mat          P = NULL;
  MatNullSpace right, left = NULL, seen;
  PetscReal    slope = 0.0;
  PetscScalar  dot;
  char         what[256], options[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "Neumann, layout %d, %d pieces, scale %g%s%s %s", (int)c->layout, (int)c->pieces, (double)c->scale, c->uneven ? ", uneven rows" : "", c->matrix ? ", matrix" : "", c->options));
  PetscCall(PetscSNPrintf(options, sizeof(options), TIGHT "%s", c->options));
  PetscCall(NeumannCreate(N, c->layout, c->pieces, c->scale, c->uneven, PETSC_TRUE, &p));
  PetscCall(RemovePieces(p.v, c->pieces));
  PetscCall(CreateSpace(p.x, c->pieces, PETSC_FALSE, &right));
  if (c->uneven) PetscCall(CreateSpace(p.x, c->pieces, PETSC_TRUE, &left));
  if (c->matrix) { /* L, symmetric also where M = D L is not: then it cannot serve as its own transpose */
    PetscCall(NeumannCreate(N, c->layout, c->pieces, 1.0, PETSC_FALSE, PETSC_TRUE, &even));
    PetscCall(ProblemGetM(&even, even.x, &P));
    PetscCall(MatSetOption(P, MAT_SYMMETRIC, PETSC_TRUE));
    PetscCall(ProblemDestroy(&even));
  }
  PetscCall(CreateADJ(&p, right, left, P, options));
  PetscCall(Differences(&p, &slope));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_ADJOINT, what));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: gradient", what));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_TANGENT, what));
  PetscCall(VecDot(p.xdot, p.v, &dot));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: tangent", what));
  PetscCall(TestNearlySolvable(&p, slope, what));
  if (P) {
    PetscCall(MatGetNullSpace(P, &seen));
    PetscCall(TapOk((PetscBool)(seen != NULL), "%s: the matrix got the null space", what));
    PetscCall(ADJDestroy(&p.adj));
    PetscCall(MatGetNullSpace(P, &seen));
    PetscCall(TapOk((PetscBool)(seen == NULL), "%s: and is given back without", what));
    PetscCall(MatDestroy(&P));
  }
  PetscCall(MatNullSpaceDestroy(&right));
  PetscCall(MatNullSpaceDestroy(&left));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* L x = theta has a solution for sources of zero mean only; a wrong vector is seen whatever the units of R */
static PetscErrorCode TestRefused(PetscReal scale, const char options[])
{
  Problem      p;
  MatNullSpace constants, wrong;
  Vec          v;
  PetscScalar  sum;

  PetscFunctionBeginUser;
  PetscCall(NeumannCreate(N, LAYOUT_EVEN, 1, scale, PETSC_FALSE, PETSC_FALSE, &p));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &constants));
  PetscCall(VecDuplicate(p.x, &v));
  PetscCall(VecSetWave(v, 8));
  PetscCall(VecNormalize(v, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &v, &wrong));
  PetscCall(RemovePieces(p.theta, 1));
  PetscCall(CreateADJ(&p, constants, NULL, NULL, options));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(RemovePieces(p.v, 1));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "scale %g: sources of any mean are refused", (double)scale));
  PetscCall(TapNullSpaceRefused(p.adj, ADJ_CHECK_PERSISTENCE, "sources of any mean"));
  PetscCall(VecSum(p.thetadot, &sum));
  PetscCall(VecShift(p.thetadot, -sum / (PetscReal)N));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_TANGENT, "a source of zero mean"));
  PetscCall(ADJSetNullSpace(p.adj, wrong, NULL));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapNullSpaceRefused(p.adj, ADJ_CHECK_NULLSPACE, "a vector that is no null vector"));
  PetscCall(MatNullSpaceDestroy(&constants));
  PetscCall(MatNullSpaceDestroy(&wrong));
  PetscCall(VecDestroy(&v));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A = [1 1 0; 0 1 0; 0 0 1/2]: U = e_0, W = e_1, whose product is 0 */
static PetscErrorCode TestDefective(void)
{
  const PetscScalar rows[3][3] = {
    {1.0, 1.0, 0.0},
    {0.0, 1.0, 0.0},
    {0.0, 0.0, 0.5}};
  Problem       p;
  MatNullSpace  sp[2];
  PetscInt      lo, hi;
  ADJTrustCheck check;

  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 3, LAYOUT_EVEN, 2, LAYOUT_EVEN, SPECTRUM_ZERO, 0.5, &p));
  PetscCall(MatGetOwnershipRange(p.A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(SetRow(p.A, i, 3, rows[i]));
    for (PetscInt j = 0; j < 2; j++) PetscCall(MatSetValue(p.B, i, j, i == 2 ? 1.0 : 0.0, INSERT_VALUES));
  }
  PetscCall(Assemble(p.A));
  PetscCall(Assemble(p.B));
  PetscCall(VecSet(p.c, 0.0));
  PetscCall(VecSet(p.theta, 1.0));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(VecSet(p.xdot, 0.0));
    PetscCall(FaultySetEntry(p.xdot, k, 1.0));
    PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &p.xdot, &sp[k]));
    PetscCall(VecDestroy(&p.xdot));
    PetscCall(VecDuplicate(p.x, &p.xdot));
  }
  PetscCall(CreateADJ(&p, sp[0], sp[1], NULL, ""));
  PetscCall(VecSet(p.v, 1.0));
  PetscCall(FaultySetEntry(p.v, 0, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "a defective eigenvalue is refused"));
  PetscCall(TapNullSpaceRefused(p.adj, ADJ_CHECK_DEFECT, "defective eigenvalue"));
  PetscCall(ADJGetTrustCheck(p.adj, ADJ_CHECK_PERSISTENCE, &check));
  PetscCall(TapOk((PetscBool)(check.status == ADJ_CHECK_PASSED && check.value == 0.0), "defective eigenvalue: parameters that do not act on it are no reason"));
  PetscCall(MatNullSpaceDestroy(&sp[0]));
  PetscCall(MatNullSpaceDestroy(&sp[1]));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RemoveNothing(MatNullSpace sp, Vec v, void *ctx)
{
  (void)sp;
  (void)v;
  (void)ctx;
  return PETSC_SUCCESS;
}

static PetscErrorCode TestArguments(void)
{
  Problem      p;
  MatNullSpace one, two, self, empty, got[2];
  PetscMPIInt  size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(NeumannCreate(N, LAYOUT_EVEN, 1, 1.0, PETSC_FALSE, PETSC_TRUE, &p));
  PetscCall(CreateSpace(p.x, 1, PETSC_FALSE, &one));
  PetscCall(CreateSpace(p.x, 2, PETSC_FALSE, &two));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_SELF, PETSC_TRUE, 0, NULL, &self));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 0, NULL, &empty));
  PetscCall(MatNullSpaceSetFunction(empty, RemoveNothing, NULL));
  PetscCall(CreateADJ(&p, one, NULL, NULL, TIGHT));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJSetNullSpace(p.adj, NULL, one), "left null vectors without right ones"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSetNullSpace(p.adj, one, two), "different numbers of right and left null vectors"));
  PetscCall(TapError(PETSC_ERR_ARG_WRONG, ADJSetNullSpace(p.adj, empty, NULL), "a null space without vectors"));
  if (size > 1)
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSetNullSpace(p.adj, self, NULL), "a null space of another communicator"));
  else
    PetscCall(TapSkip("one process has one communicator"));
  PetscCall(ADJGetNullSpace(p.adj, &got[0], &got[1]));
  PetscCall(TapOk((PetscBool)(got[0] == one && got[1] == NULL), "what was refused has changed nothing"));
  PetscCall(ADJSetNullSpace(p.adj, two, one == two ? NULL : two));
  PetscCall(ADJGetNullSpace(p.adj, &got[0], &got[1]));
  PetscCall(TapOk((PetscBool)(got[0] == two && got[1] == two), "ADJGetNullSpace() gives what was set"));
  PetscCall(ADJSetNullSpace(p.adj, NULL, NULL));
  PetscCall(ADJGetNullSpace(p.adj, &got[0], NULL));
  PetscCall(ADJGetNullSpace(p.adj, NULL, &got[1]));
  PetscCall(TapOk((PetscBool)(!got[0] && !got[1]), "two NULL take it back"));
  PetscCall(MatNullSpaceDestroy(&one));
  PetscCall(MatNullSpaceDestroy(&two));
  PetscCall(MatNullSpaceDestroy(&self));
  PetscCall(MatNullSpaceDestroy(&empty));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Vectors that do not fit are found in ADJSetUp(), or at once where the state is known; unit length is not asked */
static PetscErrorCode TestVectors(void)
{
  Problem      p, other;
  MatNullSpace good, small, zero;
  Vec          v;

  PetscFunctionBeginUser;
  PetscCall(NeumannCreate(N, LAYOUT_EVEN, 1, 1.0, PETSC_FALSE, PETSC_TRUE, &p));
  PetscCall(NeumannCreate(N / 2, LAYOUT_UNEVEN, 1, 1.0, PETSC_FALSE, PETSC_TRUE, &other));
  PetscCall(CreateSpace(p.x, 1, PETSC_FALSE, &good));
  PetscCall(CreateSpace(other.x, 1, PETSC_FALSE, &small));
  PetscCall(VecDuplicate(p.x, &v));
  PetscCall(VecSet(v, 1.0));
  PetscCall(VecNormalize(v, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &v, &zero));
  PetscCall(SetLocked(v, 0.0));
  PetscCall(CreateADJ(&p, small, NULL, NULL, TIGHT));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "null vectors of another size, before the state is known"));
  PetscCall(ADJSetNullSpace(p.adj, zero, NULL));
  PetscCall(TapError(PETSC_ERR_ARG_WRONG, ADJSolve(p.adj, p.theta, p.x), "a null vector that is zero"));
  PetscCall(SetLocked(v, 3.0));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "a null vector that is not of unit length"));
  PetscCall(RemovePieces(p.v, 1));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_ADJOINT, "a null vector that is not of unit length"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSetNullSpace(p.adj, small, NULL), "null vectors of another size, afterwards"));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_ADJOINT, "which changes nothing"));
  PetscCall(ADJReset(p.adj));
  PetscCall(ADJSetResidual(p.adj, ProblemMap, &other));
  PetscCall(ADJSetVJP(p.adj, ProblemVJP, &other));
  PetscCall(ADJSetJVP(p.adj, ProblemJVP, &other));
  PetscCall(ADJSetLinearize(p.adj, ProblemLinearize, &other));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, other.theta, other.x), "after ADJReset() for another size, with the old null vectors"));
  PetscCall(ADJSetNullSpace(p.adj, small, NULL));
  PetscCall(ADJSolve(p.adj, other.theta, other.x));
  PetscCall(RemovePieces(other.v, 1));
  PetscCall(ADJSolveAdjoint(p.adj, other.v, other.thetabar));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_ADJOINT, "with new ones"));
  PetscCall(MatNullSpaceDestroy(&good));
  PetscCall(MatNullSpaceDestroy(&small));
  PetscCall(MatNullSpaceDestroy(&zero));
  PetscCall(VecDestroy(&v));
  PetscCall(ProblemDestroy(&p));
  PetscCall(ProblemDestroy(&other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without a JVP the right null vectors take differences; without a VJP the left ones a random direction */
static PetscErrorCode TestProducts(PetscBool wrong)
{
  Problem       p;
  MatNullSpace  right, left;
  ADJTrust      verdict;
  ADJTrustCheck check;

  PetscFunctionBeginUser;
  PetscCall(NeumannCreate(N, LAYOUT_EVEN, 1, 1.0, PETSC_TRUE, PETSC_TRUE, &p));
  PetscCall(CreateSpace(p.x, 1, PETSC_FALSE, &right));
  PetscCall(CreateSpace(p.x, 1, PETSC_TRUE, &left));
  PetscCall(RemovePieces(p.v, 1));
  PetscCall(CreateADJ(&p, right, wrong ? NULL : left, NULL, TIGHT));
  PetscCall(ADJSetVJP(p.adj, NULL, NULL));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapCheck(p.adj, ADJ_CHECK_NULLSPACE, wrong ? ADJ_CHECK_FAILED : ADJ_CHECK_PASSED, "without a VJP"));
  PetscCall(TapOk((PetscBool)((verdict < 0) == wrong), "without a VJP: %s null vectors, %s", wrong ? "wrong" : "right", ADJTrusts[verdict]));
  PetscCall(ADJSetVJP(p.adj, ProblemVJP, &p));
  PetscCall(ADJSetJVP(p.adj, NULL, NULL));
  PetscCall(ADJSetNullSpace(p.adj, wrong ? left : right, left));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapCheck(p.adj, ADJ_CHECK_NULLSPACE, wrong ? ADJ_CHECK_FAILED : ADJ_CHECK_PASSED, "without a JVP"));
  PetscCall(ADJGetTrustCheck(p.adj, ADJ_CHECK_NULLSPACE, &check));
  if (wrong) PetscCall(TapClose(check.threshold, 1e-5, 1e-12, "without a JVP: the limit is that of differences"));
  PetscCall(ADJSetTrustDifferences(p.adj, PETSC_FALSE));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapCheck(p.adj, ADJ_CHECK_NULLSPACE, ADJ_CHECK_INCONCLUSIVE, "without a JVP and without differences"));
  PetscCall(MatNullSpaceDestroy(&right));
  PetscCall(MatNullSpaceDestroy(&left));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M = diag(d) with d_0 = 0 and parameters that do not act there */
static PetscErrorCode CreateFaulty(Faulty *p, ADJForm form, const char options[])
{
  MatNullSpace sp;
  Vec          e;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(p, form, N, options));
  PetscCall(FaultySetEntry(p->d, 0, 0.0));
  PetscCall(FaultySetEntry(p->c, 0, 0.0));
  PetscCall(FaultySetEntry(p->xbar, 0, 0.0));
  PetscCall(VecDuplicate(p->x, &e));
  PetscCall(FaultySetEntry(e, 0, 1.0));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &e, &sp));
  PetscCall(ADJSetNullSpace(p->adj, sp, NULL));
  PetscCall(MatNullSpaceDestroy(&sp));
  PetscCall(VecDestroy(&e));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Null spaces that the user attached to the matrix of the preconditioner stay, those that are missing come and go */
static PetscErrorCode TestOwn(PetscBool symmetric)
{
  Problem      p;
  Mat          P;
  MatNullSpace own, right, seen[2];

  PetscFunctionBeginUser;
  PetscCall(NeumannCreate(N, LAYOUT_EVEN, 1, 1.0, PETSC_FALSE, PETSC_TRUE, &p));
  PetscCall(CreateSpace(p.x, 1, PETSC_FALSE, &right));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &own));
  PetscCall(ProblemGetM(&p, p.x, &P));
  if (symmetric) PetscCall(MatSetOption(P, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatSetNullSpace(P, own));
  PetscCall(CreateADJ(&p, right, NULL, P, TIGHT FORWARD " -adj_pc_type jacobi"));
  PetscCall(RemovePieces(p.v, 1));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapNullSpacePassed(p.adj, ADJ_PHASE_ADJOINT, "matrix with a null space of its own"));
  PetscCall(MatGetNullSpace(P, &seen[0]));
  PetscCall(MatGetTransposeNullSpace(P, &seen[1]));
  PetscCall(TapOk((PetscBool)(seen[0] == own && seen[1] && (seen[1] == own) == symmetric), "the null space that the user attached stays"));
  PetscCall(ADJSetNullSpace(p.adj, NULL, NULL));
  PetscCall(MatGetNullSpace(P, &seen[0]));
  PetscCall(MatGetTransposeNullSpace(P, &seen[1]));
  PetscCall(TapOk((PetscBool)(seen[0] == own && seen[1] == (symmetric ? own : NULL)), "the other one goes"));
  PetscCall(MatNullSpaceDestroy(&own));
  PetscCall(MatNullSpaceDestroy(&right));
  PetscCall(MatDestroy(&P));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An error within the linear solve, where PETSc has put a copy in the place of the right-hand side: it can be repeated, nothing leaks */
static PetscErrorCode TestFaultInSolve(ADJForm form, ADJPhase phase)
{
  Faulty p;

  PetscFunctionBeginUser;
  PetscCall(CreateFaulty(&p, form, ""));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(FaultyArm(&p, phase == ADJ_PHASE_ADJOINT ? IN_VJP_X : IN_JVP_X, 2, 2, PETSC_ERR_USER));
    PetscCall(TapError(PETSC_ERR_USER, FaultyDerivative(&p, phase), "%s %s: error within the solve", ADJForms[form], ADJPhases[phase]));
    PetscCall(FaultyDisarm(&p));
    PetscCall(FaultyDerivative(&p, phase));
    PetscCall(TapNullSpacePassed(p.adj, phase, "after an error within the solve"));
  }
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Calls that the check makes after those of the solve: NaN on one process, or an error */
static PetscErrorCode TestFaults(ADJForm form, ADJPhase phase, FaultyPlace place, PetscErrorCode code)
{
  Faulty   p;
  PetscInt calls;
  char     what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s, place %d, %s", ADJForms[form], ADJPhases[phase], (int)place, code ? "error" : "NaN"));
  PetscCall(CreateFaulty(&p, form, ""));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(FaultyArm(&p, place, PETSC_MAX_INT, PETSC_MAX_INT, code));
  PetscCall(FaultyDerivative(&p, phase));
  calls = p.calls[place];
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(FaultyArm(&p, place, PETSC_MAX_INT, PETSC_MAX_INT, code));
  PetscCall(FaultyDerivative(&p, phase));
  PetscCall(TapNullSpacePassed(p.adj, phase, what));
  PetscCall(TapOk((PetscBool)(p.calls[place] > calls), "%s: the check makes products", what));
  PetscCall(VecShift(p.theta, 1e-3)); /* another state: they are made again */
  PetscCall(FaultyDisarm(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyArm(&p, place, calls + (phase == ADJ_PHASE_TANGENT && place == IN_JVP_X ? 2 : 1), PETSC_MAX_INT, code));
  PetscCall(TapError(code ? code : PETSC_ERR_FP, FaultyDerivative(&p, phase), "%s: in the products of the check", what));
  if (!code) PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_NOT_FINITE, what));
  PetscCall(FaultyDisarm(&p));
  PetscCall(FaultyDerivative(&p, phase));
  PetscCall(TapNullSpacePassed(p.adj, phase, what));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int               failed;
  const NeumannCase cases[] = {
    {LAYOUT_EVEN, 1, 1.0, PETSC_FALSE, PETSC_FALSE, ""},
    {LAYOUT_UNEVEN, 1, 1.0, PETSC_FALSE, PETSC_FALSE, "-adj_ksp_type cg -adj_tangent_ksp_type cg"},
    {LAYOUT_EMPTY, 1, 1.0, PETSC_FALSE, PETSC_TRUE, "-adj_pc_type jacobi -adj_tangent_pc_type jacobi " FORWARD},
    {LAYOUT_LAST, 1, 1.0, PETSC_FALSE, PETSC_TRUE, "-adj_ksp_type cg -adj_pc_type jacobi -adj_tangent_pc_type none " FORWARD},
    {LAYOUT_EVEN, 1, 1.0, PETSC_FALSE, PETSC_TRUE, "-adj_ksp_norm_type preconditioned -adj_pc_type jacobi -adj_tangent_pc_type sor " FORWARD},
    {LAYOUT_EVEN, 1, 1.0, PETSC_TRUE, PETSC_FALSE, "-adj_trust_svd"},
    {LAYOUT_UNEVEN, 1, 1.0, PETSC_TRUE, PETSC_TRUE, "-adj_pc_type jacobi -adj_tangent_pc_type none " FORWARD},
    {LAYOUT_EVEN, 1, 1e8, PETSC_FALSE, PETSC_FALSE, ""},
    {LAYOUT_EVEN, 1, 1e-3, PETSC_TRUE, PETSC_FALSE, "-adj_forward_snes_rtol 1e-11"},
    {LAYOUT_EVEN, 2, 1.0, PETSC_FALSE, PETSC_FALSE, "-adj_trust_svd"},
    {LAYOUT_UNEVEN, 2, 1.0, PETSC_TRUE, PETSC_TRUE, "-adj_pc_type jacobi -adj_tangent_pc_type jacobi " FORWARD}};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(cases); i++) PetscCall(TestNeumann(&cases[i]));
  PetscCall(TestRefused(1.0, TIGHT));
  PetscCall(TestRefused(1e-7, "-adj_forward_snes_rtol 1e-7 -adj_ksp_rtol 1e-7 -adj_tangent_ksp_rtol 1e-7")); /* x - F loses seven digits */
  PetscCall(TestDefective());
  PetscCall(TestArguments());
  PetscCall(TestVectors());
  PetscCall(TestProducts(PETSC_FALSE));
  PetscCall(TestProducts(PETSC_TRUE));
  PetscCall(TestOwn(PETSC_FALSE));
  PetscCall(TestOwn(PETSC_TRUE));
  for (PetscInt form = ADJ_FIXED_POINT; form <= ADJ_RESIDUAL; form++) {
    PetscCall(TestFaultInSolve((ADJForm)form, ADJ_PHASE_ADJOINT));
    PetscCall(TestFaultInSolve((ADJForm)form, ADJ_PHASE_TANGENT));
    for (PetscInt code = 0; code < 2; code++) {
      const PetscErrorCode ierr = (PetscErrorCode)(code ? PETSC_ERR_USER : 0);

      PetscCall(TestFaults((ADJForm)form, ADJ_PHASE_ADJOINT, IN_VJP_X, ierr));
      PetscCall(TestFaults((ADJForm)form, ADJ_PHASE_ADJOINT, IN_VJP_THETA, ierr));
      PetscCall(TestFaults((ADJForm)form, ADJ_PHASE_ADJOINT, IN_JVP_X, ierr));
      PetscCall(TestFaults((ADJForm)form, ADJ_PHASE_TANGENT, IN_JVP_THETA, ierr));
    }
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
