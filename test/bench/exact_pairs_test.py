#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""What a malloc and free pair costs in instructions when every allocation is
sampled: nearly all go the short way (preload/exact.c). Callgrind counts; but
each visit of the collector sends a few samples the long way, and how many
visits there are is up to the machine."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import instructions  # noqa: E402
import under  # noqa: E402

# 430 on a quiet machine.
BOUND = 600
EXACT = {"LD_PRELOAD": under.SHIM, "CPROF_HEAP_RATE": "1"}


def count(name, **env):
    folder = os.path.join(under.TMP, name)
    os.makedirs(folder)
    n = instructions.count(under.program("bench/pairs")[0], folder,
                           dict(os.environ, **env), ("malloc_pairs",))
    print(f"{name}: {n}", flush=True)
    return n["malloc_pairs"]


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    bare = count("bare")
    short = count("exact", **EXACT) - bare
    under.expect(f"{short} instructions more than bare, at most {BOUND}",
                 100 < short <= BOUND)
    # Without walks there is no short way.
    long = count("long", CPROF_WALK="off", **EXACT) - bare
    under.expect(f"the long way exceeds it: {long}", long > BOUND)


main()
