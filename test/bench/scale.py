# SPDX-License-Identifier: Apache-2.0
"""How each cost grows with its load: the cost of one (thread, stack, process)
when there are more and more of them. No faster than its load means that it does
not rise. Each function gives rows of (what, load, "growth", unit, value)."""
import os
import time

import measure
from metrics import (EXACT, FRAMES, Held, added_mib, ask, fresh_collector,
                     folder_of, read_records, read_stacks, settle, shim)

THREADS = (1, 10, 100, 1000)
STACKS = (1000, 10000, 100000, 1000000)
PROCESSES = (1, 20, 200)
# Waits with N threads for the end of its input.
WAITING = """import sys, threading
threading.stack_size(65536)
end = threading.Event()
for i in range({n} - 1): threading.Thread(target=end.wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
end.set()
"""


def growth(what, load, unit, value):
    return (what, str(load), "growth", unit, value)


def loads(o, all_):
    return all_[:-1] if o.quick else all_


def cpu_ratio(bench, command):
    bare = measure.run(bench, command, {}, folder_of(bench))
    ours = measure.run(bench, command, shim(bench), folder_of(bench))
    return ours.cpu_s / bare.cpu_s


def threads(o, bench):
    """The same work by more and more threads at once."""
    values = []
    n_blocks = 3000000 if o.quick else 10000000
    n_created = 10000 if o.quick else 20000
    for n in THREADS:
        values += [
            growth("threads: CPU over bare, malloc churn", n, "x", cpu_ratio(
                bench, [bench.program("churn"), str(n), str(n_blocks // n)])),
            growth("threads: CPU over bare, create+join, so many alive", n, "x",
                   cpu_ratio(bench, [bench.program("threads"), str(n_created),
                                     str(n)])),
            growth("threads: memory of the target", n, "KiB each",
                   added_mib(bench, n, 0.5, 20) * 1024 / n)]
    return values


def roll_call(_, bench):
    """A profile of all threads, from the request to the text."""
    values = []
    for n in THREADS:
        fresh_collector(bench)
        with Held(bench, ["/usr/bin/python3", "-c", WAITING.format(n=n)],
                  **shim(bench)) as held:
            settle(bench)
            ask(bench, held.child.pid, "threads")
            cpu_s, start_s = bench.collector_cpu_s(), time.monotonic()
            ask(bench, held.child.pid, "threads")
            took_s = time.monotonic() - start_s
            values += [
                growth("threads: all their stacks, collector's CPU", n,
                       "us each", (bench.collector_cpu_s() - cpu_s) / n * 1e6),
                growth("threads: all their stacks, until printed", n, "us each",
                       took_s / n * 1e6)]
    return values


def stacks(o, bench):
    """CPU time of each stack that is new, over a process with one; beyond the
    bound of stacks they are not kept."""
    values = []
    none_s, _, none_target_s = read_stacks(bench, 1, 1)
    for n in loads(o, STACKS):
        used_s, read, target_s = read_stacks(bench, n, n)
        values += [growth("stacks: collector's CPU of a new one", n, "us each",
                          (used_s - none_s) / (read / 2) * 1e6),
                   growth("stacks: target's CPU of a new one", n, "us each",
                          (target_s - none_target_s) / n * 1e6)]
    return values


def live(o, bench):
    """CPU time of each allocation or free, with so many live samples: more of
    them than caches hold."""
    values = []
    for n in loads(o, STACKS):
        used_s, read, _ = read_records(bench, [bench.program("live"), str(n),
                                               "500000"])
        values.append(growth("live samples: collector's CPU of a record", n,
                             "us each", used_s / read * 1e6))
    return values


def snapshots(o, bench):
    """A heap snapshot of so many stacks, symbols cached."""
    values = []
    for n in loads(o, STACKS):
        fresh_collector(bench)
        before_mib = bench.collector_mib()
        with Held(bench, [bench.program("stacks"), str(FRAMES), str(n), str(n),
                          "hold"], **shim(bench, CPROF_EXIT="none",
                                          **EXACT)) as held:
            settle(bench)
            mib = bench.collector_mib() - before_mib
            file = os.path.join(bench.tmp, "snapshot.pb.gz")
            ask(bench, held.child.pid, "heap", "-o", file)
            cpu_s = bench.collector_cpu_s()
            ask(bench, held.child.pid, "heap", "-o", file)
            values += [growth("stacks: collector's CPU of a snapshot", n,
                              "us each",
                              (bench.collector_cpu_s() - cpu_s) / n * 1e6),
                       growth("stacks: collector's memory", n, "bytes each",
                              mib * 2**20 / n)]
    return values


def starts_us(bench, settings):
    n = 100
    words = [f"{k}={v}" for k, v in settings.items()]
    return measure.run(bench, [bench.program("spawn"), str(n), *words,
                               "/bin/true"], {}, folder_of(bench)).wall_s \
        / n * 1e6


def processes(o, bench):
    """Processes that live and do nothing but be profiled."""
    values = []
    for n in loads(o, PROCESSES) + ((60,) if o.quick else ()):
        fresh_collector(bench)
        before_mib = bench.collector_mib()
        held = [Held(bench, [bench.program("stacks"), "1", "1", "1", "hold"],
                     **shim(bench)) for _ in range(n)]
        try:
            settle(bench)
            mib = bench.collector_mib() - before_mib
            start_s, cpu_s = time.monotonic(), bench.collector_cpu_s()
            time.sleep(2 if o.quick else 4)
            share = ((bench.collector_cpu_s() - cpu_s) /
                     (time.monotonic() - start_s))
            values += [
                growth("processes: collector's CPU, idle", n, "us/s each",
                       share / n * 1e6),
                growth("processes: collector's memory", n, "KiB each",
                       mib * 1024 / n),
                growth("processes: start of another, over bare", n, "us",
                       starts_us(bench, shim(bench)) - starts_us(bench, {}))]
        finally:
            for h in held:
                h.__exit__()
    return values


METRICS = (threads, roll_call, stacks, live, snapshots, processes)
