/*
   Maps that do not contract, singular operators, null spaces.
*/
#include "hospital.h"

#define NEWTON       .options = "-adj_forward_snes_type newtonls -adj_forward_snes_atol 1e-11"
#define AT_SOLUTION  .start = FROM_SOLUTION, .options = "-adj_forward_snes_atol 1e-8"
#define REPELS       .sickness = IS_REPELLING, .verdict = ADJ_TRUST_REFUTED_CONTRACTION, .check = ADJ_CHECK_CONTRACTION
#define SINGULAR     .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_REFUTED_SINGULAR, .check = ADJ_CHECK_SINGULAR
#define CONDITION    .other = ADJ_TRUST_REFUTED_SINGULAR, .othercheck = ADJ_CHECK_CONDITIONING
#define NULLSPACE(c) .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_REFUTED_NULLSPACE, .check = (c)

/* clang-format off */
const Patient SickSpectra[] = {
  {"rho_minus_one",        "eigenvalue -1, forward Newton",                   .shape = A_DIAGONAL, .rho = 0.5, .kappa = -1, NEWTON, REPELS},
  {"rho_1.01",             "spectral radius 1.01, forward Newton",            .shape = A_REAL, .rho = 1.01, NEWTON, REPELS},
  {"rho_1.01_tangent",     "the same, tangent",                               .shape = A_REAL, .rho = 1.01, NEWTON, .task = DO_TANGENT, REPELS},
  {"rho_1.01_objective",   "the same, gradient of an objective",              .shape = A_REAL, .rho = 1.01, NEWTON, .task = DO_OBJECTIVE, REPELS},
  {"rho_1.001",            "spectral radius 1.001",                           .shape = A_REAL, .rho = 1.001, NEWTON, REPELS},
  {"pair_1.1",             "a pair of modulus 1.1, forward Newton",           .shape = A_PAIRS, .rho = 1.1, NEWTON, REPELS},
  {"pair_1.1_start",       "the same, started at the solution",               .shape = A_PAIRS, .rho = 1.1, AT_SOLUTION, REPELS},
  {"rho_3",                "eigenvalue 3 on one component alone",             .shape = A_DIAGONAL, .rho = 0.5, .kappa = 3, NEWTON, REPELS},
  {"repels_nonlinear",     "a solution that Newton finds and that repels",    .shape = A_REAL, .rho = 0.9, .curve = C_SQUARE, .s = 0.3, .start = FROM_NEAR, NEWTON, REPELS},
  {"repels_grcar",         "far from normal, spectral radius above 1",        .shape = A_GRCAR, .rho = 1.2, .n = 16, NEWTON, REPELS},
  {"rho_one",              "eigenvalue 1, forward Newton",                    .shape = A_DIAGONAL, .rho = 0.5, .kappa = 1, NEWTON, SINGULAR, CONDITION},
  {"rho_one_residual",     "a zero on the diagonal of dR/dx",                 .shape = A_DIAGONAL, .rho = 0.5, .kappa = 1, .residual = PETSC_TRUE, .start = FROM_SOLUTION, .options = "-adj_forward_snes_atol 1e-8", .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_REFUTED_SINGULAR, .check = ADJ_CHECK_CONDITIONING, .other = ADJ_TRUST_REFUTED_LINEAR, .othercheck = ADJ_CHECK_LINEAR},
  {"rho_near_one",         "an eigenvalue 1 - 1e-7",                          .shape = A_DIAGONAL, .rho = 0.5, .kappa = 0.9999999, NEWTON, .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_SINGULAR, .check = ADJ_CHECK_SINGULAR},
  {"no_nullspace",         "periodic smoothing, null space not given",        .shape = A_SMOOTH, SINGULAR, CONDITION},
  {"no_nullspace_gauge",   "the same, the objective depends on the constant", .shape = A_SMOOTH, .gauge = PETSC_TRUE, SINGULAR, CONDITION},
  {"no_nullspace_neumann", "smoothing between walls, null space not given",   .shape = A_NEUMANN, .gauge = PETSC_TRUE, SINGULAR, CONDITION},
  {"no_nullspace_markov",  "row-stochastic, null space not given",            .shape = A_MARKOV, .gauge = PETSC_TRUE, SINGULAR, CONDITION},
  {"half_nullspace",       "two null vectors, one given",                     .shape = A_TWORINGS, .null = NULL_RIGHT, SINGULAR, CONDITION},
  {"wrong_nullspace",      "a null space that is none",                       .shape = A_SMOOTH, .null = NULL_WRONG, NULLSPACE(ADJ_CHECK_NULLSPACE)},
  {"wrong_left_nullspace", "the right one given for the left",                .shape = A_MARKOV, .null = NULL_CONSTANT, NULLSPACE(ADJ_CHECK_NULLSPACE)},
  {"needless_nullspace",   "a null space where the operator has none",        .shape = A_CLUSTER, .rho = 0.5, .null = NULL_CONSTANT, .sickness = IS_UNKNOWN, .verdict = ADJ_TRUST_REFUTED_NULLSPACE, .check = ADJ_CHECK_NULLSPACE},
  {"defective",            "eigenvalue 1 with too few eigenvectors",          .shape = A_JORDAN, .rho = 1, .kappa = 1, .null = NULL_RIGHT, AT_SOLUTION, NULLSPACE(ADJ_CHECK_DEFECT)},
  {"gauge",                "the objective depends on the null vector",        .shape = A_SMOOTH, .null = NULL_RIGHT, .gauge = PETSC_TRUE, NULLSPACE(ADJ_CHECK_SOLVABILITY)},
  {"gauge_markov",         "the same, left and right null vectors differ",    .shape = A_MARKOV, .null = NULL_RIGHT, .gauge = PETSC_TRUE, NULLSPACE(ADJ_CHECK_SOLVABILITY)},
  {"gauge_residual",       "the same, residual form",                         .shape = A_NEUMANN, .residual = PETSC_TRUE, .null = NULL_RIGHT, .gauge = PETSC_TRUE, NULLSPACE(ADJ_CHECK_SOLVABILITY)},
  {"persistence",          "for most parameters there is no solution",        .shape = A_MARKOV, .null = NULL_RIGHT, .shift = PETSC_TRUE, NULLSPACE(ADJ_CHECK_PERSISTENCE)},
  {"persistence_tangent",  "the same, tangent",                               .shape = A_SMOOTH, .null = NULL_RIGHT, .shift = PETSC_TRUE, .task = DO_TANGENT, .sickness = IS_SINGULAR, .verdict = ADJ_TRUST_REFUTED_NULLSPACE, .check = ADJ_CHECK_PERSISTENCE, .other = ADJ_TRUST_REFUTED_NULLSPACE, .othercheck = ADJ_CHECK_SOLVABILITY},
  {NULL}
};
