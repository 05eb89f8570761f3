#!/bin/sh
# SPDX-License-Identifier: MIT
# guide_finds_faults.sh GUIDE WORK: a copy of the guide passes; each copy with one fault does not,
# and the fault is named.
set -eu
export LC_ALL=C
guide=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
docs=$(dirname "$guide")
rm -rf "$work"
mkdir -p "$work/docs"
# What the pages lead to.
ln -s "$docs/../examples" "$docs/../include" "$docs/../README.md" "$work/"
for other in "$docs"/*; do
    [ "$other" = "$guide" ] || ln -s "$other" "$work/docs/"
done
copy=$work/docs/guide

fresh() {
    rm -rf "$copy"
    cp -R "$guide" "$copy"
}
edit() { # PAGE SED-SCRIPT
    sed "$2" "$copy/$1" >"$work/edited"
    if cmp -s "$work/edited" "$copy/$1"; then
        echo "$1: '$2' changes nothing"
        exit 1
    fi
    mv "$work/edited" "$copy/$1"
}
names() { # WORDS: the fault that must be told
    if sh "$here/guide.sh" "$copy" >"$work/log" 2>&1; then
        echo "not found: $1"
        exit 1
    fi
    if ! grep -qF "$1" "$work/log"; then
        echo "should have said: $1"
        cat "$work/log"
        exit 1
    fi
}

fresh
sh "$here/guide.sh" "$copy"

rm "$copy/timeout.md"
names "timeout.md: there is no such page"
fresh
edit README.md 's/(pipeline\.md)/(elsewhere.md)/g'
names "does not name pipeline.md"
names "nothing is at elsewhere.md"
fresh
cp "$copy/context.md" "$copy/contexts.md"
names "contexts.md: is the page of no pattern"
fresh
edit context.md '/^## Key advantages/,/^## Common/{/^## Common/!d;}'
names "context.md: part 2 is 'Common use cases', not 'Key advantages'"
names "context.md: has 5 of 6 parts"
fresh
edit semaphore.md '/^## Best practices/,$d'
names "semaphore.md: has 5 of 6 parts"
fresh
edit generator.md '/^## Best practices/,${/^- /d;}'
names "generator.md: 'Best practices' has 0 points, fewer than 5"
fresh
edit worker-pool.md 's/^```output$/```text/'
names "programs, 0 outputs"
fresh
edit pipeline.md 's/^int main(/int mine(/'
names "pipeline.md: 0 programs, 1 outputs"
fresh
edit quit-signal.md 's/^## Common use cases$/&\n\nComing soon./'
names "quit-signal.md: leaves something to do"
fresh
printf '\n## See also\n' >>"$copy/fan-out-fan-in.md"
names "fan-out-fan-in.md: has a part more: See also"
fresh
cp "$copy/context.svg" "$copy/unknown.svg"
names "unknown.svg: is shown nowhere"
fresh
edit pipeline.svg 's|</svg>||'
names "pipeline.svg: is not well-formed"
