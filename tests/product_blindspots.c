static char help[] = "Wrong products that a test of products may overlook, and right ones that it may blame.\n\n";

/*
   nsize: 1 2
*/
#include "problems.h"

typedef enum { RIGHT,
               FACTOR,
               SWAPPED,
               TANGENT } Fault;

typedef struct {
  Problem p;
  Fault   fault;
} Faulty;

/* v goes to the process at the other end, of which each has as much of it */
static PetscErrorCode Swap(Vec v)
{
  PetscMPIInt  rank, size;
  PetscInt     n;
  PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(VecGetArray(v, &a));
  PetscCallMPI(MPI_Sendrecv_replace(a, (PetscMPIInt)n, MPIU_SCALAR, size - 1 - rank, 0, size - 1 - rank, 0, PETSC_COMM_WORLD, MPI_STATUS_IGNORE));
  PetscCall(VecRestoreArray(v, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Faulty *f = (Faulty *)ctx;

  PetscFunctionBeginUser;
  PetscCall(ProblemVJP(adj, x, theta, w, xbar, thetabar, &f->p));
  if (f->fault == FACTOR && xbar) PetscCall(VecScale(xbar, 17.0 / 2.0));
  if (f->fault == SWAPPED && xbar) PetscCall(Swap(xbar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Faulty *f = (Faulty *)ctx;

  PetscFunctionBeginUser;
  PetscCall(ProblemJVP(adj, x, theta, xdot, thetadot, ydot, &f->p));
  if (f->fault == TANGENT && xdot) PetscCall(VecScale(ydot, 1.2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Faulty *f, PetscInt n, Spectrum spectrum, PetscReal s, PetscBool residual, Fault fault)
{
  PetscFunctionBeginUser;
  f->fault = fault;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, LAYOUT_EVEN, n, LAYOUT_EVEN, spectrum, 0.6, &f->p));
  f->p.s        = s;
  f->p.residual = residual;
  PetscCall(ProblemCreateADJ(&f->p));
  PetscCall(ADJSetVJP(f->p.adj, VJP, f));
  PetscCall(ADJSetJVP(f->p.adj, fault == TANGENT ? JVP : NULL, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One unknown: w is +-1, and the random part of it must not cancel Jd/|Jd|, which has both signs here. x^2 - c, c - x^2 */
static PetscErrorCode TestOneUnknown(Fault fault, PetscReal x)
{
  Faulty    f;
  PetscReal xerror, thetaerror;

  PetscFunctionBeginUser;
  PetscCall(Begin(&f, 1, SPECTRUM_ZERO, 1.0, PETSC_FALSE, fault));
  PetscCall(VecSet(f.p.x, x));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.x, &xerror, &thetaerror));
  if (fault == RIGHT)
    PetscCall(TapBelow(xerror, 1e-8, "one unknown, x = %g: nothing wrong", (double)x));
  else
    PetscCall(TapClose(xerror, 15.0 / 17.0, 1e-6, "one unknown, x = %g: 17 instead of 2 is found", (double)x));
  PetscCall(TapBelow(thetaerror, 1e-8, "one unknown, x = %g: nothing wrong in theta", (double)x));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M = I, halves swapped: with the same random numbers on both processes nobody would see it */
static PetscErrorCode TestSwapped(Fault fault)
{
  Faulty      f;
  PetscReal   xerror, thetaerror;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(Begin(&f, 8, SPECTRUM_ZERO, 0.0, PETSC_TRUE, fault));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.v, &xerror, &thetaerror));
  if (fault == SWAPPED && size > 1)
    PetscCall(TapOk((PetscBool)(xerror > 1e-2), "halves swapped: found, %g", (double)xerror));
  else
    PetscCall(TapBelow(xerror, 1e-8, "halves in place: nothing wrong"));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestWrongJVP(void)
{
  Faulty         f;
  PetscOptions   options;
  PetscReal      xerror, thetaerror;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_test_vjp", &options));
  PetscCall(Begin(&f, 8, SPECTRUM_REAL, 0.0, PETSC_TRUE, TANGENT));
  PetscCall(ADJSetFromOptions(f.p.adj));
  PetscCall(ADJSolve(f.p.adj, f.p.theta, f.p.x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar), "right VJP, wrong JVP: the adjoint is not refused"));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && report.check[ADJ_CHECK_VJP_X].status == ADJ_CHECK_PASSED), "right VJP, wrong JVP: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.x, &xerror, &thetaerror));
  PetscCall(TapClose(xerror, 0.2 / 1.2, 1e-6, "right VJP, wrong JVP: ADJTestVJP() says so"));
  PetscCall(TapBelow(thetaerror, 1e-8, "right VJP, wrong JVP: nothing wrong in theta"));
  PetscCall(OptionsEnd(&options));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An adjoint that was not solved for says nothing of the VJP */
static PetscErrorCode TestStarvedGradient(void)
{
  Faulty       f;
  PetscOptions options;
  KSP          ksp;
  PetscReal    order = -1.0, error = -1.0;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_ksp_max_it 3", &options));
  PetscCall(Begin(&f, 14, SPECTRUM_PAIRS, 0.02, PETSC_FALSE, RIGHT));
  PetscCall(ADJSetFromOptions(f.p.adj));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJTestGradient(f.p.adj, f.p.theta, f.p.x, f.p.v, &order, &error), "three iterations: the Taylor test has no adjoint"));
  PetscCall(TapOk((PetscBool)(order == -1.0 && error == -1.0), "three iterations: and says nothing"));
  PetscCall(ADJGetKSP(f.p.adj, &ksp));
  PetscCall(KSPSetTolerances(ksp, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, 100));
  PetscCall(ADJTestGradient(f.p.adj, f.p.theta, f.p.x, f.p.v, &order, &error));
  PetscCall(TapOk((PetscBool)(order > 1.9 && order < 2.1), "enough iterations: order %g", (double)order));
  PetscCall(TapBelow(error, 1e-5, "enough iterations: the gradient is right"));
  PetscCall(OptionsEnd(&options));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (Fault fault = RIGHT; fault <= FACTOR; fault++) {
    PetscCall(TestOneUnknown(fault, 0.7));
    PetscCall(TestOneUnknown(fault, -0.7));
  }
  PetscCall(TestSwapped(RIGHT));
  PetscCall(TestSwapped(SWAPPED));
  PetscCall(TestWrongJVP());
  PetscCall(TestStarvedGradient());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
