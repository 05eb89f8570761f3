# SPDX-License-Identifier: MIT
# Above src/base/ the machine is reached through base/ alone: of the system's headers only those of
# plain C, no names of threads, clocks, allocators, errno; and no choice by platform.
#   awk -f comments.awk -f seam.awk files...
{
    comment_of($0)
    code_line = code_of()
    padded = " " code_line " "
}

/^#[ \t]*include[ \t]*</ &&
    !/<(stdatomic|stdbool|stddef|stdint|limits|string)\.h>/ {
    complain("includes " $0)
}
padded ~ /[^A-Za-z0-9_](malloc|calloc|realloc|free|rand|random|syscall)[^A-Za-z0-9_]/ ||
    padded ~ /[^A-Za-z0-9_](errno|_Thread_local|__thread|getenv)[^A-Za-z0-9_]/ ||
    padded ~ /[^A-Za-z0-9_](pthread_|clock_|sched_|sem_init|nanosleep)/ {
    complain("goes around base/: " code_line)
}
/^#[ \t]*(el)?if/ && /__(linux|APPLE|x86_64|i386|aarch64|arm|FreeBSD|powerpc|riscv|s390)/ {
    complain("chooses by platform")
}

END { exit bad > 0 }

function complain(what) {
    print FILENAME ":" FNR ": " what
    bad++
}
