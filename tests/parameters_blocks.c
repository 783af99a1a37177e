static char help[] = "Several blocks of parameters: in a vector of vectors everything works as in a packed one, with every method, check and test.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "parameters.h"

#define TIGHT "-adj_forward_snes_rtol 1e-12 -adj_ksp_rtol 1e-11 -adj_tangent_ksp_rtol 1e-11 "

/* l = |x|^2/2 + |theta|^2/4 */
static PetscErrorCode Objective(ADJ adj, Vec x, Vec theta, PetscReal *f, Vec xbar, Vec thetabar, void *ctx)
{
  PetscReal a, b;

  (void)adj;
  (void)ctx;
  PetscFunctionBeginUser;
  PetscCall(VecNorm(x, NORM_2, &a));
  PetscCall(VecNorm(theta, NORM_2, &b));
  *f = 0.5 * a * a + 0.25 * b * b;
  if (xbar) PetscCall(VecCopy(x, xbar));
  if (thetabar) PetscCall(VecCopy(theta, thetabar));
  if (thetabar) PetscCall(VecScale(thetabar, 0.5));
  PetscFunctionReturn(PETSC_SUCCESS);
}

typedef enum { BY_VJP,
               BY_PARAMETER_VJP,
               BY_DIFFERENCES } Products;

typedef struct {
  const char *what, *options;
  PetscBool   fixedpoint;
  Products    products;
  ADJTrust    verdict;
  PetscReal   tol; /* of one vector against the other */
} Case;

static const Case cases[] = {
  {"implicit, residual", "-adj_type implicit", PETSC_FALSE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"implicit, fixed point", "-adj_type implicit", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"certify", "-adj_type implicit -adj_trust_level certify", PETSC_TRUE, BY_VJP, ADJ_TRUST_CERTIFIED, 1e-10},
  {"certify, residual", "-adj_type implicit -adj_trust_level certify", PETSC_FALSE, BY_VJP, ADJ_TRUST_CERTIFIED, 1e-10},
  {"neumann", "-adj_type neumann -adj_neumann_terms 400", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"unrolled", "-adj_type unrolled -adj_steps 30", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"unrolled, binomial", "-adj_type unrolled -adj_steps 30 -adj_trajectory_type binomial -adj_trajectory_checkpoints 4", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"truncated", "-adj_type truncated -adj_truncated_steps 150 -adj_gradient_rtol 1", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"auto", "-adj_type auto", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-5},
  {"refinement", "-adj_type implicit -adj_trust_gradient_error always -adj_gradient_refine", PETSC_TRUE, BY_VJP, ADJ_TRUST_ESTIMATED, 1e-10},
  {"parts", "-adj_type implicit", PETSC_FALSE, BY_PARAMETER_VJP, ADJ_TRUST_ESTIMATED, 1e-8},
  {"differences", "-adj_type implicit -adj_trust_svd", PETSC_TRUE, BY_DIFFERENCES, ADJ_TRUST_ESTIMATED, 1e-8},
  {"differences, residual", "-adj_type implicit", PETSC_FALSE, BY_DIFFERENCES, ADJ_TRUST_ESTIMATED, 1e-8},
};

static PetscErrorCode Gradient(const Case *c, const char layout[], Line *l)
{
  PetscOptions options;
  ADJ          adj;
  ADJTrust     verdict;
  PetscReal    order, error, f, vjp;
  PetscInt     left;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsCreate(&options));
  PetscCall(PetscOptionsInsertString(options, TIGHT));
  PetscCall(PetscOptionsInsertString(options, c->options));
  PetscCall(PetscOptionsPush(options));
  PetscCall(LineCreateADJ(l, &adj));
  PetscCall(ADJSetDM(adj, l->da));
  if (c->products == BY_VJP) PetscCall(ADJSetVJP(adj, LineVJP, l));
  if (c->products == BY_PARAMETER_VJP) PetscCall(ADJSetParameterVJP(adj, LineParameterVJP, l));
  PetscCall(ADJSetFDColor(adj, (PetscBool)(c->products != BY_VJP)));
  PetscCall(ADJSetObjective(adj, Objective, NULL));
  PetscCall(ADJSetFromOptions(adj));
  PetscCall(VecSet(l->x, 0.0));
  PetscCall(ADJSolve(adj, l->theta, l->x));
  PetscCall(ADJSolveAdjoint(adj, l->v, l->thetabar));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == c->verdict), "%s, %s: verdict %s", c->what, layout, ADJTrusts[verdict]));
  if (c->products != BY_VJP) {
    PetscScalar a, b;

    PetscCall(ADJSolveTangent(adj, l->thetadot, l->xdot));
    PetscCall(VecDot(l->xdot, l->v, &a));
    PetscCall(VecDot(l->thetadot, l->thetabar, &b));
    PetscCall(TapBelow(PetscAbsScalar(a - b), 1e-8 * PetscAbsScalar(b), "%s, %s: tangent and adjoint belong together", c->what, layout));
  }
  PetscCall(ADJTestVJP(adj, l->theta, l->x, &vjp, &error));
  PetscCall(TapBelow(PetscMax(vjp, error), 1e-5, "%s, %s: dot-product test", c->what, layout));
  PetscCall(VecSet(l->x, 0.0));
  PetscCall(ADJTestGradient(adj, l->theta, l->x, l->v, &order, &error));
  PetscCall(TapClose(order, 2.0, 0.05, "%s, %s: order of the Taylor test", c->what, layout));
  PetscCall(TapBelow(error, 1e-6, "%s, %s: error of the Taylor test", c->what, layout));
  PetscCall(VecSet(l->x, 0.0));
  PetscCall(ADJSetSolution(adj, l->x));
  PetscCall(ADJComputeObjectiveAndGradient(adj, l->theta, &f, l->thetadot));
  PetscCall(ADJGetTrust(adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == c->verdict), "%s, %s: verdict of the objective %s", c->what, layout, ADJTrusts[verdict]));
  PetscCall(ADJDestroy(&adj));
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsAllUsed(options, &left));
  if (left) PetscCall(TapOk(PETSC_FALSE, "%s, %s: all options are used", c->what, layout));
  PetscCall(PetscOptionsDestroy(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gradients of a linear functional and of the objective */
static PetscErrorCode TestCase(const Case *c)
{
  Line      packed, nested;
  PetscReal distance;

  PetscFunctionBeginUser;
  PetscCall(LineCreate(21, PETSC_FALSE, c->fixedpoint, &packed));
  PetscCall(LineCreate(21, PETSC_TRUE, c->fixedpoint, &nested));
  PetscCall(Gradient(c, "packed", &packed));
  PetscCall(Gradient(c, "nested", &nested));
  PetscCall(LineDistance(&nested, nested.thetabar, &packed, packed.thetabar, &distance));
  PetscCall(TapBelow(distance, c->tol, "%s: the gradients are the same", c->what));
  PetscCall(LineDistance(&nested, nested.thetadot, &packed, packed.thetadot, &distance));
  PetscCall(TapBelow(distance, c->tol, "%s: the gradients of the objective are the same", c->what));
  PetscCall(LineDestroy(&packed));
  PetscCall(LineDestroy(&nested));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt only = -1;
  int      failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-only", &only, NULL));
  PetscCall(TapBegin());
  for (PetscInt i = 0; i < (PetscInt)PETSC_STATIC_ARRAY_LENGTH(cases); i++) {
    if (only < 0 || i == only) PetscCall(TestCase(&cases[i]));
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
