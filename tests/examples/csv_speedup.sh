#!/bin/sh
# SPDX-License-Identifier: MIT
# csv_speedup.sh PROGRAM [WORKERS [SLEEPING [COMPUTING]]]: how much faster examples/csv_import.c is
# with a pool than without one: with WORKERS (8) where storing sleeps 10 ms per batch, which must be
# SLEEPING (0.9) times as many, and with 2 where checking computes: COMPUTING (1.7) times, 0 leaves
# it out.  By hand, on a machine that does nothing else: a busy one has no processor to show.
set -eu
program=$1 workers=${2:-8} sleeping=${3:-0.9} computing=${4:-1.7}
work=$(mktemp -d "${TMPDIR:-/tmp}/csv_speedup.XXXXXX")
trap 'rm -rf "$work"' EXIT
awk 'BEGIN { for (i = 1; i <= 100000; i++) printf "%d,name %d,%d.50\n", i, i, i % 977 }' \
    >"$work/all.csv"
head -n $((64 * 20 * workers)) "$work/all.csv" >"$work/some.csv" # 20 batches for each

# took OPTIONS... ROWS: milliseconds of the shortest of three runs; the rows must all be there.
took()
{
    for rows; do :; done
    best=
    for _ in 1 2 3; do
        before=$(date +%s%N)
        said=$("$program" "$@" "$work/table")
        after=$(date +%s%N)
        [ "$said" = "$(wc -l <"$rows") rows, 0 bad" ] || {
            echo "wrong: $said" >&2
            : >"$work/wrong" # however fast
            exit 1
        }
        took=$(((after - before) / 1000))
        [ -n "$best" ] && [ "$best" -lt "$took" ] || best=$took
    done
    echo "$best"
}

# compare NAME WORKERS GOAL OPTIONS... ROWS: again if it was not fast enough, for the machine may
# have done something else; and once more.
compare()
{
    compare_once "$@" || compare_once "$@" || compare_once "$@"
}

compare_once()
{
    name=$1 n=$2 goal=$3
    shift 3
    alone=$(took -j 0 "$@")
    pool=$(took -j "$n" "$@")
    awk -v name="$name" -v n="$n" -v goal="$goal" -v alone="$alone" -v pool="$pool" 'BEGIN {
        printf "%s: without a pool %.1f ms, %d workers %.1f ms: %.2f times as fast, goal %.2f\n",
               name, alone / 1e3, n, pool / 1e3, alone / pool, goal
        exit alone / pool < goal
    }'
}

failed=0
compare "storing sleeps" "$workers" "$(awk "BEGIN { print $sleeping * $workers }")" -d 10 \
    "$work/some.csv" || failed=1
[ "$computing" = 0 ] || compare "checking computes" 2 "$computing" -c 1000 "$work/all.csv" ||
    failed=1
[ ! -e "$work/wrong" ] && exit $failed
