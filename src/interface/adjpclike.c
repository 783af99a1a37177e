/*
   A preconditioner of the same kind as another one, for the transposed matrix. What options say of it is left to its own.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/pcimpl.h>

static PetscErrorCode ADJHasOption_Private(PetscObject obj, const char name[], PetscBool *has)
{
  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(obj->options, obj->prefix, name, has));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a PC of this type is complete by its type, and by what is copied here */
static PetscErrorCode ADJIsCopied_Private(PC pc, PetscBool *copied)
{
  PetscBool more;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, copied, PCNONE, PCJACOBI, PCPBJACOBI, PCVPBJACOBI, PCBJACOBI, PCSOR, PCLU, PCILU, PCICC, PCCHOLESKY, PCASM, PCGASM, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &more, PCGAMG, PCML, PCHYPRE, PCMG, PCFIELDSPLIT, PCREDUNDANT, PCTELESCOPE, PCREDISTRIBUTE, PCSVD, PCQR, PCKACZMARZ, ""));
  if (more) *copied = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc 3.18 frees the process grid of SuperLU_DIST twice where two of its factorizations live on one communicator: another solver, if there is one */
static PetscErrorCode ADJCopyFactor_Private(PC from, PC to)
{
  MatSolverType solver;
  PetscBool     ilu, superlu;
  PetscMPIInt   size;
  PetscInt      levels;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)to), &size));
  PetscCall(PCFactorGetMatSolverType(from, &solver));
  PetscCall(PetscStrcmp(solver, MATSOLVERSUPERLU_DIST, &superlu));
  if (superlu && size == 1) solver = MATSOLVERPETSC;
  if (superlu && size > 1 && PetscDefined(HAVE_MUMPS)) solver = MATSOLVERMUMPS;
  if (solver) PetscCall(PCFactorSetMatSolverType(to, solver));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)from, &ilu, PCILU, PCICC, ""));
  if (!ilu) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCFactorGetLevels(from, &levels));
  PetscCall(PCFactorSetLevels(to, levels));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCopySOR_Private(PC from, PC to)
{
  MatSORType sweep;
  PetscReal  omega;
  PetscInt   its, lits;

  PetscFunctionBegin;
  PetscCall(PCSORGetSymmetric(from, &sweep));
  PetscCall(PCSORGetOmega(from, &omega));
  PetscCall(PCSORGetIterations(from, &its, &lits));
  PetscCall(PCSORSetSymmetric(to, sweep));
  PetscCall(PCSORSetOmega(to, omega));
  PetscCall(PCSORSetIterations(to, its, lits));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Type and tolerances of a solver inside of a preconditioner, unless its options say something else */
static PetscErrorCode ADJCopyKSP_Private(KSP from, KSP to)
{
  PC        pc, copy;
  PetscReal rtol, atol, dtol;
  PetscInt  maxit;
  PetscBool chosen, levels;

  PetscFunctionBegin;
  PetscCall(ADJHasOption_Private((PetscObject)to, "-ksp_type", &chosen));
  if (!chosen && ((PetscObject)from)->type_name) PetscCall(KSPSetType(to, ((PetscObject)from)->type_name));
  PetscCall(ADJHasOption_Private((PetscObject)to, "-ksp_max_it", &levels));
  PetscCall(ADJHasOption_Private((PetscObject)to, "-ksp_rtol", &chosen));
  PetscCall(KSPGetTolerances(from, &rtol, &atol, &dtol, &maxit));
  PetscCall(KSPSetTolerances(to, chosen ? ADJ_CURRENT : rtol, ADJ_CURRENT, ADJ_CURRENT, levels ? ADJ_CURRENT : maxit));
  PetscCall(KSPGetPC(from, &pc));
  PetscCall(KSPGetPC(to, &copy));
  PetscCall(ADJHasOption_Private((PetscObject)copy, "-pc_type", &chosen));
  if (!chosen) PetscCall(ADJCopyPC_Private(pc, copy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Its inner solver may be the one that the problem needs, as an SVD for a singular coarse matrix */
static PetscErrorCode ADJCopyRedundant_Private(PC from, PC to)
{
  KSP ksp[2];

  PetscFunctionBegin;
  PetscCall(PCRedundantGetKSP(from, &ksp[0]));
  PetscCall(PCRedundantGetKSP(to, &ksp[1]));
  PetscCall(ADJCopyKSP_Private(ksp[0], ksp[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Interpolation P and restriction R make coarse matrices R A P; of A^H with R^H as interpolation and P^H as restriction they are their transposes */
static PetscErrorCode ADJCopyInterpolation_Private(PC from, PC to, PetscInt level)
{
  Mat P, R, PH, RH;

  PetscFunctionBegin;
  PetscCall(PCMGGetInterpolation(from, level, &P));
  PetscCall(PCMGGetRestriction(from, level, &R));
  if (P == R) { /* fine x coarse, applied by its transpose where it restricts */
    PetscCall(PCMGSetInterpolation(to, level, P));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatHermitianTranspose(P, MAT_INITIAL_MATRIX, &PH));
  PetscCall(MatHermitianTranspose(R, MAT_INITIAL_MATRIX, &RH));
  PetscCall(PCMGSetInterpolation(to, level, RH));
  PetscCall(PCMGSetRestriction(to, level, PH));
  PetscCall(MatDestroy(&PH));
  PetscCall(MatDestroy(&RH));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCopyMG_Private(PC from, PC to)
{
  PetscInt levels;
  PCMGType type;
  KSP      ksp[2];

  PetscFunctionBegin;
  PetscCall(PCMGGetLevels(from, &levels));
  if (!levels) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCMGSetLevels(to, levels, NULL));
  PetscCall(PCMGGetType(from, &type));
  PetscCall(PCMGSetType(to, type));
  PetscCall(PCMGSetGalerkin(to, PC_MG_GALERKIN_PMAT));
  for (PetscInt i = 0; i < levels; i++) {
    PetscCall(PCMGGetSmoother(from, i, &ksp[0]));
    PetscCall(PCMGGetSmoother(to, i, &ksp[1]));
    PetscCall(ADJCopyKSP_Private(ksp[0], ksp[1]));
    if (i) PetscCall(ADJCopyInterpolation_Private(from, to, i));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The name of a split is known by the options prefix of its solver alone, ..._fieldsplit_NAME_ */
static PetscErrorCode ADJGetSplitName_Private(KSP split, size_t len, char name[])
{
  const char *prefix;
  char       *at, *next;
  size_t      n;

  PetscFunctionBegin;
  name[0] = '\0';
  PetscCall(KSPGetOptionsPrefix(split, &prefix));
  if (!prefix) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrstr(prefix, "fieldsplit_", &at));
  for (next = at; next;) {
    at = next;
    PetscCall(PetscStrstr(at + 1, "fieldsplit_", &next));
  }
  if (!at) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrncpy(name, at + sizeof("fieldsplit_") - 1, len));
  PetscCall(PetscStrlen(name, &n));
  if (n) name[n - 1] = '\0';
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fields and kind, unless the fields are there. A user's matrix in place of the Schur complement that is not its own transpose would have to be transposed, too: Sp = A11 - A10 diag(A00)^{-1} A01 serves */
PetscErrorCode ADJCopyFieldSplit_Private(PC from, PC to)
{
  PCCompositeType          type;
  PCFieldSplitSchurPreType pre;
  PetscInt                 n;
  KSP                     *splits;
  Mat                      S;
  IS                       is;
  char                     name[64];
  PetscBool                same = PETSC_FALSE;

  PetscFunctionBegin;
  if (!from->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCFieldSplitGetType(from, &type));
  PetscCall(PCFieldSplitSetType(to, type));
  PetscCall(PCFieldSplitGetSubKSP(from, &n, &splits));
  if (type == PC_COMPOSITE_SCHUR) n = 2; /* the third is the upper solve */
  PetscCall(ADJGetSplitName_Private(splits[0], sizeof(name), name));
  PetscCall(PCFieldSplitGetIS(to, name, &is));
  for (PetscInt i = 0; i < n && !is; i++) {
    IS field;

    PetscCall(PCFieldSplitGetISByIndex(from, i, &field));
    PetscCall(ADJGetSplitName_Private(splits[i], sizeof(name), name));
    PetscCall(PCFieldSplitSetIS(to, name[0] ? name : NULL, field));
  }
  PetscCall(PetscFree(splits));
  if (type != PC_COMPOSITE_SCHUR) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCFieldSplitGetSchurPre(from, &pre, &S));
  if (S) PetscCall(ADJIsSelfAdjoint_Private(S, &same));
  if (pre != PC_FIELDSPLIT_SCHUR_PRE_USER)
    PetscCall(PCFieldSplitSetSchurPre(to, pre, NULL));
  else
    PetscCall(PCFieldSplitSetSchurPre(to, same ? pre : PC_FIELDSPLIT_SCHUR_PRE_SELFP, same ? S : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCopyHypre_Private(PC from, PC to)
{
#if defined(PETSC_HAVE_HYPRE)
  const char *type;
#endif

  (void)from;
  (void)to;
  PetscFunctionBegin;
#if defined(PETSC_HAVE_HYPRE)
  PetscCall(PCHYPREGetType(from, &type));
  if (type) PetscCall(PCHYPRESetType(to, type));
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What can be said before the set-up. A type that cannot be copied becomes PETSc's default, Eisenstat's trick the SSOR that it stands for */
PetscErrorCode ADJCopyPC_Private(PC from, PC to)
{
  PetscBool   copied, factor, sor, mg, fieldsplit, hypre, eisenstat, redundant;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCall(ADJIsCopied_Private(from, &copied));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCEISENSTAT, &eisenstat));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)to), &size));
  PetscCall(PCSetType(to, copied ? ((PetscObject)from)->type_name : (eisenstat ? PCSOR : (size == 1 ? PCILU : PCBJACOBI))));
  if (!copied) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompareAny((PetscObject)from, &factor, PCLU, PCILU, PCICC, PCCHOLESKY, ""));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCSOR, &sor));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCMG, &mg));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCREDUNDANT, &redundant));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCFIELDSPLIT, &fieldsplit));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCHYPRE, &hypre));
  if (factor) PetscCall(ADJCopyFactor_Private(from, to));
  if (sor) PetscCall(ADJCopySOR_Private(from, to));
  if (redundant) PetscCall(ADJCopyRedundant_Private(from, to));
  if (mg) PetscCall(ADJCopyMG_Private(from, to));
  if (fieldsplit) PetscCall(ADJCopyFieldSplit_Private(from, to));
  if (hypre) PetscCall(ADJCopyHypre_Private(from, to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arrays of a field split are the caller's */
static PetscErrorCode ADJGetInnerKSPs_Private(PC pc, PetscInt *n, KSP **ksps)
{
  PetscBool bjacobi, asmtype, fieldsplit;

  PetscFunctionBegin;
  *n = 0;
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCBJACOBI, &bjacobi));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCASM, &asmtype));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCFIELDSPLIT, &fieldsplit));
  if (bjacobi) PetscCall(PCBJacobiGetSubKSP(pc, n, NULL, ksps));
  if (asmtype) PetscCall(PCASMGetSubKSP(pc, n, NULL, ksps));
  if (fieldsplit) PetscCall(PCFieldSplitGetSubKSP(pc, n, ksps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solvers inside, which exist from the set-up on; as far as both hold the same number on this process */
PetscErrorCode ADJCopyInnerPC_Private(PC from, PC to)
{
  PetscBool same, fieldsplit, telescope;
  PetscInt  n, m;
  KSP      *a, *b, inner[2] = {NULL, NULL};

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)from, ((PetscObject)to)->type_name, &same));
  if (!same || !from->setupcalled || !to->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCFIELDSPLIT, &fieldsplit));
  PetscCall(PetscObjectTypeCompare((PetscObject)from, PCTELESCOPE, &telescope));
  PetscCall(ADJGetInnerKSPs_Private(from, &n, &a));
  PetscCall(ADJGetInnerKSPs_Private(to, &m, &b));
  for (PetscInt i = 0; i < n && n == m; i++) PetscCall(ADJCopyKSP_Private(a[i], b[i]));
  if (fieldsplit) PetscCall(PetscFree(a));
  if (fieldsplit) PetscCall(PetscFree(b));
  if (telescope) PetscCall(PCTelescopeGetKSP(from, &inner[0]));
  if (telescope) PetscCall(PCTelescopeGetKSP(to, &inner[1]));
  if (inner[0] && inner[1]) PetscCall(ADJCopyKSP_Private(inner[0], inner[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
