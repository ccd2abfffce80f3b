#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""What the fast ways of the hooks cost in instructions, beyond a shim that only
forwards (empty.c). Callgrind counts, so the machine's load changes nothing and
the bounds are tight: growth by one instruction fails."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

N = 20000
# What it is today, per pair. A shim that does its work after the real call,
# in a frame of its own, had 19 and 6. A labelled scope is a hash and a
# comparison of two short texts.
BOUND = {"malloc_pairs": 9, "lock_pairs": 6, "label_pairs": 360}
# Shims of test/hook/naive that cost more.
NAIVE = {"malloc_pairs": "send", "lock_pairs": "mutex"}
# No sample is taken in so few bytes; then the countdown is a look at the rate
# once in a MiB.
QUIET = {"CPROF_HEAP_RATE": "0", "CPROF_CPU_HZ": "0"}


def count(name, **env):
    """Instructions of one pair of each kind, by callgrind."""
    folder = os.path.join(under.TMP, name)
    os.makedirs(folder)
    out = os.path.join(folder, "counts")
    for kind in BOUND:
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--toggle-collect={kind}",
             f"--callgrind-out-file={out}.{kind}"] +
            under.program("bench/pairs", N),
            env=dict(os.environ, CPROF_DIR=folder, **QUIET, **env), check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
    counts = {}
    for kind in BOUND:
        with open(f"{out}.{kind}", encoding="utf-8") as f:
            total = int(re.search(r"^(?:totals|summary): (\d+)", f.read(),
                                  re.M)[1])
        # The pair before, and a tick of the timer, are less than half an
        # instruction each.
        counts[kind] = round(total / N)
    print(f"{name}: {counts}", flush=True)
    return counts


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    count("bare")
    empty = count("empty", LD_PRELOAD=under.program("bench/empty.so")[0])
    ours = count("cprof", LD_PRELOAD=under.SHIM)
    for kind, bound in BOUND.items():
        more = ours[kind] - empty[kind]
        under.expect(f"{kind}: the shim is there", more > 0)
        under.expect(f"{kind}: {more} instructions more than an empty shim, "
                     f"at most {bound}", more <= bound)
    for kind, shim in NAIVE.items():
        naive = count(shim, LD_PRELOAD=under.program(f"hook/naive/{shim}.so")[0])
        under.expect(f"{kind}: {shim}.so exceeds it: {naive[kind]}",
                     naive[kind] - empty[kind] > BOUND[kind])


main()
