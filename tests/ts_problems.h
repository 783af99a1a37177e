/*
   A reaction-diffusion equation on a line, u = 0 at both ends, N interior points,

       u_t = D u_xx - r u^3 + a s(x) c(t),   s = 1 + x,   c = 1, or cos(2 pi t/T)

   with parameters theta = (D, r, a) that the callbacks of the TS read from the application's context. In explicit form
   (TSSetRHSFunction and so on), in implicit form, or by local functions on the DMDA.
*/
#ifndef CONTRAGRAD_TS_PROBLEMS_H
#define CONTRAGRAD_TS_PROBLEMS_H

#include "problems.h"

typedef enum { FORM_RHS,
               FORM_IFUNCTION,
               FORM_LOCAL_RHS,
               FORM_LOCAL_IFUNCTION } FlowForm;

typedef struct {
  PetscInt    N;
  FlowForm    form;
  PetscBool   bare;   /* nothing tells the TS the derivative in theta */
  PetscReal   period; /* of the forcing; 0: constant */
  PetscScalar p[3];
  PetscInt    calls, failat; /* of the right-hand side on vectors; it fails at this one, if positive */
  DM          da;
  TS          ts;
  Mat         J, Jp;
  VecScatter  scatter;
  Vec         all;
  ADJ         adj;
  Vec         x, theta, thetadot, thetabar, v;
} Flow;

static inline PetscReal FlowForcing(const Flow *f, PetscReal t)
{
  return f->period > 0.0 ? PetscCosReal(2.0 * PETSC_PI * t / f->period) : 1.0;
}

/* y = D u_xx - r u^3 + a s c, on the own points of arrays with ghosts */
static inline PetscErrorCode FlowRHSLocal(DMDALocalInfo *info, PetscReal t, void *au, void *ay, void *ctx)
{
  const Flow        *f = (const Flow *)ctx;
  const PetscScalar *u = (const PetscScalar *)au;
  PetscScalar       *y = (PetscScalar *)ay;
  const PetscReal    h = 1.0 / (info->mx + 1), c = FlowForcing(f, t);

  PetscFunctionBegin;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    const PetscScalar left = i > 0 ? u[i - 1] : 0.0, right = i < info->mx - 1 ? u[i + 1] : 0.0;

    y[i] = f->p[0] * (left - 2.0 * u[i] + right) / (h * h) - f->p[1] * u[i] * u[i] * u[i] + f->p[2] * (1.0 + (i + 1) * h) * c;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P = shift I - dy/du */
static inline PetscErrorCode FlowJacobianLocal(DMDALocalInfo *info, void *au, PetscReal shift, PetscReal sign, Mat P, void *ctx)
{
  const Flow        *f = (const Flow *)ctx;
  const PetscScalar *u = (const PetscScalar *)au;
  const PetscReal    h = 1.0 / (info->mx + 1);

  PetscFunctionBegin;
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
    const PetscScalar d      = sign * f->p[0] / (h * h);
    MatStencil        row    = {0, 0, i, 0}, col[3];
    PetscScalar       val[3] = {d, shift - 2.0 * d - sign * 3.0 * f->p[1] * u[i] * u[i], d};

    for (PetscInt k = 0; k < 3; k++) {
      col[k]   = row;
      col[k].i = i - 1 + k;
    }
    PetscCall(MatSetValuesStencil(P, 1, &row, i < info->mx - 1 ? (i > 0 ? 3 : 2) : 2, i > 0 ? col : col + 1, i > 0 ? val : val + 1, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowRHSJacobianLocal(DMDALocalInfo *info, PetscReal t, void *u, Mat A, Mat P, void *ctx)
{
  (void)t;
  PetscFunctionBegin;
  PetscCall(FlowJacobianLocal(info, u, 0.0, 1.0, P, ctx));
  if (A != P) {
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowIFunctionLocal(DMDALocalInfo *info, PetscReal t, void *u, void *udot, void *y, void *ctx)
{
  const PetscScalar *d = (const PetscScalar *)udot;
  PetscScalar       *r = (PetscScalar *)y;

  PetscFunctionBegin;
  PetscCall(FlowRHSLocal(info, t, u, y, ctx));
  for (PetscInt i = info->xs; i < info->xs + info->xm; i++) r[i] = d[i] - r[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowIJacobianLocal(DMDALocalInfo *info, PetscReal t, void *u, void *udot, PetscReal shift, Mat A, Mat P, void *ctx)
{
  (void)t;
  (void)udot;
  PetscFunctionBegin;
  PetscCall(FlowJacobianLocal(info, u, shift, -1.0, P, ctx));
  if (A != P) {
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same on vectors */
static inline PetscErrorCode FlowRHS(TS ts, PetscReal t, Vec U, Vec Y, void *ctx)
{
  Flow         *f = (Flow *)ctx;
  DMDALocalInfo info;
  Vec           local;
  void         *u, *y;

  (void)ts;
  PetscFunctionBegin;
  f->calls++;
  PetscCheck(f->calls != f->failat, PETSC_COMM_WORLD, PETSC_ERR_USER, "As it was told to");
  PetscCall(DMDAGetLocalInfo(f->da, &info));
  PetscCall(DMGetLocalVector(f->da, &local));
  PetscCall(DMGlobalToLocal(f->da, U, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(f->da, local, &u));
  PetscCall(DMDAVecGetArray(f->da, Y, &y));
  PetscCall(FlowRHSLocal(&info, t, u, y, f));
  PetscCall(DMDAVecRestoreArrayRead(f->da, local, &u));
  PetscCall(DMDAVecRestoreArray(f->da, Y, &y));
  PetscCall(DMRestoreLocalVector(f->da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowIFunction(TS ts, PetscReal t, Vec U, Vec Udot, Vec Y, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(FlowRHS(ts, t, U, Y, ctx));
  PetscCall(VecAYPX(Y, -1.0, Udot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowJacobian(Flow *f, Vec U, PetscReal shift, PetscReal sign, Mat P)
{
  DMDALocalInfo info;
  void         *u;

  PetscFunctionBegin;
  PetscCall(DMDAGetLocalInfo(f->da, &info));
  PetscCall(DMDAVecGetArrayRead(f->da, U, &u));
  PetscCall(FlowJacobianLocal(&info, u, shift, sign, P, f));
  PetscCall(DMDAVecRestoreArrayRead(f->da, U, &u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowRHSJacobian(TS ts, PetscReal t, Vec U, Mat A, Mat P, void *ctx)
{
  (void)ts;
  (void)t;
  (void)A;
  PetscFunctionBegin;
  PetscCall(FlowJacobian((Flow *)ctx, U, 0.0, 1.0, P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowIJacobian(TS ts, PetscReal t, Vec U, Vec Udot, PetscReal shift, Mat A, Mat P, void *ctx)
{
  (void)ts;
  (void)t;
  (void)Udot;
  (void)A;
  PetscFunctionBegin;
  PetscCall(FlowJacobian((Flow *)ctx, U, shift, -1.0, P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the right-hand side, in theta */
static inline PetscErrorCode FlowRHSJacobianP(TS ts, PetscReal t, Vec U, Mat P, void *ctx)
{
  Flow              *f = (Flow *)ctx;
  DMDALocalInfo      info;
  Vec                local;
  const PetscScalar *u;
  PetscReal          h;
  const PetscReal    c    = FlowForcing(f, t);
  const PetscInt     j[3] = {0, 1, 2};

  (void)ts;
  PetscFunctionBegin;
  PetscCall(DMDAGetLocalInfo(f->da, &info));
  h = 1.0 / (info.mx + 1);
  PetscCall(DMGetLocalVector(f->da, &local));
  PetscCall(DMGlobalToLocal(f->da, U, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(f->da, local, &u));
  for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
    const PetscScalar left = i > 0 ? u[i - 1] : 0.0, right = i < info.mx - 1 ? u[i + 1] : 0.0;
    const PetscScalar val[3] = {(left - 2.0 * u[i] + right) / (h * h), -u[i] * u[i] * u[i], (1.0 + (i + 1) * h) * c};

    PetscCall(MatSetValues(P, 1, &i, 3, j, val, INSERT_VALUES));
  }
  PetscCall(DMDAVecRestoreArrayRead(f->da, local, &u));
  PetscCall(DMRestoreLocalVector(f->da, &local));
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the implicit form */
static inline PetscErrorCode FlowIJacobianP(TS ts, PetscReal t, Vec U, Vec Udot, PetscReal shift, Mat P, void *ctx)
{
  (void)Udot;
  (void)shift;
  PetscFunctionBegin;
  PetscCall(FlowRHSJacobianP(ts, t, U, P, ctx));
  PetscCall(MatScale(P, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta to where the callbacks read it */
static inline PetscErrorCode FlowPut(ADJ adj, Vec theta, void *ctx)
{
  Flow              *f = (Flow *)ctx;
  const PetscScalar *all;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(VecScatterBegin(f->scatter, theta, f->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(f->scatter, theta, f->all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(f->all, &all));
  for (PetscInt i = 0; i < 3; i++) f->p[i] = all[i];
  PetscCall(VecRestoreArrayRead(f->all, &all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowSetForm(Flow *f, FlowForm form)
{
  PetscFunctionBegin;
  if (form == FORM_RHS) {
    PetscCall(TSSetRHSFunction(f->ts, NULL, FlowRHS, f));
    PetscCall(TSSetRHSJacobian(f->ts, f->J, f->J, FlowRHSJacobian, f));
  } else if (form == FORM_IFUNCTION) {
    PetscCall(TSSetIFunction(f->ts, NULL, FlowIFunction, f));
    PetscCall(TSSetIJacobian(f->ts, f->J, f->J, FlowIJacobian, f));
  } else {
    PetscCall(TSSetDM(f->ts, f->da));
    if (form == FORM_LOCAL_RHS) {
      PetscCall(DMDATSSetRHSFunctionLocal(f->da, INSERT_VALUES, FlowRHSLocal, f));
      PetscCall(DMDATSSetRHSJacobianLocal(f->da, FlowRHSJacobianLocal, f));
    } else {
      PetscCall(DMDATSSetIFunctionLocal(f->da, INSERT_VALUES, FlowIFunctionLocal, f));
      PetscCall(DMDATSSetIJacobianLocal(f->da, FlowIJacobianLocal, f));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without the ADJ. The parameters lie as `layout` says; initial state and cotangent are waves */
static inline PetscErrorCode FlowCreate(PetscInt N, FlowForm form, TSType type, PetscReal end, PetscReal step, Layout layout, Flow *f)
{
  const PetscScalar p[3] = {0.05, 0.8, 1.5};
  PetscInt          n, lo, hi;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(f, sizeof(*f)));
  f->N    = N;
  f->form = form;
  for (PetscInt i = 0; i < 3; i++) f->p[i] = p[i];
  PetscCall(DMDACreate1d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, N, 1, 1, NULL, &f->da));
  PetscCall(DMSetUp(f->da));
  PetscCall(DMCreateGlobalVector(f->da, &f->x));
  PetscCall(VecDuplicate(f->x, &f->v));
  PetscCall(VecSetWave(f->v, 2));
  PetscCall(VecSetWave(f->x, 1));
  PetscCall(DMCreateMatrix(f->da, &f->J));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, 3, &n));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, n, 3, &f->theta));
  PetscCall(VecDuplicate(f->theta, &f->thetabar));
  PetscCall(VecDuplicate(f->theta, &f->thetadot));
  PetscCall(VecSetWave(f->thetadot, 4));
  PetscCall(VecGetOwnershipRange(f->theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(f->theta, i, p[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(f->theta));
  PetscCall(VecAssemblyEnd(f->theta));
  PetscCall(VecScatterCreateToAll(f->theta, &f->scatter, &f->all));
  PetscCall(VecGetLocalSize(f->x, &n));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, n, hi - lo, N, 3, 3, NULL, 3, NULL, &f->Jp));
  PetscCall(TSCreate(PETSC_COMM_WORLD, &f->ts));
  PetscCall(FlowSetForm(f, form));
  PetscCall(TSSetType(f->ts, type));
  PetscCall(TSSetMaxTime(f->ts, end));
  PetscCall(TSSetTimeStep(f->ts, step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After all settings of the TS; options of the ADJ come later */
static inline PetscErrorCode FlowCreateADJ(Flow *f)
{
  PetscFunctionBegin;
  if (f->form == FORM_IFUNCTION && !f->bare)
    PetscCall(TSSetIJacobianP(f->ts, f->Jp, FlowIJacobianP, f));
  else if (!f->bare)
    PetscCall(TSSetRHSJacobianP(f->ts, f->Jp, FlowRHSJacobianP, f));
  PetscCall(TSSetFromOptions(f->ts));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &f->adj));
  PetscCall(ADJSetTS(f->adj, f->ts));
  PetscCall(ADJSetParameters(f->adj, FlowPut, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowDestroy(Flow *f)
{
  PetscFunctionBegin;
  PetscCall(ADJDestroy(&f->adj));
  PetscCall(TSDestroy(&f->ts));
  PetscCall(MatDestroy(&f->J));
  PetscCall(MatDestroy(&f->Jp));
  PetscCall(VecScatterDestroy(&f->scatter));
  PetscCall(VecDestroy(&f->all));
  PetscCall(VecDestroy(&f->x));
  PetscCall(VecDestroy(&f->v));
  PetscCall(VecDestroy(&f->theta));
  PetscCall(VecDestroy(&f->thetadot));
  PetscCall(VecDestroy(&f->thetabar));
  PetscCall(DMDestroy(&f->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
