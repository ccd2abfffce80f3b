#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Hellos that lie: descriptors that block, are endless or somebody else's in
the place of maps, other processes' pids and parents, texts too long or no
text at all. Each is answered or refused at once, and nobody else notices."""
import json
import os
import re
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import honest  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal  # noqa: E402

REPO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MAGIC = 0x46525043
HELLO, RING, SOCKET, REFUSE, BYE = 1, 2, 3, 4, 5


def proto_version():
    with open(os.path.join(REPO, "proto/version.h"), encoding="utf-8") as f:
        return int(re.search(r"PROTO_VERSION (\d+)", f.read()).group(1))


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def message(fields):
    """FIELDS: (number, value), an int or bytes, as proto/cprof.proto has it."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def send(kind, fields, fds=()):
    """Says it and returns the type of the answer, 0 when there is none."""
    body = message(fields)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(under.SOCKET)
        s.settimeout(30)
        head = struct.pack("<IHHI", MAGIC, proto_version(), kind, len(body))
        socket.send_fds(s, [head + body], list(fds))
        data, got, _, _ = socket.recv_fds(s, 4096, 4)
    for fd in got:
        os.close(fd)
    return struct.unpack("<IHHI", data[:12])[2] if len(data) >= 12 else 0


def hello(*more, pid=None):
    return [(1, pid or os.getpid()), (4, under.TMP.encode()),
            (5, under.TMP.encode()), (6, 1), (10, 128), (13, 3), *more]


class Liar:
    """A process of its own that says one thing and then lives on."""

    def __init__(self, what):
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.write(write_end, bytes([what()]))
                signal.pause()
            finally:
                os._exit(1)
        os.close(write_end)
        self.answer = (os.read(read_end, 1) or b"\xff")[0]
        os.close(read_end)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def wrong_descriptors():
    fifo = os.path.join(under.TMP, "fifo")
    os.mkfifo(fifo)
    huge = os.path.join(under.TMP, "maps")
    with open(huge, "wb") as f:
        f.truncate(1 << 40)
    kinds = {
        "a fifo": lambda: os.open(fifo, os.O_RDWR),
        "a pipe": lambda: os.pipe()[0],
        "a folder": lambda: os.open("/", os.O_RDONLY),
        "a folder called maps": lambda: os.open("/proc/self/map_files",
                                                os.O_RDONLY),
        "/dev/zero": lambda: os.open("/dev/zero", os.O_RDONLY),
        "a huge file called maps": lambda: os.open(huge, os.O_RDONLY),
        "a socket": lambda: os.dup(socket.socketpair()[0].detach()),
        "another's maps": lambda: os.open(f"/proc/{os.getppid()}/maps",
                                          os.O_RDONLY),
        "its memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "its maps, without the right": lambda: os.open("/proc/self/maps",
                                                       os.O_PATH),
    }
    liars = []
    for name, make in kinds.items():
        liar = Liar(lambda make=make: send(HELLO, hello(), [make(), make()]))
        expect_equal(f"the answer to {name}", liar.answer, RING)
        liars.append(liar)
    liars.append(Liar(lambda: send(HELLO, hello())))
    expect_equal("the answer to nothing", liars[-1].answer, RING)
    honest.run("beside-liars", tries=3)
    for liar in liars:
        liar.end()


def other_processes():
    """Names of others in a hello are words: the kernel knows who speaks."""
    child = under.start(under.program("truth/killed", os.path.join(
        under.TMP, "counts")), "other", CPROF_HEAP_RATE="1")
    first = under.attached(child.pid)
    liars = [Liar(lambda: send(HELLO, hello(pid=child.pid))),
             Liar(lambda: send(HELLO, hello((17, 1), (18, child.pid)))),
             Liar(lambda: send(HELLO, hello((21, 1), (22, 1 << 40)))),
             Liar(lambda: send(BYE, [(1, child.pid)]))]
    expect_equal("answers", [liar.answer for liar in liars],
                 [RING, RING, RING, 0])
    now = under.poll("it samples on", lambda: next(
        (p for p in [under.processes().get(child.pid)]
         if p and p["samples"]["heap"] > first["samples"]["heap"]), None))
    expect_equal("its session began", now["start_time_ns"],
                 first["start_time_ns"])
    for liar in liars:
        liar.end()
    child.kill()
    child.wait()


def texts():
    """What is too long is refused, what is no text harms no answer."""
    for name, field in (("dir", 4), ("cwd", 5), ("labels", 14), ("argv", 3)):
        liar = Liar(lambda field=field: send(HELLO, hello(
            (field, b"x" * 5000))))
        expect_equal(f"the answer to a long {name}", liar.answer, REFUSE)
        liar.end()
    bad = b"\xff\xfe\x80%{\xc3"
    liar = Liar(lambda: send(HELLO, hello(
        (3, bad + b"\0\0\0"), (14, bad + b"=,=,," + bad),
        *[(16, bad + bytes([65 + i])) for i in range(26)],
        *[(20, bad)] * 100, (15, message([(1, bad), (2, bad), (3, bad)])))))
    expect_equal("the answer to garbage", liar.answer, RING)
    status, body = under.http("GET", "/api/ps")
    expect_equal("ps beside it", (status, "processes" in json.loads(body)),
                 (200, True))
    honest.run("beside-garbage", tries=3)
    liar.end()


def main():
    collector = under.start_collector()
    wrong_descriptors()
    other_processes()
    texts()
    expect("the collector lives", collector.poll() is None)
    collector.terminate()
    expect_equal("the collector's status", collector.wait(30), 0)


main()
