#!/bin/sh
# SPDX-License-Identifier: MIT
# guide.sh DIR: the guide in DIR is whole.  Each of the twelve patterns has its page, each page the
# same six parts, a program that is run and what it prints; README.md there names every page; every
# link between texts leads somewhere, and every picture is shown.  Prints each fault, and fails if
# there is one.
set -eu
export LC_ALL=C
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
patterns="worker-pool fan-out-fan-in producer-consumer pipeline generator multiplexing timeout
    quit-signal bounded-parallelism context semaphore futures-and-barriers"
bad=0

complain() {
    echo "$1"
    bad=1
}

pages=
for pattern in $patterns; do
    page=$dir/$pattern.md
    if [ -f "$page" ]; then
        pages="$pages $page"
    else
        complain "$page: there is no such page"
    fi
    grep -q "]($pattern\.md)" "$dir/README.md" ||
        complain "$dir/README.md: does not name $pattern.md"
done
for page in "$dir"/*.md; do
    case " README $(echo $patterns) " in
    *" $(basename "$page" .md) "*) ;;
    *) complain "$page: is the page of no pattern" ;;
    esac
done
# shellcheck disable=SC2086
[ -z "$pages" ] || awk -f "$here/guide.awk" $pages || bad=1

# Links to files, without what follows a '#'.
links=$(cd "$dir" && grep -o '](\([^)]*\))' -- *.md | sed 's/:](/ /; s/[#)].*//' | sort -u)
while read -r text link; do
    case $link in
    '' | *:*) ;;
    *) [ -e "$dir/$link" ] || complain "$dir/$text: nothing is at $link" ;;
    esac
done <<END
$links
END

# Pictures: each is shown by some text, and as many groups end as begin.
for picture in "$dir"/*.svg; do
    grep -q "$(basename "$picture"))" "$dir"/*.md "$dir"/../*.md ||
        complain "$picture: is shown nowhere"
    awk '{ depth += gsub(/<(svg|g|defs|text|title|marker)[ >]/, "")
           depth -= gsub(/<\/(svg|g|defs|text|title|marker)>/, "") }
         END { exit depth != 0 }' "$picture" || complain "$picture: is not well-formed"
done
exit $bad
