#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A program whose address space is too small for the region is profiled over
the socket all the same, and its numbers are exact; so is one that asks for
the socket."""
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

# The program and the shim fit; a region of 5 MiB and more does not.
SMALL_BYTES = 7 << 20


def objects(name, limit_bytes=None, **settings):
    def limit():
        if limit_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))

    folder = os.path.join(under.TMP, name)
    child = subprocess.Popen(
        under.program("hook/heap_ledger"), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit,
        env=under.environment(folder, dict(under.EXACT, **settings)))
    out, err = child.communicate(timeout=60)
    under.expect_equal(f"{name}: status", child.returncode, 0)
    under.expect_equal(f"{name}: stderr", err, b"")
    profile = pprof.only(folder, "inuse", pid=str(child.pid))
    return (profile.total("inuse_objects", function="main"),
            profile.total("inuse_space", function="main"))


def main():
    # A collector started by the program would have its limits.
    collector = under.start_collector()
    ring = objects("ring")
    under.expect("something is live", ring[0] > 0)
    under.expect_equal("asked for", objects(
        "socket", CPROF_TRANSPORT="socket"), ring)
    under.expect_equal("no room", objects("limited", SMALL_BYTES), ring)
    collector.terminate()
    under.expect_equal("the collector ends well", collector.wait(20), 0)


main()
