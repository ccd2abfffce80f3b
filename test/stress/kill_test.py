#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""However and whenever a process ends, nothing that it had recorded is lost:
SIGKILL at random instants, every way to end itself, and the kernel's own kills.
`make stress` kills a thousand."""
import os
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import killed  # noqa: E402
import under  # noqa: E402

N_KILLS = 1000 if "STRESS_S" in os.environ else 30
AT_ONCE = 3
WAYS = {"abort": -signal.SIGABRT, "_exit": 0, "quick_exit": 0, "exec": 0,
        "smash": -signal.SIGSEGV, "limit": 3}
OOM_BYTES = 96 << 20


def start(name, *args, prefix=()):
    path = killed.counts_path(name)
    command = under.program("truth/killed", path, *args)
    return path, under.start([*prefix, *command], name,
                             CPROF_EXIT="inuse,alloc", **under.EXACT)


def kill_some(names):
    """Each at its own random instant, also before its main has begun. How many
    had recorded something. On a machine so busy that a process did not wait for
    its collector it has no profile."""
    children = [(name, *start(name)) for name in names]
    known = set()
    # What is tested is that any instant will do, those before its main (of the
    # first) and those after: nothing is waited for.
    for i, (_, path, child) in enumerate(children):
        if i:
            under.poll("its main", lambda p=path: killed.counts(p)[1], 60)
        time.sleep(random.uniform(0, 0.05))
        if child.pid in under.processes():
            known.add(child.pid)
        child.kill()
    n = 0
    for name, path, child in children:
        child.wait()
        if child.pid in known:
            n += killed.check(name, path, child.pid)
        os.unlink(path)
        shutil.rmtree(os.path.join(under.TMP, name), ignore_errors=True)
    return n


def storm():
    names = [f"kill{i}" for i in range(N_KILLS)]
    n = sum(kill_some(names[i:i + AT_ONCE])
            for i in range(0, N_KILLS, AT_ONCE))
    under.expect(f"{n} of {N_KILLS} had recorded something", n >= N_KILLS / 3)


def end_itself(how, status):
    path, child = start(how, how, 50)
    under.expect_equal(f"{how}: status", child.wait(60), status)
    under.expect(f"{how}: counted", killed.check(how, path, child.pid))


def memory_group():
    """A cgroup that holds OOM_BYTES, or None where there can't be one."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")):
        folder = os.path.join(root, os.path.basename(under.TMP))
        try:
            os.mkdir(folder)
        except OSError:
            continue
        try:
            with open(os.path.join(folder, limit), "w") as f:
                f.write(str(OOM_BYTES))
            return folder
        except OSError:
            os.rmdir(folder)
    return None


def out_of_memory():
    group = memory_group()
    if not group:
        print("oom: no memory cgroup can be made here")
        return
    try:
        path, child = start("oom", "oom", 50, prefix=(
            "sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh"))
        under.expect_equal("oom: status", child.wait(60), -signal.SIGKILL)
        under.expect("oom: counted", killed.check("oom", path, child.pid))
    finally:
        under.poll("the group is empty", lambda: not rmdir_fails(group))


def rmdir_fails(folder):
    try:
        os.rmdir(folder)
    except OSError:
        return True
    return False


collector = under.start_collector()
storm()
for way in WAYS.items():
    end_itself(*way)
out_of_memory()
collector.terminate()
under.expect_equal("the collector's status", collector.wait(30), 0)
