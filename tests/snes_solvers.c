static char help[] = "A borrowed SNES: whatever solves the forward problem, the gradient is that of its solution.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "reaction.h"

#define TIGHT  " -snes_rtol 1e-10 -snes_stol 0 -adj_ksp_rtol 1e-11"
#define LOWEST 0.3 /* an estimate is not smaller, relative to what it estimates: see error_calibration.c */

/* Each way that a user may have chosen to solve it */
static const char *const solvers[] = {
  "-snes_type newtonls",
  "-snes_linesearch_type l2",
  "-snes_linesearch_type cp",
  "-snes_linesearch_type basic",
  "-snes_linesearch_type nleqerr",
  "-snes_ksp_ew",
  "-snes_ksp_ew -snes_ksp_ew_version 3",
  "-snes_lag_jacobian 2",
  "-snes_lag_jacobian -2",
  "-snes_lag_jacobian 3 -snes_lag_jacobian_persists true",
  "-snes_lag_preconditioner 2",
  "-snes_lag_preconditioner -2",
  "-snes_lag_preconditioner 3 -snes_lag_preconditioner_persists true",
  "-snes_type newtontr -snes_tr_delta0 10",
  "-snes_type qn -snes_max_it 1000",
  "-snes_type qn -snes_qn_scale_type jacobian",
  "-snes_type ncg -snes_max_it 1000",
  "-snes_type anderson -snes_anderson_beta 0.2 -snes_max_it 1000",
  "-snes_type ngmres -npc_snes_type nrichardson -npc_snes_max_it 3 -npc_snes_linesearch_damping 0.2 -npc_snes_linesearch_type basic -snes_max_it 1000",
  "-snes_type ngmres -npc_snes_type newtonls",
  "-snes_type nrichardson -npc_snes_type newtonls -snes_linesearch_type l2",
  "-snes_type newtonls -npc_snes_type nrichardson -snes_npc_side right -npc_snes_max_it 2 -npc_snes_linesearch_type l2",
  "-snes_type newtonls -npc_snes_type newtonls -snes_npc_side left -pc_type none -snes_linesearch_type basic",
  "-snes_type anderson -npc_snes_type newtonls -snes_npc_side left",
  "-snes_type aspin",
  "-snes_type fas -fas_coarse_snes_type newtonls -fas_levels_snes_type newtonls -fas_levels_snes_max_it 1 -snes_fas_levels 2",
  "-snes_type ngs -snes_max_it 2000",
  "-snes_mf_operator",
  "-snes_fd_color",
  "-snes_max_it 50 -ksp_type cgs -pc_type asm",
};

static PetscErrorCode TestSolver(const char solver[], Vec reference)
{
  Reaction     r;
  ADJ          adj;
  DM           da;
  Vec          x, xbar, thetabar;
  PetscOptions options;
  ADJTrust     verdict;
  char         text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s%s", solver, TIGHT));
  PetscCall(ReactionPushOptions(text, &options));
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 9, 4.0, &r));
  PetscCall(SNESSetFromOptions(r.snes));
  PetscCall(ReactionCreateADJ(&r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(SNESGetDM(r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ReactionCotangent(da, &xbar));
  PetscCall(VecDuplicate(r.theta, &thetabar));
  PetscCall(ADJSolve(adj, r.theta, x));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(adj, xbar, thetabar), "%s: a gradient", solver));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict > 0), "%s: verdict %s", solver, ADJTrusts[verdict]));
  PetscCall(ReactionTapGradient(thetabar, reference, 1e-7, solver));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&options, solver));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's tolerances, however loose: the verdict knows what they do to the gradient */
static PetscErrorCode TestLoose(const char solver[], Vec reference)
{
  Reaction       r;
  ADJ            adj;
  DM             da;
  Vec            x, xbar, thetabar;
  PetscOptions   options;
  ADJTrustReport report;
  PetscReal      norm, error;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions(solver, &options));
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 9, 4.0, &r));
  PetscCall(SNESSetFromOptions(r.snes));
  PetscCall(ReactionCreateADJ(&r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(ADJSetTrustGradientError(adj, ADJ_TRUST_ERROR_ALWAYS));
  PetscCall(ADJSetTrustAction(adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(SNESGetDM(r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ReactionCotangent(da, &xbar));
  PetscCall(VecDuplicate(r.theta, &thetabar));
  PetscCall(ADJSolve(adj, r.theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
  PetscCall(ADJGetTrustReport(adj, &report));
  PetscCall(VecNorm(reference, NORM_2, &norm));
  PetscCall(VecAXPY(thetabar, -1.0, reference));
  PetscCall(VecNorm(thetabar, NORM_2, &error));
  PetscCall(TapOk((PetscBool)(report.check[ADJ_CHECK_GRADIENT].status != ADJ_CHECK_SKIPPED), "%s: the error was estimated", solver));
  PetscCall(TapBelow(error / norm, report.check[ADJ_CHECK_GRADIENT].value / LOWEST, "%s: the error is as estimated", solver));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&options, solver));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The grid grows in the user's own solve; the solution is on the finest one */
static PetscErrorCode TestGridSequence(PetscInt levels)
{
  Reaction     r;
  ADJ          adj;
  DM           coarse, fine;
  Vec          x, xcoarse, xbar, thetabar, reference;
  PetscOptions options;
  char         text[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-snes_grid_sequence %" PetscInt_FMT " -snes_rtol 1e-10", levels));
  PetscCall(ReactionPushOptions(text, &options));
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 5, 4.0, &r));
  PetscCall(SNESSetFromOptions(r.snes));
  PetscCall(ReactionCreateADJ(&r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(SNESGetDM(r.snes, &coarse));
  PetscCall(DMCreateGlobalVector(coarse, &xcoarse));
  PetscCall(VecDuplicate(r.theta, &thetabar));
  PetscCall(VecDuplicate(r.theta, &reference));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(adj, r.theta, xcoarse), "%s: not with a coarse vector", text));
  PetscCall(ADJReset(adj));
  PetscCall(SNESSolve(r.snes, NULL, NULL));
  PetscCall(SNESGetSolution(r.snes, &x));
  PetscCall(SNESGetDM(r.snes, &fine));
  PetscCall(ReactionCotangent(fine, &xbar));
  PetscCall(ADJSetSolved(adj, r.theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
  PetscCall(ReactionReference(&r, x, xbar, reference));
  PetscCall(ReactionTapGradient(thetabar, reference, 1e-7, text));
  PetscCall(TapError(PETSC_ERR_SUP, ADJSolve(adj, r.theta, x), "%s: nor with a fine one, which would be refined", text));
  PetscCall(SNESSetGridSequence(r.snes, 0));
  PetscCall(PetscObjectReference((PetscObject)x));
  PetscCall(VecScale(r.theta, 1.1));
  PetscCall(ADJSolve(adj, r.theta, x));
  PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
  PetscCall(ReactionReference(&r, x, xbar, reference));
  PetscCall(ReactionTapGradient(thetabar, reference, 1e-7, "on the finest grid from there on"));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionPopOptions(&options, text));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xcoarse));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(VecDestroy(&reference));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The reference itself, by central differences */
static PetscErrorCode TestReference(Vec *thetabar)
{
  const PetscReal h = 1e-5;
  Reaction        r;
  DM              da;
  Vec             x, xbar;
  PetscScalar     plus, minus;
  PetscReal       slope, diff;

  PetscFunctionBeginUser;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 9, 4.0, &r));
  PetscCall(SNESGetDM(r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ReactionCotangent(da, &xbar));
  PetscCall(VecDuplicate(r.theta, thetabar));
  PetscCall(ReactionReference(&r, x, xbar, *thetabar));
  for (PetscInt k = 0; k < REACTION_M; k++) {
    const PetscScalar p = r.p[k];
    PetscInt          lo, hi;
    PetscScalar       entry = 0.0;

    r.p[k] = p + h;
    PetscCall(ReactionSolveTightly(&r, x));
    PetscCall(VecDot(x, xbar, &plus));
    r.p[k] = p - h;
    PetscCall(ReactionSolveTightly(&r, x));
    PetscCall(VecDot(x, xbar, &minus));
    r.p[k] = p;
    diff   = PetscRealPart(plus - minus) / (2.0 * h);
    PetscCall(VecGetOwnershipRange(*thetabar, &lo, &hi));
    if (lo <= k && k < hi) PetscCall(VecGetValues(*thetabar, 1, &k, &entry));
    slope = PetscRealPart(entry);
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &slope, 1, MPIU_REAL, MPIU_SUM, PETSC_COMM_WORLD));
    PetscCall(TapClose(slope, diff, 1e-6, "by hand: parameter %" PetscInt_FMT " against central differences", k));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(ReactionDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Vec reference;
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestReference(&reference));
  for (size_t i = 0; i < sizeof(solvers) / sizeof(solvers[0]); i++) PetscCall(TestSolver(solvers[i], reference));
  PetscCall(TestLoose("-snes_rtol 1e-2", reference));
  PetscCall(TestLoose("-snes_rtol 1e-3 -snes_ksp_ew -snes_lag_jacobian -2", reference));
  PetscCall(TestLoose("-snes_max_it 50", reference));
  PetscCall(TestGridSequence(1));
  PetscCall(TestGridSequence(2));
  PetscCall(VecDestroy(&reference));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
