# SPDX-License-Identifier: MIT
# Puts the comments of the public headers into Doxygen's words (INPUT_FILTER of Doxyfile): essays
# become groups, fields paragraphs, indented pieces code, comments beside members their text.
#   awk -f header.awk -f doxygen.awk ccp.h
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

function begin_header() {
    if (header != "ccp.h")
        return
    print "/** @file"
    print " * The whole public interface of libccp, and its specification. */"
    print "/** @mainpage libccp"
    print " * Made of the headers, which are the specification.  Each section is a module: essay,"
    print " * its types and functions, and its numbered guarantees, which the tests cite.  What the"
    print " * paragraphs of a function mean, @ref time_and_waiting and"
    print " * @ref status_version_process_wide_settings are where to begin. */"
}

function begin_section(title,    id) {
    close_group()
    group = 1
    id = tolower(title)
    gsub(/[^a-z0-9]+/, "_", id)
    print "/** @defgroup " id " " title
}

function begin_part(title) {
    close_part()
    part = 1
    print "/** @name " title
}

function end_essay() {
    print render(essay)
    print " * @{ */"
}

function end_doc() {
    print "/**"
    print render(doc)
    print " */"
}

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
        if (is_field(l)) {
            key = field_name(l)
            in_list = 1
            if (key in word)
                out = out " *\n * " word[key] (word[key] ~ /@par/ ? "\n * " : " ") \
                      safe(field_text(l)) "\n"
        } else if (is_heading(l)) {
            in_list = 1
            out = out " * **" l "**\n *\n"
        } else if (in_list && is_promise(l)) {
            out = out " * - **" promise_name(l) "** " safe(promise_text(l)) "\n"
        } else if (in_list && l ~ /^ +[^ ]/) {
            out = out " *   " safe(unindent(l)) "\n"
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
