#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh exports|imports NM LIBRARY HEADER.
#   exports: what LIBRARY defines for others is what HEADER declares and what exports.txt lists; if
#            it has versions of symbols, all are of the HEADER's version.
#   imports: what it takes from the C library is among what imports.txt lists.
set -eu
export LC_ALL=C
side=$1 nm=$2 library=$3 header=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed '/^#/d' "$here/$side.txt" | sort >"$work/listed"

if [ "$side" = exports ]; then
    "$nm" -D --defined-only "$library" >"$work/nm"
    # The versions themselves are listed as absolute symbols.
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' "$work/nm" | sort >"$work/found"
    if grep -q @ "$work/nm"; then
        abi=$(sed -n 's/^#define CCP_VERSION_[A-Z]* //p' "$header" | paste -sd. |
            awk -F. '{ print $1 == 0 ? "0." $2 : $1 }')
        awk '$2 != "A" { print $3 }' "$work/nm" | grep -v "@@CCP_$abi\$" >"$work/unversioned" || :
        if [ -s "$work/unversioned" ]; then
            echo "not of the version CCP_$abi:"
            cat "$work/unversioned"
            exit 1
        fi
    fi
    # A prototype's name is the last ccp_ word before its first parenthesis.
    awk '/^CCP_API/ { sub(/\(.*/, ""); sub(/.*[ *]/, ""); print }' "$header" |
        sort >"$work/declared"
    diff "$work/declared" "$work/found" || {
        echo "declared in ccp.h (<) and exported by the library (>) differ"
        exit 1
    }
    diff "$work/listed" "$work/found" || {
        echo "exports.txt (<) and the library (>) differ"
        exit 1
    }
else
    "$nm" -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
        grep -vE '^(_ITM_|__gmon_start__|__cxa_finalize|__tls_get_addr|__aeabi_)' |
        sort -u >"$work/found"
    comm -13 "$work/listed" "$work/found" >"$work/new"
    if [ -s "$work/new" ]; then
        echo "taken from the C library and not in imports.txt:"
        cat "$work/new"
        exit 1
    fi
fi
