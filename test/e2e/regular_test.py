#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""Dumps that nobody asks for: by time, by bytes allocated, at peaks; the old
ones go, the highest peak never does. And gperftools' environment."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

MIB = 1 << 20
# Uses 40 MiB, as long as it takes to be seen in any case (a visit is due after
# 250 ms at most), then allocates 4 MiB again and again.
HEIGHT = ["/usr/bin/python3", "-c", """
import sys, time
blocks = [bytes(1 << 20) for _ in range(40)]
time.sleep(0.5)
del blocks
for _ in range(int(sys.argv[1])):
    b = bytes(4 << 20)
"""]


def numbers(folder, kind):
    return [int(os.path.basename(f).split(".")[-3])
            for f in pprof.find(folder, kind)]


def peaks():
    r = under.Run(HEIGHT + ["100"], "peaks", CPROF_DUMP_PEAK="1M",
                  CPROF_KEEP="3", CPROF_EXIT="alloc", **under.EXACT)
    files = pprof.find(r.folder, "peak")
    under.expect("there are peaks", files)
    most = max(pprof.Profile(f).total("inuse_space") for f in files)
    under.expect(f"the height is there, to a step: {most}",
                 40 * MIB <= most < 44 * MIB)
    under.expect("it says so", any("a peak" in c for c in
                                   pprof.Profile(files[-1]).comments))


def allocated():
    r = under.Run(HEIGHT + ["4000"], "alloc", CPROF_DUMP_ALLOC="8M",
                  CPROF_KEEP="3", CPROF_DUMP_KINDS="alloc,inuse",
                  CPROF_EXIT="none", **under.EXACT)
    # The last may still be on its way.
    under.poll("three of each kind are kept", lambda: 1 <= len(
        numbers(r.folder, "alloc")) <= 3 and numbers(
            r.folder, "alloc") == numbers(r.folder, "inuse"))


def top_of(folder):
    """The highest peak on disk, which goes when a higher one has come."""
    top = 0
    for path in pprof.find(folder, "peak"):
        try:
            top = max(top, pprof.Profile(path).total("inuse_space"))
        except FileNotFoundError:
            pass
    return top


def timed():
    """They come while it runs; the oldest go, and a peak's does not."""
    child = under.start(["/usr/bin/python3", "-c", """
import time
blocks = [bytes(1 << 20) for _ in range(40)]
time.sleep(0.5)
del blocks
while True:
    b = bytes(1 << 16)
    time.sleep(0.001)
"""], "timed", CPROF_DUMP_EVERY="200ms", CPROF_DUMP_PEAK="8M", CPROF_KEEP="2",
        **under.EXACT)
    folder = os.path.join(under.TMP, "timed")
    under.poll("the fifth", lambda: max(
        numbers(folder, "inuse"), default=0) >= 5)
    under.poll("few are kept",
               lambda: len(pprof.find(folder, "inuse")) <= 2)
    # It is written a second after it was reached.
    under.poll("the peak is there", lambda: top_of(folder) >= 32 * MIB)
    n = max(numbers(folder, "inuse"))
    under.poll("two more", lambda: max(numbers(folder, "inuse")) >= n + 2)
    under.expect("the peak stays", top_of(folder) >= 32 * MIB)
    child.send_signal(signal.SIGTERM)
    child.wait()


def disk():
    r = under.Run(HEIGHT + ["4000"], "disk", CPROF_DUMP_ALLOC="8M",
                  CPROF_KEEP="0", CPROF_MAX_DISK="1", CPROF_EXIT="none",
                  **under.EXACT)
    under.poll("none fits", lambda: not pprof.find(r.folder))


def gperftools():
    folder = os.path.join(under.TMP, "gperf")
    os.mkdir(folder)
    cpu, heap = os.path.join(folder, "cpu"), os.path.join(folder, "h")
    r = under.Run(HEIGHT + ["3000"], "gperf-run", CPUPROFILE=cpu,
                  CPUPROFILE_FREQUENCY="1000", HEAPPROFILE=heap,
                  HEAP_PROFILE_INUSE_INTERVAL=str(16 * MIB),
                  HEAP_PROFILE_ALLOCATION_INTERVAL=str(1 << 40),
                  CPROF_HEAP_RATE="1")
    under.expect_equal("no other files", pprof.find(r.folder), [])
    under.expect_equal("the CPU profile's rate",
                       pprof.Profile(cpu).period, 1000000)
    names = sorted(n for n in os.listdir(folder) if n != "cpu")
    under.expect("heaps: " + " ".join(names), len(names) >= 2 and
                 names[0] == "h.0001.heap")
    most = max(pprof.Profile(os.path.join(folder, n)).total("inuse_space")
               for n in names)
    under.expect(f"with the height: {most}", most >= 32 * MIB)


def gperftools_children():
    folder = os.path.join(under.TMP, "gperf-child")
    os.mkdir(folder)
    under.Run(["/bin/bash", "-c",
               "n=0; while [ $n -lt 60000 ]; do n=$((n+1)); done & wait"],
              "gperf-child-run", CPUPROFILE=os.path.join(folder, "cpu"),
              CPUPROFILE_FREQUENCY="1000")
    under.expect("the child's has its pid: " + " ".join(os.listdir(folder)),
                 [n for n in os.listdir(folder) if n.startswith("cpu_")])


def gperftools_signal():
    prefix = os.path.join(under.TMP, "by-signal")
    child = under.start(["/bin/sleep", "60"], "gperf-signal",
                        HEAPPROFILE=prefix,
                        HEAPPROFILESIGNAL=str(int(signal.SIGUSR2)))
    under.attached(child.pid)
    child.send_signal(signal.SIGUSR2)
    under.poll("the profile", lambda: os.path.exists(prefix + ".0001.heap"))
    child.kill()
    child.wait()


def burn(pid, n_ticks):
    """Waits until PID has used so many clock ticks more."""
    def used():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    until = used() + n_ticks
    under.poll(f"{n_ticks} ticks", lambda: used() >= until, 60)


def toggled(base):
    """A program that burns CPU, with CPUPROFILE's BASE, switched by SIGUSR2."""
    child = under.start(
        ["/bin/bash", "-c", "while :; do :; done"],
        "gperf-" + os.path.basename(base),
        CPUPROFILE=base, CPUPROFILESIGNAL=str(int(signal.SIGUSR2)),
        CPUPROFILE_FREQUENCY="500")
    under.attached(child.pid)
    return child


def gperftools_toggle():
    """Two profiles by four signals, the third ended by the program's end;
    nothing of what is between them."""
    base = os.path.join(under.TMP, "toggled")
    child = toggled(base)
    for n in range(2):
        burn(child.pid, 20)
        child.send_signal(signal.SIGUSR2)
        burn(child.pid, 40)
        child.send_signal(signal.SIGUSR2)
        under.poll("the profile", lambda: os.path.exists(f"{base}.{n}"))
    child.send_signal(signal.SIGUSR2)
    burn(child.pid, 40)
    child.kill()
    child.wait()
    under.poll("the last profile", lambda: os.path.exists(f"{base}.2"))
    for n in range(3):
        cpu = pprof.Profile(f"{base}.{n}").total("cpu") / 1e9
        under.expect(f"profile {n} has CPU time: {cpu}", cpu > 0.1)
    under.expect_equal("no others", sorted(
        n for n in os.listdir(under.TMP) if n.startswith("toggled")),
        [f"toggled.{n}" for n in range(3)])


def hand_over(pid, signum):
    """Sends a signal, and waits until it is pending no more."""
    os.kill(pid, signum)

    def is_pending():
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            sets = re.findall(r"^(?:Sig|Shd)Pnd:\s+(\w+)", f.read(), re.M)
        return any(int(s, 16) >> (signum - 1) & 1 for s in sets)
    under.poll("it has the signal", lambda: not is_pending())


def gperftools_toggles_at_once():
    """Three signals between two looks of the collector are one profile, which
    has nothing, and the begin of the next."""
    base = os.path.join(under.TMP, "at-once")
    child = toggled(base)
    collector = under.collector_pid()
    os.kill(collector, signal.SIGSTOP)
    for _ in range(3):
        hand_over(child.pid, signal.SIGUSR2)
    os.kill(collector, signal.SIGCONT)
    under.poll("the first", lambda: os.path.exists(f"{base}.0"))
    burn(child.pid, 40)
    hand_over(child.pid, signal.SIGUSR2)
    under.poll("the second", lambda: os.path.exists(f"{base}.1"))
    child.kill()
    child.wait()
    first, second = (pprof.Profile(f"{base}.{n}").total("cpu") / 1e9
                     for n in range(2))
    under.expect_equal("the first has nothing", first, 0)
    under.expect(f"the second has CPU time: {second}", second > 0.1)


def gperftools_toggle_at_exit():
    """The profile of the exit is of all, that of the signal of what came
    after it."""
    base = os.path.join(under.TMP, "exit-toggled")
    child = under.start(
        ["/bin/bash", "-c", "while :; do :; done"], "gperf-exit",
        CPUPROFILE=base, CPUPROFILESIGNAL=str(int(signal.SIGUSR2)),
        CPUPROFILE_FREQUENCY="500", CPROF_EXIT="cpu")
    under.attached(child.pid)
    burn(child.pid, 60)
    child.send_signal(signal.SIGUSR2)
    burn(child.pid, 40)
    child.kill()
    child.wait()
    under.poll("both profiles", lambda: os.path.exists(f"{base}.1"))
    whole, later = (pprof.Profile(f"{base}.{n}").total("cpu") / 1e9
                    for n in range(2))
    under.expect(f"{whole:.2f} s are 0.3 s more than {later:.2f}",
                 whole >= later + 0.3)


peaks()
allocated()
timed()
disk()
gperftools()
gperftools_children()
gperftools_signal()
gperftools_toggle()
gperftools_toggles_at_once()
gperftools_toggle_at_exit()
