/*
   The aquifer's life: options, grid, and the ADJ that differentiates its solution.
*/
#include "aquifer.h"

#define LAG 100 /* R_h changes little in h: one preconditioner serves all Newton steps of a solve */

#if !defined(GROUNDWATER_DATA_DIR)
  #define GROUNDWATER_DATA_DIR "examples/data"
#endif

const char *const AquiferForms[]    = {"residual", "fixed_point", "AquiferForm", "AQUIFER_", NULL};
const char *const AquiferRegTypes[] = {"tikhonov", "h1", "tv", "AquiferRegType", "AQUIFER_", NULL};

PetscErrorCode AquiferCreate(MPI_Comm comm, Aquifer *aquifer)
{
  Aquifer aq;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&aq));
  aq->comm = comm;
  aq->form = AQUIFER_RESIDUAL;
  aq->dim  = 2;
  for (PetscInt d = 0; d < 3; d++) aq->length[d] = 1.0;
  aq->head[0]          = 12.0;
  aq->head[1]          = 8.0;
  aq->recharge         = 4.0;
  aq->drainconductance = 4.0;
  aq->drainlevel       = 9.5;
  aq->drainscale       = 0.5;
  aq->heterogeneity    = 1.0;
  aq->sigma            = 0.1;
  aq->regtype          = AQUIFER_H1;
  aq->regweight        = 0.1;
  aq->regscale         = 1.0;
  aq->stepcycles       = 1;
  aq->stepomega        = 1.0;
  PetscCall(PetscStrncpy(aq->wellsfile, GROUNDWATER_DATA_DIR "/wells.csv", sizeof(aq->wellsfile)));
  PetscCall(PetscStrncpy(aq->observationsfile, GROUNDWATER_DATA_DIR "/observations.csv", sizeof(aq->observationsfile)));
  *aquifer = aq;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckOptions(Aquifer aq)
{
  PetscFunctionBeginUser;
  PetscCheck(aq->dim == 2 || aq->dim == 3, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-dim is %" PetscInt_FMT ", it must be 2 or 3", aq->dim);
  for (PetscInt d = 0; d < aq->dim; d++) PetscCheck(aq->length[d] > 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-length: number %" PetscInt_FMT " is %g, it must be positive", d + 1, (double)aq->length[d]);
  PetscCheck(aq->drainconductance >= 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-drain_conductance is %g, it must not be negative", (double)aq->drainconductance);
  PetscCheck(aq->drainscale > 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-drain_scale is %g, it must be positive", (double)aq->drainscale);
  PetscCheck(aq->sigma > 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-sigma is %g, it must be positive", (double)aq->sigma);
  PetscCheck(aq->regweight >= 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-reg_weight is %g, it must not be negative", (double)aq->regweight);
  PetscCheck(aq->regscale > 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-reg_tv_scale is %g, it must be positive", (double)aq->regscale);
  PetscCheck(aq->stepcycles >= 1, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-step_cycles is %" PetscInt_FMT ", it must be at least 1", aq->stepcycles);
  PetscCheck(aq->stepomega > 0.0, aq->comm, PETSC_ERR_ARG_OUTOFRANGE, "-step_omega is %g, it must be positive", (double)aq->stepomega);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferSetFromOptions(Aquifer aq)
{
  PetscInt n = 3;

  PetscFunctionBeginUser;
  PetscOptionsBegin(aq->comm, NULL, "Groundwater flow", NULL);
  PetscCall(PetscOptionsEnum("-form", "State as the root of the residual, or as the fixed point of multigrid steps", NULL, AquiferForms, (PetscEnum)aq->form, (PetscEnum *)&aq->form, NULL));
  PetscCall(PetscOptionsInt("-dim", "Space dimension, 2 or 3", NULL, aq->dim, &aq->dim, NULL));
  PetscCall(PetscOptionsRealArray("-length", "Size of the aquifer in x, y, z", NULL, aq->length, &n, NULL));
  PetscCall(PetscOptionsReal("-head_west", "Head at x = 0", NULL, aq->head[0], &aq->head[0], NULL));
  PetscCall(PetscOptionsReal("-head_east", "Head at the far side in x", NULL, aq->head[1], &aq->head[1], NULL));
  PetscCall(PetscOptionsReal("-recharge", "Inflow by volume", NULL, aq->recharge, &aq->recharge, NULL));
  PetscCall(PetscOptionsReal("-drain_conductance", "Slope of the drain's flow above its level", NULL, aq->drainconductance, &aq->drainconductance, NULL));
  PetscCall(PetscOptionsReal("-drain_level", "Head above which the drain flows", NULL, aq->drainlevel, &aq->drainlevel, NULL));
  PetscCall(PetscOptionsReal("-drain_scale", "Width of the drain's smooth bend, in head", NULL, aq->drainscale, &aq->drainscale, NULL));
  PetscCall(PetscOptionsString("-wells", "File of wells x,y,z,rate; none for no wells", NULL, aq->wellsfile, aq->wellsfile, sizeof(aq->wellsfile), NULL));
  PetscCall(PetscOptionsString("-observations", "File of observed heads x,y,z,head", NULL, aq->observationsfile, aq->observationsfile, sizeof(aq->observationsfile), NULL));
  PetscCall(PetscOptionsReal("-sigma", "Standard deviation of an observed head", NULL, aq->sigma, &aq->sigma, NULL));
  PetscCall(PetscOptionsEnum("-reg_type", "Regularization: the square of theta less the first one, of its gradient, or smoothed total variation", NULL, AquiferRegTypes, (PetscEnum)aq->regtype, (PetscEnum *)&aq->regtype, NULL));
  PetscCall(PetscOptionsReal("-reg_weight", "Weight of the regularization in the objective", NULL, aq->regweight, &aq->regweight, NULL));
  PetscCall(PetscOptionsReal("-reg_tv_scale", "Slope of theta below which total variation is quadratic", NULL, aq->regscale, &aq->regscale, NULL));
  PetscCall(PetscOptionsReal("-heterogeneity", "Standard deviation of the built-in log conductivity", NULL, aq->heterogeneity, &aq->heterogeneity, NULL));
  PetscCall(PetscOptionsString("-theta", "File of the log conductivity, x fastest: PETSc binary, or HDF5 (.h5, dataset theta, flat or in rows)", NULL, aq->thetafile, aq->thetafile, sizeof(aq->thetafile), NULL));
  PetscCall(PetscOptionsInt("-step_cycles", "Multigrid cycles in a step of the fixed-point form", NULL, aq->stepcycles, &aq->stepcycles, NULL));
  PetscCall(PetscOptionsReal("-step_omega", "Damping of a step of the fixed-point form", NULL, aq->stepomega, &aq->stepomega, NULL));
  PetscOptionsEnd();
  PetscCall(CheckOptions(aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpGrid(Aquifer aq)
{
  const PetscInt n = aq->dim == 2 ? 64 : 16;
  AquiferPatch  *g = &aq->patch;
  PetscInt       low[3], width[3];

  PetscFunctionBeginUser;
  PetscCall(DMDACreate(aq->comm, &aq->da));
  PetscCall(DMSetDimension(aq->da, aq->dim));
  PetscCall(DMDASetSizes(aq->da, n, n, aq->dim == 2 ? 1 : n));
  PetscCall(DMDASetDof(aq->da, 1));
  PetscCall(DMDASetStencilType(aq->da, DMDA_STENCIL_STAR));
  PetscCall(DMDASetStencilWidth(aq->da, 1));
  PetscCall(DMSetFromOptions(aq->da));
  PetscCall(DMSetUp(aq->da));
  PetscCall(DMDAGetInfo(aq->da, NULL, &g->size[0], &g->size[1], &g->size[2], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
  PetscCall(DMDAGetCorners(aq->da, &g->start[0], &g->start[1], &g->start[2], &g->count[0], &g->count[1], &g->count[2]));
  PetscCall(DMDAGetGhostCorners(aq->da, &low[0], &low[1], &low[2], &width[0], &width[1], &width[2]));
  g->owned     = g->count[0] * g->count[1] * g->count[2];
  g->ghosted   = width[0] * width[1] * width[2];
  g->stride[0] = 1;
  g->stride[1] = width[0];
  g->stride[2] = width[0] * width[1];
  g->first     = 0;
  aq->volume   = 1.0;
  for (PetscInt d = 0; d < 3; d++) {
    g->first += (g->start[d] - low[d]) * g->stride[d];
    if (d < aq->dim) aq->volume *= aq->length[d] / g->size[d];
  }
  for (PetscInt d = 0; d < aq->dim; d++) aq->coefficient[d] = aq->volume * PetscSqr(g->size[d] / aq->length[d]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Everything but the solvers: grid, wells, observations, the field to start from, the matrix */
PetscErrorCode AquiferSetUp(Aquifer aq)
{
  PetscFunctionBeginUser;
  PetscCall(SetUpGrid(aq));
  PetscCall(DMCreateGlobalVector(aq->da, &aq->source));
  PetscCall(AquiferReadWells(aq));
  PetscCall(AquiferReadObservations(aq));
  PetscCall(AquiferCreateTheta(aq, &aq->theta));
  PetscCall(AquiferCreateMatrix(aq, &aq->P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferDestroy(Aquifer *aquifer)
{
  Aquifer aq = *aquifer;

  PetscFunctionBeginUser;
  if (!aq) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < 4; i++) PetscCall(VecDestroy(&aq->stepwork[i]));
  PetscCall(PCDestroy(&aq->stepPC));
  PetscCall(MatDestroy(&aq->P));
  PetscCall(PetscFree2(aq->observedcell, aq->observedhead));
  PetscCall(VecDestroy(&aq->theta));
  PetscCall(VecDestroy(&aq->source));
  PetscCall(DMDestroy(&aq->da));
  PetscCall(PetscFree(*aquifer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Head falling linearly from the west to the east: the initial guess */
PetscErrorCode AquiferCreateHead(Aquifer aq, Vec *h)
{
  const AquiferPatch *g = &aq->patch;
  PetscScalar        *hh;

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(aq->da, h));
  PetscCall(PetscObjectSetName((PetscObject)*h, "head"));
  PetscCall(VecGetArrayWrite(*h, &hh));
  for (PetscInt own = 0; own < g->owned; own++) {
    const PetscReal x = (g->start[0] + own % g->count[0] + 0.5) / g->size[0];

    hh[own] = (1.0 - x) * aq->head[0] + x * aq->head[1];
  }
  PetscCall(VecRestoreArrayWrite(*h, &hh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   R_h is self-adjoint and positive definite while everything is real: conjugate gradients with smoothed aggregation, for
   Newton's method, the adjoint and the tangent alike. Complex conductivities keep the default, GMRES
*/
PetscErrorCode AquiferSetLinearDefaults(KSP ksp)
{
  PC pc;

  PetscFunctionBeginUser;
  if (!PetscDefined(USE_COMPLEX)) PetscCall(KSPSetType(ksp, KSPCG));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCGAMG));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Newton's method, with one multigrid for several steps */
PetscErrorCode AquiferSetForwardDefaults(SNES snes)
{
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(SNESSetLagPreconditioner(snes, LAG));
  PetscCall(SNESGetKSP(snes, &ksp));
  PetscCall(AquiferSetLinearDefaults(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetResidualForm(Aquifer aq, ADJ adj)
{
  SNES snes;
  KSP  ksp;

  PetscFunctionBeginUser;
  PetscCall(ADJSetResidual(adj, AquiferResidual, aq));
  PetscCall(ADJSetJVP(adj, AquiferJVP, aq));
  PetscCall(ADJSetVJP(adj, AquiferVJP, aq));
  PetscCall(ADJSetSecondVJP(adj, AquiferSecondVJP, aq));
  PetscCall(ADJSetLinearize(adj, AquiferLinearize, aq));
  PetscCall(ADJSetPreconditioner(adj, aq->P));
  PetscCall(ADJGetSNES(adj, &snes));
  PetscCall(AquiferSetForwardDefaults(snes));
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(AquiferSetLinearDefaults(ksp));
  PetscCall(ADJGetTangentKSP(adj, &ksp));
  PetscCall(AquiferSetLinearDefaults(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetFixedPointForm(Aquifer aq, ADJ adj)
{
  PetscFunctionBeginUser;
  PetscCall(AquiferStepSetUp(aq));
  PetscCall(ADJSetFixedPoint(adj, AquiferStep, aq));
  PetscCall(ADJSetJVP(adj, AquiferStepJVP, aq));
  PetscCall(ADJSetVJP(adj, AquiferStepVJP, aq));
  PetscCall(ADJSetSecondVJP(adj, AquiferStepSecondVJP, aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution map theta -> h in the chosen form, and the objective; the aquifer must outlive it */
PetscErrorCode AquiferCreateADJ(Aquifer aq, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(aq->comm, adj));
  if (aq->form == AQUIFER_RESIDUAL)
    PetscCall(SetResidualForm(aq, *adj));
  else
    PetscCall(SetFixedPointForm(aq, *adj));
  PetscCall(ADJSetObjective(*adj, AquiferObjective, aq));
  PetscCall(ADJSetObjectiveHessian(*adj, AquiferObjectiveHessian, aq));
  PetscFunctionReturn(PETSC_SUCCESS);
}
