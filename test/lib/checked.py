# SPDX-License-Identifier: Apache-2.0
"""A day in the life of a collector that is being watched (by AddressSanitizer
or valgrind): programs of all sorts, every HTTP path, garbage, a kill."""
import os
import signal
import socket

import under

PATHS = ["/", "/api/ps", "/api/ended?pid=1", "/nonsense"]
TARGET_PATHS = ["heap", "allocs", "block", "mutex", "threadcreate",
                "profile?seconds=1", "heap?seconds=1", "heap?seconds=x",
                "nonsense"]


def _garbage():
    for data in b"", b"CPRF", b"CPRF" + bytes(8) + b"\xff" * 64, b"\0" * 99999:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(under.SOCKET)
            try:
                s.sendall(data)
            except OSError:
                pass


def _ask_everything(pid):
    for path in PATHS:
        under.http("GET", path)
    for path in TARGET_PATHS:
        status, body = under.http("GET", f"/{pid}/debug/pprof/{path}")
        under.expect(f"{path}: {status}, {len(body)} bytes",
                     status >= 400 or body[:2] == b"\x1f\x8b")
    under.http("GET", f"/{pid}/api/stats")
    under.http("POST", f"/{pid}/api/set?heap.rate=4k&cpu.hz=250")
    under.http("POST", f"/{pid}/api/dump")


def day(collector, limit_s=60):
    """Runs it; ends the collector by SIGTERM and returns its status."""
    for transport in "ring", "socket":
        settings = dict(under.EXACT, CPROF_TRANSPORT=transport,
                        CPROF_EXIT_TIMEOUT="30s")
        for program in (["truth/heap_exact"], ["truth/creators"],
                        ["hook/lock_truth", "block", "2"],
                        ["truth/cpu_split", "0.5"]):
            run = under.Run(under.program(*program), transport, limit_s,
                            **settings)
            under.expect_equal(program[0], run.status, 0)
        pids = os.path.join(under.TMP, "pids")
        under.Run(under.program("truth/family", "fork", pids), transport,
                  limit_s, **settings)
        child = under.start(under.program("truth/killed",
                                          os.path.join(under.TMP, "counts")),
                            transport, **settings)
        under.attached(child.pid)
        _ask_everything(child.pid)
        _garbage()
        child.send_signal(signal.SIGUSR1)
        child.kill()
        child.wait()
        under.poll("its end", lambda pid=child.pid:
                   pid not in under.processes(), limit_s)
    collector.terminate()
    return collector.wait(limit_s)
