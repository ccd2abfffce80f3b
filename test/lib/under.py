# SPDX-License-Identifier: Apache-2.0
"""Runs programs under cprof for the tests in Python, and finds what it wrote.

The environment comes from run-tests: CPROF_BUILD, CPROF_SOCKET,
CPROF_TEST_TMP. The collector is the one the shim starts itself.
"""
import json
import os
import re
import socket
import subprocess
import sys
import time

import pprof

BUILD = os.path.abspath(os.environ.get("CPROF_BUILD", "build"))
TMP = os.environ["CPROF_TEST_TMP"]
SOCKET = os.environ["CPROF_SOCKET"]
SHIM = os.path.join(BUILD, "libcprof.so")
EXACT = {"CPROF_HEAP_RATE": "1", "CPROF_BLOCK_RATE": "1ns",
         "CPROF_MUTEX_FRACTION": "1"}


def fail(text):
    print(f"FAIL: {text}", flush=True)
    sys.exit(1)


def expect(what, is_true):
    print(f"{'ok' if is_true else 'FAIL'}: {what}", flush=True)
    if not is_true:
        sys.exit(1)


def expect_equal(what, got, wanted):
    expect(f"{what}: {got}" + ("" if got == wanted else f", not {wanted}"),
           got == wanted)


def expect_near(what, got, wanted, margin):
    expect(f"{what}: {got:.6g}, truth {wanted:.6g}, margin {margin:.3g}",
           abs(got - wanted) <= margin)


def wait(condition, limit_s=15):
    """The first true value of CONDITION(), or the last one when time is up."""
    end_s = time.monotonic() + limit_s
    while True:
        value = condition()
        if value or time.monotonic() > end_s:
            return value
        time.sleep(0.02)


def poll(what, condition, limit_s=15):
    """The first true value of CONDITION(), which must come in time."""
    value = wait(condition, limit_s)
    if not value:
        fail(f"not within {limit_s} s: {what}")
    return value


def program(name, *args):
    return [os.path.join(BUILD, "test", name), *map(str, args)]


def environment(folder, settings):
    os.makedirs(folder, exist_ok=True)
    return dict(os.environ, LD_PRELOAD=SHIM, CPROF_DIR=folder) | settings


class Run:
    """A program under cprof, to its end; what it printed as "key value" lines
    is in values."""

    def __init__(self, command, name="run", limit_s=60, **settings):
        self.folder = os.path.join(TMP, name)
        child = start(command, name, **settings)
        self.pid = child.pid
        out, err = child.communicate(timeout=limit_s)
        self.status = child.returncode
        self.out, self.err = out.decode(), err.decode()
        self.values = {k: float(v) for k, v in re.findall(
            r"^(\w+) (-?[\d.]+(?:e[+-]?\d+)?)$", self.out, re.M)}
        if self.err:
            fail(f"noise on stderr: {self.err}")

    def profile(self, kind, pid=None):
        return pprof.only(self.folder, kind, pid=str(pid or self.pid))


def start(command, name="run", **settings):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment(os.path.join(TMP, name), settings))


def http(method, path):
    """A request to the collector: status and body."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(SOCKET)
    s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n"
              "Connection: close\r\n\r\n".encode())
    data = b""
    while part := s.recv(65536):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        body = _unchunk(body)
    return int(head.split()[1]), body


def _unchunk(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size, 16)
        body, data = body + data[:n], data[n + 2:]
        if n == 0:
            break
    return body


def processes():
    """What the collector knows of its processes, by pid; {} without one."""
    try:
        status, body = http("GET", "/api/ps")
    except OSError:
        return {}
    if status != 200:
        return {}
    return {p["pid"]: p for p in json.loads(body)["processes"]}


def attached(pid):
    """Waits until the collector knows the process."""
    return poll(f"the collector knows {pid}", lambda: processes().get(pid))


def collector_pid():
    """Of the collector at the socket, as the kernel has it."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(SOCKET)
        raw = s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(raw[:4], sys.byteorder)


def start_collector(*args, prefix=(), build=BUILD, **kwargs):
    """A collector by hand, at the test's socket."""
    child = subprocess.Popen([*prefix, os.path.join(build, "cprofd"),
                              "--socket", SOCKET, *args],
                             stdin=subprocess.DEVNULL, **kwargs)
    poll("the collector answers", lambda: child.poll() is None and
         _answers(), 30)
    return child


def _answers():
    try:
        return http("GET", "/api/ps")[0] == 200
    except OSError:
        return False
