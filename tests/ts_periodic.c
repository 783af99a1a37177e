static char help[] = "Periodic orbits x = Phi_T(x, theta) of a forced reaction-diffusion equation: gradients of a point on the orbit.\n\n";

/*
   nsize: 1 2 4
   args: -malloc_debug false
*/
#include "ts_problems.h"

#define TIGHT  "-adj_forward_snes_type newtonls -adj_forward_snes_rtol 1e-13 -adj_forward_ksp_rtol 1e-6 -adj_ksp_rtol 1e-11 "
#define PERIOD 1.0

static PetscErrorCode CentralDifference(Flow *f, PetscInt i, PetscReal *slope)
{
  Vec         theta, x;
  PetscScalar plus = 0.0, minus = 0.0;
  PetscReal   h = 2e-4 * PetscRealPart(f->p[i]);
  PetscInt    lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(f->theta, &theta));
  PetscCall(VecDuplicate(f->x, &x));
  PetscCall(VecGetOwnershipRange(theta, &lo, &hi));
  for (PetscInt side = 1; side >= -1; side -= 2) {
    PetscCall(VecCopy(f->theta, theta));
    if (lo <= i && i < hi) PetscCall(VecSetValue(theta, i, side * h, ADD_VALUES));
    PetscCall(VecAssemblyBegin(theta));
    PetscCall(VecAssemblyEnd(theta));
    PetscCall(VecCopy(f->x, x));
    PetscCall(ADJSolve(f->adj, theta, x));
    PetscCall(VecDot(x, f->v, side > 0 ? &plus : &minus));
  }
  *slope = PetscRealPart(plus - minus) / (2.0 * h);
  PetscCall(VecDestroy(&theta));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetEntry(Vec v, PetscInt i, PetscScalar *value)
{
  PetscScalar mine = 0.0;
  PetscInt    lo, hi;

  PetscFunctionBeginUser;
  PetscCall(VecGetOwnershipRange(v, &lo, &hi));
  if (lo <= i && i < hi) PetscCall(VecGetValues(v, 1, &i, &mine));
  PetscCallMPI(MPI_Allreduce(&mine, value, 1, MPIU_SCALAR, MPIU_SUM, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each parameter, each method: against differences of orbits that were found again */
static PetscErrorCode TestNonlinear(FlowForm form, TSType type, PetscInt steps, const char options[], Layout layout)
{
  const char    *names[3] = {"diffusivity", "reaction", "amplitude"};
  Flow           f;
  PetscOptions   opts;
  PetscReal      slope = 0.0;
  PetscScalar    got;
  ADJTrustReport report;
  char           text[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), TIGHT "%s", options));
  PetscCall(OptionsBegin(text, &opts));
  PetscCall(FlowCreate(16, form, type, PERIOD, PERIOD / steps, layout, &f));
  f.period = PERIOD;
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(ADJGetTrustReport(f.adj, &report));
  PetscCall(TapOk((PetscBool)(report.verdict > 0), "%s %s: verdict %s", type, options, ADJTrusts[report.verdict]));
  for (PetscInt i = 0; i < 2; i++) {
    const ADJTrustCheck *c = &report.check[i ? ADJ_CHECK_VJP_THETA : ADJ_CHECK_VJP_X];

    PetscCall(TapOk((PetscBool)(c->status == ADJ_CHECK_PASSED && c->value < 1e-6), "%s %s: product %" PetscInt_FMT " is %s, %g", type, options, i, ADJCheckStatuses[c->status], (double)c->value));
  }
  for (PetscInt i = 0; i < 3; i++) {
    PetscCall(CentralDifference(&f, i, &slope));
    PetscCall(GetEntry(f.thetabar, i, &got));
    PetscCall(TapClose(PetscRealPart(got), slope, 1e-7, "%s %s: %s", type, options, names[i]));
  }
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
   Without reaction, by backward Euler, each sine mode of the orbit is Re(Y z^n), z = exp(i omega dt), Y = dt a s z/((1 + dt lambda) z - 1)
*/
static PetscErrorCode ClosedForm(const Flow *f, PetscReal dt, Vec x, Vec dxdD)
{
  const PetscReal    h = 1.0 / (f->N + 1), omega = 2.0 * PETSC_PI * dt / PERIOD, a = PetscRealPart(f->p[2]), D = PetscRealPart(f->p[0]);
  const PetscComplex z = PetscCMPLX(PetscCosReal(omega), PetscSinReal(omega));

  PetscFunctionBeginUser;
  PetscCall(VecSet(x, 0.0));
  PetscCall(VecSet(dxdD, 0.0));
  for (PetscInt k = 1; k <= f->N; k++) {
    const PetscReal mu = 4.0 / (h * h) * PetscSqr(PetscSinReal(0.5 * k * PETSC_PI * h));
    PetscComplex    Y, dY, den = (1.0 + dt * D * mu) * z - 1.0;
    PetscReal       s = 0.0;
    PetscInt        lo, hi;

    for (PetscInt j = 1; j <= f->N; j++) s += 2.0 * h * (1.0 + j * h) * PetscSinReal(k * PETSC_PI * j * h);
    Y  = dt * a * s * z / den;
    dY = -Y * dt * mu * z / den;
    PetscCall(VecGetOwnershipRange(x, &lo, &hi));
    for (PetscInt j = lo; j < hi; j++) {
      const PetscReal mode = PetscSinReal(k * PETSC_PI * (j + 1) * h);

      PetscCall(VecSetValue(x, j, PetscRealPartComplex(Y) * mode, ADD_VALUES));
      PetscCall(VecSetValue(dxdD, j, PetscRealPartComplex(dY) * mode, ADD_VALUES));
    }
  }
  PetscCall(VecAssemblyBegin(x));
  PetscCall(VecAssemblyEnd(x));
  PetscCall(VecAssemblyBegin(dxdD));
  PetscCall(VecAssemblyEnd(dxdD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestLinear(Layout layout)
{
  const PetscReal dt = PERIOD / 16.0;
  Flow            f;
  PetscOptions    opts;
  PetscReal       error;
  PetscScalar     got, expected;
  Vec             x, dxdD;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin(TIGHT "-ksp_type gmres -ksp_rtol 1e-14 -pc_type none -snes_rtol 1e-13", &opts));
  PetscCall(FlowCreate(12, FORM_IFUNCTION, TSBEULER, PERIOD, dt, layout, &f));
  f.period = PERIOD;
  f.p[1]   = 0.0;
  PetscCall(VecSetValue(f.theta, 1, 0.0, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(f.theta));
  PetscCall(VecAssemblyEnd(f.theta));
  PetscCall(FlowCreateADJ(&f));
  PetscCall(ADJSetFromOptions(f.adj));
  PetscCall(VecDuplicate(f.x, &x));
  PetscCall(VecDuplicate(f.x, &dxdD));
  PetscCall(ClosedForm(&f, dt, x, dxdD));
  PetscCall(ADJSolve(f.adj, f.theta, f.x));
  PetscCall(VecDistance(f.x, x, &error));
  PetscCall(TapBelow(error, 1e-11, "linear: the orbit is that of the closed form"));
  PetscCall(ADJSolveAdjoint(f.adj, f.v, f.thetabar));
  PetscCall(VecDot(dxdD, f.v, &expected));
  PetscCall(GetEntry(f.thetabar, 0, &got));
  PetscCall(TapClose(PetscRealPart(got), PetscRealPart(expected), 1e-9, "linear: diffusivity"));
  PetscCall(VecDot(x, f.v, &expected));
  PetscCall(GetEntry(f.thetabar, 2, &got));
  PetscCall(TapClose(PetscRealPart(got), PetscRealPart(expected / f.p[2]), 1e-9, "linear: amplitude"));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&dxdD));
  PetscCall(FlowDestroy(&f));
  PetscCall(OptionsEnd(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *implicit = "-snes_rtol 1e-13 -ksp_type preonly -pc_type redundant";
  int         failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(TestLinear(LAYOUT_LAST));
  PetscCall(TestNonlinear(FORM_IFUNCTION, TSCN, 10, implicit, LAYOUT_EVEN));
  PetscCall(TestNonlinear(FORM_LOCAL_IFUNCTION, TSBEULER, 10, implicit, LAYOUT_LAST));
  PetscCall(TestNonlinear(FORM_LOCAL_RHS, TSTHETA, 10, implicit, LAYOUT_EMPTY));
  PetscCall(TestNonlinear(FORM_RHS, TSRK, 40, "-ts_rk_type 4 -ts_adapt_type none", LAYOUT_UNEVEN));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
