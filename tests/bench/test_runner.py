#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the runner: which rounds count, what the figures are, and that wrong sums are seen."""
import math
import pathlib
import random
import re
import stat
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True

from benchlib import cells, compare, document, measure, report, svg, together  # noqa: E402


def rnd(line, others=0.0, **wall):
    runs = {peer: {"n": 100, "wall": w * 100, "cpu": w * 100, "vcs": 0, "ics": 0}
            for peer, w in wall.items()}
    return {"line": [line, line], "others": others, "step": 1.0, "cas": 4.0, "step_used": 1.0,
            "runs": runs}


class Rounds(unittest.TestCase):
    def test_rounds_of_the_most_frequent_state_count(self):
        rounds = [rnd(60), rnd(61), rnd(62), rnd(300), rnd(310)]
        self.assertEqual(measure.chosen_rounds(rounds), (rounds[:3], "near"))

    def test_a_round_is_spoiled_by_load_or_by_cores_that_moved(self):
        moved = dict(rnd(60), line=[60, 400])
        rounds = [rnd(60), rnd(60, others=0.5), moved, rnd(60), rnd(60)]
        self.assertEqual(measure.chosen_rounds(rounds), ([rounds[0], rounds[3], rounds[4]], "near"))

    def test_without_three_good_rounds_the_least_disturbed_count_and_are_marked(self):
        rounds = [rnd(60, others=x) for x in (0.9, 0.3, 0.2, 0.8, 0.4)]
        found, word = measure.chosen_rounds(rounds)
        self.assertEqual(([r["others"] for r in found], word), ([0.2, 0.3, 0.4], "!near"))


class Comparison(unittest.TestCase):
    def told(self, ours, theirs):
        low, high = compare.interval(ours, theirs, random.Random(1))
        return compare.word(low, high, 1.03)

    def test_equal_figures_are_shown_and_larger_ones_are_above(self):
        base = [100 + i % 3 for i in range(30)]
        self.assertEqual(self.told(base, base), "shown")
        self.assertEqual(self.told([x * 1.06 for x in base], base), "above")

    def test_what_scatters_more_than_it_differs_is_open(self):
        base = [60 if i % 2 else 140 for i in range(30)]
        self.assertEqual(self.told(base, base), "open")

    def test_the_tenth_at_either_end_does_not_count(self):
        base = [100.0] * 18
        self.assertEqual(compare.ratio(base + [1, 9e9], base + [100, 100]), 1)


class Together(unittest.TestCase):
    """Cells of which each alone scatters by 5 %, so that none can be shown to be below 1.03."""

    def told(self, costs):
        chance = random.Random(1)
        lines = []
        for i, cost in enumerate(costs):
            ratio = cost * math.exp(chance.gauss(0, 0.05))
            lines.append({"cell": str(i), "ratio": ratio, "low": ratio * math.exp(-0.05 * 1.645),
                          "high": ratio * math.exp(0.05 * 1.645)})
        return together.together(lines)

    def test_cells_that_cost_nothing_are_below_the_limit_together(self):
        found = self.told([1.0] * 400)
        self.assertLess(max(bound for _, bound in found.bounds.values()), 1.03)
        self.assertLess(abs(found.mean - 1), 0.01)

    def test_cells_that_cost_something_are_above_it(self):
        found = self.told([1.04] * 400)
        self.assertGreater(min(bound for _, bound in found.bounds.values()), 1.03)

    def test_one_cell_that_stands_out_stays_above_and_makes_the_bounds_wider(self):
        found, calm = self.told([1.25] + [1.0] * 399), self.told([1.0] * 400)
        self.assertGreater(found.bounds["0"][1], 1.03)
        self.assertGreater(found.spread, calm.spread)
        self.assertGreater(found.bounds["1"][1], calm.bounds["1"][1])

    def test_the_bounds_hold_in_95_of_100_cells(self):
        costs = [random.Random(i).gauss(1.0, 0.02) for i in range(2000)]
        found = self.told(costs)
        below = sum(cost <= found.bounds[str(i)][1] for i, cost in enumerate(costs))
        self.assertGreater(below, 0.94 * len(costs))

    def test_few_cells_and_cells_without_scatter_say_nothing(self):
        self.assertIsNone(self.told([1.0] * 19))
        self.assertIsNone(together.together([{"cell": str(i), "ratio": 1.0, "low": 1.0, "high": 1.0}
                                             for i in range(40)]))


class Figures(unittest.TestCase):
    def setUp(self):
        every = {c.name: c for c in cells.load_cells()}
        rounds = {"1to1-64": [rnd(60, ccp=10, go=30, crossbeam=20, std=15, **{"ccp-lto": 8})
                              for _ in range(3)],
                  "16to16-64": [rnd(60, ccp=50, go=40) for _ in range(3)]}
        self.found = report.summarize([every[n] for n in rounds], rounds, 2)

    def test_ratios_are_to_the_best_peer_with_threads_and_to_go(self):
        s = self.found["1to1-64"]
        self.assertEqual(s.best_with_threads(), "std")
        self.assertEqual(s.figure("threads", self.found), 1.5)
        self.assertEqual(s.figure("go", self.found), 3)
        self.assertEqual(s.figure("cpu", self.found), 10 / 15)
        self.assertEqual(s.figure("inlined:std", self.found), 15 / 8)
        self.assertIsNone(self.found["16to16-64"].figure("inlined:go", self.found))

    def test_a_goal_that_is_missed_is_reported_as_missed(self):
        rows = report.goals_rows([cells.Goal("C2", ["16to16-64"], "over:1to1-64", "<=", 3.0)],
                                 self.found)
        self.assertEqual([(name, found, met) for _, name, found, met in rows],
                         [("16to16-64", 5, False)])

    def test_a_cell_that_a_peer_wins_is_named(self):
        lost, compared, where = document.losses(self.found)
        self.assertEqual((lost, compared), (["16to16-64"], ["1to1-64", "16to16-64"]))
        self.assertEqual(document.losses_text(where), "Go in 16to16-64 (0.80).")
        self.assertEqual(document.losses_brief(where), "Go in 16to16-64 (0.80).")

    def test_cells_that_peers_win_are_counted(self):
        by_peer = {"tbb": [("x", 0.5)], "go": [("x", 0.25), ("y", 0.9)]}
        self.assertEqual(document.losses_brief(by_peer), "Go in 2 (0.25 to 0.90), TBB in x (0.50).")
        self.assertEqual(document.losses_brief({}), "none.")

    def test_a_reason_quotes_what_was_measured(self):
        goal = cells.Goal("C2", ["16to16-64"], "go", ">=", 2.0)
        s = self.found["16to16-64"]
        known = [("C2", ["16to16-*"], "go", "Go takes {go} ns, we {ccp}.")]
        self.assertEqual(document.reason(goal, s, known), "Go takes 40 ns, we 50.")
        self.assertEqual(document.reason(goal._replace(figure="cpu"), s, known),
                         "no reason found yet")

    def test_every_reason_belongs_to_a_goal(self):
        names = {g.name for g in cells.load_goals()}
        for name, _, _, why in document.reasons():
            self.assertIn(name, names)
            self.assertTrue(why)

    def test_every_goal_names_cells_that_exist(self):
        names = [c.name for c in cells.load_cells()]
        for goal in cells.load_goals():
            for pattern in goal.patterns:
                self.assertTrue(cells.goal_cells(goal._replace(patterns=[pattern]), names), pattern)
            if goal.figure.startswith("over:"):
                self.assertIn(goal.figure[5:], names)

    def test_raw_results_are_read_as_they_were_written(self):
        every = {c.name: c for c in cells.load_cells()}
        rounds = {"1to1-64": [rnd(60, ccp=10)]}
        with tempfile.TemporaryDirectory() as where:
            path = pathlib.Path(where) / "raw.jsonl"
            report.write_raw(path, {"date": "d"}, [every["1to1-64"]], rounds, 1.0)
            head, found = report.read_raw(path)
        self.assertEqual(head, {"date": "d"})
        self.assertEqual(found["1to1-64"][0]["runs"], rounds["1to1-64"][0]["runs"])

    def test_charts_have_a_mark_for_each_value(self):
        bars = svg.bars("t", ["a", "b"], [("x", [1, 2]), ("y", [30, None])])
        lines = svg.lines("t", ["a"], [1, 2, 3], [[1, None, 100]], "n")
        self.assertEqual(bars.count("<title>"), 3)
        self.assertEqual(lines.count("<circle"), 2)


class Knobs(unittest.TestCase):
    """docs/tuning.md, knobs.txt and the library speak of the same knobs."""

    def setUp(self):
        root = cells.HERE.parent.parent
        source = (root / "src" / "block" / "tuning.c").read_text(encoding="utf-8")
        self.values = dict(re.findall(r"\.(\w+) = (\d+)", source))
        self.text = (root / "docs" / "tuning.md").read_text(encoding="utf-8")

    def test_each_knob_is_explained_with_its_value(self):
        for name, value in self.values.items():
            if name != "first_lap":
                self.assertIn(f"| `{name}` | {value} |", self.text)

    def test_each_knob_can_be_turned(self):
        turned = {line.split()[0] for line in cells.lines_of("knobs.txt")}
        self.assertEqual(set(self.values) - turned, {"first_lap"})


class Programs(unittest.TestCase):
    """A program that lies, crashes or cannot do the cell."""

    def with_program(self, script, name, use):
        with tempfile.TemporaryDirectory() as where:
            path = pathlib.Path(where) / "program"
            path.write_text("#!/bin/sh\n" + script, encoding="ascii")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            programs = types.SimpleNamespace(paths={"bench_go": path, "bench_c": path})
            bench = measure.Bench(programs, [cells.BY_NAME["go"]], 1, print)
            bench.step_ns = 1.0
            return use(bench, next(c for c in cells.load_cells() if c.name == name))

    def call(self, script):
        return self.with_program(script, "1to1-64",
                                 lambda bench, cell: bench.call(cell, bench.peers[0], 10))

    def test_a_wrong_sum_is_not_a_measurement(self):
        with self.assertRaises(measure.Broken):
            self.call("echo bad peer=go n=10 wall=5 count=9 sum=1; exit 1\n")

    def test_a_crash_is_not_a_measurement(self):
        with self.assertRaises(measure.Broken):
            self.call("kill -SEGV $$\n")

    def test_a_peer_may_say_that_it_cannot(self):
        self.assertIsNone(self.call("echo unsupported peer=go why=so; exit 3\n"))

    def test_a_peer_that_cannot_is_left_out_where_nothing_is_calibrated(self):
        script = ("case $1 in probe) echo probe line=60 step=1 cas=2;; "
                  "*) echo unsupported; exit 3;; esac\n")

        def use(bench, cell):
            bench.round(cell)
            return bench.peers_in(cell), bench.rounds["idle16"][0]["runs"]

        self.assertEqual(self.with_program(script, "idle16", use), ([], {}))

    def test_a_good_run_is_read(self):
        self.assertEqual(self.call("echo ok peer=go n=10 wall=5 p50=1.5\n"),
                         {"n": 10, "wall": 5, "p50": 1.5})


if __name__ == "__main__":
    unittest.main()
