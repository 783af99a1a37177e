static char help[] = "Saddle points: a borrowed KSP on a MATNEST, with field splits in the forward solve and in the adjoint.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ksp.h"

#define NU    48
#define NP    12
#define TIGHT "-ksp_rtol 1e-12 -adj_ksp_rtol 1e-12 -adj_tangent_ksp_rtol 1e-12 -adj_vjp_fd_color "
#define SCHUR "-ksp_type fgmres -pc_type fieldsplit -pc_fieldsplit_type schur -pc_fieldsplit_schur_fact_type full -pc_fieldsplit_schur_precondition selfp -fieldsplit_u_pc_type jacobi -fieldsplit_p_pc_type jacobi "
#define INNER "-fieldsplit_u_ksp_type gmres -fieldsplit_u_ksp_rtol 1e-3 -fieldsplit_p_ksp_type gmres -fieldsplit_p_ksp_rtol 1e-2 "

/* [[K, B], [C, ]], K = K0 + t_0 K1 + t_1^2 I, with C = B^H or not */
typedef struct {
  PetscBool   symmetric;
  PetscScalar t[2];
  Mat         A, K, B, C;
  Vec         b, x, v, w, theta, thetabar, thetadot;
  KSP         ksp;
  ADJ         adj;
} Saddle;

static PetscErrorCode FillK(Saddle *s)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(s->K, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscScalar wind = s->symmetric ? 0.0 : 0.6 * s->t[0];

    PetscCall(MatSetValue(s->K, i, i, 2.0 + s->t[1] * s->t[1] + (s->symmetric ? s->t[0] : 0.0), INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(s->K, i, i - 1, -1.0 - wind, INSERT_VALUES));
    if (i < NU - 1) PetscCall(MatSetValue(s->K, i, i + 1, -1.0 + wind, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(s->K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(s->K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(s->A, MAT_FINAL_ASSEMBLY)); /* a nest does not see that a block has changed */
  PetscCall(MatAssemblyEnd(s->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Saddle            *s = (Saddle *)ctx;
  Vec                all;
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(GatherBegin(theta, &all, &t));
  PetscCall(PetscArraycpy(s->t, t, 2));
  PetscCall(GatherEnd(&all, &t));
  PetscCall(FillK(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateBlocks(Saddle *s)
{
  PetscInt nu, np, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, LAYOUT_UNEVEN, NU, &nu));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, LAYOUT_UNEVEN, NP, &np));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, nu, nu, NU, NU, 3, NULL, 3, NULL, &s->K));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, nu, np, NU, NP, 2, NULL, 2, NULL, &s->B));
  PetscCall(MatGetOwnershipRange(s->B, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(s->B, i, i / 4, i % 4 == 1 ? 1.0 : 0.3, INSERT_VALUES));
    PetscCall(MatSetValue(s->B, i, (i / 4 + 1) % NP, -0.4 + 0.2 * Wave(71, i, 2), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(s->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(s->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatHermitianTranspose(s->B, MAT_INITIAL_MATRIX, &s->C));
  if (!s->symmetric) { /* and not the transpose of B */
    PetscCall(MatGetOwnershipRange(s->C, &lo, &hi));
    for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValue(s->C, i, 4 * i + 1, 1.5, INSERT_VALUES));
    PetscCall(MatAssemblyBegin(s->C, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(s->C, MAT_FINAL_ASSEMBLY));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's code; options are read */
static PetscErrorCode SaddleCreate(PetscBool symmetric, Saddle *s)
{
  Mat       blocks[4];
  IS        is[2];
  PC        pc;
  PetscBool split;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  s->symmetric = symmetric;
  PetscCall(CreateBlocks(s));
  blocks[0] = s->K;
  blocks[1] = s->B;
  blocks[2] = s->C;
  blocks[3] = NULL;
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, NULL, 2, NULL, blocks, &s->A));
  s->t[0] = 0.5;
  s->t[1] = 0.7;
  PetscCall(FillK(s));
  if (symmetric) {
    PetscCall(MatSetOption(s->A, MAT_SYMMETRIC, (PetscBool)!PetscDefined(USE_COMPLEX)));
    PetscCall(MatSetOption(s->A, MAT_HERMITIAN, PETSC_TRUE));
    PetscCall(MatSetOption(s->A, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  }
  PetscCall(MatCreateVecs(s->A, &s->x, &s->b));
  PetscCall(VecDuplicate(s->x, &s->v));
  PetscCall(VecDuplicate(s->x, &s->w));
  PetscCall(VecSetWave(s->b, 72));
  PetscCall(VecSetWave(s->v, 73));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 2, &s->theta));
  PetscCall(VecSet(s->theta, 0.6));
  PetscCall(VecDuplicate(s->theta, &s->thetabar));
  PetscCall(VecDuplicate(s->theta, &s->thetadot));
  PetscCall(VecSetWave(s->thetadot, 74));
  PetscCall(VecRealPart(s->thetadot));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &s->ksp));
  PetscCall(KSPSetOperators(s->ksp, s->A, s->A));
  PetscCall(KSPSetFromOptions(s->ksp));
  PetscCall(KSPGetPC(s->ksp, &pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCFIELDSPLIT, &split));
  if (split) {
    PetscCall(MatNestGetISs(s->A, is, NULL));
    PetscCall(PCFieldSplitSetIS(pc, "u", is[0]));
    PetscCall(PCFieldSplitSetIS(pc, "p", is[1]));
  }
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &s->adj));
  PetscCall(ADJSetKSP(s->adj, s->ksp));
  PetscCall(ADJSetRhs(s->adj, s->b));
  PetscCall(ADJSetParameters(s->adj, Put, s));
  PetscCall(ADJSetFromOptions(s->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SaddleDestroy(Saddle *s)
{
  Vec *vecs[] = {&s->b, &s->x, &s->v, &s->w, &s->theta, &s->thetabar, &s->thetadot};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&s->adj));
  PetscCall(KSPDestroy(&s->ksp));
  PetscCall(MatDestroy(&s->A));
  PetscCall(MatDestroy(&s->K));
  PetscCall(MatDestroy(&s->B));
  PetscCall(MatDestroy(&s->C));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By hand, on the assembled matrix */
static PetscErrorCode SolveSaddle(Saddle *s, PetscBool adjoint, Vec b, Vec y)
{
  Mat A;

  PetscFunctionBeginUser;
  PetscCall(MatConvert(s->A, MATAIJ, MAT_INITIAL_MATRIX, &A));
  PetscCall(SolveByHand(A, adjoint, b, y));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Re <v, x> along thetadot */
static PetscErrorCode Difference(Saddle *s, PetscReal *slope)
{
  const PetscReal h = 4e-3, weight[4] = {1.0 / 12.0, -2.0 / 3.0, 2.0 / 3.0, -1.0 / 12.0}, at[4] = {-2.0, -1.0, 1.0, 2.0};
  PetscReal       J = 0.0;
  Vec             theta;

  PetscFunctionBeginUser;
  *slope = 0.0;
  PetscCall(VecDuplicate(s->theta, &theta));
  for (PetscInt k = 0; k < 4; k++) {
    PetscCall(VecWAXPY(theta, at[k] * h, s->thetadot, s->theta));
    PetscCall(Put(NULL, theta, s));
    PetscCall(SolveSaddle(s, PETSC_FALSE, s->b, s->w));
    PetscCall(RealDot(s->w, s->v, &J));
    *slope += weight[k] * J / h;
  }
  PetscCall(Put(NULL, s->theta, s));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSaddle(PetscBool symmetric, const char options[], PCType pctype, KSPType ksptype)
{
  Saddle       s;
  PetscOptions opts;
  ADJTrust     verdict;
  PetscInt     its[2], again;
  KSP          ksp;
  PC           pc;
  Vec          w;
  PetscBool    same[2];
  PCType       thepc;
  KSPType      theksp;
  PetscReal    error, slope, left, right;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(SaddleCreate(symmetric, &s));
  PetscCall(ADJSolve(s.adj, s.theta, s.x));
  PetscCall(ADJSolveAdjoint(s.adj, s.v, s.thetabar));
  PetscCall(ADJGetTrust(s.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", options, ADJTrusts[verdict]));
  PetscCall(ADJGetKSP(s.adj, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCGetType(pc, &thepc));
  PetscCall(KSPGetType(ksp, &theksp));
  PetscCall(PetscStrcmp(thepc, pctype, &same[0]));
  PetscCall(PetscStrcmp(theksp, ksptype, &same[1]));
  PetscCall(ADJGetForwardIterations(s.adj, &its[0]));
  PetscCall(ADJGetAdjointIterations(s.adj, &its[1]));
  PetscCall(TapOk((PetscBool)(same[0] && same[1] && its[1] <= its[0] + 5), "%" PetscInt_FMT " iterations, of the adjoint %" PetscInt_FMT " by %s and %s", its[0], its[1], theksp, thepc));
  PetscCall(ADJGetAdjointSolution(s.adj, &w));
  PetscCall(SolveSaddle(&s, PETSC_TRUE, s.v, s.w));
  PetscCall(VecDistance(w, s.w, &error));
  PetscCall(TapBelow(error, 1e-9, "the adjoint is that by hand"));
  PetscCall(RealDot(s.thetabar, s.thetadot, &right));
  PetscCall(ADJSolveTangent(s.adj, s.thetadot, s.w));
  PetscCall(RealDot(s.v, s.w, &left));
  PetscCall(TapClose(left, right, 1e-7, "<v, xdot> = <thetabar, thetadot>"));
  PetscCall(Difference(&s, &slope));
  PetscCall(TapClose(right, slope, 1e-7, "central differences"));
  PetscCall(VecScale(s.theta, 1.3));
  PetscCall(ADJSolve(s.adj, s.theta, s.x));
  PetscCall(ADJSolveAdjoint(s.adj, s.v, s.thetabar));
  PetscCall(ADJGetAdjointIterations(s.adj, &again));
  PetscCall(Difference(&s, &slope));
  PetscCall(RealDot(s.thetabar, s.thetadot, &right));
  PetscCall(TapClose(right, slope, 1e-7, "at other parameters"));
  PetscCall(TapOk((PetscBool)(again <= its[1] + 5), "after %" PetscInt_FMT " iterations", again));
  PetscCall(SaddleDestroy(&s));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestSaddle(PETSC_FALSE, TIGHT SCHUR, PCFIELDSPLIT, KSPFGMRES));
  PetscCall(TestSaddle(PETSC_FALSE, TIGHT SCHUR INNER, PCFIELDSPLIT, KSPFGMRES));
  PetscCall(TestSaddle(PETSC_FALSE, TIGHT SCHUR "-adj_pc_type fieldsplit -adj_fieldsplit_u_pc_type jacobi", PCFIELDSPLIT, KSPFGMRES));
  PetscCall(TestSaddle(PETSC_TRUE, TIGHT "-ksp_type minres -pc_type fieldsplit -pc_fieldsplit_type schur -pc_fieldsplit_schur_fact_type diag -pc_fieldsplit_schur_precondition selfp -fieldsplit_u_pc_type jacobi -fieldsplit_p_pc_type jacobi -fieldsplit_u_ksp_type preonly -fieldsplit_p_ksp_type preonly -adj_trust_svd", PCSHELL, KSPMINRES));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
