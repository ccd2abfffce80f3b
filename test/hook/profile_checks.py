# SPDX-License-Identifier: Apache-2.0
"""What a victim's profiles must say. Each check gets the folder they are in,
the run, and the words behind its name in victims.ini."""
import re
import time

import pprof

# A killed process's files come after its end.
LIMIT_S = 15


def _equal(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"FAIL: {what}: {got}, not {wanted}")
    print(f"{what}: {got}")


def _paths(run, folder, kind):
    end_s = time.monotonic() + LIMIT_S
    while not (paths := pprof.find(folder, kind, pid=str(run.pid))):
        if time.monotonic() > end_s:
            raise SystemExit(f"FAIL: no {kind} profile of {run.pid}")
        time.sleep(0.02)
    return paths


def _of(run, folder, kind):
    return pprof.Profile(_paths(run, folder, kind)[-1])


def _oldest(run, folder, kind):
    """After an exec a process has profiles of two programs."""
    return pprof.Profile(_paths(run, folder, kind)[0])


def objects(folder, run, function, n, size):
    p = _oldest(run, folder, "alloc")
    _equal("objects", p.total("alloc_objects", function=function), int(n))
    _equal("bytes", p.total("alloc_space", function=function),
           int(n) * int(size))


def objects_of_100(folder, run, n):
    p = _of(run, folder, "alloc")
    _equal("objects", p.total("alloc_objects", leaf="main"), int(n))
    _equal("bytes", p.total("alloc_space", leaf="main"), int(n) * 100)


def objects_come_and_go(folder, run, n):
    """N in all, each taken out by main's callees, and none left."""
    _equal("objects", _of(run, folder, "alloc").total(
        "alloc_objects", function="main"), int(n))
    _equal("live objects", _of(run, folder, "inuse").total(
        "inuse_objects", function="main"), 0)


def live_in(folder, run, function, n, n_bytes):
    p = _of(run, folder, "inuse")
    _equal("live objects", p.total("inuse_objects", function=function), int(n))
    _equal("live bytes", p.total("inuse_space", function=function),
           int(n_bytes))


def nothing_live(folder, run, function):
    p = _of(run, folder, "inuse")
    _equal("live objects", p.total("inuse_objects", function=function), 0)
    if not p.total("alloc_objects", function=function):
        raise SystemExit("FAIL: nothing was allocated at all")


def c11_threads(folder, run):
    create = _of(run, folder, "threadcreate")
    _equal("threads", create.total("threadcreate"), 3)
    for kind in ("mutex", "block"):
        if _of(run, folder, kind).total("delay") < 10e6:
            raise SystemExit(f"FAIL: no contention in the {kind} profile")


def cxx_locks(folder, run):
    """Three waits of a kind that time out, and one that ends."""
    p = _of(run, folder, "block")
    for name in ("timed_mutex", "recursive_timed_mutex", "shared_timed_mutex"):
        n = sum(s.values[p.column("contentions")] for s in p.samples if any(
            f"contend<std::{name}" in f.function
            for f in s.frames))
        if n < 3:
            raise SystemExit(f"FAIL: {n} waits for a {name}")


def longjmp_out(folder, run):
    n = _of(run, folder, "block").total("contentions", function="take_turns")
    if n < 10:
        raise SystemExit(f"FAIL: {n} contentions after the jumps")


def one_library_a_stack(folder, run):
    n_named = 0
    for kind in ("alloc", "cpu"):
        for sample in _of(run, folder, kind).samples:
            names = {f.function for f in sample.frames}
            numbers = {m.group(1) for n in names
                       if (m := re.match(r"(?:inner|work)_(\d)$", n))}
            if len(numbers) > 1:
                raise SystemExit(f"FAIL: a stack of two libraries: {names}")
            n_named += bool(numbers)
    if n_named < 6:
        raise SystemExit(f"FAIL: only {n_named} stacks name a library")


def seen_there(folder, run):
    """What a thread did that libc made for itself: all of it."""
    objects(folder, run, "allocate_there", 100, 500)
    got_s = _of(run, folder, "cpu").total("cpu", function="burn_there") / 1e9
    true_s = float(re.search(r"cpu_s=([\d.]+)", run.out).group(1))
    if abs(got_s - true_s) > 0.15 * true_s:
        raise SystemExit(f"FAIL: {got_s:.2f} s in the profile, {true_s} s true")


def cpu_total(folder, run):
    true_s = float(re.search(r"cpu_s=([\d.]+)", run.out).group(1))
    got_s = _of(run, folder, "cpu").total("cpu") / 1e9
    # 100 Hz: three standard errors of 200 samples are 21 %, but periods are
    # regular and remainders are counted, so that 10 % is ample.
    if abs(got_s - true_s) > 0.1 * true_s:
        raise SystemExit(f"FAIL: {got_s:.2f} s in the profile, {true_s} s true")
    print(f"cpu: {got_s:.2f} s of {true_s} s")


def cpu_from_main(folder, run):
    """All stacks but a few (what the loader does, and the end) lead to main,
    also from a handler."""
    p = _of(run, folder, "cpu")
    total, below = p.total("cpu"), p.total("cpu", function="main")
    if below < 0.85 * total or not total:
        raise SystemExit(f"FAIL: {below} of {total} ns below main")
    print(f"{below} of {total} ns below main")


def child_cpu(folder, run):
    """The child that the program names, and the CPU time it says it used."""
    child = re.search(r"child=(\d+)", run.out).group(1)
    true_s = float(re.search(r"cpu_s=([\d.]+)", run.out).group(1))
    end_s = time.monotonic() + LIMIT_S
    while not (paths := pprof.find(folder, "cpu", pid=child)):
        if time.monotonic() > end_s:
            raise SystemExit(f"FAIL: no cpu profile of the child {child}")
        time.sleep(0.02)
    got_s = pprof.Profile(paths[-1]).total("cpu") / 1e9
    if abs(got_s - true_s) > 0.15 * true_s:
        raise SystemExit(f"FAIL: {got_s:.2f} s in the profile, {true_s} s true")
    print(f"cpu of the child: {got_s:.2f} s of {true_s} s")
