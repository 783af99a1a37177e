/*
   Which preconditioner serves the adjoint, and the tangent, where the forward solver was borrowed. That of the forward
   solver, P, has been set up and costs nothing more:

       adjoint   P^{-1}   where the operator, or what P is built on, is its own transpose
                 P^{-H}   where PCApplyTranspose() passes a dot-product test; once for each set-up of P
                 else a PC of its own on the transposed matrix, by default of the type of P
       tangent   P^{-1}

   P is referenced, and never set up from here. What is inside of it and works on the matrix itself follows the matrix.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/pcimpl.h>

typedef enum {
  ROUTE_OWN,
  ROUTE_ASIS,
  ROUTE_TRANSPOSED
} ADJPCRoute;

/* The preconditioner of one KSP: its own stays aside while a shell stands in its place */
typedef struct {
  ADJPCRoute    route;
  PC            own, shell; /* own: NULL while it is in the KSP */
  PC            forward;    /* of the shell; referenced */
  Vec           work;
  char          deftype[64]; /* type of `own` that came by default; another one is the user's choice */
  char          ksptype[64]; /* type of the KSP that was taken over from the forward one; empty: none */
  PetscObjectId copiedid;    /* of the forward PC that `own` was made like, and its type; 0: of none that had been set up */
  char          copiedtype[64];
  PetscBool     innerdue; /* the solvers inside are still to be made so */
  PetscBool     fields;   /* its type was chosen, its fields are those of the forward one */
} ADJPCUse;

typedef struct {
  ADJPCUse         use[2];            /* of the adjoint, of the tangent */
  PetscObjectId    id, pmatid;        /* of the forward PC that was looked at */
  PetscObjectState state;             /* of its matrix at its set-up */
  char             type[64];          /* its type then */
  char             obstacle[128];     /* why it cannot be applied here; empty: it can */
  PetscBool        tested;            /* its transpose */
  PetscReal        mismatch;          /* of the test; negative: none was made */
  char             untransposed[256]; /* why its transpose cannot be applied; empty: it can */
  char             text[512];         /* what was chosen and why */
} ADJPCReuse;

static PetscErrorCode ADJGetPCReuse_Private(ADJ adj, ADJPCReuse **r)
{
  PetscFunctionBegin;
  if (!adj->pcreuse) {
    PetscCall(PetscNew(r));
    adj->pcreuse = *r;
  }
  *r = (ADJPCReuse *)adj->pcreuse;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetPCUse_Private(ADJ adj, KSP ksp, ADJPCUse **use)
{
  ADJPCReuse *r;

  PetscFunctionBegin;
  PetscCall(ADJGetPCReuse_Private(adj, &r));
  *use = ksp == adj->ksp ? &r->use[0] : (ksp == adj->tksp ? &r->use[1] : NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCApply_ADJ_Forward(PC pc, Vec x, Vec y)
{
  ADJPCUse *use;

  PetscFunctionBegin;
  PetscCall(PCShellGetContext(pc, &use));
  PetscCall(ADJApplyPC_Private(use->forward, (PetscBool)(use->route == ROUTE_TRANSPOSED), use->work, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A user who got the shell from the KSP and gave it another type, or gave the KSP another PC, has chosen */
static PetscErrorCode ADJSettlePC_Private(KSP ksp, ADJPCUse *use)
{
  PC        pc;
  PetscBool shell = PETSC_FALSE;
  void     *ctx   = NULL;

  PetscFunctionBegin;
  if (!use->own) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  if (pc == use->shell) PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCSHELL, &shell));
  if (shell) PetscCall(PCShellGetContext(pc, &ctx));
  if (ctx == (void *)use) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCDestroy(&use->own));
  if (pc == use->shell) PetscCall(PCDestroy(&use->shell));
  use->deftype[0] = '\0';
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Its prefix keeps -pc_type of other solvers away */
static PetscErrorCode ADJCreatePCShell_Private(ADJ adj, ADJPCUse *use)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, "adj_forward_again_", sizeof(prefix), prefix));
  PetscCall(PCCreate(PetscObjectComm((PetscObject)adj), &use->shell));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)use->shell, (PetscObject)adj, 2));
  PetscCall(PetscObjectSetOptions((PetscObject)use->shell, ((PetscObject)adj)->options));
  PetscCall(PCSetOptionsPrefix(use->shell, prefix));
  PetscCall(PCSetType(use->shell, PCSHELL));
  PetscCall(PCShellSetContext(use->shell, use));
  PetscCall(PCShellSetApply(use->shell, PCApply_ADJ_Forward));
  if (PetscDefined(USE_COMPLEX)) PetscCall(VecDuplicate(adj->r, &use->work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPutOwnPC_Private(KSP ksp, ADJPCUse *use)
{
  PetscFunctionBegin;
  PetscCall(ADJSettlePC_Private(ksp, use));
  use->route = ROUTE_OWN;
  if (use->own) PetscCall(KSPSetPC(ksp, use->own));
  PetscCall(PCDestroy(&use->own));
  PetscCall(PCDestroy(&use->forward));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPutForwardPC_Private(ADJ adj, KSP ksp, ADJPCUse *use, ADJPCRoute route, PC forward)
{
  PC          pc;
  const char *type = ((PetscObject)forward)->type_name;
  char        name[128];

  PetscFunctionBegin;
  use->route = route;
  PetscCall(PetscObjectReference((PetscObject)forward));
  PetscCall(PCDestroy(&use->forward));
  use->forward = forward;
  if (!use->shell) PetscCall(ADJCreatePCShell_Private(adj, use));
  PetscCall(PetscSNPrintf(name, sizeof(name), "that of the forward solver (%s)%s", type, route == ROUTE_TRANSPOSED ? ", transposed" : ""));
  PetscCall(PCShellSetName(use->shell, name));
  if (use->own) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscObjectReference((PetscObject)pc));
  use->own = pc;
  PetscCall(KSPSetPC(ksp, use->shell));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Records that the present type of the KSP's PC was chosen by nobody */
PetscErrorCode ADJNoteDefaultPC_Private(ADJ adj, KSP ksp)
{
  ADJPCUse *use;
  PC        pc;

  PetscFunctionBegin;
  PetscCall(ADJGetPCUse_Private(adj, ksp, &use));
  if (!use) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscStrncpy(use->deftype, ((PetscObject)pc)->type_name ? ((PetscObject)pc)->type_name : "", sizeof(use->deftype)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the user has chosen the KSP's own PC: by option, or in code */
PetscErrorCode ADJPCChosen_Private(ADJ adj, KSP ksp, PetscBool *chosen)
{
  ADJPCUse *use;
  PC        pc;

  PetscFunctionBegin;
  PetscCall(ADJGetPCUse_Private(adj, ksp, &use));
  PetscCall(KSPGetPC(ksp, &pc));
  if (use && use->own) pc = use->own;
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, ((PetscObject)pc)->prefix, "-pc_type", chosen));
  if (*chosen || !use || !((PetscObject)pc)->type_name) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrcmp(((PetscObject)pc)->type_name, use->deftype, chosen));
  *chosen = (PetscBool) !*chosen;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a PC that was set up: same system, same processes, not failed, complete outside of its KSP */
static PetscErrorCode ADJFindObstacle_Private(ADJ adj, PC pc, char text[], size_t len)
{
  MPI_Comm       comm = PetscObjectComm((PetscObject)adj);
  PetscMPIInt    same, differs[2];
  PetscInt       n, rows, cols;
  PCFailedReason failed;

  PetscFunctionBegin;
  text[0] = '\0';
  PetscCallMPI(MPI_Comm_compare(comm, PetscObjectComm((PetscObject)pc), &same));
  if (same != MPI_IDENT && same != MPI_CONGRUENT) PetscCall(PetscStrncpy(text, "lives on other processes", len));
  if (text[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetLocalSize(adj->r, &n));
  PetscCall(MatGetLocalSize(pc->pmat, &rows, &cols));
  PetscCall(PCGetFailedReason(pc, &failed));
  differs[0] = rows != n || cols != n;
  differs[1] = failed != PC_NOERROR;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, differs, 2, MPI_INT, MPI_MAX, comm));
  if (differs[0])
    PetscCall(PetscStrncpy(text, "belongs to a system of another size or layout", len));
  else if (differs[1])
    PetscCall(PetscStrncpy(text, "could not be set up", len));
  else if (pc->ops->presolve || ADJPCHasUserPreSolve(pc))
    PetscCall(PetscStrncpy(text, "changes the system that its own KSP solves", len));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The forward PC as it is now, or `NULL` with the reason in r->obstacle. Looked at once for each of its set-ups */
static PetscErrorCode ADJLookAtForwardPC_Private(ADJ adj, ADJPCReuse *r, PC *forward)
{
  PetscObjectId id, pmatid;
  PetscBool     same;
  PC            pc = *forward;

  PetscFunctionBegin;
  *forward = NULL;
  if (!pc->setupcalled || !pc->pmat) {
    r->id = 0;
    PetscCall(PetscStrncpy(r->obstacle, "has not been set up", sizeof(r->obstacle)));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscObjectGetId((PetscObject)pc, &id));
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &pmatid));
  PetscCall(PetscStrcmp(((PetscObject)pc)->type_name, r->type, &same));
  if (!same || id != r->id || pmatid != r->pmatid || pc->matstate != r->state) {
    PetscCall(ADJFindObstacle_Private(adj, pc, r->obstacle, sizeof(r->obstacle)));
    PetscCall(PetscStrncpy(r->type, ((PetscObject)pc)->type_name, sizeof(r->type)));
    r->id     = id;
    r->pmatid = pmatid;
    r->state  = pc->matstate;
    r->tested = PETSC_FALSE;
  }
  if (!r->obstacle[0]) *forward = pc;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P^{-1} is a preconditioner of M^H = M, and of any M^H if it is built on a matrix that is its own transpose */
static PetscErrorCode ADJServesAsItIs_Private(ADJ adj, PC forward, PetscBool *yes)
{
  PetscFunctionBegin;
  PetscCall(ADJIsSymmetric_Private(adj, yes));
  if (!*yes) PetscCall(ADJIsSelfAdjoint_Private(forward->pmat, yes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Decides on the adjoint's; if it is its own, `why` */
static PetscErrorCode ADJDecide_Private(ADJ adj, ADJPCReuse *r, PC *forward, ADJPCRoute *route, char why[], size_t len)
{
  PetscBool chosen, none, asis;

  PetscFunctionBegin;
  *route = ROUTE_OWN;
  PetscCall(ADJPCChosen_Private(adj, adj->ksp, &chosen));
  PetscCall(PetscObjectTypeCompare((PetscObject)*forward, PCNONE, &none));
  if (adj->pcsource == ADJ_PC_TRANSPOSE)
    PetscCall(PetscStrncpy(why, "-adj_pc_source transpose", len));
  else if (adj->pcsource == ADJ_PC_AUTO && chosen)
    PetscCall(PetscStrncpy(why, "its type was chosen", len));
  else if (adj->pcsource == ADJ_PC_AUTO && adj->P && !adj->Pofjacobian)
    PetscCall(PetscStrncpy(why, "ADJSetPreconditioner() gave its matrix", len));
  else if (none)
    PetscCall(PetscStrncpy(why, "the forward solver has none", len));
  else {
    PetscCall(ADJLookAtForwardPC_Private(adj, r, forward));
    if (!*forward) {
      PetscCall(PetscSNPrintf(why, len, "the forward PC %s", r->obstacle));
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    PetscCall(ADJServesAsItIs_Private(adj, *forward, &asis));
    if (!asis && !r->tested) PetscCall(ADJTestPCTranspose_Private(adj, *forward, &r->mismatch, r->untransposed, sizeof(r->untransposed)));
    if (!asis) r->tested = PETSC_TRUE;
    if (!asis) PetscCall(PetscStrncpy(why, r->untransposed, len));
    *route = asis ? ROUTE_ASIS : (why[0] ? ROUTE_OWN : ROUTE_TRANSPOSED);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Methods that the forward KSP was given for a reason: for a preconditioner that varies, and, with a symmetric operator, those
   that need it; if the preconditioner is the forward one, or `like` it. Else GMRES stays, and so does the user's choice, by
   option or any type but ours
*/
static PetscErrorCode ADJTakeKSPType_Private(ADJ adj, KSP ksp, ADJPCUse *use, PetscBool symmetric, PetscBool like)
{
  KSP         forward = NULL;
  PetscBool   chosen, flexible = PETSC_FALSE, wanted = PETSC_FALSE, gmres, same;
  const char *type = KSPGMRES;

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(((PetscObject)ksp)->options, ((PetscObject)ksp)->prefix, "-ksp_type", &chosen));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPGMRES, &gmres));
  PetscCall(PetscStrcmp(((PetscObject)ksp)->type_name, use->ksptype, &same));
  if (chosen || (!gmres && !same)) PetscFunctionReturn(PETSC_SUCCESS);
  if (adj->adapter->getksp) PetscCall((*adj->adapter->getksp)(adj, &forward));
  if (forward && ((PetscObject)forward)->type_name) {
    PetscCall(PetscObjectTypeCompareAny((PetscObject)forward, &flexible, KSPFGMRES, KSPGCR, ""));
    if (symmetric && like) PetscCall(PetscObjectTypeCompareAny((PetscObject)forward, &wanted, KSPCG, KSPFCG, KSPGROPPCG, KSPPIPECG, KSPPIPEFCG, KSPMINRES, KSPSYMMLQ, ""));
    if ((flexible && like) || wanted) type = ((PetscObject)forward)->type_name;
  }
  PetscCall(PetscStrcmp(((PetscObject)ksp)->type_name, type, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPSetType(ksp, type));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(ADJAllowNorm_Private(ksp));
  PetscCall(PetscStrncpy(use->ksptype, type, sizeof(use->ksptype)));
  PetscCall(PetscInfo(adj, "%s KSP: type %s, of the forward solver\n", use == &((ADJPCReuse *)adj->pcreuse)->use[0] ? "adjoint" : "tangent", type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -adj_pc_type fieldsplit: the fields are those of the forward one, and so is what no option says of their solvers */
static PetscErrorCode ADJTakeFields_Private(ADJ adj, ADJPCUse *use, PC forward)
{
  PC            pc;
  PetscObjectId id;
  PetscBool     option, both[2];

  PetscFunctionBegin;
  if (!forward->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(adj->ksp, &pc));
  PetscCall(PetscObjectGetId((PetscObject)forward, &id));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, ((PetscObject)pc)->prefix, "-pc_type", &option));
  PetscCall(PetscObjectTypeCompare((PetscObject)forward, PCFIELDSPLIT, &both[0]));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCFIELDSPLIT, &both[1]));
  if (!option || !both[0] || !both[1] || use->copiedid == id) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJCopyFieldSplit_Private(forward, pc));
  PetscCall(PCSetFromOptions(pc));
  use->copiedid = id;
  use->innerdue = use->fields = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the type of the forward one, unless the user has chosen; made anew when that is another one, or has been set up since */
static PetscErrorCode ADJMakeOwnPC_Private(ADJ adj, ADJPCUse *use, PC forward)
{
  const char   *type = ((PetscObject)forward)->type_name;
  PC            pc;
  PetscObjectId id = 0;
  PetscBool     chosen, none, same;

  PetscFunctionBegin;
  PetscCall(ADJPCChosen_Private(adj, adj->ksp, &chosen));
  if (chosen) PetscCall(ADJTakeFields_Private(adj, use, forward));
  if (chosen || !type) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)forward, PCNONE, &none));
  if (!adj->P && !none) PetscFunctionReturn(PETSC_SUCCESS);
  if (forward->setupcalled) PetscCall(PetscObjectGetId((PetscObject)forward, &id));
  PetscCall(PetscStrcmp(type, use->copiedtype, &same));
  if (same && id == use->copiedid) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KSPGetPC(adj->ksp, &pc));
  PetscCall(ADJCopyPC_Private(forward, pc));
  PetscCall(ADJUseMatrixInPC_Private(adj, adj->ksp)); /* some types have it otherwise by default */
  PetscCall(PCSetFromOptions(pc));
  PetscCall(ADJNoteDefaultPC_Private(adj, adj->ksp));
  PetscCall(PetscStrncpy(use->copiedtype, type, sizeof(use->copiedtype)));
  use->copiedid = id;
  use->innerdue = (PetscBool)(id != 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJTellPC_Private(ADJ adj, ADJPCReuse *r, const char why[])
{
  const ADJPCUse *use  = &r->use[0];
  const char     *type = use->forward ? ((PetscObject)use->forward)->type_name : NULL, *on = "";
  char            text[sizeof(r->text)];
  PetscBool       same, none;
  PC              pc;

  PetscFunctionBegin;
  if (use->route == ROUTE_ASIS)
    PetscCall(PetscSNPrintf(text, sizeof(text), "the forward PC (%s) as it is: its matrix is its own transpose", type));
  else if (use->route == ROUTE_TRANSPOSED)
    PetscCall(PetscSNPrintf(text, sizeof(text), "the forward PC (%s), transposed: it passed the dot-product test, %.1e", type, (double)r->mismatch));
  else {
    PetscCall(KSPGetPC(adj->ksp, &pc));
    PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &none, PCNONE, PCSHELL, ""));
    PetscCall(ADJIsSymmetric_Private(adj, &same));
    if (adj->P && !same) PetscCall(ADJIsSelfAdjoint_Private(adj->P, &same));
    if (adj->P && !none) on = same ? ", on the matrix" : ", on the transposed matrix";
    type = ((PetscObject)pc)->type_name;
    PetscCall(PetscSNPrintf(text, sizeof(text), "its own (%s%s): %s", type ? type : "no type", on, why));
  }
  PetscCall(PetscStrcmp(text, r->text, &same));
  if (same) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrncpy(r->text, text, sizeof(r->text)));
  PetscCall(PetscInfo(adj, "Preconditioner of the adjoint: %s\n", text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetForwardPC_Private(ADJ adj, PC *forward)
{
  PetscFunctionBegin;
  *forward = NULL;
  if (adj->adapter && adj->adapter->getpc && adj->form == ADJ_RESIDUAL) PetscCall((*adj->adapter->getpc)(adj, forward));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Puts the preconditioner of the adjoint into its KSP. Asked before each solve: the user may have changed the forward one */
PetscErrorCode ADJChooseAdjointPC_Private(ADJ adj)
{
  MPI_Comm    comm = PetscObjectComm((PetscObject)adj);
  PC          forward, ready;
  ADJPCReuse *r;
  ADJPCUse   *use;
  ADJPCRoute  route;
  PetscBool   symmetric, chosen, none;
  char        why[256] = "";

  PetscFunctionBegin;
  PetscCall(ADJGetForwardPC_Private(adj, &forward));
  PetscCheck(forward || adj->pcsource != ADJ_PC_FORWARD, comm, PETSC_ERR_SUP, "-adj_pc_source forward, but there is no borrowed forward solver with a preconditioner: take auto");
  if (!forward && !adj->pcreuse) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetPCReuse_Private(adj, &r));
  use = &r->use[0];
  PetscCall(ADJSettlePC_Private(adj->ksp, use));
  if (!forward) {
    PetscCall(ADJPutOwnPC_Private(adj->ksp, use));
    r->text[0] = '\0';
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  ready = forward;
  PetscCall(ADJDecide_Private(adj, r, &ready, &route, why, sizeof(why)));
  PetscCall(PetscObjectTypeCompare((PetscObject)forward, PCNONE, &none));
  PetscCheck(route != ROUTE_OWN || adj->pcsource != ADJ_PC_FORWARD || none, comm, PETSC_ERR_SUP, "-adj_pc_source forward, but %s; take auto, or give the forward solver another preconditioner", why);
  if (route == ROUTE_OWN) {
    PetscCall(ADJPutOwnPC_Private(adj->ksp, use));
    PetscCall(ADJMakeOwnPC_Private(adj, use, forward));
  } else
    PetscCall(ADJPutForwardPC_Private(adj, adj->ksp, use, route, ready));
  PetscCall(ADJIsSymmetric_Private(adj, &symmetric));
  PetscCall(ADJPCChosen_Private(adj, adj->ksp, &chosen));
  PetscCall(ADJTakeKSPType_Private(adj, adj->ksp, use, symmetric, (PetscBool)(route != ROUTE_OWN || !chosen || use->fields)));
  PetscCall(ADJTellPC_Private(adj, r, why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After KSPSetOperators(): the solvers inside of a PC that is made like the forward one exist after its set-up */
PetscErrorCode ADJCompleteAdjointPC_Private(ADJ adj)
{
  PC        forward, pc;
  ADJPCUse *use = adj->pcreuse ? &((ADJPCReuse *)adj->pcreuse)->use[0] : NULL;

  PetscFunctionBegin;
  if (!use || !use->innerdue || use->route != ROUTE_OWN) PetscFunctionReturn(PETSC_SUCCESS);
  use->innerdue = PETSC_FALSE;
  PetscCall(ADJGetForwardPC_Private(adj, &forward));
  PetscCall(KSPGetPC(adj->ksp, &pc));
  if (!forward) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCSetUp(pc));
  PetscCall(ADJCopyInnerPC_Private(forward, pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The tangent has the operator of the forward solve: its preconditioner serves as it is, unless the user wants another one */
PetscErrorCode ADJChooseTangentPC_Private(ADJ adj)
{
  PC          forward;
  ADJPCReuse *r;
  PetscBool   chosen, none = PETSC_FALSE, symmetric;

  PetscFunctionBegin;
  PetscCall(ADJGetForwardPC_Private(adj, &forward));
  if (!forward && !adj->pcreuse) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJGetPCReuse_Private(adj, &r));
  PetscCall(ADJSettlePC_Private(adj->tksp, &r->use[1]));
  PetscCall(ADJPCChosen_Private(adj, adj->tksp, &chosen));
  if (forward) PetscCall(PetscObjectTypeCompare((PetscObject)forward, PCNONE, &none));
  if (forward && !none && !chosen && !(adj->P && !adj->Pofjacobian))
    PetscCall(ADJLookAtForwardPC_Private(adj, r, &forward));
  else
    forward = NULL;
  if (!forward)
    PetscCall(ADJPutOwnPC_Private(adj->tksp, &r->use[1]));
  else {
    PetscCall(ADJPutForwardPC_Private(adj, adj->tksp, &r->use[1], ROUTE_ASIS, forward));
    PetscCall(ADJIsSymmetric_Private(adj, &symmetric));
    PetscCall(ADJTakeKSPType_Private(adj, adj->tksp, &r->use[1], symmetric, PETSC_TRUE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJViewPCReuse_Private(ADJ adj, PetscViewer viewer)
{
  const ADJPCReuse *r = (const ADJPCReuse *)adj->pcreuse;

  PetscFunctionBegin;
  if (r && r->text[0]) PetscCall(PetscViewerASCIIPrintf(viewer, "  preconditioner of the adjoint: %s\n", r->text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The KSPs get their own preconditioners back; nothing of the forward one is held any more */
PetscErrorCode ADJPCReuseReset_Private(ADJ adj)
{
  ADJPCReuse *r      = (ADJPCReuse *)adj->pcreuse;
  KSP         ksps[] = {adj->ksp, adj->tksp};

  PetscFunctionBegin;
  if (!r) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt i = 0; i < 2; i++) {
    if (ksps[i]) PetscCall(ADJPutOwnPC_Private(ksps[i], &r->use[i]));
    PetscCall(PCDestroy(&r->use[i].shell));
    PetscCall(VecDestroy(&r->use[i].work));
    r->use[i].copiedid = 0;
    r->use[i].fields   = PETSC_FALSE;
  }
  r->id      = 0;
  r->tested  = PETSC_FALSE;
  r->text[0] = '\0';
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJPCReuseDestroy_Private(ADJ adj)
{
  PetscFunctionBegin;
  PetscCall(ADJPCReuseReset_Private(adj));
  PetscCall(PetscFree(adj->pcreuse));
  PetscFunctionReturn(PETSC_SUCCESS);
}
