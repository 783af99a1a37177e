static char help[] = "Derivatives by differences in a few parameters: badly scaled ones, in vectors of vectors; the pattern from a matrix, from a SNES; errors.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include <contragrad.h>
#include "tap.h"

#define N     13
#define M     5
#define TIGHT "-adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11 -snes_rtol 1e-13 -pc_type jacobi"

/*
   A chain: R_i = x_i (2 + p_0^2/(i+1)) - (x_{i-1} + x_{i+1})/5 + x_i^3/10 - exp(p_1/10) - sin(p_2 + i) - i p_3 - p_4^2 x_i/4, p_j = theta_j size[j]
*/
static const PetscReal size[M] = {1e6, 1e-6, 1.0, 1.0, 1.0};

typedef struct {
  Vec         theta, x, v, thetabar, thetadot, xdot;
  Mat         P; /* its entries tell the pattern, and are no derivative */
  PetscScalar p[M];
  PetscInt    maps, failat, loosely; /* the call of the map that fails; what is read without the matrix knowing */
} Chain;

/* All values behind one another, on every process: v may be nested */
static PetscErrorCode ToAll(Vec v, PetscScalar **at)
{
  PetscBool          nest;
  PetscInt           n;
  Vec               *part, all;
  VecScatter         scatter;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) {
    PetscCall(VecNestGetSubVecs(v, &n, &part));
    for (PetscInt i = 0; i < n; i++) PetscCall(ToAll(part[i], at));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecScatterCreateToAll(v, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetArrayRead(all, &a));
  for (PetscInt i = 0; i < n; i++) *(*at)++ = a[i];
  PetscCall(VecRestoreArrayRead(all, &a));
  PetscCall(VecDestroy(&all));
  PetscCall(VecScatterDestroy(&scatter));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PutTheta(ADJ adj, Vec theta, void *ctx)
{
  PetscScalar *at = ((Chain *)ctx)->p;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ToAll(theta, &at));
  for (PetscInt j = 0; j < M; j++) ((Chain *)ctx)->p[j] *= size[j];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainFunction(SNES snes, Vec x, Vec y, void *ctx)
{
  Chain             *c = (Chain *)ctx;
  PetscScalar        all[N], *at = all;
  const PetscScalar *p = c->p;
  PetscInt           lo, hi;

  (void)snes;
  PetscFunctionBeginUser;
  c->maps++;
  PetscCheck(c->maps != c->failat, PETSC_COMM_WORLD, PETSC_ERR_USER, "This is the call that fails");
  PetscCall(ToAll(x, &at));
  PetscCall(VecGetOwnershipRange(y, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscScalar r = all[i] * (2.0 + p[0] * p[0] / (i + 1.0)) + 0.1 * all[i] * all[i] * all[i] - PetscExpScalar(0.1 * p[1]) - PetscSinScalar(p[2] + (PetscReal)i) - (PetscReal)i * p[3] - 0.25 * p[4] * p[4] * all[i];

    if (i) r -= 0.2 * all[i - 1];
    if (i < N - 1) r -= 0.2 * all[i + 1];
    if (c->loosely) r += 0.3 * all[(i + N / 2) % N];
    PetscCall(VecSetValue(y, i, r, INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(y));
  PetscCall(VecAssemblyEnd(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj;
  (void)theta; /* ADJSetParameters() has put it */
  PetscFunctionBeginUser;
  PetscCall(ChainFunction(NULL, x, y, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dF/dx of x - R/3, which contracts */
static PetscErrorCode ChainFixedPoint(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(ChainMap(adj, x, theta, y, ctx));
  PetscCall(VecAYPX(y, -1.0 / 3.0, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of R by hand, in p: the cotangent w and the state are on every process */
static void ChainParameterVJP(const PetscScalar p[], const PetscScalar x[], const PetscScalar w[], PetscScalar bar[])
{
  for (PetscInt j = 0; j < M; j++) bar[j] = 0.0;
  for (PetscInt i = 0; i < N; i++) {
    bar[0] += PetscConj(2.0 * p[0] * x[i] / (i + 1.0)) * w[i];
    bar[1] -= PetscConj(0.1 * PetscExpScalar(0.1 * p[1])) * w[i];
    bar[2] -= PetscConj(PetscCosScalar(p[2] + (PetscReal)i)) * w[i];
    bar[3] -= (PetscReal)i * w[i];
    bar[4] -= PetscConj(0.5 * p[4] * x[i]) * w[i];
  }
}

/* M^T w = v for the tridiagonal M, by Gauss, then -dR/dtheta^T w: the gradient for the cotangent c->v */
static PetscErrorCode ChainReference(Chain *c, PetscScalar bar[])
{
  PetscScalar x[N], w[N], d[N], *at = x;

  PetscFunctionBeginUser;
  PetscCall(ToAll(c->x, &at));
  at = w;
  PetscCall(ToAll(c->v, &at));
  for (PetscInt i = 0; i < N; i++) d[i] = 2.0 + c->p[0] * c->p[0] / (i + 1.0) + 0.3 * x[i] * x[i] - 0.25 * c->p[4] * c->p[4];
  for (PetscInt i = 1; i < N; i++) {
    d[i] -= 0.04 / d[i - 1];
    w[i] += 0.2 / d[i - 1] * w[i - 1];
  }
  w[N - 1] /= d[N - 1];
  for (PetscInt i = N - 2; i >= 0; i--) w[i] = (w[i] + 0.2 * w[i + 1]) / d[i];
  ChainParameterVJP(c->p, x, w, bar);
  for (PetscInt j = 0; j < M; j++) bar[j] *= -size[j];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VecFill(Vec v, const PetscScalar **from)
{
  PetscBool nest;
  PetscInt  n, lo, hi;
  Vec      *part;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectTypeCompare((PetscObject)v, VECNEST, &nest));
  if (nest) {
    PetscCall(VecNestGetSubVecs(v, &n, &part));
    for (PetscInt i = 0; i < n; i++) PetscCall(VecFill(part[i], from));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, (*from)[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  *from += n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All on the last process, or spread out, or nested: ((2), (1, 2)) */
static PetscErrorCode CreateTheta(PetscInt layout, Vec *theta)
{
  PetscMPIInt rank, procs;
  Vec         part[3], inner, outer[2];
  PetscInt    m[3] = {2, 1, 2};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &procs));
  if (layout < 2) {
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, layout == 0 ? PETSC_DECIDE : (rank == procs - 1 ? M : 0), M, theta));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, m[i], &part[i]));
  PetscCall(VecCreateNest(PETSC_COMM_WORLD, 2, NULL, &part[1], &inner));
  outer[0] = part[0];
  outer[1] = inner;
  PetscCall(VecCreateNest(PETSC_COMM_WORLD, 2, NULL, outer, theta));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecDestroy(&part[i]));
  PetscCall(VecDestroy(&inner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainCreate(PetscInt layout, Chain *c)
{
  const PetscScalar values[M] = {0.9e-6, 1.1e6, 0.0, 1e-9, 0.7}, dot[M] = {1e-6, 2e6, 0.3, -0.2, 0.5}, *from = values;
  PetscMPIInt       rank, procs;
  PetscScalar       v[N];

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &procs));
  PetscCall(CreateTheta(layout, &c->theta));
  PetscCall(VecDuplicate(c->theta, &c->thetabar));
  PetscCall(VecDuplicate(c->theta, &c->thetadot));
  PetscCall(VecFill(c->theta, &from));
  from = dot;
  PetscCall(VecFill(c->thetadot, &from));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, procs == 1 ? N : (rank == 0 ? 0 : N * rank / (procs - 1) - N * (rank - 1) / (procs - 1)), N, &c->x)); /* none on the first */
  PetscCall(VecDuplicate(c->x, &c->xdot));
  PetscCall(VecDuplicate(c->x, &c->v));
  for (PetscInt i = 0; i < N; i++) v[i] = PetscCosReal(0.7 * i) + 0.4;
  from = v;
  PetscCall(VecFill(c->v, &from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Called by a SNES: the entries come with its first Jacobian, which is frozen */
static PetscErrorCode FrozenJacobian(SNES snes, Vec x, Mat A, Mat P, void *ctx)
{
  PetscInt lo, hi;

  (void)snes;
  (void)x;
  (void)A;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = PetscMax(i - 1, 0); j <= PetscMin(i + 1, N - 1); j++) PetscCall(MatSetValue(P, i, j, i == j ? 2.7 : -0.15, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainCreateP(Chain *c, MatType type, PetscBool assemble)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(c->x, &n));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &c->P));
  PetscCall(MatSetSizes(c->P, n, n, N, N));
  PetscCall(MatSetType(c->P, type));
  PetscCall(MatSeqAIJSetPreallocation(c->P, 3, NULL));
  PetscCall(MatMPIAIJSetPreallocation(c->P, 3, NULL, 3, NULL));
  PetscCall(MatSetUp(c->P));
  if (assemble) PetscCall(FrozenJacobian(NULL, NULL, c->P, c->P, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainDestroy(Chain *c)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&c->theta));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(VecDestroy(&c->thetadot));
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->xdot));
  PetscCall(VecDestroy(&c->v));
  PetscCall(MatDestroy(&c->P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChainCreateADJ(Chain *c, PetscBool fixedpoint, const char options[], ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  if (fixedpoint)
    PetscCall(ADJSetFixedPoint(*adj, ChainFixedPoint, c));
  else
    PetscCall(ADJSetResidual(*adj, ChainMap, c));
  PetscCall(ADJSetParameters(*adj, PutTheta, c));
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(ADJSetFDColor(*adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(*adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each component of the gradient by itself, to 1e-6 of it */
static PetscErrorCode TapGradient(Chain *c, ADJ adj, const char what[])
{
  PetscScalar bar[M], got[M], *at = got, a, b;
  ADJTrust    verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJSolveAdjoint(adj, c->v, c->thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", what, ADJTrusts[verdict]));
  PetscCall(ToAll(c->thetabar, &at));
  PetscCall(ChainReference(c, bar));
  for (PetscInt j = 0; j < M; j++) PetscCall(TapBelow(PetscAbsScalar(got[j] - bar[j]), 1e-6 * PetscAbsScalar(bar[j]), "%s: gradient in parameter %" PetscInt_FMT, what, j));
  PetscCall(ADJSolveTangent(adj, c->thetadot, c->xdot));
  PetscCall(VecDot(c->xdot, c->v, &a));
  PetscCall(VecDot(c->thetadot, c->thetabar, &b));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-9 * PetscAbsScalar(b), "%s: tangent and adjoint belong together", what));
  for (PetscInt j = 0; j < M; j++) bar[j] = c->p[j];
  PetscCall(PutTheta(adj, c->theta, c));
  for (PetscInt j = 0; j < M; j++) PetscCall(TapOk((PetscBool)(bar[j] == c->p[j]), "%s: parameter %" PetscInt_FMT " was put back", what, j));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestLayouts(PetscBool fixedpoint)
{
  const char *names[3] = {"spread out", "on the last process", "nested"}, *form = fixedpoint ? "fixed point" : "residual";
  char        what[64];

  PetscFunctionBeginUser;
  for (PetscInt layout = 0; layout < 3; layout++) {
    Chain c;
    ADJ   adj;

    PetscCall(ChainCreate(layout, &c));
    PetscCall(ChainCreateP(&c, MATAIJ, PETSC_TRUE));
    PetscCall(ChainCreateADJ(&c, fixedpoint, "", &adj));
    PetscCall(ADJSetPreconditioner(adj, c.P));
    PetscCall(ADJSolve(adj, c.theta, c.x));
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s, parameters %s", form, names[layout]));
    PetscCall(TapGradient(&c, adj, what));
    PetscCall(ADJDestroy(&adj));
    PetscCall(ChainDestroy(&c));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A SNES with a Jacobian that is none, but has the entries */
static PetscErrorCode TestSNES(MatType type)
{
  Chain c;
  ADJ   adj;
  SNES  snes;
  char  what[64];

  PetscFunctionBeginUser;
  PetscCall(ChainCreate(0, &c));
  PetscCall(ChainCreateP(&c, type, PETSC_FALSE));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(SNESSetFunction(snes, NULL, ChainFunction, &c));
  PetscCall(SNESSetJacobian(snes, c.P, c.P, FrozenJacobian, NULL));
  PetscCall(SNESSetFromOptions(snes));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetSNES(adj, snes));
  PetscCall(ADJSetParameters(adj, PutTheta, &c));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  PetscCall(PetscSNPrintf(what, sizeof(what), "SNES with a frozen matrix of type %s", type));
  PetscCall(TapGradient(&c, adj, what));
  PetscCall(ADJDestroy(&adj));
  PetscCall(SNESDestroy(&snes));
  PetscCall(ChainDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestErrors(void)
{
  Chain    c;
  ADJ      adj;
  DM       da;
  PetscInt before;

  PetscFunctionBeginUser;
  PetscCall(ChainCreate(0, &c));
  PetscCall(ChainCreateADJ(&c, PETSC_FALSE, "", &adj));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(adj, c.theta, c.x), "differences when nothing tells the pattern"));
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, N + 4, 1, 1, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(ADJSetDM(adj, da));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(adj, c.theta, c.x), "differences with the DM of another state"));
  PetscCall(ADJSetDM(adj, NULL));
  PetscCall(DMDestroy(&da));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_ERROR));
  PetscCall(ChainCreateP(&c, MATAIJ, PETSC_TRUE));
  PetscCall(ADJSetPreconditioner(adj, c.P));
  PetscCall(ADJSetFDMaxColumns(adj, M - 1));
  PetscCall(VecSet(c.x, 0.0));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolveAdjoint(adj, c.v, c.thetabar), "differences in more parameters than allowed"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetFDMaxColumns(adj, -1), "a negative number of parameters"));
  PetscCall(ADJSetFDMaxColumns(adj, M));
  PetscCall(TapGradient(&c, adj, "after errors"));
  PetscCall(VecSet(c.x, 0.0));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  before = c.maps;
  for (PetscInt k = 1; k <= 15; k += 7) { /* in x, then in theta */
    c.failat = c.maps + k;
    PetscCall(TapError(PETSC_ERR_USER, ADJSolveAdjoint(adj, c.v, c.thetabar), "an error of the map at evaluation %" PetscInt_FMT, k));
  }
  PetscCall(TapOk((PetscBool)(c.maps > before), "the map was called"));
  PetscCall(TapGradient(&c, adj, "after errors of the map"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ChainDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entries that the pattern does not have: the verdict says so */
static PetscErrorCode TestPattern(void)
{
  Chain    c;
  ADJ      adj;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(ChainCreate(0, &c));
  PetscCall(ChainCreateP(&c, MATAIJ, PETSC_TRUE));
  c.loosely = 1;
  PetscCall(ChainCreateADJ(&c, PETSC_TRUE, "", &adj));
  PetscCall(ADJSetPreconditioner(adj, c.P));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  PetscCall(ADJSolveAdjoint(adj, c.v, c.thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_VJP), "entries outside of the pattern: verdict %s", ADJTrusts[verdict]));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ChainDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Lines on the standard error stream of the first process, in two solves and after ADJReset() */
static PetscErrorCode TestPrice(ADJTrustLevel level, PetscInt expected[2])
{
  Chain c;
  ADJ   adj;
  FILE *stream = PETSC_STDERR, *told = tmpfile();
  char  line[512];

  PetscFunctionBeginUser;
  PetscCall(ChainCreate(0, &c));
  PetscCall(ChainCreateP(&c, MATAIJ, PETSC_TRUE));
  PetscCall(ChainCreateADJ(&c, PETSC_FALSE, "", &adj));
  PetscCall(ADJSetTrustLevel(adj, level));
  PetscCall(ADJSetPreconditioner(adj, c.P));
  PETSC_STDERR = told;
  for (PetscInt i = 0; i < 2; i++) {
    PetscInt lines = 0;

    for (PetscInt k = 0; k < 2; k++) {
      PetscCall(VecSet(c.x, 0.0));
      PetscCall(ADJSolve(adj, c.theta, c.x));
      PetscCall(ADJSolveAdjoint(adj, c.v, c.thetabar));
    }
    rewind(told);
    while (fgets(line, sizeof(line), told)) lines++;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &lines, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
    PetscCall(TapOk((PetscBool)(lines == expected[i]), "trust level %s: %" PetscInt_FMT " lines after %" PetscInt_FMT " set-ups, expected %" PetscInt_FMT, ADJTrustLevels[level], lines, i + 1, expected[i]));
    PetscCall(ADJReset(adj));
  }
  PETSC_STDERR = stream;
  fclose(told);
  PetscCall(ADJDestroy(&adj));
  PetscCall(ChainDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In ADJView(), after a solve and its adjoint; and with differences switched off again, which are forgotten */
static PetscErrorCode TestView(void)
{
  Chain       c;
  ADJ         adj;
  PetscViewer viewer;
  PetscInt    lines = 0;
  FILE       *text  = tmpfile();
  char        line[512], *found;

  PetscFunctionBeginUser;
  PetscCall(ChainCreate(0, &c));
  PetscCall(ChainCreateP(&c, MATAIJ, PETSC_TRUE));
  PetscCall(ChainCreateADJ(&c, PETSC_FALSE, "", &adj));
  PetscCall(ADJSetPreconditioner(adj, c.P));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  PetscCall(ADJSolveAdjoint(adj, c.v, c.thetabar));
  PetscCall(PetscViewerASCIIOpenWithFILE(PETSC_COMM_WORLD, text, &viewer));
  PetscCall(ADJView(adj, viewer));
  PetscCall(PetscViewerFlush(viewer));
  rewind(text);
  while (fgets(line, sizeof(line), text)) {
    PetscCall(PetscStrstr(line, "colors in x, 5 columns in theta), accurate to about", &found));
    if (found) lines++;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &lines, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(TapOk((PetscBool)(lines == 1), "ADJView() tells the price"));
  PetscCall(PetscViewerDestroy(&viewer));
  fclose(text);
  PetscCall(ADJSetFDColor(adj, PETSC_FALSE));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, c.v, c.thetabar), "an adjoint when differences were switched off"));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(TapGradient(&c, adj, "switched off and on again"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ChainDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsInsertString(NULL, TIGHT));
  PetscCall(TapBegin());
  PetscCall(TestLayouts(PETSC_FALSE));
  PetscCall(TestLayouts(PETSC_TRUE));
  PetscCall(TestSNES(MATAIJ));
  PetscCall(TestSNES(MATBAIJ));
  PetscCall(TestErrors());
  PetscCall(TestPattern());
  PetscCall(TestPrice(ADJ_TRUST_LEVEL_ESTIMATE, (PetscInt[]){1, 2}));
  PetscCall(TestPrice(ADJ_TRUST_LEVEL_NONE, (PetscInt[]){0, 0}));
  PetscCall(TestView());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
