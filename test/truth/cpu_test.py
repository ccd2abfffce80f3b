#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 alone
"""CPU: five functions and four threads get their true shares.

A sample is worth its overruns too, so that a rate above the kernel's tick
(250 Hz here) gives no more independent samples than ticks: the standard error
is reckoned with those.
"""
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

TICK_HZ = 250
CPU_S = 14


def expect_share(what, got, truth, total_s, hz):
    n = total_s * min(hz, TICK_HZ)
    error = math.sqrt(truth * (1 - truth) / n)
    under.expect_near(f"share of {what}", got, truth, 3.5 * error)


def split(hz):
    run = under.Run(under.program("truth/cpu_split", CPU_S), f"split{hz}",
                    CPROF_CPU_HZ=str(hz))
    p = run.profile("cpu")
    total_ns = p.total("cpu")
    true_s = run.values.pop("total")
    under.expect_near("CPU seconds", total_ns / 1e9, true_s, 0.03 * true_s)
    under.expect_equal("period", p.period, 10**9 // hz)
    parts_s = sum(run.values.values())
    for name, used_s in run.values.items():
        expect_share(name, p.total("cpu", function=name) / total_ns,
                     used_s / parts_s, parts_s, hz)
    # The leaf: its own loop, not a neighbour of it.
    flat = p.by_leaf("cpu")
    under.expect("the parts are leaves",
                 sum(flat[n] for n in run.values) > 0.9 * total_ns)


def threads():
    run = under.Run(under.program("truth/cpu_threads", 2.5), "threads",
                    CPROF_CPU_HZ="1000")
    p = run.profile("cpu")
    total_ns = p.total("cpu")
    for i in range(4):
        got_ns = p.total("cpu", tid=int(run.values[f"tid_{i}"]))
        expect_share(f"thread {i}", got_ns / total_ns, 0.25, 10, 1000)
        under.expect_equal(f"by the name worker-{i}",
                           p.total("cpu", thread=f"worker-{i}"), got_ns)


split(100)
split(1000)
threads()
