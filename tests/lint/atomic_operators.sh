#!/bin/sh
# SPDX-License-Identifier: MIT
# atomic_operators.sh ROOT: no operator, such as x++ or x = 1, on an atomic: it would have an order
# that nobody wrote.  clang tells; without it there is nothing to ask.
set -u
command -v clang >/dev/null || {
    echo "clang is not installed"
    exit 77
}
cd "$1" || exit 1
bad=0
flags="-std=c11 -fsyntax-only -Iinclude -Isrc -Watomic-implicit-seq-cst -Werror"
# The compiler must know the warning: this fault has to be found.
# shellcheck disable=SC2086
if printf '_Atomic int x; int f(void); int f(void) { return x++; }\n' |
    clang $flags -x c - 2>/dev/null; then
    echo "clang does not find the fault that it was shown"
    bad=1
fi
# shellcheck disable=SC2086
find src -name '*.c' | sort | xargs -n 4 -P 2 clang $flags || bad=1
exit $bad
