#!/bin/sh
# Which forward preconditioner serves the adjoint: transposes.sh build page writes the page. Each row has a process of its own.
#   GRID=65   points in each direction
set -eu
build=$1
page=$2
n=${GRID:-65}
mpiexec=${MPIEXEC:-mpiexec}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
  $mpiexec -n "$np" "$build/bench/transposes" -n "$n" -row "$row" "$@"
}

np=1
set -- $("$mpiexec" -n 1 "$build/bench/transposes" -rows)
rows=$1
release=$2
scalars=$3
row=0
while test "$row" -lt "$rows"; do
  for np in 1 2; do
    run >"$work/row"
    test -s "$work/row" || continue
    run -solve >"$work/solve" 2>/dev/null || true
    test -s "$work/solve" || echo crash >"$work/solve"
    head -n 1 "$work/solve" >"$work/last"
    paste -d '|' "$work/row" "$work/last" >>"$work/rows"
  done
  row=$((row + 1))
done

# Columns: 1 name, 2 kind, 3 processes, 4 choice, 5 forward its, 6-8 its, 9 residual, 10 error, 11 KSPSolveTranspose()
table() {
  echo
  echo "| forward PC | processes | what serves the adjoint | because | forward | $2 | residual | error | \`KSPSolveTranspose()\` |"
  echo "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
  awk -F'|' -v kind="$1" '
    $2 == kind {
      at = index($4, ": ")
      what = substr($4, 1, at - 1)
      why = substr($4, at + 2)
      printf "| %s | %d | %s | %s | %d | %d | %d | %d | %s | %s | %s |\n", $1, $3, what, why, $5, $6, $7, $8, $9, $10, $11
    }' "$work/rows"
}

mkdir -p "$(dirname "$page")"
{
  cat <<END
# Which preconditioner transposes how

Measured by \`make transposes\` with PETSc $release, $scalars scalars, on $n x $n points; do not edit.

A \`SNES\` of type \`ksponly\` solves a linear problem with the preconditioner of the first column;
\`-adj_pc_source auto\`, the default, chooses that of the adjoint. *forward* and the columns after it are iterations: of the forward
\`KSP\` (GMRES; CG with a symmetric operator) to 1e-8, and of the adjoint by each \`KSP\`, to 1e-8 of the true residual.
*residual* is the largest true one of the three, *error* the largest distance of the gradient from that by LU, relative.
The last column is what PETSc makes of \`KSPSolveTranspose()\` on the forward solver, which the library does not use:
iterations and true relative residual, or that it ends with an error.

## Convection and diffusion
END
  table wind 'GMRES | BiCGStab | FGMRES'
  printf '\n## Two unknowns at a point\n'
  table coupled 'GMRES | BiCGStab | FGMRES'
  printf '\n## Symmetric\n\nWith `-adj_symmetric`. The first `KSP` is the one that is taken by default: CG, as in the forward solve.\n'
  table symmetric 'default | BiCGStab | FGMRES'
} >"$page"
