/*
   Options of the ADJ itself; those of the children are theirs.
*/
#include <contragrad/private/adjimpl.h>

/* The children take the prefix when they are created */
static PetscErrorCode ADJCheckPrefixOrder_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCheck(!adj->snes && !adj->ksp && !adj->tksp && !adj->eps && !adj->svd, PetscObjectComm((PetscObject)adj), PETSC_ERR_ORDER, "Set the options prefix before ADJSetFromOptions() and before asking for SNES, KSP, EPS or SVD: they have taken the old one");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJSetOptionsPrefix - Sets the prefix of all options of this context and of its children

   Logically collective

   Input Parameters:
+  adj    - the context
-  prefix - put before every option's name: with `flow_`, `-flow_adj_type`, `-flow_adj_ksp_rtol`; `NULL` for none

   Level: advanced

   Note:
   Call it before `ADJSetFromOptions()` and before the children are asked for.

.seealso: `ADJAppendOptionsPrefix()`, `ADJGetOptionsPrefix()`, `ADJSetFromOptions()`
@*/
PetscErrorCode ADJSetOptionsPrefix(ADJ adj, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckPrefixOrder_Private(adj));
  PetscCall(PetscObjectSetOptionsPrefix((PetscObject)adj, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJAppendOptionsPrefix - Appends to the prefix of all options of this context and of its children

   Logically collective

   Input Parameters:
+  adj    - the context
-  prefix - appended to the present prefix

   Level: advanced

.seealso: `ADJSetOptionsPrefix()`
@*/
PetscErrorCode ADJAppendOptionsPrefix(ADJ adj, const char prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJCheckPrefixOrder_Private(adj));
  PetscCall(PetscObjectAppendOptionsPrefix((PetscObject)adj, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJGetOptionsPrefix - The prefix of all options of this context

   Not collective

   Input Parameter:
.  adj - the context

   Output Parameter:
.  prefix - the prefix, `NULL` if there is none

   Level: advanced

.seealso: `ADJSetOptionsPrefix()`
@*/
PetscErrorCode ADJGetOptionsPrefix(ADJ adj, const char *prefix[])
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(PetscObjectGetOptionsPrefix((PetscObject)adj, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMonitorOptions_Private(ADJ adj, ADJOptionItems PetscOptionsObject)
{
  PetscBool flg, set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsBool("-adj_monitor", "Print a line after each forward, adjoint and tangent solve", "ADJMonitorDefault", PETSC_FALSE, &flg, &set));
  if (set && flg) PetscCall(ADJMonitorSet(adj, ADJMonitorDefault, NULL, NULL));
  PetscCall(PetscOptionsBool("-adj_monitor_cancel", "Remove all monitors", "ADJMonitorCancel", PETSC_FALSE, &flg, &set));
  if (set && flg) PetscCall(ADJMonitorCancel(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJSetFromOptions - Configures the context and its children from the options database

   Collective

   Input Parameter:
.  adj - the context

   Options Database Keys:
+  -adj_type <type>                        - method, see `ADJSetType()`
.  -adj_trust_level <none,estimate,certify> - what is spent on the verdict, see `ADJSetTrustLevel()`
.  -adj_trust_action <error,warn,ignore>   - what is done with a refused derivative, see `ADJSetTrustAction()`
.  -adj_trust_contraction <bool>           - whether a fixed point must be a contraction, see `ADJSetTrustContraction()`
.  -adj_trust_differences <bool>           - products against differences of the map, see `ADJSetTrustDifferences()`
.  -adj_trust_svd <bool>                   - norms and condition number by `SVD`, see `ADJSetTrustSVD()`
.  -adj_trust_budget <300>                 - see `ADJSetTrustBudget()`
.  -adj_trust_recheck <0.1>                - see `ADJSetTrustRecheck()`
.  -adj_trust_gradient_error <auto,always,never> - see `ADJSetTrustGradientError()`
.  -adj_gradient_refine <bool>             - see `ADJSetGradientRefine()`
.  -adj_trust_samples <5>                  - see `ADJSetTrustCertificate()`
.  -adj_trust_failure <1e-2>               - see `ADJSetTrustCertificate()`
.  -adj_trust_selections_length <6>        - see `ADJSetSelectionsLength()`
.  -adj_gradient_rtol <rtol>               - see `ADJSetGradientTolerance()`
.  -adj_symmetric <bool>                   - the Jacobian is its own transpose, see `ADJSetSymmetric()`
.  -adj_transpose <virtual,explicit>       - see `ADJSetTranspose()`
.  -adj_pc_source <auto,forward,transpose> - see `ADJSetPCSource()`
.  -adj_vjp_fd_color <bool>                - derivatives by coloring and differences, see `ADJSetFDColor()`
.  -adj_vjp_fd_max_columns <100>           - see `ADJSetFDMaxColumns()`
.  -adj_hessian_type <full,gauss_newton,differences> - see `ADJSetHessianType()`
.  -adj_checkpoint <file>                  - where an optimization writes its checkpoints, see `ADJSetCheckpoint()`
.  -adj_checkpoint_interval <k>            - iterations between them, see `ADJSetCheckpointInterval()`
.  -adj_checkpoint_seconds <s>             - seconds between them, see `ADJSetCheckpointInterval()`
.  -adj_checkpoint_memory <10>             - see `ADJSetCheckpointMemory()`
.  -adj_restart [true,false,auto,file]     - take up a checkpoint, see `ADJSetRestart()`
.  -adj_tolerance_schedule <fixed,hoag,gradient> - inner tolerances in an optimization, see `ADJSetToleranceSchedule()`
.  -adj_tolerance_start <0.3>              - see `ADJSetToleranceParameters()`
.  -adj_tolerance_decay <0.5>              - see `ADJSetToleranceParameters()`
.  -adj_tolerance_descent <0.3>            - see `ADJSetToleranceParameters()`
.  -adj_steps <K>                          - forward iterations to make, see `ADJSetSteps()`
.  -adj_piggyback <bool>                   - the adjoint alongside the state, see `ADJSetPiggyback()`
.  -adj_trajectory_type <type>             - states kept along an iteration, see `ADJSetTrajectoryType()`
.  -adj_trajectory_checkpoints <c>         - see `ADJSetTrajectoryCheckpoints()`
.  -adj_trajectory_period <p>              - see `ADJSetTrajectoryPeriod()`
.  -adj_trajectory_store <memory,disk>     - see `ADJSetTrajectoryStore()`
.  -adj_trajectory_dir <dir>               - see `ADJSetTrajectoryDirectory()`
.  -adj_trust_view [viewer]                - print the report of each verdict, see `ADJTrustView()`
.  -adj_trust_view_spectrum [viewer]       - the leading eigenvalues of dF/dx, see `ADJTrustViewSpectrum()`
.  -adj_test_vjp                           - dot-product test at each solution, see `ADJTestVJP()`
.  -adj_test_gradient                      - Taylor test of the first gradient, see `ADJTestGradient()`
.  -adj_keep_previous_iterate <bool>       - see `ADJSetKeepPreviousIterate()`
.  -adj_monitor                            - a line for each solve, see `ADJMonitorSet()`
.  -adj_monitor_cancel                     - remove all monitors
-  -adj_view [viewer]                      - print the context after each adjoint or tangent solve, see `ADJView()`

   Level: beginner

   Notes:
   The limits of the checks are options too, see `ADJSetTrustThreshold()`.

   Types have options of their own, see `ADJNEUMANN`, `ADJTRUNCATED`, `ADJREVERSIBLE`, `ADJAUTO`.

   The children take their options here if the functions of the problem were set before, else in `ADJSetUp()`.

.seealso: `ADJSetOptionsPrefix()`, `ADJGetSNES()`, `ADJGetKSP()`, `ADJGetTangentKSP()`, `ADJGetEPS()`
@*/
PetscErrorCode ADJSetFromOptions(ADJ adj)
{
  char      type[256];
  PetscInt  steps = adj->steps;
  PetscBool flg, set;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscObjectOptionsBegin((PetscObject)adj);
  PetscCall(PetscOptionsFList("-adj_type", "Method of differentiation", "ADJSetType", ADJList, ((PetscObject)adj)->type_name ? ((PetscObject)adj)->type_name : ADJIMPLICIT, type, sizeof(type), &flg));
  if (flg)
    PetscCall(ADJSetType(adj, type));
  else if (!((PetscObject)adj)->type_name)
    PetscCall(ADJSetType(adj, ADJIMPLICIT));
  PetscCall(ADJTrustSetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(PetscOptionsInt("-adj_steps", "Forward iterations to make, whether they converge or not", "ADJSetSteps", steps, &steps, &flg));
  if (flg) PetscCall(ADJSetSteps(adj, steps));
  PetscCall(PetscOptionsBool("-adj_piggyback", "Iterate the adjoint alongside the state", "ADJSetPiggyback", adj->piggyback, &flg, &set));
  if (set) PetscCall(ADJSetPiggyback(adj, flg));
  PetscCall(ADJTrajectorySetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(PetscOptionsBool("-adj_keep_previous_iterate", "Keep the last but one forward iterate", "ADJSetKeepPreviousIterate", adj->keepprevious, &adj->keepprevious, NULL));
  PetscCall(PetscOptionsBool("-adj_test_vjp", "Dot-product test of the products at each solution", "ADJTestVJP", adj->testvjp, &adj->testvjp, NULL));
  PetscCall(PetscOptionsBool("-adj_test_gradient", "Taylor test of the first gradient", "ADJTestGradient", adj->testgradient, &adj->testgradient, NULL));
  PetscCall(ADJEmbeddingSetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(ADJOuterSetFromOptions_Private(adj, PetscOptionsObject));
  PetscCall(ADJMonitorOptions_Private(adj, PetscOptionsObject));
  PetscCall(PetscOptionsName("-adj_view", "View the context after each derivative", "ADJView", NULL));
  PetscTryTypeMethod(adj, setfromoptions, PetscOptionsObject);
  PetscCall(PetscObjectProcessOptionsHandlers((PetscObject)adj, PetscOptionsObject));
  PetscOptionsEnd();
  adj->optionscalled      = PETSC_TRUE;
  adj->childrenconfigured = PETSC_FALSE;
  adj->svdconfigured      = PETSC_FALSE;
  PetscCall(ADJConfigureChildren_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
