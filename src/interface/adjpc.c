/*
   Matrices that preconditioners are built on. That of the adjoint solve stands on an explicitly transposed one, unless the
   preconditioner of a borrowed forward solver serves again, adjpcreuse.c.
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
  if (type || adj->P) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(ADJNoteDefaultPC_Private(adj, ksp));
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
static PetscErrorCode ADJReplaceDefaultPC_Private(ADJ adj, KSP ksp, PetscBool matrix)
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
  if (!chosen && ((theirs && !matrix) || (none && matrix))) PetscCall(ADJNoteDefaultPC_Private(adj, ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a matrix is known to be its own (Hermitian) transpose */
PetscErrorCode ADJIsSelfAdjoint_Private(Mat P, PetscBool *known)
{
  PetscBool set = PETSC_FALSE, flag = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(MatIsHermitianKnown(P, &set, &flag));
  if (!set && !PetscDefined(USE_COMPLEX)) PetscCall(MatIsSymmetricKnown(P, &set, &flag));
  *known = (PetscBool)(set && flag);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether dF/dx or dR/dx is, by the user's word or by its matrix */
PetscErrorCode ADJIsSymmetric_Private(ADJ adj, PetscBool *symmetric)
{
  PetscFunctionBegin;
  *symmetric = adj->symmetric;
  if (!*symmetric && adj->vjpcomposed && adj->product) PetscCall(ADJIsSelfAdjoint_Private(adj->product, symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatHermitianTranspose(), which a nest does not have with complex scalars */
static PetscErrorCode ADJHermitianTranspose_Private(Mat A, MatReuse reuse, Mat *AT)
{
  PetscBool nest;
  PetscInt  nr, nc;
  Mat     **blocks;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATNEST, &nest));
  if (!nest || !PetscDefined(USE_COMPLEX)) {
    PetscCall(MatHermitianTranspose(A, reuse, AT));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatTranspose(A, reuse, AT));
  PetscCall(MatNestGetSubMats(*AT, &nr, &nc, &blocks));
  for (PetscInt i = 0; i < nr; i++) {
    for (PetscInt j = 0; j < nc; j++) {
      if (blocks[i][j]) PetscCall(MatConjugate(blocks[i][j]));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* AT = A^T, made anew only when A has changed since `state`; its memory stays while A keeps its pattern */
static PetscErrorCode ADJUpdateTransposed_Private(Mat A, const char what[], Mat *AT, PetscObjectState *state, PetscObjectState *nonzerostate)
{
  PetscObjectState now, nonzeronow;
  PetscBool        has, nest;

  PetscFunctionBegin;
  PetscCall(ADJGetMatState_Private(A, &now));
  PetscCall(MatGetNonzeroState(A, &nonzeronow));
  if (*AT && now == *state) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatHasOperation(A, MATOP_TRANSPOSE, &has));
  PetscCheck(has, PetscObjectComm((PetscObject)A), PETSC_ERR_SUP, "%s type %s, which cannot be transposed explicitly: give an assembled one, declare it symmetric with MatSetOption() if it is, or set the PC of ADJGetKSP() yourself", what, ((PetscObject)A)->type_name);
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATNEST, &nest)); /* MatTranspose() would keep it if only blocks have changed */
  if (*AT == A || nest || nonzeronow != *nonzerostate) PetscCall(MatDestroy(AT));
  PetscCall(ADJHermitianTranspose_Private(A, *AT ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX, AT));
  *state        = now;
  *nonzerostate = nonzeronow;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PT = P^T, or P itself, unless the two carry different null spaces */
PetscErrorCode ADJUpdateTransposedPreconditioner_Private(ADJ adj)
{
  PetscBool selfadjoint;

  PetscFunctionBegin;
  PetscCall(ADJIsSymmetric_Private(adj, &selfadjoint));
  if (!selfadjoint) PetscCall(ADJIsSelfAdjoint_Private(adj->P, &selfadjoint));
  if (selfadjoint && adj->nullvectors.left == adj->nullvectors.right) {
    PetscCall(PetscObjectReference((PetscObject)adj->P));
    PetscCall(MatDestroy(&adj->PT));
    adj->PT = adj->P;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (adj->PT == adj->P) PetscCall(MatDestroy(&adj->PT));
  PetscCall(ADJUpdateTransposed_Private(adj->P, adj->Pofjacobian ? "The matrix of the Jacobian's preconditioner has" : "The matrix of ADJSetPreconditioner() has", &adj->PT, &adj->pstate, &adj->pnonzerostate));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The operator of the adjoint KSP: the shell, or, where this is wanted and the products are those of a matrix, that matrix transposed */
PetscErrorCode ADJUpdateTransposedOperator_Private(ADJ adj, Mat *A)
{
  PetscBool symmetric;

  PetscFunctionBegin;
  *A = adj->MT;
  if (adj->transpose != ADJ_TRANSPOSE_EXPLICIT || !adj->vjpcomposed || adj->form != ADJ_RESIDUAL) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJIsSymmetric_Private(adj, &symmetric));
  if (symmetric) PetscFunctionReturn(PETSC_SUCCESS); /* the shell multiplies with the matrix as it is */
  if (adj->product == adj->P) {
    PetscCall(ADJUpdateTransposedPreconditioner_Private(adj));
    *A = adj->PT;
  } else {
    PetscCall(ADJUpdateTransposed_Private(adj->product, "-adj_transpose explicit, but the Jacobian has", &adj->productT, &adj->productstate, &adj->productnonzerostate));
    *A = adj->productT;
  }
  PetscCall(ADJNullSpaceAttachTo_Private(adj, *A, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The children's default preconditioners follow */
PetscErrorCode ADJAttachPreconditioner_Private(ADJ adj, Mat P)
{
  const PetscBool matrix = (PetscBool)(P != NULL);
  KSP             ksp;

  PetscFunctionBegin;
  PetscCall(PetscObjectReference((PetscObject)P));
  PetscCall(ADJPCReuseReset_Private(adj));
  if (adj->snes) {
    PetscCall(SNESGetKSP(adj->snes, &ksp));
    PetscCall(ADJReplaceDefaultPC_Private(adj, ksp, matrix));
  }
  if (adj->ksp) PetscCall(ADJReplaceDefaultPC_Private(adj, adj->ksp, matrix));
  if (adj->tksp) PetscCall(ADJReplaceDefaultPC_Private(adj, adj->tksp, matrix));
  PetscCall(ADJNullSpaceReset_Private(adj));
  PetscCall(MatDestroy(&adj->P));
  PetscCall(MatDestroy(&adj->PT));
  adj->P = P;
  PetscFunctionReturn(PETSC_SUCCESS);
}
