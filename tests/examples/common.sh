# SPDX-License-Identifier: MIT
# Sourced by the tests of the examples: a directory of their own, and what they fail by.  They are
# called with the name of a case first.
set -eu
test_case=$1
LC_ALL=C
export LC_ALL
work=$(mktemp -d "${TMPDIR:-/tmp}/ccp_example.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail()
{
    echo "$test_case: $*" >&2
    exit 1
}

# status COMMAND...: runs it and leaves its exit status in $got.
status()
{
    got=0
    "$@" || got=$?
}

# exits STATUS COMMAND...: fails unless it exits with that status.
exits()
{
    want=$1
    shift
    status "$@"
    [ "$got" = "$want" ] || fail "exit status $got instead of $want: $*"
}
