static char help[] = "Equality-constrained quadratic program by its KKT system, and its derivatives in P, q, A and b.\n\n"
                     "min x^H P x/2 + Re q^H x subject to A x = b: [[P, A^H], [A, 0]] (x, nu) = (-q, b), a MATNEST with a KSP and field splits. The pullback\n"
                     "of (xbar, nubar) solves with the same matrix for (lambda, mu): Pbar = -(lambda x^H + x lambda^H)/2, qbar = -lambda,\n"
                     "Abar = -(mu x^H + nu lambda^H), bbar = mu.\n"
                     "  -n <200> : variables\n"
                     "  -m <50>  : constraints\n"
                     "  -band <3>: entries of P at this distance from the diagonal, and of A\n\n";

/*
   mpiexec -n 2 ./kkt -n 20000 -m 5000 -ksp_converged_reason -adj_ksp_converged_reason -adj_view
   mpiexec -n 2 ./kkt -ksp_type minres -pc_fieldsplit_schur_fact_type diag -fieldsplit_x_ksp_type preonly -fieldsplit_x_pc_type jacobi -fieldsplit_nu_ksp_type preonly -fieldsplit_nu_pc_type jacobi -adj_trust_svd

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 3 -m 1
*/
#include "gallery.h"

typedef struct {
  PetscInt    n, m, band;
  Mat         P, A, AH, K; /* K = [[P, A^H], [A, 0]] */
  Vec         rhs;         /* (-q, b) */
  KSP         ksp;
  PetscRandom random;
} QP;

/* The same number at (i, j) whatever process asks for it */
static PetscErrorCode Entry(QP *qp, PetscInt kind, PetscInt i, PetscInt j, PetscScalar *value)
{
  PetscFunctionBeginUser;
  PetscCall(PetscRandomSetSeed(qp->random, (unsigned long)(1 + kind + 7 * (i + j * (PetscInt64)(qp->n + qp->m)))));
  PetscCall(PetscRandomSeed(qp->random));
  PetscCall(PetscRandomGetValue(qp->random, value));
  PetscCall(PetscRandomGetValue(qp->random, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assemble(Mat A)
{
  PetscFunctionBeginUser;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMat(PetscInt nrows, PetscInt ncols, PetscInt entries, Mat *A)
{
  PetscFunctionBeginUser;
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, nrows, ncols));
  PetscCall(MatSetType(*A, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocation(*A, PetscMin(entries, ncols), NULL));
  PetscCall(MatMPIAIJSetPreallocation(*A, PetscMin(entries, ncols), NULL, PetscMin(entries, ncols), NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Hermitian, on the pattern of P; with the shift 4 its diagonal dominates. kind tells one such matrix from another */
static PetscErrorCode CreateHermitian(QP *qp, PetscInt kind, PetscReal shift, Mat *P)
{
  PetscInt    lo, hi;
  PetscScalar v;

  PetscFunctionBeginUser;
  PetscCall(CreateMat(qp->n, qp->n, 5, P));
  PetscCall(MatGetOwnershipRange(*P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt cols[5] = {i - qp->band, i - 1, i, i + 1, i + qp->band};

    for (PetscInt k = 0; k < 5; k++) {
      if (cols[k] < 0 || cols[k] >= qp->n) continue;
      PetscCall(Entry(qp, kind, PetscMin(i, cols[k]), PetscMax(i, cols[k]), &v));
      if (i == cols[k]) v = shift + PetscRealPart(v);
      PetscCall(MatSetValue(*P, i, cols[k], i > cols[k] ? PetscConj(v) : v, INSERT_VALUES));
    }
  }
  PetscCall(Assemble(*P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Full rank: each row has a 2 in a column where all others have nothing. On the same pattern without it */
static PetscErrorCode CreateConstraints(QP *qp, PetscInt kind, PetscReal own, Mat *A)
{
  const PetscInt stride = qp->n / qp->m;
  PetscInt       lo, hi;
  PetscScalar    v;

  PetscFunctionBeginUser;
  PetscCall(CreateMat(qp->m, qp->n, 2 + qp->band, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(Entry(qp, kind, i, i * stride, &v));
    PetscCall(MatSetValue(*A, i, i * stride, own + v, INSERT_VALUES));
    for (PetscInt k = 1; k <= qp->band; k++) {
      const PetscInt j = (i * stride + k) % qp->n;

      if (j % stride == 0) continue;
      PetscCall(Entry(qp, kind, i, j, &v));
      PetscCall(MatSetValue(*A, i, j, v, INSERT_VALUES));
    }
  }
  PetscCall(Assemble(*A));
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

static PetscErrorCode RealDot(Vec a, Vec b, PetscReal *dot)
{
  PetscScalar z;

  PetscFunctionBeginUser;
  PetscCall(VecDot(b, a, &z));
  *dot = PetscRealPart(z);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re sum_ij conj(A_ij) B_ij, of one pattern */
static PetscErrorCode MatRealDot(Mat A, Mat B, PetscReal *dot)
{
  PetscInt           lo, hi, n;
  const PetscScalar *a, *b;
  PetscReal          sum = 0.0;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(A, i, &n, NULL, &a));
    PetscCall(MatGetRow(B, i, &n, NULL, &b));
    for (PetscInt k = 0; k < n; k++) sum += PetscRealPart(PetscConj(a[k]) * b[k]);
    PetscCall(MatRestoreRow(B, i, &n, NULL, &b));
    PetscCall(MatRestoreRow(A, i, &n, NULL, &a));
  }
  PetscCallMPI(MPI_Allreduce(&sum, dot, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both parts of a vector (x, nu) */
static PetscErrorCode Split(const QP *qp, Vec u, Vec part[2])
{
  IS is[2];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecGetSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Join(const QP *qp, Vec u, Vec part[2])
{
  IS is[2];

  PetscFunctionBeginUser;
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  for (PetscInt i = 0; i < 2; i++) PetscCall(VecRestoreSubVector(u, is[i], &part[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ScalePart(const QP *qp, Vec u, PetscInt which, PetscScalar a)
{
  Vec part[2];

  PetscFunctionBeginUser;
  PetscCall(Split(qp, u, part));
  PetscCall(VecScale(part[which], a));
  PetscCall(Join(qp, u, part));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta = (q, b) to the right-hand side */
static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  QP *qp = (QP *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(theta, qp->rhs));
  PetscCall(ScalePart(qp, qp->rhs, 0, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of K u - rhs in (q, b) */
static PetscErrorCode ParameterVJP(ADJ adj, Vec u, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)u;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(w, thetabar));
  PetscCall(ScalePart((QP *)ctx, thetabar, 1, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateQP(QP *qp)
{
  Mat block[4] = {NULL, NULL, NULL, NULL};
  IS  is[2];
  PC  pc;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_WORLD, &qp->random));
  PetscCall(PetscRandomSetType(qp->random, PETSCRANDER48));
  PetscCall(PetscRandomSetInterval(qp->random, PetscCMPLX(-1.0, PetscDefined(USE_COMPLEX) ? -1.0 : 0.0), PetscCMPLX(1.0, PetscDefined(USE_COMPLEX) ? 1.0 : 0.0)));
  PetscCall(CreateHermitian(qp, 0, 6.0, &qp->P));
  PetscCall(CreateConstraints(qp, 1, 3.0, &qp->A));
  PetscCall(MatHermitianTranspose(qp->A, MAT_INITIAL_MATRIX, &qp->AH));
  block[0] = qp->P;
  block[1] = qp->AH;
  block[2] = qp->A;
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, NULL, 2, NULL, block, &qp->K));
  PetscCall(MatSetOption(qp->K, MAT_SYMMETRIC, (PetscBool)!PetscDefined(USE_COMPLEX)));
  PetscCall(MatSetOption(qp->K, MAT_HERMITIAN, PETSC_TRUE));
  PetscCall(MatSetOption(qp->K, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  PetscCall(MatCreateVecs(qp->K, NULL, &qp->rhs));

  PetscCall(KSPCreate(PETSC_COMM_WORLD, &qp->ksp));
  PetscCall(KSPSetOperators(qp->ksp, qp->K, qp->K));
  PetscCall(KSPSetType(qp->ksp, KSPFGMRES));
  PetscCall(KSPSetTolerances(qp->ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, 2000));
  PetscCall(KSPGetPC(qp->ksp, &pc));
  PetscCall(PCSetType(pc, PCFIELDSPLIT));
  PetscCall(PCFieldSplitSetType(pc, PC_COMPOSITE_SCHUR));
  PetscCall(PCFieldSplitSetSchurFactType(pc, PC_FIELDSPLIT_SCHUR_FACT_FULL));
  PetscCall(PCFieldSplitSetSchurPre(pc, PC_FIELDSPLIT_SCHUR_PRE_SELFP, NULL));
  PetscCall(MatNestGetISs(qp->K, is, NULL));
  PetscCall(PCFieldSplitSetIS(pc, "x", is[0]));
  PetscCall(PCFieldSplitSetIS(pc, "nu", is[1]));
  PetscCall(KSPSetFromOptions(qp->ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyQP(QP *qp)
{
  PetscFunctionBeginUser;
  PetscCall(KSPDestroy(&qp->ksp));
  PetscCall(MatDestroy(&qp->K));
  PetscCall(MatDestroy(&qp->P));
  PetscCall(MatDestroy(&qp->A));
  PetscCall(MatDestroy(&qp->AH));
  PetscCall(VecDestroy(&qp->rhs));
  PetscCall(PetscRandomDestroy(&qp->random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A change of the data, and the derivative of Re <ubar, u> along it by central differences of fourth order */
typedef struct {
  Mat P, A, AH;
  Vec theta;
} Change;

static PetscErrorCode Move(QP *qp, const Change *d, PetscReal h, Vec theta)
{
  PetscFunctionBeginUser;
  if (d->P) PetscCall(MatAXPY(qp->P, h, d->P, SAME_NONZERO_PATTERN));
  if (d->A) PetscCall(MatAXPY(qp->A, h, d->A, SAME_NONZERO_PATTERN));
  if (d->AH) PetscCall(MatAXPY(qp->AH, h, d->AH, SAME_NONZERO_PATTERN));
  if (d->theta) PetscCall(VecAXPY(theta, h, d->theta));
  PetscCall(Assemble(qp->K)); /* a nest does not see that a block has changed */
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Slope(QP *qp, const Change *d, Vec theta, Vec ubar, PetscReal *slope)
{
  const PetscReal h = 2e-3, at[4] = {-2.0, -1.0, 1.0, 2.0}, weight[4] = {1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0};
  PetscReal       value = 0.0;
  Vec             u;

  PetscFunctionBeginUser;
  *slope = 0.0;
  PetscCall(VecDuplicate(ubar, &u));
  for (PetscInt k = 0; k < 4; k++) {
    PetscCall(Move(qp, d, at[k] * h, theta));
    PetscCall(Put(NULL, theta, qp));
    PetscCall(KSPSolve(qp->ksp, qp->rhs, u));
    PetscCall(RealDot(u, ubar, &value));
    *slope += weight[k] * value / h;
    PetscCall(Move(qp, d, -at[k] * h, theta));
  }
  PetscCall(VecDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (lambda, mu) by another solver */
static PetscErrorCode SolveByHand(QP *qp, Vec b, Vec u)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBeginUser;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, qp->K, qp->K));
  PetscCall(KSPSetType(ksp, KSPGMRES));
  PetscCall(KSPGMRESSetRestart(ksp, 300));
  PetscCall(KSPSetTolerances(ksp, 1e-14, PETSC_DEFAULT, PETSC_DEFAULT, 3000));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSolve(ksp, b, u));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -Re lambda^H dP x, of Pbar = -(lambda x^H + x lambda^H)/2 */
static PetscErrorCode FormulaP(const QP *qp, Mat dP, Vec x, Vec lambda, PetscReal *dot)
{
  Vec y;

  (void)qp;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &y));
  PetscCall(MatMult(dP, x, y));
  PetscCall(RealDot(y, lambda, dot));
  *dot = -*dot;
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -Re (mu^H dA x + lambda^H dA^H nu), of Abar = -(mu x^H + nu lambda^H) */
static PetscErrorCode FormulaA(const QP *qp, Mat dA, Vec x[2], Vec l[2], PetscReal *dot)
{
  Vec       y;
  PetscReal second;

  (void)qp;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x[1], &y));
  PetscCall(MatMult(dA, x[0], y));
  PetscCall(RealDot(y, l[1], dot));
  PetscCall(MatMult(dA, l[0], y));
  PetscCall(RealDot(y, x[1], &second));
  *dot = -*dot - second;
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Pbar and Abar from the blocks of the derivative in the entries of K, in which A stands twice */
static PetscErrorCode MatGradients(ADJ adj, Mat *Pbar, Mat *Abar)
{
  Mat G, block, H;

  PetscFunctionBeginUser;
  PetscCall(ADJGetMatGradient(adj, &G));
  PetscCall(MatNestGetSubMat(G, 0, 0, &block));
  PetscCall(MatDuplicate(block, MAT_COPY_VALUES, Pbar));
  PetscCall(MatHermitianTranspose(block, MAT_INITIAL_MATRIX, &H));
  PetscCall(MatAXPY(*Pbar, 1.0, H, SAME_NONZERO_PATTERN));
  PetscCall(MatScale(*Pbar, 0.5));
  PetscCall(MatDestroy(&H));
  PetscCall(MatNestGetSubMat(G, 1, 0, &block));
  PetscCall(MatDuplicate(block, MAT_COPY_VALUES, Abar));
  PetscCall(MatNestGetSubMat(G, 0, 1, &block));
  PetscCall(MatHermitianTranspose(block, MAT_INITIAL_MATRIX, &H));
  PetscCall(MatAXPY(*Abar, 1.0, H, SAME_NONZERO_PATTERN));
  PetscCall(MatDestroy(&H));
  PetscCall(MatDestroy(&G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Near(const char what[], const char source[], PetscReal got, PetscReal expected, PetscReal tol)
{
  PetscFunctionBeginUser;
  PetscCall(GalleryBelow(what, source, PetscAbsReal(got - expected) / PetscAbsReal(expected), tol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckMatrices(QP *qp, ADJ adj, Vec theta, Vec u, Vec ubar, Vec l)
{
  Change    dP = {NULL, NULL, NULL, NULL}, dA = {NULL, NULL, NULL, NULL};
  Mat       Pbar, Abar;
  Vec       x[2], lambda[2];
  PetscReal got = 0.0, formula, slope;

  PetscFunctionBeginUser;
  PetscCall(MatGradients(adj, &Pbar, &Abar));
  PetscCall(CreateHermitian(qp, 2, 0.0, &dP.P));
  PetscCall(CreateConstraints(qp, 3, 0.0, &dA.A));
  PetscCall(MatHermitianTranspose(dA.A, MAT_INITIAL_MATRIX, &dA.AH));
  PetscCall(Split(qp, u, x));
  PetscCall(Split(qp, l, lambda));

  PetscCall(MatRealDot(Pbar, dP.P, &got));
  PetscCall(FormulaP(qp, dP.P, x[0], lambda[0], &formula));
  PetscCall(Slope(qp, &dP, theta, ubar, &slope));
  PetscCall(Near("Pbar, closed form", "-(lambda x^H + x lambda^H)/2", got, formula, 1e-9));
  PetscCall(Near("Pbar, differences", "central, of the solution", got, slope, 1e-7));

  PetscCall(MatRealDot(Abar, dA.A, &got));
  PetscCall(FormulaA(qp, dA.A, x, lambda, &formula));
  PetscCall(Slope(qp, &dA, theta, ubar, &slope));
  PetscCall(Near("Abar, closed form", "-(mu x^H + nu lambda^H)", got, formula, 1e-9));
  PetscCall(Near("Abar, differences", "central, of the solution", got, slope, 1e-7));

  PetscCall(Join(qp, u, x));
  PetscCall(Join(qp, l, lambda));
  PetscCall(MatDestroy(&Pbar));
  PetscCall(MatDestroy(&Abar));
  PetscCall(MatDestroy(&dP.P));
  PetscCall(MatDestroy(&dA.A));
  PetscCall(MatDestroy(&dA.AH));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* qbar = -lambda and bbar = mu, in one vector */
static PetscErrorCode CheckVectors(QP *qp, Vec theta, Vec ubar, Vec thetabar, Vec l)
{
  const char *what[2] = {"qbar, differences", "bbar, differences"};
  Change      d       = {NULL, NULL, NULL, NULL};
  Vec         expected;
  PetscReal   error, scale, got = 0.0, slope;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(l, &expected));
  PetscCall(VecCopy(l, expected));
  PetscCall(ScalePart(qp, expected, 0, -1.0));
  PetscCall(VecNorm(expected, NORM_INFINITY, &scale));
  PetscCall(VecAXPY(expected, -1.0, thetabar));
  PetscCall(VecNorm(expected, NORM_INFINITY, &error));
  PetscCall(GalleryBelow("(qbar, bbar), closed form", "(-lambda, mu)", error / scale, 1e-9));

  PetscCall(VecDuplicate(theta, &d.theta));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(FillVec(qp, 6, d.theta));
    PetscCall(ScalePart(qp, d.theta, 1 - i, 0.0));
    PetscCall(RealDot(thetabar, d.theta, &got));
    PetscCall(Slope(qp, &d, theta, ubar, &slope));
    PetscCall(Near(what[i], "central, of the solution", got, slope, 1e-7));
  }
  PetscCall(VecDestroy(&d.theta));
  PetscCall(VecDestroy(&expected));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A x = b, and of all x that fulfil it the best one: P x + q is orthogonal to the kernel of A, for it is -A^H nu */
static PetscErrorCode CheckSolution(QP *qp, Vec u)
{
  Vec       r;
  PetscReal error, scale;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &r));
  PetscCall(MatMult(qp->K, u, r));
  PetscCall(VecAXPY(r, -1.0, qp->rhs));
  PetscCall(VecNorm(r, NORM_2, &error));
  PetscCall(VecNorm(qp->rhs, NORM_2, &scale));
  PetscCall(GalleryBelow("optimality", "P x + q + A^H nu = 0, A x = b", error / scale, 1e-11));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  QP       qp = {.n = 200, .m = 50, .band = 3};
  ADJ      adj;
  KSP      ksp;
  Vec      theta, thetabar, u, ubar, l;
  PetscInt its[2];

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &qp.n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &qp.m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-band", &qp.band, NULL));
  qp.band = PetscMin(qp.band, qp.n - 1);
  PetscCheck(qp.m > 0 && qp.m < qp.n && qp.band > 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "Constraints -m %" PetscInt_FMT " must be fewer than variables -n %" PetscInt_FMT ", -band %" PetscInt_FMT " positive", qp.m, qp.n, qp.band);
  PetscCall(CreateQP(&qp));
  PetscCall(VecDuplicate(qp.rhs, &theta));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(VecDuplicate(theta, &u));
  PetscCall(VecDuplicate(theta, &ubar));
  PetscCall(VecDuplicate(theta, &l));
  PetscCall(FillVec(&qp, 4, theta));
  PetscCall(FillVec(&qp, 5, ubar));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetKSP(adj, qp.ksp));
  PetscCall(ADJSetRhs(adj, qp.rhs));
  PetscCall(ADJSetParameters(adj, Put, &qp));
  PetscCall(ADJSetParameterVJP(adj, ParameterVJP, &qp));
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, 2000));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, u));
  PetscCall(ADJSolveAdjoint(adj, ubar, thetabar));
  PetscCall(ADJGetForwardIterations(adj, &its[0]));
  PetscCall(ADJGetAdjointIterations(adj, &its[1]));

  PetscCall(GalleryBegin("kkt"));
  PetscCall(GalleryVerdict(adj, "verdict", "all checks pass", ADJ_TRUST_ESTIMATED));
  PetscCall(CheckSolution(&qp, u));
  PetscCall(GalleryBelow("iterations of the adjoint", "those of the solve and 5: the matrix is its own transpose, the preconditioner the same", its[1], its[0] + 5));
  PetscCall(SolveByHand(&qp, ubar, l));
  PetscCall(CheckVectors(&qp, theta, ubar, thetabar, l));
  PetscCall(CheckMatrices(&qp, adj, theta, u, ubar, l));

  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&ubar));
  PetscCall(VecDestroy(&l));
  PetscCall(DestroyQP(&qp));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
