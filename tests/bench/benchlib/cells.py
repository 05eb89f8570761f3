# SPDX-License-Identifier: MIT
"""The tables of cells, goals and peers."""
import collections
import fnmatch
import pathlib

HERE = pathlib.Path(__file__).resolve().parent.parent

# tasks: a blocked task costs a switch in user space, not one of the system.
# unbounded: the queue has no capacity, so it does the same work only where that does not matter.
Peer = collections.namedtuple("Peer", "name program title tasks unbounded install")

PEERS = [
    Peer("ccp", "bench_ccp", "libccp", False, False, ""),
    Peer("ccp-cond", "bench_ccp_cond", "libccp, POSIX parker", False, False, ""),
    Peer("ccp-lto", "bench_ccp_lto", "libccp, optimized with the program", False, False, ""),
    Peer("go", "bench_go", "Go", True, False, "golang-go"),
    Peer("crossbeam", "bench_rust", "crossbeam-channel", False, False,
         "cargo librust-crossbeam-channel-dev librust-crossbeam-utils-dev"),
    Peer("std", "bench_rust", "Rust std::sync", False, False, "cargo"),
    Peer("flume", "bench_rust", "flume", False, False, "cargo librust-flume-dev"),
    Peer("tbb", "bench_cpp", "TBB", False, False, "g++ libtbb-dev"),
    Peer("openmp", "bench_omp", "OpenMP", False, False, "gcc"),
    Peer("moodycamel", "bench_cpp", "moodycamel", False, True, "g++ libconcurrentqueue-dev"),
    Peer("stop_source", "bench_cpp", "std::stop_source", False, False, "g++"),
    Peer("cxx", "bench_cpp", "C++ std", False, False, "g++"),
    Peer("glib", "bench_c", "GLib", False, True, "libglib2.0-dev"),
    Peer("apr", "bench_c", "APR", False, False, "libapr1-dev libaprutil1-dev"),
    Peer("ck", "bench_c", "Concurrency Kit", False, False, "libck-dev"),
    Peer("boost", "bench_cpp", "Boost.Lockfree", False, False, "g++ libboost-dev"),
    Peer("dpdk", "bench_c", "DPDK", False, False, "libdpdk-dev"),
    Peer("limit", "bench_c", "an inlined ring", False, False, ""),
    Peer("libuv", "bench_c", "libuv", False, False, "libuv1-dev"),
    Peer("urcu", "bench_urcu", "liburcu memb, inlined", False, False, "liburcu-dev"),
    Peer("urcu-called", "bench_urcu", "liburcu memb", False, False, "liburcu-dev"),
    Peer("urcu-qsbr", "bench_urcu", "liburcu qsbr, inlined", False, False, "liburcu-dev"),
    Peer("pthread", "bench_c", "pthread", False, False, ""),
    Peer("parking_lot", "bench_rust", "parking_lot", False, False,
         "cargo librust-parking-lot-dev"),
    Peer("crossbeam-deque", "bench_rust", "crossbeam-deque", False, False,
         "cargo librust-crossbeam-deque-dev"),
    Peer("textbook", "bench_c", "mutex + condition variables", False, False, ""),
]
BY_NAME = {p.name: p for p in PEERS}


class Cell:
    """One line of cells.txt."""

    def __init__(self, line):
        words = line.split()
        self.name, self.sets, self.kind = words[0], words[1].split(","), words[2]
        self.args = [w for w in words[3:] if not w.startswith("@")]
        self.one_cpu, self.hogs = "@1cpu" in words, "@hogs" in words
        self.num = {}
        for arg in self.args:
            key, _, value = arg.partition("=")
            self.num[key] = int(value) if value.isdigit() else value
        self.fixed = self.kind in ("idle", "fair", "memory") or "n" in self.num
        self.work_ns = int(str(self.num.get("work", "0ns")).rstrip("ns"))

    def arguments(self, n, step_ns):
        """What the program is called with, for n operations where a step of work takes step_ns."""
        args = [self.kind] + [a for a in self.args if not a.startswith(("work=", "n="))]
        if self.work_ns:
            args.append(f"work={round(self.work_ns / step_ns)}")
        if self.kind not in ("idle", "fair", "memory"):
            args.append(f"n={n}")
        return args

    def allows(self, peer):
        """Whether the peer does the same work here as all others."""
        bounded = self.kind in ("tp", "pipe") and self.num.get("cap", 0) < 1024
        return not (peer.unbounded and bounded)

    def figure(self, run):
        """The figure of one run, a dictionary of what the program printed."""
        if self.kind in ("wake", "tick"):
            return run["p50"]
        if self.kind == "idle":
            return run["cpu"] / run["wall"] * 1000
        if self.kind == "fair":
            return min(run["send_share"], run["recv_share"])
        if self.kind == "memory":
            return run["bytes"]
        return run["wall"] / run["n"]

    def unit(self):
        return {"idle": "ms/s", "fair": "share", "memory": "bytes"}.get(self.kind, "ns")

    def threads(self):
        """How many threads the work can keep busy at the same time."""
        if self.kind in ("breaker", "rate"):
            return self.num["t"]
        if self.kind == "lock":
            return 1 if self.num["mode"] == "mutex" else self.num["cap"]
        return {"tp": self.num.get("p", 1) + self.num.get("c", 1), "pool": self.num.get("w", 1),
                "pmap": self.num.get("w", 1)}.get(self.kind, 1)


def lines_of(name):
    text = (HERE / name).read_text(encoding="ascii")
    return [s for s in (line.partition("#")[0].strip() for line in text.splitlines()) if s]


def load_cells():
    cells = [Cell(line) for line in lines_of("cells.txt")]
    names = collections.Counter(c.name for c in cells)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise SystemExit(f"cells.txt: more than once: {twice}")
    return cells


Goal = collections.namedtuple("Goal", "name patterns figure op bound")


def load_goals():
    goals = []
    for line in lines_of("goals.txt"):
        name, patterns, figure, op, bound = line.split()
        goals.append(Goal(name, patterns.split(","), figure, op, float(bound)))
    return goals


def goal_cells(goal, names):
    return [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in goal.patterns)]
