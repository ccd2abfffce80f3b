#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A long-lived process and any number of short ones under one collector: the
memory of both sides stays flat, no descriptor is leaked, and at every look the
heap profile agrees with what the process itself counts. `make soak` looks for
SOAK_S seconds."""
import json
import math
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

SECONDS = float(os.environ.get("SOAK_S", 16))
WARM_S = max(6.0, SECONDS / 4)
N_LOOKS = 40
RATE, BLOCK_BYTES = 4096, 500
# An estimate's standard deviation: blocks are sampled with probability P.
P = 1 - math.exp(-BLOCK_BYTES / RATE)
SIGMAS = 5
# What a flat line may rise by from its first look to its last: an allocator's
# leftovers; and what the collector keeps of each thread there ever was.
NOISE_KIB = 4096
THREAD_BYTES = 1024


def counts(path):
    """Blocks allocated, blocks live, threads begun."""
    with open(path, "rb") as f:
        return struct.unpack("3Q", f.read(24).ljust(24, b"\0"))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("RssAnon:"))


def n_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def look_at_heap(pid, path):
    """The estimates of the moment against the truth just before and after, less
    what the shim says was lost."""
    before = counts(path)
    stats = json.loads(under.http("GET", f"/{pid}/api/stats")[1])
    after = counts(path)
    memory = stats["memory"]
    lost = stats["counters"]["ring_full"] / P
    for what, got, low, high in (
            ("allocs", memory["heap_alloc_objects"], before[0], after[0]),
            ("live", memory["heap_inuse_objects"], before[1], after[1])):
        margin = SIGMAS * math.sqrt(high * (1 - P) / P) + 600
        if not low - lost - margin <= got <= high + margin:
            under.fail(f"{what}: {got}, truth {low} to {high} +- {margin:.0f}, "
                       f"{lost:.0f} said to be lost")


def rise(values):
    """Of the straight line through them, from the first to the last."""
    n = len(values)
    mid = (n - 1) / 2
    mean = sum(values) / n
    slope = (sum((i - mid) * (v - mean) for i, v in enumerate(values)) /
             sum((i - mid) ** 2 for i in range(n)))
    return slope * (n - 1)


def churn(seconds):
    """Short processes, at a low share of the machine."""
    env = under.environment(os.path.join(under.TMP, "churn"), {})
    return subprocess.Popen(
        ["sh", "-c", 'end=$(($(date +%s) + $1)); '
         'while [ "$(date +%s)" -lt $end ]; do /bin/true; /bin/sleep 0.02; '
         'done', "sh", str(int(seconds))], env=env)


def watch(collector, child, path):
    looks = []
    for _ in range(N_LOOKS):
        time.sleep((SECONDS - WARM_S) / N_LOOKS)
        look_at_heap(child.pid, path)
        looks.append((rss_kib(child.pid), rss_kib(collector.pid),
                      n_fds(child.pid), n_fds(collector.pid)))
    return list(zip(*looks))


def judge(path, n_threads, looks):
    more_kib = (counts(path)[2] - n_threads) * THREAD_BYTES / 1024
    for what, values, bound in (
            ("the process", looks[0], NOISE_KIB),
            ("the collector", looks[1], NOISE_KIB + more_kib)):
        under.expect(f"{what}: {values[0]} to {values[-1]} KiB, a rise of "
                     f"{rise(values):.0f}", rise(values) < bound)
    for what, values in ("the process", looks[2]), ("the collector", looks[3]):
        # Short processes have some of the collector's for a moment.
        under.expect(f"{what}: {min(values[:10])}, at last "
                     f"{min(values[-10:])} descriptors",
                     min(values[-10:]) <= min(values[:10]) + 2)


path = os.path.join(under.TMP, "counts")
open(path, "wb").close()
collector = under.start_collector()
others = churn(SECONDS)
child = under.start(under.program("stress/soak", path), "soak",
                    CPROF_HEAP_RATE=str(RATE))
under.poll("its pool", lambda: counts(path)[1])
under.attached(child.pid)
# Both sides' memory takes its shape.
time.sleep(WARM_S)
n_threads = counts(path)[2]
looks = watch(collector, child, path)
judge(path, n_threads, looks)
child.terminate()
under.expect_equal("status", child.wait(60), 0)
others.wait(60)
collector.terminate()
under.expect_equal("the collector's status", collector.wait(60), 0)
