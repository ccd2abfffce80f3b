#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""Unwinding in the process gives what the collector's own gives: real programs
whose stacks are unwound in both ways (all but one in a thousand must agree),
and profiles of walked stacks that are as complete as those of copied ones."""
import collections
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

SQL = ("with recursive c(x) as (select 1 union all select x+1 from c) "
       "select sum(length(hex(x))), group_concat(x) from c;")
PYTHON = """
import collections
import json
def f(n):
    return f(n - 1) if n else sorted(range(9), key=str)
while True:
    json.loads(json.dumps({str(i): [i] * 5 for i in range(300)}))
    f(30)
"""
PROGRAMS = {
    "sqlite3": ["/usr/bin/sqlite3", ":memory:", SQL],
    "python3": ["/usr/bin/python3", "-c", PYTHON],
    "exceptions": under.program("real/throws"),
}
N_STACKS = 3000
FIRST_TABLES_BYTES = 1 << 20


def counters(pid):
    status, body = under.http("GET", f"/{pid}/api/stats")
    return json.loads(body)["counters"] if status == 200 else {}


def mapped_tables(pid):
    """The size of the largest mapping of the unwind tables."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return max(int(last, 16) - int(first, 16) for first, last in (
            line.split()[0].split("-") for line in maps
            if "cprof-tables" in line))


def run(name, command, until, **settings):
    """The counters once UNTIL holds for them, and the profile then."""
    child = under.start(command, name, CPROF_CPU_HZ="2000",
                        CPROF_HEAP_RATE="512", **settings)
    under.attached(child.pid)
    last = {}

    def is_enough():
        last.update(counters(child.pid))
        return until(last)

    under.poll(f"{name}: enough stacks", is_enough, 60)
    last["tables_bytes"] = mapped_tables(child.pid)
    child.terminate()
    child.communicate(timeout=60)
    path = under.poll("the profile", lambda: pprof.find(os.path.join(
        under.TMP, name), "alloc", pid=str(child.pid)))[0]
    return last, pprof.Profile(path)


def agree(name, command):
    last, _ = run(name + "-copied", command, CPROF_WALK="off",
                  until=lambda c: c["walks_equal"] + c["walks_differ"] >
                  N_STACKS)
    equal, differ = last["walks_equal"], last["walks_differ"]
    under.expect(f"{name}: {equal} stacks agree, {differ} do not",
                 differ <= equal / 1000)
    under.expect_equal(f"{name}: walked", last["walked_hashes"], 0)


def walked(name, command):
    last, profile = run(name + "-walked", command,
                        until=lambda c: c["walked_hashes"] > N_STACKS)
    under.expect_equal(f"{name}: hashes of no stack", last["unknown_hashes"],
                       0)
    # Python's lie behind SQLite's: the first mapping was too small for them.
    under.expect(f"{name}: {last['tables_bytes']} bytes of tables mapped",
                 name != "python3" or
                 last["tables_bytes"] > FIRST_TABLES_BYTES)
    # Whole stacks end in few places: where the program and its threads start.
    ends = collections.Counter()
    for sample in profile.samples:
        ends[sample.frames[-1].function] += sample.values[0]
    whole = sum(n for _, n in ends.most_common(2))
    under.expect(f"{name}: {whole} of {ends.total()} objects have a whole "
                 "stack", whole > 0.99 * ends.total())


collector = under.start_collector("--check-walks")
for program, line in PROGRAMS.items():
    agree(program, line)
    walked(program, line)
collector.terminate()
under.expect_equal("the collector ends well", collector.wait(20), 0)
