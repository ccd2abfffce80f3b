#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Threads: every one is listed, where it is, without a call being disturbed."""
import collections
import io
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

RESTARTED = ("read", "recv", "accept", "wait", "semaphore", "mutex", "rwlock",
             "cond", "timed_cond")
ENDED = {"poll": "poll", "epoll": "epoll_wait", "select": "(p?select6|select)",
         "nanosleep": "clock_nanosleep", "pause": "pause",
         "sigwait": "rt_sigtimedwait", "blocking": "read"}
N = 3
N_MANY = 40
HEAD = re.compile(r"^goroutine (\d+) \[(.*)\]:$")


class Asked:
    def __init__(self, name, n, *args, **settings):
        self.n = n
        self.child = under.subprocess.Popen(
            under.program("truth/asked", n, *args), text=True,
            stdin=under.subprocess.PIPE, stdout=under.subprocess.PIPE,
            env=under.environment(os.path.join(under.TMP, name), settings))
        under.expect_equal("it says", self.child.stdout.readline(), "ready\n")
        under.attached(self.child.pid)
        under.poll("all sleep", self.sleeps)

    def sleeps(self):
        """All but the loop, the one that forks and the one in vfork."""
        states = collections.Counter()
        for tid in os.listdir(f"/proc/{self.child.pid}/task"):
            with open(f"/proc/{self.child.pid}/task/{tid}/stat") as f:
                states[f.read().rpartition(")")[2].split()[0]] += 1
        return states["S"] >= self.n * (len(RESTARTED) + len(ENDED)) + 2

    def ask(self, query):
        status, body = under.http(
            "GET", f"/{self.child.pid}/debug/pprof/goroutine?{query}")
        under.expect_equal(f"goroutine?{query}", status, 200)
        return body

    def blocks(self, query="debug=2"):
        """Of each thread: its tid, what is in the brackets, its functions."""
        for block in self.ask(query).decode().split("\n\n"):
            head, *lines = block.strip().split("\n")
            tid, state = HEAD.match(head).groups()
            yield int(tid), state, [f.removesuffix("(...)")
                                    for f in lines[::2]]

    def by_name(self, query="debug=2"):
        threads = collections.defaultdict(list)
        for tid, state, functions in self.blocks(query):
            name = re.search(r'thread "([^"]*)"', state).group(1)
            threads[name].append((tid, state, functions))
        return threads

    def pending(self, tid):
        """The signals that wait for this thread, as /proc has them."""
        with open(f"/proc/{self.child.pid}/task/{tid}/status") as f:
            return re.search(r"^SigPnd:\s*([0-9a-f]+)$", f.read(),
                             re.M).group(1)

    def end(self):
        out, _ = self.child.communicate("", timeout=30)
        under.expect_equal("status", self.child.returncode, 0)
        return {k: int(v) for k, v in re.findall(r"^in_(\w+) (\d+)$", out,
                                                 re.M)}


def check_restarted(threads, kinds):
    for kind in kinds:
        under.expect_equal(f"{kind}: threads", len(threads[kind]), N)
        for _, state, functions in threads[kind]:
            under.expect(f"{kind} is in in_{kind}: {state}",
                         f"in_{kind}" in functions)


def check_ended(threads, kinds):
    for kind, call in kinds.items():
        under.expect_equal(f"{kind}: threads", len(threads[kind]), N)
        for _, state, functions in threads[kind]:
            under.expect(f"{kind} is left alone: {state}",
                         re.match(call, state) and "no stack" in state and
                         "[not interrupted]" in functions)


def check_waits(threads):
    holder = threads["holder"][0][0]
    for kind, word in (("mutex", "mutex lock"), ("rwlock", "rwlock read"),
                       ("cond", "condition"), ("timed_cond", "condition"),
                       ("semaphore", "semaphore")):
        for _, state, _ in threads[kind]:
            under.expect(f"{kind} says for how long: {state}",
                         re.match(word + r", (\d+\.\d{3}s|\d+ minutes), for "
                                  "0x[0-9a-f]+", state))
    for kind in "mutex", "rwlock":
        for _, state, _ in threads[kind]:
            under.expect(f"{kind} names its holder {holder}",
                         f'held by {holder} "holder"' in state)


def check_others(threads):
    under.expect("main reads", "main" in threads["asked"][0][2])
    under.expect("the loop runs", "in_loop" in threads["loop"][0][2])
    under.expect("one waits for its vfork child",
                 "no stack" in threads["vfork"][0][1])


def check_counts(asked):
    text = asked.ask("debug=1").decode()
    total = int(re.match(r"goroutine profile: total (\d+)\n", text).group(1))
    counts = [int(n) for n in re.findall(r"^(\d+) @ 0x", text, re.M)]
    under.expect_equal("debug=1: sum of counts", sum(counts), total)
    under.expect("most first", counts == sorted(counts, reverse=True))
    under.expect("three at one place", re.search(
        rf"^{N} @ 0x[^\n]*\n(#[^\n]*\n)*#\t0x[0-9a-f]+\t+in_read\t", text,
        re.M))
    under.expect("it has labels", re.search(
        rf'^{N} @ 0x[^\n]*\n# labels: {{"kind":"accept"}}\n', text, re.M))
    under.expect("and the mappings", re.search(
        r"^MAPPED_LIBRARIES:\n[0-9a-f]+-[0-9a-f]+ r-xp ", text, re.M))


def check_profile(asked):
    p = pprof.Profile(io.BytesIO(asked.ask("debug=0")))
    under.expect_equal("type", p.types, [("goroutine", "count")])
    for kind in RESTARTED:
        under.expect_equal(f"profile: in_{kind}", p.total(
            "goroutine", function=f"in_{kind}"), N)
    for s in p.samples:
        if s.labels.get("thread") in RESTARTED:
            under.expect_equal("label of the program", s.labels.get("kind"),
                               s.labels["thread"])
    names = {s.labels.get("thread") for s in p.samples}
    under.expect("threads are labelled", {"mutex", "poll"} <= names)


def n_reads(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as f:
        return int(re.search(r"^syscr: (\d+)", f.read(), re.M).group(1))


def check_cost(asked, pid):
    """Of each thread two files are read; of who can't be asked, twice. More of
    that, and 1,000 threads wouldn't fit into 100 ms."""
    asked.ask("debug=2")  # the names of the threads are known then
    before = n_reads(pid)
    n_threads = sum(map(len, asked.by_name().values()))
    most = 2 * n_threads + 2 * N_MANY * len(ENDED) + 40
    got = n_reads(pid) - before
    under.expect(f"{n_threads} threads: {got} reads, at most {most}",
                 n_threads <= got <= most)


# 1. Of each kind, as it stands; and asked again and again nothing is disturbed.
asked = Asked("plain", N)
threads = asked.by_name()
check_restarted(threads, RESTARTED)
check_ended(threads, ENDED)
check_waits(threads)
check_others(threads)
check_counts(asked)
check_profile(asked)
for _ in range(30):
    asked.ask("debug=2")
for tid, state, _ in threads["blocking"]:
    under.expect_equal("pending for one who blocks the signal",
                       int(asked.pending(tid), 16), 0)
under.expect_equal("delta of no change", len([
    s for s in pprof.Profile(io.BytesIO(asked.ask("seconds=1"))).samples
    if s.labels.get("thread") in RESTARTED]), 0)
for kind, n in asked.end().items():
    under.expect_equal(f"{kind}: interrupted", n, 0)

# 2. With --interrupt the rest has stacks too, and its calls end: so the check
# above can fail. One who waits for the signal itself, or blocks it, has none.
asked = Asked("interrupted", N)
threads = asked.by_name("debug=2&interrupt=1")
check_restarted(threads, RESTARTED + ("poll", "epoll", "select", "nanosleep",
                                      "pause"))
check_ended(threads, {k: ENDED[k] for k in ("sigwait", "blocking")})
# Those who take a signal from there have not taken ours.
threads = asked.by_name("debug=2&interrupt=1")
check_ended(threads, {k: ENDED[k] for k in ("sigwait", "blocking")})
# Nor was one sent to who could take it in vfork's child's time only.
for tid, state, _ in threads["vfork"]:
    under.expect_equal("pending for one in vfork", int(asked.pending(tid), 16),
                       0)
n_interrupted = asked.end()
for kind in "poll", "epoll", "select", "nanosleep", "pause":
    under.expect(f"{kind}: interrupted {n_interrupted[kind]}",
                 n_interrupted[kind] >= N)
for kind in RESTARTED + ("sigwait", "blocking"):
    under.expect_equal(f"{kind}: interrupted", n_interrupted[kind], 0)

# 3. Sockets with a time-out: those calls are not restarted.
asked = Asked("timeouts", N, "timeout")
threads = asked.by_name()
check_ended(threads, {"recv": "recvfrom", "accept": "accept", "read": "read"})
for _ in range(5):
    asked.ask("debug=2")
for kind, n in asked.end().items():
    under.expect_equal(f"{kind}: interrupted", n, 0)

# 4. Who would die of the return from a handler is not asked.
asked = Asked("seccomp", N, "seccomp")
for _ in range(5):
    threads = asked.by_name()
under.expect("the sandboxed is left alone",
             "seccomp" in threads["sandbox"][0][1])
check_restarted(threads, RESTARTED)
asked.end()

# 5. Without rings they are listed, and nobody is asked.
asked = Asked("socket", N, CPROF_TRANSPORT="socket")
threads = asked.by_name()
under.expect_equal("socket transport: threads", sum(map(len, threads.values())),
                   N * (len(RESTARTED) + len(ENDED)) + 5)
for kind, n in asked.end().items():
    under.expect_equal(f"{kind}: interrupted", n, 0)

# 6. What it costs, counted. (Of a collector in its sandbox only root may know.)
under.poll("no collector", lambda: not os.path.exists(under.SOCKET), 30)
collector = under.start_collector("--no-sandbox")
asked = Asked("many", N_MANY)
check_cost(asked, collector.pid)
asked.end()
collector.terminate()
under.expect_equal("the collector's status", collector.wait(30), 0)
