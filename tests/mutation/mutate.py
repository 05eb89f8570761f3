#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutation testing: is every order, wake, look and condition of the core needed, and would the
tests notice if it were not there?

    mutate.py [--stages LIST] [--files PATTERN...] [--sample N] [--only TEXT] [--report] WORK
    mutate.py --help

Each mutant is built and run against the steps of steps.txt until one fails: first those that have
killed most mutants of the same file in the least time.  Wakes and conditions are built together
(woven.py).  A step is bounded by the processor time that it may take, so that a busy machine
changes nothing.  Results are kept in WORK/results.tsv, and what is there already is not run again:
an interrupted run goes on where it was.  A mutant's name is its line of source and the change, so
other changes to a file do not matter.

What survives must stand in survivors.txt, with the reason.  The exit status is 1 if a goal is
missed (orders 100 %, wakes 100 %, conditions 95 % killed or explained) or a reason is for a mutant
that does not exist, 2 if nothing could be measured.
"""
import argparse
import fnmatch
import hashlib
import os
import sys
import threading
import time

import mutants
import reasons
import woven
from build import HERE, TOP, Bench, Tree
from steps import Experience, read_steps

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
WOVEN = ("wakes", "conditions")  # the stages whose mutants are built together


class Apart:
    """Mutants that are built one by one."""

    def __init__(self, work, steps):
        self.tree, self.groups = Tree(work, steps), [steps]

    def look(self, step, _):
        """Runs a step without a mutant."""
        return step.run(self.tree.program(step), step.seconds)

    def know(self, step, _):
        """Takes up what was seen by look(), now or in a former run: nothing."""

    def settle(self, bench, m):
        """What try_mutant() said is all."""

    def try_mutant(self, bench, m, steps, experience, budget):
        """(verdict, by what): killed, survived, same (code) or invalid."""
        steps = [s for s in steps if s.fits(m)]
        bench.clean({o for s in steps for o in bench.tree.parts_of(s, m.path)})
        with bench.changed(m):
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
                r = step.run(program, min(step.seconds, max(budget, 1)))
                budget -= r.used
                experience.note(step, m.path, bool(r.failure), r.used)
                if r.failure:
                    return "killed", r.failure
            if tried == 0 and bench.made and not bench.differs:
                return "same", "the compiler makes the same of it"
            return "survived", "%d steps" % tried


def check_steps(place, steps):
    """Nothing may fail without a mutant; what each step takes.  A program that has passed as it is
    now is not run again."""
    path = os.path.join(place.tree.work, "steps.tsv")
    passed, seconds = {}, {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                key, *took, text = line.rstrip("\n").split("\t")
                passed[key, text] = tuple(map(float, took))
    with open(path, "a") as log:
        for s in steps:
            with open(place.tree.program(s), "rb") as f:
                key = hashlib.sha256(f.read() + s.text.encode()).hexdigest()
            if (key, s.text) not in passed:
                r = place.look(s, key)
                print("%5.1f s  %s" % (r.used, s.text), flush=True)
                if r.failure:
                    print("%s fails without a mutant: %s" % (s.text, r.failure))
                    sys.exit(2)
                passed[key, s.text] = r.used, r.silent, r.slept
                log.write("%s\t%.2f\t%.2f\t%.2f\t%s\n" % (key, *passed[key, s.text], s.text))
                log.flush()
            place.know(s, key)
            s.expect(*passed[key, s.text])
            seconds[s.text] = passed[key, s.text][0]
    return seconds


def run_all(o, todo, results, log_path, listed):
    """Those of which nothing is expected last: they take longest."""
    missing = [m for m in todo if o.again or (m.stage, m.name) not in results]
    missing.sort(key=lambda m: (mutants.STAGES.index(m.stage), bool(explained(listed, m.name))))
    for is_woven in (False, True):
        some = [m for m in missing if (m.stage in WOVEN) == is_woven]
        steps = [s for s in read_steps(o.steps) if any(s.fits(m) for m in some)]
        if not steps:
            continue
        place = (woven.Woven(o.work, steps, {s: FILES[s] for s in WOVEN}) if is_woven else
                 Apart(o.work, steps))
        run_some(o, place, some, results, log_path, listed)


def run_some(o, place, some, results, log_path, listed):
    """All of them against each group of steps in turn, as far as they live on."""
    benches = [Bench(place.tree, i) for i in range(o.jobs)]  # of the sources as they are now
    lock, began = threading.Lock(), {}

    def note(log, m, verdict, by, left):
        took = time.time() - began[m.stage, m.name]
        results[m.stage, m.name] = (verdict, by, took)
        print("%d left, %-8s %5.1f s  %s  [%s]" % (left, verdict, took, m.name, by), flush=True)
        log.write("%s\t%s\t%s\t%.1f\t%s\n" % (m.stage, verdict, by, took, m.name))
        log.flush()

    def work(bench, log, steps, experience, left, alive):
        while True:
            with lock:
                if not left:
                    return
                m = left.pop()
                began.setdefault((m.stage, m.name), time.time())
            budget = BUDGETS[m.stage] * (0.25 if explained(listed, m.name) else 1)
            verdict, by = place.try_mutant(bench, m, steps, experience, budget)
            if verdict == "survived" and steps is not place.groups[-1]:
                alive.append(m)
                print("%d left, lives on  %s  [%s]" % (len(left), m.name, by), flush=True)
                continue
            if verdict == "survived":
                verdict, by = place.settle(bench, m) or (verdict, by)
            with lock:
                note(log, m, verdict, by, len(left))

    with open(log_path, "a") as log:
        for steps in place.groups:
            experience, left, alive = Experience(check_steps(place, steps)), some[::-1], []
            experience.recall(results, steps)
            workers = [threading.Thread(target=work, args=(b, log, steps, experience, left, alive))
                       for b in benches]
            for w in workers:
                w.start()
            for w in workers:
                w.join()
            if left:
                print("%d mutants were not tried" % len(left))
                sys.exit(2)
            some = alive


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
