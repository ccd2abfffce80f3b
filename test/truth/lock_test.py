#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 alone
"""Block: all waits, within 5 % of what the program measured itself. Mutex: the
holder that sleeps gets over 95 % of the delay, and the total is what the
waiters waited, within 10 %."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

LOCKS = ("normal recursive errorcheck adaptive robust inherit c11 rwlock "
         "cond").split()


def block(name, **settings):
    run = under.Run(under.program("hook/lock_truth", "block"), name, **settings)
    truth_ns = run.values["block_ns"]
    got_ns = run.profile("block").total("delay")
    under.expect_near(f"block {name}", got_ns, truth_ns, 0.05 * truth_ns)


def mutex(lock):
    run = under.Run(under.program("hook/lock_truth", "mutex", 25, lock),
                    f"mutex-{lock}", **under.EXACT)
    p = run.profile("mutex")
    total_ns = p.total("delay")
    truth_ns = run.values["wait_ns"]
    under.expect_near(f"{lock}: total delay", total_ns, truth_ns,
                      0.1 * truth_ns)
    sleeper_ns = p.total("delay", function="sleeper_holds")
    under.expect(f"{lock}: the sleeper's share: {sleeper_ns / total_ns:.4f}",
                 sleeper_ns > 0.95 * total_ns)


block("default")
block("every", **under.EXACT)
block("socket", CPROF_TRANSPORT="socket")
for each in LOCKS:
    mutex(each)
