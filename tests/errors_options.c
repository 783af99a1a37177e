static char help[] = "Errors: names, enumerations, limits and numbers that there are not.\n\n";

/*
   nsize: 1 2
   allow: leaks (PetscObjectOptionsBegin() of PETSc leaks two strings when an option in it is refused)
*/
#include "faulty.h"

/* ADJSetFromOptions() of a context of its own, which stays usable */
static PetscErrorCode TestOption(const char options[], PetscErrorCode expected)
{
  Faulty       p;
  PetscOptions bad;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(PetscOptionsCreate(&bad));
  PetscCall(PetscOptionsInsertString(bad, options));
  PetscCall(PetscObjectSetOptions((PetscObject)p.adj, bad));
  PetscCall(TapError(expected, ADJSetFromOptions(p.adj), "%s", options));
  PetscCall(PetscObjectSetOptions((PetscObject)p.adj, p.options));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, options));
  PetscCall(FaultyDestroy(&p));
  PetscCall(PetscOptionsDestroy(&bad));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestType(void)
{
  Faulty    p;
  ADJType   type;
  PetscBool same;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(TapError(PETSC_ERR_ARG_UNKNOWN_TYPE, ADJSetType(p.adj, "no such method"), "ADJSetType() with an unknown name"));
  PetscCall(TapError(PETSC_ERR_ARG_UNKNOWN_TYPE, ADJSetType(p.adj, ""), "ADJSetType() with an empty name"));
  PetscCall(ADJGetType(p.adj, &type));
  PetscCall(PetscStrcmp(type, ADJIMPLICIT, &same));
  PetscCall(TapOk(same, "the type is still the one before"));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after an unknown type"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestEnums(void)
{
  Faulty         p;
  ADJTrustLevel  level;
  ADJTrustAction action;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustLevel(p.adj, (ADJTrustLevel)7), "ADJSetTrustLevel() with a value that is none"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustLevel(p.adj, (ADJTrustLevel)-1), "ADJSetTrustLevel() with a negative value"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustAction(p.adj, (ADJTrustAction)7), "ADJSetTrustAction() with a value that is none"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustAction(p.adj, (ADJTrustAction)-1), "ADJSetTrustAction() with a negative value"));
  PetscCall(ADJGetTrustLevel(p.adj, &level));
  PetscCall(ADJGetTrustAction(p.adj, &action));
  PetscCall(TapOk((PetscBool)(level == ADJ_TRUST_LEVEL_ESTIMATE && action == ADJ_TRUST_ACTION_ERROR), "level and action are those before"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTolerances(void)
{
  const ADJCheck checks[] = {ADJ_CHECK_FORWARD, ADJ_CHECK_LINEAR, ADJ_CHECK_CONDITIONING, ADJ_CHECK_RESIDUAL_BOUND, ADJ_CHECK_RATE, ADJ_CHECK_SINGULAR, ADJ_CHECK_VJP_X, ADJ_CHECK_VJP_THETA, ADJ_CHECK_OBJECTIVE, ADJ_CHECK_KINK, ADJ_CHECK_NULLSPACE, ADJ_CHECK_DEFECT, ADJ_CHECK_SOLVABILITY, ADJ_CHECK_PERSISTENCE};
  Faulty         p;
  PetscReal      before, value;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(checks); i++) {
    const char *name = ADJChecks[checks[i]];

    PetscCall(ADJGetTrustThreshold(p.adj, checks[i], &before));
    PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustThreshold(p.adj, checks[i], NAN), "%s: a limit that is NaN", name));
    if (checks[i] != ADJ_CHECK_LINEAR) PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustThreshold(p.adj, checks[i], -0.5), "%s: a negative limit", name));
    PetscCall(ADJGetTrustThreshold(p.adj, checks[i], &value));
    PetscCall(TapOk((PetscBool)(value == before), "%s: the limit has not changed", name));
    PetscCall(TapError(PETSC_SUCCESS, ADJSetTrustThreshold(p.adj, checks[i], 12.5), "%s: a good limit", name));
    PetscCall(ADJGetTrustThreshold(p.adj, checks[i], &value));
    PetscCall(TapOk((PetscBool)(value == 12.5), "%s: the limit is kept", name));
  }
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustThreshold(p.adj, ADJ_CHECK_CONDITIONING, 1.0), "a condition number of 1"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustThreshold(p.adj, ADJ_CHECK_RITZ, 1.0), "a check without a limit"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJSetTrustThreshold(p.adj, ADJ_CHECK_COUNT, 1.0), "no check at all"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMonitors(void)
{
  Faulty   p;
  PetscInt contexts[16], n = 0;

  PetscFunctionBeginUser;
  PetscCall(FaultyCreate(&p, ADJ_FIXED_POINT, 12, ""));
  PetscCall(ADJMonitorCancel(p.adj));
  for (; n < 5; n++) PetscCall(ADJMonitorSet(p.adj, FaultyMonitor, &p.calls[n], NULL));
  PetscCall(TapError(PETSC_SUCCESS, ADJMonitorSet(p.adj, FaultyMonitor, &p.calls[2], NULL), "a monitor that is there already"));
  PetscCall(TapError(PETSC_ERR_ARG_OUTOFRANGE, ADJMonitorSet(p.adj, FaultyMonitor, &contexts[n], NULL), "one monitor too many"));
  PetscCall(ADJMonitorCancel(p.adj));
  PetscCall(ADJMonitorSet(p.adj, FaultyMonitor, &p, NULL));
  PetscCall(FaultyTapGood(&p, ADJ_TRUST_ESTIMATED, "after too many monitors"));
  PetscCall(TapOk((PetscBool)(p.calls[IN_MONITOR] == 2), "the monitor was called after each solve"));
  PetscCall(FaultyDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestType());
  PetscCall(TestEnums());
  PetscCall(TestTolerances());
  PetscCall(TestMonitors());
  PetscCall(TestOption("-adj_type nonesuch", PETSC_ERR_ARG_UNKNOWN_TYPE));
  PetscCall(TestOption("-adj_trust_level paranoid", PETSC_ERR_USER));
  PetscCall(TestOption("-adj_trust_action shrug", PETSC_ERR_USER));
  PetscCall(TestOption("-adj_trust_contraction maybe", PETSC_ERR_ARG_WRONG));
  PetscCall(TestOption("-adj_trust_forward_rtol small", PETSC_ERR_ARG_OUTOFRANGE));
  PetscCall(TestOption("-adj_trust_forward_rtol -0.5", PETSC_ERR_ARG_OUTOFRANGE));
  PetscCall(TestOption("-adj_trust_condition 0.5", PETSC_ERR_ARG_OUTOFRANGE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
