#!/bin/sh
# SPDX-License-Identifier: MIT
# cksum_speedup.sh PROGRAM [PATH...]: how much faster examples/cksum_tree.c is with 2 workers than
# with 1 on cached files.  25 runs of each, in turns; the shortest of each is what the machine does
# when it is left alone.  By hand: a busy machine has no second processor to show.
set -eu
program=$1
shift
[ $# -gt 0 ] || set -- /usr/include /usr/share/doc

# took WORKERS PATHS...: microseconds of one run.
took()
{
    workers=$1
    shift
    before=$(date +%s%N)
    "$program" -j "$workers" "$@" >/dev/null
    after=$(date +%s%N)
    echo $(((after - before) / 1000))
}

took 1 "$@" >/dev/null # the files are in memory from here on
round=0
while [ $round -lt 25 ]; do
    echo "$(took 1 "$@") $(took 2 "$@")"
    round=$((round + 1))
done | awk '
    { one[NR] = $1; two[NR] = $2 }
    function sort(v, n,    i, j, x) {
        for (i = 2; i <= n; i++) {
            x = v[i]
            for (j = i - 1; j > 0 && v[j] > x; j--)
                v[j + 1] = v[j]
            v[j + 1] = x
        }
    }
    END {
        sort(one, NR); sort(two, NR); m = int((NR + 1) / 2)
        printf "1 worker:  best %.1f ms, median %.1f ms\n", one[1] / 1e3, one[m] / 1e3
        printf "2 workers: best %.1f ms, median %.1f ms\n", two[1] / 1e3, two[m] / 1e3
        printf "speedup:   best %.2f, median %.2f\n", one[1] / two[1], one[m] / two[m]
    }'
