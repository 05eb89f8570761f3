# SPDX-License-Identifier: MIT
"""The steps of steps.txt: running them, and which are worth most."""
import fnmatch
import os
import re
import select
import shlex
import subprocess

SILENCE = 10  # processor seconds for one scenario of the explorer, then it hangs
SLEEP = 5  # seconds in which every thread of a test sleeps, then it hangs
LOOK = 0.1  # seconds between two looks at a program that says nothing; in these it was not stopped
TICK = os.sysconf("SC_CLK_TCK")


class Run:
    """One run of a program: what failed, or None; the seconds of the processor that it took; the
    longest that it said nothing, in such seconds, and that it slept, in others."""

    def __init__(self):
        self.failure, self.used, self.silent, self.slept = None, 0.0, 0.0, 0.0


class Step:
    def __init__(self, line):
        """STAGES FILES SECONDS KIND PROGRAM ARGUMENT..., see steps.txt."""
        words = shlex.split(line)
        self.stages, self.files = words[0].split(","), words[1].split(",")
        self.seconds, self.kind, self.program = float(words[2]), words[3], words[4]
        self.arguments = words[5:]
        self.text = " ".join(words[4:])
        self.silence, self.sleep = SILENCE, SLEEP

    def fits(self, m):
        return ((m.stage in self.stages or "*" in self.stages or
                 ("rest" in self.stages and m.stage != "orders")) and
                any(fnmatch.fnmatch(m.path, f) for f in self.files))

    def expect(self, seconds, silent, slept):
        """What it took without a mutant: one that takes many times that hangs."""
        self.silence = max(min(self.silence, 1 + 5 * silent), 4 * silent)
        self.sleep = min(self.sleep, 1 + 3 * slept)
        if self.kind != "sim":
            self.seconds = min(self.seconds, 0.5 + 5 * seconds)

    def run(self, program, seconds, **environment):
        """Runs the program for at most so many seconds of the processor."""
        with open(os.devnull) as nothing:
            p = subprocess.Popen([program, *self.arguments], stdin=nothing, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, cwd=os.path.dirname(program),
                                 env={**os.environ, **environment}, start_new_session=True)
        try:
            r = Run()
            self.watch(p, r, seconds)
            return r
        finally:
            try:
                os.killpg(p.pid, 9)
            except ProcessLookupError:
                pass
            p.wait()
            p.stdout.close()

    def watch(self, p, r, seconds):
        """The explorer says one line for each scenario, and is stopped when it has had its time;
        that is no failure, but silence for too long is.  Other programs must have ended by then;
        they must not sleep for ever, either."""
        os.set_blocking(p.stdout.fileno(), False)
        end = os.pidfd_open(p.pid)
        text, spoke, sim, idle, watched = "", 0.0, self.kind == "sim", 0.0, [end, p.stdout]
        while True:
            silent = not select.select(watched, [], [], LOOK)[0]
            ended = has_ended(p, r)
            used = max(r.used, cpu_seconds(p.pid))
            chunk = p.stdout.read()
            if chunk:
                text = text[-200:] + chunk.decode(errors="replace")
                spoke = used
            elif chunk is not None:
                watched = [end]  # it has closed its output
            idle = idle + LOOK if silent and not sim and used <= r.used and asleep(p.pid) else 0
            r.used, r.silent = used, max(r.silent, used - spoke)
            r.slept = max(r.slept, idle)
            failed = re.search(r"(?m)^FAIL (\S+)", text) if sim else None
            if failed:
                r.failure = "%s: %s" % (self.program, failed.group(1))
            elif ended:
                status = "%s: status %d" % (self.program, p.returncode)
                r.failure = None if p.returncode == 0 else status
            elif used - spoke > self.silence if sim else used > self.seconds or idle > self.sleep:
                r.failure = self.program + " hangs"
            elif not sim or used <= seconds:
                continue
            os.close(end)
            return


def has_ended(p, r):
    pid, status, usage = os.wait4(p.pid, os.WNOHANG)
    if pid:
        p.returncode = os.waitstatus_to_exitcode(status)
        r.used = usage.ru_utime + usage.ru_stime
    return pid != 0


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

    def __init__(self, seconds):
        """seconds: what each step takes."""
        self.hits, self.spent, self.seconds = {}, {}, seconds

    def order(self, steps, path):
        def worth(s):
            key = (path, s.text)
            spent = self.spent.get(key, 0.0) + self.seconds.get(s.text, 0.0)
            return -(self.hits.get(key, 0) + 0.2) / (spent + 0.02)
        return sorted(steps, key=worth)

    def recall(self, results, steps):
        """What former runs have taught."""
        for (_, name), (verdict, by, _) in results.items():
            program = re.split("[: ]", by)[0]
            known = [s for s in steps if s.program == program]
            if known and verdict == "killed":
                self.note(known[0], name.split(":")[0], 1, self.seconds[known[0].text])

    def note(self, step, path, hit, seconds):
        key = (path, step.text)
        self.hits[key] = self.hits.get(key, 0) + hit
        self.spent[key] = self.spent.get(key, 0.0) + seconds
