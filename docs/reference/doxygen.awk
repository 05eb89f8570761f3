# SPDX-License-Identifier: MIT
# Puts the comments of the public headers into Doxygen's words (INPUT_FILTER of Doxyfile): essays
# become groups, fields paragraphs, indented pieces code, comments beside members their text.
#   awk -f doxygen.awk ccp.h
BEGIN {
    word["Waits"] = "@par Waits"
    word["Threads"] = "@par Threads"
    word["Memory"] = "@par Memory"
    word["Returns"] = "@return"
    word["Order"] = "@par Order"
    word["Cost"] = "@par Cost"
    word["After"] = "@par After"
    word["Since"] = "@since"
}

FNR == 1 {
    ccp = FILENAME ~ /ccp\.h$/
    if (!ccp) {
        begin_group("ccp_sim.h")
        in_essay = 1
        next
    }
    print "/** @file"
    print " * The whole public interface of libccp, and its specification. */"
    print "/** @mainpage libccp"
    print " * Made of the headers, which are the specification.  Each section is a module: essay,"
    print " * its types and functions, and its numbered guarantees, which the tests cite.  What the"
    print " * paragraphs of a function mean, @ref time_and_waiting and"
    print " * @ref status_version_process_wide_settings are where to begin. */"
}
/^\/\* ==== / {
    name = $0
    sub(/^\/\* ==== [0-9]+\. /, "", name)
    sub(/ =+.*/, "", name)
    begin_group(substr(name, 1, 1) tolower(substr(name, 2)))
    in_essay = 1
    next
}
/^\/\* ---- .* ----$/ && group {
    name = $0
    gsub(/^\/\* -+ | -+$/, "", name)
    close_part()
    print "/** @name " name
    in_essay = part = 1
    text = ""
    next
}
in_essay {
    text = text strip($0) "\n"
    if (/\*\//) {
        print render(text)
        print " * @{ */"
        in_essay = 0
    }
    next
}

/^\/\*\*/ { text = ""; in_doc = 1 }
in_doc {
    text = text strip($0) "\n"
    if (/\*\//) {
        in_doc = 0
        print "/**"
        print render(text)
        print " */"
    }
    next
}

/^typedef (struct|enum) [a-z_]+ \{$/ { in_type = 1 }
/^}/ { in_type = 0 }
# A member: what stands beside it is its text; what stands before it, too.
in_type && beside && /\*\// {
    sub(/^ *\*/, " *")
    print
    beside = 0
    next
}
in_type && beside { print; next }
in_type && /^    .*[;,] +\/\* / || in_type && /^    CCP_.* \/\* / {
    sub(/\/\* /, "/**< ")
    beside = !/\*\//
    print safe($0)
    next
}
in_type && /^    \/\* / { sub(/\/\* /, "/** ") }
{ print }

END { close_group() }

function close_part() {
    if (part)
        print "/** @} */"
    part = 0
}

function close_group() {
    close_part()
    if (group)
        print "/** @} */"
}

function begin_group(title) {
    close_group()
    group++
    id = tolower(title)
    gsub(/[^a-z0-9]+/, "_", id)
    print "/** @defgroup " id " " title
    text = ""
}

function strip(line) {
    sub(/^\/\*\*? ?/, "", line)
    sub(/ ?\*\/ *$/, "", line)
    sub(/^ \* ?/, "", line)
    return line
}

# What Doxygen would take as its own.
function safe(line) {
    gsub(/[\\@<>#&%|]/, "\\\\&", line)
    gsub(/\*\\</, "*<", line)
    sub(/\/\*\*\\</, "/**<", line)
    return line
}

function render(text,    n, line, i, l, out, in_code, in_list, key) {
    n = split(text, line, "\n")
    out = ""
    for (i = 1; i <= n; i++) {
        l = line[i]
        if (in_code) {
            if (l ~ /^  / || l == "" && line[i + 1] ~ /^  +[^ ]/) {
                out = out " * " substr(l, 5) "\n"
                continue
            }
            in_code = 0
            out = out " * @endcode\n"
        }
        if (l ~ /^  [A-Z][a-z]+: /) {
            match(l, /[A-Z][a-z]+:/)
            key = substr(l, RSTART, RLENGTH - 1)
            l = substr(l, RSTART + RLENGTH)
            sub(/^ +/, "", l)
            in_list = 1
            if (key in word)
                out = out " *\n * " word[key] (word[key] ~ /@par/ ? "\n * " : " ") safe(l) "\n"
        } else if (l == "Guarantees" || l == "Limits") {
            in_list = 1
            out = out " * **" l "**\n *\n"
        } else if (in_list && l ~ /^  [A-Z][A-Z]?[0-9]+ /) {
            sub(/^ +/, "", l)
            key = l
            sub(/ .*/, "", key)
            sub(/^[^ ]+ +/, "", l)
            out = out " * - **" key "** " safe(l) "\n"
        } else if (in_list && l ~ /^ +[^ ]/) {
            sub(/^ +/, "", l)
            out = out " *   " safe(l) "\n"
        } else if (l ~ /^  +[^ ]/) {
            in_code = 1
            out = out " * @code{.unparsed}\n * " substr(l, 5) "\n"
        } else
            out = out " * " safe(l) "\n"
    }
    if (in_code)
        out = out " * @endcode\n"
    sub(/\n$/, "", out)
    return out
}
