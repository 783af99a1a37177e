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

typedef enum {
  Q,
  B,
  H,
  PE,
  AE,
  GE,
  BLOCKS
} Block; /* of theta; PE, AE, GE: the entries of a matrix, row by row */

typedef struct {
  PetscInt    n, m, p;
  PetscReal   local;
  PetscRandom random;
  Mat         pattern[BLOCKS];          /* of P, A and G: ones in their places */
  Mat         P, PR, PRT;               /* (PR + PR^T)/2, of which PR has the entries that are parameters */
  Mat         A, AT, G, GT, E, S, Z, K; /* E the identity */
  Vec         q, b, h;
  KSP         ksp, kspT; /* K at hand, and K^T where it was linearized */
  Vec         full;      /* there: u + K^{-1} (-R), with steps of the length alpha and centering sigma */
  PetscReal   alpha, sigma;
} QP;

/* The same number at (i, j) whatever process asks for it, between -1 and 1 */
static PetscErrorCode Entry(QP *qp, PetscInt kind, PetscInt i, PetscInt j, PetscScalar *value)
{
  PetscFunctionBeginUser;
  PetscCall(PetscRandomSetSeed(qp->random, (unsigned long)(1 + kind + 31 * (i + j * (PetscInt64)(qp->n + qp->m + qp->p)))));
  PetscCall(PetscRandomSeed(qp->random));
  PetscCall(PetscRandomGetValue(qp->random, value));
  PetscCall(PetscRandomGetValue(qp->random, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillVec(QP *qp, PetscInt kind, Vec v)
{
  PetscInt    lo, hi;
  PetscScalar a;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(Entry(qp, kind, i, 0, &a));
    PetscCall(VecSetValue(v, i, a, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assemble(Mat A)
{
  PetscFunctionBeginUser;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Row i has entries in the columns first + i + offset[k], round the corner; with values it has `own` more in the first one */
static PetscErrorCode CreateMat(QP *qp, PetscInt rows, PetscInt first, const PetscInt offset[3], PetscInt kind, PetscReal own, PetscBool values, Mat *A)
{
  PetscInt    lo, hi;
  PetscScalar v;

  PetscFunctionBeginUser;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, rows, qp->n, 3, NULL, 3, NULL, A));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt k = 0; k < 3; k++) {
      const PetscInt j = (first + i + offset[k] + qp->n) % qp->n;

      PetscCall(Entry(qp, kind, i, j, &v));
      PetscCall(MatSetValue(*A, i, j, values ? v + (k ? 0.0 : own) : 1.0, INSERT_VALUES));
    }
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries of a matrix of the given pattern, row by row: from a vector, to a vector */
static PetscErrorCode EntriesToMat(Mat pattern, Vec entries, Mat A)
{
  PetscInt           lo, hi, n, k = 0;
  const PetscInt    *cols;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(entries, &a));
  PetscCall(MatGetOwnershipRange(pattern, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(pattern, i, &n, &cols, NULL));
    PetscCall(MatSetValues(A, 1, &i, n, cols, a + k, INSERT_VALUES));
    k += n;
    PetscCall(MatRestoreRow(pattern, i, &n, &cols, NULL));
  }
  PetscCall(VecRestoreArrayRead(entries, &a));
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatToEntries(Mat A, Vec entries)
{
  PetscInt           lo, hi, n, k = 0;
  const PetscScalar *v;
  PetscScalar       *a;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(entries, &a));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(A, i, &n, NULL, &v));
    PetscCall(PetscArraycpy(a + k, v, n));
    k += n;
    PetscCall(MatRestoreRow(A, i, &n, NULL, &v));
  }
  PetscCall(VecRestoreArray(entries, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* entries = a (l r^T + s t^T) on the pattern */
static PetscErrorCode OuterToEntries(Mat pattern, PetscReal a, Vec l, Vec r, Vec s, Vec t, Vec entries)
{
  Mat L, M;

  PetscFunctionBeginUser;
  PetscCall(MatDuplicate(pattern, MAT_COPY_VALUES, &L));
  PetscCall(MatDuplicate(pattern, MAT_COPY_VALUES, &M));
  PetscCall(MatDiagonalScale(L, l, r));
  PetscCall(MatDiagonalScale(M, s, t));
  PetscCall(MatAXPY(L, 1.0, M, SAME_NONZERO_PATTERN));
  PetscCall(MatScale(L, a));
  PetscCall(MatToEntries(L, entries));
  PetscCall(MatDestroy(&L));
  PetscCall(MatDestroy(&M));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The four parts (x, nu, z, s) of a vector */
static PetscErrorCode Split(const QP *qp, Vec u, Vec part[4])
{
  IS is[4];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 4; i++) PetscCall(VecGetSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Join(const QP *qp, Vec u, Vec part[4])
{
  IS is[4];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 4; i++) PetscCall(VecRestoreSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta to the data of the problem */
static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  QP *qp = (QP *)ctx;
  Vec t[BLOCKS];

  (void)adj;
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < BLOCKS; i++) PetscCall(VecNestGetSubVec(theta, i, &t[i]));
  PetscCall(VecCopy(t[Q], qp->q));
  PetscCall(VecCopy(t[B], qp->b));
  PetscCall(VecCopy(t[H], qp->h));
  PetscCall(EntriesToMat(qp->pattern[PE], t[PE], qp->PR));
  PetscCall(EntriesToMat(qp->pattern[AE], t[AE], qp->A));
  PetscCall(EntriesToMat(qp->pattern[GE], t[GE], qp->G));
  PetscCall(MatTranspose(qp->PR, MAT_REUSE_MATRIX, &qp->PRT));
  PetscCall(MatTranspose(qp->A, MAT_REUSE_MATRIX, &qp->AT));
  PetscCall(MatTranspose(qp->G, MAT_REUSE_MATRIX, &qp->GT));
  PetscCall(MatCopy(qp->PR, qp->P, SAME_NONZERO_PATTERN));
  PetscCall(MatAXPY(qp->P, 1.0, qp->PRT, SAME_NONZERO_PATTERN));
  PetscCall(MatScale(qp->P, 0.5));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* R = (P x + q + A^T nu + G^T z, A x - b, G x + s - h, s z), and mu = s^T z/p */
static PetscErrorCode Conditions(QP *qp, Vec u, Vec R, PetscReal *mu)
{
  Vec         v[4], r[4];
  PetscScalar sz;

  PetscFunctionBeginUser;
  PetscCall(Split(qp, u, v));
  PetscCall(Split(qp, R, r));
  PetscCall(MatMultAdd(qp->P, v[0], qp->q, r[0]));
  PetscCall(MatMultAdd(qp->AT, v[1], r[0], r[0]));
  PetscCall(MatMultAdd(qp->GT, v[2], r[0], r[0]));
  PetscCall(MatMult(qp->A, v[0], r[1]));
  PetscCall(VecAXPY(r[1], -1.0, qp->b));
  PetscCall(MatMultAdd(qp->G, v[0], v[3], r[2]));
  PetscCall(VecAXPY(r[2], -1.0, qp->h));
  PetscCall(VecPointwiseMult(r[3], v[3], v[2]));
  PetscCall(VecSum(r[3], &sz));
  *mu = PetscRealPart(sz) / qp->p;
  PetscCall(Join(qp, u, v));
  PetscCall(Join(qp, R, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The longest step to u + alpha d with z and s positive, a little shorter, and 1 at most */
static PetscErrorCode StepLength(QP *qp, Vec u, Vec d, PetscReal *alpha)
{
  Vec                v[4], w[4];
  const PetscScalar *a, *b;
  PetscReal          longest = PETSC_MAX_REAL;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(Split(qp, u, v));
  PetscCall(Split(qp, d, w));
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
  PetscCall(Join(qp, u, v));
  PetscCall(Join(qp, d, w));
  PetscCallMPI(MPI_Allreduce(&longest, alpha, 1, MPIU_REAL, MPIU_MIN, PETSC_COMM_WORLD));
  *alpha = PetscMin(1.0, 0.99 * *alpha);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* K = [[P, A^T, G^T, ], [A, , , ], [G, , , I], [, , S, Z]] at u, assembled */
static PetscErrorCode CreateKKT(QP *qp, Vec u, Mat *K)
{
  Vec v[4];

  PetscFunctionBeginUser;
  PetscCall(Split(qp, u, v));
  PetscCall(MatDiagonalSet(qp->S, v[3], INSERT_VALUES));
  PetscCall(MatDiagonalSet(qp->Z, v[2], INSERT_VALUES));
  PetscCall(Join(qp, u, v));
  PetscCall(Assemble(qp->K)); /* a nest does not see that a block has changed */
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
  PetscCall(Conditions(qp, u, R, &mu));
  PetscCall(VecNorm(R, NORM_INFINITY, &norm));
  *sigma = norm < qp->local ? 0.0 : 0.1;
  *alpha = 1.0;
  PetscCall(VecScale(R, -1.0));
  PetscCall(Split(qp, R, r));
  PetscCall(VecShift(r[3], *sigma * mu));
  PetscCall(Join(qp, R, r));
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
  PetscCall(OuterToEntries(qp->pattern[PE], -0.5, l[0], v[0], v[0], l[0], t[PE]));
  PetscCall(OuterToEntries(qp->pattern[AE], -1.0, v[1], l[0], l[1], v[0], t[AE]));
  PetscCall(OuterToEntries(qp->pattern[GE], -1.0, v[2], l[0], l[2], v[0], t[GE]));
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
  PetscCall(Split(qp, u, x));
  PetscCall(Split(qp, ubar, y));
  PetscCall(VecDuplicate(l[3], &e));
  for (PetscInt k = 2; k < 4; k++) {
    PetscCall(VecWAXPY(e, -1.0, v[other[k]], x[other[k]]));
    PetscCall(VecPointwiseMult(e, e, l[3]));
    PetscCall(VecAXPY(y[k], 1.0, e));
    PetscCall(VecAXPY(y[k], qp->sigma * sum / (PetscReal)qp->p, x[other[k]]));
  }
  PetscCall(VecDestroy(&e));
  PetscCall(Join(qp, u, x));
  PetscCall(Join(qp, ubar, y));
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
  PetscCall(Split(qp, lambda, l));
  PetscCall(Split(qp, qp->full, v));
  if (thetabar) PetscCall(PullParameters(qp, v, l, thetabar));
  if (ubar) PetscCall(PullState(qp, u, v, l, w, ubar));
  PetscCall(Join(qp, lambda, l));
  PetscCall(Join(qp, qp->full, v));
  PetscCall(VecDestroy(&lambda));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateIdentity(const QP *qp, Mat *D)
{
  PetscFunctionBeginUser;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, qp->p, qp->p, 1, NULL, 0, NULL, D));
  PetscCall(VecSet(qp->h, 1.0));
  PetscCall(MatDiagonalSet(*D, qp->h, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix of a Newton system is small, indefinite, without symmetry; its singular values are those of a matrix on each process */
static PetscErrorCode CreateKSP(KSP *ksp)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, "kkt_"));
  PetscCall(KSPSetType(*ksp, KSPPREONLY));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCSVD));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P dominates in its diagonal; A, and those of G with it that will be active, in columns of their own: they are independent */
static PetscErrorCode CreateQP(QP *qp)
{
  const PetscInt around[3] = {0, -1, 1}, after[3] = {0, 1, 2};
  Mat            block[16] = {NULL};

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_WORLD, &qp->random));
  PetscCall(PetscRandomSetType(qp->random, PETSCRANDER48));
  PetscCall(PetscRandomSetInterval(qp->random, -1.0, 1.0));
  PetscCall(CreateMat(qp, qp->n, 0, around, 0, 4.0, PETSC_FALSE, &qp->pattern[PE]));
  PetscCall(CreateMat(qp, qp->m, 0, after, 1, 4.0, PETSC_FALSE, &qp->pattern[AE]));
  PetscCall(CreateMat(qp, qp->p, qp->m, after, 2, 4.0, PETSC_FALSE, &qp->pattern[GE]));
  PetscCall(CreateMat(qp, qp->n, 0, around, 0, 4.0, PETSC_TRUE, &qp->PR));
  PetscCall(CreateMat(qp, qp->m, 0, after, 1, 4.0, PETSC_TRUE, &qp->A));
  PetscCall(CreateMat(qp, qp->p, qp->m, after, 2, 4.0, PETSC_TRUE, &qp->G));
  PetscCall(MatDuplicate(qp->PR, MAT_COPY_VALUES, &qp->P));
  PetscCall(MatTranspose(qp->PR, MAT_INITIAL_MATRIX, &qp->PRT));
  PetscCall(MatTranspose(qp->A, MAT_INITIAL_MATRIX, &qp->AT));
  PetscCall(MatTranspose(qp->G, MAT_INITIAL_MATRIX, &qp->GT));
  PetscCall(MatCreateVecs(qp->A, &qp->q, &qp->b));
  PetscCall(MatCreateVecs(qp->G, NULL, &qp->h));
  PetscCall(CreateIdentity(qp, &qp->E));
  PetscCall(CreateIdentity(qp, &qp->S));
  PetscCall(CreateIdentity(qp, &qp->Z));
  block[0]  = qp->P;
  block[1]  = qp->AT;
  block[2]  = qp->GT;
  block[4]  = qp->A;
  block[8]  = qp->G;
  block[11] = qp->E;
  block[14] = qp->S;
  block[15] = qp->Z;
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 4, NULL, 4, NULL, block, &qp->K));
  PetscCall(MatCreateVecs(qp->K, &qp->full, NULL));
  PetscCall(CreateKSP(&qp->ksp));
  PetscCall(CreateKSP(&qp->kspT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyQP(QP *qp)
{
  Mat *mats[] = {&qp->pattern[PE], &qp->pattern[AE], &qp->pattern[GE], &qp->P, &qp->PR, &qp->PRT, &qp->A, &qp->AT, &qp->G, &qp->GT, &qp->E, &qp->S, &qp->Z, &qp->K};
  Vec *vecs[] = {&qp->q, &qp->b, &qp->h, &qp->full};

  PetscFunctionBeginUser;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(mats); i++) PetscCall(MatDestroy(mats[i]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(KSPDestroy(&qp->ksp));
  PetscCall(KSPDestroy(&qp->kspT));
  PetscCall(PetscRandomDestroy(&qp->random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta with the entries of the matrices; nothing yet in q, b and h */
static PetscErrorCode CreateParameters(QP *qp, Vec *theta)
{
  const Mat mats[BLOCKS] = {NULL, NULL, NULL, qp->PR, qp->A, qp->G};
  Vec       t[BLOCKS];
  MatInfo   info;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(qp->q, &t[Q]));
  PetscCall(VecDuplicate(qp->b, &t[B]));
  PetscCall(VecDuplicate(qp->h, &t[H]));
  for (PetscInt i = PE; i < BLOCKS; i++) {
    PetscCall(MatGetInfo(mats[i], MAT_LOCAL, &info));
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, (PetscInt)info.nz_used, PETSC_DETERMINE, &t[i]));
    PetscCall(MatToEntries(mats[i], t[i]));
  }
  PetscCall(VecCreateNest(PETSC_COMM_WORLD, BLOCKS, NULL, t, theta));
  for (PetscInt i = 0; i < BLOCKS; i++) PetscCall(VecDestroy(&t[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution u is made first: x and nu at random, of s and z one is zero and the other between 1/2 and 3/2. It is that of q = -(P x + A^T nu + G^T z), b = A x, h = G x + s */
static PetscErrorCode MakeSolution(QP *qp, Vec u, Vec theta)
{
  Vec       v[4], r[4], t[3], R;
  PetscInt  lo, hi;
  PetscReal mu;

  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(u));
  PetscCall(Split(qp, u, v));
  PetscCall(FillVec(qp, 3, v[0]));
  PetscCall(FillVec(qp, 4, v[1]));
  PetscCall(VecGetOwnershipRange(v[2], &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscScalar a;

    PetscCall(Entry(qp, 5, i, 0, &a));
    PetscCall(VecSetValue(v[i < qp->p / 2 ? 2 : 3], i, 1.0 + 0.5 * a, INSERT_VALUES));
  }
  for (PetscInt k = 2; k < 4; k++) {
    PetscCall(VecAssemblyBegin(v[k]));
    PetscCall(VecAssemblyEnd(v[k]));
  }
  PetscCall(Join(qp, u, v));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(VecNestGetSubVec(theta, i, &t[i]));
    PetscCall(VecSet(t[i], 0.0));
  }
  PetscCall(Put(NULL, theta, qp));
  PetscCall(VecDuplicate(u, &R));
  PetscCall(Conditions(qp, u, R, &mu));
  PetscCall(Split(qp, R, r));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecCopy(r[i], t[i]));
  PetscCall(VecScale(t[Q], -1.0));
  PetscCall(Join(qp, R, r));
  PetscCall(VecDestroy(&R));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = 0, nu = 0, z = s = 1 */
static PetscErrorCode Start(const QP *qp, Vec u)
{
  Vec v[4];

  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(u));
  PetscCall(Split(qp, u, v));
  PetscCall(VecSet(v[2], 1.0));
  PetscCall(VecSet(v[3], 1.0));
  PetscCall(Join(qp, u, v));
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
  PetscCall(Split(qp, d, v));
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
  PetscCall(Join(qp, d, v));
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
  PetscCall(ADJSetParameters(*adj, Put, qp));
  PetscCall(ADJSetType(*adj, type));
  PetscCall(ADJGetSNES(*adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-12, 1e-12, PETSC_DEFAULT, 100, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(*adj));
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
    PetscCall(FillVec(qp, 10 + i, block));
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

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &qp.n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &qp.m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-p", &qp.p, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-switch", &qp.local, NULL));
  PetscCheck(qp.m > 0 && qp.p > 1 && qp.n > 2 && qp.m + qp.p / 2 <= qp.n, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-m %" PetscInt_FMT " and half of -p %" PetscInt_FMT " together must not be more than -n %" PetscInt_FMT ", of which there are 3 at least", qp.m, qp.p, qp.n);
  PetscCall(CreateQP(&qp));
  PetscCall(CreateParameters(&qp, &theta));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(VecDuplicate(theta, &onebar));
  PetscCall(VecDuplicate(qp.full, &u));
  PetscCall(VecDuplicate(u, &ubar));
  PetscCall(VecDuplicate(u, &expected));
  PetscCall(FillVec(&qp, 6, ubar));
  PetscCall(MakeSolution(&qp, expected, theta));

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
  PetscCall(CheckDifferences(&qp, adj, theta, ubar, thetabar));

  PetscCall(ADJDestroy(&adj));
  PetscCall(ADJDestroy(&one));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&onebar));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&ubar));
  PetscCall(VecDestroy(&expected));
  PetscCall(DestroyQP(&qp));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
