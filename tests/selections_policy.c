static char help[] = "Selections: failures of their products, when they are measured again, budget, arguments.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "selections.h"

/* NaN on one process, or an error, from a call on; the context works afterwards */
static PetscErrorCode TestFaults(void)
{
  const PetscInt calls[] = {1, 2, 7, 30, 40, 55, 80};
  Problem        p;
  Pieces         pieces;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(PiecesCreate(20, LAYOUT_EMPTY, SPECTRUM_PAIRS, 0.9, &p, &pieces));
  pieces.scale[1] = -0.7;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "before the faults"));
  PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED && pieces.calls > 80), "before the faults: verdict %s, %" PetscInt_FMT " calls", ADJTrusts[report.verdict], pieces.calls));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(calls); i++) {
    for (PetscInt fail = 0; fail < 2; fail++) {
      PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
      pieces.calls                         = 0;
      *(fail ? &pieces.fail : &pieces.nan) = calls[i];
      PetscCall(TapError(fail ? PETSC_ERR_USER : PETSC_ERR_FP, Gradient(&p, &report), "%s from call %" PetscInt_FMT " on: refused", fail ? "error" : "NaN", calls[i]));
      PetscCall(TapOk((PetscBool)(pieces.calls == calls[i]), "%s from call %" PetscInt_FMT " on: no call after it", fail ? "error" : "NaN", calls[i]));
      if (!fail) PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_REFUTED_NOT_FINITE && report.check[ADJ_CHECK_SELECTIONS].status == ADJ_CHECK_SKIPPED), "NaN from call %" PetscInt_FMT " on: verdict %s", calls[i], ADJTrusts[report.verdict]));
      pieces.nan = pieces.fail = 0;
      PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
      PetscCall(ADJGetTrustReport(p.adj, &report));
      PetscCall(TapOk((PetscBool)(report.verdict == ADJ_TRUST_ESTIMATED), "afterwards: verdict %s", ADJTrusts[report.verdict]));
    }
  }
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each state; kept where the contraction is, unless a derivative was refused */
static PetscErrorCode TestCarriedOver(void)
{
  Problem        p;
  Pieces         pieces;
  PetscBool      yes;
  PetscReal      before;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(PiecesCreate(20, LAYOUT_UNEVEN, SPECTRUM_CLUSTER, 0.6, &p, &pieces));
  p.s             = 1e-3;
  pieces.scale[1] = -0.5;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  before = c->value;
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && !c->advice && pieces.calls > 0), "measured with the first derivative"));
  pieces.calls = 0;
  PetscCall(ADJSolveAdjoint(p.adj, p.x, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && pieces.calls == 0), "not again at the same state"));
  PetscCall(VecScale(p.theta, 1.001));
  PetscCall(Gradient(&p, &report));
  PetscCall(Says(&report, "carried over", &yes));
  PetscCall(TapOk((PetscBool)(yes && c->status == ADJ_CHECK_PASSED && c->value == before && pieces.calls == 0), "carried over with the contraction"));
  PetscCall(MatScale(p.A, 1.4));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(pieces.calls > 0 && c->status == ADJ_CHECK_PASSED && !c->advice), "measured again where that moved"));
  PetscCall(TapClose(c->value, 1.4 * before, 1e-2, "the new value is %g", (double)c->value));
  pieces.scale[1] = -1.3;
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, Gradient(&p, &report), "other selections are looked at"));
  pieces.scale[1] = -0.5;
  PetscCall(VecScale(p.theta, 1.001));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED), "a refusal is not carried over"));
  PetscCall(ADJReset(p.adj));
  pieces.calls = 0;
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && pieces.calls > 0), "forgotten by ADJReset(), the selections are not"));
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The two of the heavy ball */
static PetscErrorCode TestBudget(void)
{
  Problem        p;
  Pieces         pieces;
  PetscBool      yes;
  PetscOptions   options;
  ADJTrustReport report;
  ADJTrustCheck *c = &report.check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_budget 1", &options));
  PetscCall(PiecesCreate(6, LAYOUT_UNEVEN, SPECTRUM_REAL, 0.5, &p, &pieces));
  PetscCall(OptionsEnd(&options));
  PetscCall(PieceCreate(&p, 0.75, -0.75, 1.0, 0.0, &pieces.matrix[0]));
  PetscCall(PieceCreate(&p, 1.5, -0.75, 1.0, 0.0, &pieces.matrix[1]));
  PetscCall(ADJSetSelections(p.adj, 2, PieceVJP, PieceJVP, &pieces));
  PetscCall(Gradient(&p, &report));
  PetscCall(Show(&report, "budget 1"));
  PetscCall(Says(&report, "-adj_trust_budget", &yes));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_INCONCLUSIVE && yes && report.verdict == ADJ_TRUST_UNVERIFIED), "budget spent: verdict %s", ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)(pieces.calls < 50), "budget spent: after %" PetscInt_FMT " products", pieces.calls));
  PetscCall(ADJSetTrustBudget(p.adj, 300));
  PetscCall(TapError(PETSC_ERR_CONV_FAILED, ADJSolveAdjoint(p.adj, p.v, p.thetabar), "with more of it: looked at again, and refused"));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_FALSE));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict > 0), "no contraction is asked for: no check, verdict %s", ADJTrusts[report.verdict]));
  PetscCall(ADJSetTrustContraction(p.adj, PETSC_TRUE));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_NONE));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED), "level none: no check"));
  PetscCall(ADJSetTrustLevel(p.adj, ADJ_TRUST_LEVEL_ESTIMATE));
  PetscCall(ADJSetType(p.adj, ADJUNROLLED));
  PetscCall(ADJSetSteps(p.adj, 5));
  PetscCall(Gradient(&p, &report));
  PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_SKIPPED && report.verdict > 0), "derivative of five steps: no check, verdict %s", ADJTrusts[report.verdict]));
  PetscCall(PiecesDestroy(&p, &pieces));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestArguments(void)
{
  ADJ             adj;
  PetscInt        n, length;
  ADJSelectionFn *vjp, *jvp;
  void           *ctx;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetSelections(adj, -1, PieceVJP, NULL, NULL), "a negative number of selections"));
  PetscCall(TapError(PETSC_ERR_ARG_NULL, ADJSetSelections(adj, 2, NULL, PieceJVP, NULL), "selections without VJP"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetSelectionsLength(adj, 0), "products of no factors"));
  PetscCall(ADJGetSelections(adj, &n, &vjp, &jvp, &ctx));
  PetscCall(TapOk((PetscBool)(!n && !vjp && !jvp && !ctx), "nothing is set at first, nor by a call that failed"));
  PetscCall(ADJSetSelections(adj, 2, PieceVJP, PieceJVP, &n));
  PetscCall(ADJSetSelectionsLength(adj, 4));
  PetscCall(ADJGetSelections(adj, &n, &vjp, &jvp, &ctx));
  PetscCall(ADJGetSelectionsLength(adj, &length));
  PetscCall(TapOk((PetscBool)(n == 2 && vjp == PieceVJP && jvp == PieceJVP && ctx == &n && length == 4), "what was set"));
  PetscCall(ADJGetSelections(adj, NULL, NULL, NULL, NULL));
  PetscCall(ADJSetSelections(adj, 0, NULL, NULL, NULL));
  PetscCall(ADJGetSelections(adj, &n, &vjp, &jvp, &ctx));
  PetscCall(TapOk((PetscBool)(!n && !vjp && !jvp && !ctx), "removed"));
  PetscCall(ADJDestroy(&adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestFaults());
  PetscCall(TestCarriedOver());
  PetscCall(TestBudget());
  PetscCall(TestArguments());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
