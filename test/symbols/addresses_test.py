#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""What the symboliser says of random addresses of real programs is what
addr2line says, binutils' or elfutils': function, file, line, inlined calls.

addresses_test.py [COUNT]: COUNT addresses (10,000) of each of five programs,
built for it: cprofd with link-time optimisation, redis-server, libsqlite3,
libstdc++, one in Rust. Without: a sample of cprofd and libcprof.so as they are.

The two tools differ from each other much more often than we from both: where
one of them agrees with us, that is agreement. What else may differ is named in
EXPLAIN; anything more is one in a thousand at most, and printed.
"""
import collections
import os
import subprocess
import sys

HERE = os.path.dirname(__file__)
sys.path.insert(0, os.path.join(HERE, "../lib"))
sys.path.insert(0, HERE)
import addresses  # noqa: E402
import under  # noqa: E402

SAMPLE = 2000
DISAGREE_MAX = 0.001
SHOWN = 10


def _aliases(path):
    """All names of each symbol, by any of them: constructors have two."""
    names = collections.defaultdict(set)
    out = subprocess.run(["readelf", "-sW", "--dyn-syms", path], check=True,
                         capture_output=True, text=True).stdout
    for words in map(str.split, out.splitlines()):
        if len(words) >= 8 and words[3] in ("FUNC", "IFUNC", "NOTYPE"):
            names[words[1]].add(words[7].split("@")[0])
    same = collections.defaultdict(set)
    for group in names.values():
        for name in group:
            same[name] |= group
    return same


def _readable(names):
    out = subprocess.run(["c++filt"], input="\n".join(names), text=True,
                         capture_output=True, check=True).stdout
    return dict(zip(names, out.splitlines()))


class Judge:
    """Compares answers for one file."""

    def __init__(self, path, answers):
        self.aliases = _aliases(path)
        names = {f.function for a in answers for frames in a for f in frames}
        self.readable = _readable(sorted(names))
        self.why = collections.Counter()

    def _is_same_name(self, ours, theirs):
        if ours == theirs:
            return "same"
        if theirs in self.aliases[ours]:
            return "another name of the same symbol"
        # theirs may lack what encloses a function local to its file.
        shown = self.readable[ours]
        plain = self.readable[theirs].split("<")[0]
        if ours.startswith("_Z") and plain in shown:
            return "local to a C++ file: theirs is the name without its class"
        # A compiler's part of a function is a symbol of its own.
        if theirs.split(".")[0] == ours or ours.split(".")[0] == theirs:
            return "theirs is the symbol of a part of the function"
        return None

    def _is_same_place(self, ours, theirs, has_lines):
        if (os.path.normpath(ours.file), ours.line) == (
                os.path.normpath(theirs.file), theirs.line):
            return "same"
        if not has_lines and ours.line == theirs.line == 0:
            return "no DWARF: theirs is the name of the object file"
        return None

    def agree(self, ours, theirs):
        """The reasons why two chains are as good as the same; else None."""
        if len(ours) != len(theirs):
            return None
        reasons = set()
        for a, b in zip(ours, theirs):
            reasons.add(self._is_same_name(a.function, b.function))
            reasons.add(self._is_same_place(a, b, a.file != "??"))
        return None if None in reasons else reasons - {"same"}

    def judge(self, ours, tools):
        """Whether OURS is right, as one of TOOLS or for a reason of its own."""
        verdicts = [self.agree(ours, t) for t in tools]
        good = [v for v in verdicts if v is not None]
        if good:
            self.why.update(min(good, key=len) or ["the same"])
            return True
        # Binutils names what is between two functions by the one before.
        if ours[0].function == "??" and tools[1][0].function == "??":
            self.why["between two functions: elfutils has no name either"] += 1
            return True
        return False


def check(path, count):
    print(f"{path}:")
    at = addresses.pick(path, count, seed=1)
    ours = addresses.ask([addresses.ASK, path], at)
    tools = [addresses.ask([tool, "-aife", path], at)
             for tool in ("addr2line", "eu-addr2line")]
    judge = Judge(path, [ours, *tools])
    wrong = [row for row in zip(at, ours, *tools)
             if not judge.judge(row[1], row[2:])]
    for reason, n in judge.why.most_common():
        print(f"  {n:6} {reason}")
    for address, *answers in wrong[:SHOWN]:
        print(f"  {address:#x}")
        for who, frames in zip(("cprofd", "binutils", "elfutils"), answers):
            print(f"    {who:8}", *(f"{f.function} {f.file}:{f.line};"
                                    for f in frames))
    under.expect(f"{len(wrong)} of {count} unlike both tools",
                 len(wrong) <= DISAGREE_MAX * count)


def _make(command, **env):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, **env))


def _source(package, command):
    top = os.path.join(HERE, "../..")
    return subprocess.run(
        ["test/compat/get-source", package, command], check=True, cwd=top,
        stdout=subprocess.PIPE, text=True).stdout.strip()


def five_programs():
    lto = os.path.join(under.TMP, "lto")
    _make(["make", "-C", os.path.join(HERE, "../.."), f"B={lto}",
           "CFLAGS=-O2 -g -flto=auto", f"{lto}/cprofd"])
    yield os.path.join(lto, "cprofd")
    # A folder of its own: test/compat builds redis in another way.
    os.environ["CPROF_BUILD"] = os.path.join(under.BUILD, "symbols")
    yield os.path.join(_source(
        "redis", "make -j2 MALLOC=libc CFLAGS=-g redis-server"),
        "src/redis-server")
    yield os.path.join(_source(
        "sqlite3", "./configure --disable-tcl && make sqlite3.c && "
        "gcc -O2 -g -shared -fPIC -o libsqlite3.so sqlite3.c"),
        "libsqlite3.so")
    yield "/usr/lib/x86_64-linux-gnu/debug/libstdc++.so.6"
    rust = os.path.join(under.TMP, "words")
    _make(["rustc", "-O", "-g", "-o", rust, os.path.join(HERE, "words.rs")])
    yield rust


if len(sys.argv) > 1:
    for program in five_programs():
        check(program, int(sys.argv[1]))
else:
    for name in "cprofd", "libcprof.so":
        check(os.path.join(under.BUILD, name), SAMPLE)
