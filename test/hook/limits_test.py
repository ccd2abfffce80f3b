#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""Resource limits: what the shim can't have, it does without, silently; what
it can still have gives the right profile."""
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

MIB = 1 << 20
# name, resource, value, whether profiles are due all the same
LIMITS = [("no file may grow", resource.RLIMIT_FSIZE, 0, True),
          ("no descriptor but 0 to 3", resource.RLIMIT_NOFILE, 4, False),
          ("no descriptor but 0 to 7", resource.RLIMIT_NOFILE, 8, True),
          ("60 MiB of addresses", resource.RLIMIT_AS, 60 * MIB, False),
          ("no pending signal", resource.RLIMIT_SIGPENDING, 0, True),
          ("no locked memory", resource.RLIMIT_MEMLOCK, 0, True),
          ("no core", resource.RLIMIT_CORE, 0, True)]
PROGRAMS = [["hook/hello"], ["truth/heap_exact"], ["truth/cpu_threads", "0.2"]]


def run(program, folder, limit, preload):
    env = dict(os.environ, CPROF_DIR=folder, **under.EXACT)
    if preload:
        env["LD_PRELOAD"] = under.SHIM
    done = subprocess.run(
        under.program(*program), env=env, capture_output=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(limit[1], (limit[2], limit[2])))
    return done.returncode, done.stderr


def check(limit):
    for program in PROGRAMS:
        folder = os.path.join(under.TMP, "p", program[0].split("/")[1])
        os.makedirs(folder, exist_ok=True)
        bare = run(program, folder, limit, False)
        got = run(program, folder, limit, True)
        under.expect_equal(f"{limit[0]}: {program[0]}", got, bare)
        files = pprof.find(folder, "alloc")
        if program[0] == "truth/heap_exact" and limit[3]:
            under.expect_equal("objects", pprof.Profile(files[-1]).total(
                "alloc_objects", leaf="by_malloc"), 2000)
        for path in pprof.find(folder):
            os.unlink(path)


def unsampled_threads():
    """No timer to be had: the profile says so."""
    folder = os.path.join(under.TMP, "unsampled")
    os.makedirs(folder)
    run(["truth/cpu_threads", "0.2"], folder, LIMITS[4], True)
    p = pprof.only(folder, "threadcreate")
    under.expect(f"said: {p.comments}",
                 any("timer_failed" in c or "timer" in c for c in p.comments))


# The collector is started before: one that a confined shim starts inherits the
# limits, and a file that may not grow stays empty whoever writes it.
collector = under.start_collector()
for each in LIMITS:
    check(each)
unsampled_threads()
collector.terminate()
under.expect_equal("the collector's status", collector.wait(10), 0)
