# SPDX-License-Identifier: MIT
# Cuts the C out of a text, one file for each piece: dir/LINE.c, and dir/LINE.out for the block
# ```output that follows it.  In a text of Markdown a piece is a block ```c; in a header it is what
# is indented by four blanks in the essays.
#   awk -v dir=DIR -f extract.awk text
# A piece with main() is a program and stays as it is.  Another gets the names of prelude.h; if it
# defines functions it stays at file scope, otherwise it becomes the body of one.  "..." stands for
# what the reader would write.
FILENAME ~ /\.h$/ {
    if (/^\/\* ==== /)
        essay = 1
    if (essay && /^ \*     [^ ]/ || piece != "" && essay && /^ \*     /)
        add(substr($0, 8))
    else
        finish()
    if (/\*\//)
        essay = 0
    next
}

/^```c$/ { block = "c"; next }
/^```output$/ {
    block = "output"
    if (last == "") {
        print FILENAME ":" FNR ": output of no program" > "/dev/stderr"
        exit failed = 1
    }
    printf "" > (dir "/" last ".out")
    next
}
/^```/ && block != "" {
    finish()
    block = ""
    next
}
/^```/ { block = "other"; last = ""; next }
block == "c" { add($0) }
block == "output" { print > (dir "/" last ".out") }

END {
    if (!failed)
        finish()
    exit failed
}

function add(line) {
    if (piece == "")
        start = FNR
    gsub(/\{ \.\.\. \}/, "{ }", line)
    if (line ~ /^ *case .*\.\.\./)
        sub(/\.\.\..*/, "break;", line)
    else if (line !~ /, \.\.\.\)/)
        sub(/\.\.\..*/, ";", line)
    piece = piece line "\n"
}

function finish(    file) {
    if (piece == "")
        return
    last = start
    file = dir "/" start ".c"
    if (piece !~ /(^|\n)int main\(/) {
        if (piece ~ /\n\{\n/)
            piece = "#include \"prelude.h\"\n#line " start "\n" piece
        else if (piece ~ /(^|\n)(#include|#define|CCP_[A-Z_]+DEFINE\()/)
            piece = "#include \"prelude.h\"\n" piece
        else
            piece = "#include \"prelude.h\"\nvoid piece(void)\n{\n#line " start "\n" piece "}\n"
    }
    printf "%s", piece > file
    close(file)
    piece = ""
}
