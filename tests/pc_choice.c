static char help[] = "Who has a say in the preconditioner and the KSP of the adjoint, and what happens when the forward solver changes.\n\n";

/*
   nsize: 1 2 4
*/
#include "transposes.h"

/* A linear problem */
static PetscErrorCode Begin(FlowKind kind, const char options[], Flow *f, PetscOptions *opts)
{
  char text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "-snes_type ksponly -ksp_rtol 1e-10 %s", options));
  PetscCall(OptionsBegin(text, opts));
  PetscCall(FlowCreate(kind, 11, 0.0, f));
  PetscCall(FlowCreateADJ(f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode End(Flow *f, PetscOptions *opts)
{
  PetscFunctionBeginUser;
  PetscCall(FlowDestroy(f));
  PetscCall(OptionsEnd(opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From zero: one linear solve of a residual that is small already would not pass for converged */
static PetscErrorCode Solve(Flow *f)
{
  PetscFunctionBeginUser;
  PetscCall(VecSet(f->x, 0.0));
  PetscCall(ADJSolve(f->adj, f->theta, f->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TapGradient(Flow *f, const char choice[], const char what[])
{
  char      text[512];
  PetscReal error;
  PetscBool begins;

  PetscFunctionBeginUser;
  PetscCall(ADJSolveAdjoint(f->adj, f->v, f->thetabar));
  PetscCall(FlowReference(f));
  PetscCall(VecDistance(f->thetabar, f->reference, &error));
  PetscCall(TapBelow(error, 1e-6, "%s: gradient against LU", what));
  PetscCall(FlowGetChoice(f, sizeof(text), text));
  PetscCall(PetscStrbeginswith(text, choice, &begins));
  PetscCall(TapOk(begins, "%s: %s", what, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetForwardPC(Flow *f, PC *pc)
{
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(SNESGetKSP(f->snes, &ksp));
  PetscCall(KSPGetPC(ksp, pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetAdjointPC(Flow *f, PC *pc)
{
  KSP ksp;

  PetscFunctionBeginUser;
  PetscCall(ADJGetKSP(f->adj, &ksp));
  PetscCall(KSPGetPC(ksp, pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By option: a type asks for a PC of its own, unless the source is said; without one it is made like the forward one */
static PetscErrorCode TestOptions(void)
{
  const char *const rows[][3] = {
    {"-pc_type bjacobi -adj_pc_type jacobi", "its own (jacobi, on the transposed", "a type"},
    {"-pc_type bjacobi -adj_pc_type jacobi -adj_pc_source forward", "the forward PC (bjacobi), transposed", "a type, and forward"},
    {"-pc_type jacobi -adj_pc_source transpose", "its own (jacobi, on the transposed", "transpose"},
    {"-pc_type asm -sub_pc_type lu -adj_pc_source transpose", "its own (asm, on the transposed", "transpose, asm"},
    {"-pc_type none", "its own (none)", "none"},
    {"-pc_type none -adj_pc_source forward", "its own (none)", "none, and forward"},
    {"-pc_type none -adj_pc_type bjacobi", "its own (bjacobi, on the transposed", "a type where there was none"},
    {"-pc_type jacobi -adj_pc_type none", "its own (none)", "none by choice"},
    {"-pc_type jacobi -adj_ksp_type bcgs", "the forward PC (jacobi), transposed", "a KSP type"},
    {"-pc_type mg -pc_mg_levels 2 -pc_mg_galerkin both -adj_mg_levels_pc_type jacobi", "its own (mg, on the transposed", "options of the copy"},
  };
  Flow         f;
  PetscOptions opts;

  PetscFunctionBeginUser;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(rows); i++) {
    PetscCall(Begin(FLOW_WIND, rows[i][0], &f, &opts));
    PetscCall(Solve(&f));
    PetscCall(TapGradient(&f, rows[i][1], rows[i][2]));
    PetscCall(End(&f, &opts));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In code: before the first solve, at the shell that stands in the KSP after it, with a PC of the user's, and by a matrix */
static PetscErrorCode TestCode(void)
{
  Flow         f;
  PetscOptions opts;
  KSP          ksp;
  PC           pc;
  Mat          P;

  PetscFunctionBeginUser;
  PetscCall(Begin(FLOW_WIND, "-pc_type bjacobi", &f, &opts));
  PetscCall(GetAdjointPC(&f, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "its own (jacobi", "in code"));
  PetscCall(End(&f, &opts));

  PetscCall(Begin(FLOW_WIND, "-pc_type bjacobi", &f, &opts));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "before a late choice"));
  PetscCall(GetAdjointPC(&f, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(TapGradient(&f, "its own (jacobi", "a late choice"));
  PetscCall(ADJReset(f.adj));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "its own (jacobi", "a late choice after a reset"));
  PetscCall(End(&f, &opts));

  PetscCall(Begin(FLOW_WIND, "-pc_type bjacobi", &f, &opts));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "before a PC of the user's"));
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(KSPSetPC(ksp, pc));
  PetscCall(PCDestroy(&pc));
  PetscCall(TapGradient(&f, "its own (jacobi", "a PC of the user's"));
  PetscCall(End(&f, &opts));

  PetscCall(Begin(FLOW_WIND, "-pc_type jacobi", &f, &opts));
  PetscCall(MatDuplicate(f.A, MAT_COPY_VALUES, &P));
  PetscCall(ADJSetPreconditioner(f.adj, P));
  PetscCall(MatDestroy(&P));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "its own (jacobi", "a matrix of the user's"));
  PetscCall(End(&f, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forward PC gets another type, is reset, goes away: what serves follows, and nothing dangles */
static PetscErrorCode TestForwardChanges(void)
{
  Flow         f;
  PetscOptions opts;
  KSP          ksp;
  PC           pc;

  PetscFunctionBeginUser;
  PetscCall(Begin(FLOW_WIND, "", &f, &opts));
  PetscCall(SNESGetKSP(f.snes, &ksp));
  PetscCall(GetForwardPC(&f, &pc));
  PetscCall(PCSetType(pc, PCBJACOBI));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "at first"));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(TapGradient(&f, "its own (jacobi", "another type, not set up yet"));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (jacobi), transposed", "another type"));
  PetscCall(KSPReset(ksp));
  PetscCall(TapGradient(&f, "its own (jacobi", "reset"));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (jacobi), transposed", "after the reset"));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCBJACOBI));
  PetscCall(KSPSetPC(ksp, pc));
  PetscCall(PCDestroy(&pc));
  PetscCall(TapGradient(&f, "its own (bjacobi", "another PC, not set up yet"));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "another PC"));
  PetscCall(ADJReset(f.adj));
  PetscCall(Solve(&f));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "after ADJReset()"));
  PetscCall(ADJSetPCSource(f.adj, ADJ_PC_TRANSPOSE));
  PetscCall(TapGradient(&f, "its own (bjacobi", "another source"));
  PetscCall(ADJSetPCSource(f.adj, ADJ_PC_AUTO));
  PetscCall(TapGradient(&f, "the forward PC (bjacobi), transposed", "and back"));
  PetscCall(End(&f, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products with a transpose so far; how PETSc calls the event differs */
static PetscErrorCode CountTransposed(PetscInt *count)
{
  const char *const  names[] = {"MatMultTranspose", "MatMultTr", "MatMultHermitianTranspose", "MatMultHermTrans", "MatMultHTr"};
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBeginUser;
  *count = 0;
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(names); i++) {
    PetscCall(PetscLogEventGetId(names[i], &event));
    if (event < 0) continue;
    PetscCall(PetscLogEventGetPerfInfo(PETSC_DETERMINE, event, &info));
    *count += (PetscInt)info.count;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The KSP type of a symmetric problem comes with the preconditioner; PETSc's word for it will do, and its products are not transposed */
static PetscErrorCode TestSymmetric(PetscBool claimed, const char options[], const char expected[])
{
  Flow         f;
  PetscOptions opts;
  KSP          ksp;
  PetscBool    same;
  PetscInt     before, after;
  KSPType      type;

  PetscFunctionBeginUser;
  PetscCall(Begin(FLOW_SYMMETRIC, options, &f, &opts));
  if (claimed)
    PetscCall(ADJSetSymmetric(f.adj, PETSC_TRUE));
  else {
    PetscCall(MatSetOption(f.J, MAT_SYMMETRIC, PETSC_TRUE));
    PetscCall(MatSetOption(f.J, MAT_HERMITIAN, PETSC_TRUE));
    PetscCall(MatSetOption(f.J, MAT_SYMMETRY_ETERNAL, PETSC_TRUE));
  }
  PetscCall(Solve(&f));
  PetscCall(CountTransposed(&before));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(CountTransposed(&after));
  PetscCall(TapOk((PetscBool)(before == after), "%s: no product is transposed", options));
  PetscCall(TapGradient(&f, "the forward PC (jacobi) as it is", options));
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(KSPGetType(ksp, &type));
  PetscCall(PetscStrcmp(type, expected, &same));
  PetscCall(TapOk(same, "%s, %s symmetric: the KSP is %s, expected %s", options, claimed ? "claimed" : "known", type, expected));
  PetscCall(End(&f, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Without symmetry only what copes with a varying preconditioner is taken over */
static PetscErrorCode TestKSPType(const char forward[], const char expected[])
{
  Flow         f;
  PetscOptions opts;
  KSP          ksp;
  PetscBool    same;
  PetscInt     before, after;
  KSPType      type;
  char         options[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(options, sizeof(options), "-pc_type jacobi -ksp_type %s", forward));
  PetscCall(Begin(FLOW_WIND, options, &f, &opts));
  PetscCall(Solve(&f));
  PetscCall(CountTransposed(&before));
  PetscCall(TapGradient(&f, "the forward PC (jacobi), transposed", options));
  PetscCall(CountTransposed(&after));
  PetscCall(TapOk((PetscBool)(before < after), "%s: products are transposed", options));
  PetscCall(ADJGetKSP(f.adj, &ksp));
  PetscCall(KSPGetType(ksp, &type));
  PetscCall(PetscStrcmp(type, expected, &same));
  PetscCall(TapOk(same, "%s: the KSP is %s, expected %s", options, type, expected));
  PetscCall(End(&f, &opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *const taken[] = {KSPCG, KSPFCG, KSPGROPPCG, KSPPIPECG, KSPMINRES, KSPSYMMLQ, KSPFGMRES, KSPGCR};
  Files             files;
  char              options[128];
  int               failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscLogDefaultBegin());
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestOptions());
  PetscCall(TestCode());
  PetscCall(TestForwardChanges());
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(taken); i++) {
    PetscCall(PetscSNPrintf(options, sizeof(options), "-pc_type jacobi -ksp_type %s -adj_ksp_rtol 1e-10", taken[i]));
    PetscCall(TestSymmetric(PETSC_TRUE, options, taken[i]));
  }
  PetscCall(TestSymmetric(PETSC_FALSE, "-pc_type jacobi -ksp_type cg", KSPCG));
  PetscCall(TestSymmetric(PETSC_FALSE, "-pc_type jacobi -ksp_type bcgs", KSPGMRES));
  PetscCall(TestSymmetric(PETSC_FALSE, "-pc_type jacobi -ksp_type cg -adj_ksp_type bcgs", KSPBCGS));
  PetscCall(TestKSPType(KSPBCGS, KSPGMRES));
  PetscCall(TestKSPType(KSPFGMRES, KSPFGMRES));
  PetscCall(TestKSPType(KSPGCR, KSPGCR));
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
