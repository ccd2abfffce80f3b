#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What scraping costs: redis-server's throughput bare, profiled, and profiled
while wrk asks for its heap profile over 64 connections without pause, in turns.
Says the medians and their spread, wrk's errors, and the collector's memory.

    test/bench/http_load.py [ROUNDS [SECONDS]]
"""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
BUILD = os.path.abspath(os.environ.get("CPROF_BUILD", "build"))
TMP = tempfile.mkdtemp()
SOCKET = os.path.join(TMP, "socket")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def start_redis(env):
    port = free_port()
    p = subprocess.Popen(["redis-server", "--port", str(port), "--save", "",
                          "--dir", TMP], stdout=subprocess.DEVNULL,
                         env=dict(os.environ, **env))
    while subprocess.run(["redis-cli", "-p", str(port), "ping"],
                         capture_output=True).stdout != b"PONG\n":
        time.sleep(0.05)
    return p, port


def count(port):
    out = subprocess.run(["redis-cli", "-p", str(port), "info", "stats"],
                         capture_output=True, text=True).stdout
    return int(re.search(r"total_commands_processed:(\d+)", out).group(1))


def throughput(port):
    """Requests a second under redis-benchmark."""
    load = subprocess.Popen(["redis-benchmark", "-p", str(port), "-t", "set",
                             "-n", "100000000", "-r", "10000", "-d", "100",
                             "-q"], stdout=subprocess.DEVNULL)
    time.sleep(1)  # it has begun
    n, began = count(port), time.monotonic()
    time.sleep(SECONDS)
    rate = (count(port) - n) / (time.monotonic() - began)
    load.kill()
    load.wait()
    return rate


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    collector = subprocess.Popen([os.path.join(BUILD, "cprofd"), "--socket",
                                  SOCKET, "--http", "127.0.0.1:0"])
    ps = ["curl", "-s", "--unix-socket", SOCKET, "http://x/api/ps"]
    while not (out := subprocess.run(ps, capture_output=True).stdout):
        time.sleep(0.05)
    url = json.loads(out)["http"]
    bare, bare_port = start_redis({})
    shim = {"LD_PRELOAD": os.path.join(BUILD, "libcprof.so"),
            "CPROF_SOCKET": SOCKET, "CPROF_DIR": TMP}
    redis, port = start_redis(shim)
    rates = {"bare": [], "profiled": [], "asked": []}
    memory, asked, errors, used = [], 0, 0, 0
    for _ in range(ROUNDS):
        rates["bare"].append(throughput(bare_port))
        rates["profiled"].append(throughput(port))
        before = cpu_s(collector.pid)
        wrk = subprocess.Popen(["wrk", "-t", "1", "-c", "64", "-d",
                                str(SECONDS + 2), "--timeout", "10s",
                                f"{url}{redis.pid}/debug/pprof/heap"],
                               stdout=subprocess.PIPE, text=True)
        rates["asked"].append(throughput(port))
        out = wrk.communicate()[0]
        used += cpu_s(collector.pid) - before
        asked += int(re.search(r"(\d+) requests in", out).group(1))
        errors += len(re.findall(r"Socket errors|Non-2xx", out))
        memory.append(rss_kib(collector.pid))
    for name, list_ in rates.items():
        print(f"{name:9} {statistics.median(list_):9.0f} a second "
              f"({min(list_):.0f} to {max(list_):.0f}), of bare "
              f"{100 * statistics.median(a / b for a, b in zip(list_, rates['bare'])):.2f} %")
    print(f"{asked} profiles, {errors} rounds with errors, "
          f"the collector used {100 * used / ROUNDS / (SECONDS + 2):.1f} % of a CPU, "
          f"its memory after each round: {memory} KiB")
    for p in (bare, redis, collector):
        p.send_signal(signal.SIGTERM)
        p.wait()


main()
