#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Code that a program makes while it runs has the names of its perf-PID.map:
node's, as node writes it; not those of a map that isn't the process's own."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

SCRIPT = """
function hotFibonacci(n) {
    return n < 2 ? n : hotFibonacci(n - 1) + hotFibonacci(n - 2);
}
const end = Date.now() + 3000;
let sum = 0;
while (Date.now() < end) sum += hotFibonacci(25);
console.log("sum", sum % 7);
"""
os.chdir(under.TMP)  # node leaves its log where it is
if not shutil.which("node"):
    print("skipped: no node")
    sys.exit(77)


def shares(name, *options):
    path = os.path.join(under.TMP, "fibonacci.js")
    with open(path, "w", encoding="ascii") as f:
        f.write(SCRIPT)
    run = under.Run(["node", *options, path], name, CPROF_CPU_HZ="250")
    under.expect_equal(f"{name}: status", run.status, 0)
    profile = run.profile("cpu")
    cpu = [t for t, _ in profile.types].index("cpu")
    total = sum(s.values[cpu] for s in profile.samples)
    hot = sum(s.values[cpu] for s in profile.samples
              if "hotFibonacci" in s.frames[0].function)
    under.expect(f"{name}: {hot / total:.0%} in hotFibonacci", total > 0)
    try:
        os.unlink(f"/tmp/perf-{run.pid}.map")
    except FileNotFoundError:
        pass
    return hot / total


under.expect("most of it is there", shares("map", "--perf-basic-prof") > 0.5)
under.expect_equal("no name without a map", shares("no-map"), 0)
