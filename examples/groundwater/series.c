/*
   What an inversion writes: a series of files for ParaView, and what panel.gp draws.
*/
#include "inversion.h"

/* The collection names the files that are there; it is written anew each time, so that it can be read while the inversion runs */
static PetscErrorCode WriteCollection(Inversion inv, PetscInt iteration)
{
  char        file[PETSC_MAX_PATH_LEN], *name;
  FILE       *f;
  const char *head = "<?xml version=\"1.0\"?>\n<VTKFile type=\"Collection\" version=\"0.1\">\n  <Collection>\n", *tail = "  </Collection>\n</VTKFile>\n";

  PetscFunctionBeginUser;
  PetscCall(PetscStrrchr(inv->series, '/', &name)); /* relative to the collection */
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s.pvd", inv->series));
  PetscCall(PetscFOpen(inv->aq->comm, file, "w", &f));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "%s", head));
  for (PetscInt it = 0; it <= iteration; it += inv->interval) PetscCall(PetscFPrintf(inv->aq->comm, f, "    <DataSet timestep=\"%" PetscInt_FMT "\" file=\"%s_%04" PetscInt_FMT ".vts\"/>\n", it, name, it));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "%s", tail));
  PetscCall(PetscFClose(inv->aq->comm, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SeriesWrite(Inversion inv, PetscInt iteration)
{
  const char *name[4]  = {"head", "theta", "start", "truth"};
  Vec         field[4] = {NULL, inv->theta, inv->aq->theta, inv->truth};
  char        file[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(ADJGetSolution(inv->adj, &field[0]));
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s_%04" PetscInt_FMT ".vts", inv->series, iteration));
  PetscCall(AquiferWriteFields(inv->aq, file, inv->truth ? 4 : 3, name, field));
  PetscCall(WriteCollection(inv, iteration));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One value a cell, x fastest, behind two integers; -theta reads it */
static PetscErrorCode WriteField(Inversion inv, const char name[], Vec v)
{
  char        file[PETSC_MAX_PATH_LEN];
  PetscViewer viewer;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s_%s.bin", inv->panel, name));
  PetscCall(PetscViewerCreate(inv->aq->comm, &viewer));
  PetscCall(PetscViewerSetType(viewer, PETSCVIEWERBINARY));
  PetscCall(PetscViewerBinarySetSkipInfo(viewer, PETSC_TRUE));
  PetscCall(PetscViewerFileSetMode(viewer, FILE_MODE_WRITE));
  PetscCall(PetscViewerFileSetName(viewer, file));
  PetscCall(VecView(v, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteWells(Inversion inv)
{
  Aquifer  aq = inv->aq;
  PetscInt n  = inv->lattice[0] * inv->lattice[1] * inv->lattice[2];
  char     file[PETSC_MAX_PATH_LEN];
  FILE    *f;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s_wells.csv", inv->panel));
  PetscCall(PetscFOpen(aq->comm, file, "w", &f));
  PetscCall(PetscFPrintf(aq->comm, f, "x,y,z,head\n"));
  for (PetscInt i = 0; i < n; i++) {
    PetscReal x[3];

    for (PetscInt d = 0; d < 3; d++) x[d] = (inv->well[i].cell[d] + 0.5) * aq->length[d] / aq->patch.size[d];
    PetscCall(PetscFPrintf(aq->comm, f, "%.10g,%.10g,%.10g,%.10g\n", (double)x[0], (double)x[1], (double)x[2], (double)inv->well[i].value));
  }
  PetscCall(PetscFClose(aq->comm, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that gnuplot -c panel.gp needs, in files whose names begin with that of -panel */
PetscErrorCode PanelWrite(Inversion inv)
{
  const PetscInt *size  = inv->aq->patch.size;
  const Vec       shown = inv->truth ? inv->truth : inv->theta;
  PetscReal       low, high;
  char            file[PETSC_MAX_PATH_LEN];
  FILE           *f;

  PetscFunctionBeginUser;
  PetscCall(VecMin(shown, NULL, &low));
  PetscCall(VecMax(shown, NULL, &high));
  PetscCall(WriteField(inv, "start", inv->aq->theta));
  PetscCall(WriteField(inv, "recovered", inv->theta));
  PetscCall(WriteField(inv, "truth", shown));
  if (inv->well) PetscCall(WriteWells(inv));
  PetscCall(PetscSNPrintf(file, sizeof(file), "%s.gp", inv->panel));
  PetscCall(PetscFOpen(inv->aq->comm, file, "w", &f));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "nx = %" PetscInt_FMT "\nny = %" PetscInt_FMT "\n", size[0], size[1]));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "lx = %g\nly = %g\n", (double)inv->aq->length[0], (double)inv->aq->length[1]));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "skip = %d\n", (int)(2 * sizeof(PetscInt)) + (int)sizeof(PetscReal) * (int)(size[2] / 2) * (int)(size[0] * size[1])));
  PetscCall(PetscFPrintf(inv->aq->comm, f, "wells = %d\ntwin = %d\nlow = %g\nhigh = %g\n", inv->well ? 1 : 0, inv->truth ? 1 : 0, (double)low, (double)high));
  PetscCall(PetscFClose(inv->aq->comm, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}
