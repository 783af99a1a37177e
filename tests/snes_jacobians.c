static char help[] = "A borrowed SNES: every way in which a user may give the Jacobian, or none.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "reaction.h"

#define COMMON " -snes_rtol 1e-11 -snes_stol 0"

typedef enum {
  BY_DM,      /* DMDASNESSetJacobianLocal() */
  BY_SNES,    /* SNESSetJacobian() with matrices */
  BY_TWO,     /* and with a preconditioner's matrix that is another one */
  BY_NOTHING, /* the SNES makes its own, by coloring */
  BY_NO_DM,   /* functions, vectors and matrices, and no DM */
  BY_SHELL    /* a shell with its transpose, and a matrix */
} Way;
static const char *const ways[] = {"DM", "SNES", "two matrices", "nothing", "without a DM", "a shell"};

typedef struct {
  Reaction r;
  DM       da;
  Mat      A, P, J;
  Vec      f, x, xbar, thetabar, reference;
} Case;

static PetscErrorCode Function(SNES snes, Vec x, Vec f, void *ctx)
{
  Case         *c = (Case *)ctx;
  DMDALocalInfo info;
  Vec           local;
  PetscScalar **u, **v;

  (void)snes;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMGetLocalVector(c->da, &local));
  PetscCall(DMGlobalToLocal(c->da, x, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(c->da, local, &u));
  PetscCall(DMDAVecGetArray(c->da, f, &v));
  PetscCall(ReactionFunction(&info, u, v, &c->r));
  PetscCall(DMDAVecRestoreArray(c->da, f, &v));
  PetscCall(DMDAVecRestoreArrayRead(c->da, local, &u));
  PetscCall(DMRestoreLocalVector(c->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Into the matrices of the case, whichever are passed: there are such codes */
static PetscErrorCode Jacobian(SNES snes, Vec x, Mat A, Mat P, void *ctx)
{
  Case         *c = (Case *)ctx;
  DMDALocalInfo info;
  Vec           local;
  PetscScalar **u;
  PetscBool     shell;

  (void)snes;
  (void)P;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMGetLocalVector(c->da, &local));
  PetscCall(DMGlobalToLocal(c->da, x, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(c->da, local, &u));
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATSHELL, &shell));
  PetscCall(ReactionJacobian(&info, u, shell ? c->J : c->A, shell ? c->J : c->A, &c->r));
  if (c->P != c->A) {
    c->r.scale = 0.9;
    PetscCall(ReactionJacobian(&info, u, c->P, c->P, &c->r));
    c->r.scale = 1.0;
  }
  if (shell) {
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscCall(DMDAVecRestoreArrayRead(c->da, local, &u));
  PetscCall(DMRestoreLocalVector(c->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Mult(Mat A, Vec x, Vec y)
{
  Case *c;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &c));
  PetscCall(MatMult(c->J, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MultTranspose(Mat A, Vec x, Vec y)
{
  Case *c;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &c));
  PetscCall(MatMultTranspose(c->J, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode UseShell(Case *c)
{
  PetscInt n, N;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(c->x, &n));
  PetscCall(VecGetSize(c->x, &N));
  PetscCall(MatDestroy(&c->A));
  PetscCall(DMCreateMatrix(c->da, &c->J));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, n, n, N, N, c, &c->A));
  PetscCall(MatShellSetOperation(c->A, MATOP_MULT, ADJShellFn(Mult)));
  PetscCall(MatShellSetOperation(c->A, MATOP_MULT_TRANSPOSE, ADJShellFn(MultTranspose)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode UseFunctions(Way way, Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(DMClone(c->da, &c->da)); /* one that has no functions */
  if (way == BY_NO_DM) {
    PetscCall(SNESDestroy(&c->r.snes));
    PetscCall(SNESCreate(PETSC_COMM_WORLD, &c->r.snes));
  } else
    PetscCall(SNESSetDM(c->r.snes, c->da));
  PetscCall(SNESSetFunction(c->r.snes, c->f, Function, c));
  if (way == BY_NOTHING) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMCreateMatrix(c->da, &c->A));
  if (way == BY_TWO || way == BY_SHELL)
    PetscCall(DMCreateMatrix(c->da, &c->P));
  else {
    PetscCall(PetscObjectReference((PetscObject)c->A));
    c->P = c->A;
  }
  if (way == BY_SHELL) PetscCall(UseShell(c));
  PetscCall(SNESSetJacobian(c->r.snes, c->A, c->P, Jacobian, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(Way way, PetscReal convection, Case *c)
{
  PetscFunctionBeginUser;
  c->A = c->P = c->J = NULL;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 8, convection, &c->r));
  PetscCall(SNESGetDM(c->r.snes, &c->da));
  PetscCall(DMCreateGlobalVector(c->da, &c->x));
  PetscCall(VecDuplicate(c->x, &c->f));
  PetscCall(ReactionCotangent(c->da, &c->xbar));
  PetscCall(VecDuplicate(c->r.theta, &c->thetabar));
  PetscCall(VecDuplicate(c->r.theta, &c->reference));
  PetscCall(ReactionReference(&c->r, c->x, c->xbar, c->reference));
  if (way == BY_DM)
    PetscCall(PetscObjectReference((PetscObject)c->da));
  else
    PetscCall(UseFunctions(way, c));
  PetscCall(SNESSetFromOptions(c->r.snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseDestroy(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->f));
  PetscCall(VecDestroy(&c->xbar));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(VecDestroy(&c->reference));
  PetscCall(MatDestroy(&c->A));
  PetscCall(MatDestroy(&c->P));
  PetscCall(MatDestroy(&c->J));
  PetscCall(DMDestroy(&c->da));
  PetscCall(ReactionDestroy(&c->r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* dR/dtheta does not come from the SNES's DM here */
static PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Case    *c     = (Case *)ctx;
  Reaction other = c->r;

  PetscFunctionBeginUser;
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &other.snes));
  PetscCall(SNESSetDM(other.snes, c->da));
  PetscCall(ReactionParameterVJP(adj, x, theta, w, thetabar, &other));
  PetscCall(SNESDestroy(&other.snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two solutions: what was built at the first one must not serve at the second unasked */
static PetscErrorCode TestJacobian(Way way, PetscBool symmetric, const char options[], PetscReal tol)
{
  Case         c;
  ADJ          adj;
  PetscOptions database;
  ADJTrust     verdict;
  char         what[256], text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "Jacobian by %s%s%s%s", ways[way], symmetric ? ", symmetric" : "", options[0] ? ", " : "", options));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s" COMMON, options));
  PetscCall(ReactionPushOptions(text, &database));
  PetscCall(CaseCreate(way, symmetric ? 0.0 : 4.0, &c));
  PetscCall(ReactionCreateADJ(&c.r, &adj));
  PetscCall(ADJSetParameterVJP(adj, ParameterVJP, &c));
  if (symmetric) PetscCall(ADJSetSymmetric(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  for (PetscInt again = 0; again < 2; again++) {
    PetscCall(VecScale(c.r.theta, again ? 1.0 / 1.3 : 1.3));
    PetscCall(ADJSolve(adj, c.r.theta, c.x));
    PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "%s: a gradient", what));
    PetscCall(ADJGetTrust(adj, &verdict));
    PetscCall(TapOk((PetscBool)(verdict > 0), "%s: verdict %s", what, ADJTrusts[verdict]));
  }
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, tol, what));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&database, what));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Differences have no transpose */
static PetscErrorCode TestMatrixFree(void)
{
  Case         c;
  ADJ          adj;
  PetscOptions database;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions("-snes_mf" COMMON, &database));
  PetscCall(CaseCreate(BY_DM, 4.0, &c));
  PetscCall(ReactionCreateADJ(&c.r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "-snes_mf: no product with the transpose"));
  PetscCall(ADJSetVJP(adj, ReactionVJP, &c.r));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-7, "-snes_mf with a VJP at the same solution"));
  PetscCall(ADJSetVJP(adj, NULL, NULL));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-6, "-snes_mf with coloring at the same solution"));
  PetscCall(ADJSetFDColor(adj, PETSC_FALSE));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "-snes_mf: and without them"));
  PetscCall(ADJSetSymmetric(adj, PETSC_TRUE));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "-snes_mf: a wrong claim of symmetry is refused"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&database, "-snes_mf"));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A matrix that is not the derivative, by the user's mistake; and the user's own that is */
static PetscErrorCode TestWrong(void)
{
  Case           c;
  ADJ            adj;
  Mat            J;
  PetscOptions   database;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions("-snes_max_it 500" COMMON, &database));
  PetscCall(CaseCreate(BY_DM, 4.0, &c));
  c.r.scale = 0.9;
  PetscCall(ReactionCreateADJ(&c.r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSolve(adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "wrong Jacobian: refused"));
  PetscCall(ADJGetTrustReport(adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_VJP && report.check[ADJ_CHECK_VJP_X].status == ADJ_CHECK_FAILED), "wrong Jacobian: verdict %s, mismatch %g", ADJTrusts[report.verdict], (double)report.check[ADJ_CHECK_VJP_X].value));
  PetscCall(ReactionCreateJacobian(&c.r, c.x, &J));
  PetscCall(ADJSetJacobian(adj, J, J, NULL, NULL));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-7, "wrong Jacobian, another by ADJSetJacobian()"));
  PetscCall(ADJSetJacobian(adj, NULL, NULL, NULL, NULL));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "wrong Jacobian: again that of the SNES"));
  PetscCall(MatDestroy(&J));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&database, "wrong Jacobian"));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (Way way = BY_DM; way <= BY_SHELL; way++) {
    const PetscReal tol = way == BY_NOTHING ? 1e-6 : 1e-7;

    PetscCall(TestJacobian(way, PETSC_FALSE, "", tol));
    PetscCall(TestJacobian(way, PETSC_TRUE, "", tol));
    PetscCall(TestJacobian(way, PETSC_FALSE, "-snes_lag_jacobian 2 -snes_lag_jacobian_persists true", tol));
    if (way != BY_SHELL) PetscCall(TestJacobian(way, PETSC_FALSE, "-adj_transpose explicit", tol));
  }
  PetscCall(TestJacobian(BY_DM, PETSC_FALSE, "-snes_mf_operator", 1e-7));
  PetscCall(TestJacobian(BY_DM, PETSC_TRUE, "-snes_mf_operator", 1e-7));
  PetscCall(TestJacobian(BY_SNES, PETSC_TRUE, "-snes_mf", 1e-7));
  PetscCall(TestJacobian(BY_DM, PETSC_FALSE, "-snes_fd_color", 1e-6));
  PetscCall(TestJacobian(BY_NO_DM, PETSC_FALSE, "-snes_fd_color", 1e-6));
  PetscCall(TestJacobian(BY_DM, PETSC_FALSE, "-snes_fd", 1e-6));
  PetscCall(TestJacobian(BY_DM, PETSC_FALSE, "-snes_mf -adj_vjp_fd_color", 1e-6));
  PetscCall(TestMatrixFree());
  PetscCall(TestWrong());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
