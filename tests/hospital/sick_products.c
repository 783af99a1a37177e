/*
   Wrong products, wrong objectives.
*/
#include "hospital.h"

#define FIXED(r) .shape = A_REAL, .rho = (r), .curve = C_SQUARE, .s = 0.1, .tau = C_SQUARE, .t = 0.3
#define ROOT     FIXED(0.6), .residual = PETSC_TRUE
#define PAIRS    .shape = A_PAIRS, .rho = 0.8, .curve = C_TANH, .s = 0.9, .tau = C_SQUARE, .t = 0.3
#define NEWTON   .options = "-adj_forward_snes_type newtonls"
#define BAD_X    .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_X
#define BAD_T    .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_THETA
#define BAD_L    .verdict = ADJ_TRUST_REFUTED_OBJECTIVE, .check = ADJ_CHECK_OBJECTIVE, .task = DO_OBJECTIVE
#define BAD_NAN  .verdict = ADJ_TRUST_REFUTED_NOT_FINITE, .check = ADJ_CHECK_FINITE

/* clang-format off */
const Patient SickProducts[] = {
  {"sign_x",                  "sign of the VJP in x",                              FIXED(0.6), .disease = SIGN_X, BAD_X},
  {"sign_x_newton",           "the same, forward Newton",                          FIXED(0.6), NEWTON, .disease = SIGN_X, BAD_X},
  {"sign_x_residual",         "the same, residual form",                           ROOT, .disease = SIGN_X, BAD_X},
  {"sign_x_pairs",            "the same, complex pairs, no JVP",                   PAIRS, .nojvp = PETSC_TRUE, .disease = SIGN_X, BAD_X},
  {"sign_theta",              "sign of the VJP in theta",                          FIXED(0.6), .disease = SIGN_THETA, BAD_T},
  {"sign_theta_residual",     "the same, residual form",                           ROOT, .disease = SIGN_THETA, BAD_T},
  {"missing_x",               "no derivative of the nonlinear term in x",          PAIRS, .disease = MISSING_X, BAD_X},
  {"missing_x_residual",      "the same, residual form, no JVP",                   ROOT, .nojvp = PETSC_TRUE, .disease = MISSING_X, BAD_X},
  {"missing_x_auto",          "the same, type auto",                               PAIRS, .options = "-adj_type auto", .disease = MISSING_X, BAD_X},
  {"missing_x_tangent",       "the same in the JVP",                               PAIRS, .task = DO_TANGENT, .disease = JVP_MISSING_X, BAD_X},
  {"missing_theta",           "no derivative of the nonlinear term in theta",      FIXED(0.6), .disease = MISSING_THETA, BAD_T},
  {"missing_theta_residual",  "the same, residual form",                           ROOT, .disease = MISSING_THETA, BAD_T},
  {"untransposed",            "A instead of its transpose",                        PAIRS, .disease = UNTRANSPOSED, BAD_X},
  {"untransposed_residual",   "the same, residual form",                           ROOT, .disease = UNTRANSPOSED, BAD_X},
  {"untransposed_ring",       "the same for a stencil that is nearly symmetric",   .shape = A_RING, .rho = 0.9, .disease = UNTRANSPOSED, BAD_X},
  {"halo",                    "contributions of neighbours dropped",               .shape = A_RING, .rho = 0.9, .n = 24, .disease = HALO, BAD_X},
  {"halo_residual",           "the same, residual form",                           .shape = A_RING, .rho = 0.9, .n = 24, .residual = PETSC_TRUE, .disease = HALO, BAD_X},
  {"halo_uneven",             "the same, one process without entries",             .shape = A_RING, .rho = 0.9, .n = 24, .xlayout = LAYOUT_EMPTY, .disease = HALO, BAD_X},
  {"rank_x",                  "wrong in x on the last process alone",              PAIRS, .disease = RANK_X, BAD_X},
  {"rank_theta",              "wrong in theta on the last process alone",          FIXED(0.6), .disease = RANK_THETA, BAD_T},
  {"stale",                   "products stay at the first linearization",          FIXED(0.3), .task = DO_SECOND, .disease = STALE, BAD_X},
  {"stale_residual",          "the same, residual form",                           .shape = A_REAL, .rho = 0.4, .curve = C_EXP, .s = 0.7, .residual = PETSC_TRUE, .nojvp = PETSC_TRUE, .task = DO_SECOND, .move = 0.1, .disease = STALE, BAD_X},
  {"order",                   "the part in theta takes w of the call before",      FIXED(0.6), .disease = ORDER, BAD_T},
  {"needs_both",              "0 in x where theta is not wanted",                  PAIRS, .disease = NEEDS_BOTH, BAD_X},
  {"percent_x",               "off by 1 % in x",                                   FIXED(0.8), .disease = PERCENT_X, BAD_X},
  {"percent_x_residual",      "the same, residual form",                           ROOT, .disease = PERCENT_X, BAD_X},
  {"percent_theta",           "off by 1 % in theta",                               FIXED(0.8), .disease = PERCENT_THETA, BAD_T},
  {"percent_theta_residual",  "the same, residual form",                           ROOT, .disease = PERCENT_THETA, BAD_T},
  {"entry_x",                 "one entry of dF/dx wrong",                          PAIRS, .n = 60, .disease = ENTRY_X, BAD_X},
  {"entry_theta",             "one row of the transposed dF/dtheta wrong",         FIXED(0.6), .m = 40, .disease = ENTRY_THETA, BAD_T},
  {"adds_x",                  "adds to xbar",                                      FIXED(0.6), .task = DO_SECOND, .disease = ADDS_X, BAD_X},
  {"adds_theta",              "adds to thetabar",                                  FIXED(0.6), .disease = ADDS_THETA, BAD_T},
  {"unconjugated",            "transpose without the conjugate",                   PAIRS, .disease = UNCONJUGATED, BAD_X},
  {"jvp_x",                   "JVP in x 10 % too large",                           FIXED(0.6), .task = DO_TANGENT, .disease = JVP_X, BAD_X},
  {"jvp_x_residual",          "the same, residual form",                           ROOT, .task = DO_TANGENT, .disease = JVP_X, BAD_X},
  {"jvp_theta",               "JVP in theta 10 % too large",                       FIXED(0.6), .task = DO_TANGENT, .disease = JVP_THETA, BAD_T},
  {"jvp_theta_residual",      "the same, residual form",                           ROOT, .task = DO_TANGENT, .disease = JVP_THETA, BAD_T},
  {"sign_x_onestep",          "sign of the VJP in x, one step, fast contraction",  .shape = A_REAL, .rho = 0.005, .options = "-adj_type onestep", .disease = SIGN_X, BAD_X},
  {"percent_theta_neumann",   "off by 1 % in theta, Neumann series",               .shape = A_REAL, .rho = 0.2, .options = "-adj_type neumann", .disease = PERCENT_THETA, BAD_T},
  {"sign_x_unrolled",         "sign of the VJP in x, unrolled",                    FIXED(0.6), .options = "-adj_type unrolled", .disease = SIGN_X, BAD_X},
  {"missing_x_piggyback",     "no derivative of the nonlinear term, piggyback",    PAIRS, .options = "-adj_piggyback", .task = DO_OBJECTIVE, .disease = MISSING_X, BAD_X},
  {"objective_x",             "a term of dl/dx is missing",                        FIXED(0.6), .disease = OBJECTIVE_X, BAD_L},
  {"objective_sign",          "sign of dl/dx, residual form",                      ROOT, .disease = OBJECTIVE_SIGN, BAD_L},
  {"objective_theta",         "the direct term dl/dtheta is missing",              FIXED(0.6), .disease = OBJECTIVE_THETA, BAD_L},
  {"objective_theta_residual","the same, residual form",                           ROOT, .disease = OBJECTIVE_THETA, BAD_L},
  {"nan_map",                 "NaN in the map from its fourth call on",            FIXED(0.6), .disease = NAN_MAP, BAD_NAN},
  {"nan_map_residual",        "the same, residual form",                           ROOT, .nojvp = PETSC_TRUE, .disease = NAN_MAP, BAD_NAN, .other = ADJ_TRUST_REFUTED_FORWARD, .othercheck = ADJ_CHECK_FORWARD},
  {"nan_vjp_x",               "NaN in the VJP in x on the last process",           FIXED(0.6), .disease = NAN_VJP_X, BAD_NAN},
  {"nan_vjp_theta",           "NaN in the VJP in theta on the last process",       ROOT, .disease = NAN_VJP_THETA, BAD_NAN},
  {"nan_jvp",                 "NaN in the JVP on the last process",                FIXED(0.6), .task = DO_TANGENT, .disease = NAN_JVP, BAD_NAN},
  {"nan_objective",           "NaN in the objective",                              FIXED(0.6), .task = DO_OBJECTIVE, .disease = NAN_OBJECTIVE, .sickness = IS_UNKNOWN, BAD_NAN},
  {"nan_objective_x",         "NaN in dl/dx on the last process",                  FIXED(0.6), .task = DO_OBJECTIVE, .disease = NAN_OBJECTIVE_X, BAD_NAN},
  {"nan_objective_theta",     "NaN in dl/dtheta on the last process",              ROOT, .task = DO_OBJECTIVE, .disease = NAN_OBJECTIVE_THETA, BAD_NAN},
  {NULL}
};
