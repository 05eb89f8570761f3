# SPDX-License-Identifier: MIT
"""The Markdown of docs/benchmarks.md and of README's section, from summaries of cells."""
import fnmatch
import statistics

from benchlib import machine, report
from benchlib.cells import BY_NAME, HERE, PEERS
from benchlib.measure import good_rounds, state_of

MOVED_BY_STATE = ("tp", "pp", "sel", "pipe", "pool", "barrier", "future")
CAPS = (0, 1, 64, 1024)
SHAPES = ("1to1", "4to1", "1to4", "4to4", "16to16")
MAIN = [f"{s}-{c}" for c in CAPS for s in SHAPES]
SECTIONS = [
    ("One thread sends and receives in turn", ["pair-*"]),
    ("Threads to threads, by capacity", MAIN),
    ("The same on one processor", ["*to*@1cpu", "pingpong-*@1cpu", "wake-*@1cpu"]),
    ("The same beside a busy program for each processor", ["*@hogs"]),
    ("The same with about 50 ns of work on each side", ["*-work"]),
    ("Larger elements (capacity 64); batches of 64", ["size-*", "batch-*"]),
    ("There and back; select; pipeline; sieve of 100 threads",
     ["pingpong-0", "pingpong-1", "select4-*", "select64-*", "pipeline*", "sieve-*"]),
    ("Wake-up of a thread that sleeps; 16 threads that sleep", ["wake-0", "wake-1", "idle16"]),
    ("Pool", ["pool-*"]),
    ("Wait group and context", ["wg-*", "ctx-*"]),
    ("Semaphores and mutexes", ["sem-*", "mutex-*"]),
    ("Barriers and futures", ["barrier-*", "future-*"]),
    ("Without locks", ["count-*", "cas-*", "reads-*", "steals-*",
                       "spsc-*", "mpmc-*", "mpsc-*", "stack-*"]),
    ("Read-copy-update", ["rcu-*"]),
    ("Circuit breakers", ["breaker-*"]),
    ("Rate limiters", ["rate-*"]),
    ("Timers: one is set and stopped, or put off; how late a ticker is", ["timer-*", "tick-*"]),
    ("How cost grows: threads, capacity, cases", ["*to*-*", "select*"]),
    ("Memory of a channel", ["memory-*"]),
]
README_CELLS = (["pair-1024"]
                + [f"{s}-{c}" for c in CAPS for s in ("1to1", "4to1", "4to4", "16to16")]
                + ["batch-1024", "pingpong-1", "select4-64", "pipeline5-64", "pool-empty-1s-2w",
                   "pool-1us-1s-2w", "ctx-cancel"])


def rows_table(rows, left=1):
    """rows[0] is the header; the first `left` columns are text, the others figures."""
    rule = ["---"] * left + ["--:"] * (len(rows[0]) - left)
    return "\n".join("| " + " | ".join(r) + " |" for r in [rows[0], rule, *rows[1:]]) + "\n"


# -- where it was measured --

def provenance(heads):
    """heads: (head, rounds) of each file.  One list for all files of the same machine; after the
    first one with the cells that were measured there alone."""
    machines = {}
    for head, rounds in heads:
        machines.setdefault(head["cpu"], []).append((head, rounds))
    first, *others = machines.values()
    out = [one_machine(first)]
    for found in others:
        names = cells_of(found) - cells_of(first)
        out.append(f"On another machine {', '.join(sorted(names))}:\n\n" + one_machine(found))
    return "\n".join(out)


def cells_of(heads):
    return {name for _, rounds in heads for name in rounds}


def one_machine(heads):
    first = heads[0][0]
    every = [r for _, rounds in heads for rs in rounds.values() for r in rs]
    moved = sum(not machine.steady(*r["line"]) for r in every)
    loaded = len(every) - len(good_rounds(every)) - moved
    cas = sorted(r["cas"] for r in every if "cas" in r)
    line = sorted(statistics.mean(r["line"]) for r in every)
    dates = sorted(h["date"] for h, _ in heads)
    commits = sorted({h["commit"] for h, _ in heads})
    found = first.get("packages", {})
    return "\n".join([
        f"* {dates[0]} to {dates[-1]}, commit {', '.join(commits)}",
        f"* {first['cpu']}, {first['cores']} cores, Linux {first['kernel']}, {first['system']}",
        "* " + "; ".join(str(first[k]) for k in ("cc", "cxx", "go", "rustc") if first.get(k)),
        "* " + ", ".join(f"{name} {v}" for name, v in found.items()),
        f"* {len(every)} rounds; set aside: {moved} because the cores moved, {loaded} because "
        "others used more than 15 % of a core",
        f"* an uncontended compare-and-swap took {cas[len(cas) // 2]:.1f} ns ({cas[0]:.1f} to "
        f"{cas[-1]:.1f}), a cache line to the other core and back {line[len(line) // 2]:.0f} ns "
        f"({line[0]:.0f} to {line[-1]:.0f})"]) + "\n"


# -- cells --

def beaten(s, summaries):
    """The peers' kinds that are faster than libccp in a cell: threads, Go."""
    if s.cell.kind in ("fair", "memory", "idle") or "ccp" not in s.values:
        return []
    found = []
    for name in ("threads", "go"):
        ratio = s.figure(name, summaries)
        if ratio is not None and ratio < 1:
            found.append((name, ratio))
    return found


def cell_row(s, summaries):
    best, unit = s.best_with_threads(), s.cell.unit()
    low, high = s.spread("ccp")
    ours = report.short(s.median("ccp")) + (" ▼" if beaten(s, summaries) else "")
    theirs = f"{report.short(s.median(best))} {BY_NAME[best].title}" if best else "–"
    cpu = s.figure("cpu", summaries)
    return [s.cell.name + ("" if unit == "ns" else f" ({unit})"), ours,
            f"{report.short(low)} – {report.short(high)}", theirs,
            report.short(s.median("go")) if "go" in s.values else "–",
            dash(s.figure("threads", summaries)), dash(s.figure("go", summaries)), dash(cpu),
            f"{len(s.rounds)} {s.state}"]


def dash(ratio):
    return "–" if ratio is None else f"{ratio:.2f}"


HEADER = ["work", "libccp", "min – max", "best peer with threads", "Go", "best / libccp",
          "Go / libccp", "CPU", "rounds"]


def peers_table(names, s):
    """Every peer in these cells: figure / processor time."""
    peers = [p for p in PEERS if any(p.name in s[n].values for n in names)]
    rows = [["work", *(p.name for p in peers)]]
    for n in names:
        rows.append([n] + [f"{report.short(s[n].median(p.name))} / {report.short(s[n].cpu(p.name))}"
                           if p.name in s[n].values else "–" for p in peers])
    return rows_table(rows)


def sections(s):
    """(title, names of cells), each cell in the first section that wants it."""
    left = [n for n in s if s[n].cell.kind != "fair" and "ccp" in s[n].values]
    for title, patterns in SECTIONS:
        names = [n for n in left if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
        left = [n for n in left if n not in names]
        if names:
            yield title, names
    if left:
        yield "Other", left


def memory_table(names, s):
    rows = [["channel", "bytes", "beyond capacity × (element + 8)"]]
    for n in names:
        rows.append([n, f"{s[n].median('ccp'):.0f}", f"{s[n].extra('ccp', 'over'):.0f}"])
    return rows_table(rows)


def fairness_table(s):
    rows = [["work", "peer", "smallest share of a sender", "of a receiver", "longest send",
             "longest receive", "p99.99 of a send", "time per message",
             "CPU per switch of threads"]]
    for n in s:
        if s[n].cell.kind != "fair":
            continue
        for p in PEERS:
            if p.name in s[n].values:
                rows.append([n, p.title, *fairness_row(s[n], p.name)])
    return rows_table(rows, 2) if len(rows) > 1 else ""


def lateness_table(names, s):
    """How late whoever waits for a time runs."""
    rows = [["work", "peer", "median", "p99", "longest"]]
    for n in names:
        for p in PEERS if s[n].cell.kind == "tick" else []:
            if p.name in s[n].values:
                rows.append([n, p.title] + [f"{s[n].extra(p.name, key) / 1e3:.0f} µs"
                                            for key in ("p50", "p99", "longest")])
    return rows_table(rows, 2) if len(rows) > 1 else ""


def fairness_row(cell, peer):
    def of(key):
        return cell.extra(peer, key)

    slices = statistics.median(r["cpu"] / max(r["vcs"] + r["ics"], 1) for r in cell.runs[peer])
    each = statistics.median(r["wall"] / max(r["n"], 1) for r in cell.runs[peer])
    return [f"{of('send_share'):.2f}", f"{of('recv_share'):.2f}",
            f"{of('send_longest') / 1e6:.1f} ms", f"{of('recv_longest') / 1e6:.1f} ms",
            f"{of('send_p9999') / 1e3:.0f} µs", f"{report.short(each)} ns",
            f"{slices / 1e3:.1f} µs"]


# -- goals --

def reasons():
    """(goal, patterns of cells, figure, why) of goals that are known not to be met."""
    found = []
    for text in (HERE / "reasons.txt").read_text(encoding="utf-8").splitlines():
        if text.strip() and not text.startswith("#"):
            goal, patterns, figure, why = text.split(None, 3)
            found.append((goal, patterns.split(","), figure, why))
    return found


class Facts(dict):
    """What a reason may quote of its cell: {ccp}, {go}, {best} are figures, {best_name} whose,
    {ccp_switches}, {go_switches}, {best_switches} switches of threads per operation, {ccp_cpu} and
    so on processor time per operation, {line} and {cas} figures of the machine, {in_cas} the figure
    of libccp in units of {cas}."""

    def __init__(self, s):
        best = s.best_with_threads()
        for name, peer in (("ccp", "ccp"), ("go", "go"), ("best", best)):
            if peer in s.values:
                self[name] = report.short(s.median(peer))
                self[name + "_cpu"] = report.short(s.cpu(peer))
                self[name + "_switches"] = f"{switches(s, peer):.2g}"
        self["in_cas"] = f"{s.median('ccp') / statistics.median(r['cas'] for r in s.rounds):.2g}"
        self["best_name"] = BY_NAME[best].title if best else "–"
        self["line"] = report.short(statistics.median(statistics.mean(r["line"]) for r in s.rounds))
        self["cas"] = report.short(statistics.median(r["cas"] for r in s.rounds))

    def __missing__(self, key):
        return "?"


def switches(s, peer):
    """Switches of threads per operation: sleeps and yields, and what the system forced."""
    return statistics.median((r["vcs"] + r["ics"]) / max(r["n"], 1) for r in s.runs[peer])


def reason(goal, s, known):
    for name, patterns, figure, why in known:
        if name == goal.name and figure in (goal.figure, "any") and any(
                fnmatch.fnmatchcase(s.cell.name, p) for p in patterns):
            return why.format_map(Facts(s))
    return "no reason found yet"


def like_with_like(rows, s, by_state):
    """Cells are compared with cells in the same state of the cores, where both were measured so."""
    out = []
    for goal, cell, found, met in rows:
        same = by_state.get(s[cell].state, {})
        other = s.get(goal.figure.partition("over:")[2])
        if other and other.state != s[cell].state and cell in same and other.cell.name in same:
            found = same[cell].figure(goal.figure, same)
            met = report.OPS[goal.op](found, goal.bound)
        out.append((goal, cell, found, met))
    return out


def found_in(goal, cell, summaries):
    """What was found with the cores in one state, as text; bold if that meets the goal."""
    if cell not in summaries:
        return "–"
    found = summaries[cell].figure(goal.figure, summaries)
    if found is None:
        return "–"
    return f"**{found:.2f}**" if report.OPS[goal.op](found, goal.bound) else f"{found:.2f}"


def goal_row(row, by_state):
    goal, cell, found, _ = row
    return [goal.name, cell, f"`{goal.figure}`", f"{goal.op} {goal.bound:g}", f"{found:.2f}",
            *(found_in(goal, cell, by_state[state]) for state in by_state)]


def goals_tables(rows, s, by_state):
    known = reasons()
    met = [r for r in rows if r[3]]
    out = [f"{len(met)} of {len(rows)} are met.\n", "### Not met\n"]
    header = ["goal", "cell", "figure", "wanted", "found", *by_state]
    table = [header + ["reason found"]]
    for row in rows:
        if not row[3]:
            table.append(goal_row(row, by_state) + [reason(row[0], s[row[1]], known)])
    out += [rows_table(table, 3), "### Met\n"]
    out.append(rows_table([header] + [goal_row(r, by_state) for r in met], 3))
    return "\n".join(out)


# -- the two documents --

INTRO = """# Benchmarks

Written by `tests/bench/plot` from the raw results in `tests/bench/results/`; how they were measured
stands in [`tests/bench/README.md`](../tests/bench/README.md). Compare ratios, not nanoseconds: they
are of one machine in one hour.

{provenance}
Nanoseconds of wall time per operation, medians of the rounds that count; ratios above 1: libccp is
faster; ▼: a peer is faster. CPU: processor time of libccp over that of the fastest peer with
threads. near, mid, far: the state of the cores; `!`: fewer than three rounds were undisturbed.

A peer is faster in {lost} of {all} cells: {where}
"""

GOALS = """## Goals

Goals in nanoseconds were set on another machine, where an uncontended compare-and-swap took 2.3 ns;
those whose names end in r are the same goals as ratios to Go in the same round. `threads`: time
of the best peer with threads over that of libccp; `go`: the same with Go; `cpu`: processor time of
libccp over that of the fastest peer with threads; `inlined:PEER`: time of a peer over that of
libccp optimized with the program; `over:CELL`: time over that in another cell; `of-ideal`: time of
the work alone over that of libccp; others: a value in ns, bytes, ms or shares.
`found` is that of the tables above, near and mid those with the cores in that state all the time,
if three rounds or more were; bold: they meet the goal.

"""


def losses(s):
    """How many cells a peer wins, of how many, and which, as text."""
    compared = [n for n in s if s[n].cell.kind not in ("fair", "memory", "idle")
                and "ccp" in s[n].values and len(s[n].values) > 1]
    by_peer = {}
    for n in compared:
        for kind, ratio in beaten(s[n], s):
            peer = "go" if kind == "go" else s[n].best_with_threads()
            by_peer.setdefault(peer, []).append((n, ratio))
    lost = [n for n in compared if beaten(s[n], s)]
    return lost, compared, by_peer


def losses_text(by_peer):
    """Each cell that a peer wins, by peer."""
    where = [f"{BY_NAME[p].title} in {', '.join(f'{n} ({r:.2f})' for n, r in cells)}"
             for p, cells in by_peer.items()]
    return ("; ".join(where) or "none") + "."


def losses_brief(by_peer):
    """How many cells each peer wins, and by how much."""
    where = []
    for p, cells in sorted(by_peer.items(), key=lambda item: -len(item[1])):
        ratios = [r for _, r in cells]
        which = cells[0][0] if len(cells) == 1 else f"{len(cells)}"
        span = f"{min(ratios):.2f}" + (f" to {max(ratios):.2f}" if len(cells) > 1 else "")
        where.append(f"{BY_NAME[p].title} in {which} ({span})")
    return (", ".join(where) or "none") + "."


def plots(directory, names):
    return "".join(f"![{n}]({directory}/{n}.svg)\n" for n in names)


def summaries_by_state(all_rounds, s):
    """state -> cell -> summary of the good rounds in that state, if there are three."""
    states = {}
    for state in ("near", "mid", "far"):
        for n, cell in s.items():
            rounds = [r for r in good_rounds(all_rounds[n]) if state_of(r) == state]
            if len(rounds) >= 3:
                states.setdefault(state, {})[n] = report.Summary(cell.cell, rounds, cell.cores)
    return states


def states_tables(by_state, s):
    """The cells in the states of the cores that are not in the tables above."""
    out = []
    for state, found in by_state.items():
        rows = [cell_row(c, found) for n, c in found.items()
                if s[n].state != state and c.cell.kind in MOVED_BY_STATE and "ccp" in c.values]
        if rows:
            out += [f"## Cells of the tables above while the cores were {state}\n",
                    rows_table([HEADER] + rows)]
    return "\n".join(out)


def benchmarks(heads, s, by_state, goal_rows, plot_names):
    lost, compared, by_peer = losses(s)
    out = [INTRO.format(provenance=provenance(heads), lost=len(lost), all=len(compared),
                        where=losses_text(by_peer)), plots("plots", plot_names)]
    for title, names in sections(s):
        out.append(f"## {title}\n")
        if title.startswith("Memory"):
            out.append(memory_table(names, s))
        else:
            out += [rows_table([HEADER] + [cell_row(s[n], s) for n in names]),
                    lateness_table(names, s)]
    fairness = fairness_table(s)
    if fairness:
        out += ["## Fairness\n", fairness]
    out.append(states_tables(by_state, s))
    out.append(GOALS + goals_tables(goal_rows, s, by_state))
    out.append("## Every peer: wall time / processor time\n")
    for title, names in sections(s):
        if not title.startswith("Memory"):
            out += [f"### {title}\n", peers_table(names, s)]
    return "\n".join(out)


def states_text(s):
    """How far apart the cores were, cell by cell."""
    counts = {}
    for cell in s.values():
        counts[cell.state.lstrip("!")] = counts.get(cell.state.lstrip("!"), 0) + 1
    line = statistics.median(statistics.mean(r["line"]) for c in s.values() for r in c.rounds)
    each = ", ".join(f"{n} cells {state}" for state, n in counts.items())
    return (f"Cores: {each} (near: a cache line to the other core and back takes less than 90 ns, "
            f"mid: less than 450); median {line:.0f} ns.")


def readme(heads, s, goal_rows):
    head = heads[0][0]
    lost, compared, by_peer = losses(s)
    rows = [["work", "libccp", "best peer with threads", "Go", "best / libccp", "Go / libccp"]]
    rows += [[r[0], r[1], *r[3:7]] for r in (cell_row(s[n], s) for n in README_CELLS if n in s)]
    met = sum(r[3] for r in goal_rows)
    return "\n".join([
        f"Nanoseconds per operation, medians, of {head['cpu']}, {head['cores']} cores, Linux "
        f"{head['kernel']}, {head['cc']}, {head.get('go')}, {head.get('rustc')}, "
        f"{head['date'][:10]}, commit {head['commit']}. `4to1-64`: 4 senders, 1 receiver, "
        f"capacity 64. {states_text(s)}\n",
        rows_table(rows),
        f"▼: a peer is faster. So it is in {len(lost)} of {len(compared)} cells: "
        f"{losses_brief(by_peer)}",
        f"{met} of {len(goal_rows)} goals are met. All cells, all peers, the goals that are not "
        "met and why: [`docs/benchmarks.md`](docs/benchmarks.md); the knobs: "
        "[`docs/tuning.md`](docs/tuning.md).\n"])
