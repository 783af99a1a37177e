/*
   Gradient of a calibration: how does the misfit between computed and observed groundwater heads change with the
   conductivity of each cell of the aquifer?

     minimize  f(theta) = 1/2 sum_o ((h(x_o) - head_o)/sigma)^2 + a/2 int |grad theta|^2

   where theta = log conductivity and the head h solves the steady flow equation (groundwater/aquifer.h). One adjoint
   solve gives the derivative with respect to all cells.

     mpiexec -n 2 ./groundwater -da_grid_x 320 -da_grid_y 320
     mpiexec -n 2 ./groundwater -da_grid_x 320 -da_grid_y 320 -form fixed_point
     mpiexec -n 4 ./groundwater -dim 3 -da_grid_x 48 -da_grid_y 48 -da_grid_z 24 -form fixed_point
     mpiexec -n 2 ./groundwater -invert -da_grid_x 320 -da_grid_y 320 -options_file petsc-options/invert.opts -panel inversion
     mpiexec -n 2 ./groundwater -invert -da_grid_x 128 -da_grid_y 128 -sigma 0.01 -reg_weight 10 -options_file petsc-options/invert-newton.opts
     ./groundwater -vtk aquifer                           # aquifer.vts for ParaView: head, theta, gradient
     ./groundwater -wells mine.csv -observations mine_too.csv -theta field.h5
     ./groundwater -theta_view binary:field.bin           # writes a field that -theta reads
     ./groundwater -form fixed_point -step_pc_mg_cycle_type v -step_cycles 2 -adj_ksp_type richardson
     ./groundwater -form fixed_point -options_file petsc-options/unrolled-binomial.opts
     ./groundwater -adj_test_vjp -adj_test_gradient -adj_trust_view -log_view

   nsize: 1 2
   args: -da_grid_x 24 -da_grid_y 19 -options_file petsc-options/newton-krylov-forward.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/tight-trust.opts -taylor 0
   args: -dim 3 -da_grid_x 8 -da_grid_y 9 -da_grid_z 7 -form fixed_point -options_file petsc-options/fixed-point-adjoint.opts -taylor 0
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/onestep.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/neumann.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/truncated.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/unrolled.opts -taylor 0
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/unrolled-binomial.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/unrolled-online.opts -taylor 0
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/unrolled-disk.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/reversible.opts -step_omega 0.5
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/auto.opts
   args: -da_grid_x 24 -da_grid_y 19 -form fixed_point -options_file petsc-options/piggyback.opts
*/
static char help[] = "Gradient of the misfit of groundwater heads with respect to the conductivity of each cell,\n\
through a Newton-Krylov solver (-form residual) or a multigrid iteration (-form fixed_point);\n\
with -invert the conductivity that the heads belong to.\n\n";

#include "groundwater/inversion.h"

typedef struct {
  PetscBool taylor, invert;
  char      vtk[PETSC_MAX_PATH_LEN]; /* empty: no file */
} Options;

typedef struct {
  PetscReal      objective, gradient; /* value, norm */
  PetscBool      tested;
  PetscReal      order, error;                           /* of the Taylor test */
  PetscLogDouble setup, taylor, forward, adjoint, trust; /* seconds */
} Result;

static PetscErrorCode ReadOptions(Options *o)
{
  PetscFunctionBeginUser;
  o->taylor = PETSC_TRUE;
  o->invert = PETSC_FALSE;
  o->vtk[0] = '\0';
  PetscOptionsBegin(PETSC_COMM_WORLD, NULL, "Groundwater flow: what is done", NULL);
  PetscCall(PetscOptionsBool("-taylor", "Taylor test of the gradient, eight forward solves; not of types that approximate it", NULL, o->taylor, &o->taylor, NULL));
  PetscCall(PetscOptionsBool("-invert", "Recover theta from heads in wells", NULL, o->invert, &o->invert, NULL));
  PetscCall(PetscOptionsString("-vtk", "Write head, theta and gradient to this name with .vts", NULL, o->vtk, o->vtk, sizeof(o->vtk), NULL));
  PetscOptionsEnd();
  PetscCheck(!o->vtk[0] || !PetscDefined(USE_COMPLEX), PETSC_COMM_WORLD, PETSC_ERR_SUP, "PETSc writes no VTK files with complex scalars: leave -vtk out, or use a PETSc with real scalars");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Seconds spent in an event of the library so far */
static PetscErrorCode EventTime(const char name[], PetscLogDouble *seconds)
{
  PetscEventPerfInfo info;
  PetscLogEvent      event;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(&info, sizeof(info)));
  PetscCall(PetscLogEventGetId(name, &event));
  PetscCall(PetscLogEventGetPerfInfo(PETSC_DETERMINE, event, &info));
  PetscCallMPI(MPI_Allreduce(&info.time, seconds, 1, MPI_DOUBLE, MPI_MAX, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the solution; where the gradient is that of the steps that led there, from the initial guess, which belongs to them */
static PetscErrorCode TaylorTest(ADJ adj, Vec h0, Vec h, Vec theta, Result *r)
{
  PetscLogDouble begin, end;
  PetscBool      steps;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)adj, &steps, ADJUNROLLED, ADJREVERSIBLE, ""));
  PetscCall(PetscTime(&begin));
  PetscCall(ADJTestGradient(adj, theta, steps ? h0 : h, NULL, &r->order, &r->error));
  PetscCall(PetscTime(&end));
  r->taylor = end - begin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Forward solve from h, adjoint solve, verdict; then the test, but not of types that approximate: their remainder is their error */
static PetscErrorCode Differentiate(ADJ adj, const Options *o, Vec h, Vec theta, Vec gradient, Result *r)
{
  PetscBool approximate;
  Vec       h0;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(h, &h0));
  PetscCall(VecCopy(h, h0));
  PetscCall(ADJSetSolution(adj, h));
  PetscCall(ADJComputeObjectiveAndGradient(adj, theta, &r->objective, gradient));
  PetscCall(VecNorm(gradient, NORM_2, &r->gradient));
  PetscCall(EventTime("ADJForward", &r->forward));
  PetscCall(EventTime("ADJAdjoint", &r->adjoint));
  PetscCall(EventTime("ADJTrust", &r->trust));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)adj, &approximate, ADJONESTEP, ADJNEUMANN, ADJTRUNCATED, ""));
  r->tested = (PetscBool)(o->taylor && !approximate);
  if (r->tested) PetscCall(TaylorTest(adj, h0, h, theta, r));
  PetscCall(VecDestroy(&h0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A linear solve, terms of a series, or steps of the iteration */
static PetscErrorCode PrintAdjoint(Aquifer aq, ADJ adj, PetscLogDouble seconds)
{
  KSPConvergedReason reason;
  PetscInt           its;
  PetscBool          series;

  PetscFunctionBeginUser;
  PetscCall(ADJGetAdjointReason(adj, &reason));
  PetscCall(ADJGetAdjointIterations(adj, &its));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)adj, &series, ADJNEUMANN, ADJAUTO, ""));
  if (reason)
    PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s  %3" PetscInt_FMT " iterations, %s\n", "adjoint solve", seconds, its, KSPConvergedReasons[reason]));
  else
    PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s  %3" PetscInt_FMT " %s\n", "adjoint", seconds, series ? its : PetscMax(its, 1), series ? "terms of the Neumann series beside the first" : "steps back"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintSolves(Aquifer aq, ADJ adj, const Result *r)
{
  SNESConvergedReason reason;
  PetscInt            its;

  PetscFunctionBeginUser;
  PetscCall(ADJGetForwardReason(adj, &reason));
  PetscCall(ADJGetForwardIterations(adj, &its));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s\n", "set-up", r->setup));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s  %3" PetscInt_FMT " iterations, %s\n", "forward solve", r->forward, its, SNESConvergedReasons[reason]));
  PetscCall(PrintAdjoint(aq, adj, r->adjoint));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s\n", "trust checks", r->trust));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintContraction(Aquifer aq, ADJ adj)
{
  PetscReal rho, error, rate;

  PetscFunctionBeginUser;
  PetscCall(ADJGetContraction(adj, &rho, &error));
  PetscCall(ADJGetObservedRate(adj, &rate));
  if (rho >= 0.0)
    PetscCall(PetscPrintf(aq->comm, "  %-24s %.5f +- %.1e\n", "spectral radius", (double)rho, (double)error));
  else
    PetscCall(PetscPrintf(aq->comm, "  %-24s not asked\n", "spectral radius"));
  if (aq->form == AQUIFER_FIXED_POINT && rate >= 0.0) PetscCall(PetscPrintf(aq->comm, "  %-24s %.5f\n", "observed rate", (double)rate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintTable(Aquifer aq, ADJ adj, Vec h, Vec theta, const Result *r)
{
  const PetscInt *size = aq->patch.size;
  PetscInt        n, m;
  PetscMPIInt     ranks;

  PetscFunctionBeginUser;
  PetscCall(VecGetSize(h, &n));
  PetscCall(VecGetSize(theta, &m));
  PetscCallMPI(MPI_Comm_size(aq->comm, &ranks));
  PetscCall(PetscPrintf(aq->comm, "Groundwater flow on %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " cells\n", size[0], size[1], size[2]));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %" PetscInt_FMT ", %" PetscInt_FMT "\n", "unknowns, parameters", n, m));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %d\n", "processes", ranks));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %s\n", "form", AquiferForms[aq->form]));
  PetscCall(PrintSolves(aq, adj, r));
  if (r->tested) PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s  order %.3f, central difference off by %.1e\n", "Taylor test", r->taylor, (double)r->order, (double)r->error));
  PetscCall(PrintContraction(aq, adj));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %.12g\n  %-24s %.12g\n", "objective", (double)r->objective, "norm of the gradient", (double)r->gradient));
  PetscCall(ADJTrustView(adj, PETSC_VIEWER_STDOUT_(aq->comm)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One gradient, looked at from all sides */
static PetscErrorCode RunGradient(Aquifer aq, const Options *options, PetscLogDouble begin)
{
  ADJ            adj;
  Vec            h, theta, gradient;
  Result         result = {0};
  PetscLogDouble end;

  PetscFunctionBeginUser;
  PetscCall(AquiferCreateADJ(aq, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(AquiferCreateHead(aq, &h));
  PetscCall(AquiferCreateTheta(aq, &theta));
  PetscCall(VecViewFromOptions(theta, NULL, "-theta_view"));
  PetscCall(VecDuplicate(theta, &gradient));
  PetscCall(PetscTime(&end));
  result.setup = end - begin;
  PetscCall(Differentiate(adj, options, h, theta, gradient, &result));
  PetscCall(PrintTable(aq, adj, h, theta, &result));
  PetscCall(VecViewFromOptions(gradient, NULL, "-gradient_view"));
  if (options->vtk[0]) PetscCall(AquiferWriteVTK(aq, options->vtk, h, theta, gradient));
  PetscCall(VecDestroy(&gradient));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&h));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Many gradients, and the field that they lead to */
static PetscErrorCode RunInversion(Aquifer aq)
{
  const char *const name[] = {"ADJForward", "ADJAdjoint", "ADJTrust"}, *what[] = {"forward solves", "adjoint solves", "trust checks"};
  Inversion         inv;
  PetscLogDouble    begin, end, seconds;

  PetscFunctionBeginUser;
  PetscCall(InversionCreate(aq, &inv));
  PetscCall(PetscTime(&begin));
  PetscCall(InversionSolve(inv));
  PetscCall(PetscTime(&end));
  PetscCall(InversionView(inv));
  PetscCall(PetscPrintf(aq->comm, "  %-24s %.2f s\n", "inversion", end - begin));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(EventTime(name[i], &seconds));
    PetscCall(PetscPrintf(aq->comm, "    %-22s %.2f s\n", what[i], seconds));
  }
  PetscCall(VecViewFromOptions(inv->theta, NULL, "-theta_view"));
  PetscCall(InversionDestroy(&inv));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Aquifer        aq;
  Options        options;
  PetscLogDouble begin;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscLogDefaultBegin());
  PetscCall(PetscTime(&begin));
  PetscCall(ReadOptions(&options));
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &aq));
  PetscCall(AquiferSetFromOptions(aq));
  PetscCall(AquiferSetUp(aq));
  if (options.invert)
    PetscCall(RunInversion(aq));
  else
    PetscCall(RunGradient(aq, &options, begin));
  PetscCall(AquiferDestroy(&aq));
  PetscCall(PetscFinalize());
  return 0;
}
