#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is everything in src/ reached by the tests, but for what uncovered.txt names with its reason?

    check.py REPORT.json UNCOVERED.txt ROOT

REPORT is what gcovr --json writes.  A line of source is named by its file below src/ and its text,
and by #2, #3 .. where the same text stands in the file again; so names stay when lines move.

    FILE: TEXT                  the line is not reached
    FILE: TEXT | branches N     N of the line's branches are not taken
    FILE: TEXT | branches 0-N   N of them at most, as chance has it: how threads met this time
    FILE: *                     the file is not held to the list, nor counted

A * stands for any text; such an entry is for as many lines as it fits.  A line or branch that is
not reached and not in the list is a fault, and so is an entry that does not hold any more, or a
goal that is missed.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mutation"))
import reasons  # noqa: E402

GOALS = {"lines": 100.0, "branches": 97.0}  # per cent
BY_CHANCE = re.compile(r"(.*\| branches )0-(\d+)$")


def sources(root, path):
    """The names of a file's lines."""
    seen, names = {}, [None]
    with open(os.path.join(root, "src", path)) as f:
        for line in f:
            text = " ".join(line.split())
            seen[text] = seen.get(text, 0) + 1
            again = " #%d" % seen[text] if seen[text] > 1 else ""
            names.append("%s: %s%s" % (path, text, again))
    return names


def missed(report, root, left_out):
    """What was not reached, {name: where it is}; how much there is, {kind: [reached, all]}."""
    found, count = {}, {"lines": [0, 0], "branches": [0, 0]}
    for entry in report["files"]:
        path = os.path.relpath(entry["file"], "src")
        if path in left_out:
            found[path + ": *"] = entry["file"]
            continue
        names = sources(root, path)
        for line in entry["lines"]:
            number = line["line_number"]
            if line.get("gcovr/noncode"):
                continue
            where = "src/%s:%d" % (path, number)
            count["lines"][0] += line["count"] > 0
            count["lines"][1] += 1
            if line["count"] == 0:
                found[names[number]] = where
            taken = [b["count"] > 0 for b in line["branches"]]
            count["branches"][0] += sum(taken)
            count["branches"][1] += len(taken)
            if not all(taken) and line["count"] > 0:
                found["%s | branches %d" % (names[number], len(taken) - sum(taken))] = where
    return found, count


def fits(entry, name):
    chance = BY_CHANCE.match(entry)
    if not chance:
        return reasons.fits(entry, name)
    return any(reasons.fits(chance.group(1) + str(n), name)
               for n in range(1, int(chance.group(2)) + 1))


def main():
    if len(sys.argv) != 4:
        print(__doc__.strip())
        return 2
    entries = reasons.load(sys.argv[2])
    left_out = {e[: -len(": *")] for e in entries if e.endswith(": *")}
    with open(sys.argv[1]) as f:
        found, count = missed(json.load(f), sys.argv[3], left_out)
    if not count["lines"][1]:
        print("the report has no line of src/")
        return 2
    bad = 0
    for name, where in sorted(found.items(), key=lambda item: item[1]):
        if not any(fits(e, name) for e in entries):
            print("%s: not reached, and nothing says why: %s" % (where, name))
            bad += 1
    for entry, reason in entries.items():
        if not BY_CHANCE.match(entry) and not any(fits(entry, name) for name in found):
            print("listed, but reached, or not there: %s" % entry)
            bad += 1
        if not reason:
            print("listed without a reason: %s" % entry)
            bad += 1
    shares = []
    for kind, (reached, total) in count.items():
        share = 100.0 * reached / total if total else 100.0
        if share < GOALS[kind]:
            print("%s: the goal is %.0f %%" % (kind, GOALS[kind]))
            bad += 1
        shares.append("%s: %.1f %% (%d of %d)" % (kind, share, reached, total))
    left = sum(name.endswith(": *") for name in found)
    print("%s, %d listed, %d files left out" % (", ".join(shares), len(found) - left, left))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
