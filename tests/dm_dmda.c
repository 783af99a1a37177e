static char help[] = "Functions on the local patch of a DMDA: the ghost update and its transpose.\n\n";

/*
   nsize: 1 2 4
   args: -adj_forward_snes_rtol 1e-14 -adj_forward_ksp_rtol 1e-8 -adj_ksp_rtol 1e-13 -malloc_debug false
*/
#include "dm_patches.h"

/* The value of the objective and the derivative along a direction, without other processes */
static PetscErrorCode ValueAndSlope(MPI_Comm comm, const PatchSpec *spec, PetscReal *value, PetscScalar *slope)
{
  Patch p;
  Vec   d, g;

  PetscFunctionBeginUser;
  PetscCall(PatchCreate(comm, spec, &p));
  PetscCall(VecDuplicate(p.theta, &d));
  PetscCall(VecDuplicate(p.theta, &g));
  PetscCall(PatchFill(p.dat, d, 9));
  PetscCall(ADJSetObjective(p.adj, HalfSquare, NULL));
  PetscCall(ADJSetSolution(p.adj, p.x));
  PetscCall(ADJComputeObjectiveAndGradient(p.adj, p.theta, value, g));
  PetscCall(VecDot(d, g, slope));
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&g));
  PetscCall(PatchDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSpec(const PatchSpec *spec)
{
  const char *boundaries[] = {"none", "ghosted", "mirror", "periodic"};
  char        what[128];
  Patch       p;
  PetscReal   xerror, terror, value, alone;
  PetscScalar slope, slopealone;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%" PetscInt_FMT "D, dof %" PetscInt_FMT ", %s %" PetscInt_FMT ", %s, theta %s %" PetscInt_FMT ", %s", spec->dim, spec->dof, spec->stencil == DMDA_STENCIL_BOX ? "box" : "star", spec->width, boundaries[spec->boundary], spec->twidth < 0 ? "set" : spec->extra ? "staggered field"
                                                                                                                                                                                                                                                                                                               : "field",
                          spec->tdof, ADJForms[spec->form]));
  PetscCall(PatchCreate(PETSC_COMM_WORLD, spec, &p));
  PetscCall(PatchFill(p.da, p.x, 4));
  PetscCall(ADJTestVJP(p.adj, p.theta, p.x, &xerror, &terror));
  PetscCall(TapBelow(xerror, 1e-12, "%s: products in x", what));
  PetscCall(TapBelow(terror, 1e-12, "%s: products in theta", what));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(TapCentral(p.adj, p.theta, p.x, 1e-8, what));
  PetscCall(PatchDestroy(&p));
  PetscCall(ValueAndSlope(PETSC_COMM_WORLD, spec, &value, &slope));
  PetscCall(ValueAndSlope(PETSC_COMM_SELF, spec, &alone, &slopealone));
  PetscCall(TapClose(value, alone, 1e-12, "%s: the value is that of one process", what));
  PetscCall(TapBelow(PetscAbsScalar(slope - slopealone), 1e-11 * PetscAbsScalar(slope), "%s: the derivative is that of one process", what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  /* dim, dof, width, stencil, boundary; of theta: dof, width (-1: a small set), further points; form */
  const PatchSpec specs[] = {
    {1, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_NONE, 1, 0, 0, ADJ_RESIDUAL},
    {1, 2, 2, DMDA_STENCIL_BOX, DM_BOUNDARY_GHOSTED, 1, 1, 0, ADJ_RESIDUAL},
    {1, 1, 2, DMDA_STENCIL_BOX, DM_BOUNDARY_PERIODIC, 2, 1, 0, ADJ_FIXED_POINT},
    {1, 2, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_MIRROR, 3, -1, 0, ADJ_RESIDUAL},
    {1, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_NONE, 2, 1, 1, ADJ_RESIDUAL},
    {2, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_NONE, 2, 1, 0, ADJ_RESIDUAL},
    {2, 2, 2, DMDA_STENCIL_BOX, DM_BOUNDARY_PERIODIC, 1, 1, 0, ADJ_RESIDUAL},
    {2, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_MIRROR, 1, 1, 0, ADJ_RESIDUAL},
    {2, 2, 1, DMDA_STENCIL_BOX, DM_BOUNDARY_GHOSTED, 2, -1, 0, ADJ_FIXED_POINT},
    {2, 1, 2, DMDA_STENCIL_STAR, DM_BOUNDARY_GHOSTED, 2, 2, 0, ADJ_RESIDUAL},
    {2, 1, 1, DMDA_STENCIL_BOX, DM_BOUNDARY_NONE, 1, 1, 1, ADJ_RESIDUAL},
    {3, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_NONE, 1, 0, 0, ADJ_RESIDUAL},
    {3, 2, 1, DMDA_STENCIL_BOX, DM_BOUNDARY_PERIODIC, 2, -1, 0, ADJ_RESIDUAL},
    {3, 1, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_MIRROR, 2, 1, 0, ADJ_RESIDUAL},
    {3, 1, 1, DMDA_STENCIL_BOX, DM_BOUNDARY_GHOSTED, 1, 1, 0, ADJ_FIXED_POINT},
    {3, 2, 1, DMDA_STENCIL_STAR, DM_BOUNDARY_NONE, 1, 1, 1, ADJ_RESIDUAL},
  };
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(specs); i++) PetscCall(TestSpec(&specs[i]));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
