#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutation testing: is every order, wake, look and condition of the core needed, and would the
tests notice if it were not there?

    mutate.py [--stages LIST] [--files PATTERN...] [--sample N] [--only TEXT] [--report] WORK
    mutate.py --help

Each mutant is built and run against the steps of steps.txt until one fails: first those that have
killed most mutants of the same file in the least time.  A step is bounded by the processor time
that it may take, so that a busy machine changes nothing.  Results are kept in WORK/results.tsv, and
what is there already is not run again: an interrupted run goes on where it was.  A mutant's name is
its line of source and the change, so other changes to a file do not matter.

What survives must stand in survivors.txt, with the reason.  The exit status is 1 if a goal is
missed (orders 100 %, wakes 100 %, conditions 95 % killed or explained) or a reason is for a mutant
that does not exist, 2 if nothing could be measured.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time

import mutants
import reasons

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
# Core: what decides who gets what, and who wakes whom.  The policy of spinning changes only how
# fast a wait is; what takes from the system is under tests/fault.  What works without locks is
# core, too.  Of what is built on the core the orders and wakes are mutated.
CORE = ["base/list.h", "base/lock.c", "base/park.[ch]", "block/ctx.[ch]", "block/hook.c",
        "block/sleepers.[ch]", "block/wait.[ch]", "block/waiter.[ch]", "chan/*.[ch]",
        "coord/waitgroup.c", "flow/pool.[ch]", "flow/pool_drain.c", "base/position.h",
        "lockfree/*.[ch]"]
ABOVE = ["coord/*.[ch]", "flow/*.[ch]", "ops/*.[ch]"]
FILES = {"orders": CORE + ABOVE, "wakes": CORE + ABOVE, "conditions": CORE, "statements": CORE}
GOALS = {"orders": 100, "wakes": 100, "conditions": 95}  # per cent killed or explained
# Processor seconds for the steps of one mutant; a quarter of that if a survivor is expected.
BUDGETS = {"orders": 200, "wakes": 60, "conditions": 20, "statements": 20}
SILENCE = 10  # processor seconds for one scenario of the explorer, then it hangs
SLEEP = 5  # seconds in which every thread of a test sleeps, then it hangs
LOOK = 0.01  # seconds between two looks at a program; if it, or we, are stopped they do not count
TICK = os.sysconf("SC_CLK_TCK")


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **more)


def must(command):
    r = run(command)
    if r.returncode:
        print("%s\n%s" % (" ".join(command), r.stdout[-3000:]))
        sys.exit(2)


# ---- building ----

class Object:
    """One object file of the build: how it is made, and from what."""

    def __init__(self, entry):
        words = shlex.split(entry["command"])
        self.words, self.directory = words, entry["directory"]
        self.source = os.path.normpath(os.path.join(self.directory, entry["file"]))
        self.path = os.path.normpath(os.path.join(self.directory, words[words.index("-o") + 1]))
        self.inputs = set()
        if os.path.exists(self.path + ".d"):
            with open(self.path + ".d") as f:
                self.inputs = {os.path.normpath(os.path.join(self.directory, n))
                               for n in re.findall(r"[^\s\\]+\.[ch](?=\s|$)", f.read())}
        if self.source.endswith("/tests/sim/lock.c"):  # generated: see tests/sim/CMakeLists.txt
            self.inputs.add(os.path.join(TOP, "src/base/lock.c"))


class Tree:
    """The build of the tests as they are."""

    def __init__(self, work, steps):
        self.work = os.path.abspath(work)
        self.build = os.path.join(self.work, "build")
        must(["cmake", "-S", TOP, "-B", self.build, "-DCCP_TEST_KINDS=sim;fuzz;unit;fault",
              "-DCCP_EXAMPLES=OFF", "-DCCP_BENCH=OFF", "-DCCP_PARK=futex",
              "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
              "-G", "Unix Makefiles"])
        must(["cmake", "--build", self.build, "-j2", "--target",
              *sorted({s.program for s in steps})])
        with open(os.path.join(self.build, "compile_commands.json")) as f:
            self.objects = {o.path: o for o in map(Object, json.load(f))}
        self.links, self.parts = {}, {}

    def link_words(self, step):
        """The words of the command that links a program."""
        key = (step.kind, step.program)
        if key not in self.links:
            with open(os.path.join(self.build, "tests", step.kind, "CMakeFiles",
                                   step.program + ".dir", "link.txt")) as f:
                self.links[key] = shlex.split(f.read())
        return self.links[key]

    def parts_of(self, step, path):
        """The objects of a program, or of its libraries, that must be made again for a file of
        src/; those of the program first."""
        key = (step.kind, step.program, path)
        if key not in self.parts:
            here = os.path.join(self.build, "tests", step.kind)
            changed, found = os.path.join(TOP, "src", path), []
            for word in self.link_words(step):
                place = os.path.normpath(os.path.join(here, word))
                inside = os.path.join(os.path.dirname(place), "CMakeFiles",
                                      os.path.basename(place)[3:-2] + ".dir", "")
                for o in self.objects.values():
                    own = o.path == place or (place.endswith(".a") and o.path.startswith(inside))
                    if own and changed in o.inputs and o not in found:
                        found.append(o)
            self.parts[key] = found
        return self.parts[key]


class Bench:
    """A copy of the sources in which one mutant after another is made."""

    def __init__(self, tree, number):
        self.tree = tree
        self.dir = os.path.join(tree.work, "bench%d" % number)
        self.src = os.path.join(self.dir, "src")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(os.path.join(TOP, "src"), self.src)
        os.mkdir(os.path.join(self.dir, "clean"))
        os.mkdir(os.path.join(self.dir, "mutant"))

    def compile(self, o, out):
        """Makes an object from this copy, without the places in the source; False: it cannot be."""
        words = [w.replace(TOP + "/src", self.src) for w in o.words]
        if o.source.endswith("/tests/sim/lock.c"):
            lock = os.path.join(self.dir, "lock.c")
            with open(os.path.join(self.src, "base/lock.c")) as f, open(lock, "w") as g:
                g.write(re.sub(r"#define SPINS \d+", "#define SPINS 1", f.read()))
            words = [lock if w == o.source else w for w in words]
        words[words.index("-o") + 1] = out
        words = [w for w in words if w not in ("-g", "-O2", "-O3")] + ["-w", "-g0", "-O1"]
        return subprocess.run(words, cwd=o.directory, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def place(self, where, o):
        return os.path.join(self.dir, where,
                            os.path.relpath(o.path, self.tree.build).replace("/", "_"))

    def begin(self):
        self.made, self.programs, self.differs = {}, {}, False
        shutil.rmtree(os.path.join(self.dir, "mutant"))
        os.mkdir(os.path.join(self.dir, "mutant"))

    def clean(self, objects):
        """Makes what is compared with: the objects without a mutant."""
        for o in objects:
            out = self.place("clean", o)
            if not os.path.exists(out) and not self.compile(o, out):
                raise RuntimeError("cannot compile " + o.path)

    def object(self, o):
        if o.path not in self.made:
            out = self.place("mutant", o)
            self.made[o.path] = out if self.compile(o, out) else None
            if self.made[o.path]:
                with open(out, "rb") as f, open(self.place("clean", o), "rb") as g:
                    self.differs |= f.read() != g.read()
        return self.made[o.path]

    def program(self, step, path):
        """The program of a step with this copy's file: its path, None if it cannot be built, or ""
        if it has nothing of the file in it."""
        key = (step.kind, step.program)
        if key not in self.programs:
            self.programs[key] = self.link(step, self.tree.parts_of(step, path))
        return self.programs[key]

    def link(self, step, parts):
        if not parts:
            return ""
        new = {o.path: self.object(o) for o in parts}
        if None in new.values():
            return None
        if not self.differs:
            return ""
        here = os.path.join(self.tree.build, "tests", step.kind)
        words, out = [], os.path.join(self.dir, "mutant", step.program)
        for word in self.tree.link_words(step):
            place = os.path.normpath(os.path.join(here, word))
            words.append(new.pop(place, word))
        at = words.index("-o")
        words[at + 1] = out
        words[at:at] = list(new.values())
        if step.kind == "sim":  # an object of the library may need what the explorer does not have
            words.append("-Wl,--unresolved-symbols=ignore-in-object-files")
        return out if run(words, cwd=here).returncode == 0 else None


# ---- running ----

class Step:
    def __init__(self, line):
        """STAGES FILES SECONDS KIND PROGRAM ARGUMENT..., see steps.txt."""
        words = shlex.split(line)
        self.stages, self.files = words[0].split(","), words[1].split(",")
        self.seconds, self.kind, self.program = float(words[2]), words[3], words[4]
        self.arguments = words[5:]
        self.text = " ".join(words[4:])

    def fits(self, m):
        return ((m.stage in self.stages or "*" in self.stages or
                 ("rest" in self.stages and m.stage != "orders")) and
                any(fnmatch.fnmatch(m.path, f) for f in self.files))

    def fails(self, program, seconds):
        """Runs the program for at most so many seconds of the processor: what failed, or None, and
        what it used."""
        with open(os.devnull) as nothing:
            p = subprocess.Popen([program, *self.arguments], stdin=nothing, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, cwd=os.path.dirname(program),
                                 start_new_session=True)
        try:
            return self.watch(p, seconds)
        finally:
            try:
                os.killpg(p.pid, 9)
            except ProcessLookupError:
                pass
            p.wait()
            p.stdout.close()

    def watch(self, p, seconds):
        """The explorer says one line for each scenario, and is stopped when it has had its time;
        that is no failure, but silence for too long is.  Other programs must have ended by then;
        they must not sleep for ever, either."""
        os.set_blocking(p.stdout.fileno(), False)
        text, spoke, sim, moved, idle = "", 0.0, self.kind == "sim", 0.0, 0
        while True:
            ended = p.poll() is not None
            used = cpu_seconds(p.pid)
            chunk = p.stdout.read()
            if chunk:
                text = text[-200:] + chunk.decode(errors="replace")
                spoke = used
            failed = re.search(r"(?m)^FAIL (\S+)", text) if sim else None
            if failed:
                return "%s: %s" % (self.program, failed.group(1)), used
            if ended:
                status = "%s: status %d" % (self.program, p.returncode)
                return None if p.returncode == 0 else status, moved
            idle = 0 if sim or used > moved or not asleep(p.pid) else idle + 1
            moved = max(moved, used)
            if sim and used - spoke > SILENCE:
                return self.program + " hangs", used
            if sim and used > seconds:
                return None, used
            if not sim and (used > self.seconds or idle * LOOK > SLEEP):
                return self.program + " hangs", used
            time.sleep(LOOK)


def cpu_seconds(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0


def asleep(pid):
    """Does every thread sleep?  One that waits for a processor, or was stopped, does not."""
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, thread)) as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "S":
                    return False
    except OSError:
        return False
    return True


def read_steps(path):
    with open(path) as f:
        lines = [l.strip() for l in f]
    return [Step(l) for l in lines if l and not l.startswith("#")]


class Experience:
    """What each step has killed in each file, and what that took."""

    def __init__(self):
        self.hits, self.spent = {}, {}

    def order(self, steps, path):
        def worth(s):
            key = (path, s.text)
            return -(self.hits.get(key, 0) + 0.5) / (self.spent.get(key, 0.0) + 1)
        return sorted(steps, key=worth)

    def recall(self, results, steps, seconds):
        """What former runs have taught; seconds: what each step takes."""
        for (_, name), (verdict, by, _) in results.items():
            program = re.split("[: ]", by)[0]
            known = [s for s in steps if s.program == program]
            if known and verdict == "killed":
                self.note(known[0], name.split(":")[0], 1, seconds[known[0].text])

    def note(self, step, path, hit, seconds):
        key = (path, step.text)
        self.hits[key] = self.hits.get(key, 0) + hit
        self.spent[key] = self.spent.get(key, 0.0) + seconds


def try_mutant(bench, m, steps, experience, budget):
    """(verdict, by what): killed, survived, same (code) or invalid."""
    path = os.path.join(bench.src, m.path)
    with open(path) as f:
        whole = f.read()
    steps = [s for s in steps if s.fits(m)]
    bench.begin()
    bench.clean({o for s in steps for o in bench.tree.parts_of(s, m.path)})
    with open(path, "w") as f:
        f.write(m.apply(whole))
    try:
        tried = 0
        for step in experience.order(steps, m.path):
            program = bench.program(step, m.path)
            if program is None:
                return "invalid", "cannot be built"
            if program == "":
                continue
            if budget <= 0:
                break
            tried += 1
            failure, used = step.fails(program, min(step.seconds, max(budget, 1)))
            budget -= used
            experience.note(step, m.path, bool(failure), used)
            if failure:
                return "killed", failure
        if tried == 0 and bench.made and not bench.differs:
            return "same", "the compiler makes the same of it"
        return "survived", "%d steps" % tried
    finally:
        with open(path, "w") as f:
            f.write(whole)


def check_steps(tree, steps):
    """Nothing may fail without a mutant; what each step takes.  A program that has passed as it is
    now is not run again."""
    path = os.path.join(tree.work, "steps.tsv")
    passed, seconds = {}, {}
    if os.path.exists(path):
        with open(path) as f:
            passed = {(d, t): float(n) for d, n, t in (l.rstrip("\n").split("\t") for l in f)}
    with open(path, "a") as log:
        for s in steps:
            program = os.path.join(tree.build, "tests", s.kind, s.program)
            with open(program, "rb") as f:
                key = (hashlib.sha256(f.read()).hexdigest(), s.text)
            if key not in passed:
                failure, passed[key] = s.fails(program, s.seconds)
                print("%5.1f s  %s" % (passed[key], s.text), flush=True)
                if failure:
                    print("%s fails without a mutant: %s" % (s.text, failure))
                    sys.exit(2)
                log.write("%s\t%.2f\t%s\n" % (key[0], passed[key], s.text))
                log.flush()
            seconds[s.text] = passed[key]
    return seconds


def run_all(o, todo, results, log_path, listed):
    missing = [m for m in todo if o.again or (m.stage, m.name) not in results]
    # Those of which nothing is expected last: they take longest.
    missing.sort(key=lambda m: (mutants.STAGES.index(m.stage), bool(explained(listed, m.name))))
    steps = [s for s in read_steps(o.steps) if any(s.fits(m) for m in missing)]
    if not steps:
        return
    tree = Tree(o.work, steps)
    seconds = check_steps(tree, steps)
    experience, lock, left = Experience(), threading.Lock(), list(reversed(missing))
    experience.recall(results, steps, seconds)

    def work(number, log):
        bench = Bench(tree, number)
        while True:
            with lock:
                if not left:
                    return
                m = left.pop()
            began = time.time()
            budget = BUDGETS[m.stage] * (0.25 if explained(listed, m.name) else 1)
            verdict, by = try_mutant(bench, m, steps, experience, budget)
            took = time.time() - began
            with lock:
                results[(m.stage, m.name)] = (verdict, by, took)
                print("%d left, %-8s %5.1f s  %s  [%s]" % (len(left), verdict, took, m.name, by),
                      flush=True)
                log.write("%s\t%s\t%s\t%.1f\t%s\n" % (m.stage, verdict, by, took, m.name))
                log.flush()

    with open(log_path, "a") as log:
        workers = [threading.Thread(target=work, args=(i, log)) for i in range(o.jobs)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
    if left:
        print("%d mutants were not tried" % len(left))
        sys.exit(2)


# ---- results ----

def load_results(path):
    results = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                stage, verdict, by, seconds, name = line.rstrip("\n").split("\t", 4)
                results[(stage, name)] = (verdict, by, float(seconds))
    return results


def explained(listed, name):
    return next((reason for entry, reason in listed.items() if reasons.fits(entry, name)), None)


def missing_names(listed, names):
    """Reasons for what is not there any more."""
    return [n for n in listed if not any(reasons.fits(n, m) for m in names)]


def report(all_mutants, results, listed, quiet):
    """Prints the table; the number of goals missed, or None if there is no result."""
    bad, shares, count, total = 0, [], 0, 0.0
    table = ["%-11s %8s %7s %6s %10s %12s %9s %8s" % (
        "stage", "mutants", "killed", "same", "explained", "unexplained", "resolved", "seconds")]
    for stage in mutants.STAGES:
        rows = [(m, results[(stage, m.name)]) for m in all_mutants
                if m.stage == stage and (stage, m.name) in results]
        rows = [(m, r) for m, r in rows if r[0] != "invalid"]
        if not rows:
            continue
        alive = [m for m, r in rows if r[0] == "survived"]
        same = sum(r[0] == "same" for _, r in rows)
        unknown = [m for m in alive if not explained(listed, m.name)]
        share = 100.0 * (len(rows) - len(unknown)) / len(rows)
        seconds = sum(r[2] for _, r in rows)
        total += seconds
        count += len(rows)
        shares.append("%s %.1f %%" % (stage, share))
        table.append("%-11s %8d %7d %6d %10d %12d %8.1f%% %8.0f" % (
            stage, len(rows), len(rows) - len(alive) - same, same, len(alive) - len(unknown),
            len(unknown), share, seconds))
        bad += share < GOALS.get(stage, 0)
        for m in alive:
            reason = explained(listed, m.name)
            if not reason or not quiet:
                print("%s\n    %s" % (m.name, reason or "SURVIVED, and nothing says why"))
        for name in sorted({m.name for m, r in rows if r[0] == "killed"} & set(listed)):
            print("%s\n    killed: it needs no reason" % name)
    print("\n".join(table))
    print("killed or explained: %s; %d mutants, %.0f s of work" % (", ".join(shares), count, total))
    return bad if shares else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stages", default="orders,wakes,conditions")
    parser.add_argument("--files", nargs="*", help="patterns, below src/, in place of FILES")
    parser.add_argument("--sample", type=int, default=1, help="every N-th mutant")
    parser.add_argument("--only", help="mutants whose name contains this")
    parser.add_argument("--again", action="store_true", help="those that were tried, too")
    parser.add_argument("--list", action="store_true", help="show the mutants' names")
    parser.add_argument("--report", action="store_true", help="only show what is known")
    parser.add_argument("--quiet", action="store_true", help="no lines for explained survivors")
    parser.add_argument("--steps", default=os.path.join(HERE, "steps.txt"))
    parser.add_argument("--reasons", default=os.path.join(HERE, "survivors.txt"))
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    parser.add_argument("work")
    o = parser.parse_args()
    todo, everything = [], []
    for base, _, names in sorted(os.walk(os.path.join(TOP, "src"))):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(base, name), os.path.join(TOP, "src"))
            with open(os.path.join(base, name)) as f:
                whole = f.read()
            for stage in mutants.STAGES:
                if any(fnmatch.fnmatch(path, f) for f in o.files or FILES[stage]):
                    found = list(mutants.mutants(path, whole, stage))
                    everything += [m.name for m in found]
                    todo += found if stage in o.stages.split(",") else []
    todo.sort(key=lambda m: mutants.STAGES.index(m.stage))
    todo = [m for m in todo if not o.only or o.only in m.name][:: o.sample]
    if o.list:
        print("\n".join("%s\t%s" % (m.stage, m.name) for m in todo))
        return
    os.makedirs(o.work, exist_ok=True)
    log_path = os.path.join(o.work, "results.tsv")
    results = load_results(log_path)
    listed = reasons.load(o.reasons)
    if not o.report:
        run_all(o, todo, results, log_path, listed)
    stale = missing_names(listed, everything) if not o.files else []
    for name in stale:
        print("%s\n    has a reason, but does not exist" % name)
    bad = report(todo, results, listed, o.quiet)
    sys.exit(2 if bad is None else 1 if bad or stale else 0)


if __name__ == "__main__":
    main()
