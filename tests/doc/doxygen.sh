#!/bin/sh
# SPDX-License-Identifier: MIT
# doxygen.sh ROOT WORK: Doxygen makes the reference without a warning, and describes in it every
# function that the library exports.  Status 77: there is no Doxygen.
set -eu
export LC_ALL=C
root=$1 work=$2
command -v doxygen >/dev/null || {
    echo "doxygen is not installed"
    exit 77
}
rm -rf "$work"
mkdir -p "$work"
sed -e "s|@PROJECT_SOURCE_DIR@|$root|g; s|@PROJECT_VERSION@|0|; s|@CCP_DOCS_OUT@|$work|" \
    -e "s|@CCP_DOCS_XML@|YES|" "$root/docs/reference/Doxyfile.in" >"$work/Doxyfile"
doxygen "$work/Doxyfile" >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
bad=0
if [ -s "$work/log" ]; then
    head -20 "$work/log"
    bad=1
fi
# name and whether a first sentence follows it before the next member.
awk '/<memberdef kind="function"/ { name = "" }
     /<name>/ && name == "" { name = $0; gsub(/.*<name>|<\/name>.*/, "", name) }
     /<briefdescription>/ { getline; if (/<para>[A-Z]/) print name }' "$work"/xml/group__*.xml |
    sort -u >"$work/described"
missing=$(sort "$root/tests/lint/exports.txt" | comm -23 - "$work/described")
if [ -n "$missing" ]; then
    echo "not described: $missing"
    bad=1
fi
echo "$(wc -l <"$work/described") functions and macros described"
exit $bad
