# SPDX-License-Identifier: MIT
# Every numbered guarantee of ccp.h is cited, by its number, in a comment of a test.
#   awk -f comments.awk -f promises.awk ccp.h tests...
FNR == 1 { files++ }

files == 1 && /^ \*   [A-Z][A-Z]?[0-9]+ +[^ ]/ {
    order[++count] = $2
    at[$2] = FNR
}

files > 1 {
    text = comment_of($0)
    gsub(/[^A-Za-z0-9_]/, " ", text)
    n = split(text, word, " ")
    for (i = 1; i <= n; i++)
        if (word[i] in at)
            cited[word[i]] = 1
}

END {
    for (i = 1; i <= count; i++)
        if (!(order[i] in cited)) {
            print "include/ccp.h:" at[order[i]] ": guarantee " order[i] " is cited by no test"
            bad++
        }
    if (!count)
        print "no guarantees found"
    exit bad > 0 || !count
}
