# SPDX-License-Identifier: MIT
# Writes, of ccp.h, a header with two lists for reentry.c:
#   REENTRY_CALLS(X)   X(function, kind) for each public function; its kind is the object after
#                      which it is called, such as ccp_chan, if a parameter points to one, or none
#   REENTRY_PLACES(X)  X(where, name) for each place where the program gives the library a function:
#                      a field of a struct, or a parameter of a function
# and, for each function, a macro of its name that notes the call and makes it, through what
# returns_code.awk has written if that has anything.
#   awk -f reentry_code.awk ccp.h

# The line without comments.
function code_of(s,    out, p) {
    out = ""
    while (s != "") {
        if (in_comment) {
            p = index(s, "*/")
            if (!p)
                return out
            s = substr(s, p + 2)
            in_comment = 0
        } else {
            p = index(s, "/*")
            if (!p)
                return out s
            out = out substr(s, 1, p - 1)
            s = substr(s, p + 2)
            in_comment = 1
        }
    }
    return out
}

function add_place(where, name) {
    places = places " \\\n    X(" where ", " name ")"
    place_count++
}

# The places in s, the fields of a struct or the parameters of a function.
function find_places(where, s,    rest, one) {
    rest = s
    while (match(rest, /\(\*[a-z_]+\)\(/)) {
        one = substr(rest, RSTART + 2, RLENGTH - 4)
        rest = substr(rest, RSTART + RLENGTH)
        if (one !~ /_$/)
            add_place(where, one)
    }
    rest = s
    while (match(rest, /ccp_[a-z_]+ [a-z_]+[,;)]/)) {
        one = substr(rest, RSTART, RLENGTH - 1)
        rest = substr(rest, RSTART + RLENGTH)
        split(one, word, " ")
        if (word[1] in callback)
            add_place(where, word[2])
    }
}

function add_call(name, parameters,    kind) {
    kind = name
    do
        sub(/_[a-z]+$/, "", kind)
    while (kind ~ /_/ && parameters !~ ("(^|[^a-z_])" kind " \\*"))
    if (kind !~ /_/)
        kind = "none"
    calls = calls " \\\n    X(" name ", " kind ")"
    names[++call_count] = name
}

{ line = code_of($0); sub(/ +$/, "", line) }
line ~ /^#/ || line ~ /\\$/ { next }

line ~ /^typedef .*\(\*ccp_[a-z_]+\)\(/ {
    match(line, /\(\*ccp_[a-z_]+\)/)
    callback[substr(line, RSTART + 2, RLENGTH - 3)] = 1
    next
}
line ~ /^typedef struct ccp_[a-z_]+ \{/ { where = $3; next }
line ~ /^}/ { where = ""; next }
where != "" { find_places(where, line) }

line ~ /^CCP_API / { prototype = ""; in_prototype = 1; marked++ }
in_prototype {
    prototype = prototype " " line
    if (line !~ /;/)
        next
    in_prototype = 0
    gsub(/ +/, " ", prototype)
    match(prototype, /ccp_[a-z_]+\(/)
    name = substr(prototype, RSTART, RLENGTH - 1)
    status[name] = prototype ~ /ccp_status ccp_[a-z_]+\(/ && prototype !~ /\*ccp_/
    rest = substr(prototype, RSTART + RLENGTH)
    find_places(name, rest)
    add_call(name, rest)
}

END {
    print "/* Written by tests/unit/reentry_code.awk. */"
    print "#ifndef REENTRY_CODE_H\n#define REENTRY_CODE_H\n"
    print "#define REENTRY_CALLS(X)" calls "\n"
    print "#define REENTRY_PLACES(X)" places "\n"
    for (i = 1; i <= call_count; i++) {
        print "#undef " names[i]
        print "#define " names[i] "(...) \\\n    (note_call(CALL_" names[i] "), " \
            (status[names[i]] ? "returns_" : "") names[i] "(__VA_ARGS__))"
    }
    print "\n#endif"
    exit !call_count || call_count != marked || !place_count
}
