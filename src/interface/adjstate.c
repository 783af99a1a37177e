/*
   The state of an ADJ: what one forward solve and the derivatives taken there leave behind.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_RATE_WINDOW 20 /* the observed rate is the mean over at most so many steps */

static PetscErrorCode ADJLinearSolveClear_Private(ADJLinearSolve *rec)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(rec, sizeof(*rec)));
  rec->rhsnorm = rec->solnorm = rec->residual = rec->resultnorm = -1.0;
  rec->ritz = rec->smax = rec->smin = rec->drift = rec->growth = -1.0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A state of its own number with no vectors yet */
PetscErrorCode ADJStateCreate_Private(ADJState **state)
{
  PetscFunctionBegin;
  PetscCall(PetscNew(state));
  (*state)->rate        = -1.0;
  (*state)->vjperror[0] = -1.0;
  (*state)->vjperror[1] = -1.0;
  PetscCall(ADJLinearSolveClear_Private(&(*state)->adjoint));
  PetscCall(ADJLinearSolveClear_Private(&(*state)->tangent));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStateDestroy_Private(ADJState **state)
{
  PetscFunctionBegin;
  if (!*state) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecDestroy(&(*state)->x));
  PetscCall(VecDestroy(&(*state)->theta));
  PetscCall(VecDestroy(&(*state)->xcur));
  PetscCall(VecDestroy(&(*state)->xprev));
  PetscCall(VecDestroy(&(*state)->x0bar));
  PetscCall(ADJTrajectoryDestroy_Private(&(*state)->trajectory));
  PetscCall(PetscFree((*state)->history));
  PetscCall(PetscFree(*state));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Begins a forward solve: whatever was known of the last one no longer holds */
PetscErrorCode ADJStateRestart_Private(ADJ adj, Vec theta, Vec x)
{
  ADJState *st   = adj->state;
  PetscBool keep = (PetscBool)(adj->keepprevious || adj->typekeepsprevious);

  PetscFunctionBegin;
  if (!st->x) PetscCall(VecDuplicate(x, &st->x));
  if (!st->theta) PetscCall(VecDuplicate(theta, &st->theta));
  if (keep && !st->xprev) {
    PetscCall(VecDuplicate(x, &st->xprev));
    PetscCall(VecDuplicate(x, &st->xcur));
  }
  if (!keep) {
    PetscCall(VecDestroy(&st->xprev));
    PetscCall(VecDestroy(&st->xcur));
  }
  PetscCall(VecCopy(theta, st->theta));
  PetscCall(VecCopy(x, st->x));
  adj->lin_x = adj->lin_theta = NULL;
  st->id                      = adj->nextid++;
  st->reason                  = SNES_CONVERGED_ITERATING;
  st->its                     = 0;
  st->nhistory                = 0;
  st->rate                    = -1.0;
  st->linearized              = PETSC_FALSE;
  st->taken                   = PETSC_FALSE;
  st->rnormref                = 0.0;
  adj->objnotfinite           = PETSC_FALSE;
  st->x0barknown              = PETSC_FALSE;
  st->objectiveknown          = PETSC_FALSE;
  st->vjperror[0] = st->vjperror[1] = -1.0;
  PetscCall(ADJLinearSolveClear_Private(&st->adjoint));
  PetscCall(ADJLinearSolveClear_Private(&st->tangent));
  PetscCall(PetscMemzero(&st->differences, sizeof(st->differences)));
  PetscCall(PetscMemzero(&st->report, sizeof(st->report)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Notes the residual norm of the next iterate, and the iterate itself where the last two are kept */
PetscErrorCode ADJStateRecord_Private(ADJState *st, PetscReal rnorm, Vec x)
{
  PetscFunctionBegin;
  if (st->nhistory == st->maxhistory) {
    st->maxhistory = st->maxhistory ? 2 * st->maxhistory : 64;
    PetscCall(PetscRealloc(st->maxhistory * sizeof(PetscReal), &st->history));
  }
  st->history[st->nhistory++] = rnorm;
  if (st->xcur && x) {
    Vec swap = st->xprev;

    st->xprev = st->xcur;
    st->xcur  = swap;
    PetscCall(VecCopy(x, st->xcur));
    if (st->nhistory == 1) PetscCall(VecCopy(x, st->xprev));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* q = (|r_K| / |r_{K-w}|)^{1/w}: geometric mean of the last w <= ADJ_RATE_WINDOW quotients, of the last half at most */
PetscErrorCode ADJStateObservedRate_Private(ADJState *st)
{
  PetscInt  last = st->nhistory - 1, w = PetscMin(ADJ_RATE_WINDOW, st->nhistory / 2);
  PetscReal num, den;

  PetscFunctionBegin;
  st->rate = -1.0;
  while (last > 0 && st->history[last] == 0.0) last--;
  w = PetscMin(w, last);
  if (w < 1) PetscFunctionReturn(PETSC_SUCCESS);
  num = st->history[last];
  den = st->history[last - w];
  if (den > 0.0 && num > 0.0 && !PetscIsInfOrNanReal(num) && !PetscIsInfOrNanReal(den)) st->rate = PetscPowReal(num / den, 1.0 / w);
  PetscFunctionReturn(PETSC_SUCCESS);
}
