static char help[] = "A borrowed KSP whose DM computes A and b: when, how often, with multigrid, with null spaces.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

#define M     4
#define TIGHT "-ksp_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -adj_vjp_fd_color "

typedef enum {
  DIRICHLET,
  NEUMANN,     /* the constants are attached to A, b is made consistent */
  INCONSISTENT /* they are attached on both sides, b is not */
} Boundary;

/* -div (kappa grad u) = f in the unit square, kappa and f depend on four numbers that these functions read from here */
typedef struct {
  Boundary    boundary;
  PetscBool   claim; /* that A is symmetric, when it is computed */
  PetscScalar t[M];
  DM          da;
  KSP         ksp;
  ADJ         adj;
  Vec         theta, thetabar, thetadot, x, v;
  PetscInt    operators, rhs, puts; /* calls for the finest grid */
} Poisson;

static PetscScalar Kappa(const Poisson *p, PetscReal x, PetscReal y)
{
  return 1.0 + p->t[0] * x * x + p->t[1] * PetscSinReal(3.0 * x) * y + p->t[2] * x * y;
}

static PetscErrorCode ComputeOperators(KSP ksp, Mat J, Mat A, void *ctx)
{
  Poisson      *p = (Poisson *)ctx;
  DM            da;
  DMDALocalInfo info;
  MatStencil    row = {.k = 0}, col[5];
  MatNullSpace  sp;

  PetscFunctionBeginUser;
  PetscCall(KSPGetDM(ksp, &da));
  if (da == p->da) p->operators++;
  PetscCall(DMDAGetLocalInfo(da, &info));
  for (row.j = info.ys; row.j < info.ys + info.ym; row.j++) {
    for (row.i = info.xs; row.i < info.xs + info.xm; row.i++) {
      const PetscInt di[4] = {-1, 1, 0, 0}, dj[4] = {0, 0, -1, 1};
      PetscScalar    v[5] = {0.0}, k;
      PetscInt       n    = 1;

      col[0] = row;
      for (PetscInt s = 0; s < 4; s++) {
        const PetscInt  i = row.i + di[s], j = row.j + dj[s];
        const PetscBool inside = (PetscBool)(0 <= i && i < info.mx && 0 <= j && j < info.my);

        if (!inside && p->boundary != DIRICHLET) continue;
        k = Kappa(p, (row.i + 0.5 + 0.5 * di[s]) / info.mx, (row.j + 0.5 + 0.5 * dj[s]) / info.my) * (inside ? 1.0 : 2.0);
        v[0] += k;
        if (!inside) continue;
        col[n].i = i;
        col[n].j = j;
        col[n].k = 0;
        v[n++]   = -k;
      }
      PetscCall(MatSetValuesStencil(A, 1, &row, n, col, v, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  if (p->claim) PetscCall(MatSetOption(A, MAT_SYMMETRIC, PETSC_TRUE));
  if (p->claim) PetscCall(MatSetOption(A, MAT_HERMITIAN, PETSC_TRUE));
  if (p->boundary == DIRICHLET) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &sp)); /* another one each time, as in PETSc's tutorials */
  PetscCall(MatSetNullSpace(J, sp));
  if (p->boundary == INCONSISTENT) PetscCall(MatSetTransposeNullSpace(J, sp));
  PetscCall(MatNullSpaceDestroy(&sp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ComputeRHS(KSP ksp, Vec b, void *ctx)
{
  Poisson      *p = (Poisson *)ctx;
  DM            da;
  DMDALocalInfo info;
  PetscScalar **a, mean;
  PetscInt      n;

  PetscFunctionBeginUser;
  p->rhs++;
  PetscCall(KSPGetDM(ksp, &da));
  PetscCall(DMDAGetLocalInfo(da, &info));
  PetscCall(DMDAVecGetArray(da, b, &a));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) a[j][i] = PetscExpScalar(-p->t[3] * (i + 0.5) / info.mx) * (1.0 + 0.3 * PetscCosReal(2.0 * j)) / (info.mx * info.my);
  }
  PetscCall(DMDAVecRestoreArray(da, b, &a));
  if (p->boundary != NEUMANN) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecSum(b, &mean));
  PetscCall(VecGetSize(b, &n));
  PetscCall(VecShift(b, -mean / (PetscReal)n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Poisson           *p = (Poisson *)ctx;
  Vec                all;
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  p->puts++;
  PetscCall(GatherBegin(theta, &all, &t));
  PetscCall(PetscArraycpy(p->t, t, M));
  PetscCall(GatherEnd(&all, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a code of PETSc's tutorials does */
static PetscErrorCode CreateKSP(Poisson *p, KSP *ksp)
{
  PetscFunctionBeginUser;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetDM(*ksp, p->da));
  PetscCall(KSPSetComputeRHS(*ksp, ComputeRHS, p));
  PetscCall(KSPSetComputeOperators(*ksp, ComputeOperators, p));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v has no mean unless `reach` */
static PetscErrorCode PoissonCreate(Boundary boundary, PetscBool reach, Poisson *p)
{
  PetscMPIInt rank;
  PetscScalar mean;
  PetscInt    n;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->boundary = boundary;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 12, 10, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &p->da));
  PetscCall(DMSetUp(p->da));
  PetscCall(DMDASetInterpolationType(p->da, DMDA_Q0));
  PetscCall(DMCreateGlobalVector(p->da, &p->x));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, rank ? 0 : M, M, &p->theta));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecDuplicate(p->theta, &p->thetadot));
  for (PetscInt k = 0; k < M; k++) PetscCall(VecSetValue(p->theta, k, 0.4 + 0.3 * k, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(p->theta));
  PetscCall(VecAssemblyEnd(p->theta));
  PetscCall(VecSetWave(p->thetadot, 51));
  PetscCall(VecRealPart(p->thetadot));
  PetscCall(VecSetWave(p->v, 52));
  PetscCall(VecSum(p->v, &mean));
  PetscCall(VecGetSize(p->v, &n));
  if (!reach) PetscCall(VecShift(p->v, -mean / (PetscReal)n));
  PetscCall(CreateKSP(p, &p->ksp));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetKSP(p->adj, p->ksp));
  PetscCall(ADJSetParameters(p->adj, Put, p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PoissonDestroy(Poisson *p)
{
  Vec *vecs[] = {&p->theta, &p->thetabar, &p->thetadot, &p->x, &p->v};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(KSPDestroy(&p->ksp));
  PetscCall(DMDestroy(&p->da));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, x> along thetadot, by a KSP of its own: fourth order */
static PetscErrorCode Difference(Poisson *p, PetscReal *slope)
{
  const PetscReal h = 4e-3, weight[4] = {1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0}, at[4] = {-2.0, -1.0, 1.0, 2.0};
  PetscReal       J = 0.0;
  Vec             theta, x;
  KSP             ksp;

  PetscFunctionBeginUser;
  *slope = 0.0;
  PetscCall(VecDuplicate(p->theta, &theta));
  for (PetscInt k = 0; k < 4; k++) {
    PetscCall(VecWAXPY(theta, at[k] * h, p->thetadot, p->theta));
    PetscCall(Put(NULL, theta, p));
    PetscCall(CreateKSP(p, &ksp));
    PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
    PetscCall(KSPSolve(ksp, NULL, NULL));
    PetscCall(KSPGetSolution(ksp, &x));
    PetscCall(RealDot(x, p->v, &J));
    *slope += weight[k] * J / h;
    PetscCall(KSPDestroy(&ksp));
  }
  PetscCall(Put(NULL, p->theta, p));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar_k = sum_ij G_ij dA_ij/dtheta_k, A being linear in the first three */
static PetscErrorCode TapChain(Poisson *p)
{
  Mat                G, A, D;
  const PetscScalar *g, *d;
  PetscInt           lo, hi, n;
  PetscScalar        sum, value;
  PetscReal          norm;
  const PetscInt     one = 1;

  PetscFunctionBeginUser;
  PetscCall(ADJGetMatGradient(p->adj, &G));
  PetscCall(KSPGetOperators(p->ksp, &A, NULL));
  PetscCall(MatDuplicate(A, MAT_DO_NOT_COPY_VALUES, &D));
  p->t[1] += 1.0;
  PetscCall(ComputeOperators(p->ksp, D, D, p));
  p->t[1] -= 1.0;
  PetscCall(MatAXPY(D, -1.0, A, SAME_NONZERO_PATTERN));
  PetscCall(MatGetOwnershipRange(D, &lo, &hi));
  sum = 0.0;
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatGetRow(G, i, &n, NULL, &g));
    PetscCall(MatGetRow(D, i, NULL, NULL, &d));
    for (PetscInt k = 0; k < n; k++) sum += g[k] * PetscConj(d[k]);
    PetscCall(MatRestoreRow(D, i, NULL, NULL, &d));
    PetscCall(MatRestoreRow(G, i, &n, NULL, &g));
  }
  PetscCall(VecGetOwnershipRange(p->thetabar, &lo, &hi));
  if (lo <= 1 && 1 < hi) PetscCall(VecGetValues(p->thetabar, 1, &one, &value));
  if (lo <= 1 && 1 < hi) sum -= value;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscCall(VecNorm(p->thetabar, NORM_2, &norm));
  PetscCall(TapBelow(PetscAbsScalar(sum) / norm, 1e-7, "the chain through the gradient in the entries of A"));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&D));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestGradient(Boundary boundary, PetscBool claim, const char options[])
{
  Poisson      p;
  PetscOptions opts;
  ADJTrust     verdict;
  PetscReal    slope, left, right, order, error;
  PetscBool    cg;
  KSP          adjoint;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(PoissonCreate(boundary, (PetscBool)(boundary == DIRICHLET), &p));
  p.claim = claim;
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "boundary %d, %s: verdict %s", boundary, options, ADJTrusts[verdict]));
  PetscCall(ADJGetKSP(p.adj, &adjoint));
  PetscCall(PetscObjectTypeCompare((PetscObject)adjoint, KSPCG, &cg));
  PetscCall(TapOk((PetscBool)(cg == claim), "%sby CG: that A is symmetric is said when it is computed", claim ? "" : "not "));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.x));
  PetscCall(RealDot(p.v, p.x, &left));
  PetscCall(RealDot(p.thetabar, p.thetadot, &right));
  PetscCall(TapClose(left, right, 1e-7, "<v, xdot> = <thetabar, thetadot>"));
  PetscCall(Difference(&p, &slope));
  PetscCall(TapClose(right, slope, 1e-7, "central differences"));
  PetscCall(TapChain(&p));
  PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.9 && error < 1e-6), "Taylor test: order %g, error %g", (double)order, (double)error));
  PetscCall(PoissonDestroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A functional of what is not determined is refused */
static PetscErrorCode TestRefused(Boundary boundary)
{
  Poisson      p;
  PetscOptions opts;
  ADJTrust     verdict;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(TIGHT "-ksp_type cg -pc_type jacobi -adj_trust_action ignore", &opts));
  PetscCall(PoissonCreate(boundary, PETSC_TRUE, &p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_NULLSPACE), "boundary %d, a functional that sees the constants: %s", boundary, ADJTrusts[verdict]));
  PetscCall(PoissonDestroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* To the bit what the KSP does alone; computed once for a solve; afterwards the KSP solves as before, and its matrix is that of theta */
static PetscErrorCode TestUntouched(Boundary boundary, const char options[])
{
  Poisson      p;
  PetscOptions opts;
  KSP          alone;
  Mat          A, B;
  Vec          x, again;
  PetscInt     its[2];
  PetscReal    norm;
  PetscBool    equal;
  MatNullSpace sp;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(PoissonCreate(boundary, (PetscBool)(boundary == DIRICHLET), &p));
  PetscCall(Put(NULL, p.theta, &p));
  PetscCall(CreateKSP(&p, &alone));
  PetscCall(KSPSolve(alone, NULL, NULL));
  PetscCall(KSPGetSolution(alone, &x));
  PetscCall(KSPGetIterationNumber(alone, &its[0]));
  p.operators = p.rhs = p.puts = 0;
  PetscCall(PetscArrayzero(p.t, M));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapOk((PetscBool)(p.operators == 1 && p.rhs == 1 && p.puts == 1), "boundary %d, %s: put %" PetscInt_FMT ", operators %" PetscInt_FMT ", right-hand sides %" PetscInt_FMT, boundary, options, p.puts, p.operators, p.rhs));
  PetscCall(VecEqual(x, p.x, &equal));
  PetscCall(KSPGetIterationNumber(p.ksp, &its[1]));
  PetscCall(TapOk((PetscBool)(equal && its[0] == its[1]), "the solution is that of the KSP alone, after %" PetscInt_FMT " iterations", its[1]));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(KSPGetOperators(p.ksp, &A, NULL));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(KSPGetOperators(alone, &A, NULL));
  PetscCall(MatAXPY(B, -1.0, A, SAME_NONZERO_PATTERN));
  PetscCall(MatNorm(B, NORM_FROBENIUS, &norm));
  PetscCall(TapOk((PetscBool)(norm == 0.0), "after the gradient its matrix is that of theta"));
  PetscCall(MatDestroy(&B));
  PetscCall(KSPGetOperators(p.ksp, &A, NULL));
  PetscCall(MatGetTransposeNullSpace(A, &sp));
  PetscCall(TapOk((PetscBool)((boundary == INCONSISTENT) == (sp != NULL)), "and has the null spaces that it was given"));
  PetscCall(KSPSolve(p.ksp, NULL, NULL));
  PetscCall(KSPGetSolution(p.ksp, &again));
  PetscCall(VecEqual(x, again, &equal));
  PetscCall(KSPGetIterationNumber(p.ksp, &its[1]));
  PetscCall(TapOk((PetscBool)(equal && its[0] == its[1]), "and it solves as before"));
  PetscCall(KSPDestroy(&alone));
  PetscCall(PoissonDestroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After the user's own KSPSolve(): with parameters, and with b in their place, which the DM no longer computes */
static PetscErrorCode TestSolved(void)
{
  Poisson      p;
  PetscOptions opts;
  ADJTrust     verdict;
  Vec          b, bbar, w;
  Mat          A;
  PetscReal    error;
  PetscInt     rhs;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(TIGHT "-pc_type jacobi -ksp_gmres_restart 200", &opts));
  PetscCall(PoissonCreate(DIRICHLET, PETSC_TRUE, &p));
  PetscCall(Put(NULL, p.theta, &p));
  PetscCall(KSPSolve(p.ksp, NULL, NULL));
  PetscCall(KSPGetSolution(p.ksp, &w));
  PetscCall(VecCopy(w, p.x));
  PetscCall(ADJSetSolved(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "after KSPSolve(): %s", ADJTrusts[verdict]));
  PetscCall(TapChain(&p));

  PetscCall(ADJReset(p.adj));
  PetscCall(ADJSetParameters(p.adj, NULL, NULL));
  PetscCall(KSPGetRhs(p.ksp, &b));
  PetscCall(VecDuplicate(b, &bbar));
  PetscCall(VecDuplicate(b, &w));
  PetscCall(ADJSetSolved(p.adj, b, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, bbar));
  PetscCall(KSPGetOperators(p.ksp, &A, NULL));
  PetscCall(SolveByHand(A, PETSC_TRUE, p.v, w));
  PetscCall(VecDistance(bbar, w, &error));
  PetscCall(TapBelow(error, 1e-9, "the pullback to b is the adjoint"));
  PetscCall(VecSetWave(bbar, 61));
  rhs = p.rhs;
  PetscCall(ADJSolve(p.adj, bbar, p.x));
  PetscCall(SolveByHand(A, PETSC_FALSE, bbar, w));
  PetscCall(VecDistance(p.x, w, &error));
  PetscCall(TapOk((PetscBool)(error < 1e-9 && p.rhs == rhs), "ADJSolve() takes another b, error %g", (double)error));
  PetscCall(VecDestroy(&bbar));
  PetscCall(VecDestroy(&w));
  PetscCall(PoissonDestroy(&p));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestGradient(DIRICHLET, PETSC_FALSE, TIGHT "-pc_type jacobi -ksp_gmres_restart 200"));
  PetscCall(TestGradient(DIRICHLET, PETSC_TRUE, TIGHT "-ksp_type cg -pc_type mg -pc_mg_levels 2 -pc_mg_galerkin both -mg_levels_ksp_type richardson -mg_levels_pc_type jacobi -mg_levels_ksp_richardson_scale 0.7 -mg_coarse_pc_type redundant"));
  PetscCall(TestGradient(NEUMANN, PETSC_FALSE, TIGHT "-pc_type jacobi -ksp_gmres_restart 200"));
  PetscCall(TestGradient(NEUMANN, PETSC_TRUE, TIGHT "-ksp_type cg -pc_type jacobi"));
  PetscCall(TestGradient(INCONSISTENT, PETSC_FALSE, TIGHT "-pc_type jacobi -ksp_gmres_restart 200"));
  PetscCall(TestRefused(NEUMANN));
  PetscCall(TestRefused(INCONSISTENT));
  PetscCall(TestUntouched(DIRICHLET, "-ksp_rtol 1e-8 -adj_vjp_fd_color"));
  PetscCall(TestUntouched(DIRICHLET, "-ksp_rtol 1e-8 -adj_vjp_fd_color -ksp_type cg -pc_type mg -pc_mg_levels 2"));
  PetscCall(TestUntouched(NEUMANN, "-ksp_rtol 1e-8 -adj_vjp_fd_color -ksp_type cg -pc_type jacobi"));
  PetscCall(TestUntouched(INCONSISTENT, "-ksp_rtol 1e-8 -adj_vjp_fd_color -pc_type jacobi"));
  PetscCall(TestSolved());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
