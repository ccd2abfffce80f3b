#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""cprofd --push: a server (of the test's own, which reads what a Pyroscope
server reads) gets what every process did, piece by piece and no piece twice:
the pieces add up to the files of the processes' ends. An outage of
CPROF_PUSH_OUTAGE_S (10) seconds, a collector that is killed, a server that
answers 503: nothing is lost. What it refuses is given up and counted; the spool
is bounded; a sender that dies is begun anew, and what it dies over again and
again is set aside; a password is not shown."""
import base64
import collections
import contextlib
import email.parser
import email.policy
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal, poll  # noqa: E402

OUTAGE_S = float(os.environ.get("CPROF_PUSH_OUTAGE_S", "10"))
SPOOL = os.path.join(os.path.dirname(under.SOCKET), "push")
Push = collections.namedtuple("Push", "query headers profile config")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.on_post and self.server.on_post(self.path):
            return
        status = self.server.answer
        took = self.server.pushes if status == 200 else self.server.refused
        took.append(self.parse(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def parse(self, body):
        url = urllib.parse.urlsplit(self.path)
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n"
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
            head.encode() + body)
        parts = {p.get_param("name", header="content-disposition"):
                 p.get_payload(decode=True) for p in form.iter_parts()}
        assert url.path == "/base/ingest", url.path
        with tempfile.NamedTemporaryFile(dir=under.TMP, delete=False) as f:
            f.write(parts["profile"])
        return Push(dict(urllib.parse.parse_qsl(url.query)),
                    dict(self.headers), pprof.Profile(f.name),
                    json.loads(parts["sample_type_config"]))

    def log_message(self, *_):
        pass


class Server:
    """Listens at a port of its own choice; again at the same one later."""

    def __init__(self, port=0):
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                                     Handler)
        self.httpd.answer, self.httpd.pushes = 200, []
        self.httpd.refused, self.httpd.on_post = [], None
        self.port = self.httpd.server_address[1]
        self.thread = threading.Thread(target=self.httpd.serve_forever,
                                       daemon=True)
        self.thread.start()

    @property
    def pushes(self):
        return self.httpd.pushes

    def close(self):
        self.httpd.shutdown()
        self.thread.join()
        self.httpd.server_close()


def collector(port, *args, user=""):
    return under.start_collector("--push",
                                 f"http://{user}127.0.0.1:{port}/base/",
                                 "--push-interval", "1", *args)


@contextlib.contextmanager
def both(*args, **kwargs):
    """A server, and a collector that pushes to it."""
    server = Server()
    child = collector(server.port, *args, **kwargs)
    yield server, child
    stop(child)
    server.close()


def free_port():
    """Of a server that is not there."""
    server = Server()
    server.close()
    return server.port


def await_all(server, r, limit_s=15):
    poll(f"all of {r.pid} is there", lambda:
         of(server.pushes, r.pid, "alloc_space") and not spooled(), limit_s)


def stop(child, signum=signal.SIGTERM):
    child.send_signal(signum)
    child.wait(timeout=30)


def spooled():
    return [n for n in os.listdir(SPOOL) if n.endswith(".push")]


def aside():
    return [n for n in os.listdir(SPOOL) if n.endswith(".aside")]


def by_stack(profiles, value):
    """What the profiles say of a value, by stack of functions."""
    sums = collections.Counter()
    for p in profiles:
        at = [t for t, _ in p.types].index(value)
        for s in p.samples:
            sums[tuple(f.function for f in s.frames)] += s.values[at]
    return +sums


def of(pushes, pid, kind):
    return [p for p in pushes if f"pid={pid}" in p.query["name"] and
            kind in [t for t, _ in p.profile.types]]


def run(name, **settings):
    """A program with exact books, that lasts for some pushes."""
    return under.Run(under.program("truth/heap_exact"), name,
                     CPROF_LABELS="service_name=exact,zone=a b",
                     **under.EXACT, **settings)


def check_whole(pushes, r):
    """The pieces are what the process's own files say."""
    for kind, value in (("alloc", "alloc_objects"), ("alloc", "alloc_space")):
        mine = of(pushes, r.pid, value)
        expect(f"{len(mine)} pieces of {value}", mine)
        expect(f"{value} of process {r.pid}: the pieces add up",
               by_stack([p.profile for p in mine], value) ==
               by_stack([r.profile(kind)], value))
    last = of(pushes, r.pid, "inuse_space")[-1].profile
    expect("what is in use is not a difference",
           by_stack([last], "inuse_space") ==
           by_stack([r.profile("inuse")], "inuse_space"))


def check_meta(pushes, r):
    mine = sorted(of(pushes, r.pid, "alloc_space"),
                  key=lambda p: int(p.query["from"]))
    q = mine[0].query
    expect(f"its name: {q['name']}", q["name"].startswith("exact{hostname=")
           and q["name"].endswith(f",pid={r.pid},zone=a b}}"))
    expect_equal("how it was taken", q["spyName"], "cprof")
    for a, b in zip(mine, mine[1:]):
        expect("one begins where the other ends",
               a.query["until"] == b.query["from"])
    expect("the types are described",
           set(mine[0].config) == {t for t, _ in mine[0].profile.types})
    expect_equal("the user's header", mine[0].headers.get("X-Scope-OrgID"),
                 "tenant-1")


def sent():
    headers = os.path.join(under.TMP, "headers")
    with open(headers, "w", encoding="ascii") as f:
        f.write("X-Scope-OrgID: tenant-1\n\nAuthorization: Bearer secret\n")
    with both("--push-headers", headers) as (server, _):
        runs = [run(f"sent{i}") for i in range(3)]
        for r in runs:
            await_all(server, r)
    for r in runs:
        check_whole(server.pushes, r)
        check_meta(server.pushes, r)


def refused():
    server = Server()
    server.httpd.answer = 400
    child = collector(server.port)
    r = run("refused")
    stop(child)
    expect("it was refused", of(server.httpd.refused, r.pid, "alloc_space"))
    expect_equal("what is refused is given up", spooled(), [])
    server.httpd.answer = 200
    child = collector(server.port)
    await_all(server, run("later"))
    expect_equal("what was refused is not sent again",
                 of(server.pushes, r.pid, "alloc_space"), [])
    stop(child)
    server.close()


def outage():
    """The server is away, then there but ill, then well."""
    port = free_port()
    child = collector(port)
    sleeper = under.start(["/bin/sleep", str(OUTAGE_S)], "sleeper")
    runs = [run(f"outage{i}") for i in range(3)]
    sleeper.wait(timeout=OUTAGE_S + 30)
    expect("they wait on the disk", len(spooled()) >= 3)
    server = Server(port)
    server.httpd.answer = 503
    stop(child, signal.SIGKILL)
    expect("also when the collector is killed", len(spooled()) >= 3)
    child = collector(port)
    server.httpd.answer = 200
    for r in runs:
        await_all(server, r, 60 + OUTAGE_S)
        check_whole(server.pushes, r)
    stop(child)
    server.close()


def bounded():
    child = collector(free_port(), "--push-spool", "64k")
    for i in range(12):
        run(f"bounded{i}")
    n = sum(os.path.getsize(os.path.join(SPOOL, f)) for f in spooled())
    expect(f"the spool has {n} bytes", 0 < n <= 65536)
    stop(child)
    for name in spooled():
        os.unlink(os.path.join(SPOOL, name))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(c) for c in f.read().split()]


def sender_of(pid):
    """The sender, whose parent begins it anew, or None."""
    for p in (c for k in children(pid) for c in children(k)):
        with open(f"/proc/{p}/comm", encoding="ascii") as f:
            if f.read() == "cprofd-send\n":
                return p
    return None


def sender_dies():
    with both() as (server, child):
        await_all(server, run("before"))
        died = poll("the sender", lambda: sender_of(child.pid))
        os.kill(died, signal.SIGKILL)
        r = run("after")
        await_all(server, r)
        check_whole(server.pushes, r)
        expect("it is another", sender_of(child.pid) not in (None, died))
        expect_equal("and counted", figure("cprof_push_senders"), 1)


def figure(name):
    """One of /metrics."""
    _, text = under.http("GET", "/metrics")
    return float(re.search(f"^{name} (.+)$", text.decode(), re.M).group(1))


def deadly():
    """A profile that kills the sender each time is set aside, and the others
    come through: here the server does it, when it sees the profile."""
    log = os.path.join(os.path.dirname(under.SOCKET), "cprofd.log")
    with both("--auto", "--linger", "600") as (server, child):
        deaths = []

        def kill_sender(path):
            if "name=deadly" not in path:
                return False
            deaths.append(sender_of(child.pid))
            os.kill(deaths[-1], signal.SIGKILL)
            return True

        server.httpd.on_post = kill_sender
        under.Run(under.program("truth/heap_exact"), "deadly",
                  CPROF_LABELS="service_name=deadly", **under.EXACT)
        kinds = poll("those of it are set aside", lambda: aside(), 60)
        r = run("lives")
        await_all(server, r, 90)
        check_whole(server.pushes, r)
        n = len(aside())
        expect(f"{n} are kept, after {len(deaths)} deaths",
               n >= len(kinds) and len(deaths) == 3 * n)
        expect_equal("the count", figure("cprof_push_set_aside_total"), n)
        with open(log, encoding="utf-8") as f:
            said = f.read()
        expect("the log says so", all(name in said for name in aside()))
    for name in aside():
        os.unlink(os.path.join(SPOOL, name))


def password():
    """It reaches the server, and nobody sees it who looks at the processes."""
    with both(user="me:secret@") as (server, child):
        r = run("password")
        await_all(server, r)
        expect_equal("the server knows who it is", of(
            server.pushes, r.pid, "alloc_space")[0].headers["Authorization"],
            "Basic " + base64.b64encode(b"me:secret").decode())
        for pid in (child.pid, sender_of(child.pid)):
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            expect(f"the command line: {line}", b"secret" not in line and
                   b"://xxxxxxxxx@127." in line)


def misused():
    """One line says what is allowed."""
    for args, allowed in ((("--push", "gopher://x"), "http://HOST"),
                          (("--push", "http://"), "http://HOST"),
                          (("--push", "https:///x"), "http://HOST"),
                          (("--push-headers", "/nowhere"), "can be read"),
                          (("--push-interval", "0"), "1..3600 seconds"),
                          (("--push-spool", "1k"), "64k or more")):
        p = subprocess.run([os.path.join(under.BUILD, "cprofd"), *args],
                           timeout=20, capture_output=True, text=True)
        expect(f"{args}: {p.stderr.strip()}", p.returncode == 2 and
               f"'{args[1]}' is not valid" in p.stderr and
               allowed in p.stderr and p.stderr.count("\n") == 1)


def main():
    for case in (misused, sent, refused, outage, bounded, sender_dies, deadly,
                 password):
        print(f"--- {case.__name__}", flush=True)
        case()


main()
