/*
   Derivatives of the map by central differences. Steps are relative to the size of each component.
*/
#ifndef ADJDIFFERENCES_H
#define ADJDIFFERENCES_H

#include <contragrad/private/adjimpl.h>

/* A sparse Jacobian in x or in theta: columns of one color, which have no row in common, take one pair of evaluations */
typedef struct {
  Mat          J;
  ISColoring   coloring; /* of its columns */
  PetscInt     ncolors;
  IS          *columns; /* of each color, global numbers of those on this process; borrowed from the coloring */
  PetscInt    *first;   /* entries first[c], ..., first[c+1] - 1 are of color c */
  PetscInt    *row, *col;
  PetscScalar *value;
  Vec          step, shifted, mask; /* of the variable */
  Vec          upper, lower;        /* of the map's value */
} ADJColored;

/* The dense Jacobian in a few parameters, as vectors */
typedef struct {
  PetscInt     m;
  Vec         *column;
  PetscScalar *theta, *work; /* all m values, on every process */
  Vec          shifted, upper, lower, base, trial;
} ADJColumns;

typedef struct {
  ADJColored *x;     /* NULL before the first linearization */
  ADJColored *field; /* in theta, one of the two, or none before they are asked for */
  ADJColumns *columns;
  PetscInt    at;                /* the number of the linearization that they belong to; 0: none yet */
  Vec         shifted[2], lower; /* along one direction in x, in theta */
  PetscBool   told;              /* the price */
} ADJDifferences;

PETSC_INTERN PetscErrorCode ADJColoredCreate_Private(Vec, Vec, PetscInt, const PetscInt[], const PetscInt[], ISColoring, Mat, ADJColored **);
PETSC_INTERN PetscErrorCode ADJColoredUpdate_Private(ADJ, ADJColored *, PetscBool, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJColoredDestroy_Private(ADJColored **);
PETSC_INTERN PetscErrorCode ADJPatternCreate_Private(ADJ, PetscInt *, PetscInt *[], PetscInt *[], ISColoring *);
PETSC_INTERN PetscErrorCode ADJPatternCheck_Private(ADJ);
PETSC_INTERN PetscErrorCode ADJCheckLayoutOfDM_Private(ADJ, DM, Vec, const char[], const char[]);

PETSC_INTERN PetscErrorCode ADJColumnsCreate_Private(Vec, Vec, ADJColumns **);
PETSC_INTERN PetscErrorCode ADJColumnsUpdate_Private(ADJ, ADJColumns *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJColumnsMultTranspose_Private(ADJColumns *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJColumnsMult_Private(ADJColumns *, Vec, Vec);
PETSC_INTERN PetscErrorCode ADJColumnsDestroy_Private(ADJColumns **);

/* On structured grids: ../dm/dacoloring.c */
PETSC_INTERN PetscErrorCode ADJDMDAColor_Private(DM, ISColoring *);
PETSC_INTERN PetscErrorCode ADJDMDASameGrid_Private(DM, DM, PetscBool *);
PETSC_INTERN PetscErrorCode ADJDMDACouplings_Private(DM, DM, PetscInt *, PetscInt *[], PetscInt *[], ISColoring *);

#endif
