#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""SIGKILL in the middle loses nothing: at rate 1 the profiles hold every event
the program itself had counted in shared memory; also those that the collector,
which was stopped, comes to see after the process's end only."""
import os
import signal
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


def kill_unseen(name, **settings):
    path = killed.counts_path(name)
    child = under.start(under.program("truth/killed", path), name,
                        **under.EXACT, **settings)
    under.attached(child.pid)
    collector = under.collector_pid()
    os.kill(collector, signal.SIGSTOP)
    seen = killed.counts(path)[1]
    under.poll("events that nobody reads", lambda:
               killed.counts(path)[1] > seen + 500)
    child.kill()
    child.wait()
    os.kill(collector, signal.SIGCONT)
    killed.check(name, path, child.pid)


kill("ring")
kill("socket", CPROF_TRANSPORT="socket")
kill_unseen("unseen")
kill_unseen("unseen_socket", CPROF_TRANSPORT="socket")
