/*
   A fixed point whose rate of contraction is chosen, at the cost of one stencil for an application: on a periodic grid

     F(x, theta) = rho S x + (1 - rho) (theta^2 - rho s x^2/2),   squares entry by entry,

   where S = (1 - m/2) I + m/2 T, and T takes means over the four neighbours of a cell, the western and southern ones with
   more weight. S is normal and doubly stochastic, its eigenvalues have magnitudes from 1 - m to 1: a step can be undone.
   The square of x, which is about 1, makes dF/dx depend on x and moves its spectral radius from rho by about
   s rho (1 - rho). One theta a cell. The objective is

     l(x) = |x - d|^2/(2 n) with a given rough field d.
*/
#ifndef SMOOTHER_H
#define SMOOTHER_H

#include <contragrad.h>
#include <petscdmda.h>

typedef struct _n_Smoother *Smoother;

extern PetscErrorCode SmootherCreate(MPI_Comm, PetscReal rho, Smoother *);
extern PetscErrorCode SmootherDestroy(Smoother *);
extern PetscErrorCode SmootherCreateVecs(Smoother, Vec *x0, Vec *theta);
extern PetscErrorCode SmootherCreateADJ(Smoother, ADJ *);
extern PetscErrorCode SmootherTestProducts(Smoother);

#endif
