#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""The examples of cprof.h and cprof.hpp compile without a warning, do what they
say under the shim, and run without it."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

HERE = os.path.abspath(os.path.dirname(__file__))
PRELOAD = os.path.join(HERE, "../../preload")
os.chdir(under.TMP)


def build(source):
    name, suffix = os.path.splitext(source)
    compiler = ["g++", "-std=c++11"] if suffix == ".cc" else ["gcc",
                                                              "-std=c11"]
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
                    "-Werror", "-O2", "-g", "-I", PRELOAD, "-o", name,
                    os.path.join(HERE, "../examples", source)], check=True)
    return [os.path.join(under.TMP, name)]


def run(source, **settings):
    command = build(source)
    bare = subprocess.run(command, check=False, capture_output=True)
    under.expect_equal(f"{source} without the shim",
                       (bare.returncode, bare.stdout, bare.stderr),
                       (0, b"", b""))
    done = under.Run(command, source + ".d", **settings)
    under.expect_equal(f"{source}: status", done.status, 0)
    return done


cpu = run("labels.c").profile("cpu")
kinds = {s.labels.get("request") for s in cpu.samples
         if any(f.function == "handle" for f in s.frames)}
under.expect("labels.c: handle() is of a request", kinds and
             kinds <= {"slow", "quick"} and "slow" in kinds)

done = run("profile_main.c")
under.expect("profile_main.c: cpu", pprof.Profile("cpu.pb.gz").total(
    "cpu", function="main") > 0)
under.expect("profile_main.c: heap", pprof.Profile("heap.pb.gz").total(
    "inuse_space", function="main") > 5e6)

heap = run("pool.c", **under.EXACT).profile("inuse")
under.expect_equal("pool.c: blocks", heap.total(
    "inuse_objects", function="take_block"), 40000)
under.expect("pool.c: of the heap", all(
    s.labels.get("heap") == "blocks" for s in heap.samples
    if any(f.function == "take_block" for f in s.frames)))

run("connections.cc")
p = pprof.Profile("connections.pb.gz")
under.expect_equal("connections.cc: open", p.total("connections"), 60)
under.expect("connections.cc: labelled", all(
    s.labels.get("listener") == "http" for s in p.samples))
