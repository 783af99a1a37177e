static char help[] = "A deep equilibrium layer x = tanh(W x + U z + b) with a read-out v, trained to tell two classes of points apart.\n\n"
                     "Points z in the unit square belong to the class of those within a ring, or not. Logistic loss of v^T x, and decay |theta|^2 gamma/2.\n"
                     "  -n <8>, -samples <24>  : neurons, points. The neurons are spread over processes, with their rows of W, U, b and v\n"
                     "  -scale <0.5>           : spectral radius of W at the start, about\n"
                     "  -decay <1e-4>          : gamma\n"
                     "  -penalty <1>, -rho_max <0.6> : c and r of c sum_s max(0, rho_s - r)^2 in the loss, rho_s the spectral radius of F_x at sample s\n\n";

/*
   S. Bai, J. Z. Kolter, V. Koltun, Deep equilibrium models, NeurIPS 2019. The state of a sample need not be the only one: training follows the
   states that it has. Where eigenvalues of a block meet rho has no derivative, and the verdict may refuse the objective's.

   mpiexec -n 2 ./equilibrium -n 12 -samples 40 -adj_tao_monitor -adj_trust_view
   mpiexec -n 2 ./equilibrium -penalty 0 -adj_tao_type blmvm

   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
   args: -malloc_debug false -penalty 0 -n 3 -samples 5 -adj_tao_max_it 20
*/
#include "gallery.h"
#include "equilibrium/radius.h"

typedef struct {
  Layer  layer;
  Radius radius;
} Problem;

/* The largest radius, or c sum_s max(0, rho_s - r)^2, which has a derivative where another sample becomes the largest */
static PetscErrorCode Penalty(Problem *p, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar)
{
  const Layer *c = &p->layer;
  PetscReal   *weights;

  PetscFunctionBeginUser;
  PetscCall(RadiusCompute(&p->radius, x, theta));
  PetscCall(PetscCalloc1(c->S, &weights));
  *value = c->onlyrho ? p->radius.rho : 0.0;
  if (c->onlyrho) weights[p->radius.sample] = 1.0;
  for (PetscInt s = 0; s < c->S && !c->onlyrho; s++) {
    const PetscReal excess = PetscMax(0.0, p->radius.rhos[s] - c->rhomax);

    weights[s] = 2.0 * c->penalty * excess;
    *value += c->penalty * PetscSqr(excess);
  }
  if (*value > 0.0 && (xbar || thetabar)) PetscCall(RadiusGradient(&p->radius, weights, x, theta, xbar, thetabar));
  PetscCall(PetscFree(weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* o_s = sum_i v_i x_is, on each process */
static PetscErrorCode Output(const Layer *c, Vec x, Vec theta, PetscReal o[])
{
  const PetscScalar *X, *T;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(o, c->S));
  PetscCall(VecGetArrayRead(x, &X));
  PetscCall(VecGetArrayRead(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt s = 0; s < c->S; s++) o[s] += PetscRealPart(T[(i + 1) * c->m - 1] * X[i * c->S + s]);
  }
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(x, &X));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, o, (PetscMPIInt)c->S, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Mean of log(1 + exp(-t o)), with its partial derivatives */
static PetscErrorCode Logistic(const Layer *c, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar)
{
  PetscReal         *o;
  const PetscScalar *X, *T;
  PetscScalar       *Xb = NULL, *Tb = NULL;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(c->S, &o));
  PetscCall(Output(c, x, theta, o));
  *value = 0.0;
  for (PetscInt s = 0; s < c->S; s++) {
    const PetscReal a = -c->t[s] * o[s];

    *value += (PetscMax(a, 0.0) + PetscLogReal(1.0 + PetscExpReal(-PetscAbsReal(a)))) / c->S;
    o[s] = -c->t[s] / (c->S * (1.0 + PetscExpReal(-a)));
  }
  PetscCall(VecGetArrayRead(x, &X));
  PetscCall(VecGetArrayRead(theta, &T));
  if (xbar) PetscCall(VecGetArray(xbar, &Xb));
  if (thetabar) PetscCall(VecGetArray(thetabar, &Tb));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt s = 0; s < c->S; s++) {
      if (xbar) Xb[i * c->S + s] += o[s] * T[(i + 1) * c->m - 1];
      if (thetabar) Tb[(i + 1) * c->m - 1] += o[s] * X[i * c->S + s];
    }
  }
  if (thetabar) PetscCall(VecRestoreArray(thetabar, &Tb));
  if (xbar) PetscCall(VecRestoreArray(xbar, &Xb));
  PetscCall(VecRestoreArrayRead(theta, &T));
  PetscCall(VecRestoreArrayRead(x, &X));
  PetscCall(PetscFree(o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *value, Vec xbar, Vec thetabar, void *ctx)
{
  Problem  *p = (Problem *)ctx;
  Layer    *c = &p->layer;
  PetscReal norm, penalty = 0.0;

  (void)adj;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(VecSet(xbar, 0.0));
  if (thetabar) PetscCall(VecSet(thetabar, 0.0));
  if (c->onlyrho || c->penalty > 0.0) PetscCall(Penalty(p, x, theta, &penalty, xbar, thetabar));
  *value = penalty;
  if (c->onlyrho) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Logistic(c, x, theta, value, xbar, thetabar));
  PetscCall(VecNorm(theta, NORM_2, &norm));
  *value += penalty + 0.5 * c->decay * PetscSqr(norm);
  if (thetabar) PetscCall(VecAXPY(thetabar, c->decay, theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Points of the unit square; the others are inside of a ring about its middle */
static PetscErrorCode SetSamples(Layer *c)
{
  PetscRandom random;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1.0, 1.0));
  PetscCall(PetscRandomSetSeed(random, 1));
  PetscCall(PetscRandomSeed(random));
  for (PetscInt s = 0; s < c->S; s++) {
    PetscReal square = 0.0;

    for (PetscInt j = 0; j < D; j++) {
      PetscCall(PetscRandomGetValueReal(random, &c->z[s * D + j]));
      square += PetscSqr(c->z[s * D + j]);
    }
    c->t[s] = square < 0.6 ? 1.0 : -1.0;
  }
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W of the spectral radius `scale`, about; a neuron has the same numbers on whatever process it is */
static PetscErrorCode SetWeights(const Layer *c, PetscReal scale, Vec theta)
{
  PetscRandom  random;
  PetscScalar *T;

  PetscFunctionBeginUser;
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(PetscRandomSetInterval(random, -1.0, 1.0));
  PetscCall(VecGetArray(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    PetscCall(PetscRandomSetSeed(random, (unsigned long)(17 + 5 * (c->lo + i))));
    PetscCall(PetscRandomSeed(random));
    for (PetscInt j = 0; j < c->m; j++) {
      PetscCall(PetscRandomGetValue(random, &T[i * c->m + j]));
      if (j < c->n)
        T[i * c->m + j] *= scale * PetscSqrtReal(3.0 / c->n);
      else if (j < c->n + D)
        T[i * c->m + j] *= 2.0;
    }
  }
  PetscCall(VecRestoreArray(theta, &T));
  PetscCall(PetscRandomDestroy(&random));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* W = -3 I: the plain iteration x <- tanh(-3 x + ...) goes to and fro */
static PetscErrorCode SetExpansive(const Layer *c, Vec theta)
{
  PetscScalar *T;

  PetscFunctionBeginUser;
  PetscCall(VecGetArray(theta, &T));
  for (PetscInt i = 0; i < c->hi - c->lo; i++) {
    for (PetscInt j = 0; j < c->m; j++) T[i * c->m + j] = j == c->lo + i ? -3.0 : (j < c->n ? 0.0 : 0.1 * T[i * c->m + j]);
  }
  PetscCall(VecRestoreArray(theta, &T));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemCreate(PetscInt n, PetscInt S, Problem *p, Vec *x, Vec *theta)
{
  Layer   *c  = &p->layer;
  PetscInt nl = PETSC_DECIDE;

  PetscFunctionBeginUser;
  PetscCall(PetscSplitOwnership(PETSC_COMM_WORLD, &nl, &n));
  PetscCallMPI(MPI_Scan(&nl, &c->hi, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  c->n  = n;
  c->S  = S;
  c->lo = c->hi - nl;
  c->m  = n + D + 2;
  PetscCall(PetscMalloc2(S * D, &c->z, S, &c->t));
  PetscCall(SetSamples(c));
  PetscCall(VecCreate(PETSC_COMM_WORLD, x));
  PetscCall(VecSetSizes(*x, nl * S, n * S));
  PetscCall(VecSetType(*x, VECSTANDARD));
  PetscCall(VecSet(*x, 0.0));
  PetscCall(VecCreate(PETSC_COMM_WORLD, theta));
  PetscCall(VecSetSizes(*theta, nl * c->m, n * c->m));
  PetscCall(VecSetType(*theta, VECSTANDARD));
  PetscCall(VecScatterCreateToAll(*x, &c->toall, &c->all));
  PetscCall(VecDuplicate(*x, &c->one));
  PetscCall(VecDuplicate(*x, &c->w));
  PetscCall(RadiusCreate(c, *theta, &p->radius));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProblemDestroy(Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(RadiusDestroy(&p->radius));
  PetscCall(PetscFree2(p->layer.z, p->layer.t));
  PetscCall(VecScatterDestroy(&p->layer.toall));
  PetscCall(VecDestroy(&p->layer.all));
  PetscCall(VecDestroy(&p->layer.one));
  PetscCall(VecDestroy(&p->layer.w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Problem *p, Vec x, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  PetscCall(ADJSetFixedPoint(*adj, Map, &p->layer));
  PetscCall(ADJSetLinearize(*adj, Linearize, &p->layer));
  PetscCall(ADJSetVJP(*adj, VJP, &p->layer));
  PetscCall(ADJSetJVP(*adj, JVP, &p->layer));
  PetscCall(ADJSetObjective(*adj, Objective, p));
  PetscCall(ADJSetSolution(*adj, x));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the objective as it is set, along the parameters themselves: relative to |gradient| |theta| */
static PetscErrorCode CentralDifference(ADJ adj, Vec theta, PetscReal h, PetscReal *error)
{
  Vec         g, moved, d;
  PetscReal   f, values[2], gn, dn;
  PetscScalar slope;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &g));
  PetscCall(VecDuplicate(theta, &moved));
  PetscCall(VecDuplicate(theta, &d));
  PetscCall(VecCopy(theta, d));
  PetscCall(VecShift(d, 0.1));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &f, g));
  PetscCall(VecDot(d, g, &slope));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(moved, i ? -h : h, d, theta));
    PetscCall(ADJComputeObjectiveAndGradient(adj, moved, &values[i], NULL));
  }
  PetscCall(VecNorm(g, NORM_2, &gn));
  PetscCall(VecNorm(d, NORM_2, &dn));
  *error = PetscAbsReal((values[0] - values[1]) / (2.0 * h) - PetscRealPart(slope)) / (gn * dn);
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&moved));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Part of the samples whose class is the sign of the output, at the last state */
static PetscErrorCode Accuracy(Problem *p, ADJ adj, Vec theta, PetscReal *part)
{
  Vec        x;
  PetscReal *o;

  PetscFunctionBeginUser;
  PetscCall(ADJGetSolution(adj, &x));
  PetscCall(PetscMalloc1(p->layer.S, &o));
  PetscCall(Output(&p->layer, x, theta, o));
  *part = 0.0;
  for (PetscInt s = 0; s < p->layer.S; s++) *part += (o[s] * p->layer.t[s] > 0.0 ? 1.0 : 0.0) / p->layer.S;
  PetscCall(PetscFree(o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both derivatives that training uses */
static PetscErrorCode CheckGradients(Problem *p, ADJ adj, Vec theta)
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(CentralDifference(adj, theta, 1e-4, &error));
  PetscCall(GalleryBelow("gradient of the loss", "central differences", error, 1e-6));
  p->layer.onlyrho = PETSC_TRUE;
  PetscCall(CentralDifference(adj, theta, 1e-4, &error));
  PetscCall(GalleryBelow("gradient of the spectral radius by left and right eigenvectors", "central differences", error, 1e-6));
  p->layer.onlyrho = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Train(Problem *p, ADJ adj, Vec theta)
{
  Tao       tao;
  ADJTrust  refused;
  PetscReal first, last, part = 0.0, rho, error;
  Vec       gradient;

  PetscFunctionBeginUser;
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &first, NULL));
  PetscCall(ADJGetTao(adj, &tao));
  PetscCall(TaoSetType(tao, TAOBQNLS));
  PetscCall(TaoSetMaximumIterations(tao, 300));
  PetscCall(TaoSetTolerances(tao, 1e-6, 0.0, 0.0));
  PetscCall(ADJMinimize(adj, theta));
  PetscCall(ADJGetRefusal(adj, &refused));
  PetscCall(GalleryRow("verdicts during the training", "none refuses, but for kinks of the penalty", ADJTrusts[refused], (PetscBool)(refused == ADJ_TRUST_NONE || (p->layer.penalty > 0.0 && refused == ADJ_TRUST_REFUTED_OBJECTIVE))));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &last, gradient));
  PetscCall(GalleryVerdict(adj, "verdict on the last gradient", "trained", ADJ_TRUST_ESTIMATED));
  PetscCall(ADJGetContraction(adj, &rho, &error));
  PetscCall(GalleryBelow("spectral radius of F_x in the end", "below 1, a contraction", rho, 1.0));
  if (p->layer.penalty > 0.0) PetscCall(GalleryBelow("  with its penalty", "rho_max + sqrt(last/c), as the penalty is part of the loss", p->radius.rho, p->layer.rhomax + PetscSqrtReal(last / p->layer.penalty)));
  PetscCall(VecDestroy(&gradient));
  if (p->layer.penalty == 0.0) PetscFunctionReturn(PETSC_SUCCESS); /* at the edge of contraction it may get stuck */
  PetscCall(GalleryBelow("loss, relative to that of random weights", "it falls by a half", last / first, 0.5));
  PetscCall(Accuracy(p, adj, theta, &part));
  PetscCall(GalleryAbove("part of the points that are told right", "9 of 10", part, 0.9));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where the layer does not contract: the plain iteration fails, and an optimizer goes back; Newton finds a state, and the verdict refuses it */
static PetscErrorCode CheckExpansive(Problem *p, ADJ adj, Vec theta)
{
  Tao       tao;
  SNES      snes;
  Vec       bad, gradient;
  PetscReal f, g;
  PetscInt  rejected;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(theta, &bad));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(VecCopy(theta, bad));
  p->layer.penalty = 0.0;
  PetscCall(SetExpansive(&p->layer, bad));
  PetscCall(TaoCreate(PETSC_COMM_WORLD, &tao));
  PetscCall(TaoSetSolution(tao, theta));
  PetscCall(ADJSetTao(adj, tao));
  PetscCall(TaoComputeObjectiveAndGradient(tao, theta, &f, gradient));
  PetscCall(TaoComputeObjective(tao, bad, &g));
  PetscCall(ADJGetRejected(adj, &rejected));
  PetscCall(GalleryRow("a trial step to W = -3 I", "rejected: no state, a value above that of the iterate", rejected == 1 && g > f ? "rejected" : "taken", (PetscBool)(rejected == 1 && g > f)));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(SNESSetType(snes, SNESNEWTONLS));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJComputeObjectiveAndGradient(adj, bad, &f, gradient));
  PetscCall(GalleryVerdict(adj, "a gradient there, at the state of Newton's method", "rho > 1", ADJ_TRUST_REFUTED_CONTRACTION));
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&bad));
  PetscCall(VecDestroy(&gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Problem   p;
  ADJ       adj;
  Vec       x, theta;
  PetscInt  n = 8, S = 24;
  PetscReal scale = 0.5;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMemzero(&p, sizeof(p)));
  p.layer.decay   = 1e-4;
  p.layer.rhomax  = 0.8;
  p.layer.penalty = 1.0;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-samples", &S, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-scale", &scale, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-decay", &p.layer.decay, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-penalty", &p.layer.penalty, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rho_max", &p.layer.rhomax, NULL));
  PetscCall(ProblemCreate(n, S, &p, &x, &theta));
  PetscCall(SetWeights(&p.layer, scale, theta));
  PetscCall(GalleryBegin("equilibrium"));
  PetscCall(CreateADJ(&p, x, &adj));
  PetscCall(CheckGradients(&p, adj, theta));
  PetscCall(Train(&p, adj, theta));
  PetscCall(CheckExpansive(&p, adj, theta));
  PetscCall(GalleryEnd());
  PetscCall(ADJDestroy(&adj));
  PetscCall(ProblemDestroy(&p));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(SlepcFinalize());
  return 0;
}
