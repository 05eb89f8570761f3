# SPDX-License-Identifier: MIT
# Every status that the field Returns: of a public function names has been returned to a test, and
# no other.
#   awk -f api.awk -f returns.awk ccp.h records...
# A record has lines "ccp_chan_send CCP_OK", as tests/unit/returns.c writes them.  In Returns: "the
# wait codes" stands for three statuses, and "as ccp_x()" for those of ccp_x, unless a status comes
# before it ("CCP_MISUSE as ccp_x()").  What gives the wait codes may give CCP_DEADLOCK too (DG7).
function next_file() {
    seen[$1, $2] = 1
    if (!(($1, $2) in seen_at))
        seen_at[$1, $2] = ++pairs
    pair[seen_at[$1, $2]] = $0
}

# Puts the statuses that function i promises into promised[i, *].
function promise(i,    text, word, n, k) {
    text = returns[i]
    gsub(/ +/, " ", text)
    waits[name[i]] = text ~ /the wait codes/
    gsub(/the wait codes/, "CCP_AGAIN CCP_TIMEOUT CCP_CANCELED", text)
    while (match(text, /(CCP_[A-Z]+ )?as ccp_[a-z_]+\(/)) {
        word = substr(text, RSTART, RLENGTH)
        text = substr(text, 1, RSTART - 1) \
            (word ~ /^CCP/ ? substr(word, 1, index(word, " ")) : includes(i, word)) \
            substr(text, RSTART + RLENGTH)
    }
    gsub(/[^A-Z_]+/, " ", text)
    n = split(text, words, " ")
    for (k = 1; k <= n; k++)
        if (words[k] in status)
            promised[i, words[k]] = 1
}

# The function that word names stands before this one, or it is a fault.
function includes(i, word,    other, s) {
    sub(/^as /, "", word)
    sub(/\($/, "", word)
    other = number[word]
    if (!other || other >= i) {
        fault(i, "refers to " word "(), which does not stand before it")
        return ""
    }
    for (s in status)
        if ((other, s) in promised)
            promised[i, s] = 1
    return ""
}

function fault(i, what) {
    print "include/ccp.h:" line[i] ": " name[i] "() " what
    bad++
}

END {
    for (i = 1; i <= functions; i++) {
        promise(i)
        any = 0
        for (s in status) {
            any += (i, s) in promised
            checked += (i, s) in promised
            if ((i, s) in promised && !((name[i], s) in seen))
                fault(i, "promises " s ", which no test has seen")
        }
        if (!any)
            fault(i, "promises no status")
    }
    for (k = 1; k <= pairs; k++) {
        split(pair[k], words, " ")
        if (words[2] == "CCP_DEADLOCK" && waits[words[1]])
            continue
        if (!((number[words[1]], words[2]) in promised))
            fault(number[words[1]], "returned " words[2] " to a test, which it does not promise")
    }
    if (!functions || !pairs) {
        print "no functions, or no records"
        bad++
    }
    if (!bad)
        print functions " functions, " checked " statuses"
    exit bad > 0
}
