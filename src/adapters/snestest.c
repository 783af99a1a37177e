/*
   A borrowed SNES during the Taylor test: it solves to rounding level, unseen and uncounted, and gets everything back.
*/
#include "adjsnes.h"

#define ADJ_TIGHT_SNES_RTOL 1e-12

static PetscErrorCode ADJSaveCounters_SNES(SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  s->reason     = snes->reason;
  s->norm       = snes->norm;
  s->iter       = snes->iter;
  s->linear_its = snes->linear_its;
  s->nfuncs     = snes->nfuncs;
  s->jac_iter   = snes->jac_iter;
  s->pre_iter   = snes->pre_iter;
  s->histlen    = snes->conv_hist_len;
  s->sol        = snes->vec_sol;
  PetscCall(PetscObjectReference((PetscObject)s->sol));
  PetscCall(VecDuplicate(snes->vec_func, &s->func));
  PetscCall(VecCopy(snes->vec_func, s->func));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJRestoreCounters_SNES(SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  snes->reason        = s->reason;
  snes->norm          = s->norm;
  snes->iter          = s->iter;
  snes->linear_its    = s->linear_its;
  snes->nfuncs        = s->nfuncs;
  snes->jac_iter      = s->jac_iter;
  snes->pre_iter      = s->pre_iter;
  snes->conv_hist_len = s->histlen;
  if (s->sol) PetscCall(SNESSetSolution(snes, s->sol));
  PetscCall(VecDestroy(&s->sol));
  PetscCall(VecCopy(s->func, snes->vec_func));
  PetscCall(VecDestroy(&s->func));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Monitors and histories of the user see nothing; a step that is small ends nothing, nor does a test of the user's own */
static PetscErrorCode ADJSaveSettings_SNES(ADJ adj, SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  s->rtol                   = snes->rtol;
  s->stol                   = snes->stol;
  s->nmonitors              = snes->numbermonitors;
  s->monitor                = snes->monitor[0];
  s->monitordestroy         = snes->monitordestroy[0];
  s->monitorctx             = snes->monitorcontext[0];
  s->nreasonviews           = snes->numberreasonviews;
  s->gridsequence           = snes->gridsequence;
  s->histmax                = snes->conv_hist_max;
  s->errorifnotconverged    = snes->errorifnotconverged;
  s->converged              = snes->ops->converged;
  s->cnvP                   = snes->cnvP;
  snes->rtol                = PetscMin(snes->rtol, ADJ_TIGHT_SNES_RTOL);
  snes->stol                = 0.0;
  snes->numbermonitors      = 0;
  snes->numberreasonviews   = 0;
  snes->gridsequence        = 0;
  snes->conv_hist_max       = 0;
  snes->errorifnotconverged = PETSC_FALSE;
  snes->ops->converged      = ADJSNESConverged_Private;
  snes->cnvP                = adj;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJRestoreSettings_SNES(SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  snes->rtol                = s->rtol;
  snes->stol                = s->stol;
  snes->numbermonitors      = s->nmonitors;
  snes->monitor[0]          = s->monitor;
  snes->monitordestroy[0]   = s->monitordestroy;
  snes->monitorcontext[0]   = s->monitorctx;
  snes->numberreasonviews   = s->nreasonviews;
  snes->gridsequence        = s->gridsequence;
  snes->conv_hist_max       = s->histmax;
  snes->errorifnotconverged = s->errorifnotconverged;
  snes->ops->converged      = s->converged;
  snes->cnvP                = s->cnvP;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where lagging outlives a solve it pauses: what it left for the next one is kept */
static PetscErrorCode ADJSaveLag_SNES(SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  s->lagjacobian       = snes->lagjacobian;
  s->lagpreconditioner = snes->lagpreconditioner;
  s->lagjacpersist     = snes->lagjac_persist;
  s->lagprepersist     = snes->lagpre_persist;
  s->outlives          = (PetscBool)(snes->jacobian_pre && ADJLagOutlivesSolve_SNES(snes));
  if (!s->outlives) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJHoldMat_SNES(snes->jacobian_pre, &s->P));
  if (snes->jacobian && snes->jacobian != snes->jacobian_pre) PetscCall(ADJHoldMat_SNES(snes->jacobian, &s->A));
  snes->lagjacobian = snes->lagpreconditioner = 1;
  snes->lagjac_persist = snes->lagpre_persist = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A preconditioner that should live on was built anew by the test: the next solve builds it on the matrix that it gets back */
static PetscErrorCode ADJRestoreLag_SNES(SNES snes, ADJSNESSaved *s)
{
  PetscFunctionBegin;
  snes->lagjacobian       = s->lagjacobian;
  snes->lagpreconditioner = s->lagpreconditioner;
  snes->lagjac_persist    = s->lagjacpersist;
  snes->lagpre_persist    = s->lagprepersist;
  if (!s->outlives) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPutBackMat_SNES(snes->jacobian_pre, &s->P));
  PetscCall(PetscObjectStateIncrease((PetscObject)snes->jacobian_pre));
  if (snes->jacobian && snes->jacobian != snes->jacobian_pre) PetscCall(ADJPutBackMat_SNES(snes->jacobian, &s->A));
  if (snes->ksp) PetscCall(KSPSetReusePreconditioner(snes->ksp, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJTighten_SNES(ADJ adj, PetscBool tight)
{
  ADJ_SNES *c = (ADJ_SNES *)adj->adapterdata;

  PetscFunctionBegin;
  if (tight) {
    PetscCall(ADJSaveCounters_SNES(c->snes, &c->saved));
    PetscCall(ADJSaveSettings_SNES(adj, c->snes, &c->saved));
    PetscCall(ADJSaveLag_SNES(c->snes, &c->saved));
  } else {
    PetscCall(ADJRestoreLag_SNES(c->snes, &c->saved));
    PetscCall(ADJRestoreSettings_SNES(c->snes, &c->saved));
    PetscCall(ADJRestoreCounters_SNES(c->snes, &c->saved));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
