# The sources of libccp, bottom layer first.  base/park_${CCP_PARK}.c is added by CMakeLists.txt.
set(CCP_SOURCES
    base/check.c
    base/clock.c
    base/cpu.c
    base/lock.c
    base/mem.c
    base/park.c
    base/self.c
    base/status.c
    base/thread.c
)
