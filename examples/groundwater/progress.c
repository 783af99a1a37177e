/*
   A line for each iteration of the inversion, with an estimate of the time that is left.
*/
#include "inversion.h"

PetscErrorCode ProgressBegin(Inversion inv)
{
  Progress *p = &inv->progress;
  char      file[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  p->target = 0.0;
  PetscCall(PetscTime(&p->begin));
  if (inv->panel[0] && !p->history) {
    PetscCall(PetscSNPrintf(file, sizeof(file), "%s_history.csv", inv->panel));
    PetscCall(PetscFOpen(inv->aq->comm, file, "w", &p->history));
    PetscCall(PetscFPrintf(inv->aq->comm, p->history, "iteration,objective,misfit,gradient,forward,adjoint,tangent,seconds\n"));
  }
  if (!inv->quiet) PetscCall(PetscPrintf(inv->aq->comm, "   it     objective    misfit   |gradient|      step  verdict      forward adjoint tangent   elapsed  remaining\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient norm that ends the optimization, by the tolerances of the Tao */
static PetscErrorCode FindTarget(Tao tao, PetscReal f, PetscReal first, PetscReal *target)
{
  PetscReal gatol, grtol, gttol;

  PetscFunctionBeginUser;
  PetscCall(TaoGetTolerances(tao, &gatol, &grtol, &gttol));
  *target = PetscMax(PetscMax(gatol, grtol * PetscAbsReal(f)), gttol * first);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Seconds left if the logarithm of the smallest gradient norm goes on falling as in the last iterations, or, if it did not fall there, as
   since the start; no more than until the largest number of iterations. < 0: unknown
*/
static PetscErrorCode EstimateRemaining(Progress *p, Tao tao, PetscInt it, PetscReal norm, PetscLogDouble now, PetscLogDouble *left)
{
  const PetscInt back = PetscMin(it, PROGRESS_WINDOW - 1), then = (it - back) % PROGRESS_WINDOW, here = it % PROGRESS_WINDOW;
  PetscInt       most;
  PetscReal      fall, its;

  PetscFunctionBeginUser;
  p->norm[here] = it ? PetscMin(norm, p->norm[(it - 1) % PROGRESS_WINDOW]) : norm;
  p->when[here] = now;
  *left         = -1.0;
  if (it == 0) p->first = norm;
  if (!back || !(p->norm[here] > 0.0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoGetMaximumIterations(tao, &most));
  its  = (PetscReal)(most - it);
  fall = PetscLogReal(p->norm[then] / p->norm[here]) / back;
  if (fall <= 0.0) fall = PetscLogReal(p->first / p->norm[here]) / it;
  if (fall > 0.0 && p->target > 0.0) its = PetscMin(its, PetscMax(0.0, PetscLogReal(p->norm[here] / p->target) / fall));
  *left = (now - p->when[then]) / back * its;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintDuration(MPI_Comm comm, PetscLogDouble seconds)
{
  PetscFunctionBeginUser;
  if (seconds < 0.0)
    PetscCall(PetscPrintf(comm, "         -"));
  else if (seconds < 600.0)
    PetscCall(PetscPrintf(comm, "  %6.1f s", seconds));
  else
    PetscCall(PetscPrintf(comm, " %5.1f min", seconds / 60.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solves are those of the ADJ since it was created, with that of the twin */
PetscErrorCode ProgressMonitor(Tao tao, void *ctx)
{
  Inversion          inv  = (Inversion)ctx;
  Progress          *p    = &inv->progress;
  MPI_Comm           comm = inv->aq->comm;
  PetscInt           it;
  PetscReal          f, norm, step, misfit;
  TaoConvergedReason reason;
  PetscLogDouble     now, left;
  ADJTrust           trust;
  ADJCounters        n;
  Vec                h;

  PetscFunctionBeginUser;
  PetscCall(TaoGetSolutionStatus(tao, &it, &f, &norm, NULL, &step, &reason));
  PetscCall(PetscTime(&now));
  now -= p->begin;
  PetscCallMPI(MPI_Bcast(&now, 1, MPI_DOUBLE, 0, comm));
  if (it == 0) PetscCall(FindTarget(tao, f, norm, &p->target));
  PetscCall(EstimateRemaining(p, tao, it, norm, now, &left));
  PetscCall(ADJGetTrust(inv->adj, &trust));
  PetscCall(ADJGetCounters(inv->adj, &n));
  PetscCall(ADJGetSolution(inv->adj, &h));
  PetscCall(AquiferGetMisfit(inv->aq, h, &misfit));
  if (!inv->quiet) {
    PetscCall(PetscPrintf(comm, " %4" PetscInt_FMT "  %12.6g  %8.4g  %11.4g  %8.2g  %-11s %8" PetscInt_FMT "%8" PetscInt_FMT "%8" PetscInt_FMT, it, (double)f, (double)misfit, (double)norm, (double)step, ADJTrusts[trust], n.forward, n.adjoint, n.tangent));
    PetscCall(PrintDuration(comm, now));
    PetscCall(PrintDuration(comm, left));
    PetscCall(PetscPrintf(comm, "\n"));
  }
  if (inv->panel[0]) PetscCall(PetscFPrintf(comm, p->history, "%" PetscInt_FMT ",%.10g,%.6g,%.6g,%" PetscInt_FMT ",%" PetscInt_FMT ",%" PetscInt_FMT ",%.2f\n", it, (double)f, (double)misfit, (double)norm, n.forward, n.adjoint, n.tangent, now));
  if (inv->series[0] && it % inv->interval == 0) PetscCall(SeriesWrite(inv, it));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ProgressEnd(Inversion inv)
{
  PetscFunctionBeginUser;
  if (inv->panel[0]) PetscCall(PetscFClose(inv->aq->comm, inv->progress.history));
  inv->progress.history = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}
