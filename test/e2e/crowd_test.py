#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""Processes of the same user that connect without end and never finish a word
keep nobody out: programs start and are profiled as ever, and clients are
answered, while one process makes ten thousand connections, and while many have
their share of silent ones."""
import os
import resource
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import honest  # noqa: E402
import pprof  # noqa: E402
import under  # noqa: E402

N_CONNECTIONS = 10000
# What a hello begins with, and a header that promises more than will come.
BEGINNINGS = [b"", b"C", b"CPRF", struct.pack("<IHHI", 0x46525043, 1, 1, 500)]


def connect(held, beginning):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(under.SOCKET)
        s.send(beginning)
    except OSError:
        s.close()  # its queue is full, or it was faster to hang up
        return False
    held.append(s)
    return True


def crowd(report):
    """Holds up to a thousand at a time, for ever; says when all were made."""
    held, n = [], 0
    while True:
        n += connect(held, BEGINNINGS[n % len(BEGINNINGS)])
        if n == N_CONNECTIONS:
            os.write(report, b"x")
        if len(held) > 800:
            held.pop(0).close()


def few_each(report):
    """Four connections and no word."""
    held = []
    while len(held) < 4:
        if not connect(held, b"CPRF"):
            time.sleep(0.01)
    os.write(report, b"x")
    signal.pause()


def start(function, n=1):
    read_end, write_end = os.pipe()
    pids = []
    for _ in range(n):
        pids.append(os.fork())
        if not pids[-1]:
            try:
                function(write_end)
            finally:
                os._exit(1)
    os.close(write_end)
    return pids, read_end


def end(pids, read_end):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(read_end)


def ask():
    """Without a time-out, with which it would not wait in a full queue."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(under.SOCKET)
        s.sendall(b"GET /api/ps HTTP/1.1\r\nHost: x\r\n\r\n")
        return s.recv(100)


def look_around(what):
    start_s = time.monotonic()
    for i in range(3):
        honest.run(f"{what}{i}", tries=5)
    answer = ask()
    under.expect(f"{what}: a client hears {answer[:15]}", b" 200 " in answer)
    print(f"{what}: {time.monotonic() - start_s:.2f} s")


def fill_queue():
    """Connections until no more fit; fewer where there are no descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    try:
        while True:
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            s.connect(under.SOCKET)
            held.append(s)
    except BlockingIOError:
        return held
    except OSError as e:
        print(f"the queue could not be filled: {e}")
        return held


def sleeps(pid):
    """True while the process is in nanosleep(2)."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as f:
            return f.read().startswith("35 ")
    except OSError:
        return False


def full_queue(collector):
    """A program that finds the queue full waits for its place in it."""
    collector.send_signal(signal.SIGSTOP)
    held = fill_queue()
    child = under.start(under.program("truth/heap_exact", 10), "queue",
                        CPROF_EXIT_TIMEOUT="30s", **under.EXACT)
    under.poll("it waits", lambda: child.poll() is not None or
               sleeps(child.pid))
    for s in held:
        s.close()
    collector.send_signal(signal.SIGCONT)
    child.communicate(timeout=30)
    files = pprof.find(os.path.join(under.TMP, "queue"), "alloc",
                       pid=str(child.pid))
    print(f"behind {len(held)} in the queue: {files}")
    return files


def main():
    collector = under.start_collector()
    look_around("alone")
    pids, report = start(crowd)
    look_around("in a crowd")
    under.expect_equal(f"{N_CONNECTIONS} connections were made",
                       os.read(report, 1), b"x")
    end(pids, report)
    # Fifteen have nearly all that there are, in fair shares.
    pids, report = start(few_each, 15)
    for _ in pids:
        os.read(report, 1)
    look_around("among silent ones")
    end(pids, report)
    under.poll("one that waited is profiled", lambda: full_queue(collector),
               30)
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(20), 0)


main()
