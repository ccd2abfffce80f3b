# SPDX-License-Identifier: Apache-2.0
"""Instructions of the hooks' fast ways, counted by callgrind: exact, whatever
else the machine does."""
import os
import re
import subprocess

N = 20000
KINDS = ("malloc_pairs", "lock_pairs", "label_pairs")
# No sample is taken in so few bytes; then the countdown is a look at the rate
# once in a MiB.
QUIET = {"CPROF_HEAP_RATE": "0", "CPROF_CPU_HZ": "0"}


def count(program, folder, env, kinds=KINDS):
    """Instructions of one pair of each of KINDS that PROGRAM (pairs.c) makes."""
    counts = {}
    for kind in kinds:
        out = os.path.join(folder, f"counts.{kind}")
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--toggle-collect={kind}",
             f"--callgrind-out-file={out}", program, str(N)],
            env=QUIET | env | {"CPROF_DIR": folder}, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as f:
            total = int(re.search(r"^(?:totals|summary): (\d+)", f.read(),
                                  re.M)[1])
        # The pair before, and a tick of the timer, are less than half an
        # instruction each.
        counts[kind] = round(total / N)
    return counts
