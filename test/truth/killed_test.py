#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""SIGKILL in the middle loses nothing: at rate 1 the profiles hold every event
the program itself had counted in shared memory."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import killed  # noqa: E402
import under  # noqa: E402


def kill(name, **settings):
    path = killed.counts_path(name)
    child = under.start(under.program("truth/killed", path), name,
                        **under.EXACT, **settings)
    under.poll("a thousand events", lambda: killed.counts(path)[1] > 1000)
    child.kill()
    child.wait()
    killed.check(name, path, child.pid)


kill("ring")
kill("socket", CPROF_TRANSPORT="socket")
