/*
   A minimizer for the tests of ADJSetTaoSolution(), a chain like that of Rosenbrock:

       f(x, theta) = sum_i a_i (x_{i+1} - x_i^2)^2 + |x - t|^2,   a = exp(C theta), t = B theta

   with the sum over i = 1, ..., n - 1. With S the shift and r = S x - x^2, zero in the last component,

       grad f = 2 (S^T - 2 x) a r + 2 (x - t),    H tridiagonal,    (d grad f/d theta)^T w = 2 C^T (a r (S - 2 x) w) - 2 B^T w
*/
#ifndef CONTRAGRAD_MINIMIZER_H
#define CONTRAGRAD_MINIMIZER_H

#include "problems.h"

typedef enum { HESSIAN_NONE,
               HESSIAN_ASSEMBLED,
               HESSIAN_SHELL,
               HESSIAN_WRONG } HessianKind;

typedef struct {
  PetscInt    n, m;
  HessianKind kind;
  Mat         S, B, C, H;
  Vec         a, t, last;   /* of the parameters put last; 1, in the last component 0 */
  Vec         at, r, u, ps; /* where the shell Hessian was made; work */
  Vec         theta, thetadot, thetabar, x, xdot, v;
  Vec         lower, upper; /* bounds, where they are wanted */
  Tao         tao;
  ADJ         adj;
} Minimizer;

static inline PetscErrorCode MinimizerPut(ADJ adj, Vec theta, void *ctx)
{
  Minimizer *p = (Minimizer *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(MatMult(p->C, theta, p->a));
  PetscCall(VecExp(p->a));
  PetscCall(VecPointwiseMult(p->a, p->a, p->last));
  PetscCall(MatMult(p->B, theta, p->t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p->r = S x - x^2; y = (S^T - 2 x) u */
static inline PetscErrorCode MinimizerChain(Minimizer *p, Vec x)
{
  PetscFunctionBegin;
  PetscCall(MatMult(p->S, x, p->r));
  PetscCall(VecPointwiseMult(p->u, x, x));
  PetscCall(VecAXPY(p->r, -1.0, p->u));
  PetscCall(VecPointwiseMult(p->r, p->r, p->last));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerPull(Minimizer *p, Vec x, Vec u, Vec y)
{
  PetscFunctionBegin;
  PetscCall(MatMultTranspose(p->S, u, y));
  PetscCall(VecPointwiseMult(p->ps, x, u));
  PetscCall(VecAXPY(y, -2.0, p->ps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = (S - 2 x) d */
static inline PetscErrorCode MinimizerPush(Minimizer *p, Vec x, Vec d, Vec y)
{
  PetscFunctionBegin;
  PetscCall(MatMult(p->S, d, y));
  PetscCall(VecPointwiseMult(p->ps, x, d));
  PetscCall(VecAXPY(y, -2.0, p->ps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerObjectiveAndGradient(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Minimizer  *p = (Minimizer *)ctx;
  PetscScalar dot;
  PetscReal   norm;

  (void)tao;
  PetscFunctionBegin;
  PetscCall(MinimizerChain(p, x));
  PetscCall(VecPointwiseMult(p->u, p->a, p->r));
  PetscCall(VecDot(p->u, p->r, &dot));
  PetscCall(MinimizerPull(p, x, p->u, g));
  PetscCall(VecWAXPY(p->r, -1.0, p->t, x));
  PetscCall(VecNorm(p->r, NORM_2, &norm));
  PetscCall(VecAXPY(g, 1.0, p->r));
  PetscCall(VecScale(g, 2.0));
  *f = PetscRealPart(dot) + norm * norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = H d = 2 (S^T - 2 x) a (S - 2 x) d - 4 a r d + 2 d at p->at */
static inline PetscErrorCode MinimizerMult(Mat H, Vec d, Vec y)
{
  Minimizer *p;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(H, &p));
  PetscCall(MinimizerChain(p, p->at));
  PetscCall(MinimizerPush(p, p->at, d, p->u));
  PetscCall(VecPointwiseMult(p->u, p->u, p->a));
  PetscCall(MinimizerPull(p, p->at, p->u, y));
  PetscCall(VecPointwiseMult(p->u, p->a, p->r));
  PetscCall(VecPointwiseMult(p->u, p->u, d));
  PetscCall(VecAXPBYPCZ(y, -4.0, 2.0, 2.0, p->u, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* diagonal 2 S^T a + 8 a x^2 - 4 a r + 2, beside it -4 a x */
static inline PetscErrorCode MinimizerFillHessian(Minimizer *p, Vec x, Mat H)
{
  const PetscScalar *off, *diag;
  PetscInt           lo, hi;

  PetscFunctionBegin;
  PetscCall(MinimizerChain(p, x));
  PetscCall(MatMultTranspose(p->S, p->a, p->ps));
  PetscCall(VecScale(p->ps, 2.0));
  PetscCall(VecPointwiseMult(p->u, p->a, p->r));
  PetscCall(VecAXPY(p->ps, -4.0, p->u));
  PetscCall(VecPointwiseMult(p->u, p->a, x));
  PetscCall(VecPointwiseMult(p->r, p->u, x));
  PetscCall(VecAXPY(p->ps, 8.0, p->r));
  PetscCall(VecShift(p->ps, p->kind == HESSIAN_WRONG ? 3.0 : 2.0));
  PetscCall(VecScale(p->u, -4.0));
  PetscCall(MatZeroEntries(H));
  PetscCall(VecGetOwnershipRange(x, &lo, &hi));
  PetscCall(VecGetArrayRead(p->u, &off));
  PetscCall(VecGetArrayRead(p->ps, &diag));
  for (PetscInt i = lo; i < hi; i++) {
    PetscCall(MatSetValue(H, i, i, diag[i - lo], INSERT_VALUES));
    if (i < p->n - 1) PetscCall(MatSetValue(H, i, i + 1, off[i - lo], INSERT_VALUES));
    if (i < p->n - 1) PetscCall(MatSetValue(H, i + 1, i, off[i - lo], INSERT_VALUES));
  }
  PetscCall(VecRestoreArrayRead(p->u, &off));
  PetscCall(VecRestoreArrayRead(p->ps, &diag));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerHessian(Tao tao, Vec x, Mat H, Mat P, void *ctx)
{
  Minimizer *p = (Minimizer *)ctx;

  (void)tao;
  (void)P;
  PetscFunctionBegin;
  if (p->kind == HESSIAN_SHELL) {
    PetscCall(VecCopy(x, p->at));
    PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  } else
    PetscCall(MinimizerFillHessian(p, x, H));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Minimizer *p = (Minimizer *)ctx;

  (void)adj;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(MinimizerChain(p, x));
  PetscCall(MinimizerPush(p, x, w, p->u));
  PetscCall(VecPointwiseMult(p->u, p->u, p->r));
  PetscCall(VecPointwiseMult(p->u, p->u, p->a));
  PetscCall(VecScale(p->u, 2.0));
  PetscCall(MatMultTranspose(p->C, p->u, thetabar));
  PetscCall(VecCopy(w, p->u));
  PetscCall(VecScale(p->u, -2.0));
  PetscCall(MatMultTransposeAdd(p->B, p->u, thetabar, thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerFillMatrix(Mat A, PetscInt m, PetscInt seed, PetscReal scale)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < m; j++) PetscCall(MatSetValue(A, i, j, scale * Wave(seed, i, j), INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* S, and last */
static inline PetscErrorCode MinimizerFillShift(Minimizer *p)
{
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(p->S, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    if (i < p->n - 1) PetscCall(MatSetValue(p->S, i, i + 1, 1.0, INSERT_VALUES));
    PetscCall(VecSetValue(p->last, i, i < p->n - 1 ? 1.0 : 0.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(p->S, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(p->S, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(p->last));
  PetscCall(VecAssemblyEnd(p->last));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A Tao of its own for p, with its Hessian */
static inline PetscErrorCode MinimizerCreateTao(Minimizer *p, TaoType type, Vec x, Tao *tao)
{
  PetscFunctionBegin;
  PetscCall(TaoCreate(PetscObjectComm((PetscObject)p->x), tao));
  PetscCall(TaoSetType(*tao, type));
  PetscCall(TaoSetTolerances(*tao, 1e-10, 0.0, 0.0));
  PetscCall(TaoSetSolution(*tao, x));
  PetscCall(TaoSetObjectiveAndGradient(*tao, NULL, MinimizerObjectiveAndGradient, p));
  if (p->kind != HESSIAN_NONE) PetscCall(TaoSetHessian(*tao, p->H, p->H, MinimizerHessian, p));
  if (p->lower) PetscCall(TaoSetVariableBounds(*tao, p->lower, p->upper));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerCreate(PetscInt n, Layout xlayout, PetscInt m, Layout tlayout, HessianKind kind, TaoType type, Minimizer *p)
{
  MPI_Comm comm = PETSC_COMM_WORLD;
  PetscInt nl, ml;
  Vec     *vecs[] = {&p->a, &p->t, &p->last, &p->at, &p->r, &p->u, &p->ps, &p->v, &p->xdot};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  p->n    = n;
  p->m    = m;
  p->kind = kind;
  PetscCall(LayoutLocalSize(comm, xlayout, n, &nl));
  PetscCall(LayoutLocalSize(comm, tlayout, m, &ml));
  PetscCall(MatCreateFullAIJ(comm, nl, ml, n, m, &p->B));
  PetscCall(MatCreateFullAIJ(comm, nl, ml, n, m, &p->C));
  PetscCall(MatCreateAIJ(comm, nl, nl, n, n, 1, NULL, 1, NULL, &p->S));
  PetscCall(MinimizerFillMatrix(p->B, m, 3, 1.0));
  PetscCall(MinimizerFillMatrix(p->C, m, 4, 0.3));
  PetscCall(MatCreateVecs(p->B, &p->theta, &p->x));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(p->x, vecs[i]));
  PetscCall(VecDuplicate(p->theta, &p->thetadot));
  PetscCall(VecDuplicate(p->theta, &p->thetabar));
  PetscCall(MinimizerFillShift(p));
  PetscCall(VecSetWave(p->theta, 5));
  PetscCall(VecSetWave(p->v, 6));
  PetscCall(VecSetWave(p->thetadot, 7));
  if (kind == HESSIAN_SHELL) {
    PetscCall(MatCreateShell(comm, nl, nl, n, n, p, &p->H));
    PetscCall(MatShellSetOperation(p->H, MATOP_MULT, ADJShellFn(MinimizerMult)));
  } else if (kind != HESSIAN_NONE)
    PetscCall(MatCreateAIJ(comm, nl, nl, n, n, 3, NULL, 2, NULL, &p->H));
  PetscCall(MinimizerCreateTao(p, type, p->x, &p->tao));
  PetscCall(ADJCreate(comm, &p->adj));
  PetscCall(ADJSetTaoSolution(p->adj, p->tao));
  PetscCall(ADJSetParameters(p->adj, MinimizerPut, p));
  PetscCall(ADJSetParameterVJP(p->adj, MinimizerParameterVJP, p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode MinimizerDestroy(Minimizer *p)
{
  Vec *vecs[] = {&p->a, &p->t, &p->last, &p->at, &p->r, &p->u, &p->ps, &p->theta, &p->thetadot, &p->thetabar, &p->x, &p->xdot, &p->v, &p->lower, &p->upper};
  Mat *mats[] = {&p->S, &p->B, &p->C, &p->H};

  PetscFunctionBegin;
  PetscCall(ADJDestroy(&p->adj));
  PetscCall(TaoDestroy(&p->tao));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(mats); i++) PetscCall(MatDestroy(mats[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* slope = <v, x*' thetadot> by central differences, from minimizers of a Tao of its own that starts at p->x and converges to rounding */
static inline PetscErrorCode MinimizerSlope(Minimizer *p, PetscReal h, PetscReal *slope)
{
  Vec         theta, x;
  Tao         tao;
  PetscScalar value[2];

  PetscFunctionBegin;
  PetscCall(VecDuplicate(p->theta, &theta));
  PetscCall(VecDuplicate(p->x, &x));
  PetscCall(MinimizerCreateTao(p, p->lower ? (p->kind == HESSIAN_NONE ? TAOBLMVM : TAOBNLS) : (p->kind == HESSIAN_NONE ? TAOLMVM : TAONLS), x, &tao));
  PetscCall(TaoSetTolerances(tao, 1e-13, 0.0, 0.0));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecWAXPY(theta, i ? h : -h, p->thetadot, p->theta));
    PetscCall(MinimizerPut(NULL, theta, p));
    PetscCall(VecCopy(p->x, x));
    PetscCall(TaoSolve(tao));
    PetscCall(VecDot(x, p->v, &value[i]));
  }
  PetscCall(MinimizerPut(NULL, p->theta, p));
  *slope = PetscRealPart(value[1] - value[0]) / (2.0 * h);
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
