static char help[] = "The rules of solvers: the pullback of a linear system, a root, a fixed point, a minimizer, a steady state and a periodic orbit.\n\n"
                     "Each solver stays what it is and is borrowed; each problem is one whose pullback is known in closed form.\n"
                     "  -n <8> : unknowns, and parameters, of each\n\n";

/*
   mpiexec -n 2 ./solver_rules
   mpiexec -n 2 ./solver_rules -n 1000 -adj_trust_view

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 3
*/
#include "gallery.h"

/* What the functions of the solvers read; n parameters each */
typedef struct {
  PetscInt  n;
  Vec       theta;
  PetscReal period; /* of the forcing of the differential equation; 0: none, a steady state */
} AppCtx;

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(theta, ((AppCtx *)ctx)->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The derivative of a residual f(x) - theta */
static PetscErrorCode MinusVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(w, thetabar));
  PetscCall(VecScale(thetabar, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for a diagonal and an entry beside it in each row */
static PetscErrorCode CreateMat(const AppCtx *app, Mat *A)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(app->theta, &n));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, n, n, app->n, app->n, 2, NULL, 1, NULL, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateDiagonal(const AppCtx *app, Mat *A)
{
  PetscFunctionBeginUser;
  PetscCall(CreateMat(app, A));
  PetscCall(MatDiagonalSet(*A, app->theta, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta_i between 1/2 and 3/2, x = 1 to start with, xbar = 1 */
static PetscErrorCode CreateVecs(const AppCtx *app, Vec *x, Vec *theta, Vec *xbar, Vec *thetabar)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(app->theta, theta));
  PetscCall(VecGetOwnershipRange(*theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(*theta, i, 0.5 + (PetscReal)i / app->n, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(*theta));
  PetscCall(VecAssemblyEnd(*theta));
  PetscCall(VecCopy(*theta, app->theta));
  PetscCall(VecDuplicate(*theta, x));
  PetscCall(VecDuplicate(*theta, xbar));
  PetscCall(VecDuplicate(*theta, thetabar));
  PetscCall(VecSet(*x, 1.0));
  PetscCall(VecSet(*xbar, 1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* got is compared with expected, which is destroyed with the others */
static PetscErrorCode Check(const char what[], const char source[], Vec got, Vec expected)
{
  PetscReal scale, error;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(expected, NORM_INFINITY, &scale));
  PetscCall(VecAXPY(expected, -1.0, got));
  PetscCall(VecNorm(expected, NORM_INFINITY, &error));
  PetscCall(GalleryBelow(what, source, error / scale, 1e-9));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyVecs(Vec *x, Vec *theta, Vec *xbar, Vec *thetabar)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(x));
  PetscCall(VecDestroy(theta));
  PetscCall(VecDestroy(xbar));
  PetscCall(VecDestroy(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The adjoint is solved to rounding, the verdict must be good */
static PetscErrorCode Pullback(ADJ adj, const char what[], Vec xbar, Vec thetabar)
{
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
  PetscCall(GalleryVerdict(adj, what, "all checks pass", ADJ_TRUST_ESTIMATED));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Linear system 2 x_i - x_{i-1} = b_i, b = 1: x_i = 1 - 2^{-(i+1)}, and A^T lambda = 1: lambda_i = 1 - 2^{-(n-i)}, so that
   bbar = lambda and Abar = -lambda x^T on the entries of A. Counted from 0
*/
static PetscErrorCode FillLinearSystem(const AppCtx *app, Mat A, Mat Abar, Vec lambda)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(lambda, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscReal l = 1.0 - PetscPowRealInt(2.0, -(int)(app->n - i));

    PetscCall(VecSetValue(lambda, i, l, INSERT_VALUES));
    for (PetscInt j = PetscMax(i - 1, 0); j <= i; j++) {
      PetscCall(MatSetValue(A, i, j, i == j ? 2.0 : -1.0, INSERT_VALUES));
      PetscCall(MatSetValue(Abar, i, j, -l * (1.0 - PetscPowRealInt(2.0, -(int)(j + 1))), INSERT_VALUES));
    }
  }
  PetscCall(VecAssemblyBegin(lambda));
  PetscCall(VecAssemblyEnd(lambda));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(Abar, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(Abar, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LinearSystem(AppCtx *app)
{
  ADJ       adj;
  KSP       ksp;
  Mat       A, G, Abar;
  Vec       x, b, xbar, bbar, lambda;
  PetscReal error, scale;

  PetscFunctionBeginUser;
  PetscCall(CreateVecs(app, &x, &b, &xbar, &bbar));
  PetscCall(VecSet(b, 1.0));
  PetscCall(VecDuplicate(b, &lambda));
  PetscCall(CreateMat(app, &A));
  PetscCall(CreateMat(app, &Abar));
  PetscCall(FillLinearSystem(app, A, Abar, lambda));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetKSP(adj, ksp));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, b, x));
  PetscCall(Pullback(adj, "linear system: verdict", xbar, bbar));
  PetscCall(ADJGetMatGradient(adj, &G));

  PetscCall(Check("linear system: bbar", "A^T lambda = xbar, bbar = lambda", bbar, lambda));
  PetscCall(MatNorm(Abar, NORM_FROBENIUS, &scale));
  PetscCall(MatAXPY(Abar, -1.0, G, SAME_NONZERO_PATTERN));
  PetscCall(MatNorm(Abar, NORM_FROBENIUS, &error));
  PetscCall(GalleryBelow("linear system: Abar", "-lambda x^T on the entries of A", error / scale, 1e-9));
  PetscCall(ADJDestroy(&adj));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&Abar));
  PetscCall(VecDestroy(&lambda));
  PetscCall(DestroyVecs(&x, &b, &xbar, &bbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Root x^2 - theta = 0: x = sqrt(theta), thetabar = xbar/(2 sqrt(theta)) */
static PetscErrorCode RootResidual(SNES snes, Vec x, Vec r, void *ctx)
{
  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseMult(r, x, x));
  PetscCall(VecAXPY(r, -1.0, ((AppCtx *)ctx)->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootJacobian(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  (void)snes;
  (void)P;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(MatDiagonalSet(J, x, INSERT_VALUES));
  PetscCall(MatScale(J, 2.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Root(AppCtx *app)
{
  ADJ  adj;
  SNES snes;
  Mat  J;
  Vec  x, theta, xbar, thetabar;

  PetscFunctionBeginUser;
  PetscCall(CreateVecs(app, &x, &theta, &xbar, &thetabar));
  PetscCall(CreateDiagonal(app, &J));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetFunction(snes, NULL, RootResidual, app));
  PetscCall(SNESSetJacobian(snes, J, J, RootJacobian, app));
  PetscCall(SNESSetTolerances(snes, 1e-13, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetSNES(adj, snes));
  PetscCall(ADJSetParameters(adj, Put, app));
  PetscCall(ADJSetParameterVJP(adj, MinusVJP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(Pullback(adj, "root: verdict", xbar, thetabar));

  PetscCall(VecSqrtAbs(theta));
  PetscCall(VecScale(theta, 2.0));
  PetscCall(VecReciprocal(theta));
  PetscCall(Check("root: thetabar", "x^2 = theta, 1/(2 sqrt(theta))", thetabar, theta));
  PetscCall(ADJDestroy(&adj));
  PetscCall(SNESDestroy(&snes));
  PetscCall(MatDestroy(&J));
  PetscCall(DestroyVecs(&x, &theta, &xbar, &thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fixed point x = theta e^{-x}: x = W(theta), Lambert's function, thetabar = xbar x/(theta (1 + x)) */
static PetscErrorCode LambertMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, y));
  PetscCall(VecScale(y, -1.0));
  PetscCall(VecExp(y));
  PetscCall(VecPointwiseMult(y, y, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LambertVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Vec e;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &e));
  PetscCall(LambertMap(adj, x, theta, e, ctx));
  PetscCall(VecConjugate(e));
  if (xbar) {
    PetscCall(VecPointwiseMult(xbar, e, w));
    PetscCall(VecScale(xbar, -1.0));
  }
  if (thetabar) {
    PetscCall(VecCopy(theta, thetabar));
    PetscCall(VecConjugate(thetabar));
    PetscCall(VecPointwiseDivide(e, e, thetabar));
    PetscCall(VecPointwiseMult(thetabar, e, w));
  }
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FixedPoint(AppCtx *app)
{
  ADJ  adj;
  SNES snes;
  Vec  x, theta, xbar, thetabar;

  PetscFunctionBeginUser;
  PetscCall(CreateVecs(app, &x, &theta, &xbar, &thetabar));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, LambertMap, NULL));
  PetscCall(ADJSetVJP(adj, LambertVJP, NULL));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-13, 1e-13, PETSC_DEFAULT, 200, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(Pullback(adj, "fixed point: verdict", xbar, thetabar));

  PetscCall(VecCopy(x, xbar));
  PetscCall(VecShift(xbar, 1.0));
  PetscCall(VecPointwiseMult(theta, theta, xbar));
  PetscCall(VecPointwiseDivide(theta, x, theta));
  PetscCall(Check("fixed point: thetabar", "x = W(theta), x/(theta (1 + x))", thetabar, theta));
  PetscCall(ADJDestroy(&adj));
  PetscCall(DestroyVecs(&x, &theta, &xbar, &thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Minimizer of sum e^{x_i} - theta_i x_i: x = log(theta), thetabar = xbar/theta; where x <= u is active 0, and ubar = xbar there */
static PetscErrorCode ObjectiveAndGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  PetscScalar sum, dot;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, g));
  PetscCall(VecExp(g));
  PetscCall(VecSum(g, &sum));
  PetscCall(VecDot(x, ((AppCtx *)ctx)->theta, &dot));
  PetscCall(VecAXPY(g, -1.0, ((AppCtx *)ctx)->theta));
  *f = PetscRealPart(sum - dot);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hessian(Tao tao, Vec x, Mat H, Mat P, void *ctx)
{
  Vec e;

  (void)tao;
  (void)P;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &e));
  PetscCall(VecCopy(x, e));
  PetscCall(VecExp(e));
  PetscCall(MatDiagonalSet(H, e, INSERT_VALUES));
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The bound lies between two of the log(theta_i): strict complementarity. expected is 1/theta or 0; active is 0 or 1 */
static PetscErrorCode SetBound(const AppCtx *app, Tao tao, Vec expected, Vec active)
{
  const PetscReal middle = 0.5 + (3 * app->n / 4 - 0.5) / app->n;
  PetscInt        lo, hi;
  Vec             lower, upper;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(expected, &lower));
  PetscCall(VecDuplicate(expected, &upper));
  PetscCall(VecSet(lower, PETSC_NINFINITY));
  PetscCall(VecSet(upper, PetscLogReal(middle)));
  PetscCall(TaoSetVariableBounds(tao, lower, upper));
  PetscCall(VecGetOwnershipRange(expected, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscBool bound = (PetscBool)(0.5 + (PetscReal)i / app->n > middle);

    PetscCall(VecSetValue(active, i, bound ? 1.0 : 0.0, INSERT_VALUES));
    if (bound) PetscCall(VecSetValue(expected, i, 0.0, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(active));
  PetscCall(VecAssemblyEnd(active));
  PetscCall(VecAssemblyBegin(expected));
  PetscCall(VecAssemblyEnd(expected));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Minimizer(AppCtx *app, PetscBool bounded)
{
  ADJ adj;
  Tao tao;
  Mat H;
  Vec x, theta, xbar, thetabar, expected, active, upper;

  PetscFunctionBeginUser;
  PetscCall(CreateVecs(app, &x, &theta, &xbar, &thetabar));
  PetscCall(CreateDiagonal(app, &H));
  PetscCall(VecDuplicate(theta, &expected));
  PetscCall(VecDuplicate(theta, &active));
  PetscCall(VecDuplicate(theta, &upper));
  PetscCall(VecCopy(theta, expected));
  PetscCall(VecReciprocal(expected));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetType(tao, bounded ? TAOBNLS : TAONLS));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, ObjectiveAndGradient, app));
  PetscCall(TaoSetHessian(tao, H, H, Hessian, app));
  PetscCall(TaoSetTolerances(tao, 1e-12, 0.0, 0.0));
  if (bounded) PetscCall(SetBound(app, tao, expected, active));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetTaoSolution(adj, tao));
  PetscCall(ADJSetParameters(adj, Put, app));
  PetscCall(ADJSetParameterVJP(adj, MinusVJP, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(Pullback(adj, bounded ? "minimizer with a bound: verdict" : "minimizer: verdict", xbar, thetabar));

  PetscCall(Check(bounded ? "minimizer with a bound: thetabar" : "minimizer: thetabar", bounded ? "1/theta where free, else 0" : "x = log(theta), 1/theta", thetabar, expected));
  if (bounded) {
    PetscCall(ADJGetBoundGradients(adj, NULL, upper));
    PetscCall(Check("minimizer with a bound: ubar", "xbar where active, else 0", upper, active));
  }
  PetscCall(ADJDestroy(&adj));
  PetscCall(TaoDestroy(&tao));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&expected));
  PetscCall(VecDestroy(&active));
  PetscCall(VecDestroy(&upper));
  PetscCall(DestroyVecs(&x, &theta, &xbar, &thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* u' = theta - u^3, or u' = -theta u + cos(2 pi t/T) */
static PetscErrorCode IFunction(TS ts, PetscReal t, Vec u, Vec udot, Vec f, void *ctx)
{
  const AppCtx *app = (const AppCtx *)ctx;

  (void)ts;
  PetscFunctionBeginUser;
  if (app->period > 0.0) {
    PetscCall(VecPointwiseMult(f, app->theta, u));
    PetscCall(VecShift(f, -PetscCosReal(2.0 * PETSC_PI * t / app->period)));
  } else {
    PetscCall(VecPointwiseMult(f, u, u));
    PetscCall(VecPointwiseMult(f, f, u));
    PetscCall(VecAXPY(f, -1.0, app->theta));
  }
  PetscCall(VecAXPY(f, 1.0, udot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IJacobian(TS ts, PetscReal t, Vec u, Vec udot, PetscReal shift, Mat J, Mat P, void *ctx)
{
  const AppCtx *app = (const AppCtx *)ctx;
  Vec           d;

  (void)ts;
  (void)t;
  (void)udot;
  (void)P;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &d));
  if (app->period > 0.0)
    PetscCall(VecCopy(app->theta, d));
  else {
    PetscCall(VecPointwiseMult(d, u, u));
    PetscCall(VecScale(d, 3.0));
  }
  PetscCall(VecShift(d, shift));
  PetscCall(MatDiagonalSet(J, d, INSERT_VALUES));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IJacobianP(TS ts, PetscReal t, Vec u, Vec udot, PetscReal shift, Mat B, void *ctx)
{
  Vec d;

  (void)ts;
  (void)t;
  (void)udot;
  (void)shift;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(u, &d));
  PetscCall(VecSet(d, -1.0));
  if (((AppCtx *)ctx)->period > 0.0) PetscCall(VecCopy(u, d));
  PetscCall(MatDiagonalSet(B, d, INSERT_VALUES));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateTS(AppCtx *app, PetscReal end, PetscReal step, Mat J, Mat B, TS *ts)
{
  SNES snes;
  KSP  ksp;
  PC   pc;

  PetscFunctionBeginUser;
  PetscCall(TSCreate(PETSC_COMM_WORLD, ts));
  PetscCall(TSSetType(*ts, TSBEULER));
  PetscCall(TSSetMaxTime(*ts, end));
  PetscCall(TSSetTimeStep(*ts, step));
  PetscCall(TSSetIFunction(*ts, NULL, IFunction, app));
  PetscCall(TSSetIJacobian(*ts, J, J, IJacobian, app));
  PetscCall(TSSetIJacobianP(*ts, B, IJacobianP, app));
  PetscCall(TSGetSNES(*ts, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-13, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCJACOBI)); /* exact: J is diagonal */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Backward Euler with the step dt: the steady state is x = theta^{1/3}, thetabar = xbar/(3 x^2). The orbit is u_k = Re(Y z^k), z = exp(2 pi i dt/T),
   Y = dt z/((1 + dt theta) z - 1), thetabar = -Re(Y dt z/((1 + dt theta) z - 1)) xbar. On exit the closed form stands in theta
*/
static PetscErrorCode ClosedForm(const AppCtx *app, PetscReal dt, Vec theta)
{
  const PetscReal    omega = app->period > 0.0 ? 2.0 * PETSC_PI * dt / app->period : 0.0;
  const PetscComplex z     = PetscCMPLX(PetscCosReal(omega), PetscSinReal(omega));
  PetscScalar       *a;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(theta, &n));
  PetscCall(VecGetArray(theta, &a));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal    k = PetscRealPart(a[i]);
    const PetscComplex q = dt * z / ((1.0 + dt * k) * z - 1.0);

    a[i] = app->period > 0.0 ? -PetscRealPartComplex(q * q) : PetscPowReal(k, -2.0 / 3.0) / 3.0;
  }
  PetscCall(VecRestoreArray(theta, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Flow(AppCtx *app, PetscReal period)
{
  const PetscReal end = period > 0.0 ? period : 1.0, dt = end / (period > 0.0 ? 16.0 : 2.0);
  ADJ             adj;
  SNES            snes;
  TS              ts;
  Mat             J, B;
  Vec             x, theta, xbar, thetabar;

  PetscFunctionBeginUser;
  app->period = period;
  PetscCall(CreateVecs(app, &x, &theta, &xbar, &thetabar));
  PetscCall(CreateDiagonal(app, &J));
  PetscCall(CreateDiagonal(app, &B));
  PetscCall(CreateTS(app, end, dt, J, B, &ts));

  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetTS(adj, ts));
  PetscCall(ADJSetParameters(adj, Put, app));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-13, 1e-13, PETSC_DEFAULT, 200, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, theta, x)); /* interval after interval */
  PetscCall(Pullback(adj, period > 0.0 ? "periodic orbit: verdict" : "steady state: verdict", xbar, thetabar));

  PetscCall(ClosedForm(app, dt, theta));
  PetscCall(Check(period > 0.0 ? "periodic orbit: thetabar" : "steady state: thetabar", period > 0.0 ? "u' = -theta u + cos(2 pi t/T) by backward Euler" : "u' = theta - u^3, theta^(-2/3)/3", thetabar, theta));
  PetscCall(ADJDestroy(&adj));
  PetscCall(TSDestroy(&ts));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&B));
  PetscCall(DestroyVecs(&x, &theta, &xbar, &thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  AppCtx app = {8, NULL, 0.0};

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &app.n, NULL));
  PetscCheck(app.n > 1, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n %" PetscInt_FMT " must be 2 or more", app.n);
  PetscCall(VecCreate(PETSC_COMM_WORLD, &app.theta));
  PetscCall(VecSetSizes(app.theta, PETSC_DECIDE, app.n));
  PetscCall(VecSetFromOptions(app.theta));

  PetscCall(GalleryBegin("solver_rules"));
  PetscCall(LinearSystem(&app));
  PetscCall(Root(&app));
  PetscCall(FixedPoint(&app));
  if (!PetscDefined(USE_COMPLEX)) { /* Tao is real */
    PetscCall(Minimizer(&app, PETSC_FALSE));
    PetscCall(Minimizer(&app, PETSC_TRUE));
  }
  PetscCall(Flow(&app, 0.0));
  PetscCall(Flow(&app, 2.0));
  PetscCall(VecDestroy(&app.theta));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
