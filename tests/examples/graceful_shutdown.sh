# SPDX-License-Identifier: MIT
#
# graceful_shutdown.sh CASE PROGRAM: the lines of DONE and LEFT are those of INPUT, whenever it is
# asked to stop.
. "$(dirname "$0")/common.sh"
program=$2

start() # LINES ARGUMENT...
{
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) print "job " i }' >input
    shift
    "$program" input done left "$@" 2>err &
    pid=$!
}

# Until it catches SIGTERM: bit 14 of a hexadecimal number.  False: it has ended before.
it_listens()
{
    [ -r /proc/self/status ] || exit 77
    until case $(awk '/^SigCgt/ { print substr($2, length($2) - 3, 1) }
                      /^State:\tZ/ { print "ended" }' "/proc/$pid/status" 2>kill.err) in
        [4567cdef]) return 0 ;;
        *ended*) return 1 ;;
        *) false ;;
    esac; do
        kill -0 "$pid" 2>kill.err || return 1
    done
}

wait_until_it_listens()
{
    it_listens || fail "ended: $(cat err)"
}

ends_with() # STATUS
{
    status wait "$pid"
    [ "$got" = "$1" ] || fail "exit status $got instead of $1: $(cat err)"
}

nothing_is_lost()
{
    sort input >a
    sort done left >b
    cmp a b || fail "lines were lost or doubled"
}

case $test_case in
all_done)
    start 2000 0
    ends_with 0
    nothing_is_lost
    [ ! -s left ] || fail "not all was done"
    [ ! -s err ] || fail "reports although nobody asked it to stop"
    ;;
ignored) # a shell's background job ignores SIGINT, and goes on doing so
    lines=2000
    until start $lines 1 && it_listens; do # it was done before this shell got to look
        ends_with 0
        lines=$((lines * 4))
    done
    kill -INT "$pid"
    ends_with 0
    nothing_is_lost
    [ ! -s left ] || fail "it was stopped"
    ;;
terminated)
    start 200000 1
    wait_until_it_listens
    until [ -s done ]; do # what is written first fills a buffer
        kill -0 "$pid" || fail "ended: $(cat err)"
    done
    kill -TERM "$pid"
    ends_with 0
    nothing_is_lost
    [ -s left ] || fail "it was not stopped"
    grep -q "^drain  workers CCP_OK$" err || fail "it did not drain: $(cat err)"
    ;;
no_time) # what is under way is told to stop, what waits is handed back
    start 300 100000 1
    wait_until_it_listens
    kill -TERM "$pid"
    ends_with 0
    nothing_is_lost
    [ ! -s done ] || fail "jobs of 100 s were done"
    grep -q "^drain  workers CCP_TIMEOUT$" err || fail "it drained: $(cat err)"
    grep -q "^join   workers CCP_OK$" err || fail "it did not stop: $(cat err)"
    ;;
second) # ends at once, though it would wait for jobs of 100 s
    start 1000 100000 1000000
    wait_until_it_listens
    while kill -TERM "$pid" 2>kill.err; do # two that come at once are one
        :
    done
    ends_with 143
    ;;
*) fail "no such case" ;;
esac
