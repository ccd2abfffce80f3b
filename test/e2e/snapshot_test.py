#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""kill -USR1: a heap snapshot each time, numbered, by a process that goes on;
and the signal stays the application's when it has a handler of its own."""
import os
import signal
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def snapshots(name, **settings):
    counts = os.path.join(under.TMP, name + ".counts")
    child = under.start(under.program("truth/killed", counts), name,
                        **under.EXACT, **settings)
    under.attached(child.pid)
    folder = os.path.join(under.TMP, name)
    for n in 1, 2, 3:
        child.send_signal(signal.SIGUSR1)
        under.poll(f"snapshot {n}", lambda n=n: len(
            pprof.find(folder, "inuse", pid=str(child.pid))) == n)
    under.expect("it goes on", child.poll() is None)
    objects = [pprof.Profile(p).total("inuse_objects", function="keep")
               for p in pprof.find(folder, "inuse", pid=str(child.pid))]
    under.expect(f"snapshots grow: {objects}", objects == sorted(objects))
    under.expect("no other kind", not pprof.find(folder, "cpu"))
    child.kill()
    child.wait()


def nothing_sampled():
    """A process whose heap was never sampled gets a valid, empty profile."""
    child = under.start(["/bin/sleep", "60"], "empty")
    under.attached(child.pid)
    child.send_signal(signal.SIGUSR1)
    folder = os.path.join(under.TMP, "empty")
    path = under.poll("the snapshot", lambda: pprof.find(
        folder, "inuse", pid=str(child.pid)))[0]
    under.expect_equal("objects", pprof.Profile(path).total("inuse_objects"),
                       0)
    child.kill()
    child.wait()


def left_alone():
    """CPROF_SIGNAL=none: the default action, which is death."""
    child = under.start(under.program("truth/killed", os.path.join(
        under.TMP, "none.counts")), "none", CPROF_SIGNAL="none")
    under.attached(child.pid)
    child.send_signal(signal.SIGUSR1)
    under.expect_equal("status", child.wait(20), -signal.SIGUSR1)


def catches_usr1(pid):
    with open(f"/proc/{pid}/status") as f:
        caught = next(x for x in f if x.startswith("SigCgt")).split()[1]
    return int(caught, 16) >> signal.SIGUSR1 - 1 & 1


def one_snapshot(name, child):
    under.poll(f"the snapshot, {name}", lambda: pprof.find(
        os.path.join(under.TMP, name), "inuse", pid=str(child.pid)))
    under.expect(f"it goes on, {name}", child.poll() is None)
    child.kill()
    child.wait()


def while_it_attaches():
    """The signal comes while the shim waits for the collector's answer."""
    collector = under.start_collector()
    collector.send_signal(signal.SIGSTOP)
    child = under.start(["/bin/sleep", "60"], "attaching")
    under.poll("its handler", lambda: catches_usr1(child.pid))
    child.send_signal(signal.SIGUSR1)
    collector.send_signal(signal.SIGCONT)
    one_snapshot("attaching", child)
    collector.terminate()
    collector.wait(20)


def while_the_socket_is_full():
    """The signal comes while no record finds room on the way."""
    path = os.path.join(under.TMP, "full.counts")
    collector = under.start_collector()
    child = under.start(under.program("truth/killed", path), "full",
                        CPROF_TRANSPORT="socket", **under.EXACT)
    under.attached(child.pid)
    under.poll("its counts", lambda: os.path.exists(path) and
               os.path.getsize(path) >= 32)

    def kept():
        with open(path, "rb") as f:
            return struct.unpack("4Q", f.read(32))[1]

    collector.send_signal(signal.SIGSTOP)
    start = kept()
    under.poll("more than a socket holds", lambda: kept() > start + 5000)
    child.send_signal(signal.SIGUSR1)
    now = kept()
    under.poll("it allocates on", lambda: kept() > now + 100)
    collector.send_signal(signal.SIGCONT)
    one_snapshot("full", child)
    collector.terminate()
    collector.wait(20)


def its_own():
    """A process that sends it to itself dies of it, as without a shim."""
    for how in "os.kill(os.getpid(), 10)", "signal.raise_signal(10)":
        child = under.start(["/usr/bin/python3", "-c",
                             f"import os, signal, time; {how}; "
                             "time.sleep(20)"], "own")
        under.expect_equal(how, child.wait(30), -signal.SIGUSR1)


its_own()
while_it_attaches()
while_the_socket_is_full()
snapshots("ring")
snapshots("socket", CPROF_TRANSPORT="socket")
snapshots("other-signal", CPROF_SIGNAL="USR1")
nothing_sampled()
left_alone()
