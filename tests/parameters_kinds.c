static char help[] = "One kind of parameters at a time: a field, a small set, boundary values, the initial guess; against central differences of whole solves.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "parameters.h"

#define TIGHT "-adj_forward_snes_rtol 1e-13 -snes_rtol 1e-13 -adj_ksp_rtol 1e-11 -ksp_rtol 1e-10"

typedef enum { BY_VJP,
               BY_SNES,
               BY_DIFFERENCES } Way;

static const char *const kinds[] = {"field", "set", "boundary values"};
static const char *const ways[]  = {"VJP", "SNES and the product in theta", "SNES and differences"};

/* The line of parameters.h, of whose blocks one is theta */
typedef struct {
  Line     line;
  PetscInt kind;
  Vec      theta, thetabar;
  PetscInt puts;
} Kind;

static PetscErrorCode KindPut(ADJ adj, Vec theta, void *ctx)
{
  Kind *p = (Kind *)ctx;
  Vec   block[3];

  PetscFunctionBeginUser;
  p->puts++;
  PetscCall(LineGetBlocks(&p->line, p->line.theta, block));
  PetscCall(VecCopy(theta, block[p->kind]));
  PetscCall(LineRestoreBlocks(&p->line, p->line.theta, block));
  PetscCall(LinePut(adj, p->line.theta, &p->line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(LineMap(adj, x, theta, y, &((Kind *)ctx)->line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindFunction(SNES snes, Vec x, Vec y, void *ctx)
{
  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(LineMap(NULL, x, NULL, y, &((Kind *)ctx)->line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Kind *p = (Kind *)ctx;
  Vec   block[3];

  PetscFunctionBeginUser;
  PetscCall(LineVJP(adj, x, theta, w, xbar, thetabar ? p->line.thetabar : NULL, &p->line));
  if (!thetabar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(LineGetBlocks(&p->line, p->line.thetabar, block));
  PetscCall(VecCopy(block[p->kind], thetabar));
  PetscCall(LineRestoreBlocks(&p->line, p->line.thetabar, block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(KindVJP(adj, x, theta, w, NULL, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = <v, x> + g_0^2 + s_1^2, with g and s from where KindPut() has put them */
static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Kind       *p = (Kind *)ctx;
  PetscScalar dot, bar[2];
  PetscInt    lo, hi;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDot(x, p->line.v, &dot));
  *f = PetscRealPart(dot) + PetscSqr(PetscAbsScalar(p->line.end[0])) + PetscSqr(PetscAbsScalar(p->line.set[1]));
  if (xbar) PetscCall(VecCopy(p->line.v, xbar));
  if (!thetabar) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecSet(thetabar, 0.0));
  bar[0] = p->kind == 2 ? 2.0 * p->line.end[0] : 0.0;
  bar[1] = p->kind == 1 ? 2.0 * p->line.set[1] : 0.0;
  if (p->kind == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetOwnershipRange(thetabar, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(thetabar, i, bar[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindCreate(PetscInt kind, PetscBool nest, PetscBool fixedpoint, Kind *p)
{
  Vec block[3];

  PetscFunctionBeginUser;
  PetscCall(LineCreate(13, nest, fixedpoint, &p->line));
  p->kind = kind;
  p->puts = 0;
  PetscCall(LineGetBlocks(&p->line, p->line.theta, block));
  PetscCall(VecDuplicate(block[kind], &p->theta));
  PetscCall(VecDuplicate(block[kind], &p->thetabar));
  PetscCall(VecCopy(block[kind], p->theta));
  PetscCall(LineRestoreBlocks(&p->line, p->line.theta, block));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindDestroy(Kind *p)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&p->theta));
  PetscCall(VecDestroy(&p->thetabar));
  PetscCall(LineDestroy(&p->line));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KindCreateADJ(Kind *p, Way way, SNES *snes, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, adj));
  *snes = NULL;
  if (way == BY_VJP) {
    PetscCall(ADJSetResidual(*adj, KindMap, p));
    PetscCall(ADJSetVJP(*adj, KindVJP, p));
  } else {
    PetscCall(SNESCreate(PETSC_COMM_WORLD, snes));
    PetscCall(SNESSetDM(*snes, p->line.da));
    PetscCall(SNESSetFunction(*snes, NULL, KindFunction, p));
    PetscCall(SNESSetFromOptions(*snes));
    PetscCall(ADJSetSNES(*adj, *snes));
    PetscCall(ADJSetFDColor(*adj, (PetscBool)(way == BY_DIFFERENCES)));
    if (way == BY_SNES) PetscCall(ADJSetParameterVJP(*adj, KindParameterVJP, p));
    if (way == BY_DIFFERENCES && p->kind == 0) PetscCall(ADJSetParameterDM(*adj, p->line.da));
  }
  PetscCall(ADJSetParameters(*adj, KindPut, p));
  PetscCall(ADJSetObjective(*adj, Objective, p));
  PetscCall(ADJSetFromOptions(*adj));
  PetscCall(ADJSetSolution(*adj, p->line.x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of v, moved by h in component j; of the vector on the process that has it */
static PetscErrorCode VecMove(Vec v, PetscInt j, PetscReal h)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  if (lo <= j && j < hi) PetscCall(VecSetValue(v, j, h, ADD_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VecComponent(Vec v, PetscInt j, PetscReal *value)
{
  PetscInt    lo, hi;
  PetscScalar a = 0.0;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  if (lo <= j && j < hi) PetscCall(VecGetValues(v, 1, &j, &a));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &a, 1, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  *value = PetscRealPart(a);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every component */
static PetscErrorCode TapDifferences(Kind *p, ADJ adj, const char what[])
{
  const PetscReal h = 1e-5;
  PetscReal       f[2], got, norm, error = 0.0;
  PetscInt        m;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(p->theta, &m));
  PetscCall(VecNorm(p->thetabar, NORM_INFINITY, &norm));
  for (PetscInt j = 0; j < m; j++) {
    for (PetscInt side = 0; side < 2; side++) {
      PetscCall(VecMove(p->theta, j, side ? -2.0 * h : h));
      PetscCall(VecSet(p->line.x, 0.0));
      PetscCall(ADJComputeObjectiveAndGradient(adj, p->theta, &f[side], NULL));
    }
    PetscCall(VecMove(p->theta, j, h));
    PetscCall(VecComponent(p->thetabar, j, &got));
    error = PetscMax(error, PetscAbsReal(got - (f[0] - f[1]) / (2.0 * h)));
  }
  PetscCall(TapBelow(error, 1e-7 * norm, "%s: each component is that of a difference", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestKind(PetscInt kind, Way way)
{
  Kind      p;
  ADJ       adj;
  SNES      snes;
  ADJTrust  verdict;
  PetscReal f, order, error;
  PetscInt  puts;
  char      what[64];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s by %s", kinds[kind], ways[way]));
  PetscCall(KindCreate(kind, PETSC_TRUE, PETSC_FALSE, &p));
  PetscCall(KindCreateADJ(&p, way, &snes, &adj));
  PetscCall(VecSet(p.line.x, 0.0));
  PetscCall(ADJComputeObjectiveAndGradient(adj, p.theta, &f, p.thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", what, ADJTrusts[verdict]));
  PetscCall(TapDifferences(&p, adj, what));
  PetscCall(ADJTestGradient(adj, p.theta, p.line.x, NULL, &order, &error));
  PetscCall(TapClose(order, 2.0, 0.05, "%s: order of the Taylor test", what));
  PetscCall(TapBelow(error, 1e-6, "%s: error of the Taylor test", what));
  PetscCall(ADJSetTrustLevel(adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(VecSet(p.line.x, 0.0));
  PetscCall(ADJSolve(adj, p.theta, p.line.x));
  puts = p.puts;
  PetscCall(ADJSolve(adj, p.theta, p.line.x));
  if (way != BY_DIFFERENCES) PetscCall(ADJSolveAdjoint(adj, p.line.v, p.thetabar));
  PetscCall(TapOk((PetscBool)(p.puts == puts + 1), "%s: parameters are put once for a solve and its adjoint, not %" PetscInt_FMT " times", what, p.puts - puts));
  PetscCall(ADJDestroy(&adj));
  PetscCall(SNESDestroy(&snes));
  PetscCall(KindDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* l = <v, x_K> after K steps of x <- F(x): by x_0, which is a field, too, for the gradient of an assimilation */
static PetscErrorCode TestGuess(PetscBool differences)
{
  const PetscReal h    = 1e-5;
  const char     *what = differences ? "initial guess, differences" : "initial guess";
  Kind            p;
  ADJ             adj;
  Vec             x0bar, x0;
  PetscScalar     l[2];
  PetscReal       got, norm, error = 0.0;

  PetscFunctionBeginUser;
  PetscCall(KindCreate(0, PETSC_TRUE, PETSC_TRUE, &p));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetFixedPoint(adj, KindMap, &p));
  PetscCall(ADJSetParameters(adj, KindPut, &p));
  PetscCall(ADJSetDM(adj, p.line.da));
  PetscCall(ADJSetParameterDM(adj, p.line.da));
  if (!differences) PetscCall(ADJSetVJP(adj, KindVJP, &p));
  PetscCall(ADJSetFDColor(adj, differences));
  PetscCall(ADJSetType(adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(adj, 6));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecDuplicate(p.line.x, &x0));
  PetscCall(VecSet(p.line.x, 0.3));
  PetscCall(ADJSolve(adj, p.theta, p.line.x));
  PetscCall(ADJSolveAdjoint(adj, p.line.v, p.thetabar));
  PetscCall(ADJGetInitialGradient(adj, &x0bar));
  PetscCall(VecCopy(x0bar, x0));
  PetscCall(VecNorm(x0, NORM_INFINITY, &norm));
  for (PetscInt j = 0; j < p.line.n; j++) {
    for (PetscInt side = 0; side < 2; side++) {
      PetscCall(VecSet(p.line.x, 0.3));
      PetscCall(VecMove(p.line.x, j, side ? -h : h));
      PetscCall(ADJSolve(adj, p.theta, p.line.x));
      PetscCall(VecDot(p.line.x, p.line.v, &l[side]));
    }
    PetscCall(VecComponent(x0, j, &got));
    error = PetscMax(error, PetscAbsReal(got - PetscRealPart(l[0] - l[1]) / (2.0 * h)));
  }
  PetscCall(TapBelow(error, 1e-7 * norm, "%s: each component is that of a difference", what));
  PetscCall(VecDestroy(&x0));
  PetscCall(ADJDestroy(&adj));
  PetscCall(KindDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A block that the user keeps and changes: PETSc would take the norm of the whole from before */
static PetscErrorCode TestKeptBlock(void)
{
  Line      l;
  ADJ       adj;
  Vec       block[3], kept;
  PetscReal norm, expected = 0.0, part;

  PetscFunctionBeginUser;
  PetscCall(LineCreate(13, PETSC_TRUE, PETSC_FALSE, &l));
  PetscCall(LineCreateADJ(&l, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(LineGetBlocks(&l, l.theta, block));
  kept = block[1];
  PetscCall(VecNorm(l.theta, NORM_2, &norm));
  PetscCall(VecScale(kept, 2.0));
  PetscCall(ADJSolve(adj, l.theta, l.x));
  PetscCall(VecNorm(l.theta, NORM_2, &norm));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(VecNorm(block[i], NORM_2, &part));
    expected += part * part;
  }
  PetscCall(TapClose(norm, PetscSqrtReal(expected), 1e-12, "the norm of the whole is that of its blocks now"));
  PetscCall(TapClose(PetscRealPart(l.set[1]), 1.6, 1e-14, "the solve has seen the block"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(LineDestroy(&l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsInsertString(NULL, TIGHT));
  PetscCall(TapBegin());
  for (PetscInt kind = 0; kind < 3; kind++) {
    for (PetscInt way = 0; way < 3; way++) PetscCall(TestKind(kind, (Way)way));
  }
  PetscCall(TestGuess(PETSC_FALSE));
  PetscCall(TestGuess(PETSC_TRUE));
  PetscCall(TestKeptBlock());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
