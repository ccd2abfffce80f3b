#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""cprof_write() of a profile that comes in many pieces: the file is whole; and a
pipe that nobody reads is given up after the time that a request may take."""
import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

path = os.path.join(under.TMP, "large.pb.gz")
run = under.Run(under.program("truth/write", path), limit_s=90, **under.EXACT)
under.expect_equal("cprof_write says", run.values["status"], 0)
under.expect_equal("into a pipe", run.values["piped"], 0)
under.expect(f"{run.values['piped_bytes']:.0f} bytes came through it",
             run.values["piped_bytes"] > 4096)
under.expect_equal("into its other end", run.values["read_end"], -errno.EBADF)
under.expect_equal(f"to nobody, for {run.values['unread_s']} s",
                   run.values["unread"], -errno.ETIMEDOUT)
n_bytes = os.path.getsize(path)
under.expect(f"a large answer: {n_bytes} bytes", n_bytes > 8192)
profile = pprof.Profile(path)
under.expect_equal("labels in it", len(
    {s.labels.get("request") for s in profile.samples} - {None}), 1000)
