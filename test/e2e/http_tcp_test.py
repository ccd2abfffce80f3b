#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""HTTP over TCP: who is let in, by address, token, TLS, Host and Origin; a
thousand slow clients keep nobody out; `cprofctl web` opens the door of a
collector that runs; nginx serves it under a prefix; and the tools that people
use for the job can."""
import base64
import concurrent.futures
import http.client
import os
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402
from over_tcp import address, certificate  # noqa: E402
from under import expect, expect_equal  # noqa: E402

TOKEN = "correct-horse"
KINDS = ("heap", "allocs", "block", "mutex", "threadcreate", "profile?seconds=1",
         "heap?seconds=1")
N_SLOW = 1000
N_AT_ONCE = 48


def ask(at, path="/api/ps", method="GET", **headers):
    """Headers as name_with_underscores; Host=None leaves it out."""
    c = http.client.HTTPConnection(at, timeout=20)
    c.putrequest(method, path, skip_host="Host" in headers,
                 skip_accept_encoding=True)
    for name, value in headers.items():
        if value is not None:
            c.putheader(name.replace("_", "-"), value)
    c.endheaders()
    r = c.getresponse()
    r.text = r.read()
    c.close()
    return r


def end(collector):
    collector.terminate()
    expect_equal("status after SIGTERM", collector.wait(20), 0)


def target():
    p = subprocess.Popen(under.program("truth/serving"), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE,
                         env=under.environment(under.TMP + "/out", {}))
    p.stdout.readline()
    under.attached(p.pid)
    return p


def refused():
    """An address that others can reach, and names that are none."""
    for name, why in (("0.0.0.0:0", "--token"), ("nowhere", "not valid"),
                      ("127.0.0.1:x", "not valid"), (":0", "--token"),
                      ("127.0.0.1:65536", "not valid"),
                      ("[::]:0", "--token"), ("203.0.113.1:1", "can't listen")):
        p = subprocess.run([os.path.join(under.BUILD, "cprofd"), "--socket",
                            under.SOCKET, "--http", name], timeout=20,
                           capture_output=True, text=True)
        if name == "[::]:0" and "Address family" in p.stderr:
            continue
        expect(f"{name}: {p.stderr.strip()}", p.returncode == 1 and
               why in p.stderr and p.stderr.count("\n") == 1)


def hosts(at):
    port = at.split(":")[1]
    for host, status in ((at, 200), ("localhost", 200), ("[::1]:" + port, 200),
                         ("a.localhost:1", 200), ("127.0.0.1", 200),
                         ("evil.example", 403), ("127.0.0.1.evil.example", 403),
                         ("localhost.evil.example:" + port, 403), ("[", 403),
                         ("", 403)):
        expect_equal(f"Host '{host}'", ask(at, Host=host).status, status)
    for version, status in ((b"1.1", b"400"), (b"1.0", b"200")):
        with socket.create_connection(at.split(":"), 20) as s:
            s.sendall(b"GET /api/ps HTTP/" + version + b"\r\n\r\n")
            expect_equal(f"HTTP/{version.decode()} without Host",
                         s.recv(65536).split()[1], status)


def origins(at):
    own, other = f"http://{at}", "http://evil.example"
    for status, method, headers in (
            (200, "GET", {"Origin": own}),
            (403, "GET", {"Origin": other}),
            (403, "POST", {"Origin": "null"}),
            (403, "POST", {}),
            (200, "GET", {"Sec_Fetch_Site": "same-origin"}),
            (200, "GET", {"Sec_Fetch_Site": "none",
                          "Sec_Fetch_Mode": "navigate"}),
            (200, "GET", {"Sec_Fetch_Site": "cross-site",
                          "Sec_Fetch_Mode": "navigate"}),
            (403, "POST", {"Sec_Fetch_Site": "cross-site",
                           "Sec_Fetch_Mode": "navigate"}),
            (403, "GET", {"Sec_Fetch_Site": "cross-site",
                          "Sec_Fetch_Mode": "no-cors"})):
        path = "/api/ps" if method == "GET" else "/api/stop"
        r = ask(at, path, method, **headers)
        expect_equal(f"{method} {headers}", r.status, status)
        expect_equal("no CORS", r.getheader("Access-Control-Allow-Origin"),
                     None)


def tokens(at, pid):
    basic = {who: "Basic " + base64.b64encode(who.encode()).decode()
             for who in (f"x:{TOKEN}", f"{TOKEN}:", f"x:{TOKEN}x", "x:", ":")}
    for status, path, headers in (
            (401, "/api/ps", {}),
            (401, "/", {}),
            (401, "/debug/pprof/heap", {}),
            (401, "/api/ps?token=", {}),
            (401, "/api/ps?token=correct-hors", {}),
            (401, "/api/ps?token=correct-horsf", {}),
            (200, f"/api/ps?token={TOKEN}", {}),
            (200, "/api/ps", {"Authorization": f"Bearer {TOKEN}"}),
            (401, "/api/ps", {"Authorization": f"Bearer {TOKEN}x"}),
            (401, "/api/ps", {"Authorization": "Bearer "}),
            (401, "/api/ps", {"Authorization": "Basic !!!"}),
            (200, "/api/ps", {"Authorization": basic[f"x:{TOKEN}"]}),
            (200, "/api/ps", {"Authorization": basic[f"{TOKEN}:"]}),
            (401, "/api/ps", {"Authorization": basic[f"x:{TOKEN}x"]}),
            (401, "/api/ps", {"Authorization": basic["x:"]}),
            (401, "/api/ps", {"Authorization": basic[":"]}),
            # With a token no name is anybody else's.
            (200, f"/api/ps?token={TOKEN}", {"Host": "prof.example"})):
        expect_equal(f"{path} {headers}", ask(at, path, **headers).status,
                     status)
    r = ask(at)
    expect_equal("a browser asks for it", r.getheader("WWW-Authenticate"),
                 'Basic realm="cprof"')
    page = ask(at, f"/?token={TOKEN}").text.decode()
    expect("links pass the token on", f"{pid}/debug/pprof/?token={TOKEN}" in
           page)
    with open(f"/proc/{under.collector_pid()}/cmdline", "rb") as f:
        expect("the command line does not show it", TOKEN.encode() not in
               f.read())
    expect_equal("the Unix socket needs none",
                 under.http("GET", "/api/ps")[0], 200)


def run(*command):
    p = subprocess.run(command, capture_output=True, timeout=60,
                       env=dict(os.environ, PPROF_TMPDIR=under.TMP))
    expect(f"{' '.join(command)[:150]}: {p.returncode}" +
           ("" if not p.returncode else p.stderr.decode()[-300:]),
           p.returncode == 0)
    return p.stdout


def tools(url, pid):
    """go tool pprof on everything, and the usual downloaders."""
    for kind in KINDS:
        run("go", "tool", "pprof", "-top", f"{url}{pid}/debug/pprof/{kind}")
    plain = url.replace("https+insecure", "https").rstrip("/")
    plain += f"/{pid}/debug/pprof/heap"
    name = os.path.join(under.TMP, "wget.pb.gz")
    expect("curl", run("curl", "-skf", plain)[:2] == b"\x1f\x8b")
    run("wget", "-q", "--no-check-certificate", "--auth-no-challenge", "-O",
        name, plain)
    with open(name, "rb") as f:
        expect("wget", f.read(2) == b"\x1f\x8b")


def tls():
    cert, key = certificate()
    # To any address: TLS and the token are there.
    collector = under.start_collector("--http", "0.0.0.0:0", "--tls-cert",
                                      cert, "--tls-key", key, "--token", TOKEN)
    p = target()
    port = address().split(":")[1]
    tools(f"https+insecure://x:{TOKEN}@localhost:{port}/", p.pid)
    run("go", "tool", "pprof", "-top", f"https+insecure://localhost:{port}/"
        f"{p.pid}/debug/pprof/heap?token={TOKEN}")
    expect_equal("curl that looks at the certificate", run(
        "curl", "-s", "--cacert", cert, "-o", "/dev/null", "-w",
        "%{http_code}", f"https://localhost:{port}/"), b"401")
    slow_clients(f"127.0.0.1:{port}", b"\x16", lambda: ask_tls(port))
    p.kill()
    p.communicate()
    end(collector)


def shared(at, path):
    """Many who ask at once have a few answers between them, not one each, and
    who asks later another. It may say the same by chance: the waits in it have
    few lengths."""
    with concurrent.futures.ThreadPoolExecutor(N_AT_ONCE) as pool:
        bodies = set(pool.map(lambda _: ask(at, path).text, range(N_AT_ONCE)))
    expect(f"{path}: {len(bodies)} answers for {N_AT_ONCE}",
           len(bodies) <= N_AT_ONCE / 4)
    under.poll("a later answer differs",
               lambda: ask(at, path).text not in bodies)


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(rf"^{name}:\s+(\d+)", f.read(), re.M).group(1))


def slow_clients(at, first, ask_well):
    """Each says a little and no more. Others are served all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < N_SLOW + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (min(hard, N_SLOW + 500), hard))
    pid = under.collector_pid()
    held = []
    for _ in range(N_SLOW):
        s = socket.create_connection(at.split(":"), 20)
        try:
            s.sendall(first)
        except OSError:
            pass  # turned away already
        held.append(s)
    # A second in a place without a request costs it; before, a 503 tells.
    under.poll("somebody with a request is served", lambda: attempt(ask_well))
    for _ in range(20):
        ask_well()
    threads = status_of(pid, "Threads")
    expect(f"{threads} threads", threads < 400)
    for s in held:
        s.close()
    under.poll("they are gone", lambda: status_of(pid, "Threads") < 40)
    ask_well()


def attempt(ask_well):
    try:
        ask_well()
        return True
    except (OSError, http.client.HTTPException):
        return False


def ask_tls(port):
    p = subprocess.run(["curl", "-skf", "-m", "20", "-u", f"x:{TOKEN}", "-o",
                        "/dev/null", f"https://localhost:{port}/api/ps"],
                       timeout=60)
    if p.returncode:
        raise ConnectionError(p.returncode)


def ask_200(at):
    r = ask(at)
    if r.status != 200:
        raise ConnectionError(r.status)


def web():
    """cprofctl web, with a collector in its sandbox."""
    ctl = os.path.join(under.BUILD, "cprofctl")
    p = target()  # starts the collector, in its sandbox
    out = subprocess.run([ctl, "web", "127.0.0.1:0"], capture_output=True,
                         text=True, timeout=20)
    expect(f"web: {out.stdout.strip()} {out.stderr.strip()}",
           out.returncode == 0 and
           re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", out.stdout))
    url = out.stdout.strip()
    expect("its hint", f"go tool pprof {url}debug/pprof/heap" in out.stderr)
    with urllib.request.urlopen(url + "debug/pprof/heap", timeout=20) as r:
        expect("urllib", r.read(2) == b"\x1f\x8b")
    again = subprocess.run([ctl, "web"], capture_output=True, text=True,
                           timeout=20)
    expect_equal("asked again", again.stdout, out.stdout)
    behind_nginx(url, p.pid)
    p.kill()
    p.communicate()
    gone = under.collector_pid()
    under.poll("the collector ends", lambda: not os.path.exists(
        f"/proc/{gone}"), 30)
    p = target()
    out = subprocess.run([ctl, "web", "0.0.0.0:0"], capture_output=True,
                         text=True, timeout=20)
    expect(f"web for others: {out.stderr.strip()}", out.returncode == 1 and
           "refused" in out.stderr and not out.stdout)
    p.kill()
    p.communicate()


def behind_nginx(url, pid):
    """Under a prefix that is not ours, as anybody would mount it."""
    folder = os.path.join(under.TMP, "nginx")
    os.makedirs(folder)
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    conf = os.path.join(folder, "conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(f"daemon off; pid {folder}/pid; error_log {folder}/log;"
                "events {} http { access_log off;"
                f"client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
                f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;"
                f"scgi_temp_path {folder}/s;"
                f"server {{ listen 127.0.0.1:{port};"
                f"location /some/prof/ {{ proxy_pass {url}; }} }} }}")
    nginx = subprocess.Popen(["nginx", "-c", conf, "-e", folder + "/log"])
    at = f"http://127.0.0.1:{port}/some/prof/"
    under.poll("nginx answers", lambda: attempt(lambda: urllib.request.urlopen(
        at, timeout=20).read()))
    page = urllib.request.urlopen(at, timeout=20).read().decode()
    link = re.search(rf"href='({pid}/debug/pprof/)'", page).group(1)
    index = urllib.request.urlopen(at + link, timeout=20).read().decode()
    link += re.search(r"href='(heap\?debug=1)'", index).group(1)
    body = urllib.request.urlopen(at + link, timeout=20).read()
    expect_equal("the second link leads to", body[:14], b"heap profile: ")
    run("go", "tool", "pprof", "-top", f"{at}{pid}/debug/pprof/heap")
    nginx.terminate()
    nginx.wait(20)


def main():
    refused()
    collector = under.start_collector("--http", "0")
    at = address()
    hosts(at)
    origins(at)
    slow_clients(at, b"GET / HT", lambda: ask_200(at))
    end(collector)
    collector = under.start_collector("--http", "0.0.0.0:0", "--token", TOKEN)
    p = target()
    at = "127.0.0.1:" + address().split(":")[1]
    tokens(at, p.pid)
    shared(at, f"/{p.pid}/debug/pprof/goroutine?debug=2&token={TOKEN}")
    tools(f"http://x:{TOKEN}@{at}/", p.pid)
    run("go", "tool", "pprof", "-top",
        f"http://{at}/{p.pid}/debug/pprof/heap?token={TOKEN}")
    p.kill()
    p.communicate()
    end(collector)
    tls()
    web()


main()
