# SPDX-License-Identifier: MIT
"""Whether one of two sets of figures is larger than the other by more than a limit."""
import statistics

CHOICES = 2000


def figure(cell, run):
    """What it takes; for the cells that tell how fair it is, too."""
    return run["wall"] / run["n"] if cell.kind == "fair" else cell.figure(run)


def trimmed_mean(values):
    cut = len(values) // 10
    return statistics.mean(sorted(values)[cut:len(values) - cut])


def ratio(ours, theirs):
    base = trimmed_mean(theirs)
    return trimmed_mean(ours) / base if base else 1.0


def interval(ours, theirs, chance):
    found = sorted(ratio(chance.choices(ours, k=len(ours)), chance.choices(theirs, k=len(theirs)))
                   for _ in range(CHOICES))
    return found[CHOICES // 20], found[-CHOICES // 20]


def word(low, high, limit):
    return "shown" if high <= limit else "above" if low > limit else "open"
