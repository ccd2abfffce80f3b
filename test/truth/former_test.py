#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Two collectors are killed, one after the other: what the application records
while none lives is in the profile of the next, and so are the frees of that,
later; what went with the killed ones is said."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import killed  # noqa: E402
import pprof  # noqa: E402
import under  # noqa: E402

N_HELD = 100  # killed.c's
FOLDER = os.path.join(under.TMP, "former")


def next_collector(before, pid, path):
    """Kills the one BEFORE: the next, and what had been begun at the death.
    Some of that it has not read, hashes of stacks that only it knows too."""
    n_rounds = killed.rounds(path)
    before.send_signal(signal.SIGSTOP)
    under.poll("it has not read all", lambda:
               killed.rounds(path) > n_rounds + 2, 60)
    before.kill()
    before.wait()
    begun = killed.counts(path)
    n_rounds = killed.rounds(path)
    # While none lives something is recorded, and borrowed blocks that an
    # earlier collector knows are given back.
    under.poll("rounds without a collector", lambda:
               killed.rounds(path) > n_rounds + N_HELD, 60)
    after = under.start_collector()
    under.poll("it has found the next collector",
               lambda: under.processes().get(pid), 60)
    under.poll("all is moved", lambda: n_known(pid) >=
               killed.counts(path)[1] - begun[0], 60)
    return after, begun


def n_known(pid):
    """Objects of keep() that the collector knows of."""
    body = under.http("GET", f"/{pid}/debug/pprof/allocs")[1]
    path = os.path.join(under.TMP, "known.pb.gz")
    with open(path, "wb") as f:
        f.write(body)
    return pprof.Profile(path).total("alloc_objects", function="keep")


path = killed.counts_path("former")
collector = under.start_collector()
child = under.start(under.program("truth/killed", path, "slow", 1), "former",
                    **under.EXACT)
under.poll("some rounds", lambda: killed.rounds(path) > 10)
collector, _ = next_collector(collector, child.pid, path)
collector, begun = next_collector(collector, child.pid, path)
n_rounds = killed.rounds(path)
under.poll("rounds with the last", lambda: killed.rounds(path) > n_rounds + 20)
child.kill()
child.wait()
end = killed.counts(path)
under.poll("its profiles", lambda: pprof.find(FOLDER, "alloc") and
           pprof.find(FOLDER, "inuse"), 30)
alloc = pprof.only(FOLDER, "alloc", pid=str(child.pid))
inuse = pprof.only(FOLDER, "inuse", pid=str(child.pid))
for function, column in ("keep", 0), ("drop", 2):
    n = alloc.total("alloc_objects", function=function)
    low, high = end[column + 1] - begun[column], end[column]
    under.expect(f"{function}: {low} <= {n} <= {high}", low <= n <= high)
n = inuse.total("inuse_objects", function="drop")
under.expect(f"drop: {n} in use", n <= end[2] - end[3])
n = inuse.total("inuse_objects", function="borrow")
under.expect(f"borrow: {n} in use", N_HELD - 1 <= n <= N_HELD + 1)
print("\n".join(alloc.comments))
gone = re.findall(r"lost: (\w+)=(\d+)", "\n".join(alloc.comments))
under.expect(f"lost: {gone}", [name for name, _ in gone] == ["gone"])
collector.terminate()
under.expect_equal("the collector's status", collector.wait(30), 0)
