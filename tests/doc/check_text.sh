#!/bin/sh
# SPDX-License-Identifier: MIT
# check_text.sh CC INCLUDE LIBRARY WORK TEXT FLAG...: compiles each piece of C in TEXT; runs those
# that have their output beside them.
set -eu
cc=$1 include=$2 library=$3 work=$4 text=$5
shift 5
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
awk -v dir="$work" -f "$here/extract.awk" "$text"

pieces=0 runs=0 bad=0
for source in $(find "$work" -name '*.c' | sort); do
    pieces=$((pieces + 1))
    base=${source%.c}
    where="$text:$(basename "$base")"
    strict="-std=c11 -Wall -Wextra -Wpedantic -Werror -I$include -I$here"
    # A piece is not the whole: it may leave a variable or a case to the reader.
    grep -q '^int main(' "$source" ||
        strict="$strict -Wno-unused -Wno-switch -Wno-sign-compare -Wno-empty-body \
            -Wno-uninitialized"
    # shellcheck disable=SC2086
    if ! "$cc" $strict -c "$source" -o "$base.o"; then
        echo "$where: does not compile"
        bad=1
    elif [ -f "$base.out" ]; then
        runs=$((runs + 1))
        if ! "$cc" "$base.o" "$library" "-Wl,-rpath,$(dirname "$library")" "$@" -o "$base"; then
            echo "$where: does not link"
            bad=1
        elif ! timeout 20 "$base" >"$base.got" || ! diff "$base.out" "$base.got"; then
            echo "$where: does not print (>) what is beside it (<)"
            bad=1
        fi
    fi
done
echo "$pieces pieces compiled, $runs run"
exit $bad
