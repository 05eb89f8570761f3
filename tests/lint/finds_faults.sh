#!/bin/sh
# SPDX-License-Identifier: MIT
# finds_faults.sh RULE: the rule's script must find in fixtures/RULE what faults.txt there lists.
set -u
here=$(cd "$(dirname "$0")" && pwd)
export LC_ALL=C
tree=$here/fixtures/$1
got=$(sh "$here/lint.sh" "$1" "$tree") && {
    echo "lint.sh $1 found nothing in $tree"
    exit 1
}
printf "%s\n" "$got" | sort | diff "$tree/faults.txt" -
