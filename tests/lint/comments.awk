# SPDX-License-Identifier: MIT
# For use with other scripts: comment_of(line) gives the text of line that is inside comments, and
# code_of() what is outside them and outside strings.  comment_of() wants every line, in order.
function comment_of(line,    out, c, two, i, n, quote) {
    if (FNR == 1)
        in_comment = 0
    out = ""
    code = ""
    quote = ""
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                out = out " "
                i++
            } else
                out = out c
        } else if (quote != "") {
            if (c == "\\")
                i++
            else if (c == quote) {
                quote = ""
                code = code c
            }
        } else if (c == "\"" || c == "'") {
            quote = c
            code = code c
        } else if (two == "/*") {
            in_comment = 1
            i++
        } else if (two == "//") {
            out = out " " substr(line, i + 2)
            i = n
        } else
            code = code c
    }
    return out
}

function code_of() {
    return code
}
