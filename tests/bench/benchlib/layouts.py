# SPDX-License-Identifier: MIT
"""Many programs of one build, whose code and data lie elsewhere in each.

Where a function begins, and which lines its data shares, changes what many cells take by more than
a small change of the code does, in both directions.  Figures of one program of each of two builds
tell which has been luckier.  So each build is linked again and again, its objects in random order
with blocks of random size between them, and the builds are compared by what they take on average.
"""
import pathlib
import random
import subprocess

PADS = 16
PAD = """
static char data[{}] __attribute__((used)) = {{ 1 }};
static char zeroes[{}] __attribute__((used));
__asm__(".text\\n.skip {}, 0xcc\\n");
"""


class Build:
    """A directory in which bench_ccp was built with CMake's makefiles."""

    def __init__(self, directory, out):
        self.directory, self.out = pathlib.Path(directory).resolve(), pathlib.Path(out)
        self.program = self.directory / "tests" / "bench" / "bench_ccp"
        folders = [self.directory / "CMakeFiles" / "ccp.dir",
                   self.program.parent / "CMakeFiles" / "bench_ccp.dir"]
        self.objects = [sorted(f.rglob("*.o")) for f in folders]
        if not self.program.exists() or not all(self.objects):
            raise SystemExit(f"{directory}: bench_ccp was not built here, or not by make")
        self.out.mkdir(parents=True, exist_ok=True)
        self.pads = [self.pad(i) for i in range(PADS)]

    def pad(self, i):
        """A block of code and two of data, of random size."""
        chance = random.Random(i)
        source = self.out / f"pad{i}.c"
        source.write_text(PAD.format(*(16 * chance.randrange(1, 64) for _ in range(3))),
                          encoding="ascii")
        target = source.with_suffix(".o")
        subprocess.run(["cc", "-c", str(source), "-o", str(target)], check=True)
        return target

    def layout(self, seed):
        """The program of this build with that seed."""
        chance = random.Random(seed)
        objects = sum(self.objects, []) + chance.sample(self.pads, PADS // 2)
        chance.shuffle(objects)
        program = self.out / f"bench_ccp_{seed}"
        subprocess.run(["cc", "-o", str(program), *map(str, objects), "-pthread"], check=True)
        return program
