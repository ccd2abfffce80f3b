# SPDX-License-Identifier: Apache-2.0
"""What has no workload: the collector's own cost, samples, starts, snapshots.
Each function gives rows of (what, variant, measure, unit, value)."""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import instructions
import measure

EXACT = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "0"}
FRAMES = 30


def metric(what, unit, value):
    return (what, "cprof", "metric", unit, value)


def folder_of(bench):
    folder = os.path.join(bench.tmp, "scale")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    return folder


def shim(bench, **settings):
    return dict(settings, LD_PRELOAD=bench.shim)


def output_of(bench, command, settings):
    """What COMMAND prints."""
    return subprocess.run(
        command, env=dict(bench.environment(folder_of(bench)), **settings),
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=measure.LIMIT_S).stdout


def ask(bench, pid, *words):
    """cprofctl WORDS about PID."""
    done = subprocess.run(
        [os.path.join(bench.build, "cprofctl"), words[0], "-p", str(pid),
         *words[1:]], env=bench.environment(bench.tmp), check=False,
        capture_output=True, text=True, timeout=measure.LIMIT_S)
    if done.returncode:
        raise measure.Failed(f"cprofctl {words[0]}: {done.stderr}")
    return done.stdout


def counters(bench, pid):
    return json.loads(ask(bench, pid, "stats", "--json"))["counters"]


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
        try:
            self.child.wait(measure.LIMIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def wants_cpu(pid):
    """A thread runs, or waits for a CPU as on a busy machine."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as f:
            if f.read().rpartition(")")[2].split()[0] != "S":
                return True
    return False


def settle(bench):
    """Waits until the collector has next to nothing left to do: all its
    threads sleep, at each of many looks."""
    end_s = time.monotonic() + measure.LIMIT_S
    n_quiet = 0
    before = -1.0
    while n_quiet < 10 and time.monotonic() < end_s:
        now = bench.collector_cpu_s()
        is_quiet = now - before < 0.002 and not wants_cpu(bench.collector.pid)
        n_quiet = n_quiet + 1 if is_quiet else 0
        before = now
        time.sleep(0.03)  # 0.3 s in all: more than a visit's longest pause


def fresh_collector(bench):
    bench.stop_collector()
    bench.start_collector()
    settle(bench)


def counts(_, bench):
    """Instructions of pairs of calls, over a shim that only forwards."""
    program = bench.program("pairs")
    env = bench.environment(bench.tmp)
    bare, empty, ours = (
        instructions.count(program, folder_of(bench), dict(env, **more))
        for more in ({}, {"LD_PRELOAD": bench.empty}, shim(bench)))
    return [metric(f"instructions: {name}, {over}", "1",
                   ours[kind] - other[kind])
            for kind, name in (("malloc_pairs", "malloc+free"),
                               ("lock_pairs", "lock+unlock"))
            for over, other in (("over bare", bare),
                                ("over an empty shim", empty))]


def read_records(bench, command):
    """The collector's CPU time of a program that allocates and frees, then
    waits, the records that it read in it, and the program's CPU time."""
    fresh_collector(bench)
    start_s = bench.collector_cpu_s()
    with Held(bench, command,
              **shim(bench, CPROF_EXIT="none", **EXACT)) as held:
        settle(bench)
        used_s = bench.collector_cpu_s() - start_s
        target_s = measure.cpu_s_of(held.child.pid)
        return used_s, counters(bench, held.child.pid)["records"], target_s


def read_stacks(bench, n_stacks, n_blocks):
    return read_records(bench, [bench.program("stacks"), str(FRAMES),
                                str(n_stacks), str(n_blocks), "wait"])


def ingest(o, bench):
    """Events a second of one core: the CPU time that known stacks take the
    collector, allocations and frees. Those that found no room are no events."""
    n = 200000 if o.quick else 1000000
    used_s, read, target_s = read_stacks(bench, 100, n)
    return [metric("collector: events/s on one core, 100 stacks of 30 frames",
                   "1/s", read / used_s),
            metric("target: CPU time of an exact sample of 30 frames", "us",
                   target_s / n * 1e6)]


def drops(o, bench):
    """What exact mode loses of a churn, as its profile says."""
    lost = 0
    for threads in 1, 4:
        folder = folder_of(bench)
        measure.run(bench, [bench.program("churn"), str(threads),
                            str((1000000 if o.quick else 4000000) // threads)],
                    shim(bench, **EXACT), folder)
        file = next(f for f in os.listdir(folder) if ".alloc." in f)
        text = subprocess.run(
            [os.path.join(bench.build, "cprofctl"), "raw",
             os.path.join(folder, file)], check=True, capture_output=True,
            text=True, timeout=measure.LIMIT_S).stdout
        lost += sum(map(int, re.findall(r"lost: \w+=(\d+)", text)))
    return [metric("exact heap, churn of 1 and 4 threads: samples lost", "1",
                   lost)]


def memory_of(bench, n_stacks, n_blocks, how):
    """In bytes, and how many blocks were sampled."""
    fresh_collector(bench)
    before_mib = bench.collector_mib()
    with Held(bench, [bench.program("stacks"), str(FRAMES), str(n_stacks),
                      str(n_blocks), how], **shim(bench, **EXACT)) as held:
        settle(bench)
        mib = bench.collector_mib() - before_mib
        lost = counters(bench, held.child.pid)["ring_full"]
        return mib * 2**20, n_blocks - lost


def memory(o, bench):
    """By difference, resident and with what is shared: n blocks of one stack
    that came and went, so that the rings are used; that are kept; that are
    kept and of as many stacks."""
    n = 50000 if o.quick else 130000
    gone, _ = memory_of(bench, 1, n, "wait")
    blocks, n_blocks = memory_of(bench, 1, n, "hold")
    stacks, n_stacks = memory_of(bench, n, n, "hold")
    return [metric("collector: memory of a live sample", "bytes",
                   (blocks - gone) / n_blocks),
            metric("collector: memory of another stack of 30 frames", "bytes",
                   (stacks - blocks) / n_stacks)]


def snapshot(_, bench):
    """Of 100,000 different stacks, from the request to the file: the first
    finds no symbols, the second does."""
    n = 100000
    fresh_collector(bench)
    file = os.path.join(bench.tmp, "snapshot.pb.gz")
    took_s = []
    with Held(bench, [bench.program("stacks"), str(FRAMES), str(n), str(n),
                      "hold"], **shim(bench, **EXACT)) as held:
        settle(bench)
        for _ in range(2):
            start_s = time.monotonic()
            ask(bench, held.said[1].decode(), "heap", "-o", file)
            took_s.append(time.monotonic() - start_s)
    return [metric("snapshot of 100,000 stacks: until written, first", "ms",
                   took_s[0] * 1e3),
            metric("snapshot of 100,000 stacks: until written, symbols cached",
                   "ms", took_s[1] * 1e3),
            metric("snapshot of 100,000 stacks: size", "KiB",
                   os.path.getsize(file) / 1024)]


def pause(o, bench):
    """The longest that the collector kept records waiting to copy 100,000
    stacks, while the program goes on to allocate from all of them: in all, and
    the CPU time of it. The rest is a wait for a CPU."""
    n = 100000
    fresh_collector(bench)
    child = subprocess.Popen(
        [bench.program("stacks"), str(FRAMES), str(n), str(2**40)],
        env=dict(bench.environment(folder_of(bench)), CPROF_EXIT="none",
                 **shim(bench, **EXACT)), stdout=subprocess.DEVNULL)
    try:
        time.sleep(2 if o.quick else 3)  # all stacks, many times over
        for i in range(3):
            ask(bench, child.pid, "heap", "-o",
                os.path.join(bench.tmp, f"{i}.pb.gz"))
        counted = counters(bench, child.pid)
    finally:
        child.kill()
        child.wait()
    return [metric("snapshot of 100,000 stacks: longest pause of reading", "ms",
                   counted["longest_pause_us"] / 1e3),
            metric("snapshot of 100,000 stacks: CPU time of such a pause", "ms",
                   counted["longest_copy_us"] / 1e3)]


def tick(o, bench):
    """CPU time of a CPU sample beyond that of a handler that does nothing."""
    n = 20000 if o.quick else 100000

    def tick_ns(depth, settings):
        out = output_of(bench, [bench.program("ticks"), str(depth), str(n)],
                        dict(settings, CPROF_EXIT="none"))
        return float(out.split()[1])

    return [metric(f"target: CPU sample at {depth} frames, beyond an empty "
                   "handler", "us",
                   (tick_ns(depth, shim(bench)) - tick_ns(depth, {})) / 1e3)
            for depth in (10, 30, 60)]


def start(o, bench):
    """What the start of true takes when no collector is there yet: over bare,
    the collector's own start included."""
    n = 10 if o.quick else 30
    command = [bench.program("spawn"), "1", "/bin/true"]
    bare, ours = [], []
    for _ in range(n):
        folder = folder_of(bench)
        settings = shim(bench, CPROF_SOCKET=os.path.join(folder, "s"),
                        CPROF_DAEMON=os.path.join(bench.build, "cprofd"))
        words = command[:2] + [f"{k}={v}" for k, v in settings.items()]
        bare.append(measure.run(bench, command, {}, folder).wall_s)
        ours.append(measure.run(bench, words + command[2:], {}, folder).wall_s)
        stop_collectors(folder)
    return [metric("start of true that starts the collector, over bare", "ms",
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


def added_mib(bench, n_threads, *words):
    """Resident memory that the shim adds to busy N_THREADS WORDS, at default
    settings."""
    command = [bench.program("busy"), str(n_threads), *map(str, words)]
    bare, ours = (int(output_of(bench, command, settings).split()[1])
                  for settings in ({}, shim(bench)))
    return (ours - bare) / 1024


def target_memory(_, bench):
    """Of 100 threads that have just begun to take samples, and of 100 that
    have used all rings from end to end several times, as a process does with
    time, and go on."""
    return [metric("target: resident memory added with 100 threads", "MiB",
                   added_mib(bench, 100, 2, 20)),
            metric("target: the same once all rings were used", "MiB",
                   added_mib(bench, 100, 10, 20, 2000))]


def alone(o, bench):
    """The collector's CPU when nobody is profiled."""
    fresh_collector(bench)
    start_s, start_cpu_s = time.monotonic(), bench.collector_cpu_s()
    time.sleep(1 if o.quick else 3)
    used_s = bench.collector_cpu_s() - start_cpu_s
    return [metric("collector: CPU with no process", "us/s",
                   used_s / (time.monotonic() - start_s) * 1e6),
            metric("collector: memory with no process", "MiB",
                   bench.collector_mib())]


METRICS = (counts, ingest, drops, tick, start, memory, snapshot, pause,
           target_memory, alone)
