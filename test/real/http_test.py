#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""redis-server under redis-benchmark, asked over HTTP for all there is: by `go
tool pprof` (each profile, with the functions that are known of it), curl, wget
and Python's urllib; in the clear, by TLS and with a token; by pid and by name."""
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import over_tcp  # noqa: E402
import under  # noqa: E402
from under import expect, expect_equal  # noqa: E402

TOKEN = "correct-horse"
# Of each profile: what pprof calls it, and who is in it ("" where that is
# a matter of luck).
PROFILES = {
    "profile?seconds=2": ("cpu", "processCommand|call$"),
    "heap": ("inuse_space", "zmalloc|zrealloc|zcalloc|sds|main"),
    "allocs": ("alloc_space", "zmalloc|zrealloc|zcalloc|sds"),
    "block": ("delay", ""),
    "mutex": ("delay", ""),
    "goroutine": ("goroutine", "bioProcessBackgroundJobs|start_thread"),
    "threadcreate": ("threadcreate", "InitServerLast|bioInit|initThreadedIO"),
    "allocs?seconds=1": ("inuse_space|alloc_space", "zmalloc|zrealloc|sds"),
    "heap?seconds=1": ("inuse_space", ""),
    "block?seconds=1": ("delay", ""),
    "mutex?seconds=1": ("delay", ""),
    "goroutine?seconds=1": ("goroutine", ""),
    "threadcreate?seconds=1": ("threadcreate", ""),
}
BINARY = b"\x1f\x8b"
# The others, and how their bodies begin.
OTHERS = {
    "": b"<!DOCTYPE html>", "cmdline": b"redis-server", "heap": BINARY,
    "symbol": b"num_symbols: 1\n", "trace?seconds=0.2": b"\n",
    "trace?seconds=0.2&format=json": b'{"displayTimeUnit"',
    "goroutine?debug=2": b"goroutine ", "heap?debug=1": b"heap profile: ",
    "heap?gc=1": BINARY, "profile?seconds=1": BINARY,
}


class Redis:
    def __init__(self):
        self.socket = os.path.join(under.TMP, "redis")
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--save", "", "--dir", under.TMP], stdout=subprocess.DEVNULL,
            # At the default of 512 KiB a heap of 3 MB may have no sample.
            env=under.environment(under.TMP + "/out",
                                  {"CPROF_HEAP_RATE": "16k"}))
        self.pid = self.server.pid
        under.poll("redis-server answers", self.is_up)
        self.load = subprocess.Popen(
            ["redis-benchmark", "-s", self.socket, "-l", "-q", "-c", "8", "-P",
             "8", "-d", "100", "-r", "10000", "-t", "set,get,lpush,lpop"],
            stdout=subprocess.DEVNULL)
        under.attached(self.pid)

    def is_up(self):
        return subprocess.run(["redis-cli", "-s", self.socket, "ping"],
                              capture_output=True).stdout == b"PONG\n"

    def end(self):
        expect("it is under load all the time", self.load.poll() is None and
               self.server.poll() is None)
        self.load.kill()
        self.load.wait()
        self.server.terminate()
        expect_equal("redis-server's status", self.server.wait(30), 0)


def with_query(url, query):
    return url + ("&" if "?" in url else "?") + query if query else url


def check_profile(path, child):
    kind, functions = PROFILES[path]
    out, err = child.communicate(timeout=120)
    expect(f"go tool pprof {path}: {child.returncode} " +
           (err[-300:] if child.returncode else ""), child.returncode == 0)
    type_ = re.search(r"^Type: (\S+)$", out, re.M).group(1)
    expect(f"{path}: its type {type_}", re.fullmatch(kind, type_))
    names = re.findall(r"^ +\S+ +\S+ +\S+ +\S+ +\S+ +(.*?)(?: \(inline\))?$",
                       out, re.M)
    expect(f"{path}: {functions} in {names[:5]}", any(
        re.search(functions, name) for name in names) or not functions)


def pprof(base, query):
    """All at the same time, as it comes when several people look."""
    env = dict(os.environ, PPROF_TMPDIR=under.TMP)
    children = {path: subprocess.Popen(
        ["go", "tool", "pprof", "-top", "-cum", "-nodecount=60",
         with_query(base + path, query)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=env) for path in PROFILES}
    for path, child in children.items():
        check_profile(path, child)


def downloads(base, query, head):
    base = base.replace("https+insecure", "https")
    context = ssl._create_unverified_context()
    name = os.path.join(under.TMP, "download")
    for path, begin in OTHERS.items():
        url = with_query(base + path, query)
        request = urllib.request.Request(url, headers=head)
        with urllib.request.urlopen(request, timeout=60, context=context if
                                    url.startswith("https") else None) as r:
            bodies = [r.read()]
        options = [f"{k}: {v}" for k, v in head.items()]
        for command in (
                ["curl", "-skf", *(a for o in options for a in ("-H", o)),
                 "-o", name, url],
                ["wget", "-q", "--no-check-certificate",
                 *(f"--header={o}" for o in options), "-O", name, url]):
            subprocess.run(command, check=True, timeout=60)
            with open(name, "rb") as f:
                bodies.append(f.read())
        expect(f"urllib, curl, wget: {path}: {[len(b) for b in bodies]} bytes",
               all(b.startswith(begin) for b in bodies))


def case(scheme, args, prefix, query="", head=None):
    print(f"--- {scheme} {query}", flush=True)
    collector = under.start_collector("--http", "127.0.0.1:0", *args)
    redis = Redis()
    port = over_tcp.address().rpartition(":")[2]
    base = f"{scheme}://localhost:{port}{prefix.format(redis.pid)}/debug/pprof/"
    pprof(base, query)
    downloads(base, "" if head else query, head or {})
    redis.end()
    collector.terminate()
    expect_equal("the collector's status", collector.wait(30), 0)


for tool in "go", "redis-server", "redis-benchmark", "openssl", "wget", "curl":
    if not shutil.which(tool):
        print(f"{tool} is not installed")
        sys.exit(77)
cert, key = over_tcp.certificate()
case("http", (), "/{}")
case("https+insecure", ("--tls-cert", cert, "--tls-key", key),
     "/comm/redis-server")
case("http", ("--token", TOKEN), "", f"token={TOKEN}",
     {"Authorization": f"Bearer {TOKEN}"})
