#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
"""A program that changes its root and its user and can't be looked into any
more is profiled all the same, with names; and many programs at once are."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import pprof  # noqa: E402
import under  # noqa: E402

N_AT_ONCE = 24


def confined():
    if os.getuid() != 0:
        print("skipped: only root can change its root")
        return
    jail = os.path.join(under.TMP, "jail")
    os.makedirs(jail)
    for transport, keep in ("ring", []), ("socket", ["keep"]):
        r = under.Run(under.program("truth/confined", jail, *keep),
                      f"confined-{transport}", CPROF_CPU_HZ="1000",
                      CPROF_TRANSPORT=transport, **under.EXACT)
        under.expect_equal("status", r.status, 0)
        under.expect_equal("objects", r.profile("alloc").total(
            "alloc_objects", function="confined_work"), 1000)
        cpu_s = r.profile("cpu").total("cpu", function="confined_work") / 1e9
        under.expect_near("CPU seconds", cpu_s, 0.2, 0.05)


def many():
    children = [under.start(under.program("truth/heap_exact"), "many",
                            CPROF_EXIT_TIMEOUT="30s", **under.EXACT)
                for _ in range(N_AT_ONCE)]
    for child in children:
        _, err = child.communicate(timeout=60)
        under.expect_equal("status and noise", (child.returncode, err),
                           (0, b""))
    folder = os.path.join(under.TMP, "many")
    n_exact = 0
    for child in children:
        p = pprof.only(folder, "alloc", pid=str(child.pid))
        n = p.total("alloc_objects", leaf="by_malloc")
        n_exact += n == 2000
        # So many at once on a busy machine: what is lost is said.
        under.expect(f"objects of {child.pid}: {n}", n == 2000 or any(
            "lost: " in c and "ring_full" in c for c in p.comments))
    under.expect(f"{n_exact} of {N_AT_ONCE} lost nothing",
                 n_exact >= N_AT_ONCE / 2)


def one_after_the_other():
    """A shell that starts a hundred programs: none fails, none is noisy."""
    folder = os.path.join(under.TMP, "loop")
    env = under.environment(folder, {})
    done = subprocess.run(
        ["sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true || exit 1; "
         "i=$((i+1)); done; echo $i"], env=env, capture_output=True,
        timeout=60)
    under.expect_equal("a hundred programs", (done.returncode, done.stdout,
                                              done.stderr), (0, b"100\n", b""))


confined()
many()
one_after_the_other()
