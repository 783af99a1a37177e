#!/bin/sh
# The makefile refuses a PETSc or SLEPc that is not there or does not fit, and an installed library can be used by name.
# Run by `make test`, which sets BUILD and MPIEXEC.
set -u
count=0 failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL

ok() { # command..., description last
  for text; do :; done
  count=$((count + 1))
  if "$@" >"$tmp/log" 2>&1; then echo "ok $count - $text"; else
    failed=$((failed + 1)); echo "not ok $count - $text"; sed 's/^/# /' "$tmp/log" >&2
  fi
}
skip() { count=$((count + 1)); echo "ok $count # SKIP $1"; }
refuses() { make "$1" "$2" 2>"$tmp/out" && return 1; cat "$tmp/out"; grep -q "$3" "$tmp/out"; }
installs() { make install CC="$cc" DESTDIR="$1" prefix="$2" && test -f "$1$2/include/contragrad.h" && grep -q "^prefix=$2\$" "$1$2/lib/pkgconfig/contragrad.pc"; }
uninstalls() { make uninstall CC="$cc" DESTDIR="$1" prefix="$2" && test -z "$(find "$1$2" -not -type d)"; }
with() { PKG_CONFIG_PATH="$tmp/own/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" pkg-config "$@" contragrad; }
compiles() { $cc -o "$tmp/sqrt" examples/sqrt.c $(with --cflags --libs) -lm; }
runs() { $MPIEXEC -n 1 "$tmp/sqrt"; }
exports_all() {
  sed -n 's/^PETSC_EXTERN PetscErrorCode \(ADJ[A-Za-z]*\)(.*/\1/p' include/contragrad.h | sort >"$tmp/declared"
  nm -D --defined-only "$BUILD/lib/libcontragrad.so" | sed 's/.* //' | sort >"$tmp/defined"
  comm -23 "$tmp/declared" "$tmp/defined" >"$tmp/absent"
  cat "$tmp/absent"; test -s "$tmp/declared" && ! test -s "$tmp/absent"
}

ok refuses PETSC_DIR=/nonexistent SLEPC_DIR= 'No PETSc in PETSC_DIR=/nonexistent' 'a PETSC_DIR without PETSc is an error'
ok refuses SLEPC_DIR=/nonexistent PETSC_ARCH= 'No SLEPc in SLEPC_DIR=/nonexistent' 'a SLEPC_DIR without SLEPc is an error'
ok refuses PETSC_DIR= PETSC_ARCH=some-arch 'PETSC_ARCH=some-arch is set but PETSC_DIR is not' 'a PETSC_ARCH without PETSC_DIR is an error'
if [ -d /usr/lib/petscdir/petsc-complex ] && [ -d /usr/lib/slepcdir/slepc-real ]; then
  ok refuses PETSC_DIR=/usr/lib/petscdir/petsc-complex SLEPC_DIR=/usr/lib/slepcdir/slepc-real 'do not fit together' 'complex PETSc with real SLEPc is an error'
else
  skip 'no complex PETSc of Debian here'
fi

cc=$(sed -n 's/^compile: \(.*\) -std=.*/\1/p' "$BUILD/config")
ok exports_all 'every function of the header is in the library'
ok installs "$tmp/stage" /usr 'installs under DESTDIR'
ok uninstalls "$tmp/stage" /usr 'uninstalls'
ok installs '' "$tmp/own" 'installs under a prefix'
ok compiles 'an example compiles with the flags of contragrad.pc'
ok runs 'and runs'
echo "1..$count"
[ "$failed" = 0 ]
