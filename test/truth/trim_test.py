#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""heap?gc=1 has a program give its free memory back: at once when it allocates,
later when it sleeps, which holds up nobody; and never where libc's malloc is
not what it uses, by another path, or by itself."""
import ctypes.util
import http.client
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402
from under import expect, expect_equal  # noqa: E402

FREE_BYTES = 64 << 20
RATE = {"CPROF_HEAP_RATE": "4096"}


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(under.SOCKET)


class Program:
    def __init__(self, **settings):
        self.child = subprocess.Popen(
            under.program("truth/trimmed"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=under.environment(under.TMP + "/out", settings))
        self.child.stdout.readline()
        under.attached(self.child.pid)

    def tell(self, what):
        self.child.stdin.write(what.encode())
        self.child.stdin.flush()
        self.child.stdout.readline()

    def rss(self):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) << 10

    def ask(self, path):
        """What became of the request, "" when nothing is said."""
        c = Connection("x")
        c.request("GET", f"/{self.child.pid}/debug/pprof/{path}")
        r = c.getresponse()
        r.read()
        if r.status != 200:
            under.fail(f"{path}: status {r.status}")
        return r.getheader("X-Cprof-Trim", "")

    def end(self):
        self.child.stdin.close()
        expect_equal("its status", self.child.wait(30), 0)


def has_fallen(p, before):
    return p.rss() < before - FREE_BYTES / 2


p = Program(**RATE)
before = p.rss()
expect(f"it has {before >> 20} MiB", before > FREE_BYTES)
for path in ("heap", "heap?gc=0", "heap?gc=x", "heap?gc=1&seconds=1",
             "allocs?gc=1", "block?gc=1"):
    expect_equal(path, p.ask(path), "")
p.tell("a")
expect("nobody asked", not has_fallen(p, before))
expect_equal("asleep", p.ask("heap?gc=1").partition(":")[0], "pending")
expect("it has not allocated since", not has_fallen(p, before))
p.tell("a")
expect("given back when it does", has_fallen(p, before))
p.tell("f")
p.tell("b")
expect(f"in use again: {p.rss() >> 20} MiB", not has_fallen(p, before))
# Not sooner than a second after the last one: until then its word holds.
under.poll("given back while it allocates",
           lambda: p.ask("heap?gc=1") == "done" and has_fallen(p, before))
p.tell("f")
under.poll("the same, as text",
           lambda: p.ask("heap?debug=1&gc=1") == "done" and
           has_fallen(p, before))
p.end()

p = Program(CPROF_TRANSPORT="socket", **RATE)
p.tell("b")
expect_equal("by socket", p.ask("heap?gc=1").partition(":")[0], "none")
p.end()

jemalloc = ctypes.util.find_library("jemalloc")
if jemalloc:
    p = Program(LD_PRELOAD=f"{under.SHIM} {jemalloc}", **RATE)
    expect("jemalloc, asleep", "libc's" in p.ask("heap?gc=1"))
    p.tell("b")
    expect("jemalloc", "libc's" in p.ask("heap?gc=1"))
    p.end()
