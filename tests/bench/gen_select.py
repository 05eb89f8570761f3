#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a Go file with one select statement for each number of cases: Go's own dynamic form,
reflect.Select, allocates and would be an unfair peer."""
import sys

SIZES = (1, 2, 4, 8, 16, 32, 64)

HEAD = "package main\n\nvar selectors = map[int]func([]chan uint64) (uint64, uint64){"
CASE = """\t\tcase v, open := <-c{i}:
\t\t\tif !open {{
\t\t\t\tc{i}, left = nil, left-1
\t\t\t\tcontinue
\t\t\t}}
\t\t\tsum += v"""


def function(k):
    names = ", ".join(f"c{i}" for i in range(k))
    values = ", ".join(f"ch[{i}]" for i in range(k))
    lines = [f"func select{k}(ch []chan uint64) (count, sum uint64) {{",
             f"\t{names} := {values}",
             f"\tfor left := {k}; left > 0; {{", "\t\tselect {"]
    lines += [CASE.format(i=i) for i in range(k)]
    lines += ["\t\t}", "\t\tcount++", "\t}", "\treturn", "}"]
    return "\n".join(lines)


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        print(HEAD + ", ".join(f"{k}: select{k}" for k in SIZES) + "}\n", file=out)
        print("\n\n".join(function(k) for k in SIZES), file=out)


main()
