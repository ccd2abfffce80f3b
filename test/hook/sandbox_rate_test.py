#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""Profiling is switched on in a process that has meanwhile entered a sandbox in
which any system call but four kills: it takes the new rate without one."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402


def is_sandboxed(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return "Seccomp:\t1" in f.read()
    except OSError:
        return False


def cpu_ticks(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[11])
    except OSError:
        return 0


def switch_on(before, **settings):
    child = under.start(under.program("hook/seccomp", "strict", 10**9), "rate",
                        **settings)
    under.attached(child.pid)
    under.poll("its sandbox", lambda: is_sandboxed(child.pid) or
               child.poll() is not None)
    if child.poll() == 77:
        print("no sandbox is to be had here")
        sys.exit(77)
    subprocess.run([os.path.join(under.BUILD, "cprofctl"), "set",
                    "-p", str(child.pid), "cpu.hz=1000", "heap.rate=64"],
                   check=False, capture_output=True, timeout=30)
    until = cpu_ticks(child.pid) + 30
    under.poll("a third of a second of CPU", lambda: child.poll() is not None or
               cpu_ticks(child.pid) > until, 30)
    under.expect_equal(f"the status of one that had {before}", child.poll(),
                       None)
    child.kill()
    under.expect_equal("noise", child.communicate(timeout=30)[1], b"")


switch_on("no CPU samples", CPROF_CPU_HZ="0")
switch_on("some", CPROF_CPU_HZ="100")
