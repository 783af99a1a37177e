static char help[] = "Derivatives in the entries of the matrix of a borrowed KSP: every type, every stored entry.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

#define N       24
#define OPTIONS "-ksp_type gmres -ksp_gmres_restart 100 -ksp_rtol 1e-13 -ksp_norm_type unpreconditioned -pc_type none -adj_ksp_rtol 1e-13 -adj_ksp_gmres_restart 100 -adj_pc_type none -adj_tangent_pc_type none"

/* All entries, or those above the diagonal of A = A^T, or of A = A^H */
typedef enum {
  FULL,
  SYMMETRIC,
  HERMITIAN
} Kind;

typedef struct {
  Mat  A;
  KSP  ksp;
  ADJ  adj;
  Vec  b, x, v, bbar, w;
  Kind kind;
} System;

/* Every fourth row stores a zero; complex scalars make entries that are symmetric, not Hermitian */
static PetscErrorCode Fill(Mat A, Kind kind)
{
  Linear   p = {.n = N, .symmetric = (PetscBool)(kind != FULL)};
  PetscInt lo, hi, n, cols[8];

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    n = LinearColumns(&p, i, cols);
    for (PetscInt k = 0; k < n; k++) {
      const PetscInt j = cols[k];

      if (kind != FULL && j < i) continue;
      PetscCall(MatSetValue(A, i, j, i == j ? PetscCMPLX(5.0 + 0.1 * (i % 5), kind == HERMITIAN ? 0.0 : 0.4) : -1.0 + 0.5 * Wave(31, i, j), INSERT_VALUES));
    }
    if (i % 4 == 0 && i + 3 < N) PetscCall(MatSetValue(A, i, i + 3, 0.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMat(MatType type, PetscInt bs, Layout layout, Kind kind, Mat *A)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, N / bs, &n));
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetSizes(*A, n * bs, n * bs, N, N));
  PetscCall(MatSetType(*A, type));
  PetscCall(MatSetBlockSize(*A, bs));
  PetscCall(MatXAIJSetPreallocation(*A, bs, NULL, NULL, NULL, NULL));
  PetscCall(MatSeqAIJSetPreallocation(*A, 6, NULL));
  PetscCall(MatMPIAIJSetPreallocation(*A, 6, NULL, 6, NULL));
  PetscCall(MatSeqBAIJSetPreallocation(*A, bs, 6, NULL));
  PetscCall(MatMPIBAIJSetPreallocation(*A, bs, 6, NULL, 6, NULL));
  PetscCall(MatSeqSBAIJSetPreallocation(*A, bs, 6, NULL));
  PetscCall(MatMPISBAIJSetPreallocation(*A, bs, 6, NULL, 6, NULL));
  PetscCall(MatSetUp(*A));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  if (kind != FULL) PetscCall(MatSetOption(*A, MAT_IGNORE_LOWER_TRIANGULAR, PETSC_TRUE));
  if (kind == HERMITIAN) PetscCall(MatSetOption(*A, MAT_HERMITIAN, PETSC_TRUE));
  PetscCall(Fill(*A, kind));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetWave(Vec v, PetscInt seed)
{
  PetscBool nest;
  PetscInt  n;
  Vec      *parts;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (!nest) PetscCall(VecSetWave(v, seed));
  if (!nest) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecNestGetSubVecs(v, &n, &parts));
  for (PetscInt i = 0; i < n; i++) PetscCall(VecSetWave(parts[i], seed + 7 * i));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The three lines of a user: theta is b */
static PetscErrorCode SystemSolve(System *s)
{
  PetscFunctionBeginUser;
  PetscCall(MatCreateVecs(s->A, &s->x, &s->b));
  PetscCall(VecDuplicate(s->x, &s->v));
  PetscCall(VecDuplicate(s->x, &s->bbar));
  PetscCall(SetWave(s->b, 32));
  PetscCall(SetWave(s->v, 33));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &s->ksp));
  PetscCall(KSPSetOperators(s->ksp, s->A, s->A));
  PetscCall(KSPSetFromOptions(s->ksp));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &s->adj));
  PetscCall(ADJSetKSP(s->adj, s->ksp));
  PetscCall(ADJSetFromOptions(s->adj));
  PetscCall(ADJSolve(s->adj, s->b, s->x));
  PetscCall(ADJSolveAdjoint(s->adj, s->v, s->bbar));
  PetscCall(ADJGetAdjointSolution(s->adj, &s->w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SystemDestroy(System *s)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&s->adj));
  PetscCall(KSPDestroy(&s->ksp));
  PetscCall(MatDestroy(&s->A));
  PetscCall(VecDestroy(&s->x));
  PetscCall(VecDestroy(&s->b));
  PetscCall(VecDestroy(&s->v));
  PetscCall(VecDestroy(&s->bbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, A^{-1} b> */
static PetscErrorCode Functional(System *s, PetscReal *J)
{
  Vec y;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(s->x, &y));
  PetscCall(KSPSolve(s->ksp, s->b, y));
  PetscCall(RealDot(y, s->v, J));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddTo(Mat block, PetscInt i, PetscInt j, PetscScalar d)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(block, &lo, &hi));
  if (lo <= i && i < hi) PetscCall(MatSetValue(block, i, j, d, ADD_VALUES));
  PetscCall(MatAssemblyBegin(block, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(block, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetEntry(Mat G, PetscInt i, PetscInt j, PetscScalar *g)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  *g = 0.0;
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  if (lo <= i && i < hi) PetscCall(MatGetValues(G, 1, &i, 1, &j, g));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, g, 1, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entry (i, j) of a block, displaced in a complex direction; (j, i) moves as well where it is not stored */
static PetscErrorCode TestEntry(System *s, Mat block, Mat G, PetscInt i, PetscInt j)
{
  const PetscScalar e = PetscCMPLX(0.8, s->kind == HERMITIAN && i == j ? 0.0 : 0.6);
  const PetscReal   h = 1e-3, weight[5] = {1.0 / 12.0, -2.0 / 3.0, 0.0, 2.0 / 3.0, -1.0 / 12.0};
  PetscScalar       g;
  PetscReal         J = 0.0, slope = 0.0, claim, norm[2];

  PetscFunctionBeginUser;
  PetscCall(GetEntry(G, i, j, &g));
  claim = PetscRealPart(PetscConj(g) * e) * (s->kind != FULL && i != j ? 2.0 : 1.0);
  PetscCall(AddTo(block, i, j, -2.0 * h * e));
  for (PetscInt k = 0; k < 5; k++) {
    PetscCall(Functional(s, &J));
    slope += weight[k] * J / h;
    PetscCall(AddTo(block, i, j, (k < 4 ? 1.0 : -2.0) * h * e));
  }
  PetscCall(VecNorm(s->w, NORM_2, &norm[0]));
  PetscCall(VecNorm(s->x, NORM_2, &norm[1]));
  PetscCall(TapBelow(PetscAbsReal(slope - claim) / PetscMax(PetscAbsScalar(g), 0.01 * norm[0] * norm[1]), 1e-7, "entry (%" PetscInt_FMT ", %" PetscInt_FMT ")", i, j));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All entries against -w x^H, made symmetric or Hermitian, and the pattern against that of A */
static PetscErrorCode TestAll(Mat A, Mat G, Vec w, Vec x, Kind kind)
{
  Vec                wall, xall;
  const PetscScalar *wa, *xa, *g;
  const PetscInt    *cols, *acols;
  PetscInt           lo, hi, n, na;
  PetscReal          error = 0.0;
  PetscBool          same  = PETSC_TRUE, equal;

  PetscFunctionBeginUser;
  PetscCall(GatherBegin(w, &wall, &wa));
  PetscCall(GatherBegin(x, &xall, &xa));
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  if (kind != FULL) PetscCall(MatGetRowUpperTriangular(A));
  if (kind != FULL) PetscCall(MatGetRowUpperTriangular(G));
  for (PetscInt i = lo; i < hi; i++) {
    PetscInt copy[2 * N];

    PetscCall(MatGetRow(A, i, &na, &acols, NULL));
    PetscCall(PetscArraycpy(copy, acols, na));
    PetscCall(MatRestoreRow(A, i, NULL, &acols, NULL));
    PetscCall(MatGetRow(G, i, &n, &cols, &g));
    PetscCall(PetscArraycmp(copy, cols, PetscMin(n, 2 * N), &equal));
    if (n != na || !equal) same = PETSC_FALSE;
    for (PetscInt k = 0; k < n; k++) {
      const PetscInt    j    = cols[k];
      const PetscScalar full = wa[i] * PetscConj(xa[j]), other = kind == HERMITIAN ? PetscConj(wa[j]) * xa[i] : wa[j] * PetscConj(xa[i]);

      error = PetscMax(error, PetscAbsScalar(g[k] + (kind == FULL ? full : 0.5 * (full + other))));
    }
    PetscCall(MatRestoreRow(G, i, NULL, &cols, &g));
  }
  if (kind != FULL) PetscCall(MatRestoreRowUpperTriangular(A));
  if (kind != FULL) PetscCall(MatRestoreRowUpperTriangular(G));
  PetscCall(TapOk(same, "the pattern is that of A"));
  PetscCall(TapBelow(error, 1e-14, "all entries are those of the outer product"));
  PetscCall(GatherEnd(&wall, &wa));
  PetscCall(GatherEnd(&xall, &xa));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestType(MatType type, PetscInt bs, Layout layout, Kind kind)
{
  System         s = {.kind = kind};
  PetscOptions   opts;
  Mat            G;
  PetscBool      set, flg;
  const PetscInt at[][2] = {{0, 0}, {4, 7}, {9, 10}, {3, 10}, {16, 23}, {23, 23}, {20, 19}};

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(OPTIONS, &opts));
  PetscCall(CreateMat(type, bs, layout, kind, &s.A));
  PetscCall(TapDiag("%s, blocks of %" PetscInt_FMT ", layout %d, kind %d", type, bs, layout, kind));
  PetscCall(SystemSolve(&s));
  PetscCall(ADJGetMatGradient(s.adj, &G));
  PetscCall(MatIsSymmetricKnown(G, &set, &flg));
  PetscCall(TapOk((PetscBool)(kind != FULL || !(set && flg)), "nothing is claimed of its symmetry"));
  PetscCall(TestAll(s.A, G, s.w, s.x, kind));
  for (PetscInt k = 0; k < 7; k++) {
    if (kind == FULL || at[k][0] <= at[k][1]) PetscCall(TestEntry(&s, s.A, G, at[k][0], at[k][1]));
  }
  PetscCall(MatDestroy(&G));
  PetscCall(SystemDestroy(&s));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rectangular, of m x n, on the diagonal of which there are entries */
static PetscErrorCode CreateBlock(PetscInt m, PetscInt n, PetscInt seed, Mat *B)
{
  PetscInt ml, nl, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, LAYOUT_UNEVEN, m, &ml));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, LAYOUT_UNEVEN, n, &nl));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, ml, nl, m, n, 3, NULL, 3, NULL, B));
  PetscCall(MatGetOwnershipRange(*B, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(*B, i, i % n, 1.0 + 0.3 * Wave(seed, i, 1), INSERT_VALUES));
    PetscCall(MatSetValue(*B, i, (i + 2) % n, 0.5 * Wave(seed, i, 2), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*B, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* [[K, B], [C, ]], with vectors of either type */
static PetscErrorCode TestNest(VecType vtype)
{
  System       s = {.kind = FULL};
  PetscOptions opts;
  Mat          blocks[4] = {NULL, NULL, NULL, NULL}, G, g;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(OPTIONS, &opts));
  PetscCall(CreateMat(MATAIJ, 1, LAYOUT_UNEVEN, FULL, &blocks[0]));
  PetscCall(CreateBlock(N, 6, 41, &blocks[1]));
  PetscCall(CreateBlock(6, N, 42, &blocks[2]));
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, NULL, 2, NULL, blocks, &s.A));
  PetscCall(MatNestSetVecType(s.A, vtype));
  PetscCall(TapDiag("nest, vectors of type %s", vtype));
  PetscCall(SystemSolve(&s));
  PetscCall(ADJGetMatGradient(s.adj, &G));
  PetscCall(MatNestGetSubMat(G, 1, 1, &g));
  PetscCall(TapOk((PetscBool)!g, "what is no block stays none"));
  PetscCall(MatNestGetSubMat(G, 0, 0, &g));
  PetscCall(TestEntry(&s, blocks[0], g, 4, 7));
  PetscCall(TestEntry(&s, blocks[0], g, 23, 22));
  PetscCall(MatNestGetSubMat(G, 0, 1, &g));
  PetscCall(TestEntry(&s, blocks[1], g, 17, 5));
  PetscCall(MatNestGetSubMat(G, 1, 0, &g));
  PetscCall(TestEntry(&s, blocks[2], g, 5, 7));
  PetscCall(MatDestroy(&G));
  PetscCall(SystemDestroy(&s));
  for (PetscInt k = 0; k < 3; k++) PetscCall(MatDestroy(&blocks[k]));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A known to be symmetric: its gradient is not, in general */
static PetscErrorCode TestSymmetricAIJ(void)
{
  Linear       p;
  PetscOptions opts;
  Vec          w;
  Mat          G;
  PetscBool    set, flg;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(OPTIONS, &opts));
  PetscCall(LinearCreate(N, LAYOUT_UNEVEN, 5, LAYOUT_LAST, PETSC_TRUE, &p));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetMatGradient(p.adj, &G), "before the adjoint"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetMatGradient(p.adj, &G));
  PetscCall(ADJGetAdjointSolution(p.adj, &w));
  PetscCall(TestAll(p.A, G, w, p.x, FULL));
  PetscCall(MatIsSymmetricKnown(G, &set, &flg));
  PetscCall(TapOk((PetscBool) !(set && flg), "a symmetric matrix: nothing is claimed of the symmetry of its gradient"));
  PetscCall(MatIsHermitianKnown(G, &set, &flg));
  PetscCall(TapOk((PetscBool) !(set && flg), "nor of its being Hermitian"));
  PetscCall(MatDestroy(&G));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJGetMatGradient(p.adj, &G), "after another solve, before its adjoint"));
  PetscCall(LinearDestroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mult(Mat A, Vec x, Vec y)
{
  Mat B;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &B));
  PetscCall(MatMult(B, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultAdjoint(Mat A, Vec x, Vec y)
{
  Mat B;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &B));
  PetscCall(MatMultHermitianTranspose(B, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shell gives a gradient in b, none in its entries; another problem than a linear system has none */
static PetscErrorCode TestRefused(void)
{
  System       s = {.kind = FULL};
  PetscOptions opts;
  Mat          B, G;
  PetscInt     n;
  Problem      p;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(OPTIONS, &opts));
  PetscCall(CreateMat(MATAIJ, 1, LAYOUT_UNEVEN, FULL, &B));
  PetscCall(MatGetLocalSize(B, &n, NULL));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, N, N, B, &s.A));
  PetscCall(MatShellSetOperation(s.A, MATOP_MULT, ADJShellFn(Mult)));
  PetscCall(MatShellSetOperation(s.A, PetscDefined(USE_COMPLEX) ? MATOP_MULT_HERMITIAN_TRANSPOSE : MATOP_MULT_TRANSPOSE, ADJShellFn(MultAdjoint)));
  PetscCall(SystemSolve(&s));
  PetscCall(TapError(PETSC_ERR_SUP, ADJGetMatGradient(s.adj, &G), "of a shell"));
  PetscCall(SystemDestroy(&s));
  PetscCall(MatDestroy(&B));
  PetscCall(OptionsEnd(&opts));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 10, LAYOUT_EVEN, 3, LAYOUT_LAST, SPECTRUM_REAL, 0.5, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapError(PETSC_ERR_SUP, ADJGetMatGradient(p.adj, &G), "without a KSP"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestType(MATAIJ, 1, LAYOUT_UNEVEN, FULL));
  PetscCall(TestType(MATAIJ, 1, LAYOUT_EMPTY, FULL));
  PetscCall(TestType(MATBAIJ, 2, LAYOUT_UNEVEN, FULL));
  PetscCall(TestType(MATDENSE, 1, LAYOUT_UNEVEN, FULL));
  PetscCall(TestType(MATSBAIJ, 1, LAYOUT_UNEVEN, SYMMETRIC));
  PetscCall(TestType(MATSBAIJ, 2, LAYOUT_UNEVEN, SYMMETRIC));
  if (PetscDefined(USE_COMPLEX)) PetscCall(TestType(MATSBAIJ, 1, LAYOUT_UNEVEN, HERMITIAN));
  PetscCall(TestNest(VECSTANDARD));
  PetscCall(TestNest(VECNEST));
  PetscCall(TestSymmetricAIJ());
  PetscCall(TestRefused());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
