/*
   The linear systems of the implicit derivative, with a record of each solve for the verdict.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/kspimpl.h>

static PetscErrorCode ADJIsPreconditioned_Private(KSP ksp, PetscBool *yes)
{
  PC        pc;
  PetscBool none;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCNONE, &none));
  *yes = (PetscBool)!none;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* max |1 - mu| over the Ritz values mu of M, where the Krylov method has them */
static PetscErrorCode ADJGetRitz_Private(KSP ksp, PetscInt its, PetscReal *ritz)
{
  PetscInt   restart = 0, nmax, n = 0;
  PetscBool  gmres;
  PetscReal *re, *im;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)ksp, &gmres, KSPGMRES, KSPFGMRES, KSPLGMRES, KSPPGMRES, ""));
  if (gmres) PetscCall(KSPGMRESGetRestart(ksp, &restart));
  nmax = PetscMax(restart, its) + 2;
  PetscCall(PetscMalloc2(nmax, &re, nmax, &im));
  PetscCall(KSPComputeEigenvalues(ksp, nmax, re, im, &n));
  *ritz = n ? 0.0 : -1.0;
  for (PetscInt i = 0; i < n; i++) *ritz = PetscMax(*ritz, PetscSqrtReal(PetscSqr(1.0 - re[i]) + PetscSqr(im[i])));
  PetscCall(PetscFree2(re, im));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What GMRES and its kin know of the operator for free */
static PetscErrorCode ADJRecordSpectrum_Private(ADJ adj, KSP ksp, ADJLinearSolve *rec)
{
  PetscBool computes, krylov;
  PetscReal smax, smin;

  PetscFunctionBegin;
  PetscCall(KSPGetComputeSingularValues(ksp, &computes));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)ksp, &krylov, KSPCG, KSPGMRES, KSPFGMRES, KSPLGMRES, KSPPGMRES, "")); /* others have none, or crash */
  if (!computes || !krylov || rec->its < 1 || rec->reason == KSP_DIVERGED_NANORINF) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPComputeExtremeSingularValues(ksp, &smax, &smin));
  if (smax >= 0.0) {
    rec->smax = smax;
    rec->smin = smin;
    if (!rec->preconditioned && adj->form == ADJ_FIXED_POINT) PetscCall(ADJGetRitz_Private(ksp, rec->its, &rec->ritz));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's bcgs keeps its last initial guess and adds it to a solve from zero; a change of type drops it and leaves the PC alone */
static PetscErrorCode ADJForgetGuess_Private(KSP ksp)
{
  PetscBool bcgs;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPBCGS, &bcgs));
  if (!bcgs) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPSetType(ksp, KSPBCGS));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   KSPSolve() that starts from zero unless the KSP was told otherwise, and can be repeated after an error; of all solutions of
   a singular system, the one orthogonal to the null space, which a preconditioner on the right does not keep away from.
   With a null space the right-hand side that an error leaves in the KSP is a copy, and the reference to b is lost
*/
PetscErrorCode ADJKSPSolve_Private(KSP ksp, Vec b, Vec sol)
{
  PetscBool      guess;
  PetscErrorCode ierr;
  Mat            A, P;
  MatNullSpace   sp, left, theirs;
  Vec            clean = NULL;

  PetscFunctionBegin;
  PetscCall(KSPGetInitialGuessNonzero(ksp, &guess));
  if (!guess) PetscCall(ADJForgetGuess_Private(ksp));
  PetscCall(KSPGetOperators(ksp, &A, &P));
  PetscCall(MatGetNullSpace(A, &sp));
  PetscCall(MatGetTransposeNullSpace(A, &left));
  PetscCall(MatGetTransposeNullSpace(P, &theirs));
  if (left && !theirs) { /* PETSc looks at P alone */
    PetscCall(VecDuplicate(b, &clean));
    PetscCall(VecCopy(b, clean));
    PetscCall(ADJNullSpaceRemove_Private(left, clean));
    b = clean;
  }
  ierr = KSPSolve(ksp, b, sol);
  if (ierr && theirs && ksp->vec_rhs && ksp->vec_rhs != b) PetscCall(PetscObjectDereference((PetscObject)b));
  PetscCall(VecDestroy(&clean));
  PetscCall(ADJRecoverKSP_Private(ierr, ksp));
  PetscCall(ADJNullSpaceRemove_Private(sp, sol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For one solve: whether it starts from the vector given (not with preonly, which cannot). The caller sets it back to `*before` */
PetscErrorCode ADJSetGuess_Private(KSP ksp, PetscBool flg, PetscBool *before)
{
  PetscBool preonly;

  PetscFunctionBegin;
  PetscCall(KSPGetInitialGuessNonzero(ksp, before));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPPREONLY, &preonly));
  PetscCall(KSPSetInitialGuessNonzero(ksp, (PetscBool)(flg && !preonly)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* KSPSolve() with its record. A zero right-hand side has the zero solution, also from a warm start */
static PetscErrorCode ADJSolveLinear_Private(ADJ adj, KSP ksp, Vec b, Vec sol, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(b, NORM_2, &rec->rhsnorm));
  PetscCall(KSPGetTolerances(ksp, &rec->rtol, NULL, NULL, NULL));
  rec->its      = 0;
  rec->residual = rec->resultnorm = rec->ritz = rec->smax = rec->smin = -1.0;
  PetscCall(ADJIsPreconditioned_Private(ksp, &rec->preconditioned));
  if (rec->rhsnorm == 0.0) {
    PetscCall(VecSet(sol, 0.0));
    rec->reason  = KSP_CONVERGED_ATOL;
    rec->solnorm = rec->residual = 0.0;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJKSPSolve_Private(ksp, b, sol));
  PetscCall(KSPGetConvergedReason(ksp, &rec->reason));
  PetscCall(KSPGetIterationNumber(ksp, &rec->its));
  PetscCall(VecNorm(sol, NORM_2, &rec->solnorm));
  PetscCall(ADJRecordSpectrum_Private(adj, ksp, rec));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Operator and preconditioner of the adjoint: M^T as a shell or as a matrix; P^T, where there is one and it is wanted */
PetscErrorCode ADJSetAdjointOperators_Private(ADJ adj)
{
  PetscBool own;
  PC        pc;
  Mat       A, P;

  PetscFunctionBegin;
  PetscCall(ADJChooseAdjointPC_Private(adj));
  PetscCall(ADJUpdateTransposedOperator_Private(adj, &A));
  P = A;
  PetscCall(KSPGetPC(adj->ksp, &pc));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &own, PCNONE, PCSHELL, "")); /* need no matrix */
  if (adj->P && !own) {
    PetscCall(ADJUpdateTransposedPreconditioner_Private(adj));
    PetscCall(ADJNullSpaceAttachTo_Private(adj, adj->PT, PETSC_TRUE));
    P = adj->PT;
  }
  PetscCall(KSPSetOperators(adj->ksp, A, P));
  PetscCall(ADJCompleteAdjointPC_Private(adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of the tangent, with M or something like it as operator */
PetscErrorCode ADJSetTangentOperators_Private(ADJ adj, Mat M)
{
  PetscFunctionBegin;
  PetscCall(ADJChooseTangentPC_Private(adj));
  PetscCall(KSPSetOperators(adj->tksp, M, adj->P ? adj->P : M));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* adj->w, which is no initial guess yet */
PetscErrorCode ADJCreateAdjoint_Private(ADJ adj)
{
  PetscFunctionBegin;
  if (adj->w) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDuplicate(adj->r, &adj->w));
  adj->wspoilt = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M^T w = v at the point of linearization, w = adj->w from the last one if the KSP is told so */
PetscErrorCode ADJSolveMT_Private(ADJ adj, Vec v, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(ADJCreateAdjoint_Private(adj));
  if (adj->wspoilt) {
    PetscCall(VecSet(adj->w, 0.0));
    PetscCall(ADJForgetGuess_Private(adj->ksp));
  }
  PetscCall(ADJSetAdjointOperators_Private(adj));
  PetscCall(ADJSolveLinear_Private(adj, adj->ksp, v, adj->w, rec));
  adj->wspoilt = (PetscBool)(rec->reason < 0 || rec->solnorm == 0.0 || PetscIsInfOrNanReal(rec->solnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One product gives thetabar = N^T w and, unless checks are off, M^T w for the true residual s = v - M^T w, less what no w can reach */
PetscErrorCode ADJPullBack_Private(ADJ adj, Vec v, Vec thetabar, ADJLinearSolve *rec)
{
  PetscBool check = (PetscBool)(adj->trustlevel > ADJ_TRUST_LEVEL_NONE || adj->testing);

  PetscFunctionBegin;
  if (check && !adj->s) PetscCall(VecDuplicate(adj->r, &adj->s));
  PetscCall(ADJApplyMT_Private(adj, adj->w, check ? adj->s : NULL, thetabar));
  if (check) {
    PetscCall(VecAYPX(adj->s, -1.0, v));
    PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.right, adj->s));
    PetscCall(VecNorm(adj->s, NORM_2, &rec->residual));
  }
  PetscCall(VecNorm(thetabar, NORM_2, &rec->resultnorm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* adj->b = N thetadot */
PetscErrorCode ADJComputeTangentRhs_Private(ADJ adj, Vec thetadot)
{
  PetscFunctionBegin;
  if (!adj->b) PetscCall(VecDuplicate(adj->r, &adj->b));
  PetscCall(ADJApplyN_Private(adj, thetadot, adj->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* M xdot = adj->b, and its true residual unless checks are off */
PetscErrorCode ADJSolveM_Private(ADJ adj, Vec xdot, ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(ADJSetTangentOperators_Private(adj, adj->M));
  PetscCall(ADJSolveLinear_Private(adj, adj->tksp, adj->b, xdot, rec));
  rec->resultnorm = rec->solnorm;
  if (adj->trustlevel == ADJ_TRUST_LEVEL_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  if (!adj->s) PetscCall(VecDuplicate(adj->r, &adj->s));
  PetscCall(ADJApplyM_Private(adj, xdot, adj->s));
  PetscCall(VecAYPX(adj->s, -1.0, adj->b));
  PetscCall(ADJNullSpaceRemove_Private(adj->nullvectors.left, adj->s));
  PetscCall(VecNorm(adj->s, NORM_2, &rec->residual));
  PetscFunctionReturn(PETSC_SUCCESS);
}
