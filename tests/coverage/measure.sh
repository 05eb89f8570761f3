#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How much of src/ the tests reach: measure.sh BUILD-DIRECTORY [PART...]
#
#   unit       unit tests, faults, processes, random calls; by futex, what only the other parker has
#              by faults
#   threads    stress, a second each
#   cond       tests of what sleeps and forks, by the POSIX parker
#   explored   what schedules of the explorer reach, a few of each program
#
# Each part is measured anew, or those that are named, one after the other; what the others found
# the last time is kept in BUILD-DIRECTORY/PART.json, and is right as long as src/ is the same.
# Then all of it together is held against uncovered.txt by check.py.  Needs gcc, gcov, gcovr and
# python3; $JOBS at a time.
set -uo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
mkdir -p "$1"
base=$(cd "$1" && pwd)
shift
jobs=${JOBS:-$(nproc)}

trees="unit;fault;fuzz;process;stress"
# PROGRAM MODE COUNT SCENARIO...: so many schedules of each.  None of those that end before their
# threads do, as redundant ones and those with forks: of calls that are cut short gcov's counts are
# wrong.
explored=(
    "chan_pairs pct 5" "chan_random pct 500 *.cap*.rnd" "ctx pct 20" "wg pct 20" "pool rnd 2"
    "pool rnd 500 some_stall*" "jobs pct 20" "timer pct 3" "order pct 100" "across pct 50"
    "deque pct 20" "seqlock pct 200" "counter pct 20" "spsc pct 20" "mpmc pct 20" "mpsc pct 2000"
    "stack pct 20" "rcu pct 20" "rcu_map pct 50" "track pct 3" "track rnd 20" "fd pct 3"
    "fd_case pct 5" "stats pct 3" "timers pct 20" "rate pct 10" "limiter pct 20" "window pct 20"
    "rate_map pct 20" "retry pct 20" "signal pct 20" "breaker_times dfs 20" "across_queues pct 20"
    "breaker dfs 20" "batcher pct 20" "tune rnd 20" "shutdown pct 20" "sem pct 20" "mutex pct 100"
    "mutex pct 20000 too_often*" "mutex rnd 20000 two.mutex.quick*" "once pct 20" "barrier pct 20"
    "phaser pct 20" "phaser rnd 50" "phaser pct 500 *wait_0_nowait*" "future rnd 50" "group pct 20"
    "flight pct 20" "flight rnd 50" "parallel pct 20" "flow pct 20"
    "flow rnd 20000 some.again.fails[01].takes3.cancels"
    "flow pct 20000 some.again.fails[012].takes3.cancels"
)

# build NAME KINDS CMAKE-ARGUMENT...: a tree with these directories of tests, not yet made.
build() {
    local name=$1 kinds=$2
    shift 2
    cmake -S "$top" -B "$base/$name" -DCCP_EXAMPLES=OFF -DCCP_BENCH=OFF -DCCP_COVERAGE=ON \
        -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG= \
        -DCCP_STRESS_SECONDS=1 "-DCCP_TEST_KINDS=$kinds" "$@"
}

make_targets() { # tree [--target TARGET...]
    local tree=$base/$1
    shift
    cmake --build "$tree" -j "$jobs" "$@"
}

# run_tests TREE CTEST-ARGUMENT...; what was too slow gets a second chance.
run_tests() {
    local tree=$base/$1
    shift
    ctest --test-dir "$tree" --no-tests=error --output-on-failure -j "$jobs" \
        --repeat after-timeout:2 "$@"
}

unit_part() {
    build futex "$trees" && make_targets futex && run_tests futex -L '^unit$'
}

threads_part() {
    build futex "$trees" && make_targets futex && run_tests futex -L '^stress$'
}

cond_part() {
    local names=(fork still signals chan chan_threads select wg)
    build cond "$trees" -DCCP_PARK=cond &&
        make_targets cond --target process "${names[@]/#/test_}" &&
        run_tests cond -R "^unit[.]($(IFS='|'; echo "${names[*]}"))\$|^process[.]"
}

explored_part() {
    local run program mode count programs=("${explored[@]%% *}")
    build explored sim && make_targets explored --target "${programs[@]/#/sim_}" || return
    for run in "${explored[@]}"; do
        set -f
        # shellcheck disable=SC2086
        set -- $run
        set +f
        program=sim_$1 mode=$2 count=$3
        shift 3
        "$base/explored/tests/sim/$program" --summary --mode "$mode" --n "$count" "$@" || return
    done
}

# measure PART: what it counts goes to PART.json.
measure() {
    local part=$1 tree
    case $part in
    unit | threads) tree=futex ;;
    cond | explored) tree=$part ;;
    *)
        echo "no part is called $part"
        return 2
        ;;
    esac
    rm -f "$base/$part.json"
    # Counts of a former run would add up.
    [ ! -d "$base/$tree" ] || find "$base/$tree" -name '*.gcda' -delete || return
    "${part}_part" || return
    # Where it fails it leaves files.
    (cd "$base/$tree" &&
        gcovr -j "$jobs" -r "$top" --filter "$top/src/" --json "$base/$part.json" .)
}

parts=(unit threads cond explored)
[ $# -gt 0 ] || set -- "${parts[@]}"
for part in "$@"; do
    begin=$(date +%s)
    measure "$part" || {
        echo "the part $part failed"
        exit 1
    }
    echo "$part: $(($(date +%s) - begin)) s"
done

found=()
for part in "${parts[@]}"; do
    [ -e "$base/$part.json" ] || {
        echo "the part $part has not been measured"
        exit 1
    }
    found+=(-a "$base/$part.json")
done
gcovr -r "$top" "${found[@]}" --txt "$base/lines.txt" &&
    gcovr -r "$top" "${found[@]}" --branches --txt "$base/branches.txt" &&
    gcovr -r "$top" "${found[@]}" --json "$base/coverage.json" &&
    python3 "$here/check.py" "$base/coverage.json" "$here/uncovered.txt" "$top"
