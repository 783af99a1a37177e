/*
   Preconditioners. That of the adjoint solve stands on an explicitly transposed matrix: transposing the application of a
   PC is not offered by many and silently wrong in some.
*/
#include <contragrad/private/adjimpl.h>

/* Without a matrix none is used: PETSc would else guess a type from the shell, or from nothing */
PetscErrorCode ADJSetDefaultPC_Private(ADJ adj, KSP ksp)
{
  PC     pc;
  PCType type;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCGetType(pc, &type));
  if (!type && !adj->P) PetscCall(PCSetType(pc, PCNONE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Multigrid would smooth with the operator, that is, with the user's products, instead of the matrix it is built from */
PetscErrorCode ADJUseMatrixInPC_Private(ADJ adj, KSP ksp)
{
  PC        pc;
  PetscBool chosen;

  PetscFunctionBegin;
  if (!adj->P) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, ((PetscObject)pc)->prefix, "-pc_use_amat", &chosen));
  if (!chosen) PetscCall(PCSetUseAmat(pc, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A matrix that comes after ADJSetFromOptions(): `none` by default gives way to what PETSc takes by default, and back when it goes */
static PetscErrorCode ADJReplaceDefaultPC_Private(KSP ksp, PetscBool matrix)
{
  PC          pc;
  PetscBool   none, theirs, chosen;
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCNONE, &none));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &theirs, PCILU, PCICC, PCBJACOBI, ""));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, ((PetscObject)pc)->prefix, "-pc_type", &chosen));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)pc), &size));
  if (theirs && !matrix && !chosen) PetscCall(PCSetType(pc, PCNONE));
  if (none && matrix && !chosen) PetscCall(PCSetType(pc, size == 1 ? PCILU : PCBJACOBI));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJIsSelfAdjoint_Private(Mat P, PetscBool *known)
{
  PetscBool set = PETSC_FALSE, flag = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(MatIsHermitianKnown(P, &set, &flag));
  if (!set && !PetscDefined(USE_COMPLEX)) PetscCall(MatIsSymmetricKnown(P, &set, &flag));
  *known = (PetscBool)(set && flag);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PT = P^T, made anew only when P has changed since */
PetscErrorCode ADJUpdateTransposedPreconditioner_Private(ADJ adj)
{
  PetscObjectState state, nonzerostate;
  PetscBool        selfadjoint = PETSC_FALSE, has;
  MatReuse         reuse;

  PetscFunctionBegin;
  PetscCall(PetscObjectStateGet((PetscObject)adj->P, &state));
  PetscCall(MatGetNonzeroState(adj->P, &nonzerostate));
  if (adj->PT && state == adj->pstate) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJIsSelfAdjoint_Private(adj->P, &selfadjoint));
  if (selfadjoint && adj->nullvectors.left == adj->nullvectors.right) { /* else the two carry different null spaces */
    PetscCall(PetscObjectReference((PetscObject)adj->P));
    PetscCall(MatDestroy(&adj->PT));
    adj->PT = adj->P;
  } else {
    PetscCall(MatHasOperation(adj->P, MATOP_TRANSPOSE, &has));
    PetscCheck(has, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "The matrix of ADJSetPreconditioner() has type %s, which cannot be transposed explicitly: give an assembled one, declare it symmetric with MatSetOption() if it is, or set the PC of ADJGetKSP() yourself", ((PetscObject)adj->P)->type_name);
    if (adj->PT == adj->P || nonzerostate != adj->pnonzerostate) PetscCall(MatDestroy(&adj->PT));
    reuse = adj->PT ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX;
    PetscCall(MatHermitianTranspose(adj->P, reuse, &adj->PT));
  }
  adj->pstate        = state;
  adj->pnonzerostate = nonzerostate;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The children's default preconditioners follow */
PetscErrorCode ADJAttachPreconditioner_Private(ADJ adj, Mat P)
{
  const PetscBool matrix = (PetscBool)(P != NULL);
  KSP             ksp;

  PetscFunctionBegin;
  PetscCall(PetscObjectReference((PetscObject)P));
  if (adj->snes) {
    PetscCall(SNESGetKSP(adj->snes, &ksp));
    PetscCall(ADJReplaceDefaultPC_Private(ksp, matrix));
  }
  if (adj->ksp) PetscCall(ADJReplaceDefaultPC_Private(adj->ksp, matrix));
  if (adj->tksp) PetscCall(ADJReplaceDefaultPC_Private(adj->tksp, matrix));
  PetscCall(ADJNullSpaceReset_Private(adj));
  PetscCall(MatDestroy(&adj->P));
  PetscCall(MatDestroy(&adj->PT));
  adj->P = P;
  PetscFunctionReturn(PETSC_SUCCESS);
}
