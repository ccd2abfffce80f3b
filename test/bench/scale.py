# SPDX-License-Identifier: Apache-2.0
"""How the cost grows with the load, and what the collector takes: metrics, each
one number with a unit. Each function gives a list of (name, unit, value)."""
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import measure
import table

ROUNDS, QUICK_ROUNDS = 3, 1
EXACT = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "0"}
FRAMES = 30


def folder_of(bench):
    folder = os.path.join(bench.tmp, "scale")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    return folder


def shim(bench, **settings):
    return dict(settings, LD_PRELOAD=bench.shim)


class Held:
    """A program that holds what it has allocated until it is let go."""

    def __init__(self, bench, command, **settings):
        self.child = subprocess.Popen(
            command, env=dict(bench.environment(folder_of(bench)), **settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said = self.child.stdout.readline().split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()


def settle(bench):
    """Waits until the collector has nothing left to do."""
    before = -1.0
    while bench.collector_cpu_s() != before:
        before = bench.collector_cpu_s()
        time.sleep(0.3)  # a visit's longest pause


def fresh_collector(bench):
    bench.stop_collector()
    bench.start_collector()
    settle(bench)


def ingest(o, bench):
    """Events a second of one core: the CPU time that so many known stacks take
    the collector. Each block is an allocation and a free."""
    n = 100000 if o.quick else 500000
    fresh_collector(bench)
    start_s = bench.collector_cpu_s()
    cost = measure.run(bench, [bench.program("stacks"), str(FRAMES), "100",
                               str(n)], shim(bench, CPROF_EXIT="none", **EXACT),
                       folder_of(bench))
    settle(bench)
    used_s = bench.collector_cpu_s() - start_s
    return [("collector: events/s on one core, 100 stacks of 30 frames", "1/s",
             2 * n / used_s),
            ("target: CPU time of an exact sample of 30 frames", "us",
             cost.cpu_s / n * 1e6)]


def memory_of(bench, n_stacks, n_blocks):
    fresh_collector(bench)
    before_mib = bench.collector_mib()
    with Held(bench, [bench.program("stacks"), str(FRAMES), str(n_stacks),
                      str(n_blocks), "hold"], **shim(bench, **EXACT)):
        settle(bench)
        return bench.collector_mib() - before_mib


def collector_memory(o, bench):
    """By difference: many blocks of one stack, as many stacks of one block."""
    n = 50000 if o.quick else 200000
    one = memory_of(bench, 1, 1)
    blocks = memory_of(bench, 1, n)
    stacks = memory_of(bench, n, n)
    return [("collector: memory of one process", "MiB", one),
            ("collector: memory of a live sample", "bytes",
             (blocks - one) * 2**20 / n),
            ("collector: memory of another stack of 30 frames", "bytes",
             (stacks - blocks) * 2**20 / n)]


def snapshot(o, bench):
    """Of 100,000 different stacks, from the request to the file."""
    n = 100000
    fresh_collector(bench)
    file = os.path.join(bench.tmp, "snapshot.pb.gz")
    with Held(bench, [bench.program("stacks"), str(FRAMES), str(n), str(n),
                      "hold"], **shim(bench, **EXACT)) as held:
        settle(bench)
        start_s = time.monotonic()
        subprocess.run([os.path.join(bench.build, "cprofctl"), "heap", "-p",
                        held.said[1].decode(), "-o", file],
                       env=bench.environment(bench.tmp), check=True,
                       stdout=subprocess.DEVNULL)
        took_s = time.monotonic() - start_s
    return [("snapshot of 100,000 stacks: time until written", "ms",
             took_s * 1e3),
            ("snapshot of 100,000 stacks: size", "KiB",
             os.path.getsize(file) / 1024)]


def pause(o, bench):
    """The longest that the collector kept records waiting to copy 100,000
    stacks, while the program goes on to allocate from all of them."""
    n = 100000
    fresh_collector(bench)
    folder = folder_of(bench)
    env = dict(bench.environment(folder), **shim(bench, **EXACT))
    child = subprocess.Popen(
        [bench.program("stacks"), str(FRAMES), str(n), str(2**40)], env=env,
        stdout=subprocess.DEVNULL)
    program = os.path.join(bench.build, "cprofctl")

    def ask(*words):
        return subprocess.run(
            [program, words[0], "-p", str(child.pid), *words[1:]], env=env,
            check=True, capture_output=True, text=True).stdout

    try:
        time.sleep(2 if o.quick else 4)  # all stacks, many times over
        for i in range(3):
            ask("heap", "-o", os.path.join(folder, f"{i}.pb.gz"))
        counters = json.loads(ask("stats", "--json"))["counters"]
    finally:
        child.kill()
        child.wait()
    return [("snapshot of 100,000 stacks: longest pause of reading", "ms",
             counters["longest_pause_us"] / 1e3)]


def tick(o, bench):
    """CPU time of a CPU sample beyond that of a handler that does nothing."""
    n = 20000 if o.quick else 100000

    def tick_ns(depth, settings):
        out = subprocess.run(
            [bench.program("ticks"), str(depth), str(n)], check=True,
            env=dict(bench.environment(folder_of(bench)), CPROF_EXIT="none",
                     **settings), capture_output=True, text=True).stdout
        return float(out.split()[1])

    return [(f"target: CPU sample at {depth} frames, beyond an empty handler",
             "us", (tick_ns(depth, shim(bench)) - tick_ns(depth, {})) / 1e3)
            for depth in (10, 30, 60)]


def start(o, bench):
    """What the start of true takes when no collector is there yet: over bare,
    the collector's own start included."""
    n = 5 if o.quick else 20
    command = [bench.program("spawn"), "1", "/bin/true"]
    bare, ours = [], []
    for i in range(n):
        folder = folder_of(bench)
        settings = shim(bench, CPROF_SOCKET=os.path.join(folder, "s"),
                        CPROF_DAEMON=os.path.join(bench.build, "cprofd"))
        words = command[:2] + [f"{k}={v}" for k, v in settings.items()]
        bare.append(measure.run(bench, command, {}, folder).wall_s)
        ours.append(measure.run(bench, words + command[2:], {}, folder).wall_s)
        stop_collectors(folder)
    return [("start of true that starts the collector, over bare", "ms",
             (statistics.median(ours) - statistics.median(bare)) * 1e3)]


def stop_collectors(folder):
    """Those whose socket is in FOLDER: asks each to end, and who it is."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(os.path.join(folder, "s"))
        except OSError:
            return
        raw = s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid = int.from_bytes(raw[:4], sys.byteorder)
    os.kill(pid, signal.SIGTERM)
    measure.wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def rss_mib(bench, n_threads, settings):
    out = subprocess.run(
        [bench.program("busy"), str(n_threads), "2", "20"], check=True,
        env=dict(bench.environment(folder_of(bench)), **settings),
        capture_output=True, text=True).stdout
    return int(out.split()[1]) / 1024


def target_memory(_, bench):
    bare = rss_mib(bench, 100, {})
    return [("target: resident memory added with 100 threads", "MiB",
             rss_mib(bench, 100, shim(bench)) - bare)]


def threads(o, bench):
    """The same allocations by more and more threads at once."""
    values = []
    total = 2000000 if o.quick else 10000000
    for n in (1, 10, 100, 1000):
        command = [bench.program("churn"), str(n), str(total // n)]
        bare = measure.run(bench, command, {}, folder_of(bench))
        ours = measure.run(bench, command, shim(bench), folder_of(bench))
        values.append((f"malloc churn of {n} threads: CPU over bare", "x",
                       ours.cpu_s / bare.cpu_s))
    return values


def stacks(o, bench):
    """CPU time of a sample when there are more and more different stacks."""
    values = []
    for n in (1000, 10000, 100000) + (() if o.quick else (1000000,)):
        n_blocks = max(n, 100000)
        command = [bench.program("stacks"), str(FRAMES), str(n), str(n_blocks)]
        fresh_collector(bench)
        start_s = bench.collector_cpu_s()
        cost = measure.run(bench, command, shim(bench, **EXACT),
                           folder_of(bench))
        settle(bench)
        values += [(f"{n} stacks: target's CPU time of a sample", "us",
                    cost.cpu_s / n_blocks * 1e6),
                   (f"{n} stacks: collector's CPU time of a sample", "us",
                    (bench.collector_cpu_s() - start_s) / n_blocks * 1e6)]
    return values


def processes(o, bench):
    """Processes that live and do nothing but be profiled."""
    values = []
    for n in (1, 20) if o.quick else (1, 20, 200):
        fresh_collector(bench)
        before_mib = bench.collector_mib()
        held = [Held(bench, [bench.program("stacks"), "1", "1", "1", "hold"],
                     **shim(bench)) for _ in range(n)]
        settle(bench)
        start_s, start_cpu_s = time.monotonic(), bench.collector_cpu_s()
        mib = bench.collector_mib() - before_mib
        time.sleep(2 if o.quick else 5)
        used_s = bench.collector_cpu_s() - start_cpu_s
        share = used_s / (time.monotonic() - start_s)
        for h in held:
            h.__exit__()
        values += [(f"{n} idle processes: collector's memory of each", "MiB",
                    mib / n),
                   (f"{n} idle processes: collector's CPU", "% of a core",
                    share * 100)]
    return values


METRICS = (ingest, tick, start, collector_memory, snapshot, pause,
           target_memory, threads, stacks, processes)


def run(o, bench):
    rows = []
    for metric in METRICS:
        if o.only and o.only not in metric.__name__:
            continue
        rounds = [metric(o, bench)
                  for _ in range(QUICK_ROUNDS if o.quick else ROUNDS)]
        for same in zip(*rounds):
            name, unit, _ = same[0]
            row = table.Row(name, "cprof", "metric", unit,
                            *measure.middle([v for _, _, v in same]),
                            len(same))
            table.print_metric(row)
            rows.append(row)
    return rows
