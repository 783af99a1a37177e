static char help[] = "A borrowed SNES: errors of its functions come out, and leave both usable.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
   allow: leaks
   A DMDA keeps what it lent to a function that fails
*/
#include "reaction_case.h"

/* The function fails, from its n-th call on, in the solve or in the checks beside the solution */
static PetscErrorCode TestFailing(PetscInt n, PetscBool outside, PetscBool forward, const char options[])
{
  Case         c;
  ADJTrust     verdict;
  PetscBool    flag;
  PetscOptions database;
  char         what[128];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(what, sizeof(what), "%s in call %" PetscInt_FMT " of the %s %s", outside ? "domain error" : "error", n, forward ? "solve" : "derivative", options));
  PetscCall(ReactionPushOptions(options, &database));
  PetscCall(CaseCreate(&c));
  PetscCall(SNESSetFromOptions(c.r.snes));
  c.r.outside = outside;
  for (PetscInt again = 0; again < 3; again++) {
    PetscCall(VecSet(c.x, 0.0));
    c.r.failing = 0;
    if (!forward) PetscCall(ADJSolve(c.adj, c.r.theta, c.x));
    c.r.functions = 0;
    c.r.failing   = n;
    if (!outside && forward) PetscCall(TapError(PETSC_ERR_USER_INPUT, ADJSolve(c.adj, c.r.theta, c.x), "%s: its error comes out", what));
    if (!outside && !forward) PetscCall(TapError(PETSC_ERR_USER_INPUT, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "%s: its error comes out", what));
    if (outside && forward) {
      PetscCall(TapError(PETSC_SUCCESS, ADJSolve(c.adj, c.r.theta, c.x), "%s: a solve that fails is no error", what));
      PetscCall(TapError(n == 1 ? PETSC_ERR_FP : PETSC_ERR_NOT_CONVERGED, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "%s: but its derivative", what));
    }
    if (outside && !forward) {
      PetscCall(TapError(PETSC_SUCCESS, ADJSolveAdjoint(c.adj, c.xbar, c.thetabar), "%s: the edge of the domain is no error", what));
      PetscCall(ADJGetTrust(c.adj, &verdict));
      PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_UNVERIFIED), "%s: but a doubt, verdict %s", what, ADJTrusts[verdict]));
      PetscCall(SNESGetFunctionDomainError(c.r.snes, &flag));
      PetscCall(TapOk((PetscBool)!flag, "%s: the SNES does not know", what));
    }
  }
  c.r.failing = 0;
  PetscCall(TapGood(&c, what));
  PetscCall(ReactionPopOptions(&database, what));
  PetscCall(CaseDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (PetscInt n = 1; n < 4; n++) {
    PetscCall(TestFailing(n, PETSC_FALSE, PETSC_TRUE, ""));
    PetscCall(TestFailing(n, PETSC_TRUE, PETSC_TRUE, ""));
    PetscCall(TestFailing(n, PETSC_FALSE, PETSC_TRUE, "-snes_mf_operator")); /* within the linear solve, too */
  }
  PetscCall(TestFailing(1, PETSC_FALSE, PETSC_FALSE, ""));
  PetscCall(TestFailing(2, PETSC_FALSE, PETSC_FALSE, ""));
  PetscCall(TestFailing(1, PETSC_TRUE, PETSC_FALSE, ""));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
