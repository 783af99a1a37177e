/*
   Package registration: done lazily at the first ADJCreate(), undone by PetscFinalize().
*/
#include <contragrad/private/adjimpl.h>

PetscClassId  ADJ_CLASSID = 0, ADJPROX_CLASSID = 0;
PetscLogEvent ADJ_Forward, ADJ_Adjoint, ADJ_Tangent, ADJ_Map, ADJ_VJP, ADJ_JVP, ADJ_Linearize, ADJ_Trajectory, ADJ_TrustCheck, ADJ_Checkpoint;

static PetscBool ADJPackageInitialized = PETSC_FALSE;
static PetscBool ADJStartedSlepc       = PETSC_FALSE;

static PetscErrorCode ADJRegisterEvents_Private(void)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventRegister("ADJForward", ADJ_CLASSID, &ADJ_Forward));
  PetscCall(PetscLogEventRegister("ADJAdjoint", ADJ_CLASSID, &ADJ_Adjoint));
  PetscCall(PetscLogEventRegister("ADJTangent", ADJ_CLASSID, &ADJ_Tangent));
  PetscCall(PetscLogEventRegister("ADJMap", ADJ_CLASSID, &ADJ_Map));
  PetscCall(PetscLogEventRegister("ADJVJP", ADJ_CLASSID, &ADJ_VJP));
  PetscCall(PetscLogEventRegister("ADJJVP", ADJ_CLASSID, &ADJ_JVP));
  PetscCall(PetscLogEventRegister("ADJLinearize", ADJ_CLASSID, &ADJ_Linearize));
  PetscCall(PetscLogEventRegister("ADJTrajectory", ADJ_CLASSID, &ADJ_Trajectory));
  PetscCall(PetscLogEventRegister("ADJCheckpoint", ADJ_CLASSID, &ADJ_Checkpoint));
  PetscCall(PetscLogEventRegister("ADJTrust", ADJ_CLASSID, &ADJ_TrustCheck));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJFinalizePackage - Ends the package; called by `PetscFinalize()`

   Level: developer

.seealso: `ADJInitializePackage()`, `PetscFinalize()`
@*/
PetscErrorCode ADJFinalizePackage(void)
{
  PetscFunctionBegin;
  PetscCall(PetscFunctionListDestroy(&ADJList));
  if (ADJStartedSlepc && SlepcInitializeCalled) PetscCall(SlepcFinalize());
  ADJStartedSlepc       = PETSC_FALSE;
  ADJPackageInitialized = PETSC_FALSE;
  ADJRegisterAllCalled  = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJInitializePackage - Registers the classes, the types and the log events; called by the first `ADJCreate()`

   Level: developer

.seealso: `ADJCreate()`, `ADJFinalizePackage()`
@*/
PetscErrorCode ADJInitializePackage(void)
{
  char         list[256];
  PetscBool    opt, inlist;
  PetscClassId classids[1];

  PetscFunctionBegin;
  if (ADJPackageInitialized) PetscFunctionReturn(PETSC_SUCCESS);
  ADJPackageInitialized = PETSC_TRUE;
  PetscCall(PetscClassIdRegister("Solution-map derivative", &ADJ_CLASSID));
  PetscCall(PetscClassIdRegister("Proximal map", &ADJPROX_CLASSID));
  PetscCall(ADJRegisterAll());
  PetscCall(ADJRegisterTao_Private());
  PetscCall(ADJRegisterEvents_Private());
  classids[0] = ADJ_CLASSID;
  PetscCall(PetscInfoProcessClass("adj", 1, classids));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-log_exclude", list, sizeof(list), &opt));
  if (opt) {
    PetscCall(PetscStrInList("adj", list, ',', &inlist));
    if (inlist) PetscCall(PetscLogEventDeactivateClass(ADJ_CLASSID));
  }
  PetscCall(PetscRegisterFinalize(ADJFinalizePackage));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For programs that have only called PetscInitialize(); ended again in PetscFinalize(). Not while PETSc loads libraries, as SLEPc loads its own */
PetscErrorCode ADJStartSlepc_Private(void)
{
  PetscFunctionBegin;
  if (SlepcInitializeCalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SlepcInitializeNoArguments());
  ADJStartedSlepc = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entry point of -dll_append: makes the class known to a program that was not linked with it */
PETSC_EXTERN PetscErrorCode PetscDLLibraryRegister_contragrad(void);
PetscErrorCode              PetscDLLibraryRegister_contragrad(void)
{
  PetscFunctionBegin;
  PetscCall(ADJInitializePackage());
  PetscFunctionReturn(PETSC_SUCCESS);
}
