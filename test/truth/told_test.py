#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A collector that is told to end, and the next one, have between them all that
was recorded, also while there was none; and a process that ends after its
collector has its profile all the same."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import killed  # noqa: E402
import pprof  # noqa: E402
import under  # noqa: E402


N_ROUNDS = 4000


def walks(pid):
    status, body = under.http("GET", f"/{pid}/api/stats")
    return status == 200 and re.search(rb'"walked_hashes": ?[1-9]', body)


def losses(profiles):
    return {name for p in profiles for name in re.findall(
        r"^lost: (\w+)=", "\n".join(p.comments), re.M)}


def profiles_of(name, pid):
    folder = os.path.join(under.TMP, name)
    return [pprof.Profile(p) for p in pprof.find(folder, "alloc",
                                                 pid=str(pid))]


def check(name, path, profiles):
    end = killed.counts(path)
    for function, column in ("keep", 0), ("drop", 2):
        parts = [p.total("alloc_objects", function=function) for p in profiles]
        low, high = end[column + 1], end[column]
        under.expect(f"{name}: {function}: {low} <= {parts} <= {high}",
                     low <= sum(parts) <= high)


def more_rounds(path, n=10):
    before = killed.rounds(path)
    under.poll("some rounds", lambda: killed.rounds(path) > before + n, 60)


def told():
    path = killed.counts_path("told")
    collector = under.start_collector()
    child = under.start(under.program("truth/killed", path, "slow", 1), "told",
                        **under.EXACT)
    more_rounds(path)
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)
    more_rounds(path)
    collector = under.start_collector()
    under.poll("it has found the next collector",
               lambda: under.processes().get(child.pid), 60)
    more_rounds(path)
    child.kill()
    child.wait()
    under.poll("both profiles", lambda: len(profiles_of("told", child.pid)) > 1,
               30)
    profiles = profiles_of("told", child.pid)
    check("told", path, profiles)
    under.expect_equal("lost", losses(profiles), set())
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)


def end_another():
    """The one that the process has started."""
    try:
        os.kill(under.collector_pid(), signal.SIGTERM)
    except OSError:
        pass
    under.poll("no collector", lambda: not os.path.exists(under.SOCKET), 30)


def last_words(name, sig):
    """The collector ends; the process a moment after it, by itself."""
    path = killed.counts_path(name)
    collector = under.start_collector()
    child = under.start(under.program("truth/killed", path, "_exit", N_ROUNDS),
                        name, CPROF_EXIT="alloc", **under.EXACT)
    # Without a collector there is room for so much in short records only.
    under.poll("it walks", lambda: walks(child.pid))
    collector.send_signal(sig)
    collector.wait(30)
    n_before = killed.counts(path)[1]
    under.expect_equal(f"{name}: status", child.wait(60), 0)
    end_another()
    under.poll("its profiles", lambda: len(profiles_of(name, child.pid)) >
               (sig == signal.SIGTERM), 30)
    profiles = profiles_of(name, child.pid)
    if sig == signal.SIGTERM:
        check(name, path, profiles)
        under.expect_equal(f"{name}: lost", losses(profiles), set())
        return
    n = profiles[-1].total("alloc_objects", function="keep")
    under.expect(f"{name}: {n}, {n_before} before", n >= 20 * N_ROUNDS - n_before)
    under.expect_equal(f"{name}: lost", losses(profiles), {"gone"})


told()
last_words("terminated", signal.SIGTERM)
last_words("killed", signal.SIGKILL)
