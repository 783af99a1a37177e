static char help[] = "Functions on local patches: what is refused, and what is left behind after an error.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_ksp_rtol 1e-12
*/
#include "dm_patches.h"
#include "dm_plex.h"
#include <petscdmshell.h>

static const PatchSpec spec = {2, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_GHOSTED, 2, 1, 0, ADJ_RESIDUAL};

static PetscErrorCode Gradient(Patch *p, Vec g)
{
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSetObjective(p->adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(p->adj, p->x));
  PetscCall(ADJComputeObjectiveAndGradient(p->adj, p->theta, &value, g));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The DM that is missing or does not fit, the other one being right */
static PetscErrorCode TestDM(void)
{
  PatchSpec other = spec;
  Patch     p;
  Vec       g;
  DM        shell, dof2;

  PetscFunctionBeginUser;
  other.dof = 3;
  PetscCall(PatchCreate(PETSC_COMM_WORLD, &spec, &p));
  PetscCall(PatchCreateDA(PETSC_COMM_WORLD, &other, NULL, &dof2));
  PetscCall(DMShellCreate(PETSC_COMM_WORLD, &shell));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(ADJSetDM(p.adj, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, Gradient(&p, g), "no DM"));
  PetscCall(ADJSetDM(p.adj, shell));
  PetscCall(TapError(PETSC_ERR_ARG_WRONG, Gradient(&p, g), "a DM that is no DMDA"));
  PetscCall(ADJSetDM(p.adj, dof2));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, Gradient(&p, g), "a DMDA of another size"));
  PetscCall(ADJSetDM(p.adj, p.da));
  PetscCall(ADJSetParameterDM(p.adj, dof2));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, Gradient(&p, g), "a DMDA of another size, of the parameters"));
  PetscCall(ADJSetParameterDM(p.adj, shell));
  PetscCall(TapError(PETSC_ERR_ARG_WRONG, Gradient(&p, g), "a DM that is no DMDA, of the parameters"));
  PetscCall(ADJSetParameterDM(p.adj, p.dat));
  PetscCall(TapError(PETSC_SUCCESS, Gradient(&p, g), "the right ones"));
  PetscCall(ADJSetDM(p.adj, dof2));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, Gradient(&p, g), "a DMDA of another size after a solve"));
  PetscCall(ADJSetDM(p.adj, p.da));
  PetscCall(TapError(PETSC_SUCCESS, Gradient(&p, g), "the right one again"));
  PetscCall(ADJReset(p.adj));
  PetscCall(VecDestroy(&p.x));
  PetscCall(DMCreateGlobalVector(dof2, &p.x));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, Gradient(&p, g), "a state of another size after ADJReset()"));
  PetscCall(DMDestroy(&shell));
  PetscCall(DMDestroy(&dof2));
  PetscCall(VecDestroy(&g));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestCommunicator(void)
{
  Patch       p, alone;
  Vec         g;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PatchCreate(PETSC_COMM_WORLD, &spec, &p));
  PetscCall(PatchCreate(PETSC_COMM_SELF, &spec, &alone));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(ADJSetDM(p.adj, alone.da));
  PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, Gradient(&p, g), "a DMDA on another communicator"));
  PetscCall(VecDestroy(&g));
  PetscCall(PatchDestroy(&alone));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of each kind one that fails at all times */
static PetscErrorCode FailMap(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *y, void *ctx)
{
  (void)adj, (void)info, (void)x, (void)theta, (void)y, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailFunction(DMDALocalInfo *info, void *x, void *y, void *ctx)
{
  (void)info, (void)x, (void)y, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailVJP(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *w, void *xbar, void *thetabar, void *ctx)
{
  (void)adj, (void)info, (void)x, (void)theta, (void)w, (void)xbar, (void)thetabar, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailJVP(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *xdot, void *thetadot, void *ydot, void *ctx)
{
  (void)adj, (void)info, (void)x, (void)theta, (void)xdot, (void)thetadot, (void)ydot, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailLocalMap(ADJ adj, DM dm, Vec x, Vec theta, Vec y, void *ctx)
{
  (void)adj, (void)dm, (void)x, (void)theta, (void)y, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailLocalVJP(ADJ adj, DM dm, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  (void)adj, (void)dm, (void)x, (void)theta, (void)w, (void)xbar, (void)thetabar, (void)ctx;
  return PETSC_ERR_USER;
}

static PetscErrorCode FailLocalJVP(ADJ adj, DM dm, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  (void)adj, (void)dm, (void)x, (void)theta, (void)xdot, (void)thetadot, (void)ydot, (void)ctx;
  return PETSC_ERR_USER;
}

/* Direct calls of what was installed, as the solvers make them */
static PetscErrorCode CallAll(ADJ adj, Vec x, Vec theta, PetscErrorCode expected, const char what[])
{
  ADJMapFn *map;
  ADJVJPFn *vjp;
  ADJJVPFn *jvp;
  void     *ctx;
  Vec       y, t;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &y));
  PetscCall(VecDuplicate(theta, &t));
  PetscCall(VecSet(y, 1.0));
  PetscCall(VecSet(t, 1.0));
  PetscCall(ADJGetMap(adj, &map, &ctx));
  PetscCall(TapError(expected, (*map)(adj, x, theta, y, ctx), "%s, map", what));
  PetscCall(ADJGetVJP(adj, &vjp, &ctx));
  PetscCall(TapError(expected, (*vjp)(adj, x, theta, x, y, t, ctx), "%s, VJP", what));
  PetscCall(ADJGetJVP(adj, &jvp, &ctx));
  PetscCall(TapError(expected, (*jvp)(adj, x, theta, x, theta, y, ctx), "%s, JVP", what));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A function that fails leaves nothing locked and no local vector out; its successors work */
static PetscErrorCode TestFailures(PetscInt twidth)
{
  PatchSpec s = spec;
  Patch     p;
  Vec       g, again;
  PetscReal error;

  PetscFunctionBeginUser;
  s.twidth = twidth;
  PetscCall(PatchCreate(PETSC_COMM_WORLD, &s, &p));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(VecDuplicate(p.theta, &again));
  PetscCall(Gradient(&p, g));
  PetscCall(ADJDMDASetMapLocal(p.adj, ADJ_RESIDUAL, FailMap, NULL));
  PetscCall(ADJDMDASetVJPLocal(p.adj, FailVJP, NULL));
  PetscCall(ADJDMDASetJVPLocal(p.adj, FailJVP, NULL));
  PetscCall(CallAll(p.adj, p.x, p.theta, PETSC_ERR_USER, "failing functions on arrays"));
  PetscCall(ADJDMDASetFunctionLocal(p.adj, FailFunction, NULL));
  PetscCall(CallAll(p.adj, p.x, p.theta, PETSC_ERR_USER, "failing functions on arrays, without theta"));
  PetscCall(ADJDMSetMapLocal(p.adj, ADJ_RESIDUAL, FailLocalMap, NULL));
  PetscCall(ADJDMSetVJPLocal(p.adj, FailLocalVJP, NULL));
  PetscCall(ADJDMSetJVPLocal(p.adj, FailLocalJVP, NULL));
  PetscCall(CallAll(p.adj, p.x, p.theta, PETSC_ERR_USER, "failing functions on local vectors"));
  PetscCall(ADJDMDASetMapLocal(p.adj, ADJ_RESIDUAL, PatchMap, &p.spec));
  PetscCall(ADJDMDASetVJPLocal(p.adj, PatchVJP, &p.spec));
  PetscCall(ADJDMDASetJVPLocal(p.adj, PatchJVP, &p.spec));
  PetscCall(CallAll(p.adj, p.x, p.theta, PETSC_SUCCESS, "the right functions again"));
  PetscCall(Gradient(&p, again));
  PetscCall(VecDistance(g, again, &error));
  PetscCall(TapBelow(error, 1e-12, "the gradient is as before"));
  PetscCall(VecDestroy(&g));
  PetscCall(VecDestroy(&again));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution belongs to its function */
static PetscErrorCode TestReplacement(void)
{
  Patch p;
  Vec   g;

  PetscFunctionBeginUser;
  PetscCall(PatchCreate(PETSC_COMM_WORLD, &spec, &p));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJDMDASetMapLocal(p.adj, ADJ_FORM_UNSET, PatchMap, &p.spec), "a form that is none"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJDMSetMapLocal(p.adj, ADJ_FORM_UNSET, FailLocalMap, NULL), "a form that is none, local vectors"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJDMDASetMapLocal(p.adj, ADJ_RESIDUAL, PatchMap, &p.spec));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.x, g), "the same function again: the solution holds"));
  PetscCall(ADJDMDASetMapLocal(p.adj, ADJ_RESIDUAL, FailMap, &p.spec));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.x, g), "another function: it does not"));
  PetscCall(ADJDMDASetMapLocal(p.adj, ADJ_RESIDUAL, PatchMap, &p.spec));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJDMDASetVJPLocal(p.adj, NULL, NULL));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(p.adj, p.x, g), "no VJP any more"));
  PetscCall(ADJDMDASetVJPLocal(p.adj, PatchVJP, &p.spec));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(p.adj, p.x, g), "and again"));
  PetscCall(VecDestroy(&g));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Blocks are no small set */
static PetscErrorCode TestNest(void)
{
  PatchSpec s = spec;
  Patch     p;
  Vec       nest;

  PetscFunctionBeginUser;
  s.twidth = -1;
  PetscCall(PatchCreate(PETSC_COMM_WORLD, &s, &p));
  PetscCall(VecCreateNest(PETSC_COMM_WORLD, 1, NULL, &p.theta, &nest));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(p.adj, nest, p.x), "parameters in blocks, without a DM"));
  PetscCall(VecDestroy(&nest));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Affine constraints have no transpose */
static PetscErrorCode TestBias(void)
{
  Plex      p;
  Mat       C;
  Vec       bias, g;
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(PlexCreate(PETSC_COMM_WORLD, PLEX_TIED, 2, &p));
  PetscCall(DMGetDefaultConstraints(p.dm, NULL, &C, NULL));
  PetscCall(MatCreateVecs(C, NULL, &bias));
  PetscCall(PlexTie(p.dm, 0.5, bias));
  PetscCall(VecDestroy(&bias));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(ADJSetObjective(p.adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(TapError(PETSC_ERR_SUP, ADJComputeObjectiveAndGradient(p.adj, p.theta, &value, g), "constraints with a bias"));
  PetscCall(DMSetDefaultConstraints(p.dm, NULL, NULL, NULL)); /* DMDestroy() forgets the bias */
  PetscCall(VecDestroy(&g));
  PetscCall(PlexDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestDM());
  PetscCall(TestCommunicator());
  PetscCall(TestFailures(1));
  PetscCall(TestFailures(-1));
  PetscCall(TestReplacement());
  PetscCall(TestNest());
  PetscCall(TestBias());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
