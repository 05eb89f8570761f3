# SPDX-License-Identifier: MIT
"""Lists of exceptions with their reasons: survivors.txt here, uncovered.txt of tests/coverage.

A reason, one line or more, then, indented, the names that it is for; * in a name stands for any
text.  Empty lines and those that begin with # are not read."""
import fnmatch


def load(path):
    """{name: reason}"""
    reasons, reason, in_names = {}, "", True
    with open(path) as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("#") or not line:
                continue
            if line.startswith("  "):
                reasons[line.strip()] = reason
                in_names = True
            else:
                reason = line if in_names else reason + " " + line
                in_names = False
    return reasons


def fits(entry, name):
    return entry == name or ("*" in entry and fnmatch.fnmatchcase(name, entry.replace("[", "[[]")))
