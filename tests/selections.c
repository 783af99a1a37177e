static char help[] = "Nonsmooth fixed points: brackets of the joint spectral radius of the selections.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "selections.h"

/* ------------- Heavy ball on f = x^2/2 (x >= 0), x^2/8 (x < 0), less theta x: step 1, momentum 3/4 ------------- */

/* The pairs (x_k, x_{k-1}) lie on one process each */
static PetscErrorCode BallProduct(PetscBool transpose, PetscInt s, Vec in, Vec out)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt           n;
  const PetscReal    slope = s ? 0.25 : 1.0;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(in, &n));
  PetscCall(VecGetArrayRead(in, &a));
  PetscCall(VecGetArrayWrite(out, &b));
  for (PetscInt i = 0; i < n; i += 2) {
    b[i]     = (1.75 - slope) * a[i] + (transpose ? a[i + 1] : -0.75 * a[i + 1]);
    b[i + 1] = transpose ? -0.75 * a[i] : a[i];
  }
  PetscCall(VecRestoreArrayRead(in, &a));
  PetscCall(VecRestoreArrayWrite(out, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M_s x + theta e_1, by the sign of x_k */
static PetscErrorCode BallMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscScalar *a, *t;
  PetscScalar       *b;
  PetscInt           n;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt i = 0; i < n; i += 2) {
    b[i]     = (1.75 - (PetscRealPart(a[i]) >= 0.0 ? 1.0 : 0.25)) * a[i] - 0.75 * a[i + 1] + t[i / 2];
    b[i + 1] = a[i];
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x* = theta > 0: the first selection */
static PetscErrorCode BallVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  const PetscScalar *a;
  PetscScalar       *t;
  PetscInt           n = 0;

  (void)adj;
  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(BallProduct(PETSC_TRUE, 0, w, xbar));
  if (thetabar) {
    PetscCall(VecGetLocalSize(thetabar, &n));
    PetscCall(VecGetArrayRead(w, &a));
    PetscCall(VecGetArrayWrite(thetabar, &t));
    for (PetscInt i = 0; i < n; i++) t[i] = a[2 * i];
    PetscCall(VecRestoreArrayRead(w, &a));
    PetscCall(VecRestoreArrayWrite(thetabar, &t));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallSelectionVJP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(BallProduct(PETSC_TRUE, s + *(PetscInt *)ctx, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallSelectionJVP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(BallProduct(PETSC_FALSE, s + *(PetscInt *)ctx, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallCreate(PetscInt nballs, Layout layout, Problem *p)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, nballs, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 2 * n, 2 * nballs, &p->x));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, nballs, &p->theta));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecSet(p->theta, 2.0));
  PetscCall(VecSet(p->v, 0.5));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetFixedPoint(p->adj, BallMap, NULL));
  PetscCall(ADJSetVJP(p->adj, BallVJP, NULL));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each selection alone has rho = sqrt(3/4); the product 0 0 1 1 has -9/8 */
static PetscErrorCode TestHeavyBall(PetscInt nballs, Layout layout)
{
  Problem        p;
  PetscInt       first = 0, length;
  PetscReal      error;
  PetscBool      yes;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(BallCreate(nballs, layout, &p));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " balls: no selections, no check, verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(TapClose(report.check[ADJ_CHECK_CONTRACTION].value, PetscSqrtReal(0.75), 1e-2, "%" PetscInt_FMT " balls: the iteration contracts at its solution", nballs));
  PetscCall(VecShift(p.thetabar, -1.0)); /* dx/dtheta = 1 for both entries of a pair */
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &error));
  PetscCall(TapBelow(error, 1e-6, "%" PetscInt_FMT " balls: the gradient", nballs));
  for (first = 0; first < 2; first++) {
    PetscCall(ADJSetSelections(p.adj, 1, BallSelectionVJP, BallSelectionJVP, &first));
    PetscCall(Gradient(&p, &report));
    PetscCall(Show(&report, "one alone"));
    PetscCall(TapClose(c->value, PetscSqrtReal(0.75), 1e-3, "%" PetscInt_FMT " balls: selection %" PetscInt_FMT " alone", nballs, first));
    PetscCall(TapOk((PetscBool)(report.verdict > 0), "%" PetscInt_FMT " balls: not refused, verdict %s", nballs, ADJTrusts[report.verdict]));
  }
  first = 0;
  PetscCall(ADJSetSelections(p.adj, 2, BallSelectionVJP, BallSelectionJVP, &first));
  PetscCall(ADJGetSelectionsLength(p.adj, &length));
  PetscCall(ADJSetSelectionsLength(p.adj, 3));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "both, length 3"));
  PetscCall(TapOk((PetscBool)(length == 6 && c->status == ADJ_CHECK_INCONCLUSIVE && c->value < 1.0 && c->value + c->error > 1.0 && report.verdict == ADJ_TRUST_UNVERIFIED), "%" PetscInt_FMT " balls: three factors leave it open, verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(ADJSetSelectionsLength(p.adj, length));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "%" PetscInt_FMT " balls: refused", nballs));
  PetscCall(Show(&report, "both"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONTRACTION && c->status == ADJ_CHECK_FAILED && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED), "%" PetscInt_FMT " balls: verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(TapBelow(PetscAbsReal(c->value - PetscPowReal(1.125, 0.25)), 1e-3, "%" PetscInt_FMT " balls: lower bound (9/8)^(1/4)", nballs));
  PetscCall(Says(&report, "0 0 1 1 grows by 1.03 a step although each alone contracts", &yes));
  if (!yes) PetscCall(Says(&report, "0 0 1 1 grows by 1.029", &yes));
  PetscCall(TapOk(yes, "%" PetscInt_FMT " balls: the word is named", nballs));
  PetscCall(ADJSetSelections(p.adj, 2, BallSelectionVJP, NULL, &first));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "%" PetscInt_FMT " balls: refused without JVP too", nballs));
  PetscCall(ADJSetSelections(p.adj, 0, NULL, NULL, NULL));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " balls: removed", nballs));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------- Lasso: x <- soft(x - alpha (H x - theta), alpha lambda), H = tridiag(-1, 2 + mu, -1) ------------- */

#define MU     0.5
#define ALPHA  (1.0 / (4.0 + MU))
#define LAMBDA 0.4

typedef struct {
  Mat H;
  Vec z, d;
} Lasso;

/* z = x - alpha (H x - theta); d = 1 where soft-thresholding lets it pass, else 0; y = soft(z) unless it is NULL */
static PetscErrorCode LassoStep(Lasso *p, Vec x, Vec theta, Vec y)
{
  PetscScalar *z, *d, *b = NULL;
  PetscInt     n;

  PetscFunctionBeginUser;
  PetscCall(MatMult(p->H, x, p->z));
  PetscCall(VecAXPBYPCZ(p->z, 1.0, ALPHA, -ALPHA, x, theta));
  PetscCall(VecGetLocalSize(p->z, &n));
  PetscCall(VecGetArray(p->z, &z));
  PetscCall(VecGetArray(p->d, &d));
  if (y) PetscCall(VecGetArray(y, &b));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal sign = PetscRealPart(z[i]) > 0.0 ? 1.0 : -1.0;

    d[i] = PetscAbsScalar(z[i]) > ALPHA * LAMBDA ? 1.0 : 0.0;
    if (b) b[i] = d[i] * (z[i] - sign * ALPHA * LAMBDA);
  }
  if (y) PetscCall(VecRestoreArray(y, &b));
  PetscCall(VecRestoreArray(p->d, &d));
  PetscCall(VecRestoreArray(p->z, &z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LassoMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoStep((Lasso *)ctx, x, theta, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (I - alpha H) D w, alpha D w */
static PetscErrorCode LassoVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Lasso *p = (Lasso *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(LassoStep(p, x, theta, NULL));
  PetscCall(VecPointwiseMult(p->z, p->d, w));
  if (xbar) {
    PetscCall(MatMult(p->H, p->z, xbar));
    PetscCall(VecAYPX(xbar, -ALPHA, p->z));
  }
  if (thetabar) {
    PetscCall(VecCopy(p->z, thetabar));
    PetscCall(VecScale(thetabar, ALPHA));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* I - alpha H stands for all selections */
static PetscErrorCode LassoSelection(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)s;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(MatMult(((Lasso *)ctx)->H, in, out));
  PetscCall(VecAYPX(out, -ALPHA, in));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On every process: H_SS^-1 v_S on the support S of x, 0 elsewhere */
static PetscErrorCode LassoReference(PetscInt n, Vec x, Vec v, Vec *g)
{
  Vec        xall;
  VecScatter scatter;
  Mat        K;

  PetscFunctionBeginUser;
  PetscCall(VecScatterCreateToAll(x, &scatter, &xall));
  PetscCall(VecScatterBegin(scatter, x, xall, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, x, xall, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecDuplicate(xall, g));
  PetscCall(VecScatterBegin(scatter, v, *g, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, *g, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, n, n, NULL, &K));
  for (PetscInt i = 0; i < n; i++) {
    PetscScalar here, next = 0.0;

    PetscCall(VecGetValues(xall, 1, &i, &here));
    PetscCall(MatSetValue(K, i, i, here != 0.0 ? 2.0 + MU : 1.0, INSERT_VALUES));
    if (here == 0.0) PetscCall(VecSetValue(*g, i, 0.0, INSERT_VALUES));
    if (i == n - 1) break;
    PetscCall(VecGetValues(xall, 1, (PetscInt[]){i + 1}, &next));
    if (here == 0.0 || next == 0.0) continue;
    PetscCall(MatSetValue(K, i, i + 1, -1.0, INSERT_VALUES));
    PetscCall(MatSetValue(K, i + 1, i, -1.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(K, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(*g));
  PetscCall(VecAssemblyEnd(*g));
  PetscCall(VecCopy(*g, xall));
  PetscCall(MatLUFactor(K, NULL, NULL, NULL));
  PetscCall(MatSolve(K, xall, *g));
  PetscCall(MatDestroy(&K));
  PetscCall(VecDestroy(&xall));
  PetscCall(VecScatterDestroy(&scatter));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta_i = sin(1.3 i) and so on: off the kinks, some entries of x are 0 and some are not */
static PetscErrorCode LassoCreate(PetscInt n, Layout layout, Lasso *lasso, Problem *p)
{
  PetscInt nl, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, n, &nl));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, nl, nl, n, n, 3, NULL, 2, NULL, &lasso->H));
  PetscCall(MatGetOwnershipRange(lasso->H, &lo, &hi));
  PetscCall(MatCreateVecs(lasso->H, &p->theta, &p->x));
  PetscCall(MatCreateVecs(lasso->H, &p->thetabar, &p->v));
  PetscCall(MatCreateVecs(lasso->H, &p->thetadot, &p->xdot));
  PetscCall(MatCreateVecs(lasso->H, &lasso->z, &lasso->d));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(lasso->H, i, i, 2.0 + MU, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(lasso->H, i, i - 1, -1.0, INSERT_VALUES));
    if (i < n - 1) PetscCall(MatSetValue(lasso->H, i, i + 1, -1.0, INSERT_VALUES));
    PetscCall(VecSetValue(p->theta, i, PetscSinReal(1.3 * i) + PetscSinReal(0.4 * i), INSERT_VALUES));
    PetscCall(VecSetValue(p->v, i, PetscCosReal(0.7 * i), INSERT_VALUES));
    PetscCall(VecSetValue(p->thetadot, i, PetscSinReal(2.0 + 0.9 * i), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(lasso->H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(lasso->H, MAT_FINAL_ASSEMBLY));
  for (PetscInt i = 0; i < 3; i++) {
    Vec v = i == 0 ? p->theta : (i == 1 ? p->v : p->thetadot);

    PetscCall(VecAssemblyBegin(v));
    PetscCall(VecAssemblyEnd(v));
  }
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetFixedPoint(p->adj, LassoMap, lasso));
  PetscCall(ADJSetVJP(p->adj, LassoVJP, lasso));
  PetscCall(ADJSetSelections(p->adj, 1, LassoSelection, LassoSelection, lasso));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestLasso(PetscInt n, Layout layout)
{
  Lasso          lasso;
  Problem        p;
  PetscOptions   options;
  Vec            g;
  PetscReal      error = PETSC_MAX_REAL, norm, h = 1e-4;
  PetscScalar    nonzeros, up, down, slope;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-13", &options));
  PetscCall(LassoCreate(n, layout, &lasso, &p));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "lasso"));
  PetscCall(VecSum(lasso.d, &nonzeros));
  PetscCall(TapOk((PetscBool)(PetscRealPart(nonzeros) > 1.0 && PetscRealPart(nonzeros) < n - 1.0), "lasso: %g of %" PetscInt_FMT " in the support", (double)PetscRealPart(nonzeros), n));
  norm = 1.0 - ALPHA * (2.0 + MU - 2.0 * PetscCosReal(PETSC_PI / (n + 1)));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && report.verdict == ADJ_TRUST_ESTIMATED), "lasso: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(TapBelow(PetscAbsReal(c->value - norm), 2e-3, "lasso: lower bound |I - alpha H|"));
  PetscCall(TapBelow(PetscAbsReal(c->value + c->error - norm), 2e-3, "lasso: upper bound the same"));
  PetscCall(LassoReference(n, p.x, p.v, &g));
  PetscCall(VecDistanceToSelf(p.thetabar, g, &error));
  PetscCall(TapBelow(error, 1e-10, "lasso: the gradient of the closed form on the support"));
  PetscCall(VecDestroy(&g));
  PetscCall(VecDot(p.thetabar, p.thetadot, &slope));
  PetscCall(VecAXPY(p.theta, h, p.thetadot));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecDot(p.x, p.v, &up));
  PetscCall(VecAXPY(p.theta, -2.0 * h, p.thetadot));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecDot(p.x, p.v, &down));
  PetscCall(TapClose(PetscRealPart(up - down) / (2.0 * h), PetscRealPart(slope), 1e-7, "lasso: central differences"));
  PetscCall(OptionsEnd(&options));
  PetscCall(MatDestroy(&lasso.H));
  PetscCall(VecDestroy(&lasso.z));
  PetscCall(VecDestroy(&lasso.d));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------ Selections of a linear problem ------------------------------ */

/* A and -0.7 A, A Hermitian: the joint spectral radius is rho(A) = |A| */
static PetscErrorCode TestCommuting(PetscInt n, Layout layout)
{
  Problem        p;
  Pieces         pieces;
  PetscBool      yes;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(PiecesCreate(n, layout, SPECTRUM_CLUSTER, 0.9, &p, &pieces));
  pieces.scale[1] = -0.7;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "commuting"));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && c->threshold == 1.0 && report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " unknowns, commuting: verdict %s", n, ADJTrusts[report.verdict]));
  PetscCall(TapBelow(PetscAbsReal(c->value - 0.9), 2e-3, "%" PetscInt_FMT " unknowns, commuting: lower bound 0.9", n));
  PetscCall(TapOk((PetscBool)(c->value + c->error < 1.0 && c->value + c->error > 0.899), "%" PetscInt_FMT " unknowns, commuting: upper bound %g", n, (double)(c->value + c->error)));
  PetscCall(TapOk((PetscBool)(p.elsewhere == 0), "%" PetscInt_FMT " unknowns, commuting: the selections are asked for at the solution", n));
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, NULL, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Says(&report, "JVP", &yes));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_INCONCLUSIVE && c->error == 0.0 && yes && report.verdict == ADJ_TRUST_UNVERIFIED), "%" PetscInt_FMT " unknowns, commuting: without JVP no upper bound, verdict %s", n, ADJTrusts[report.verdict]));
  pieces.scale[1] = -1.2;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, NULL, &pieces));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "%" PetscInt_FMT " unknowns, one expands: refused", n));
  PetscCall(Says(&report, "the product of selection 1 grows by 1.08 a step:", &yes));
  PetscCall(TapOk((PetscBool)(yes && report.verdict == ADJ_TRUST_REFUTED_CONTRACTION), "%" PetscInt_FMT " unknowns, one expands: it is named", n));
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* [[1/2, 1], [0, 1/2]]: norms of powers fall below 1 from the third on. Zero and nilpotent selections; the identity */
static PetscErrorCode TestSpecial(PetscInt n, Layout layout)
{
  Problem        p;
  Pieces         pieces;
  PetscOptions   options;
  PetscBool      yes;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_selections_length 2 -adj_selections_eps_tol 1e-4 -adj_selections_norm_eps_tol 1e-4", &options));
  PetscCall(PiecesCreate(n, layout, SPECTRUM_REAL, 0.5, &p, &pieces));
  PetscCall(PieceCreate(&p, 0.5, 1.0, 0.0, 0.5, &pieces.matrix[0]));
  PetscCall(ADJSetSelections(p.adj, 1, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "not normal, length 2"));
  PetscCall(OptionsEnd(&options));
  PetscCall(Says(&report, "-adj_trust_selections_length", &yes));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_INCONCLUSIVE && yes), "not normal: two factors leave it open"));
  PetscCall(ADJSetSelectionsLength(p.adj, 6));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "not normal, length 6"));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && c->value < 0.6), "not normal: three are enough"));

  pieces.scale[1] = 0.0;
  PetscCall(PieceCreate(&p, 0.0, 0.8, 0.0, 0.0, &pieces.matrix[2]));
  PetscCall(ADJSetSelections(p.adj, 3, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "zero and nilpotent"));
  PetscCall(TapOk((PetscBool)(report.verdict > 0 && c->value > 0.49 && c->value < 0.7), "zero and nilpotent selections: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(MatZeroEntries(pieces.matrix[0]));
  PetscCall(ADJSetSelections(p.adj, 3, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "nothing else"));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && c->value < 0.1), "nothing else: passed"));
  PetscCall(MatShift(pieces.matrix[0], 1.0));
  PetscCall(ADJSetSelections(p.adj, 3, PieceVJP, PieceJVP, &pieces));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "the identity among them: refused"));
  PetscCall(TapClose(c->value, 1.0, 1e-6, "the identity among them: lower bound 1"));
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A = I - D L, L that of a path: D = t on even rows, u on odd ones. All have the null vector 1 of I - A */
static PetscErrorCode PathCreate(Problem *p, PetscReal t, PetscReal u, Mat *matrix)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatDuplicate(p->A, MAT_DO_NOT_COPY_VALUES, matrix));
  PetscCall(MatGetOwnershipRange(*matrix, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal d = i % 2 ? u : t;

    PetscCall(MatSetValue(*matrix, i, i, 1.0 - d * ((i > 0) + (i < p->n - 1)), INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(*matrix, i, i - 1, d, INSERT_VALUES));
    if (i < p->n - 1) PetscCall(MatSetValue(*matrix, i, i + 1, d, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*matrix, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*matrix, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a singular problem: the products grow by 1 along the null vector, which is left out if all selections have it */
static PetscErrorCode TestNullSpace(Layout layout)
{
  Problem        p;
  Pieces         pieces;
  ADJTrustReport report;
  MatNullSpace   sp;
  PetscScalar   *sum;
  PetscInt       lo, hi;

  PetscFunctionBeginUser;
  PetscCall(PiecesCreate(6, layout, SPECTRUM_ZERO, 0.0, &p, &pieces));
  PetscCall(PathCreate(&p, 0.3, 0.3, &pieces.matrix[0]));
  PetscCall(PathCreate(&p, 0.3, 0.2, &pieces.matrix[1]));
  PetscCall(MatCopy(pieces.matrix[0], p.A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &sp));
  PetscCall(PetscMalloc1(p.m, &sum));
  PetscCall(MatGetColumnSums(p.B, sum));
  PetscCall(MatGetOwnershipRange(p.B, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < p.m; j++) PetscCall(MatSetValue(p.B, i, j, -sum[j] / (PetscReal)p.n, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p.B, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree(sum));
  PetscCall(VecSet(p.c, 0.0));
  PetscCall(MatNullSpaceRemove(sp, p.v));
  PetscCall(ADJSetTrustAction(p.adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(ADJSetNullSpace(p.adj, sp, NULL));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "null space"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_SELECTIONS].status == ADJ_CHECK_PASSED), "null space: verdict %s", ADJTrusts[report.verdict]));
  pieces.scale[1] = 1.01;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONTRACTION && report.check[ADJ_CHECK_SELECTIONS].value > 0.999), "null space that a selection leaves: verdict %s, lower bound %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_SELECTIONS].value));
  PetscCall(MatNullSpaceDestroy(&sp));
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestHeavyBall(1, LAYOUT_LAST));
  PetscCall(TestHeavyBall(5, LAYOUT_UNEVEN));
  PetscCall(TestHeavyBall(7, LAYOUT_EMPTY));
  PetscCall(TestLasso(24, LAYOUT_UNEVEN));
  PetscCall(TestCommuting(20, LAYOUT_EVEN));
  PetscCall(TestCommuting(2, LAYOUT_EMPTY));
  PetscCall(TestCommuting(1, LAYOUT_LAST));
  PetscCall(TestNullSpace(LAYOUT_EVEN));
  PetscCall(TestNullSpace(LAYOUT_LAST));
  PetscCall(TestSpecial(12, LAYOUT_UNEVEN));
  PetscCall(TestSpecial(2, LAYOUT_LAST));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
