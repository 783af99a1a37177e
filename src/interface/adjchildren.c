/*
   Children: the forward SNES, the KSPs of adjoint and tangent, with the defaults of this library. The EPS has its
   place in trust/contraction.c.
*/
#include <contragrad/private/adjimpl.h>

#define ADJ_FORWARD_RTOL   1e-10
#define ADJ_LINEAR_RTOL    1e-8
#define ADJ_FIXED_POINT_IT 10000 /* it converges linearly */

/* A child's prefix is that of the ADJ, then `suffix`; its own setter passes it on to grandchildren */
PetscErrorCode ADJGetChildPrefix_Private(ADJ adj, const char suffix[], size_t len, char prefix[])
{
  const char *own;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetOptionsPrefix((PetscObject)adj, &own));
  PetscCall(PetscSNPrintf(prefix, len, "%s%s", own ? own : "", suffix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Chosen where nobody chose a type, and again where the form has changed since */
static PetscErrorCode ADJSetForwardDefaults_Private(ADJ adj)
{
  const SNESType defaults[] = {NULL, SNESNRICHARDSON, SNESNEWTONLS}; /* by ADJForm */
  const char    *type       = ((PetscObject)adj->snes)->type_name;
  PetscBool      ours       = PETSC_FALSE;
  SNESLineSearch ls;

  PetscFunctionBegin;
  if (type && adj->snesform) PetscCall(PetscStrcmp(type, defaults[adj->snesform], &ours));
  if (adj->form == ADJ_FORM_UNSET || (type && (!ours || adj->snesform == adj->form))) PetscFunctionReturn(PETSC_SUCCESS);
  adj->snesform = adj->form;
  PetscCall(SNESSetType(adj->snes, defaults[adj->form]));
  if (adj->form == ADJ_RESIDUAL) PetscFunctionReturn(PETSC_SUCCESS);
  /* x <- x - (x - F(x)) with full steps, and many of them */
  PetscCall(SNESGetLineSearch(adj->snes, &ls));
  PetscCall(SNESLineSearchSetType(ls, SNESLINESEARCHBASIC));
  PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT, ADJ_FIXED_POINT_IT, ADJ_UNLIMITED));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetSNES - The forward solver

   Collective at the first call

   Input Parameter:
.  adj - the context

   Output Parameter:
.  snes - the solver (borrowed)

   Options Database Keys:
+  -adj_forward_snes_type <type>  - `nrichardson` (plain iteration, default for a fixed point), `newtonls` (default for a residual), `anderson`, `ngmres`, ...
.  -adj_forward_snes_rtol <rtol>  - relative tolerance, default 1e-10, see the notes
-  -adj_forward_snes_monitor      - and the other options of `SNES`, `KSP` and `PC` with the prefix adj_forward_

   Level: beginner

   Notes:
   With `ADJSetSNES()` it is the user's own, with its own options and defaults, of which nothing here is true.

   The step-length tolerance is 0: a small step is not taken for convergence.

   Solves are warm-started by whatever stands in x. A good guess has a small residual; so that the relative tolerance
   keeps its meaning, it refers to the larger one of the residuals of this guess and of the first guess after
   `ADJCreate()` or `ADJReset()`, both at the present parameters. That costs one evaluation of F or R a warm solve, and
   a vector. If the very first guess is already a solution give `-adj_forward_snes_atol`.

.seealso: `ADJGetKSP()`, `ADJGetTangentKSP()`, `ADJGetEPS()`, `ADJSolve()`
@*/
PetscErrorCode ADJGetSNES(ADJ adj, SNES *snes)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (ADJForwardBorrowed_Private(adj)) {
    PetscCheck(adj->adapter->getsnes, PetscObjectComm((PetscObject)adj), PETSC_ERR_SUP, "The forward solver is the %s that was borrowed, not a SNES", adj->adapter->name);
    PetscCall((*adj->adapter->getsnes)(adj, snes));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!adj->snes) {
    PetscCall(ADJGetChildPrefix_Private(adj, "adj_forward_", sizeof(prefix), prefix));
    PetscCall(SNESCreate(PetscObjectComm((PetscObject)adj), &adj->snes));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)adj->snes, (PetscObject)adj, 1));
    PetscCall(PetscObjectSetOptions((PetscObject)adj->snes, ((PetscObject)adj)->options));
    PetscCall(SNESSetOptionsPrefix(adj->snes, prefix));
    PetscCall(SNESSetTolerances(adj->snes, ADJ_CURRENT, ADJ_FORWARD_RTOL, 0.0, ADJ_CURRENT, ADJ_CURRENT));
    PetscCall(ADJAttachSNES_Private(adj));
  }
  PetscCall(ADJSetForwardDefaults_Private(adj));
  if (snes) *snes = adj->snes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJCreateKSP_Private(ADJ adj, const char suffix[], KSP *ksp)
{
  char prefix[256];

  PetscFunctionBegin;
  PetscCall(ADJGetChildPrefix_Private(adj, suffix, sizeof(prefix), prefix));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)adj), ksp));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)*ksp, (PetscObject)adj, 1));
  PetscCall(PetscObjectSetOptions((PetscObject)*ksp, ((PetscObject)adj)->options));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetType(*ksp, KSPGMRES));
  PetscCall(KSPSetNormType(*ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(*ksp, ADJ_LINEAR_RTOL, ADJ_CURRENT, ADJ_CURRENT, ADJ_CURRENT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetKSP - The solver of the adjoint system M^T w = v

   Collective at the first call

   Input Parameter:
.  adj - the context

   Output Parameter:
.  ksp - the solver (borrowed)

   Options Database Keys:
+  -adj_ksp_type <type>                - default `gmres`; `richardson` is the fixed-point adjoint w <- v + A^T w
.  -adj_ksp_rtol <rtol>                - relative to the norm of v, default 1e-8, whatever the initial guess
.  -adj_ksp_initial_guess_nonzero      - start from the last adjoint
-  -adj_pc_type <type>                 - on the transpose of the matrix of `ADJSetPreconditioner()`; `none` without one

   Level: beginner

   Notes:
   Its operator is a shell whose `MatMult()` is the user's vector-Jacobian product. It belongs to the ADJ alone: the
   tolerances of the forward solver do not reach it. The norm that is tested is that of the true residual, which puts
   the preconditioner on the right; types that cannot do so test the preconditioned one, and the true residual is held
   against the tolerance by the verdict.

.seealso: `ADJGetSNES()`, `ADJGetTangentKSP()`, `ADJSetPreconditioner()`, `ADJSolveAdjoint()`
@*/
PetscErrorCode ADJGetKSP(ADJ adj, KSP *ksp)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->ksp) PetscCall(ADJCreateKSP_Private(adj, "adj_", &adj->ksp));
  if (ksp) *ksp = adj->ksp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   ADJGetTangentKSP - The solver of the tangent system M xdot = N thetadot

   Collective at the first call

   Input Parameter:
.  adj - the context

   Output Parameter:
.  ksp - the solver (borrowed)

   Options Database Keys:
+  -adj_tangent_ksp_type <type> - default `gmres`
.  -adj_tangent_ksp_rtol <rtol> - relative to the norm of the right-hand side, default 1e-8
-  -adj_tangent_pc_type <type>  - on the matrix of `ADJSetPreconditioner()`; `none` without one

   Level: intermediate

.seealso: `ADJGetKSP()`, `ADJSolveTangent()`
@*/
PetscErrorCode ADJGetTangentKSP(ADJ adj, KSP *ksp)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!adj->tksp) PetscCall(ADJCreateKSP_Private(adj, "adj_tangent_", &adj->tksp));
  if (ksp) *ksp = adj->tksp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Types that PETSc implements with the preconditioned norm only are let have it, unless the user chose a norm */
PetscErrorCode ADJAllowNorm_Private(KSP ksp)
{
  PetscBool only, given;

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(((PetscObject)ksp)->options, ((PetscObject)ksp)->prefix, "-ksp_norm_type", &given));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)ksp, &only, KSPMINRES, KSPSYMMLQ, KSPTCQMR, KSPCGLS, KSPPREONLY, KSPCHEBYSHEV, KSPPGMRES, KSPQCG, ""));
  if (only && !given) PetscCall(KSPSetNormType(ksp, KSP_NORM_DEFAULT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJConfigureKSP_Private(ADJ adj, KSP ksp)
{
  PetscBool chosen;

  PetscFunctionBegin;
  PetscCall(ADJPCReuseReset_Private(adj));
  PetscCall(ADJSetDefaultPC_Private(adj, ksp));
  PetscCall(ADJPCChosen_Private(adj, ksp, &chosen));
  PetscCall(KSPSetFromOptions(ksp));
  if (!chosen) PetscCall(ADJNoteDefaultPC_Private(adj, ksp));
  PetscCall(ADJAllowNorm_Private(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Passes the options on, once the form is known, since the forward solver's default depends on it */
PetscErrorCode ADJConfigureChildren_Private(ADJ adj)
{
  KSP fksp;

  PetscFunctionBegin;
  if (adj->childrenconfigured || !adj->optionscalled || adj->form == ADJ_FORM_UNSET) PetscFunctionReturn(PETSC_SUCCESS);
  if (!ADJForwardBorrowed_Private(adj)) {
    PetscCall(ADJGetSNES(adj, NULL));
    PetscCall(SNESGetKSP(adj->snes, &fksp));
    PetscCall(ADJSetDefaultPC_Private(adj, fksp));
    PetscCall(SNESSetFromOptions(adj->snes));
  }
  PetscCall(ADJGetKSP(adj, NULL));
  PetscCall(ADJConfigureKSP_Private(adj, adj->ksp));
  PetscCall(ADJGetTangentKSP(adj, NULL)); /* the JVP may still come */
  PetscCall(ADJConfigureKSP_Private(adj, adj->tksp));
  if (adj->form == ADJ_FIXED_POINT) {
    PetscCall(ADJGetEPS(adj, NULL));
    PetscCall(EPSSetFromOptions(adj->eps));
  }
  adj->childrenconfigured = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
