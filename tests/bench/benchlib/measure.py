# SPDX-License-Identifier: MIT
"""Runs the programs: calibrates, interleaves the peers round by round, tags each round."""
import os
import random
import subprocess
import time

from benchlib import machine

MAX_OTHERS = 0.15  # of a core: more load by others spoils a round
TIMEOUT = 60       # seconds for one run


class Broken(Exception):
    """A program crashed, hung, or found a wrong checksum."""


def parse(line):
    words = line.split()
    run = {}
    for word in words[1:]:
        key, _, value = word.partition("=")
        if key not in ("peer", "kind", "why"):
            run[key] = float(value) if not value.isdigit() else int(value)
    return words[0], run


class Hogs:
    """Busy programs that have nothing to do with ours, while it runs."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        loop = "while kill -0 $PPID; do i=0; while [ $i -lt 99999 ]; do i=$((i + 1)); done; done"
        self.busy = [subprocess.Popen(["/bin/sh", "-c", loop]) for _ in range(self.count)]

    def __exit__(self, *_):
        for p in self.busy:
            p.kill()
            p.wait()


class Bench:
    """The cells, the peers that can do each, and what was measured."""

    def __init__(self, programs, peers, target_ns, say=print):
        self.programs, self.peers, self.target_ns, self.say = programs, peers, target_ns, say
        self.n = {}        # (cell, peer) -> operations; None: unsupported
        self.rounds = {}   # cell -> list of rounds
        self.broken = []
        self.realtime = False  # programs run with SCHED_RR
        self.patience = 0  # seconds left to wait for a quiet machine
        self.step_ns = None
        cpus = sorted(os.sched_getaffinity(0))
        self.one_cpu = cpus[-1]
        self.cores = len(cpus)

    # -- one program --

    def prepare(self, one_cpu):
        """What a program's process does before it starts, or None."""
        def run():
            if one_cpu:
                os.sched_setaffinity(0, {self.one_cpu})
            if self.realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        return run if one_cpu or self.realtime else None

    def probe(self):
        if "bench_c" not in self.programs.paths:
            raise SystemExit("bench_c, which probes the machine, was not built")
        out = subprocess.run([self.programs.paths["bench_c"], "probe"], stdout=subprocess.PIPE,
                             preexec_fn=self.prepare(False), check=True, timeout=TIMEOUT)
        _, found = parse(out.stdout.decode())
        self.step_ns = self.step_ns or found["step"]
        return found

    def call(self, cell, peer, n):
        """Runs one peer in one cell; None if it cannot do it."""
        name = "ccp" if peer.program.startswith("bench_ccp") else peer.name
        command = [str(self.programs.paths[peer.program]), name,
                   *cell.arguments(n, self.step_ns)]
        with Hogs(self.cores if cell.hogs else 0):
            return self.finish(cell, peer, command)

    def finish(self, cell, peer, command):
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=self.prepare(cell.one_cpu), check=False,
                                  timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Broken(f"{peer.name} in {cell.name}: no end after {TIMEOUT} s: "
                         + " ".join(command[1:])) from None
        out = done.stdout.decode(errors="replace").strip()
        if done.returncode == 3 and out.startswith("unsupported"):
            return None
        if done.returncode or not out.startswith("ok "):
            raise Broken(f"{peer.name} in {cell.name}: status {done.returncode}: "
                         + " ".join(command[1:]) + ": " + out
                         + done.stderr.decode(errors="replace").strip())
        return parse(out)[1]

    # -- calibration --

    def calibrate(self, cell, peer):
        """Finds how many operations last about as long as wanted."""
        if cell.fixed:
            return cell.num.get("n", 1)
        n = {"sieve": 1, "ctx": 20000, "pair": 20000, "wg": 10000}.get(cell.kind, 1000)
        for _ in range(12):
            run = self.call(cell, peer, n)
            if run is None:
                return None
            if run["wall"] >= self.target_ns / 5:
                break
            n = int(n * min(16, max(2, self.target_ns / 3 / max(run["wall"], 1))))
        return max(1, int(n * self.target_ns / max(run["wall"], 1)))

    def adapt(self, cell, peer, run):
        """A run that took much longer than wanted makes the next ones shorter."""
        if not cell.fixed and run["wall"] > 3 * self.target_ns:
            n = self.n[cell.name, peer.name]
            self.n[cell.name, peer.name] = max(1, int(n * self.target_ns * 2 / run["wall"]))

    def drop(self, cell, peer, why):
        self.n[cell.name, peer.name] = None
        self.broken.append(str(why))
        self.say(f"BROKEN {why}")

    def peers_in(self, cell):
        found = []
        for peer in self.peers:
            key = (cell.name, peer.name)
            if key not in self.n:
                try:
                    self.n[key] = self.calibrate(cell, peer) if cell.allows(peer) else None
                except Broken as why:
                    self.drop(cell, peer, why)
            if self.n[key] is not None:
                found.append(peer)
        return found

    # -- rounds --

    def await_quiet(self):
        """Waits for a moment in which others leave the machine alone, while patience lasts."""
        while self.patience > 0:
            load, begin = machine.Load(), time.monotonic()
            time.sleep(0.1)
            if load.others() <= MAX_OTHERS:
                return
            self.patience -= time.monotonic() - begin

    def round(self, cell):
        """One round of one cell: all peers, one after the other, in random order."""
        peers = self.peers_in(cell)
        if not peers:
            return
        self.await_quiet()
        before = self.probe()
        load, runs = machine.Load(), {}
        for peer in random.sample(peers, len(peers)):
            try:
                run = self.call(cell, peer, self.n[cell.name, peer.name])
            except Broken as why:
                self.drop(cell, peer, why)
                continue
            if run is None:  # found out only now: cells of fixed length are not calibrated
                self.n[cell.name, peer.name] = None
                continue
            runs[peer.name] = run
            self.adapt(cell, peer, run)
        others = load.others()
        after = self.probe()
        self.rounds.setdefault(cell.name, []).append({
            "line": [before["line"], after["line"]], "step": min(before["step"], after["step"]),
            "cas": min(before["cas"], after["cas"]),
            "others": round(others, 3), "runs": runs})

    def measure(self, cells, rounds, extra, deadline):
        """Rounds outermost, so that time that runs out takes from all cells the same."""
        for cell in cells:
            if time.monotonic() < deadline:
                self.peers_in(cell)
        self.say(f"calibrated {len(cells)} cells")
        for i in range(rounds):
            if not self.one_pass(cells, deadline):
                return
            self.say(f"round {i + 1} of {rounds} done")
        for i in range(extra):
            spoiled = [c for c in cells if c.name in self.rounds and len(
                good_rounds(self.rounds[c.name])) < rounds]
            if not spoiled or not self.one_pass(spoiled, deadline):
                return
            self.say(f"extra round {i + 1} for {len(spoiled)} cells with spoiled rounds done")

    def one_pass(self, cells, deadline):
        for cell in cells:
            if time.monotonic() >= deadline:
                self.say("the time is over")
                return False
            self.round(cell)
        return True


def good(rnd):
    return machine.steady(*rnd["line"]) and rnd["others"] <= MAX_OTHERS


def good_rounds(rounds):
    return [r for r in rounds if good(r)]


def chosen_rounds(rounds):
    """The rounds that count, and a word about them.  They are the good ones, of the most frequent
    state if that leaves at least three.  If fewer than three are good, they are the three least
    disturbed ones, whatever their figures, and the word begins with '!'."""
    least = min(3, len(rounds))
    usable = good_rounds(rounds)
    if len(usable) < least:
        calm = sorted(rounds, key=lambda r: (not machine.steady(*r["line"]), r["others"]))[:least]
        return calm, "!" + states(calm)
    by_state = {}
    for r in usable:
        by_state.setdefault(state_of(r), []).append(r)
    word, most = max(by_state.items(), key=lambda kv: (len(kv[1]), kv[0] == "near"))
    if len(most) >= least:
        return most, word
    return usable, states(usable)


def state_of(rnd):
    return machine.state(sum(rnd["line"]) / 2)


def states(rounds):
    return "/".join(sorted({state_of(r) for r in rounds}))
