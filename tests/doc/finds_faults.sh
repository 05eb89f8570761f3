#!/bin/sh
# SPDX-License-Identifier: MIT
# finds_faults.sh CC INCLUDE LIBRARY WORK FLAG...: texts with a fault must be found, those without
# not.
set -eu
cc=$1 include=$2 library=$3 work=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"

check() { # FLAG...: says whether the text on standard input passes
    cat >"$work/text.md"
    sh "$here/check_text.sh" "$cc" "$include" "$library" "$work/pieces" "$work/text.md" "$@" \
        >"$work/log" 2>&1
}
should() { # pass|fail STATUS WHAT
    did=fail
    [ "$2" -ne 0 ] || did=pass
    if [ "$did" != "$1" ]; then
        echo "$3: should $1"
        cat "$work/log"
        exit 1
    fi
}

program='#include <stdio.h>
int main(void)
{
    puts("one");
    return 0;
}'
status=0
printf '```c\n%s\n```\nprints\n```output\none\n```\n' "$program" | check "$@" || status=$?
should pass $status "a program that prints what it says"
status=0
printf '```c\n%s\n```\n```output\ntwo\n```\n' "$program" | check "$@" || status=$?
should fail $status "a program that prints something else"
status=0
printf '```c\nccp_chan *c = ccp_chan_new(sizeof v, 3);\n```\n' | check "$@" || status=$?
should pass $status "a piece that is right"
status=0
printf '```c\nccp_chan *c = ccp_chan_neww(3);\n```\n' | check "$@" || status=$?
should fail $status "a piece that calls what is not there"
status=0
printf '```c\nccp_chan_recv(ch, &v, CCP_FOREVER);\n```\n' | check "$@" || status=$?
should fail $status "a piece that ignores a status"
