/*
   An existing PETSc code, which knows nothing of ADJ: convection, diffusion and reaction on the unit square,

       -laplace(u) + theta_1 u du/dx - theta_0 e^u = theta_2 s(x, y),   u = 0 on the boundary,

   on a DMDA with a SNES. The three parameters stand in its context. Symmetric if theta_1 = 0. And its gradient by hand: a tight
   Newton solve with LU, an explicitly transposed Jacobian, LU.
*/
#ifndef CONTRAGRAD_REACTION_H
#define CONTRAGRAD_REACTION_H

#include <contragrad.h>
#include "tap.h"

#define REACTION_M 3

typedef struct {
  PetscScalar p[REACTION_M];
  SNES        snes;
  PetscInt    functions, jacobians, puts; /* calls */
  PetscInt    failing;                    /* the function fails from this call on; 0: never */
  PetscBool   outside;                    /* by SNESSetFunctionDomainError(), not by an error */
  PetscReal   scale;                      /* of the Jacobian: 1, or it is wrong */
  Vec         theta;
} Reaction;

static inline PetscScalar ReactionSource(PetscReal x, PetscReal y)
{
  return 20.0 * x * (1.0 - y) + 3.0 * PetscSinReal(5.0 * x);
}

static inline PetscBool ReactionInside(const DMDALocalInfo *info, PetscInt i, PetscInt j)
{
  return (PetscBool)(i > 0 && j > 0 && i < info->mx - 1 && j < info->my - 1);
}

/* The boundary is zero, whatever stands there */
static inline PetscScalar ReactionAt(const DMDALocalInfo *info, PetscScalar **u, PetscInt i, PetscInt j)
{
  return ReactionInside(info, i, j) ? u[j][i] : 0.0;
}

static inline PetscErrorCode ReactionFunction(DMDALocalInfo *info, PetscScalar **u, PetscScalar **f, void *ctx)
{
  Reaction       *r = (Reaction *)ctx;
  const PetscReal h = 1.0 / (PetscReal)(info->mx - 1);

  PetscFunctionBeginUser;
  r->functions++;
  if (r->failing && r->functions >= r->failing) {
    PetscCheck(r->outside, PETSC_COMM_SELF, PETSC_ERR_USER_INPUT, "The function was told to fail");
    PetscCall(SNESSetFunctionDomainError(r->snes));
  }
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      PetscScalar W, E, S, N;

      f[j][i] = u[j][i];
      if (!ReactionInside(info, i, j)) continue;
      W       = ReactionAt(info, u, i - 1, j);
      E       = ReactionAt(info, u, i + 1, j);
      S       = ReactionAt(info, u, i, j - 1);
      N       = ReactionAt(info, u, i, j + 1);
      f[j][i] = 4.0 * u[j][i] - W - E - S - N + 0.5 * h * r->p[1] * u[j][i] * (E - W) - h * h * (r->p[0] * PetscExpScalar(u[j][i]) + r->p[2] * ReactionSource(i * h, j * h));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ReactionJacobian(DMDALocalInfo *info, PetscScalar **u, Mat A, Mat P, void *ctx)
{
  Reaction       *r = (Reaction *)ctx;
  const PetscReal h = 1.0 / (PetscReal)(info->mx - 1);

  PetscFunctionBeginUser;
  r->jacobians++;
  PetscCall(MatZeroEntries(P));
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      const PetscInt di[] = {-1, 1, 0, 0}, dj[] = {0, 0, -1, 1};
      MatStencil     row = {0, j, i, 0}, col[5];
      PetscScalar    v[5];
      PetscInt       n = 1;

      col[0] = row;
      v[0]   = 1.0;
      if (ReactionInside(info, i, j)) {
        v[0] = 4.0 + 0.5 * h * r->p[1] * (ReactionAt(info, u, i + 1, j) - ReactionAt(info, u, i - 1, j)) - h * h * r->p[0] * PetscExpScalar(u[j][i]);
        for (PetscInt k = 0; k < 4; k++) {
          if (!ReactionInside(info, i + di[k], j + dj[k])) continue;
          col[n].k = col[n].c = 0;
          col[n].i            = i + di[k];
          col[n].j            = j + dj[k];
          v[n++]              = r->scale * (-1.0 + 0.5 * h * r->p[1] * u[j][i] * (PetscReal)di[k]);
        }
      }
      PetscCall(MatSetValuesStencil(P, 1, &row, n, col, v, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  if (A != P) {
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n x n points; parameters of which the last process owns all */
static inline PetscErrorCode ReactionCreate(MPI_Comm comm, PetscInt n, PetscReal convection, Reaction *r)
{
  const PetscScalar p[REACTION_M] = {3.0, convection, 1.0};
  PetscMPIInt       rank, size;
  DM                da;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(r, sizeof(*r)));
  r->scale = 1.0;
  for (PetscInt k = 0; k < REACTION_M; k++) r->p[k] = p[k];
  PetscCall(DMDACreate2d(comm, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMDASNESSetFunctionLocal(da, INSERT_VALUES, (ADJDMDAFunctionFn *)ReactionFunction, r));
  PetscCall(DMDASNESSetJacobianLocal(da, (PetscErrorCode(*)(DMDALocalInfo *, void *, Mat, Mat, void *))ReactionJacobian, r));
  PetscCall(SNESCreate(comm, &r->snes));
  PetscCall(SNESSetDM(r->snes, da));
  PetscCall(DMDestroy(&da));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(VecCreateMPI(comm, rank == size - 1 ? REACTION_M : 0, REACTION_M, &r->theta));
  for (PetscInt k = 0; k < REACTION_M; k++) PetscCall(VecSetValue(r->theta, k, p[k], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(r->theta));
  PetscCall(VecAssemblyEnd(r->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ReactionDestroy(Reaction *r)
{
  PetscFunctionBeginUser;
  PetscCall(SNESDestroy(&r->snes));
  PetscCall(VecDestroy(&r->theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ----------------------------- The added lines: parameters and their product ----------------------------- */

static inline PetscErrorCode ReactionPut(ADJ adj, Vec theta, void *ctx)
{
  Reaction          *r = (Reaction *)ctx;
  VecScatter         scatter;
  Vec                all;
  const PetscScalar *p;

  (void)adj;
  PetscFunctionBeginUser;
  r->puts++;
  PetscCall(VecScatterCreateToAll(theta, &scatter, &all));
  PetscCall(VecScatterBegin(scatter, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, theta, all, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(all, &p));
  for (PetscInt k = 0; k < REACTION_M; k++) r->p[k] = p[k];
  PetscCall(VecRestoreArrayRead(all, &p));
  PetscCall(VecDestroy(&all));
  PetscCall(VecScatterDestroy(&scatter));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ReactionParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Reaction     *r               = (Reaction *)ctx;
  PetscScalar   sum[REACTION_M] = {0.0, 0.0, 0.0}, **u, **v;
  DMDALocalInfo info;
  DM            da;
  Vec           local;
  PetscReal     h;
  PetscInt      lo, hi;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(SNESGetDM(r->snes, &da));
  PetscCall(DMDAGetLocalInfo(da, &info));
  h = 1.0 / (PetscReal)(info.mx - 1);
  PetscCall(DMGetLocalVector(da, &local));
  PetscCall(DMGlobalToLocal(da, x, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(da, local, &u));
  PetscCall(DMDAVecGetArrayRead(da, w, &v));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      if (!ReactionInside(&info, i, j)) continue;
      sum[0] += PetscConj(-h * h * PetscExpScalar(u[j][i])) * v[j][i];
      sum[1] += PetscConj(0.5 * h * u[j][i] * (ReactionAt(&info, u, i + 1, j) - ReactionAt(&info, u, i - 1, j))) * v[j][i];
      sum[2] += PetscConj(-h * h * ReactionSource(i * h, j * h)) * v[j][i];
    }
  }
  PetscCall(DMDAVecRestoreArrayRead(da, w, &v));
  PetscCall(DMDAVecRestoreArrayRead(da, local, &u));
  PetscCall(DMRestoreLocalVector(da, &local));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, REACTION_M, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)da)));
  PetscCall(VecGetOwnershipRange(thetabar, &lo, &hi));
  for (PetscInt k = lo; k < hi; k++) PetscCall(VecSetValue(thetabar, k, sum[k], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(thetabar));
  PetscCall(VecAssemblyEnd(thetabar));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The Jacobian in a matrix of its own, whatever the SNES has */
static inline PetscErrorCode ReactionCreateJacobian(Reaction *r, Vec x, Mat *J)
{
  DM              da;
  Vec             local;
  DMDALocalInfo   info;
  PetscScalar   **u;
  const PetscReal scale = r->scale;
  const PetscInt  calls = r->jacobians;

  PetscFunctionBeginUser;
  PetscCall(SNESGetDM(r->snes, &da));
  PetscCall(DMDAGetLocalInfo(da, &info));
  PetscCall(DMCreateMatrix(da, J));
  PetscCall(DMGetLocalVector(da, &local));
  PetscCall(DMGlobalToLocal(da, x, INSERT_VALUES, local));
  PetscCall(DMDAVecGetArrayRead(da, local, &u));
  r->scale = 1.0;
  PetscCall(ReactionJacobian(&info, u, *J, *J, r));
  r->scale     = scale;
  r->jacobians = calls;
  PetscCall(DMDAVecRestoreArrayRead(da, local, &u));
  PetscCall(DMRestoreLocalVector(da, &local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For ADJSetVJP(): both products */
static inline PetscErrorCode ReactionVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Mat J;

  PetscFunctionBeginUser;
  if (xbar) {
    PetscCall(ReactionCreateJacobian((Reaction *)ctx, x, &J));
    PetscCall(MatMultHermitianTranspose(J, w, xbar));
    PetscCall(MatDestroy(&J));
  }
  if (thetabar) PetscCall(ReactionParameterVJP(adj, x, theta, w, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ReactionCreateADJ(Reaction *r, ADJ *adj)
{
  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PetscObjectComm((PetscObject)r->snes), adj));
  PetscCall(ADJSetSNES(*adj, r->snes));
  PetscCall(ADJSetParameters(*adj, ReactionPut, r));
  PetscCall(ADJSetParameterVJP(*adj, ReactionParameterVJP, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -------------------------------------------- The answer by hand -------------------------------------------- */

/* A cotangent that is the same for every number of processes */
static inline PetscErrorCode ReactionCotangent(DM da, Vec *xbar)
{
  DMDALocalInfo info;
  PetscScalar **v;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(da, &info));
  PetscCall(DMCreateGlobalVector(da, xbar));
  PetscCall(DMDAVecGetArray(da, *xbar, &v));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) v[j][i] = PetscCosReal(7.0 * (PetscReal)i / (PetscReal)info.mx) + (PetscReal)j / (PetscReal)info.my;
  }
  PetscCall(DMDAVecRestoreArray(da, *xbar, &v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* LU of everything on each process */
static inline PetscErrorCode ReactionUseLU(KSP ksp)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCREDUNDANT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x: initial guess in, solution to rounding level out, by a SNES that nobody else knows */
static inline PetscErrorCode ReactionSolveTightly(Reaction *r, Vec x)
{
  Reaction own = *r;
  DM       da, fresh;
  KSP      ksp;

  PetscFunctionBeginUser;
  own.failing = 0;
  own.scale   = 1.0;
  PetscCall(SNESGetDM(r->snes, &da));
  PetscCall(DMClone(da, &fresh));
  PetscCall(DMDASNESSetFunctionLocal(fresh, INSERT_VALUES, (ADJDMDAFunctionFn *)ReactionFunction, &own));
  PetscCall(DMDASNESSetJacobianLocal(fresh, (PetscErrorCode(*)(DMDALocalInfo *, void *, Mat, Mat, void *))ReactionJacobian, &own));
  PetscCall(SNESCreate(PetscObjectComm((PetscObject)da), &own.snes));
  PetscCall(SNESSetDM(own.snes, fresh));
  PetscCall(SNESSetTolerances(own.snes, 1e-12, 1e-14, 0.0, 50, 10000));
  PetscCall(SNESGetKSP(own.snes, &ksp));
  PetscCall(ReactionUseLU(ksp));
  PetscCall(SNESSolve(own.snes, NULL, x));
  PetscCall(SNESDestroy(&own.snes));
  PetscCall(DMDestroy(&fresh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* thetabar = -(dR/dtheta)^T (dR/dx)^{-T} xbar at the solution near x, by hand */
static inline PetscErrorCode ReactionReference(Reaction *r, Vec x, Vec xbar, Vec thetabar)
{
  Mat J, JT;
  Vec u, w;
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, &u));
  PetscCall(VecDuplicate(x, &w));
  PetscCall(VecCopy(x, u));
  PetscCall(ReactionSolveTightly(r, u));
  PetscCall(ReactionCreateJacobian(r, u, &J));
  PetscCall(MatHermitianTranspose(J, MAT_INITIAL_MATRIX, &JT));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)J), &ksp));
  PetscCall(KSPSetOperators(ksp, JT, JT));
  PetscCall(ReactionUseLU(ksp));
  PetscCall(KSPSolve(ksp, xbar, w));
  PetscCall(ReactionParameterVJP(NULL, u, NULL, w, thetabar, r));
  PetscCall(VecScale(thetabar, -1.0));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&JT));
  PetscCall(VecDestroy(&u));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asserts |got - expected| <= tol |expected| */
static inline PetscErrorCode ReactionTapGradient(Vec got, Vec expected, PetscReal tol, const char what[])
{
  Vec       d;
  PetscReal norm, diff;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(got, &d));
  PetscCall(VecWAXPY(d, -1.0, expected, got));
  PetscCall(VecNorm(d, NORM_2, &diff));
  PetscCall(VecNorm(expected, NORM_2, &norm));
  PetscCall(VecDestroy(&d));
  PetscCall(TapBelow(diff / norm, tol, "%s: the gradient is that by hand", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options for what is created and solved in between; all must be used */
static inline PetscErrorCode ReactionPushOptions(const char text[], PetscOptions *options)
{
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsCreate(options));
  PetscCall(PetscOptionsInsertString(*options, text));
  PetscCall(PetscOptionsPush(*options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode ReactionPopOptions(PetscOptions *options, const char what[])
{
  PetscInt left;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsAllUsed(*options, &left));
  PetscCall(TapOk((PetscBool)(left == 0), "%s: all options were used", what));
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
