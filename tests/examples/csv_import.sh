#!/bin/sh
# SPDX-License-Identifier: MIT
# csv_import.sh CASE PROGRAM SOURCE: one test of examples/csv_import.c.
program=$2
# shellcheck source=tests/examples/common.sh
. "$3/tests/examples/common.sh"

# make_rows N: rows.csv with N rows, every 100th of them bad; want: what the table must have, in
# order of id; want.bad: the bad rows.  The ids are mixed: 7919 is a prime, and none comes twice.
make_rows()
{
    awk -v n="$1" 'BEGIN {
        q = "\""
        bad[0] = "x17,name,1.00"; why[0] = "id is not a number above 0"
        bad[1] = "17,,1.00"; why[1] = "name is empty or too long"
        bad[2] = "17,name,1.0"; why[2] = "amount is not like 12.50"
        bad[3] = "17,name"; why[3] = "not three fields"
        bad[4] = "17," q "name,1.00"; why[4] = "not three fields"
        bad[5] = "17,name,1.00,more"; why[5] = "not three fields"
        bad[6] = ""; why[6] = "not three fields"
        bad[7] = "17," q "na" q "me,1.00"; why[7] = "not three fields"
        for (i = 1; i <= n; i++) {
            if (i % 100 == 0) {
                k = i / 100 % 8
                print bad[k] >"rows.csv"
                print i ": " why[k] ": " bad[k] >"want.bad"
                continue
            }
            id = i * 7919 % 1000003
            amount = sprintf("%s%d.%02d", i % 3 ? "" : "-", i % 977, i % 100)
            if (i % 10)
                print id ",name " i "," amount >"rows.csv"
            else
                print id "," q "name, " q q i q q q "," amount >"rows.csv"
            print id "," (i % 10 ? "name " i : "name, " q i q) "," amount >"want.some"
        }
    }'
    sort -t, -k1,1n want.some >want
    [ "$(wc -l <rows.csv)" = "$1" ] && [ "$(wc -l <want)" = $(($1 / 100 * 99)) ] ||
        fail "the rows were not made"
}

# check_table: the table is whole, and has what it should have.
check_table()
{
    exits 0 "$program" -p table >got
    cmp want got || fail "wrong rows"
    sort -n table.bad | cmp want.bad - || fail "wrong bad rows"
}

# case_rows WORKERS: 100000 rows with so many workers; 0: without a pool.
case_rows()
{
    make_rows 100000
    exits 0 "$program" -j "$1" rows.csv table >out
    [ "$(cat out)" = "99000 rows, 1000 bad" ] || fail "$(cat out)"
    check_table
    exits 0 "$program" -j "$1" /dev/null table >out
    [ "$(cat out)" = "0 rows, 0 bad" ] || fail "$(cat out)"
    [ ! -s table.bad ] || fail "what was there before was left"
    exits 0 "$program" -p table >got
    [ ! -s got ] || fail "an empty table has rows"
}

# A signal at any moment: a whole table of whole rows that are in the file.
case_interrupted()
{
    make_rows 100000
    early=0
    for signal in INT TERM INT TERM; do
        for workers in 0 1 4; do
            rm -f table
            "$program" -j $workers -d 20 rows.csv table >out &
            pid=$!
            while [ ! -s table ] || [ "$(wc -c <table)" -lt 20000 ]; do # it is under way
                kill -0 $pid || fail "ended by itself"
                sleep 0.01
            done
            kill -$signal $pid
            status wait $pid
            [ "$got" = 130 ] || fail "exit status $got after SIG$signal with $workers workers"
            exits 0 "$program" -p table >got
            [ -s got ] || fail "an empty table"
            sort got >got.sorted
            sort want | comm -23 got.sorted - >strange
            [ ! -s strange ] || fail "rows that are not in the file: $(head -3 strange)"
            rows=$(wc -l <got) bad=$(wc -l <table.bad)
            [ "$(cat out)" = "$rows rows, $bad bad" ] || fail "$(cat out): $rows, $bad"
            [ "$rows" = "$(sort -u got | wc -l)" ] || fail "a row came twice"
            [ "$rows" -ge 99000 ] || early=$((early + 1))
        done
    done
    [ $early = 12 ] || fail "only $early of 12 were cut short"
}

# Killed outright: the table says that it has nothing, or is refused.
case_killed()
{
    make_rows 100000
    "$program" -d 20 rows.csv table >out &
    pid=$!
    while [ ! -s table ] || [ "$(wc -c <table)" -lt 20000 ]; do
        sleep 0.01
    done
    kill -KILL $pid
    status wait $pid 2>/dev/null
    status "$program" -p table >got
    [ ! -s got ] || fail "rows of a table that is not complete"
}

case_long_lines()
{
    long=$(printf '%0300d' 0)
    printf '1,a,1.00\n%s\n2,b,2.00\n3,%s,3.00\n4,d,4.00' "$long" "$long" >rows.csv
    exits 0 "$program" rows.csv table >out
    [ "$(cat out)" = "3 rows, 2 bad" ] || fail "$(cat out)"
    [ "$("$program" -p table)" = "1,a,1.00
2,b,2.00
4,d,4.00" ] || fail "wrong rows"
    [ "$(cut -d: -f1,2 table.bad | sort)" = "2: too long
4: too long" ] || fail "$(cat table.bad)"
}

case_errors()
{
    printf '1,a,1.00\n' >rows.csv
    exits 1 "$program" missing table 2>err
    exits 1 "$program" rows.csv . 2>err
    grep -q csv_import err || fail "no word about it"
    exits 1 "$program" -p rows.csv
    exits 2 "$program" rows.csv 2>err
    for option in '-j -1' '-j x' '-j 5000' '-d x' '-x'; do
        # shellcheck disable=SC2086
        exits 2 "$program" $option rows.csv table 2>err
        grep -q usage err || fail "no usage for $option"
    done
    [ -c /dev/full ] || return 0
    rm table.bad
    ln -s /dev/full table.bad
    printf 'bad\n' >rows.csv
    exits 1 "$program" rows.csv table 2>err
}

case_progress()
{
    command -v script >/dev/null || exit 77
    make_rows 20000
    SHELL=/bin/sh script -q -e -c "'$program' -d 4 rows.csv table >out" terminal >/dev/null \
        </dev/null
    check_table
    [ "$(tr '\r' '\n' <terminal | grep -c '^[0-9]* lines')" -ge 2 ] || fail "no progress"
    exits 0 "$program" rows.csv table >out 2>err
    [ ! -s err ] || fail "progress without a terminal"
}

case $test_case in
rows_*) case_rows "${test_case#rows_}" ;;
*) "case_$test_case" ;;
esac
