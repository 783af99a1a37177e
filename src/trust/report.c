/*
   Access to the verdict: what was found, how it is shown.
*/
#include <contragrad/private/adjimpl.h>
#include <petscdraw.h>

/*@
   ADJGetTrust - The verdict on the last derivative

   Not collective; the same on every process

   Input Parameter:
.  adj - the context

   Output Parameter:
.  verdict - negative if the derivative was refused, `ADJ_TRUST_NONE` if there was none since the last `ADJSolve()`

   Level: beginner

.seealso: `ADJTrust`, `ADJGetTrustReport()`, `ADJTrustView()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetTrust(ADJ adj, ADJTrust *verdict)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *verdict = adj->state->report.verdict;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetTrustReport - What was looked at before the last derivative was returned

   Not collective; the same on every process

   Input Parameter:
.  adj - the context

   Output Parameter:
.  report - a copy; its texts belong to the library

   Level: intermediate

.seealso: `ADJTrustReport`, `ADJCheck`, `ADJGetTrust()`, `ADJTrustView()`
@*/
PetscErrorCode ADJGetTrustReport(ADJ adj, ADJTrustReport *report)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  *report = adj->state->report;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetTrustCheck - One check of the last verdict

   Not collective; the same on every process

   Input Parameters:
+  adj   - the context
-  which - the check

   Output Parameter:
.  check - a copy; its text belongs to the library

   Level: intermediate

.seealso: `ADJCheck`, `ADJGetTrustReport()`
@*/
PetscErrorCode ADJGetTrustCheck(ADJ adj, ADJCheck which, ADJTrustCheck *check)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCheck(which >= 0 && which < ADJ_CHECK_COUNT, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "There is no check %d; take one of ADJCheck", (int)which);
  *check = adj->state->report.check[which];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number as %.<digits>g; Inf, for which PETSC_INFINITY stands too, and NaN alike on every system */
static PetscErrorCode ADJFormatReal_Private(PetscReal value, int digits, size_t len, char text[])
{
  PetscFunctionBegin;
  if (PetscIsNanReal(value))
    PetscCall(PetscStrncpy(text, "NaN", len));
  else if (PetscAbsReal(value) >= PETSC_INFINITY)
    PetscCall(PetscStrncpy(text, value > 0.0 ? "Inf" : "-Inf", len));
  else
    PetscCall(PetscSNPrintf(text, len, "%.*g", digits, (double)value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Name, value, error, limit and outcome of a check that was made, in columns */
static PetscErrorCode ADJFormatCheck_Private(const char name[], const ADJTrustCheck *c, size_t len, char text[])
{
  char value[32], error[32] = "", limit[32] = "";

  PetscFunctionBegin;
  if (c->value < 0.0)
    PetscCall(PetscStrncpy(value, "not known", sizeof(value)));
  else
    PetscCall(ADJFormatReal_Private(c->value, 6, sizeof(value), value));
  if (c->error >= PETSC_INFINITY)
    PetscCall(PetscStrncpy(error, " +- Inf", sizeof(error)));
  else if (c->error > 0.0)
    PetscCall(PetscSNPrintf(error, sizeof(error), " +- %.1e", (double)c->error));
  if (c->threshold > 0.0) PetscCall(PetscSNPrintf(limit, sizeof(limit), "limit %.3g", (double)c->threshold));
  PetscCall(PetscSNPrintf(text, len, "%-15s %-12s %-12s %-14s %s", name, value, error, limit, ADJCheckStatuses[c->status]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrustView_ASCII(ADJ adj, PetscViewer viewer)
{
  const ADJTrustReport *rep = &adj->state->report;
  char                  text[128];

  PetscFunctionBegin;
  if (rep->verdict == ADJ_TRUST_NONE) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "Trust: NONE (there is no derivative yet)\n"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscViewerASCIIPrintf(viewer, "Trust in the %s: %s (forward %s, linear solve %s, %" PetscInt_FMT " products and %" PetscInt_FMT " evaluations of the map spent on checks)\n", rep->phase == ADJ_PHASE_TANGENT ? "tangent" : "gradient", ADJTrusts[rep->verdict], SNESConvergedReasons[rep->forward_reason], rep->linear_reason ? KSPConvergedReasons[rep->linear_reason] : "none", rep->products, rep->maps));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    const ADJTrustCheck *c = &rep->check[i];

    if (c->status == ADJ_CHECK_SKIPPED) continue;
    PetscCall(ADJFormatCheck_Private(ADJChecks[i], c, sizeof(text), text));
    PetscCall(PetscViewerASCIIPrintf(viewer, "  %s%s%s\n", text, c->advice ? ": " : "", c->advice ? c->advice : ""));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define ADJ_LINE_LENGTH 8192 /* all checks with all their keys, and an advice, take half of it */

static PetscErrorCode PETSC_ATTRIBUTE_FORMAT(2, 3) ADJAppend_Private(char line[], const char format[], ...)
{
  size_t  used, n;
  va_list args;

  PetscFunctionBegin;
  PetscCall(PetscStrlen(line, &used));
  va_start(args, format);
  PetscCall(PetscVSNPrintf(line + used, ADJ_LINE_LENGTH - used, format, &n, args));
  va_end(args);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJAppendCheck_Private(const char name[], const ADJTrustCheck *c, char line[])
{
  char text[32];

  PetscFunctionBegin;
  PetscCall(ADJFormatReal_Private(c->value, 9, sizeof(text), text));
  PetscCall(ADJAppend_Private(line, " %s=%s", name, text));
  if (c->error > 0.0) {
    PetscCall(ADJFormatReal_Private(c->error, 9, sizeof(text), text));
    PetscCall(ADJAppend_Private(line, " %s.error=%s", name, text));
  }
  if (c->threshold > 0.0) {
    PetscCall(ADJFormatReal_Private(c->threshold, 9, sizeof(text), text));
    PetscCall(ADJAppend_Private(line, " %s.limit=%s", name, text));
  }
  PetscCall(ADJAppend_Private(line, " %s.status=%s", name, ADJCheckStatuses[c->status]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The line for scripts. Users rely on its keys: add new ones, keep the old */
static PetscErrorCode ADJFormatLine_Private(ADJ adj, char line[])
{
  const ADJTrustReport *rep    = &adj->state->report;
  const char           *prefix = ((PetscObject)adj)->prefix;
  const ADJCheck        which  = ADJDecidingCheck_Private(rep);

  PetscFunctionBegin;
  line[0] = 0;
  PetscCall(ADJAppend_Private(line, "adj_trust"));
  if (prefix) PetscCall(ADJAppend_Private(line, " prefix=%s", prefix));
  PetscCall(ADJAppend_Private(line, " verdict=%s", ADJTrusts[rep->verdict]));
  if (which < ADJ_CHECK_COUNT) PetscCall(ADJAppend_Private(line, " reason=%s", ADJChecks[which]));
  PetscCall(ADJAppend_Private(line, " phase=%s forward_reason=%s linear_reason=%s", rep->phase == ADJ_PHASE_TANGENT ? "tangent" : "adjoint", SNESConvergedReasons[rep->forward_reason], rep->linear_reason ? KSPConvergedReasons[rep->linear_reason] : "none"));
  PetscCall(ADJAppend_Private(line, " products=%" PetscInt_FMT " maps=%" PetscInt_FMT, rep->products, rep->maps));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    if (rep->check[i].status != ADJ_CHECK_SKIPPED) PetscCall(ADJAppendCheck_Private(ADJChecks[i], &rep->check[i], line));
  }
  if (which < ADJ_CHECK_COUNT && rep->check[which].advice) PetscCall(ADJAppend_Private(line, " advice=\"%s\"", rep->check[which].advice));
  PetscCall(ADJAppend_Private(line, "\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrustView_Line(ADJ adj, PetscViewer viewer, PetscBool string)
{
  char   line[ADJ_LINE_LENGTH], part[1024]; /* a viewer of strings takes 4096 at a time */
  size_t n;

  PetscFunctionBegin;
  PetscCall(ADJFormatLine_Private(adj, line));
  if (!string) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "%s", line));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscStrlen(line, &n));
  for (size_t i = 0; i < n; i += sizeof(part) - 1) {
    PetscCall(PetscStrncpy(part, line + i, sizeof(part)));
    PetscCall(PetscViewerStringSPrintf(viewer, "%s", part));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTrustView_Binary(ADJ adj, PetscViewer viewer)
{
  const ADJTrustReport *rep    = &adj->state->report;
  const PetscInt        head[] = {ADJ_TRUST_FILE_CLASSID, rep->verdict, rep->phase, rep->forward_reason, rep->linear_reason, rep->products, rep->maps, ADJ_CHECK_COUNT};
  PetscInt              status[ADJ_CHECK_COUNT];
  PetscReal             value[ADJ_CHECK_COUNT][3];
  char                  name[ADJ_CHECK_COUNT][ADJ_TRUST_FILE_NAME_LENGTH];

  PetscFunctionBegin;
  PetscCall(PetscMemzero(name, sizeof(name)));
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    const ADJTrustCheck *c = &rep->check[i];

    PetscCall(PetscStrncpy(name[i], ADJChecks[i], sizeof(name[i])));
    status[i]   = (PetscInt)c->status;
    value[i][0] = c->value;
    value[i][1] = c->error;
    value[i][2] = c->threshold;
  }
  PetscCall(PetscViewerBinaryWrite(viewer, head, PETSC_STATIC_ARRAY_LENGTH(head), PETSC_INT));
  PetscCall(PetscViewerBinaryWrite(viewer, name, sizeof(name), PETSC_CHAR));
  PetscCall(PetscViewerBinaryWrite(viewer, status, ADJ_CHECK_COUNT, PETSC_INT));
  PetscCall(PetscViewerBinaryWrite(viewer, value, 3 * ADJ_CHECK_COUNT, PETSC_REAL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The readable form without its advice, which no page is wide enough for */
static PetscErrorCode ADJTrustPage_Private(ADJ adj, PetscDraw draw)
{
  const ADJTrustReport *rep     = &adj->state->report;
  const int             color[] = {PETSC_DRAW_BLACK, PETSC_DRAW_BLACK, PETSC_DRAW_FORESTGREEN, PETSC_DRAW_ORANGE, PETSC_DRAW_RED};
  PetscReal             width, height, y;
  char                  text[128];
  PetscMPIInt           rank;

  PetscFunctionBegin;
  PetscCall(PetscDrawSetCoordinates(draw, 0.0, 0.0, 1.0, 1.0));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)draw), &rank));
  if (rank) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscDrawStringGetSize(draw, &width, &height));
  height = 1.5 * PetscMin(height, 0.02); /* of a line: all checks fit */
  y      = 1.0 - 2.0 * height;
  PetscCall(PetscSNPrintf(text, sizeof(text), "Trust in the %s: %s", rep->phase == ADJ_PHASE_TANGENT ? "tangent" : "gradient", ADJTrusts[rep->verdict]));
  PetscCall(PetscDrawString(draw, 2.0 * width, y, rep->verdict < 0 ? PETSC_DRAW_RED : PETSC_DRAW_BLACK, text));
  PetscCall(PetscSNPrintf(text, sizeof(text), "forward %s, linear solve %s", SNESConvergedReasons[rep->forward_reason], rep->linear_reason ? KSPConvergedReasons[rep->linear_reason] : "none"));
  PetscCall(PetscDrawString(draw, 2.0 * width, y -= height, PETSC_DRAW_BLACK, text));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%" PetscInt_FMT " products and %" PetscInt_FMT " evaluations of the map spent on checks", rep->products, rep->maps));
  PetscCall(PetscDrawString(draw, 2.0 * width, y -= height, PETSC_DRAW_BLACK, text));
  y -= height;
  for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
    if (rep->check[i].status == ADJ_CHECK_SKIPPED) continue;
    PetscCall(ADJFormatCheck_Private(ADJChecks[i], &rep->check[i], sizeof(text), text));
    PetscCall(PetscDrawString(draw, 2.0 * width, y -= height, color[rep->check[i].status], text));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJTrustView - Shows the report of the last verdict: each quantity, its limit, the outcome, what to try next

   Collective

   Input Parameters:
+  adj    - the context
-  viewer - where to; `NULL` for the standard output

   Options Database Key:
.  -adj_trust_view [viewer] - called with each verdict, see `PetscOptionsCreateViewer()`

   Level: beginner

   Notes:
   What viewers get:
+  `PETSCVIEWERASCII`  - a line for each check that was made; with the format `PETSC_VIEWER_ASCII_INFO` the line for scripts
.  `PETSCVIEWERSTRING` - the line for scripts
.  `PETSCVIEWERBINARY` - a record, see below
-  `PETSCVIEWERDRAW`   - the lines of the checks, without advice
   Others get nothing.

   The line for scripts, `-adj_trust_view ::ascii_info`, begins with the word adj_trust and goes on with pairs key=value,
   with one space in between and none inside, but for the last value. The keys will stay; new ones may come, so find them by
   name. They are prefix (if the context has one), verdict, reason (the check that failed or, if none did, was inconclusive;
   absent if there is none), phase (adjoint or tangent), forward_reason, linear_reason (or none), products, maps, and for each
   check that was made, in the order of `ADJCheck`, `name` (its value; negative if it is not known), `name.error` and
   `name.limit` (where there is one) and `name.status`. The last, if there is one, is advice, of that reason, in double quotes.
   Numbers have nine digits, or are Inf, -Inf or NaN.

   The record consists of 8 `PetscInt`: `ADJ_TRUST_FILE_CLASSID`, the fields `verdict`, `phase`, `forward_reason`, `linear_reason`,
   `products` and `maps` of `ADJTrustReport`, and the number of checks n; then the names of the checks, n times
   `ADJ_TRUST_FILE_NAME_LENGTH` `char`; n `PetscInt`, the `ADJCheckStatus` of each; and 3n `PetscReal`, value, error and threshold of each.
   Other programs read it with `PetscViewerBinaryRead()`.

   An option opens its file anew with each verdict: what stays is the last. `-adj_trust_view ascii:trust.txt:ascii_info:append`
   keeps all, also those of earlier runs, and so does binary:trust.bin::append. `-adj_trust_view draw:image:trust.ppm` makes a picture.

.seealso: `ADJGetTrustReport()`, `ADJGetTrust()`, `ADJTrustViewSpectrum()`
@*/
PetscErrorCode ADJTrustView(ADJ adj, PetscViewer viewer)
{
  PetscBool         ascii, string, binary, draw;
  PetscViewerFormat format;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)adj), &viewer));
  PetscValidHeaderSpecific(viewer, PETSC_VIEWER_CLASSID, 2);
  PetscCheckSameComm(adj, 1, viewer, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERSTRING, &string));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERBINARY, &binary));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERDRAW, &draw));
  PetscCall(PetscViewerGetFormat(viewer, &format));
  if (string || (ascii && format == PETSC_VIEWER_ASCII_INFO))
    PetscCall(ADJTrustView_Line(adj, viewer, string));
  else if (ascii)
    PetscCall(ADJTrustView_ASCII(adj, viewer));
  else if (binary)
    PetscCall(ADJTrustView_Binary(adj, viewer));
  else if (draw)
    PetscCall(ADJDrawPage_Private(adj, viewer, "Trust", ADJTrustPage_Private));
  PetscFunctionReturn(PETSC_SUCCESS);
}
