static char help[] = "Dirichlet conditions as identity rows of an assembled Jacobian: MatZeroRows(), MatZeroRowsColumns().\n\n";

/*
   nsize: 1 2 4
   args: -own_snes_rtol 1e-13 -own_ksp_rtol 1e-10 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "central.h"

/*
   All points of the grid are unknowns. With g = b0 + b1 X + b2 Y, that is, theta = (k0, k1, b0, b1, b2):

       inner points:     k (x_p - x_q, summed over four neighbours q) + x_p^2/10 - 1 = 0,    k = k0 + k1 X Y
       on the boundary:  x_p - g_p = 0

   ROWS:     inner points read x_q, rows of boundary points are those of the identity: the transposed matrix is not symmetric
   COLUMNS:  inner points read g_q in place of x_q on the boundary: columns are eliminated too
   MISMATCH: the matrix of COLUMNS with the residual of ROWS. Newton's method does not care, since x_q = g_q from the first step on
*/
typedef enum { ROWS,
               COLUMNS,
               MISMATCH } Elimination;
static const char *const names[] = {"MatZeroRows()", "MatZeroRowsColumns()", "columns missing"};

typedef struct {
  Elimination elimination;
  DM          da;
  SNES        snes;
  Mat         A;
  PetscScalar t[5];
} App;

static const PetscInt DI[] = {-1, 1, 0, 0}, DJ[] = {0, 0, -1, 1};

static PetscBool OnBoundary(const DMDALocalInfo *info, PetscInt i, PetscInt j)
{
  return (PetscBool)(i == 0 || j == 0 || i == info->mx - 1 || j == info->my - 1);
}

static PetscReal X(const DMDALocalInfo *info, PetscInt i)
{
  return (PetscReal)i / (info->mx - 1);
}

static PetscReal Y(const DMDALocalInfo *info, PetscInt j)
{
  return (PetscReal)j / (info->my - 1);
}

static PetscScalar Coefficient(const App *app, const DMDALocalInfo *info, PetscInt i, PetscInt j)
{
  return app->t[0] + app->t[1] * X(info, i) * Y(info, j);
}

/* What an inner point reads at (i, j) */
static PetscScalar Neighbour(const App *app, const DMDALocalInfo *info, PetscScalar **x, PetscInt i, PetscInt j)
{
  if (app->elimination == COLUMNS && OnBoundary(info, i, j)) return app->t[2] + app->t[3] * X(info, i) + app->t[4] * Y(info, j);
  return x[j][i];
}

/* As anyone writes it */
static PetscErrorCode FormFunction(SNES snes, Vec xg, Vec fg, void *ctx)
{
  App          *app = (App *)ctx;
  DMDALocalInfo info;
  Vec           xl;
  PetscScalar **x, **f;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(app->da, &info));
  PetscCall(DMGetLocalVector(app->da, &xl));
  PetscCall(DMGlobalToLocal(app->da, xg, INSERT_VALUES, xl));
  PetscCall(DMDAVecGetArrayRead(app->da, xl, &x));
  PetscCall(DMDAVecGetArray(app->da, fg, &f));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      if (OnBoundary(&info, i, j))
        f[j][i] = x[j][i] - app->t[2] - app->t[3] * X(&info, i) - app->t[4] * Y(&info, j);
      else {
        f[j][i] = 0.1 * x[j][i] * x[j][i] - 1.0;
        for (PetscInt q = 0; q < 4; q++) f[j][i] += Coefficient(app, &info, i, j) * (x[j][i] - Neighbour(app, &info, x, i + DI[q], j + DJ[q]));
      }
    }
  }
  PetscCall(DMDAVecRestoreArrayRead(app->da, xl, &x));
  PetscCall(DMDAVecRestoreArray(app->da, fg, &f));
  PetscCall(DMRestoreLocalVector(app->da, &xl));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The stencil at all points, whatever it reaches; then the boundary */
static PetscErrorCode FormJacobian(SNES snes, Vec xg, Mat A, Mat P, void *ctx)
{
  App          *app = (App *)ctx;
  DMDALocalInfo info;
  PetscScalar **x;
  MatStencil    rows[64];
  PetscInt      n = 0;

  (void)snes;
  (void)A;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(app->da, &info));
  PetscCall(DMDAVecGetArrayRead(app->da, xg, &x));
  PetscCall(MatZeroEntries(P));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscScalar k = Coefficient(app, &info, i, j), off = -k, diagonal = 4.0 * k + 0.2 * x[j][i];
      const MatStencil  row = {.i = i, .j = j};

      if (OnBoundary(&info, i, j)) rows[n++] = row;
      PetscCall(MatSetValuesStencil(P, 1, &row, 1, &row, &diagonal, INSERT_VALUES));
      for (PetscInt q = 0; q < 4; q++) {
        const MatStencil col = {.i = i + DI[q], .j = j + DJ[q]};

        if (col.i >= 0 && col.j >= 0 && col.i < info.mx && col.j < info.my) PetscCall(MatSetValuesStencil(P, 1, &row, 1, &col, &off, INSERT_VALUES));
      }
    }
  }
  PetscCall(DMDAVecRestoreArrayRead(app->da, xg, &x));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  if (app->elimination == ROWS)
    PetscCall(MatZeroRowsStencil(P, n, rows, 1.0, NULL, NULL));
  else
    PetscCall(MatZeroRowsColumnsStencil(P, n, rows, 1.0, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  const PetscScalar *t;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ADJParameterVecGetArrayRead(theta, &t));
  PetscCall(PetscArraycpy(((App *)ctx)->t, t, 5));
  PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* tbar += (dR_p/dtheta)^H w_p at the point p = (i, j) */
static void AddPoint(const App *app, const DMDALocalInfo *info, PetscScalar **x, PetscInt i, PetscInt j, PetscScalar w, PetscScalar tbar[])
{
  const PetscScalar k = PetscConj(Coefficient(app, info, i, j));

  if (OnBoundary(info, i, j)) {
    tbar[2] -= w;
    tbar[3] -= X(info, i) * w;
    tbar[4] -= Y(info, j) * w;
    return;
  }
  for (PetscInt q = 0; q < 4; q++) {
    const PetscInt    iq = i + DI[q], jq = j + DJ[q];
    const PetscScalar d = PetscConj(x[j][i] - Neighbour(app, info, x, iq, jq)) * w;

    tbar[0] += d;
    tbar[1] += X(info, i) * Y(info, j) * d;
    if (app->elimination != COLUMNS || !OnBoundary(info, iq, jq)) continue;
    tbar[2] -= k * w;
    tbar[3] -= X(info, iq) * k * w;
    tbar[4] -= Y(info, jq) * k * w;
  }
}

static PetscErrorCode ParameterVJP(ADJ adj, Vec xg, Vec theta, Vec wg, Vec thetabar, void *ctx)
{
  App          *app = (App *)ctx;
  DMDALocalInfo info;
  Vec           xl;
  PetscScalar **x, **w, tbar[5] = {0.0, 0.0, 0.0, 0.0, 0.0};

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(app->da, &info));
  PetscCall(DMGetLocalVector(app->da, &xl));
  PetscCall(DMGlobalToLocal(app->da, xg, INSERT_VALUES, xl));
  PetscCall(DMDAVecGetArrayRead(app->da, xl, &x));
  PetscCall(DMDAVecGetArrayRead(app->da, wg, &w));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) AddPoint(app, &info, x, i, j, w[j][i], tbar);
  }
  PetscCall(DMDAVecRestoreArrayRead(app->da, xl, &x));
  PetscCall(DMDAVecRestoreArrayRead(app->da, wg, &w));
  PetscCall(DMRestoreLocalVector(app->da, &xl));
  PetscCall(ADJParameterVecSum(thetabar, tbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The whole product, for the residual of ROWS: what the matrix of MISMATCH is not */
static PetscErrorCode VJPLocal(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *ptbar, void *ctx)
{
  const App    *app = (App *)ctx;
  PetscScalar **x = (PetscScalar **)px, **w = (PetscScalar **)pw, **xbar = (PetscScalar **)pxbar, *tbar = (PetscScalar *)ptbar;

  (void)adj;
  (void)ptheta;
  PetscFunctionBeginUser;
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscScalar kw = PetscConj(Coefficient(app, info, i, j)) * w[j][i];

      if (tbar) AddPoint(app, info, x, i, j, w[j][i], tbar);
      if (!xbar) continue;
      if (OnBoundary(info, i, j)) {
        xbar[j][i] += w[j][i];
        continue;
      }
      xbar[j][i] += 4.0 * kw + 0.2 * PetscConj(x[j][i]) * w[j][i];
      for (PetscInt q = 0; q < 4; q++) xbar[j + DJ[q]][i + DI[q]] -= kw;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Elimination elimination, App *app, ADJ *adj, Vec *theta, Vec *x)
{
  const PetscScalar values[] = {1.0, 0.5, 0.3, 0.7, -0.4};

  PetscFunctionBeginUser;
  app->elimination = elimination;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 6, 7, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &app->da));
  PetscCall(DMSetUp(app->da));
  PetscCall(DMCreateMatrix(app->da, &app->A));
  PetscCall(MatSetOption(app->A, MAT_KEEP_NONZERO_PATTERN, PETSC_TRUE));
  PetscCall(DMCreateGlobalVector(app->da, x));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &app->snes));
  PetscCall(SNESSetOptionsPrefix(app->snes, "own_"));
  PetscCall(SNESSetFunction(app->snes, NULL, FormFunction, app));
  PetscCall(SNESSetJacobian(app->snes, app->A, app->A, FormJacobian, app));
  PetscCall(SNESSetFromOptions(app->snes));
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, 5, theta));
  for (PetscInt i = 0; i < 5; i++) PetscCall(VecSetValue(*theta, i, values[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*theta));
  PetscCall(VecAssemblyEnd(*theta));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetSNES(*adj, app->snes));
  PetscCall(ADJSetParameters(*adj, Put, app));
  PetscCall(ADJSetParameterVJP(*adj, ParameterVJP, app));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(App *app, ADJ *adj, Vec *theta, Vec *x)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(adj));
  PetscCall(VecDestroy(theta));
  PetscCall(VecDestroy(x));
  PetscCall(SNESDestroy(&app->snes));
  PetscCall(MatDestroy(&app->A));
  PetscCall(DMDestroy(&app->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestElimination(Elimination elimination)
{
  App       app;
  ADJ       adj;
  Vec       theta, x;
  PetscBool symmetric;

  PetscFunctionBeginUser;
  PetscCall(Begin(elimination, &app, &adj, &theta, &x));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapCentral(adj, theta, x, 1e-8, names[elimination]));
  PetscCall(MatIsTranspose(app.A, app.A, 1e-10, &symmetric));
  PetscCall(TapOk((PetscBool)!symmetric, "%s: the matrix is not symmetric", names[elimination]));
  PetscCall(End(&app, &adj, &theta, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refused as it is; with products of the residual itself, the matrix serves as preconditioner */
static PetscErrorCode TestMismatch(void)
{
  App            app;
  ADJ            adj;
  Vec            theta, x, g;
  ADJTrustReport report;
  PetscReal      value;

  PetscFunctionBeginUser;
  PetscCall(Begin(MISMATCH, &app, &adj, &theta, &x));
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSetObjective(adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(adj, x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJComputeObjectiveAndGradient(adj, theta, &value, g), "%s: refused", names[MISMATCH]));
  PetscCall(ADJGetTrustReport(adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_VJP), "%s: verdict %s", names[MISMATCH], ADJTrusts[report.verdict]));
  PetscCall(VecDestroy(&g));
  PetscCall(End(&app, &adj, &theta, &x));

  PetscCall(Begin(MISMATCH, &app, &adj, &theta, &x));
  PetscCall(ADJSetDM(adj, app.da));
  PetscCall(ADJDMDASetVJPLocal(adj, VJPLocal, &app));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(TapCentral(adj, theta, x, 1e-8, "columns missing, but products given"));
  PetscCall(End(&app, &adj, &theta, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestElimination(ROWS));
  PetscCall(TestElimination(COLUMNS));
  PetscCall(TestMismatch());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
