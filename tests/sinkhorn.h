/*
   The transport problem of examples/sinkhorn with eps = 0.4, on the layouts of the tests.
*/
#ifndef CONTRAGRAD_SINKHORN_H
#define CONTRAGRAD_SINKHORN_H

#include "../examples/sinkhorn/transport.h"
#include "tap.h"
#include "problems.h"

static inline PetscErrorCode SinkhornCreateLayout(MPI_Comm comm, PetscInt n, Layout rows, PetscInt p, Layout columns, SinkhornTheta what, Sinkhorn *s)
{
  PetscInt nl, pl;

  PetscFunctionBegin;
  PetscCall(LayoutLocalSize(comm, rows, n, &nl));
  PetscCall(LayoutLocalSize(comm, columns, p, &pl));
  PetscCall(SinkhornCreate(comm, 0.4, n, nl, p, pl, what, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode SinkhornCreateADJWith(Sinkhorn *s, MatNullSpace right, MatNullSpace left, PetscBool jvp, const char text[])
{
  PetscOptions options;

  PetscFunctionBegin;
  PetscCall(SinkhornCreateADJ(s, right, left, jvp));
  PetscCall(OptionsBegin(text, &options));
  PetscCall(ADJSetFromOptions(s->adj));
  PetscCall(OptionsEnd(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
