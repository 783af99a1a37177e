static char help[] = "The files of the groundwater example: bad tables are refused with their line, fields survive a round trip.\n\n";

/*
   nsize: 1 2 4
   args: -da_grid_x 11 -da_grid_y 8
   allow: leaks
   links: examples/groundwater
*/
#include "../examples/groundwater/aquifer.h"
#include "tap.h"
#include <stdlib.h>

static char directory[PETSC_MAX_PATH_LEN];

static PetscErrorCode MakeDirectory(void)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    const char *tmp = getenv("TMPDIR");

    PetscCall(PetscSNPrintf(directory, sizeof(directory), "%s/groundwaterXXXXXX", tmp ? tmp : "/tmp"));
    PetscCheck(mkdtemp(directory), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot make %s", directory);
  }
  PetscCallMPI(MPI_Bcast(directory, PETSC_MAX_PATH_LEN, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RemoveDirectory(void)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) PetscCall(PetscRMTree(directory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FileName(const char name[], size_t len, char path[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(path, len, "%s/%s", directory, name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first process writes, all read */
static PetscErrorCode Read(Aquifer aq, const char text[], PetscErrorCode expected, const char what[])
{
  char          path[PETSC_MAX_PATH_LEN];
  FILE         *f;
  PetscInt      n;
  AquiferPoint *points = NULL;

  PetscFunctionBeginUser;
  PetscCall(FileName("points.csv", sizeof(path), path));
  PetscCall(PetscFOpen(PETSC_COMM_WORLD, path, "w", &f));
  PetscCall(PetscFPrintf(PETSC_COMM_WORLD, f, "%s", text));
  PetscCall(PetscFClose(PETSC_COMM_WORLD, f));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (expected)
    PetscCall(TapError(expected, AquiferReadPoints(aq, path, "rate", &n, &points), "%s is refused", what));
  else {
    PetscCall(AquiferReadPoints(aq, path, "rate", &n, &points));
    PetscCall(TapOk((PetscBool)(n == 2 && points[1].value == -3.5 && points[1].cell[0] == aq->patch.size[0] - 1), "%s is read", what));
    PetscCall(PetscFree(points));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTables(Aquifer aq)
{
  PetscInt      n;
  AquiferPoint *points;

  PetscFunctionBeginUser;
  PetscCall(Read(aq, "x,y,z,rate\n0.2,0.3,0,1\n1,0.3,0,-3.5\n", PETSC_SUCCESS, "a table"));
  PetscCall(Read(aq, "# made by hand\r\nx, y, z, rate\r\n\r\n0.2,0.3,0,1 # a well\r\n1,0.3,0,-3.5", PETSC_SUCCESS, "a table with comments, blanks and carriage returns"));
  PetscCall(Read(aq, "", PETSC_ERR_FILE_UNEXPECTED, "an empty file"));
  PetscCall(Read(aq, "x,y,z,rate\n", PETSC_ERR_FILE_UNEXPECTED, "a table without points"));
  PetscCall(Read(aq, "0.2,0.3,0,1\n", PETSC_ERR_FILE_UNEXPECTED, "a table without header"));
  PetscCall(Read(aq, "x,y,z,rate\n0.2,0.3,1\n", PETSC_ERR_FILE_UNEXPECTED, "a line with three numbers"));
  PetscCall(Read(aq, "x,y,z,rate\n0.2,0.3,0,1,1\n", PETSC_ERR_FILE_UNEXPECTED, "a line with five numbers"));
  PetscCall(Read(aq, "x,y,z,rate\n0.2,0.3,0,much\n", PETSC_ERR_FILE_UNEXPECTED, "a word for a number"));
  PetscCall(Read(aq, "x,y,z,rate\n0.2,0.3,0,nan\n", PETSC_ERR_FILE_UNEXPECTED, "a NaN"));
  PetscCall(Read(aq, "x,y,z,rate\n0.2,1.3,0,1\n", PETSC_ERR_FILE_UNEXPECTED, "a point outside of the aquifer"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, AquiferReadPoints(aq, "/no/such/file", "rate", &n, &points), "a missing file is refused"));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, AquiferReadPoints(aq, directory, "rate", &n, &points), "a directory is refused"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Twice the built-in field, written as -theta_view would */
static PetscErrorCode WriteTheta(Aquifer aq, const char path[], PetscViewerType type)
{
  PetscViewer viewer;
  Vec         twice;

  PetscFunctionBeginUser;
  PetscCall(DMCreateGlobalVector(aq->da, &twice));
  PetscCall(VecAXPBY(twice, 2.0, 0.0, aq->theta));
  PetscCall(PetscObjectSetName((PetscObject)twice, "theta"));
  PetscCall(PetscViewerCreate(PETSC_COMM_WORLD, &viewer));
  PetscCall(PetscViewerSetType(viewer, type));
  PetscCall(PetscViewerFileSetMode(viewer, FILE_MODE_WRITE));
  PetscCall(PetscViewerFileSetName(viewer, path));
  PetscCall(VecView(twice, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(VecDestroy(&twice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestTheta(Aquifer aq, const char name[], PetscViewerType type)
{
  Vec       theta;
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(FileName(name, sizeof(aq->thetafile), aq->thetafile));
  PetscCall(WriteTheta(aq, aq->thetafile, type));
  PetscCall(AquiferCreateTheta(aq, &theta));
  PetscCall(VecAXPY(theta, -2.0, aq->theta));
  PetscCall(VecNorm(theta, NORM_INFINITY, &error));
  PetscCall(TapOk((PetscBool)(error == 0.0), "a field of type %s is read as it was written", type));
  PetscCall(VecDestroy(&theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestVTK(Aquifer aq)
{
  char      prefix[PETSC_MAX_PATH_LEN], path[PETSC_MAX_PATH_LEN];
  PetscBool there;
  Vec       h;

  PetscFunctionBeginUser;
  if (PetscDefined(USE_COMPLEX)) {
    PetscCall(TapSkip("PETSc writes no VTK files with complex scalars"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FileName("out", sizeof(prefix), prefix));
  PetscCall(FileName("out.vts", sizeof(path), path));
  PetscCall(AquiferCreateHead(aq, &h));
  PetscCall(AquiferWriteVTK(aq, prefix, h, aq->theta, aq->theta));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTestFile(path, 'r', &there));
  PetscCall(TapOk(there, "head, theta and gradient are written for ParaView"));
  PetscCall(VecDestroy(&h));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Aquifer aq;
  Vec     theta;
  int     failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(MakeDirectory());
  PetscCall(AquiferCreate(PETSC_COMM_WORLD, &aq));
  PetscCall(AquiferSetFromOptions(aq));
  PetscCall(AquiferSetUp(aq));
  PetscCall(TestTables(aq));
  PetscCall(TestTheta(aq, "theta.bin", PETSCVIEWERBINARY));
#if defined(PETSC_HAVE_HDF5)
  PetscCall(TestTheta(aq, "theta.h5", PETSCVIEWERHDF5));
#endif
  PetscCall(TestVTK(aq));
  PetscCall(PetscStrncpy(aq->thetafile, "/no/such/file", sizeof(aq->thetafile)));
  PetscCall(TapError(PETSC_ERR_FILE_OPEN, AquiferCreateTheta(aq, &theta), "a missing field is refused"));
  PetscCall(AquiferDestroy(&aq));
  PetscCall(RemoveDirectory());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
