# SPDX-License-Identifier: MIT
"""Builds the programs: C and C++ with CMake, Go with go, Rust with cargo on Debian's crates."""
import os
import pathlib
import re
import shutil
import subprocess

from benchlib.cells import HERE, Peer

ROOT = HERE.parent.parent
GOPATH = pathlib.Path("/usr/share/gocode")  # where Debian puts Go packages
REGISTRY = pathlib.Path("/usr/share/cargo/registry")  # where Debian puts crates


class Programs:
    """The programs that exist, the peers that each has, and why others are missing."""

    def __init__(self, build, bin_dir=None, say=print):
        self.build = pathlib.Path(build).resolve()
        self.bin_dir = pathlib.Path(bin_dir).resolve() if bin_dir else None
        self.say = say
        self.paths = {}
        self.flags = {}

    def add_other(self, program):
        """libccp's program of another build, as a peer: what a change costs, in one run."""
        self.paths["bench_ccp_other"] = pathlib.Path(program).resolve()
        return Peer("ccp-other", "bench_ccp_other", "libccp, another build", False, False, "")

    def make(self, peers):
        wanted = {p.program for p in peers}
        self.build.mkdir(parents=True, exist_ok=True)
        for name, make in (("bench_go", self.make_go), ("bench_rust", self.make_rust)):
            if name in wanted:
                make()
        self.make_c(wanted)

    def peers_of(self, program):
        if program not in self.paths:
            return []
        if program.startswith("bench_ccp_"):
            return [program.removeprefix("bench_").replace("_", "-")]
        out = subprocess.run([self.paths[program], "list"], stdout=subprocess.PIPE, check=True)
        return out.stdout.decode().split()

    # -- C and C++ --

    def make_c(self, wanted):
        if self.bin_dir:
            where = self.bin_dir
        else:
            where = self.cmake(self.build, [], ["bench_programs"]) / "tests" / "bench"
        for name in ("bench_ccp", "bench_c", "bench_cpp", "bench_omp", "bench_urcu"):
            if (where / name).exists():
                self.paths[name] = where / name
        for other, option in (("cond", "-DCCP_PARK=cond"),
                              ("lto", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON")):
            if f"bench_ccp_{other}" in wanted:
                tree = self.cmake(self.build / other, [option], ["bench_ccp"])
                if (tree / "tests" / "bench" / "bench_ccp").exists():
                    self.paths[f"bench_ccp_{other}"] = tree / "tests" / "bench" / "bench_ccp"

    def cmake(self, tree, options, targets):
        """A release build of our own: what is measured is never a debug build."""
        self.run(["cmake", "-S", ROOT, "-B", tree, "-DCMAKE_BUILD_TYPE=Release",
                  "-DCCP_TESTS=OFF", "-DCCP_EXAMPLES=OFF", "-DCCP_BENCH=ON", *options])
        self.run(["cmake", "--build", tree, "-j2", "--target", *targets])
        return tree

    # -- Go --

    def make_go(self):
        if not shutil.which("go"):
            return
        out = self.build / "bench_go"
        if not newer(out, [*HERE.glob("*.go"), HERE / "gen_select.py"]):
            sources = self.build / "go"  # go wants all of them in one directory
            sources.mkdir(exist_ok=True)
            names = [g.name for g in HERE.glob("*.go")]
            if not (GOPATH / "src/golang.org/x/time/rate").is_dir():
                names.remove("bench_rate.go")
            for name in names:
                shutil.copy(HERE / name, sources)
            self.run([HERE / "gen_select.py", sources / "select.go"])
            env = dict(os.environ, GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local")
            env.setdefault("GOCACHE", str(self.build / "go-cache"))
            env.setdefault("GOPATH", str(GOPATH))
            self.run(["go", "build", "-o", out, *sorted(names), "select.go"], cwd=sources, env=env)
        self.paths["bench_go"] = out

    # -- Rust --

    def make_rust(self):
        if not shutil.which("cargo"):
            return
        features = [c for c, crates in (("crossbeam", ("crossbeam-channel", "crossbeam-utils")),
                                        ("deque", ("crossbeam-deque",)),
                                        ("flume", ("flume", "spin")),
                                        ("parking_lot", ("parking_lot", "parking_lot_core")))
                    if all(any(REGISTRY.glob(f"{crate}-[0-9]*")) for crate in crates)]
        tree = self.build / "rust"
        out = tree / "target" / "release" / "bench_rust"
        sources = [*(HERE / "rust").rglob("*.rs"), HERE / "rust" / "Cargo.toml"]
        stamp = tree / "features"
        same = stamp.exists() and stamp.read_text(encoding="ascii") == ",".join(features)
        if not (same and newer(out, sources)):
            copy_rust(tree, features)
            self.run(["cargo", "build", "--quiet", "--offline", "--release", "--features",
                      ",".join(features)], cwd=tree, env=dict(os.environ, RUSTFLAGS=""))
            stamp.write_text(",".join(features), encoding="ascii")
        self.paths["bench_rust"] = out

    def run(self, command, **options):
        command = [str(c) for c in command]
        self.say("+ " + " ".join(command))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, **options)
        if done.returncode:
            raise SystemExit(done.stdout.decode(errors="replace") + "\nbench: cannot build")


def newer(out, sources):
    return out.exists() and all(out.stat().st_mtime >= s.stat().st_mtime for s in sources)


def copy_rust(tree, features):
    """Copies the Rust project, without the crates that are not installed: cargo wants to see even
    those that are not asked for."""
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(HERE / "rust", tree)
    (tree / ".cargo").mkdir()
    (tree / "config.toml").rename(tree / ".cargo" / "config.toml")
    manifest = (tree / "Cargo.toml").read_text(encoding="ascii")
    for feature in ("crossbeam", "deque", "flume", "parking_lot"):
        if feature not in features:
            manifest = re.sub(rf"(?m)^{feature}-.* = .*\n", "", manifest)
    (tree / "Cargo.toml").write_text(manifest, encoding="ascii")
