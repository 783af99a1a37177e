static char help[] = "Sinkhorn's iteration for optimal transport: its derivatives converge, although its fixed point is not unique.\n\n"
                     "The potentials x of the entropic plan between two histograms, x = F(x) = log a - log(K (b/(K^T e^x))), K = e^{-C/eps},\n"
                     "are defined up to a constant: dF/dx has the eigenvalue 1. Derivatives with respect to the costs C, or to eps.\n"
                     "  -theta <cost,epsilon> : what the parameters are; both if not given\n"
                     "  -n <14>, -p <9>       : rows and columns of the plan\n"
                     "  -eps <0.1>            : entropic regularization; with a large one few steps suffice, too few to see a rate\n"
                     "  -steps <K>            : derivatives of that many iterates and of fewer are compared with that of the limit\n"
                     "  -gallery              : rows of a table\n\n";

/*
   mpiexec -n 2 ./sinkhorn
   mpiexec -n 2 ./sinkhorn -theta cost -n 200 -p 100 -adj_trust_view
   mpiexec -n 2 ./sinkhorn -eps 0.1 -steps 200

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 3 -p 3 -eps 0.15 -malloc_debug false
*/
#include "gallery.h"
#include "sinkhorn/transport.h"

#define PAPER  "Pauwels, Vaiter 2023"
#define POINTS 8

/* s->theta, but with other null spaces; everything to rounding level */
static PetscErrorCode Begin(Sinkhorn *s, MatNullSpace right, MatNullSpace left)
{
  SNES snes;
  KSP  ksp;
  EPS  eps;

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&s->adj));
  PetscCall(SinkhornCreateADJ(s, right, left, PETSC_TRUE));
  PetscCall(ADJSetTrustAction(s->adj, ADJ_TRUST_ACTION_IGNORE)); /* the rows look at the verdict */
  PetscCall(ADJGetSNES(s->adj, &snes));
  PetscCall(SNESSetTolerances(snes, 1e-14, 1e-14, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJGetKSP(s->adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(ADJGetEPS(s->adj, &eps));
  PetscCall(EPSSetTolerances(eps, 1e-8, PETSC_DEFAULT));
  PetscCall(ADJSetFromOptions(s->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From x = 0: the gradient of (v, x) */
static PetscErrorCode Gradient(Sinkhorn *s, Vec v)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(s->x, 0.0));
  PetscCall(ADJSolve(s->adj, s->theta, s->x));
  PetscCall(ADJSolveAdjoint(s->adj, v, s->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The directional derivative by differences of fourth order of the whole solve */
static PetscErrorCode Differences(Sinkhorn *s, PetscReal *slope)
{
  const PetscReal h = 1e-3, weight[] = {1.0, -8.0, 8.0, -1.0}, at[] = {-2.0, -1.0, 1.0, 2.0};
  PetscScalar     value;
  Vec             theta;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(s->theta, &theta));
  *slope = 0.0;
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(VecWAXPY(theta, at[i] * h, s->thetadot, s->theta));
    PetscCall(VecSet(s->x, 0.0));
    PetscCall(ADJSolve(s->adj, theta, s->x));
    PetscCall(VecDot(s->x, s->v, &value));
    *slope += weight[i] * PetscRealPart(value) / (12.0 * h);
  }
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* log e_k = c + k log q, by least squares */
static PetscReal FitRate(const PetscInt k[], const PetscReal e[])
{
  PetscReal s1 = 0.0, sk = 0.0, skk = 0.0, se = 0.0, ske = 0.0;

  for (PetscInt i = 0; i < POINTS; i++) {
    const PetscReal x = (PetscReal)k[i], y = PetscLogReal(e[i]);

    s1 += 1.0;
    sk += x;
    skk += x * x;
    se += y;
    ske += x * y;
  }
  return PetscExpReal((s1 * ske - sk * se) / (s1 * skk - sk * sk));
}

static PetscErrorCode Label(const Sinkhorn *s, const char what[], char label[256])
{
  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(label, 256, "%s: %s", s->what == SINKHORN_COST ? "costs" : "eps", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* e[i]: error against `exact` of the derivative of k[i] iterates from `start` */
static PetscErrorCode Errors(Sinkhorn *s, Vec start, Vec exact, const PetscInt k[], PetscReal e[])
{
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(exact, NORM_2, &norm));
  for (PetscInt i = 0; i < POINTS; i++) {
    PetscCall(ADJSetSteps(s->adj, k[i]));
    PetscCall(VecCopy(start, s->x));
    PetscCall(ADJSolve(s->adj, s->theta, s->x));
    PetscCall(ADJSolveAdjoint(s->adj, s->v, s->thetabar));
    PetscCall(VecAXPY(s->thetabar, -1.0, exact));
    PetscCall(VecNorm(s->thetabar, NORM_2, &e[i]));
    e[i] /= norm;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Derivatives of iterates. From the solution their errors fall like rho^k; from elsewhere like k rho^k at worst, since the
   Jacobians too converge like rho^k. `last` iterates, or as many as make rho^k about 1e-11
*/
static PetscErrorCode Iterates(Sinkhorn *s, PetscReal rho, PetscInt last)
{
  PetscInt  k[POINTS];
  PetscReal warm[POINTS], cold[POINTS];
  Vec       exact, start;
  char      label[256];

  PetscFunctionBeginUser;
  if (!last) last = (PetscInt)(PetscLogReal(1e-11) / PetscLogReal(rho));
  last = PetscMax(last, 2 * POINTS);
  for (PetscInt i = 0; i < POINTS; i++) k[i] = last / 2 + i * last / (2 * (POINTS - 1));
  PetscCall(VecDuplicate(s->thetabar, &exact));
  PetscCall(VecCopy(s->thetabar, exact));
  PetscCall(VecDuplicate(s->x, &start));
  PetscCall(VecCopy(s->x, start));
  PetscCall(ADJSetType(s->adj, ADJUNROLLED));
  PetscCall(Errors(s, start, exact, k, warm));
  PetscCall(VecSet(start, 0.0));
  PetscCall(Errors(s, start, exact, k, cold));
  for (PetscInt i = 0; i < POINTS && !gallery.table; i++) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%4" PetscInt_FMT " steps: error of the derivative %.1e from zero, %.1e from the solution\n", k[i], (double)cold[i], (double)warm[i]));
  PetscCall(Label(s, "rate at which derivatives of iterates converge", label));
  PetscCall(GalleryNear(label, "linear, the second eigenvalue, " PAPER, FitRate(k, warm), rho, 1e-2));
  PetscCall(Label(s, "error of the derivative of the last iterate from zero", label));
  PetscCall(GalleryBelow(label, "10 k rho^k", cold[POINTS - 1], 10.0 * last * PetscPowReal(rho, (PetscReal)last)));
  PetscCall(ADJSetType(s->adj, ADJIMPLICIT));
  PetscCall(ADJSetSteps(s->adj, PETSC_DETERMINE));
  PetscCall(VecDestroy(&exact));
  PetscCall(VecDestroy(&start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What has no derivative is refused: without the null spaces, and of one potential alone */
static PetscErrorCode Refusals(Sinkhorn *s)
{
  Vec      v;
  ADJTrust trust;
  char     label[256];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(s->v, &v));
  PetscCall(VecSetValue(v, 0, 1.0, INSERT_VALUES)); /* by all: the same value */
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscCall(Gradient(s, v));
  PetscCall(Label(s, "verdict on one potential alone", label));
  PetscCall(GalleryVerdict(s->adj, label, "a constant may be added", ADJ_TRUST_REFUTED_NULLSPACE));
  PetscCall(VecDestroy(&v));
  PetscCall(Begin(s, NULL, NULL));
  PetscCall(Gradient(s, s->v));
  PetscCall(ADJGetTrust(s->adj, &trust));
  PetscCall(Label(s, "verdict without null spaces", label));
  PetscCall(GalleryRow(label, "refused: the spectral radius is 1", ADJTrusts[trust], (PetscBool)(trust == ADJ_TRUST_REFUTED_CONTRACTION || trust == ADJ_TRUST_REFUTED_SINGULAR)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Case(PetscInt n, PetscInt p, PetscReal eps, PetscInt steps, SinkhornTheta what)
{
  Sinkhorn    s;
  PetscReal   slope = 0.0, rho = 0.0, rate = 0.0;
  PetscScalar dot;
  char        label[256];

  PetscFunctionBeginUser;
  PetscCall(SinkhornCreate(PETSC_COMM_WORLD, eps, n, PETSC_DECIDE, p, PETSC_DECIDE, what, &s));
  PetscCall(Begin(&s, s.constants, s.rows));
  PetscCall(Differences(&s, &slope));
  PetscCall(Gradient(&s, s.v));
  PetscCall(Label(&s, "verdict with null spaces", label));
  PetscCall(GalleryVerdict(s.adj, label, "it contracts but for constants", ADJ_TRUST_ESTIMATED));
  PetscCall(VecDot(s.thetabar, s.thetadot, &dot));
  PetscCall(Label(&s, "directional derivative", label));
  PetscCall(GalleryNear(label, "differences of the whole solve", PetscRealPart(dot), slope, 1e-7));
  PetscCall(ADJGetContraction(s.adj, &rho, NULL));
  PetscCall(ADJGetObservedRate(s.adj, &rate));
  PetscCall(Label(&s, "rate at which iterates converge", label));
  PetscCall(GalleryNear(label, "linear, the second eigenvalue of dF/dx", rate, rho, 2e-2));
  PetscCall(Iterates(&s, rho, steps));
  PetscCall(Refusals(&s));
  PetscCall(SinkhornDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *thetas[] = {"cost", "epsilon"};
  PetscInt    n = 14, p = 9, steps = 0, theta = -1;
  PetscReal   eps = 0.1;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-p", &p, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &steps, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-eps", &eps, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-theta", thetas, 2, &theta, NULL));
  PetscCheck(n > 1 && p > 1 && eps > 0.0 && steps >= 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n and -p must be 2 or more, -eps positive, -steps not negative");
  PetscCall(GalleryBegin("sinkhorn"));
  for (PetscInt what = SINKHORN_COST; what <= SINKHORN_EPSILON; what++) {
    if (theta < 0 || theta == what) PetscCall(Case(n, p, eps, steps, (SinkhornTheta)what));
  }
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
