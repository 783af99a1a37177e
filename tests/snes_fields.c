static char help[] = "A borrowed SNES whose function reads a field of parameters where the user keeps it: composed with the DM, or with ghosts.\n\n";

/*
   nsize: 1 2 4
*/
#include "reaction.h"

#define SIZE 8
#define STEP 1e-4

/* -div(k grad u) + u^3 = s, u = 0 on the boundary, with k between two points the mean of theirs */
typedef struct {
  SNES      snes;
  DM        da;
  Vec       ghosted; /* k with ghosts; NULL: it is composed with the DM, without */
  Vec       x, xbar, theta, thetabar;
  PetscBool composed;
} Code;

static const PetscInt DI[] = {1, -1, 0, 0}, DJ[] = {0, 0, 1, -1};

/* k with ghosts, for reading */
static PetscErrorCode GetField(Code *c, DM da, Vec *local, PetscScalar ***k)
{
  Vec field;

  PetscFunctionBeginUser;
  if (c->composed) {
    PetscCall(PetscObjectQuery((PetscObject)da, "conductivity", (PetscObject *)&field));
    PetscCall(DMGetLocalVector(da, local));
    PetscCall(DMGlobalToLocal(da, field, INSERT_VALUES, *local));
  } else
    *local = c->ghosted;
  PetscCall(DMDAVecGetArrayRead(da, *local, k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RestoreField(Code *c, DM da, Vec *local, PetscScalar ***k)
{
  PetscFunctionBeginUser;
  PetscCall(DMDAVecRestoreArrayRead(da, *local, k));
  if (c->composed) PetscCall(DMRestoreLocalVector(da, local));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Function(DMDALocalInfo *info, PetscScalar **u, PetscScalar **f, void *ctx)
{
  Code           *c = (Code *)ctx;
  const PetscReal h = 1.0 / (PetscReal)(info->mx - 1);
  Vec             local;
  PetscScalar   **k;

  PetscFunctionBeginUser;
  PetscCall(GetField(c, info->da, &local, &k));
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      f[j][i] = u[j][i];
      if (!ReactionInside(info, i, j)) continue;
      f[j][i] = h * h * (u[j][i] * u[j][i] * u[j][i] - ReactionSource(i * h, j * h));
      for (PetscInt n = 0; n < 4; n++) f[j][i] += 0.5 * (k[j][i] + k[j + DJ[n]][i + DI[n]]) * (u[j][i] - ReactionAt(info, u, i + DI[n], j + DJ[n]));
    }
  }
  PetscCall(RestoreField(c, info->da, &local, &k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Jacobian(DMDALocalInfo *info, PetscScalar **u, Mat A, Mat P, void *ctx)
{
  Code           *c = (Code *)ctx;
  const PetscReal h = 1.0 / (PetscReal)(info->mx - 1);
  Vec             local;
  PetscScalar   **k;

  (void)A;
  PetscFunctionBeginUser;
  PetscCall(GetField(c, info->da, &local, &k));
  PetscCall(MatZeroEntries(P));
  for (PetscInt j = info->ys; j < info->ys + info->ym; j++) {
    for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
      MatStencil  row = {0, j, i, 0}, col = row;
      PetscScalar v = 1.0;

      if (ReactionInside(info, i, j)) {
        v = 3.0 * h * h * u[j][i] * u[j][i];
        for (PetscInt n = 0; n < 4; n++) {
          const PetscScalar mean = 0.5 * (k[j][i] + k[j + DJ[n]][i + DI[n]]), off = -mean;

          v += mean;
          col.i = i + DI[n];
          col.j = j + DJ[n];
          if (ReactionInside(info, col.i, col.j)) PetscCall(MatSetValuesStencil(P, 1, &row, 1, &col, &off, INSERT_VALUES));
        }
      }
      PetscCall(MatSetValuesStencil(P, 1, &row, 1, &row, &v, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(P, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(P, MAT_FINAL_ASSEMBLY));
  PetscCall(RestoreField(c, info->da, &local, &k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is added: theta to where it is read */
static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
{
  Code *c = (Code *)ctx;
  Vec   field;

  (void)adj;
  PetscFunctionBeginUser;
  if (c->composed) {
    PetscCall(PetscObjectQuery((PetscObject)c->da, "conductivity", (PetscObject *)&field));
    PetscCall(VecCopy(theta, field));
  } else
    PetscCall(DMGlobalToLocal(c->da, theta, INSERT_VALUES, c->ghosted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* And the product, with the ghosts' shares sent home */
static PetscErrorCode ParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  Code         *c = (Code *)ctx;
  DMDALocalInfo info;
  Vec           xlocal, klocal;
  PetscScalar **u, **y, **k;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMGetLocalVector(c->da, &xlocal));
  PetscCall(DMGetLocalVector(c->da, &klocal));
  PetscCall(DMGlobalToLocal(c->da, x, INSERT_VALUES, xlocal));
  PetscCall(VecSet(klocal, 0.0));
  PetscCall(DMDAVecGetArrayRead(c->da, xlocal, &u));
  PetscCall(DMDAVecGetArrayRead(c->da, w, &y));
  PetscCall(DMDAVecGetArray(c->da, klocal, &k));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) {
      for (PetscInt n = 0; n < 4 && ReactionInside(&info, i, j); n++) {
        const PetscScalar share = 0.5 * PetscConj(u[j][i] - ReactionAt(&info, u, i + DI[n], j + DJ[n])) * y[j][i];

        k[j][i] += share;
        k[j + DJ[n]][i + DI[n]] += share;
      }
    }
  }
  PetscCall(DMDAVecRestoreArray(c->da, klocal, &k));
  PetscCall(DMDAVecRestoreArrayRead(c->da, w, &y));
  PetscCall(DMDAVecRestoreArrayRead(c->da, xlocal, &u));
  PetscCall(VecSet(thetabar, 0.0));
  PetscCall(DMLocalToGlobal(c->da, klocal, ADD_VALUES, thetabar));
  PetscCall(DMRestoreLocalVector(c->da, &xlocal));
  PetscCall(DMRestoreLocalVector(c->da, &klocal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Create(PetscBool composed, Code *c)
{
  DMDALocalInfo info;
  PetscScalar **k;
  Vec           field;
  KSP           ksp;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  c->composed = composed;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, SIZE, SIZE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, &c->da));
  PetscCall(DMSetUp(c->da));
  PetscCall(DMDASNESSetFunctionLocal(c->da, INSERT_VALUES, (ADJDMDAFunctionFn *)Function, c));
  PetscCall(DMDASNESSetJacobianLocal(c->da, (PetscErrorCode(*)(DMDALocalInfo *, void *, Mat, Mat, void *))Jacobian, c));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &c->snes));
  PetscCall(SNESSetDM(c->snes, c->da));
  PetscCall(SNESSetTolerances(c->snes, 1e-13, 1e-12, 0.0, ADJ_CURRENT, ADJ_CURRENT));
  PetscCall(SNESGetKSP(c->snes, &ksp));
  PetscCall(ReactionUseLU(ksp));
  PetscCall(DMCreateGlobalVector(c->da, &c->x));
  PetscCall(DMCreateGlobalVector(c->da, &c->theta));
  PetscCall(DMCreateGlobalVector(c->da, &c->thetabar));
  PetscCall(ReactionCotangent(c->da, &c->xbar));
  PetscCall(DMDAGetLocalInfo(c->da, &info));
  PetscCall(DMDAVecGetArray(c->da, c->theta, &k));
  for (PetscInt j = info.ys; j < info.ys + info.ym; j++) {
    for (PetscInt i = info.xs; i < info.xs + info.xm; i++) k[j][i] = 1.0 + 0.5 * PetscSinReal(2.0 * i) * PetscCosReal(1.0 * j);
  }
  PetscCall(DMDAVecRestoreArray(c->da, c->theta, &k));
  if (composed) {
    PetscCall(VecCreateMPI(PETSC_COMM_WORLD, info.xm * info.ym, PETSC_DETERMINE, &field)); /* one that does not know the DM in its turn */
    PetscCall(PetscObjectCompose((PetscObject)c->da, "conductivity", (PetscObject)field));
    PetscCall(VecDestroy(&field));
  } else
    PetscCall(DMCreateLocalVector(c->da, &c->ghosted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Destroy(Code *c)
{
  PetscFunctionBeginUser;
  PetscCall(SNESDestroy(&c->snes));
  PetscCall(VecDestroy(&c->x));
  PetscCall(VecDestroy(&c->xbar));
  PetscCall(VecDestroy(&c->theta));
  PetscCall(VecDestroy(&c->thetabar));
  PetscCall(VecDestroy(&c->ghosted));
  PetscCall(DMDestroy(&c->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By the user's code alone */
static PetscErrorCode Functional(Code *c, PetscReal step, Vec d, PetscReal *J)
{
  Vec         theta;
  PetscScalar dot;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(c->theta, &theta));
  PetscCall(VecWAXPY(theta, step, d, c->theta));
  PetscCall(Put(NULL, theta, c));
  PetscCall(VecSet(c->x, 0.0));
  PetscCall(SNESSolve(c->snes, NULL, c->x));
  PetscCall(VecDot(c->x, c->xbar, &dot));
  *J = PetscRealPart(dot);
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestField(PetscBool composed, PetscBool symmetric)
{
  const char *what = composed ? "composed with the DM" : "with ghosts";
  Code        c;
  ADJ         adj;
  Vec         d;
  PetscScalar dot;
  PetscReal   J[2];
  ADJTrust    verdict;

  PetscFunctionBeginUser;
  PetscCall(Create(composed, &c));
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetSNES(adj, c.snes));
  PetscCall(ADJSetParameters(adj, Put, &c));
  PetscCall(ADJSetParameterVJP(adj, ParameterVJP, &c));
  PetscCall(ADJSetSymmetric(adj, (PetscBool)(symmetric && !PetscDefined(USE_COMPLEX))));
  PetscCall(ADJSolve(adj, c.theta, c.x));
  PetscCall(ADJSolveAdjoint(adj, c.xbar, c.thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s%s: verdict %s", what, symmetric ? ", symmetric" : "", ADJTrusts[verdict]));
  PetscCall(VecDuplicate(c.theta, &d));
  PetscCall(VecCopy(c.xbar, d));
  PetscCall(VecDot(c.thetabar, d, &dot));
  PetscCall(Functional(&c, -STEP, d, &J[0]));
  PetscCall(Functional(&c, STEP, d, &J[1]));
  PetscCall(TapClose(PetscRealPart(dot), (J[1] - J[0]) / (2.0 * STEP), 1e-6, "%s%s: the directional derivative", what, symmetric ? ", symmetric" : ""));
  PetscCall(VecDestroy(&d));
  PetscCall(ADJDestroy(&adj));
  PetscCall(Destroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt k = 0; k < 4; k++) PetscCall(TestField((PetscBool)(k % 2), (PetscBool)(k / 2)));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
