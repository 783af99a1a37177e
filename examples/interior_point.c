static char help[] = "Quadratic program by a primal-dual interior-point iteration, and its derivatives in P, q, A, b, G and h.\n\n"
                     "min x^T P x/2 + q^T x subject to A x = b, G x <= h. One iteration is the map F of the state u = (x, nu, z, s), nu and z the multipliers,\n"
                     "s = h - G x the slacks. It is Newton's method in the end: dF/du = 0 at the solution, the last iteration alone has the derivative.\n"
                     "  -n <20>       : variables\n"
                     "  -m <5>        : equalities\n"
                     "  -p <15>       : inequalities, of which half are active\n"
                     "  -switch <1e-3>: size of the optimality conditions below which full steps to the solution itself are made\n"
                     "  -kkt_pc_type <svd>, -kkt_ksp_type <preonly>, ... : of the Newton systems\n\n";

/*
   mpiexec -n 2 ./interior_point -adj_forward_snes_monitor
   mpiexec -n 2 ./interior_point -n 400 -m 100 -p 300 -kkt_pc_type lu -kkt_pc_factor_mat_solver_type mumps

   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
   args: -malloc_debug false -n 6 -m 1 -p 3
*/
#include "gallery.h"
#include "interior_point/qp.h"

/* The longest step to u + alpha d with z and s positive, a little shorter, and 1 at most */
static PetscErrorCode StepLength(QP *qp, Vec u, Vec d, PetscReal *alpha)
{
  Vec                v[4], w[4];
  const PetscScalar *a, *b;
  PetscReal          longest = PETSC_MAX_REAL;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(QPSplit(qp, u, v));
  PetscCall(QPSplit(qp, d, w));
  for (PetscInt k = 2; k < 4; k++) {
    PetscCall(VecGetLocalSize(v[k], &n));
    PetscCall(VecGetArrayRead(v[k], &a));
    PetscCall(VecGetArrayRead(w[k], &b));
    for (PetscInt i = 0; i < n; i++) {
      if (PetscRealPart(b[i]) < 0.0) longest = PetscMin(longest, -PetscRealPart(a[i]) / PetscRealPart(b[i]));
    }
    PetscCall(VecRestoreArrayRead(v[k], &a));
    PetscCall(VecRestoreArrayRead(w[k], &b));
  }
  PetscCall(QPJoin(qp, u, v));
  PetscCall(QPJoin(qp, d, w));
  PetscCallMPI(MPI_Allreduce(&longest, alpha, 1, MPIU_REAL, MPIU_MIN, PETSC_COMM_WORLD));
  *alpha = PetscMin(1.0, 0.99 * *alpha);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* K = [[P, A^T, G^T, ], [A, , , ], [G, , , I], [, , S, Z]] at u, assembled */
static PetscErrorCode CreateKKT(QP *qp, Vec u, Mat *K)
{
  Vec v[4];

  PetscFunctionBeginUser;
  PetscCall(QPSplit(qp, u, v));
  PetscCall(MatDiagonalSet(qp->S, v[3], INSERT_VALUES));
  PetscCall(MatDiagonalSet(qp->Z, v[2], INSERT_VALUES));
  PetscCall(QPJoin(qp, u, v));
  PetscCall(MatAssemblyBegin(qp->K, MAT_FINAL_ASSEMBLY)); /* a nest does not see that a block has changed */
  PetscCall(MatAssemblyEnd(qp->K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatConvert(qp->K, MATAIJ, MAT_INITIAL_MATRIX, K));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   K d = -R + sigma mu (0, 0, 0, 1). Far from the solution sigma = 0.1, and alpha keeps z and s positive (Wright, Primal-dual interior-point
   methods, 1997). In the end sigma = 0 and alpha = 1: Newton's method for R = 0
*/
static PetscErrorCode Newton(QP *qp, Vec u, Mat K, Vec full, PetscReal *alpha, PetscReal *sigma)
{
  Vec       R, d, r[4];
  PetscReal mu = 0.0, norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &R));
  PetscCall(VecDuplicate(u, &d));
  PetscCall(QPConditions(qp, u, R, &mu));
  PetscCall(VecNorm(R, NORM_INFINITY, &norm));
  *sigma = norm < qp->local ? 0.0 : 0.1;
  *alpha = 1.0;
  PetscCall(VecScale(R, -1.0));
  PetscCall(QPSplit(qp, R, r));
  PetscCall(VecShift(r[3], *sigma * mu));
  PetscCall(QPJoin(qp, R, r));
  PetscCall(KSPSetOperators(qp->ksp, K, K));
  PetscCall(KSPSolve(qp->ksp, R, d));
  if (norm >= qp->local) PetscCall(StepLength(qp, u, d, alpha));
  PetscCall(VecWAXPY(full, 1.0, u, d));
  PetscCall(VecDestroy(&R));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = u + alpha d */
static PetscErrorCode Map(ADJ adj, Vec u, Vec theta, Vec y, void *ctx)
{
  QP       *qp = (QP *)ctx;
  Mat       K;
  PetscReal alpha = 1.0, sigma;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(CreateKKT(qp, u, &K));
  PetscCall(Newton(qp, u, K, y, &alpha, &sigma));
  PetscCall(VecAXPBY(y, 1.0 - alpha, alpha, u));
  PetscCall(MatDestroy(&K));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Linearize(ADJ adj, Vec u, Vec theta, void *ctx)
{
  QP *qp = (QP *)ctx;
  Mat K, KT;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(CreateKKT(qp, u, &K));
  PetscCall(Newton(qp, u, K, qp->full, &qp->alpha, &qp->sigma));
  PetscCall(MatTranspose(K, MAT_INITIAL_MATRIX, &KT));
  PetscCall(KSPSetOperators(qp->kspT, KT, KT));
  PetscCall(MatDestroy(&K));
  PetscCall(MatDestroy(&KT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar, with v = u + d and l = K^{-T} alpha w: as of an equality-constrained program with the rows G x + s = h */
static PetscErrorCode PullParameters(QP *qp, Vec v[4], Vec l[4], Vec thetabar)
{
  Vec t[BLOCKS];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < BLOCKS; i++) PetscCall(VecNestGetSubVec(thetabar, i, &t[i]));
  PetscCall(VecCopy(l[0], t[Q]));
  PetscCall(VecScale(t[Q], -1.0));
  PetscCall(VecCopy(l[1], t[B]));
  PetscCall(VecCopy(l[2], t[H]));
  PetscCall(QPOuterToEntries(qp->pattern[PE], -0.5, l[0], v[0], v[0], l[0], t[PE]));
  PetscCall(QPOuterToEntries(qp->pattern[AE], -1.0, v[1], l[0], l[1], v[0], t[AE]));
  PetscCall(QPOuterToEntries(qp->pattern[GE], -1.0, v[2], l[0], l[2], v[0], t[GE]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ubar = (1 - alpha) w + (0, 0, (s - s_+) l_4 + c s, (z - z_+) l_4 + c z), c = sigma sum(l_4)/p, where v = (x_+, nu_+, z_+, s_+); alpha counts as a constant */
static PetscErrorCode PullState(QP *qp, Vec u, Vec v[4], Vec l[4], Vec w, Vec ubar)
{
  const PetscInt other[4] = {0, 1, 3, 2};
  Vec            x[4], y[4], e;
  PetscScalar    sum;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(w, ubar));
  PetscCall(VecScale(ubar, 1.0 - qp->alpha));
  PetscCall(VecSum(l[3], &sum));
  PetscCall(QPSplit(qp, u, x));
  PetscCall(QPSplit(qp, ubar, y));
  PetscCall(VecDuplicate(l[3], &e));
  for (PetscInt k = 2; k < 4; k++) {
    PetscCall(VecWAXPY(e, -1.0, v[other[k]], x[other[k]]));
    PetscCall(VecPointwiseMult(e, e, l[3]));
    PetscCall(VecAXPY(y[k], 1.0, e));
    PetscCall(VecAXPY(y[k], qp->sigma * sum / (PetscReal)qp->p, x[other[k]]));
  }
  PetscCall(VecDestroy(&e));
  PetscCall(QPJoin(qp, u, x));
  PetscCall(QPJoin(qp, ubar, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec u, Vec theta, Vec w, Vec ubar, Vec thetabar, void *ctx)
{
  QP *qp = (QP *)ctx;
  Vec lambda, l[4], v[4];

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &lambda));
  PetscCall(KSPSolve(qp->kspT, w, lambda));
  PetscCall(VecScale(lambda, qp->alpha));
  PetscCall(QPSplit(qp, lambda, l));
  PetscCall(QPSplit(qp, qp->full, v));
  if (thetabar) PetscCall(PullParameters(qp, v, l, thetabar));
  if (ubar) PetscCall(PullState(qp, u, v, l, w, ubar));
  PetscCall(QPJoin(qp, lambda, l));
  PetscCall(QPJoin(qp, qp->full, v));
  PetscCall(VecDestroy(&lambda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = 0, nu = 0, z = s = 1 */
static PetscErrorCode Start(const QP *qp, Vec u)
{
  Vec v[4];

  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(u));
  PetscCall(QPSplit(qp, u, v));
  PetscCall(VecSet(v[2], 1.0));
  PetscCall(VecSet(v[3], 1.0));
  PetscCall(QPJoin(qp, u, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSolution(QP *qp, Vec u, Vec expected)
{
  Vec       d, v[4];
  PetscReal error, product, smallest, z, s;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &d));
  PetscCall(VecWAXPY(d, -1.0, expected, u));
  PetscCall(VecNorm(d, NORM_INFINITY, &error));
  PetscCall(GalleryBelow("solution", "that which the problem was made from", error, 1e-10));
  PetscCall(VecCopy(u, d));
  PetscCall(QPSplit(qp, d, v));
  PetscCall(VecMin(v[2], NULL, &z));
  PetscCall(VecMin(v[3], NULL, &s));
  PetscCall(GalleryAbove("smallest multiplier or slack", "0 to rounding", PetscMin(z, s), -1e-12));
  PetscCall(VecAXPY(v[2], 1.0, v[3]));
  PetscCall(VecMin(v[2], NULL, &smallest));
  PetscCall(GalleryAbove("smallest z + s", "strict complementarity, 1/2 by construction", smallest, 0.49));
  PetscCall(VecAXPY(v[2], -1.0, v[3]));
  PetscCall(VecPointwiseMult(v[2], v[2], v[3]));
  PetscCall(VecNorm(v[2], NORM_INFINITY, &product));
  PetscCall(GalleryBelow("largest z s", "complementarity", product, 1e-12));
  PetscCall(QPJoin(qp, d, v));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(QP *qp, ADJType type, ADJ *adj)
{
  SNES snes;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetFixedPoint(*adj, Map, qp));
  PetscCall(ADJSetVJP(*adj, VJP, qp));
  PetscCall(ADJSetLinearize(*adj, Linearize, qp));
  PetscCall(ADJSetParameters(*adj, QPPut, qp));
  PetscCall(ADJSetType(*adj, type));
  PetscCall(ADJGetSNES(*adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-12, 1e-12, PETSC_DEFAULT, 100, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of one step at the end of K iterations: the error is of the size of that of the iterate before, which falls quadratically in the end */
static PetscErrorCode CheckOrder(QP *qp, PetscInt its, Vec theta, Vec ubar, Vec thetabar)
{
  ADJ       one;
  Vec       u, onebar;
  PetscReal error[3];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(ubar, &u));
  PetscCall(VecDuplicate(thetabar, &onebar));
  PetscCall(CreateADJ(qp, ADJONESTEP, &one));
  PetscCall(ADJSetTrustAction(one, ADJ_TRUST_ACTION_IGNORE)); /* they did not converge, of course */
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(ADJSetSteps(one, its - 2 + k));
    PetscCall(Start(qp, u));
    PetscCall(ADJSolve(one, theta, u));
    PetscCall(ADJSolveAdjoint(one, ubar, onebar));
    PetscCall(VecAXPY(onebar, -1.0, thetabar));
    PetscCall(VecNorm(onebar, NORM_2, &error[k]));
  }
  PetscCall(GalleryAbove("one step: order in the last iterations", "2, Bolte, Pauwels, Vaiter 2023", PetscLogReal(error[2] / error[1]) / PetscLogReal(error[1] / error[0]), 1.6));
  PetscCall(ADJDestroy(&one));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&onebar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each block of theta along a random direction; every program is solved from the start */
static PetscErrorCode CheckDifferences(QP *qp, ADJ adj, Vec theta, Vec ubar, Vec thetabar)
{
  const char     *name[BLOCKS] = {"q", "b", "h", "P", "A", "G"};
  const PetscReal h = 1e-3, at[4] = {-2.0, -1.0, 1.0, 2.0}, weight[4] = {1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0};
  Vec             u, d, moved, block;
  PetscScalar     dot;
  PetscReal       slope;
  char            what[64];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(ubar, &u));
  PetscCall(VecDuplicate(theta, &d));
  PetscCall(VecDuplicate(theta, &moved));
  for (PetscInt i = 0; i < BLOCKS; i++) {
    slope = 0.0;
    PetscCall(VecSet(d, 0.0));
    PetscCall(VecNestGetSubVec(d, i, &block));
    PetscCall(QPFillVec(qp, 10 + i, block));
    for (PetscInt k = 0; k < 4; k++) {
      PetscCall(VecWAXPY(moved, at[k] * h, d, theta));
      PetscCall(Start(qp, u));
      PetscCall(ADJSolve(adj, moved, u));
      PetscCall(VecDot(u, ubar, &dot));
      slope += weight[k] * PetscRealPart(dot) / h;
    }
    PetscCall(VecDot(thetabar, d, &dot));
    PetscCall(PetscSNPrintf(what, sizeof(what), "%sbar, differences", name[i]));
    PetscCall(GalleryBelow(what, "central, of the solution; Amos, Kolter 2017", PetscAbsReal(PetscRealPart(dot) - slope) / PetscAbsReal(slope), 1e-7));
  }
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&moved));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  QP        qp = {.n = 20, .m = 5, .p = 15, .local = 1e-3};
  ADJ       adj, one;
  Vec       theta, thetabar, onebar, u, ubar, expected;
  PetscReal error, norm;
  PetscInt  its;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &qp.n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &qp.m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-p", &qp.p, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-switch", &qp.local, NULL));
  PetscCheck(qp.m > 0 && qp.p > 1 && qp.n > 2 && qp.m + qp.p / 2 <= qp.n, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-m %" PetscInt_FMT " and half of -p %" PetscInt_FMT " together must not be more than -n %" PetscInt_FMT ", of which there are 3 at least", qp.m, qp.p, qp.n);
  PetscCall(QPCreate(&qp));
  PetscCall(QPCreateParameters(&qp, &theta));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(VecDuplicate(theta, &onebar));
  PetscCall(VecDuplicate(qp.full, &u));
  PetscCall(VecDuplicate(u, &ubar));
  PetscCall(VecDuplicate(u, &expected));
  PetscCall(QPFillVec(&qp, 6, ubar));
  PetscCall(QPMakeSolution(&qp, expected, theta));

  PetscCall(GalleryBegin("interior_point"));
  PetscCall(CreateADJ(&qp, ADJIMPLICIT, &adj));
  PetscCall(Start(&qp, u));
  PetscCall(ADJSolve(adj, theta, u));
  PetscCall(CheckSolution(&qp, u, expected));
  PetscCall(ADJSolveAdjoint(adj, ubar, thetabar));
  PetscCall(GalleryVerdict(adj, "verdict", "all checks pass", ADJ_TRUST_ESTIMATED));

  PetscCall(CreateADJ(&qp, ADJONESTEP, &one));
  PetscCall(Start(&qp, u));
  PetscCall(ADJSolve(one, theta, u));
  PetscCall(ADJSolveAdjoint(one, ubar, onebar));
  PetscCall(GalleryVerdict(one, "one step: verdict", "all checks pass", ADJ_TRUST_ESTIMATED));
  PetscCall(VecNorm(thetabar, NORM_2, &norm));
  PetscCall(VecAXPY(onebar, -1.0, thetabar));
  PetscCall(VecNorm(onebar, NORM_2, &error));
  PetscCall(GalleryBelow("one step against implicit", "Bolte, Pauwels, Vaiter 2023", error / norm, 1e-6));
  PetscCall(ADJGetForwardIterations(one, &its));
  PetscCall(CheckOrder(&qp, its, theta, ubar, thetabar));
  PetscCall(CheckDifferences(&qp, adj, theta, ubar, thetabar));

  PetscCall(ADJDestroy(&adj));
  PetscCall(ADJDestroy(&one));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&onebar));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&ubar));
  PetscCall(VecDestroy(&expected));
  PetscCall(QPDestroy(&qp));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
