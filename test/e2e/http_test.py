#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""The HTTP door under what no well-behaved client does: bursts of short
connections, more than are served at once, requests without a path. Whatever
came, it answers afterwards, and SIGTERM ends the collector."""
import os
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402
from under import expect_equal  # noqa: E402

REQUEST = b"GET /api/ps HTTP/1.1\r\nHost: x\r\n\r\n"


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(under.SOCKET)  # with a timeout it would not wait its turn
    s.settimeout(30)
    return s


def ask():
    s = connect()
    s.sendall(REQUEST)
    return s


def burst(n):
    """Asks and goes away, without waiting for an answer."""
    for _ in range(n):
        ask().close()


def bursts():
    for _ in range(10):
        threads = [threading.Thread(target=burst, args=(60,))
                   for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def answers():
    return under.http("GET", "/api/ps")[0] == 200


def ask_often(n_asked):
    """How many of so many connections are served; the others are told."""
    held = [ask() for _ in range(n_asked)]
    heads = [s.recv(65536).split(b"\r\n")[0] for s in held]
    n = sum(b" 200 " in h for h in heads)
    expect_equal(f"{n} served, told that there are too many",
                 sum(b" 503 " in h for h in heads), n_asked - n)
    return held, n


def too_many():
    """True when 32 of 40 are served; fewer while earlier ones are closing."""
    held, n = ask_often(40)
    others = n == 32 and answers_another()
    for s in held:
        s.close()
    return n == 32 and others


def answers_another():
    """What one process holds does not keep another one out."""
    pid = os.fork()
    if not pid:
        os._exit(0 if answers() else 1)
    return os.waitpid(pid, 0)[1] == 0


def too_many_of_all():
    """Two processes may hold 64, which is all there are."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        held, n = ask_often(32)
        os.write(ready[1], bytes([n]))
        os.read(go[0], 1)
        os._exit(0)
    n_first = os.read(ready[0], 1)[0]
    held, n = ask_often(32)
    third = os.fork()
    if not third:
        os._exit(0 if answers() else 1)
    is_refused = os.waitpid(third, 0)[1] != 0
    os.write(go[1], b"x")
    os.waitpid(pid, 0)
    for s in held:
        s.close()
    for fd in ready + go:
        os.close(fd)
    return n_first == 32 and n == 32 and is_refused


def wrong_pid():
    status, body = under.http("GET", "/debug/pprof/heap?pid=abc")
    expect_equal("status of pid=abc", status, 400)
    expect_equal("its text", body, b"pid 'abc' is not valid: a number from 1 "
                 b"to 2147483647\n")


def wrong_kind():
    child = under.start(["/bin/sleep", "60"], "wrong-kind")
    under.attached(child.pid)
    for query in "kind=x", "":
        status, body = under.http("GET", f"/{child.pid}/api/profile?{query}")
        expect_equal(f"status of '{query}'", status, 404)
        under.expect(f"its text: {body}", body.startswith(
            f"no profile is called '{query[5:]}'; there are cpu, inuse, "
            .encode()))
    child.kill()
    child.wait()


def hanging(daemon):
    """cprofctl says that there is no answer, and ends."""
    daemon.send_signal(signal.SIGSTOP)
    # It asks for the list of processes first.
    p = subprocess.run([os.path.join(under.BUILD, "cprofctl"), "-S",
                        under.SOCKET, "heap"], timeout=60,
                       capture_output=True, text=True)
    under.expect(f"its word: {p.stderr}", p.returncode == 1 and
                 "did not answer in time" in p.stderr)
    daemon.send_signal(signal.SIGCONT)


def without_path():
    with connect() as s:
        s.sendall(b"GET ?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        status = s.recv(65536).split(b" ")[1]
    expect_equal("status of a request without a path", status, b"404")


def main():
    daemon = under.start_collector()
    bursts()
    under.poll("it answers after the bursts", answers)
    under.poll("as many as may be are served", too_many)
    under.poll("as many of all as may be are served", too_many_of_all)
    under.poll("it answers after too many", answers)
    wrong_pid()
    wrong_kind()
    without_path()
    hanging(daemon)
    daemon.terminate()
    expect_equal("status after SIGTERM", daemon.wait(20), 0)


main()
