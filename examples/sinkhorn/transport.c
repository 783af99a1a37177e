/*
   The map, its products, and the cost of the plan as an objective.
*/
#include "transport.h"

/* v_i between lo and hi, real and positive also with complex scalars */
PetscErrorCode SinkhornFill(Vec v, PetscInt seed, PetscReal lo, PetscReal hi)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  for (PetscInt i = first; i < last; i++) PetscCall(VecSetValue(v, i, 0.5 * (lo + hi) + 0.5 * (hi - lo) * PetscSinReal(1.0 + seed + 1.7 * (i + 1) * (seed + 1) + 0.3 * (PetscReal)(i + 1) * (i + 1)), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(v));
  PetscCall(VecAssemblyEnd(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VecRemoveMean(Vec v)
{
  PetscScalar sum;
  PetscInt    N;

  PetscFunctionBegin;
  PetscCall(VecSum(v, &sum));
  PetscCall(VecGetSize(v, &N));
  PetscCall(VecShift(v, -sum / (PetscReal)N));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SinkhornCreateNullSpaces(Sinkhorn *s)
{
  MPI_Comm comm = PetscObjectComm((PetscObject)s->x);
  Vec      W;

  PetscFunctionBegin;
  PetscCall(MatNullSpaceCreate(comm, PETSC_TRUE, 0, NULL, &s->constants));
  PetscCall(VecDuplicate(s->a0, &W));
  PetscCall(VecCopy(s->a0, W));
  PetscCall(VecNormalize(W, NULL));
  PetscCall(MatNullSpaceCreate(comm, PETSC_FALSE, 1, &W, &s->rows));
  PetscCall(VecDestroy(&W));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SinkhornCreateVecs(Sinkhorn *s)
{
  PetscFunctionBegin;
  PetscCall(MatCreateVecs(s->K, &s->s, &s->e));
  PetscCall(MatCreateVecs(s->K, &s->t, &s->q));
  PetscCall(MatCreateVecs(s->K, &s->tbar, &s->qbar));
  PetscCall(MatCreateVecs(s->K, &s->sbar, &s->rwork));
  PetscCall(MatCreateVecs(s->K, NULL, &s->x));
  PetscCall(MatCreateVecs(s->K, NULL, &s->xdot));
  PetscCall(MatCreateVecs(s->K, NULL, &s->v));
  PetscCall(VecSet(s->x, 0.0));
  PetscCall(SinkhornFill(s->v, 5, -1.0, 1.0));
  PetscCall(VecRemoveMean(s->v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Local sizes may be PETSC_DECIDE. x = 0, v of zero sum, thetadot such that a and b keep their sums */
PetscErrorCode SinkhornCreate(MPI_Comm comm, PetscReal eps, PetscInt n, PetscInt nlocal, PetscInt p, PetscInt plocal, SinkhornTheta what, Sinkhorn *s)
{
  PetscMPIInt rank;
  PetscScalar sum[2];
  Vec         of[4];

  PetscFunctionBegin;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  s->n    = n;
  s->p    = p;
  s->what = what;
  s->eps0 = eps;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(MatCreateDense(comm, nlocal, plocal, n, p, NULL, &s->K));
  PetscCall(MatCreateDense(comm, nlocal, plocal, n, p, NULL, &s->D));
  PetscCall(MatGetLocalSize(s->K, &nlocal, NULL));
  PetscCall(MatCreateVecs(s->K, &s->b0, &s->a0));
  PetscCall(VecCreateMPI(comm, nlocal * p, n * p, &s->C0));
  PetscCall(SinkhornFill(s->C0, 2, 0.0, 1.0));
  PetscCall(SinkhornFill(s->a0, 3, 0.5, 2.0));
  PetscCall(SinkhornFill(s->b0, 4, 0.5, 2.0));
  PetscCall(VecSum(s->a0, &sum[0]));
  PetscCall(VecScale(s->a0, 1.0 / sum[0]));
  PetscCall(VecSum(s->b0, &sum[1]));
  PetscCall(VecScale(s->b0, 1.0 / sum[1]));
  of[SINKHORN_COST]    = s->C0;
  of[SINKHORN_ROWS]    = s->a0;
  of[SINKHORN_COLUMNS] = s->b0;
  PetscCall(VecCreateMPI(comm, rank ? 0 : 1, 1, &of[SINKHORN_EPSILON]));
  PetscCall(VecSet(of[SINKHORN_EPSILON], s->eps0));
  PetscCall(VecDuplicate(of[what], &s->theta));
  PetscCall(VecDuplicate(of[what], &s->thetabar));
  PetscCall(VecDuplicate(of[what], &s->thetadot));
  PetscCall(VecCopy(of[what], s->theta));
  PetscCall(VecDestroy(&of[SINKHORN_EPSILON]));
  PetscCall(SinkhornFill(s->thetadot, 6, -1.0, 1.0));
  if (what >= SINKHORN_ROWS) {
    PetscCall(VecRemoveMean(s->thetadot));
    PetscCall(VecScale(s->thetadot, what == SINKHORN_ROWS ? 1.0 / n : 1.0 / p)); /* of the size of theta */
  }
  PetscCall(SinkhornCreateVecs(s));
  PetscCall(SinkhornCreateNullSpaces(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SinkhornDestroy(Sinkhorn *s)
{
  Vec *vecs[] = {&s->C0, &s->a0, &s->b0, &s->x, &s->v, &s->theta, &s->thetabar, &s->thetadot, &s->xdot, &s->e, &s->q, &s->qbar, &s->rwork, &s->s, &s->t, &s->tbar, &s->sbar};

  PetscFunctionBegin;
  PetscCall(ADJDestroy(&s->adj));
  PetscCall(MatDestroy(&s->K));
  PetscCall(MatDestroy(&s->D));
  PetscCall(MatNullSpaceDestroy(&s->constants));
  PetscCall(MatNullSpaceDestroy(&s->rows));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(vecs); i++) PetscCall(VecDestroy(vecs[i]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is done with entry (i, j) of D, of K, of the costs, and of an array of their layout or NULL */
typedef void SinkhornEntryFn(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps);

static void SinkhornKernel(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps)
{
  (void)d;
  (void)u;
  *k = PetscExpScalar(-c / eps);
}

static void SinkhornKernelDotCost(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps)
{
  (void)c;
  *d = -*k / eps * *u;
}

static void SinkhornKernelDotEpsilon(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps)
{
  (void)u;
  *d = *k * c / (eps * eps);
}

static void SinkhornWeighted(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps)
{
  (void)u;
  (void)eps;
  *d = *k * c;
}

/* Where K is the plan: the share of the factor C of <C, P> and of the direct dependence of K */
static void SinkhornAddPlan(PetscScalar *d, PetscScalar *k, PetscScalar c, PetscScalar *u, PetscReal eps)
{
  (void)d;
  *u += *k * ((PetscReal)1.0 - c / eps);
}

static PetscErrorCode SinkhornForEach(Sinkhorn *s, SinkhornEntryFn *f, Vec u)
{
  const PetscBool    writes = (PetscBool)(f == SinkhornAddPlan);
  PetscScalar       *k, *d, *ua = NULL;
  const PetscScalar *c;
  PetscInt           nl;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(s->K, &nl, NULL));
  PetscCall(MatDenseGetArray(s->K, &k));
  PetscCall(MatDenseGetArray(s->D, &d));
  PetscCall(VecGetArrayRead(s->C, &c));
  if (u && writes) PetscCall(VecGetArray(u, &ua));
  if (u && !writes) PetscCall(VecGetArrayRead(u, (const PetscScalar **)&ua));
  for (PetscInt i = 0; i < nl; i++) {
    for (PetscInt j = 0; j < s->p; j++) f(&d[j * nl + i], &k[j * nl + i], c[i * s->p + j], ua ? &ua[i * s->p + j] : NULL, s->eps);
  }
  if (u && writes) PetscCall(VecRestoreArray(u, &ua));
  if (u && !writes) PetscCall(VecRestoreArrayRead(u, (const PetscScalar **)&ua));
  PetscCall(VecRestoreArrayRead(s->C, &c));
  PetscCall(MatDenseRestoreArray(s->K, &k));
  PetscCall(MatDenseRestoreArray(s->D, &d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets K, e = e^x, s = K^T e, t = b/s, q = K t */
static PetscErrorCode SinkhornLoad(Sinkhorn *s, Vec x, Vec theta)
{
  PetscScalar eps = s->eps0;

  PetscFunctionBegin;
  s->C = s->what == SINKHORN_COST ? theta : s->C0;
  s->a = s->what == SINKHORN_ROWS ? theta : s->a0;
  s->b = s->what == SINKHORN_COLUMNS ? theta : s->b0;
  if (s->what == SINKHORN_EPSILON) PetscCall(VecSum(theta, &eps));
  s->eps = PetscRealPart(eps);
  PetscCall(SinkhornForEach(s, SinkhornKernel, NULL));
  PetscCall(VecCopy(x, s->e));
  PetscCall(VecExp(s->e));
  PetscCall(MatMultTranspose(s->K, s->e, s->s));
  PetscCall(VecPointwiseDivide(s->t, s->b, s->s));
  PetscCall(MatMult(s->K, s->t, s->q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SinkhornMap(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  Sinkhorn *s = (Sinkhorn *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(SinkhornLoad(s, x, theta));
  PetscCall(VecPointwiseDivide(y, s->a, s->q));
  PetscCall(VecLog(y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* c_ij = -K_ij/eps (alpha_i t_j + e_i sbar_j) for theta = C, or the sum of -C_ij c_ij/eps for theta = eps; alpha is not e */
static PetscErrorCode SinkhornPullKernel(Sinkhorn *s, Vec alpha, Vec thetabar)
{
  const PetscScalar *al, *e, *t, *sb, *c, *k;
  PetscScalar       *g = NULL, sum = 0.0;
  PetscInt           nl;
  VecScatter         all;
  Vec                talls[2];

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(s->K, &nl, NULL));
  PetscCall(VecScatterCreateToAll(s->t, &all, &talls[0]));
  PetscCall(VecDuplicate(talls[0], &talls[1]));
  for (PetscInt i = 0; i < 2; i++) {
    PetscCall(VecScatterBegin(all, i ? s->sbar : s->t, talls[i], INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecScatterEnd(all, i ? s->sbar : s->t, talls[i], INSERT_VALUES, SCATTER_FORWARD));
  }
  PetscCall(VecGetArrayRead(alpha, &al));
  PetscCall(VecGetArrayRead(s->e, &e));
  PetscCall(VecGetArrayRead(talls[0], &t));
  PetscCall(VecGetArrayRead(talls[1], &sb));
  PetscCall(VecGetArrayRead(s->C, &c));
  PetscCall(MatDenseGetArrayRead(s->K, &k));
  if (s->what == SINKHORN_COST) PetscCall(VecGetArrayWrite(thetabar, &g));
  for (PetscInt i = 0; i < nl; i++) {
    for (PetscInt j = 0; j < s->p; j++) {
      const PetscScalar cbar = -k[j * nl + i] / s->eps * (al[i] * t[j] + e[i] * sb[j]);

      if (g) g[i * s->p + j] = cbar;
      sum -= cbar * c[i * s->p + j] / s->eps;
    }
  }
  if (s->what == SINKHORN_COST) PetscCall(VecRestoreArrayWrite(thetabar, &g));
  PetscCall(MatDenseRestoreArrayRead(s->K, &k));
  PetscCall(VecRestoreArrayRead(s->C, &c));
  PetscCall(VecRestoreArrayRead(talls[1], &sb));
  PetscCall(VecRestoreArrayRead(talls[0], &t));
  PetscCall(VecRestoreArrayRead(s->e, &e));
  PetscCall(VecRestoreArrayRead(alpha, &al));
  PetscCall(VecDestroy(&talls[0]));
  PetscCall(VecDestroy(&talls[1]));
  PetscCall(VecScatterDestroy(&all));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)thetabar)));
  if (s->what == SINKHORN_EPSILON) PetscCall(VecSet(thetabar, PetscRealPart(sum)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* qbar = -w/q, tbar = K^T qbar, sbar = -(t/s) tbar, xbar = e K sbar; everything but w is real */
PetscErrorCode SinkhornVJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Sinkhorn *s = (Sinkhorn *)ctx;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(SinkhornLoad(s, x, theta));
  PetscCall(VecPointwiseDivide(s->qbar, w, s->q));
  PetscCall(VecScale(s->qbar, -1.0));
  PetscCall(MatMultTranspose(s->K, s->qbar, s->tbar));
  PetscCall(VecPointwiseDivide(s->tbar, s->tbar, s->s));
  PetscCall(VecPointwiseMult(s->sbar, s->t, s->tbar));
  PetscCall(VecScale(s->sbar, -1.0));
  if (thetabar && s->what <= SINKHORN_EPSILON) PetscCall(SinkhornPullKernel(s, s->qbar, thetabar));
  if (thetabar && s->what == SINKHORN_ROWS) PetscCall(VecPointwiseDivide(thetabar, w, s->a));
  if (thetabar && s->what == SINKHORN_COLUMNS) PetscCall(VecCopy(s->tbar, thetabar));
  if (xbar) {
    PetscCall(MatMult(s->K, s->sbar, s->rwork));
    PetscCall(VecPointwiseMult(xbar, s->e, s->rwork));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode SinkhornJVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Sinkhorn       *s      = (Sinkhorn *)ctx;
  const PetscBool kernel = (PetscBool)(thetadot && s->what <= SINKHORN_EPSILON);
  PetscScalar     epsdot;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(SinkhornLoad(s, x, theta));
  PetscCall(VecSet(s->sbar, 0.0)); /* here: the tangent of s, then of t */
  if (xdot) {
    PetscCall(VecPointwiseMult(s->rwork, s->e, xdot));
    PetscCall(MatMultTranspose(s->K, s->rwork, s->sbar));
  }
  if (kernel) {
    PetscCall(SinkhornForEach(s, s->what == SINKHORN_COST ? SinkhornKernelDotCost : SinkhornKernelDotEpsilon, s->what == SINKHORN_COST ? thetadot : NULL));
    PetscCall(VecSum(thetadot, &epsdot));
    if (s->what == SINKHORN_EPSILON) PetscCall(MatScale(s->D, PetscRealPart(epsdot))); /* as the map, of which epsilon is real */
    PetscCall(MatMultTransposeAdd(s->D, s->e, s->sbar, s->sbar));
  }
  PetscCall(VecPointwiseMult(s->sbar, s->t, s->sbar));
  PetscCall(VecScale(s->sbar, -1.0));
  if (thetadot && s->what == SINKHORN_COLUMNS) PetscCall(VecAXPY(s->sbar, 1.0, thetadot));
  PetscCall(VecPointwiseDivide(s->sbar, s->sbar, s->s));
  PetscCall(MatMult(s->K, s->sbar, ydot));
  if (kernel) PetscCall(MatMultAdd(s->D, s->t, ydot, ydot));
  PetscCall(VecPointwiseDivide(ydot, ydot, s->q));
  PetscCall(VecScale(ydot, -1.0));
  if (thetadot && s->what == SINKHORN_ROWS) {
    PetscCall(VecPointwiseDivide(s->rwork, thetadot, s->a));
    PetscCall(VecAXPY(ydot, 1.0, s->rwork));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* <C, P> = e^T G t with G = C o K, for theta = C: does not change with x + c */
PetscErrorCode SinkhornTransportCost(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  Sinkhorn   *s = (Sinkhorn *)ctx;
  PetscScalar dot;

  (void)adj;
  PetscFunctionBegin;
  PetscCall(SinkhornLoad(s, x, theta));
  PetscCall(SinkhornForEach(s, SinkhornWeighted, NULL));
  PetscCall(MatMult(s->D, s->t, s->rwork));
  PetscCall(VecDot(s->rwork, s->e, &dot));
  *f = PetscRealPart(dot);
  PetscCall(MatMultTranspose(s->D, s->e, s->tbar));
  PetscCall(VecPointwiseDivide(s->sbar, s->tbar, s->s));
  PetscCall(VecPointwiseMult(s->sbar, s->sbar, s->t));
  PetscCall(VecScale(s->sbar, -1.0));
  if (xbar) {
    PetscCall(MatMultAdd(s->K, s->sbar, s->rwork, xbar));
    PetscCall(VecPointwiseMult(xbar, xbar, s->e));
  }
  if (thetabar) { /* e_i t_j K_ij - K_ij/eps e_i (C_ij t_j + sbar_j) */
    PetscCall(VecSet(s->rwork, 0.0));
    PetscCall(SinkhornPullKernel(s, s->rwork, thetabar));
    PetscCall(MatDiagonalScale(s->K, s->e, s->t));
    PetscCall(SinkhornForEach(s, SinkhornAddPlan, thetabar));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* s->adj with all callbacks and the null spaces given; no options yet */
PetscErrorCode SinkhornCreateADJ(Sinkhorn *s, MatNullSpace right, MatNullSpace left, PetscBool jvp)
{
  PetscFunctionBegin;
  PetscCall(ADJCreate(PetscObjectComm((PetscObject)s->x), &s->adj));
  PetscCall(ADJSetFixedPoint(s->adj, SinkhornMap, s));
  PetscCall(ADJSetVJP(s->adj, SinkhornVJP, s));
  if (jvp) PetscCall(ADJSetJVP(s->adj, SinkhornJVP, s));
  PetscCall(ADJSetNullSpace(s->adj, right, left));
  PetscFunctionReturn(PETSC_SUCCESS);
}
