# SPDX-License-Identifier: MIT
# Atomics in src/: every operation names its order; every order but relaxed has a label such as [R1]
# in a comment above it (in the same function); every label stands at two places at least, of which
# one releases and one acquires (seq_cst counts as both).  An acq_rel operation, such as the count
# of references that goes down, may be its own partner.
#   awk -f comments.awk -f atomics.awk files...
FNR == 1 {
    here = ""
    distance = 0
    statement = ""
}

{
    text = comment_of($0)
    source = code_of()
    fresh = labels_in(text)
    if (fresh != "") {
        # Labels of one comment, which may be several lines long, add up.
        here = (was_comment ? here : "") fresh
        distance = 0
    }
    was_comment = text != "" && source ~ /^[ \t]*$/
    if (source ~ /^}/)
        here = ""
    if (source !~ /^[ \t]*$/)
        distance++
    if (distance > 12)
        here = ""

    if (source ~ /^[ \t]*#/ || (statement == "" && source !~ /atomic_[a-z_]+ *\(/))
        next
    statement = statement source
    if (!complete(statement))
        next
    check(statement)
    statement = ""
}

END {
    for (label in uses) {
        if (uses[label] < 2 && !own_partner[label]) {
            print where[label] ": label " label " stands at one place only"
            bad++
        } else if (!acquires[label] || !releases[label]) {
            print where[label] ": label " label " has no " \
                  (acquires[label] ? "releasing" : "acquiring") " side"
            bad++
        }
    }
    exit bad > 0
}

function labels_in(text,    out, label) {
    out = ""
    while (match(text, /\[[A-Z]+[0-9]+[a-z]?\]/)) {
        label = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        out = out label " "
        if (!((label, FILENAME, FNR) in seen)) {
            seen[label, FILENAME, FNR] = 1
            uses[label]++
            where[label] = FILENAME ":" FNR
        }
    }
    return out
}

# All parentheses of the statement are closed again.
function complete(s,    open, close_) {
    open = gsub(/\(/, "(", s)
    close_ = gsub(/\)/, ")", s)
    return open <= close_
}

function check(s,    call, order, n, i, l) {
    gsub(/memory_order_/, "CCPI_", s)
    call = s
    while (match(call, /atomic_[a-z_]+ *\(/)) {
        order = substr(call, RSTART, RLENGTH)
        call = substr(call, RSTART + RLENGTH)
        if (order ~ /_explicit *\(|atomic_(thread|signal)_fence *\(/) {
            if (call !~ /CCPI_(RLX|ACQ|REL|ACQ_REL|SC|relaxed|acquire|release|acq_rel|seq_cst)/)
                complain("the order is not a constant")
        } else if (order !~ /atomic_(init|is_lock_free) *\(/ && order ~ /^atomic_/)
            complain(order "...) has no explicit order")
    }
    order = ""
    if (s ~ /CCPI_(ACQ|acquire)[^_a-zA-Z]/)
        order = order "A"
    if (s ~ /CCPI_(REL|release)[^_a-zA-Z]/)
        order = order "R"
    if (s ~ /CCPI_(ACQ_REL|SC|acq_rel|seq_cst)/)
        order = "AR"
    if (order == "" || s ~ /atomic_signal_fence/)
        return
    if (here == "") {
        complain("an order without a label in a comment above")
        return
    }
    n = split(here, l, " ")
    for (i = 1; i <= n; i++) {
        if (s ~ /CCPI_(ACQ_REL|acq_rel)/)
            own_partner[l[i]] = 1
        if (order ~ /A/)
            acquires[l[i]] = 1
        if (order ~ /R/)
            releases[l[i]] = 1
    }
}

function complain(what) {
    print FILENAME ":" FNR ": " what
    bad++
}
