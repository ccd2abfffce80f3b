#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 240 any
"""A scraper that does what Parca and Alloy do, round after round over processes
of which some come and go: their paths by prefix, their checks (test/lib/strict.py),
and that counters of a stack never go back. CPROF_SCRAPE_ROUNDS=100 for long."""
import concurrent.futures
import http.client
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import strict  # noqa: E402
import under  # noqa: E402

ROUNDS = int(os.environ.get("CPROF_SCRAPE_ROUNDS", "5"))
N_PROCESSES = 20
N_CHANGES = 2
# Path, and how many of the values only grow.
PATHS = {"allocs": 2, "block": 2, "mutex": 2, "threadcreate": 1, "heap": 2,
         "profile?seconds=1": 0}
seen = {}  # of (pid, path): the series of the last round
counts = {"profiles": 0, "series": 0, "gone": 0}


def start(i):
    p = subprocess.Popen(under.program("truth/serving", 26 + i),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         env=under.environment(under.TMP + "/out",
                                               {"CPROF_EXIT": "none"}))
    p.stdout.readline()
    return p


def end(p):
    p.kill()
    p.communicate()


def ask(at, path):
    c = http.client.HTTPConnection(at, timeout=60)
    c.request("GET", path)
    r = c.getresponse()
    body = r.read()
    c.close()
    return r, body


def went_back(before, after, n_growing):
    """Series whose counters are less than they were, or are not there."""
    return [(key, row, after.get(key)) for key, row in before.items()
            if any(row[:n_growing]) and
            (key not in after or
             any(b < a for a, b in zip(row[:n_growing], after[key])))]


def scrape(at, pid, path, n_growing):
    r, body = ask(at, f"/{pid}/debug/pprof/{path}")
    if r.status == 404:
        return "gone"
    if r.status != 200 or not r.getheader("Content-Type", "").startswith(
            "application/octet-stream") or len(body) <= 2:
        return f"{r.status} {r.getheader('Content-Type')} {body[:100]}"
    if wrong := strict.violations(body):
        return str(wrong[:3])
    series = strict.Raw(body).series()
    counts["profiles"] += 1
    counts["series"] += len(series)
    back = went_back(seen.get((pid, path), {}), series, n_growing)
    seen[pid, path] = series
    return f"went back: {back[:2]}" if back else ""


def round_of(at, pool, processes):
    """Scrapes all of them, while some of them end and others begin."""
    work = {pool.submit(scrape, at, p.pid, path, n): (p, path)
            for p in processes for path, n in PATHS.items()}
    leaving, staying = processes[:N_CHANGES], processes[N_CHANGES:]
    for p in leaving:
        end(p)
    coming = [start(i) for i in range(N_CHANGES)]
    for done, (p, path) in work.items():
        result = done.result()
        if result and p in leaving:
            counts["gone"] += 1
        elif result:
            under.fail(f"{p.pid} {path}: {result}")
    return staying + coming


def main():
    collector = under.start_collector("--http", "127.0.0.1:0")
    at = re.fullmatch("http://(.*)/", json.loads(
        under.http("GET", "/api/ps")[1])["http"]).group(1)
    processes = [start(i) for i in range(N_PROCESSES)]
    for p in processes:
        under.attached(p.pid)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for _ in range(ROUNDS):
            processes = round_of(at, pool, processes)
            for p in processes[-N_CHANGES:]:
                under.attached(p.pid)
    print(f"{ROUNDS} rounds: {counts}")
    wanted = ROUNDS * (N_PROCESSES - N_CHANGES) * len(PATHS)
    under.expect(f"{counts['profiles']} of at least {wanted}",
                 counts["profiles"] >= wanted)
    under.expect("they have something in them", counts["series"] >
                 counts["profiles"] / 2)
    for p in processes:
        end(p)
    collector.terminate()
    under.expect_equal("status", collector.wait(30), 0)


main()
