/*
   Kinks at the solution, selections, and derivatives that vanish.
*/
#include "hospital.h"

#define NEWTON  .options = "-adj_forward_snes_type newtonls"
#define KINKED  .place = AT_KINK, .sickness = IS_KINKED, .verdict = ADJ_TRUST_REFUTED_NOT_SMOOTH, .check = ADJ_CHECK_KINK
#define WRONG   .disease = SELECTION, .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_X
#define NOTHING .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_UNVERIFIED, .check = ADJ_CHECK_INFLUENCE

/* clang-format off */
const Patient SickNonsmooth[] = {
  {"kink_abs",           "abs(u) at 0 in one component",                       .shape = A_REAL, .rho = 0.5, .curve = C_ABS, .s = 0.3, KINKED},
  {"kink_abs_residual",  "the same, residual form",                         .shape = A_REAL, .rho = 0.5, .curve = C_ABS, .s = 0.3, .residual = PETSC_TRUE, KINKED},
  {"kink_relu",          "max(u, 0) at 0",                                  .shape = A_REAL, .rho = 0.7, .curve = C_RELU, KINKED},
  {"kink_relu_newton",   "the same, forward Newton",                        .shape = A_REAL, .rho = 0.7, .curve = C_RELU, NEWTON, KINKED},
  {"kink_relu_tangent",  "the same, tangent",                               .shape = A_PAIRS, .rho = 0.7, .curve = C_RELU, .task = DO_TANGENT, KINKED},
  {"kink_soft",          "soft threshold at the threshold",                 .shape = A_REAL, .rho = 0.7, .curve = C_SOFT, .s = 0.4, KINKED},
  {"kink_box",           "projection on a box at its boundary",             .shape = A_PAIRS, .rho = 0.7, .curve = C_BOX, .s = 0.9, KINKED},
  {"kink_objective",     "abs(u) at 0, gradient of an objective",              .shape = A_REAL, .rho = 0.5, .curve = C_ABS, .s = 0.3, .task = DO_OBJECTIVE, KINKED},
  {"kink_theta",         "abs(theta) at 0 in one parameter",                   .shape = A_REAL, .rho = 0.5, .tau = C_ABS, .t = 0.5, .thetakink = PETSC_TRUE, KINKED},
  {"kink_theta_tangent", "the same, tangent",                               .shape = A_REAL, .rho = 0.5, .tau = C_ABS, .t = 0.5, .thetakink = PETSC_TRUE, .task = DO_TANGENT, KINKED},
  {"selection_relu",     "the mask of max(u, 0) inverted",                  .shape = A_REAL, .rho = 0.7, .curve = C_RELU, WRONG},
  {"selection_abs",      "the slope of abs(u) from the other side",            .shape = A_PAIRS, .rho = 0.5, .curve = C_ABS, .s = 0.3, WRONG},
  {"selection_residual", "the same, residual form",                         .shape = A_PAIRS, .rho = 0.5, .curve = C_ABS, .s = 0.3, .residual = PETSC_TRUE, .nojvp = PETSC_TRUE, WRONG},
  {"heavy_ball",         "each selection contracts, their products do not", .custom = RunHeavyBall, .realonly = PETSC_TRUE, .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_CONTRACTION, .check = ADJ_CHECK_SELECTIONS},
  {"no_influence",       "the parameters do not act on the state",          .shape = A_REAL, .rho = 0.6, .noB = PETSC_TRUE, NOTHING},
  {"no_influence_clipped", "nor where every component is clipped",  .shape = A_DIAGONAL, .rho = 0.5, .curve = C_BOX, .s = 0.15, NOTHING},
  {NULL}
};
