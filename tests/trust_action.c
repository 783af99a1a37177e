static char help[] = "A refused derivative never leaves silently; the checks leave no trace.\n\n";

/*
   nsize: 1 2
*/
#include <unistd.h>
#include "faulty.h"

/* What rank 0 writes to the standard error stream between the two calls */
typedef struct {
  FILE *file;
  int   saved;
} Capture;

static PetscErrorCode CaptureBegin(Capture *c)
{
  PetscFunctionBeginUser;
  fflush(stderr);
  c->file  = tmpfile();
  c->saved = dup(STDERR_FILENO);
  PetscCheck(c->file && c->saved >= 0 && dup2(fileno(c->file), STDERR_FILENO) >= 0, PETSC_COMM_SELF, PETSC_ERR_SYS, "The standard error stream cannot be redirected");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaptureEnd(Capture *c, char text[], size_t len)
{
  size_t n;

  PetscFunctionBeginUser;
  fflush(stderr);
  dup2(c->saved, STDERR_FILENO);
  close(c->saved);
  rewind(c->file);
  n       = fread(text, 1, len - 1, c->file);
  text[n] = 0;
  fclose(c->file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts what stands on the standard error stream of all processes together */
static PetscErrorCode TapReported(const char text[], PetscBool expected, const char what[])
{
  const char *words[] = {"WARNING", "REFUTED_LINEAR", "linear", "failed"};
  char       *found;
  PetscBool   all = PETSC_TRUE;
  PetscMPIInt rank, any;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (expected && !rank) {
    for (PetscInt i = 0; i < 4; i++) {
      PetscCall(PetscStrstr(text, words[i], &found));
      if (!found) all = PETSC_FALSE;
    }
    PetscCall(TapOk(all, "%s: the report is on the standard error stream", what));
  } else if (expected)
    PetscCall(TapOk(PETSC_TRUE, "%s", what));
  any = (PetscMPIInt)(text[0] != 0);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(TapOk((PetscBool)(any == (expected ? 1 : 0)), "%s: %s", what, expected ? "of one process" : "nothing is on the standard error stream"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same refusal with the three actions, by setter and by option */
static PetscErrorCode TestActions(ADJForm form, ADJPhase phase, PetscBool byoption)
{
  const char          *names[] = {"error", "warn", "ignore"};
  const PetscErrorCode codes[] = {PETSC_ERR_NOT_CONVERGED, PETSC_SUCCESS, PETSC_SUCCESS};
  Faulty               p;
  Capture              c;
  char                 what[128], options[128], text[8192];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(PetscSNPrintf(what, sizeof(what), "%s, %s, action %s by %s", ADJForms[form], ADJPhases[phase], names[i], byoption ? "option" : "setter"));
    PetscCall(PetscSNPrintf(options, sizeof(options), "-adj_ksp_max_it 2 -adj_tangent_ksp_max_it 2 %s%s", byoption ? "-adj_trust_action " : "", byoption ? names[i] : ""));
    PetscCall(FaultyCreate(&p, form, 12, options));
    if (!byoption) PetscCall(ADJSetTrustAction(p.adj, (ADJTrustAction)i));
    PetscCall(ADJSolve(p.adj, p.theta, p.x));
    PetscCall(CaptureBegin(&c));
    PetscCall(TapError(codes[i], FaultyDerivative(&p, phase), "%s", what));
    PetscCall(CaptureEnd(&c, text, sizeof(text)));
    PetscCall(TapReported(text, (PetscBool)(i == ADJ_TRUST_ACTION_WARN), what));
    PetscCall(FaultyTapTrust(&p, ADJ_TRUST_REFUTED_LINEAR, what));
    PetscCall(FaultyDestroy(&p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing is said of a derivative that passes */
static PetscErrorCode TestGood(ADJForm form)
{
  Faulty  p;
  Capture c;
  char    text[8192];

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, "-adj_trust_action warn"));
  PetscCall(CaptureBegin(&c));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "action warn"));
  PetscCall(CaptureEnd(&c, text, sizeof(text)));
  PetscCall(TapReported(text, PETSC_FALSE, "a gradient that passes"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Draws from a stream of the user's, of PETSc's default type or another */
static PetscErrorCode Draw(PetscRandom rnd, PetscScalar values[2])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < 2; i++) PetscCall(PetscRandomGetValue(rnd, &values[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two gradients at two states with one level; the counters of the first gradient, and the stream in between */
static PetscErrorCode Run(ADJForm form, ADJTrustLevel level, PetscBool tests, PetscRandom rnd, Vec g, ADJCounters *used, PetscInt *products, PetscScalar values[4])
{
  Faulty         p;
  ADJCounters    before;
  ADJTrustReport report;
  PetscReal      a, b;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, form, 12, ""));
  PetscCall(ADJSetTrustLevel(p.adj, level));
  PetscCall(PetscRandomSetSeed(rnd, 42));
  PetscCall(PetscRandomSeed(rnd));
  PetscCall(Draw(rnd, values));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJGetCounters(p.adj, &before));
  if (tests) {
    PetscCall(ADJTestVJP(p.adj, p.theta, p.x, &a, &b));
    PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.xbar, &a, &b));
  }
  PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  if (tests) {
    PetscCall(ADJTestGradient(p.adj, p.theta, p.x, NULL, &a, &b));
    PetscCall(ADJTestVJP(p.adj, p.theta, p.xbar, &a, &b));
  }
  PetscCall(ADJGetCounters(p.adj, used));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  used->map -= before.map;
  used->vjp_x -= before.vjp_x;
  used->vjp_theta -= before.vjp_theta;
  used->jvp -= before.jvp;
  used->linearize -= before.linearize;
  *products = report.products;
  PetscCall(Draw(rnd, values + 2));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(FaultyRamp(p.xbar, 1.0, 3.0));
  PetscCall(ADJSolveAdjoint(p.adj, p.xbar, p.thetabar));
  PetscCall(VecCopy(p.thetabar, g));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTrace(ADJForm form, PetscRandomType type)
{
  PetscRandom rnd;
  Vec         g[3];
  ADJCounters used[3];
  PetscInt    products[3];
  PetscScalar values[3][4];
  PetscBool   same;
  char        what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s, stream %s", ADJForms[form], type));
  PetscCall(PetscRandomCreate(PETSC_COMM_WORLD, &rnd));
  PetscCall(PetscRandomSetType(rnd, type));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(FaultyCreateVec(PETSC_DECIDE, 7, &g[i]));
    PetscCall(Run(form, i ? ADJ_TRUST_LEVEL_ESTIMATE : ADJ_TRUST_LEVEL_NONE, (PetscBool)(i == 2), rnd, g[i], &used[i], &products[i], values[i]));
  }
  for (PetscInt i = 1; i < 3; i++) {
    const char *with = i == 1 ? "checks" : "checks and tests";

    PetscCall(VecEqual(g[0], g[i], &same));
    PetscCall(TapOk(same, "%s, with %s: the same gradient, bit by bit", what, with));
    PetscCall(PetscArraycmp(values[0], values[i], 4, &same));
    PetscCall(TapOk(same, "%s, with %s: the user's random stream goes on", what, with));
    PetscCall(TapOk((PetscBool)(used[i].map == used[0].map && used[i].vjp_theta == used[0].vjp_theta && used[i].jvp == used[0].jvp), "%s, with %s: the same number of calls", what, with));
    /* the product with both outputs gives the true residual along with the pullback */
    PetscCall(TapOk((PetscBool)(used[i].vjp_x == used[0].vjp_x + 1), "%s, with %s: one more product in x, for the true residual", what, with));
  }
  PetscCall(TapOk((PetscBool)(used[1].linearize == 1 && used[0].linearize == 1), "%s: one linearization", what));
  PetscCall(TapOk((PetscBool)(products[0] == 0 && (products[1] > 0) == (form == ADJ_FIXED_POINT)), "%s: the products of the checks are in the report", what));
  for (PetscInt i = 0; i < 3; i++) PetscCall(VecDestroy(&g[i]));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int           failed;
  const ADJForm forms[] = {ADJ_FIXED_POINT, ADJ_RESIDUAL};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < 2; i++) {
    for (PetscInt byoption = 0; byoption < 2; byoption++) {
      PetscCall(TestActions(forms[i], ADJ_PHASE_ADJOINT, (PetscBool)byoption));
      PetscCall(TestActions(forms[i], ADJ_PHASE_TANGENT, (PetscBool)byoption));
    }
    PetscCall(TestGood(forms[i]));
    PetscCall(TestTrace(forms[i], PETSCRANDER48));
    PetscCall(TestTrace(forms[i], PETSCRAND48));
    PetscCall(TestTrace(forms[i], PETSCRAND));
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
