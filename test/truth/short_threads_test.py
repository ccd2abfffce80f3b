#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""A program that makes threads for ever: more rows by thread than there may be
are added up by the threads' name, nothing of them is lost, and an interval that
was begun before sees what happened in it and no more; also while a CPU profile
lasts that CPUPROFILESIGNAL began.

short_threads_test.py [THREADS]: how many there are in the interval.
"""
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

N_BEFORE = 7500
N_MEANWHILE = int(sys.argv[1]) if len(sys.argv) > 1 else 24000
N_SITES = 24
# In one go: what they record has room in the rings, whether or not somebody
# reads them meanwhile.
N_AT_ONCE = 1000


class Threads:
    def __init__(self, **settings):
        self.child = subprocess.Popen(
            under.program("truth/short_threads"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=under.environment(
                os.path.join(under.TMP, "run"),
                dict(under.EXACT, CPROF_CPU_HZ="0", **settings)))
        self.pid = self.child.pid

    def run(self, n):
        """N threads; the blocks of the last of them stay. How many that are."""
        while n:
            n_now = min(n, N_AT_ONCE)
            self.child.stdin.write(f"{n_now}\n")
            self.child.stdin.flush()
            if self.child.stdout.readline() != f"ran {n_now}\n":
                under.fail("it did not run")
            stats(self.pid)
            n -= n_now
        return n_now

    def end(self):
        self.child.stdin.close()
        under.expect_equal("status", self.child.wait(60), 0)


def check(what, profile, n_threads, n_kept):
    """N_THREADS ran, and N_KEPT more of their blocks are there than before. A
    busy machine may lose some at the start, which the profile says."""
    n_lost = sum(int(n) for n in re.findall(
        r"^lost: \w+=(\d+)", "\n".join(profile.comments), re.M))
    print(f"{what}: {n_lost} records lost")
    for function, count in ("site", n_threads * N_SITES), ("keep", n_threads):
        n = profile.total("alloc_objects", function=function, thread="short")
        under.expect(f"{what}: {n} of {function}, truth {count}",
                     count - n_lost <= n <= count)
    for function, size, count in ("site", 50, 0), ("keep", 100, n_kept):
        n = profile.total("inuse_space", function=function) / size
        under.expect(f"{what}: {n} in use of {function}, truth {count}",
                     abs(n - count) <= n_lost)
    for column in "alloc_objects", "alloc_space":
        i = profile.column(column)
        under.expect(f"{what}: no {column} goes back",
                     all(s.values[i] >= 0 for s in profile.samples))
    under.expect(f"{what}: no rows_full",
                 not any("rows_full" in c for c in profile.comments))


def ask(pid, method, path):
    status, body = under.http(method, f"/{pid}/api/{path}")
    if status != 200:
        under.fail(f"{path}: {status}: {body}")
    return body


def stats(pid):
    """All that was recorded is read before it is answered."""
    return json.loads(ask(pid, "GET", "stats"))["counters"]


def main():
    t = Threads()
    n_first = t.run(N_BEFORE)
    ask(t.pid, "POST", "start?kind=heap")
    n_last = t.run(N_MEANWHILE)
    path = os.path.join(under.TMP, "interval.pb.gz")
    with open(path, "wb") as f:
        f.write(ask(t.pid, "POST", "end?kind=heap"))
    check("interval", pprof.Profile(path), N_MEANWHILE,
          n_last - n_first)
    n = stats(t.pid)["threads_folded"]
    under.expect(f"{n} of them were folded", n > N_MEANWHILE / 2)
    t.end()
    p = pprof.only(os.path.join(under.TMP, "run"), "alloc", pid=str(t.pid))
    check("all", p, N_BEFORE + N_MEANWHILE, n_last)


def toggled():
    """What the profile's begin is kept of must not keep all rows."""
    t = Threads(CPUPROFILE=os.path.join(under.TMP, "cpu"),
                CPUPROFILESIGNAL=str(signal.SIGUSR2.value))
    t.run(N_AT_ONCE)
    t.child.send_signal(signal.SIGUSR2)
    t.run(N_BEFORE)
    n = stats(t.pid)["threads_folded"]
    under.expect(f"{n} threads folded meanwhile", n > N_BEFORE / 4)
    t.end()


main()
toggled()
