#!/bin/sh
# SPDX-License-Identifier: MIT
# pipeline.sh CASE PROGRAM SOURCE: one test of examples/pipeline.c, on the files of this repository.
program=$2
source=$3
# shellcheck source=tests/examples/common.sh
. "$source/tests/examples/common.sh"

# What wc says of the files, as the program prints it; but words are what stands between blanks,
# also if none of it can be printed.
reference()
{
    for file; do
        words=$(tr -s '[:space:]' '\n' <"$file" | grep -c .)
        wc -lc "$file" | awk -v words="$words" '{ print $1, words, $2, $3 }'
    done | awk '{ print; l += $1; w += $2; b += $3 } END { print l, w, b, "total" }'
}

case_counts()
{
    # shellcheck disable=SC2046 # no name has a blank
    set -- $(find "$source/src" "$source/include" "$source/examples" "$source/docs" \
        "$source/tests/unit" -name '*.[chm]*' -type f | sort)
    [ $# -gt 100 ] || fail "there are only $# files"
    reference "$@" >want
    exits 0 "$program" "$@" >out
    cmp want out || fail "not what wc says"
}

case_unreadable()
{
    set -- "$source/README.md" missing . "$source/LICENSE"
    reference "$source/README.md" "$source/LICENSE" >want
    exits 1 "$program" "$@" >out 2>err
    cmp want out || fail "something else was lost"
    [ "$(grep -c 'cannot be read (2 attempts)' err)" = 2 ] || fail "complaints: $(cat err)"
}

case_nothing()
{
    exits 0 "$program" >out
    [ "$(cat out)" = "0 0 0 total" ] || fail "$(cat out)"
}

case_output_full()
{
    [ -c /dev/full ] || exit 77
    exits 1 "$program" "$source"/src/*/*.c >/dev/full 2>err
    [ -s err ] || fail "no complaint"
}

"case_$test_case"
