#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
"""The collector built with ThreadSanitizer: twenty processes of all sorts come
and go at once, by both transports, asked for everything by several clients
meanwhile, snapshots by signal among it: not one report."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

N_ROUNDS = 4
# What one round starts, each by both transports where that is one of two.
PROGRAMS = [["truth/heap_exact"], ["truth/creators"],
            ["hook/lock_truth", "block", "2"], ["truth/cpu_split", "0.5"]]
GETS = ["api/stats", "debug/pprof/heap", "debug/pprof/allocs",
        "debug/pprof/block", "debug/pprof/profile?seconds=1",
        "debug/pprof/heap?seconds=1", "debug/pprof/threadcreate"]
POSTS = ["api/set?heap.rate=4k&cpu.hz=250&mutex.fraction=3", "api/dump",
         "api/stop"]
LIMIT_S = 200

# It does not know pthread_clockjoin_np(): what that joined looks leaked.
OPTIONS = "report_thread_leaks=0 exitcode=66 second_deadlock_stack=1 detect_deadlocks=1"


def start_round(i):
    settings = dict(under.EXACT, CPROF_EXIT_TIMEOUT="60s")
    children = []
    for k, program in enumerate(PROGRAMS):
        settings["CPROF_TRANSPORT"] = "socket" if (i + k) % 3 == 0 else "ring"
        children.append(under.start(under.program(*program), f"r{i}.{k}",
                                    **settings))
    counts = os.path.join(under.TMP, f"counts{i}")
    children.append(under.start(under.program("truth/killed", counts),
                                f"killed{i}", **settings))
    return children


def ask(is_over, first):
    """One client: everything there is, of whoever is there."""
    n = first
    while not is_over.is_set():
        for pid in list(under.processes()) or [1]:
            n += 1
            try:
                under.http("GET", f"/{pid}/{GETS[n % len(GETS)]}")
                under.http("POST", f"/{pid}/{POSTS[n % len(POSTS)]}")
                under.http("GET", f"/api/ended?pid={pid}")
            except OSError:  # a busy collector turns clients away
                pass


def run_programs():
    children = [c for i in range(N_ROUNDS) for c in start_round(i)]
    killed = children[len(PROGRAMS)::len(PROGRAMS) + 1]
    for child in killed:
        under.poll("it is known", lambda pid=child.pid:
                   pid in under.processes(), LIMIT_S)
        child.send_signal(signal.SIGUSR1)
    for child in children:
        if child not in killed:
            child.communicate(timeout=LIMIT_S)
            under.expect_equal("status", child.returncode, 0)
    for child in killed:
        child.kill()
        child.wait()
    under.poll("all ends", lambda: not under.processes(), LIMIT_S)


log = os.path.join(under.TMP, "stderr")
with open(log, "wb") as f:
    collector = under.start_collector(
        build=under.BUILD + "-tsan", stderr=f,
        env=dict(os.environ, TSAN_OPTIONS=OPTIONS))
    over = threading.Event()
    clients = [threading.Thread(target=ask, args=(over, i)) for i in range(3)]
    for client in clients:
        client.start()
    try:
        run_programs()
    finally:
        over.set()
        for client in clients:
            client.join()
    collector.terminate()
    status = collector.wait(60)
with open(log, encoding="utf-8", errors="replace") as f:
    text = f.read()
print(text[:20000])
under.expect("no report", "ThreadSanitizer" not in text)
under.expect_equal("status", status, 0)
