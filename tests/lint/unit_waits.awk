# SPDX-License-Identifier: MIT
# Unit tests wait for states: they never let time pass by the means of the system.
#   awk -f comments.awk -f unit_waits.awk files...
{
    comment_of($0)
    code = " " code_of()
    # poll() of descriptors waits for a state, poll() of none for a time.
    if (code ~ /[^A-Za-z0-9_](u?sleep|(clock_)?nanosleep|thrd_sleep) *\(/ ||
        code ~ /[^A-Za-z0-9_]poll *\( *(NULL|0) *,/) {
        print FILENAME ":" FNR ": sleeps: " $0
        bad++
    }
}
END { exit bad > 0 }
