#!/bin/sh
# Memory and time of exact gradients of K steps: memory.sh build outdir writes outdir/memory.csv. Each line is a process of its own.
#   NP=1        processes
#   GRID=320    cells in each direction
# The implicit derivative does not know K: with K steps, and with as many as convergence takes.
set -eu
build=$1
out=$2
np=${NP:-1}
grid=${GRID:-320}
mpiexec=${MPIEXEC:-mpiexec}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
csv=$out/memory.csv
: >"$csv"

run() {
  label=$1
  shift
  header=
  test -s "$csv" || header=-header
  $mpiexec -n "$np" "$build/bench/methods" -problem slow -da_grid_x "$grid" -da_grid_y "$grid" \
    -adj_trust_action ignore -label "$label" -repeat 0 $header "$@" >>"$csv"
}

run 'implicit gmres' -adj_steps 100
run 'implicit gmres' -adj_steps 1000
run 'implicit gmres' # until it has converged
run 'implicit richardson' -adj_ksp_type richardson -adj_ksp_richardson_scale 1 -adj_ksp_max_it 10000
for steps in 100 1000; do
  set -- -adj_type unrolled -adj_steps $steps
  run 'unrolled all' "$@"
  run 'unrolled disk' "$@" -adj_trajectory_store disk -adj_trajectory_dir "$work"
  for c in 10 30; do run "unrolled binomial $c" "$@" -adj_trajectory_type binomial -adj_trajectory_checkpoints $c; done
  run 'unrolled online 10' "$@" -adj_trajectory_type online -adj_trajectory_checkpoints 10
  run 'unrolled two-level 100+10' "$@" -adj_trajectory_type two_level -adj_trajectory_period 100 -adj_trajectory_checkpoints 10 -adj_trajectory_dir "$work"
  run 'reversible 30' -adj_type reversible -adj_steps $steps -adj_reversible_period 30
done
