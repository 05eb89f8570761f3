#!/bin/sh
# SPDX-License-Identifier: MIT
# cksum_tree.sh CASE PROGRAM PEAK: one test of examples/cksum_tree.c, in a directory of its own.
# Exit status 77: this machine cannot run the case.
program=$2
peak=$3
# shellcheck source=tests/examples/common.sh
. "$(dirname "$0")/common.sh"
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT

# What must be printed for the paths.
reference()
{
    find "$@" -type f -print0 2>/dev/null | sort -z | xargs -0 -r cksum 2>/dev/null || true
}

# noise BYTES: the same bytes every time, none of them in a short cycle.
noise()
{
    awk -v n="$1" 'BEGIN {
        while (length(s) < 4096)
            s = s sprintf("%d\n", (++i * 7919) % 104729)
        for (; n > 0; n -= 4096)
            printf "%s", substr(s, 1, n < 4096 ? n : 4096)
    }'
}

make_tree()
{
    mkdir -p tree/a tree/a-b tree/empty "tree/dir with blanks" tree/deep
    # On both sides of '/' in the order of bytes, beside and below directories.
    for name in 'a!' a- a. a.b a0 aa A 'a b' a+c a,c; do
        noise 100 >"tree/$name"
        noise 50 >"tree/a/$name"
        noise 10 >"tree/a-b/$name"
    done
    # shellcheck disable=SC2016 # the name is $HOME
    for name in -dash '*' '?' "quote'" 'double"' 'back\slash' 'back\nslash' '$HOME' '~' '#' ';' \
        ' leading' 'trailing ' 'dir with blanks/tab	' "$(printf 'new\nline')" \
        "$(printf '\303\244\303\266\303\274')" "$(printf 'bad\377\376utf')" \
        "$(printf 'bell\007\033[1m')" .hidden ...; do
        printf %s "$name" >"tree/$name"
    done
    for size in 0 1 2 3 4 5 6 7 8 9 15 16 17 255 256 257 65535 65536 131071 131072 131073 262144; do
        noise "$size" >"tree/size $size"
    done
    noise 20000000 >tree/big
    path=tree/deep
    for level in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        path=$path/level-$level
        mkdir "$path"
        noise "$level" >"$path/file"
    done
    mkdir tree/many
    (cd tree/many && seq 1 3000 | xargs touch && seq 1 200 >./7)
    ln -s a tree/link-to-dir
    ln -s big tree/link-to-file
    ln -s nowhere tree/link-to-nothing
    mkfifo tree/fifo
}

# check_equal ARGUMENTS... -- PATHS...
check_equal()
{
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    reference "$@" >want
    # shellcheck disable=SC2086
    status "$program" $options "$@" >out 2>err
    [ "$got" = 0 ] || fail "exit status $got for $*"
    cmp want out || fail "wrong output for $*"
    [ ! -s err ] || fail "complaints: $(cat err)"
}

case_equal()
{
    make_tree
    check_equal "$@" -- tree
    [ "$(wc -l <want)" -gt 3000 ] || fail "the tree was not made"
    check_equal "$@" -- tree/
    check_equal "$@" -- ./tree "$work/tree/a" "$work/tree/a-b" tree/big
    check_equal "$@" -- tree/many tree/deep tree/a.b tree/a 'tree/a!' tree/fifo tree/link-to-dir
    check_equal "$@" -- tree/link-to-dir/ tree/empty
    cd tree
    reference . >../want
    "$program" "$@" >../out || fail "without a path"
    cmp ../want ../out || fail "wrong output without a path"
}

case_unreadable()
{
    make_tree
    # Opens, and cannot be read, even by root.
    mem=/proc/self/mem
    [ -f "$mem" ] && ! cksum "$mem" >/dev/null 2>&1 || mem=
    missing='tree/mis sing'
    if [ "$(id -u)" != 0 ]; then
        chmod 0 tree/a.b tree/a-b
    fi
    # shellcheck disable=SC2086
    reference tree $mem >want
    # shellcheck disable=SC2086
    status "$program" -j 3 "$missing" tree $mem >out 2>err
    [ "$got" = 1 ] || fail "exit status $got"
    cmp want out || fail "something else was lost"
    grep -q 'tree/mis sing: No such file' err || fail "no word about the missing file"
    expected=1
    if [ -n "$mem" ]; then
        grep -q "$mem: " err || fail "no word about $mem"
        expected=$((expected + 1))
    fi
    if [ "$(id -u)" != 0 ]; then
        grep -q 'tree/a\.b: Permission denied' err || fail "no word about the unreadable file"
        grep -q 'tree/a-b/: Permission denied' err || fail "no word about the directory"
        expected=$((expected + 2))
    fi
    [ "$(wc -l <err)" = $expected ] || fail "complaints: $(cat err)"
}

# 1500 files, one that takes many seconds, 1500 files.
make_slow_tree()
{
    mkdir slow
    seq 1001 2500 | sed 's|^|slow/a|' | xargs touch
    seq 1001 2500 | sed 's|^|slow/z|' | xargs touch
    noise 3000 >slow/a1007
    truncate -s 32G slow/m 2>/dev/null || exit 77
    find slow -name 'a*' | sort | xargs cksum >want
}

case_interrupted()
{
    make_slow_tree
    for signal in INT TERM; do
        for workers in 1 4; do
            : >out
            "$program" -j $workers slow >>out &
            pid=$!
            while [ "$(wc -l <out)" -lt 1500 ]; do # all before the slow one are there
                kill -0 $pid || fail "ended by itself"
                sleep 0.02
            done
            kill -$signal $pid
            status wait $pid
            [ "$got" = 130 ] || fail "exit status $got after SIG$signal with $workers workers"
            cmp want out || fail "not what was finished, with $workers workers"
        done
    done
}

# A signal at any moment: what is there is a beginning, in complete lines.
case_interrupted_early()
{
    make_slow_tree
    for round in 1 2 3 4 5 6 7 8 9 10; do
        : >out
        "$program" -j 2 slow >>out &
        pid=$!
        sleep "0.0$((round / 2))" # any moment will do
        kill -TERM $pid
        status wait $pid
        # Until the program has come to block the signal, it ends it.
        [ "$got" = 130 ] || [ "$got" = 143 ] || fail "exit status $got"
        head -c "$(wc -c <out)" want | cmp - out || fail "not a beginning"
        [ ! -s out ] || [ -z "$(tail -c 1 out)" ] || fail "half a line"
    done
}

case_output_full()
{
    [ -c /dev/full ] || exit 77
    make_slow_tree
    status "$program" slow >/dev/full 2>err
    [ "$got" = 1 ] || fail "exit status $got"
    grep -q 'standard output' err || fail "complaints: $(cat err)"
}

case_usage()
{
    for option in '-j 0' '-j -1' '-j x' '-j 2x' '-j 99999999999999999999' -j -x; do
        # shellcheck disable=SC2086
        status "$program" $option >out 2>err
        [ "$got" = 2 ] || fail "exit status $got for $option"
        [ ! -s out ] || fail "output for $option"
        grep -q usage err || fail "no usage for $option"
    done
}

case_progress()
{
    command -v script >/dev/null || exit 77
    make_tree
    reference tree >want
    SHELL=/bin/sh script -q -e -c "'$program' -j 2 tree >out" terminal >/dev/null </dev/null
    cmp want out || fail "wrong output"
    grep -q ' files, .* MB' terminal || fail "no progress: $(cat terminal)"
    "$program" -j 2 tree 2>err >out
    [ ! -s err ] || fail "progress without a terminal"
}

# 200 times as many files must not take more memory.
case_memory()
{
    name=$(printf 'a-name-of-some-length-%.0s' 1 2 3 4 5 6 7 8)
    mkdir few
    (cd few && seq 1001 2500 | sed "s/^/$name/" | xargs touch)
    many=
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        many="$many few few few few few few few few few few"
    done
    small=$("$peak" "$program" -j 2 few) || fail "few files"
    # shellcheck disable=SC2086
    large=$("$peak" "$program" -j 2 $many) || fail "many files"
    echo "1500 files: $small KiB; 300000 files: $large KiB"
    [ $((large - small)) -lt 2048 ] || fail "memory grows with the number of files"
}

case $test_case in
equal_default) case_equal ;;
equal_*) case_equal -j "${test_case#equal_}" ;;
*) "case_$test_case" ;;
esac
