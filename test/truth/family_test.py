#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Children: forked without exec, with exec, and a daemon that closes all its
descriptors each have their own right profiles, and the parent has its own."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def pids(path):
    """Of all members that have written theirs: {count: pid}."""
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        return {int(n): pid for pid, n in (line.split() for line in f)}


def lost_s(profile):
    """The CPU time of the records that PROFILE says were lost, 1 ms each: a
    socket has room for a dozen copies of stacks, so a collector that has no
    CPU for a while loses some."""
    return sum(int(n) for n in re.findall(
        r"^lost: \w+=(\d+)", "\n".join(profile.comments), re.M)) / 1e3


def check_one(folder, pid, n, may_lose):
    under.poll(f"the profile of {pid}",
               lambda: pprof.find(folder, "alloc", pid=pid))
    p = pprof.only(folder, "alloc", pid=pid)
    parent = p.total("alloc_objects", function="parent_work")
    child = p.total("alloc_objects", function="child_work")
    under.expect_equal(f"{pid}: objects of parent and child", (parent, child),
                       (0, n) if n else (100, 0))
    if n:
        under.poll(f"the CPU profile of {pid}",
                   lambda: pprof.find(folder, "cpu", pid=pid))
        cpu = pprof.only(folder, "cpu", pid=pid)
        cpu_s = cpu.total("cpu", function="child_work") / 1e9
        all_s = cpu_s + (lost_s(cpu) if may_lose else 0)
        under.expect(f"{pid}: CPU of child_work: {cpu_s:.3f} s, {all_s:.3f} s "
                     f"with what was lost, {cpu.total('cpu') / 1e9:.3f} s in "
                     "all functions", 0.05 < all_s and cpu_s < 0.2)


def family(mode, wanted, **settings):
    name = mode + settings.get("CPROF_TRANSPORT", "")
    path = os.path.join(under.TMP, name + ".pids")
    run = under.Run(under.program("truth/family", mode, path), name,
                    CPROF_CPU_HZ="1000", **under.EXACT, **settings)
    under.expect_equal(f"{name}: status", run.status, 0)
    under.poll("all members", lambda: sorted(pids(path)) == wanted)
    for n, pid in sorted(pids(path).items()):
        check_one(run.folder, pid, n, "CPROF_TRANSPORT" in settings)


for transport in ({}, {"CPROF_TRANSPORT": "socket"}):
    family("fork", [0, 100, 200, 300, 400], **transport)
    family("ways", [0, 100, 200, 300, 400], **transport)
    family("exec", [0, 100, 200, 300, 400], **transport)
    family("daemon", [0, 400], **transport)
