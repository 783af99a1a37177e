#!/bin/sh
# Methods against each other: methods.sh build outdir writes outdir/methods.csv. Each method has a process of its own.
#   NP=1        processes
#   GRID=320    cells in each direction
#   REPEAT=3    gradients with their verdict; times are medians
#   PROBLEMS="groundwater slow fast"
# Times of one run are compared with each other only; counts and errors are reproducible.
set -eu
build=$1
out=$2
np=${NP:-1}
grid=${GRID:-320}
mpiexec=${MPIEXEC:-mpiexec}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
csv=$out/methods.csv
: >"$csv"

# -adj_eps_tol 0.1: a tenth of the distance of rho from 1 will do, the largest eigenvalues of the smoother lie close together
bench() {
  problem=$1
  shift
  $mpiexec -n "$np" "$build/bench/methods" -problem "$problem" -da_grid_x "$grid" -da_grid_y "$grid" \
    -adj_trust_action ignore -adj_eps_tol 0.1 "$@"
}

run() {
  label=$1
  shift
  header=
  test -s "$csv" || header=-header
  bench "$problem" -label "$label" -reference "$work/$problem" -repeat "${REPEAT:-3}" $header "$@" >>"$csv"
}

for problem in ${PROBLEMS:-groundwater slow fast}; do
  echo "$problem" >&2
  bench "$problem" -write_reference "$work/$problem" -adj_ksp_rtol 1e-12 -adj_forward_snes_rtol 1e-13
  run 'implicit gmres'
  for tol in 1e-2 1e-4; do run "implicit gmres $tol" -adj_ksp_rtol $tol; done
  run 'implicit richardson' -adj_ksp_type richardson -adj_ksp_richardson_scale 1 -adj_ksp_max_it 10000
  run 'piggyback' -adj_piggyback
  run 'onestep' -adj_type onestep
  for k in 2 5 10 20 50; do run "neumann $k" -adj_type neumann -adj_neumann_terms $k; done
  for k in 5 20 50; do run "truncated $k" -adj_type truncated -adj_truncated_steps $k; done
  if test $problem = slow; then
    for k in 200 500; do
      run "neumann $k" -adj_type neumann -adj_neumann_terms $k
      run "truncated $k" -adj_type truncated -adj_truncated_steps $k
    done
  fi
  for tol in 1e-2 1e-4 1e-8; do run "auto $tol" -adj_type auto -adj_gradient_rtol $tol; done

  # along thousands of steps: times of one gradient
  many=
  test $problem != slow || many='-repeat 1'

  # as many steps as the implicit method took: the binomial schedule must know
  steps=$(awk -F, -v p="$problem" '$1 == p && $5 == "implicit gmres" {print $6}' "$csv")
  run 'unrolled all' -adj_type unrolled $many
  run 'unrolled disk' -adj_type unrolled -adj_trajectory_store disk -adj_trajectory_dir "$work" $many
  run 'unrolled binomial 10' -adj_type unrolled -adj_steps "$steps" -adj_trajectory_type binomial -adj_trajectory_checkpoints 10 $many
  run 'unrolled online 10' -adj_type unrolled -adj_trajectory_type online -adj_trajectory_checkpoints 10 $many
  run 'unrolled two-level 100+10' -adj_type unrolled -adj_trajectory_type two_level -adj_trajectory_period 100 -adj_trajectory_checkpoints 10 -adj_trajectory_dir "$work" $many

  # the multigrid step of the flagship cannot be undone: it takes whole components of the error to almost nothing
  test $problem = groundwater || run 'reversible' -adj_type reversible $many
  test $problem != slow || run 'reversible 30' -adj_type reversible -adj_reversible_period 30 $many
  test $problem != fast || run 'reversible 5' -adj_type reversible -adj_reversible_period 5 $many
done
