# SPDX-License-Identifier: Apache-2.0
"""A program whose heap profile is known to the byte, for tests that ask
whether what somebody else does spoils it."""
import pprof
import under

FUNCTIONS = ("by_malloc", "by_realloc", "by_memalign", "by_calloc")
VALUES = (("alloc", "alloc_objects", "objects"),
          ("alloc", "alloc_space", "bytes"),
          ("inuse", "inuse_objects", "live_objects"),
          ("inuse", "inuse_space", "live_bytes"))
# Few enough to fit the smallest region, and what a larger one has at first,
# however late it is read: nothing is lost for want of room.
N_BLOCKS = 10


def differences(run):
    """What the profile says and the program doesn't."""
    profiles = {kind: run.profile(kind) for kind in ("alloc", "inuse")}
    found = []
    for name in FUNCTIONS:
        for kind, value, key in VALUES:
            got = profiles[kind].total(value, leaf=name)
            truth = int(run.values[f"{name}_{key}"])
            if got != truth:
                found.append(f"{name} {key} {got}, not {truth}")
    if found:
        found += profiles["alloc"].comments
    return found


def run(name, tries=1, **settings):
    """Runs it; fails when its profile isn't exact. With TRIES it may be that
    often that it got none, since it waits for a collector for 2 s only, which
    can be short on a machine that is much too busy."""
    settings = dict(under.EXACT, CPROF_EXIT_TIMEOUT="30s", **settings)
    for i in range(tries):
        done = under.Run(under.program("truth/heap_exact", N_BLOCKS), name,
                         **settings)
        if done.status:
            under.fail(f"{name}: the program's status is {done.status}")
        if i + 1 == tries or pprof.find(done.folder, pid=str(done.pid)):
            break
        print(f"{name}: not profiled, try {i + 1}")
    if found := differences(done):
        under.fail(f"{name}: {found}")
