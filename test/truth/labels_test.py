#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Labels of scopes: on each kind, nested, restored, inherited by threads and
fork children; known to the next collector when one is killed; and a program that
sets them runs the same without the shim."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

PROGRAM = under.program("truth/labels")


def labelled(profile, value, **labels):
    """The sum of VALUE over the samples of keep() that have just LABELS."""
    index = [t[0] for t in profile.types].index(value)
    total = 0
    for s in profile.samples:
        own = {k: v for k, v in s.labels.items()
               if k not in ("thread", "tid", "bytes")}
        if own == labels and any(f.function == "keep" for f in s.frames):
            total += s.values[index]
    return total


def has(profile, **labels):
    return [s for s in profile.samples
            if all(s.labels.get(k) == v for k, v in labels.items())]


for transport in "ring", "socket":
    run = under.Run(PROGRAM, transport, CPROF_TRANSPORT=transport,
                    CPROF_LABELS="app=test,phase=none", **under.EXACT)
    p = run.profile("alloc")
    for n, labels in ((4, {"phase": "none"}), (9, {"phase": "a"}),
                      (22, {"phase": "b", "user": "x"})):
        under.expect_equal(
            f"{transport}: blocks of {labels}",
            labelled(p, "alloc_objects", app="test", **labels), n)
    threads = run.profile("threadcreate")
    under.expect_equal(f"{transport}: threads created in phase b",
                       sum(s.values[0] for s in has(threads, phase="b",
                                                    user="x")), 1)
    block = run.profile("block")
    under.expect(f"{transport}: the waiter's wait is labelled",
                 has(block, role="waiter"))
    under.expect(f"{transport}: nobody else waited for the lock",
                 all(f.function != "waits" for s in has(block, role="holder")
                     for f in s.frames))
    under.expect(f"{transport}: the holder's unlock is labelled",
                 has(run.profile("mutex"), role="holder"))
    cpu = run.profile("cpu")
    burnt = [s for s in cpu.samples
             if any(f.function == "host_burn_cpu_s" for f in s.frames)]
    under.expect(f"{transport}: all CPU time burnt is of phase a",
                 burnt and all(s.labels.get("phase") == "a" for s in burnt))

    child = run.profile("alloc", int(run.values["child"]))
    under.expect_equal(f"{transport}: blocks of the fork child",
                       labelled(child, "alloc_objects", app="test",
                                phase="fork"), 13)

def collector_killed():
    """The set was told to one that has gone."""
    child = subprocess.Popen(
        PROGRAM + ["serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=under.environment(
            os.path.join(under.TMP, "killed"),
            dict(under.EXACT, CPROF_CPU_HZ="0", CPROF_EXIT="alloc")))

    def keep(n):
        child.stdin.write(f"{n}\n")
        child.stdin.flush()
        return child.stdout.readline() == "kept\n"

    def is_found():
        return keep(1) and child.pid in under.processes()

    under.expect("it keeps", keep(4))
    # What is recorded is read before this is answered.
    under.expect_equal("it is told", under.http(
        "GET", f"/{child.pid}/api/stats")[0], 200)
    before = under.collector_pid()
    os.kill(before, signal.SIGKILL)
    under.poll("another collector", lambda: is_found() and
               under.collector_pid() != before, 30)
    under.expect("it keeps on", keep(7))
    child.communicate("", timeout=60)
    profile = pprof.Profile(under.poll("its profile", lambda: pprof.find(
        os.path.join(under.TMP, "killed"), "alloc", pid=str(child.pid)))[-1])
    n = profile.total("alloc_objects", function="keep")
    under.expect(f"{n} blocks since", n >= 7)
    under.expect_equal("labelled", labelled(profile, "alloc_objects",
                                            phase="served"), n)


collector_killed()
bare = subprocess.run(PROGRAM, check=False, stdout=subprocess.DEVNULL)
under.expect_equal("status without the shim", bare.returncode, 0)
off = under.Run(PROGRAM, "off", CPROF="off")
under.expect_equal("status with CPROF=off", off.status, 0)
