static char help[] = "A SNES whose Jacobian is not the derivative of its function: refused as operator, good as preconditioner.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "reaction.h"

#define SIZE   8
#define NTHETA 2

/* A p-Laplacian, -div(eta(|grad u|^2) grad u) = theta_1 s, eta(g) = (e^2 + g)^{(theta_0 - 2)/2}, u = 0 on the boundary */
typedef struct {
  PetscScalar p[NTHETA];
  SNES        snes;
  DM          da;
  Vec         x, r, rhs, xbar, theta, thetabar;
  Mat         A, work;
} Plaplace;

typedef enum {
  BY_FUNCTION, /* SNESSetFunction() and the Picard matrix as Jacobian, as many codes have it */
  BY_PICARD,   /* SNESSetPicard() */
  BY_RHS       /* the same with the source as right-hand side of SNESSolve() */
} Way;
static const char *const ways[] = {"a function with a Picard matrix", "SNESSetPicard()", "SNESSetPicard() with a right-hand side"};

/* A face of a node: towards (di, dj), gradient along and across it times h */
typedef struct {
  PetscScalar eta, deta, dp; /* and derivatives in |grad u|^2 and in theta_0 */
  PetscScalar along, across;
} Face;

static const PetscInt DI[] = {1, -1, 0, 0}, DJ[] = {0, 0, 1, -1};

static Face FaceAt(const Plaplace *c, const DMDALocalInfo *info, PetscScalar **u, PetscInt i, PetscInt j, PetscInt k)
{
  const PetscReal h  = 1.0 / (PetscReal)(info->mx - 1);
  const PetscInt  di = DI[k], dj = DJ[k], ti = PetscAbsInt(dj), tj = PetscAbsInt(di);
  PetscScalar     g;
  Face            f;

  f.along  = ReactionAt(info, u, i + di, j + dj) - u[j][i];
  f.across = 0.25 * (ReactionAt(info, u, i + ti, j + tj) + ReactionAt(info, u, i + di + ti, j + dj + tj) - ReactionAt(info, u, i - ti, j - tj) - ReactionAt(info, u, i + di - ti, j + dj - tj));
  g        = 0.01 + (f.along * f.along + f.across * f.across) / (h * h);
  f.eta    = PetscPowScalar(g, 0.5 * (c->p[0] - 2.0));
  f.deta   = 0.5 * (c->p[0] - 2.0) * f.eta / g;
  f.dp     = 0.5 * PetscLogScalar(g) * f.eta;
  return f;
}

static PetscErrorCode FormMatrix(SNES snes, Vec x, Mat A, Mat P, void *ctx)
{
  Plaplace     *c = (Plaplace *)ctx;
  DMDALocalInfo info;
  Vec           local;
  PetscScalar **u;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMGetLocalVector(c->da, &local));
  PetscCall(DMGlobalToLocal(c->da, x, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(c->da, local, &u));
  PetscCall(MatZeroEntries(P));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      MatStencil  row = {0, j, i, 0}, col;
      PetscScalar one = 1.0;

      if (!ReactionInside(&info, i, j)) {
        PetscCall(MatSetValuesStencil(P, 1, &row, 1, &row, &one, ADD_VALUES));
        continue;
      }
      for (PetscInt k = 0; k < 4; k++) {
        const Face  f   = FaceAt(c, &info, u, i, j, k);
        PetscScalar off = -f.eta;

        col   = row;
        col.i = i + DI[k];
        col.j = j + DJ[k];
        PetscCall(MatSetValuesStencil(P, 1, &row, 1, &row, &f.eta, ADD_VALUES));
        if (ReactionInside(&info, col.i, col.j)) PetscCall(MatSetValuesStencil(P, 1, &row, 1, &col, &off, ADD_VALUES));
      }
    }
  }
  PetscCall(DMDAVecRestoreArrayRead(c->da, local, &u));
  PetscCall(DMRestoreLocalVector(c->da, &local));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  if (A != P) {
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* h^2 theta_1 s */
static PetscErrorCode FormSource(SNES snes, Vec x, Vec b, void *ctx)
{
  Plaplace     *c = (Plaplace *)ctx;
  DMDALocalInfo info;
  PetscScalar **v;
  PetscReal     h;

  (void)snes;
  (void)x;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  h = 1.0 / (PetscReal)(info.mx - 1);
  PetscCall(DMDAVecGetArray(c->da, b, &v));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) v[j][i] = ReactionInside(&info, i, j) ? h * h * c->p[1] * ReactionSource(i * h, j * h) : 0.0;
  }
  PetscCall(DMDAVecRestoreArray(c->da, b, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A(x) x - b */
static PetscErrorCode FormFunction(SNES snes, Vec x, Vec f, void *ctx)
{
  Plaplace *c = (Plaplace *)ctx;
  Vec       b;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &b));
  PetscCall(FormMatrix(snes, x, c->work, c->work, ctx));
  PetscCall(FormSource(snes, x, b, ctx));
  PetscCall(MatMult(c->work, x, f));
  PetscCall(VecAXPY(f, -1.0, b));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the row (i, j), with cotangent w */
static void AddRow(const Plaplace *c, const DMDALocalInfo *info, PetscScalar **u, PetscInt i, PetscInt j, PetscScalar w, PetscScalar **v, PetscScalar sum[])
{
  const PetscReal h = 1.0 / (PetscReal)(info->mx - 1);

  if (!ReactionInside(info, i, j)) {
    v[j][i] += w;
    return;
  }
  for (PetscInt k = 0; k < 4; k++) {
    const Face        f  = FaceAt(c, info, u, i, j, k);
    const PetscInt    di = DI[k], dj = DJ[k], ti = PetscAbsInt(dj), tj = PetscAbsInt(di);
    const PetscScalar gbar = PetscConj(-f.deta * f.along) * w, along = PetscConj(2.0 * f.along / (h * h)) * gbar - PetscConj(f.eta) * w, across = 0.25 * PetscConj(2.0 * f.across / (h * h)) * gbar;

    v[j + dj][i + di] += along;
    v[j][i] -= along;
    v[j + tj][i + ti] += across;
    v[j + dj + tj][i + di + ti] += across;
    v[j - tj][i - ti] -= across;
    v[j + dj - tj][i + di - ti] -= across;
    sum[0] += PetscConj(-f.dp * f.along) * w;
  }
  sum[1] += -h * h * ReactionSource(i * h, j * h) * w;
}

/* The boundary is not read, so that nothing belongs there but what its own rows give */
static PetscErrorCode FormVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Plaplace     *c = (Plaplace *)ctx;
  DMDALocalInfo info;
  Vec           local, vlocal;
  PetscScalar **u, **v, **y, sum[NTHETA] = {0.0, 0.0};
  PetscInt      lo, hi;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMGetLocalVector(c->da, &local));
  PetscCall(DMGetLocalVector(c->da, &vlocal));
  PetscCall(DMGlobalToLocal(c->da, x, INSERT_VALUES, local));
  PetscCall(VecSet(vlocal, 0.0));
  PetscCall(DMDAVecGetArrayRead(c->da, local, &u));
  PetscCall(DMDAVecGetArray(c->da, vlocal, &v));
  PetscCall(DMDAVecGetArrayRead(c->da, w, &y));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) AddRow(c, &info, u, i, j, y[j][i], v, sum);
  }
  for (PetscInt j = info.gys; j < info.gys + info.gym; j++) {
    for (PetscInt i = info.gxs; i < info.gxs + info.gxm; i++) {
      const PetscBool mine = (PetscBool)(i >= info.xs && i < info.xs + info.xm && j >= info.ys && j < info.ys + info.ym);

      if (!ReactionInside(&info, i, j)) v[j][i] = mine ? y[j][i] : 0.0;
    }
  }
  PetscCall(DMDAVecRestoreArrayRead(c->da, w, &y));
  PetscCall(DMDAVecRestoreArray(c->da, vlocal, &v));
  PetscCall(DMDAVecRestoreArrayRead(c->da, local, &u));
  if (xbar) {
    PetscCall(VecSet(xbar, 0.0));
    PetscCall(DMLocalToGlobal(c->da, vlocal, ADD_VALUES, xbar));
  }
  PetscCall(DMRestoreLocalVector(c->da, &local));
  PetscCall(DMRestoreLocalVector(c->da, &vlocal));
  if (!thetabar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, NTHETA, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)c->da)));
  PetscCall(VecGetOwnershipRange(thetabar, &lo, &hi));
  for (PetscInt k = lo; k < hi; k++) PetscCall(VecSetValue(thetabar, k, sum[k], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(FormVJP(adj, x, theta, w, NULL, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The source, too, where it is the right-hand side */
static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Plaplace          *c = (Plaplace *)ctx;
  VecScatter         scatter;
  Vec                all;
  const PetscScalar *p;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecScatterCreateToAll(theta, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &p));
  for (PetscInt k = 0; k < NTHETA; k++) c->p[k] = p[k];
  PetscCall(VecRestoreArrayRead(all, &p));
  PetscCall(VecDestroy(&all));
  PetscCall(VecScatterDestroy(&scatter));
  if (c->rhs) PetscCall(FormSource(NULL, NULL, c->rhs, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(Way way, Plaplace *c)
{
  const PetscScalar p[NTHETA] = {2.8, 1.0};

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_BOX, SIZE, SIZE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &c->da));
  PetscCall(DMSetUp(c->da));
  PetscCall(DMCreateGlobalVector(c->da, &c->x));
  PetscCall(VecDuplicate(c->x, &c->r));
  PetscCall(DMCreateMatrix(c->da, &c->A));
  PetscCall(DMCreateMatrix(c->da, &c->work));
  PetscCall(ReactionCotangent(c->da, &c->xbar));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, NTHETA, &c->theta));
  for (PetscInt k = 0; k < NTHETA; k++) PetscCall(VecSetValue(c->theta, k, p[k], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c->theta));
  PetscCall(VecAssemblyEnd(c->theta));
  PetscCall(VecDuplicate(c->theta, &c->thetabar));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &c->snes));
  PetscCall(SNESSetDM(c->snes, c->da));
  if (way == BY_FUNCTION) {
    PetscCall(SNESSetFunction(c->snes, c->r, FormFunction, c));
    PetscCall(SNESSetJacobian(c->snes, c->A, c->A, FormMatrix, c));
  } else
    PetscCall(SNESSetPicard(c->snes, c->r, way == BY_PICARD ? FormSource : NULL, c->A, c->A, FormMatrix, c));
  PetscCall(SNESSetTolerances(c->snes, 1e-12, 1e-13, 0.0, 200, 10000));
  PetscCall(SNESSetFromOptions(c->snes));
  if (way == BY_RHS) PetscCall(VecDuplicate(c->x, &c->rhs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Plaplace *c)
{
  PetscFunctionBeginUser;
  PetscCall(SNESDestroy(&c->snes));
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->r));
  PetscCall(VecDestroy(&c->rhs));
  PetscCall(VecDestroy(&c->xbar));
  PetscCall(VecDestroy(&c->theta));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(MatDestroy(&c->A));
  PetscCall(MatDestroy(&c->work));
  PetscCall(DMDestroy(&c->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By the user's own solver, at the parameters of c */
static PetscErrorCode SolveAlone(Plaplace *c)
{
  PetscFunctionBeginUser;
  PetscCall(Put(NULL, c->theta, c));
  PetscCall(SNESSolve(c->snes, c->rhs, c->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The transposed Jacobian row by row, and LU */
static PetscErrorCode ReferenceGradient(Vec gradient)
{
  Plaplace    c;
  Mat         JT;
  Vec         e, w;
  KSP         ksp;
  PetscInt    n, lo, hi;
  PetscScalar one = 1.0;

  PetscFunctionBeginUser;
  PetscCall(Create(BY_FUNCTION, &c));
  PetscCall(SolveAlone(&c));
  PetscCall(VecDuplicate(c.x, &e));
  PetscCall(VecDuplicate(c.x, &w));
  PetscCall(VecGetSize(c.x, &n));
  PetscCall(VecGetOwnershipRange(c.x, &lo, &hi));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, hi - lo, hi - lo, n, n, n, NULL, n, NULL, &JT));
  for (PetscInt k = 0; k < n; k++) {
    const PetscScalar *v;

    PetscCall(VecSet(e, 0.0));
    if (lo <= k && k < hi) PetscCall(VecSetValue(e, k, one, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(e));
    PetscCall(VecAssemblyEnd(e));
    PetscCall(FormVJP(NULL, c.x, c.theta, e, w, NULL, &c));
    PetscCall(VecGetArrayRead(w, &v));
    for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValues(JT, 1, &i, 1, &k, &v[i - lo], INSERT_VALUES));
    PetscCall(VecRestoreArrayRead(w, &v));
  }
  PetscCall(MatAssemblyBegin(JT, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(JT, MAT_FINAL_ASSEMBLY));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, JT, JT));
  PetscCall(ReactionUseLU(ksp));
  PetscCall(KSPSolve(ksp, c.xbar, w));
  PetscCall(FormVJP(NULL, c.x, c.theta, w, NULL, gradient, &c));
  PetscCall(VecScale(gradient, -1.0));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&JT));
  PetscCall(VecDestroy(&e));
  PetscCall(VecDestroy(&w));
  PetscCall(Destroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestReference(Vec gradient)
{
  const PetscReal h = 1e-4;
  Plaplace        c;
  PetscScalar     J[2], entry;
  PetscReal       slope;
  Vec             theta;

  PetscFunctionBeginUser;
  PetscCall(ReferenceGradient(gradient));
  PetscCall(Create(BY_FUNCTION, &c));
  PetscCall(VecDuplicate(c.theta, &theta));
  PetscCall(VecCopy(c.theta, theta));
  for (PetscInt k = 0; k < NTHETA; k++) {
    PetscInt lo, hi;

    PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
    for (PetscInt s = 0; s < 2; s++) {
      PetscCall(VecCopy(theta, c.theta));
      if (lo <= k && k < hi) PetscCall(VecSetValue(c.theta, k, s ? h : -h, ADD_VALUES));
      PetscCall(VecAssemblyBegin(c.theta));
      PetscCall(VecAssemblyEnd(c.theta));
      PetscCall(SolveAlone(&c));
      PetscCall(VecDot(c.x, c.xbar, &J[s]));
    }
    entry = 0.0;
    if (lo <= k && k < hi) PetscCall(VecGetValues(gradient, 1, &k, &entry));
    slope = PetscRealPart(entry);
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &slope, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
    PetscCall(TapClose(slope, PetscRealPart(J[1] - J[0]) / (2.0 * h), 1e-6, "by hand: parameter %" PetscInt_FMT " against central differences", k));
  }
  PetscCall(VecDestroy(&theta));
  PetscCall(Destroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Plaplace *c, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetSNES(*adj, c->snes));
  PetscCall(ADJSetParameters(*adj, Put, c));
  PetscCall(ADJSetParameterVJP(*adj, FormParameterVJP, c));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A right-hand side is that of the user's last solve */
static PetscErrorCode Solve(Plaplace *c, ADJ adj)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(c->x, 0.0));
  if (c->rhs) {
    PetscCall(SolveAlone(c));
    PetscCall(ADJSetSolved(adj, c->theta, c->x));
  } else
    PetscCall(ADJSolve(adj, c->theta, c->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestRefused(Way way, const char options[], Vec gradient)
{
  Plaplace       c;
  ADJ            adj;
  PetscOptions   database;
  ADJTrustReport report;
  PetscReal      norm, error;
  char          *found[2];
  char           what[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s", ways[way], options));
  PetscCall(ReactionPushOptions(options, &database));
  PetscCall(Create(way, &c));
  PetscCall(CreateADJ(&c, &adj));
  PetscCall(Solve(&c, adj));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "%s: refused", what));
  PetscCall(ADJGetTrustReport(adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_VJP), "%s: verdict %s", what, ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_VJP_X].status == ADJ_CHECK_FAILED && report.check[ADJ_CHECK_VJP_X].value > 0.05), "%s: measured mismatch %.3g", what, (double)report.check[ADJ_CHECK_VJP_X].value));
  PetscCall(PetscStrstr(report.check[ADJ_CHECK_VJP_X].advice, "ADJSetVJP()", &found[0]));
  PetscCall(PetscStrstr(report.check[ADJ_CHECK_VJP_X].advice, "-adj_vjp_fd_color", &found[1]));
  PetscCall(TapOk((PetscBool)(found[0] && found[1]), "%s: it is said what to do", what));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(VecAXPY(c.thetabar, -1.0, gradient));
  PetscCall(VecNorm(c.thetabar, NORM_2, &error));
  PetscCall(VecNorm(gradient, NORM_2, &norm));
  PetscCall(TapOk((PetscBool)(error > 0.05 * norm), "%s: rightly, the gradient is off by %.3g", what, (double)(error / norm)));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&database, what));
  PetscCall(Destroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The two ways out */
static PetscErrorCode TestRight(Way way, PetscBool vjp, const char options[], PetscReal tol, Vec gradient)
{
  Plaplace     c;
  ADJ          adj;
  KSP          ksp;
  PC           pc;
  PetscOptions database;
  ADJTrust     verdict;
  ADJCounters  before, after;
  PetscBool    none;
  char         what[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s %s%s", ways[way], vjp ? "with a VJP " : "", options));
  PetscCall(ReactionPushOptions(options, &database));
  PetscCall(Create(way, &c));
  PetscCall(CreateADJ(&c, &adj));
  if (vjp) PetscCall(ADJSetVJP(adj, FormVJP, &c));
  for (PetscInt again = 0; again < 2; again++) {
    PetscCall(Solve(&c, adj));
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "%s: a gradient", what));
    PetscCall(ADJGetTrust(adj, &verdict));
    PetscCall(TapOk((PetscBool)(verdict > 0), "%s: verdict %s", what, ADJTrusts[verdict]));
    PetscCall(ReactionTapGradient(c.thetabar, gradient, tol, what));
  }
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCNONE, &none));
  PetscCall(TapOk((PetscBool)!none, "%s: with a preconditioner", what));
  PetscCall(ADJGetCounters(adj, &before));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(ADJGetCounters(adj, &after));
  PetscCall(TapOk((PetscBool)(after.linearize == before.linearize), "%s: the checks left the matrix alone", what));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&database, what));
  PetscCall(Destroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix of SNESSetPicard() is filled by its function, which derivatives and checks call too */
static PetscErrorCode TestUntouched(void)
{
  Plaplace  c[2];
  ADJ       adj;
  PetscBool same;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < 2; k++) PetscCall(Create(BY_PICARD, &c[k]));
  PetscCall(CreateADJ(&c[1], &adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  for (PetscInt k = 0; k < 3; k++) {
    PetscInt its[2];

    PetscCall(SolveAlone(&c[0]));
    PetscCall(ADJSolve(adj, c[1].theta, c[1].x));
    PetscCall(ADJSolveAdjoint(adj, c[1].xbar, c[1].thetabar));
    PetscCall(VecEqual(c[0].x, c[1].x, &same));
    for (PetscInt i = 0; i < 2; i++) PetscCall(SNESGetIterationNumber(c[i].snes, &its[i]));
    PetscCall(TapOk((PetscBool)(same && its[0] == its[1]), "%s: solve %" PetscInt_FMT " as alone", ways[BY_PICARD], k));
    for (PetscInt i = 0; i < 2; i++) PetscCall(VecScale(c[i].theta, 1.02));
  }
  PetscCall(ADJDestroy(&adj));
  for (PetscInt k = 0; k < 2; k++) PetscCall(Destroy(&c[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Vec gradient;
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, NTHETA, &gradient));
  PetscCall(TestReference(gradient));
  for (Way way = BY_FUNCTION; way <= BY_RHS; way++) {
    PetscCall(TestRefused(way, "", gradient));
    PetscCall(TestRight(way, PETSC_FALSE, "-adj_vjp_fd_color", 1e-6, gradient));
    PetscCall(TestRight(way, PETSC_TRUE, "-adj_ksp_rtol 1e-11", 1e-8, gradient));
    if (way == BY_RHS) continue; /* PETSc's own Picard iteration breaks down there */
    PetscCall(TestRefused(way, "-snes_mf_operator", gradient));
    PetscCall(TestRight(way, PETSC_TRUE, "-adj_ksp_rtol 1e-11 -snes_mf_operator", 1e-8, gradient));
  }
  PetscCall(TestUntouched());
  PetscCall(VecDestroy(&gradient));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
