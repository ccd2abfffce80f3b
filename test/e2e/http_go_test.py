#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""Is this Go's net/http/pprof? 53 statements about it, tried on cprofd and on a
Go program (http_reference.go), so that the statements themselves are right.
Where the two differ on purpose a statement says so.
"""
import gzip
import http.client
import io
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import strict  # noqa: E402
import under  # noqa: E402

BASE = "/debug/pprof/"
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
DELTAS = ("heap", "allocs", "block", "mutex", "threadcreate")
HEAP_TYPES = [("alloc_objects", "count"), ("alloc_space", "bytes"),
              ("inuse_objects", "count"), ("inuse_space", "bytes")]
LOCK_TYPES = [("contentions", "count"), ("delay", "nanoseconds")]
BUSY = "Could not enable CPU profiling: cpu profiling already in use\n"
BAD_SECONDS = 'invalid value for "seconds" - must be a positive integer\n'
failures = []


class Server:
    """One of the two: where it is, and what holds for it alone."""

    def __init__(self, address, is_go, argv, exe, pid):
        self.address, self.is_go, self.argv = address, is_go, argv
        self.exe, self.pid = exe, pid
        self.name = "go" if is_go else "cprofd"

    def expect(self, n, what, is_true):
        if not is_true:
            failures.append(f"{self.name} {n}: {what}")
        print(f"{'ok' if is_true else 'FAIL'}: {self.name} {n}: {what}",
              flush=True)

    def equal(self, n, what, got, wanted):
        self.expect(n, f"{what}: {got!r:.150}" +
                    ("" if got == wanted else f", not {wanted!r:.150}"),
                    got == wanted)

    def open(self, path, method="GET", body=None, headers=None):
        c = http.client.HTTPConnection(self.address, timeout=60)
        c.request(method, path, body, headers or {})
        return c

    def ask(self, path, method="GET", body=None, headers=None):
        c = self.open(path if path[:1] == "/" else BASE + path, method, body,
                      headers)
        r = c.getresponse()
        r.body = r.read()
        c.close()
        return r

    def get(self, path):
        return pprof.Profile(io.BytesIO(self.ask(path).body))

    def error(self, n, path, status, text):
        r = self.ask(path)
        self.equal(n, path, (r.status, r.body.decode()), (status, text))
        self.equal(n, f"{path}: form", (r.getheader("Content-Type"),
                                        r.getheader("X-Go-Pprof"),
                                        r.getheader("Content-Disposition")),
                   (TEXT, "1", None))

    def binary(self, n, path, name):
        r = self.ask(path)
        self.equal(n, f"{path}: headers",
                   (r.status, r.getheader("Content-Type"),
                    r.getheader("Content-Disposition"),
                    r.getheader("X-Content-Type-Options"),
                    r.getheader("Content-Encoding"), r.body[:2]),
                   (200, BINARY, f'attachment; filename="{name}"', "nosniff",
                    None, b"\x1f\x8b"))
        return r.body


def paths(s):
    r = s.ask("")
    s.equal(1, "index", (r.status, r.getheader("Content-Type"),
                         r.getheader("X-Content-Type-Options")),
            (200, "text/html; charset=utf-8", "nosniff"))
    page = r.body.decode()
    s.expect(1, "index: links and counts",
             all(re.search(rf"<td>\d+</td><td>\s*<a href=['\"]{k}\?debug=1",
                           page) for k in DELTAS) and
             "goroutine?debug=2" in page)
    r = s.ask("/debug/pprof")
    s.equal(2, "without slash", (r.status, r.getheader("Location")),
            (301, BASE))
    for path in ("nosuch", "nosuch?seconds=1", "heap/"):
        s.error(3, path, 404, "Unknown profile\n")
    s.binary(4, "heap", "heap")
    for kind in DELTAS:
        s.binary(5, kind, kind)
    for path in ("heap?debug=1", "heap?debug=2"):
        r = s.ask(path)
        s.equal(6, path, (r.status, r.getheader("Content-Type"),
                          r.getheader("Content-Disposition"), r.body[:14]),
                (200, TEXT, None, b"heap profile: "))
    s.binary(7, "heap?debug=abc", "heap")
    s.equal(7, "debug in a form", s.ask("heap", "POST", "debug=1", {
        "Content-Type": "application/x-www-form-urlencoded"}).body[:5],
        b"heap ")
    for value in ("abc", "0", "-3", "1.5"):
        s.error(8, f"heap?seconds={value}", 400, BAD_SECONDS)
    s.binary(9, "heap?seconds=", "heap")
    s.error(10, "heap?seconds=1&debug=1", 400,
            "seconds and debug params are incompatible\n")
    a, b = s.ask("heap"), s.ask("heap", "HEAD")
    s.equal(19, "HEAD", (b.status, b.getheader("Content-Type"), b.body),
            (200, a.getheader("Content-Type"), b""))
    r = s.ask("cmdline")
    s.equal(20, "cmdline", (r.getheader("Content-Type"), r.body),
            (TEXT, "\0".join(s.argv).encode()))
    s.equal("1.1", "// is cleaned away",
            (lambda r: (r.status, r.getheader("Location")))(
                s.ask("/debug//pprof/heap?debug=1")),
            (301, BASE + "heap?debug=1"))
    s.ask("heap?gc=1")  # accepted


def symbols(s):
    s.equal(21, "symbol", s.ask("symbol").body, b"num_symbols: 1\n")
    raw = strict.Raw(s.ask("heap").body)
    known = sorted({a for x in raw.samples for a in raw.stack(x)})[-1]
    known = next(a for x in raw.samples for a in raw.stack(x)
                 if function_at(raw, a).endswith("keepBlocks") or
                 function_at(raw, a) == "keep_blocks")
    words = f"0x{known:x}+0+zz+0x1+0x{known:x}+{known}"
    r = s.ask("symbol", "POST", words)
    lines = r.body.decode().split("\n")
    s.equal(22, "POST symbol", (r.status, r.getheader("Content-Type"),
                                lines[0], lines[-1], len(lines)),
            (200, TEXT, "num_symbols: 1", "", 5))
    s.expect(22, f"lines {lines[1]}", set(lines[1:4]) == {lines[1]} and
             re.fullmatch(rf"0x{known:x} (main\.)?keep_?[bB]locks", lines[1]))
    s.equal(23, "GET symbol", s.ask("symbol?" + words).body, r.body)
    r = s.ask("symbol", "POST", "+".join([f"0x{known:x}"] * 2000))
    s.equal(24, "2000 addresses", r.body.count(b"\n"), 2001)
    s.equal(25, "never anything but 200", {
        s.ask("symbol", "POST", body).status
        for body in ("", "+", "x" * 5000, "0x" + "f" * 40, "\0\xff")}, {200})


def function_at(raw, address):
    for x in raw.locations:
        if strict.number(x, 3) == address and x[4]:
            f = strict.number(strict.fields(x[4][0]), 1)
            return raw.strings[strict.number(raw.functions[f - 1], 2)]
    return ""


def delta(s, kind):
    began = time.time()
    body = s.binary(12, f"{kind}?seconds=1", f"{kind}-delta")
    took_s = time.time() - began
    p = pprof.Profile(io.BytesIO(body))
    s.expect(11, f"{kind}?seconds=1 took {took_s:.2f} s", took_s >= 1)
    s.expect(11, f"{kind} lasts {p.duration_nanos}",
             1e9 <= p.duration_nanos < took_s * 1e9 + 1e6)
    s.expect(11, f"{kind}: time is the end",
             began + 1 <= p.time_nanos / 1e9 <= time.time() + 0.01)


def deltas(s):
    threads = [threading.Thread(target=delta, args=(s, kind))
               for kind in DELTAS]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def cpu(s):
    """One at a time; the rest goes on meanwhile; hanging up ends it."""
    c = s.open(BASE + "profile?seconds=2&debug=1")
    began = time.monotonic()
    time.sleep(0.5)  # it must have begun, and nothing tells
    at = time.monotonic()
    s.error(16, "profile?seconds=1", 500, BUSY)
    s.expect(16, "at once", time.monotonic() - at < 1)
    for path in ("heap", "cmdline"):
        s.equal(17, path, s.ask(path).status, 200)
    s.equal(17, "a delta", s.ask("heap?seconds=1").status, 200)
    r = c.getresponse()
    took_s = time.monotonic() - began
    s.expect(13, f"the first byte came after {took_s:.2f} s", took_s > 1.95)
    s.equal(15, "profile's headers", (r.getheader("Content-Type"),
                                      r.getheader("Content-Disposition")),
            (BINARY, 'attachment; filename="profile"'))
    body = r.read()
    cpu_profile(s, body)
    c = s.open(BASE + "profile?seconds=1.9")
    time.sleep(3)
    s.error(14, "profile?seconds=1", 500, BUSY)
    c.close()
    under.poll("18: it is free again", lambda: s.ask(
        "profile?seconds=1").status == 200)
    s.expect(18, "a client that hangs up frees it", True)


def cpu_profile(s, body):
    p = pprof.Profile(io.BytesIO(body))
    s.equal(28, "cpu types", (p.types, p.period_type, p.period),
            ([("samples", "count"), ("cpu", "nanoseconds")],
             ("cpu", "nanoseconds"), 10_000_000))
    s.expect(28, f"cpu lasts {p.duration_nanos}",
             1.9e9 <= p.duration_nanos <= 2.6e9)
    s.expect(28, "cpu = samples * period", p.samples and all(
        x.values[1] == x.values[0] * p.period for x in p.samples))
    deep = [x for x in p.samples if len(x.frames) > 60]
    s.expect(41, f"{len(deep)} deep stacks keep the leaf side", deep and all(
        x.frames[0].function.endswith("recurse") or "recurse" in
        {f.function.split(".")[-1] for f in x.frames[:5]} for x in deep))


def default_30(s):
    began = time.monotonic()
    status = s.ask("profile?seconds=abc").status
    took_s = time.monotonic() - began
    s.expect(14, f"seconds=abc: {status} after {took_s:.1f} s",
             status == 200 and 29.9 < took_s < 40)


def types(s):
    heap, allocs = s.get("heap"), s.get("allocs")
    s.equal(27, "heap", (heap.types, heap.period_type, heap.period,
                         heap.default_type),
            (HEAP_TYPES, ("space", "bytes"), 1, ""))
    s.equal(27, "allocs", (allocs.types, allocs.period_type,
                           allocs.default_type),
            (HEAP_TYPES, ("space", "bytes"), "alloc_space"))
    for kind in ("block", "mutex"):
        p = s.get(kind)
        s.equal(29, kind, (p.types, p.period_type, p.period),
                (LOCK_TYPES, ("contentions", "count"), 1))
        s.expect(29, f"{kind} has samples", p.samples)
    s.equal(29, "threadcreate", s.get("threadcreate").types,
            [("threadcreate", "count")])
    name = "main.keepBlocks" if s.is_go else "keep_blocks"
    s.equal(30, "exact at rate 1", [heap.total(v, leaf=name) for v, _ in
                                    HEAP_TYPES[:2]], [26, 26 * 65536])
    s.equal(32, "the size of the blocks kept", {
        x.labels.get("bytes") for x in allocs.samples
        if x.frames[0].function == name and x.values[0]}, {65536})
    s.expect(32, "each sample of a heap has a size", all(
        x.labels.get("bytes") for x in allocs.samples if x.values[0]))


def message(s):
    for kind in DELTAS + ("profile?seconds=1",):
        body = s.ask(kind).body
        wrong = strict.violations(body)
        if s.is_go:  # as the checklist says of threadcreate
            wrong = [w for w in wrong if w != "an empty stack"]
        s.equal("33-39,44", kind, wrong, [])
        raw = strict.Raw(body)
        main = raw.strings[strict.number(raw.mappings[0], 5)]
        s.equal(36, f"{kind}: mapping 1", os.path.realpath(main), s.exe)
    r = s.ask("allocs")
    s.equal(52, "allocs", r.getheader("Content-Type"), BINARY)


RECORD = re.compile(r"^(\d+): (\d+) \[(\d+): (\d+)\] @((?: 0x[0-9a-f]+)+)$",
                    re.M)


def text(s):
    body = s.ask("allocs?debug=1").body.decode()
    s.equal(46, "the rate in the head", re.match(
        r"heap profile: \d+: \d+ \[\d+: \d+\] @ heap/(\d+)\n", body).group(1),
        "2")
    s.expect(46, "raw numbers: 26 blocks", re.search(
        rf"\[26: {26 * 65536}\] @ 0x", body))
    block = s.ask("block?debug=1").body.decode()
    mutex = s.ask("mutex?debug=1").body.decode()
    s.expect(47, "block", re.match(r"--- contention:\ncycles/second=\d+\n\d",
                                   block))
    s.expect(47, "mutex", re.match(r"--- mutex:\ncycles/second=\d+\n"
                                   r"sampling period=\d+\n\d", mutex))
    footer = body[body.index("# runtime.MemStats\n"):].split("\n\n")[0]
    lines = footer.rstrip().split("\n")[1:]
    s.equal(48, "footer", [x for x in lines if not re.match(r"# \w+ = ", x)],
            [])
    s.expect(48, f"{len(lines)} lines", len(lines) == 27)
    s.expect(49, "records have addresses", RECORD.findall(body) and not
             re.search(r"@$", body + block + mutex, re.M))
    s.expect(49, "a section of mappings, or none", s.is_go or re.search(
        r"\n--- Memory map: ---\nMAPPED_LIBRARIES:\n[0-9a-f]+-[0-9a-f]+ r-xp ", body))
    threads = s.ask("threadcreate?debug=1").body
    s.expect(49, "threadcreate", re.match(
        rb"threadcreate profile: total \d+\n\d+ @", threads))


def tool(s, *args, status=0):
    r = subprocess.run(["go", "tool", "pprof", *args], capture_output=True,
                       errors="replace", env=dict(os.environ,
                                                  PPROF_TMPDIR=under.TMP))
    s.expect(42, f"pprof {' '.join(args)[:120]}: {r.returncode}" +
             ("" if r.returncode == status else r.stderr[-300:]),
             r.returncode == status)
    return r.stdout, r.stderr


def save(s, path):
    name = os.path.join(under.TMP, f"{s.name}.{re.sub(r'[^a-z0-9]', '.', path)}")
    with open(name, "wb") as f:
        f.write(s.ask(path).body)
    return name


def total(s, *args):
    """What -top says the total is, in the unit asked for."""
    out = tool(s, "-top", "-symbolize=none", *args)[0]
    return float(re.search(r"of ([-\d.e+]+)\S* total", out).group(1))


def same_total(s, kind, index, unit):
    a = total(s, f"-sample_index={index}", f"-unit={unit}", save(s, kind))
    b = total(s, f"-sample_index={index}", f"-unit={unit}",
              save(s, kind + "?debug=1"))
    # The program goes on between the two.
    s.expect(45, f"{kind} {index}: {a}, as text {b}", a <= b * 1.001 + 1 and
             b <= a * 1.2 + 20)


def clients(s):
    profiles = {kind: save(s, kind) for kind in DELTAS}
    cpu_file = save(s, "profile?seconds=1")
    views = ("-raw", "-top", "-traces", "-tree", "-tags", "-peek=.", "-dot",
             "-callgrind", "-proto", "-comments")
    for view in views:
        tool(s, view, "-symbolize=none", profiles["heap"])
    for view in views[1:3]:
        tool(s, view, "-symbolize=none", cpu_file)
        tool(s, view, "-symbolize=none", save(s, "heap?seconds=1"))
    tool(s, "-top", "-symbolize=none", "-tagroot=thread", profiles["block"])
    for base in ("-base", "-diff_base"):
        tool(s, "-top", "-symbolize=none", f"{base}={profiles['heap']}",
             profiles["heap"])
    out = tool(s, "-top", "-symbolize=none", f"-base={profiles['heap']}",
               profiles["heap"])[0]
    s.expect(43, "a profile less itself is nothing", re.search(
        r"of 0 total|0% of 0", out) or "0     0%" not in out)
    same_total(s, "allocs", "alloc_objects", "count")
    same_total(s, "block", "delay", "ms")
    same_total(s, "mutex", "contentions", "count")
    if not s.is_go:  # whose empty stacks can't be parsed
        same_total(s, "threadcreate", "threadcreate", "count")
    over_http(s)


def over_http(s):
    url = f"http://{s.address}{BASE}"
    err = tool(s, "-top", url + "heap")[1]
    saved = re.search(r"Saved profile in (\S+)", err).group(1)
    exe = os.path.basename(s.exe)
    s.expect(50, f"saved as {saved}", os.path.basename(saved).startswith(
        f"pprof.{exe}.alloc_objects.alloc_space.inuse_objects.inuse_space."))
    tool(s, "-top", "-symbolize=none", url + "heap")
    c = s.open(BASE + "profile?seconds=5")
    time.sleep(0.5)
    r = subprocess.run(["go", "tool", "pprof", "-top",
                        url + "profile?seconds=1"], capture_output=True,
                       text=True)
    s.expect(51, "the error reaches the user", "server response: 500 Internal "
             f"Server Error - {BUSY}" in r.stderr)
    c.close()


def asked(s):
    """50, 53: one GET and no POST, as a relay between the tool and us sees."""
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def relay():
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += c.recv(65536)
            seen.append(head.split(b"\r\n")[0].decode())
            up = socket.create_connection(s.address.split(":"))
            up.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close"
                                    b"\r\n\r\n", 1))
            while part := up.recv(65536):
                c.sendall(part)
            c.close()

    threading.Thread(target=relay, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{BASE}heap"
    for n, option in ((50, "-symbolize=remote"), (53, "-symbolize=none")):
        seen.clear()
        tool(s, "-top", option, url)
        s.equal(n, f"what {option} asks", seen, [f"GET {BASE}heap HTTP/1.1"])
    listener.close()


def nothing_happened(s):
    """40: a program without events has profiles without samples."""
    p = under.start(["sleep", "100"], "quiet", CPROF_BLOCK_RATE="0",
                    CPROF_MUTEX_FRACTION="0")
    under.attached(p.pid)
    for kind in ("block", "mutex", "allocs?seconds=1"):
        r = s.ask(f"/{p.pid}{BASE}{kind}")
        q = pprof.Profile(io.BytesIO(r.body))
        s.equal(40, kind, (r.status, len(q.samples)), (200, 0))
    p.terminate()
    p.communicate()


def start_cprofd():
    collector = under.start_collector("--http", "127.0.0.1:0")
    p = subprocess.Popen(under.program("truth/serving", 26, "two words"),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         env=under.environment(under.TMP + "/out",
                                               under.EXACT))
    p.stdout.readline()
    under.attached(p.pid)
    address = re.search(rb'"http":"http://([^/]*)/"',
                        under.http("GET", "/api/ps")[1]).group(1).decode()
    exe = os.path.realpath(p.args[0])
    return Server(address, False, p.args, exe, p.pid), [p, collector]


def start_go():
    exe = os.path.join(under.TMP, "reference")
    source = os.path.join(os.path.dirname(__file__), "http_reference.go")
    subprocess.run(["go", "build", "-o", exe, source], check=True,
                   env=dict(os.environ, GO111MODULE="off",
                            GOCACHE=under.TMP + "/gocache",
                            GOFLAGS="-buildvcs=false"))
    p = subprocess.Popen([exe, "two words"], stdout=subprocess.PIPE)
    address = p.stdout.readline().decode().strip()
    return Server(address, True, p.args, os.path.realpath(exe), p.pid), [p]


def all_of(s):
    paths(s)
    symbols(s)
    deltas(s)
    cpu(s)
    types(s)
    message(s)
    text(s)
    clients(s)
    asked(s)
    if not s.is_go:
        nothing_happened(s)
    default_30(s)


def main():
    has_go = subprocess.run(["sh", "-c", "command -v go"],
                            capture_output=True).returncode == 0
    if not has_go:
        print("no go: apt-get install golang-go")
        sys.exit(77)
    started = [start_cprofd(), start_go()]
    threads = [threading.Thread(target=guarded, args=(s,))
               for s, _ in started]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for _, children in started:
        for child in children:
            child.terminate()
            child.wait(20)
    under.expect_equal("statements that don't hold", failures, [])


def guarded(s):
    try:
        all_of(s)
    except Exception as e:  # of a thread: main would not see it
        failures.append(f"{s.name}: {e!r}")
        raise


main()
