#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Usage: hostile_test.py [SECONDS [HONEST]]. A profiled process that writes
garbage into the memory it shares with the collector spoils nothing but its own
profiles: HONEST others, again and again, have exact ones meanwhile, and the
collector lives."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import honest  # noqa: E402
import pprof  # noqa: E402
import under  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
N_HONEST = int(sys.argv[2]) if len(sys.argv) > 2 else 5
# What the hostile one does is its own: the shim in it takes no sample.
QUIET = {"CPROF_HEAP_RATE": "0", "CPROF_CPU_HZ": "0", "CPROF_BLOCK_RATE": "0",
         "CPROF_MUTEX_FRACTION": "0"}


def start_hostile(seed):
    # One with a small region and one with a large one.
    settings = dict(QUIET, CPROF_HEAP_RATE="1") if seed % 2 else QUIET
    child = under.start(under.program("truth/hostile", seed), "hostile",
                        **settings)
    under.expect_equal("the hostile one has begun", child.stdout.readline(),
                       b"ready\n")
    return child


def run_until(end_s, name, counts, errors):
    try:
        while not counts.get(name) or time.monotonic() < end_s:
            honest.run(name, tries=3)
            counts[name] = counts.get(name, 0) + 1
    except SystemExit:
        errors.append(name)


def attack(collector, seed):
    hostile = [start_hostile(seed + i) for i in range(2)]
    counts, errors = {}, []
    end_s = time.monotonic() + SECONDS
    threads = [threading.Thread(target=run_until, args=(
        end_s, f"honest{seed}-{i}", counts, errors)) for i in range(N_HONEST)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    under.expect(f"{sum(counts.values())} honest runs are exact", not errors)
    under.expect("the collector lives", collector.poll() is None)
    for child in hostile:
        child.kill()
        child.wait()
        under.poll("it notices the end", lambda pid=child.pid:
                   pid not in under.processes(), 30)


def main():
    collector = under.start_collector()
    attack(collector, int(time.time()))
    honest.run("after")
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)
    files = pprof.find(os.path.join(under.TMP, "hostile"))
    for path in files:
        pprof.Profile(path)  # garbage, but well-formed
    under.expect(f"{len(files)} of the hostile one's files are readable", True)


main()
