#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 alone
"""A collector that is killed, or stopped, does not harm the application; a new
one is found and profiles go on. Garbage on the socket harms nobody."""
import os
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

MAGIC = 0x46525043
GARBAGE = {
    "random bytes": bytes(range(256)) * 64,
    "a message of 4 GiB": struct.pack("<IHHI", MAGIC, 1, 1, 0xFFFFFFFF),
    "another version": struct.pack("<IHHI", MAGIC, 999, 1, 0),
    "an unknown type": struct.pack("<IHHI", MAGIC, 1, 77, 4) + b"abcd",
    "a hello that is no protobuf": struct.pack("<IHHI", MAGIC, 1, 1, 64) +
                                   b"\xff" * 64,
    "a hello without descriptors": struct.pack("<IHHI", MAGIC, 1, 1, 0),
    "half a header": b"CPRF\x01",
    "an HTTP line without end": b"GET /" + b"a" * 200000,
    "an unknown path": b"GET /no/such HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing": b"",
}


def throw(data):
    """Sends and hears out whatever comes back."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(under.SOCKET)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass


def garbage():
    collector = under.start_collector()
    child = under.start(under.program("hook/collector_trouble", 3), "garbage",
                        CPROF_HEAP_RATE="1")
    under.attached(child.pid)
    for what, data in GARBAGE.items():
        try:
            throw(data)
        except TimeoutError:
            under.fail(f"{what}: the collector neither answers nor hangs up")
        under.expect(f"{what}: the collector lives", collector.poll() is None)
    out, _ = child.communicate(timeout=30)
    under.expect(f"the application: {out.decode().strip()}",
                 child.returncode == 0)
    p = pprof.only(os.path.join(under.TMP, "garbage"), "alloc",
                   pid=str(child.pid))
    under.expect("its profile is whole",
                 p.total("alloc_objects", function="main") % 256 == 0)
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(10), 0)


def stopped():
    collector = under.start_collector()
    child = under.start(under.program("hook/collector_trouble", 3), "stopped",
                        CPROF_HEAP_RATE="4096")
    under.attached(child.pid)
    collector.send_signal(signal.SIGSTOP)
    try:
        out, _ = child.communicate(timeout=30)
    finally:
        collector.send_signal(signal.SIGCONT)
    under.expect(f"a stopped collector: {out.decode().strip()}",
                 child.returncode == 0)
    collector.terminate()
    collector.wait(10)


def killed():
    collector = under.start_collector()
    child = under.start(under.program("hook/collector_trouble", 14), "killed",
                        CPROF_HEAP_RATE="4096")
    under.attached(child.pid)
    collector.kill()
    collector.wait()
    second = under.start_collector()
    seen = under.poll("the shim finds the new collector",
                      lambda: under.processes().get(child.pid), 20)
    under.expect(f"reconnected: {seen['comm']}", True)
    out, err = child.communicate(timeout=40)
    under.expect(f"a killed collector: {out.decode().strip()}",
                 child.returncode == 0 and not err)
    p = pprof.only(os.path.join(under.TMP, "killed"), "alloc",
                   pid=str(child.pid))
    under.expect("profiles go on", p.total("alloc_objects",
                                           function="main") > 1000)
    second.terminate()
    second.wait(10)


garbage()
stopped()
killed()
