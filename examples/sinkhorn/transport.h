/*
   Entropic optimal transport between the histograms a (n rows) and b (p columns) with cost C, by Sinkhorn's iteration in log
   form, a fixed point that is defined up to a constant:

       F(x) = log a - log(K (b / (K^T e^x))),   K = exp(-C/eps),   F(x + c) = F(x) + c.

   At the fixed point dF/dx is row-stochastic, with the left eigenvector a. The plan is P = diag(e^x) K diag(b / (K^T e^x)).
*/
#ifndef SINKHORN_TRANSPORT_H
#define SINKHORN_TRANSPORT_H

#include <contragrad.h>

/* What theta is: the costs, row by row; eps; a; b */
typedef enum { SINKHORN_COST,
               SINKHORN_EPSILON,
               SINKHORN_ROWS,
               SINKHORN_COLUMNS } SinkhornTheta;

typedef struct {
  PetscInt      n, p;
  SinkhornTheta what;
  PetscReal     eps0;
  Vec           C0, a0, b0; /* of what theta is not */
  Vec           x, v, theta, thetabar, thetadot, xdot;
  MatNullSpace  constants, rows; /* null spaces: U = 1, W = a */
  ADJ           adj;
  Mat           K, D;
  Vec           C, a, b; /* in force; borrowed */
  PetscReal     eps;
  Vec           e, q, qbar, rwork, s, t, tbar, sbar;
} Sinkhorn;

extern PetscErrorCode SinkhornCreate(MPI_Comm, PetscReal eps, PetscInt n, PetscInt nlocal, PetscInt p, PetscInt plocal, SinkhornTheta, Sinkhorn *);
extern PetscErrorCode SinkhornCreateADJ(Sinkhorn *, MatNullSpace right, MatNullSpace left, PetscBool jvp);
extern PetscErrorCode SinkhornDestroy(Sinkhorn *);
extern PetscErrorCode SinkhornFill(Vec, PetscInt seed, PetscReal lo, PetscReal hi);
extern ADJMapFn       SinkhornMap;
extern ADJVJPFn       SinkhornVJP;
extern ADJJVPFn       SinkhornJVP;
extern ADJObjectiveFn SinkhornTransportCost;

#endif
