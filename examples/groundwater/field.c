/*
   The log conductivity to start from, and output for ParaView.
*/
#include "cells.h"

#define MODES 12

/* Fractional part of m^2 a: an evenly spread sequence for irrational a, the same everywhere */
static PetscReal Spread(PetscInt m, PetscReal a)
{
  return m * m * a - PetscFloorReal(m * m * a);
}

/* theta(x) = a sqrt(2/MODES) sum_m cos(k_m x/length + phase_m): variance a^2, waves down to a third of the aquifer */
PetscReal AquiferHeterogeneity(Aquifer aq, PetscReal amplitude, const PetscReal x[])
{
  const PetscReal irrational[] = {0.754877666246693, 0.569840290998053, 0.819172513396164};
  PetscReal       theta        = 0.0;

  for (PetscInt m = 1; m <= MODES; m++) {
    PetscReal argument = 2.0 * PETSC_PI * Spread(m, 0.618033988749895);

    for (PetscInt d = 0; d < aq->dim; d++) argument += 6.0 * PETSC_PI * (2.0 * Spread(m, irrational[d]) - 1.0) * x[d] / aq->length[d];
    theta += PetscCosReal(argument);
  }
  return amplitude * PetscSqrtReal(2.0 / MODES) * theta;
}

static PetscErrorCode FillTheta(Aquifer aq, Vec theta)
{
  const AquiferPatch *g = &aq->patch;
  PetscScalar        *t;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(theta, &t));
  for (Cell c = CellFirst(g); c.own < g->owned; CellNext(g, &c)) {
    PetscReal x[3];

    for (PetscInt d = 0; d < 3; d++) x[d] = (c.ijk[d] + 0.5) * aq->length[d] / g->size[d];
    t[c.own] = AquiferHeterogeneity(aq, aq->heterogeneity, x);
  }
  PetscCall(VecRestoreArrayWrite(theta, &t));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The vector of a file, by whole rows of cells. Its size is set before, so that another one in the file is an error */
static PetscErrorCode LoadVector(Aquifer aq, const char file[], Vec *v)
{
  const PetscInt *size = aq->patch.size;
  PetscInt        rows = PETSC_DECIDE, allrows = size[1] * size[2];
  PetscBool       readable, hdf5;
  PetscMPIInt     all;
  PetscViewer     viewer;

  PetscFunctionBeginUser;
  PetscCall(PetscTestFile(file, 'r', &readable));
  all = readable;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, aq->comm));
  PetscCheck(all, aq->comm, PETSC_ERR_FILE_OPEN, "Cannot read the file %s: give another one with -theta or -truth", file);
  PetscCall(PetscStrendswith(file, ".h5", &hdf5));
  PetscCheck(!hdf5 || PetscDefined(HAVE_HDF5), aq->comm, PETSC_ERR_SUP, "PETSc was configured without HDF5: give a file in PETSc's binary format");
  PetscCall(PetscViewerCreate(aq->comm, &viewer));
  PetscCall(PetscViewerSetType(viewer, hdf5 ? PETSCVIEWERHDF5 : PETSCVIEWERBINARY));
  PetscCall(PetscViewerFileSetMode(viewer, FILE_MODE_READ));
  PetscCall(PetscViewerFileSetName(viewer, file));
  PetscCall(VecCreate(aq->comm, v));
  PetscCall(PetscSplitOwnership(aq->comm, &rows, &allrows));
  PetscCall(VecSetSizes(*v, rows * size[0], allrows * size[0]));
  PetscCall(PetscObjectSetName((PetscObject)*v, "theta"));
  PetscCall(VecLoad(*v, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   One value a cell, the first index fastest: PETSc binary, or the dataset "theta" of an HDF5 file, flat or in rows. It is
   not loaded into the vector of the DMDA, which would take a corner of a larger HDF5 dataset without a word
*/
PetscErrorCode AquiferLoadTheta(Aquifer aq, const char file[], Vec theta)
{
  const PetscInt *size = aq->patch.size;
  Vec             loaded, natural;
  IS              own;
  VecScatter      scatter;
  PetscInt        row, low, high;

  PetscFunctionBeginUser;
  PetscCall(LoadVector(aq, file, &loaded));
  PetscCall(VecGetBlockSize(loaded, &row));
  PetscCheck(row == 1 || row == size[0], aq->comm, PETSC_ERR_FILE_UNEXPECTED, "%s holds rows of %" PetscInt_FMT " values; the grid has %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " cells", file, row, size[0], size[1], size[2]);
  PetscCall(DMDACreateNaturalVector(aq->da, &natural));
  PetscCall(VecGetOwnershipRange(natural, &low, &high));
  PetscCall(ISCreateStride(aq->comm, high - low, low, 1, &own));
  PetscCall(VecScatterCreate(loaded, own, natural, own, &scatter));
  PetscCall(VecScatterBegin(scatter, loaded, natural, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, loaded, natural, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(DMDANaturalToGlobalBegin(aq->da, natural, INSERT_VALUES, theta));
  PetscCall(DMDANaturalToGlobalEnd(aq->da, natural, INSERT_VALUES, theta));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(ISDestroy(&own));
  PetscCall(VecDestroy(&natural));
  PetscCall(VecDestroy(&loaded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode AquiferCreateTheta(Aquifer aq, Vec *theta)
{
  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(aq->da, theta));
  PetscCall(PetscObjectSetName((PetscObject)*theta, "theta"));
  if (aq->thetafile[0])
    PetscCall(AquiferLoadTheta(aq, aq->thetafile, *theta));
  else
    PetscCall(FillTheta(aq, *theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* n fields at the centres of the cells, to a file .vts */
PetscErrorCode AquiferWriteFields(Aquifer aq, const char file[], PetscInt n, const char *const name[], const Vec field[])
{
  PetscReal   low[3], high[3];
  PetscViewer viewer;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < 3; d++) {
    low[d]  = 0.5 * aq->length[d] / aq->patch.size[d];
    high[d] = aq->length[d] - low[d];
  }
  PetscCall(DMDASetUniformCoordinates(aq->da, low[0], high[0], low[1], high[1], low[2], high[2]));
  PetscCall(PetscViewerVTKOpen(aq->comm, file, FILE_MODE_WRITE, &viewer));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(PetscObjectSetName((PetscObject)field[i], name[i]));
    PetscCall(VecView(field[i], viewer));
  }
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* prefix.vts with head, theta and gradient */
PetscErrorCode AquiferWriteVTK(Aquifer aq, const char prefix[], Vec h, Vec theta, Vec gradient)
{
  const char *const name[]  = {"head", "theta", "gradient"};
  const Vec         field[] = {h, theta, gradient};
  char              file[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s.vts", prefix));
  PetscCall(AquiferWriteFields(aq, file, 3, name, field));
  PetscFunctionReturn(PETSC_SUCCESS);
}
