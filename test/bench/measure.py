# SPDX-License-Identifier: Apache-2.0
"""Runs a command and says what it cost: time, CPU time with that of the
processes it waited for, peak memory, and the bytes it left in its folder."""
import collections
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

Cost = collections.namedtuple("Cost", "wall_s cpu_s peak_mib output_kib")
# Whatever takes longer has failed: a run goes on without it.
LIMIT_S = 120
CPUCLOCK_SCHED = 2  # of linux/posix-timers.h


class Failed(Exception):
    """The command did not end with status 0, or not in time."""


# What one measurement may fail with, for the next to go on.
FAILURES = (Failed, OSError, subprocess.SubprocessError, ValueError, TypeError,
            IndexError, KeyError)


class Bench:
    """Where things are: the build, a folder, and one collector that serves all
    (its start is a case of its own)."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.tmp = tempfile.mkdtemp(prefix="cprof-bench.")
        self.socket = os.path.join(self.tmp, "s")
        self.shim = os.path.join(self.build, "libcprof.so")
        self.empty = self.program("empty.so")
        self.collector = None
        self.running = None  # the Child that is measured

    def program(self, name):
        return os.path.join(self.build, "test/bench", name)

    def environment(self, folder):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("CPROF", "LD_PRELOAD", "MAKE", "MFLAGS"))}
        env.update(CPROF_SOCKET=self.socket, CPROF_DIR=folder, LC_ALL="C.UTF-8")
        return env

    def start_collector(self):
        if self.collector and self.collector.poll() is None:
            return
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.collector = subprocess.Popen(
            [os.path.join(self.build, "cprofd"), "--socket", self.socket],
            stdin=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.socket))

    def stop_collector(self):
        if self.collector:
            self.collector.terminate()
            try:
                self.collector.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                self.collector.kill()
                self.collector.wait()
        self.collector = None

    def collector_cpu_s(self):
        """Of all its threads, those that have ended too."""
        return cpu_s_of(self.collector.pid)

    def collector_mib(self):
        return status_mib(self.collector.pid, "VmRSS")

    def close(self):
        if self.running:
            self.running.kill()
        self.stop_collector()
        shutil.rmtree(self.tmp, ignore_errors=True)


def cpu_s_of(pid):
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def wait_for(condition, limit_s=30):
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            raise Failed(f"not within {limit_s} s")
        time.sleep(0.005)


def status_mib(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def folder_kib(folder):
    return sum(os.path.getsize(os.path.join(root, name))
               for root, _, names in os.walk(folder) for name in names) / 1024


class Child:
    """A command that runs, under `cost`, with SETTINGS in its environment."""

    def __init__(self, bench, command, settings, folder):
        self.folder, self.note = folder, folder + ".cost"
        self.err = open(folder + ".err", "w+b")
        words = [f"{k}={v}" for k, v in settings.items()] + command
        self.process = subprocess.Popen(
            [bench.program("cost"), self.note] + words,
            env=bench.environment(folder), cwd=folder, stderr=self.err,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            start_new_session=True)
        self.bench = bench
        bench.running = self

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def cost(self):
        """Waits for its end."""
        try:
            status = self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired as e:
            self.kill()
            self.process.wait()
            raise Failed(f"not within {LIMIT_S} s") from e
        self.bench.running = None
        with self.err:
            self.err.seek(0)
            said = self.err.read()[-300:].decode(errors="replace")
        if status:
            raise Failed(f"not run: {said}")
        with open(self.note, encoding="ascii") as f:
            wall_s, cpu_s, peak_kib, status = map(float, f.read().split())
        if status:
            raise Failed(f"status {int(status)}: {said}")
        return Cost(wall_s, cpu_s, peak_kib / 1024, folder_kib(self.folder))


def run(bench, command, settings, folder):
    """The cost of one run of COMMAND, whose output goes to FOLDER."""
    return Child(bench, command, settings, folder).cost()


def middle(values):
    """Median, lowest and highest."""
    return statistics.median(values), min(values), max(values)
