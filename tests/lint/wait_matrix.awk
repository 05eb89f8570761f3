# SPDX-License-Identifier: MIT
# Every call that waits is called by a column of the wait matrix.
#   awk -f api.awk -f wait_matrix.awk ccp.h tests/unit/wait_columns*.c
function next_file(    rest) {
    rest = $0
    while (match(rest, /ccp_[a-z_]+/)) {
        called[substr(rest, RSTART, RLENGTH)] = 1
        rest = substr(rest, RSTART + RLENGTH)
    }
}
END {
    for (i = 1; i <= functions; i++)
        if (proto[i] ~ /ccp_wait [a-z_]+\)$/) {
            waiting++
            if (!(name[i] in called)) {
                print "include/ccp.h:" line[i] ": " name[i] "() is not in the wait matrix"
                bad++
            }
        }
    if (!waiting)
        print "include/ccp.h:1: no call waits"
    exit bad > 0 || !waiting
}
