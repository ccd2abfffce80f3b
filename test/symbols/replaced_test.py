#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""A program keeps its names when its file, and a library's, is replaced or
deleted while it runs; and a library's when it was closed by then."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def replace(path):
    """As a package manager does: a new file takes the name."""
    shutil.copy("/bin/true", path + ".new")
    os.rename(path + ".new", path)


def check(name, spoil):
    folder = os.path.join(under.TMP, name + ".bin")
    os.mkdir(folder)
    program = shutil.copy(under.program("truth/killed")[0], folder)
    counts = os.path.join(under.TMP, name + ".counts")
    child = under.start([program, counts], name, **under.EXACT)
    under.attached(child.pid)
    under.poll("events", lambda: os.path.exists(counts))
    spoil(program)
    folder = os.path.join(under.TMP, name)
    child.kill()
    child.wait()
    under.poll("its profile", lambda: pprof.find(
        folder, "alloc", pid=str(child.pid)))
    profile = pprof.only(folder, "alloc", pid=str(child.pid))
    names = {f.function for s in profile.samples for f in s.frames}
    lines = {f.line for s in profile.samples for f in s.frames
             if f.function == "main"}
    under.expect(f"{name}: main at lines {lines}, of {sorted(names)[:9]}",
                 lines and min(lines) > 0)


check("deleted", os.unlink)
check("replaced", replace)
