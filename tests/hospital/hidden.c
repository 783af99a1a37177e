/*
   Diseases that the default level does not see, and what does.
*/
#include "hospital.h"

#define OFF .options = "-adj_trust_level none", .sees = "-adj_trust_level estimate"

/* clang-format off */
const Patient Hidden[] = {
  {"trace_x",             "one entry wrong by 5e-5, spectral radius 0.999",         .shape = A_CLUSTER, .rho = 0.999, .n = 6, .disease = TRACE_X, .sees = "-adj_trust_vjp_x_rtol 1e-7", .options = "-adj_forward_snes_type newtonls", .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_X},
  {"trace_x_tested",      "the same",                                               .shape = A_CLUSTER, .rho = 0.999, .n = 6, .disease = TRACE_X, .sees = "-adj_test_vjp", .options = "-adj_forward_snes_type newtonls", .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_X},
  {"blind_cotangent",     "residual form, a null vector that the cotangent misses", .shape = A_DIAGONAL, .rho = 0.5, .kappa = 1, .residual = PETSC_TRUE, .v = V_BLIND, .start = FROM_SOLUTION, .options = "-adj_forward_snes_atol 1e-8", .sees = "-adj_trust_svd", .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_REFUTED_SINGULAR, .check = ADJ_CHECK_CONDITIONING, .other = ADJ_TRUST_UNVERIFIED, .othercheck = ADJ_CHECK_CONDITIONING},
  {"blind_cotangent_c",   "the same",                                               .shape = A_DIAGONAL, .rho = 0.5, .kappa = 1, .residual = PETSC_TRUE, .v = V_BLIND, .start = FROM_SOLUTION, .options = "-adj_forward_snes_atol 1e-8", .sees = "-adj_trust_level certify", .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_UNVERIFIED, .check = ADJ_CHECK_CERTIFICATE, .other = ADJ_TRUST_REFUTED_ERROR, .othercheck = ADJ_CHECK_CERTIFICATE},
  {"weak_mode",           "a loose adjoint that leaves out a weak mode",            .shape = A_DIAGONAL, .rho = 0, .kappa = 0.9999999999, .residual = PETSC_TRUE, .v = V_WEAK, .options = "-adj_ksp_rtol 1e-4", .sees = "-adj_trust_gradient_error always", .verdict = ADJ_TRUST_REFUTED_ERROR, .check = ADJ_CHECK_GRADIENT},
  {"weak_mode_certified", "the same",                                               .shape = A_DIAGONAL, .rho = 0, .kappa = 0.9999999999, .residual = PETSC_TRUE, .v = V_WEAK, .options = "-adj_ksp_rtol 1e-4", .sees = "-adj_trust_level certify", .verdict = ADJ_TRUST_REFUTED_ERROR, .check = ADJ_CHECK_GRADIENT, .other = ADJ_TRUST_UNVERIFIED, .othercheck = ADJ_CHECK_CERTIFICATE},
  {"moved_eigenvalue",    "one component begins to repel while the estimates stay", .shape = A_DIAGONAL, .rho = 0.48, .kappa = 0.1, .curve = C_EXP, .s = 0.7, .v = V_LOCAL, .task = DO_SECOND, .move = 0.04, .options = "-adj_forward_snes_type newtonls", .sees = "-adj_trust_recheck 0", .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_CONTRACTION, .check = ADJ_CHECK_CONTRACTION},
  {"not_required",        "spectral radius 1.1, contraction not asked for",         .shape = A_PAIRS, .rho = 1.1, .options = "-adj_forward_snes_type newtonls -adj_trust_contraction false", .sees = "-adj_trust_contraction true", .sickness = IS_REPELLING, .verdict = ADJ_TRUST_REFUTED_CONTRACTION, .check = ADJ_CHECK_CONTRACTION},
  {"small_kink",          "a kink of 1e-4",                                         .shape = A_REAL, .rho = 0.5, .curve = C_ABS, .s = 1e-4, .place = AT_KINK, .sees = "-adj_trust_kink_rtol 1e-6", .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_NOT_SMOOTH, .check = ADJ_CHECK_KINK},
  {"no_differences",      "sign of the VJP, differences switched off",              .shape = A_REAL, .rho = 0.6, .disease = SIGN_X, .options = "-adj_trust_differences false", .sees = "-adj_trust_differences true", .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_X},
  {"level_none_vjp",      "sign of the VJP, level none",                            .shape = A_REAL, .rho = 0.6, .disease = SIGN_THETA, OFF, .verdict = ADJ_TRUST_REFUTED_VJP, .check = ADJ_CHECK_VJP_THETA},
  {"level_none_repels",   "spectral radius 1.1, level none",                        .shape = A_REAL, .rho = 1.1, .residual = PETSC_FALSE, .start = FROM_SOLUTION, .options = "-adj_trust_level none -adj_forward_snes_atol 1e-8", .sees = "-adj_trust_level estimate", .sickness = IS_REPELLING, .verdict = ADJ_TRUST_REFUTED_CONTRACTION, .check = ADJ_CHECK_CONTRACTION},
  {NULL}
};
