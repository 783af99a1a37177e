static char help[] = "Derivatives by differences on a grid: state and coefficient field of one and several components, against products by hand.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "fd_grid.h"

#define TIGHT "-adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11"

typedef struct {
  const char *what;
  PetscInt    dim, n[3], dof, e;
  PetscBool   box, periodic;
  PetscReal   relax;
  PetscInt    xcolors, tcolors; /* expected */
} Case;

/* Grids that no process of four is left out of */
static const Case cases[] = {
  {"1D", 1, {17, 1, 1}, 1, 1, PETSC_FALSE, PETSC_FALSE, 0.0, 3, 3},
  {"1D, round, 3 does not divide it", 1, {17, 1, 1}, 2, 1, PETSC_FALSE, PETSC_TRUE, 0.0, 10, 5},
  {"2D cross", 2, {7, 6, 1}, 1, 1, PETSC_FALSE, PETSC_FALSE, 0.0, 5, 5},
  {"2D cross, fixed point", 2, {7, 6, 1}, 1, 1, PETSC_FALSE, PETSC_FALSE, 40.0, 5, 5},
  {"2D cross, round", 2, {8, 7, 1}, 2, 2, PETSC_FALSE, PETSC_TRUE, 0.0, 40, 40},
  {"2D box", 2, {7, 6, 1}, 2, 1, PETSC_TRUE, PETSC_FALSE, 0.0, 18, 9},
  {"2D box, more parameters", 2, {7, 6, 1}, 1, 1, PETSC_TRUE, PETSC_TRUE, 0.0, 12, 12},
  {"3D cross", 3, {5, 4, 4}, 1, 1, PETSC_FALSE, PETSC_FALSE, 0.0, 7, 7},
  {"3D box", 3, {4, 5, 4}, 2, 2, PETSC_TRUE, PETSC_FALSE, 0.0, 54, 54},
};

/* Gradient, tangent and verdict without a product by the user; the number of evaluations that is told is that which is made */
static PetscErrorCode TestCase(const Case *c)
{
  Grid        g;
  ADJ         adj;
  Vec         thetabar;
  ADJTrust    verdict;
  ADJCounters before, after;
  PetscScalar a, b;
  PetscReal   error, order;

  PetscFunctionBeginUser;
  PetscCall(GridCreate(c->dim, c->n[0], c->n[1], c->n[2], c->dof, c->e, c->box, c->periodic, &g));
  g.relax = c->relax;
  PetscCall(GridReference(&g, NULL));
  PetscCall(VecDuplicate(g.theta, &thetabar));
  PetscCall(GridCreateADJ(&g, &adj));
  PetscCall(ADJSetDM(adj, g.da));
  PetscCall(ADJSetParameterDM(adj, g.dat));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSet(g.x, 0.0));
  PetscCall(ADJSolve(adj, g.theta, g.x));
  PetscCall(ADJGetCounters(adj, &before));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(ADJGetCounters(adj, &after));
  PetscCall(TapOk((PetscBool)(after.map - before.map == 2 * (c->xcolors + c->tcolors)), "%s: %" PetscInt_FMT " evaluations for a linearization, expected 2 x %" PetscInt_FMT, c->what, after.map - before.map, c->xcolors + c->tcolors));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", c->what, ADJTrusts[verdict]));
  PetscCall(GridDistance(thetabar, g.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "%s: the gradient is that of the product by hand", c->what));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(ADJGetCounters(adj, &before));
  PetscCall(TapOk((PetscBool)(after.map == before.map), "%s: another adjoint there takes no evaluation", c->what));
  PetscCall(ADJSolveTangent(adj, g.thetadot, g.xdot));
  PetscCall(VecDot(g.xdot, g.v, &a));
  PetscCall(VecDot(g.thetadot, thetabar, &b));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-9 * PetscAbsScalar(b), "%s: tangent and adjoint belong together", c->what));
  PetscCall(ADJTestGradient(adj, g.theta, g.x, g.v, &order, &error));
  PetscCall(TapClose(order, 2.0, 0.05, "%s: order of the Taylor test", c->what));
  PetscCall(TapBelow(error, 1e-6, "%s: error of the Taylor test", c->what));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ADJDestroy(&adj));
  PetscCall(GridDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Components of very different size in one vector: each has steps of its own */
static PetscErrorCode TestScales(PetscReal scale)
{
  Grid      g;
  ADJ       adj;
  Vec       thetabar;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(GridCreate(2, 7, 6, 1, 2, 2, PETSC_FALSE, PETSC_FALSE, &g));
  PetscCall(GridReference(&g, NULL)); /* of the same problem, unscaled: for a cotangent scaled the other way the gradient is the same */
  g.scale = scale;
  PetscCall(VecStrideScale(g.v, 1, 1.0 / scale));
  PetscCall(VecDuplicate(g.theta, &thetabar));
  PetscCall(GridCreateADJ(&g, &adj));
  PetscCall(ADJSetDM(adj, g.da));
  PetscCall(ADJSetParameterDM(adj, g.dat));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE)); /* norms of the whole residual see one component only */
  PetscCall(VecSet(g.x, 0.0));
  PetscCall(ADJSolve(adj, g.theta, g.x));
  PetscCall(ADJSolve(adj, g.theta, g.x));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(GridDistance(thetabar, g.thetabar, &error));
  PetscCall(TapBelow(error, 1e-6, "one component is %g times the other: the gradient is right", (double)scale));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ADJDestroy(&adj));
  PetscCall(GridDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One of the parts by hand: it is taken, and costs no evaluation */
static PetscErrorCode TestParts(void)
{
  Grid        g;
  ADJ         adj;
  Vec         thetabar;
  ADJCounters before, after;
  PetscReal   error;
  PetscBool   flg;
  PetscInt    m;

  PetscFunctionBeginUser;
  PetscCall(GridCreate(2, 7, 6, 1, 1, 1, PETSC_FALSE, PETSC_FALSE, &g));
  PetscCall(GridReference(&g, NULL));
  PetscCall(VecDuplicate(g.theta, &thetabar));
  PetscCall(GridCreateADJ(&g, &adj));
  PetscCall(ADJSetDM(adj, g.da));
  PetscCall(ADJSetParameterVJP(adj, GridParameterVJP, &g));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFDMaxColumns(adj, 7));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJGetFDColor(adj, &flg));
  PetscCall(ADJGetFDMaxColumns(adj, &m));
  PetscCall(TapOk((PetscBool)(flg && m == 7), "what was set is what is got"));
  PetscCall(VecSet(g.x, 0.0));
  PetscCall(ADJSolve(adj, g.theta, g.x));
  PetscCall(ADJGetCounters(adj, &before));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(ADJGetCounters(adj, &after));
  PetscCall(TapOk((PetscBool)(after.map - before.map == 10), "with the product in theta by hand: %" PetscInt_FMT " evaluations, expected 10", after.map - before.map));
  PetscCall(GridDistance(thetabar, g.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "with the product in theta by hand: the gradient is right"));
  PetscCall(VecSet(g.xdot, 0.0));
  PetscCall(ADJSolveTangent(adj, g.thetadot, g.xdot)); /* 42 parameters are more than 7: one difference along the direction */
  PetscCall(ADJGetCounters(adj, &before));
  PetscCall(TapOk((PetscBool)(before.map - after.map == 2), "a tangent in many parameters takes %" PetscInt_FMT " evaluations, expected 2", before.map - after.map));
  {
    PetscScalar a, b;

    PetscCall(VecDot(g.xdot, g.v, &a));
    PetscCall(VecDot(g.thetadot, thetabar, &b));
    PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-7 * PetscAbsScalar(b), "a tangent in many parameters belongs to the adjoint"));
  }
  PetscCall(ADJSetParameterDM(adj, g.dat)); /* the set-up is made anew */
  PetscCall(ADJSetParameterVJP(adj, NULL, NULL));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(GridDistance(thetabar, g.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "with the parameters' DM given after a solve: the gradient is right"));
  PetscCall(ADJReset(adj));
  PetscCall(VecSet(g.x, 0.0));
  PetscCall(ADJSolve(adj, g.theta, g.x));
  PetscCall(ADJSolveAdjoint(adj, g.v, thetabar));
  PetscCall(GridDistance(thetabar, g.thetabar, &error));
  PetscCall(TapBelow(error, 1e-8, "after ADJReset(): the gradient is right"));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ADJDestroy(&adj));
  PetscCall(GridDestroy(&g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsInsertString(NULL, TIGHT));
  PetscCall(TapBegin());
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(cases); i++) PetscCall(TestCase(&cases[i]));
  PetscCall(TestScales(1e6));
  PetscCall(TestScales(1e-6));
  PetscCall(TestParts());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
