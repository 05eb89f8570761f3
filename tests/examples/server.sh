# SPDX-License-Identifier: MIT
# Sourced after common.sh by the tests of servers: one of these runs at a time, until the test ends.
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null; rm -rf "$work"' EXIT

# start COMMAND...: a server on any port, which prints its URL first; that is in $url then.
start()
{
    "$@" >server.out 2>server.err &
    pid=$!
    until [ -s server.out ]; do
        kill -0 $pid || fail "the server did not start: $(cat server.err)"
        sleep 0.01
    done
    url=$(head -1 server.out)
}

# stop [SIGNAL]: ends the server; what it said last is in $said.
stop()
{
    kill -"${1:-TERM}" "$pid"
    status wait "$pid"
    pid=
    [ "$got" = 0 ] || fail "the server ended with $got: $(cat server.err)"
    said=$(tail -1 server.out)
}
