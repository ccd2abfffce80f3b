#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 60 any
"""Threadcreate: exact counts per creating function, and main's one record."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import under  # noqa: E402

for transport in "ring", "socket":
    run = under.Run(under.program("truth/creators"), transport,
                    CPROF_TRANSPORT=transport)
    p = run.profile("threadcreate")
    for n in 7, 40, 200:
        under.expect_equal(f"{transport}: create_{n}", p.total(
            "threadcreate", function=f"create_{n}"), n)
    under.expect_equal(f"{transport}: with main", p.total("threadcreate"), 248)
