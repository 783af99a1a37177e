static char help[] = "A borrowed solver in other hands: two contexts, another problem after it, other matrices, a test.\n\n";

/*
   nsize: 1 2 4
*/
#include "ksp.h"
#include "minimizer.h"
#include "reaction.h"

/* Two contexts on one KSP, at different parameters, by turns: matrix, right-hand side and parameters are shared */
static PetscErrorCode TestKSP(void)
{
  Linear p;
  ADJ    adj[2];
  Vec    theta[2], reference[2];

  PetscFunctionBeginUser;
  PetscCall(LinearCreate(20, LAYOUT_UNEVEN, 3, LAYOUT_LAST, PETSC_FALSE, &p));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDuplicate(p.theta, &theta[i]));
    PetscCall(VecDuplicate(p.theta, &reference[i]));
    PetscCall(VecCopy(p.theta, theta[i]));
    PetscCall(VecScale(theta[i], 1.0 + i));
    PetscCall(LinearCreateADJ(&p));
    PetscCall(ADJSolve(p.adj, theta[i], p.x));
    PetscCall(ADJSolveAdjoint(p.adj, p.v, reference[i]));
    PetscCall(ADJDestroy(&p.adj));
  }
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(LinearCreateADJ(&p));
    adj[i] = p.adj;
    PetscCall(ADJSolve(adj[i], theta[i], p.x));
  }
  p.adj = NULL;
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSolveAdjoint(adj[i % 2], p.v, p.thetabar));
    PetscCall(ReactionTapGradient(p.thetabar, reference[i % 2], 1e-6, "two contexts on one KSP"));
  }
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&theta[i]));
    PetscCall(VecDestroy(&reference[i]));
    PetscCall(ADJDestroy(&adj[i]));
  }
  PetscCall(LinearDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same on one Tao, whose Hessian is one matrix, or one shell that holds the point it belongs to */
static PetscErrorCode TestTao(HessianKind kind)
{
  Minimizer p;
  ADJ       adj[2];
  Vec       theta[2], reference[2];

  PetscFunctionBeginUser;
  PetscCall(MinimizerCreate(12, LAYOUT_UNEVEN, 3, LAYOUT_LAST, kind, TAONLS, &p));
  adj[0] = p.adj;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj[1]));
  PetscCall(ADJSetTaoSolution(adj[1], p.tao));
  PetscCall(ADJSetParameters(adj[1], MinimizerPut, &p));
  PetscCall(ADJSetParameterVJP(adj[1], MinimizerParameterVJP, &p));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDuplicate(p.theta, &theta[i]));
    PetscCall(VecDuplicate(p.theta, &reference[i]));
    PetscCall(VecCopy(p.theta, theta[i]));
    PetscCall(VecScale(theta[i], 1.0 + i));
    PetscCall(ADJSolve(adj[i], theta[i], p.x));
    PetscCall(ADJSolveAdjoint(adj[i], p.v, reference[i]));
  }
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSolveAdjoint(adj[i % 2], p.v, p.thetabar));
    PetscCall(ReactionTapGradient(p.thetabar, reference[i % 2], 1e-6, "two contexts on one Tao"));
  }
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecDestroy(&theta[i]));
    PetscCall(VecDestroy(&reference[i]));
  }
  PetscCall(ADJDestroy(&adj[1]));
  PetscCall(MinimizerDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Root(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, y));
  PetscCall(VecShift(y, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(VecCopy(w, xbar));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another problem in the place of a borrowed solver: its matrices go with it */
static PetscErrorCode TapReplaced(ADJ adj, Vec theta, Vec x, Vec v, Vec thetabar, const char what[])
{
  Mat       A, P;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(ADJReset(adj));
  PetscCall(ADJSetResidual(adj, Root, NULL));
  PetscCall(ADJGetJacobian(adj, &A, &P, NULL, NULL));
  PetscCall(TapOk((PetscBool)(!A && !P), "%s replaced by a residual: no Jacobian is left", what));
  PetscCall(ADJSetVJP(adj, RootVJP, NULL));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, v, thetabar), "%s replaced by a residual: a gradient", what));
  PetscCall(VecShift(x, -1.0));
  PetscCall(VecNorm(x, NORM_2, &norm));
  PetscCall(TapBelow(norm, 1e-8, "%s replaced by a residual: its solution", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is held by the context alone may be given to it again; variables go where a function comes */
static PetscErrorCode TestAgain(void)
{
  ADJ       adj;
  KSP       ksp, same;
  Linear    p;
  PetscReal t       = 2.0;
  void     *address = &t;
  PetscInt  m[2];

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(ADJSetKSP(adj, ksp));
  same = ksp;
  PetscCall(KSPDestroy(&ksp));
  PetscCall(TapError(PETSC_SUCCESS, ADJSetKSP(adj, same), "the same KSP again, which nobody else holds"));
  PetscCall(ADJSetParameterAddresses(adj, 1, PETSC_REAL, &address));
  PetscCall(ADJGetParameterAddresses(adj, &m[0], NULL, NULL));
  PetscCall(ADJSetParameters(adj, LinearPut, &p));
  PetscCall(ADJGetParameterAddresses(adj, &m[1], NULL, NULL));
  PetscCall(TapOk((PetscBool)(m[0] == 1 && m[1] == 0), "ADJSetParameters() takes the place of ADJSetParameterAddresses()"));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestReplaced(void)
{
  Linear    p;
  Minimizer q;

  PetscFunctionBeginUser;
  PetscCall(LinearCreate(20, LAYOUT_UNEVEN, 3, LAYOUT_LAST, PETSC_FALSE, &p));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapReplaced(p.adj, p.theta, p.x, p.v, p.thetabar, "KSP"));
  PetscCall(LinearDestroy(&p));
  if (PetscDefined(USE_COMPLEX)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MinimizerCreate(12, LAYOUT_UNEVEN, 3, LAYOUT_LAST, HESSIAN_ASSEMBLED, TAONLS, &q));
  PetscCall(ADJSolve(q.adj, q.theta, q.x));
  PetscCall(ADJSolveAdjoint(q.adj, q.v, q.thetabar));
  PetscCall(TapReplaced(q.adj, q.theta, q.x, q.v, q.thetabar, "Tao"));
  PetscCall(MinimizerDestroy(&q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Between solve and adjoint the SNES gets other matrices, with and without copies of the first. ADJTestVJP() elsewhere leaves nothing behind */
static PetscErrorCode TestSNES(PetscBool lagged)
{
  Reaction    r;
  ADJ         adj;
  DM          da;
  Mat         J;
  KSP         ksp;
  Vec         x, xbar, thetabar, reference, theta;
  PetscReal   error[2];
  PetscScalar p;

  PetscFunctionBeginUser;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 7, 4.0, &r));
  PetscCall(SNESSetTolerances(r.snes, 1e-11, 1e-11, 0.0, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(SNESGetDM(r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ReactionCotangent(da, &xbar));
  PetscCall(VecDuplicate(r.theta, &thetabar));
  PetscCall(VecDuplicate(r.theta, &reference));
  PetscCall(ReactionReference(&r, x, xbar, reference));
  PetscCall(ReactionCreateADJ(&r, &adj));
  if (lagged) PetscCall(SNESSetLagJacobian(r.snes, 2));
  if (lagged) PetscCall(SNESSetLagJacobianPersists(r.snes, PETSC_TRUE));
  PetscCall(ADJSolve(adj, r.theta, x));
  PetscCall(DMCreateMatrix(da, &J));
  PetscCall(SNESSetJacobian(r.snes, J, J, NULL, NULL));
  PetscCall(MatDestroy(&J));
  PetscCall(SNESGetKSP(r.snes, &ksp));
  PetscCall(KSPReset(ksp)); /* the last that held the first ones */
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, xbar, thetabar), "other matrices since the solve%s", lagged ? ", lagged" : ""));
  PetscCall(ReactionTapGradient(thetabar, reference, 1e-7, "other matrices since the solve"));
  PetscCall(ADJSolve(adj, r.theta, x));
  p = r.p[0];
  PetscCall(VecDuplicate(r.theta, &theta));
  PetscCall(VecSet(theta, 0.5));
  PetscCall(ADJTestVJP(adj, theta, x, &error[0], &error[1]));
  PetscCall(TapOk((PetscBool)(error[0] < 1e-5 && error[1] < 1e-5), "ADJTestVJP() elsewhere: the products are right"));
  PetscCall(TapOk((PetscBool)(r.p[0] == p), "ADJTestVJP() elsewhere: the parameters of the solution are put back"));
  PetscCall(VecDestroy(&theta));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&reference));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Matrices of a nest of which the function of ADJSetParameters() assembles one block */
typedef struct {
  Mat A, block;
} Nested;

static PetscErrorCode NestedPut(ADJ adj, Vec theta, void *ctx)
{
  Nested   *p = (Nested *)ctx;
  PetscReal t;
  PetscInt  lo, hi;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecNorm(theta, NORM_2, &t));
  PetscCall(MatGetOwnershipRange(p->block, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(p->block, i, i, t, INSERT_VALUES));
    if (i) PetscCall(MatSetValue(p->block, i, i - 1, 1.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->block, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->block, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NoParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)w;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecSet(thetabar, 0.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The explicit transpose follows: residuals of adjoints at two values of theta, unjudged */
static PetscErrorCode TestNest(void)
{
  Nested    p;
  ADJ       adj;
  KSP       ksp;
  PC        pc;
  Vec       x, b, v, w, r, theta;
  PetscReal norm, vnorm;

  PetscFunctionBeginUser;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 9, 9, 2, NULL, 1, NULL, &p.block));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 1, &theta));
  PetscCall(VecSet(theta, 3.0));
  PetscCall(NestedPut(NULL, theta, &p));
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 1, NULL, 1, NULL, &p.block, &p.A));
  PetscCall(MatCreateVecs(p.A, &x, &b));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecDuplicate(x, &r));
  PetscCall(VecSet(b, 1.0));
  PetscCall(VecSetWave(v, 6));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, p.A, p.A));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetKSP(adj, ksp));
  PetscCall(ADJSetRhs(adj, b));
  PetscCall(ADJSetParameters(adj, NestedPut, &p));
  PetscCall(ADJSetParameterVJP(adj, NoParameterVJP, NULL));
  PetscCall(ADJSetTranspose(adj, ADJ_TRANSPOSE_EXPLICIT));
  PetscCall(ADJSetTrustLevel(adj, ADJ_TRUST_LEVEL_NONE));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecSet(theta, 3.0 + 2.0 * i));
    PetscCall(ADJSolve(adj, theta, x));
    PetscCall(ADJSolveAdjoint(adj, v, theta));
    PetscCall(ADJGetAdjointSolution(adj, &w));
    PetscCall(MatMultHermitianTranspose(p.block, w, r));
    PetscCall(VecAXPY(r, -1.0, v));
    PetscCall(VecNorm(r, NORM_2, &norm));
    PetscCall(VecNorm(v, NORM_2, &vnorm));
    PetscCall(TapBelow(norm / vnorm, 1e-7, "a nest, transposed explicitly, follows its block: residual"));
  }
  PetscCall(ADJDestroy(&adj));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&p.A));
  PetscCall(MatDestroy(&p.block));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ApplyUnless(PC pc, Vec x, Vec y)
{
  PetscBool *fails;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &fails));
  PetscCheck(!*fails, PetscObjectComm((PetscObject)pc), PETSC_ERR_USER, "This preconditioner fails");
  PetscCall(VecCopy(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A preconditioner of the user's that fails some times, and then works */
static PetscErrorCode TestFailing(void)
{
  Linear    p;
  PC        pc;
  PetscBool fails = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(LinearCreate(20, LAYOUT_UNEVEN, 3, LAYOUT_LAST, PETSC_FALSE, &p));
  PetscCall(KSPGetPC(p.ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetContext(pc, &fails));
  PetscCall(PCShellSetApply(pc, ApplyUnless));
  PetscCall(LinearCreateADJ(&p));
  for (PetscInt i = 0; i < 4; i++) PetscCall(TapError(PETSC_ERR_USER, ADJSolve(p.adj, p.theta, p.x), "the preconditioner of the KSP fails"));
  fails = PETSC_FALSE;
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(p.adj, p.theta, p.x), "it works again: a solve"));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "it works again: a gradient"));
  PetscCall(LinearDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CountCalls(KSP ksp, PetscInt it, PetscReal norm, void *ctx)
{
  (void)ksp;
  (void)it;
  (void)norm;
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Taylor test solves eight times, of which the user's KSP knows nothing afterwards */
static PetscErrorCode TestTrace(void)
{
  Linear           p;
  PetscInt         calls = 0, before, its[2], n[2];
  PetscReal        order, error;
  const PetscReal *history;

  PetscFunctionBeginUser;
  PetscCall(LinearCreate(20, LAYOUT_UNEVEN, 3, LAYOUT_LAST, PETSC_FALSE, &p));
  PetscCall(KSPMonitorSet(p.ksp, CountCalls, &calls, NULL));
  PetscCall(KSPSetResidualHistory(p.ksp, NULL, 100, PETSC_TRUE));
  PetscCall(LinearCreateADJ(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  before = calls;
  PetscCall(KSPGetTotalIterations(p.ksp, &its[0]));
  PetscCall(KSPGetResidualHistory(p.ksp, &history, &n[0]));
  PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.v, &order, &error));
  PetscCall(KSPGetTotalIterations(p.ksp, &its[1]));
  PetscCall(KSPGetResidualHistory(p.ksp, &history, &n[1]));
  PetscCall(TapOk((PetscBool)(before > 0 && calls == before), "the monitor of the KSP saw nothing of the test: %" PetscInt_FMT " calls", calls - before));
  PetscCall(TapOk((PetscBool)(its[0] > 0 && its[1] == its[0]), "its iterations are not counted: %" PetscInt_FMT " more", its[1] - its[0]));
  PetscCall(TapOk((PetscBool)(n[0] > 0 && n[1] == n[0]), "the history is that of the solve: length %" PetscInt_FMT ", %" PetscInt_FMT, n[0], n[1]));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapOk((PetscBool)(calls == 2 * before), "the next solve is monitored again"));
  PetscCall(LinearDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestKSP());
  if (!PetscDefined(USE_COMPLEX)) {
    PetscCall(TestTao(HESSIAN_ASSEMBLED));
    PetscCall(TestTao(HESSIAN_SHELL));
  }
  PetscCall(TestAgain());
  PetscCall(TestReplaced());
  PetscCall(TestSNES(PETSC_FALSE));
  PetscCall(TestSNES(PETSC_TRUE));
  PetscCall(TestNest());
  PetscCall(TestTrace());
  PetscCall(TestFailing());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
