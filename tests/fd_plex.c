static char help[] = "Derivatives by differences where the DM is no DMDA: on a DMPlex, and in a DMShell that knows its matrix only.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include <contragrad.h>
#include <petscdmplex.h>
#include <petscdmshell.h>
#include <petscsf.h>
#include "tap.h"

#define TIGHT "-adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11"

/*
   Values at the vertices of triangles, R_v = sum over edges (v, u) of (1 + s_0 (x_v^2 + x_u^2)) (x_v - x_u), + x_v - s_1 (1 + count of edges at v)
*/
typedef struct {
  DM          dm;
  PetscScalar s[2];
} Mesh;

static PetscErrorCode MeshPut(ADJ adj, Vec theta, void *ctx)
{
  PetscInt     lo, hi;
  PetscScalar *s = ((Mesh *)ctx)->s;

  (void)adj;
  PetscFunctionBeginUser;
  s[0] = s[1] = 0.0;
  PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecGetValues(theta, 1, &i, &s[i]));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, s, 2, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An edge that two processes see is that of its owner */
static PetscErrorCode MeshOwned(DM dm, PetscInt start, PetscInt end, PetscBool owned[])
{
  PetscSF         sf;
  PetscInt        n;
  const PetscInt *leaves;

  PetscFunctionBeginUser;
  PetscCall(DMGetPointSF(dm, &sf));
  PetscCall(PetscSFGetGraph(sf, NULL, &n, &leaves, NULL));
  for (PetscInt e = start; e < end; e++) owned[e - start] = PETSC_TRUE;
  for (PetscInt k = 0; k < n; k++) {
    const PetscInt p = leaves ? leaves[k] : k;

    if (p >= start && p < end) owned[p - start] = PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MeshMap(ADJ adj, Vec X, Vec theta, Vec Y, void *ctx)
{
  Mesh              *m = (Mesh *)ctx;
  PetscSection       section;
  Vec                lx, ly;
  const PetscScalar *x;
  PetscScalar       *y;
  PetscBool         *owned;
  PetscInt           start, end;

  (void)adj;
  (void)theta;
  PetscFunctionBeginUser;
  PetscCall(DMGetLocalSection(m->dm, &section));
  PetscCall(DMGetLocalVector(m->dm, &lx));
  PetscCall(DMGetLocalVector(m->dm, &ly));
  PetscCall(DMGlobalToLocal(m->dm, X, INSERT_VALUES, lx));
  PetscCall(VecSet(ly, 0.0));
  PetscCall(VecGetArrayRead(lx, &x));
  PetscCall(VecGetArray(ly, &y));
  PetscCall(DMPlexGetDepthStratum(m->dm, 1, &start, &end));
  PetscCall(PetscMalloc1(end - start, &owned));
  PetscCall(MeshOwned(m->dm, start, end, owned));
  for (PetscInt e = start; e < end; e++) {
    const PetscInt *cone;
    PetscInt        u, v;
    PetscScalar     flux;

    if (!owned[e - start]) continue;
    PetscCall(DMPlexGetCone(m->dm, e, &cone));
    PetscCall(PetscSectionGetOffset(section, cone[0], &v));
    PetscCall(PetscSectionGetOffset(section, cone[1], &u));
    flux = (1.0 + m->s[0] * (x[v] * x[v] + x[u] * x[u])) * (x[v] - x[u]);
    y[v] += flux - m->s[1];
    y[u] -= flux + 2.0 * m->s[1];
  }
  PetscCall(PetscFree(owned));
  PetscCall(VecRestoreArray(ly, &y));
  PetscCall(VecRestoreArrayRead(lx, &x));
  PetscCall(VecCopy(X, Y));
  PetscCall(DMLocalToGlobal(m->dm, ly, ADD_VALUES, Y));
  PetscCall(DMRestoreLocalVector(m->dm, &lx));
  PetscCall(DMRestoreLocalVector(m->dm, &ly));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MeshCreate(Mesh *m)
{
  DM               parallel;
  PetscPartitioner partitioner;
  PetscSection     section;
  PetscInt         pstart, pend, vstart, vend;
  const PetscInt   faces[2] = {4, 3};
  const PetscReal  lower[2] = {0.0, 0.0}, upper[2] = {1.0, 1.0};

  PetscFunctionBeginUser;
  PetscCall(ADJDMPlexCreateBoxMesh(PETSC_COMM_WORLD, 2, PETSC_FALSE, faces, lower, upper, NULL, PETSC_TRUE, &m->dm));
  PetscCall(DMSetBasicAdjacency(m->dm, PETSC_FALSE, PETSC_TRUE)); /* unknowns of one cell are coupled */
  PetscCall(DMPlexGetPartitioner(m->dm, &partitioner));
  PetscCall(PetscPartitionerSetType(partitioner, PETSCPARTITIONERSIMPLE)); /* PT-Scotch may have other integers than PETSc */
  PetscCall(DMPlexDistribute(m->dm, 0, NULL, &parallel));
  if (parallel) {
    PetscCall(DMDestroy(&m->dm));
    m->dm = parallel;
  }
  PetscCall(DMPlexGetChart(m->dm, &pstart, &pend));
  PetscCall(DMPlexGetDepthStratum(m->dm, 0, &vstart, &vend));
  PetscCall(PetscSectionCreate(PETSC_COMM_WORLD, &section));
  PetscCall(PetscSectionSetChart(section, pstart, pend));
  for (PetscInt v = vstart; v < vend; v++) PetscCall(PetscSectionSetDof(section, v, 1));
  PetscCall(PetscSectionSetUp(section));
  PetscCall(DMSetLocalSection(m->dm, section));
  PetscCall(PetscSectionDestroy(&section));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sum of all values is linear in theta: then the remainder of the Taylor test is rounding */
static PetscErrorCode SetCotangent(PetscBool wave, Vec v)
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, wave ? PetscSinReal(0.5 + i) : 1.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestMesh(PetscBool shell)
{
  const char *what = shell ? "DMShell" : "DMPlex";
  Mesh        m;
  DM          dm;
  Mat         A;
  ADJ         adj;
  Vec         x, v, theta, thetabar, xdot;
  ADJTrust    verdict;
  PetscReal   order, error;
  PetscScalar a, b;

  PetscFunctionBeginUser;
  PetscCall(MeshCreate(&m));
  PetscCall(DMCreateGlobalVector(m.dm, &x));
  PetscCall(VecDuplicate(x, &v));
  PetscCall(VecDuplicate(x, &xdot));
  PetscCall(SetCotangent(shell, v));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, PETSC_DECIDE, 2, &theta));
  PetscCall(VecSet(theta, 0.4));
  PetscCall(VecDuplicate(theta, &thetabar));
  dm = m.dm;
  if (shell) {
    PetscCall(DMShellCreate(PETSC_COMM_WORLD, &dm));
    PetscCall(DMShellSetGlobalVector(dm, x));
    PetscCall(DMCreateMatrix(m.dm, &A));
    PetscCall(DMShellSetMatrix(dm, A));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &adj));
  PetscCall(ADJSetResidual(adj, MeshMap, &m));
  PetscCall(ADJSetParameters(adj, MeshPut, &m));
  PetscCall(ADJSetDM(adj, dm));
  PetscCall(ADJSetFDColor(adj, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJSolve(adj, theta, x));
  PetscCall(ADJSolveAdjoint(adj, v, thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "%s: verdict %s", what, ADJTrusts[verdict]));
  PetscCall(ADJSolveTangent(adj, theta, xdot));
  PetscCall(VecDot(xdot, v, &a));
  PetscCall(VecDot(theta, thetabar, &b));
  PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-9 * PetscAbsScalar(b), "%s: tangent and adjoint belong together", what));
  PetscCall(VecSet(x, 0.0));
  PetscCall(ADJTestGradient(adj, theta, x, v, &order, &error));
  PetscCall(TapClose(order, 2.0, 0.05, "%s: order of the Taylor test", what));
  PetscCall(TapBelow(error, 1e-7, "%s: error of the Taylor test", what));
  PetscCall(ADJDestroy(&adj));
  if (shell) PetscCall(DMDestroy(&dm));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&xdot));
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&thetabar));
  PetscCall(DMDestroy(&m.dm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsInsertString(NULL, TIGHT));
  PetscCall(TapBegin());
  PetscCall(TestMesh(PETSC_FALSE));
  PetscCall(TestMesh(PETSC_TRUE));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
