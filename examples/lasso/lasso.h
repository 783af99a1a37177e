/*
   The parts of the lasso: data.c, iterations.c, loss.c.
*/
#ifndef LASSO_H
#define LASSO_H

#include <contragrad.h>

typedef enum { FORWARD_BACKWARD,
               DOUGLAS_RACHFORD,
               ADMM } Method;

typedef struct {
  Method    method;
  PetscReal step, c;   /* of forward-backward; of the others */
  Mat       A, Avalid; /* training and validation rows */
  Vec       b, bvalid, Atb;
  KSP       ksp; /* A^T A + c I */
  ADJProx   prox;
  IS        first, second; /* z and u in the state of ADMM */
  Vec       rows, rvalid, columns, v[4], x;
} Lasso;

PETSC_INTERN PetscErrorCode LassoCreateData(PetscInt m, PetscInt n, PetscInt nonzeros, Lasso *p);
PETSC_INTERN PetscErrorCode LassoSetStep(Lasso *p);
PETSC_INTERN PetscErrorCode LassoCreateSolver(Mat A, PetscReal c, const char prefix[], KSP *ksp);

PETSC_INTERN PetscErrorCode LassoSetThreshold(Lasso *p, Vec theta, PetscReal *threshold);
PETSC_INTERN PetscErrorCode LassoGetNumber(Vec thetadot, PetscReal *number);
PETSC_INTERN PetscErrorCode LassoArgument(Lasso *p, Vec state, Vec *argument);
PETSC_INTERN PetscErrorCode LassoMap(ADJ adj, Vec state, Vec theta, Vec y, void *ctx);
PETSC_INTERN PetscErrorCode LassoJVP(ADJ adj, Vec state, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx);
PETSC_INTERN PetscErrorCode LassoVJP(ADJ adj, Vec state, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx);
PETSC_INTERN PetscErrorCode LassoShrinkJVP(Lasso *p, Vec in, PetscReal thetadot, PetscReal t, Vec out);
PETSC_INTERN PetscErrorCode LassoShrinkVJP(Lasso *p, Vec w, PetscReal t, Vec out, Vec thetabar);

PETSC_INTERN PetscErrorCode LassoSolution(Lasso *p, Vec state, Vec theta, Vec x);
PETSC_INTERN PetscErrorCode LassoSolutionTangent(Lasso *p, Vec state, Vec theta, Vec statedot, Vec xdot);
PETSC_INTERN PetscErrorCode LassoLoss(ADJ adj, Vec state, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx);
PETSC_INTERN PetscErrorCode LassoDifferenceOfLoss(ADJ adj, Vec theta, PetscReal h, PetscReal *slope);

#endif
