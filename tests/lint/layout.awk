# SPDX-License-Identifier: MIT
# Sizes and hygiene of every text that we wrote: a licence line among the first lines, at most 100
# columns, no tab, no blank at the end of a line, nothing left to do, no path of one machine; C
# files of at most 600 lines, functions of at most 80.
#   awk -v here=DIR -f layout.awk files...      DIR is the path that must not occur
FNR == 1 {
    end_of_file()
    file = FILENAME
    licensed = 0
    opened = 0
    c = file ~ /\.[ch]$/
}

{ lines = FNR }
FNR <= 3 && /SPDX-License-Identifier: MIT/ { licensed = 1 }
columns($0) > 100 { complain("longer than 100 columns") }
/\t/ && file !~ /\.(go|sh)$/ { complain("has a tab") }
/[ \t\r]$/ { complain("ends in a blank") }
/(^|[^A-Za-z_])(TO[D]O|FIX[M]E|XX[X]|HA[C]K)([^A-Za-z_]|$)/ { complain("leaves something to do") }
/\/ho[m]e\/[a-z]|\/Us[e]rs\/|\/ro[o]t\// || index($0, here "/") {
    complain("a path of one machine")
}

c && /^{/ { opened = FNR }
c && /^}/ && opened {
    if (FNR - opened - 1 > 80)
        complain("a function of " FNR - opened - 1 " lines")
    opened = 0
}

END {
    end_of_file()
    exit bad > 0
}

function end_of_file() {
    if (file == "")
        return
    if (!licensed)
        print_bad(file ": no line SPDX-License-Identifier")
    if (c && lines > 600 && file !~ /include\/ccp\.h$/)
        print_bad(file ": " lines " lines")
}

# Characters, not bytes: the bytes that continue a character of UTF-8 do not count.
function columns(s) {
    if (length(s) > 100)
        gsub(/[\200-\277]/, "", s)
    return length(s)
}

function complain(what) { print_bad(FILENAME ":" FNR ": " what) }

function print_bad(what) {
    print what
    bad++
}
