static char help[] = "The dot-product test finds what is wrong with a product, passes what is right, and leaves no trace.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

typedef enum { RIGHT,
               SIGN_X,
               SIGN_THETA,
               UNTRANSPOSED,
               DROPPED,
               NEEDS_BOTH,
               TANGENT_X,
               TANGENT_THETA } Fault;

typedef struct {
  Problem p;
  Fault   fault;
} Faulty;

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Faulty     *f = (Faulty *)ctx;
  Vec         masked, part;
  PetscInt    lo, hi;
  PetscMPIInt rank, size;
  PetscScalar value;

  PetscFunctionBeginUser;
  PetscCall(ProblemVJP(adj, x, theta, w, xbar, thetabar, &f->p));
  if (f->fault == SIGN_X && xbar) PetscCall(VecScale(xbar, -1.0));
  if (f->fault == SIGN_THETA && thetabar) PetscCall(VecScale(thetabar, -1.0));
  if (f->fault == UNTRANSPOSED && xbar) PetscCall(ProblemJVP(adj, x, theta, w, NULL, xbar, &f->p));
  if (f->fault == NEEDS_BOTH && xbar && !thetabar) PetscCall(VecSet(xbar, 0.0));
  if (f->fault == DROPPED && xbar) { /* what the first entry of w, a neighbour's, contributes to the last process */
    PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
    PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
    PetscCall(VecDuplicate(w, &masked));
    PetscCall(VecDuplicate(w, &part));
    PetscCall(VecCopy(w, masked));
    if (!rank) PetscCall(VecSetValue(masked, 0, 0.0, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(masked));
    PetscCall(VecAssemblyEnd(masked));
    PetscCall(ProblemVJP(adj, x, theta, masked, part, NULL, &f->p));
    PetscCall(VecGetOwnershipRange(part, &lo, &hi));
    hi -= 1;
    if (rank == size - 1) {
      PetscCall(VecGetValues(part, 1, &hi, &value));
      PetscCall(VecSetValue(xbar, hi, value, INSERT_VALUES));
    }
    PetscCall(VecAssemblyBegin(xbar));
    PetscCall(VecAssemblyEnd(xbar));
    PetscCall(VecDestroy(&masked));
    PetscCall(VecDestroy(&part));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Faulty *f = (Faulty *)ctx;

  PetscFunctionBeginUser;
  PetscCall(ProblemJVP(adj, x, theta, xdot, thetadot, ydot, &f->p));
  if ((f->fault == TANGENT_X && xdot) || (f->fault == TANGENT_THETA && thetadot)) PetscCall(VecScale(ydot, 1.01));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Begin(Faulty *f, Layout layout, Fault fault, PetscBool residual, PetscBool jvp)
{
  PetscFunctionBeginUser;
  f->fault = fault;
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, 14, layout, 5, LAYOUT_UNEVEN, SPECTRUM_PAIRS, 0.6, &f->p));
  f->p.s        = 0.02;
  f->p.t        = 0.3;
  f->p.residual = residual;
  PetscCall(ProblemCreateADJ(&f->p));
  PetscCall(ADJSetVJP(f->p.adj, VJP, f));
  PetscCall(ADJSetJVP(f->p.adj, jvp ? JVP : NULL, f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* At a point that is no solution */
static PetscErrorCode TestFound(Fault fault, PetscBool residual, PetscBool jvp, PetscBool inx, PetscBool intheta, const char name[])
{
  Faulty    f;
  PetscReal xerror, thetaerror, limit = jvp ? 1e-12 : 1e-8;

  PetscFunctionBeginUser;
  PetscCall(Begin(&f, LAYOUT_EVEN, fault, residual, jvp));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.v, &xerror, &thetaerror));
  if (inx)
    PetscCall(TapOk((PetscBool)(xerror > 1e-4), "%s: found in x, %.2g", name, (double)xerror));
  else
    PetscCall(TapBelow(xerror, limit, "%s: nothing wrong in x", name));
  if (intheta)
    PetscCall(TapOk((PetscBool)(thetaerror > 1e-4), "%s: found in theta, %.2g", name, (double)thetaerror));
  else
    PetscCall(TapBelow(thetaerror, limit, "%s: nothing wrong in theta", name));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By option the outcome enters the verdict */
static PetscErrorCode TestVerdict(Fault fault, ADJTrust expected)
{
  Faulty         f;
  PetscOptions   options;
  ADJTrustReport report;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_test_vjp -adj_trust_contraction false", &options));
  PetscCall(Begin(&f, LAYOUT_EMPTY, fault, PETSC_FALSE, PETSC_TRUE));
  PetscCall(ADJSetFromOptions(f.p.adj));
  PetscCall(ADJSolve(f.p.adj, f.p.theta, f.p.x));
  PetscCall(TapError(expected < 0 ? PETSC_ERR_CONV_FAILED : 0, ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar), "-adj_test_vjp, fault %d: %s", fault, expected < 0 ? "refused" : "accepted"));
  PetscCall(ADJGetTrustReport(f.p.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict == expected), "-adj_test_vjp, fault %d: verdict %s", fault, ADJTrusts[report.verdict]));
  PetscCall(TapOk((PetscBool)((report.check[ADJ_CHECK_VJP_X].status == ADJ_CHECK_FAILED) == (fault == SIGN_X)), "-adj_test_vjp, fault %d: the check in x", fault));
  PetscCall(TapOk((PetscBool)((report.check[ADJ_CHECK_VJP_THETA].status == ADJ_CHECK_FAILED) == (fault == SIGN_THETA)), "-adj_test_vjp, fault %d: the check in theta", fault));
  PetscCall(OptionsEnd(&options));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Counters, verdict, linearization, random streams (also the C library's), options: as if there had been no test */
static PetscErrorCode TestTrace(void)
{
  Faulty      f;
  PetscRandom rnd;
  Vec         before;
  PetscReal   error, xerror, thetaerror, first, second;
  PetscInt    linearized;
  PetscBool   same;
  char       *options[2];
  ADJCounters counters[2];
  ADJTrust    verdict[2];

  PetscFunctionBeginUser;
  PetscCall(Begin(&f, LAYOUT_UNEVEN, RIGHT, PETSC_FALSE, PETSC_TRUE));
  PetscCall(VecDuplicate(f.p.thetabar, &before));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &rnd));
  PetscCall(PetscRandomSetType(rnd, PETSCRAND));
  PetscCall(ADJSolve(f.p.adj, f.p.theta, f.p.x));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, before));
  PetscCall(ADJGetCounters(f.p.adj, &counters[0]));
  PetscCall(ADJGetTrust(f.p.adj, &verdict[0]));
  PetscCall(PetscOptionsGetAll(NULL, &options[0]));
  linearized = f.p.linearized;
  PetscCall(PetscRandomSeed(rnd));
  PetscCall(PetscRandomGetValueReal(rnd, &first));
  PetscCall(PetscRandomSeed(rnd));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.v, &xerror, &thetaerror));
  PetscCall(PetscRandomGetValueReal(rnd, &second));
  PetscCall(TapOk((PetscBool)(first == second), "the stream of rand() goes on as before"));
  PetscCall(PetscOptionsGetAll(NULL, &options[1]));
  PetscCall(PetscStrcmp(options[0], options[1], &same));
  PetscCall(TapOk(same, "the options are the same"));
  PetscCall(ADJGetCounters(f.p.adj, &counters[1]));
  PetscCall(PetscMemcmp(&counters[0], &counters[1], sizeof(ADJCounters), &same));
  PetscCall(TapOk(same, "the counters are the same"));
  PetscCall(ADJGetTrust(f.p.adj, &verdict[1]));
  PetscCall(TapOk((PetscBool)(verdict[0] == verdict[1] && verdict[1] == ADJ_TRUST_ESTIMATED), "the verdict is the same"));
  PetscCall(TapOk((PetscBool)(f.p.linearized == linearized + 2), "linearized there and back"));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(VecDistance(f.p.thetabar, before, &error));
  PetscCall(TapOk((PetscBool)(error == 0.0), "the gradient is the same to the bit"));
  PetscCall(TapOk((PetscBool)(f.p.elsewhere == 0), "no product away from its linearization"));

  /* between the forward solve and its first derivative */
  PetscCall(ADJSolve(f.p.adj, f.p.theta, f.p.x));
  PetscCall(ADJTestVJP(f.p.adj, f.p.theta, f.p.v, &xerror, &thetaerror));
  PetscCall(ADJSolveAdjoint(f.p.adj, f.p.v, f.p.thetabar));
  PetscCall(TapOk((PetscBool)(f.p.elsewhere == 0), "nor when the first derivative comes after the test"));
  PetscCall(PetscFree(options[0]));
  PetscCall(PetscFree(options[1]));
  PetscCall(PetscRandomDestroy(&rnd));
  PetscCall(VecDestroy(&before));
  PetscCall(ProblemDestroy(&f.p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < 2; i++) {
    const PetscBool jvp = i ? PETSC_TRUE : PETSC_FALSE;

    PetscCall(TestFound(RIGHT, PETSC_FALSE, jvp, PETSC_FALSE, PETSC_FALSE, "fixed point"));
    PetscCall(TestFound(RIGHT, PETSC_TRUE, jvp, PETSC_FALSE, PETSC_FALSE, "residual"));
    PetscCall(TestFound(SIGN_X, PETSC_FALSE, jvp, PETSC_TRUE, PETSC_FALSE, "sign in x"));
    PetscCall(TestFound(SIGN_THETA, PETSC_TRUE, jvp, PETSC_FALSE, PETSC_TRUE, "sign in theta"));
    PetscCall(TestFound(UNTRANSPOSED, PETSC_FALSE, jvp, PETSC_TRUE, PETSC_FALSE, "not transposed"));
    PetscCall(TestFound(DROPPED, PETSC_FALSE, jvp, PETSC_TRUE, PETSC_FALSE, "one contribution dropped"));
    PetscCall(TestFound(NEEDS_BOTH, PETSC_FALSE, jvp, PETSC_TRUE, PETSC_FALSE, "xbar alone not done"));
  }
  PetscCall(TestFound(TANGENT_X, PETSC_FALSE, PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, "JVP in x"));
  PetscCall(TestFound(TANGENT_THETA, PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, PETSC_TRUE, "JVP in theta"));
  PetscCall(TestVerdict(RIGHT, ADJ_TRUST_ESTIMATED));
  PetscCall(TestVerdict(SIGN_X, ADJ_TRUST_REFUTED_VJP));
  PetscCall(TestVerdict(SIGN_THETA, ADJ_TRUST_REFUTED_VJP));
  PetscCall(TestTrace());
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
