#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A pid is not a process: the images of a chain of exec have profiles of their
own, each written when the next one begins; and a process gets the pid of one
that has just been killed while its collector still has that one's session: each
has its own profile, and the collector finds the one that lives."""
import io
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

PID = 700
ROUNDS = 3
# So many stacks that writing them takes longer than another process's start.
N_FIRST = 10000


def begin(name, *args, **settings):
    return subprocess.Popen(
        under.program("truth/images", *args), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env=under.environment(
            os.path.join(under.TMP, name),
            dict(under.EXACT, CPROF_CPU_HZ="0", CPROF_EXIT="alloc",
                 **settings)))


def await_ready(child):
    under.expect_equal("it says", child.stdout.readline(), b"ready\n")


def n_written(name, pid):
    """What the profiles of PID say that work() allocated, one by one."""
    profiles = map(pprof.Profile, pprof.find(os.path.join(under.TMP, name),
                                             "alloc", pid=str(pid)))
    return sorted(p.total("alloc_objects", function="work") for p in profiles)


def n_live(pid):
    status, body = under.http("GET", f"/{pid}/debug/pprof/allocs")
    if status != 200:
        under.fail(f"the collector knows no {pid}: {body}")
    return pprof.Profile(io.BytesIO(body)).total("alloc_objects",
                                                 function="work")


def expect_written(name, pid, numbers):
    under.poll(f"{name}: files of {numbers}, not {n_written(name, pid)}",
               lambda: n_written(name, pid) == numbers)


def end(child):
    child.communicate(b"", timeout=60)
    under.expect_equal("its status", child.returncode, 0)


def images():
    """An image's files are there while the process goes on as another."""
    child = begin("images", 50, 60, 70)
    await_ready(child)
    expect_written("images", child.pid, [50, 60])
    under.expect_equal("the last is alone", n_live(child.pid), 70)
    end(child)
    expect_written("images", child.pid, [50, 60, 70])


def named(pid, start):
    """A process of START that has PID: others take numbers, too."""
    for _ in range(100):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        child = start()
        if child.pid == pid:
            return child
        child.kill()
        child.communicate()
    under.fail(f"nobody gets the pid {pid}")


def begin_as(pid, name, *args, **settings):
    return named(pid, lambda: begin(name, *args, **settings))


def is_waiting(pid):
    """For the collector: it is in its constructor, and sleeps."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        name, _, rest = f.read().partition(") ")
    return name.endswith("(images") and rest[0] == "S"


def is_alone(pid):
    body = under.http("GET", "/api/ps")[1]
    return [p["pid"] for p in json.loads(body)["processes"]].count(pid) == 1


def replace(collector, pid, name, kill, n):
    """While the collector is stopped, so that it has both sessions then, the
    process PID is killed and another gets its number."""
    collector.send_signal(signal.SIGSTOP)
    kill()
    child = begin_as(pid, name, n)
    under.poll("it waits", lambda: is_waiting(pid))
    collector.send_signal(signal.SIGCONT)
    await_ready(child)
    return child


def again(collector, i):
    first = begin_as(PID, f"first{i}", N_FIRST + i)
    await_ready(first)

    def kill():
        first.kill()
        first.communicate()

    second = replace(collector, PID, f"second{i}", kill, 300 + i)
    expect_written(f"first{i}", PID, [N_FIRST + i])
    under.poll("the first is buried", lambda: is_alone(PID))
    under.expect_equal("the second lives", n_live(PID), 300 + i)
    status, body = under.http("GET", f"/api/ended?pid={PID}")
    under.expect(f"and has not ended: {status} {body}",
                 json.loads(body).get("ended") is False)
    end(second)
    expect_written(f"second{i}", PID, [300 + i])
    under.expect_equal("and the first's", n_written(f"first{i}", PID),
                       [N_FIRST + i])


def stranger(collector):
    """What a fork child was not allowed is not forbidden to who comes next."""
    parent = begin("family", "fork", PID, 40, CPROF_FOLLOW="fork")
    await_ready(parent)
    under.attached(PID)
    second = replace(collector, PID, "stranger",
                     lambda: (os.kill(PID, signal.SIGKILL), under.poll(
                         "it is gone", lambda: not os.path.exists(
                             f"/proc/{PID}"))), 80)
    parent.communicate()
    expect_written("family", PID, [40])
    under.poll("it is profiled", lambda: is_alone(PID))
    end(second)
    expect_written("stranger", PID, [80])


def parents_stranger(collector):
    """What a process was not allowed to have is not forbidden to the children
    of who gets its number: one without the shim, that starts one with it."""
    first = begin_as(PID, "childless", N_FIRST, CPROF_FOLLOW="none")
    await_ready(first)
    collector.send_signal(signal.SIGSTOP)
    first.kill()
    first.communicate()
    env = under.environment(os.path.join(under.TMP, "child"),
                            dict(under.EXACT, CPROF_CPU_HZ="0",
                                 CPROF_EXIT="alloc"))
    shim = env.pop("LD_PRELOAD")
    second = named(PID, lambda: subprocess.Popen(
        ["sh", "-c", 'LD_PRELOAD=$0 "$@"; exit $?', shim,
         *under.program("truth/images", 90)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env=env))
    with open(f"/proc/{PID}/task/{PID}/children", encoding="ascii") as f:
        child = int(under.poll("its child", lambda: f.seek(0) or f.read()))
    under.poll("it waits", lambda: is_waiting(child))
    collector.send_signal(signal.SIGCONT)
    await_ready(second)
    end(second)
    expect_written("child", child, [90])


def reuse():
    """In a pid namespace of our own, with our own collector."""
    collector = under.start_collector()
    for i in range(ROUNDS):
        again(collector, i)
    stranger(collector)
    parents_stranger(collector)
    collector.terminate()
    under.expect_equal("the collector's status", collector.wait(30), 0)


def main():
    command = ["unshare", "--pid", "--fork", "--mount-proc"]
    images()
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        print("no pid namespace can be made here: pids are not reused")
        sys.exit(77)
    os.kill(under.collector_pid(), signal.SIGTERM)
    under.poll("its end", lambda: not os.path.exists(under.SOCKET))
    done = subprocess.run([*command, sys.executable, __file__, "reuse"],
                          check=False)
    under.expect_equal("one pid again and again", done.returncode, 0)


if sys.argv[1:] == ["reuse"]:
    reuse()
else:
    main()
