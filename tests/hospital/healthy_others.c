/*
   Forward solvers, nonlinear and nonsmooth maps, noise, and whole examples.
*/
#include "hospital.h"

#define EXP   .shape = A_REAL, .rho = 0.5, .curve = C_EXP, .s = 0.8
#define ROOT  .residual = PETSC_TRUE
#define QUIET .verdict = ADJ_TRUST_ESTIMATED, .other = ADJ_TRUST_UNVERIFIED

/* clang-format off */
const Patient HealthyOthers[] = {
  {"newton",             "forward Newton",                            EXP, .options = "-adj_forward_snes_type newtonls", .task = DO_BOTH},
  {"newton_nojvp",       "the same, by differences",                  EXP, .nojvp = PETSC_TRUE, .options = "-adj_forward_snes_type newtonls"},
  {"anderson",           "forward Anderson",                          EXP, .options = "-adj_forward_snes_type anderson"},
  {"damped",             "forward damped iteration",                  EXP, .options = "-adj_forward_snes_linesearch_damping 0.7"},
  {"exp",                "strongly nonlinear",                        EXP, .tau = C_EXP, .t = 0.5, .task = DO_BOTH},
  {"exp_residual",       "the same, residual form",                   EXP, .tau = C_EXP, .t = 0.5, ROOT, .task = DO_BOTH},
  {"tanh",               "saturating",                                .shape = A_PAIRS, .rho = 0.9, .curve = C_TANH, .s = 1, .task = DO_BOTH},
  {"linear_residual",    "a linear residual",                         .shape = A_PAIRS, .rho = 0.9, ROOT, .task = DO_BOTH},
  {"relu",               "max(u, 0) away from 0",                     .shape = A_REAL, .rho = 0.7, .curve = C_RELU, .task = DO_BOTH},
  {"relu_residual",      "the same, residual form",                   .shape = A_REAL, .rho = 0.7, .curve = C_RELU, ROOT},
  {"soft",               "soft threshold away from the threshold",    .shape = A_REAL, .rho = 0.7, .curve = C_SOFT, .s = 0.6, .task = DO_BOTH},
  {"box",                "projection on a box, some bounds active",   .shape = A_PAIRS, .rho = 0.7, .curve = C_BOX, .s = 0.7, .task = DO_BOTH},
  {"abs",                "abs(u) away from 0",                           .shape = A_REAL, .rho = 0.5, .curve = C_ABS, .s = 0.3, .task = DO_OBJECTIVE},
  {"abs_theta",          "abs(theta) away from 0",                       .shape = A_REAL, .rho = 0.5, .tau = C_ABS, .t = 0.5},
  {"noise",              "a map with noise of 1e-9",                  .shape = A_REAL, .rho = 0.5, .disease = NOISE, .options = "-adj_forward_snes_rtol 1e-7", QUIET},
  {"noise_residual",     "the same, residual form",                   .shape = A_REAL, .rho = 0.5, ROOT, .disease = NOISE, .options = "-adj_forward_snes_rtol 1e-7", QUIET},
  {"noise_tangent",      "the same, tangent",                         .shape = A_PAIRS, .rho = 0.5, .disease = NOISE, .task = DO_TANGENT, .options = "-adj_forward_snes_rtol 1e-7", QUIET},
  {"loose_linear",       "a loose forward solve of a linear problem", .shape = A_REAL, .rho = 0.5, .options = "-adj_forward_snes_rtol 1e-3 -adj_trust_forward_rtol 1e-2"},
  {"sqrt",               "square roots, fixed point",                 .custom = RunSquareRoot},
  {"sqrt_residual",      "square roots, residual form",               .custom = RunSquareRoot, ROOT},
  {"groundwater",        "groundwater, fixed point",                  .custom = RunGroundwater, .options = "-form fixed_point -da_grid_x 9 -da_grid_y 8", .realonly = PETSC_TRUE, .tol = 1e-5},
  {"groundwater_residual","groundwater, residual form",               .custom = RunGroundwater, .options = "-form residual -da_grid_x 9 -da_grid_y 8", .realonly = PETSC_TRUE, .tol = 1e-5},
  {NULL}
};
