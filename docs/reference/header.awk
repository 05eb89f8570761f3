# SPDX-License-Identifier: MIT
# Reads the comments of the public headers, for man.awk and doxygen.awk, one of which is given to
# awk after this file.  It calls
#   begin_header()        at the beginning of a file, whose name is in `header`
#   begin_section(title)  at an essay: "/* ==== 4. CHANNEL ====" in ccp.h, the first comment of
#                         another header
#   begin_part(title)     at the head of a part of a section: "/* ---- batches ----"
#   end_essay()           when `essay` has its text, or that of a part
#   end_doc()             when `doc` has the text of a comment that begins with "/**"
# and leaves all lines but those of comments to them.
FNR == 1 {
    header = FILENAME
    sub(/.*\//, "", header)
    doc = essay = ""
    in_essay = in_doc = 0
    begin_header()
    if (header != "ccp.h") {
        open_essay(header, 0)
        next
    }
}

/^\/\* ==== / {
    title = $0
    sub(/^\/\* ==== [0-9]+\. /, "", title)
    sub(/ =+.*/, "", title)
    open_essay(substr(title, 1, 1) tolower(substr(title, 2)), 0)
    next
}
/^\/\* ---- .* ----$/ && has_section {
    title = $0
    gsub(/^\/\* -+ | -+$/, "", title)
    open_essay(title, 1)
    next
}
in_essay {
    essay = essay strip($0) "\n"
    if (/\*\//) {
        in_essay = 0
        end_essay()
    }
    next
}

/^\/\*\*/ { doc = ""; in_doc = 1 }
in_doc {
    doc = doc strip($0) "\n"
    if (/\*\//) {
        in_doc = 0
        end_doc()
    }
    next
}

function open_essay(title, is_part) {
    essay = ""
    in_essay = has_section = 1
    if (is_part)
        begin_part(title)
    else
        begin_section(title)
}

# ---- the text of a comment ----

# That of a line.
function strip(line) {
    sub(/^\/\*\*? ?/, "", line)
    sub(/ ?\*\/ *$/, "", line)
    sub(/^ \* ?/, "", line)
    return line == " " ? "" : line
}

function unindent(line) {
    sub(/^ +/, "", line)
    return line
}

# What follows are fields of a function, as "  Returns: CCP_OK", ...
function is_field(line) { return line ~ /^  [A-Z][a-z]+: / }
function field_name(line) { sub(/:.*/, "", line); return unindent(line) }
function field_text(line) { sub(/^ +[A-Z][a-z]+: */, "", line); return line }

# ... and, after such a heading, guarantees, as "  C4   What was sent ...".
function is_heading(line) { return line == "Guarantees" || line == "Limits" }
function is_promise(line) { return line ~ /^  [A-Z][A-Z]?[0-9]+ / }
function promise_name(line) { line = unindent(line); sub(/ .*/, "", line); return line }
function promise_text(line) { sub(/^ +[^ ]+ +/, "", line); return line }
