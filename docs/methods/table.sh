#!/bin/sh
# The tables of docs/methods.md from the figures of `make methods` and of tests/bench/memory.sh:
#   table.sh docs/methods/methods.csv [docs/methods/memory.csv] [page]
# Prints them; with a page, puts each in the place of what stands between its two marks there.
set -eu
methods=$1
memory=${2:-}
page=${3:-}
tables=$(mktemp -d)
trap 'rm -rf "$tables"' EXIT

for problem in groundwater fast slow; do
  awk -F, -v problem=$problem '
    function exact(e) { return e == "nan" || e == "-nan" ? "no number" : e < 0 ? "-" : sprintf("%.1e", e) }
    function seconds(s) { return sprintf(s > 0 && s < 0.01 ? "%.4f" : s < 0.1 ? "%.3f" : "%.2f", s) }
    BEGIN {
      print "| method | error | VJP | steps again | undone | states kept | vectors | forward s | adjoint s | verdict s | verdict | its error |"
      print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |"
    }
    $1 == problem { printf "| %s | %s | %d | %d | %d | %d | %.0f | %s | %s | %s | %s | %s |\n", $5, exact($7), $8, $13, $14, $15, $19, seconds($16), seconds($17), seconds($18), $22, exact($23) }' \
    "$methods" >"$tables/$problem"
done
if test -n "$memory"; then
  awk -F, '
    BEGIN {
      print "| method | K | VJP | steps again | undone | states kept | bytes per unknown | forward s | adjoint s |"
      print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    }
    NR > 1 { printf "| %s | %d | %d | %d | %d | %d | %d | %.2f | %.2f |\n", $5, $6, $8, $13, $14, $15, $20 - $21, $16, $17 }' "$memory" >"$tables/memory"
fi

if test -z "$page"; then
  cat "$tables"/*
  exit
fi
for table in "$tables"/*; do
  name=$(basename "$table")
  awk -v name="$name" -v table="$table" '
    $0 == "<!-- table: " name " -->" { print; while ((getline line <table) > 0) print line; skip = 1; next }
    $0 == "<!-- end -->" { skip = 0 }
    !skip' "$page" >"$tables.page"
  cat "$tables.page" >"$page"
  rm -f "$tables.page"
done
