static char help[] = "-adj_transpose explicit: one transposed copy, made when the matrix has changed, for operator and preconditioner.\n\n";

/*
   nsize: 1 2 4
*/
#include "transposes.h"

/* The Jacobian in J, something near it in P */
static PetscErrorCode JacobianAndNear(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(FlowJacobian(snes, x, J, J, ctx));
  PetscCall(MatCopy(J, P, SAME_NONZERO_PATTERN));
  PetscCall(MatShift(P, 0.3));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultiplyShell(Mat A, Vec x, Vec y)
{
  Mat J;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &J));
  PetscCall(MatMult(J, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultiplyShellTranspose(Mat A, Vec x, Vec y)
{
  Mat J;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &J));
  PetscCall(MatMultTranspose(J, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JacobianBehindShell(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  (void)J;
  PetscFunctionBeginUser;
  PetscCall(FlowJacobian(snes, x, P, P, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CountTransposed(PetscInt *count)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventGetId("MatTranspose", &event));
  PetscCall(PetscLogEventGetPerfInfo(PETSC_DETERMINE, event, &info));
  *count = (PetscInt)info.count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapGradient(Flow *f, const char what[])
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(FlowReference(f));
  PetscCall(VecDistance(f->thetabar, f->reference, &error));
  PetscCall(TapBelow(error, 1e-6, "%s: gradient against LU", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `copies` are made at each new solution, none for a second derivative there; the operator is a matrix or our shell */
static PetscErrorCode TestCopies(FlowKind kind, const char options[], PetscBool near, PetscInt copies, PetscBool matrix)
{
  Flow         f;
  PetscOptions opts;
  Mat          P = NULL, A;
  KSP          ksp;
  PetscInt     before, after;
  PetscBool    shell;
  char         text[512], what[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-snes_rtol 1e-12 -adj_trust_level none -pc_type jacobi %s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(FlowCreate(kind, 11, kind == FLOW_SYMMETRIC ? 0.0 : 1.0, &f)); /* a complex diagonal would not be Hermitian */
  if (near) {
    PetscCall(MatDuplicate(f.J, MAT_DO_NOT_COPY_VALUES, &P));
    PetscCall(SNESSetJacobian(f.snes, f.J, P, JacobianAndNear, &f));
  }
  PetscCall(FlowCreateADJ(&f));
  for (PetscInt k = 0; k < 4; k++) {
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s%s, derivative %d", options, near ? ", P is not A" : "", (int)k));
    if (k % 2 == 0) PetscCall(VecScale(f.theta, 1.5));
    if (k % 2 == 0) PetscCall(ADJSolve(f.adj, f.theta, f.x));
    PetscCall(CountTransposed(&before));
    PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
    PetscCall(CountTransposed(&after));
    PetscCall(TapOk((PetscBool)(after - before == (k % 2 ? 0 : copies)), "%s: %" PetscInt_FMT " matrices transposed", what, after - before));
    PetscCall(TapGradient(&f, what));
  }
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(KSPGetOperators(ksp, &A, NULL));
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATSHELL, &shell));
  PetscCall(TapOk((PetscBool)(shell == !matrix), "%s: the operator is a %s", what, shell ? "shell" : "matrix"));
  PetscCall(FlowDestroy(&f));
  PetscCall(MatDestroy(&P));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual is checked with the Jacobian itself: a copy that is not its transpose, as one left behind, would be seen */
static PetscErrorCode TestChecked(void)
{
  Flow         f;
  PetscOptions opts;
  Mat          A;
  KSP          ksp;
  ADJTrust     trust;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-snes_rtol 1e-12 -pc_type jacobi -adj_transpose explicit -adj_trust_action ignore", &opts));
  PetscCall(FlowCreate(FLOW_WIND, 11, 1.0, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrust(f.adj, &trust));
  PetscCall(TapOk((PetscBool)(trust == ADJ_TRUST_ESTIMATED), "all checks: %s", ADJTrusts[trust]));
  PetscCall(TapGradient(&f, "all checks"));
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(KSPGetOperators(ksp, &A, NULL));
  PetscCall(MatShift(A, 1e-3));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrust(f.adj, &trust));
  PetscCall(TapOk((PetscBool)(trust == ADJ_TRUST_REFUTED_LINEAR), "a copy that is spoilt: %s", ADJTrusts[trust]));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A Jacobian that cannot be transposed explicitly: an error that says so; virtually it serves */
static PetscErrorCode TestShell(void)
{
  Flow         f;
  PetscOptions opts;
  Mat          J;
  PetscInt     n, N;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-snes_rtol 1e-12 -pc_type jacobi -adj_transpose explicit", &opts));
  PetscCall(FlowCreate(FLOW_WIND, 11, 1.0, &f));
  PetscCall(VecGetLocalSize(f.x, &n));
  PetscCall(VecGetSize(f.x, &N));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, N, N, f.J, &J));
  PetscCall(MatShellSetOperation(J, MATOP_MULT, ADJShellFn(MultiplyShell)));
  PetscCall(MatShellSetOperation(J, MATOP_MULT_TRANSPOSE, ADJShellFn(MultiplyShellTranspose)));
  PetscCall(SNESSetJacobian(f.snes, J, f.J, JacobianBehindShell, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "a shell cannot be transposed explicitly"));
  PetscCall(ADJSetTranspose(f.adj, ADJ_TRANSPOSE_VIRTUAL));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(TapGradient(&f, "a shell"));
  PetscCall(FlowDestroy(&f));
  PetscCall(MatDestroy(&J));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's product, of R */
static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Flow *f = (Flow *)ctx;
  Vec   work;

  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(MatMultHermitianTranspose(f->A, w, xbar));
    PetscCall(VecDuplicate(x, &work));
    PetscCall(VecCopy(x, work));
    PetscCall(VecConjugate(work));
    PetscCall(VecPointwiseMult(work, work, w));
    PetscCall(VecAXPY(xbar, 2.0 * f->s, work));
    PetscCall(VecDestroy(&work));
  }
  if (thetabar) PetscCall(FlowParameterVJP(adj, x, theta, w, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* It is the operator, with the forward PC or with one on the transposed matrix */
static PetscErrorCode TestVJP(const char options[], PetscInt copies)
{
  Flow         f;
  PetscOptions opts;
  Mat          A;
  KSP          ksp;
  PetscBool    shell;
  PetscInt     before, after;
  char         text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-snes_rtol 1e-12 -adj_trust_level none -adj_transpose explicit %s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(FlowCreate(FLOW_WIND, 11, 1.0, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetVJP(f.adj, VJP, &f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(CountTransposed(&before));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(CountTransposed(&after));
  PetscCall(TapGradient(&f, "a VJP"));
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(KSPGetOperators(ksp, &A, NULL));
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATSHELL, &shell));
  PetscCall(TapOk((PetscBool)(shell && after - before == copies), "a VJP, %s: it is the operator; %" PetscInt_FMT " matrices transposed", options, after - before));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Files files;
  int   failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscLogDefaultBegin());
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose virtual", PETSC_FALSE, 0, PETSC_FALSE));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose virtual -adj_pc_source transpose", PETSC_FALSE, 1, PETSC_FALSE));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose explicit", PETSC_FALSE, 1, PETSC_TRUE));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose explicit -adj_pc_source transpose", PETSC_FALSE, 1, PETSC_TRUE));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose explicit", PETSC_TRUE, 1, PETSC_TRUE));
  PetscCall(TestCopies(FLOW_WIND, "-adj_transpose explicit -adj_pc_source transpose", PETSC_TRUE, 2, PETSC_TRUE));
  PetscCall(TestCopies(FLOW_SYMMETRIC, "-adj_transpose explicit -adj_symmetric", PETSC_FALSE, 0, PETSC_FALSE));
  PetscCall(TestCopies(FLOW_SYMMETRIC, "-adj_pc_source transpose -adj_symmetric", PETSC_FALSE, 0, PETSC_FALSE));
  PetscCall(TestChecked());
  PetscCall(TestShell());
  PetscCall(TestVJP("-pc_type jacobi", 0));
  PetscCall(TestVJP("-pc_type jacobi -adj_pc_source transpose", 1));
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
