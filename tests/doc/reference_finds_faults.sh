#!/bin/sh
# SPDX-License-Identifier: MIT
# reference_finds_faults.sh ROOT WORK: manual pages, Doxygen's reference and citations of a tree
# with a fault must not pass.
set -eu
export LC_ALL=C
root=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"

tree() { # SED-SCRIPT FILE: a tree in which FILE has been changed
    rm -rf "$work/tree"
    mkdir -p "$work/tree/docs" "$work/tree/include" "$work/tree/tests/lint"
    cp -R "$root/docs/reference" "$root/docs/memory-model.md" "$work/tree/docs/"
    cp "$root"/include/*.h "$work/tree/include/"
    cp "$root/tests/lint/exports.txt" "$work/tree/tests/lint/"
    sed "$1" "$root/$2" >"$work/tree/$2"
    if cmp -s "$work/tree/$2" "$root/$2"; then
        echo "$2: '$1' changes nothing"
        exit 1
    fi
}
must_fail() { # SCRIPT WORDS
    status=0
    sh "$here/$1.sh" "$work/tree" "$work/out" >"$work/log" 2>&1 || status=$?
    if [ $status = 77 ]; then
        return
    fi
    if [ $status = 0 ] || ! grep -q "$2" "$work/log"; then
        echo "$1: status $status, should have said: $2"
        cat "$work/log"
        exit 1
    fi
}

tree '$a ccp_chan_peek' tests/lint/exports.txt
must_fail man "no page of: ccp_chan_peek"
must_fail doxygen "not described: ccp_chan_peek"
tree '/^ \* Sends a copy of one element\.$/d' include/ccp.h
must_fail man "ccp_chan_send: no comment"
tree 's/^ \*   Threads: \(any number at once\.\)$/ *   Thread: \1/' include/ccp.h
must_fail man "field Thread"
tree '/^ \*   Since:   0\.1$/d' include/ccp.h
must_fail man "ccp_chan_send.3: no HISTORY"
tree 's/^ \* Sends a copy of one element\.$/& @nonsense/' include/ccp.h
sed 's/\[\\\\@<>/[\\\\<>/' "$root/docs/reference/doxygen.awk" \
    >"$work/tree/docs/reference/doxygen.awk"
must_fail doxygen "nonsense"
tree 's/(C4)/(C4, C99)/' docs/memory-model.md
must_fail cites "there is no guarantee C99"
