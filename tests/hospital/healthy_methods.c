/*
   Every method, and every options file.
*/
#include "hospital.h"

#define CURVED   .shape = A_REAL, .rho = 0.5, .curve = C_SQUARE, .s = 0.05, .tau = C_SQUARE, .t = 0.3
#define ROOT     CURVED, .residual = PETSC_TRUE
#define FAST     .shape = A_REAL, .rho = 0.2, .curve = C_SQUARE, .s = 0.02
#define DAMPED   .shape = A_CLUSTER, .rho = 0.7
#define CERTIFY  .options = "-adj_trust_level certify", .verdict = ADJ_TRUST_CERTIFIED
#define STEPS(k) .steps = k

/* clang-format off */
const Patient HealthyMethods[] = {
  {"implicit",              "the default",                              CURVED, .task = DO_BOTH},
  {"implicit_residual",     "the default, residual form",               ROOT, .task = DO_BOTH},
  {"implicit_nojvp",        "without a JVP",                            CURVED, .nojvp = PETSC_TRUE},
  {"implicit_nojvp_residual","the same, residual form",                 ROOT, .nojvp = PETSC_TRUE},
  {"opts_implicit_gmres",   "options file",                             CURVED, .file = "implicit-gmres"},
  {"opts_adjoint",          "options file",                             CURVED, .file = "fixed-point-adjoint"},
  {"opts_anderson",         "options file",                             CURVED, .file = "anderson-forward"},
  {"opts_newton",           "options file",                             CURVED, .file = "newton-krylov-forward"},
  {"opts_newton_residual",  "options file",                             ROOT, .file = "newton-krylov-forward"},
  {"opts_tight",            "options file",                             CURVED, .file = "tight-trust"},
  {"opts_auto",             "options file",                             FAST, .file = "auto"},
  {"opts_neumann",          "options file",                             FAST, .file = "neumann"},
  {"opts_truncated",        "options file",                             FAST, .file = "truncated"},
  {"opts_onestep",          "options file",                             .shape = A_REAL, .rho = 0.03, .file = "onestep", .tol = 0.1},
  {"opts_piggyback",        "options file",                             FAST, .file = "piggyback", .task = DO_OBJECTIVE},
  {"opts_unrolled",         "options file",                             CURVED, .file = "unrolled"},
  {"opts_binomial",         "options file",                             CURVED, STEPS(40), .file = "unrolled-binomial"},
  {"opts_online",           "options file",                             CURVED, .file = "unrolled-online"},
  {"opts_disk",             "options file",                             CURVED, .file = "unrolled-disk"},
  {"opts_reversible",       "options file",                             DAMPED, .file = "reversible"},
  {"unrolled_steps",        "ten steps, far from the solution",         CURVED, STEPS(10), .options = "-adj_type unrolled -adj_steps 10"},
  {"unrolled_steps_repels", "five steps of a map that repels",          .shape = A_REAL, .rho = 1.2, STEPS(5), .options = "-adj_type unrolled -adj_steps 5"},
  {"unrolled_tangent",      "unrolled, tangent",                        CURVED, .task = DO_TANGENT, .options = "-adj_type unrolled"},
  {"truncated",             "enough steps at rho = 0.7",                DAMPED, .options = "-adj_type truncated -adj_truncated_steps 60"},
  {"neumann",               "enough terms at rho = 0.7",                DAMPED, .options = "-adj_type neumann -adj_neumann_terms 60"},
  {"neumann_tangent",       "the same, tangent",                        DAMPED, .task = DO_TANGENT, .options = "-adj_type neumann -adj_neumann_terms 60"},
  {"onestep_zero",          "one step of a map with dF/dx = 0",         .shape = A_ZERO, .tau = C_SQUARE, .t = 0.3, .options = "-adj_type onestep"},
  {"onestep_newton",        "one step, the map is Newton's method",     .custom = RunNewtonStep, .options = "-adj_type onestep"},
  {"auto",                  "a series that is long enough",             FAST, .options = "-adj_type auto", .task = DO_BOTH},
  {"auto_slow",             "a series that is not: a solve",            .shape = A_CLUSTER, .rho = 0.95, .options = "-adj_type auto"},
  {"reversible",            "without stored states",                    DAMPED, .options = "-adj_type reversible -adj_reversible_drift 1e-3 -adj_steps 10", STEPS(10)},
  {"piggyback",             "the adjoint beside the state",             .shape = A_PAIRS, .rho = 0.6, .options = "-adj_piggyback", .task = DO_OBJECTIVE},
  {"objective",             "objective with a direct term in theta",    CURVED, .task = DO_OBJECTIVE},
  {"objective_residual",    "the same, residual form",                  ROOT, .task = DO_OBJECTIVE},
  {"certify",               "with a certificate",                       .shape = A_REAL, .rho = 0.5, CERTIFY},
  {"certify_residual",      "the same, residual form",                  .shape = A_PAIRS, .rho = 0.8, .residual = PETSC_TRUE, CERTIFY},
  {"certify_tangent",       "the same, tangent",                        .shape = A_REAL, .rho = 0.5, .task = DO_TANGENT, CERTIFY},
  {"bcgs",                  "BiCGStab, which gives no condition number",.shape = A_REAL, .rho = 0.5, .options = "-adj_ksp_type bcgs"},
  {"cg",                    "conjugate gradients, symmetric",           DAMPED, .options = "-adj_ksp_type cg", .realonly = PETSC_TRUE},
  {NULL}
};
