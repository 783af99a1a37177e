static char help[] = "Projections and proximal maps at random data: values, derivatives, and what makes them projections.\n\n"
                     "  -n <60>    : entries, a multiple of 3\n"
                     "  -points <50> : points that the value is compared with\n"
                     "  -seed <1>  : of the random data\n\n";

/*
   Box, nonnegative orthant, soft threshold, group soft threshold, ball, simplex, affine set. y = P(z) is the proximal point of g if and
   only if (z - y)^T (u - y) <= g(u) - g(y) for all u (Rockafellar, Convex analysis, 1970, section 31); u goes over random points.

   mpiexec -n 2 ./projections -n 3000

   requires: real
   nsize: 1 2 4
   args:
   args: -n 3 -seed 2
*/
#include "gallery.h"

#define BLOCK 3
#define ROWS  2

static const char *const names[] = {"box", "nonnegative orthant", "soft threshold", "group soft threshold", "ball", "simplex", "affine set"};

typedef struct {
  MPI_Comm comm;
  ADJProx  prox;
  Mat      A;
  Vec      a, b, z, w, d; /* data of the map; a point, a cotangent, a direction */
} Map;

/* Uniform in (-1, 1), the same on any number of processes: every one draws all, and keeps its own */
static PetscErrorCode SetUniform(Vec v, PetscInt seed, PetscReal scale, PetscReal shift)
{
  PetscRandom random;
  PetscInt    lo, hi, n;
  PetscReal   value;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetType(random, PETSCRANDER48));
  PetscCall(PetscRandomSetSeed(random, (unsigned long)(1000 + seed)));
  PetscCall(PetscRandomSeed(random));
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscRandomGetValueReal(random, &value));
    if (i >= lo && i < hi) PetscCall(VecSetValue(v, i, scale * (2.0 * value - 1.0) + shift, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateAffine(PetscInt n, PetscInt seed, Map *p)
{
  PetscInt local, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(p->z, &local));
  PetscCall(MatCreateDense(p->comm, PETSC_DECIDE, local, ROWS, n, NULL, &p->A));
  PetscCall(MatGetOwnershipRange(p->A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < n; j++) PetscCall(MatSetValue(p->A, i, j, PetscCosReal((PetscReal)(seed + (i + 1) * (j + 1) * (j + 2))), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(p->A, NULL, &p->a));
  PetscCall(SetUniform(p->a, seed, 1.0, 0.0));
  PetscCall(ADJProxCreateAffine(p->A, p->a, &p->prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MapCreate(MPI_Comm comm, ADJProxKind kind, PetscInt n, PetscInt seed, Map *p)
{
  PetscMPIInt size, rank;
  PetscInt    blocks = n / BLOCK, local;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->comm = comm;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  local = BLOCK * (blocks / size + (rank < blocks % size ? 1 : 0));
  PetscCall(VecCreateMPI(comm, local, n, &p->z));
  PetscCall(VecDuplicate(p->z, &p->w));
  PetscCall(VecDuplicate(p->z, &p->d));
  PetscCall(SetUniform(p->z, 10 * seed, 3.0, 0.0));
  PetscCall(SetUniform(p->w, 10 * seed + 1, 1.0, 0.0));
  PetscCall(SetUniform(p->d, 10 * seed + 2, 1.0, 0.0));
  if (kind == ADJ_PROX_BOX) {
    PetscCall(VecDuplicate(p->z, &p->a));
    PetscCall(VecDuplicate(p->z, &p->b));
    PetscCall(SetUniform(p->a, 10 * seed + 3, 0.9, -1.0));
    PetscCall(SetUniform(p->b, 10 * seed + 4, 0.9, 1.0));
    PetscCall(ADJProxCreateBox(comm, p->a, p->b, &p->prox));
  }
  if (kind == ADJ_PROX_BALL) {
    PetscCall(VecDuplicate(p->z, &p->a));
    PetscCall(SetUniform(p->a, 10 * seed + 3, 1.0, 0.0));
    PetscCall(ADJProxCreateBall(comm, p->a, 0.5 * PetscSqrtReal((PetscReal)n), &p->prox));
  }
  if (kind == ADJ_PROX_NONNEGATIVE) PetscCall(ADJProxCreateNonnegative(comm, &p->prox));
  if (kind == ADJ_PROX_L1) PetscCall(ADJProxCreateL1(comm, 0.8, &p->prox));
  if (kind == ADJ_PROX_GROUP_L1) PetscCall(ADJProxCreateGroupL1(comm, 2.0, BLOCK, &p->prox));
  if (kind == ADJ_PROX_SIMPLEX) PetscCall(ADJProxCreateSimplex(comm, 4.0, &p->prox));
  if (kind == ADJ_PROX_AFFINE) PetscCall(CreateAffine(n, 10 * seed + 3, p));
  PetscCall(ADJProxSetFromOptions(p->prox));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MapDestroy(Map *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJProxDestroy(&p->prox));
  PetscCall(MatDestroy(&p->A));
  PetscCall(VecDestroy(&p->a));
  PetscCall(VecDestroy(&p->b));
  PetscCall(VecDestroy(&p->z));
  PetscCall(VecDestroy(&p->w));
  PetscCall(VecDestroy(&p->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* t times the norm of the kind; 0 for a projection, whose u lie in the set */
static PetscErrorCode Penalty(ADJProxKind kind, ADJProx prox, Vec u, PetscReal *g)
{
  const PetscScalar *a;
  PetscInt           n, step = kind == ADJ_PROX_GROUP_L1 ? BLOCK : 1;
  PetscReal          t, sum  = 0.0;

  PetscFunctionBeginUser;
  *g = 0.0;
  if (kind != ADJ_PROX_L1 && kind != ADJ_PROX_GROUP_L1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJProxGetParameter(prox, &t));
  PetscCall(VecGetLocalSize(u, &n));
  PetscCall(VecGetArrayRead(u, &a));
  for (PetscInt i = 0; i < n; i += step) {
    PetscReal square = 0.0;

    for (PetscInt j = i; j < i + step; j++) square += PetscSqr(PetscAbsScalar(a[j]));
    sum += t * PetscSqrtReal(square);
  }
  PetscCall(VecRestoreArrayRead(u, &a));
  PetscCallMPI(MPI_Allreduce(&sum, g, 1, MPIU_REAL, MPIU_SUM, PetscObjectComm((PetscObject)u)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The largest violation of the inequality above, and the largest |P(u) - P(z)|/|u - z| */
static PetscErrorCode Compare(ADJProxKind kind, Map *p, Vec y, PetscInt points, PetscReal *violation, PetscReal *expansion)
{
  Vec         u, v, e;
  PetscReal   gy, gu, near, far;
  PetscScalar dot;

  PetscFunctionBeginUser;
  *violation = *expansion = PETSC_NINFINITY;
  PetscCall(VecDuplicate(p->z, &u));
  PetscCall(VecDuplicate(p->z, &v));
  PetscCall(VecDuplicate(p->z, &e));
  PetscCall(Penalty(kind, p->prox, y, &gy));
  for (PetscInt k = 0; k < points; k++) {
    PetscCall(SetUniform(v, 500 + k, 3.0, 0.0));
    if (k % 2) PetscCall(VecAYPX(v, 1e-2, y)); /* near the value */
    PetscCall(ADJProxApply(p->prox, v, u));
    PetscCall(Penalty(kind, p->prox, u, &gu));
    PetscCall(VecAXPY(v, -1.0, p->z));
    PetscCall(VecNorm(v, NORM_2, &far));
    PetscCall(VecAXPY(u, -1.0, y));
    PetscCall(VecNorm(u, NORM_2, &near));
    PetscCall(VecWAXPY(e, -1.0, y, p->z));
    PetscCall(VecDot(e, u, &dot));
    *violation = PetscMax(*violation, (PetscRealPart(dot) - gu + gy) / far);
    *expansion = PetscMax(*expansion, near / far);
  }
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |d^T P'(z)^T w - w^T (P(z + h d) - P(z - h d))/2h|; the step does not reach a kink */
static PetscErrorCode CheckVJP(Map *p, PetscReal margin, PetscReal *error)
{
  const PetscReal h = PetscMin(1e-5, 0.5 * margin);
  Vec             y, zbar;
  PetscScalar     plus, minus, dot;
  PetscReal       norm, size;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->z, &y));
  PetscCall(VecDuplicate(p->z, &zbar));
  PetscCall(ADJProxVJP(p->prox, p->z, p->w, zbar));
  PetscCall(VecDot(zbar, p->d, &dot));
  PetscCall(VecNorm(p->d, NORM_2, &norm));
  PetscCall(VecNorm(p->w, NORM_2, &size));
  PetscCall(VecAXPY(p->z, h, p->d));
  PetscCall(ADJProxApply(p->prox, p->z, y));
  PetscCall(VecDot(y, p->w, &plus));
  PetscCall(VecAXPY(p->z, -2.0 * h, p->d));
  PetscCall(ADJProxApply(p->prox, p->z, y));
  PetscCall(VecDot(y, p->w, &minus));
  PetscCall(VecAXPY(p->z, h, p->d));
  *error = PetscAbsScalar(dot - 0.5 * (plus - minus) / h) / (norm * size);
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&zbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same computation on this process alone: how far its values and its pullback are from the entries that this process has */
static PetscErrorCode CheckAlone(ADJProxKind kind, Map *p, Vec y, PetscInt n, PetscInt seed, PetscReal *error)
{
  Map                alone;
  Vec                yalone, bar, baralone;
  const PetscScalar *a, *b;
  PetscReal          mine = 0.0;
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MapCreate(PETSC_COMM_SELF, kind, n, seed, &alone));
  PetscCall(VecDuplicate(alone.z, &yalone));
  PetscCall(VecDuplicate(alone.z, &baralone));
  PetscCall(VecDuplicate(p->z, &bar));
  PetscCall(ADJProxApply(alone.prox, alone.z, yalone));
  PetscCall(ADJProxVJP(alone.prox, alone.z, alone.w, baralone));
  PetscCall(ADJProxVJP(p->prox, p->z, p->w, bar));
  PetscCall(VecGetOwnershipRange(y, &lo, &hi));
  for (int k = 0; k < 2; k++) {
    PetscCall(VecGetArrayRead(k ? bar : y, &a));
    PetscCall(VecGetArrayRead(k ? baralone : yalone, &b));
    for (PetscInt i = lo; i < hi; i++) mine = PetscMax(mine, PetscAbsScalar(a[i - lo] - b[i]));
    PetscCall(VecRestoreArrayRead(k ? bar : y, &a));
    PetscCall(VecRestoreArrayRead(k ? baralone : yalone, &b));
  }
  PetscCallMPI(MPI_Allreduce(&mine, error, 1, MPIU_REAL, MPIU_MAX, p->comm));
  PetscCall(VecDestroy(&yalone));
  PetscCall(VecDestroy(&bar));
  PetscCall(VecDestroy(&baralone));
  PetscCall(MapDestroy(&alone));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On every process, by sorting: tau is the largest of (u_1 + ... + u_k - s)/k, u_1 >= u_2 >= ... (Held, Wolfe, Crowder 1974) */
static PetscErrorCode CheckSorted(Map *p, Vec y, PetscReal *error)
{
  VecScatter         scatter;
  Vec                all;
  const PetscScalar *a, *z;
  PetscReal         *u, s, sum = 0.0, tau = PETSC_NINFINITY, mine = 0.0;
  PetscInt           n, local;

  PetscFunctionBeginUser;
  PetscCall(ADJProxGetParameter(p->prox, &s));
  PetscCall(VecScatterCreateToAll(p->z, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, p->z, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, p->z, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetSize(all, &n));
  PetscCall(PetscMalloc1(n, &u));
  PetscCall(VecGetArrayRead(all, &a));
  for (PetscInt i = 0; i < n; i++) u[i] = PetscRealPart(a[i]);
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(PetscSortReal(n, u));
  for (PetscInt k = 0; k < n; k++) {
    sum += u[n - 1 - k];
    tau = PetscMax(tau, (sum - s) / (k + 1));
  }
  PetscCall(VecGetLocalSize(y, &local));
  PetscCall(VecGetArrayRead(y, &a));
  PetscCall(VecGetArrayRead(p->z, &z));
  for (PetscInt i = 0; i < local; i++) mine = PetscMax(mine, PetscAbsReal(PetscRealPart(a[i]) - PetscMax(PetscRealPart(z[i]) - tau, 0.0)));
  PetscCall(VecRestoreArrayRead(y, &a));
  PetscCall(VecRestoreArrayRead(p->z, &z));
  PetscCallMPI(MPI_Allreduce(&mine, error, 1, MPIU_REAL, MPIU_MAX, p->comm));
  PetscCall(PetscFree(u));
  PetscCall(VecDestroy(&all));
  PetscCall(VecScatterDestroy(&scatter));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The least change z - y with A (z - y) = A z - b, by LSQR */
static PetscErrorCode CheckLeast(Map *p, Vec y, PetscReal *error)
{
  KSP ksp;
  PC  pc;
  Vec r, e;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->a, &r));
  PetscCall(VecDuplicate(y, &e));
  PetscCall(MatMult(p->A, p->z, r));
  PetscCall(VecAXPY(r, -1.0, p->a));
  PetscCall(KSPCreate(p->comm, &ksp));
  PetscCall(KSPSetOperators(ksp, p->A, p->A));
  PetscCall(KSPSetType(ksp, KSPLSQR));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(KSPSetTolerances(ksp, 1e-14, ADJ_CURRENT, ADJ_CURRENT, 10 * ROWS));
  PetscCall(KSPSolve(ksp, r, e));
  PetscCall(VecAXPBYPCZ(e, 1.0, -1.0, 1.0, y, p->z)); /* e = e + y - z */
  PetscCall(VecNorm(e, NORM_INFINITY, error));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Check(ADJProxKind kind, PetscInt n, PetscInt points, PetscInt seed)
{
  Map       p;
  Vec       y, again;
  PetscReal violation, expansion, error = 0.0, margin;
  char      what[128];

  PetscFunctionBeginUser;
  PetscCall(MapCreate(PETSC_COMM_WORLD, kind, n, seed, &p));
  PetscCall(VecDuplicate(p.z, &y));
  PetscCall(VecDuplicate(p.z, &again));
  PetscCall(ADJProxApply(p.prox, p.z, y));
#define ROW(text) PetscSNPrintf(what, sizeof(what), "%s: %s", names[kind], text)
  PetscCall(Compare(kind, &p, y, points, &violation, &expansion));
  PetscCall(ROW("violation of optimality at random points"));
  PetscCall(GalleryBelow(what, "(z - y)^T (u - y) <= g(u) - g(y), Rockafellar 1970", violation, 1e-12));
  if (kind == ADJ_PROX_SIMPLEX || kind == ADJ_PROX_AFFINE) {
    if (kind == ADJ_PROX_SIMPLEX)
      PetscCall(CheckSorted(&p, y, &error));
    else
      PetscCall(CheckLeast(&p, y, &error));
    PetscCall(ROW(kind == ADJ_PROX_SIMPLEX ? "value by sorting" : "value by LSQR"));
    PetscCall(GalleryBelow(what, "the same value", error, 1e-12));
  }
  PetscCall(ROW("distance of two values over that of the points"));
  PetscCall(GalleryBelow(what, "nonexpansive, Moreau 1965", expansion, 1.0 + 1e-12));
  if (kind != ADJ_PROX_L1 && kind != ADJ_PROX_GROUP_L1) {
    PetscCall(ADJProxApply(p.prox, y, again));
    PetscCall(VecAXPY(again, -1.0, y));
    PetscCall(VecNorm(again, NORM_INFINITY, &error));
    PetscCall(ROW("P(P(z)) - P(z)"));
    PetscCall(GalleryBelow(what, "idempotent", error, 1e-12));
  }
  PetscCall(ADJProxGetSelection(p.prox, p.z, NULL, &margin, NULL));
  PetscCall(CheckVJP(&p, margin, &error));
  PetscCall(ROW("VJP"));
  PetscCall(GalleryBelow(what, "central difference", error, 1e-9));
  PetscCall(CheckAlone(kind, &p, y, n, seed, &error));
  PetscCall(ROW("value and VJP on one process"));
  PetscCall(GalleryBelow(what, "the same on any number of processes", error, 1e-12));
#undef ROW
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&again));
  PetscCall(MapDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt n = 60, points = 50, seed = 1;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-points", &points, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seed", &seed, NULL));
  PetscCheck(n > 0 && n % BLOCK == 0 && points > 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n must be a positive multiple of %d, -points positive", BLOCK);
  PetscCall(GalleryBegin("projections"));
  for (int kind = ADJ_PROX_BOX; kind <= ADJ_PROX_AFFINE; kind++) PetscCall(Check((ADJProxKind)kind, n, points, seed));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
