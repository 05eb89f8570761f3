# SPDX-License-Identifier: MIT
"""The build of the tests, and copies of the sources in which objects of it are made anew."""
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **more)


def must(command):
    r = run(command)
    if r.returncode:
        print("%s\n%s" % (" ".join(command), r.stdout[-3000:]))
        sys.exit(2)


class Object:
    """One object file of the build: how it is made, and from what."""

    def __init__(self, entry, top):
        words = shlex.split(entry["command"])
        self.words, self.directory = words, entry["directory"]
        self.source = os.path.normpath(os.path.join(self.directory, entry["file"]))
        self.path = os.path.normpath(os.path.join(self.directory, words[words.index("-o") + 1]))
        self.inputs = set()
        if os.path.exists(self.path + ".d"):
            with open(self.path + ".d") as f:
                self.inputs = {os.path.normpath(os.path.join(self.directory, n))
                               for n in re.findall(r"[^\s\\]+\.[ch](?=\s|$)", f.read())}
        if self.source.endswith("/tests/sim/lock.c"):  # generated: see tests/sim/CMakeLists.txt
            self.inputs.add(os.path.join(top, "src/base/lock.c"))


class Tree:
    """The build of the tests as they are, or of those of another tree."""

    def __init__(self, work, steps, top=TOP, options=()):
        self.work, self.top = os.path.abspath(work), top
        self.build = os.path.join(self.work, "build")
        must(["cmake", "-S", top, "-B", self.build, "-DCCP_TEST_KINDS=sim;fuzz;unit;fault;process",
              "-DCCP_EXAMPLES=OFF", "-DCCP_BENCH=OFF", "-DCCP_PARK=futex",
              "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
              "-G", "Unix Makefiles", *options])
        must(["cmake", "--build", self.build, "-j2", "--target",
              *sorted({s.program for s in steps})])
        with open(os.path.join(self.build, "compile_commands.json")) as f:
            self.objects = {o.path: o for o in (Object(e, top) for e in json.load(f))}
        self.links, self.parts = {}, {}

    def program(self, step):
        return os.path.join(self.build, "tests", step.kind, step.program)

    def library_of(self, path):
        """The objects of the library that are made from a file of src/."""
        source = os.path.join(self.top, "src", path)
        return [o for o in self.objects.values()
                if "/ccp_checked.dir/" in o.path and source in o.inputs]

    def link_words(self, step):
        """The words of the command that links a program."""
        key = (step.kind, step.program)
        if key not in self.links:
            with open(os.path.join(self.build, "tests", step.kind, "CMakeFiles",
                                   step.program + ".dir", "link.txt")) as f:
                self.links[key] = shlex.split(f.read())
        return self.links[key]

    def parts_of(self, step, path):
        """The objects of a program, or of its libraries, that must be made again for a file of
        src/; those of the program first."""
        key = (step.kind, step.program, path)
        if key not in self.parts:
            here = os.path.join(self.build, "tests", step.kind)
            changed, found = os.path.join(self.top, "src", path), []
            for word in self.link_words(step):
                place = os.path.normpath(os.path.join(here, word))
                inside = os.path.join(os.path.dirname(place), "CMakeFiles",
                                      os.path.basename(place)[3:-2] + ".dir", "")
                for o in self.objects.values():
                    own = o.path == place or (place.endswith(".a") and o.path.startswith(inside))
                    if own and changed in o.inputs and o not in found:
                        found.append(o)
            self.parts[key] = found
        return self.parts[key]


class Bench:
    """A copy of the sources in which one mutant after another is made."""

    def __init__(self, tree, number):
        self.tree = tree
        self.dir = os.path.join(tree.work, "bench%d" % number)
        self.src = os.path.join(self.dir, "src")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(os.path.join(TOP, "src"), self.src)
        os.mkdir(os.path.join(self.dir, "clean"))
        os.mkdir(os.path.join(self.dir, "mutant"))

    def compile(self, o, out):
        """Makes an object from this copy, without the places in the source; False: it cannot be."""
        words = [w.replace(self.tree.top + "/src", self.src) for w in o.words]
        if o.source.endswith("/tests/sim/lock.c"):
            lock = os.path.join(self.dir, "lock.c")
            with open(os.path.join(self.src, "base/lock.c")) as f, open(lock, "w") as g:
                g.write(re.sub(r"#define SPINS \d+", "#define SPINS 1", f.read()))
            words = [lock if w == o.source else w for w in words]
        words[words.index("-o") + 1] = out
        words = [w for w in words if w not in ("-g", "-O2", "-O3")] + ["-w", "-g0", "-O1"]
        return subprocess.run(words, cwd=o.directory, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def place(self, where, o):
        return os.path.join(self.dir, where,
                            os.path.relpath(o.path, self.tree.build).replace("/", "_"))

    @contextlib.contextmanager
    def changed(self, m):
        """A mutant in place of its source."""
        self.made, self.programs, self.differs = {}, {}, False
        shutil.rmtree(os.path.join(self.dir, "mutant"))
        os.mkdir(os.path.join(self.dir, "mutant"))
        path = os.path.join(self.src, m.path)
        with open(path) as f:
            whole = f.read()
        try:
            with open(path, "w") as f:
                f.write(m.apply(whole))
            yield
        finally:
            with open(path, "w") as f:
                f.write(whole)

    def clean(self, objects):
        """Makes what is compared with: the objects without a mutant."""
        for o in objects:
            out = self.place("clean", o)
            if not os.path.exists(out) and not self.compile(o, out):
                raise RuntimeError("cannot compile " + o.path)

    def object(self, o):
        if o.path not in self.made:
            out = self.place("mutant", o)
            self.made[o.path] = out if self.compile(o, out) else None
            if self.made[o.path]:
                with open(out, "rb") as f, open(self.place("clean", o), "rb") as g:
                    self.differs |= f.read() != g.read()
        return self.made[o.path]

    def is_same(self, m):
        """Does the compiler make the same of a mutant?  None: it cannot be built."""
        objects = self.tree.library_of(m.path)
        self.clean(objects)
        with self.changed(m):
            for o in objects:
                if not self.object(o):
                    return None
                if self.differs:
                    return False
        return bool(objects)

    def program(self, step, path):
        """The program of a step with this copy's file: its path, None if it cannot be built, or ""
        if it has nothing of the file in it."""
        key = (step.kind, step.program)
        if key not in self.programs:
            self.programs[key] = self.link(step, self.tree.parts_of(step, path))
        return self.programs[key]

    def link(self, step, parts):
        if not parts:
            return ""
        new = {o.path: self.object(o) for o in parts}
        if None in new.values():
            return None
        if not self.differs:
            return ""
        here = os.path.join(self.tree.build, "tests", step.kind)
        words, out = [], os.path.join(self.dir, "mutant", step.program)
        for word in self.tree.link_words(step):
            place = os.path.normpath(os.path.join(here, word))
            words.append(new.pop(place, word))
        at = words.index("-o")
        words[at + 1] = out
        words[at:at] = list(new.values())
        if step.kind == "sim":  # an object of the library may need what the explorer does not have
            words.append("-Wl,--unresolved-symbols=ignore-in-object-files")
        return out if run(words, cwd=here).returncode == 0 else None


