#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh RULE ROOT [RECORDS]: holds the tree below ROOT against one rule.  Prints each fault as
# "file:line: what" and fails if there is one, or if there was nothing to look at.  RECORDS: where
# tests noted what was returned to them.
set -eu
export LC_ALL=C
rule=$1
root=$2
records=${3-records}
scripts=$(cd "$(dirname "$0")" && pwd)
cd "$root"
root=$(pwd)

# files DIR... -- PATTERN...: the files below, sorted; build trees, fixtures and data left out.
files() {
    dirs=
    while [ "$1" != -- ]; do
        [ -e "$1" ] && dirs="$dirs $1"
        shift
    done
    shift
    match=
    for pattern in "$@"; do
        match="$match -o -name $pattern"
    done
    [ -n "$dirs" ] || return 0
    set -f
    # shellcheck disable=SC2086
    find $dirs -type d \( -name 'build*' -o -name fixtures -o -name .git \) -prune -o \
        -type f \( ${match# -o} \) -print | sort
    set +f
}

# Everything but the public header that has a line of ours in it.
texts() {
    files CMakeLists.txt cmake src include tests examples packaging .ci docs -- \
        '*.[ch]' '*.cpp' '*.cmake' CMakeLists.txt '*.sh' '*.awk' '*.py' '*.go' '*.rs' run long
}

run() { # awk arguments, the list of files last
    list=$1
    shift
    if [ -z "$list" ]; then
        echo "$rule: nothing to look at below $root"
        exit 1
    fi
    # shellcheck disable=SC2086
    awk "$@" $list
}

src=$(files src -- '*.[ch]')
above_base=$(echo "$src" | grep -v '^src/base/' || true)

case $rule in
layers) run "$src" -f "$scripts/layers.awk" ;;
header) run include/ccp.h -f "$scripts/header.awk" ;;
promises)
    run "include/ccp.h $(files tests -- '*.c' '*.h' | grep -v '^tests/lint/')" \
        -f "$scripts/comments.awk" -f "$scripts/promises.awk"
    ;;
returns)
    run "include/ccp.h $(files "$records" -- '*.txt')" -f "$scripts/api.awk" \
        -f "$scripts/returns.awk"
    ;;
wait_matrix)
    run "include/ccp.h $(files tests/unit -- 'wait_columns*.c')" -f "$scripts/api.awk" \
        -f "$scripts/wait_matrix.awk"
    ;;
atomics) run "$src" -f "$scripts/comments.awk" -f "$scripts/atomics.awk" ;;
seam) run "$above_base" -f "$scripts/comments.awk" -f "$scripts/seam.awk" ;;
layout)
    # Where the tree lies now must stand in no file; nor what is around it, unless every machine has
    # a directory of that name.
    around=$(dirname "$root")
    case $around in
    / | /src | /tmp | /var/tmp | /opt | /mnt | /usr/src) around=$root ;;
    esac
    run "$(texts)" -v here="$around" -f "$scripts/layout.awk"
    ;;
unit_waits)
    run "$(files tests/unit -- '*.[ch]')" -f "$scripts/comments.awk" -f "$scripts/unit_waits.awk"
    ;;
*)
    echo "no such rule: $rule"
    exit 2
    ;;
esac
