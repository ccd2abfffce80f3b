#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""What the fast ways of the hooks cost in instructions, beyond a shim that only
forwards (empty.c). Callgrind counts, so the machine's load changes nothing and
the bounds are tight: growth by one instruction fails."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import instructions  # noqa: E402
import under  # noqa: E402

# What it is today, per pair. A shim that does its work after the real call,
# in a frame of its own, had 19 and 6. A labelled scope is a hash and a
# comparison of two short texts.
BOUND = {"malloc_pairs": 9, "lock_pairs": 6, "label_pairs": 360}
# Shims of test/hook/naive that cost more.
NAIVE = {"malloc_pairs": "send", "lock_pairs": "mutex"}


def count(name, **env):
    folder = os.path.join(under.TMP, name)
    os.makedirs(folder)
    counts = instructions.count(under.program("bench/pairs")[0], folder,
                                dict(os.environ, **env))
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
