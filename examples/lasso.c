static char help[] = "The lasso by three iterations: the derivatives of their iterates converge to the implicit derivative.\n\n"
                     "min |A x - b|^2/2 + lambda |x|_1, its derivative in log lambda, and that of a validation loss.\n"
                     "  -method <forward_backward,douglas_rachford,admm> : the iteration\n"
                     "  -m <40> -n <60> -nonzeros <6> : rows and columns of A, entries of the truth that are not 0\n"
                     "  -penalty <0.15> : lambda, relative to the least one whose solution is 0\n"
                     "  -c <1>          : the parameter of Douglas-Rachford and ADMM, whose linear system is A^T A + c I\n"
                     "  -steps <3000>   : most steps\n"
                     "  -csv <file>     : errors of the iterates and of their derivatives, step by step\n\n";

/*
   The rows of A are spread over the processes.

     forward-backward   x <- S(x - a A^T (A x - b), a lambda),  a = 1/|A|^2
     Douglas-Rachford   x = S(z, lambda/c),  y = (A^T A + c I)^{-1} (A^T b + c (2 x - z)),  z <- z + y - x
     ADMM               x = (A^T A + c I)^{-1} (A^T b + c (z - u)),  z <- S(x + u, lambda/c),  u <- u + x - z

   S is the soft threshold. On the support of the solution, dx/dlambda = -(A_S^T A_S)^{-1} sign(x_S). J. Bolte, E. Pauwels, S. Vaiter,
   Automatic differentiation of nonsmooth iterative algorithms, NeurIPS 2022.

   mpiexec -n 2 ./lasso -method admm -csv lasso.csv
   mpiexec -n 2 ./lasso -m 200 -n 400 -nonzeros 20 -adj_trust_view

   requires: real
   nsize: 1 2 4
   args: -malloc_debug false -method forward_backward
   args: -malloc_debug false -method douglas_rachford
   args: -malloc_debug false -method admm
   gallery: -method forward_backward
   gallery: -method douglas_rachford
   gallery: -method admm
*/
#include "gallery.h"
#include "lasso/lasso.h"

static const char *const methods[] = {"forward_backward", "douglas_rachford", "admm"};

/* Of the optimality conditions: A^T (b - A x) = lambda sign(x) on the support, of modulus lambda at most elsewhere */
static PetscErrorCode Optimality(Lasso *p, Vec x, PetscReal lambda, PetscReal *error, PetscReal *slack, PetscInt *support)
{
  const PetscScalar *a, *g;
  PetscReal          both[2] = {0.0, -lambda};
  PetscInt           n, mine = 0;

  PetscFunctionBeginUser;
  PetscCall(MatMult(p->A, x, p->rows));
  PetscCall(VecAYPX(p->rows, -1.0, p->b));
  PetscCall(MatMultTranspose(p->A, p->rows, p->columns));
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(p->columns, &g));
  for (PetscInt i = 0; i < n; i++) {
    mine += a[i] != 0.0 ? 1 : 0;
    if (a[i] != 0.0)
      both[0] = PetscMax(both[0], PetscAbsReal(PetscRealPart(g[i]) - (PetscRealPart(a[i]) > 0.0 ? lambda : -lambda)));
    else
      both[1] = PetscMax(both[1], PetscAbsScalar(g[i]) - lambda);
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(VecRestoreArrayRead(p->columns, &g));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, both, 2, MPIU_REAL, MPIU_MAX, PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Allreduce(&mine, support, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  *error = both[0] / lambda;
  *slack = -both[1] / lambda;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* xdot = -lambda (A_S^T A_S)^{-1} sign(x_S) on the support S, 0 elsewhere */
static PetscErrorCode ClosedForm(Lasso *p, Vec x, PetscReal lambda, Vec xdot)
{
  const PetscScalar *a;
  PetscInt          *support, n, lo, count = 0;
  IS                 columns, rows;
  Mat                AS;
  KSP                ksp;
  Vec                sign, d;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetOwnershipRange(x, &lo, NULL));
  PetscCall(PetscMalloc1(n, &support));
  PetscCall(VecGetArrayRead(x, &a));
  for (PetscInt i = 0; i < n; i++) {
    if (a[i] != 0.0) support[count++] = lo + i;
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(ISCreateGeneral(PETSC_COMM_WORLD, count, support, PETSC_OWN_POINTER, &columns));
  PetscCall(MatGetOwnershipIS(p->A, &rows, NULL));
  PetscCall(MatCreateSubMatrix(p->A, rows, columns, MAT_INITIAL_MATRIX, &AS));
  PetscCall(LassoCreateSolver(AS, 0.0, "support_", &ksp));
  PetscCall(MatCreateVecs(AS, &sign, NULL));
  PetscCall(VecSet(xdot, 0.0));
  PetscCall(VecGetSubVector(x, columns, &d));
  PetscCall(VecCopy(d, sign));
  PetscCall(VecRestoreSubVector(x, columns, &d));
  PetscCall(VecDuplicate(sign, &d));
  PetscCall(VecCopy(sign, d));
  PetscCall(VecAbs(d));
  PetscCall(VecPointwiseDivide(sign, sign, d));
  PetscCall(KSPSolve(ksp, sign, d));
  PetscCall(VecISAXPY(xdot, columns, -lambda, d));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&sign));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&AS));
  PetscCall(ISDestroy(&rows));
  PetscCall(ISDestroy(&columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |x - y| / |y| */
static PetscErrorCode Difference(Vec x, Vec y, Vec work, PetscReal *difference)
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecWAXPY(work, -1.0, y, x));
  PetscCall(VecNorm(work, NORM_2, difference));
  PetscCall(VecNorm(y, NORM_2, &norm));
  *difference /= norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean decrease a step of the logarithm of errors between these sizes, by least squares */
static PetscReal Rate(PetscInt n, const PetscReal errors[], PetscReal from, PetscReal to)
{
  PetscReal s[5] = {0};

  for (PetscInt k = n - 1; k >= 0 && errors[k] <= from; k--) {
    const PetscReal y = PetscLogReal(PetscMax(errors[k], PETSC_MIN_REAL)), x = (PetscReal)k;

    if (errors[k] < to) continue;
    s[0] += 1.0;
    s[1] += x;
    s[2] += y;
    s[3] += x * x;
    s[4] += x * y;
  }
  return s[0] > 2.0 ? PetscExpReal((s[0] * s[4] - s[1] * s[2]) / (s[0] * s[3] - s[1] * s[1])) : 1.0;
}

typedef struct {
  PetscInt   steps, identified; /* from here on the piece is that of the solution */
  PetscReal *x, *xdot;          /* relative errors of iterates and of their derivatives */
} History;

/* Piggyback: x <- F(x), xdot <- F_x xdot + F_theta, from zero, until both are those of the solution */
static PetscErrorCode Iterate(Lasso *p, Vec theta, Vec thetadot, Vec solution, Vec tangent, PetscInt most, History *h)
{
  Vec       x, xdot, y, ydot, at, mask, last;
  PetscReal t, same;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(solution, &x));
  PetscCall(VecDuplicate(solution, &xdot));
  PetscCall(VecDuplicate(solution, &y));
  PetscCall(VecDuplicate(solution, &ydot));
  PetscCall(VecDuplicate(p->x, &mask));
  PetscCall(VecDuplicate(p->x, &last));
  PetscCall(PetscMalloc2(most + 1, &h->x, most + 1, &h->xdot));
  PetscCall(VecSet(x, 0.0));
  PetscCall(VecSet(xdot, 0.0));
  PetscCall(LassoSetThreshold(p, theta, &t));
  PetscCall(LassoArgument(p, solution, &at));
  PetscCall(ADJProxGetSelection(p->prox, at, NULL, NULL, last));
  h->identified = 0;
  for (h->steps = 0; h->steps <= most; h->steps++) {
    PetscCall(LassoArgument(p, x, &at));
    PetscCall(ADJProxGetSelection(p->prox, at, NULL, NULL, mask));
    PetscCall(VecAXPY(mask, -1.0, last));
    PetscCall(VecNorm(mask, NORM_1, &same));
    if (same > 0.0) h->identified = h->steps + 1;
    PetscCall(Difference(x, solution, y, &h->x[h->steps]));
    PetscCall(Difference(xdot, tangent, y, &h->xdot[h->steps]));
    if (h->steps == most || PetscMax(h->x[h->steps], h->xdot[h->steps]) < 1e-12) break;
    PetscCall(LassoJVP(NULL, x, theta, xdot, thetadot, ydot, p));
    PetscCall(LassoMap(NULL, x, theta, y, p));
    PetscCall(VecCopy(y, x));
    PetscCall(VecCopy(ydot, xdot));
  }
  h->steps++;
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xdot));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&ydot));
  PetscCall(VecDestroy(&mask));
  PetscCall(VecDestroy(&last));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteCSV(const History *h)
{
  char        file[PETSC_MAX_PATH_LEN];
  PetscBool   set;
  PetscViewer viewer;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-csv", file, sizeof(file), &set));
  if (!set) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, file, &viewer));
  PetscCall(PetscViewerASCIIPrintf(viewer, "step,iterate,derivative\n"));
  for (PetscInt k = 0; k < h->steps; k++) PetscCall(PetscViewerASCIIPrintf(viewer, "%" PetscInt_FMT ",%.6e,%.6e\n", k, (double)h->x[k], (double)h->xdot[k]));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One selection: the Jacobian at the solution, where the support is identified for good */
static PetscErrorCode SelectionVJP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)s;
  PetscFunctionBeginUser;
  PetscCall(LassoVJP(adj, x, theta, in, out, NULL, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SelectionJVP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)s;
  PetscFunctionBeginUser;
  PetscCall(LassoJVP(adj, x, theta, in, NULL, out, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Lasso *p, Vec state, PetscInt steps, ADJ *adj)
{
  SNES     snes;
  KSP      ksp;
  EPS      eps;
  PetscInt most;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetFixedPoint(*adj, LassoMap, p));
  PetscCall(ADJSetVJP(*adj, LassoVJP, p));
  PetscCall(ADJSetJVP(*adj, LassoJVP, p));
  PetscCall(ADJSetObjective(*adj, LassoLoss, p));
  PetscCall(ADJSetSolution(*adj, state));
  if (p->method == FORWARD_BACKWARD) PetscCall(ADJSetSelections(*adj, 1, SelectionVJP, SelectionJVP, p));
  PetscCall(ADJGetSNES(*adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-14, 1e-14, 0.0, steps, ADJ_UNLIMITED));
  PetscCall(ADJGetEPS(*adj, &eps)); /* the spectral radius is compared with rates, not only with 1 */
  PetscCall(EPSGetTolerances(eps, NULL, &most));
  PetscCall(EPSSetTolerances(eps, 1e-8, most));
  PetscCall(ADJGetKSP(*adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJGetTangentKSP(*adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution and its derivative */
static PetscErrorCode CheckSolution(Lasso *p, Vec state, Vec theta, Vec statedot, PetscReal lambda)
{
  Vec       x, xdot, closed, at;
  PetscReal error, slack = 0.0, margin, t;
  PetscInt  size, support;
  char      text[128];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecDuplicate(p->x, &xdot));
  PetscCall(VecDuplicate(p->x, &closed));
  PetscCall(LassoSolution(p, state, theta, x));
  PetscCall(Optimality(p, x, lambda, &error, &slack, &support));
  PetscCall(GalleryBelow("optimality of the solution, relative to lambda", "A^T (b - A x) = lambda sign(x) on the support", error, 1e-9));
  PetscCall(GalleryAbove("strict complementarity: 1 - max abs(A^T (b - A x))/lambda off the support", "positive: the support does not move, Bolte et al. 2022", slack, 1e-4));
  PetscCall(LassoSetThreshold(p, theta, &t));
  PetscCall(LassoArgument(p, state, &at));
  PetscCall(ADJProxGetSelection(p->prox, at, &size, &margin, NULL));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%" PetscInt_FMT " entries, distance to a kink %.2g", size, (double)margin));
  PetscCall(GalleryRow("support by ADJProxGetSelection()", "that of the solution", text, (PetscBool)(size > 0 && size == support && margin > 0.0)));
  PetscCall(LassoSolutionTangent(p, state, theta, statedot, xdot));
  PetscCall(ClosedForm(p, x, lambda, closed));
  PetscCall(Difference(xdot, closed, x, &error));
  PetscCall(GalleryBelow("implicit derivative in lambda, error", "-(A_S^T A_S)^{-1} sign(x_S), Bolte et al. 2022", error, 1e-9));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xdot));
  PetscCall(VecDestroy(&closed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckIterates(Lasso *p, ADJ adj, Vec theta, Vec thetadot, Vec state, Vec statedot, PetscInt *steps)
{
  History   h;
  PetscReal rho, spread, rate;
  char      text[128];

  PetscFunctionBeginUser;
  PetscCall(Iterate(p, theta, thetadot, state, statedot, *steps, &h));
  PetscCall(PetscSNPrintf(text, sizeof(text), "after %" PetscInt_FMT " of %" PetscInt_FMT " steps", h.identified, h.steps - 1));
  PetscCall(GalleryRow("support of the iterates is that of the solution", "after finitely many steps, Bolte et al. 2022", text, (PetscBool)(h.identified < h.steps - 1)));
  PetscCall(GalleryBelow("derivative of the last iterate, distance to the implicit one", "converges, Bolte et al. 2022", h.xdot[h.steps - 1], 1e-11));
  PetscCall(ADJGetContraction(adj, &rho, &spread));
  rate = Rate(h.steps, h.x, 1e-6, 1e-11);
  PetscCall(GalleryNear("rate of the iterates", "spectral radius on the support, by SLEPc", rate, rho, 2e-2));
  rate = Rate(h.steps, h.xdot, 1e-6, 1e-11);
  PetscCall(GalleryNear("rate of their derivatives", "the same, Bolte et al. 2022", rate, rho, 2e-2));
  PetscCall(GalleryBelow("rate of their derivatives, over the spectral radius", "at least as fast, Bolte et al. 2022", rate / rho, 1.005));
  PetscCall(WriteCSV(&h));
  *steps = h.steps - 1;
  PetscCall(PetscFree2(h.x, h.xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Backwards through that many steps from zero */
static PetscErrorCode CheckUnrolled(Lasso *p, Vec theta, Vec like, PetscInt steps, PetscReal implicit)
{
  ADJ       adj;
  Vec       state, gradient;
  PetscReal f, number;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(like, &state));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecSet(state, 0.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, LassoMap, p));
  PetscCall(ADJSetVJP(adj, LassoVJP, p));
  PetscCall(ADJSetObjective(adj, LassoLoss, p));
  PetscCall(ADJSetSolution(adj, state));
  PetscCall(ADJSetType(adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(adj, steps));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &f, gradient));
  PetscCall(LassoGetNumber(gradient, &number));
  PetscCall(GalleryNear("the same gradient, backwards through the steps", "the implicit one, Bolte et al. 2022", number, implicit, 1e-10));
  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&state));
  PetscCall(VecDestroy(&gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Setup(Lasso *p, PetscReal *lambda, PetscInt *steps)
{
  PetscInt m = 40, n = 60, nonzeros = 6, method = 0, local, start;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->c    = 1.0;
  *lambda = 0.15;
  *steps  = 3000;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-nonzeros", &nonzeros, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", steps, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-penalty", lambda, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-c", &p->c, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-method", methods, 3, &method, NULL));
  PetscCheck(m > 0 && nonzeros > 0 && n >= nonzeros, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-m and -nonzeros must be positive, -n not less than -nonzeros");
  PetscCheck(*lambda > 0.0 && *lambda < 1.0 && p->c > 0.0 && *steps > 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-penalty must lie between 0 and 1, -c and -steps must be positive");
  p->method = (Method)method;
  PetscCall(LassoCreateData(m, n, nonzeros, p));
  PetscCall(VecNorm(p->Atb, NORM_INFINITY, &p->step));
  *lambda *= p->step;
  PetscCall(LassoSetStep(p));
  PetscCall(LassoCreateSolver(p->A, p->c, "inner_", &p->ksp));
  PetscCall(ADJProxCreateL1(PETSC_COMM_WORLD, 0.0, &p->prox));
  PetscCall(VecGetLocalSize(p->x, &local));
  PetscCall(VecGetOwnershipRange(p->x, &start, NULL));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, local, 2 * start, 1, &p->first));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, local, 2 * start + local, 1, &p->second));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Lasso *p)
{
  PetscFunctionBeginUser;
  PetscCall(ADJProxDestroy(&p->prox));
  PetscCall(KSPDestroy(&p->ksp));
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->Avalid));
  PetscCall(VecDestroy(&p->b));
  PetscCall(VecDestroy(&p->bvalid));
  PetscCall(VecDestroy(&p->Atb));
  PetscCall(VecDestroy(&p->rows));
  PetscCall(VecDestroy(&p->rvalid));
  PetscCall(VecDestroy(&p->columns));
  PetscCall(VecDestroy(&p->x));
  for (PetscInt k = 0; k < 4; k++) PetscCall(VecDestroy(&p->v[k]));
  PetscCall(ISDestroy(&p->first));
  PetscCall(ISDestroy(&p->second));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Lasso     p;
  ADJ       adj;
  Vec       theta, thetadot, gradient, state, statedot;
  PetscInt  steps, n;
  PetscReal lambda, f, slope, number;
  char      name[64];

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(Setup(&p, &lambda, &steps));
  PetscCall(PetscSNPrintf(name, sizeof(name), "lasso, %s", methods[p.method]));
  PetscCall(GalleryBegin(name));

  PetscCall(VecGetLocalSize(p.x, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, p.method == ADMM ? 2 * n : n, PETSC_DECIDE, &state));
  PetscCall(VecDuplicate(state, &statedot));
  PetscCall(VecSet(state, 0.0));
  PetscCall(ADJCreateParameterVec(PETSC_COMM_WORLD, 1, &theta));
  PetscCall(VecDuplicate(theta, &thetadot));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecSet(theta, PetscLogReal(lambda)));
  PetscCall(VecSet(thetadot, 1.0));

  PetscCall(CreateADJ(&p, state, steps, &adj));
  PetscCall(ADJSolve(adj, theta, state));
  PetscCall(ADJSolveTangent(adj, thetadot, statedot));
  PetscCall(GalleryVerdict(adj, "verdict on the tangent", "every check passes", ADJ_TRUST_ESTIMATED));
  PetscCall(CheckSolution(&p, state, theta, statedot, lambda));
  PetscCall(CheckIterates(&p, adj, theta, thetadot, state, statedot, &steps));

  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &f, gradient));
  PetscCall(GalleryVerdict(adj, "verdict on the gradient", "every check passes", ADJ_TRUST_ESTIMATED));
  PetscCall(LassoGetNumber(gradient, &number));
  PetscCall(LassoDifferenceOfLoss(adj, theta, 1e-4, &slope));
  PetscCall(GalleryNear("gradient of the validation loss in log lambda", "central difference", number, slope, 1e-7));
  PetscCall(CheckUnrolled(&p, theta, state, steps, number));
  PetscCall(GalleryEnd());

  PetscCall(ADJDestroy(&adj));
  PetscCall(VecDestroy(&state));
  PetscCall(VecDestroy(&statedot));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&thetadot));
  PetscCall(VecDestroy(&gradient));
  PetscCall(Destroy(&p));
  PetscCall(SlepcFinalize());
  return 0;
}
