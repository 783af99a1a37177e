static char help[] = "One method of differentiation on one problem: a line of comma-separated values.\n"
                     "  -problem <groundwater,slow,fast> : the flagship as a fixed point, or a smoother that contracts by about 0.99 or 0.1\n"
                     "  -rho <0.99, 0.1>                 : another rate for the smoother\n"
                     "  -da_grid_x <320>, -da_grid_y     : the grid\n"
                     "  -label <text>                    : what the method is called in the output; it is chosen by the options of the ADJ\n"
                     "  -reference <file>                : the gradient that counts as the right one\n"
                     "  -write_reference <file>          : write the gradient, and nothing else\n"
                     "  -repeat <5>                      : gradients with their verdict, of which times are the medians; 0: no verdict\n"
                     "  -header                          : print the names of the columns first\n\n";

/*
   links: examples/groundwater tests/bench/smoother
*/
#include "../../examples/groundwater/aquifer.h"
#include "smoother/smoother.h"
#include <sys/resource.h>

#define MAXREPEAT 101

typedef enum {
  PROBLEM_GROUNDWATER,
  PROBLEM_SLOW,
  PROBLEM_FAST
} Problem;
static const char *const Problems[] = {"groundwater", "slow", "fast", "Problem", "PROBLEM_", NULL};

typedef struct {
  Problem   problem;
  PetscReal rho;
  PetscInt  repeat;
  PetscBool header;
  char      label[64], reference[PETSC_MAX_PATH_LEN], output[PETSC_MAX_PATH_LEN];
} Options;

typedef struct {
  Aquifer   aq;
  Smoother  smoother;
  ADJ       adj;
  Vec       theta, x0, x, gradient;
  PetscInt  n;
  ADJVJPFn *vjp; /* of the problem; the one that is set counts its calls */
  void     *vjpctx;
  PetscInt  calls;
} Bench;

/* Bytes over all processes */
typedef struct {
  PetscLogDouble vectors;          /* allocated by PETSc, the most at a time beyond what there was before */
  PetscLogDouble resident, before; /* resident in memory, at most, and before the first gradient */
} Memory;

typedef struct {
  ADJCounters    counters; /* of one gradient */
  PetscInt       calls;    /* of the VJP */
  PetscInt       steps;
  PetscReal      seconds[3], rho, error;
  Memory         memory;
  ADJTrustReport report;
} Result;

static PetscErrorCode ReadOptions(Options *o)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(o, sizeof(*o)));
  o->repeat = 5;
  o->rho    = -1.0;
  PetscOptionsBegin(PETSC_COMM_WORLD, NULL, "Benchmark of one method", NULL);
  PetscCall(PetscOptionsEnum("-problem", "What is differentiated", NULL, Problems, (PetscEnum)o->problem, (PetscEnum *)&o->problem, NULL));
  PetscCall(PetscOptionsReal("-rho", "Rate of the smoother", NULL, o->rho, &o->rho, NULL));
  PetscCall(PetscOptionsInt("-repeat", "Gradients with their verdict", NULL, o->repeat, &o->repeat, NULL));
  PetscCall(PetscOptionsBool("-header", "Names of the columns", NULL, o->header, &o->header, NULL));
  PetscCall(PetscOptionsString("-label", "Name of the method", NULL, o->label, o->label, sizeof(o->label), NULL));
  PetscCall(PetscOptionsString("-reference", "File of the right gradient", NULL, o->reference, o->reference, sizeof(o->reference), NULL));
  PetscCall(PetscOptionsString("-write_reference", "File to write the gradient to", NULL, o->output, o->output, sizeof(o->output), NULL));
  PetscOptionsEnd();
  PetscCheck(o->repeat >= 0 && o->repeat <= MAXREPEAT, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-repeat must be from 0 to %d", MAXREPEAT);
  if (o->rho < 0.0) o->rho = o->problem == PROBLEM_SLOW ? 0.99 : 0.1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CountedVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Bench *b = (Bench *)ctx;

  PetscFunctionBeginUser;
  b->calls++;
  PetscCall((*b->vjp)(adj, x, theta, w, xbar, thetabar, b->vjpctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateAquifer(Bench *b)
{
  PetscFunctionBeginUser;
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &b->aq));
  PetscCall(AquiferSetFromOptions(b->aq));
  b->aq->form = AQUIFER_FIXED_POINT;
  PetscCall(AquiferSetUp(b->aq));
  PetscCall(AquiferCreateADJ(b->aq, &b->adj));
  PetscCall(AquiferCreateHead(b->aq, &b->x0));
  PetscCall(VecDuplicate(b->aq->theta, &b->theta));
  PetscCall(VecCopy(b->aq->theta, b->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateSmoother(Bench *b, PetscReal rho)
{
  PetscFunctionBeginUser;
  PetscCall(SmootherCreate(PETSC_COMM_WORLD, rho, &b->smoother));
  PetscCall(SmootherTestProducts(b->smoother));
  PetscCall(SmootherCreateADJ(b->smoother, &b->adj));
  PetscCall(SmootherCreateVecs(b->smoother, &b->x0, &b->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BenchCreate(const Options *o, Bench *b)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(b, sizeof(*b)));
  if (o->problem == PROBLEM_GROUNDWATER)
    PetscCall(CreateAquifer(b));
  else
    PetscCall(CreateSmoother(b, o->rho));
  PetscCall(ADJGetVJP(b->adj, &b->vjp, &b->vjpctx));
  PetscCall(ADJSetVJP(b->adj, CountedVJP, b));
  PetscCall(VecGetSize(b->x0, &b->n));
  PetscCall(VecDuplicate(b->x0, &b->x));
  PetscCall(VecDuplicate(b->theta, &b->gradient));
  PetscCall(ADJSetFromOptions(b->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BenchDestroy(Bench *b)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&b->adj));
  PetscCall(VecDestroy(&b->theta));
  PetscCall(VecDestroy(&b->x0));
  PetscCall(VecDestroy(&b->x));
  PetscCall(VecDestroy(&b->gradient));
  PetscCall(AquiferDestroy(&b->aq));
  PetscCall(SmootherDestroy(&b->smoother));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the cold initial guess */
static PetscErrorCode ComputeGradient(Bench *b)
{
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(b->x0, b->x));
  PetscCall(ADJSetSolution(b->adj, b->x));
  PetscCall(ADJComputeObjectiveAndGradient(b->adj, b->theta, &value, b->gradient));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------------- Memory ----------------------------------- */

static PetscErrorCode PeakResident(PetscLogDouble *bytes)
{
  struct rusage usage;

  PetscFunctionBeginUser;
  *bytes = getrusage(RUSAGE_SELF, &usage) ? 0.0 : 1024.0 * (PetscLogDouble)usage.ru_maxrss;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where Linux lets a process do so, its peak starts again from what is resident now, without what the set-up needed for a while */
static PetscErrorCode ForgetPeakResident(void)
{
  FILE *file = fopen("/proc/self/clear_refs", "w");

  PetscFunctionBeginUser;
  if (file) {
    (void)fputs("5", file);
    (void)fclose(file);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first gradient, of the method alone: no verdict. A peak that set-up has left hides a lower one: then what is held afterwards counts */
static PetscErrorCode MeasureMemory(Bench *b, Memory *m)
{
  PetscLogDouble before, peakbefore, peak, held;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(b->adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(PetscMallocGetCurrentUsage(&before));
  PetscCall(PetscMallocGetMaximumUsage(&peakbefore));
  PetscCall(ForgetPeakResident());
  PetscCall(PeakResident(&m->before));
  PetscCall(ComputeGradient(b));
  PetscCall(PeakResident(&m->resident));
  PetscCall(PetscMallocGetCurrentUsage(&held));
  PetscCall(PetscMallocGetMaximumUsage(&peak));
  m->vectors = (peak > peakbefore ? peak : held) - before;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, m, 3, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------------ Times ------------------------------------ */

static PetscReal Median(PetscInt n, const PetscReal v[])
{
  PetscReal sorted[MAXREPEAT];

  for (PetscInt i = 0; i < n; i++) sorted[i] = v[i];
  if (PetscSortReal(n, sorted)) return -1.0;
  return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

static PetscErrorCode EventSeconds(PetscReal seconds[3])
{
  const char        *names[3] = {"ADJForward", "ADJAdjoint", "ADJTrust"};
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBeginUser;
  for (PetscInt e = 0; e < 3; e++) {
    PetscCall(PetscLogEventGetId(names[e], &event));
    PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
    seconds[e] = info.time;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each as a first gradient: the verdict measures everything anew */
static PetscErrorCode MeasureTimes(Bench *b, PetscInt repeat, PetscReal median[3])
{
  PetscReal before[3], after[3], seconds[3][MAXREPEAT];

  PetscFunctionBeginUser;
  if (repeat) PetscCall(ADJSetTrustLevel(b->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  for (PetscInt i = 0; i < PetscMax(repeat, 1); i++) {
    PetscCall(ADJReset(b->adj));
    PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    PetscCall(EventSeconds(before));
    PetscCall(ComputeGradient(b));
    PetscCall(EventSeconds(after));
    for (PetscInt e = 0; e < 3; e++) seconds[e][i] = after[e] - before[e];
  }
  for (PetscInt e = 0; e < 3; e++) median[e] = Median(PetscMax(repeat, 1), seconds[e]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------------- Output ------------------------------------ */

/* -1 where there is no reference */
static PetscErrorCode CompareGradient(Bench *b, const char file[], PetscReal *error)
{
  PetscViewer viewer;
  Vec         reference;
  PetscReal   norm;

  PetscFunctionBeginUser;
  *error = -1.0;
  if (!file[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(b->gradient, &reference));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_READ, &viewer));
  PetscCall(VecLoad(reference, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(VecNorm(reference, NORM_2, &norm));
  PetscCall(VecAXPY(reference, -1.0, b->gradient));
  PetscCall(VecNorm(reference, NORM_2, error));
  *error /= norm;
  PetscCall(VecDestroy(&reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteGradient(Bench *b, const char file[])
{
  PetscViewer viewer;

  PetscFunctionBeginUser;
  PetscCall(ComputeGradient(b));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_WRITE, &viewer));
  PetscCall(VecView(b->gradient, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintLine(const Bench *b, const Options *o, const Result *r)
{
  const ADJCounters   *c    = &r->counters;
  const ADJTrustCheck *e    = &r->report.check[ADJ_CHECK_GRADIENT];
  MPI_Comm             comm = PETSC_COMM_WORLD;
  PetscMPIInt          ranks;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &ranks));
  if (o->header) PetscCall(PetscPrintf(comm, "problem,unknowns,ranks,rho,method,steps,error,vjp,vjp_x,vjp_theta,jvp,map,recomputed,inverted,stored,forward_s,adjoint_s,verdict_s,vectors,resident,resident_before,verdict,estimated_error\n"));
  PetscCall(PetscPrintf(comm, "%s,%" PetscInt_FMT ",%d,%.4g,%s,%" PetscInt_FMT ",%.3e", Problems[o->problem], b->n, ranks, (double)r->rho, o->label, r->steps, (double)r->error));
  PetscCall(PetscPrintf(comm, ",%" PetscInt_FMT ",%" PetscInt_FMT ",%" PetscInt_FMT ",%" PetscInt_FMT ",%" PetscInt_FMT, r->calls, c->vjp_x, c->vjp_theta, c->jvp, c->map));
  PetscCall(PetscPrintf(comm, ",%" PetscInt_FMT ",%" PetscInt_FMT ",%" PetscInt_FMT, c->recomputed, c->inverted, c->stored));
  PetscCall(PetscPrintf(comm, ",%.4f,%.4f,%.4f", (double)r->seconds[0], (double)r->seconds[1], (double)r->seconds[2]));
  PetscCall(PetscPrintf(comm, ",%.1f,%.0f,%.0f", r->memory.vectors / (b->n * (double)sizeof(PetscScalar)), r->memory.resident / b->n, r->memory.before / b->n));
  PetscCall(PetscPrintf(comm, ",%s,%.1e\n", ADJTrusts[r->report.verdict], e->status == ADJ_CHECK_SKIPPED ? -1.0 : (double)e->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Counters and gradient are those of the first gradient, without a verdict; times and verdict of the others */
static PetscErrorCode Measure(Bench *b, const Options *o)
{
  Result r;

  PetscFunctionBeginUser;
  PetscCall(MeasureMemory(b, &r.memory));
  r.calls = b->calls;
  PetscCall(ADJGetCounters(b->adj, &r.counters));
  PetscCall(ADJGetForwardIterations(b->adj, &r.steps));
  PetscCall(CompareGradient(b, o->reference, &r.error));
  PetscCall(MeasureTimes(b, o->repeat, r.seconds));
  PetscCall(ADJGetTrustReport(b->adj, &r.report));
  PetscCall(ADJGetContraction(b->adj, &r.rho, NULL));
  PetscCall(PrintLine(b, o, &r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Options options;
  Bench   b;

  PetscFunctionBeginUser;
  if (PetscMallocSetDebug(PETSC_FALSE, PETSC_FALSE)) return 1; /* keeps account of what is allocated, and looks at nothing else */
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscLogDefaultBegin());
  PetscCall(ReadOptions(&options));
  PetscCall(BenchCreate(&options, &b));
  if (options.output[0])
    PetscCall(WriteGradient(&b, options.output));
  else
    PetscCall(Measure(&b, &options));
  PetscCall(BenchDestroy(&b));
  PetscCall(SlepcFinalize());
  return 0;
}
