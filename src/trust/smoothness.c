/*
   Smoothness: the one-sided derivatives of the residual at the solution in one random direction d,

       bend(h) = |R(+h) - 2 R(0) + R(-h)| / |R(+h) - R(-h)|    (maximum norms)

   which falls like h where R is smooth, stays where it has a kink, and grows like 1/h where it is noise.
*/
#include "probe.h"

#define ADJ_PROBE_FLOOR 1e-3 /* of the root mean square: the least size that is assumed of a component */

/* d_i = s_i (|v_i| + floor) with s_i random, of magnitude 1/2 to 1; where v_i = 0, which is where kinks are, the root mean square stands for it */
static PetscErrorCode ADJProbeDirection_Private(PetscRandom rnd, Vec v, Vec d, Vec work, Vec size)
{
  PetscReal norm, rms;
  PetscInt  n;

  PetscFunctionBegin;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecNorm(v, NORM_2, &norm));
  rms = n ? norm / PetscSqrtReal((PetscReal)n) : 0.0;
  PetscCall(VecSetRandom(d, rnd));
  PetscCall(VecCopy(d, work));
  PetscCall(VecAbs(work));
  PetscCall(VecPointwiseDivide(work, d, work));
  PetscCall(VecAXPBY(d, 0.5, 0.5, work));
  if (rms == 0.0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(v, work));
  PetscCall(VecAbs(work));
  PetscCall(VecCopy(work, size));
  PetscCall(VecPointwiseDivide(work, work, work)); /* 0/0 = 0 */
  PetscCall(VecScale(work, -rms));
  PetscCall(VecShift(work, (1.0 + ADJ_PROBE_FLOOR) * rms));
  PetscCall(VecAXPY(size, 1.0, work));
  PetscCall(VecPointwiseMult(d, d, size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |d_i| <= |v_i|, and `least`_i if it is given, where v_i is not zero: without the floor of the others' size */
static PetscErrorCode ADJNarrowDirection_Private(Vec v, Vec least, Vec d, Vec work, Vec size)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(v, size));
  PetscCall(VecAbs(size));
  PetscCall(VecPointwiseDivide(work, size, size)); /* 0/0 = 0 */
  PetscCall(VecScale(work, -1.0));
  PetscCall(VecShift(work, 1.0));
  if (least) PetscCall(VecAXPY(size, 1.0, least));
  PetscCall(VecPointwiseMult(work, work, d));
  PetscCall(VecAbs(work));
  PetscCall(VecAXPY(size, 1.0, work));
  PetscCall(VecCopy(d, work));
  PetscCall(VecAbs(work));
  PetscCall(ADJVecPointwiseMin_Private(size, size, work));
  PetscCall(VecPointwiseDivide(work, d, work));
  PetscCall(VecPointwiseMult(d, work, size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For a second look where small components, beside large ones, were moved far: not by more than their own size, or than the last step of the iteration */
PetscErrorCode ADJProbeNarrow_Private(ADJ adj, ADJProbe *p)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(p->r0, p->rm));
  PetscCall(VecAbs(p->rm));
  PetscCall(VecScale(p->rm, PetscPowRealInt(ADJ_PROBE_RATIO, 2) / PetscCbrtReal(PETSC_MACHINE_EPSILON))); /* the shortest step is to reach it */
  PetscCall(ADJNarrowDirection_Private(adj->state->x, p->rm, p->dx, p->xh, p->rp));
  PetscCall(ADJNarrowDirection_Private(adj->state->theta, NULL, p->dtheta, p->thetah, p->ntw));
  p->share[0] = p->share[1] = 1.0;
  p->h                      = PetscCbrtReal(PETSC_MACHINE_EPSILON);
  p->rise                   = 0.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual at the solution: the forward solver's last, if that is what its vector holds, else one evaluation */
static PetscErrorCode ADJProbeBase_Private(ADJ adj, Vec r0)
{
  const ADJState *st = adj->state;
  PetscReal       norm;

  PetscFunctionBegin;
  PetscCall(VecNorm(adj->r, NORM_2, &norm));
  if (st->nhistory && norm == st->history[st->nhistory - 1])
    PetscCall(VecCopy(adj->r, r0));
  else
    PetscCall(ADJComputeResidual_Private(adj, st->x, st->theta, r0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another direction at each solution, from a stream of its own */
PetscErrorCode ADJProbeCreate_Private(ADJ adj, ADJProbe *p)
{
  const ADJState *st = adj->state;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(VecDuplicate(st->x, &p->dx));
  PetscCall(VecDuplicate(st->x, &p->xh));
  PetscCall(VecDuplicate(st->x, &p->r0));
  PetscCall(VecDuplicate(st->x, &p->rp));
  PetscCall(VecDuplicate(st->x, &p->rm));
  PetscCall(VecDuplicate(st->x, &p->mtw));
  PetscCall(VecDuplicate(st->theta, &p->dtheta));
  PetscCall(VecDuplicate(st->theta, &p->thetah));
  PetscCall(VecDuplicate(st->theta, &p->ntw));
  PetscCall(ADJRandomCreateNumbered_Private(adj, st->id, &p->rnd));
  PetscCall(ADJProbeDirection_Private(p->rnd, st->x, p->dx, p->xh, p->rp));
  PetscCall(ADJProbeDirection_Private(p->rnd, st->theta, p->dtheta, p->thetah, p->ntw));
  p->share[0] = p->share[1] = 1.0;
  p->h                      = PetscCbrtReal(PETSC_MACHINE_EPSILON);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJProbeDestroy_Private(ADJProbe *p)
{
  Vec *vecs[] = {&p->dx, &p->dtheta, &p->xh, &p->thetah, &p->r0, &p->rp, &p->rm, &p->w, &p->mtw, &p->ntw};

  PetscFunctionBegin;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(PetscRandomDestroy(&p->rnd));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (xh, thetah) = (x + a dx, theta + b dtheta) */
PetscErrorCode ADJProbeShift_Private(ADJ adj, ADJProbe *p, PetscReal a, PetscReal b)
{
  PetscFunctionBegin;
  PetscCall(VecWAXPY(p->xh, a, p->dx, adj->state->x));
  PetscCall(VecWAXPY(p->thetah, b, p->dtheta, adj->state->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r = R(x + a dx, theta + b dtheta) */
PetscErrorCode ADJProbeEvaluate_Private(ADJ adj, ADJProbe *p, PetscReal a, PetscReal b, Vec r)
{
  PetscFunctionBegin;
  PetscCall(ADJProbeShift_Private(adj, p, a, b));
  PetscCall(ADJComputeResidual_Private(adj, p->xh, p->thetah, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Both sides at step h, how they differ, and whether that is more than rounding */
static PetscErrorCode ADJProbeStep_Private(ADJ adj, ADJProbe *p, PetscReal h, PetscReal *bend)
{
  PetscReal second, first, sum, last = p->rise;

  PetscFunctionBegin;
  PetscCall(ADJProbeEvaluate_Private(adj, p, -h * p->share[0], -h * p->share[1], p->rm));
  PetscCall(ADJProbeEvaluate_Private(adj, p, h * p->share[0], h * p->share[1], p->rp));
  PetscCall(VecWAXPY(p->xh, -2.0, p->r0, p->rp));
  PetscCall(VecAXPY(p->xh, 1.0, p->rm));
  PetscCall(VecNorm(p->xh, NORM_2, &sum)); /* a maximum may lose a NaN, on some processes alone */
  if (PetscIsInfOrNanReal(sum)) {
    *bend = sum;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecNorm(p->xh, NORM_INFINITY, &second));
  PetscCall(VecWAXPY(p->xh, -1.0, p->rm, p->rp));
  PetscCall(VecNorm(p->xh, NORM_INFINITY, &first));
  *bend   = second > 0.0 ? second / first : 0.0;
  p->flat = (PetscBool)(h < p->h && first > 0.2 * last); /* rounding: a difference would shrink with the step */
  p->rise = first;
  p->h    = h;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Noise of the map drowns in a longer step */
static PetscErrorCode ADJProbeNoise_Private(ADJ adj, ADJProbe *p, PetscReal h, PetscReal tol, ADJProbeOutcome *outcome)
{
  PetscFunctionBegin;
  *outcome = ADJ_PROBE_NOISY;
  for (PetscInt i = 0; i < 2 && *outcome == ADJ_PROBE_NOISY; i++) {
    h *= ADJ_PROBE_RATIO;
    PetscCall(ADJProbeStep_Private(adj, p, h, &p->bend));
    if (p->bend <= tol) *outcome = ADJ_PROBE_SMOOTH;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Up to three steps, each shorter than the last, until the bend is below `tol` or its course tells what it is; at the end p->rp, p->rm belong to p->h */
PetscErrorCode ADJProbeSmoothness_Private(ADJ adj, ADJProbe *p, PetscReal tol, ADJProbeOutcome *outcome)
{
  const PetscReal h       = p->h;
  PetscReal       bend[3] = {0.0, 0.0, 0.0};

  PetscFunctionBegin;
  *outcome = ADJ_PROBE_SMOOTH;
  PetscCall(ADJProbeBase_Private(adj, p->r0));
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(ADJProbeStep_Private(adj, p, h * PetscPowRealInt(ADJ_PROBE_RATIO, -i), &bend[i]));
    p->bend = bend[i];
    if (PetscIsInfOrNanReal(bend[i])) {
      *outcome = ADJ_PROBE_NOT_FINITE;
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    if (bend[i] <= tol) PetscFunctionReturn(PETSC_SUCCESS);
    if (i && (p->flat || (i == 1 && bend[1] > 5.0 * bend[0]))) {
      PetscCall(ADJProbeNoise_Private(adj, p, h, tol, outcome));
      PetscFunctionReturn(PETSC_SUCCESS);
    }
  }
  if (bend[2] > 3.0 * bend[1]) bend[2] = bend[1], bend[1] = bend[0]; /* noise at the last of them */
  *outcome = bend[2] >= 0.3 * bend[1] ? ADJ_PROBE_KINK : ADJ_PROBE_UNDECIDED;
  PetscFunctionReturn(PETSC_SUCCESS);
}
