/*
   Data of the quadratic program, made by the program itself, and its optimality conditions
*/
#include "qp.h"

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

PetscErrorCode QPFillVec(QP *qp, PetscInt kind, Vec v)
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
PetscErrorCode QPOuterToEntries(Mat pattern, PetscReal a, Vec l, Vec r, Vec s, Vec t, Vec entries)
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
PetscErrorCode QPSplit(const QP *qp, Vec u, Vec part[4])
{
  IS is[4];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 4; i++) PetscCall(VecGetSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode QPJoin(const QP *qp, Vec u, Vec part[4])
{
  IS is[4];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 4; i++) PetscCall(VecRestoreSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta to the data of the problem */
PetscErrorCode QPPut(ADJ adj, Vec theta, void *ctx)
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
PetscErrorCode QPCreate(QP *qp)
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

PetscErrorCode QPDestroy(QP *qp)
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
PetscErrorCode QPCreateParameters(QP *qp, Vec *theta)
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

/* R = (P x + q + A^T nu + G^T z, A x - b, G x + s - h, s z), and mu = s^T z/p */
PetscErrorCode QPConditions(QP *qp, Vec u, Vec R, PetscReal *mu)
{
  Vec         v[4], r[4];
  PetscScalar sz;

  PetscFunctionBeginUser;
  PetscCall(QPSplit(qp, u, v));
  PetscCall(QPSplit(qp, R, r));
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
  PetscCall(QPJoin(qp, u, v));
  PetscCall(QPJoin(qp, R, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution u is made first: x and nu at random, of s and z one is zero and the other between 1/2 and 3/2. It is that of q = -(P x + A^T nu + G^T z), b = A x, h = G x + s */
PetscErrorCode QPMakeSolution(QP *qp, Vec u, Vec theta)
{
  Vec       v[4], r[4], t[3], R;
  PetscInt  lo, hi;
  PetscReal mu;

  PetscFunctionBeginUser;
  PetscCall(VecZeroEntries(u));
  PetscCall(QPSplit(qp, u, v));
  PetscCall(QPFillVec(qp, 3, v[0]));
  PetscCall(QPFillVec(qp, 4, v[1]));
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
  PetscCall(QPJoin(qp, u, v));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(VecNestGetSubVec(theta, i, &t[i]));
    PetscCall(VecSet(t[i], 0.0));
  }
  PetscCall(QPPut(NULL, theta, qp));
  PetscCall(VecDuplicate(u, &R));
  PetscCall(QPConditions(qp, u, R, &mu));
  PetscCall(QPSplit(qp, R, r));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecCopy(r[i], t[i]));
  PetscCall(VecScale(t[Q], -1.0));
  PetscCall(QPJoin(qp, R, r));
  PetscCall(VecDestroy(&R));
  PetscFunctionReturn(PETSC_SUCCESS);
}
