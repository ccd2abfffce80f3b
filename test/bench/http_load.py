#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What scraping costs: redis-server's throughput bare, profiled, and profiled
while wrk asks for its heap profile over 64 connections without pause, in turns.
Says the medians and their spread, wrk's errors, and the collector's memory.

Where redis, its load, wrk and the collector have fewer processors than they
could use, they take them from each other: so what redis itself needs for a
command, in CPU time, is told too (what being asked does to it), and what CPU
time collector and wrk have (what they may take away).

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


def throughput(p, port):
    """Under redis-benchmark: requests a second, and microseconds of CPU time
    for each."""
    load = subprocess.Popen(["redis-benchmark", "-p", str(port), "-t", "set",
                             "-n", "100000000", "-r", "10000", "-d", "100",
                             "-q"], stdout=subprocess.DEVNULL)
    time.sleep(1)  # it has begun
    n, used, began = count(port), cpu_ns(p.pid), time.monotonic()
    time.sleep(SECONDS)
    n = count(port) - n
    took = n / (time.monotonic() - began), (cpu_ns(p.pid) - used) / n / 1e3
    load.kill()
    load.wait()
    return took


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """Finer, of the threads there are."""
    sum_ns = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat",
                  encoding="ascii") as f:
            sum_ns += int(f.read().split()[0])
    return sum_ns


def show(what, runs, at):
    """Medians and spread, and the median of what the rounds say of bare."""
    print(what)
    for name, list_ in runs.items():
        values = [v[at] for v in list_]
        of_bare = [v[at] / b[at] for v, b in zip(list_, runs["bare"])]
        print(f"  {name:9} {statistics.median(values):10.2f} "
              f"({min(values):.2f} to {max(values):.2f}), of bare "
              f"{100 * statistics.median(of_bare):.2f} % ("
              f"{100 * min(of_bare):.2f} to {100 * max(of_bare):.2f})")


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
        rates["bare"].append(throughput(bare, bare_port))
        rates["profiled"].append(throughput(redis, port))
        before = cpu_s(collector.pid)
        wrk = subprocess.Popen(["wrk", "-t", "1", "-c", "64", "-d",
                                str(SECONDS + 2), "--timeout", "10s",
                                f"{url}{redis.pid}/debug/pprof/heap"],
                               stdout=subprocess.PIPE, text=True)
        rates["asked"].append(throughput(redis, port))
        out = wrk.communicate()[0]
        used += cpu_s(collector.pid) - before
        asked += int(re.search(r"(\d+) requests in", out).group(1))
        errors += len(re.findall(r"Socket errors|Non-2xx", out))
        memory.append(rss_kib(collector.pid))
    show("commands a second", rates, 0)
    show("us of CPU time for a command", rates, 1)
    print(f"{asked} profiles, {errors} rounds with errors, "
          f"the collector used {100 * used / ROUNDS / (SECONDS + 2):.1f} % of a CPU, "
          f"its memory after each round: {memory} KiB")
    for p in (bare, redis, collector):
        p.send_signal(signal.SIGTERM)
        p.wait()


main()
