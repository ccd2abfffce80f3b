#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A program's own profiles and heaps hold exactly what it put there, and the
profiles it asks for have exactly what happened meanwhile."""
import io
import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

PROGRAM = under.program("truth/objects")
os.chdir(under.TMP)

run = under.Run(PROGRAM, "ring", **under.EXACT)
under.expect_equal(f"status ({run.out.strip()})", run.status, 0)
under.expect_equal("version", re.search(r"loaded: (.*)", run.out).group(1),
                   subprocess.check_output([os.path.join(
                       under.BUILD, "cprofctl"), "--version"],
                       text=True).split()[-1])
for what, p in (("at exit", run.profile("conns")),
                ("asked for", pprof.Profile("conns.pb.gz"))):
    under.expect_equal(f"{what}: types", p.types, [("conns", "count")])
    under.expect_equal(f"{what}: period", (p.period, p.period_type),
                       (1, ("conns", "count")))
    under.expect_equal(f"{what}: by main", p.total(
        "conns", function="open_conn"), 7)
    under.expect_equal(f"{what}: by threads", p.total(
        "conns", function="open_in_thread"), 400)
    under.expect_equal(f"{what}: labelled", sum(
        s.values[0] for s in p.samples if s.labels.get("worker") == "yes"),
        400)
child = run.profile("conns", int(run.values["child"]))
under.expect_equal("the child's", child.total("conns"), 2)

p = run.profile("alloc")
blocks = [s for s in p.samples if s.labels.get("heap") == "pool"]
sums = [sum(s.values[i] for s in blocks) for i in range(4)]
under.expect_equal("blocks of the heap", sums, [20, 1280, 15, 960])
under.expect("they are of who took them", all(
    "give_out" in [f.function for f in s.frames] for s in blocks))
under.expect_equal("of its memory", p.total("alloc_space",
                                            function="make_chunk"), 0)

p = pprof.Profile("phase.pb.gz")
under.expect_equal("blocks of the interval", p.total(
    "alloc_objects", function="phase"), 9)
p = pprof.Profile("other.pb.gz")
under.expect_equal("blocks of the other interval", p.total(
    "alloc_objects", function="phase"), 4)
p = pprof.Profile("cpu.pb.gz")
under.expect("cpu of the interval", p.total("cpu", function="requests") > 1e8)

for name, settings in ("bare", None), ("off", {"CPROF": "off"}):
    if settings is None:
        done = subprocess.run(PROGRAM, check=False, capture_output=True)
        status, out = done.returncode, done.stdout.decode()
    else:
        done = under.Run(PROGRAM, name, **settings)
        status, out = done.status, done.out
    under.expect_equal(f"{name}: status", (status, out), (0, "ok inert\n"))

child = subprocess.Popen(
    PROGRAM + ["serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    env=under.environment(os.path.join(under.TMP, "serve"), under.EXACT))
under.expect_equal("it says", child.stdout.readline(), b"ready\n")
under.poll("the snapshot it asked for", lambda: pprof.find(
    os.path.join(under.TMP, "serve"), "inuse", pid=str(child.pid)))
PATH = f"/{child.pid}/debug/pprof/"
status, body = under.http("GET", PATH + "conns")
under.expect_equal("over HTTP", (status, pprof.Profile(
    io.BytesIO(body)).total("conns")), (200, 407))
status, body = under.http("GET", PATH + "conns?debug=1")
text = body.decode()
under.expect("as text: " + text[:99], status == 200 and re.match(
    r"conns profile: total 407\n400 @ 0x[^\n]*\n(#[^\n]*\n)*#\t0x[0-9a-f]+\t+"
    r"open_in_thread\t", text))
under.expect("with the mappings", "\nMAPPED_LIBRARIES:\n" in text)
under.expect_equal("not both", under.http(
    "GET", PATH + "conns?debug=1&seconds=1")[0], 400)
under.expect("in the index", re.search(
    rb"<td>\d+</td><td>\s*<a href=['\"]conns\?debug=1",
    under.http("GET", PATH)[1]))
child.communicate(b"", timeout=30)
under.expect_equal("status of the served", child.returncode, 0)

name = os.path.join(under.TMP, "k.sock")
child = under.start(PROGRAM + ["dead"], "dead", CPROF_SOCKET=name,
                    CPROF_EXIT_TIMEOUT="100ms")
under.expect_equal("it runs", child.stdout.readline(), b"ready\n")
with socket.socket(socket.AF_UNIX) as s:
    s.connect(name)
    raw = s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
os.kill(int.from_bytes(raw[:4], sys.byteorder), signal.SIGKILL)
open("killed", "w", encoding="utf-8").close()
out, err = child.communicate(timeout=30)
under.expect_equal("after the collector's death", (child.returncode, out, err),
                   (0, b"", b""))
