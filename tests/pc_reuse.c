static char help[] = "The forward preconditioner in the adjoint: set up once, tested once, refused if its transpose is not one.\n\n";

/*
   nsize: 1 2 4
*/
#include "transposes.h"

typedef enum {
  TRANSPOSE_RIGHT,
  TRANSPOSE_ZERO,
  TRANSPOSE_WRONG,
  TRANSPOSE_RAISES,
  TRANSPOSE_NONE
} Transpose;

/* A shell around block Jacobi that counts */
typedef struct {
  PC        inner;
  Transpose transpose;
  PetscInt  setups, applies, transposes;
} Counted;

static PetscErrorCode SetUp(PC pc)
{
  Counted *c;
  Mat      A, P;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &c));
  PetscCall(PCGetOperators(pc, &A, &P));
  PetscCall(PCSetOperators(c->inner, P, P));
  PetscCall(PCSetReusePreconditioner(c->inner, PETSC_FALSE));
  PetscCall(PCSetUp(c->inner));
  PetscCall(PCSetReusePreconditioner(c->inner, PETSC_TRUE)); /* else it would follow the matrix by itself */
  c->setups++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Apply(PC pc, Vec x, Vec y)
{
  Counted *c;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &c));
  PetscCall(PCApply(c->inner, x, y));
  c->applies++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ApplyTranspose(PC pc, Vec x, Vec y)
{
  Counted *c;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &c));
  c->transposes++;
  PetscCheck(c->transpose != TRANSPOSE_RAISES, PetscObjectComm((PetscObject)pc), PETSC_ERR_USER, "No transpose today");
  if (c->transpose == TRANSPOSE_ZERO) PetscCall(VecSet(y, 0.0));
  if (c->transpose == TRANSPOSE_WRONG) PetscCall(PCApply(c->inner, x, y));
  if (c->transpose == TRANSPOSE_RIGHT) PetscCall(PCApplyTranspose(c->inner, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(PetscReal s, Transpose transpose, const char options[], Flow *f, Counted *c, PetscOptions *opts)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  PetscCall(FlowCreate(FLOW_WIND, 11, s, f));
  PetscCall(PetscMemzero(c, sizeof(*c)));
  c->transpose = transpose;
  PetscCall(PCCreate(PETSC_COMM_WORLD, &c->inner));
  PetscCall(PCSetType(c->inner, PCBJACOBI));
  PetscCall(SNESGetKSP(f->snes, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetContext(pc, c));
  PetscCall(PCShellSetSetUp(pc, SetUp));
  PetscCall(PCShellSetApply(pc, Apply));
  if (transpose != TRANSPOSE_NONE) PetscCall(PCShellSetApplyTranspose(pc, ApplyTranspose));
  PetscCall(FlowCreateADJ(f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Flow *f, Counted *c, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(FlowDestroy(f));
  PetscCall(PCDestroy(&c->inner));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gradient is that by LU, the choice begins as said */
static PetscErrorCode TapGradient(Flow *f, const char choice[], const char what[])
{
  char      text[512];
  PetscReal error;
  PetscBool begins;

  PetscFunctionBeginUser;
  PetscCall(ADJSolveAdjoint(f->adj, f->v, f->thetabar));
  PetscCall(FlowReference(f));
  PetscCall(VecDistance(f->thetabar, f->reference, &error));
  PetscCall(TapBelow(error, 1e-6, "%s: gradient against LU", what));
  PetscCall(FlowGetChoice(f, sizeof(text), text));
  PetscCall(PetscStrbeginswith(text, choice, &begins));
  PetscCall(TapOk(begins, "%s: %s", what, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CountEvent(const char name[], PetscInt *count)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBeginUser;
  PetscCall(PetscLogEventGetId(name, &event));
  PetscCall(PetscLogEventGetPerfInfo(PETSC_DETERMINE, event, &info));
  *count = (PetscInt)info.count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One set-up of a preconditioner in each Newton step and no other; no matrix is transposed; one test for each set-up */
static PetscErrorCode TestCounts(void)
{
  Flow         f;
  Counted      c;
  PetscOptions opts;
  PetscInt     setups, events[2], transposes[2], its, first, second;
  KSP          ksp;
  PC           pc;
  PetscBool    reuse;

  PetscFunctionBeginUser;
  PetscCall(Begin(1.0, TRANSPOSE_RIGHT, "-snes_rtol 1e-12 -adj_trust_level none", &f, &c, &opts));
  PetscCall(SNESGetKSP(f.snes, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ADJSolve(f.adj, f.theta, f.x));
    PetscCall(SNESGetIterationNumber(f.snes, &its));
    PetscCall(TapOk((PetscBool)(its > 1), "state %" PetscInt_FMT ": %" PetscInt_FMT " Newton steps", k, its));
    setups = c.setups;
    PetscCall(CountEvent("PCSetUp", &events[0]));
    PetscCall(CountEvent("MatTranspose", &transposes[0]));
    first = c.transposes;
    PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
    first = c.transposes - first;
    PetscCall(TapOk((PetscBool)(first > 2), "state %" PetscInt_FMT ": the transpose is applied %" PetscInt_FMT " times", k, first));
    second = c.transposes;
    PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
    second = c.transposes - second;
    PetscCall(CountEvent("PCSetUp", &events[1]));
    PetscCall(CountEvent("MatTranspose", &transposes[1]));
    PetscCall(TapOk((PetscBool)(first - second == 1), "state %" PetscInt_FMT ": one application was the test, the second time there is none", k));
    PetscCall(TapOk((PetscBool)(c.setups == setups), "state %" PetscInt_FMT ": the adjoint does not set the forward PC up", k));
    PetscCall(TapOk((PetscBool)(events[1] - events[0] <= 1), "state %" PetscInt_FMT ": nor any other but the shell that stands for it, which does nothing", k));
    PetscCall(TapOk((PetscBool)(transposes[0] == transposes[1]), "state %" PetscInt_FMT ": nothing is transposed", k));
    PetscCall(PCGetReusePreconditioner(pc, &reuse));
    PetscCall(TapOk((PetscBool)!reuse, "state %" PetscInt_FMT ": the forward PC is as free as before", k));
    PetscCall(TapGradient(&f, "the forward PC (shell), transposed", "counts"));
    PetscCall(VecScale(f.theta, 1.5));
  }
  PetscCall(End(&f, &c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With all checks, which displace parameters, and with the Taylor test, which solves at others; a second gradient is the first */
static PetscErrorCode TestChecks(void)
{
  Flow         f;
  Counted      c;
  PetscOptions opts;
  PetscInt     setups;
  PetscReal    order, error;
  Vec          first;

  PetscFunctionBeginUser;
  PetscCall(Begin(1.0, TRANSPOSE_RIGHT, "-snes_rtol 1e-12 -adj_trust_level certify -adj_ksp_rtol 1e-10", &f, &c, &opts));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  setups = c.setups;
  PetscCall(TapGradient(&f, "the forward PC (shell), transposed", "checks"));
  PetscCall(TapOk((PetscBool)(c.setups == setups), "checks: they do not set the forward PC up"));
  PetscCall(VecDuplicate(f.thetabar, &first));
  PetscCall(VecCopy(f.thetabar, first));
  PetscCall(ADJTestGradient(f.adj, f.theta, f.x, f.v, &order, &error));
  PetscCall(TapBelow(error, 1e-6, "the Taylor test itself"));
  PetscCall(TapGradient(&f, "the forward PC (shell), transposed", "after the Taylor test"));
  PetscCall(VecDistance(f.thetabar, first, &error));
  PetscCall(TapBelow(error, 1e-9, "after the Taylor test: the same gradient"));
  PetscCall(VecDestroy(&first));
  PetscCall(End(&f, &c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whatever is wrong with the transpose: auto takes another way, forward is an error that leaves everything working */
static PetscErrorCode TestRefused(Transpose transpose, const char why[], const char what[])
{
  Flow         f;
  Counted      c;
  PetscOptions opts;
  PetscInt     its[2];
  char         text[512], *at;

  PetscFunctionBeginUser;
  PetscCall(Begin(0.0, transpose, "-snes_type ksponly -ksp_rtol 1e-8 -adj_pc_source forward", &f, &c, &opts));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(SNESGetLinearSolveIterations(f.snes, &its[0]));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "%s: forward is an error", what));
  PetscCall(ADJSetPCSource(f.adj, ADJ_PC_AUTO));
  PetscCall(TapGradient(&f, "its own (", what));
  PetscCall(FlowGetChoice(&f, sizeof(text), text));
  PetscCall(PetscStrstr(text, why, &at));
  PetscCall(TapOk((PetscBool)(at != NULL), "%s: it says why, %s", what, why));
  PetscCall(VecSet(f.x, 0.0));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(SNESGetLinearSolveIterations(f.snes, &its[1]));
  PetscCall(TapOk((PetscBool)(its[0] == its[1]), "%s: the forward solve is the same as before, %" PetscInt_FMT " and %" PetscInt_FMT " iterations", what, its[0], its[1]));
  PetscCall(TapGradient(&f, "its own (", what));
  PetscCall(End(&f, &c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M xdot = N thetadot has the forward operator: its preconditioner as it is, whatever becomes of its transpose */
static PetscErrorCode TestTangent(void)
{
  Flow         f;
  Counted      c;
  PetscOptions opts;
  Vec          thetadot, xdot;
  Mat          B;
  PetscInt     setups, applies;
  PetscScalar  a, b;

  PetscFunctionBeginUser;
  PetscCall(Begin(1.0, TRANSPOSE_NONE, "-snes_rtol 1e-12 -adj_trust_level none -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11", &f, &c, &opts));
  PetscCall(MatDuplicate(f.A, MAT_DO_NOT_COPY_VALUES, &B));
  PetscCall(MatDiagonalSet(B, f.g, INSERT_VALUES));
  PetscCall(MatScale(B, -1.0));
  PetscCall(ADJSetParameterJacobian(f.adj, B, NULL, NULL));
  PetscCall(MatDestroy(&B));
  PetscCall(VecDuplicate(f.theta, &thetadot));
  PetscCall(VecDuplicate(f.x, &xdot));
  PetscCall(VecSetWave(thetadot, 9));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  setups  = c.setups;
  applies = c.applies;
  PetscCall(ADJSolveTangent(f.adj, thetadot, xdot));
  PetscCall(TapOk((PetscBool)(c.setups == setups && c.applies > applies), "tangent: the forward PC is applied %" PetscInt_FMT " times, and not set up", c.applies - applies));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDot(xdot, f.v, &a));
  PetscCall(VecDot(thetadot, f.thetabar, &b));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-8 * PetscAbsScalar(a), "tangent: dot product with the adjoint"));
  PetscCall(VecDestroy(&thetadot));
  PetscCall(VecDestroy(&xdot));
  PetscCall(End(&f, &c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solution that this SNES did not find: nothing has been set up, and nothing is */
static PetscErrorCode TestNeverSetUp(void)
{
  Flow         f, other;
  Counted      c;
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(Begin(1.0, TRANSPOSE_RIGHT, "-snes_rtol 1e-12", &f, &c, &opts));
  PetscCall(FlowCreate(FLOW_WIND, 11, 1.0, &other));
  PetscCall(FlowCreateADJ(&other));
  PetscCall(ADJSolve(other.adj, other.theta, other.x));
  PetscCall(VecCopy(other.x, f.x));
  PetscCall(ADJSetSolved(f.adj, f.theta, f.x));
  PetscCall(ADJSetTrustAction(f.adj, ADJ_TRUST_ACTION_IGNORE)); /* the SNES has not converged */
  PetscCall(TapGradient(&f, "its own (", "never set up"));
  PetscCall(TapOk((PetscBool)(c.setups == 0), "never set up: nor is it now"));
  PetscCall(ADJSetPCSource(f.adj, ADJ_PC_FORWARD));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolveAdjoint(f.adj, f.v, f.thetabar), "never set up: forward is an error"));
  PetscCall(FlowDestroy(&other));
  PetscCall(End(&f, &c, &opts));
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
  PetscCall(TestCounts());
  PetscCall(TestChecks());
  PetscCall(TestRefused(TRANSPOSE_ZERO, "returns zero", "a transpose that returns zero"));
  PetscCall(TestRefused(TRANSPOSE_WRONG, "is not its transpose", "a transpose that is none"));
  PetscCall(TestRefused(TRANSPOSE_RAISES, "ends with error", "a transpose that raises an error"));
  PetscCall(TestRefused(TRANSPOSE_NONE, "has no PCApplyTranspose()", "no transpose"));
  PetscCall(TestTangent());
  PetscCall(TestNeverSetUp());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
