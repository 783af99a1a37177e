static char help[] = "An obstacle problem on a DMDA: a membrane above an obstacle, load and obstacle depend on the parameters.\n\n";

/*
   nsize: 1 2 4
   requires: real
   args: -malloc_debug false
*/
#include "problems.h"

#define STEP 1e-4

/* min <x, K x>/2 - h^2 <L theta, x>, x >= Q theta - 0.1, K of the five-point stencil, boundary values zero */
typedef struct {
  DM        da;
  Mat       H, L, Q;
  Vec       load, obstacle, x, v, theta, thetabar, thetadot, lowerbar;
  PetscReal h;
  Tao       tao;
  ADJ       adj;
} Membrane;

static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Membrane *p = (Membrane *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(MatMult(p->L, theta, p->load));
  PetscCall(MatMult(p->Q, theta, p->obstacle));
  PetscCall(VecShift(p->obstacle, -0.1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Bounds(Tao tao, Vec lower, Vec upper, void *ctx)
{
  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(((Membrane *)ctx)->obstacle, lower));
  PetscCall(VecSet(upper, PETSC_INFINITY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillStencil(DM da, Mat K)
{
  DMDALocalInfo info;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(da, &info));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      const PetscInt    di[5] = {0, -1, 1, 0, 0}, dj[5] = {0, 0, 0, -1, 1};
      const PetscScalar value[5] = {4.0, -1.0, -1.0, -1.0, -1.0};
      MatStencil        row      = {0, j, i, 0}, col[5];
      PetscScalar       kept[5];
      PetscInt          n = 0;

      for (PetscInt k = 0; k < 5; k++) {
        if (i + di[k] < 0 || i + di[k] >= info.mx || j + dj[k] < 0 || j + dj[k] >= info.my) continue;
        col[n].k  = 0;
        col[n].j  = j + dj[k];
        col[n].i  = i + di[k];
        col[n].c  = 0;
        kept[n++] = value[k];
      }
      PetscCall(MatSetValuesStencil(K, 1, &row, n, col, kept, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(K, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(K, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ObjectiveAndGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Membrane   *p = (Membrane *)ctx;
  PetscScalar xg, xl;

  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(MatMult(p->H, x, g));
  PetscCall(VecDot(x, g, &xg));
  PetscCall(VecDot(x, p->load, &xl));
  *f = PetscRealPart(0.5 * xg - p->h * p->h * xl);
  PetscCall(VecAXPY(g, -p->h * p->h, p->load));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Hessian(Tao tao, Vec x, Mat H, Mat P, void *ctx)
{
  (void)tao;
  (void)x;
  (void)P;
  PetscFunctionBeginUser;
  PetscCall(FillStencil(((Membrane *)ctx)->da, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The obstacle's part by what the library knows of bounds */
static PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Membrane *p = (Membrane *)ctx;
  Vec       work;

  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(thetabar, &work));
  PetscCall(ADJGetBoundGradients(adj, p->lowerbar, NULL));
  PetscCall(MatMultTranspose(p->Q, p->lowerbar, work));
  PetscCall(MatMultTranspose(p->L, w, thetabar));
  PetscCall(VecAXPBY(thetabar, -1.0, -p->h * p->h, work));
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* L: two loads; Q: a bump, a sharper one for the third parameter */
static PetscErrorCode FillParameters(Membrane *p)
{
  DMDALocalInfo info;
  PetscInt      lo;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(p->da, &info));
  PetscCall(MatGetOwnershipRange(p->L, &lo, NULL));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++, lo++) {
      const PetscReal s = p->h * (i + 1), t = p->h * (j + 1);

      PetscCall(MatSetValue(p->L, lo, 0, 1.0, INSERT_VALUES));
      PetscCall(MatSetValue(p->L, lo, 1, PetscSinReal(5.0 * s) * t, INSERT_VALUES));
      PetscCall(MatSetValue(p->Q, lo, 2, PetscExpReal(-20.0 * (PetscSqr(s - 0.45) + PetscSqr(t - 0.55))), INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(p->L, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->L, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(p->Q, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->Q, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateTao(Membrane *p, TaoType type, PetscBool hessian, Vec x, Tao *tao)
{
  PetscFunctionBeginUser;
  PetscCall(TaoCreate(PETSC_COMM_WORLD, tao));
  PetscCall(TaoSetType(*tao, type));
  PetscCall(TaoSetTolerances(*tao, 1e-10, 0.0, 0.0));
  PetscCall(TaoSetSolution(*tao, x));
  PetscCall(TaoSetVariableBoundsRoutine(*tao, Bounds, p));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, ObjectiveAndGradient, p));
  if (hessian) PetscCall(TaoSetHessian(*tao, p->H, p->H, Hessian, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MembraneCreate(TaoType type, PetscBool hessian, Membrane *p)
{
  const PetscScalar values[3] = {-8.0, 3.0, 0.12}, direction[3] = {0.5, -1.0, 0.02};
  PetscInt          n, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, 13, 11, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &p->da));
  PetscCall(DMSetUp(p->da));
  p->h = 1.0 / 14.0;
  PetscCall(DMCreateMatrix(p->da, &p->H));
  PetscCall(FillStencil(p->da, p->H));
  PetscCall(DMCreateGlobalVector(p->da, &p->x));
  PetscCall(VecGetLocalSize(p->x, &n));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, n, PETSC_DECIDE, PETSC_DETERMINE, 3, &p->L));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, n, PETSC_DECIDE, PETSC_DETERMINE, 3, &p->Q));
  PetscCall(FillParameters(p));
  PetscCall(MatCreateVecs(p->L, &p->theta, NULL));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecDuplicate(p->theta, &p->thetadot));
  PetscCall(VecDuplicate(p->x, &p->load));
  PetscCall(VecDuplicate(p->x, &p->obstacle));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCall(VecDuplicate(p->x, &p->lowerbar));
  PetscCall(VecGetOwnershipRange(p->theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(VecSetValue(p->theta, i, values[i], INSERT_VALUES));
    PetscCall(VecSetValue(p->thetadot, i, direction[i], INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(p->theta));
  PetscCall(VecAssemblyEnd(p->theta));
  PetscCall(VecAssemblyBegin(p->thetadot));
  PetscCall(VecAssemblyEnd(p->thetadot));
  PetscCall(VecSet(p->v, 1.0));
  PetscCall(CreateTao(p, type, hessian, p->x, &p->tao));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetTaoSolution(p->adj, p->tao));
  PetscCall(ADJSetParameters(p->adj, Put, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MembraneDestroy(Membrane *p)
{
  Vec *vecs[] = {&p->load, &p->obstacle, &p->x, &p->v, &p->theta, &p->thetabar, &p->thetadot, &p->lowerbar};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(TaoDestroy(&p->tao));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(MatDestroy(&p->H));
  PetscCall(MatDestroy(&p->L));
  PetscCall(MatDestroy(&p->Q));
  PetscCall(DMDestroy(&p->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <v, x*(theta + h thetadot) - x*(theta - h thetadot)>/2h; `same` if the active set is the same there */
static PetscErrorCode Slope(Membrane *p, PetscReal *slope, PetscBool *same)
{
  Vec         x, theta;
  Tao         tao;
  IS          is[3];
  PetscScalar value[2];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(CreateTao(p, TAOBNLS, PETSC_TRUE, x, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-13, 0.0, 0.0));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(VecWAXPY(theta, (i - 1) * STEP, p->thetadot, p->theta));
    PetscCall(Put(NULL, theta, p));
    PetscCall(VecCopy(p->x, x));
    PetscCall(TaoSolve(tao));
    if (i != 1) PetscCall(VecDot(x, p->v, &value[i / 2]));
    PetscCall(VecWhichEqual(x, p->obstacle, &is[i]));
  }
  PetscCall(ISEqual(is[0], is[1], same));
  if (*same) PetscCall(ISEqual(is[1], is[2], same));
  for (PetscInt i = 0; i < 3; i++) PetscCall(ISDestroy(&is[i]));
  PetscCall(Put(NULL, p->theta, p));
  *slope = PetscRealPart(value[1] - value[0]) / (2.0 * STEP);
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef enum { THETA_VJP,
               THETA_DIFFERENCES,
               ALL_BY_COLORING } How;

static PetscErrorCode TestObstacle(TaoType type, PetscBool hessian, How how, const char name[])
{
  Membrane    p;
  PetscReal   slope = 0.0;
  PetscBool   same  = PETSC_FALSE;
  PetscScalar dot;
  ADJTrust    verdict;
  PetscInt    nactive, its;
  IS          is;

  PetscFunctionBeginUser;
  PetscCall(MembraneCreate(type, hessian, &p));
  if (how == THETA_VJP) PetscCall(ADJSetParameterVJP(p.adj, ParameterVJP, &p));
  if (how != THETA_VJP) PetscCall(ADJSetFDColor(p.adj, PETSC_TRUE));
  if (how == ALL_BY_COLORING) PetscCall(ADJSetDM(p.adj, p.da));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(VecWhichEqual(p.x, p.obstacle, &is));
  PetscCall(ISGetSize(is, &nactive));
  PetscCall(ISDestroy(&is));
  PetscCall(TapOk((PetscBool)(nactive > 10 && nactive < 100), "%s: the membrane lies on %" PetscInt_FMT " of 143 points", name, nactive));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrust(p.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", name, ADJTrusts[verdict]));
  PetscCall(ADJGetAdjointIterations(p.adj, &its));
  PetscCall(VecDot(p.thetadot, p.thetabar, &dot));
  PetscCall(Slope(&p, &slope, &same));
  PetscCall(TapOk(same, "%s: the central difference stays on one active set", name));
  PetscCall(TapClose(PetscRealPart(dot), slope, 1e-7, "%s: adjoint against central differences", name));
  if (hessian) PetscCall(TapOk((PetscBool)(its <= 16), "%s: preconditioned by the Hessian of the free variables, %" PetscInt_FMT " iterations", name, its));
  PetscCall(MembraneDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestObstacle(TAOBNLS, PETSC_TRUE, THETA_VJP, "Hessian, VJP in theta"));
  PetscCall(TestObstacle(TAOTRON, PETSC_TRUE, THETA_DIFFERENCES, "Hessian, differences in theta"));
  PetscCall(TestObstacle(TAOBLMVM, PETSC_FALSE, THETA_VJP, "gradients alone, VJP in theta"));
  PetscCall(TestObstacle(TAOBLMVM, PETSC_FALSE, ALL_BY_COLORING, "coloring"));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
