/*
   Convection and diffusion on a square, by a SNES with any preconditioner, and the gradient through it:

       R(x, theta) = A x + s x^2 - g theta,      A = -Laplace + b . grad, times h^2, upwind, zero outside

   on a DMDA; `coupled` has two unknowns at a point with opposite winds, `symmetric` no wind. The answer by LU of the transposed
   Jacobian is known to the test. tests/pc_*.c, tests/bench/transposes.c
*/
#ifndef CONTRAGRAD_TRANSPOSES_H
#define CONTRAGRAD_TRANSPOSES_H

#include <contragrad.h>
#include <petscdmda.h>
#include "files.h"
#include "problems.h"

typedef enum {
  FLOW_WIND,
  FLOW_SYMMETRIC,
  FLOW_COUPLED
} FlowKind;

typedef struct {
  FlowKind  kind;
  PetscReal s;
  DM        da;
  Mat       A, J; /* linear part; Jacobian */
  SNES      snes;
  ADJ       adj;
  Vec       x, theta, thetabar, v, g, put, reference; /* put: the parameters that the residual reads */
  PetscInt  jacobians;
} Flow;

/* Row `row` of A, of component c at point (i, j) */
static inline PetscErrorCode FlowFillRow(Flow *f, MatStencil row, PetscInt n)
{
  const PetscReal h = 1.0 / (n + 1), wind = f->kind == FLOW_SYMMETRIC ? 0.0 : (row.c ? -40.0 : 40.0) * h;
  const PetscReal west = -1.0 - PetscMax(wind, 0.0), east = -1.0 + PetscMin(wind, 0.0), south = -1.0 - PetscMax(0.5 * wind, 0.0), north = -1.0 + PetscMin(0.5 * wind, 0.0);
  const PetscReal side[] = {west, east, south, north};
  const PetscInt  di[] = {-1, 1, 0, 0}, dj[] = {0, 0, -1, 1};
  MatStencil      cols[6];
  PetscScalar     values[6];
  PetscInt        m = 0;

  PetscFunctionBegin;
  cols[m]     = row;
  values[m++] = 4.0 + 1.5 * PetscAbsReal(wind) + (f->kind == FLOW_COUPLED ? 0.5 : 0.0);
  for (PetscInt k = 0; k < 4; k++) {
    if (row.i + di[k] < 0 || row.i + di[k] >= n || row.j + dj[k] < 0 || row.j + dj[k] >= n) continue;
    cols[m] = row;
    cols[m].i += di[k];
    cols[m].j += dj[k];
    values[m++] = side[k];
  }
  if (f->kind == FLOW_COUPLED) {
    cols[m]     = row;
    cols[m].c   = 1 - row.c;
    values[m++] = row.c ? 0.3 : -0.6;
  }
  PetscCall(MatSetValuesStencil(f->A, 1, &row, m, cols, values, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowFill(Flow *f)
{
  MatStencil    row;
  DMDALocalInfo info;

  PetscFunctionBegin;
  PetscCall(DMDAGetLocalInfo(f->da, &info));
  PetscCall(PetscMemzero(&row, sizeof(row)));
  for (row.j = info.ys; row.j < info.ys + info.ym; row.j++) {
    for (row.i = info.xs; row.i < info.xs + info.xm; row.i++) {
      for (row.c = 0; row.c < info.dof; row.c++) PetscCall(FlowFillRow(f, row, info.mx));
    }
  }
  PetscCall(MatAssemblyBegin(f->A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(f->A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowFunction(SNES snes, Vec x, Vec r, void *ctx)
{
  Flow *f = (Flow *)ctx;
  Vec   work;

  (void)snes;
  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &work));
  PetscCall(MatMult(f->A, x, r));
  PetscCall(VecPointwiseMult(work, x, x));
  PetscCall(VecAXPY(r, f->s, work));
  PetscCall(VecPointwiseMult(work, f->g, f->put));
  PetscCall(VecAXPY(r, -1.0, work));
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowJacobian(SNES snes, Vec x, Mat J, Mat P, void *ctx)
{
  Flow *f = (Flow *)ctx;
  Vec   work;

  (void)snes;
  PetscFunctionBegin;
  f->jacobians++;
  PetscCall(VecDuplicate(x, &work));
  PetscCall(VecCopy(x, work));
  PetscCall(VecScale(work, 2.0 * f->s));
  PetscCall(MatCopy(f->A, P, SAME_NONZERO_PATTERN));
  PetscCall(MatDiagonalSet(P, work, ADD_VALUES));
  if (J != P) {
    PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  }
  PetscCall(VecDestroy(&work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowPut(ADJ adj, Vec theta, void *ctx)
{
  (void)adj;
  PetscFunctionBegin;
  PetscCall(VecCopy(theta, ((Flow *)ctx)->put));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowParameterVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  (void)adj;
  (void)x;
  (void)theta;
  PetscFunctionBegin;
  PetscCall(VecPointwiseMult(thetabar, ((Flow *)ctx)->g, w));
  PetscCall(VecScale(thetabar, -1.0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's part: a SNES that solves; options are read at the end. n x n points */
static inline PetscErrorCode FlowCreate(FlowKind kind, PetscInt n, PetscReal s, Flow *f)
{
  Vec *vecs[] = {&f->theta, &f->thetabar, &f->v, &f->g, &f->put, &f->reference};

  PetscFunctionBegin;
  PetscCall(PetscMemzero(f, sizeof(*f)));
  f->kind = kind;
  f->s    = s;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, kind == FLOW_COUPLED ? 2 : 1, 1, NULL, NULL, &f->da));
  PetscCall(DMSetUp(f->da));
  PetscCall(DMCreateMatrix(f->da, &f->A));
  PetscCall(FlowFill(f));
  PetscCall(MatDuplicate(f->A, MAT_COPY_VALUES, &f->J));
  PetscCall(DMCreateGlobalVector(f->da, &f->x));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDuplicate(f->x, vecs[i]));
  PetscCall(VecSetWave(f->v, 6));
  PetscCall(VecSetWave(f->theta, 5));
  PetscCall(VecSetWave(f->g, 3));
  PetscCall(VecRealPart(f->g));
  PetscCall(VecShift(f->g, 1.5));
  PetscCall(VecScale(f->g, 1.0 / (n * n)));
  PetscCall(SNESCreate(PETSC_COMM_WORLD, &f->snes));
  PetscCall(SNESSetDM(f->snes, f->da));
  PetscCall(SNESSetFunction(f->snes, NULL, FlowFunction, f));
  PetscCall(SNESSetJacobian(f->snes, f->J, f->J, FlowJacobian, f));
  PetscCall(SNESSetFromOptions(f->snes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The lines that are added to it */
static inline PetscErrorCode FlowCreateADJ(Flow *f)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &f->adj));
  PetscCall(ADJSetSNES(f->adj, f->snes));
  PetscCall(ADJSetParameters(f->adj, FlowPut, f));
  PetscCall(ADJSetParameterVJP(f->adj, FlowParameterVJP, f));
  PetscCall(ADJSetFromOptions(f->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FlowDestroy(Flow *f)
{
  Vec *vecs[] = {&f->x, &f->theta, &f->thetabar, &f->v, &f->g, &f->put, &f->reference};

  PetscFunctionBegin;
  PetscCall(ADJDestroy(&f->adj));
  PetscCall(SNESDestroy(&f->snes));
  PetscCall(MatDestroy(&f->A));
  PetscCall(MatDestroy(&f->J));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(DMDestroy(&f->da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* f->reference = g w with J^H w = v at x, by LU of the transposed Jacobian, with nothing of the library */
static inline PetscErrorCode FlowReference(Flow *f)
{
  Mat J, JH;
  KSP ksp;
  PC  pc;
  Vec w;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(f->A, MAT_COPY_VALUES, &J));
  PetscCall(FlowJacobian(NULL, f->x, J, J, f));
  f->jacobians--;
  PetscCall(MatHermitianTranspose(J, MAT_INITIAL_MATRIX, &JH));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPPREONLY));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCREDUNDANT));
  PetscCall(KSPSetOperators(ksp, JH, JH));
  PetscCall(VecDuplicate(f->x, &w));
  PetscCall(KSPSolve(ksp, f->v, w));
  PetscCall(VecPointwiseMult(f->reference, f->g, w));
  PetscCall(VecDestroy(&w));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&JH));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The line of ADJView() on the preconditioner of the adjoint, or an empty text. Between FilesBegin() and FilesEnd() */
static inline PetscErrorCode FlowGetChoice(Flow *f, size_t len, char text[])
{
  PetscViewer viewer;
  char       *all, *at, *end;

  PetscFunctionBegin;
  text[0] = '\0';
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "view.txt", &viewer));
  PetscCall(ADJView(f->adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(FileRead("view.txt", NULL, &all));
  PetscCall(PetscStrstr(all, "preconditioner of the adjoint: ", &at));
  if (at) {
    at += sizeof("preconditioner of the adjoint: ") - 1;
    PetscCall(PetscStrchr(at, '\n', &end));
    if (end) *end = '\0';
    PetscCall(PetscStrncpy(text, at, len));
  }
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One preconditioner of the forward solver. It is there only if PETSc has what it needs */
typedef struct {
  const char *name;
  FlowKind    kind;
  const char *options;
  PetscBool   there;
  PetscMPIInt most;  /* processes that it is run on */
  const char *route; /* what is expected of auto: the beginning of its choice; NULL: it depends on the release of PETSc */
} FlowRow;

#define FLOW_MG "-pc_type mg -pc_mg_levels 3 -pc_mg_galerkin both "
#define FLOW_FS "-pc_type fieldsplit "
static const FlowRow flowrows[] = {
  {"none", FLOW_WIND, "-pc_type none", PETSC_TRUE, 2, "its own (none)"},
  {"jacobi", FLOW_WIND, "-pc_type jacobi", PETSC_TRUE, 99, "the forward"},
  {"bjacobi (ilu)", FLOW_WIND, "-pc_type bjacobi", PETSC_TRUE, 99, "the forward"},
  {"bjacobi (sor)", FLOW_WIND, "-pc_type bjacobi -sub_pc_type sor", PETSC_TRUE, 2, NULL},
  {"sor", FLOW_WIND, "-pc_type sor", PETSC_TRUE, 2, NULL},
  {"eisenstat", FLOW_WIND, "-pc_type eisenstat", PETSC_TRUE, 1, "its own (sor, on the"},
  {"ilu", FLOW_WIND, "-pc_type ilu", PETSC_TRUE, 1, "the forward"},
  {"ilu(2)", FLOW_WIND, "-pc_type ilu -pc_factor_levels 2", PETSC_TRUE, 1, "the forward"},
  {"asm (ilu)", FLOW_WIND, "-pc_type asm", PETSC_TRUE, 99, "the forward"},
  {"asm (lu)", FLOW_WIND, "-pc_type asm -sub_pc_type lu -pc_asm_overlap 2", PETSC_TRUE, 2, "the forward"},
  {"gasm (ilu)", FLOW_WIND, "-pc_type gasm", PETSC_TRUE, 99, NULL},
  {"lu (petsc)", FLOW_WIND, "-pc_type lu", PETSC_TRUE, 1, "the forward"},
  {"lu (mumps)", FLOW_WIND, "-pc_type lu -pc_factor_mat_solver_type mumps", PetscDefined(HAVE_MUMPS), 99, "the forward"},
  {"lu (superlu)", FLOW_WIND, "-pc_type lu -pc_factor_mat_solver_type superlu", PetscDefined(HAVE_SUPERLU), 1, NULL},
  {"lu (superlu_dist)", FLOW_WIND, "-pc_type lu -pc_factor_mat_solver_type superlu_dist", PetscDefined(HAVE_SUPERLU_DIST), 2, NULL},
  {"lu (umfpack)", FLOW_WIND, "-pc_type lu -pc_factor_mat_solver_type umfpack", PetscDefined(HAVE_SUITESPARSE), 1, "the forward"},
  {"redundant (lu)", FLOW_WIND, "-pc_type redundant", PETSC_TRUE, 2, "the forward"},
  {"telescope (lu)", FLOW_WIND, "-pc_type telescope -telescope_pc_type redundant", PETSC_TRUE, 2, NULL},
  {"gamg", FLOW_WIND, "-pc_type gamg", PETSC_TRUE, 99, NULL},
  {"ml", FLOW_WIND, "-pc_type ml", PetscDefined(HAVE_ML), 2, NULL},
  {"hypre boomeramg", FLOW_WIND, "-pc_type hypre -pc_hypre_type boomeramg", PetscDefined(HAVE_HYPRE), 99, NULL},
  {"hypre euclid", FLOW_WIND, "-pc_type hypre -pc_hypre_type euclid", PetscDefined(HAVE_HYPRE) && !PetscDefined(USE_64BIT_INDICES), 2, NULL},
  {"hypre pilut", FLOW_WIND, "-pc_type hypre -pc_hypre_type pilut", PetscDefined(HAVE_HYPRE) && !PetscDefined(USE_64BIT_INDICES), 2, NULL},
  {"hypre parasails", FLOW_WIND, "-pc_type hypre -pc_hypre_type parasails -pc_hypre_parasails_sym nonsymmetric", PetscDefined(HAVE_HYPRE) && !PetscDefined(USE_64BIT_INDICES), 2, NULL},
  {"mg", FLOW_WIND, FLOW_MG, PETSC_TRUE, 99, NULL},
  {"mg (richardson, sor)", FLOW_WIND, FLOW_MG "-mg_levels_ksp_type richardson -mg_levels_pc_type sor", PETSC_TRUE, 2, NULL},
  {"mg (richardson, jacobi)", FLOW_WIND, FLOW_MG "-mg_levels_ksp_type richardson -mg_levels_ksp_richardson_scale 0.7 -mg_levels_pc_type jacobi", PETSC_TRUE, 2, NULL},
  {"mg (distinct up and down)", FLOW_WIND, FLOW_MG "-pc_mg_distinct_smoothup -mg_levels_ksp_type richardson -mg_levels_pc_type bjacobi -mg_levels_up_ksp_type richardson -mg_levels_up_pc_type jacobi -mg_levels_up_ksp_richardson_scale 0.7", PETSC_TRUE, 99, NULL},
  {"mg full (richardson, bjacobi)", FLOW_WIND, FLOW_MG "-pc_mg_type full -mg_levels_ksp_type richardson -mg_levels_pc_type bjacobi", PETSC_TRUE, 99, NULL},
  {"composite (jacobi, bjacobi)", FLOW_WIND, "-pc_type composite -pc_composite_type multiplicative -pc_composite_pcs jacobi,bjacobi", PETSC_TRUE, 2, NULL},
  {"ksp (fgmres, 5 of gmres)", FLOW_WIND, "-ksp_type fgmres -pc_type ksp -ksp_ksp_type gmres -ksp_ksp_max_it 5 -ksp_ksp_rtol 1e-12", PETSC_TRUE, 2, NULL},
  {"pbjacobi", FLOW_COUPLED, "-pc_type pbjacobi", PETSC_TRUE, 2, NULL},
  {"fieldsplit additive", FLOW_COUPLED, FLOW_FS "-pc_fieldsplit_type additive", PETSC_TRUE, 2, NULL},
  {"fieldsplit multiplicative", FLOW_COUPLED, FLOW_FS "-pc_fieldsplit_type multiplicative", PETSC_TRUE, 99, NULL},
  {"fieldsplit symmetric", FLOW_COUPLED, FLOW_FS "-pc_fieldsplit_type symmetric_multiplicative", PETSC_TRUE, 2, NULL},
  {"fieldsplit schur", FLOW_COUPLED, "-ksp_type fgmres " FLOW_FS "-pc_fieldsplit_type schur -pc_fieldsplit_schur_precondition selfp", PETSC_TRUE, 99, NULL},
  {"jacobi", FLOW_SYMMETRIC, "-ksp_type cg -pc_type jacobi", PETSC_TRUE, 2, "the forward PC (jacobi) as it is"},
  {"icc", FLOW_SYMMETRIC, "-ksp_type cg -pc_type icc", PETSC_TRUE, 1, "the forward PC (icc) as it is"},
  {"sor", FLOW_SYMMETRIC, "-ksp_type cg -pc_type sor", PETSC_TRUE, 2, "the forward PC (sor) as it is"},
  {"gamg", FLOW_SYMMETRIC, "-ksp_type cg -pc_type gamg", PETSC_TRUE, 99, "the forward PC (gamg) as it is"},
  {"mg", FLOW_SYMMETRIC, "-ksp_type cg " FLOW_MG, PETSC_TRUE, 2, "the forward PC (mg) as it is"},
  {"hypre boomeramg", FLOW_SYMMETRIC, "-ksp_type cg -pc_type hypre -pc_hypre_type boomeramg", PetscDefined(HAVE_HYPRE), 99, "the forward PC (hypre) as it is"},
  {"eisenstat", FLOW_SYMMETRIC, "-ksp_type cg -pc_type eisenstat", PETSC_TRUE, 1, "its own (sor, on the"},
};

/* What came of a row, with one KSP of the adjoint */
typedef struct {
  PetscInt  fits, its;
  PetscReal residual, error; /* true residual; of the gradient; both relative */
  char      choice[512];
} FlowResult;

/* ksp: type of the adjoint's; NULL: what is taken by default */
static inline PetscErrorCode FlowRunRow(const FlowRow *row, PetscInt n, const char ksp[], const char more[], FlowResult *result)
{
  Flow         f;
  PetscOptions opts;
  char         options[1024];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-snes_type ksponly -ksp_rtol 1e-8 %s %s%s %s%s", row->options, ksp ? "-adj_ksp_type " : "", ksp ? ksp : "", row->kind == FLOW_SYMMETRIC ? "-adj_symmetric " : "", more));
  PetscCall(OptionsBegin(options, &opts));
  PetscCall(FlowCreate(row->kind, n, 0.0, &f));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(SNESGetLinearSolveIterations(f.snes, &result->fits));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetAdjointIterations(f.adj, &result->its));
  PetscCall(ADJGetAdjointResidual(f.adj, &result->residual));
  PetscCall(FlowReference(&f));
  PetscCall(VecDistance(f.thetabar, f.reference, &result->error));
  PetscCall(FlowGetChoice(&f, sizeof(result->choice), result->choice));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
