#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""A file that is no profile gets one line that says what is wrong with it and
where, and exit status 1."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import profile_maker  # noqa: E402

CTL = os.path.abspath(os.path.join(os.environ.get("CPROF_BUILD", "build"),
                                   "cprofctl"))


def main():
    failed = 0
    cases = profile_maker.bad()
    with tempfile.TemporaryDirectory() as folder:
        for name, (content, says) in cases.items():
            path = os.path.join(folder, name + ".pb.gz")
            with open(path, "wb") as f:
                f.write(content)
            done = subprocess.run([CTL, "top", path], capture_output=True,
                                  text=True, check=False)
            if (done.returncode == 1 and not done.stdout and
                    done.stderr.count("\n") == 1 and says in done.stderr and
                    done.stderr.startswith("cprofctl: ") and
                    path in done.stderr):
                continue
            print(f"{name}: exit {done.returncode}, {done.stdout[:80]!r} "
                  f"{done.stderr!r}, not {says!r}")
            failed += 1
    print(f"{len(cases)} refused, {failed} in another way than they should")
    return bool(failed)


sys.exit(main())
