#!/bin/sh
# SPDX-License-Identifier: MIT
# cites.sh ROOT WORK: every guarantee that a text of docs/ cites, as (C4) or (P13, P18), or in a
# cell of a table, is in the header.
set -eu
export LC_ALL=C
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work"
sed -n 's/^ \*   \([A-Z][A-Z]*[0-9][0-9]*\)  *[^ ].*/\1/p' "$root"/include/*.h |
    sort -u >"$work/there"
one='[A-Z][A-Z]?[0-9]+'
list="$one((, | to | and |; )$one)*"
(cd "$root" && find docs -name '*.md' -exec grep -HonE "\\($list\\)|\\| $list \\|" {} + || true) |
    sed -E 's/[()|]//g' | while IFS=: read -r text line cited; do
    for word in $(echo "$cited" | grep -oE "$one"); do
        echo "$word $text:$line"
    done
done | sort >"$work/cited"
if ! [ -s "$work/cited" ]; then
    echo "no text cites a guarantee"
    exit 1
fi
join -v 1 "$work/cited" "$work/there" >"$work/missing"
sed 's/\(.*\) \(.*\)/\2: there is no guarantee \1/' "$work/missing"
echo "$(wc -l <"$work/cited") citations"
[ ! -s "$work/missing" ]
