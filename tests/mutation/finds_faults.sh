#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# finds_faults.sh DIRECTORY PYTHON: is mutate.py right about two mutants of base/park.h?  The one
# scenario that is run here posts and takes a token, and never peeks: without the release of the
# post it must fail, without the acquire of the peek it cannot.
set -uo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
work=$1/self_test
python=$2
command -v make >/dev/null || {
    echo "make is not installed"
    exit 77
}
mkdir -p "$work" && rm -f "$work"/results.tsv "$work"/*.txt
bad=0

# expect STATUS TEXT ARGUMENT...: the script's exit status, and a line that it must print.
expect() {
    local status=$1 text=$2 output
    shift 2
    output=$("$python" "$here/mutate.py" --stages orders --files base/park.h \
        --steps "$work/steps.txt" --reasons "$work/reasons.txt" "$@" "$work" 2>&1)
    local got=$?
    if [ $got -ne "$status" ] || ! grep -qF -- "$text" <<<"$output"; then
        printf 'expected status %s and "%s", got %s and:\n%s\n' "$status" "$text" $got "$output"
        bad=1
    fi
}

source='return atomic_exchange_explicit(&p->word, 1, CCPI_REL) == 2;'
post="base/park.h: ccpi_park_post(): $source | REL -> RLX"
source='return atomic_load_explicit(&p->word, CCPI_ACQ) == 1;'
peek="base/park.h: ccpi_park_peek(): $source | ACQ -> RLX"
step='orders base/park.h 20 sim sim_base --n 500'

: >"$work/reasons.txt"
echo "$step a_post_is_taken_once" >"$work/steps.txt"
expect 1 "$peek" # survives, and nothing says why
grep -qxF -- "orders	killed	sim_base: a_post_is_taken_once" <(cut -f 1-3 "$work/results.tsv") || {
    echo "the sure mutant was not killed:"
    cat "$work/results.tsv"
    bad=1
}
printf 'Nobody peeks here.\n  %s\n' "$peek" >"$work/reasons.txt"
expect 0 "killed or explained: orders 100.0 %; 2 mutants" --report
printf 'Wrong.\n  %s\n' "$post" >>"$work/reasons.txt"
expect 0 "killed: it needs no reason" --report
# A step that fails without a mutant, here for want of such a scenario, kills nothing.
echo "$step no_such_scenario" >"$work/steps.txt"
expect 2 "fails without a mutant" --again
exit $bad
