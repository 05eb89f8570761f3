#!/bin/sh
# SPDX-License-Identifier: MIT
# amalgamation.sh CASE PYTHON SOURCE WORK [CC [NM]]: one thing that ccp.c and ccp.h must do.
set -eu
export LC_ALL=C
test_case=$1 python=$2 source=$3 dir=$4/$1 cc=${5:-} nm=${6:-}
here=$source/tests/amalgamation
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"

amalgamate() {
    "$python" "$source/cmake/amalgamate.py" "$@"
}

runs() { # PROGRAM: it must print what two.c says
    out=$("$1")
    [ "$out" = "one 5050 other 5050" ] || {
        echo "$1 printed '$out'"
        exit 1
    }
}

all_warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Werror"

case $test_case in
warnings_*)
    command -v "$cc" >/dev/null || {
        echo "$cc is not installed"
        exit 77
    }
    amalgamate .
    # The one compiler has the default of the platform, the other one what needs POSIX alone.
    case $cc in
    gcc) how="-std=c11" ;;
    *) how="-std=c2x -DCCP_PARK_COND -DCCP_EVENT_PIPE" ;;
    esac
    # shellcheck disable=SC2086
    "$cc" $how $all_warnings -fsyntax-only ccp.c
    ! command -v c++ >/dev/null || {
        ! "$cc" -x c++ -std=c++17 -Wfatal-errors -fsyntax-only ccp.c 2>said &&
            grep -q 'error: .*compile it as C' said || {
            echo "as C++ it is not refused in the first place:"
            cat said
            exit 1
        }
    }
    ;;
names)
    # Each name outside of functions, and each macro, is libccp's; inner ones are not for others.
    # And ccp.c may be included by a source whose own names are those of libccp's files.
    amalgamate .
    cat >program.c <<'END'
#include "ccp.c"
#include <stdio.h>
#include <stdlib.h>
#define MOST 3
struct job {
    int release;
};
static int take(int n)
{
    return n;
}
int main(void)
{
    struct job j = { take(MOST) }, got = { 0 };
    ccp_chan *ch = ccp_chan_new(sizeof j, 1);
    if (!ch || ccp_chan_send(ch, &j, CCP_NOWAIT) != CCP_OK ||
        ccp_chan_recv(ch, &got, CCP_NOWAIT) != CCP_OK || ccp_chan_free(ch) != CCP_OK)
        return 1;
    return got.release == 3 ? 0 : 1;
}
END
    "$cc" -std=c11 -Wall -Wextra -Werror -fPIC -O0 -c program.c
    "$cc" program.o -pthread -o program
    ./program
    "$nm" --defined-only program.o |
        awk '$2 ~ /^[TtDdBbRr]$/ && $3 !~ /^(ccpi?_|main$|take$)/ && $3 !~ /[.][0-9]+$/' |
        grep . && exit 1
    sed -nE 's/^[[:space:]]*#[[:space:]]*define ([A-Za-z0-9_]*).*/\1/p' ccp.c |
        grep -vE '^(CCPI?_|ccpi?_|_GNU_SOURCE$)' && exit 1
    "$cc" -shared -o libprogram.so program.o -pthread
    "$nm" -D --defined-only libprogram.so | awk '$3 != "main" { print $3 }' | sort >found
    sed '/^#/d' "$source/tests/lint/exports.txt" | sort | diff - found
    ;;
two_copies)
    amalgamate --prefix one .
    amalgamate --prefix other_ccp .
    if grep -nE '(^|[^A-Za-z0-9_])(ccp|CCP)[iI]?_' one.c one.h; then
        echo "the lines above have kept their names"
        exit 1
    fi
    for name in one other_ccp; do
        "$cc" -std=c11 -fPIC -DONE_API= -O0 -c $name.c
        "$nm" -g --defined-only $name.o | grep -vE " ${name}i?_" && {
            echo "the names above do not begin with $name"
            exit 1
        }
    done
    "$cc" -shared -o libone.so one.o -pthread
    "$nm" -D --defined-only libone.so | grep one_ && {
        echo "with an empty ONE_API the names above are exported"
        exit 1
    }
    "$cc" -std=c11 -Wall -Wextra -Werror -I. "$here/two.c" one.o other_ccp.o -pthread -o two
    runs ./two
    ! command -v c++ >/dev/null || {
        c++ -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Wno-missing-field-initializers \
            -Werror -I. -x c++ "$here/two.c" -x none one.o other_ccp.o -pthread -o two_cxx
        runs ./two_cxx
    }
    ;;
prefixes)
    # What cannot be a prefix is refused, and so is a source that there is not.
    for wrong in "" 1p Ccp p-1; do
        ! amalgamate --prefix "$wrong" wrong 2>/dev/null || {
            echo "the prefix '$wrong' was taken"
            exit 1
        }
    done
    ! amalgamate --without base/nothing.c wrong 2>/dev/null
    ! [ -e wrong ]
    ;;
*)
    echo "no such case: $test_case"
    exit 2
    ;;
esac
