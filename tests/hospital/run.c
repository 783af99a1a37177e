/*
   One patient: its objects, its solves, its derivative against the truth.
*/
#include "hospital.h"

/* The part of an array that this process owns */
static PetscErrorCode VecSetLocalPart(Vec v, const PetscScalar all[])
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(v, i, all[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The whole of v, on every process */
static PetscErrorCode VecGetWhole(Vec v, PetscScalar all[])
{
  Vec                seq;
  VecScatter         scatter;
  PetscInt           n;
  const PetscScalar *a;

  PetscFunctionBeginUser;
  PetscCall(VecScatterCreateToAll(v, &scatter, &seq));
  PetscCall(VecScatterBegin(scatter, v, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(scatter, v, seq, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetSize(seq, &n));
  PetscCall(VecGetArrayRead(seq, &a));
  PetscCall(PetscArraycpy(all, a, n));
  PetscCall(VecRestoreArrayRead(seq, &a));
  PetscCall(VecScatterDestroy(&scatter));
  PetscCall(VecDestroy(&seq));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The owned rows of an n x m array; inner: without the columns of other processes and those more than half of n away */
static PetscErrorCode FillMat(Mat M, PetscInt n, PetscInt m, PetscBool inner, const PetscScalar a[])
{
  PetscInt lo, hi;

  PetscFunctionBeginUser;
  PetscCall(MatGetOwnershipRange(M, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) {
    for (PetscInt j = 0; j < m; j++) {
      if (inner && (j < lo || j >= hi || PetscAbsInt(i - j) > n / 2)) continue;
      if (a[i * m + j] != 0.0 || i == j) PetscCall(MatSetValue(M, i, j, a[i * m + j], INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(M, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(M, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateVecs(Case *c)
{
  Vec *xs[] = {&c->v, &c->x, &c->x0, &c->xdot, &c->u, &c->w, &c->first, &c->last}, *thetas[] = {&c->thetadot, &c->thetabar, &c->tt};

  PetscFunctionBeginUser;
  PetscCall(MatCreateVecs(c->B, &c->theta, &c->c));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(xs); i++) PetscCall(VecDuplicate(c->c, xs[i]));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(thetas); i++) PetscCall(VecDuplicate(c->theta, thetas[i]));
  PetscCall(VecSetLocalPart(c->c, c->data.c));
  PetscCall(VecSetLocalPart(c->theta, c->data.theta));
  PetscCall(VecSetLocalPart(c->thetadot, c->data.thetadot));
  PetscCall(VecSetLocalPart(c->v, c->data.v));
  PetscCall(VecSetWave(c->thetabar, 11)); /* outputs are to be overwritten */
  PetscCall(VecSetWave(c->xdot, 12));
  if (c->patient->start != FROM_ZERO) PetscCall(VecSetLocalPart(c->x, c->data.x));
  PetscCall(VecSetWave(c->w, 13));
  if (c->patient->start == FROM_NEAR) PetscCall(VecAXPY(c->x, 1e-3, c->w));
  PetscCall(VecCopy(c->x, c->x0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Keeps every other entry */
static PetscErrorCode ApplyBrokenPC(PC pc, Vec x, Vec y)
{
  PetscInt     lo, hi;
  PetscScalar *a;

  (void)pc;
  PetscFunctionBeginUser;
  PetscCall(VecCopy(x, y));
  PetscCall(VecGetOwnershipRange(y, &lo, &hi));
  PetscCall(VecGetArray(y, &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] *= i % 2;
  PetscCall(VecRestoreArray(y, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BreakPC(ADJ adj)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBeginUser;
  PetscCall(ADJGetKSP(adj, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetApply(pc, ApplyBrokenPC));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* I - diag(g'(u)) A at the first solution */
static PetscErrorCode GiveMatrix(Case *c)
{
  const Data  *d = &c->data;
  PetscScalar *a;
  PetscInt     nl;
  Mat          P;

  PetscFunctionBeginUser;
  PetscCall(VecGetLocalSize(c->x, &nl));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, nl, nl, d->n, d->n, &P));
  PetscCall(PetscMalloc1(d->n * d->n, &a));
  for (PetscInt i = 0; i < d->n; i++) {
    for (PetscInt j = 0; j < d->n; j++) a[i * d->n + j] = (i == j ? 1.0 : 0.0) - CurveSlope(c->patient->curve, c->patient->s, d->u[i]) * d->A[i * d->n + j];
  }
  PetscCall(FillMat(P, d->n, d->n, PETSC_FALSE, a));
  PetscCall(ADJSetPreconditioner(c->adj, P));
  PetscCall(MatDestroy(&P));
  PetscCall(PetscFree(a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateNullSpace(Case *c, const PetscScalar all[], PetscInt seed, MatNullSpace *nsp)
{
  Vec z;

  PetscFunctionBeginUser;
  if (c->patient->null == NULL_CONSTANT) {
    PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, nsp));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecDuplicate(c->x, &z));
  PetscCall(VecSetLocalPart(z, all));
  if (c->patient->null == NULL_WRONG) PetscCall(VecSetWave(z, seed));
  PetscCall(VecNormalize(z, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &z, nsp));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GiveNullSpaces(Case *c)
{
  MatNullSpace right, left;

  PetscFunctionBeginUser;
  PetscCall(CreateNullSpace(c, c->data.right, 14, &right));
  PetscCall(CreateNullSpace(c, c->data.left, 15, &left));
  PetscCall(ADJSetNullSpace(c->adj, right, left));
  PetscCall(MatNullSpaceDestroy(&right));
  PetscCall(MatNullSpaceDestroy(&left));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Case *c)
{
  const Patient *p = c->patient;

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &c->adj));
  if (p->residual)
    PetscCall(ADJSetResidual(c->adj, CaseMap, c));
  else
    PetscCall(ADJSetFixedPoint(c->adj, CaseMap, c));
  PetscCall(ADJSetVJP(c->adj, CaseVJP, c));
  if (!p->nojvp) PetscCall(ADJSetJVP(c->adj, CaseJVP, c));
  PetscCall(ADJSetLinearize(c->adj, CaseLinearize, c));
  PetscCall(ADJSetObjective(c->adj, CaseObjective, c));
  if (p->matrix) PetscCall(GiveMatrix(c));
  if (p->null) PetscCall(GiveNullSpaces(c));
  PetscCall(ADJSetFromOptions(c->adj));
  PetscCall(ADJSetTrustAction(c->adj, ADJ_TRUST_ACTION_IGNORE));
  if (p->disease == BROKEN_PC) PetscCall(BreakPC(c->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseCreate(const Patient *p, Case *c)
{
  PetscInt nl, ml;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(c, sizeof(*c)));
  c->patient = p;
  PetscCall(DataCreate(p, &c->data));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, p->xlayout, c->data.n, &nl));
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, p->thetalayout, c->data.m, &ml));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, nl, nl, c->data.n, c->data.n, &c->A));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, nl, nl, c->data.n, c->data.n, &c->inner));
  PetscCall(MatCreateFullAIJ(PETSC_COMM_WORLD, nl, ml, c->data.n, c->data.m, &c->B));
  PetscCall(FillMat(c->A, c->data.n, c->data.n, PETSC_FALSE, c->data.A));
  PetscCall(FillMat(c->inner, c->data.n, c->data.n, PETSC_TRUE, c->data.A));
  PetscCall(FillMat(c->B, c->data.n, c->data.m, PETSC_FALSE, c->data.B));
  PetscCall(CreateVecs(c));
  PetscCall(CreateADJ(c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CaseDestroy(Case *c)
{
  Vec *vecs[] = {&c->c, &c->x, &c->theta, &c->thetadot, &c->thetabar, &c->xdot, &c->v, &c->x0, &c->u, &c->w, &c->tt, &c->first, &c->last};

  PetscFunctionBeginUser;
  PetscCall(ADJDestroy(&c->adj));
  PetscCall(MatDestroy(&c->A));
  PetscCall(MatDestroy(&c->B));
  PetscCall(MatDestroy(&c->inner));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscCall(DataDestroy(&c->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* theta <- (1 + move) theta, in both places */
static PetscErrorCode Move(Case *c, PetscReal move)
{
  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < c->data.m; j++) c->data.theta[j] *= 1.0 + move;
  PetscCall(VecSetLocalPart(c->theta, c->data.theta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The last derivative joins the others: the worst verdict and the largest error count; NaN is the largest */
static PetscErrorCode Collect(Case *c, PetscReal error, Result *r)
{
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrustReport(c->adj, &report));
  if (r->report.verdict == ADJ_TRUST_NONE || report.verdict < r->report.verdict) r->report = report;
  if (!(error <= r->error)) r->error = error;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CollectAdjoint(Case *c, Result *r)
{
  PetscScalar *g, *truth;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(c->data.m, &g, c->data.m, &truth));
  PetscCall(VecGetWhole(c->thetabar, g));
  PetscCall(TruthAdjoint(c->patient, &c->data, c->data.theta, c->data.v, truth));
  PetscCall(Collect(c, ArrayDistance(c->data.m, g, truth), r));
  PetscCall(PetscFree2(g, truth));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Adjoint(Case *c, Result *r)
{
  PetscFunctionBeginUser;
  PetscCall(ADJSolveAdjoint(c->adj, c->v, c->thetabar));
  PetscCall(CollectAdjoint(c, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Tangent(Case *c, Result *r)
{
  PetscScalar *xdot, *truth;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(c->data.n, &xdot, c->data.n, &truth));
  PetscCall(ADJSolveTangent(c->adj, c->thetadot, c->xdot));
  PetscCall(VecGetWhole(c->xdot, xdot));
  PetscCall(TruthTangent(c->patient, &c->data, c->data.theta, truth));
  PetscCall(Collect(c, ArrayDistance(c->data.n, xdot, truth), r));
  PetscCall(PetscFree2(xdot, truth));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Objective(Case *c, Result *r)
{
  PetscReal value;

  PetscFunctionBeginUser;
  PetscCall(ADJSetSolution(c->adj, c->x));
  PetscCall(ADJComputeObjectiveAndGradient(c->adj, c->theta, &value, c->thetabar));
  PetscCall(CollectAdjoint(c, r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Cotangents(Case *c, PetscInt count, PetscReal scale, Result *r)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < count; k++) {
    PetscCall(Adjoint(c, r));
    for (PetscInt i = 0; i < c->data.n; i++) c->data.v[i] = scale != 1.0 ? scale * c->data.v[i] : Wave(20 + k, i, 1);
    PetscCall(VecSetLocalPart(c->v, c->data.v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Sequence(Case *c, PetscInt count, PetscReal move, PetscBool lastonly, Result *r)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < count; k++) {
    if (k) PetscCall(Move(c, move));
    if (k) PetscCall(ADJSolve(c->adj, c->theta, c->x));
    if (lastonly) PetscCall(PetscMemzero(r, sizeof(*r)));
    PetscCall(Adjoint(c, r));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunTask(Case *c, Result *r)
{
  const Patient  *p    = c->patient;
  const PetscReal move = p->move != 0.0 ? p->move : 0.3;

  PetscFunctionBeginUser;
  if (p->task == DO_OBJECTIVE) {
    PetscCall(Objective(c, r));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJSolve(c->adj, c->theta, c->x));
  if (p->task == DO_TANGENT || p->task == DO_BOTH) PetscCall(Tangent(c, r));
  if (p->task == DO_ADJOINT || p->task == DO_BOTH) PetscCall(Adjoint(c, r));
  if (p->task == DO_COTANGENTS) PetscCall(Cotangents(c, 4, 1.0, r));
  if (p->task == DO_SEQUENCE) PetscCall(Sequence(c, 5, move / 3.0, PETSC_FALSE, r));
  if (p->task == DO_SECOND) PetscCall(Sequence(c, 2, move, PETSC_TRUE, r));
  if (p->task == DO_SECOND_V) {
    PetscCall(Cotangents(c, 1, 1e-8, r));
    PetscCall(PetscMemzero(r, sizeof(*r)));
    PetscCall(Adjoint(c, r));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With the options in force */
PetscErrorCode PatientRun(const Patient *p, Result *r)
{
  Case           c;
  Result         truth;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  if (p->custom) {
    PetscCall((*p->custom)(p, r));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(CaseCreate(p, &c));
  PetscCall(TruthExamine(p, &c.data, &truth));
  ierr       = RunTask(&c, r);
  r->truth   = truth.truth;
  r->kink    = truth.kink;
  r->remains = truth.remains;
  r->pivot   = truth.pivot;
  PetscCall(CaseDestroy(&c));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}
