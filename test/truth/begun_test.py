#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""Intervals that one request begins and another ends: they change things, so by
POST; and a client that never comes back keeps nobody from a CPU profile."""
import io
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal  # noqa: E402

child = subprocess.Popen(under.program("truth/serving"), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE,
                         env=under.environment(under.TMP + "/out", {}))
child.stdout.readline()
under.attached(child.pid)


def ask(path, method="POST"):
    return under.http(method, f"/{child.pid}{path}")


def rate():
    return under.processes()[child.pid]["rates"]["cpu.hz"]


def profile():
    return ask("/debug/pprof/profile?seconds=1&hz=99", "GET")


for path in "/api/start?kind=cpu", "/api/end?kind=cpu":
    expect_equal(f"GET {path}", ask(path, "GET")[0], 405)
expect_equal("an end without a beginning", ask("/api/end?kind=cpu")[0], 400)
expect_equal("it begins", ask("/api/start?kind=cpu")[0], 200)
expect_equal("it has begun", ask("/api/start?kind=cpu")[0], 500)
expect_equal("no other meanwhile", profile()[0], 500)
status, body = ask("/api/end?kind=cpu")
expect_equal("it ends", status, 200)
expect_equal("as a profile", pprof.Profile(io.BytesIO(body)).types[1],
             ("cpu", "nanoseconds"))
for value in "0", "x", "86401":
    expect_equal(f"seconds={value}",
                 ask(f"/api/start?kind=cpu&seconds={value}")[0], 400)

for kind in "cpu", "block":
    expect_equal(f"{kind}: one whose client has gone",
                 ask(f"/api/start?kind={kind}&seconds=1")[0], 200)
under.poll("it is given up", lambda: profile()[0] == 200)
expect_equal("the rate is as before", rate(), 100)
expect_equal("nothing is left to end", [
    under.poll(kind, lambda kind=kind: ask(f"/api/end?kind={kind}"))[0]
    for kind in ("cpu", "block")], [400, 400])
child.stdin.close()
expect_equal("status", child.wait(30), 0)
