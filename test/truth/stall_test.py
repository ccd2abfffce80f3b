#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""A collector that hangs, and then dies, is never waited for: from the first
moment of its main to its last the application makes no system call that can
block, though the shim looks for the collector, starts a new one and goes on
with it. Seen with strace, so that a busy machine changes nothing."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

SECONDS = 14
# The host's own, and what ends at once whatever the other side does.
HARMLESS = set("""clock_nanosleep rt_sigreturn brk clock_gettime close connect
    fcntl fstat getcwd getegid geteuid getpid getsockopt gettid madvise mmap
    mremap munmap newfstatat openat read recvmsg rt_sigprocmask sched_yield
    sendmsg socket timer_create timer_settime write faccessat access
    sigaltstack timer_delete prlimit64""".split())
LIMITED = {
    "ppoll": "{tv_sec=0, tv_nsec=0}",
    "wait4": "WNOHANG",
    "futex": "FUTEX_WAKE",
}


def calls(path):
    """Name and text of each call in main()."""
    with open(path) as f:
        lines = f.read().splitlines()
    first = next((i for i, x in enumerate(lines) if "clock_nanosleep" in x),
                 len(lines))
    for line in lines[first:]:
        if re.match(r"write\(1, ", line):
            return
        match = re.match(r"(\w+)\(", line)
        if match:
            yield match.group(1), line


def blocks(name, text):
    if name == "clone":
        return "CLONE_VFORK" in text
    if name in LIMITED:
        return LIMITED[name] not in text
    return name not in HARMLESS


def blocking_sockets(seen):
    """Of calls on sockets, those that would wait: a socket that is made must be
    non-blocking, and stays so under its other numbers."""
    is_ready = {}
    for name, text in seen:
        result = re.search(r"\) += (-?\d+)", text)
        fd = re.match(r"\w+\((\d+)", text)
        fd, result = fd and int(fd.group(1)), result and int(result.group(1))
        if name == "socket":
            is_ready[result] = "SOCK_NONBLOCK" in text
        elif name == "fcntl" and "F_DUPFD" in text and fd in is_ready:
            is_ready[result] = is_ready[fd]
        elif name == "close":
            is_ready.pop(fd, None)
        elif name in ("connect", "sendmsg", "recvmsg"):
            if not is_ready.get(fd) and "MSG_DONTWAIT" not in text:
                yield text


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))


def trace():
    path = os.path.join(under.TMP, "trace")
    return path, under.start(
        ["strace", "-o", path, "-E", "LD_PRELOAD=" + under.SHIM,
         *under.program("hook/collector_trouble", SECONDS)], "stall",
        LD_PRELOAD="", CPROF_HEAP_RATE="4096")


collector = under.start_collector()
path, child = trace()
pid = under.poll("the application is there", lambda: [
    p["pid"] for p in under.processes().values()
    if p["comm"].startswith("collector_t")])[0]
collector.send_signal(signal.SIGSTOP)
under.poll("it asks the stopped collector", lambda:
           sum(n == "connect" for n, _ in calls(path)) >= 2, 30)
collector.kill()
collector.wait()
under.poll("it has found a new collector", lambda: under.processes().get(pid),
           30)
out, err = child.communicate(timeout=60)
print(out.decode().strip())
under.expect(f"nothing on stderr: {err.decode().strip()}", not err)
seen = list(calls(path))
bad = sorted({text for name, text in seen if blocks(name, text)})
under.expect("no call that blocks: " + "; ".join(bad), not bad)
bad = list(blocking_sockets(seen))
under.expect("no socket that blocks: " + "; ".join(bad), not bad)
names = [name for name, _ in seen]
under.expect_equal("collectors started", names.count("clone"), 1)
p = pprof.only(os.path.join(under.TMP, "stall"), "alloc", pid=str(pid))
under.expect("profiles go on", p.total("alloc_objects", function="main") > 100)

# And what it does instead of waiting (a hello, mapping the new region, moving
# to it what nobody had read) takes less than 1 ms in one call.
collector_pid = under.collector_pid()
child = under.start(under.program("hook/collector_trouble", SECONDS, "cpu"),
                    "cpu", CPROF_HEAP_RATE="4096")
under.attached(child.pid)
os.kill(collector_pid, signal.SIGSTOP)
n_ticks = cpu_ticks(child.pid)
under.poll("it goes on for a while", lambda:
           cpu_ticks(child.pid) > n_ticks + 20, 60)
os.kill(collector_pid, signal.SIGKILL)
under.poll("it has found a new collector", lambda: child.pid in
           under.processes(), 30)
out, err = child.communicate(timeout=60)
cpu_ms = float(re.search(rb"cpu_ms ([\d.]+)", out).group(1))
under.expect(f"CPU time of the slowest call: {cpu_ms} ms", cpu_ms < 1)
p = pprof.only(os.path.join(under.TMP, "cpu"), "alloc", pid=str(child.pid))
under.expect("profiles go on", p.total("alloc_objects") > 100)
