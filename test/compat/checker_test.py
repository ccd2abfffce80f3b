#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""check-case judges suites that are made up: what fails only under the shim is
a failure, what fails bare as well is flaky, and a bare run that is not over in
time decides nothing and is no pass. The environment of a bare run is as long
as the preloaded one's."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TMP = os.environ["CPROF_TEST_TMP"]

# In a preloaded run `works` passes, and `other` does what PRELOADED says; bare
# for the first time both pass, and later `other` does what BARE says. Sized, it
# passes in an environment of another size than the last preloaded run's.
SUITE = """#!/bin/sh
echo passed works
other() {
    case $1 in
    passed) echo passed other ;;
    sized)
        [ ! "$LD_PRELOAD" ] || env | wc -c >"$CPROF_TEST_TMP/../size"
        [ "$(env | wc -c)" = "$(cat "$CPROF_TEST_TMP/../size")" ] || echo passed other
        ;;
    stuck) sleep 30 ;;
    esac
}
if [ "$LD_PRELOAD" ]; then other PRELOADED
elif mkdir "$1/once" 2>/dev/null; then other FIRST
else other BARE
fi
exit 0
"""
CASES = """
[made]
run = sh {case}/../suite.sh {case}
passed = ^passed (.*)
settings = unattached
limit_s = 3
"""

#          first     preloaded  bare again   status, and what is said
TABLE = [("passed", "passed", "passed", 0, "ok"),
         ("passed", "failed", "passed", 1, "never under the shim: ['other']"),
         ("passed", "failed", "failed", 0, "flaky bare: ['other']"),
         ("passed", "failed", "stuck", 1,
          "undecided: the bare run took over 3 s; failed under the shim: "
          "['other']"),
         ("stuck", "passed", "passed", 1, "undecided"),
         ("passed", "sized", "sized", 0, "flaky bare: ['other']")]


def judge(i, first, preloaded, again):
    folder = os.path.join(TMP, str(i))
    os.makedirs(os.path.join(folder, "case"))
    suite = (SUITE.replace("FIRST", first).replace("PRELOADED", preloaded)
             .replace("BARE", again))
    for name, text in ("suite.sh", suite), ("cases.ini", CASES):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    return subprocess.run(
        [os.path.join(HERE, "check-case"), "made"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, CPROF_TEST_TMP=os.path.join(folder, "case"),
                 COMPAT_CASES=os.path.join(folder, "cases.ini")))


def main():
    for i, (first, preloaded, again, status, text) in enumerate(TABLE):
        got = judge(i, first, preloaded, again)
        if got.returncode != status or text not in got.stdout:
            sys.exit(f"FAIL: {first}, {preloaded}, {again}: status "
                     f"{got.returncode}, not {status} with '{text}'\n"
                     f"{got.stdout}")
    print("ok")


main()
