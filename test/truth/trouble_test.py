#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 150 any
"""A collector in trouble: stopped while records come, no space, no descriptors,
its folder or socket deleted, its clock set back, killed while it writes. The
application ends as it should, what is lost is counted, no file is half, and
the next process is profiled as any."""
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import killed  # noqa: E402
import pprof  # noqa: E402
import under  # noqa: E402

HEAP = dict(CPROF_HEAP_RATE="1", CPROF_CPU_HZ="0", CPROF_BLOCK_RATE="0",
            CPROF_EXIT="alloc", CPROF_EXIT_TIMEOUT="60s")


def end(collector):
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)


def start(name, how="_exit", rounds=5, **settings):
    path = killed.counts_path(name)
    return path, under.start(under.program("truth/killed", path, how, rounds),
                             name, **dict(HEAP, **settings))


def run(name, *args, **settings):
    """To its end, which must be good; its pid."""
    child = start(name, *args, **settings)[1]
    under.expect_equal(f"{name}: status", child.wait(90), 0)
    return child.pid


def check_whole(folder, pid):
    under.poll(f"the profile of {pid}", lambda: pprof.find(
        folder, "alloc", pid=str(pid)))
    n = pprof.only(folder, "alloc", pid=str(pid)).total(
        "alloc_objects", function="keep")
    under.expect_equal("objects", n, 100)


def stopped_counts():
    """All that was ever allocated is in the profile or said to be lost."""
    collector = under.start_collector()
    path, child = start("burst", "burst", 1)
    under.poll("its beginning", lambda: killed.counts(path)[1])
    collector.send_signal(signal.SIGSTOP)
    try:
        under.poll("its end", lambda: killed.counts(path)[3] == 600020, 60)
    finally:
        collector.send_signal(signal.SIGCONT)
    under.expect_equal("burst: status", child.wait(90), 0)
    folder = os.path.join(under.TMP, "burst")
    under.poll("its profile", lambda: pprof.find(folder, "alloc"), 60)
    p = pprof.only(folder, "alloc")
    seen = p.total("alloc_objects", function="work")
    lost = sum(int(n) for n in re.findall(r"^lost: \w+=(\d+)",
                                          "\n".join(p.comments), re.M))
    under.expect_equal(f"seen {seen} and lost {lost}", seen + lost, 1200040)
    under.expect("something was lost", lost > 0)
    end(collector)


def no_space():
    folder = os.path.join(under.TMP, "full")
    os.makedirs(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none",
                       folder], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        print("no space: nothing can be mounted here")
        return
    try:
        with open(os.path.join(folder, "fill"), "wb", 0) as f:
            while f.write(b"x" * 4096) == 4096:
                pass
    except OSError:
        pass
    collector = under.start_collector()
    try:
        pid = run("full")
        under.expect_equal("files in the full folder", os.listdir(folder),
                           ["fill"])
        # It goes where those go whose folder can't be written to.
        found = under.poll("its profile elsewhere", lambda: glob.glob(
            f"/tmp/cprof-*/killed.{pid}.alloc.*.pb.gz"))
        for path in found:
            pprof.Profile(path)
            os.unlink(path)
        os.unlink(os.path.join(folder, "fill"))
        check_whole(folder, run("full"))
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    end(collector)


def no_descriptors():
    collector = under.start_collector(prefix=("prlimit", "--nofile=48:48"))
    path = os.path.join(under.TMP, "crowd.pids")
    crowd = under.Run(under.program("stress/crowd", path, "tree", 60), "crowd",
                      90, **HEAP)
    under.expect_equal("a crowd: status", crowd.status, 0)
    under.poll("all are gone", lambda: not under.processes(), 30)
    n = len(pprof.find(os.path.join(under.TMP, "crowd"), "alloc"))
    under.expect(f"{n} of 60 were profiled", 0 < n < 60)
    # What the last of them had open is closed a moment later.
    folder = os.path.join(under.TMP, "later")
    under.poll("another is profiled", lambda: run("later") and under.wait(
        lambda: pprof.find(folder, "alloc"), 1), 30)
    end(collector)


def deleted():
    collector = under.start_collector()
    path, child = start("deleted", rounds=1500)
    folder = os.path.join(under.TMP, "deleted")
    under.poll("its beginning", lambda: killed.counts(path)[1])
    shutil.rmtree(folder)
    os.unlink(under.SOCKET)
    under.expect_equal("deleted: status", child.wait(90), 0)
    under.poll("its profile", lambda: pprof.find(folder, "alloc"))
    under.poll("the socket is there again", lambda:
               os.path.exists(under.SOCKET))
    check_whole(os.path.join(under.TMP, "next"), run("next"))
    under.expect_equal("who served it", under.collector_pid(), collector.pid)
    end(collector)


def clock_back():
    back = os.path.join(under.TMP, "clock_back")
    plugin = os.path.join(under.BUILD, "test/hook/plugin/clock_back.so")
    collector = under.start_collector(
        env=dict(os.environ, LD_PRELOAD=plugin, CLOCK_BACK=back))
    path, child = start("clock", rounds=500)
    under.poll("its beginning", lambda: killed.counts(path)[1])
    open(back, "wb").close()
    under.expect_equal("clock: status", child.wait(90), 0)
    p = pprof.only(os.path.join(under.TMP, "clock"), "alloc")
    under.expect_equal("objects", p.total("alloc_objects", function="keep"),
                       10000)
    under.expect(f"duration {p.duration_nanos} ns",
                 0 < p.duration_nanos < 100e9)
    end(collector)


def forked_while_stopped():
    """A child does not wait for a collector that its parent had not heard of
    for a second; it is found all the same when it goes on."""
    collector = under.start_collector()
    path, child = start("fork", "fork", 3000)
    under.poll("its beginning", lambda: killed.counts(path)[1])
    collector.send_signal(signal.SIGSTOP)
    try:
        under.poll("the child works", lambda: killed.rounds(path) > 2, 60)
    finally:
        collector.send_signal(signal.SIGCONT)
    with open(f"/proc/{child.pid}/task/{child.pid}/children") as f:
        pid = int(f.read())
    under.attached(pid)
    os.kill(pid, signal.SIGKILL)
    under.expect_equal("fork: status", child.wait(60), 0)
    end(collector)


def killed_while_writing():
    folder = os.path.join(under.TMP, "half")
    n_whole = 0
    for _ in range(6):
        collector = under.start_collector()
        child = start("half", rounds=20, CPROF_EXIT="all")[1]
        # Any instant near its end will do: nothing is waited for.
        time.sleep(random.uniform(0.02, 0.2))
        collector.kill()
        collector.wait()
        under.expect_equal("half: status", child.wait(90), 0)
    for path in glob.glob(os.path.join(folder, "*.pb.gz")):
        pprof.Profile(path)
        n_whole += 1
    print(f"{n_whole} files, all whole")


stopped_counts()
no_space()
no_descriptors()
deleted()
clock_back()
forked_while_stopped()
killed_while_writing()
