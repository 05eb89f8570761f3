# SPDX-License-Identifier: MIT
# Writes the code that stands between the unit tests and the functions that return a ccp_status: for
# each a function returns_NAME that calls it and notes what it returned.
#   awk -f api.awk -f returns_code.awk -v what=header|source ccp.h
function next_file() { }

# The names of the parameters in the prototype p, separated by commas.
function arguments(p,    depth, i, c, one, out) {
    p = substr(p, index(p, "(") + 1)
    p = substr(p, 1, length(p) - 1) ","
    for (i = 1; i <= length(p); i++) {
        c = substr(p, i, 1)
        depth += (c == "(") - (c == ")")
        if (c != "," || depth) {
            one = one c
            continue
        }
        if (match(one, /\(\*[a-z_]+\)/))
            one = substr(one, RSTART + 2, RLENGTH - 3)
        else {
            match(one, /[a-z_]+$/)
            one = substr(one, RSTART)
        }
        out = out (out == "" ? "" : ", ") one
        one = ""
    }
    return out
}

function stand_in(i,    p) {
    p = proto[i]
    sub(name[i] "\\(", "returns_" name[i] "(", p)
    return p
}

END {
    print "/* Written by tests/unit/returns_code.awk. */"
    print what == "header" ? "#ifndef RETURNS_CODE_H\n#define RETURNS_CODE_H\n" \
                           : "#include \"returns.h\"\n"
    for (i = 1; i <= functions; i++) {
        print stand_in(i) ";"
        if (what == "header")
            print "#define " name[i] " returns_" name[i]
        else {
            print stand_in(i) "\n{"
            print "    static returns noted = { .name = \"" name[i] "\" };"
            print "    return returns_note(&noted, " name[i] "(" arguments(proto[i]) "));\n}\n"
        }
    }
    if (what == "header")
        print "\n#endif"
}
