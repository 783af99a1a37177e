static char help[] = "Heavy ball: the derivatives of its iterates converge where the slope is smooth, and need not where it has a kink.\n\n"
                     "x_{k+1} = x_k - (f'(x_k) - theta) + 3/4 (x_k - x_{k-1}), one ball for each parameter, with the slope\n"
                     "  f'(x) = 5x/8 + 3/8 sqrt(x^2 + delta^2), which is x (x >= 0) and x/4 (x < 0) for delta = 0.\n"
                     "  -n <3>       : number of balls\n"
                     "  -delta <0.5> : width of the bend, in the smooth case\n"
                     "  -steps <160> : the derivatives of that many iterates and of fewer are compared with that of the limit\n"
                     "  -gallery     : rows of a table\n\n";

/*
   mpiexec -n 2 ./heavyball
   mpiexec -n 2 ./heavyball -adj_trust_view
   mpiexec -n 2 ./heavyball -delta 0.1 -steps 240

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 1 -adj_selections_eps_tol 1e-6 -malloc_debug false
*/
#include "gallery.h"

#define PAPER  "Bolte, Pauwels, Vaiter 2022"
#define POINTS 8

typedef struct {
  PetscReal delta;
  ADJ       adj;
  Vec       theta, x, v, thetabar, exact, work;
} Ball;

/* f' and f''. With delta = 0 the curvature is that of the side of x */
static PetscScalar Slope(const Ball *b, PetscScalar x)
{
  if (b->delta == 0.0) return PetscRealPart(x) >= 0.0 ? x : 0.25 * x;
  return 0.625 * x + 0.375 * PetscSqrtScalar(x * x + b->delta * b->delta);
}

static PetscScalar Curvature(const Ball *b, PetscScalar x)
{
  if (b->delta == 0.0) return PetscRealPart(x) >= 0.0 ? 1.0 : 0.25;
  return 0.625 + 0.375 * x / PetscSqrtScalar(x * x + b->delta * b->delta);
}

/* F(x_k, x_{k-1}) = (x_{k+1}, x_k): one block of two for each ball */
static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscScalar *a, *t;
  PetscScalar       *b;
  PetscInt           n;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(theta, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt i = 0; i < n; i++) {
    b[2 * i]     = 1.75 * a[2 * i] - Slope((Ball *)ctx, a[2 * i]) - 0.75 * a[2 * i + 1] + t[i];
    b[2 * i + 1] = a[2 * i];
  }
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = S in or S^T in, S = [7/4 - f'', -3/4; 1, 0]: selection 0 has f'' = 1, 1 has 1/4, -1 is the one in force at x */
static PetscErrorCode Select(const Ball *ball, PetscInt selection, PetscBool transpose, Vec x, Vec in, Vec out)
{
  const PetscScalar *a, *p;
  PetscScalar       *q;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(in, &p));
  PetscCall(VecGetArrayWrite(out, &q));
  for (PetscInt i = 0; i < n; i += 2) {
    const PetscScalar c = selection < 0 ? Curvature(ball, a[i]) : (selection ? 0.25 : 1.0);

    q[i]     = (1.75 - (transpose ? PetscConj(c) : c)) * p[i] + (transpose ? 1.0 : -0.75) * p[i + 1];
    q[i + 1] = (transpose ? -0.75 : 1.0) * p[i];
  }
  PetscCall(VecRestoreArrayWrite(out, &q));
  PetscCall(VecRestoreArrayRead(in, &p));
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SelectionVJP(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(Select((Ball *)ctx, selection, PETSC_TRUE, x, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SelectionJVP(ADJ adj, PetscInt selection, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(Select((Ball *)ctx, selection, PETSC_FALSE, x, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(Select((Ball *)ctx, -1, PETSC_TRUE, x, w, xbar));
  if (thetabar) PetscCall(VecStrideGather(w, 0, thetabar, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta_i = first + i/n; the objective is the sum of the positions, without those before */
static PetscErrorCode BallCreate(PetscInt n, PetscReal delta, PetscReal first, Ball *b)
{
  PetscInt lo, hi, nl;

  PetscFunctionBeginUser;
  b->delta = delta;
  PetscCall(VecCreate(PETSC_COMM_WORLD, &b->theta));
  PetscCall(VecSetSizes(b->theta, PETSC_DECIDE, n));
  PetscCall(VecSetFromOptions(b->theta));
  PetscCall(VecGetLocalSize(b->theta, &nl));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 2 * nl, 2 * n, &b->x));
  PetscCall(VecSetBlockSize(b->x, 2));
  PetscCall(VecGetOwnershipRange(b->theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(b->theta, i, first + (PetscReal)i / n, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(b->theta));
  PetscCall(VecAssemblyEnd(b->theta));
  PetscCall(VecDuplicate(b->x, &b->v));
  PetscCall(VecDuplicate(b->theta, &b->thetabar));
  PetscCall(VecDuplicate(b->theta, &b->exact));
  PetscCall(VecDuplicate(b->theta, &b->work));
  PetscCall(VecSet(b->work, 1.0));
  PetscCall(VecStrideScatter(b->work, 0, b->v, INSERT_VALUES));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &b->adj));
  PetscCall(ADJSetFixedPoint(b->adj, Map, b));
  PetscCall(ADJSetVJP(b->adj, VJP, b));
  PetscCall(ADJSetTrustAction(b->adj, ADJ_TRUST_ACTION_IGNORE)); /* the rows look at the verdict */
  PetscCall(ADJSetFromOptions(b->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallDestroy(Ball *b)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&b->adj));
  PetscCall(VecDestroy(&b->theta));
  PetscCall(VecDestroy(&b->x));
  PetscCall(VecDestroy(&b->v));
  PetscCall(VecDestroy(&b->thetabar));
  PetscCall(VecDestroy(&b->exact));
  PetscCall(VecDestroy(&b->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From `guess`: the gradient, and its relative error against `exact` */
static PetscErrorCode Gradient(Ball *b, PetscReal guess, PetscReal *error)
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecSet(b->x, guess));
  PetscCall(ADJSolve(b->adj, b->theta, b->x));
  PetscCall(ADJSolveAdjoint(b->adj, b->v, b->thetabar));
  PetscCall(VecNorm(b->exact, NORM_2, &norm));
  PetscCall(VecWAXPY(b->work, -1.0, b->exact, b->thetabar));
  PetscCall(VecNorm(b->work, NORM_2, error));
  *error /= norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f'(x) = theta: x = (10 theta - 3 r)/4 with r = sqrt(4 theta^2 + delta^2), dx/dtheta = (10 - 12 theta/r)/4 */
static PetscErrorCode ClosedForm(Ball *b, Vec position)
{
  PetscScalar *t;
  PetscInt     n;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(b->theta, position));
  PetscCall(VecCopy(b->theta, b->exact));
  PetscCall(VecGetLocalSize(b->theta, &n));
  for (PetscInt which = 0; which < 2; which++) {
    PetscCall(VecGetArray(which ? b->exact : position, &t));
    for (PetscInt i = 0; i < n; i++) {
      const PetscScalar r = PetscSqrtScalar(4.0 * t[i] * t[i] + b->delta * b->delta);

      t[i] = which ? 2.5 - 3.0 * t[i] / r : 2.5 * t[i] - 0.75 * r;
    }
    PetscCall(VecRestoreArray(which ? b->exact : position, &t));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* log e_k = c + log k + k log q, by least squares: errors of derivatives of iterates fall like k q^k */
static PetscReal FitRate(const PetscInt k[], const PetscReal e[])
{
  PetscReal s1 = 0.0, sk = 0.0, skk = 0.0, se = 0.0, ske = 0.0;

  for (PetscInt i = 0; i < POINTS; i++) {
    const PetscReal x = (PetscReal)k[i], y = PetscLogReal(e[i] / x);

    s1 += 1.0;
    sk += x;
    skk += x * x;
    se += y;
    ske += x * y;
  }
  return PetscExpReal((s1 * ske - sk * se) / (s1 * skk - sk * sk));
}

static PetscErrorCode Smooth(PetscInt n, PetscReal delta, PetscInt steps)
{
  Ball      b;
  EPS       eps;
  PetscInt  k[POINTS];
  PetscReal error = 0.0, rho = 0.0, e[POINTS];

  PetscFunctionBeginUser;
  PetscCall(BallCreate(n, delta, 1.0, &b));
  PetscCall(ADJGetEPS(b.adj, &eps));
  PetscCall(EPSSetTolerances(eps, 1e-8, PETSC_DEFAULT));
  PetscCall(ClosedForm(&b, b.work));
  PetscCall(VecSet(b.x, 0.0));
  PetscCall(ADJSolve(b.adj, b.theta, b.x));
  PetscCall(VecStrideGather(b.x, 0, b.thetabar, INSERT_VALUES));
  PetscCall(VecAXPY(b.thetabar, -1.0, b.work));
  PetscCall(VecNorm(b.thetabar, NORM_INFINITY, &error));
  PetscCall(GalleryBelow("smooth: error of the state", "the minimizer in closed form", error, 1e-8));
  PetscCall(Gradient(&b, 0.0, &error));
  PetscCall(GalleryBelow("smooth: error of the implicit gradient", "1/f'' at the minimizer", error, 1e-7));
  PetscCall(GalleryVerdict(b.adj, "smooth: verdict", "it contracts", ADJ_TRUST_ESTIMATED));
  PetscCall(ADJGetContraction(b.adj, &rho, NULL));
  PetscCall(GalleryNear("smooth: spectral radius", "sqrt(3/4), the eigenvalues being complex", rho, PetscSqrtReal(0.75), 1e-6));
  PetscCall(ADJSetType(b.adj, ADJUNROLLED));
  for (PetscInt i = 0; i < POINTS; i++) {
    k[i] = steps / 2 + i * steps / (2 * (POINTS - 1));
    PetscCall(ADJSetSteps(b.adj, k[i]));
    PetscCall(Gradient(&b, 0.0, &e[i]));
  }
  PetscCall(GalleryBelow("smooth: error of the derivative of the last iterate", "derivatives of iterates converge, Gilbert 1992", e[POINTS - 1], 10.0 * steps * PetscPowReal(0.75, 0.5 * steps)));
  PetscCall(GalleryNear("smooth: rate at which they converge", "the spectral radius", FitRate(k, e), PetscSqrtReal(0.75), 1e-2));
  PetscCall(BallDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each side alone, where the iteration stays on it: theta > 0 and x* = theta, or theta < 0 and x* = 4 theta */
static PetscErrorCode OneSide(PetscInt n, PetscInt side)
{
  const char *const names[] = {"kink: spectral radius, selection 0", "kink: spectral radius, selection 1"};
  const char *const words[] = {"kink: verdict, selection 0 alone", "kink: verdict, selection 1 alone"};
  Ball              b;
  EPS               eps;
  PetscReal         error = 0.0, rho = 0.0;

  PetscFunctionBeginUser;
  PetscCall(BallCreate(n, 0.0, side ? -3.0 : 2.0, &b));
  PetscCall(ADJGetEPS(b.adj, &eps));
  PetscCall(EPSSetTolerances(eps, 1e-8, PETSC_DEFAULT));
  PetscCall(VecSet(b.exact, side ? 4.0 : 1.0));
  PetscCall(Gradient(&b, side ? -10.0 : 2.0, &error));
  PetscCall(ADJGetContraction(b.adj, &rho, NULL));
  PetscCall(GalleryNear(names[side], "0.8660, " PAPER, rho, PetscSqrtReal(0.75), 1e-6));
  PetscCall(GalleryVerdict(b.adj, words[side], "each contracts", ADJ_TRUST_ESTIMATED));
  PetscCall(BallDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Growth per step of derivatives whose selections repeat 0 0 1 1, as they may at x = 0, where both are allowed */
static PetscErrorCode Growth(Ball *b, PetscReal *growth)
{
  Vec       p[2];
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(b->x, &p[0]));
  PetscCall(VecDuplicate(b->x, &p[1]));
  PetscCall(VecSet(p[0], 1.0));
  for (PetscInt period = 0; period < 40; period++) {
    PetscCall(VecNormalize(p[0], NULL));
    for (PetscInt k = 0; k < 4; k++) PetscCall(Select(b, k / 2, PETSC_FALSE, b->x, p[k % 2], p[(k + 1) % 2]));
    PetscCall(VecNorm(p[0], NORM_2, &norm));
    *growth = PetscPowReal(norm, 0.25);
  }
  PetscCall(VecDestroy(&p[0]));
  PetscCall(VecDestroy(&p[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Kink(PetscInt n)
{
  Ball          b;
  PetscReal     error = 0.0, growth = 0.0;
  ADJTrustCheck check;
  char         *word = NULL;

  PetscFunctionBeginUser;
  PetscCall(OneSide(n, 0));
  PetscCall(OneSide(n, 1));
  PetscCall(BallCreate(n, 0.0, 2.0, &b));
  PetscCall(VecSet(b.exact, 1.0));
  PetscCall(ADJSetSelections(b.adj, 2, SelectionVJP, SelectionJVP, &b));
  PetscCall(Gradient(&b, 2.0, &error));
  PetscCall(ADJGetTrustCheck(b.adj, ADJ_CHECK_SELECTIONS, &check));
  PetscCall(GalleryVerdict(b.adj, "kink: verdict, both selections", "refuted, " PAPER, ADJ_TRUST_REFUTED_CONTRACTION));
  PetscCall(GalleryNear("kink: lower bound of the joint spectral radius", "(9/8)^(1/4) = 1.0299, " PAPER, check.value, PetscPowReal(1.125, 0.25), 1e-4));
  if (check.advice) PetscCall(PetscStrstr(check.advice, "0 0 1 1", &word));
  PetscCall(GalleryRow("kink: the product that grows", "0 0 1 1, " PAPER, word ? "0 0 1 1" : "not named", (PetscBool)(word != NULL)));
  PetscCall(Growth(&b, &growth));
  PetscCall(GalleryNear("kink: growth of derivatives by 0 0 1 1, per step", "the eigenvalue -9/8 of the product", growth, PetscPowReal(1.125, 0.25), 1e-6));
  PetscCall(BallDestroy(&b));

  PetscCall(BallCreate(n, 0.0, 0.0, &b));
  PetscCall(VecSet(b.theta, 0.0));
  PetscCall(VecSet(b.exact, 1.0));
  PetscCall(Gradient(&b, 0.0, &error));
  PetscCall(GalleryVerdict(b.adj, "kink: verdict at x = 0, without selections", "the one-sided derivatives are 1 and 4", ADJ_TRUST_REFUTED_NOT_SMOOTH));
  PetscCall(BallDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt  n = 3, steps = 160;
  PetscReal delta = 0.5;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-delta", &delta, NULL));
  PetscCheck(n > 0 && steps >= 16 && delta > 0.0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n and -delta must be positive, -steps 16 or more");
  PetscCall(GalleryBegin("heavyball"));
  PetscCall(Smooth(n, delta, steps));
  PetscCall(Kink(n));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
