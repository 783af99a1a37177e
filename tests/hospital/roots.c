/*
   x_i^2 = theta_i: as a root, as a fixed point x - (x^2 - theta)/4, and as a step of Newton's method (x + theta/x)/2.
*/
#include "hospital.h"

typedef enum { ROOT,
               DAMPED,
               NEWTON } Kind;

typedef struct {
  Kind kind;
  ADJ  adj;
  Vec  theta, x, v, thetabar, a, b; /* a, b: dF/dx and dF/dtheta, diagonal */
} Roots;

static PetscErrorCode Slopes(Roots *p, Vec x, Vec theta)
{
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, p->a));
  if (p->kind == NEWTON) { /* (1 - theta/x^2)/2, 1/(2 x) */
    PetscCall(VecReciprocal(p->a));
    PetscCall(VecCopy(p->a, p->b));
    PetscCall(VecScale(p->b, 0.5));
    PetscCall(VecPointwiseMult(p->a, p->a, p->a));
    PetscCall(VecPointwiseMult(p->a, p->a, theta));
    PetscCall(VecScale(p->a, -0.5));
    PetscCall(VecShift(p->a, 0.5));
  } else {
    PetscCall(VecScale(p->a, p->kind == ROOT ? 2.0 : -0.5));
    if (p->kind == DAMPED) PetscCall(VecShift(p->a, 1.0));
    PetscCall(VecSet(p->b, p->kind == ROOT ? -1.0 : 0.25));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Roots *p = (Roots *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  if (p->kind == NEWTON) {
    PetscCall(VecPointwiseDivide(y, theta, x));
    PetscCall(VecAXPY(y, 1.0, x));
    PetscCall(VecScale(y, 0.5));
  } else {
    PetscCall(VecPointwiseMult(y, x, x));
    PetscCall(VecAXPY(y, -1.0, theta));
    if (p->kind == DAMPED) PetscCall(VecAYPX(y, -0.25, x));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Roots *p = (Roots *)ctx;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Slopes(p, x, theta));
  PetscCall(VecConjugate(p->a));
  PetscCall(VecConjugate(p->b));
  if (xbar) PetscCall(VecPointwiseMult(xbar, p->a, w));
  if (thetabar) PetscCall(VecPointwiseMult(thetabar, p->b, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsCreate(Roots *p)
{
  Vec     *vecs[] = {&p->x, &p->v, &p->thetabar, &p->a, &p->b};
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 6, &p->theta));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(p->theta, vecs[i]));
  PetscCall(VecGetOwnershipRange(p->theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(p->theta, i, 1.0 + (PetscReal)i / 6.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(p->theta));
  PetscCall(VecAssemblyEnd(p->theta));
  PetscCall(VecSet(p->x, 1.2));
  PetscCall(VecSetWave(p->v, 6));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &p->adj));
  if (p->kind == ROOT)
    PetscCall(ADJSetResidual(p->adj, Map, p));
  else
    PetscCall(ADJSetFixedPoint(p->adj, Map, p));
  PetscCall(ADJSetVJP(p->adj, VJP, p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSetTrustAction(p->adj, ADJ_TRUST_ACTION_IGNORE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RootsDestroy(Roots *p)
{
  Vec *vecs[] = {&p->theta, &p->x, &p->v, &p->thetabar, &p->a, &p->b};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&p->adj));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = v/(2 sqrt(theta)) */
static PetscErrorCode RunRoots(Kind kind, Result *r)
{
  Roots p;

  PetscFunctionBeginUser;
  p.kind = kind;
  PetscCall(RootsCreate(&p));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJGetTrustReport(p.adj, &r->report));
  PetscCall(VecSqrtAbs(p.theta));
  PetscCall(VecPointwiseDivide(p.v, p.v, p.theta));
  PetscCall(VecScale(p.v, 0.5));
  PetscCall(VecDistance(p.thetabar, p.v, &r->error));
  PetscCall(RootsDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode RunSquareRoot(const Patient *patient, Result *r)
{
  PetscFunctionBeginUser;
  PetscCall(RunRoots(patient->residual ? ROOT : DAMPED, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode RunNewtonStep(const Patient *patient, Result *r)
{
  (void)patient;
  PetscFunctionBeginUser;
  PetscCall(RunRoots(NEWTON, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}
