#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A stripped program's names come from a debuginfod server where DEBUGINFOD_URLS
says so; a server that never answers keeps nobody waiting."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

if not shutil.which("debuginfod"):
    print("skipped: no debuginfod")
    sys.exit(77)
SERVED = os.path.join(under.TMP, "served")
PROGRAM = os.path.join(under.TMP, "stripped")
SLOW_S = 20


def strip():
    source = under.program("truth/heap_exact")[0]
    os.mkdir(SERVED)
    subprocess.run(["objcopy", "--only-keep-debug", source,
                    os.path.join(SERVED, "stripped.debug")], check=True)
    subprocess.run(["objcopy", "--strip-all", source, PROGRAM], check=True)


def lines_of_main(name):
    run = under.Run([PROGRAM], name, **under.EXACT)
    under.expect_equal(f"{name}: status", run.status, 0)
    return {f.line for s in run.profile("alloc").samples for f in s.frames
            if f.function == "main"}


def listen():
    s = socket.create_server(("127.0.0.1", 0))
    return s, s.getsockname()[1]


def collector(port):
    env = dict(os.environ, DEBUGINFOD_URLS=f"http://127.0.0.1:{port}",
               DEBUGINFOD_CACHE_PATH=os.path.join(under.TMP, f"cache{port}"))
    return under.start_collector(env=env)


def end(child):
    child.terminate()
    under.expect_equal("the collector's end", child.wait(30), 0)


def has_file(port):
    notes = subprocess.run(["readelf", "-n", PROGRAM], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    build_id = re.search("Build ID: ([0-9a-f]+)", notes)[1]
    url = f"http://127.0.0.1:{port}/buildid/{build_id}/debuginfo"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


def from_server():
    holder, port = listen()
    holder.close()
    with subprocess.Popen(
            ["debuginfod", "-F", SERVED, "-p", str(port), "-d",
             os.path.join(under.TMP, "index.sqlite"), "-t", "1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            under.poll("the server has the file", lambda: has_file(port), 60)
            child = collector(port)
            # Two at most: a busy machine may not have it in two seconds.
            lines = lines_of_main("served") or lines_of_main("served again")
            under.expect(f"main has lines {lines}", lines and min(lines) > 0)
            end(child)
        finally:
            server.terminate()


def from_nobody():
    holder, port = listen()
    child = collector(port)
    for i in range(2):
        start_s = time.monotonic()
        lines = lines_of_main(f"silent{i}")
        took_s = time.monotonic() - start_s
        under.expect(f"no names from a silent server: {lines}", not lines)
        under.expect(f"nobody waits for it: {took_s:.1f} s", took_s < SLOW_S)
    end(child)
    holder.close()


strip()
from_nobody()
from_server()
