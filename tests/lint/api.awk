# SPDX-License-Identifier: MIT
# For use with other scripts, with ccp.h as the first file: gathers the public functions that return
# a ccp_status, in their order.  After the header's last line
#   functions            their number
#   name[i], line[i]     the i-th function and where its prototype begins
#   proto[i]             its prototype on one line, without CCP_API and the semicolon
#   returns[i]           the text of its field Returns:
#   status[NAME]         is there for each status
FNR == 1 { api_files++ }
api_files > 1 { next_file() }

api_files == 1 && /^    X\([A-Z]+, "/ {
    match($0, /[A-Z]+,/)
    status["CCP_" substr($0, RSTART, RLENGTH - 1)] = 1
}

api_files == 1 && /^\/\*\*/ { indoc = 1; field = ""; text = "" }
api_files == 1 && indoc {
    if ($0 ~ /^ \*   [A-Z][a-z]+: /)
        field = $2
    else if ($0 ~ /^ \*$/)
        field = ""
    if (field == "Returns:") {
        part = $0
        sub(/^ \*/, "", part)
        sub(/Returns:/, "", part)
        text = text " " part
    }
    if (/\*\//)
        indoc = 0
    next
}

api_files == 1 && /^CCP_API .*ccp_status ccp_[a-z_]+\(/ {
    functions++
    line[functions] = FNR
    p = $0
    while (p !~ /;/ && (getline more) > 0)
        p = p more
    gsub(/ +/, " ", p)
    sub(/^CCP_API /, "", p)
    sub(/; *$/, "", p)
    match(p, /ccp_[a-z_]+\(/)
    name[functions] = substr(p, RSTART, RLENGTH - 1)
    proto[functions] = p
    returns[functions] = text
    number[name[functions]] = functions
    text = ""
}
api_files == 1 && /^[^ *\/]/ { text = "" }
