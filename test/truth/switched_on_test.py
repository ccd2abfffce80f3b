#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""CPU samples are switched on while four threads do nothing but compute: each
has its share, though it began without a timer and comes to no hook; and again
when they are switched off and on. One with a small stack keeps the alternate
stack that it was given when it heard of it, in a handler."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

CPU_S = 1.5
N_RESTING = 4000


def set_hz(pid, hz):
    subprocess.run([os.path.join(under.BUILD, "cprofctl"), "set", "-p",
                    str(pid), f"cpu.hz={hz}"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)


def cpu_s(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compute(name, rates, program="cpu_threads", args=()):
    """What the program prints, and its CPU profile; RATES are (at this CPU
    time, Hz)."""
    child = under.start(under.program(f"truth/{program}", CPU_S, *args), name,
                        CPROF_CPU_HZ="0", CPROF_HEAP_RATE="0",
                        CPROF_BLOCK_RATE="0")
    under.attached(child.pid)
    for at_s, hz in rates:
        under.poll(f"{at_s} s of CPU time", lambda at_s=at_s:
                   cpu_s(child.pid) >= at_s, 60)
        set_hz(child.pid, hz)
    out, err = child.communicate(timeout=100)
    under.expect_equal("noise", err, b"")
    under.expect_equal("status", child.returncode, 0)
    return out, pprof.only(os.path.join(under.TMP, name), "cpu",
                           pid=str(child.pid))


def expect_all(p, least_s, most_s):
    for i in range(4):
        got_s = p.total("cpu", thread=f"worker-{i}") / 1e9
        under.expect(f"worker-{i}: {least_s} <= {got_s:.2f} <= {most_s} s",
                     least_s <= got_s <= most_s)


# Nothing is known of the time before, and some passes until all have heard.
expect_all(compute("once", [(0.5, 1000)])[1], 0.5 * CPU_S, CPU_S)
expect_all(compute("twice", [(0.2, 1000), (1, 0), (2, 1000)])[1], 0.25 * CPU_S,
           CPU_S)
# Behind so many that one visit has no time for all; but for those in front no
# round ever gets to them.
expect_all(compute("behind", [(0.5, 1000)], args=[N_RESTING])[1], 0.1 * CPU_S,
           CPU_S)
text, profile = compute("small", [(0.2, 1000)], "cpu_small")
under.expect("samples of a small stack", profile.total("cpu") > 0)
under.expect_equal("its alternate stack", text, b"alternate 1\n")
