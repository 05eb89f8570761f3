# SPDX-License-Identifier: MIT
# The public header as a specification: every public function has a comment with the fixed fields in
# the fixed order, which agree with its prototype; sections agree with the table of contents; the
# guarantees of a section are numbered without a gap.
#   awk -f header.awk ccp.h
BEGIN {
    fields = split("Waits Threads Memory Returns Order Cost After Since", field)
    for (i = 1; i <= fields; i++)
        place[field[i]] = i
}

FNR < 40 && /^ \* +[0-9]+  [A-Z]/ {
    listed++
    title[listed] = toupper(substr($0, index($0, $3)))
    if ($2 != listed)
        complain("table of contents: " $2 " comes as number " listed)
}

/^\/\* ==== / {
    sections++
    name = $0
    sub(/^\/\* ==== [0-9]+\. /, "", name)
    sub(/ =+.*/, "", name)
    if ($3 != sections "." || name != title[sections])
        complain("section '" $3 " " name "' does not agree with the table of contents")
    if (sections > 1 && !promises)
        complain("section " sections - 1 " has no guarantees")
    promises = 0
}

/^ \*   [A-Z][A-Z]?[0-9]+ +[^ ]/ {
    promises++
    before = letter
    letter = $2
    sub(/[0-9]+$/, "", letter)
    if (substr($2, length(letter) + 1) != promises || promises > 1 && letter != before)
        complain("guarantee " $2 " comes after " before promises - 1)
    if (promises == 1 && letter in taken)
        complain("guarantees " letter " are numbered in two sections")
    taken[letter] = 1
}

/^\/\*\*/ { doc = ""; indoc = 1; last = 0; what = "" }
indoc {
    doc = doc $0 "\n"
    if ($0 ~ /^ \*   [A-Z][a-z]+: /) {
        key = $2
        sub(/:/, "", key)
        if (!(key in place))
            complain("unknown field " key)
        else if (place[key] <= last)
            complain("field " key " is out of order")
        last = place[key]
    } else if (last && $0 ~ /^ \*   [^ ]/)
        complain("text between the fields is not indented")
    if (/\*\//)
        indoc = 0
    next
}

/^[A-Za-z].*[ *]ccp_[a-z_]+\(/ && !/^static/ && !/^typedef/ {
    at = FNR
    proto = $0
    while (proto !~ /;/ && (getline line) > 0)
        proto = proto line
    match(proto, /ccp_[a-z_]+\(/)
    function_name = substr(proto, RSTART, RLENGTH - 1)
    functions++
    waits = proto ~ /ccp_wait [a-z_]+\);/
    has = index(proto, "ccp_wait ") && !waits && proto !~ /ccp_wait ccp_/
    flat = doc
    gsub(/\n \* */, " ", flat)
    if (proto !~ /^CCP_API /)
        problem("is not marked CCP_API")
    if (doc == "")
        problem("has no comment")
    else {
        if (doc !~ /^\/\*\*\n \* [A-Z][^\n]*/)
            problem("has no first sentence")
        if (has)
            problem("takes a ccp_wait that is not its last parameter")
        if (waits && doc !~ /Waits:/)
            problem("takes a ccp_wait and has no Waits:")
        if (!waits && doc ~ /Waits:/)
            problem("has Waits: and takes no ccp_wait")
        if (doc !~ /   Threads:/)
            problem("has no Threads:")
        if (index(proto, "*") && doc !~ /   Memory:/)
            problem("takes or returns a pointer and has no Memory:")
        if (proto ~ /^(CCP_[A-Z_]+ )*void ccp_/ && doc ~ /   Returns:/)
            problem("returns nothing and has Returns:")
        if (proto !~ /^(CCP_[A-Z_]+ )*void ccp_/ && doc !~ /   Returns:/)
            problem("has no Returns:")
        if (waits && flat !~ /Waits:   never/ && flat !~ /the wait codes/ &&
            flat !~ /CCP_TIMEOUT/ && flat !~ / as ccp_[a-z_]+\(\)/)
            problem("waits, and does not mention the wait codes")
        if (doc !~ /   Since:   [0-9]+\.[0-9]+\n/)
            problem("has no Since:")
    }
    doc = ""
}

/^#define CCP_[A-Z]+_DEFINE\(/ || /^typedef .*\(\*ccp_/ {
    if (doc == "")
        complain($2 " has no comment")
}
/^[^ *\/]/ { doc = "" }

END {
    if (!functions || sections != listed)
        complain(functions + 0 " functions, " sections + 0 " of " listed + 0 " sections")
    if (!promises)
        complain("the last section has no guarantees")
    exit bad > 0
}

function complain(what) {
    print FILENAME ":" FNR ": " what
    bad++
}

function problem(what) {
    print FILENAME ":" at ": " function_name "() " what
    bad++
}
