#!/bin/sh
# SPDX-License-Identifier: MIT
# compiles.sh COMPILER STANDARD INCLUDE FILE: compiles FILE without a warning; skips if there is no
# COMPILER.
set -eu
compiler=$1
language=c
case $2 in c++*)
    language=c++
    [ "$1" = gcc ] && compiler=g++ || compiler=clang++
    ;;
esac
command -v "$compiler" >/dev/null || {
    echo "$compiler is not installed"
    exit 77
}
strict=-Wstrict-prototypes
[ "$language" = c ] || strict="-Wno-missing-field-initializers"
# shellcheck disable=SC2086
"$compiler" -x "$language" "-std=$2" -I"$3" -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion \
    -Wshadow $strict -Werror "$4"
