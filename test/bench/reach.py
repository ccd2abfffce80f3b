# SPDX-License-Identifier: Apache-2.0
"""What cprof is to reach, and whether it does: each bound beside the median of
this run."""
import collections

Reached = collections.namedtuple("Reached", "what bound measured verdict")

# (what, variant, measure) of a row, the bound, a factor to the bound's unit
# and the unit. ">" in front: at least so much.
DEFAULTS = [("malloc churn, 1 thread", 1.03), ("malloc churn, 4 threads", 1.03),
            ("C++ map of strings", 1.03), ("redis", 1.03), ("sqlite3", 1.03),
            ("python3", 1.03), ("gcc", 1.03), ("nginx", 1.03),
            ("realloc growth", 1.06), ("mutex, free", 1.10),
            ("thread create+join", 1.20)]
BOUNDS = [((what, "cprof", "wall ratio"), bound, 1, "x bare")
          for what, bound in DEFAULTS] + [
    (("thread create+join", "no-timers", "wall ratio"), 1.05, 1, "x bare"),
    (("malloc churn, 1 thread", "exact", "wall ratio"), 2.7, 1, "x bare"),
    (("exact heap, churn of 1 and 4 threads: samples lost", "cprof", "metric"),
     0, 1, ""),
    (("instructions: malloc+free, over an empty shim", "cprof", "metric"), 12,
     1, ""),
    (("instructions: lock+unlock, over an empty shim", "cprof", "metric"), 8, 1,
     ""),
    (("target: CPU sample at 10 frames, beyond an empty handler", "cprof",
      "metric"), 1, 1, "us"),
    (("target: CPU sample at 30 frames, beyond an empty handler", "cprof",
      "metric"), 1, 1, "us"),
    (("target: CPU sample at 60 frames, beyond an empty handler", "cprof",
      "metric"), 1, 1, "us"),
    (("start of true, 1", "cprof", "wall added"), 1.5, 1e3, "ms over bare"),
    (("start of true that starts the collector, over bare", "cprof", "metric"),
     5, 1, "ms"),
    (("collector: events/s on one core, 100 stacks of 30 frames", "cprof",
      "metric"), -3e6, 1, "1/s"),
    (("collector: memory of a live sample", "cprof", "metric"), 200, 1,
     "bytes"),
    (("collector: memory of another stack of 30 frames", "cprof", "metric"),
     2048, 1, "bytes"),
    (("snapshot of 100,000 stacks: until written, symbols cached", "cprof",
      "metric"), 1500, 1, "ms"),
    (("snapshot of 100,000 stacks: longest pause of reading", "cprof",
      "metric"), 5, 1, "ms"),
    (("snapshot of 100,000 stacks: CPU time of such a pause", "cprof",
      "metric"), 5, 1, "ms"),
    (("target: resident memory added with 100 threads", "cprof", "metric"), 4,
     1, "MiB"),
    (("target: the same once all rings were used", "cprof", "metric"), 4, 1,
     "MiB"),
]


def verdict_of(median, bound):
    """BOUND below 0: at least so much."""
    if bound < 0:
        return ("reached" if median >= -bound
                else f"{100 * (1 - median / -bound):.0f} % less")
    if median <= bound:
        return "reached"
    return f"{100 * (median / bound - 1):.0f} % more" if bound else "not"


def less_memory(by):
    """Exact mode takes less than heaptrack."""
    ours, other = (by.get(("malloc churn, 1 thread", v, "peak"))
                   for v in ("exact", "heaptrack"))
    if not ours or not other:
        return []
    return [Reached("malloc churn, 1 thread: exact, peak memory",
                    f"{other.median:.1f} MiB (heaptrack)",
                    f"{ours.median:.1f} MiB",
                    "reached" if ours.median < other.median else "not")]


def of(rows):
    by = {(r.what, r.variant, r.measure): r for r in rows}
    list_ = []
    for key, bound, factor, unit in BOUNDS:
        r = by.get(key)
        if not r:
            continue
        name = r.what if r.variant == "cprof" else f"{r.what}: {r.variant}"
        list_.append(Reached(
            name, f"{'at least ' if bound < 0 else ''}{abs(bound):.3g} {unit}",
            f"{r.median * factor:.3g} ({r.low * factor:.3g} - "
            f"{r.high * factor:.3g})", verdict_of(r.median * factor, bound)))
    return list_ + less_memory(by)
