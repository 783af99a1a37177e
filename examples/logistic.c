static char help[] = "Logistic regression by Newton's method, of which one step has the derivative of the solution.\n\n"
                     "min_x sum_i theta_i log(1 + exp(-b_i a_i.x)) + alpha/2 |x|^2, one weight theta_i for each row of the data, which are\n"
                     "distributed by rows. The map is a Newton step, F(x, theta) = x - H^{-1} g.\n"
                     "  -n <6>        : unknowns\n"
                     "  -m <60>       : rows\n"
                     "  -alpha <0.5>  : weight of the regularization\n"
                     "  -steps <10>   : Newton steps, of which the derivatives are compared\n"
                     "  -gallery      : rows of a table\n\n";

/*
   mpiexec -n 2 ./logistic
   mpiexec -n 2 ./logistic -m 2000 -n 20 -adj_trust_view

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 3 -m 3 -alpha 1 -malloc_debug false
   requires: real
*/
#include "gallery.h"

#define PAPER    "Bolte, Pauwels, Vaiter 2023"
#define MAXSTEPS 32

typedef struct {
  PetscReal alpha;
  Mat       B;          /* rows b_i a_i */
  Mat       DB, H, aij; /* diag(theta phi'') B; the Hessian, as it is multiplied and as it is factored */
  KSP       ksp;        /* with H */
  Vec       z, d[3];    /* z = B x; theta phi', theta phi'', theta phi''' */
  Vec       g, p, u;    /* gradient, Newton step, H^{-1} w */
  Vec       Bp, Bu;
  Vec       theta, x, v, thetabar, exact;
  ADJ       adj;
} Logistic;

/* phi(z) = log(1 + e^{-z}) has phi' = -s, phi'' = s (1 - s), phi''' = -s (1 - s) (1 - 2 s), s = 1/(1 + e^z); times weight[] */
static PetscErrorCode Derivatives(Logistic *l, Vec weight)
{
  const PetscScalar *z, *t;
  PetscScalar       *d[3];
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(l->z, &n));
  PetscCall(VecGetArrayRead(l->z, &z));
  PetscCall(VecGetArrayRead(weight, &t));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecGetArrayWrite(l->d[i], &d[i]));
  for (PetscInt i = 0; i < n; i++) {
    const PetscScalar s = 1.0 / (1.0 + PetscExpScalar(z[i]));

    d[0][i] = -t[i] * s;
    d[1][i] = t[i] * s * (1.0 - s);
    d[2][i] = -t[i] * s * (1.0 - s) * (1.0 - 2.0 * s);
  }
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecRestoreArrayWrite(l->d[i], &d[i]));
  PetscCall(VecRestoreArrayRead(weight, &t));
  PetscCall(VecRestoreArrayRead(l->z, &z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At (x, theta): g = B^T (theta phi') + alpha x, H = B^T diag(theta phi'') B + alpha I, p = H^{-1} g */
static PetscErrorCode Newton(Logistic *l, Vec x, Vec theta)
{
  const MatReuse reuse = l->H ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX;

  PetscFunctionBeginUser;
  PetscCall(MatMult(l->B, x, l->z));
  PetscCall(Derivatives(l, theta));
  PetscCall(MatMultTranspose(l->B, l->d[0], l->g));
  PetscCall(VecAXPY(l->g, l->alpha, x));
  PetscCall(MatCopy(l->B, l->DB, SAME_NONZERO_PATTERN));
  PetscCall(MatDiagonalScale(l->DB, l->d[1], NULL));
  PetscCall(MatTransposeMatMult(l->B, l->DB, reuse, PETSC_DEFAULT, &l->H));
  PetscCall(MatShift(l->H, l->alpha));
  PetscCall(MatConvert(l->H, MATAIJ, reuse, &l->aij));
  PetscCall(KSPSetOperators(l->ksp, l->aij, l->aij));
  PetscCall(KSPSolve(l->ksp, l->g, l->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Logistic *l = (Logistic *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Newton(l, x, theta));
  PetscCall(VecWAXPY(y, -1.0, l->p, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* H dp = dg - dH p, and dg = H dx in x: with Hu = w the pullback is that of u^T (dH p - dg) + w^T dx */
static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Logistic *l = (Logistic *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Newton(l, x, theta));
  PetscCall(KSPSolve(l->ksp, w, l->u));
  PetscCall(MatMult(l->B, l->p, l->Bp));
  PetscCall(MatMult(l->B, l->u, l->Bu));
  if (xbar) { /* B^T (theta phi''' Bu Bp), zero where p is: at the solution */
    PetscCall(VecPointwiseMult(l->d[2], l->d[2], l->Bu));
    PetscCall(VecPointwiseMult(l->d[2], l->d[2], l->Bp));
    PetscCall(MatMultTranspose(l->B, l->d[2], xbar));
  }
  if (thetabar) { /* Bu (phi'' Bp - phi') */
    PetscCall(VecSet(thetabar, 1.0));
    PetscCall(Derivatives(l, thetabar));
    PetscCall(VecPointwiseMult(thetabar, l->d[1], l->Bp));
    PetscCall(VecAXPY(thetabar, -1.0, l->d[0]));
    PetscCall(VecPointwiseMult(thetabar, thetabar, l->Bu));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two overlapping clouds of points around (1, 1, ...) and its negative; theta_i in [0.5, 1.5]. The same on any number of processes */
static PetscErrorCode FillData(Logistic *l, PetscInt n, PetscInt m)
{
  PetscRandom rand;
  PetscInt    lo, hi;
  PetscScalar r;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &rand));
  PetscCall(PetscRandomSetType(rand, PETSCRAND48));
  PetscCall(PetscRandomSetInterval(rand, -1.0, 1.0));
  PetscCall(PetscRandomSetSeed(rand, 2023));
  PetscCall(PetscRandomSeed(rand));
  PetscCall(MatGetOwnershipRange(l->B, &lo, &hi));
  for (PetscInt i = 0; i < m; i++) {
    for (PetscInt j = 0; j < n; j++) {
      PetscCall(PetscRandomGetValue(rand, &r));
      if (lo <= i && i < hi) PetscCall(MatSetValue(l->B, i, j, 0.3 + 1.5 * r, INSERT_VALUES)); /* b_i a_i: the sign is in it */
    }
    PetscCall(PetscRandomGetValue(rand, &r));
    if (lo <= i && i < hi) PetscCall(VecSetValue(l->theta, i, 1.0 + 0.5 * r, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(l->B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(l->B, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(l->theta));
  PetscCall(VecAssemblyEnd(l->theta));
  PetscCall(VecGetOwnershipRange(l->v, &lo, &hi));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscRandomGetValue(rand, &r));
    if (lo <= i && i < hi) PetscCall(VecSetValue(l->v, i, r, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(l->v));
  PetscCall(VecAssemblyEnd(l->v));
  PetscCall(PetscRandomDestroy(&rand));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LogisticCreate(PetscInt n, PetscInt m, PetscReal alpha, Logistic *l)
{
  Vec *rows[]    = {&l->d[0], &l->d[1], &l->d[2], &l->Bp, &l->Bu, &l->theta, &l->thetabar, &l->exact};
  Vec *columns[] = {&l->p, &l->u, &l->x, &l->v};
  KSP  ksp;
  PC   pc;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(l, sizeof(*l)));
  l->alpha = alpha;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m, n, NULL, &l->B));
  PetscCall(MatCreateVecs(l->B, &l->g, &l->z));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(rows); i++) PetscCall(VecDuplicate(l->z, rows[i]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(columns); i++) PetscCall(VecDuplicate(l->g, columns[i]));
  PetscCall(FillData(l, n, m));
  PetscCall(MatDuplicate(l->B, MAT_COPY_VALUES, &l->DB));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &l->ksp)); /* H is small: every process factors it */
  PetscCall(KSPSetOptionsPrefix(l->ksp, "newton_"));
  PetscCall(KSPSetType(l->ksp, KSPPREONLY));
  PetscCall(KSPGetPC(l->ksp, &pc));
  PetscCall(PCSetType(pc, PCREDUNDANT));
  PetscCall(KSPSetFromOptions(l->ksp));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &l->adj));
  PetscCall(ADJSetFixedPoint(l->adj, Map, l));
  PetscCall(ADJSetVJP(l->adj, VJP, l));
  PetscCall(ADJSetTrustAction(l->adj, ADJ_TRUST_ACTION_IGNORE)); /* early iterates are looked at */
  PetscCall(ADJGetKSP(l->adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-14, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(l->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LogisticDestroy(Logistic *l)
{
  Vec *vecs[] = {&l->z, &l->d[0], &l->d[1], &l->d[2], &l->g, &l->p, &l->u, &l->Bp, &l->Bu, &l->theta, &l->x, &l->v, &l->thetabar, &l->exact};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&l->adj));
  PetscCall(KSPDestroy(&l->ksp));
  PetscCall(MatDestroy(&l->B));
  PetscCall(MatDestroy(&l->DB));
  PetscCall(MatDestroy(&l->H));
  PetscCall(MatDestroy(&l->aij));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |a - b|/|b| */
static PetscErrorCode RelativeError(Vec a, Vec b, PetscReal *error)
{
  Vec       d;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(a, &d));
  PetscCall(VecWAXPY(d, -1.0, b, a));
  PetscCall(VecNorm(d, NORM_2, error));
  PetscCall(VecNorm(b, NORM_2, &norm));
  *error /= norm;
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `steps` Newton steps from zero, and the gradient of (v, x) by `type` */
static PetscErrorCode Gradient(Logistic *l, ADJType type, PetscInt steps)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetType(l->adj, type));
  PetscCall(ADJSetSteps(l->adj, steps));
  PetscCall(VecSet(l->x, 0.0));
  PetscCall(ADJSolve(l->adj, l->theta, l->x));
  PetscCall(ADJSolveAdjoint(l->adj, l->v, l->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The derivative of the minimizer, without F: exact_i = -phi'_i (B H^{-1} v)_i at x = the solution */
static PetscErrorCode ClosedForm(Logistic *l, Vec solution)
{
  PetscFunctionBeginUser;
  PetscCall(Newton(l, solution, l->theta));
  PetscCall(KSPSolve(l->ksp, l->v, l->u));
  PetscCall(MatMult(l->B, l->u, l->exact));
  PetscCall(VecSet(l->Bu, 1.0));
  PetscCall(Derivatives(l, l->Bu));
  PetscCall(VecPointwiseMult(l->exact, l->exact, l->d[0]));
  PetscCall(VecScale(l->exact, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* exact.d against differences of fourth order of (v, x(theta)) in the direction d = exact/|exact| */
static PetscErrorCode Differences(Logistic *l, PetscInt steps, PetscReal *error)
{
  const PetscReal h = 1e-2, weight[] = {1.0, -8.0, 8.0, -1.0}, at[] = {-2.0, -1.0, 1.0, 2.0};
  PetscReal       slope = 0.0;
  PetscScalar     value;
  PetscReal       norm;
  Vec             theta;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(l->theta, &theta));
  PetscCall(VecNorm(l->exact, NORM_2, &norm));
  PetscCall(ADJSetSteps(l->adj, steps));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(VecWAXPY(theta, at[i] * h / norm, l->exact, l->theta));
    PetscCall(VecSet(l->x, 0.0));
    PetscCall(ADJSolve(l->adj, theta, l->x));
    PetscCall(VecDot(l->x, l->v, &value));
    slope += weight[i] * PetscRealPart(value) / (12.0 * h);
  }
  *error = PetscAbsReal(slope - norm) / norm;
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Slope of log y over log x, by least squares, where both are above rounding */
static PetscReal Order(PetscInt n, const PetscReal x[], const PetscReal y[])
{
  PetscReal s1 = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, sxy = 0.0;

  for (PetscInt i = 0; i < n; i++) {
    const PetscReal a = PetscLogReal(x[i]), b = PetscLogReal(y[i]);

    if (!(x[i] < 0.3 && y[i] > 1e-13)) continue;
    s1 += 1.0;
    sx += a;
    sy += b;
    sxx += a * a;
    sxy += a * b;
  }
  return (s1 * sxy - sx * sy) / (s1 * sxx - sx * sx);
}

/* distance[k] = |x_k - x*|/|x*|; error[k] of the gradient by `type` after k + 1 steps */
static PetscErrorCode History(Logistic *l, Vec solution, ADJType type, PetscInt steps, PetscReal distance[], PetscReal error[])
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(l->adj, ADJ_TRUST_LEVEL_NONE));
  distance[0] = 1.0;
  for (PetscInt k = 1; k <= steps; k++) {
    PetscCall(Gradient(l, type, k));
    PetscCall(RelativeError(l->x, solution, &distance[k]));
    PetscCall(RelativeError(l->thetabar, l->exact, &error[k - 1]));
  }
  PetscCall(ADJSetTrustLevel(l->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Logistic *l, PetscInt steps)
{
  PetscReal distance[MAXSTEPS + 1], error[MAXSTEPS], implicit[MAXSTEPS], difference = 0.0;
  Vec       solution, gradient;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(l->x, &solution));
  PetscCall(VecDuplicate(l->theta, &gradient));
  PetscCall(Gradient(l, ADJIMPLICIT, 2 * steps));
  PetscCall(VecCopy(l->x, solution));
  PetscCall(ClosedForm(l, solution));
  PetscCall(History(l, solution, ADJONESTEP, steps, distance, error));
  PetscCall(History(l, solution, ADJIMPLICIT, steps, distance, implicit));
  if (!gallery.table) {
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, " k  distance of x_k  error of one-step after k + 1 steps  of implicit\n"));
    for (PetscInt k = 0; k < steps; k++) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%2" PetscInt_FMT "  %15.1e  %35.1e  %11.1e\n", k, (double)distance[k], (double)error[k], (double)implicit[k]));
  }
  PetscCall(GalleryNear("order of Newton's method", "quadratic", Order(steps, distance, distance + 1), 2.0, 0.1));
  PetscCall(GalleryNear("order of the one-step error in the distance of the iterate before", "linear, " PAPER, Order(steps, distance, error), 1.0, 0.1));
  PetscCall(GalleryNear("order of the implicit error in the distance of the last iterate", "quadratic: F_x = 0 at all solutions, so F_xx dx/dtheta + F_xtheta = 0", Order(steps, distance + 1, implicit), 2.0, 0.1));
  PetscCall(Gradient(l, ADJIMPLICIT, steps));
  PetscCall(GalleryVerdict(l->adj, "verdict, implicit", "Newton's method contracts", ADJ_TRUST_ESTIMATED));
  PetscCall(RelativeError(l->thetabar, l->exact, &difference));
  PetscCall(GalleryBelow("implicit, error", "-phi'(B x) (B H^{-1} v)", difference, 1e-10));
  PetscCall(VecCopy(l->thetabar, gradient));
  PetscCall(Gradient(l, ADJONESTEP, steps));
  PetscCall(GalleryVerdict(l->adj, "verdict, one-step", "the derivative of a Newton step in x is zero", ADJ_TRUST_ESTIMATED));
  PetscCall(RelativeError(l->thetabar, gradient, &difference));
  PetscCall(GalleryBelow("one-step against implicit", "equal, " PAPER, difference, 1e-10));
  PetscCall(Differences(l, steps, &difference));
  PetscCall(GalleryBelow("gradient against differences of the whole solve", "equal", difference, 1e-7));
  PetscCall(VecDestroy(&solution));
  PetscCall(VecDestroy(&gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Logistic  l;
  PetscInt  n = 6, m = 60, steps = 10;
  PetscReal alpha = 0.5;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-alpha", &alpha, NULL));
  PetscCheck(n > 0 && m > 0 && alpha > 0.0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n, -m and -alpha must be positive");
  PetscCheck(steps > 0 && steps <= MAXSTEPS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-steps must be between 1 and %d", MAXSTEPS);
  PetscCall(GalleryBegin("logistic"));
  PetscCall(LogisticCreate(n, m, alpha, &l));
  PetscCall(Run(&l, steps));
  PetscCall(LogisticDestroy(&l));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
