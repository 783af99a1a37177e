static char help[] = "Weighted ridge regression by gradient descent: how the Jacobian of the solution is approached.\n\n"
                     "min_x 1/2 sum_i theta_i (a_i.x - y_i)^2 + alpha/2 |x|^2, the data distributed by rows, with a prescribed spectrum. Errors\n"
                     "of the derivatives by unrolling, truncated unrolling, one step and implicit differentiation after K steps.\n"
                     "  -n <10>, -m <24>           : unknowns, rows of data\n"
                     "  -condition <100,1000>      : condition numbers, which set alpha\n"
                     "  -step <short,long>         : steps 1/L, 2/(L + mu); all if not given\n"
                     "  -iterations <5000>         : largest number of steps K\n"
                     "  -points <3>, -ratio <8>    : smaller numbers are K/ratio, K/ratio^2, ...\n"
                     "  -truncated <1000>          : steps of truncated unrolling\n"
                     "  -cotangents <1>            : random directions in which the Jacobian is looked at\n"
                     "  -csv <file>                : what examples/plots/ridge.gp draws\n"
                     "  -gallery                   : rows of a table\n\n";

/*
   mpiexec -n 2 ./ridge
   mpiexec -n 2 ./ridge -cotangents 4 -points 14 -ratio 1.6 -csv ridge.csv && gnuplot -e "csv='ridge.csv'; png='ridge.png'" examples/plots/ridge.gp

   nsize: 1 2 4
   args: -condition 100 -malloc_debug false
   args: -condition 1000 -malloc_debug false
   args: -condition 100 -n 3 -m 3 -iterations 500 -truncated 100 -cotangents 2 -malloc_debug false
   gallery: -condition 100
   gallery: -condition 1000
*/
#include "gallery.h"

#define PAPER         "Bolte, Pauwels, Vaiter 2023"
#define MAXCOTANGENTS 16
#define LEAST         1e-5

typedef enum { UNROLLED,
               TRUNCATED,
               ONESTEP,
               IMPLICIT,
               METHODS } Method;
static const char *const names[] = {"unrolled", "truncated", "onestep", "implicit"};

typedef struct {
  PetscInt    n, m, iterations, points, truncated, cotangents;
  PetscReal   ratio, condition, alpha, gamma;
  PetscBool   longstep;
  PetscViewer csv;
  Mat         A, V;      /* theta^{1/2} A = U S V^T; V are eigenvectors of H = A^T diag(theta) A + alpha I */
  Vec         y, square; /* square: S^2 */
  Vec         residual, rows, rows2, columns, columns2;
  Vec         theta, x, thetabar, solution, state, v[MAXCOTANGENTS], exact[MAXCOTANGENTS];
  ADJ         adj;
  PetscReal   iterate, error[METHODS]; /* relative, after the last number of steps */
  PetscReal   largest;                 /* of unrolling, after any number of steps */
  double      forward;                 /* seconds of the steps to this iterate */
} Ridge;

/* out = x - gamma (A^T theta (A x - y) + alpha x), without y if not wanted; residual = A x - y */
static PetscErrorCode Step(Ridge *r, Vec x, Vec theta, PetscBool affine, Vec out)
{
  PetscFunctionBeginUser;
  PetscCall(MatMult(r->A, x, r->residual));
  if (affine) PetscCall(VecAXPY(r->residual, -1.0, r->y));
  PetscCall(VecPointwiseMult(r->rows, theta, r->residual));
  PetscCall(MatMultTranspose(r->A, r->rows, r->columns));
  PetscCall(VecAXPBYPCZ(out, 1.0 - r->gamma * r->alpha, -r->gamma, 0.0, x, r->columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Step((Ridge *)ctx, x, theta, PETSC_TRUE, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* I - gamma H is symmetric; column i of dF/dtheta is -gamma a_i (a_i.x - y_i). Everything is real */
static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Ridge *r = (Ridge *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  if (xbar)
    PetscCall(Step(r, w, theta, PETSC_FALSE, xbar));
  else
    PetscCall(MatMult(r->A, w, r->residual));
  if (thetabar) {
    PetscCall(MatMult(r->A, x, r->rows));
    PetscCall(VecAXPY(r->rows, -1.0, r->y));
    PetscCall(VecPointwiseMult(thetabar, r->rows, r->residual));
    PetscCall(VecScale(thetabar, -r->gamma));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* out = f(H) in by eigenvectors: f(lambda) = 1/lambda if power < 0, else (1 - gamma lambda)^power */
static PetscErrorCode Spectral(Ridge *r, PetscInt power, Vec in, Vec out)
{
  PetscScalar       *c;
  const PetscScalar *s;
  PetscInt           n;

  PetscFunctionBeginUser;
  PetscCall(MatMultTranspose(r->V, in, r->columns));
  PetscCall(VecGetLocalSize(r->columns, &n));
  PetscCall(VecGetArray(r->columns, &c));
  PetscCall(VecGetArrayRead(r->square, &s));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal lambda = PetscRealPart(s[i]) + r->alpha;

    c[i] *= power < 0 ? 1.0 / lambda : PetscPowReal(1.0 - r->gamma * lambda, (PetscReal)power);
  }
  PetscCall(VecRestoreArrayRead(r->square, &s));
  PetscCall(VecRestoreArray(r->columns, &c));
  PetscCall(MatMult(r->V, r->columns, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = J^T v: row i is -(a_i.x* - y_i) a_i.H^{-1} v */
static PetscErrorCode ClosedForm(Ridge *r, Vec v, Vec thetabar)
{
  PetscFunctionBeginUser;
  PetscCall(Spectral(r, -1, v, r->columns2));
  PetscCall(MatMult(r->A, r->columns2, thetabar));
  PetscCall(MatMult(r->A, r->solution, r->rows));
  PetscCall(VecAXPY(r->rows, -1.0, r->y));
  PetscCall(VecPointwiseMult(thetabar, thetabar, r->rows));
  PetscCall(VecScale(thetabar, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entry (i, k) of the orthogonal matrix of the cosine transform of length n */
static PetscReal Cosine(PetscInt n, PetscInt i, PetscInt k)
{
  return PetscSqrtReal((k ? 2.0 : 1.0) / n) * PetscCosReal(PETSC_PI * (i + 0.5) * k / n);
}

/* S^2 from 1 to 0.01, and one direction that the data hardly determine, as of features that depend on each other */
static PetscReal Square(PetscInt n, PetscInt k)
{
  if (k == n - 1) return LEAST;
  return n > 2 ? PetscPowReal(0.01, (PetscReal)k / (n - 2)) : 1.0;
}

/* Random entries of v in [lo, hi], the same on any number of processes */
static PetscErrorCode FillRandom(Vec v, PetscRandom rand, PetscReal lo, PetscReal hi)
{
  PetscInt  first, last, N;
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(v, &N));
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  for (PetscInt i = 0; i < N; i++) {
    PetscCall(PetscRandomGetValueReal(rand, &value));
    if (first <= i && i < last) PetscCall(VecSetValue(v, i, lo + (hi - lo) * value, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillMatrices(Ridge *r)
{
  const PetscScalar *theta;
  PetscInt           lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(r->theta, &lo, &hi));
  PetscCall(VecGetArrayRead(r->theta, &theta));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < r->n; j++) {
      PetscReal a = 0.0;

      for (PetscInt k = 0; k < r->n; k++) a += Cosine(r->m, i, k) * PetscSqrtReal(Square(r->n, k)) * Cosine(r->n, j, k);
      PetscCall(MatSetValue(r->A, i, j, a / PetscSqrtReal(PetscRealPart(theta[i - lo])), INSERT_VALUES));
    }
  }
  PetscCall(VecRestoreArrayRead(r->theta, &theta));
  PetscCall(VecGetOwnershipRange(r->square, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt k = 0; k < r->n; k++) PetscCall(MatSetValue(r->V, i, k, Cosine(r->n, i, k), INSERT_VALUES));
    PetscCall(VecSetValue(r->square, i, Square(r->n, i), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(r->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(r->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(r->V, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(r->V, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(r->square));
  PetscCall(VecAssemblyEnd(r->square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RidgeCreate(Ridge *r)
{
  Vec        *rows[]    = {&r->theta, &r->thetabar, &r->residual, &r->rows, &r->rows2};
  Vec        *columns[] = {&r->x, &r->square, &r->columns, &r->columns2, &r->state};
  PetscRandom rand;

  PetscFunctionBeginUser;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, r->m, r->n, NULL, &r->A));
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, r->n, r->n, NULL, &r->V));
  PetscCall(MatCreateVecs(r->A, &r->solution, &r->y));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(rows); i++) PetscCall(VecDuplicate(r->y, rows[i]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(columns); i++) PetscCall(VecDuplicate(r->solution, columns[i]));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &rand));
  PetscCall(PetscRandomSetType(rand, PETSCRAND48));
  PetscCall(PetscRandomSetSeed(rand, 2023));
  PetscCall(PetscRandomSeed(rand));
  PetscCall(FillRandom(r->theta, rand, 0.5, 1.5));
  PetscCall(FillRandom(r->y, rand, -1.0, 1.0));
  for (PetscInt i = 0; i < r->cotangents; i++) {
    PetscCall(VecDuplicate(r->solution, &r->v[i]));
    PetscCall(VecDuplicate(r->y, &r->exact[i]));
    PetscCall(FillRandom(r->v[i], rand, -1.0, 1.0));
  }
  PetscCall(PetscRandomDestroy(&rand));
  PetscCall(FillMatrices(r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RidgeDestroy(Ridge *r)
{
  Vec *vecs[] = {&r->y, &r->square, &r->residual, &r->rows, &r->rows2, &r->columns, &r->columns2, &r->theta, &r->x, &r->thetabar, &r->solution, &r->state};

  PetscFunctionBeginUser;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  for (PetscInt i = 0; i < r->cotangents; i++) {
    PetscCall(VecDestroy(&r->v[i]));
    PetscCall(VecDestroy(&r->exact[i]));
  }
  PetscCall(MatDestroy(&r->A));
  PetscCall(MatDestroy(&r->V));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* alpha, the step, the solution, its Jacobian */
static PetscErrorCode SetCase(Ridge *r, PetscReal condition, PetscBool longstep)
{
  const PetscReal least = Square(r->n, r->n - 1);

  PetscFunctionBeginUser;
  r->condition = condition;
  r->longstep  = longstep;
  r->alpha     = (1.0 - condition * least) / (condition - 1.0); /* (1 + alpha)/(least + alpha) is the condition number */
  r->gamma     = longstep ? 2.0 / (1.0 + least + 2.0 * r->alpha) : 1.0 / (1.0 + r->alpha);
  PetscCall(VecPointwiseMult(r->rows, r->theta, r->y));
  PetscCall(MatMultTranspose(r->A, r->rows, r->columns2));
  PetscCall(Spectral(r, -1, r->columns2, r->solution));
  for (PetscInt i = 0; i < r->cotangents; i++) PetscCall(ClosedForm(r, r->v[i], r->exact[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Ridge *r, ADJ *adj)
{
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetFixedPoint(*adj, Map, r));
  PetscCall(ADJSetVJP(*adj, VJP, r));
  PetscCall(ADJSetTrustAction(*adj, ADJ_TRUST_ACTION_IGNORE)); /* derivatives that are far from converged are looked at */
  PetscCall(ADJGetKSP(*adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-14, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `steps` steps from r->state, and the derivative by `method` of what is there then: its error in all directions */
static PetscErrorCode Measure(Ridge *r, Method method, PetscInt steps, PetscInt iterations)
{
  const ADJType  types[] = {ADJUNROLLED, ADJTRUNCATED, ADJONESTEP, ADJIMPLICIT};
  PetscReal      e, norm, error = 0.0, scale = 0.0;
  PetscLogDouble start, begin, end;
  ADJCounters    before, after;

  PetscFunctionBeginUser;
  PetscCall(ADJSetType(r->adj, types[method]));
  PetscCall(ADJTruncatedSetSteps(r->adj, PetscMax(steps, 1)));
  PetscCall(ADJSetSteps(r->adj, steps));
  PetscCall(VecCopy(r->state, r->x));
  PetscCall(PetscTime(&start));
  PetscCall(ADJSolve(r->adj, r->theta, r->x));
  PetscCall(PetscTime(&begin));
  PetscCall(ADJGetCounters(r->adj, &before));
  for (PetscInt i = 0; i < r->cotangents; i++) {
    PetscCall(ADJSolveAdjoint(r->adj, r->v[i], r->thetabar));
    PetscCall(VecAXPY(r->thetabar, -1.0, r->exact[i]));
    PetscCall(VecNorm(r->thetabar, NORM_2, &e));
    PetscCall(VecNorm(r->exact[i], NORM_2, &norm));
    error += e * e;
    scale += norm * norm;
  }
  PetscCall(PetscTime(&end));
  PetscCall(ADJGetCounters(r->adj, &after));
  if (method == UNROLLED) r->forward = begin - start; /* the others continue from an iterate */
  r->error[method] = PetscSqrtReal(error / scale);
  if (r->csv)
    PetscCall(PetscViewerASCIIPrintf(r->csv, "%.0f,%s,%s,%" PetscInt_FMT ",%.1f,%.3e,%.3e,%.3e\n", (double)r->condition, r->longstep ? "long" : "short", names[method], iterations, (double)PetscMax(after.vjp_x - before.vjp_x, after.vjp_theta - before.vjp_theta) / r->cotangents, r->forward + (end - begin) / r->cotangents, (double)r->iterate, (double)r->error[method]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state after `steps` more steps */
static PetscErrorCode March(Ridge *r, PetscInt steps)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetType(r->adj, ADJIMPLICIT));
  PetscCall(ADJSetSteps(r->adj, steps));
  PetscCall(ADJSolve(r->adj, r->theta, r->state));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All methods after K steps from zero. Methods that forget the way start from x_{K-k}, x_{K-1}, x_K */
static PetscErrorCode Compare(Ridge *r, PetscInt K)
{
  const PetscInt k = PetscMin(r->truncated, K);
  PetscReal      norm;
  Vec            previous;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(r->solution, NORM_2, &norm));
  PetscCall(Spectral(r, K, r->solution, r->columns2));
  PetscCall(VecNorm(r->columns2, NORM_2, &r->iterate)); /* by the closed form, for the file */
  r->iterate /= norm;
  PetscCall(VecSet(r->state, 0.0));
  PetscCall(Measure(r, UNROLLED, K, K));
  PetscCall(March(r, K - k));
  PetscCall(Measure(r, TRUNCATED, k, K));
  PetscCall(ADJGetPreviousIterate(r->adj, &previous));
  PetscCall(VecCopy(previous, r->state));
  PetscCall(Measure(r, ONESTEP, 1, K));
  PetscCall(VecCopy(r->x, r->state));
  PetscCall(Measure(r, IMPLICIT, 0, K));
  PetscCall(VecWAXPY(r->columns2, -1.0, r->solution, r->state));
  PetscCall(VecNorm(r->columns2, NORM_2, &r->iterate));
  r->iterate /= norm;
  r->largest = PetscMax(r->largest, r->error[UNROLLED]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Errors in closed form: of the iterate, G^K x*; of truncated unrolling over k steps at the solution, J^T G^k v; of one step,
   J^T G v, with G = I - gamma H. The implicit derivative at x differs by (A (x - x*)) (A H^{-1} v)
*/
static PetscErrorCode Expected(Ridge *r, PetscReal *iterate, PetscReal error[])
{
  PetscReal e, norm, sum[METHODS] = {0.0, 0.0, 0.0, 0.0}, scale = 0.0;

  PetscFunctionBeginUser;
  PetscCall(Spectral(r, r->iterations, r->solution, r->columns2));
  PetscCall(VecNorm(r->columns2, NORM_2, iterate));
  PetscCall(VecNorm(r->solution, NORM_2, &norm));
  *iterate /= norm;
  for (PetscInt i = 0; i < r->cotangents; i++) {
    PetscCall(VecNorm(r->exact[i], NORM_2, &e));
    scale += e * e;
    for (PetscInt method = TRUNCATED; method <= ONESTEP; method++) {
      PetscCall(Spectral(r, method == ONESTEP ? 1 : r->truncated, r->v[i], r->columns2));
      PetscCall(VecCopy(r->columns2, r->state));
      PetscCall(ClosedForm(r, r->state, r->thetabar));
      PetscCall(VecNorm(r->thetabar, NORM_2, &e));
      sum[method] += e * e;
    }
    PetscCall(Spectral(r, r->iterations, r->solution, r->columns2));
    PetscCall(MatMult(r->A, r->columns2, r->rows2));
    PetscCall(Spectral(r, -1, r->v[i], r->columns2));
    PetscCall(MatMult(r->A, r->columns2, r->rows));
    PetscCall(VecPointwiseMult(r->rows, r->rows, r->rows2));
    PetscCall(VecNorm(r->rows, NORM_2, &e));
    sum[IMPLICIT] += e * e;
  }
  for (PetscInt method = 0; method < METHODS; method++) error[method] = PetscSqrtReal(sum[method] / scale);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Row(const Ridge *r, const char what[], const char source[], PetscReal measured, PetscReal lo, PetscReal hi)
{
  char text[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "condition %.0f, %s step: %s", (double)r->condition, r->longstep ? "long" : "short", what));
  if (lo == hi)
    PetscCall(GalleryNear(text, source, measured, hi, 1e-3));
  else if (hi == PETSC_INFINITY)
    PetscCall(GalleryAbove(text, source, measured, lo));
  else
    PetscCall(GalleryBelow(text, source, measured, hi));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the closed form says where the error is above rounding */
static PetscErrorCode RowsOfClosedForm(Ridge *r)
{
  const PetscReal floor   = 1e-11;
  PetscReal       iterate = 0.0, error[METHODS];

  PetscFunctionBeginUser;
  PetscCall(Expected(r, &iterate, error));
  PetscCall(Row(r, "error of the iterate", "closed form", r->iterate, iterate < floor ? 0.0 : iterate, PetscMax(iterate, floor)));
  PetscCall(Row(r, "error of implicit", "closed form at this iterate", r->error[IMPLICIT], error[IMPLICIT] < floor ? 0.0 : error[IMPLICIT], PetscMax(error[IMPLICIT], floor)));
  if (iterate > 1e-6) PetscFunctionReturn(PETSC_SUCCESS); /* the others are for a state that has converged */
  PetscCall(Row(r, "error of truncated unrolling", "closed form", r->error[TRUNCATED], error[TRUNCATED] < floor ? 0.0 : error[TRUNCATED], PetscMax(error[TRUNCATED], floor)));
  PetscCall(Row(r, "error of one step", "closed form", r->error[ONESTEP], error[ONESTEP], error[ONESTEP]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A range of the paper's figure, whose data are others: to a factor of 10 */
static PetscErrorCode PaperRow(const Ridge *r, const char what[], PetscReal measured, PetscReal lo, PetscReal hi)
{
  char text[256], source[256], value[64];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "condition %.0f, %s step: %s", (double)r->condition, r->longstep ? "long" : "short", what));
  PetscCall(PetscSNPrintf(source, sizeof(source), "%.0e to %.0e on its data to a factor of 10: " PAPER, (double)lo, (double)hi));
  PetscCall(PetscSNPrintf(value, sizeof(value), "%.2e", (double)measured));
  PetscCall(GalleryRow(text, source, value, (PetscBool)(measured >= 0.1 * lo && measured <= 10.0 * hi)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The shape of that figure, which is one of these condition numbers and of 5000 steps */
static PetscErrorCode RowsOfPaper(Ridge *r)
{
  PetscFunctionBeginUser;
  PetscCall(Row(r, "error of one step", "near 1, " PAPER " with a true last step", r->error[ONESTEP], 0.8, PETSC_INFINITY));
  if (r->condition == 100.0) {
    PetscCall(Row(r, "error of unrolling", "converged, " PAPER, r->error[UNROLLED], 0.0, 1e-11));
    PetscCall(PaperRow(r, "error of truncated unrolling", r->error[TRUNCATED], 1e-9, 1e-6));
  } else {
    if (r->longstep) PetscCall(Row(r, "largest error of unrolling on the way", "a large transient, " PAPER, r->largest, 1.0, PETSC_INFINITY));
    PetscCall(PaperRow(r, "error of the iterate", r->iterate, 1e-5, 1e-3));
    PetscCall(PaperRow(r, "error of unrolling", r->error[UNROLLED], 1e-3, 2e-1));
    PetscCall(PaperRow(r, "error of truncated unrolling", r->error[TRUNCATED], 5e-2, 5e-2));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From zero until convergence: implicit differentiation is trusted, one step is not */
static PetscErrorCode Verdicts(Ridge *r)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(r->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(ADJSetSteps(r->adj, PETSC_DETERMINE));
  PetscCall(ADJSetType(r->adj, ADJIMPLICIT));
  PetscCall(VecSet(r->x, 0.0));
  PetscCall(ADJSolve(r->adj, r->theta, r->x));
  PetscCall(ADJSolveAdjoint(r->adj, r->v[0], r->thetabar));
  PetscCall(GalleryVerdict(r->adj, "condition 100: verdict on implicit", "it converged", ADJ_TRUST_ESTIMATED));
  PetscCall(ADJSetType(r->adj, ADJONESTEP));
  PetscCall(VecSet(r->x, 0.0));
  PetscCall(ADJSolve(r->adj, r->theta, r->x));
  PetscCall(ADJSolveAdjoint(r->adj, r->v[0], r->thetabar));
  PetscCall(GalleryVerdict(r->adj, "condition 100: verdict on one step", "the spectral radius is near 1", ADJ_TRUST_REFUTED_ERROR));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Case(Ridge *r, PetscReal condition, PetscBool longstep)
{
  PetscViewer csv  = r->csv;
  PetscInt    last = 0;

  PetscFunctionBeginUser;
  PetscCall(SetCase(r, condition, longstep));
  PetscCall(CreateADJ(r, &r->adj));
  PetscCall(ADJSetTrustLevel(r->adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSetKeepPreviousIterate(r->adj, PETSC_TRUE));
  r->csv = NULL;
  PetscCall(Compare(r, 1)); /* the first time anything is done costs more */
  r->csv     = csv;
  r->largest = 0.0;
  for (PetscInt i = r->points - 1; i >= 0; i--) {
    const PetscInt K = (PetscInt)(r->iterations / PetscPowReal(r->ratio, (PetscReal)i) + 0.5);

    if (K <= last) continue;
    PetscCall(Compare(r, K));
    last = K;
  }
  PetscCall(RowsOfClosedForm(r));
  if (r->iterations == 5000 && r->truncated == 1000 && (condition == 100.0 || condition == 1000.0)) PetscCall(RowsOfPaper(r));
  if (condition == 100.0 && longstep) PetscCall(Verdicts(r));
  PetscCall(ADJDestroy(&r->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetOptions(Ridge *r)
{
  PetscBool set;
  char      file[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(r, sizeof(*r)));
  r->n          = 10;
  r->m          = 24;
  r->iterations = 5000;
  r->points     = 3;
  r->ratio      = 8.0;
  r->truncated  = 1000;
  r->cotangents = 1;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &r->n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-m", &r->m, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-iterations", &r->iterations, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-points", &r->points, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-ratio", &r->ratio, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-truncated", &r->truncated, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-cotangents", &r->cotangents, NULL));
  PetscCheck(r->m >= r->n && r->n > 1, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n must be 2 or more, and -m not less than it");
  PetscCheck(r->iterations > 0 && r->truncated > 0 && r->points > 0 && r->ratio > 1.0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-iterations, -truncated and -points must be positive, -ratio above 1");
  PetscCheck(r->cotangents >= 1 && r->cotangents <= MAXCOTANGENTS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-cotangents must be between 1 and %d", MAXCOTANGENTS);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-csv", file, sizeof(file), &set));
  if (set) {
    PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, file, &r->csv));
    PetscCall(PetscViewerASCIIPrintf(r->csv, "condition,step,method,iterations,vjps,seconds,iterate,jacobian\n"));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *steps[] = {"short", "long"};
  Ridge       r;
  PetscReal   conditions[8] = {100.0, 1000.0};
  PetscInt    nconditions = 8, step = -1;
  PetscBool   set;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(GetOptions(&r));
  PetscCall(PetscOptionsGetRealArray(NULL, NULL, "-condition", conditions, &nconditions, &set));
  if (!set) nconditions = 2;
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-step", steps, 2, &step, NULL));
  PetscCall(GalleryBegin("ridge"));
  PetscCall(RidgeCreate(&r));
  for (PetscInt i = 0; i < nconditions; i++) {
    PetscCheck(conditions[i] > 1.0 && conditions[i] < 1.0 / LEAST, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "The condition number must be between 1 and %g, it is %g", 1.0 / LEAST, (double)conditions[i]);
    for (PetscInt s = 0; s < 2; s++) {
      if (step < 0 || step == s) PetscCall(Case(&r, conditions[i], (PetscBool)s));
    }
  }
  PetscCall(RidgeDestroy(&r));
  PetscCall(PetscViewerDestroy(&r.csv));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
