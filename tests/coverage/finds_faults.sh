#!/bin/sh
# SPDX-License-Identifier: MIT
# finds_faults.sh PYTHON: check.py must find in fixtures/ what faults.txt there lists, and pass when
# the list is right.
set -u
here=$(cd "$(dirname "$0")" && pwd)
got=$("$1" "$here/check.py" "$here/fixtures/report.json" "$here/fixtures/uncovered.txt" \
    "$here/fixtures") && {
    echo "check.py found nothing"
    exit 1
}
echo "$got" | diff "$here/fixtures/faults.txt" - || exit 1
# A report in which all is reached, with nothing listed and nothing left out.
sed 's/"count": 0/"count": 1/' "$here/fixtures/report.json" |
    "$1" "$here/check.py" /dev/stdin /dev/null "$here/fixtures"
