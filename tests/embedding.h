/*
   The snippets of docs/embedding.md in codes such as their readers have. A test holds a small application; the snippet stands in its
   main program, and what it leaves in `gradient` is held against central differences of the application itself.
*/
#ifndef EMBEDDING_H
#define EMBEDDING_H

#include <contragrad.h>
#include "tap.h"

#define EMBEDDING_RTOL 1e-6

/* Solves from scratch with the variables as they stand, and returns the functional */
typedef PetscErrorCode EmbeddingFunctionalFn(void *app, PetscReal *value);

/* The entry of `gradient` against (J(p + h) - J(p - h))/2h */
static inline PetscErrorCode EmbeddingCheck(EmbeddingFunctionalFn *functional, void *app, PetscReal *parameter, PetscReal h, Vec gradient, PetscInt j, const char name[])
{
  const PetscReal    p = *parameter;
  const PetscScalar *g;
  PetscReal          plus, minus, entry;

  PetscFunctionBegin;
  PetscCall(ADJParameterVecGetArrayRead(gradient, &g));
  entry = PetscRealPart(g[j]);
  PetscCall(ADJParameterVecRestoreArrayRead(gradient, &g));
  *parameter = p + h;
  PetscCall(functional(app, &plus));
  *parameter = p - h;
  PetscCall(functional(app, &minus));
  *parameter = p;
  PetscCall(TapClose(entry, (plus - minus) / (2.0 * h), EMBEDDING_RTOL, "%s: derivative against central differences", name));
  PetscCall(TapOk((PetscBool)(PetscAbsReal(entry) > 1e-8), "%s: it is not zero", name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode EmbeddingTrusted(ADJ adj, const char name[])
{
  ADJTrust verdict;

  PetscFunctionBegin;
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: the verdict is ESTIMATED, here %s", name, ADJTrusts[verdict]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
