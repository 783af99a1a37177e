/*
   min x^T P x/2 + q^T x subject to A x = b, G x <= h, with data of which all are parameters
*/
#ifndef QP_H
#define QP_H

#include <contragrad.h>

typedef enum {
  Q,
  B,
  H,
  PE,
  AE,
  GE,
  BLOCKS
} Block; /* of theta; PE, AE, GE: the entries of a matrix, row by row */

typedef struct {
  PetscInt    n, m, p;
  PetscReal   local;
  PetscRandom random;
  Mat         pattern[BLOCKS];          /* of P, A and G: ones in their places */
  Mat         P, PR, PRT;               /* (PR + PR^T)/2, of which PR has the entries that are parameters */
  Mat         A, AT, G, GT, E, S, Z, K; /* E the identity */
  Vec         q, b, h;
  KSP         ksp, kspT; /* K at hand, and K^T where it was linearized */
  Vec         full;      /* there: u + K^{-1} (-R), with steps of the length alpha and centering sigma */
  PetscReal   alpha, sigma;
} QP;

PetscErrorCode QPCreate(QP *qp);
PetscErrorCode QPDestroy(QP *qp);
PetscErrorCode QPFillVec(QP *qp, PetscInt kind, Vec v); /* at random; kind tells one such vector from another */

/* The four parts (x, nu, z, s) of a vector */
PetscErrorCode QPSplit(const QP *qp, Vec u, Vec part[4]);
PetscErrorCode QPJoin(const QP *qp, Vec u, Vec part[4]);

/* theta, a vector of vectors, one for each Block; put where the problem reads it */
PetscErrorCode QPCreateParameters(QP *qp, Vec *theta);
PetscErrorCode QPPut(ADJ adj, Vec theta, void *ctx);
PetscErrorCode QPOuterToEntries(Mat pattern, PetscReal a, Vec l, Vec r, Vec s, Vec t, Vec entries);

PetscErrorCode QPConditions(QP *qp, Vec u, Vec R, PetscReal *mu);
PetscErrorCode QPMakeSolution(QP *qp, Vec u, Vec theta); /* u, and the q, b and h of theta that go with it */

#endif
