/*
   Solvers that stopped early, or at something else; methods that are no derivative of the solution.
*/
#include "hospital.h"

#define CURVED    .shape = A_REAL, .rho = 0.7, .curve = C_EXP, .s = 0.8
#define ROOT      CURVED, .residual = PETSC_TRUE
#define LINEAR    .shape = A_REAL, .rho = 0.6
#define SLOW      .shape = A_CLUSTER, .rho = 0.9
#define BAD_STATE .verdict = ADJ_TRUST_REFUTED_FORWARD, .check = ADJ_CHECK_FORWARD
#define BAD_SOLVE .verdict = ADJ_TRUST_REFUTED_LINEAR, .check = ADJ_CHECK_LINEAR
#define BAD_ERROR .verdict = ADJ_TRUST_REFUTED_ERROR, .check = ADJ_CHECK_GRADIENT
#define BAD_BOUND .other = ADJ_TRUST_REFUTED_CONDITIONING, .othercheck = ADJ_CHECK_RESIDUAL_BOUND

/* clang-format off */
const Patient SickSolvers[] = {
  {"forward_max_it",          "the forward iteration runs out of steps",           CURVED, .options = "-adj_forward_snes_max_it 2", BAD_STATE},
  {"forward_max_it_residual", "Newton's method runs out of steps",                 ROOT, .options = "-adj_forward_snes_max_it 1", BAD_STATE},
  {"forward_max_it_tangent",  "the same, tangent",                                 ROOT, .task = DO_TANGENT, .options = "-adj_forward_snes_max_it 1", BAD_STATE},
  {"forward_max_it_objective","the same, gradient of the objective",               ROOT, .task = DO_OBJECTIVE, .options = "-adj_forward_snes_max_it 1", BAD_STATE},
  {"forward_diverges",        "the forward iteration repels",                      .shape = A_REAL, .rho = 1.6, .curve = C_SQUARE, .s = 0.05, .options = "-adj_forward_snes_max_it 8", BAD_STATE},
  {"forward_no_root",         "x = x^2 + ... has no solution",                     .shape = A_CLUSTER, .rho = 0.5, .curve = C_SQUARE, .s = 1.0, .place = AT_NOWHERE, .residual = PETSC_TRUE, .realonly = PETSC_TRUE, BAD_STATE},
  {"forward_loose",           "loose forward tolerance, fixed point",              CURVED, .options = "-adj_forward_snes_rtol 1e-1", BAD_ERROR},
  {"forward_loose_residual",  "loose forward tolerance, Newton",                   ROOT, .options = "-adj_forward_snes_rtol 3e-1", BAD_ERROR},
  {"forward_atol",            "a large absolute tolerance",                        CURVED, .options = "-adj_forward_snes_atol 3e-1", BAD_ERROR},
  {"forward_atol_tangent",    "the same, tangent",                                 CURVED, .task = DO_TANGENT, .options = "-adj_forward_snes_atol 3e-1", BAD_ERROR},
  {"bounds",                  "bounds of a variational inequality",                ROOT, .options = "-adj_forward_snes_type vinewtonrsls", .realonly = PETSC_TRUE, .sickness = IS_UNKNOWN, BAD_STATE},
  {"adjoint_max_it",          "the adjoint solve runs out of steps",               LINEAR, .options = "-adj_ksp_max_it 2", BAD_SOLVE},
  {"adjoint_max_it_residual", "the same, residual form",                           ROOT, .options = "-adj_ksp_max_it 2", BAD_SOLVE},
  {"tangent_max_it",          "the tangent solve runs out of steps",               LINEAR, .task = DO_TANGENT, .options = "-adj_tangent_ksp_max_it 2", BAD_SOLVE},
  {"adjoint_maxits_converged","the same, and says that it converged",              LINEAR, .options = "-adj_ksp_max_it 1 -adj_ksp_converged_maxits", BAD_SOLVE},
  {"adjoint_loose",           "adjoint to one digit",                              .shape = A_CLUSTER, .rho = 0.97, .options = "-adj_ksp_type richardson -adj_ksp_rtol 0.2", BAD_ERROR, BAD_BOUND},
  {"adjoint_loose_residual",  "the same, residual form, GMRES",                    .shape = A_GRADED, .rho = 0, .kappa = -2, .residual = PETSC_TRUE, .options = "-adj_ksp_rtol 1e-1", BAD_ERROR, BAD_BOUND},
  {"tangent_loose",           "tangent to one digit",                              .shape = A_GRADED, .rho = 0, .kappa = -2, .residual = PETSC_TRUE, .task = DO_TANGENT, .options = "-adj_tangent_ksp_rtol 1e-1", BAD_ERROR, BAD_BOUND},
  {"adjoint_preonly",         "a single application of no preconditioner",         LINEAR, .options = "-adj_ksp_type preonly -adj_pc_type none", BAD_SOLVE},
  {"adjoint_richardson",      "Richardson's iteration where it repels",            .shape = A_REAL, .rho = 1.8, .residual = PETSC_TRUE, .options = "-adj_ksp_type richardson -adj_ksp_max_it 60", BAD_SOLVE},
  {"adjoint_cg",              "conjugate gradients, operator not symmetric",       .shape = A_PAIRS, .rho = 0.9, .residual = PETSC_TRUE, .options = "-adj_ksp_type cg -adj_ksp_max_it 30", BAD_SOLVE},
  {"broken_pc",               "a preconditioner that is singular",                 LINEAR, .disease = BROKEN_PC, .options = "-adj_ksp_norm_type preconditioned -adj_ksp_pc_side left", BAD_SOLVE},
  {"broken_pc_residual",      "the same, residual form",                           ROOT, .disease = BROKEN_PC, .options = "-adj_ksp_norm_type preconditioned -adj_ksp_pc_side left", BAD_SOLVE},
  {"warm_adjoint",            "a warm start hides that nothing was solved",        LINEAR, .task = DO_SECOND_V, .options = "-adj_ksp_initial_guess_nonzero -adj_ksp_converged_use_initial_residual_norm -adj_ksp_rtol 1e-6", BAD_SOLVE},
  {"ill_conditioned",         "condition 1e10, loose adjoint",                     .shape = A_GRADED, .rho = 0, .kappa = -10, .residual = PETSC_TRUE, .options = "-adj_ksp_rtol 0.3", BAD_ERROR, BAD_BOUND},
  {"onestep",                 "one step at rho = 0.9",                             SLOW, .options = "-adj_type onestep", BAD_ERROR},
  {"onestep_nonnormal",       "one step, rho = 0.3 but far from normal",           .shape = A_JORDAN, .rho = 0.3, .kappa = 50, .options = "-adj_type onestep", BAD_ERROR},
  {"onestep_tangent",         "one step at rho = 0.9, tangent",                    SLOW, .task = DO_TANGENT, .options = "-adj_type onestep", BAD_ERROR},
  {"neumann",                 "ten terms at rho = 0.9",                            SLOW, .options = "-adj_type neumann", BAD_ERROR},
  {"neumann_nonnormal",       "one term, rho = 0.2 but far from normal",           .shape = A_JORDAN, .rho = 0.2, .kappa = 50, .options = "-adj_type neumann -adj_neumann_terms 1", BAD_ERROR},
  {"truncated",               "the last five steps at rho = 0.9",                  SLOW, .options = "-adj_type truncated -adj_truncated_steps 5", BAD_ERROR},
  {"unrolled_warm",           "unrolled from a warm start: few steps",             SLOW, .task = DO_SECOND, .move = 1e-7, .options = "-adj_type unrolled -adj_forward_snes_rtol 1e-7", BAD_ERROR},
  {"reversible_drift",        "steps backwards amplify errors",                    .shape = A_DIAGONAL, .rho = 0.9, .kappa = 1e-2, .n = 6, .options = "-adj_type reversible", .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_ERROR, .check = ADJ_CHECK_DRIFT},
  {NULL}
};
