# SPDX-License-Identifier: Apache-2.0
"""What the profiles of truth/killed must hold, by its own shared counter."""
import os
import re
import struct

import pprof
import under


def counts_path(name):
    path = os.path.join(under.TMP, name + ".counts")
    open(path, "wb").close()
    return path


def counts(path):
    """keep begun, keep done, drop begun, drop done."""
    with open(path, "rb") as f:
        return struct.unpack("4Q", f.read(32).ljust(32, b"\0"))


def rounds(path):
    """Of the slow form."""
    with open(path, "rb") as f:
        f.seek(32)
        return struct.unpack("Q", f.read(8).ljust(8, b"\0"))[0]


def n_lost(profile):
    """What found no room in the rings, because a busy machine let nobody read
    them, by the profile's own word."""
    return sum(map(int, re.findall(r"^lost: (?:ring_full|stripes_busy)=(\d+)",
                                   "\n".join(profile.comments), re.M)))


def check(name, path, pid):
    """The process PID is dead: every event it had counted is in its profiles
    or said to be lost, and none that it had not begun. True when there was
    any."""
    begun, done, drop_begun, drop_done = counts(path)
    folder = os.path.join(under.TMP, name)
    if not done:
        return False

    def find(kind):
        return pprof.find(folder, kind, comm="killed", pid=str(pid))

    under.poll(f"{name}: the profiles of {pid}",
               lambda: find("inuse") and find("alloc"), 30)
    inuse = pprof.Profile(find("inuse")[-1])
    alloc = pprof.Profile(find("alloc")[-1])
    for p, value, function, low, high in (
            (inuse, "inuse_objects", "keep", done, begun),
            (alloc, "alloc_objects", "keep", done, begun),
            (alloc, "alloc_objects", "drop", drop_done, drop_begun)):
        n = p.total(value, function=function)
        lost = n_lost(p)
        if not low <= n + lost or n > high:
            print("\n".join(p.comments), p.by_leaf(value))
        under.expect(f"{name}: {function} {value}: {low} <= {n} (and {lost} "
                     f"lost) <= {high}", low <= n + lost and n <= high)
    n = inuse.total("inuse_objects", function="drop")
    under.expect(f"{name}: drop {n} in use", n <= drop_begun - drop_done)
    return True
