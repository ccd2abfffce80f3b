#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""In namespaces a process has another pid, another user and no way to abstract
sockets, and limits that nobody else uses up: it is profiled all the same. A
socket with too long a name means no profile, silently."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

N_TIMERS = 3


def unshare(flags):
    return ["unshare", "--user", "--map-root-user", *flags]


def run(name, command, **settings):
    folder = os.path.join(under.TMP, name)
    env = under.environment(folder, {**under.EXACT, **settings})
    done = subprocess.run(
        command, env=env, capture_output=True, timeout=60)
    under.expect_equal(f"status and noise, {name}",
                       (done.returncode, done.stderr), (0, b""))
    return folder


def objects(folder):
    paths = under.poll("the profile of the program", lambda: [
        p for p in pprof.find(folder, "alloc") if "heap_exact" in p])
    under.expect_equal("objects", pprof.Profile(paths[-1]).total(
        "alloc_objects", leaf="by_malloc"), 2000)


def in_namespaces():
    program = under.program("truth/heap_exact")
    for name, flags in (("user", []), ("pid", ["--pid", "--fork"]),
                        ("net", ["--net"]),
                        ("all", ["--pid", "--fork", "--net", "--mount",
                                 "--ipc", "--uts", "--mount-proc"])):
        objects(run(name, unshare(flags) + program))


def too_few_timers():
    """Some threads get a timer and some don't; the profile says how many."""
    # The limit is set inside, where only what is inside counts.
    folder = run("timers", unshare([]) + [
        "bash", "-c", f'ulimit -i {N_TIMERS}; exec "$@"', "-",
        *under.program("truth/cpu_threads", "0.3")])
    p = pprof.Profile(under.poll("the profile", lambda: [
        x for x in pprof.find(folder, "cpu") if "cpu_threads" in x])[-1])
    cpu_s = p.total("cpu") / 1e9
    under.expect(f"CPU of some threads: {cpu_s} of 1.2 s", 0 < cpu_s < 1.1)
    under.expect(f"said: {p.comments}",
                 any("timer_failed" in c for c in p.comments))


def long_name():
    run("long", under.program("hook/hello"),
        CPROF_SOCKET=under.TMP + "/" + "x" * 120 + "/s")


if subprocess.run(unshare(["--pid", "--fork", "--net", "--mount-proc"]) +
                  ["true"], capture_output=True).returncode:
    print("namespaces are not to be had here")
    sys.exit(77)
# One that a confined shim started would be confined, too.
collector = under.start_collector()
in_namespaces()
too_few_timers()
long_name()
collector.terminate()
under.expect_equal("the collector's status", collector.wait(10), 0)
