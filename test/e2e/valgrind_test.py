#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 400 any
"""The collector under valgrind, through a day's work: no error, no leak."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import checked  # noqa: E402
import under  # noqa: E402

if not shutil.which("valgrind"):
    print("valgrind is not installed")
    sys.exit(77)
log = os.path.join(under.TMP, "valgrind")
collector = under.start_collector("--no-sandbox", prefix=[
    "valgrind", "-q", f"--log-file={log}", "--error-exitcode=99",
    "--leak-check=full", "--show-leak-kinds=definite",
    "--errors-for-leak-kinds=definite",
    "--fair-sched=yes"])
status = checked.day(collector, 180)
with open(log, encoding="utf-8", errors="replace") as f:
    print(f.read()[-8000:])
under.expect_equal("status", status, 0)
