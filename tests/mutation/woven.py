# SPDX-License-Identifier: MIT
"""Mutants that are all in one build (weave.py): a program is told which it is.

    WORK/woven         the tree of the sources, with all mutants
    WORK/woven/reach   which of them each step comes by

Only the steps that come by a mutant are run against it.  What survives is compiled by itself, to
see whether the compiler makes the same of it."""
import fnmatch
import os
import shutil

import build
import mutants
import weave


def write_if_new(path, text):
    """So that what is made of it stays if it says the same."""
    if os.path.exists(path):
        with open(path) as f:
            if f.read() == text:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def sources(top):
    """The paths of the sources, below src/."""
    src = os.path.join(top, "src")
    return sorted(os.path.relpath(os.path.join(base, name), src)
                  for base, _, names in os.walk(src) for name in names)


def make_tree(tree, files):
    """A tree with the mutants of each stage in the files that fit its patterns: the numbers of the
    mutants, by stage and name, and how many numbers there are."""
    os.makedirs(tree, exist_ok=True)
    for name in os.listdir(build.TOP):
        link = os.path.join(tree, name)
        if not os.path.lexists(link) and not name.startswith((".", "build")) and name != "src":
            os.symlink(os.path.join(build.TOP, name), link)
    numbers, first = {}, 0
    for path in sources(build.TOP):
        with open(os.path.join(build.TOP, "src", path)) as f:
            text = f.read()
        found = [m for stage in files for m in mutants.mutants(path, text, stage)
                 if any(fnmatch.fnmatch(path, f) for f in files[stage])]
        if found:
            text = weave.woven(text, mutants.code_of(text), found, first)
            numbers.update(((m.stage, m.name), first + m.place) for m in found)
            first += weave.PER_FILE
        if path == "sources.cmake":
            text = text.replace("set(CCP_SOURCES\n", "set(CCP_SOURCES\n    base/chosen.c\n")
        write_if_new(os.path.join(tree, "src", path), text)
    with open(os.path.join(build.HERE, "chosen.c")) as f:
        write_if_new(os.path.join(tree, "src/base/chosen.c"), f.read())
    for path in set(sources(tree)) - set(sources(build.TOP)) - {"base/chosen.c"}:
        os.remove(os.path.join(tree, "src", path))
    return numbers, first


LOOK = 2  # processor seconds of a step without a mutant: what it comes by later does not count


class Woven:
    """The mutants of some stages."""

    def __init__(self, work, steps, files):
        top = os.path.join(os.path.abspath(work), "woven")
        self.numbers, self.most = make_tree(top, files)
        self.tree = build.Tree(top, steps, top, ["-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG -w"])
        # The explorer last: its looks alone take minutes.
        self.groups = [[s for s in steps if s.kind != "sim"], [s for s in steps if s.kind == "sim"]]
        self.reached = {}

    def look(self, step, key):
        """Runs a step without a mutant, and notes what it comes by."""
        path = os.path.join(self.tree.top, "reach", key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.truncate(self.most)
        return step.run(self.tree.program(step), min(step.seconds, LOOK), CCP_MUTANTS_SEEN=path)

    def know(self, step, key):
        with open(os.path.join(self.tree.top, "reach", key), "rb") as f:
            self.reached[step.text] = f.read()

    def try_mutant(self, bench, m, steps, experience, budget):
        """(verdict, by what), as Apart.try_mutant(); no step may take more than a quarter."""
        number, most = self.numbers[m.stage, m.name], max(budget / 4, 1)
        steps = [s for s in steps if s.fits(m) and self.reached[s.text][number]]
        for step in experience.order(steps, m.path):
            if budget <= 0:
                break
            r = step.run(self.tree.program(step), min(step.seconds, most), CCP_MUTANT=str(number))
            budget -= r.used
            experience.note(step, m.path, bool(r.failure), r.used)
            if r.failure:
                return "killed", r.failure
        return "survived", "%d steps come by it" % len(steps)

    def settle(self, bench, m):
        """What becomes of a mutant that has survived all groups, if the program is the same."""
        same = bench.is_same(m)
        if same is None:
            return "invalid", "cannot be built"
        return ("same", "the compiler makes the same of it") if same else None
