#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""What a program allocates right after its start is there, also where the
collector gets no CPU meanwhile: the first stack is unwound in the process, and
its rings, of which few have memory yet, hold what comes."""
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

N_BLOCKS, BLOCK_BYTES = 20000, 500


def run(name, rate):
    r = under.Run(under.program("truth/first", collector.pid), name,
                  CPROF_HEAP_RATE=str(rate), CPROF_EXIT_TIMEOUT="30s")
    under.expect_equal(f"{name}: status", r.status, 0)
    return r.profile("alloc")


def check(name, rate):
    p = run(name, rate)
    share = 1 - math.exp(-BLOCK_BYTES / rate) if rate > 1 else 1
    margin = 5 * math.sqrt(N_BLOCKS * (1 - share) / share)
    under.expect_equal(f"{name}: lost",
                       [c for c in p.comments if c.startswith("lost")], [])
    under.expect_near(f"{name}: blocks", p.total("alloc_objects",
                                                 function="keep"),
                      N_BLOCKS, margin)


collector = under.start_collector()
# The unwind table of each file is made once, when it is first seen; a process
# waits for it, but not for ever.
run("before", 1)
check("sampled", 4096)
check("exact", 1)
collector.terminate()
under.expect_equal("the collector's status", collector.wait(60), 0)
