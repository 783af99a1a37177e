/*
   Life cycle of an ADJ: create, reset, destroy.
*/
#include <contragrad/private/adjimpl.h>

const char *const ADJForms[]         = {"UNSET", "FIXED_POINT", "RESIDUAL", "ADJForm", "ADJ_", NULL};
const char *const ADJPhases[]        = {"FORWARD", "ADJOINT", "TANGENT", "ADJPhase", "ADJ_PHASE_", NULL};
const char *const ADJTrustLevels[]   = {"NONE", "ESTIMATE", "CERTIFY", "ADJTrustLevel", "ADJ_TRUST_LEVEL_", NULL};
const char *const ADJTrustActions[]  = {"ERROR", "WARN", "IGNORE", "ADJTrustAction", "ADJ_TRUST_ACTION_", NULL};
const char *const ADJChecks[]        = {"finite", "forward", "linear", "contraction", "ritz", "rate", "conditioning", "amplification", "residual_bound", "singular", "vjp_x", "vjp_theta", "objective", "kink", "selections", "complementarity", "influence", "nullspace", "defect", "solvability", "persistence", "state", "gradient", "certificate", "norm", "classical", "drift", "growth", "ADJCheck", "ADJ_CHECK_", NULL};
const char *const ADJCheckStatuses[] = {"skipped", "info", "passed", "inconclusive", "failed", "ADJCheckStatus", "ADJ_CHECK_", NULL};
const char *const ADJTransposes[]    = {"VIRTUAL", "EXPLICIT", "ADJTranspose", "ADJ_TRANSPOSE_", NULL};
const char *const ADJPCSources[]     = {"AUTO", "FORWARD", "TRANSPOSE", "ADJPCSource", "ADJ_PC_", NULL};

static const char *const ADJTrusts_Shifted[] = {"REFUTED_OBJECTIVE", "REFUTED_NULLSPACE", "REFUTED_NOT_SMOOTH", "REFUTED_CONDITIONING", "REFUTED_ERROR", "REFUTED_NOT_FINITE", "REFUTED_VJP", "REFUTED_SINGULAR", "REFUTED_CONTRACTION", "REFUTED_LINEAR", "REFUTED_FORWARD", "NONE", "UNVERIFIED", "ESTIMATED", "CERTIFIED", "ADJTrust", "ADJ_TRUST_", NULL};
const char *const *const ADJTrusts           = ADJTrusts_Shifted + 11;

static PetscErrorCode ADJSetDefaults_Private(ADJ adj)
{
  PetscFunctionBegin;
  adj->form              = ADJ_FORM_UNSET;
  adj->steps             = PETSC_DETERMINE;
  adj->account           = &adj->counters;
  adj->nextid            = 1;
  adj->fdmaxcolumns      = 100;
  adj->tolerance.start   = 0.3;
  adj->tolerance.decay   = 0.5;
  adj->tolerance.descent = 0.3;
  adj->norms.a = adj->norms.b = -1.0;
  adj->trajectory.type        = (ADJTrajectoryType)PETSC_DETERMINE;
  adj->trajectory.checkpoints = PETSC_DETERMINE;
  adj->trajectory.period      = 100;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJCreate - Creates a context for the derivatives of a solution map

   Collective

   Input Parameter:
.  comm - the communicator of the state and of the parameters

   Output Parameter:
.  newadj - the context

   Level: beginner

   Note:
   Starts SLEPc if only `PetscInitialize()` was called.

.seealso: `ADJSetFixedPoint()`, `ADJSetResidual()`, `ADJSetFromOptions()`, `ADJSolve()`, `ADJDestroy()`
@*/
PetscErrorCode ADJCreate(MPI_Comm comm, ADJ *newadj)
{
  ADJ adj;

  PetscFunctionBegin;
  *newadj = NULL;
  PetscCall(ADJInitializePackage());
  PetscCall(ADJStartSlepc_Private());
  PetscCall(PetscHeaderCreate(adj, ADJ_CLASSID, "ADJ", "Solution-map derivative", "ADJ", comm, ADJDestroy, ADJView));
  PetscCall(ADJSetDefaults_Private(adj));
  PetscCall(ADJTrustSetDefaults_Private(adj));
  PetscCall(ADJStateCreate_Private(&adj->state));
  PetscCall(ADJContractionReset_Private(adj));
  adj->largest = 0.0;
  PetscCall(ADJSelectionsReset_Private(adj));
  *newadj = adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJReset - Frees the vectors and matrices that the library made, so that a problem of another size or layout may be
   solved; keeps the functions, the matrix of `ADJSetPreconditioner()`, the null spaces of `ADJSetNullSpace()`, the options and
   the configuration of the children

   Collective

   Input Parameter:
.  adj - the context, or `NULL`

   Level: intermediate

   Note:
   The counters start again from zero, and so does what the relative tolerance of the forward solve is measured against.

.seealso: `ADJDestroy()`, `ADJSetUp()`
@*/
PetscErrorCode ADJReset(ADJ adj)
{
  PetscFunctionBegin;
  if (!adj) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscTryTypeMethod(adj, reset);
  if (adj->adapter && adj->adapter->reset) PetscCall((*adj->adapter->reset)(adj));
  PetscCall(ADJOuterReset_Private(adj));
  PetscCall(ADJCheckpointReset_Private(adj));
  PetscCall(ADJPCReuseReset_Private(adj));
  PetscCall(ADJProductsReset_Private(adj));
  if (adj->snes) PetscCall(SNESReset(adj->snes));
  if (adj->ksp) PetscCall(KSPReset(adj->ksp));
  if (adj->tksp) PetscCall(KSPReset(adj->tksp));
  if (adj->eps) PetscCall(EPSReset(adj->eps));
  if (adj->svd) PetscCall(SVDReset(adj->svd));
  PetscCall(ADJNullSpaceReset_Private(adj));
  PetscCall(MatDestroy(&adj->J));
  PetscCall(MatDestroy(&adj->M));
  PetscCall(MatDestroy(&adj->MT));
  PetscCall(MatDestroy(&adj->AT));
  PetscCall(MatDestroy(&adj->PT));
  PetscCall(MatDestroy(&adj->productT));
  PetscCall(VecDestroy(&adj->r));
  PetscCall(VecDestroy(&adj->xref));
  PetscCall(VecDestroy(&adj->w));
  PetscCall(VecDestroy(&adj->s));
  PetscCall(VecDestroy(&adj->b));
  PetscCall(VecDestroy(&adj->a[0]));
  PetscCall(VecDestroy(&adj->a[1]));
  PetscCall(VecDestroy(&adj->atheta));
  PetscCall(VecDestroy(&adj->objx));
  PetscCall(VecDestroy(&adj->objtheta));
  PetscCall(VecDestroy(&adj->sol));
  PetscCall(ADJContractionReset_Private(adj));
  adj->largest = 0.0;
  PetscCall(ADJSelectionsReset_Private(adj));
  PetscCall(ADJStateDestroy_Private(&adj->state));
  PetscCall(ADJStateCreate_Private(&adj->state));
  PetscCall(PetscMemzero(&adj->counters, sizeof(ADJCounters)));
  PetscCall(PetscMemzero(&adj->checkcounters, sizeof(ADJCounters)));
  PetscCall(PetscMemzero(&adj->norms, sizeof(ADJNorms)));
  PetscCall(PetscArrayzero(&adj->local.checked[0][0], 4));
  adj->norms.a = adj->norms.b = -1.0;
  adj->lin_x                  = NULL;
  adj->lin_theta              = NULL;
  adj->firstid                = adj->nextid;
  adj->xrefgood               = PETSC_FALSE;
  adj->wspoilt                = PETSC_FALSE;
  adj->gradienttested         = PETSC_FALSE;
  adj->setupcalled            = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJDestroy - Destroys a context with its children

   Collective

   Input Parameter:
.  adj - the context; set to `NULL`

   Level: beginner

.seealso: `ADJCreate()`, `ADJReset()`
@*/
PetscErrorCode ADJDestroy(ADJ *adj)
{
  PetscFunctionBegin;
  if (!*adj) PetscFunctionReturn(PETSC_SUCCESS);
  PetscValidHeaderSpecific(*adj, ADJ_CLASSID, 1);
  if (--((PetscObject)*adj)->refct > 0) {
    *adj = NULL;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJReset(*adj));
  PetscCall(ADJOuterDestroy_Private(*adj));
  PetscCall(ADJCheckpointDestroy_Private(*adj));
  PetscCall(ADJMisfitReset_Private(*adj));
  PetscCall(ADJPCReuseDestroy_Private(*adj));
  PetscTryTypeMethod(*adj, destroy);
  PetscCall(ADJSetAdapter_Private(*adj, NULL, NULL, NULL));
  PetscCall(ADJSetJacobian(*adj, NULL, NULL, NULL, NULL));
  PetscCall(ADJSetParameterJacobian(*adj, NULL, NULL, NULL));
  PetscCall(PetscFree((*adj)->addresses));
  PetscCall(DMDestroy(&(*adj)->dm));
  PetscCall(DMDestroy(&(*adj)->dmtheta));
  PetscCall(SNESDestroy(&(*adj)->snes));
  PetscCall(KSPDestroy(&(*adj)->ksp));
  PetscCall(KSPDestroy(&(*adj)->tksp));
  PetscCall(EPSDestroy(&(*adj)->eps));
  PetscCall(SVDDestroy(&(*adj)->svd));
  PetscCall(MatDestroy(&(*adj)->P));
  PetscCall(MatNullSpaceDestroy(&(*adj)->nullright));
  PetscCall(MatNullSpaceDestroy(&(*adj)->nullleft));
  PetscCall(ADJStateDestroy_Private(&(*adj)->state));
  PetscCall(ADJMonitorCancel(*adj));
  PetscCall(PetscFree((*adj)->trajectory.dir));
  PetscCall(PetscHeaderDestroy(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}
