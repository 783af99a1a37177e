#!/bin/sh
# Benchmarks of a build: make bench. Figures of one run are compared with each other only; quote ratios and medians.
set -eu
build=$1
mpiexec=${MPIEXEC:-mpiexec}
gradient="$build/bench/gradient"

echo "Price of a gradient; both sides solve with the same KSP on the same shell"
for np in 1 2; do
  for form in residual fixed_point; do
    for n in 100 320 1000; do
      pairs=9
      test "$n" -lt 1000 || pairs=7
      $mpiexec -n $np "$gradient" -form $form -da_grid_x $n -da_grid_y $n -pairs $pairs
    done
  done
done
$mpiexec -n 2 "$gradient" -form residual -dim 3 -da_grid_x 46 -da_grid_y 46 -da_grid_z 46 -pairs 7

echo "Price of a gradient of a SNES that is borrowed; both sides solve with the same method"
for np in 1 2; do
  for by in transpose explicit; do $mpiexec -n $np "$build/bench/bratu" -by $by -da_grid_x 48 -da_grid_y 48 -da_grid_z 48 -pairs 11; done
done

echo "Memory"
for form in residual fixed_point; do
  for side in hand library; do
    $mpiexec -n 1 "$gradient" -form $form -da_grid_x 320 -da_grid_y 320 -memory $side -malloc_debug
  done
done
