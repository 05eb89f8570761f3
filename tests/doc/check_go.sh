#!/bin/sh
# SPDX-License-Identifier: MIT
# check_go.sh WORK TEXT: each program in Go of TEXT prints what stands in the next block of output.
# Status 77: there is no Go.
set -eu
work=$1 text=$2
command -v go >/dev/null || {
    echo "go is not installed"
    exit 77
}
rm -rf "$work"
mkdir -p "$work"
awk -v dir="$work" '
    /^```go$/ { block = "go"; file = dir "/" FNR ".go"; next }
    /^```output$/ && file != "" { block = "out"; out = file; sub(/go$/, "out", out); next }
    /^```/ { if (block == "out") file = ""; block = ""; next }
    block == "go" { print > file }
    block == "out" { print > out }' "$text"
[ -n "${HOME:-}" ] || export GOCACHE="$work/cache"
n=0
for program in "$work"/*.go; do
    base=${program%.go}
    n=$((n + 1))
    (cd "$work" && go build -o "$base" "$program")
    timeout 20 "$base" >"$base.got"
    diff "$base.out" "$base.got"
    gofmt -l "$program" >"$base.fmt"
    [ ! -s "$base.fmt" ]
done
echo "$n programs run"
