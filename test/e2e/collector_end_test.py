#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""SIGTERM ends a collector whose processes live: what they did until then is
written, and they go on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402


def samples(pid):
    status, body = under.http("GET", f"/{pid}/debug/pprof/allocs")
    return status == 200 and len(body) > 500


def told_to_end(name, **settings):
    daemon = under.start_collector()
    child = under.start(under.program("truth/killed", os.path.join(
        under.TMP, name + ".counts")), name, **under.EXACT, **settings)
    under.attached(child.pid)
    under.poll("it has samples", lambda: samples(child.pid))
    daemon.terminate()
    under.expect_equal("status after SIGTERM", daemon.wait(30), 0)
    under.expect("the process goes on", child.poll() is None)
    folder = os.path.join(under.TMP, name)
    profile = pprof.Profile(pprof.find(folder, "alloc", pid=str(child.pid))[0])
    n = profile.total("alloc_objects", function="keep")
    under.expect(f"what it did is in the profile: {n}", n > 0)
    child.kill()
    child.wait()


told_to_end("ring")
told_to_end("socket", CPROF_TRANSPORT="socket")
