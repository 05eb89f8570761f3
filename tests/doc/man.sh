#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh ROOT WORK: manual pages can be made of the headers; every function that the library exports
# has one, with the parts that every page has; each page that one refers to is there; and mandoc, or
# else groff, where one of them is installed, has nothing to say.
set -eu
export LC_ALL=C
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/man3" "$work/man7"
awk -v dir="$work" -v version=0 -v date=2000-01-01 -f "$root/docs/reference/header.awk" \
    -f "$root/docs/reference/man.awk" "$root/include/ccp.h" "$root/include/ccp_sim.h"
bad=0

complain() {
    echo "$1"
    bad=1
}

# Each exported symbol has its page.
(cd "$work/man3" && ls) | sed 's/\.3$//' | sort >"$work/pages"
sort "$root/tests/lint/exports.txt" >"$work/exports"
missing=$(comm -23 "$work/exports" "$work/pages")
[ -s "$work/exports" ] && [ -z "$missing" ] || complain "no page of: $missing"

# Each page has its parts.
for part in NAME SYNOPSIS DESCRIPTION THREADS HISTORY "SEE ALSO"; do
    lacking=$(cd "$work/man3" && grep -L "^\.SH $part\$" -- *.3 || true)
    # Small functions of the header alone are described in a sentence.
    for page in $lacking; do
        ! grep -qx "${page%.3}" "$work/exports" || complain "$page: no $part"
    done
done

# What is referred to is there.
sed -n 's/^\.BR \([a-z_-]*\) (\([37]\)).*/man\2\/\1.\2/p' "$work"/man3/* "$work"/man7/* | sort -u |
    while read -r page; do
        [ -f "$work/$page" ] || echo "$page"
    done >"$work/dangling"
[ ! -s "$work/dangling" ] || complain "referred to, and not there: $(cat "$work/dangling")"

if command -v mandoc >/dev/null; then
    mandoc -Tlint -W warning "$work"/man3/* "$work"/man7/* >"$work/log" 2>&1 || true
    checker=mandoc
elif command -v groff >/dev/null; then
    groff -man -Tascii -ww -z "$work"/man3/* "$work"/man7/* >"$work/log" 2>&1 || true
    checker=groff
else
    : >"$work/log"
    checker="nobody (neither mandoc nor groff is here)"
fi
[ ! -s "$work/log" ] || complain "$(head -20 "$work/log")"
echo "$(wc -l <"$work/pages") pages of functions, checked by $checker"
exit $bad
