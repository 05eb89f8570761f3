# SPDX-License-Identifier: MIT
"""What a figure needs beside it to mean something: the machine, the tools, the load, the state."""
import datetime
import os
import platform
import re
import resource
import subprocess
import time

from benchlib.build import REGISTRY, ROOT

NEAR, FAR = 90, 450  # ns for a cache line to go to another core and back


def first_line(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=True, cwd=ROOT)
        return out.stdout.decode().splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            return re.search(r"(?m)^model name\s*: (.*)$", f.read()).group(1)
    except (OSError, AttributeError):
        return platform.machine()


def os_name():
    try:
        with open("/etc/os-release", encoding="utf-8") as f:
            return re.search(r'(?m)^PRETTY_NAME="?([^"\n]*)', f.read()).group(1)
    except (OSError, AttributeError):
        return platform.system()


def packages():
    names = ["libtbb-dev", "libconcurrentqueue-dev", "libglib2.0-dev", "libapr1-dev",
             "libaprutil1-dev", "libc6"]
    found = {}
    for name in names:
        version = first_line("dpkg-query", "-W", "-f=${Version}\n", name)
        if version:
            found[name] = version
    for crate in REGISTRY.glob("*"):
        if re.match(r"(crossbeam-(channel|utils)|flume|spin|parking_lot)-[0-9]", crate.name):
            name, _, version = crate.name.rpartition("-")
            found["crate " + name] = version
    return found


def provenance():
    dirty = first_line("git", "status", "--porcelain", "--", "src", "include", "tests/bench/*.[ch]")
    return {
        "type": "run",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": (first_line("git", "rev-parse", "--short=12", "HEAD") or "unknown")
                  + ("+changes" if dirty else ""),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "arch": platform.machine(),
        "system": os_name(),
        "cc": first_line(os.environ.get("CC", "cc"), "--version"),
        "cxx": first_line(os.environ.get("CXX", "c++"), "--version"),
        "go": first_line("go", "version"),
        "rustc": first_line("rustc", "--version"),
        "packages": packages(),
    }


def busy_ns():
    """Processor time of the whole machine that was not idle, stolen time included."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(v) for v in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) * (10**9 // os.sysconf("SC_CLK_TCK"))


def own_ns():
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return int(total * 1e9)


class Load:
    """How much of one core others used between start and stop."""

    def __init__(self):
        self.begin = (time.monotonic_ns(), busy_ns(), own_ns())

    def others(self):
        wall = time.monotonic_ns() - self.begin[0]
        theirs = (busy_ns() - self.begin[1]) - (own_ns() - self.begin[2])
        return max(0.0, theirs / wall)


def state(line_ns):
    return "near" if line_ns < NEAR else "mid" if line_ns < FAR else "far"


def steady(before, after):
    """Whether two probes agree about where the cores are."""
    low, high = sorted((max(before, 1), max(after, 1)))
    return state(low) == state(high) or high / low < 1.3
