static char help[] = "A borrowed SNES: whatever solves the forward problem, the gradient is that of its solution.\n\n";

/*
   nsize: 1 2 4
*/
#include "reaction.h"

#define TIGHT " -snes_rtol 1e-12 -snes_stol 0 -adj_ksp_rtol 1e-11"

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
  "-snes_type newtontr",
  "-snes_type qn -snes_max_it 1000",
  "-snes_type qn -snes_qn_scale_type jacobian",
  "-snes_type ncg -snes_max_it 1000",
  "-snes_type anderson -snes_anderson_beta 0.2 -snes_max_it 1000",
  "-snes_type ngmres -npc_snes_type nrichardson -npc_snes_max_it 3 -npc_snes_linesearch_damping 0.2 -npc_snes_linesearch_type basic -snes_max_it 1000",
  "-snes_type ngmres -npc_snes_type newtonls",
  "-snes_type nrichardson -npc_snes_type newtonls -snes_linesearch_type l2",
  "-snes_type newtonls -npc_snes_type nrichardson -snes_npc_side right -npc_snes_max_it 2 -npc_snes_linesearch_type l2",
  "-snes_type newtonls -npc_snes_type newtonls -snes_npc_side left",
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
  PetscCall(VecDestroy(&reference));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
