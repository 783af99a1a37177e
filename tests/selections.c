static char help[] = "Nonsmooth fixed points: brackets of the joint spectral radius of the selections.\n\n";

/*
   nsize: 1 2 4
*/
#include <math.h>
#include "problems.h"

#define SLOTS 4

/*
   Selection s is scale[s] A of the problem, with a trap: from the call `nan` on, counted from 1, the last process with unknowns gets
   NaN; at the call `fail` all get an error
*/
typedef struct {
  Problem  *p;
  PetscReal scale[SLOTS];
  Mat       matrix[SLOTS]; /* instead of A */
  PetscInt  calls, nan, fail;
} Pieces;

static PetscErrorCode Strike(Pieces *pieces, Vec out)
{
  PetscInt lo, hi, n;

  PetscFunctionBeginUser;
  pieces->calls++;
  if (pieces->nan && pieces->calls >= pieces->nan) {
    PetscCall(VecGetSize(out, &n));
    PetscCall(VecGetOwnershipRange(out, &lo, &hi));
    if (lo < n && hi == n) PetscCall(VecSetValue(out, n - 1, NAN, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(out));
    PetscCall(VecAssemblyEnd(out));
  }
  PetscFunctionReturn(pieces->fail && pieces->calls == pieces->fail ? PETSC_ERR_USER : PETSC_SUCCESS);
}

static PetscErrorCode PieceVJP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  Pieces *pieces = (Pieces *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ProblemCheckPoint(pieces->p, x, theta));
  PetscCall(MatMultHermitianTranspose(pieces->matrix[s] ? pieces->matrix[s] : pieces->p->A, in, out));
  PetscCall(VecScale(out, pieces->scale[s]));
  PetscFunctionReturn(Strike(pieces, out));
}

static PetscErrorCode PieceJVP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  Pieces *pieces = (Pieces *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(ProblemCheckPoint(pieces->p, x, theta));
  PetscCall(MatMult(pieces->matrix[s] ? pieces->matrix[s] : pieces->p->A, in, out));
  PetscCall(VecScale(out, pieces->scale[s]));
  PetscFunctionReturn(Strike(pieces, out));
}

/* The gradient with its report; the code of a refusal is returned */
static PetscErrorCode Gradient(Problem *p, ADJTrustReport *report)
{
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  ierr = ADJSolveAdjoint(p->adj, p->v, p->thetabar);
  PetscCall(ADJGetTrustReport(p->adj, report));
  PetscFunctionReturn(ierr);
}

static PetscErrorCode Show(const ADJTrustReport *report, const char what[])
{
  const ADJTrustCheck *c = &report->check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(TapDiag("%s: lower %.6f, upper %.6f, %s, %" PetscInt_FMT " products: %.160s", what, (double)c->value, c->error > 0.0 ? (double)(c->value + c->error) : -1.0, ADJCheckStatuses[c->status], report->products, c->advice ? c->advice : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Says(const ADJTrustReport *report, const char text[], PetscBool *yes)
{
  char *found = NULL;

  PetscFunctionBeginUser;
  if (report->check[ADJ_CHECK_SELECTIONS].advice) PetscCall(PetscStrstr(report->check[ADJ_CHECK_SELECTIONS].advice, text, &found));
  *yes = (PetscBool)(found != NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------- Heavy ball on f = x^2/2 (x >= 0), x^2/8 (x < 0), less theta x: step 1, momentum 3/4 ------------- */

/* The pairs (x_k, x_{k-1}) lie on one process each */
static PetscErrorCode BallProduct(PetscBool transpose, PetscInt s, Vec in, Vec out)
{
  const PetscScalar *a;
  PetscScalar       *b;
  PetscInt           n;
  const PetscReal    slope = s ? 0.25 : 1.0;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(in, &n));
  PetscCall(VecGetArrayRead(in, &a));
  PetscCall(VecGetArrayWrite(out, &b));
  for (PetscInt i = 0; i < n; i += 2) {
    b[i]     = (1.75 - slope) * a[i] + (transpose ? a[i + 1] : -0.75 * a[i + 1]);
    b[i + 1] = transpose ? -0.75 * a[i] : a[i];
  }
  PetscCall(VecRestoreArrayRead(in, &a));
  PetscCall(VecRestoreArrayWrite(out, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = M_s x + theta e_1, by the sign of x_k */
static PetscErrorCode BallMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscScalar *a, *t;
  PetscScalar       *b;
  PetscInt           n;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &a));
  PetscCall(VecGetArrayRead(theta, &t));
  PetscCall(VecGetArrayWrite(y, &b));
  for (PetscInt i = 0; i < n; i += 2) {
    b[i]     = (1.75 - (PetscRealPart(a[i]) >= 0.0 ? 1.0 : 0.25)) * a[i] - 0.75 * a[i + 1] + t[i / 2];
    b[i + 1] = a[i];
  }
  PetscCall(VecRestoreArrayRead(x, &a));
  PetscCall(VecRestoreArrayRead(theta, &t));
  PetscCall(VecRestoreArrayWrite(y, &b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x* = theta > 0: the first selection */
static PetscErrorCode BallVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  const PetscScalar *a;
  PetscScalar       *t;
  PetscInt           n;

  (void)adj;
  (void)x;
  (void)theta;
  (void)ctx;
  PetscFunctionBeginUser;
  if (xbar) PetscCall(BallProduct(PETSC_TRUE, 0, w, xbar));
  if (thetabar) {
    PetscCall(VecGetLocalSize(thetabar, &n));
    PetscCall(VecGetArrayRead(w, &a));
    PetscCall(VecGetArrayWrite(thetabar, &t));
    for (PetscInt i = 0; i < n; i++) t[i] = a[2 * i];
    PetscCall(VecRestoreArrayRead(w, &a));
    PetscCall(VecRestoreArrayWrite(thetabar, &t));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallSelectionVJP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(BallProduct(PETSC_TRUE, s + *(PetscInt *)ctx, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallSelectionJVP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(BallProduct(PETSC_FALSE, s + *(PetscInt *)ctx, in, out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BallCreate(PetscInt nballs, Layout layout, Problem *p)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, nballs, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, 2 * n, 2 * nballs, &p->x));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, nballs, &p->theta));
  PetscCall(VecDuplicate(p->x, &p->v));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(VecSet(p->theta, 2.0));
  PetscCall(VecSet(p->v, 0.5));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  PetscCall(ADJSetFixedPoint(p->adj, BallMap, NULL));
  PetscCall(ADJSetVJP(p->adj, BallVJP, NULL));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each selection alone has rho = sqrt(3/4); the product 0 0 1 1 has -9/8 */
static PetscErrorCode TestHeavyBall(PetscInt nballs, Layout layout)
{
  Problem        p;
  PetscInt       first = 0, length;
  PetscReal      error;
  PetscBool      yes;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(BallCreate(nballs, layout, &p));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " balls: no selections, no check, verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(TapClose(report.check[ADJ_CHECK_CONTRACTION].value, PetscSqrtReal(0.75), 1e-2, "%" PetscInt_FMT " balls: the iteration contracts at its solution", nballs));
  PetscCall(VecShift(p.thetabar, -1.0)); /* dx/dtheta = 1 for both entries of a pair */
  PetscCall(VecNorm(p.thetabar, NORM_INFINITY, &error));
  PetscCall(TapBelow(error, 1e-6, "%" PetscInt_FMT " balls: the gradient", nballs));
  for (first = 0; first < 2; first++) {
    PetscCall(ADJSetSelections(p.adj, 1, BallSelectionVJP, BallSelectionJVP, &first));
    PetscCall(Gradient(&p, &report));
    PetscCall(Show(&report, "one alone"));
    PetscCall(TapClose(c->value, PetscSqrtReal(0.75), 1e-3, "%" PetscInt_FMT " balls: selection %" PetscInt_FMT " alone", nballs, first));
    PetscCall(TapOk((PetscBool)(report.verdict > 0), "%" PetscInt_FMT " balls: not refused, verdict %s", nballs, ADJTrusts[report.verdict]));
  }
  first = 0;
  PetscCall(ADJSetSelections(p.adj, 2, BallSelectionVJP, BallSelectionJVP, &first));
  PetscCall(ADJGetSelectionsLength(p.adj, &length));
  PetscCall(ADJSetSelectionsLength(p.adj, 3));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "both, length 3"));
  PetscCall(TapOk((PetscBool)(length == 6 && c->status == ADJ_CHECK_INCONCLUSIVE && c->value < 1.0 && c->value + c->error > 1.0 && report.verdict == ADJ_TRUST_UNVERIFIED), "%" PetscInt_FMT " balls: three factors leave it open, verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(ADJSetSelectionsLength(p.adj, length));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "%" PetscInt_FMT " balls: refused", nballs));
  PetscCall(Show(&report, "both"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_CONTRACTION && c->status == ADJ_CHECK_FAILED && report.check[ADJ_CHECK_CONTRACTION].status == ADJ_CHECK_PASSED), "%" PetscInt_FMT " balls: verdict %s", nballs, ADJTrusts[report.verdict]));
  PetscCall(TapBelow(PetscAbsReal(c->value - PetscPowReal(1.125, 0.25)), 1e-3, "%" PetscInt_FMT " balls: lower bound (9/8)^(1/4)", nballs));
  PetscCall(Says(&report, "0 0 1 1 grows by 1.03 a step although each alone contracts", &yes));
  if (!yes) PetscCall(Says(&report, "0 0 1 1 grows by 1.029", &yes));
  PetscCall(TapOk(yes, "%" PetscInt_FMT " balls: the word is named", nballs));
  PetscCall(ADJSetSelections(p.adj, 2, BallSelectionVJP, NULL, &first));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "%" PetscInt_FMT " balls: refused without JVP too", nballs));
  PetscCall(ADJSetSelections(p.adj, 0, NULL, NULL, NULL));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict == ADJ_TRUST_ESTIMATED), "%" PetscInt_FMT " balls: removed", nballs));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestHeavyBall(1, LAYOUT_LAST));
  PetscCall(TestHeavyBall(5, LAYOUT_UNEVEN));
  PetscCall(TestHeavyBall(7, LAYOUT_EMPTY));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
