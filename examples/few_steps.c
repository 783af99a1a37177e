static char help[] = "A few time steps are the model: their derivative, from states that are kept, made again, or found backwards.\n\n"
                     "Fisher's equation u_t = D u'' + theta u (1 - u) on a circle, by K explicit steps from a bump that spreads: nothing has\n"
                     "converged. The parameter is the rate theta of growth at each point. Backwards errors grow by 1/rho a step, where rho is\n"
                     "the smallest factor by which a step multiplies: 1 - 4 s for the shortest wave without growth, s = tau D/h^2.\n"
                     "  -n <32>        : points\n"
                     "  -s <0.125>     : s, below 1/4: stable, and steps can be undone\n"
                     "  -tau <0.05>    : time step\n"
                     "  -steps <16>    : K\n"
                     "  -long <60>     : a number of steps that cannot be undone all at once\n"
                     "  -gallery       : rows of a table\n\n";

/*
   mpiexec -n 2 ./few_steps
   mpiexec -n 2 ./few_steps -s 0.1 -steps 30 -long 120
   mpiexec -n 2 ./few_steps -steps 8 -adj_reversible_snes_monitor

   nsize: 1 2 4
   args: -malloc_debug false
   args: -n 17 -s 0.1 -steps 20 -long 90 -malloc_debug false
*/
#include "gallery.h"

#define POINTS      8
#define CHECKPOINTS 4

typedef struct {
  PetscReal s, tau;
  PetscInt  n, steps, many;
  DM        da;
  Vec       theta, x0, x, v, thetabar, work;
  Vec       exact, exact0; /* by unrolling, with all states kept: in theta, in x_0 */
  ADJ       adj;
} Fisher;

/* y = u + s (u_- - 2 u + u_+) + tau theta u (1 - u) */
static PetscErrorCode Map(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *py, void *ctx)
{
  const PetscScalar *u = (PetscScalar *)px, *theta = (PetscScalar *)ptheta;
  PetscScalar       *y = (PetscScalar *)py;
  const Fisher      *f = (Fisher *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) y[i] = u[i] + f->s * (u[i - 1] - 2.0 * u[i] + u[i + 1]) + f->tau * theta[i] * u[i] * (1.0 - u[i]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *pthetabar, void *ctx)
{
  const PetscScalar *u = (PetscScalar *)px, *theta = (PetscScalar *)ptheta, *w = (PetscScalar *)pw;
  PetscScalar       *xbar = (PetscScalar *)pxbar, *thetabar = (PetscScalar *)pthetabar;
  const Fisher      *f = (Fisher *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    if (xbar) {
      xbar[i - 1] += f->s * w[i];
      xbar[i] += PetscConj(1.0 - 2.0 * f->s + f->tau * theta[i] * (1.0 - 2.0 * u[i])) * w[i];
      xbar[i + 1] += f->s * w[i];
    }
    if (thetabar) thetabar[i] += PetscConj(f->tau * u[i] * (1.0 - u[i])) * w[i];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pxdot, void *pthetadot, void *pydot, void *ctx)
{
  const PetscScalar *u = (PetscScalar *)px, *theta = (PetscScalar *)ptheta, *xdot = (PetscScalar *)pxdot, *thetadot = (PetscScalar *)pthetadot;
  PetscScalar       *ydot = (PetscScalar *)pydot;
  const Fisher      *f    = (Fisher *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    ydot[i] = 0.0;
    if (xdot) ydot[i] += xdot[i] + f->s * (xdot[i - 1] - 2.0 * xdot[i] + xdot[i + 1]) + f->tau * theta[i] * (1.0 - 2.0 * u[i]) * xdot[i];
    if (thetadot) ydot[i] += f->tau * thetadot[i] * u[i] * (1.0 - u[i]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A bump, rates of growth in [0.5, 1], a cotangent that prefers one side */
static PetscErrorCode FillFields(Fisher *f)
{
  Vec           vecs[] = {f->x0, f->theta, f->v};
  DMDALocalInfo info;
  PetscScalar  *a;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(f->da, &info));
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(DMDAVecGetArray(f->da, vecs[k], &a));
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscReal phi = 2.0 * PETSC_PI * i / f->n, field[] = {0.6 * PetscExpReal(-4.0 * (1.0 + PetscCosReal(phi))), 0.75 + 0.25 * PetscSinReal(3.0 * phi), 1.0 + PetscCosReal(phi + 1.0)};

      a[i] = field[k];
    }
    PetscCall(DMDAVecRestoreArray(f->da, vecs[k], &a));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FisherCreate(Fisher *f)
{
  Vec *vecs[] = {&f->x0, &f->x, &f->v, &f->thetabar, &f->work, &f->exact, &f->exact0};

  PetscFunctionBeginUser;
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_PERIODIC, f->n, 1, 1, NULL, &f->da));
  PetscCall(DMSetFromOptions(f->da));
  PetscCall(DMSetUp(f->da));
  PetscCall(DMCreateGlobalVector(f->da, &f->theta));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(f->theta, vecs[i]));
  PetscCall(FillFields(f));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &f->adj));
  PetscCall(ADJSetDM(f->adj, f->da));
  PetscCall(ADJSetParameterDM(f->adj, f->da));
  PetscCall(ADJDMDASetMapLocal(f->adj, ADJ_FIXED_POINT, Map, f));
  PetscCall(ADJDMDASetVJPLocal(f->adj, VJP, f));
  PetscCall(ADJDMDASetJVPLocal(f->adj, JVP, f));
  PetscCall(ADJSetTrustAction(f->adj, ADJ_TRUST_ACTION_IGNORE)); /* the rows look at the verdict */
  PetscCall(ADJSetFromOptions(f->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FisherDestroy(Fisher *f)
{
  Vec *vecs[] = {&f->theta, &f->x0, &f->x, &f->v, &f->thetabar, &f->work, &f->exact, &f->exact0};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&f->adj));
  PetscCall(DMDestroy(&f->da));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of (v, x_K): thetabar, and the relative distance of it, and of the derivative in x_0, from those kept in exact, exact0 */
static PetscErrorCode Gradient(Fisher *f, ADJType type, PetscInt steps, PetscReal *error)
{
  PetscReal e, norm;
  Vec       initial;

  PetscFunctionBeginUser;
  PetscCall(ADJSetType(f->adj, type));
  PetscCall(ADJSetSteps(f->adj, steps));
  PetscCall(VecCopy(f->x0, f->x));
  PetscCall(ADJSolve(f->adj, f->theta, f->x));
  PetscCall(ADJSolveAdjoint(f->adj, f->v, f->thetabar));
  if (!error) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetInitialGradient(f->adj, &initial));
  *error = 0.0;
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(f->work, -1.0, i ? f->exact0 : f->exact, i ? initial : f->thetabar));
    PetscCall(VecNorm(f->work, NORM_2, &e));
    PetscCall(VecNorm(i ? f->exact0 : f->exact, NORM_2, &norm));
    *error = PetscMax(*error, e / norm);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* exact, exact0: all states kept */
static PetscErrorCode Reference(Fisher *f, PetscInt steps)
{
  Vec initial;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrajectoryType(f->adj, ADJ_TRAJECTORY_ALL));
  PetscCall(ADJSetTrajectoryStore(f->adj, ADJ_TRAJECTORY_MEMORY));
  PetscCall(Gradient(f, ADJUNROLLED, steps, NULL));
  PetscCall(ADJGetInitialGradient(f->adj, &initial));
  PetscCall(VecCopy(f->thetabar, f->exact));
  PetscCall(VecCopy(initial, f->exact0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (v, x_K) by differences of fourth order of the steps themselves, along the gradient: its norm is expected */
static PetscErrorCode Differences(Fisher *f, PetscBool inx, PetscReal *error)
{
  const PetscReal h = 1e-2, weight[] = {1.0, -8.0, 8.0, -1.0}, at[] = {-2.0, -1.0, 1.0, 2.0};
  PetscReal       slope = 0.0, norm;
  PetscScalar     value;

  PetscFunctionBeginUser;
  PetscCall(VecNorm(inx ? f->exact0 : f->exact, NORM_2, &norm));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(VecCopy(f->x0, f->x));
    PetscCall(VecCopy(f->theta, f->work));
    PetscCall(VecAXPY(inx ? f->x : f->work, at[i] * h / norm, inx ? f->exact0 : f->exact));
    PetscCall(ADJSolve(f->adj, f->work, f->x));
    PetscCall(VecDot(f->x, f->v, &value));
    slope += weight[i] * PetscRealPart(value) / (12.0 * h);
  }
  *error = PetscAbsReal(slope - norm) / norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r K - C(c + r, r - 1) - (K - 1), r the smallest with C(c + r, c) >= K */
static PetscInt FewestRepetitions(PetscInt c, PetscInt K)
{
  PetscReal reach = 1.0, before = 0.0; /* C(c + r, c), C(c + r, r - 1) */
  PetscInt  r = 0;

  while (reach < K - 0.5) {
    r++;
    reach *= (PetscReal)(c + r) / r;
    before = reach * r / (c + 1);
  }
  return r * K - (PetscInt)(before + 0.5) - (K - 1);
}

static PetscErrorCode Schedules(Fisher *f)
{
  const char *const names[] = {"all on disk: difference from all in memory", "binomial: difference", "online: difference", "two_level: difference"};
  PetscReal         error   = 0.0;
  ADJCounters       before, after;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrajectoryPeriod(f->adj, 7));
  for (PetscInt i = 0; i < 4; i++) {
    PetscCall(ADJSetTrajectoryStore(f->adj, i ? ADJ_TRAJECTORY_MEMORY : ADJ_TRAJECTORY_DISK));
    PetscCall(ADJSetTrajectoryType(f->adj, (ADJTrajectoryType)i)); /* all, binomial, online, two_level */
    if (i) PetscCall(ADJSetTrajectoryCheckpoints(f->adj, CHECKPOINTS));
    PetscCall(ADJGetCounters(f->adj, &before));
    PetscCall(Gradient(f, ADJUNROLLED, f->steps, &error));
    PetscCall(ADJGetCounters(f->adj, &after));
    PetscCall(GalleryBelow(names[i], "the same to the last digit", error, 0.0));
    if (i != ADJ_TRAJECTORY_BINOMIAL) continue;
    PetscCall(GalleryNear("binomial, 4 checkpoints: steps made again", "the fewest possible, Griewank, Walther 2000", (PetscReal)(after.recomputed - before.recomputed), (PetscReal)FewestRepetitions(CHECKPOINTS, f->steps), 1e-12));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rounding errors grow like g^K: g by least squares from the drifts at x_0 after several K */
static PetscErrorCode Growth(Fisher *f, PetscReal *growth)
{
  PetscReal     s1 = 0.0, sk = 0.0, skk = 0.0, sd = 0.0, skd = 0.0;
  ADJTrustCheck drift;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < POINTS; i++) {
    const PetscInt  steps = f->many / 6 + i * f->many / (2 * POINTS); /* to where the drift is not yet as large as the state */
    const PetscReal K     = (PetscReal)steps;

    PetscCall(Gradient(f, ADJREVERSIBLE, steps, NULL));
    PetscCall(ADJGetTrustCheck(f->adj, ADJ_CHECK_DRIFT, &drift));
    if (!gallery.table) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%3.0f steps: drift %.1e\n", (double)K, (double)drift.value));
    s1 += 1.0;
    sk += K;
    skk += K * K;
    sd += PetscLogReal(drift.value);
    skd += K * PetscLogReal(drift.value);
  }
  *growth = PetscExpReal((s1 * skd - sk * sd) / (s1 * skk - sk * sk));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dF/dx is symmetric and its least eigenvalue lies within 1 - 4 s -+ tau as long as 0 <= u, theta <= 1 */
static PetscErrorCode Reversible(Fisher *f)
{
  const PetscReal lo = 1.0 / (1.0 - 4.0 * f->s + f->tau), hi = 1.0 / (1.0 - 4.0 * f->s - f->tau);
  PetscReal       error = 0.0, growth = 0.0;
  ADJTrustCheck   check;

  PetscFunctionBeginUser;
  PetscCall(Gradient(f, ADJREVERSIBLE, f->steps, &error));
  PetscCall(GalleryBelow("reversible: difference from unrolled", "equal up to the drift", error, 1e-8));
  PetscCall(ADJGetTrustCheck(f->adj, ADJ_CHECK_DRIFT, &check));
  PetscCall(GalleryBelow("reversible: drift at the initial state", "100 rho^-K times machine precision", check.value, 100.0 * PetscPowReal(hi, (PetscReal)f->steps) * PETSC_MACHINE_EPSILON));
  PetscCall(GalleryVerdict(f->adj, "reversible: verdict", "the drift is small", ADJ_TRUST_ESTIMATED));
  PetscCall(Growth(f, &growth));
  PetscCall(GalleryAbove("reversible: growth of the drift per step", "1/rho, rho at most 1 - 4s + tau", growth, lo));
  PetscCall(GalleryBelow("reversible: growth of the drift per step", "1/rho, rho at least 1 - 4s - tau", growth, hi));
  PetscCall(Gradient(f, ADJREVERSIBLE, f->many, NULL));
  PetscCall(ADJGetTrustCheck(f->adj, ADJ_CHECK_DRIFT, &check));
  PetscCall(GalleryVerdict(f->adj, "reversible, too many steps: verdict", "rho^-K times machine precision is large", ADJ_TRUST_REFUTED_ERROR));
  PetscCall(Reference(f, f->many));
  PetscCall(ADJSetType(f->adj, ADJREVERSIBLE));
  PetscCall(ADJReversibleSetPeriod(f->adj, 10));
  PetscCall(Gradient(f, ADJREVERSIBLE, f->many, &error));
  PetscCall(GalleryBelow("reversible, every 10th state kept: difference from unrolled", "equal up to the drift", error, 1e-8));
  PetscCall(GalleryVerdict(f->adj, "reversible, every 10th state kept: verdict", "the drift is small", ADJ_TRUST_ESTIMATED));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Fisher *f)
{
  PetscReal error = 0.0;

  PetscFunctionBeginUser;
  PetscCall(Reference(f, f->steps));
  PetscCall(GalleryVerdict(f->adj, "unrolled: verdict", "the steps are the model", ADJ_TRUST_ESTIMATED));
  PetscCall(Differences(f, PETSC_FALSE, &error));
  PetscCall(GalleryBelow("unrolled: gradient in theta against differences of the steps", "equal", error, 1e-8));
  PetscCall(Differences(f, PETSC_TRUE, &error));
  PetscCall(GalleryBelow("unrolled: gradient in the initial state against differences", "equal", error, 1e-8));
  PetscCall(Schedules(f));
  PetscCall(Reversible(f));
  PetscCall(Gradient(f, ADJIMPLICIT, f->steps, NULL));
  PetscCall(GalleryVerdict(f->adj, "implicit: verdict", "there is no solution yet", ADJ_TRUST_REFUTED_FORWARD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Fisher f;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMemzero(&f, sizeof(f)));
  f.n     = 32;
  f.s     = 0.125;
  f.tau   = 0.05;
  f.steps = 16;
  f.many  = 60;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &f.n, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-s", &f.s, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-tau", &f.tau, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-steps", &f.steps, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-long", &f.many, NULL));
  PetscCheck(f.steps >= 1 && f.many >= 2 * POINTS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-steps must be 1 or more, -long %d or more", 2 * POINTS);
  PetscCheck(f.s > 0.0 && f.tau > 0.0 && 4.0 * f.s + f.tau < 1.0, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-s and -tau must be positive, 4 s + tau below 1");
  PetscCall(GalleryBegin("few_steps"));
  PetscCall(FisherCreate(&f));
  PetscCall(Run(&f));
  PetscCall(FisherDestroy(&f));
  PetscCall(GalleryEnd());
  PetscCall(PetscFinalize());
  return 0;
}
