# SPDX-License-Identifier: MIT
# The pages of the guide: six parts in their order, none of them a stub; a whole program with its
# output in the fourth.
#   awk -f guide.awk pages...
BEGIN {
    parts = split("Problems solved|Key advantages|Common use cases|Code example|" \
                  "Code flow explanation|Best practices", part, "|")
    # Points at least, of a list, in each part; the fourth has a program in their place.
    split("3 3 3 0 3 5", least, " ")
}

FNR == 1 {
    end_of_page()
    page = FILENAME
    now = points = programs = outputs = lines = 0
    fence = ""
    if ($0 !~ /^# [A-Z]/)
        complain("does not begin with a title")
}

{ lines = FNR }
/^```/ {
    if (fence == "" && $0 == "```output") {
        if (now != 4)
            complain("output outside of the code example")
        outputs++
    }
    fence = fence == "" ? $0 : ""
    next
}
fence != "" {
    if (fence == "```c" && now == 4 && /^int main\(/)
        programs++
    next
}

/^## / {
    end_of_part()
    now++
    points = 0
    if (now > parts)
        complain("has a part more: " substr($0, 4))
    else if (substr($0, 4) != part[now])
        complain("part " now " is '" substr($0, 4) "', not '" part[now] "'")
    next
}
/^(- |[0-9]+\. )/ { points++ }
/(^|[^A-Za-z])(T[O]DO|T[B]D|W[I]P|[Dd]raft|[Cc]oming soon|[Uu]nder construction)([^A-Za-z]|$)/ {
    complain("leaves something to do")
}

END {
    end_of_page()
    exit bad > 0
}

function end_of_part() {
    if (now >= 1 && now <= parts && points < least[now])
        complain("'" part[now] "' has " points " points, fewer than " least[now])
}

function end_of_page() {
    if (page == "")
        return
    end_of_part()
    if (now < parts)
        complain("has " now " of " parts " parts")
    if (!programs || programs != outputs)
        complain(programs + 0 " programs, " outputs + 0 " outputs")
    if (lines < 70 || lines > 200)
        complain(lines " lines: a page has 70 to 200")
}

function complain(what) {
    print page ": " what
    bad++
}
