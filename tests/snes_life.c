static char help[] = "A borrowed SNES: the mistakes that one can make, and the life cycle of both.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "reaction_case.h"

static PetscErrorCode TapReferences(SNES snes, PetscInt expected, const char what[])
{
  PetscInt count;

  PetscFunctionBeginUser;
  PetscCall(PetscObjectGetReference((PetscObject)snes, &count));
  PetscCall(TapOk((PetscBool)(count == expected), "%s: %" PetscInt_FMT " references to the SNES", what, count));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMistakes(void)
{
  Case        c;
  ADJ         adj;
  SNES        snes;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJSetSNES(adj, NULL), "mistake: NULL"));
  PetscCall(SNESCreate(PETSC_COMM_SELF, &snes));
  if (size > 1) PetscCall(TapError(PETSC_ERR_ARG_NOTSAMECOMM, ADJSetSNES(adj, snes), "mistake: another communicator"));
  PetscCall(SNESDestroy(&snes));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &snes));
  PetscCall(ADJSetSNES(adj, snes));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolve(adj, c.r.theta, c.x), "mistake: a SNES without a function"));
  PetscCall(ADJSetSNES(adj, c.r.snes));
  PetscCall(TapReferences(snes, 1, "replaced"));
  PetscCall(SNESDestroy(&snes));
  PetscCall(ADJSetParameters(adj, ReactionPut, &c.r));
  PetscCall(ADJSolve(adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetSNES(adj, c.r.snes), "mistake: after set-up"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "mistake: nothing is known of theta"));
  PetscCall(ADJSetParameterVJP(adj, ReactionParameterVJP, &c.r));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, c.xbar, c.thetabar), "mistake: now it is"));
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-7, "mistake: after all of them"));
  PetscCall(ADJSetSteps(adj, 3));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(adj, c.r.theta, c.x), "mistake: steps of a solver that is not ours"));
  PetscCall(ADJSetSteps(adj, PETSC_DETERMINE));
  PetscCall(ADJReset(adj));
  PetscCall(ADJSetType(adj, ADJUNROLLED));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(adj, c.r.theta, c.x), "mistake: a type that differentiates steps"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestReset(void)
{
  Case c;
  DM   coarse, fine;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(TapGood(&c, "reset: before"));
  coarse = c.da;
  PetscCall(PetscObjectReference((PetscObject)coarse)); /* PETSc tells a DM whose functions others share by its address */
  PetscCall(DMRefine(coarse, PETSC_COMM_WORLD, &fine));
  PetscCall(CaseFreeVectors(&c));
  PetscCall(SNESReset(c.r.snes));
  PetscCall(SNESSetDM(c.r.snes, fine));
  PetscCall(DMDestroy(&fine));
  PetscCall(CaseVectors(&c));
  PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(c.adj, c.r.theta, c.x), "reset: not without it"));
  PetscCall(ADJReset(c.adj));
  PetscCall(TapGood(&c, "reset: on a finer grid"));
  PetscCall(SNESReset(c.r.snes)); /* its matrices are others now */
  PetscCall(TapGood(&c, "reset: of the SNES alone"));
  PetscCall(TapReferences(c.r.snes, 2, "reset"));
  PetscCall(ADJDestroy(&c.adj));
  PetscCall(TapReferences(c.r.snes, 1, "destroyed"));
  PetscCall(SNESSolve(c.r.snes, NULL, c.x));
  PetscCall(TapOk(PETSC_TRUE, "destroyed: the SNES solves"));
  PetscCall(DMDestroy(&coarse));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two contexts, at different parameters, by turns: matrices and parameters are shared */
static PetscErrorCode TestTwo(const char options[])
{
  Case         c;
  ADJ          other;
  Vec          theta, x, reference;
  PetscScalar  p[REACTION_M];
  PetscOptions database;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions(options, &database));
  PetscCall(CaseCreate(&c));
  PetscCall(SNESSetFromOptions(c.r.snes));
  PetscCall(ReactionCreateADJ(&c.r, &other));
  PetscCall(VecDuplicate(c.r.theta, &theta));
  PetscCall(VecCopy(c.r.theta, theta));
  PetscCall(VecScale(theta, 1.3));
  PetscCall(VecDuplicate(c.x, &x));
  PetscCall(VecDuplicate(theta, &reference));
  for (PetscInt k = 0; k < REACTION_M; k++) {
    p[k] = c.r.p[k];
    c.r.p[k] *= 1.3;
  }
  PetscCall(ReactionReference(&c.r, x, c.xbar, reference));
  for (PetscInt k = 0; k < REACTION_M; k++) c.r.p[k] = p[k];
  PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(ADJSolve(other, theta, x));
  for (PetscInt again = 0; again < 2; again++) {
    PetscCall(ADJSolveAdjoint(c.adj, c.xbar, c.thetabar));
    PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-7, "two contexts: of the first"));
    PetscCall(ADJSolveAdjoint(other, c.xbar, c.thetabar));
    PetscCall(ReactionTapGradient(c.thetabar, reference, 1e-7, "two contexts: of the second"));
  }
  PetscCall(ADJSolve(other, theta, x));
  PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(ADJSolveAdjoint(other, c.xbar, c.thetabar));
  PetscCall(ReactionTapGradient(c.thetabar, reference, 1e-7, "two contexts: the other way round"));
  PetscCall(TapReferences(c.r.snes, 3, "two contexts"));
  PetscCall(ADJDestroy(&other));
  PetscCall(TapGood(&c, "two contexts: one is gone"));
  PetscCall(ReactionPopOptions(&database, "two contexts"));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&reference));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Residual(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Reaction *r = (Reaction *)ctx;

  PetscFunctionBeginUser;
  PetscCall(ReactionPut(adj, theta, r));
  PetscCall(SNESComputeFunction(r->snes, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From a borrowed solver to the ADJ's own and back, with the same functions */
static PetscErrorCode TestReplaced(void)
{
  Case      c;
  SNES      snes;
  Mat       J;
  PetscReal norm;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(TapGood(&c, "replaced: borrowed"));
  PetscCall(ADJSetResidual(c.adj, Residual, &c.r));
  PetscCall(TapReferences(c.r.snes, 1, "replaced by a residual"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "replaced: its solution is forgotten"));
  PetscCall(ADJSetVJP(c.adj, ReactionVJP, &c.r));
  PetscCall(TapGood(&c, "replaced: by a residual"));
  PetscCall(ADJGetSNES(c.adj, &snes));
  PetscCall(TapOk((PetscBool)(snes != c.r.snes), "replaced: the ADJ has its own SNES"));
  PetscCall(ADJReset(c.adj));
  PetscCall(ADJSetVJP(c.adj, NULL, NULL));
  PetscCall(ADJSetSNES(c.adj, c.r.snes));
  PetscCall(TapGood(&c, "replaced: borrowed again"));
  PetscCall(ADJGetSNES(c.adj, &snes));
  PetscCall(TapOk((PetscBool)(snes == c.r.snes), "replaced: it is the user's again"));
  PetscCall(ReactionSolveTightly(&c.r, c.x));
  PetscCall(ReactionCreateJacobian(&c.r, c.x, &J));
  PetscCall(ADJSetJacobian(c.adj, J, J, NULL, NULL));
  PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(ADJSetResidual(c.adj, Residual, &c.r)); /* the user's matrix stays */
  PetscCall(TapGood(&c, "replaced: by a residual, with a Jacobian"));
  PetscCall(MatNorm(J, NORM_FROBENIUS, &norm));
  PetscCall(TapOk((PetscBool)(norm > 0.0), "replaced: which is still there"));
  PetscCall(MatDestroy(&J));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bounds are not differentiated */
static PetscErrorCode TestBounds(const char type[], PetscBool taken)
{
  Case     c;
  Vec      lower, upper;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(SNESSetType(c.r.snes, type));
  PetscCall(VecDuplicate(c.x, &lower));
  PetscCall(VecDuplicate(c.x, &upper));
  PetscCall(VecSet(lower, -1.0));
  PetscCall(VecSet(upper, 0.3));
  PetscCall(SNESVISetVariableBounds(c.r.snes, lower, upper));
  if (taken) {
    PetscCall(SNESSolve(c.r.snes, NULL, c.x));
    PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
  } else
    PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "%s: refused", type));
  PetscCall(ADJGetTrust(c.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_REFUTED_FORWARD), "%s: verdict %s", type, ADJTrusts[verdict]));
  PetscCall(VecDestroy(&lower));
  PetscCall(VecDestroy(&upper));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's own solve is recalled: it needs no estimate to be trusted, unless it ended far from a solution */
static PetscErrorCode TestRecalled(void)
{
  Case           c;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  for (PetscInt far = 0; far < 2; far++) {
    if (far) PetscCall(SNESSetTolerances(c.r.snes, 1e-50, 1e-2, 0.0, ADJ_CURRENT, ADJ_CURRENT));
    PetscCall(VecSet(c.x, 0.0));
    PetscCall(SNESSolve(c.r.snes, NULL, c.x));
    PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
    PetscCall(ADJSolveAdjoint(c.adj, c.xbar, c.thetabar));
    PetscCall(ADJGetTrustReport(c.adj, &report));
    PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_FORWARD].status == (far ? ADJ_CHECK_INFO : ADJ_CHECK_PASSED)), "recalled: check of the forward solve %s", ADJCheckStatuses[report.check[ADJ_CHECK_FORWARD].status]));
    if (far) PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_GRADIENT].status != ADJ_CHECK_SKIPPED), "recalled: the error of a loose one is estimated"));
  }
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution came from elsewhere, the SNES never solved */
static PetscErrorCode TestNeverSolved(void)
{
  Case     c;
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(CaseCreate(&c));
  PetscCall(ReactionSolveTightly(&c.r, c.x));
  PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "never solved: a gradient"));
  PetscCall(ADJGetTrust(c.adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "never solved: verdict %s", ADJTrusts[verdict]));
  PetscCall(ReactionTapGradient(c.thetabar, c.reference, 1e-7, "never solved"));
  PetscCall(VecScale(c.x, 1.2));
  PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "never solved: what is no solution is refused"));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestMistakes());
  PetscCall(TestReset());
  PetscCall(TestTwo("-snes_type newtonls"));
  PetscCall(TestTwo("-snes_lag_jacobian 2 -snes_lag_jacobian_persists true"));
  PetscCall(TestReplaced());
  PetscCall(TestBounds(SNESVINEWTONRSLS, PETSC_FALSE));
  PetscCall(TestBounds(SNESVINEWTONSSLS, PETSC_TRUE));
  PetscCall(TestRecalled());
  PetscCall(TestNeverSolved());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
