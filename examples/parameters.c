static char help[] = "What parameters can be: a field, a small set, boundary values, the initial guess, several of them at once.\n\n"
                     "-(k x')' + s_0 x^3 = s_1 on [0, 1], x(0) = g_0, x(1) = g_1, and the gradient of |x|^2/2 with respect to what is asked for.\n"
                     "  -kind <field,set,boundary,guess,blocks> : k; s; g; the first iterate of a fixed number of steps; k and s at once\n"
                     "  -n <33>                                 : grid points\n\n";

/*
   mpiexec -n 2 ./parameters -kind field
   mpiexec -n 2 ./parameters -kind blocks -adj_trust_view -adj_test_gradient

   nsize: 1 2
   args: -kind field
   args: -kind set
   args: -kind boundary
   args: -kind guess
   args: -kind blocks
*/
#include <contragrad.h>

typedef enum {
  FIELD,
  SET,
  BOUNDARY,
  GUESS,
  BLOCKS
} Kind;

/* The application, as it was before: its functions read k, s and g from here */
typedef struct {
  DM          da;
  Vec         k;          /* with ghost points */
  PetscScalar s[2], g[2]; /* the same on every process */
  Kind        kind;
} Application;

static PetscErrorCode Residual(SNES snes, Vec X, Vec R, void *ctx)
{
  Application       *app = (Application *)ctx;
  Vec                xlocal;
  const PetscScalar *x, *k;
  PetscScalar       *r;
  DMDALocalInfo      info;
  PetscReal          h;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(app->da, &info));
  h = 1.0 / (info.mx - 1);
  PetscCall(DMGetLocalVector(app->da, &xlocal));
  PetscCall(DMGlobalToLocal(app->da, X, INSERT_VALUES, xlocal));
  PetscCall(DMDAVecGetArrayRead(app->da, xlocal, &x));
  PetscCall(DMDAVecGetArrayRead(app->da, app->k, &k));
  PetscCall(DMDAVecGetArray(app->da, R, &r));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    if (i == 0 || i == info.mx - 1)
      r[i] = (x[i] - app->g[i > 0]) / h;
    else
      r[i] = 0.5 * ((k[i - 1] + k[i]) * (x[i] - x[i - 1]) + (k[i] + k[i + 1]) * (x[i] - x[i + 1])) / h + h * (app->s[0] * x[i] * x[i] * x[i] - app->s[1]);
  }
  PetscCall(DMDAVecRestoreArray(app->da, R, &r));
  PetscCall(DMDAVecRestoreArrayRead(app->da, app->k, &k));
  PetscCall(DMDAVecRestoreArrayRead(app->da, xlocal, &x));
  PetscCall(DMRestoreLocalVector(app->da, &xlocal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two values, wherever they are, to every process */
static PetscErrorCode ToAll(Vec v, PetscScalar values[2])
{
  Vec                all;
  VecScatter         scatter;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecScatterCreateToAll(v, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &a));
  for (PetscInt i = 0; i < 2; i++) values[i] = a[i];
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that is added: how theta gets to where the application reads it ... */
static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Application *app   = (Application *)ctx;
  Vec          field = theta, set = theta;

  (void)adj;
  PetscFunctionBeginUser;
  if (app->kind == BLOCKS) {
    PetscCall(VecNestGetSubVec(theta, 0, &field));
    PetscCall(VecNestGetSubVec(theta, 1, &set));
  }
  if (app->kind == FIELD || app->kind == BLOCKS) PetscCall(DMGlobalToLocal(app->da, field, INSERT_VALUES, app->k));
  if (app->kind == SET || app->kind == BLOCKS || app->kind == GUESS) PetscCall(ToAll(set, app->s));
  if (app->kind == BOUNDARY) PetscCall(ToAll(theta, app->g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ... and, where one cares to write it, (dR/ds)^T w: each process has a part of both sums. Differences will do as well */
static PetscErrorCode SetVJP(ADJ adj, Vec X, Vec theta, Vec W, Vec thetabar, void *ctx)
{
  Application       *app = (Application *)ctx;
  const PetscScalar *x, *w;
  PetscScalar        sum[2] = {0.0, 0.0};
  PetscInt           lo, hi;
  DMDALocalInfo      info;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(app->da, &info));
  PetscCall(DMDAVecGetArrayRead(app->da, X, &x));
  PetscCall(DMDAVecGetArrayRead(app->da, W, &w));
  for (PetscInt i = PetscMax(info.xs, 1); i < PetscMin(info.xs + info.xm, info.mx - 1); i++) {
    sum[0] += PetscConj(x[i] * x[i] * x[i]) * w[i] / (PetscReal)(info.mx - 1);
    sum[1] -= w[i] / (PetscReal)(info.mx - 1);
  }
  PetscCall(DMDAVecRestoreArrayRead(app->da, X, &x));
  PetscCall(DMDAVecRestoreArrayRead(app->da, W, &w));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)app->da)));
  PetscCall(VecGetOwnershipRange(thetabar, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(thetabar, i, sum[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x <- x - R/(4 (n - 1)): steps towards the solution, of which the initial guess is a parameter */
static PetscErrorCode Step(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Application *app = (Application *)ctx;
  PetscInt     n;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecGetSize(x, &n));
  PetscCall(Residual(NULL, x, y, app));
  PetscCall(VecAYPX(y, -0.25 / (n - 1), x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateParameters(Application *app, Vec *theta)
{
  Vec block[2];

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(app->da, &block[0]));
  PetscCall(VecCreate(PETSC_COMM_WORLD, &block[1]));
  PetscCall(VecSetSizes(block[1], PETSC_DECIDE, 2));
  PetscCall(VecSetFromOptions(block[1]));
  PetscCall(VecSet(block[0], 1.0));
  PetscCall(VecSet(block[1], 2.0));
  if (app->kind == BLOCKS)
    PetscCall(VecCreateNest(PETSC_COMM_WORLD, 2, NULL, block, theta));
  else {
    *theta = block[app->kind != FIELD];
    PetscCall(PetscObjectReference((PetscObject)*theta));
  }
  PetscCall(VecDestroy(&block[0]));
  PetscCall(VecDestroy(&block[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Application *app, SNES snes, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetDM(*adj, app->da));
  if (app->kind == GUESS) {
    PetscCall(ADJSetFixedPoint(*adj, Step, app));
    PetscCall(ADJSetType(*adj, ADJUNROLLED));
    PetscCall(ADJSetSteps(*adj, 10));
  } else
    PetscCall(ADJSetSNES(*adj, snes));
  PetscCall(ADJSetParameters(*adj, Put, app));
  PetscCall(ADJSetFDColor(*adj, PETSC_TRUE));
  if (app->kind == FIELD) PetscCall(ADJSetParameterDM(*adj, app->da));
  if (app->kind == SET) PetscCall(ADJSetParameterVJP(*adj, SetVJP, app));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *kinds[] = {"field", "set", "boundary", "guess", "blocks"};
  Application app     = {NULL, NULL, {2.0, 2.0}, {2.0, 2.0}, FIELD};
  ADJ         adj;
  SNES        snes;
  Vec         x, x0, xbar, x0bar, theta, gradient;
  PetscInt    n = 33, kind = FIELD;
  PetscReal   norm, order, error;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-kind", kinds, PETSC_STATIC_ARRAY_LENGTH(kinds), &kind, NULL));
  app.kind = (Kind)kind;
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, n, 1, 1, NULL, &app.da));
  PetscCall(DMSetUp(app.da));
  PetscCall(DMCreateLocalVector(app.da, &app.k));
  PetscCall(VecSet(app.k, 1.0));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetDM(snes, app.da));
  PetscCall(SNESSetFunction(snes, NULL, Residual, &app));
  PetscCall(SNESSetFromOptions(snes));
  PetscCall(CreateParameters(&app, &theta));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(DMCreateGlobalVector(app.da, &x));
  PetscCall(VecDuplicate(x, &xbar));
  PetscCall(VecDuplicate(x, &x0));
  PetscCall(VecSet(x0, 1.0));

  PetscCall(CreateADJ(&app, snes, &adj));
  PetscCall(VecCopy(x0, x));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(VecCopy(x, xbar));
  PetscCall(ADJSolveAdjoint(adj, xbar, gradient));
  PetscCall(VecNorm(gradient, NORM_2, &norm));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s: gradient of norm %.8g", kinds[kind], (double)norm));
  if (app.kind == GUESS) {
    PetscCall(ADJGetInitialGradient(adj, &x0bar));
    PetscCall(VecNorm(x0bar, NORM_2, &norm));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, " in the set, %.8g in the initial guess", (double)norm));
  }
  PetscCall(ADJTestGradient(adj, theta, x0, xbar, &order, &error));
  PetscCheck(PetscAbsReal(order - 2.0) < 0.1 && error < 1e-5, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The gradient is wrong: order %g, error %g", (double)order, (double)error);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, ", Taylor test of order %.2f, error %.1e\n", (double)order, (double)error));

  PetscCall(ADJDestroy(&adj));
  PetscCall(SNESDestroy(&snes));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&x0));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&app.k));
  PetscCall(DMDestroy(&app.da));
  PetscCall(PetscFinalize());
  return 0;
}
