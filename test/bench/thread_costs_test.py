#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""What a thread costs from its creation to its end beyond bare: system calls,
which strace counts, and instructions, which callgrind counts; so the machine's
load changes little and the bounds are tight."""
import collections
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

# Two runs, so that what a process costs by itself is not counted.
FEW, MANY = 100, 2100
# What is asked of the kernel is per thread, rounded: one thread in some reads
# its CPU clock. The sums are for the instructions, which chance moves by some
# per cent: on a busy machine a thread may live so long (0.2 ms) that its clock
# is always read.
SYSTEM_CALLS = {
    "no-timers": {},
    "timers": {"gettid": 1, "sigaltstack": 2, "timer_create": 1,
               "timer_settime": 1, "timer_delete": 1},
}
INSTRUCTIONS = {"no-timers": 3000, "timers": 4600}
# Not the shim's, or as the threads happen to wait for each other.
NOT_COUNTED = {"futex", "madvise", "munmap", "mmap", "mprotect", "clone3",
               "sched_yield", "restart_syscall"}


def environment(name, settings):
    return under.environment(os.path.join(under.TMP, name), settings)


def system_calls(n, settings):
    out = os.path.join(under.TMP, "strace")
    subprocess.run(["strace", "-f", "-c", "-o", out,
                    "-E", f"LD_PRELOAD={settings.get('LD_PRELOAD', '')}"] +
                   under.program("bench/threads", n), check=True, timeout=100,
                   env=environment("calls", dict(settings, LD_PRELOAD="")))
    calls = collections.Counter()
    with open(out, encoding="utf-8") as f:
        for line in f:
            m = re.match(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$",
                         line.rstrip())
            if m and m[2] != "total":
                calls[m[2]] += int(m[1])
    return calls


def calls_of_thread(settings):
    few, many = (system_calls(n, settings) for n in (FEW, MANY))
    return {name: round((many[name] - few[name]) / (MANY - FEW))
            for name in many if name not in NOT_COUNTED}


def instructions(n, settings):
    out = os.path.join(under.TMP, "counts")
    subprocess.run(["valgrind", "--tool=callgrind",
                    f"--callgrind-out-file={out}"] +
                   under.program("bench/threads", n), check=True, timeout=100,
                   env=environment("instructions", settings),
                   stderr=subprocess.DEVNULL)
    with open(out, encoding="utf-8") as f:
        return int(re.search(r"^(?:totals|summary): (\d+)", f.read(), re.M)[1])


def instructions_of_thread(settings):
    few, many = (instructions(n, settings) for n in (FEW, MANY))
    return (many - few) // (MANY - FEW)


def main():
    for tool in "strace", "valgrind":
        if not shutil.which(tool):
            print(f"{tool} is not installed")
            sys.exit(77)
    bare = {"LD_PRELOAD": ""}
    bare_calls = calls_of_thread(bare)
    bare_instructions = instructions_of_thread(bare)
    for name, hz in ("no-timers", "0"), ("timers", "100"):
        # Which waits are sampled is chance's, and the machine's.
        settings = {"CPROF_CPU_HZ": hz, "CPROF_EXIT": "none",
                    "CPROF_BLOCK_RATE": "0", "CPROF_MUTEX_FRACTION": "0"}
        calls = calls_of_thread(dict(settings, LD_PRELOAD=under.SHIM))
        more = {k: v - bare_calls.get(k, 0) for k, v in calls.items()
                if v != bare_calls.get(k, 0)}
        under.expect_equal(f"{name}: system calls of a thread", more,
                           SYSTEM_CALLS[name])
        n = instructions_of_thread(dict(settings, LD_PRELOAD=under.SHIM))
        more = n - bare_instructions
        under.expect(f"{name}: {more} instructions of a thread, at most "
                     f"{INSTRUCTIONS[name]}", 0 < more <= INSTRUCTIONS[name])


main()
