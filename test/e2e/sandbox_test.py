#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""A collector that serves is in its sandbox, with every thread it has, and
works; --no-sandbox leaves it out."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import honest  # noqa: E402
import under  # noqa: E402


def has_seccomp():
    with open("/proc/self/status", encoding="ascii") as f:
        return "Seccomp:" in f.read()


def states(pid):
    """Of each thread: its seccomp mode and whether it can gain rights."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii",
                  errors="replace") as f:
            lines = dict(x.split(":\t", 1) for x in f.read().splitlines()
                         if ":\t" in x)
        found[tid] = lines["Seccomp"], lines["NoNewPrivs"]
    return found


def main():
    if not has_seccomp():
        print("this kernel has no seccomp")
        sys.exit(77)
    honest.run("auto")  # a collector that a shim started
    pid = under.collector_pid()
    found = states(pid)
    under.expect(f"threads of {pid}: {found}", len(found) > 4 and
                 set(found.values()) == {("2", "1")})
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        core = next(x for x in f if x.startswith("Max core file size"))
    under.expect_equal("core size", core.split()[4:6], ["0", "0"])
    if os.geteuid():
        # Its memory is nobody's but root's.
        under.expect("not dumpable", not os.access(f"/proc/{pid}/maps",
                                                   os.R_OK))
    under.expect_equal("owner of its files in /proc",
                       os.stat(f"/proc/{pid}/maps").st_uid, 0)
    under.poll("it ends", lambda: not os.path.exists(f"/proc/{pid}"))
    collector = under.start_collector("--no-sandbox")
    # As whoever started it, who may live in a sandbox himself.
    under.expect_equal("without", set(states(collector.pid).values()),
                       set(states(os.getpid()).values()))
    honest.run("without")
    collector.terminate()
    under.expect_equal("status", collector.wait(20), 0)


main()
