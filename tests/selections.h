/*
   Selections of dF/dx for the tests: multiples of the matrix of a Problem, or matrices of their own.
*/
#ifndef CONTRAGRAD_SELECTIONS_H
#define CONTRAGRAD_SELECTIONS_H

#include <math.h>
#include "problems.h"

#define SLOTS 4

/*
   Selection s is scale[s] A of the problem, with a trap: from the call `nan` on, counted from 1, the last process with unknowns gets
   NaN; at the call `fail` all get an error
*/
typedef struct {
  Problem  *p;
  PetscReal scale[SLOTS];
  Mat       matrix[SLOTS]; /* instead of A */
  PetscInt  calls, nan, fail;
} Pieces;

static inline PetscErrorCode Strike(Pieces *pieces, Vec out)
{
  PetscInt lo, hi, n;

  PetscFunctionBegin;
  pieces->calls++;
  if (pieces->nan && pieces->calls >= pieces->nan) {
    PetscCall(VecGetSize(out, &n));
    PetscCall(VecGetOwnershipRange(out, &lo, &hi));
    if (lo < n && hi == n) PetscCall(VecSetValue(out, n - 1, NAN, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(out));
    PetscCall(VecAssemblyEnd(out));
  }
  PetscFunctionReturn(pieces->fail && pieces->calls == pieces->fail ? PETSC_ERR_USER : PETSC_SUCCESS);
}

static inline PetscErrorCode PieceVJP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  Pieces *pieces = (Pieces *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(ProblemCheckPoint(pieces->p, x, theta));
  PetscCall(MatMultHermitianTranspose(pieces->matrix[s] ? pieces->matrix[s] : pieces->p->A, in, out));
  PetscCall(VecScale(out, pieces->scale[s]));
  PetscFunctionReturn(Strike(pieces, out));
}

static inline PetscErrorCode PieceJVP(ADJ adj, PetscInt s, Vec x, Vec theta, Vec in, Vec out, void *ctx)
{
  Pieces *pieces = (Pieces *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(ProblemCheckPoint(pieces->p, x, theta));
  PetscCall(MatMult(pieces->matrix[s] ? pieces->matrix[s] : pieces->p->A, in, out));
  PetscCall(VecScale(out, pieces->scale[s]));
  PetscFunctionReturn(Strike(pieces, out));
}

/* The gradient with its report; the code of a refusal is returned */
static inline PetscErrorCode Gradient(Problem *p, ADJTrustReport *report)
{
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(VecSet(p->x, 0.0));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  ierr = ADJSolveAdjoint(p->adj, p->v, p->thetabar);
  PetscCall(ADJGetTrustReport(p->adj, report));
  PetscFunctionReturn(ierr);
}

static inline PetscErrorCode Show(const ADJTrustReport *report, const char what[])
{
  const ADJTrustCheck *c = &report->check[ADJ_CHECK_SELECTIONS];

  PetscFunctionBegin;
  PetscCall(TapDiag("%s: lower %.6f, upper %.6f, %s, %" PetscInt_FMT " products: %.160s", what, (double)c->value, c->error > 0.0 ? (double)(c->value + c->error) : -1.0, ADJCheckStatuses[c->status], report->products, c->advice ? c->advice : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode Says(const ADJTrustReport *report, const char text[], PetscBool *yes)
{
  char *found = NULL;

  PetscFunctionBegin;
  if (report->check[ADJ_CHECK_SELECTIONS].advice) PetscCall(PetscStrstr(report->check[ADJ_CHECK_SELECTIONS].advice, text, &found));
  *yes = (PetscBool)(found != NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n blocks [[a, b], [c, d]] on the layout of A */
static inline PetscErrorCode PieceCreate(Problem *p, PetscReal a, PetscReal b, PetscReal c, PetscReal d, Mat *matrix)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(p->A, MAT_DO_NOT_COPY_VALUES, matrix));
  PetscCall(MatGetOwnershipRange(*matrix, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    const PetscInt other = i % 2 ? i - 1 : i + 1;

    PetscCall(MatSetValue(*matrix, i, i, i % 2 ? d : a, INSERT_VALUES));
    if (other < p->n) PetscCall(MatSetValue(*matrix, i, other, i % 2 ? c : b, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*matrix, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*matrix, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PiecesCreate(PetscInt n, Layout layout, Spectrum spectrum, PetscReal rho, Problem *p, Pieces *pieces)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(pieces, sizeof(*pieces)));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, n, layout, 3, LAYOUT_EVEN, spectrum, rho, p));
  pieces->p = p;
  for (PetscInt s = 0; s < SLOTS; s++) pieces->scale[s] = 1.0;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode PiecesDestroy(Problem *p, Pieces *pieces)
{
  PetscFunctionBegin;
  for (PetscInt s = 0; s < SLOTS; s++) PetscCall(MatDestroy(&pieces->matrix[s]));
  PetscCall(ProblemDestroy(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
