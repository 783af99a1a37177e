/*
   Spectra that contract or need not, well and badly conditioned.
*/
#include "hospital.h"

#define NEWTON .options = "-adj_forward_snes_type newtonls"
#define NONE   .options = "-adj_forward_snes_type newtonls -adj_trust_contraction false"
#define ROOT   .residual = PETSC_TRUE

/* clang-format off */
const Patient HealthySpectra[] = {
  {"symmetric",          "symmetric",                                   .shape = A_CLUSTER, .rho = 0.6, .task = DO_BOTH},
  {"nonnormal",          "Jordan blocks, coupling 2",                   .shape = A_JORDAN, .rho = 0.5, .kappa = 2, .task = DO_BOTH},
  {"nonnormal_strong",   "Jordan blocks, coupling 50",                  .shape = A_JORDAN, .rho = 0.3, .kappa = 50},
  {"grcar",              "Grcar's matrix",                              .shape = A_GRCAR, .rho = 0.8, .n = 16},
  {"grcar_residual",     "Grcar's matrix, residual form",               .shape = A_GRCAR, .rho = 1.5, .n = 16, ROOT},
  {"ring",               "a periodic stencil",                          .shape = A_RING, .rho = 0.9, .n = 24, .task = DO_BOTH},
  {"pairs",              "complex pairs",                               .shape = A_PAIRS, .rho = 0.9},
  {"negative",           "negative eigenvalues",                        .shape = A_CLUSTER, .rho = -0.9},
  {"rho_0",              "dF/dx = 0",                                   .shape = A_ZERO, .tau = C_SQUARE, .t = 0.3, .task = DO_BOTH},
  {"rho_0.99",           "a cluster at 0.99",                           .shape = A_CLUSTER, .rho = 0.99},
  {"rho_0.99_newton",    "the same, forward Newton",                    .shape = A_CLUSTER, .rho = 0.99, NEWTON},
  {"rho_0.99_real",      "eigenvalue -0.99",                            .shape = A_REAL, .rho = 0.99, NEWTON},
  {"pair_0.98",          "a pair of modulus 0.98",                      .shape = A_PAIRS, .rho = 0.98},
  {"repels_residual",    "rho = 1.5, residual form",                    .shape = A_REAL, .rho = 1.5, ROOT},
  {"repels_allowed",     "rho = 1.5, contraction not required",         .shape = A_REAL, .rho = 1.5, NONE},
  {"stiff_jacobi",       "dR/dx from 1e-6 to 1e6, Jacobi",              .shape = A_GRADED, .rho = -6, .kappa = 6, ROOT, .matrix = PETSC_TRUE, .options = "-adj_pc_type jacobi -adj_tangent_pc_type jacobi -adj_forward_pc_type jacobi -adj_forward_ksp_rtol 1e-10 -adj_ksp_rtol 1e-10", .tol = 1e-5},
  {"stiff_lu",           "the same, LU",                                .shape = A_GRADED, .rho = -6, .kappa = 6, ROOT, .matrix = PETSC_TRUE, .options = "-adj_pc_type redundant -adj_tangent_pc_type redundant -adj_forward_pc_type redundant", .tol = 1e-5},
  {"stiff_mild",         "dR/dx from 1e-2 to 1e2, no preconditioner",   .shape = A_GRADED, .rho = -2, .kappa = 2, ROOT, .options = "-adj_ksp_rtol 1e-12 -adj_forward_ksp_rtol 1e-12", .tol = 1e-5},
  {"matrix",             "with a preconditioner, fixed point",          .shape = A_PAIRS, .rho = 0.9, .matrix = PETSC_TRUE, .options = "-adj_pc_type redundant"},
  {"nullspace",          "periodic smoothing, null space given",        .shape = A_SMOOTH, .null = NULL_RIGHT},
  {"nullspace_constant", "the same, by the constant",                   .shape = A_SMOOTH, .null = NULL_CONSTANT},
  {"nullspace_neumann",  "smoothing between walls",                     .shape = A_NEUMANN, .null = NULL_CONSTANT},
  {"nullspace_markov",   "row-stochastic, two different null vectors",  .shape = A_MARKOV, .null = NULL_RIGHT},
  {"nullspace_residual", "the same, residual form",                     .shape = A_MARKOV, ROOT, .null = NULL_RIGHT},
  {"sinkhorn",           "Sinkhorn's iteration in its logarithms",      .custom = RunSinkhorn, .realonly = PETSC_TRUE},
  {NULL}
};
