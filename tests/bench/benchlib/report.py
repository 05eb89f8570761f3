# SPDX-License-Identifier: MIT
"""From rounds to medians, ratios, the verdict on each goal, and tables of them."""
import json
import operator
import statistics

from benchlib import machine
from benchlib.cells import BY_NAME, goal_cells
from benchlib.measure import chosen_rounds, good_rounds

OPS = {"<=": operator.le, ">=": operator.ge}


class Summary:
    """The medians of one cell."""

    def __init__(self, cell, rounds, cores):
        self.cell, self.cores = cell, cores
        self.rounds, self.state = chosen_rounds(rounds)
        self.measured, self.spoiled = len(rounds), len(rounds) - len(good_rounds(rounds))
        self.values, self.runs = {}, {}
        for rnd in self.rounds:
            for peer, run in rnd["runs"].items():
                self.values.setdefault(peer, []).append(cell.figure(run))
                self.runs.setdefault(peer, []).append(run)

    def median(self, peer):
        return statistics.median(self.values[peer]) if peer in self.values else None

    def spread(self, peer):
        return min(self.values[peer]), max(self.values[peer])

    def extra(self, peer, key):
        found = [run[key] for run in self.runs.get(peer, []) if key in run]
        return statistics.median(found) if found else None

    def cpu(self, peer):
        runs = self.runs.get(peer)
        return statistics.median(r["cpu"] / max(r["n"], 1) for r in runs) if runs else None

    def best_with_threads(self):
        """The fastest peer whose tasks are threads, by median."""
        rivals = [p for p in self.values if not p.startswith("ccp") and not BY_NAME[p].tasks]
        pick = max if self.cell.kind == "fair" else min
        return pick(rivals, key=self.median) if rivals else None

    def figure(self, name, summaries):
        """A figure that a goal asks for; None if it was not measured."""
        ours, best = self.median("ccp"), self.best_with_threads()
        if not ours:
            return None
        if name == "value":
            return ours
        if name == "threads":
            return self.median(best) / ours if best else None
        if name == "go":
            return self.median("go") / ours if self.median("go") else None
        if name == "cpu":
            return self.cpu("ccp") / self.cpu(best) if best and self.cpu(best) else None
        if name == "of-ideal":
            return self.of_ideal(ours)
        if name.startswith("inlined:"):
            theirs, inlined = self.median(name[8:]), self.median("ccp-lto")
            return theirs / inlined if theirs and inlined else None
        if name.startswith("over:"):
            other = summaries.get(name[5:])
            return ours / other.median("ccp") if other and other.median("ccp") else None
        return self.extra("ccp", name)

    def of_ideal(self, ours):
        step = statistics.median(r["step"] for r in self.rounds)
        steps = round(self.cell.work_ns / self.rounds[0]["step_used"])
        return steps * step / min(self.cores, self.cell.threads()) / ours


def short(v):
    if v is None:
        return "-"
    if abs(v) >= 1e6:
        return f"{v / 1e6:.1f}M"
    if abs(v) >= 1e4:
        return f"{v / 1e3:.0f}k"
    if abs(v) >= 100:
        return f"{v:.0f}"
    return f"{v:.3g}" if abs(v) >= 10 or not v else f"{v:.2f}"


def times(v):
    return "-" if v is None else f"{v:.2f}"


def text_table(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    out = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def cells_table(summaries, peers):
    """Per cell: libccp with its spread, each peer as figure/CPU, the two ratios, the state."""
    names = [p.name for p in peers if any(p.name in s.values for s in summaries.values())]
    rows = [["cell", "min", "max", *names, "best threads/ccp", "go/ccp", "cpu", "rounds"]]
    for s in summaries.values():
        low, high = s.spread("ccp") if "ccp" in s.values else (None, None)
        row = [f"{s.cell.name} [{s.cell.unit()}]", short(low), short(high)]
        row += [f"{short(s.median(n))}/{short(s.cpu(n))}" if n in s.values else "-" for n in names]
        best = s.best_with_threads()
        ratio = s.figure("threads", summaries)
        row += [f"{times(ratio)} {best or ''}".rstrip(), times(s.figure("go", summaries)),
                times(s.figure("cpu", summaries)), f"{len(s.rounds)} {s.state}"]
        rows.append(row)
    return text_table(rows)


def detail_table(summaries, peers):
    """Per cell and peer: least and greatest figure, context switches per operation."""
    rows = [["cell", "peer", "median", "min", "max", "cpu", "voluntary", "involuntary", "n"]]
    for s in summaries.values():
        for p in peers:
            if p.name not in s.values:
                continue
            n = statistics.median(r["n"] for r in s.runs[p.name])
            switches = [f"{s.extra(p.name, key) / max(n, 1):.3g}" for key in ("vcs", "ics")]
            rows.append([s.cell.name, p.name, short(s.median(p.name)),
                         *map(short, s.spread(p.name)), short(s.cpu(p.name)), *switches, str(n)])
    return text_table(rows)


def goals_rows(goals, summaries):
    """(goal, cell, figure wanted, found, met); one row for each cell of each goal measured."""
    rows = []
    for goal in goals:
        for name in goal_cells(goal, summaries):
            found = summaries[name].figure(goal.figure, summaries)
            if found is not None:
                rows.append((goal, name, found, OPS[goal.op](found, goal.bound)))
    return rows


def goals_table(rows):
    table = [["goal", "cell", "what", "wanted", "found", ""]]
    for goal, name, found, met in rows:
        table.append([goal.name, name, goal.figure, f"{goal.op} {goal.bound:g}", times(found),
                      "met" if met else "NOT MET"])
    return text_table(table)


def write_raw(path, head, cells, rounds, step_ns):
    """One line about the run, then one line for each round of each cell."""
    with open(path, "w", encoding="utf-8") as out:
        print(json.dumps(head), file=out)
        for cell in cells:
            for i, rnd in enumerate(rounds.get(cell.name, [])):
                line = {"cell": cell.name, "round": i, **rnd, "step_used": step_ns}
                print(json.dumps(line, separators=(",", ":")), file=out)


def read_raw(path):
    """The head, and the rounds of each cell in the order of the file."""
    rounds = {}
    with open(path, encoding="utf-8") as f:
        head = json.loads(f.readline())
        for line in f:
            rnd = json.loads(line)
            rounds.setdefault(rnd["cell"], []).append(rnd)
    return head, rounds


def summarize(cells, rounds, cores):
    return {c.name: Summary(c, rounds[c.name], cores) for c in cells
            if any(r["runs"] for r in rounds.get(c.name, []))}


def about(head, rounds):
    """The provenance in two lines, and how many rounds were spoiled and why."""
    every = [r for rs in rounds.values() for r in rs]
    moved = sum(not machine.steady(*r["line"]) for r in every)
    loaded = len(every) - len(good_rounds(every)) - moved
    cas = sorted(r["cas"] for r in every if "cas" in r)
    lines = [f"{head['date']}  commit {head['commit']}  {head['cpu']}, {head['cores']} cores, "
             f"Linux {head['kernel']}, {head['system']}",
             "; ".join(str(head[k]) for k in ("cc", "go", "rustc") if head.get(k)),
             f"{len(every)} rounds; set aside: {moved} because the cores moved, {loaded} because "
             "others used more than 15 % of a core ('!': fewer than three were good; the three "
             "least disturbed count)"]
    if head.get("scheduler") == "SCHED_RR":
        lines.append("the programs ran with SCHED_RR: others could not disturb them, but they give "
                     "each other longer slices than usual")
    if cas:
        lines.append(f"an uncontended compare-and-swap took {cas[len(cas) // 2]:.1f} ns (median; "
                     f"{cas[0]:.1f} to {cas[-1]:.1f})")
    return "\n".join(lines)
