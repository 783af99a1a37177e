static char help[] = "Errors: vectors and matrices of another size, layout or communicator, NULL, the same vector twice.\n\n";

/*
   nsize: 1 2 4
*/
#include "faulty.h"

#define N 12
#define M 7

/* What a call may be given in place of a vector that fits */
typedef enum { NONE,
               LONGER,
               LOPSIDED,
               SELF,
               MISFITS } Misfit;
static const char *const names[] = {"NULL", "longer", "of the same length but another layout", "on PETSC_COMM_SELF"};

static PetscErrorCode CreateMisfit(Misfit kind, PetscInt length, Vec *v, PetscErrorCode *expected)
{
  const PetscErrorCode codes[] = {PETSC_ERR_ARG_NULL, PETSC_ERR_ARG_SIZ, PETSC_ERR_ARG_SIZ, PETSC_ERR_ARG_NOTSAMECOMM};

  PetscFunctionBeginUser;
  *v        = NULL;
  *expected = codes[kind];
  if (kind == LONGER) PetscCall(FaultyCreateVec(PETSC_DECIDE, length + 1, v));
  if (kind == LOPSIDED) PetscCall(FaultyCreateLopsidedVec(length, v));
  if (kind == SELF) PetscCall(FaultyCreateSelfVec(length, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each argument of each call in turn does not fit the solve before */
static PetscErrorCode TestArguments(ADJForm form, Misfit kind)
{
  Faulty         p;
  Vec            x, theta;
  PetscErrorCode bad;
  PetscReal      f, a, b;
  const char    *how = names[kind];

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(CreateMisfit(kind, N, &x, &bad));
  PetscCall(CreateMisfit(kind, M, &theta, &bad));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(bad, ADJSolve(p.adj, p.theta, x), "ADJSolve(), x %s", how));
  PetscCall(TapError(bad, ADJSolve(p.adj, theta, p.x), "ADJSolve(), theta %s", how));
  PetscCall(TapError(bad, ADJSolveAdjoint(p.adj, x, p.thetabar), "ADJSolveAdjoint(), xbar %s", how));
  PetscCall(TapError(bad, ADJSolveAdjoint(p.adj, p.xbar, theta), "ADJSolveAdjoint(), thetabar %s", how));
  PetscCall(TapError(bad, ADJSolveTangent(p.adj, theta, p.xdot), "ADJSolveTangent(), thetadot %s", how));
  PetscCall(TapError(bad, ADJSolveTangent(p.adj, p.thetadot, x), "ADJSolveTangent(), xdot %s", how));
  PetscCall(TapError(bad, ADJComputeObjectiveAndGradient(p.adj, theta, &f, p.thetabar), "ADJComputeObjectiveAndGradient(), theta %s", how));
  if (theta) PetscCall(TapError(bad, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, theta), "ADJComputeObjectiveAndGradient(), gradient %s", how));
  PetscCall(TapError(bad, ADJTestGradient(p.adj, theta, p.x, p.xbar, &a, &b), "ADJTestGradient(), theta %s", how));
  PetscCall(TapError(bad, ADJTestGradient(p.adj, p.theta, x, p.xbar, &a, &b), "ADJTestGradient(), x %s", how));
  if (x) PetscCall(TapError(bad, ADJTestGradient(p.adj, p.theta, p.x, x, &a, &b), "ADJTestGradient(), xbar %s", how));
  PetscCall(TapError(bad, ADJTestVJP(p.adj, theta, p.x, &a, &b), "ADJTestVJP(), theta %s", how));
  PetscCall(TapError(bad, ADJTestVJP(p.adj, p.theta, x, &a, &b), "ADJTestVJP(), x %s", how));
  if (x) PetscCall(TapError(bad, ADJSetSolution(p.adj, x), "ADJSetSolution(), x %s", how));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, how));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What can be seen before anything was solved */
static PetscErrorCode TestFirstCall(ADJForm form)
{
  Faulty      p;
  Vec         x, theta;
  PetscReal   f;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(FaultyCreateSelfVec(N, &x));
  PetscCall(FaultyCreateSelfVec(M, &theta));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJSolve(p.adj, NULL, p.x), "first ADJSolve(), theta NULL"));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJSolve(p.adj, p.theta, NULL), "first ADJSolve(), x NULL"));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJSolve(p.adj, p.x, p.x), "first ADJSolve(), x is theta"));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJComputeObjectiveAndGradient(p.adj, NULL, &f, p.thetabar), "first ADJComputeObjectiveAndGradient(), theta NULL"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJComputeObjectiveAndGradient(p.adj, p.theta, &f, p.xbar), "first ADJComputeObjectiveAndGradient(), gradient of the length of x"));
  if (size > 1) {
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSolve(p.adj, theta, p.x), "first ADJSolve(), theta on PETSC_COMM_SELF"));
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSolve(p.adj, p.theta, x), "first ADJSolve(), x on PETSC_COMM_SELF"));
    PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJComputeObjectiveAndGradient(p.adj, theta, &f, p.thetabar), "first ADJComputeObjectiveAndGradient(), theta on PETSC_COMM_SELF"));
  }
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after first calls that failed"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With as many parameters as unknowns one vector could be given twice */
static PetscErrorCode TestSameVector(ADJForm form)
{
  Faulty p;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(VecDestroy(&p.theta));
  PetscCall(VecDestroy(&p.thetabar));
  PetscCall(VecDuplicate(p.x, &p.theta));
  PetscCall(VecDuplicate(p.x, &p.thetabar));
  PetscCall(VecSet(p.theta, 1.0));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJSolve(p.adj, p.theta, p.theta), "ADJSolve(), x is theta"));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJSolveAdjoint(p.adj, p.xbar, p.xbar), "ADJSolveAdjoint(), thetabar is xbar"));
  PetscCall(TapError(PETSC_ERR_ARG_IDN, ADJSolveTangent(p.adj, p.xdot, p.xdot), "ADJSolveTangent(), xdot is thetadot"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after a vector was given twice"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A problem of another size, with and without ADJReset(), also where the set-up has to be done again */
static PetscErrorCode TestOtherSize(ADJForm form)
{
  Faulty p;
  Vec    x, theta;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(FaultyCreateVec(PETSC_DECIDE, N + 3, &x));
  PetscCall(FaultyCreateVec(PETSC_DECIDE, M + 3, &theta));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSetSolution(p.adj, x), "ADJSetSolution(), longer, when the set-up is to be done again"));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, x), "ADJSolve(), x longer, when the set-up is to be done again"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after another size was refused"));
  PetscCall(ADJReset(p.adj));
  PetscCall(FaultyDestroyVecs(&p));
  PetscCall(FaultyCreateVecs(&p, N + 3, M + 3));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "another size after ADJReset()"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* diag(d), of the layout of v or with `extra` more rows and columns */
static PetscErrorCode CreateDiagonal(MPI_Comm comm, Vec v, PetscInt extra, Mat *P)
{
  PetscInt n, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(MatCreateAIJ(comm, extra ? PETSC_DECIDE : n, extra ? PETSC_DECIDE : n, extra ? N + extra : PETSC_DETERMINE, extra ? N + extra : PETSC_DETERMINE, 1, NULL, 0, NULL, P));
  PetscCall(MatGetOwnershipRange(*P, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(MatSetValue(*P, i, i, 1.0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(*P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NoMult(Mat A, Vec x, Vec y)
{
  (void)A;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P is looked at in the set-up; it may be taken away again */
static PetscErrorCode TapPreconditioner(Faulty *p, Mat *P, PetscErrorCode expected, const char what[])
{
  PetscFunctionBeginUser;
  PetscCall(ADJSetPreconditioner(p->adj, *P));
  PetscCall(MatDestroy(P));
  PetscCall(TapError(expected, ADJSolve(p->adj, p->theta, p->x), "ADJSolve(), preconditioner %s", what));
  PetscCall(ADJSetPreconditioner(p->adj, NULL));
  PetscCall(FaultyTapGood(p, ADJ_TRUST_ESTIMATED, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestPreconditioner(ADJForm form)
{
  Faulty      p;
  Mat         P;
  Vec         v;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(CreateDiagonal(PETSC_COMM_WORLD, p.x, 1, &P));
  PetscCall(TapPreconditioner(&p, &P, PETSC_ERR_ARG_SIZ, "larger"));
  if (size > 1) {
    PetscCall(FaultyCreateSelfVec(N, &v));
    PetscCall(CreateDiagonal(PETSC_COMM_SELF, v, 0, &P));
    PetscCall(TapPreconditioner(&p, &P, PETSC_ERR_ARG_NOTSAMECOMM, "on PETSC_COMM_SELF"));
    PetscCall(VecDestroy(&v));
    PetscCall(FaultyCreateLopsidedVec(N, &v));
    PetscCall(CreateDiagonal(PETSC_COMM_WORLD, v, 0, &P));
    PetscCall(TapPreconditioner(&p, &P, PETSC_ERR_ARG_SIZ, "of the same size but another layout"));
    PetscCall(VecDestroy(&v));
  }
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestShellPreconditioner(ADJForm form)
{
  Faulty   p;
  Mat      P;
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, N, "-adj_forward_pc_type none"));
  PetscCall(VecGetLocalSize(p.x, &n));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, N, N, NULL, &P));
  PetscCall(MatShellSetOperation(P, MATOP_MULT, ADJShellFn(NoMult)));
  PetscCall(ADJSetPreconditioner(p.adj, P));
  PetscCall(MatDestroy(&P));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolveAdjoint(p.adj, p.xbar, p.thetabar), "ADJSolveAdjoint(), preconditioner that cannot be transposed"));
  PetscCall(ADJSetPreconditioner(p.adj, NULL));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after a preconditioner that cannot be transposed"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P stays when the problem is reset, and has to be replaced with it */
static PetscErrorCode TestPreconditionerAfterReset(ADJForm form)
{
  Faulty p;
  Mat    P;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, N, ""));
  PetscCall(CreateDiagonal(PETSC_COMM_WORLD, p.x, 0, &P));
  PetscCall(ADJSetPreconditioner(p.adj, P));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "with a preconditioner"));
  PetscCall(ADJReset(p.adj));
  PetscCall(FaultyDestroyVecs(&p));
  PetscCall(FaultyCreateVecs(&p, N + 3, M));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(p.adj, p.theta, p.x), "ADJSolve() of another size after ADJReset(), with the old preconditioner"));
  PetscCall(ADJSetPreconditioner(p.adj, NULL));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "without the old preconditioner"));
  PetscCall(MatDestroy(&P));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int         failed;
  PetscMPIInt size;
  ADJForm     forms[] = {ADJ_FIXED_POINT, ADJ_RESIDUAL};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(TestFirstCall(forms[i]));
    PetscCall(TestArguments(forms[i], NONE));
    PetscCall(TestArguments(forms[i], LONGER));
    if (size > 1) {
      PetscCall(TestArguments(forms[i], LOPSIDED));
      PetscCall(TestArguments(forms[i], SELF));
    }
    PetscCall(TestSameVector(forms[i]));
    PetscCall(TestOtherSize(forms[i]));
    PetscCall(TestPreconditioner(forms[i]));
    PetscCall(TestShellPreconditioner(forms[i]));
    PetscCall(TestPreconditionerAfterReset(forms[i]));
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
