#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Seeded bugs: each is put into a copy of the sources, which is built for the explorer, and must be
# found by a scenario within ten seconds of the processor; the string that the explorer prints must
# replay the same failure; the same scenario must find nothing in the sources as they are.
#   run.sh [--trace] BUILD WORK [BUG...]
# BUILD has tests/sim built; all bugs if none is named; --trace shows the replayed schedule.
# A bug's line "run: PROGRAM ARGUMENT..." names the scenario, sim_PROGRAM of tests/sim.
set -uo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
trace=false
[ "$1" = --trace ] && trace=true && shift
sim=$(cd "$1" && pwd)/tests/sim || exit
mkdir -p "$2" && work=$(cd "$2" && pwd)
shift 2
limit=10
cc=${CC:-cc}
# As tests/sim/library.cmake has them, but for the level: most of the time goes into compiling.
flags=(-std=gnu11 -g -O1 -fno-pie -fno-omit-frame-pointer -fno-optimize-sibling-calls -w
    -fsanitize=thread)

[ -e "$sim/CMakeFiles/sim_chan_pairs.dir/link.txt" ] || {
    echo "needs tests/sim, built by make"
    exit 77
}
[ $# -gt 0 ] || {
    cd "$here/bugs" && set -- * && cd "$here" || exit 1
}

# sources: those of the library that the explorer does not replace.
sources() {
    sed -n 's/^    \(.*\.c\)$/\1/p' "$top/src/sources.cmake" |
        grep -vE '^base/(clock|cpus?|fence|fork|local|lock|mem|park_.*|self|tasks|thread)\.c$'
}

# affected FILE...: the sources that must be compiled again when these change.
affected() {
    local deps=$sim/CMakeFiles/ccp_sim_library.dir/__/__/src files source names=()
    files=$(IFS='|' && echo "${*//./\\.}")
    for source in $(sources); do
        if [ -e "$deps/$source.o.d" ]; then
            names+=("$source.o.d")
        else
            echo "$source"
        fi
    done
    (cd "$deps" && grep -lE "/($files)( |\$)" "${names[@]}") | sed 's/\.o\.d$//'
}

# compile DIR SOURCE [OPTION...]: SOURCE of DIR/src, prints the object.
compile() {
    local dir=$1 source=$2 object define=-DCCPI_CHECKED=1
    shift 2
    object=$dir/${source//\//_}.o
    [ "$source" = base/check.c ] && define=-UCCPI_CHECKED
    "$cc" "${flags[@]}" $define "$@" -I"$top/include" -I"$dir/src" -I"$top/tests/sim" \
        -c "$dir/src/$source" -o "$object" && echo "$object"
}

# build BUG PROGRAM: makes $work/BUG/program, by the command that links the program as it is.
build() {
    local dir=$work/$1 program=$2 changed source objects=() own
    rm -rf "$dir" && mkdir -p "$dir" && cp -r "$top/src" "$dir/src" || return
    changed=$(awk -v root="$dir" -f "$here/apply.awk" "$here/bugs/$1") || return
    own=$(cat "$sim/CMakeFiles/sim_$program.dir/link.txt") || return
    case $changed in # what some programs have instead of the explorer's
    *base/lock.c*)
        sed -i 's/#define SPINS [0-9]*/#define SPINS 1/' "$dir/src/base/lock.c"
        objects+=("$(compile "$dir" base/lock.c)")
        own=$(sed 's, [^ ]*/lock\.c\.o , ,' <<<"$own")
        ;;
    *base/park_cond.c*)
        objects+=("$(compile "$dir" base/park_cond.c -include "$top/tests/sim/sim_pthread.h")")
        own=$(sed 's, [^ ]*/park_cond\.c\.o , ,' <<<"$own")
        ;;
    esac
    # shellcheck disable=SC2086 # a list of names
    for source in $(affected $changed); do
        objects+=("$(compile "$dir" "$source")") || return
    done
    # Objects that the program does not use may need what the explorer does not have.
    own=${own/ -o sim_$program / -o $dir/program ${objects[*]} }
    (cd "$sim" && eval "$own -Wl,--unresolved-symbols=ignore-in-object-files")
}

# look PROGRAM SECONDS ARGUMENT...: prints the first failure, what it was, how to replay it, and how
# many seconds of the processor the search took; or nothing.  Ends after so many seconds, too.
look() {
    local program=$1 seconds=$2 line state=searching
    shift 2
    while read -r line; do
        case $state,$line in
        searching,FAIL*) state=failed && echo "$line" ;;
        failed,replay:*) state=told && echo "$line" ;;
        failed,*) echo "$line" ;;
        told,*" scenarios, "*" wrong, "*) line=${line##*; } && echo "${line% s}" ;;
        esac
    done < <(ulimit -t "$((limit + 1))" &&
        exec timeout "$seconds" "$program" --first "$@" 2>/dev/null)
}

# options ARGUMENT...: the arguments without the names of scenarios.
options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --weak | --sc | --wake-any | --reuse | --summary) echo "$1" ;;
        --*) echo "$1" "$2" && shift ;;
        esac
        shift
    done
}

# replays PROGRAM FAILURE ARGUMENT...: does the string of FAILURE, from look(), lead to it again, in
# one schedule?
replays() {
    local program=$1 failure=$2 again
    shift 2
    # shellcheck disable=SC2046,SC2086 # lists of words
    again=$("$program" $(options "$@") $(sed -n 's/^replay: //p' <<<"$failure") 2>/dev/null)
    "$trace" && echo "$again"
    grep -q '^FAIL .* 1 schedules failed' <<<"$again" &&
        grep -qxF -- "  $(sed -n 2p <<<"$failure")" <<<"$again"
}

check() { # bug: prints its line of the table
    local bug=$1 words program failure line took
    eval "words=($(sed -n 's/^run: //p' "$here/bugs/$bug"))"
    program=${words[0]:-}
    [ -x "$sim/sim_$program" ] || {
        echo "$bug: no scenario sim_$program"
        return 1
    }
    build "$bug" "$program" || {
        echo "$bug: cannot be built"
        return 1
    }
    failure=$(look "$work/$bug/program" 250 "${words[@]:1}")
    took=${failure##*$'\n'}
    line=${failure%%$'\n'*}
    [[ -n $line && $took =~ ^[0-9]+\.[0-9]+$ && ${took%.*} -lt $limit ]] || {
        rm -rf "${work:?}/$bug"
        printf '%-34s MISSED by %s\n' "$bug" "${words[*]}"
        return 1
    }
    replays "$work/$bug/program" "$failure" "${words[@]:1}" || {
        rm -rf "${work:?}/$bug"
        printf '%-34s is not replayed: %s\n' "$bug" "$failure"
        return 1
    }
    rm -rf "${work:?}/$bug"
    # Not found where it is not, in as long as it took.  (Tests of their own run these scenarios
    # whole; this shows that the failure was the bug's.)
    local sound
    sound=$(look "$sim/sim_$program" "$(awk "BEGIN { print $took + 0.1 }")" "${words[@]:1}")
    [ -z "$sound" ] || {
        printf '%-34s fails without the bug too: %s\n' "$bug" "$sound"
        return 1
    }
    read -r _ name mode schedules _ <<<"$line"
    printf '%-34s %6s s %9s schedules, replayed  %s (%s)\n' \
        "$bug" "$took" "$schedules" "$name" "$mode"
}

missed=0 table=
for bug in "$@"; do
    line=$(check "$bug") || missed=$((missed + 1))
    echo "$line"
    table+=$line$'\n'
done
if [ $# -gt 1 ]; then
    echo "$(($# - missed)) of $# found; the slowest:"
    grep 'replayed' <<<"$table" | sort -k2,2 -rn -s | head -n 5
fi
[ "$missed" -eq 0 ]
