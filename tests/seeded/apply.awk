# SPDX-License-Identifier: MIT
# Applies one bug to a copy of the sources, and prints the names of the files that it changed.
#   awk -v root=DIR -f apply.awk bugs/NAME
# A bug is a text: lines of comment, lines "key: value", and any number of replacements
#   file: src/...
#   <<<<
#   old lines, which must stand in the file exactly once
#   ====
#   new lines
#   >>>>
FNR == 1 { in_old = in_new = 0 }
/^file: / && !in_old && !in_new { name = $2; next }
/^<<<<$/ { in_old = 1; old = new = ""; next }
/^====$/ && in_old { in_old = 0; in_new = 1; next }
/^>>>>$/ && in_new { in_new = 0; replace(); next }
in_old { old = old $0 "\n" }
in_new { new = new $0 "\n" }

END {
    if (in_old || in_new || !done)
        stop("not a bug: no replacement, or an open one")
    for (name in text) {
        path = root "/" name
        printf "%s", text[name] > path
        close(path)
        print name
    }
}

function replace(    at, rest) {
    if (!(name in text))
        text[name] = read(root "/" name)
    at = index(text[name], old)
    if (!at)
        stop(name " has no such lines:\n" old)
    rest = substr(text[name], at + length(old))
    if (index(rest, old))
        stop(name " has these lines twice:\n" old)
    text[name] = substr(text[name], 1, at - 1) new rest
    done = 1
}

function read(path,    line, whole) {
    while ((getline line < path) > 0)
        whole = whole line "\n"
    close(path)
    if (whole == "")
        stop("cannot read " path)
    return whole
}

function stop(why) {
    if (!stopped)
        print FILENAME ": " why > "/dev/stderr"
    stopped = 1
    exit 1
}
