static char help[] = "The Taylor test through a borrowed SNES, from wherever it starts, and no trace of it; what is viewed of the SNES.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "files.h"
#include "reaction.h"

typedef enum {
  FROM_ZERO,
  FROM_SOLUTION, /* a warm start */
  FROM_SOLVED    /* after ADJSetSolved(), by -adj_test_gradient's way */
} Start;
static const char *const starts[] = {"from zero", "from the solution", "after ADJSetSolved()"};

static const char *const settings[] = {
  "-snes_type newtonls",
  "-snes_rtol 1e-2 -snes_ksp_ew",
  "-snes_error_if_not_converged",
  "-snes_lag_jacobian 2 -snes_lag_jacobian_persists true",
  "-snes_lag_jacobian -2",
  "-snes_lag_preconditioner 2 -snes_lag_preconditioner_persists true -snes_mf_operator",
  "-snes_type newtontr -snes_tr_delta0 10",
  "-snes_type anderson -snes_anderson_beta 0.2 -snes_max_it 1000",
  "-snes_type ngmres -npc_snes_type newtonls",
  "-snes_type nrichardson -npc_snes_type newtonls -snes_npc_side left",
  "-snes_fd_color",
};

typedef struct {
  PetscInt  monitored;
  PetscReal history[100];
  Reaction  r;
  ADJ       adj;
  DM        da;
  Vec       x, xbar, thetabar;
} Case;

static PetscErrorCode Monitor(SNES snes, PetscInt it, PetscReal rnorm, void *ctx)
{
  (void)snes;
  (void)it;
  (void)rnorm;
  PetscFunctionBeginUser;
  (*(PetscInt *)ctx)++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One that does not look at tolerances */
static PetscErrorCode Converged(SNES snes, PetscInt it, PetscReal xnorm, PetscReal snorm, PetscReal fnorm, SNESConvergedReason *reason, void *ctx)
{
  (void)snes;
  (void)xnorm;
  (void)snorm;
  (void)fnorm;
  (void)ctx;
  PetscFunctionBeginUser;
  *reason = it < 3 ? SNES_CONVERGED_ITERATING : SNES_CONVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(Case *c)
{
  PetscFunctionBeginUser;
  c->monitored = 0;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 7, 4.0, &c->r));
  PetscCall(SNESMonitorSet(c->r.snes, Monitor, &c->monitored, NULL));
  PetscCall(SNESSetConvergenceHistory(c->r.snes, c->history, NULL, 100, PETSC_FALSE));
  PetscCall(SNESSetFromOptions(c->r.snes));
  PetscCall(ReactionCreateADJ(&c->r, &c->adj));
  PetscCall(ADJSetTrustAction(c->adj, ADJ_TRUST_ACTION_IGNORE));
  PetscCall(ADJSetFromOptions(c->adj));
  PetscCall(SNESGetDM(c->r.snes, &c->da));
  PetscCall(DMCreateGlobalVector(c->da, &c->x));
  PetscCall(ReactionCotangent(c->da, &c->xbar));
  PetscCall(VecDuplicate(c->r.theta, &c->thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseDestroy(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&c->adj));
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->xbar));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(ReactionDestroy(&c->r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapOrder(Case *c, Vec x0, PetscReal tol, const char what[], const char start[])
{
  PetscReal order = -1.0, error = -1.0;

  PetscFunctionBeginUser;
  PetscCall(TapError(PETSC_SUCCESS, ADJTestGradient(c->adj, c->r.theta, x0, c->xbar, &order, &error), "%s, %s: the test ends", what, start));
  PetscCall(TapBelow(PetscAbsReal(order - 2.0), 0.2, "%s, %s: order 2", what, start));
  PetscCall(TapBelow(error, tol, "%s, %s: the central difference agrees", what, start));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestOrder(const char setting[], Start start)
{
  Case         c;
  Vec          x0;
  PetscOptions database;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions(setting, &database));
  PetscCall(CaseCreate(&c));
  PetscCall(VecDuplicate(c.x, &x0));
  if (start == FROM_SOLVED) {
    PetscCall(SNESSolve(c.r.snes, NULL, c.x));
    PetscCall(ReactionSolveTightly(&c.r, c.x));
    PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
    PetscCall(ADJSolveAdjoint(c.adj, c.xbar, c.thetabar));
  } else if (start == FROM_SOLUTION) {
    PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
    PetscCall(ReactionSolveTightly(&c.r, c.x));
  }
  PetscCall(VecCopy(c.x, x0));
  PetscCall(TapOrder(&c, x0, 1e-6, setting, starts[start]));
  PetscCall(VecDestroy(&x0));
  PetscCall(ReactionPopOptions(&database, setting));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A gradient that is wrong by a part is found: the user's product in theta, here */
static PetscErrorCode WrongVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  PetscFunctionBeginUser;
  PetscCall(ReactionParameterVJP(adj, x, theta, w, thetabar, ctx));
  PetscCall(VecScale(thetabar, 1.01));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestWrong(void)
{
  Case         c;
  PetscReal    order, error;
  PetscOptions database;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions("-snes_rtol 1e-10", &database));
  PetscCall(CaseCreate(&c));
  PetscCall(ADJSetParameterVJP(c.adj, WrongVJP, &c.r));
  PetscCall(ReactionSolveTightly(&c.r, c.x));
  PetscCall(ADJSetSolved(c.adj, c.r.theta, c.x));
  PetscCall(ADJTestGradient(c.adj, c.r.theta, c.x, c.xbar, &order, &error));
  PetscCall(TapBelow(order, 1.5, "wrong by a hundredth: not of order 2"));
  PetscCall(TapClose(error, 0.01, 0.05, "wrong by a hundredth: by that much"));
  PetscCall(ReactionPopOptions(&database, "wrong by a hundredth"));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a user can ask a SNES for */
typedef struct {
  PetscReal           atol, rtol, stol;
  PetscInt            maxit, maxf, its, lits, functions, lag[2], grid, history;
  PetscBool           strict;
  SNESConvergedReason reason;
  Vec                 x, f;
  PetscErrorCode (*converged)(SNES, PetscInt, PetscReal, PetscReal, PetscReal, SNESConvergedReason *, void *);
} Seen;

static PetscErrorCode Look(SNES snes, Seen *s)
{
  Vec f;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  PetscCall(SNESGetTolerances(snes, &s->atol, &s->rtol, &s->stol, &s->maxit, &s->maxf));
  PetscCall(SNESGetIterationNumber(snes, &s->its));
  PetscCall(SNESGetLinearSolveIterations(snes, &s->lits));
  PetscCall(SNESGetNumberFunctionEvals(snes, &s->functions));
  PetscCall(SNESGetLagJacobian(snes, &s->lag[0]));
  PetscCall(SNESGetLagPreconditioner(snes, &s->lag[1]));
  PetscCall(SNESGetGridSequence(snes, &s->grid));
  PetscCall(SNESGetConvergenceHistory(snes, NULL, NULL, &s->history));
  PetscCall(SNESGetErrorIfNotConverged(snes, &s->strict));
  PetscCall(SNESGetConvergedReason(snes, &s->reason));
  PetscCall(SNESGetSolution(snes, &s->x));
  PetscCall(SNESGetFunction(snes, &f, NULL, NULL));
  PetscCall(VecDuplicate(f, &s->f));
  PetscCall(VecCopy(f, s->f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestNoTrace(const char setting[], PetscBool exact)
{
  Case         c[2];
  Seen         a, b;
  PetscOptions database;
  PetscReal    order, error;
  PetscBool    samef, samex;
  PetscInt     monitored, its[2];

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions(setting, &database));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(CaseCreate(&c[k]));
    PetscCall(ADJSolve(c[k].adj, c[k].r.theta, c[k].x));
    PetscCall(ADJSolveAdjoint(c[k].adj, c[k].xbar, c[k].thetabar));
  }
  PetscCall(Look(c[1].r.snes, &a));
  monitored = c[1].monitored;
  PetscCall(ADJTestGradient(c[1].adj, c[1].r.theta, c[1].x, c[1].xbar, &order, &error));
  PetscCall(Look(c[1].r.snes, &b));
  PetscCall(VecEqual(a.f, b.f, &samef));
  PetscCall(VecDestroy(&a.f));
  PetscCall(VecDestroy(&b.f));
  PetscCall(PetscMemcmp(&a, &b, sizeof(a), &samex));
  PetscCall(TapOk((PetscBool)(samef && samex && monitored == c[1].monitored), "%s: the SNES does not know of the test", setting));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(VecScale(c[k].r.theta, 1.1));
    PetscCall(ADJSolve(c[k].adj, c[k].r.theta, c[k].x));
    PetscCall(SNESGetIterationNumber(c[k].r.snes, &its[k]));
  }
  PetscCall(VecEqual(c[0].x, c[1].x, &samex));
  PetscCall(TapOk((PetscBool)((samex && its[0] == its[1]) || !exact), "%s: the next solve is what it would have been", setting));
  PetscCall(TapOk((PetscBool)(c[0].monitored == c[1].monitored || !exact), "%s: the user's monitor is called as often", setting));
  PetscCall(ADJSolveAdjoint(c[0].adj, c[0].xbar, c[0].thetabar));
  PetscCall(ADJSolveAdjoint(c[1].adj, c[1].xbar, c[1].thetabar));
  PetscCall(ReactionTapGradient(c[1].thetabar, c[0].thetabar, exact ? 1e-14 : 1e-6, setting));
  PetscCall(ReactionPopOptions(&database, setting));
  for (PetscInt k = 0; k < 2; k++) PetscCall(CaseDestroy(&c[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A convergence test of the user's own ends no solve of the test */
static PetscErrorCode TestOwnConvergence(void)
{
  Case         c;
  Vec          x0;
  PetscInt     its;
  PetscOptions database;

  PetscFunctionBeginUser;
  PetscCall(ReactionPushOptions("", &database));
  PetscCall(CaseCreate(&c));
  PetscCall(SNESSetConvergenceTest(c.r.snes, Converged, NULL, NULL));
  PetscCall(VecDuplicate(c.x, &x0));
  PetscCall(TapOrder(&c, x0, 1e-6, "the user's own convergence test", "from zero"));
  PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(ADJGetForwardIterations(c.adj, &its));
  PetscCall(TapOk((PetscBool)(its == 3), "the user's own convergence test is back"));
  PetscCall(VecDestroy(&x0));
  PetscCall(ReactionPopOptions(&database, "the user's own convergence test"));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestView(void)
{
  Case         c;
  PetscViewer  viewer;
  Files        files;
  PetscOptions database;
  char        *text, *found[3];

  PetscFunctionBeginUser;
  PetscCall(FilesBegin(&files));
  PetscCall(ReactionPushOptions("-adj_view ascii:options.txt", &database));
  PetscCall(CaseCreate(&c));
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "view.txt", &viewer));
  PetscCall(ADJView(c.adj, viewer)); /* before anything is known */
  PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
  PetscCall(ADJView(c.adj, viewer));
  PetscCall(ADJSolveAdjoint(c.adj, c.xbar, c.thetabar));
  PetscCall(PetscViewerDestroy(&viewer));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(FileRead(k ? "options.txt" : "view.txt", NULL, &text));
    PetscCall(PetscStrstr(text, "forward solver: SNES of the user", &found[0]));
    PetscCall(PetscStrstr(text, "SNES Object", &found[1]));
    PetscCall(PetscStrstr(text, "KSP Object: (adj_)", &found[2]));
    PetscCall(TapOk((PetscBool)(found[0] && found[1] && found[2]), "view: the SNES of the user, and the KSP of the ADJ"));
    PetscCall(PetscFree(text));
  }
  PetscCall(ReactionPopOptions(&database, "view"));
  PetscCall(CaseDestroy(&c));
  PetscCall(FilesEnd(&files));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    for (Start start = i < 2 ? FROM_ZERO : FROM_SOLUTION; start <= FROM_SOLVED; start++) PetscCall(TestOrder(settings[i], start));
  }
  PetscCall(TestWrong());
  PetscCall(TestNoTrace("-snes_type newtonls", PETSC_TRUE));
  PetscCall(TestNoTrace("-snes_error_if_not_converged -snes_ksp_ew", PETSC_TRUE));
  PetscCall(TestNoTrace("-snes_lag_jacobian 2 -snes_lag_jacobian_persists true -snes_rtol 1e-10", PETSC_TRUE));
  PetscCall(TestNoTrace("-snes_lag_jacobian -2 -snes_rtol 1e-10", PETSC_TRUE));
  PetscCall(TestNoTrace("-snes_lag_preconditioner 2 -snes_lag_preconditioner_persists true -snes_rtol 1e-10", PETSC_FALSE));
  PetscCall(TestNoTrace("-snes_type fas -snes_fas_levels 2 -fas_coarse_snes_type newtonls -fas_levels_snes_type newtonls -fas_levels_snes_max_it 1", PETSC_TRUE));
  PetscCall(TestOwnConvergence());
  PetscCall(TestView());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
