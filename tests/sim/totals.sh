#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# totals.sh RESULTS NAME:PROGRAM...: adds up what the tests of scenarios have written to RESULTS
# (--result of sim_main.c), and fails if it is too little, or older than the program.
set -euo pipefail
export LC_ALL=C
results=$1
shift

for pair in "$@"; do
    name=${pair%%:*}
    [ "$results/$name" -nt "${pair#*:}" ] || {
        echo "sim.$name has not run since it was built: no sum of all" >&2
        exit 1
    }
    echo "$name $(cat "$results/$name")"
done | awk '
    # The object that a test is about, and how it looks for bugs.
    function kind(name) {
        if (name ~ /^chan_generated/) return "generated"
        if (name ~ /^chan_random/) return "random"
        if (name ~ /weak/) return "weak"
        return name ~ /^(base|order|across)/ ? "other" : "pairs"
    }
    function object(name) {
        sub(/_cap.*/, "", name)
        if (name !~ /^chan/)
            sub(/_.*/, "", name)
        return name
    }
    function need(what, have, least) {
        if (have >= least)
            return
        printf "too little: %s is %d, not %d\n", what, have, least
        bad = 1
    }
    {
        for (i = 2; i <= NF; i++) {
            split($i, part, "=")
            value[part[1]] = part[2]
        }
        k = kind($1)
        seconds[k] += value["seconds"]
        schedules[k] += value["schedules"]
        scenarios[k] += value["scenarios"]
        wrong += value["wrong"]
        if (k != "pairs")
            next
        o = object($1)
        if (!(o in all))
            order[++objects] = o
        all[o] += value["scenarios"]
        exhaustive[o] += value["exhaustive"]
        bounded[o] += value["bounded"]
        random[o] += value["random"]
        sampled[o] += value["sampled"]
        tried[o] += value["schedules"]
        took[o] += value["seconds"]
    }
    END {
        printf "pairs of operations in every state: with every schedule, every one with so many "
        printf "preemptions, some of every, random ones\n"
        printf "%-12s %9s %9s %9s %9s %9s %12s %9s\n", "object", "scenarios", "every", "bounded", \
            "some", "random", "schedules", "seconds"
        for (i = 1; i <= objects; i++) {
            o = order[i]
            printf "%-12s %9d %9d %9d %9d %9d %12d %9.1f\n", o, all[o], exhaustive[o], \
                bounded[o], sampled[o], random[o], tried[o], took[o]
        }
        printf "random schedules of larger scenarios: %d, of %d scenarios, %.1f s\n", \
            schedules["random"], scenarios["random"], seconds["random"]
        printf "generated programs: %d, %.1f s\n", schedules["generated"], seconds["generated"]
        printf "weak memory: %d schedules, %.1f s; other scenarios: %d schedules, %.1f s\n", \
            schedules["weak"], seconds["weak"], schedules["other"], seconds["other"]
        for (k in seconds)
            sum += seconds[k]
        printf "all: %.1f s of the processor\n", sum
        need("pairs of the channel with every schedule", exhaustive["chan_pairs"], 6072)
        need("pairs of the channel beside a waiting thread", all["chan_parked"], 3312)
        need("random schedules", schedules["random"], 10000000)
        need("larger scenarios", scenarios["random"], 20)
        need("generated programs", schedules["generated"], 1000000)
        exit bad || wrong
    }'
