/*
   Whether PCApplyTranspose() of a PC can be relied on. Many types have none, or one that fails deep inside; in some it is
   wrong without an error.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/pcimpl.h>
#include <petsc/private/pcmgimpl.h>

#define ADJ_PC_TOL        PETSC_SQRT_MACHINE_EPSILON /* of the dot-product test, about the tolerance of the adjoint solve */
#define ADJ_PC_TOL_FACTOR 1e-4                       /* two triangular solves with one factorization differ by its conditioning */

typedef PetscErrorCode ADJInnerPCFn(PC, void *);

static PetscErrorCode ADJForEachKSP_Private(PetscInt n, KSP ksp[], ADJInnerPCFn *fn, void *ctx)
{
  PC pc;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(KSPGetPC(ksp[i], &pc));
    PetscCall((*fn)(pc, ctx));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Not by PCMGGetSmootherUp(), which would make a second smoother where there is none */
static PetscErrorCode ADJForEachLevel_Private(PC pc, ADJInnerPCFn *fn, void *ctx)
{
  PC_MG_Levels **levels = ((PC_MG *)pc->data)->levels;
  PetscInt       n      = ((PC_MG *)pc->data)->nlevels;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(ADJForEachKSP_Private(1, &levels[i]->smoothd, fn, ctx));
    if (levels[i]->smoothu != levels[i]->smoothd) PetscCall(ADJForEachKSP_Private(1, &levels[i]->smoothu, fn, ctx));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The preconditioners that one which has been set up holds on this process, where their transposes are asked for with its own */
static PetscErrorCode ADJForEachInner_Private(PC pc, ADJInnerPCFn *fn, void *ctx)
{
  const char *type = ((PetscObject)pc)->type_name;
  PetscBool   bjacobi, asmtype, gasm, ksptype, redundant, fieldsplit, composite, mg;
  PetscInt    n  = 1;
  KSP        *ks = NULL, k;
  PC          sub;

  PetscFunctionBegin;
  PetscCall(PetscStrcmp(type, PCBJACOBI, &bjacobi));
  PetscCall(PetscStrcmp(type, PCASM, &asmtype));
  PetscCall(PetscStrcmp(type, PCGASM, &gasm));
  PetscCall(PetscStrcmp(type, PCKSP, &ksptype));
  PetscCall(PetscStrcmp(type, PCREDUNDANT, &redundant));
  PetscCall(PetscStrcmp(type, PCFIELDSPLIT, &fieldsplit));
  PetscCall(PetscStrcmp(type, PCCOMPOSITE, &composite));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &mg, PCMG, PCGAMG, PCML, ""));
  if (bjacobi) PetscCall(PCBJacobiGetSubKSP(pc, &n, NULL, &ks));
  if (asmtype) PetscCall(PCASMGetSubKSP(pc, &n, NULL, &ks));
  if (gasm) PetscCall(PCGASMGetSubKSP(pc, &n, NULL, &ks));
  if (fieldsplit) PetscCall(PCFieldSplitGetSubKSP(pc, &n, &ks));
  if (ksptype) PetscCall(PCKSPGetKSP(pc, &k));
  if (redundant) PetscCall(PCRedundantGetKSP(pc, &k));
  if (ksptype || redundant) PetscCall(ADJForEachKSP_Private(1, &k, fn, ctx));
  if (ks) PetscCall(ADJForEachKSP_Private(n, ks, fn, ctx));
  if (fieldsplit) PetscCall(PetscFree(ks));
  if (mg) PetscCall(ADJForEachLevel_Private(pc, fn, ctx));
  if (composite) {
    PetscCall(PCCompositeGetNumberPC(pc, &n));
    for (PetscInt i = 0; i < n; i++) {
      PetscCall(PCCompositeGetPC(pc, i, &sub));
      PetscCall((*fn)(sub, ctx));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix of a factorization may lack the transposed solve */
static PetscErrorCode ADJFactorTransposes_Private(PC pc, PetscBool *does)
{
  Mat       F;
  PetscBool set, symmetric;

  PetscFunctionBegin;
  PetscCall(PCFactorGetMatrix(pc, &F));
  *does = PETSC_FALSE;
  if (!F) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatHasOperation(F, MATOP_SOLVE_TRANSPOSE, does));
  PetscCall(MatIsSymmetricKnown(F, &set, &symmetric));
  if (set && symmetric) *does = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc applies the transpose of SOR where it is its own transpose, else it is an error */
static PetscErrorCode ADJSORTransposes_Private(PC pc, PetscBool *does)
{
  MatSORType sweep;
  PetscBool  set, symmetric;

  PetscFunctionBegin;
  PetscCall(PCSORGetSymmetric(pc, &sweep));
  PetscCall(MatIsSymmetricKnown(pc->pmat, &set, &symmetric));
  *does = (PetscBool)(set && symmetric && (sweep == SOR_SYMMETRIC_SWEEP || sweep == SOR_LOCAL_SYMMETRIC_SWEEP));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The type of a preconditioner, pc or one inside of it, that would end PCApplyTranspose() with an error. This is not left to a
   trial: an error deep inside leaves vectors of the user's preconditioner locked, with arrays that are not theirs
*/
static PetscErrorCode ADJFindUntransposed_Private(PC pc, void *ctx)
{
  const char **type = (const char **)ctx;
  PetscBool    does, factor, sor;

  PetscFunctionBegin;
  if (*type) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCApplyTransposeExists(pc, &does));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &factor, PCLU, PCILU, PCCHOLESKY, ""));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCSOR, &sor));
  if (does && factor && pc->setupcalled) PetscCall(ADJFactorTransposes_Private(pc, &does));
  if (does && sor) PetscCall(ADJSORTransposes_Private(pc, &does));
  if (does)
    PetscCall(ADJForEachInner_Private(pc, ADJFindUntransposed_Private, ctx));
  else
    *type = ((PetscObject)pc)->type_name ? ((PetscObject)pc)->type_name : "no type";
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   y = P^{-1} x or y = P^{-H} x with what the preconditioner now is: PETSc would set it up again if its matrix has changed
   since, which is not ours to do. `work` is for complex scalars
*/
PetscErrorCode ADJApplyPC_Private(PC pc, PetscBool transpose, Vec work, Vec x, Vec y)
{
  PetscBool      reuse;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  if (transpose && PetscDefined(USE_COMPLEX)) {
    PetscCall(VecCopy(x, work));
    PetscCall(VecConjugate(work));
  }
  PetscCall(PCGetReusePreconditioner(pc, &reuse));
  PetscCall(PCSetReusePreconditioner(pc, PETSC_TRUE));
  ierr = transpose ? PCApplyTranspose(pc, PetscDefined(USE_COMPLEX) ? work : x, y) : PCApply(pc, x, y);
  PetscCall(PCSetReusePreconditioner(pc, reuse));
  PetscCall(ierr);
  if (transpose && PetscDefined(USE_COMPLEX)) PetscCall(VecConjugate(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Its error is returned and not raised; of a debugging PETSc the call stack is put right */
static PetscErrorCode ADJTryPC_Private(PC pc, PetscBool transpose, Vec work, Vec x, Vec y, PetscMPIInt *code)
{
#if defined(PETSC_USE_DEBUG) && !defined(PETSC_HAVE_THREADSAFETY)
  int depth;
#endif

  PetscFunctionBegin;
#if defined(PETSC_USE_DEBUG) && !defined(PETSC_HAVE_THREADSAFETY)
  depth = petscstack.currentsize;
#endif
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  *code = (PetscMPIInt)ADJApplyPC_Private(pc, transpose, work, x, y);
#if defined(PETSC_USE_DEBUG) && !defined(PETSC_HAVE_THREADSAFETY)
  petscstack.currentsize = depth;
#endif
  PetscCall(PetscPopErrorHandler());
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, code, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   |<P^{-1} a, b> - <a, P^{-H} b>|/(|P^{-1} a||b|) n^{1/2} for random a, b, unless one of the two cannot be had. The cosine of
   random directions is about n^{-1/2}: a transpose that is altogether wrong gives about 1, whatever n is
*/
static PetscErrorCode ADJMeasureTransposition_Private(ADJ adj, PC pc, Vec v[], PetscReal *mismatch, char reason[], size_t len)
{
  Vec         a = v[0], b = v[1], Pa = v[2], PHb = v[3];
  PetscScalar forward, backward;
  PetscReal   bnorm, panorm, phbnorm;
  PetscMPIInt code;
  PetscInt    n;
  PetscRandom rnd;

  PetscFunctionBegin;
  PetscCall(VecGetSize(a, &n));
  PetscCall(ADJRandomCreate_Private(adj, &rnd));
  PetscCall(VecSetRandom(a, rnd));
  PetscCall(VecSetRandom(b, rnd));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(ADJTryPC_Private(pc, PETSC_FALSE, v[4], a, Pa, &code));
  if (code) PetscCall(PetscSNPrintf(reason, len, "PCApply() of the forward PC ends with error %d", (int)code));
  if (code) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTryPC_Private(pc, PETSC_TRUE, v[4], b, PHb, &code));
  if (code) PetscCall(PetscSNPrintf(reason, len, "PCApplyTranspose() of the forward PC ends with error %d", (int)code));
  if (code) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDot(Pa, b, &forward));
  PetscCall(VecDot(a, PHb, &backward));
  PetscCall(VecNorm(b, NORM_2, &bnorm));
  PetscCall(VecNorm(Pa, NORM_2, &panorm));
  PetscCall(VecNorm(PHb, NORM_2, &phbnorm));
  if (panorm > 0.0)
    *mismatch = PetscAbsScalar(forward - backward) / (panorm * bnorm) * PetscSqrtReal((PetscReal)n);
  else
    PetscCall(PetscSNPrintf(reason, len, "PCApply() of the forward PC returns zero"));
  if (panorm > 0.0 && phbnorm == 0.0) PetscCall(PetscSNPrintf(reason, len, "PCApplyTranspose() of the forward PC returns zero"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Whether the transpose of a PC that was set up may serve: `reason` stays empty, or says why not. Collective, all processes
   decide alike. `mismatch` is negative if there was no test
*/
PetscErrorCode ADJTestPCTranspose_Private(ADJ adj, PC pc, PetscReal *mismatch, char reason[], size_t len)
{
  MPI_Comm    comm    = PetscObjectComm((PetscObject)adj);
  const char *missing = NULL;
  PetscMPIInt mine, any;
  PetscBool   factor;
  PetscReal   tol;
  Vec        *v;

  PetscFunctionBegin;
  *mismatch = -1.0;
  reason[0] = '\0';
  PetscCall(ADJFindUntransposed_Private(pc, &missing));
  mine = missing != NULL;
  PetscCallMPI(MPI_Allreduce(&mine, &any, 1, MPI_INT, MPI_MAX, comm));
  if (any) {
    if (missing && missing == ((PetscObject)pc)->type_name)
      PetscCall(PetscSNPrintf(reason, len, "the forward PC (%s) has no PCApplyTranspose() here", missing));
    else
      PetscCall(PetscSNPrintf(reason, len, "the forward PC (%s) has inside of it %s%s, with no PCApplyTranspose() here", ((PetscObject)pc)->type_name, missing ? missing : "another one", missing ? "" : " on some process"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecDuplicateVecs(adj->r, 5, &v));
  PetscCall(ADJMeasureTransposition_Private(adj, pc, v, mismatch, reason, len));
  PetscCall(VecDestroyVecs(5, &v));
  if (reason[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &factor, PCLU, PCCHOLESKY, ""));
  tol = factor ? PetscMax(ADJ_PC_TOL_FACTOR, ADJ_PC_TOL) : ADJ_PC_TOL;
  if (!(*mismatch <= tol)) PetscCall(PetscSNPrintf(reason, len, "PCApplyTranspose() of the forward PC (%s) is not its transpose: the dot-product test is off by %.1e", ((PetscObject)pc)->type_name, (double)*mismatch));
  PetscFunctionReturn(PETSC_SUCCESS);
}
