/*
   The inversion: options, the optimization over theta, and what came of it.
*/
#include "inversion.h"

const char *const WeightTypes[] = {"fixed", "discrepancy", "WeightType", "WEIGHT_", NULL};

static PetscErrorCode CheckOptions(Inversion inv)
{
  MPI_Comm comm = inv->aq->comm;

  PetscFunctionBeginUser;
  PetscCheck(!PetscDefined(USE_COMPLEX), comm, PETSC_ERR_SUP, "Tao minimizes over real variables only: leave -invert out, or use a PETSc with real scalars");
  PetscCheck(inv->noise >= 0.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-twin_noise is %g, it must not be negative", (double)inv->noise);
  PetscCheck(inv->interval >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "-vtk_series_interval is %" PetscInt_FMT ", it must be at least 1", inv->interval);
  PetscCheck(!inv->bounded || inv->bounds[0] < inv->bounds[1], comm, PETSC_ERR_ARG_OUTOFRANGE, "-theta_bounds %g,%g: the first must be the smaller", (double)inv->bounds[0], (double)inv->bounds[1]);
  PetscCheck(inv->weighttol > 0.0, comm, PETSC_ERR_ARG_OUTOFRANGE, "-reg_weight_tol is %g, it must be positive", (double)inv->weighttol);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadOptions(Inversion inv)
{
  PetscInt n[2] = {3, 2};

  PetscFunctionBeginUser;
  PetscOptionsBegin(inv->aq->comm, NULL, "Groundwater flow: inversion", NULL);
  PetscCall(PetscOptionsBool("-twin", "Make the observations from a true field; else those of -observations", NULL, inv->twin, &inv->twin, NULL));
  PetscCall(PetscOptionsString("-truth", "File of the true field, as -theta", NULL, inv->truthfile, inv->truthfile, sizeof(inv->truthfile), NULL));
  PetscCall(PetscOptionsReal("-truth_contrast", "Log conductivity of the built-in channels above their surroundings", NULL, inv->contrast, &inv->contrast, NULL));
  PetscCall(PetscOptionsReal("-truth_background", "Standard deviation of the log conductivity around them", NULL, inv->background, &inv->background, NULL));
  PetscCall(PetscOptionsIntArray("-twin_wells", "Lattice of observed wells in x, y, z", NULL, inv->lattice, &n[0], NULL));
  PetscCall(PetscOptionsReal("-twin_noise", "Standard deviation of the noise; default: -sigma", NULL, inv->noise, &inv->noise, NULL));
  PetscCall(PetscOptionsInt("-twin_seed", "Seed of the noise", NULL, inv->seed, &inv->seed, NULL));
  PetscCall(PetscOptionsRealArray("-theta_bounds", "Smallest and largest log conductivity", NULL, inv->bounds, &n[1], &inv->bounded));
  PetscCall(PetscOptionsBool("-prior", "The regularization as preconditioner of Newton's method", NULL, inv->prior, &inv->prior, NULL));
  PetscCall(PetscOptionsEnum("-reg_weight_type", "The weight of the regularization is -reg_weight, or such that the misfit is the noise", NULL, WeightTypes, (PetscEnum)inv->weighttype, (PetscEnum *)&inv->weighttype, NULL));
  PetscCall(PetscOptionsReal("-reg_weight_tol", "Relative to the noise, for discrepancy", NULL, inv->weighttol, &inv->weighttol, NULL));
  PetscCall(PetscOptionsInt("-reg_weight_max_it", "Inversions for discrepancy, at most", NULL, inv->weightmax, &inv->weightmax, NULL));
  PetscCall(PetscOptionsString("-vtk_series", "Files for ParaView with this name, _0000.vts, ..., and .pvd", NULL, inv->series, inv->series, sizeof(inv->series), NULL));
  PetscCall(PetscOptionsInt("-vtk_series_interval", "Iterations from one to the next", NULL, inv->interval, &inv->interval, NULL));
  PetscCall(PetscOptionsString("-panel", "Files with this name for panel.gp", NULL, inv->panel, inv->panel, sizeof(inv->panel), NULL));
  PetscCall(PetscOptionsBool("-quiet", "No line for each iteration", NULL, inv->quiet, &inv->quiet, NULL));
  PetscOptionsEnd();
  PetscCheck(!inv->bounded || n[1] == 2, inv->aq->comm, PETSC_ERR_ARG_SIZ, "-theta_bounds needs two numbers");
  PetscCall(CheckOptions(inv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bounds, a tolerance relative to the first gradient, which depends on the mesh, and the line for each iteration; all of it before the options */
static PetscErrorCode SetUpTao(Inversion inv)
{
  Tao tao;
  Vec lower, upper;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTao(inv->adj, &tao));
  PetscCall(TaoSetSolution(tao, inv->theta));
  PetscCall(ADJSetTao(inv->adj, tao));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSetTolerances(tao, 0.0, 0.0, 1e-3));
  PetscCall(ADJTaoMonitorSet(tao, ProgressMonitor, inv, NULL));
  if (!inv->bounded) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(inv->theta, &lower));
  PetscCall(VecDuplicate(inv->theta, &upper));
  PetscCall(VecSet(lower, inv->bounds[0]));
  PetscCall(VecSet(upper, inv->bounds[1]));
  PetscCall(TaoSetVariableBounds(tao, lower, upper));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The aquifer must outlive it, and loses the field to start from unless one was given: nothing is known of it */
PetscErrorCode InversionCreate(Aquifer aq, Inversion *inversion)
{
  Inversion inv;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&inv));
  inv->aq         = aq;
  inv->twin       = PETSC_TRUE;
  inv->prior      = PETSC_TRUE;
  inv->contrast   = 2.0;
  inv->background = 0.3;
  inv->noise      = aq->sigma;
  inv->seed       = 1;
  inv->interval   = 10;
  inv->weighttol  = 0.02;
  inv->weightmax  = 12;
  for (PetscInt d = 0; d < 3; d++) inv->lattice[d] = aq->dim == 2 ? (d < 2 ? 16 : 1) : (d < 2 ? 8 : 4);
  PetscCall(ReadOptions(inv));
  if (!aq->thetafile[0]) PetscCall(VecSet(aq->theta, 0.0));
  PetscCall(AquiferCreateADJ(aq, &inv->adj));
  PetscCall(ADJSetFromOptions(inv->adj));
  PetscCall(AquiferCreateHead(aq, &inv->h));
  if (inv->twin) PetscCall(TwinCreate(inv));
  PetscCall(VecDestroy(&inv->h));
  PetscCall(AquiferCreateHead(aq, &inv->h));
  PetscCall(ADJSetSolution(inv->adj, inv->h));
  PetscCall(VecDuplicate(aq->theta, &inv->theta));
  PetscCall(VecCopy(aq->theta, inv->theta));
  PetscCall(PetscObjectSetName((PetscObject)inv->theta, "theta"));
  PetscCall(SetUpTao(inv));
  *inversion = inv;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the optimizer has reached, before anything else is asked of it */
PetscErrorCode InversionRecord(Inversion inv)
{
  Tao tao;
  Vec h;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTao(inv->adj, &tao));
  PetscCall(TaoGetSolutionStatus(tao, &inv->its, &inv->objective, &inv->norm, NULL, NULL, &inv->reason));
  PetscCall(ADJGetRejected(inv->adj, &inv->rejected));
  PetscCall(ADJGetSolution(inv->adj, &h));
  PetscCall(AquiferGetMisfit(inv->aq, h, &inv->misfit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode InversionSolve(Inversion inv)
{
  PetscFunctionBeginUser;
  if (inv->prior) PetscCall(PriorAttach(inv));
  PetscCall(ProgressBegin(inv));
  if (inv->weighttype == WEIGHT_DISCREPANCY)
    PetscCall(WeightSolve(inv));
  else {
    PetscCall(ADJMinimize(inv->adj, inv->theta));
    PetscCall(InversionRecord(inv));
  }
  PetscCall(ProgressEnd(inv));
  if (inv->panel[0]) PetscCall(PanelWrite(inv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |theta - truth|/|start - truth|, and the correlation of theta with the truth */
PetscErrorCode InversionCompare(Inversion inv, PetscReal *error, PetscReal *correlation)
{
  Vec         a, b;
  PetscScalar mean[2], dot;
  PetscInt    n;
  PetscReal   start, norm[2];

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(inv->theta, &a));
  PetscCall(VecDuplicate(inv->theta, &b));
  PetscCall(VecWAXPY(a, -1.0, inv->truth, inv->aq->theta));
  PetscCall(VecNorm(a, NORM_2, &start));
  PetscCall(VecWAXPY(a, -1.0, inv->truth, inv->theta));
  PetscCall(VecNorm(a, NORM_2, error));
  *error /= start;
  PetscCall(VecGetSize(a, &n));
  PetscCall(VecCopy(inv->theta, a));
  PetscCall(VecCopy(inv->truth, b));
  PetscCall(VecSum(a, &mean[0]));
  PetscCall(VecSum(b, &mean[1]));
  PetscCall(VecShift(a, -mean[0] / (PetscReal)n));
  PetscCall(VecShift(b, -mean[1] / (PetscReal)n));
  PetscCall(VecDot(a, b, &dot));
  PetscCall(VecNorm(a, NORM_2, &norm[0]));
  PetscCall(VecNorm(b, NORM_2, &norm[1]));
  *correlation = norm[0] > 0.0 && norm[1] > 0.0 ? PetscRealPart(dot) / (norm[0] * norm[1]) : 0.0;
  PetscCall(VecDestroy(&a));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What came of it, to standard output */
PetscErrorCode InversionView(Inversion inv)
{
  MPI_Comm    comm = inv->aq->comm;
  Tao         tao;
  TaoType     type;
  PetscInt    m;
  PetscReal   error = 0.0, correlation = 0.0;
  ADJCounters n;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTao(inv->adj, &tao));
  PetscCall(TaoGetType(tao, &type));
  PetscCall(ADJGetCounters(inv->adj, &n));
  PetscCall(VecGetSize(inv->theta, &m));
  PetscCall(PetscPrintf(comm, "Inversion for %" PetscInt_FMT " parameters from %" PetscInt_FMT " heads\n", m, inv->aq->allobservations));
  PetscCall(PetscPrintf(comm, "  %-24s %s, %" PetscInt_FMT " iterations, %s\n", "optimizer", type, inv->its, TaoConvergedReasons[inv->reason]));
  PetscCall(PetscPrintf(comm, "  %-24s forward %" PetscInt_FMT ", adjoint %" PetscInt_FMT ", tangent %" PetscInt_FMT ", together %" PetscInt_FMT "\n", "solves", n.forward, n.adjoint, n.tangent, n.forward + n.adjoint + n.tangent));
  PetscCall(PetscPrintf(comm, "  %-24s %" PetscInt_FMT "\n", "rejected points", inv->rejected));
  PetscCall(PetscPrintf(comm, "  %-24s %s %.6g\n", "regularization, weight", AquiferRegTypes[inv->aq->regtype], (double)inv->aq->regweight));
  PetscCall(PetscPrintf(comm, "  %-24s %.10g, gradient %.3g\n", "objective", (double)inv->objective, (double)inv->norm));
  PetscCall(PetscPrintf(comm, "  %-24s %.4f standard deviations of a head\n", "misfit, mean square root", (double)inv->misfit));
  if (!inv->truth) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(InversionCompare(inv, &error, &correlation));
  PetscCall(PetscPrintf(comm, "  %-24s %.4f of that at the start, correlation %.4f\n", "error of theta", (double)error, (double)correlation));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode InversionDestroy(Inversion *inversion)
{
  Inversion inv = *inversion;

  PetscFunctionBeginUser;
  if (!inv) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJDestroy(&inv->adj));
  PetscCall(PetscFree(inv->well));
  PetscCall(VecDestroy(&inv->truth));
  PetscCall(VecDestroy(&inv->theta));
  PetscCall(VecDestroy(&inv->h));
  PetscCall(PetscFree(*inversion));
  PetscFunctionReturn(PETSC_SUCCESS);
}
