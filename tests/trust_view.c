static char help[] = "The trust report to every kind of viewer: what is shown is what ADJGetTrustReport() gives.\n\n";

/*
   nsize: 1 2
*/
#include <contragrad/private/adjimpl.h>
#include "problems.h"
#include "files.h"

#define TEXT_LENGTH 16384

/* Two unknowns' worth of derivative, with the verdict that the options lead to */
static PetscErrorCode Derive(PetscReal rho, PetscBool residual, ADJPhase phase, const char prefix[], Problem *p)
{
  PetscFunctionBeginUser;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 12, LAYOUT_EVEN, 3, LAYOUT_LAST, SPECTRUM_REAL, rho, p));
  p->residual = residual;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetOptionsPrefix(p->adj, prefix));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  if (phase == ADJ_PHASE_ADJOINT)
    PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  else
    PetscCall(ADJSolveTangent(p->adj, p->thetadot, p->xdot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The text that an ASCII viewer gets, on every process */
static PetscErrorCode ViewText(ADJ adj, PetscViewerFormat format, char **text)
{
  PetscViewer viewer;

  PetscFunctionBeginUser;
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "text", &viewer));
  PetscCall(PetscViewerPushFormat(viewer, format));
  PetscCall(ADJTrustView(adj, viewer));
  PetscCall(PetscViewerPopFormat(viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(FileRead("text", NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The value behind ` key=`, up to the next space or within its quotes */
static PetscErrorCode GetKey(const char line[], const char key[], size_t len, char value[], PetscBool *found)
{
  char   pattern[64], *at;
  size_t n;

  PetscFunctionBeginUser;
  value[0] = 0;
  PetscCall(PetscSNPrintf(pattern, sizeof(pattern), " %s=", key));
  PetscCall(PetscStrstr(line, pattern, &at));
  *found = (PetscBool)(at != NULL);
  if (!at) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrlen(pattern, &n));
  at += n;
  n = at[0] == '"' ? strcspn(++at, "\"") : strcspn(at, " \n");
  PetscCheck(n < len, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "The value of %s is too long", key);
  PetscCall(PetscMemcpy(value, at, n));
  value[n] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a key is there exactly if it is expected, and holds the number */
static PetscErrorCode NumberFits(const char line[], const char name[], const char part[], PetscBool expected, PetscReal number, PetscBool *fits)
{
  char      key[64], value[64];
  PetscBool found, same = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(key, sizeof(key), "%s%s", name, part));
  PetscCall(GetKey(line, key, sizeof(value), value, &found));
  if (found && PetscIsNanReal(number))
    PetscCall(PetscStrcmp(value, "NaN", &same));
  else if (found && number >= PETSC_INFINITY)
    PetscCall(PetscStrcmp(value, "Inf", &same));
  else if (found)
    same = (PetscBool)(PetscAbsReal((PetscReal)strtod(value, NULL) - number) <= 1e-8 * PetscAbsReal(number));
  if (found != expected || !same) *fits = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WordFits(const char line[], const char key[], const char expected[], PetscBool *fits)
{
  char      value[1024];
  PetscBool found, same;

  PetscFunctionBeginUser;
  PetscCall(GetKey(line, key, sizeof(value), value, &found));
  PetscCall(PetscStrcmp(value, expected ? expected : "", &same));
  if (found != (expected ? PETSC_TRUE : PETSC_FALSE) || !same) *fits = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The line for scripts against the report; reason: the check it is expected to name, ADJ_CHECK_COUNT for none */
static PetscErrorCode TestLine(ADJ adj, const char line[], ADJCheck reason, const char what[])
{
  ADJTrustReport r;
  PetscBool      fits = PETSC_TRUE, begins;
  size_t         n, words = 0, pairs = 0, end;
  const char    *prefix;
  char          *advice;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(adj, &r));
  PetscCall(ADJGetOptionsPrefix(adj, &prefix));
  PetscCall(PetscStrbeginswith(line, "adj_trust ", &begins));
  PetscCall(PetscStrlen(line, &n));
  PetscCall(TapOk((PetscBool)(begins && strcspn(line, "\n") == n - 1), "%s: one line, which begins with adj_trust", what));
  PetscCall(PetscStrstr(line, " advice=", &advice));
  end = advice ? (size_t)(advice - line) : n;
  for (size_t i = 0; i < end; i++) {
    words += line[i] == ' ';
    pairs += line[i] == '=';
  }
  PetscCall(TapOk((PetscBool)(words == pairs), "%s: pairs key=value with one space in between", what));
  PetscCall(WordFits(line, "prefix", prefix, &fits));
  PetscCall(WordFits(line, "verdict", ADJTrusts[r.verdict], &fits));
  PetscCall(WordFits(line, "phase", r.phase == ADJ_PHASE_TANGENT ? "tangent" : "adjoint", &fits));
  PetscCall(WordFits(line, "forward_reason", SNESConvergedReasons[r.forward_reason], &fits));
  PetscCall(WordFits(line, "linear_reason", r.linear_reason ? KSPConvergedReasons[r.linear_reason] : "none", &fits));
  PetscCall(NumberFits(line, "products", "", PETSC_TRUE, (PetscReal)r.products, &fits));
  PetscCall(NumberFits(line, "maps", "", PETSC_TRUE, (PetscReal)r.maps, &fits));
  PetscCall(TapOk(fits, "%s: verdict, phase, reasons and prices", what));
  fits = PETSC_TRUE;
  PetscCall(WordFits(line, "reason", reason < ADJ_CHECK_COUNT ? ADJChecks[reason] : NULL, &fits));
  PetscCall(WordFits(line, "advice", reason < ADJ_CHECK_COUNT ? r.check[reason].advice : NULL, &fits));
  PetscCall(TapOk(fits, "%s: the check that decided (%s), and its advice", what, reason < ADJ_CHECK_COUNT ? ADJChecks[reason] : "none"));
  fits = PETSC_TRUE;
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    const ADJTrustCheck *c    = &r.check[i];
    const PetscBool      made = (PetscBool)(c->status != ADJ_CHECK_SKIPPED);
    char                 key[64];

    PetscCall(NumberFits(line, ADJChecks[i], "", made, c->value, &fits));
    PetscCall(NumberFits(line, ADJChecks[i], ".error", (PetscBool)(made && c->error > 0.0), c->error, &fits));
    PetscCall(NumberFits(line, ADJChecks[i], ".limit", (PetscBool)(made && c->threshold > 0.0), c->threshold, &fits));
    PetscCall(PetscSNPrintf(key, sizeof(key), "%s.status", ADJChecks[i]));
    PetscCall(WordFits(line, key, made ? ADJCheckStatuses[c->status] : NULL, &fits));
  }
  PetscCall(TapOk(fits, "%s: value, error, limit and status of each check that was made, and of no other", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A row for each check that was made, under a headline; outcomes in one column */
static PetscErrorCode TestReadable(ADJ adj, const char text[], const char what[])
{
  ADJTrustReport r;
  PetscBool      fits = PETSC_TRUE, aligned = PETSC_TRUE;
  const char    *at     = text;
  const size_t   column = 59;
  char          *found, expected[64];

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(adj, &r));
  PetscCall(PetscSNPrintf(expected, sizeof(expected), "Trust in the %s: %s (", r.phase == ADJ_PHASE_TANGENT ? "tangent" : "gradient", ADJTrusts[r.verdict]));
  PetscCall(PetscStrstr(text, expected, &found));
  if (found != text) fits = PETSC_FALSE;
  PetscCall(PetscSNPrintf(expected, sizeof(expected), " %" PetscInt_FMT " products and %" PetscInt_FMT " evaluations of the map", r.products, r.maps));
  PetscCall(PetscStrstr(text, expected, &found));
  if (!found || found > text + strcspn(text, "\n")) fits = PETSC_FALSE;
  PetscCall(TapOk(fits, "%s: the first line tells verdict and prices", what));
  fits = PETSC_TRUE;
  at += strcspn(at, "\n") + 1;
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    const ADJTrustCheck *c = &r.check[i];
    const size_t         n = strcspn(at, "\n"), name = strlen(ADJChecks[i]), status = strlen(ADJCheckStatuses[c->status]);

    if (c->status == ADJ_CHECK_SKIPPED) continue;
    if (n < column + status || strncmp(at, "  ", 2) || strncmp(at + 2, ADJChecks[i], name) || at[2 + name] != ' ') fits = PETSC_FALSE;
    if (n < column + status || at[column - 1] != ' ' || strncmp(at + column, ADJCheckStatuses[c->status], status)) aligned = PETSC_FALSE;
    if (c->advice && (n < strlen(c->advice) || strncmp(at + n - strlen(c->advice), c->advice, strlen(c->advice)))) fits = PETSC_FALSE;
    at += n + (at[n] == '\n');
  }
  PetscCall(TapOk((PetscBool)(fits && !at[0]), "%s: a row for each check that was made, with its advice", what));
  PetscCall(TapOk(aligned, "%s: outcomes in one column", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestString(ADJ adj, const char line[], const char what[])
{
  PetscViewer viewer;
  char        text[TEXT_LENGTH], small[64];
  PetscBool   same;

  PetscFunctionBeginUser;
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(ADJTrustView(adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(PetscStrcmp(text, line, &same));
  PetscCall(TapOk(same, "%s: a string viewer gets the same line", what));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, small, sizeof(small), &viewer));
  PetscCall(ADJTrustView(adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(TapOk((PetscBool)(!strncmp(small, line, 20) && strlen(small) < sizeof(small)), "%s: a short string viewer gets its beginning", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two records one after the other, read back */
static PetscErrorCode TestBinary(ADJ adj, const char what[])
{
  PetscViewer    viewer;
  ADJTrustReport r;
  PetscInt       head[8], status[ADJ_CHECK_COUNT];
  PetscReal      value[ADJ_CHECK_COUNT][3];
  char           name[ADJ_CHECK_COUNT][ADJ_TRUST_FILE_NAME_LENGTH];
  PetscBool      same = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(adj, &r));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, "binary", FILE_MODE_WRITE, &viewer));
  for (PetscInt i = 0; i < 2; i++) PetscCall(ADJTrustView(adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, "binary", FILE_MODE_READ, &viewer));
  for (PetscInt k = 0; k < 2; k++) {
    PetscCall(PetscViewerBinaryRead(viewer, head, 8, NULL, PETSC_INT));
    if (head[0] != ADJ_TRUST_FILE_CLASSID || head[1] != r.verdict || head[2] != (PetscInt)r.phase || head[3] != r.forward_reason || head[4] != r.linear_reason || head[5] != r.products || head[6] != r.maps) same = PETSC_FALSE;
    PetscCheck(head[7] == ADJ_CHECK_COUNT, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED, "The record has %" PetscInt_FMT " checks", head[7]);
    PetscCall(PetscViewerBinaryRead(viewer, name, sizeof(name), NULL, PETSC_CHAR));
    PetscCall(PetscViewerBinaryRead(viewer, status, head[7], NULL, PETSC_INT));
    PetscCall(PetscViewerBinaryRead(viewer, value, 3 * head[7], NULL, PETSC_REAL));
    for (PetscInt i = 0; i < head[7]; i++) {
      const ADJTrustCheck *c      = &r.check[i];
      const PetscReal      now[3] = {c->value, c->error, c->threshold};

      for (PetscInt j = 0; j < 3; j++) {
        if (value[i][j] != now[j] && !(PetscIsNanReal(value[i][j]) && PetscIsNanReal(now[j]))) same = PETSC_FALSE;
      }
      if (strcmp(name[i], ADJChecks[i]) || status[i] != (PetscInt)c->status) same = PETSC_FALSE;
    }
  }
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(TapOk(same, "%s: two records of a binary file, read back", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ADJGetTrustCheck() against the report */
static PetscErrorCode TestGetter(ADJ adj, const char what[])
{
  ADJTrustReport r;
  ADJTrustCheck  c;
  PetscBool      same = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(adj, &r));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    PetscCall(ADJGetTrustCheck(adj, (ADJCheck)i, &c));
    if (c.status != r.check[i].status || c.value != r.check[i].value || c.error != r.check[i].error || c.threshold != r.check[i].threshold || c.advice != r.check[i].advice) same = PETSC_FALSE;
  }
  PetscCall(TapOk(same, "%s: each check alone is the report's", what));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJGetTrustCheck(adj, (ADJCheck)-1, &c), "%s: there is no check -1", what));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJGetTrustCheck(adj, ADJ_CHECK_COUNT, &c), "%s: nor one behind the last", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestAll(ADJ adj, ADJTrust verdict, ADJCheck reason, const char what[])
{
  ADJTrust got;
  char    *text;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(adj, &got));
  PetscCall(TapOk((PetscBool)(got == verdict), "%s: verdict %s", what, ADJTrusts[got]));
  PetscCall(ViewText(adj, PETSC_VIEWER_ASCII_INFO, &text));
  PetscCall(TestLine(adj, text, reason, what));
  PetscCall(TestString(adj, text, what));
  PetscCall(PetscFree(text));
  PetscCall(ViewText(adj, PETSC_VIEWER_DEFAULT, &text));
  PetscCall(TestReadable(adj, text, what));
  PetscCall(PetscFree(text));
  PetscCall(TestBinary(adj, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Verdicts as they come */
static PetscErrorCode TestVerdicts(void)
{
  Problem      p;
  PetscOptions options;

  PetscFunctionBeginUser;
  PetscCall(Derive(0.8, PETSC_FALSE, ADJ_PHASE_ADJOINT, NULL, &p));
  PetscCall(TestAll(p.adj, ADJ_TRUST_ESTIMATED, ADJ_CHECK_COUNT, "a good gradient"));
  PetscCall(TestGetter(p.adj, "a good gradient"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(Derive(0.8, PETSC_TRUE, ADJ_PHASE_TANGENT, "flow_", &p));
  PetscCall(TestAll(p.adj, ADJ_TRUST_ESTIMATED, ADJ_CHECK_COUNT, "a tangent with a prefix"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(OptionsBegin("-adj_forward_snes_type newtonls -adj_trust_action ignore", &options));
  PetscCall(Derive(1.3, PETSC_FALSE, ADJ_PHASE_ADJOINT, NULL, &p));
  PetscCall(TestAll(p.adj, ADJ_TRUST_REFUTED_CONTRACTION, ADJ_CHECK_CONTRACTION, "a repelling fixed point"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(OptionsEnd(&options));
  PetscCall(OptionsBegin("-adj_forward_snes_rtol 1e-3 -adj_trust_gradient_error never", &options));
  PetscCall(Derive(0.8, PETSC_FALSE, ADJ_PHASE_ADJOINT, NULL, &p));
  PetscCall(TestAll(p.adj, ADJ_TRUST_UNVERIFIED, ADJ_CHECK_FORWARD, "a loose forward solve"));
  PetscCall(ProblemDestroy(&p));
  PetscCall(OptionsEnd(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A report that no derivative has: all checks, every kind of number, the longest text */
static PetscErrorCode TestInvented(void)
{
  const PetscReal values[] = {0.0, 1.0, -1.0, 1.23456789e-300, 1.23456789e+300, PETSC_INFINITY, NAN, INFINITY};
  const PetscReal errors[] = {0.0, 1e-3, 1.5e-300, PETSC_INFINITY};
  Problem         p;
  ADJTrustReport *r;
  char           *text, *found;

  PetscFunctionBeginUser;
  PetscCall(Derive(0.5, PETSC_FALSE, ADJ_PHASE_ADJOINT, "a_rather_long_prefix_", &p));
  r           = &p.adj->state->report;
  r->verdict  = ADJ_TRUST_REFUTED_OBJECTIVE;
  r->maps     = 123456;
  r->products = 1234567;
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    r->check[i].value     = values[i % 8];
    r->check[i].error     = errors[i % 4];
    r->check[i].threshold = i % 2 ? 1.23456e-10 : 0.0;
    r->check[i].status    = i == ADJ_CHECK_OBJECTIVE ? ADJ_CHECK_FAILED : (ADJCheckStatus)(ADJ_CHECK_INFO + i % 3);
    r->check[i].advice    = i % 3 ? "one thing; another: (a third), with -adj_option 1e-3" : NULL;
  }
  PetscCall(TestAll(p.adj, ADJ_TRUST_REFUTED_OBJECTIVE, ADJ_CHECK_OBJECTIVE, "all checks"));
  PetscCall(ViewText(p.adj, PETSC_VIEWER_DEFAULT, &text));
  PetscCall(PetscStrstr(text, "Inf", &found));
  PetscCall(TapOk((PetscBool)(found != NULL), "all checks: Inf is shown"));
  PetscCall(PetscStrstr(text, "NaN", &found));
  PetscCall(TapOk((PetscBool)(found != NULL), "all checks: NaN is shown"));
  PetscCall(PetscStrstr(text, "linear          not known ", &found));
  PetscCall(TapOk((PetscBool)(found != NULL), "all checks: and what is not known"));
  PetscCall(PetscFree(text));
  PetscCall(PetscMemzero(r, sizeof(*r)));
  PetscCall(ViewText(p.adj, PETSC_VIEWER_DEFAULT, &text));
  PetscCall(PetscStrstr(text, "no derivative", &found));
  PetscCall(TapOk((PetscBool)(found != NULL), "no derivative: that is said"));
  PetscCall(PetscFree(text));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What -adj_trust_view leaves in the file `out` after two verdicts */
static PetscErrorCode TestOption(const char viewer[], PetscInt lines)
{
  Problem      p;
  PetscOptions options;
  char        *text, value[128];
  PetscInt     n = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(value, sizeof(value), "-adj_trust_view %s", viewer));
  PetscCall(OptionsBegin(value, &options));
  PetscCall(Derive(0.8, PETSC_FALSE, ADJ_PHASE_ADJOINT, NULL, &p));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(OptionsEnd(&options));
  PetscCall(FileRead("out", NULL, &text));
  for (const char *at = text; at && *at; at++) n += *at == '\n';
  PetscCall(TapOk((PetscBool)(n == lines), "%s: %" PetscInt_FMT " lines after two verdicts", viewer, n));
  if (n == 1) PetscCall(TestLine(p.adj, text, ADJ_CHECK_COUNT, viewer));
  PetscCall(PetscFree(text));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As a picture: text in the color of the outcome. A folder of that name is none of its business */
static PetscErrorCode TestPicture(void)
{
  Problem      p;
  PetscOptions options;
  Picture      picture;
  PetscMPIInt  rank;
  PetscBool    exists;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) PetscCall(PetscMkdir("report"));
  PetscCall(OptionsBegin("-adj_forward_snes_type newtonls -adj_trust_action ignore -adj_trust_view draw:image:report.ppm", &options));
  PetscCall(Derive(1.3, PETSC_FALSE, ADJ_PHASE_ADJOINT, NULL, &p));
  PetscCall(OptionsEnd(&options));
  PetscCall(PictureRead("report.ppm", &picture));
  PetscCall(TapOk((PetscBool)(picture.w == 640 && picture.h == 640), "picture: of the right size"));
  if (picture.w) PetscCall(TapOk((PetscBool)(PictureCount(&picture, 0, 0, 640, 'r') > 50 && PictureCount(&picture, 0, 0, 640, 'g') > 50 && PictureCount(&picture, 0, 0, 640, 'k') > 50 && PictureCount(&picture, 0, 0, 640, 'w') > 300000), "picture: text in red, green and black on white"));
  PetscCall(PetscTestDirectory("report", 'r', &exists));
  PetscCall(TapOk(exists, "picture: a folder of that name is left alone"));
  PetscCall(PetscFree(picture.bytes));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Files files;
  int   failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestVerdicts());
  PetscCall(TestInvented());
  PetscCall(TestOption("ascii:out:ascii_info", 1));
  PetscCall(TestOption("ascii:out:ascii_info:append", 3)); /* to the one that was there */
  PetscCall(TestPicture());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
