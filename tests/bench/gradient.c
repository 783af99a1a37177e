static char help[] = "The price of a gradient of the groundwater problem: the library against the same gradient written by hand\n"
                     "on plain SNES and KSP, pair by pair in one run; the price of the verdict, of a first\n"
                     "gradient and within an optimization; the gradient against the forward solve.\n"
                     "  -pairs <7>             : how many\n"
                     "  -memory <hand,library> : instead, what one of the two holds; with -malloc_debug\n\n";

/*
   links: tests/reference examples/groundwater
*/
#include "../reference/handwritten.h"
#include <petscsys.h>
#include <petsctime.h>

#define MAXPAIRS 101
#define STEPS    20 /* of an optimization */

typedef struct {
  Aquifer     aq;
  ADJ         adj;
  Handwritten hand;
  Vec         theta, x0, x, gradient, reference;
} Bench;

static PetscReal Median(PetscInt n, const PetscReal v[])
{
  PetscReal sorted[MAXPAIRS];

  for (PetscInt i = 0; i < n; i++) sorted[i] = v[i];
  if (PetscSortReal(n, sorted)) return -1.0;
  return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

/* Seconds of one gradient from the cold initial guess */
static PetscErrorCode TimeGradient(Bench *b, PetscBool library, Vec gradient, PetscReal *seconds)
{
  PetscLogDouble start, end;
  PetscReal      value;

  PetscFunctionBeginUser;
  PetscCall(VecCopy(b->x0, b->x));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&start));
  if (library)
    PetscCall(ADJComputeObjectiveAndGradient(b->adj, b->theta, &value, gradient));
  else
    PetscCall(HandwrittenGradient(&b->hand, b->theta, b->x, &value, gradient));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&end));
  *seconds = end - start;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EventSeconds(const char name[], PetscReal *seconds)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventGetId(name, &event));
  PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
  *seconds = info.time;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The verdict off on both sides; the order changes from pair to pair */
static PetscErrorCode ComparePairs(Bench *b, PetscInt pairs)
{
  PetscReal ratio[MAXPAIRS], lib[MAXPAIRS], hand[MAXPAIRS], error, norm;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(b->adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(TimeGradient(b, PETSC_TRUE, b->gradient, &lib[0]));
  PetscCall(TimeGradient(b, PETSC_FALSE, b->reference, &hand[0]));
  PetscCall(VecAXPY(b->gradient, -1.0, b->reference));
  PetscCall(VecNorm(b->gradient, NORM_2, &error));
  PetscCall(VecNorm(b->reference, NORM_2, &norm));
  for (PetscInt i = 0; i < pairs; i++) {
    PetscCall(TimeGradient(b, (PetscBool)(i % 2 == 0), b->gradient, i % 2 == 0 ? &lib[i] : &hand[i]));
    PetscCall(TimeGradient(b, (PetscBool)(i % 2 != 0), b->gradient, i % 2 != 0 ? &lib[i] : &hand[i]));
    ratio[i] = lib[i] / hand[i];
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  library %.4f s, by hand %.4f s, ratio: median %.3f (%" PetscInt_FMT " pairs), relative difference of the gradients %.1e\n", (double)Median(pairs, lib), (double)Median(pairs, hand), (double)Median(pairs, ratio), pairs, (double)(error / norm)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each time as for a first gradient: the contraction is measured from nothing */
static PetscErrorCode PriceVerdict(Bench *b, PetscInt pairs)
{
  PetscReal      share[MAXPAIRS], ratio[MAXPAIRS], before[3], after[3], seconds;
  const char    *names[3] = {"ADJForward", "ADJAdjoint", "ADJTrust"};
  ADJTrustReport report;
  PetscInt       its;

  PetscFunctionBeginUser;
  PetscCall(ADJSetTrustLevel(b->adj, ADJ_TRUST_LEVEL_ESTIMATE));
  for (PetscInt i = 0; i < pairs; i++) {
    PetscCall(ADJReset(b->adj));
    PetscCall(ADJSetSolution(b->adj, b->x));
    for (PetscInt e = 0; e < 3; e++) PetscCall(EventSeconds(names[e], &before[e]));
    PetscCall(TimeGradient(b, PETSC_TRUE, b->gradient, &seconds));
    for (PetscInt e = 0; e < 3; e++) PetscCall(EventSeconds(names[e], &after[e]));
    share[i] = (after[2] - before[2]) / (after[1] - before[1]);
    ratio[i] = (after[0] - before[0] + after[1] - before[1]) / (after[0] - before[0]);
  }
  PetscCall(ADJGetTrustReport(b->adj, &report));
  PetscCall(ADJGetAdjointIterations(b->adj, &its));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  verdict %s: %" PetscInt_FMT " products and %" PetscInt_FMT " evaluations of the map beside %" PetscInt_FMT " adjoint iterations, %.3f of the adjoint's time; gradient/forward %.3f (medians)\n", ADJTrusts[report.verdict], report.products, report.maps, its, (double)Median(pairs, share), (double)Median(pairs, ratio)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps of steepest descent that lower the objective by about a thousandth each, warm-started; seconds in all and by event */
static PetscErrorCode Descend(Bench *b, ADJTrustLevel level, PetscReal *seconds, PetscReal event[3])
{
  const char    *names[3] = {"ADJForward", "ADJAdjoint", "ADJTrust"};
  PetscReal      before[3], after, value, norm;
  PetscLogDouble start, end;
  Vec            theta;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(b->theta, &theta));
  PetscCall(VecCopy(b->theta, theta));
  PetscCall(VecCopy(b->x0, b->x));
  PetscCall(ADJReset(b->adj));
  PetscCall(ADJSetSolution(b->adj, b->x));
  PetscCall(ADJSetTrustLevel(b->adj, level));
  for (PetscInt e = 0; e < 3; e++) PetscCall(EventSeconds(names[e], &before[e]));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&start));
  for (PetscInt k = 0; k < STEPS; k++) {
    PetscCall(ADJComputeObjectiveAndGradient(b->adj, theta, &value, b->gradient));
    PetscCall(VecNorm(b->gradient, NORM_2, &norm));
    PetscCall(VecAXPY(theta, -1e-3 * value / PetscSqr(norm), b->gradient));
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&end));
  for (PetscInt e = 0; e < 3; e++) {
    PetscCall(EventSeconds(names[e], &after));
    event[e] = after - before[e];
  }
  *seconds = end - start;
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same descent with and without verdicts, pair by pair */
static PetscErrorCode PriceWithinOptimization(Bench *b, PetscInt pairs)
{
  PetscReal ratio[MAXPAIRS], share[MAXPAIRS], with, without, event[3], none[3];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < pairs; i++) {
    if (i % 2) PetscCall(Descend(b, ADJ_TRUST_LEVEL_NONE, &without, none));
    PetscCall(Descend(b, ADJ_TRUST_LEVEL_ESTIMATE, &with, event));
    if (i % 2 == 0) PetscCall(Descend(b, ADJ_TRUST_LEVEL_NONE, &without, none));
    ratio[i] = with / without;
    share[i] = event[2] / (event[0] + event[1]);
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  verdicts within an optimization of %d steps: %.3f of forward and adjoint; whole run with/without %.3f (medians, %" PetscInt_FMT " pairs)\n", STEPS, (double)Median(pairs, share), (double)Median(pairs, ratio), pairs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes that are allocated now, over all processes, in vectors of the state; needs -malloc_debug */
static PetscErrorCode AllocatedVectors(Bench *b, PetscReal *vectors)
{
  PetscLogDouble bytes;
  PetscInt       N;

  PetscFunctionBeginUser;
  PetscCall(PetscMallocGetCurrentUsage(&bytes));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(VecGetSize(b->theta, &N));
  *vectors = bytes / (PetscReal)(N * sizeof(PetscScalar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What one of the two holds after a gradient, beyond the problem itself; alone in its process, as both use the problem's matrix */
static PetscErrorCode HeldMemory(Bench *b, PetscBool library)
{
  PetscReal before, after, seconds;

  PetscFunctionBeginUser;
  if (b->aq->form == AQUIFER_FIXED_POINT) PetscCall(AquiferStepSetUp(b->aq));
  PetscCall(AllocatedVectors(b, &before));
  if (library) {
    PetscCall(AquiferCreateADJ(b->aq, &b->adj));
    PetscCall(ADJSetFromOptions(b->adj));
    PetscCall(ADJSetTrustLevel(b->adj, ADJ_TRUST_LEVEL_NONE));
    PetscCall(ADJSetSolution(b->adj, b->x));
  } else
    PetscCall(HandwrittenCreate(b->aq, &b->hand));
  PetscCall(TimeGradient(b, library, b->gradient, &seconds));
  PetscCall(AllocatedVectors(b, &after));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  memory held after a gradient, %s: %.2f state vectors\n", library ? "library" : "by hand", (double)(after - before)));
  if (library)
    PetscCall(ADJDestroy(&b->adj));
  else
    PetscCall(HandwrittenDestroy(&b->hand));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(Bench *b, PetscInt pairs)
{
  PetscMPIInt size;
  PetscInt    N;
  const char *sides[] = {"hand", "library"};
  PetscInt    side;
  PetscBool   memory;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(VecGetSize(b->theta, &N));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s, %" PetscInt_FMT "D, %" PetscInt_FMT " unknowns, %d processes\n", AquiferForms[b->aq->form], b->aq->dim, N, size));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-memory", sides, 2, &side, &memory));
  if (memory) {
    PetscCall(HeldMemory(b, side ? PETSC_TRUE : PETSC_FALSE));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(HandwrittenCreate(b->aq, &b->hand));
  PetscCall(AquiferCreateADJ(b->aq, &b->adj));
  PetscCall(ADJSetFromOptions(b->adj));
  PetscCall(ADJSetSolution(b->adj, b->x));
  PetscCall(ComparePairs(b, pairs));
  PetscCall(PriceVerdict(b, PetscMin(pairs, 5)));
  PetscCall(PriceWithinOptimization(b, PetscMin(pairs, 3)));
  PetscCall(ADJDestroy(&b->adj));
  PetscCall(HandwrittenDestroy(&b->hand));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Bench    b;
  PetscInt pairs = 7;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscLogDefaultBegin());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-pairs", &pairs, NULL));
  PetscCheck(pairs > 0 && pairs <= MAXPAIRS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-pairs must be from 1 to %d", MAXPAIRS);
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &b.aq));
  PetscCall(AquiferSetFromOptions(b.aq));
  PetscCall(AquiferSetUp(b.aq));
  b.theta = b.aq->theta;
  PetscCall(AquiferCreateHead(b.aq, &b.x0));
  PetscCall(VecDuplicate(b.x0, &b.x));
  PetscCall(VecDuplicate(b.theta, &b.gradient));
  PetscCall(VecDuplicate(b.theta, &b.reference));
  PetscCall(Run(&b, pairs));
  PetscCall(VecDestroy(&b.x0));
  PetscCall(VecDestroy(&b.x));
  PetscCall(VecDestroy(&b.gradient));
  PetscCall(VecDestroy(&b.reference));
  PetscCall(AquiferDestroy(&b.aq));
  PetscCall(SlepcFinalize());
  return 0;
}
