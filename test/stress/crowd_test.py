#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 alone
"""Many processes: those of a tree alive at once, an exec chain, short ones
without pause, and one pid again and again. Each has its own right profile; the
collector keeps nothing of them. `make stress` has larger crowds for longer.

A fork child waits a second for its collector; on a machine so busy that this
is not enough it goes without a profile, and the crowd is tried again."""
import collections
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

LONG_S = float(os.environ.get("STRESS_S", 0))
N_TREE = 200 if LONG_S else 60
TRIES = 4
# What a collector without processes may have grown by: its cache of symbols,
# what it remembers of the last 256 that ended, and its allocator's leftovers.
GROWTH_KIB = 48 << 10


def members(path):
    """The numbers each pid has noted: {pid: [n, ...]}."""
    noted = collections.defaultdict(list)
    with open(path) as f:
        for pid, n in map(str.split, f):
            noted[pid].append(int(n))
    return noted


def check(name, n_at_least, *args):
    for i in range(TRIES):
        missing = check_once(f"{name}{i}", n_at_least, *args)
        if not missing:
            return
        print(f"{name}: without a profile: {missing}")
    under.fail(f"{name}: {TRIES} times some had no profile")


def check_once(name, n_at_least, *args):
    """The pids that have no profile; one that has another's is an end."""
    path = os.path.join(under.TMP, name + ".pids")
    run = under.Run(under.program("stress/crowd", path, *args), name, 600,
                    CPROF_HEAP_RATE="1", CPROF_CPU_HZ="0", CPROF_EXIT="alloc",
                    CPROF_EXIT_TIMEOUT="60s")
    under.expect_equal(f"{name}: {run.out.strip()}: status", run.status, 0)
    noted = members(path)
    n = sum(map(len, noted.values()))
    under.expect(f"{name}: {n} programs in {len(noted)} pids", n >= n_at_least)
    return [pid for pid, numbers in noted.items() if
            not is_right(f"{name}: {pid}", run.folder, pid, sorted(numbers))]


def is_right(what, folder, pid, numbers):
    def totals():
        profiles = map(pprof.Profile, pprof.find(folder, "alloc", pid=pid))
        return sorted(filter(None, (
            p.total("alloc_objects", function="work") for p in profiles)))

    if under.wait(lambda: totals() == numbers, 5):
        return True
    got = totals()
    if collections.Counter(got) - collections.Counter(numbers):
        under.fail(f"{what}: the profiles have {got}, not {numbers}")
    return False


def status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return next(int(x.split()[1]) for x in f if x.startswith(key))


def n_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def crowds():
    collector = under.start_collector()
    check("warm", 20, "tree", 20)
    under.poll("the first are buried", lambda: not under.processes())
    n_fds = n_descriptors(collector.pid)
    rss_kib = status(collector.pid, "RssAnon:")
    check("tree", N_TREE, "tree", N_TREE)
    check("chain", 50, "chain", 50)
    check("churn", 10, "churn", LONG_S / 10 or 3)
    under.poll("all are buried", lambda: not under.processes(), 60)
    under.poll(f"{n_fds} descriptors again, not "
               f"{n_descriptors(collector.pid)}",
               lambda: n_descriptors(collector.pid) <= n_fds + 1)
    grown_kib = status(collector.pid, "RssAnon:") - rss_kib
    under.expect(f"the collector has grown by {grown_kib} KiB",
                 grown_kib < GROWTH_KIB)
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)


def reuse():
    """In a pid namespace of our own, with our own collector."""
    command = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        print("no pid namespace can be made here: pids are not reused")
        return
    done = subprocess.run([*command, sys.executable, __file__, "again"],
                          check=False)
    under.expect_equal("one pid again and again", done.returncode, 0)


if sys.argv[1:] == ["again"]:
    collector = under.start_collector()
    check("again", 20, "again", 500, 20)
    collector.terminate()
    collector.wait(30)
else:
    crowds()
    reuse()
