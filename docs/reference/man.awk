# SPDX-License-Identifier: MIT
# Makes manual pages of the public headers, which are their only source: man3/ccp_chan_send.3 for
# each function, of its comment and its fields; man7/ccp-channel.7 for each section, of its essay,
# its types and its guarantees; man7/ccp.7, which lists them.  DIR/man3 and DIR/man7 must exist.
#   awk -v dir=DIR -v version=0.1.0 -v date=2026-11-27 -f header.awk -f man.awk ccp.h ccp_sim.h
BEGIN {
    codes = "The wait codes are CCP_AGAIN, with CCP_NOWAIT; CCP_TIMEOUT, when the time of the " \
            "wait or its context is over; CCP_CANCELED, when its context was canceled; and " \
            "CCP_DEADLOCK, if a watch ends deadlocks."
    heading["Waits"] = "WAITING"
    heading["Threads"] = "THREADS"
    heading["Memory"] = "MEMORY"
    heading["Returns"] = "RETURN VALUE"
    heading["Order"] = "ORDER"
    heading["Cost"] = "COST"
    heading["After"] = "HISTORY"
    heading["Since"] = "HISTORY"
}

/^static inline .*[ *]ccp_[a-z_]*[a-z]\(/ {
    declare("^{")
    sub(/^static inline /, "", declaration)
    if (doc != "")
        take_function()
    else
        take_type()
    next
}
/^CCP_API / || header != "ccp.h" && /^[a-z].*[ *]ccp_[a-z_]+\(/ {
    declare(";")
    take_function()
    next
}
/^typedef (struct|enum) ccp_[a-z_]*[a-z] \{/ { declare("}.*;$"); take_type(); next }
/^typedef / { declare(";"); take_type(); next }
/^#define CCP_[A-Z_]*[A-Z](\(| |$)/ {
    text = substr($0, 9)
    if (text ~ /^[A-Z_]+\(/)
        sub(/\).*/, ")", text)
    else if (text ~ /_\(|\\$/)
        sub(/ .*/, "", text)
    declaration = "#define " text "\n"
    if (doc != "" || sections > 0 && text !~ /^CCP_SIM_H$/)
        take_type()
    next
}
/^(#if|#endif|__attribute__)/ { next }
/^[^ \t]/ { doc = "" }

END {
    if (functions == 0) {
        print "no function found" > "/dev/stderr"
        exit 1
    }
    for (i = 1; i <= sections; i++)
        write_section(i)
    write_contents()
    for (i = 1; i <= functions; i++)
        write_function(i)
    exit failed
}

function begin_header() {}
function end_doc() {}

function begin_section(shown,    plain) {
    sections++
    title_of[sections] = shown
    plain = tolower(shown)
    gsub(/[^a-z0-9]+/, "-", plain)
    sub(/-h$/, "", plain)
    page[sections] = plain ~ /^ccp/ ? plain : "ccp-" plain
    file_of[sections] = header
    doc = ""
}

function begin_part(title) { text_of[sections] = text_of[sections] "\n\n" }
function end_essay() { text_of[sections] = text_of[sections] essay }

# Reads on until a line has what ends the declaration.
function declare(end,    line) {
    declaration = $0 "\n"
    line = $0
    while (line !~ end && (getline line) > 0)
        if (end != "^{" || line !~ /^{/)
            declaration = declaration line "\n"
    if (end == "^{")
        sub(/\n$/, ";\n", declaration)
}

# Types and macros for users: what is private ends in '_'.
function take_type(    n, line, i, hidden) {
    if (declaration ~ /^typedef struct ccp_[a-z_]*_ \{/)
        return doc = ""
    n = split(declaration, line, "\n")
    if (n > 2) {
        declaration = ""
        for (i = 1; i < n; i++)
            if (line[i] !~ /^    .*[a-z]_(\[.*\])?;/)
                declaration = declaration line[i] "\n"
            else if (!hidden++)
                declaration = declaration "    /* private */\n"
    }
    # Macros without a comment go with the one before them.
    if (doc == "" && declaration ~ /^#define/ && types[sections] ~ /#define [^\n]*\n\n$/)
        sub(/\n$/, "", types[sections])
    types[sections] = types[sections] (doc == "" ? "" : comment(doc)) declaration "\n"
    return doc = ""
}

# A comment, as it stands in the header.
function comment(text,    n, line, i, out) {
    sub(/\n+$/, "", text)
    sub(/^\n+/, "", text)
    n = split(text, line, "\n")
    if (n == 1)
        return "/* " text " */\n"
    out = "/* " line[1] "\n"
    for (i = 2; i <= n; i++)
        out = out " * " (line[i] ~ /^ [^ ]/ ? substr(line[i], 2) : line[i]) \
              (i == n ? " */" : "") "\n"
    return out
}

function take_function(    text) {
    text = declaration
    gsub(/CCP_API |CCP_MUST_CHECK |static inline /, "", text)
    match(text, /ccp_[a-z_]+\(/)
    name = substr(text, RSTART, RLENGTH - 1)
    # Its lines keep their order, and stand under the parenthesis.
    gsub(/\n +/, "\n" sprintf("%" RSTART + RLENGTH - 1 "s", ""), text)
    functions++
    fn[functions] = name
    proto[functions] = text
    docs[functions] = doc
    at[functions] = sections
    from[functions] = header
    list[sections] = list[sections] " " name
    doc = ""
}

# Text that troff takes as it is.
function plain(text) {
    gsub(/\\/, "\\e", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    return text
}

function prose(text,    out, word) {
    text = plain(text)
    # `name` in italics, function() in bold.
    while (match(text, /`[^`]*`/)) {
        word = substr(text, RSTART + 1, RLENGTH - 2)
        text = substr(text, 1, RSTART - 1) "\\fI" word "\\fR" substr(text, RSTART + RLENGTH)
    }
    out = ""
    while (match(text, /(ccp_[a-z_]*[a-z]|CCP_[A-Z_]*[A-Z])\(\)/)) {
        out = out substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART, RLENGTH - 2) "\\fR()"
        text = substr(text, RSTART + RLENGTH)
    }
    return guard(out text)
}

function code(text) {
    text = plain(text)
    gsub(/-/, "\\-", text)
    gsub(/`/, "\\(ga", text)
    gsub(/'/, "\\(aq", text)
    return guard(text)
}

function guard(text) { return text ~ /^[.']/ ? "\\&" text : text }

function example(lines,    n, line, i, out) {
    sub(/\n+$/, "", lines)
    n = split(lines, line, "\n")
    out = ".RS 4\n.nf\n"
    for (i = 1; i <= n; i++)
        out = out (line[i] == "" ? ".sp" : code(line[i])) "\n"
    return out ".fi\n.RE\n"
}

# Paragraphs; what is indented stands as it is; guarantees are a list.
function body(text,    n, line, i, l, out, lines, promises, fresh) {
    n = split(text, line, "\n")
    out = ""
    fresh = 1
    for (i = 1; i <= n; i++) {
        l = line[i]
        if (is_heading(l)) {
            promises = 1
            out = out ".SH " toupper(l) "\n"
            fresh = 0
        } else if (promises && is_promise(l)) {
            out = out ".TP 6\n.B " promise_name(l) "\n" prose(promise_text(l)) "\n"
            fresh = 0
        } else if (promises && l ~ /^ +[^ ]/) {
            out = out prose(unindent(l)) "\n"
        } else if (l ~ /^  +[^ ]/) {
            lines = ""
            while (i <= n && (line[i] ~ /^  / || line[i] == "" && line[i + 1] ~ /^  /)) {
                l = line[i++]
                sub(/^  (  )?/, "", l)
                lines = lines l "\n"
            }
            i--
            out = out (out == "" ? "" : ".PP\n") example(lines)
            fresh = 1
        } else if (l == "")
            fresh = 1
        else {
            if (fresh && out != "")
                out = out ".PP\n"
            fresh = 0
            out = out prose(l) "\n"
        }
    }
    return out
}

function top(name, number, what) {
    return ".\\\" Made from " what " by man.awk.\n.TH \"" toupper(name) "\" " number " \"" date \
           "\" \"libccp " version "\" \"libccp\"\n"
}

# The first sentence of a text, small, without its full stop.
function first_sentence(text) {
    sub(/^\n+/, "", text)
    sub(/\n\n.*/, "", text)
    gsub(/\n */, " ", text)
    if (match(text, /[^ .](\.|;|:) /))
        text = substr(text, 1, RSTART)
    sub(/[. ]+$/, "", text)
    return tolower(substr(text, 1, 1)) plain(substr(text, 2))
}

function see_also(section, but,    n, name, i, out) {
    n = split(list[section], name, " ")
    out = ".SH SEE ALSO\n.nh\n.ad l\n"
    for (i = 1; i <= n; i++)
        if (name[i] != but)
            out = out ".BR " name[i] " (3),\n"
    if (but != "")
        out = out ".BR " page[section] " (7),\n"
    return out ".BR ccp (7)\n"
}

function write_function(k,    file, text, about, n, line, i, j, key, field, order, keys, last,
                        out) {
    file = dir "/man3/" fn[k] ".3"
    n = split(docs[k], line, "\n")
    about = ""
    keys = 0
    key = ""
    for (i = 1; i <= n; i++) {
        if (is_field(line[i])) {
            key = field_name(line[i])
            order[++keys] = key
            field[key] = field_text(line[i])
        } else if (key != "" && line[i] ~ /[^ ]/)
            field[key] = field[key] "\n" unindent(line[i])
        else if (key == "")
            about = about line[i] "\n"
    }
    if (about !~ /[a-z]/) {
        print from[k] ": " fn[k] ": no comment" > "/dev/stderr"
        failed = 1
    }
    out = top(fn[k], 3, from[k])
    out = out ".SH NAME\n" fn[k] " \\- " first_sentence(about) "\n"
    out = out ".SH SYNOPSIS\n.nf\n.B #include <" from[k] ">\n.sp\n"
    n = split(proto[k], line, "\n")
    for (i = 1; i < n; i++)
        out = out "\\fB" code(line[i]) "\\fR\n"
    out = out ".fi\n.SH DESCRIPTION\n" body(about)
    last = ""
    for (i = 1; i <= keys; i++) {
        key = order[i]
        if (!(key in heading)) {
            print from[k] ": " fn[k] ": field " key > "/dev/stderr"
            failed = 1
            continue
        }
        out = out (heading[key] == last ? ".PP\n" : ".SH " heading[key] "\n")
        last = heading[key]
        text = field[key]
        if (key == "After")
            text = "After " text
        if (key == "Since")
            text = "Since libccp " text "."
        n = split(text, line, "\n")
        for (j = 1; j <= n; j++)
            out = out prose(line[j]) "\n"
        if (key == "Returns" && field[key] ~ /wait[ \n]codes/)
            out = out ".PP\n" prose(codes) "\n"
    }
    printf "%s%s", out, see_also(at[k], fn[k]) > file
    close(file)
}

function write_section(k,    file, out, text, promises, cut) {
    file = dir "/man7/" page[k] ".7"
    text = text_of[k]
    promises = ""
    # Types and functions come before the guarantees, which are long.
    cut = index(text, "Guarantees\n")
    if (cut) {
        promises = substr(text, cut)
        text = substr(text, 1, cut - 1)
    }
    out = top(page[k], 7, file_of[k])
    out = out ".SH NAME\n" page[k] " \\- " tolower(substr(title_of[k], 1, 1)) \
          substr(title_of[k], 2) ", a part of libccp\n"
    out = out ".SH SYNOPSIS\n.B #include <" file_of[k] ">\n.SH DESCRIPTION\n" body(text)
    if (types[k] != "")
        out = out ".SH TYPES AND MACROS\n" example(types[k])
    if (promises != "")
        out = out body(promises)
    printf "%s%s", out, see_also(k, "") > file
    close(file)
}

function write_contents(    file, out, i, n, name, j) {
    file = dir "/man7/ccp.7"
    out = top("ccp", 7, "the headers") ".SH NAME\nccp \\- concurrency for C: channels, select, " \
          "contexts, pools, pipelines\n.SH SYNOPSIS\n.nf\n.B #include <ccp.h>\n.sp\n" \
          ".B cc app.c $(pkg-config \\-\\-cflags \\-\\-libs ccp)\n.fi\n.SH DESCRIPTION\n" \
          "The interface of libccp, by section.  Each has a page with its essay, its types and\n" \
          "its numbered guarantees; each function has one in section 3, with what it waits\n" \
          "for, who may call it at the same time, what becomes of memory, and every status.\n"
    for (i = 1; i <= sections; i++) {
        out = out ".TP\n.BR " page[i] " (7)\n"
        n = split(list[i], name, " ")
        for (j = 1; j <= n; j++)
            out = out ".BR " name[j] " (3)" (j < n ? "," : "") "\n"
        if (n == 0)
            out = out "types\n"
    }
    printf "%s", out > file
    close(file)
}
