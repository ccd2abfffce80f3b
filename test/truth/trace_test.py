#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""Trace: read back field by field, with Perfetto's numbers, it tells the waits
of known length with their holder, marks, the threads' lives, CPU samples and memory."""
import collections
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

N_WAITS, HOLD_NS, MIB = 5, 60e6, 1 << 20
BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4


def text(fields, number):
    return fields[number][0].decode() if fields[number] else ""


class Trace:
    """Of trace_packet.proto: threads by track, events in their order."""

    def __init__(self, data):
        self.threads, self.tracks, self.events = {}, {}, []
        self.names, self.frames, self.stacks = {}, {}, {}
        self.samples = []
        message = pprof._message  # of any protobuf
        for packet in map(message, message(data)[1]):
            for descriptor in map(message, packet[60]):
                self.track(descriptor, message)
            for interned in map(message, packet[12]):
                self.intern(interned, message)
            for event in map(message, packet[11]):
                self.events.append((packet[8][0], event))
            for sample in map(message, packet[66]):
                self.samples.append((packet[8][0], sample[3][0],
                                     self.functions(sample[4][0])))

    def track(self, d, message):
        uuid = d[1][0]
        if d[4]:
            thread = message(d[4][0])
            self.threads[uuid] = (thread[2][0], text(thread, 5))
        self.tracks[uuid] = text(d, 2)

    def intern(self, data, message):
        for s in map(message, data[5]):
            self.names[s[1][0]] = s[2][0].decode()
        for f in map(message, data[6]):
            self.frames[f[1][0]] = f[2][0]
        for c in map(message, data[7]):
            self.stacks[c[1][0]] = list(pprof._numbers(c[2]))

    def functions(self, callstack):
        return [self.names[self.frames[f]] for f in self.stacks[callstack]]

    def notes(self, event):
        notes = {}
        for a in map(pprof._message, event[4]):
            notes[text(a, 10)] = text(a, 6) if a[6] else a[3][0]
        return notes

    def slices(self, thread):
        """(name, length, notes, functions) of the thread called so."""
        uuids = [u for u, (_, name) in self.threads.items() if name == thread]
        open_, found = collections.defaultdict(list), []
        for time, event in sorted(self.events, key=lambda e: e[0]):
            uuid = event[11][0]
            if uuid not in uuids:
                continue
            if event[9][0] == BEGIN:
                open_[uuid].append((time, event))
            elif event[9][0] == END:
                begun, first = open_[uuid].pop()
                found.append((text(first, 23), time - begun,
                              self.notes(first), self.functions(first[56][0])))
        under.expect(f"{thread}: all slices end", not any(open_.values()))
        return found

    def instants(self, name):
        return [self.threads[e[11][0]][1] for _, e in self.events
                if e[9][0] == INSTANT and text(e, 23) == name]

    def counter(self, name):
        return [e[30][0] for _, e in self.events if e[9][0] == COUNTER and
                self.tracks[e[11][0]] == name]


def get(pid, query, ret):
    ret.append(under.http("GET", f"/{pid}/debug/pprof/trace?{query}"))


class Traced:
    """The program, a trace of all it does, and the waits that it saw."""

    def __init__(self, name, query):
        self.query, self.answers, self.waits_ns = query, [], []
        self.child = subprocess.Popen(
            under.program("truth/traced"), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=under.environment(os.path.join(under.TMP, name), {}))
        self.pid = self.child.pid
        under.expect_equal("it says", self.child.stdout.readline(), "ready\n")
        under.attached(self.pid)
        self.begin()
        under.poll("a second trace is refused", self.is_traced)
        self.go_on()
        while (line := self.child.stdout.readline()) != "done\n":
            self.waits_ns += map(float,
                                 re.findall(r"^wait_ns (\d+)$", line))
        under.expect_equal(
            "stop", under.http("POST", f"/{self.pid}/api/stop")[0], 200)
        self.request.join()
        status, self.body = self.answers[0]
        under.expect_equal("status", status, 200)

    def begin(self):
        self.request = threading.Thread(target=get, args=(
            self.pid, "seconds=60" + self.query, self.answers))
        self.request.start()

    def is_traced(self):
        """The answer to a second one: one at a time. It may be the first to
        come, and then the other is refused."""
        refusals = []
        get(self.pid, "seconds=0.001", refusals)
        if self.answers:
            self.answers.clear()
            self.begin()
        return (refusals[0][0] == 500 and
                b"already enabled" in refusals[0][1])

    def go_on(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def end(self):
        self.child.communicate("\n", timeout=30)
        under.expect_equal("status", self.child.returncode, 0)


def check_wait(length_ns, truth_ns):
    """The program's own clock is read a little outside the lock's hook."""
    under.expect(
        f"wait of {length_ns / 1e6:.2f} ms, seen {truth_ns / 1e6:.2f} ms",
        HOLD_NS / 2 < length_ns <= truth_ns + 1e3 and
        truth_ns - length_ns < 20e6)


traced = Traced("run", "")
trace = Trace(traced.body)

slices = trace.slices("waiter")
locks = [s for s in slices if s[0] == "mutex lock"]
under.expect_equal("waits for the mutex", len(locks), N_WAITS)
holder = next(tid for tid, name in trace.threads.values() if name == "holder")
for (_, length, notes, functions), truth in zip(locks, traced.waits_ns):
    check_wait(length, truth)
    under.expect_equal("holder", notes["holder"], f"{holder} holder")
    under.expect_equal("innermost", functions[-1], "want")
    under.expect(f"as text {notes['stack']}", "want" in notes["stack"])
under.expect_equal("one lock", len({s[2]["lock"] for s in locks}), 1)
under.expect("the barrier too", any(s[0] == "barrier" for s in slices))

begun = collections.Counter(trace.instants("thread begins"))
ended = collections.Counter(trace.instants("thread ends"))
for name in "holder", "waiter", "burner":
    under.expect_equal(f"{name} begins", begun[name], 1)
    under.expect_equal(f"{name} ends", ended[name], 1)

marks = trace.instants('it is "held"')
under.expect_equal("marks of the holder", marks, ["holder"] * N_WAITS)

burner = next(tid for tid, name in trace.threads.values() if name == "burner")
burnt = [s for s in trace.samples if s[1] == burner]
under.expect(f"{len(burnt)} samples of 0.3 s", 15 <= len(burnt) <= 45)
under.expect("they are in burn", all("burn" in s[2] for s in burnt[:-1]))

heap = trace.counter("heap in use")
under.expect(f"heap grows to {max(heap) / MIB:.0f} MiB",
             50 * MIB < max(heap) < 80 * MIB)
under.expect("and falls again", heap[-1] < 10 * MIB)
under.expect("resident memory", max(trace.counter("resident memory")) >
             64 * MIB)

# Beside a CPU profile, and cut short by its seconds.
profiles = []
profile = threading.Thread(target=lambda: profiles.append(under.http(
    "GET", f"/{traced.pid}/debug/pprof/profile?seconds=1")))
profile.start()
status, body = under.http("GET", f"/{traced.pid}/debug/pprof/trace?seconds=0.2")
under.expect_equal("trace beside a profile", status, 200)
Trace(body)
status, body = under.http("GET", f"/{traced.pid}/debug/pprof/trace?format=xml")
under.expect_equal("another format is refused", (status, body),
                   (400, b"format 'xml' is not valid: perfetto or json\n"))
profile.join()
under.expect_equal("profile beside a trace", profiles[0][0], 200)
traced.end()

# The same in Chrome's JSON.
traced = Traced("json", "&format=json")
traced.end()
events = json.loads(traced.body)["traceEvents"]
threads = {e["args"]["name"]: e["tid"] for e in events
           if e["ph"] == "M" and e["name"] == "thread_name"}


def chrome(name, thread):
    return [e for e in events
            if e["name"] == name and e["tid"] == threads[thread]]


locks = chrome("mutex lock", "waiter")
under.expect_equal("JSON: waits for the mutex", len(locks), N_WAITS)
for event, truth in zip(locks, traced.waits_ns):
    under.expect_equal("JSON: a complete event", event["ph"], "X")
    check_wait(event["dur"] * 1e3, truth)
    under.expect_equal("JSON: holder", event["args"]["holder"],
                       f"{threads['holder']} holder")
    under.expect("JSON: stack", "want" in event["args"]["stack"])
for name in "holder", "waiter", "burner":
    begins, ends = (chrome(f"thread {word}", name)
                    for word in ("begins", "ends"))
    under.expect_equal(f"JSON: {name} begins, ends", len(begins + ends), 2)
    under.expect("JSON: in this order", begins[0]["ts"] < ends[0]["ts"])
marks = chrome('it is "held"', "holder")
under.expect_equal("JSON: marks", [e["ph"] for e in marks], ["i"] * N_WAITS)
burnt = chrome("cpu sample", "burner")
under.expect(f"JSON: {len(burnt)} samples of 0.3 s", 15 <= len(burnt) <= 45)
under.expect("JSON: they are in burn",
             all("burn" in e["args"]["stack"] for e in burnt[:-1]))
heap = [e["args"]["bytes"] for e in events if e["name"] == "heap in use"]
under.expect("JSON: heap", 50 * MIB < max(heap) < 80 * MIB)
