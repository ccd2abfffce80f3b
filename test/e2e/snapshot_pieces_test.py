#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""A large snapshot of a process that goes on to allocate: copied in pieces of
bounded size, however many stacks there are, between which reading goes on; and
what it shows is one moment, in which one block at most is in use."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

STACKS = 24000
ROW_BYTES, PIECE_BYTES, CHUNK_BYTES = 48, 1 << 20, 128 * 48


def counters(pid):
    return json.loads(under.http("GET", f"/api/stats?pid={pid}")[1])["counters"]


def snapshot(pid):
    path = os.path.join(under.TMP, "heap.pb.gz")
    with open(path, "wb") as f:
        f.write(under.http("GET", f"/{pid}/debug/pprof/heap")[1])
    return pprof.Profile(path)


child = under.start(under.program("bench/stacks", 15, STACKS, 2**40), "many",
                    CPROF_CPU_HZ="0", **under.EXACT)
under.attached(child.pid)
under.poll("all stacks are known", lambda: counters(
    child.pid)["records"] > 4 * STACKS, 60)
before = counters(child.pid)
heap = snapshot(child.pid)
after = counters(child.pid)
child.kill()
child.wait()
print(after)
under.expect("it went on", after["records"] > before["records"])
under.expect(f"pieces of {after['most_copied_bytes']} bytes, of "
             f"{STACKS * ROW_BYTES}", 0 < after["most_copied_bytes"] <=
             PIECE_BYTES + CHUNK_BYTES)
n = sum(s.values[0] > 0 for s in heap.samples)
under.expect(f"stacks {n}", n >= STACKS)
# Blocks are freed one by one.
lost = after["ring_full"] + after["live_lost"]
inuse = heap.total("inuse_objects")
under.expect(f"in use {inuse}, lost {lost}", inuse <= 1 or lost)
