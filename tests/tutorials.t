#!/bin/bash
# How many lines are added to each of PETSc's tutorials for a gradient: 20 at most. Blank lines and lone braces do not count.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
n=0 failed=0
for f in tutorial_*.c; do
  lines=$(sed -n '/added lines: begin/,/added lines: end/p' "$f" | grep -cvE 'added lines:|^ *[{}]*$')
  n=$((n + 1))
  if [ "$lines" -gt 0 ] && [ "$lines" -le 20 ]; then echo "ok $n - $f adds $lines lines"; else
    echo "not ok $n - $f adds $lines lines"
    failed=1
  fi
done
echo "1..$n"
exit $failed
