static char help[] = "Sick and healthy problems: each must have the verdict that it deserves.\n\n"
                     "  -hospital_table       : prints the catalogue\n"
                     "  -hospital_only <name> : this patient alone, with its report\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
   links: tests/hospital examples/groundwater
*/
#include "hospital/hospital.h"

typedef enum { SICK,
               HEALTHY,
               HIDDEN } Ward;
static const char *const Wards[] = {"sick", "healthy", "hidden"};

typedef struct {
  PetscBool   table;
  char        only[128];
  PetscMPIInt size;
  PetscInt    right[3], all[3];
} Hospital;

/* The options of one patient, those of the command line behind them */
static PetscErrorCode Admit(const Hospital *h, const Patient *p, const char more[], PetscOptions *options)
{
  char file[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsCreate(options));
  if (p->file) {
    PetscCall(PetscSNPrintf(file, sizeof(file), "petsc-options/%s.opts", p->file));
    PetscCall(PetscOptionsInsertFile(PETSC_COMM_WORLD, *options, file, PETSC_TRUE));
    PetscCall(PetscOptionsClearValue(*options, "-adj_trust_view"));
    PetscCall(PetscOptionsClearValue(*options, "-adj_test_gradient")); /* it prints */
    PetscCall(PetscOptionsClearValue(*options, "-adj_test_vjp"));
  }
  if (p->options) PetscCall(PetscOptionsInsertString(*options, p->options));
  if (more) PetscCall(PetscOptionsInsertString(*options, more));
  if (h->only[0]) PetscCall(PetscOptionsInsertString(*options, "-adj_trust_view"));
  PetscCall(PetscOptionsPush(*options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Discharge(PetscOptions *options)
{
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Examine(const Hospital *h, const Patient *p, const char more[], Result *r)
{
  PetscOptions options;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(r, sizeof(*r)));
  PetscCall(Admit(h, p, more, &options));
  PetscCall(TapError(PETSC_SUCCESS, PatientRun(p, r), "%s: runs through", p->name));
  PetscCall(Discharge(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first check that failed, or was left open, in the order of the report */
static const char *Finding(const ADJTrustReport *report)
{
  for (PetscInt pass = 0; pass < 2; pass++) {
    for (PetscInt i = 0; i < ADJ_CHECK_COUNT; i++) {
      if (report->check[i].status == (pass ? ADJ_CHECK_INCONCLUSIVE : ADJ_CHECK_FAILED)) return ADJChecks[i];
    }
  }
  return "";
}

/* Whether this is the verdict, for the reason that is expected; a refusal fails its check, something open leaves it open */
static PetscBool Matches(const ADJTrustReport *report, ADJTrust verdict, ADJCheck check)
{
  const ADJCheckStatus status = verdict < 0 ? ADJ_CHECK_FAILED : ADJ_CHECK_INCONCLUSIVE;

  return (PetscBool)(verdict && report->verdict == verdict && report->check[check].status == status);
}

/* A sick patient is really sick */
static PetscErrorCode TapSick(const Patient *p, const Result *r)
{
  PetscFunctionBeginUser;
  if (p->sickness == IS_WRONG) PetscCall(TapOk((PetscBool) !(r->error <= 1e-3), "%s: the derivative is wrong, by %.1e", p->name, (double)r->error));
  if (p->sickness == IS_KINKED) PetscCall(TapOk((PetscBool)(r->kink > 1e-3), "%s: the solution has a kink, of %.1e", p->name, (double)r->kink));
  if (p->sickness == IS_REPELLING) PetscCall(TapOk((PetscBool)(r->remains > 0.01), "%s: a disturbance stays, %.1e of it", p->name, (double)r->remains));
  if (p->sickness == IS_SINGULAR) PetscCall(TapBelow(r->pivot, 1e-12, "%s: the operator is singular", p->name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapHealthy(const Patient *p, const Result *r)
{
  const PetscReal tol = p->tol > 0.0 ? p->tol : 1e-6;

  PetscFunctionBeginUser;
  PetscCall(TapBelow(r->error, tol, "%s: the derivative is right, to %.1e", p->name, (double)r->error));
  PetscCall(TapBelow(r->truth, PetscMax(tol, 1e-5), "%s: so differences say, to %.1e", p->name, (double)r->truth));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool IsRight(Ward ward, const Patient *p, const Result *r)
{
  const ADJTrust expected = p->verdict ? p->verdict : ADJ_TRUST_ESTIMATED;

  if (ward != HEALTHY) return (PetscBool)(Matches(&r->report, p->verdict, p->check) || Matches(&r->report, p->other, p->othercheck));
  return (PetscBool)(r->report.verdict == expected || (p->other && r->report.verdict == p->other));
}

static PetscErrorCode PrintLine(Ward ward, const Patient *p, const Result *r)
{
  char sees[256] = "";

  PetscFunctionBeginUser;
  if (ward == HIDDEN) PetscCall(PetscSNPrintf(sees, sizeof(sees), " (%s; without: %s)", p->sees, ADJTrusts[r->before]));
  PetscCall(TapDiag("| %s | %s | %s%s | %s | %s | %.0e | %s |", Wards[ward], p->name, p->what, sees, ADJTrusts[r->report.verdict], Finding(&r->report), (double)r->error, r->right ? "right" : "WRONG"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Visit(Hospital *h, Ward ward, const Patient *p)
{
  Result r, before;
#if defined(PETSC_USE_COMPLEX)
  const PetscBool real = PETSC_FALSE;
#else
  const PetscBool real = PETSC_TRUE;
#endif

  PetscFunctionBeginUser;
  if (!real && (p->realonly || CurveHasKinks(p->curve) || CurveHasKinks(p->tau))) PetscFunctionReturn(PETSC_SUCCESS);
  if (real && p->disease == UNCONJUGATED) PetscFunctionReturn(PETSC_SUCCESS);
  before.report.verdict = ADJ_TRUST_NONE;
  if (ward == HIDDEN) PetscCall(Examine(h, p, NULL, &before));
  PetscCall(Examine(h, p, p->sees, &r));
  r.before = before.report.verdict;
  r.right  = IsRight(ward, p, &r);
  h->all[ward]++;
  h->right[ward] += r.right;
  PetscCall(TapOk(r.right, "%s %s (%s): %s %s", Wards[ward], p->name, p->what, ADJTrusts[r.report.verdict], Finding(&r.report)));
  if (!r.right && ward != HEALTHY) PetscCall(TapDiag("expected %s %s", ADJTrusts[p->verdict], ADJChecks[p->check]));
  if (ward == HEALTHY)
    PetscCall(TapHealthy(p, &r));
  else
    PetscCall(TapSick(p, &r));
  if (h->table) PetscCall(PrintLine(ward, p, &r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Round(Hospital *h, Ward ward, const Patient patients[])
{
  PetscFunctionBeginUser;
  for (const Patient *p = patients; p->name; p++) {
    PetscBool same;

    PetscCall(PetscStrcmp(p->name, h->only, &same));
    if (same || !h->only[0]) PetscCall(Visit(h, ward, p));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Hospital       h;
  int            failed;
  const Patient *sick[] = {SickProducts, SickSolvers, SickSpectra, SickNonsmooth}, *healthy[] = {HealthyMethods, HealthySpectra, HealthyLayouts, HealthyOthers};

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscMemzero(&h, sizeof(h)));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &h.size));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-hospital_table", &h.table, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-hospital_only", h.only, sizeof(h.only), NULL));
  PetscCall(TapBegin());
  if (h.table) PetscCall(TapDiag("| ward | patient | what it has | verdict | finding | error | |"));
  if (h.table) PetscCall(TapDiag("| --- | --- | --- | --- | --- | --- | --- |"));
  for (PetscInt i = 0; i < 4; i++) PetscCall(Round(&h, SICK, sick[i]));
  PetscCall(Round(&h, HIDDEN, Hidden));
  for (PetscInt i = 0; i < 4; i++) PetscCall(Round(&h, HEALTHY, healthy[i]));
  PetscCall(TapDiag("%d processes: sick: caught with the right reason %" PetscInt_FMT " of %" PetscInt_FMT "; hidden: seen where they can be %" PetscInt_FMT " of %" PetscInt_FMT "; healthy passed: %" PetscInt_FMT " of %" PetscInt_FMT, h.size, h.right[SICK], h.all[SICK], h.right[HIDDEN], h.all[HIDDEN], h.right[HEALTHY], h.all[HEALTHY]));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
