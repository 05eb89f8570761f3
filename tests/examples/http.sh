#!/bin/sh
# SPDX-License-Identifier: MIT
# http.sh CASE SERVER FETCH SOURCE: tests of examples/http_server.c and examples/http_fetch.c, which
# talk with each other over the loopback.
server=$2
fetch=$3
# shellcheck source=tests/examples/common.sh
. "$4/tests/examples/common.sh"
# shellcheck source=tests/examples/server.sh
. "$4/tests/examples/server.sh"

# urls N [PATH]
urls()
{
    i=0
    while [ $i -lt "$1" ]; do
        echo "$url${2-}"
        i=$((i + 1))
    done
}

case_many()
{
    start "$server" -p 0 -j 4 -q 64
    for i in 1 2 3 4 5 6 7 8 9 10; do
        echo "$url"
        echo "${url}sleep/$((50 - 5 * i))"
        echo "${url}nowhere"
        urls 17
    done >list
    awk '{ n = /sleep/ ? 13 : /nowhere/ ? 9 : 6; print (n == 9 ? 404 : 200), n, $0 }' list >want
    exits 0 "$fetch" -n 16 <list >out
    cmp want out || fail "wrong answers, or not in order"
    stop
    [ "$said" != "${said#200 served, 0 refused}" ] || fail "$said"
}

# 1 worker, 2 places: of 20 requests at once some are refused at once, and come again.
case_overload()
{
    start "$server" -p 0 -j 1 -q 2
    urls 20 sleep/100 >list
    exits 1 "$fetch" -n 20 -r 0 <list >out 2>err
    served=$(wc -l <out) refused=$(grep -c 'refused or failed, attempts: 1$' err)
    [ $((served + refused)) = 20 ] || fail "$served and $refused"
    [ "$served" -ge 2 ] && [ "$served" -lt 20 ] || fail "$served of 20 were served"
    urls 20 sleep/10 >list
    exits 0 "$fetch" -n 20 -r 100 <list >out 2>err
    [ "$(grep -c '^200 13 ' out)" = 20 ] || fail "$(cat out err)"
    stop INT
    [ "${said##*longest queue }" -le 2 ] || fail "$said"
}

case_patience()
{
    start "$server" -p 0 -j 2
    echo "${url}sleep/20000" >list
    begin=$(date +%s)
    exits 1 "$fetch" -t 100 -r 2 <list 2>err
    [ "$(cat err)" = "http_fetch: $(cat list): no answer in time, attempts: 3" ] ||
        fail "$(cat err)"
    kill -TERM "$pid" # two answers are under way, and one waits for its turn
    sleep 0.2
    kill -0 "$pid" || fail "the server left a request alone"
    kill -KILL "$pid"
    status wait "$pid" 2>/dev/null
    pid=
    [ $(($(date +%s) - begin)) -lt 15 ] || fail "it took too long"
    echo "$url" >list # nobody listens there any more
    exits 1 "$fetch" -r 1 <list 2>err
    grep -q 'refused or failed, attempts: 2$' err || fail "$(cat err)"
    printf 'ftp://x/\nhttp://\nhttp://127.0.0.1:99999999/\n' >list
    exits 1 "$fetch" -r 0 <list 2>err
    [ "$(wc -l <err)" = 3 ] || fail "$(cat err)"
}

case_usage()
{
    for option in '-n 0' '-n x' '-t 0' '-r -1' -x more; do
        # shellcheck disable=SC2086
        exits 2 "$fetch" $option </dev/null 2>err
        grep -q usage err || fail "no usage for $option"
    done
    for option in '-j 0' '-q 0' '-p 65536' '-p x' -x more; do
        # shellcheck disable=SC2086
        exits 2 "$server" $option 2>err
        grep -q usage err || fail "no usage for $option"
    done
    exits 0 "$fetch" </dev/null
    start "$server" -p 0
    exits 1 "$server" -p "$(echo "$url" | sed 's/.*:\([0-9]*\).*/\1/')" 2>err
    [ -s err ] || fail "no word about a port that is taken"
    stop
}

"case_$test_case"
