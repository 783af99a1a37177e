static char help[] = "One object for several problems, several objects at once, prefixes, monitors, views.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

/* After ADJReset() the same object solves a problem of another size and form */
static PetscErrorCode TestReset(void)
{
  Problem     p[2], self;
  ADJ         adj = NULL;
  PetscReal   error;
  ADJCounters counters;

  PetscFunctionBeginUser;
  PetscCall(ADJReset(NULL));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ProblemCreate(PETSC_COMM_WORLD, k ? 9 : 14, k ? LAYOUT_EMPTY : LAYOUT_EVEN, k ? 2 : 5, k ? LAYOUT_LAST : LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.6, &p[k]));
    PetscCall(ProblemCreate(PETSC_COMM_SELF, k ? 9 : 14, LAYOUT_EVEN, k ? 2 : 5, LAYOUT_EVEN, SPECTRUM_PAIRS, 0.6, &self));
    if (!k) {
      PetscCall(ProblemCreateADJ(&p[0]));
      adj = p[0].adj;
      PetscCall(ADJSetFromOptions(adj));
    } else {
      PetscCall(TapError(PETSC_ERR_ARG_SIZ, ADJSolve(adj, p[1].theta, p[1].x), "another size is refused before ADJReset()"));
      PetscCall(ADJReset(adj));
      PetscCall(ADJSetFixedPoint(adj, ProblemMap, &p[1]));
      PetscCall(ADJSetVJP(adj, ProblemVJP, &p[1]));
      PetscCall(ADJSetJVP(adj, ProblemJVP, &p[1]));
      PetscCall(ADJSetLinearize(adj, ProblemLinearize, &p[1]));
      PetscCall(TapError(PETSC_ERR_ORDER, ADJSolveAdjoint(adj, p[1].v, p[1].thetabar), "no derivative left after ADJReset()"));
      PetscCall(ADJGetCounters(adj, &counters));
      PetscCall(TapOk((PetscBool)(counters.map == 0 && counters.vjp_x == 0 && counters.linearize == 0), "the counters start again"));
    }
    PetscCall(ADJSolve(adj, p[k].theta, p[k].x));
    PetscCall(ADJSolveAdjoint(adj, p[k].v, p[k].thetabar));
    PetscCall(ADJSolveTangent(adj, p[k].thetadot, p[k].xdot));
    PetscCall(ProblemReference(&self, self.thetabar, self.xdot));
    PetscCall(VecDistanceToSelf(p[k].thetabar, self.thetabar, &error));
    PetscCall(TapBelow(error, 1e-7, "pullback of problem %" PetscInt_FMT, k));
    PetscCall(VecDistanceToSelf(p[k].xdot, self.xdot, &error));
    PetscCall(TapBelow(error, 1e-7, "pushforward of problem %" PetscInt_FMT, k));
    PetscCall(ProblemDestroy(&self));
  }
  PetscCall(ProblemDestroy(&p[0]));
  PetscCall(ProblemDestroy(&p[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two objects in turn, each with the options of its prefix */
static PetscErrorCode TestTwo(void)
{
  Problem      p[2], self[2];
  PetscOptions options;
  KSP          ksp;
  SNES         snes;
  const char  *prefix;
  PetscReal    rtol[2], stol[2], error;
  PetscBool    same;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_ksp_rtol 1e-9 -flow_adj_ksp_rtol 1e-11 -flow_adj_forward_snes_rtol 1e-12 -flow_adj_trust_level none", &options));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ProblemCreate(PETSC_COMM_WORLD, 8 + 3 * k, LAYOUT_UNEVEN, 3 - k, LAYOUT_LAST, k ? SPECTRUM_REAL : SPECTRUM_PAIRS, 0.6, &p[k]));
    PetscCall(ProblemCreate(PETSC_COMM_SELF, 8 + 3 * k, LAYOUT_UNEVEN, 3 - k, LAYOUT_LAST, k ? SPECTRUM_REAL : SPECTRUM_PAIRS, 0.6, &self[k]));
    p[k].residual = (PetscBool)k;
    PetscCall(ProblemCreateADJ(&p[k]));
    if (k) PetscCall(ADJSetOptionsPrefix(p[k].adj, "fl"));
    if (k) PetscCall(ADJAppendOptionsPrefix(p[k].adj, "ow_"));
    PetscCall(ADJSetFromOptions(p[k].adj));
    PetscCall(ADJGetKSP(p[k].adj, &ksp));
    PetscCall(KSPGetTolerances(ksp, &rtol[k], NULL, NULL, NULL));
    PetscCall(ADJGetSNES(p[k].adj, &snes));
    PetscCall(SNESGetTolerances(snes, NULL, &stol[k], NULL, NULL, NULL));
  }
  PetscCall(TapOk((PetscBool)(rtol[0] == 1e-9 && rtol[1] == 1e-11 && stol[0] == 1e-10 && stol[1] == 1e-12), "each has the options of its prefix"));
  PetscCall(ADJGetOptionsPrefix(p[1].adj, &prefix));
  PetscCall(PetscStrcmp(prefix, "flow_", &same));
  PetscCall(TapOk(same, "the prefix is handed back"));
  PetscCall(TapError(PETSC_ERR_ORDER, ADJSetOptionsPrefix(p[1].adj, "late_"), "a prefix that comes late is refused"));
  for (PetscInt k = 0; k < 2; k++) PetscCall(ADJSolve(p[k].adj, p[k].theta, p[k].x));
  for (PetscInt k = 0; k < 2; k++) PetscCall(ADJSolveAdjoint(p[k].adj, p[k].v, p[k].thetabar));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(ProblemReference(&self[k], self[k].thetabar, self[k].xdot));
    PetscCall(VecDistanceToSelf(p[k].thetabar, self[k].thetabar, &error));
    PetscCall(TapBelow(error, 1e-7, "pullback of object %" PetscInt_FMT, k));
    PetscCall(ProblemDestroy(&self[k]));
    PetscCall(ProblemDestroy(&p[k]));
  }
  PetscCall(OptionsEnd(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two monitors write what they see: their letter, the phase */
typedef struct {
  char      letter;
  PetscInt *n;
  char     *text;
  PetscBool plausible;
} Monitor;

static PetscErrorCode Monitoring(ADJ adj, ADJPhase phase, PetscInt its, PetscReal rnorm, void *ctx)
{
  Monitor *m = (Monitor *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  m->text[(*m->n)++] = m->letter;
  m->text[(*m->n)++] = "FAT"[phase];
  if (its < 1 || !(rnorm >= 0.0 && rnorm < 1e-6)) m->plausible = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMonitors(void)
{
  Problem   p;
  char      text[32];
  PetscInt  n = 0;
  Monitor   a = {'a', &n, text, PETSC_TRUE}, b = {'b', &n, text, PETSC_TRUE};
  PetscReal order, error;
  PetscBool same;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(text, sizeof(text)));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 8, LAYOUT_UNEVEN, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.6, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJMonitorSet(p.adj, Monitoring, &a, NULL));
  PetscCall(ADJMonitorSet(p.adj, Monitoring, &b, NULL));
  PetscCall(ADJMonitorSet(p.adj, Monitoring, &a, NULL));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJTestGradient(p.adj, p.theta, p.x, p.v, &order, &error));
  PetscCall(PetscStrcmp(text, "aFbFaTbTaAbA", &same));
  PetscCall(TapOk(same, "monitors are called in order, once each, not by tests: %s", text));
  PetscCall(TapOk((PetscBool)(a.plausible && b.plausible), "with iterations and residual norms"));
  PetscCall(ADJMonitorCancel(p.adj));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(TapOk((PetscBool)(n == 12), "not after they were cancelled"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the first process finds `what` in what was printed */
static PetscErrorCode Printed(FILE *file, const char what[], const char name[])
{
  char   text[16384], *found = text;
  size_t n;

  PetscFunctionBeginUser;
  if (file) {
    rewind(file);
    n       = fread(text, 1, sizeof(text) - 1, file);
    text[n] = 0;
    PetscCall(PetscStrstr(text, what, &found));
  }
  PetscCall(TapOk((PetscBool)(found != NULL), "%s prints \"%s\"", name, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestViews(void)
{
  Problem     p;
  PetscViewer ascii, string;
  FILE       *file;
  PetscMPIInt rank;
  char        text[256] = "";

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  file = rank ? NULL : tmpfile();
  PetscCall(PetscViewerASCIIOpenWithFILE(PETSC_COMM_WORLD, file, &ascii));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &string));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 8, LAYOUT_EMPTY, 3, LAYOUT_LAST, SPECTRUM_PAIRS, 0.6, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJView(p.adj, ascii));
  PetscCall(ADJTrustView(p.adj, ascii));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJSetUp(p.adj));
  PetscCall(ADJView(p.adj, ascii));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(ADJView(p.adj, ascii));
  PetscCall(ADJTrustView(p.adj, ascii));
  PetscCall(ADJView(p.adj, string));
  PetscCall(TapOk((PetscBool)(!text[0]), "ADJView() gives a viewer that is not ASCII nothing"));
  PetscCall(ADJTrustView(p.adj, string));
  PetscCall(PetscViewerFlush(ascii));
  PetscCall(Printed(file, "unknowns: 8, parameters: 3", "ADJView()"));
  PetscCall(Printed(file, "verdict ESTIMATED", "ADJView()"));
  PetscCall(Printed(file, "Trust in the tangent: ESTIMATED", "ADJTrustView()"));
  PetscCall(Printed(file, "contraction", "ADJTrustView()"));
  PetscCall(TapOk((PetscBool)!strncmp(text, "adj_trust verdict=ESTIMATED ", 28), "ADJTrustView() gives a string viewer its line"));
  PetscCall(PetscViewerDestroy(&ascii));
  PetscCall(PetscViewerDestroy(&string));
  if (file) fclose(file);
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestReset());
  PetscCall(TestTwo());
  PetscCall(TestMonitors());
  PetscCall(TestViews());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
