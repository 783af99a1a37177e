static char help[] = "A borrowed SNES solves bit for bit as it would alone, also after derivatives were taken.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "reaction.h"
#include <petsc/private/snesimpl.h>

#define SOLVES 4

static const char *const settings[] = {
  "-snes_type newtonls",
  "-snes_rtol 1e-3",
  "-snes_ksp_ew",
  "-snes_lag_jacobian 2",
  "-snes_lag_jacobian 2 -snes_lag_jacobian_persists true",
  "-snes_lag_jacobian 3 -snes_lag_jacobian_persists true -snes_lag_preconditioner 2 -snes_lag_preconditioner_persists true",
  "-snes_lag_jacobian -2",
  "-snes_lag_jacobian -2 -pc_type asm",
  "-snes_lag_preconditioner 2 -snes_lag_preconditioner_persists true",
  "-snes_lag_preconditioner 3 -snes_lag_preconditioner_persists true -adj_pc_source forward -pc_type jacobi",
  "-snes_lag_preconditioner -2",
  "-snes_lag_jacobian 2 -snes_lag_jacobian_persists true -snes_mf_operator",
  "-snes_fd_color",
  "-snes_fd_color -snes_lag_jacobian -2",
  "-snes_fd",
  "-snes_type newtontr -snes_tr_delta0 10",
  "-snes_type fas -snes_fas_levels 2 -fas_coarse_snes_type newtonls -fas_levels_snes_type newtonls -fas_levels_snes_max_it 1",
  "-snes_type ngmres -npc_snes_type newtonls",
  "-snes_type aspin",
};

/* What the user sees of one solve */
typedef struct {
  Vec                 x;
  PetscInt            its, lits, functions;
  SNESConvergedReason reason;
} Outcome;

/* A user with a monitor, a history and a convergence test */
typedef struct {
  Reaction  r;
  PetscInt  monitored, tested;
  PetscReal history[1000];
  PetscInt  lengths[1000];
} User;

static PetscErrorCode Monitor(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  (void)snes;
  (void)it;
  (void)rnorm;
  PetscFunctionBeginUser;
  ((User *)ctx)->monitored++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OtherMonitor(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  (void)snes;
  (void)it;
  (void)rnorm;
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Converged(SNES snes, PetscInt it, PetscReal xnorm, PetscReal snorm, PetscReal fnorm, SNESConvergedReason *reason, void *ctx)
{
  PetscFunctionBeginUser;
  ((User *)ctx)->tested++;
  PetscCall(SNESConvergedDefault(snes, it, xnorm, snorm, fnorm, reason, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode UserCreate(User *u)
{
  PetscFunctionBeginUser;
  u->monitored = u->tested = 0;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 9, 4.0, &u->r));
  PetscCall(SNESMonitorSet(u->r.snes, Monitor, u, NULL));
  PetscCall(SNESSetConvergenceTest(u->r.snes, Converged, u, NULL));
  PetscCall(SNESSetConvergenceHistory(u->r.snes, u->history, u->lengths, 1000, PETSC_FALSE));
  PetscCall(SNESSetFromOptions(u->r.snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Note(User *u, Vec x, Outcome *o)
{
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &o->x));
  PetscCall(VecCopy(x, o->x));
  PetscCall(SNESGetIterationNumber(u->r.snes, &o->its));
  PetscCall(SNESGetLinearSolveIterations(u->r.snes, &o->lits));
  PetscCall(SNESGetNumberFunctionEvals(u->r.snes, &o->functions));
  PetscCall(SNESGetConvergedReason(u->r.snes, &o->reason));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NextParameters(Vec theta)
{
  PetscFunctionBeginUser;
  PetscCall(VecScale(theta, 1.15));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Alone: the third solve starts afresh, the others from the last solution */
static PetscErrorCode SolveAlone(User *u, Outcome o[])
{
  DM  da;
  Vec x;

  PetscFunctionBeginUser;
  PetscCall(SNESGetDM(u->r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  for (PetscInt k = 0; k < SOLVES; k++) {
    PetscCall(ReactionPut(NULL, u->r.theta, &u->r));
    if (k == 2) PetscCall(VecSet(x, 0.0));
    PetscCall(SNESSolve(u->r.snes, NULL, x));
    PetscCall(Note(u, x, &o[k]));
    PetscCall(NextParameters(u->r.theta));
  }
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With derivatives in between; the solve is that of the ADJ, or the user's own */
static PetscErrorCode SolveBorrowed(User *u, PetscBool own, Outcome o[], PetscInt *linearized)
{
  ADJ         adj;
  DM          da;
  Vec         x, xbar, thetabar;
  PetscInt    before, after;
  ADJCounters counters;
  PetscBool   same = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(ReactionCreateADJ(&u->r, &adj));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(SNESGetDM(u->r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ReactionCotangent(da, &xbar));
  PetscCall(VecDuplicate(u->r.theta, &thetabar));
  for (PetscInt k = 0; k < SOLVES; k++) {
    if (k == 2) PetscCall(VecSet(x, 0.0));
    if (own) {
      PetscCall(ReactionPut(NULL, u->r.theta, &u->r));
      PetscCall(SNESSolve(u->r.snes, NULL, x));
      PetscCall(ADJSetSolved(adj, u->r.theta, x));
    } else
      PetscCall(ADJSolve(adj, u->r.theta, x));
    PetscCall(Note(u, x, &o[k]));
    PetscCall(SNESGetNumberFunctionEvals(u->r.snes, &before));
    PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
    PetscCall(ADJSolveAdjoint(adj, xbar, thetabar));
    PetscCall(SNESGetNumberFunctionEvals(u->r.snes, &after));
    if (after != before) same = PETSC_FALSE;
    PetscCall(NextParameters(u->r.theta));
  }
  PetscCall(TapOk(same, "  derivatives do not count as evaluations of the SNES"));
  PetscCall(ADJGetCounters(adj, &counters));
  *linearized = counters.linearize;
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&xbar));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSame(const char setting[], PetscBool own)
{
  User         plain, borrowed;
  Outcome      a[SOLVES], b[SOLVES];
  PetscOptions options;
  PetscInt     na, nb, linearized = 0;
  PetscBool    same, history = PETSC_TRUE;
  char         text[512];

  PetscFunctionBeginUser;
  PetscCall(TapOk(PETSC_TRUE, "%s, %s", setting, own ? "the user's own solve" : "ADJSolve()"));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s -adj_trust_gradient_error never -adj_trust_action ignore", setting));
  PetscCall(ReactionPushOptions(text, &options));
  PetscCall(UserCreate(&plain));
  PetscCall(UserCreate(&borrowed));
  PetscCall(SolveAlone(&plain, a));
  PetscCall(SolveBorrowed(&borrowed, own, b, &linearized));
  PetscCall(TapOk((PetscBool)(linearized == SOLVES), "  one linearization for each solution"));
  if (!plain.r.jacobians)
    PetscCall(TapOk((PetscBool)(!borrowed.r.jacobians), "  no Jacobian of the user's is called"));
  else
    PetscCall(TapOk((PetscBool)(borrowed.r.jacobians == plain.r.jacobians + SOLVES), "  one Jacobian more for each: %" PetscInt_FMT " beside %" PetscInt_FMT, borrowed.r.jacobians, plain.r.jacobians));
  for (PetscInt k = 0; k < SOLVES; k++) {
    PetscCall(VecEqual(a[k].x, b[k].x, &same));
    PetscCall(TapOk((PetscBool)(same && a[k].its == b[k].its && a[k].lits == b[k].lits && a[k].functions == b[k].functions && a[k].reason == b[k].reason), "  solve %" PetscInt_FMT ": the same solution, iterations %" PetscInt_FMT ", %" PetscInt_FMT ", evaluations %" PetscInt_FMT, k, a[k].its, a[k].lits, a[k].functions));
    PetscCall(VecDestroy(&a[k].x));
    PetscCall(VecDestroy(&b[k].x));
  }
  PetscCall(SNESGetConvergenceHistory(plain.r.snes, NULL, NULL, &na));
  PetscCall(SNESGetConvergenceHistory(borrowed.r.snes, NULL, NULL, &nb));
  for (PetscInt i = 0; i < PetscMin(na, nb); i++) history = (PetscBool)(history && plain.history[i] == borrowed.history[i]);
  PetscCall(TapOk((PetscBool)(history && na == nb && na > 0), "  the same history"));
  PetscCall(TapOk((PetscBool)(plain.monitored == borrowed.monitored && plain.tested == borrowed.tested && plain.tested > 0), "  the user's monitor and test are called as often"));
  PetscCall(ReactionDestroy(&plain.r));
  PetscCall(ReactionDestroy(&borrowed.r));
  PetscCall(ReactionPopOptions(&options, "  "));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All places for monitors are taken by the user */
static PetscErrorCode TestMonitors(void)
{
  User             u;
  ADJ              adj;
  DM               da;
  Vec              x;
  PetscInt         calls[20], n, its;
  const PetscReal *history;
  PetscBool        all = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(UserCreate(&u));
  for (n = 0; u.r.snes->numbermonitors < MAXSNESMONITORS; n++) {
    calls[n] = 0;
    PetscCall(SNESMonitorSet(u.r.snes, OtherMonitor, &calls[n], NULL));
  }
  PetscCall(ReactionCreateADJ(&u.r, &adj));
  PetscCall(SNESGetDM(u.r.snes, &da));
  PetscCall(DMCreateGlobalVector(da, &x));
  PetscCall(ADJSolve(adj, u.r.theta, x));
  PetscCall(ADJGetForwardHistory(adj, &its, &history));
  PetscCall(TapOk((PetscBool)(its > 1 && its == u.monitored), "many monitors: the ADJ has its history, %" PetscInt_FMT " norms", its));
  PetscCall(SNESSolve(u.r.snes, NULL, x));
  for (PetscInt k = 0; k < n; k++) all = (PetscBool)(all && calls[k] == u.monitored);
  PetscCall(TapOk(all, "many monitors: all are called, then and later"));
  PetscCall(TapOk((PetscBool)(u.r.snes->numbermonitors == MAXSNESMONITORS), "many monitors: they are all there"));
  PetscCall(VecDestroy(&x));
  PetscCall(ADJDestroy(&adj));
  PetscCall(ReactionDestroy(&u.r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    PetscCall(TestSame(settings[i], PETSC_FALSE));
    PetscCall(TestSame(settings[i], PETSC_TRUE));
  }
  PetscCall(TestMonitors());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
