static char help[] = "x^2 = theta: dx/dtheta = 1/(2 x), whatever form and whatever forward solver.\n\n";

/*
   nsize: 1 2 4
*/
#include "problems.h"

#define TOL   1e-11
#define TIGHT "-adj_forward_snes_rtol 1e-13 -adj_ksp_rtol 1e-13 "

typedef enum { HERON,  /* x = (x + theta/x)/2, Newton's map */
               DAMPED, /* x = x - (x^2 - theta)/4 */
               ROOT    /* x^2 - theta = 0 */
} Form;

/* y = a x + b theta/x + c x^2 + d theta; its derivatives are (a - b theta/x^2 + 2 c x) and (b/x + d), both diagonal */
static const PetscReal coefficients[3][4] = {
  {0.5, 0.5, 0.0, 0.0},
  {1.0, 0.0, -0.25, 0.25},
  {0.0, 0.0, 1.0, -1.0}};

static PetscErrorCode Map(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscReal *k = (const PetscReal *)ctx;
  Vec              square;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(VecPointwiseDivide(y, theta, x));
  PetscCall(VecAXPBYPCZ(y, k[0], k[3], k[1], x, theta));
  PetscCall(VecDuplicate(x, &square));
  PetscCall(VecPointwiseMult(square, x, x));
  PetscCall(VecAXPY(y, k[2], square));
  PetscCall(VecDestroy(&square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The two diagonals */
static PetscErrorCode Diagonals(const PetscReal k[], Vec x, Vec theta, Vec *dx, Vec *dtheta)
{
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(x, dx));
  PetscCall(VecDuplicate(x, dtheta));
  PetscCall(VecPointwiseDivide(*dx, theta, x));
  PetscCall(VecPointwiseDivide(*dx, *dx, x));
  PetscCall(VecScale(*dx, -k[1]));
  PetscCall(VecAXPY(*dx, 2.0 * k[2], x));
  PetscCall(VecShift(*dx, k[0]));
  PetscCall(VecCopy(x, *dtheta));
  PetscCall(VecReciprocal(*dtheta));
  PetscCall(VecScale(*dtheta, k[1]));
  PetscCall(VecShift(*dtheta, k[3]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode VJP(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  Vec dx, dtheta;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Diagonals((const PetscReal *)ctx, x, theta, &dx, &dtheta));
  PetscCall(VecConjugate(dx));
  PetscCall(VecConjugate(dtheta));
  if (xbar) PetscCall(VecPointwiseMult(xbar, dx, w));
  if (thetabar) PetscCall(VecPointwiseMult(thetabar, dtheta, w));
  PetscCall(VecDestroy(&dx));
  PetscCall(VecDestroy(&dtheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode JVP(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  Vec dx, dtheta;

  (void)adj;
  PetscFunctionBeginUser;
  PetscCall(Diagonals((const PetscReal *)ctx, x, theta, &dx, &dtheta));
  PetscCall(VecSet(ydot, 0.0));
  if (xdot) PetscCall(VecPointwiseMult(ydot, dx, xdot));
  if (thetadot) PetscCall(VecPointwiseMult(dtheta, dtheta, thetadot));
  if (thetadot) PetscCall(VecAXPY(ydot, 1.0, dtheta));
  PetscCall(VecDestroy(&dx));
  PetscCall(VecDestroy(&dtheta));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A problem whose state is `root` */
typedef struct {
  Form        form;
  const char *options;
  ADJ         adj;
  Vec         theta, x, root, v, bar, d;
} Case;

/* theta = root^2, off the real axis where there is one */
static PetscErrorCode CreateVecs(Case *c, Layout layout)
{
  const PetscInt n      = 7;
  PetscInt       nlocal = 0, lo, hi;

  PetscFunctionBeginUser;
  PetscCall(LayoutLocalSize(PETSC_COMM_WORLD, layout, n, &nlocal));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, nlocal, n, &c->root));
  PetscCall(VecDuplicate(c->root, &c->theta));
  PetscCall(VecDuplicate(c->root, &c->x));
  PetscCall(VecDuplicate(c->root, &c->v));
  PetscCall(VecDuplicate(c->root, &c->bar));
  PetscCall(VecDuplicate(c->root, &c->d));
  PetscCall(VecGetOwnershipRange(c->root, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++) PetscCall(VecSetValue(c->root, i, PetscCMPLX(1.0 + 0.4 * (PetscReal)i / n, 0.3 - 0.1 * i), INSERT_VALUES));
  PetscCall(VecAssemblyBegin(c->root));
  PetscCall(VecAssemblyEnd(c->root));
  PetscCall(VecPointwiseMult(c->theta, c->root, c->root));
  PetscCall(VecSet(c->x, 1.0));
  PetscCall(VecSetWave(c->v, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateADJ(Case *c, PetscBool jvp)
{
  PetscReal *k = (PetscReal *)coefficients[c->form];

  PetscFunctionBeginUser;
  PetscCall(ADJCreate(PETSC_COMM_WORLD, &c->adj));
  if (c->form == ROOT)
    PetscCall(ADJSetResidual(c->adj, Map, k));
  else
    PetscCall(ADJSetFixedPoint(c->adj, Map, k));
  PetscCall(ADJSetVJP(c->adj, VJP, k));
  if (jvp) PetscCall(ADJSetJVP(c->adj, JVP, k));
  PetscCall(ADJSetFromOptions(c->adj));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestDerivatives(Case *c, PetscBool jvp)
{
  PetscReal error;

  PetscFunctionBeginUser;
  PetscCall(ADJSolve(c->adj, c->theta, c->x));
  PetscCall(VecDistance(c->x, c->root, &error));
  PetscCall(TapBelow(error, TOL, "form %d, %s: x = sqrt(theta)", c->form, c->options));
  PetscCall(ADJSolveAdjoint(c->adj, c->v, c->bar));
  PetscCall(VecCopy(c->root, c->d));
  PetscCall(VecConjugate(c->d));
  PetscCall(VecPointwiseDivide(c->d, c->v, c->d));
  PetscCall(VecScale(c->d, 0.5));
  PetscCall(VecDistance(c->bar, c->d, &error));
  PetscCall(TapBelow(error, TOL, "form %d, %s: pullback v/(2 x)", c->form, c->options));
  if (!jvp) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSolveTangent(c->adj, c->v, c->bar));
  PetscCall(VecPointwiseDivide(c->d, c->v, c->root));
  PetscCall(VecScale(c->d, 0.5));
  PetscCall(VecDistance(c->bar, c->d, &error));
  PetscCall(TapBelow(error, TOL, "form %d, %s: pushforward thetadot/(2 x)", c->form, c->options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Spectral radius of Heron's map 0; of the damped one max |1 - x/2| */
static PetscErrorCode TestTrust(Case *c)
{
  PetscReal rho, top;
  ADJTrust  verdict;

  PetscFunctionBeginUser;
  PetscCall(ADJGetTrust(c->adj, &verdict));
  PetscCall(TapOk((PetscBool)(verdict == ADJ_TRUST_ESTIMATED), "form %d, %s: verdict %s", c->form, c->options, ADJTrusts[verdict]));
  if (c->form == ROOT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecScale(c->root, c->form == HERON ? 0.0 : -0.5));
  if (c->form == DAMPED) PetscCall(VecShift(c->root, 1.0));
  PetscCall(VecNorm(c->root, NORM_INFINITY, &top));
  PetscCall(ADJGetContraction(c->adj, &rho, NULL));
  PetscCall(TapBelow(PetscAbsReal(rho - top), 1e-6, "form %d, %s: spectral radius", c->form, c->options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestCase(Form form, PetscBool jvp, Layout layout, const char options[])
{
  Case         c = {.form = form, .options = options};
  PetscOptions opts;

  PetscFunctionBeginUser;
  PetscCall(CreateVecs(&c, layout));
  PetscCall(OptionsBegin(form == ROOT ? "" : "-adj_eps_tol 1e-6", &opts));
  PetscCall(PetscOptionsInsertString(opts, options));
  PetscCall(CreateADJ(&c, jvp));
  PetscCall(TestDerivatives(&c, jvp));
  PetscCall(TestTrust(&c));
  PetscCall(ADJDestroy(&c.adj));
  PetscCall(OptionsEnd(&opts));
  PetscCall(VecDestroy(&c.theta));
  PetscCall(VecDestroy(&c.x));
  PetscCall(VecDestroy(&c.root));
  PetscCall(VecDestroy(&c.v));
  PetscCall(VecDestroy(&c.bar));
  PetscCall(VecDestroy(&c.d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *both = TIGHT "-adj_tangent_ksp_rtol 1e-13", *newton = TIGHT "-adj_forward_snes_type newtonls";
  const char *anderson = TIGHT "-adj_forward_snes_type anderson -adj_forward_snes_anderson_beta 0.25", *ngmres = TIGHT "-adj_forward_snes_type ngmres";
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  for (Form form = HERON; form <= ROOT; form++) {
    PetscCall(TestCase(form, PETSC_TRUE, LAYOUT_UNEVEN, both));  /* plain iteration, or Newton's method with the JVP */
    PetscCall(TestCase(form, PETSC_FALSE, LAYOUT_EVEN, newton)); /* with differences */
    PetscCall(TestCase(form, PETSC_FALSE, LAYOUT_EMPTY, anderson));
    PetscCall(TestCase(form, PETSC_FALSE, LAYOUT_LAST, ngmres));
  }
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
