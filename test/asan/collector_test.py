#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 300 any
"""The collector built with ASan and UBSan, through a day's work: not one
report, no leak."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import checked  # noqa: E402
import under  # noqa: E402

log = os.path.join(under.TMP, "stderr")
with open(log, "wb") as f:
    collector = under.start_collector(
        build=under.BUILD + "-asan", stderr=f, env=dict(
            os.environ, ASAN_OPTIONS="detect_leaks=1:exitcode=99",
            UBSAN_OPTIONS="print_stacktrace=1"))
    status = checked.day(collector)
with open(log, encoding="utf-8", errors="replace") as f:
    text = f.read()
print(text[-8000:])
under.expect("no report", "Sanitizer" not in text and
             "runtime error" not in text)
under.expect_equal("status", status, 0)
