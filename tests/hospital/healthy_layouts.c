/*
   Sizes, layouts, scales, starts and cotangents.
*/
#include "hospital.h"

#define PLAIN  .shape = A_REAL, .rho = 0.5, .curve = C_SQUARE, .s = 0.05
#define CURVED .shape = A_REAL, .rho = 0.5, .curve = C_SQUARE, .s = 0.05, .tau = C_SQUARE, .t = 0.3
#define ROOT   CURVED, .residual = PETSC_TRUE
#define BLOCKS .shape = A_JORDAN, .rho = 0.5, .kappa = 0.3
#define ONE    .shape = A_CLUSTER, .n = 1, .rho = 0.5

/* clang-format off */
const Patient HealthyLayouts[] = {
  {"one_unknown",        "one unknown in all",                       ONE, .task = DO_BOTH},
  {"one_of_each",        "one unknown, one parameter",               ONE, .m = 1, .curve = C_SQUARE, .s = 0.05, .task = DO_BOTH},
  {"one_residual",       "the same, residual form",                  ONE, .m = 1, .residual = PETSC_TRUE, .task = DO_BOTH},
  {"two_unknowns",       "two unknowns",                             .shape = A_PAIRS, .rho = 0.7, .n = 2, .m = 3},
  {"one_parameter",      "one parameter",                            CURVED, .m = 1, .task = DO_BOTH},
  {"many_parameters",    "more parameters than unknowns",            CURVED, .n = 6, .m = 40, .task = DO_BOTH},
  {"uneven",             "uneven layout",                            CURVED, .xlayout = LAYOUT_UNEVEN, .task = DO_BOTH},
  {"empty",              "a process without entries",                CURVED, .xlayout = LAYOUT_EMPTY, .thetalayout = LAYOUT_EMPTY, .task = DO_BOTH},
  {"empty_residual",     "the same, residual form",                  ROOT, .xlayout = LAYOUT_EMPTY, .task = DO_BOTH},
  {"last",               "everything on the last process",           CURVED, .xlayout = LAYOUT_LAST, .thetalayout = LAYOUT_LAST, .task = DO_BOTH},
  {"layouts_differ",     "state and parameters spread differently",  ROOT, .xlayout = LAYOUT_UNEVEN, .thetalayout = LAYOUT_LAST, .task = DO_BOTH},
  {"state_scales",       "components from 1e-8 to 1e8",              BLOCKS, .xscale = 8},
  {"state_scales_residual","the same, residual form",                BLOCKS, .xscale = 8, .residual = PETSC_TRUE},
  {"state_scales_mild",  "components from 1e-3 to 1e3",              BLOCKS, .xscale = 3, .task = DO_BOTH},
  {"parameter_scales",   "parameters from 1e-6 to 1e6",              PLAIN, .thetascale = 6},
  {"parameter_scales_residual", "the same, residual form",           PLAIN, .residual = PETSC_TRUE, .thetascale = 6},
  {"x_zero",             "the solution is 0",                        .shape = A_REAL, .rho = 0.5, .curve = C_SQUARE, .s = 0.1, .place = AT_ZERO, .start = FROM_NEAR, .task = DO_BOTH},
  {"x_zero_residual",    "the same, residual form",                  .shape = A_PAIRS, .rho = 0.5, .curve = C_TANH, .s = 1, .place = AT_ZERO, .residual = PETSC_TRUE, .start = FROM_NEAR},
  {"theta_zero",         "all parameters are 0",                     CURVED, .thetazero = PETSC_TRUE, .task = DO_BOTH},
  {"start_at_solution",  "started at the solution",                  CURVED, .start = FROM_SOLUTION, .options = "-adj_forward_snes_atol 1e-12"},
  {"sequence",           "five parameters, warm starts",             CURVED, .task = DO_SEQUENCE},
  {"sequence_residual",  "the same, residual form",                  ROOT, .task = DO_SEQUENCE},
  {"cotangents",         "several cotangents at one state",          CURVED, .task = DO_COTANGENTS},
  {"cotangents_warm",    "the same, warm-started adjoints",          CURVED, .task = DO_COTANGENTS, .options = "-adj_ksp_initial_guess_nonzero"},
  {"local",              "a cotangent with one entry",               CURVED, .v = V_LOCAL},
  {"local_ring",         "the same, a stencil",                      .shape = A_RING, .rho = 0.9, .n = 40, .v = V_LOCAL},
  {"zero_cotangent",     "a zero cotangent has a zero gradient",     CURVED, .v = V_ZERO},
  {"zero_cotangent_residual", "the same, residual form",             ROOT, .v = V_ZERO},
  {"large",              "n = 200",                                  .shape = A_RING, .rho = 0.8, .n = 200, .m = 3, .curve = C_SQUARE, .s = 0.02},
  {NULL}
};
