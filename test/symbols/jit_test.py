#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""Code that a program makes while it runs has the names of its perf-PID.map:
node's, as node writes it, also where it has another pid in a namespace; not
those of a map that isn't the process's own."""
import os
import shutil
import subprocess
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
NODE = f"LD_PRELOAD={under.SHIM} exec node --perf-basic-prof -e \"$0\""


def share_of(path):
    """Of the CPU time, in the function."""
    profile = pprof.Profile(path)
    cpu = [t for t, _ in profile.types].index("cpu")
    total = sum(s.values[cpu] for s in profile.samples)
    hot = sum(s.values[cpu] for s in profile.samples
              if "hotFibonacci" in s.frames[0].function)
    under.expect(f"{path}: {hot / total:.0%} in hotFibonacci", total > 0)
    return hot / total


def shares(name, command, map_pid=None, **settings):
    run = under.Run([*command, SCRIPT], name, CPROF_CPU_HZ="250", **settings)
    under.expect_equal(f"{name}: status", run.status, 0)
    path = under.poll("node's profile", lambda: pprof.find(
        run.folder, "cpu"))[0]
    try:
        os.unlink(f"/tmp/perf-{map_pid or run.pid}.map")
    except FileNotFoundError:
        pass
    return share_of(path)


def of_another():
    """A map that another user could have written."""
    with open("/proc/sys/fs/protected_regular", encoding="ascii") as f:
        is_protected = int(f.read())
    if os.getuid() or is_protected:
        print("another owner: not as this user, or by this kernel's settings")
        return
    under.expect_equal("no name by another's map", shares(
        "another", ["sh", "-c", "f=/tmp/perf-$$.map; touch $f; chown 1 $f; "
                    + NODE], LD_PRELOAD=""), 0)


def in_namespace():
    """There it has another pid, and names its map by that."""
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork",
               "--mount-proc", "--"]
    if subprocess.run(unshare + ["true"], capture_output=True).returncode:
        print("another pid: namespaces are not to be had here")
        return
    # That no other process out here names its map by.
    pid = os.getpid()
    under.expect("most of it is there, by another pid", shares(
        "namespace", [*unshare, "sh", "-c", f"""
            echo {pid - 1} >/proc/sys/kernel/ns_last_pid || exit
            ({NODE})""" + "; exit $?"], pid, LD_PRELOAD="") > 0.5)


# One that a shim in a namespace started would be in there, too.
collector = under.start_collector()
under.expect("most of it is there", shares(
    "map", ["node", "--perf-basic-prof", "-e"]) > 0.5)
under.expect_equal("no name without a map", shares(
    "no-map", ["node", "-e"]), 0)
of_another()
in_namespace()
collector.terminate()
collector.wait(10)
