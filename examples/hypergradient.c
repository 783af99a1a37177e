static char help[] = "Hypergradient descent: the labels of a ridge regression are learned, with an inner derivative of any type.\n\n"
                     "Inner: x*(theta) = argmin |A x - theta|^2/2 + lambda |x|^2/2 by gradient descent; F is `-compose` of its steps, each contracts by `-rho`.\n"
                     "Outer: g = |A_v x* - b_v|^2/2 + gamma |theta - y|^2/2, y being noisy labels, A_v and b_v clean data, by gradient descent with steps 1/L.\n"
                     "With the derivative of one step alone the true gradient stops falling at a level that goes to zero with the contraction factor.\n"
                     "  -n <8>, -samples <160>, -validation <80> : unknowns, rows of A and of A_v\n"
                     "  -ridge <1>, -gamma <0.1>                 : lambda, gamma\n"
                     "  -rho <0.8>, -compose <1>                 : contraction factor of an inner step; inner steps in one application of F\n"
                     "  -doublings <4>                           : so often -compose is doubled, which squares the factor\n"
                     "  -inner_steps <3>                         : applications of F for each theta, in the run where their number is given\n"
                     "  -csv <file>                              : the outer iterations: run, iteration, objective, norm of the true gradient, its bound\n\n";

/*
   J. Bolte, E. Pauwels, S. Vaiter, One-step differentiation of iterative algorithms, NeurIPS 2023: with steps 1/L,

       min_{l <= K} |grad (g o x*)(theta_l)|^2 <= eps^2 + 2 L (g_0 - g*)/(K + 1),
       eps = rho/(1 - rho) (L_F l_g + (L_J l_g + L_F l_d) M rho^{k - 2}),

   rho = |F_x|, L_F = |F_theta|, l_g = |grad_x g|, l_d its Lipschitz constant, M = |x_0 - F(x_0)|, k inner steps. Here F is linear, L_J = 0.
   Types that keep j > 1 steps, or terms of the Neumann series, have rho^j in place of the first rho.

   mpiexec -n 2 ./hypergradient -adj_tao_monitor -csv descent.csv
   mpiexec -n 2 ./hypergradient -adj_type neumann -adj_neumann_terms 2 -doublings 2
   mpiexec -n 2 ./hypergradient -adj_type implicit

   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
   args: -malloc_debug false -adj_type truncated -adj_truncated_steps 2 -doublings 1
   args: -malloc_debug false -adj_type unrolled -doublings 0 -adj_tao_max_it 40
   args: -malloc_debug false -adj_type implicit -doublings 0 -n 3 -samples 3 -validation 2
*/
#include "gallery.h"

typedef struct {
  Mat       A, Av;
  Vec       y, bv;
  PetscReal lambda, gamma, rho, s; /* s: length of an inner step, which contracts by rho */
  PetscReal least, most, lv;       /* extreme singular values of A, largest one of A_v */
  PetscInt  p;                     /* inner steps in F */
  Vec       n, labels, d;          /* work */
} Ridge;

/* One outer descent, watched */
typedef struct {
  ADJ        adj, exact;
  PetscInt   its, size;
  PetscReal *g, *norm; /* objective and norm of the true gradient, of each iteration */
  PetscReal  lg, M;    /* largest |grad_x g| and |x_0 - F(x_0)| that were met */
  Vec        theta, gradient;
} Descent;

/* y = x, then p times y <- y - s (A^T (A y - theta) + lambda y): linear in (x, theta), NULL being zero */
static PetscErrorCode Steps(Ridge *r, Vec x, Vec theta, Vec y)
{
  PetscFunctionBeginUser;
  if (x)
    PetscCall(VecCopy(x, y));
  else
    PetscCall(VecSet(y, 0.0));
  for (PetscInt i = 0; i < r->p; i++) {
    PetscCall(MatMult(r->A, y, r->labels));
    if (theta) PetscCall(VecAXPY(r->labels, -1.0, theta));
    PetscCall(MatMultTranspose(r->A, r->labels, r->n));
    PetscCall(VecAXPBY(y, -r->s, 1.0 - r->s * r->lambda, r->n));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Steps((Ridge *)ctx, x, theta, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(Steps((Ridge *)ctx, xdot, thetadot, ydot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Back along the p steps: thetabar += s A v, v <- v - s (A^T A + lambda) v */
static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Ridge *r = (Ridge *)ctx;
  Vec    v;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecCopy(w, v));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  for (PetscInt i = 0; i < r->p; i++) {
    PetscCall(MatMult(r->A, v, r->labels));
    if (thetabar) PetscCall(VecAXPY(thetabar, r->s, r->labels));
    PetscCall(MatMultTranspose(r->A, r->labels, r->n));
    PetscCall(VecAXPBY(v, -r->s, 1.0 - r->s * r->lambda, r->n));
  }
  if (xbar) PetscCall(VecCopy(v, xbar));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *g, Vec xbar, Vec thetabar, void *ctx)
{
  Ridge    *r = (Ridge *)ctx;
  PetscReal misfit, distance;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(MatMult(r->Av, x, r->d));
  PetscCall(VecAXPY(r->d, -1.0, r->bv));
  PetscCall(VecNorm(r->d, NORM_2, &misfit));
  PetscCall(VecWAXPY(r->labels, -1.0, r->y, theta));
  PetscCall(VecNorm(r->labels, NORM_2, &distance));
  *g = 0.5 * PetscSqr(misfit) + 0.5 * r->gamma * PetscSqr(distance);
  if (xbar) PetscCall(MatMultTranspose(r->Av, r->d, xbar));
  if (thetabar) PetscCall(VecAXPBY(thetabar, r->gamma, 0.0, r->labels));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows over processes, and with the entries that they have on one process */
static PetscErrorCode CreateData(PetscRandom random, PetscInt seed, PetscInt m, PetscInt n, Mat *A)
{
  PetscInt    lo, hi;
  PetscScalar a;

  PetscFunctionBeginUser;
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, m, n, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(PetscRandomSetSeed(random, (unsigned long)(seed + 7 * i)));
    PetscCall(PetscRandomSeed(random));
    for (PetscInt j = 0; j < n; j++) {
      PetscCall(PetscRandomGetValue(random, &a));
      PetscCall(MatSetValue(*A, i, j, a * PetscSqrtReal(3.0 / m), INSERT_VALUES)); /* columns of norm 1, about */
    }
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b = A (1, -1, 1, ...), and every third label is off by the noise */
static PetscErrorCode CreateLabels(Mat A, PetscReal noise, Vec *b)
{
  Vec      x;
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatCreateVecs(A, &x, b));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(x, i, i % 2 ? -1.0 : 1.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(x));
  PetscCall(VecAssemblyEnd(x));
  PetscCall(MatMult(A, x, *b));
  PetscCall(VecGetOwnershipRange(*b, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(*b, i, i % 3 ? 0.0 : noise * PetscCosReal(7.0 * i), ADD_VALUES));
  PetscCall(VecAssemblyBegin(*b));
  PetscCall(VecAssemblyEnd(*b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SingularValue(Mat A, SVDWhich which, PetscReal *sigma)
{
  SVD      svd;
  PetscInt converged;

  PetscFunctionBeginUser;
  PetscCall(SVDCreate(PETSC_COMM_WORLD, &svd));
  PetscCall(SVDSetOperators(svd, A, NULL));
  PetscCall(SVDSetType(svd, SVDTRLANCZOS));
  PetscCall(SVDSetWhichSingularTriplets(svd, which));
  PetscCall(SVDSetTolerances(svd, 1e-10, ADJ_DETERMINE));
  PetscCall(SVDSolve(svd));
  PetscCall(SVDGetConverged(svd, &converged));
  PetscCheck(converged, PETSC_COMM_WORLD, PETSC_ERR_NOT_CONVERGED, "No singular value of the data: take more samples");
  PetscCall(SVDGetSingularTriplet(svd, 0, sigma, NULL, NULL));
  PetscCall(SVDDestroy(&svd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps of length s contract by max(1 - s mu, s L - 1), mu and L the extreme eigenvalues of A^T A + lambda */
static PetscErrorCode RidgeCreate(PetscInt n, PetscInt samples, PetscInt validation, Ridge *r)
{
  PetscRandom random;
  PetscReal   mu, L;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1.0, 1.0));
  PetscCall(CreateData(random, 1, samples, n, &r->A));
  PetscCall(CreateData(random, 3, validation, n, &r->Av));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(CreateLabels(r->A, 0.5, &r->y));
  PetscCall(CreateLabels(r->Av, 0.0, &r->bv));
  PetscCall(MatCreateVecs(r->A, &r->n, &r->labels));
  PetscCall(VecDuplicate(r->bv, &r->d));
  PetscCall(SingularValue(r->A, SVD_SMALLEST, &r->least));
  PetscCall(SingularValue(r->A, SVD_LARGEST, &r->most));
  PetscCall(SingularValue(r->Av, SVD_LARGEST, &r->lv));
  if (samples < n) r->least = 0.0;
  mu   = PetscSqr(r->least) + r->lambda;
  L    = PetscSqr(r->most) + r->lambda;
  r->s = (1.0 - r->rho) / mu;
  PetscCheck(r->rho >= r->s * L - 1.0 && r->rho < 1.0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "A contraction factor -rho %g is out of reach of gradient descent, which has %.3g to 1: take a larger -ridge, or more steps by -compose", (double)r->rho, (double)((L - mu) / (L + mu)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RidgeDestroy(Ridge *r)
{
  PetscFunctionBeginUser;
  PetscCall(MatDestroy(&r->A));
  PetscCall(MatDestroy(&r->Av));
  PetscCall(VecDestroy(&r->y));
  PetscCall(VecDestroy(&r->bv));
  PetscCall(VecDestroy(&r->n));
  PetscCall(VecDestroy(&r->labels));
  PetscCall(VecDestroy(&r->d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Ridge *r, const char prefix[], ADJType type, ADJTrustLevel level, ADJ *adj)
{
  Vec x;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(r->n, &x));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetOptionsPrefix(*adj, prefix));
  PetscCall(ADJSetFixedPoint(*adj, Map, r));
  PetscCall(ADJSetVJP(*adj, VJP, r));
  PetscCall(ADJSetJVP(*adj, JVP, r));
  PetscCall(ADJSetObjective(*adj, Objective, r));
  PetscCall(ADJSetSolution(*adj, x));
  PetscCall(ADJSetType(*adj, type));
  PetscCall(ADJSetTrustLevel(*adj, level));
  PetscCall(ADJSetFromOptions(*adj));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient to nearly all digits: options -exact_adj_... */
static PetscErrorCode CreateExact(Ridge *r, ADJTrustLevel level, ADJ *exact)
{
  KSP  ksp;
  SNES snes;

  PetscFunctionBeginUser;
  PetscCall(CreateADJ(r, "exact_", ADJIMPLICIT, level, exact));
  PetscCall(ADJGetKSP(*exact, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-12, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(ADJGetSNES(*exact, &snes));
  PetscCall(SNESSetTolerances(snes, ADJ_CURRENT, 1e-13, ADJ_CURRENT, 2000, ADJ_UNLIMITED));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* j, where the type leaves out what the j-th power of F_x^T does to the cotangent; 0: nothing */
static PetscErrorCode LeftOut(ADJ adj, PetscInt *j)
{
  PetscBool one, neumann, truncated;

  PetscFunctionBeginUser;
  *j = 0;
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, ADJONESTEP, &one));
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, ADJNEUMANN, &neumann));
  PetscCall(PetscObjectTypeCompare((PetscObject)adj, ADJTRUNCATED, &truncated));
  if (one) *j = 1;
  if (neumann) {
    PetscCall(ADJNeumannGetTerms(adj, j));
    (*j)++;
  }
  if (truncated) PetscCall(ADJTruncatedGetSteps(adj, j));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After each gradient that descends: the true one there */
static PetscErrorCode Watch(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx)
{
  Descent         *w = (Descent *)ctx;
  const PetscReal *history;
  PetscInt         n;
  PetscReal        norm;
  Vec              x, v;
  void            *ridge;

  (void)its;
  (void)rnorm;
  PetscFunctionBeginUser;
  if (phase != ADJ_PHASE_ADJOINT || w->its == w->size) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJComputeObjectiveAndGradient(w->exact, w->theta, &w->g[w->its], w->gradient));
  PetscCall(VecNorm(w->gradient, NORM_2, &w->norm[w->its++]));
  PetscCall(ADJGetSolution(w->exact, &x));
  PetscCall(ADJGetObjective(w->exact, NULL, &ridge));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(Objective(w->exact, x, w->theta, &norm, v, NULL, ridge));
  PetscCall(VecNorm(v, NORM_2, &norm));
  PetscCall(VecDestroy(&v));
  w->lg = PetscMax(w->lg, norm);
  PetscCall(ADJGetForwardHistory(adj, &n, &history));
  if (n) w->M = PetscMax(w->M, history[0]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the noisy labels. The watch sees theta, where the Tao goes */
static PetscErrorCode DescentRun(Ridge *r, ADJ adj, ADJ exact, Descent *w)
{
  Tao tao;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(w, sizeof(*w)));
  w->adj   = adj;
  w->exact = exact;
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(TaoSetType(tao, ADJTAODESCENT));
  PetscCall(TaoSetTolerances(tao, 1e-13, 0.0, 0.0));
  PetscCall(TaoSetMaximumIterations(tao, 60));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoGetMaximumIterations(tao, &w->size));
  w->size++;
  PetscCall(PetscMalloc2(w->size, &w->g, w->size, &w->norm));
  PetscCall(VecDuplicate(r->y, &w->theta));
  PetscCall(VecDuplicate(r->y, &w->gradient));
  PetscCall(VecCopy(r->y, w->theta));
  PetscCall(ADJMonitorSet(adj, Watch, w, NULL));
  PetscCall(ADJMinimize(adj, w->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DescentDestroy(Descent *w)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(w->g, w->norm));
  PetscCall(VecDestroy(&w->theta));
  PetscCall(VecDestroy(&w->gradient));
  PetscCall(ADJDestroy(&w->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* g* and L: the minimum by an exact gradient, the largest eigenvalue of the Hessian, which is constant */
static PetscErrorCode Reference(ADJ exact, Vec y, PetscReal *least, PetscReal *L)
{
  Vec         theta;
  Tao         tao;
  Mat         H;
  EPS         eps;
  PetscInt    converged;
  PetscScalar lambda;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(y, &theta));
  PetscCall(VecCopy(y, theta));
  PetscCall(ADJGetTao(exact, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-9, 0.0, 0.0));
  PetscCall(ADJMinimize(exact, theta));
  PetscCall(ADJComputeObjectiveAndGradient(exact, theta, least, NULL));
  PetscCall(ADJCreateHessian(exact, theta, &H));
  PetscCall(ADJComputeHessian(exact, theta, H));
  PetscCall(EPSCreate(PETSC_COMM_WORLD, &eps));
  PetscCall(EPSSetOperators(eps, H, NULL));
  PetscCall(EPSSetProblemType(eps, EPS_HEP));
  PetscCall(EPSSetWhichEigenpairs(eps, EPS_LARGEST_REAL));
  PetscCall(EPSSetTolerances(eps, 1e-6, ADJ_DETERMINE));
  PetscCall(EPSSolve(eps));
  PetscCall(EPSGetConverged(eps, &converged));
  PetscCheck(converged, PETSC_COMM_WORLD, PETSC_ERR_NOT_CONVERGED, "No eigenvalue of the Hessian");
  PetscCall(EPSGetEigenvalue(eps, 0, &lambda, NULL));
  *L = 1.001 * PetscRealPart(lambda);
  PetscCall(EPSDestroy(&eps));
  PetscCall(MatDestroy(&H));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |F_theta| = max s sigma sum_{i < p} (1 - s (sigma^2 + lambda))^i, bounded by p terms of geometric sums at the ends of the spectrum */
static PetscReal NormOfB(const Ridge *r)
{
  PetscReal sum = 0.0, power = 1.0;

  for (PetscInt i = 0; i < r->p; i++, power *= r->rho) sum += power;
  return r->s * r->most * sum;
}

/* |J^T (F_x^T)^j grad_x g|: what the derivative leaves out, where the descent has ended */
static PetscErrorCode Omitted(Ridge *r, ADJ exact, Vec theta, PetscInt j, PetscReal *norm)
{
  Vec       x, v, thetabar;
  PetscReal g;

  PetscFunctionBeginUser;
  PetscCall(ADJComputeObjectiveAndGradient(exact, theta, &g, NULL));
  PetscCall(ADJGetSolution(exact, &x));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecDuplicate(theta, &thetabar));
  PetscCall(Objective(exact, x, theta, &g, v, NULL, r));
  for (PetscInt i = 0; i < j; i++) PetscCall(VJP(exact, x, theta, v, v, NULL, r));
  PetscCall(ADJSolveAdjoint(exact, v, thetabar));
  PetscCall(VecNorm(thetabar, NORM_2, norm));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The theorem, at each iteration: the largest ratio of its left to its right side; and the rows of the file */
static PetscErrorCode Compare(const Descent *w, PetscInt run, PetscReal eps, PetscReal L, PetscReal least, FILE *csv, PetscReal *worst)
{
  PetscReal best = PETSC_MAX_REAL;

  PetscFunctionBeginUser;
  *worst = 0.0;
  for (PetscInt k = 0; k < w->its; k++) {
    const PetscReal bound = PetscSqr(eps) + 2.0 * L * (w->g[0] - least) / (k + 1);

    best   = PetscMin(best, w->norm[k]);
    *worst = PetscMax(*worst, PetscSqr(best) / bound);
    if (csv) PetscCall(PetscFPrintf(PETSC_COMM_WORLD, csv, "%" PetscInt_FMT ",%" PetscInt_FMT ",%.12g,%.12g,%.12g,%.12g\n", run, k, (double)w->g[k], (double)w->norm[k], (double)best, (double)PetscSqrtReal(bound)));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One descent to its end. Where the gradient that it follows vanishes the error of that is 100 %: a verdict would refuse it */
static PetscErrorCode Floor(Ridge *r, PetscInt run, PetscReal L, PetscReal least, FILE *csv, PetscReal *floor)
{
  ADJ       adj, exact;
  Descent   w;
  PetscInt  j;
  PetscReal rho = PetscPowRealInt(r->rho, r->p), eps, worst, omitted;
  char      what[128];

  PetscFunctionBeginUser;
  PetscCall(CreateExact(r, ADJ_TRUST_LEVEL_NONE, &exact));
  PetscCall(CreateADJ(r, NULL, ADJONESTEP, ADJ_TRUST_LEVEL_NONE, &adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(LeftOut(adj, &j));
  PetscCall(DescentRun(r, adj, exact, &w));
  eps    = j ? PetscPowRealInt(rho, j) / (1.0 - rho) * NormOfB(r) * w.lg : 1e-6 * w.norm[0];
  *floor = w.norm[w.its - 1];
  PetscCall(PetscSNPrintf(what, sizeof(what), "true gradient where the descent ends, factor %.3g", (double)rho));
  PetscCall(GalleryBelow(what, j ? "eps, Bolte, Pauwels, Vaiter 2023" : "no floor", *floor, eps));
  if (j) {
    PetscCall(Omitted(r, exact, w.theta, j, &omitted));
    PetscCall(GalleryNear("  what the derivative has left out there", "J^T (F_x^T)^j grad g", *floor, omitted, 1e-4));
  }
  PetscCall(Compare(&w, run, eps, L, least, csv, &worst));
  PetscCall(GalleryBelow("  least squared gradient over eps^2 + 2 L (g_0 - g*)/(K + 1), all K", "Bolte, Pauwels, Vaiter 2023", worst, 1.0));
  PetscCall(DescentDestroy(&w));
  PetscCall(ADJDestroy(&exact));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* k applications of F for each theta, from the last state: what they leave comes in addition */
static PetscErrorCode GivenSteps(Ridge *r, PetscInt k, PetscReal L, PetscReal least)
{
  ADJ       adj, exact;
  Descent   w;
  PetscReal rho = PetscPowRealInt(r->rho, r->p), eps, worst;

  PetscFunctionBeginUser;
  PetscCall(CreateExact(r, ADJ_TRUST_LEVEL_NONE, &exact));
  PetscCall(CreateADJ(r, NULL, ADJONESTEP, ADJ_TRUST_LEVEL_NONE, &adj));
  PetscCall(ADJSetType(adj, ADJONESTEP));
  PetscCall(ADJSetSteps(adj, k));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(DescentRun(r, adj, exact, &w));
  eps = rho / (1.0 - rho) * NormOfB(r) * (w.lg + PetscSqr(r->lv) * w.M * PetscPowReal(rho, (PetscReal)k - 2.0));
  PetscCall(Compare(&w, 0, eps, L, least, NULL, &worst));
  PetscCall(GalleryBelow("given inner steps: true gradient where the descent ends", "eps, Bolte, Pauwels, Vaiter 2023", w.norm[w.its - 1], eps));
  PetscCall(GalleryBelow("  least squared gradient over eps^2 + 2 L (g_0 - g*)/(K + 1), all K", "Bolte, Pauwels, Vaiter 2023", worst, 1.0));
  PetscCall(DescentDestroy(&w));
  PetscCall(ADJDestroy(&exact));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The verdict: by default an error of more than 1 % is refused, at the first gradient. With -adj_gradient_rtol eta the descent goes on until
   |error| >= eta |gradient|: then the true one is at most eps/eta
*/
static PetscErrorCode Verdict(Ridge *r)
{
  ADJ       adj, exact;
  ADJTrust  refused;
  Descent   w;
  PetscReal rho = PetscPowRealInt(r->rho, r->p), eta = 0.5 * (1.0 + rho), eps;

  PetscFunctionBeginUser;
  PetscCall(CreateExact(r, ADJ_TRUST_LEVEL_NONE, &exact));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(CreateADJ(r, NULL, ADJONESTEP, ADJ_TRUST_LEVEL_ESTIMATE, &adj));
    PetscCall(ADJSetType(adj, ADJONESTEP));
    PetscCall(ADJSetGradientTolerance(adj, i ? eta : PETSC_DETERMINE));
    PetscCall(DescentRun(r, adj, exact, &w));
    PetscCall(ADJGetRefusal(adj, &refused));
    PetscCall(GalleryRow(i ? "with -adj_gradient_rtol (1 + rho)/2 it is refused later" : "the derivative of one step is refused", "REFUTED_ERROR: its error", ADJTrusts[refused], (PetscBool)(refused == ADJ_TRUST_REFUTED_ERROR)));
    if (i) {
      eps = rho / (1.0 - rho) * NormOfB(r) * w.lg;
      PetscCall(GalleryBelow("  the true gradient there", "eps over that", w.norm[w.its - 1], eps / eta));
      PetscCall(GalleryAbove("  after so many steps", "it descends", (PetscReal)(w.its - 1), 1.0));
    } else
      PetscCall(GalleryBelow("  after so many steps", "at the first gradient", (PetscReal)(w.its - 1), 0.0));
    PetscCall(DescentDestroy(&w));
  }
  PetscCall(ADJDestroy(&exact));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateRidge(Ridge *r)
{
  PetscInt n = 8, samples = 160, validation = 80;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(r, sizeof(*r)));
  r->lambda = 1.0;
  r->gamma  = 0.1;
  r->rho    = 0.8;
  r->p      = 1;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-samples", &samples, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-validation", &validation, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-ridge", &r->lambda, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-gamma", &r->gamma, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rho", &r->rho, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-compose", &r->p, NULL));
  PetscCall(RidgeCreate(n, samples, validation, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Ridge     r;
  ADJ       exact;
  PetscInt  doublings = 3, k = 3, first;
  PetscReal least = 0.0, L = 1.0, floor = 0.0, last = PETSC_MAX_REAL;
  char      file[PETSC_MAX_PATH_LEN] = "", step[64];
  FILE     *csv                      = NULL;
  PetscBool set;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-doublings", &doublings, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-inner_steps", &k, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-csv", file, sizeof(file), NULL));
  PetscCall(CreateRidge(&r));
  PetscCall(GalleryBegin("hypergradient"));
  PetscCall(CreateExact(&r, ADJ_TRUST_LEVEL_ESTIMATE, &exact));
  PetscCall(Reference(exact, r.y, &least, &L));
  PetscCall(ADJDestroy(&exact));
  PetscCall(PetscOptionsHasName(NULL, NULL, "-adj_tao_descent_step", &set));
  PetscCall(PetscSNPrintf(step, sizeof(step), "%.16g", 1.0 / (double)L));
  if (!set) PetscCall(PetscOptionsSetValue(NULL, "-adj_tao_descent_step", step));
  if (file[0]) {
    PetscCall(PetscFOpen(PETSC_COMM_WORLD, file, "w", &csv));
    PetscCall(PetscFPrintf(PETSC_COMM_WORLD, csv, "run,iteration,objective,gradient,least,bound\n"));
  }
  first = r.p;
  for (PetscInt i = 0; i <= doublings; i++, r.p *= 2) {
    PetscCall(Floor(&r, i, L, least, csv, &floor));
    if (i) PetscCall(GalleryBelow("  ratio of this floor to the last", "it vanishes with the factor", floor / last, 0.9));
    last = floor;
  }
  r.p /= 2;
  PetscCall(Verdict(&r));
  r.p = first;
  PetscCall(GivenSteps(&r, k, L, least));
  if (csv) PetscCall(PetscFClose(PETSC_COMM_WORLD, csv));
  PetscCall(GalleryEnd());
  PetscCall(RidgeDestroy(&r));
  PetscCall(SlepcFinalize());
  return 0;
}
