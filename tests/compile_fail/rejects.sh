#!/bin/sh
# SPDX-License-Identifier: MIT
# rejects.sh COMPILER INCLUDE FILE: FILE compiles; with -DWRONG it does not, and for the expected
# reason.
# A C compiler may take a pointer of a wrong type with a mere warning, hence the -Werror=.
set -u
command -v "$1" >/dev/null || {
    echo "$1 is not installed"
    exit 77
}
case $1 in
*++) language="-x c++ -std=c++17" ;;
*) language="-x c -std=c11 -Werror=incompatible-pointer-types" ;;
esac
# shellcheck disable=SC2086
compile() { LC_ALL=C "$compiler" $language -Wall -fsyntax-only -I"$include" "$@" "$file" 2>&1; }
compiler=$1 include=$2 file=$3

said=$(compile -Werror) || {
    printf 'the control does not compile:\n%s\n' "$said"
    exit 1
}
said=$(compile -DWRONG) && {
    echo "compiled, and should not"
    exit 1
}
expected=$(sed -n 's/^ \* Expect: //p' "$file")
printf '%s\n' "$said" | grep -qE "error: .*($expected)" || {
    printf 'rejected, but not with "%s":\n%s\n' "$expected" "$said"
    exit 1
}
