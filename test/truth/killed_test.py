#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""SIGKILL in the middle loses nothing: at rate 1 the profiles hold every event
the program itself had counted in shared memory."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def counts(path):
    with open(path, "rb") as f:
        return struct.unpack("4Q", f.read(32).ljust(32, b"\0"))


def killed(name, **settings):
    path = os.path.join(under.TMP, name + ".counts")
    open(path, "wb").close()
    child = under.start(under.program("truth/killed", path), name,
                        **under.EXACT, **settings)
    under.poll("a thousand events", lambda: counts(path)[1] > 1000)
    child.kill()
    child.wait()
    begun, done, drop_begun, drop_done = counts(path)
    folder = os.path.join(under.TMP, name)
    pid = str(child.pid)
    under.poll("the profiles of a killed process",
               lambda: pprof.find(folder, "inuse", pid=pid) and
               pprof.find(folder, "alloc", pid=pid))
    inuse = pprof.only(folder, "inuse", pid=pid)
    alloc = pprof.only(folder, "alloc", pid=pid)
    for p, value, function, low, high in (
            (inuse, "inuse_objects", "keep", done, begun),
            (alloc, "alloc_objects", "keep", done, begun),
            (alloc, "alloc_objects", "drop", drop_done, drop_begun)):
        n = p.total(value, function=function)
        under.expect(f"{name}: {function} {value}: {low} <= {n} <= {high}",
                     low <= n <= high)
    n = inuse.total("inuse_objects", function="drop")
    under.expect(f"{name}: drop {n} in use", n <= drop_begun - drop_done)


killed("ring")
killed("socket", CPROF_TRANSPORT="socket")
