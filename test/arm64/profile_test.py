#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 180 any
"""arm64, by qemu-user: a program that does a known amount of everything has the
profiles that say so, with its own status and output, with return addresses
signed (pointer authentication) and without. Shim and collector are both built
for arm64; the emulator can't start programs for other programs, so the
collector is started first. What qemu (7.2) does not show: the real machine's
memory order, the kernel's own signal frames, and forks, since it accepts
MADV_WIPEONFORK and does not do it; nor moves it mappings of no bytes, so what a
collector that died had not read is lost."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import pprof  # noqa: E402
from under import TMP, SOCKET, expect, expect_equal, fail  # noqa: E402

ARM64 = os.path.abspath(os.environ.get("CPROF_BUILD", "build")) + "-arm64"
QEMU = ["qemu-aarch64", "-L", f"{ARM64}/root"]
KINDS = ["alloc", "block", "cpu", "inuse", "mutex", "threadcreate"]


def start_collector():
    p = subprocess.Popen([*QEMU, f"{ARM64}/cprofd", "--emulated", "--socket",
                          SOCKET])
    deadline = time.monotonic() + 30
    while not os.path.exists(SOCKET):
        if p.poll() is not None or time.monotonic() > deadline:
            fail("the collector did not start")
        time.sleep(0.02)
    return p


def run(program, folder, **settings):
    """The program's output and status, with all its profiles in FOLDER."""
    os.makedirs(folder)
    command = [*QEMU, "-E", f"LD_PRELOAD={ARM64}/libcprof.so"]
    for name, value in {"SOCKET": SOCKET, "DIR": folder, "HEAP_RATE": "1",
                        "BLOCK_RATE": "1ns", "MUTEX_FRACTION": "1",
                        "EXIT_TIMEOUT": "60s", **settings}.items():
        command += ["-E", f"CPROF_{name}={value}"]
    p = subprocess.run([*command, program], capture_output=True, text=True,
                       timeout=60, check=False)
    expect_equal("status", p.returncode, 3)
    expect_equal("output", p.stdout.split()[0], "done")
    expect_equal("said on stderr", p.stderr, "")


def check_heap(folder):
    profile = pprof.only(folder, "inuse")
    for function, n, size in [("keep_large", 50, 100000),
                              ("keep_small", 1000, 160),
                              ("allocate_in_handler", 1, 3000)]:
        expect_equal(f"objects in use of {function}",
                     profile.total("inuse_objects", function=function), n)
        expect_equal(f"bytes in use of {function}",
                     profile.total("inuse_space", function=function), n * size)
    expect_equal("what was given back",
                 profile.total("inuse_space", function="give_back"), 0)
    large = [s for s in profile.samples
             if s.frames[0].function == "keep_large"]
    expect("stacks go up to main", large and all(
        "main" in [f.function for f in s.frames] for s in large))
    alloc = pprof.only(folder, "alloc")
    expect_equal("all that was allocated and given back",
                 alloc.total("alloc_space", function="give_back"),
                 100 * (5000 + 7000))
    # The frame below a handler is qemu's own, in no file.
    expect_equal("nothing is cut or unknown", [
        [f.function for f in s.frames] for s in profile.samples + alloc.samples
        if not pprof.matches(s, function="allocate_in_handler")
        and {"[truncated]", "[unknown]"} & {f.function for f in s.frames}], [])


def check_others(folder):
    cpu = pprof.only(folder, "cpu")
    total, burnt = cpu.total("cpu"), cpu.total("cpu", function="burn")
    expect(f"burn has most of the CPU time: {burnt} of {total}",
           burnt > 0.5 * total and burnt > 0.3e9)
    block = pprof.only(folder, "block")
    waited = block.total("delay", function="wait_for_lock")
    expect(f"wait_for_lock waited for the lock: {waited}", waited > 0.1e9)
    mutex = pprof.only(folder, "mutex")
    held = mutex.total("delay", function="hold")
    expect(f"hold made it wait: {held}", held > 0.1e9)
    created = pprof.only(folder, "threadcreate")
    expect_equal("contend created a thread",
                 created.total("threadcreate", function="contend"), 1)


def check(name, **settings):
    folder = os.path.join(TMP, name)
    run(f"{ARM64}/test/arm64/{name}", folder, **settings)
    expect_equal("kinds", sorted(os.path.basename(p).split(".")[2]
                                 for p in pprof.find(folder)), KINDS)
    check_heap(folder)
    check_others(folder)


def main():
    collector = start_collector()
    try:
        check("work")
        check("work_signed")
    finally:
        collector.send_signal(signal.SIGTERM)
    expect_equal("the collector's status", collector.wait(30), 0)


main()
