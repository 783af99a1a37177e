/*
   The memory of quasi-Newton methods across a restart. The methods of Tao keep it in a matrix of type MATLMVM, which gets an iterate and
   its gradient at each step: the last ones are noted, written, and handed to the matrix of the new Tao before its first step.
*/
#include "checkpoint.h"

PetscErrorCode ADJPairsDestroy_Private(PetscInt n, ADJPair **pair)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; *pair && i < n; i++) {
    PetscCall(VecDestroy(&(*pair)[i].theta));
    PetscCall(VecDestroy(&(*pair)[i].gradient));
  }
  PetscCall(PetscFree(*pair));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#if !PetscDefined(USE_COMPLEX) /* a PETSc with complex scalars has no methods of Tao */

/* Whether a pointer is that of a quasi-Newton matrix */
static PetscErrorCode ADJIsLMVM_Private(void *object, PetscBool *yes)
{
  PetscFunctionBegin;
  *yes = PETSC_FALSE;
  if (!object || !PetscCheckPointer(object, PETSC_OBJECT) || ((PetscObject)object)->classid != MAT_CLASSID) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)object, MATLMVM, yes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   The matrix of a quasi-Newton method, or the one that preconditions a Newton method; NULL if there is none. TaoGetLMVMMatrix() knows the
   types BQN... alone; LMVM and BLMVM have it as the first field of their context
*/
static PetscErrorCode ADJTaoGetLMVM_Private(Tao tao, Mat *M)
{
  PetscBool bqn, lmvm, newton, is = PETSC_FALSE;
  PC        pc;

  PetscFunctionBegin;
  *M = NULL;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)tao, &bqn, TAOBQNLS, TAOBQNKLS, TAOBQNKTR, TAOBQNKTL, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)tao, &lmvm, TAOLMVM, TAOBLMVM, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)tao, &newton, TAOBNLS, TAOBNTR, TAOBNTL, TAONLS, TAONTR, TAONTL, ""));
  if (bqn)
    PetscCall(TaoGetLMVMMatrix(tao, M));
  else if (lmvm && tao->data) {
    PetscCall(ADJIsLMVM_Private(*(void **)tao->data, &is));
    if (is) *M = *(Mat *)tao->data;
  } else if (newton && tao->ksp && ADJ_TAO_NEWTON_MEMORY) {
    PetscCall(KSPGetPC(tao->ksp, &pc));
    PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCLMVM, &is));
    if (is) PetscCall(PCLMVMGetMatLMVM(pc, M));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPairFill_Private(ADJPair *pair, Vec theta, Vec gradient, PetscReal value, Vec direction)
{
  PetscFunctionBegin;
  if (!pair->theta) PetscCall(VecDuplicate(theta, &pair->theta));
  if (!pair->gradient) PetscCall(VecDuplicate(theta, &pair->gradient));
  PetscCall(VecCopy(theta, pair->theta));
  PetscCall(VecCopy(gradient, pair->gradient));
  pair->value = value;
  PetscCall(VecNorm(direction ? direction : gradient, NORM_2, &pair->norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The optimizer has reached a new iterate: it is noted if its method has a use for it, in place of the oldest one */
PetscErrorCode ADJMemoryRecord_Private(ADJ adj, Tao tao)
{
  const ADJEvaluation *it     = &adj->outer->iterate;
  ADJCheckpoint        c      = adj->checkpoint;
  const PetscInt       memory = 1 + (c->memory >= 0 ? c->memory : ADJ_CHECKPOINT_MEMORY);
  ADJPair             *grown, oldest;
  Mat                  M;

  PetscFunctionBegin;
  if (!it->id || it->id == c->recorded || memory == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJTaoGetLMVM_Private(tao, &M));
  if (!M) PetscFunctionReturn(PETSC_SUCCESS);
  if (c->maxpairs < memory) {
    PetscCall(PetscCalloc1(memory, &grown));
    PetscCall(PetscArraycpy(grown, c->pair, c->npairs));
    PetscCall(PetscFree(c->pair));
    c->pair     = grown;
    c->maxpairs = memory;
  }
  if (c->npairs == c->maxpairs) {
    oldest = c->pair[0];
    for (PetscInt i = 1; i < c->npairs; i++) c->pair[i - 1] = c->pair[i];
    c->pair[--c->npairs] = oldest;
  }
  PetscCall(ADJPairFill_Private(&c->pair[c->npairs++], it->theta, it->gradient, tao->fc, tao->gradient));
  c->recorded = it->id;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* BLMVM gives its matrix projected gradients; the first step of a symmetric matrix is scaled by 2 |f|/|g|^2, in all but LMVM */
static PetscErrorCode ADJMemoryUpdate_Private(Tao tao, Mat M, const ADJPair *pair, Vec work)
{
  PetscBool blmvm, lmvm, newton, symmetric;
  PetscReal norm2 = PetscSqr(pair->norm);

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)tao, TAOBLMVM, &blmvm));
  PetscCall(PetscObjectTypeCompare((PetscObject)tao, TAOLMVM, &lmvm));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)tao, &newton, TAOBNLS, TAOBNTR, TAOBNTL, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)M, &symmetric, MATLMVMBFGS, MATLMVMDFP, MATLMVMSYMBROYDEN, MATLMVMSYMBADBROYDEN, ""));
  if (symmetric && !lmvm && !newton) {
    if (norm2 == 0.0) norm2 = PETSC_MACHINE_EPSILON;
    PetscCall(MatLMVMSymBroydenSetDelta(M, (pair->value == 0.0 ? 2.0 : 2.0 * PetscAbsReal(pair->value)) / norm2));
  }
  PetscCall(VecCopy(pair->gradient, work));
  if (blmvm && tao->XL && tao->XU) PetscCall(VecBoundGradientProjection(pair->gradient, pair->theta, tao->XL, tao->XU, work));
  PetscCall(MatLMVMUpdate(M, pair->theta, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At the first evaluation of a TaoSolve(): LMVM and BLMVM would forget it all after their first convergence test, unless they are told to recycle it */
PetscErrorCode ADJMemoryReplay_Private(ADJ adj, Tao tao, const ADJSnapshot *s, PetscInt *replayed)
{
  Mat M;
  Vec work;

  (void)adj;
  PetscFunctionBegin;
  *replayed = 0;
  PetscCall(ADJTaoGetLMVM_Private(tao, &M));
  if (!M || !s->npairs) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(TaoLMVMRecycle(tao, PETSC_TRUE));
  PetscCall(MatLMVMReset(M, PETSC_FALSE));
  PetscCall(VecDuplicate(s->theta, &work));
  for (PetscInt i = 0; i < s->npairs; i++) PetscCall(ADJMemoryUpdate_Private(tao, M, &s->pair[i], work));
  PetscCall(VecDestroy(&work));
  *replayed = s->npairs;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The method goes on by itself: another TaoSolve() begins with an empty memory, unless the user has asked for a full one */
PetscErrorCode ADJMemoryRelease_Private(ADJ adj, Tao tao)
{
  const char *const option[] = {"-tao_lmvm_recycle", "-tao_blmvm_recycle"};
  PetscBool         recycle  = PETSC_FALSE;

  (void)adj;
  PetscFunctionBegin;
  for (PetscInt i = 0; i < 2; i++) PetscCall(PetscOptionsGetBool(((PetscObject)tao)->options, ((PetscObject)tao)->prefix, option[i], &recycle, NULL));
  PetscCall(TaoLMVMRecycle(tao, recycle));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#else

PetscErrorCode ADJMemoryRecord_Private(ADJ adj, Tao tao)
{
  (void)adj;
  (void)tao;
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJMemoryReplay_Private(ADJ adj, Tao tao, const ADJSnapshot *s, PetscInt *replayed)
{
  (void)adj;
  (void)tao;
  (void)s;
  PetscFunctionBegin;
  *replayed = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJMemoryRelease_Private(ADJ adj, Tao tao)
{
  (void)adj;
  (void)tao;
  PetscFunctionBegin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
