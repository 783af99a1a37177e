/*
   A SNES of reaction.h, the ADJ that borrows it, and the gradient by hand.
*/
#ifndef CONTRAGRAD_REACTION_CASE_H
#define CONTRAGRAD_REACTION_CASE_H

#include "reaction.h"

typedef struct {
  Reaction r;
  ADJ      adj;
  DM       da;
  Vec      x, xbar, thetabar, reference;
} Case;

/* Vectors of the present DM, and the answer there */
static inline PetscErrorCode CaseVectors(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(SNESGetDM(c->r.snes, &c->da));
  PetscCall(DMCreateGlobalVector(c->da, &c->x));
  PetscCall(ReactionCotangent(c->da, &c->xbar));
  PetscCall(VecDuplicate(c->r.theta, &c->thetabar));
  PetscCall(VecDuplicate(c->r.theta, &c->reference));
  PetscCall(ReactionReference(&c->r, c->x, c->xbar, c->reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode CaseFreeVectors(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->xbar));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(VecDestroy(&c->reference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode CaseCreate(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(ReactionCreate(PETSC_COMM_WORLD, 7, 4.0, &c->r));
  PetscCall(SNESSetTolerances(c->r.snes, 1e-11, 1e-11, 0.0, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(CaseVectors(c));
  PetscCall(ReactionCreateADJ(&c->r, &c->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode CaseDestroy(Case *c)
{
  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&c->adj));
  PetscCall(CaseFreeVectors(c));
  PetscCall(ReactionDestroy(&c->r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode TapGood(Case *c, const char what[])
{
  ADJTrust verdict;

  PetscFunctionBeginUser;
  PetscCall(VecSet(c->x, 0.0));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolve(c->adj, c->r.theta, c->x), "%s: a solve", what));
  PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(c->adj, c->xbar, c->thetabar), "%s: a gradient", what));
  PetscCall(ADJGetTrust(c->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", what, ADJTrusts[verdict]));
  PetscCall(ReactionTapGradient(c->thetabar, c->reference, 1e-7, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
