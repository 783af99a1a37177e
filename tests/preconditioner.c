static char help[] = "One matrix preconditions the forward solve, the tangent, and by its transpose the adjoint.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define LU "-adj_pc_type redundant -adj_tangent_pc_type redundant -adj_forward_pc_type redundant"

/* Residual form, strongly nonsymmetric: P is its Jacobian, assembled in the linearization if `update` */
typedef struct {
  Problem   p;
  Mat       P;
  PetscBool update;
} Preconditioned;

static PetscErrorCode Linearize(ADJ adj, Vec x, Vec theta, void *ctx)
{
  Preconditioned *c = (Preconditioned *)ctx;
  Mat             M;

  PetscFunctionBeginUser;
  PetscCall(ProblemLinearize(adj, x, theta, &c->p));
  if (!c->update) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ProblemGetM(&c->p, x, &M));
  PetscCall(MatCopy(M, c->P, SAME_NONZERO_PATTERN));
  PetscCall(MatDestroy(&M));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Preconditioned *c, PetscReal s, const char options[], PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(options, opts));
  c->update = PETSC_FALSE;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 40, LAYOUT_UNEVEN, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.95, &c->p));
  c->p.residual = PETSC_TRUE;
  c->p.s        = s;
  PetscCall(ProblemGetM(&c->p, c->p.x, &c->P));
  PetscCall(ProblemCreateADJ(&c->p));
  PetscCall(ADJSetLinearize(c->p.adj, Linearize, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Preconditioned *c, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(OptionsEnd(opts));
  PetscCall(MatDestroy(&c->P));
  PetscCall(ProblemDestroy(&c->p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Pullback(Preconditioned *c, PetscInt *its)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSolveAdjoint(c->p.adj, c->p.v, c->p.thetabar));
  PetscCall(ADJGetAdjointIterations(c->p.adj, its));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P = M: one iteration everywhere. With P = M^H instead many, so it is transposed for the adjoint and for nothing else */
static PetscErrorCode TestTransposed(void)
{
  Preconditioned c;
  PetscOptions   opts;
  Mat            PH, seen[3];
  KSP            ksp, tksp, fksp;
  SNES           snes;
  Vec            first;
  PetscReal      error;
  PetscInt       its, tits, fits;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, 0.0, LU " -adj_ksp_rtol 1e-10", &opts));
  PetscCall(VecDuplicate(c.p.thetabar, &first));
  PetscCall(ADJSetPreconditioner(c.p.adj, c.P));
  PetscCall(ADJSetFromOptions(c.p.adj));
  PetscCall(ADJGetPreconditioner(c.p.adj, &seen[0]));
  PetscCall(TapOk((PetscBool)(seen[0] == c.P), "the matrix is handed back"));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(Pullback(&c, &its));
  PetscCall(ADJSolveTangent(c.p.adj, c.p.thetadot, c.p.xdot));
  PetscCall(ADJGetKSP(c.p.adj, &ksp));
  PetscCall(ADJGetTangentKSP(c.p.adj, &tksp));
  PetscCall(ADJGetSNES(c.p.adj, &snes));
  PetscCall(SNESGetKSP(snes, &fksp));
  PetscCall(KSPGetIterationNumber(fksp, &fits));
  PetscCall(KSPGetIterationNumber(tksp, &tits));
  PetscCall(TapOk((PetscBool)(its <= 2 && tits <= 2 && fits <= 2), "P = M: %" PetscInt_FMT ", %" PetscInt_FMT ", %" PetscInt_FMT " iterations of adjoint, tangent, Newton", its, tits, fits));
  PetscCall(KSPGetOperators(ksp, NULL, &seen[0]));
  PetscCall(KSPGetOperators(tksp, NULL, &seen[1]));
  PetscCall(KSPGetOperators(fksp, NULL, &seen[2]));
  PetscCall(TapOk((PetscBool)(seen[0] != c.P && seen[1] == c.P && seen[2] == c.P), "the adjoint has a copy, the tangent and Newton's method share P"));
  PetscCall(VecCopy(c.p.thetabar, first));

  PetscCall(MatHermitianTranspose(c.P, MAT_INITIAL_MATRIX, &PH));
  PetscCall(ADJSetPreconditioner(c.p.adj, PH));
  PetscCall(Pullback(&c, &its));
  PetscCall(TapOk((PetscBool)(its > 5), "P = M^H: %" PetscInt_FMT " iterations", its));
  PetscCall(VecDistance(c.p.thetabar, first, &error));
  PetscCall(TapBelow(error, 1e-8, "the gradient does not depend on P"));
  PetscCall(MatDestroy(&PH));
  PetscCall(VecDestroy(&first));
  PetscCall(End(&c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A nonlinear problem: P follows the state through the linearization, or is changed by hand, or not at all */
static PetscErrorCode TestUpdated(void)
{
  Preconditioned c;
  PetscOptions   opts;
  Vec            stale;
  PetscInt       its;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, 0.1, LU, &opts));
  PetscCall(VecScale(c.p.c, 0.1));
  PetscCall(VecScale(c.p.theta, 0.1));
  PetscCall(ADJSetPreconditioner(c.p.adj, c.P));
  PetscCall(ADJSetFromOptions(c.p.adj));
  c.update = PETSC_TRUE;
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
    PetscCall(Pullback(&c, &its));
    PetscCall(TapOk((PetscBool)(its <= 2), "P updated: %" PetscInt_FMT " iterations at state %" PetscInt_FMT, its, k));
    PetscCall(VecScale(c.p.theta, -1.5));
  }
  c.update = PETSC_FALSE;
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(Pullback(&c, &its));
  PetscCall(TapOk((PetscBool)(its > 2), "P left behind: %" PetscInt_FMT " iterations", its));
  PetscCall(VecDuplicate(c.p.x, &stale));
  PetscCall(VecCopy(c.p.x, stale));
  c.update = PETSC_TRUE;
  PetscCall(Linearize(c.p.adj, stale, c.p.theta, &c));
  PetscCall(Pullback(&c, &its));
  PetscCall(TapOk((PetscBool)(its <= 2), "P brought up to date by hand: %" PetscInt_FMT " iterations", its));
  PetscCall(VecDestroy(&stale));
  PetscCall(End(&c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is known to be its own transpose is used as it is; with complex scalars only a Hermitian matrix is */
static PetscErrorCode TestSelfAdjoint(MatOption option, PetscBool copied)
{
  Preconditioned c;
  PetscOptions   opts;
  Mat            seen;
  KSP            ksp;
  PetscInt       its;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, 0.0, "", &opts));
  PetscCall(MatZeroEntries(c.P));
  PetscCall(MatShift(c.P, 1.0));
  PetscCall(MatSetOption(c.P, option, PETSC_TRUE));
  if (option == MAT_SYMMETRIC) PetscCall(MatSetOption(c.P, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  PetscCall(ADJSetPreconditioner(c.p.adj, c.P));
  PetscCall(ADJSetFromOptions(c.p.adj));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(Pullback(&c, &its));
  PetscCall(ADJGetKSP(c.p.adj, &ksp));
  PetscCall(KSPGetOperators(ksp, NULL, &seen));
  PetscCall(TapOk((PetscBool)((seen != c.P) == copied), "%s P is %s", option == MAT_HERMITIAN ? "Hermitian" : "symmetric", copied ? "copied" : "used as it is"));
  PetscCall(End(&c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M^-H x by a solver of its own */
static PetscErrorCode ApplyInverse(PC pc, Vec x, Vec y)
{
  KSP inner;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &inner));
  PetscCall(KSPSolve(inner, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Multiply(Mat A, Vec x, Vec y)
{
  Mat P;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &P));
  PetscCall(MatMult(P, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A shell cannot be transposed; the user's own preconditioner needs no matrix */
static PetscErrorCode TestShells(void)
{
  Preconditioned c;
  PetscOptions   opts;
  Mat            shell, PH;
  KSP            ksp, inner;
  PC             pc;
  PetscInt       its, n;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, 0.0, "-adj_pc_type jacobi -adj_tangent_pc_type none -adj_forward_pc_type none", &opts));
  PetscCall(MatGetLocalSize(c.P, &n, NULL));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, c.p.n, c.p.n, c.P, &shell));
  PetscCall(MatShellSetOperation(shell, MATOP_MULT, ADJShellFn(Multiply)));
  PetscCall(ADJSetPreconditioner(c.p.adj, shell));
  PetscCall(ADJSetFromOptions(c.p.adj));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(TapError(PETSC_ERR_SUP, Pullback(&c, &its), "a shell for P is refused by the adjoint"));
  PetscCall(MatDestroy(&shell));
  PetscCall(End(&c, &opts));

  PetscCall(Begin(&c, 0.0, "", &opts));
  PetscCall(MatHermitianTranspose(c.P, MAT_INITIAL_MATRIX, &PH));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &inner));
  PetscCall(KSPSetType(inner, KSPPREONLY));
  PetscCall(KSPSetOperators(inner, PH, PH));
  PetscCall(KSPGetPC(inner, &pc));
  PetscCall(PCSetType(pc, PCREDUNDANT));
  PetscCall(ADJGetKSP(c.p.adj, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetContext(pc, inner));
  PetscCall(PCShellSetApply(pc, ApplyInverse));
  PetscCall(ADJSetFromOptions(c.p.adj));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(Pullback(&c, &its));
  PetscCall(TapOk((PetscBool)(its <= 2), "the user's PCSHELL: %" PetscInt_FMT " iterations", its));
  PetscCall(KSPDestroy(&inner));
  PetscCall(MatDestroy(&PH));
  PetscCall(End(&c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's default PC serves a matrix that comes late, and is gone with it */
static PetscErrorCode TestLate(void)
{
  Preconditioned c;
  PetscOptions   opts;
  PetscInt       none, some, its;

  PetscFunctionBeginUser;
  PetscCall(Begin(&c, 0.0, "", &opts));
  PetscCall(ADJSetFromOptions(c.p.adj));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(Pullback(&c, &none));
  PetscCall(ADJSetPreconditioner(c.p.adj, NULL));
  PetscCall(Pullback(&c, &its));
  PetscCall(TapOk((PetscBool)(its == none), "without P again: %" PetscInt_FMT " iterations", its));
  PetscCall(VecScale(c.p.theta, 2.0));
  PetscCall(ADJSolve(c.p.adj, c.p.theta, c.p.x));
  PetscCall(ADJSolveTangent(c.p.adj, c.p.thetadot, c.p.xdot));
  PetscCall(ADJSetPreconditioner(c.p.adj, c.P));
  PetscCall(Pullback(&c, &some));
  PetscCall(TapOk((PetscBool)(some < none), "P after the first solve: %" PetscInt_FMT " instead of %" PetscInt_FMT " iterations", some, none));
  PetscCall(End(&c, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestTransposed());
  PetscCall(TestUpdated());
  PetscCall(TestSelfAdjoint(MAT_HERMITIAN, PETSC_FALSE));
  PetscCall(TestSelfAdjoint(MAT_SYMMETRIC, (PetscBool)PetscDefined(USE_COMPLEX)));
  PetscCall(TestShells());
  PetscCall(TestLate());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
